//! Elements by their indices: flat ones, along an axis, or each by an index of its own.
//!
//! Invariant: indices lie within. The runtime has looked at them, as a call of a device cannot trap.

use super::movement::int;
use super::{ELEMENTS, Recipe, c_type};
use crate::device::{Cuda, Key, address, count};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_runtime::device::{DeviceCall, DeviceError};

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("tensor_take", Recipe::Take(Take::Flat)),
    ("tensor_take_axis", Recipe::Take(Take::Axis)),
    ("tensor_take_along", Recipe::Take(Take::Along)),
];

/// What indices count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Take {
    /// All elements.
    Flat,
    /// What lies along an axis.
    Axis,
    /// Elements along an axis, an index for each.
    Along,
}

impl Cuda {
    /// Takes elements by their indices.
    pub(crate) fn run_take(&self, which: Take, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (dims, indices) = (call.args[0].dims(), call.args[1].dims());
        let (n, m, inner) = match which {
            Take::Flat => (count(dims), count(indices), 1),
            _ => {
                let axis = int(call, 2)? as usize;
                let n = *dims.get(axis).ok_or_else(|| DeviceError("no such axis".to_owned()))?;
                let m = if which == Take::Along { indices[axis] } else { count(indices) };
                (n, m, count(&dims[axis + 1..]))
            }
        };
        let elem = call.result.elem;
        let ((from, _held), (at, _held_at)) = (self.sent(&call.args[0])?, self.sent(&call.args[1])?);
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let made = || format!("{ELEMENTS}#define NBC_T {}\n{}", c_type(elem), include_str!("gather.cuh"));
        let code = self.kernel(key, &[c"nbc_take"], made)?;
        let all = count(call.result.dims);
        let mut parameters = Parameters::default();
        [address(call), from, at].into_iter().for_each(|at| parameters.address(at));
        parameters.numbers(&[all, n, m, inner, (which == Take::Along) as u64]);
        // SAFETY: sizes are those of the arguments and the result, and indices lie within.
        unsafe { self.launch(parameters, code.functions[0], (blocks(all.div_ceil(THREADS)), 1, 1))? };
        self.pace(all.saturating_mul(2 * elem.size() as u64 + 8), call.must_stop)
    }
}
