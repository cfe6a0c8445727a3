//! Reductions along one axis, which is dropped.
//!
//! The tensor is seen as (outer, n, inner), `n` being the axis. Each result
//! folds its `n` elements in the fixed order of [`reduce`](super::reduce).
//! Where the elements lie apart (`inner` > 1), many neighbouring results are
//! folded side by side, each with its own lanes.

use super::number::{Number, Real};
use super::reduce::{BLOCK, Fold, LANES, Largest, Product, Smallest, Sum, fold_here};
use super::simd::{Work, dispatch};
use super::work::{Leave, fill};
use super::{OpCall, Output};
use crate::object::element::with_elem;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Elem;
use nbc_ir::dims::Dims;
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

/// Results that are folded side by side.
const COLUMNS: usize = 64;

/// Blocks, and rows, that are gone through between two looks at whether to go on.
const BLOCKS_A_LOOK: usize = 16;
const ROWS_A_LOOK: usize = BLOCKS_A_LOOK * BLOCK;

/// A tensor seen as (outer, n, inner), and the result's dims.
struct Split {
    n: usize,
    inner: usize,
    result: Dims,
}

fn split(call: &OpCall<'_>) -> Result<Split, TrapError> {
    let dims = call.tensor(0).dims();
    let axis = call.axis(1, dims.len())?;
    Ok(Split {
        n: dims[axis] as usize,
        // Where another dim is 0 it may be more than there is, and does not matter.
        inner: dims[axis + 1..].iter().fold(1, |n, d| n.saturating_mul(*d as usize)),
        result: dims.without(axis),
    })
}

impl Split {
    /// Calls `work(offset of the first element, place in the piece, count)` for
    /// groups of neighbouring results that make up the piece from `start` on.
    #[inline(always)]
    fn groups(&self, start: usize, len: usize, most: usize, mut work: impl FnMut(usize, usize, usize)) {
        let mut done = 0;
        while done < len {
            let (outer, column) = ((start + done) / self.inner, (start + done) % self.inner);
            let count = (self.inner - column).min(len - done).min(most);
            work(outer * self.n * self.inner + column, done, count);
            done += count;
        }
    }
}

/// Folds `count` columns of `n` rows that lie `stride` apart.
struct Columns<'w, T, F> {
    x: &'w [T],
    n: usize,
    stride: usize,
    fold: F,
    to: &'w mut [T],
}

impl<T: Number, F: Fold<T>> Work for Columns<'_, T, F> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        let Columns { x, n, stride, fold, to } = self;
        let count = to.len();
        let mut lanes = [[fold.neutral(); COLUMNS]; LANES];
        for row in 0..n {
            let lane = &mut lanes[row % LANES][..count];
            for (l, v) in lane.iter_mut().zip(&x[row * stride..row * stride + count]) {
                *l = fold.combine(*l, *v);
            }
        }
        let mut half = LANES / 2;
        while half > 0 {
            let (low, high) = lanes.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                for (l, h) in low[..count].iter_mut().zip(&high[..count]) {
                    *l = fold.combine(*l, *h);
                }
            }
            half /= 2;
        }
        to.copy_from_slice(&lanes[0][..count]);
    }
}

/// Folds `to.len()` columns in the fixed order: block by block, then the blocks; or gives up.
fn fold_columns<T: Number, F: Fold<T>>(
    x: &[T],
    n: usize,
    stride: usize,
    fold: F,
    to: &mut [T],
    leave: &Leave,
) {
    if n <= BLOCK {
        return dispatch(Columns { x, n, stride, fold, to });
    }
    let count = to.len();
    let blocks = n.div_ceil(BLOCK);
    let mut partial = vec![fold.neutral(); blocks * count];
    for (b, to) in partial.chunks_mut(count).enumerate() {
        if b % BLOCKS_A_LOOK == BLOCKS_A_LOOK - 1 && !leave.go_on() {
            return;
        }
        let rows = BLOCK.min(n - b * BLOCK);
        dispatch(Columns { x: &x[b * BLOCK * stride..], n: rows, stride, fold, to });
    }
    fold_columns(&partial, blocks, count, fold, to, leave);
}

