//! Long lines, as a matrix: a transform of its columns, a turn of each number, and a transform of its rows.
//!
//! Number `j = r·C + c` of a line is row r, column c of an R by C matrix. When columns are transformed, number (k, c) is turned by
//! `w^(k·c)`, w being the first root of the whole length. Then the transform of row k holds numbers `k + R·l` of the result.
//!
//! ```
//! use nbc_numerics::fft::{Complex, Roots, split::turn};
//! let roots = Roots::<f64>::new(4, 4);
//! let mut columns = [Complex::new(1.0, 0.0); 4];
//! turn(&mut columns, 2, 0, &roots, 4, false);
//! assert_eq!(columns[3], Complex::new(0.0, -1.0));
//! ```

use super::plan::Float;
use super::roots::Roots;
use num_complex::Complex;

/// Numbers of a column that are turned by multiples of one root.
const STEP: usize = 8;

/// Turns columns of `rows` numbers, one behind the other, the first of them number `first` of a matrix of `n` numbers.
#[inline(always)]
pub fn turn<T: Float>(
    columns: &mut [Complex<T>],
    rows: usize,
    first: usize,
    roots: &Roots<T>,
    n: usize,
    is_inverse: bool,
) {
    for (column, numbers) in (first..).zip(columns.chunks_exact_mut(rows)) {
        let at = |k: usize| {
            let root = roots.at((column as u128 * k as u128 % n as u128) as usize);
            if is_inverse { root.conj() } else { root }
        };
        let near: [Complex<T>; STEP] = std::array::from_fn(at);
        for (step, numbers) in numbers.chunks_mut(STEP).enumerate() {
            let far = at(step * STEP);
            for (number, near) in numbers.iter_mut().zip(&near) {
                *number = *number * (far * near);
            }
        }
    }
}
