//! Cutting work into pieces: for the cores, and for the host's leave to go on.
//!
//! A result is written piece by piece by a function of the piece's place, so
//! how it is cut never changes a bit.

use super::OpHost;
use crate::trap::TrapError;
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Elements of a piece of unit weight. Even, as random_normal makes pairs.
const PIECE: usize = 1 << 14;
/// From this much work on (elements times weight) all cores take part.
const PARALLEL: usize = 1 << 18;
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
    let start = Shared(out.as_mut_ptr());
    in_pieces(host, out.len(), weight, &|piece| {
        // SAFETY: pieces are disjoint parts of `0..out.len()`, and `out` is
        // borrowed exclusively until all are done.
        let part = unsafe { std::slice::from_raw_parts_mut(start.get().add(piece.start), piece.len()) };
        fill(piece.start, part)
    })
}

/// The start of a slice whose disjoint parts several threads write.
struct Shared<T>(*mut MaybeUninit<T>);

// SAFETY: only disjoint parts are reached through it, of elements that may be sent.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn get(&self) -> *mut MaybeUninit<T> {
        self.0
    }
}

/// Runs `run` for disjoint ranges that make up `0..len`. Not generic, so that
/// the machinery of threads is compiled once and not for every kernel.
fn in_pieces(
    host: &mut dyn OpHost,
    len: usize,
    weight: usize,
    run: &(dyn Fn(Range<usize>) + Sync),
) -> Result<(), TrapError> {
    let weight = weight.clamp(1, BETWEEN_POLLS);
    let stretch = BETWEEN_POLLS / weight;
    let one_thread = len.saturating_mul(weight) < PARALLEL || rayon::current_num_threads() == 1;
    let piece = (PIECE / weight).max(1).next_multiple_of(2);
    let stretch = if one_thread {
        stretch.next_multiple_of(2)
    } else {
        (stretch * rayon::current_num_threads()).next_multiple_of(piece)
    };
    for start in (0..len).step_by(stretch) {
        if start > 0 {
            host.poll()?;
        }
        let end = len.min(start.saturating_add(stretch));
        if one_thread {
            run(start..end);
            continue;
        }
        (0..(end - start).div_ceil(piece))
            .into_par_iter()
            .for_each(|j| run(start + j * piece..end.min(start + (j + 1) * piece)));
    }
    Ok(())
}
