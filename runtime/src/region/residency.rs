//! Where the elements of a tensor are: on the host, on the device, or on both.
//!
//! A pooled buffer says it in its head; a view asks the tensor that it is a view of. What is not in
//! a pooled buffer never leaves the host. Memory of the device that a buffer has once been given
//! stays with it in the pool, and goes when the buffer does.
//!
//! Invariant: while elements are on both, they are the same. Whoever is going to write them says so
//! first, and then they are on the host alone.

use super::pool::{Buffer, Place, Pool};
use crate::device::{Device, DeviceError, DeviceMemory, asked};
use crate::object::{Object, ObjectRef, Storage, TensorRef};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use std::mem::MaybeUninit;

/// The tensor that has the elements: what a view is of, or the tensor itself.
fn root(tensor: TensorRef) -> TensorRef {
    match tensor.storage() {
        // SAFETY: only a view has a root, which lives as long.
        Storage::View => TensorRef(unsafe { (*tensor.0).root }),
        _ => tensor,
    }
}

/// The buffer in which a tensor's elements are, if that is one of the pool.
fn buffer_of(tensor: TensorRef) -> Option<(TensorRef, Buffer)> {
    let root = root(tensor);
    // An argument of a group that has died is looked at until the elements of all results are there. Then the
    // result that is to be in its memory has the buffer.
    let is_pooled = matches!(root.storage(), Storage::Pooled | Storage::Spent);
    // SAFETY: a pooled payload starts a buffer.
    is_pooled.then(|| unsafe { (root, Buffer::from_data(root.data())) })
}

fn memory_of(device: &dyn Device, buffer: Buffer) -> Option<DeviceMemory> {
    if let Some(memory) = buffer.device() {
        return Some(memory);
    }
    let memory = asked(|| device.allocate(buffer.capacity()))??;
    buffer.set_device(Some(memory));
    Some(memory)
}

impl Pool {
    /// Sees to it that the host has the elements of a tensor. If they are to be written, nobody
    /// else has them afterwards.
    pub(crate) fn bring_home(&mut self, tensor: TensorRef, write: bool) -> Result<(), TrapError> {
        let Some(device) = &self.device else { return Ok(()) };
        let Some((root, buffer)) = buffer_of(tensor) else { return Ok(()) };
        if buffer.place() == Place::Device {
            let memory = buffer.device().expect("what is on the device has memory there");
            let bytes = root.bytes();
            // SAFETY: the payload has so many bytes, which nobody else uses.
            let to = unsafe { std::slice::from_raw_parts_mut(root.data().cast::<MaybeUninit<u8>>(), bytes) };
            let done = asked(|| device.to_host(memory, to));
            done.unwrap_or_else(|| Err(DeviceError("a panic".to_owned()))).map_err(|e| {
                let text = format!("the device has lost the elements of a tensor: {e}");
                TrapError::new(TrapCode::HostError, text)
            })?;
            self.counts.to_host += 1;
            self.counts.bytes_to_host += bytes as u64;
            buffer.set_place(Place::Both);
        }
        if write {
            buffer.set_place(Place::Host);
        }
        Ok(())
    }

    /// [`Pool::bring_home`] for all tensors in an object.
    ///
    /// # Safety
    /// `slot` must hold a live value of type `ty`.
    pub(crate) unsafe fn bring_object_home(
        &mut self,
        slot: u64,
        ty: Type,
        write: bool,
    ) -> Result<(), TrapError> {
        if self.device.is_none() {
            return Ok(());
        }
        // SAFETY: upheld by the caller; what a list holds is live.
        unsafe {
            match ObjectRef::from_slot(slot, ty) {
                Some(ObjectRef::Tensor(tensor)) => self.bring_home(tensor, write),
                Some(ObjectRef::List(list)) => (0..list.items())
                    .filter_map(|n| Object::item(list, n))
                    .try_for_each(|(slot, ty)| self.bring_object_home(slot, ty, write)),
                // Of a matrix the device has a copy at most: the host always has the elements.
                Some(ObjectRef::Sparse(_)) => Ok(()),
                Some(ObjectRef::Str(_) | ObjectRef::BigInt(_)) | None => Ok(()),
            }
        }
    }

