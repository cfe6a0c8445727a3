//! The number of threads that take part in an operation: those of rayon's pool,
//! or the calling one alone where the system starts no others.
//!
//! Asked of rayon itself, the number of a pool that cannot be started is a panic.

use rayon::ThreadPoolBuilder;
use std::error::Error;
use std::panic::catch_unwind;
use std::sync::OnceLock;

/// Threads that may take part in the present operation. Where it is more than one,
/// there is a pool of them.
pub(super) fn threads() -> usize {
    // Within a pool of the host's own that is the one to use, and there is no other yet.
    if rayon::current_thread_index().is_none() && !has_pool() {
        return 1;
    }
    rayon::current_num_threads()
}

/// Whether the pool of the process runs. It is tried to be started once: without a
/// pool at first there is none later.
fn has_pool() -> bool {
    static HAS_POOL: OnceLock<bool> = OnceLock::new();
    *HAS_POOL.get_or_init(|| match ThreadPoolBuilder::new().build_global() {
        Ok(()) => true,
        // The system says no to threads.
        Err(e) if e.source().is_some() => false,
        // The host was first; also with an attempt that failed, then it panics.
        Err(_) => catch_unwind(rayon::current_num_threads).is_ok(),
    })
}
