//! The definitions of mathematical functions, each one of its own type.
//!
//! A definition has two parts without a branch. The *common* part holds where
//! [`is_common`](Function::is_common) says so and is meant to be fast; the *rare*
//! part holds everywhere else: infinities, NaN, subnormal numbers, huge angles.
//! A vector of which all lanes are common never computes the rare part.
//!
//! Coefficients come from `scripts/coefficients.py`. Errors are those that
//! `docs/numerics.md` says.

mod arc;
mod c_source;
mod coefficients;
mod error;
mod exponential;
mod gamma;
mod huge_angle;
mod hyperbolic;
mod logarithm;
mod pair;
mod polynomial;
mod power;
mod root;
mod trigonometric;

use crate::lanes::Lanes;
pub use arc::{Acos, Asin, Atan, Atan2};
pub use c_source::as_c;
pub use error::{Erf, Erfc};
pub use exponential::{Exp, Exp2, Expm1};
pub use gamma::{Lgamma, Tgamma};
pub use hyperbolic::{Cosh, Sinh, Tanh};
pub use logarithm::{Ln, Log1p, Log2, Log10};
pub use power::Pow;
pub use root::{Cbrt, Hypot};
pub use trigonometric::{Cos, Sin, Tan};

/// Hands all definitions to a macro: in brackets those of one number, then those of two.
///
/// ```
/// use nbc_numerics::functions::Function;
/// macro_rules! names {
///     ([$($one:ident)*] [$($two:ident)*]) => {
///         [$(nbc_numerics::functions::$one::NAME),*]
///     };
/// }
/// assert!(nbc_numerics::for_each_function!(names).contains(&"erfc"));
/// ```
#[macro_export]
macro_rules! for_each_function {
    ($macro:ident) => {
        $macro! {
            [
                Exp Exp2 Expm1 Ln Log2 Log10 Log1p Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Cbrt Erf Erfc
                Lgamma Tgamma
            ]
            [Pow Atan2 Hypot]
        }
    };
}

/// The definition of a function of one number.
pub trait Function: 'static {
    /// As the instruction and the operation are called.
    const NAME: &'static str;
    /// Where the common part holds. False for NaN.
    fn is_common<L: Lanes>(x: L) -> L::Mask;
    /// The value where the common part holds, anything elsewhere.
    fn common<L: Lanes>(x: L) -> L;
    /// The value where the common part does not hold, anything elsewhere.
    fn rare<L: Lanes>(x: L) -> L;
    /// As [`Function::is_common`] where the value is to be rounded to a single.
    #[inline(always)]
    fn is_common_single<L: Lanes>(x: L) -> L::Mask {
        Self::is_common(x)
    }
    /// As [`Function::common`] where the value is to be rounded to a single.
    #[inline(always)]
    fn common_single<L: Lanes>(x: L) -> L {
        Self::common(x)
    }
}

/// The definition of a function of two numbers.
pub trait Function2: 'static {
    /// As the instruction and the operation are called.
    const NAME: &'static str;
    /// Where the common part holds. False for NaN.
    fn is_common<L: Lanes>(x: L, y: L) -> L::Mask;
    /// The value where the common part holds, anything elsewhere.
    fn common<L: Lanes>(x: L, y: L) -> L;
    /// The value where the common part does not hold, anything elsewhere.
    fn rare<L: Lanes>(x: L, y: L) -> L;
    /// As [`Function2::is_common`] where the value is to be rounded to a single.
    #[inline(always)]
    fn is_common_single<L: Lanes>(x: L, y: L) -> L::Mask {
        Self::is_common(x, y)
    }
    /// As [`Function2::common`] where the value is to be rounded to a single.
    #[inline(always)]
    fn common_single<L: Lanes>(x: L, y: L) -> L {
        Self::common(x, y)
    }
}

/// The number in every lane.
#[inline(always)]
fn c<L: Lanes>(x: f64) -> L {
    L::splat(x)
}
