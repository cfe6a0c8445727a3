//! Cube root and the length of a vector.

use super::coefficients::{CBRT_2, CBRT_HALF, CBRT_INVERSE, CBRT_SINGLE};
use super::pair::Pair;
use super::polynomial::estrin;
use super::{Function, Function2, c};
use crate::lanes::{Lanes, ROUNDER};

/// Cube root.
pub struct Cbrt;

/// A positive normal number as `8^third · 2^rest · fraction`, where rest is -1, 0 or 1.
struct Thirds<L: Lanes> {
    third: L::Bits,
    rest: L,
    fraction: L,
}

impl Cbrt {
    #[inline(always)]
    fn split<L: Lanes>(x: L) -> Thirds<L> {
        let exponent = L::of_bits((x.bits() >> 52) | L::splat_bits(0x4330_0000_0000_0000));
        let exponent = exponent - c(4_503_599_627_370_496.0 + 1023.0);
        let shifted = exponent.fma(c(1.0 / 3.0), c(ROUNDER));
        let rest = (shifted - c(ROUNDER)).fma(c(-3.0), exponent);
        let fraction = (x.bits() & L::splat_bits((1 << 52) - 1)) | L::splat_bits(0x3ff0_0000_0000_0000);
        Thirds { third: shifted.bits(), rest, fraction: L::of_bits(fraction) }
    }

    /// Of a positive normal number.
    #[inline(always)]
    fn of_normal<L: Lanes>(x: L) -> L {
        let Thirds { third, rest, fraction } = Self::split(x);
        let (up, down) = (rest.eq(c(1.0)), rest.eq(c(-1.0)));
        let factor = L::select(up, c(2.0), L::select(down, c(0.5), c(1.0)));
        let inverse_root = L::select(up, c(CBRT_HALF), L::select(down, c(CBRT_2), c(1.0)));
        let m = fraction * factor;
        // Halley's iteration for the inverse root: three times as many bits.
        let z = estrin(fraction, &CBRT_INVERSE) * inverse_root;
        let error = (-(z * z * z)).fma(m, c(1.0));
        let z = (z * error).fma(error.fma(c(2.0 / 9.0), c(1.0 / 3.0)), z);
        // Newton's for the root, with what is missing exactly.
        let square = z * z;
        let y = m * square;
        let squared = Pair::product(y, y);
        let missing = (-squared.high).fma(y, m);
        let missing = (-squared.low).fma(y, missing);
        let y = (missing * square).fma(c(1.0 / 3.0), y);
        L::of_bits(y.bits() + (third << 52))
    }
}

impl Function for Cbrt {
    const NAME: &'static str = "cbrt";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        c::<L>(f64::MIN_POSITIVE).le(x.abs()) & x.abs().lt(c(f64::INFINITY))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        Self::of_normal(x.abs()).with_sign(x.sign())
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        // Times 2⁵⁴ subnormal numbers are normal; its root is 2¹⁸.
        let y = Self::of_normal(x.abs() * c(18_014_398_509_481_984.0)) * c(1.0 / 262_144.0);
        let is_itself = x.eq(c(0.0)) | !x.abs().lt(c(f64::INFINITY));
        L::select(is_itself, x, y.with_sign(x.sign()))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let Thirds { third, rest, fraction } = Self::split(x.abs());
        // The root of 2^rest: a parabola through three points.
        const BEND: f64 = (CBRT_2 + CBRT_HALF) / 2.0 - 1.0;
        let root = rest.fma(rest.fma(c(BEND), c((CBRT_2 - CBRT_HALF) / 2.0)), c(1.0));
        let y = estrin(fraction, &CBRT_SINGLE) * root;
        L::of_bits(y.bits() + (third << 52)).with_sign(x.sign())
    }
}

/// Square root of the sum of squares.
pub struct Hypot;

impl Hypot {
    /// Where no square overflows, and none that counts vanishes.
    #[inline(always)]
    fn of_moderate<L: Lanes>(x: L, y: L) -> L {
        let (x, y) = (Pair::product(x, x), Pair::product(y, y));
        let sum = Pair::sum(x.high, y.high);
        let low = sum.low + (x.low + y.low);
        let root = sum.high.sqrt();
        let missing = (-root).fma(root, sum.high) + low;
        root + missing / (root + root)
    }
}

impl Function2 for Hypot {
    const NAME: &'static str = "hypot";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L, y: L) -> L::Mask {
        let (x, y) = (x.abs(), y.abs());
        let (low, high) = (c::<L>(1e-130), c(1e150));
        (low.lt(x) | low.lt(y)) & x.lt(high) & y.lt(high)
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L, y: L) -> L {
        Self::of_moderate(x, y)
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L, y: L) -> L {
        let (x, y) = (x.abs(), y.abs());
        let larger = L::select(x.lt(y), y, x);
        let is_large = c::<L>(1.0).lt(larger);
        let scale = L::select(is_large, c(2.0f64.powi(-600)), c(2.0f64.powi(600)));
        let back = L::select(is_large, c(2.0f64.powi(600)), c(2.0f64.powi(-600)));
        let length = Self::of_moderate(x * scale, y * scale) * back;
        let length = L::select(larger.eq(c(0.0)), c(0.0), length);
        let length = L::select(x.is_nan() | y.is_nan(), c(f64::NAN), length);
        // Infinite if one is, though the other be NaN.
        let infinite = x.eq(c(f64::INFINITY)) | y.eq(c(f64::INFINITY));
        L::select(infinite, c(f64::INFINITY), length)
    }
    #[inline(always)]
    fn is_common_single<L: Lanes>(x: L, y: L) -> L::Mask {
        x.abs().lt(c(f64::INFINITY)) & y.abs().lt(c(f64::INFINITY))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L, y: L) -> L {
        // Squares of singles are exact, and neither overflow nor vanish.
        x.fma(x, y * y).sqrt()
    }
}
