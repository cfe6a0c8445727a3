//! The product of two sparse matrices, row by row (Gustavson).
//!
//! A row of the product is a combination of rows of the second. Its elements are added up next to each other, in the order
//! in which their columns come up first. They are written in ascending order then. A table says which a column's is.
//! Rows are independent of each other, so several threads may each make some of them, with a [`Room`] each: first all
//! are counted, then filled.
//!
//! On a grid most rows are those before, moved along by one place: [`find_moved`]. So are the rows of a product of two such
//! rows. Where the sums of a row lie is then known from the row before, and nothing is looked up.
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, multiply::{Factors, Room, count_rows, fill_rows, find_moved}};
//! let a = Compressed::new([2, 2], &[0, 2, 3], &[0, 1, 0], &[2.0, 3.0, 4.0]);
//! let mut moved = [0; 2];
//! find_moved(a, 0, &mut moved);
//! let factors = Factors { a, b: a, moved: [&moved, &moved] };
//! let (mut seen, mut found, mut sums) = ([0u32; 2], [0i32; 2], [0.0; 2]);
//! let mut room = Room::new(&mut seen, &mut found, &mut sums);
//! let mut counts = [0i64; 2];
//! assert!(count_rows(factors, 0..2, &mut counts, &mut room, &|| true));
//! assert_eq!(counts, [2, 2]);
//! let (mut indices, mut values) = (vec![0i32; 4], vec![0.0; 4]);
//! indices.clear();
//! values.clear();
//! let out = (indices.spare_capacity_mut(), values.spare_capacity_mut());
//! assert!(fill_rows(factors, 0..2, &[0, 2, 4], out, &mut room, &|| true));
//! ```

use super::{Compressed, Field, STRETCH};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Rows of so few elements are put in order by [`by_rank`].
const FEW: usize = 32;

/// A row with one element of so many, or more, is put in order by looking at all places.
const SPARSE: usize = 16;

/// Of rows with so many products, or fewer, it is kept where each went.
const KEPT: usize = 256;

/// Two matrices to be multiplied, and which of their rows are those before, moved along.
#[derive(Clone, Copy)]
pub struct Factors<'f, T> {
    /// The first.
    pub a: Compressed<'f, T>,
    /// The second.
    pub b: Compressed<'f, T>,
    /// What [`find_moved`] says of each.
    pub moved: [&'f [u8]; 2],
}

impl<T: Field> Factors<'_, T> {
    /// Whether the products of a row are those of the row before, each one column further.
    #[inline(always)]
    fn repeats(&self, row: usize) -> bool {
        self.moved[0][row] != 0 && self.a.part(row).0.iter().all(|inner| self.moved[1][*inner as usize] != 0)
    }
}

/// Writes for rows from number `first` on whether they have the indices of the row before, each greater by one: 1 or 0.
/// Of long rows it says 0.
pub fn find_moved<T: Field>(a: Compressed<'_, T>, first: usize, moved: &mut [u8]) {
    for (row, moved) in (first..).zip(moved) {
        let now = a.part(row).0;
        let before = row.checked_sub(1).map_or(&[][..], |row| a.part(row).0);
        let is_moved = row > 0
            && now.len() == before.len()
            && now.len() <= KEPT
            && now.iter().zip(before).all(|(now, before)| *now == before.wrapping_add(1));
        *moved = u8::from(is_moved);
    }
}

/// Room for one row, of one thread.
pub struct Room<'r, T> {
    /// For each column a number: of the row that is being made it is from `next` on.
    seen: &'r mut [u32],
    indices: &'r mut [i32],
    sums: &'r mut [T],
    next: u32,
    steps: usize,
    /// Where each product of the last row went, if the next row repeats it.
    places: [u16; KEPT],
}

