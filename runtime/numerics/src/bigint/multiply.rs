//! Products: by rows, by Karatsuba's method from [`KARATSUBA`] limbs on, and by a number-theoretic transform
//! (`transform.rs`) from [`TRANSFORM`] on.
//!
//! Of factors of different lengths the longer one is cut into pieces as long as the shorter.

use super::natural::{add, add_mul, add_mul_2, distance, sub, wide};
use super::transform;
use super::{Halt, Pace, cut};

/// Limbs from which three products of halves are less work than all rows.
const KARATSUBA: usize = 32;
/// The same of squares, whose rows are half as many.
const KARATSUBA_SQUARE: usize = 48;
/// Limbs from which transforms may be less work.
const TRANSFORM: usize = 1500;

/// Whether a transform is less work than halves. It depends on how much its length is more than it has to be.
fn is_for_transform(long: usize, short: usize) -> bool {
    short >= TRANSFORM
        && long <= 2 * short
        && transform::steps(long, short) < by_halves_steps(short).saturating_mul(long.div_ceil(short) as u64)
}

/// About how many products of limbs Karatsuba's method takes as long as, of factors of so many limbs: n^1.585, by halves.
fn by_halves_steps(n: usize) -> u64 {
    let (mut n, mut times) = (n as u64, 1u64);
    while n >= KARATSUBA as u64 {
        n = n.div_ceil(2);
        times = times.saturating_mul(3);
    }
    times.saturating_mul(n * n + 8 * n)
}

/// Limbs of room that is enough for [`product`] of factors of those lengths or less, and for [`square`].
#[must_use]
pub fn room(n: usize, m: usize) -> usize {
    let (long, short) = (n.max(m), n.min(m));
    if short < KARATSUBA {
        return 0;
    }
    // Products of pieces, of pieces of what is left over, and so on are less than four times the shorter one together.
    let pieces = short.saturating_mul(8);
    let halves = short.saturating_mul(4).saturating_add(512);
    let whole =
        if short >= TRANSFORM { transform::room(long.min(short.saturating_mul(2)), short) } else { 0 };
    pieces.saturating_add(halves.max(whole))
}

/// About how many products of limbs [`product`] takes as long as.
#[must_use]
pub fn steps(n: usize, m: usize) -> u64 {
    let (long, short) = (n.max(m) as u64, n.min(m) as u64);
    let rows = long.saturating_mul(short);
    if short < KARATSUBA as u64 {
        return rows;
    }
    let halves = by_halves_steps(short as usize);
    let square = match short as usize {
        short if short >= TRANSFORM => halves.min(transform::steps(short, short)),
        _ => halves,
    };
    square.saturating_mul(long.div_ceil(short.max(1))).min(rows)
}

/// Writes `a · b`; `out` has as many limbs as both together.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`room`].
pub fn product(out: &mut [u64], a: &[u64], b: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
    debug_assert_eq!(out.len(), a.len() + b.len());
    let (a, b) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let short = b.len();
    if short < KARATSUBA {
        return by_rows(out, a, b, pace);
    }
    if is_for_transform(a.len(), short) {
        return transform::product(out, a, b, room, pace);
    }
    if a.len() == short {
        return halves(out, a, b, room, pace);
    }
    // Piece by piece of the longer one.
    let (part, room) = cut(room, 2 * short)?;
    out.fill(0);
    for (n, piece) in a.chunks(short).enumerate() {
        let part = &mut part[..piece.len() + short];
        product(part, piece, b, room, pace)?;
        add(&mut out[n * short..], part);
    }
    Ok(())
}

/// Writes `a · a`; `out` has twice as many limbs.
///
/// # Errors
/// As [`product`].
pub fn square(out: &mut [u64], a: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
    if a.len() < KARATSUBA_SQUARE {
        square_by_rows(out, a);
        return pace.step(a.len() * a.len());
    }
    if is_for_transform(a.len(), a.len()) {
        return transform::square(out, a, room, pace);
    }
    let half = a.len().div_ceil(2);
    let (low, high) = a.split_at(half);
    let (middle, room) = cut(room, 2 * half)?;
    let (sum, room) = cut(room, 2 * half + 1)?;
    distance_of_halves(&mut out[..half], low, high);
    square(middle, &out[..half], room, pace)?;
    square(&mut out[..2 * half], low, room, pace)?;
    square(&mut out[2 * half..], high, room, pace)?;
    put_together(out, sum, middle, half, false);
    pace.step(8 * half)
}

