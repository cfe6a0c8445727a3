//! AES in Galois/counter mode (NIST SP 800-38D): a stream that is added to the text, and a tag over what was
//! encrypted and what goes with it.
//!
//! The tag is a polynomial whose coefficients are the blocks, at a point H that follows from the key, in the field of
//! 2^128 elements. So parts of a text are looked at each by itself, in whatever order. Each is a polynomial of its own,
//! and [`Gcm::joined`] makes one of them.
//!
//! ```
//! use nbc_numerics::crypto::{aes::Key, gcm::Gcm};
//! use std::mem::MaybeUninit;
//! let gcm = Gcm::new(Key::new(&[0; 16]).unwrap());
//! let start = gcm.start(&[0; 12]);
//! let mut to = [MaybeUninit::uninit(); 16];
//! let sum = gcm.encrypt(&start, 0, [0; 16], &[0; 16], &mut to);
//! assert_eq!(gcm.tag(&start, sum, [0, 16])[..4], [0xab, 0x6e, 0x47, 0xd4]);
//! ```

use super::aes::{Block, Key};
use super::ctr::{AT_ONCE, with_stream};
use super::{BLOCK, wipe};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use std::mem::MaybeUninit;

/// Most bytes of a text: then the counter of 32 bits begins anew.
pub const MOST: u64 = ((1 << 32) - 2) * BLOCK as u64;

/// A key with what follows from it.
pub struct Gcm {
    key: Key,
    /// The point H.
    point: Block,
    #[cfg(target_arch = "x86_64")]
    powers: Option<super::x86::Powers>,
}

impl Drop for Gcm {
    fn drop(&mut self) {
        wipe(&mut self.point);
    }
}

/// The counter block before that of the text; its stream hides the tag.
#[derive(Clone, Copy)]
pub struct Start(Block);

impl Start {
    /// The counter block `n` behind the first of the text: the last 32 bits count.
    fn counter(&self, n: u64) -> Block {
        let mut block = self.0;
        let count = u32::from_be_bytes([block[12], block[13], block[14], block[15]]);
        block[12..].copy_from_slice(&count.wrapping_add(1).wrapping_add(n as u32).to_be_bytes());
        block
    }
}

impl Gcm {
    /// With that key.
    pub fn new(key: Key) -> Gcm {
        let mut point = [0; BLOCK];
        key.encrypt_block(&mut point);
        Gcm {
            #[cfg(target_arch = "x86_64")]
            powers: key.wide().and_then(|_| super::x86::Powers::new(&point)),
            key,
            point,
        }
    }

    /// Begins with a nonce, of 12 bytes at best; it has at least one.
    pub fn start(&self, nonce: &[u8]) -> Start {
        let mut block = [0; BLOCK];
        if nonce.len() == 12 {
            block[..12].copy_from_slice(nonce);
            block[15] = 1;
            return Start(block);
        }
        block[8..].copy_from_slice(&(nonce.len() as u64 * 8).to_be_bytes());
        Start(self.sum(self.sum([0; BLOCK], nonce), &block))
    }

    /// The polynomial of `before` and then of the blocks of `bytes`, the last filled up with zeros.
    pub fn sum(&self, before: Block, bytes: &[u8]) -> Block {
        #[cfg(target_arch = "x86_64")]
        if let Some(powers) = &self.powers {
            return powers.sum(before, bytes);
        }
        let (whole, rest) = bytes.as_chunks::<BLOCK>();
        let mut hash = GHash::new(&self.point.into());
        let mut before = Some(before);
        // What was before is added to the first block.
        let mut first = |mut block: Block| {
            if let Some(before) = before.take() {
                add(&mut block, &before);
            }
            block
        };
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        match whole {
            [] if rest.is_empty() => return first([0; BLOCK]),
            [] => hash.update(&[first(last).into()]),
            [one, others @ ..] => {
                hash.update(&[first(*one).into()]);
                hash.update_padded(others.as_flattened());
                if !rest.is_empty() {
                    hash.update(&[last.into()]);
                }
            }
        }
        hash.finalize().into()
    }

    /// Encrypts a piece of a part of the text, from block `first` of the text on. It gives the polynomial of that part so
    /// far, which was `sum` before; that is zeros at first. Only the last piece of a text has another length than whole blocks.
    ///
    /// # Panics
    /// Where lengths differ.
    pub fn encrypt(
        &self,
        start: &Start,
        first: u64,
        sum: Block,
        from: &[u8],
        to: &mut [MaybeUninit<u8>],
    ) -> Block {
        self.run::<true>(start, first, sum, from, to)
    }

