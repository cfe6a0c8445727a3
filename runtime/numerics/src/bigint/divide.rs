//! Quotient and remainder, and square roots, which are made of quotients.
//!
//! Short divisors are subtracted limb by limb (Knuth's algorithm D). A limb of the quotient follows from three of the
//! dividend and two of the divisor, by their reciprocal. From [`RECURSIVE`] limbs on a quotient is made by halves, so that
//! it takes a few products as long.
//!
//! Möller and Granlund, Improved division by invariant integers, 2011; Burnikel and Ziegler, Fast recursive
//! division, 1998.
//!
//! ```
//! use nbc_numerics::bigint::{Pace, divide};
//! let (mut a, b) = ([7, 0, 5], [0, 2]);
//! let mut quotient = [0; 2];
//! let mut room = vec![0; divide::room(3, 2)];
//! divide::divide(&mut quotient, &mut a, &b, &mut room, &Pace::free())?;
//! assert_eq!((quotient, a), ([1 << 63, 2], [7, 0, 0]));
//! # Ok::<(), nbc_numerics::bigint::Halt>(())
//! ```

use super::natural::{add, bit_length, compare, shift_down, shift_up, sub, sub_bit, sub_mul, trimmed, wide};
use super::{Halt, Pace, cut, multiply};
use std::cmp::Ordering;

/// Limbs of a quotient from which it is made by halves.
const RECURSIVE: usize = 64;

/// Limbs of room that [`divide`] takes for a dividend and a divisor of those lengths.
#[must_use]
pub fn room(n: usize, m: usize) -> usize {
    // Both shifted; the largest product is of a part of the quotient and as much of the divisor, or all of it.
    let parts = n.saturating_sub(m).saturating_add(1).min(m);
    let product = if parts < RECURSIVE { 0 } else { multiply::room(m, parts).max(multiply::room(m, m)) };
    n.saturating_add(3 * m + 2).saturating_add(product)
}

/// About how many products of limbs [`divide`] takes as long as.
#[must_use]
pub fn steps(n: usize, m: usize) -> u64 {
    let quotient = n.saturating_sub(m) + 1;
    let rows = (m as u64).saturating_mul(quotient as u64);
    let block = quotient.min(m);
    if block < RECURSIVE {
        return rows;
    }
    // Each halving takes two products of halves; there are about so many.
    let halvings = u64::from((block / RECURSIVE).max(1).ilog2()) + 2;
    let blocks = quotient.div_ceil(block) as u64;
    multiply::steps(m, block).saturating_mul(halvings.saturating_mul(blocks)).min(rows)
}

/// What quotients of a divisor of at least two limbs are guessed by: its two highest limbs, the first bit set, and
/// (2¹⁹² - 1) / d - 2⁶⁴.
#[derive(Clone, Copy)]
struct Guess {
    high: u64,
    low: u64,
    reciprocal: u64,
}

/// (2¹²⁸ - 1) / d - 2⁶⁴ of a limb whose first bit is set.
fn reciprocal(d: u64) -> u64 {
    ((u128::from(!d) << 64 | u128::from(u64::MAX)) / u128::from(d)) as u64
}

impl Guess {
    fn new(high: u64, low: u64) -> Guess {
        let mut v = reciprocal(high);
        let mut p = high.wrapping_mul(v).wrapping_add(low);
        if p < low {
            v = v.wrapping_sub(1);
            if p >= high {
                v = v.wrapping_sub(1);
                p = p.wrapping_sub(high);
            }
            p = p.wrapping_sub(high);
        }
        let (t0, t1) = wide(low, v, 0, 0);
        let (p, over) = p.overflowing_add(t1);
        if over {
            v = v.wrapping_sub(1);
            if (p, t0) >= (high, low) {
                v = v.wrapping_sub(1);
            }
        }
        Guess { high, low, reciprocal: v }
    }

