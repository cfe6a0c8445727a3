//! Elements in another order or number: rolled, turned round, by steps, padded, repeated, joined.
//!
//! For each axis of the result, an [`Along`] says which index of the source an index has. Invariant:
//! it lies in the source, or there is none and the element is the given one. Innermost axes that
//! stay as they are move as one block.

use super::number::Number;
use super::simd::{Work, dispatch};
use super::sort::space;
use super::work::fill;
use super::{OpCall, OpHost, Output, shape_mismatch};
use crate::object::element::with_elem;
use crate::object::{Element, TensorRef};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_ir::dims::{Dims, MAX_RANK};
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;
/// The dims of a result, and where each of its axes comes from.
type Arranged = Result<(Dims, [Along; MAX_RANK]), TrapError>;

/// Items of a list between two questions to the host.
const ITEMS: usize = 1 << 12;

/// Where indices along an axis of the result come from, of `n` that the source has.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Along {
    /// The same index.
    Same,
    /// That many places on, and from the start again.
    Roll { by: usize, n: usize },
    /// From one index on by steps.
    Steps { from: usize, step: isize },
    /// Each so many times.
    Repeat { times: usize },
    /// Those of the source, and beyond them those that `beyond` says.
    Pad { before: usize, n: usize, beyond: Beyond },
}

/// What lies beyond the elements of an axis.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Beyond {
    /// A given element.
    Given,
    /// The first or last element.
    Edge,
    /// The elements from the other end on.
    Wrap,
    /// The elements in reverse, the first or last left out.
    Reflect,
    /// The elements in reverse.
    Symmetric,
}

/// Indices of the result that come from such as lie `step` apart.
#[derive(Clone, Copy)]
struct Run {
    /// The first, if it is in the source.
    from: Option<usize>,
    step: isize,
    len: usize,
}

impl Along {
    /// The run from index `at` on.
    #[inline]
    fn run(self, at: usize) -> Run {
        let up = |from, len| Run { from: Some(from), step: 1, len };
        match self {
            Along::Same => up(at, usize::MAX),
            Along::Roll { by, n } if at < by => up(n - by + at, by - at),
            Along::Roll { by, n } => up(at - by, n - at),
            Along::Steps { from, step } => {
                Run { from: Some(from.wrapping_add_signed(at as isize * step)), step, len: usize::MAX }
            }
            Along::Repeat { times } => Run { from: Some(at / times), step: 0, len: times - at % times },
            Along::Pad { before, n, .. } if at >= before && at - before < n => {
                up(at - before, n - (at - before))
            }
            Along::Pad { before, n, beyond } => {
                let one = |from| Run { from: Some(from), step: 0, len: 1 };
                // How far behind a start of the source's elements repeated for ever.
                let behind = |period: usize| (at + period - before % period) % period;
                match beyond {
                    Beyond::Given if at < before => Run { from: None, step: 0, len: before - at },
                    Beyond::Given => Run { from: None, step: 0, len: usize::MAX },
                    Beyond::Edge if at < before => Run { from: Some(0), step: 0, len: before - at },
                    Beyond::Edge => Run { from: Some(n - 1), step: 0, len: usize::MAX },
                    Beyond::Wrap => up(behind(n), n - behind(n)),
                    Beyond::Reflect if n == 1 => one(0),
                    Beyond::Reflect => {
                        let at = behind(2 * (n - 1));
                        one(if at < n { at } else { 2 * (n - 1) - at })
                    }
                    Beyond::Symmetric => {
                        let at = behind(2 * n);
                        one(if at < n { at } else { 2 * n - 1 - at })
                    }
                }
            }
        }
    }
}

