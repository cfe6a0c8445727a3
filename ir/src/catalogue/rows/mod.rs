//! The catalogue's rows, a file for each family; see [`crate::catalogue`].
//!
//! A row is: kernel (a function of the runtime), name, signature, what else is
//! to be known of it, and one line of documentation. Shape, kind and cost are
//! always said; other fields of [`Operation`](crate::catalogue::Operation) where
//! they are not those of [`PLAIN`](crate::catalogue::PLAIN): a pure operation whose
//! result is new.
//!
//! A macro can only be handed what stands in one place. So each family's macro adds its
//! rows to those that it is given, and the next family's gets them all.

mod bigint;
mod crypto;
mod fft;
mod linalg;
mod modular;
mod rsa;
mod sparse;
mod string;
mod tensor;

/// Calls the macro `$use_rows` with every row of the catalogue.
#[macro_export]
macro_rules! for_each_operation {
    ($use_rows:ident) => {
        $crate::tensor_rows! { $use_rows { } }
    };
}
