//! Norms and traces that need no decomposition, and Kronecker products.
//!
//! Sums go through the elements in order, with eight partial sums where that is said: `docs/numerics.md`.

use super::stack::{Done, Stack, charge, times};
use crate::object::Element;
use crate::object::element::with_elem;
use crate::op::arrange;
use crate::op::number::Number;
use crate::op::work::{fill, fill_groups};
use crate::op::{OpCall, Output};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::Extent;
use nbc_ir::dims::{Dims, MAX_RANK};
use num_complex::Complex;
use std::mem::MaybeUninit;

/// Elements between two questions to the host.
const STRETCH: usize = 1 << 18;

/// Elements of which absolute values are asked.
trait Sized: Number {
    /// The real numbers of that precision.
    type Part: Element + Send;
    /// Both parts, in f64.
    fn parts(self) -> (f64, f64);
    fn part(x: f64) -> Self::Part;

    /// The absolute value.
    #[inline(always)]
    fn size(self) -> f64 {
        let (x, y) = self.parts();
        if y == 0.0 {
            return x.abs();
        }
        let (x, y) = (x.abs(), y.abs());
        // Whatever the other is, NaN too.
        if x == f64::INFINITY || y == f64::INFINITY {
            return f64::INFINITY;
        }
        let (large, little) = if x > y { (x, y) } else { (y, x) };
        let ratio = little / large;
        large * (1.0 + ratio * ratio).sqrt()
    }
}

macro_rules! sized {
    ($($real:ident)*) => {$(
        impl Sized for $real {
            type Part = $real;
            #[inline(always)]
            fn parts(self) -> (f64, f64) {
                (self.into(), 0.0)
            }
            fn part(x: f64) -> $real {
                x as $real
            }
        }
        impl Sized for Complex<$real> {
            type Part = $real;
            #[inline(always)]
            fn parts(self) -> (f64, f64) {
                (self.re.into(), self.im.into())
            }
            fn part(x: f64) -> $real {
                x as $real
            }
        }
    )*};
}
sized! { f32 f64 }

/// The larger, or NaN if there is one.
fn larger(a: f64, b: f64) -> f64 {
    if a >= b || a.is_nan() { a } else { b }
}

/// Eight sums side by side, which are added in pairs.
#[derive(Clone, Copy, Default)]
struct Sums([f64; 8]);

impl Sums {
    #[inline(always)]
    fn add(&mut self, at: usize, x: f64) {
        self.0[at % 8] += x;
    }

    fn whole(self) -> f64 {
        let s = self.0;
        ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
    }
}

/// The square root of the sum of squares, of which none overflows or vanishes where the result does not.
fn length<T: Sized>(call: &mut OpCall<'_>, x: &[T]) -> Result<f64, TrapError> {
    let sum = |call: &mut OpCall<'_>, by: f64| {
        let mut sums = Sums::default();
        for part in x.chunks(STRETCH) {
            call.host.poll()?;
            for (at, x) in part.iter().enumerate() {
                let (re, im) = x.parts();
                sums.add(at, (re * by) * (re * by) + (im * by) * (im * by));
            }
        }
        Ok::<f64, TrapError>(sums.whole())
    };
    let squares = sum(call, 1.0)?;
    if squares.is_nan() || (1e-280..=1e300).contains(&squares) {
        return Ok(squares.sqrt());
    }
    let mut most = 0.0;
    for part in x.chunks(STRETCH) {
        call.host.poll()?;
        most = part.iter().fold(most, |most, x| {
            let (re, im) = x.parts();
            larger(larger(most, re.abs()), im.abs())
        });
    }
    if most == 0.0 || !most.is_finite() {
        return Ok(most);
    }
    // A power of two, so that scaling rounds nothing.
    let exponent = (most.log2().floor() as i32).clamp(-1000, 1000);
    Ok(sum(call, 2f64.powi(-exponent))?.sqrt() * 2f64.powi(exponent))
}

/// Makes a number of each matrix, by `one`.
fn numbers<T: Sized>(
    call: &mut OpCall<'_>,
    flops: u64,
    one: impl Fn(&mut OpCall<'_>, &[T], usize) -> Result<f64, TrapError>,
) -> Done {
    // A vector is one of them, with one column.
    let dims = call.tensor(0).dims();
    let (lead, count, len, n) = match dims.len() {
        0 => {
            let text = format!("{} wants a vector or matrices, found dims {dims}: reshape it", call.name());
            return Err(TrapError::new(TrapCode::RankMismatch, text));
        }
        1 => (Dims::default(), 1, dims[0] as usize, 1),
        _ => {
            let a = Stack::of(call, 0)?;
            (a.lead, a.count, a.m.saturating_mul(a.n), a.n)
        }
    };
    let elements = call.tensor(0).len() as u64;
    charge(call, elements.saturating_mul(flops), times(&[count, size_of::<T::Part>()]))?;
    let x = call.input::<T>(0);
    let out: Output<'_, T::Part> = call.output_charged(&lead)?;
    for (at, to) in out.elements.iter_mut().enumerate() {
        if at % 1024 == 1023 {
            call.host.poll()?;
        }
        to.write(T::part(one(call, &x[at * len..(at + 1) * len], n)?));
    }
    // SAFETY: every element has been written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn linalg_norm(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => numbers::<T>(call, 4, |call, x, _| length(call, x)))
}

pub(in crate::op) fn linalg_norm_1(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => numbers::<T>(call, 4, |call, x, n| {
        let mut most = 0.0;
        if x.is_empty() {
            return Ok(most);
        }
        // So many columns' sums at a time: those of a cache line or more.
        const COLUMNS: usize = 64;
        for first in (0..n).step_by(COLUMNS) {
            let columns = COLUMNS.min(n - first);
            let mut sums = [0.0; COLUMNS];
            for rows in x.chunks((STRETCH / COLUMNS).saturating_mul(n)) {
                call.host.poll()?;
                for row in rows.chunks_exact(n) {
                    for (sum, x) in sums.iter_mut().zip(&row[first..first + columns]) {
                        *sum += x.size();
                    }
                }
            }
            most = sums[..columns].iter().fold(most, |most, sum| larger(most, *sum));
        }
        Ok(most)
    }))
}