/// The result of dims `result`, each of its axes from argument 0 as `along` says; `given` is what is in no place of it.
fn arrange<T: Element>(call: &mut OpCall<'_>, result: &Dims, along: &[Along; MAX_RANK], given: T) -> Done {
    let dims = call.tensor(0).dims();
    let x = call.input::<T>(0);
    let out: Output<'_, T> = call.output(result)?;
    // The innermost axes that stay are a block, and the axis before them is gone along.
    let kept =
        (0..dims.len()).rev().take_while(|axis| along[*axis] == Along::Same && dims[*axis] == result[*axis]);
    let axes = dims.len() - kept.count();
    let block = dims[axes..].iter().fold(1usize, |n, d| n.saturating_mul(*d as usize));
    let (inner, inner_dim) = match axes.checked_sub(1) {
        Some(last) => (along[last], result[last] as usize),
        None => (Along::Same, 1),
    };
    let mut steps = [0usize; MAX_RANK];
    let mut size = block;
    for axis in (0..axes).rev() {
        steps[axis] = size;
        size = size.saturating_mul(dims[axis] as usize);
    }
    let outer = axes.saturating_sub(1);
    // Where the row with that number begins in the source.
    let base = |mut row: usize| {
        let mut at = 0;
        for axis in (0..outer).rev() {
            let dim = result[axis] as usize;
            at += along[axis].run(row % dim).from? * steps[axis];
            row /= dim;
        }
        Some(at)
    };
    let row = inner_dim.saturating_mul(block);
    fill(call.host, &mut *out.elements, 2, |start, piece: &mut [MaybeUninit<T>]| {
        let mut done = 0;
        while done < piece.len() {
            let (number, column) = ((start + done) / row, (start + done) % row);
            let count = (row - column).min(piece.len() - done);
            let piece = &mut piece[done..done + count];
            done += count;
            match base(number) {
                Some(base) => along_row(piece, &x[base..], (inner, block), column, given),
                None => piece.iter_mut().for_each(|to| _ = to.write(given)),
            }
        }
    })?;
    // SAFETY: rows have been written whole, and `fill` has had every piece written.
    unsafe { call.finish(out) };
    Ok(())
}

/// Writes a part of a row from element number `column` on.
fn along_row<T: Element>(
    to: &mut [MaybeUninit<T>],
    x: &[T],
    (along, block): (Along, usize),
    column: usize,
    given: T,
) {
    let mut done = 0;
    while done < to.len() {
        let (at, within) = ((column + done) / block, (column + done) % block);
        let run = along.run(at);
        let whole = run.len.saturating_mul(block).saturating_sub(within).min(to.len() - done);
        let Some(from) = run.from else {
            to[done..done + whole].iter_mut().for_each(|to| _ = to.write(given));
            done += whole;
            continue;
        };
        let first = from * block + within;
        if run.step == 1 {
            to[done..done + whole].write_copy_of_slice(&x[first..first + whole]);
            done += whole;
        } else if block == 1 {
            let to = &mut to[done..done + whole];
            match run.step {
                0 => to.iter_mut().for_each(|to| _ = to.write(x[from])),
                -1 => {
                    let x = &x[from + 1 - whole..=from];
                    to.iter_mut().zip(x.iter().rev()).for_each(|(to, v)| _ = to.write(*v));
                }
                step => {
                    for (k, to) in to.iter_mut().enumerate() {
                        to.write(x[from.wrapping_add_signed(k as isize * step)]);
                    }
                }
            }
            done += whole;
        } else {
            let now = (block - within).min(whole);
            to[done..done + now].write_copy_of_slice(&x[first..first + now]);
            done += now;
        }
    }
}

/// [`arrange`] as `of` says, where nothing is beyond the source.
fn arranged(call: &mut OpCall<'_>, of: fn(&OpCall<'_>) -> Arranged) -> Done {
    let (result, along) = of(call)?;
    with_elem!(any call.elem(0), T => arrange::<T>(call, &result, &along, T::ZERO))
}

/// The dims of argument 0, where the lists have a number for each axis.
fn listed_dims(call: &OpCall<'_>) -> Result<Dims, TrapError> {
    let dims = call.tensor(0).dims();
    let (want, found) = (dims.len(), call.list_len);
    if want == found {
        return Ok(dims);
    }
    let text = format!("{want} numbers wanted, one for each axis, found {found}");
    Err(TrapError::new(TrapCode::RankMismatch, text))
}

