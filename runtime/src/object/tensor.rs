//! The tensor header and the handle to it.
//!
//! Invariants: elements lie contiguously in row-major order at `data`. That is
//! aligned to 16 bytes in the arena and to 64 in the pool (a view keeps only
//! its element's alignment). `len` is the product of the first `rank` dims and
//! `len * size` fits `isize`. `wlen` is `len`, and `wd0` is `dims[0]`, where
//! the program may write, else both are 0: a store compares its index with them
//! and so checks range and permission at once.

use super::{Element, Storage, from_slot, to_slot};
use nbc_ir::Elem;
use nbc_ir::dims::{Dims, MAX_RANK};
use std::mem::offset_of;

/// Header of a tensor.
///
/// The allocation of a tensor that is not a view and has at most
/// [`SHORT_RANK`] dims ends after `dims[2]`; there is never a `&Tensor`.
#[repr(C)]
pub struct Tensor {
    /// First element. Dangling but aligned when there are none.
    pub data: *mut u8,
    /// Number of elements.
    pub len: u64,
    /// `len` if the elements may be written, else 0.
    pub wlen: u64,
    /// `dims[0]` if the elements may be written, else 0.
    pub wd0: u64,
    /// Index of the owning region in the heap's stack; 0 lives as long as the instance.
    pub region: u32,
    /// Number of dims.
    pub rank: u8,
    /// Element type.
    pub elem: Elem,
    /// Where the elements lie.
    pub storage: Storage,
    /// Dims; the first three are always there and 0 from `rank` on.
    pub dims: [u64; MAX_RANK],
    /// The tensor that owns the elements; there only for a view.
    pub root: *mut Tensor,
}

/// Up to this rank a header is short: `dims` has only that many entries.
pub const SHORT_RANK: usize = 3;

impl Tensor {
    /// Bytes of a short header.
    pub const SHORT: usize = offset_of!(Tensor, dims) + 8 * SHORT_RANK;

    /// Bytes of the header of a tensor of this rank and storage.
    #[inline(always)]
    pub(crate) const fn header_size(rank: usize, view: bool) -> usize {
        if rank <= SHORT_RANK && !view { Tensor::SHORT } else { size_of::<Tensor>() }
    }
}

/// Handle of a live tensor.
///
/// Whoever makes one, or ends a region, answers for the handle not being used
/// after the tensor is gone; see [`crate::object`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TensorRef(pub(crate) *mut Tensor);

impl TensorRef {
    /// The tensor whose address a register holds.
    ///
    /// # Safety
    /// The slot must hold the address of a tensor of a heap, and the handle
    /// must not be used after the tensor's region has ended.
    #[inline(always)]
    pub unsafe fn from_slot(slot: u64) -> TensorRef {
        TensorRef(from_slot(slot))
    }

    /// The register slot that refers to the tensor.
    #[inline(always)]
    pub fn slot(self) -> u64 {
        to_slot(self.0)
    }

    /// The header.
    pub fn header(self) -> *mut Tensor {
        self.0
    }

    /// Element type.
    #[inline(always)]
    pub fn elem(self) -> Elem {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).elem }
    }

    /// Number of dims.
    #[inline(always)]
    pub fn rank(self) -> usize {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).rank as usize }
    }

    /// Number of elements.
    #[inline(always)]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        // SAFETY: a handle refers to a live header. The length fits `usize`
        // because the payload has been allocated.
        unsafe { (*self.0).len as usize }
    }

    /// Bytes of the payload.
    pub fn bytes(self) -> usize {
        self.len() * self.elem().size()
    }

    /// Dims.
    #[inline]
    pub fn dims(self) -> Dims {
        if self.rank() <= SHORT_RANK {
            // SAFETY: a handle refers to a live header, whose first three dims are always there.
            let first = unsafe { (&raw const (*self.0).dims).cast::<[u64; SHORT_RANK]>().read() };
            return Dims::of_three(self.rank(), first);
        }
        // SAFETY: a handle refers to a live header, which has `rank` dims, at most 8.
        let dims = unsafe {
            let from = (&raw const (*self.0).dims).cast::<u64>();
            std::slice::from_raw_parts(from, self.rank())
        };
        Dims::new(dims).unwrap_or_default()
    }

    /// Whether another has the same dims.
    #[inline]
    pub(crate) fn has_dims_of(self, other: TensorRef) -> bool {
        if self == other {
            return true;
        }
        if self.rank() > SHORT_RANK {
            return *self.dims() == *other.dims();
        }
        // SAFETY: a handle refers to a live header, whose first three dims are always there, 0 behind the rank.
        let first = |t: TensorRef| unsafe { (&raw const (*t.0).dims).cast::<[u64; SHORT_RANK]>().read() };
        self.rank() == other.rank() && first(self) == first(other)
    }

    /// The last dim; 1 where there is none.
    #[inline]
    pub(crate) fn last_dim(self) -> u64 {
        match self.rank() {
            0 => 1,
            // SAFETY: a handle refers to a live header, which has `rank` dims.
            rank => unsafe { (&raw const (*self.0).dims).cast::<u64>().add(rank - 1).read() },
        }
    }

    /// Whether the program may write the elements.
    pub fn is_writable(self) -> bool {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).wlen == (*self.0).len }
    }

    /// Where the elements lie.
    pub fn storage(self) -> Storage {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).storage }
    }

    /// Depth of the region that the tensor lives in.
    pub fn region(self) -> u32 {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).region }
    }

    /// First element, as bytes.
    #[inline(always)]
    pub fn data(self) -> *mut u8 {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).data }
    }

    /// The elements.
    ///
    /// # Panics
    /// When `T` is not the element type.
    ///
    /// # Safety
    /// The tensor must outlive `'a` and nothing may write its elements meanwhile.
    #[inline]
    pub unsafe fn as_slice<'a, T: Element>(self) -> &'a [T] {
        assert_eq!(self.elem(), T::ELEM, "the tensor has elements of another type");
        // SAFETY: `data` points to `len` initialised elements of that type
        // (the header's invariant), alive and unwritten as the caller promises.
        unsafe { std::slice::from_raw_parts(self.data().cast::<T>(), self.len()) }
    }

    /// The elements, to be written.
    ///
    /// # Panics
    /// When `T` is not the element type or the tensor is read-only.
    ///
    /// # Safety
    /// As [`TensorRef::as_slice`], and nothing else may read them meanwhile.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn as_mut_slice<'a, T: Element>(self) -> &'a mut [T] {
        assert_eq!(self.elem(), T::ELEM, "the tensor has elements of another type");
        assert!(self.is_writable(), "the tensor is read-only");
        // SAFETY: as above; the payload of a writable tensor is not the host's
        // and not a constant, and is not aliased as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.data().cast::<T>(), self.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_header_is_one_cache_line() {
        assert_eq!(Tensor::SHORT, 64);
        assert_eq!(size_of::<Tensor>(), 112);
        assert_eq!(offset_of!(Tensor, dims), 40);
    }
}
