//! Ciphers, hashes and keys derived of others, over bytes.
//!
//! | file | holds |
//! |---|---|
//! | `aes` | AES keys and blocks |
//! | `ctr`, `cbc`, `gcm` | modes of AES |
//! | `chacha` | ChaCha20-Poly1305 |
//! | `hash` | hash functions |
//! | `blake` | BLAKE3 of parts, which are joined |
//! | `hmac`, `kdf` | codes by hashes, and keys of keys or passwords |
//! | `x86` | AES-CTR and GHASH in registers of 64 bytes |
//!
//! Sources: FIPS 180-4, 197, 202; NIST SP 800-38A and 38D; RFC 2104, 5869, 8018 and 8439; the BLAKE3 paper.
//!
//! Nothing here polls a clock: what is long is done in pieces, between which whoever calls looks at it. What is
//! written is memory not yet initialised, all of which has been written on return.
//!
//! Invariants: a result depends on the arguments alone, and not on how it is cut into pieces, or on the processor. Time does not
//! depend on the bytes of keys and messages where the processor has AES instructions, nor elsewhere: the portable AES is
//! bit-sliced. Round keys and other state are overwritten with zeros when they go.
//!
//! ```
//! use nbc_numerics::crypto::hash::Hash;
//! let mut digest = [0; 32];
//! let mut hasher = Hash::Sha256.start();
//! hasher.update(b"abc");
//! hasher.finish(&mut digest);
//! assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
//! ```

pub mod aes;
pub mod blake;
pub mod cbc;
pub mod chacha;
pub mod ctr;
pub mod gcm;
pub mod hash;
pub mod hmac;
pub mod kdf;
#[cfg(target_arch = "x86_64")]
mod x86;

use subtle::ConstantTimeEq;

/// Bytes of a block of AES.
pub const BLOCK: usize = 16;

/// Whether both have the same bytes, in a time that depends on the length alone.
///
/// ```
/// assert!(nbc_numerics::crypto::equal(b"tag", b"tag"));
/// assert!(!nbc_numerics::crypto::equal(b"tag", b"tab"));
/// ```
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Overwrites bytes with zeros, which the compiler may not leave out.
pub fn wipe(bytes: &mut [u8]) {
    zeroize::Zeroize::zeroize(bytes);
}

#[cfg(test)]
mod tests;
