//! NBC's runtime: everything that happens while a program runs.
//!
//! - [`trap`]: the ways in which a program can fail
//! - [`object`]: tensors, strings and lists
//! - [`region`]: who owns objects, and when they go

pub mod object;
pub mod op;
pub mod region;
pub mod scalar;
pub mod trap;
