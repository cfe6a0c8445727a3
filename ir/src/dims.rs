//! Dims of tensors: lengths along the axes, outermost first.
//!
//! Invariant: there are at most [`MAX_RANK`], and those behind the rank are 0,
//! so that equal dims are equal values.
//!
//! ```
//! use nbc_ir::dims::Dims;
//! let dims = Dims::new(&[2, 3, 4]).expect("few enough");
//! assert_eq!(dims.count(), Some(24));
//! assert_eq!(*dims.without(1), [2, 4]);
//! ```

use std::fmt;
use std::ops::Deref;

/// Most dimensions a tensor can have.
pub const MAX_RANK: usize = 8;

/// Dims of a tensor by value.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Dims {
    rank: usize,
    dims: [u64; MAX_RANK],
}

impl Dims {
    /// The dims in `dims`; `None` when there are more than [`MAX_RANK`].
    #[inline]
    pub fn new(dims: &[u64]) -> Option<Dims> {
        let mut all = [0; MAX_RANK];
        all.get_mut(..dims.len())?.copy_from_slice(dims);
        Some(Dims { rank: dims.len(), dims: all })
    }

    /// The first `rank` of three dims, at most all of them; those behind must be 0.
    #[inline(always)]
    pub fn of_three(rank: usize, [a, b, c]: [u64; 3]) -> Dims {
        debug_assert!([a, b, c].iter().skip(rank).all(|d| *d == 0));
        Dims { rank: rank.min(3), dims: [a, b, c, 0, 0, 0, 0, 0] }
    }

    /// The product of the dims, unless it overflows.
    pub fn count(&self) -> Option<u64> {
        count(self)
    }

    /// The dims without axis `axis`, which must exist.
    #[inline]
    pub fn without(&self, axis: usize) -> Dims {
        let mut out = *self;
        out.dims.copy_within(axis + 1.., axis);
        out.dims[MAX_RANK - 1] = 0;
        out.rank -= 1;
        out
    }
}

impl Deref for Dims {
    type Target = [u64];
    #[inline(always)]
    fn deref(&self) -> &[u64] {
        &self.dims[..self.rank]
    }
}

impl std::ops::DerefMut for Dims {
    fn deref_mut(&mut self) -> &mut [u64] {
        &mut self.dims[..self.rank]
    }
}

impl fmt::Debug for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

/// The product of `dims`, unless it overflows. A dim of 0 makes it 0.
pub fn count(dims: &[u64]) -> Option<u64> {
    if dims.contains(&0) {
        return Some(0);
    }
    dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_does_not_overflow() {
        assert_eq!(count(&[]), Some(1));
        assert_eq!(count(&[u64::MAX, u64::MAX, 0]), Some(0));
        assert_eq!(count(&[u64::MAX, 2]), None);
        assert_eq!(*Dims::new(&[2, 3, 4]).unwrap().without(1), [2, 4]);
        assert_eq!(Dims::new(&[1; 9]), None);
    }
}
