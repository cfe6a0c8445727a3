//! Rows of `sparse`: sparse matrices.

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! sparse_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::string_rows! { $use_rows {
    $($before)*
    } } };
}
