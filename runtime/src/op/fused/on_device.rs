//! Lists that a device is to compute.
//!
//! A list is for the device if the device takes its first operation in a group. Then it stays so: what the device
//! does not take has the list computed, and begins another. Arguments are not brought home when an operation
//! joins, but sent when the list is run. What the device fails at, the processor computes: [`List::come_home`].
//!
//! Invariant: fuel and memory are charged as for the processor. While a list for the device waits, an argument's elements
//! are where its buffer says, also if a result is to be in its memory.

use super::{Deferred, List, Source, settle};
use crate::device::group::{DeviceGroup, GroupEnd, GroupOperand, GroupStep};
use crate::device::{DeviceArg, DeviceMemory, DeviceTensor, asked};
use crate::object::TensorRef;
use crate::op::on_device::may_hold;
use crate::op::{OpCall, OpHost};
use crate::plan::Role;
use crate::region::pool::Place;
use crate::trap::TrapError;
use nbc_ir::catalogue::{CATALOGUE, Operation};
use nbc_ir::dims::Dims;
use nbc_ir::{Elem, Type};
use std::mem::MaybeUninit;

/// Who computes the list that an operation joins, if it joins one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::op) enum Joins {
    Processor,
    Device,
}

/// What a device has to know of a call besides its operands.
#[derive(Clone)]
pub(super) struct Called {
    operation: &'static Operation,
    elems: Box<[Elem]>,
    dims: Dims,
}

impl Called {
    /// A call of that row.
    pub(super) fn new(operation: usize, elems: &[Elem], dims: &Dims) -> Called {
        Called { operation: &CATALOGUE[operation], elems: elems.into(), dims: *dims }
    }
}

/// A reduction at the end of a list.
pub(in crate::op) struct End<'a> {
    pub(in crate::op) operation: &'static Operation,
    pub(in crate::op) elems: &'a [Elem],
    /// Elements of the result.
    pub(in crate::op) elem: Elem,
    from: Elem,
    read: &'a [Source],
}

/// What is to be done with an operation before its kernel may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::op) enum Next {
    /// It joins what waits for the device: its arguments stay where they are.
    Joins,
    /// It has nothing to do with what a device computes.
    Runs,
}

/// Sees to what waits, before an operation that may join it. `len` is how many elements its result has if a device
/// takes it in a group.
pub(in crate::op) fn before_kernel(call: &mut OpCall<'_>, len: Option<usize>) -> Result<Next, TrapError> {
    let joins = if len.is_some() { Joins::Device } else { Joins::Processor };
    let waits = call.host.deferred().waits();
    let fits = |(other, waiting): (Joins, usize)| other == joins && len.is_none_or(|len| len == waiting);
    if waits.is_some_and(|waits| !fits(waits)) {
        settle(call)?;
    }
    let Some(len) = len else { return Ok(Next::Runs) };
    let deferred = call.host.deferred();
    let goes_on = deferred.waits().is_some();
    if goes_on || (call.plan.role != Role::Last && len >= deferred.few) {
        call.joins = Joins::Device;
        return Ok(Next::Joins);
    }
    Ok(Next::Runs)
}

/// Has the device compute what waits for it together with the reduction of `call`, whose result is an `elem`. Whether
/// all is done then; else what waits is for the processor, or has been computed.
pub(in crate::op) fn end(
    call: &mut OpCall<'_>,
    operation: &'static Operation,
    elem: Elem,
) -> Result<bool, TrapError> {
    if !matches!(call.host.deferred().waits(), Some((Joins::Device, _))) {
        return Ok(false);
    }
    let mut list = call.host.deferred().take();
    let mut read = [Source::Scalar(0); 2];
    let count = call.args.len().min(2);
    let mut reads_all = call.arg_types.iter().all(|ty| matches!(ty, Type::Tensor(_)));
    if reads_all {
        for (at, source) in read.iter_mut().enumerate().take(count) {
            let tensor = call.tensor(at);
            *source = match list.find(tensor) {
                Some(result) => Source::Result(result),
                None => Source::Elements { data: tensor.data(), size: tensor.elem().size(), tensor },
            };
            // Two of other dims trap, however many elements they have: the kernel says so.
            reads_all &= tensor.len() == list.len && tensor.has_dims_of(call.tensor(0));
        }
    }
    let read = &read[..count];
    let takes = reads_all
        && read.iter().any(|s| matches!(s, Source::Result(_)))
        && call.host.heap().pool().device.clone().is_some_and(|device| {
            if !may_hold(&*device, call) {
                return false;
            }
            let dims: Vec<Dims> = (0..count).map(|at| call.tensor(at).dims()).collect();
            let dims: Vec<&[u64]> = dims.iter().map(|d| &**d).collect();
            asked(|| device.takes_in_group(operation, call.elems, &dims, &[])) == Some(true)
        });
    if !takes {
        call.host.deferred().list = Some(list);
        return settle(call).map(|()| false);
    }
    let from = call.tensor(0).elem();
    let done = list.run_on_device(call.host, Some(End { operation, elems: call.elems, elem, from, read }));
    let done = match done {
        Ok(Some(slot)) => {
            list.forget();
            call.set(slot);
            Ok(true)
        }
        Ok(None) => list.come_home(call.host).map(|()| false),
        Err(trap) => Err(trap),
    };
    call.host.deferred().list = Some(list);
    done
}

