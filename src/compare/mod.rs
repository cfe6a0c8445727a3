//! Equality of results and calls: the one notion of it, for `nbc bench`, `nbc test` and the
//! tests.
//!
//! | what | where |
//! |---|---|
//! | two values, bit by bit or within a tolerance | [`values`] |
//! | two calls, by all that can be seen of them | [`calls`] |
//!
//! A NaN is like any other, for there is one that a host sees (`docs/numerics.md`).

pub mod calls;
pub mod values;
