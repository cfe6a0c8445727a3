//! Stacks of matrices: the last two dims of a tensor are a matrix each, those before them count matrices.
//!
//! Invariant: which matrix is worked on when, and where, never changes a bit: each is one's alone, in memory
//! of its own. How much memory that is follows from the dims, not from the number of cores.

use crate::object::Element;
use crate::op::work::{Leave, position};
use crate::op::{OpCall, OpHost, shape_mismatch};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::shape::broadcast;
use nbc_ir::catalogue::{CATALOGUE, Work};
use nbc_ir::dims::Dims;
use nbc_numerics::linalg::{Fault, Field, Room};
use std::mem::MaybeUninit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) type Done = Result<(), TrapError>;

/// Elements with which there are matrices of every kind.
pub(super) trait Entry: Field<Part: Element, Whole: Element> + Element {}
impl<T: Field<Part: Element, Whole: Element> + Element> Entry for T {}

/// As many of them are worked on at a time at most,
const AT_A_TIME: usize = 16;
/// if that takes no more bytes than this.
const SPACE: usize = 4 << 20;
/// Operations on numbers between two questions to the host: about a millisecond.
const BETWEEN_POLLS: u64 = 1 << 21;

/// What the operation at hand is called.
pub(super) fn name(call: &mut OpCall<'_>) -> &'static str {
    let operation = call.host.heap().placing().at_hand.operation as usize;
    CATALOGUE.get(operation).map_or("", |row| row.name)
}

/// The matrices of an argument.
#[derive(Clone, Copy)]
pub(super) struct Stack {
    /// The argument's dims,
    pub(super) dims: Dims,
    /// those that count matrices,
    pub(super) lead: Dims,
    /// and how many that are.
    pub(super) count: usize,
    /// Rows of each.
    pub(super) m: usize,
    /// Columns of each.
    pub(super) n: usize,
}

impl Stack {
    /// Those of argument `at`.
    pub(super) fn of(call: &mut OpCall<'_>, at: usize) -> Result<Stack, TrapError> {
        let dims = call.tensor(at).dims();
        let [lead @ .., m, n] = &*dims else {
            let text = format!("{} wants matrices, found dims {dims}: reshape it", name(call));
            return Err(TrapError::new(TrapCode::RankMismatch, text));
        };
        let lead = Dims::new(lead).expect("fewer dims than a tensor's");
        let count = lead.count().unwrap_or(u64::MAX) as usize;
        Ok(Stack { dims, lead, count, m: *m as usize, n: *n as usize })
    }

    /// Those of argument `at`, which have to be square.
    pub(super) fn square(call: &mut OpCall<'_>, at: usize) -> Result<Stack, TrapError> {
        let stack = Stack::of(call, at)?;
        if stack.m == stack.n {
            return Ok(stack);
        }
        let text = format!("{} wants square matrices, found dims {}", name(call), stack.dims);
        Err(TrapError::new(TrapCode::ShapeMismatch, text))
    }

    /// The smaller of rows and columns.
    pub(super) fn size(&self) -> usize {
        self.m.min(self.n)
    }

    /// Dims of as many results, each of these.
    pub(super) fn with(&self, last: &[usize]) -> Result<Dims, TrapError> {
        with_last(&self.lead, last)
    }
}

/// `lead` and the dims `last` behind it.
pub(super) fn with_last(lead: &Dims, last: &[usize]) -> Result<Dims, TrapError> {
    let all: Vec<u64> = lead.iter().copied().chain(last.iter().map(|d| *d as u64)).collect();
    Dims::new(&all).ok_or_else(|| {
        TrapError::new(
            TrapCode::InvalidArgument,
            format!("the result has {} dims; a tensor has at most 8", all.len()),
        )
    })
}

/// Two stacks of which one is repeated along the other, as NumPy broadcasts.
pub(super) struct Paired {
    /// The dims that count pairs,
    pub(super) lead: Dims,
    /// and how many there are.
    pub(super) count: usize,
    own: [Dims; 2],
}

impl Paired {
    pub(super) fn new(call: &mut OpCall<'_>, a: &Dims, b: &Dims) -> Result<Paired, TrapError> {
        let lead = broadcast(&[*a, *b]).map_err(|_| {
            shape_mismatch(&format!("{}: the dims before the matrices do not go together", name(call)), a, b)
        })?;
        Ok(Paired { lead, count: lead.count().unwrap_or(u64::MAX) as usize, own: [*a, *b] })
    }

    /// Which matrix of the first or second stack belongs to pair `at`.
    pub(super) fn of(&self, which: usize, at: usize) -> usize {
        let own = &self.own[which];
        if *own == self.lead {
            return at;
        }
        let (mut left, mut place, mut step) = (at, 0, 1);
        for (n, dim) in self.lead.iter().enumerate().rev() {
            let index = left % (*dim).max(1) as usize;
            left /= (*dim).max(1) as usize;
            let Some(n) = (n + own.len()).checked_sub(self.lead.len()) else { break };
            if own[n] != 1 {
                place += index * step;
            }
            step *= own[n] as usize;
        }
        place
    }
}

/// A result of the operation, of which the matrices are written one by one. All elements are zero at first.
pub(super) struct Made<T> {
    slot: u64,
    start: *mut T,
    each: usize,
    len: usize,
}

// SAFETY: parts of it are only handed out as `Made::of` says, and elements may be sent.
unsafe impl<T: Send> Sync for Made<T> {}

impl<T: Element + Send> Made<T> {
    /// Makes the result, which is charged for, `count` parts of it.
    pub(super) fn new(call: &mut OpCall<'_>, dims: &Dims, count: usize) -> Result<Made<T>, TrapError> {
        let out = call.output_charged::<T>(dims)?;
        crate::op::work::fill(&mut *call.host, &mut *out.elements, 1, |_, piece| {
            piece.fill(MaybeUninit::new(T::ZERO));
        })?;
        let len = out.elements.len();
        let each = len.checked_div(count).unwrap_or(0);
        Ok(Made { slot: out.tensor.slot(), start: out.elements.as_mut_ptr().cast(), each, len })
    }

    /// Part number `at`.
    ///
    /// # Safety
    /// No other reference to that part may be in use.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn of(&self, at: usize) -> &mut [T] {
        assert!((at + 1) * self.each <= self.len);
        // SAFETY: it lies in the result, all of whose elements have been written; the rest is upheld
        // by the caller.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(at * self.each), self.each) }
    }

    /// Makes it result number `n` of the call.
    pub(super) fn finish(self, call: &mut OpCall<'_>, n: usize) {
        call.set_as(n, self.slot);
    }
}

