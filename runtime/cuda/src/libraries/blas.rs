//! Products of matrices by cuBLAS.
//!
//! cuBLAS has matrices by columns, NBC by rows: so the product of the transposes is asked for, which lie there already.
//! Factors and sums are in the elements' own precision: what cuBLAS may do with fewer bits is not asked for.
//!
//! Long products are cut into pieces, between which the clock is looked at. Pieces follow from sizes alone, for bits may
//! depend on them.

use super::Library;
use crate::device::{Cuda, locked};
use crate::kernels::matmul::Sizes;
use cudarc::cublas::sys::{self, cublasComputeType_t as Compute, cudaDataType_t as Data};
use nbc_ir::Elem;
use nbc_runtime::device::DeviceError;
use std::ffi::c_void;

/// What is called.
pub(super) const FUNCTIONS: &[&str] =
    &["cublasCreate_v2", "cublasDestroy_v2", "cublasSetStream_v2", "cublasGemmStridedBatchedEx_64"];

/// Multiplications of real numbers in one call: some milliseconds of a GPU for computing. Doubles take many times longer
/// where GPUs are made for pictures.
const PIECE: u64 = 1 << 36;
const PIECE_OF_DOUBLES: u64 = 1 << 34;
/// Rows of pieces are multiples of this: cuBLAS has tiles of powers of two.
const ROWS: u64 = 256;

/// A handle of cuBLAS.
pub(crate) struct Blas(sys::cublasHandle_t);

// SAFETY: a handle may be used on every thread, by one at a time: it lies behind a lock.
unsafe impl Send for Blas {}

impl Blas {
    /// Gives it back. The context is current.
    pub(crate) fn destroy(self) {
        // SAFETY: it was made and is used no more.
        let _ = unsafe { sys::cublasDestroy_v2(self.0) };
    }
}

/// How cuBLAS calls elements, and what it is to compute with. Then how many multiplications of real numbers one of
/// theirs is, and how many go into a piece.
fn kind(elem: Elem) -> Option<(Data, Compute, u64, u64)> {
    Some(match elem {
        Elem::F32 => (Data::CUDA_R_32F, Compute::CUBLAS_COMPUTE_32F, 1, PIECE),
        Elem::F64 => (Data::CUDA_R_64F, Compute::CUBLAS_COMPUTE_64F, 1, PIECE_OF_DOUBLES),
        Elem::C64 => (Data::CUDA_C_32F, Compute::CUBLAS_COMPUTE_32F, 4, PIECE),
        Elem::C128 => (Data::CUDA_C_64F, Compute::CUBLAS_COMPUTE_64F, 4, PIECE_OF_DOUBLES),
        _ => return None,
    })
}

/// A product that is asked for: its elements, its sizes, and where result and factors are.
#[derive(Clone, Copy)]
pub(crate) struct Product {
    pub(crate) elem: Elem,
    pub(crate) sizes: Sizes,
    pub(crate) to: u64,
    pub(crate) factors: [u64; 2],
}

/// Part of a product: matrices and rows of the left factor, from the first to behind the last.
type Piece = (std::ops::Range<u64>, std::ops::Range<u64>);

/// The pieces of a product, each of at most `most` multiplications if a row has not more.
fn pieces(sizes: &Sizes, weight: u64, most: u64) -> Vec<Piece> {
    let row = sizes.k.max(1).saturating_mul(sizes.n).saturating_mul(weight).max(1);
    let rows = match most / row {
        rows if rows >= sizes.m => sizes.m,
        rows if rows > ROWS => rows / ROWS * ROWS,
        rows => rows.max(1),
    };
    let at_once = if rows < sizes.m { 1 } else { (most / row.saturating_mul(rows).max(1)).max(1) };
    let mut all = Vec::new();
    for first in (0..sizes.count).step_by(at_once.min(sizes.count.max(1)) as usize) {
        for row in (0..sizes.m).step_by(rows.max(1) as usize) {
            all.push((first..(first + at_once).min(sizes.count), row..(row + rows).min(sizes.m)));
        }
    }
    all
}

