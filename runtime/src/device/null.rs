//! A device that is none: it runs this crate's kernels on a heap of its own.
//!
//! It is for tests of everything that is the same for all devices: what goes there, what
//! comes home, and when. It spoils what the host has not been given, so that whoever reads elements too
//! early computes something else; and it fails when it is told to.
//!
//! ```
//! use nbc_runtime::device::null::NullDevice;
//! use nbc_runtime::{engine::{Config, Engine}, linker::Linker, value::Value};
//! use std::sync::Arc;
//! let text = b"export func @main() -> f64 {
//!   %x = tensor.full<f64> [1000], 1.5
//!   %y = tensor.add %x, %x
//!   %r = tensor.load %y, 999
//!   ret %r
//! }";
//! let device = Arc::new(NullDevice::new());
//! let engine = Engine::new(Config::new().device(device.clone()));
//! let mut instance = Linker::new().instantiate(&engine.read(text, "on_device.nba")?)?;
//! assert_eq!(instance.call("main", &[])?, [Value::F64(3.0)]);
//! let counts = instance.device_counts();
//! assert_eq!((counts.operations, counts.to_device, counts.to_host), (1, 1, 1));
//! # Ok::<(), nbc_runtime::error::Error>(())
//! ```

use super::group::{DeviceGroup, GroupOperand};
use super::system::DeviceSparse;
use super::{Device, DeviceArg, DeviceCall, DeviceError, DeviceMemory, DeviceTensor};
use crate::object::{Format, TensorRef};
use crate::op::{Deferred, OpCall, OpHost, run_operation};
use crate::placement::DeviceRates;
use crate::region::Heap;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::{Kind, Operation, Shape};
use nbc_ir::{Elem, Item, Type};
use std::collections::HashMap;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// See the module.
#[derive(Debug, Default)]
pub struct NullDevice {
    memory: Mutex<HashMap<DeviceMemory, Vec<u8>>>,
    next: AtomicU64,
    /// One request in so many fails; none if 0.
    failing: u64,
    /// One copy to the host in so many fails; none if 0.
    losing: u64,
    /// By which operations are placed, if by any.
    rates: Option<DeviceRates>,
    asked: AtomicU64,
}

impl NullDevice {
    /// A device that does all that it is asked for.
    pub fn new() -> NullDevice {
        NullDevice::default()
    }

    /// One that refuses memory, copies to it and operations in turn, one request in `every`.
    pub fn failing(every: u64) -> NullDevice {
        NullDevice { failing: every, ..NullDevice::default() }
    }

    /// One that loses elements: one copy to the host in `every` fails, which is a trap.
    pub fn losing(every: u64) -> NullDevice {
        NullDevice { losing: every, ..NullDevice::default() }
    }

    /// One that is said to be so fast: operations go there where that is predicted to be quicker.
    pub fn with_rates(rates: DeviceRates) -> NullDevice {
        NullDevice { rates: Some(rates), ..NullDevice::default() }
    }

    /// Bytes that have been asked for and not been given back.
    pub fn in_use(&self) -> usize {
        self.memory().values().map(Vec::len).sum()
    }

    fn memory(&self) -> MutexGuard<'_, HashMap<DeviceMemory, Vec<u8>>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fails(&self) -> bool {
        self.is_turn(self.failing)
    }

    fn is_turn(&self, every: u64) -> bool {
        every > 0 && (self.asked.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every)
    }
}

/// What went wrong where the kernels of this crate trap.
fn failed(trap: TrapError) -> DeviceError {
    DeviceError(format!("{:?}: {}", trap.code, trap.message()))
}

fn error(text: &str) -> DeviceError {
    DeviceError(text.to_owned())
}

// SAFETY: `run` copies the whole result of a kernel, and `to_host` as many bytes as are asked for.
unsafe impl Device for NullDevice {
    fn name(&self) -> &str {
        "null"
    }

    fn takes(&self, _: &'static Operation, _: &[Elem], _: &[&[u64]], _: &[u64]) -> bool {
        true
    }

