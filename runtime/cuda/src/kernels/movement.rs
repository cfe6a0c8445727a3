//! Elements in another order or number: transposed, sliced, rolled, turned round, padded, repeated, joined.
//!
//! Nothing is computed of elements, so a kernel is written for their size and for how many axes are left. There are two.
//! One goes by strides, which may be negative: an axis of length `d` with stride `s` has elements at `0, s, .., (d-1)s`.
//! The other asks of each axis where an index comes from. Axes that go together are one before a kernel is chosen.
//!
//! ```text
//! let turned = self.turned(from, elem, &[40, 50], &[1, 0])?;   // 50 rows of 40, in memory of the device
//! ```

use super::elementwise::Layout;
use super::{ELEMENTS, Recipe, c_type};
use crate::device::{Cuda, Key, Scratch, address, count, elem_of};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::Elem;
use nbc_ir::catalogue::Operation;
use nbc_runtime::device::{DeviceArg, DeviceCall, DeviceError};
use std::fmt::Write;

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("tensor_slice", Recipe::Move(Move::Slice)),
    ("tensor_slice_step", Recipe::Move(Move::SliceStep)),
    ("tensor_transpose", Recipe::Move(Move::Transpose)),
    ("tensor_flip", Recipe::Move(Move::Flip)),
    ("tensor_roll", Recipe::Move(Move::Roll)),
    ("tensor_pad", Recipe::Move(Move::Pad(Beyond::Given))),
    ("tensor_pad_edge", Recipe::Move(Move::Pad(Beyond::Edge))),
    ("tensor_pad_wrap", Recipe::Move(Move::Pad(Beyond::Wrap))),
    ("tensor_pad_reflect", Recipe::Move(Move::Pad(Beyond::Reflect))),
    ("tensor_pad_symmetric", Recipe::Move(Move::Pad(Beyond::Symmetric))),
    ("tensor_repeat", Recipe::Move(Move::Repeat)),
    ("tensor_tile", Recipe::Move(Move::Tile)),
    ("tensor_concat", Recipe::Join),
    ("tensor_concat_list", Recipe::Join),
    ("tensor_stack", Recipe::Join),
];

/// Most tensors that are joined there: each is a launch.
const MOST_JOINED: usize = 64;

/// How elements are moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Move {
    Slice,
    SliceStep,
    Transpose,
    Flip,
    Roll,
    Pad(Beyond),
    Repeat,
    Tile,
}

/// What lies beyond the elements of an axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beyond {
    Given,
    Edge,
    Wrap,
    Reflect,
    Symmetric,
}

/// An axis by stride.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Strided {
    dim: u64,
    stride: i64,
}

/// An axis of which an index of the result comes from somewhere: `kind` is one of movement.cuh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mapped {
    dim: u64,
    kind: u64,
    /// How many elements the source has along it.
    n: u64,
    by: u64,
    /// From one element of the source to its next along the axis.
    step: u64,
}

/// Indices that stay as they are.
const SAME: u64 = 0;
/// So many places on, and from the start again.
const ROLL: u64 = 1;
/// Each so many times.
const REPEAT: u64 = 2;
/// The elements from the other end on.
const WRAP: u64 = 5;

impl Beyond {
    fn kind(self) -> u64 {
        match self {
            Beyond::Given => 3,
            Beyond::Edge => 4,
            Beyond::Wrap => WRAP,
            Beyond::Reflect => 6,
            Beyond::Symmetric => 7,
        }
    }
}

/// Row-major steps of `dims`.
fn steps(dims: &[u64]) -> Vec<u64> {
    let mut steps = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        steps[axis - 1] = steps[axis] * dims[axis];
    }
    steps
}

/// Without axes of length 1, and with neighbours that are walked in one go as one.
fn merged_strides(axes: impl IntoIterator<Item = Strided>) -> Vec<Strided> {
    let mut merged: Vec<Strided> = Vec::new();
    for axis in axes.into_iter().filter(|axis| axis.dim != 1) {
        match merged.last_mut() {
            Some(last) if last.stride == axis.stride * axis.dim as i64 => {
                *last = Strided { dim: last.dim * axis.dim, stride: axis.stride };
            }
            _ => merged.push(axis),
        }
    }
    merged
}

/// The same of axes whose indices stay.
fn merged_maps(axes: impl IntoIterator<Item = Mapped>) -> Vec<Mapped> {
    let mut merged: Vec<Mapped> = Vec::new();
    for axis in axes.into_iter().filter(|axis| axis.kind != SAME || axis.dim != 1) {
        match merged.last_mut() {
            Some(last) if last.kind == SAME && axis.kind == SAME => {
                let dim = last.dim * axis.dim;
                *last = Mapped { dim, n: dim, ..axis };
            }
            _ => merged.push(axis),
        }
    }
    merged
}

