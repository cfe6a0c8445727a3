//! Sorting along an axis: stable, in NumPy's order (ascending, NaN last).
//!
//! The elements of a lane are sorted together with their places: short runs
//! first, on all cores, then runs are merged two and two. What is looked at
//! besides the values is their place, so the result is the same however many
//! threads there are.

use super::OpCall;
use super::number::Real;
use super::work::Leave;
use crate::object::element::with_elem;
use crate::threads::Threads;
use crate::trap::TrapError;
use nbc_ir::catalogue::Extent;
use std::cmp::Ordering;

type Done = Result<(), TrapError>;

/// Elements of a run that is sorted by itself.
const RUN: usize = 1 << 13;
/// Elements that are sorted or merged between two questions to the host.
const STRETCH: usize = 1 << 17;

/// An element, and its place along the axis.
type Placed<T> = (T, i64);

/// Ascending, NaN after all others; of equals the first comes first.
#[inline(always)]
fn order<T: Real>(a: &Placed<T>, b: &Placed<T>) -> Ordering {
    let values = a.0.partial_cmp(&b.0).unwrap_or_else(|| a.0.is_nan().cmp(&b.0.is_nan()));
    values.then(a.1.cmp(&b.1))
}

pub(super) fn tensor_sort_with_places(call: &mut OpCall<'_>) -> Done {
    let dims = call.tensor(0).dims();
    let axis = call.axis(1, dims.len())?;
    with_elem!(real call.elem(0), T => {
        call.charge(Extent::new(&dims, size_of::<T>() + size_of::<i64>()))?;
        let sorted = call.output_charged::<T>(&dims)?;
        let places = call.output_charged::<i64>(&dims)?;
        let from = call.input::<T>(0);
        if !from.is_empty() {
            let n = dims[axis] as usize;
            let inner = dims[axis + 1..].iter().product::<u64>() as usize;
            let leave = Leave::of(&mut *call.host);
            let threads = call.host.heap().threads().clone();
            let lanes = |call: &mut OpCall<'_>| {
                let (mut lane, mut spare) = (space::<T>(call, n)?, space::<T>(call, n)?);
                for number in 0..from.len() / n {
                    if number > 0 && number * n / STRETCH != (number - 1) * n / STRETCH && !leave.go_on() {
                        break;
                    }
                    let start = number / inner * n * inner + number % inner;
                    for (i, placed) in lane.iter_mut().enumerate() {
                        *placed = (from[start + i * inner], i as i64);
                    }
                    sort(&mut lane, &mut spare, &threads, &leave);
                    for (i, (value, place)) in lane.iter().enumerate() {
                        sorted.elements[start + i * inner].write(*value);
                        places.elements[start + i * inner].write(*place);
                    }
                }
                leave.granted()
            };
            // SAFETY: nothing that is made in there is used behind it.
            unsafe { call.with_working_space(lanes)? };
        }
        // SAFETY: each element is in one lane, and all lanes have been written.
        unsafe {
            call.finish(sorted);
            call.finish_as(1, places);
        }
        Ok(())
    })
}

/// Room for `n` elements, as long as the innermost region.
fn space<'s, T: Real>(call: &mut OpCall<'_>, n: usize) -> Result<&'s mut [Placed<T>], TrapError> {
    let start = call.host.heap().scratch(n.saturating_mul(size_of::<Placed<T>>()))?.cast::<Placed<T>>();
    // SAFETY: the memory has room for `n` elements, is aligned to 16, and is initialised here.
    unsafe {
        (0..n).for_each(|i| start.add(i).write((T::ZERO, 0)));
        Ok(std::slice::from_raw_parts_mut(start.as_ptr(), n))
    }
}

/// Sorts `lane`; `spare` is as long. Either may hold the result, so they change places.
/// Without leave to go on it stops with the elements in any order.
fn sort<'s, T: Real>(
    lane: &mut &'s mut [Placed<T>],
    spare: &mut &'s mut [Placed<T>],
    threads: &Threads,
    leave: &Leave,
) {
    if lane.len() <= RUN {
        // Other cores are not asked for one run, nor is the host.
        return lane.sort_unstable_by(order);
    }
    for stretch in lane.chunks_mut(STRETCH) {
        let runs: Vec<_> = stretch.chunks_mut(RUN).collect();
        threads.each(runs, |run| run.sort_unstable_by(order));
        if !leave.go_on() {
            return;
        }
    }
    let mut run = RUN;
    while run < lane.len() {
        let from: &[Placed<T>] = lane;
        let pairs: Vec<_> = spare.chunks_mut(2 * run).zip(from.chunks(2 * run)).collect();
        threads.each(pairs, |(to, both)| {
            let (left, right) = both.split_at(run.min(both.len()));
            merge(to, left, right, leave);
        });
        if !leave.go_on() {
            return;
        }
        std::mem::swap(lane, spare);
        run *= 2;
    }
}

/// Merges two sorted runs into `to`, as long as both.
fn merge<'r, T: Real>(
    to: &mut [Placed<T>],
    mut left: &'r [Placed<T>],
    mut right: &'r [Placed<T>],
    leave: &Leave,
) {
    for stretch in to.chunks_mut(STRETCH) {
        for place in stretch {
            let from = match (left.first(), right.first()) {
                (Some(l), Some(r)) if order(l, r) != Ordering::Greater => &mut left,
                (Some(_), None) => &mut left,
                _ => &mut right,
            };
            if let Some((first, rest)) = from.split_first() {
                *place = *first;
                *from = rest;
            }
        }
        if !leave.go_on() {
            return;
        }
    }
}
