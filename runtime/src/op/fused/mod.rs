//! Groups of operations that make one pass over memory, as they run.
//!
//! The [plan](crate::plan::fusion) says which operations may be deferred. One that is has done everything
//! that can be observed, in its own place: shapes are checked, fuel and memory are
//! charged, and its result is there, but for the elements. What they are computed from waits in a list ([`Deferred`]).
//! The last operation of the group has the list run as one [pass] over blocks that stay in the cache. So there is
//! one way to compute elements, one to charge for them, and tiers know nothing of all this.
//!
//! Operations go together that have results of as many elements. Where the next has another number, what
//! waits is computed first ([`settle`]). Results of few elements are not worth it.
//!
//! Where a device runs groups, a list is for it or for the processor: [`on_device`].
//!
//! Invariant: outside of a group the list is empty. A trap between the first and the last operation leaves
//! results behind that nobody can see, and [`Deferred::forget`] empties the list.

mod chain;
mod linking;
mod on_device;
mod pass;
mod registers;

use super::broadcast::Plan;
use super::elementwise::Operand;
use super::loops::{Elementwise, MOST};
use super::simd::{self, Width};
use super::{OpCall, OpHost};
use crate::object::{Storage, TensorRef};
use crate::plan::Role;
use crate::region::pool::{Claim, MEDIUM};
use crate::trap::TrapError;
use nbc_ir::catalogue::Extent;
use nbc_ir::dims::Dims;
use on_device::Called;
pub(super) use on_device::{Joins, Next, before_kernel, end as end_on_device};
pub(super) use pass::Pass;

/// Results of fewer elements are not worth a pass. With 1024, five operations of doubles gain a little by one, and
/// two take half as long again. From here on five gain more than two lose.
pub const FEW: usize = 1536;

/// Where an argument's elements come from.
#[derive(Clone, Copy)]
enum Source {
    /// From a tensor with as many elements as the results.
    Elements { data: *const u8, size: usize, tensor: TensorRef },
    /// There is one for all.
    One { data: *const u8, tensor: TensorRef },
    /// It is a scalar.
    Scalar(u64),
    /// From a tensor that is broadcast, by its number in the list.
    Broadcast(usize),
    /// They are the result of an operation of the list.
    Result(usize),
}

/// A tensor that is broadcast.
struct Repeated {
    tensor: TensorRef,
    data: *const u8,
    size: usize,
    bytes: usize,
    plan: Plan<1>,
}

/// An operation whose result's elements are still to be computed.
struct Member {
    of: Elementwise,
    sources: [Source; MOST],
    count: usize,
    result: TensorRef,
    /// What is charged for its elements, if there is no memory for them yet.
    claim: Option<Claim>,
    /// Whether nobody sees the result behind those of the list that read it.
    is_dead: bool,
    /// What a device has to know of it besides; none of a list for the processor.
    called: Option<Called>,
}

/// Operations that have been deferred.
#[derive(Default)]
struct List {
    members: Vec<Member>,
    repeated: Vec<Repeated>,
    /// Arguments that have died, in whose memory a result may be.
    spendable: Vec<TensorRef>,
    /// Elements of each result; of no meaning where there is none.
    len: usize,
    /// Whether the device is to compute them: arguments have not been brought home then.
    is_for_device: bool,
    /// Memory of former passes, for the next.
    steps: pass::Steps,
}

/// Operations of an instance that have been deferred.
pub struct Deferred {
    /// None before the first, and while it is being worked at.
    list: Option<Box<List>>,
    /// Results of fewer elements are computed at once.
    few: usize,
    /// The instructions that chains are computed with.
    width: Width,
}

impl Default for Deferred {
    fn default() -> Deferred {
        Deferred::of(FEW)
    }
}

impl Deferred {
    /// None, where results of fewer than `few` elements are not.
    pub fn of(few: usize) -> Deferred {
        Deferred { list: None, few: few.max(1), width: simd::width() }
    }

    /// The same with other instructions, which the machine has.
    #[cfg(test)]
    pub(super) fn with_width(self, width: Width) -> Deferred {
        Deferred { width, ..self }
    }

    /// Forgets what is still to be computed: nobody can see it any more.
    pub fn forget(&mut self) {
        if let Some(list) = &mut self.list {
            list.forget();
        }
    }

    /// Elements of each result that is still to be computed; none if there is no such result.
    fn len(&self) -> Option<usize> {
        self.list.as_ref().filter(|list| !list.members.is_empty()).map(|list| list.len)
    }

    /// The list, to be worked at.
    fn take(&mut self) -> Box<List> {
        self.list.take().unwrap_or_default()
    }
}

impl List {
    /// Forgets all.
    fn forget(&mut self) {
        self.members.clear();
        self.repeated.clear();
        self.spendable.clear();
    }

    /// The operation of which `tensor` is the result.
    fn find(&self, tensor: TensorRef) -> Option<usize> {
        self.members.iter().rposition(|m| m.result == tensor)
    }

