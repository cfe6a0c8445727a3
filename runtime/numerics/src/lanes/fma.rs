//! Fused multiplication and addition for processors that have none.
//!
//! Exact by integers: the product has 106 bits, so product and summand fit into
//! 128 bits when they are near each other. Else the smaller one only counts
//! as "a little more".

/// A finite double that is not zero: `mantissa · 2^exponent`, with a sign.
fn parts(x: f64) -> (bool, i32, u64) {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let negative = x.is_sign_negative();
    if exponent == 0 { (negative, -1074, fraction) } else { (negative, exponent - 1075, fraction | 1 << 52) }
}

/// `x · y + z`, rounded once to the nearest, ties to even.
pub(super) fn fma(x: f64, y: f64, z: f64) -> f64 {
    if !(x.is_finite() && y.is_finite()) || x == 0.0 || y == 0.0 {
        // The product is exact.
        return x * y + z;
    }
    if !z.is_finite() {
        return z;
    }
    let ((x_negative, x_exponent, x_mantissa), (y_negative, y_exponent, y_mantissa)) = (parts(x), parts(y));
    let negative = x_negative != y_negative;
    // Two bits below the product for what is lost, and room above for a carry.
    let (mut exponent, mut product) =
        (x_exponent + y_exponent, u128::from(x_mantissa) * u128::from(y_mantissa));
    if z == 0.0 {
        return round(negative, exponent, product);
    }
    // The highest bit of both to the same place, bit 124: then the exponents compare.
    let up = product.leading_zeros() - 3;
    (product, exponent) = (product << up, exponent - up as i32);
    let (z_negative, mut z_exponent, z_mantissa) = parts(z);
    let mut summand = u128::from(z_mantissa);
    let up = summand.leading_zeros() - 3;
    (summand, z_exponent) = (summand << up, z_exponent - up as i32);
    let apart = (exponent - z_exponent).unsigned_abs();
    let (large, small, exponent, is_product) = match exponent >= z_exponent {
        true => (product, summand, exponent, true),
        false => (summand, product, z_exponent, false),
    };
    let small = shift_sticky(small, apart);
    let signs_differ = negative != z_negative;
    let sign = if is_product { negative } else { z_negative };
    if !signs_differ {
        return round(sign, exponent, large + small);
    }
    if large >= small {
        // Opposites: a sum of zero is positive.
        let rest = large - small;
        return if rest == 0 { 0.0 } else { round(sign, exponent, rest) };
    }
    round(!sign, exponent, small - large)
}

/// Shifted down; the last bit tells whether a bit was lost.
fn shift_sticky(x: u128, by: u32) -> u128 {
    if by == 0 {
        return x;
    }
    if by > 126 {
        return u128::from(x != 0);
    }
    x >> by | u128::from(x << (128 - by) != 0)
}

/// The double nearest to `mantissa · 2^exponent`, whose last bit may stand for more below.
fn round(negative: bool, exponent: i32, mantissa: u128) -> f64 {
    if mantissa == 0 {
        return if negative { -0.0 } else { 0.0 };
    }
    let width = 128 - mantissa.leading_zeros() as i32;
    // The exponent of the result's last bit: 53 bits, or where subnormal numbers end.
    let last = (exponent + width - 53).max(-1074);
    let drop = last - exponent;
    let (kept, rest, half) = if drop <= 0 {
        (mantissa << (-drop).min(127), 0, 1)
    } else {
        let drop = drop as u32;
        if drop >= 128 {
            (0, 1, 2)
        } else {
            let rest = mantissa & ((1u128 << drop) - 1);
            (mantissa >> drop, rest, 1u128 << (drop - 1))
        }
    };
    let up = rest > half || rest == half && kept & 1 == 1;
    let kept = kept as u64 + u64::from(up);
    // A carry goes from the fraction into the exponent's bits, as it should.
    let biased = if kept >= 1 << 52 { (last + 1075) as u64 } else { 0 };
    let bits = if biased >= 2047 {
        f64::INFINITY.to_bits()
    } else if biased == 0 {
        kept
    } else {
        ((biased - 1) << 52) + kept
    };
    let bits = bits.min(f64::INFINITY.to_bits());
    f64::from_bits(bits | u64::from(negative) << 63)
}

#[cfg(test)]
mod tests {
    use super::fma;

    #[test]
    fn it_rounds_once() {
        let special = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            3.0,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            -5e-324,
            1e300,
            1e-300,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            1.0 + f64::EPSILON,
            1.0 - f64::EPSILON / 2.0,
        ];
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        for x in special {
            for y in special {
                for z in special {
                    let (ours, theirs) = (fma(x, y, z), x.mul_add(y, z));
                    assert!(same(ours, theirs), "{x:e} {y:e} {z:e}: {ours:e}, not {theirs:e}");
                }
            }
        }
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 29
        };
        for _ in 0..300_000 {
            let [x, y] = [(); 2].map(|()| f64::from_bits(next()));
            // Most summands near the product, or near its opposite, at most a few bits off.
            let z = match next() % 4 {
                0 => f64::from_bits(next()),
                1 => -(x * y),
                2 => f64::from_bits((-(x * y)).to_bits().wrapping_add(next() % 9).wrapping_sub(4)),
                _ => {
                    x * y
                        * f64::from_bits(0x3c00_0000_0000_0000 + (next() % 0x800) * 0x10_0000_0000_0000 / 16)
                }
            };
            let (ours, theirs) = (fma(x, y, z), x.mul_add(y, z));
            assert!(same(ours, theirs), "{x:e} {y:e} {z:e}: {ours:e}, not {theirs:e}");
        }
    }
}
