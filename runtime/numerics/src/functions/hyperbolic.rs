//! Hyperbolic functions. With x = k ln 2 + r they are sums of sinh r and cosh r, each
//! times (2^k ± 2^-k) / 2; the hyperbolic tangent is t / (t + 2), where t is e^2x - 1.

use super::coefficients::{COSH, COSH_SINGLE, EXP_SINGLE, LN2_1, LN2_2, LOG2_E, SINH, SINH_SINGLE};
use super::exponential::{NORMAL, Whole, clamp, exp_of_reduced, expm1_of_reduced, reduced};
use super::pair::Pair;
use super::polynomial::estrin;
use super::{Function, c};
use crate::lanes::Lanes;

/// e^x - 1 for 0 ≤ x ≤ 707.
#[inline(always)]
fn expm1<L: Lanes>(x: L) -> Pair<L> {
    let (k, r) = reduced(x);
    let power = k.power();
    let y = expm1_of_reduced(r);
    // The first is the larger, or zero.
    let sum = Pair::sum_ordered(power - c(1.0), power * y.high);
    Pair::sum_ordered(sum.high, power.fma(y.low, sum.low))
}

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
}

/// For results that are doubles: `sinh` is what r lost by rounding, besides.
#[inline(always)]
fn halves<L: Lanes>(x: L) -> Halves<L> {
    let k = Whole::nearest(x, LOG2_E);
    let first = k.value.fma(c(-LN2_1), x);
    let r = k.value.fma(c(-LN2_2), first);
    let lost = k.value.fma(c(-LN2_2), first - r);
    let (up, down) = (k.scale(c(0.5)), k.scale_down(c(0.5)));
    let z = r * r;
    Halves {
        plus: up + down,
        minus: up - down,
        r,
        sinh: (z * r).fma(estrin(z, &SINH), lost),
        cosh: z * estrin(z, &COSH),
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
        let Halves { plus, minus, r, sinh, cosh } = halves(x);
        let linear = Pair::product(plus, r);
        // The first is the larger, or zero.
        let sum = Pair::sum_ordered(minus, linear.high);
        let y = sum.high + minus.fma(cosh, plus.fma(sinh, linear.low) + sum.low);
        // The sign is that of x, also where both are zero.
        L::of_bits(y.bits() | x.sign())
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
        let Halves { plus, minus, r, sinh, cosh } = halves(x);
        let sum = Pair::sum_ordered(plus, minus * r);
        sum.high + plus.fma(cosh, minus.fma(sinh, sum.low))
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
        let t = expm1(angle + angle);
        let more = Pair::sum(t.high, c(2.0));
        t.over(Pair { high: more.high, low: more.low + t.low }).with_sign(x.sign())
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
