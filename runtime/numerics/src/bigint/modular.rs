//! Arithmetic modulo a number: products and powers.
//!
//! Numbers modulo an odd one of up to [`MONTGOMERY`] limbs are kept in Montgomery's form. Others are reduced by division, which
//! for long ones takes a few products as long; even ones as well.
//!
//! None of this takes the same time for all numbers of a length: it is no way to keep an exponent secret.
//!
//! ```
//! use nbc_numerics::bigint::{Pace, modular};
//! let mut out = [0];
//! let mut room = vec![0; modular::power_room(1, 1)];
//! modular::power(&mut out, &[3], &[200], &[1000], &mut room, &Pace::free())?;
//! assert_eq!(out, [1]);
//! # Ok::<(), nbc_numerics::bigint::Halt>(())
//! ```

use super::divide::divide;
use super::montgomery::Montgomery;
use super::natural::{bit_length, trimmed};
use super::{Halt, Pace, cut, divide, multiply};

/// Limbs of the longest modulus in Montgomery's form, whose reduction takes a row for each limb.
const MONTGOMERY: usize = 400;

/// A modulus, and how numbers are reduced by it.
#[derive(Clone, Copy)]
pub enum Modulus<'m> {
    /// By Montgomery's method.
    Odd(Montgomery<'m>, &'m [u64]),
    /// By division.
    Any(&'m [u64]),
}

impl<'m> Modulus<'m> {
    /// For a modulus, trimmed and more than 0.
    #[must_use]
    pub fn new(n: &'m [u64]) -> Modulus<'m> {
        match n.first() {
            Some(first) if first & 1 == 1 && n.len() <= MONTGOMERY => Modulus::Odd(Montgomery::new(n), n),
            _ => Modulus::Any(n),
        }
    }

    fn n(&self) -> &'m [u64] {
        match self {
            Modulus::Odd(_, n) | Modulus::Any(n) => n,
        }
    }

    /// Limbs of room that any of this takes for a modulus of so many.
    #[must_use]
    pub fn room(n: usize) -> usize {
        3 * n + 8 + multiply::room(n, n) + divide::room(2 * n + 1, n)
    }

    /// About how many products of limbs a product takes as long as.
    #[must_use]
    pub fn steps(n: usize) -> u64 {
        let square = multiply::steps(n, n);
        let reduced =
            if n <= MONTGOMERY { (n as u64).saturating_mul(n as u64) } else { divide::steps(2 * n, n) };
        // Of few limbs, what is around them.
        square.saturating_add(reduced).saturating_add(16 * n as u64 + 64)
    }

    /// Writes `a`, below the modulus, in the form that numbers are kept in.
    ///
    /// # Errors
    /// As [`Modulus::mul`].
    pub fn enter(&self, out: &mut [u64], a: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
        match self {
            Modulus::Any(_) => {
                out.copy_from_slice(a);
                Ok(())
            }
            Modulus::Odd(..) => {
                // a·R modulo n: the number shifted up by n limbs, divided.
                let n = self.n();
                let (dividend, room) = cut(room, 2 * n.len())?;
                let (quotient, room) = cut(room, n.len() + 1)?;
                let (low, high) = dividend.split_at_mut(n.len());
                low.fill(0);
                high.copy_from_slice(a);
                divide(quotient, dividend, n, room, pace)?;
                out.copy_from_slice(&dividend[..n.len()]);
                Ok(())
            }
        }
    }

    /// Writes the number that `a` is the form of.
    ///
    /// # Errors
    /// As [`Modulus::mul`].
    pub fn leave(&self, out: &mut [u64], a: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
        match self {
            Modulus::Any(_) => {
                out.copy_from_slice(a);
                Ok(())
            }
            Modulus::Odd(montgomery, _) => montgomery.leave(out, a, room, pace),
        }
    }

    /// Writes the product of two numbers in form, each as long as the modulus.
    ///
    /// # Errors
    /// Where it is not to go on, or `room` is less than [`Modulus::room`].
    pub fn mul(
        &self,
        out: &mut [u64],
        a: &[u64],
        b: &[u64],
        room: &mut [u64],
        pace: &Pace<'_>,
    ) -> Result<(), Halt> {
        match self {
            Modulus::Any(n) => {
                let (t, room) = cut(room, 2 * n.len())?;
                multiply::product(t, a, b, room, pace)?;
                reduce(out, t, n, room, pace)
            }
            Modulus::Odd(montgomery, _) => montgomery.mul(out, a, b, room, pace),
        }
    }

    /// Writes the square of a number in form.
    ///
    /// # Errors
    /// As [`Modulus::mul`].
    pub fn square(&self, out: &mut [u64], a: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
        match self {
            Modulus::Any(n) => {
                let (t, room) = cut(room, 2 * n.len())?;
                multiply::square(t, a, room, pace)?;
                reduce(out, t, n, room, pace)
            }
            Modulus::Odd(montgomery, _) => montgomery.square(out, a, room, pace),
        }
    }
}