/// Charges for so much arithmetic in all, the arguments and so many bytes of results.
pub(super) fn charge(call: &mut OpCall<'_>, flops: u64, results: u64) -> Done {
    let (mut bytes, mut elements) = (results, 0);
    for at in 0..call.args.len() {
        if matches!(call.arg_types[at], nbc_ir::Type::Tensor(_)) {
            bytes = bytes.saturating_add(call.tensor(at).bytes() as u64);
            elements = elements.max(call.tensor(at).len() as u64);
        }
    }
    call.charge_work(elements, Work { flops, bytes })
}

/// `a`·`b`·… as far as a number goes.
pub(super) fn times(numbers: &[usize]) -> u64 {
    numbers.iter().fold(1u64, |all, n| all.saturating_mul(*n as u64))
}

/// Traps unless all elements of argument `at` are finite: what iterates comes to no end else, or to a wrong one.
pub(super) fn finite<T: Entry>(call: &mut OpCall<'_>, at: usize) -> Done {
    let all = call.input::<T>(at);
    let Some(place) = position(&mut *call.host, all, |x| !Field::finite(*x))? else { return Ok(()) };
    let dims = call.tensor(at).dims();
    let text = format!(
        "{} wants finite elements; argument {at} of dims {dims} has NaN or infinity as its element {place}",
        name(call)
    );
    Err(TrapError::new(TrapCode::InvalidArgument, text))
}

/// What there is to do of each of `count` matrices.
pub(super) struct Job {
    pub(super) count: usize,
    /// Operations on numbers that one takes, about.
    pub(super) flops: u64,
    /// Bytes to work in, for one.
    pub(super) room: usize,
    /// Dims of the argument, for messages.
    pub(super) dims: Dims,
}

