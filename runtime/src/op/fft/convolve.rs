//! Convolution and correlation, by definition or by transforms.
//!
//! Which of the two follows from the dims, by what they were measured to take: it changes bits, so nothing else may decide.
//! By definition, the products of an element are added in row-major order of the smaller tensor. Correlation is convolution
//! with the second tensor in reverse, conjugated. SciPy's modes are parts of the full result.
//!
//! ```text
//! full   a + b - 1 along each axis
//! same   the dims of a, from the middle of that
//! valid  what needs no elements beyond an end: |a - b| + 1
//! ```

use super::lanes::{Done, Lanes, Place, along, weight};
use super::long::pieces;
use super::transforms::{fit, passes};
use crate::object::Element;
use crate::object::element::with_elem;
use crate::op::call::{OpCall, Output, shape_mismatch};
use crate::op::number::Number;
use crate::op::simd::{Work, dispatch};
use crate::op::sort::space;
use crate::op::work::{Leave, fill, in_pieces};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::Work as Effort;
use nbc_ir::dims::{Dims, MAX_RANK};
use nbc_numerics::fft::real::{Forward, Inverse, half};
use nbc_numerics::fft::{Complex, Float, is_smooth};
use std::mem::MaybeUninit;

/// Elements of a row that are summed together.
const SEGMENT: usize = 1024;
/// Products that one core adds between two questions to the host.
const STRETCH: usize = 1 << 20;
/// Products by definition that take as long as an addition of [`weight`].
const PRODUCTS: usize = 3;

/// What is wanted of two tensors.
struct Wanted {
    a: Dims,
    b: Dims,
    /// Of all that there is.
    full: Dims,
    result: Dims,
    /// Where the result begins in that.
    start: [usize; MAX_RANK],
    /// How long transforms are.
    over: Dims,
}

impl Wanted {
    fn of(a: Dims, b: Dims, mode: &str) -> Result<Wanted, TrapError> {
        if a.len() != b.len() {
            return Err(shape_mismatch("tensors that are convolved have as many dims", &a, &b));
        }
        if a.contains(&0) || b.contains(&0) {
            let text = format!("a convolution of {a} and {b}: one has no elements");
            return Err(TrapError::new(TrapCode::Empty, text));
        }
        // Without axes none is asked below.
        if !matches!(mode, "" | "full" | "same" | "valid") {
            let text = format!("a mode {mode:?}: it is \"full\", \"same\" or \"valid\"");
            return Err(TrapError::new(TrapCode::InvalidArgument, text));
        }
        let is_within = |x: &Dims, y: &Dims| x.iter().zip(y.iter()).all(|(x, y)| x <= y);
        let (mut full, mut result, mut over, mut start) = (a, a, a, [0; MAX_RANK]);
        for axis in 0..a.len() {
            full[axis] = a[axis].saturating_add(b[axis]) - 1;
            over[axis] = good_length(full[axis]);
            (result[axis], start[axis]) = match mode {
                "" | "full" => (full[axis], 0),
                "same" => (a[axis], (b[axis] - 1) as usize / 2),
                "valid" if is_within(&a, &b) || is_within(&b, &a) => {
                    (a[axis].abs_diff(b[axis]) + 1, a[axis].min(b[axis]) as usize - 1)
                }
                _ => return Err(shape_mismatch("of a valid convolution one is within the other", &a, &b)),
            };
        }
        Ok(Wanted { a, b, full, result, start, over })
    }

    /// Elements of the smaller one.
    fn products(&self) -> u64 {
        let count = |dims: &Dims| dims.count().unwrap_or(u64::MAX);
        count(&self.a).min(count(&self.b))
    }
}

/// The next length from `n` on of which all prime factors are small.
fn good_length(n: u64) -> u64 {
    if n > 1 << 40 {
        return n;
    }
    let mut best = n.next_power_of_two();
    // Times 3, 5, 7, 11 and some products of them, a power of two that reaches n.
    for other in [3, 5, 7, 9, 11, 15, 21, 25, 27, 33, 35, 45, 49, 55, 63, 75, 77, 81, 99] {
        let times = n.div_ceil(other).next_power_of_two();
        best = best.min(other * times);
    }
    debug_assert!(best >= n && is_smooth(best as usize));
    best
}

