//! Lists: a fixed number of slots, every one always valid.
//!
//! An object in a list lives at least as long as the list: storing one that
//! would not stores a copy (see [`Heap::list_set`](crate::region::Heap::list_set)).

use super::{Storage, from_slot, to_slot};
use nbc_ir::Item;

/// Header of a list.
#[repr(C)]
pub struct List {
    /// First slot.
    pub data: *mut u64,
    /// Number of slots.
    pub len: u64,
    /// The kind of item that the slots hold.
    pub item: Item,
    /// Index of the owning region in the heap's stack.
    pub region: u32,
    /// Where the slots lie.
    pub storage: Storage,
}

/// Handle of a live list; see [`crate::object`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListRef(pub(crate) *mut List);

impl ListRef {
    /// The list whose address a register holds.
    ///
    /// # Safety
    /// The slot must hold the address of a list of a heap, and the handle
    /// must not be used after the list's region has ended.
    #[inline(always)]
    pub unsafe fn from_slot(slot: u64) -> ListRef {
        ListRef(from_slot(slot))
    }

    /// The register slot that refers to the list.
    #[inline(always)]
    pub fn slot(self) -> u64 {
        to_slot(self.0)
    }

    /// Number of items.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).len as usize }
    }

    /// The kind of item that the list holds.
    pub fn item(self) -> Item {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).item }
    }

    /// Depth of the region that the list lives in.
    pub fn region(self) -> u32 {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).region }
    }

    /// All slots.
    ///
    /// # Safety
    /// The list must live as long as they are used, and nothing may write it meanwhile.
    pub(crate) unsafe fn as_slots<'a>(self) -> &'a [u64] {
        // SAFETY: a handle refers to a live header, whose `data` has `len` slots.
        unsafe { std::slice::from_raw_parts((*self.0).data, (*self.0).len as usize) }
    }

    /// The slot at `index`, if there is one.
    #[inline]
    pub fn get(self, index: u64) -> Option<u64> {
        // SAFETY: a handle refers to a live header, whose `data` has `len` slots.
        unsafe { (index < (*self.0).len).then(|| (*self.0).data.add(index as usize).read()) }
    }
}
