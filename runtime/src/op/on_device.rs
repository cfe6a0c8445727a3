//! Operations on a device: which may go there, and what the host does before and after.
//!
//! What the kernel would check is checked, fuel is charged from the shapes and memory for the result is taken, in the
//! kernel's order; so limits and traps are the same. Where the device does not want the operation or fails at it, the
//! kernel runs.

use super::fused::{self, Next};
use super::offer::{self, Charged};
use super::result_dims::{Ahead, Check, Rule, rule};
use super::{OpCall, elementwise, gather, written};
use crate::device::map::DeviceMap;
use crate::device::system::DeviceSparse;
use crate::device::{Device, DeviceArg, DeviceCall, DeviceTensor, asked};
use crate::interruption::Interruption;
use crate::object::{SparseRef, TensorRef};
use crate::plan::Role;
use crate::region::Heap;
use crate::region::pool::MEDIUM;
use crate::trap::TrapError;
use nbc_ir::catalogue::{
    Aliasing, CATALOGUE, Class, Cost, Extent, Kind, OpSignature, Operation, Param, Shape, shape,
};
use nbc_ir::dims::Dims;
use nbc_ir::{Elem, FuncId, Item, Module, Type};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::LazyLock;

/// The signature of every row.
pub(super) static SIGNATURES: LazyLock<Vec<OpSignature>> =
    LazyLock::new(|| CATALOGUE.iter().map(Operation::typed).collect());

/// What the kernel of every row is called.
macro_rules! kernels {
    ($($kernel:ident $name:literal $signature:literal { $($field:tt)* } $doc:literal;)*) => {
        pub(super) static KERNELS: &[&str] = &[$(stringify!($kernel)),*];
    };
}
nbc_ir::for_each_operation!(kernels);

/// Whether calls of a row may go to a device: what they do follows from dims, scalars and lists of integers, but for the
/// elements of the one result.
fn may_go(operation: &Operation, rule: Option<Rule>) -> bool {
    let copies = operation.kind == Kind::Movement && operation.shape == Shape::Same;
    let computes = operation.kind == Kind::Elementwise || operation.shape == Shape::MatMul;
    let folds =
        operation.kind == Kind::Reduction && matches!(operation.shape, Shape::DropAxis | Shape::Scalar);
    operation.pure && operation.result == Aliasing::New && (rule.is_some() || copies || computes || folds)
}

/// An argument for a parameter.
pub(super) enum Given {
    Tensor(TensorRef, Dims),
    Scalar(u64, Type),
    Ints(Range<usize>),
    List(Vec<(TensorRef, Dims)>),
    Text(usize),
    Sparse(Box<GivenMatrix>),
}

/// A matrix for a parameter, with the dims of its three tensors.
pub(super) struct GivenMatrix {
    matrix: SparseRef,
    dims: Dims,
    of_parts: [Dims; 3],
}

impl GivenMatrix {
    pub(super) fn new(matrix: SparseRef) -> GivenMatrix {
        let [rows, cols] = matrix.dims();
        let of_parts = matrix.parts().map(|part| part.dims());
        GivenMatrix { matrix, dims: Dims::of_three(2, [rows, cols, 0]), of_parts }
    }

    /// The matrix as the device gets it: it is one by rows.
    pub(super) fn sent(&self, heap: &mut Heap) -> DeviceSparse<'_> {
        let parts @ [starts, ..] = self.matrix.parts();
        let mut each = parts.iter().zip(&self.of_parts).map(|(part, dims)| sent(heap, *part, dims));
        let [pointers, indices, values] = std::array::from_fn(|_| each.next().expect("three parts"));
        // SAFETY: the pointers of a matrix are of this type, on the host, and nobody writes them.
        let starts = unsafe { starts.as_slice() };
        DeviceSparse { starts, pointers, indices, values, dims: &self.dims, elem: self.matrix.elem() }
    }
}

