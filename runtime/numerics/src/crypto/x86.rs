//! AES-CTR and GHASH in registers of 64 bytes: four blocks each, eight registers at once.
//!
//! Where both are wanted they go together: while the units for AES encrypt counters, that for products without carries
//! takes in what was encrypted before.
//!
//! Products go by the way of POLYVAL (RFC 8452, appendix A): blocks reversed, and H times x. So a product is reduced by
//! two multiplications of one half, and sums of 32 products are reduced once.
//!
//! Invariant: a [`Schedule`] exists only where the processor has what its functions need.

use super::BLOCK;
use super::aes::Block;
use std::arch::x86_64::*;
use std::mem::MaybeUninit;
use zeroize::Zeroize;

/// Blocks that are worked on at once.
const AT_ONCE: usize = 32;
/// Bytes of a register.
const WIDE: usize = 64;
/// Registers that are worked on at once.
const REGISTERS: usize = AT_ONCE * BLOCK / WIDE;
/// Most round keys: those of AES-256.
const MOST_KEYS: usize = 15;

/// Whether the processor has what is needed.
fn is_there() -> bool {
    !cfg!(miri)
        && is_x86_feature_detected!("aes")
        && is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("vaes")
        && is_x86_feature_detected!("vpclmulqdq")
}

/// Round keys.
pub(super) struct Schedule {
    keys: [Block; MOST_KEYS],
    rounds: usize,
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.keys.zeroize();
    }
}

impl Schedule {
    /// Of a key of 16, 24 or 32 bytes, if the processor has what is needed.
    pub(super) fn new(key: &[u8]) -> Option<Schedule> {
        // SAFETY: the processor has AES instructions.
        is_there().then(|| unsafe { expand(key) })
    }

    /// Adds the stream that begins with `counter` to `from`. The lower 64 bits of the counter must not begin anew.
    pub(super) fn ctr(&self, counter: u128, from: &[u8], to: &mut [MaybeUninit<u8>]) {
        assert_eq!(from.len(), to.len(), "a result as long as the text");
        let (from, to, len) = (from.as_ptr(), to.as_mut_ptr().cast::<u8>(), from.len());
        // SAFETY: the processor has what is needed (the type's invariant); there are `len` bytes at both places.
        unsafe {
            match self.rounds {
                10 => ctr::<10>(&self.keys, counter, from, to, len),
                12 => ctr::<12>(&self.keys, counter, from, to, len),
                _ => ctr::<14>(&self.keys, counter, from, to, len),
            }
        }
    }

    /// Encrypts chained blocks, one after the other; `last` is the encrypted block before them, and then their last.
    pub(super) fn cbc(&self, last: &mut Block, from: &[u8], to: &mut [MaybeUninit<u8>]) {
        // SAFETY: the processor has what is needed (the type's invariant).
        unsafe {
            match self.rounds {
                10 => cbc::<10>(&self.keys, last, from, to),
                12 => cbc::<12>(&self.keys, last, from, to),
                _ => cbc::<14>(&self.keys, last, from, to),
            }
        }
    }

    /// As [`Schedule::ctr`]; gives the polynomial of `sum` and then of what is encrypted: of `to` or `from`.
    pub(super) fn gcm<const ENCRYPTS: bool>(
        &self,
        powers: &Powers,
        sum: Block,
        counter: u128,
        from: &[u8],
        to: &mut [MaybeUninit<u8>],
    ) -> Block {
        assert_eq!(from.len(), to.len(), "a result as long as the text");
        let (from, to, len) = (from.as_ptr(), to.as_mut_ptr().cast::<u8>(), from.len());
        // SAFETY: as for `ctr`.
        unsafe {
            match self.rounds {
                10 => gcm::<10, ENCRYPTS>(&self.keys, powers, sum, counter, from, to, len),
                12 => gcm::<12, ENCRYPTS>(&self.keys, powers, sum, counter, from, to, len),
                _ => gcm::<14, ENCRYPTS>(&self.keys, powers, sum, counter, from, to, len),
            }
        }
    }
}

