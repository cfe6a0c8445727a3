//! Arguments to try.

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new() -> Random {
        let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number: a quarter of any bits, the others in the range, near 0, near ±1, ...
    fn number(&mut self, range: (f64, f64)) -> f64 {
        let sign = if self.next() % 2 == 0 { 1.0 } else { -1.0 };
        match self.next() % 8 {
            // The reference has opinions of its own on NaN that signal.
            0 | 1 => Some(f64::from_bits(self.next())).filter(|x| !x.is_nan()).unwrap_or(f64::NAN),
            2..=4 => range.0 + (range.1 - range.0) * self.unit(),
            5 => sign * (self.unit() * -60.0).exp2(),
            6 => sign + (self.unit() - 0.5) * (self.unit() * -50.0).exp2(),
            // Few bits, and near multiples of π/2.
            _ => {
                let n = (self.unit() * (self.unit() * 24.0).exp2()).round();
                let near = if self.next() % 2 == 0 { std::f64::consts::FRAC_PI_2 } else { 0.25 };
                sign * f64::from_bits((n * near).to_bits().wrapping_add(self.next() % 5).wrapping_sub(2))
            }
        }
    }

    pub fn pair(&mut self, binary: bool, range: (f64, f64)) -> (f64, f64) {
        let x = self.number(range);
        if !binary {
            return (x, 0.0);
        }
        let y = match self.next() % 4 {
            // Powers that neither overflow nor vanish; near each other.
            0 => (self.unit() - 0.5) * 1400.0 / x.abs().ln().abs().max(1e-3),
            1 => x * (self.unit() + 0.5),
            _ => self.number(range),
        };
        (x, y)
    }

    pub fn pair_in(&mut self, range: (f64, f64)) -> (f64, f64) {
        let mut one = || range.0 + (range.1 - range.0) * self.unit();
        (one(), one())
    }

    pub fn pair_of_singles(&mut self, range: (f64, f64)) -> (f32, f32) {
        if self.next() % 4 == 0 {
            let mut any =
                || Some(f32::from_bits(self.next() as u32)).filter(|x| !x.is_nan()).unwrap_or(f32::NAN);
            return (any(), any());
        }
        let (x, y) = self.pair(true, range);
        (x as f32, y as f32)
    }
}

/// 500 numbers where functions change what they do.
pub fn special() -> Vec<f64> {
    let mut found = vec![0.0, f64::INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1)];
    let around = [
        1.0,
        2.0,
        0.5,
        3.0,
        10.0,
        100.0,
        1000.0,
        0.1,
        1e-3,
        1e-8,
        1e-16,
        1e-300,
        1e300,
        709.782712893384,
        745.1332191019411,
        707.0,
        1024.0,
        1022.0,
        1074.0,
        1_000_000.0,
        524_288.0,
        std::f64::consts::PI,
        std::f64::consts::FRAC_PI_2,
        std::f64::consts::LN_2,
        std::f64::consts::SQRT_2,
        std::f64::consts::FRAC_1_SQRT_2,
        0.41421356237309503,
        2.414213562373095,
        171.6243769563027,
        22.0,
        4503599627370496.0,
        9007199254740992.0,
        1e22,
        26.6,
        5.92,
        0.84375,
        36.7,
        56.0,
        2.0f64.powi(-54),
        2.0f64.powi(-27),
        1.5,
        2.5,
        7.0,
        8.0,
        20.0,
        33.0,
        170.0,
        1.4616321449683623,
        0.75,
        6.0,
        144.0,
        88.0,
    ];
    for x in around {
        for by in [-1i64, 0, 1] {
            found.push(f64::from_bits((x.to_bits() as i64 + by) as u64));
        }
    }
    found.extend((1..=92).map(|k| 2.0f64.powi(k * 11 - 506)));
    let negative: Vec<f64> = found.iter().map(|x| -x).collect();
    found.extend(negative);
    found.truncate(500);
    found
}