impl Deferred {
    /// For whom operations wait, if any do, and how many elements their results have.
    fn waits(&self) -> Option<(Joins, usize)> {
        let list = self.list.as_ref().filter(|list| !list.members.is_empty())?;
        Some((if list.is_for_device { Joins::Device } else { Joins::Processor }, list.len))
    }
}

/// An argument of a group, while it is being found.
enum Found {
    OnDevice(DeviceMemory, usize, TensorRef),
    OnHost(TensorRef),
    Scalar(u64, Elem),
}

/// The arguments of a group, each of them once.
#[derive(Default)]
struct Arguments {
    all: Vec<Found>,
    dims: Vec<Dims>,
}

impl Arguments {
    fn tensor(&mut self, host: &mut dyn OpHost, tensor: TensorRef) -> GroupOperand {
        let is_it = |found: &Found| match found {
            Found::OnDevice(.., other) | Found::OnHost(other) => *other == tensor,
            Found::Scalar(..) => false,
        };
        let at = self.all.iter().position(is_it).unwrap_or_else(|| {
            self.all.push(match host.heap().pool().send(tensor) {
                Some((memory, offset)) => Found::OnDevice(memory, offset, tensor),
                None => Found::OnHost(tensor),
            });
            self.dims.push(tensor.dims());
            self.all.len() - 1
        });
        GroupOperand::Argument(at)
    }

    fn scalar(&mut self, bits: u64, elem: Elem) -> GroupOperand {
        let is_it = |found: &Found| matches!(found, Found::Scalar(b, e) if (*b, *e) == (bits, elem));
        let at = self.all.iter().position(is_it).unwrap_or_else(|| {
            self.all.push(Found::Scalar(bits, elem));
            self.dims.push(Dims::default());
            self.all.len() - 1
        });
        GroupOperand::Argument(at)
    }

    /// As a device is told of them; nothing where one is too large to be there.
    fn finished(&self) -> Vec<DeviceArg<'_>> {
        let each = self.all.iter().zip(&self.dims);
        each.map(|(found, dims)| match *found {
            Found::OnDevice(memory, offset, tensor) => {
                DeviceArg::Tensor(DeviceTensor { memory, offset, elem: tensor.elem(), dims })
            }
            Found::OnHost(tensor) => {
                // SAFETY: its elements are on the host, initialised, and written by nobody meanwhile.
                let bytes = unsafe { std::slice::from_raw_parts(tensor.data(), tensor.bytes()) };
                DeviceArg::Bytes { bytes, elem: tensor.elem(), dims }
            }
            // A byte is an i32 as a scalar.
            Found::Scalar(bits, elem) => DeviceArg::Scalar(bits, elem.scalar().unwrap_or(Type::I32)),
        })
        .collect()
    }
}

impl List {
    /// By operation, whether somebody needs its elements, if the end of the group reads those.
    fn needed(&self, read: &[Source]) -> Vec<bool> {
        let mut needed: Vec<bool> = self.members.iter().map(|m| m.claim.is_none()).collect();
        let need = |needed: &mut Vec<bool>, sources: &[Source]| {
            for source in sources {
                if let Source::Result(at) = *source {
                    needed[at] = true;
                }
            }
        };
        need(&mut needed, read);
        for (at, member) in self.members.iter().enumerate().rev() {
            if needed[at] {
                need(&mut needed, &member.sources[..member.count]);
            }
        }
        needed
    }

    /// Tensors that operations read and none of them computes.
    fn arguments(&self) -> impl Iterator<Item = TensorRef> {
        let sources = self.members.iter().flat_map(|m| &m.sources[..m.count]);
        sources.filter_map(|source| match *source {
            Source::Elements { tensor, .. } | Source::One { tensor, .. } => Some(tensor),
            Source::Broadcast(at) => Some(self.repeated[at].tensor),
            Source::Scalar(_) | Source::Result(_) => None,
        })
    }

    /// Makes the list one for the processor.
    pub(super) fn come_home(&mut self, host: &mut dyn OpHost) -> Result<(), TrapError> {
        for tensor in self.arguments() {
            host.heap().pool().bring_home(tensor, false)?;
        }
        for member in self.members.iter().filter(|m| m.claim.is_none()) {
            host.heap().pool().set_place_of(member.result, Place::Host);
        }
        self.is_for_device = false;
        Ok(())
    }

