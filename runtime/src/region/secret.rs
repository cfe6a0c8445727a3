//! What is secret: keys, passwords, decrypted texts. Rows of the catalogue say which arguments and results are.
//!
//! A region that has held a secret is marked. When what is in it is freed, by its end or because it is renewed, all of it is
//! overwritten with zeros first: small objects, and buffers that go back to the pool or the system. Other regions are not.
//!
//! Invariant: what an operation makes of objects of a marked region lies in a marked region too, if its row says nothing else. So
//! does what is moved or copied out of one. Registers, elements that a program loads, and what is handed to the host are not followed.

use super::heap::{GLOBAL, Heap};
use super::region::Region;
use crate::object::{BigIntRef, ObjectRef, Storage, TensorRef};
use nbc_ir::Type;

/// Overwrites memory with zeros, which the compiler may not leave out.
///
/// # Safety
/// There are `len` bytes at `start`, perhaps not initialised, which are nobody else's.
pub(crate) unsafe fn wipe(start: *mut u8, len: usize) {
    // SAFETY: upheld by the caller.
    unsafe { start.write_bytes(0, len) };
    #[cfg(any(feature = "crypto", feature = "rsa"))]
    {
        // SAFETY: all have just been written.
        zeroize::optimization_barrier(unsafe { std::slice::from_raw_parts(start, len) });
    }
}

impl Heap {
    /// Whether anything of this heap has been secret.
    #[inline(always)]
    pub(crate) fn has_secrets(&self) -> bool {
        self.shared.has_secrets
    }

    /// The present region holds a secret from now on.
    pub(crate) fn keep_secret(&mut self) {
        self.shared.has_secrets = true;
        self.current().is_secret = true;
    }

    /// The region that the elements of a tensor lie in holds a secret from now on; none does where the host has lent them.
    pub(crate) fn keep_secret_of(&mut self, tensor: TensorRef) {
        let owner = if tensor.storage() == Storage::View {
            // SAFETY: only a view has a root, which is live as long as the view.
            TensorRef(unsafe { (*tensor.0).root })
        } else {
            tensor
        };
        if owner.storage() != Storage::Lent {
            self.shared.has_secrets = true;
            self.mark(owner.region());
        }
    }

    /// The same for the region that an integer lies in, which is never lent.
    pub(crate) fn keep_secret_number(&mut self, number: BigIntRef) {
        self.shared.has_secrets = true;
        self.mark(number.region());
    }

    pub(super) fn mark(&mut self, region: u32) {
        if region & GLOBAL == 0 {
            self.allocator(region as usize).region.is_secret = true;
            return;
        }
        // A former value of the global says the same region.
        self.globals[(region & !GLOBAL) as usize].is_secret = true;
        self.graveyard.iter_mut().for_each(|former| former.is_secret = true);
    }

    /// Whether a value may be, or hold, something secret.
    ///
    /// # Safety
    /// `slot` must hold a live value of type `ty`.
    pub(crate) unsafe fn may_be_secret(&self, slot: u64, ty: Type) -> bool {
        if !self.has_secrets() {
            return false;
        }
        // SAFETY: upheld by the caller.
        match unsafe { ObjectRef::from_slot(slot, ty) } {
            None => false,
            Some(ObjectRef::Tensor(tensor)) if tensor.storage() == Storage::View => {
                // SAFETY: as for `keep_secret_of`.
                let owner = TensorRef(unsafe { (*tensor.0).root });
                self.is_marked(owner.region())
            }
            Some(ObjectRef::Tensor(tensor)) => self.is_marked(tensor.region()),
            Some(ObjectRef::Str(text)) => self.is_marked(text.region()),
            Some(ObjectRef::BigInt(number)) => self.is_marked(number.region()),
            // What they hold may lie further out.
            Some(ObjectRef::List(_) | ObjectRef::Sparse(_)) => true,
        }
    }

    fn is_marked(&self, region: u32) -> bool {
        if region & GLOBAL == 0 {
            return self.region(region as usize).is_secret;
        }
        let is_secret = |region: &Region| region.is_secret;
        is_secret(&self.globals[(region & !GLOBAL) as usize]) || self.graveyard.iter().any(is_secret)
    }
}

#[cfg(all(test, feature = "crypto"))]
impl Heap {
    /// Shows what is in memory that the heap keeps for reuse: of the pool's buffers and of idle regions.
    pub(crate) fn see_idle(&mut self, mut see: impl FnMut(&[u8])) {
        for (start, len) in self.shared.pool.idle() {
            see(&memory(start, len));
        }
        for index in self.depth + 1..self.regions.len() {
            let arena = &mut self.allocator(index).region.arena;
            if let Some((start, len)) = arena.rest() {
                see(&memory(start, len));
            }
            // SAFETY: nothing of an idle region is used.
            unsafe { arena.reset(usize::MAX) };
        }
    }
}

/// The bytes of memory, whatever was last written there.
#[cfg(all(test, feature = "crypto"))]
fn memory(start: *const u8, len: usize) -> Vec<u8> {
    // SAFETY: the heap has so many bytes there. What they are, nobody but a test asks.
    (0..len).map(|at| unsafe { start.add(at).read_volatile() }).collect()
}
