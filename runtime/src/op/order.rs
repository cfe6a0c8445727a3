//! What rests on the order of elements: places in sorted vectors, values that are
//! there, histograms, medians and quantiles.
//!
//! Invariant: the order is that of [`sort`](super::sort): NaN last and all alike; which of equal zeros
//! comes first is said where it shows.

use super::create::spaced;
use super::number::Real;
use super::sort::{Asks, Key, Lanes, Room, place_of, placed, sort, space, work_of};
use super::work::{Leave, fill, position};
use super::{OpCall, Output};
use crate::object::element::with_elem;
use crate::object::{Element, Scalar};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::Extent;
use nbc_ir::dims::Dims;
use nbc_ir::{Elem, Type};
use std::cmp::Ordering;

type Done = Result<(), TrapError>;

/// Elements between two questions to the host.
const STRETCH: usize = 1 << 16;
/// Elements among which one is chosen at once.
const FEW: usize = 1 << 14;
/// Bits of a key that are looked at in one pass, for one element among many.
const DIGIT: u32 = 11;

/// Whether `a` is before `b`, NaN last.
#[inline(always)]
fn before<T: Real>(a: T, b: T) -> bool {
    a < b || b.is_nan() && !a.is_nan()
}

/// How many elements of a sorted vector are before `v`, or not behind it.
#[inline(always)]
fn place<T: Real>(sorted: &[T], v: T, behind: bool) -> usize {
    let (mut start, mut left) = (0, sorted.len());
    while left > 0 {
        let half = left / 2;
        let at = sorted[start + half];
        let is_after = if behind { !before(v, at) } else { before(at, v) };
        start = if is_after { start + half + 1 } else { start };
        left = if is_after { left - half - 1 } else { half };
    }
    start
}

/// Traps unless argument `at` is a vector.
fn vector(call: &OpCall<'_>, at: usize, what: &str) -> Done {
    let dims = call.tensor(at).dims();
    if dims.len() == 1 {
        return Ok(());
    }
    Err(TrapError::new(
        TrapCode::RankMismatch,
        format!("{what} has to be a vector, found {dims}: reshape it"),
    ))
}

/// The dims of places in a sorted vector.
pub(super) fn searched(call: &OpCall<'_>) -> Result<Dims, TrapError> {
    vector(call, 0, "what is searched")?;
    Ok(if let Type::Tensor(_) = call.arg_types[1] { call.tensor(1).dims() } else { Dims::default() })
}