impl<'r, T> Room<'r, T> {
    /// Of zeros: `seen` has as many as the product has columns. The others are for [`fill_rows`], as many as the longest row
    /// has elements.
    pub fn new(seen: &'r mut [u32], indices: &'r mut [i32], sums: &'r mut [T]) -> Room<'r, T> {
        Room { seen, indices, sums, next: 1, steps: 0, places: [0; KEPT] }
    }

    /// Takes so many numbers that no column has yet, and says the first. A row has fewer elements than there are numbers.
    #[inline(always)]
    fn begin(&mut self, numbers: usize) -> u32 {
        if (u32::MAX - self.next) as usize <= numbers {
            self.seen.fill(0);
            self.next = 1;
        }
        let first = self.next;
        self.next += numbers as u32;
        first
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

/// Counts the elements of rows of a product. `go_on` is asked in between; where it says no, the result is false.
pub fn count_rows<T: Field>(
    factors: Factors<'_, T>,
    rows: Range<usize>,
    counts: &mut [i64],
    room: &mut Room<'_, T>,
    go_on: &dyn Fn() -> bool,
) -> bool {
    let Factors { a, b, .. } = factors;
    let (first, mut last) = (rows.start, 0);
    for (row, count) in rows.zip(counts) {
        if row > first && factors.repeats(row) {
            *count = last;
        } else {
            let stamp = room.begin(1);
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
        }
        last = *count;
        if !room.go_on(1 + a.range(row).len(), go_on) {
            return false;
        }
    }
    true
}

/// Writes rows of a product, whose elements begin at `pointers`, as [`count_rows`] has counted them: all of them, if the
/// result is true.
pub fn fill_rows<T: Field>(
    factors: Factors<'_, T>,
    rows: Range<usize>,
    pointers: &[i64],
    (indices, values): (&mut [MaybeUninit<i32>], &mut [MaybeUninit<T>]),
    room: &mut Room<'_, T>,
    go_on: &dyn Fn() -> bool,
) -> bool {
    let (first, end) = (pointers[rows.start], rows.end);
    let mut is_known = false;
    for row in rows {
        let range = (pointers[row] - first) as usize..(pointers[row + 1] - first) as usize;
        let found = range.len();
        let out = (&mut indices[range.clone()], &mut values[range]);
        if is_known {
            repeat_row(factors, row, out, room);
        } else if !fill_row(factors, row, out, room, go_on) {
            return false;
        }
        let repeats = row + 1 < end && factors.repeats(row + 1);
        is_known = repeats && (is_known || keep_places(factors, row, found, room));
        if !room.go_on(8 * found + 1, go_on) {
            return false;
        }
    }
    true
}

/// Writes a row by looking up where each product goes.
#[inline(always)]
fn fill_row<T: Field>(
    factors: Factors<'_, T>,
    row: usize,
    out: (&mut [MaybeUninit<i32>], &mut [MaybeUninit<T>]),
    room: &mut Room<'_, T>,
    go_on: &dyn Fn() -> bool,
) -> bool {
    let Factors { a, b, .. } = factors;
    let base = room.begin(out.0.len());
    let mut found = 0;
    let (at, of) = a.part(row);
    for (inner, factor) in at.iter().zip(of) {
        let (mut at, mut of) = b.part(*inner as usize);
        while !at.is_empty() {
            let long = at.len().min(STRETCH);
            for (index, value) in at[..long].iter().zip(&of[..long]) {
                let seen = &mut room.seen[*index as usize];
                let product = *factor * *value;
                let place = seen.wrapping_sub(base) as usize;
                if place < found {
                    room.sums[place] = room.sums[place] + product;
                } else {
                    *seen = base + found as u32;
                    room.sums[found] = T::ZERO + product;
                    room.indices[found] = *index;
                    found += 1;
                }
            }
            if !room.go_on(long, go_on) {
                return false;
            }
            (at, of) = (&at[long..], &of[long..]);
        }
    }
    match found {
        0..=16 => by_rank::<16, T>(&room.indices[..found], &room.sums[..found], out),
        17..=FEW => by_rank::<FEW, T>(&room.indices[..found], &room.sums[..found], out),
        _ => {
            if found.saturating_mul(SPARSE) < b.minor {
                room.indices[..found].sort_unstable();
            } else if !seen_in_order(room, base, go_on) {
                return false;
            }
            for (index, (at, value)) in room.indices[..found].iter().zip(out.0.iter_mut().zip(out.1)) {
                at.write(*index);
                value.write(room.sums[(room.seen[*index as usize] - base) as usize]);
            }
        }
    }
    true
}

/// Keeps where each product of a row went, which has just been filled and has `found` elements: false if they are too many.
fn keep_places<T: Field>(factors: Factors<'_, T>, row: usize, found: usize, room: &mut Room<'_, T>) -> bool {
    let Factors { a, b, .. } = factors;
    let inner = || a.part(row).0.iter().map(|inner| b.part(*inner as usize).0);
    if inner().map(<[i32]>::len).sum::<usize>() > KEPT {
        return false;
    }
    let found = &mut room.indices[..found];
    found.sort_unstable();
    for (place, index) in found.iter().enumerate() {
        room.seen[*index as usize] = place as u32;
    }
    for (place, index) in room.places.iter_mut().zip(inner().flatten()) {
        *place = room.seen[*index as usize] as u16;
    }
    // These are no numbers of a row: who comes next does not know the columns.
    for index in found {
        room.seen[*index as usize] = 0;
    }
    true
}

/// Writes a row whose products go where those of the row before went, one column further.
#[inline(always)]
fn repeat_row<T: Field>(
    factors: Factors<'_, T>,
    row: usize,
    out: (&mut [MaybeUninit<i32>], &mut [MaybeUninit<T>]),
    room: &mut Room<'_, T>,
) {
    let Factors { a, b, .. } = factors;
    let len = out.0.len();
    let (indices, sums) = (&mut room.indices[..len], &mut room.sums[..len]);
    sums.fill(T::ZERO);
    let mut places = &room.places[..];
    let (at, of) = a.part(row);
    for (inner, factor) in at.iter().zip(of) {
        let values = b.part(*inner as usize).1;
        let (now, rest) = places.split_at(values.len());
        for (place, value) in now.iter().zip(values) {
            let sum = &mut sums[*place as usize];
            *sum = *sum + *factor * *value;
        }
        places = rest;
    }
    for (index, out) in indices.iter_mut().zip(out.0) {
        *index += 1;
        out.write(*index);
    }
    out.1.write_copy_of_slice(sums);
}

/// Writes the indices whose numbers are from `base` on, by looking at all.
fn seen_in_order<T>(room: &mut Room<'_, T>, base: u32, go_on: &dyn Fn() -> bool) -> bool {
    let mut found = 0;
    for start in (0..room.seen.len()).step_by(STRETCH) {
        let end = room.seen.len().min(start + STRETCH);
        for (at, seen) in (start..end).zip(&room.seen[start..end]) {
            if *seen >= base {
                room.indices[found] = at as i32;
                found += 1;
            }
        }
        if !room.go_on(end - start, go_on) {
            return false;
        }
    }
    true
}

/// Writes at most `N` elements in order of their different indices: each goes to the place that as many smaller ones come
/// before. That takes no decision that a processor could foresee wrongly.
#[inline(always)]
fn by_rank<const N: usize, T: Field>(
    indices: &[i32],
    sums: &[T],
    out: (&mut [MaybeUninit<i32>], &mut [MaybeUninit<T>]),
) {
    let mut all = [i32::MAX; N];
    all[..indices.len()].copy_from_slice(indices);
    let mut ranks = [0i32; N];
    for other in indices {
        ranks.iter_mut().zip(&all).for_each(|(rank, index)| *rank += i32::from(other < index));
    }
    for (rank, (index, sum)) in ranks.iter().zip(indices.iter().zip(sums)) {
        out.0[*rank as usize].write(*index);
        out.1[*rank as usize].write(*sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_columns_begin_anew() {
        let (mut seen, mut found, mut sums) = ([7u32; 3], [0i32; 3], [0.0; 3]);
        let mut room = Room::new(&mut seen, &mut found, &mut sums);
        room.next = u32::MAX - 4;
        assert_eq!((room.begin(3), room.next), (u32::MAX - 4, u32::MAX - 1));
        assert_eq!((room.begin(3), room.next), (1, 4));
        assert_eq!(*room.seen, [0; 3]);
    }
}