    /// Where an operand's elements come from.
    fn source(&mut self, operand: &Operand, dims: &Dims) -> Source {
        let Some(tensor) = operand.tensor else {
            // SAFETY: the operand of a call that is running is one of its slots.
            return Source::Scalar(unsafe { operand.data.cast::<u64>().read() });
        };
        let &Operand { data, len, size, .. } = operand;
        match self.find(tensor) {
            Some(at) => Source::Result(at),
            None if len == self.len => Source::Elements { data, size, tensor },
            None if len == 1 => Source::One { data, tensor },
            None => {
                let plan = Plan::new([&operand.dims], dims);
                self.repeated.push(Repeated { tensor, data, size, bytes: len * size, plan });
                Source::Broadcast(self.repeated.len() - 1)
            }
        }
    }

    /// Whether results of as many bytes may be written where the elements of `old` are: whatever
    /// reads those reads the elements of a block before it is written.
    fn may_be_written(&self, old: TensorRef) -> bool {
        let start = old.data().addr();
        let end = start + old.bytes();
        let overlaps = |data: *const u8, bytes: usize| data.addr() < end && start < data.addr() + bytes;
        let reads_only_its_place = |source: &Source| match *source {
            Source::Elements { data, size, .. } => data.addr() == start || !overlaps(data, size * self.len),
            // A complex number is the longest.
            Source::One { data, .. } => !overlaps(data, 16),
            Source::Broadcast(at) => !overlaps(self.repeated[at].data, self.repeated[at].bytes),
            Source::Scalar(_) | Source::Result(_) => true,
        };
        self.members.iter().all(|m| m.sources[..m.count].iter().all(reads_only_its_place))
    }
}

/// Whether the operation has been deferred, or has computed what was with its own: then all is done. Else it
/// is to run alone, its arguments being there, and `operands` say where.
#[inline]
pub(super) fn joins(
    call: &mut OpCall<'_>,
    of: &Elementwise,
    operands: &mut [Operand],
    dims: &Dims,
) -> Result<bool, TrapError> {
    if call.plan.role == Role::Alone { Ok(false) } else { join(call, of, operands, dims) }
}

/// Whether an operation with results of `len` elements may join what waits, or be the first of that.
#[inline]
pub(super) fn may_join(call: &mut OpCall<'_>, len: usize) -> bool {
    if call.plan.role == Role::Alone {
        return false;
    }
    let deferred = call.host.deferred();
    deferred.len().is_some() || (call.plan.role != Role::Last && len >= deferred.few)
}

fn join(
    call: &mut OpCall<'_>,
    of: &Elementwise,
    operands: &mut [Operand],
    dims: &Dims,
) -> Result<bool, TrapError> {
    let len = dims.count().and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let is_last = call.plan.role == Role::Last;
    if call.host.deferred().len().is_some_and(|waits| waits != len) {
        settle(call)?;
        // An argument that waited had no memory when it was looked at.
        operands.iter_mut().for_each(Operand::find_again);
    }
    let deferred = call.host.deferred();
    if deferred.len().is_none() && (is_last || len < deferred.few) {
        return Ok(false);
    }
    call.charge(Extent::new(dims, of.to.size()))?;
    let mut list = call.host.deferred().take();
    if list.members.is_empty() {
        list.is_for_device = call.joins == Joins::Device;
    }
    list.len = len;
    let mut done = add(call, &mut list, of, operands, dims);
    if is_last && done.is_ok() {
        done = list.run(call.host);
        list.forget();
    }
    call.host.deferred().list = Some(list);
    done.map(|()| true)
}

