//! Products of matrices: what goes there, and the text of the kernel that computes them where cuBLAS does not.

use super::{ELEMENTS, Recipe, c_type};
use crate::device::{Cuda, Key, MOST_QUEUED, Scratch, address, count};
use crate::launch::{Parameters, THREADS, blocks};
use crate::libraries::Library;
use crate::libraries::blas::{Numbers, Product};
use nbc_ir::Elem;
use nbc_ir::catalogue::{Precision, shape};
use nbc_ir::dims::Dims;
use nbc_runtime::device::{DeviceArg, DeviceCall, DeviceError};

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("linalg_matmul", Recipe::MatMul),
    ("linalg_matmul_as", Recipe::MatMulAs),
];

/// Rows and columns of a tile.
pub(crate) const TILE: u64 = 16;

/// Sizes of a product of stacks of matrices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sizes {
    pub(crate) m: u64,
    pub(crate) k: u64,
    pub(crate) n: u64,
    /// How many products.
    pub(crate) count: u64,
    /// Elements from a matrix of each factor to its next; 0 where there is one for all.
    pub(crate) steps: [u64; 2],
}

impl Sizes {
    /// Those of factors with such dims, if each is one matrix or has as many as there are products.
    pub(crate) fn new(a: &[u64], b: &[u64]) -> Option<Sizes> {
        let (a, b) = (Dims::new(a)?, Dims::new(b)?);
        let product = shape::matmul(&a, &b).ok()?;
        let (m, k, n) = (product.m, product.k, product.n);
        let count = product.lead.count()?;
        let step = |dims: &Dims, size: u64| {
            let all = dims.count()?;
            match all.checked_div(size)? {
                1 if count != 1 => Some(0),
                matrices => (matrices == count).then_some(size),
            }
        };
        let steps = [step(&a, m.checked_mul(k)?)?, step(&b, k.checked_mul(n)?)?];
        // Dims of 1 in front would be repeated otherwise than one after the other; a stack is whole or one.
        Some(Sizes { m, k, n, count, steps })
    }
}

/// The kernel `nbc_matmul`.
pub(crate) fn text(elem: Elem) -> String {
    format!("{ELEMENTS}#define NBC_T {}\n{}", c_type(elem), include_str!("matmul.cuh"))
}

/// The kernels `nbc_round`, to numbers of 32 bits, and `nbc_halve`, to 16 bits.
fn rounding() -> String {
    format!("{ELEMENTS}{}", include_str!("rounding.cuh"))
}

/// What the kernels call a precision.
fn number_of(precision: Precision) -> u64 {
    match precision {
        Precision::Tf32 => 0,
        Precision::Bf16 => 1,
        Precision::F16 => 2,
    }
}

/// The factors and their sizes.
fn factors<'c>(call: &DeviceCall<'c>) -> Result<([&'c DeviceArg<'c>; 2], Sizes), DeviceError> {
    let [a, b, ..] = call.args else { return Err(DeviceError("two factors".to_owned())) };
    let sizes = Sizes::new(a.dims(), b.dims()).ok_or_else(|| DeviceError("no kernel".to_owned()))?;
    Ok(([a, b], sizes))
}

impl Cuda {
    /// A product, or a stack of them.
    pub(crate) fn run_matmul(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let ([a, b], sizes) = factors(call)?;
        let ((a, _held_a), (b, _held_b)) = (self.sent(a)?, self.sent(b)?);
        let numbers = Numbers::Of(call.result.elem);
        let product = Product { numbers, sizes, to: address(call), factors: [a, b] };
        // SAFETY: sizes are those of the factors and the result.
        if unsafe { self.run_gemm(product, call.must_stop)? } {
            return Ok(());
        }
        self.multiply(call, &sizes, [a, b])
    }

