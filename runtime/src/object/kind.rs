//! Kinds of objects: what every one of them tells, and which one a slot holds.
//!
//! Invariant: [`ObjectRef::from_slot`] is the one place where a type becomes a kind. It has no
//! catch-all, nor has any other match on [`ObjectRef`]. So one more row in
//! [`nbc_ir::for_each_type`] does not compile before it is known how its objects are copied,
//! moved, measured and shown.
//!
//! ```
//! use nbc_ir::{Elem, Type};
//! use nbc_runtime::object::{Object, ObjectRef};
//! use nbc_runtime::region::Heap;
//! // SAFETY: no handle is used after the heap.
//! let mut heap = unsafe { Heap::new(1 << 20) };
//! let tensor = heap.zeros(Elem::F64, &[10])?;
//! // SAFETY: the slot holds a live tensor.
//! let object = unsafe { ObjectRef::from_slot(tensor.slot(), Type::Tensor(Elem::F64)) };
//! assert_eq!(object.map(|o| (o.bytes(), o.items())), Some((80, 0)));
//! # Ok::<(), nbc_runtime::trap::TrapError>(())
//! ```

use super::{BigIntRef, ListRef, SparseRef, StrRef, TensorRef};
use nbc_ir::Type;

/// The properties that every kind of object tells.
pub trait Object: Copy {
    /// The register slot that refers to it.
    fn slot(self) -> u64;
    /// Index of the region that it lives in.
    fn region(self) -> u32;
    /// Bytes of its payload, without those of objects it holds.
    fn bytes(self) -> usize;
    /// How many objects it holds, one that is there several times counted as often.
    fn items(self) -> usize {
        0
    }
    /// Slot and type of the object it holds at `index`, below [`Object::items`].
    fn item(self, index: usize) -> Option<(u64, Type)> {
        let _ = index;
        None
    }
}

impl Object for TensorRef {
    #[inline(always)]
    fn slot(self) -> u64 {
        TensorRef::slot(self)
    }
    #[inline(always)]
    fn region(self) -> u32 {
        TensorRef::region(self)
    }
    fn bytes(self) -> usize {
        TensorRef::bytes(self)
    }
}

impl Object for StrRef {
    #[inline(always)]
    fn slot(self) -> u64 {
        StrRef::slot(self)
    }
    #[inline(always)]
    fn region(self) -> u32 {
        StrRef::region(self)
    }
    fn bytes(self) -> usize {
        self.len()
    }
}

impl Object for BigIntRef {
    #[inline(always)]
    fn slot(self) -> u64 {
        BigIntRef::slot(self)
    }
    #[inline(always)]
    fn region(self) -> u32 {
        BigIntRef::region(self)
    }
    fn bytes(self) -> usize {
        self.len() * size_of::<u64>()
    }
}

impl Object for ListRef {
    #[inline(always)]
    fn slot(self) -> u64 {
        ListRef::slot(self)
    }
    #[inline(always)]
    fn region(self) -> u32 {
        ListRef::region(self)
    }
    fn bytes(self) -> usize {
        self.len() * size_of::<u64>()
    }
    fn items(self) -> usize {
        if ListRef::item(self).ty().is_object() { self.len() } else { 0 }
    }
    fn item(self, index: usize) -> Option<(u64, Type)> {
        self.get(index as u64).map(|slot| (slot, ListRef::item(self).ty()))
    }
}

impl Object for SparseRef {
    #[inline(always)]
    fn slot(self) -> u64 {
        SparseRef::slot(self)
    }
    #[inline(always)]
    fn region(self) -> u32 {
        SparseRef::region(self)
    }
    fn bytes(self) -> usize {
        0
    }
    fn items(self) -> usize {
        3
    }
    fn item(self, index: usize) -> Option<(u64, Type)> {
        Some((self.parts().get(index)?.slot(), *self.part_types().get(index)?))
    }
}

/// Handle of a live object of any kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectRef {
    /// A tensor.
    Tensor(TensorRef),
    /// A string.
    Str(StrRef),
    /// A list.
    List(ListRef),
    /// A sparse matrix.
    Sparse(SparseRef),
    /// A big integer.
    BigInt(BigIntRef),
}

impl ObjectRef {
    /// The object that a slot of type `ty` refers to; `None` where values of that
    /// type are no objects.
    ///
    /// # Safety
    /// The slot must hold a value of that type, and the handle must not be used
    /// after the object's region has ended.
    #[inline(always)]
    pub unsafe fn from_slot(slot: u64, ty: Type) -> Option<ObjectRef> {
        // SAFETY: upheld by the caller.
        unsafe {
            match ty {
                Type::Tensor(_) => Some(ObjectRef::Tensor(TensorRef::from_slot(slot))),
                Type::Str => Some(ObjectRef::Str(StrRef::from_slot(slot))),
                Type::Sparse(_) => Some(ObjectRef::Sparse(SparseRef::from_slot(slot))),
                Type::BigInt => Some(ObjectRef::BigInt(BigIntRef::from_slot(slot))),
                Type::List(_) => Some(ObjectRef::List(ListRef::from_slot(slot))),
                Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::Bool | Type::Func(_) => None,
            }
        }
    }
}

/// Asks the object, of whatever kind it is.
macro_rules! ask {
    ($object:expr, $o:ident => $answer:expr) => {
        match $object {
            ObjectRef::Tensor($o) => $answer,
            ObjectRef::Str($o) => $answer,
            ObjectRef::List($o) => $answer,
            ObjectRef::Sparse($o) => $answer,
            ObjectRef::BigInt($o) => $answer,
        }
    };
}

impl Object for ObjectRef {
    #[inline(always)]
    fn slot(self) -> u64 {
        ask!(self, o => Object::slot(o))
    }
    #[inline(always)]
    fn region(self) -> u32 {
        ask!(self, o => Object::region(o))
    }
    fn bytes(self) -> usize {
        ask!(self, o => Object::bytes(o))
    }
    fn items(self) -> usize {
        ask!(self, o => Object::items(o))
    }
    fn item(self, index: usize) -> Option<(u64, Type)> {
        ask!(self, o => Object::item(o, index))
    }
}