pub(super) fn tensor_searchsorted(call: &mut OpCall<'_>) -> Done {
    let dims = searched(call)?;
    let behind = call.args[2] != 0;
    with_elem!(real call.elem(0), T => {
        let sorted = call.input::<T>(0);
        let number = T::from_slot(call.args[1]);
        let values = if let Type::Tensor(_) = call.arg_types[1] {
            call.input::<T>(1)
        } else {
            std::slice::from_ref(&number)
        };
        let out: Output<'_, i64> = call.output(&dims)?;
        let weight = 4 * (sorted.len().max(2).ilog2() as usize);
        fill(call.host, &mut *out.elements, weight, |start, piece| {
            for (to, v) in piece.iter_mut().zip(&values[start..]) {
                to.write(place(sorted, *v, behind) as i64);
            }
        })?;
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// All elements with their places, in order, as long as the innermost region; with leave to go on.
fn all_sorted<'s, T: Key>(call: &mut OpCall<'_>) -> Result<&'s [u128], TrapError> {
    let x = call.input::<T>(0);
    let mut room = Room { lane: space::<u128>(call, x.len())?, spare: space(call, x.len())? };
    for (n, (part, x)) in room.lane.chunks_mut(STRETCH).zip(x.chunks(STRETCH)).enumerate() {
        call.host.poll()?;
        for (i, (to, v)) in part.iter_mut().zip(x).enumerate() {
            *to = placed(*v, n * STRETCH + i);
        }
    }
    let leave = Leave::of(&mut *call.host);
    let placing = call.host.heap().placing();
    let placed = placing.place(placing.load(work_of(x.len()) as f64 * placing.rates().unit));
    sort(&mut room, Asks { leave: &leave, threads: placed.threads.as_ref() });
    leave.granted()?;
    call.host.heap().placing().done(placed);
    Ok(room.lane)
}

/// Whether an element in order is another value than the one before it.
#[inline(always)]
fn is_first(sorted: &[u128], at: usize) -> bool {
    at == 0 || sorted[at] >> 64 != sorted[at - 1] >> 64
}

/// How many values there are.
fn count_values(call: &mut OpCall<'_>, sorted: &[u128]) -> Result<usize, TrapError> {
    let mut count = 0;
    for start in (0..sorted.len()).step_by(STRETCH) {
        call.host.poll()?;
        count += (start..sorted.len().min(start + STRETCH)).filter(|at| is_first(sorted, *at)).count();
    }
    Ok(count)
}

pub(super) fn tensor_unique(call: &mut OpCall<'_>) -> Done {
    let len = call.tensor(0).len() as u64;
    with_elem!(real call.elem(0), T => {
        // As much as there may be, as nothing but the dims is known yet.
        call.charge(Extent::new(&[len], size_of::<T>()))?;
        let x = call.input::<T>(0);
        let work = |call: &mut OpCall<'_>| {
            let sorted = all_sorted::<T>(call)?;
            let count = count_values(call, sorted)?;
            let out = call.output_charged::<T>(&[count as u64])?;
            let mut to = out.elements.iter_mut();
            for (at, placed) in sorted.iter().enumerate() {
                if at % STRETCH == STRETCH - 1 {
                    call.host.poll()?;
                }
                if is_first(sorted, at)
                    && let Some(to) = to.next()
                {
                    to.write(x[place_of(*placed)]);
                }
            }
            // SAFETY: as many have been written as there are.
            unsafe { call.finish(out) };
            Ok(())
        };
        // SAFETY: nothing else that is made in there is used behind it.
        unsafe { call.with_results_kept(&[Type::Tensor(T::ELEM)], work) }
    })
}

pub(super) fn tensor_unique_all(call: &mut OpCall<'_>) -> Done {
    let len = call.tensor(0).len() as u64;
    with_elem!(real call.elem(0), T => {
        call.charge(Extent::new(&[len], size_of::<T>() + 3 * size_of::<i64>()))?;
        let x = call.input::<T>(0);
        let work = |call: &mut OpCall<'_>| {
            let sorted = all_sorted::<T>(call)?;
            let count = count_values(call, sorted)? as u64;
            let values = call.output_charged::<T>(&[count])?;
            let firsts = call.output_charged::<i64>(&[count])?;
            let inverse = call.output_charged::<i64>(&[len])?;
            let counts = call.output_charged::<i64>(&[count])?;
            let (mut value, mut start) = (0, 0);
            for (at, placed) in sorted.iter().enumerate() {
                if at % STRETCH == STRETCH - 1 {
                    call.host.poll()?;
                }
                let place = place_of(*placed);
                if is_first(sorted, at) {
                    values.elements[value].write(x[place]);
                    firsts.elements[value].write(place as i64);
                    (value, start) = (value + 1, at);
                }
                inverse.elements[place].write(value as i64 - 1);
                if at + 1 == sorted.len() || is_first(sorted, at + 1) {
                    counts.elements[value - 1].write((at + 1 - start) as i64);
                }
            }
            // SAFETY: each value has been written with its first place and its count, and each place once.
            unsafe {
                call.finish(values);
                call.finish_as(1, firsts);
                call.finish_as(2, inverse);
                call.finish_as(3, counts);
            }
            Ok(())
        };
        let places = Type::Tensor(Elem::I64);
        // SAFETY: nothing else that is made in there is used behind it.
        unsafe { call.with_results_kept(&[Type::Tensor(T::ELEM), places, places, places], work) }
    })
}

