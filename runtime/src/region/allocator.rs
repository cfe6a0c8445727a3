//! The allocator of one region. Invariant: every header of an object is written
//! here.

use super::arena::{Arena, padded};
use super::heap::Shared;
use super::pool::{Buffer, BufferList, Claim, MEDIUM, Place, class_of};
use super::region::Region;
use crate::object::tensor::SHORT_RANK;
use crate::object::{
    BigInt, BigIntRef, Format, List, ListRef, ObjectRef, Sparse, SparseRef, Storage, Str, StrRef, Tensor,
    TensorRef,
};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::dims::{Dims, MAX_RANK, count};
use nbc_ir::{ConstValue, Elem, Item, Type};
use rustc_hash::FxHashMap;
use std::mem::offset_of;
use std::ptr::NonNull;

/// Bytes that are written between two looks at clock and interrupt flag.
const STRETCH: usize = 1 << 20;
/// Items of a list that are copied or moved between two such looks.
pub(super) const ITEMS: usize = 1 << 10;

/// The address of no elements.
const ALIGNED: usize = 64;

/// Why an object was not made.
pub(super) enum NoRoom {
    /// That many bytes would pass the budget, or the machine has not so many.
    Budget(usize),
    /// Trying again is of no use.
    Invalid(TrapError),
}

impl NoRoom {
    #[cold]
    pub(super) fn into_trap(self, shared: &Shared) -> TrapError {
        match self {
            NoRoom::Budget(bytes) if shared.limit == usize::MAX => TrapError::new(
                TrapCode::OutOfMemory,
                format!("{bytes} bytes are more than the machine has to give"),
            ),
            NoRoom::Budget(bytes) => TrapError::new(
                TrapCode::OutOfMemory,
                format!(
                    "{bytes} bytes more would pass the memory budget of {} bytes, of which {} are taken",
                    shared.limit, shared.held
                ),
            ),
            NoRoom::Invalid(trap) => trap,
        }
    }
}

impl Shared {
    /// Bytes that may still be taken from the machine.
    #[inline]
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.held + self.pool.kept())
    }

    #[inline]
    pub(super) fn add(&mut self, bytes: usize) {
        self.held += bytes;
        self.peak = self.peak.max(self.held + self.pool.kept());
        self.resident_peak = self.resident_peak.max(self.resident());
    }

    /// Bytes that the machine has given and has not back.
    #[inline]
    pub(super) fn resident(&self) -> usize {
        self.arenas + self.pool.resident()
    }
}

/// A region with what it needs to make objects.
pub(super) struct RegionAllocator<'h> {
    pub(super) region: &'h mut Region,
    pub(super) shared: &'h mut Shared,
    pub(super) index: u32,
}

