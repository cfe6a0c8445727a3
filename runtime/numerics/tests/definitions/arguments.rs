//! Arguments to try: random ones, and those where definitions change what they do.

/// SplitMix64.
pub struct Random(u64);

impl Random {
    /// By a name.
    pub fn new(seed: &str) -> Random {
        Random(seed.bytes().fold(1, |state, byte| state << 7 ^ state >> 57 ^ u64::from(byte)))
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

    /// Any bits, or of moderate size, or near 1, or near a multiple of a half.
    pub fn number(&mut self) -> f64 {
        let sign = if self.next() & 1 == 0 { 1.0 } else { -1.0 };
        match self.next() % 6 {
            0 => f64::from_bits(self.next()),
            1 | 2 => sign * (self.unit() * 20.0 - 10.0).exp2(),
            3 => sign * self.unit() * 800.0,
            4 => sign + (self.unit() - 0.5) * (self.unit() * -50.0).exp2(),
            _ => {
                sign * (self.unit() * 60.0).round() * 0.5 + (self.unit() - 0.5) * (self.unit() * -50.0).exp2()
            }
        }
    }
}

/// Where results are special, or definitions change what they do.
pub const SPECIAL: [f64; 48] = [
    0.0,
    f64::INFINITY,
    f64::NAN,
    f64::MAX,
    f64::MIN_POSITIVE,
    5e-324,
    1e-310,
    f32::MAX as f64,
    f32::MIN_POSITIVE as f64,
    1.401298464324817e-45,
    1e-40,
    1.0,
    1.0 + f64::EPSILON,
    1.0 - f64::EPSILON / 2.0,
    1.0 + f32::EPSILON as f64,
    1.0 - f32::EPSILON as f64 / 2.0,
    0.5,
    1.5,
    2.0,
    2.5,
    3.0,
    7.0,
    8.5,
    8.500000000000002,
    10.0,
    26.0,
    26.5432584306323,
    27.3,
    88.7,
    104.0,
    171.0,
    171.62,
    184.0,
    707.0,
    709.782712893384,
    745.1332191019411,
    1023.9999,
    1074.5,
    999_999.9999999999,
    1_000_000.0,
    1_000_000.0000000001,
    524_288.0,
    std::f64::consts::FRAC_PI_2,
    std::f64::consts::PI,
    4_503_599_627_370_497.0,
    9_007_199_254_740_994.0,
    1e22,
    1e300,
];

/// Special ones of both signs, and random ones for a function of that name.
pub fn doubles(name: &str) -> Vec<f64> {
    let mut random = Random::new(name);
    let special = SPECIAL.iter().flat_map(|x| [*x, -*x]);
    special.chain((0..300).map(|_| random.number())).collect()
}

/// Pairs of some special ones, and random ones.
pub fn pairs(name: &str) -> (Vec<f64>, Vec<f64>) {
    let mut random = Random::new(name);
    let few = [0.0, 5e-324, 1e-160, 0.5, 1.0, 1.0 + f64::EPSILON, 2.0, 3.0, 1e160, f64::MAX, f64::INFINITY];
    let few = few.into_iter().flat_map(|x| [x, -x]).chain([f64::NAN]);
    let special = few.clone().flat_map(|x| few.clone().map(move |y| (x, y)));
    let any = (0..300).map(|n| {
        let x = random.number();
        // Some that are near each other, and powers that neither overflow nor vanish.
        match n % 3 {
            0 => (x, x * (0.5 + random.unit())),
            1 => (x.abs(), (random.unit() - 0.5) * 1400.0 / x.abs().ln()),
            _ => (x, random.number()),
        }
    });
    special.chain(any).unzip()
}
