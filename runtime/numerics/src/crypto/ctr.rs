//! AES in counter mode (NIST SP 800-38A, 6.5): a stream that is added to the text, so encrypting is decrypting.
//!
//! The counter is all 128 bits of the block, most significant byte first, and begins anew at 0 behind the last.

use super::aes::{Block, Key};
use super::{BLOCK, wipe};
use std::mem::MaybeUninit;

/// Blocks of the stream that are made at once.
pub(super) const AT_ONCE: usize = 128;

/// Adds the stream that begins with `counter` to `from`, and writes that to `to`, of the same length.
///
/// # Panics
/// Where lengths differ.
///
/// ```
/// use nbc_numerics::crypto::{aes::Key, ctr::apply};
/// use std::mem::MaybeUninit;
/// let (key, mut to) = (Key::new(&[0; 16]).unwrap(), [MaybeUninit::uninit(); 3]);
/// apply(&key, 0, &[0; 3], &mut to);
/// // SAFETY: all has been written.
/// assert_eq!(unsafe { to.assume_init_ref() }, [0x66, 0xe9, 0x4b]);
/// ```
pub fn apply(key: &Key, counter: u128, from: &[u8], to: &mut [MaybeUninit<u8>]) {
    assert_eq!(from.len(), to.len(), "a result as long as the text");
    #[cfg(target_arch = "x86_64")]
    if let Some(wide) = key.wide() {
        // The kernel counts in 64 bits. Where these begin anew, it does too.
        let until_carry = (1u128 << 64) - u128::from(counter as u64);
        let first = usize::try_from(until_carry.saturating_mul(BLOCK as u128)).unwrap_or(usize::MAX);
        let first = first.min(from.len());
        wide.ctr(counter, &from[..first], &mut to[..first]);
        if first < from.len() {
            wide.ctr(counter.wrapping_add(until_carry), &from[first..], &mut to[first..]);
        }
        return;
    }
    with_stream(key, |n| counter.wrapping_add(n as u128).to_be_bytes(), from, to, |_| {});
}

/// Adds the stream of those counter blocks to `from`, and writes that to `to`, of the same length. What was written is shown
/// piece by piece.
pub(super) fn with_stream(
    key: &Key,
    counter: impl Fn(usize) -> Block,
    from: &[u8],
    to: &mut [MaybeUninit<u8>],
    mut see: impl FnMut(&[u8]),
) {
    let mut stream = [[0; BLOCK]; AT_ONCE];
    let pieces = from.chunks(AT_ONCE * BLOCK).zip(to.chunks_mut(AT_ONCE * BLOCK));
    for (piece, (from, to)) in pieces.enumerate() {
        let stream = &mut stream[..from.len().div_ceil(BLOCK)];
        for (n, block) in stream.iter_mut().enumerate() {
            *block = counter(piece * AT_ONCE + n);
        }
        key.encrypt_blocks(stream);
        let sum = &mut stream.as_flattened_mut()[..from.len()];
        sum.iter_mut().zip(from).for_each(|(sum, text)| *sum ^= text);
        to.write_copy_of_slice(sum);
        see(sum);
    }
    wipe(stream.as_flattened_mut());
}
