//! Algebraic multigrid by smoothed aggregation: unknowns that are coupled form aggregates, each of which is one unknown of
//! the next coarser level (Vaněk, Mandel, Brezina).
//!
//! Who has the memory makes the levels, with [`aggregate`] and products of sparse matrices. [`cycle`] is one V-cycle
//! over them: before and after the coarser level a sweep of Gauss and Seidel in each direction, so that
//! it is symmetric where the matrix is.
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, Pace, multigrid::aggregate};
//! // A chain of four.
//! let (pointers, indices) = ([0, 2, 5, 8, 10], [0, 1, 0, 1, 2, 1, 2, 3, 2, 3]);
//! let a = Compressed::new([4, 4], &pointers, &indices, &[(); 10]);
//! let mut of = [0i32; 4];
//! let mut ask = || Ok::<(), ()>(());
//! assert_eq!(aggregate(a, &mut of, &mut Pace::new(&mut ask))?, 2);
//! assert_eq!(of, [0, 0, 1, 1]);
//! # Ok::<(), ()>(())
//! ```

use super::precondition::sweep;
use super::vector::clear;
use super::{Compressed, Field, Pace};

/// Not in an aggregate yet.
const NONE: i32 = -1;

/// Writes the number of the aggregate that each unknown is in, and says how many there are.
///
/// # Errors
/// Where it is not to go on.
pub fn aggregate<T, E>(a: Compressed<'_, T>, of: &mut [i32], pace: &mut Pace<'_, E>) -> Result<usize, E> {
    for part in of.chunks_mut(1 << 12) {
        pace.step(part.len())?;
        part.fill(NONE);
    }
    let mut count = 0;
    // Whole neighbourhoods first,
    for row in 0..a.major {
        let near = &a.indices[a.range(row)];
        pace.step(1 + near.len())?;
        if of[row] == NONE && near.iter().all(|n| of[*n as usize] == NONE) {
            near.iter().for_each(|n| of[*n as usize] = count);
            of[row] = count;
            count += 1;
        }
    }
    // then who is left goes to a neighbour that was there at first, marked so that it takes nobody else,
    for row in 0..a.major {
        let near = &a.indices[a.range(row)];
        pace.step(1 + near.len())?;
        if of[row] == NONE
            && let Some(n) = near.iter().find(|n| of[**n as usize] >= 0)
        {
            of[row] = -2 - of[*n as usize];
        }
    }
    // and the others are aggregates of their own.
    for row in 0..a.major {
        let near = &a.indices[a.range(row)];
        pace.step(1 + near.len())?;
        if of[row] < NONE {
            of[row] = -2 - of[row];
        } else if of[row] == NONE {
            for n in near {
                if of[*n as usize] == NONE {
                    of[*n as usize] = count;
                }
            }
            of[row] = count;
            count += 1;
        }
    }
    Ok(count as usize)
}

/// A level: its matrix, the ways to the next coarser one and back, and room for a cycle.
pub struct Level<'r, T> {
    /// The matrix, by rows.
    pub a: Compressed<'r, T>,
    /// From the coarser level, by rows; nothing on the last.
    pub prolong: Option<Compressed<'r, T>>,
    /// To the coarser level, by rows.
    pub restrict: Option<Compressed<'r, T>>,
    /// One over each diagonal element.
    pub inverse: &'r [T],
    /// What is given, the solution, and the residual.
    pub b: &'r mut [T],
    /// See there.
    pub x: &'r mut [T],
    /// See there.
    pub r: &'r mut [T],
    /// The factors of the last level's matrix, if it is small: see [`factor`].
    pub factors: Option<(&'r [T], &'r [u32])>,
}

/// Writes `b`'s approximate solution of the first level into `x`, of the levels.
///
/// # Errors
/// Where it is not to go on.
pub fn cycle<T: Field, E>(levels: &mut [Level<'_, T>], pace: &mut Pace<'_, E>) -> Result<(), E> {
    let Some((fine, coarser)) = levels.split_first_mut() else { return Ok(()) };
    clear(fine.x, pace)?;
    if let Some((factors, swaps)) = fine.factors {
        fine.x.copy_from_slice(fine.b);
        return solve_factored(factors, swaps, fine.x, pace);
    }
    sweep(fine.a, fine.inverse, fine.b, fine.x, true, pace)?;
    sweep(fine.a, fine.inverse, fine.b, fine.x, false, pace)?;
    if let (Some(prolong), Some(restrict), Some(coarse)) = (fine.prolong, fine.restrict, coarser.first_mut())
    {
        for row in 0..fine.a.major {
            let (at, of) = fine.a.part(row);
            pace.step(1 + at.len())?;
            let product = at.iter().zip(of).fold(T::ZERO, |sum, (at, of)| sum + *of * fine.x[*at as usize]);
            fine.r[row] = fine.b[row] - product;
        }
        for row in 0..restrict.major {
            let (at, of) = restrict.part(row);
            pace.step(1 + at.len())?;
            coarse.b[row] = at.iter().zip(of).fold(T::ZERO, |sum, (at, of)| sum + *of * fine.r[*at as usize]);
        }
        cycle(coarser, pace)?;
        let Some(coarse) = coarser.first() else { return Ok(()) };
        for row in 0..prolong.major {
            let (at, of) = prolong.part(row);
            pace.step(1 + at.len())?;
            let product = at.iter().zip(of).fold(T::ZERO, |sum, (at, of)| sum + *of * coarse.x[*at as usize]);
            fine.x[row] = fine.x[row] + product;
        }
    }
    sweep(fine.a, fine.inverse, fine.b, fine.x, true, pace)?;
    sweep(fine.a, fine.inverse, fine.b, fine.x, false, pace)
}

/// Factors a small dense matrix in place, by rows, with row exchanges. Pivots that are zero are left: unknowns of theirs are zero.
///
/// # Errors
/// Where it is not to go on.
pub fn factor<T: Field, E>(dense: &mut [T], swaps: &mut [u32], pace: &mut Pace<'_, E>) -> Result<(), E> {
    let n = swaps.len();
    for k in 0..n {
        let best = (k..n)
            .fold(k, |best, i| if dense[i * n + k].size() > dense[best * n + k].size() { i } else { best });
        swaps[k] = best as u32;
        for j in 0..n {
            dense.swap(k * n + j, best * n + j);
        }
        pace.step(2 * n)?;
        let pivot = dense[k * n + k];
        if pivot == T::ZERO {
            continue;
        }
        for i in k + 1..n {
            pace.step(n - k)?;
            let factor = dense[i * n + k].over(pivot);
            dense[i * n + k] = factor;
            for j in k + 1..n {
                dense[i * n + j] = dense[i * n + j] - factor * dense[k * n + j];
            }
        }
    }
    Ok(())
}

/// Solves with the factors of [`factor`], in place.
fn solve_factored<T: Field, E>(
    dense: &[T],
    swaps: &[u32],
    x: &mut [T],
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    let n = swaps.len();
    for (k, swap) in swaps.iter().enumerate() {
        x.swap(k, *swap as usize);
    }
    for i in 0..n {
        pace.step(i + 1)?;
        x[i] = (0..i).fold(x[i], |sum, j| sum - dense[i * n + j] * x[j]);
    }
    for i in (0..n).rev() {
        pace.step(n - i)?;
        let sum = (i + 1..n).fold(x[i], |sum, j| sum - dense[i * n + j] * x[j]);
        let pivot = dense[i * n + i];
        x[i] = if pivot == T::ZERO { T::ZERO } else { sum.over(pivot) };
    }
    Ok(())
}
