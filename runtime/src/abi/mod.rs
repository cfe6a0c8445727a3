//! The binary interface between compiled code and the runtime: how it is
//! called, what it may call, and where the fields lie that it reads.
//!
//! Compiled code of a function is entered in two ways:
//!
//! - from compiled code, directly: `extern "C" fn(ctx, args..) -> (status, result)`
//!   with a function's one result in the second register for results (`rdx`, or
//!   `xmm0` for a float). With several results there is a last argument more:
//!   where to write them, as slots.
//! - from the interpreter, through its [`Enter`](crate::machine::published::Enter),
//!   which takes the arguments from the slots of the frame and leaves the results there.
//!
//! A status is 0, or [`PENDING`](crate::machine::context::PENDING) when there is
//! a trap in the context: compiled code leaves no other. It keeps the budget in
//! the context whenever it calls anything, and never changes where the stack
//! of registers ends.

pub mod calls;
pub mod interpreter_tier;
pub mod layout;
pub mod objects;
pub mod scalars;
#[cfg(test)]
mod shapes;
pub mod site;
#[cfg(test)]
mod tests;

pub use calls::{Calls, calls};
pub use objects::{Arg, ObjectCall};
pub use site::{Charges, Claim, CodeLocation, TrapSite};
