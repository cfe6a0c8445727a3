//! Derivatives and the Laplacian of periodic functions, by their Fourier series.
//!
//! A derivative is one pass: a lane is transformed, multiplied and transformed back while it is gathered. The Laplacian
//! is the sum of the second derivatives, in the order in which axes are given.

use super::ask::{Axes, length};
use super::lanes::{Done, Lanes, along};
use super::long::pieces;
use super::transforms::one_axis;
use crate::object::Element;
use crate::op::call::{OpCall, Output};
use crate::op::number::Number;
use crate::op::sort::space;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Elem;
use nbc_numerics::fft::derivative::{Frequencies, OfComplex, OfReal};
use nbc_numerics::fft::{Complex, Form, Plans};

/// Elements that have derivatives.
trait Sampled: Number + Default {
    /// What takes them.
    type Derivative: Form<From = Self, To = Self>;
    fn derivative(plans: &Plans, frequencies: Frequencies) -> Self::Derivative;
}

macro_rules! sampled {
    ($($part:ident)*) => {$(
        impl Sampled for $part {
            type Derivative = OfReal<$part>;
            fn derivative(plans: &Plans, frequencies: Frequencies) -> OfReal<$part> {
                OfReal::new(plans, frequencies)
            }
        }
        impl Sampled for Complex<$part> {
            type Derivative = OfComplex<$part>;
            fn derivative(_: &Plans, frequencies: Frequencies) -> OfComplex<$part> {
                OfComplex::new(frequencies)
            }
        }
    )*};
}
sampled! { f32 f64 }

/// A period that functions can have.
fn period(axis: usize, period: f64) -> Result<f64, TrapError> {
    if period.is_finite() && period > 0.0 {
        return Ok(period);
    }
    let text = format!("a period of {period} along axis {axis}: it is a finite number above 0");
    Err(TrapError::new(TrapCode::InvalidArgument, text))
}

fn derivative<T: Sampled + Element>(call: &mut OpCall<'_>) -> Done {
    let dims = call.tensor(0).dims();
    let axis = call.axis(1, dims.len())?;
    let order = u32::try_from(call.int(2)).map_err(|_| {
        let text = format!("a derivative of order {}: orders are 0 to {}", call.int(2), u32::MAX);
        TrapError::new(TrapCode::InvalidArgument, text)
    })?;
    let period = period(axis, f64::from_bits(call.args[3]))?;
    let n = length(axis, -1, dims[axis])? as usize;
    one_axis(call, axis, &dims, &[], |call| T::derivative(&call.plans(), Frequencies::new(n, order, period)))
}

pub(in crate::op) fn fft_derivative(call: &mut OpCall<'_>) -> Done {
    match call.elem(0) {
        Elem::F32 => derivative::<f32>(call),
        Elem::C64 => derivative::<Complex<f32>>(call),
        Elem::C128 => derivative::<Complex<f64>>(call),
        _ => derivative::<f64>(call),
    }
}

fn laplacian<T: Sampled + Element>(call: &mut OpCall<'_>) -> Done {
    let dims = call.tensor(0).dims();
    let axes = Axes::listed(call, 1, dims.len())?;
    let axes = axes.as_slice();
    let at = 1 + call.list_len;
    let (given, periods) = (call.tensor(at).dims(), call.input::<f64>(at));
    if *given != [axes.len() as u64] {
        let text = format!("periods of dims {given} for {} axes of {dims}: one for each", axes.len());
        return Err(TrapError::new(TrapCode::ShapeMismatch, text));
    }
    for (axis, given) in axes.iter().zip(periods) {
        length(*axis, -1, dims[*axis])?;
        period(*axis, *given)?;
    }
    let out: Output<'_, T> = call.output(&dims)?;
    let (from, len) = (call.input::<T>(0).as_ptr(), out.elements.len());
    let to = out.elements.as_mut_ptr().cast::<T>();
    if axes.is_empty() && len > 0 {
        // Of no axis: nothing is added.
        // SAFETY: a tensor without dims has one element.
        unsafe { to.write(T::ZERO) };
    }
    if len > 0 {
        let work = |call: &mut OpCall<'_>| {
            let other = space::<T>(call, if axes.len() > 1 { len } else { 0 })?;
            for (n, (axis, period)) in axes.iter().zip(periods).enumerate() {
                let lanes = Lanes::along(&dims, *axis, dims[*axis]);
                let form = T::derivative(&call.plans(), Frequencies::new(lanes.from, 2, *period));
                let into = if n == 0 { to } else { other.as_mut_ptr() };
                // SAFETY: argument, result and room have as many elements.
                unsafe { along(call, &form, lanes, from, into)? };
                if n > 0 {
                    // SAFETY: the first axis has written all of the result.
                    let sums = unsafe { std::slice::from_raw_parts_mut(to, len) };
                    let more = &*other;
                    pieces(call, sums, 2, &|first, piece| {
                        piece.iter_mut().zip(&more[first..]).for_each(|(sum, more)| *sum = sum.add(*more));
                    })?;
                }
            }
            Ok(())
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work)? };
    }
    // SAFETY: the first axis has written all of it.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn fft_laplacian(call: &mut OpCall<'_>) -> Done {
    match call.elem(0) {
        Elem::F32 => laplacian::<f32>(call),
        Elem::C64 => laplacian::<Complex<f32>>(call),
        Elem::C128 => laplacian::<Complex<f64>>(call),
        _ => laplacian::<f64>(call),
    }
}
