//! The Rust types behind tensor elements.

use nbc_ir::Elem;
use num_complex::Complex;

/// A Rust type that is the element type of a tensor.
///
/// # Safety
/// `ELEM` must have the size and meaning of the type, which must have no
/// padding and an alignment of at most 16.
pub unsafe trait Element: Copy + Send + Sync + PartialEq + std::fmt::Debug + 'static {
    /// The element type.
    const ELEM: Elem;
    /// The element whose bits are all zero.
    const ZERO: Self;
    /// The element in a register slot, unless it does not fit one.
    fn from_slot_if_scalar(slot: u64) -> Option<Self>;
}

/// An element that fits a 64-bit register slot: 32-bit values are
/// zero-extended, truth values are 0 or 1.
pub trait Scalar: Element {
    /// The element in a register slot.
    fn from_slot(slot: u64) -> Self;
    /// The register slot holding the element: 32-bit values zero-extended.
    fn to_slot(self) -> u64;
}

macro_rules! elements {
    ($($ty:ty, $elem:ident, $zero:expr, $slot:ident => $from:expr;)*) => {$(
        // SAFETY: the type is the one that the element type names, without
        // padding, at most 8-aligned.
        unsafe impl Element for $ty {
            const ELEM: Elem = Elem::$elem;
            const ZERO: $ty = $zero;
            fn from_slot_if_scalar($slot: u64) -> Option<$ty> {
                $from
            }
        }
    )*};
}

elements! {
    u8, U8, 0, s => Some(Scalar::from_slot(s));
    i32, I32, 0, s => Some(Scalar::from_slot(s));
    i64, I64, 0, s => Some(Scalar::from_slot(s));
    f32, F32, 0.0, s => Some(Scalar::from_slot(s));
    f64, F64, 0.0, s => Some(Scalar::from_slot(s));
    Complex<f32>, C64, Complex { re: 0.0, im: 0.0 }, _s => None;
    Complex<f64>, C128, Complex { re: 0.0, im: 0.0 }, _s => None;
    bool, Bool, false, s => Some(Scalar::from_slot(s));
}

macro_rules! scalars {
    ($($ty:ty: $slot:ident => $from:expr, $value:ident => $to:expr;)*) => {$(
        impl Scalar for $ty {
            #[inline(always)]
            fn from_slot($slot: u64) -> $ty {
                $from
            }
            #[inline(always)]
            fn to_slot(self) -> u64 {
                let $value = self;
                $to
            }
        }
    )*};
}

scalars! {
    u8: s => s as u8, v => v as u64;
    i32: s => s as i32, v => v as u32 as u64;
    i64: s => s as i64, v => v as u64;
    f32: s => f32::from_bits(s as u32), v => v.to_bits() as u64;
    f64: s => f64::from_bits(s), v => v.to_bits();
    bool: s => s != 0, v => v as u64;
}

/// Runs `$body` with the type alias `$T` for the element type `$elem`, which
/// must be one of the classes listed: `any`, `scalar`, `number`, `real`, `int`,
/// `bits`, `float`, `inexact` or `sparse`, as in the catalogue. The verifier has proven the
/// class, so other element types are an internal error.
macro_rules! with_elem {
    (any $elem:expr, $T:ident => $body:expr) => {
        with_elem!(@arms $elem, $T, $body, U8 u8, I32 i32, I64 i64, F32 f32, F64 f64, Bool bool,
            C64 num_complex::Complex<f32>, C128 num_complex::Complex<f64>;)
    };
    (scalar $elem:expr, $T:ident => $body:expr) => {
        with_elem!(@arms $elem, $T, $body, U8 u8, I32 i32, I64 i64, F32 f32, F64 f64, Bool bool; else)
    };
    (number $elem:expr, $T:ident => $body:expr) => {
        with_elem!(@arms $elem, $T, $body, U8 u8, I32 i32, I64 i64, F32 f32, F64 f64,
            C64 num_complex::Complex<f32>, C128 num_complex::Complex<f64>; else)
    };
    (real $elem:expr, $T:ident => $body:expr) => {
        with_elem!(@arms $elem, $T, $body, U8 u8, I32 i32, I64 i64, F32 f32, F64 f64; else)
    };
    (int $elem:expr, $T:ident => $body:expr) => {
        with_elem!(@arms $elem, $T, $body, U8 u8, I32 i32, I64 i64; else)
    };
    (bits $elem:expr, $T:ident => $body:expr) => {
        with_elem!(@arms $elem, $T, $body, U8 u8, I32 i32, I64 i64, Bool bool; else)
    };
    (float $elem:expr, $T:ident => $body:expr) => {
        with_elem!(@arms $elem, $T, $body, F32 f32, F64 f64; else)
    };
    (inexact $elem:expr, $T:ident => $body:expr) => {
        with_elem!(@arms $elem, $T, $body, F32 f32, F64 f64,
            C64 num_complex::Complex<f32>, C128 num_complex::Complex<f64>; else)
    };
    (sparse $elem:expr, $T:ident => $body:expr) => {
        with_elem!(@arms $elem, $T, $body, F32 f32, F64 f64, C128 num_complex::Complex<f64>; else)
    };
    (@arms $elem:expr, $T:ident, $body:expr, $($variant:ident $ty:ty),*; $($other:tt)?) => {
        match $elem {
            $(nbc_ir::Elem::$variant => { type $T = $ty; $body })*
            $(#[allow(unreachable_patterns)] other => with_elem!(@wrong $other other),)?
        }
    };
    (@wrong else $found:ident) => {
        Err($crate::trap::TrapError::new(
            $crate::trap::TrapCode::InvalidArgument,
            format!("the operation is not defined for elements of type {}", $found),
        ))
    };
}
pub(crate) use with_elem;

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Element>() {
        assert_eq!(size_of::<T>(), T::ELEM.size());
        assert!(align_of::<T>() <= 16);
    }

    #[test]
    fn elements_have_the_size_of_their_type() {
        check::<u8>();
        check::<i32>();
        check::<i64>();
        check::<f32>();
        check::<f64>();
        check::<Complex<f32>>();
        check::<Complex<f64>>();
        check::<bool>();
    }

    #[test]
    fn slots_zero_extend() {
        assert_eq!((-1i32).to_slot(), 0xffff_ffff);
        assert_eq!(i32::from_slot(0xffff_ffff), -1);
        assert_eq!((-1f32).to_slot(), 0xbf80_0000);
        assert_eq!(u8::from_slot(0x1ff), 255);
    }
}
