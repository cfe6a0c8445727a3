//! The product of two sparse matrices, row by row (Gustavson).
//!
//! A row of the product is a combination of rows of the second. Its elements are added up in a vector as long as
//! a row, in the order of the first's elements, and then put in order. Rows are independent of each other, so
//! several threads may each make some of them, with a [`Room`] each: first all are counted, then filled.
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, multiply::{Room, count_rows, fill_rows}};
//! let a = Compressed::new([2, 2], &[0, 2, 3], &[0, 1, 0], &[2.0, 3.0, 4.0]);
//! let (mut seen, mut sums) = ([0u32; 2], [0.0; 2]);
//! let mut room = Room::new(&mut seen, &mut sums);
//! let mut counts = [0i64; 2];
//! assert!(count_rows(a, a, 0..2, &mut counts, &mut room, &|| true));
//! assert_eq!(counts, [2, 2]);
//! let (mut indices, mut values) = ([0i32; 4], [0.0; 4]);
//! room.again();
//! assert!(fill_rows(a, a, 0..2, &[0, 2, 4], (&mut indices, &mut values), &mut room, &|| true));
//! assert_eq!((indices, values), ([0, 1, 0, 1], [16.0, 6.0, 8.0, 12.0]));
//! ```

use super::{Compressed, Field, STRETCH};
use std::ops::Range;

/// Rows of so few elements are put in order by [`by_rank`].
const FEW: usize = 32;

/// A row with one element of so many, or more, is put in order by looking at all places.
const SPARSE: usize = 16;

/// Room for one row, of one thread.
pub struct Room<'r, T> {
    /// The row in which an element was last added to, and one.
    seen: &'r mut [u32],
    sums: &'r mut [T],
    steps: usize,
}

impl<'r, T> Room<'r, T> {
    /// Of zeros, as many as the product has columns.
    pub fn new(seen: &'r mut [u32], sums: &'r mut [T]) -> Room<'r, T> {
        Room { seen, sums, steps: 0 }
    }

    /// Makes it ready for rows that it has been used for.
    pub fn again(&mut self) {
        self.seen.fill(0);
    }

    #[inline(always)]
    fn go_on(&mut self, steps: usize, go_on: &dyn Fn() -> bool) -> bool {
        self.steps += steps;
        if self.steps < STRETCH {
            return true;
        }
        self.steps = 0;
        go_on()
    }
}

/// Counts the elements of rows of `a` · `b`. `go_on` is asked in between; where it says no, the result is false.
pub fn count_rows<T: Field>(
    a: Compressed<'_, T>,
    b: Compressed<'_, T>,
    rows: Range<usize>,
    counts: &mut [i64],
    room: &mut Room<'_, T>,
    go_on: &dyn Fn() -> bool,
) -> bool {
    for (row, count) in rows.zip(counts) {
        let stamp = row as u32 + 1;
        let mut found = 0;
        for inner in a.part(row).0 {
            for at in b.part(*inner as usize).0.chunks(STRETCH) {
                for index in at {
                    let seen = &mut room.seen[*index as usize];
                    found += (*seen != stamp) as i64;
                    *seen = stamp;
                }
                if !room.go_on(at.len(), go_on) {
                    return false;
                }
            }
        }
        *count = found;
        if !room.go_on(1, go_on) {
            return false;
        }
    }
    true
}

/// Writes rows of `a` · `b`, whose elements begin at `pointers`, as [`count_rows`] has counted them.
pub fn fill_rows<T: Field>(
    a: Compressed<'_, T>,
    b: Compressed<'_, T>,
    rows: Range<usize>,
    pointers: &[i64],
    (indices, values): (&mut [i32], &mut [T]),
    room: &mut Room<'_, T>,
    go_on: &dyn Fn() -> bool,
) -> bool {
    let first = pointers[rows.start];
    for row in rows {
        let stamp = row as u32 + 1;
        let range = (pointers[row] - first) as usize..(pointers[row + 1] - first) as usize;
        let indices = &mut indices[range.clone()];
        let mut found = 0;
        let (at, of) = a.part(row);
        for (inner, factor) in at.iter().zip(of) {
            let (mut at, mut of) = b.part(*inner as usize);
            while !at.is_empty() {
                let long = at.len().min(STRETCH);
                for (index, value) in at[..long].iter().zip(&of[..long]) {
                    let (seen, sum) = (&mut room.seen[*index as usize], &mut room.sums[*index as usize]);
                    let product = *factor * *value;
                    if *seen == stamp {
                        *sum = *sum + product;
                    } else {
                        *seen = stamp;
                        *sum = T::ZERO + product;
                        indices[found] = *index;
                        found += 1;
                    }
                }
                if !room.go_on(long, go_on) {
                    return false;
                }
                (at, of) = (&at[long..], &of[long..]);
            }
        }
        if found.saturating_mul(SPARSE) < b.minor {
            put_in_order(indices);
        } else if !seen_in_order(room, stamp, indices, go_on) {
            return false;
        }
        for (value, index) in values[range].iter_mut().zip(&*indices) {
            *value = room.sums[*index as usize];
        }
        if !room.go_on(8 * found + 1, go_on) {
            return false;
        }
    }
    true
}

/// Writes the indices that were added to for `stamp`, by looking at all.
fn seen_in_order<T>(
    room: &mut Room<'_, T>,
    stamp: u32,
    indices: &mut [i32],
    go_on: &dyn Fn() -> bool,
) -> bool {
    let mut found = 0;
    for start in (0..room.seen.len()).step_by(STRETCH) {
        let end = room.seen.len().min(start + STRETCH);
        for (at, seen) in (start..end).zip(&room.seen[start..end]) {
            if *seen == stamp {
                indices[found] = at as i32;
                found += 1;
            }
        }
        if !room.go_on(end - start, go_on) {
            return false;
        }
    }
    true
}

fn put_in_order(indices: &mut [i32]) {
    match indices.len() {
        0..2 => {}
        2..=16 => by_rank::<16>(indices),
        17..=FEW => by_rank::<FEW>(indices),
        _ => indices.sort_unstable(),
    }
}

/// Puts at most `N` different indices in order: each goes to the place that as many smaller ones come before. That takes
/// no decision that a processor could foresee wrongly.
fn by_rank<const N: usize>(indices: &mut [i32]) {
    let mut all = [i32::MAX; N];
    all[..indices.len()].copy_from_slice(indices);
    for index in &all[..indices.len()] {
        let rank: i32 = all.iter().map(|other| i32::from(other < index)).sum();
        indices[rank as usize] = *index;
    }
}
