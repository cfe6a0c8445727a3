//! The semantics of scalar instructions: the one definition that every tier
//! uses. Functions with a name of their own (sine, minimum) are those of
//! [`crate::scalar`], which tensor operations share, so all agree bit for bit.
//!
//! The lists below are macros over rows, from which the interpreters make
//! their handlers and the translator its visitor methods. A row is: visitor
//! method, name, operand type, result type (where it varies) and the value.

use crate::scalar;
pub use crate::scalar::{canonical_f32, canonical_f64};

pub use crate::object::Scalar;

/// A two-operand instruction that cannot trap.
pub trait Binary {
    /// Type of both operands.
    type In: Scalar;
    /// Type of the result.
    type Out: Scalar;
    /// The result.
    fn eval(a: Self::In, b: Self::In) -> Self::Out;
}

/// A one-operand instruction that cannot trap.
pub trait Unary {
    /// Type of the operand.
    type In: Scalar;
    /// Type of the result.
    type Out: Scalar;
    /// The result.
    fn eval(a: Self::In) -> Self::Out;
}

/// An integer division: traps when `b` is zero.
pub trait Division {
    /// Type of operands and result.
    type In: Scalar;
    /// The result, for a `b` that is not zero.
    fn eval(a: Self::In, b: Self::In) -> Self::In;
    /// Whether `b` is zero.
    fn is_zero(b: Self::In) -> bool;
}

/// A conversion that traps when the value does not fit.
pub trait Truncation {
    /// Type of the operand.
    type In: Scalar;
    /// Type of the result.
    type Out: Scalar;
    /// The result, if it fits.
    fn eval(a: Self::In) -> Option<Self::Out>;
}

macro_rules! copysign {
    ($ty:ident, $copysign:ident) => {
        /// `a` with the sign of `b`; a NaN has no sign of its own and counts as positive.
        #[inline(always)]
        pub fn $copysign(a: $ty, b: $ty) -> $ty {
            if b.is_nan() { a.abs() } else { a.copysign(b) }
        }
    };
}

copysign!(f32, f32_copysign);
copysign!(f64, f64_copysign);

macro_rules! truncations {
    ($($name:ident: $float:ty => $int:ty, $below:expr, $above:expr;)*) => {$(
        /// The integer part, if it fits. The bounds are exact in the float type:
        /// a value fits when it lies strictly between them.
        #[inline(always)]
        fn $name(a: $float) -> Option<$int> {
            (a > $below && a < $above).then_some(a as $int)
        }
    )*};
}

// Where the lower bound minus one is not a float, the next float below the
// least integer takes its place.
truncations! {
    trunc_f32_i32: f32 => i32, -2147483904.0, 2147483648.0;
    trunc_f64_i32: f64 => i32, -2147483649.0, 2147483648.0;
    trunc_f32_u32: f32 => u32, -1.0, 4294967296.0;
    trunc_f64_u32: f64 => u32, -1.0, 4294967296.0;
    trunc_f32_i64: f32 => i64, -9223373136366403584.0, 9223372036854775808.0;
    trunc_f64_i64: f64 => i64, -9223372036854777856.0, 9223372036854775808.0;
    trunc_f32_u64: f32 => u64, -1.0, 18446744073709551616.0;
    trunc_f64_u64: f64 => u64, -1.0, 18446744073709551616.0;
}

