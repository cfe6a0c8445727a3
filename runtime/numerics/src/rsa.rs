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
//! assert_eq!(refused, Err(Wrong::Key));
//! ```

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
    /// The numbers are no key, or one of a size that is not taken.
    Key,
    /// The message, or the salt, is too long for the key.
    Length,
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

/// Whether a modulus, a public exponent and further numbers may be of a key: odd and of a size that is taken, none beyond
/// the modulus.
fn is_plausible(n: &[u64], e: &[u64], others: &[&[u64]]) -> bool {
    let bits = crate::bigint::natural::bit_length;
    SIZES.contains(&bits(n))
        && n[0] & 1 == 1
        && matches!(e, [e] if *e >= 3 && e & 1 == 1 && *e <= PublicKey::MAX_PUB_EXPONENT)
        && others.iter().all(|x| (2..=bits(n)).contains(&bits(x)))
}

fn public(n: &[u64], e: &[u64]) -> Result<PublicKey, Wrong> {
    if !is_plausible(n, e, &[]) {
        return Err(Wrong::Key);
    }
    PublicKey::new(number(n), number(e)).map_err(|_| Wrong::Key)
}

fn private(key: Private<'_>) -> Result<PrivateKey, Wrong> {
    let is_odd = |x: &[u64]| x.first().is_some_and(|limb| limb & 1 == 1);
    if !is_plausible(key.n, key.e, &[key.d, key.p, key.q]) || !is_odd(key.p) || !is_odd(key.q) {
        return Err(Wrong::Key);
    }
    let primes = vec![number(key.p), number(key.q)];
    PrivateKey::from_components(number(key.n), number(key.e), number(key.d), primes).map_err(|_| Wrong::Key)
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
/// [`Wrong::Key`] and [`Wrong::Length`].
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
        return Err(Wrong::Length);
    }
    with_hash!(hash, D => Oaep::<D>::new_with_label(label).encrypt(&mut Given(seed), &key, message))
        .map_err(|_| Wrong::Length)
}

/// RSAES-OAEP: the message of a ciphertext.
///
/// # Errors
/// [`Wrong::Key`], and [`Wrong::Ciphertext`] whatever else is wrong.
pub fn oaep_decrypt(key: Private<'_>, hash: Hash, ciphertext: &[u8], label: &[u8]) -> Result<Vec<u8>, Wrong> {
    let key = private(key)?;
    with_hash!(hash, D => Oaep::<D>::new_with_label(label).decrypt(None::<&mut Given<'_>>, &key, ciphertext))
        .map_err(|_| Wrong::Ciphertext)
}

/// RSASSA-PSS: the signature of a message with that hash and salt. The mask is made by the same hash.
///
/// # Errors
/// [`Wrong::Key`], and [`Wrong::Length`] where hash and salt do not fit the modulus.
pub fn pss_sign(key: Private<'_>, hash: Hash, hashed: &[u8], salt: &[u8]) -> Result<Vec<u8>, Wrong> {
    let key = private(key)?;
    with_hash!(hash, D => {
        let mut scheme = Pss::<D>::new_with_salt(salt.len());
        scheme.blinded = false;
        scheme.sign(Some(&mut Given(salt)), &key, hashed)
    })
    .map_err(|_| Wrong::Length)
}

/// RSASSA-PSS: whether that is a signature of a message with that hash, whose salt has so many bytes.
///
/// # Errors
/// [`Wrong::Key`].
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
