//! One inner loop, compiled for several instruction sets.
//!
//! A loop written once as a [`Work`] is compiled for the baseline, AVX2 and
//! AVX-512, and [`dispatch`] runs the widest that the machine has. The loops
//! are plain Rust, which never contracts `a * b + c` and never reorders
//! floating-point operations: every version computes the same bits.

/// A loop to be compiled for several instruction sets. `run` and all that it
/// calls should be `#[inline(always)]`.
pub(super) trait Work {
    type Result;
    fn run(self) -> Self::Result;
}

/// Runs `work` with the widest instructions that the machine has.
#[inline]
pub(super) fn dispatch<W: Work>(work: W) -> W::Result {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        if is_wide() {
            // SAFETY: the features have just been found.
            return unsafe { wide(work) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature has just been found.
            return unsafe { avx2(work) };
        }
    }
    work.run()
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn is_wide() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl")
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

/// The instruction set in use, for people: `avx512`, `avx2` or `baseline`.
pub fn dispatch_name() -> &'static str {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        if is_wide() {
            return "avx512";
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            return "avx2";
        }
    }
    "baseline"
}
