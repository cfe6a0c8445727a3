//! ChaCha20-Poly1305 (RFC 8439): a stream that is added to the text, and a tag over what was encrypted and what goes with it.

use super::{BLOCK, wipe};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit, UniversalHash};
use std::mem::MaybeUninit;

/// Bytes of a key.
pub const KEY: usize = 32;
/// Bytes of a nonce.
pub const NONCE: usize = 12;
/// Most bytes of a text: behind them the counter begins anew.
pub const MOST: u64 = (u32::MAX as u64) * 64;
/// Bytes of the stream's block.
const STREAM_BLOCK: usize = 64;
/// Bytes that are worked on at once: whole blocks of both.
const AT_ONCE: usize = 4096;

/// A text on its way.
pub struct Aead {
    cipher: ChaCha20,
    mac: Poly1305,
    lens: [u64; 2],
}

impl Aead {
    /// Begins with a key and a nonce.
    ///
    /// ```
    /// use nbc_numerics::crypto::chacha::Aead;
    /// use std::mem::MaybeUninit;
    /// let mut to = [MaybeUninit::uninit(); 2];
    /// let mut aead = Aead::new(&[0; 32], &[0; 12]);
    /// aead.associated(b"not secret", true);
    /// aead.encrypt(b"hi", &mut to);
    /// let tag = aead.tag();
    /// assert_eq!(tag.len(), 16);
    /// ```
    pub fn new(key: &[u8; KEY], nonce: &[u8; NONCE]) -> Aead {
        let mut cipher = ChaCha20::new(key.into(), nonce.into());
        // The first block of the stream is the key of the tag.
        let mut first = [0; STREAM_BLOCK];
        cipher.write_keystream(&mut first);
        let mut of_tag = [0; 32];
        of_tag.copy_from_slice(&first[..32]);
        let mac = Poly1305::new((&of_tag).into());
        wipe(&mut first);
        wipe(&mut of_tag);
        cipher.seek(STREAM_BLOCK as u64);
        Aead { cipher, mac, lens: [0; 2] }
    }

    /// Takes in a piece of what goes with the text, all before the text. All but the last are whole blocks of 16.
    pub fn associated(&mut self, bytes: &[u8], is_last: bool) {
        debug_assert!(is_last || bytes.len().is_multiple_of(BLOCK));
        self.mac.update_padded(bytes);
        self.lens[0] += bytes.len() as u64;
    }

    /// Encrypts a piece of the text. All but the last are whole blocks of 64 bytes.
    ///
    /// # Panics
    /// Where lengths differ, or the text is longer than [`MOST`].
    pub fn encrypt(&mut self, from: &[u8], to: &mut [MaybeUninit<u8>]) {
        self.run(from, to, true);
    }

    /// Decrypts a piece of the text, as [`Aead::encrypt`]. It is to be used only if the tag is right.
    ///
    /// # Panics
    /// As [`Aead::encrypt`].
    pub fn decrypt(&mut self, from: &[u8], to: &mut [MaybeUninit<u8>]) {
        self.run(from, to, false);
    }

    fn run(&mut self, from: &[u8], to: &mut [MaybeUninit<u8>], encrypts: bool) {
        assert_eq!(from.len(), to.len(), "a result as long as the text");
        let mut room = [0; AT_ONCE];
        for (from, to) in from.chunks(AT_ONCE).zip(to.chunks_mut(AT_ONCE)) {
            let room = &mut room[..from.len()];
            self.cipher.apply_keystream_b2b(from, room);
            self.mac.update_padded(if encrypts { room } else { from });
            to.write_copy_of_slice(room);
        }
        wipe(&mut room);
        self.lens[1] += from.len() as u64;
    }

    /// The tag of all that was taken in.
    pub fn tag(mut self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[..8].copy_from_slice(&self.lens[0].to_le_bytes());
        block[8..].copy_from_slice(&self.lens[1].to_le_bytes());
        self.mac.update(&[block.into()]);
        self.mac.finalize().into()
    }
}
