//! The gamma function and the logarithm of its absolute value.
//!
//! Below 8.5 the argument is N + d with |d| ≤ 1/2: a polynomial gives Γ(2 + d), and
//! at most six factors lead from there to Γ(N + d). Above, ln Γ is Stirling's
//! series, from the logarithm as a pair. Negative arguments are reflected:
//! Γ(-a) = -π / (a sin(πa) Γ(a)).

use super::coefficients::*;
use super::exponential::{Whole, exp_of_reduced_single, reduced};
use super::logarithm::Ln;
use super::pair::Pair;
use super::polynomial::estrin;
use super::power::{exponential, logarithm};
use super::trigonometric::sine_of_half_turns;
use super::{Function, c};
use crate::lanes::Lanes;

/// Where the series begins.
const LARGE: f64 = 8.5;
/// 2⁻⁶⁰: nearer to 0 the gamma function is 1/x.
const TINY: f64 = 1.0 / (1u64 << 60) as f64;
/// The largest double that need not be whole is below 2⁵².
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// Γ(2 + d) is multiplied by x - i, for i from 1 on, where N ≥ i + 2.
const FACTORS: usize = 6;

#[inline(always)]
fn factor<L: Lanes>(x: L, n: L, i: usize) -> L {
    L::select(c::<L>(i as f64 + 1.5).lt(n), x - c(i as f64), c(1.0))
}

/// The gamma function of 0 < x ≤ 8.5, as numerator and denominator.
#[inline(always)]
fn small<L: Lanes>(x: L) -> (Pair<L>, Pair<L>) {
    let n = Whole::nearest(x, 1.0).value;
    let d = x - n;
    let mut product = Pair::sum_ordered(c(1.0), d * estrin(d, &GAMMA));
    for i in 0..FACTORS {
        let factor = factor(x, n, i + 1);
        let high = product.high * factor;
        let low = product.high.fma(factor, -high);
        product = Pair { high, low: product.low.fma(factor, low) };
    }
    // Γ(x) x (x + 1) for N = 0, Γ(x) x for N = 1.
    let square = Pair::product(x, x);
    let sum = Pair::sum_ordered(x, square.high);
    let (one, zero) = (c::<L>(1.0), c(0.0));
    let by = Pair { high: L::select(n.lt(c(1.5)), x, one), low: zero };
    let by = Pair::select(n.lt(c(0.5)), Pair { high: sum.high, low: sum.low + square.low }, by);
    (product, by)
}

/// ln Γ(x) for 8.5 ≤ x ≤ 1e300: x (ln x - 1) - ln x / 2 + ln(2π) / 2 + series / x.
#[inline(always)]
fn series<L: Lanes>(x: L, logarithm: Pair<L>) -> Pair<L> {
    let inverse = c::<L>(1.0) / x;
    let rest = inverse.fma(estrin(inverse * inverse, &STIRLING), c(HALF_LN_2_PI_2));
    let less = Pair::sum_ordered(logarithm.high, c(-1.0));
    let high = less.high * x;
    let low = less.high.fma(x, -high) + (less.low + logarithm.low) * x;
    let first = Pair::sum_ordered(high, logarithm.high * c(-0.5));
    let second = Pair::sum_ordered(first.high, c(HALF_LN_2_PI_1));
    let low = logarithm.low.fma(c(-0.5), low + (first.low + second.low)) + rest;
    Pair::sum_ordered(second.high, low)
}

/// The logarithm of a positive pair.
#[inline(always)]
fn logarithm_of_pair<L: Lanes>(x: Pair<L>) -> Pair<L> {
    let of_high = logarithm(x.high, c(-0.0));
    Pair::sum(of_high.high, of_high.low + x.low / x.high)
}

/// ln Γ(x) for positive normal numbers up to 1e300.
#[inline(always)]
fn logarithm_of_gamma<L: Lanes>(x: L) -> Pair<L> {
    let (numerator, denominator) = small(x);
    let gamma = numerator.quotient(denominator);
    let is_large = c::<L>(LARGE).lt(x);
    // One logarithm for both.
    let of = Pair::select(is_large, Pair { high: x, low: c(0.0) }, gamma);
    let logarithm = logarithm_of_pair(of);
    Pair::select(is_large, series(x, logarithm), logarithm)
}

/// Gamma function.
pub struct Tgamma;

impl Tgamma {
    /// Of 0 < x ≤ 190, as a number and a power of 2.
    #[inline(always)]
    fn of_positive<L: Lanes>(x: L) -> (Whole<L>, Pair<L>) {
        let (numerator, denominator) = small(x);
        let (k, power) = exponential(series(x, logarithm(x, c(-0.0))));
        let is_large = c::<L>(LARGE).lt(x);
        let k = Whole::nearest(L::select(is_large, k.value, c(0.0)), 1.0);
        (k, Pair::select(is_large, power, numerator.quotient(denominator)))
    }
}