    /// Has the device compute all elements that somebody needs. What the reduction comes to, or any number where there is none;
    /// nothing if the processor has to do it.
    pub(super) fn run_on_device(
        &self,
        host: &mut dyn OpHost,
        end: Option<End<'_>>,
    ) -> Result<Option<u64>, TrapError> {
        let Some(device) = host.heap().pool().device.clone() else { return Ok(None) };
        let needed = self.needed(end.as_ref().map_or(&[], |end| end.read));
        if !needed.contains(&true) {
            return Ok(Some(0));
        }
        let mut args = Arguments::default();
        // By operation, its number among the steps.
        let mut numbers = Vec::with_capacity(self.members.len());
        let operand =
            |host: &mut dyn OpHost, args: &mut Arguments, numbers: &[usize], source: &Source, elem| {
                match *source {
                    Source::Elements { tensor, .. } | Source::One { tensor, .. } => args.tensor(host, tensor),
                    Source::Broadcast(at) => args.tensor(host, self.repeated[at].tensor),
                    Source::Scalar(bits) => args.scalar(bits, elem),
                    Source::Result(at) => GroupOperand::Step(numbers[at]),
                }
            };
        let (mut operands, mut steps) = (Vec::new(), 0);
        for (member, needed) in self.members.iter().zip(&needed) {
            numbers.push(steps);
            if *needed {
                steps += 1;
                let each = member.sources[..member.count].iter().zip(&member.of.from);
                operands.push(
                    each.map(|(source, elem)| operand(host, &mut args, &numbers, source, *elem))
                        .collect::<Vec<_>>(),
                );
            }
        }
        let read: Vec<GroupOperand> = match &end {
            Some(end) => end.read.iter().map(|s| operand(host, &mut args, &numbers, s, end.from)).collect(),
            None => Vec::new(),
        };
        let mut list = Vec::with_capacity(steps);
        // Results that are to lie where an argument does have other memory until all has been computed: after a
        // failure the processor needs the argument.
        let mut beside: Vec<(TensorRef, DeviceMemory)> = Vec::new();
        let give_back = |beside: &[(TensorRef, DeviceMemory)]| {
            for (_, memory) in beside {
                asked(|| device.free(*memory));
            }
        };
        let members = self.members.iter().zip(&needed).filter(|(_, needed)| **needed).map(|(m, _)| m);
        for (member, operands) in members.clone().zip(&operands) {
            let Some(called) = &member.called else {
                give_back(&beside);
                return Ok(None);
            };
            let to = match member.claim {
                Some(_) => None,
                None => {
                    let pool = host.heap().pool();
                    let in_place = self.arguments().any(|arg| pool.share_buffer(arg, member.result));
                    let memory = match in_place {
                        true => pool.memory_beside(member.result),
                        false => pool.memory_for(member.result),
                    };
                    let Some(memory) = memory else {
                        give_back(&beside);
                        return self.refused(host);
                    };
                    if in_place {
                        beside.push((member.result, memory));
                    }
                    Some(DeviceTensor { memory, offset: 0, elem: member.of.to, dims: &called.dims })
                }
            };
            let Called { operation, elems, dims } = called;
            let from = &member.of.from[..member.count];
            list.push(GroupStep { operation, elems, operands, from, elem: member.of.to, dims, to });
        }
        let outside = host.heap().interruption().clone();
        let must_stop = || outside.stopped_by().is_some();
        let args = args.finished();
        let mut group =
            DeviceGroup { args: &args, steps: &list, len: self.len as u64, end: None, must_stop: &must_stop };
        let mut slot = [MaybeUninit::new(0); 8];
        let done = match &end {
            None => asked(|| device.run_group(&group)).is_some_and(|done| done.is_ok()),
            Some(end) => asked(|| device.allocate(slot.len())).flatten().is_some_and(|memory| {
                let to = DeviceTensor { memory, offset: 0, elem: end.elem, dims: &[] };
                let End { operation, elems, from, .. } = *end;
                group.end = Some(GroupEnd { operation, elems, operands: &read, from, to });
                let done = asked(|| {
                    device.run_group(&group)?;
                    device.to_host(memory, &mut slot[..end.elem.size()])
                });
                if host.heap().has_secrets() {
                    asked(|| device.wipe(memory));
                }
                asked(|| device.free(memory));
                done.is_some_and(|done| done.is_ok())
            }),
        };
        if !done {
            give_back(&beside);
            return self.refused(host);
        }
        let pool = host.heap().pool();
        for (result, memory) in beside {
            pool.adopt(result, memory);
        }
        for member in members.filter(|m| m.claim.is_none()) {
            pool.is_on_device(member.result);
        }
        pool.counts.groups += 1;
        pool.counts.operations += steps as u64;
        if let Some(end) = &end {
            pool.counts.operations += 1;
            pool.counts.to_host += 1;
            pool.counts.bytes_to_host += end.elem.size() as u64;
        }
        host.poll()?;
        // SAFETY: all bytes were written, some of them by the device.
        Ok(Some(u64::from_le_bytes(slot.map(|byte| unsafe { byte.assume_init() }))))
    }

    /// Counts that the device has failed; it may have because the program has to stop.
    fn refused(&self, host: &mut dyn OpHost) -> Result<Option<u64>, TrapError> {
        host.heap().pool().counts.failed += 1;
        host.poll().map(|()| None)
    }
}
