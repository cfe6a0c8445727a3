//! Sorting along an axis: stable, in NumPy's order (ascending, NaN last).
//!
//! Elements are sorted as integers of the same order, short runs first, on all cores, then runs are merged
//! two and two. Invariant: of equal elements the first stays first, also of zeros with
//! different signs; so the result is the same however many threads there are.

use super::number::Real;
use super::work::{Leave, fill};
use super::{OpCall, OpHost};
use crate::object::element::with_elem;
use crate::threads::Threads;
use crate::trap::TrapError;
use nbc_ir::catalogue::Extent;
use rayon::prelude::*;
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

/// Elements of a run that is sorted by itself.
const RUN: usize = 1 << 14;
/// Elements that are merged or looked through between two questions to the host.
const STRETCH: usize = 1 << 16;

/// Elements that integers stand for which are in the same order.
pub(super) trait Key: Real {
    /// An integer that elements become.
    type Bits: Ord + Copy + Default + Send + Sync + Into<u64>;
    /// The integer: that of any NaN is the largest, and -0 is before +0.
    fn bits(self) -> Self::Bits;
    /// The element, but for which NaN it was.
    fn of_bits(bits: Self::Bits) -> Self;
}

macro_rules! integer_keys {
    ($($ty:ident $bits:ident $sign:expr;)*) => {$(
        impl Key for $ty {
            type Bits = $bits;
            #[inline(always)]
            fn bits(self) -> $bits {
                self as $bits ^ $sign
            }
            #[inline(always)]
            fn of_bits(bits: $bits) -> $ty {
                (bits ^ $sign) as $ty
            }
        }
    )*};
}
integer_keys! {
    u8 u8 0;
    i32 u32 1 << 31;
    i64 u64 1 << 63;
}

macro_rules! float_keys {
    ($($ty:ident $bits:ident $signed:ident;)*) => {$(
        impl Key for $ty {
            type Bits = $bits;
            #[inline(always)]
            fn bits(self) -> $bits {
                // A negative number's bits turned round, another's with the sign set.
                let bits = self.to_bits();
                let mask = ((bits as $signed) >> ($bits::BITS - 1)) as $bits | 1 << ($bits::BITS - 1);
                if self.is_nan() { $bits::MAX } else { bits ^ mask }
            }
            #[inline(always)]
            fn of_bits(bits: $bits) -> $ty {
                let mask = ((!bits as $signed) >> ($bits::BITS - 1)) as $bits | 1 << ($bits::BITS - 1);
                $ty::from_bits(bits ^ mask)
            }
        }
    )*};
}
float_keys! {
    f32 u32 i32;
    f64 u64 i64;
}

/// An element as an integer, and its place behind that: no two are equal.
#[inline(always)]
pub(super) fn placed<T: Key>(value: T, place: usize) -> u128 {
    // Zeros are equal, whatever their sign.
    let value = if value == T::ZERO { T::ZERO } else { value };
    let bits: u64 = value.bits().into();
    (bits as u128) << 64 | place as u128
}

/// The place that is behind the integer.
#[inline(always)]
pub(super) fn place_of(placed: u128) -> usize {
    placed as u64 as usize
}

/// A tensor seen as lanes along an axis.
pub(super) struct Lanes {
    pub(super) n: usize,
    pub(super) inner: usize,
    count: usize,
}

impl Lanes {
    /// Along the axis in argument 1.
    pub(super) fn of(call: &OpCall<'_>) -> Result<Lanes, TrapError> {
        let (dims, len) = (call.tensor(0).dims(), call.tensor(0).len());
        let axis = call.axis(1, dims.len())?;
        // Without elements there are no lanes, however long they would be.
        let n = if len == 0 { 0 } else { dims[axis] as usize };
        let inner = dims[axis + 1..].iter().fold(1usize, |n, d| n.saturating_mul(*d as usize));
        Ok(Lanes { n, inner, count: len.checked_div(n).unwrap_or(0) })
    }

    /// Where lane number `lane` begins; its elements are `inner` apart.
    pub(super) fn start(&self, lane: usize) -> usize {
        lane / self.inner * self.n * self.inner + lane % self.inner
    }
}

