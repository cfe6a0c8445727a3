//! The error function and its complement.
//!
//! Up to 1 the error function is a polynomial. Its complement is
//! e^(-x²) g(t) / (1 + 2x), where t = (x - 3) / (x + 3) and g stays near 1 (M. M.
//! Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x", 1981).

use super::coefficients::*;
use super::exponential::{Whole, exp_of_reduced_single, reduced};
use super::pair::Pair;
use super::polynomial::estrin;
use super::power::exponential;
use super::{Function, c};
use crate::lanes::Lanes;

/// The square, negated.
#[inline(always)]
fn minus_square<L: Lanes>(x: L) -> Pair<L> {
    let square = Pair::product(x, x);
    Pair { high: -square.high, low: -square.low }
}

/// g, for 0 ≤ x ≤ 28.
#[inline(always)]
fn scaled<L: Lanes>(x: L) -> Pair<L> {
    // For small x, g falls: what t is more than a double counts. For large x it does not.
    let (less, more) = (Pair::sum_ordered(c(-3.0), x), Pair::sum_ordered(c(3.0), x));
    let inverse = c::<L>(1.0) / more.high;
    let t = less.high * inverse;
    let missing = (-t).fma(more.high, less.high) + (-t).fma(more.low, less.low);
    let slope = estrin(t, &ERFC_SLOPE);
    Pair::sum_ordered(c(ERFC_FIRST), (missing * inverse).fma(slope, estrin(t, &ERFC)))
}

/// The complement as a number near 1, or smaller, and a power of 2, for 0 ≤ x ≤ 28.
#[inline(always)]
fn complement<L: Lanes>(x: L) -> (Whole<L>, L) {
    let (k, e) = exponential(minus_square(x));
    (k, e.times(scaled(x)).over(Pair::sum(c(1.0), x + x)))
}

/// The complement of a single, or of what it is as far as singles tell, for 0 ≤ x.
#[inline(always)]
fn complement_single<L: Lanes>(x: L) -> L {
    let x = L::select(x.lt(c(10.5)), x, c(10.5));
    // The square of a single is exact.
    let (k, r) = reduced(-(x * x));
    let e = k.scale(exp_of_reduced_single(r));
    // One division for two.
    let (sum, factor) = (x + c(3.0), (x + x) + c(1.0));
    let inverse = c::<L>(1.0) / (sum * factor);
    let t = (x - c(3.0)) * factor * inverse;
    e * estrin(t, &ERFC_SINGLE) * (sum * inverse)
}

/// Error function.
pub struct Erf;

impl Function for Erf {
    const NAME: &'static str = "erf";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        x.eq(x)
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        // From 6 on it is 1.
        let size = L::select(x.abs().lt(c(6.0)), x.abs(), c(6.0));
        let z = size * size;
        let linear = Pair::product(size, c(TWO_OVER_ROOT_PI_1));
        let low = size.fma(c(TWO_OVER_ROOT_PI_2), linear.low);
        let small = linear.high + (size * z).fma(estrin(z, &ERF), low);
        // The complement is at most 0.16, and need not be better than a number.
        let (k, e) = exponential(minus_square(size));
        let large = c::<L>(1.0) - k.scale(e.high * scaled(size).high / (size + size + c(1.0)));
        L::select(size.lt(c(1.0)), small, large).with_sign(x.sign())
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        x
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let size = x.abs();
        let z = size * size;
        let small = size * z.fma(estrin(z, &ERF_SINGLE), c(TWO_OVER_ROOT_PI_1));
        let large = c::<L>(1.0) - complement_single(size);
        L::select(size.lt(c(1.0)), small, large).with_sign(x.sign())
    }
}

/// 1 less the error function.
pub struct Erfc;

impl Function for Erfc {
    const NAME: &'static str = "erfc";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        // Then it is a normal number.
        x.abs().le(c(26.0))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        let (k, y) = complement(x.abs());
        let y = k.scale(y);
        L::select(x.lt(c(0.0)), c::<L>(2.0) - y, y)
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        // From 28 on it is 0.
        let (k, y) = complement(L::select(x.abs().lt(c(28.0)), x.abs(), c(28.0)));
        let y = L::select(x.lt(c(0.0)), c(2.0), k.scale_far(y));
        L::select(x.is_nan(), x, y)
    }
    #[inline(always)]
    fn is_common_single<L: Lanes>(x: L) -> L::Mask {
        x.eq(x)
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let y = complement_single(x.abs());
        L::select(x.lt(c(0.0)), c::<L>(2.0) - y, y)
    }
}
