//! Arithmetic on one element, by type, which kernels compute with.
//!
//! Invariant: nothing here traps. Integers wrap, and callers have excluded
//! integer divisors of zero.

use crate::object::{Element, Scalar};
use crate::scalar;
use num_complex::Complex;

/// Elements that have arithmetic: all but bool.
pub(super) trait Number: Element {
    /// Whether division by zero traps.
    const INTEGER: bool;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// The quotient; an integer divisor of zero has been excluded.
    fn div(self, other: Self) -> Self;
    fn neg(self) -> Self;
    fn one() -> Self;
    /// The conjugate: of a complex number.
    #[inline(always)]
    fn conjugate(self) -> Self {
        self
    }
}

/// Elements that are ordered.
pub(super) trait Real: Number + Scalar + PartialOrd {
    /// Not above any other, NaN aside.
    const SMALLEST: Self;
    /// Not below any other, NaN aside.
    const LARGEST: Self;
    /// The remainder; an integer divisor of zero has been excluded.
    fn rem(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn abs(self) -> Self;
    fn is_nan(self) -> bool;
}

macro_rules! integer {
    ($($ty:ident $abs:expr;)*) => {$(
        impl Number for $ty {
            const INTEGER: bool = true;
            #[inline(always)]
            fn add(self, other: $ty) -> $ty {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn sub(self, other: $ty) -> $ty {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn mul(self, other: $ty) -> $ty {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn div(self, other: $ty) -> $ty {
                if other == 0 { 0 } else { self.wrapping_div(other) }
            }
            #[inline(always)]
            fn neg(self) -> $ty {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn one() -> $ty {
                1
            }
        }
        impl Real for $ty {
            const SMALLEST: $ty = $ty::MIN;
            const LARGEST: $ty = $ty::MAX;
            #[inline(always)]
            fn rem(self, other: $ty) -> $ty {
                if other == 0 { 0 } else { self.wrapping_rem(other) }
            }
            #[inline(always)]
            fn min(self, other: $ty) -> $ty {
                Ord::min(self, other)
            }
            #[inline(always)]
            fn max(self, other: $ty) -> $ty {
                Ord::max(self, other)
            }
            #[inline(always)]
            fn abs(self) -> $ty {
                let abs: fn($ty) -> $ty = $abs;
                abs(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                false
            }
        }
    )*};
}
integer! {
    u8 |x| x;
    i32 i32::wrapping_abs;
    i64 i64::wrapping_abs;
}

macro_rules! float {
    ($($ty:ident $rem:ident $min:ident $max:ident;)*) => {$(
        impl Number for $ty {
            const INTEGER: bool = false;
            #[inline(always)]
            fn add(self, other: $ty) -> $ty {
                self + other
            }
            #[inline(always)]
            fn sub(self, other: $ty) -> $ty {
                self - other
            }
            #[inline(always)]
            fn mul(self, other: $ty) -> $ty {
                self * other
            }
            #[inline(always)]
            fn div(self, other: $ty) -> $ty {
                self / other
            }
            #[inline(always)]
            fn neg(self) -> $ty {
                -self
            }
            #[inline(always)]
            fn one() -> $ty {
                1.0
            }
        }
        impl Real for $ty {
            const SMALLEST: $ty = $ty::NEG_INFINITY;
            const LARGEST: $ty = $ty::INFINITY;
            #[inline(always)]
            fn rem(self, other: $ty) -> $ty {
                scalar::$rem(self, other)
            }
            #[inline(always)]
            fn min(self, other: $ty) -> $ty {
                scalar::$min(self, other)
            }
            #[inline(always)]
            fn max(self, other: $ty) -> $ty {
                scalar::$max(self, other)
            }
            #[inline(always)]
            fn abs(self) -> $ty {
                $ty::abs(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $ty::is_nan(self)
            }
        }
        impl Number for Complex<$ty> {
            const INTEGER: bool = false;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Complex::new(self.re + other.re, self.im + other.im)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Complex::new(self.re - other.re, self.im - other.im)
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Complex::new(
                    self.re * other.re - self.im * other.im,
                    self.re * other.im + self.im * other.re,
                )
            }
            /// Smith's algorithm: no overflow on the way unless the quotient does.
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                if other.re.abs() >= other.im.abs() {
                    if other.re == 0.0 && other.im == 0.0 {
                        return Complex::new(self.re / other.re.abs(), self.im / other.re.abs());
                    }
                    let ratio = other.im / other.re;
                    let scale = other.re + other.im * ratio;
                    Complex::new((self.re + self.im * ratio) / scale, (self.im - self.re * ratio) / scale)
                } else {
                    let ratio = other.re / other.im;
                    let scale = other.re * ratio + other.im;
                    Complex::new((self.re * ratio + self.im) / scale, (self.im * ratio - self.re) / scale)
                }
            }
            #[inline(always)]
            fn neg(self) -> Self {
                Complex::new(-self.re, -self.im)
            }
            #[inline(always)]
            fn one() -> Self {
                Complex::new(1.0, 0.0)
            }
            #[inline(always)]
            fn conjugate(self) -> Self {
                Complex::new(self.re, -self.im)
            }
        }
    )*};
}
float! {
    f32 rem_f32 min_f32 max_f32;
    f64 rem_f64 min_f64 max_f64;
}