/// The key schedule of FIPS 197, 5.2.
#[target_feature(enable = "aes,sse2")]
fn expand(key: &[u8]) -> Schedule {
    // The last round of AES on four equal columns moves nothing: only bytes are substituted.
    let substituted = |word: u32| {
        let columns = _mm_set1_epi32(word as i32);
        _mm_cvtsi128_si32(_mm_aesenclast_si128(columns, _mm_setzero_si128())) as u32
    };
    let count = key.len() / 4;
    let rounds = count + 6;
    let mut words = [0u32; 4 * MOST_KEYS];
    for (word, bytes) in words.iter_mut().zip(key.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    let mut constant = 1u8;
    for at in count..4 * (rounds + 1) {
        let mut word = words[at - 1];
        if at % count == 0 {
            word = substituted(word.rotate_right(8)) ^ u32::from(constant);
            constant = constant << 1 ^ if constant >> 7 == 1 { 0x1b } else { 0 };
        } else if count > 6 && at % count == 4 {
            word = substituted(word);
        }
        words[at] = words[at - count] ^ word;
    }
    let mut keys = [[0; BLOCK]; MOST_KEYS];
    for (bytes, word) in keys.as_flattened_mut().as_chunks_mut::<4>().0.iter_mut().zip(&words) {
        *bytes = word.to_le_bytes();
    }
    words.zeroize();
    Schedule { keys, rounds }
}

/// Powers of H from the 32nd down, and what is read behind them with nothing to multiply.
#[repr(align(64))]
pub(super) struct Powers([Block; AT_ONCE + 3]);

impl Drop for Powers {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Powers {
    /// Of the point H, if the processor has what is needed.
    pub(super) fn new(point: &Block) -> Option<Powers> {
        // SAFETY: the processor has what is needed.
        is_there().then(|| unsafe { powers(point) })
    }

    /// The polynomial of `sum` and then of `bytes`, filled up with zeros.
    pub(super) fn sum(&self, sum: Block, bytes: &[u8]) -> Block {
        // SAFETY: the processor has what is needed: else there are no powers.
        unsafe { polynomial(self, sum, bytes) }
    }
}

#[target_feature(enable = "pclmulqdq,ssse3,sse2")]
fn powers(point: &Block) -> Powers {
    let mut all = Powers([[0; BLOCK]; AT_ONCE + 3]);
    // H reversed, times x, modulo x^128 + x^127 + x^126 + x^121 + 1.
    let reversed = u128::from_be_bytes(*point);
    let carry = (reversed >> 127).wrapping_neg();
    let times_x = reversed << 1 ^ carry & 0xc200_0000_0000_0000_0000_0000_0000_0001;
    let first = load(&times_x.to_le_bytes());
    let mut power = first;
    for place in all.0[..AT_ONCE].iter_mut().rev() {
        *place = store(power);
        let low = _mm_clmulepi64_si128(power, first, 0x00);
        let high = _mm_clmulepi64_si128(power, first, 0x11);
        let middle =
            _mm_xor_si128(_mm_clmulepi64_si128(power, first, 0x01), _mm_clmulepi64_si128(power, first, 0x10));
        power = reduced(low, middle, high);
    }
    all
}

#[inline]
#[target_feature(enable = "sse2")]
fn load(block: &Block) -> __m128i {
    // SAFETY: there are 16 bytes.
    unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(register: __m128i) -> Block {
    let mut block = [0; BLOCK];
    // SAFETY: there is room for 16 bytes.
    unsafe { _mm_storeu_si128(block.as_mut_ptr().cast(), register) };
    block
}

/// A product of 256 bits, or a sum of them, modulo the polynomial and divided by x^128.
#[inline]
#[target_feature(enable = "pclmulqdq,sse2")]
fn reduced(low: __m128i, middle: __m128i, high: __m128i) -> __m128i {
    let low = _mm_xor_si128(low, _mm_slli_si128(middle, 8));
    let high = _mm_xor_si128(high, _mm_srli_si128(middle, 8));
    let polynomial = _mm_set_epi64x(0, 0xc200_0000_0000_0000_u64 as i64);
    let halved = |x: __m128i| {
        let product = _mm_clmulepi64_si128(x, polynomial, 0x00);
        _mm_xor_si128(_mm_shuffle_epi32(x, 0x4e), product)
    };
    _mm_xor_si128(high, halved(halved(low)))
}

/// The order of bytes in a block, reversed.
#[inline]
#[target_feature(enable = "sse2")]
fn reversal() -> __m128i {
    _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}

/// Sums of products, not yet reduced.
#[derive(Clone, Copy)]
struct Sums {
    low: __m512i,
    middle: __m512i,
    high: __m512i,
}

impl Sums {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn none() -> Sums {
        Sums { low: _mm512_setzero_si512(), middle: _mm512_setzero_si512(), high: _mm512_setzero_si512() }
    }

    /// Adds products of four blocks.
    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq")]
    fn add(&mut self, blocks: __m512i, powers: __m512i) {
        // Three numbers are added by one instruction.
        const ADD: i32 = 0x96;
        self.low = _mm512_xor_si512(self.low, _mm512_clmulepi64_epi128(blocks, powers, 0x00));
        self.high = _mm512_xor_si512(self.high, _mm512_clmulepi64_epi128(blocks, powers, 0x11));
        self.middle = _mm512_ternarylogic_epi64::<ADD>(
            self.middle,
            _mm512_clmulepi64_epi128(blocks, powers, 0x01),
            _mm512_clmulepi64_epi128(blocks, powers, 0x10),
        );
    }

    /// The sum of all four, reduced.
    #[inline]
    #[target_feature(enable = "avx512f,pclmulqdq,sse2")]
    fn reduced(self) -> __m128i {
        let folded = |x: __m512i| {
            let half = _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
            _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1))
        };
        reduced(folded(self.low), folded(self.middle), folded(self.high))
    }
}

/// Which of a register's bytes there are, of so many.
#[inline]
fn mask_of(len: usize) -> u64 {
    if len >= WIDE { u64::MAX } else { (1 << len) - 1 }
}

#[target_feature(enable = "avx512f,avx512bw,vpclmulqdq,pclmulqdq,ssse3,sse2")]
fn polynomial(powers: &Powers, sum: Block, bytes: &[u8]) -> Block {
    let order = _mm512_broadcast_i32x4(reversal());
    let mut sum = _mm_shuffle_epi8(load(&sum), reversal());
    for piece in bytes.chunks(AT_ONCE * BLOCK) {
        let mut sums = Sums::none();
        let blocks = piece.len().div_ceil(BLOCK);
        let mut before = _mm512_zextsi128_si512(sum);
        for (n, part) in piece.chunks(WIDE).enumerate() {
            // SAFETY: only bytes that are there are read. As many powers are there from the one of the first
            // block on, and three blocks behind them.
            let (given, factors) = unsafe {
                let place = powers.0.as_ptr().add(AT_ONCE - blocks + 4 * n);
                (
                    _mm512_maskz_loadu_epi8(mask_of(part.len()), part.as_ptr().cast()),
                    _mm512_loadu_si512(place.cast()),
                )
            };
            sums.add(_mm512_xor_si512(_mm512_shuffle_epi8(given, order), before), factors);
            before = _mm512_setzero_si512();
        }
        sum = sums.reduced();
    }
    store(_mm_shuffle_epi8(sum, reversal()))
}

/// Round keys, four times each.
#[inline]
#[target_feature(enable = "avx512f")]
fn wide_keys<const ROUNDS: usize>(keys: &[Block; MOST_KEYS]) -> [__m512i; MOST_KEYS] {
    let mut wide = [_mm512_setzero_si512(); MOST_KEYS];
    for (wide, key) in wide.iter_mut().zip(&keys[..=ROUNDS]) {
        *wide = _mm512_broadcast_i32x4(load(key));
    }
    wide
}

/// Four counters, least significant byte first, from that one on.
#[inline]
#[target_feature(enable = "avx512f")]
fn counters(counter: u128) -> __m512i {
    let (high, low) = ((counter >> 64) as i64, counter as u64);
    let at = |n: u64| low.wrapping_add(n) as i64;
    _mm512_set_epi64(high, at(3), high, at(2), high, at(1), high, at(0))
}

/// Encrypts the counters of [`REGISTERS`] registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn stream<const ROUNDS: usize>(
    keys: &[__m512i; MOST_KEYS],
    first: __m512i,
    order: __m512i,
) -> [__m512i; REGISTERS] {
    let mut blocks = [first; REGISTERS];
    for (n, block) in blocks.iter_mut().enumerate() {
        let step = 4 * n as i64;
        let counter = _mm512_add_epi64(first, _mm512_set_epi64(0, step, 0, step, 0, step, 0, step));
        *block = _mm512_xor_si512(_mm512_shuffle_epi8(counter, order), keys[0]);
    }
    for key in &keys[1..ROUNDS] {
        for block in &mut blocks {
            *block = _mm512_aesenc_epi128(*block, *key);
        }
    }
    for block in &mut blocks {
        *block = _mm512_aesenclast_epi128(*block, keys[ROUNDS]);
    }
    blocks
}

