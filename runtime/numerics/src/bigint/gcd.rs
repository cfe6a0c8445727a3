//! Greatest common divisors and modular inverses, by Lehmer's method.
//!
//! The quotients of Euclid's algorithm follow from the first limb of both numbers as long as Collins' condition holds: so
//! some thirty steps are done at once, by four products with a limb. See Jebelean, A double-digit Lehmer–Euclid
//! algorithm, 1995.
//!
//! ```
//! use nbc_numerics::bigint::{Pace, gcd};
//! let (mut a, mut b) = ([0, 6], [0, 4]);
//! let mut room = vec![0; gcd::room(2)];
//! assert_eq!(gcd::gcd(&mut a, &mut b, &mut room, &Pace::free()), Ok(2));
//! assert_eq!(a, [0, 2]);
//! # Ok::<(), nbc_numerics::bigint::Halt>(())
//! ```

use super::divide::{self, divide};
use super::natural::{add_mul, compare, mul_limb, sub, sub_mul, trimmed};
use super::{Halt, Pace, cut, multiply};
use std::cmp::Ordering;

/// Limbs of room that [`gcd`] takes for two numbers of so many limbs each.
#[must_use]
pub fn room(n: usize) -> usize {
    3 * n + 8 + divide::room(n + 1, n)
}

/// Limbs of room that [`inverse`] takes for a modulus of so many.
#[must_use]
pub fn inverse_room(n: usize) -> usize {
    // Both numbers, their factors, the next factors.
    6 * (n + 2) + room(n + 1) + multiply::room(n + 1, n + 1) + 2 * n + 4
}

/// About how many products of limbs either takes as long as.
#[must_use]
pub fn steps(n: usize) -> u64 {
    // Each round of four products takes away half a limb or more; twice as many with factors.
    (n as u64).saturating_mul(n as u64).saturating_mul(8).saturating_add(1000)
}

/// What becomes of two numbers in some steps: A = ±(u0·A - v0·B), B = ±(v1·B - u1·A).
struct Steps {
    u0: u64,
    v0: u64,
    u1: u64,
    v1: u64,
    /// Whether signs are as written.
    even: bool,
}

/// The steps that the first limbs of two numbers of the same length tell, `a` having the first bit set.
fn simulate(mut a: u64, mut b: u64) -> Steps {
    let (mut u0, mut u1, mut u2) = (0u64, 1u64, 0u64);
    let (mut v0, mut v1, mut v2) = (0u64, 0u64, 1u64);
    let mut even = false;
    while b >= v2 && a - b >= v1 + v2 {
        let (q, r) = (a / b, a % b);
        (a, b) = (b, r);
        (u0, u1, u2) = (u1, u2, u1 + q * u2);
        (v0, v1, v2) = (v1, v2, v1 + q * v2);
        even = !even;
    }
    Steps { u0, v0, u1, v1, even }
}

/// The 64 bits of `b` that lie where the first 64 bits of `a` do.
fn first_limbs(a: &[u64], b: &[u64]) -> (u64, u64) {
    let n = a.len();
    let shift = a[n - 1].leading_zeros();
    let at = |x: &[u64], n: usize| x.get(n).copied().unwrap_or(0);
    let first = |x: &[u64]| {
        if shift == 0 { at(x, n - 1) } else { at(x, n - 1) << shift | at(x, n - 2) >> (64 - shift) }
    };
    (first(a), first(b))
}

/// `|x·a - y·b|`, which is known to have the sign that `positive` says and no more limbs than `a`.
fn combine(out: &mut [u64], a: &[u64], x: u64, b: &[u64], y: u64, positive: bool) {
    let ((plus, p), (minus, m)) = if positive { ((a, x), (b, y)) } else { ((b, y), (a, x)) };
    let n = out.len();
    let mut above = mul_limb(&mut out[..plus.len().min(n)], plus, p);
    for limb in &mut out[plus.len().min(n)..] {
        *limb = above;
        above = 0;
    }
    let borrow = sub_mul(&mut out[..minus.len()], minus, m);
    sub(&mut out[minus.len()..], &[borrow][..usize::from(minus.len() < n)]);
}

/// Replaces `a` by the greatest common divisor of both, and returns how many limbs that has. Both have the same length;
/// `b` is spent.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`room`].
pub fn gcd(a: &mut [u64], b: &mut [u64], room: &mut [u64], pace: &Pace<'_>) -> Result<usize, Halt> {
    euclid(a, b, None, room, pace)
}

/// The factors of the second number in both, without their signs, and whether that in the first is negative.
struct Cofactors<'r> {
    a: &'r mut [u64],
    b: &'r mut [u64],
    next_a: &'r mut [u64],
    next_b: &'r mut [u64],
    a_is_negative: bool,
}

