//! Mathematical objects: what a register of object type points to.
//!
//! A register slot holds the address of an object's header. Headers are
//! `repr(C)` because compiled code reads them directly, and they never change
//! while a program can see them: only [`promote`](crate::region) writes a
//! forwarding pointer into a header whose region is about to end. An object's
//! payload never moves and never changes length while the object lives.
//!
//! Headers are reached through the copyable handles [`TensorRef`], [`StrRef`],
//! [`ListRef`], [`SparseRef`] and [`BigIntRef`]. A handle is a plain address without a lifetime: it is good
//! until the object's region ends, which the verifier's region rule proves for
//! programs. Making one from a slot is therefore `unsafe`.

pub mod bigint;
pub mod element;
pub mod kind;
pub mod list;
pub mod nan;
pub mod owned;
pub mod sparse;
pub mod str;
pub mod tensor;

pub use bigint::{BigInt, BigIntRef, OwnedBigInt};
pub use element::{Element, Scalar};
pub use kind::{Object, ObjectRef};
pub use list::{List, ListRef};
pub use owned::OwnedTensor;
pub use sparse::{Format, OwnedSparse, Sparse, SparseRef};
pub use str::{Str, StrRef};
pub use tensor::{Tensor, TensorRef};

/// Where an object's payload lies. The number is part of the header's layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Storage {
    /// Behind the header, in the same arena allocation.
    Inline = 0,
    /// In a buffer of the pool, owned by the object's region.
    Pooled = 1,
    /// In the payload of another tensor, its root.
    View = 2,
    /// In memory of the host, lent for the duration of one call.
    Lent = 3,
    /// The object has moved; the header only says where to.
    Forwarded = 4,
    /// In a buffer that another tensor has taken over: nobody has this one any more.
    Spent = 5,
    /// Nowhere yet: an operation after the one that has made the tensor computes them, or nobody does.
    Deferred = 6,
}

/// The slot holding the address of `header`.
pub(crate) fn to_slot<T>(header: *mut T) -> u64 {
    header.expose_provenance() as u64
}

/// The header whose address `slot` holds.
pub(crate) fn from_slot<T>(slot: u64) -> *mut T {
    std::ptr::with_exposed_provenance_mut(slot as usize)
}
