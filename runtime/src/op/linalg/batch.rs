//! Work on the matrices of a stack, one by one or many at a time.
//!
//! Invariant: which matrix is worked on when, and where, never changes a bit: each is one's alone, in memory
//! of its own. How much memory that is follows from the dims, not from the number of cores. A matrix that is
//! worked on alone may be shared by a crew, which changes no bit either.

use super::stack::Done;
use crate::object::Element;
use crate::op::work::{Leave, position};
use crate::op::{OpCall, OpHost};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::dims::Dims;
use nbc_numerics::linalg::{Ask, Crew, Fault, Field, Room};
use std::mem::MaybeUninit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Elements with which there are matrices of every kind.
pub(super) trait Entry: Field<Part: Element, Whole: Element> + Element {}
impl<T: Field<Part: Element, Whole: Element> + Element> Entry for T {}

/// As many of them are worked on at a time at most,
const AT_A_TIME: usize = 16;
/// if that takes no more bytes than this.
const SPACE: usize = 4 << 20;
/// Operations on numbers between two questions to the host: about a millisecond.
const BETWEEN_POLLS: u64 = 1 << 21;

/// Traps unless all elements of argument `at` are finite: what iterates comes to no end else, or to a wrong one.
pub(super) fn finite<T: Entry>(call: &mut OpCall<'_>, at: usize) -> Done {
    let all = call.input::<T>(at);
    let Some(place) = position(&mut *call.host, all, |x| !Field::finite(*x))? else { return Ok(()) };
    let dims = call.tensor(at).dims();
    let text = format!(
        "{} wants finite elements; argument {at} of dims {dims} has NaN or infinity as its element {place}",
        call.name()
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
    /// Multiplications of f64 in a product that one operation takes as long as, where several cores may share a
    /// matrix.
    pub(super) shared: Option<f64>,
}

/// [`Job::shared`] for numbers of type T, where so many multiplications go with an operation.
pub(super) fn products<T: Entry>(times: f64) -> Option<f64> {
    Some(times * super::gemm::weight::<T>())
}

/// What is done to one matrix.
pub(super) type One<'a> = &'a (dyn Fn(usize, Room<'_>, Crew<'_>) -> Result<(), Fault> + Sync);

/// Does `one` to each matrix, many at a time where that pays. The trap is that of the first that has none.
pub(super) fn each(call: &mut OpCall<'_>, job: &Job, one: One<'_>) -> Done {
    if job.count == 0 {
        return Ok(());
    }
    let fault = match (job.room, job.count) {
        (0, 1) => one(0, &mut [], Crew::alone(&|| Ok(()))).err().map(|fault| (0, fault)),
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
fn run(call: &mut OpCall<'_>, job: &Job, one: One<'_>) -> Result<Option<(usize, Fault)>, TrapError> {
    let leave = Leave::of(&mut *call.host);
    let fault = run_with(call, job, one, &leave)?;
    leave.granted()?;
    Ok(fault)
}

fn run_with(
    call: &mut OpCall<'_>,
    job: &Job,
    one: One<'_>,
    leave: &Leave,
) -> Result<Option<(usize, Fault)>, TrapError> {
    let ask: Ask<'_> = &|| if leave.go_on() { Ok(()) } else { Err(Fault::Stopped) };
    // Rooms begin a cache line apart.
    let room = job.room.saturating_add(63) & !63;
    let most = SPACE.checked_div(room).unwrap_or(AT_A_TIME).clamp(1, AT_A_TIME);
    let workers = job.count.min(most);
    let rooms = Rooms { start: call.host.heap().scratch(room.saturating_mul(workers))?.as_ptr(), room };
    let range = |w: usize| w * job.count / workers..(w + 1) * job.count / workers;
    let stretch = (BETWEEN_POLLS / job.flops.max(1)).max(1) as usize;
    if workers > 1 {
        let placing = call.host.heap().placing();
        let load = placing.load(job.count as f64 * job.flops as f64 * placing.rates().unit);
        let placed = placing.place(load);
        if let Some(threads) = &placed.threads {
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
                    if let Err(fault) = one(at, room, Crew::alone(ask)) {
                        let mut first = first.lock().unwrap_or_else(|e| e.into_inner());
                        if first.is_none_or(|(before, _)| at < before) {
                            *first = Some((at, fault));
                        }
                        return;
                    }
                }
            });
            call.host.heap().placing().done(placed);
            return Ok(first.into_inner().unwrap_or_else(|e| e.into_inner()));
        }
        let alone = |at, room: Room<'_>, _: &mut dyn OpHost| one(at, room, Crew::alone(ask));
        let fault = one_by_one(&mut *call.host, job.count, stretch, &rooms, &alone)?;
        call.host.heap().placing().done(placed);
        return Ok(fault);
    }
    let by_crew = |at, room: Room<'_>, host: &mut dyn OpHost| by_crew(host, job, one, ask, (at, room));
    one_by_one(&mut *call.host, job.count, stretch, &rooms, &by_crew)
}

/// Does `one` to a matrix, on one core or on those that share it.
fn by_crew(
    host: &mut dyn OpHost,
    job: &Job,
    one: One<'_>,
    ask: Ask<'_>,
    (at, room): (usize, Room<'_>),
) -> Result<(), Fault> {
    let Some(shared) = job.shared else { return one(at, room, Crew::alone(ask)) };
    let placing = host.heap().placing();
    let load = placing.load(job.flops as f64 * shared * placing.rates().product);
    let placed = placing.place(load);
    match &placed.threads {
        None => one(at, room, Crew::alone(ask))?,
        Some(threads) => {
            let share = |count: usize, work: &(dyn Fn(usize) + Sync)| threads.each(0..count, work);
            threads.run(|| one(at, room, Crew::of(ask, &share)))?;
        }
    }
    host.heap().placing().done(placed);
    Ok(())
}

/// What is done to one matrix here, where the host can be asked.
type Here<'a> = &'a dyn Fn(usize, Room<'_>, &mut dyn OpHost) -> Result<(), Fault>;

fn one_by_one(
    host: &mut dyn OpHost,
    count: usize,
    stretch: usize,
    rooms: &Rooms,
    one: Here<'_>,
) -> Result<Option<(usize, Fault)>, TrapError> {
    for at in 0..count {
        if at % stretch == 0 {
            host.poll()?;
        }
        // SAFETY: nobody else has it.
        if let Err(fault) = one(at, unsafe { rooms.of(0) }, host) {
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
    let name = call.name();
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
        Fault::NotReal => (
            TrapCode::InvalidArgument,
            format!(
                "{name}: the result of {which} is complex, as an eigenvalue is negative; give it complex elements"
            ),
        ),
        Fault::TooLarge => (
            TrapCode::InvalidArgument,
            format!("{name}: {which} has elements so large that no digit of the result would be right"),
        ),
        Fault::Stopped => return TrapCode::Interrupted.into(),
        Fault::NoConvergence => {
            (TrapCode::NoConvergence, format!("{name}: the iteration on {which} has not converged"))
        }
    };
    TrapError::new(code, text)
}