    /// Sees to it that the device has the elements of a tensor, and says where; `None` where they
    /// stay on the host: those of small tensors and the host's own, or when the device
    /// has no room.
    pub(crate) fn send(&mut self, tensor: TensorRef) -> Option<(DeviceMemory, usize)> {
        let device = self.device.as_ref()?;
        let (root, buffer) = buffer_of(tensor)?;
        let memory = memory_of(&**device, buffer)?;
        if buffer.place() == Place::Host {
            // SAFETY: the payload has so many bytes, which nobody writes meanwhile.
            let from = unsafe { std::slice::from_raw_parts(root.data(), root.bytes()) };
            asked(|| device.to_device(from, memory))?.ok()?;
            self.counts.to_device += 1;
            self.counts.bytes_to_device += from.len() as u64;
            buffer.set_place(Place::Both);
        }
        // SAFETY: a view lies in its root's payload.
        let offset = unsafe { tensor.data().offset_from(root.data()) };
        Some((memory, offset as usize))
    }

    /// Whether the device has the elements of a tensor and the host has not.
    pub(crate) fn is_only_on_device(&self, tensor: TensorRef) -> bool {
        buffer_of(tensor).is_some_and(|(_, buffer)| buffer.place() == Place::Device)
    }

    /// Whether the device has the elements of a tensor.
    pub(crate) fn is_there(&self, tensor: TensorRef) -> bool {
        buffer_of(tensor).is_some_and(|(_, buffer)| buffer.place() != Place::Host)
    }

    /// Memory of the device for the elements of a pooled tensor, if it has room.
    pub(crate) fn memory_for(&self, tensor: TensorRef) -> Option<DeviceMemory> {
        memory_of(self.device.as_deref()?, buffer_of(tensor)?.1)
    }

    /// Whether two tensors lie in the same buffer.
    pub(crate) fn share_buffer(&self, a: TensorRef, b: TensorRef) -> bool {
        matches!((buffer_of(a), buffer_of(b)), (Some((_, a)), Some((_, b))) if a.data() == b.data())
    }

    /// Memory of the device for a pooled tensor beside that which its buffer has: [`Pool::adopt`] makes it the
    /// buffer's, or whoever asked frees it.
    pub(crate) fn memory_beside(&self, tensor: TensorRef) -> Option<DeviceMemory> {
        let (_, buffer) = buffer_of(tensor)?;
        asked(|| self.device.as_deref()?.allocate(buffer.capacity())).flatten()
    }

    /// Makes memory that of a pooled tensor's buffer, in place of what the buffer had.
    pub(crate) fn adopt(&mut self, tensor: TensorRef, memory: DeviceMemory) {
        let (Some(device), Some((_, buffer))) = (&self.device, buffer_of(tensor)) else { return };
        if let Some(former) = buffer.device() {
            asked(|| device.free(former));
        }
        buffer.set_device(Some(memory));
    }

    /// Where the elements of a pooled tensor are.
    pub(crate) fn place_of(&self, tensor: TensorRef) -> Option<Place> {
        buffer_of(tensor).map(|(_, buffer)| buffer.place())
    }

    /// Says where the elements of a pooled tensor are.
    pub(crate) fn set_place_of(&mut self, tensor: TensorRef, place: Place) {
        if let Some((_, buffer)) = buffer_of(tensor) {
            buffer.set_place(place);
        }
    }

    /// Says of a pooled tensor that a device has made or written: the elements of its buffer are in the memory of the
    /// device, and nowhere else.
    pub(crate) fn is_on_device(&mut self, tensor: TensorRef) {
        let Some((root, buffer)) = buffer_of(tensor) else { return };
        buffer.set_place(Place::Device);
        if let Some(byte) = self.device.as_ref().and_then(|d| asked(|| d.spoils())?) {
            // SAFETY: the payload has so many bytes, and nobody reads what is in them before it is brought home.
            unsafe { root.data().write_bytes(byte, root.bytes()) };
        }
    }
}