/// The type that stands for elements of that size.
fn moved(elem: Elem) -> Elem {
    match elem.size() {
        1 => Elem::U8,
        4 => Elem::I32,
        8 => Elem::I64,
        _ => Elem::C128,
    }
}

/// The kernel `nbc_strided` of so many axes, which go through what is read, or through what is written.
fn strided_text(elem: Elem, rank: usize, writes: bool) -> String {
    let (mut params, mut walk) = (String::new(), String::new());
    (0..rank).for_each(|axis| params += &format!(", i64 d{axis}, i64 s{axis}"));
    for axis in (1..rank).rev() {
        walk += &format!("    at += left % d{axis} * s{axis};\n    left /= d{axis};\n");
    }
    if rank > 0 {
        walk += "    at += left * s0;\n";
    }
    let of = c_type(elem);
    let (to, from) = if writes { ("at", "i") } else { ("i", "at") };
    format!(
        "{ELEMENTS}extern \"C\" __global__ void __launch_bounds__(256) nbc_strided({of} *to, const {of} *from, i64 n{params}) {{\n  \
         for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) {{\n    \
         i64 left = i, at = 0;\n{walk}    to[{to}] = from[{from}];\n  }}\n}}\n"
    )
}

/// The kernel `nbc_mapped` of so many axes; what comes from no place is `*put`, or `value` where there is no such pointer.
fn mapped_text(elem: Elem, rank: usize) -> String {
    let (mut params, mut walk) = (String::new(), String::new());
    for axis in 0..rank {
        write!(params, ", i64 d{axis}, i64 k{axis}, i64 n{axis}, i64 b{axis}, i64 s{axis}")
            .expect("a string takes all");
    }
    for axis in (0..rank).rev() {
        walk += &format!(
            "    index = nbc_along(k{axis}, left % d{axis}, n{axis}, b{axis});\n    left /= d{axis};\n    \
             is_there &= index >= 0;\n    at += index * s{axis};\n"
        );
    }
    let of = c_type(elem);
    format!(
        "{}extern \"C\" __global__ void __launch_bounds__(256) nbc_mapped({of} *to, const {of} *from, const {of} *put, {of} value, i64 n{params}) {{\n  \
         for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) {{\n    \
         i64 left = i, at = 0, index;\n    bool is_there = true;\n{walk}    \
         to[i] = is_there ? from[at] : put ? *put : value;\n  }}\n}}\n",
        join_text(elem)
    )
}

/// The kernel `nbc_join`, and what [`mapped_text`] calls.
fn join_text(elem: Elem) -> String {
    format!("{ELEMENTS}#define NBC_T {}\n{}", c_type(elem), include_str!("movement.cuh"))
}

pub(super) fn wrong() -> DeviceError {
    DeviceError("arguments of another kind".to_owned())
}

/// The list in argument `at`.
fn ints<'a>(call: &DeviceCall<'a>, at: usize) -> Result<&'a [u64], DeviceError> {
    match call.args.get(at) {
        Some(DeviceArg::Ints(ints)) => Ok(ints),
        _ => Err(wrong()),
    }
}

/// The integer in argument `at`.
pub(super) fn int(call: &DeviceCall<'_>, at: usize) -> Result<u64, DeviceError> {
    match call.args.get(at) {
        Some(DeviceArg::Scalar(bits, _)) => Ok(*bits),
        _ => Err(wrong()),
    }
}

/// Where the box of `dims` starts, in elements, and its axes by strides.
fn by_strides(which: Move, call: &DeviceCall<'_>, dims: &[u64]) -> Result<(u64, Vec<Strided>), DeviceError> {
    let (result, steps) = (call.result.dims, steps(dims));
    let strided = |axis: usize, step: i64| Strided { dim: result[axis], stride: steps[axis] as i64 * step };
    let mut first = 0;
    let mut axes = Vec::with_capacity(dims.len());
    match which {
        Move::Transpose => {
            let order = ints(call, 1)?;
            for (at, dim) in result.iter().enumerate() {
                let from = order.get(at).map_or(dims.len() - 1 - at, |axis| *axis as usize);
                axes.push(Strided { dim: *dim, stride: *steps.get(from).ok_or_else(wrong)? as i64 });
            }
        }
        Move::Flip => {
            let turned = ints(call, 1)?;
            for axis in 0..dims.len() {
                if turned.is_empty() || turned.contains(&(axis as u64)) {
                    first += (dims[axis] - 1) * steps[axis];
                    axes.push(strided(axis, -1));
                } else {
                    axes.push(strided(axis, 1));
                }
            }
        }
        _ => {
            let from = ints(call, 1)?;
            let by = if which == Move::SliceStep { Some(ints(call, 3)?) } else { None };
            if from.len() != dims.len() || by.is_some_and(|by| by.len() != dims.len()) {
                return Err(wrong());
            }
            for axis in 0..dims.len() {
                first += from[axis] * steps[axis];
                // Where only one is taken the step does not matter, and may be huge.
                let step = by.filter(|_| result[axis] > 1).map_or(1, |by| by[axis] as i64);
                axes.push(strided(axis, step));
            }
        }
    }
    Ok((first, merged_strides(axes)))
}

