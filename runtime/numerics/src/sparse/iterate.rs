//! Systems of equations by iteration: conjugate gradients, BiCGSTAB and restarted GMRES.
//!
//! The matrix is only asked for products with vectors and the preconditioner for an approximate solution
//! ([`System`]). Conjugate gradients and BiCGSTAB do not know where their vectors are: what is computed with them [`Vectors`] do,
//! here slices at a [`Pace`]. Iterations begin with zero and end where the residual is as small as wanted, relative to the right-hand
//! side. With a number that is not finite they end at once.
//!
//! Invariant: the residual in [`Ended`] is that of the solution, computed from it. What an iteration keeps by adding up
//! drifts away from it. So where that is small enough the true one is looked at, and if it is not, the method begins anew
//! from there. The right-hand side is scaled by a power of two, and the solution back, as squares of what is
//! very small or large are none. That changes no other digit.
//!
//! ```
//! use nbc_numerics::sparse::Pace;
//! use nbc_numerics::sparse::iterate::{How, Step, System, cg, vectors};
//! struct Two;
//! impl System<[f64], ()> for Two {
//!     fn begin(&mut self, _: Step) -> Result<(), ()> {
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
//! let mut ask = || Ok(());
//! let ended = cg(&mut Two, &mut Pace::new(&mut ask), &[1.0, 2.0], 1e-12, 10, &mut x, vectors(&mut room, 2))?;
//! assert_eq!((ended.how, ended.iterations), (How::Converged, 2));
//! assert!((x[0] - 1.0 / 11.0).abs() < 1e-12 && (x[1] - 7.0 / 11.0).abs() < 1e-12);
//! # Ok::<(), ()>(())
//! ```

use super::vector::{Change, Vectors, clear, dot, norm, update};
use super::{Field, Pace};

/// What an iteration is going to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// An iteration.
    Iteration,
    /// The residual of a solution: a product, and a few operations on vectors.
    Residual,
    /// To add up the solution of GMRES: the preconditioner, and a few operations on vectors.
    Solution,
}

/// A matrix and what makes its solution easier. `V` is a vector.
pub trait System<V: ?Sized, E> {
    /// Is told before each step.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn begin(&mut self, step: Step) -> Result<(), E>;
    /// Writes the product of the matrix and `x`.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn apply(&mut self, x: &V, out: &mut V) -> Result<(), E>;
    /// Writes about the solution for `x`.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn precondition(&mut self, x: &V, out: &mut V) -> Result<(), E>;
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
    /// The residual falls no more where the method begins anew.
    Stalled,
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

/// Splits `room` into vectors of `n` elements.
///
/// # Panics
/// When it is shorter.
pub fn vectors<T, const N: usize>(room: &mut [T], n: usize) -> [&mut [T]; N] {
    let mut rest = room;
    std::array::from_fn(|_| {
        let (first, others) = std::mem::take(&mut rest).split_at_mut(n);
        rest = others;
        first
    })
}

/// The right-hand side.
struct Right<'b, T, V: ?Sized> {
    b: &'b V,
    /// What it is multiplied by.
    scale: T,
    /// Its norm then.
    size: f64,
}

