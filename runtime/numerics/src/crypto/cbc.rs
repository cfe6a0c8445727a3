//! AES with chained blocks (NIST SP 800-38A, 6.2), the text filled up as PKCS #7 says.
//!
//! To the last bytes come 1 to 16 more, all of them their number. Encrypting goes block after block; decrypting
//! looks at a block and the one before, so pieces may be decrypted by themselves.

use super::aes::{Block, Key};
use super::{BLOCK, wipe};
use std::mem::MaybeUninit;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};

/// Blocks that are decrypted at once.
const AT_ONCE: usize = 128;

/// How long the text of `len` bytes is when it is encrypted; none where that is no length.
pub const fn encrypted_len(len: usize) -> Option<usize> {
    match (len / BLOCK + 1).checked_mul(BLOCK) {
        Some(n) if n <= isize::MAX as usize => Some(n),
        _ => None,
    }
}

/// Encrypts whole blocks; `last` is the encrypted block before them, and afterwards the last of these.
///
/// # Panics
/// Where lengths differ, or are not those of blocks.
pub fn encrypt(key: &Key, last: &mut Block, from: &[u8], to: &mut [MaybeUninit<u8>]) {
    assert!(from.len() == to.len() && from.len().is_multiple_of(BLOCK), "whole blocks");
    #[cfg(target_arch = "x86_64")]
    if let Some(wide) = key.wide() {
        return wide.cbc(last, from, to);
    }
    for (from, to) in from.as_chunks::<BLOCK>().0.iter().zip(to.as_chunks_mut::<BLOCK>().0) {
        for (chained, from) in last.iter_mut().zip(from) {
            *chained ^= from;
        }
        key.encrypt_block(last);
        *to = last.map(MaybeUninit::new);
    }
}

/// The last block of a text: what is left of it, less than a block, filled up.
pub fn padded(rest: &[u8]) -> Block {
    let mut block = [(BLOCK - rest.len() % BLOCK) as u8; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// Decrypts whole blocks, before which lies the encrypted block `before`.
///
/// # Panics
/// Where lengths differ, or are not those of blocks.
pub fn decrypt(key: &Key, before: &Block, from: &[u8], to: &mut [MaybeUninit<u8>]) {
    assert!(from.len() == to.len() && from.len().is_multiple_of(BLOCK), "whole blocks");
    let (from, to) = (from.as_chunks::<BLOCK>().0, to.as_chunks_mut::<BLOCK>().0);
    let mut before = before;
    let mut room = [[0; BLOCK]; AT_ONCE];
    for (from, to) in from.chunks(AT_ONCE).zip(to.chunks_mut(AT_ONCE)) {
        let room = &mut room[..from.len()];
        room.copy_from_slice(from);
        key.decrypt_blocks(room);
        for ((to, plain), from) in to.iter_mut().zip(room).zip(from) {
            let text = u128::from_ne_bytes(*plain) ^ u128::from_ne_bytes(*before);
            *to = text.to_ne_bytes().map(MaybeUninit::new);
            before = from;
        }
    }
    wipe(room.as_flattened_mut());
}

/// How many bytes the last block has that are text; none where it is not filled up as it should be. The time does not
/// depend on what is wrong.
pub fn unpadded(block: &Block) -> Option<usize> {
    let count = block[BLOCK - 1];
    let mut is_right = !count.ct_eq(&0) & !count.ct_gt(&(BLOCK as u8));
    for (at, byte) in block.iter().enumerate() {
        // From the last `count` on, all must be that number.
        let is_padding = count.ct_gt(&((BLOCK - 1 - at) as u8));
        is_right &= Choice::conditional_select(&Choice::from(1), &byte.ct_eq(&count), is_padding);
    }
    bool::from(is_right).then(|| BLOCK - count as usize)
}
