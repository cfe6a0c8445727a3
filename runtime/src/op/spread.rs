//! Variance, deviation and norm of all elements.
//!
//! Invariant: each sum is folded in the fixed order of [`reduce`](super::reduce). A norm is
//! finite where the elements are and it is not itself too large.

use super::OpCall;
use super::number::Real;
use super::reduce::{Largest, Sum, fold_all_of};
use crate::object::Scalar;
use crate::object::element::with_elem;
use crate::trap::TrapError;

type Done = Result<(), TrapError>;

/// What variances and norms need of floats.
pub(super) trait Spread: Real {
    /// The square of the distance from `mean`.
    fn squared_distance(self, mean: Self) -> Self;
    fn sqrt(self) -> Self;
    /// The number nearest to `count`.
    fn of_count(count: f64) -> Self;
    /// Whether a sum of squares has neither overflowed nor lost what matters below.
    fn is_safe_square(self) -> bool;
    /// A power of two that brings a number near to 1; 1 where it is zero or not finite.
    fn scale(self) -> Self;
    /// The norm by the largest element, the scale, and the sum of squares of scaled elements.
    fn norm(most: Self, scale: Self, squares: Self) -> Self {
        let is_itself = most == Self::ZERO || most.is_nan() || most == Self::LARGEST;
        if is_itself { most } else { squares.sqrt().div(scale) }
    }
}

macro_rules! spread {
    ($($ty:ident $bits:ident $digits:literal $bias:literal $least:literal;)*) => {$(
        impl Spread for $ty {
            #[inline(always)]
            fn squared_distance(self, mean: $ty) -> $ty {
                (self - mean) * (self - mean)
            }
            #[inline(always)]
            fn sqrt(self) -> $ty {
                $ty::sqrt(self)
            }
            #[inline(always)]
            fn of_count(count: f64) -> $ty {
                count as $ty
            }
            #[inline(always)]
            fn is_safe_square(self) -> bool {
                // 2 to the power of -`$least` at least.
                self >= $ty::from_bits(($bias - $least) << $digits) && self < $ty::INFINITY
            }
            #[inline(always)]
            fn scale(self) -> $ty {
                if self == 0.0 || !self.is_finite() {
                    return 1.0;
                }
                let exponent: i32 = (self.to_bits() >> $digits) as i32 - $bias;
                // Neither it nor what is divided by it leaves the range of normal numbers.
                let power = (-exponent).clamp(1 - $bias, $bias - 1);
                $ty::from_bits(((power + $bias) as $bits) << $digits)
            }
        }
    )*};
}
spread! {
    f32 u32 23 127 80;
    f64 u64 52 1023 900;
}

/// What sums of squares are divided by: `n` less the degrees of freedom that are lost, at least 0.
pub(super) fn degrees(n: usize, lost: i64) -> f64 {
    (n as i128 - i128::from(lost)).max(0) as f64
}

fn variance<T: Spread>(call: &mut OpCall<'_>) -> Result<T, TrapError> {
    let (n, lost) = (call.tensor(0).len(), call.int(1));
    let mean = fold_all_of(call, 0, Sum, |v: T| v)?.div(T::of_count(n as f64));
    Ok(fold_all_of(call, 0, Sum, |v: T| v.squared_distance(mean))?.div(T::of_count(degrees(n, lost))))
}

pub(super) fn tensor_var(call: &mut OpCall<'_>) -> Done {
    with_elem!(float call.elem(0), T => {
        let variance = variance::<T>(call)?;
        call.set(variance.to_slot());
        Ok(())
    })
}

pub(super) fn tensor_std(call: &mut OpCall<'_>) -> Done {
    with_elem!(float call.elem(0), T => {
        let variance = variance::<T>(call)?;
        call.set(Spread::sqrt(variance).to_slot());
        Ok(())
    })
}

pub(super) fn tensor_norm(call: &mut OpCall<'_>) -> Done {
    with_elem!(float call.elem(0), T => {
        let mut norm = fold_all_of(call, 0, Sum, |v: T| v * v)?;
        norm = if norm.is_safe_square() {
            Spread::sqrt(norm)
        } else {
            let most = fold_all_of(call, 0, Largest, |v: T| Real::abs(v))?;
            let scale = most.scale();
            let squares = fold_all_of(call, 0, Sum, |v: T| (v * scale) * (v * scale))?;
            T::norm(most, scale, squares)
        };
        call.set(norm.to_slot());
        Ok(())
    })
}