/// A length of an axis of the result, if a dim can be so long.
pub(super) fn length(axis: usize, length: Option<u64>) -> Result<u64, TrapError> {
    length.filter(|d| i64::try_from(*d).is_ok()).ok_or_else(|| {
        let text = format!("axis {axis} of the result would be longer than a dim can be");
        TrapError::new(TrapCode::InvalidArgument, text)
    })
}

/// How many places on elements are rolled along each axis: at most its length.
pub(super) fn roll(call: &OpCall<'_>) -> Result<(Dims, [u64; MAX_RANK]), TrapError> {
    let dims = call.tensor(0).dims();
    let mut by = [0u64; MAX_RANK];
    for n in 0..call.list_len {
        let axis = call.axis(1 + call.list_len + n, dims.len())?;
        if dims[axis] > 0 {
            let shift = call.int(1 + n).rem_euclid(dims[axis] as i64) as u64;
            by[axis] = (by[axis] + shift) % dims[axis];
        }
    }
    Ok((dims, by))
}

pub(super) fn tensor_roll(call: &mut OpCall<'_>) -> Done {
    let (dims, by) = roll(call)?;
    rolled(call, &dims, &by)
}

/// Elements so many places on along each axis, and from the start again; `by` is at most a length.
pub(super) fn rolled(call: &mut OpCall<'_>, dims: &Dims, by: &[u64; MAX_RANK]) -> Done {
    let along = std::array::from_fn(|axis| match by[axis] {
        0 => Along::Same,
        by => Along::Roll { by: by as usize, n: dims[axis] as usize },
    });
    with_elem!(any call.elem(0), T => arrange::<T>(call, dims, &along, T::ZERO))
}

pub(super) fn flip(call: &OpCall<'_>) -> Arranged {
    let dims = call.tensor(0).dims();
    let turned = call.axes(1, dims.len())?;
    let along = std::array::from_fn(|axis| match turned[axis] && dims[axis] > 0 {
        true => Along::Steps { from: dims[axis] as usize - 1, step: -1 },
        false => Along::Same,
    });
    Ok((dims, along))
}

pub(super) fn tensor_flip(call: &mut OpCall<'_>) -> Done {
    arranged(call, flip)
}

/// How many indices there are from `from` by `step` before `to`, of an axis of length `n`.
fn steps(axis: usize, n: u64, from: i64, to: i64, step: i64) -> Result<u64, TrapError> {
    let n = n as i64;
    let fits = match step {
        0 => {
            let text = format!("a step of 0 along axis {axis}: it has to be positive or negative");
            return Err(TrapError::new(TrapCode::InvalidArgument, text));
        }
        1.. => (0..=n).contains(&from) && (0..=n).contains(&to),
        // Going down, one before the first stands for the start.
        _ => (-1..n).contains(&from) && (-1..n).contains(&to),
    };
    if !fits {
        let text = format!("{from} to {to} by {step} of {n} along axis {axis}");
        return Err(TrapError::new(TrapCode::IndexOutOfRange, text));
    }
    let (span, step) =
        if step > 0 { (to - from, step.unsigned_abs()) } else { (from - to, step.unsigned_abs()) };
    Ok(span.max(0) as u64 / step + (span > 0 && !(span as u64).is_multiple_of(step)) as u64)
}

pub(super) fn slice_step(call: &OpCall<'_>) -> Arranged {
    let (dims, len) = (listed_dims(call)?, call.list_len);
    let mut result = dims;
    let mut along = [Along::Same; MAX_RANK];
    for axis in 0..len {
        let (from, to, step) = (call.int(1 + axis), call.int(1 + len + axis), call.int(1 + 2 * len + axis));
        result[axis] = steps(axis, dims[axis], from, to, step)?;
        let is_all = step == 1 && from == 0 && result[axis] == dims[axis];
        if !is_all && result[axis] > 0 {
            // Where only one is taken, the step does not matter, and may be huge.
            let step = if result[axis] == 1 { 1 } else { step as isize };
            along[axis] = Along::Steps { from: from as usize, step };
        }
    }
    Ok((result, along))
}