    fn rates(&self) -> Option<DeviceRates> {
        self.rates
    }

    fn allocate(&self, bytes: usize) -> Option<DeviceMemory> {
        if self.fails() {
            return None;
        }
        let number = NonZeroU64::new(self.next.fetch_add(1, Ordering::Relaxed) + 1)?;
        // What has not been written is no zeros.
        self.memory().insert(DeviceMemory(number), vec![0x5a; bytes]);
        Some(DeviceMemory(number))
    }

    fn free(&self, memory: DeviceMemory) {
        let mut known = self.memory().remove(&memory);
        known.iter_mut().for_each(|bytes| black_box(bytes).fill(0));
        debug_assert!(known.is_some(), "{memory:?} is given back twice");
    }

    // It is memory of this process, as that of the host.
    fn may_hold_secrets(&self) -> bool {
        true
    }

    fn wipe(&self, memory: DeviceMemory) {
        if let Some(bytes) = self.memory().get_mut(&memory) {
            bytes.fill(0);
        }
    }

    fn to_device(&self, from: &[u8], to: DeviceMemory) -> Result<(), DeviceError> {
        if self.fails() {
            return Err(error("told to fail"));
        }
        let mut memory = self.memory();
        let to = memory.get_mut(&to).and_then(|m| m.get_mut(..from.len()));
        to.ok_or_else(|| error("no such memory"))?.copy_from_slice(from);
        Ok(())
    }

    fn to_host(&self, from: DeviceMemory, to: &mut [MaybeUninit<u8>]) -> Result<(), DeviceError> {
        if self.is_turn(self.losing) {
            return Err(error("told to lose it"));
        }
        let memory = self.memory();
        let from = memory.get(&from).and_then(|m| m.get(..to.len()));
        to.write_copy_of_slice(from.ok_or_else(|| error("no such memory"))?);
        Ok(())
    }

    fn run(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        if self.fails() {
            return Err(error("told to fail"));
        }
        let mut memory = self.memory();
        let args = call.args.iter().map(|arg| given(arg, &memory)).collect::<Result<Vec<_>, _>>()?;
        let places: Vec<DeviceTensor<'_>> =
            [call.result].into_iter().chain(call.others.iter().copied()).collect();
        let expected: Vec<_> = places.iter().map(|place| (place.elem, place.dims)).collect();
        let results = run_kernel(call.operation, call.elems, &args, &expected, call.must_stop)?;
        places.iter().zip(&results).try_for_each(|(place, result)| write(&mut memory, *place, result))
    }

    fn runs_groups(&self) -> bool {
        true
    }

    fn takes_in_group(&self, _: &'static Operation, _: &[Elem], _: &[&[u64]], _: &[u64]) -> bool {
        true
    }

    fn run_group(&self, group: &DeviceGroup<'_>) -> Result<(), DeviceError> {
        if self.fails() {
            return Err(error("told to fail"));
        }
        let mut memory = self.memory();
        // A result may lie where an argument does: so it goes there when all have been computed.
        let mut results: Vec<Vec<u8>> = Vec::new();
        for step in group.steps {
            let mut args = operands(group, step.operands, &memory, &results)?;
            if step.operation.kind == Kind::Creation {
                args.insert(0, Given::Ints(step.dims));
            }
            let expected = [(step.elem, step.dims)];
            results.extend(run_kernel(step.operation, step.elems, &args, &expected, group.must_stop)?);
        }
        if let Some(end) = &group.end {
            let args = operands(group, end.operands, &memory, &results)?;
            let expected = [(end.to.elem, end.to.dims)];
            for result in run_kernel(end.operation, end.elems, &args, &expected, group.must_stop)? {
                write(&mut memory, end.to, &result)?;
            }
        }
        for (step, result) in group.steps.iter().zip(&results) {
            if let Some(to) = step.to {
                write(&mut memory, to, result)?;
            }
        }
        Ok(())
    }

