//! Rows of `crypto`: ciphers, hashes, codes, and keys derived of others.
//!
//! Keys, nonces and the like are bytes. What is encrypted or hashed is any tensor: its elements in row-major order,
//! least significant byte first.

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! crypto_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::bigint_rows! { $use_rows {
    $($before)*
    // Ciphers.
    crypto_aes_ctr "crypto.aes_ctr" "<T: any>(tensor<T>, tensor<u8>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[0, 1], secret_result: true } "The bytes of a tensor with the stream of AES in counter mode added, by a key of 16, 24 or 32 bytes, from a counter of 16 bytes on: encrypts, and decrypts.";
    crypto_aes_gcm_encrypt "crypto.aes_gcm_encrypt" "<T: any>(tensor<T>, tensor<u8>, tensor<u8>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[0, 1] } "The bytes of a tensor, encrypted by AES-GCM with a key, a nonce (12 bytes at best, never twice with a key) and associated data; the tag of 16 bytes comes last.";
    crypto_aes_gcm_decrypt "crypto.aes_gcm_decrypt" "(tensor<u8>, tensor<u8>, tensor<u8>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[1], secret_result: true } "What crypto.aes_gcm_encrypt has encrypted, with the same key, nonce and associated data; traps with not_authentic if anything is another.";
    crypto_aes_cbc_encrypt "crypto.aes_cbc_encrypt" "<T: any>(tensor<T>, tensor<u8>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[0, 1] } "The bytes of a tensor, filled up as PKCS #7 says and encrypted by AES with chained blocks, by a key and a vector of 16 bytes to begin with.";
    crypto_aes_cbc_decrypt "crypto.aes_cbc_decrypt" "(tensor<u8>, tensor<u8>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[1], secret_result: true } "What crypto.aes_cbc_encrypt has encrypted; traps with invalid_padding where it is not filled up as it should be.";
    crypto_chacha20_poly1305_encrypt "crypto.chacha20_poly1305_encrypt" "<T: any>(tensor<T>, tensor<u8>, tensor<u8>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[0, 1] } "The bytes of a tensor, encrypted by ChaCha20-Poly1305 with a key of 32 bytes, a nonce of 12 (never twice with a key) and associated data; the tag of 16 bytes comes last.";
    crypto_chacha20_poly1305_decrypt "crypto.chacha20_poly1305_decrypt" "(tensor<u8>, tensor<u8>, tensor<u8>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[1], secret_result: true } "What crypto.chacha20_poly1305_encrypt has encrypted; traps with not_authentic if anything is another.";

    // Hashes of all bytes of a tensor, and of each of its parts along axis 0.
    crypto_sha224 "crypto.sha224" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA-224 of the bytes of a tensor: 28 bytes.";
    crypto_sha224_rows "crypto.sha224_rows" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA-224 of each part along axis 0: a row of 28 bytes for each.";
    crypto_sha256 "crypto.sha256" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA-256 of the bytes of a tensor: 32 bytes.";
    crypto_sha256_rows "crypto.sha256_rows" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA-256 of each part along axis 0: a row of 32 bytes for each.";
    crypto_sha384 "crypto.sha384" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA-384 of the bytes of a tensor: 48 bytes.";
    crypto_sha384_rows "crypto.sha384_rows" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA-384 of each part along axis 0: a row of 48 bytes for each.";
    crypto_sha512 "crypto.sha512" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA-512 of the bytes of a tensor: 64 bytes.";
    crypto_sha512_rows "crypto.sha512_rows" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA-512 of each part along axis 0: a row of 64 bytes for each.";
    crypto_sha3_256 "crypto.sha3_256" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA3-256 of the bytes of a tensor: 32 bytes.";
    crypto_sha3_256_rows "crypto.sha3_256_rows" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA3-256 of each part along axis 0: a row of 32 bytes for each.";
    crypto_sha3_512 "crypto.sha3_512" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA3-512 of the bytes of a tensor: 64 bytes.";
    crypto_sha3_512_rows "crypto.sha3_512_rows" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "SHA3-512 of each part along axis 0: a row of 64 bytes for each.";
    crypto_blake3 "crypto.blake3" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "BLAKE3 of the bytes of a tensor: 32 bytes.";
    crypto_blake3_rows "crypto.blake3_rows" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto") } "BLAKE3 of each part along axis 0: a row of 32 bytes for each.";

    // Codes and keys.
    crypto_hmac_sha256 "crypto.hmac_sha256" "<T: any>(tensor<T>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[1] } "HMAC by SHA-256 of the bytes of a tensor, with a key.";
    crypto_hmac_sha512 "crypto.hmac_sha512" "<T: any>(tensor<T>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[1] } "HMAC by SHA-512 of the bytes of a tensor, with a key.";
    crypto_hkdf_sha256 "crypto.hkdf_sha256" "(tensor<u8>, tensor<u8>, tensor<u8>, i64) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[0], secret_result: true } "HKDF by SHA-256: so many bytes of a key, a salt, and what they are for.";
    crypto_hkdf_sha512 "crypto.hkdf_sha512" "(tensor<u8>, tensor<u8>, tensor<u8>, i64) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[0], secret_result: true } "HKDF by SHA-512: so many bytes of a key, a salt, and what they are for.";
    crypto_pbkdf2_sha256 "crypto.pbkdf2_sha256" "(tensor<u8>, tensor<u8>, i64, i64) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[0], secret_result: true } "PBKDF2 with HMAC by SHA-256, of a password and a salt: the iterations, and how many bytes.";
    crypto_pbkdf2_sha512 "crypto.pbkdf2_sha512" "(tensor<u8>, tensor<u8>, i64, i64) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("crypto"), secret: &[0], secret_result: true } "PBKDF2 with HMAC by SHA-512, of a password and a salt: the iterations, and how many bytes.";
    crypto_equal "crypto.equal" "<T: bits>(tensor<T>, tensor<T>) -> bool"
        { shape: Scalar, kind: Other, cost: PerElement(1), needs: Some("crypto") } "Whether both have the same dims and elements, in a time that does not depend on the elements.";
    } } };
}
