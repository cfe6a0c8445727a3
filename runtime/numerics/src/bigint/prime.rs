//! Whether a number is prime, as far as is known how to find out soon: Baillie–PSW, and Miller–Rabin besides.
//!
//! A number that is told to be composite is. One below 2⁶⁴ that is told to be prime is, as has been checked for all of them.
//! Of larger ones no composite is known that passes Baillie–PSW; each round of Miller–Rabin besides is by the next prime base,
//! 3 first. Bases are not random: they do nothing against one who has made a number to pass those.
//!
//! Baillie and Wagstaff, Lucas pseudoprimes, 1980; Baillie, Fiori and Wagstaff, Strengthening the Baillie–PSW primality
//! test, 2021.
//!
//! ```
//! use nbc_numerics::bigint::{Pace, prime};
//! let mut room = vec![0; prime::room(1)];
//! // 2^61 - 1, and the least number that passes for bases 2 to 37.
//! assert_eq!(prime::is_probable_prime(&[(1 << 61) - 1], 0, &mut room, &Pace::free()), Ok(true));
//! assert_eq!(prime::is_probable_prime(&[3825123056546413051], 0, &mut room, &Pace::free()), Ok(false));
//! ```

use super::divide::{self, Limb, root, root_room};
use super::modular::{Modulus, power_room};
use super::natural::{add, add_bit, bit, bit_length, compare, shift_down, sub, trailing_zeros, trimmed};
use super::{Halt, Pace, cut, multiply};
use std::cmp::Ordering;

/// The primes below 256, which are divided by first; and the bases of rounds.
const SMALL: [u64; 54] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223,
    227, 229, 233, 239, 241, 251,
];

/// As many rounds as there are bases besides 2.
pub const MOST_ROUNDS: usize = SMALL.len() - 1;

/// Limbs of room that [`is_probable_prime`] takes for a number of so many.
#[must_use]
pub fn room(n: usize) -> usize {
    16 * (n + 2)
        + power_room(n, n).max(root_room(n) + n + 2 + multiply::room(n, n)).max(divide::room(2 * n + 1, n))
}

/// About how many products of limbs [`is_probable_prime`] takes as long as.
#[must_use]
pub fn steps(n: usize, rounds: usize) -> u64 {
    // A product for each bit in each round of Miller–Rabin, and up to five for Lucas' numbers.
    let products = (n as u64).saturating_mul(64).saturating_mul(rounds as u64 + 7);
    Modulus::steps(n)
        .saturating_mul(products)
        .saturating_add(divide::root_steps(n))
        .saturating_add(100 * n as u64)
}

/// Whether the number passes, with so many rounds of Miller–Rabin besides Baillie–PSW; at most [`MOST_ROUNDS`].
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`room`].
pub fn is_probable_prime(n: &[u64], rounds: usize, room: &mut [u64], pace: &Pace<'_>) -> Result<bool, Halt> {
    let n = trimmed(n);
    for p in SMALL {
        if Limb::new(p).remainder(n) == 0 {
            return Ok(n == [p]);
        }
        pace.step(4 * n.len())?;
    }
    if n.len() <= 1 && n.first().is_none_or(|n| *n < 257 * 257) {
        return Ok(n.first().is_some_and(|n| *n > 1));
    }
    if !passes_miller_rabin(n, 2, room, pace)? || !passes_lucas(n, room, pace)? {
        return Ok(false);
    }
    for base in &SMALL[1..1 + rounds.min(MOST_ROUNDS)] {
        if !passes_miller_rabin(n, *base, room, pace)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether an odd number above the base is a strong probable prime to it.
fn passes_miller_rabin(n: &[u64], base: u64, room: &mut [u64], pace: &Pace<'_>) -> Result<bool, Halt> {
    let len = n.len();
    let modulus = Modulus::new(n);
    let (one, room) = cut(room, len)?;
    let (minus_one, room) = cut(room, len)?;
    let (b, room) = cut(room, len)?;
    let (x, room) = cut(room, len)?;
    let (y, room) = cut(room, len)?;
    y.fill(0);
    y[0] = base;
    modulus.enter(b, y, room, pace)?;
    y[0] = 1;
    modulus.enter(one, y, room, pace)?;
    minus_one.copy_from_slice(n);
    sub(minus_one, one);
    // n - 1 = odd · 2^twos; the bits of the odd part are those of n from there on.
    let twos = {
        y.copy_from_slice(n);
        y[0] -= 1;
        trailing_zeros(y)
    };
    x.copy_from_slice(b);
    for at in (twos..bit_length(n) - 1).rev() {
        modulus.square(y, x, room, pace)?;
        if bit(n, at) {
            modulus.mul(x, y, b, room, pace)?;
        } else {
            x.copy_from_slice(y);
        }
    }
    if x == one {
        return Ok(true);
    }
    for _ in 0..twos {
        if x == minus_one {
            return Ok(true);
        }
        modulus.square(y, x, room, pace)?;
        x.copy_from_slice(y);
    }
    Ok(false)
}

/// Jacobi's symbol (d / n) of a small odd d and an odd n.
fn jacobi(d: i64, n: &[u64]) -> i32 {
    let low = n[0];
    let mut sign = 1;
    if d < 0 && low % 4 == 3 {
        sign = -sign;
    }
    let d = d.unsigned_abs();
    if d % 4 == 3 && low % 4 == 3 {
        sign = -sign;
    }
    // (n / d), both small.
    let (mut a, mut m) = (Limb::new(d).remainder(n), d);
    while a != 0 {
        while a.is_multiple_of(2) {
            a /= 2;
            if matches!(m % 8, 3 | 5) {
                sign = -sign;
            }
        }
        std::mem::swap(&mut a, &mut m);
        if a % 4 == 3 && m % 4 == 3 {
            sign = -sign;
        }
        a %= m;
    }
    if m == 1 { sign } else { 0 }
}

/// Numbers modulo n that Lucas' sequences are made of.
struct Ring<'m> {
    modulus: Modulus<'m>,
    n: &'m [u64],
}

impl Ring<'_> {
    fn add(&self, a: &mut [u64], b: &[u64]) {
        if add(a, b) || compare(a, self.n) != Ordering::Less {
            sub(a, self.n);
        }
    }

    fn sub(&self, a: &mut [u64], b: &[u64]) {
        if sub(a, b) {
            add(a, self.n);
        }
    }

    fn halve(&self, a: &mut [u64]) {
        let over = a[0] & 1 == 1 && add(a, self.n);
        shift_down(a, 1, u64::from(over));
    }

    /// A small number in form.
    fn small(&self, out: &mut [u64], value: i64, room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
        let (x, room) = cut(room, self.n.len())?;
        x.fill(0);
        x[0] = value.unsigned_abs();
        if value < 0 {
            let magnitude = value.unsigned_abs();
            x.copy_from_slice(self.n);
            sub(x, &[magnitude]);
        }
        self.modulus.enter(out, x, room, pace)
    }
}