pub(super) fn tensor_slice_step(call: &mut OpCall<'_>) -> Done {
    arranged(call, slice_step)
}

/// The dims of argument 0 with as much before and behind as the two lists say, and where each axis comes from.
pub(super) fn padded(call: &OpCall<'_>, beyond: Beyond) -> Arranged {
    let (dims, len) = (listed_dims(call)?, call.list_len);
    let mut result = dims;
    let mut along = [Along::Same; MAX_RANK];
    for axis in 0..len {
        let (before, behind) = (call.int(1 + axis), call.int(1 + len + axis));
        if before < 0 || behind < 0 {
            let text = format!("{before} before and {behind} behind axis {axis}: neither can be negative");
            return Err(TrapError::new(TrapCode::InvalidArgument, text));
        }
        let added = before as u64 + behind as u64;
        if added == 0 {
            continue;
        }
        if dims[axis] == 0 && beyond != Beyond::Given {
            let text = format!("axis {axis} has no elements to go on with");
            return Err(TrapError::new(TrapCode::Empty, text));
        }
        result[axis] = length(axis, dims[axis].checked_add(added))?;
        along[axis] = Along::Pad { before: before as usize, n: dims[axis] as usize, beyond };
    }
    Ok((result, along))
}

/// [`padded`] by a given element.
pub(super) fn pad(call: &OpCall<'_>) -> Arranged {
    let padded = padded(call, Beyond::Given)?;
    let at = 1 + 2 * call.list_len;
    if let Type::Tensor(_) = call.arg_types[at]
        && !call.tensor(at).dims().is_empty()
    {
        let (dims, given) = (call.tensor(0).dims(), call.tensor(at).dims());
        return Err(shape_mismatch("what is put around has to be one element, without dims", &dims, &given));
    }
    Ok(padded)
}

pub(super) fn tensor_pad(call: &mut OpCall<'_>) -> Done {
    let (result, along) = pad(call)?;
    let at = 1 + 2 * call.list_len;
    with_elem!(any call.elem(0), T => {
        let given = if let Type::Tensor(_) = call.arg_types[at] {
            call.input::<T>(at)[0]
        } else {
            T::from_slot_if_scalar(call.args[at]).unwrap_or(T::ZERO)
        };
        arrange::<T>(call, &result, &along, given)
    })
}

macro_rules! pads {
    ($($kernel:ident $beyond:ident;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            arranged(call, |call| padded(call, Beyond::$beyond))
        }
    )*};
}

pads! {
    tensor_pad_edge Edge;
    tensor_pad_wrap Wrap;
    tensor_pad_reflect Reflect;
    tensor_pad_symmetric Symmetric;
}

/// A number of times, which must not be negative.
fn times(count: i64) -> Result<u64, TrapError> {
    u64::try_from(count).map_err(|_| {
        TrapError::new(TrapCode::InvalidArgument, format!("{count} times: it cannot be negative"))
    })
}

pub(super) fn repeat(call: &OpCall<'_>) -> Arranged {
    let mut result = call.tensor(0).dims();
    let times = times(call.int(1))?;
    let axis = call.axis(2, result.len())?;
    result[axis] = length(axis, result[axis].checked_mul(times))?;
    let mut along = [Along::Same; MAX_RANK];
    if times > 1 {
        along[axis] = Along::Repeat { times: times as usize };
    }
    Ok((result, along))
}

pub(super) fn tensor_repeat(call: &mut OpCall<'_>) -> Done {
    arranged(call, repeat)
}

