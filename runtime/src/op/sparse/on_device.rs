//! Iterations on a device: their vectors stay there, and only the numbers by which they go on come home.
//!
//! ```text
//! solve(call, &Asked { solution, inverse, .. })?.ended   // nothing where the processor is to solve it
//! ```
//!
//! Invariant: a step is charged for before it begins, as on the processor, and clock and interrupt flag are looked at. Where
//! the device fails, the processor begins from zero: what has been charged by then it does not charge again.

use super::iterate::Costs;
use crate::device::system::DeviceSystem;
use crate::device::{Device, DeviceArg, DeviceTensor, asked};
use crate::object::{Element, TensorRef};
use crate::op::OpCall;
use crate::op::on_device::{GivenMatrix, may_hold, sent};
use crate::placement::{Moved, Side};
use crate::region::pool::MEDIUM;
use crate::trap::TrapError;
use nbc_ir::catalogue::{CATALOGUE, Work};
use nbc_numerics::sparse::iterate::{Ended, Step};

/// So many iterations are thought to be taken when a side is chosen: nobody knows before.
const LIKELY: u64 = 64;

/// What a device is asked for.
pub(super) struct Asked<'a, T> {
    /// Of zeros.
    pub(super) solution: TensorRef,
    /// One over the diagonal, if that is the preconditioner.
    pub(super) inverse: Option<&'a [T]>,
    pub(super) tolerance: f64,
    pub(super) most: usize,
    pub(super) costs: Costs,
    /// What it starts for an iteration.
    pub(super) starts: u64,
}

/// What came of it.
pub(super) struct Answer {
    /// What the iteration came to; nothing where the processor is to solve the system.
    pub(super) ended: Option<Ended>,
    /// Fuel that was charged for steps of it.
    pub(super) charged: u64,
}

/// Has a device solve the system of a call, whose matrix is one by rows.
pub(super) fn solve<T: Element>(
    call: &mut OpCall<'_>,
    asked_for: &Asked<'_, T>,
) -> Result<Answer, TrapError> {
    let none = Answer { ended: None, charged: 0 };
    let Some(device) = call.host.heap().pool().device.clone() else { return Ok(none) };
    let operation = &CATALOGUE[call.host.heap().placing().at_hand.operation as usize];
    let solution = asked_for.solution;
    let takes = |device: &dyn Device| asked(|| device.takes_system(operation, T::ELEM)) == Some(true);
    // What is smaller has no memory of the device.
    if solution.bytes() < MEDIUM || !may_hold(&*device, call) || !takes(&*device) {
        return Ok(none);
    }
    let (matrix, right) = (call.sparse(0), call.tensor(1));
    let likely = LIKELY.min(asked_for.most as u64);
    let Work { flops, bytes } = asked_for.costs.iteration;
    let work = Work { flops: flops.saturating_mul(likely), bytes: bytes.saturating_mul(likely) };
    let tensors: Vec<TensorRef> = matrix.parts().into_iter().chain([right]).collect();
    let moved = Moved {
        result: solution.bytes() as u64,
        more_starts: likely.saturating_mul(asked_for.starts),
        ..Moved::default()
    };
    let goes = call.goes_there_for(&*device, &tensors, moved, work);
    call.side = call.side.take().map(Side::of_a_guess);
    if !goes {
        return Ok(none);
    }
    let heap = call.host.heap();
    let outside = heap.interruption().clone();
    let (given, dims) = (GivenMatrix::new(matrix), right.dims());
    let memory = heap.pool().memory_for(solution);
    let (matrix, right) = (given.sent(heap), sent(heap, right, &dims));
    let must_stop = || outside.stopped_by().is_some();
    let (mut charged, mut trap) = (0, None);
    let host = &mut *call.host;
    let mut begin = |step: Step| {
        let fuel = asked_for.costs.of(step).fuel();
        match host.poll().and_then(|()| host.charge(fuel)) {
            Ok(()) => {
                charged += fuel;
                true
            }
            Err(why) => {
                trap = Some(why);
                false
            }
        }
    };
    let done = memory.and_then(|memory| {
        let system = DeviceSystem {
            operation,
            matrix,
            right,
            inverse: asked_for.inverse.map(|inverse| as_bytes(inverse, &dims)),
            tolerance: asked_for.tolerance,
            most: asked_for.most,
            result: DeviceTensor { memory, offset: 0, elem: T::ELEM, dims: &dims },
            must_stop: &must_stop,
        };
        asked(|| device.run_system(&system, &mut begin))?.ok()
    });
    let pool = call.host.heap().pool();
    match done {
        Some(_) => {
            pool.is_on_device(solution);
            pool.counts.operations += 1;
            call.side_done();
        }
        None => {
            pool.counts.failed += 1;
            call.side = None;
        }
    }
    if let Some(trap) = trap {
        return Err(trap);
    }
    // It may have failed because the program has to stop.
    call.host.poll()?;
    Ok(Answer { ended: done, charged })
}

/// Numbers of the host as an argument.
fn as_bytes<'a, T: Element>(numbers: &'a [T], dims: &'a [u64]) -> DeviceArg<'a> {
    // SAFETY: elements have no padding.
    let bytes = unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) };
    DeviceArg::Bytes { bytes, elem: T::ELEM, dims }
}
