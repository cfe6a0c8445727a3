//! Derivatives of periodic functions by their Fourier series.
//!
//! Each number of the transform is multiplied by `(2 pi i k / period)` to the order of the derivative. The middle frequency of
//! an even number of samples has no sign, so odd derivatives have none of it.
//!
//! ```
//! use nbc_numerics::fft::derivative::Frequencies;
//! let f = Frequencies::new(4, 1, std::f64::consts::TAU);
//! assert_eq!((0..4).map(|k| f.factor(k).im).collect::<Vec<_>>(), [0.0, 1.0, 0.0, -1.0]);
//! ```

use super::form::{Form, padded};
use super::plan::{DIRECT, Float};
use super::plans::Plans;
use super::real::{Pairs, half};
use num_complex::Complex;
use std::f64::consts::TAU;

/// What the frequencies of `n` samples are multiplied by.
#[derive(Clone, Copy, Debug)]
pub struct Frequencies {
    n: usize,
    order: u32,
    /// Of frequency 1, with its period.
    unit: f64,
}

impl Frequencies {
    /// Of a derivative of that order, of functions with that period.
    #[must_use]
    pub fn new(n: usize, order: u32, period: f64) -> Frequencies {
        Frequencies { n, order, unit: TAU / period }
    }

    /// The factor of number `k` of the transform, over the number of samples.
    #[inline]
    #[must_use]
    pub fn scaled(&self, k: usize) -> Complex<f64> {
        self.factor(k) / self.n as f64
    }

    /// The factor of number `k` of the transform.
    #[inline]
    #[must_use]
    pub fn factor(&self, k: usize) -> Complex<f64> {
        if 2 * k == self.n && self.order % 2 == 1 {
            return Complex::default();
        }
        // Of large orders an even one stays even.
        let most = i32::MAX as u32 - 1 + self.order % 2;
        let signed = if 2 * k > self.n { -((self.n - k) as f64) } else { k as f64 };
        let power = (signed * self.unit).powi(self.order.min(most) as i32);
        match self.order % 4 {
            0 => Complex::new(power, 0.0),
            1 => Complex::new(0.0, power),
            2 => Complex::new(-power, 0.0),
            _ => Complex::new(0.0, -power),
        }
    }
}

/// The factors of the first numbers of a transform, over the number of samples.
#[derive(Clone, Debug)]
struct Factors<T> {
    of: Frequencies,
    /// None of a long line: these are worked out one by one.
    table: Vec<Complex<T>>,
}

impl<T: Float> Factors<T> {
    fn new(of: Frequencies, count: usize) -> Factors<T> {
        let count = if of.n <= DIRECT { count } else { 0 };
        Factors { of, table: (0..count).map(|k| T::complex(of.scaled(k))).collect() }
    }

    #[inline(always)]
    fn at(&self, k: usize) -> Complex<T> {
        self.table.get(k).copied().unwrap_or_else(|| T::complex(self.of.scaled(k)))
    }
}

/// The derivative of complex samples.
#[derive(Clone, Debug)]
pub struct OfComplex<T> {
    factors: Factors<T>,
}

impl<T: Float> OfComplex<T> {
    /// By those factors.
    #[must_use]
    pub fn new(frequencies: Frequencies) -> OfComplex<T> {
        OfComplex { factors: Factors::new(frequencies, frequencies.n) }
    }
}

impl<T: Float> Form for OfComplex<T> {
    type Part = T;
    type From = Complex<T>;
    type To = Complex<T>;
    const HAS_MIDDLE: bool = true;
    const IS_GATHERED: bool = true;
    const IS_SCATTERED: bool = true;

    fn complex_len(&self) -> usize {
        self.factors.of.n
    }

    fn given_len(&self) -> usize {
        self.factors.of.n
    }

    fn is_inverse(&self) -> bool {
        false
    }

    fn before(&self, x: &[Complex<T>], first: usize, z: &mut [Complex<T>]) {
        padded(x, first, z);
    }

    fn middle(&self, z: &[Complex<T>], first: usize, to: &mut [Complex<T>]) {
        for (k, to) in (first..).zip(to) {
            *to = z[k] * self.factors.at(k);
        }
    }

    fn after(&self, z: &[Complex<T>], first: usize, y: &mut [Complex<T>]) {
        padded(z, first, y);
    }
}

/// The derivative of real samples.
#[derive(Clone, Debug)]
pub struct OfReal<T> {
    factors: Factors<T>,
    pairs: Pairs<T>,
}

impl<T: Float> OfReal<T> {
    /// By those factors.
    #[must_use]
    pub fn new(plans: &Plans, frequencies: Frequencies) -> OfReal<T> {
        let factors = Factors::new(frequencies, half(frequencies.n));
        OfReal { factors, pairs: Pairs::new(plans, frequencies.n) }
    }
}

impl<T: Float> Form for OfReal<T> {
    type Part = T;
    type From = T;
    type To = T;
    const HAS_MIDDLE: bool = true;

    fn complex_len(&self) -> usize {
        self.pairs.len()
    }

    fn given_len(&self) -> usize {
        self.factors.of.n
    }

    fn is_inverse(&self) -> bool {
        false
    }

    fn before(&self, x: &[T], first: usize, z: &mut [Complex<T>]) {
        self.pairs.pack(first, z, |j| x[j]);
    }

    fn middle(&self, z: &[Complex<T>], first: usize, to: &mut [Complex<T>]) {
        let x = |k: usize| self.pairs.spectrum(z, k) * self.factors.at(k);
        for (k, to) in (first..).zip(to) {
            *to = self.pairs.of_spectrum(k, x);
        }
    }

    fn after(&self, z: &[Complex<T>], first: usize, y: &mut [T]) {
        for (j, y) in (first..).zip(y) {
            *y = self.pairs.unpack(z, j);
        }
    }
}
