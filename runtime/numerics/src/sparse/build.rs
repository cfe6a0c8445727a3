//! Matrices from triples of row, column and value, and from dense ones.
//!
//! Triples are put in order by a radix sort of their places, which is stable. So values that are at the same
//! place are added in the order in which they were given.
//!
//! ```
//! use nbc_numerics::sparse::{Pace, build::{fill, order}};
//! let (rows, cols, values) = ([1i64, 0, 1], [0i64, 2, 0], [1.0, 2.0, 4.0]);
//! let (mut places, mut spare) = ([0u32; 3], [0u32; 3]);
//! let mut ask = || Ok::<(), ()>(());
//! let pace = &mut Pace::new(&mut ask);
//! let stored = order([2, 3], &rows, &cols, (&mut places, &mut spare), pace)?;
//! assert_eq!((places, stored), ([1, 0, 2], 2));
//! let (mut pointers, mut indices, mut sums) = ([0i64; 3], [0i32; 2], [0.0; 2]);
//! fill((&rows, &cols, &values), &places, (&mut pointers, &mut indices, &mut sums), pace)?;
//! assert_eq!((pointers, indices, sums), ([0, 1, 2], [2, 0], [2.0, 5.0]));
//! # Ok::<(), ()>(())
//! ```

use super::{Field, Pace};

/// Bits that a pass of the sort looks at.
const DIGIT: u32 = 11;
/// Elements between two counts of steps.
const BLOCK: usize = 1 << 12;

/// The first index that is not from 0 to below `limit`.
///
/// # Errors
/// Where it is not to go on.
pub fn out_of_range<E>(indices: &[i64], limit: usize, pace: &mut Pace<'_, E>) -> Result<Option<usize>, E> {
    for (n, block) in indices.chunks(BLOCK).enumerate() {
        pace.step(block.len())?;
        if let Some(at) = block.iter().position(|index| *index < 0 || *index as u64 >= limit as u64) {
            return Ok(Some(n * BLOCK + at));
        }
    }
    Ok(None)
}

/// Writes the numbers of the triples into `places`, by row, then column, then number, and says how many
/// different places there are. Indices must be in range of the dims.
///
/// # Errors
/// Where it is not to go on.
pub fn order<'a, E>(
    [height, width]: [usize; 2],
    rows: &[i64],
    cols: &[i64],
    (places, spare): (&'a mut [u32], &'a mut [u32]),
    pace: &mut Pace<'_, E>,
) -> Result<usize, E> {
    for (n, block) in places.chunks_mut(BLOCK).enumerate() {
        pace.step(block.len())?;
        block.iter_mut().zip(n * BLOCK..).for_each(|(place, at)| *place = at as u32);
    }
    let mut sorted = true;
    for n in (1..rows.len()).step_by(BLOCK) {
        let end = rows.len().min(n + BLOCK);
        pace.step(end - n)?;
        sorted = sorted && (n..end).all(|i| (rows[i - 1], cols[i - 1]) <= (rows[i], cols[i]));
    }
    if !sorted {
        let mut both = (places, spare);
        // As many passes for both, that the result is in the first.
        let passes = |limit: usize| (usize::BITS - limit.leading_zeros()).div_ceil(DIGIT);
        let odd = (passes(width) + passes(height)) % 2;
        for pass in 0..passes(width) + odd {
            by_digit(cols, pass * DIGIT, &mut both, pace)?;
        }
        for pass in 0..passes(height) {
            by_digit(rows, pass * DIGIT, &mut both, pace)?;
        }
        return distinct(rows, cols, both.0, pace);
    }
    distinct(rows, cols, places, pace)
}

