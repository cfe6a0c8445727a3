//! Rows of `modular`: exact arithmetic modulo any number of 64 bits.

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! modular_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::crypto_rows! { $use_rows {
    $($before)*
    // Elements are unsigned numbers of 64 bits, as is the modulus, which comes last.
    modular_reduce "modular.reduce" "(tensor<i64>, i64) -> tensor<i64>"
        { shape: Same, kind: Other, cost: PerElement(8) } "The residue of each signed element, from 0 on.";
    modular_add "modular.add" "<T: word>(tensor<T>|T, tensor<T>|T, i64) -> tensor<T>"
        { shape: Broadcast, kind: Other, cost: PerElement(4) } "Sum modulo a number; elements are unsigned.";
    modular_sub "modular.sub" "<T: word>(tensor<T>|T, tensor<T>|T, i64) -> tensor<T>"
        { shape: Broadcast, kind: Other, cost: PerElement(4) } "Difference modulo a number; elements are unsigned.";
    modular_mul "modular.mul" "<T: word>(tensor<T>|T, tensor<T>|T, i64) -> tensor<T>"
        { shape: Broadcast, kind: Other, cost: PerElement(12) } "Product modulo a number; elements are unsigned.";
    modular_pow "modular.pow" "<T: word>(tensor<T>|T, tensor<T>|T, i64) -> tensor<T>"
        { shape: Broadcast, kind: Other, cost: Special } "The first to the power of the second modulo a number; all are unsigned, and 0 to the power of 0 is 1.";
    modular_inverse "modular.inverse" "(tensor<i64>, i64) -> tensor<i64>"
        { shape: Same, kind: Other, cost: PerElement(64) } "The numbers whose products with the elements are 1; traps with no_inverse where there is none.";
    modular_matmul "modular.matmul" "(tensor<i64>, tensor<i64>, i64) -> tensor<i64>"
        { shape: MatMul, kind: Other, cost: Special } "The exact product of matrices or vectors modulo a number; dims before those of matrices are broadcast.";
    modular_matrix_inverse "modular.matrix_inverse" "(tensor<i64>, i64) -> tensor<i64>"
        { shape: Same, kind: Other, cost: Special } "The inverse of a square matrix modulo any number, prime or not; traps with singular.";
    modular_det "modular.det" "(tensor<i64>, i64) -> i64"
        { shape: Scalar, kind: Other, cost: Special } "The determinant of a square matrix modulo any number, prime or not.";
    } } };
}
