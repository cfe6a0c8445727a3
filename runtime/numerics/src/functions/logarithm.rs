//! Logarithms: x = 2^k m, and m is near 1 / c for one of sixteen c. So log x is
//! k log 2 - log c + log(1 + r) with a small r = m c - 1.
//! (P.-T. P. Tang, "Table-driven implementation of the logarithm function", 1990).
//!
//! The c are such that their logarithms have few bits: the first two terms are
//! added exactly (S. Gal, "Computing elementary functions", 1986). Around 1, c is 1 and r exact.

use super::coefficients::*;
use super::pair::Pair;
use super::polynomial::estrin;
use super::{Function, c};
use crate::lanes::Lanes;

/// The bits of the lower end of the first interval, 0.671875.
const FIRST: i64 = 0x3fe5_8000_0000_0000;
/// The bits of 2⁵².
const LARGE: i64 = 0x4330_0000_0000_0000;
/// The bits of 1.
const ONE: i64 = 0x3ff0_0000_0000_0000;

/// What logarithms to a base are made of.
pub(super) trait Base {
    const NAME: &'static str;
    const C: &'static [f64; 16];
    const MINUS_LOG_C: &'static [f64; 16];
    /// (log(1 + r) - r log e) / r².
    const REST: &'static [f64; 8];
    const REST_SINGLE: &'static [f64; 4];
    /// The logarithm of 2; multiples of the first by exponents are exact.
    const LOG_2: [f64; 2];
    /// The logarithm of e.
    const LOG_E: [f64; 2];
}

/// x as `2^k (1 + r) / c`.
pub(super) struct Parts<L: Lanes> {
    pub(super) k: L,
    /// `(1 + r) / c`.
    pub(super) m: L,
    /// Which c.
    pub(super) interval: L::Bits,
}

/// The parts of a positive normal number.
#[inline(always)]
pub(super) fn split<L: Lanes>(x: L) -> Parts<L> {
    let above = x.bits() - L::splat_bits(FIRST);
    // With so much more it is not negative, and zeros may be shifted in.
    let k = (above + L::splat_bits(1024 << 52)) >> 52;
    Parts {
        k: L::of_bits(k | L::splat_bits(LARGE)) - c(4_503_599_627_370_496.0 + 1024.0),
        m: L::of_bits((above & L::splat_bits((1 << 52) - 1)) + L::splat_bits(FIRST)),
        interval: (above >> 48) & L::splat_bits(15),
    }
}

/// The logarithm of `2^exponent · x (1 + more)` for a positive normal x and a small `more`, which is
/// a function of r.
#[inline(always)]
fn of_normal<L: Lanes, B: Base, M: More<L>>(x: L, exponent: L, more: M) -> L {
    let Parts { k, m, interval } = split(x);
    let k = k + exponent;
    let factor = L::lookup16(B::C, interval);
    // Exact, as the product is near 1. What the product lost counts near 1, where terms nearly cancel.
    let product = Pair::product(m, factor);
    let r = product.high - c(1.0);
    let whole = k.fma(c(B::LOG_2[0]), L::lookup16(B::MINUS_LOG_C, interval));
    // The derivative is about 1 - r.
    let lost = (-r).fma(product.low, product.low);
    let small = lost.fma(c(B::LOG_E[0]), more.of(m, factor, r));
    let small = k.fma(c(B::LOG_2[1]), small);
    // Not smaller than r, or zero.
    let (sum, small) = match B::LOG_E[0] == 1.0 {
        true => (Pair::sum_ordered(whole, r), small),
        false => {
            let linear = Pair::product(r, c(B::LOG_E[0]));
            (Pair::sum_ordered(whole, linear.high), small + r.fma(c(B::LOG_E[1]), linear.low))
        }
    };
    sum.high + (r * r).fma(estrin(r, B::REST), sum.low + small)
}

/// The logarithm of a positive number, also a subnormal one.
#[inline(always)]
fn of_positive<L: Lanes, B: Base>(x: L) -> L {
    let is_subnormal = x.lt(c(f64::MIN_POSITIVE));
    // Times 2⁵⁴ it is normal.
    let scaled = L::select(is_subnormal, x * c(18_014_398_509_481_984.0), x);
    let exponent = L::select(is_subnormal, c(-54.0), c(0.0));
    of_normal::<L, B, Nothing>(scaled, exponent, Nothing)
}

/// What is added to a logarithm.
trait More<L: Lanes> {
    fn of(self, m: L, factor: L, r: L) -> L;
}

/// Nothing.
struct Nothing;

impl<L: Lanes> More<L> for Nothing {
    #[inline(always)]
    fn of(self, _: L, _: L, _: L) -> L {
        // Which adding leaves out.
        c(-0.0)
    }
}

