//! Promotion: what survives the end of a region moves one region outward, or, where a region
//! is renewed, to the one in its place.
//!
//! A moved object's old header becomes a forwarding pointer, so two registers
//! that held one object hold one afterwards. The root of a view moves before
//! the view, and a list or a sparse matrix moves with what it holds. A pooled payload changes owner
//! without a copy; an inline one is copied behind its new header. Slots into
//! the ending region that are not kept must not be used any more: an inline
//! payload now exists twice.

use super::allocator::{ITEMS, NoRoom, RegionAllocator};
use super::heap::Heap;
use super::pool::Buffer;
use super::region::Region;
use crate::object::{
    BigInt, BigIntRef, List, ListRef, Object, ObjectRef, Sparse, SparseRef, Storage, Str, StrRef, Tensor,
    TensorRef,
};
use crate::trap::TrapError;
use nbc_ir::Type;

/// The region that ends and the place where kept objects go.
struct Move<'h> {
    from: &'h mut Region,
    /// Its index.
    index: u32,
    to: RegionAllocator<'h>,
}

impl Heap {
    /// Moves an object of the innermost region to the one around it and
    /// returns its new slot. Objects that live further out stay, and so do
    /// scalars.
    ///
    /// # Safety
    /// `slot` must hold a value of type `ty`: live, or moved by an earlier call
    /// since when the region has not ended. The region must end before its
    /// objects are used through other slots.
    pub(super) unsafe fn keep(&mut self, slot: u64, ty: Type) -> Result<u64, TrapError> {
        if !ty.is_object() {
            return Ok(slot);
        }
        self.retry(|heap| {
            let depth = heap.depth;
            let mut from = heap.regions[depth];
            // SAFETY: the heap owns its regions and is borrowed exclusively;
            // the two are different ones. The rest is upheld by the caller.
            unsafe {
                Move { from: from.as_mut(), index: depth as u32, to: heap.allocator(depth - 1) }
                    .object(slot, ty)
            }
        })
    }

    /// Moves an object of the innermost region to the idle one behind it, which must not be given up
    /// meanwhile, and returns its new slot. Objects that live further out stay, and so do scalars.
    ///
    /// # Safety
    /// As [`Heap::keep`]; the idle region has to take the place of the innermost.
    pub(super) unsafe fn keep_beside(&mut self, slot: u64, ty: Type) -> Result<u64, TrapError> {
        if !ty.is_object() {
            return Ok(slot);
        }
        let depth = self.depth;
        let mut from = self.regions[depth];
        // SAFETY: as for `keep`.
        let mut moved = |heap: &mut Heap| unsafe {
            Move { from: from.as_mut(), index: depth as u32, to: heap.allocator(depth + 1) }.object(slot, ty)
        };
        let first = match moved(self) {
            // A second try goes on where the first has stopped.
            Err(NoRoom::Budget(_)) => {
                self.trim_from(depth + 2);
                moved(self)
            }
            other => other,
        };
        first.map_err(|e| e.into_trap(&self.shared))
    }

    /// Frees the objects of the innermost region but those in `kept`, whose slots are replaced as
    /// [`Heap::end_keep`] does; the region stays open. After a trap nothing in it may be used.
    ///
    /// # Safety
    /// As [`Heap::end_keep`].
    pub unsafe fn renew(&mut self, kept: &mut [(u64, Type)]) -> Result<(), TrapError> {
        let depth = self.depth;
        if depth + 1 == self.regions.len() {
            self.regions.push(Region::boxed());
        }
        // What is kept moves to the next region, which is idle, and that one takes the place of this.
        for (slot, ty) in kept.iter_mut() {
            // SAFETY: upheld by the caller.
            match unsafe { self.keep_beside(*slot, *ty) } {
                Ok(moved) => *slot = moved,
                Err(trap) => {
                    let RegionAllocator { region, shared, .. } = self.allocator(depth + 1);
                    // SAFETY: what has moved already is not used after a trap.
                    unsafe { region.clear(shared, 0) };
                    return Err(trap);
                }
            }
        }
        for (slot, ty) in kept.iter() {
            // SAFETY: the slots hold live values.
            unsafe { renumber(*slot, *ty, depth as u32 + 1, depth as u32) };
        }
        self.regions.swap(depth, depth + 1);
        self.current = self.regions[depth];
        let former = self.regions[depth + 1];
        // SAFETY: the heap owns its regions and is borrowed exclusively; the two are different ones.
        let (former, now) = unsafe { (&mut *former.as_ptr(), &mut *self.current.as_ptr()) };
        // What is told of a region is told of its depth.
        std::mem::swap(&mut now.begins, &mut former.begins);
        let (inner, outer) = (now.peak, former.peak.max(former.live()));
        now.begins += 1;
        let keep = self.keep_idle(depth);
        // SAFETY: what is kept has moved; the rest is promised by the caller.
        unsafe { former.clear(&mut self.shared, keep) };
        (now.peak, former.peak) = (outer, inner);
        Ok(())
    }
}

