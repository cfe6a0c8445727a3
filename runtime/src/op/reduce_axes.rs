//! Reductions along axes, which are dropped or kept with length 1.
//!
//! Each result folds its elements in the fixed order of [`reduce`](super::reduce): those along
//! the axes, row-major. Where results lie side by side many are folded at once, each with its own
//! lanes. What is longer than a block is folded by blocks, on all cores, and then the blocks' results.

use super::axes::Folded;
use super::number::{Number, Real};
use super::reduce::{
    BLOCK, Both, Either, Fold, LANES, Largest, Product, Smallest, Sum, add_to_lanes, combine_lanes,
};
use super::simd::{Work, dispatch};
use super::spread::{Spread, degrees};
use super::work::{Leave, fill, fill_groups, position};
use super::{OpCall, OpHost, Output};
use crate::object::Element;
use crate::object::element::with_elem;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Elem;
use nbc_ir::dims::{Dims, MAX_RANK};
use num_complex::Complex;
use std::mem::MaybeUninit;
use std::ops::Range;

type Done = Result<(), TrapError>;

/// Results that are folded side by side.
const COLUMNS: usize = 64;
/// Elements of runs that are gathered, a multiple of the lanes.
const GATHERED: usize = 256;
/// Elements of one result that are gone through between two looks at whether to go on.
const ROWS_A_LOOK: usize = 16 * BLOCK;

/// Folds neighbouring results, each of the elements from number `first` on, `n` of them.
struct Results<'w, A, P, T, F, G> {
    x: &'w [A],
    of: &'w Folded,
    first: usize,
    n: usize,
    start: usize,
    params: &'w [P],
    fold: F,
    get: G,
    to: &'w mut [MaybeUninit<T>],
}

impl<A: Element, P: Copy, T: Element, F: Fold<T>, G: Fn(A, P) -> T + Copy> Work
    for Results<'_, A, P, T, F, G>
{
    type Result = ();
    #[inline(always)]
    fn run(self) {
        let (inner, step) = self.of.kept.inner();
        // No wider than there are results, and so that lanes take little of the stack.
        match inner.min(self.to.len()) {
            _ if step != 1 => self.rows(),
            0..=8 => self.columns::<8>(),
            _ if size_of::<T>() > 8 => self.columns::<32>(),
            _ => self.columns::<COLUMNS>(),
        }
    }
}

impl<A: Element, P: Copy, T: Element, F: Fold<T>, G: Fn(A, P) -> T + Copy> Results<'_, A, P, T, F, G> {
    /// Each result by itself: its elements lie one after the other, or in runs.
    #[inline(always)]
    fn rows(self) {
        let Results { x, of, first, n, start, params, fold, get, to } = self;
        for (i, to) in to.iter_mut().enumerate() {
            let (base, param) = (of.kept.offset(start + i), params[start + i]);
            let get = |v, _| get(v, param);
            let mut lanes = [fold.neutral(); LANES];
            if of.folded.is_line() {
                let elements = &x[base + first..base + first + n];
                add_to_lanes(&mut lanes, elements, elements, fold, get);
            } else {
                // Runs are gathered, so that each element meets the lane of its number.
                let mut gathered = [A::ZERO; GATHERED];
                let mut held = 0;
                of.folded.runs(first, n, |offset, len| {
                    let mut run = &x[base + offset..base + offset + len];
                    while !run.is_empty() {
                        let (now, later) = run.split_at(run.len().min(GATHERED - held));
                        gathered[held..held + now.len()].copy_from_slice(now);
                        (held, run) = (held + now.len(), later);
                        if held == GATHERED {
                            add_to_lanes(&mut lanes, &gathered, &gathered, fold, get);
                            held = 0;
                        }
                    }
                });
                add_to_lanes(&mut lanes, &gathered[..held], &gathered[..held], fold, get);
            }
            to.write(combine_lanes(lanes, fold));
        }
    }

    /// Results side by side, at most `WIDE` together.
    #[inline(always)]
    fn columns<const WIDE: usize>(self) {
        let Results { x, of, first, n, start, params, fold, get, to } = self;
        let (inner, _) = of.kept.inner();
        let step = of.folded.inner().1;
        // Lanes that nothing comes to would change nothing.
        let used = n.clamp(1, LANES).next_power_of_two();
        let mut lanes = [[fold.neutral(); WIDE]; LANES];
        let mut done = 0;
        while done < to.len() {
            let result = start + done;
            let count = (inner - result % inner).min(to.len() - done).min(WIDE);
            let base = of.kept.offset(result);
            for lane in &mut lanes[..used] {
                lane[..count].fill(fold.neutral());
            }
            let params = &params[result..result + count];
            let mut row = 0;
            of.folded.runs(first, n, |offset, len| {
                for k in 0..len {
                    let from = base + offset + k * step;
                    let lane = &mut lanes[row % LANES][..count];
                    for ((lane, v), param) in lane.iter_mut().zip(&x[from..from + count]).zip(params) {
                        *lane = fold.combine(*lane, get(*v, *param));
                    }
                    row += 1;
                }
            });
            let mut half = used / 2;
            while half > 0 {
                let (low, high) = lanes.split_at_mut(half);
                for (low, high) in low.iter_mut().zip(high) {
                    for (l, h) in low[..count].iter_mut().zip(&high[..count]) {
                        *l = fold.combine(*l, *h);
                    }
                }
                half /= 2;
            }
            for (to, r) in to[done..done + count].iter_mut().zip(&lanes[0]) {
                to.write(*r);
            }
            done += count;
        }
    }
}

