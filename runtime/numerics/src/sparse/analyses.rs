//! What places of elements alone have told, kept for the next matrix that has the same.
//!
//! Invariant: not more than [`MOST`] are kept, and [`MOST_BYTES`] with the places that they are known by. Something is found only
//! where all places are the same, so no result depends on what is kept.
//!
//! ```
//! use nbc_numerics::sparse::analyses::Analyses;
//! let analyses = Analyses::default();
//! for _ in 0..3 {
//!     let order = analyses.order((&[0, 1, 2], &[1, 0]), || Ok::<_, ()>(vec![1, 0]))?;
//!     assert_eq!(order[..], [1, 0]);
//! }
//! let counts = analyses.counts();
//! assert_eq!((counts.hits, counts.made, counts.kept), (2, 1, 1));
//! # Ok::<(), ()>(())
//! ```

use super::direct::Analysis;
use crate::cache::{Cache, PlanCounts, lock};
use std::fmt;
use std::sync::{Arc, Mutex};

/// Most that are kept.
pub const MOST: usize = 32;
/// Most bytes of them, with their places.
pub const MOST_BYTES: usize = 64 << 20;

/// Pointers and indices of a square matrix by columns.
type Places<'s> = (&'s [i64], &'s [i32]);

/// What is known.
#[derive(Clone)]
enum Known {
    Cholesky(Arc<Analysis>),
    Order(Arc<Vec<u32>>),
}

/// What something is known by.
struct Key {
    is_order: bool,
    hash: u64,
    pointers: Vec<i64>,
    indices: Vec<i32>,
}

/// What is kept; may be shared by threads.
pub struct Analyses(Mutex<Cache<Key, Known>>);

impl Default for Analyses {
    fn default() -> Analyses {
        Analyses(Mutex::new(Cache::new(MOST, MOST_BYTES)))
    }
}

impl fmt::Debug for Analyses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analyses").field("counts", &self.counts()).finish()
    }
}

/// A number that different places hardly share.
fn hash((pointers, indices): Places<'_>) -> u64 {
    // Four sums that do not wait for each other.
    let mut lanes = [1u64, 2, 3, 4];
    let add = |lane: &mut u64, x: u64| *lane = (lane.rotate_left(23) ^ x).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for four in pointers.chunks(4) {
        lanes.iter_mut().zip(four).for_each(|(lane, x)| add(lane, *x as u64));
    }
    for four in indices.chunks(4) {
        lanes.iter_mut().zip(four).for_each(|(lane, x)| add(lane, *x as u64));
    }
    lanes.into_iter().fold(pointers.len() as u64, |mut all, lane| {
        add(&mut all, lane);
        all
    })
}

/// A copy, if there is memory.
fn copy<X: Copy>(of: &[X]) -> Option<Vec<X>> {
    let mut made = Vec::new();
    made.try_reserve_exact(of.len()).ok()?;
    made.extend_from_slice(of);
    Some(made)
}

