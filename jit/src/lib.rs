//! NBC's compiling tier.
//!
//! A function that is hot goes through [`mir`] (its form in the mid-end) and
//! the passes of [`midend`], which make loops good. Then Cranelift makes
//! machine code.

// A marked condition (`condition.rs`) says what must hold, and is written so though it is
// asked whether it does not.
#![allow(clippy::nonminimal_bool, clippy::redundant_closure)]

#[macro_use]
pub mod condition;

mod align;
pub mod budget;
pub mod check;
pub mod clif;
pub mod code;
pub mod compiler;
pub mod lower;
pub mod midend;
pub mod mir;
pub mod perf;
mod queue;
pub mod sanitize;
pub mod sanitize_claims;
pub mod target;
pub mod tier;

pub use compiler::{CompileError, OptLevel};
pub use midend::Verify;
pub use perf::Perf;
pub use tier::{Jit, Metrics, Mode, Options, WAITS};