impl<'b, T: Field, V: ?Sized> Right<'b, T, V> {
    /// Of `b`, which it writes into `r` as it is scaled.
    fn new<E>(
        b: &'b V,
        r: &mut V,
        vectors: &mut impl Vectors<T, E, Vector = V>,
    ) -> Result<Right<'b, T, V>, E> {
        let exponent = ((vectors.greatest(b)?.to_bits() >> 52) & 0x7ff) as i32 - 1023;
        let scale = T::real(two_to((-exponent).clamp(-T::REACH, T::REACH)));
        vectors.change(r, b, Change::Scaled(scale))?;
        Ok(Right { b, scale, size: vectors.norm(r)? })
    }

    /// What is known before the first iteration: that there is nothing to do, or nothing to be done.
    fn at_once(&self, tolerance: f64) -> Option<Ended> {
        let ended = |how, residual| Some(Ended { how, iterations: 0, residual });
        match self.size {
            0.0 => ended(How::Converged, 0.0),
            size if !size.is_finite() => ended(How::NotFinite, f64::NAN),
            _ if tolerance >= 1.0 => ended(How::Converged, 1.0),
            _ => None,
        }
    }

    /// Writes the residual of `x` into `r`; its norm, relative to this one's.
    fn residual<E>(
        &self,
        system: &mut impl System<V, E>,
        x: &V,
        (r, work): (&mut V, &mut V),
        vectors: &mut impl Vectors<T, E, Vector = V>,
    ) -> Result<f64, E> {
        system.begin(Step::Residual)?;
        system.apply(x, work)?;
        vectors.change(r, self.b, Change::Scaled(self.scale))?;
        vectors.change(r, work, Change::Less)?;
        Ok(vectors.norm(r)? / self.size)
    }

    /// What an iteration came to that has not converged, with the true residual, for which there is room.
    fn failed<E>(
        &self,
        mut ended: Ended,
        system: &mut impl System<V, E>,
        x: &V,
        room: (&mut V, &mut V),
        vectors: &mut impl Vectors<T, E, Vector = V>,
    ) -> Result<Ended, E> {
        if ended.iterations > 0 {
            ended.residual = self.residual(system, x, room, vectors)?;
        }
        Ok(ended)
    }

    /// Scales the solution back.
    fn done<E>(
        &self,
        mut ended: Ended,
        x: &mut V,
        vectors: &mut impl Vectors<T, E, Vector = V>,
    ) -> Result<Ended, E> {
        let is_finite = vectors.scale(x, T::ONE.over(self.scale))?;
        if !is_finite && ended.how == How::Converged {
            ended.how = How::NotFinite;
        }
        Ok(ended)
    }
}

/// A power of two that has all its digits.
fn two_to(power: i32) -> f64 {
    f64::from_bits(((power + 1023) as u64) << 52)
}

/// NaN is not.
fn is_positive(x: f64) -> bool {
    x > 0.0
}

/// Conjugate gradients, for a matrix that is its own conjugate transpose and positive definite; so must the
/// preconditioner be. `x` and `room` are zero.
///
/// # Errors
/// Where it is not to go on.
pub fn cg<T: Field, E, V: Vectors<T, E>>(
    system: &mut impl System<V::Vector, E>,
    vectors: &mut V,
    b: &V::Vector,
    tolerance: f64,
    most: usize,
    x: &mut V::Vector,
    room: [&mut V::Vector; 4],
) -> Result<Ended, E> {
    let [r, z, p, q] = room;
    let right = Right::new(b, r, vectors)?;
    if let Some(ended) = right.at_once(tolerance) {
        return Ok(ended);
    }
    let (mut reached, mut product, mut is_new) = (f64::INFINITY, T::ONE, true);
    let mut iterations = 0;
    let (how, residual) = loop {
        if iterations == most {
            break (How::Exhausted, 1.0);
        }
        system.begin(Step::Iteration)?;
        iterations += 1;
        system.precondition(r, z)?;
        let before = product;
        product = vectors.dot(r, z)?;
        if !is_positive(product.re()) {
            break (if product.is_finite() { How::NotPositive } else { How::NotFinite }, 1.0);
        }
        let beta = if is_new { T::ZERO } else { product.over(before) };
        is_new = false;
        vectors.change(p, z, Change::Onto(beta))?;
        system.apply(p, q)?;
        let curvature = vectors.dot(p, q)?;
        if !is_positive(curvature.re()) {
            break (if curvature.is_finite() { How::NotPositive } else { How::NotFinite }, 1.0);
        }
        let alpha = product.over(curvature);
        vectors.change(x, p, Change::Plus(alpha))?;
        vectors.change(r, q, Change::Minus(alpha))?;
        let residual = vectors.norm(r)? / right.size;
        if !residual.is_finite() {
            break (How::NotFinite, residual);
        }
        if residual <= tolerance {
            let residual = right.residual(system, x, (&mut *r, &mut *q), vectors)?;
            match how_it_is(residual, tolerance, reached) {
                Some(how) => break (how, residual),
                None => (reached, is_new) = (residual, true),
            }
        }
    };
    let mut ended = Ended { how, iterations, residual };
    if !matches!(how, How::Converged | How::Stalled) {
        ended = right.failed(ended, system, x, (r, q), vectors)?;
    }
    right.done(ended, x, vectors)
}

