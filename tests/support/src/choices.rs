//! Choices made from a list of bytes. A list that has run out gives zeros, so
//! a shorter list makes a smaller program: that is how failures shrink, and
//! how a coverage-guided fuzzer steers.

/// A list of choices.
pub struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    /// Those that bytes make.
    pub fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices { bytes }
    }

    /// Whether any are left.
    pub fn more(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    /// The next eight bytes.
    pub fn long(&mut self) -> u64 {
        (0..8).fold(0, |n, _| n << 8 | u64::from(self.byte()))
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        let wide = if n > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (wide + usize::from(self.byte())) % n
    }

    /// True about that many times in a hundred; false when nothing is left.
    pub fn percent(&mut self, n: usize) -> bool {
        self.more() && self.below(100) < n
    }

    /// One of several, of which there is one at least.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A small generator of random bytes (SplitMix64).
pub struct Random(pub u64);

impl Random {
    /// That of a seed. Seeds that are neighbours have nothing in common.
    pub fn of(seed: u64) -> Random {
        Random::spread(seed, 0x2545_f491_4f6c_dd1d)
    }

    /// The same for one of several sources, which has an odd number of its own.
    pub fn spread(seed: u64, source: u64) -> Random {
        Random(seed.wrapping_mul(source))
    }

    /// The next number, any.
    #[expect(clippy::should_implement_trait, reason = "there is always another")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// So many bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// Less than `most` bytes.
    pub fn some_bytes(&mut self, most: usize) -> Vec<u8> {
        let len = self.next() as usize % most;
        self.bytes(len)
    }
}

/// A shorter list of choices that still fails.
pub fn shrink(
    mut bytes: Vec<u8>,
    mut why: String,
    mut attempt: impl FnMut(&[u8]) -> Result<(), String>,
) -> (Vec<u8>, String) {
    let mut size = bytes.len().next_power_of_two();
    let mut tries = 0;
    while size > 0 {
        let mut at = 0;
        while at < bytes.len() && tries < 4000 {
            let end = (at + size).min(bytes.len());
            let shorter = [&bytes[..at], &bytes[end..]].concat();
            let mut zeroed = bytes.clone();
            zeroed[at..end].fill(0);
            tries += 1;
            if let Err(e) = attempt(&shorter) {
                (bytes, why) = (shorter, e);
                continue;
            }
            if zeroed != bytes
                && let Err(e) = attempt(&zeroed)
            {
                (bytes, why) = (zeroed, e);
            }
            at += size;
        }
        size /= 2;
    }
    (bytes, why)
}
