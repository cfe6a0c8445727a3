//! Systems of equations by iteration: conjugate gradients, BiCGSTAB and restarted GMRES.
//!
//! The matrix is only asked for products with vectors and the preconditioner for an approximate solution
//! ([`System`]). Iterations begin with zero and end where the residual is as small as wanted, relative to the right-hand
//! side. With a number that is not finite they end at once.
//!
//! ```
//! use nbc_numerics::sparse::iterate::{How, System, cg};
//! struct Two;
//! impl System<f64, ()> for Two {
//!     fn begin(&mut self) -> Result<(), ()> {
//!         Ok(())
//!     }
//!     fn apply(&mut self, x: &[f64], out: &mut [f64]) -> Result<(), ()> {
//!         out.copy_from_slice(&[4.0 * x[0] + x[1], x[0] + 3.0 * x[1]]);
//!         Ok(())
//!     }
//!     fn precondition(&mut self, x: &[f64], out: &mut [f64]) -> Result<(), ()> {
//!         out.copy_from_slice(x);
//!         Ok(())
//!     }
//! }
//! let (mut x, mut room) = ([0.0; 2], [0.0; 8]);
//! let ended = cg(&mut Two, &[1.0, 2.0], 1e-12, 10, (&mut x, &mut room), &mut || Ok(()))?;
//! assert_eq!((ended.how, ended.iterations), (How::Converged, 2));
//! assert!((x[0] - 1.0 / 11.0).abs() < 1e-12 && (x[1] - 7.0 / 11.0).abs() < 1e-12);
//! # Ok::<(), ()>(())
//! ```

use super::vector::{dot, norm, update};
use super::{Field, Pace};

/// A matrix and what makes its solution easier.
pub trait System<T, E> {
    /// Is told before each iteration.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn begin(&mut self) -> Result<(), E>;
    /// Writes the product of the matrix and `x`.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn apply(&mut self, x: &[T], out: &mut [T]) -> Result<(), E>;
    /// Writes about the solution for `x`.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn precondition(&mut self, x: &[T], out: &mut [T]) -> Result<(), E>;
}

/// How an iteration has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// The residual is as small as wanted.
    Converged,
    /// It is not after as many iterations as allowed.
    Exhausted,
    /// A product of a vector, the matrix and the vector is not positive.
    NotPositive,
    /// A divisor is zero before the residual is small.
    Breakdown,
    /// There is a number that is not finite.
    NotFinite,
}

/// What an iteration came to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ended {
    /// How it has ended.
    pub how: How,
    /// How many iterations were begun.
    pub iterations: usize,
    /// Norm of the residual by that of the right-hand side.
    pub residual: f64,
}

/// Splits `room` into vectors.
fn vectors<T, const N: usize>(room: &mut [T], n: usize) -> [&mut [T]; N] {
    let mut rest = room;
    std::array::from_fn(|_| {
        let (first, others) = std::mem::take(&mut rest).split_at_mut(n);
        rest = others;
        first
    })
}

/// What is known before the first iteration: that there is nothing to do, or nothing to be done.
fn at_once(size: f64, iterations: usize) -> Option<Ended> {
    match size {
        0.0 => Some(Ended { how: How::Converged, iterations, residual: 0.0 }),
        size if !size.is_finite() => Some(Ended { how: How::NotFinite, iterations, residual: f64::NAN }),
        _ => None,
    }
}

/// NaN is not.
fn is_positive(x: f64) -> bool {
    x > 0.0
}

