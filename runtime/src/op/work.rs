//! Cutting work into pieces: for the cores, and for the host's leave to go on.
//!
//! A result is written piece by piece by a function of the piece's place, so
//! how it is cut never changes a bit.

use super::OpHost;
use super::simd::{Work, dispatch};
use crate::interruption::Interruption;
use crate::placement::Part;
use crate::threads::Threads;
use crate::trap::{TrapCode, TrapError};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Elements of a piece of unit weight.
const PIECE: usize = 1 << 14;
/// Pieces are even, as random_normal makes pairs.
const GRAIN: usize = 2;
/// About a millisecond of work on one core.
const BETWEEN_POLLS: usize = 1 << 20;

/// Writes `out` by calling `fill(start, piece)` for every piece of it, which
/// must write all of the piece. `weight` is about how many times as long as
/// an addition an element takes.
pub(super) fn fill<T: Send>(
    host: &mut dyn OpHost,
    out: &mut [MaybeUninit<T>],
    weight: usize,
    fill: impl Fn(usize, &mut [MaybeUninit<T>]) + Sync,
) -> Result<(), TrapError> {
    fill_groups(host, out, weight, GRAIN, fill)
}

/// [`fill`] with pieces that begin at multiples of `group`.
pub(super) fn fill_groups<T: Send>(
    host: &mut dyn OpHost,
    out: &mut [MaybeUninit<T>],
    weight: usize,
    group: usize,
    fill: impl Fn(usize, &mut [MaybeUninit<T>]) + Sync,
) -> Result<(), TrapError> {
    let start = Shared::of(out);
    in_pieces(host, out.len(), weight, group, &|piece| {
        // SAFETY: pieces are disjoint parts of `0..out.len()`, and `out` is
        // borrowed exclusively until all are done.
        let part = unsafe { std::slice::from_raw_parts_mut(start.get().add(piece.start), piece.len()) };
        fill(piece.start, part)
    })
}

/// Writes `out` by calling `run(unit, out)` for every one of `count` units, each of which takes as long
/// as `weight` additions. All together must write all of it.
///
/// # Safety
/// No two units may write the same element, and all must stay within `len` elements from the place they are given.
pub(super) unsafe fn for_units<T: Send>(
    host: &mut dyn OpHost,
    out: &mut [MaybeUninit<T>],
    (count, weight): (usize, usize),
    run: impl Fn(usize, *mut MaybeUninit<T>) + Sync,
) -> Result<(), TrapError> {
    let start = Shared::of(out);
    in_pieces(host, count, weight, 1, &|units| {
        for unit in units {
            run(unit, start.get());
        }
    })
}

/// Copies `from` into `to`, of the same length, one piece after the other.
pub(super) fn copy<T: Copy>(
    host: &mut dyn OpHost,
    to: &mut [MaybeUninit<T>],
    from: &[T],
) -> Result<(), TrapError> {
    let mut parts = to.chunks_mut(BETWEEN_POLLS).zip(from.chunks(BETWEEN_POLLS));
    if let Some((to, from)) = parts.next() {
        to.write_copy_of_slice(from);
    }
    for (to, from) in parts {
        host.poll()?;
        to.write_copy_of_slice(from);
    }
    Ok(())
}

/// Elements that are looked at together for one that is wanted.
const LOOK: usize = 1024;

/// The number of the first part of [`LOOK`] elements that has one that is wanted.
struct Look<'w, T, F> {
    all: &'w [T],
    is_wanted: F,
}

impl<T, F: Fn(&T) -> bool> Work for Look<'_, T, F> {
    type Result = Option<usize>;
    #[inline(always)]
    fn run(self) -> Option<usize> {
        // All of a part are looked at, so that it is done many at a time.
        self.all.chunks(LOOK).position(|part| part.iter().fold(false, |any, v| any | (self.is_wanted)(v)))
    }
}

/// The first place of an element that `is_wanted`.
pub(super) fn position<T>(
    host: &mut dyn OpHost,
    all: &[T],
    is_wanted: impl Fn(&T) -> bool + Copy,
) -> Result<Option<usize>, TrapError> {
    for (n, part) in all.chunks(BETWEEN_POLLS).enumerate() {
        if n > 0 {
            host.poll()?;
        }
        if let Some(look) = dispatch(Look { all: part, is_wanted }) {
            let start = look * LOOK;
            let at = part[start..].iter().position(is_wanted).unwrap_or(0);
            return Ok(Some(n * BETWEEN_POLLS + start + at));
        }
    }
    Ok(None)
}

/// Leave to go on for what is long though it makes only a piece, on whatever thread.
pub(super) struct Leave {
    outside: Interruption,
    is_refused: AtomicBool,
}

