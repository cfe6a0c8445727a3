//! Hyperbolic functions. With x = k ln 2 + r they are sums of sinh r and cosh r, each
//! times (2^k ± 2^-k) / 2; the tangent is their quotient. For singles it is t / (t + 2),
//! where t is e^2x - 1.

use super::coefficients::{COSH, COSH_SINGLE, EXP_SINGLE, LN2_1, LOG2_E, SINH, SINH_SINGLE};
use super::exponential::{NORMAL, Whole, clamp, exp_of_reduced, reduced, reduced_to_pair};
use super::pair::Pair;
use super::polynomial::estrin;
use super::{Function, c};
use crate::lanes::Lanes;

/// What hyperbolic sine and cosine are made of.
struct Halves<L: Lanes> {
    /// (2^k + 2^-k) / 2.
    plus: L,
    /// (2^k - 2^-k) / 2.
    minus: L,
    r: L,
    /// sinh r, or what it is more than r.
    sinh: L,
    /// cosh r, or what it is more than 1.
    cosh: L,
    /// What `plus` is too small, and `minus` too large: 2^-k / 2 for k from 27 on.
    lost: L,
}

impl<L: Lanes> Halves<L> {
    /// The low part may be large.
    #[inline(always)]
    fn sinh(&self) -> Pair<L> {
        let linear = Pair::product(self.plus, self.r);
        // The first is the larger, or zero.
        let sum = Pair::sum_ordered(self.minus, linear.high);
        let low = self.plus.fma(self.sinh, linear.low) + sum.low;
        Pair { high: sum.high, low: self.minus.fma(self.cosh, low) }
    }

    #[inline(always)]
    fn cosh(&self) -> Pair<L> {
        let sum = Pair::sum_ordered(self.plus, self.minus * self.r);
        let low = self.minus.fma(self.sinh, sum.low);
        Pair::sum_ordered(sum.high, self.plus.fma(self.cosh, low))
    }
}

/// For results that are doubles: `sinh` is what r lost by rounding, besides.
#[inline(always)]
fn halves<L: Lanes>(x: L) -> Halves<L> {
    let (k, Pair { high: r, low: lost }) = reduced_to_pair(x);
    let (up, down) = (k.scale(c(0.5)), k.scale_down(c(0.5)));
    let z = r * r;
    let plus = up + down;
    Halves {
        plus,
        minus: up - down,
        r,
        sinh: (z * r).fma(estrin(z, &SINH), lost),
        cosh: z * estrin(z, &COSH),
        lost: down - (plus - up),
    }
}

/// For results that are singles: `sinh` and `cosh` are whole.
#[inline(always)]
fn halves_single<L: Lanes>(x: L) -> Halves<L> {
    let k = Whole::nearest(x, LOG2_E);
    let r = k.value.fma(c(-LN2_1), x);
    let (up, down) = (k.scale(c(0.5)), k.scale_down(c(0.5)));
    let z = r * r;
    Halves {
        plus: up + down,
        minus: up - down,
        r,
        sinh: (z * r).fma(estrin(z, &SINH_SINGLE), r),
        cosh: z.fma(estrin(z, &COSH_SINGLE), c(1.0)),
        lost: c(0.0),
    }
}

/// e^x / 2 for 707 ≤ x.
#[inline(always)]
fn half_exp<L: Lanes>(x: L) -> L {
    let (k, r) = reduced(clamp(x, 0.0, 712.0));
    k.scale_far(exp_of_reduced(r) * c(0.5))
}

/// Hyperbolic sine.
pub struct Sinh;

impl Function for Sinh {
    const NAME: &'static str = "sinh";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        x.abs().le(c(NORMAL))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        let y = halves(x).sinh();
        // The sign is that of x, also where both are zero.
        L::of_bits((y.high + y.low).bits() | x.sign())
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        L::select(x.is_nan(), x, half_exp(x.abs()).with_sign(x.sign()))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let Halves { plus, minus, sinh, cosh, .. } = halves_single(x);
        let y = plus.fma(sinh, minus * cosh);
        L::of_bits(y.bits() | x.sign())
    }
}

/// Hyperbolic cosine.
pub struct Cosh;

impl Function for Cosh {
    const NAME: &'static str = "cosh";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        x.abs().le(c(NORMAL))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        halves(x).cosh().high
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        L::select(x.is_nan(), x, half_exp(x.abs()))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let Halves { plus, minus, sinh, cosh, .. } = halves_single(x);
        plus.fma(cosh, minus * sinh)
    }
}

/// Hyperbolic tangent.
pub struct Tanh;

impl Function for Tanh {
    const NAME: &'static str = "tanh";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        x.eq(x)
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        // From 22 on it is 1.
        let angle = L::select(x.abs().lt(c(22.0)), x.abs(), c(22.0));
        let halves = halves(angle);
        let sinh = halves.sinh();
        // Near 1 that counts twice, times e^-r, which is about 1 - r.
        let twice = halves.r.fma(c(2.0), c(-2.0));
        let sinh = Pair { low: halves.lost.fma(twice, sinh.low), ..sinh };
        sinh.over(halves.cosh()).with_sign(x.sign())
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        x
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let angle = L::select(x.abs().lt(c(22.0)), x.abs(), c(22.0));
        let (k, r) = reduced(angle + angle);
        let power = k.power();
        let t = power.fma((r * r).fma(estrin(r, &EXP_SINGLE), r), power - c(1.0));
        (t / (t + c(2.0))).with_sign(x.sign())
    }
}