    /// A product of factors that are rounded first: by cuBLAS, or by our own kernel.
    pub(crate) fn run_matmul_as(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let ([a, b], sizes) = factors(call)?;
        let Some(DeviceArg::Text(name)) = call.args.get(2) else {
            return Err(DeviceError("no precision".to_owned()));
        };
        let precision = Precision::parse(name).map_err(DeviceError)?;
        let ((from_a, _held_a), (from_b, _held_b)) = (self.sent(a)?, self.sent(b)?);
        let from = [(from_a, count(a.dims())), (from_b, count(b.dims()))];
        if self.has(Library::Blas) {
            let halves = precision != Precision::Tf32;
            let [a, b] = self.rounded(call, precision, halves, from)?;
            let numbers = Numbers::Rounded(precision);
            let product = Product { numbers, sizes, to: address(call), factors: [a.address, b.address] };
            // SAFETY: sizes are those of the factors and the result.
            if unsafe { self.run_gemm(product, call.must_stop)? } {
                return Ok(());
            }
        }
        let [a, b] = self.rounded(call, precision, false, from)?;
        self.multiply(call, &sizes, [a.address, b.address])
    }

    /// Rounds factors, into memory of their own: numbers of 32 bits or of 16.
    fn rounded(
        &self,
        call: &DeviceCall<'_>,
        precision: Precision,
        halves: bool,
        from: [(u64, u64); 2],
    ) -> Result<[Scratch<'_>; 2], DeviceError> {
        let key = Key { operation: call.operation.index(), elems: Vec::new(), layout: None };
        let code = self.kernel(key, &[c"nbc_round", c"nbc_halve"], rounding)?;
        let round = |(from, n): (u64, u64)| {
            let size = if halves { 2 } else { 4 };
            let to = self.scratch(usize::try_from(n.saturating_mul(size)).unwrap_or(usize::MAX))?;
            let mut parameters = Parameters::default();
            [to.address, from].into_iter().for_each(|at| parameters.address(at));
            parameters.numbers(&[n, number_of(precision)]);
            let function = code.functions[usize::from(halves)];
            // SAFETY: the factor has so many elements, and there is room for them.
            unsafe { self.launch(parameters, function, (blocks(n.div_ceil(THREADS)), 1, 1))? };
            self.pace(n.saturating_mul(4 + size), call.must_stop)?;
            Ok(to)
        };
        let [a, b] = from.map(round);
        Ok([a?, b?])
    }

    /// A product by our own kernel.
    fn multiply(&self, call: &DeviceCall<'_>, sizes: &Sizes, [a, b]: [u64; 2]) -> Result<(), DeviceError> {
        let elem = call.result.elem;
        if !matches!(elem, Elem::F32 | Elem::F64) {
            return Err(DeviceError("complex products are cuBLAS's".to_owned()));
        }
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_matmul"], || text(elem))?;
        let Sizes { m, k, n, count, steps } = *sizes;
        // Rows of tiles, as many in one launch as can be waited for.
        let of_tiles = (k * TILE).saturating_mul(n).saturating_mul(count);
        let at_once = (MOST_QUEUED / of_tiles.max(1)).clamp(1, 65_535);
        let mut row = 0;
        while row < m {
            let rows = (m - row).div_ceil(TILE).min(at_once);
            let mut parameters = Parameters::default();
            [address(call), a, b].into_iter().for_each(|at| parameters.address(at));
            parameters.numbers(&[m, k, n, count, steps[0], steps[1], row]);
            let grid = (blocks(n.div_ceil(TILE)), rows as u32, count.clamp(1, 65_535) as u32);
            // SAFETY: sizes are those of the factors and the result.
            unsafe { self.launch(parameters, code.functions[0], grid)? };
            self.pace(of_tiles.saturating_mul(rows), call.must_stop)?;
            row += rows * TILE;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Sizes;

    #[test]
    fn stacks_are_whole_or_one_matrix() {
        let sizes = Sizes::new(&[7, 2, 3], &[3, 4]).expect("a stack and a matrix");
        assert_eq!(sizes, Sizes { m: 2, k: 3, n: 4, count: 7, steps: [6, 0] });
        assert_eq!(Sizes::new(&[2, 3], &[3]).map(|s| (s.m, s.k, s.n, s.count)), Some((2, 3, 1, 1)));
        assert_eq!(Sizes::new(&[7, 1, 2, 3], &[1, 5, 3, 4]), None);
        assert_eq!(Sizes::new(&[2, 0], &[0, 4]), None);
    }
}
