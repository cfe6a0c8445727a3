//! Plans, roots and rooms that are kept for the next transform.
//!
//! Invariant: not more than [`MOST_PLANS`], [`MOST_BYTES`] of plans and roots and [`MOST_ROOM`] of rooms are kept, of each precision.
//! What has not been used for longest goes. Who has a plan may go on with it.
//!
//! ```
//! use nbc_numerics::fft::Plans;
//! let plans = Plans::default();
//! for _ in 0..3 {
//!     assert_eq!(plans.plan::<f64>(12, false).len(), 12);
//! }
//! assert_eq!((plans.counts().hits, plans.counts().made, plans.counts().kept), (2, 1, 1));
//! ```

use super::plan::{Float, Plan};
use super::roots::Roots;
use crate::cache::{Cache, PlanCounts, lock};
use num_complex::Complex;
use std::collections::TryReserveError;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

/// Most plans and tables of roots of one precision that are kept.
pub const MOST_PLANS: usize = 64;
/// Most bytes of them.
pub const MOST_BYTES: usize = 32 << 20;
/// Most bytes of rooms of one precision that are kept.
pub const MOST_ROOM: usize = 32 << 20;

/// What is kept for transforms; may be shared by threads.
#[derive(Default)]
pub struct Plans {
    pub(super) single: Mutex<Kept<f32>>,
    pub(super) double: Mutex<Kept<f64>>,
}

/// What there is one of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Plan(usize, bool),
    Roots(u64, usize),
}

enum Value<T> {
    Plan(Arc<Plan<T>>),
    Roots(Arc<Roots<T>>),
}

impl<T> Clone for Value<T> {
    fn clone(&self) -> Value<T> {
        match self {
            Value::Plan(plan) => Value::Plan(plan.clone()),
            Value::Roots(roots) => Value::Roots(roots.clone()),
        }
    }
}

/// What is kept of one precision.
pub struct Kept<T> {
    made: Cache<Key, Value<T>>,
    rooms: Vec<Vec<Complex<T>>>,
    room_bytes: usize,
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept { made: Cache::new(MOST_PLANS, MOST_BYTES), rooms: Vec::new(), room_bytes: 0 }
    }
}

impl fmt::Debug for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plans").field("counts", &self.counts()).finish()
    }
}

impl Plans {
    /// The plan of a length and direction.
    #[must_use]
    pub fn plan<T: Float>(&self, n: usize, is_inverse: bool) -> Arc<Plan<T>> {
        let key = Key::Plan(n, is_inverse);
        if let Some(Value::Plan(plan)) = self.find::<T>(key) {
            return plan;
        }
        let plan = Arc::new(Plan::new(n, is_inverse));
        self.keep::<T>(key, Value::Plan(plan.clone()), plan.bytes());
        plan
    }

    /// The first `count` roots of order `n`.
    #[must_use]
    pub fn roots<T: Float>(&self, n: u64, count: usize) -> Arc<Roots<T>> {
        let key = Key::Roots(n, count);
        if let Some(Value::Roots(roots)) = self.find::<T>(key) {
            return roots;
        }
        let roots = Arc::new(Roots::new(n, count));
        self.keep::<T>(key, Value::Roots(roots.clone()), roots.bytes());
        roots
    }

    fn find<T: Float>(&self, key: Key) -> Option<Value<T>> {
        lock(T::kept(self)).made.find(|known| *known == key)
    }

    /// Keeps what has been made, without anybody waiting for that.
    fn keep<T: Float>(&self, key: Key, value: Value<T>, bytes: usize) {
        lock(T::kept(self)).made.keep(key, value, bytes, |known| *known == key);
    }

    /// Room for so many numbers, which hold anything; it is kept for the next who asks.
    ///
    /// # Errors
    /// When the machine has no memory for it.
    pub fn room<T: Float>(&self, len: usize) -> Result<Room<'_, T>, TryReserveError> {
        let mut numbers = {
            let mut kept = lock(T::kept(self));
            let large = |room: &Vec<Complex<T>>| room.len() >= len;
            let found = kept.rooms.iter().position(large).or(kept.rooms.len().checked_sub(1));
            let numbers = found.map(|at| kept.rooms.swap_remove(at)).unwrap_or_default();
            kept.room_bytes -= numbers.len() * size_of::<Complex<T>>();
            numbers
        };
        if numbers.len() < len {
            numbers.clear();
            numbers.try_reserve_exact(len)?;
            numbers.resize(len, Complex::default());
        }
        Ok(Room { numbers, len, plans: self })
    }

    /// What has happened so far, of both precisions.
    #[must_use]
    pub fn counts(&self) -> PlanCounts {
        lock(&self.single).made.counts() + lock(&self.double).made.counts()
    }
}

/// Room for numbers of one thread, beside any budget.
#[derive(Debug)]
pub struct Room<'p, T: Float> {
    numbers: Vec<Complex<T>>,
    len: usize,
    plans: &'p Plans,
}

impl<T: Float> Deref for Room<'_, T> {
    type Target = [Complex<T>];
    fn deref(&self) -> &[Complex<T>] {
        &self.numbers[..self.len]
    }
}

impl<T: Float> DerefMut for Room<'_, T> {
    fn deref_mut(&mut self) -> &mut [Complex<T>] {
        &mut self.numbers[..self.len]
    }
}

impl<T: Float> Drop for Room<'_, T> {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.numbers);
        let bytes = numbers.len() * size_of::<Complex<T>>();
        let mut kept = lock(T::kept(self.plans));
        if kept.room_bytes + bytes <= MOST_ROOM {
            kept.room_bytes += bytes;
            kept.rooms.push(numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_in_number_and_bytes() {
        let plans = Plans::default();
        for n in 1..=3 * MOST_PLANS {
            assert_eq!(plans.plan::<f64>(n, n % 2 == 0).len(), n);
        }
        let counts = plans.counts();
        assert_eq!((counts.kept, counts.made), (MOST_PLANS, 3 * MOST_PLANS as u64));
        assert_eq!(counts.evicted, 2 * MOST_PLANS as u64);
        for k in 0..8 {
            let _ = plans.roots::<f64>((1 << 30) + k, super::super::roots::WHOLE);
            let _ = plans.roots::<f32>((1 << 30) + k, super::super::roots::WHOLE);
        }
        let counts = plans.counts();
        assert!(counts.bytes <= 2 * MOST_BYTES + (4 << 20), "{counts:?}");
        assert!(lock(&plans.double).made.counts().bytes <= MOST_BYTES);
    }

    #[test]
    fn what_is_used_stays() {
        let plans = Plans::default();
        for n in 2..200 {
            let _ = plans.plan::<f32>(1, false);
            let _ = plans.plan::<f32>(n, false);
        }
        assert_eq!(plans.counts().hits, 197);
    }

    #[test]
    fn rooms_come_back_and_are_bounded() {
        let plans = Plans::default();
        for len in [0, 5, 100, 7] {
            assert_eq!(plans.room::<f64>(len).unwrap().len(), len);
        }
        assert_eq!(lock(&plans.double).rooms.len(), 1);
        let many: Vec<_> = (0..40).map(|_| plans.room::<f64>(1 << 17).unwrap()).collect();
        drop(many);
        assert!(lock(&plans.double).room_bytes <= MOST_ROOM);
    }

    #[test]
    fn threads_share_plans() {
        let plans = Plans::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 1..100 {
                        let _ = plans.plan::<f64>(n % 70 + 1, false);
                    }
                });
            }
        });
        assert!(plans.counts().kept <= MOST_PLANS);
        assert_eq!(plans.counts().hits + plans.counts().made, 4 * 99);
    }
}
