//! Systems of equations with a positive definite matrix, by a sparse Cholesky factorisation of the faer crate.
//!
//! First the places alone are looked at: an order of the unknowns that leaves few new elements, and where these
//! are ([`Analysis`]). That says how much memory the factors take, which whoever calls has. All runs on
//! one thread, so results do not depend on how many there are; the library does not ask for leave to go on.
//!
//! ```
//! use nbc_numerics::sparse::direct::{Analysis, Direct, Equations};
//! use std::mem::MaybeUninit;
//! // 4 1
//! // 1 3
//! let places = (&[0usize, 2, 4][..], &[0usize, 1, 0, 1][..]);
//! let analysis = Analysis::new(2, places).expect("memory");
//! assert_eq!(analysis.operations(), 2 * 2 + 1);
//! let mut factors = vec![0.0; analysis.stored()];
//! let mut room = vec![MaybeUninit::uninit(); analysis.room::<f64>(1)];
//! let mut x = [1.0, 2.0_f64];
//! let values = &[4.0, 1.0, 1.0, 3.0];
//! let equations = Equations { places, values, factors: &mut factors, room: &mut room, x: &mut x, width: 1 };
//! f64::solve(&analysis, equations).expect("positive definite");
//! assert!((x[0] - 1.0 / 11.0).abs() < 1e-15 && (x[1] - 7.0 / 11.0).abs() < 1e-15);
//! ```

use super::Field;
use faer::dyn_stack::MemStack;
use faer::linalg::cholesky::llt::factor::{LltError, LltRegularization};
use faer::sparse::linalg::cholesky::{
    CholeskySymbolicParams, SymbolicCholesky, SymbolicCholeskyRaw, SymmetricOrdering,
    factorize_symbolic_cholesky,
};
use faer::sparse::{FaerError, SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par, Side};
use num_complex::Complex;
use std::mem::MaybeUninit;

/// Pointers and indices of a matrix by columns, as the library wants them.
pub type Places<'s> = (&'s [usize], &'s [usize]);

/// A system and the memory that its solution takes.
pub struct Equations<'s, T> {
    /// Where the elements are.
    pub places: Places<'s>,
    /// The elements, which are finite.
    pub values: &'s [T],
    /// As many as [`Analysis::stored`].
    pub factors: &'s mut [T],
    /// As many as [`Analysis::room`].
    pub room: &'s mut [MaybeUninit<u8>],
    /// The right-hand sides, row by row; then the solutions.
    pub x: &'s mut [T],
    /// How many of them there are.
    pub width: usize,
}

/// Numbers that the library computes with: its functions are compiled here, once for each of them.
pub trait Direct: Field + faer::traits::ComplexField {
    /// Solves in place.
    ///
    /// # Errors
    /// [`Failed::Pivot`].
    fn solve(analysis: &Analysis, equations: Equations<'_, Self>) -> Result<(), Failed>;
}

macro_rules! direct {
    ($($number:ty)*) => {$(
        impl Direct for $number {
            fn solve(analysis: &Analysis, equations: Equations<'_, Self>) -> Result<(), Failed> {
                analysis.solve(equations)
            }
        }
    )*};
}
direct! { f32 f64 Complex<f64> }

/// Why there are no factors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failed {
    /// There is no memory, or the factors have more elements than can be counted.
    Memory,
    /// The matrix is not positive definite: the pivot in that row, counted from zero, is not.
    Pivot(usize),
}

/// What is known of the factors from the places of the elements alone.
pub struct Analysis(SymbolicCholesky<usize>);

impl Analysis {
    /// Of a square matrix by columns, whose elements below the diagonal and on it are looked at.
    ///
    /// # Errors
    /// Without memory.
    pub fn new(n: usize, (pointers, indices): Places<'_>) -> Result<Analysis, Failed> {
        let places = SymbolicSparseColMatRef::new_checked(n, n, pointers, None, indices);
        let order = SymmetricOrdering::Amd;
        let made = factorize_symbolic_cholesky(places, Side::Lower, order, CholeskySymbolicParams::default());
        made.map(Analysis).map_err(|_: FaerError| Failed::Memory)
    }

