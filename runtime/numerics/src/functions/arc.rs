//! Inverse trigonometric functions.
//!
//! asin x is a polynomial up to 1/2 and π/2 - 2 asin √((1 - x) / 2) above. atan of a
//! quotient is kept to arguments below tan(π/8) by the addition theorem.

use super::coefficients::*;
use super::pair::Pair;
use super::polynomial::estrin;
use super::{Function, Function2, c};
use crate::lanes::Lanes;

/// Of a number between -1 and 1: whether it is beyond ±1/2, an s, and the arc sine of s less s. There s is
/// the absolute value, or beyond what stands for it.
#[inline(always)]
fn arc<L: Lanes>(x: L) -> (L::Mask, L, L) {
    let size = x.abs();
    let beyond = c::<L>(0.5).lt(size);
    let z = L::select(beyond, (c::<L>(1.0) - size) * c(0.5), size * size);
    let s = L::select(beyond, z.sqrt(), size);
    (beyond, s, s * z * estrin(z, &ASIN))
}

/// As [`arc`], for results that are singles: whether it is beyond, and the arc sine.
#[inline(always)]
fn arc_single<L: Lanes>(x: L) -> (L::Mask, L) {
    let size = x.abs();
    let beyond = c::<L>(0.5).lt(size);
    let z = L::select(beyond, size.fma(c(-0.5), c(0.5)), size * size);
    let s = L::select(beyond, z.sqrt(), size);
    (beyond, (s * z).fma(estrin(z, &ASIN_SINGLE), s))
}

/// `n` times π/2, plus a sum of two, of which the first is not larger than that.
#[inline(always)]
fn quarters_plus<L: Lanes>(n: L, high: L, low: L) -> L {
    let quarters = Pair::product(n, c(HALF_PI_1));
    let sum = Pair::sum_ordered(quarters.high, high);
    sum.high + (sum.low + (n.fma(c(HALF_PI_2), quarters.low) + low))
}

/// Arc sine, in radians.
pub struct Asin;

impl Function for Asin {
    const NAME: &'static str = "asin";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        x.abs().le(c(1.0))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        let (beyond, s, more) = arc(x);
        let from_quarter = quarters_plus(c(1.0), s * c(-2.0), more * c(-2.0));
        L::select(beyond, from_quarter, s + more).with_sign(x.sign())
    }
    #[inline(always)]
    fn rare<L: Lanes>(_: L) -> L {
        c(f64::NAN)
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let (beyond, arc) = arc_single(x);
        L::select(beyond, arc.fma(c(-2.0), c(HALF_PI_1)), arc).with_sign(x.sign())
    }
}

/// Arc cosine, in radians.
pub struct Acos;

impl Function for Acos {
    const NAME: &'static str = "acos";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        x.abs().le(c(1.0))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        let (beyond, s, more) = arc(x);
        // Up to 1/2: π/2 less the arc sine. Beyond: twice that of s, or π less twice that.
        let factor = L::select(beyond, c(2.0), c::<L>(-1.0).flip(x.sign()));
        let factor = L::select(beyond & x.lt(c(0.0)), c(-2.0), factor);
        let n = L::select(x.lt(c(0.0)), c(2.0), c(0.0));
        let n = L::select(beyond, n, c(1.0));
        quarters_plus(n, s * factor, more * factor)
    }
    #[inline(always)]
    fn rare<L: Lanes>(_: L) -> L {
        c(f64::NAN)
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let (beyond, arc) = arc_single(x);
        let factor = L::select(beyond, c(2.0), c(-1.0)).flip(x.sign());
        let half_turn = L::select(x.lt(c(0.0)), c(2.0 * HALF_PI_1), c(0.0));
        arc.fma(factor, L::select(beyond, half_turn, c(HALF_PI_1)))
    }
}

/// The arc tangent of a pair less its first, for a first up to tan(π/8).
#[inline(always)]
fn arc_tangent_rest<L: Lanes>(q: L) -> L {
    let z = q * q;
    q * z * estrin(z, &ATAN)
}

/// The arc tangent up to 1, for results that are singles.
#[inline(always)]
fn arc_tangent_single<L: Lanes>(q: L) -> L {
    let z = q * q;
    (q * z).fma(estrin(z, &ATAN_SINGLE), q)
}

/// Arc tangent, in radians.
pub struct Atan;

