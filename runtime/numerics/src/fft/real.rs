//! Transforms of real numbers, and back.
//!
//! Of an even number of them, each two neighbours are one complex number, and the transform is half as long. Its result is taken
//! apart into those of the even and of the odd places: `X[k] = E[k] + w^k O[k]`.
//!
//! ```
//! use nbc_numerics::fft::real::Forward;
//! use nbc_numerics::fft::{Complex, Form, Plans};
//! let form = Forward::<f64>::new(&Plans::default(), 2, 1.0);
//! let mut z = [Complex::default()];
//! form.before(&[1.0, 3.0], 0, &mut z);
//! let mut y = [Complex::default(); 2];
//! form.after(&z, 0, &mut y);
//! assert_eq!(y.map(|y| y.re), [4.0, -2.0]);
//! ```

use super::form::{Form, times_i};
use super::plan::Float;
use super::plans::Plans;
use super::roots::Roots;
use num_complex::Complex;
use std::sync::Arc;

/// How many numbers a real transform has: those that are not conjugates of others.
#[must_use]
pub fn half(n: usize) -> usize {
    n / 2 + 1
}

/// The complex line that stands for `n` real numbers.
#[derive(Clone, Debug)]
pub(super) struct Pairs<T> {
    pub(super) n: usize,
    /// The roots of order n up to its half; none where n is odd.
    roots: Option<Arc<Roots<T>>>,
}

impl<T: Float> Pairs<T> {
    pub(super) fn new(plans: &Plans, n: usize) -> Pairs<T> {
        let roots = n.is_multiple_of(2).then(|| plans.roots(n as u64, half(n)));
        Pairs { n, roots }
    }

    /// Its length.
    pub(super) fn len(&self) -> usize {
        if self.roots.is_some() { self.n / 2 } else { self.n }
    }

    /// Writes it for the numbers that `x` says.
    #[inline(always)]
    pub(super) fn pack(&self, first: usize, z: &mut [Complex<T>], x: impl Fn(usize) -> T) {
        for (k, z) in (first..).zip(z) {
            *z = match self.roots {
                Some(_) => Complex::new(x(2 * k), x(2 * k + 1)),
                None => Complex::new(x(k), T::zero()),
            };
        }
    }

    /// The real number in place `j` of a transformed line.
    #[inline(always)]
    pub(super) fn unpack(&self, z: &[Complex<T>], j: usize) -> T {
        match self.roots {
            Some(_) if j.is_multiple_of(2) => z[j / 2].re,
            Some(_) => z[j / 2].im,
            None => z[j].re,
        }
    }

    /// Number `k` of the real numbers' transform, up to the half, by that of the line.
    #[inline(always)]
    pub(super) fn spectrum(&self, z: &[Complex<T>], k: usize) -> Complex<T> {
        let Some(roots) = &self.roots else { return z[k] };
        let h = self.n / 2;
        spectrum_of(z[if k == h { 0 } else { k }], z[if k == 0 { 0 } else { h - k }], roots.at(k))
    }

    /// Number `k` of the line whose inverse transform is real, `x` being the first half of it.
    #[inline(always)]
    pub(super) fn of_spectrum(&self, k: usize, x: impl Fn(usize) -> Complex<T>) -> Complex<T> {
        let real = |z: Complex<T>| Complex::new(z.re, T::zero());
        let Some(roots) = &self.roots else {
            return match k {
                0 => real(x(0)),
                _ if k < half(self.n) => x(k),
                _ => x(self.n - k).conj(),
            };
        };
        let (a, b) = (x(k), x(self.n / 2 - k));
        let (a, b) = if k == 0 { (real(a), real(b)) } else { (a, b) };
        line_of(a, b, roots.at(k))
    }

    /// Writes numbers from `first` on. Each but the first and the last of an even length is `made` of two of `z` and
    /// its root; the rest is by `other`.
    ///
    /// Number `k` is of `z[k]` and `z[h - k]`: two runs, one of them backwards, without a question for each.
    #[inline(always)]
    fn by_pairs(
        &self,
        z: &[Complex<T>],
        first: usize,
        to: &mut [Complex<T>],
        made: impl Fn(Complex<T>, Complex<T>, Complex<T>) -> Complex<T>,
        other: impl Fn(usize) -> Complex<T>,
    ) {
        let (h, end) = (self.n / 2, first + to.len());
        // What is given may be cut off.
        let has_pairs = self.roots.is_some() && z.len() >= h;
        let mut k = if has_pairs { first.max(1).min(end) } else { end };
        let last = end.min(h).max(k);
        for j in (first..k).chain(last..end) {
            to[j - first] = other(j);
        }
        let Some(roots) = &self.roots else { return };
        while k < last {
            let (low, high) = roots.stretch(k, last - k);
            let n = low.len();
            let (a, b) = (&z[k..k + n], &z[h + 1 - k - n..=h - k]);
            let numbers = to[k - first..][..n].iter_mut().zip(a).zip(b.iter().rev()).zip(low);
            match high {
                None => numbers.for_each(|(((to, a), b), root)| *to = made(*a, *b, *root)),
                Some(high) => numbers.for_each(|(((to, a), b), root)| *to = made(*a, *b, high * root)),
            }
            k += n;
        }
    }
}

