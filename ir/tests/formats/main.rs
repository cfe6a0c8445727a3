//! Both formats: what they keep, and that no bytes harm their readers.

mod random;
mod roundtrip;
mod soak;