/// Two operands, no trap: `method Name In Out |a, b| value`.
#[macro_export]
macro_rules! for_each_binary {
    ($use_rows:path) => {
        $use_rows! {
            i32_add I32Add i32 i32 |a, b| a.wrapping_add(b);
            i32_sub I32Sub i32 i32 |a, b| a.wrapping_sub(b);
            i32_mul I32Mul i32 i32 |a, b| a.wrapping_mul(b);
            i32_and I32And i32 i32 |a, b| a & b;
            i32_or I32Or i32 i32 |a, b| a | b;
            i32_xor I32Xor i32 i32 |a, b| a ^ b;
            i32_shl I32Shl i32 i32 |a, b| a.wrapping_shl(b as u32);
            i32_shr I32Shr i32 i32 |a, b| a.wrapping_shr(b as u32);
            i32_shr_u I32ShrU i32 i32 |a, b| (a as u32).wrapping_shr(b as u32) as i32;
            i32_rotl I32Rotl i32 i32 |a, b| a.rotate_left(b as u32 & 31);
            i32_rotr I32Rotr i32 i32 |a, b| a.rotate_right(b as u32 & 31);
            i32_mulh I32Mulh i32 i32 |a, b| ((a as i64 * b as i64) >> 32) as i32;
            i32_mulh_u I32MulhU i32 i32 |a, b| ((a as u32 as u64 * b as u32 as u64) >> 32) as i32;
            i32_min I32Min i32 i32 |a, b| a.min(b);
            i32_min_u I32MinU i32 i32 |a, b| (a as u32).min(b as u32) as i32;
            i32_max I32Max i32 i32 |a, b| a.max(b);
            i32_max_u I32MaxU i32 i32 |a, b| (a as u32).max(b as u32) as i32;
            i64_add I64Add i64 i64 |a, b| a.wrapping_add(b);
            i64_sub I64Sub i64 i64 |a, b| a.wrapping_sub(b);
            i64_mul I64Mul i64 i64 |a, b| a.wrapping_mul(b);
            i64_and I64And i64 i64 |a, b| a & b;
            i64_or I64Or i64 i64 |a, b| a | b;
            i64_xor I64Xor i64 i64 |a, b| a ^ b;
            i64_shl I64Shl i64 i64 |a, b| a.wrapping_shl(b as u32);
            i64_shr I64Shr i64 i64 |a, b| a.wrapping_shr(b as u32);
            i64_shr_u I64ShrU i64 i64 |a, b| (a as u64).wrapping_shr(b as u32) as i64;
            i64_rotl I64Rotl i64 i64 |a, b| a.rotate_left(b as u32 & 63);
            i64_rotr I64Rotr i64 i64 |a, b| a.rotate_right(b as u32 & 63);
            i64_mulh I64Mulh i64 i64 |a, b| ((a as i128 * b as i128) >> 64) as i64;
            i64_mulh_u I64MulhU i64 i64 |a, b| ((a as u64 as u128 * b as u64 as u128) >> 64) as i64;
            i64_min I64Min i64 i64 |a, b| a.min(b);
            i64_min_u I64MinU i64 i64 |a, b| (a as u64).min(b as u64) as i64;
            i64_max I64Max i64 i64 |a, b| a.max(b);
            i64_max_u I64MaxU i64 i64 |a, b| (a as u64).max(b as u64) as i64;
            f32_add F32Add f32 f32 |a, b| a + b;
            f32_sub F32Sub f32 f32 |a, b| a - b;
            f32_mul F32Mul f32 f32 |a, b| a * b;
            f32_div F32Div f32 f32 |a, b| a / b;
            f32_rem F32Rem f32 f32 |a, b| scalar::rem_f32(a, b);
            f32_min F32Min f32 f32 |a, b| scalar::min_f32(a, b);
            f32_max F32Max f32 f32 |a, b| scalar::max_f32(a, b);
            f32_copysign F32Copysign f32 f32 |a, b| f32_copysign(a, b);
            f32_atan2 F32Atan2 f32 f32 |a, b| scalar::atan2_f32(a, b);
            f32_pow F32Pow f32 f32 |a, b| scalar::pow_f32(a, b);
            f32_hypot F32Hypot f32 f32 |a, b| scalar::hypot_f32(a, b);
            f64_add F64Add f64 f64 |a, b| a + b;
            f64_sub F64Sub f64 f64 |a, b| a - b;
            f64_mul F64Mul f64 f64 |a, b| a * b;
            f64_div F64Div f64 f64 |a, b| a / b;
            f64_rem F64Rem f64 f64 |a, b| scalar::rem_f64(a, b);
            f64_min F64Min f64 f64 |a, b| scalar::min_f64(a, b);
            f64_max F64Max f64 f64 |a, b| scalar::max_f64(a, b);
            f64_copysign F64Copysign f64 f64 |a, b| f64_copysign(a, b);
            f64_atan2 F64Atan2 f64 f64 |a, b| scalar::atan2_f64(a, b);
            f64_pow F64Pow f64 f64 |a, b| scalar::pow_f64(a, b);
            f64_hypot F64Hypot f64 f64 |a, b| scalar::hypot_f64(a, b);
            bool_and BoolAnd bool bool |a, b| a & b;
            bool_or BoolOr bool bool |a, b| a | b;
            bool_xor BoolXor bool bool |a, b| a ^ b;
            bool_eq BoolEq bool bool |a, b| a == b;
        }
    };
}
pub use crate::for_each_binary;

