//! Numbers as digits, decimal and hexadecimal.
//!
//! Decimal digits of a long number are those of its quotient by a power of 10^19 and of the remainder, about half as long
//! each; and the other way round. So both take a few products as long, not a number of steps that grows as the square.
//!
//! ```
//! use nbc_numerics::bigint::{Pace, text};
//! let a = [0, 1];
//! let mut digits = vec![0; text::most_digits(&a)];
//! let mut room = vec![0; text::decimal_room(a.len())];
//! let first = text::decimal(&mut digits, &a, &mut room, &Pace::free())?;
//! assert_eq!(&digits[first..], b"18446744073709551616");
//! # Ok::<(), nbc_numerics::bigint::Halt>(())
//! ```

use super::divide::{self, Limb, divide};
use super::natural::{add, bit_length, scale, trimmed};
use super::{Halt, Pace, cut, multiply};

/// Digits of a chunk: as many as fit a limb.
const CHUNK: usize = 19;
/// Their number: 10^19.
const CHUNK_POWER: u64 = 10_000_000_000_000_000_000;
/// Chunks that are made one after the other.
const FEW: usize = 32;

/// As many decimal digits as the number can have.
#[must_use]
pub fn most_digits(a: &[u64]) -> usize {
    // log10(2) is a little less than 30103 / 100000.
    (bit_length(a) as u128 * 30103 / 100_000) as usize + 1
}

/// As many limbs as a number of so many decimal digits can have.
#[must_use]
pub fn limbs_of_digits(digits: usize) -> usize {
    digits / CHUNK + 1
}

/// Levels of powers 10^(19 · 2^k) for a number of so many limbs: those with at most half as many.
fn levels(limbs: usize) -> usize {
    let mut levels = 0;
    while (FEW << levels) < limbs {
        levels += 1;
    }
    levels
}

/// Limbs of room that [`decimal`] takes for a number of so many.
#[must_use]
pub fn decimal_room(n: usize) -> usize {
    let half = (FEW << levels(n)) / 2 + 1;
    // The number, powers, quotients, and what one of them takes.
    let powers = 2 * half + 2 * FEW;
    n.saturating_add(powers).saturating_add(2 * n + 256).saturating_add(
        divide::room(n + 1, half.min(n)).max(divide::room(2 * half, half)).max(multiply::room(half, half)),
    )
}

/// About how many products of limbs [`decimal`] takes as long as.
#[must_use]
pub fn decimal_steps(n: usize) -> u64 {
    let levels = levels(n);
    let mut steps = (n as u64).saturating_mul(8 * FEW as u64);
    for level in 0..levels {
        let divisor = FEW << level;
        let times = (n / divisor + 1) as u64;
        steps = steps.saturating_add(divide::steps(2 * divisor, divisor).saturating_mul(times));
    }
    steps
}

/// Where the powers of 10^(19 · FEW) lie in their room, each the square of the one before.
struct Powers<'r> {
    room: &'r [u64],
    ends: [usize; 64],
}

impl<'r> Powers<'r> {
    fn new(
        levels: usize,
        room: &'r mut [u64],
        working: &mut [u64],
        pace: &Pace<'_>,
    ) -> Result<Powers<'r>, Halt> {
        let mut ends = [0; 64];
        if levels == 0 {
            return Ok(Powers { room: &[], ends });
        }
        // 10^(19 · FEW).
        let first = room.get_mut(..FEW).ok_or(Halt::Room)?;
        first.fill(0);
        first[0] = 1;
        for _ in 0..FEW {
            scale(first, CHUNK_POWER, 0);
        }
        ends[0] = trimmed(first).len();
        let mut start = 0;
        for level in 1..levels {
            let (before, after) = room.split_at_mut(ends[level - 1]);
            let last = &before[start..];
            let next = after.get_mut(..2 * last.len()).ok_or(Halt::Room)?;
            multiply::square(next, last, working, pace)?;
            start = ends[level - 1];
            ends[level] = start + trimmed(next).len();
        }
        Ok(Powers { room, ends })
    }

    /// 10^(19 · FEW · 2^level).
    fn get(&self, level: usize) -> &'r [u64] {
        let start = if level == 0 { 0 } else { self.ends[level - 1] };
        &self.room[start..self.ends[level]]
    }
}

