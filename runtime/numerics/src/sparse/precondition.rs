//! Preconditioners: the diagonal, an incomplete factorisation, and sweeps over the equations.
//!
//! Matrices are by rows.
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, Pace, precondition::{ilu_solve, ilu0}};
//! // Tridiagonal, so nothing is left out and the solution is exact.
//! let (pointers, indices) = ([0, 2, 5, 7], [0, 1, 0, 1, 2, 1, 2]);
//! let mut factors = [2.0, -1.0, -1.0, 2.0, -1.0, -1.0, 2.0];
//! let a = Compressed::new([3, 3], &pointers, &indices, &[(); 7]);
//! let mut ask = || Ok::<(), ()>(());
//! let pace = &mut Pace::new(&mut ask);
//! assert_eq!(ilu0(a, &mut factors, &mut [0; 3], pace)?, None);
//! let mut x = [1.0, 0.0, 1.0];
//! ilu_solve(Compressed::new([3, 3], &pointers, &indices, &factors), &mut x, pace)?;
//! assert!(x.iter().all(|x: &f64| (x - 1.0).abs() < 1e-15));
//! # Ok::<(), ()>(())
//! ```

use super::{Compressed, Field, Pace};

/// Makes the factors of an incomplete LU factorisation without fill-in of the elements, in place. `places` is zero, one
/// for each column. The result is the first row whose pivot is zero or not stored.
///
/// # Errors
/// Where it is not to go on.
pub fn ilu0<T: Field, E>(
    a: Compressed<'_, ()>,
    factors: &mut [T],
    places: &mut [i64],
    pace: &mut Pace<'_, E>,
) -> Result<Option<usize>, E> {
    for row in 0..a.major {
        let range = a.range(row);
        pace.step(1 + 2 * range.len())?;
        for n in range.clone() {
            places[a.indices[n] as usize] = n as i64 + 1;
        }
        for n in range.clone() {
            let inner = a.indices[n] as usize;
            if inner >= row {
                break;
            }
            let above = a.range(inner);
            let at =
                above.start + a.indices[above.clone()].partition_point(|index| (*index as usize) < inner);
            let factor = factors[n].over(factors[at]);
            factors[n] = factor;
            for m in at + 1..above.end {
                pace.step(1)?;
                let place = places[a.indices[m] as usize];
                if place > 0 {
                    let place = place as usize - 1;
                    factors[place] = factors[place] - factor * factors[m];
                }
            }
        }
        let pivot = places.get(row).copied().unwrap_or(0);
        if pivot == 0 || factors[pivot as usize - 1] == T::ZERO {
            return Ok(Some(row));
        }
        for n in range {
            places[a.indices[n] as usize] = 0;
        }
    }
    Ok(None)
}

/// Solves with the factors of [`ilu0`], in place.
///
/// # Errors
/// Where it is not to go on.
pub fn ilu_solve<T: Field, E>(a: Compressed<'_, T>, x: &mut [T], pace: &mut Pace<'_, E>) -> Result<(), E> {
    for row in 0..a.major {
        let (at, of) = a.part(row);
        pace.step(1 + at.len())?;
        let mut sum = x[row];
        for (index, value) in at.iter().zip(of).take_while(|(index, _)| (**index as usize) < row) {
            sum = sum - *value * x[*index as usize];
        }
        x[row] = sum;
    }
    for row in (0..a.major).rev() {
        let (at, of) = a.part(row);
        pace.step(1 + at.len())?;
        let (mut sum, mut pivot) = (x[row], T::ONE);
        for (index, value) in at.iter().zip(of).rev() {
            match (*index as usize).cmp(&row) {
                std::cmp::Ordering::Greater => sum = sum - *value * x[*index as usize],
                std::cmp::Ordering::Equal => pivot = *value,
                std::cmp::Ordering::Less => break,
            }
        }
        x[row] = sum.over(pivot);
    }
    Ok(())
}

/// A sweep of Gauss and Seidel: each unknown is made to satisfy its equation, forward or backward.
///
/// # Errors
/// Where it is not to go on.
pub fn sweep<T: Field, E>(
    a: Compressed<'_, T>,
    inverse: &[T],
    b: &[T],
    x: &mut [T],
    forward: bool,
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    for n in 0..a.major {
        let row = if forward { n } else { a.major - 1 - n };
        let (at, of) = a.part(row);
        pace.step(1 + at.len())?;
        let sum = at.iter().zip(of).fold(b[row], |sum, (index, value)| sum - *value * x[*index as usize]);
        // The sum has the unknown's own product in it.
        x[row] = x[row] + sum * inverse[row];
    }
    Ok(())
}
