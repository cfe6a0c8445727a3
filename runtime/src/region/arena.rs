//! The arena of one region: headers and small payloads, freed all at once.
//!
//! A bumpalo arena whose allocations are all 16-aligned. It takes no memory
//! until its first allocation, and a reset keeps its largest chunk.

use bumpalo::Bump;
use std::alloc::Layout;
use std::ptr::NonNull;

/// Alignment of everything in an arena.
pub(crate) const ALIGN: usize = 16;

#[derive(Default)]
pub(crate) struct Arena {
    bump: Bump<ALIGN>,
    /// Bytes of all chunks.
    chunks: usize,
}

impl Arena {
    /// Whether `size` bytes, a multiple of 16, fit the current chunk.
    #[inline(always)]
    pub(crate) fn fits(&self, size: usize) -> bool {
        size <= self.bump.chunk_capacity()
    }

    /// `size` bytes, a multiple of 16, taking a new chunk of at most `room`
    /// bytes if need be.
    #[inline(always)]
    pub(crate) fn alloc(&mut self, size: usize, room: usize) -> Option<NonNull<u8>> {
        debug_assert!(size.is_multiple_of(ALIGN));
        let layout = Layout::from_size_align(size, ALIGN).ok()?;
        if self.fits(size) {
            return self.bump.try_alloc_layout(layout).ok();
        }
        self.grow(layout, room)
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, layout: Layout, room: usize) -> Option<NonNull<u8>> {
        self.bump.set_allocation_limit(Some(self.chunks.saturating_add(room)));
        let place = self.bump.try_alloc_layout(layout).ok();
        self.chunks = self.bump.allocated_bytes();
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

    /// Frees all allocations, keeping one chunk when it has at most `keep` bytes.
    ///
    /// # Safety
    /// Nothing allocated here may be used afterwards.
    pub(crate) unsafe fn reset(&mut self, keep: usize) {
        self.bump.reset();
        self.chunks = self.bump.allocated_bytes();
        if self.chunks > keep {
            self.bump = Bump::with_min_align();
            self.chunks = 0;
        }
    }
}
