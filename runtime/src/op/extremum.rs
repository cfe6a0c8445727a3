//! The smallest and the largest of all elements, and where they are.
//!
//! Lanes compare and nothing else; whether there is a NaN, and the sign of a zero, are settled apart. So
//! blocks go at the speed of memory, and the answer is that of `min` and `max`, whatever the order.

use super::fused;
use super::number::Real;
use super::reduce::{BLOCK, Fold, Largest, Smallest, blocks, fold_all_of, fold_computed};
use super::simd::{Work, dispatch};
use super::work::position;
use super::{OpCall, OpHost};
use crate::object::Scalar;
use crate::object::element::with_elem;
use crate::trap::{TrapCode, TrapError};

type Done = Result<(), TrapError>;

/// Lanes that are compared side by side.
const LANES: usize = 32;

/// Which end is looked for.
trait End<T>: Copy + Sync {
    /// Not better than any element, NaN aside.
    fn start(self) -> T;
    /// Whether `a` is nearer to the end than `b`; false with a NaN.
    fn better(self, a: T, b: T) -> bool;
}

#[derive(Clone, Copy)]
struct Lower;
#[derive(Clone, Copy)]
struct Upper;

impl<T: Real> End<T> for Lower {
    #[inline(always)]
    fn start(self) -> T {
        T::LARGEST
    }
    #[inline(always)]
    fn better(self, a: T, b: T) -> bool {
        a < b
    }
}

impl<T: Real> End<T> for Upper {
    #[inline(always)]
    fn start(self) -> T {
        T::SMALLEST
    }
    #[inline(always)]
    fn better(self, a: T, b: T) -> bool {
        a > b
    }
}

/// What is found in a block.
#[derive(Clone, Copy)]
struct Found<T> {
    /// The best of those that are numbers.
    best: T,
    /// Whether any is a NaN.
    nan: bool,
}

struct Best<'w, T, E> {
    x: &'w [T],
    end: E,
}

impl<T: Real, E: End<T>> Work for Best<'_, T, E> {
    type Result = Found<T>;
    #[inline(always)]
    fn run(self) -> Found<T> {
        let Best { x, end } = self;
        let mut best = [end.start(); LANES];
        // A lane that has met a NaN holds it.
        let mut nan = [T::ZERO; LANES];
        let (parts, rest) = x.as_chunks::<LANES>();
        for part in parts {
            for i in 0..LANES {
                let v = part[i];
                best[i] = if end.better(v, best[i]) { v } else { best[i] };
                nan[i] = if v.is_nan() { v } else { nan[i] };
            }
        }
        for ((best, nan), v) in best.iter_mut().zip(&mut nan).zip(rest) {
            *best = if end.better(*v, *best) { *v } else { *best };
            *nan = if v.is_nan() { *v } else { *nan };
        }
        let mut all = best[0];
        for best in best {
            all = if end.better(best, all) { best } else { all };
        }
        Found { best: all, nan: nan.iter().any(|v| v.is_nan()) }
    }
}

/// The best of all elements, and the number of the first block that has it, or that has a NaN.
fn find<T: Real, E: End<T>>(host: &mut dyn OpHost, x: &[T], end: E) -> Result<(Found<T>, usize), TrapError> {
    if x.len() <= BLOCK {
        return Ok((dispatch(Best { x, end }), 0));
    }
    let block = |from: usize| dispatch(Best { x: &x[from..x.len().min(from + BLOCK)], end });
    let blocks = blocks(host, x.len().div_ceil(BLOCK), BLOCK, block)?;
    let (mut best, mut at) = (blocks[0], 0);
    for (n, block) in blocks.iter().enumerate() {
        if block.nan {
            return Ok((*block, n));
        }
        if end.better(block.best, best.best) {
            (best, at) = (*block, n);
        }
    }
    Ok((best, at))
}

/// Traps when argument 0 is empty.
fn some(call: &OpCall<'_>) -> Done {
    if call.tensor(0).len() > 0 {
        return Ok(());
    }
    let dims = call.tensor(0).dims();
    Err(TrapError::new(
        TrapCode::Empty,
        format!("nothing to choose from: a tensor of {dims} has no elements"),
    ))
}

/// The smallest element, as `min` says.
fn smallest<T: Real>(call: &mut OpCall<'_>) -> Result<T, TrapError> {
    best(call, Lower, Smallest)
}

/// The largest element, as `max` says.
fn largest<T: Real>(call: &mut OpCall<'_>) -> Result<T, TrapError> {
    best(call, Upper, Largest)
}

/// The element at an end, of those that are there or that a group computes. A zero may have
/// either sign, and a NaN be any: then only `exactly` knows.
fn best<T: Real>(call: &mut OpCall<'_>, end: impl End<T>, exactly: impl Fold<T>) -> Result<T, TrapError> {
    if let Some(ending) = fused::ending(call)? {
        let len = ending.len();
        return ending.run(call.host, |host, pass| fold_computed(host, pass, len, exactly, |v: T, _| v));
    }
    let x = call.input::<T>(0);
    let (found, _) = find(call.host, x, end)?;
    let is_open = found.nan || !T::INTEGER && found.best == T::ZERO;
    if is_open { fold_all_of(call, 0, exactly, |v: T| v) } else { Ok(found.best) }
}

/// The flat index of the first element that is best, or of the first NaN.
fn place<T: Real, E: End<T>>(call: &mut OpCall<'_>, end: E) -> Result<u64, TrapError> {
    let x = call.input::<T>(0);
    let (found, block) = find(call.host, x, end)?;
    let start = block * BLOCK;
    let part = &x[start..x.len().min(start + BLOCK)];
    let at = match found.nan {
        true => position(call.host, part, |v| v.is_nan())?,
        false => position(call.host, part, |v| *v == found.best)?,
    };
    Ok((start + at.unwrap_or(0)) as u64)
}

pub(super) fn tensor_reduce_min(call: &mut OpCall<'_>) -> Done {
    some(call)?;
    with_elem!(real call.elem(0), T => {
        let least = smallest::<T>(call)?;
        call.set(least.to_slot());
        Ok(())
    })
}

pub(super) fn tensor_reduce_max(call: &mut OpCall<'_>) -> Done {
    some(call)?;
    with_elem!(real call.elem(0), T => {
        let most = largest::<T>(call)?;
        call.set(most.to_slot());
        Ok(())
    })
}

pub(super) fn tensor_minmax(call: &mut OpCall<'_>) -> Done {
    some(call)?;
    with_elem!(real call.elem(0), T => {
        let least = smallest::<T>(call)?;
        let most = largest::<T>(call)?;
        call.set(least.to_slot());
        call.set_as(1, most.to_slot());
        Ok(())
    })
}

pub(super) fn tensor_argmin(call: &mut OpCall<'_>) -> Done {
    some(call)?;
    with_elem!(real call.elem(0), T => {
        let at = place::<T, _>(call, Lower)?;
        call.set(at);
        Ok(())
    })
}

pub(super) fn tensor_argmax(call: &mut OpCall<'_>) -> Done {
    some(call)?;
    with_elem!(real call.elem(0), T => {
        let at = place::<T, _>(call, Upper)?;
        call.set(at);
        Ok(())
    })
}