pub(super) fn tensor_sort(call: &mut OpCall<'_>) -> Done {
    let lanes = Lanes::of(call)?;
    with_elem!(real call.elem(0), T => {
        let out = call.output::<T>(&call.tensor(0).dims())?;
        let from = call.input::<T>(0);
        let to = &mut *out.elements;
        let work = |call: &mut OpCall<'_>| {
            let (mut lane, mut spare) = (space(call, lanes.n)?, space(call, lanes.n)?);
            let leave = Leave::of(&mut *call.host);
            for number in 0..lanes.count {
                let start = lanes.start(number);
                sort_values::<T>(call.host, &from[start..], lanes.inner, (&mut lane, &mut spare), &leave, |i, v| {
                    to[start + i * lanes.inner].write(v);
                })?;
            }
            leave.granted()
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work)? };
        // SAFETY: each element is in one lane, and all lanes have been written.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Sorts a lane whose elements lie `step` apart, and gives each to `write` with its new place.
fn sort_values<'s, T: Key>(
    host: &mut dyn OpHost,
    from: &[T],
    step: usize,
    (lane, spare): (&mut &'s mut [T::Bits], &mut &'s mut [T::Bits]),
    leave: &Leave,
    mut write: impl FnMut(usize, T),
) -> Done {
    let mut negative_zeros = false;
    for first in (0..lane.len()).step_by(STRETCH) {
        if first > 0 {
            host.poll()?;
        }
        let end = lane.len().min(first + STRETCH);
        for (i, bits) in lane[first..end].iter_mut().enumerate() {
            let v = from[(first + i) * step];
            negative_zeros |= v == T::ZERO && v.bits() != T::ZERO.bits();
            *bits = v.bits();
        }
    }
    let threads = host.heap().threads().clone();
    sort(lane, spare, &threads, leave);
    for (n, part) in lane.chunks(STRETCH).enumerate() {
        if n > 0 {
            host.poll()?;
        }
        for (i, bits) in part.iter().enumerate() {
            write(n * STRETCH + i, T::of_bits(*bits));
        }
    }
    if negative_zeros {
        // Zeros come in the order in which they were.
        let mut at = lane.partition_point(|bits| T::of_bits(*bits) < T::ZERO);
        for i in 0..lane.len() {
            if i % STRETCH == STRETCH - 1 {
                host.poll()?;
            }
            if from[i * step] == T::ZERO {
                write(at, from[i * step]);
                at += 1;
            }
        }
    }
    Ok(())
}

/// Sorts each lane as integers with their places, and gives them to `write`: the lane's start and what is in order.
fn sort_placed<T: Key>(call: &mut OpCall<'_>, lanes: &Lanes, mut write: impl FnMut(usize, &[u128])) -> Done {
    let from = call.input::<T>(0);
    let (mut lane, mut spare) = (space(call, lanes.n)?, space(call, lanes.n)?);
    let leave = Leave::of(&mut *call.host);
    let threads = call.host.heap().threads().clone();
    for number in 0..lanes.count {
        // Short lanes are asked about now and then, long ones as they are sorted.
        if number * lanes.n % STRETCH < lanes.n && !leave.go_on() {
            break;
        }
        let start = lanes.start(number);
        for (i, placed_one) in lane.iter_mut().enumerate() {
            *placed_one = placed(from[start + i * lanes.inner], i);
        }
        sort(&mut lane, &mut spare, &threads, &leave);
        write(start, lane);
    }
    leave.granted()
}

pub(super) fn tensor_argsort(call: &mut OpCall<'_>) -> Done {
    let lanes = Lanes::of(call)?;
    let out = call.output::<i64>(&call.tensor(0).dims())?;
    let to = &mut *out.elements;
    let work = |call: &mut OpCall<'_>| {
        with_elem!(real call.elem(0), T => sort_placed::<T>(call, &lanes, |start, lane| {
            for (i, placed) in lane.iter().enumerate() {
                to[start + i * lanes.inner].write(place_of(*placed) as i64);
            }
        }))
    };
    // SAFETY: nothing that is made in there is used behind it.
    unsafe { call.with_working_space(work)? };
    // SAFETY: each element is in one lane, and all lanes have been written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn tensor_sort_with_places(call: &mut OpCall<'_>) -> Done {
    let lanes = Lanes::of(call)?;
    let dims = call.tensor(0).dims();
    with_elem!(real call.elem(0), T => {
        call.charge(Extent::new(&dims, size_of::<T>() + size_of::<i64>()))?;
        let sorted = call.output_charged::<T>(&dims)?;
        let places = call.output_charged::<i64>(&dims)?;
        let from = call.input::<T>(0);
        let (to, to_places) = (&mut *sorted.elements, &mut *places.elements);
        let work = |call: &mut OpCall<'_>| {
            sort_placed::<T>(call, &lanes, |start, lane| {
                for (i, placed) in lane.iter().enumerate() {
                    let (at, place) = (start + i * lanes.inner, place_of(*placed));
                    to[at].write(from[start + place * lanes.inner]);
                    to_places[at].write(place as i64);
                }
            })
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work)? };
        // SAFETY: each element is in one lane, and all lanes have been written.
        unsafe {
            call.finish(sorted);
            call.finish_as(1, places);
        }
        Ok(())
    })
}

