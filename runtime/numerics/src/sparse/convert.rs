//! The same matrix in another form: by columns instead of rows, or dense.
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, Pace, convert::flip};
//! // 5 0 7
//! // 0 0 1
//! let a = Compressed::new([2, 3], &[0, 2, 3], &[0, 2, 2], &[5.0, 7.0, 1.0]);
//! let (mut pointers, mut indices, mut values) = ([0i64; 4], [0i32; 3], [0.0; 3]);
//! let mut ask = || Ok::<(), ()>(());
//! flip(a, (&mut pointers, &mut indices, &mut values), &mut Pace::new(&mut ask))?;
//! assert_eq!((pointers, indices, values), ([0, 1, 1, 3], [0, 0, 1], [5.0, 7.0, 1.0]));
//! # Ok::<(), ()>(())
//! ```

use super::{Compressed, Field, Pace, build::sum_up};
use std::ops::Range;

/// Elements between two counts of steps.
const BLOCK: usize = 1 << 12;

/// Writes the same matrix by its other side. Pointers must be zero, one more than the other side is long.
///
/// # Errors
/// Where it is not to go on.
pub fn flip<T: Field, E>(
    a: Compressed<'_, T>,
    (pointers, indices, values): (&mut [i64], &mut [i32], &mut [T]),
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    for block in a.indices.chunks(BLOCK) {
        pace.step(block.len())?;
        block.iter().for_each(|index| pointers[*index as usize + 1] += 1);
    }
    sum_up(pointers, pace)?;
    // Each pointer moves on to the end of its part, which is where the next begins,
    for part in 0..a.major {
        pace.step(1)?;
        let (at, of) = a.part(part);
        for (at, of) in at.chunks(BLOCK).zip(of.chunks(BLOCK)) {
            pace.step(2 * at.len())?;
            for (index, value) in at.iter().zip(of) {
                let to = &mut pointers[*index as usize];
                (indices[*to as usize], values[*to as usize]) = (part as i32, *value);
                *to += 1;
            }
        }
    }
    // so all are one too far.
    let mut before = 0;
    for block in pointers.chunks_mut(BLOCK) {
        pace.step(block.len())?;
        block.iter_mut().for_each(|pointer| before = std::mem::replace(pointer, before));
    }
    Ok(())
}

/// Writes the elements into a dense matrix of zeros. Its parts are so far apart as `step` says, and the elements
/// of a part as `within` says.
///
/// # Errors
/// Where it is not to go on.
pub fn spread<T: Field, E>(
    a: Compressed<'_, T>,
    [step, within]: [usize; 2],
    dense: &mut [T],
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    for part in 0..a.major {
        pace.step(1)?;
        let (at, of) = a.part(part);
        for (at, of) in at.chunks(BLOCK).zip(of.chunks(BLOCK)) {
            pace.step(2 * at.len())?;
            for (index, value) in at.iter().zip(of) {
                dense[part * step + *index as usize * within] = *value;
            }
        }
    }
    Ok(())
}

/// The numbers of those elements of a part whose index is in range.
fn within<T>(a: Compressed<'_, T>, part: usize, range: &Range<usize>) -> Range<usize> {
    let (at, _) = a.part(part);
    let start = a.range(part).start;
    let below = |limit: usize| start + at.partition_point(|index| (*index as usize) < limit);
    below(range.start)..below(range.end)
}

/// Writes pointers of the matrix of those indices alone, and says how many elements it has.
///
/// # Errors
/// Where it is not to go on.
pub fn count_within<T: Field, E>(
    a: Compressed<'_, T>,
    range: Range<usize>,
    pointers: &mut [i64],
    pace: &mut Pace<'_, E>,
) -> Result<usize, E> {
    let mut stored = 0;
    pointers[0] = 0;
    for part in 0..a.major {
        pace.step(16)?;
        stored += within(a, part, &range).len();
        pointers[part + 1] = stored as i64;
    }
    Ok(stored)
}

/// Writes the elements of [`count_within`].
///
/// # Errors
/// Where it is not to go on.
pub fn fill_within<T: Field, E>(
    a: Compressed<'_, T>,
    range: Range<usize>,
    (indices, values): (&mut [i32], &mut [T]),
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    let mut stored = 0;
    for part in 0..a.major {
        pace.step(16)?;
        let of = within(a, part, &range);
        for (at, of) in a.indices[of.clone()].iter().zip(&a.values[of]) {
            pace.step(1)?;
            (indices[stored], values[stored]) = (*at - range.start as i32, *of);
            stored += 1;
        }
    }
    Ok(())
}
