//! Big integers: sign and magnitude, immutable.
//!
//! Invariant: the last limb of the magnitude is not 0, so that 0 has no limbs, and 0 is not negative. Numbers are the
//! same when sign and limbs are. Whoever makes one seals it ([`BigIntRef::seal`]), which sees to both.
//!
//! ```
//! use nbc_runtime::object::OwnedBigInt;
//! let a: OwnedBigInt = "-36893488147419103233".parse()?;
//! assert_eq!((a.is_negative(), a.limbs()), (true, &[1, 2][..]));
//! assert_eq!(a.to_string(), "-36893488147419103233");
//! assert_eq!(format!("{a:#x}"), "-0x20000000000000001");
//! assert_eq!(OwnedBigInt::from(-7i64), "-0x7".parse()?);
//! # Ok::<(), nbc_runtime::object::bigint::NoInteger>(())
//! ```

use super::{Storage, from_slot, to_slot};
use nbc_numerics::bigint::{Pace, natural, text};
use std::fmt::{self, Write};
use std::ops::Range;
use std::str::FromStr;

/// A magnitude has at most so many limbs: 2³⁰ bits, more than 300 million decimal digits.
pub const MOST: usize = 1 << 24;

/// Header of a big integer.
#[repr(C)]
pub struct BigInt {
    /// First limb of the magnitude, the least significant.
    pub data: *mut u64,
    /// How many there are.
    pub len: u64,
    /// Index of the owning region in the heap's stack.
    pub region: u32,
    /// Whether it is below 0.
    pub negative: bool,
    /// Where the limbs lie.
    pub storage: Storage,
}

/// Handle of a live big integer; see [`crate::object`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BigIntRef(pub(crate) *mut BigInt);

impl BigIntRef {
    /// The integer whose address a register holds.
    ///
    /// # Safety
    /// The slot must hold the address of a big integer of a heap, and the handle must not be used after its region
    /// has ended.
    #[inline(always)]
    pub unsafe fn from_slot(slot: u64) -> BigIntRef {
        BigIntRef(from_slot(slot))
    }

    /// The register slot that refers to the integer.
    #[inline(always)]
    pub fn slot(self) -> u64 {
        to_slot(self.0)
    }

    /// How many limbs its magnitude has.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).len as usize }
    }

    /// Whether it is below 0.
    pub fn is_negative(self) -> bool {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).negative }
    }

    /// Depth of the region that it lives in.
    pub fn region(self) -> u32 {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).region }
    }

    /// The magnitude.
    ///
    /// # Safety
    /// The integer must outlive `'a`, and be sealed.
    pub unsafe fn limbs<'a>(self) -> &'a [u64] {
        // SAFETY: the header describes `len` limbs, which are never written again.
        unsafe { std::slice::from_raw_parts((*self.0).data, (*self.0).len as usize) }
    }

    /// The magnitude, to be written.
    ///
    /// # Safety
    /// The integer must outlive `'a`, be not sealed yet, and nobody else may have it.
    pub unsafe fn limbs_mut<'a>(self) -> &'a mut [u64] {
        // SAFETY: the header describes `len` limbs, and they are the caller's alone.
        unsafe { std::slice::from_raw_parts_mut((*self.0).data, (*self.0).len as usize) }
    }

    /// Makes it what a big integer is: with that sign, and without zeros at the end.
    ///
    /// # Safety
    /// Nobody else may have it, and its limbs must not be written any more.
    pub unsafe fn seal(self, negative: bool) {
        // SAFETY: the header is the caller's alone.
        unsafe {
            let len = natural::trimmed(self.limbs()).len();
            (*self.0).len = len as u64;
            (*self.0).negative = negative && len > 0;
        }
    }
}

/// A big integer that belongs to the host: it outlives the instance that made it.
///
/// ```
/// use nbc_runtime::{engine::Engine, linker::Linker, object::OwnedBigInt};
/// let text = b"export func @square(%a: bigint) -> bigint {
///   %r = bigint.mul %a, %a
///   ret %r
/// }";
/// let program = Engine::default().read(text, "square.nba")?;
/// let mut instance = Linker::new().instantiate(&program)?;
/// let square = instance.typed::<(OwnedBigInt,), OwnedBigInt>("square")?;
/// let a: OwnedBigInt = "-111111111111111111111".parse().expect("digits");
/// let r = square.call(&mut instance, (&a,))?;
/// assert_eq!(r.to_string(), "12345679012345679012320987654320987654321");
/// # Ok::<(), nbc_runtime::error::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct OwnedBigInt {
    negative: bool,
    limbs: Vec<u64>,
}

impl OwnedBigInt {
    /// The integer of that sign and magnitude, its least significant limb first.
    #[must_use]
    pub fn new(negative: bool, mut limbs: Vec<u64>) -> OwnedBigInt {
        limbs.truncate(natural::trimmed(&limbs).len());
        OwnedBigInt { negative: negative && !limbs.is_empty(), limbs }
    }

    /// Whether it is below 0.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// The magnitude, its least significant limb first; 0 has none.
    #[must_use]
    pub fn limbs(&self) -> &[u64] {
        &self.limbs
    }

    /// How many bits the magnitude has.
    #[must_use]
    pub fn bit_length(&self) -> u64 {
        natural::bit_length(&self.limbs)
    }
}

impl From<i64> for OwnedBigInt {
    fn from(v: i64) -> OwnedBigInt {
        OwnedBigInt::new(v < 0, vec![v.unsigned_abs()])
    }
}

impl From<u64> for OwnedBigInt {
    fn from(v: u64) -> OwnedBigInt {
        OwnedBigInt::new(false, vec![v])
    }
}

