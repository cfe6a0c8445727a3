//! Vectors of doubles, in which every mathematical function is written once.
//!
//! [`Lanes`] is what a function may do: arithmetic, comparison, choice, the bits
//! of a double, small tables. There is one implementation for each width that
//! processors have, and one that counts on no instruction but the plainest.
//! Another writes down what it is asked, as a function in C.
//!
//! Invariant: an operation gives each lane what it gives a vector of one, to the
//! bit (NaN aside, which is some NaN). So the width never shows in a result.
//!
//! ```
//! use nbc_numerics::lanes::{Lanes, Memory, Portable};
//! fn cube<L: Lanes>(x: L) -> L {
//!     x * x * x
//! }
//! assert_eq!(cube(Portable::splat(3.0)).first(), 27.0);
//! ```

mod fma;
mod portable;
pub mod record;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

pub use portable::{Fused, Portable, Scalar};
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

/// What 1.5 · 2⁵² does to a number added to it: the sum's last bits are the number's nearest
/// integer, ties to even, as long as that is below 2⁵¹.
pub const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Several doubles that go the same way.
pub trait Lanes:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// Doubles in one.
    const LANES: usize;
    /// Truth values, one for each lane.
    type Mask: Copy + BitAnd<Output = Self::Mask> + BitOr<Output = Self::Mask> + Not<Output = Self::Mask>;
    /// The bits of each lane, as a 64-bit integer that wraps. `>>` fills up with zeros.
    type Bits: Copy
        + Add<Output = Self::Bits>
        + Sub<Output = Self::Bits>
        + BitAnd<Output = Self::Bits>
        + BitOr<Output = Self::Bits>
        + BitXor<Output = Self::Bits>
        + Shl<u32, Output = Self::Bits>
        + Shr<u32, Output = Self::Bits>;

    /// The same double in every lane.
    fn splat(x: f64) -> Self;
    /// The same integer in every lane.
    fn splat_bits(bits: i64) -> Self::Bits;
    /// `self · by + plus`, rounded once.
    fn fma(self, by: Self, plus: Self) -> Self;
    /// Square root, rounded once.
    fn sqrt(self) -> Self;
    /// Whether less; false where either is NaN.
    fn lt(self, other: Self) -> Self::Mask;
    /// Whether less or equal; false where either is NaN.
    fn le(self, other: Self) -> Self::Mask;
    /// Whether equal; false where either is NaN.
    fn eq(self, other: Self) -> Self::Mask;
    /// The first where the mask is true, else the second.
    fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self;
    /// The bits of the doubles.
    fn bits(self) -> Self::Bits;
    /// The doubles of these bits.
    fn of_bits(bits: Self::Bits) -> Self;
    /// Whether any of the bits of `of` is set; `of` has one bit.
    fn has_bit(bits: Self::Bits, of: i64) -> Self::Mask;
    /// The entries with these numbers, which have to be in the table.
    fn lookup(table: &'static [f64], at: Self::Bits) -> Self;
    /// The entries with these numbers, which have to be below 16.
    fn lookup16(table: &'static [f64; 16], at: Self::Bits) -> Self;

    /// Absolute value.
    #[inline(always)]
    fn abs(self) -> Self {
        Self::of_bits(self.bits() & Self::splat_bits(i64::MAX))
    }

    /// The sign bit alone.
    #[inline(always)]
    fn sign(self) -> Self::Bits {
        self.bits() & Self::splat_bits(i64::MIN)
    }

    /// The absolute value of `self` with the sign of the bits added, for a `self` that is not negative.
    #[inline(always)]
    fn with_sign(self, sign: Self::Bits) -> Self {
        Self::of_bits(self.bits() | sign)
    }

    /// `self` with its sign changed where the sign bit of the bits is set.
    #[inline(always)]
    fn flip(self, sign: Self::Bits) -> Self {
        Self::of_bits(self.bits() ^ sign)
    }

    /// `self · by + plus` with one number for all lanes.
    #[inline(always)]
    fn fma_to(self, by: Self, plus: f64) -> Self {
        self.fma(by, Self::splat(plus))
    }

    /// Whether NaN.
    #[inline(always)]
    fn is_nan(self) -> Self::Mask {
        !self.eq(self)
    }
}

/// Lanes that come from memory and have values, as a record of them has not.
pub trait Memory: Lanes {
    /// Whether the mask is true in every lane.
    fn all(mask: Self::Mask) -> bool;
    /// The first lane.
    fn first(self) -> f64;
    /// Reads [`LANES`](Lanes::LANES) doubles.
    ///
    /// # Safety
    /// They must be there, and the processor have what the implementation needs.
    unsafe fn load(from: *const f64) -> Self;
    /// Writes them.
    ///
    /// # Safety
    /// As for [`Memory::load`].
    unsafe fn store(self, to: *mut f64);
    /// Reads singles, each made a double.
    ///
    /// # Safety
    /// As for [`Memory::load`].
    unsafe fn load_singles(from: *const f32) -> Self;
    /// Writes them as the nearest singles.
    ///
    /// # Safety
    /// As for [`Memory::load`].
    unsafe fn store_singles(self, to: *mut f32);
}
