//! LU decomposition with partial pivoting, and what rests on it: solving, inverses, determinants.
//!
//! A row-major matrix is, as columns, its transpose. The transpose is decomposed where that is enough, and
//! nothing is transposed then.

use super::field::Field;
use super::room::{Room, bytes, numbers, take, transpose, zeros};
use super::{Fault, small};
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::lu::partial_pivoting as lu;
use faer::perm::PermRef;
use faer::{MatMut, MatRef, Par};

fn factor_room<T: Field>(m: usize, n: usize) -> StackReq {
    let factor = lu::factor::lu_in_place_scratch::<usize, T>(m, n, Par::Seq, Default::default());
    StackReq::all_of(&[numbers::<T>(m * n), numbers::<usize>(m), numbers::<usize>(m), factor])
}

/// Decomposes `factors`, m×n in columns, in place, and hands it on with its permutation of rows and how many have
/// changed places.
fn factor<T: Field, R>(
    (m, n): (usize, usize),
    factors: &mut [T],
    stack: &mut MemStack,
    next: impl FnOnce(MatRef<'_, T>, PermRef<'_, usize>, usize, &mut MemStack) -> R,
) -> R {
    let (mut forward, stack) = take(stack, m, |_| 0usize);
    let (mut back, stack) = take(stack, m, |_| 0usize);
    let mut columns = MatMut::from_column_major_slice_mut(factors, m, n);
    let whole = columns.as_mut();
    let (swaps, perm) = T::lu(whole, &mut forward, &mut back, stack);
    next(columns.as_ref(), perm, swaps, stack)
}

/// The first row whose pivot is zero, as an error.
fn regular<T: Field>(factors: MatRef<'_, T>) -> Result<(), Fault> {
    let zero = <T::Part as Default>::default();
    match (0..factors.nrows()).find(|i| factors[(*i, *i)].size() == zero) {
        Some(at) => Err(Fault::Singular(at)),
        None => Ok(()),
    }
}

/// Bytes for [`solve`].
pub fn solve_room<T: Field>(n: usize, k: usize) -> usize {
    if n <= small::MOST {
        return 0;
    }
    let solve = lu::solve::solve_transpose_in_place_scratch::<usize, T>(n, k, Par::Seq);
    bytes(&[factor_room::<T>(n, n), numbers::<T>(if k > 1 { n * k } else { 0 }), solve])
}

/// Solves `a`·`x` = `b`, with n×n `a` and n×k `b`.
///
/// # Errors
/// `Singular` where a pivot is zero.
pub fn solve<T: Field>(
    a: &[T],
    n: usize,
    b: &[T],
    k: usize,
    x: &mut [T],
    room: Room<'_>,
) -> Result<(), Fault> {
    if n <= small::MOST {
        let mut rows = [T::default(); small::MOST * small::MOST];
        rows[..n * n].copy_from_slice(a);
        x.copy_from_slice(b);
        return small::eliminate(n, &mut rows, x, k).map(|_| ());
    }
    let stack = MemStack::new(room);
    let (mut factors, stack) = take(stack, n * n, |i| a[i]);
    factor((n, n), &mut factors, stack, |f, perm, _, stack| {
        regular(f)?;
        if k == 1 {
            x.copy_from_slice(b);
            let x = MatMut::from_column_major_slice_mut(x, n, 1);
            T::lu_solve_transpose(f, perm, x, stack);
            return Ok(());
        }
        let (mut columns, stack) = zeros::<T>(stack, n * k);
        transpose(b, k, &mut columns, |x| x);
        let right = MatMut::from_column_major_slice_mut(&mut columns, n, k);
        T::lu_solve_transpose(f, perm, right, stack);
        transpose(&columns, n, x, |x| x);
        Ok(())
    })
}

/// Bytes for [`inverse`].
pub fn inverse_room<T: Field>(n: usize) -> usize {
    if n <= small::MOST {
        return 0;
    }
    bytes(&[factor_room::<T>(n, n), lu::inverse::inverse_scratch::<usize, T>(n, Par::Seq)])
}

