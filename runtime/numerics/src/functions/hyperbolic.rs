//! Hyperbolic functions, from t = e^|x| - 1 as a pair.
//!
//! - sinh x = (t + t / (t + 1)) / 2
//! - cosh x = (e^|x| + e^-|x|) / 2
//! - tanh x = t / (t + 2), where t is of twice the angle

use super::coefficients::EXP_SINGLE;
use super::exponential::{clamp, exp_of_reduced, expm1_of_reduced, reduced};
use super::pair::Pair;
use super::polynomial::estrin;
use super::{Function, c};
use crate::lanes::Lanes;

/// Angles of which e^x is a normal number.
const NORMAL: f64 = 707.0;

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
        let t = expm1(x.abs());
        let more = Pair::sum(t.high, c(1.0));
        let quotient = t.over(Pair { high: more.high, low: more.low + t.low });
        ((t.high + (t.low + quotient)) * c(0.5)).with_sign(x.sign())
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        L::select(x.is_nan(), x, half_exp(x.abs()).with_sign(x.sign()))
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
        let t = expm1(x.abs());
        let e = Pair::sum(t.high, c(1.0));
        let low = e.low + t.low;
        (e.high + (c::<L>(1.0) / e.high + low)) * c(0.5)
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        L::select(x.is_nan(), x, half_exp(x.abs()))
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
