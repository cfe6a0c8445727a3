//! One double: what every processor can, in plain Rust.

use super::{Lanes, Memory, fma};
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Shl, Shr, Sub};

/// A double. With `FUSED`, fused multiplication and addition is an instruction of the
/// processor; without it is made of integers.
#[derive(Clone, Copy, Debug)]
pub struct Scalar<const FUSED: bool>(f64);

/// A double on a processor of which nothing is known.
pub type Portable = Scalar<{ cfg!(target_feature = "fma") || cfg!(target_arch = "aarch64") }>;

/// A double on a processor that has fused multiplication and addition.
pub type Fused = Scalar<true>;

/// The bits of a double.
#[derive(Clone, Copy, Debug)]
pub struct Bits(i64);

macro_rules! operators {
    ($(($($generic:tt)*) $type:ty: $trait:ident $method:ident |$a:ident, $b:ident| $value:expr;)*) => {$(
        impl<$($generic)*> $trait for $type {
            type Output = $type;
            #[inline(always)]
            fn $method(self, other: $type) -> $type {
                let ($a, $b) = (self.0, other.0);
                Self($value)
            }
        }
    )*};
}
operators! {
    (const FUSED: bool) Scalar<FUSED>: Add add |a, b| a + b;
    (const FUSED: bool) Scalar<FUSED>: Sub sub |a, b| a - b;
    (const FUSED: bool) Scalar<FUSED>: Mul mul |a, b| a * b;
    (const FUSED: bool) Scalar<FUSED>: Div div |a, b| a / b;
    () Bits: Add add |a, b| a.wrapping_add(b);
    () Bits: Sub sub |a, b| a.wrapping_sub(b);
    () Bits: BitAnd bitand |a, b| a & b;
    () Bits: BitOr bitor |a, b| a | b;
    () Bits: BitXor bitxor |a, b| a ^ b;
}

impl<const FUSED: bool> Neg for Scalar<FUSED> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Scalar(-self.0)
    }
}

impl Shl<u32> for Bits {
    type Output = Bits;
    #[inline(always)]
    fn shl(self, by: u32) -> Bits {
        Bits(self.0 << by)
    }
}

impl Shr<u32> for Bits {
    type Output = Bits;
    #[inline(always)]
    fn shr(self, by: u32) -> Bits {
        Bits((self.0 as u64 >> by) as i64)
    }
}

impl<const FUSED: bool> Lanes for Scalar<FUSED> {
    const LANES: usize = 1;
    type Mask = bool;
    type Bits = Bits;
    #[inline(always)]
    fn splat(x: f64) -> Self {
        Scalar(x)
    }
    #[inline(always)]
    fn splat_bits(bits: i64) -> Bits {
        Bits(bits)
    }
    #[inline(always)]
    fn fma(self, by: Self, plus: Self) -> Self {
        Scalar(if FUSED { self.0.mul_add(by.0, plus.0) } else { fma::fma(self.0, by.0, plus.0) })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Scalar(self.0.sqrt())
    }
    #[inline(always)]
    fn lt(self, other: Self) -> bool {
        self.0 < other.0
    }
    #[inline(always)]
    fn le(self, other: Self) -> bool {
        self.0 <= other.0
    }
    #[inline(always)]
    fn eq(self, other: Self) -> bool {
        self.0 == other.0
    }
    #[inline(always)]
    fn select(mask: bool, then: Self, otherwise: Self) -> Self {
        if mask { then } else { otherwise }
    }
    #[inline(always)]
    fn bits(self) -> Bits {
        Bits(self.0.to_bits() as i64)
    }
    #[inline(always)]
    fn of_bits(bits: Bits) -> Self {
        Scalar(f64::from_bits(bits.0 as u64))
    }
    #[inline(always)]
    fn has_bit(bits: Bits, of: i64) -> bool {
        bits.0 & of != 0
    }
    #[inline(always)]
    fn lookup(table: &'static [f64], at: Bits) -> Self {
        Scalar(table[at.0 as usize])
    }
    #[inline(always)]
    fn lookup16(table: &'static [f64; 16], at: Bits) -> Self {
        Scalar(table[at.0 as usize])
    }
}

impl<const FUSED: bool> Memory for Scalar<FUSED> {
    #[inline(always)]
    fn all(mask: bool) -> bool {
        mask
    }
    #[inline(always)]
    fn first(self) -> f64 {
        self.0
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        // SAFETY: upheld by the caller.
        Scalar(unsafe { from.read() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: upheld by the caller.
        unsafe { to.write(self.0) }
    }
    #[inline(always)]
    unsafe fn load_singles(from: *const f32) -> Self {
        // SAFETY: upheld by the caller.
        Scalar(f64::from(unsafe { from.read() }))
    }
    #[inline(always)]
    unsafe fn store_singles(self, to: *mut f32) {
        // SAFETY: upheld by the caller.
        unsafe { to.write(self.0 as f32) }
    }
}
