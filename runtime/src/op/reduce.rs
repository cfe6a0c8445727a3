//! Reductions over all elements.
//!
//! Sums and products are folded in one fixed order, the same for every
//! instruction set and any number of threads: blocks of [`BLOCK`] elements;
//! in a block, element `i` goes to lane `i % LANES`; the lanes are combined by
//! halves; and the blocks' results are folded the same way again. What does not depend on the
//! order, the smallest and the largest, is in [`extremum`](super::extremum).

use super::fused::{self, Pass};
use super::number::{Number, Real};
use super::simd::{Work, dispatch};
use super::work::{Leave, fill, position};
use super::{OpCall, OpHost, shape_mismatch};
use crate::object::element::with_elem;
use crate::object::{Element, Scalar};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Elem;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::slice;

type Done = Result<(), TrapError>;

/// Elements of a block.
pub(super) const BLOCK: usize = 4096;
/// Lanes of a block.
pub(super) const LANES: usize = 16;

/// A way to combine elements.
pub(super) trait Fold<T>: Copy + Sync {
    /// The neutral element, which changes nothing.
    fn neutral(self) -> T;
    fn combine(self, a: T, b: T) -> T;
}

/// The sum.
#[derive(Clone, Copy)]
pub(super) struct Sum;
/// The product.
#[derive(Clone, Copy)]
pub(super) struct Product;
/// The smallest.
#[derive(Clone, Copy)]
pub(super) struct Smallest;
/// The largest.
#[derive(Clone, Copy)]
pub(super) struct Largest;

impl<T: Number> Fold<T> for Sum {
    #[inline(always)]
    fn neutral(self) -> T {
        T::ZERO
    }
    #[inline(always)]
    fn combine(self, a: T, b: T) -> T {
        a.add(b)
    }
}

impl<T: Number> Fold<T> for Product {
    #[inline(always)]
    fn neutral(self) -> T {
        T::one()
    }
    #[inline(always)]
    fn combine(self, a: T, b: T) -> T {
        a.mul(b)
    }
}

impl<T: Real> Fold<T> for Smallest {
    #[inline(always)]
    fn neutral(self) -> T {
        T::LARGEST
    }
    #[inline(always)]
    fn combine(self, a: T, b: T) -> T {
        Real::min(a, b)
    }
}

impl<T: Real> Fold<T> for Largest {
    #[inline(always)]
    fn neutral(self) -> T {
        T::SMALLEST
    }
    #[inline(always)]
    fn combine(self, a: T, b: T) -> T {
        Real::max(a, b)
    }
}

/// Whether any is.
#[derive(Clone, Copy)]
pub(super) struct Either;
/// Whether all are.
#[derive(Clone, Copy)]
pub(super) struct Both;

impl Fold<bool> for Either {
    #[inline(always)]
    fn neutral(self) -> bool {
        false
    }
    #[inline(always)]
    fn combine(self, a: bool, b: bool) -> bool {
        a | b
    }
}

impl Fold<bool> for Both {
    #[inline(always)]
    fn neutral(self) -> bool {
        true
    }
    #[inline(always)]
    fn combine(self, a: bool, b: bool) -> bool {
        a & b
    }
}

/// Combines the lanes by halves: lane `i` with lane `i + half`.
#[inline(always)]
pub(super) fn combine_lanes<T: Copy>(mut lanes: [T; LANES], fold: impl Fold<T>) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = fold.combine(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// Adds `get(a[i], b[i])` to lane `i % LANES`, for all `i`.
#[inline(always)]
pub(super) fn add_to_lanes<A: Copy, B: Copy, T: Copy>(
    lanes: &mut [T; LANES],
    a: &[A],
    b: &[B],
    fold: impl Fold<T>,
    get: impl Fn(A, B) -> T,
) {
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a.remainder(), b.remainder());
    // A copy of its own, which stays in registers.
    let mut wide = *lanes;
    for (a, b) in a.zip(b) {
        for i in 0..LANES {
            wide[i] = fold.combine(wide[i], get(a[i], b[i]));
        }
    }
    for ((lane, a), b) in wide.iter_mut().zip(a_rest).zip(b_rest) {
        *lane = fold.combine(*lane, get(*a, *b));
    }
    *lanes = wide;
}

/// Folds one block, element by element through `get` of chunks of both inputs.
struct Block<'w, A, B, T, F, G> {
    a: &'w [A],
    b: &'w [B],
    fold: F,
    get: G,
    result: PhantomData<T>,
}

impl<A: Copy, B: Copy, T: Copy, F: Fold<T>, G: Fn(A, B) -> T> Work for Block<'_, A, B, T, F, G> {
    type Result = T;
    #[inline(always)]
    fn run(self) -> T {
        let Block { a, b, fold, get, result } = self;
        let lanes = Part { lanes: [fold.neutral(); LANES], of: Block { a, b, fold, get, result } }.run();
        combine_lanes(lanes, fold)
    }
}

