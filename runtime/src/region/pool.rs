//! Buffers for payloads of 1 KiB and more, kept by size class between uses.
//!
//! A buffer is one allocation, 64-byte aligned: a head of 64 bytes, then the
//! payload. The pool belongs to one heap, so it needs no locks. It keeps a
//! bounded number of bytes.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// Payloads from this size on are pooled; smaller ones lie in an arena.
pub const MEDIUM: usize = 1 << 10;
/// Payloads from this size on are large: their classes are finer.
pub const LARGE: usize = 1 << 20;

const ALIGN: usize = 64;
const HEAD: usize = 64;

/// Bytes that bring memory for an allocation to [`ALIGN`], which the allocator is not asked for:
/// then it takes zeros from the system that cost nothing until they are touched.
const LEAD: usize = ALIGN - ALLOCATED_ALIGN;
const ALLOCATED_ALIGN: usize = 16;

#[repr(C, align(64))]
struct Head {
    capacity: usize,
    class: u32,
    /// How far the head is from where the allocation begins.
    lead: u32,
    /// Position in the list of the region that owns the buffer.
    index: u32,
}

const _: () = assert!(size_of::<Head>() == HEAD);

/// A buffer that whoever holds this owns. It is not freed on drop: a region,
/// the pool or an [`OwnedTensor`](crate::object::OwnedTensor) must free it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Buffer(NonNull<Head>);

impl Buffer {
    /// A new buffer with room for `bytes`; `None` when the machine has not so much.
    pub(crate) fn allocate(bytes: usize, zeroed: bool) -> Option<Buffer> {
        let (class, capacity) = class_of(bytes)?;
        let layout = layout(capacity)?;
        // SAFETY: the layout is not empty: it has room for the head.
        let start = NonNull::new(unsafe { if zeroed { alloc_zeroed(layout) } else { alloc(layout) } })?;
        let lead = start.align_offset(ALIGN).min(LEAD);
        // SAFETY: the allocation has room for a head behind what brings it to its alignment.
        unsafe {
            let head = start.add(lead).cast::<Head>();
            head.write(Head { capacity, class, lead: lead as u32, index: 0 });
            Some(Buffer(head))
        }
    }

    /// The buffer whose payload starts at `data`.
    ///
    /// # Safety
    /// `data` must come from [`Buffer::data`] of a buffer not yet freed.
    pub(crate) unsafe fn from_data(data: *mut u8) -> Buffer {
        // SAFETY: the head lies right before the payload in one allocation.
        unsafe { Buffer(NonNull::new_unchecked(data.sub(HEAD)).cast()) }
    }

    /// First byte of the payload.
    #[inline]
    pub(crate) fn data(self) -> *mut u8 {
        // SAFETY: the payload follows the head in the same allocation.
        unsafe { self.0.as_ptr().cast::<u8>().add(HEAD) }
    }

    /// Bytes of the payload.
    #[inline]
    pub(crate) fn capacity(self) -> usize {
        // SAFETY: a buffer is alive until `free`.
        unsafe { (*self.0.as_ptr()).capacity }
    }

    #[inline]
    fn class(self) -> usize {
        // SAFETY: a buffer is alive until `free`.
        unsafe { (*self.0.as_ptr()).class as usize }
    }

    fn index(self) -> usize {
        // SAFETY: a buffer is alive until `free`.
        unsafe { (*self.0.as_ptr()).index as usize }
    }

    fn set_index(self, index: usize) {
        // SAFETY: a buffer is alive until `free`.
        unsafe { (*self.0.as_ptr()).index = index as u32 }
    }

    /// Gives the memory back to the machine.
    ///
    /// # Safety
    /// The caller must own the buffer, and nobody may use it afterwards.
    pub(crate) unsafe fn free(self) {
        let layout = layout(self.capacity()).expect("the buffer was made with this layout");
        // SAFETY: the buffer was allocated with this layout, so far before its head, and is freed once.
        unsafe {
            let lead = (*self.0.as_ptr()).lead as usize;
            dealloc(self.0.as_ptr().cast::<u8>().sub(lead), layout)
        }
    }
}

fn layout(capacity: usize) -> Option<Layout> {
    Layout::from_size_align(capacity.checked_add(HEAD + LEAD)?, ALLOCATED_ALIGN).ok()
}

