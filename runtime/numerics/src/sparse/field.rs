//! The numbers that sparse matrices hold.
//!
//! Invariant: each operation is one of IEEE 754, or for complex numbers the formula that is written here. Nothing
//! is fused, so results are the same on every machine.

use num_complex::Complex;
use std::fmt::Debug;
use std::ops::{Add, Mul, Neg, Sub};

/// A field's elements in floating point: `f32`, `f64` and `Complex<f64>`.
pub trait Field:
    Copy
    + Default
    + Debug
    + PartialEq
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// The neutral element of addition.
    const ZERO: Self;
    /// The neutral element of multiplication.
    const ONE: Self;
    /// Two to this power and to its negative are numbers with all their digits.
    const REACH: i32;
    /// The quotient; of complex numbers by Smith's algorithm.
    #[must_use]
    fn over(self, other: Self) -> Self;
    /// The conjugate.
    #[must_use]
    fn conjugate(self) -> Self;
    /// The square of the absolute value.
    fn square(self) -> f64;
    /// The absolute value.
    fn size(self) -> f64;
    /// A real number.
    fn real(x: f64) -> Self;
    /// The real part.
    fn re(self) -> f64;
    /// Whether neither NaN nor infinite.
    fn is_finite(self) -> bool;
}

macro_rules! real {
    ($($ty:ident: $reach:literal)*) => {$(
        impl Field for $ty {
            const ZERO: $ty = 0.0;
            const ONE: $ty = 1.0;
            const REACH: i32 = $reach;
            #[inline(always)]
            fn over(self, other: $ty) -> $ty {
                self / other
            }
            #[inline(always)]
            fn conjugate(self) -> $ty {
                self
            }
            #[inline(always)]
            fn square(self) -> f64 {
                f64::from(self) * f64::from(self)
            }
            #[inline(always)]
            fn size(self) -> f64 {
                f64::from(self.abs())
            }
            #[inline(always)]
            fn real(x: f64) -> $ty {
                x as $ty
            }
            #[inline(always)]
            fn re(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $ty::is_finite(self)
            }
        }
    )*};
}
real!(f32: 120 f64: 1000);

impl Field for Complex<f64> {
    const ZERO: Complex<f64> = Complex { re: 0.0, im: 0.0 };
    const ONE: Complex<f64> = Complex { re: 1.0, im: 0.0 };
    const REACH: i32 = 1000;
    #[inline(always)]
    fn over(self, other: Complex<f64>) -> Complex<f64> {
        if other.re.abs() >= other.im.abs() {
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
    fn conjugate(self) -> Complex<f64> {
        self.conj()
    }
    #[inline(always)]
    fn square(self) -> f64 {
        self.re * self.re + self.im * self.im
    }
    #[inline(always)]
    fn size(self) -> f64 {
        // `hypot` is the system's, whose last bit differs from one to the next.
        let (large, small) = (self.re.abs().max(self.im.abs()), self.re.abs().min(self.im.abs()));
        if large == 0.0 || !large.is_finite() {
            return if self.re.is_nan() || self.im.is_nan() { f64::NAN } else { large };
        }
        let ratio = small / large;
        large * (1.0 + ratio * ratio).sqrt()
    }
    #[inline(always)]
    fn real(x: f64) -> Complex<f64> {
        Complex::new(x, 0.0)
    }
    #[inline(always)]
    fn re(self) -> f64 {
        self.re
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }
}
