//! Rows of `rsa`: encryption and signatures with padding, as PKCS #1 says (RFC 8017).

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! rsa_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::string_rows! { $use_rows {
    $($before)*
    rsa_oaep_encrypt "rsa.oaep_encrypt" "(bigint, bigint, i64, tensor<u8>, tensor<u8>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("rsa"), secret: &[3, 5] } "RSAES-OAEP: the ciphertext by modulus and public exponent with SHA-256, 384 or 512, of a message, with a label and a seed as long as a hash.";
    rsa_oaep_decrypt "rsa.oaep_decrypt" "(bigint, bigint, bigint, bigint, bigint, i64, tensor<u8>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("rsa"), secret: &[2, 3, 4], secret_result: true } "RSAES-OAEP: the message by modulus, both exponents and both primes, of a ciphertext with that label; traps with invalid_argument, whatever is wrong with it.";
    rsa_pss_sign "rsa.pss_sign" "(bigint, bigint, bigint, bigint, bigint, i64, tensor<u8>, tensor<u8>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("rsa"), secret: &[2, 3, 4] } "RSASSA-PSS: the signature by modulus, both exponents and both primes, of a message, with that salt.";
    rsa_pss_verify "rsa.pss_verify" "(bigint, bigint, i64, tensor<u8>, tensor<u8>, i64) -> bool"
        { shape: Special, kind: Other, cost: Special, needs: Some("rsa") } "RSASSA-PSS: whether the second tensor is a signature of the first, a message, with a salt of so many bytes.";
    } } };
}