    fn spoils(&self) -> Option<u8> {
        Some(0xa5)
    }
}

/// An argument as a kernel gets it.
enum Given<'a> {
    Elements(&'a [u8], Elem, &'a [u64]),
    Scalar(u64, Type),
    Ints(&'a [u64]),
    List(Vec<Given<'a>>),
    Text(&'a str),
    /// Pointers, indices and values of a matrix by rows, and its dims.
    Sparse([Box<Given<'a>>; 3], [u64; 2]),
}

fn given<'a>(
    arg: &DeviceArg<'a>,
    memory: &'a HashMap<DeviceMemory, Vec<u8>>,
) -> Result<Given<'a>, DeviceError> {
    Ok(match *arg {
        DeviceArg::Scalar(bits, ty) => Given::Scalar(bits, ty),
        DeviceArg::Ints(ints) => Given::Ints(ints),
        DeviceArg::Text(text) => Given::Text(text),
        DeviceArg::List(items) => {
            Given::List(items.iter().map(|item| given(item, memory)).collect::<Result<_, _>>()?)
        }
        DeviceArg::Bytes { bytes, elem, dims } => Given::Elements(bytes, elem, dims),
        DeviceArg::Sparse(&DeviceSparse { pointers, indices, values, dims, .. }) => {
            let part = |arg: &DeviceArg<'a>| given(arg, memory).map(Box::new);
            let dims = <[u64; 2]>::try_from(dims).map_err(|_| error("a matrix of another rank"))?;
            Given::Sparse([part(&pointers)?, part(&indices)?, part(&values)?], dims)
        }
        DeviceArg::Tensor(t) => {
            let len = nbc_ir::dims::count(t.dims).unwrap_or(0) as usize * t.elem.size();
            let all = memory.get(&t.memory).ok_or_else(|| error("no such memory"))?;
            let bytes = all.get(t.offset..t.offset + len).ok_or_else(|| error("too short"))?;
            Given::Elements(bytes, t.elem, t.dims)
        }
    })
}

/// What a step of a group reads.
fn operands<'a>(
    group: &DeviceGroup<'a>,
    operands: &[GroupOperand],
    memory: &'a HashMap<DeviceMemory, Vec<u8>>,
    results: &'a [Vec<u8>],
) -> Result<Vec<Given<'a>>, DeviceError> {
    let each = operands.iter().map(|operand| match *operand {
        GroupOperand::Argument(at) => given(&group.args[at], memory),
        GroupOperand::Step(at) => {
            let step = &group.steps[at];
            Ok(Given::Elements(&results[at], step.elem, step.dims))
        }
    });
    each.collect()
}

/// A tensor of the heap with an argument's elements.
fn tensor_of(arg: &Given<'_>, heap: &mut Heap) -> Result<TensorRef, DeviceError> {
    match *arg {
        Given::Elements(bytes, elem, dims) => heap.tensor_from_bytes(elem, dims, bytes).map_err(failed),
        Given::Scalar(..) | Given::Ints(_) | Given::List(_) | Given::Text(_) | Given::Sparse(..) => {
            Err(error("no tensor where one should be"))
        }
    }
}