impl RegionAllocator<'_> {
    /// `size` bytes of the arena.
    #[inline(always)]
    fn arena(&mut self, size: usize) -> Result<*mut u8, NoRoom> {
        let size = padded(size);
        match self.region.arena.alloc(size) {
            Some(place) => Ok(place.as_ptr()),
            None => self.arena_chunk(size),
        }
    }

    #[cold]
    #[inline(never)]
    fn arena_chunk(&mut self, size: usize) -> Result<*mut u8, NoRoom> {
        let arena: &mut Arena = &mut self.region.arena;
        let before = arena.chunk_bytes();
        let place = arena.grow(size, self.shared.room());
        let taken = arena.chunk_bytes() - before;
        self.shared.arenas += taken;
        self.shared.add(taken);
        place.map(NonNull::as_ptr).ok_or(NoRoom::Budget(size))
    }

    /// Whether the right to a buffer was one that is kept; else there must be room for it.
    fn take_right(&mut self, class: u32, capacity: usize) -> Result<bool, NoRoom> {
        let had_right = self.shared.pool.take_right(class);
        if had_right || capacity <= self.shared.room() {
            Ok(had_right)
        } else {
            Err(NoRoom::Budget(capacity))
        }
    }

    /// A buffer for `bytes`, owned by the region.
    fn buffer(&mut self, bytes: usize, zeroed: bool) -> Result<*mut u8, NoRoom> {
        let (class, capacity) = class_of(bytes).ok_or(NoRoom::Budget(bytes))?;
        let had_right = self.take_right(class, capacity)?;
        let kept = self.shared.pool.spare(class);
        let buffer = match kept {
            Some(kept) => {
                if zeroed && let Err(stopped) = self.zero(kept, bytes) {
                    self.shared.pool.give_back(kept, had_right);
                    return Err(stopped);
                }
                kept
            }
            None => self.shared.pool.make(bytes, zeroed).ok_or(NoRoom::Budget(capacity))?,
        };
        self.shared.add(capacity);
        self.region.buffers.push(buffer);
        self.region.buffer_bytes += capacity;
        self.region.peak = self.region.peak.max(self.region.live());
        Ok(buffer.data())
    }

    /// Whether the program may go on.
    pub(super) fn go_on(&self) -> Result<(), NoRoom> {
        self.shared.interruption.check().map_err(NoRoom::Invalid)
    }

    /// Clears the first `bytes` bytes of a buffer.
    fn zero(&self, buffer: Buffer, bytes: usize) -> Result<(), NoRoom> {
        for at in (0..bytes).step_by(STRETCH) {
            if at > 0 {
                self.go_on()?;
            }
            // SAFETY: the payload has at least `bytes` bytes, and nobody uses it.
            unsafe { buffer.data().add(at).write_bytes(0, STRETCH.min(bytes - at)) };
        }
        Ok(())
    }

    /// Copies `bytes` bytes.
    ///
    /// # Safety
    /// There are so many to be read at `from` and to be written at `to`, which do not overlap.
    unsafe fn copy_bytes(&self, from: *const u8, to: *mut u8, bytes: usize) -> Result<(), NoRoom> {
        for at in (0..bytes).step_by(STRETCH) {
            if at > 0 {
                self.go_on()?;
            }
            // SAFETY: as the caller promises.
            unsafe { std::ptr::copy_nonoverlapping(from.add(at), to.add(at), STRETCH.min(bytes - at)) };
        }
        Ok(())
    }

    /// `bytes` bytes without an object.
    pub(super) fn scratch(&mut self, bytes: usize) -> Result<NonNull<u8>, NoRoom> {
        let data = if bytes < MEDIUM { self.arena(bytes)? } else { self.buffer(bytes, false)? };
        NonNull::new(data).ok_or(NoRoom::Budget(bytes))
    }

    /// A tensor that owns its elements, all zero or still to be written.
    #[inline(always)]
    pub(super) fn tensor(&mut self, elem: Elem, dims: &[u64], zeroed: bool) -> Result<TensorRef, NoRoom> {
        let (len, bytes) = payload(elem, dims)?;
        let head = Tensor::header_size(dims.len(), false);
        if bytes < MEDIUM {
            let place = self.arena(head + bytes)?;
            // SAFETY: the allocation has room for the header and the payload
            // behind it; `head` keeps the payload 16-aligned.
            unsafe {
                let data = place.add(head);
                if zeroed {
                    data.write_bytes(0, bytes);
                }
                Ok(write_header(place, self.index, data, elem, dims, len, Storage::Inline))
            }
        } else {
            self.pooled_tensor(elem, dims, len, bytes, zeroed)
        }
    }

    #[inline(never)]
    fn pooled_tensor(
        &mut self,
        elem: Elem,
        dims: &[u64],
        len: u64,
        bytes: usize,
        zeroed: bool,
    ) -> Result<TensorRef, NoRoom> {
        // The header first: a buffer without an object would stay until the region ends.
        let place = self.arena(Tensor::header_size(dims.len(), false))?;
        let data = self.buffer(bytes, zeroed)?;
        // SAFETY: the allocation has room for the header.
        Ok(unsafe { write_header(place, self.index, data, elem, dims, len, Storage::Pooled) })
    }

    /// A tensor that is charged for as [`RegionAllocator::tensor`] charges for it, without memory for
    /// its elements. It must be one that would be pooled.
    pub(super) fn deferred_tensor(&mut self, elem: Elem, dims: &[u64]) -> Result<(TensorRef, Claim), NoRoom> {
        let (len, bytes) = payload(elem, dims)?;
        debug_assert!(bytes >= MEDIUM);
        let place = self.arena(Tensor::header_size(dims.len(), false))?;
        let (class, capacity) = class_of(bytes).ok_or(NoRoom::Budget(bytes))?;
        self.take_right(class, capacity)?;
        self.shared.add(capacity);
        let claim = self.region.buffers.claim(class);
        self.region.buffer_bytes += capacity;
        self.region.peak = self.region.peak.max(self.region.live());
        let nowhere = std::ptr::without_provenance_mut(ALIGNED);
        // SAFETY: the allocation has room for the header.
        let tensor = unsafe { write_header(place, self.index, nowhere, elem, dims, len, Storage::Deferred) };
        Ok((tensor, claim))
    }

    /// Gives a deferred tensor of this region memory for its elements, which is charged for.
    pub(super) fn back(&mut self, tensor: TensorRef, claim: Claim) -> Result<(), NoRoom> {
        debug_assert!(tensor.storage() == Storage::Deferred && tensor.region() == self.index);
        let bytes = tensor.bytes();
        let (class, capacity) = class_of(bytes).ok_or(NoRoom::Budget(bytes))?;
        let buffer = match self.shared.pool.spare(class) {
            Some(kept) => kept,
            None => self.shared.pool.make(bytes, false).ok_or(NoRoom::Budget(capacity))?,
        };
        self.shared.add(0);
        self.region.buffers.back(claim, buffer);
        // SAFETY: a handle refers to a live header, and no program looks at one that is deferred.
        unsafe {
            (*tensor.0).data = buffer.data();
            (*tensor.0).storage = Storage::Pooled;
        }
        Ok(())
    }

    /// A tensor with the elements' memory of `old`, a pooled one of this region of as many bytes,
    /// charged for as [`RegionAllocator::tensor`] charges for it.
    pub(super) fn tensor_over(
        &mut self,
        old: TensorRef,
        elem: Elem,
        dims: &[u64],
    ) -> Result<TensorRef, NoRoom> {
        debug_assert!(old.storage() == Storage::Pooled && old.region() == self.index);
        let (len, bytes) = payload(elem, dims)?;
        debug_assert_eq!(bytes, old.bytes());
        let place = self.arena(Tensor::header_size(dims.len(), false))?;
        let (class, capacity) = class_of(bytes).ok_or(NoRoom::Budget(bytes))?;
        self.take_right(class, capacity)?;
        self.shared.add(capacity);
        // SAFETY: a pooled payload starts a buffer that its region owns; the
        // allocation has room for the header. What is left of `old` is a header, which says so.
        unsafe {
            let buffer = Buffer::from_data(old.data());
            buffer.set_place(Place::Host);
            self.region.buffers.take_over(buffer);
            self.region.buffer_bytes += capacity;
            self.region.peak = self.region.peak.max(self.region.live());
            (*old.0).storage = Storage::Spent;
            Ok(write_header(place, self.index, old.data(), elem, dims, len, Storage::Pooled))
        }
    }

    pub(super) fn tensor_from_bytes(
        &mut self,
        elem: Elem,
        dims: &[u64],
        bytes: &[u8],
    ) -> Result<TensorRef, NoRoom> {
        let (_, size) = payload(elem, dims)?;
        if size != bytes.len() {
            return Err(NoRoom::Invalid(TrapError::new(
                TrapCode::ShapeMismatch,
                format!("dims {dims:?} of {elem} take {size} bytes, found {}", bytes.len()),
            )));
        }
        let tensor = self.tensor(elem, dims, false)?;
        // SAFETY: the payload has `size` bytes and all are written. The
        // numbers' bytes are little-endian, as the machine's are; a bool is
        // made 0 or 1 because other bytes are not values of a `bool`.
        unsafe {
            if elem == Elem::Bool {
                for (i, b) in bytes.iter().enumerate() {
                    tensor.data().add(i).write((*b != 0) as u8);
                }
            } else {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), tensor.data(), size);
            }
        }
        Ok(tensor)
    }

    /// The object that a constant of a module describes.
    pub(super) fn constant(&mut self, value: &ConstValue, read_only: bool) -> Result<u64, NoRoom> {
        let tensor = match value {
            ConstValue::Str(text) => return Ok(self.string(&[text])?.slot()),
            ConstValue::Tensor { elem, dims, data } => self.tensor_from_bytes(*elem, dims, data)?,
            ConstValue::Zeros { elem, dims } => self.tensor(*elem, dims, true)?,
        };
        if read_only {
            tensor.set_read_only();
        }
        Ok(tensor.slot())
    }

    /// A read-only tensor over memory of the host.
    pub(super) fn lent(&mut self, elem: Elem, dims: &[u64], data: *mut u8) -> Result<TensorRef, NoRoom> {
        let (len, _) = payload(elem, dims)?;
        let place = self.arena(Tensor::header_size(dims.len(), false))?;
        // SAFETY: the allocation has room for the header.
        let tensor = unsafe { write_header(place, self.index, data, elem, dims, len, Storage::Lent) };
        tensor.set_read_only();
        Ok(tensor)
    }

    /// A view; `offset` and `dims` must be in range of `tensor`.
    pub(super) fn view(&mut self, tensor: TensorRef, offset: u64, dims: &[u64]) -> Result<TensorRef, NoRoom> {
        let (len, _) = payload(tensor.elem(), dims)?;
        let place = self.arena(Tensor::header_size(dims.len(), true))?;
        // SAFETY: the offset is in range, so the address is inside the payload
        // or one past its end; the allocation has room for a view's header;
        // only a view has a root.
        unsafe {
            let data = tensor.data().add(offset as usize * tensor.elem().size());
            let view = write_header(place, self.index, data, tensor.elem(), dims, len, Storage::View);
            (*view.0).root = if tensor.storage() == Storage::View { (*tensor.0).root } else { tensor.0 };
            if !tensor.is_writable() {
                view.set_read_only();
            }
            Ok(view)
        }
    }

    /// A string: `parts`, one after the other.
    pub(super) fn string(&mut self, parts: &[&str]) -> Result<StrRef, NoRoom> {
        let len =
            parts.iter().try_fold(0usize, |n, p| n.checked_add(p.len())).ok_or(NoRoom::Budget(usize::MAX))?;
        let head = padded(size_of::<Str>());
        let (header, mut to, storage) = if len < MEDIUM {
            let place = self.arena(head + len)?;
            // SAFETY: the allocation has `head + len` bytes.
            (place, unsafe { place.add(head) }, Storage::Inline)
        } else {
            (self.arena(head)?, self.buffer(len, false)?, Storage::Pooled)
        };
        let header = header.cast::<Str>();
        // SAFETY: header and payload have room for what is written: the parts
        // have `len` bytes together.
        unsafe {
            header.write(Str { data: to, len: len as u64, region: self.index, storage });
            for part in parts {
                self.copy_bytes(part.as_ptr(), to, part.len())?;
                to = to.add(part.len());
            }
        }
        Ok(StrRef(header))
    }

    /// A big integer with room for so many limbs, all zero: 0, until it is sealed.
    pub(super) fn bigint(&mut self, limbs: usize) -> Result<BigIntRef, NoRoom> {
        let bytes = limbs.checked_mul(size_of::<u64>()).ok_or(NoRoom::Budget(usize::MAX))?;
        let head = padded(size_of::<BigInt>());
        let (header, data, storage) = if bytes < MEDIUM {
            let place = self.arena(head + bytes)?;
            // SAFETY: the allocation has `head + bytes` bytes.
            let data = unsafe { place.add(head) };
            // SAFETY: as above.
            unsafe { data.write_bytes(0, bytes) };
            (place, data, Storage::Inline)
        } else {
            (self.arena(head)?, self.buffer(bytes, true)?, Storage::Pooled)
        };
        let (header, data) = (header.cast::<BigInt>(), data.cast::<u64>());
        let (region, len) = (self.index, limbs as u64);
        // SAFETY: the allocation has room for the header, and is 16-aligned.
        unsafe { header.write(BigInt { data, len, region, negative: false, storage }) };
        Ok(BigIntRef(header))
    }

    fn copy_bigint(&mut self, from: BigIntRef) -> Result<u64, NoRoom> {
        let to = self.bigint(from.len())?;
        // SAFETY: both have that many limbs; the new one overlaps nothing, and nobody else has it yet.
        unsafe {
            self.copy_bytes((*from.0).data.cast(), (*to.0).data.cast(), from.len() * size_of::<u64>())?;
            (*to.0).negative = from.is_negative();
        }
        Ok(to.slot())
    }

    /// A list, every slot `fill`.
    pub(super) fn list(&mut self, item: Item, len: u64, fill: u64) -> Result<ListRef, NoRoom> {
        let bytes =
            len.checked_mul(8).and_then(|b| usize::try_from(b).ok()).ok_or(NoRoom::Budget(usize::MAX))?;
        let head = padded(size_of::<List>());
        let (header, data, storage) = if bytes < MEDIUM {
            let place = self.arena(head + bytes)?;
            // SAFETY: the allocation has `head + bytes` bytes.
            (place, unsafe { place.add(head) }, Storage::Inline)
        } else {
            (self.arena(head)?, self.buffer(bytes, fill == 0)?, Storage::Pooled)
        };
        let (header, data) = (header.cast::<List>(), data.cast::<u64>());
        // SAFETY: header and slots have room for what is written, and both
        // are 16-aligned.
        unsafe {
            header.write(List { data, len, item, region: self.index, storage });
            let is_filled = fill == 0 && storage == Storage::Pooled;
            for at in (0..if is_filled { 0 } else { len as usize }).step_by(STRETCH / 8) {
                if at > 0 {
                    self.go_on()?;
                }
                for i in at..(at + STRETCH / 8).min(len as usize) {
                    data.add(i).write(fill);
                }
            }
        }
        Ok(ListRef(header))
    }

    /// An independent copy of any value.
    ///
    /// # Safety
    /// `slot` must hold a live value of type `ty`.
    pub(super) unsafe fn copy(&mut self, slot: u64, ty: Type) -> Result<u64, NoRoom> {
        // SAFETY: upheld by the caller: the slot holds what its type says.
        unsafe {
            match ObjectRef::from_slot(slot, ty) {
                Some(ObjectRef::Tensor(tensor)) => Ok(self.copy_tensor(tensor)?.slot()),
                Some(ObjectRef::Str(text)) => Ok(self.string(&[text.as_str()])?.slot()),
                Some(ObjectRef::BigInt(from)) => self.copy_bigint(from),
                Some(ObjectRef::List(list)) => self.copy_list(list),
                Some(ObjectRef::Sparse(matrix)) => self.copy_sparse(matrix),
                None => Ok(slot),
            }
        }
    }

    fn copy_tensor(&mut self, from: TensorRef) -> Result<TensorRef, NoRoom> {
        self.shared.pool.bring_home(from, false).map_err(NoRoom::Invalid)?;
        let to = self.tensor(from.elem(), &from.dims(), false)?;
        // SAFETY: both payloads have that many bytes; the new one overlaps nothing.
        unsafe { self.copy_bytes(from.data(), to.data(), from.bytes())? };
        Ok(to)
    }

    /// # Safety
    /// The list's items must be live.
    unsafe fn copy_list(&mut self, from: ListRef) -> Result<u64, NoRoom> {
        let (item, len) = (from.item(), from.len() as u64);
        let to = self.list(item, len, 0)?;
        // What is one object in several slots stays one.
        let mut copies = FxHashMap::default();
        for i in 0..len {
            if i % ITEMS as u64 == ITEMS as u64 - 1 {
                self.go_on()?;
            }
            let slot = from.get(i).unwrap_or(0);
            let copy = if !item.ty().is_object() {
                slot
            } else if let Some(copy) = copies.get(&slot) {
                *copy
            } else {
                // SAFETY: an item is a live value of the item type.
                let copy = unsafe { self.copy(slot, item.ty())? };
                copies.insert(slot, copy);
                copy
            };
            // SAFETY: the index is in range of the new list's slots.
            unsafe { (*to.0).data.add(i as usize).write(copy) };
        }
        Ok(to.slot())
    }

    /// A sparse matrix of those tensors, which nobody can write from now on.
    ///
    /// # Safety
    /// They must be as [`crate::object::sparse`] says, live at least as long as the region, and nobody else's who may write.
    pub(super) unsafe fn sparse(
        &mut self,
        format: Format,
        [rows, cols]: [u64; 2],
        parts: [TensorRef; 3],
    ) -> Result<SparseRef, NoRoom> {
        for part in parts.iter().filter(|part| part.is_writable()) {
            part.set_read_only();
        }
        let elem = parts[2].elem();
        let [pointers, indices, values] = parts.map(|part| part.0);
        let (region, storage) = (self.index, Storage::Inline);
        let header = Sparse { pointers, indices, values, rows, cols, region, elem, format, storage };
        Ok(SparseRef(self.move_header(header)?))
    }

    fn copy_sparse(&mut self, from: SparseRef) -> Result<u64, NoRoom> {
        let [pointers, indices, values] = from.parts();
        let parts = [self.copy_tensor(pointers)?, self.copy_tensor(indices)?, self.copy_tensor(values)?];
        // SAFETY: they are those of a sparse matrix, and nobody has them yet.
        Ok(unsafe { self.sparse(from.format(), from.dims(), parts)? }.slot())
    }

    /// Makes the region the owner of `buffer`, taken from `other`.
    pub(super) fn adopt(&mut self, buffer: Buffer, other: &mut BufferList, other_bytes: &mut usize) {
        other.remove(buffer);
        *other_bytes -= buffer.capacity();
        self.region.buffers.push(buffer);
        self.region.buffer_bytes += buffer.capacity();
        self.region.peak = self.region.peak.max(self.region.live());
    }

    /// A header in this region for `tensor` with its payload where it is, or,
    /// if inline, copied.
    pub(super) fn move_tensor(&mut self, tensor: TensorRef) -> Result<TensorRef, NoRoom> {
        let storage = tensor.storage();
        // Nobody has a tensor that is spent; who had one all the same would get a copy. Nor has
        // anybody one that is deferred where a region ends.
        debug_assert!(!matches!(storage, Storage::Spent | Storage::Deferred));
        let moved = if matches!(storage, Storage::Inline | Storage::Spent) {
            self.copy_tensor(tensor)?
        } else {
            let dims: Dims = tensor.dims();
            let place = self.arena(Tensor::header_size(dims.len(), storage == Storage::View))?;
            // SAFETY: the allocation has room for the header.
            unsafe {
                write_header(
                    place,
                    self.index,
                    tensor.data(),
                    tensor.elem(),
                    &dims,
                    tensor.len() as u64,
                    storage,
                )
            }
        };
        if !tensor.is_writable() {
            moved.set_read_only();
        }
        Ok(moved)
    }

    /// A header in this region for an object whose payload is elsewhere.
    pub(super) fn move_header<H>(&mut self, header: H) -> Result<*mut H, NoRoom> {
        let place = self.arena(size_of::<H>())?.cast::<H>();
        // SAFETY: the allocation has room for the header and is 16-aligned.
        unsafe { place.write(header) };
        Ok(place)
    }
}

