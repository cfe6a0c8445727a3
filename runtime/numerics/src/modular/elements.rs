//! Arithmetic of elements, each with the one at its place.
//!
//! ```
//! use nbc_numerics::modular::elements::inverses;
//! use nbc_numerics::modular::Modulus;
//! let mut out = Vec::with_capacity(3);
//! let nine = Modulus::new(9).unwrap();
//! // The third has a factor in common with the modulus.
//! assert_eq!(inverses(nine, &[2, 4, 6], &mut out.spare_capacity_mut()[..3]), Err(2));
//! ```

use super::Modulus;
use super::power::powers;
use std::mem::MaybeUninit;

/// An argument of a run of elements.
#[derive(Clone, Copy, Debug)]
pub enum Along<'e> {
    /// One for each.
    Each(&'e [i64]),
    /// One for all.
    One(i64),
}

impl Along<'_> {
    /// Number `at`, unsigned.
    #[inline(always)]
    pub(super) fn at(self, at: usize) -> u64 {
        match self {
            Along::Each(all) => all[at] as u64,
            Along::One(one) => one as u64,
        }
    }
}

/// What is computed of two elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binary {
    /// Sum.
    Add,
    /// Difference.
    Subtract,
    /// Product.
    Multiply,
    /// The first to the power of the second, an unsigned number; 0 to the power of 0 is 1.
    Power,
}

/// Writes as many elements as `out` has.
///
/// # Panics
/// If an argument has fewer.
pub fn binary(what: Binary, m: Modulus, a: Along<'_>, b: Along<'_>, out: &mut [MaybeUninit<i64>]) {
    match what {
        Binary::Add => each(a, b, out, |a, b| m.add(a, b)),
        Binary::Subtract => each(a, b, out, |a, b| m.subtract(a, b)),
        Binary::Multiply => each(a, b, out, |a, b| m.multiply(a, b)),
        Binary::Power => powers(m, a, b, out),
    }
}

#[inline(always)]
fn each(a: Along<'_>, b: Along<'_>, out: &mut [MaybeUninit<i64>], f: impl Fn(u64, u64) -> u64) {
    let len = out.len();
    match (a, b) {
        (Along::Each(a), Along::Each(b)) => {
            for ((out, a), b) in out.iter_mut().zip(&a[..len]).zip(&b[..len]) {
                out.write(f(*a as u64, *b as u64) as i64);
            }
        }
        (Along::Each(a), Along::One(b)) => {
            out.iter_mut().zip(&a[..len]).for_each(|(out, a)| _ = out.write(f(*a as u64, b as u64) as i64));
        }
        (Along::One(a), Along::Each(b)) => {
            out.iter_mut().zip(&b[..len]).for_each(|(out, b)| _ = out.write(f(a as u64, *b as u64) as i64));
        }
        (Along::One(a), Along::One(b)) => out.fill(MaybeUninit::new(f(a as u64, b as u64) as i64)),
    }
}

/// Writes the residue of each signed element.
pub fn reduce(m: Modulus, a: &[i64], out: &mut [MaybeUninit<i64>]) {
    out.iter_mut().zip(a).for_each(|(out, a)| _ = out.write(m.reduce_signed(*a) as i64));
}

/// Elements whose product is inverted once for all of them.
const TOGETHER: usize = 64;

/// Writes the inverse of each element; those of a few come of the inverse of their product, as Montgomery has it.
///
/// # Errors
/// The place of the first element that has none.
pub fn inverses(m: Modulus, a: &[i64], out: &mut [MaybeUninit<i64>]) -> Result<(), usize> {
    for (part, (a, out)) in a.chunks(TOGETHER).zip(out.chunks_mut(TOGETHER)).enumerate() {
        // The products of all before each.
        let (mut before, mut product) = ([0; TOGETHER], 1 % m.value());
        for (before, a) in before.iter_mut().zip(a) {
            *before = product;
            product = m.multiply(product, *a as u64);
        }
        let Some(mut inverse) = m.inverse(product) else {
            let at = a.iter().position(|a| m.inverse(*a as u64).is_none()).unwrap_or(0);
            return Err(part * TOGETHER + at);
        };
        for (before, (a, out)) in before.iter().zip(a.iter().zip(out)).take(a.len()).rev() {
            out.write(m.multiply(inverse, *before) as i64);
            inverse = m.multiply(inverse, *a as u64);
        }
    }
    Ok(())
}
