//! Promotion: what survives the end of a region moves one region outward.
//!
//! A moved object's old header becomes a forwarding pointer, so two registers
//! that held one object hold one afterwards. The root of a view moves before
//! the view, and a list moves with its items. A pooled payload changes owner
//! without a copy; an inline one is copied behind its new header. Slots into
//! the ending region that are not kept must not be used any more: an inline
//! payload now exists twice.

use super::place::{NoRoom, Place};
use super::pool::Buffer;
use super::{GLOBAL, Heap, Region};
use crate::object::{List, ListRef, Storage, Str, StrRef, Tensor, TensorRef};
use crate::trap::TrapError;
use nbc_ir::Type;

/// The region that ends and the place where kept objects go.
struct Move<'h> {
    from: &'h mut Region,
    to: Place<'h>,
}

impl Heap {
    /// Moves an object of the innermost region to the one around it and
    /// returns its new slot. Objects that live further out stay, and so do
    /// scalars.
    ///
    /// # Safety
    /// `slot` must hold a value of type `ty`, live or moved by an earlier call
    /// since when the region has not ended, and the region must end before its
    /// objects are used through other slots.
    pub(super) unsafe fn keep(&mut self, slot: u64, ty: Type) -> Result<u64, TrapError> {
        if !ty.is_object() {
            return Ok(slot);
        }
        self.retry(|heap| {
            let depth = heap.depth;
            let mut from = heap.regions[depth];
            // SAFETY: the heap owns its regions and is borrowed exclusively;
            // the two are different ones. The rest is handed on from the caller.
            unsafe { Move { from: from.as_mut(), to: heap.place(depth - 1) }.object(slot, ty) }
        })
    }
}

impl Move<'_> {
    /// # Safety
    /// As [`Heap::keep`].
    unsafe fn object(&mut self, slot: u64, ty: Type) -> Result<u64, NoRoom> {
        // SAFETY: handed on from the caller: the slot holds what its type says.
        unsafe {
            match ty {
                Type::Tensor(_) => Ok(self.tensor(TensorRef::from_slot(slot))?.slot()),
                Type::Str => Ok(self.string(StrRef::from_slot(slot))?.slot()),
                Type::List(_) => Ok(self.list(ListRef::from_slot(slot))?.slot()),
                _ => Ok(slot),
            }
        }
    }

    /// Whether an object of that region is further out than the ending one.
    fn stays(&self, region: u32) -> bool {
        region & GLOBAL != 0 || region <= self.to.index
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
                _ => self.to.string(&[old.as_str()])?,
            };
            (*old.0).storage = Storage::Forwarded;
            (*old.0).len = new.slot();
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