/// Orders the first places by a digit of their keys into the second, and changes them.
fn by_digit<'a, E>(
    keys: &[i64],
    shift: u32,
    (from, to): &mut (&'a mut [u32], &'a mut [u32]),
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    let digit = |place: u32| ((keys[place as usize] as u64) >> shift) as usize & ((1 << DIGIT) - 1);
    let mut ends = [0u32; 1 << DIGIT];
    for block in from.chunks(BLOCK) {
        pace.step(block.len())?;
        block.iter().for_each(|place| ends[digit(*place)] += 1);
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += std::mem::replace(end, sum);
    }
    for block in from.chunks(BLOCK) {
        pace.step(2 * block.len())?;
        for place in block {
            let end = &mut ends[digit(*place)];
            to[*end as usize] = *place;
            *end += 1;
        }
    }
    std::mem::swap(from, to);
    Ok(())
}

/// How many different places there are.
fn distinct<E>(rows: &[i64], cols: &[i64], places: &[u32], pace: &mut Pace<'_, E>) -> Result<usize, E> {
    let mut count = 0;
    let mut last = (-1, -1);
    for block in places.chunks(BLOCK) {
        pace.step(block.len())?;
        for place in block {
            let this = (rows[*place as usize], cols[*place as usize]);
            count += (this != last) as usize;
            last = this;
        }
    }
    Ok(count)
}

/// Writes the matrix of triples that are in [`order`]. Pointers must be zero; there is one more than rows.
///
/// # Errors
/// Where it is not to go on.
pub fn fill<T: Field, E>(
    (rows, cols, values): (&[i64], &[i64], &[T]),
    places: &[u32],
    (pointers, indices, sums): (&mut [i64], &mut [i32], &mut [T]),
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    let mut stored = 0;
    let mut last = (-1, -1);
    for block in places.chunks(BLOCK) {
        pace.step(2 * block.len())?;
        for place in block {
            let place = *place as usize;
            let this = (rows[place], cols[place]);
            if this == last {
                sums[stored - 1] = sums[stored - 1] + values[place];
            } else {
                sums[stored] = values[place];
                indices[stored] = this.1 as i32;
                pointers[this.0 as usize + 1] += 1;
                stored += 1;
                last = this;
            }
        }
    }
    sum_up(pointers, pace)
}

/// Makes places of counts: each becomes the sum of all up to it.
///
/// # Errors
/// Where it is not to go on.
pub fn sum_up<E>(counts: &mut [i64], pace: &mut Pace<'_, E>) -> Result<(), E> {
    let mut sum = 0;
    for block in counts.chunks_mut(BLOCK) {
        pace.step(block.len())?;
        for count in block {
            sum += *count;
            *count = sum;
        }
    }
    Ok(())
}

/// Writes pointers of the rows of a dense matrix and says how many of its elements are not zero.
///
/// # Errors
/// Where it is not to go on.
pub fn count_dense<T: Field, E>(
    width: usize,
    dense: &[T],
    pointers: &mut [i64],
    pace: &mut Pace<'_, E>,
) -> Result<usize, E> {
    let mut stored = 0;
    let rows = pointers.len() - 1;
    pointers[0] = 0;
    for row in 0..rows {
        for block in dense[row * width..(row + 1) * width].chunks(BLOCK) {
            pace.step(block.len())?;
            stored += block.iter().filter(|v| **v != T::ZERO).count();
        }
        pace.step(1)?;
        pointers[row + 1] = stored as i64;
    }
    Ok(stored)
}

/// Writes the elements of a dense matrix that are not zero.
///
/// # Errors
/// Where it is not to go on.
pub fn fill_dense<T: Field, E>(
    width: usize,
    dense: &[T],
    (indices, values): (&mut [i32], &mut [T]),
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    if width == 0 {
        return Ok(());
    }
    let mut stored = 0;
    for row in dense.chunks(width) {
        for (n, block) in row.chunks(BLOCK).enumerate() {
            pace.step(block.len())?;
            for (v, at) in block.iter().zip(n * BLOCK..).filter(|(v, _)| **v != T::ZERO) {
                (indices[stored], values[stored]) = (at as i32, *v);
                stored += 1;
            }
        }
    }
    Ok(())
}
