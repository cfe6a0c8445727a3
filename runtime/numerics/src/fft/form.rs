//! What goes before and behind a complex transform, so that it is one of something else.
//!
//! A form fills a complex line from what is given, and makes the result of the transformed one. Both work on any piece of
//! a line by itself, so that threads can share one. A form with a middle has a second transform, the other way.
//!
//! ```
//! use nbc_numerics::fft::form::{Form, Plain};
//! use nbc_numerics::fft::Complex;
//! let form = Plain { n: 3, is_inverse: false, scale: 2.0 };
//! let (x, mut z) = ([Complex::new(1.0, 0.0)], [Complex::default(); 3]);
//! form.before(&x, 0, &mut z);
//! assert_eq!(z.map(|z| z.re), [1.0, 0.0, 0.0]);
//! form.after(&z, 0, &mut [Complex::default(); 3]);
//! ```

use super::plan::Float;
use num_complex::Complex;

/// A transform along a line, made of a complex one.
pub trait Form: Sync {
    /// What complex numbers are made of.
    type Part: Float;
    /// What is given.
    type From: Copy + Default + Send + Sync;
    /// What is made.
    type To: Copy + Default + Send + Sync;
    /// Whether there is a second transform, the other way.
    const HAS_MIDDLE: bool = false;
    /// Whether what is given is the complex line itself: so it can be gathered without [`Form::before`].
    const IS_GATHERED: bool = false;
    /// Whether the result is the transformed line itself, times [`Form::scale`], without [`Form::after`].
    const IS_SCATTERED: bool = false;

    /// Whether what is given, if it is twice as many real numbers, lies as the complex line does.
    const IS_PAIRED: bool = false;

    /// The length of the complex transform; not 0.
    fn complex_len(&self) -> usize;
    /// How many numbers of what is given count, at most.
    fn given_len(&self) -> usize;
    /// Its direction.
    fn is_inverse(&self) -> bool;
    /// Writes the complex line from number `first` on. Of what is given, numbers that are not there are 0.
    fn before(&self, x: &[Self::From], first: usize, z: &mut [Complex<Self::Part>]);
    /// Writes the line of the second transform from number `first` on, by what the first has made.
    fn middle(&self, _z: &[Complex<Self::Part>], _first: usize, _to: &mut [Complex<Self::Part>]) {}
    /// What the transformed line is multiplied by where it is the result.
    fn scale(&self) -> Self::Part {
        Self::Part::of(1.0)
    }
    /// Writes the result from number `first` on.
    fn after(&self, z: &[Complex<Self::Part>], first: usize, y: &mut [Self::To]);
}

/// The complex transform itself.
#[derive(Clone, Copy, Debug)]
pub struct Plain<T> {
    /// Its length.
    pub n: usize,
    /// Its direction.
    pub is_inverse: bool,
    /// What the result is multiplied by.
    pub scale: T,
}

impl<T: Float> Form for Plain<T> {
    type Part = T;
    type From = Complex<T>;
    type To = Complex<T>;
    const IS_GATHERED: bool = true;
    const IS_SCATTERED: bool = true;

    fn complex_len(&self) -> usize {
        self.n
    }

    fn scale(&self) -> T {
        self.scale
    }

    fn given_len(&self) -> usize {
        self.n
    }

    fn is_inverse(&self) -> bool {
        self.is_inverse
    }

    fn before(&self, x: &[Complex<T>], first: usize, z: &mut [Complex<T>]) {
        padded(x, first, z);
    }

    fn after(&self, z: &[Complex<T>], first: usize, y: &mut [Complex<T>]) {
        for (y, z) in y.iter_mut().zip(&z[first..]) {
            *y = *z * self.scale;
        }
    }
}

/// Copies from number `first` on, and zeros behind the end.
pub fn padded<T: Copy + Default>(x: &[T], first: usize, to: &mut [T]) {
    let there = x.len().saturating_sub(first).min(to.len());
    let (copied, zeros) = to.split_at_mut(there);
    if there > 0 {
        copied.copy_from_slice(&x[first..first + there]);
    }
    zeros.fill(T::default());
}

/// A number times the imaginary unit.
#[inline(always)]
pub(super) fn times_i<T: Float>(z: Complex<T>) -> Complex<T> {
    Complex::new(-z.im, z.re)
}
