//! One inner loop, compiled for several instruction sets.
//!
//! A loop written once as a [`Work`] is compiled for the baseline, AVX2 and
//! AVX-512, and [`dispatch`] runs the widest that the machine has. The loops
//! are plain Rust, which never contracts `a * b + c` and never reorders
//! floating-point operations: every version computes the same bits.

use super::loops::MOST;
use std::sync::OnceLock;

/// A loop to be compiled for several instruction sets. `run` and all that it
/// calls should be `#[inline(always)]`.
pub(super) trait Work {
    type Result;
    fn run(self) -> Self::Result;
}

/// A loop of an elementwise operation, to be compiled for several instruction sets. `run` and all that it
/// calls should be `#[inline(always)]`.
pub(super) trait Loop {
    /// Writes `len` elements at `to`, from those of the same places at `from`. Of an argument that
    /// does not move, there is one for all.
    ///
    /// # Safety
    /// The elements are there and of the loop's types, and nobody else writes them or reads the result's. Where both lie
    /// in the same memory, the element of a place and the result's there lie in the same bytes.
    unsafe fn run(to: *mut u8, from: [*const u8; MOST], moves: [bool; MOST], len: usize);
}

/// A [`Loop`] as it is called. Unsafe as its `run`.
pub(super) type Version = unsafe fn(*mut u8, [*const u8; MOST], [bool; MOST], usize);

/// The widest instructions that the machine has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Width {
    Baseline,
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    Avx2,
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    Avx512,
}

#[cfg(test)]
impl Width {
    /// All that this machine has.
    pub(super) fn here() -> Vec<Width> {
        let all = [
            Width::Baseline,
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            Width::Avx2,
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            Width::Avx512,
        ];
        all.into_iter().filter(|width| *width <= self::width()).collect()
    }
}

#[inline]
pub(super) fn width() -> Width {
    static WIDTH: OnceLock<Width> = OnceLock::new();
    *WIDTH.get_or_init(find_width)
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn find_width() -> Width {
    let is_wide = std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl");
    match is_wide {
        true => Width::Avx512,
        false if std::arch::is_x86_feature_detected!("avx2") => Width::Avx2,
        false => Width::Baseline,
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn find_width() -> Width {
    Width::Baseline
}

/// Runs `work` with the widest instructions that the machine has.
#[inline]
pub(super) fn dispatch<W: Work>(work: W) -> W::Result {
    match width() {
        Width::Baseline => work.run(),
        // SAFETY: the features have been found.
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        Width::Avx2 => unsafe { avx2(work) },
        // SAFETY: the features have been found.
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        Width::Avx512 => unsafe { wide(work) },
    }
}

/// The version of a loop with the widest instructions that the machine has.
#[inline]
pub(super) fn compiled<L: Loop>() -> Version {
    match width() {
        Width::Baseline => L::run,
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        Width::Avx2 => avx2_loop::<L>,
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        Width::Avx512 => wide_loop::<L>,
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx2")]
fn avx2<W: Work>(work: W) -> W::Result {
    work.run()
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn wide<W: Work>(work: W) -> W::Result {
    work.run()
}

/// # Safety
/// As [`Loop::run`]; the machine has these instructions.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx2")]
unsafe fn avx2_loop<L: Loop>(to: *mut u8, from: [*const u8; MOST], moves: [bool; MOST], len: usize) {
    // SAFETY: upheld by the caller.
    unsafe { L::run(to, from, moves, len) }
}

/// # Safety
/// As [`Loop::run`]; the machine has these instructions.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
unsafe fn wide_loop<L: Loop>(to: *mut u8, from: [*const u8; MOST], moves: [bool; MOST], len: usize) {
    // SAFETY: upheld by the caller.
    unsafe { L::run(to, from, moves, len) }
}

/// The instruction set in use, for people: `avx512`, `avx2` or `baseline`.
pub fn dispatch_name() -> &'static str {
    match width() {
        Width::Baseline => "baseline",
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        Width::Avx2 => "avx2",
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        Width::Avx512 => "avx512",
    }
}
