//! Running sums and products along an axis, and differences of neighbours.
//!
//! A running sum adds one element after the other, so that its bits are those of a plain loop. A lane is one thread's,
//! and goes there only where there are many. A launch takes a stretch of all lanes, so that none takes long.

use super::movement::int;
use super::{ELEMENTS, Recipe, c_type};
use crate::device::{Cuda, Key, address, count};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_runtime::device::{DeviceCall, DeviceError};

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("tensor_cumsum_axis", Recipe::Running(Running::Sum)),
    ("tensor_cumprod_axis", Recipe::Running(Running::Product)),
    ("tensor_diff", Recipe::Difference),
];

/// What runs along an axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Running {
    Sum,
    Product,
}

/// Elements of a lane that one launch goes along: each waits for the one before it.
const STRETCH: u64 = 8192;
/// Lanes below which the processor is quicker.
const FEWEST_LANES: u64 = 32;

/// The kernels, of elements of that type.
fn text(elem: nbc_ir::Elem, combine: &str) -> String {
    let of = c_type(elem);
    format!(
        "{ELEMENTS}#define NBC_T {of}\n#define NBC_COMBINE(a, b) {combine}(a, b)\n{}",
        include_str!("scan.cuh")
    )
}

/// Whether there are lanes enough, whichever axis they go along.
pub(crate) fn takes_running(dims: &[u64]) -> bool {
    let longest = dims.iter().copied().max().unwrap_or(1);
    count(dims) / longest.max(1) >= FEWEST_LANES
}

/// The length of the axis in argument 1, and how far its elements lie apart.
fn axis(call: &DeviceCall<'_>) -> Result<(u64, u64), DeviceError> {
    let (dims, axis) = (call.args[0].dims(), int(call, 1)? as usize);
    let n = *dims.get(axis).ok_or_else(|| DeviceError("no such axis".to_owned()))?;
    Ok((n, count(&dims[axis + 1..])))
}

impl Cuda {
    /// Running sums or products.
    pub(crate) fn run_running(&self, which: Running, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let ((n, inner), elem) = (axis(call)?, call.result.elem);
        let all = count(call.result.dims);
        let lanes = all / n.max(1);
        let (from, _held) = self.sent(&call.args[0])?;
        let combine = if which == Running::Sum { "nbc_add" } else { "nbc_mul" };
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_running"], || text(elem, combine))?;
        for start in (0..n).step_by(STRETCH as usize) {
            let end = n.min(start + STRETCH);
            let mut parameters = Parameters::default();
            parameters.address(address(call));
            parameters.address(from);
            parameters.numbers(&[lanes, n, inner, start, end]);
            // SAFETY: lanes are those of the argument and of the result, which has its dims.
            unsafe { self.launch(parameters, code.functions[0], (blocks(lanes.div_ceil(THREADS)), 1, 1))? };
            self.pace((lanes * (end - start)).saturating_mul(2 * elem.size() as u64), call.must_stop)?;
        }
        Ok(())
    }

    /// Differences of neighbours along an axis.
    pub(crate) fn run_difference(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let ((n, inner), elem) = (axis(call)?, call.result.elem);
        let all = count(call.result.dims);
        let (from, _held) = self.sent(&call.args[0])?;
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_differences"], || text(elem, "nbc_add"))?;
        let mut parameters = Parameters::default();
        parameters.address(address(call));
        parameters.address(from);
        parameters.numbers(&[all, n, inner]);
        // SAFETY: the result has an element for each pair of neighbours.
        unsafe { self.launch(parameters, code.functions[0], (blocks(all.div_ceil(THREADS)), 1, 1))? };
        self.pace(all.saturating_mul(2 * elem.size() as u64), call.must_stop)
    }
}
