//! Rows of `fft`: Fourier transforms and what rests on them.

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! fft_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::sparse_rows! { $use_rows {
    $($before)*
    } } };
}
