//! BLAKE3 of parts of a message, each by itself, and what is made of them: BLAKE3 hashes a tree.
//!
//! ```
//! use nbc_numerics::crypto::blake::{PART, joined, part};
//! use nbc_numerics::crypto::hash::Hash;
//! let message = vec![7; PART + 1];
//! let parts = [part(0, |see| see(&message[..PART])), part(1, |see| see(&message[PART..]))];
//! let mut digest = [0; 32];
//! let mut hasher = Hash::Blake3.start();
//! hasher.update(&message);
//! hasher.finish(&mut digest);
//! assert_eq!(joined(&parts), digest);
//! ```

use blake3::Hasher;
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// Bytes of a part; the last has fewer, or as many.
pub const PART: usize = 1 << 17;
/// What a part is hashed to.
pub type Chaining = [u8; 32];

/// Hashes part `number` of a message that has more than one, its bytes handed on by `bytes`, in order.
pub fn part(number: usize, bytes: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Chaining {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(number as u64 * PART as u64);
    bytes(&mut |piece| _ = hasher.update(piece));
    hasher.finalize_non_root()
}

/// The digest of the message with those parts.
///
/// # Panics
/// Where there are fewer than two.
pub fn joined(parts: &[Chaining]) -> [u8; 32] {
    let (left, right) = halves(parts);
    *merge_subtrees_root(&subtree(left), &subtree(right), Mode::Hash).as_bytes()
}

/// The left is the largest power of two that leaves something.
fn halves(parts: &[Chaining]) -> (&[Chaining], &[Chaining]) {
    assert!(parts.len() > 1, "a message of one part has no tree");
    parts.split_at(parts.len().div_ceil(2).next_power_of_two())
}

fn subtree(parts: &[Chaining]) -> Chaining {
    match parts {
        [one] => *one,
        _ => {
            let (left, right) = halves(parts);
            merge_subtrees_non_root(&subtree(left), &subtree(right), Mode::Hash)
        }
    }
}
