//! Sparse matrices: what is computed with the elements that are stored.
//!
//! A matrix is three slices in compressed form ([`Compressed`]): rows one after the other, or columns, which
//! is the same of the transpose. All that is here takes slices, room to work in and a [`Pace`], by which
//! it asks for leave to go on. It never allocates, knows no threads and never panics for what elements are.
//!
//! Invariant: sums are made in ascending order of the indices, beginning with zero. So a result depends neither on
//! whether rows or columns are stored, nor on how many threads share the rows.
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, Pace};
//! // 5 0 7
//! // 0 0 1
//! let a = Compressed::new([2, 3], &[0, 2, 3], &[0, 2, 2], &[5.0, 7.0, 1.0]);
//! assert_eq!(a.part(0), (&[0, 2][..], &[5.0, 7.0][..]));
//! assert_eq!(a.stored(), 3);
//! let mut asked = 0;
//! let mut ask = || -> Result<(), ()> { asked += 1; Ok(()) };
//! Pace::new(&mut ask).step(1 << 20)?;
//! assert_eq!(asked, 1);
//! # Ok::<(), ()>(())
//! ```

#[cfg(feature = "linalg")]
pub mod analyses;
pub mod build;
pub mod combine;
pub mod convert;
#[cfg(feature = "linalg")]
pub mod direct;
mod field;
pub mod iterate;
pub mod lu;
pub mod multigrid;
pub mod multiply;
#[cfg(feature = "linalg")]
pub mod order;
pub mod precondition;
pub mod product;
pub mod triangular;
pub mod vector;

pub use field::Field;

use std::ops::Range;

/// A matrix in compressed form: its parts are rows, or columns.
///
/// Invariant, upheld by whoever makes one: `pointers` has one number more than there are parts, begins
/// with 0, never falls and ends with how many are stored; indices rise within each part and are
/// below `minor`.
#[derive(Clone, Copy, Debug)]
pub struct Compressed<'a, T> {
    /// How many parts there are.
    pub major: usize,
    /// How long a part is.
    pub minor: usize,
    /// Where the elements of each part begin.
    pub pointers: &'a [i64],
    /// Where in its part each element stands.
    pub indices: &'a [i32],
    /// The elements.
    pub values: &'a [T],
}

impl<'a, T> Compressed<'a, T> {
    /// The matrix of so many parts of that length.
    ///
    /// # Panics
    /// When the slices are of other lengths than they must be.
    pub fn new(
        [major, minor]: [usize; 2],
        pointers: &'a [i64],
        indices: &'a [i32],
        values: &'a [T],
    ) -> Compressed<'a, T> {
        assert!(pointers.len() == major + 1 && indices.len() == values.len());
        Compressed { major, minor, pointers, indices, values }
    }

    /// How many elements are stored.
    pub fn stored(&self) -> usize {
        self.values.len()
    }

    /// The numbers of the elements of a part.
    #[inline(always)]
    pub fn range(&self, part: usize) -> Range<usize> {
        self.pointers[part] as usize..self.pointers[part + 1] as usize
    }

    /// Indices and elements of a part.
    #[inline(always)]
    pub fn part(&self, part: usize) -> (&'a [i32], &'a [T]) {
        let range = self.range(part);
        (&self.indices[range.clone()], &self.values[range])
    }

    /// The part that element number `at` is in.
    pub fn part_of(&self, at: usize) -> usize {
        self.pointers.partition_point(|start| *start as usize <= at).saturating_sub(1)
    }

    /// The first part that begins at position `at` or behind it. Positions count each part and each element.
    pub fn part_at(&self, at: usize) -> usize {
        let (mut low, mut high) = (0, self.major);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.pointers[middle] as usize + middle < at { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The parts that begin at those positions.
    pub fn parts_at(&self, positions: Range<usize>) -> Range<usize> {
        self.part_at(positions.start)..self.part_at(positions.end)
    }
}

/// Steps between two questions: less than a millisecond of what is done here.
pub const STRETCH: usize = 1 << 16;

/// Asks for leave to go on, after every [`STRETCH`] steps.
pub struct Pace<'p, E> {
    done: usize,
    ask: &'p mut dyn FnMut() -> Result<(), E>,
}

impl<'p, E> Pace<'p, E> {
    /// By asking that.
    pub fn new(ask: &'p mut dyn FnMut() -> Result<(), E>) -> Pace<'p, E> {
        Pace { done: 0, ask }
    }

    /// Counts so many steps that have been done.
    ///
    /// # Errors
    /// Where it is not to go on.
    #[inline]
    pub fn step(&mut self, steps: usize) -> Result<(), E> {
        self.done = self.done.saturating_add(steps);
        if self.done < STRETCH {
            return Ok(());
        }
        self.done = 0;
        (self.ask)()
    }
}
