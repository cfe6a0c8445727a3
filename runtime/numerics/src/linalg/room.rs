//! The memory that a decomposition works in, sized beforehand, and matrices that lie in it.
//!
//! Invariant: whoever calls gives as many bytes as the function's `.._room` says, so nothing is
//! taken from the system. Matrices here are column-major, tensors are row-major: the memory of the one is
//! the transpose of the other.

use super::field::Field;
use faer::dyn_stack::{DynArray, MemStack, StackReq};
use std::mem::MaybeUninit;

/// Memory to work in.
pub type Room<'r> = &'r mut [MaybeUninit<u8>];

/// Columns begin at a vector's width where they can.
const ALIGNED: usize = 64;
/// Rows and columns that are transposed at a time: so many lines of both fit the nearest cache.
const TILE: usize = 16;

/// Bytes for all of these.
pub(super) fn bytes(parts: &[StackReq]) -> usize {
    StackReq::all_of(parts).unaligned_bytes_required()
}

/// Room for `len` numbers, so that what comes behind it is aligned too.
pub(super) fn numbers<T>(len: usize) -> StackReq {
    let bytes = len.saturating_mul(size_of::<T>()).saturating_add(ALIGNED - 1) / ALIGNED * ALIGNED;
    StackReq::new_aligned::<u8>(bytes, ALIGNED)
}

/// `len` numbers of the room, each as `first` says.
pub(super) fn take<T: Copy>(
    stack: &mut MemStack,
    len: usize,
    first: impl FnMut(usize) -> T,
) -> (DynArray<'_, T>, &mut MemStack) {
    stack.make_aligned_with(len, ALIGNED, first)
}

/// Zeros.
pub(super) fn zeros<T: Field>(stack: &mut MemStack, len: usize) -> (DynArray<'_, T>, &mut MemStack) {
    take(stack, len, |_| T::default())
}

/// Writes into `to` the transpose of `from`, whose lines are `length` long; `each` is done to every element.
pub(super) fn transpose<T: Copy, U>(from: &[T], length: usize, to: &mut [U], each: impl Fn(T) -> U) {
    if from.is_empty() {
        return;
    }
    let lines = from.len() / length;
    for line in (0..lines).step_by(TILE) {
        for at in (0..length).step_by(TILE) {
            for j in at..length.min(at + TILE) {
                let to = &mut to[j * lines + line..j * lines + lines.min(line + TILE)];
                for (i, to) in to.iter_mut().enumerate() {
                    *to = each(from[(line + i) * length + j]);
                }
            }
        }
    }
}

/// Whether all elements are numbers.
pub fn all_finite<T: Field>(elements: &[T]) -> bool {
    // A part at a time without a way out, which vectors do.
    elements.chunks(256).all(|part| part.iter().fold(true, |all, x| all & x.finite()))
}
