//! Dense linear algebra over slices, a file for each decomposition: what the library faer does, on
//! row-major matrices and in memory that the caller has sized; what it does not have; and small matrices.
//!
//! A function `f` that works in memory has an `f_room` beside it, which says how many bytes. Results go into
//! slices of just their length. What a [`Crew`] shares is cut by sizes alone, so no result depends on threads.
//! Elements are finite ([`all_finite`]), which callers have seen to: then every iteration ends.
//!
//! ```
//! use nbc_numerics::linalg::{lu, Crew, Fault};
//! use std::mem::MaybeUninit;
//! let (n, k) = (2, 1);
//! let mut room = vec![MaybeUninit::uninit(); lu::solve_room::<f64>(n, k)];
//! let mut x = [0.0; 2];
//! let crew = Crew::alone(&|| Ok(()));
//! lu::solve(&[2.0, 1.0, 1.0, 3.0], n, &[3.0, 5.0], k, &mut x, &mut room, crew)?;
//! assert_eq!(x, [0.8, 1.4]);
//! assert_eq!(lu::solve(&[0.0; 4], n, &[3.0, 5.0], k, &mut x, &mut room, crew), Err(Fault::Singular(0)));
//! # Ok::<(), Fault>(())
//! ```

pub mod cholesky;
mod crew;
pub mod eigen;
mod elimination;
pub mod exponential;
mod field;
mod library;
pub mod lu;
mod panels;
pub mod qr;
mod room;
pub mod root;
mod schur;
mod singular_values;
pub mod small;
pub mod svd;
pub mod triangular;

pub use crew::{Crew, Share};
pub use field::Field;
pub use room::{Room, all_finite};

/// Why there is no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The matrix has no inverse: the pivot of that row is zero.
    Singular(usize),
    /// The matrix is singular, and has no such function.
    Undefined,
    /// The matrix is not positive definite: its leading part of so many rows is not.
    NotPositiveDefinite(usize),
    /// The iteration has not converged.
    NoConvergence,
    /// The result of a real matrix would be complex.
    NotReal,
    /// Elements are so large that it would take too many steps.
    TooLarge,
    /// Who asked for it has stopped it.
    Stopped,
}

/// What is asked for leave to go on, at least before each product of matrices.
pub type Ask<'a> = &'a (dyn Fn() -> Result<(), Fault> + Sync);