impl Cofactors<'_> {
    /// The same steps as both numbers make. Signs differ, so what is written as a difference is a sum.
    fn follow(&mut self, steps: &Steps) {
        let n = self.a.len();
        let sum = |out: &mut [u64], x: u64, a: &[u64], y: u64, b: &[u64]| {
            mul_limb(out, a, x);
            add_mul(out, b, y);
        };
        sum(&mut self.next_a[..n], steps.u0, self.a, steps.v0, self.b);
        sum(&mut self.next_b[..n], steps.u1, self.a, steps.v1, self.b);
        self.a.copy_from_slice(self.next_a);
        self.b.copy_from_slice(self.next_b);
        self.a_is_negative ^= !steps.even;
    }

    /// A step by a quotient of any length.
    fn divide(&mut self, quotient: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
        let (quotient, b) = (trimmed(quotient), trimmed(self.b));
        self.next_b.copy_from_slice(self.a);
        if let [limb] = quotient {
            let len = b.len();
            let carry = add_mul(&mut self.next_b[..len], b, *limb);
            if len < self.next_b.len() {
                super::natural::add(&mut self.next_b[len..], &[carry]);
            }
        } else {
            let (product, room) = cut(room, quotient.len() + b.len())?;
            multiply::product(product, quotient, b, room, pace)?;
            super::natural::add(self.next_b, trimmed(product));
        }
        self.a.copy_from_slice(self.b);
        self.b.copy_from_slice(self.next_b);
        self.a_is_negative = !self.a_is_negative;
        Ok(())
    }
}

fn euclid(
    a: &mut [u64],
    b: &mut [u64],
    mut factors: Option<Cofactors<'_>>,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<usize, Halt> {
    let n = a.len();
    let (x, room) = cut(room, n)?;
    let (y, room) = cut(room, n + 1)?;
    // The larger one is where `a` was; a step by the quotient 0 swaps them.
    let (mut a, mut b) = (a, b);
    let mut swapped = false;
    let (mut a_len, mut b_len) = (trimmed(a).len(), trimmed(b).len());
    loop {
        if b_len == 0 {
            break;
        }
        let is_less = compare(&a[..a_len], &b[..b_len]) == Ordering::Less;
        let steps = match a_len {
            2.. if !is_less => {
                let (first, second) = first_limbs(&a[..a_len], &b[..b_len]);
                Some(simulate(first, second)).filter(|steps| steps.v0 != 0)
            }
            _ => None,
        };
        match steps {
            Some(steps) => {
                let (x, y) = (&mut x[..a_len], &mut y[..a_len]);
                combine(x, &a[..a_len], steps.u0, &b[..b_len], steps.v0, steps.even);
                combine(y, &a[..a_len], steps.u1, &b[..b_len], steps.v1, !steps.even);
                a[..a_len].copy_from_slice(x);
                b[..a_len].copy_from_slice(y);
                b_len = trimmed(&b[..a_len]).len();
                pace.step(4 * a_len)?;
                a_len = trimmed(&a[..a_len]).len();
                if let Some(factors) = &mut factors {
                    factors.follow(&steps);
                    pace.step(4 * factors.a.len())?;
                }
            }
            None => {
                let quotient = if a_len >= b_len {
                    let quotient = &mut y[..a_len - b_len + 1];
                    divide(quotient, &mut a[..a_len], &b[..b_len], room, pace)?;
                    &*quotient
                } else {
                    &[]
                };
                if let Some(factors) = &mut factors {
                    factors.divide(quotient, room, pace)?;
                    pace.step(2 * factors.a.len())?;
                }
                let rest = trimmed(&a[..a_len]).len();
                std::mem::swap(&mut a, &mut b);
                swapped = !swapped;
                (a_len, b_len) = (b_len, rest);
                // What is above is not read, but must be 0 where it is taken for the longer one.
                b[rest..].fill(0);
                pace.step(a_len)?;
            }
        }
    }
    if swapped {
        b.copy_from_slice(a);
    }
    if let Some(factors) = factors {
        // Handed on in place: the first factor, and its sign above it.
        let sign = factors.a_is_negative;
        factors.next_a.fill(0);
        factors.next_a[0] = u64::from(sign);
    }
    Ok(a_len)
}

/// Writes the number below `modulus` whose product with `a` leaves 1, and returns whether there is one. `a` is less than
/// the modulus, and all three have the same length; the modulus is trimmed and more than 1.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`inverse_room`].
pub fn inverse(
    out: &mut [u64],
    a: &[u64],
    modulus: &[u64],
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<bool, Halt> {
    let n = modulus.len();
    let (x, room) = cut(room, n)?;
    let (y, room) = cut(room, n)?;
    let (factor_a, room) = cut(room, n + 1)?;
    let (factor_b, room) = cut(room, n + 1)?;
    let (next_a, room) = cut(room, n + 1)?;
    let (next_b, room) = cut(room, n + 1)?;
    x.copy_from_slice(modulus);
    y.copy_from_slice(a);
    factor_a.fill(0);
    factor_b.fill(0);
    factor_b[0] = 1;
    let factors = Cofactors { a: factor_a, b: factor_b, next_a, next_b, a_is_negative: true };
    let len = euclid(x, y, Some(factors), room, pace)?;
    if len != 1 || x[0] != 1 {
        return Ok(false);
    }
    out.copy_from_slice(&factor_a[..n]);
    if next_a[0] != 0 && out.iter().any(|limb| *limb != 0) {
        // The modulus less the factor.
        out.copy_from_slice(modulus);
        sub(out, &factor_a[..n]);
    }
    Ok(true)
}
