//! Polynomials, with the lowest coefficient first.

use crate::lanes::Lanes;

/// The value by Estrin's scheme: neighbours in pairs, pairs in fours and so on. So few operations wait
/// for another. At most 32 coefficients.
#[inline(always)]
pub(super) fn estrin<L: Lanes, const N: usize>(x: L, coefficients: &[f64; N]) -> L {
    const { assert!(N <= 32) };
    // No closures: they would not be compiled for the instruction set of the caller. And every loop
    // has a length that is known, so that it is unrolled.
    let mut terms = [L::splat(0.0); 16];
    for i in 0..16 {
        if 2 * i + 1 < N {
            terms[i] = L::splat(coefficients[2 * i + 1]).fma(x, L::splat(coefficients[2 * i]));
        } else if 2 * i < N {
            terms[i] = L::splat(coefficients[2 * i]);
        }
    }
    let x = x * x;
    let mut pairs = [L::splat(0.0); 8];
    pair::<L, 16, 8>(&terms, x, N.div_ceil(2), &mut pairs);
    let x = x * x;
    let mut fours = [L::splat(0.0); 4];
    pair::<L, 8, 4>(&pairs, x, N.div_ceil(4), &mut fours);
    let x = x * x;
    let mut eights = [L::splat(0.0); 2];
    pair::<L, 4, 2>(&fours, x, N.div_ceil(8), &mut eights);
    if N <= 16 {
        return eights[0];
    }
    eights[1].fma(x * x, eights[0])
}

/// Half as many terms: those of `terms`, of which there are `count`, two in one.
#[inline(always)]
fn pair<L: Lanes, const MOST: usize, const HALF: usize>(
    terms: &[L; MOST],
    power: L,
    count: usize,
    to: &mut [L; HALF],
) {
    for i in 0..HALF {
        if 2 * i + 1 < count {
            to[i] = terms[2 * i + 1].fma(power, terms[2 * i]);
        } else if 2 * i < count {
            to[i] = terms[2 * i];
        }
    }
}