/// Where indices come from along each axis.
fn by_maps(which: Move, call: &DeviceCall<'_>, dims: &[u64]) -> Result<Vec<Mapped>, DeviceError> {
    let (result, steps) = (call.result.dims, steps(dims));
    let mut axes: Vec<Mapped> = (0..dims.len())
        .map(|axis| Mapped { dim: result[axis], kind: SAME, n: dims[axis], by: 0, step: steps[axis] })
        .collect();
    match which {
        Move::Roll => {
            let (by, along) = (ints(call, 1)?, ints(call, 2)?);
            for (by, axis) in by.iter().zip(along) {
                let axis = axes.get_mut(*axis as usize).ok_or_else(wrong)?;
                let by = (*by as i64).rem_euclid(axis.n as i64) as u64;
                axis.by = (axis.by + by) % axis.n;
                axis.kind = if axis.by == 0 { SAME } else { ROLL };
            }
        }
        Move::Repeat => {
            let (times, axis) = (int(call, 1)?, int(call, 2)? as usize);
            let axis = axes.get_mut(axis).ok_or_else(wrong)?;
            (axis.kind, axis.by) = if times == 1 { (SAME, 0) } else { (REPEAT, times) };
        }
        Move::Tile => {
            for axis in axes.iter_mut().filter(|axis| axis.dim != axis.n) {
                axis.kind = WRAP;
            }
        }
        Move::Pad(beyond) => {
            let before = ints(call, 1)?;
            for (axis, before) in axes.iter_mut().zip(before) {
                if axis.dim != axis.n {
                    (axis.kind, axis.by) = (beyond.kind(), *before);
                }
            }
        }
        _ => return Err(wrong()),
    }
    Ok(merged_maps(axes))
}

/// The kernels of a transposition serve whoever needs one.
fn transposition() -> usize {
    Operation::find("tensor.transpose").expect("a row of the catalogue").index()
}

impl Cuda {
    /// Writes elements that lie by strides, or to where they lie so.
    fn strided(
        &self,
        (operation, writes): (usize, bool),
        (to, from): (u64, u64),
        elem: Elem,
        axes: &[Strided],
    ) -> Result<(), DeviceError> {
        let layout = Some(Layout { readings: Vec::new(), rank: axes.len() });
        let elem = moved(elem);
        let key = Key { operation, elems: vec![elem], layout };
        let code = self.kernel(key, &[c"nbc_strided"], || strided_text(elem, axes.len(), writes))?;
        let n: u64 = axes.iter().map(|axis| axis.dim).product();
        let mut parameters = Parameters::default();
        parameters.address(to);
        parameters.address(from);
        parameters.numbers(&[n]);
        axes.iter().for_each(|axis| parameters.numbers(&[axis.dim, axis.stride as u64]));
        // SAFETY: the axes lie in the elements that they go through, and the others are as many as they.
        unsafe { self.launch(parameters, code.functions[0], (blocks(n.div_ceil(THREADS)), 1, 1)) }
    }

