//! Cholesky decomposition. Of a matrix only the lower triangle is looked at; the rest is taken to be its
//! conjugate transpose.

use super::crew::Crew;
use super::field::Field;
use super::library::Side;
use super::room::{Room, bytes, numbers, transpose, zeros};
use super::{Fault, panels};
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::cholesky::llt;
use faer::{Conj, MatMut, MatRef, Par};

fn factor_room<T: Field>(n: usize) -> StackReq {
    numbers::<T>(n * n).and(llt::factor::cholesky_in_place_scratch::<T>(n, Par::Seq, Default::default()))
}

/// Decomposes n×n `a`, in columns in `factor`.
fn factor_in<T: Field>(
    a: &[T],
    n: usize,
    factor: &mut [T],
    crew: Crew<'_>,
    stack: &mut MemStack,
) -> Result<(), Fault> {
    transpose(a, n, factor, |x| x);
    for i in 0..n {
        // What lies beside a real diagonal is none of the matrix.
        factor[i * n + i] = T::of(factor[i * n + i].re());
    }
    panels::cholesky(MatMut::from_column_major_slice_mut(factor, n, n), crew, stack)
}

/// Bytes for [`decompose`].
pub fn decompose_room<T: Field>(n: usize) -> usize {
    bytes(&[factor_room::<T>(n)])
}

/// The lower triangle `l` of which `a` = `l`·`l`ᴴ, n×n.
///
/// # Errors
/// `NotPositiveDefinite`; `Stopped`.
pub fn decompose<T: Field>(
    a: &[T],
    n: usize,
    l: &mut [T],
    room: Room<'_>,
    crew: Crew<'_>,
) -> Result<(), Fault> {
    let (mut factor, stack) = zeros::<T>(MemStack::new(room), n * n);
    factor_in(a, n, &mut factor, crew, stack)?;
    transpose(&factor, n, l, |x| x);
    for (i, row) in l.chunks_exact_mut(n).enumerate() {
        row[i + 1..].fill(T::default());
    }
    Ok(())
}

/// Bytes for [`solve`].
pub fn solve_room<T: Field>(n: usize, k: usize) -> usize {
    bytes(&[factor_room::<T>(n), numbers::<T>(n * k)])
}

/// Solves `a`·`x` = `b`, with positive definite n×n `a` and n×k `b`.
///
/// # Errors
/// `NotPositiveDefinite`; `Stopped`.
pub fn solve<T: Field>(
    a: &[T],
    n: usize,
    b: &[T],
    k: usize,
    x: &mut [T],
    room: Room<'_>,
    crew: Crew<'_>,
) -> Result<(), Fault> {
    let (mut factor, stack) = zeros::<T>(MemStack::new(room), n * n);
    let (mut columns, stack) = zeros::<T>(stack, n * k);
    factor_in(a, n, &mut factor, crew, stack)?;
    transpose(b, k, &mut columns, |x| x);
    let right = MatMut::from_column_major_slice_mut(&mut columns, n, k);
    let l = MatRef::from_column_major_slice(&factor, n, n);
    let first = (l, Conj::No, Side { lower: true, unit: false });
    let then = (l.transpose(), Conj::Yes, Side { lower: false, unit: false });
    panels::solve(&[first, then], right, crew, &|_| {})?;
    transpose(&columns, n, x, |x| x);
    Ok(())
}
