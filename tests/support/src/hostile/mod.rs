//! Programs of the kinds in which passes over loops were found wrong, and what they are held against.

mod arms;
mod case;
pub mod check;
mod counters;
mod idioms;
mod memory;
mod program;
mod shapes;

pub use case::case;
pub use program::Kind;
