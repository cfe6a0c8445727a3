//! What iterations do with vectors: of slices here, of whatever a device has where it is a [`Vectors`].
//!
//! Invariant: a product is added up in blocks of the same length and lanes of the same number, wherever it runs.

use super::{Field, Pace};

/// Elements of a block.
pub const BLOCK: usize = 1 << 12;
/// Sums that are made at once.
const LANES: usize = 8;

/// What becomes of an element `y` of a vector, beside `x` at the same place of another.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Change<T> {
    /// `x`.
    Copy,
    /// `x` times that.
    Scaled(T),
    /// `y` and that times `x`.
    Plus(T),
    /// `y` less that times `x`.
    Minus(T),
    /// `x` and that times `y`.
    Onto(T),
    /// `y` less `x`.
    Less,
}

/// What computes with vectors, wherever they are. Errors are that it is not to go on.
pub trait Vectors<T, E> {
    /// A vector.
    type Vector: ?Sized;
    /// The inner product, of the conjugate of the first.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn dot(&mut self, x: &Self::Vector, y: &Self::Vector) -> Result<T, E>;
    /// The Euclidean norm.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn norm(&mut self, x: &Self::Vector) -> Result<f64, E>;
    /// The greatest absolute value, but for NaN.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn greatest(&mut self, x: &Self::Vector) -> Result<f64, E>;
    /// Changes each element of `y`.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn change(&mut self, y: &mut Self::Vector, x: &Self::Vector, how: Change<T>) -> Result<(), E>;
    /// Multiplies each element; whether all are finite then.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn scale(&mut self, x: &mut Self::Vector, by: T) -> Result<bool, E>;
}

impl<T: Field, E> Vectors<T, E> for Pace<'_, E> {
    type Vector = [T];

    fn dot(&mut self, x: &[T], y: &[T]) -> Result<T, E> {
        dot(x, y, self)
    }

    fn norm(&mut self, x: &[T]) -> Result<f64, E> {
        norm(x, self)
    }

    fn greatest(&mut self, x: &[T]) -> Result<f64, E> {
        greatest(x, self)
    }

    fn change(&mut self, y: &mut [T], x: &[T], how: Change<T>) -> Result<(), E> {
        match how {
            Change::Copy => update(y, x, |_, x| x, self),
            Change::Scaled(by) => update(y, x, |_, x| x * by, self),
            Change::Plus(times) => update(y, x, |y, x| y + times * x, self),
            Change::Minus(times) => update(y, x, |y, x| y - times * x, self),
            Change::Onto(times) => update(y, x, |y, x| x + times * y, self),
            Change::Less => update(y, x, |y, x| y - x, self),
        }
    }

    fn scale(&mut self, x: &mut [T], by: T) -> Result<bool, E> {
        let mut is_finite = true;
        for x in x.chunks_mut(BLOCK) {
            self.step(x.len())?;
            for x in x {
                *x = *x * by;
                is_finite &= x.is_finite();
            }
        }
        Ok(is_finite)
    }
}

/// The inner product, of the conjugate of the first.
///
/// # Errors
/// Where it is not to go on.
pub fn dot<T: Field, E>(x: &[T], y: &[T], pace: &mut Pace<'_, E>) -> Result<T, E> {
    let mut sum = T::ZERO;
    for (x, y) in x.chunks(BLOCK).zip(y.chunks(BLOCK)) {
        pace.step(x.len())?;
        let mut lanes = [T::ZERO; LANES];
        let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
        let ends = xs.remainder().iter().zip(ys.remainder());
        for (x, y) in xs.zip(ys) {
            for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
                *lane = *lane + x.conjugate() * *y;
            }
        }
        let of_lanes = lanes.iter().fold(T::ZERO, |sum, lane| sum + *lane);
        sum = sum + ends.fold(of_lanes, |sum, (x, y)| sum + x.conjugate() * *y);
    }
    Ok(sum)
}

/// The Euclidean norm.
///
/// # Errors
/// Where it is not to go on.
pub fn norm<T: Field, E>(x: &[T], pace: &mut Pace<'_, E>) -> Result<f64, E> {
    let mut sum = 0.0;
    for x in x.chunks(BLOCK) {
        pace.step(x.len())?;
        let mut lanes = [0.0; LANES];
        let xs = x.chunks_exact(LANES);
        let ends = xs.remainder();
        for x in xs {
            lanes.iter_mut().zip(x).for_each(|(lane, x)| *lane += x.square());
        }
        sum += ends.iter().fold(lanes.iter().sum::<f64>(), |sum, x| sum + x.square());
    }
    Ok(sum.sqrt())
}

/// The greatest absolute value, but for NaN.
///
/// # Errors
/// Where it is not to go on.
pub fn greatest<T: Field, E>(x: &[T], pace: &mut Pace<'_, E>) -> Result<f64, E> {
    let mut most = 0.0;
    for x in x.chunks(BLOCK) {
        pace.step(x.len())?;
        most = x.iter().map(|x| x.size()).fold(most, |most, size| if size > most { size } else { most });
    }
    Ok(most)
}

/// Makes all elements zero.
///
/// # Errors
/// Where it is not to go on.
pub fn clear<T: Field, E>(x: &mut [T], pace: &mut Pace<'_, E>) -> Result<(), E> {
    for x in x.chunks_mut(BLOCK) {
        pace.step(x.len())?;
        x.fill(T::ZERO);
    }
    Ok(())
}

/// Makes each element of `y` a function of itself and that of `x`.
///
/// # Errors
/// Where it is not to go on.
pub fn update<T: Field, E>(
    y: &mut [T],
    x: &[T],
    of: impl Fn(T, T) -> T,
    pace: &mut Pace<'_, E>,
) -> Result<(), E> {
    for (y, x) in y.chunks_mut(BLOCK).zip(x.chunks(BLOCK)) {
        pace.step(x.len())?;
        y.iter_mut().zip(x).for_each(|(y, x)| *y = of(*y, *x));
    }
    Ok(())
}
