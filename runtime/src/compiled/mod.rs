//! What compiled code needs of the runtime.

pub mod scalars;
