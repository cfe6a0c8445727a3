//! From the mid-end's form to Cranelift's.

pub mod scalar;
pub mod vector;
