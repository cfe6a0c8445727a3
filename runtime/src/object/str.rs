//! Strings: immutable UTF-8.

use super::{Storage, from_slot, to_slot};

/// Header of a string.
#[repr(C)]
pub struct Str {
    /// First byte.
    pub data: *mut u8,
    /// Length in bytes.
    pub len: u64,
    /// Index of the owning region in the heap's stack.
    pub region: u32,
    /// Where the bytes lie.
    pub storage: Storage,
}

/// Handle of a live string; see [`crate::object`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StrRef(pub(crate) *mut Str);

impl StrRef {
    /// The string whose address a register holds.
    ///
    /// # Safety
    /// The slot must hold the address of a string of a heap, and the handle
    /// must not be used after the string's region has ended.
    #[inline(always)]
    pub unsafe fn from_slot(slot: u64) -> StrRef {
        StrRef(from_slot(slot))
    }

    /// The register slot that refers to the string.
    #[inline(always)]
    pub fn slot(self) -> u64 {
        to_slot(self.0)
    }

    /// Length in bytes.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).len as usize }
    }

    /// Depth of the region that the string lives in.
    pub fn region(self) -> u32 {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).region }
    }

    /// The text.
    ///
    /// # Safety
    /// The string must outlive `'a`.
    pub unsafe fn as_str<'a>(self) -> &'a str {
        // SAFETY: the header describes `len` bytes that were copied from a
        // `str` when the string was made and are never written again.
        unsafe {
            let bytes = std::slice::from_raw_parts((*self.0).data, (*self.0).len as usize);
            std::str::from_utf8_unchecked(bytes)
        }
    }
}
