//! What iterations do with vectors.
//!
//! Invariant: a product is added up in blocks of the same length and lanes of the same number, wherever it runs.

use super::{Field, Pace};

/// Elements of a block.
const BLOCK: usize = 1 << 12;
/// Sums that are made at once.
const LANES: usize = 8;

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
