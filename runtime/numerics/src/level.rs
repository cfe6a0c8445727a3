//! What the processor has.

use std::sync::atomic::{AtomicU8, Ordering};

/// Widths in which functions can be run. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// One number after the other, with instructions that every processor has.
    Portable = 1,
    /// x86-64 with AVX2 and FMA: four doubles, and one or two.
    Avx2,
    /// x86-64 with AVX-512F besides: eight doubles.
    Avx512,
}

static FOUND: AtomicU8 = AtomicU8::new(0);

/// The widest that this processor has.
#[inline]
pub fn level() -> Level {
    match FOUND.load(Ordering::Relaxed) {
        1 => Level::Portable,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => find(),
    }
}

#[cold]
fn find() -> Level {
    let found = detect();
    FOUND.store(found as u8, Ordering::Relaxed);
    found
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn detect() -> Level {
    let fused = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
    match fused && std::arch::is_x86_feature_detected!("avx512f") {
        true => Level::Avx512,
        false if fused => Level::Avx2,
        false => Level::Portable,
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn detect() -> Level {
    Level::Portable
}
