//! Functions of every element: mathematical ones ([`nbc_numerics`]) and conversions.
//!
//! Invariant: a function computes what the scalar instruction computes, and a
//! conversion never traps.

use super::OpCall;
use super::elementwise::{run, unary_called};
use super::loops::{self, Arithmetic, Elementwise, MOST};
use crate::object::element::with_elem;
use crate::scalar;
use crate::trap::TrapError;
use nbc_ir::Elem;
use nbc_numerics as numerics;
use nbc_numerics::functions::{self as definitions, Function, Function2};

type Done = Result<(), TrapError>;

macro_rules! functions {
    ($($kernel:ident $arithmetic:ident $weight:literal $f32:expr, $f64:expr;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            let of = match call.elem(0) {
                Elem::F32 => loops::unary::<f32, f32, _>($weight, $f32),
                _ => loops::unary::<f64, f64, _>($weight, $f64),
            };
            run(call, &of.simple(Arithmetic::$arithmetic))
        }
    )*};
}

functions! {
    tensor_sqrt Sqrt 4 |x| x.sqrt(), |x| x.sqrt();
    tensor_ceil Ceil 1 |x| x.ceil(), |x| x.ceil();
    tensor_floor Floor 1 |x| x.floor(), |x| x.floor();
    tensor_trunc Trunc 1 |x| x.trunc(), |x| x.trunc();
    tensor_nearest Nearest 1 scalar::nearest_f32, scalar::nearest_f64;
}

/// A mathematical function as a loop.
///
/// # Safety
/// As for a [`Loop`](super::simd::Loop).
unsafe fn each<T: numerics::Element, F: Function>(
    to: *mut u8,
    [from, ..]: [*const u8; MOST],
    [moves, ..]: [bool; MOST],
    len: usize,
) {
    let (from, to) = (from.cast::<T>(), to.cast::<T>());
    let kernel = numerics::kernel::<T, F>(numerics::level());
    // SAFETY: upheld by the caller. A vector is read before it is written.
    unsafe {
        if moves {
            return kernel(from, to, len);
        }
        if len > 0 {
            kernel(from, to, 1);
            std::slice::from_raw_parts_mut(to, len).fill(to.read());
        }
    }
}

/// As [`each`], for functions of two.
///
/// # Safety
/// As there.
unsafe fn each_pair<T: numerics::Element, F: Function2>(
    to: *mut u8,
    [a, b, _]: [*const u8; MOST],
    [move_a, move_b, _]: [bool; MOST],
    len: usize,
) {
    let kernel = numerics::kernel2::<T, F>(numerics::level(), [move_a, move_b]);
    // SAFETY: upheld by the caller. Vectors are read before one is written.
    unsafe { kernel(a.cast(), b.cast(), to.cast(), len) }
}

/// The result of a mathematical function for every element of argument 0.
fn mathematical<F: Function>(call: &mut OpCall<'_>, weight: usize) -> Done {
    let elem = call.elem(0);
    let loop_of = if elem == Elem::F32 { each::<f32, F> } else { each::<f64, F> };
    run(call, &Elementwise { run: loop_of, from: [elem; MOST], to: elem, weight, arithmetic: None })
}

/// The result of a mathematical function for every pair of elements of arguments 0 and 1, broadcast.
fn mathematical_of_two<F: Function2>(call: &mut OpCall<'_>, weight: usize) -> Done {
    let elem = call.elem(0);
    let loop_of = if elem == Elem::F32 { each_pair::<f32, F> } else { each_pair::<f64, F> };
    run(call, &Elementwise { run: loop_of, from: [elem; MOST], to: elem, weight, arithmetic: None })
}

macro_rules! mathematical {
    ($over:ident $($kernel:ident $definition:ident $weight:literal;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            $over::<definitions::$definition>(call, $weight)
        }
    )*};
}

mathematical! {
    mathematical
    tensor_sin Sin 7;
    tensor_cos Cos 7;
    tensor_tan Tan 10;
    tensor_asin Asin 7;
    tensor_acos Acos 7;
    tensor_atan Atan 9;
    tensor_sinh Sinh 6;
    tensor_cosh Cosh 6;
    tensor_tanh Tanh 10;
    tensor_exp Exp 4;
    tensor_exp2 Exp2 4;
    tensor_expm1 Expm1 5;
    tensor_ln Ln 5;
    tensor_log2 Log2 5;
    tensor_log10 Log10 5;
    tensor_log1p Log1p 6;
    tensor_cbrt Cbrt 7;
    tensor_erf Erf 19;
    tensor_erfc Erfc 19;
    tensor_lgamma Lgamma 47;
    tensor_tgamma Tgamma 47;
}

mathematical! {
    mathematical_of_two
    tensor_pow Pow 14;
    tensor_atan2 Atan2 11;
    tensor_hypot Hypot 5;
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
