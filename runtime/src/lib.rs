//! NBC's runtime: everything that happens while a program runs.
//!
//! - [`engine`], [`linker`], [`instance`], [`value`], [`host`], [`error`]: what embedders use
//! - [`load`]: verified bytecode to internal code
//! - [`interp`]: the interpreter that runs it
//! - [`compiled`]: the seam for tiers that compile
//! - [`arith`]: what scalar instructions compute
//! - [`object`]: tensors, strings and lists
//! - [`region`]: who owns objects, and when they go
//! - [`op`]: kernels behind the operation catalogue
//! - [`interruption`]: who may stop a program from outside
//! - [`trap`], [`backtrace`]: the ways in which a program can fail, and where

pub mod arith;
pub mod backtrace;
pub mod compiled;
pub mod engine;
pub mod error;
pub mod host;
pub mod instance;
pub mod interp;
pub mod interruption;
pub mod linker;
pub mod load;
pub mod object;
pub mod op;
pub mod region;
pub mod scalar;
mod stack;
pub mod trap;
pub mod value;