/// Comparisons: `method Name In |a, b| truth`.
#[macro_export]
macro_rules! for_each_compare {
    ($use_rows:path) => {
        $use_rows! {
            i32_eq I32Eq i32 |a, b| a == b;
            i32_ne I32Ne i32 |a, b| a != b;
            i32_lt I32Lt i32 |a, b| a < b;
            i32_le I32Le i32 |a, b| a <= b;
            i32_gt I32Gt i32 |a, b| a > b;
            i32_ge I32Ge i32 |a, b| a >= b;
            i32_lt_u I32LtU i32 |a, b| (a as u32) < (b as u32);
            i32_le_u I32LeU i32 |a, b| (a as u32) <= b as u32;
            i32_gt_u I32GtU i32 |a, b| (a as u32) > b as u32;
            i32_ge_u I32GeU i32 |a, b| (a as u32) >= b as u32;
            i64_eq I64Eq i64 |a, b| a == b;
            i64_ne I64Ne i64 |a, b| a != b;
            i64_lt I64Lt i64 |a, b| a < b;
            i64_le I64Le i64 |a, b| a <= b;
            i64_gt I64Gt i64 |a, b| a > b;
            i64_ge I64Ge i64 |a, b| a >= b;
            i64_lt_u I64LtU i64 |a, b| (a as u64) < (b as u64);
            i64_le_u I64LeU i64 |a, b| (a as u64) <= b as u64;
            i64_gt_u I64GtU i64 |a, b| (a as u64) > b as u64;
            i64_ge_u I64GeU i64 |a, b| (a as u64) >= b as u64;
            f32_eq F32Eq f32 |a, b| a == b;
            f32_ne F32Ne f32 |a, b| a != b;
            f32_lt F32Lt f32 |a, b| a < b;
            f32_le F32Le f32 |a, b| a <= b;
            f32_gt F32Gt f32 |a, b| a > b;
            f32_ge F32Ge f32 |a, b| a >= b;
            f64_eq F64Eq f64 |a, b| a == b;
            f64_ne F64Ne f64 |a, b| a != b;
            f64_lt F64Lt f64 |a, b| a < b;
            f64_le F64Le f64 |a, b| a <= b;
            f64_gt F64Gt f64 |a, b| a > b;
            f64_ge F64Ge f64 |a, b| a >= b;
        }
    };
}
pub use crate::for_each_compare;

/// Integer divisions: `method Name In |a, b| value for b not zero`.
#[macro_export]
macro_rules! for_each_division {
    ($use_rows:path) => {
        $use_rows! {
            i32_div I32Div i32 |a, b| a.wrapping_div(b);
            i32_div_u I32DivU i32 |a, b| (a as u32 / b as u32) as i32;
            i32_rem I32Rem i32 |a, b| a.wrapping_rem(b);
            i32_rem_u I32RemU i32 |a, b| (a as u32 % b as u32) as i32;
            i64_div I64Div i64 |a, b| a.wrapping_div(b);
            i64_div_u I64DivU i64 |a, b| (a as u64 / b as u64) as i64;
            i64_rem I64Rem i64 |a, b| a.wrapping_rem(b);
            i64_rem_u I64RemU i64 |a, b| (a as u64 % b as u64) as i64;
        }
    };
}
pub use crate::for_each_division;

