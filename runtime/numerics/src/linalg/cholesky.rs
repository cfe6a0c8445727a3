//! Cholesky decomposition. Of a matrix only the lower triangle is looked at; the rest is taken to be its
//! conjugate transpose.

use super::Fault;
use super::field::Field;
use super::room::{Room, bytes, numbers, transpose, zeros};
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::cholesky::llt;
use faer::{MatMut, Par};

fn factor_room<T: Field>(n: usize) -> StackReq {
    numbers::<T>(n * n).and(llt::factor::cholesky_in_place_scratch::<T>(n, Par::Seq, Default::default()))
}

/// Decomposes n×n `a`, in columns in `factor`.
fn factor_in<T: Field>(a: &[T], n: usize, factor: &mut [T], stack: &mut MemStack) -> Result<(), Fault> {
    transpose(a, n, factor, |x| x);
    for i in 0..n {
        // What lies beside a real diagonal is none of the matrix.
        factor[i * n + i] = T::of(factor[i * n + i].re());
    }
    let whole = MatMut::from_column_major_slice_mut(factor, n, n);
    T::cholesky(whole, stack).map_err(|index| Fault::NotPositiveDefinite(index + 1))
}

/// Bytes for [`decompose`].
pub fn decompose_room<T: Field>(n: usize) -> usize {
    bytes(&[factor_room::<T>(n)])
}

/// The lower triangle `l` of which `a` = `l`·`l`ᴴ, n×n.
///
/// # Errors
/// `NotPositiveDefinite`.
pub fn decompose<T: Field>(a: &[T], n: usize, l: &mut [T], room: Room<'_>) -> Result<(), Fault> {
    let (mut factor, stack) = zeros::<T>(MemStack::new(room), n * n);
    factor_in(a, n, &mut factor, stack)?;
    transpose(&factor, n, l, |x| x);
    for (i, row) in l.chunks_exact_mut(n).enumerate() {
        row[i + 1..].fill(T::default());
    }
    Ok(())
}

/// Bytes for [`solve`].
pub fn solve_room<T: Field>(n: usize, k: usize) -> usize {
    let solve = llt::solve::solve_in_place_scratch::<T>(n, k, Par::Seq);
    bytes(&[factor_room::<T>(n), numbers::<T>(n * k), solve])
}

/// Solves `a`·`x` = `b`, with positive definite n×n `a` and n×k `b`.
///
/// # Errors
/// `NotPositiveDefinite`.
pub fn solve<T: Field>(
    a: &[T],
    n: usize,
    b: &[T],
    k: usize,
    x: &mut [T],
    room: Room<'_>,
) -> Result<(), Fault> {
    let (mut factor, stack) = zeros::<T>(MemStack::new(room), n * n);
    let (mut columns, stack) = zeros::<T>(stack, n * k);
    factor_in(a, n, &mut factor, stack)?;
    transpose(b, k, &mut columns, |x| x);
    let right = MatMut::from_column_major_slice_mut(&mut columns, n, k);
    let factor = faer::MatRef::from_column_major_slice(&factor, n, n);
    T::cholesky_solve(factor, right, stack);
    transpose(&columns, n, x, |x| x);
    Ok(())
}
