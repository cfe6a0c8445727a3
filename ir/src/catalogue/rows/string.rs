//! Rows of `str`: strings.

/// Adds them to the rows that are there and hands all to who asked for them.
#[doc(hidden)]
#[macro_export]
macro_rules! string_rows {
    ($use_rows:ident { $($before:tt)* }) => { $use_rows! {
    $($before)*
    str_len "str.len" "(str) -> i64"
        { shape: Scalar, kind: Other, cost: Constant } "Length in bytes.";
    str_concat "str.concat" "(str, str) -> str"
        { shape: Scalar, kind: Other, cost: PerElement(0) } "Both strings, one after the other.";
    str_eq "str.eq" "(str, str) -> bool"
        { shape: Scalar, kind: Other, cost: PerElement(0) } "Whether the strings have the same bytes.";
    str_of_i64 "str.of_i64" "(i64) -> str"
        { shape: Scalar, kind: Other, cost: Constant } "Decimal digits.";
    str_of_f64 "str.of_f64" "(f64) -> str"
        { shape: Scalar, kind: Other, cost: Constant } "The shortest digits that read back as the same value.";
    str_of_bool "str.of_bool" "(bool) -> str"
        { shape: Scalar, kind: Other, cost: Constant } "`true` or `false`.";
    str_byte "str.byte" "(str, i64) -> i32"
        { shape: Scalar, kind: Other, cost: Constant } "The byte at an index; traps out of range.";
    str_bytes "str.bytes" "(str) -> tensor<u8>"
        { shape: Special, kind: Other, cost: PerElement(0) } "The bytes, as a tensor of rank 1 with elements of its own.";
    str_of_bytes "str.of_bytes" "(tensor<u8>) -> str"
        { shape: Scalar, kind: Other, cost: PerElement(0) } "The string with those bytes, in row-major order; traps with invalid_argument where they are no UTF-8.";
    } };
}
