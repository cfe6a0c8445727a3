//! What took long to make, kept for the next who asks for the same.
//!
//! Invariant: not more things and bytes are kept than [`Cache::new`] was told. What has not been used for longest goes
//! first. Who has a thing may go on with it.
//!
//! ```
//! use nbc_numerics::cache::Cache;
//! let mut cache = Cache::new(2, 100);
//! for key in [1, 2, 1, 3] {
//!     if cache.find(|known| *known == key).is_none() {
//!         cache.keep(key, key * key, 10, |known| *known == key);
//!     }
//! }
//! assert_eq!((cache.find(|known| *known == 1), cache.find(|known| *known == 2)), (Some(1), None));
//! let counts = cache.counts();
//! assert_eq!((counts.hits, counts.made, counts.evicted, counts.kept, counts.bytes), (2, 3, 1, 2, 20));
//! // What is larger than all may be is not kept, and nothing goes for it.
//! cache.keep(4, 16, 101, |known| *known == 4);
//! assert_eq!(cache.counts().kept, 2);
//! ```

use std::ops::Add;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What has happened to what is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct PlanCounts {
    /// How often one was there.
    pub hits: u64,
    /// How often one was made.
    pub made: u64,
    /// How many have made room for others.
    pub evicted: u64,
    /// How many there are.
    pub kept: usize,
    /// About how many bytes they take.
    pub bytes: usize,
}

impl Add for PlanCounts {
    type Output = PlanCounts;
    fn add(self, other: PlanCounts) -> PlanCounts {
        PlanCounts {
            hits: self.hits + other.hits,
            made: self.made + other.made,
            evicted: self.evicted + other.evicted,
            kept: self.kept + other.kept,
            bytes: self.bytes + other.bytes,
        }
    }
}

struct Entry<K, V> {
    key: K,
    value: V,
    bytes: usize,
    used: u64,
}

/// Things by their keys.
pub struct Cache<K, V> {
    entries: Vec<Entry<K, V>>,
    most: usize,
    most_bytes: usize,
    /// Counts uses.
    clock: u64,
    counts: PlanCounts,
}

impl<K, V: Clone> Cache<K, V> {
    /// For so many things, of so many bytes in all.
    #[must_use]
    pub fn new(most: usize, most_bytes: usize) -> Cache<K, V> {
        Cache { entries: Vec::new(), most, most_bytes, clock: 0, counts: PlanCounts::default() }
    }

    /// The thing whose key is that.
    pub fn find(&mut self, is: impl Fn(&K) -> bool) -> Option<V> {
        self.clock += 1;
        let entry = self.entries.iter_mut().find(|entry| is(&entry.key))?;
        entry.used = self.clock;
        self.counts.hits += 1;
        Some(entry.value.clone())
    }

    /// Keeps a thing that has been made and takes about so many bytes; not if it takes more than all may. Another thread may
    /// have made it meanwhile, so `is` is asked again.
    pub fn keep(&mut self, key: K, value: V, bytes: usize, is: impl Fn(&K) -> bool) {
        self.counts.made += 1;
        if bytes > self.most_bytes || self.entries.iter().any(|entry| is(&entry.key)) {
            return;
        }
        self.entries.push(Entry { key, value, bytes, used: self.clock });
        self.counts.bytes += bytes;
        while self.entries.len() > self.most || self.counts.bytes > self.most_bytes {
            let oldest = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.used);
            let Some(at) = oldest.map(|(at, _)| at) else { break };
            self.counts.bytes -= self.entries.swap_remove(at).bytes;
            self.counts.evicted += 1;
        }
    }

    /// What has happened so far.
    pub fn counts(&self) -> PlanCounts {
        PlanCounts { kept: self.entries.len(), ..self.counts }
    }
}

/// The lock of what is whole between any two steps, so that a panic elsewhere has spoiled nothing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
