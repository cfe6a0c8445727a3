//! Sine, cosine and tangent of radians: the angle less a whole number of π/2, as a
//! pair, and polynomials of that.
//!
//! Angles that are not huge are reduced in three steps (W. J. Cody and W. Waite,
//! "Software Manual for the Elementary Functions", 1980); the first is exact with
//! fused multiplication. Huge ones are multiplied by as many bits of 2/π as
//! matter (M. H. Payne and R. N. Hanek, 1983).

use super::coefficients::{
    COS, COS_SINGLE, HALF_PI_1, HALF_PI_2, HALF_PI_3, HALF_PI_INVERSE, SIN, SIN_SINGLE, TAN_SIN_SINGLE,
};
use super::huge_angle;
use super::pair::Pair;
use super::polynomial::estrin;
use super::{Function, c};
use crate::lanes::{Lanes, ROUNDER};

/// Angles up to here are common: the number of quarter turns has 20 bits.
const LARGE: f64 = 1_000_000.0;

/// An angle as quarter turns, of which the last two bits count, and the rest between -π/4 and π/4.
pub(super) struct Turned<L: Lanes> {
    pub(super) quarters: L::Bits,
    pub(super) rest: Pair<L>,
}

#[inline(always)]
fn is_common<L: Lanes>(x: L) -> L::Mask {
    x.abs().le(c(LARGE))
}

#[inline(always)]
fn turned<L: Lanes>(x: L) -> Turned<L> {
    let shifted = x.fma(c(HALF_PI_INVERSE), c(ROUNDER));
    let n = shifted - c(ROUNDER);
    // Exact: both are multiples of 2⁻⁵³, and the difference is below 1.
    let rest = (-n).fma(c(HALF_PI_1), x);
    let second = Pair::product(n, c(HALF_PI_2));
    let rest = Pair::sum(rest, -second.high);
    let low = (-n).fma(c(HALF_PI_3), rest.low - second.low);
    Turned { quarters: shifted.bits(), rest: Pair { high: rest.high, low } }
}

#[inline(always)]
fn sine_of_rest<L: Lanes>(r: Pair<L>, z: L) -> Pair<L> {
    // The derivative is the cosine: about 1 - z/2.
    let low = r.low * z.fma(c(-0.5), c(1.0));
    Pair::sum_ordered(r.high, (z * r.high).fma(estrin(z, &SIN), low))
}

#[inline(always)]
fn cosine_of_rest<L: Lanes>(r: Pair<L>, z: L) -> Pair<L> {
    // 1 - z/2 as a pair.
    let half = z * c(0.5);
    let first = c::<L>(1.0) - half;
    let lost = (c::<L>(1.0) - first) - half;
    Pair::sum_ordered(first, (z * z).fma(estrin(z, &COS), (-r.high).fma(r.low, lost)))
}

/// The sine.
#[inline(always)]
fn sine<L: Lanes>(Turned { quarters, rest }: Turned<L>) -> L {
    let z = rest.high * rest.high;
    // The sign of a zero is that of the angle.
    let sine = sine_of_rest(rest, z).high;
    let sine = L::of_bits(sine.bits() | rest.high.sign());
    let y = L::select(L::has_bit(quarters, 1), cosine_of_rest(rest, z).high, sine);
    y.flip((quarters >> 1) << 63)
}

/// sin πx for 0 ≤ x < 2⁵².
#[inline(always)]
pub(super) fn sine_of_half_turns<L: Lanes>(x: L) -> Pair<L> {
    // Less an even number, and less half an integer, both exactly.
    let even = x.fma(c(0.5), c(4_503_599_627_370_496.0)) - c(4_503_599_627_370_496.0);
    let x = even.fma(c(-2.0), x);
    let shifted = x.fma(c(2.0), c(ROUNDER));
    let rest = (shifted - c(ROUNDER)).fma(c(-0.5), x) * c(2.0);
    let product = Pair::product(rest, c(HALF_PI_1));
    let rest = Pair { high: product.high, low: rest.fma(c(HALF_PI_2), product.low) };
    let z = rest.high * rest.high;
    let odd = L::has_bit(shifted.bits(), 1);
    let y = Pair::select(odd, cosine_of_rest(rest, z), sine_of_rest(rest, z));
    let sign = (shifted.bits() >> 1) << 63;
    Pair { high: y.high.flip(sign), low: y.low.flip(sign) }
}

