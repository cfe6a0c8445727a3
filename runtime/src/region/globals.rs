//! Globals of object type: each keeps its value in a small region of its own
//! beside the stack of regions.
//!
//! Invariant: a former value stays until the host's call ends, as a register
//! may still have it.

use super::allocator::RegionAllocator;
use super::heap::{FORMER, GLOBAL, Heap};
use super::region::Region;
use crate::object::TensorRef;
use crate::trap::TrapError;
use nbc_ir::{ConstValue, Type};

impl Heap {
    /// Makes room for `count` globals of object type, numbered from 0.
    pub fn define_globals(&mut self, count: usize) {
        self.globals.resize_with(count, Region::default);
    }

    /// The first value of global number `global`, made where the global keeps
    /// its values, so that no constant has to be there too.
    pub fn global_constant(
        &mut self,
        global: usize,
        value: &ConstValue,
        read_only: bool,
    ) -> Result<u64, TrapError> {
        let mut region = Region::default();
        let made = self.retry(|heap| {
            let index = GLOBAL | global as u32;
            let mut place = RegionAllocator { region: &mut region, shared: &mut heap.shared, index };
            place.constant(value, read_only)
        });
        match made {
            Ok(slot) => {
                self.globals[global] = region;
                Ok(slot)
            }
            Err(e) => {
                // SAFETY: nothing refers to what is unfinished.
                unsafe { region.clear(&mut self.shared, 0) };
                Err(e)
            }
        }
    }

    /// Sets global number `global` to a copy of an object and returns the
    /// copy. The former value stays until the host's call ends.
    ///
    /// # Safety
    /// `slot` must hold a live value of the object type `ty`.
    pub unsafe fn global_set(
        &mut self,
        global: usize,
        slot: u64,
        ty: Type,
        read_only: bool,
    ) -> Result<u64, TrapError> {
        // SAFETY: upheld by the caller.
        let is_secret = unsafe { self.may_be_secret(slot, ty) };
        let mut region = Region { is_secret, ..Region::default() };
        // SAFETY: upheld by the caller.
        let copy = self.retry(|heap| unsafe {
            let index = GLOBAL | global as u32;
            let mut place = RegionAllocator { region: &mut region, shared: &mut heap.shared, index };
            place.copy(slot, ty)
        });
        match copy {
            Ok(copy) => {
                if read_only && matches!(ty, Type::Tensor(_)) {
                    // SAFETY: the copy is a live tensor.
                    unsafe { TensorRef::from_slot(copy) }.set_read_only();
                }
                self.shared.add(FORMER);
                self.graveyard.push(std::mem::replace(&mut self.globals[global], region));
                Ok(copy)
            }
            Err(e) => {
                // SAFETY: nothing refers to the unfinished copy.
                unsafe { region.clear(&mut self.shared, 0) };
                Err(e)
            }
        }
    }
}
