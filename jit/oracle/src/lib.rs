//! An evaluator of the mid-end's form of functions: the oracle that passes are held against.
//!
//! It runs a [`Func`](nbc_jit::mir::Func) as it stands after any pass, instruction by
//! instruction, on plain data. So it sees what no other test does: passes whose work cannot go
//! back to bytecode (unchecked accesses, vectors, fuel that is paid beforehand), without code
//! generation in between. Unchecked accesses are checked here: an address that leaves its
//! tensor, a store where nothing may be written, an object that is gone. So are a register of
//! a wrong type, and a shape that is claimed and is another.
//!
//! Nothing of the mid-end is used to compute. Scalar instructions are those of
//! [`nbc_runtime::abi::scalars`], operations and host functions run in the runtime
//! ([`operation`]). A function that is called is evaluated as it was built from bytecode.
//!
//! - [`value`]: what registers hold
//! - [`object`]: tensors, strings, lists, and the regions that they live in
//! - [`operation`]: operations of the catalogue and host functions, run by the runtime
//! - [`state`]: what a run changes: objects, globals, fuel, and what has been seen of it
//! - [`eval`]: the evaluator, and who may watch it
//! - [`claims`]: whether what analyses claim of a function is true
//! - [`mod@compare`]: what an evaluation came to, and how two of them differ

#![forbid(unsafe_code)]

pub mod claims;
pub mod compare;
pub mod eval;
pub mod object;
pub mod operation;
mod scalar;
pub mod state;
pub mod value;

pub use compare::{End, Outcome, Verdict, compare};
pub use eval::{Limits, Observer, Oracle, Start};
pub use operation::Operations;
pub use state::State;
pub use value::Slot;

use nbc_runtime::trap::{TrapCode, TrapError};

/// Why an evaluation ends before the function returns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The program traps.
    Trap(TrapError),
    /// Calls are nested deeper than the evaluator follows them.
    TooDeep,
    /// More nodes have run than were allowed.
    OutOfSteps,
    /// Something that the evaluator does not do.
    Unsupported(String),
    /// Something that no sound function does.
    Wrong(String),
}

impl From<TrapError> for Stop {
    fn from(trap: TrapError) -> Stop {
        Stop::Trap(trap)
    }
}

impl From<TrapCode> for Stop {
    fn from(code: TrapCode) -> Stop {
        Stop::Trap(code.into())
    }
}

/// A thing that no sound function does.
fn wrong(what: impl Into<String>) -> Stop {
    Stop::Wrong(what.into())
}