pub(super) fn tile(call: &OpCall<'_>) -> Arranged {
    let (dims, len) = (listed_dims(call)?, call.list_len);
    let mut result = dims;
    let mut along = [Along::Same; MAX_RANK];
    for axis in 0..len {
        let times = times(call.int(1 + axis))?;
        result[axis] = length(axis, dims[axis].checked_mul(times))?;
        if times > 1 && dims[axis] > 0 {
            along[axis] = Along::Pad { before: 0, n: dims[axis] as usize, beyond: Beyond::Wrap };
        }
    }
    Ok((result, along))
}

pub(super) fn tensor_tile(call: &mut OpCall<'_>) -> Done {
    arranged(call, tile)
}

/// The tensors of the list in argument 0.
#[derive(Clone, Copy)]
struct Listed<'a>(&'a [u64]);

impl<'a> Listed<'a> {
    /// At least one.
    fn of(call: &OpCall<'a>) -> Result<Listed<'a>, TrapError> {
        let list = call.list(0);
        if list.len() == 0 {
            return Err(TrapError::new(
                TrapCode::Empty,
                "a list without tensors: there have to be some to be joined",
            ));
        }
        // SAFETY: arguments outlive the operation, and nothing writes the list while it runs.
        Ok(Listed(unsafe { list.as_slots() }))
    }

    fn len(self) -> usize {
        self.0.len()
    }

    fn get(self, n: usize) -> TensorRef {
        // SAFETY: what a list holds is live and of the type of its items.
        unsafe { TensorRef::from_slot(self.0[n]) }
    }

    /// Calls `see` with each and its number, with the host's leave.
    fn each(self, host: &mut dyn OpHost, mut see: impl FnMut(usize, TensorRef) -> Done) -> Done {
        for n in 0..self.len() {
            if n % ITEMS == ITEMS - 1 {
                host.poll()?;
            }
            see(n, self.get(n))?;
        }
        Ok(())
    }
}

/// Writes rows that are made of a part of each tensor: of as many elements as `part` says.
fn join<T: Element>(
    call: &mut OpCall<'_>,
    all: Listed<'_>,
    result: &Dims,
    part: impl Fn(TensorRef) -> usize,
) -> Done {
    let out: Output<'_, T> = call.output(result)?;
    if !out.elements.is_empty() {
        let work = |call: &mut OpCall<'_>| {
            // Where the part of each ends in a row.
            let ends = space::<u64>(call, all.len())?;
            let mut row = 0;
            all.each(call.host, |n, tensor| {
                row += part(tensor);
                ends[n] = row as u64;
                Ok(())
            })?;
            // Short parts are looked for, one after the other.
            let weight = 2 + (40 * all.len() / row.max(1)).min(40);
            fill(call.host, &mut *out.elements, weight, |start, piece: &mut [MaybeUninit<T>]| {
                join_piece(all, ends, start, piece);
            })
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work)? };
    }
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

/// Writes the elements from number `start` on. `ends` says where the part of each tensor ends in a row.
fn join_piece<T: Element>(all: Listed<'_>, ends: &[u64], start: usize, piece: &mut [MaybeUninit<T>]) {
    let end_of = |n: usize| ends[n] as usize;
    let row = end_of(ends.len() - 1);
    let (mut number, mut column) = (start / row, start % row);
    let mut n = ends.partition_point(|end| *end as usize <= column);
    let mut done = 0;
    while done < piece.len() {
        let (end, begin) = (end_of(n), if n == 0 { 0 } else { end_of(n - 1) });
        let count = (end - column).min(piece.len() - done);
        let from = number * (end - begin) + (column - begin);
        // SAFETY: what a list holds is live, and nothing writes it while the operation runs.
        let elements = unsafe { all.get(n).as_slice::<T>() };
        piece[done..done + count].write_copy_of_slice(&elements[from..from + count]);
        done += count;
        column += count;
        // On to the next that has a part: the least whose end is behind.
        if column == row {
            (number, column) = (number + 1, 0);
        }
        if column == 0 || end_of(n) <= column {
            n = ends.partition_point(|end| *end as usize <= column);
        }
    }
}

