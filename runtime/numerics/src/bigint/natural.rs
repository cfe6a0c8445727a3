//! Sums, differences, shifts and products with one limb: what takes one pass over a number.
//!
//! ```
//! use nbc_numerics::bigint::natural::{add, trimmed};
//! let mut a = [u64::MAX, 7];
//! assert!(!add(&mut a, &[1]));
//! assert_eq!(a, [0, 8]);
//! assert_eq!(trimmed(&[5, 0, 0]), [5]);
//! ```

use super::{Halt, Pace};
use std::cmp::Ordering;

/// The number without zeros at its end.
#[must_use]
pub fn trimmed(a: &[u64]) -> &[u64] {
    let len = a.iter().rposition(|limb| *limb != 0).map_or(0, |last| last + 1);
    &a[..len]
}

/// How two numbers of any lengths compare.
#[must_use]
pub fn compare(a: &[u64], b: &[u64]) -> Ordering {
    let (a, b) = (trimmed(a), trimmed(b));
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

/// How many bits the number has: 0 of 0.
#[must_use]
pub fn bit_length(a: &[u64]) -> u64 {
    let a = trimmed(a);
    a.last().map_or(0, |last| a.len() as u64 * 64 - u64::from(last.leading_zeros()))
}

/// Whether bit number `at` is set.
#[must_use]
pub fn bit(a: &[u64], at: u64) -> bool {
    let limb = usize::try_from(at / 64).ok().and_then(|n| a.get(n));
    limb.is_some_and(|limb| limb >> (at % 64) & 1 == 1)
}

/// How many zeros there are below the lowest bit that is set; of 0 all that it has room for.
#[must_use]
pub fn trailing_zeros(a: &[u64]) -> u64 {
    match a.iter().position(|limb| *limb != 0) {
        Some(at) => at as u64 * 64 + u64::from(a[at].trailing_zeros()),
        None => a.len() as u64 * 64,
    }
}

/// `a + b + carry`, and the carry out of it.
#[inline(always)]
pub(super) fn adc(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, over) = a.overflowing_add(b);
    let (sum, again) = sum.overflowing_add(carry as u64);
    (sum, over | again)
}

/// `a - b - borrow`, and the borrow out of it.
#[inline(always)]
pub(super) fn sbb(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (rest, under) = a.overflowing_sub(b);
    let (rest, again) = rest.overflowing_sub(borrow as u64);
    (rest, under | again)
}

/// `a · b + c + d` in two limbs, which cannot overflow: low, high.
#[inline(always)]
pub(super) fn wide(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let t = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (t as u64, (t >> 64) as u64)
}

/// Adds a bit to the number, and returns the carry out of it.
pub fn add_bit(a: &mut [u64], mut carry: bool) -> bool {
    for limb in a {
        if !carry {
            return false;
        }
        (*limb, carry) = limb.overflowing_add(1);
    }
    carry
}

/// Subtracts a bit from the number, and returns the borrow out of it.
pub fn sub_bit(a: &mut [u64], mut borrow: bool) -> bool {
    for limb in a {
        if !borrow {
            return false;
        }
        (*limb, borrow) = limb.overflowing_sub(1);
    }
    borrow
}

/// Adds `b` to `a`, which has at least as many limbs, and returns the carry out of it.
pub fn add(a: &mut [u64], b: &[u64]) -> bool {
    let (low, high) = a.split_at_mut(b.len());
    let mut carry = false;
    for (a, b) in low.iter_mut().zip(b) {
        (*a, carry) = adc(*a, *b, carry);
    }
    add_bit(high, carry)
}

/// Subtracts `b` from `a`, which has at least as many limbs, and returns the borrow out of it.
pub fn sub(a: &mut [u64], b: &[u64]) -> bool {
    let (low, high) = a.split_at_mut(b.len());
    let mut borrow = false;
    for (a, b) in low.iter_mut().zip(b) {
        (*a, borrow) = sbb(*a, *b, borrow);
    }
    sub_bit(high, borrow)
}