/// Decimal digits; hexadecimal ones are those of [`fmt::LowerHex`].
impl fmt::Display for OwnedBigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = vec![0; text::most_digits(&self.limbs)];
        let mut room = vec![0; text::decimal_room(self.limbs.len())];
        let first =
            text::decimal(&mut digits, &self.limbs, &mut room, &Pace::free()).map_err(|_| fmt::Error)?;
        f.pad_integral(!self.negative, "", &String::from_utf8_lossy(&digits[first..]))
    }
}

impl fmt::LowerHex for OwnedBigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = String::new();
        text::hexadecimal(&self.limbs, |digit| digits.push(digit.into()));
        f.pad_integral(!self.negative, "0x", &digits)
    }
}

/// Short, whatever the number.
impl fmt::Debug for OwnedBigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.limbs.len() <= 8 {
            return fmt::Display::fmt(self, f);
        }
        if self.negative {
            f.write_char('-')?;
        }
        write!(f, "OwnedBigInt of {} bits", self.bit_length())
    }
}

/// Why a text is no integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NoInteger {
    /// There are no digits.
    Empty,
    /// At this byte there is something else.
    Digit(usize),
    /// It has more digits than an integer may have.
    Size,
}

impl fmt::Display for NoInteger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoInteger::Empty => f.write_str("expected decimal digits, or hexadecimal ones after 0x"),
            NoInteger::Digit(at) => write!(f, "byte {at} is no digit of an integer"),
            NoInteger::Size => {
                f.write_str("an integer has at most 2^30 bits, and its text 19 * 2^24 decimal digits")
            }
        }
    }
}

impl std::error::Error for NoInteger {}

/// A text as an integer: whether it is negative, whether its digits are hexadecimal, and where they begin.
pub(crate) struct Digits<'t> {
    pub(crate) negative: bool,
    pub(crate) hexadecimal: bool,
    pub(crate) digits: &'t [u8],
}

impl<'t> Digits<'t> {
    /// `123`, `-123`, `+123`, `0x7b`, `-0X7B`. Whether digits are digits, the first byte that is none says.
    pub(crate) fn of(text: &'t str) -> Result<Digits<'t>, NoInteger> {
        let bytes = text.as_bytes();
        let (negative, rest) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (hexadecimal, digits) = match rest {
            [b'0', b'x' | b'X', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        if digits.is_empty() {
            return Err(NoInteger::Empty);
        }
        // Further zeros count as digits: looking for their end would take long.
        let most = (digits.len() - 1).min(1 << 16);
        let zeros = digits[..most].iter().take_while(|digit| **digit == b'0').count();
        let is_too_long =
            if hexadecimal { digits.len() - zeros > MOST * 16 } else { digits.len() - zeros > MOST * 19 };
        if is_too_long {
            return Err(NoInteger::Size);
        }
        Ok(Digits { negative, hexadecimal, digits: &digits[zeros..] })
    }

    /// Whether those of its digits are digits of `text`.
    pub(crate) fn check(&self, text: &str, part: Range<usize>) -> Result<(), NoInteger> {
        let is_digit = |c: &u8| if self.hexadecimal { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        match self.digits[part.clone()].iter().position(|c| !is_digit(c)) {
            None => Ok(()),
            Some(at) => Err(NoInteger::Digit(text.len() - self.digits.len() + part.start + at)),
        }
    }

    /// How many limbs the number has at most.
    pub(crate) fn limbs(&self) -> usize {
        let count = self.digits.len();
        if self.hexadecimal { count.div_ceil(16) } else { text::limbs_of_digits(count) }
    }
}

/// Decimal digits, or hexadecimal ones after `0x`, and a sign before either.
impl FromStr for OwnedBigInt {
    type Err = NoInteger;
    fn from_str(written: &str) -> Result<OwnedBigInt, NoInteger> {
        let read = Digits::of(written)?;
        read.check(written, 0..read.digits.len())?;
        let mut limbs = vec![0; read.limbs()];
        if read.hexadecimal {
            text::of_hexadecimal(&mut limbs, read.digits).ok_or(NoInteger::Empty)?;
        } else {
            let mut room = vec![0; text::of_decimal_room(read.digits.len())];
            text::of_decimal(&mut limbs, read.digits, &mut room, &Pace::free())
                .map_err(|_| NoInteger::Size)?;
        }
        let made = OwnedBigInt::new(read.negative, limbs);
        if made.limbs.len() > MOST { Err(NoInteger::Size) } else { Ok(made) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_written() {
        for text in ["0", "-1", "18446744073709551616", "-340282366920938463463374607431768211455"] {
            let read: OwnedBigInt = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
            assert_eq!(format!("{read:#x}").parse(), Ok(read));
        }
        assert_eq!("-0".parse(), Ok(OwnedBigInt::from(0i64)));
        assert_eq!("+0X00ff".parse(), Ok(OwnedBigInt::from(255i64)));
        assert_eq!("000123".parse(), Ok(OwnedBigInt::from(123i64)));
    }

    #[test]
    fn other_texts_are_refused() {
        let why = |text: &str| text.parse::<OwnedBigInt>().unwrap_err();
        for text in ["", "-", "0x", "+0x"] {
            assert_eq!(why(text), NoInteger::Empty);
        }
        assert_eq!(why("12a"), NoInteger::Digit(2));
        assert_eq!(why("--1"), NoInteger::Digit(1));
        assert_eq!(why("0x1g"), NoInteger::Digit(3));
        assert_eq!(why("1 "), NoInteger::Digit(1));
        assert_eq!(why("00_1"), NoInteger::Digit(2));
    }
}
