//! Two, four and eight doubles, in the registers of x86-64 processors.
//!
//! Invariant: values of these types are only made where the processor has been
//! found to have the instructions: two and four lanes need AVX2 and FMA, eight
//! need AVX-512F besides. [`crate::level`] finds out.

use super::{Lanes, Memory};
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

/// Defines an operator of a type around a register by an instruction.
macro_rules! operator {
    ($type:ident $trait:ident $method:ident $instruction:ident) => {
        impl $trait for $type {
            type Output = $type;
            #[inline(always)]
            fn $method(self, other: $type) -> $type {
                // SAFETY: the processor has the instruction (the module's invariant).
                $type(unsafe { $instruction(self.0, other.0) })
            }
        }
    };
}

/// The value of instructions that the processor has.
macro_rules! has {
    ($value:expr) => {{
        // Masks of eight lanes are bytes, with operators that are safe.
        #[allow(unused_unsafe)]
        // SAFETY: the processor has the instructions (the module's invariant).
        let value = unsafe { $value };
        value
    }};
}

macro_rules! lanes {
    (
        $(#[$doc:meta])* $lanes:ident $bits:ident $mask:ident [$count:literal]
        ($double:ty, $integer:ty, $truth:ty, $halves:ty)
        $add:ident $sub:ident $mul:ident $div:ident $fma:ident $sqrt:ident $set1:ident
        $to_integer:ident $to_double:ident
        $iadd:ident $isub:ident $and:ident $or:ident $xor:ident $shl:ident $shr:ident $iset1:ident
        $load:ident $store:ident $widen:ident $narrow:ident $first:ident
        less |$la:ident, $lb:ident| $less:expr;
        at_most |$ma:ident, $mb:ident| $at_most:expr;
        equal |$ea:ident, $eb:ident| $equal:expr;
        both |$aa:ident, $ab:ident| $both:expr;
        either |$oa:ident, $ob:ident| $either:expr;
        not |$na:ident| $not:expr;
        all |$all:ident| $is_all:expr;
        select |$sm:ident, $st:ident, $so:ident| $select:expr;
        has_bit |$hb:ident, $ho:ident| $has_bit:expr;
        gather |$gt:ident, $ga:ident| $gather:expr;
        permute |$pt:ident, $pa:ident| $permute:expr;
        load_singles |$lp:ident| $load_singles:expr;
        store_singles |$sp:ident, $sv:ident| $store_singles:expr;
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $lanes($double);
        /// Their bits.
        #[derive(Clone, Copy)]
        pub struct $bits($integer);
        /// Truth values for them.
        #[derive(Clone, Copy)]
        pub struct $mask($truth);

        operator!($lanes Add add $add);
        operator!($lanes Sub sub $sub);
        operator!($lanes Mul mul $mul);
        operator!($lanes Div div $div);
        operator!($bits Add add $iadd);
        operator!($bits Sub sub $isub);
        operator!($bits BitAnd bitand $and);
        operator!($bits BitOr bitor $or);
        operator!($bits BitXor bitxor $xor);

        impl Neg for $lanes {
            type Output = $lanes;
            #[inline(always)]
            fn neg(self) -> $lanes {
                self.flip($lanes::splat_bits(i64::MIN))
            }
        }
        impl Shl<u32> for $bits {
            type Output = $bits;
            #[inline(always)]
            fn shl(self, by: u32) -> $bits {
                $bits(has!($shl(self.0, _mm_cvtsi32_si128(by as i32))))
            }
        }
        impl Shr<u32> for $bits {
            type Output = $bits;
            #[inline(always)]
            fn shr(self, by: u32) -> $bits {
                $bits(has!($shr(self.0, _mm_cvtsi32_si128(by as i32))))
            }
        }
        impl BitAnd for $mask {
            type Output = $mask;
            #[inline(always)]
            fn bitand(self, other: $mask) -> $mask {
                let ($aa, $ab) = (self.0, other.0);
                $mask(has!($both))
            }
        }
        impl BitOr for $mask {
            type Output = $mask;
            #[inline(always)]
            fn bitor(self, other: $mask) -> $mask {
                let ($oa, $ob) = (self.0, other.0);
                $mask(has!($either))
            }
        }
        impl Not for $mask {
            type Output = $mask;
            #[inline(always)]
            fn not(self) -> $mask {
                let $na = self.0;
                $mask(has!($not))
            }
        }

        impl Lanes for $lanes {
            const LANES: usize = $count;
            type Mask = $mask;
            type Bits = $bits;
            #[inline(always)]
            fn splat(x: f64) -> $lanes {
                $lanes(has!($set1(x)))
            }
            #[inline(always)]
            fn splat_bits(bits: i64) -> $bits {
                $bits(has!($iset1(bits)))
            }
            #[inline(always)]
            fn fma(self, by: $lanes, plus: $lanes) -> $lanes {
                $lanes(has!($fma(self.0, by.0, plus.0)))
            }
            #[inline(always)]
            fn sqrt(self) -> $lanes {
                $lanes(has!($sqrt(self.0)))
            }
            #[inline(always)]
            fn lt(self, other: $lanes) -> $mask {
                let ($la, $lb) = (self.0, other.0);
                $mask(has!($less))
            }
            #[inline(always)]
            fn le(self, other: $lanes) -> $mask {
                let ($ma, $mb) = (self.0, other.0);
                $mask(has!($at_most))
            }
            #[inline(always)]
            fn eq(self, other: $lanes) -> $mask {
                let ($ea, $eb) = (self.0, other.0);
                $mask(has!($equal))
            }
            #[inline(always)]
            fn select(mask: $mask, then: $lanes, otherwise: $lanes) -> $lanes {
                let ($sm, $st, $so) = (mask.0, then.0, otherwise.0);
                $lanes(has!($select))
            }
            #[inline(always)]
            fn bits(self) -> $bits {
                $bits(has!($to_integer(self.0)))
            }
            #[inline(always)]
            fn of_bits(bits: $bits) -> $lanes {
                $lanes(has!($to_double(bits.0)))
            }
            #[inline(always)]
            fn has_bit(bits: $bits, of: i64) -> $mask {
                let ($hb, $ho) = (bits.0, of);
                $mask(has!($has_bit))
            }
            #[inline(always)]
            fn lookup(table: &'static [f64], at: $bits) -> $lanes {
                // SAFETY: numbers of entries lie in the table (upheld by the definitions, and
                // checked in one lane), and the processor has the instructions.
                let ($gt, $ga) = (table.as_ptr(), at.0);
                $lanes(has!($gather))
            }
            #[inline(always)]
            fn lookup16(table: &'static [f64; 16], at: $bits) -> $lanes {
                let ($pt, $pa) = (table.as_ptr(), at.0);
                $lanes(has!($permute))
            }
        }

        impl Memory for $lanes {
            #[inline(always)]
            fn all(mask: $mask) -> bool {
                let $all = mask.0;
                has!($is_all)
            }
            #[inline(always)]
            fn first(self) -> f64 {
                has!($first(self.0))
            }
            #[inline(always)]
            unsafe fn load(from: *const f64) -> $lanes {
                // SAFETY: upheld by the caller.
                $lanes(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f64) {
                // SAFETY: upheld by the caller.
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn load_singles($lp: *const f32) -> $lanes {
                // SAFETY: upheld by the caller.
                $lanes(unsafe { $widen($load_singles) })
            }
            #[inline(always)]
            unsafe fn store_singles(self, $sp: *mut f32) {
                // SAFETY: upheld by the caller.
                unsafe {
                    let $sv = $narrow(self.0);
                    $store_singles
                }
            }
        }
    };
}

lanes! {
    /// Two doubles.
    F64x2 Bits2 Mask2 [2]
    (__m128d, __m128i, __m128d, __m128)
    _mm_add_pd _mm_sub_pd _mm_mul_pd _mm_div_pd _mm_fmadd_pd _mm_sqrt_pd _mm_set1_pd
    _mm_castpd_si128 _mm_castsi128_pd
    _mm_add_epi64 _mm_sub_epi64 _mm_and_si128 _mm_or_si128 _mm_xor_si128 _mm_sll_epi64 _mm_srl_epi64 _mm_set1_epi64x
    _mm_loadu_pd _mm_storeu_pd _mm_cvtps_pd _mm_cvtpd_ps _mm_cvtsd_f64
    less |a, b| _mm_cmplt_pd(a, b);
    at_most |a, b| _mm_cmple_pd(a, b);
    equal |a, b| _mm_cmpeq_pd(a, b);
    both |a, b| _mm_and_pd(a, b);
    either |a, b| _mm_or_pd(a, b);
    not |a| _mm_xor_pd(a, _mm_castsi128_pd(_mm_set1_epi64x(-1)));
    all |mask| _mm_movemask_pd(mask) == 0b11;
    select |mask, then, otherwise| _mm_blendv_pd(otherwise, then, mask);
    has_bit |bits, of| {
        let of = _mm_set1_epi64x(of);
        _mm_castsi128_pd(_mm_cmpeq_epi64(_mm_and_si128(bits, of), of))
    };
    gather |table, at| _mm_i64gather_pd::<8>(table, at);
    permute |table, at| _mm_i64gather_pd::<8>(table, at);
    load_singles |from| _mm_castsi128_ps(_mm_loadl_epi64(from.cast()));
    store_singles |to, value| _mm_storel_epi64(to.cast(), _mm_castps_si128(value));
}

lanes! {
    /// Four doubles.
    F64x4 Bits4 Mask4 [4]
    (__m256d, __m256i, __m256d, __m128)
    _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_div_pd _mm256_fmadd_pd _mm256_sqrt_pd _mm256_set1_pd
    _mm256_castpd_si256 _mm256_castsi256_pd
    _mm256_add_epi64 _mm256_sub_epi64 _mm256_and_si256 _mm256_or_si256 _mm256_xor_si256
    _mm256_sll_epi64 _mm256_srl_epi64 _mm256_set1_epi64x
    _mm256_loadu_pd _mm256_storeu_pd _mm256_cvtps_pd _mm256_cvtpd_ps _mm256_cvtsd_f64
    less |a, b| _mm256_cmp_pd::<_CMP_LT_OQ>(a, b);
    at_most |a, b| _mm256_cmp_pd::<_CMP_LE_OQ>(a, b);
    equal |a, b| _mm256_cmp_pd::<_CMP_EQ_OQ>(a, b);
    both |a, b| _mm256_and_pd(a, b);
    either |a, b| _mm256_or_pd(a, b);
    not |a| _mm256_xor_pd(a, _mm256_castsi256_pd(_mm256_set1_epi64x(-1)));
    all |mask| _mm256_movemask_pd(mask) == 0b1111;
    select |mask, then, otherwise| _mm256_blendv_pd(otherwise, then, mask);
    has_bit |bits, of| {
        let of = _mm256_set1_epi64x(of);
        _mm256_castsi256_pd(_mm256_cmpeq_epi64(_mm256_and_si256(bits, of), of))
    };
    gather |table, at| _mm256_i64gather_pd::<8>(table, at);
    permute |table, at| _mm256_i64gather_pd::<8>(table, at);
    load_singles |from| _mm_loadu_ps(from);
    store_singles |to, value| _mm_storeu_ps(to, value);
}

lanes! {
    /// Eight doubles.
    F64x8 Bits8 Mask8 [8]
    (__m512d, __m512i, __mmask8, __m256)
    _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_div_pd _mm512_fmadd_pd _mm512_sqrt_pd _mm512_set1_pd
    _mm512_castpd_si512 _mm512_castsi512_pd
    _mm512_add_epi64 _mm512_sub_epi64 _mm512_and_si512 _mm512_or_si512 _mm512_xor_si512
    _mm512_sll_epi64 _mm512_srl_epi64 _mm512_set1_epi64
    _mm512_loadu_pd _mm512_storeu_pd _mm512_cvtps_pd _mm512_cvtpd_ps _mm512_cvtsd_f64
    less |a, b| _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b);
    at_most |a, b| _mm512_cmp_pd_mask::<_CMP_LE_OQ>(a, b);
    equal |a, b| _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(a, b);
    both |a, b| a & b;
    either |a, b| a | b;
    not |a| !a;
    all |mask| mask == 0xff;
    select |mask, then, otherwise| _mm512_mask_blend_pd(mask, otherwise, then);
    has_bit |bits, of| _mm512_test_epi64_mask(bits, _mm512_set1_epi64(of));
    gather |table, at| _mm512_i64gather_pd::<8>(at, table);
    permute |table, at| _mm512_permutex2var_pd(_mm512_loadu_pd(table), at, _mm512_loadu_pd(table.add(8)));
    load_singles |from| _mm256_loadu_ps(from);
    store_singles |to, value| _mm256_storeu_ps(to, value);
}

impl F64x2 {
    /// The lanes of a register, which is passed as an argument.
    #[inline(always)]
    pub(crate) fn of_register(register: __m128d) -> F64x2 {
        F64x2(register)
    }

    /// The register.
    #[inline(always)]
    pub(crate) fn register(self) -> __m128d {
        self.0
    }
}
