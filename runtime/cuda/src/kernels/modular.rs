//! Arithmetic modulo numbers of 64 bits: inverses of elements, and products of matrices. What is computed of the
//! elements of each place goes by `elementwise.rs`.

use super::elementwise::MODULAR;
use super::matmul::{Sizes, TILE};
use super::{ELEMENTS, Recipe};
use crate::device::{Cuda, Key, MOST_QUEUED, address, count};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_runtime::device::{DeviceArg, DeviceCall, DeviceError};

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("modular_reduce", Recipe::Modular("reduce")),
    ("modular_add", Recipe::Modular("add")),
    ("modular_sub", Recipe::Modular("sub")),
    ("modular_mul", Recipe::Modular("mul")),
    ("modular_pow", Recipe::Modular("pow")),
    ("modular_inverse", Recipe::ModularInverse),
    ("modular_matmul", Recipe::ModularMatMul),
];

/// How much longer an inverse takes than an element takes to be moved, and a sum of products than one of floats.
const INVERSE: u64 = 1 << 12;
const PRODUCT: u64 = 8;

/// What kernels are told of a modulus besides it: shifted up, its reciprocal, and the shift (`modular.cuh`).
pub(crate) fn told(modulus: u64) -> [u64; 3] {
    let shift = modulus.leading_zeros() & 63;
    let divisor = (modulus << shift).max(1);
    let reciprocal = (u128::from(!divisor) << 64 | u128::from(u64::MAX)) / u128::from(divisor);
    [divisor, reciprocal as u64, u64::from(shift)]
}

/// The modulus, which is the last argument.
pub(crate) fn modulus(call: &DeviceCall<'_>) -> Result<u64, DeviceError> {
    match call.args.last() {
        Some(DeviceArg::Scalar(modulus @ 1.., _)) => Ok(*modulus),
        _ => Err(DeviceError("no modulus above 0".to_owned())),
    }
}

fn text(kernel: &str) -> String {
    format!("{ELEMENTS}{MODULAR}{kernel}")
}

impl Cuda {
    /// Inverses. Where an element has none, the processor is to say which.
    pub(crate) fn run_inverses(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let modulus = modulus(call)?;
        let (from, _held) = self.sent(&call.args[0])?;
        let key = Key { operation: call.operation.index(), elems: Vec::new(), layout: None };
        let code = self.kernel(key, &[c"nbc_inverses"], || text(include_str!("inverse.cuh")))?;
        let flag = self.scratch(8)?;
        self.zero(flag.address, 8)?;
        let n = count(call.result.dims);
        // So many in a launch as can be waited for.
        let at_once = MOST_QUEUED / INVERSE;
        for first in (0..n).step_by(at_once as usize) {
            let n = at_once.min(n - first);
            let mut parameters = Parameters::default();
            parameters.address(address(call) + 8 * first);
            parameters.address(from + 8 * first);
            parameters.address(flag.address);
            parameters.numbers(&[n, modulus]);
            parameters.numbers(&told(modulus));
            // SAFETY: it reads and writes so many elements, and the flag.
            unsafe { self.launch(parameters, code.functions[0], (blocks(n.div_ceil(THREADS)), 1, 1))? };
            self.pace(n * INVERSE, call.must_stop)?;
        }
        let mut is_without = [0; 8];
        self.read(flag.address, &mut is_without)?;
        if is_without == [0; 8] { Ok(()) } else { Err(DeviceError("an element has no inverse".to_owned())) }
    }

    /// A product of matrices, or a stack of them.
    pub(crate) fn run_modular_matmul(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let modulus = modulus(call)?;
        let [a, b, _] = call.args else { return Err(DeviceError("two factors".to_owned())) };
        let sizes = Sizes::new(a.dims(), b.dims()).ok_or_else(|| DeviceError("no kernel".to_owned()))?;
        let ((a, _held_a), (b, _held_b)) = (self.sent(a)?, self.sent(b)?);
        let key = Key { operation: call.operation.index(), elems: Vec::new(), layout: None };
        let code = self.kernel(key, &[c"nbc_matmul"], || text(include_str!("modular_matmul.cuh")))?;
        let Sizes { m, k, n, count, steps } = sizes;
        let of_tiles = (k * TILE).saturating_mul(n).saturating_mul(count).saturating_mul(PRODUCT);
        let at_once = (MOST_QUEUED / of_tiles.max(1)).clamp(1, 65_535);
        let mut row = 0;
        while row < m {
            let rows = (m - row).div_ceil(TILE).min(at_once);
            let mut parameters = Parameters::default();
            [address(call), a, b].into_iter().for_each(|at| parameters.address(at));
            parameters.numbers(&[m, k, n, count, steps[0], steps[1], row, modulus]);
            parameters.numbers(&told(modulus));
            let grid = (blocks(n.div_ceil(TILE)), rows as u32, count.clamp(1, 65_535) as u32);
            // SAFETY: sizes are those of the factors and the result.
            unsafe { self.launch(parameters, code.functions[0], grid)? };
            self.pace(of_tiles.saturating_mul(rows), call.must_stop)?;
            row += rows * TILE;
        }
        Ok(())
    }
}