/// One operand, no trap: `method Name In Out |a| value`.
#[macro_export]
macro_rules! for_each_unary {
    ($use_rows:path) => {
        $use_rows! {
            i32_neg I32Neg i32 i32 |a| a.wrapping_neg();
            i32_not I32Not i32 i32 |a| !a;
            i32_abs I32Abs i32 i32 |a| a.wrapping_abs();
            i32_clz I32Clz i32 i32 |a| a.leading_zeros() as i32;
            i32_ctz I32Ctz i32 i32 |a| a.trailing_zeros() as i32;
            i32_popcnt I32Popcnt i32 i32 |a| a.count_ones() as i32;
            i32_extend8 I32Extend8 i32 i32 |a| a as i8 as i32;
            i32_extend16 I32Extend16 i32 i32 |a| a as i16 as i32;
            i64_neg I64Neg i64 i64 |a| a.wrapping_neg();
            i64_not I64Not i64 i64 |a| !a;
            i64_abs I64Abs i64 i64 |a| a.wrapping_abs();
            i64_clz I64Clz i64 i64 |a| a.leading_zeros() as i64;
            i64_ctz I64Ctz i64 i64 |a| a.trailing_zeros() as i64;
            i64_popcnt I64Popcnt i64 i64 |a| a.count_ones() as i64;
            i64_extend8 I64Extend8 i64 i64 |a| a as i8 as i64;
            i64_extend16 I64Extend16 i64 i64 |a| a as i16 as i64;
            i64_extend32 I64Extend32 i64 i64 |a| a as i32 as i64;
            f32_neg F32Neg f32 f32 |a| -a;
            f32_abs F32Abs f32 f32 |a| a.abs();
            f32_sqrt F32Sqrt f32 f32 |a| a.sqrt();
            f32_ceil F32Ceil f32 f32 |a| a.ceil();
            f32_floor F32Floor f32 f32 |a| a.floor();
            f32_trunc F32Trunc f32 f32 |a| a.trunc();
            f32_sin F32Sin f32 f32 |a| scalar::sin_f32(a);
            f32_cos F32Cos f32 f32 |a| scalar::cos_f32(a);
            f32_tan F32Tan f32 f32 |a| scalar::tan_f32(a);
            f32_asin F32Asin f32 f32 |a| scalar::asin_f32(a);
            f32_acos F32Acos f32 f32 |a| scalar::acos_f32(a);
            f32_atan F32Atan f32 f32 |a| scalar::atan_f32(a);
            f32_sinh F32Sinh f32 f32 |a| scalar::sinh_f32(a);
            f32_cosh F32Cosh f32 f32 |a| scalar::cosh_f32(a);
            f32_tanh F32Tanh f32 f32 |a| scalar::tanh_f32(a);
            f32_exp F32Exp f32 f32 |a| scalar::exp_f32(a);
            f32_exp2 F32Exp2 f32 f32 |a| scalar::exp2_f32(a);
            f32_ln F32Ln f32 f32 |a| scalar::ln_f32(a);
            f32_log2 F32Log2 f32 f32 |a| scalar::log2_f32(a);
            f32_log10 F32Log10 f32 f32 |a| scalar::log10_f32(a);
            f32_cbrt F32Cbrt f32 f32 |a| scalar::cbrt_f32(a);
            f32_nearest F32Nearest f32 f32 |a| scalar::nearest_f32(a);
            f32_expm1 F32Expm1 f32 f32 |a| scalar::expm1_f32(a);
            f32_log1p F32Log1p f32 f32 |a| scalar::log1p_f32(a);
            f32_erf F32Erf f32 f32 |a| scalar::erf_f32(a);
            f32_erfc F32Erfc f32 f32 |a| scalar::erfc_f32(a);
            f32_lgamma F32Lgamma f32 f32 |a| scalar::lgamma_f32(a);
            f32_tgamma F32Tgamma f32 f32 |a| scalar::tgamma_f32(a);
            f64_neg F64Neg f64 f64 |a| -a;
            f64_abs F64Abs f64 f64 |a| a.abs();
            f64_sqrt F64Sqrt f64 f64 |a| a.sqrt();
            f64_ceil F64Ceil f64 f64 |a| a.ceil();
            f64_floor F64Floor f64 f64 |a| a.floor();
            f64_trunc F64Trunc f64 f64 |a| a.trunc();
            f64_sin F64Sin f64 f64 |a| scalar::sin_f64(a);
            f64_cos F64Cos f64 f64 |a| scalar::cos_f64(a);
            f64_tan F64Tan f64 f64 |a| scalar::tan_f64(a);
            f64_asin F64Asin f64 f64 |a| scalar::asin_f64(a);
            f64_acos F64Acos f64 f64 |a| scalar::acos_f64(a);
            f64_atan F64Atan f64 f64 |a| scalar::atan_f64(a);
            f64_sinh F64Sinh f64 f64 |a| scalar::sinh_f64(a);
            f64_cosh F64Cosh f64 f64 |a| scalar::cosh_f64(a);
            f64_tanh F64Tanh f64 f64 |a| scalar::tanh_f64(a);
            f64_exp F64Exp f64 f64 |a| scalar::exp_f64(a);
            f64_exp2 F64Exp2 f64 f64 |a| scalar::exp2_f64(a);
            f64_ln F64Ln f64 f64 |a| scalar::ln_f64(a);
            f64_log2 F64Log2 f64 f64 |a| scalar::log2_f64(a);
            f64_log10 F64Log10 f64 f64 |a| scalar::log10_f64(a);
            f64_cbrt F64Cbrt f64 f64 |a| scalar::cbrt_f64(a);
            f64_nearest F64Nearest f64 f64 |a| scalar::nearest_f64(a);
            f64_expm1 F64Expm1 f64 f64 |a| scalar::expm1_f64(a);
            f64_log1p F64Log1p f64 f64 |a| scalar::log1p_f64(a);
            f64_erf F64Erf f64 f64 |a| scalar::erf_f64(a);
            f64_erfc F64Erfc f64 f64 |a| scalar::erfc_f64(a);
            f64_lgamma F64Lgamma f64 f64 |a| scalar::lgamma_f64(a);
            f64_tgamma F64Tgamma f64 f64 |a| scalar::tgamma_f64(a);
            bool_not BoolNot bool bool |a| !a;
            i32_wrap_i64 I32WrapI64 i64 i32 |a| a as i32;
            i64_extend_i32 I64ExtendI32 i32 i64 |a| a as i64;
            i64_extend_i32_u I64ExtendI32U i32 i64 |a| a as u32 as i64;
            i32_from_bool I32FromBool bool i32 |a| a as i32;
            i64_from_bool I64FromBool bool i64 |a| a as i64;
            f32_from_i32 F32FromI32 i32 f32 |a| a as f32;
            f32_from_i32_u F32FromI32U i32 f32 |a| a as u32 as f32;
            f32_from_i64 F32FromI64 i64 f32 |a| a as f32;
            f32_from_i64_u F32FromI64U i64 f32 |a| a as u64 as f32;
            f64_from_i32 F64FromI32 i32 f64 |a| a as f64;
            f64_from_i32_u F64FromI32U i32 f64 |a| a as u32 as f64;
            f64_from_i64 F64FromI64 i64 f64 |a| a as f64;
            f64_from_i64_u F64FromI64U i64 f64 |a| a as u64 as f64;
            i32_sat_f32 I32SatF32 f32 i32 |a| a as i32;
            i32_sat_f32_u I32SatF32U f32 i32 |a| a as u32 as i32;
            i32_sat_f64 I32SatF64 f64 i32 |a| a as i32;
            i32_sat_f64_u I32SatF64U f64 i32 |a| a as u32 as i32;
            i64_sat_f32 I64SatF32 f32 i64 |a| a as i64;
            i64_sat_f32_u I64SatF32U f32 i64 |a| a as u64 as i64;
            i64_sat_f64 I64SatF64 f64 i64 |a| a as i64;
            i64_sat_f64_u I64SatF64U f64 i64 |a| a as u64 as i64;
            f32_demote F32Demote f64 f32 |a| a as f32;
            f64_promote F64Promote f32 f64 |a| a as f64;
            i32_reinterpret I32Reinterpret f32 i32 |a| canonical_f32(a).to_bits() as i32;
            f32_reinterpret F32Reinterpret i32 f32 |a| f32::from_bits(a as u32);
            i64_reinterpret I64Reinterpret f64 i64 |a| canonical_f64(a).to_bits() as i64;
            f64_reinterpret F64Reinterpret i64 f64 |a| f64::from_bits(a as u64);
        }
    };
}
pub use crate::for_each_unary;