/// The dims of a stack, and how many elements one of its rows has of each tensor.
pub(super) fn stacked(call: &mut OpCall<'_>) -> Result<(Dims, usize), TrapError> {
    let all = Listed::of(call)?;
    let dims = all.get(0).dims();
    let axis = call.axis(1, dims.len() + 1)?;
    let joined = [&dims[..axis], &[all.len() as u64], &dims[axis..]].concat();
    let result = Dims::new(&joined).ok_or_else(|| {
        TrapError::new(TrapCode::InvalidArgument, format!("a stack of {dims}: a tensor has at most 8 dims"))
    })?;
    all.each(call.host, |n, tensor| {
        if *tensor.dims() == *dims {
            return Ok(());
        }
        let text = format!("tensors to be stacked want equal dims, number {n} has others than the first");
        Err(shape_mismatch(&text, &dims, &tensor.dims()))
    })?;
    Ok((result, dims[axis..].iter().fold(1usize, |n, d| n.saturating_mul(*d as usize))))
}

pub(super) fn tensor_stack(call: &mut OpCall<'_>) -> Done {
    let (result, part) = stacked(call)?;
    let all = Listed::of(call)?;
    with_elem!(any call.elem(0), T => join::<T>(call, all, &result, |_| part))
}

/// The dims of a list's tensors side by side, and along which axis they are.
pub(super) fn joined(call: &mut OpCall<'_>) -> Result<(Dims, usize), TrapError> {
    let all = Listed::of(call)?;
    let dims = all.get(0).dims();
    let axis = call.axis(1, dims.len())?;
    let mut result = dims;
    all.each(call.host, |n, tensor| {
        if n == 0 {
            return Ok(());
        }
        let other = tensor.dims();
        if other.len() != dims.len() || *other.without(axis) != *dims.without(axis) {
            let text =
                format!("the dims differ elsewhere than along axis {axis}, of the first and number {n}");
            return Err(shape_mismatch(&text, &dims, &other));
        }
        result[axis] = length(axis, result[axis].checked_add(other[axis]))?;
        Ok(())
    })?;
    Ok((result, axis))
}

pub(super) fn tensor_concat_list(call: &mut OpCall<'_>) -> Done {
    let (result, axis) = joined(call)?;
    let all = Listed::of(call)?;
    let part =
        |tensor: TensorRef| tensor.dims()[axis..].iter().fold(1usize, |n, d| n.saturating_mul(*d as usize));
    with_elem!(any call.elem(0), T => join::<T>(call, all, &result, part))
}

/// One element times each of a row.
struct Scaled<'w, T> {
    by: T,
    x: &'w [T],
    to: &'w mut [MaybeUninit<T>],
}

impl<T: Number> Work for Scaled<'_, T> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        for (to, v) in self.to.iter_mut().zip(self.x) {
            to.write(Number::mul(self.by, *v));
        }
    }
}

/// A row for each element of the first argument, a column for each of the second.
pub(super) fn outer_dims(call: &OpCall<'_>) -> Dims {
    Dims::of_three(2, [call.tensor(0).len() as u64, call.tensor(1).len() as u64, 0])
}

pub(super) fn tensor_outer(call: &mut OpCall<'_>) -> Done {
    with_elem!(number call.elem(0), T => {
        let (a, b) = (call.input::<T>(0), call.input::<T>(1));
        let out: Output<'_, T> = call.output(&outer_dims(call))?;
        fill(call.host, &mut *out.elements, 1, |start, piece: &mut [MaybeUninit<T>]| {
            let mut done = 0;
            while done < piece.len() {
                let (row, column) = ((start + done) / b.len(), (start + done) % b.len());
                let count = (b.len() - column).min(piece.len() - done);
                let to = &mut piece[done..done + count];
                dispatch(Scaled { by: a[row], x: &b[column..column + count], to });
                done += count;
            }
        })?;
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}