/// The arguments, one for each parameter; nothing where there is something else that a device could not have.
pub(super) fn given(params: &[Param], call: &OpCall<'_>) -> Option<Vec<Given>> {
    let mut all = Vec::with_capacity(params.len());
    let mut at = 0;
    for param in params {
        if param.is_bracketed() {
            if *param != Param::Ints {
                return None;
            }
            all.push(Given::Ints(at..at + call.list_len));
            at += call.list_len;
            continue;
        }
        all.push(match call.arg_types[at] {
            Type::Tensor(_) => Given::Tensor(call.tensor(at), call.tensor(at).dims()),
            Type::List(Item::Tensor(_)) => {
                // SAFETY: the list outlives the call, and nothing writes it meanwhile.
                let items = unsafe { call.list(at).as_slots() };
                // SAFETY: what a list holds is live and of the type of its items.
                let tensor = |slot: &u64| unsafe { TensorRef::from_slot(*slot) };
                Given::List(items.iter().map(tensor).map(|t| (t, t.dims())).collect())
            }
            Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::Bool => {
                Given::Scalar(call.args[at], call.arg_types[at])
            }
            Type::Str => Given::Text(at),
            Type::Sparse(_) => Given::Sparse(Box::new(GivenMatrix::new(call.sparse(at)))),
            Type::List(_) | Type::BigInt | Type::Func(_) => return None,
        });
        at += 1;
    }
    Some(all)
}

/// Dims of the tensors, those of a list too, and of matrices; none of what is neither.
pub(super) fn dims_of(given: &[Given]) -> Vec<&[u64]> {
    let mut all: Vec<&[u64]> = Vec::with_capacity(given.len());
    for given in given {
        match given {
            Given::Tensor(_, dims) => all.push(dims),
            Given::Sparse(matrix) => all.push(&matrix.dims),
            Given::Scalar(..) | Given::Ints(_) | Given::Text(_) => all.push(&[]),
            Given::List(items) => all.extend(items.iter().map(|(_, dims)| &**dims)),
        }
    }
    all
}

/// The tensors, those of a list or a matrix too.
pub(super) fn tensors_of(given: &[Given]) -> Vec<TensorRef> {
    let mut all = Vec::with_capacity(given.len());
    for given in given {
        match given {
            Given::Tensor(tensor, _) => all.push(*tensor),
            Given::List(items) => all.extend(items.iter().map(|(tensor, _)| *tensor)),
            Given::Sparse(given) => all.extend(given.matrix.parts()),
            Given::Scalar(..) | Given::Ints(_) | Given::Text(_) => {}
        }
    }
    all
}