/// What folding blocks' results takes of each.
#[inline(always)]
fn itself<T>(v: T, _: ()) -> T {
    v
}

/// Folds `get(element, the result's parameter)` for each result.
pub(super) fn fold_axes<A: Element, P: Copy + Sync, T: Element, F: Fold<T>>(
    host: &mut dyn OpHost,
    (x, of): (&[A], &Folded),
    params: &[P],
    fold: F,
    get: impl Fn(A, P) -> T + Copy + Sync,
    to: &mut [MaybeUninit<T>],
) -> Done {
    let (n, results) = (of.n, to.len());
    if n == 0 {
        return fill(host, to, 1, |_, to| to.iter_mut().for_each(|to| _ = to.write(fold.neutral())));
    }
    let group = if of.kept.inner().1 == 1 { COLUMNS } else { 1 };
    if n <= BLOCK {
        return fill_groups(host, to, n, group, |start, to| {
            dispatch(Results { x, of, first: 0, n, start, params, fold, get, to });
        });
    }
    let blocks = n.div_ceil(BLOCK);
    let mut partial = space::<T>(blocks.saturating_mul(results))?;
    let room = &mut partial.spare_capacity_mut()[..blocks * results];
    fill_groups(host, room, BLOCK, group, |start, piece: &mut [MaybeUninit<T>]| {
        let mut done = 0;
        while done < piece.len() {
            let (block, start) = ((start + done) / results, (start + done) % results);
            let count = (results - start).min(piece.len() - done);
            let (first, to) = (block * BLOCK, &mut piece[done..done + count]);
            dispatch(Results { x, of, first, n: BLOCK.min(n - first), start, params, fold, get, to });
            done += count;
        }
    })?;
    // SAFETY: `fill_groups` has had every piece written whole.
    unsafe { partial.set_len(blocks * results) };
    let of = Folded::of_blocks(blocks, results);
    fold_axes(host, (&partial, &of), &none(results), fold, itself, to)
}

/// Room for that many elements, besides the heap: one for thousands of those that are reduced.
fn space<T>(count: usize) -> Result<Vec<T>, TrapError> {
    let mut space = Vec::new();
    space.try_reserve_exact(count).map_err(|_| TrapCode::OutOfMemory)?;
    Ok(space)
}

/// No parameter for each of that many results: a slice without bytes.
fn none(results: usize) -> Vec<()> {
    vec![(); results]
}

/// Which axes a call names.
#[derive(Clone, Copy)]
enum Axes {
    /// One, in argument 1, which is dropped.
    One,
    /// Those of a bracketed list, and whether they are kept.
    List,
}

