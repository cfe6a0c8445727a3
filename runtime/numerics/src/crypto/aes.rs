//! AES keys, and blocks under them (FIPS 197).
//!
//! Invariant: the schedule of round keys goes with the key, overwritten with zeros.

use super::BLOCK;
#[cfg(target_arch = "x86_64")]
use super::x86;
use aes::cipher::array::Array;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};

/// A block.
pub type Block = [u8; BLOCK];

/// A key with what follows from it.
///
/// ```
/// use nbc_numerics::crypto::aes::Key;
/// let key = Key::new(&[0; 16]).unwrap();
/// let mut block = [0; 16];
/// key.encrypt_block(&mut block);
/// assert_eq!(block[..4], [0x66, 0xe9, 0x4b, 0xd4]);
/// assert!(Key::new(&[0; 17]).is_none());
/// ```
pub struct Key {
    cipher: Cipher,
    #[cfg(target_arch = "x86_64")]
    wide: Option<x86::Schedule>,
}

enum Cipher {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

/// Does `$body` with `$cipher` being the one of the key.
macro_rules! with_cipher {
    ($key:expr, $cipher:ident => $body:expr) => {
        match &$key.cipher {
            Cipher::Aes128($cipher) => $body,
            Cipher::Aes192($cipher) => $body,
            Cipher::Aes256($cipher) => $body,
        }
    };
}

impl Key {
    /// The key of those 16, 24 or 32 bytes; none of another length.
    pub fn new(key: &[u8]) -> Option<Key> {
        let cipher = match key.len() {
            16 => Cipher::Aes128(Aes128::new_from_slice(key).ok()?),
            24 => Cipher::Aes192(Aes192::new_from_slice(key).ok()?),
            32 => Cipher::Aes256(Aes256::new_from_slice(key).ok()?),
            _ => return None,
        };
        Some(Key {
            cipher,
            #[cfg(target_arch = "x86_64")]
            wide: x86::Schedule::new(key),
        })
    }

    /// The same without what only some processors have: for tests.
    #[cfg(test)]
    pub(super) fn portable(key: &[u8]) -> Option<Key> {
        let mut key = Key::new(key)?;
        #[cfg(target_arch = "x86_64")]
        {
            key.wide = None;
        }
        Some(key)
    }

    /// Round keys for wide registers, where the processor has them.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn wide(&self) -> Option<&x86::Schedule> {
        self.wide.as_ref()
    }

    /// Encrypts a block.
    pub fn encrypt_block(&self, block: &mut Block) {
        with_cipher!(self, cipher => cipher.encrypt_block(block.into()));
    }

    /// Encrypts blocks, each by itself.
    pub(super) fn encrypt_blocks(&self, blocks: &mut [Block]) {
        let blocks = Array::cast_slice_from_core_mut(blocks);
        with_cipher!(self, cipher => cipher.encrypt_blocks(blocks));
    }

    /// Decrypts blocks, each by itself.
    pub(super) fn decrypt_blocks(&self, blocks: &mut [Block]) {
        let blocks = Array::cast_slice_from_core_mut(blocks);
        with_cipher!(self, cipher => cipher.decrypt_blocks(blocks));
    }
}
