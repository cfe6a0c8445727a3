//! What the tests of whole programs, the benches and the fuzz targets share.
//!
//! | what | where |
//! |---|---|
//! | the ways to run a program, and a call in one | [`way`], [`call`] |
//! | whether all ways agree on a program | [`agree`], [`case`], [`twins`], [`hostile::check`] |
//! | many programs, one after the other | [`campaign`], [`child`] |
//! | programs made up | [`choices`], [`random_program`], [`nests`], [`wrapping`], [`hostile`] |
//! | programs of this repository, and how they are changed | [`mutation`] |
//! | passes held against an evaluator | [`evaluation`] |
//! | marks in the passes | [`conditions`] |
//! | the command | [`command`] |
//! | engines for benches | [`engines`] |
//!
//! Invariant: nothing that is shipped depends on it.

pub mod agree;
pub mod call;
pub mod campaign;
pub mod case;
pub mod child;
pub mod choices;
mod code;
pub mod command;
pub mod conditions;
pub mod engines;
pub mod evaluation;
pub mod hostile;
pub mod mutation;
pub mod nests;
pub mod random_program;
pub mod repository;
pub mod twins;
pub mod way;
pub mod wrapping;
