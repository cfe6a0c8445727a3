//! LU decomposition with partial pivoting, and what rests on it: solving, inverses, determinants.
//!
//! A row-major matrix is, as columns, its transpose. The transpose is decomposed where that is enough, and
//! nothing is transposed then.

use super::crew::Crew;
use super::field::Field;
use super::library::Side;
use super::room::{Room, bytes, numbers, take, transpose, zeros};
use super::{Fault, elimination, panels, small};
use faer::dyn_stack::{DynArray, MemStack, StackReq};
use faer::{Conj, MatMut, MatRef};

fn factor_room<T: Field>(m: usize, n: usize) -> StackReq {
    StackReq::all_of(&[numbers::<T>(m * n), numbers::<usize>(m.min(n)), panels::lu_room::<T>(m, n)])
}

/// What is decomposed: `write` fills factors with the matrix, in columns, and may be asked to do so again.
struct Matrix<'a, T> {
    dims: (usize, usize),
    write: &'a dyn Fn(&mut [T]),
    /// Whether factors of a singular one are of no use.
    regular: bool,
}

/// Decomposes a matrix in `factors`, and hands it on with the changes of rows: see [`panels::lu`].
fn factor<T: Field, R>(
    matrix: Matrix<'_, T>,
    factors: &mut [T],
    crew: Crew<'_>,
    stack: &mut MemStack,
    next: impl FnOnce(MatRef<'_, T>, &[usize], &mut MemStack) -> Result<R, Fault>,
) -> Result<R, Fault> {
    let (m, n) = matrix.dims;
    let (mut swaps, stack) = take(stack, m.min(n), |_| 0usize);
    (matrix.write)(factors);
    panels::lu(MatMut::from_column_major_slice_mut(factors, m, n), &mut swaps, crew, stack)?;
    if elimination::is_spoilt(MatRef::from_column_major_slice(factors, m, n), matrix.regular) {
        (matrix.write)(factors);
        elimination::lu(MatMut::from_column_major_slice_mut(factors, m, n), &mut swaps, crew)?;
    }
    next(MatRef::from_column_major_slice(factors, m, n), &swaps, stack)
}

/// [`factor`] of n×n `a`, of which only a regular one is of use. What is decomposed is the transpose.
fn factor_square<T: Field, R>(
    a: &[T],
    n: usize,
    crew: Crew<'_>,
    stack: &mut MemStack,
    next: impl FnOnce(MatRef<'_, T>, &[usize], &mut MemStack) -> Result<R, Fault>,
) -> Result<R, Fault> {
    let (mut factors, stack) = zeros::<T>(stack, n * n);
    let write = |to: &mut [T]| to.copy_from_slice(a);
    factor(Matrix { dims: (n, n), write: &write, regular: true }, &mut factors, crew, stack, next)
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
    bytes(&[factor_room::<T>(n, n), numbers::<T>(if k > 1 { n * k } else { 0 })])
}

/// Solves `a`·`x` = `b`, with n×n `a` and n×k `b`.
///
/// # Errors
/// `Singular` where a pivot is zero; `Stopped`.
pub fn solve<T: Field>(
    a: &[T],
    n: usize,
    b: &[T],
    k: usize,
    x: &mut [T],
    room: Room<'_>,
    crew: Crew<'_>,
) -> Result<(), Fault> {
    if n <= small::MOST {
        let mut rows = [T::default(); small::MOST * small::MOST];
        rows[..n * n].copy_from_slice(a);
        x.copy_from_slice(b);
        return small::eliminate(n, &mut rows, x, k).map(|_| ());
    }
    let stack = MemStack::new(room);
    factor_square(a, n, crew, stack, |f, swaps, stack| {
        regular(f)?;
        // The transpose was decomposed, so u comes first.
        let first = (f.transpose(), Conj::No, Side { lower: true, unit: false });
        let then = (f.transpose(), Conj::No, Side { lower: false, unit: true });
        let back = |x: MatMut<'_, T>| panels::swap_back(x, swaps);
        if k == 1 {
            x.copy_from_slice(b);
            let x = MatMut::from_column_major_slice_mut(x, n, 1);
            return panels::solve(&[first, then], x, crew, &back);
        }
        let (mut columns, _) = zeros::<T>(stack, n * k);
        transpose(b, k, &mut columns, |x| x);
        let right = MatMut::from_column_major_slice_mut(&mut columns, n, k);
        panels::solve(&[first, then], right, crew, &back)?;
        transpose(&columns, n, x, |x| x);
        Ok(())
    })
}

/// Bytes for [`inverse`].
pub fn inverse_room<T: Field>(n: usize) -> usize {
    if n <= small::MOST {
        return 0;
    }
    bytes(&[factor_room::<T>(n, n), numbers::<T>(n * n), numbers::<usize>(n)])
}

/// The inverse of n×n `a`.
///
/// # Errors
/// `Singular` where a pivot is zero; `Stopped`.
pub fn inverse<T: Field>(
    a: &[T],
    n: usize,
    out: &mut [T],
    room: Room<'_>,
    crew: Crew<'_>,
) -> Result<(), Fault> {
    if n <= small::MOST {
        let mut rows = [T::default(); small::MOST * small::MOST];
        rows[..n * n].copy_from_slice(a);
        out.fill(T::default());
        (0..n).for_each(|i| out[i * n + i] = T::near(1.0));
        return small::eliminate(n, &mut rows, out, n).map(|_| ());
    }
    let stack = MemStack::new(room);
    factor_square(a, n, crew, stack, |f, swaps, stack| {
        regular(f)?;
        let (mut columns, stack) = zeros::<T>(stack, n * n);
        panels::inverse(f, MatMut::from_column_major_slice_mut(&mut columns, n, n), crew)?;
        let (order, _) = order_of(swaps, n, stack);
        for (column, to) in columns.chunks_exact(n).zip(order.iter()) {
            out[to * n..(to + 1) * n].copy_from_slice(column);
        }
        Ok(())
    })
}

/// Which row lies where after changes.
fn order_of<'s>(
    swaps: &[usize],
    m: usize,
    stack: &'s mut MemStack,
) -> (DynArray<'s, usize>, &'s mut MemStack) {
    let (mut order, stack) = take(stack, m, |i| i);
    swaps.iter().enumerate().for_each(|(i, with)| order.swap(i, *with));
    (order, stack)
}

/// Bytes for [`decompose`].
pub fn decompose_room<T: Field>(m: usize, n: usize) -> usize {
    bytes(&[factor_room::<T>(m, n), numbers::<usize>(m)])
}

/// The decomposition of m×n `a`: rows of `a` in the order of `order` are `l`·`u`, with m×r `l` and r×n `u`, r being
/// the smaller of m and n.
///
/// # Errors
/// `Stopped`.
pub fn decompose<T: Field>(
    a: &[T],
    (m, n): (usize, usize),
    order: &mut [i64],
    l: &mut [T],
    u: &mut [T],
    room: Room<'_>,
    crew: Crew<'_>,
) -> Result<(), Fault> {
    let r = m.min(n);
    let stack = MemStack::new(room);
    let (mut factors, stack) = zeros::<T>(stack, m * n);
    let write = |to: &mut [T]| transpose(a, n, to, |x| x);
    let matrix = Matrix { dims: (m, n), write: &write, regular: false };
    factor(matrix, &mut factors, crew, stack, |_, swaps, stack| {
        order.iter_mut().zip(order_of(swaps, m, stack).0.iter()).for_each(|(to, from)| *to = *from as i64);
        Ok(())
    })?;
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
    Ok(())
}

/// Bytes for [`determinant`].
pub fn determinant_room<T: Field>(n: usize) -> usize {
    if n <= small::MOST { 0 } else { bytes(&[factor_room::<T>(n, n)]) }
}

/// The product of pivots, with a sign. Where it is no normal number on the way, exponents are kept beside it.
fn product<T: Field>(sign: T, n: usize, at: &dyn Fn(usize) -> T) -> T {
    let size = |x: T| Into::<f64>::into(x.size());
    let is_normal = |x: T| x.finite() && size(x) >= T::least().into();
    let mut plain = (sign, true);
    for i in 0..n {
        plain.0 *= at(i);
        plain.1 &= is_normal(plain.0);
    }
    if plain.1 || !(0..n).all(|i| at(i).finite()) {
        return plain.0;
    }
    let (mut whole, mut exponent) = (sign, 0);
    for i in 0..n {
        let (pivot, of_pivot) = parted(at(i));
        let (both, of_both) = parted(whole * pivot);
        (whole, exponent) = (both, exponent + of_pivot + of_both);
    }
    whole.shifted(exponent)
}

/// A finite number but 0 as one whose larger part is between 1 and 2, and the power of two that it is times that.
fn parted<T: Field>(x: T) -> (T, i64) {
    let most: f64 = f64::max(x.re().size().into(), x.im().size().into());
    let exponent = most.log2().floor() as i64;
    (x.shifted(-exponent), exponent)
}

/// The determinant of n×n `a` as a number of absolute value 1 and the logarithm of the absolute value: 0 and
/// minus infinity of a singular matrix. And as one number, which may overflow where these do not.
///
/// # Errors
/// `Stopped`.
pub fn determinant<T: Field>(
    a: &[T],
    n: usize,
    room: Room<'_>,
    crew: Crew<'_>,
) -> Result<(T, f64, T), Fault> {
    let pivots = |at: &dyn Fn(usize) -> T, swaps: usize| {
        let start = T::near(if swaps % 2 == 1 { -1.0 } else { 1.0 });
        let (mut sign, mut log) = (start, 0.0);
        for i in 0..n {
            let pivot = at(i);
            let size = pivot.size();
            if size == <T::Part as Default>::default() {
                return (T::default(), f64::NEG_INFINITY, T::default());
            }
            sign *= pivot.over(T::of(size));
            log += Into::<f64>::into(size).ln();
        }
        (sign, log, product(start, n, at))
    };
    if n <= small::MOST {
        let mut rows = [T::default(); small::MOST * small::MOST];
        rows[..n * n].copy_from_slice(a);
        return Ok(match small::triangle(n, &mut rows, &mut [], 0) {
            Ok(swaps) => pivots(&|i| rows[i * n + i], swaps),
            Err(_) => (T::default(), f64::NEG_INFINITY, T::default()),
        });
    }
    let stack = MemStack::new(room);
    factor_square(a, n, crew, stack, |f, swaps, _| {
        if regular(f).is_err() {
            return Ok((T::default(), f64::NEG_INFINITY, T::default()));
        }
        Ok(pivots(&|i| f[(i, i)], swaps.iter().enumerate().filter(|(i, with)| i != *with).count()))
    })
}
