//! Huge angles, less whole parts of a turn.
//!
//! An angle is M · 2^e with M below 2⁵³. What 2^e · 2/π has above 4 is whole turns
//! for every M and left out, and 212 bits are enough: no double is nearer to a
//! multiple of π/2 than about 2⁻⁶¹. The bits lie in a table, four numbers for each e.

use super::c;
use super::coefficients::{HALF_PI_1, HALF_PI_2, PI_INVERSE_BITS};
use super::pair::Pair;
use super::trigonometric::Turned;
use crate::lanes::{Lanes, ROUNDER};

/// The exponent field of the smallest angle here: 2¹⁹, below the largest common one.
const FIRST: usize = 1023 + 19;
const EXPONENTS: usize = 2047 - FIRST;

static TABLE: [f64; 4 * EXPONENTS] = table();

/// Bits of 1/π: 53 from number `from` on, where number 1 is worth a half.
const fn bits(from: i32) -> u64 {
    let (mut value, mut i) = (0, 0);
    while i < 53 {
        let at = from + i - 1;
        let bit = if at < 0 { 0 } else { PI_INVERSE_BITS[at as usize / 64] >> (63 - at % 64) & 1 };
        value = value << 1 | bit;
        i += 1;
    }
    value
}

const fn table() -> [f64; 4 * EXPONENTS] {
    let mut table = [0.0; 4 * EXPONENTS];
    let mut at = 0;
    while at < EXPONENTS {
        let exponent = (at + FIRST) as i32 - 1075;
        let (mut part, mut last) = (0, 1.0 / (1u64 << 51) as f64);
        while part < 4 {
            // The first bit of the first part is worth 2: of 2/π, so 1 of 1/π.
            table[4 * at + part] = bits(exponent + 53 * part as i32) as f64 * last;
            last /= (1u64 << 53) as f64;
            part += 1;
        }
        at += 1;
    }
    table
}

/// Quarter turns and rest of the absolute value, for finite numbers that are not below 2¹⁹.
#[inline(always)]
pub(super) fn turned<L: Lanes>(x: L) -> Turned<L> {
    let x = x.abs();
    let is_here = c::<L>(524_288.0).le(x) & x.lt(c(f64::INFINITY));
    let x = L::select(is_here, x, c(524_288.0));
    let entry = ((x.bits() >> 52) - L::splat_bits(FIRST as i64)) << 2;
    // M as a number: the exponent of 2⁵² in place of its own.
    let fraction = x.bits() & L::splat_bits((1 << 52) - 1);
    let mantissa = L::of_bits(fraction | L::splat_bits(0x4330_0000_0000_0000));
    let first = Pair::product(mantissa, L::lookup(&TABLE, entry));
    let second = Pair::product(mantissa, L::lookup(&TABLE, entry + L::splat_bits(1)));
    let third = Pair::product(mantissa, L::lookup(&TABLE, entry + L::splat_bits(2)));
    let fourth = mantissa * L::lookup(&TABLE, entry + L::splat_bits(3));

    // Fours leave the turns' last bits alone, and below 2⁵⁴ what is left is exact.
    let fours = first.high.fma(c(0.25), c(ROUNDER)) - c(ROUNDER);
    let sum = Pair::sum(fours.fma(c(-4.0), first.high), first.low);
    let more = Pair::sum(sum.high, second.high);
    let shifted = more.high + c(ROUNDER);
    let high = more.high - (shifted - c(ROUNDER));

    // Smaller ones, in descending order.
    let low = Pair::sum(sum.low, more.low);
    let low_2 = Pair::sum(low.high, second.low);
    let low_3 = Pair::sum(low_2.high, third.high);
    let tail = (low.low + low_2.low) + (low_3.low + (third.low + fourth));
    let rest = Pair::sum(high, low_3.high);
    let rest = Pair::sum(rest.high, rest.low + tail);
    let quarter = Pair { high: c(HALF_PI_1), low: c(HALF_PI_2) };
    Turned { quarters: shifted.bits(), rest: rest.times(quarter) }
}