/// Folds a part of a block that begins at a multiple of [`LANES`] into the lanes.
struct Part<'w, A, B, T, F, G> {
    lanes: [T; LANES],
    of: Block<'w, A, B, T, F, G>,
}

impl<A: Copy, B: Copy, T: Copy, F: Fold<T>, G: Fn(A, B) -> T> Work for Part<'_, A, B, T, F, G> {
    type Result = [T; LANES];
    #[inline(always)]
    fn run(self) -> [T; LANES] {
        let Part { mut lanes, of: Block { a, b, fold, get, .. } } = self;
        add_to_lanes(&mut lanes, a, b, fold, get);
        lanes
    }
}

/// Folds `get(a[i], b[i])` for all `i` in the fixed order, on one thread.
#[inline]
pub(super) fn fold_here<A: Copy, B: Copy, T: Copy, F: Fold<T>>(
    a: &[A],
    b: &[B],
    fold: F,
    get: impl Fn(A, B) -> T + Copy,
) -> T {
    if a.len() <= BLOCK {
        return dispatch(Block { a, b, fold, get, result: PhantomData });
    }
    let blocks: Vec<T> = a
        .chunks(BLOCK)
        .zip(b.chunks(BLOCK))
        .map(|(a, b)| dispatch(Block { a, b, fold, get, result: PhantomData }))
        .collect();
    fold_here(&blocks, &blocks, fold, first)
}

/// What folding blocks' results takes of two equal inputs.
#[inline(always)]
fn first<T>(a: T, _: T) -> T {
    a
}

/// [`fold_here`] on all cores and with the host's leave, in the same order.
fn fold<A: Copy + Sync, B: Copy + Sync, T: Copy + Send + Sync, F: Fold<T>>(
    host: &mut dyn OpHost,
    a: &[A],
    b: &[B],
    fold: F,
    get: impl Fn(A, B) -> T + Copy + Sync,
) -> Result<T, TrapError> {
    if a.len() <= BLOCK {
        return Ok(fold_here(a, b, fold, get));
    }
    let block = |from: usize| {
        let to = a.len().min(from + BLOCK);
        dispatch(Block { a: &a[from..to], b: &b[from..to], fold, get, result: PhantomData })
    };
    let blocks = blocks(host, a.len().div_ceil(BLOCK), BLOCK, block)?;
    Ok(fold_here(&blocks, &blocks, fold, first))
}

/// What `block` makes of each of `count` blocks, given its first element's number.
pub(super) fn blocks<T: Send>(
    host: &mut dyn OpHost,
    count: usize,
    weight: usize,
    block: impl Fn(usize) -> T + Sync,
) -> Result<Vec<T>, TrapError> {
    let mut blocks: Vec<T> = Vec::new();
    blocks.try_reserve_exact(count).map_err(|_| TrapCode::OutOfMemory)?;
    fill(host, &mut blocks.spare_capacity_mut()[..count], weight, |start, piece: &mut [MaybeUninit<T>]| {
        for (i, result) in piece.iter_mut().enumerate() {
            result.write(block((start + i) * BLOCK));
        }
    })?;
    // SAFETY: `fill` has had every piece written whole.
    unsafe { blocks.set_len(count) };
    Ok(blocks)
}

/// [`fold`] of the first and the last argument as they are, or as the operations before it compute them.
fn fold_arguments<A: Scalar, T: Scalar, F: Fold<T>>(
    call: &mut OpCall<'_>,
    f: F,
    get: impl Fn(A, A) -> T + Copy + Sync,
) -> Result<T, TrapError> {
    match fused::ending(call)? {
        None => {
            let (a, b) = (call.input(0), call.input(call.args.len() - 1));
            fold(call.host, a, b, f, get)
        }
        Some(ending) => {
            let len = ending.len();
            ending.run(call.host, |host, pass| fold_computed(host, pass, len, f, get))
        }
    }
}

/// [`fold`] of `len` elements that a pass computes.
pub(super) fn fold_computed<A: Scalar, T: Scalar, F: Fold<T>>(
    host: &mut dyn OpHost,
    pass: &Pass<'_>,
    len: usize,
    fold: F,
    get: impl Fn(A, A) -> T + Copy + Sync,
) -> Result<T, TrapError> {
    let leave = Leave::of(host);
    let block = |from: usize| {
        let mut lanes = [fold.neutral(); LANES];
        pass.blocks(from..len.min(from + BLOCK), &leave, |[a, b], n| {
            // SAFETY: the elements have been computed, of the type that the verifier has proven.
            let (a, b) = unsafe { (slice::from_raw_parts(a.cast(), n), slice::from_raw_parts(b.cast(), n)) };
            lanes = dispatch(Part { lanes, of: Block { a, b, fold, get, result: PhantomData } });
        });
        combine_lanes(lanes, fold)
    };
    let weight = BLOCK * (pass.weight() + 1);
    let whole = blocks(host, len.div_ceil(BLOCK), weight, block)?;
    leave.granted()?;
    Ok(fold_here(&whole, &whole, fold, first))
}