impl Function for Tgamma {
    const NAME: &'static str = "tgamma";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        c::<L>(f64::MIN_POSITIVE).le(x) & x.le(c(171.0))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        let (numerator, denominator) = small(x);
        let (k, power) = exponential(series(x, logarithm(x, c(-0.0))));
        L::select(c::<L>(LARGE).lt(x), k.scale(power.high), numerator.over(denominator))
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        let size = x.abs();
        let is_tiny = size.lt(c(TINY));
        // Above, it is infinite, or 0.
        let bounded = L::select(size.lt(c(190.0)), size, c(190.0));
        let (k, gamma) = Self::of_positive(L::select(is_tiny, c(1.0), bounded));
        let grown = k.scale_far(gamma.high);
        let sine = sine_of_half_turns(L::select(is_tiny, c(0.5), size));
        let product = gamma.times(sine).times(Pair { high: bounded, low: c(0.0) });
        let quotient = Pair { high: c(-PI_1), low: c(-PI_2) }.over(product);
        let shrunk = Whole::nearest(-k.value, 1.0).scale_far(quotient);
        let is_pole = sine.high.eq(c(0.0)) | c::<L>(WHOLE).le(size);
        let negative = L::select(is_pole, c(f64::NAN), shrunk);
        let y = L::select(x.lt(c(0.0)), negative, grown);
        let y = L::select(is_tiny, c::<L>(1.0) / x, y);
        L::select(x.is_nan(), x, y)
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let small = small_single(x);
        let (k, r) = reduced(series_single(x, Ln::common(x)));
        let large = k.scale(exp_of_reduced_single(r));
        L::select(c::<L>(LARGE).lt(x), large, small)
    }
}

/// As [`small`], for results that are singles.
#[inline(always)]
fn small_single<L: Lanes>(x: L) -> L {
    let n = Whole::nearest(x, 1.0).value;
    let d = x - n;
    let mut product = d.fma(estrin(d, &GAMMA_SINGLE), c(1.0));
    for i in 0..FACTORS {
        product = product * factor(x, n, i + 1);
    }
    let by = L::select(n.lt(c(1.5)), x, c(1.0));
    product / L::select(n.lt(c(0.5)), x.fma(x, x), by)
}

/// As [`series`], for results that are singles.
#[inline(always)]
fn series_single<L: Lanes>(x: L, logarithm: L) -> L {
    let inverse = c::<L>(1.0) / x;
    let rest = inverse.fma(estrin(inverse * inverse, &STIRLING_SINGLE), c(HALF_LN_2_PI_1));
    x.fma(logarithm - c(1.0), logarithm.fma(c(-0.5), rest))
}

/// Logarithm of the gamma function's absolute value.
pub struct Lgamma;

impl Function for Lgamma {
    const NAME: &'static str = "lgamma";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        c::<L>(f64::MIN_POSITIVE).le(x) & x.lt(c(1e300))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        logarithm_of_gamma(x).high
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        let size = x.abs();
        let is_tiny = size.lt(c(TINY));
        let bounded = L::select(is_tiny, c(1.0), L::select(size.lt(c(WHOLE)), size, c(WHOLE)));
        let gamma = logarithm_of_gamma(bounded);
        // ln π - ln(a |sin πa|) - ln Γ(a).
        let sine = sine_of_half_turns(bounded);
        let size_of_sine = Pair { high: sine.high.abs(), low: sine.low.flip(sine.high.sign()) };
        let divisor = logarithm_of_pair(size_of_sine.times(Pair { high: bounded, low: c(0.0) }));
        let first = Pair::sum(-divisor.high, -gamma.high);
        let second = Pair::sum(first.high, c(LN_PI_1));
        let low = (first.low + second.low) + (c::<L>(LN_PI_2) - (divisor.low + gamma.low));
        let infinity = c::<L>(f64::INFINITY);
        let is_pole = sine.high.eq(c(0.0)) | c::<L>(WHOLE).le(size);
        let negative = L::select(is_pole, infinity, second.high + low);
        // Scaled down it does not overflow on the way.
        let scaled = L::select(size.lt(infinity), size, c(1e300)) * c(2.0f64.powi(-60));
        let huge = (Ln::common(size) - c(1.0)) * scaled * c(2.0f64.powi(60));
        let positive = L::select(size.eq(infinity), infinity, huge);
        let y = L::select(x.lt(c(0.0)), negative, positive);
        let y = L::select(is_tiny, -Ln::of_positive(size), y);
        let y = L::select(size.eq(infinity) | size.eq(c(0.0)), infinity, y);
        L::select(x.is_nan(), x, y)
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let is_large = c::<L>(LARGE).lt(x);
        let logarithm = Ln::common(L::select(is_large, x, small_single(x)));
        L::select(is_large, series_single(x, logarithm), logarithm)
    }
}