/// Counts the elements of argument 0 by the bin that `bin` says, of `bins`.
fn count<T: Real>(call: &mut OpCall<'_>, bins: usize, bin: impl Fn(T) -> Option<usize>) -> Done {
    let x = call.input::<T>(0);
    let out: Output<'_, i64> = call.output(&[bins as u64])?;
    fill(call.host, &mut *out.elements, 1, |_, piece| piece.iter_mut().for_each(|to| _ = to.write(0)))?;
    // SAFETY: all have just been written.
    let counts = unsafe { &mut *(&raw mut *out.elements as *mut [i64]) };
    for part in x.chunks(STRETCH / 4) {
        call.host.poll()?;
        for v in part {
            if let Some(count) = bin(*v).and_then(|bin| counts.get_mut(bin)) {
                *count += 1;
            }
        }
    }
    // SAFETY: as above.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn tensor_histogram(call: &mut OpCall<'_>) -> Done {
    vector(call, 1, "the tensor of edges")?;
    with_elem!(real call.elem(0), T => {
        let edges = call.input::<T>(1);
        let [_, .., last] = edges else {
            let text = format!("a histogram of {} edges: there have to be two", edges.len());
            return Err(TrapError::new(TrapCode::InvalidArgument, text));
        };
        let bins = edges.len() - 1;
        let mut wrong = None;
        for first in (0..bins).step_by(STRETCH) {
            call.host.poll()?;
            let mut places = first..bins.min(first + STRETCH);
            // Also where one of them is a NaN.
            wrong = wrong.or_else(|| places.find(|at| edges[*at].partial_cmp(&edges[at + 1]).is_none_or(Ordering::is_gt)));
        }
        if let Some(at) = wrong {
            let text = format!("edges of a histogram have to ascend: number {} does not follow {at}", at + 1);
            return Err(TrapError::new(TrapCode::InvalidArgument, text));
        }
        // The last edge belongs to the last bin. What is above it, or a NaN, gets a number behind.
        count::<T>(call, bins, |v| match v == *last {
            true => Some(bins - 1),
            false => place(edges, v, true).checked_sub(1),
        })
    })
}

/// A histogram's range: the lower end, the higher one, and the number of bins, checked.
fn range(call: &OpCall<'_>) -> Result<(f64, f64, usize), TrapError> {
    let single = call.elem(0) == Elem::F32;
    let end = |slot| if single { f32::from_slot(slot) as f64 } else { f64::from_slot(slot) };
    let (low, high, bins) = (end(call.args[1]), end(call.args[2]), call.int(3));
    let invalid = |text| Err(TrapError::new(TrapCode::InvalidArgument, text));
    if bins < 1 {
        return invalid(format!("a histogram of {bins} bins: there has to be one"));
    }
    if !(low < high && low.is_finite() && high.is_finite()) {
        return invalid(format!(
            "a histogram from {low} to {high}: the second has to be above the first, both finite"
        ));
    }
    Ok((low, high, bins as usize))
}

pub(super) fn tensor_histogram_range(call: &mut OpCall<'_>) -> Done {
    let (low, high, bins) = range(call)?;
    let single = call.elem(0) == Elem::F32;
    let step = (high - low) / bins as f64;
    // The edges of tensor.linspace.
    let spaced = spaced(low, high, bins as u64 + 1);
    let edge = move |i: usize| if single { spaced(i) as f32 as f64 } else { spaced(i) };
    let bin = move |v: f64| {
        if !(low <= v && v <= high) {
            return None;
        }
        // A guess, which rounding may have put beside its bin.
        let guess = (((v - low) / step) as usize).min(bins - 1);
        if edge(guess) <= v && (guess + 1 == bins || v < edge(guess + 1)) {
            return Some(guess);
        }
        let (mut at, mut end) = (0, bins);
        while end - at > 1 {
            let middle = at + (end - at) / 2;
            if edge(middle) <= v { at = middle } else { end = middle }
        }
        Some(at)
    };
    if single { count::<f32>(call, bins, |v| bin(v as f64)) } else { count::<f64>(call, bins, bin) }
}

