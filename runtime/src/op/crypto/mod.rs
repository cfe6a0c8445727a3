//! Ciphers, hashes, codes and keys; the mathematics is [`nbc_numerics::crypto`].
//!
//! | file | holds |
//! |---|---|
//! | `ask` | what calls say: keys, nonces, lengths |
//! | `cipher` | AES in counter mode and with chained blocks |
//! | `aead` | AES-GCM and ChaCha20-Poly1305 |
//! | `hash` | hashes of tensors and of their rows |
//! | `derive` | codes, and keys of keys and passwords |
//!
//! Work is charged before anything of it is done. One that may be cut runs on all cores where that pays: counter mode, GCM,
//! chained blocks that are decrypted, rows of hashes, and BLAKE3. Whatever is long polls each millisecond or so.
//!
//! Invariants: a result is the same bits however it is cut. Of a text whose tag is wrong nothing is handed on. Rows
//! say what is secret, and `run_operation` has marked its regions before a kernel runs.

mod aead;
mod ask;
mod cipher;
mod derive;
mod hash;
mod offers;

pub(super) use aead::{
    crypto_aes_gcm_decrypt, crypto_aes_gcm_encrypt, crypto_chacha20_poly1305_decrypt,
    crypto_chacha20_poly1305_encrypt,
};
pub(super) use cipher::{crypto_aes_cbc_decrypt, crypto_aes_cbc_encrypt, crypto_aes_ctr};
pub(super) use derive::{
    crypto_equal, crypto_hkdf_sha256, crypto_hkdf_sha512, crypto_hmac_sha256, crypto_hmac_sha512,
    crypto_pbkdf2_sha256, crypto_pbkdf2_sha512,
};
pub(super) use hash::{
    crypto_blake3, crypto_blake3_rows, crypto_sha3_256, crypto_sha3_256_rows, crypto_sha3_512,
    crypto_sha3_512_rows, crypto_sha224, crypto_sha224_rows, crypto_sha256, crypto_sha256_rows,
    crypto_sha384, crypto_sha384_rows, crypto_sha512, crypto_sha512_rows,
};
pub(super) use offers::OFFERS;

type Done = Result<(), crate::trap::TrapError>;