pub(in crate::op) fn linalg_norm_inf(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => numbers::<T>(call, 4, |call, x, n| {
        let mut most = 0.0;
        let mut seen = 0;
        if n == 0 {
            return Ok(most);
        }
        for row in x.chunks_exact(n) {
            let mut sums = Sums::default();
            for part in row.chunks(STRETCH) {
                seen += part.len();
                if seen >= STRETCH {
                    call.host.poll()?;
                    seen = 0;
                }
                part.iter().enumerate().for_each(|(at, x)| sums.add(at, x.size()));
            }
            most = larger(most, sums.whole());
        }
        Ok(most)
    }))
}

pub(in crate::op) fn linalg_trace(call: &mut OpCall<'_>) -> Done {
    let a = Stack::of(call, 0)?;
    let size = a.size();
    with_elem!(inexact call.elem(0), T => {
        charge(call, times(&[a.count, size]), times(&[a.count, size_of::<T>()]))?;
        let x = call.input::<T>(0);
        let out: Output<'_, T> = call.output_charged(&a.lead)?;
        fill(&mut *call.host, &mut *out.elements, size.max(1), |start, piece| {
            for (at, to) in piece.iter_mut().enumerate() {
                let len = a.m * a.n;
                let x = &x[(start + at) * len..][..len];
                let sum = x.iter().step_by(a.n + 1).take(size).fold(T::ZERO, |sum, x| sum.add(*x));
                to.write(sum);
            }
        })?;
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}

pub(in crate::op) fn linalg_kron(call: &mut OpCall<'_>) -> Done {
    let given = [call.tensor(0).dims(), call.tensor(1).dims()];
    let rank = given[0].len().max(given[1].len());
    // Of the one with fewer, dims of 1 are put before the others.
    let padded = given.map(|dims| {
        let mut all = [1; MAX_RANK];
        all[rank - dims.len()..rank].copy_from_slice(&dims);
        all
    });
    let mut dims = [0u64; MAX_RANK];
    for (at, dim) in dims[..rank].iter_mut().enumerate() {
        *dim = arrange::length(at, padded[0][at].checked_mul(padded[1][at]))?;
    }
    let dims = Dims::new(&dims[..rank]).expect("as many dims as one of them has");
    with_elem!(inexact call.elem(0), T => {
        call.charge(Extent::new(&dims, size_of::<T>()))?;
        let (a, b) = (call.input::<T>(0), call.input::<T>(1));
        let out: Output<'_, T> = call.output_charged(&dims)?;
        let (a_row, b_row) = match rank {
            0 => (1, 1),
            _ => (padded[0][rank - 1] as usize, padded[1][rank - 1] as usize),
        };
        let row = a_row * b_row;
        fill_groups(&mut *call.host, &mut *out.elements, 2, row.max(1), |start, piece| {
            for (n, to) in piece.chunks_mut(row.max(1)).enumerate() {
                // The row's place in both, from the last axis but one.
                let (mut left, mut places, mut steps) = (start / row + n, [0, 0], [a_row, b_row]);
                for axis in (0..rank.saturating_sub(1)).rev() {
                    let (p, q) = (padded[0][axis] as usize, padded[1][axis] as usize);
                    let at = left % (p * q);
                    left /= p * q;
                    places = [places[0] + at / q * steps[0], places[1] + at % q * steps[1]];
                    steps = [steps[0] * p, steps[1] * q];
                }
                let (a, b) = (&a[places[0]..][..a_row], &b[places[1]..][..b_row]);
                for (to, a) in to.chunks_mut(b_row).zip(a) {
                    for (to, b) in to.iter_mut().zip(b) {
                        to.write(a.mul(*b));
                    }
                }
            }
        })?;
        // SAFETY: every row has been written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Writes zeros over all of it.
pub(super) fn zero<T: Number>(call: &mut OpCall<'_>, to: &mut [MaybeUninit<T>]) -> Done {
    fill(&mut *call.host, to, 1, |_, piece| {
        piece.fill(MaybeUninit::new(T::ZERO));
    })
}
