//! Powers: x^y = e^(y ln x), with the logarithm as a pair, to about 2⁻⁶⁴ of itself.

use super::coefficients::*;
use super::exponential::{NORMAL, Whole, clamp, exp2_of_reduced_single};
use super::logarithm::{Parts, split};
use super::pair::Pair;
use super::polynomial::estrin;
use super::{Function2, c};
use crate::lanes::Lanes;

/// The first to the power of the second.
pub struct Pow;

/// The logarithm of `2^exponent · x` for a positive normal x. An exponent of -0 costs nothing.
#[inline(always)]
pub(super) fn logarithm<L: Lanes>(x: L, exponent: L) -> Pair<L> {
    let Parts { k, m, interval } = split(x);
    let k = k + exponent;
    let product = Pair::product(m, L::lookup16(&LN_C, interval));
    // Exact, as the product is near 1; what the product lost is `product.low`.
    let r = product.high - c(1.0);
    let whole = k.fma(c(LN2_SHORT_1), L::lookup16(&LN_OF_C, interval));
    let small = k.fma(c(LN2_SHORT_2), L::lookup16(&LN_OF_C_LOW, interval));
    // r - r²/2, and the rest, which is small.
    let square = Pair::product(r, r);
    let first = Pair::sum_ordered(whole, r);
    let second = Pair::sum_ordered(first.high, square.high * c(-0.5));
    // The derivative is 1 / (1 + r): about 1 - r + r² - r³.
    let derivative = (-r).fma(square.high, square.high - r);
    let lost = derivative.fma(product.low, product.low);
    let low = square.low.fma(c(-0.5), lost) + small;
    // The cubic term by itself, so that little rounding counts.
    let quartic = square.high * square.high;
    let low = quartic.fma(estrin(r, &LN_QUARTIC), (first.low + second.low) + low);
    let low = (square.high * r).fma(c(LN_CUBIC), low);
    Pair::sum_ordered(second.high, low)
}

/// e to the power of a pair, as a pair near 1 and a power of 2.
#[inline(always)]
pub(super) fn exponential<L: Lanes>(x: Pair<L>) -> (Whole<L>, Pair<L>) {
    let k = Whole::nearest(x.high, LOG2_E);
    // The first step is exact.
    let r = k.value.fma(c(-LN2_1), x.high);
    let more = k.value.fma(c(-LN2_2), x.low);
    let sum = Pair::sum_ordered(c(1.0), r);
    // 1 + r is exact; only the polynomial gets by with a rounded sum.
    let r = r + more;
    (k, Pair::sum_ordered(sum.high, (r * r).fma(estrin(r, &EXP), sum.low + more)))
}

/// y times the logarithm.
#[inline(always)]
fn exponent<L: Lanes>(logarithm: Pair<L>, y: L) -> Pair<L> {
    let product = Pair::product(logarithm.high, y);
    Pair { high: product.high, low: logarithm.low.fma(y, product.low) }
}

/// y times the logarithm to base 2, for results that are singles.
#[inline(always)]
fn exponent_single<L: Lanes>(x: L, y: L) -> L {
    let Parts { k, m, interval } = split(x);
    let r = m.fma(L::lookup16(&LOG2_C, interval), c(-1.0));
    let whole = k + L::lookup16(&LOG2_OF_C, interval);
    y * (r * r).fma(estrin(r, &LOG2_REST_POW), r.fma(c(LOG2_E), whole))
}

/// Whether the absolute value of a number that is not NaN is whole.
#[inline(always)]
fn is_whole<L: Lanes>(size: L) -> L::Mask {
    let unit = c::<L>(4_503_599_627_370_496.0);
    unit.le(size) | ((size + unit) - unit).eq(size)
}

impl Function2 for Pow {
    const NAME: &'static str = "pow";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L, y: L) -> L::Mask {
        // The power is well normal. The compiler sees that the common part has the same product.
        let product = exponent(logarithm(x, c(-0.0)), y);
        c::<L>(f64::MIN_POSITIVE).le(x) & x.lt(c(f64::INFINITY)) & product.high.abs().lt(c(NORMAL))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L, y: L) -> L {
        let (k, power) = exponential(exponent(logarithm(x, c(-0.0)), y));
        k.scale(power.high)
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L, y: L) -> L {
        let (size, y_size) = (x.abs(), y.abs());
        let is_subnormal = size.lt(c(f64::MIN_POSITIVE));
        let normal = L::select(is_subnormal, size * c(18_014_398_509_481_984.0), size);
        let logarithm = logarithm(normal, L::select(is_subnormal, c(-54.0), c(0.0)));
        // Larger ones give the same, and would overflow on the way.
        let bounded = clamp(y, -1e300, 1e300);
        let product = exponent(logarithm, bounded);
        let high = clamp(product.high, -746.0, 710.0);
        let low = L::select(high.eq(product.high), product.low, c(0.0));
        let (k, power) = exponential(Pair { high, low });
        let power = k.scale_far(power.high);

        // 0 and infinity: as y and what x is have it.
        let grows = c::<L>(0.0).lt(y);
        let (zero, infinity) = (c::<L>(0.0), c(f64::INFINITY));
        let power = L::select(size.eq(zero), L::select(grows, zero, infinity), power);
        let power = L::select(size.eq(infinity), L::select(grows, infinity, zero), power);
        let y_infinite = y_size.eq(infinity);
        let above_one = c::<L>(1.0).lt(size);
        let of_infinite =
            L::select(above_one, L::select(grows, infinity, zero), L::select(grows, zero, infinity));
        let power = L::select(y_infinite, of_infinite, power);
        let power = L::select(y_infinite & size.eq(c(1.0)), c(1.0), power);

        // Negative numbers have powers that are whole; odd ones are negative.
        let negative = L::has_bit(x.bits(), i64::MIN);
        let whole = is_whole(y_size);
        let odd = whole & !is_whole(y_size * c(0.5));
        let power = L::select(negative & odd, -power, power);
        let without = x.lt(zero) & !whole & size.lt(infinity);
        let power = L::select(without, c(f64::NAN), power);
        let power = L::select(x.is_nan() | y.is_nan(), c(f64::NAN), power);
        L::select(x.eq(c(1.0)) | y.eq(zero), c(1.0), power)
    }
    #[inline(always)]
    fn is_common_single<L: Lanes>(x: L, y: L) -> L::Mask {
        let exponent = exponent_single(x, y);
        c::<L>(f64::MIN_POSITIVE).le(x) & x.lt(c(f64::INFINITY)) & exponent.abs().lt(c(1000.0))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L, y: L) -> L {
        let exponent = exponent_single(x, y);
        let k = Whole::nearest(exponent, 1.0);
        k.scale(exp2_of_reduced_single(exponent - k.value))
    }
}