/// Writes the header of a writable tensor of region `region`.
///
/// # Safety
/// `place` must have room for a header of that rank and storage, and there
/// must be at most [`MAX_RANK`] dims.
#[inline(always)]
pub(super) unsafe fn write_header(
    place: *mut u8,
    region: u32,
    data: *mut u8,
    elem: Elem,
    dims: &[u64],
    len: u64,
    storage: Storage,
) -> TensorRef {
    let header = place.cast::<Tensor>();
    let rank = dims.len();
    // `region`, `rank`, `elem`, `storage` and a byte of nothing, in one store.
    let kind = region as u64 | (rank as u64) << 32 | (elem as u64) << 40 | (storage as u64) << 48;
    // SAFETY: every field written lies in the header, whose full size there is
    // when the rank is above 3. The four fields are one 8-aligned word, which
    // the assertions below pin.
    unsafe {
        (*header).data = data;
        (*header).len = len;
        (*header).wlen = len;
        (&raw mut (*header).region).cast::<u64>().write(kind);
        let mut first = [0; SHORT_RANK];
        match dims {
            [] => {}
            [a] => first[0] = *a,
            [a, b] => first[..2].copy_from_slice(&[*a, *b]),
            [a, b, c, ..] => first = [*a, *b, *c],
        }
        (*header).wd0 = first[0];
        (&raw mut (*header).dims).cast::<[u64; SHORT_RANK]>().write(first);
        if rank > SHORT_RANK {
            let to = (&raw mut (*header).dims).cast::<u64>();
            std::ptr::copy_nonoverlapping(dims.as_ptr(), to, rank);
        }
    }
    TensorRef(header)
}

