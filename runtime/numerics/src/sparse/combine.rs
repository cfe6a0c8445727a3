//! Matrices of two matrices, element by element, and of one and numbers.
//!
//! Both are compressed the same way. Of a sum the elements are stored that either has, of a product those that both
//! have, whatever their values: where they are never depends on what they are.
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, Pace, combine::{Which, count, fill}};
//! let a = Compressed::new([1, 4], &[0, 2], &[0, 2], &[5.0, 7.0]);
//! let b = Compressed::new([1, 4], &[0, 2], &[2, 3], &[1.0, 2.0]);
//! let mut ask = || Ok::<(), ()>(());
//! let pace = &mut Pace::new(&mut ask);
//! let (mut pointers, mut indices, mut values) = ([0i64; 2], [0i32; 3], [0.0; 3]);
//! assert_eq!(count(a, b, Which::Either, &mut pointers, pace)?, 3);
//! fill(a, b, Which::Either, |x, y| x - y, (&mut indices, &mut values), pace)?;
//! assert_eq!((indices, values), ([0, 2, 3], [5.0, 6.0, -2.0]));
//! # Ok::<(), ()>(())
//! ```

use super::{Compressed, Field, Pace};

/// Elements between two counts of steps.
const BLOCK: usize = 1 << 12;

/// Which elements a combination has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Those that one or the other has.
    Either,
    /// Those that both have.
    Both,
}

/// Goes through two parts at once: `each` is called in order with index and the element of each, if it has one.
fn merge<T: Field, E>(
    (at, of): (&[i32], &[T]),
    (bt, bf): (&[i32], &[T]),
    which: Which,
    pace: &mut Pace<'_, E>,
    mut each: impl FnMut(i32, T, T),
) -> Result<(), E> {
    // Short parts are counted as a whole, which leaves the loops tight.
    let together = at.len() + bt.len();
    let mut step = |steps: usize| if together <= BLOCK { Ok(()) } else { pace.step(steps) };
    let (mut i, mut j) = (0, 0);
    // Matrices that are added often have the same places.
    if together <= BLOCK && at.len() == bt.len() && at.iter().zip(bt).all(|(a, b)| a == b) {
        for ((index, a), b) in at.iter().zip(of).zip(bf) {
            each(*index, *a, *b);
        }
        return pace.step(at.len() + 1);
    }
    while i < at.len() && j < bt.len() {
        step(2)?;
        let (a, b) = (at[i], bt[j]);
        if a == b {
            each(a, of[i], bf[j]);
        } else if which == Which::Either {
            if a < b { each(a, of[i], T::ZERO) } else { each(b, T::ZERO, bf[j]) }
        }
        i += (a <= b) as usize;
        j += (b <= a) as usize;
    }
    if which == Which::Either {
        for (at, of) in at[i..].iter().zip(&of[i..]) {
            step(1)?;
            each(*at, *of, T::ZERO);
        }
        for (at, of) in bt[j..].iter().zip(&bf[j..]) {
            step(1)?;
            each(*at, T::ZERO, *of);
        }
    }
    pace.step(1 + if together <= BLOCK { together } else { 0 })
}

/// Writes the pointers of a combination and says how many elements it has.
///
/// # Errors
/// Where it is not to go on.
pub fn count<T: Field, E>(
    a: Compressed<'_, T>,
    b: Compressed<'_, T>,
    which: Which,
    pointers: &mut [i64],
    pace: &mut Pace<'_, E>,
) -> Result<usize, E> {
    let mut stored = 0;
    pointers[0] = 0;
    for part in 0..a.major {
        merge(a.part(part), b.part(part), which, pace, |_, _, _| stored += 1)?;
        pointers[part + 1] = stored as i64;
    }
    Ok(stored)
}

/// Writes the elements of a combination.
///
/// # Errors
/// Where it is not to go on.
pub fn fill<T: Field, E>(
    a: Compressed<'_, T>,
    b: Compressed<'_, T>,
    which: Which,
    of_both: impl Fn(T, T) -> T + Copy,
    (indices, values): (&mut [i32], &mut [T]),
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    let mut stored = 0;
    for part in 0..a.major {
        merge(a.part(part), b.part(part), which, pace, |index, x, y| {
            (indices[stored], values[stored]) = (index, of_both(x, y));
            stored += 1;
        })?;
    }
    Ok(())
}

/// Writes the sum of each part.
///
/// # Errors
/// Where it is not to go on.
pub fn sum_parts<T: Field, E>(a: Compressed<'_, T>, sums: &mut [T], pace: &mut Pace<'_, E>) -> Result<(), E> {
    for (part, sum) in sums.iter_mut().enumerate() {
        pace.step(1)?;
        *sum = T::ZERO;
        for block in a.part(part).1.chunks(BLOCK) {
            pace.step(block.len())?;
            *sum = block.iter().fold(*sum, |sum, v| sum + *v);
        }
    }
    Ok(())
}

/// Adds up elements of the same index, to `sums`, which is zero.
///
/// # Errors
/// Where it is not to go on.
pub fn sum_across<T: Field, E>(
    a: Compressed<'_, T>,
    sums: &mut [T],
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    for (at, of) in a.indices.chunks(BLOCK).zip(a.values.chunks(BLOCK)) {
        pace.step(at.len())?;
        at.iter().zip(of).for_each(|(at, of)| sums[*at as usize] = sums[*at as usize] + *of);
    }
    Ok(())
}

/// Writes the diagonal, zero where nothing is stored.
///
/// # Errors
/// Where it is not to go on.
pub fn diagonal<T: Field, E>(a: Compressed<'_, T>, out: &mut [T], pace: &mut Pace<'_, E>) -> Result<(), E> {
    for (part, out) in out.iter_mut().enumerate() {
        pace.step(8)?;
        let (at, of) = a.part(part);
        *out = at.binary_search(&(part as i32)).map_or(T::ZERO, |n| of[n]);
    }
    Ok(())
}

/// Writes the Kronecker product. Pointers are one more than parts of it.
///
/// # Errors
/// Where it is not to go on.
pub fn kronecker<T: Field, E>(
    a: Compressed<'_, T>,
    b: Compressed<'_, T>,
    (pointers, indices, values): (&mut [i64], &mut [i32], &mut [T]),
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    let mut stored = 0;
    let mut ends = pointers.iter_mut().skip(1);
    for part in 0..a.major {
        pace.step(1)?;
        for other in 0..b.major {
            pace.step(1)?;
            let ((at, of), (bt, bf)) = (a.part(part), b.part(other));
            // Elements that meet none are not gone through, as nobody pays for them.
            let at = if bt.is_empty() { &[] } else { at };
            for (at, of) in at.iter().zip(of) {
                for (bt, bf) in bt.iter().zip(bf) {
                    pace.step(1)?;
                    (indices[stored], values[stored]) = (*at * b.minor as i32 + *bt, *of * *bf);
                    stored += 1;
                }
            }
            if let Some(end) = ends.next() {
                *end = stored as i64;
            }
        }
    }
    Ok(())
}
