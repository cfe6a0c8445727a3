//! NBC's bytecode: what a program is, before anything runs it.
//!
//! - [`types`], [`dims`], [`entity`]: the type system, shapes, and newtype indices
//! - [`inst`]: instructions, made from the one table in [`for_each_inst`]
//! - [`catalogue`]: operations on whole objects, rows in [`for_each_operation`]
//! - [`module`]: modules, functions, blocks
//! - [`Module::parse`], [`Module::print`]: the text format; [`binary`]: the binary one
//! - [`flow`]: control flow graph, dominators, loops; [`webs`]: what a register holds in turn
//! - [`builder`]: modules from Rust; [`isa`]: the reference page `docs/isa.md`
//! - [`shown`]: text of programs in messages
//! - [`verify`]: from [`Module`] to [`VerifiedModule`]
//!
//! This crate knows no devices, threads, clocks or files.
#![forbid(unsafe_code)]

pub mod binary;
pub mod builder;
pub mod catalogue;
mod decode;
pub mod dims;
mod encode;
pub mod entity;
pub mod error;
pub mod expand;
pub mod flow;
mod formatter;
mod infer;
pub mod inst;
mod inst_table;
pub mod isa;
mod lexer;
pub mod module;
mod names;
mod operand;
mod parser;
mod printer;
pub mod shown;
mod suggest;
pub mod types;
pub mod verify;
pub mod webs;

pub use entity::{BlockId, ConstId, FuncId, GlobalId, OpId, Reg, SigId};
pub use error::{Diagnostic, Error, ErrorKind, Note, Place};
pub use formatter::format_source;
pub use inst::{Imm, Inst, Opcode, Operand};
pub use module::{Block, ConstValue, Constant, Function, Global, GlobalInit, Import, Module, OpRef, Source};
pub use printer::inst_to_string;
pub use types::{Elem, Item, Signature, Type};
pub use verify::{FunctionFacts, VerifiedModule};
