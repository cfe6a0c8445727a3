//! Products of sparse matrices with vectors and dense matrices.
//!
//! Rows are independent of each other, so several threads may each make some of them. Columns are not: by columns a
//! product is made on one thread.
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, Pace, product::{by_columns, by_rows}};
//! let a = Compressed::new([2, 3], &[0, 2, 3], &[0, 2, 2], &[5.0, 7.0, 1.0]);
//! let mut out = [0.0; 2];
//! assert!(by_rows(a, &[1.0, 2.0, 3.0], 1, 0..2, &mut out, &|| true));
//! assert_eq!(out, [26.0, 3.0]);
//! // The transpose has those as columns.
//! let mut out = [0.0; 3];
//! let mut ask = || Ok::<(), ()>(());
//! by_columns(a, &[1.0, 2.0], 1, &mut out, &mut Pace::new(&mut ask))?;
//! assert_eq!(out, [5.0, 0.0, 9.0]);
//! # Ok::<(), ()>(())
//! ```

use super::{Compressed, Field, Pace, STRETCH};
use std::ops::Range;

/// Adds rows of `a` · `x` to `out`, which is zero, `x` being a dense matrix of `width` columns. `go_on` is asked
/// within what is long; where it says no, the result is false and `out` whatever it is.
pub fn by_rows<T: Field>(
    a: Compressed<'_, T>,
    x: &[T],
    width: usize,
    rows: Range<usize>,
    out: &mut [T],
    go_on: &dyn Fn() -> bool,
) -> bool {
    if width == 0 {
        return true;
    }
    let mut steps = 0;
    for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
        let (at, of) = a.part(row);
        for (index, value) in at.iter().zip(of) {
            let from = &x[*index as usize * width..][..width];
            out.iter_mut().zip(from).for_each(|(out, x)| *out = *out + *value * *x);
            steps += width;
            if steps >= STRETCH {
                steps = 0;
                if !go_on() {
                    return false;
                }
            }
        }
    }
    true
}

/// Adds the transpose of `a` times `x`, a dense matrix of `width` columns, to `out`, which is zero.
///
/// # Errors
/// Where it is not to go on.
pub fn by_columns<T: Field, E>(
    a: Compressed<'_, T>,
    x: &[T],
    width: usize,
    out: &mut [T],
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    if width == 0 {
        return Ok(());
    }
    for (column, x) in x.chunks_exact(width).enumerate() {
        pace.step(1)?;
        let (at, of) = a.part(column);
        if let [x] = x {
            for (at, of) in at.chunks(STRETCH).zip(of.chunks(STRETCH)) {
                pace.step(at.len())?;
                for (index, value) in at.iter().zip(of) {
                    let out = &mut out[*index as usize];
                    *out = *out + *value * *x;
                }
            }
            continue;
        }
        for (index, value) in at.iter().zip(of) {
            pace.step(width)?;
            let out = &mut out[*index as usize * width..][..width];
            out.iter_mut().zip(x).for_each(|(out, x)| *out = *out + *value * *x);
        }
    }
    Ok(())
}
