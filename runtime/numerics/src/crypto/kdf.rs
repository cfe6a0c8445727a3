//! Keys of other keys, HKDF (RFC 5869), and of passwords, PBKDF2 with HMAC (RFC 8018).

use super::hash::Hash;
use super::hmac::{Hmac, MOST_DIGEST};
use super::wipe;

/// The first step of HKDF: an even key of an uneven one, which is the message. An empty salt is one of zeros.
pub fn extraction(hash: Hash, salt: &[u8]) -> Hmac {
    Hmac::new(hash, salt)
}

/// How many bytes HKDF can make at most.
pub const fn most_expanded(hash: Hash) -> usize {
    255 * hash.digest_len()
}

/// The second step of HKDF: writes keys of the even one and what they are for, which `info` hands to each code.
///
/// # Errors
/// What `info` says; the keys are not to be used then.
///
/// # Panics
/// Where more is asked for than [`most_expanded`].
///
/// ```
/// use nbc_numerics::crypto::hash::Hash;
/// use nbc_numerics::crypto::kdf::{expand, extraction};
/// let mut extraction = extraction(Hash::Sha256, b"salt");
/// extraction.update(b"a long shared secret");
/// let (mut even, mut key) = ([0; 32], [0; 16]);
/// extraction.finish(&mut even);
/// expand::<()>(Hash::Sha256, &even, &mut key, |hmac| Ok(hmac.update(b"encryption"))).unwrap();
/// assert_ne!(key, [0; 16]);
/// ```
pub fn expand<E>(
    hash: Hash,
    even: &[u8],
    to: &mut [u8],
    mut info: impl FnMut(&mut Hmac) -> Result<(), E>,
) -> Result<(), E> {
    assert!(to.len() <= most_expanded(hash), "so many bytes are not to be had");
    let keyed = Hmac::new(hash, even);
    let mut block = [0; MOST_DIGEST];
    let block = &mut block[..hash.digest_len()];
    let mut run = || {
        for (n, to) in to.chunks_mut(hash.digest_len()).enumerate() {
            let mut hmac = keyed.clone();
            if n > 0 {
                hmac.update(block);
            }
            info(&mut hmac)?;
            hmac.update(&[n as u8 + 1]);
            hmac.finish(block);
            to.copy_from_slice(&block[..to.len()]);
        }
        Ok(())
    };
    let result = run();
    wipe(block);
    result
}

/// PBKDF2: a password and a salt, ready to make keys.
pub struct Pbkdf2 {
    keyed: Hmac,
    salted: Hmac,
}

impl Pbkdf2 {
    /// With HMAC by that password, and the same which the salt has gone into.
    pub fn new(keyed: Hmac, salted: Hmac) -> Pbkdf2 {
        Pbkdf2 { keyed, salted }
    }

    /// Writes the key of so many iterations.
    ///
    /// # Errors
    /// What `ask` says, which is asked after `stretch` iterations each; the key is not to be used then.
    ///
    /// ```
    /// use nbc_numerics::crypto::{hash::Hash, hmac::Hmac, kdf::Pbkdf2};
    /// let keyed = Hmac::new(Hash::Sha256, b"passwd");
    /// let mut salted = keyed.clone();
    /// salted.update(b"salt");
    /// let mut key = [0; 64];
    /// Pbkdf2::new(keyed, salted).derive::<()>(1, &mut key, 1000, || Ok(())).unwrap();
    /// assert_eq!(key[..4], [0x55, 0xac, 0x04, 0x6e]);
    /// ```
    pub fn derive<E>(
        &self,
        iterations: u64,
        to: &mut [u8],
        stretch: u64,
        mut ask: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let len = self.keyed.hash().digest_len();
        let mut room = [[0; MOST_DIGEST]; 2];
        let [block, sum] = &mut room;
        let (block, sum) = (&mut block[..len], &mut sum[..len]);
        let mut done = 0;
        let mut count = || {
            done += 1;
            if done < stretch {
                return Ok(());
            }
            done = 0;
            ask()
        };
        let mut run = || {
            for (n, to) in to.chunks_mut(len).enumerate() {
                let mut hmac = self.salted.clone();
                hmac.update(&(n as u32 + 1).to_be_bytes());
                hmac.finish(block);
                sum.copy_from_slice(block);
                for _ in 1..iterations {
                    count()?;
                    let mut hmac = self.keyed.clone();
                    hmac.update(block);
                    hmac.finish(block);
                    sum.iter_mut().zip(&*block).for_each(|(sum, byte)| *sum ^= byte);
                }
                to.copy_from_slice(&sum[..to.len()]);
                count()?;
            }
            Ok(())
        };
        let result = run();
        wipe(room.as_flattened_mut());
        result
    }
}
