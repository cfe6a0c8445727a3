//! QR decomposition by Householder reflections.
//!
//! Matrices whose elements are very large or small are scaled first, as for singular values.

use super::field::Field;
use super::room::{Room, bytes, numbers, transpose, zeros};
use super::svd::scale;
use faer::dyn_stack::MemStack;
use faer::linalg::householder;
use faer::linalg::qr::no_pivoting::factor as qr;
use faer::{MatMut, MatRef, Par};

fn block<T: Field>(m: usize, n: usize) -> usize {
    qr::recommended_block_size::<T>(m, n).clamp(1, m.min(n))
}

/// Bytes for [`decompose`], the result `q` having so many columns.
pub fn decompose_room<T: Field>(m: usize, n: usize, columns: usize) -> usize {
    let block = block::<T>(m, n);
    let factor = qr::qr_in_place_scratch::<T>(m, n, block, Par::Seq, Default::default());
    let apply = householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<T>;
    let either = factor.or(numbers::<T>(m * columns).and(apply(m, block, columns)));
    bytes(&[numbers::<T>(m * n), numbers::<T>(block * m.min(n)), either])
}

/// The decomposition `a` = `q`·`r` of m×n `a`, neither m nor n being 0. As many columns of `q` and rows of `r` are
/// written as `r` has rows: the smaller of m and n, or m.
pub fn decompose<T: Field>(a: &[T], (m, n): (usize, usize), q: &mut [T], r: &mut [T], room: Room<'_>) {
    let (size, columns, block) = (m.min(n), q.len() / m, block::<T>(m, n));
    let (mut basis, stack) = zeros::<T>(MemStack::new(room), m * n);
    let (mut factor, stack) = zeros::<T>(stack, block * size);
    let scale = scale(a);
    match scale {
        Some((by, _)) => transpose(a, n, &mut basis, |x| x.scaled(by)),
        None => transpose(a, n, &mut basis, |x| x),
    }
    let mut whole = MatMut::from_column_major_slice_mut(&mut basis, m, n);
    let mut factor = MatMut::from_column_major_slice_mut(&mut factor, block, size);
    T::qr(whole.as_mut(), factor.as_mut(), stack);
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
    T::reflect(basis, factor.as_ref(), to, stack);
    transpose(&vectors, m, q, |x| x);
}