/// Elements that are convolved.
trait Convolved: Number + Default {
    type Part: Float + Element;
    fn conj(self) -> Self;
    /// About how many additions three transforms of those dims take.
    fn transforms(dims: &Dims) -> u64;
    /// Convolves by transforms into `to`, of dims `wanted.over`.
    ///
    /// # Safety
    /// There are as many elements at `to`, nobody else's.
    unsafe fn by_transforms(
        call: &mut OpCall<'_>,
        wanted: &Wanted,
        a: &[Self],
        b: &[Self],
        to: *mut Self,
    ) -> Done;
}

fn transforms_of(dims: &Dims) -> u64 {
    let count = dims.count().unwrap_or(u64::MAX) as usize;
    (weight(count.clamp(2, 1 << 62).next_power_of_two() / 2) as u64).saturating_mul(6)
}

/// The complex numbers of a real transform of those dims.
fn halved(dims: &Dims) -> Dims {
    let mut halved = *dims;
    if let Some(last) = halved.len().checked_sub(1) {
        halved[last] = half(dims[last] as usize) as u64;
    }
    halved
}

fn elements(dims: &Dims) -> usize {
    dims.count().and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
}

fn multiply<T: Float>(call: &mut OpCall<'_>, a: &mut [Complex<T>], b: &[Complex<T>]) -> Done {
    pieces(call, a, 4, &|first, piece| {
        piece.iter_mut().zip(&b[first..]).for_each(|(a, b)| *a = *a * *b);
    })
}

const AXES: [usize; MAX_RANK] = [0, 1, 2, 3, 4, 5, 6, 7];

macro_rules! convolved {
    ($($part:ident)*) => {$(
        impl Convolved for $part {
            type Part = $part;
            fn conj(self) -> $part {
                self
            }
            fn transforms(dims: &Dims) -> u64 {
                transforms_of(dims) / 2
            }
            unsafe fn by_transforms(
                call: &mut OpCall<'_>,
                wanted: &Wanted,
                a: &[$part],
                b: &[$part],
                to: *mut $part,
            ) -> Done {
                let (over, halves) = (wanted.over, halved(&wanted.over));
                let last = over.len() - 1;
                let spectra = [space::<Complex<$part>>(call, elements(&halves))?, space(call, elements(&halves))?];
                let scale = 1.0 / elements(&over) as f64;
                let there = Forward::<$part>::new(&call.plans(), over[last] as usize, 1.0);
                let back = Inverse::<$part>::new(&call.plans(), over[last] as usize, scale);
                let lanes = Lanes::along(&over, last, halves[last]);
                let others = &AXES[..last];
                let mut into = spectra.map(|s| (s.as_mut_ptr(), s));
                for ((spectrum, _), (x, dims)) in into.iter().zip([(a, wanted.a), (b, wanted.b)]) {
                    // SAFETY: rooms are as large as the dims say.
                    unsafe {
                        fit(call, (x, &dims), (to, &over))?;
                        along(call, &there, lanes, to.cast_const(), *spectrum)?;
                        passes(call, others, &halves, (false, 1.0), spectrum.cast_const(), *spectrum)?;
                    }
                }
                let [(first, a), (_, b)] = &mut into;
                multiply(call, a, b)?;
                let lanes = Lanes::along(&halves, last, over[last]);
                // SAFETY: as above.
                unsafe {
                    passes(call, others, &halves, (true, 1.0), first.cast_const(), *first)?;
                    along(call, &back, lanes, first.cast_const(), to)
                }
            }
        }
        impl Convolved for Complex<$part> {
            type Part = $part;
            fn conj(self) -> Complex<$part> {
                Complex::conj(&self)
            }
            fn transforms(dims: &Dims) -> u64 {
                transforms_of(dims)
            }
            unsafe fn by_transforms(
                call: &mut OpCall<'_>,
                wanted: &Wanted,
                a: &[Self],
                b: &[Self],
                to: *mut Self,
            ) -> Done {
                let over = wanted.over;
                let other = space::<Self>(call, elements(&over))?;
                let axes = &AXES[..over.len()];
                for (into, (x, dims)) in [to, other.as_mut_ptr()].into_iter().zip([(a, wanted.a), (b, wanted.b)]) {
                    // SAFETY: rooms are as large as the dims say.
                    unsafe {
                        fit(call, (x, &dims), (into, &over))?;
                        passes(call, axes, &over, (false, 1.0), into.cast_const(), into)?;
                    }
                }
                // SAFETY: as above; `fit` has written all of it.
                let product = unsafe { std::slice::from_raw_parts_mut(to, elements(&over)) };
                multiply(call, product, other)?;
                // SAFETY: as above.
                unsafe { passes(call, axes, &over, (true, 1.0 / elements(&over) as f64), to.cast_const(), to) }
            }
        }
    )*};
}
convolved! { f32 f64 }

