//! Codes that show that a message is whole and from one who has the key: HMAC (RFC 2104).

use super::hash::{Hash, Hasher};
use super::wipe;

/// A key, ready for messages; what has gone in of one.
#[derive(Clone)]
pub struct Hmac {
    hash: Hash,
    inner: Hasher,
    outer: Hasher,
}

/// The most bytes that a block has of functions that make codes, and a digest.
const MOST_BLOCK: usize = 136;
pub(super) const MOST_DIGEST: usize = 64;

impl Hmac {
    /// With a key of any length.
    ///
    /// ```
    /// use nbc_numerics::crypto::{hash::Hash, hmac::Hmac};
    /// let mut code = [0; 32];
    /// let mut hmac = Hmac::new(Hash::Sha256, b"Jefe");
    /// hmac.update(b"what do ya want for nothing?");
    /// hmac.finish(&mut code);
    /// assert_eq!(code[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    /// ```
    pub fn new(hash: Hash, key: &[u8]) -> Hmac {
        if key.len() <= hash.block() {
            return Hmac::of_short(hash, key);
        }
        let mut hasher = hash.start();
        hasher.update(key);
        Hmac::of_hashed(hash, hasher)
    }

    /// With a key that is longer than a block, which has gone into a hasher.
    pub fn of_hashed(hash: Hash, key: Hasher) -> Hmac {
        let mut digest = [0; MOST_DIGEST];
        key.finish(&mut digest[..hash.digest_len()]);
        let hmac = Hmac::of_short(hash, &digest[..hash.digest_len()]);
        wipe(&mut digest);
        hmac
    }

    fn of_short(hash: Hash, key: &[u8]) -> Hmac {
        let mut block = [0; MOST_BLOCK];
        let block = &mut block[..hash.block()];
        block[..key.len()].copy_from_slice(key);
        let mut keyed = |pad: u8| {
            block.iter_mut().for_each(|byte| *byte ^= pad);
            let mut hasher = hash.start();
            hasher.update(block);
            hasher
        };
        // The second pad is that of the outer key, and takes the first away.
        let (inner, outer) = (keyed(0x36), keyed(0x36 ^ 0x5c));
        wipe(block);
        Hmac { hash, inner, outer }
    }

    /// Goes on with those bytes of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    /// Writes the code.
    ///
    /// # Panics
    /// Where `to` is not as long as a digest.
    pub fn finish(self, to: &mut [u8]) {
        let Hmac { inner, mut outer, .. } = self;
        inner.finish(to);
        outer.update(to);
        outer.finish(to);
    }

    /// The function.
    pub fn hash(&self) -> Hash {
        self.hash
    }
}
