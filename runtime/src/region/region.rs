//! One region: an arena for headers and small payloads, and a list of buffers
//! for large ones.
//!
//! Invariant: all of it goes at once. Of a region that holds secrets, all is overwritten with zeros before.

use super::arena::Arena;
use super::heap::Shared;
use super::pool::BufferList;
use crate::device::Device;
use std::ptr::NonNull;

/// One region: an arena and the pooled buffers that its objects own.
#[derive(Default)]
pub(super) struct Region {
    pub(super) arena: Arena,
    pub(super) buffers: BufferList,
    /// Capacity of `buffers`.
    pub(super) buffer_bytes: usize,
    /// Most bytes a region at this index has had.
    pub(super) peak: usize,
    /// How often a region at this index has begun.
    pub(super) begins: u64,
    /// Whether something in it is secret.
    pub(super) is_secret: bool,
}

impl Region {
    pub(super) fn live(&self) -> usize {
        self.arena.used_bytes() + self.buffer_bytes
    }
}

impl Region {
    pub(super) fn boxed() -> NonNull<Region> {
        NonNull::from(Box::leak(Box::default()))
    }

    /// Overwrites all objects with zeros.
    #[cold]
    fn wipe(&mut self, device: Option<&dyn Device>) {
        self.is_secret = false;
        self.buffers.wipe(device);
        self.arena.wipe();
    }

    /// Frees all objects; the arena keeps a chunk of at most `keep` bytes.
    ///
    /// # Safety
    /// Nothing in the region may be used afterwards.
    #[inline]
    pub(super) unsafe fn clear(&mut self, shared: &mut Shared, keep: usize) {
        self.peak = self.peak.max(self.live());
        if self.is_secret {
            self.wipe(shared.pool.device.as_deref());
        }
        if !self.buffers.is_empty() {
            for holding in self.buffers.drain() {
                // SAFETY: the region owns its buffers; nothing uses them afterwards.
                unsafe { shared.pool.put(holding) };
            }
            shared.held -= self.buffer_bytes;
            self.buffer_bytes = 0;
        }
        let before = self.arena.chunk_bytes();
        // SAFETY: upheld by the caller.
        unsafe { self.arena.reset(keep) };
        let given_up = before - self.arena.chunk_bytes();
        shared.held -= given_up;
        shared.arenas -= given_up;
    }
}
