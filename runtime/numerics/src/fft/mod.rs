//! Fourier transforms of lines: numbers that lie one behind the other.
//!
//! Lines up to [`DIRECT`] are rustfft's work ([`plan`]), by plans that are kept ([`plans`]). Longer ones are cut into
//! two passes over short lines ([`split`]), or made a convolution of such a length ([`chirp`]). Transforms of real numbers
//! and into cosines are a [`Form`]: what goes before and behind one complex transform ([`real`], [`trigonometric`], [`derivative`]).
//!
//! Invariant: which algorithm a length takes depends on the length alone. So the bits do not depend on the number of threads.
//!
//! ```
//! use nbc_numerics::fft::{Plan, Complex};
//! let plan = Plan::<f64>::new(2, false);
//! let mut line = [Complex::new(1.0, 0.0), Complex::new(3.0, 0.0)];
//! let mut room = vec![Complex::default(); plan.room()];
//! plan.run(&mut line, &mut room);
//! assert_eq!(line.map(|z| z.re), [4.0, -2.0]);
//! ```

pub mod chirp;
pub mod derivative;
pub mod form;
pub mod frequency;
pub mod plan;
pub mod plans;
pub mod real;
pub mod roots;
pub mod split;
pub mod trigonometric;

pub use form::Form;
pub use num_complex::Complex;
pub use plan::{DIRECT, Float, Plan, Route, is_smooth, route};
pub use plans::{Plans, Room};
pub use roots::Roots;