/// Room for `n` integers, as long as the innermost region.
pub(super) fn space<'s, K: Copy + Default + Send>(
    call: &mut OpCall<'_>,
    n: usize,
) -> Result<&'s mut [K], TrapError> {
    const { assert!(align_of::<K>() <= 16) };
    let start = call.host.heap().scratch(n.saturating_mul(size_of::<K>()))?.cast::<MaybeUninit<K>>();
    // SAFETY: the memory has room for `n` of them, is aligned to 16, and is nobody else's.
    let room = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), n) };
    fill(call.host, &mut *room, 1, |_, piece| {
        piece.iter_mut().for_each(|place| _ = place.write(K::default()))
    })?;
    // SAFETY: all have just been written.
    Ok(unsafe { std::slice::from_raw_parts_mut(start.as_ptr().cast::<K>(), n) })
}

/// Sorts `lane`; `spare` is as long. Either may hold the result, so they change places.
/// Without leave to go on it stops with the elements in any order.
pub(super) fn sort<'s, K: Ord + Copy + Send + Sync>(
    lane: &mut &'s mut [K],
    spare: &mut &'s mut [K],
    threads: &Threads,
    leave: &Leave,
) {
    if lane.len() <= RUN {
        // Other cores are not asked for one run, nor is the host.
        return lane.sort_unstable();
    }
    match threads.count() {
        1 => sort_runs(lane, spare, 1, leave),
        count => threads.run(|| sort_runs(lane, spare, count, leave)),
    }
}

/// [`sort`] on so many of the present threads.
fn sort_runs<'s, K: Ord + Copy + Send + Sync>(
    lane: &mut &'s mut [K],
    spare: &mut &'s mut [K],
    threads: usize,
    leave: &Leave,
) {
    for stretch in lane.chunks_mut(RUN * threads) {
        if !leave.go_on() {
            return;
        }
        match threads {
            1 => stretch.sort_unstable(),
            _ => stretch.par_chunks_mut(RUN).for_each(|run| run.sort_unstable()),
        }
    }
    let mut run = RUN;
    while run < lane.len() {
        for (to, both) in spare.chunks_mut(2 * run).zip(lane.chunks(2 * run)) {
            let (left, right) = both.split_at(run.min(both.len()));
            merge(to, left, right, threads > 1, leave);
        }
        if !leave.go_on() {
            return;
        }
        std::mem::swap(lane, spare);
        run *= 2;
    }
}

/// Merges two sorted runs into `to`, as long as both; on several cores where that is asked for.
fn merge<K: Ord + Copy + Send + Sync>(to: &mut [K], left: &[K], right: &[K], on_cores: bool, leave: &Leave) {
    if to.len() > STRETCH {
        // What is before the middle of the longer one, and what is not.
        let (long, short, turned) =
            if left.len() >= right.len() { (left, right, false) } else { (right, left, true) };
        let middle = long.len() / 2;
        let cut = short.partition_point(|v| *v < long[middle]);
        let (low_to, high_to) = to.split_at_mut(middle + cut);
        let ((low, high), (low_short, high_short)) = (long.split_at(middle), short.split_at(cut));
        let halves = |to, long, short| match turned {
            false => merge(to, long, short, on_cores, leave),
            true => merge(to, short, long, on_cores, leave),
        };
        if on_cores {
            rayon::join(|| halves(low_to, low, low_short), || halves(high_to, high, high_short));
        } else {
            halves(low_to, low, low_short);
            halves(high_to, high, high_short);
        }
        return;
    }
    if !leave.go_on() {
        return;
    }
    let (mut i, mut j) = (0, 0);
    while i < left.len() && j < right.len() {
        let (l, r) = (left[i], right[j]);
        let is_right = r < l;
        to[i + j] = if is_right { r } else { l };
        i += !is_right as usize;
        j += is_right as usize;
    }
    let at = i + j;
    to[at..at + left.len() - i].copy_from_slice(&left[i..]);
    let at = at + left.len() - i;
    to[at..].copy_from_slice(&right[j..]);
}
