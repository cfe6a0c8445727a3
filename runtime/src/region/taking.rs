//! Taking values out of the heap, for the host.
//!
//! Copies belong to the host, so they are not in the heap's budget. The same
//! number of bytes bounds the copies of one hand-over, and the deadline is
//! looked at as they are made.

use super::allocator::RegionAllocator;
use super::heap::Heap;
use super::pool;
use crate::object::{BigIntRef, OwnedBigInt, OwnedTensor, Storage, StrRef, TensorRef};
use crate::trap::{TrapCode, TrapError};

/// Bytes that are copied between two looks at clock and interrupt flag.
const STRETCH: usize = 1 << 20;

/// The trap of a copy for which the machine has no memory.
#[cold]
pub(crate) fn no_memory() -> TrapError {
    TrapError::new(TrapCode::OutOfMemory, "no memory for the result")
}

impl Heap {
    /// Begins to take out values: results, the arguments of a host function, a global.
    #[inline]
    pub fn begin_taking_out(&mut self) {
        self.shared.taken_out = 0;
    }

    /// Counts `bytes` that are about to be copied for the host.
    ///
    /// # Errors
    /// `out_of_memory` when those of this hand-over are more than the memory limit;
    /// `timeout` and `interrupted`.
    pub fn take_out(&mut self, bytes: usize) -> Result<(), TrapError> {
        let before = self.shared.taken_out;
        let after = before.saturating_add(bytes);
        self.shared.taken_out = after;
        if after > self.shared.limit {
            let limit = self.shared.limit;
            let text = format!(
                "copies for the host would take {after} bytes, more than the memory limit of {limit}"
            );
            return Err(TrapError::new(TrapCode::OutOfMemory, text));
        }
        if after / STRETCH > before / STRETCH { self.shared.interruption.check() } else { Ok(()) }
    }

    /// A copy of a string for the host.
    ///
    /// # Errors
    /// As [`Heap::take_out`], and when the machine has no memory.
    pub fn copy_string_out(&mut self, text: StrRef) -> Result<String, TrapError> {
        // SAFETY: strings are immutable, and a handle is to a live one.
        let text = unsafe { text.as_str() };
        let mut copy = Vec::new();
        // Each counts for what it takes besides its bytes, too.
        self.take_out(size_of::<String>())?;
        copy.try_reserve_exact(text.len()).map_err(|_| no_memory())?;
        for piece in text.as_bytes().chunks(STRETCH) {
            self.take_out(piece.len())?;
            copy.extend_from_slice(piece);
        }
        // SAFETY: the bytes are those of a string.
        Ok(unsafe { String::from_utf8_unchecked(copy) })
    }

    /// A copy of a big integer for the host.
    ///
    /// # Errors
    /// As [`Heap::take_out`], and when the machine has no memory.
    pub fn copy_bigint_out(&mut self, from: BigIntRef) -> Result<OwnedBigInt, TrapError> {
        // SAFETY: they are immutable, and a handle is to a live one.
        let limbs = unsafe { from.limbs() };
        let mut copy = Vec::new();
        self.take_out(size_of::<OwnedBigInt>())?;
        copy.try_reserve_exact(limbs.len()).map_err(|_| no_memory())?;
        for piece in limbs.chunks(STRETCH / size_of::<u64>()) {
            self.take_out(size_of_val(piece))?;
            copy.extend_from_slice(piece);
        }
        Ok(OwnedBigInt::new(from.is_negative(), copy))
    }

    /// Takes a tensor out of the heap: a pooled payload is handed over without
    /// a copy, leaving an empty tensor behind, anything else is copied. Every
    /// NaN becomes the canonical one.
    ///
    /// # Safety
    /// The slot must hold a live tensor, and no view of it may be read afterwards.
    pub unsafe fn take_tensor(&mut self, slot: u64) -> Result<OwnedTensor, TrapError> {
        // SAFETY: upheld by the caller.
        let tensor = unsafe { TensorRef::from_slot(slot) };
        let region = tensor.region() as usize;
        self.bring_home(tensor, false)?;
        if tensor.storage() == Storage::Pooled && (1..=self.depth).contains(&region) {
            let (elem, dims) = (tensor.elem(), tensor.dims());
            // SAFETY: a pooled payload starts a buffer that its region owns.
            let buffer = unsafe { pool::Buffer::from_data(tensor.data()) };
            let RegionAllocator { region, shared, .. } = self.allocator(region);
            region.buffers.remove(buffer);
            region.buffer_bytes -= buffer.capacity();
            shared.held -= buffer.capacity();
            shared.pool.has_left(buffer);
            tensor.make_empty();
            // SAFETY: the buffer is owned by nobody else now; its elements are initialised.
            return unsafe {
                OwnedTensor::of_program(buffer, elem, &dims, || self.shared.interruption.check())
            };
        }
        // SAFETY: the tensor is alive and nothing writes it during the copy.
        unsafe { self.copy_tensor_out(tensor) }
    }

    /// A copy of a tensor for the host, every NaN in it canonical; the program
    /// keeps its own.
    ///
    /// # Errors
    /// As [`Heap::take_out`], and when the machine has no memory.
    ///
    /// # Safety
    /// The tensor must be live, and nothing may write it during the copy.
    pub unsafe fn copy_tensor_out(&mut self, tensor: TensorRef) -> Result<OwnedTensor, TrapError> {
        self.take_out(tensor.bytes().saturating_add(size_of::<OwnedTensor>()))?;
        self.bring_home(tensor, false)?;
        // SAFETY: upheld by the caller.
        unsafe { OwnedTensor::copy_of(tensor, || self.shared.interruption.check()) }?.ok_or_else(no_memory)
    }
}