/// Writes `|a - b|` of two numbers of `out`'s length, and whether `a` is less.
pub(super) fn distance(out: &mut [u64], a: &[u64], b: &[u64]) -> bool {
    let less = a.iter().rev().lt(b.iter().rev());
    let (large, small) = if less { (b, a) } else { (a, b) };
    out.copy_from_slice(large);
    sub(out, small);
    less
}

/// Writes `a · b` and returns the limb above it.
pub fn mul_limb(out: &mut [u64], a: &[u64], b: u64) -> u64 {
    let mut carry = 0;
    for (out, a) in out.iter_mut().zip(a) {
        (*out, carry) = wide(*a, b, carry, 0);
    }
    carry
}

/// Multiplies the number by `b`, adds `carry` and returns the limb above it.
pub fn scale(a: &mut [u64], b: u64, mut carry: u64) -> u64 {
    for limb in a {
        (*limb, carry) = wide(*limb, b, carry, 0);
    }
    carry
}

/// Adds `a · b` to as many limbs of `out`, and returns the limb above them.
#[inline]
pub fn add_mul(out: &mut [u64], a: &[u64], b: u64) -> u64 {
    let mut carry = 0;
    let mut outs = out.chunks_exact_mut(4);
    let mut parts = a.chunks_exact(4);
    for (out, a) in outs.by_ref().zip(parts.by_ref()) {
        (out[0], carry) = wide(a[0], b, out[0], carry);
        (out[1], carry) = wide(a[1], b, out[1], carry);
        (out[2], carry) = wide(a[2], b, out[2], carry);
        (out[3], carry) = wide(a[3], b, out[3], carry);
    }
    for (out, a) in outs.into_remainder().iter_mut().zip(parts.remainder()) {
        (*out, carry) = wide(*a, b, *out, carry);
    }
    carry
}

/// Adds `a · (low + 2⁶⁴ high)` to as many limbs of `out` as `a` has, and returns the two limbs above them. Two carries at
/// a time keep the multiplier busy.
#[inline]
pub(super) fn add_mul_2(out: &mut [u64], a: &[u64], low: u64, high: u64) -> (u64, u64) {
    let (mut before, mut c0, mut c1) = (0, 0, 0);
    let mut outs = out.chunks_exact_mut(4);
    let mut parts = a.chunks_exact(4);
    macro_rules! step {
        ($out:expr, $a:expr) => {
            let sum;
            (sum, c0) = wide($a, low, $out, c0);
            ($out, c1) = wide(before, high, sum, c1);
            before = $a;
        };
    }
    for (out, a) in outs.by_ref().zip(parts.by_ref()) {
        step!(out[0], a[0]);
        step!(out[1], a[1]);
        step!(out[2], a[2]);
        step!(out[3], a[3]);
    }
    for (out, a) in outs.into_remainder().iter_mut().zip(parts.remainder()) {
        step!(*out, *a);
    }
    wide(before, high, c0, c1)
}

/// Subtracts `a · b` from as many limbs of `out`, and returns the limb that is to be borrowed above them.
#[inline]
pub fn sub_mul(out: &mut [u64], a: &[u64], b: u64) -> u64 {
    let mut carry = 0;
    for (out, a) in out.iter_mut().zip(a) {
        let (low, high) = wide(*a, b, carry, 0);
        let (rest, under) = out.overflowing_sub(low);
        *out = rest;
        carry = high + under as u64;
    }
    carry
}

/// Shifts the number up by fewer than 64 bits and returns what leaves it.
pub fn shift_up(a: &mut [u64], bits: u32) -> u64 {
    if bits == 0 {
        return 0;
    }
    let mut carry = 0;
    for limb in a {
        (*limb, carry) = (*limb << bits | carry, *limb >> (64 - bits));
    }
    carry
}

