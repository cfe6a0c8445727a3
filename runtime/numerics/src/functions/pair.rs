//! A number as the sum of two doubles, the second at most half a unit in the last
//! place of the first (T. J. Dekker, "A floating-point technique for extending the
//! available precision", 1971).

use crate::lanes::Lanes;

/// `high + low`.
#[derive(Clone, Copy)]
pub(super) struct Pair<L> {
    pub(super) high: L,
    pub(super) low: L,
}

impl<L: Lanes> Pair<L> {
    /// `a + b` exactly, where `a` is not smaller than `b`, signs aside, or is zero.
    #[inline(always)]
    pub(super) fn sum_ordered(a: L, b: L) -> Pair<L> {
        let high = a + b;
        Pair { high, low: b - (high - a) }
    }

    /// `a + b` exactly.
    #[inline(always)]
    pub(super) fn sum(a: L, b: L) -> Pair<L> {
        let high = a + b;
        let of_b = high - a;
        Pair { high, low: (a - (high - of_b)) + (b - of_b) }
    }

    /// `a · b` exactly.
    #[inline(always)]
    pub(super) fn product(a: L, b: L) -> Pair<L> {
        let high = a * b;
        Pair { high, low: a.fma(b, -high) }
    }

    /// The product with another pair, but for about 2⁻¹⁰⁴ of it.
    #[inline(always)]
    pub(super) fn times(self, other: Pair<L>) -> Pair<L> {
        let high = self.high * other.high;
        let low = self.high.fma(other.high, -high);
        let low = self.high.fma(other.low, self.low.fma(other.high, low));
        Pair::sum_ordered(high, low)
    }

    /// The first where the mask is true, else the second.
    #[inline(always)]
    pub(super) fn select(mask: L::Mask, then: Pair<L>, otherwise: Pair<L>) -> Pair<L> {
        Pair {
            high: L::select(mask, then.high, otherwise.high),
            low: L::select(mask, then.low, otherwise.low),
        }
    }

    /// The quotient, but for about 2⁻¹⁰² of it.
    #[inline(always)]
    pub(super) fn quotient(self, by: Pair<L>) -> Pair<L> {
        let inverse = L::splat(1.0) / by.high;
        let quotient = self.high * inverse;
        let missing = (-quotient).fma(by.high, self.high);
        let missing = (-quotient).fma(by.low, missing + self.low);
        Pair::sum_ordered(quotient, missing * inverse)
    }

    /// The double nearest to the quotient, all but.
    #[inline(always)]
    pub(super) fn over(self, by: Pair<L>) -> L {
        let inverse = L::splat(1.0) / by.high;
        let quotient = self.high * inverse;
        let missing = (-quotient).fma(by.high, self.high);
        let missing = (-quotient).fma(by.low, missing + self.low);
        missing.fma(inverse, quotient)
    }
}
