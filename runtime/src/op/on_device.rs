//! Operations on a device: which may go there, and what the host does before and after.
//!
//! Fuel is charged from the shapes and memory for the result is taken, as the kernel does;
//! so limits bind alike. Where the device does not want the operation or fails at it, the kernel runs.

use super::OpCall;
use super::fused::{self, Next};
use crate::device::map::DeviceMap;
use crate::device::{Device, DeviceArg, DeviceCall, DeviceTensor, asked};
use crate::object::TensorRef;
use crate::plan::Role;
use crate::region::pool::MEDIUM;
use crate::trap::TrapError;
use nbc_ir::catalogue::{
    Aliasing, CATALOGUE, Class, Cost, Extent, Kind, OpSignature, Operation, Param, Shape, shape,
};
use nbc_ir::dims::Dims;
use nbc_ir::{Elem, FuncId, Module, Type};
use std::mem::MaybeUninit;
use std::sync::LazyLock;

/// The signature of every row.
static SIGNATURES: LazyLock<Vec<OpSignature>> =
    LazyLock::new(|| nbc_ir::catalogue::CATALOGUE.iter().map(Operation::typed).collect());

/// Whether calls of a row may go to a device, if their elements are numbers that cannot make
/// them trap: what they do follows from dims and an axis, but for the elements of the one result.
fn may_go(operation: &Operation) -> bool {
    let moves = operation.kind == Kind::Movement && operation.shape == Shape::Same;
    let computes = operation.kind == Kind::Elementwise || operation.shape == Shape::MatMul;
    let folds =
        operation.kind == Kind::Reduction && matches!(operation.shape, Shape::DropAxis | Shape::Scalar);
    operation.pure && operation.result == Aliasing::New && (moves || computes || folds)
}

/// Dims of the result, where they follow from those of the arguments; nothing if they do not fit.
fn result_dims(operation: &Operation, args: &[Dims], slots: &[u64]) -> Option<Dims> {
    match operation.shape {
        Shape::Same => args.first().copied(),
        Shape::Broadcast => shape::broadcast(args).ok(),
        Shape::MatMul => match args {
            [a, b] => shape::matmul(a, b).ok().map(|product| product.dims),
            _ => None,
        },
        // Of nothing there is no smallest, and of an axis that is not there nothing at all: the kernel says so.
        Shape::DropAxis => match (args, slots) {
            ([whole, _], [_, axis]) if whole.count()? > 0 => {
                let axis = usize::try_from(*axis).ok().filter(|axis| *axis < whole.len())?;
                Some(whole.without(axis))
            }
            _ => None,
        },
        Shape::Scalar => match args {
            [whole] if whole.count()? > 0 => Some(Dims::default()),
            _ => None,
        },
        Shape::Given | Shape::DropAxes | Shape::Special => None,
    }
}

/// Runs row `index` on the heap's device, if there is one that takes it: then all is done. Else the kernel
/// is to run, whose arguments are at home then.
pub(super) fn run(
    index: usize,
    operation: &'static Operation,
    call: &mut OpCall<'_>,
) -> Result<bool, TrapError> {
    if call.plan.role != Role::Alone {
        if operation.kind == Kind::Reduction {
            if let Some((elem, _)) = result_elem(index, call)
                && fused::end_on_device(call, operation, elem)?
            {
                return Ok(true);
            }
        } else {
            let len = len_in_group(index, operation, call);
            if fused::before_kernel(call, len)? == Next::Joins {
                return Ok(false);
            }
        }
    }
    if may_go(operation) && try_run(index, operation, call)? {
        return Ok(true);
    }
    // What costs nothing looks at no elements, and what calls the program sees to them itself.
    let calls = SIGNATURES[index].params.iter().any(|param| matches!(param, Param::Func(..)));
    if operation.cost == Cost::Constant || calls {
        return Ok(false);
    }
    bring_home(call, index).map(|()| false)
}

/// Brings the elements of the arguments home.
fn bring_home(call: &mut OpCall<'_>, index: usize) -> Result<(), TrapError> {
    let operation = &CATALOGUE[index];
    let mut at = 0;
    for (n, param) in SIGNATURES[index].params.iter().enumerate() {
        let write = operation.writes.contains(&n);
        let end = at + if param.is_bracketed() { call.list_len } else { 1 };
        for at in if *param == Param::Ints { end..end } else { at..end } {
            // SAFETY: arguments are live values of their types (`OpCall::new`).
            unsafe { call.host.heap().pool().bring_object_home(call.args[at], call.arg_types[at], write)? };
        }
        at = end;
    }
    Ok(())
}

/// Brings the elements of the arguments of an operation home that calls the program.
pub(super) fn come_home(call: &mut OpCall<'_>) -> Result<(), TrapError> {
    if call.host.heap().pool().device.is_none() {
        return Ok(());
    }
    let index = call.host.heap().placing().at_hand.operation as usize;
    bring_home(call, index)
}