/// Conversions that may not fit: `method Name In Out |a| value if it fits`.
#[macro_export]
macro_rules! for_each_truncation {
    ($use_rows:path) => {
        $use_rows! {
            i32_trunc_f32 I32TruncF32 f32 i32 |a| trunc_f32_i32(a);
            i32_trunc_f32_u I32TruncF32U f32 i32 |a| trunc_f32_u32(a).map(|v| v as i32);
            i32_trunc_f64 I32TruncF64 f64 i32 |a| trunc_f64_i32(a);
            i32_trunc_f64_u I32TruncF64U f64 i32 |a| trunc_f64_u32(a).map(|v| v as i32);
            i64_trunc_f32 I64TruncF32 f32 i64 |a| trunc_f32_i64(a);
            i64_trunc_f32_u I64TruncF32U f32 i64 |a| trunc_f32_u64(a).map(|v| v as i64);
            i64_trunc_f64 I64TruncF64 f64 i64 |a| trunc_f64_i64(a);
            i64_trunc_f64_u I64TruncF64U f64 i64 |a| trunc_f64_u64(a).map(|v| v as i64);
        }
    };
}
pub use crate::for_each_truncation;

macro_rules! define_binary {
    ($($method:ident $name:ident $in:ident $out:ident |$a:ident, $b:ident| $value:expr;)*) => {$(
        #[doc = concat!("`", stringify!($method), "`")]
        pub struct $name;
        impl Binary for $name {
            type In = $in;
            type Out = $out;
            #[inline(always)]
            fn eval($a: $in, $b: $in) -> $out {
                $value
            }
        }
    )*};
}
for_each_binary!(define_binary);

