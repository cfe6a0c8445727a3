//! Buffers for payloads of 1 KiB and more, kept by size class between uses.
//!
//! A buffer is one allocation, 64-byte aligned: a head of 64 bytes, then the
//! payload. The pool belongs to one heap, so it needs no locks. It keeps a
//! bounded number of bytes.
//!
//! A result may take over the buffer of an argument that dies
//! ([`Heap::tensor_over`](super::Heap::tensor_over)). Then the program is charged for two
//! buffers and the machine has given one. The one that is only charged for is a
//! [`Holding::Unbacked`]: it is counted, kept and given up as any other. Invariant: of buffers
//! that are there, regions and pool have at most as many as are charged for, so [`Pool::take`]
//! need not find one.

use super::pages;
use super::secret::wipe;
use crate::device::{Device, DeviceCounts, DeviceMemory, asked};
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;

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

/// Where the elements in a buffer are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// On the host.
    Host,
    /// On both.
    Both,
    /// On the device.
    Device,
}

#[repr(C, align(64))]
struct Head {
    capacity: usize,
    class: u32,
    /// How far the head is from where the allocation begins.
    lead: u32,
    /// Position in the list of the region that owns the buffer.
    index: u32,
    /// Where the payload is.
    place: Place,
    /// Memory of the device for it.
    device: Option<DeviceMemory>,
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
        pages::huge(start, layout.size());
        let lead = start.align_offset(ALIGN).min(LEAD);
        // SAFETY: the allocation has room for a head behind what brings it to its alignment.
        unsafe {
            let head = start.add(lead).cast::<Head>();
            head.write(Head {
                capacity,
                class,
                lead: lead as u32,
                index: 0,
                place: Place::Host,
                device: None,
            });
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

    /// Where the payload is.
    #[inline]
    pub(crate) fn place(self) -> Place {
        // SAFETY: a buffer is alive until `free`.
        unsafe { (*self.0.as_ptr()).place }
    }

    pub(crate) fn set_place(self, place: Place) {
        // SAFETY: a buffer is alive until `free`.
        unsafe { (*self.0.as_ptr()).place = place }
    }

    /// Memory of the device for the payload.
    pub(crate) fn device(self) -> Option<DeviceMemory> {
        // SAFETY: a buffer is alive until `free`.
        unsafe { (*self.0.as_ptr()).device }
    }

    pub(crate) fn set_device(self, device: Option<DeviceMemory>) {
        // SAFETY: a buffer is alive until `free`.
        unsafe { (*self.0.as_ptr()).device = device }
    }

    /// Overwrites the payload with zeros.
    fn wipe(self) {
        // SAFETY: the payload has so many bytes, and whoever owns the buffer is to free it next.
        unsafe { wipe(self.data(), self.capacity()) };
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

/// Capacity of the buffers of a class.
pub(crate) fn capacity_of(class: u32) -> usize {
    let (base, steps_log2, first) = if class <= 40 { (10, 2, 0) } else { (20, 4, 40) };
    let (doubled, step) = ((class - first) >> steps_log2, (class - first) & ((1 << steps_log2) - 1));
    (1 << (base + doubled)) + (step as usize) * (1 << (base + doubled - steps_log2))
}

/// A buffer that a region is charged for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holding {
    /// It is there.
    Backed(Buffer),
    /// A result has taken it over, which is charged for one of its own, or nobody needs it yet;
    /// this is its class.
    Unbacked(u32),
}

/// The place in a region's list of a buffer that is charged for and not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Claim(usize);

/// Buffers that one region is charged for.
#[derive(Default)]
pub(crate) struct BufferList(Vec<Holding>);

impl BufferList {
    pub(crate) fn push(&mut self, buffer: Buffer) {
        buffer.set_index(self.0.len());
        self.0.push(Holding::Backed(buffer));
    }

    pub(crate) fn remove(&mut self, buffer: Buffer) {
        let at = buffer.index();
        debug_assert_eq!(self.0[at], Holding::Backed(buffer));
        self.0.swap_remove(at);
        if let Some(Holding::Backed(moved)) = self.0.get(at) {
            moved.set_index(at);
        }
    }

    /// Charges for another buffer of the class of `buffer`, which takes the place of that other.
    pub(crate) fn take_over(&mut self, buffer: Buffer) {
        let at = buffer.index();
        debug_assert_eq!(self.0[at], Holding::Backed(buffer));
        self.0[at] = Holding::Unbacked(buffer.class() as u32);
        self.push(buffer);
    }

    /// Charges for a buffer of a class that is not there.
    pub(crate) fn claim(&mut self, class: u32) -> Claim {
        self.0.push(Holding::Unbacked(class));
        Claim(self.0.len() - 1)
    }

    /// Makes `buffer` the one that has been claimed. The list has lost none since then.
    pub(crate) fn back(&mut self, claim: Claim, buffer: Buffer) {
        debug_assert_eq!(self.0[claim.0], Holding::Unbacked(buffer.class() as u32));
        buffer.set_index(claim.0);
        self.0[claim.0] = Holding::Backed(buffer);
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Overwrites what is in all of them with zeros.
    pub(crate) fn wipe(&mut self) {
        for holding in &self.0 {
            if let Holding::Backed(buffer) = holding {
                buffer.wipe();
            }
        }
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Holding> {
        self.0.drain(..)
    }
}

/// Buffers of one class that are kept.
#[derive(Default)]
struct Shelf {
    /// How many there are by what the program is charged for.
    count: usize,
    /// Those that are there: fewer where results have taken over buffers, or more.
    free: Vec<Buffer>,
}

/// The buffers kept for reuse.
pub(crate) struct Pool {
    shelves: Vec<Shelf>,
    kept: usize,
    keep: usize,
    /// Bytes of all buffers of the heap that are there, the pool's own and others.
    resident: usize,
    /// The device that has memory for some of them.
    pub(crate) device: Option<Arc<dyn Device>>,
    /// Requests to it.
    pub(crate) counts: DeviceCounts,
}

impl Pool {
    /// A pool that keeps up to `keep` bytes.
    pub(crate) fn new(keep: usize) -> Pool {
        Pool {
            shelves: Vec::new(),
            kept: 0,
            keep,
            resident: 0,
            device: None,
            counts: DeviceCounts::default(),
        }
    }

    /// Bytes kept for reuse, by what the program is charged for.
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// Bytes of the heap's buffers that are there.
    pub(crate) fn resident(&self) -> usize {
        self.resident
    }

    /// A new buffer; `None` when the machine has not so much.
    pub(crate) fn make(&mut self, bytes: usize, zeroed: bool) -> Option<Buffer> {
        let buffer = Buffer::allocate(bytes, zeroed)?;
        self.resident += buffer.capacity();
        Some(buffer)
    }

    /// What is told when a buffer leaves the heap.
    pub(crate) fn has_left(&mut self, buffer: Buffer) {
        self.release(buffer);
        self.resident -= buffer.capacity();
    }

    /// # Safety
    /// As [`Buffer::free`].
    unsafe fn free(&mut self, buffer: Buffer) {
        self.has_left(buffer);
        // SAFETY: upheld by the caller.
        unsafe { buffer.free() };
    }

    /// Gives up the memory that a buffer has on the device.
    fn release(&self, buffer: Buffer) {
        if let (Some(memory), Some(device)) = (buffer.device(), &self.device) {
            asked(|| device.free(memory));
            buffer.set_device(None);
        }
        buffer.set_place(Place::Host);
    }

    /// Takes the right to a buffer of class `class`, if one is kept.
    pub(crate) fn take_right(&mut self, class: u32) -> bool {
        let Some(shelf) = self.shelves.get_mut(class as usize).filter(|s| s.count > 0) else { return false };
        shelf.count -= 1;
        self.kept -= capacity_of(class);
        true
    }

    /// A buffer of class `class` that is there although nobody is charged for it.
    pub(crate) fn spare(&mut self, class: u32) -> Option<Buffer> {
        self.shelves.get_mut(class as usize)?.free.pop()
    }

    /// Undoes [`Pool::spare`], and [`Pool::take_right`] if there was a right.
    pub(crate) fn give_back(&mut self, buffer: Buffer, had_right: bool) {
        let shelf = &mut self.shelves[buffer.class()];
        shelf.free.push(buffer);
        if had_right {
            shelf.count += 1;
            self.kept += buffer.capacity();
        }
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
    pub(crate) unsafe fn put(&mut self, holding: Holding) {
        let (class, buffer) = match holding {
            Holding::Backed(buffer) => (buffer.class() as u32, Some(buffer)),
            Holding::Unbacked(class) => (class, None),
        };
        if let Some(buffer) = buffer {
            buffer.set_place(Place::Host);
        }
        let capacity = capacity_of(class);
        if self.kept + capacity > self.keep {
            self.trim();
        }
        if capacity > self.keep {
            if let Some(buffer) = buffer {
                // SAFETY: upheld by the caller.
                unsafe { self.free(buffer) };
            }
            return;
        }
        if class as usize >= self.shelves.len() {
            self.shelves.resize_with(class as usize + 1, Shelf::default);
        }
        let shelf = &mut self.shelves[class as usize];
        shelf.count += 1;
        shelf.free.extend(buffer);
        self.kept += capacity;
    }

    /// Where the buffers that are kept lie, and how many bytes they have.
    #[cfg(all(test, feature = "crypto"))]
    pub(crate) fn idle(&self) -> Vec<(*mut u8, usize)> {
        let all = self.shelves.iter().flat_map(|shelf| &shelf.free);
        all.map(|buffer| (buffer.data(), buffer.capacity())).collect()
    }

    /// Frees everything that is kept.
    pub(crate) fn trim(&mut self) {
        for mut shelf in std::mem::take(&mut self.shelves) {
            for buffer in shelf.free.drain(..) {
                // SAFETY: the pool owns what it keeps, and nobody uses it.
                unsafe { self.free(buffer) };
            }
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
            assert_eq!((class_of(capacity), capacity_of(class)), (Some((class, capacity)), capacity));
        }
        assert_eq!(class_of(usize::MAX), None);
    }

    #[test]
    fn the_pool_keeps_the_latest_up_to_its_bound() {
        let mut pool = Pool::new(5000);
        let (a, b) = (pool.make(4000, true).unwrap(), pool.make(4000, false).unwrap());
        let (class, capacity) = class_of(4000).unwrap();
        assert_eq!(pool.resident(), 2 * capacity);
        // SAFETY: both are owned here and not used again.
        unsafe {
            pool.put(Holding::Backed(a));
            pool.put(Holding::Backed(b));
        }
        assert_eq!((pool.kept(), pool.resident()), (capacity, capacity));
        assert!(pool.take_right(class));
        assert_eq!((pool.spare(class), pool.kept()), (Some(b), 0));
        pool.give_back(b, true);
        assert_eq!(pool.kept(), capacity);
        assert!(pool.take_right(class) && !pool.take_right(class));
        assert_eq!((pool.spare(class), pool.spare(class)), (Some(b), None));
        // SAFETY: owned since `take`.
        unsafe { pool.put(Holding::Backed(b)) };
    }

    #[test]
    fn what_is_only_charged_for_is_kept_and_given_up_like_the_rest() {
        let mut pool = Pool::new(usize::MAX);
        let (class, capacity) = class_of(4000).unwrap();
        let mut list = BufferList::default();
        let (a, b) = (pool.make(4000, false).unwrap(), pool.make(4000, false).unwrap());
        list.push(a);
        list.push(b);
        list.take_over(a);
        assert_eq!(list.0, [Holding::Unbacked(class), Holding::Backed(b), Holding::Backed(a)]);
        list.remove(b);
        list.remove(a);
        list.push(b);
        list.push(a);
        assert_eq!((list.0[1], list.len()), (Holding::Backed(b), 3));
        for holding in list.drain() {
            // SAFETY: the list is gone.
            unsafe { pool.put(holding) };
        }
        assert_eq!((pool.kept(), pool.resident()), (3 * capacity, 2 * capacity));
        assert!((0..3).all(|_| pool.take_right(class)));
        assert_eq!((pool.spare(class), pool.spare(class), pool.kept()), (Some(a), Some(b), 0));
        // SAFETY: as above.
        unsafe {
            pool.put(Holding::Backed(a));
            pool.put(Holding::Unbacked(class));
            pool.put(Holding::Backed(b));
        }
        pool.trim();
        assert_eq!((pool.kept(), pool.resident(), pool.spare(class)), (0, 0, None));
    }
}