/// Makes the result of an operation that is charged for, and adds it to the list.
fn add(
    call: &mut OpCall<'_>,
    list: &mut List,
    of: &Elementwise,
    operands: &[Operand],
    dims: &Dims,
) -> Result<(), TrapError> {
    let operation = call.host.heap().placing().at_hand.operation as usize;
    let (mut sources, count) = ([Source::Scalar(0); MOST], operands.len());
    for (source, operand) in sources.iter_mut().zip(operands) {
        *source = list.source(operand, dims);
    }
    for at in call.plan.dying.iter() {
        match sources[at] {
            Source::Result(member) => list.members[member].is_dead = true,
            _ if call.plan.in_place => list.spendable.push(call.tensor(at)),
            _ => {}
        }
    }
    // A device was to compute it alone, and has failed: the result is there, and has been charged for.
    if let Some(result) = call.prepared.take() {
        let (of, is_dead, called) = (*of, false, None);
        list.members.push(Member { of, sources, count, result, claim: None, is_dead, called });
        call.set(result.slot());
        return Ok(());
    }
    // What is small lies behind its header.
    let is_small = list.len * of.to.size() < MEDIUM;
    let kept = call.plan.role != Role::Deferred { kept: false } || is_small;
    let heap = call.host.heap();
    // For what reads the arguments now is in the list too.
    let called = list.is_for_device.then(|| Called::new(operation, call.elems, dims));
    let member = |result, claim| {
        let called = called.clone();
        Member { of: *of, sources, count, result, claim, is_dead: false, called }
    };
    if !kept {
        // SAFETY: as the plan says, nobody looks at the elements but who reads them in the list. If
        // that is settled before its end, the tensor is backed.
        let (result, claim) = unsafe { heap.deferred(of.to, dims)? };
        list.members.push(member(result, Some(claim)));
        call.set(result.slot());
        return Ok(());
    }
    // A place for the result's reads, while one for its elements is looked for.
    list.members.push(member(TensorRef(std::ptr::null_mut()), None));
    let fits = |old: &TensorRef| {
        old.bytes() == of.to.size() * list.len && heap.may_be_taken_over(*old) && list.may_be_written(*old)
    };
    let found = list.spendable.iter().rposition(fits);
    let result = match found {
        // SAFETY: the argument has died, as the plan says. What reads its elements is in the list, and reads
        // each before the result's of its place is written.
        Some(at) => unsafe {
            let old = list.spendable.swap_remove(at);
            let place = heap.pool().place_of(old);
            let result = heap.tensor_over(old, of.to, dims)?;
            // Until it is computed, the argument's elements are where they were.
            if let Some(place) = place.filter(|_| list.is_for_device) {
                heap.pool().set_place_of(result, place);
            }
            result
        },
        // SAFETY: the pass writes all elements, before which nobody looks at them, as the plan says.
        None => unsafe { heap.uninit(of.to, dims)? },
    };
    list.members.last_mut().expect("just pushed").result = result;
    call.set(result.slot());
    Ok(())
}

/// Computes all that is deferred, so that results can be read that are still to be.
pub(super) fn settle(call: &mut OpCall<'_>) -> Result<(), TrapError> {
    let mut list = call.host.deferred().take();
    let done = back_all(call, &mut list).and_then(|()| list.run(call.host));
    list.forget();
    call.host.deferred().list = Some(list);
    done
}

/// Gives memory to the results that somebody will read who is not in the list.
fn back_all(call: &mut OpCall<'_>, list: &mut List) -> Result<(), TrapError> {
    for member in list.members.iter_mut().filter(|m| !m.is_dead) {
        if let Some(claim) = member.claim.take() {
            debug_assert_eq!(member.result.storage(), Storage::Deferred);
            // SAFETY: the claim is the tensor's. In a group no object leaves its region.
            unsafe { call.host.heap().back(member.result, claim)? };
        }
    }
    Ok(())
}

/// Sees to it that the elements of argument `at` have been computed. It is for who looks at them
/// before it is known whether the operation joins what waits.
pub(super) fn needs(call: &mut OpCall<'_>, at: usize) -> Result<(), TrapError> {
    if call.plan.role == Role::Alone || !matches!(call.arg_types[at], nbc_ir::Type::Tensor(_)) {
        return Ok(());
    }
    let tensor = call.tensor(at);
    let waits = call.host.deferred().list.as_ref().is_some_and(|list| list.find(tensor).is_some());
    if waits {
        settle(call)?;
        // A device may have computed them.
        call.host.heap().bring_home(tensor, false)?;
    }
    Ok(())
}

/// A reduction at the end of a group, that is handed the elements of its arguments as they are computed.
pub(super) struct Ending {
    list: Box<List>,
    read: [Source; 2],
}

/// The reduction of `call` as the end of what waits, if it reads a result of that. Else its arguments are there.
pub(super) fn ending(call: &mut OpCall<'_>) -> Result<Option<Ending>, TrapError> {
    if call.plan.role != Role::Last || call.host.deferred().len().is_none() {
        return Ok(None);
    }
    let mut list = call.host.deferred().take();
    let read = [0, call.args.len() - 1].map(|at| {
        let tensor = call.tensor(at);
        let operand = Operand::of(call, at, tensor.elem());
        (operand.len == list.len).then(|| list.source(&operand, &operand.dims))
    });
    if let [Some(a), Some(b)] = read
        && read.iter().flatten().any(|s| matches!(s, Source::Result(_)))
    {
        return Ok(Some(Ending { list, read: [a, b] }));
    }
    call.host.deferred().list = Some(list);
    settle(call).map(|()| None)
}

impl Ending {
    /// Elements of each argument.
    pub(super) fn len(&self) -> usize {
        self.list.len
    }

    /// Runs `reduce` with the pass that hands it elements, and the work for each of those.
    pub(super) fn run<R>(
        mut self,
        host: &mut dyn OpHost,
        reduce: impl FnOnce(&mut dyn OpHost, &Pass<'_>) -> Result<R, TrapError>,
    ) -> Result<R, TrapError> {
        let mut steps = std::mem::take(&mut self.list.steps);
        let width = host.deferred().width;
        let pass = self.list.pass(&mut steps, &self.read, width);
        pass.is_at_hand(host, self.list.len);
        let reduced = reduce(host, &pass);
        self.list.steps = steps;
        self.list.forget();
        host.deferred().list = Some(self.list);
        reduced
    }
}