/// Folds a row in the fixed order, or gives up.
fn fold_row<T: Number, F: Fold<T>>(row: &[T], fold: F, leave: &Leave) -> T {
    let value = |v: T, _: T| v;
    if row.len() <= ROWS_A_LOOK {
        return fold_here(row, row, fold, value);
    }
    let mut blocks = Vec::with_capacity(row.len().div_ceil(BLOCK));
    for part in row.chunks(ROWS_A_LOOK) {
        if !leave.go_on() {
            return fold.neutral();
        }
        blocks.extend(part.chunks(BLOCK).map(|block| fold_here(block, block, fold, value)));
    }
    fold_here(&blocks, &blocks, fold, value)
}

/// Folds along the axis; `finish` makes a result of each fold.
fn along<T: Number, F: Fold<T>>(
    call: &mut OpCall<'_>,
    fold: F,
    finish: impl Fn(T, usize) -> T + Sync,
) -> Done {
    let split = split(call)?;
    let x = call.input::<T>(0);
    let out: Output<'_, T> = call.output(&split.result)?;
    let leave = Leave::of(call.host);
    fill(call.host, &mut *out.elements, split.n.max(1), |start, piece: &mut [MaybeUninit<T>]| {
        let mut results = [T::ZERO; COLUMNS];
        split.groups(start, piece.len(), COLUMNS, |from, at, count| {
            let results = &mut results[..count];
            if split.n == 0 {
                results.fill(fold.neutral());
            } else if split.inner == 1 {
                let row = &x[from..from + split.n];
                results[0] = fold_row(row, fold, &leave);
            } else {
                fold_columns(&x[from..], split.n, split.inner, fold, results, &leave);
            }
            for (to, r) in piece[at..at + count].iter_mut().zip(results) {
                to.write(finish(*r, split.n));
            }
        });
    })?;
    leave.granted()?;
    // SAFETY: the groups make up every piece, and `fill` all pieces.
    unsafe { call.finish(out) };
    Ok(())
}

/// Traps when the axis is empty.
fn some(call: &OpCall<'_>) -> Done {
    let axis = split(call)?;
    if axis.n == 0 {
        return Err(TrapError::new(TrapCode::Empty, "reduction along an empty axis"));
    }
    Ok(())
}

pub(super) fn tensor_sum_axis(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => along::<T, _>(call, Sum, |r, _| r))
}

pub(super) fn tensor_prod_axis(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => along::<T, _>(call, Product, |r, _| r))
}

pub(super) fn tensor_min_axis(call: &mut OpCall<'_>) -> Done {
    some(call)?;
    with_elem!(real call.elem(0), T => along::<T, _>(call, Smallest, |r, _| r))
}

pub(super) fn tensor_max_axis(call: &mut OpCall<'_>) -> Done {
    some(call)?;
    with_elem!(real call.elem(0), T => along::<T, _>(call, Largest, |r, _| r))
}

pub(super) fn tensor_mean_axis(call: &mut OpCall<'_>) -> Done {
    match call.elem(0) {
        Elem::F32 => along::<f32, _>(call, Sum, |r, n| r / n as f32),
        _ => along::<f64, _>(call, Sum, |r, n| r / n as f64),
    }
}

/// The index along the axis of the first element that none is `better` than,
/// or of the first NaN.
fn arg_along<T: Real>(call: &mut OpCall<'_>, better: impl Fn(T, T) -> bool + Sync) -> Done {
    some(call)?;
    let split = split(call)?;
    let x = call.input::<T>(0);
    let out: Output<'_, i64> = call.output(&split.result)?;
    let leave = Leave::of(call.host);
    fill(call.host, &mut *out.elements, split.n.max(1) * 2, |start, piece| {
        split.groups(start, piece.len(), COLUMNS, |from, at, count| {
            let mut best = [(x[from], 0); COLUMNS];
            for (b, v) in best.iter_mut().zip(&x[from..from + count]) {
                b.0 = *v;
            }
            for row in 1..split.n {
                if row % ROWS_A_LOOK == 0 && !leave.go_on() {
                    return;
                }
                let from = from + row * split.inner;
                for (b, v) in best.iter_mut().zip(&x[from..from + count]) {
                    if better(*v, b.0) || (v.is_nan() && !b.0.is_nan()) {
                        *b = (*v, row as i64);
                    }
                }
            }
            for (to, b) in piece[at..at + count].iter_mut().zip(best) {
                to.write(b.1);
            }
        });
    })?;
    leave.granted()?;
    // SAFETY: the groups make up every piece, and `fill` all pieces.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn tensor_argmin_axis(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => arg_along::<T>(call, |a, b| a < b))
}

pub(super) fn tensor_argmax_axis(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => arg_along::<T>(call, |a, b| a > b))
}