    /// Decrypts a part, as [`Gcm::encrypt`]. It is to be used only if the tag is right.
    ///
    /// # Panics
    /// As [`Gcm::encrypt`].
    pub fn decrypt(
        &self,
        start: &Start,
        first: u64,
        sum: Block,
        from: &[u8],
        to: &mut [MaybeUninit<u8>],
    ) -> Block {
        self.run::<false>(start, first, sum, from, to)
    }

    fn run<const ENCRYPTS: bool>(
        &self,
        start: &Start,
        first: u64,
        mut sum: Block,
        from: &[u8],
        to: &mut [MaybeUninit<u8>],
    ) -> Block {
        assert_eq!(from.len(), to.len(), "a result as long as the text");
        #[cfg(target_arch = "x86_64")]
        if let (Some(wide), Some(powers)) = (self.key.wide(), &self.powers) {
            let counter = start.counter(first);
            let count = u32::from_be_bytes([counter[12], counter[13], counter[14], counter[15]]);
            // The kernel does not know that the last 32 bits begin anew.
            let until = ((1usize << 32) - count as usize).saturating_mul(BLOCK).min(from.len());
            sum = wide.gcm::<ENCRYPTS>(
                powers,
                sum,
                u128::from_be_bytes(counter),
                &from[..until],
                &mut to[..until],
            );
            if until < from.len() {
                let counter = start.counter(first + (until / BLOCK) as u64);
                let (from, to) = (&from[until..], &mut to[until..]);
                sum = wide.gcm::<ENCRYPTS>(powers, sum, u128::from_be_bytes(counter), from, to);
            }
            return sum;
        }
        let counter = |n: usize| start.counter(first + n as u64);
        if ENCRYPTS {
            with_stream(&self.key, counter, from, to, |encrypted| sum = self.sum(sum, encrypted));
        } else {
            let mut pieces = from.chunks(AT_ONCE * BLOCK);
            let take_in = |_: &[u8]| sum = self.sum(sum, pieces.next().unwrap_or_default());
            with_stream(&self.key, counter, from, to, take_in);
        }
        sum
    }

    /// The polynomial of all: of `before`, and then of parts of `blocks` blocks each, the last of `last`.
    pub fn joined(&self, before: Block, parts: &[Block], blocks: u64, last: u64) -> Block {
        let Some((last_part, others)) = parts.split_last() else { return before };
        let mut sum = before;
        if !others.is_empty() {
            let step = self.power(blocks);
            for part in others {
                sum = product(&sum, &step);
                add(&mut sum, part);
            }
        }
        let mut sum = product(&sum, &self.power(last));
        add(&mut sum, last_part);
        sum
    }

    /// H as a factor so many times, at least once.
    fn power(&self, times: u64) -> Block {
        let mut power = self.point;
        for bit in (0..times.ilog2()).rev() {
            power = product(&power, &power);
            if times >> bit & 1 == 1 {
                power = product(&power, &self.point);
            }
        }
        power
    }

    /// The tag, `sum` being the polynomial of what goes with the text, and then of what was encrypted, and `lens` how many
    /// bytes these are.
    pub fn tag(&self, start: &Start, sum: Block, lens: [u64; 2]) -> Block {
        let mut block = [0; BLOCK];
        block[..8].copy_from_slice(&(lens[0] * 8).to_be_bytes());
        block[8..].copy_from_slice(&(lens[1] * 8).to_be_bytes());
        let mut tag = self.sum(sum, &block);
        let mut stream = start.0;
        self.key.encrypt_block(&mut stream);
        add(&mut tag, &stream);
        wipe(&mut stream);
        tag
    }
}

/// Adds in the field.
fn add(to: &mut Block, other: &Block) {
    *to = (u128::from_ne_bytes(*to) ^ u128::from_ne_bytes(*other)).to_ne_bytes();
}

/// Multiplies in the field: the polynomial of one coefficient.
fn product(a: &Block, b: &Block) -> Block {
    let mut hash = GHash::new(&(*b).into());
    hash.update(&[(*a).into()]);
    hash.finalize().into()
}
