//! QR decomposition by Householder reflections.
//!
//! Matrices whose elements are very large or small are scaled first, as for singular values.

use super::crew::Crew;
use super::field::Field;
use super::room::{Room, bytes, numbers, transpose, zeros};
use super::svd::scale;
use super::{Fault, panels};
use faer::dyn_stack::MemStack;
use faer::{MatMut, MatRef};

/// Bytes for [`decompose`], the result `q` having so many columns.
pub fn decompose_room<T: Field>(m: usize, n: usize, columns: usize) -> usize {
    let block = panels::qr_block::<T>(m, n);
    let vectors = numbers::<T>(m * columns);
    let work = panels::qr_room::<T>(m, n, columns);
    bytes(&[numbers::<T>(m * n), numbers::<T>(block * m.min(n)), vectors, work])
}

/// The decomposition `a` = `q`·`r` of m×n `a`, neither m nor n being 0. As many columns of `q` and rows of `r` are
/// written as `r` has rows: the smaller of m and n, or m.
///
/// # Errors
/// `Stopped`.
pub fn decompose<T: Field>(
    a: &[T],
    (m, n): (usize, usize),
    q: &mut [T],
    r: &mut [T],
    room: Room<'_>,
    crew: Crew<'_>,
) -> Result<(), Fault> {
    let (size, columns, block) = (m.min(n), q.len() / m, panels::qr_block::<T>(m, n));
    let (mut basis, stack) = zeros::<T>(MemStack::new(room), m * n);
    let (mut factor, stack) = zeros::<T>(stack, block * size);
    let scale = scale(a);
    match scale {
        Some((by, _)) => transpose(a, n, &mut basis, |x| x.scaled(by)),
        None => transpose(a, n, &mut basis, |x| x),
    }
    let mut whole = MatMut::from_column_major_slice_mut(&mut basis, m, n);
    let mut factor = MatMut::from_column_major_slice_mut(&mut factor, block, size);
    panels::qr(whole.as_mut(), factor.as_mut(), crew, stack)?;
    for (i, row) in r.chunks_exact_mut(n).enumerate() {
        for (j, x) in row.iter_mut().enumerate() {
            *x = if i > j { T::default() } else { basis[j * m + i] };
        }
    }
    if let Some((_, back)) = scale {
        r.iter_mut().for_each(|x| *x = x.scaled(back));
    }
    let (mut vectors, stack) = zeros::<T>(stack, m * columns);
    for i in 0..columns {
        vectors[i * m + i] = T::near(1.0);
    }
    let basis = MatRef::from_column_major_slice(&basis[..m * size], m, size);
    let to = MatMut::from_column_major_slice_mut(&mut vectors, m, columns);
    panels::reflect(basis, factor.as_ref(), to, crew, stack)?;
    transpose(&vectors, m, q, |x| x);
    Ok(())
}
