//! The threads that take part in an engine's operations: those of rayon's own pool, of one that the
//! host gives, or so many as it says; the calling one alone where the system starts no others.
//!
//! How many there are changes no bit of any result.
//!
//! ```
//! use nbc_runtime::threads::Threads;
//! let mut items = [1, 2, 3];
//! let threads = Threads::at_most(2);
//! assert!(threads.count() <= 2);
//! threads.each(items.iter_mut().collect::<Vec<_>>(), |item| *item *= 2);
//! assert_eq!(items, [2, 4, 6]);
//! ```

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::error::Error;
use std::panic::catch_unwind;
use std::sync::{Arc, OnceLock};

/// The threads of an engine's operations; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Threads(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    /// Rayon's pool of the process, or the one that the calling thread is of.
    #[default]
    Process,
    /// A pool of the host's.
    Given(Arc<ThreadPool>),
    /// A pool of so many, which is started when it is first wanted; `None` if that fails.
    AtMost(usize, Arc<OnceLock<Option<ThreadPool>>>),
}

impl Threads {
    /// More than any machine has cores.
    pub const MOST: usize = 1024;

    /// Those of a pool of the host's.
    pub fn of(pool: Arc<ThreadPool>) -> Threads {
        Threads(Source::Given(pool))
    }

    /// So many, from 1 to [`Threads::MOST`]. They are started when an operation first wants them; with 1 none are.
    pub fn at_most(count: usize) -> Threads {
        Threads(Source::AtMost(count.clamp(1, Threads::MOST), Arc::default()))
    }

    /// How many may take part. Where it is more than one, there is a pool of them.
    pub fn count(&self) -> usize {
        match self.pool() {
            Some(pool) => pool.current_num_threads(),
            None if matches!(self.0, Source::AtMost(..)) => 1,
            // Within a pool of the host's own that is the one to use, and there is no other yet.
            None if rayon::current_thread_index().is_none() && !has_pool() => 1,
            // Asked where no pool can be started, this is a panic.
            None => rayon::current_num_threads(),
        }
    }

    /// Runs `work` where rayon's own functions find these threads and no others. They are not to be
    /// asked for if there is only one.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match self.pool() {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Does `work` with each of `items`, on all threads.
    pub fn each<I, P>(&self, items: P, work: impl Fn(I) + Sync + Send)
    where
        I: Send,
        P: IntoIterator<Item = I> + IntoParallelIterator<Item = I> + Send,
    {
        if self.count() == 1 {
            items.into_iter().for_each(work);
        } else {
            self.run(|| items.into_par_iter().for_each(work));
        }
    }

    /// The pool that is not the process's, if there is one.
    fn pool(&self) -> Option<&ThreadPool> {
        match &self.0 {
            Source::Process => None,
            Source::Given(pool) => Some(pool),
            Source::AtMost(1, _) => None,
            Source::AtMost(count, pool) => {
                let start = || ThreadPoolBuilder::new().num_threads(*count).build().ok();
                pool.get_or_init(start).as_ref()
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Mutex;
    use std::thread;

    /// The threads that so many items are done on.
    fn taking_part(threads: &Threads, items: usize) -> HashSet<thread::ThreadId> {
        let seen = Mutex::new(HashSet::new());
        threads.each(0..items, |_| {
            thread::sleep(std::time::Duration::from_micros(50));
            seen.lock().unwrap().insert(thread::current().id());
        });
        seen.into_inner().unwrap()
    }

    #[test]
    fn one_is_the_calling_thread() {
        let threads = Threads::at_most(1);
        assert_eq!(threads.count(), 1);
        assert_eq!(taking_part(&threads, 50), HashSet::from([thread::current().id()]));
        assert_eq!(Threads::at_most(0).count(), 1);
    }

    #[test]
    fn no_others_take_part_than_those_of_the_pool() {
        let pool = Arc::new(ThreadPoolBuilder::new().num_threads(3).build().unwrap());
        let own: HashSet<_> = pool.broadcast(|_| thread::current().id()).into_iter().collect();
        let threads = Threads::of(pool);
        assert_eq!(threads.count(), 3);
        let seen = taking_part(&threads, 300);
        assert!(!seen.is_empty() && seen.is_subset(&own));
        assert!(threads.run(|| own.contains(&thread::current().id())));
    }

    #[test]
    fn clones_share_a_pool() {
        let threads = Threads::at_most(2);
        let again = threads.clone();
        let of = |threads: &Threads| threads.run(|| rayon::broadcast(|_| thread::current().id()));
        assert_eq!(of(&threads), of(&again));
        assert_eq!(of(&threads).len(), 2);
    }
}
