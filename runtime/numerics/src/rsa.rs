//! RSA with padding: OAEP and PSS as RFC 8017 says, with SHA-2, by the crate `rsa`.
//!
//! Nothing is random here. What the standard takes from a random source, the seed and the salt, is an argument; a source that
//! holds just that is what the library is given, so it cannot take more.
//!
//! Private powers take the same time for all keys and messages of a size (the library's exponentiation does); they are not blinded, as
//! that needs randomness. Whether a ciphertext is refused is all that is said of it.
//!
//! ```
//! use nbc_numerics::rsa::{Hash, Wrong, oaep_encrypt};
//! // A modulus of 64 bits is too short.
//! let refused = oaep_encrypt(&[(1 << 63) + 1], &[65537], Hash::Sha256, b"text", b"", &[0; 32]);
//! assert_eq!(refused, Err(Wrong::Modulus(64)));
//! ```

use crate::bigint::natural;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
use rsa::traits::{PaddingScheme, SignatureScheme};
use rsa::{BoxedUint, Oaep, PrivateKey, Pss, PublicKey};
use std::fmt;

/// Bits of the least and the largest modulus.
pub const SIZES: std::ops::RangeInclusive<u64> = 1024..=8192;

/// A hash function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The one of so many bits.
    #[must_use]
    pub fn of_bits(bits: i64) -> Option<Hash> {
        [Hash::Sha256, Hash::Sha384, Hash::Sha512].into_iter().find(|hash| hash.bytes() as i64 * 8 == bits)
    }

    /// Bytes of a hash.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
            Hash::Sha512 => 64,
        }
    }
}

/// Why something was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// The modulus is even, or has so many bits, which is not one of [`SIZES`].
    Modulus(u64),
    /// The public exponent is even, less than 3 or too large.
    Exponent,
    /// The private exponent or the primes do not go with the modulus.
    Private,
    /// The hash is too long for a modulus of this size.
    Hash,
    /// The message, or the salt, is longer than so many bytes.
    Length(usize),
    /// The ciphertext is not what the key decrypts.
    Ciphertext,
}

/// The five numbers of a private key.
#[derive(Clone, Copy)]
pub struct Private<'a> {
    /// Modulus.
    pub n: &'a [u64],
    /// Public exponent.
    pub e: &'a [u64],
    /// Private exponent.
    pub d: &'a [u64],
    /// One prime.
    pub p: &'a [u64],
    /// The other.
    pub q: &'a [u64],
}

/// Gives the bytes that it holds, once.
struct Given<'a>(&'a [u8]);

/// The library wanted other bytes than it was given.
#[derive(Debug)]
struct Spent;

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no more bytes were given")
    }
}

impl std::error::Error for Spent {}

