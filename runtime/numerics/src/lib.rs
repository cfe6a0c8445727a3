//! Mathematics over numbers and slices of them, for NBC's registers, tensors and
//! devices alike.
//!
//! Every function has one definition, over vectors of any width ([`lanes`]), and
//! runs at the width that the processor has. A result depends on the argument
//! alone: not on the width, the processor, the position in a slice, or a C library.
//!
//! ```
//! use nbc_numerics::functions::Exp;
//! use nbc_numerics::{of, over};
//! let x = [0.0, 1.0, f64::NEG_INFINITY];
//! let mut y = [0.0; 3];
//! over::<Exp, f64>(&x, &mut y);
//! assert_eq!(y, x.map(of::<Exp, f64>));
//! assert_eq!(y, [1.0, std::f64::consts::E, 0.0]);
//! ```

pub mod bigint;
#[cfg(any(feature = "fft", feature = "linalg"))]
pub mod cache;
#[cfg(feature = "crypto")]
pub mod crypto;
#[cfg(feature = "fft")]
pub mod fft;
pub mod functions;
pub mod lanes;
mod level;
#[cfg(feature = "linalg")]
pub mod linalg;
pub mod modular;
#[cfg(feature = "rsa")]
pub mod rsa;
mod run;
pub mod sparse;

pub use level::{Level, level};
pub use run::{
    Argument, Element, Kernel, Kernel2, Scalar1, Scalar2, kernel, kernel2, of, of2, over, over_at, over2,
    over2_at, scalar, scalar2,
};
#[cfg(target_arch = "x86_64")]
pub use run::{Two, Two2, two, two_of, two_of2, two2};