/// What is known of a result whose dims the row's shape says; nothing if arguments do not fit.
fn by_shape(operation: &Operation, given: &[Given], slots: &[u64]) -> Option<Dims> {
    let dims = |at: usize| match given.get(at)? {
        Given::Tensor(_, dims) => Some(*dims),
        _ => None,
    };
    match operation.shape {
        Shape::Same => dims(0),
        Shape::Broadcast => {
            let all: Vec<Dims> = (0..given.len()).map(|at| dims(at).unwrap_or_default()).collect();
            shape::broadcast(&all).ok()
        }
        Shape::MatMul => shape::matmul(&dims(0)?, &dims(1)?).ok().map(|product| product.dims),
        // Of nothing there is no smallest, and of an axis that is not there nothing at all: the kernel says so.
        Shape::DropAxis => {
            let whole = dims(0).filter(|whole| whole.count().is_some_and(|n| n > 0))?;
            let axis = usize::try_from(*slots.get(1)?).ok().filter(|axis| *axis < whole.len())?;
            Some(whole.without(axis))
        }
        // As with an axis; and two tensors are folded place by place.
        Shape::Scalar => {
            let whole = dims(0).filter(|whole| whole.count().is_some_and(|n| n > 0))?;
            let fits = |given: &Given| match given {
                Given::Tensor(_, dims) => **dims == *whole,
                _ => true,
            };
            given.iter().all(fits).then(Dims::default)
        }
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
    let may_go = may_go(operation, rule(index)) || offer::of(index).is_some();
    if may_go && try_run(index, operation, call)? || written::try_run(index, operation, call)? {
        return Ok(true);
    }
    if super::by_library::asks(index) {
        return Ok(false);
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
    if !may_hold(&*device, call) || !call.host.unmetered().is_some_and(translates) {
        return Ok(false);
    }
    let all_dims: Vec<Dims> = tensors.iter().map(|t| t.dims()).collect();
    let each = tensors.iter().zip(&all_dims);
    let args: Vec<DeviceArg<'_>> = each.map(|(tensor, dims)| sent(call.host.heap(), *tensor, dims)).collect();
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

/// The element type of which a scalar is one.
fn element_of(scalar: Type) -> Option<Elem> {
    [Elem::I32, Elem::I64, Elem::F32, Elem::F64, Elem::Bool].into_iter().find(|e| e.scalar() == Some(scalar))
}

/// A tensor as the device gets it: in its memory, or its bytes where it stays on the host.
pub(super) fn sent<'a>(heap: &mut Heap, tensor: TensorRef, dims: &'a Dims) -> DeviceArg<'a> {
    let elem = tensor.elem();
    match heap.pool().send(tensor) {
        Some((memory, offset)) => DeviceArg::Tensor(DeviceTensor { memory, offset, elem, dims }),
        None => {
            // SAFETY: its elements are on the host, initialised, and written by nobody meanwhile.
            let bytes = unsafe { std::slice::from_raw_parts(tensor.data(), tensor.bytes()) };
            DeviceArg::Bytes { bytes, elem, dims }
        }
    }
}

/// What a device makes of arguments that gives a scalar of type `elem`: its bits.
fn scalar_of(
    device: &dyn Device,
    call: (&'static Operation, &[Elem], &[DeviceArg<'_>]),
    elem: Elem,
    heap: &mut Heap,
) -> Option<u64> {
    let (operation, elems, args) = call;
    let outside: Interruption = heap.interruption().clone();
    let must_stop = || outside.stopped_by().is_some();
    let mut slot = [MaybeUninit::new(0); 8];
    let memory = asked(|| device.allocate(slot.len()))??;
    let result = DeviceTensor { memory, offset: 0, elem, dims: &[] };
    let asks = DeviceCall { operation, elems, args, result, others: &[], found: &[], must_stop: &must_stop };
    let done = asked(|| {
        device.run(&asks)?;
        device.to_host(memory, &mut slot[..elem.size()])
    });
    if heap.has_secrets() {
        asked(|| device.wipe(memory));
    }
    asked(|| device.free(memory));
    done?.ok()?;
    let counts = &mut heap.pool().counts;
    counts.operations += 1;
    counts.to_host += 1;
    counts.bytes_to_host += elem.size() as u64;
    // SAFETY: all bytes were written, some of them by the device.
    Some(u64::from_le_bytes(slot.map(|byte| unsafe { byte.assume_init() })))
}

/// A fold, by its kernel, of all elements of a tensor that only the device has, as `i64`; nothing where it does not
/// want that or fails.
fn folded(device: &dyn Device, kernel: &str, tensor: TensorRef, heap: &mut Heap) -> Option<i64> {
    let operation = CATALOGUE.get(KERNELS.iter().position(|name| *name == kernel)?)?;
    let (dims, elems) = (tensor.dims(), [tensor.elem()]);
    if asked(|| device.takes(operation, &elems, &[&dims], &[])) != Some(true) {
        return None;
    }
    // The smallest of indices is one, and so is how many there are: both are of 8 bytes.
    let args = [sent(heap, tensor, &dims)];
    scalar_of(device, (operation, &elems, &args), Elem::I64, heap).map(|bits| bits as i64)
}

