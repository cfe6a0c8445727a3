//! The mid-end: passes over [`crate::mir`], each in a file of its own.
