//! The frequencies that the numbers of a transform are of.
//!
//! ```
//! use nbc_numerics::fft::frequency::of_number;
//! let all = |n: u64| (0..n).map(|k| of_number(k, n)).collect::<Vec<_>>();
//! assert_eq!((all(4), all(5)), (vec![0, 1, -2, -1], vec![0, 1, 2, -2, -1]));
//! ```

/// Cycles in `n` samples of number `k` of their transform.
#[inline(always)]
#[must_use]
pub fn of_number(k: u64, n: u64) -> i64 {
    if k < n.div_ceil(2) { k as i64 } else { k as i64 - n as i64 }
}
