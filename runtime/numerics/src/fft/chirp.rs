//! Long lines of any length, by Bluestein: as a convolution with a chirp.
//!
//! `j·k = (j² + k² - (k - j)²) / 2`. Let w be `exp(-pi i j² / n)`. Then the transform of x is
//! `w[k] · sum over j of (x[j] w[j]) / w[k - j]`.
//! The sum is a convolution, by transforms of a length that can be split.
//!
//! ```
//! use nbc_numerics::fft::{Complex, chirp::Chirp};
//! let chirp = Chirp::<f64>::new(4, 8, false);
//! let mut wave = [Complex::default(); 8];
//! chirp.wave(0, &mut wave);
//! assert_eq!(wave[1], wave[7]);
//! ```

use super::plan::Float;
use super::roots::Roots;
use num_complex::Complex;

/// A transform of `n` numbers as a convolution.
#[derive(Clone, Debug)]
pub struct Chirp<T> {
    n: usize,
    over: usize,
    is_inverse: bool,
    roots: Roots<T>,
}

impl<T: Float> Chirp<T> {
    /// By transforms of length `over`, at least 2n - 1.
    #[must_use]
    pub fn new(n: usize, over: usize, is_inverse: bool) -> Chirp<T> {
        assert!(n > 0 && over + 1 >= 2 * n, "a chirp of {n} numbers in {over}");
        Chirp { n, over, is_inverse, roots: Roots::new(2 * n as u64, 2 * n) }
    }

    /// Number `j` of the chirp.
    #[inline(always)]
    fn at(&self, j: usize) -> Complex<T> {
        let root = self.roots.at((j as u128 * j as u128 % (2 * self.n as u128)) as usize);
        if self.is_inverse { root.conj() } else { root }
    }

    /// What is convolved, from number `first` on.
    pub fn before(&self, x: &[Complex<T>], first: usize, to: &mut [Complex<T>]) {
        for (j, to) in (first..).zip(to) {
            *to = if j < self.n.min(x.len()) { x[j] * self.at(j) } else { Complex::default() };
        }
    }

    /// What it is convolved with, from number `first` on.
    pub fn wave(&self, first: usize, to: &mut [Complex<T>]) {
        for (j, to) in (first..).zip(to) {
            let j = j.min(self.over - j);
            *to = if j < self.n { self.at(j).conj() } else { Complex::default() };
        }
    }

    /// The result from number `first` on, of their convolution times its length.
    pub fn after(&self, sums: &[Complex<T>], scale: T, first: usize, to: &mut [Complex<T>]) {
        let scale = scale / T::of(self.over as f64);
        for (k, to) in (first..).zip(to) {
            *to = sums[k] * self.at(k) * scale;
        }
    }
}