impl Cuda {
    /// Computes a product by cuBLAS. Whether it did: it may not be there, or may have failed.
    ///
    /// # Safety
    /// The result has room for the product, and factors have the elements that sizes say.
    pub(crate) unsafe fn run_gemm(
        &self,
        product: Product,
        must_stop: &dyn Fn() -> bool,
    ) -> Result<bool, DeviceError> {
        let Some((data, compute, weight, most)) = kind(product.elem).filter(|_| self.has(Library::Blas))
        else {
            return Ok(false);
        };
        let mut sizes = product.sizes;
        // Many matrices times one are one with as many rows.
        if let (true, Some(m)) = (sizes.steps[1] == 0, sizes.m.checked_mul(sizes.count)) {
            sizes = Sizes { m, count: 1, ..sizes };
        }
        let size = product.elem.size() as u64;
        for (matrices, rows) in pieces(&sizes, weight, most) {
            let Sizes { k, n, steps, .. } = sizes;
            let (m, count) = (rows.end - rows.start, matrices.end - matrices.start);
            let left = product.factors[0] + (matrices.start * steps[0] + rows.start * k) * size;
            let right = product.factors[1] + matrices.start * steps[1] * size;
            let to = product.to + (matrices.start * sizes.m + rows.start) * n * size;
            // Of both kinds of complex numbers, and of both kinds of others, the parts that are not looked at do not matter.
            let (one, zero) = match compute {
                Compute::CUBLAS_COMPUTE_64F => ([1f64.to_bits(), 0], [0u64; 2]),
                _ => ([u64::from(1f32.to_bits()), 0], [0u64; 2]),
            };
            let done = self.with_blas(|blas| {
                let plain = sys::cublasOperation_t::CUBLAS_OP_N;
                let algorithm = sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT;
                let at = |address: u64| address as *const c_void;
                let by = |step: u64| step as i64;
                let (m, n, k) = (m as i64, n as i64, k as i64);
                // SAFETY: upheld by the caller: matrices lie in factors and result, (m, k) by (k, n) by rows.
                unsafe {
                    sys::cublasGemmStridedBatchedEx_64(
                        blas.0,
                        plain,
                        plain,
                        n,
                        m,
                        k,
                        one.as_ptr().cast(),
                        at(right),
                        data,
                        n,
                        by(steps[1]),
                        at(left),
                        data,
                        k,
                        by(steps[0]),
                        zero.as_ptr().cast(),
                        to as *mut c_void,
                        data,
                        n,
                        by(sizes.m * sizes.n),
                        count as i64,
                        compute,
                        algorithm,
                    )
                }
                .result()
            });
            if done.is_err() {
                // Our own kernel may do with less memory.
                return Ok(false);
            }
            let work = m.saturating_mul(k).saturating_mul(n).saturating_mul(count).saturating_mul(weight);
            self.pace(work, must_stop)?;
        }
        Ok(true)
    }

    /// Asks cuBLAS for something, on the device's stream.
    fn with_blas(
        &self,
        ask: impl FnOnce(&Blas) -> Result<(), cudarc::cublas::result::CublasError>,
    ) -> Result<(), DeviceError> {
        let mut blas = locked(&self.blas);
        if blas.is_none() {
            let mut handle = std::ptr::null_mut();
            // SAFETY: the context is current; the handle is given back with the device, or here.
            unsafe {
                self.library_said("cublasCreate", sys::cublasCreate_v2(&mut handle).result())?;
                let stream = sys::cublasSetStream_v2(handle, self.stream.cast()).result();
                if let Err(failed) = self.library_said("cublasSetStream", stream) {
                    Blas(handle).destroy();
                    return Err(failed);
                }
            }
            *blas = Some(Blas(handle));
        }
        let blas = blas.as_ref().expect("it was made above");
        self.library_said("cublasGemmStridedBatchedEx", ask(blas))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_all_of_a_product_and_none_is_too_long() {
        let of = |m, k, n, count| Sizes { m, k, n, count, steps: [m * k, k * n] };
        for (sizes, most) in [
            (of(1, 1, 1, 1), 1),
            (of(5000, 10, 10, 1), 100_000),
            (of(7, 3, 5, 11), 200),
            (of(7, 3, 5, 11), 40),
            (of(7, 3, 5, 11), 1),
            (of(300, 1000, 1000, 2), 1 << 26),
        ] {
            let all = pieces(&sizes, 1, most);
            let row = sizes.k * sizes.n;
            let mut done = 0;
            for (matrices, rows) in &all {
                let (m, count) = (rows.end - rows.start, matrices.end - matrices.start);
                assert!(m * count * row <= most.max(row), "{sizes:?} {matrices:?} {rows:?}");
                assert!(count == 1 || m == sizes.m, "many matrices are whole");
                done += m * count;
            }
            assert_eq!(done, sizes.m * sizes.count, "{sizes:?}");
        }
        assert_eq!(pieces(&of(4096, 4096, 4096, 1), 1, 1 << 34).len(), 4);
    }
}
