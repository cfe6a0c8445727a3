//! Constructors: tensors made from no tensor.
//!
//! Invariant: a result is handed on only when every element has been written.

use super::elementwise::Operand;
use super::loops::{self, Arithmetic};
use super::number::Real;
use super::work::fill;
use super::{OpCall, Output, fused};
use crate::object::Scalar;
use crate::object::element::with_elem;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Elem;
use nbc_ir::catalogue::Extent;

type Done = Result<(), TrapError>;

pub(super) fn tensor_zeros(call: &mut OpCall<'_>) -> Done {
    let dims = call.dims(0)?;
    zeros(call, call.elem(0), &dims)
}

pub(super) fn tensor_zeros_like(call: &mut OpCall<'_>) -> Done {
    let dims = call.tensor(0).dims();
    zeros(call, call.elem(1), &dims)
}

fn zeros(call: &mut OpCall<'_>, elem: Elem, dims: &[u64]) -> Done {
    call.charge(Extent::new(dims, elem.size()))?;
    let tensor = call.host.heap().zeros(elem, dims)?;
    call.set(tensor.slot());
    Ok(())
}

pub(super) fn tensor_full(call: &mut OpCall<'_>) -> Done {
    with_elem!(scalar call.elem(0), T => {
        let dims = call.dims(0)?;
        let value = Operand::of(call, call.list_len, call.elem(0));
        if fused::joins(call, &loops::unary(1, |x: T| x).simple(Arithmetic::Copy), &mut [value], &dims)? {
            return Ok(());
        }
        let value = <T as Scalar>::from_slot(call.args[call.list_len]);
        let out: Output<'_, T> = call.output(&dims)?;
        fill(call.host, &mut *out.elements, 1, |_, piece| {
            for e in piece {
                e.write(value);
            }
        })?;
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// The result of `len` elements that `value` gives by their index.
fn steps<T: Scalar>(call: &mut OpCall<'_>, len: u64, value: impl Fn(usize) -> T + Sync) -> Done {
    let out: Output<'_, T> = call.output(&[len])?;
    fill(call.host, &mut *out.elements, 5, |at, piece| {
        for (i, e) in piece.iter_mut().enumerate() {
            e.write(value(at + i));
        }
    })?;
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

/// The value at each place of so many from `start` to `end`.
pub(super) fn spaced(start: f64, end: f64, len: u64) -> impl Fn(usize) -> f64 + Copy {
    let count = len.max(2) - 1;
    let span = end - start;
    // Ends so far apart that their distance is no number are halves of it away from the middle.
    let is_far = span.is_infinite() && start.is_finite() && end.is_finite();
    let step = if is_far { end / count as f64 - start / count as f64 } else { span / count as f64 };
    move |i| match i as u64 {
        i if i > 0 && i == len - 1 => end,
        0 if is_far => start,
        i if is_far && i > count / 2 => end - (count - i) as f64 * step,
        i => start + i as f64 * step,
    }
}

/// How many values `tensor.linspace` makes.
pub(super) fn linspace_len(call: &OpCall<'_>) -> Result<u64, TrapError> {
    let n = call.int(2);
    u64::try_from(n).map_err(|_| TrapError::new(TrapCode::InvalidArgument, format!("{n} values of linspace")))
}

pub(super) fn tensor_linspace(call: &mut OpCall<'_>) -> Done {
    let len = linspace_len(call)?;
    let single = call.elem(0) == Elem::F32;
    let end_of = |slot| if single { f32::from_slot(slot) as f64 } else { f64::from_slot(slot) };
    let (start, end) = (end_of(call.args[0]), end_of(call.args[1]));
    let value = spaced(start, end, len);
    if single { steps::<f32>(call, len, move |i| value(i) as f32) } else { steps::<f64>(call, len, value) }
}

pub(super) fn tensor_arange(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => arange::<T>(call))
}

/// What `tensor.arange` needs of an element type.
trait Range: Real {
    /// Number of values, unless the step is no good.
    fn count(start: u64, end: u64, step: u64) -> Option<f64>;
    fn at(start: u64, step: u64, i: usize) -> Self;
}

macro_rules! integer_range {
    ($($ty:ident $of:expr;)*) => {$(
        impl Range for $ty {
            fn count(start: u64, end: u64, step: u64) -> Option<f64> {
                let of: fn(u64) -> i128 = $of;
                let (span, step) = (of(end) - of(start), of(step));
                if step == 0 {
                    return None;
                }
                // Rounded up: the quotient toward zero, and one more when there is a rest.
                let count = span / step + (span % step != 0) as i128;
                Some(if (span > 0) == (step > 0) { count as f64 } else { 0.0 })
            }
            #[inline(always)]
            fn at(start: u64, step: u64, i: usize) -> $ty {
                start.wrapping_add(step.wrapping_mul(i as u64)) as $ty
            }
        }
    )*};
}
// An element of u8 travels in an i32 slot.
integer_range! {
    u8 |slot| slot as u32 as i32 as i128;
    i32 |slot| slot as u32 as i32 as i128;
    i64 |slot| slot as i64 as i128;
}

macro_rules! float_range {
    ($($ty:ident)*) => {$(
        impl Range for $ty {
            fn count(start: u64, end: u64, step: u64) -> Option<f64> {
                let of = |slot| $ty::from_slot(slot) as f64;
                let count = ((of(end) - of(start)) / of(step)).ceil();
                (of(step) != 0.0 && of(step).is_finite() && !count.is_nan()).then_some(count.max(0.0))
            }
            #[inline(always)]
            fn at(start: u64, step: u64, i: usize) -> $ty {
                ($ty::from_slot(start) as f64 + i as f64 * $ty::from_slot(step) as f64) as $ty
            }
        }
    )*};
}
float_range!(f32 f64);

/// How many values `tensor.arange` makes.
pub(super) fn arange_len(call: &OpCall<'_>) -> Result<u64, TrapError> {
    with_elem!(real call.elem(0), T => arange_len_of::<T>(call))
}

fn arange_len_of<T: Range>(call: &OpCall<'_>) -> Result<u64, TrapError> {
    let [start, end, step] = [call.args[0], call.args[1], call.args[2]];
    let count = T::count(start, end, step).ok_or_else(|| {
        TrapError::new(TrapCode::InvalidArgument, "arange with a step of zero or infinity, or with a NaN")
    })?;
    if count > (1u64 << 53) as f64 {
        return Err(TrapError::new(TrapCode::OutOfMemory, format!("{count:e} values of arange")));
    }
    Ok(count as u64)
}

fn arange<T: Range>(call: &mut OpCall<'_>) -> Done {
    let len = arange_len_of::<T>(call)?;
    let [start, step] = [call.args[0], call.args[2]];
    steps(call, len, |i| T::at(start, step, i))
}
