//! Rows of `linalg`: dense linear algebra.

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! linalg_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::fft_rows! { $use_rows {
    $($before)*
    linalg_matmul "linalg.matmul" "<T: inexact>(tensor<T>, tensor<T>) -> tensor<T>"
        { shape: MatMul, kind: Other, cost: MatMul } "Matrix product of (m, k) and (k, n); a vector counts as a column on the right and a row on the left.";
    } } };
}