/// Writes the remainder of `t`, which is spent, by `n`.
fn reduce(out: &mut [u64], t: &mut [u64], n: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
    let (quotient, room) = cut(room, t.len() + 1 - n.len())?;
    divide(quotient, t, n, room, pace)?;
    out.copy_from_slice(&t[..n.len()]);
    Ok(())
}

/// Writes the remainder of a number of any length by `n`, trimmed; `out` is as long.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`remainder_room`].
pub fn remainder(
    out: &mut [u64],
    a: &[u64],
    n: &[u64],
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<(), Halt> {
    let a = trimmed(a);
    if a.len() < n.len() {
        out[..a.len()].copy_from_slice(a);
        out[a.len()..].fill(0);
        return Ok(());
    }
    let (t, room) = cut(room, a.len())?;
    t.copy_from_slice(a);
    reduce(out, t, n, room, pace)
}

/// Limbs of room that [`remainder`] takes for a number of `a` limbs by one of `n`.
#[must_use]
pub fn remainder_room(a: usize, n: usize) -> usize {
    2 * a + 2 + divide::room(a, n)
}

/// Bits of a window of an exponent of so many bits: what makes products fewest.
pub(super) fn window(bits: u64) -> u32 {
    match bits {
        0..=24 => 1,
        25..=80 => 3,
        81..=240 => 4,
        241..=1100 => 5,
        _ => 6,
    }
}

/// The window of so many bits, fewer than 64, that ends at bit `at`.
#[inline]
pub(super) fn digit(exponent: &[u64], at: u64, width: u32) -> usize {
    let (limb, shift) = ((at / 64) as usize, (at % 64) as u32);
    let part = |n: usize| exponent.get(n).copied().unwrap_or(0);
    let bits = part(limb) >> shift | part(limb + 1) << 1 << (63 - shift);
    (bits & ((1 << width) - 1)) as usize
}

/// Limbs of room that [`power`] takes for a modulus of `n` limbs, and a base of `a`.
#[must_use]
pub fn power_room(n: usize, a: usize) -> usize {
    (64 + 3) * n + Modulus::room(n).max(remainder_room(a, n))
}

/// About how many products of limbs [`power`] takes as long as.
#[must_use]
pub fn power_steps(n: usize, a: usize, exponent_bits: u64) -> u64 {
    let width = window(exponent_bits);
    let products = exponent_bits + exponent_bits / u64::from(width) + (1 << width) + 8;
    Modulus::steps(n).saturating_mul(products).saturating_add(divide::steps(a.max(n), n))
}

/// Writes `a` to the power of the exponent modulo `n`, which is trimmed and not 0; `out` is as long.
///
/// Windows of the exponent are of one width, and the powers that they need are made before.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`power_room`].
pub fn power(
    out: &mut [u64],
    a: &[u64],
    exponent: &[u64],
    n: &[u64],
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<(), Halt> {
    let len = n.len();
    if n == [1] {
        out.fill(0);
        return Ok(());
    }
    let modulus = Modulus::new(n);
    let bits = bit_length(exponent);
    let width = window(bits);
    let (powers, room) = cut(room, len << width)?;
    let (x, room) = cut(room, len)?;
    let (y, room) = cut(room, len)?;
    x.fill(0);
    x[0] = 1;
    if bits == 0 {
        out.copy_from_slice(x);
        return Ok(());
    }
    modulus.enter(&mut powers[..len], x, room, pace)?;
    remainder(y, a, n, room, pace)?;
    modulus.enter(&mut powers[len..2 * len], y, room, pace)?;
    for at in 2..1usize << width {
        let (before, next) = powers.split_at_mut(at * len);
        let next = &mut next[..len];
        if at.is_multiple_of(2) {
            modulus.square(next, &before[at / 2 * len..][..len], room, pace)?;
        } else {
            modulus.mul(next, &before[(at - 1) * len..], &before[len..2 * len], room, pace)?;
        }
    }
    let windows = bits.div_ceil(u64::from(width));
    let power_of = |window: u64| digit(exponent, window * u64::from(width), width);
    x.copy_from_slice(&powers[power_of(windows - 1) * len..][..len]);
    for window in (0..windows - 1).rev() {
        for _ in 0..width {
            modulus.square(y, x, room, pace)?;
            x.copy_from_slice(y);
        }
        let digit = power_of(window);
        if digit != 0 {
            modulus.mul(y, x, &powers[digit * len..][..len], room, pace)?;
            x.copy_from_slice(y);
        }
    }
    modulus.leave(out, x, room, pace)
}