    /// The quotient of three limbs by the two, and the remainder: high, low. The first two are less than the two.
    #[inline(always)]
    fn quotient(self, u2: u64, u1: u64, u0: u64) -> (u64, u64, u64) {
        let d = u128::from(self.high) << 64 | u128::from(self.low);
        let (q0, q1) = wide(self.reciprocal, u2, 0, 0);
        let q = (u128::from(q1) << 64 | u128::from(q0)).wrapping_add(u128::from(u2) << 64 | u128::from(u1));
        let (mut q1, q0) = ((q >> 64) as u64, q as u64);
        let r1 = u1.wrapping_sub(q1.wrapping_mul(self.high));
        let t = u128::from(self.low) * u128::from(q1);
        let mut r = (u128::from(r1) << 64 | u128::from(u0)).wrapping_sub(t).wrapping_sub(d);
        q1 = q1.wrapping_add(1);
        if (r >> 64) as u64 >= q0 {
            q1 = q1.wrapping_sub(1);
            r = r.wrapping_add(d);
        }
        if r >= d {
            q1 = q1.wrapping_add(1);
            r = r.wrapping_sub(d);
        }
        (q1, (r >> 64) as u64, r as u64)
    }
}

/// A limb to divide by.
#[derive(Clone, Copy)]
pub struct Limb {
    d: u64,
    shift: u32,
    reciprocal: u64,
}

impl Limb {
    /// For a limb that is not 0.
    #[must_use]
    pub fn new(d: u64) -> Limb {
        let shift = d.leading_zeros();
        let d = d << shift;
        Limb { d, shift, reciprocal: reciprocal(d) }
    }

    /// Quotient and remainder of two limbs, of which the high one is less than the divisor, which is shifted up.
    #[inline(always)]
    fn step(self, high: u64, low: u64) -> (u64, u64) {
        let (q0, q1) = wide(self.reciprocal, high, 0, 0);
        let q =
            (u128::from(q1) << 64 | u128::from(q0)).wrapping_add(u128::from(high) << 64 | u128::from(low));
        let (mut q1, q0) = (((q >> 64) as u64).wrapping_add(1), q as u64);
        let mut r = low.wrapping_sub(q1.wrapping_mul(self.d));
        if r > q0 {
            q1 = q1.wrapping_sub(1);
            r = r.wrapping_add(self.d);
        }
        if r >= self.d {
            q1 = q1.wrapping_add(1);
            r = r.wrapping_sub(self.d);
        }
        (q1, r)
    }

    /// Divides the number in place and returns the remainder.
    pub fn divide(self, a: &mut [u64]) -> u64 {
        self.divide_below(0, a)
    }

    /// [`Limb::divide`] of a number whose limbs above it leave `rest`.
    fn divide_below(self, rest: u64, a: &mut [u64]) -> u64 {
        let mut rest = rest << self.shift;
        for limb in a.iter_mut().rev() {
            let (high, low) = (*limb >> 1 >> (63 - self.shift), *limb << self.shift);
            (*limb, rest) = self.step(rest | high, low);
        }
        rest >> self.shift
    }

    /// The remainder.
    #[must_use]
    pub fn remainder(self, a: &[u64]) -> u64 {
        let mut rest = 0;
        for limb in a.iter().rev() {
            let (high, low) = (*limb >> 1 >> (63 - self.shift), *limb << self.shift);
            rest = self.step(rest | high, low).1;
        }
        rest >> self.shift
    }
}

