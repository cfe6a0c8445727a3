//! What is asked of the library faer, as functions of each type of numbers.
//!
//! Its functions are generic, and long to compile. Through [`Library`] they are compiled here, once for each type,
//! and not wherever generic code of ours is used. All run on the calling thread: the library's own threads would
//! add in another order. What several threads share is cut in [`super::panels`].

use super::elimination;
use faer::diag::DiagMut;
use faer::dyn_stack::MemStack;
use faer::linalg::cholesky::llt;
use faer::linalg::lu::partial_pivoting as lu;
use faer::linalg::qr::no_pivoting::factor as qr;
use faer::linalg::{evd, householder, matmul, svd, triangular_solve};
use faer::traits::ComplexField;
use faer::{Accum, Conj, MatMut, MatRef, Par};
use num_complex::Complex;

/// Which triangle of a matrix is meant.
#[derive(Clone, Copy)]
pub struct Side {
    /// The lower one.
    pub lower: bool,
    /// With ones on its diagonal.
    pub unit: bool,
}

/// Numbers that the library computes with.
pub trait Library: ComplexField {
    /// `to` = `a`·`b`.
    fn product(to: MatMut<'_, Self>, a: (MatRef<'_, Self>, Conj), b: (MatRef<'_, Self>, Conj));
    /// Takes `a`·`b` from `to`.
    fn subtract(to: MatMut<'_, Self>, a: (MatRef<'_, Self>, Conj), b: (MatRef<'_, Self>, Conj));
    /// LU decomposition in place; what it hands back says which row is where. `forward` and `back` have room for that.
    fn lu<'out>(
        a: MatMut<'_, Self>,
        forward: &'out mut [usize],
        back: &'out mut [usize],
        stack: &mut MemStack,
    ) -> &'out [usize];
    /// Cholesky decomposition in place.
    ///
    /// # Errors
    /// The first pivot that is not positive.
    fn cholesky(a: MatMut<'_, Self>, stack: &mut MemStack) -> Result<(), usize>;
    /// QR decomposition in place; `factor` gets what the reflections are multiplied by, in blocks.
    fn qr(a: MatMut<'_, Self>, factor: MatMut<'_, Self>, stack: &mut MemStack);
    /// Applies reflections.
    fn reflect(basis: MatRef<'_, Self>, factor: MatRef<'_, Self>, to: MatMut<'_, Self>, stack: &mut MemStack);
    /// Applies them the other way round, as a decomposition does to the columns that are left.
    fn reflect_back(
        basis: MatRef<'_, Self>,
        factor: MatRef<'_, Self>,
        to: MatMut<'_, Self>,
        stack: &mut MemStack,
    );
    /// Reflects an m×n matrix, m being n at least, from both sides until it is upper bidiagonal: its diagonal and the one above
    /// are that. `left` has room for n factors, `right` for n - 1.
    fn bidiagonal(a: MatMut<'_, Self>, left: MatMut<'_, Self>, right: MatMut<'_, Self>, stack: &mut MemStack);
    /// Singular values and vectors.
    ///
    /// # Errors
    /// No convergence.
    fn svd(
        a: MatRef<'_, Self>,
        s: DiagMut<'_, Self>,
        u: MatMut<'_, Self>,
        v: MatMut<'_, Self>,
        stack: &mut MemStack,
    ) -> Result<(), svd::SvdError>;
    /// Eigenvalues and eigenvectors of a Hermitian matrix.
    ///
    /// # Errors
    /// No convergence.
    fn hermitian(
        a: MatRef<'_, Self>,
        s: DiagMut<'_, Self>,
        u: Option<MatMut<'_, Self>>,
        stack: &mut MemStack,
    ) -> Result<(), evd::EvdError>;
    /// Solves for a triangle.
    fn triangle(a: (MatRef<'_, Self>, Conj), side: Side, x: MatMut<'_, Self>);
}

macro_rules! library {
    ($($number:ty)*) => {$(
        impl Library for $number {
            fn product(to: MatMut<'_, Self>, a: (MatRef<'_, Self>, Conj), b: (MatRef<'_, Self>, Conj)) {
                let one = <$number as super::Field>::near(1.0);
                matmul::matmul_with_conj(to, Accum::Replace, a.0, a.1, b.0, b.1, one, Par::Seq);
            }
            fn subtract(to: MatMut<'_, Self>, a: (MatRef<'_, Self>, Conj), b: (MatRef<'_, Self>, Conj)) {
                let minus = <$number as super::Field>::near(-1.0);
                matmul::matmul_with_conj(to, Accum::Add, a.0, a.1, b.0, b.1, minus, Par::Seq);
            }
            fn lu<'out>(
                a: MatMut<'_, Self>,
                forward: &'out mut [usize],
                back: &'out mut [usize],
                stack: &mut MemStack,
            ) -> &'out [usize] {
                lu::factor::lu_in_place(a, forward, back, Par::Seq, stack, Default::default()).1.arrays().0
            }
            fn cholesky(a: MatMut<'_, Self>, stack: &mut MemStack) -> Result<(), usize> {
                llt::factor::cholesky_in_place(a, Default::default(), Par::Seq, stack, Default::default())
                    .map(|_| ())
                    .map_err(|llt::factor::LltError::NonPositivePivot { index }| index)
            }
            fn qr(a: MatMut<'_, Self>, factor: MatMut<'_, Self>, stack: &mut MemStack) {
                qr::qr_in_place(a, factor, Par::Seq, stack, Default::default());
            }
            fn reflect(
                basis: MatRef<'_, Self>,
                factor: MatRef<'_, Self>,
                to: MatMut<'_, Self>,
                stack: &mut MemStack,
            ) {
                householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
                    basis,
                    factor,
                    Conj::No,
                    to,
                    Par::Seq,
                    stack,
                );
            }
            fn reflect_back(
                basis: MatRef<'_, Self>,
                factor: MatRef<'_, Self>,
                to: MatMut<'_, Self>,
                stack: &mut MemStack,
            ) {
                householder::apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj(
                    basis,
                    factor,
                    Conj::Yes,
                    to,
                    Par::Seq,
                    stack,
                );
            }
            fn bidiagonal(
                a: MatMut<'_, Self>,
                left: MatMut<'_, Self>,
                right: MatMut<'_, Self>,
                stack: &mut MemStack,
            ) {
                svd::bidiag::bidiag_in_place(a, left, right, Par::Seq, stack, Default::default());
            }
            fn svd(
                a: MatRef<'_, Self>,
                s: DiagMut<'_, Self>,
                u: MatMut<'_, Self>,
                v: MatMut<'_, Self>,
                stack: &mut MemStack,
            ) -> Result<(), svd::SvdError> {
                svd::svd(a, s, Some(u), Some(v), Par::Seq, stack, Default::default())
            }
            fn hermitian(
                a: MatRef<'_, Self>,
                s: DiagMut<'_, Self>,
                u: Option<MatMut<'_, Self>>,
                stack: &mut MemStack,
            ) -> Result<(), evd::EvdError> {
                evd::self_adjoint_evd(a, s, u, Par::Seq, stack, Default::default())
            }
            fn triangle((a, conj): (MatRef<'_, Self>, Conj), side: Side, x: MatMut<'_, Self>) {
                use triangular_solve as solve;
                if !side.unit && elimination::has_extreme_diagonal(a) {
                    return elimination::substitute((a, conj), side, x);
                }
                match (side.lower, side.unit) {
                    (true, false) => solve::solve_lower_triangular_in_place_with_conj(a, conj, x, Par::Seq),
                    (true, true) => solve::solve_unit_lower_triangular_in_place_with_conj(a, conj, x, Par::Seq),
                    (false, false) => solve::solve_upper_triangular_in_place_with_conj(a, conj, x, Par::Seq),
                    (false, true) => solve::solve_unit_upper_triangular_in_place_with_conj(a, conj, x, Par::Seq),
                }
            }
        }
    )*};
}
library! { f32 f64 Complex<f32> Complex<f64> }
