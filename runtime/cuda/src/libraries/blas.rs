//! Products of matrices by cuBLAS.
//!
//! cuBLAS has matrices by columns, NBC by rows: so the product of the transposes is asked for, which lie there already.
//! Factors and sums are in the elements' own precision: what cuBLAS may do with fewer bits is asked for only where the program
//! names the precision. Factors have been rounded then, and are numbers of 16 bits, or such as TF32 has. Sums are of `f32`.
//!
//! Long products are cut into pieces, between which the clock is looked at. Pieces follow from sizes alone, for bits may
//! depend on them.

use super::Library;
use crate::device::{Cuda, locked};
use crate::kernels::matmul::Sizes;
use cudarc::cublas::sys::{self, cublasComputeType_t as Compute, cudaDataType_t as Data};
use nbc_ir::Elem;
use nbc_ir::catalogue::Precision;
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

/// What is multiplied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Numbers {
    /// Elements, as they are.
    Of(Elem),
    /// Numbers of `f32` that have been rounded: of TF32 they have 32 bits still, of others 16.
    Rounded(Precision),
}

/// How cuBLAS is asked for a product.
struct Ask {
    /// What it calls the factors, and how many bytes a number has.
    factors: (Data, u64),
    /// The same of the result.
    result: (Data, u64),
    compute: Compute,
    /// How many multiplications of real numbers one of theirs is.
    weight: u64,
    /// How many of those go into a piece.
    piece: u64,
}

impl Ask {
    /// What for; nothing where it has no such products.
    fn of(numbers: Numbers) -> Option<Ask> {
        let single = (Data::CUDA_R_32F, 4);
        let plain = |data: Data, bytes, compute, weight, piece| Ask {
            factors: (data, bytes),
            result: (data, bytes),
            compute,
            weight,
            piece,
        };
        let halves = |data: Data| Ask {
            factors: (data, 2),
            ..plain(single.0, single.1, Compute::CUBLAS_COMPUTE_32F, 1, PIECE)
        };
        Some(match numbers {
            Numbers::Of(Elem::F32) => plain(single.0, 4, Compute::CUBLAS_COMPUTE_32F, 1, PIECE),
            Numbers::Of(Elem::F64) => {
                plain(Data::CUDA_R_64F, 8, Compute::CUBLAS_COMPUTE_64F, 1, PIECE_OF_DOUBLES)
            }
            Numbers::Of(Elem::C64) => plain(Data::CUDA_C_32F, 8, Compute::CUBLAS_COMPUTE_32F, 4, PIECE),
            Numbers::Of(Elem::C128) => {
                plain(Data::CUDA_C_64F, 16, Compute::CUBLAS_COMPUTE_64F, 4, PIECE_OF_DOUBLES)
            }
            Numbers::Of(Elem::Bool | Elem::U8 | Elem::I32 | Elem::I64) => return None,
            Numbers::Rounded(Precision::Tf32) => {
                plain(single.0, 4, Compute::CUBLAS_COMPUTE_32F_FAST_TF32, 1, PIECE)
            }
            Numbers::Rounded(Precision::Bf16) => halves(Data::CUDA_R_16BF),
            Numbers::Rounded(Precision::F16) => halves(Data::CUDA_R_16F),
        })
    }
}

/// A product that is asked for: its numbers, its sizes, and where result and factors are.
#[derive(Clone, Copy)]
pub(crate) struct Product {
    pub(crate) numbers: Numbers,
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
        let Some(ask) = Ask::of(product.numbers).filter(|_| self.has(Library::Blas)) else {
            return Ok(false);
        };
        let Ask { factors: (data, size), result: (result, result_size), compute, weight, piece: most } = ask;
        let mut sizes = product.sizes;
        // Many matrices times one are one with as many rows.
        if let (true, Some(m)) = (sizes.steps[1] == 0, sizes.m.checked_mul(sizes.count)) {
            sizes = Sizes { m, count: 1, ..sizes };
        }
        for (matrices, rows) in pieces(&sizes, weight, most) {
            let Sizes { k, n, steps, .. } = sizes;
            let (m, count) = (rows.end - rows.start, matrices.end - matrices.start);
            let left = product.factors[0] + (matrices.start * steps[0] + rows.start * k) * size;
            let right = product.factors[1] + matrices.start * steps[1] * size;
            let to = product.to + (matrices.start * sizes.m + rows.start) * n * result_size;
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
                        result,
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