/// Whether elements are what the kernel wants of them. The device looks at those that it alone has: it folds them.
pub(super) fn passes(device: &dyn Device, check: Check, call: &mut OpCall<'_>) -> Result<bool, TrapError> {
    let at = match check {
        Check::Nothing => return Ok(true),
        Check::Indices { at, .. } => at,
        Check::Divisors | Check::Chosen { .. } => 1,
    };
    if let Type::Tensor(_) = call.arg_types[at] {
        let tensor = call.tensor(at);
        let heap = call.host.heap();
        if heap.pool().is_only_on_device(tensor) {
            let mut fold = |kernel| folded(device, kernel, tensor, heap);
            let seen = match check {
                Check::Nothing => Some(true),
                Check::Divisors => fold("tensor_count_nonzero").map(|n| n as usize == tensor.len()),
                Check::Chosen { values } => fold("tensor_count_nonzero").map(|n| n as usize == values),
                Check::Indices { end, .. } => fold("tensor_reduce_min").and_then(|least| {
                    let most = fold("tensor_reduce_max")?;
                    Some(least >= 0 && most < end as i64)
                }),
            };
            if let Some(passes) = seen {
                return Ok(passes);
            }
            heap.pool().bring_home(tensor, false)?;
        }
    }
    // What the kernel would say it says itself.
    Ok(match check {
        Check::Nothing => true,
        Check::Indices { at, end } => gather::check_indices(call, at, end, "").is_ok(),
        Check::Divisors => elementwise::check_divisors(call).is_ok(),
        Check::Chosen { values } => gather::chosen(call)? == values,
    })
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

/// Whether what a call is about may go to the device.
pub(super) fn may_hold(device: &dyn Device, call: &OpCall<'_>) -> bool {
    !call.is_secret() || asked(|| device.may_hold_secrets()) == Some(true)
}

/// How many elements a call's result has, if the device takes it in a group.
fn len_in_group(index: usize, operation: &'static Operation, call: &mut OpCall<'_>) -> Option<usize> {
    let device = call.host.heap().pool().device.clone()?;
    if can_trap(operation, call) || !may_hold(&*device, call) {
        return None;
    }
    let (elem, _) = result_elem(index, call)?;
    // Where a tensor is made, dims come first, and a value for all.
    let given = given(&SIGNATURES[index].params, call)?;
    let dims = match operation.kind {
        Kind::Creation => call.dims(0).ok()?,
        _ => by_shape(operation, &given, call.args).filter(|_| may_go(operation, None))?,
    };
    let args: Vec<&[u64]> = match operation.kind {
        Kind::Creation => vec![&[]],
        _ => dims_of(&given),
    };
    let extent = Extent::new(&dims, elem.size());
    if extent.bytes < MEDIUM as u64 || extent.bytes > isize::MAX as u64 {
        return None;
    }
    let takes = asked(|| device.takes_in_group(operation, call.elems, &args, &dims)) == Some(true);
    usize::try_from(extent.len).ok().filter(|_| takes)
}

/// The tensors of lists as a device gets them, by argument; nothing where one is no list.
fn lists_for<'g>(call: &mut OpCall<'_>, given: &'g [Given]) -> Vec<Vec<DeviceArg<'g>>> {
    let mut list = |given: &'g Given| match given {
        Given::List(items) => {
            items.iter().map(|(tensor, dims)| sent(call.host.heap(), *tensor, dims)).collect()
        }
        Given::Tensor(..) | Given::Scalar(..) | Given::Ints(_) | Given::Text(_) | Given::Sparse(_) => {
            Vec::new()
        }
    };
    given.iter().map(&mut list).collect()
}

/// The arguments as a device gets them; `None` with a sparse matrix among them, for kernels that have one ask
/// themselves (`by_library.rs`).
pub(super) fn args_for<'g, 'c: 'g>(
    call: &mut OpCall<'c>,
    given: &'g [Given],
    lists: &'g [Vec<DeviceArg<'g>>],
) -> Option<Vec<DeviceArg<'g>>> {
    let mut arg = |(at, given): (usize, &'g Given)| match given {
        Given::Tensor(tensor, dims) => Some(sent(call.host.heap(), *tensor, dims)),
        Given::Scalar(bits, ty) => Some(DeviceArg::Scalar(*bits, *ty)),
        Given::Ints(at) => Some(DeviceArg::Ints(&call.args[at.clone()])),
        Given::List(_) => Some(DeviceArg::List(lists.get(at).map_or(&[], |list| list))),
        Given::Text(at) => Some(DeviceArg::Text(call.str(*at))),
        Given::Sparse(_) => None,
    };
    given.iter().enumerate().map(&mut arg).collect()
}

/// Counts what the kernel would work in, though nobody works in it.
pub(super) fn count_room(call: &mut OpCall<'_>, room: [usize; 2]) -> Result<(), TrapError> {
    if room == [0; 2] {
        return Ok(());
    }
    let take = |call: &mut OpCall<'_>| {
        room.iter().try_for_each(|bytes| call.host.heap().scratch(*bytes).map(|_| ()))
    };
    // SAFETY: nothing of it is used.
    unsafe { call.with_working_space(take) }
}