/// Does `one` to each matrix, many at a time where that pays. The trap is that of the first that has none.
pub(super) fn each(
    call: &mut OpCall<'_>,
    job: &Job,
    one: &(dyn Fn(usize, Room<'_>) -> Result<(), Fault> + Sync),
) -> Done {
    if job.count == 0 {
        return Ok(());
    }
    let fault = match (job.room, job.count) {
        (0, 1) => one(0, &mut []).err().map(|fault| (0, fault)),
        (0, _) => run(call, job, one)?,
        _ => {
            let mut fault = None;
            let work = |call: &mut OpCall<'_>| {
                fault = run(call, job, one)?;
                Ok(())
            };
            // SAFETY: nothing that is made in there is used behind it.
            unsafe { call.with_working_space(work)? };
            fault
        }
    };
    fault.map_or(Ok(()), |(at, fault)| Err(trap(call, job, at, fault)))
}

/// [`each`], and the first fault.
fn run(
    call: &mut OpCall<'_>,
    job: &Job,
    one: &(dyn Fn(usize, Room<'_>) -> Result<(), Fault> + Sync),
) -> Result<Option<(usize, Fault)>, TrapError> {
    // Rooms begin a cache line apart.
    let room = job.room.saturating_add(63) & !63;
    let most = if room == 0 { AT_A_TIME } else { (SPACE / room).clamp(1, AT_A_TIME) };
    let workers = job.count.min(most);
    let rooms = Rooms { start: call.host.heap().scratch(room.saturating_mul(workers))?.as_ptr(), room };
    let range = |w: usize| w * job.count / workers..(w + 1) * job.count / workers;
    let stretch = (BETWEEN_POLLS / job.flops.max(1)).max(1) as usize;
    if workers > 1 {
        let placing = call.host.heap().placing();
        let load = placing.load(job.count as f64 * job.flops as f64 * placing.rates().unit);
        let placed = placing.place(load);
        if let Some(threads) = &placed.threads {
            let leave = Leave::of(&mut *call.host);
            let first = Mutex::new(None::<(usize, Fault)>);
            let stop = AtomicBool::new(false);
            threads.each(0..workers, |w| {
                // SAFETY: each worker has a number of its own.
                let room = unsafe { rooms.of(w) };
                for (n, at) in range(w).enumerate() {
                    if n % stretch == 0 && (stop.load(Ordering::Relaxed) || !leave.go_on()) {
                        stop.store(true, Ordering::Relaxed);
                        return;
                    }
                    if let Err(fault) = one(at, room) {
                        let mut first = first.lock().unwrap_or_else(|e| e.into_inner());
                        if first.is_none_or(|(before, _)| at < before) {
                            *first = Some((at, fault));
                        }
                        return;
                    }
                }
            });
            leave.granted()?;
            call.host.heap().placing().done(placed);
            return Ok(first.into_inner().unwrap_or_else(|e| e.into_inner()));
        }
        let fault = one_by_one(&mut *call.host, job.count, stretch, &rooms, one)?;
        call.host.heap().placing().done(placed);
        return Ok(fault);
    }
    one_by_one(&mut *call.host, job.count, stretch, &rooms, one)
}

fn one_by_one(
    host: &mut dyn OpHost,
    count: usize,
    stretch: usize,
    rooms: &Rooms,
    one: &(dyn Fn(usize, Room<'_>) -> Result<(), Fault> + Sync),
) -> Result<Option<(usize, Fault)>, TrapError> {
    for at in 0..count {
        if at % stretch == 0 {
            host.poll()?;
        }
        // SAFETY: nobody else has it.
        if let Err(fault) = one(at, unsafe { rooms.of(0) }) {
            return Ok(Some((at, fault)));
        }
    }
    Ok(None)
}

/// Memory that matrices are worked on in.
struct Rooms {
    start: *mut u8,
    room: usize,
}

// SAFETY: parts of it are only handed out as `Rooms::of` says.
unsafe impl Sync for Rooms {}

impl Rooms {
    /// That of worker `w`.
    ///
    /// # Safety
    /// It has to be one of those that there is memory for, and no other reference to its room in use.
    #[allow(clippy::mut_from_ref)]
    unsafe fn of(&self, w: usize) -> &mut [MaybeUninit<u8>] {
        // SAFETY: upheld by the caller.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(w * self.room).cast(), self.room) }
    }
}

/// The trap of matrix `at`.
#[cold]
fn trap(call: &mut OpCall<'_>, job: &Job, at: usize, fault: Fault) -> TrapError {
    let name = name(call);
    let which = if job.count > 1 {
        format!("matrix {at} of dims {}", job.dims)
    } else {
        format!("the matrix of dims {}", job.dims)
    };
    let (code, text) = match fault {
        Fault::Singular(row) => (
            TrapCode::Singular,
            format!(
                "{name}: {which} is singular, its pivot {row} is zero; linalg.lstsq and linalg.pinv do without an inverse"
            ),
        ),
        Fault::NotPositiveDefinite(rows) => (
            TrapCode::NotPositiveDefinite,
            format!("{name}: {which} is not positive definite, its leading {rows} rows and columns are not"),
        ),
        Fault::NoConvergence => {
            (TrapCode::NoConvergence, format!("{name}: the iteration on {which} has not converged"))
        }
    };
    TrapError::new(code, text)
}