/// Class and capacity for a payload of `bytes`: powers of two, divided in 4
/// steps up to [`LARGE`] and in 16 above, so that little is wasted.
pub(crate) fn class_of(bytes: usize) -> Option<(u32, usize)> {
    let bytes = bytes.max(MEDIUM);
    if bytes > isize::MAX as usize / 2 {
        return None;
    }
    let (base, steps_log2, first) = if bytes <= LARGE { (10, 2, 0) } else { (20, 4, 40) };
    // The class that ends in [2^k, 2^(k+1)), reached from the size just below.
    let k = (bytes - 1).max(1 << base).ilog2();
    let step = 1usize << (k - steps_log2);
    let capacity = bytes.div_ceil(step) * step;
    let within = (capacity - (1 << k)) / step;
    Some((first + ((k - base) << steps_log2) + within as u32, capacity))
}

/// Buffers owned by one region.
#[derive(Default)]
pub(crate) struct BufferList(Vec<Buffer>);

impl BufferList {
    pub(crate) fn push(&mut self, buffer: Buffer) {
        buffer.set_index(self.0.len());
        self.0.push(buffer);
    }

    pub(crate) fn remove(&mut self, buffer: Buffer) {
        let at = buffer.index();
        debug_assert_eq!(self.0[at], buffer);
        self.0.swap_remove(at);
        if let Some(moved) = self.0.get(at) {
            moved.set_index(at);
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Buffer> {
        self.0.drain(..)
    }
}

/// The buffers kept for reuse.
pub(crate) struct Pool {
    free: Vec<Vec<Buffer>>,
    kept: usize,
    keep: usize,
}

impl Pool {
    /// A pool that keeps up to `keep` bytes.
    pub(crate) fn new(keep: usize) -> Pool {
        Pool { free: Vec::new(), kept: 0, keep }
    }

    /// Bytes kept for reuse.
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// A kept buffer of class `class`, its contents left over.
    pub(crate) fn take(&mut self, class: u32) -> Option<Buffer> {
        let buffer = self.free.get_mut(class as usize)?.pop()?;
        self.kept -= buffer.capacity();
        Some(buffer)
    }

    /// Keeps at most `keep` bytes from now on.
    pub(crate) fn set_keep(&mut self, keep: usize) {
        self.keep = keep;
        if self.kept > keep {
            self.trim();
        }
    }

    /// Takes back a buffer. When there is no room to keep it, what was kept
    /// before goes: sizes that a program has moved on from must not stay.
    ///
    /// # Safety
    /// The caller must own the buffer, and nobody may use its contents afterwards.
    pub(crate) unsafe fn put(&mut self, buffer: Buffer) {
        if self.kept + buffer.capacity() > self.keep {
            self.trim();
        }
        if buffer.capacity() > self.keep {
            // SAFETY: upheld by the caller.
            unsafe { buffer.free() };
            return;
        }
        let class = buffer.class();
        if class >= self.free.len() {
            self.free.resize_with(class + 1, Vec::new);
        }
        self.kept += buffer.capacity();
        self.free[class].push(buffer);
    }

    /// Frees everything that is kept.
    pub(crate) fn trim(&mut self) {
        for buffer in self.free.iter_mut().flat_map(|class| class.drain(..)) {
            // SAFETY: the pool owns what it keeps, and nobody uses it.
            unsafe { buffer.free() };
        }
        self.kept = 0;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.trim();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_dense_ascending_and_waste_little() {
        let (mut last, mut last_capacity) = (0, MEDIUM);
        for bytes in (1..4 << 20).step_by(37) {
            let (class, capacity) = class_of(bytes).unwrap();
            assert!(capacity >= bytes);
            if bytes > LARGE {
                assert!(capacity <= bytes + bytes / 8, "{bytes} got {capacity}");
            } else if bytes > MEDIUM {
                assert!(capacity <= bytes + bytes / 3, "{bytes} got {capacity}");
            }
            match class - last {
                0 => assert_eq!(capacity, last_capacity),
                1 => assert!(capacity > last_capacity),
                _ => panic!("class {class} after {last} at {bytes}"),
            }
            (last, last_capacity) = (class, capacity);
            assert_eq!(class_of(capacity), Some((class, capacity)));
        }
        assert_eq!(class_of(usize::MAX), None);
    }

    #[test]
    fn the_pool_keeps_the_latest_up_to_its_bound() {
        let mut pool = Pool::new(5000);
        let (a, b) = (Buffer::allocate(4000, true).unwrap(), Buffer::allocate(4000, false).unwrap());
        let (class, capacity) = class_of(4000).unwrap();
        // SAFETY: both are owned here and not used again.
        unsafe {
            pool.put(a);
            pool.put(b);
        }
        assert_eq!(pool.kept(), capacity);
        let again = pool.take(class).unwrap();
        assert_eq!((again, pool.kept()), (b, 0));
        assert_eq!(pool.take(class), None);
        // SAFETY: owned since `take`.
        unsafe { pool.put(again) };
    }
}
