//! Regions: who owns objects, and when they go.
//!
//! A [`Heap`] belongs to one instance and is a stack of regions. Index 0
//! lives as long as the instance (constants; globals have a small region each
//! beside the stack, with an index of its own kind). Index 1 is the host's call, then comes one for each call
//! and each `region.begin` in progress. A region is an [`arena`] for headers
//! and payloads under 1 KiB and a list of buffers from the [`pool`] for larger
//! ones. Objects are never freed one by one: the region ends, and all go.
//!
//! Invariants: an object refers only to objects that live at least as long, in
//! its own or an outer region (smaller index); every object of region `d` is in `d`'s arena, and every
//! pooled payload is in exactly one region's list. Ending a region is `unsafe`
//! because handles and slots into it dangle afterwards; the verifier's region
//! rule is what makes it sound for programs.
//!
//! Memory is counted where it is taken from the machine, in chunks and
//! buffers, so that the fast path counts nothing. A request over the budget is
//! a trap; kept buffers and idle arenas are given up first.

mod allocator;
mod arena;
mod globals;
mod heap;
mod pages;
pub(crate) mod pool;
mod promote;
#[allow(clippy::module_inception)] // a region is what the module is about
mod region;
mod residency;
pub(crate) mod secret;
mod stats;
pub(crate) mod taking;

pub use heap::Heap;
pub use stats::{HeapStats, RegionStats};

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