/// Bytes of what the runtime's kernel computes: of each of its results.
fn run_kernel(
    operation: &'static Operation,
    elems: &[Elem],
    args: &[Given<'_>],
    expected: &[(Elem, &[u64])],
    must_stop: &dyn Fn() -> bool,
) -> Result<Vec<Vec<u8>>, DeviceError> {
    // SAFETY: nothing of the heap is used after it.
    let mut host = Host(unsafe { Heap::new(usize::MAX) }, must_stop, Deferred::default());
    let (mut slots, mut types, mut list_len) = (Vec::new(), Vec::new(), 0);
    for arg in args {
        match arg {
            Given::Scalar(bits, ty) => {
                slots.push(*bits);
                types.push(*ty);
            }
            Given::Ints(ints) => {
                slots.extend_from_slice(ints);
                types.extend(ints.iter().map(|_| Type::I64));
                list_len = ints.len();
            }
            Given::Text(text) => {
                slots.push(host.0.string(text).map_err(failed)?.slot());
                types.push(Type::Str);
            }
            Given::Elements(..) => {
                let tensor = tensor_of(arg, &mut host.0)?;
                slots.push(tensor.slot());
                types.push(Type::Tensor(tensor.elem()));
            }
            Given::Sparse(parts, dims) => {
                let [pointers, indices, values] = parts;
                let parts = [
                    tensor_of(pointers, &mut host.0)?,
                    tensor_of(indices, &mut host.0)?,
                    tensor_of(values, &mut host.0)?,
                ];
                // SAFETY: they are copies of those of a matrix by rows, and nobody else has them.
                let matrix = unsafe { host.0.sparse(Format::Csr, *dims, parts).map_err(failed)? };
                slots.push(matrix.slot());
                types.push(Type::Sparse(matrix.elem()));
            }
            Given::List(items) => {
                let all: Result<Vec<TensorRef>, DeviceError> =
                    items.iter().map(|item| tensor_of(item, &mut host.0)).collect();
                let all = all?;
                let first = all.first().ok_or_else(|| error("a list without tensors"))?;
                let item = Item::Tensor(first.elem());
                let list = host.0.list(item, all.len() as u64, first.slot()).map_err(failed)?;
                for (n, tensor) in all.iter().enumerate() {
                    // SAFETY: the tensor is live, and of the type that the list's items are of.
                    unsafe { host.0.list_set(list, n as u64, tensor.slot()).map_err(failed)? };
                }
                slots.push(list.slot());
                types.push(Type::List(item));
            }
        }
    }
    let mut results = vec![0; expected.len()];
    // SAFETY: the arguments are live in that heap, and the call is one that the verifier has
    // accepted: it comes from the runtime as it is.
    unsafe {
        let run = OpCall::new(&mut host, &slots, &types, elems, list_len, &mut results);
        run_operation(operation.index(), run).map_err(failed)?;
        let mut all = Vec::with_capacity(results.len());
        // Of a row that writes into an argument that is the result.
        let written: Vec<u64> = operation.writes.iter().map(|at| slots[*at]).collect();
        let results = if written.is_empty() { &results } else { &written };
        for (slot, expected) in results.iter().zip(expected) {
            if operation.shape == Shape::Scalar && written.is_empty() {
                all.push(slot.to_le_bytes()[..expected.0.size()].to_vec());
                continue;
            }
            let result = TensorRef::from_slot(*slot);
            if (result.elem(), &*result.dims()) != *expected {
                return Err(error("a result of another shape"));
            }
            all.push(std::slice::from_raw_parts(result.data(), result.bytes()).to_vec());
        }
        Ok(all)
    }
}

/// Writes `bytes` where a result goes.
fn write(
    memory: &mut HashMap<DeviceMemory, Vec<u8>>,
    to: DeviceTensor<'_>,
    bytes: &[u8],
) -> Result<(), DeviceError> {
    let to = memory.get_mut(&to.memory).and_then(|m| m.get_mut(to.offset..to.offset + bytes.len()));
    to.ok_or_else(|| error("no such memory"))?.copy_from_slice(bytes);
    Ok(())
}

/// What kernels need of an instance, where there is none.
struct Host<'a>(Heap, &'a dyn Fn() -> bool, Deferred);

impl OpHost for Host<'_> {
    fn heap(&mut self) -> &mut Heap {
        &mut self.0
    }
    fn deferred(&mut self) -> &mut Deferred {
        &mut self.2
    }
    fn poll(&mut self) -> Result<(), TrapError> {
        if (self.1)() { Err(TrapCode::Interrupted.into()) } else { Ok(()) }
    }
    fn charge(&mut self, _: u64) -> Result<(), TrapError> {
        Ok(())
    }
    fn call(&mut self, _: u64, _: &[u64]) -> Result<u64, TrapError> {
        Err(TrapCode::HostError.into())
    }
}