/// Divides `a`, which then holds the remainder, by `b`, which is trimmed and not 0. `quotient` has as many limbs as `a` has
/// more than `b`, and one more; it is 0 where `a` is shorter.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`room`].
pub fn divide(
    quotient: &mut [u64],
    a: &mut [u64],
    b: &[u64],
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<(), Halt> {
    let (n, m) = (a.len(), b.len());
    if n < m || m == 0 {
        quotient.fill(0);
        return Ok(());
    }
    if m == 1 {
        quotient[..n].copy_from_slice(a);
        let by = Limb::new(b[0]);
        let mut rest = 0;
        // From the top, as many limbs at a time as take no longer than they may.
        for part in quotient[..n].rchunks_mut(1 << 14) {
            rest = by.divide_below(rest, part);
            pace.step(part.len() * 4)?;
        }
        a.fill(0);
        a[0] = rest;
        return Ok(());
    }
    let shift = b[m - 1].leading_zeros();
    let (divisor, room) = cut(room, m)?;
    let (dividend, room) = cut(room, n + 1)?;
    divisor.copy_from_slice(b);
    shift_up(divisor, shift);
    dividend[..n].copy_from_slice(a);
    dividend[n] = shift_up(&mut dividend[..n], shift);
    pace.step(2 * (n + m))?;
    let guess = Guess::new(divisor[m - 1], divisor[m - 2]);
    let over = in_blocks(quotient, dividend, divisor, guess, room, pace)?;
    debug_assert!(!over);
    shift_down(&mut dividend[..m], shift, 0);
    a[..m].copy_from_slice(&dividend[..m]);
    a[m..].fill(0);
    pace.step(2 * (n + m))
}

/// Divides `a` of `n + m` limbs by `d` of `m`, the first bit of which is set, into a quotient of `n` limbs. The remainder is in
/// the lower limbs of `a`. Whether there is one more bit above the quotient comes back.
fn in_blocks(
    quotient: &mut [u64],
    a: &mut [u64],
    d: &[u64],
    guess: Guess,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<bool, Halt> {
    let (n, m) = (quotient.len(), d.len());
    if n.min(m) < RECURSIVE {
        return by_limbs(quotient, a, d, guess, pace);
    }
    // The first block is what is left over; the others are as long as the divisor.
    let first = if n.is_multiple_of(m) { m } else { n % m };
    let mut at = n - first;
    let over = block(&mut quotient[at..], &mut a[at..], d, guess, room, pace)?;
    while at > 0 {
        at -= m;
        // What is above is less than the divisor, so nothing goes over.
        block(&mut quotient[at..at + m], &mut a[at..at + 2 * m], d, guess, room, pace)?;
    }
    Ok(over)
}

/// [`in_blocks`] where the quotient is no longer than the divisor.
fn block(
    quotient: &mut [u64],
    a: &mut [u64],
    d: &[u64],
    guess: Guess,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<bool, Halt> {
    let (n, m) = (quotient.len(), d.len());
    if n < RECURSIVE {
        return by_limbs(quotient, a, d, guess, pace);
    }
    if n == m {
        return by_halves(quotient, a, d, guess, room, pace);
    }
    // By as much of the divisor as the quotient is long; then the rest of the divisor is seen to.
    let rest = m - n;
    let mut over = by_halves(quotient, &mut a[rest..], &d[rest..], guess, room, pace)?;
    let (product, room) = cut(room, m)?;
    multiply::product(product, quotient, &d[..rest], room, pace)?;
    let mut borrow = sub(&mut a[..m], product);
    if over {
        borrow |= sub(&mut a[n..m], &d[..rest]);
    }
    while borrow {
        over ^= sub_bit(quotient, true);
        borrow = !add(&mut a[..m], d);
    }
    pace.step(4 * m)?;
    Ok(over)
}

/// [`in_blocks`] of twice as many limbs as the divisor has.
fn by_halves(
    quotient: &mut [u64],
    a: &mut [u64],
    d: &[u64],
    guess: Guess,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<bool, Halt> {
    let m = d.len();
    if m < RECURSIVE {
        return by_limbs(quotient, a, d, guess, pace);
    }
    let low = m / 2;
    let high = m - low;
    let (q_low, q_high) = quotient.split_at_mut(low);

    let mut over = by_halves(q_high, &mut a[2 * low..], &d[low..], guess, room, pace)?;
    let (product, below) = cut(room, m)?;
    multiply::product(product, q_high, &d[..low], below, pace)?;
    // How often the divisor has to be added again.
    let mut again = sub(&mut a[low..low + m], product) as u32;
    if over {
        again += sub(&mut a[m..m + low], &d[..low]) as u32;
    }
    while again > 0 {
        over ^= sub_bit(q_high, true);
        again -= add(&mut a[low..low + m], d) as u32;
    }

    let above = by_halves(q_low, &mut a[high..high + 2 * low], &d[high..], guess, room, pace)?;
    let (product, below) = cut(room, m)?;
    multiply::product(product, &d[..high], q_low, below, pace)?;
    let mut again = sub(&mut a[..m], product) as u32;
    if above {
        again += sub(&mut a[low..m], &d[..high]) as u32;
    }
    while again > 0 {
        sub_bit(q_low, true);
        again -= add(&mut a[..m], d) as u32;
    }
    pace.step(8 * m)?;
    Ok(over)
}

/// A row for each limb of the quotient.
fn by_limbs(
    quotient: &mut [u64],
    a: &mut [u64],
    d: &[u64],
    guess: Guess,
    pace: &Pace<'_>,
) -> Result<bool, Halt> {
    let m = d.len();
    let n = quotient.len();
    let over = compare(&a[n..n + m], d) != Ordering::Less;
    if over {
        sub(&mut a[n..n + m], d);
    }
    for at in (0..n).rev() {
        let top = a[at + m];
        let (q, borrow) = if top == guess.high && a[at + m - 1] == guess.low {
            // The quotient of the first limbs is as large as it can be.
            (u64::MAX, sub_mul(&mut a[at..at + m], d, u64::MAX))
        } else {
            let (q, _, _) = guess.quotient(top, a[at + m - 1], a[at + m - 2]);
            (q, sub_mul(&mut a[at..at + m], d, q))
        };
        let (rest, under) = top.overflowing_sub(borrow);
        a[at + m] = rest;
        let mut q = q;
        if under {
            q = q.wrapping_sub(1);
            let carry = add(&mut a[at..at + m], d);
            a[at + m] = a[at + m].wrapping_add(carry as u64);
        }
        quotient[at] = q;
        pace.step(m)?;
    }
    Ok(over)
}

/// Limbs of room that [`root`] takes for so many.
#[must_use]
pub fn root_room(n: usize) -> usize {
    let half = n / 2 + 2;
    // The root so far, the next, what is divided with its quotient, and what dividing or squaring takes.
    4 * half + 2 * n + 8 + room(n + 1, half).max(multiply::room(half, half))
}

/// About how many products of limbs [`root`] takes as long as.
#[must_use]
pub fn root_steps(n: usize) -> u64 {
    steps(n, n.div_ceil(2)).saturating_mul(3).saturating_add(64)
}

/// Writes the whole part of the square root; `out` has at least half as many limbs as `a`, rounded up, and one more.
///
/// A root is made twice as long in each step, by one division. Zimmermann gives the same for a quotient of that
/// precision; here it is as CPython's `math.isqrt` does, which has a proof beside it.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`root_room`].
pub fn root(out: &mut [u64], a: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
    let a = trimmed(a);
    out.fill(0);
    if a.is_empty() {
        return Ok(());
    }
    let half = a.len() / 2 + 2;
    let (x, room) = cut(room, half)?;
    let (quotient, room) = cut(room, a.len() + 2)?;
    let (rest, room) = cut(room, a.len() + 2)?;
    x.fill(0);
    x[0] = 1;
    let c = (bit_length(a) - 1) / 2;
    let mut d = 0u64;
    for s in (0..64 - c.leading_zeros()).rev() {
        let e = d;
        d = c >> s;
        // x = (x << d-e-1) + (a >> 2c-e-d+1) / x
        let len = shifted_down(rest, a, 2 * c - e - d + 1);
        let rest = &mut rest[..len];
        let by = trimmed(x).len();
        let q = if len >= by {
            let q = &mut quotient[..len - by + 1];
            divide(q, rest, &x[..by], room, pace)?;
            trimmed(q).len()
        } else {
            0
        };
        shift_in_place(x, d - e - 1);
        let q = q.min(x.len());
        add(x, &quotient[..q]);
    }
    // Too large by one at most.
    let len = trimmed(x).len();
    let (squared, room) = (&mut quotient[..], room);
    let too_large = if 2 * len <= squared.len() {
        multiply::square(&mut squared[..2 * len], &x[..len], room, pace)?;
        compare(&squared[..2 * len], a) == Ordering::Greater
    } else {
        true
    };
    if too_large {
        sub_bit(x, true);
    }
    let len = trimmed(x).len().min(out.len());
    out[..len].copy_from_slice(&x[..len]);
    Ok(())
}

/// Writes `a >> bits` and returns how many limbs it has.
pub(super) fn shifted_down(out: &mut [u64], a: &[u64], bits: u64) -> usize {
    let limbs = usize::try_from(bits / 64).unwrap_or(usize::MAX).min(a.len());
    let part = &a[limbs..];
    out[..part.len()].copy_from_slice(part);
    shift_down(&mut out[..part.len()], (bits % 64) as u32, 0);
    trimmed(&out[..part.len()]).len()
}

/// Shifts up within the limbs there are.
fn shift_in_place(a: &mut [u64], bits: u64) {
    let limbs = usize::try_from(bits / 64).unwrap_or(usize::MAX).min(a.len());
    let kept = a.len() - limbs;
    a.copy_within(..kept, limbs);
    a[..limbs].fill(0);
    shift_up(a, (bits % 64) as u32);
}
