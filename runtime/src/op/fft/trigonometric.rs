//! Transforms into cosines and sines, along an axis.

use super::ask::{Norm, length, with_length};
use super::lanes::Done;
use super::transforms::one_axis;
use super::with_part;
use crate::object::Element;
use crate::op::call::OpCall;
use crate::trap::{TrapCode, TrapError};
use nbc_numerics::fft::Float;
use nbc_numerics::fft::trigonometric::{Kind, Trigonometric, Weights};

/// What a row is: of sines or cosines, there or back.
#[derive(Clone, Copy)]
struct Row {
    is_sine: bool,
    is_inverse: bool,
}

fn transform<T: Float + Element>(call: &mut OpCall<'_>, row: Row, asked: i64, norm: Norm) -> Done {
    let dims = call.tensor(0).dims();
    let axis = call.axis(1, dims.len())?;
    let n = length(axis, asked, dims[axis])?;
    let number = call.int(2);
    let Some(kind) = Kind::of_number(number) else {
        let text = format!("a transform of type {number}: types are 1 to 4");
        return Err(TrapError::new(TrapCode::InvalidArgument, text));
    };
    if kind == Kind::One && !row.is_sine && n < 2 {
        let text =
            format!("a cosine transform of type 1 of one number along axis {axis}: it is of 2 at least");
        return Err(TrapError::new(TrapCode::InvalidArgument, text));
    }
    let kind = if row.is_inverse { kind.inverse() } else { kind };
    one_axis(call, axis, &with_length(&dims, axis, n), &[], |call| {
        let n = n as usize;
        let period = kind.period(row.is_sine, n) as f64;
        let weights = match norm {
            Norm::Ortho => Weights::orthogonal(kind, row.is_sine, n),
            _ => Weights::plain(norm.scale(period, row.is_inverse)),
        };
        Trigonometric::<T>::new(&call.plans(), kind, row.is_sine, n, weights)
    })
}

macro_rules! kernels {
    ($($plain:ident $asking:ident $is_sine:literal $is_inverse:literal;)*) => {$(
        pub(in crate::op) fn $plain(call: &mut OpCall<'_>) -> Done {
            let row = Row { is_sine: $is_sine, is_inverse: $is_inverse };
            with_part!(call.elem(0), T => transform::<T>(call, row, -1, Norm::Backward))
        }
        pub(in crate::op) fn $asking(call: &mut OpCall<'_>) -> Done {
            let row = Row { is_sine: $is_sine, is_inverse: $is_inverse };
            let norm = Norm::named(call.str(4))?;
            with_part!(call.elem(0), T => transform::<T>(call, row, call.int(3), norm))
        }
    )*};
}

kernels! {
    fft_dct fft_dct_as false false;
    fft_dct_inverse fft_dct_inverse_as false true;
    fft_dst fft_dst_as true false;
    fft_dst_inverse fft_dst_inverse_as true true;
}