impl TryRng for Given<'_> {
    type Error = Spent;
    fn try_next_u32(&mut self) -> Result<u32, Spent> {
        Err(Spent)
    }
    fn try_next_u64(&mut self) -> Result<u64, Spent> {
        Err(Spent)
    }
    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Spent> {
        let (now, later) = self.0.split_at_checked(to.len()).ok_or(Spent)?;
        to.copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

// Who calls says the bytes, and answers for them.
impl TryCryptoRng for Given<'_> {}

fn number(limbs: &[u64]) -> BoxedUint {
    BoxedUint::from_words(if limbs.is_empty() { [0].iter() } else { limbs.iter() }.copied())
}

/// Whether a modulus and a public exponent may be of a key: odd and of a size that is taken.
fn plausible(n: &[u64], e: &[u64]) -> Result<(), Wrong> {
    let bits = natural::bit_length(n);
    if !SIZES.contains(&bits) || n[0] & 1 == 0 {
        return Err(Wrong::Modulus(bits));
    }
    match e {
        [e] if *e >= 3 && e & 1 == 1 && *e <= PublicKey::MAX_PUB_EXPONENT => Ok(()),
        _ => Err(Wrong::Exponent),
    }
}

fn public(n: &[u64], e: &[u64]) -> Result<PublicKey, Wrong> {
    plausible(n, e)?;
    PublicKey::new(number(n), number(e)).map_err(|_| Wrong::Exponent)
}

fn private(key: Private<'_>) -> Result<PrivateKey, Wrong> {
    plausible(key.n, key.e)?;
    let is_odd = |x: &[u64]| x.first().is_some_and(|limb| limb & 1 == 1);
    let sizes = 2..=natural::bit_length(key.n);
    let fit = [key.d, key.p, key.q].iter().all(|x| sizes.contains(&natural::bit_length(x)));
    if !fit || !is_odd(key.p) || !is_odd(key.q) {
        return Err(Wrong::Private);
    }
    let primes = vec![number(key.p), number(key.q)];
    PrivateKey::from_components(number(key.n), number(key.e), number(key.d), primes)
        .map_err(|_| Wrong::Private)
}

/// What the library's refusal of `len` bytes means, if `room` is taken by them and by `other` bytes: the key is the
/// only other thing.
fn refused(len: usize, room: usize, other: usize) -> Wrong {
    match room.checked_sub(other) {
        None => Wrong::Hash,
        Some(most) if len > most => Wrong::Length(most),
        Some(_) => Wrong::Private,
    }
}

/// Calls a function with the hash as its type.
macro_rules! with_hash {
    ($hash:expr, $D:ident => $call:expr) => {
        match $hash {
            Hash::Sha256 => {
                type $D = Sha256;
                $call
            }
            Hash::Sha384 => {
                type $D = Sha384;
                $call
            }
            Hash::Sha512 => {
                type $D = Sha512;
                $call
            }
        }
    };
}

/// The hash of a message; asks for leave to go on within what is long, and gives `None` where it gets none.
pub fn hashed(hash: Hash, message: &[u8], mut go_on: impl FnMut() -> bool) -> Option<Vec<u8>> {
    with_hash!(hash, D => {
        let mut state = D::new();
        for part in message.chunks(1 << 17) {
            if !go_on() {
                return None;
            }
            state.update(part);
        }
        Some(state.finalize().to_vec())
    })
}

/// RSAES-OAEP: the ciphertext of a message, as long as the modulus. The mask is made by the same hash. The seed is as long as
/// a hash.
///
/// # Errors
/// [`Wrong::Modulus`], [`Wrong::Exponent`], and [`Wrong::Length`] of the message, or of a seed that is not as long.
pub fn oaep_encrypt(
    n: &[u64],
    e: &[u64],
    hash: Hash,
    message: &[u8],
    label: &[u8],
    seed: &[u8],
) -> Result<Vec<u8>, Wrong> {
    let key = public(n, e)?;
    if seed.len() != hash.bytes() {
        return Err(Wrong::Length(hash.bytes()));
    }
    // RFC 8017, 7.1.1.
    let room = natural::bit_length(n).div_ceil(8) as usize;
    with_hash!(hash, D => Oaep::<D>::new_with_label(label).encrypt(&mut Given(seed), &key, message))
        .map_err(|_| refused(message.len(), room, 2 * hash.bytes() + 2))
}

/// RSAES-OAEP: the message of a ciphertext.
///
/// # Errors
/// Those of a key, and [`Wrong::Ciphertext`] whatever else is wrong.
pub fn oaep_decrypt(key: Private<'_>, hash: Hash, ciphertext: &[u8], label: &[u8]) -> Result<Vec<u8>, Wrong> {
    let key = private(key)?;
    with_hash!(hash, D => Oaep::<D>::new_with_label(label).decrypt(None::<&mut Given<'_>>, &key, ciphertext))
        .map_err(|_| Wrong::Ciphertext)
}

/// RSASSA-PSS: the signature of a message with that hash and salt. The mask is made by the same hash.
///
/// # Errors
/// Those of a key, and [`Wrong::Length`] of the salt.
pub fn pss_sign(key: Private<'_>, hash: Hash, hashed: &[u8], salt: &[u8]) -> Result<Vec<u8>, Wrong> {
    // RFC 8017, 9.1.1.
    let room = natural::bit_length(key.n).saturating_sub(1).div_ceil(8) as usize;
    let key = private(key)?;
    with_hash!(hash, D => {
        let mut scheme = Pss::<D>::new_with_salt(salt.len());
        scheme.blinded = false;
        scheme.sign(Some(&mut Given(salt)), &key, hashed)
    })
    .map_err(|_| refused(salt.len(), room, hash.bytes() + 2))
}

/// RSASSA-PSS: whether that is a signature of a message with that hash, whose salt has so many bytes.
///
/// # Errors
/// [`Wrong::Modulus`] and [`Wrong::Exponent`].
pub fn pss_verify(
    n: &[u64],
    e: &[u64],
    hash: Hash,
    hashed: &[u8],
    signature: &[u8],
    salt_len: usize,
) -> Result<bool, Wrong> {
    let key = public(n, e)?;
    Ok(with_hash!(hash, D => Pss::<D>::new_with_salt(salt_len).verify(&key, hashed, signature)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::{Hash, Private, Wrong, oaep_encrypt, pss_sign};

    #[test]
    fn what_is_refused_is_said() {
        // The seed is as long as the hash; nothing looks at whether the modulus is a product of primes.
        let (mut n, e) = ([u64::MAX; 16], [65537]);
        let sealed = |n: &[u64], e: &[u64], hash: Hash, message: &[u8]| {
            oaep_encrypt(n, e, hash, message, b"", &vec![7; hash.bytes()]).map(|made| made.len())
        };
        assert_eq!(sealed(&n, &e, Hash::Sha256, &[1; 62]), Ok(128));
        assert_eq!(sealed(&n, &e, Hash::Sha256, &[1; 63]), Err(Wrong::Length(62)));
        assert_eq!(sealed(&n, &e, Hash::Sha512, &[]), Err(Wrong::Hash));
        assert_eq!(sealed(&n[..15], &e, Hash::Sha256, &[]), Err(Wrong::Modulus(960)));
        for exponent in [0, 1, 2, 65536, 1 << 34 | 1] {
            assert_eq!(sealed(&n, &[exponent], Hash::Sha256, &[]), Err(Wrong::Exponent));
        }
        let key = Private { n: &n, e: &e, d: &[5], p: &[3], q: &[7] };
        assert_eq!(pss_sign(key, Hash::Sha256, &[0; 32], &[]), Err(Wrong::Private));
        n[0] -= 1;
        assert_eq!(sealed(&n, &e, Hash::Sha256, &[]), Err(Wrong::Modulus(1024)));
    }
}