/// Shifts the number down by fewer than 64 bits; `from_above` comes in at the top. What leaves it is returned, at the top
/// of a limb.
pub fn shift_down(a: &mut [u64], bits: u32, from_above: u64) -> u64 {
    if bits == 0 {
        return 0;
    }
    let mut carry = from_above << (64 - bits);
    for limb in a.iter_mut().rev() {
        (*limb, carry) = (*limb >> bits | carry, *limb << (64 - bits));
    }
    carry
}

/// Limbs of one stretch of what takes one pass.
const STRETCH: usize = 1 << 16;

/// Writes `a + b`, and returns the carry; `out` is as long as `a`, and `b` no longer.
///
/// # Errors
/// Where it is not to go on.
pub fn sum(out: &mut [u64], a: &[u64], b: &[u64], pace: &Pace<'_>) -> Result<bool, Halt> {
    in_stretches(out, a, b, (add, add_bit), pace)
}

/// Writes `a - b`, and returns the borrow; `out` is as long as `a`, and `b` no longer.
///
/// # Errors
/// Where it is not to go on.
pub fn difference(out: &mut [u64], a: &[u64], b: &[u64], pace: &Pace<'_>) -> Result<bool, Halt> {
    in_stretches(out, a, b, (sub, sub_bit), pace)
}

type Both = fn(&mut [u64], &[u64]) -> bool;
type Bit = fn(&mut [u64], bool) -> bool;

fn in_stretches(
    out: &mut [u64],
    a: &[u64],
    b: &[u64],
    (both, bit): (Both, Bit),
    pace: &Pace<'_>,
) -> Result<bool, Halt> {
    let mut carry = false;
    let mut b = b.chunks(STRETCH);
    for (out, a) in out.chunks_mut(STRETCH).zip(a.chunks(STRETCH)) {
        out.copy_from_slice(a);
        // If the bit is carried on, all limbs are 0 and nothing else is; or all are at their most.
        carry = bit(out, carry) | both(out, b.next().unwrap_or_default());
        pace.step(out.len())?;
    }
    Ok(carry)
}

/// Writes `a` shifted up by so many bits. `out` is longer by as many limbs as are shifted whole, and one.
///
/// # Errors
/// Where it is not to go on.
pub fn shifted_up(out: &mut [u64], a: &[u64], bits: u64, pace: &Pace<'_>) -> Result<(), Halt> {
    let whole = out.len() - a.len() - 1;
    out[..whole].fill(0);
    let mut carry = 0;
    let (to, last) = out[whole..].split_at_mut(a.len());
    for (to, a) in to.chunks_mut(STRETCH).zip(a.chunks(STRETCH)) {
        to.copy_from_slice(a);
        let above = shift_up(to, (bits % 64) as u32);
        to[0] |= carry;
        carry = above;
        pace.step(to.len())?;
    }
    last[0] = carry;
    Ok(())
}

/// Writes `a` shifted down by so many bits, and returns whether any of those was set. `out` is shorter by as many limbs as
/// are shifted whole.
///
/// # Errors
/// Where it is not to go on.
pub fn shifted_down(out: &mut [u64], a: &[u64], bits: u64, pace: &Pace<'_>) -> Result<bool, Halt> {
    let (lost, kept) = a.split_at(a.len() - out.len());
    let mut any = false;
    for lost in lost.chunks(STRETCH) {
        any |= lost.iter().any(|limb| *limb != 0);
        pace.step(lost.len())?;
    }
    let shift = (bits % 64) as u32;
    any |= kept.first().is_some_and(|limb| shift > 0 && limb << (64 - shift) != 0);
    for (n, (to, from)) in out.chunks_mut(STRETCH).zip(kept.chunks(STRETCH)).enumerate() {
        to.copy_from_slice(from);
        shift_down(to, shift, kept.get((n + 1) * STRETCH).copied().unwrap_or(0));
        pace.step(to.len())?;
    }
    Ok(any)
}