/// Conjugate gradients, for a matrix that is its own conjugate transpose and positive definite; so must the
/// preconditioner be. `x` is zero; the room is four vectors.
///
/// # Errors
/// Where it is not to go on.
pub fn cg<T: Field, E>(
    system: &mut impl System<T, E>,
    b: &[T],
    tolerance: f64,
    most: usize,
    (x, room): (&mut [T], &mut [T]),
    ask: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Ended, E> {
    let pace = &mut Pace::new(ask);
    let [r, z, p, q] = vectors(room, b.len());
    let size = norm(b, pace)?;
    if let Some(ended) = at_once(size, 0) {
        return Ok(ended);
    }
    let (mut residual, mut product) = (1.0, T::ONE);
    update(r, b, |_, b| b, pace)?;
    for iteration in 0..most {
        let ended = |how, residual| Ok(Ended { how, iterations: iteration + 1, residual });
        system.begin()?;
        system.precondition(r, z)?;
        let before = product;
        product = dot(r, z, pace)?;
        if !is_positive(product.re()) {
            return ended(if product.is_finite() { How::NotPositive } else { How::NotFinite }, residual);
        }
        let beta = if iteration == 0 { T::ZERO } else { product.over(before) };
        update(p, z, |p, z| z + beta * p, pace)?;
        system.apply(p, q)?;
        let curvature = dot(p, q, pace)?;
        if !is_positive(curvature.re()) {
            return ended(if curvature.is_finite() { How::NotPositive } else { How::NotFinite }, residual);
        }
        let alpha = product.over(curvature);
        update(x, p, |x, p| x + alpha * p, pace)?;
        update(r, q, |r, q| r - alpha * q, pace)?;
        residual = norm(r, pace)? / size;
        if residual <= tolerance {
            return ended(How::Converged, residual);
        }
        if !residual.is_finite() {
            return ended(How::NotFinite, residual);
        }
    }
    Ok(Ended { how: How::Exhausted, iterations: most, residual })
}

/// BiCGSTAB, for any square matrix. `x` is zero; the room is eight vectors.
///
/// # Errors
/// Where it is not to go on.
pub fn bicgstab<T: Field, E>(
    system: &mut impl System<T, E>,
    b: &[T],
    tolerance: f64,
    most: usize,
    (x, room): (&mut [T], &mut [T]),
    ask: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Ended, E> {
    let pace = &mut Pace::new(ask);
    let [r, shadow, p, v, t, easy, s, _] = vectors(room, b.len());
    let size = norm(b, pace)?;
    if let Some(ended) = at_once(size, 0) {
        return Ok(ended);
    }
    let mut residual = 1.0;
    let (mut rho, mut alpha, mut omega) = (T::ONE, T::ONE, T::ONE);
    update(r, b, |_, b| b, pace)?;
    update(shadow, b, |_, b| b, pace)?;
    for iteration in 0..most {
        let ended = |how, residual| Ok(Ended { how, iterations: iteration + 1, residual });
        system.begin()?;
        let before = rho;
        rho = dot(shadow, r, pace)?;
        if rho == T::ZERO || !rho.is_finite() {
            return ended(if rho.is_finite() { How::Breakdown } else { How::NotFinite }, residual);
        }
        let beta = rho.over(before) * alpha.over(omega);
        if iteration == 0 {
            update(p, r, |_, r| r, pace)?;
        } else {
            update(p, v, |p, v| p - omega * v, pace)?;
            update(p, r, |p, r| r + beta * p, pace)?;
        }
        system.precondition(p, easy)?;
        system.apply(easy, v)?;
        let along = dot(shadow, v, pace)?;
        if along == T::ZERO || !along.is_finite() {
            return ended(if along.is_finite() { How::Breakdown } else { How::NotFinite }, residual);
        }
        alpha = rho.over(along);
        update(x, easy, |x, e| x + alpha * e, pace)?;
        update(r, v, |r, v| r - alpha * v, pace)?;
        residual = norm(r, pace)? / size;
        if residual <= tolerance {
            return ended(How::Converged, residual);
        }
        system.precondition(r, s)?;
        system.apply(s, t)?;
        let length = dot(t, t, pace)?;
        if length == T::ZERO || !length.is_finite() {
            return ended(if length.is_finite() { How::Breakdown } else { How::NotFinite }, residual);
        }
        omega = dot(t, r, pace)?.over(length);
        update(x, s, |x, s| x + omega * s, pace)?;
        update(r, t, |r, t| r - omega * t, pace)?;
        residual = norm(r, pace)? / size;
        if residual <= tolerance {
            return ended(How::Converged, residual);
        }
        if !residual.is_finite() || omega == T::ZERO {
            return ended(if residual.is_finite() { How::Breakdown } else { How::NotFinite }, residual);
        }
    }
    Ok(Ended { how: How::Exhausted, iterations: most, residual })
}

/// Numbers that [`gmres`] needs besides vectors, when it restarts after `restart` iterations.
pub fn numbers_of_gmres(restart: usize) -> usize {
    (restart + 1) * restart + 3 * (restart + 1)
}

/// GMRES for any square matrix, begun anew after `restart` iterations. `x` is zero; the room is
/// `restart + 3` vectors, and [`numbers_of_gmres`]. It is preconditioned from the right, so residuals are those of the system.
///
/// # Errors
/// Where it is not to go on.
pub fn gmres<T: Field, E>(
    system: &mut impl System<T, E>,
    b: &[T],
    (tolerance, most, restart): (f64, usize, usize),
    (x, room, numbers): (&mut [T], &mut [T], &mut [T]),
    ask: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Ended, E> {
    let n = b.len();
    let pace = &mut Pace::new(ask);
    let size = norm(b, pace)?;
    if let Some(ended) = at_once(size, 0) {
        return Ok(ended);
    }
    let (basis, two) = room.split_at_mut((restart + 1) * n);
    let [easy, work] = vectors(two, n);
    // Columns of the Hessenberg matrix, rotations and the right-hand side of the small system.
    let (columns, small) = numbers.split_at_mut((restart + 1) * restart);
    let [cosines, sines, g] = vectors(small, restart + 1);
    let mut iterations = 0;
    loop {
        // The true residual begins the basis.
        system.apply(x, work)?;
        let first = &mut basis[..n];
        update(first, b, |_, b| b, pace)?;
        update(first, work, |b, ax| b - ax, pace)?;
        let length = norm(first, pace)?;
        let residual = length / size;
        let how = match residual {
            r if r <= tolerance => Some(How::Converged),
            r if !r.is_finite() => Some(How::NotFinite),
            _ if iterations >= most => Some(How::Exhausted),
            _ => None,
        };
        if let Some(how) = how {
            return Ok(Ended { how, iterations, residual });
        }
        let over = T::real(length);
        update(first, &*easy, |v, _| v.over(over), pace)?;
        g.fill(T::ZERO);
        g[0] = over;
        let mut used = 0;
        let mut is_exact = false;
        while used < restart && iterations < most && !is_exact {
            system.begin()?;
            iterations += 1;
            let column = &mut columns[used * (restart + 1)..(used + 1) * (restart + 1)];
            let (known, next) = basis.split_at_mut((used + 1) * n);
            let next = &mut next[..n];
            system.precondition(&known[used * n..], easy)?;
            system.apply(easy, next)?;
            for (v, h) in known.chunks_exact(n).zip(column.iter_mut()) {
                *h = dot(v, next, pace)?;
                let factor = *h;
                update(next, v, |next, v| next - factor * v, pace)?;
            }
            let length = norm(next, pace)?;
            if !length.is_finite() {
                return Ok(Ended { how: How::NotFinite, iterations, residual });
            }
            column[used + 1] = T::real(length);
            if length > 0.0 {
                let over = T::real(length);
                update(next, &*easy, |v, _| v.over(over), pace)?;
            }
            for i in 0..used {
                rotate(column, i, cosines[i], sines[i]);
            }
            (cosines[used], sines[used]) = rotation(column[used], column[used + 1]);
            rotate(column, used, cosines[used], sines[used]);
            rotate(g, used, cosines[used], sines[used]);
            used += 1;
            is_exact = length == 0.0 || g[used].size() / size <= tolerance;
        }
        // Back substitution; what is singular adds nothing.
        for i in (0..used).rev() {
            let mut sum = g[i];
            for j in i + 1..used {
                sum = sum - columns[j * (restart + 1) + i] * g[j];
            }
            let pivot = columns[i * (restart + 1) + i];
            g[i] = if pivot == T::ZERO { T::ZERO } else { sum.over(pivot) };
        }
        work.fill(T::ZERO);
        for (v, y) in basis.chunks_exact(n).zip(&g[..used]) {
            update(work, v, |sum, v| sum + *y * v, pace)?;
        }
        let stalled = used > 0 && g[..used].iter().all(|y| *y == T::ZERO);
        system.precondition(work, easy)?;
        update(x, &*easy, |x, e| x + e, pace)?;
        if stalled {
            return Ok(Ended { how: How::Breakdown, iterations, residual });
        }
    }
}

/// The rotation that makes the second zero.
fn rotation<T: Field>(a: T, b: T) -> (T, T) {
    let (x, y) = (a.size(), b.size());
    let length = (x * x + y * y).sqrt();
    if y == 0.0 || length == 0.0 {
        return (T::ONE, T::ZERO);
    }
    if x == 0.0 {
        return (T::ZERO, b.conjugate().over(T::real(y)));
    }
    (T::real(x / length), a.over(T::real(x)) * b.conjugate().over(T::real(length)))
}

fn rotate<T: Field>(column: &mut [T], at: usize, cosine: T, sine: T) {
    let (a, b) = (column[at], column[at + 1]);
    column[at] = cosine * a + sine * b;
    column[at + 1] = cosine * b - sine.conjugate() * a;
}