impl Leave {
    /// As the host gives it.
    pub(super) fn of(host: &mut dyn OpHost) -> Leave {
        Leave { outside: host.heap().interruption().clone(), is_refused: AtomicBool::new(false) }
    }

    /// Whether to go on. Who is told not to may leave undone what it is at: [`Leave::granted`]
    /// then fails, as whoever asks has to be the next to say.
    pub(super) fn go_on(&self) -> bool {
        let stopped = self.outside.stopped_by().is_some();
        if stopped {
            self.is_refused.store(true, Ordering::Relaxed);
        }
        !stopped
    }

    /// The trap, if anybody was told not to go on. All work has to be over.
    pub(super) fn granted(self) -> Result<(), TrapError> {
        if !self.is_refused.into_inner() {
            return Ok(());
        }
        Err(self.outside.stopped_by().unwrap_or(TrapCode::Interrupted).into())
    }
}

/// Elements that may be written and not read.
pub(super) fn as_uninit<T>(elements: &mut [T]) -> &mut [MaybeUninit<T>] {
    let (start, len) = (elements.as_mut_ptr().cast::<MaybeUninit<T>>(), elements.len());
    // SAFETY: they are the same elements, borrowed exclusively; nobody here leaves one that is not initialised.
    unsafe { std::slice::from_raw_parts_mut(start, len) }
}

/// What threads work in. There may be more of them than rooms; who has one waits for nobody.
pub(super) struct Rooms<R> {
    free: Mutex<Vec<R>>,
    is_free: Condvar,
}

impl<R> Rooms<R> {
    /// Those, of which there is one at least.
    pub(super) fn new(free: Vec<R>) -> Rooms<R> {
        Rooms { free: Mutex::new(free), is_free: Condvar::new() }
    }

    /// Does `work` with a room, once there is one.
    pub(super) fn with(&self, work: impl FnOnce(&mut R)) {
        let mut rooms = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = loop {
            match rooms.pop() {
                Some(room) => break room,
                None => rooms = self.is_free.wait(rooms).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(rooms);
        work(&mut room);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(room);
        self.is_free.notify_one();
    }
}

/// The start of a slice whose disjoint parts several threads write.
pub(super) struct Shared<T>(*mut MaybeUninit<T>);

// SAFETY: only disjoint parts are reached through it, of elements that may be sent.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(super) fn of(slice: &mut [MaybeUninit<T>]) -> Shared<T> {
        Shared(slice.as_mut_ptr())
    }

    pub(super) fn get(&self) -> *mut MaybeUninit<T> {
        self.0
    }
}

/// Runs `run` for disjoint ranges that make up `0..len` and begin at multiples of `grain`, where it is placed. Not
/// generic, so that the machinery of threads is compiled once and not for every kernel.
pub(super) fn in_pieces(
    host: &mut dyn OpHost,
    len: usize,
    weight: usize,
    grain: usize,
    run: &(dyn Fn(Range<usize>) + Sync),
) -> Result<(), TrapError> {
    let placing = host.heap().placing();
    let load = placing.load(len as f64 * weight as f64 * placing.rates().unit);
    let placed = placing.place(load);
    in_pieces_on(host, placed.threads.as_ref(), (len, weight, grain), run)?;
    host.heap().placing().done(placed);
    Ok(())
}

/// Does `work` as a part of the operation. Where to do that is learned apart: other work takes other times.
pub(super) fn as_part<R>(host: &mut dyn OpHost, part: Part, work: impl FnOnce(&mut dyn OpHost) -> R) -> R {
    let before = host.heap().placing().at_hand;
    host.heap().placing_mut().at_hand.part = part;
    let done = work(host);
    host.heap().placing_mut().at_hand = before;
    done
}

/// [`in_pieces`] on those threads, or on this one.
pub(super) fn in_pieces_on(
    host: &mut dyn OpHost,
    threads: Option<&Threads>,
    (len, weight, grain): (usize, usize, usize),
    run: &(dyn Fn(Range<usize>) + Sync),
) -> Result<(), TrapError> {
    let weight = weight.clamp(1, BETWEEN_POLLS);
    let stretch = BETWEEN_POLLS / weight;
    let piece = (PIECE / weight).max(1).next_multiple_of(grain);
    let stretch =
        threads.map_or(stretch.next_multiple_of(grain), |t| (stretch * t.count()).next_multiple_of(piece));
    for start in (0..len).step_by(stretch) {
        if start > 0 {
            host.poll()?;
        }
        let end = len.min(start.saturating_add(stretch));
        match threads {
            None => run(start..end),
            Some(threads) => threads.each(0..(end - start).div_ceil(piece), |j| {
                run(start + j * piece..end.min(start + (j + 1) * piece));
            }),
        }
    }
    Ok(())
}
