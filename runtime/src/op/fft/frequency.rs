//! Frequencies of the numbers of a transform, and tensors with frequency 0 in the middle.

use super::lanes::Done;
use super::with_part;
use crate::object::{Element, Scalar};
use crate::op::arrange::rolled;
use crate::op::call::{OpCall, Output};
use crate::op::work::fill;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::dims::MAX_RANK;
use nbc_numerics::fft::Float;
use nbc_numerics::fft::frequency::of_number;

/// The frequencies of the first `count` of `n` numbers, whose samples are argument 1 apart.
fn frequencies<T: Float + Scalar + Element>(
    call: &mut OpCall<'_>,
    count: impl Fn(u64) -> u64,
    is_real: bool,
) -> Done {
    let asked = call.int(0);
    let Some(n) = u64::try_from(asked).ok().filter(|n| *n > 0) else {
        let text = format!("frequencies of {asked} numbers: there is at least 1");
        return Err(TrapError::new(TrapCode::InvalidArgument, text));
    };
    let spacing = T::from_slot(call.args[1]);
    let out: Output<'_, T> = call.output(&[count(n)])?;
    let period = T::of(n as f64) * spacing;
    fill(call.host, &mut *out.elements, 4, |start, piece| {
        for (k, to) in (start as u64..).zip(piece) {
            // Of real numbers the middle one counts as positive.
            let cycles = if is_real { k as i64 } else { of_number(k, n) };
            to.write(T::of(cycles as f64) / period);
        }
    })?;
    // SAFETY: `fill` has had every piece written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn fft_freq(call: &mut OpCall<'_>) -> Done {
    with_part!(call.elem(0), T => frequencies::<T>(call, |n| n, false))
}

pub(in crate::op) fn fft_rfreq(call: &mut OpCall<'_>) -> Done {
    with_part!(call.elem(0), T => frequencies::<T>(call, |n| n / 2 + 1, true))
}

/// Rolls along the axes from argument 1 on, by what `by` says of a length.
fn shift(call: &mut OpCall<'_>, by: impl Fn(u64) -> u64) -> Done {
    let dims = call.tensor(0).dims();
    let is_shifted = call.axes(1, dims.len())?;
    let by: [u64; MAX_RANK] = std::array::from_fn(|axis| match is_shifted[axis] {
        true => by(dims[axis]),
        false => 0,
    });
    rolled(call, &dims, &by)
}

pub(in crate::op) fn fft_shift(call: &mut OpCall<'_>) -> Done {
    shift(call, |n| n / 2)
}

pub(in crate::op) fn fft_unshift(call: &mut OpCall<'_>) -> Done {
    shift(call, |n| n - n / 2)
}