    /// How many elements the factor stores.
    pub fn stored(&self) -> usize {
        self.0.len_val()
    }

    /// About how many multiplications the factorisation takes: the square of how many elements each column has, added up.
    pub fn operations(&self) -> u64 {
        // Of columns that have from `low` up to but not including `high` elements, each one less than the one before.
        let squares = |low: usize, high: usize| {
            let up_to = |n: u128| n * n.saturating_sub(1) * (2 * n).saturating_sub(1) / 6;
            up_to(high as u128).saturating_sub(up_to(low as u128))
        };
        let all: u128 = match self.0.raw() {
            SymbolicCholeskyRaw::Simplicial(known) => {
                known.col_ptr().windows(2).map(|ends| squares(ends[1] - ends[0], ends[1] - ends[0] + 1)).sum()
            }
            SymbolicCholeskyRaw::Supernodal(known) => {
                let nodes = known.supernode_begin().iter().zip(known.supernode_end()).enumerate();
                nodes
                    .map(|(node, (begin, end))| {
                        let below = known.supernode(node).pattern().len();
                        squares(below + 1, below + 1 + end - begin)
                    })
                    .sum()
            }
        };
        u64::try_from(all).unwrap_or(u64::MAX)
    }

    /// About how many bytes this takes.
    pub fn bytes(&self) -> usize {
        let indices = match self.0.raw() {
            SymbolicCholeskyRaw::Simplicial(known) => known.row_idx().len(),
            SymbolicCholeskyRaw::Supernodal(known) => known.row_idx().len(),
        };
        // Besides, at most eight lists of as many numbers as there are columns.
        (indices + 8 * self.0.nrows()) * size_of::<usize>()
    }

    /// Bytes of room that factoring and solving for so many right-hand sides take.
    pub fn room<T: Direct>(&self, width: usize) -> usize {
        let factor = self.0.factorize_numeric_llt_scratch::<T>(Par::Seq, Default::default());
        let solve = self.0.solve_in_place_scratch::<T>(width, Par::Seq);
        let most = factor.or(solve);
        most.size_bytes().saturating_add(most.align_bytes())
    }

    fn solve<T: Direct>(&self, equations: Equations<'_, T>) -> Result<(), Failed> {
        let Equations { places: (pointers, indices), values, factors, room, x, width } = equations;
        let n = self.0.nrows();
        if n == 0 || width == 0 {
            return Ok(());
        }
        let places = SymbolicSparseColMatRef::new_checked(n, n, pointers, None, indices);
        let a = SparseColMatRef::new(places, values);
        let stack = MemStack::new(room);
        let none = LltRegularization::default();
        let made =
            self.0.factorize_numeric_llt(factors, a, Side::Lower, none, Par::Seq, stack, Default::default());
        let llt = made.map_err(|LltError::NonPositivePivot { index }| {
            // One way of factoring counts from one; both count in the order of the factorisation.
            let at = index - usize::from(matches!(self.0.raw(), SymbolicCholeskyRaw::Simplicial(_)));
            let row = self.0.perm().and_then(|order| order.arrays().0.get(at).copied());
            Failed::Pivot(row.unwrap_or(at))
        })?;
        let x = MatMut::from_row_major_slice_mut(x, n, width);
        llt.solve_in_place_with_conj(Conj::No, x, Par::Seq, stack);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_squares_of_columns() {
        for n in [1, 5, 40, 300] {
            let pointers: Vec<usize> = (0..=n).map(|col| col * n).collect();
            let indices: Vec<usize> = (0..n * n).map(|at| at % n).collect();
            let full = Analysis::new(n, (&pointers, &indices)).unwrap();
            assert_eq!(full.operations(), (n * (n + 1) * (2 * n + 1) / 6) as u64);
            let (pointers, indices): (Vec<usize>, Vec<usize>) = ((0..=n).collect(), (0..n).collect());
            assert_eq!(Analysis::new(n, (&pointers, &indices)).unwrap().operations(), n as u64);
        }
    }
}
