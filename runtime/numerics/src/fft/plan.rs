//! A transform of one length and direction, by rustfft, and which way a length goes.
//!
//! Invariant: a plan is of [`DIRECT`] numbers at most, so making it takes milliseconds, and few megabytes.
//!
//! ```
//! use nbc_numerics::fft::{DIRECT, Route, route};
//! assert_eq!(route(65_537), Some(Route::Direct));
//! assert_eq!(route(1 << 20), Some(Route::Split { rows: 1024, columns: 1024 }));
//! assert!(matches!(route(DIRECT + 29), Some(Route::Chirp { .. })));
//! ```

use super::plans::Kept;
use num_complex::Complex;
use rustfft::{Fft, FftDirection, FftNum, FftPlanner};
use std::fmt;
use std::sync::{Arc, Mutex};

/// The longest line that one plan transforms: about a millisecond.
pub const DIRECT: usize = 1 << 17;

/// Numbers that are transformed.
pub trait Float: FftNum + Default {
    /// The nearest number.
    fn of(x: f64) -> Self;

    /// The nearest complex number.
    fn complex(z: Complex<f64>) -> Complex<Self> {
        Complex::new(Self::of(z.re), Self::of(z.im))
    }

    /// The library's plan: compiled here, once for each type, as its functions are long to compile.
    #[doc(hidden)]
    fn planned(n: usize, direction: FftDirection) -> Arc<dyn Fft<Self>>;

    #[doc(hidden)]
    fn kept(plans: &super::Plans) -> &Mutex<Kept<Self>>;
}

impl Float for f32 {
    #[inline(always)]
    fn of(x: f64) -> f32 {
        x as f32
    }

    fn planned(n: usize, direction: FftDirection) -> Arc<dyn Fft<f32>> {
        FftPlanner::new().plan_fft(n, direction)
    }

    fn kept(plans: &super::Plans) -> &Mutex<Kept<f32>> {
        &plans.single
    }
}

impl Float for f64 {
    #[inline(always)]
    fn of(x: f64) -> f64 {
        x
    }

    fn planned(n: usize, direction: FftDirection) -> Arc<dyn Fft<f64>> {
        FftPlanner::new().plan_fft(n, direction)
    }

    fn kept(plans: &super::Plans) -> &Mutex<Kept<f64>> {
        &plans.double
    }
}

/// How a length is transformed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// By one plan.
    Direct,
    /// As a matrix: its columns, then its rows ([`split`](super::split)).
    Split {
        /// Its rows: the length of a column.
        rows: usize,
        /// Its columns: the length of a row.
        columns: usize,
    },
    /// As a convolution by transforms of length `over` ([`chirp`](super::chirp)).
    Chirp {
        /// That length, which can be split.
        over: usize,
    },
}

/// How `n` numbers are transformed; `None` if no memory could hold what that takes.
#[must_use]
pub fn route(n: usize) -> Option<Route> {
    if n <= DIRECT {
        return Some(Route::Direct);
    }
    // The divisor nearest to the root from below.
    let near = n.isqrt();
    let rows = (1..=near).rev().take_while(|d| n / d <= DIRECT).find(|d| n.is_multiple_of(*d));
    if let Some(rows) = rows {
        return Some(Route::Split { rows, columns: n / rows });
    }
    if n >= 1 << 40 {
        return None;
    }
    let two = (2 * n - 1).next_power_of_two();
    // Three quarters of it can be split too.
    let over = if two / 4 * 3 >= 2 * n - 1 { two / 4 * 3 } else { two };
    matches!(route(over), Some(Route::Split { .. })).then_some(Route::Chirp { over })
}

/// A transform of one length and direction, not scaled.
pub struct Plan<T> {
    fft: Arc<dyn Fft<T>>,
}

impl<T: Float> fmt::Debug for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<T: Float> Plan<T> {
    /// Of so many numbers, from 1 to [`DIRECT`].
    ///
    /// # Panics
    /// For another length.
    #[must_use]
    pub fn new(n: usize, is_inverse: bool) -> Plan<T> {
        assert!((1..=DIRECT).contains(&n), "a plan of {n} numbers");
        let direction = if is_inverse { FftDirection::Inverse } else { FftDirection::Forward };
        // A planner of its own: it keeps all that it has ever made.
        Plan { fft: T::planned(n, direction) }
    }

    /// The length of a line.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it is never 0")]
    pub fn len(&self) -> usize {
        self.fft.len()
    }

    /// How many numbers' room [`Plan::run`] and [`Plan::run_apart`] want.
    #[must_use]
    pub fn room(&self) -> usize {
        self.fft.get_inplace_scratch_len().max(self.fft.get_immutable_scratch_len())
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // Tables of roots: about as many as the line is long, of a convolution over several times that.
        let times = if is_smooth(self.len()) { 2 } else { 8 };
        times * self.len() * size_of::<Complex<T>>() + 512
    }

    /// Transforms each line in place.
    pub fn run(&self, lines: &mut [Complex<T>], room: &mut [Complex<T>]) {
        self.fft.process_with_scratch(lines, room);
    }

    /// Transforms each line of `from` into `to`.
    pub fn run_apart(&self, from: &[Complex<T>], to: &mut [Complex<T>], room: &mut [Complex<T>]) {
        self.fft.process_immutable_with_scratch(from, to, room);
    }
}

/// Whether all prime factors are at most 11, for which rustfft has its own steps.
#[must_use]
pub fn is_smooth(mut n: usize) -> bool {
    for prime in [2, 3, 5, 7, 11] {
        while n > 0 && n.is_multiple_of(prime) {
            n /= prime;
        }
    }
    n == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_over_lines_that_are_planned() {
        let some = [DIRECT + 1, DIRECT + 29, 1 << 20, 3 << 18, 999_983, 1_000_000, 1 << 31, (1 << 31) - 1];
        for n in some.into_iter().chain((0..200).map(|k| DIRECT + 7919 * k)) {
            match route(n).unwrap() {
                Route::Direct => assert!(n <= DIRECT),
                Route::Split { rows, columns } => assert!(rows * columns == n && columns <= DIRECT),
                Route::Chirp { over } => {
                    let Some(Route::Split { rows, columns }) = route(over) else { panic!("{n} over {over}") };
                    assert!(over > 2 * (n - 1) && rows * columns == over && rows <= columns);
                }
            }
        }
        assert_eq!(route(usize::MAX), None);
        assert_eq!(route((1 << 50) + 1), None);
    }
}