const _: () = {
    assert!(cfg!(target_endian = "little"));
    assert!(offset_of!(Tensor, region) % 8 == 0);
    assert!(offset_of!(Tensor, rank) == offset_of!(Tensor, region) + 4);
    assert!(offset_of!(Tensor, elem) == offset_of!(Tensor, region) + 5);
    assert!(offset_of!(Tensor, storage) == offset_of!(Tensor, region) + 6);
    assert!(offset_of!(Tensor, dims) == offset_of!(Tensor, region) + 8);
};

impl TensorRef {
    /// Takes the program's right to write the elements.
    pub(super) fn set_read_only(self) {
        // SAFETY: a handle refers to a live header; nobody else sees it yet.
        unsafe {
            (*self.0).wlen = 0;
            (*self.0).wd0 = 0;
        }
    }

    /// Leaves a tensor of rank 1 without elements.
    pub(super) fn make_empty(self) {
        // SAFETY: a handle refers to a live header, which has at least three
        // dims.
        unsafe {
            (*self.0).data = std::ptr::without_provenance_mut(ALIGNED);
            (*self.0).len = 0;
            (*self.0).wlen = 0;
            (*self.0).wd0 = 0;
            (*self.0).rank = 1;
            (&raw mut (*self.0).dims).cast::<[u64; SHORT_RANK]>().write([0; SHORT_RANK]);
            (*self.0).storage = Storage::Lent;
        }
    }
}

