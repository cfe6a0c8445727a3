//! Powers, by squaring from the exponent's first bit on.

use super::natural::{bit_length, trimmed};
use super::{Halt, Pace, cut, multiply};

/// As many limbs as `a` to that power can have; `None` where no machine holds them.
#[must_use]
pub fn limbs(a: &[u64], exponent: u64) -> Option<usize> {
    let (a, long) = (trimmed(a), bit_length(a));
    let [.., second, first] = a else {
        let bits = a.first().map_or(0.0, |limb| most_bits(*limb as f64));
        return limbs_of_bits(bits * exponent as f64, u128::from(long) * u128::from(exponent));
    };
    // What is below the first two limbs is less than one of the second.
    let top = *first as f64 * 2f64.powi(64) + *second as f64 + 1.0;
    let bits = most_bits(top) + 64.0 * (a.len() - 2) as f64;
    limbs_of_bits(bits * exponent as f64, u128::from(long) * u128::from(exponent))
}

/// The logarithm of a number that is known to a few roundings, not less than it is.
fn most_bits(x: f64) -> f64 {
    x.log2() * (1.0 + 4.0 * f64::EPSILON) + 1e-14
}

/// As many limbs as so many bits take, which were rounded, and are at most others that were not.
fn limbs_of_bits(bits: f64, most: u128) -> Option<usize> {
    let bits = (bits * (1.0 + 4.0 * f64::EPSILON)).ceil() as u128;
    usize::try_from(bits.min(most) / 64 + 2).ok()
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