/// The inverse of n×n `a`.
///
/// # Errors
/// `Singular` where a pivot is zero.
pub fn inverse<T: Field>(a: &[T], n: usize, out: &mut [T], room: Room<'_>) -> Result<(), Fault> {
    if n <= small::MOST {
        let mut rows = [T::default(); small::MOST * small::MOST];
        rows[..n * n].copy_from_slice(a);
        out.fill(T::default());
        (0..n).for_each(|i| out[i * n + i] = T::near(1.0));
        return small::eliminate(n, &mut rows, out, n).map(|_| ());
    }
    let stack = MemStack::new(room);
    let (mut factors, stack) = take(stack, n * n, |i| a[i]);
    factor((n, n), &mut factors, stack, |f, perm, _, stack| {
        regular(f)?;
        let out = MatMut::from_column_major_slice_mut(out, n, n);
        T::lu_inverse(out, f, perm, stack);
        Ok(())
    })
}

/// Bytes for [`decompose`].
pub fn decompose_room<T: Field>(m: usize, n: usize) -> usize {
    bytes(&[factor_room::<T>(m, n)])
}

/// The decomposition of m×n `a`: rows of `a` in the order of `order` are `l`·`u`, with m×r `l` and r×n `u`, r being
/// the smaller of m and n.
pub fn decompose<T: Field>(
    a: &[T],
    (m, n): (usize, usize),
    order: &mut [i64],
    l: &mut [T],
    u: &mut [T],
    room: Room<'_>,
) {
    let r = m.min(n);
    let stack = MemStack::new(room);
    let (mut factors, stack) = zeros::<T>(stack, m * n);
    transpose(a, n, &mut factors, |x| x);
    factor((m, n), &mut factors, stack, |_, perm, _, _| {
        for (to, from) in order.iter_mut().zip(perm.arrays().0) {
            *to = *from as i64;
        }
    });
    // Both lie in the columns of the factors, one below the diagonal and one from it upwards.
    transpose(&factors[..m * r], m, l, |x| x);
    for (i, row) in l.chunks_exact_mut(r).enumerate() {
        for (j, x) in row.iter_mut().enumerate().skip(i) {
            *x = if i == j { T::near(1.0) } else { T::default() };
        }
    }
    for (i, row) in u.chunks_exact_mut(n).enumerate() {
        for (j, x) in row.iter_mut().enumerate() {
            *x = if j < i { T::default() } else { factors[j * m + i] };
        }
    }
}

/// Bytes for [`determinant`].
pub fn determinant_room<T: Field>(n: usize) -> usize {
    if n <= small::MOST { 0 } else { bytes(&[factor_room::<T>(n, n)]) }
}

/// The determinant of n×n `a` as a number of absolute value 1 and the logarithm of the absolute value: 0 and
/// minus infinity of a singular matrix. And as one number, which may overflow where these do not.
pub fn determinant<T: Field>(a: &[T], n: usize, room: Room<'_>) -> (T, f64, T) {
    let pivots = |at: &dyn Fn(usize) -> T, swaps: usize| {
        let mut whole = T::near(if swaps % 2 == 1 { -1.0 } else { 1.0 });
        let (mut sign, mut log) = (whole, 0.0);
        for i in 0..n {
            let pivot = at(i);
            let size = pivot.size();
            whole *= pivot;
            if size == <T::Part as Default>::default() {
                return (T::default(), f64::NEG_INFINITY, T::default());
            }
            sign *= pivot.over(T::of(size));
            log += Into::<f64>::into(size).ln();
        }
        (sign, log, whole)
    };
    if n <= small::MOST {
        let mut rows = [T::default(); small::MOST * small::MOST];
        rows[..n * n].copy_from_slice(a);
        return match small::triangle(n, &mut rows, &mut [], 0) {
            Ok(swaps) => pivots(&|i| rows[i * n + i], swaps),
            Err(_) => (T::default(), f64::NEG_INFINITY, T::default()),
        };
    }
    let stack = MemStack::new(room);
    let (mut factors, stack) = take(stack, n * n, |i| a[i]);
    factor((n, n), &mut factors, stack, |f, _, swaps, _| {
        if regular(f).is_err() {
            return (T::default(), f64::NEG_INFINITY, T::default());
        }
        pivots(&|i| f[(i, i)], swaps)
    })
}