/// What medians and quantiles need of floats.
trait Between: Key {
    /// The mean of two neighbours.
    fn mean(a: Self, b: Self) -> Self;
    /// What is that part of the way from `a` to `b`.
    fn between(a: Self, b: Self, part: f64) -> Self;
    fn to_f64(self) -> f64;
    fn bits_of(key: u64) -> Self;
}

macro_rules! between {
    ($($ty:ident $bits:ident;)*) => {$(
        impl Between for $ty {
            fn mean(a: $ty, b: $ty) -> $ty {
                let mean = (a + b) / 2.0;
                if mean.is_infinite() && a.is_finite() && b.is_finite() { a / 2.0 + b / 2.0 } else { mean }
            }
            fn between(a: $ty, b: $ty, part: f64) -> $ty {
                if part == 0.0 || a == b {
                    return a;
                }
                let (a, b) = (a as f64, b as f64);
                if a.is_finite() && b.is_finite() && (b - a).is_infinite() {
                    return (a * (1.0 - part) + b * part) as $ty;
                }
                // From the nearer end, so that both ends are exact.
                let v = if part < 0.5 { a + (b - a) * part } else { b - (b - a) * (1.0 - part) };
                v as $ty
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn bits_of(key: u64) -> $ty {
                <$ty as Key>::of_bits(key as $bits)
            }
        }
    )*};
}
between! {
    f32 u32;
    f64 u64;
}

/// The elements number `rank` and `rank + 1` in ascending order (or the last twice) of keys, which change places.
/// `counts` has room for those of a [`DIGIT`], if keys are many: see [`space_for`].
fn choose<K: Ord + Copy + Into<u64>>(
    call: &mut OpCall<'_>,
    keys: &mut [K],
    counts: &mut [u64],
    rank: usize,
) -> Result<(u64, u64), TrapError> {
    if keys.len() <= FEW {
        let (_, at, above) = keys.select_nth_unstable(rank);
        let at: u64 = (*at).into();
        return Ok((at, above.iter().min().map_or(at, |v| (*v).into())));
    }
    // From the highest digit down: which value of it the element has.
    let bits = size_of::<K>() as u32 * 8;
    let (mut known, mut value, mut rest) = (0, 0u64, rank as u64);
    while known < bits {
        let digit = DIGIT.min(bits - known);
        let shift = bits - known - digit;
        counts.fill(0);
        for part in keys.chunks(STRETCH) {
            call.host.poll()?;
            for key in part {
                let key: u64 = (*key).into();
                let rest = key >> shift;
                counts[rest as usize & ((1 << digit) - 1)] += (rest >> digit == value) as u64;
            }
        }
        let mut at = 0;
        while rest >= counts[at] {
            rest -= counts[at];
            at += 1;
        }
        value = value << digit | at as u64;
        known += digit;
    }
    // The next is the same if there are more of it, or else the least above.
    let (mut not_above, mut next) = (0, u64::MAX);
    for part in keys.chunks(STRETCH) {
        call.host.poll()?;
        for key in part {
            let key: u64 = (*key).into();
            not_above += (key <= value) as usize;
            next = if key > value { next.min(key) } else { next };
        }
    }
    Ok((value, if not_above > rank + 1 || not_above == keys.len() { value } else { next }))
}

/// Which part of the way between which two elements of `n` is wanted.
#[derive(Clone, Copy)]
enum Wanted {
    Median,
    Part(f64),
}

/// Room for the keys of `n` elements and for what [`choose`] counts, as long as the innermost region.
fn space_for<'s, K: Copy + Default + Send>(
    call: &mut OpCall<'_>,
    n: usize,
) -> Result<(&'s mut [K], &'s mut [u64]), TrapError> {
    Ok((space(call, n)?, space(call, if n > FEW { 1 << DIGIT } else { 0 })?))
}

