//! The arena of one region: headers and small payloads, freed all at once.
//!
//! A bumpalo arena whose allocations are all 16-aligned. It takes no memory
//! until its first allocation, and a reset keeps its largest chunk. Its
//! allocation limit is always what it has, so that bumpalo by itself never
//! takes a chunk: only [`Arena::grow`] does, whose caller counts.

use super::secret::wipe;
use bumpalo::Bump;
use std::alloc::Layout;
use std::ptr::NonNull;

/// Alignment of everything in an arena.
pub(crate) const ALIGN: usize = 16;

/// `size`, which must be small, rounded up to the alignment.
#[inline(always)]
pub(crate) const fn padded(size: usize) -> usize {
    (size + (ALIGN - 1)) & !(ALIGN - 1)
}

pub(crate) struct Arena {
    bump: Bump<ALIGN>,
    /// Bytes of all chunks.
    chunks: usize,
}

impl Default for Arena {
    fn default() -> Arena {
        let bump = Bump::with_min_align();
        bump.set_allocation_limit(Some(0));
        Arena { bump, chunks: 0 }
    }
}

impl Arena {
    /// `size` bytes, a multiple of 16, if the current chunk has them.
    #[inline(always)]
    pub(crate) fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        debug_assert!(size.is_multiple_of(ALIGN) && size <= isize::MAX as usize - ALIGN);
        // SAFETY: the alignment is a power of two and the size is small.
        let layout = unsafe { Layout::from_size_align_unchecked(size, ALIGN) };
        self.bump.try_alloc_layout(layout).ok()
    }

    /// `size` bytes, a multiple of 16, taking a new chunk of at most `room` bytes.
    #[cold]
    #[inline(never)]
    pub(crate) fn grow(&mut self, size: usize, room: usize) -> Option<NonNull<u8>> {
        // Not all of what is left, if half of it will do: buffers need room too.
        self.bump.set_allocation_limit(Some(self.chunks.saturating_add(room / 2)));
        let place = self.alloc(size).or_else(|| {
            self.bump.set_allocation_limit(Some(self.chunks.saturating_add(room)));
            self.alloc(size)
        });
        self.chunks = self.bump.allocated_bytes();
        self.bump.set_allocation_limit(Some(self.chunks));
        place
    }

    /// Bytes of all chunks.
    #[inline]
    pub(crate) fn chunk_bytes(&self) -> usize {
        self.chunks
    }

    /// Bytes given out (and lost at the ends of chunks).
    #[inline]
    pub(crate) fn used_bytes(&self) -> usize {
        self.chunks.saturating_sub(self.bump.chunk_capacity())
    }

    /// Whether anything was allocated since the last reset.
    #[inline]
    pub(crate) fn is_used(&self) -> bool {
        self.used_bytes() != 0
    }

    /// All that is left of the present chunk.
    #[cfg(all(test, feature = "crypto"))]
    pub(crate) fn rest(&mut self) -> Option<(*mut u8, usize)> {
        let left = self.bump.chunk_capacity() / ALIGN * ALIGN;
        self.alloc(left).filter(|_| left > 0).map(|place| (place.as_ptr(), left))
    }

    /// Overwrites all that was given out with zeros.
    pub(crate) fn wipe(&mut self) {
        // SAFETY: the parts are those given out of chunks that are there, and the arena is borrowed exclusively; what lies
        // there is freed next.
        unsafe {
            for (start, len) in self.bump.iter_allocated_chunks_raw() {
                wipe(start, len);
            }
        }
    }

    /// Frees all allocations, keeping one chunk when it has at most `keep` bytes.
    ///
    /// # Safety
    /// Nothing allocated here may be used afterwards.
    #[inline]
    pub(crate) unsafe fn reset(&mut self, keep: usize) {
        self.bump.reset();
        let chunks = self.bump.allocated_bytes();
        if chunks > keep {
            *self = Arena::default();
        } else if chunks != self.chunks {
            self.chunks = chunks;
            self.bump.set_allocation_limit(Some(chunks));
        }
    }
}