/// Whether an odd number above the small primes' squares is a strong Lucas probable prime by Selfridge's parameters: P = 1,
/// Q = (1 - D) / 4 for the first D of 5, -7, 9, -11 ... whose symbol is -1.
fn passes_lucas(n: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<bool, Halt> {
    let mut d = 5i64;
    loop {
        match jacobi(d, n) {
            -1 => break,
            // A common factor, as n has none of the small ones and is larger.
            0 if d.unsigned_abs() != n[0] || n.len() > 1 => return Ok(false),
            _ => {}
        }
        // A square has no such D. It is looked for once.
        if d == 21 && is_square(n, room, pace)? {
            return Ok(false);
        }
        d = if d > 0 { -(d + 2) } else { 2 - d };
        pace.step(4 * n.len())?;
    }
    let len = n.len();
    let ring = Ring { modulus: Modulus::new(n), n };
    let (u, room) = cut(room, len)?;
    let (v, room) = cut(room, len)?;
    let (q_power, room) = cut(room, len)?;
    let (q, room) = cut(room, len)?;
    let (d_form, room) = cut(room, len)?;
    let (x, room) = cut(room, len)?;
    let (above, room) = cut(room, len + 1)?;
    // n + 1 = odd · 2^twos.
    above[..len].copy_from_slice(n);
    above[len] = u64::from(add_bit(&mut above[..len], true));
    let twos = trailing_zeros(above);
    ring.small(u, 1, room, pace)?;
    ring.small(v, 1, room, pace)?;
    ring.small(q, (1 - d) / 4, room, pace)?;
    ring.small(d_form, d, room, pace)?;
    q_power.copy_from_slice(q);
    for at in (twos..bit_length(above) - 1).rev() {
        ring.modulus.mul(x, u, v, room, pace)?;
        u.copy_from_slice(x);
        ring.double_v(v, q_power, x, room, pace)?;
        if bit(above, at) {
            // U = (U + V) / 2, V = (D·U + V) / 2.
            ring.modulus.mul(x, u, d_form, room, pace)?;
            ring.add(u, v);
            ring.halve(u);
            ring.add(v, x);
            ring.halve(v);
            ring.modulus.mul(x, q_power, q, room, pace)?;
            q_power.copy_from_slice(x);
        }
    }
    if trimmed(u).is_empty() {
        return Ok(true);
    }
    for _ in 0..twos {
        if trimmed(v).is_empty() {
            return Ok(true);
        }
        ring.double_v(v, q_power, x, room, pace)?;
    }
    Ok(false)
}

impl Ring<'_> {
    /// V of twice the index, V² - 2·Q^k, and Q^2k.
    fn double_v(
        &self,
        v: &mut [u64],
        q_power: &mut [u64],
        x: &mut [u64],
        room: &mut [u64],
        pace: &Pace<'_>,
    ) -> Result<(), Halt> {
        self.modulus.square(x, v, room, pace)?;
        self.sub(x, q_power);
        self.sub(x, q_power);
        v.copy_from_slice(x);
        self.modulus.square(x, q_power, room, pace)?;
        q_power.copy_from_slice(x);
        Ok(())
    }
}

fn is_square(n: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<bool, Halt> {
    let (x, room) = cut(room, n.len() / 2 + 2)?;
    root(x, n, room, pace)?;
    let x = trimmed(x);
    let (squared, room) = cut(room, 2 * x.len())?;
    multiply::square(squared, x, room, pace)?;
    Ok(compare(squared, n) == Ordering::Equal)
}
