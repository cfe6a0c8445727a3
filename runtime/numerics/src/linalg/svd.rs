//! Singular values and vectors, and what rests on them: least squares, pseudo-inverses.
//!
//! What is decomposed is the transpose, which a row-major matrix is as columns. Matrices whose elements
//! are very large or small are scaled by a power of two first, so that no square overflows or vanishes.
//! No matrix here has a dim of 0.

use super::crew::Crew;
use super::field::Field;
use super::room::{Room, bytes, numbers, take, transpose, zeros};
use super::singular_values::of_bidiagonal;
use super::{Fault, panels};
use faer::dyn_stack::{DynArray, MemStack, StackReq};
use faer::linalg::svd::{ComputeSvdVectors as Vectors, bidiag::bidiag_in_place_scratch, svd_scratch};
use faer::{Conj, MatMut, MatRef, Par, diag::DiagMut};

/// The power of two that the largest element is near, where that is too large or small to be worked with.
pub(super) fn exponent<T: Field>(a: &[T]) -> Option<i32> {
    let mut most = 0.0f64;
    for x in a {
        most = most.max(x.re().size().into()).max(x.im().size().into());
    }
    // f32 has exponents to 127 and f64 to 1023: a third of that leaves room for squares of sums.
    let safe = if size_of::<T::Part>() == 4 { 30 } else { 300 };
    let exponent = if most > 0.0 { most.log2().floor() as i32 } else { 0 };
    // Both it and its inverse are numbers then, and none is subnormal.
    let limit = if size_of::<T::Part>() == 4 { 126 } else { 1022 };
    (exponent.abs() > safe).then(|| exponent.clamp(-limit, limit))
}

/// A power of two by which a matrix is multiplied before it is decomposed, and the one that undoes it.
pub(super) fn scale<T: Field>(a: &[T]) -> Option<(T::Part, T::Part)> {
    exponent(a).map(|exponent| (T::Part::near(2f64.powi(-exponent)), T::Part::near(2f64.powi(exponent))))
}

fn parts<T: Field>(m: usize, n: usize, full: bool) -> StackReq {
    let which = if full { Vectors::Full } else { Vectors::Thin };
    let columns = if full { m } else { m.min(n) };
    StackReq::all_of(&[
        numbers::<T>(m * n),
        numbers::<T>(m.min(n)),
        numbers::<T>(m * columns),
        svd_scratch::<T>(n, m, which, which, Par::Seq, Default::default()),
    ])
}

/// Decomposes the transpose of m×n `a`. `right` gets, as columns, the left vectors of the transpose,
/// which is Vᴴ as rows; `next` is handed the singular values, the other vectors, which are conj(U) as columns, and these.
fn of_transpose<T: Field, R>(
    a: &[T],
    (m, n): (usize, usize),
    right: &mut [T],
    full: bool,
    stack: &mut MemStack,
    next: impl FnOnce(&[T], &[T], &[T], &mut MemStack) -> R,
) -> Result<R, Fault> {
    let size = m.min(n);
    let scale = scale(a);
    let (scaled, stack) = take(stack, if scale.is_some() { m * n } else { 0 }, |i| match scale {
        Some((by, _)) => a[i] * T::of(by),
        None => a[i],
    });
    let a = if scale.is_some() { &*scaled } else { a };
    let (mut values, stack) = zeros::<T>(stack, size);
    let columns = if full { m } else { size };
    let (mut left, stack) = zeros::<T>(stack, m * columns);
    let transposed = MatRef::from_column_major_slice(a, n, m);
    let others = right.len() / n;
    let others = MatMut::from_column_major_slice_mut(right, n, others);
    let to = MatMut::from_column_major_slice_mut(&mut left, m, columns);
    let s = DiagMut::from_slice_mut(&mut values);
    T::svd(transposed, s, others, to, stack).map_err(|_| Fault::NoConvergence)?;
    if let Some((_, back)) = scale {
        values.iter_mut().for_each(|s| *s *= T::of(back));
    }
    Ok(next(&values, &left, right, stack))
}

/// A matrix is brought to a triangle first if its longer side is so many times the shorter, or more.
const LONG: f64 = 11.0 / 6.0;

fn is_long(m: usize, n: usize) -> bool {
    m.max(n) as f64 >= LONG * m.min(n) as f64
}

fn parts_of_values<T: Field>(m: usize, n: usize) -> StackReq {
    let (long, size) = (m.max(n), m.min(n));
    let reflected = if is_long(m, n) {
        let factor = numbers::<T>(panels::qr_block::<T>(long, size) * size);
        StackReq::all_of(&[numbers::<T>(size * size), factor, panels::qr_room::<T>(long, size, 0)])
    } else {
        StackReq::EMPTY
    };
    StackReq::all_of(&[
        numbers::<T>(long * size),
        reflected,
        numbers::<T>(2 * size),
        bidiag_in_place_scratch::<T>(long, size, Par::Seq, Default::default()),
        numbers::<f64>(4 * size),
    ])
}

