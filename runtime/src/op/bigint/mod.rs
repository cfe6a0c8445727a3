//! Integers of any size, and rows of limbs: a file for what makes them, for arithmetic, for numbers and moduli, and for rows.
//!
//! What is computed is in [`nbc_numerics::bigint`], on magnitudes; here signs are seen to, work is charged from lengths
//! alone, and room is taken before anything begins. Whatever is long asks for leave to go on by a [`Pace`].
//!
//! Invariant: a result has at most [`MOST`] limbs, so that one pass over a number is no more than some milliseconds.

mod arithmetic;
mod convert;
mod limbs;
mod moduli;

pub(super) use arithmetic::*;
pub(super) use convert::*;
pub(super) use limbs::*;
pub(super) use moduli::*;

use super::OpCall;
use super::offer::Charge;
use super::sort::space;
use super::work::Leave;
use crate::object::BigIntRef;
use crate::object::bigint::MOST;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_ir::catalogue::Work;
use nbc_numerics::bigint::{Halt, Pace};

pub(super) type Done = Result<(), TrapError>;

/// An argument: its sign and magnitude.
#[derive(Clone, Copy)]
struct Int<'a> {
    negative: bool,
    limbs: &'a [u64],
}

impl<'a> OpCall<'a> {
    /// Argument `at`, a big integer.
    fn integer(&self, at: usize) -> Int<'a> {
        of_ref(self.bigint(at))
    }
}

fn of_ref<'a>(from: BigIntRef) -> Int<'a> {
    // SAFETY: arguments live as long as the operation and are never written; programs have none that is not sealed.
    Int { negative: from.is_negative(), limbs: unsafe { from.limbs() } }
}

/// So many products of limbs over so many limbs, as they are charged.
fn work_of(steps: u64, limbs: usize) -> Charge {
    let bytes = (limbs as u64).saturating_mul(8);
    (limbs as u64, Work { flops: steps.saturating_mul(2), bytes })
}

/// Charges for that.
fn charge(call: &mut OpCall<'_>, steps: u64, limbs: usize) -> Done {
    let (limbs, work) = work_of(steps, limbs);
    call.charge_work(limbs, work)
}

/// Runs `work` by a pace that asks this instance.
fn paced<R>(call: &mut OpCall<'_>, work: impl FnOnce(&Pace<'_>) -> Result<R, Halt>) -> Result<R, TrapError> {
    let leave = Leave::of(call.host);
    let done = work(&Pace::new(&|| leave.go_on()));
    match done {
        Ok(done) => Ok(done),
        Err(Halt::Refused) => Err(leave.granted().err().unwrap_or(TrapCode::Interrupted.into())),
        Err(Halt::Room) => Err(TrapError::new(TrapCode::OutOfMemory, "more room than was foreseen")),
    }
}

/// Whether a result may have so many limbs.
fn check_size(call: &mut OpCall<'_>, limbs: Option<usize>) -> Result<usize, TrapError> {
    match limbs {
        // A product may have one less than its factors together.
        Some(limbs) if limbs <= MOST + 2 => Ok(limbs),
        _ => {
            let name = call.name();
            let text =
                format!("{name}: the result would have more than 2^30 bits, the most that a bigint has");
            Err(TrapError::new(TrapCode::InvalidArgument, text))
        }
    }
}

/// A new integer of at most so many limbs, which `work` writes; it returns the sign.
fn make<'a>(
    call: &mut OpCall<'a>,
    limbs: usize,
    work: impl FnOnce(&mut [u64], &Pace<'_>) -> Result<bool, Halt>,
) -> Result<BigIntRef, TrapError> {
    let made = call.host.heap().bigint_zeroed(limbs)?;
    // SAFETY: it is new, so nobody else has it, and it lives as long as the operation.
    let out = unsafe { made.limbs_mut() };
    let negative = paced(call, |pace| work(out, pace))?;
    // SAFETY: as above; nothing writes it any more.
    unsafe { made.seal(negative) };
    if made.len() > MOST {
        check_size(call, None)?;
    }
    Ok(made)
}

/// [`make`], and it is the result.
fn result(
    call: &mut OpCall<'_>,
    limbs: usize,
    work: impl FnOnce(&mut [u64], &Pace<'_>) -> Result<bool, Halt>,
) -> Done {
    let made = make(call, limbs, work)?;
    call.set(made.slot());
    Ok(())
}

/// Runs `work` with so many limbs of room; results are integers that it sets.
fn with_room<'a>(
    call: &mut OpCall<'a>,
    types: &[Type],
    limbs: usize,
    work: impl FnOnce(&mut OpCall<'a>, &mut [u64]) -> Done,
) -> Done {
    let work = |call: &mut OpCall<'a>| {
        let room = space::<u64>(call, limbs)?;
        work(call, room)
    };
    // SAFETY: nothing else that is made in there is used behind it, and the results are of those types.
    unsafe { call.with_results_kept(types, work) }
}

/// Sets result `n` to a copy of a magnitude in the room.
fn set_copy(call: &mut OpCall<'_>, n: usize, negative: bool, limbs: &[u64]) -> Done {
    let limbs = nbc_numerics::bigint::natural::trimmed(limbs);
    let made = call.host.heap().bigint(negative, limbs)?;
    call.set_as(n, made.slot());
    Ok(())
}

#[cold]
fn invalid(text: String) -> TrapError {
    TrapError::new(TrapCode::InvalidArgument, text)
}
