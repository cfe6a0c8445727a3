//! And, or and exclusive or of integers in two's complement, which goes on for ever to the left.
//!
//! A negative number `-a` has the bits of `!(a - 1)`, or of `!a + 1`. So limbs of negative magnitudes are turned over as
//! they are read, with a carry from limb to limb. Those of a negative result are turned back as they are written.
//!
//! ```
//! use nbc_numerics::bigint::Pace;
//! use nbc_numerics::bigint::bits::{Bitwise, bitwise};
//! // -1 & 6 is 6.
//! let mut out = [0; 2];
//! let negative = bitwise(&mut out, (&[1], true), (&[6], false), Bitwise::And, &Pace::free());
//! assert_eq!((negative, out), (Ok(false), [6, 0]));
//! ```

use super::{Halt, Pace};

/// What is made of two bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bitwise {
    /// Whether both are set.
    And,
    /// Whether either is.
    Or,
    /// Whether they differ.
    Xor,
}

impl Bitwise {
    fn of(self, a: u64, b: u64) -> u64 {
        match self {
            Bitwise::And => a & b,
            Bitwise::Or => a | b,
            Bitwise::Xor => a ^ b,
        }
    }
}

/// Turns limbs of a magnitude into those of two's complement, or back, one after the other.
struct Turn {
    mask: u64,
    carry: bool,
}

impl Turn {
    fn new(negative: bool) -> Turn {
        Turn { mask: if negative { u64::MAX } else { 0 }, carry: negative }
    }

    fn next(&mut self, limb: u64) -> u64 {
        let (limb, carry) = (limb ^ self.mask).overflowing_add(u64::from(self.carry));
        self.carry = carry;
        limb
    }
}

/// Limbs between two looks at the clock.
const STRETCH: usize = 1 << 16;

/// Writes the magnitude of what `bits` makes of two numbers, given by magnitude and whether they are negative, and returns
/// whether it is negative. `out` is longer by a limb than either.
///
/// # Errors
/// Where it is not to go on.
pub fn bitwise(
    out: &mut [u64],
    a: (&[u64], bool),
    b: (&[u64], bool),
    bits: Bitwise,
    pace: &Pace<'_>,
) -> Result<bool, Halt> {
    let negative = bits.of(u64::from(a.1), u64::from(b.1)) != 0;
    let (mut of_a, mut of_b, mut back) = (Turn::new(a.1), Turn::new(b.1), Turn::new(negative));
    let (mut limbs_a, mut limbs_b) = (a.0.iter(), b.0.iter());
    for out in out.chunks_mut(STRETCH) {
        for limb in &mut *out {
            let x = of_a.next(limbs_a.next().copied().unwrap_or(0));
            let y = of_b.next(limbs_b.next().copied().unwrap_or(0));
            *limb = back.next(bits.of(x, y));
        }
        pace.step(out.len())?;
    }
    Ok(negative)
}
