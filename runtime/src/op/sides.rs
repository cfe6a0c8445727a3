//! On which side an operation runs that a device wants: what the host knows of it, for [`placement`](crate::placement).
//!
//! Invariant: the decision is made before anything is sent or made, and changes no bit beyond what the device may.

use super::OpCall;
use crate::device::{Device, asked};
use crate::object::TensorRef;
use crate::placement::Moved;
use crate::plan::Role;
use nbc_ir::catalogue::Work;

impl OpCall<'_> {
    /// Whether the device is to run this, of arguments and `result` bytes of results, with so much work.
    pub(super) fn goes_there(
        &mut self,
        device: &dyn Device,
        tensors: &[TensorRef],
        result: u64,
        work: Work,
    ) -> bool {
        self.goes_there_for(device, tensors, Moved { result, ..Moved::default() }, work)
    }

    /// The same where more is known of what the device has to do: `moved` is without the arguments.
    pub(super) fn goes_there_for(
        &mut self,
        device: &dyn Device,
        tensors: &[TensorRef],
        mut moved: Moved,
        work: Work,
    ) -> bool {
        let rates = asked(|| device.rates()).flatten();
        for tensor in tensors {
            let bytes = tensor.bytes() as u64;
            let pool = self.host.heap().pool();
            if pool.is_only_on_device(*tensor) {
                moved.home += bytes;
            } else if !pool.is_there(*tensor) {
                moved.there += bytes;
            }
        }
        let elems = self.elems;
        self.side = self.host.heap().placing().side(rates.as_ref(), elems, work, moved);
        self.side.as_ref().is_none_or(|side| side.goes())
    }

    /// The side that was chosen has done its work, or the kernel has.
    pub(super) fn side_done(&mut self) {
        let counts = self.plan.role == Role::Alone;
        if let Some(side) = self.side.take() {
            self.host.heap().placing().side_done(side, counts);
        }
    }
}