/// Row-major steps of a tensor.
fn steps(dims: &Dims) -> [usize; MAX_RANK] {
    let mut steps = [1; MAX_RANK];
    for axis in (0..dims.len().saturating_sub(1)).rev() {
        steps[axis] = steps[axis + 1] * dims[axis + 1] as usize;
    }
    steps
}

/// Adds to each of `sums` the products with one row of the smaller tensor.
struct Row<'r, T> {
    sums: &'r mut [T],
    /// The place of the first sum along the row of the full result.
    at: usize,
    large: &'r [T],
    small: &'r [T],
}

impl<T: Number> Work for Row<'_, T> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        for (q, k) in self.small.iter().enumerate() {
            // Sum number p is at place at + p, of the large row's element at + p - q.
            let from = q.saturating_sub(self.at);
            let to = (self.large.len() + q).saturating_sub(self.at).min(self.sums.len());
            if from < to {
                let row = &self.large[self.at + from - q..];
                for (sum, x) in self.sums[from..to].iter_mut().zip(row) {
                    *sum = sum.add(k.mul(*x));
                }
            }
        }
    }
}

/// Convolves by definition.
fn by_definition<T: Convolved>(
    call: &mut OpCall<'_>,
    wanted: &Wanted,
    (a, b): (&[T], &[T]),
    to: &mut [MaybeUninit<T>],
) -> Done {
    let is_swapped = a.len() < b.len();
    let (large, small) = if is_swapped { (b, a) } else { (a, b) };
    let (large_dims, small_dims) = if is_swapped { (wanted.b, wanted.a) } else { (wanted.a, wanted.b) };
    let last = wanted.result.len() - 1;
    let (n, k, row) = (large_dims[last] as usize, small_dims[last] as usize, wanted.result[last] as usize);
    let large_steps = steps(&large_dims);
    let small_rows = small.len() / k;
    let segments = row.div_ceil(SEGMENT);
    let units = to.len() / row * segments;
    let place = Place(to.as_mut_ptr());
    let leave = Leave::of(call.host);
    let weight = SEGMENT.min(row).saturating_mul(small.len() / PRODUCTS + 1);
    in_pieces(call.host, units, weight, 1, &|numbers| {
        let mut all = [T::ZERO; SEGMENT];
        for unit in numbers {
            let (line, first) = (unit / segments, unit % segments * SEGMENT);
            let sums = &mut all[..SEGMENT.min(row - first)];
            sums.fill(T::ZERO);
            // The index of the line along each axis but the last, in the full result.
            let (mut rest, mut index) = (line, [0; MAX_RANK]);
            for axis in (0..last).rev() {
                index[axis] = rest % wanted.result[axis] as usize + wanted.start[axis];
                rest /= wanted.result[axis] as usize;
            }
            let mut since = 0;
            'rows: for small_row in 0..small_rows {
                let (mut rest, mut from) = (small_row, 0);
                for axis in (0..last).rev() {
                    let q = rest % small_dims[axis] as usize;
                    rest /= small_dims[axis] as usize;
                    match index[axis].checked_sub(q).filter(|at| *at < large_dims[axis] as usize) {
                        Some(at) => from += at * large_steps[axis],
                        None => continue 'rows,
                    }
                }
                let large = &large[from..from + n];
                // A part of the row at a time, so that the host is asked in between.
                let part = STRETCH / SEGMENT;
                for (number, small) in small[small_row * k..(small_row + 1) * k].chunks(part).enumerate() {
                    since += small.len() * sums.len();
                    if since > STRETCH {
                        since = 0;
                        if !leave.go_on() {
                            return;
                        }
                    }
                    let at = wanted.start[last] + first;
                    // Without the elements before this part, the row begins so many places later.
                    let skipped = number * part;
                    if at >= skipped {
                        dispatch(Row { sums: &mut *sums, at: at - skipped, large, small });
                    } else if sums.len() > skipped - at {
                        let sums = &mut sums[skipped - at..];
                        dispatch(Row { sums, at: 0, large, small });
                    }
                }
            }
            // SAFETY: the segment is there, and this piece's.
            let to = unsafe { place.part(line * row + first, sums.len()) };
            to.write_copy_of_slice(sums);
        }
    })?;
    leave.granted()
}

