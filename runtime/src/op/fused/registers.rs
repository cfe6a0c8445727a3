//! Floats that stay in registers while one operation after the other is done with them.
//!
//! [`Vector`] is a register full of floats, or one float where there is no telling how wide registers are.
//! A handful of them is the *accumulator* with which a [chain](super::chain) computes.
//!
//! Invariant: an operation gives each float what its kernel gives an element, to the bit (NaN aside, which
//! is some NaN). A wide vector is only made where the processor has been found to have its instructions.

use crate::object::Element;
use crate::op::number::Real;

/// Floats that are computed with.
pub(super) trait Float: Element + Real {
    /// One.
    const ONE: Self;
    fn sqrt(self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn trunc(self) -> Self;
    fn nearest(self) -> Self;
}

macro_rules! floats {
    ($($float:ident)*) => {$(
        impl Float for $float {
            const ONE: $float = 1.0;
            #[inline(always)]
            fn sqrt(self) -> $float {
                $float::sqrt(self)
            }
            #[inline(always)]
            fn floor(self) -> $float {
                $float::floor(self)
            }
            #[inline(always)]
            fn ceil(self) -> $float {
                $float::ceil(self)
            }
            #[inline(always)]
            fn trunc(self) -> $float {
                $float::trunc(self)
            }
            #[inline(always)]
            fn nearest(self) -> $float {
                $float::round_ties_even(self)
            }
        }
    )*};
}
floats!(f32 f64);

/// Several floats that go the same way.
pub(super) trait Vector: Copy {
    type Float: Float;
    /// Floats in one.
    const LANES: usize;
    /// Which lanes are read or written.
    type Mask: Copy;
    /// The first `len`, or all where it has fewer.
    fn first(len: usize) -> Self::Mask;
    /// Reads the lanes of a mask; the others are any floats.
    ///
    /// # Safety
    /// Those of the mask are there.
    unsafe fn load_some(from: *const Self::Float, mask: Self::Mask) -> Self;
    /// Writes the lanes of a mask.
    ///
    /// # Safety
    /// There is room for them.
    unsafe fn store_some(self, to: *mut Self::Float, mask: Self::Mask);
    /// Reads as many.
    ///
    /// # Safety
    /// They are there.
    unsafe fn load(from: *const Self::Float) -> Self;
    /// Writes them.
    ///
    /// # Safety
    /// There is room for them.
    unsafe fn store(self, to: *mut Self::Float);
    /// The same in every lane.
    fn splat(x: Self::Float) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn neg(self) -> Self;
    fn abs(self) -> Self;
    fn sqrt(self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn trunc(self) -> Self;
    fn nearest(self) -> Self;
}

/// One float as a vector.
#[derive(Clone, Copy)]
pub(super) struct One<T>(T);

impl<T: Float> Vector for One<T> {
    type Float = T;
    const LANES: usize = 1;
    type Mask = ();
    #[inline(always)]
    fn first(_: usize) {}
    #[inline(always)]
    unsafe fn load_some(from: *const T, (): ()) -> Self {
        // SAFETY: upheld by the caller.
        unsafe { Self::load(from) }
    }
    #[inline(always)]
    unsafe fn store_some(self, to: *mut T, (): ()) {
        // SAFETY: upheld by the caller.
        unsafe { self.store(to) }
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: upheld by the caller.
        One(unsafe { from.read() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: upheld by the caller.
        unsafe { to.write(self.0) }
    }
    #[inline(always)]
    fn splat(x: T) -> Self {
        One(x)
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        One(self.0.add(other.0))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        One(self.0.sub(other.0))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        One(self.0.mul(other.0))
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        One(self.0.div(other.0))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        One(Real::min(self.0, other.0))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        One(Real::max(self.0, other.0))
    }
    #[inline(always)]
    fn neg(self) -> Self {
        One(self.0.neg())
    }
    #[inline(always)]
    fn abs(self) -> Self {
        One(Real::abs(self.0))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        One(self.0.sqrt())
    }
    #[inline(always)]
    fn floor(self) -> Self {
        One(self.0.floor())
    }
    #[inline(always)]
    fn ceil(self) -> Self {
        One(self.0.ceil())
    }
    #[inline(always)]
    fn trunc(self) -> Self {
        One(self.0.trunc())
    }
    #[inline(always)]
    fn nearest(self) -> Self {
        One(self.0.nearest())
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(super) mod x86 {
    //! Vectors in registers of x86-64 processors: 256 bits with AVX2, 512 with AVX-512F, DQ, BW and VL.

    use super::Vector;
    use std::arch::x86_64::*;

    /// The value of instructions that the processor has.
    macro_rules! has {
        ($value:expr) => {{
            // Masks of 512 bits are integers.
            #[allow(unused_unsafe)]
            // SAFETY: the processor has the instructions (the module's invariant).
            let value = unsafe { $value };
            value
        }};
    }

    macro_rules! vectors {
        (
            $(#[$doc:meta])* $name:ident $register:ty, $float:ident [$lanes:literal]
            $load:ident $store:ident $splat:ident $add:ident $sub:ident $mul:ident $div:ident $sqrt:ident
            $min:ident $or:ident $xor:ident $andnot:ident
            max |$x:ident, $y:ident| $max:expr;
            round $round:ident
            mask $mask:ty, |$len:ident| $first:expr;
            some |$from:ident, $of:ident| $load_some:expr, $store_some:ident
        ) => {
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub(in crate::op::fused) struct $name($register);

            impl Vector for $name {
                type Float = $float;
                const LANES: usize = $lanes;
                type Mask = $mask;
                #[inline(always)]
                fn first($len: usize) -> $mask {
                    has!($first)
                }
                #[inline(always)]
                unsafe fn load_some($from: *const $float, $of: $mask) -> Self {
                    // SAFETY: upheld by the caller.
                    $name(unsafe { $load_some })
                }
                #[inline(always)]
                unsafe fn store_some(self, to: *mut $float, mask: $mask) {
                    // SAFETY: upheld by the caller.
                    unsafe { $store_some(to, mask, self.0) }
                }
                #[inline(always)]
                unsafe fn load(from: *const $float) -> Self {
                    // SAFETY: upheld by the caller.
                    $name(unsafe { $load(from) })
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut $float) {
                    // SAFETY: upheld by the caller.
                    unsafe { $store(to, self.0) }
                }
                #[inline(always)]
                fn splat(x: $float) -> Self {
                    $name(has!($splat(x)))
                }
                #[inline(always)]
                fn add(self, other: Self) -> Self {
                    $name(has!($add(self.0, other.0)))
                }
                #[inline(always)]
                fn sub(self, other: Self) -> Self {
                    $name(has!($sub(self.0, other.0)))
                }
                #[inline(always)]
                fn mul(self, other: Self) -> Self {
                    $name(has!($mul(self.0, other.0)))
                }
                #[inline(always)]
                fn div(self, other: Self) -> Self {
                    $name(has!($div(self.0, other.0)))
                }
                /// The instruction gives the second where either is NaN or both are zeros. So `|` of both orders
                /// has the minus of a zero and the bits of a NaN.
                #[inline(always)]
                fn min(self, other: Self) -> Self {
                    let (x, y) = (self.0, other.0);
                    $name(has!($or($min(x, y), $min(y, x))))
                }
                /// As for the minimum, but that `&` would lose bits of a NaN.
                #[inline(always)]
                fn max(self, other: Self) -> Self {
                    let ($x, $y) = (self.0, other.0);
                    $name(has!($max))
                }
                #[inline(always)]
                fn neg(self) -> Self {
                    $name(has!($xor(self.0, $splat(-0.0))))
                }
                #[inline(always)]
                fn abs(self) -> Self {
                    $name(has!($andnot($splat(-0.0), self.0)))
                }
                #[inline(always)]
                fn sqrt(self) -> Self {
                    $name(has!($sqrt(self.0)))
                }
                #[inline(always)]
                fn floor(self) -> Self {
                    $name(has!($round::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.0)))
                }
                #[inline(always)]
                fn ceil(self) -> Self {
                    $name(has!($round::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(self.0)))
                }
                #[inline(always)]
                fn trunc(self) -> Self {
                    $name(has!($round::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(self.0)))
                }
                #[inline(always)]
                fn nearest(self) -> Self {
                    $name(has!($round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)))
                }
            }
        };
    }

    vectors! {
        /// Four doubles.
        Doubles4 __m256d, f64 [4]
        _mm256_loadu_pd _mm256_storeu_pd _mm256_set1_pd
        _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_div_pd _mm256_sqrt_pd
        _mm256_min_pd _mm256_or_pd _mm256_xor_pd _mm256_andnot_pd
        max |x, y| _mm256_or_pd(
            _mm256_and_pd(_mm256_max_pd(x, y), _mm256_max_pd(y, x)),
            _mm256_cmp_pd::<_CMP_UNORD_Q>(x, y),
        );
        round _mm256_round_pd
        mask __m256i, |len| _mm256_cmpgt_epi64(
            _mm256_set1_epi64x(len.min(4) as i64),
            _mm256_setr_epi64x(0, 1, 2, 3),
        );
        some |from, mask| _mm256_maskload_pd(from, mask), _mm256_maskstore_pd
    }

    vectors! {
        /// Eight singles.
        Singles8 __m256, f32 [8]
        _mm256_loadu_ps _mm256_storeu_ps _mm256_set1_ps
        _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_div_ps _mm256_sqrt_ps
        _mm256_min_ps _mm256_or_ps _mm256_xor_ps _mm256_andnot_ps
        max |x, y| _mm256_or_ps(
            _mm256_and_ps(_mm256_max_ps(x, y), _mm256_max_ps(y, x)),
            _mm256_cmp_ps::<_CMP_UNORD_Q>(x, y),
        );
        round _mm256_round_ps
        mask __m256i, |len| _mm256_cmpgt_epi32(
            _mm256_set1_epi32(len.min(8) as i32),
            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
        );
        some |from, mask| _mm256_maskload_ps(from, mask), _mm256_maskstore_ps
    }

    vectors! {
        /// Eight doubles.
        Doubles8 __m512d, f64 [8]
        _mm512_loadu_pd _mm512_storeu_pd _mm512_set1_pd
        _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_div_pd _mm512_sqrt_pd
        _mm512_min_pd _mm512_or_pd _mm512_xor_pd _mm512_andnot_pd
        max |x, y| _mm512_mask_add_pd(
            _mm512_and_pd(_mm512_max_pd(x, y), _mm512_max_pd(y, x)),
            _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(x, y),
            x,
            y,
        );
        round _mm512_roundscale_pd
        mask __mmask8, |len| ((1u32 << len.min(8)) - 1) as __mmask8;
        some |from, mask| _mm512_maskz_loadu_pd(mask, from), _mm512_mask_storeu_pd
    }

    vectors! {
        /// Sixteen singles.
        Singles16 __m512, f32 [16]
        _mm512_loadu_ps _mm512_storeu_ps _mm512_set1_ps
        _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_div_ps _mm512_sqrt_ps
        _mm512_min_ps _mm512_or_ps _mm512_xor_ps _mm512_andnot_ps
        max |x, y| _mm512_mask_add_ps(
            _mm512_and_ps(_mm512_max_ps(x, y), _mm512_max_ps(y, x)),
            _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, y),
            x,
            y,
        );
        round _mm512_roundscale_ps
        mask __mmask16, |len| ((1u32 << len.min(16)) - 1) as __mmask16;
        some |from, mask| _mm512_maskz_loadu_ps(mask, from), _mm512_mask_storeu_ps
    }
}
