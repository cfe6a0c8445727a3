//! Precisions below that of `f32`, as `linalg.matmul_as` takes them: by name, in a constant string.
//!
//! The verifier reads them before a program runs, so that a precision is never chosen silently, nor by a wrong word.
//!
//! ```
//! use nbc_ir::catalogue::Precision;
//! assert_eq!(Precision::parse("bf16"), Ok(Precision::Bf16));
//! assert!(Precision::parse("fp8").unwrap_err().contains("tf32"));
//! // A tie goes to the even neighbour.
//! assert_eq!(Precision::Bf16.rounded(1.0 + 1.0 / 256.0), 1.0);
//! assert_eq!(Precision::F16.rounded(65520.0), f32::INFINITY);
//! ```

/// Formats to whose numbers those of `f32` are rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Precision {
    /// TF32: 11 significant bits, exponents of `f32`.
    Tf32,
    /// bfloat16: 8 significant bits, exponents of `f32`.
    Bf16,
    /// IEEE binary16: 11 significant bits, up to 65504.
    F16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Precision; 3] = [Precision::Tf32, Precision::Bf16, Precision::F16];

    /// What programs call it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Tf32 => "tf32",
            Precision::Bf16 => "bf16",
            Precision::F16 => "f16",
        }
    }

    /// The precision of that name.
    ///
    /// # Errors
    /// Which names there are.
    pub fn parse(name: &str) -> Result<Precision, String> {
        Precision::ALL.into_iter().find(|precision| precision.name() == name).ok_or_else(|| {
            // It may be anything, and of any length.
            let given: String = name.chars().take(20).collect();
            format!("is {given:?}, and has to be one of \"tf32\", \"bf16\", \"f16\"")
        })
    }

    /// The nearest number of the format, of two equally near the even one. What lies beyond its largest number by half a
    /// unit or more is infinite; a NaN stays one. Numbers below the least normal one have fewer significant bits.
    pub fn rounded(self, x: f32) -> f32 {
        match self {
            Precision::Tf32 => without_low_bits(x, 13),
            Precision::Bf16 => without_low_bits(x, 16),
            Precision::F16 => {
                let size = x.abs();
                let rounded = if x.is_nan() {
                    return x;
                } else if size >= 65520.0 {
                    f32::INFINITY
                } else if size >= 1.0 / 16384.0 {
                    without_low_bits(size, 13)
                } else {
                    // A unit of numbers from 0.5 on is that of the least numbers of 16 bits.
                    (size + 0.5) - 0.5
                };
                rounded.copysign(x)
            }
        }
    }
}

/// Rounds to the nearest number whose lowest bits are zeros, of two to the even one. What carries over goes into the exponent.
fn without_low_bits(x: f32, low: u32) -> f32 {
    if x.is_nan() {
        return x;
    }
    let bits = x.to_bits();
    let half = (1u32 << (low - 1)) - 1 + (bits >> low & 1);
    f32::from_bits(bits.wrapping_add(half) >> low << low)
}

#[cfg(test)]
mod tests {
    use super::Precision;

    /// The numbers of a format by their bits: sign, exponent, and so many bits behind the point, lowest exponent first.
    fn neighbours(significant: i32, least: i32, x: f64) -> (f64, f64, bool) {
        let exponent = if x == 0.0 { least } else { (x.abs().log2().floor() as i32).max(least) };
        let unit = 2f64.powi(exponent - significant + 1);
        let below = (x.abs() / unit).floor();
        (below * unit, (below + 1.0) * unit, below % 2.0 == 0.0)
    }

    #[test]
    fn the_nearest_is_taken_and_of_two_the_even_one() {
        let mut bits = 1u32;
        for n in 0..300_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Also those that lie in the middle between two.
            let x = f32::from_bits(if n % 3 == 0 { bits & !0x1fff | 0x1000 } else { bits });
            if !x.is_finite() {
                continue;
            }
            for (precision, significant, least, most) in [
                (Precision::Tf32, 11, -126, 3.401e38),
                (Precision::Bf16, 8, -126, 3.38e38),
                (Precision::F16, 11, -14, 65504.0),
            ] {
                let rounded = f64::from(precision.rounded(x));
                assert!(rounded.is_sign_negative() == x.is_sign_negative());
                let exact = f64::from(x.abs());
                if exact > most {
                    continue;
                }
                let (below, above, is_even) = neighbours(significant, least, exact);
                let (down, up) = (exact - below, above - exact);
                let wanted = if down < up || down == up && is_even { below } else { above };
                assert_eq!(rounded.abs(), wanted, "{precision:?} of {x:e}");
            }
        }
    }

    #[test]
    fn what_is_too_large_is_infinite_and_the_least_stay() {
        for precision in Precision::ALL {
            assert!(precision.rounded(f32::NAN).is_nan());
            assert_eq!(precision.rounded(f32::NEG_INFINITY), f32::NEG_INFINITY);
            assert_eq!(precision.rounded(f32::MAX), f32::INFINITY);
            assert_eq!(precision.rounded(-0.0).to_bits(), (-0f32).to_bits());
        }
        assert_eq!(Precision::F16.rounded(65519.996), 65504.0);
        assert_eq!(Precision::F16.rounded(2f32.powi(-24)), 2f32.powi(-24));
        assert_eq!(Precision::F16.rounded(-(2f32.powi(-25))), -0.0);
        assert_eq!(Precision::Bf16.rounded(2f32.powi(-133)), 2f32.powi(-133));
        assert_eq!(Precision::Bf16.rounded(2f32.powi(-134)), 0.0);
    }
}
