//! Sorting along an axis: stable, in NumPy's order (ascending, NaN last).
//!
//! Elements are sorted as integers of the same order, short runs first, on all cores, then runs are merged
//! two and two. Of many short lanes each core takes some. Invariant: of equal elements the first stays first, also of zeros with
//! different signs; so the result is the same however many threads there are.

use super::OpCall;
use super::number::Real;
use super::work::{Leave, Shared, fill, in_pieces_on};
use crate::object::element::with_elem;
use crate::placement::{AtHand, Choice, Part};
use crate::threads::Threads;
use crate::trap::TrapError;
use nbc_ir::catalogue::Extent;
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

type Done = Result<(), TrapError>;

/// Elements of a run that is sorted by itself.
const RUN: usize = 1 << 14;
/// Most elements of lanes that are sorted side by side, each on one core with room of its own.
const SHORT: usize = 1 << 16;
/// About how many additions an element takes, times the logarithm of how many there are.
const WEIGHT: usize = 6;
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
        let to = Shared::of(&mut *out.elements);
        let work = |call: &mut OpCall<'_>| {
            each_lane(call, &lanes, |number, room, asks| {
                let start = lanes.start(number);
                sort_values::<T>(&from[start..], lanes.inner, room, asks, |i, v| {
                    // SAFETY: element `i` of the lane is one of the result, and this lane's alone.
                    unsafe { to.get().add(start + i * lanes.inner).write(MaybeUninit::new(v)) };
                })
            })
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work)? };
        // SAFETY: each element is in one lane, and all lanes have been written.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Sorts a lane whose elements lie `step` apart, and gives each to `write` with its new place. Without leave
/// to go on it stops somewhere.
fn sort_values<T: Key>(
    from: &[T],
    step: usize,
    room: &mut Room<'_, T::Bits>,
    asks: Asks<'_>,
    mut write: impl FnMut(usize, T),
) {
    let mut negative_zeros = false;
    let lane = &mut *room.lane;
    for first in (0..lane.len()).step_by(STRETCH) {
        if first > 0 && !asks.leave.go_on() {
            return;
        }
        let end = lane.len().min(first + STRETCH);
        for (i, bits) in lane[first..end].iter_mut().enumerate() {
            let v = from[(first + i) * step];
            negative_zeros |= v == T::ZERO && v.bits() != T::ZERO.bits();
            *bits = v.bits();
        }
    }
    sort(room, asks);
    let lane = &*room.lane;
    for (n, part) in lane.chunks(STRETCH).enumerate() {
        if n > 0 && !asks.leave.go_on() {
            return;
        }
        for (i, bits) in part.iter().enumerate() {
            write(n * STRETCH + i, T::of_bits(*bits));
        }
    }
    if negative_zeros {
        // Zeros come in the order in which they were.
        let mut at = lane.partition_point(|bits| T::of_bits(*bits) < T::ZERO);
        for i in 0..lane.len() {
            if i % STRETCH == STRETCH - 1 && !asks.leave.go_on() {
                return;
            }
            if from[i * step] == T::ZERO {
                write(at, from[i * step]);
                at += 1;
            }
        }
    }
}

/// Sorts each lane as integers with their places, and gives them to `write`: the lane's start, the number of the first, and
/// what is in order from there on.
fn sort_placed<T: Key>(
    call: &mut OpCall<'_>,
    lanes: &Lanes,
    write: impl Fn(usize, usize, &[u128]) + Sync,
) -> Done {
    let from = call.input::<T>(0);
    each_lane(call, lanes, |number, room, asks| {
        let start = lanes.start(number);
        for (n, part) in room.lane.chunks_mut(STRETCH).enumerate() {
            if n > 0 && !asks.leave.go_on() {
                return;
            }
            for (i, to) in part.iter_mut().enumerate() {
                let place = n * STRETCH + i;
                *to = placed(from[start + place * lanes.inner], place);
            }
        }
        sort(room, asks);
        for (n, part) in room.lane.chunks(STRETCH).enumerate() {
            if n > 0 && !asks.leave.go_on() {
                return;
            }
            write(start, n * STRETCH, part);
        }
    })
}