impl Move<'_> {
    /// # Safety
    /// As [`Heap::keep`].
    unsafe fn object(&mut self, slot: u64, ty: Type) -> Result<u64, NoRoom> {
        // What comes of a region with secrets may be one.
        self.to.region.is_secret |= self.from.is_secret;
        // SAFETY: upheld by the caller: the slot holds what its type says.
        unsafe {
            match ObjectRef::from_slot(slot, ty) {
                Some(ObjectRef::Tensor(tensor)) => Ok(self.tensor(tensor)?.slot()),
                Some(ObjectRef::Str(text)) => Ok(self.string(text)?.slot()),
                Some(ObjectRef::BigInt(old)) => self.bigint(old),
                Some(ObjectRef::List(list)) => Ok(self.list(list)?.slot()),
                Some(ObjectRef::Sparse(matrix)) => Ok(self.sparse(matrix)?.slot()),
                None => Ok(slot),
            }
        }
    }

    /// Whether an object of that region is in another than the ending one: further out, or moved.
    fn stays(&self, region: u32) -> bool {
        region != self.index
    }

    fn buffer(&mut self, data: *mut u8) {
        // SAFETY: `data` is a pooled payload of the ending region.
        let buffer = unsafe { Buffer::from_data(data) };
        self.to.adopt(buffer, &mut self.from.buffers, &mut self.from.buffer_bytes);
    }

    /// # Safety
    /// As [`Heap::keep`].
    unsafe fn tensor(&mut self, old: TensorRef) -> Result<TensorRef, NoRoom> {
        if self.stays(old.region()) {
            return Ok(old);
        }
        // SAFETY: the handle refers to a header of the ending region. Only a
        // view has a root, which is a tensor of the same region or further
        // out. In a forwarded header `wlen` is the new slot. A header that
        // forwards still has its data pointer.
        unsafe {
            match old.storage() {
                Storage::Forwarded => Ok(TensorRef::from_slot((*old.0).wlen)),
                Storage::View => {
                    let old_root = TensorRef((*old.0).root);
                    let offset = old.data().offset_from(old_root.data());
                    let root = self.tensor(old_root)?;
                    let new = self.to.move_tensor(old)?;
                    (*new.0).root = root.0;
                    (*new.0).data = root.data().offset(offset);
                    forward(old, new);
                    Ok(new)
                }
                storage => {
                    let new = self.to.move_tensor(old)?;
                    if storage == Storage::Pooled {
                        self.buffer(old.data());
                    }
                    forward(old, new);
                    Ok(new)
                }
            }
        }
    }

    /// # Safety
    /// As [`Heap::keep`].
    unsafe fn string(&mut self, old: StrRef) -> Result<StrRef, NoRoom> {
        if self.stays(old.region()) {
            return Ok(old);
        }
        // SAFETY: the handle refers to a header of the ending region; in a
        // forwarded one `len` is the new slot.
        unsafe {
            let (data, len, storage) = ((*old.0).data, (*old.0).len, (*old.0).storage);
            let new = match storage {
                Storage::Forwarded => return Ok(StrRef::from_slot(len)),
                Storage::Pooled => {
                    let header = Str { data, len, region: self.to.index, storage };
                    let new = StrRef(self.to.move_header(header)?);
                    self.buffer(data);
                    new
                }
                Storage::Inline | Storage::View | Storage::Lent | Storage::Spent | Storage::Deferred => {
                    self.to.string(&[old.as_str()])?
                }
            };
            (*old.0).storage = Storage::Forwarded;
            (*old.0).len = new.slot();
            Ok(new)
        }
    }

    /// # Safety
    /// As [`Heap::keep`].
    unsafe fn bigint(&mut self, old: BigIntRef) -> Result<u64, NoRoom> {
        if self.stays(old.region()) {
            return Ok(old.slot());
        }
        // SAFETY: the handle refers to a header of the ending region; in a forwarded one `len` is the new slot.
        unsafe {
            let header = old.0;
            let new = match (*header).storage {
                Storage::Forwarded => return Ok((*header).len),
                Storage::Pooled => {
                    let new = BigInt { region: self.to.index, ..header.read() };
                    let new = BigIntRef(self.to.move_header(new)?).slot();
                    self.buffer((*header).data.cast());
                    new
                }
                Storage::Inline | Storage::View | Storage::Lent | Storage::Spent | Storage::Deferred => {
                    self.to.copy(old.slot(), Type::BigInt)?
                }
            };
            (*header).storage = Storage::Forwarded;
            (*header).len = new;
            Ok(new)
        }
    }

    /// # Safety
    /// As [`Heap::keep`].
    unsafe fn list(&mut self, old: ListRef) -> Result<ListRef, NoRoom> {
        if self.stays(old.region()) {
            return Ok(old);
        }
        // SAFETY: the handle refers to a header of the ending region; in a
        // forwarded one `len` is the new slot. Items are live values of the
        // item type, of the list's region or further out.
        unsafe {
            let (data, len, item, storage) = ((*old.0).data, (*old.0).len, (*old.0).item, (*old.0).storage);
            if storage == Storage::Forwarded {
                return Ok(ListRef::from_slot(len));
            }
            // The items first, in place: should the list itself then fail, a
            // second try finds them outside already.
            if item.ty().is_object() {
                for i in 0..len as usize {
                    if i % ITEMS == ITEMS - 1 {
                        self.to.go_on()?;
                    }
                    let slot = data.add(i);
                    slot.write(self.object(slot.read(), item.ty())?);
                }
            }
            let new = if storage == Storage::Pooled {
                let header = List { data, len, item, region: self.to.index, storage };
                let new = ListRef(self.to.move_header(header)?);
                self.buffer(data.cast());
                new
            } else {
                let new = self.to.list(item, len, 0)?;
                std::ptr::copy_nonoverlapping(data, (*new.0).data, len as usize);
                new
            };
            (*old.0).storage = Storage::Forwarded;
            (*old.0).len = new.slot();
            Ok(new)
        }
    }
}

