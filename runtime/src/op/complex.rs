//! Complex elements: their parts, absolute values, angles, exponentials and square roots.
//!
//! Invariant: infinities, NaN, zeros and the branch cut are those of C99's Annex G, which NumPy has too.

use super::OpCall;
use super::elementwise::{run, unary, unary_called};
use super::loops;
use crate::scalar;
use crate::trap::TrapError;
use nbc_ir::Elem;
use num_complex::Complex;

type Done = Result<(), TrapError>;

pub(super) fn complex_of_parts(call: &mut OpCall<'_>) -> Done {
    match call.elem(0) {
        Elem::C64 => run(call, &loops::binary(1, |re: f32, im: f32| Complex::new(re, im))),
        _ => run(call, &loops::binary(1, |re: f64, im: f64| Complex::new(re, im))),
    }
}

macro_rules! functions {
    ($($ty:ident $exp_of:ident $sqrt_of:ident $exp:path, $cos:path, $sin:path, $hypot:path;)*) => {$(
        /// e to the power of `z`.
        fn $exp_of(z: Complex<$ty>) -> Complex<$ty> {
            let (x, y) = (z.re, z.im);
            if y == 0.0 {
                return Complex::new($exp(x), y);
            }
            if !y.is_finite() {
                // The direction is not known; only what is 0 or infinite whatever it is stays.
                return match x {
                    $ty::NEG_INFINITY => Complex::new(0.0, (0.0 as $ty).copysign(y)),
                    $ty::INFINITY => Complex::new($ty::INFINITY, $ty::NAN),
                    _ => Complex::new($ty::NAN, $ty::NAN),
                };
            }
            if x == $ty::NEG_INFINITY {
                return Complex::new((0.0 as $ty).copysign($cos(y)), (0.0 as $ty).copysign($sin(y)));
            }
            let size = $exp(x);
            if size == $ty::INFINITY && x < 2.0 * <$ty>::MAX_EXP as $ty {
                // The length may be too large where a part is not: in four steps, for tiny angles.
                let root = $exp(x / 4.0);
                let scaled = |part: $ty| part * root * root * root * root;
                return Complex::new(scaled($cos(y)), scaled($sin(y)));
            }
            Complex::new(size * $cos(y), size * $sin(y))
        }

        /// The square root of `z` that is not left of the imaginary axis.
        fn $sqrt_of(z: Complex<$ty>) -> Complex<$ty> {
            let (x, y) = (z.re, z.im);
            if x == 0.0 && y == 0.0 {
                return Complex::new(0.0, y);
            }
            if y.is_infinite() {
                return Complex::new($ty::INFINITY, y);
            }
            if x.is_nan() {
                return Complex::new($ty::NAN, $ty::NAN);
            }
            if x.is_infinite() {
                let none = if y.is_nan() { y } else { 0.0 };
                return match x > 0.0 {
                    true => Complex::new(x, if y.is_nan() { y } else { (0.0 as $ty).copysign(y) }),
                    false => Complex::new(none, $ty::INFINITY.copysign(y)),
                };
            }
            // Brought near to 1 by a power of 4, whose root is one of 2, so that no sum overflows or is lost.
            let most = x.abs().max(y.abs());
            let (x, y, back) = if most > $ty::MAX / 4.0 {
                (x / 16.0, y / 16.0, 4.0)
            } else if most < $ty::MIN_POSITIVE / $ty::EPSILON {
                let up = (1u64 << ($ty::MANTISSA_DIGITS / 2 * 2)) as $ty;
                (x * up, y * up, 1.0 / (1u64 << ($ty::MANTISSA_DIGITS / 2)) as $ty)
            } else {
                (x, y, 1.0)
            };
            if x >= 0.0 {
                let t = ((x + $hypot(x, y)) * 0.5).sqrt();
                Complex::new(t * back, y / (2.0 * t) * back)
            } else {
                let t = ((-x + $hypot(x, y)) * 0.5).sqrt();
                Complex::new(y.abs() / (2.0 * t) * back, (t * back).copysign(y))
            }
        }
    )*};
}
functions! {
    f32 exp_f32 sqrt_f32 scalar::exp_f32, scalar::cos_f32, scalar::sin_f32, scalar::hypot_f32;
    f64 exp_f64 sqrt_f64 scalar::exp_f64, scalar::cos_f64, scalar::sin_f64, scalar::hypot_f64;
}

macro_rules! kernels {
    ($($kernel:ident $walk:ident $weight:literal $single:expr, $double:expr;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            match call.elem(0) {
                Elem::C64 => $walk(call, $weight, $single),
                _ => $walk(call, $weight, $double),
            }
        }
    )*};
}

kernels! {
    complex_real unary 1 |z: Complex<f32>| z.re, |z: Complex<f64>| z.re;
    complex_imag unary 1 |z: Complex<f32>| z.im, |z: Complex<f64>| z.im;
    complex_conj unary 1 |z: Complex<f32>| Complex::new(z.re, -z.im), |z: Complex<f64>| Complex::new(z.re, -z.im);
    complex_abs unary_called 10 |z: Complex<f32>| scalar::hypot_f32(z.re, z.im), |z: Complex<f64>| scalar::hypot_f64(z.re, z.im);
    complex_angle unary_called 40 |z: Complex<f32>| scalar::atan2_f32(z.im, z.re), |z: Complex<f64>| scalar::atan2_f64(z.im, z.re);
    complex_exp unary_called 60 exp_f32, exp_f64;
    complex_sqrt unary_called 20 sqrt_f32, sqrt_f64;
}
