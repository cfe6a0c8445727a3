//! Roots of unity, each from the exact fraction of a turn.
//!
//! Up to [`WHOLE`] they are a table. Of more there are two tables of about the square root of as many, and each root is a product.
//! Invariant: an angle is at most an eighth of a turn before its sine and cosine are taken.
//!
//! ```
//! use nbc_numerics::fft::roots::{Roots, root};
//! assert_eq!((root(1, 4).re, root(1, 4).im), (0.0, -1.0));
//! let roots = Roots::<f64>::new(8, 8);
//! assert_eq!(roots.at(3), root(3, 8));
//! ```

use super::plan::Float;
use crate::functions::{Cos, Sin};
use crate::of;
use num_complex::Complex;
use std::f64::consts::FRAC_PI_4;

/// Most roots that are kept one by one.
pub const WHOLE: usize = 1 << 17;

/// `exp(-2 pi i k / n)`, n not being 0.
#[must_use]
pub fn root(k: u64, n: u64) -> Complex<f64> {
    let eighths = (k % n) as u128 * 8;
    let (octant, rest) = (eighths / n as u128, eighths % n as u128);
    // Of odd octants the angle is measured from their end.
    let part = if octant % 2 == 0 { rest } else { n as u128 - rest };
    let angle = FRAC_PI_4 * (part as f64 / n as f64);
    let (c, s) = (of::<Cos, f64>(angle), of::<Sin, f64>(angle));
    let (re, im) = match octant {
        0 => (c, s),
        1 => (s, c),
        2 => (-s, c),
        3 => (-c, s),
        4 => (-c, -s),
        5 => (-s, -c),
        6 => (s, -c),
        _ => (c, -s),
    };
    // Without a zero of the wrong sign.
    Complex::new(re + 0.0, 0.0 - im)
}

/// The first roots of one order.
#[derive(Clone, Debug)]
pub struct Roots<T> {
    low: Vec<Complex<T>>,
    /// Each as many steps on as there are low ones; none where the low ones are all.
    high: Vec<Complex<T>>,
    shift: u32,
}

impl<T: Float> Roots<T> {
    /// `exp(-2 pi i k / n)` for `k` below `count`.
    #[must_use]
    pub fn new(n: u64, count: usize) -> Roots<T> {
        let made = |k: u64| T::complex(root(k, n));
        if count <= WHOLE {
            let low = (0..count as u64).map(made).collect();
            return Roots { low, high: Vec::new(), shift: 0 };
        }
        let shift = count.ilog2() / 2 + 1;
        let low = (0..1u64 << shift).map(made).collect();
        let high = (0..=(count as u64 >> shift)).map(|k| made(k << shift)).collect();
        Roots { low, high, shift }
    }

    /// How many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.low.len() + self.high.len()) * size_of::<Complex<T>>()
    }

    /// Root number `k`, one of the first.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, k: usize) -> Complex<T> {
        if self.high.is_empty() {
            return self.low[k];
        }
        self.high[k >> self.shift] * self.low[k & ((1 << self.shift) - 1)]
    }

    /// Roots from number `k` on, at most so many: those that lie one behind the other, and what each is multiplied by.
    #[inline(always)]
    pub(super) fn stretch(&self, k: usize, most: usize) -> (&[Complex<T>], Option<Complex<T>>) {
        if self.high.is_empty() {
            return (&self.low[k..][..most], None);
        }
        let low = &self.low[k & ((1 << self.shift) - 1)..];
        (&low[..low.len().min(most)], Some(self.high[k >> self.shift]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_all_octants_are_exact_and_symmetric() {
        for n in [1u64, 2, 3, 4, 5, 7, 8, 12, 16, 97, 1 << 20, (1 << 40) + 1] {
            for k in [0, 1, n / 8, n / 4, n / 3, n / 2, 5 * (n / 8), 3 * (n / 4), n - 1, n, n + 1] {
                let z = root(k, n);
                let turns = (k % n) as f64 / n as f64;
                let (s, c) = (-2.0 * std::f64::consts::PI * turns).sin_cos();
                assert!((z.re - c).abs() < 1e-15 && (z.im - s).abs() < 1e-15, "{k} of {n}: {z}");
                assert!((z.norm_sqr() - 1.0).abs() < 4e-16);
            }
        }
        assert_eq!(root(1, 2), Complex::new(-1.0, 0.0));
        assert_eq!(root(3, 4), Complex::new(0.0, 1.0));
        assert_eq!(root(1, 8).re, -root(1, 8).im);
    }

    #[test]
    fn many_roots_are_products_of_two() {
        let n = 3 * WHOLE as u64 + 5;
        let roots = Roots::<f64>::new(n, n as usize);
        assert!(roots.bytes() < 64 << 10);
        for k in (0..n).step_by(997).chain([n - 1]) {
            assert!((roots.at(k as usize) - root(k, n)).norm() < 4e-16, "{k}");
            let (low, high) = roots.stretch(k as usize, 5.min((n - k) as usize));
            for (j, low) in (k as usize..).zip(low) {
                assert_eq!(high.unwrap() * low, roots.at(j));
            }
        }
    }
}