/// Folds all elements of argument 0.
fn fold_all<A: Scalar, T: Scalar, F: Fold<T>>(
    call: &mut OpCall<'_>,
    f: F,
    get: impl Fn(A) -> T + Copy + Sync,
) -> Result<T, TrapError> {
    fold_arguments(call, f, |a: A, _| get(a))
}

/// Folds all elements of argument `at`, which no group computes.
pub(super) fn fold_all_of<A: Element, T: Element, F: Fold<T>>(
    call: &mut OpCall<'_>,
    at: usize,
    f: F,
    get: impl Fn(A) -> T + Copy + Sync,
) -> Result<T, TrapError> {
    let x = call.input::<A>(at);
    fold(call.host, x, x, f, |a, _| get(a))
}

pub(super) fn tensor_sum(call: &mut OpCall<'_>) -> Done {
    let sum = match call.elem(0) {
        Elem::U8 => fold_all(call, Sum, |v: u8| v as i32)?.to_slot(),
        Elem::I32 => fold_all(call, Sum, |v: i32| v)?.to_slot(),
        Elem::I64 => fold_all(call, Sum, |v: i64| v)?.to_slot(),
        Elem::F32 => fold_all(call, Sum, |v: f32| v)?.to_slot(),
        _ => fold_all(call, Sum, |v: f64| v)?.to_slot(),
    };
    call.set(sum);
    Ok(())
}

pub(super) fn tensor_prod(call: &mut OpCall<'_>) -> Done {
    let product = match call.elem(0) {
        Elem::U8 => fold_all(call, Product, |v: u8| v as i32)?.to_slot(),
        Elem::I32 => fold_all(call, Product, |v: i32| v)?.to_slot(),
        Elem::I64 => fold_all(call, Product, |v: i64| v)?.to_slot(),
        Elem::F32 => fold_all(call, Product, |v: f32| v)?.to_slot(),
        _ => fold_all(call, Product, |v: f64| v)?.to_slot(),
    };
    call.set(product);
    Ok(())
}

pub(super) fn tensor_mean(call: &mut OpCall<'_>) -> Done {
    let n = call.tensor(0).len();
    let mean = match call.elem(0) {
        Elem::F32 => (fold_all(call, Sum, |v: f32| v)? / n as f32).to_slot(),
        _ => (fold_all(call, Sum, |v: f64| v)? / n as f64).to_slot(),
    };
    call.set(mean);
    Ok(())
}

pub(super) fn tensor_dot(call: &mut OpCall<'_>) -> Done {
    let (a, b) = (call.tensor(0).dims(), call.tensor(1).dims());
    if *a != *b {
        return Err(shape_mismatch("dot wants equal dims", &a, &b));
    }
    let dot = match call.elem(0) {
        Elem::F32 => fold_arguments(call, Sum, |a: f32, b: f32| a * b)?.to_slot(),
        _ => fold_arguments(call, Sum, |a: f64, b: f64| a * b)?.to_slot(),
    };
    call.set(dot);
    Ok(())
}

/// Whether any element of argument 0 is `wanted`.
fn contains(call: &mut OpCall<'_>, wanted: bool) -> Result<bool, TrapError> {
    match fused::ending(call)? {
        None => {
            let x = call.input::<bool>(0);
            Ok(position(call.host, x, |v| *v == wanted)?.is_some())
        }
        Some(ending) => {
            let len = ending.len();
            ending
                .run(call.host, |host, pass| fold_computed(host, pass, len, Either, |v: bool, _| v == wanted))
        }
    }
}

pub(super) fn tensor_any(call: &mut OpCall<'_>) -> Done {
    let any = contains(call, true)?;
    call.set(any as u64);
    Ok(())
}

pub(super) fn tensor_all(call: &mut OpCall<'_>) -> Done {
    let all = !contains(call, false)?;
    call.set(all as u64);
    Ok(())
}

pub(super) fn tensor_count_nonzero(call: &mut OpCall<'_>) -> Done {
    with_elem!(any call.elem(0), T => {
        let count = fold_all_of(call, 0, Sum, |v: T| (v != T::ZERO) as i64)?;
        call.set(count as u64);
        Ok(())
    })
}