macro_rules! logarithm {
    ($(#[$doc:meta])* $type:ident $name:literal $c:ident $minus_log_c:ident $rest:ident $single:ident
     $log_2:expr, $log_e:expr;) => {
        $(#[$doc])*
        pub struct $type;

        impl Base for $type {
            const NAME: &'static str = $name;
            const C: &'static [f64; 16] = &$c;
            const MINUS_LOG_C: &'static [f64; 16] = &$minus_log_c;
            const REST: &'static [f64; 8] = &$rest;
            const REST_SINGLE: &'static [f64; 4] = &$single;
            const LOG_2: [f64; 2] = $log_2;
            const LOG_E: [f64; 2] = $log_e;
        }
    };
}

logarithm! {
    /// Natural logarithm.
    Ln "ln" LN_C LN_OF_C LN_REST LN_REST_SINGLE [LN2_SHORT_1, LN2_SHORT_2], [1.0, 0.0];
}

logarithm! {
    /// Logarithm to base 2.
    Log2 "log2" LOG2_C LOG2_OF_C LOG2_REST LOG2_REST_SINGLE [1.0, 0.0], [LOG2_E_LONG_1, LOG2_E_LONG_2];
}

logarithm! {
    /// Logarithm to base 10.
    Log10 "log10" LOG10_C LOG10_OF_C LOG10_REST LOG10_REST_SINGLE [LOG10_2_1, LOG10_2_2], [LOG10_E_1, LOG10_E_2];
}

impl<B: Base + 'static> Function for B {
    const NAME: &'static str = <B as Base>::NAME;
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        c::<L>(f64::MIN_POSITIVE).le(x) & x.lt(c(f64::INFINITY))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        of_normal::<L, B, Nothing>(x, c(-0.0), Nothing)
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        let y = of_positive::<L, B>(x);
        let y = L::select(x.eq(c(f64::INFINITY)), x, y);
        let y = L::select(x.eq(c(0.0)), c(f64::NEG_INFINITY), y);
        L::select(c::<L>(0.0).le(x), y, c(f64::NAN))
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        let Parts { k, m, interval } = split(x);
        let r = m.fma(L::lookup16(B::C, interval), c(-1.0));
        let whole = k.fma(c(B::LOG_2[0]), L::lookup16(B::MINUS_LOG_C, interval));
        (r * r).fma(estrin(r, B::REST_SINGLE), r.fma(c(B::LOG_E[0]), whole))
    }
}

impl Ln {
    /// Of a positive number, also a subnormal one.
    #[inline(always)]
    pub(super) fn of_positive<L: Lanes>(x: L) -> L {
        of_positive::<L, Ln>(x)
    }
}

/// Natural logarithm of 1 plus the number.
pub struct Log1p;

/// What 1 + x lost of x, against 1 + x.
struct Lost<L: Lanes> {
    low: L,
    high: L,
}

impl<L: Lanes> More<L> for Lost<L> {
    /// `low / high`, where `high = 2^k (1 + r) / factor`.
    #[inline(always)]
    fn of(self, m: L, factor: L, r: L) -> L {
        // 2^-k, or 0 where nothing that is lost counts.
        let scale = L::of_bits((m.bits() - self.high.bits()) + L::splat_bits(ONE));
        let inverse = factor * (-r).fma(c::<L>(1.0) - r, c(1.0));
        self.low * scale * inverse
    }
}

impl Function for Log1p {
    const NAME: &'static str = "log1p";
    #[inline(always)]
    fn is_common<L: Lanes>(x: L) -> L::Mask {
        // 2^-k is a double for larger ones no more.
        c::<L>(-1.0).lt(x) & x.lt(c(1e300))
    }
    #[inline(always)]
    fn common<L: Lanes>(x: L) -> L {
        let Pair { high, low } = Pair::sum(c(1.0), x);
        let y = of_normal::<L, Ln, Lost<L>>(high, c(-0.0), Lost { low, high });
        L::of_bits(y.bits() | x.sign())
    }
    #[inline(always)]
    fn rare<L: Lanes>(x: L) -> L {
        let y = L::select(x.eq(c(-1.0)), c(f64::NEG_INFINITY), c(f64::NAN));
        let large = L::select(x.eq(c(f64::INFINITY)), x, Ln::common(x));
        L::select(c::<L>(0.0).le(x), large, y)
    }
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        // Of a single, adding 1 loses something only if it is small.
        let high = x + c(1.0);
        let low = L::select(x.abs().lt(c(1.0 / 1_048_576.0)), x - (high - c(1.0)), c(0.0));
        let y = Ln::common_single(high) + low;
        L::of_bits(y.bits() | x.sign())
    }
}
