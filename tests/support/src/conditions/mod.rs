//! The conditions of passes: where they are marked, and what is listed of them.

pub mod list;
pub mod marks;
