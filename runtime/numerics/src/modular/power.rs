//! Powers of many elements side by side, so that the processor has independent products to work on.
//!
//! Odd moduli go by Montgomery's products (P. L. Montgomery, "Modular multiplication without trial division", 1985), which
//! take no division at all; even ones by remainders.

use super::elements::Along;
use super::{Modulus, inverse_of_odd};
use std::mem::MaybeUninit;

/// Elements side by side.
const LANES: usize = 8;
/// Bits of an exponent that are looked at together, where each element has its own.
const WINDOW: u32 = 4;

/// Products of residues, in a form of its own.
trait Ring: Copy {
    fn one(self) -> u64;
    fn enter(self, residue: u64) -> u64;
    fn leave(self, x: u64) -> u64;
    fn multiply(self, a: u64, b: u64) -> u64;
}

impl Ring for Modulus {
    #[inline(always)]
    fn one(self) -> u64 {
        1 % self.value
    }
    #[inline(always)]
    fn enter(self, residue: u64) -> u64 {
        residue
    }
    #[inline(always)]
    fn leave(self, x: u64) -> u64 {
        x
    }
    #[inline(always)]
    fn multiply(self, a: u64, b: u64) -> u64 {
        self.remainder(u128::from(a) * u128::from(b))
    }
}

/// Residues times 2^64, of an odd modulus.
#[derive(Clone, Copy)]
struct Montgomery {
    modulus: u64,
    /// Its inverse modulo 2^64.
    inverse: u64,
    /// The residues of 2^64 and of 2^128.
    one: u64,
    square: u64,
}

impl Montgomery {
    fn new(m: Modulus) -> Option<Montgomery> {
        let modulus = m.value;
        if modulus.is_multiple_of(2) {
            return None;
        }
        let one = m.remainder(u128::from(1 % modulus) << 64);
        Some(Montgomery { modulus, inverse: inverse_of_odd(modulus), one, square: m.multiply(one, one) })
    }
}

impl Ring for Montgomery {
    #[inline(always)]
    fn one(self) -> u64 {
        self.one
    }
    #[inline(always)]
    fn enter(self, residue: u64) -> u64 {
        self.multiply(residue, self.square)
    }
    #[inline(always)]
    fn leave(self, x: u64) -> u64 {
        self.multiply(x, 1)
    }
    #[inline(always)]
    fn multiply(self, a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        // What makes the low half zero when it is subtracted.
        let factor = (product as u64).wrapping_mul(self.inverse);
        let multiple = ((u128::from(factor) * u128::from(self.modulus)) >> 64) as u64;
        let (rest, wraps) = ((product >> 64) as u64).overflowing_sub(multiple);
        if wraps { rest.wrapping_add(self.modulus) } else { rest }
    }
}

/// Writes the powers of as many elements as `out` has.
pub(super) fn powers(m: Modulus, bases: Along<'_>, exponents: Along<'_>, out: &mut [MaybeUninit<i64>]) {
    match Montgomery::new(m) {
        Some(ring) => powers_in(ring, m, bases, exponents, out),
        None => powers_in(m, m, bases, exponents, out),
    }
}

fn powers_in(
    ring: impl Ring,
    m: Modulus,
    bases: Along<'_>,
    exponents: Along<'_>,
    out: &mut [MaybeUninit<i64>],
) {
    for (part, out) in out.chunks_mut(LANES).enumerate() {
        // Those that are none at the end repeat the last.
        let at: [usize; LANES] = std::array::from_fn(|lane| part * LANES + lane.min(out.len() - 1));
        let lanes = at.map(|at| ring.enter(m.reduce(bases.at(at))));
        let powers = match exponents {
            Along::One(exponent) => same_power(ring, lanes, exponent as u64),
            Along::Each(all) => other_powers(ring, lanes, at.map(|at| all[at] as u64)),
        };
        out.iter_mut().zip(powers).for_each(|(out, power)| _ = out.write(ring.leave(power) as i64));
    }
}

#[inline(always)]
fn times(ring: impl Ring, a: [u64; LANES], b: [u64; LANES]) -> [u64; LANES] {
    std::array::from_fn(|lane| ring.multiply(a[lane], b[lane]))
}

/// All to the same power.
#[inline(always)]
fn same_power(ring: impl Ring, bases: [u64; LANES], exponent: u64) -> [u64; LANES] {
    let Some(top) = exponent.checked_ilog2() else { return [ring.one(); LANES] };
    let mut powers = bases;
    for bit in (0..top).rev() {
        powers = times(ring, powers, powers);
        if exponent >> bit & 1 == 1 {
            powers = times(ring, powers, bases);
        }
    }
    powers
}

/// Each to its own power, some bits at a time: no element waits for what another's bits are.
#[inline(always)]
fn other_powers(ring: impl Ring, bases: [u64; LANES], exponents: [u64; LANES]) -> [u64; LANES] {
    let longest = exponents.iter().fold(0, |all, exponent| all | exponent);
    let windows = (u64::BITS - longest.leading_zeros()).div_ceil(WINDOW);
    let mut table = [[ring.one(); LANES]; 1 << WINDOW];
    for power in 1..table.len() {
        table[power] = times(ring, table[power - 1], bases);
    }
    let mut powers = [ring.one(); LANES];
    for window in (0..windows).rev() {
        for _ in 0..WINDOW {
            powers = times(ring, powers, powers);
        }
        let factors = std::array::from_fn(|lane| {
            let bits = exponents[lane] >> (window * WINDOW) & ((1 << WINDOW) - 1);
            table[bits as usize][lane]
        });
        powers = times(ring, powers, factors);
    }
    powers
}

#[cfg(test)]
mod tests {
    use super::super::tests::EDGES;
    use super::*;

    fn power(m: u64, base: u64, mut exponent: u64) -> i64 {
        let m = u128::from(m);
        let (mut power, mut base) = (1 % m, u128::from(base) % m);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = power * base % m;
            }
            base = base * base % m;
            exponent >>= 1;
        }
        power as i64
    }

    fn check<R: Ring>(ring: R, m: Modulus) {
        for (base, exponents) in EDGES.iter().flat_map(|base| EDGES.chunks(LANES).map(move |e| (*base, e))) {
            let lanes: [u64; LANES] = std::array::from_fn(|lane| exponents[lane.min(exponents.len() - 1)]);
            let want = lanes.map(|exponent| power(m.value, base, exponent));
            let found = other_powers(ring, [ring.enter(m.reduce(base)); LANES], lanes);
            assert_eq!(found.map(|x| ring.leave(x) as i64), want, "{base} modulo {}", m.value);
            let want = lanes.map(|other| power(m.value, other, base));
            let found = same_power(ring, lanes.map(|x| ring.enter(m.reduce(x))), base);
            assert_eq!(found.map(|x| ring.leave(x) as i64), want, "to {base} modulo {}", m.value);
        }
    }

    #[test]
    fn powers_at_the_edges() {
        for modulus in &EDGES[1..] {
            let m = Modulus::new(*modulus).expect("above 0");
            check(m, m);
            Montgomery::new(m).into_iter().for_each(|ring| check(ring, m));
        }
    }
}
