//! Functions of scalars, in one place: the interpreter, compiled code and the
//! kernels over tensors call these very functions, so that all agree bit for
//! bit.
//!
//! Mathematical functions are those of [`nbc_numerics`]. What is an instruction of
//! every processor (add, sqrt) is not here, except where the meaning has fine
//! print: minimum, maximum, and rounding to the nearest even.
//!
//! No result depends on which NaN an argument is, for that depends on who
//! computed it.

use nbc_numerics::{functions, of, of2};

/// Calls `$unary!` and `$binary!` with every mathematical function: ours of doubles and its
/// instruction, the same of singles, and the definition.
macro_rules! for_each_function {
    ($unary:ident $binary:ident) => {
        $unary! {
            /// Sine of radians.
            sin_f64 F64Sin sin_f32 F32Sin Sin;
            /// Cosine of radians.
            cos_f64 F64Cos cos_f32 F32Cos Cos;
            /// Tangent of radians.
            tan_f64 F64Tan tan_f32 F32Tan Tan;
            /// Arc sine.
            asin_f64 F64Asin asin_f32 F32Asin Asin;
            /// Arc cosine.
            acos_f64 F64Acos acos_f32 F32Acos Acos;
            /// Arc tangent.
            atan_f64 F64Atan atan_f32 F32Atan Atan;
            /// Hyperbolic sine.
            sinh_f64 F64Sinh sinh_f32 F32Sinh Sinh;
            /// Hyperbolic cosine.
            cosh_f64 F64Cosh cosh_f32 F32Cosh Cosh;
            /// Hyperbolic tangent.
            tanh_f64 F64Tanh tanh_f32 F32Tanh Tanh;
            /// e to the power.
            exp_f64 F64Exp exp_f32 F32Exp Exp;
            /// 2 to the power.
            exp2_f64 F64Exp2 exp2_f32 F32Exp2 Exp2;
            /// e to the power, minus 1.
            expm1_f64 F64Expm1 expm1_f32 F32Expm1 Expm1;
            /// Natural logarithm.
            ln_f64 F64Ln ln_f32 F32Ln Ln;
            /// Logarithm to base 2.
            log2_f64 F64Log2 log2_f32 F32Log2 Log2;
            /// Logarithm to base 10.
            log10_f64 F64Log10 log10_f32 F32Log10 Log10;
            /// Natural logarithm of 1 plus the argument.
            log1p_f64 F64Log1p log1p_f32 F32Log1p Log1p;
            /// Cube root.
            cbrt_f64 F64Cbrt cbrt_f32 F32Cbrt Cbrt;
            /// Error function.
            erf_f64 F64Erf erf_f32 F32Erf Erf;
            /// 1 less the error function, exact where that is small.
            erfc_f64 F64Erfc erfc_f32 F32Erfc Erfc;
            /// Natural logarithm of the absolute value of the gamma function.
            lgamma_f64 F64Lgamma lgamma_f32 F32Lgamma Lgamma;
            /// Gamma function.
            tgamma_f64 F64Tgamma tgamma_f32 F32Tgamma Tgamma;
        }
        $binary! {
            /// The first to the power of the second; 1 if the first is 1 or the second
            /// 0, though the other be a NaN.
            pow_f64 F64Pow pow_f32 F32Pow Pow;
            /// Square root of the sum of squares; infinite if one is, though the other
            /// be a NaN.
            hypot_f64 F64Hypot hypot_f32 F32Hypot Hypot;
            /// Angle of the point (second, first).
            atan2_f64 F64Atan2 atan2_f32 F32Atan2 Atan2;
        }
    };
}
pub(crate) use for_each_function;