fn folded(call: &OpCall<'_>, axes: Axes) -> Result<Folded, TrapError> {
    let dims = call.tensor(0).dims();
    Ok(match axes {
        Axes::One => {
            let axis = call.axis(1, dims.len())?;
            Folded::new(&dims, std::array::from_fn(|a| a == axis), false)
        }
        Axes::List => {
            let is_folded: [bool; MAX_RANK] = call.axes(1, dims.len())?;
            Folded::new(&dims, is_folded, call.args[1 + call.list_len] != 0)
        }
    })
}

/// The dims of a reduction along the axes of a list.
pub(super) fn listed_axes(call: &OpCall<'_>) -> Result<Dims, TrapError> {
    folded(call, Axes::List).map(|of| of.result)
}

/// Makes of every element, all of which have been written, what `finish` does.
fn finish_all<T: Element>(
    host: &mut dyn OpHost,
    to: &mut [MaybeUninit<T>],
    finish: impl Fn(T, usize) -> T + Sync,
) -> Done {
    fill(host, to, 4, |start, piece| {
        for (i, to) in piece.iter_mut().enumerate() {
            // SAFETY: upheld by the caller, within this module: every element has been written.
            let v = unsafe { to.assume_init_read() };
            to.write(finish(v, start + i));
        }
    })
}

/// Folds along axes; `finish` makes a result of each fold and the number of elements.
fn along<A: Element, T: Element, F: Fold<T>>(
    call: &mut OpCall<'_>,
    axes: Axes,
    fold: F,
    get: impl Fn(A) -> T + Copy + Sync,
    finish: Option<&(dyn Fn(T, usize) -> T + Sync)>,
) -> Done {
    let of = folded(call, axes)?;
    let x = call.input::<A>(0);
    let out: Output<'_, T> = call.output(&of.result)?;
    let params = none(out.elements.len());
    fold_axes(call.host, (x, &of), &params, fold, |v, ()| get(v), &mut *out.elements)?;
    if let Some(finish) = finish {
        finish_all(call.host, &mut *out.elements, |v, _| finish(v, of.n))?;
    }
    // SAFETY: `fold_axes` has written every element.
    unsafe { call.finish(out) };
    Ok(())
}

/// [`along`] of elements as they are.
fn plain<T: Element, F: Fold<T>>(call: &mut OpCall<'_>, axes: Axes, fold: F) -> Done {
    along::<T, T, F>(call, axes, fold, |v| v, None)
}

/// Traps where results are to be of no elements.
fn some(call: &OpCall<'_>, axes: Axes) -> Done {
    let of = folded(call, axes)?;
    if of.n == 0 && of.result.count() != Some(0) {
        let dims = call.tensor(0).dims();
        let text = format!("nothing to choose from: a reduction of {dims} along an axis without elements");
        return Err(TrapError::new(TrapCode::Empty, text));
    }
    Ok(())
}

fn sum(call: &mut OpCall<'_>, axes: Axes) -> Done {
    with_elem!(number call.elem(0), T => plain::<T, _>(call, axes, Sum))
}

fn product(call: &mut OpCall<'_>, axes: Axes) -> Done {
    with_elem!(number call.elem(0), T => plain::<T, _>(call, axes, Product))
}

fn smallest(call: &mut OpCall<'_>, axes: Axes) -> Done {
    some(call, axes)?;
    with_elem!(real call.elem(0), T => plain::<T, _>(call, axes, Smallest))
}

fn largest(call: &mut OpCall<'_>, axes: Axes) -> Done {
    some(call, axes)?;
    with_elem!(real call.elem(0), T => plain::<T, _>(call, axes, Largest))
}

fn mean(call: &mut OpCall<'_>, axes: Axes) -> Done {
    fn of<T: Number>(call: &mut OpCall<'_>, axes: Axes, over: fn(T, f64) -> T) -> Done {
        along::<T, T, _>(call, axes, Sum, |v| v, Some(&|sum, n| over(sum, n as f64)))
    }
    match call.elem(0) {
        Elem::F32 => of::<f32>(call, axes, |sum, n| sum / n as f32),
        Elem::F64 => of::<f64>(call, axes, |sum, n| sum / n),
        Elem::C64 => of::<Complex<f32>>(call, axes, |sum, n| sum.unscale(n as f32)),
        _ => of::<Complex<f64>>(call, axes, |sum, n| sum.unscale(n)),
    }
}

