//! NumPy's broadcasting: dims are aligned at the right, and a dim of 1 (or
//! none) is repeated along the other's.
//!
//! A [`Plan`] says how to walk the operands while the result is written in
//! row-major order. Neighbouring axes that all operands walk alike are merged,
//! so equal shapes and scalars become one single run.

use super::shape_mismatch;
use crate::trap::TrapError;
use nbc_ir::catalogue::shape;
use nbc_ir::dims::{Dims, MAX_RANK};

/// The dims of the broadcast of all of `shapes`.
pub(super) fn broadcast(shapes: &[Dims]) -> Result<Dims, TrapError> {
    shape::broadcast(shapes).map_err(|shape::Mismatch(a, b)| {
        shape_mismatch("the shapes cannot be broadcast", &shapes[a], &shapes[b])
    })
}

/// How to walk `N` operands. It is small and needs no memory, for the sake of
/// small tensors.
#[derive(Debug)]
pub(super) struct Plan<const N: usize> {
    /// Merged dims of the result, from the innermost outward; the first is the
    /// length of a run.
    dims: [usize; MAX_RANK],
    /// For each of them, how far each operand moves.
    steps: [[usize; N]; MAX_RANK],
    /// How many there are, at least one.
    axes: usize,
    /// Whether each operand moves along a run (by 1) or repeats one element.
    moves: [bool; N],
}

impl<const N: usize> Plan<N> {
    /// The plan for operands of `shapes` and a result of dims `result`,
    /// their broadcast, which must not be empty.
    pub(super) fn new(shapes: [&[u64]; N], result: &[u64]) -> Plan<N> {
        let mut plan = Plan { dims: [1; MAX_RANK], steps: [[0; N]; MAX_RANK], axes: 0, moves: [false; N] };
        let mut size = [1usize; N];
        for back in 1..=result.len() {
            let dim = result[result.len() - back] as usize;
            let mut steps = [0; N];
            for (n, shape) in shapes.iter().enumerate() {
                let own = if back <= shape.len() { shape[shape.len() - back] as usize } else { 1 };
                if own != 1 {
                    steps[n] = size[n];
                    size[n] *= own;
                }
            }
            if dim == 1 {
                continue;
            }
            // An axis that all operands walk on as along the one inside it is one with it.
            if let Some(last) = plan.axes.checked_sub(1)
                && (0..N).all(|n| steps[n] == plan.steps[last][n] * plan.dims[last])
            {
                plan.dims[last] *= dim;
            } else {
                (plan.dims[plan.axes], plan.steps[plan.axes]) = (dim, steps);
                plan.axes += 1;
            }
        }
        // Along the first axis that it moves along, an operand moves by 1.
        plan.moves = plan.steps[0].map(|step| step != 0);
        plan.axes = plan.axes.max(1);
        plan
    }

    /// Calls `run(place in the piece, offset of each operand, length)` for the
    /// runs that make up the piece of `len` elements from `start` on. Within a
    /// run, operand `n` moves by 1 if `moves()[n]`, else it stays.
    #[inline(always)]
    pub(super) fn runs(&self, start: usize, len: usize, mut run: impl FnMut(usize, [usize; N], usize)) {
        let inner = self.dims[0];
        let mut counters = [0usize; MAX_RANK];
        let mut offsets = [0usize; N];
        let (mut row, mut column) = (start / inner, start % inner);
        let outer = || self.dims.iter().zip(&self.steps).take(self.axes).skip(1);
        for (counter, (dim, steps)) in counters.iter_mut().zip(outer()) {
            *counter = row % dim;
            row /= dim;
            for (offset, step) in offsets.iter_mut().zip(steps) {
                *offset += *counter * step;
            }
        }
        let mut done = 0;
        while done < len {
            let now = (inner - column).min(len - done);
            let mut at = offsets;
            for (at, moves) in at.iter_mut().zip(self.moves) {
                *at += column * moves as usize;
            }
            run(done, at, now);
            done += now;
            column = 0;
            for (counter, (dim, steps)) in counters.iter_mut().zip(outer()) {
                *counter += 1;
                for (offset, step) in offsets.iter_mut().zip(steps) {
                    *offset += step;
                }
                if *counter < *dim {
                    break;
                }
                *counter = 0;
                for (offset, step) in offsets.iter_mut().zip(steps) {
                    *offset -= step * dim;
                }
            }
        }
    }

    /// Whether each operand moves along a run.
    pub(super) fn moves(&self) -> [bool; N] {
        self.moves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims(d: &[u64]) -> Dims {
        Dims::new(d).unwrap()
    }

    #[test]
    fn shapes_broadcast_as_in_numpy() {
        let b = |a: &[u64], b: &[u64]| broadcast(&[dims(a), dims(b)]).map(|d| d.to_vec());
        assert_eq!(b(&[2, 3], &[3]), Ok(vec![2, 3]));
        assert_eq!(b(&[], &[4, 1]), Ok(vec![4, 1]));
        assert_eq!(b(&[4, 1], &[1, 5]), Ok(vec![4, 5]));
        assert_eq!(b(&[0, 3], &[1, 3]), Ok(vec![0, 3]));
        assert_eq!(b(&[1], &[0]), Ok(vec![0]));
        let e = b(&[2, 3], &[2]).unwrap_err();
        assert_eq!(e.message(), "the shapes cannot be broadcast: [2, 3] and [2]");
        assert!(b(&[0], &[2]).is_err());
    }

    #[test]
    fn every_piece_walks_the_operands_right() {
        let cases: [(&[u64], &[u64]); 8] = [
            (&[4, 3, 5], &[4, 3, 5]),
            (&[4, 3, 5], &[]),
            (&[4, 3, 5], &[5]),
            (&[4, 3, 5], &[3, 1]),
            (&[4, 1, 5], &[3, 1]),
            (&[1, 3, 1], &[4, 1, 5]),
            (&[4, 3, 1], &[4, 3, 5]),
            (&[2, 1, 3, 1, 2], &[1, 4, 1, 5, 1]),
        ];
        for (a, b) in cases {
            let result = broadcast(&[dims(a), dims(b)]).unwrap();
            let total = result.count().unwrap() as usize;
            let plan = Plan::new([a, b], &result);
            let naive = |shape: &[u64], flat: usize| {
                let (mut flat, mut offset, mut size) = (flat, 0, 1);
                for back in 1..=result.len() {
                    let dim = result[result.len() - back] as usize;
                    let i = flat % dim;
                    flat /= dim;
                    if back <= shape.len() {
                        let own = shape[shape.len() - back] as usize;
                        offset += if own == 1 { 0 } else { i * size };
                        size *= own;
                    }
                }
                offset
            };
            for (start, len) in [(0, total), (1, total - 1), (total / 2, total / 3), (total - 1, 1)] {
                let mut seen = 0;
                plan.runs(start, len, |at, offsets, n| {
                    assert_eq!(at, seen);
                    for i in 0..n {
                        let step = |k: usize| offsets[k] + i * plan.moves()[k] as usize;
                        assert_eq!((step(0), step(1)), (naive(a, start + at + i), naive(b, start + at + i)));
                    }
                    seen += n;
                });
                assert_eq!(seen, len);
            }
        }
        assert_eq!(Plan::new([&[4u64, 3, 5][..], &[4, 3, 5]], &[4, 3, 5]).axes, 1);
        assert_eq!(Plan::new([&[4u64, 3, 5][..], &[]], &[4, 3, 5]).axes, 1);
    }
}