impl Move<'_> {
    /// # Safety
    /// As [`Heap::keep`].
    unsafe fn sparse(&mut self, old: SparseRef) -> Result<SparseRef, NoRoom> {
        if self.stays(old.region()) {
            return Ok(old);
        }
        // SAFETY: the handle refers to a header of the ending region; in a forwarded one `rows` is the new
        // slot. The parts are live tensors, of the matrix's region or further out.
        unsafe {
            let header = old.0;
            if (*header).storage == Storage::Forwarded {
                return Ok(SparseRef::from_slot((*header).rows));
            }
            // The parts first, in place, as of a list. Another matrix may have them too.
            (*header).pointers = self.tensor(TensorRef((*header).pointers))?.0;
            (*header).indices = self.tensor(TensorRef((*header).indices))?.0;
            (*header).values = self.tensor(TensorRef((*header).values))?.0;
            let new = Sparse { region: self.to.index, ..header.read() };
            let new = SparseRef(self.to.move_header(new)?);
            (*header).storage = Storage::Forwarded;
            (*header).rows = new.slot();
            Ok(new)
        }
    }
}

/// Changes the index of the region that an object, and what it holds of that region, lives in.
///
/// # Safety
/// `slot` must hold a live value of type `ty`.
pub(super) unsafe fn renumber(slot: u64, ty: Type, from: u32, to: u32) {
    // SAFETY: as the caller promises; only a view has a root, which is live as long as the view,
    // and what a list holds is live.
    unsafe {
        let Some(object) = ObjectRef::from_slot(slot, ty).filter(|o| o.region() == from) else { return };
        match object {
            ObjectRef::Tensor(TensorRef(header)) => {
                (*header).region = to;
                if (*header).storage == Storage::View {
                    renumber(TensorRef((*header).root).slot(), ty, from, to);
                }
            }
            ObjectRef::Str(StrRef(header)) => (*header).region = to,
            ObjectRef::BigInt(BigIntRef(header)) => (*header).region = to,
            ObjectRef::List(list) => {
                (*list.0).region = to;
                for (slot, ty) in (0..list.items()).filter_map(|n| Object::item(list, n)) {
                    renumber(slot, ty, from, to);
                }
            }
            ObjectRef::Sparse(matrix) => {
                (*matrix.0).region = to;
                for (part, ty) in matrix.parts().iter().zip(matrix.part_types()) {
                    renumber(part.slot(), ty, from, to);
                }
            }
        }
    }
}

/// Makes `old` say where it went.
///
/// # Safety
/// Nothing may read `old` except to find that out.
unsafe fn forward(old: TensorRef, new: TensorRef) {
    // SAFETY: a handle refers to a live header.
    unsafe {
        let header: *mut Tensor = old.0;
        (*header).storage = Storage::Forwarded;
        (*header).wlen = new.slot();
    }
}