macro_rules! kernels {
    ($($one:ident $list:ident $of:ident;)*) => {$(
        pub(super) fn $one(call: &mut OpCall<'_>) -> Done {
            $of(call, Axes::One)
        }
        pub(super) fn $list(call: &mut OpCall<'_>) -> Done {
            $of(call, Axes::List)
        }
    )*};
}

kernels! {
    tensor_sum_axis tensor_sum_axes sum;
    tensor_prod_axis tensor_prod_axes product;
    tensor_min_axis tensor_min_axes smallest;
    tensor_max_axis tensor_max_axes largest;
    tensor_mean_axis tensor_mean_axes mean;
}

pub(super) fn tensor_any_axes(call: &mut OpCall<'_>) -> Done {
    plain::<bool, _>(call, Axes::List, Either)
}

pub(super) fn tensor_all_axes(call: &mut OpCall<'_>) -> Done {
    plain::<bool, _>(call, Axes::List, Both)
}

pub(super) fn tensor_count_nonzero_axes(call: &mut OpCall<'_>) -> Done {
    with_elem!(any call.elem(0), T => {
        along::<T, i64, _>(call, Axes::List, Sum, |v| (v != T::ZERO) as i64, None)
    })
}

/// Room for `count` elements as long as the innermost region, not yet written.
fn working_space<'s, T: Element>(
    call: &mut OpCall<'_>,
    count: usize,
) -> Result<&'s mut [MaybeUninit<T>], TrapError> {
    let start = call.host.heap().scratch(count.saturating_mul(size_of::<T>()))?.cast::<MaybeUninit<T>>();
    // SAFETY: the memory has room for `count` elements, is aligned to 16, and is nobody else's.
    Ok(unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), count) })
}

/// Variances, and what `finish` makes of them.
fn variance<T: Spread>(call: &mut OpCall<'_>, finish: fn(T) -> T) -> Done {
    let of = folded(call, Axes::List)?;
    let divisor = T::of_count(degrees(of.n, call.int(2 + call.list_len)));
    let n = T::of_count(of.n as f64);
    let x = call.input::<T>(0);
    let out: Output<'_, T> = call.output(&of.result)?;
    let results = out.elements.len();
    let work = |call: &mut OpCall<'_>| {
        let means = working_space::<T>(call, results)?;
        fold_axes(call.host, (x, &of), &none(results), Sum, |v, ()| v, &mut *means)?;
        finish_all(call.host, means, |sum, _| sum.div(n))?;
        // SAFETY: `fold_axes` has written every element.
        let means = unsafe { &*(&raw const *means as *const [T]) };
        fold_axes(call.host, (x, &of), means, Sum, |v, mean| v.squared_distance(mean), &mut *out.elements)?;
        finish_all(call.host, &mut *out.elements, |sum, _| finish(sum.div(divisor)))
    };
    // SAFETY: nothing that is made in there is used behind it.
    unsafe { call.with_working_space(work)? };
    // SAFETY: `fold_axes` has written every element.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn tensor_var_axes(call: &mut OpCall<'_>) -> Done {
    with_elem!(float call.elem(0), T => variance::<T>(call, |v| v))
}

pub(super) fn tensor_std_axes(call: &mut OpCall<'_>) -> Done {
    with_elem!(float call.elem(0), T => variance::<T>(call, Spread::sqrt))
}

pub(super) fn tensor_norm_axes(call: &mut OpCall<'_>) -> Done {
    with_elem!(float call.elem(0), T => norms::<T>(call))
}

