//! Complex and real transforms, along one axis or one after the other along several.
//!
//! Along several axes the first pass reads the argument, and the others go over the result in place. Where lengths are
//! asked for that the argument has not, it is first cut off or filled up with zeros.
//!
//! Real transforms have the first half along the last axis that is given; the inverse is told how many real numbers there are.

use super::ask::{Axes, Norm, length, with_length};
use super::lanes::{Done, Lanes, Place, along};
use super::with_part;
use crate::object::Element;
use crate::op::call::{OpCall, Output};
use crate::op::sort::space;
use crate::op::work::in_pieces;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::Extent;
use nbc_ir::dims::Dims;
use nbc_numerics::fft::form::{Form, Plain};
use nbc_numerics::fft::real::{Forward, Inverse, half};
use nbc_numerics::fft::{Complex, Float};

/// Makes the result along one axis: a form of so many numbers, from `dims` to `result`. A device is told what it is to
/// do by `found`.
pub(super) fn one_axis<F: Form>(
    call: &mut OpCall<'_>,
    axis: usize,
    result: &Dims,
    found: &[u64],
    form: impl FnOnce(&mut OpCall<'_>) -> F,
) -> Done
where
    F::From: Element,
    F::To: Element,
{
    let dims = call.tensor(0).dims();
    call.charge(Extent::new(result, size_of::<F::To>()))?;
    if call.by_library(&[(F::To::ELEM, *result)], found)? {
        return Ok(());
    }
    let out = call.result_in_place(F::To::ELEM, result)?;
    if out.len() > 0 {
        let form = form(call);
        let lanes = Lanes::along(&dims, axis, result[axis]);
        let from = call.tensor(0).data().cast::<F::From>();
        // SAFETY: argument and result have as many elements as lanes say. The result has just been made, or is where an
        // argument dies that has its dims and as large elements: of the forms there are, then the same ones.
        unsafe { along(call, &form, lanes, from, out.data().cast())? };
    }
    call.set(out.slot());
    Ok(())
}

fn complex_axis<T: Float>(call: &mut OpCall<'_>, is_inverse: bool, asked: i64, norm: Norm) -> Done
where
    Complex<T>: Element,
{
    let dims = call.tensor(0).dims();
    let axis = call.axis(1, dims.len())?;
    let n = length(axis, asked, dims[axis])?;
    let scale = T::of(norm.scale(n as f64, is_inverse));
    let found = [norm.scale(n as f64, is_inverse).to_bits(), n, axis as u64];
    let form = Plain { n: n as usize, is_inverse, scale };
    one_axis(call, axis, &with_length(&dims, axis, n), &found, |_| form)
}

fn real_axis<T: Float + Element>(call: &mut OpCall<'_>, asked: i64, norm: Norm) -> Done
where
    Complex<T>: Element,
{
    let dims = call.tensor(0).dims();
    let axis = call.axis(1, dims.len())?;
    let n = length(axis, asked, dims[axis])?;
    let scale = norm.scale(n as f64, false);
    let result = with_length(&dims, axis, n / 2 + 1);
    let found = [scale.to_bits(), n, axis as u64];
    one_axis(call, axis, &result, &found, |call| Forward::<T>::new(&call.plans(), n as usize, scale))
}

fn real_inverse_axis<T: Float + Element>(call: &mut OpCall<'_>, asked: i64, norm: Norm) -> Done
where
    Complex<T>: Element,
{
    let dims = call.tensor(0).dims();
    let axis = call.axis(1, dims.len())?;
    let n = length(axis, asked, whole(dims[axis]))?;
    let scale = norm.scale(n as f64, true);
    let result = with_length(&dims, axis, n);
    let found = [scale.to_bits(), n, axis as u64];
    one_axis(call, axis, &result, &found, |call| Inverse::<T>::new(&call.plans(), n as usize, scale))
}

/// How many real numbers the first half of a transform is of, if it is of an even number.
fn whole(half: u64) -> u64 {
    half.saturating_sub(1).saturating_mul(2)
}

/// What is asked for along several axes.
struct Asked {
    axes: Axes,
    /// How long transforms are: the dims with the lengths.
    lengths: Dims,
    norm: Norm,
    /// How many numbers a transform combines.
    count: f64,
}

impl Asked {
    /// The axes in the list from argument 1 on, and a length of each from argument `lengths` on; of a real inverse the
    /// last axis is given by half.
    fn of(call: &OpCall<'_>, lengths: Option<usize>, norm: Norm, is_half: bool) -> Result<Asked, TrapError> {
        let dims = call.tensor(0).dims();
        let axes = Axes::listed(call, 1, dims.len())?;
        let given = |n: usize| lengths.filter(|_| call.list_len > 0).map_or(-1, |at| call.int(at + n));
        let (mut all, mut count) = (dims, 1.0);
        for (n, axis) in axes.as_slice().iter().enumerate() {
            let is_last = n + 1 == axes.as_slice().len();
            let own = if is_half && is_last { whole(dims[*axis]) } else { dims[*axis] };
            all[*axis] = length(*axis, given(n), own)?;
            count *= all[*axis] as f64;
        }
        Ok(Asked { axes, lengths: all, norm, count })
    }

    /// What a device is told of it.
    fn found(&self, is_inverse: bool) -> Vec<u64> {
        let axes = self.axes.as_slice();
        let n = axes.last().map_or(1, |axis| self.lengths[*axis]);
        let scale = self.norm.scale(self.count, is_inverse).to_bits();
        [scale, n].into_iter().chain(axes.iter().map(|axis| *axis as u64)).collect()
    }
}

fn complex_axes<T: Float>(call: &mut OpCall<'_>, is_inverse: bool, lengths: Option<usize>, norm: Norm) -> Done
where
    Complex<T>: Element,
{
    let asked = Asked::of(call, lengths, norm, false)?;
    let dims = call.tensor(0).dims();
    call.charge(Extent::new(&asked.lengths, size_of::<Complex<T>>()))?;
    let found = asked.found(is_inverse);
    if call.by_library(&[(Complex::<T>::ELEM, asked.lengths)], &found)? {
        return Ok(());
    }
    let axes = asked.axes.as_slice();
    let is_copied = dims != asked.lengths || axes.is_empty();
    let out = match is_copied {
        true => call.made(Complex::<T>::ELEM, &asked.lengths)?,
        false => call.result_in_place(Complex::<T>::ELEM, &asked.lengths)?,
    };
    if out.len() > 0 {
        let to = out.data().cast::<Complex<T>>();
        let mut first = call.tensor(0).data().cast::<Complex<T>>().cast_const();
        if is_copied {
            // SAFETY: the result has these dims, and is nobody else's.
            unsafe { fit(call, (call.input(0), &dims), (to, &asked.lengths))? };
            first = to;
        }
        let scale = asked.norm.scale(asked.count, is_inverse);
        // SAFETY: as above; the argument has the same dims where it is read, and may be where the result is.
        unsafe { passes(call, axes, &asked.lengths, (is_inverse, scale), first, to)? };
    }
    // Every pass has written all.
    call.set(out.slot());
    Ok(())
}

/// Complex transforms along the axes, the first from one place to the other and then in place.
///
/// # Safety
/// There are tensors of these dims at both places, which may be one; the second is nobody else's.
pub(super) unsafe fn passes<T: Float>(
    call: &mut OpCall<'_>,
    axes: &[usize],
    dims: &Dims,
    (is_inverse, scale): (bool, f64),
    from: *const Complex<T>,
    to: *mut Complex<T>,
) -> Done {
    for (n, axis) in axes.iter().enumerate() {
        let lanes = Lanes::along(dims, *axis, dims[*axis]);
        let scale = T::of(if n + 1 == axes.len() { scale } else { 1.0 });
        let form = Plain { n: lanes.from, is_inverse, scale };
        let from = if n == 0 { from } else { to.cast_const() };
        // SAFETY: upheld by the caller.
        unsafe { along(call, &form, lanes, from, to)? };
    }
    Ok(())
}

fn real_axes<T: Float + Element>(call: &mut OpCall<'_>, lengths: Option<usize>, norm: Norm) -> Done
where
    Complex<T>: Element,
{
    let asked = Asked::of(call, lengths, norm, false)?;
    let dims = call.tensor(0).dims();
    let Some((last, others)) = asked.axes.as_slice().split_last() else { return Err(no_axes()) };
    let n = asked.lengths[*last];
    let result = with_length(&asked.lengths, *last, half(n as usize) as u64);
    call.charge(Extent::new(&result, size_of::<Complex<T>>()))?;
    if call.by_library(&[(Complex::<T>::ELEM, result)], &asked.found(false))? {
        return Ok(());
    }
    let out: Output<'_, Complex<T>> = call.output_charged(&result)?;
    if !out.elements.is_empty() {
        let from = call.input::<T>(0);
        let to = out.elements.as_mut_ptr().cast::<Complex<T>>();
        let form = Forward::<T>::new(&call.plans(), n as usize, asked.norm.scale(asked.count, false));
        let lanes = Lanes::along(&asked.lengths, *last, result[*last]);
        let work = |call: &mut OpCall<'_>| {
            let mut x = from.as_ptr();
            if dims != asked.lengths {
                let room = space::<T>(call, lanes.outer * lanes.inner * lanes.from)?;
                // SAFETY: the room is as large.
                unsafe { fit(call, (from, &dims), (room.as_mut_ptr(), &asked.lengths))? };
                x = room.as_ptr();
            }
            // SAFETY: argument or room have the lengths, and the result its own.
            unsafe {
                along(call, &form, lanes, x, to)?;
                passes(call, others, &result, (false, 1.0), to.cast_const(), to)
            }
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work)? };
    }
    // SAFETY: every pass writes all.
    unsafe { call.finish(out) };
    Ok(())
}

fn real_inverse_axes<T: Float + Element>(call: &mut OpCall<'_>, lengths: Option<usize>, norm: Norm) -> Done
where
    Complex<T>: Element,
{
    let asked = Asked::of(call, lengths, norm, true)?;
    let dims = call.tensor(0).dims();
    let Some((last, others)) = asked.axes.as_slice().split_last() else { return Err(no_axes()) };
    let n = asked.lengths[*last] as usize;
    call.charge(Extent::new(&asked.lengths, size_of::<T>()))?;
    if call.by_library(&[(T::ELEM, asked.lengths)], &asked.found(true))? {
        return Ok(());
    }
    let out: Output<'_, T> = call.output_charged(&asked.lengths)?;
    if !out.elements.is_empty() {
        let from = call.input::<Complex<T>>(0);
        let to = out.elements.as_mut_ptr().cast::<T>();
        let middle = with_length(&asked.lengths, *last, half(n) as u64);
        let form = Inverse::<T>::new(&call.plans(), n, asked.norm.scale(asked.count, true));
        let lanes = Lanes::along(&middle, *last, n as u64);
        let work = |call: &mut OpCall<'_>| {
            let mut x = from.as_ptr();
            if dims != middle || !others.is_empty() {
                let room = space::<Complex<T>>(call, lanes.outer * lanes.inner * lanes.from)?.as_mut_ptr();
                let mut first = from.as_ptr();
                if dims != middle {
                    // SAFETY: the room is as large.
                    unsafe { fit(call, (from, &dims), (room, &middle))? };
                    first = room;
                }
                // SAFETY: as above.
                unsafe { passes(call, others, &middle, (true, 1.0), first, room)? };
                x = room;
            }
            // SAFETY: argument or room have the dims of the first halves, and the result its own.
            unsafe { along(call, &form, lanes, x, to) }
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work)? };
    }
    // SAFETY: every lane has been written.
    unsafe { call.finish(out) };
    Ok(())
}

fn no_axes() -> TrapError {
    let text = "a real transform of a tensor without dims: it has a first half along its last axis";
    TrapError::new(TrapCode::InvalidArgument, text)
}

/// Copies what fits of a tensor into one of other dims, of as many axes, and zeros where there is nothing.
///
/// # Safety
/// There is a tensor of the second dims at the second place, initialised or not, and nobody else's.
pub(super) unsafe fn fit<T: Element + Default>(
    call: &mut OpCall<'_>,
    (from, dims): (&[T], &Dims),
    (to, wanted): (*mut T, &Dims),
) -> Done {
    let rank = dims.len();
    let Some(last) = rank.checked_sub(1) else {
        // SAFETY: one element of rank 0 each.
        unsafe { to.write(from[0]) };
        return Ok(());
    };
    let (n, row) = (dims[last] as usize, wanted[last] as usize);
    let rows = wanted[..last].iter().map(|d| *d as usize).product();
    let to = Place(to);
    in_pieces(call.host, rows, row.saturating_mul(2), 1, &|numbers| {
        for number in numbers {
            let (mut rest, mut at, mut size, mut is_there) = (number, 0, n, !from.is_empty());
            // Dims of no elements may have any product.
            for axis in (0..last).rev().filter(|_| !from.is_empty()) {
                let index = rest % wanted[axis] as usize;
                rest /= wanted[axis] as usize;
                is_there &= index < dims[axis] as usize;
                at += index * size;
                size *= dims[axis] as usize;
            }
            let copied = if is_there { n.min(row) } else { 0 };
            let copied = if copied == 0 { &[] } else { &from[at..at + copied] };
            for k in 0..row {
                // SAFETY: the row is there, and this piece's.
                unsafe { to.get().add(number * row + k).write(copied.get(k).copied().unwrap_or_default()) };
            }
        }
    })
}

/// A kernel for each line: what it is called, the function, and what is handed to that.
macro_rules! kernels {
    ($($kernel:ident: $T:ident, $call:ident => $body:expr;)*) => {$(
        pub(in crate::op) fn $kernel($call: &mut OpCall<'_>) -> Done {
            with_part!($call.elem(0), $T => $body)
        }
    )*};
}

kernels! {
    fft_forward: T, call => complex_axis::<T>(call, false, -1, Norm::Backward);
    fft_inverse: T, call => complex_axis::<T>(call, true, -1, Norm::Backward);
    fft_forward_as: T, call => complex_axis::<T>(call, false, call.int(2), Norm::named(call.str(3))?);
    fft_inverse_as: T, call => complex_axis::<T>(call, true, call.int(2), Norm::named(call.str(3))?);
    fft_real: T, call => real_axis::<T>(call, -1, Norm::Backward);
    fft_real_as: T, call => real_axis::<T>(call, call.int(2), Norm::named(call.str(3))?);
    fft_real_inverse: T, call => real_inverse_axis::<T>(call, call.int(2), Norm::Backward);
    fft_real_inverse_as: T, call => real_inverse_axis::<T>(call, call.int(2), Norm::named(call.str(3))?);
    fft_forward_axes: T, call => complex_axes::<T>(call, false, None, Norm::Backward);
    fft_inverse_axes: T, call => complex_axes::<T>(call, true, None, Norm::Backward);
    fft_forward_axes_as: T, call => {
        let (lengths, norm) = lengths_and_norm(call)?;
        complex_axes::<T>(call, false, lengths, norm)
    };
    fft_inverse_axes_as: T, call => {
        let (lengths, norm) = lengths_and_norm(call)?;
        complex_axes::<T>(call, true, lengths, norm)
    };
    fft_real_axes: T, call => real_axes::<T>(call, None, Norm::Backward);
    fft_real_axes_as: T, call => {
        let (lengths, norm) = lengths_and_norm(call)?;
        real_axes::<T>(call, lengths, norm)
    };
    fft_real_inverse_axes: T, call => {
        let lengths = Some(1 + call.list_len);
        real_inverse_axes::<T>(call, lengths, Norm::Backward)
    };
    fft_real_inverse_axes_as: T, call => {
        let (lengths, norm) = lengths_and_norm(call)?;
        real_inverse_axes::<T>(call, lengths, norm)
    };
}

/// Where the lengths behind the axes are, and the norm behind these.
fn lengths_and_norm(call: &OpCall<'_>) -> Result<(Option<usize>, Norm), TrapError> {
    let lengths = 1 + call.list_len;
    Ok((Some(lengths), Norm::named(call.str(lengths + call.list_len))?))
}
