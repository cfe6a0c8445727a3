//! Transforms into cosines and sines, types I to IV.
//!
//! Type I is the real transform of a line and its mirror image. Type II is the real transform of the line with its
//! even places in order and its odd ones in reverse (Makhoul). Type III goes back. Type IV of an even length is a complex transform of
//! half of it, turned before and behind. Sines are cosines of a line in reverse or with signs in turn.
//! Invariant: nothing is as much as twice as long as the line, but for type IV of an odd length and type I.
//!
//! ```
//! use nbc_numerics::fft::trigonometric::{Kind, Trigonometric, Weights};
//! use nbc_numerics::fft::{Complex, Form, Plans};
//! let form = Trigonometric::<f64>::new(&Plans::default(), Kind::Two, false, 1, Weights::plain(1.0));
//! let (mut z, mut y) = ([Complex::default()], [0.0]);
//! form.before(&[3.0], 0, &mut z);
//! form.after(&z, 0, &mut y);
//! assert_eq!(y, [6.0]);
//! ```

use super::form::{Form, times_i};
use super::plan::Float;
use super::plans::Plans;
use super::real::Pairs;
use super::roots::Roots;
use num_complex::Complex;
use std::sync::Arc;

/// Which type a transform is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Its own inverse; both ends count half.
    One,
    /// The usual one.
    Two,
    /// The inverse of type II.
    Three,
    /// Its own inverse.
    Four,
}

impl Kind {
    /// Type number 1 to 4.
    #[must_use]
    pub fn of_number(number: i64) -> Option<Kind> {
        [Kind::One, Kind::Two, Kind::Three, Kind::Four]
            .into_iter()
            .zip(1..)
            .find(|k| k.1 == number)
            .map(|k| k.0)
    }

    /// The type of the inverse.
    #[must_use]
    pub fn inverse(self) -> Kind {
        match self {
            Kind::Two => Kind::Three,
            Kind::Three => Kind::Two,
            Kind::One | Kind::Four => self,
        }
    }

    /// What a transform and its inverse multiply a line of `n` by: the length of its mirror images together.
    #[must_use]
    pub fn period(self, is_sine: bool, n: usize) -> usize {
        match (self, is_sine) {
            (Kind::One, false) => 2 * n.saturating_sub(1),
            (Kind::One, true) => 2 * n.saturating_add(1),
            _ => 2 * n,
        }
    }
}

/// What numbers are multiplied by.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// All of the result.
    pub scale: f64,
    /// Those at an end before the transform.
    pub ends_before: f64,
    /// Those at an end behind it.
    pub ends_after: f64,
}

impl Weights {
    /// All of the result by the same.
    #[must_use]
    pub fn plain(scale: f64) -> Weights {
        Weights { scale, ends_before: 1.0, ends_after: 1.0 }
    }

    /// So that the transform keeps lengths: its matrix is orthogonal.
    #[must_use]
    pub fn orthogonal(kind: Kind, is_sine: bool, n: usize) -> Weights {
        let scale = 1.0 / (kind.period(is_sine, n) as f64).sqrt();
        let (ends_before, ends_after) = match (kind, is_sine) {
            (Kind::One, false) => (2f64.sqrt(), 0.5f64.sqrt()),
            (Kind::Two, _) => (1.0, 0.5f64.sqrt()),
            (Kind::Three, _) => (2f64.sqrt(), 1.0),
            _ => (1.0, 1.0),
        };
        Weights { scale, ends_before, ends_after }
    }
}

/// The complex line that is transformed.
#[derive(Clone, Debug)]
enum Line<T> {
    /// Of as many real numbers as are meant.
    Real(Pairs<T>, Arc<Roots<T>>),
    /// Half as many complex numbers; the roots of order 2n, and the first of order 8n.
    Half(Arc<Roots<T>>, Complex<T>),
    /// Twice as many complex numbers; the roots of order 8n.
    Twice(Arc<Roots<T>>),
}

/// A transform into cosines or sines.
#[derive(Clone, Debug)]
pub struct Trigonometric<T> {
    kind: Kind,
    is_sine: bool,
    n: usize,
    scale: T,
    ends_before: T,
    ends_after: T,
    line: Line<T>,
}

impl<T: Float> Trigonometric<T> {
    /// Of `n` numbers, at least 1; 2 for cosines of type I.
    #[must_use]
    pub fn new(plans: &Plans, kind: Kind, is_sine: bool, n: usize, weights: Weights) -> Trigonometric<T> {
        let line = match kind {
            Kind::One => Line::Real(Pairs::new(plans, kind.period(is_sine, n)), plans.roots(1, 1)),
            Kind::Two | Kind::Three => Line::Real(Pairs::new(plans, n), plans.roots(4 * n as u64, n)),
            Kind::Four if n.is_multiple_of(2) => {
                let first = super::roots::root(1, 8 * n as u64);
                Line::Half(plans.roots(2 * n as u64, n / 2), T::complex(first))
            }
            Kind::Four => Line::Twice(plans.roots(8 * n as u64, 2 * n)),
        };
        Trigonometric {
            kind,
            is_sine,
            n,
            scale: T::of(weights.scale),
            ends_before: T::of(weights.ends_before),
            ends_after: T::of(weights.ends_after),
            line,
        }
    }

