//! The seam for tiers that compile: whom the interpreter tells of hot places.
//!
//! The interpreter knows no compiler, and a build without one differs in
//! speed, never in an answer.

use super::loaded::Loaded;
use nbc_ir::FuncId;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

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

/// A compiler of hot code. It must not panic.
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

/// Asks the tier. Where it panics the program stays interpreted, for a panic must
/// not unwind through the interpreter.
pub(crate) fn guarded_tier(ask: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(ask)) {
        // What it carries may panic when it is dropped.
        std::mem::forget(panic);
    }
}