/// Number of elements and bytes of a payload, whatever the budget.
#[inline(always)]
fn payload(elem: Elem, dims: &[u64]) -> Result<(u64, usize), NoRoom> {
    let len = match dims {
        [] => 1,
        [n] => *n,
        many => return payload_of_many(elem, many),
    };
    // Above 2^58 elements the product with the element size could overflow.
    if len >> 58 != 0 {
        return Err(NoRoom::Budget(usize::MAX));
    }
    Ok((len, len as usize * elem.size()))
}

fn payload_of_many(elem: Elem, dims: &[u64]) -> Result<(u64, usize), NoRoom> {
    if dims.len() > MAX_RANK {
        return Err(NoRoom::Invalid(TrapError::new(
            TrapCode::InvalidArgument,
            format!("a tensor has at most {MAX_RANK} dims, found {}", dims.len()),
        )));
    }
    if dims.contains(&0) {
        // The others are no sizes of anything, but programs read them as an i64.
        return match dims.iter().find(|d| i64::try_from(**d).is_err()) {
            None => Ok((0, 0)),
            Some(d) => {
                let text = format!("a dim of {d} is more than a dim can be");
                Err(NoRoom::Invalid(TrapError::new(TrapCode::InvalidArgument, text)))
            }
        };
    }
    let len = count(dims).filter(|n| n >> 58 == 0).ok_or(NoRoom::Budget(usize::MAX))?;
    Ok((len, len as usize * elem.size()))
}
