//! The seam for tiers that compile: whom the interpreter tells of hot places,
//! how compiled code gets into a loaded module, and what it may call.
//!
//! The interpreter knows no compiler, and a build without one differs in
//! speed, never in an answer. Compiled code of a function is entered in two ways:
//!
//! - from compiled code, directly: `extern "C" fn(ctx, args..) -> (status, result)`
//!   with a function's one result in the second register for results (`rdx`, or
//!   `xmm0` for a float). With several results there is a last argument more:
//!   where to write them, as slots.
//! - from the interpreter, through its [`Enter`], which takes the arguments from
//!   the slots of the frame and leaves the results there.
//!
//! A status is 0, or [`PENDING`](crate::interp::context::PENDING) when there is
//! a trap in the context: compiled code leaves no other. It keeps the budget in
//! the context whenever it calls anything, and never changes where the stack
//! of registers ends.

pub mod calls;
pub mod layout;
pub mod native;
pub mod objects;
pub mod relay;
pub mod scalars;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod tests;

use crate::interp::code::Loaded;
use crate::interp::context::Context;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::FuncId;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

pub use calls::{Calls, calls};
pub use native::native_stack_left;
pub use objects::{Arg, ObjectCall};

/// A place where a program spends its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HotPlace {
    /// The function that is called, or runs a loop.
    pub func: FuncId,
    /// Block and instruction where a loop that is running can be entered (see
    /// [`Loaded::publish_resume`]); `None` for calls, and where it cannot.
    pub resume: Option<(u32, u32)>,
    /// Calls and back-edges that have been counted there; fuel where it is metered.
    pub count: u64,
}

/// Asks whether a program that waits has to stop: its time is up, or someone
/// has interrupted it. It traps when it runs on.
pub type MustStop<'a> = &'a dyn Fn() -> bool;

/// What compiles hot code. It must not panic.
pub trait Tier: Send + Sync {
    /// Says that `place` in `code` has become hot: once for a place and an
    /// instance. Called on the thread that runs the program, which waits: take
    /// a note and return, or return soon after `must_stop` has said so.
    fn hot(&self, code: &Arc<Loaded>, place: HotPlace, must_stop: MustStop<'_>);

    /// How many calls and back-edges make a place hot.
    fn threshold(&self) -> u64;

    /// Whether every function is compiled before it first runs, instead of
    /// being interpreted until it is hot.
    fn at_first_call(&self) -> bool {
        false
    }

    /// Compiles `func` before its first call, which waits: once for a function
    /// and a loaded module. Where it publishes nothing, the function is
    /// interpreted. Returns soon after `must_stop` has said so, and may publish
    /// later.
    fn first_call(&self, code: &Arc<Loaded>, func: FuncId, must_stop: MustStop<'_>) {
        let _ = (code, func, must_stop);
    }
}

/// Enters compiled code from the interpreter: loads the arguments from
/// `regs[0..]`, calls `native`, and writes the results to `regs[0..]`. For a
/// loop entered in the middle, `regs` is the whole frame of the function.
/// Returns a status.
pub type Enter = unsafe extern "C" fn(ctx: *mut Context, regs: *mut u64, native: *const u8) -> u64;

/// What compiled code was made to rely on, where that is checked as it runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Claim {
    /// An access by an index lies in its tensor.
    Element,
    /// Consecutive elements that a vector holds lie in their tensor.
    Vector,
    /// An integer lies in its range.
    Range,
    /// A loop turns no more than so many times.
    TripCount,
}

impl Claim {
    /// Every claim, in order of its number.
    const ALL: [Claim; 4] = [Claim::Element, Claim::Vector, Claim::Range, Claim::TripCount];

    /// The pass or analysis that makes it.
    pub const fn pass(self) -> &'static str {
        match self {
            Claim::Element => "loop_versioning",
            Claim::Vector => "vectorise",
            Claim::Range => "ranges",
            Claim::TripCount => "trip_count",
        }
    }

    /// What compiled code gives as the code of the trap: with the register that a
    /// range is of, or the block where a loop begins.
    pub const fn code(self, about: u32) -> u64 {
        TrapCode::CompilerFault as u64 | (self as u64) << 8 | (about as u64) << 16
    }

    /// The trap of that code.
    fn fault(code: u64) -> TrapError {
        let claim = Claim::ALL.get((code >> 8) as u8 as usize).copied().unwrap_or(Claim::Element);
        let about = (code >> 16) as u32;
        let (what, by) = match claim {
            Claim::Element | Claim::Vector => ("an access outside of its tensor".to_owned(), "pass"),
            Claim::Range => (format!("a number outside of its range (%{about})"), "analysis"),
            Claim::TripCount => {
                (format!("more iterations of a loop than it has (that at block{about})"), "analysis")
            }
        };
        let text = format!(
            "compiled code came to {what}, a mistake of the compiler ({by} `{}`): \
             please report it; `--tier interp` runs the program without compiled code",
            claim.pass()
        );
        TrapError::new(TrapCode::CompilerFault, text)
    }
}

/// Compiled code of a function.
#[derive(Clone)]
pub struct NativeCode {
    /// How the interpreter enters it.
    pub enter: Enter,
    /// Its address, for calls from compiled code.
    pub native: *const u8,
    /// Keeps it alive.
    pub unit: Arc<dyn Any + Send + Sync>,
}

// SAFETY: the address is only called, by those who have a context.
unsafe impl Send for NativeCode {}

/// A place in compiled code that may trap or call: where in the bytecode it
/// comes from, innermost call first where functions were inlined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// The places.
    pub places: Box<[Place]>,
}

/// What blocks cost that are charged together, and where they are. A cost below
/// 0 gives back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charges {
    /// Costs and sites, in order.
    pub list: Box<[(i64, Site)]>,
}

/// A place in the bytecode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// The function.
    pub func: FuncId,
    /// Its block.
    pub block: u32,
    /// The instruction's position in the block.
    pub inst: u32,
}

/// The tier of an engine, and from when on it wants to hear of a place.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) tier: Arc<dyn Tier>,
    pub(crate) threshold: u64,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("threshold", &self.threshold).finish_non_exhaustive()
    }
}
