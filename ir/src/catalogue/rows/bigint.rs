//! Rows of `bigint` and `limbs`: integers of any size, and many of one size at once.

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! bigint_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::rsa_rows! { $use_rows {
    $($before)*
    // Making and looking at them.
    bigint_of_i64 "bigint.of_i64" "(i64) -> bigint"
        { shape: Scalar, kind: Other, cost: Constant, needs: Some("bigint") } "The same number.";
    bigint_to_i64 "bigint.to_i64" "(bigint) -> i64"
        { shape: Scalar, kind: Other, cost: Constant, needs: Some("bigint") } "The same number; traps with conversion_out_of_range where it does not fit.";
    bigint_of_f64 "bigint.of_f64" "(f64) -> bigint"
        { shape: Scalar, kind: Other, cost: Constant, needs: Some("bigint") } "The number without what is behind its point; traps with conversion_out_of_range for nan and infinities.";
    bigint_to_f64 "bigint.to_f64" "(bigint) -> f64"
        { shape: Scalar, kind: Other, cost: PerElement(0), needs: Some("bigint") } "The nearest f64, to even of two; traps with conversion_out_of_range where that is beyond all.";
    bigint_of_str "bigint.of_str" "(str) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "The number with those decimal digits, or hexadecimal ones after `0x`, and perhaps a sign; traps with invalid_argument where it is none.";
    bigint_to_str "bigint.to_str" "(bigint) -> str"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Decimal digits.";
    bigint_to_hex "bigint.to_hex" "(bigint) -> str"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Hexadecimal digits after `0x`, or `-0x`.";
    bigint_of_bytes "bigint.of_bytes" "(tensor<u8>) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "The number with those bytes, the most significant first; not negative.";
    bigint_to_bytes "bigint.to_bytes" "(bigint, i64) -> tensor<u8>"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "So many bytes, the most significant first; traps with conversion_out_of_range where the number does not fit or is negative.";
    bigint_sign "bigint.sign" "(bigint) -> i64"
        { shape: Scalar, kind: Other, cost: Constant, needs: Some("bigint") } "-1, 0 or 1.";
    bigint_bit_length "bigint.bit_length" "(bigint) -> i64"
        { shape: Scalar, kind: Other, cost: Constant, needs: Some("bigint") } "How many bits the magnitude has; 0 of 0.";
    bigint_bit "bigint.bit" "(bigint, i64) -> bool"
        { shape: Scalar, kind: Other, cost: PerElement(0), needs: Some("bigint") } "Whether that bit is set in two's complement, which has no end; traps with invalid_argument below 0.";
    bigint_cmp "bigint.cmp" "(bigint, bigint) -> i64"
        { shape: Scalar, kind: Other, cost: PerElement(0), needs: Some("bigint") } "-1, 0 or 1, as the first is less, equal or more.";
    bigint_eq "bigint.eq" "(bigint, bigint) -> bool"
        { shape: Scalar, kind: Other, cost: PerElement(0), needs: Some("bigint") } "Whether they are equal.";

    // Arithmetic.
    bigint_add "bigint.add" "(bigint, bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Sum.";
    bigint_sub "bigint.sub" "(bigint, bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Difference.";
    bigint_mul "bigint.mul" "(bigint, bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Product.";
    bigint_neg "bigint.neg" "(bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "The number with the other sign.";
    bigint_abs "bigint.abs" "(bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Magnitude.";
    bigint_divmod "bigint.divmod" "(bigint, bigint) -> (bigint, bigint)"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Quotient rounded down, and the remainder, which has the divisor's sign; traps with divide_by_zero.";
    bigint_div_rem "bigint.div_rem" "(bigint, bigint) -> (bigint, bigint)"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Quotient rounded towards 0, and the remainder, which has the dividend's sign; traps with divide_by_zero.";
    bigint_pow "bigint.pow" "(bigint, i64) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Power; traps with invalid_argument for a negative exponent.";
    bigint_shl "bigint.shl" "(bigint, i64) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "The number times 2 to that power, which is not negative.";
    bigint_shr "bigint.shr" "(bigint, i64) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "The number divided by 2 to that power, which is not negative, rounded down.";
    bigint_and "bigint.and" "(bigint, bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Bits that are set in both, in two's complement, which has no end.";
    bigint_or "bigint.or" "(bigint, bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Bits that are set in either, in two's complement.";
    bigint_xor "bigint.xor" "(bigint, bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Bits in which they differ, in two's complement.";
    bigint_not "bigint.not" "(bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "All bits turned over in two's complement: -1 less the number.";
    bigint_isqrt "bigint.isqrt" "(bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Square root, rounded down; traps with invalid_argument below 0.";

    // Numbers and moduli.
    bigint_gcd "bigint.gcd" "(bigint, bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Greatest common divisor, not negative; 0 of 0 and 0.";
    bigint_mod_pow "bigint.mod_pow" "(bigint, bigint, bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Power modulo the last argument, from 0 to below it; a negative exponent is that of the inverse. Its time tells of its arguments.";
    bigint_mod_inverse "bigint.mod_inverse" "(bigint, bigint) -> bigint"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "The number whose product with the first argument leaves 1 modulo the second; traps with no_inverse where there is none.";
    bigint_is_probable_prime "bigint.is_probable_prime" "(bigint, i64) -> bool"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Whether it passes Baillie–PSW and so many rounds of Miller–Rabin besides, from 0 to 53; false is sure, and so is true below 2^64.";

    // Rows of limbs.
    limbs_of_bigints "limbs.of_bigints" "(list<bigint>, i64) -> tensor<i64>"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "A row of so many limbs for each number, the least significant first; traps with conversion_out_of_range where one does not fit or is negative.";
    limbs_to_bigints "limbs.to_bigints" "(tensor<i64>) -> list<bigint>"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "The number of each row of limbs, which count as unsigned.";
    limbs_mod_mul "limbs.mod_mul" "(tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<i64>"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Products of rows modulo the last argument's; any argument but the first may be one number for all rows.";
    limbs_mod_pow "limbs.mod_pow" "(tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<i64>"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Powers of rows: bases, exponents, which may have other numbers of limbs, and moduli; the last two may be one number for all rows. Its time tells of its arguments.";
    limbs_mod_inverse "limbs.mod_inverse" "(tensor<i64>, tensor<i64>) -> tensor<i64>"
        { shape: Special, kind: Other, cost: Special, needs: Some("bigint") } "Inverses of rows modulo the second argument's, which may be one number for all; traps with no_inverse for the first row that has none.";
    } } };
}