impl Function for Atan {
    const NAME: &'static str = "atan";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        x.abs().le(c(1e300))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        let size = x.abs();
        let middle = c::<L>(TAN_EIGHTH).lt(size);
        let large = c::<L>(TAN_THREE_EIGHTHS).lt(size);
        // x / 1, (x - 1) / (x + 1) or -1 / x.
        let (less, more) = (Pair::sum(size, c(-1.0)), Pair::sum(size, c(1.0)));
        let (one, size) = (Pair { high: c(1.0), low: c(0.0) }, Pair { high: size, low: c(0.0) });
        let numerator = Pair::select(middle, less, size);
        let numerator = Pair::select(large, Pair { high: c(-1.0), low: c(0.0) }, numerator);
        let denominator = Pair::select(middle, more, one);
        let denominator = Pair::select(large, size, denominator);
        let q = numerator.over(denominator);
        let n = L::select(middle, c(0.5), c(0.0));
        let n = L::select(large, c(1.0), n);
        quarters_plus(n, q, arc_tangent_rest(q)).with_sign(x.sign())
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        L::select(x.is_nan(), x, c::<L>(HALF_PI_1).with_sign(x.sign()))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let size = x.abs();
        let large = c::<L>(1.0).lt(size);
        let q = L::select(large, c(-1.0), size) / L::select(large, size, c(1.0));
        let quarter = L::select(large, c(HALF_PI_1), c(0.0));
        (quarter + arc_tangent_single(q)).with_sign(x.sign())
    }
}

/// Angle of the point (second, first), in radians.
pub struct Atan2;

/// The angle of a point whose coordinates have sizes near 1, or of which one is zero; signs come from
/// elsewhere.
#[inline(always)]
fn angle<L: Lanes>(y: L, x: L, sign_of_y: L::Bits, sign_of_x: L::Bits) -> L {
    let steep = x.lt(y);
    let (small, large) = (L::select(steep, x, y), L::select(steep, y, x));
    let middle = (large * c(TAN_EIGHTH)).lt(small);
    let (difference, sum) = (Pair::sum(small, -large), Pair::sum(small, large));
    let numerator = Pair::select(middle, difference, Pair { high: small, low: c(0.0) });
    let denominator = Pair::select(middle, sum, Pair { high: large, low: c(0.0) });
    let q = numerator.over(denominator);
    // So many quarter turns, plus or minus the arc tangent.
    let n = L::select(middle, c(0.5), c(0.0));
    let n = L::select(steep, c::<L>(1.0) - n, n);
    let left = L::has_bit(sign_of_x, i64::MIN);
    let n = L::select(left, c::<L>(2.0) - n, n);
    let q = L::select(steep, -q, q).flip(sign_of_x);
    quarters_plus(n, q, arc_tangent_rest(q)).with_sign(sign_of_y)
}

impl Function2 for Atan2 {
    const NAME: &'static str = "atan2";
    #[inline(always)]
    fn is_common<L: Lanes>(y: L, x: L) -> L::Mask {
        let (y, x) = (y.abs(), x.abs());
        let (low, high) = (c::<L>(1e-140), c(1e140));
        low.lt(y) & low.lt(x) & y.lt(high) & x.lt(high)
    }
    #[inline(always)]
    fn common<L: Lanes>(y: L, x: L) -> L {
        angle(y.abs(), x.abs(), y.sign(), x.sign())
    }
    #[inline(always)]
    fn rare<L: Lanes>(y: L, x: L) -> L {
        let (y_size, x_size) = (y.abs(), x.abs());
        let larger = L::select(x_size.lt(y_size), y_size, x_size);
        // Infinite ones become 1, and others beside them 0; (0, 0) lies to the right.
        let infinite = larger.eq(c(f64::INFINITY));
        let (one, zero) = (c::<L>(1.0), c(0.0));
        let y_near = L::select(y_size.eq(c(f64::INFINITY)), one, zero);
        let x_near = L::select(x_size.eq(c(f64::INFINITY)), one, zero);
        // Powers of 2 that bring sizes near 1, as far as they can.
        let scale = L::select(c::<L>(1e290).lt(larger), c(2.0f64.powi(-60)), c(1.0));
        let scale = L::select(larger.lt(c(1e-150)), c(2.0f64.powi(600)), scale);
        let y_near = L::select(infinite, y_near, y_size * scale);
        let x_near = L::select(infinite, x_near, x_size * scale);
        let x_near = L::select(larger.eq(c(0.0)), c(1.0), x_near);
        let value = angle(y_near, x_near, y.sign(), x.sign());
        L::select(x.is_nan() | y.is_nan(), c(f64::NAN), value)
    }
    #[inline(always)]
    fn common_single<L: Lanes>(y: L, x: L) -> L {
        let (y_size, x_size) = (y.abs(), x.abs());
        let steep = x_size.lt(y_size);
        let q = L::select(steep, x_size, y_size) / L::select(steep, y_size, x_size);
        let arc = arc_tangent_single(L::select(steep, -q, q).flip(x.sign()));
        let base = L::select(steep, c(HALF_PI_1), c(0.0));
        let left = L::has_bit(x.bits(), i64::MIN);
        let base = L::select(left, c::<L>(2.0 * HALF_PI_1) - base, base);
        (base + arc).with_sign(y.sign())
    }
}