/// Whether the true residual is an end, where it was `reached` the last time that it was looked at.
fn how_it_is(residual: f64, tolerance: f64, reached: f64) -> Option<How> {
    match residual {
        r if r <= tolerance => Some(How::Converged),
        r if !r.is_finite() => Some(How::NotFinite),
        r if r >= reached => Some(How::Stalled),
        _ => None,
    }
}

/// BiCGSTAB, for any square matrix. `x` and `room` are zero.
///
/// # Errors
/// Where it is not to go on.
pub fn bicgstab<T: Field, E, V: Vectors<T, E>>(
    system: &mut impl System<V::Vector, E>,
    vectors: &mut V,
    b: &V::Vector,
    tolerance: f64,
    most: usize,
    x: &mut V::Vector,
    room: [&mut V::Vector; 8],
) -> Result<Ended, E> {
    let [r, shadow, p, v, t, easy, s, _] = room;
    let right = Right::new(b, r, vectors)?;
    if let Some(ended) = right.at_once(tolerance) {
        return Ok(ended);
    }
    let (mut reached, mut is_new) = (f64::INFINITY, true);
    let (mut rho, mut alpha, mut omega) = (T::ONE, T::ONE, T::ONE);
    let mut iterations = 0;
    let (how, residual) = loop {
        if iterations == most {
            break (How::Exhausted, 1.0);
        }
        let divisor = |v: T| if v.is_finite() { How::Breakdown } else { How::NotFinite };
        system.begin(Step::Iteration)?;
        iterations += 1;
        if is_new {
            vectors.change(shadow, r, Change::Copy)?;
        }
        let before = rho;
        rho = vectors.dot(shadow, r)?;
        if rho == T::ZERO || !rho.is_finite() {
            break (divisor(rho), 1.0);
        }
        if is_new {
            vectors.change(p, r, Change::Copy)?;
        } else {
            let beta = rho.over(before) * alpha.over(omega);
            vectors.change(p, v, Change::Minus(omega))?;
            vectors.change(p, r, Change::Onto(beta))?;
        }
        is_new = false;
        system.precondition(p, easy)?;
        system.apply(easy, v)?;
        let along = vectors.dot(shadow, v)?;
        if along == T::ZERO || !along.is_finite() {
            break (divisor(along), 1.0);
        }
        alpha = rho.over(along);
        vectors.change(x, easy, Change::Plus(alpha))?;
        vectors.change(r, v, Change::Minus(alpha))?;
        if vectors.norm(r)? / right.size <= tolerance {
            let residual = right.residual(system, x, (&mut *r, &mut *t), vectors)?;
            match how_it_is(residual, tolerance, reached) {
                Some(how) => break (how, residual),
                None => (reached, is_new) = (residual, true),
            }
            continue;
        }
        system.precondition(r, s)?;
        system.apply(s, t)?;
        let length = vectors.dot(t, t)?;
        if length == T::ZERO || !length.is_finite() {
            break (divisor(length), 1.0);
        }
        omega = vectors.dot(t, r)?.over(length);
        vectors.change(x, s, Change::Plus(omega))?;
        vectors.change(r, t, Change::Minus(omega))?;
        let residual = vectors.norm(r)? / right.size;
        if !residual.is_finite() {
            break (How::NotFinite, residual);
        }
        if residual <= tolerance {
            let residual = right.residual(system, x, (&mut *r, &mut *t), vectors)?;
            match how_it_is(residual, tolerance, reached) {
                Some(how) => break (how, residual),
                None => (reached, is_new) = (residual, true),
            }
        } else if omega == T::ZERO {
            break (How::Breakdown, residual);
        }
    };
    let mut ended = Ended { how, iterations, residual };
    if !matches!(how, How::Converged | How::Stalled) {
        ended = right.failed(ended, system, x, (r, t), vectors)?;
    }
    right.done(ended, x, vectors)
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
    system: &mut impl System<[T], E>,
    b: &[T],
    (tolerance, most, restart): (f64, usize, usize),
    (x, room, numbers): (&mut [T], &mut [T], &mut [T]),
    ask: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Ended, E> {
    let n = b.len();
    let pace = &mut Pace::new(ask);
    let (basis, two) = room.split_at_mut((restart + 1) * n);
    let [easy, work] = vectors(two, n);
    let right = Right::new(b, work, pace)?;
    let size = right.size;
    if let Some(ended) = right.at_once(tolerance) {
        return Ok(ended);
    }
    // Columns of the Hessenberg matrix, rotations and the right-hand side of the small system.
    let (columns, small) = numbers.split_at_mut((restart + 1) * restart);
    let [cosines, sines, g] = vectors(small, restart + 1);
    let (mut iterations, mut reached) = (0, f64::INFINITY);
    loop {
        // The true residual begins the basis.
        let first = &mut basis[..n];
        let residual = right.residual(system, x, (&mut *first, &mut *work), pace)?;
        let length = norm(first, pace)?;
        let how = match residual {
            r if r <= tolerance => Some(How::Converged),
            r if !r.is_finite() => Some(How::NotFinite),
            _ if iterations >= most => Some(How::Exhausted),
            // From here on nothing would change but the last digits.
            r if r >= reached => Some(How::Stalled),
            _ => None,
        };
        reached = residual;
        if let Some(how) = how {
            return right.done(Ended { how, iterations, residual }, x, pace);
        }
        let over = T::real(length);
        update(first, &*easy, |v, _| v.over(over), pace)?;
        clear(g, pace)?;
        g[0] = over;
        let mut used = 0;
        let mut is_exact = false;
        while used < restart && iterations < most && !is_exact {
            system.begin(Step::Iteration)?;
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
            pace.step(used - i)?;
            let mut sum = g[i];
            for j in i + 1..used {
                sum = sum - columns[j * (restart + 1) + i] * g[j];
            }
            let pivot = columns[i * (restart + 1) + i];
            g[i] = if pivot == T::ZERO { T::ZERO } else { sum.over(pivot) };
        }
        system.begin(Step::Solution)?;
        clear(work, pace)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A dense matrix by rows.
    struct Dense(Vec<f64>);

    impl System<[f64], ()> for Dense {
        fn begin(&mut self, _: Step) -> Result<(), ()> {
            Ok(())
        }

        fn apply(&mut self, x: &[f64], out: &mut [f64]) -> Result<(), ()> {
            for (out, row) in out.iter_mut().zip(self.0.chunks_exact(x.len())) {
                *out = row.iter().zip(x).map(|(a, x)| a * x).sum();
            }
            Ok(())
        }

        fn precondition(&mut self, x: &[f64], out: &mut [f64]) -> Result<(), ()> {
            out.copy_from_slice(x);
            Ok(())
        }
    }

    type Solve = fn(&mut Dense, &[f64], f64, usize, &mut [f64]) -> Ended;
    const METHODS: [Solve; 3] = [
        |a, b, tolerance, most, x| {
            let mut room = vec![0.0; 4 * b.len()];
            let (room, mut ask) = (vectors(&mut room, b.len()), || Ok(()));
            cg(a, &mut Pace::new(&mut ask), b, tolerance, most, x, room).unwrap()
        },
        |a, b, tolerance, most, x| {
            let mut room = vec![0.0; 8 * b.len()];
            let (room, mut ask) = (vectors(&mut room, b.len()), || Ok(()));
            bicgstab(a, &mut Pace::new(&mut ask), b, tolerance, most, x, room).unwrap()
        },
        |a, b, tolerance, most, x| {
            let (restart, ask) = (20, &mut || Ok(()));
            let (mut room, mut numbers) = (vec![0.0; 23 * b.len()], vec![0.0; numbers_of_gmres(restart)]);
            gmres(a, b, (tolerance, most, restart), (x, &mut room, &mut numbers), ask).unwrap()
        },
    ];

    /// Numbers from -1 to 1.
    fn numbers(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        }
    }

    #[test]
    fn what_is_said_of_the_residual_is_so() {
        let mut trapped = 0;
        for seed in 0..60 {
            let mut next = numbers(seed);
            let n = 20 + (seed as usize * 7) % 60;
            // Far from normal: what the residual is thought to be drifts from what it is.
            let mut element = |i: usize, j: usize| match i.cmp(&j) {
                std::cmp::Ordering::Less => 1.3 * next(),
                std::cmp::Ordering::Equal => 1.6 + 1.4 * next(),
                std::cmp::Ordering::Greater => 0.0,
            };
            let upper: Vec<f64> = (0..n * n).map(|at| element(at / n, at % n)).collect();
            let square = |at: usize| {
                let (i, j) = (at / n, at % n);
                (0..n).map(|k| upper[i * n + k] * upper[j * n + k]).sum::<f64>()
            };
            let b: Vec<f64> = (0..n).map(|_| next()).collect();
            let matrices = [(0..n * n).map(square).collect(), upper.clone(), upper.clone()];
            for (solve, a) in METHODS.into_iter().zip(matrices) {
                let (mut a, mut x, mut product) = (Dense(a), vec![0.0; n], vec![0.0; n]);
                let ended = solve(&mut a, &b, 1e-10, 2000, &mut x);
                a.apply(&x, &mut product).unwrap();
                let norm = |of: &mut dyn Iterator<Item = f64>| of.map(|v| v * v).sum::<f64>().sqrt();
                let residual =
                    norm(&mut b.iter().zip(&product).map(|(b, p)| b - p)) / norm(&mut b.iter().copied());
                assert!(
                    (residual - ended.residual).abs() <= 1e-9 * residual,
                    "{seed}: {ended:?}, not {residual}"
                );
                assert!(ended.how != How::Converged || residual <= 1e-10 * (1.0 + 1e-9), "{seed}: {ended:?}");
                trapped += usize::from(ended.how != How::Converged);
            }
        }
        assert!((1..170).contains(&trapped), "{trapped}");
    }

    #[test]
    fn the_size_of_the_right_side_changes_only_that_of_the_solution() {
        let matrix = || Dense(vec![4.0, 1.0, 0.0, 1.0, 3.0, -1.0, 0.0, -1.0, 2.0]);
        for solve in METHODS {
            let (mut usual, b) = ([0.0; 3], [1.0, -2.0, 0.75]);
            let ended = solve(&mut matrix(), &b, 1e-12, 50, &mut usual);
            assert_eq!(ended.how, How::Converged);
            for scale in [2f64.powi(-900), 2f64.powi(-565), 2f64.powi(3), 2f64.powi(600), 2f64.powi(1000)] {
                let mut x = [0.0; 3];
                assert_eq!(solve(&mut matrix(), &b.map(|b| b * scale), 1e-12, 50, &mut x), ended);
                assert_eq!(x, usual.map(|x| x * scale), "{scale:e}");
            }
            let mut x = [0.0; 3];
            // The smallest number that there is: the solution is not one.
            assert_eq!(solve(&mut matrix(), &[5e-324; 3], 1e-12, 50, &mut x).how, How::Converged);
            let mut x = [0.0; 1];
            assert_eq!(solve(&mut Dense(vec![1e-10]), &[1e300], 1e-12, 50, &mut x).how, How::NotFinite);
            let mut x = [0.0; 3];
            let ended = solve(&mut matrix(), &b, 1.0, 0, &mut x);
            assert_eq!((ended.how, ended.iterations, x), (How::Converged, 0, [0.0; 3]));
        }
    }
}