/// The tangent.
#[inline(always)]
fn tangent<L: Lanes>(Turned { quarters, rest }: Turned<L>) -> L {
    let z = rest.high * rest.high;
    let (sine, cosine) = (sine_of_rest(rest, z), cosine_of_rest(rest, z));
    let odd = L::has_bit(quarters, 1);
    let y = Pair::select(odd, cosine, sine).over(Pair::select(odd, sine, cosine));
    let y = L::select(odd, -y, y);
    L::of_bits(y.bits() | L::select(odd, c(0.0), rest.high).sign())
}

/// Quarter turns and rest, for results that are singles.
#[inline(always)]
fn turned_single<L: Lanes>(x: L) -> (L::Bits, L) {
    let shifted = x.fma(c(HALF_PI_INVERSE), c(ROUNDER));
    let n = shifted - c(ROUNDER);
    (shifted.bits(), (-n).fma(c(HALF_PI_2), (-n).fma(c(HALF_PI_1), x)))
}

/// The sine of so many quarter turns on, for results that are singles.
#[inline(always)]
fn sine_single<L: Lanes>(x: L, on: i64) -> L {
    let (quarters, r) = turned_single(x);
    let quarters = quarters + L::splat_bits(on);
    let z = r * r;
    let sine = (z * r).fma(estrin(z, &SIN_SINGLE), r);
    let sine = L::of_bits(sine.bits() | r.sign());
    let cosine = z.fma(estrin(z, &COS_SINGLE), c(1.0));
    L::select(L::has_bit(quarters, 1), cosine, sine).flip((quarters >> 1) << 63)
}

/// The value where the angle is finite, else NaN.
#[inline(always)]
fn only_finite<L: Lanes>(x: L, value: L) -> L {
    L::select(x.abs().lt(c(f64::INFINITY)), value, c(f64::NAN))
}

/// A quarter of a turn on.
#[inline(always)]
fn next<L: Lanes>(turned: Turned<L>) -> Turned<L> {
    Turned { quarters: turned.quarters + L::splat_bits(1), ..turned }
}

/// Sine of radians.
pub struct Sin;

impl Function for Sin {
    const NAME: &'static str = "sin";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        is_common(x)
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        sine(turned(x))
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        only_finite(x, sine(huge_angle::turned(x)).flip(x.sign()))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        sine_single(x, 0)
    }
}

/// Cosine of radians.
pub struct Cos;

impl Function for Cos {
    const NAME: &'static str = "cos";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        is_common(x)
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        sine(next(turned(x)))
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        only_finite(x, sine(next(huge_angle::turned(x))))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        sine_single(x, 1)
    }
}

/// Tangent of radians.
pub struct Tan;

impl Function for Tan {
    const NAME: &'static str = "tan";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        is_common(x)
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        tangent(turned(x))
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        only_finite(x, tangent(huge_angle::turned(x)).flip(x.sign()))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let (quarters, r) = turned_single(x);
        let z = r * r;
        let sine = (z * r).fma(estrin(z, &TAN_SIN_SINGLE), r);
        let sine = L::of_bits(sine.bits() | r.sign());
        let cosine = z.fma(estrin(z, &COS_SINGLE), c(1.0));
        let odd = L::has_bit(quarters, 1);
        let y = L::select(odd, cosine, sine) / L::select(odd, sine, cosine);
        y.flip(quarters << 63)
    }
}
