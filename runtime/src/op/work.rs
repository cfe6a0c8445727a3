//! Cutting work into pieces: for the cores, and for the host's leave to go on.
//!
//! A result is written piece by piece by a function of the piece's place, so
//! how it is cut never changes a bit.

use super::OpHost;
use crate::trap::TrapError;
use rayon::prelude::*;
use std::mem::MaybeUninit;

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
    try_fill(host, out, weight, |start, piece| {
        fill(start, piece);
        Ok(())
    })
}

/// [`fill`] by a function that may trap; the trap of the first piece wins.
pub(super) fn try_fill<T: Send>(
    host: &mut dyn OpHost,
    out: &mut [MaybeUninit<T>],
    weight: usize,
    fill: impl Fn(usize, &mut [MaybeUninit<T>]) -> Result<(), TrapError> + Sync,
) -> Result<(), TrapError> {
    let weight = weight.clamp(1, BETWEEN_POLLS);
    let stretch = BETWEEN_POLLS / weight;
    if out.len().saturating_mul(weight) < PARALLEL || rayon::current_num_threads() == 1 {
        let stretch = stretch.next_multiple_of(2);
        for (i, part) in out.chunks_mut(stretch).enumerate() {
            if i > 0 {
                host.poll()?;
            }
            fill(i * stretch, part)?;
        }
        return Ok(());
    }
    let piece = (PIECE / weight).max(1).next_multiple_of(2);
    let stretch = (stretch * rayon::current_num_threads()).next_multiple_of(piece);
    for (i, part) in out.chunks_mut(stretch).enumerate() {
        if i > 0 {
            host.poll()?;
        }
        part.par_chunks_mut(piece)
            .enumerate()
            .map(|(j, part)| fill(i * stretch + j * piece, part))
            .find_first(Result::is_err)
            .unwrap_or(Ok(()))?;
    }
    Ok(())
}
