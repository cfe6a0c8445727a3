//! Powers, by squaring from the exponent's first bit on.

use super::natural::{bit_length, trimmed};
use super::{Halt, Pace, cut, multiply};

/// As many limbs as `a` to that power can have; `None` where no machine holds them.
#[must_use]
pub fn limbs(a: &[u64], exponent: u64) -> Option<usize> {
    let bits = u128::from(bit_length(a)) * u128::from(exponent);
    usize::try_from(bits / 64 + 2).ok()
}

/// Limbs of room that [`power`] takes for a result of so many.
#[must_use]
pub fn room(n: usize) -> usize {
    n.saturating_add(multiply::room(n, n))
}

/// About how many products of limbs [`power`] takes as long as, for a result of so many of a base of so many.
#[must_use]
pub fn steps(result: usize, base: usize) -> u64 {
    let half = result / 2 + 1;
    // Squares of halves, quarters and so on, and products with the base between.
    multiply::steps(half, half)
        .saturating_mul(2)
        .saturating_add(multiply::steps(result, base).saturating_mul(2))
}

/// Writes `a` to that power into `out`, of [`limbs`], and returns how many limbs it has.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`room`].
pub fn power(
    out: &mut [u64],
    a: &[u64],
    exponent: u64,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<usize, Halt> {
    let a = trimmed(a);
    let (other, room) = cut(room, out.len())?;
    out.fill(0);
    if exponent == 0 {
        *out.first_mut().ok_or(Halt::Room)? = 1;
        return Ok(1);
    }
    out[..a.len()].copy_from_slice(a);
    let mut len = a.len();
    for at in (0..exponent.ilog2()).rev() {
        // The last limb of a product may be one too many, and be 0.
        let squared = cut(other, 2 * len)?.0;
        multiply::square(squared, &out[..len], room, pace)?;
        let squared = trimmed(squared);
        if exponent >> at & 1 == 1 {
            let product = cut(out, squared.len() + a.len())?.0;
            multiply::product(product, squared, a, room, pace)?;
            len = trimmed(product).len();
        } else {
            len = squared.len();
            cut(out, len)?.0.copy_from_slice(squared);
        }
    }
    out[len..].fill(0);
    Ok(len)
}
