//! Matrices of a few rows, for which a library's preparations take longer than the work.
//!
//! Gaussian elimination with partial pivoting on rows, in an array on the stack.
//!
//! ```
//! use nbc_numerics::linalg::small::{MOST, eliminate};
//! let mut a = [0.0; MOST * MOST];
//! a[..4].copy_from_slice(&[0.0, 2.0, 4.0, 0.0]);
//! let mut b = [6.0, 8.0];
//! assert_eq!(eliminate(2, &mut a, &mut b, 1), Ok(1));
//! assert_eq!(b, [2.0, 3.0]);
//! ```

use super::Fault;
use super::field::Field;

/// Rows of the largest of them.
pub const MOST: usize = 8;

/// Makes `a`, n×n, upper triangular, and does the same to the `k` columns of `b`, which are then solved for.
/// It says how many rows have changed places.
///
/// # Errors
/// `Singular` where a pivot is zero.
pub fn eliminate<T: Field>(n: usize, a: &mut [T], b: &mut [T], k: usize) -> Result<usize, Fault> {
    let swaps = triangle(n, a, b, k)?;
    for i in (0..n).rev() {
        let pivot = a[i * n + i];
        for c in 0..k {
            let mut sum = b[i * k + c];
            for j in i + 1..n {
                sum -= a[i * n + j] * b[j * k + c];
            }
            b[i * k + c] = sum.over(pivot);
        }
    }
    Ok(swaps)
}

/// The first half of [`eliminate`]: the triangle, with the pivots on its diagonal.
///
/// # Errors
/// `Singular` where a pivot is zero.
pub fn triangle<T: Field>(n: usize, a: &mut [T], b: &mut [T], k: usize) -> Result<usize, Fault> {
    let mut swaps = 0;
    for at in 0..n {
        let (mut best, mut size) = (at, a[at * n + at].size());
        for i in at + 1..n {
            let other = a[i * n + at].size();
            if other > size {
                (best, size) = (i, other);
            }
        }
        if size == <T::Part as Default>::default() {
            return Err(Fault::Singular(at));
        }
        if best != at {
            swaps += 1;
            for j in at..n {
                a.swap(at * n + j, best * n + j);
            }
            for c in 0..k {
                b.swap(at * k + c, best * k + c);
            }
        }
        let pivot = a[at * n + at];
        for i in at + 1..n {
            let factor = a[i * n + at].over(pivot);
            for j in at + 1..n {
                a[i * n + j] -= factor * a[at * n + j];
            }
            for c in 0..k {
                b[i * k + c] -= factor * b[at * k + c];
            }
        }
    }
    Ok(swaps)
}