/// # Safety
/// There are `len` bytes at both places, of which those at `to` are nobody else's.
#[target_feature(enable = "avx512f,avx512bw,vaes,ssse3,sse2")]
unsafe fn ctr<const ROUNDS: usize>(
    keys: &[Block; MOST_KEYS],
    counter: u128,
    from: *const u8,
    to: *mut u8,
    len: usize,
) {
    let keys = wide_keys::<ROUNDS>(keys);
    let order = _mm512_broadcast_i32x4(reversal());
    let mut first = counters(counter);
    let step = _mm512_set_epi64(0, 32, 0, 32, 0, 32, 0, 32);
    let mut at = 0;
    while len - at >= AT_ONCE * BLOCK {
        let blocks = stream::<ROUNDS>(&keys, first, order);
        for (n, block) in blocks.iter().enumerate() {
            // SAFETY: so many bytes are left.
            unsafe {
                let text = _mm512_loadu_si512(from.add(at + n * WIDE).cast());
                _mm512_storeu_si512(to.add(at + n * WIDE).cast(), _mm512_xor_si512(text, *block));
            }
        }
        first = _mm512_add_epi64(first, step);
        at += AT_ONCE * BLOCK;
    }
    if at < len {
        let blocks = stream::<ROUNDS>(&keys, first, order);
        for (block, place) in blocks.iter().zip((at..len).step_by(WIDE)) {
            let mask = mask_of(len - place);
            // SAFETY: only bytes that are there are read and written.
            unsafe {
                let text = _mm512_maskz_loadu_epi8(mask, from.add(place).cast());
                _mm512_mask_storeu_epi8(to.add(place).cast(), mask, _mm512_xor_si512(text, *block));
            }
        }
    }
}

