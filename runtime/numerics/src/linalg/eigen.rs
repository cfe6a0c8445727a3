//! Eigenvalues and eigenvectors: of Hermitian matrices, and of any.
//!
//! Matrices whose elements are very large or small are scaled first, as for singular values.

use super::Fault;
use super::field::Field;
use super::room::{Room, bytes, numbers, take, transpose, zeros};
use super::svd::scale;
use faer::dyn_stack::MemStack;
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd_scratch};
use faer::{MatMut, MatRef, Par, diag::DiagMut};

/// Bytes for [`hermitian`].
pub fn hermitian_room<T: Field>(n: usize, vectors: bool) -> usize {
    let which = if vectors { ComputeEigenvectors::Yes } else { ComputeEigenvectors::No };
    bytes(&[
        numbers::<T>(n * n),
        numbers::<T>(n),
        numbers::<T>(if vectors { n * n } else { 0 }),
        self_adjoint_evd_scratch::<T>(n, which, Par::Seq, Default::default()),
    ])
}

/// The eigenvalues of Hermitian n×n `a`, the least first, and where they are asked for its eigenvectors as
/// columns of `vectors`. Of `a` only the lower triangle is looked at.
///
/// # Errors
/// `NoConvergence`.
pub fn hermitian<T: Field>(
    a: &[T],
    n: usize,
    values: &mut [T::Part],
    vectors: Option<&mut [T]>,
    room: Room<'_>,
) -> Result<(), Fault> {
    let scale = scale(a);
    let by = scale.map_or(T::near(1.0), |(by, _)| T::of(by));
    let (mut matrix, stack) = zeros::<T>(MemStack::new(room), n * n);
    for i in 0..n {
        for j in 0..i {
            matrix[j * n + i] = a[i * n + j] * by;
        }
        matrix[i * n + i] = T::of((a[i * n + i] * by).re());
    }
    let (mut all, stack) = zeros::<T>(stack, n);
    let (mut columns, stack) = zeros::<T>(stack, if vectors.is_some() { n * n } else { 0 });
    let u = vectors.is_some().then(|| MatMut::from_column_major_slice_mut(&mut columns, n, n));
    let matrix = MatRef::from_column_major_slice(&matrix, n, n);
    let s = DiagMut::from_slice_mut(&mut all);
    T::hermitian(matrix, s, u, stack).map_err(|_| Fault::NoConvergence)?;
    let back = scale.map_or(T::near(1.0), |(_, back)| T::of(back));
    values.iter_mut().zip(all.iter()).for_each(|(to, s)| *to = (*s * back).re());
    if let Some(vectors) = vectors {
        transpose(&columns, n, vectors, |x| x);
    }
    Ok(())
}

/// Bytes for [`general`].
pub fn general_room<T: Field>(n: usize, vectors: bool) -> usize {
    let columns = numbers::<T>(if vectors { n * n } else { 0 });
    bytes(&[
        numbers::<T>(n * n),
        numbers::<T>(n),
        numbers::<T>(n),
        columns,
        T::eigen_room(n, vectors),
        numbers::<T::Whole>(if vectors { n * n } else { 0 }),
    ])
}

/// The eigenvalues of n×n `a`, and where they are asked for its eigenvectors as columns of `vectors`, of length 1.
/// Conjugate pairs of a real matrix follow each other, the one with positive imaginary part first.
///
/// # Errors
/// `NoConvergence`.
pub fn general<T: Field>(
    a: &[T],
    n: usize,
    values: &mut [T::Whole],
    vectors: Option<&mut [T::Whole]>,
    room: Room<'_>,
) -> Result<(), Fault> {
    let scale = scale(a);
    let by = scale.map_or(T::near(1.0), |(by, _)| T::of(by));
    let (mut matrix, stack) = zeros::<T>(MemStack::new(room), n * n);
    transpose(a, n, &mut matrix, |x| x * by);
    let (mut re, stack) = zeros::<T>(stack, n);
    let (mut im, stack) = zeros::<T>(stack, n);
    let (mut columns, stack) = zeros::<T>(stack, if vectors.is_some() { n * n } else { 0 });
    let u = vectors.is_some().then(|| MatMut::from_column_major_slice_mut(&mut columns, n, n));
    let matrix = MatRef::from_column_major_slice(&matrix, n, n);
    T::eigen(matrix, &mut re, &mut im, u, stack).map_err(|_| Fault::NoConvergence)?;
    let back = scale.map_or(<T::Part as Field>::near(1.0), |(_, back)| back);
    for (i, value) in values.iter_mut().enumerate() {
        let (x, y) = if T::IS_REAL { (re[i].re(), im[i].re()) } else { (re[i].re(), re[i].im()) };
        *value = T::compose(x * back, y * back);
    }
    let Some(vectors) = vectors else { return Ok(()) };
    let (mut whole, _) = take(stack, n * n, |i| columns[i].whole());
    let zero = <T::Part as Default>::default();
    let mut at = 0;
    while at < n {
        let pair = T::IS_REAL && im[at].re() != zero && at + 1 < n;
        if pair {
            for i in 0..n {
                let (x, y) = (columns[at * n + i].re(), columns[(at + 1) * n + i].re());
                whole[at * n + i] = T::compose(x, y);
                whole[(at + 1) * n + i] = T::compose(x, -y);
            }
        }
        at += 1 + pair as usize;
    }
    for column in whole.chunks_exact_mut(n) {
        normalise::<T::Whole>(column);
    }
    transpose(&whole, n, vectors, |x| x);
    Ok(())
}

/// Makes a vector's length 1.
fn normalise<T: Field>(x: &mut [T]) {
    let most = x.iter().fold(0.0f64, |most, x| most.max(x.size().into()));
    if most == 0.0 || !most.is_finite() {
        return;
    }
    let sum: f64 = x.iter().map(|x| (Into::<f64>::into(x.size()) / most).powi(2)).sum();
    let length = T::near(sum.sqrt() * most);
    x.iter_mut().for_each(|x| *x = x.over(length));
}