impl Analyses {
    /// The analysis for a Cholesky factorisation.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn cholesky<E>(
        &self,
        places: Places<'_>,
        make: impl FnOnce() -> Result<Analysis, E>,
    ) -> Result<Arc<Analysis>, E> {
        let is = |known| match known {
            Known::Cholesky(analysis) => Some(analysis),
            Known::Order(_) => None,
        };
        self.known(places, false, is, || make().map(Arc::new), Known::Cholesky, |a| a.bytes())
    }

    /// The order of columns for an LU factorisation.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn order<E>(
        &self,
        places: Places<'_>,
        make: impl FnOnce() -> Result<Vec<u32>, E>,
    ) -> Result<Arc<Vec<u32>>, E> {
        let is = |known| match known {
            Known::Order(order) => Some(order),
            Known::Cholesky(_) => None,
        };
        self.known(places, true, is, || make().map(Arc::new), Known::Order, |order| 4 * order.len())
    }

    fn known<V: Clone, E>(
        &self,
        places: Places<'_>,
        is_order: bool,
        unwrap: impl Fn(Known) -> Option<V>,
        make: impl FnOnce() -> Result<V, E>,
        wrap: impl Fn(V) -> Known,
        bytes: impl Fn(&V) -> usize,
    ) -> Result<V, E> {
        let (pointers, indices) = places;
        let size = size_of_val(pointers).saturating_add(size_of_val(indices));
        if size > MOST_BYTES {
            // It would not be kept, and takes long to look for.
            return make();
        }
        let hash = hash(places);
        let is = |key: &Key| {
            (key.is_order, key.hash) == (is_order, hash)
                && (&key.pointers[..], &key.indices[..]) == (pointers, indices)
        };
        let found = lock(&self.0).find(is);
        if let Some(known) = found.and_then(unwrap) {
            return Ok(known);
        }
        let made = make()?;
        if let Some((pointers, indices)) = copy(pointers).zip(copy(indices)) {
            let key = Key { is_order, hash, pointers, indices };
            let size = size.saturating_add(bytes(&made));
            lock(&self.0).keep(key, wrap(made.clone()), size, is);
        }
        Ok(made)
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> PlanCounts {
        lock(&self.0).counts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The identity, but for one place.
    fn places(n: usize, other: usize) -> (Vec<i64>, Vec<i32>) {
        let indices = (0..n as i32).map(|i| if i as usize == other { (i + 1) % n as i32 } else { i });
        ((0..=n as i64).collect(), indices.collect())
    }

    fn order(analyses: &Analyses, n: usize, other: usize) -> Arc<Vec<u32>> {
        let (pointers, indices) = places(n, other);
        analyses.order((&pointers, &indices), || Ok::<_, ()>(vec![other as u32; n])).unwrap()
    }

    #[test]
    fn places_are_compared_and_not_only_their_hashes() {
        let analyses = Analyses::default();
        for other in (0..10).chain(0..10) {
            assert_eq!(order(&analyses, 20, other)[0], other as u32);
        }
        assert_eq!((analyses.counts().hits, analyses.counts().made), (10, 10));
        // A key with the hash of another, which is not taken for it.
        let (pointers, indices) = places(20, 3);
        let hash = hash((&pointers, &indices));
        let found = lock(&analyses.0).find(|key| key.hash == hash && key.indices != indices);
        assert!(found.is_none());
    }

    #[test]
    fn kinds_are_apart() {
        let analyses = Analyses::default();
        let (pointers, indices) = places(3, 3);
        let wide = (&[0usize, 1, 2, 3][..], &[0usize, 1, 2][..]);
        let make = || Analysis::new(3, wide);
        let known = analyses.cholesky((&pointers, &indices), make).unwrap();
        assert_eq!(known.stored(), 3);
        assert_eq!(order(&analyses, 3, 3)[..], [3, 3, 3]);
        assert_eq!(analyses.cholesky((&pointers, &indices), make).unwrap().stored(), 3);
        assert_eq!((analyses.counts().hits, analyses.counts().made), (1, 2));
    }

    #[test]
    fn number_and_bytes_are_bounded() {
        let analyses = Analyses::default();
        for other in 0..2 * MOST {
            order(&analyses, 100, other);
        }
        assert_eq!((analyses.counts().kept, analyses.counts().evicted), (MOST, MOST as u64));
        for other in 0..20 {
            order(&analyses, 1 << 18, other);
        }
        let counts = analyses.counts();
        assert!(counts.bytes <= MOST_BYTES && counts.kept < 20, "{counts:?}");
    }

    #[test]
    fn threads_share_what_is_kept() {
        let analyses = Analyses::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..100).for_each(|i| assert_eq!(order(&analyses, 50, i % 7)[0] as usize, i % 7))
                });
            }
        });
        assert_eq!(analyses.counts().hits + analyses.counts().made, 400);
    }
}