/// Hands `next` the singular values of m×n `a`, the largest first.
fn values_of<T: Field, R>(
    a: &[T],
    (m, n): (usize, usize),
    stack: &mut MemStack,
    next: impl FnOnce(&[f64], f64, &mut MemStack) -> R,
) -> Result<R, Fault> {
    let (long, size) = (m.max(n), m.min(n));
    let scale = scale(a);
    let by = scale.map_or(T::near(1.0), |(by, _)| T::of(by));
    // The longer side is along columns: a row-major matrix has its transpose's columns as rows.
    let (mut columns, stack) = zeros::<T>(stack, long * size);
    if m >= n {
        transpose(a, n, &mut columns, |x| if scale.is_some() { x * by } else { x });
    } else {
        columns.iter_mut().zip(a).for_each(|(to, x)| *to = if scale.is_some() { *x * by } else { *x });
    }
    let (is_long, block) = (is_long(m, n), panels::qr_block::<T>(long, size));
    let (mut square, stack) = zeros::<T>(stack, if is_long { size * size } else { 0 });
    let (mut factor, stack) = zeros::<T>(stack, if is_long { block * size } else { 0 });
    let mut whole = MatMut::from_column_major_slice_mut(&mut columns, long, size);
    if is_long {
        let factor = MatMut::from_column_major_slice_mut(&mut factor, block, size);
        panels::qr(whole.as_mut(), factor, Crew::alone(&|| Ok(())), stack)?;
        for (j, column) in square.chunks_exact_mut(size).enumerate() {
            column[..=j].iter_mut().enumerate().for_each(|(i, x)| *x = whole[(i, j)]);
        }
        whole = MatMut::from_column_major_slice_mut(&mut square, size, size);
    }
    let (mut factors, stack) = zeros::<T>(stack, 2 * size);
    let (left, right) = factors.split_at_mut(size);
    let left = MatMut::from_column_major_slice_mut(left, 1, size);
    let right = MatMut::from_column_major_slice_mut(&mut right[..size - 1], 1, size - 1);
    T::bidiagonal(whole.as_mut(), left, right, stack);
    let (mut numbers, stack) = take(stack, 4 * size, |_| 0.0f64);
    let (diagonal, rest) = numbers.split_at_mut(size);
    let (above, spare) = rest.split_at_mut(size);
    for i in 0..size {
        diagonal[i] = whole[(i, i)].size().into();
        above[i] = if i + 1 < size { whole[(i, i + 1)].size().into() } else { 0.0 };
    }
    of_bidiagonal(diagonal, above, spare)?;
    Ok(next(diagonal, scale.map_or(1.0, |(_, back)| back.into()), stack))
}

/// Bytes for [`values`].
pub fn values_room<T: Field>(m: usize, n: usize) -> usize {
    bytes(&[parts_of_values::<T>(m, n)])
}

/// The singular values of m×n `a`, the largest first.
///
/// # Errors
/// `NoConvergence`.
pub fn values<T: Field>(
    a: &[T],
    dims: (usize, usize),
    s: &mut [T::Part],
    room: Room<'_>,
) -> Result<(), Fault> {
    values_of(a, dims, MemStack::new(room), |values, back, _| {
        s.iter_mut().zip(values).for_each(|(to, s)| *to = T::Part::near(*s * back));
    })
}

/// Bytes for [`of_values`].
pub fn of_values_room<T: Field>(m: usize, n: usize) -> usize {
    let size = m.min(n);
    if size == 0 { 0 } else { bytes(&[parts_of_values::<T>(m, n), numbers::<T::Part>(size)]) }
}

/// What `next` says of the singular values of m×n `a`, the largest first. Here dims may be 0.
///
/// # Errors
/// `NoConvergence`.
pub fn of_values<T: Field, R>(
    a: &[T],
    dims: (usize, usize),
    room: Room<'_>,
    next: impl FnOnce(&[T::Part]) -> R,
) -> Result<R, Fault> {
    if a.is_empty() {
        return Ok(next(&[]));
    }
    values_of(a, dims, MemStack::new(room), |values, back, stack| {
        let (values, _) = take(stack, values.len(), |i| T::Part::near(values[i] * back));
        next(&values)
    })
}

/// Bytes for [`decompose`].
pub fn decompose_room<T: Field>(m: usize, n: usize, full: bool) -> usize {
    bytes(&[parts::<T>(m, n, full)])
}

/// The decomposition `a` = `u`·diag(`s`)·`vh` of m×n `a`, with all of the vectors or as many as there are values.
///
/// # Errors
/// `NoConvergence`.
pub fn decompose<T: Field>(
    a: &[T],
    (m, n): (usize, usize),
    u: &mut [T],
    s: &mut [T::Part],
    vh: &mut [T],
    room: Room<'_>,
) -> Result<(), Fault> {
    let full = u.len() == m * m && vh.len() == n * n;
    of_transpose(a, (m, n), vh, full, MemStack::new(room), |values, left, _, _| {
        s.iter_mut().zip(values).for_each(|(to, s)| *to = s.re());
        transpose(left, m, u, T::conjugate);
    })
}