macro_rules! unary {
    ($($(#[$doc:meta])* $f64:ident $f64_inst:ident $f32:ident $f32_inst:ident $definition:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $f64(x: f64) -> f64 {
            of::<functions::$definition, f64>(x)
        }
        $(#[$doc])*
        #[inline]
        pub fn $f32(x: f32) -> f32 {
            of::<functions::$definition, f32>(x)
        }
    )*};
}

macro_rules! binary {
    ($($(#[$doc:meta])* $f64:ident $f64_inst:ident $f32:ident $f32_inst:ident $definition:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $f64(x: f64, y: f64) -> f64 {
            of2::<functions::$definition, f64>(x, y)
        }
        $(#[$doc])*
        #[inline]
        pub fn $f32(x: f32, y: f32) -> f32 {
            of2::<functions::$definition, f32>(x, y)
        }
    )*};
}

for_each_function!(unary binary);

/// Remainder with the sign of the first, as C's `fmod`: exact.
#[inline]
pub fn rem_f64(x: f64, y: f64) -> f64 {
    x % y
}

/// As [`rem_f64`].
#[inline]
pub fn rem_f32(x: f32, y: f32) -> f32 {
    x % y
}

macro_rules! order {
    ($ty:ident, $min:ident, $max:ident, $nearest:ident, $canonical:ident) => {
        /// IEEE 754-2019 minimum: NaN (the canonical one) if either is, -0 below +0.
        #[inline(always)]
        pub fn $min(x: $ty, y: $ty) -> $ty {
            // Equal values differ at most in the sign of zero: `|` keeps the minus.
            let equal = $ty::from_bits(x.to_bits() | y.to_bits());
            let smaller = if x < y { x } else { y };
            let ordered = if x == y { equal } else { smaller };
            if x.is_nan() | y.is_nan() { $ty::NAN } else { ordered }
        }

        /// IEEE 754-2019 maximum: NaN (the canonical one) if either is, +0 above -0.
        #[inline(always)]
        pub fn $max(x: $ty, y: $ty) -> $ty {
            let equal = $ty::from_bits(x.to_bits() & y.to_bits());
            let larger = if x > y { x } else { y };
            let ordered = if x == y { equal } else { larger };
            if x.is_nan() | y.is_nan() { $ty::NAN } else { ordered }
        }

        /// Nearest integer, ties to even.
        #[inline(always)]
        pub fn $nearest(x: $ty) -> $ty {
            x.round_ties_even()
        }

        /// The value, with every NaN made the canonical one.
        #[inline(always)]
        pub fn $canonical(x: $ty) -> $ty {
            if x.is_nan() { $ty::NAN } else { x }
        }
    };
}
order!(f64, min_f64, max_f64, nearest_f64, canonical_f64);
order!(f32, min_f32, max_f32, nearest_f32, canonical_f32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_ordered_and_nan_is_canonical() {
        assert!(min_f64(0.0, -0.0).is_sign_negative() && min_f64(-0.0, 0.0).is_sign_negative());
        assert!(max_f32(0.0, -0.0).is_sign_positive() && max_f32(-0.0, 0.0).is_sign_positive());
        assert!(max_f64(-0.0, -0.0).is_sign_negative());
        for nan in [f64::NAN, -f64::NAN, f64::from_bits(0x7ff8_0000_dead_beef)] {
            assert_eq!(min_f64(nan, 1.0).to_bits(), 0x7ff8_0000_0000_0000);
            assert_eq!(max_f64(1.0, nan).to_bits(), 0x7ff8_0000_0000_0000);
            assert_eq!(canonical_f64(nan).to_bits(), 0x7ff8_0000_0000_0000);
        }
        assert_eq!(canonical_f32(-f32::NAN).to_bits(), 0x7fc0_0000);
        assert_eq!((min_f64(-1.0, -2.0), max_f64(-1.0, -2.0)), (-2.0, -1.0));
        assert_eq!((nearest_f64(2.5), nearest_f32(-3.5)), (2.0, -4.0));
    }

    #[test]
    fn no_function_tells_one_nan_from_another() {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        let binary = [pow_f64, hypot_f64, atan2_f64, rem_f64, min_f64, max_f64];
        let binary_f32 = [pow_f32, hypot_f32, atan2_f32, rem_f32, min_f32, max_f32];
        let unary = [
            sin_f64,
            cos_f64,
            tan_f64,
            asin_f64,
            acos_f64,
            atan_f64,
            sinh_f64,
            cosh_f64,
            tanh_f64,
            exp_f64,
            exp2_f64,
            expm1_f64,
            ln_f64,
            log2_f64,
            log10_f64,
            log1p_f64,
            erf_f64,
            erfc_f64,
            lgamma_f64,
            tgamma_f64,
            cbrt_f64,
            nearest_f64,
        ];
        let unary_f32 = [
            sin_f32,
            cos_f32,
            tan_f32,
            asin_f32,
            acos_f32,
            atan_f32,
            sinh_f32,
            cosh_f32,
            tanh_f32,
            exp_f32,
            exp2_f32,
            expm1_f32,
            ln_f32,
            log2_f32,
            log10_f32,
            log1p_f32,
            erf_f32,
            erfc_f32,
            lgamma_f32,
            tgamma_f32,
            cbrt_f32,
            nearest_f32,
        ];
        for bits in [0x7ff0_0000_0000_0001, 0xfff4_0000_0000_0000, 0xfff8_0000_0000_0000, u64::MAX] {
            let nan = f64::from_bits(bits);
            for other in [0.0, -0.0, 1.0, -1.0, 2.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, nan] {
                for f in binary {
                    assert!(
                        same(f(nan, other), f(f64::NAN, other)) && same(f(other, nan), f(other, f64::NAN))
                    );
                }
            }
            assert!(unary.iter().all(|f| f(nan).is_nan()));
        }
        for bits in [0x7f80_0001, 0xffa0_0000, 0xffc0_0000, u32::MAX] {
            let nan = f32::from_bits(bits);
            for other in [0.0, -0.0, 1.0, -1.0, 2.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, nan] {
                for f in binary_f32 {
                    assert!(same(f(nan, other).into(), f(f32::NAN, other).into()));
                    assert!(same(f(other, nan).into(), f(other, f32::NAN).into()));
                }
            }
            assert!(unary_f32.iter().all(|f| f(nan).is_nan()));
        }
        assert_eq!(
            (pow_f64(f64::from_bits(0x7ff0_0000_0000_0001), 0.0), pow_f64(1.0, -f64::NAN)),
            (1.0, 1.0)
        );
        assert_eq!(hypot_f32(f32::NEG_INFINITY, f32::from_bits(0x7f80_0001)), f32::INFINITY);
    }
}