/// Rows of the longer one, two at a time.
fn by_rows(out: &mut [u64], a: &[u64], b: &[u64], pace: &Pace<'_>) -> Result<(), Halt> {
    out.fill(0);
    // As many limbs of the longer one at a time as stay near.
    for (n, a) in a.chunks(1 << 11).enumerate() {
        let out = &mut out[n << 11..];
        let mut pairs = b.chunks_exact(2);
        let mut at = 0;
        for pair in pairs.by_ref() {
            let (low, high) = add_mul_2(&mut out[at..at + a.len()], a, pair[0], pair[1]);
            add(&mut out[at + a.len()..], &[low, high]);
            at += 2;
        }
        if let [last] = pairs.remainder() {
            let above = add_mul(&mut out[at..at + a.len()], a, *last);
            add(&mut out[at + a.len()..], &[above]);
        }
        pace.step(a.len() * b.len())?;
    }
    Ok(())
}

/// Each product of two different limbs once, doubled, and the squares.
pub(super) fn square_by_rows(out: &mut [u64], a: &[u64]) {
    out.fill(0);
    let mut at = 0;
    while at + 2 < a.len() {
        // Two rows: of the second, what is left of the first limb after it is the product of both.
        let rest = &a[at + 2..];
        let (low, high) = wide(a[at], a[at + 1], out[2 * at + 1], 0);
        let row = &mut out[2 * at + 1..];
        row[0] = low;
        let over = add(&mut row[1..3], &[high]);
        add(&mut row[3..], &[u64::from(over)]);
        let (low, high) = add_mul_2(&mut row[1..1 + rest.len()], rest, a[at], a[at + 1]);
        add(&mut row[1 + rest.len()..], &[low, high]);
        at += 2;
    }
    if at + 2 == a.len() {
        let (low, high) = wide(a[at], a[at + 1], out[2 * at + 1], 0);
        out[2 * at + 1] = low;
        out[2 * at + 2] += high;
    }
    let (mut top, mut carry) = (0, 0);
    for (pair, limb) in out.chunks_exact_mut(2).zip(a) {
        let doubled = [pair[0] << 1 | top, pair[1] << 1 | pair[0] >> 63];
        top = pair[1] >> 63;
        let (low, high) = wide(*limb, *limb, doubled[0], carry);
        pair[0] = low;
        let (second, over) = doubled[1].overflowing_add(high);
        pair[1] = second;
        carry = over as u64;
    }
}

/// Karatsuba's method.
fn halves(out: &mut [u64], a: &[u64], b: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
    let half = a.len().div_ceil(2);
    let ((a0, a1), (b0, b1)) = (a.split_at(half), b.split_at(half));
    let (middle, room) = cut(room, 2 * half)?;
    let (sum, room) = cut(room, 2 * half + 1)?;
    let (x, y) = out[..2 * half].split_at_mut(half);
    let is_negative = distance_of_halves(x, a0, a1) != distance_of_halves(y, b0, b1);
    product(middle, x, y, room, pace)?;
    product(&mut out[..2 * half], a0, b0, room, pace)?;
    product(&mut out[2 * half..], a1, b1, room, pace)?;
    put_together(out, sum, middle, half, is_negative);
    pace.step(8 * half)
}

/// Writes the distance of two halves, of which the second may have a limb less, and whether the first is less.
fn distance_of_halves(out: &mut [u64], low: &[u64], high: &[u64]) -> bool {
    if low.len() == high.len() {
        return distance(out, low, high);
    }
    let above = low[high.len()];
    let (out, top) = out.split_at_mut(high.len());
    if above != 0 {
        out.copy_from_slice(&low[..high.len()]);
        top[0] = above - sub(out, high) as u64;
        return false;
    }
    top[0] = 0;
    distance(out, &low[..high.len()], high)
}

/// Adds the middle product where it belongs: those of the halves, and less that of their differences, or more where
/// that is negative.
fn put_together(out: &mut [u64], sum: &mut [u64], middle: &[u64], half: usize, is_negative: bool) {
    let (low, high) = out.split_at(2 * half);
    sum[..2 * half].copy_from_slice(low);
    sum[2 * half] = 0;
    add(sum, high);
    if is_negative {
        add(sum, middle);
    } else {
        sub(sum, middle);
    }
    add(&mut out[half..], sum);
}