macro_rules! define_compare {
    ($($method:ident $name:ident $in:ident |$a:ident, $b:ident| $value:expr;)*) => {$(
        #[doc = concat!("`", stringify!($method), "`")]
        pub struct $name;
        impl Binary for $name {
            type In = $in;
            type Out = bool;
            #[inline(always)]
            fn eval($a: $in, $b: $in) -> bool {
                $value
            }
        }
    )*};
}
for_each_compare!(define_compare);

macro_rules! define_division {
    ($($method:ident $name:ident $in:ident |$a:ident, $b:ident| $value:expr;)*) => {$(
        #[doc = concat!("`", stringify!($method), "`")]
        pub struct $name;
        impl Division for $name {
            type In = $in;
            #[inline(always)]
            fn eval($a: $in, $b: $in) -> $in {
                $value
            }
            #[inline(always)]
            fn is_zero(b: $in) -> bool {
                b == 0
            }
        }
    )*};
}
for_each_division!(define_division);

macro_rules! define_unary {
    ($($method:ident $name:ident $in:ident $out:ident |$a:ident| $value:expr;)*) => {$(
        #[doc = concat!("`", stringify!($method), "`")]
        pub struct $name;
        impl Unary for $name {
            type In = $in;
            type Out = $out;
            #[inline(always)]
            fn eval($a: $in) -> $out {
                $value
            }
        }
    )*};
}
for_each_unary!(define_unary);

macro_rules! define_truncation {
    ($($method:ident $name:ident $in:ident $out:ident |$a:ident| $value:expr;)*) => {$(
        #[doc = concat!("`", stringify!($method), "`")]
        pub struct $name;
        impl Truncation for $name {
            type In = $in;
            type Out = $out;
            #[inline(always)]
            fn eval($a: $in) -> Option<$out> {
                $value
            }
        }
    )*};
}
for_each_truncation!(define_truncation);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_stops_exactly_at_the_border() {
        assert_eq!(trunc_f64_i32(-2147483648.9), Some(i32::MIN));
        assert_eq!(trunc_f64_i32(-2147483649.0), None);
        assert_eq!(trunc_f64_i32(2147483647.9), Some(i32::MAX));
        assert_eq!(trunc_f64_i64(-9223372036854775808.0), Some(i64::MIN));
        assert_eq!(trunc_f64_i64(9223372036854775808.0), None);
        assert_eq!(trunc_f32_i32(-2147483648.0), Some(i32::MIN));
        assert_eq!(trunc_f32_u64(-0.9), Some(0));
        assert_eq!(trunc_f64_u32(f64::NAN), None);
    }

    #[test]
    fn a_nan_has_no_sign_to_copy() {
        assert_eq!(f64_copysign(3.0, -f64::NAN), 3.0);
    }
}