    /// The elements of `dims` with its axes in another order, in memory of their own.
    pub(super) fn turned(
        &self,
        from: u64,
        elem: Elem,
        dims: &[u64],
        order: &[usize],
    ) -> Result<Scratch<'_>, DeviceError> {
        let to = self.scratch(count(dims) as usize * elem.size())?;
        let steps = steps(dims);
        let axes = order.iter().map(|axis| Strided { dim: dims[*axis], stride: steps[*axis] as i64 });
        self.strided((transposition(), false), (to.address, from), elem, &merged_strides(axes))?;
        Ok(to)
    }

    /// Moves elements of one tensor.
    pub(crate) fn run_move(&self, which: Move, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let source = &call.args[0];
        let (dims, elem) = (source.dims(), elem_of(source).ok_or_else(wrong)?);
        let n = count(call.result.dims);
        let (from, _held) = self.sent(source)?;
        let bytes = (2 * n).saturating_mul(elem.size() as u64);
        if matches!(which, Move::Slice | Move::SliceStep | Move::Transpose | Move::Flip) {
            let (first, axes) = by_strides(which, call, dims)?;
            let from = from + first * elem.size() as u64;
            self.strided((call.operation.index(), false), (address(call), from), elem, &axes)?;
            return self.pace(bytes, call.must_stop);
        }
        let axes = by_maps(which, call, dims)?;
        // What is put around, in memory or as a parameter.
        let (mut put, mut value, mut _held_put) = (0, vec![0; elem.size()], None);
        if which == Move::Pad(Beyond::Given) {
            match call.args.get(3).ok_or_else(wrong)? {
                DeviceArg::Scalar(bits, _) => value.copy_from_slice(&bits.to_le_bytes()[..elem.size()]),
                DeviceArg::Bytes { bytes, .. } => value.copy_from_slice(bytes),
                tensor => (put, _held_put) = self.sent(tensor)?,
            }
        }
        let layout = Some(Layout { readings: Vec::new(), rank: axes.len() });
        let as_moved = moved(elem);
        let key = Key { operation: call.operation.index(), elems: vec![as_moved], layout };
        let code = self.kernel(key, &[c"nbc_mapped"], || mapped_text(as_moved, axes.len()))?;
        let mut parameters = Parameters::default();
        [address(call), from, put].into_iter().for_each(|at| parameters.address(at));
        parameters.element(&value);
        parameters.numbers(&[n]);
        axes.iter().for_each(|a| parameters.numbers(&[a.dim, a.kind, a.n, a.by, a.step]));
        // SAFETY: each index comes from one of the source, or from none and is not read.
        unsafe { self.launch(parameters, code.functions[0], (blocks(n.div_ceil(THREADS)), 1, 1))? };
        self.pace(bytes, call.must_stop)
    }

    /// Writes a tensor into another, from a corner on: one launch, which is the last thing that can fail.
    pub(super) fn run_assign(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (dims, corner, source) = (call.result.dims, ints(call, 1)?, call.args.get(2).ok_or_else(wrong)?);
        let (size, steps, elem) = (source.dims(), steps(dims), call.result.elem);
        if corner.len() != dims.len() || size.len() != dims.len() {
            return Err(wrong());
        }
        let first: u64 = corner.iter().zip(&steps).map(|(at, step)| at * step).sum();
        let each = size.iter().zip(&steps);
        let axes = merged_strides(each.map(|(dim, step)| Strided { dim: *dim, stride: *step as i64 }));
        let (from, _held) = self.apart(source, call)?;
        let to = address(call) + first * elem.size() as u64;
        self.strided((call.operation.index(), true), (to, from), elem, &axes)?;
        let _ = self.pace((2 * count(size)).saturating_mul(elem.size() as u64), call.must_stop);
        Ok(())
    }

    /// Joins tensors: two, or those of a list.
    pub(crate) fn run_join(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (tensors, axis) = match call.args {
            [DeviceArg::List(items), DeviceArg::Scalar(axis, _)] => (*items, *axis as usize),
            [tensors @ .., DeviceArg::Scalar(axis, _)] => (tensors, *axis as usize),
            _ => return Err(wrong()),
        };
        let elem = moved(call.result.elem);
        let inner = count(call.result.dims.get(axis..).ok_or_else(wrong)?);
        let rows = count(call.result.dims) / inner.max(1);
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_join"], || join_text(elem))?;
        let mut first = 0;
        for tensor in tensors {
            let n = count(tensor.dims());
            let (from, _held) = self.sent(tensor)?;
            let part = n / rows.max(1);
            let mut parameters = Parameters::default();
            parameters.address(address(call));
            parameters.address(from);
            parameters.numbers(&[n, part, inner, first]);
            // SAFETY: the parts of all tensors make up a row of the result, and it has as many rows as each of them.
            unsafe { self.launch(parameters, code.functions[0], (blocks(n.div_ceil(THREADS)), 1, 1))? };
            first += part;
        }
        self.pace((2 * rows * inner).saturating_mul(elem.size() as u64), call.must_stop)
    }
}

/// Whether so many tensors are joined there.
pub(crate) fn takes_join(args: &[&[u64]]) -> bool {
    args.len() <= MOST_JOINED + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_that_are_walked_in_one_go_are_one() {
        let strided = |dim, stride| Strided { dim, stride };
        let of = |axes: &[Strided]| merged_strides(axes.iter().copied());
        assert_eq!(of(&[strided(3, 20), strided(4, 5), strided(5, 1)]), [strided(60, 1)]);
        assert_eq!(of(&[strided(3, -20), strided(4, -5), strided(1, 7), strided(5, -1)]), [strided(60, -1)]);
        assert_eq!(of(&[strided(5, 1), strided(4, 5)]), [strided(5, 1), strided(4, 5)]);
        let same = |dim, step| Mapped { dim, kind: SAME, n: dim, by: 0, step };
        let roll = Mapped { dim: 7, kind: ROLL, n: 7, by: 3, step: 20 };
        let all = [same(2, 140), roll, same(4, 5), same(1, 5), same(5, 1)];
        assert_eq!(merged_maps(all), [same(2, 140), roll, same(20, 1)]);
    }
}