/// Runs `one` for the number of each lane, where it is placed, with room for the lane and as much to spare.
fn each_lane<K: Copy + Default + Send>(
    call: &mut OpCall<'_>,
    lanes: &Lanes,
    one: impl Fn(usize, &mut Room<'_, K>, Asks<'_>) + Sync,
) -> Done {
    let (n, count) = (lanes.n, lanes.count);
    // Charged for however it runs.
    let mut room = Room { lane: space::<K>(call, n)?, spare: space(call, n)? };
    let host = &mut *call.host;
    let leave = Leave::of(host);
    let placing = host.heap().placing();
    // One lane can be shared if it is longer than a run, and short lanes can be if there are several.
    let within = (n > RUN || count == 1).then_some(Choice::AllCores);
    let side_by_side = (n <= SHORT && count > 1).then_some(Choice::LanesOnAllCores);
    let load = placing.load(count as f64 * work_of(n) as f64 * placing.rates().unit);
    let placed = placing.place_among(load, [within, side_by_side]);
    let one_by_one = |room: &mut Room<'_, K>, threads: Option<&Threads>| {
        for number in 0..count {
            // Short lanes are asked about now and then, long ones as they are sorted.
            if number * n % STRETCH < n && !leave.go_on() {
                return;
            }
            one(number, room, Asks { leave: &leave, threads });
        }
    };
    if placed.choice == Choice::LanesOnAllCores {
        let lacks_room = AtomicBool::new(false);
        let pieces = (count, work_of(n), 1);
        in_pieces_on(host, placed.threads.as_ref(), pieces, &|numbers| {
            let (Some(mut lane), Some(mut spare)) = (own(n), own(if n > RUN { n } else { 0 })) else {
                return lacks_room.store(true, Ordering::Relaxed);
            };
            let mut room = Room { lane: &mut lane, spare: &mut spare };
            for number in numbers {
                if !leave.go_on() {
                    return;
                }
                one(number, &mut room, Asks { leave: &leave, threads: None });
            }
        })?;
        if lacks_room.into_inner() {
            one_by_one(&mut room, None);
        }
    } else {
        one_by_one(&mut room, placed.threads.as_ref());
    }
    leave.granted()?;
    host.heap().placing().done(placed);
    Ok(())
}

/// Room for `n` of a thread's own, beside the heap, if there is any.
fn own<K: Copy + Default>(n: usize) -> Option<Vec<K>> {
    let mut own = Vec::new();
    own.try_reserve_exact(n).ok()?;
    own.resize(n, K::default());
    Some(own)
}

pub(super) fn tensor_argsort(call: &mut OpCall<'_>) -> Done {
    let lanes = Lanes::of(call)?;
    let out = call.output::<i64>(&call.tensor(0).dims())?;
    let to = Shared::of(&mut *out.elements);
    let work = |call: &mut OpCall<'_>| {
        with_elem!(real call.elem(0), T => sort_placed::<T>(call, &lanes, |start, first, part| {
            for (i, placed) in part.iter().enumerate() {
                let place = MaybeUninit::new(place_of(*placed) as i64);
                // SAFETY: element `first + i` of the lane is one of the result, and this lane's alone.
                unsafe { to.get().add(start + (first + i) * lanes.inner).write(place) };
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
        let (to, to_places) = (Shared::of(&mut *sorted.elements), Shared::of(&mut *places.elements));
        let work = |call: &mut OpCall<'_>| {
            sort_placed::<T>(call, &lanes, |start, first, part| {
                for (i, placed) in part.iter().enumerate() {
                    let (at, place) = (start + (first + i) * lanes.inner, place_of(*placed));
                    let value = MaybeUninit::new(from[start + place * lanes.inner]);
                    // SAFETY: element `first + i` of the lane is one of either result, and this lane's alone.
                    unsafe {
                        to.get().add(at).write(value);
                        to_places.get().add(at).write(MaybeUninit::new(place as i64));
                    }
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
    let before = call.host.heap().placing().at_hand;
    let bytes = n.saturating_mul(size_of::<K>()) as u64;
    let clearing = AtHand { part: Part::Space, elements: n as u64, bytes, ..before };
    call.host.heap().placing_mut().at_hand = clearing;
    let cleared = fill(call.host, &mut *room, 1, |_, piece| {
        piece.iter_mut().for_each(|place| _ = place.write(K::default()))
    });
    call.host.heap().placing_mut().at_hand = before;
    cleared?;
    // SAFETY: all have just been written.
    Ok(unsafe { std::slice::from_raw_parts_mut(start.as_ptr().cast::<K>(), n) })
}

/// Where elements are sorted. Either half may hold the result, so they change places.
pub(super) struct Room<'r, K> {
    pub(super) lane: &'r mut [K],
    /// As long, if the lane is longer than a run.
    pub(super) spare: &'r mut [K],
}

/// What a sort asks: for leave to go on, and other threads.
#[derive(Clone, Copy)]
pub(super) struct Asks<'a> {
    pub(super) leave: &'a Leave,
    /// Those that take part; none besides the calling one if there are none.
    pub(super) threads: Option<&'a Threads>,
}

/// About how many additions sorting `n` elements takes.
pub(super) fn work_of(n: usize) -> usize {
    n.saturating_mul(WEIGHT * n.max(2).ilog2() as usize)
}

/// Sorts the lane. Without leave to go on it stops with the elements in any order.
pub(super) fn sort<K: Ord + Copy + Send + Sync>(
    Room { lane, spare }: &mut Room<'_, K>,
    Asks { leave, threads }: Asks<'_>,
) {
    if lane.len() <= RUN {
        // Other cores are not asked for one run, nor is the host.
        return lane.sort_unstable();
    }
    match threads {
        None => sort_runs(lane, spare, 1, leave),
        Some(threads) => threads.run(|| sort_runs(lane, spare, threads.count(), leave)),
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