    /// Whether a number is at an end that counts for less, of the side that is not in reverse.
    fn is_end(&self, j: usize) -> bool {
        match (self.kind, self.is_sine) {
            (Kind::One, false) => j == 0 || j + 1 == self.n,
            (Kind::Two | Kind::Three, false) => j == 0,
            (Kind::Two | Kind::Three, true) => j + 1 == self.n,
            _ => false,
        }
    }

    /// Number `j` of the line of which cosines are wanted.
    #[inline(always)]
    fn given(&self, x: &[T], j: usize) -> T {
        let is_in_reverse = self.is_sine && matches!(self.kind, Kind::Three | Kind::Four);
        let place = if is_in_reverse { self.n - 1 - j } else { j };
        let mut number = x.get(place).copied().unwrap_or_default();
        if self.ends_before != T::one() && self.is_end(place) {
            number = number * self.ends_before;
        }
        let is_turned = self.is_sine && self.kind == Kind::Two && j % 2 == 1;
        if is_turned { -number } else { number }
    }

    /// Number `k` of the cosines of type II, III or IV.
    #[inline(always)]
    fn cosine(&self, z: &[Complex<T>], k: usize) -> T {
        let two = T::of(2.0);
        match (&self.line, self.kind) {
            (Line::Real(pairs, roots), Kind::Two) => {
                let turned =
                    if 2 * k <= self.n { pairs.spectrum(z, k) } else { pairs.spectrum(z, self.n - k).conj() };
                let root = roots.at(k);
                two * (turned.re * root.re - turned.im * root.im)
            }
            (Line::Real(pairs, _), _) => {
                pairs.unpack(z, if k.is_multiple_of(2) { k / 2 } else { self.n - 1 - k / 2 })
            }
            (Line::Half(roots, first), _) => {
                let at = if k.is_multiple_of(2) { k / 2 } else { (self.n - 1 - k) / 2 };
                let turned = z[at] * roots.at(at) * first;
                if k.is_multiple_of(2) { two * turned.re } else { -(two * turned.im) }
            }
            (Line::Twice(roots), _) => {
                let root = roots.at(2 * k + 1);
                two * (z[k].re * root.re - z[k].im * root.im)
            }
        }
    }
}

impl<T: Float> Form for Trigonometric<T> {
    type Part = T;
    type From = T;
    type To = T;

    fn complex_len(&self) -> usize {
        match &self.line {
            Line::Real(pairs, _) => pairs.len(),
            Line::Half(..) => self.n / 2,
            Line::Twice(_) => 2 * self.n,
        }
    }

    fn given_len(&self) -> usize {
        self.n
    }

    fn is_inverse(&self) -> bool {
        self.kind == Kind::Three
    }

    fn before(&self, x: &[T], first: usize, z: &mut [Complex<T>]) {
        let n = self.n;
        let x = |j: usize| self.given(x, j);
        match (&self.line, self.kind) {
            (Line::Real(pairs, _), Kind::One) => pairs.pack(first, z, |j| match self.is_sine {
                false => x(if j < n { j } else { pairs.n - j }),
                true if j == 0 || j == n + 1 => T::zero(),
                true if j <= n => x(j - 1),
                true => -x(pairs.n - j - 1),
            }),
            (Line::Real(pairs, _), Kind::Two) => {
                let even = n.div_ceil(2);
                pairs.pack(first, z, |j| x(if j < even { 2 * j } else { 2 * (n - 1 - j) + 1 }));
            }
            (Line::Real(pairs, roots), _) => {
                let spectrum = |k: usize| {
                    let back = if k == 0 { T::zero() } else { x(n - k) };
                    (Complex::new(x(k), T::zero()) - times_i(Complex::new(back, T::zero())))
                        * roots.at(k).conj()
                };
                for (k, z) in (first..).zip(z) {
                    *z = pairs.of_spectrum(k, spectrum);
                }
            }
            (Line::Half(roots, _), _) => {
                for (j, z) in (first..).zip(z) {
                    let turn = roots.at(j);
                    *z = Complex::new(x(2 * j), x(n - 1 - 2 * j)) * turn;
                }
            }
            (Line::Twice(roots), _) => {
                for (j, z) in (first..).zip(z) {
                    *z = if j < n { roots.at(2 * j) * x(j) } else { Complex::default() };
                }
            }
        }
    }

    fn after(&self, z: &[Complex<T>], first: usize, y: &mut [T]) {
        for (k, y) in (first..).zip(y) {
            let number = match (&self.line, self.kind, self.is_sine) {
                (Line::Real(pairs, _), Kind::One, false) => pairs.spectrum(z, k).re,
                (Line::Real(pairs, _), Kind::One, true) => -pairs.spectrum(z, k + 1).im,
                (_, _, false) => self.cosine(z, k),
                (_, Kind::Two, true) => self.cosine(z, self.n - 1 - k),
                (_, _, true) if k % 2 == 1 => -self.cosine(z, k),
                (_, _, true) => self.cosine(z, k),
            };
            let weight =
                if self.ends_after != T::one() && self.is_end(k) { self.ends_after } else { T::one() };
            *y = number * (self.scale * weight);
        }
    }
}
