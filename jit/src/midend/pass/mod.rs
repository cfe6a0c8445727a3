//! The passes, a file or folder each; [`super::run`] says in which order they run.
//!
//! A pass asks analyses and changes the function; it imports no other pass but
//! [`simplify`] and [`webs`], which clean up, and no lowering.

pub mod fuel;
pub mod if_conversion;
pub mod inline;
pub mod load_elimination;
pub mod loop_versioning;
pub mod reassociate;
pub mod rotate;
pub mod scalar_replacement;
pub mod simplify;
pub mod sink;
pub mod tail;
pub mod unroll;
pub mod vectorise;
pub mod webs;