fn convolve<T: Convolved>(call: &mut OpCall<'_>, is_correlation: bool) -> Done {
    let wanted = Wanted::of(call.tensor(0).dims(), call.tensor(1).dims(), call.str(2))?;
    let (a, b) = (call.input::<T>(0), call.input::<T>(1));
    let results = wanted.result.count().unwrap_or(u64::MAX);
    let products = results.saturating_mul(wanted.products());
    let transforms = T::transforms(&wanted.over);
    let is_direct = wanted.full.is_empty() || products / PRODUCTS as u64 <= transforms;
    let flops = if is_direct { products.saturating_mul(2) } else { transforms };
    let bytes = results.saturating_add((a.len() + b.len()) as u64).saturating_mul(size_of::<T>() as u64);
    call.charge_work(results.max(a.len() as u64).max(b.len() as u64), Effort { flops, bytes })?;
    let out: Output<'_, T> = call.output_charged(&wanted.result)?;
    let work = |call: &mut OpCall<'_>| {
        let mut b = b;
        if is_correlation {
            let reversed = space::<T>(call, b.len())?;
            let given = b;
            pieces(call, reversed, 2, &|first, piece| {
                let from = &given[given.len() - first - piece.len()..given.len() - first];
                piece.iter_mut().zip(from.iter().rev()).for_each(|(to, x)| *to = x.conj());
            })?;
            b = reversed;
        }
        if wanted.full.is_empty() {
            out.elements[0].write(a[0].mul(b[0]));
            return Ok(());
        }
        if is_direct {
            return by_definition(call, &wanted, (a, b), &mut *out.elements);
        }
        let full = space::<T>(call, elements(&wanted.over))?;
        // SAFETY: the room is as large.
        unsafe { T::by_transforms(call, &wanted, a, b, full.as_mut_ptr())? };
        let (full, from) = (&*full, steps(&wanted.over));
        let last = wanted.result.len() - 1;
        fill(call.host, &mut *out.elements, 4, |start, piece| {
            let row = wanted.result[last] as usize;
            for (n, to) in (start..).zip(piece) {
                let (mut rest, mut at) = (n / row, n % row + wanted.start[last]);
                for axis in (0..last).rev() {
                    at += (rest % wanted.result[axis] as usize + wanted.start[axis]) * from[axis];
                    rest /= wanted.result[axis] as usize;
                }
                to.write(full[at]);
            }
        })
    };
    // SAFETY: nothing that is made in there is used behind it.
    unsafe { call.with_working_space(work)? };
    // SAFETY: either way writes every element.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn fft_convolve(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => convolve::<T>(call, false))
}

pub(in crate::op) fn fft_correlate(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => convolve::<T>(call, true))
}
