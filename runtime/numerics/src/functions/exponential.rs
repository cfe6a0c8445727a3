//! e and 2 to the power of a number: x = k ln 2 + r with |r| ≤ ln 2 / 2, a
//! polynomial of r, and k added to the exponent.

use super::coefficients::{EXP, EXP_SINGLE, EXP2, EXP2_SINGLE, LN2_1, LN2_2, LOG2_E};
use super::pair::Pair;
use super::polynomial::estrin;
use super::{Function, c};
use crate::lanes::{Lanes, ROUNDER};

/// The bits of 1.0.
const ONE: i64 = 0x3ff0_0000_0000_0000;

/// A number that is whole, with its last bits where they can be shifted into an exponent.
#[derive(Clone, Copy)]
pub(super) struct Whole<L: Lanes> {
    pub(super) value: L,
    bits: L::Bits,
}

impl<L: Lanes> Whole<L> {
    /// The integer nearest to `x · by`, which has to be small.
    #[inline(always)]
    pub(super) fn nearest(x: L, by: f64) -> Whole<L> {
        let shifted = x.fma(c(by), c(ROUNDER));
        Whole { value: shifted - c(ROUNDER), bits: shifted.bits() }
    }

    /// `x · 2^self`, where that and `x` are normal numbers.
    #[inline(always)]
    pub(super) fn scale(self, x: L) -> L {
        L::of_bits(x.bits() + (self.bits << 52))
    }

    /// `x · 2^-self`, where that and `x` are normal numbers.
    #[inline(always)]
    pub(super) fn scale_down(self, x: L) -> L {
        L::of_bits(x.bits() - (self.bits << 52))
    }

    /// 2^self, where that is a normal number.
    #[inline(always)]
    pub(super) fn power(self) -> L {
        L::of_bits((self.bits << 52) + L::splat_bits(ONE))
    }

    /// `x · 2^self` for every result, rounded once; `x` is near 1 and |self| below 2000.
    #[inline(always)]
    pub(super) fn scale_far(self, x: L) -> L {
        let half = Whole::nearest(self.value, 0.5);
        let rest = Whole::nearest(self.value - half.value, 1.0);
        x * half.power() * rest.power()
    }
}

/// `x` between the bounds. NaN becomes the first.
#[inline(always)]
pub(super) fn clamp<L: Lanes>(x: L, low: f64, high: f64) -> L {
    let x = L::select(c::<L>(low).lt(x), x, c(low));
    L::select(x.lt(c(high)), x, c(high))
}

/// k and r of a number.
#[inline(always)]
pub(super) fn reduced<L: Lanes>(x: L) -> (Whole<L>, L) {
    let k = Whole::nearest(x, LOG2_E);
    // The first step is exact, as x and k ln 2 are near each other.
    let r = k.value.fma(c(-LN2_1), x);
    (k, k.value.fma(c(-LN2_2), r))
}

/// k and r of a number, and what r lost by rounding.
#[inline(always)]
pub(super) fn reduced_to_pair<L: Lanes>(x: L) -> (Whole<L>, Pair<L>) {
    let k = Whole::nearest(x, LOG2_E);
    let first = k.value.fma(c(-LN2_1), x);
    let high = k.value.fma(c(-LN2_2), first);
    (k, Pair { high, low: k.value.fma(c(-LN2_2), first - high) })
}

/// e^r, but for about a quarter of a unit more than rounding takes.
#[inline(always)]
pub(super) fn exp_of_reduced<L: Lanes>(r: L) -> L {
    let sum = Pair::sum_ordered(c(1.0), r);
    sum.high + (r * r).fma(estrin(r, &EXP), sum.low)
}

/// e^r, for results that are singles.
#[inline(always)]
pub(super) fn exp_of_reduced_single<L: Lanes>(r: L) -> L {
    (r * r).fma(estrin(r, &EXP_SINGLE), r) + c(1.0)
}

/// e^r - 1.
#[inline(always)]
fn expm1_of_reduced<L: Lanes>(r: Pair<L>) -> Pair<L> {
    Pair::sum_ordered(r.high, (r.high * r.high).fma(estrin(r.high, &EXP), r.low))
}

/// e to the power.
pub struct Exp;

/// Where e^x is a normal number, and well so.
pub(super) const NORMAL: f64 = 707.0;

impl Function for Exp {
    const NAME: &'static str = "exp";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        x.abs().le(c(NORMAL))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        let (k, r) = reduced(x);
        k.scale(exp_of_reduced(r))
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        let (k, r) = reduced(clamp(x, -746.0, 710.0));
        let y = k.scale_far(exp_of_reduced(r));
        L::select(x.is_nan(), x, y)
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let k = Whole::nearest(x, LOG2_E);
        let r = k.value.fma(c(-LN2_1), x);
        k.scale(exp_of_reduced_single(r))
    }
}

/// 2^r for |r| ≤ 1/2, for results that are singles.
#[inline(always)]
pub(super) fn exp2_of_reduced_single<L: Lanes>(r: L) -> L {
    r.fma(estrin(r, &EXP2_SINGLE), c(1.0))
}

/// 2 to the power.
pub struct Exp2;

impl Exp2 {
    /// 2^r for |r| ≤ 1/2.
    #[inline(always)]
    fn of_reduced<L: Lanes>(r: L) -> L {
        let linear = Pair::product(r, c(LN2_1));
        let sum = Pair::sum_ordered(c(1.0), linear.high);
        let low = sum.low + r.fma(c(LN2_2), linear.low);
        sum.high + (r * r).fma(estrin(r, &EXP2), low)
    }
}

impl Function for Exp2 {
    const NAME: &'static str = "exp2";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        x.abs().le(c(1020.0))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        let k = Whole::nearest(x, 1.0);
        k.scale(Self::of_reduced(x - k.value))
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        let bounded = clamp(x, -1080.0, 1024.0);
        let k = Whole::nearest(bounded, 1.0);
        L::select(x.is_nan(), x, k.scale_far(Self::of_reduced(bounded - k.value)))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let k = Whole::nearest(x, 1.0);
        k.scale(exp2_of_reduced_single(x - k.value))
    }
}

/// e to the power, less 1.
pub struct Expm1;

impl Function for Expm1 {
    const NAME: &'static str = "expm1";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        x.abs().le(c(NORMAL))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        let (k, r) = reduced_to_pair(x);
        let power = k.power();
        // The sign is that of x, also where both are zero.
        let y = expm1_of_reduced(r);
        // Powers of 2 less 1 are exact up to 2⁵³, and not smaller than the other unless zero.
        let sum = Pair::sum_ordered(power - c(1.0), power * y.high);
        let y = sum.high + power.fma(y.low, sum.low);
        L::of_bits(y.bits() | x.sign())
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        let y = L::select(x.lt(c(0.0)), c(-1.0), Exp::rare(x));
        L::select(x.is_nan(), x, y)
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let k = Whole::nearest(x, LOG2_E);
        let r = k.value.fma(c(-LN2_1), x);
        let power = k.power();
        let y = power.fma((r * r).fma(estrin(r, &EXP_SINGLE), r), power - c(1.0));
        L::of_bits(y.bits() | x.sign())
    }
}