/// The values below which, as a share of the largest, singular values count as zero: `wanted`, or if that is
/// negative what rounding alone may leave.
fn cutoff<T: Field>((m, n): (usize, usize), wanted: f64, largest: T::Part) -> f64 {
    let spacing: f64 = T::spacing().into();
    let share = if wanted < 0.0 { spacing * m.max(n) as f64 } else { wanted };
    let largest: f64 = largest.into();
    share * largest
}

/// How many of the singular `values` of an m×n matrix are not zero: see [`lstsq`] for `share`.
pub fn rank_of<T: Field>(values: &[T::Part], dims: (usize, usize), share: f64) -> usize {
    let Some(largest) = values.first() else { return 0 };
    let least = cutoff::<T>(dims, share, *largest);
    values.iter().filter(|s| Into::<f64>::into(**s) > least).count()
}

/// Bytes for [`pinv`].
pub fn pinv_room<T: Field>(m: usize, n: usize) -> usize {
    let size = m.min(n);
    bytes(&[numbers::<T>(size * n), parts::<T>(m, n, false), numbers::<T>(size), numbers::<T>(size * m)])
}

/// The pseudo-inverse, n×m, of m×n `a`. Singular values of at most `share` of the largest count as zero; where
/// `share` is negative, those that rounding may have left.
///
/// # Errors
/// `NoConvergence`.
pub fn pinv<T: Field>(
    a: &[T],
    (m, n): (usize, usize),
    share: f64,
    out: &mut [T],
    room: Room<'_>,
) -> Result<(), Fault> {
    let size = m.min(n);
    let (mut vh, stack) = zeros::<T>(MemStack::new(room), size * n);
    of_transpose(a, (m, n), &mut vh, false, stack, |values, left, vh, stack| {
        let (inverses, stack) = inverses((m, n), values, share, stack);
        // conj(U) as columns is Uᴴ as rows.
        let (weighted, _) = take(stack, size * m, |i| left[i] * inverses[i / m]);
        times_v(vh, (n, size), &weighted, m, out);
    })
}

/// The inverses of singular values, or 0 where they count as zero.
fn inverses<'s, T: Field>(
    dims: (usize, usize),
    values: &[T],
    share: f64,
    stack: &'s mut MemStack,
) -> (DynArray<'s, T>, &'s mut MemStack) {
    let least = cutoff::<T>(dims, share, values[0].re());
    take(stack, values.len(), |i| {
        let is_some = Into::<f64>::into(values[i].re()) > least;
        if is_some { T::near(1.0).over(values[i]) } else { T::default() }
    })
}

/// `out` = V·`inner`, V being n×size and its conjugate transpose `vh`, and `inner` having `k` columns.
fn times_v<T: Field>(vh: &[T], (n, size): (usize, usize), inner: &[T], k: usize, out: &mut [T]) {
    let v = MatRef::from_row_major_slice(vh, size, n);
    let inner = MatRef::from_row_major_slice(inner, size, k);
    let out = MatMut::from_row_major_slice_mut(out, n, k);
    T::product(out, (v.transpose(), Conj::Yes), (inner, Conj::No));
}

/// Bytes for [`lstsq`].
pub fn lstsq_room<T: Field>(m: usize, n: usize, k: usize) -> usize {
    let size = m.min(n);
    bytes(&[numbers::<T>(size * n), parts::<T>(m, n, false), numbers::<T>(size), numbers::<T>(size * k)])
}

/// The shortest `x`, n×k, of those for which `a`·`x` - `b` is shortest, with m×n `a` and m×k `b`. The singular
/// values go to `s`; how many are not zero is the result. `share` is as for [`pinv`].
///
/// # Errors
/// `NoConvergence`.
pub fn lstsq<T: Field>(
    a: &[T],
    (m, n): (usize, usize),
    (b, k): (&[T], usize),
    share: f64,
    x: &mut [T],
    s: &mut [T::Part],
    room: Room<'_>,
) -> Result<usize, Fault> {
    let size = m.min(n);
    let (mut vh, stack) = zeros::<T>(MemStack::new(room), size * n);
    of_transpose(a, (m, n), &mut vh, false, stack, |values, left, vh, stack| {
        s.iter_mut().zip(values).for_each(|(to, s)| *to = s.re());
        let (inverses, stack) = inverses((m, n), values, share, stack);
        let (mut inner, _) = zeros::<T>(stack, size * k);
        let uh = MatRef::from_row_major_slice(left, size, m);
        let b = MatRef::from_row_major_slice(b, m, k);
        let to = MatMut::from_row_major_slice_mut(&mut inner, size, k);
        T::product(to, (uh, Conj::No), (b, Conj::No));
        if k > 0 {
            for (row, by) in inner.chunks_exact_mut(k).zip(inverses.iter()) {
                row.iter_mut().for_each(|x| *x *= *by);
            }
        }
        times_v(vh, (n, size), &inner, k, x);
        inverses.iter().filter(|s| **s != T::default()).count()
    })
}
