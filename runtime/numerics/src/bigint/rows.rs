//! Many numbers at once, each a row of as many limbs: products, powers and inverses modulo numbers.
//!
//! Moduli and exponents are one for each row, or one for all. Eight powers modulo odd numbers are computed side by side where
//! the processor can (`ifma.rs`); their bits are those of one after the other.
//!
//! ```
//! use nbc_numerics::bigint::{Pace, rows, rows::Rows};
//! // 3^200 modulo 1000 and 1001.
//! let (exponent, moduli) = (Rows::new(&[200], 1, true), Rows::new(&[1000, 1001], 1, false));
//! let mut out = [0; 2];
//! let mut room = vec![0; rows::power_room(1, 1)];
//! rows::power(&mut out, &[3, 3], &exponent, &moduli, 0..2, &mut room, &Pace::free())?;
//! assert_eq!(out, [1, 100]);
//! # Ok::<(), nbc_numerics::bigint::Halt>(())
//! ```

#[cfg(target_arch = "x86_64")]
use super::ifma;
use super::natural::trimmed;
use super::{Halt, Pace, cut, divide, gcd, modular, multiply};
use std::ops::Range;

/// Rows that are computed together.
pub const GROUP: usize = 8;

/// Numbers of as many limbs each, one for a row or one for all.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    all: &'a [u64],
    pub(super) len: usize,
    is_one: bool,
}

impl<'a> Rows<'a> {
    /// Numbers of `len` limbs, or one of them for all rows.
    #[must_use]
    pub fn new(all: &'a [u64], len: usize, is_one: bool) -> Rows<'a> {
        Rows { all, len, is_one }
    }

    /// The number of that row.
    #[must_use]
    pub fn row(&self, at: usize) -> &'a [u64] {
        let at = if self.is_one { 0 } else { at };
        &self.all[at * self.len..][..self.len]
    }

    /// How many limbs each number has.
    #[must_use]
    pub fn limbs(&self) -> usize {
        self.len
    }

    /// How many numbers there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len().checked_div(self.len).unwrap_or(0)
    }
}

/// Limbs of room that [`power`] takes for moduli of `n` limbs and exponents of `e`.
#[must_use]
pub fn power_room(n: usize, e: usize) -> usize {
    let one = modular::power_room(n, n);
    #[cfg(target_arch = "x86_64")]
    let one = one.max(ifma::room(n, e));
    let _ = e;
    one
}

/// Writes the powers of at most [`GROUP`] rows, `out` being those rows of the result. No modulus is 0.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`power_room`].
pub fn power(
    out: &mut [u64],
    base: &[u64],
    exponents: &Rows<'_>,
    moduli: &Rows<'_>,
    rows: Range<usize>,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<(), Halt> {
    #[cfg(target_arch = "x86_64")]
    if rows.len() > 1 && ifma::is_for(moduli.len) && rows.clone().all(|row| moduli.row(row)[0] & 1 == 1) {
        return ifma::power(out, base, exponents, moduli, rows, room, pace);
    }
    power_one_by_one(out, base, exponents, moduli, rows, room, pace)
}

/// [`power`] as any processor does it.
///
/// # Errors
/// As [`power`].
pub fn power_one_by_one(
    out: &mut [u64],
    base: &[u64],
    exponents: &Rows<'_>,
    moduli: &Rows<'_>,
    rows: Range<usize>,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<(), Halt> {
    let n = moduli.len;
    for (row, out) in rows.zip(out.chunks_exact_mut(n)) {
        let modulus = trimmed(moduli.row(row));
        let (to, zeros) = out.split_at_mut(modulus.len());
        zeros.fill(0);
        modular::power(to, &base[row * n..][..n], exponents.row(row), modulus, room, pace)?;
    }
    Ok(())
}

/// Limbs of room that [`product`] takes for moduli of `n` limbs.
#[must_use]
pub fn product_room(n: usize) -> usize {
    2 * n + (2 * n + 1) + multiply::room(n, n).max(divide::room(2 * n, n))
}

/// Writes the products of rows, `out` being those of the result. No modulus is 0.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`product_room`].
pub fn product(
    out: &mut [u64],
    (a, b): (&Rows<'_>, &Rows<'_>),
    moduli: &Rows<'_>,
    rows: Range<usize>,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<(), Halt> {
    let n = moduli.len;
    let (both, room) = cut(room, 2 * n)?;
    let (quotient, room) = cut(room, 2 * n + 1)?;
    for (row, out) in rows.zip(out.chunks_exact_mut(n)) {
        let modulus = trimmed(moduli.row(row));
        let (x, y) = (trimmed(a.row(row)), trimmed(b.row(row)));
        let both = &mut both[..x.len() + y.len()];
        multiply::product(both, x, y, room, pace)?;
        let len = trimmed(both).len();
        let both = &mut both[..len];
        out.fill(0);
        if len >= modulus.len() {
            divide::divide(&mut quotient[..len - modulus.len() + 1], both, modulus, room, pace)?;
        }
        let len = len.min(modulus.len());
        out[..len].copy_from_slice(&both[..len]);
    }
    Ok(())
}

/// Limbs of room that [`inverse`] takes for moduli of `n` limbs.
#[must_use]
pub fn inverse_room(n: usize) -> usize {
    n + gcd::inverse_room(n).max(modular::remainder_room(n, n))
}

/// Writes the inverses of rows, `out` being those of the result, and returns the first row that has none. No modulus is 0.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`inverse_room`].
pub fn inverse(
    out: &mut [u64],
    a: &Rows<'_>,
    moduli: &Rows<'_>,
    rows: Range<usize>,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<Option<usize>, Halt> {
    let n = moduli.len;
    let (rest, room) = cut(room, n)?;
    for (row, out) in rows.zip(out.chunks_exact_mut(n)) {
        let modulus = trimmed(moduli.row(row));
        let (to, zeros) = out.split_at_mut(modulus.len());
        zeros.fill(0);
        // Everything is the same modulo 1.
        if modulus == [1] {
            to.fill(0);
            continue;
        }
        let rest = &mut rest[..modulus.len()];
        modular::remainder(rest, a.row(row), modulus, room, pace)?;
        if !gcd::inverse(to, rest, modulus, room, pace)? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}
