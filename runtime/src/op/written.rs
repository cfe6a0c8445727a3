//! Rows that write into an argument, on a device.
//!
//! The kernel's own checks come first, and what it works in counts. The device gets the tensor that is written as argument and
//! as result at once. Then it alone has the elements: whoever shares the buffer finds them there.
//!
//! Invariant: a device that fails has written nothing, so that the kernel finds what was there before. Before whatever
//! reads elements on the host is a step that brings them home, also if they had been there already (`plan/writers.rs`).
//!
//! ```text
//! tensor.scatter_add %histogram, %bins, 1.0    // on the device, if one of the tensors is there
//! ```

use super::on_device::{
    KERNELS, SIGNATURES, args_for, count_room, dims_of, given, may_hold, passes, tensors_of,
};
use super::result_dims::Check;
use super::{OpCall, gather, movement};
use crate::device::{DeviceArg, DeviceCall, asked};
use crate::trap::TrapError;
use nbc_ir::Type;
use nbc_ir::catalogue::{Extent, Operation};
use std::sync::LazyLock;

/// What has to be looked at before a call may write, if its shapes go together.
type Rule = fn(&OpCall<'_>) -> Result<Check, TrapError>;

/// Rows by the names of their kernels.
static ROWS: &[(&str, Rule)] = &[
    ("tensor_assign", |call| movement::check_box(call).map(|()| Check::Nothing)),
    ("tensor_put", scattered),
    ("tensor_scatter_add", scattered),
    ("tensor_scatter_add_axis", |call| {
        let axis = gather::added_axis(call)?;
        Ok(Check::Indices { at: 1, end: call.tensor(0).dims()[axis] as usize })
    }),
    ("tensor_put_mask", |call| {
        gather::check_mask(call)?;
        if let Type::Tensor(_) = call.arg_types[2] {
            return Ok(Check::Chosen { values: call.tensor(2).len() });
        }
        Ok(Check::Nothing)
    }),
];

fn scattered(call: &OpCall<'_>) -> Result<Check, TrapError> {
    gather::check_values(call)?;
    Ok(Check::Indices { at: 1, end: call.tensor(0).len() })
}

/// One for each row of the catalogue.
static RULES: LazyLock<Vec<Option<Rule>>> = LazyLock::new(|| {
    let rule = |kernel: &&str| ROWS.iter().find(|(name, _)| name == kernel).map(|(_, rule)| *rule);
    KERNELS.iter().map(rule).collect()
});

/// Bytes of the copies that the kernel takes of arguments which lie in the tensor that is written.
fn room(call: &OpCall<'_>) -> [usize; 2] {
    let target = call.tensor(0);
    let others = (1..call.args.len()).filter(|at| matches!(call.arg_types[*at], Type::Tensor(_)));
    let mut bytes =
        others.map(|at| call.tensor(at)).map(|t| if gather::overlap(target, t) { t.bytes() } else { 0 });
    std::array::from_fn(|_| bytes.next().unwrap_or(0))
}

/// Runs row `index` on the heap's device, if it writes into an argument and there is a device that takes it. Else the
/// kernel is to run.
pub(super) fn try_run(
    index: usize,
    operation: &'static Operation,
    call: &mut OpCall<'_>,
) -> Result<bool, TrapError> {
    let Some(rule) = RULES[index] else { return Ok(false) };
    let Some(device) = call.host.heap().pool().device.clone() else { return Ok(false) };
    let target = call.tensor(0);
    // Where something is wrong the kernel says what.
    let Ok(check) = rule(call) else { return Ok(false) };
    if !target.is_writable() || !may_hold(&*device, call) {
        return Ok(false);
    }
    let Some(given) = given(&SIGNATURES[index].params, call) else { return Ok(false) };
    let tensors = tensors_of(&given);
    let pool = call.host.heap().pool();
    // What the host has all of it writes sooner than it could be sent.
    if pool.place_of(target).is_none() || !tensors.iter().any(|tensor| pool.is_there(*tensor)) {
        return Ok(false);
    }
    let dims = target.dims();
    if asked(|| device.takes(operation, call.elems, &dims_of(&given), &dims)) != Some(true)
        || !passes(&*device, check, call)?
    {
        return Ok(false);
    }
    let (elements, work) = call.work_of(Extent::NONE);
    call.host.heap().placing_mut().at_hand.elements = elements;
    if !call.goes_there(&*device, &tensors, target.bytes() as u64, work) {
        return Ok(false);
    }
    count_room(call, room(call))?;
    let Some(args) = args_for(call, &given, &[]) else { return Ok(false) };
    let outside = call.host.heap().interruption().clone();
    let must_stop = || outside.stopped_by().is_some();
    let done = match args[0] {
        DeviceArg::Tensor(result) => asked(|| {
            device.run(&DeviceCall {
                operation,
                elems: call.elems,
                args: &args,
                result,
                others: &[],
                found: &[],
                must_stop: &must_stop,
            })
        }),
        // The device has no room for it.
        _ => None,
    };
    let is_done = matches!(done, Some(Ok(())));
    let pool = call.host.heap().pool();
    if is_done {
        pool.is_on_device(target);
        pool.counts.operations += 1;
        call.side_done();
    } else {
        pool.counts.failed += 1;
        call.side = None;
    }
    // It may have failed because the program has to stop.
    call.host.poll().map(|()| is_done)
}

#[cfg(test)]
mod tests {
    use super::{KERNELS, ROWS};

    #[test]
    fn each_row_is_one_of_the_catalogue() {
        for (name, _) in ROWS {
            assert!(KERNELS.contains(name), "the catalogue has no {name}");
        }
    }
}
