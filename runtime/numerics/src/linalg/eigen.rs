//! Eigenvalues and eigenvectors: of Hermitian matrices, and of any.
//!
//! Matrices whose elements are very large or small are scaled first, as for singular values. Of a matrix that
//! has too few eigenvectors the library's may be no numbers; those are made from its Schur decomposition.

use super::Fault;
use super::field::Field;
use super::room::{Room, bytes, numbers, take, transpose, zeros};
use super::schur::schur;
use super::svd::scale;
use faer::dyn_stack::{MemStack, StackReq};
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
    let square = if vectors { n * n } else { 0 };
    let again = StackReq::all_of(&[
        numbers::<T::Whole>(square).array(3),
        numbers::<T::Whole>(n),
        numbers::<bool>(if vectors { n } else { 0 }),
    ]);
    bytes(&[
        numbers::<T>(n * n),
        numbers::<T>(n),
        numbers::<T>(n),
        numbers::<T>(square),
        T::eigen_room(n, vectors).or(again),
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
    let columns_of = MatRef::from_column_major_slice(&matrix, n, n);
    T::eigen(columns_of, &mut re, &mut im, u, stack).map_err(|_| Fault::NoConvergence)?;
    let back = scale.map_or(<T::Part as Field>::near(1.0), |(_, back)| back);
    for (i, value) in values.iter_mut().enumerate() {
        let (x, y) = if T::IS_REAL { (re[i].re(), im[i].re()) } else { (re[i].re(), re[i].im()) };
        *value = T::compose(x * back, y * back);
    }
    let Some(vectors) = vectors else { return Ok(()) };
    let (mut whole, stack) = take(stack, n * n, |i| columns[i].whole());
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
    let are_numbers = whole.chunks_exact_mut(n).fold(true, |all, x| normalise::<T::Whole>(x) & all);
    if !are_numbers {
        let value = |i: usize| match T::IS_REAL {
            true => T::compose(re[i].re(), im[i].re()),
            false => re[i].whole(),
        };
        remake::<T>(&matrix, n, &value, &mut whole, stack)?;
    }
    transpose(&whole, n, vectors, |x| x);
    Ok(())
}

/// The size of the largest element, if the vector has a direction.
fn largest<T: Field>(x: &[T]) -> Option<f64> {
    let most = x.iter().fold(0.0f64, |most, x| {
        let size = Into::<f64>::into(x.size());
        if size > most || size.is_nan() { size } else { most }
    });
    (most > 0.0 && most.is_finite()).then_some(most)
}

/// Makes a vector's length 1, and says whether that could be.
fn normalise<T: Field>(x: &mut [T]) -> bool {
    let Some(most) = largest(x) else { return false };
    let sum: f64 = x.iter().map(|x| (Into::<f64>::into(x.size()) / most).powi(2)).sum();
    let length = T::near(sum.sqrt() * most);
    x.iter_mut().for_each(|x| *x = x.over(length));
    true
}

/// Makes those eigenvectors of n×n `matrix`, both in columns, that are no numbers. They are those of its Schur
/// decomposition's triangle, by substitution that is scaled on the way, turned back.
///
/// # Errors
/// `NoConvergence`.
fn remake<T: Field>(
    matrix: &[T],
    n: usize,
    value: &dyn Fn(usize) -> T::Whole,
    vectors: &mut [T::Whole],
    stack: &mut MemStack,
) -> Result<(), Fault> {
    let size = |x: T::Whole| Into::<f64>::into(x.size());
    let (mut t, stack) = take(stack, n * n, |i| matrix[i % n * n + i / n].whole());
    let (mut q, stack) = zeros::<T::Whole>(stack, n * n);
    let (mut y, stack) = zeros::<T::Whole>(stack, n);
    let (mut is_taken, _) = take(stack, n, |_| false);
    schur::<T::Whole>(&mut t, &mut q, n, &|| Ok(()))?;
    let norm = t.iter().fold(0.0f64, |most, x| most.max(size(*x)));
    let spacing: f64 = T::spacing().into();
    let least = <T::Part as Field>::near((norm * spacing).max(T::least().into()));
    let zero = <T::Part as Default>::default();
    for at in 0..n {
        let w = value(at);
        // Which place on the diagonal is meant: each once, so that equal ones have a vector each.
        let gap = |i: usize| size(t[i * n + i] - w);
        let free = (0..n).filter(|i| !is_taken[*i]);
        let place = free.min_by(|i, j| gap(*i).total_cmp(&gap(*j))).unwrap_or(0);
        is_taken[place] = true;
        let column = &mut vectors[at * n..(at + 1) * n];
        if largest(column).is_some() {
            continue;
        }
        substitute::<T::Whole>(&t, n, (w, place), least, &mut y);
        for (i, to) in column.iter_mut().enumerate() {
            let row = q[i * n..i * n + place + 1].iter().zip(y.iter());
            *to = row.fold(<T::Whole as Default>::default(), |sum, (q, y)| sum + *q * *y);
        }
        if T::IS_REAL && w.im() == zero {
            // That of a real eigenvalue is real but for a factor, by which its largest element becomes so.
            let first = column.iter().copied().max_by(|x, y| size(*x).total_cmp(&size(*y)));
            let turn = first.map_or(w, |x| x.conjugate().over(T::Whole::of(x.size())));
            column.iter_mut().for_each(|x| *x = T::Whole::of((*x * turn).re()));
        }
        normalise::<T::Whole>(column);
    }
    Ok(())
}

/// The eigenvector `y` of upper triangular `t`, for the eigenvalue `w` at a place of its diagonal: up to that place,
/// and not of any length. What is divided by has at least the size `least`.
fn substitute<W: Field>(t: &[W], n: usize, (w, place): (W, usize), least: W::Part, y: &mut [W]) {
    let most = if size_of::<W::Part>() == 4 { 2f64.powi(40) } else { 2f64.powi(300) };
    y.fill(W::default());
    y[place] = W::near(1.0);
    for i in (0..place).rev() {
        let row = t[i * n + i + 1..i * n + place + 1].iter().zip(&y[i + 1..=place]);
        let sum = row.fold(W::default(), |sum, (t, y)| sum + *t * *y);
        let gap = t[i * n + i] - w;
        y[i] = (-sum).over(if gap.size() < least { W::of(least) } else { gap });
        if Into::<f64>::into(y[i].size()) > most {
            let by = W::near(1.0).over(W::of(y[i].size()));
            y[i..=place].iter_mut().for_each(|y| *y *= by);
        }
    }
}