/// Writes the decimal digits of `a` at the end of `out`, of [`most_digits`], and returns where they begin. 0 has one digit.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`decimal_room`].
pub fn decimal(out: &mut [u8], a: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<usize, Halt> {
    let a = trimmed(a);
    let levels = levels(a.len());
    let half = (FEW << levels) / 2 + 1;
    let (copy, room) = cut(room, a.len())?;
    let (powers, room) = cut(room, 2 * half + 2 * FEW)?;
    copy.copy_from_slice(a);
    let powers = Powers::new(levels, powers, room, pace)?;
    digits(out, copy, levels, &powers, room, pace)?;
    Ok(out.iter().position(|digit| *digit != b'0').unwrap_or(out.len() - 1))
}

/// Writes the digits of `a`, which is spent, and zeros before them. The number is below the power of that level.
fn digits(
    out: &mut [u8],
    a: &mut [u64],
    level: usize,
    powers: &Powers<'_>,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<(), Halt> {
    let len = trimmed(a).len();
    let a = &mut a[..len];
    if level == 0 || len <= FEW {
        return few_digits(out, a, pace);
    }
    let power = powers.get(level - 1);
    let width = (CHUNK * FEW) << (level - 1);
    if len < power.len() || out.len() <= width {
        let (zeros, rest) = out.split_at_mut(out.len().saturating_sub(width));
        zeros.fill(b'0');
        return digits(rest, a, level - 1, powers, room, pace);
    }
    let (quotient, room) = cut(room, len - power.len() + 1)?;
    divide(quotient, a, power, room, pace)?;
    let (high, low) = out.split_at_mut(out.len() - width);
    digits(high, quotient, level - 1, powers, room, pace)?;
    digits(low, a, level - 1, powers, room, pace)
}

/// One chunk after the other, from the last.
fn few_digits(out: &mut [u8], a: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
    let by = Limb::new(CHUNK_POWER);
    let mut len = a.len();
    for part in out.rchunks_mut(CHUNK) {
        let mut chunk = if len == 0 { 0 } else { by.divide(&mut a[..len]) };
        len = trimmed(&a[..len]).len();
        for digit in part.iter_mut().rev() {
            *digit = b'0' + (chunk % 10) as u8;
            chunk /= 10;
        }
        pace.step(4 * len + CHUNK)?;
    }
    Ok(())
}

/// Limbs of room that [`of_decimal`] takes for so many digits.
#[must_use]
pub fn of_decimal_room(digits: usize) -> usize {
    let n = limbs_of_digits(digits);
    let half = (FEW << levels(n)) / 2 + 1;
    let powers = 2 * half + 2 * FEW;
    powers.saturating_add(2 * n + 256).saturating_add(multiply::room(half, half.min(n)))
}

/// About how many products of limbs [`of_decimal`] takes as long as.
#[must_use]
pub fn of_decimal_steps(digits: usize) -> u64 {
    let n = limbs_of_digits(digits);
    let mut steps = (n as u64).saturating_mul(4 * FEW as u64);
    for level in 0..levels(n) {
        let factor = FEW << level;
        let times = (n / factor + 1) as u64;
        steps = steps.saturating_add(multiply::steps(factor, factor).saturating_mul(times));
    }
    steps
}

/// Writes the number with those decimal digits, of which `out` has [`limbs_of_digits`].
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`of_decimal_room`]. Digits are taken to be digits.
pub fn of_decimal(out: &mut [u64], digits: &[u8], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
    let levels = levels(limbs_of_digits(digits.len()));
    let half = (FEW << levels) / 2 + 1;
    let (powers, room) = cut(room, 2 * half + 2 * FEW)?;
    let powers = Powers::new(levels, powers, room, pace)?;
    number(out, digits, levels, &powers, room, pace)
}

fn number(
    out: &mut [u64],
    digits: &[u8],
    level: usize,
    powers: &Powers<'_>,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<(), Halt> {
    out.fill(0);
    if digits.len() <= CHUNK * FEW || level == 0 {
        let first = digits.len() % CHUNK;
        let (first, rest) = digits.split_at(first);
        let value = |chunk: &[u8]| chunk.iter().fold(0u64, |v, digit| v * 10 + u64::from(digit - b'0'));
        let mut len = 0;
        for chunk in std::iter::once(first).chain(rest.chunks(CHUNK)) {
            let above = scale(&mut out[..len], CHUNK_POWER, value(chunk));
            if above != 0 {
                out[len] = above;
                len += 1;
            }
            pace.step(len + CHUNK)?;
        }
        return Ok(());
    }
    let width = (CHUNK * FEW) << (level - 1);
    if digits.len() <= width {
        return number(out, digits, level - 1, powers, room, pace);
    }
    let (high, low) = digits.split_at(digits.len() - width);
    let (top, room) = cut(room, limbs_of_digits(high.len()))?;
    number(top, high, level - 1, powers, room, pace)?;
    let top = trimmed(top);
    let power = powers.get(level - 1);
    let (product, rest) = out.split_at_mut_checked(top.len() + power.len()).ok_or(Halt::Room)?;
    multiply::product(product, top, power, room, pace)?;
    rest.fill(0);
    let (bottom, room) = cut(room, limbs_of_digits(width))?;
    number(bottom, low, level - 1, powers, room, pace)?;
    add(out, trimmed(bottom));
    Ok(())
}

/// Hexadecimal digits of the number, without zeros before them; 0 has one.
pub fn hexadecimal(a: &[u64], mut put: impl FnMut(u8)) {
    let a = trimmed(a);
    let Some(last) = a.last() else { return put(b'0') };
    let digit = |limb: u64, at: u32| b"0123456789abcdef"[(limb >> (4 * at) & 15) as usize];
    let first = 16 - last.leading_zeros() / 4;
    for at in (0..first).rev() {
        put(digit(*last, at));
    }
    for limb in a[..a.len() - 1].iter().rev() {
        for at in (0..16).rev() {
            put(digit(*limb, at));
        }
    }
}

/// The number with those hexadecimal digits, in as many limbs as hold them; `None` where one is no digit.
#[must_use]
pub fn of_hexadecimal(out: &mut [u64], digits: &[u8]) -> Option<()> {
    out.fill(0);
    for (limb, part) in out.iter_mut().zip(digits.rchunks(16)) {
        for digit in part {
            *limb = *limb << 4 | u64::from(char::from(*digit).to_digit(16)?);
        }
    }
    Some(())
}
