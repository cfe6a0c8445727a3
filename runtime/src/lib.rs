//! NBC's runtime: everything that happens while a program runs.
//!
//! - [`engine`], [`linker`], [`instance`], [`value`], [`host`], [`error`]: what embedders use
//! - [`machine`]: internal code and the state it runs on; the seam for tiers that compile
//! - [`interp`]: the interpreter
//! - [`load`]: verified bytecode to internal code
//! - [`abi`]: what compiled code sees of the runtime
//! - [`arith`]: what scalar instructions compute
//! - [`object`]: tensors, strings and lists
//! - [`region`]: who owns objects, and when they go
//! - [`op`]: kernels behind the operation catalogue
//! - [`interruption`]: who may stop a program from outside
//! - [`threads`]: who takes part in operations
//! - [`placement`]: where each runs: on one core or on all
//! - [`trap`], [`backtrace`]: the ways in which a program can fail, and where

pub mod abi;
pub mod arith;
pub mod backtrace;
pub mod device;
pub mod engine;
pub mod error;
pub mod host;
pub mod instance;
pub mod interp;
pub mod interruption;
pub mod linker;
pub mod load;
pub mod machine;
pub mod object;
pub mod op;
pub mod placement;
pub mod plan;
pub mod region;
pub mod scalar;
mod stack;
pub mod threads;
pub mod trap;
pub mod value;
