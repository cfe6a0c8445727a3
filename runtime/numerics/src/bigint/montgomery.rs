//! Products modulo an odd number without division: Montgomery's method.
//!
//! With R = 2^(64n) for a modulus of n limbs, a number x is kept as x·R. The product of two is reduced by adding a
//! multiple of the modulus that makes the lower half 0, which is then dropped. Squares are made of half the products.
//!
//! Montgomery, Modular multiplication without trial division, 1985.

use super::natural::{adc, add_mul, add_mul_2, compare, sub};
use super::{Halt, Pace, cut, multiply};
use crate::modular::inverse_of_odd;
use std::cmp::Ordering;

/// -1/n modulo 2⁶⁴ of an odd limb.
pub(super) fn negative_inverse(n: u64) -> u64 {
    inverse_of_odd(n).wrapping_neg()
}

/// An odd modulus with what its products need.
#[derive(Clone, Copy)]
pub struct Montgomery<'m> {
    n: &'m [u64],
    inverse: u64,
}

impl<'m> Montgomery<'m> {
    /// For an odd modulus, trimmed.
    #[must_use]
    pub fn new(n: &'m [u64]) -> Montgomery<'m> {
        Montgomery { n, inverse: negative_inverse(n.first().copied().unwrap_or(1)) }
    }

    /// Limbs of room that a product takes.
    #[must_use]
    pub fn room(n: usize) -> usize {
        2 * n + multiply::room(n, n)
    }

    /// Writes `a · b / R`; all have as many limbs as the modulus, and are below it.
    pub(super) fn mul(
        &self,
        out: &mut [u64],
        a: &[u64],
        b: &[u64],
        room: &mut [u64],
        pace: &Pace<'_>,
    ) -> Result<(), Halt> {
        let (t, room) = cut(room, 2 * self.n.len())?;
        multiply::product(t, a, b, room, pace)?;
        self.reduce(out, t, pace)
    }

    /// Writes `a · a / R`.
    pub(super) fn square(
        &self,
        out: &mut [u64],
        a: &[u64],
        room: &mut [u64],
        pace: &Pace<'_>,
    ) -> Result<(), Halt> {
        let (t, room) = cut(room, 2 * self.n.len())?;
        multiply::square(t, a, room, pace)?;
        self.reduce(out, t, pace)
    }

    /// Writes `a / R`.
    pub(super) fn leave(
        &self,
        out: &mut [u64],
        a: &[u64],
        room: &mut [u64],
        pace: &Pace<'_>,
    ) -> Result<(), Halt> {
        let (t, _) = cut(room, 2 * self.n.len())?;
        let (low, high) = t.split_at_mut(a.len());
        low.copy_from_slice(a);
        high.fill(0);
        self.reduce(out, t, pace)
    }

    /// Writes `t / R` of a number of twice as many limbs, which is spent: two rows at a time.
    fn reduce(&self, out: &mut [u64], t: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
        let n = self.n;
        let len = n.len();
        let mut over = false;
        let mut at = 0;
        while at + 2 <= len {
            let row = &mut t[at..at + len + 2];
            let m0 = row[0].wrapping_mul(self.inverse);
            // What the first row leaves in the second limb.
            let carry = (u128::from(m0) * u128::from(n[0]) + u128::from(row[0])) >> 64;
            let second = row[1].wrapping_add(m0.wrapping_mul(n[1])).wrapping_add(carry as u64);
            let m1 = second.wrapping_mul(self.inverse);
            let (low, high) = add_mul_2(&mut row[..len], n, m0, m1);
            (row[len], over) = adc(row[len], low, over);
            (row[len + 1], over) = adc(row[len + 1], high, over);
            at += 2;
        }
        if at < len {
            let row = &mut t[at..at + len + 1];
            let m = row[0].wrapping_mul(self.inverse);
            let above = add_mul(&mut row[..len], n, m);
            (row[len], over) = adc(row[len], above, over);
        }
        out.copy_from_slice(&t[len..]);
        if over || compare(out, n) != Ordering::Less {
            sub(out, n);
        }
        pace.step(len * len)
    }
}