fn norms<T: Spread>(call: &mut OpCall<'_>) -> Done {
    let of = folded(call, Axes::List)?;
    let x = call.input::<T>(0);
    let out: Output<'_, T> = call.output(&of.result)?;
    let results = out.elements.len();
    fold_axes(call.host, (x, &of), &none(results), Sum, |v, ()| v.mul(v), &mut *out.elements)?;
    // SAFETY: `fold_axes` has written every element, here and below.
    let squares = unsafe { &*(&raw const *out.elements as *const [T]) };
    if position(call.host, squares, |v| !v.is_safe_square())?.is_none() {
        finish_all(call.host, &mut *out.elements, |v, _| v.sqrt())?;
    } else {
        let work = |call: &mut OpCall<'_>| {
            let largest = working_space::<T>(call, results)?;
            fold_axes(call.host, (x, &of), &none(results), Largest, |v, ()| Real::abs(v), &mut *largest)?;
            let scales = working_space::<T>(call, results)?;
            // SAFETY: as above.
            let largest = unsafe { &*(&raw const *largest as *const [T]) };
            fill(call.host, &mut *scales, 1, |start, piece| {
                for (to, most) in piece.iter_mut().zip(&largest[start..]) {
                    to.write(most.scale());
                }
            })?;
            // SAFETY: as above.
            let scales = unsafe { &*(&raw const *scales as *const [T]) };
            let scaled = working_space::<T>(call, results)?;
            let square = |v: T, scale: T| v.mul(scale).mul(v.mul(scale));
            fold_axes(call.host, (x, &of), scales, Sum, square, &mut *scaled)?;
            // SAFETY: as above.
            let scaled = unsafe { &*(&raw const *scaled as *const [T]) };
            finish_all(call.host, &mut *out.elements, |v, i| {
                if v.is_safe_square() { v.sqrt() } else { T::norm(largest[i], scales[i], scaled[i]) }
            })
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work)? };
    }
    // SAFETY: as above.
    unsafe { call.finish(out) };
    Ok(())
}

/// The index along the axis of the first element that none is `better` than,
/// or of the first NaN.
fn arg_along<T: Real>(call: &mut OpCall<'_>, better: impl Fn(T, T) -> bool + Copy + Sync) -> Done {
    some(call, Axes::One)?;
    let of = folded(call, Axes::One)?;
    let x = call.input::<T>(0);
    let out: Output<'_, i64> = call.output(&of.result)?;
    let leave = Leave::of(call.host);
    // Where results do not lie side by side, each comparison waits for the one before it.
    let weight = of.n.max(1).saturating_mul(if of.kept.inner().1 == 1 { 2 } else { 10 });
    fill_groups(call.host, &mut *out.elements, weight, COLUMNS, |start, piece| {
        let mut best = [T::ZERO; COLUMNS];
        let mut places = [0i64; COLUMNS];
        let (inner, step) = (of.kept.inner(), of.folded.inner().1);
        let side_by_side = if inner.1 == 1 { inner.0 } else { 1 };
        let mut done = 0;
        while done < piece.len() {
            let result = start + done;
            let count = (side_by_side - result % side_by_side).min(piece.len() - done).min(COLUMNS);
            let base = of.kept.offset(result);
            best[..count].copy_from_slice(&x[base..base + count]);
            places[..count].fill(0);
            for first in (1..of.n).step_by(ROWS_A_LOOK) {
                if first > 1 && !leave.go_on() {
                    return;
                }
                let rows = first..of.n.min(first + ROWS_A_LOOK);
                let (best, places) = (&mut best[..count], &mut places[..count]);
                dispatch(Better { x: &x[base..], rows, step, best, places, better });
            }
            for (to, place) in piece[done..done + count].iter_mut().zip(places) {
                to.write(place);
            }
            done += count;
        }
    })?;
    leave.granted()?;
    // SAFETY: the groups make up every piece, and `fill_groups` all pieces.
    unsafe { call.finish(out) };
    Ok(())
}

/// Goes through rows of neighbouring results for the best of each.
struct Better<'w, T, F> {
    x: &'w [T],
    rows: Range<usize>,
    step: usize,
    best: &'w mut [T],
    places: &'w mut [i64],
    better: F,
}

impl<T: Real, F: Fn(T, T) -> bool> Work for Better<'_, T, F> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        let Better { x, rows, step, best, places, better } = self;
        for row in rows {
            let row_of = &x[row * step..row * step + best.len()];
            for ((best, place), v) in best.iter_mut().zip(&mut *places).zip(row_of) {
                let is_better = better(*v, *best) | (v.is_nan() & !best.is_nan());
                *best = if is_better { *v } else { *best };
                *place = if is_better { row as i64 } else { *place };
            }
        }
    }
}

pub(super) fn tensor_argmin_axis(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => arg_along::<T>(call, |a, b| a < b))
}

pub(super) fn tensor_argmax_axis(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => arg_along::<T>(call, |a, b| a > b))
}