/// A number of the real numbers' transform by the two of the line that it is of, and its root.
#[inline(always)]
fn spectrum_of<T: Float>(a: Complex<T>, b: Complex<T>, root: Complex<T>) -> Complex<T> {
    let (half, b) = (T::of(0.5), b.conj());
    let (even, odd) = ((a + b) * half, (a - b) * half);
    even - times_i(odd) * root
}

/// The way back, twice as large.
#[inline(always)]
fn line_of<T: Float>(a: Complex<T>, b: Complex<T>, root: Complex<T>) -> Complex<T> {
    let b = b.conj();
    (a + b) + times_i((a - b) * root.conj())
}

/// Of real numbers, the first half of the transform.
#[derive(Clone, Debug)]
pub struct Forward<T> {
    pairs: Pairs<T>,
    scale: T,
}

impl<T: Float> Forward<T> {
    /// Of so many numbers, the result multiplied by `scale`.
    #[must_use]
    pub fn new(plans: &Plans, n: usize, scale: f64) -> Forward<T> {
        Forward { pairs: Pairs::new(plans, n), scale: T::of(scale) }
    }
}

impl<T: Float> Form for Forward<T> {
    type Part = T;
    type From = T;
    type To = Complex<T>;
    const IS_PAIRED: bool = true;

    fn complex_len(&self) -> usize {
        self.pairs.len()
    }

    fn given_len(&self) -> usize {
        self.pairs.n
    }

    fn is_inverse(&self) -> bool {
        false
    }

    fn before(&self, x: &[T], first: usize, z: &mut [Complex<T>]) {
        let x = &x[..x.len().min(self.pairs.n)];
        if self.pairs.roots.is_some() && x.len() >= 2 * (first + z.len()) {
            // The common case, without asking for each whether it is there.
            let two = x[2 * first..].as_chunks::<2>().0;
            z.iter_mut().zip(two).for_each(|(z, two)| *z = Complex::new(two[0], two[1]));
            return;
        }
        self.pairs.pack(first, z, |j| x.get(j).copied().unwrap_or_default());
    }

    fn after(&self, z: &[Complex<T>], first: usize, y: &mut [Complex<T>]) {
        let other = |k| self.pairs.spectrum(z, k) * self.scale;
        self.pairs.by_pairs(z, first, y, |a, b, root| spectrum_of(a, b, root) * self.scale, other);
    }
}

/// The real numbers of which the first half of the transform is given.
#[derive(Clone, Debug)]
pub struct Inverse<T> {
    pairs: Pairs<T>,
    scale: T,
}

impl<T: Float> Inverse<T> {
    /// So many numbers, multiplied by `scale`.
    #[must_use]
    pub fn new(plans: &Plans, n: usize, scale: f64) -> Inverse<T> {
        Inverse { pairs: Pairs::new(plans, n), scale: T::of(scale) }
    }
}

impl<T: Float> Form for Inverse<T> {
    type Part = T;
    type From = Complex<T>;
    type To = T;

    fn complex_len(&self) -> usize {
        self.pairs.len()
    }

    fn given_len(&self) -> usize {
        half(self.pairs.n)
    }

    fn is_inverse(&self) -> bool {
        true
    }

    fn before(&self, x: &[Complex<T>], first: usize, z: &mut [Complex<T>]) {
        let other = |k| self.pairs.of_spectrum(k, |k| x.get(k).copied().unwrap_or_default());
        self.pairs.by_pairs(x, first, z, line_of, other);
    }

    fn after(&self, z: &[Complex<T>], first: usize, y: &mut [T]) {
        if self.pairs.roots.is_some() && first.is_multiple_of(2) && y.len().is_multiple_of(2) {
            let two = y.as_chunks_mut::<2>().0;
            let scaled = |z: &Complex<T>| [z.re * self.scale, z.im * self.scale];
            return two.iter_mut().zip(&z[first / 2..]).for_each(|(y, z)| *y = scaled(z));
        }
        for (j, y) in (first..).zip(y) {
            *y = self.pairs.unpack(z, j) * self.scale;
        }
    }
}