/// Has the device call a function for each element of `tensors`, or for each index of the result where there are none.
/// Whether all is done then; else arguments are at home.
pub(super) fn map(
    call: &mut OpCall<'_>,
    tensors: &[TensorRef],
    function: u64,
    elem: Elem,
    dims: &Dims,
) -> Result<bool, TrapError> {
    let done = try_map(call, tensors, function, elem, dims)?;
    if !done {
        come_home(call)?;
    }
    Ok(done)
}

fn try_map(
    call: &mut OpCall<'_>,
    tensors: &[TensorRef],
    function: u64,
    elem: Elem,
    dims: &Dims,
) -> Result<bool, TrapError> {
    let Some(device) = call.host.heap().pool().device.clone() else { return Ok(false) };
    let function = FuncId(function as u32);
    let extent = Extent::new(dims, elem.size());
    if extent.bytes < MEDIUM as u64 || extent.bytes > isize::MAX as u64 {
        return Ok(false);
    }
    let translates = |module: &Module| asked(|| device.translates(module, function)) == Some(true);
    if !call.host.unmetered().is_some_and(translates) {
        return Ok(false);
    }
    let all_dims: Vec<Dims> = tensors.iter().map(|t| t.dims()).collect();
    let each = tensors.iter().zip(&all_dims);
    let args: Vec<DeviceArg<'_>> = each.map(|(tensor, dims)| argument(call, *tensor, dims)).collect();
    call.charge(extent)?;
    let heap = call.host.heap();
    // SAFETY: the device writes all elements, or the kernel does, which gets the same tensor.
    let tensor = unsafe { heap.uninit(elem, dims)? };
    let outside = heap.interruption().clone();
    let memory = heap.pool().memory_for(tensor);
    let done = memory.zip(call.host.unmetered()).and_then(|(memory, module)| {
        let result = DeviceTensor { memory, offset: 0, elem, dims };
        let must_stop = || outside.stopped_by().is_some();
        let map = DeviceMap { module, function, args: &args, result, must_stop: &must_stop };
        asked(|| device.run_map(&map))?.ok()
    });
    let pool = call.host.heap().pool();
    if done == Some(true) {
        pool.is_on_device(tensor);
        pool.counts.operations += 1;
        call.set(tensor.slot());
        return call.host.poll().map(|()| true);
    }
    pool.counts.failed += u64::from(done.is_none());
    call.prepared = Some(tensor);
    call.host.poll().map(|()| false)
}

/// A tensor as a device gets it.
fn argument<'a>(call: &mut OpCall<'_>, tensor: TensorRef, dims: &'a [u64]) -> DeviceArg<'a> {
    match call.host.heap().pool().send(tensor) {
        Some((memory, offset)) => {
            DeviceArg::Tensor(DeviceTensor { memory, offset, elem: tensor.elem(), dims })
        }
        None => {
            // SAFETY: its elements are on the host, initialised, and written by nobody meanwhile.
            let bytes = unsafe { std::slice::from_raw_parts(tensor.data(), tensor.bytes()) };
            DeviceArg::Bytes { bytes, elem: tensor.elem(), dims }
        }
    }
}

/// The element type of which a scalar is one.
fn element_of(scalar: Type) -> Option<Elem> {
    [Elem::I32, Elem::I64, Elem::F32, Elem::F64, Elem::Bool].into_iter().find(|e| e.scalar() == Some(scalar))
}

/// Folds all elements of a tensor that the device has: where they are on the host too, that is quicker
/// than to ask. The call is charged for already.
fn fold_there(
    device: &dyn Device,
    operation: &'static Operation,
    call: &mut OpCall<'_>,
    tensors: &[Option<TensorRef>],
    elem: Elem,
) -> Result<bool, TrapError> {
    let [Some(whole)] = tensors else { return Ok(false) };
    if !call.host.heap().pool().is_only_on_device(*whole) {
        return Ok(false);
    }
    let dims = whole.dims();
    if asked(|| device.takes(operation, call.elems, &[&dims], &[])) != Some(true) {
        return Ok(false);
    }
    let Some((memory, offset)) = call.host.heap().pool().send(*whole) else { return Ok(false) };
    let args = [DeviceArg::Tensor(DeviceTensor { memory, offset, elem: whole.elem(), dims: &dims })];
    let outside = call.host.heap().interruption().clone();
    let must_stop = || outside.stopped_by().is_some();
    let mut slot = [MaybeUninit::new(0); 8];
    let done = asked(|| device.allocate(slot.len())).flatten().and_then(|memory| {
        let result = DeviceTensor { memory, offset: 0, elem, dims: &[] };
        let asks = DeviceCall { operation, elems: call.elems, args: &args, result, must_stop: &must_stop };
        let done = asked(|| {
            device.run(&asks)?;
            device.to_host(memory, &mut slot[..elem.size()])
        });
        asked(|| device.free(memory));
        done?.ok()
    });
    let pool = call.host.heap().pool();
    if done.is_none() {
        pool.counts.failed += 1;
        // It may have failed because the program has to stop.
        return call.host.poll().map(|()| false);
    }
    pool.counts.operations += 1;
    pool.counts.to_host += 1;
    pool.counts.bytes_to_host += elem.size() as u64;
    // SAFETY: all bytes were written, some of them by the device.
    call.set(u64::from_le_bytes(slot.map(|byte| unsafe { byte.assume_init() })));
    call.host.poll().map(|()| true)
}

