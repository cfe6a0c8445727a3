//! Elementwise logic of truth values and integers, shifts, division that rounds down, signs, and
//! what kind of number an element is.
//!
//! Invariant: integers compute what the scalar instructions of that name do, with the
//! width of the element.

use super::OpCall;
use super::elementwise::{binary, division, unary};
use super::number::{Number, Real};
use crate::object::Element;
use crate::object::element::with_elem;
use crate::trap::TrapError;
use num_complex::Complex;

type Done = Result<(), TrapError>;

/// Truth values and integers.
trait Bits: Element {
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
}

macro_rules! bits {
    ($($ty:ident)*) => {$(
        impl Bits for $ty {
            #[inline(always)]
            fn and(self, other: $ty) -> $ty {
                self & other
            }
            #[inline(always)]
            fn or(self, other: $ty) -> $ty {
                self | other
            }
            #[inline(always)]
            fn xor(self, other: $ty) -> $ty {
                self ^ other
            }
            #[inline(always)]
            fn not(self) -> $ty {
                !self
            }
        }
    )*};
}
bits!(bool u8 i32 i64);

/// Integers, which can be shifted.
trait Shift: Element {
    fn shl(self, by: Self) -> Self;
    fn shr(self, by: Self) -> Self;
}

macro_rules! shifts {
    ($($ty:ident)*) => {$(
        impl Shift for $ty {
            #[inline(always)]
            fn shl(self, by: $ty) -> $ty {
                self.wrapping_shl(by as u32)
            }
            #[inline(always)]
            fn shr(self, by: $ty) -> $ty {
                self.wrapping_shr(by as u32)
            }
        }
    )*};
}
shifts!(u8 i32 i64);

/// Numbers with a quotient that is rounded down, and the remainder that goes with it.
trait Floored: Real {
    fn floor_div(self, by: Self) -> Self;
    fn modulo(self, by: Self) -> Self;
}

macro_rules! floored_integers {
    ($($ty:ident $is_negative:expr;)*) => {$(
        impl Floored for $ty {
            #[inline(always)]
            fn floor_div(self, by: $ty) -> $ty {
                let (quotient, rest) = (Number::div(self, by), Real::rem(self, by));
                quotient.wrapping_sub((rest != 0 && $is_negative(rest) != $is_negative(by)) as $ty)
            }
            #[inline(always)]
            fn modulo(self, by: $ty) -> $ty {
                let rest = Real::rem(self, by);
                if rest != 0 && $is_negative(rest) != $is_negative(by) { rest.wrapping_add(by) } else { rest }
            }
        }
    )*};
}
floored_integers! {
    u8 |_| false;
    i32 |v: i32| v < 0;
    i64 |v: i64| v < 0;
}

macro_rules! floored_floats {
    ($($ty:ident)*) => {$(
        impl Floored for $ty {
            #[inline(always)]
            fn floor_div(self, by: $ty) -> $ty {
                if by == 0.0 {
                    return self / by;
                }
                let rest = Real::rem(self, by);
                let mut quotient = (self - rest) / by;
                if rest != 0.0 && (by < 0.0) != (rest < 0.0) {
                    quotient -= 1.0;
                }
                if quotient == 0.0 {
                    return (0.0 as $ty).copysign(self / by);
                }
                // It is a whole number but for rounding.
                let down = quotient.floor();
                if quotient - down > 0.5 { down + 1.0 } else { down }
            }
            #[inline(always)]
            fn modulo(self, by: $ty) -> $ty {
                let rest = Real::rem(self, by);
                if rest == 0.0 {
                    return (0.0 as $ty).copysign(by);
                }
                if (by < 0.0) != (rest < 0.0) { rest + by } else { rest }
            }
        }
    )*};
}
floored_floats!(f32 f64);

/// [`unary`] with elements of one type.
fn same<T: Element>(call: &mut OpCall<'_>, f: impl Fn(T) -> T + Copy + Sync) -> Done {
    unary(call, 1, f)
}

macro_rules! kernels {
    ($($kernel:ident $class:ident $method:path;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            with_elem!($class call.elem(0), T => binary::<T, T>(call, 1, $method))
        }
    )*};
}

kernels! {
    tensor_and bits Bits::and;
    tensor_or bits Bits::or;
    tensor_xor bits Bits::xor;
    tensor_shl int Shift::shl;
    tensor_shr int Shift::shr;
}

pub(super) fn tensor_not(call: &mut OpCall<'_>) -> Done {
    with_elem!(bits call.elem(0), T => same::<T>(call, Bits::not))
}

pub(super) fn tensor_floor_div(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => division::<T>(call, 30, Floored::floor_div))
}

pub(super) fn tensor_mod(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => division::<T>(call, 25, Floored::modulo))
}

/// -1, 0 or 1; NaN of NaN.
#[inline(always)]
fn sign<T: Real>(v: T) -> T {
    let whole = if v > T::ZERO { T::one() } else { T::ZERO };
    let signed = if v < T::ZERO { T::one().neg() } else { whole };
    if v.is_nan() { v } else { signed }
}

pub(super) fn tensor_sign(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => same::<T>(call, sign))
}

/// What kind of number a float or a complex number is.
trait Kind: Element {
    fn is_nan(self) -> bool;
    fn is_infinite(self) -> bool;
    fn is_finite(self) -> bool;
}

macro_rules! kinds {
    ($($ty:ident)*) => {$(
        impl Kind for $ty {
            #[inline(always)]
            fn is_nan(self) -> bool {
                $ty::is_nan(self)
            }
            #[inline(always)]
            fn is_infinite(self) -> bool {
                $ty::is_infinite(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $ty::is_finite(self)
            }
        }
        impl Kind for Complex<$ty> {
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.re.is_nan() | self.im.is_nan()
            }
            #[inline(always)]
            fn is_infinite(self) -> bool {
                self.re.is_infinite() | self.im.is_infinite()
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.re.is_finite() & self.im.is_finite()
            }
        }
    )*};
}
kinds!(f32 f64);

macro_rules! kind_kernels {
    ($($kernel:ident $method:path;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            with_elem!(inexact call.elem(0), T => unary::<T, bool>(call, 1, $method))
        }
    )*};
}

kind_kernels! {
    tensor_is_nan Kind::is_nan;
    tensor_is_inf Kind::is_infinite;
    tensor_is_finite Kind::is_finite;
}
