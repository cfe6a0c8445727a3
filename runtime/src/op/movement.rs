//! Movement of elements, without computing: views, copies, slices, transposes.
//!
//! Invariant: a view stays within the elements of its tensor, and a copy keeps
//! every bit.

use super::gather::overlap;
use super::work::{copy, fill};
use super::{OpCall, OpHost, Output, shape_mismatch};
use crate::object::Element;
use crate::object::element::with_elem;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::dims::{Dims, MAX_RANK};
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

/// About a millisecond of copying.
const ELEMENTS_BETWEEN_POLLS: u64 = 1 << 20;
/// Side of the square tiles that a transpose goes by.
const TILE: usize = 16;

pub(super) fn tensor_copy(call: &mut OpCall<'_>) -> Done {
    with_elem!(any call.elem(0), T => {
        let from = call.input::<T>(0);
        let out: Output<'_, T> = call.output(&call.tensor(0).dims())?;
        fill(call.host, &mut *out.elements, 1, |start, piece| {
            write_slice(piece, &from[start..start + piece.len()]);
        })?;
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Copies `from` into `to`, of the same length.
#[inline(always)]
fn write_slice<T: Copy>(to: &mut [MaybeUninit<T>], from: &[T]) {
    to.write_copy_of_slice(from);
}

pub(super) fn tensor_reshape(call: &mut OpCall<'_>) -> Done {
    let (given, old, len) = (call.ints(1), call.tensor(0).dims(), call.tensor(0).len() as u64);
    let invalid = |what: &str| TrapError::new(TrapCode::InvalidArgument, what);
    let mut dims = Dims::new(given).ok_or_else(|| invalid("a tensor has at most 8 dims"))?;
    let open = given.iter().position(|d| *d as i64 == -1);
    if let Some(open) = open {
        dims[open] = 1;
        let rest = if dims.iter().any(|d| *d as i64 <= -1) { None } else { dims.count() };
        match rest {
            Some(rest) if rest > 0 && len.is_multiple_of(rest) => dims[open] = len / rest,
            _ => return Err(cannot_reshape(&old, given)),
        }
    }
    if dims.iter().any(|d| (*d as i64) < 0) || dims.count() != Some(len) {
        return Err(cannot_reshape(&old, given));
    }
    call.finish_view(0, 0, &dims)
}

#[cold]
fn cannot_reshape(old: &[u64], given: &[u64]) -> TrapError {
    let given: Vec<i64> = given.iter().map(|d| *d as i64).collect();
    TrapError::new(TrapCode::ShapeMismatch, format!("cannot reshape {old:?} into {given:?}"))
}

/// The dims of argument 0, which must have an axis 0.
fn dims_with_axis(call: &OpCall<'_>) -> Result<Dims, TrapError> {
    let dims = call.tensor(0).dims();
    if dims.is_empty() {
        return Err(TrapError::new(TrapCode::RankMismatch, "a tensor without dims has no rows"));
    }
    Ok(dims)
}

pub(super) fn tensor_slice0(call: &mut OpCall<'_>) -> Done {
    let mut dims = dims_with_axis(call)?;
    let (from, to) = (call.args[1], call.args[2]);
    // A negative index is a huge one here.
    if from > to || to > dims[0] {
        return Err(TrapError::new(
            TrapCode::IndexOutOfRange,
            format!("rows {} to {} of {}", from as i64, to as i64, dims[0]),
        ));
    }
    let row = size(&dims[1..]);
    dims[0] = to - from;
    call.finish_view(0, from * row, &dims)
}

pub(super) fn tensor_row(call: &mut OpCall<'_>) -> Done {
    let dims = dims_with_axis(call)?;
    let at = call.args[1];
    if at >= dims[0] {
        return Err(TrapError::new(TrapCode::IndexOutOfRange, format!("row {} of {}", at as i64, dims[0])));
    }
    let dims = dims.without(0);
    let row = size(&dims);
    call.finish_view(0, at * row, &dims)
}

/// The product of some of a tensor's dims, which may be more than there is where another is 0.
fn size(dims: &[u64]) -> u64 {
    dims.iter().fold(1, |n, d| n.saturating_mul(*d))
}

/// Row-major strides of `dims`.
fn strides(dims: &[u64]) -> [usize; MAX_RANK] {
    let mut strides = [0; MAX_RANK];
    let mut size = 1usize;
    for axis in (0..dims.len()).rev() {
        strides[axis] = size;
        size = size.saturating_mul(dims[axis] as usize);
    }
    strides
}

fn rank_mismatch(want: usize, found: usize) -> TrapError {
    TrapError::new(TrapCode::RankMismatch, format!("{want} indices wanted, found {found}"))
}

/// Calls `run(offset in the box, offset in the whole)` for the start of each
/// run along the last axis of a box. The box has dims `size`, in a whole of
/// dims `whole`.
fn rows_of_box(
    host: &mut dyn OpHost,
    size: &[u64],
    whole: &[u64],
    corner: &[u64],
    mut run: impl FnMut(&mut dyn OpHost, usize, usize) -> Done,
) -> Done {
    let strides = strides(whole);
    let mut at: usize = corner.iter().zip(strides).map(|(c, s)| *c as usize * s).sum();
    let Some((&inner, outer)) = size.split_last() else {
        return run(host, 0, at);
    };
    let rows: u64 = outer.iter().product();
    let mut counters = [0u64; MAX_RANK];
    let between_polls = (ELEMENTS_BETWEEN_POLLS / (inner + 8)).max(1);
    for row in 0..rows {
        if row % between_polls == between_polls - 1 {
            host.poll()?;
        }
        run(host, (row * inner) as usize, at)?;
        for axis in (0..outer.len()).rev() {
            counters[axis] += 1;
            at += strides[axis];
            if counters[axis] < outer[axis] {
                break;
            }
            counters[axis] = 0;
            at -= strides[axis] * outer[axis] as usize;
        }
    }
    Ok(())
}

/// The dims of the box that `tensor.slice` copies.
pub(super) fn box_dims(call: &OpCall<'_>) -> Result<Dims, TrapError> {
    let dims = call.tensor(0).dims();
    let (from, to) = (call.ints(1), call.ints(1 + call.list_len));
    if from.len() != dims.len() {
        return Err(rank_mismatch(dims.len(), from.len()));
    }
    let mut size = dims;
    for axis in 0..dims.len() {
        if from[axis] > to[axis] || to[axis] > dims[axis] {
            return Err(TrapError::new(
                TrapCode::IndexOutOfRange,
                format!("{} to {} of {} along axis {axis}", from[axis] as i64, to[axis] as i64, dims[axis]),
            ));
        }
        size[axis] = to[axis] - from[axis];
    }
    Ok(size)
}

pub(super) fn tensor_slice(call: &mut OpCall<'_>) -> Done {
    let (dims, from, size) = (call.tensor(0).dims(), call.ints(1), box_dims(call)?);
    with_elem!(any call.elem(0), T => {
        let data = call.input::<T>(0);
        let out: Output<'_, T> = call.output(&size)?;
        let run = size.last().map_or(1, |d| *d as usize);
        if !out.elements.is_empty() {
            rows_of_box(call.host, &size, &dims, from, |host, to, at| {
                copy(host, &mut out.elements[to..to + run], &data[at..at + run])
            })?;
        }
        // SAFETY: the rows of the box are all of it.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Traps unless the tensor that is assigned fits into the other from the corner on.
pub(super) fn check_box(call: &OpCall<'_>) -> Done {
    let (target, source) = (call.tensor(0), call.tensor(1 + call.list_len));
    let (dims, size, corner) = (target.dims(), source.dims(), call.ints(1));
    if corner.len() != dims.len() {
        return Err(rank_mismatch(dims.len(), corner.len()));
    }
    if size.len() != dims.len() {
        return Err(TrapError::new(
            TrapCode::RankMismatch,
            format!("a tensor with {} dims into one with {}", size.len(), dims.len()),
        ));
    }
    for axis in 0..dims.len() {
        if corner[axis].checked_add(size[axis]).is_none_or(|end| end > dims[axis]) {
            return Err(TrapError::new(
                TrapCode::IndexOutOfRange,
                format!(
                    "{} elements from {} on do not fit {} along axis {axis}",
                    size[axis], corner[axis] as i64, dims[axis]
                ),
            ));
        }
    }
    Ok(())
}

pub(super) fn tensor_assign(call: &mut OpCall<'_>) -> Done {
    check_box(call)?;
    let (target, source) = (call.tensor(0), call.tensor(1 + call.list_len));
    let (dims, size, corner) = (target.dims(), source.dims(), call.ints(1));
    if !target.is_writable() {
        return Err(TrapCode::ReadOnly.into());
    }
    if source.len() == 0 {
        return Ok(());
    }
    with_elem!(any call.elem(0), T => {
        let (from, to) = (source.data().cast::<T>(), target.data().cast::<T>());
        let run = size.last().map_or(1, |d| *d as usize);
        // A view of the target may be read while it is written: then from a copy.
        let assign = |host: &mut dyn OpHost, from: *const T| {
            rows_of_box(host, &size, &dims, corner, |host, of_source, of_target| {
                // SAFETY: both runs are in range, as the box lies in the target;
                // they do not overlap, as an overlapping source has been copied.
                unsafe {
                    let to = std::slice::from_raw_parts_mut(to.add(of_target).cast::<MaybeUninit<T>>(), run);
                    copy(host, to, std::slice::from_raw_parts(from.add(of_source), run))
                }
            })
        };
        if !overlap(target, source) {
            return assign(call.host, from);
        }
        // SAFETY: the new memory has room for the source's elements, which nothing writes
        // meanwhile; it is used in here only.
        unsafe {
            call.with_working_space(|call| {
                let room = call.host.heap().scratch(source.bytes())?.cast::<T>().as_ptr();
                let to = std::slice::from_raw_parts_mut(room.cast::<MaybeUninit<T>>(), source.len());
                copy(call.host, to, std::slice::from_raw_parts(from, source.len()))?;
                assign(call.host, room)
            })
        }
    })
}

/// The dims of a transpose, and which axis each of its own was.
pub(super) fn transposed(call: &OpCall<'_>) -> Result<(Dims, [usize; MAX_RANK]), TrapError> {
    let dims = call.tensor(0).dims();
    let given = call.ints(1);
    let rank = dims.len();
    if !given.is_empty() && given.len() != rank {
        return Err(rank_mismatch(rank, given.len()));
    }
    let mut order = [0usize; MAX_RANK];
    let mut seen = [false; MAX_RANK];
    for i in 0..rank {
        let axis = if given.is_empty() { (rank - 1 - i) as u64 } else { given[i] };
        if axis >= rank as u64 || seen[axis as usize] {
            return Err(TrapError::new(
                TrapCode::InvalidArgument,
                format!(
                    "{:?} is not an order of {rank} axes",
                    given.iter().map(|a| *a as i64).collect::<Vec<_>>()
                ),
            ));
        }
        seen[axis as usize] = true;
        order[i] = axis as usize;
    }
    let mut new = dims;
    for i in 0..rank {
        new[i] = dims[order[i]];
    }
    Ok((new, order))
}

pub(super) fn tensor_transpose(call: &mut OpCall<'_>) -> Done {
    let (new, order) = transposed(call)?;
    let old = strides(&call.tensor(0).dims());
    with_elem!(any call.elem(0), T => {
        let from = call.input::<T>(0);
        let out: Output<'_, T> = call.output(&new)?;
        permute(&new, order.map(|axis| old[axis]), from, out.elements, &mut *call.host)?;
        // SAFETY: `permute` writes every element.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Writes `to`, of dims `dims`, from elements that lie `steps` apart along each axis.
fn permute<T: Element>(
    dims: &[u64],
    steps: [usize; MAX_RANK],
    from: &[T],
    to: &mut [MaybeUninit<T>],
    host: &mut dyn OpHost,
) -> Done {
    if to.is_empty() {
        return Ok(());
    }
    // Axes of length 1 do not matter, and neighbours that stay together are one.
    let mut axes: Vec<(usize, usize)> = Vec::new();
    for (d, s) in dims.iter().map(|d| *d as usize).zip(steps).filter(|(d, _)| *d != 1) {
        match axes.last_mut() {
            Some((dim, step)) if *step == s * d => (*dim, *step) = (*dim * d, s),
            _ => axes.push((d, s)),
        }
    }
    let (columns, column_step) = axes.pop().unwrap_or((1, 1));
    if column_step == 1 {
        // Rows stay rows.
        return fill(host, to, 1, |start, piece| {
            let mut done = 0;
            while done < piece.len() {
                let (row, column) = ((start + done) / columns, (start + done) % columns);
                let now = (columns - column).min(piece.len() - done);
                let at = offset(&axes, row) + column;
                write_slice(&mut piece[done..done + now], &from[at..at + now]);
                done += now;
            }
        });
    }
    let (rows, row_step) = axes.pop().unwrap_or((1, 0));
    // Planes of rows by columns, each by tiles that stay in the cache.
    let plane = rows * columns;
    let mut since_poll = 0;
    for (i, to) in to.chunks_mut(plane).enumerate() {
        let base = offset(&axes, i);
        for r0 in (0..rows).step_by(TILE) {
            for c0 in (0..columns).step_by(TILE) {
                since_poll += TILE.min(rows) * TILE.min(columns);
                if since_poll as u64 > ELEMENTS_BETWEEN_POLLS / 4 {
                    host.poll()?;
                    since_poll = 0;
                }
                for r in r0..rows.min(r0 + TILE) {
                    let at = base + r * row_step;
                    for c in c0..columns.min(c0 + TILE) {
                        to[r * columns + c].write(from[at + c * column_step]);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Offset of place number `index` of a row-major walk along `axes`.
fn offset(axes: &[(usize, usize)], mut index: usize) -> usize {
    let mut at = 0;
    for (dim, step) in axes.iter().rev() {
        at += index % dim * step;
        index /= dim;
    }
    at
}

/// The dims of two tensors side by side, and along which axis they are.
pub(super) fn side_by_side(call: &OpCall<'_>) -> Result<(Dims, usize), TrapError> {
    let (a, b) = (call.tensor(0).dims(), call.tensor(1).dims());
    if a.len() != b.len() {
        return Err(shape_mismatch("the tensors have different numbers of dims", &a, &b));
    }
    let axis = call.axis(2, a.len())?;
    if *a.without(axis) != *b.without(axis) {
        return Err(shape_mismatch(&format!("the dims differ elsewhere than along axis {axis}"), &a, &b));
    }
    let mut dims = a;
    dims[axis] = a[axis].checked_add(b[axis]).filter(|d| i64::try_from(*d).is_ok()).ok_or_else(|| {
        let text = format!("{} and {} rows along axis {axis} are more than a dim can be", a[axis], b[axis]);
        TrapError::new(TrapCode::InvalidArgument, text)
    })?;
    Ok((dims, axis))
}

pub(super) fn tensor_concat(call: &mut OpCall<'_>) -> Done {
    let (dims, axis) = side_by_side(call)?;
    let (a, b) = (call.tensor(0).dims(), call.tensor(1).dims());
    with_elem!(any call.elem(0), T => {
        let (x, y) = (call.input::<T>(0), call.input::<T>(1));
        let out: Output<'_, T> = call.output(&dims)?;
        let of = |d: &[u64]| size(&d[axis..]) as usize;
        let (of_a, of_b) = (of(&a), of(&b));
        if !out.elements.is_empty() {
            let between_polls = (ELEMENTS_BETWEEN_POLLS as usize / (of_a + of_b + 8)).max(1);
            for (i, to) in out.elements.chunks_exact_mut(of_a + of_b).enumerate() {
                if i % between_polls == between_polls - 1 {
                    call.host.poll()?;
                }
                let (first, second) = to.split_at_mut(of_a);
                copy(call.host, first, &x[i * of_a..(i + 1) * of_a])?;
                copy(call.host, second, &y[i * of_b..(i + 1) * of_b])?;
            }
        }
        // SAFETY: the chunks are all of the result.
        unsafe { call.finish(out) };
        Ok(())
    })
}

pub(super) fn tensor_dims(call: &mut OpCall<'_>) -> Done {
    let dims = call.tensor(0).dims();
    let out: Output<'_, i64> = call.output(&[dims.len() as u64])?;
    for (e, d) in out.elements.iter_mut().zip(dims.iter()) {
        e.write(*d as i64);
    }
    // SAFETY: there is one element for each dim.
    unsafe { call.finish(out) };
    Ok(())
}