fn try_run(index: usize, operation: &'static Operation, call: &mut OpCall<'_>) -> Result<bool, TrapError> {
    let Some(device) = call.host.heap().pool().device.clone() else { return Ok(false) };
    if !may_hold(&*device, call) {
        return Ok(false);
    }
    let signature = &SIGNATURES[index];
    let Some((elem, is_scalar)) = result_elem(index, call) else { return Ok(false) };
    let Some(given) = given(&signature.params, call) else { return Ok(false) };
    let offer = offer::of(index);
    let ahead = match (offer, rule(index)) {
        (Some(offer), _) => (offer.dims)(call)?.map(Ahead::of),
        (None, Some(rule)) => rule(call).ok(),
        (None, None) => by_shape(operation, &given, call.args).map(Ahead::of),
    };
    let Some(Ahead { dims: result_dims, mut check, mut room }) = ahead else { return Ok(false) };
    let extent = Extent::new(&result_dims, elem.size());
    let is_there = |heap: &mut Heap| {
        let is_there = |given: &Given| match given {
            Given::Tensor(tensor, _) => heap.pool().is_only_on_device(*tensor),
            _ => false,
        };
        given.iter().any(is_there)
    };
    // What is folded to a scalar is quicker folded where it is.
    let is_worth_it = match is_scalar {
        true => is_there(call.host.heap()),
        false => extent.bytes >= MEDIUM as u64 && extent.bytes <= isize::MAX as u64,
    };
    if !is_worth_it
        || asked(|| device.takes(operation, call.elems, &dims_of(&given), &result_dims)) != Some(true)
    {
        return Ok(false);
    }
    if call.plan.role != Role::Alone {
        // What waits is among the arguments, perhaps.
        fused::settle(call)?;
    }
    if can_trap(operation, call) {
        check = Check::Divisors;
    }
    if !passes(&*device, check, call)? {
        return Ok(false);
    }
    let (elements, work) = call.work_of(if is_scalar { Extent::NONE } else { extent });
    call.host.heap().placing_mut().at_hand.elements = elements;
    if !call.goes_there(&*device, &tensors_of(&given), extent.bytes, work) {
        return Ok(false);
    }
    let charged = match offer.and_then(|offer| offer.charges) {
        None => None,
        Some(charges) => match charges(call)? {
            Some(charged) => Some(charged),
            None => return Ok(false),
        },
    };
    let lists = lists_for(call, &given);
    let Some(args) = args_for(call, &given, &lists) else { return Ok(false) };
    if is_scalar {
        // The call is charged for already.
        let done = scalar_of(&*device, (operation, call.elems, &args), elem, call.host.heap());
        match done {
            Some(bits) => {
                call.set(bits);
                call.side_done();
            }
            None => {
                call.side = None;
                call.host.heap().pool().counts.failed += 1;
            }
        }
        // It may have failed because the program has to stop.
        return call.host.poll().map(|()| done.is_some());
    }
    match charged {
        None => call.charge(extent)?,
        Some(Charged { portions, room: works_in }) => {
            room = works_in;
            portions.into_iter().try_for_each(|(elements, work)| call.charge_work(elements, work))?;
        }
    }
    // SAFETY: the device writes all elements, or the kernel does, which gets the same tensor.
    let tensor = unsafe { call.host.heap().uninit(elem, &result_dims)? };
    count_room(call, room)?;
    let heap = call.host.heap();
    let outside = heap.interruption().clone();
    let pool = heap.pool();
    if let Some(memory) = pool.memory_for(tensor) {
        let result = DeviceTensor { memory, offset: 0, elem, dims: &result_dims };
        let must_stop = || outside.stopped_by().is_some();
        let asks = DeviceCall {
            operation,
            elems: call.elems,
            args: &args,
            result,
            others: &[],
            found: &[],
            must_stop: &must_stop,
        };
        if let Some(Ok(())) = asked(|| device.run(&asks)) {
            pool.is_on_device(tensor);
            pool.counts.operations += 1;
            call.set(tensor.slot());
            call.side_done();
            return call.host.poll().map(|()| true);
        }
    }
    pool.counts.failed += 1;
    call.side = None;
    call.prepared = Some(tensor);
    // It may have failed because the program has to stop.
    call.host.poll().map(|()| false)
}
