//! A tensor seen as results, each of which some axes are folded into.
//!
//! The elements of one result are those along the folded axes, in row-major order. Invariant:
//! axes of length 1 are left out, and neighbours that are walked alike are one.

use super::OpCall;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::shape;
use nbc_ir::dims::{Dims, MAX_RANK};

/// Axes as lengths and steps, outermost first.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Walk {
    axes: [(usize, usize); MAX_RANK],
    len: usize,
}

impl Walk {
    fn push(&mut self, dim: usize, step: usize) {
        self.axes[self.len] = (dim, step);
        self.len += 1;
    }

    /// The length and step of the innermost axis; one place where there is none.
    #[inline(always)]
    pub(super) fn inner(&self) -> (usize, usize) {
        self.len.checked_sub(1).map_or((1, 0), |last| self.axes[last])
    }

    /// Whether there is at most one axis.
    #[inline(always)]
    pub(super) fn is_line(&self) -> bool {
        self.len <= 1
    }

    /// Offset of place number `index`, row-major.
    #[inline(always)]
    pub(super) fn offset(&self, mut index: usize) -> usize {
        let mut at = 0;
        for (n, (dim, step)) in self.axes[..self.len].iter().enumerate().rev() {
            // The outermost index is what is left.
            if n == 0 {
                return at + index * step;
            }
            at += index % dim * step;
            index /= dim;
        }
        at
    }

    /// Calls `run(offset, length)` for the runs along the innermost axis that make up the
    /// places from `start` on; each is [`Walk::inner`]'s step from the next.
    #[inline(always)]
    pub(super) fn runs(&self, start: usize, len: usize, mut run: impl FnMut(usize, usize)) {
        // One place that calls `run`, so that it becomes part of the loop around it, with its vector units.
        let inner = if self.is_line() { usize::MAX } else { self.inner().0 };
        let mut done = 0;
        while done < len {
            let now = (inner - (start + done) % inner).min(len - done);
            run(self.offset(start + done), now);
            done += now;
        }
    }
}

/// What is folded into what.
#[derive(Clone, Debug)]
pub(super) struct Folded {
    /// The axes along which there are results.
    pub(super) kept: Walk,
    /// The axes that each result is of.
    pub(super) folded: Walk,
    /// How many elements a result is of.
    pub(super) n: usize,
    /// The dims of the result.
    pub(super) result: Dims,
}

impl Folded {
    /// A tensor of `dims` where the axes that `is_folded` says are folded; they are kept with length 1, or dropped.
    pub(super) fn new(dims: &Dims, is_folded: [bool; MAX_RANK], keep: bool) -> Folded {
        let (mut kept, mut folded) = (Walk::default(), Walk::default());
        let (mut size, mut n) = (1usize, 1usize);
        let mut before = None;
        // Innermost first, and turned round at the end.
        for axis in (0..dims.len()).rev() {
            let dim = dims[axis] as usize;
            if is_folded[axis] {
                n = n.saturating_mul(dim);
            }
            if dim != 1 {
                let walk = if is_folded[axis] { &mut folded } else { &mut kept };
                // The step of the axis inside it, times its length.
                if before == Some(is_folded[axis]) {
                    let last = &mut walk.axes[walk.len - 1];
                    last.0 = last.0.saturating_mul(dim);
                } else {
                    walk.push(dim, size);
                }
                before = Some(is_folded[axis]);
            }
            size = size.saturating_mul(dim);
        }
        for walk in [&mut kept, &mut folded] {
            walk.axes[..walk.len].reverse();
        }
        Folded { kept, folded, n, result: shape::without_axes(dims, &is_folded, keep) }
    }

    /// Results of `blocks` rows each, row after row: what is left to fold of `results` that were folded by blocks.
    pub(super) fn of_blocks(blocks: usize, results: usize) -> Folded {
        let dims = Dims::of_three(2, [blocks as u64, results as u64, 0]);
        Folded::new(&dims, std::array::from_fn(|axis| axis == 0), false)
    }
}

impl OpCall<'_> {
    /// The axes in the bracketed list from argument `at` on, of a tensor of rank `rank`; all where it is empty.
    pub(super) fn axes(&self, at: usize, rank: usize) -> Result<[bool; MAX_RANK], TrapError> {
        let given = self.ints(at);
        let mut is_folded = [false; MAX_RANK];
        if given.is_empty() {
            is_folded[..rank].fill(true);
        }
        for (n, axis) in given.iter().enumerate() {
            let axis = self.axis(at + n, rank).map(|_| *axis as usize)?;
            if std::mem::replace(&mut is_folded[axis], true) {
                return Err(TrapError::new(TrapCode::InvalidArgument, format!("axis {axis} is given twice")));
            }
        }
        Ok(is_folded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dims: &[u64], axes: &[usize]) -> Folded {
        Folded::new(&Dims::new(dims).unwrap(), std::array::from_fn(|axis| axes.contains(&axis)), false)
    }

    #[test]
    fn every_element_belongs_to_the_result_at_its_place() {
        for dims in [&[2, 3, 4, 5][..], &[3, 1, 2, 1], &[1, 1], &[7], &[], &[2, 1, 3, 2, 2, 1, 2, 3]] {
            for mask in 0..1usize << dims.len() {
                let axes: Vec<usize> = (0..dims.len()).filter(|axis| mask >> axis & 1 == 1).collect();
                let f = of(dims, &axes);
                let mut found = vec![];
                for r in 0..f.result.count().unwrap() as usize {
                    let mut elements = vec![];
                    f.folded.runs(0, f.n, |offset, len| {
                        elements.extend((0..len).map(|i| offset + i * f.folded.inner().1));
                    });
                    assert_eq!(elements.len(), f.n);
                    found.push(elements.iter().map(|e| f.kept.offset(r) + e).collect::<Vec<_>>());
                }
                let mut want = vec![vec![]; found.len()];
                for flat in 0..dims.iter().product::<u64>() {
                    let (mut rest, mut r, mut size) = (flat, 0, 1);
                    for axis in (0..dims.len()).rev() {
                        if !axes.contains(&axis) {
                            r += rest % dims[axis] * size;
                            size *= dims[axis];
                        }
                        rest /= dims[axis];
                    }
                    want[r as usize].push(flat as usize);
                }
                assert_eq!(found, want, "{dims:?} {axes:?}");
            }
        }
    }

    #[test]
    fn neighbours_are_one() {
        let f = of(&[2, 3, 1, 4, 5], &[3, 4]);
        assert_eq!((f.kept.len, f.folded.len, f.n), (1, 1, 20));
        assert_eq!(f.kept.inner(), (6, 20));
    }
}
