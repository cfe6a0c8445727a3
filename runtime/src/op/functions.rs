//! Functions of every element: those of [`crate::scalar`], of the program
//! (`tensor.map`) and conversions.
//!
//! Invariant: a function computes what the scalar instruction computes, and a
//! conversion never traps.

use super::elementwise::{binary, unary, unary_called};
use super::{OpCall, Output};
use crate::object::Scalar;
use crate::object::element::with_elem;
use crate::scalar;
use crate::trap::TrapError;
use nbc_ir::Elem;

type Done = Result<(), TrapError>;

/// How often `tensor.map` asks the host's leave; calls of the function ask too.
const CALLS_BETWEEN_POLLS: usize = 1 << 12;

macro_rules! functions {
    ($($kernel:ident $walk:ident $weight:literal $f32:expr, $f64:expr;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            match call.elem(0) {
                Elem::F32 => $walk::<f32, f32>(call, $weight, $f32),
                _ => $walk::<f64, f64>(call, $weight, $f64),
            }
        }
    )*};
}

functions! {
    tensor_sqrt unary 4 |x| x.sqrt(), |x| x.sqrt();
    tensor_ceil unary 1 |x| x.ceil(), |x| x.ceil();
    tensor_floor unary 1 |x| x.floor(), |x| x.floor();
    tensor_trunc unary 1 |x| x.trunc(), |x| x.trunc();
    tensor_nearest unary 1 scalar::nearest_f32, scalar::nearest_f64;
    tensor_sin unary_called 20 scalar::sin_f32, scalar::sin_f64;
    tensor_cos unary_called 20 scalar::cos_f32, scalar::cos_f64;
    tensor_tan unary_called 20 scalar::tan_f32, scalar::tan_f64;
    tensor_asin unary_called 20 scalar::asin_f32, scalar::asin_f64;
    tensor_acos unary_called 20 scalar::acos_f32, scalar::acos_f64;
    tensor_atan unary_called 20 scalar::atan_f32, scalar::atan_f64;
    tensor_sinh unary_called 20 scalar::sinh_f32, scalar::sinh_f64;
    tensor_cosh unary_called 20 scalar::cosh_f32, scalar::cosh_f64;
    tensor_tanh unary_called 20 scalar::tanh_f32, scalar::tanh_f64;
    tensor_exp unary_called 20 scalar::exp_f32, scalar::exp_f64;
    tensor_exp2 unary_called 20 scalar::exp2_f32, scalar::exp2_f64;
    tensor_expm1 unary_called 20 scalar::expm1_f32, scalar::expm1_f64;
    tensor_ln unary_called 20 scalar::ln_f32, scalar::ln_f64;
    tensor_log2 unary_called 20 scalar::log2_f32, scalar::log2_f64;
    tensor_log10 unary_called 20 scalar::log10_f32, scalar::log10_f64;
    tensor_log1p unary_called 20 scalar::log1p_f32, scalar::log1p_f64;
    tensor_cbrt unary_called 20 scalar::cbrt_f32, scalar::cbrt_f64;
}

macro_rules! functions_of_two {
    ($($kernel:ident $weight:literal $f32:expr, $f64:expr;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            match call.elem(0) {
                Elem::F32 => binary::<f32, f32>(call, $weight, $f32),
                _ => binary::<f64, f64>(call, $weight, $f64),
            }
        }
    )*};
}

functions_of_two! {
    tensor_pow 40 scalar::pow_f32, scalar::pow_f64;
    tensor_atan2 40 scalar::atan2_f32, scalar::atan2_f64;
    tensor_hypot 10 scalar::hypot_f32, scalar::hypot_f64;
}

/// Conversion between scalars, never trapping.
trait Cast<U> {
    fn cast(self) -> U;
}

macro_rules! casts {
    ($($from:ident)*) => {$(
        casts!(@to $from u8 i32 i64 f32 f64);
        impl Cast<bool> for $from {
            #[inline(always)]
            fn cast(self) -> bool {
                self != <$from as crate::object::Element>::ZERO
            }
        }
    )*};
    // `as` is what is wanted: integers wrap, floats are truncated and clamped, NaN is 0.
    (@to $from:ident $($to:ident)*) => {$(
        impl Cast<$to> for $from {
            #[inline(always)]
            fn cast(self) -> $to {
                self as $to
            }
        }
    )*};
}
casts!(u8 i32 i64 f32 f64);

macro_rules! casts_from_bool {
    ($($to:ident)*) => {$(
        impl Cast<$to> for bool {
            #[inline(always)]
            fn cast(self) -> $to {
                self as u8 as $to
            }
        }
    )*};
}
casts_from_bool!(u8 i32 i64 f32 f64);

impl Cast<bool> for bool {
    #[inline(always)]
    fn cast(self) -> bool {
        self
    }
}

pub(super) fn tensor_cast(call: &mut OpCall<'_>) -> Done {
    with_elem!(scalar call.elem(0), T =>
        with_elem!(scalar call.elem(1), U => unary_called::<T, U>(call, 1, <T as Cast<U>>::cast)))
}

pub(super) fn tensor_map(call: &mut OpCall<'_>) -> Done {
    with_elem!(scalar call.elem(0), T => with_elem!(scalar call.elem(1), U => map::<T, U>(call)))
}

fn map<T: Scalar, U: Scalar>(call: &mut OpCall<'_>) -> Done {
    let (from, function) = (call.tensor(0), call.args[1]);
    let out: Output<'_, U> = call.output(&from.dims())?;
    for i in 0..from.len() {
        if i % CALLS_BETWEEN_POLLS == CALLS_BETWEEN_POLLS - 1 {
            call.host.poll()?;
        }
        // SAFETY: the index is in range of a live tensor of elements `T`. It
        // is read afresh each time, as the function may write the tensor.
        let x = unsafe { from.data().cast::<T>().add(i).read() };
        out.elements[i].write(U::from_slot(call.host.call(function, &[x.to_slot()])?));
    }
    // SAFETY: the loop has written every element.
    unsafe { call.finish(out) };
    Ok(())
}
