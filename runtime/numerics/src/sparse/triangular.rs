//! Systems of equations with a triangular matrix.
//!
//! An unknown is what is given less the products with those that are known already, in the order in which they became
//! known. By rows and by columns that is the same, bit for bit.
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, Pace, triangular::{Side, solve}};
//! // 2 0
//! // 3 4
//! let a = Compressed::new([2, 2], &[0, 1, 3], &[0, 0, 1], &[2.0, 3.0, 4.0]);
//! let mut x = [2.0, 11.0];
//! let mut ask = || Ok::<(), ()>(());
//! let side = Side { lower: true, unit: false, by_rows: true };
//! assert_eq!(solve(a, side, 1, &mut x, &mut Pace::new(&mut ask))?, Ok(()));
//! assert_eq!(x, [1.0, 2.0]);
//! # Ok::<(), ()>(())
//! ```

use super::{Compressed, Field, Pace};

/// Which triangle it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Side {
    /// Nothing is above the diagonal; else nothing below it.
    pub lower: bool,
    /// The diagonal is taken for ones, and what is stored there is not looked at.
    pub unit: bool,
    /// The parts of the matrix are its rows.
    pub by_rows: bool,
}

/// Why there is no solution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// The diagonal element of that row is zero or not stored.
    Zero(usize),
    /// There is an element on the other side of the diagonal in that part, at that index.
    Beyond(usize, usize),
}

/// Solves for `width` right-hand sides at once, which `x` holds row by row, in place.
///
/// # Errors
/// Where it is not to go on.
pub fn solve<T: Field, E>(
    a: Compressed<'_, T>,
    side: Side,
    width: usize,
    x: &mut [T],
    pace: &mut Pace<'_, E>,
) -> Result<Result<(), Wrong>, E> {
    let forward = side.lower;
    // The elements of a part that come before the diagonal in its order are of known unknowns.
    let before = side.lower == side.by_rows;
    for n in 0..a.major {
        let part = if forward { n } else { a.major - 1 - n };
        let (at, of) = a.part(part);
        pace.step(1)?;
        let (place, found) = match at.binary_search(&(part as i32)) {
            Ok(place) => (place, true),
            Err(place) => (place, false),
        };
        let behind = place + found as usize;
        let (others, beyond) =
            if before { (0..place, behind..at.len()) } else { (behind..at.len(), 0..place) };
        if let Some(beyond) = at[beyond].first() {
            return Ok(Err(Wrong::Beyond(part, *beyond as usize)));
        }
        let pivot = if side.unit {
            T::ONE
        } else if found {
            of[place]
        } else {
            T::ZERO
        };
        if pivot == T::ZERO {
            return Ok(Err(Wrong::Zero(part)));
        }
        let mut others = at[others.clone()].iter().zip(&of[others]);
        if side.by_rows {
            // As columns come to it: the last first where unknowns become known backward.
            let mut subtract = |(index, value): (&i32, &T)| {
                pace.step(width)?;
                for k in 0..width {
                    let known = x[*index as usize * width + k];
                    let own = &mut x[part * width + k];
                    *own = *own - *value * known;
                }
                Ok(())
            };
            if forward {
                others.try_for_each(&mut subtract)
            } else {
                others.rev().try_for_each(&mut subtract)
            }?;
        }
        if !side.unit {
            x[part * width..(part + 1) * width].iter_mut().for_each(|x| *x = x.over(pivot));
        }
        if !side.by_rows {
            let others = if before { 0..place } else { behind..at.len() };
            for (index, value) in at[others.clone()].iter().zip(&of[others]) {
                pace.step(width)?;
                for k in 0..width {
                    let known = x[part * width + k];
                    let other = &mut x[*index as usize * width + k];
                    *other = *other - *value * known;
                }
            }
        }
    }
    Ok(Ok(()))
}