/// The median or quantile of `n` elements that lie `step` apart; `keys` has room for them.
fn quantile<T: Between>(
    call: &mut OpCall<'_>,
    (x, step): (&[T], usize),
    (keys, counts): (&mut [T::Bits], &mut [u64]),
    wanted: Wanted,
) -> Result<T, TrapError> {
    let n = keys.len();
    for (p, part) in keys.chunks_mut(STRETCH).enumerate() {
        call.host.poll()?;
        for (i, key) in part.iter_mut().enumerate() {
            *key = x[(p * STRETCH + i) * step].bits();
        }
    }
    let nan = T::bits_of(u64::MAX);
    let nan_key = nan.bits();
    if position(call.host, keys, |key| *key == nan_key)?.is_some() {
        return Ok(nan);
    }
    Ok(match wanted {
        Wanted::Median => {
            let (a, b) = choose(call, keys, counts, (n - 1) / 2)?;
            let (a, b) = (T::bits_of(a), T::bits_of(b));
            if n % 2 == 1 { a } else { T::mean(a, b) }
        }
        Wanted::Part(part) => {
            let at = part * (n - 1) as f64;
            let (a, b) = choose(call, keys, counts, at.floor() as usize)?;
            T::between(T::bits_of(a), T::bits_of(b), at - at.floor())
        }
    })
}

/// The part that a quantile's argument says.
fn part<T: Between>(slot: u64) -> Result<Wanted, TrapError> {
    let part = T::from_slot(slot).to_f64();
    if (0.0..=1.0).contains(&part) {
        return Ok(Wanted::Part(part));
    }
    Err(TrapError::new(
        TrapCode::InvalidArgument,
        format!("the quantile at {part}: it has to lie from 0 to 1"),
    ))
}

/// The trap of a median or quantile of nothing.
fn empty(dims: &Dims) -> TrapError {
    TrapError::new(TrapCode::Empty, format!("the median or quantile of nothing: the dims are {dims}"))
}

fn of_all<T: Between>(call: &mut OpCall<'_>, wanted: Wanted) -> Done {
    let x = call.input::<T>(0);
    if x.is_empty() {
        return Err(empty(&call.tensor(0).dims()));
    }
    let work = |call: &mut OpCall<'_>| {
        let room = space_for::<T::Bits>(call, x.len())?;
        let value = quantile::<T>(call, (x, 1), room, wanted)?;
        call.set(value.to_slot());
        Ok(())
    };
    // SAFETY: nothing that is made in there is used behind it.
    unsafe { call.with_working_space(work) }
}

fn along_axis<T: Between>(call: &mut OpCall<'_>, wanted: Wanted) -> Done {
    let dims = call.tensor(0).dims();
    let axis = call.axis(1, dims.len())?;
    let result = dims.without(axis);
    if dims[axis] == 0 && result.count() != Some(0) {
        return Err(empty(&dims));
    }
    let x = call.input::<T>(0);
    let out: Output<'_, T> = call.output(&result)?;
    if !out.elements.is_empty() {
        let lanes = Lanes::of(call)?;
        let work = |call: &mut OpCall<'_>| {
            let (keys, counts) = space_for::<T::Bits>(call, lanes.n)?;
            for (lane, to) in out.elements.iter_mut().enumerate() {
                let x = &x[lanes.start(lane)..];
                to.write(quantile::<T>(call, (x, lanes.inner), (keys, counts), wanted)?);
            }
            Ok(())
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work)? };
    }
    // SAFETY: each lane has one result.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn tensor_median(call: &mut OpCall<'_>) -> Done {
    with_elem!(float call.elem(0), T => of_all::<T>(call, Wanted::Median))
}

pub(super) fn tensor_quantile(call: &mut OpCall<'_>) -> Done {
    with_elem!(float call.elem(0), T => {
        let wanted = part::<T>(call.args[1])?;
        of_all::<T>(call, wanted)
    })
}

pub(super) fn tensor_median_axis(call: &mut OpCall<'_>) -> Done {
    with_elem!(float call.elem(0), T => along_axis::<T>(call, Wanted::Median))
}

pub(super) fn tensor_quantile_axis(call: &mut OpCall<'_>) -> Done {
    with_elem!(float call.elem(0), T => {
        let wanted = part::<T>(call.args[2])?;
        along_axis::<T>(call, wanted)
    })
}