/// Elements of the one result, and whether it is a scalar; nothing where there is something else.
fn result_elem(index: usize, call: &OpCall<'_>) -> Option<(Elem, bool)> {
    let [result] = &SIGNATURES[index].results[..] else { return None };
    match result.result_type(call.elems)? {
        Type::Tensor(elem) => Some((elem, false)),
        scalar => Some((element_of(scalar)?, true)),
    }
}

/// Whether integers are divided, which traps where one is zero.
fn can_trap(operation: &Operation, call: &OpCall<'_>) -> bool {
    operation.divides && !call.elems.iter().all(|e| Class::Inexact.has(*e))
}

/// Dims of each argument: none of a scalar.
fn dims_of_args(call: &OpCall<'_>) -> Vec<Dims> {
    let is_tensor = |at: usize| matches!(call.arg_types[at], Type::Tensor(_));
    let of = |at| if is_tensor(at) { call.tensor(at).dims() } else { Dims::default() };
    (0..call.args.len()).map(of).collect()
}

/// How many elements a call's result has, if the device takes it in a group.
fn len_in_group(index: usize, operation: &'static Operation, call: &mut OpCall<'_>) -> Option<usize> {
    let device = call.host.heap().pool().device.clone()?;
    if can_trap(operation, call) {
        return None;
    }
    let (elem, _) = result_elem(index, call)?;
    // Where a tensor is made, dims come first, and a value for all.
    let (args, dims) = match operation.kind {
        Kind::Creation => (vec![Dims::default()], call.dims(0).ok()?),
        _ => {
            let args = dims_of_args(call);
            let dims = result_dims(operation, &args, call.args).filter(|_| may_go(operation))?;
            (args, dims)
        }
    };
    let extent = Extent::new(&dims, elem.size());
    if extent.bytes < MEDIUM as u64 || extent.bytes > isize::MAX as u64 {
        return None;
    }
    let all: Vec<&[u64]> = args.iter().map(|d| &**d).collect();
    let takes = asked(|| device.takes_in_group(operation, call.elems, &all, &dims)) == Some(true);
    usize::try_from(extent.len).ok().filter(|_| takes)
}

fn try_run(index: usize, operation: &'static Operation, call: &mut OpCall<'_>) -> Result<bool, TrapError> {
    let Some(device) = call.host.heap().pool().device.clone() else { return Ok(false) };
    if can_trap(operation, call) || call.list_len != 0 {
        return Ok(false);
    }
    let Some((elem, is_scalar)) = result_elem(index, call) else { return Ok(false) };
    let tensors: Vec<Option<TensorRef>> = (0..call.args.len())
        .map(|at| matches!(call.arg_types[at], Type::Tensor(_)).then(|| call.tensor(at)))
        .collect();
    let dims = dims_of_args(call);
    let Some(result_dims) = result_dims(operation, &dims, call.args) else { return Ok(false) };
    let extent = Extent::new(&result_dims, elem.size());
    if is_scalar {
        return fold_there(&*device, operation, call, &tensors, elem);
    }
    if extent.bytes < MEDIUM as u64 || extent.bytes > isize::MAX as u64 {
        return Ok(false);
    }
    let all: Vec<&[u64]> = dims.iter().map(|d| &**d).collect();
    if asked(|| device.takes(operation, call.elems, &all, &result_dims)) != Some(true) {
        return Ok(false);
    }
    if call.plan.role != Role::Alone {
        fused::settle(call)?;
    }
    let mut args = Vec::with_capacity(dims.len());
    for (at, tensor) in tensors.iter().enumerate() {
        let dims = &*dims[at];
        args.push(match tensor {
            None => DeviceArg::Scalar(call.args[at], call.arg_types[at]),
            Some(tensor) => argument(call, *tensor, dims),
        });
    }
    call.charge(extent)?;
    let heap = call.host.heap();
    // SAFETY: the device writes all elements, or the kernel does, which gets the same tensor.
    let tensor = unsafe { heap.uninit(elem, &result_dims)? };
    let outside = heap.interruption().clone();
    let pool = heap.pool();
    if let Some(memory) = pool.memory_for(tensor) {
        let result = DeviceTensor { memory, offset: 0, elem, dims: &result_dims };
        let must_stop = || outside.stopped_by().is_some();
        let asks = DeviceCall { operation, elems: call.elems, args: &args, result, must_stop: &must_stop };
        if let Some(Ok(())) = asked(|| device.run(&asks)) {
            pool.is_on_device(tensor);
            pool.counts.operations += 1;
            call.set(tensor.slot());
            return call.host.poll().map(|()| true);
        }
    }
    pool.counts.failed += 1;
    call.prepared = Some(tensor);
    // It may have failed because the program has to stop.
    call.host.poll().map(|()| false)
}
