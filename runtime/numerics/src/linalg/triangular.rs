//! Triangular systems.

use super::crew::Crew;
use super::field::Field;
use super::library::Side;
use super::room::{Room, bytes, numbers, transpose, zeros};
use super::{Fault, panels};
use faer::dyn_stack::MemStack;
use faer::{MatMut, MatRef};

/// Which triangle of a matrix there is, and in what way it is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Triangle {
    /// The lower one, with the diagonal.
    pub lower: bool,
    /// Whether the diagonal is ones, whatever the elements.
    pub unit: bool,
    /// Whether the transpose of the triangle is meant,
    pub transposed: bool,
    /// and its conjugate.
    pub conjugated: bool,
}

/// Bytes for [`solve`](self::solve()).
pub fn solve_room<T: Field>(n: usize, k: usize) -> usize {
    bytes(&[numbers::<T>(n * k)])
}

/// Solves `a`·`x` = `b` with n×n `a`, of which only the triangle is looked at, and n×k `b`.
///
/// # Errors
/// `Singular` where an element of the diagonal is zero; `Stopped`.
pub fn solve<T: Field>(
    a: &[T],
    n: usize,
    (b, k): (&[T], usize),
    x: &mut [T],
    triangle: Triangle,
    room: Room<'_>,
    crew: Crew<'_>,
) -> Result<(), Fault> {
    let zero = <T::Part as Default>::default();
    if !triangle.unit
        && let Some(at) = (0..n).find(|i| a[i * n + i].size() == zero)
    {
        return Err(Fault::Singular(at));
    }
    let (mut columns, _) = zeros::<T>(MemStack::new(room), n * k);
    transpose(b, k, &mut columns, |x| x);
    let right = MatMut::from_column_major_slice_mut(&mut columns, n, k);
    let rows = MatRef::from_row_major_slice(a, n, n);
    let rows = if triangle.transposed { rows.transpose() } else { rows };
    let conj = if triangle.conjugated { faer::Conj::Yes } else { faer::Conj::No };
    let side = Side { lower: triangle.lower != triangle.transposed, unit: triangle.unit };
    panels::solve(&[(rows, conj, side)], right, crew, &|_| {})?;
    transpose(&columns, n, x, |x| x);
    Ok(())
}
