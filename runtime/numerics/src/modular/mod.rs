//! Exact arithmetic modulo any number of 64 bits.
//!
//! Elements are unsigned: the bits of an `i64`. What is read may be any number, what is written is a residue, from 0 to
//! one less than the modulus. Nothing here is constant time: how long it takes depends on the numbers.
//!
//! ```
//! use nbc_numerics::modular::Modulus;
//! let seven = Modulus::new(7).unwrap();
//! assert_eq!((seven.add(5, 6), seven.subtract(5, 6), seven.multiply(5, 6)), (4, 6, 2));
//! assert_eq!((seven.inverse(3), seven.inverse(0)), (Some(5), None));
//! // 2^64 - 1 is a modulus too, and there is none of 0.
//! let largest = Modulus::new(u64::MAX).unwrap();
//! assert_eq!(largest.multiply(u64::MAX - 1, u64::MAX - 1), 1);
//! assert_eq!(Modulus::new(0), None);
//! ```

pub mod elements;
pub mod matrix;
mod power;
pub mod product;

/// The inverse of an odd number modulo 2^64.
pub(crate) const fn inverse_of_odd(x: u64) -> u64 {
    // Each step doubles how many bits are right; the first has five.
    let mut inverse = x.wrapping_mul(3) ^ 2;
    let mut step = 0;
    while step < 4 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(x.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

/// A modulus, with what makes remainders fast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Modulus {
    value: u64,
    /// How far it is shifted so that its highest bit is set,
    shift: u32,
    /// and what it is then.
    divisor: u64,
    /// ⌊(2^128 - 1) / divisor⌋ - 2^64.
    reciprocal: u64,
}

impl Modulus {
    /// That of `value`, from 1 on.
    pub const fn new(value: u64) -> Option<Modulus> {
        if value == 0 {
            return None;
        }
        let shift = value.leading_zeros();
        let divisor = value << shift;
        let reciprocal = (((!divisor as u128) << 64 | u64::MAX as u128) / divisor as u128) as u64;
        Some(Modulus { value, shift, divisor, reciprocal })
    }

    /// The modulus itself.
    #[inline(always)]
    pub const fn value(self) -> u64 {
        self.value
    }

    /// The residue of any number.
    #[inline(always)]
    pub const fn reduce(self, x: u64) -> u64 {
        if x < self.value { x } else { x % self.value }
    }

    /// The residue of a signed number.
    pub const fn reduce_signed(self, x: i64) -> u64 {
        let residue = self.reduce(x.unsigned_abs());
        if x < 0 && residue != 0 { self.value - residue } else { residue }
    }

    /// The residue of `x`, whose high half is a residue. The division is that of Möller and Granlund, "Improved division
    /// by invariant integers" (2011), algorithm 4.
    #[inline(always)]
    const fn remainder(self, x: u128) -> u64 {
        let x = x << self.shift;
        let (high, low) = ((x >> 64) as u64, x as u64);
        let quotient = (self.reciprocal as u128 * high as u128).wrapping_add(x);
        let (guess, below) = (((quotient >> 64) as u64).wrapping_add(1), quotient as u64);
        let mut rest = low.wrapping_sub(guess.wrapping_mul(self.divisor));
        if rest > below {
            rest = rest.wrapping_add(self.divisor);
        }
        if rest >= self.divisor {
            rest -= self.divisor;
        }
        rest >> self.shift
    }

    /// The residue of `high` · 2^128 + `low`, any numbers.
    #[inline(always)]
    pub(crate) const fn reduce_wide(self, high: u64, low: u128) -> u64 {
        let middle = self.remainder((self.reduce(high) as u128) << 64 | (low >> 64));
        self.remainder((middle as u128) << 64 | low as u64 as u128)
    }

    /// Sum.
    #[inline(always)]
    pub const fn add(self, a: u64, b: u64) -> u64 {
        let (a, b) = (self.reduce(a), self.reduce(b));
        let (sum, wraps) = a.overflowing_add(b);
        if wraps || sum >= self.value { sum.wrapping_sub(self.value) } else { sum }
    }

    /// Difference.
    #[inline(always)]
    pub const fn subtract(self, a: u64, b: u64) -> u64 {
        let (a, b) = (self.reduce(a), self.reduce(b));
        if a < b { a.wrapping_sub(b).wrapping_add(self.value) } else { a - b }
    }

    /// Product.
    #[inline(always)]
    pub const fn multiply(self, a: u64, b: u64) -> u64 {
        let (a, b) = (self.reduce(a), self.reduce(b));
        self.remainder(a as u128 * b as u128)
    }

    /// The number whose product with `x` is 1, if there is one: `x` and the modulus have no common factor.
    pub fn inverse(self, x: u64) -> Option<u64> {
        // Signs of factors change from step to step, and none is above the modulus.
        let (mut a, mut b) = (self.value, self.reduce(x));
        let (mut before, mut factor, mut is_positive) = (0u64, 1u64, false);
        while b != 0 {
            let quotient = a / b;
            (a, b) = (b, a % b);
            (before, factor) = (factor, before.wrapping_add(quotient.wrapping_mul(factor)));
            is_positive = !is_positive;
        }
        if a != 1 {
            return None;
        }
        // Modulo 1 all numbers are 0, and so each other's inverse.
        let factor = self.reduce(before);
        Some(if is_positive || factor == 0 { factor } else { self.value - factor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers at which something changes.
    pub(super) const EDGES: [u64; 17] = [
        0,
        1,
        2,
        3,
        6,
        (1 << 31) - 1,
        1 << 31,
        (1 << 32) - 1,
        1 << 32,
        (1 << 32) + 1,
        (1 << 52) - 1,
        (1 << 63) - 25,
        (1 << 63) - 1,
        1 << 63,
        (1 << 63) + 1,
        u64::MAX - 58,
        u64::MAX,
    ];

    #[test]
    fn remainders_at_the_edges() {
        for modulus in &EDGES[1..] {
            let m = Modulus::new(*modulus).expect("above 0");
            let wide = u128::from(*modulus);
            for a in EDGES {
                for b in EDGES {
                    let (x, y) = (u128::from(a), u128::from(b));
                    assert_eq!(u128::from(m.add(a, b)), (x + y) % wide, "{a} + {b} modulo {modulus}");
                    assert_eq!(u128::from(m.multiply(a, b)), x * y % wide, "{a} · {b} modulo {modulus}");
                    let difference = (x % wide + wide - y % wide) % wide;
                    assert_eq!(u128::from(m.subtract(a, b)), difference, "{a} - {b} modulo {modulus}");
                    let low = x << 64 | y;
                    let above = ((1u128 << 64) % wide).pow(2) % wide;
                    let all = (u128::from(m.reduce(a)) * above % wide + low % wide) % wide;
                    assert_eq!(u128::from(m.reduce_wide(a, low)), all, "{a}·2^128 + {low} modulo {modulus}");
                }
                let signed = (a as i64 as i128).rem_euclid(wide as i128);
                assert_eq!(i128::from(m.reduce_signed(a as i64)), signed);
            }
        }
    }

    #[test]
    fn inverses_are_those_of_numbers_without_a_common_factor() {
        let common = |mut a: u64, mut b: u64| {
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a
        };
        for modulus in (1..200).chain(EDGES[5..].iter().copied()) {
            let m = Modulus::new(modulus).expect("above 0");
            for x in (0..200).chain(EDGES) {
                match m.inverse(x) {
                    Some(inverse) => {
                        assert_eq!(m.multiply(x, inverse), 1 % modulus, "{x} modulo {modulus}");
                        assert!(inverse < modulus);
                    }
                    None => assert_ne!(common(modulus, x), 1, "{x} modulo {modulus}"),
                }
            }
        }
    }
}