#[target_feature(enable = "aes,sse2")]
fn cbc<const ROUNDS: usize>(
    keys: &[Block; MOST_KEYS],
    last: &mut Block,
    from: &[u8],
    to: &mut [MaybeUninit<u8>],
) {
    let mut round_keys = [_mm_setzero_si128(); MOST_KEYS];
    for (round, key) in round_keys.iter_mut().zip(&keys[..=ROUNDS]) {
        *round = load(key);
    }
    let mut block = load(last);
    for (from, to) in from.as_chunks::<BLOCK>().0.iter().zip(to.as_chunks_mut::<BLOCK>().0) {
        // What does not wait for the block before is done first.
        block = _mm_xor_si128(block, _mm_xor_si128(load(from), round_keys[0]));
        for key in &round_keys[1..ROUNDS] {
            block = _mm_aesenc_si128(block, *key);
        }
        block = _mm_aesenclast_si128(block, round_keys[ROUNDS]);
        *to = store(block).map(MaybeUninit::new);
    }
    *last = store(block);
}

/// # Safety
/// As [`ctr`].
#[target_feature(enable = "avx512f,avx512bw,vaes,vpclmulqdq,pclmulqdq,ssse3,sse2")]
unsafe fn gcm<const ROUNDS: usize, const ENCRYPTS: bool>(
    keys: &[Block; MOST_KEYS],
    powers: &Powers,
    sum: Block,
    counter: u128,
    from: *const u8,
    to: *mut u8,
    len: usize,
) -> Block {
    let keys = wide_keys::<ROUNDS>(keys);
    let order = _mm512_broadcast_i32x4(reversal());
    let mut sum = _mm_shuffle_epi8(load(&sum), reversal());
    let mut first = counters(counter);
    let step = _mm512_set_epi64(0, 32, 0, 32, 0, 32, 0, 32);
    let mut at = 0;
    while len - at >= AT_ONCE * BLOCK {
        let blocks = stream::<ROUNDS>(&keys, first, order);
        let mut sums = Sums::none();
        let mut before = _mm512_zextsi128_si512(sum);
        for (n, block) in blocks.iter().enumerate() {
            // SAFETY: so many bytes are left; there are so many powers.
            let (text, factors) = unsafe {
                (
                    _mm512_loadu_si512(from.add(at + n * WIDE).cast()),
                    _mm512_loadu_si512(powers.0.as_ptr().add(4 * n).cast()),
                )
            };
            let other = _mm512_xor_si512(text, *block);
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(to.add(at + n * WIDE).cast(), other) };
            let encrypted = _mm512_shuffle_epi8(if ENCRYPTS { other } else { text }, order);
            sums.add(_mm512_xor_si512(encrypted, before), factors);
            before = _mm512_setzero_si512();
        }
        sum = sums.reduced();
        first = _mm512_add_epi64(first, step);
        at += AT_ONCE * BLOCK;
    }
    if at < len {
        let blocks = stream::<ROUNDS>(&keys, first, order);
        let mut sums = Sums::none();
        let mut before = _mm512_zextsi128_si512(sum);
        let skipped = AT_ONCE - (len - at).div_ceil(BLOCK);
        for (n, (block, place)) in blocks.iter().zip((at..len).step_by(WIDE)).enumerate() {
            let mask = mask_of(len - place);
            // SAFETY: only bytes that are there are read and written. As many powers are there from the one of the
            // first block on, and three blocks behind them.
            let (text, factors) = unsafe {
                (
                    _mm512_maskz_loadu_epi8(mask, from.add(place).cast()),
                    _mm512_loadu_si512(powers.0.as_ptr().add(skipped + 4 * n).cast()),
                )
            };
            let other = _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(text, *block));
            // SAFETY: as above.
            unsafe { _mm512_mask_storeu_epi8(to.add(place).cast(), mask, other) };
            let encrypted = _mm512_shuffle_epi8(if ENCRYPTS { other } else { text }, order);
            sums.add(_mm512_xor_si512(encrypted, before), factors);
            before = _mm512_setzero_si512();
        }
        sum = sums.reduced();
    }
    store(_mm_shuffle_epi8(sum, reversal()))
}
