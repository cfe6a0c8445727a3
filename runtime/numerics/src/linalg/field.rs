//! The numbers of matrices: what linear algebra does with one of them beyond faer's own arithmetic.
//!
//! Invariant: nothing here depends on the processor, and a quotient does not overflow on the way.

use super::library::Library;
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::evd;
use faer::traits::{ComplexField, RealField};
use faer::{MatMut, MatRef, Par, diag::DiagMut};
use num_complex::Complex;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Real and complex numbers of either precision.
pub trait Field:
    ComplexField<Real = Self::Part>
    + Library
    + Copy
    + Default
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
{
    /// The real numbers of that precision.
    type Part: Field<Part = Self::Part, Whole = Self::Whole>
        + RealField
        + PartialOrd
        + Into<f64>
        + Div<Output = Self::Part>;
    /// The complex numbers of that precision.
    type Whole: Field<Part = Self::Part, Whole = Self::Whole>;

    /// The number nearest to `x`.
    fn near(x: f64) -> Self;
    /// A real number.
    fn of(part: Self::Part) -> Self;
    /// The number as a complex one.
    fn whole(self) -> Self::Whole;
    /// A complex number, or its real part.
    fn of_whole(whole: Self::Whole) -> Self;
    /// The complex number with these parts.
    fn compose(re: Self::Part, im: Self::Part) -> Self::Whole;
    /// The real part.
    fn re(self) -> Self::Part;
    /// The imaginary part.
    fn im(self) -> Self::Part;
    /// The conjugate.
    fn conjugate(self) -> Self;
    /// The absolute value.
    fn size(self) -> Self::Part;
    /// The quotient.
    fn over(self, other: Self) -> Self;
    /// The product with a real number, each part by itself: infinite ones stay what they are.
    #[inline(always)]
    fn scaled(self, by: Self::Part) -> Self {
        Self::of_whole(Self::compose(self.re() * by, self.im() * by))
    }
    /// The product with a power of two, by which it is rounded once at most.
    fn shifted(mut self, exponent: i64) -> Self {
        // More makes zero or infinity of any number.
        let mut left = exponent.clamp(-5000, 5000);
        while left != 0 {
            let step = left.clamp(-100, 100);
            self = self.scaled(Self::Part::near(2f64.powi(step as i32)));
            left -= step;
        }
        self
    }
    /// Whether it is neither infinite nor NaN.
    fn finite(self) -> bool;
    /// The spacing of the numbers at 1.
    fn spacing() -> Self::Part;
    /// The least normal number.
    fn least() -> Self::Part;

    /// Bytes that [`Field::eigen`] works in.
    fn eigen_room(n: usize, vectors: bool) -> StackReq;
    /// Eigenvalues of a matrix, and where they are asked for its eigenvectors: as columns, a
    /// conjugate pair of them as real and imaginary part where numbers are real.
    ///
    /// # Errors
    /// The iteration has not converged.
    fn eigen(
        a: MatRef<'_, Self>,
        values: &mut [Self],
        imaginary: &mut [Self],
        vectors: Option<MatMut<'_, Self>>,
        stack: &mut MemStack,
    ) -> Result<(), evd::EvdError>;
}

fn wanted(vectors: bool) -> evd::ComputeEigenvectors {
    if vectors { evd::ComputeEigenvectors::Yes } else { evd::ComputeEigenvectors::No }
}

macro_rules! fields {
    ($($real:ident)*) => {$(
        impl Field for $real {
            type Part = $real;
            type Whole = Complex<$real>;
            #[inline(always)]
            fn near(x: f64) -> $real {
                x as $real
            }
            #[inline(always)]
            fn of(part: $real) -> $real {
                part
            }
            #[inline(always)]
            fn whole(self) -> Complex<$real> {
                Complex::new(self, 0.0)
            }
            #[inline(always)]
            fn of_whole(whole: Complex<$real>) -> $real {
                whole.re
            }
            #[inline(always)]
            fn compose(re: $real, im: $real) -> Complex<$real> {
                Complex::new(re, im)
            }
            #[inline(always)]
            fn re(self) -> $real {
                self
            }
            #[inline(always)]
            fn im(self) -> $real {
                0.0
            }
            #[inline(always)]
            fn conjugate(self) -> $real {
                self
            }
            #[inline(always)]
            fn size(self) -> $real {
                self.abs()
            }
            #[inline(always)]
            fn over(self, other: $real) -> $real {
                self / other
            }
            #[inline(always)]
            fn finite(self) -> bool {
                self.is_finite()
            }
            #[inline(always)]
            fn spacing() -> $real {
                $real::EPSILON
            }
            #[inline(always)]
            fn least() -> $real {
                $real::MIN_POSITIVE
            }
            fn eigen_room(n: usize, vectors: bool) -> StackReq {
                let params = Default::default();
                evd::evd_scratch::<$real>(n, evd::ComputeEigenvectors::No, wanted(vectors), Par::Seq, params)
            }
            fn eigen(
                a: MatRef<'_, $real>,
                values: &mut [$real],
                imaginary: &mut [$real],
                vectors: Option<MatMut<'_, $real>>,
                stack: &mut MemStack,
            ) -> Result<(), evd::EvdError> {
                let (re, im) = (DiagMut::from_slice_mut(values), DiagMut::from_slice_mut(imaginary));
                evd::evd_real(a, re, im, None, vectors, Par::Seq, stack, Default::default())
            }
        }

        impl Field for Complex<$real> {
            type Part = $real;
            type Whole = Complex<$real>;
            #[inline(always)]
            fn near(x: f64) -> Complex<$real> {
                Complex::new(x as $real, 0.0)
            }
            #[inline(always)]
            fn of(part: $real) -> Complex<$real> {
                Complex::new(part, 0.0)
            }
            #[inline(always)]
            fn whole(self) -> Complex<$real> {
                self
            }
            #[inline(always)]
            fn of_whole(whole: Complex<$real>) -> Complex<$real> {
                whole
            }
            #[inline(always)]
            fn compose(re: $real, im: $real) -> Complex<$real> {
                Complex::new(re, im)
            }
            #[inline(always)]
            fn re(self) -> $real {
                self.re
            }
            #[inline(always)]
            fn im(self) -> $real {
                self.im
            }
            #[inline(always)]
            fn conjugate(self) -> Complex<$real> {
                Complex::new(self.re, -self.im)
            }
            /// Scaled by the larger part, so that no square overflows.
            #[inline(always)]
            fn size(self) -> $real {
                let (x, y) = (self.re.abs(), self.im.abs());
                let (large, little) = if x > y { (x, y) } else { (y, x) };
                if large == 0.0 {
                    return little;
                }
                if !large.is_finite() {
                    return large;
                }
                let ratio = little / large;
                large * (1.0 + ratio * ratio).sqrt()
            }
            /// Smith's algorithm.
            #[inline(always)]
            fn over(self, other: Complex<$real>) -> Complex<$real> {
                // So that the sum of two parts is no infinity.
                let most = other.re.abs().max(other.im.abs());
                let by = if most > $real::MAX / 4.0 { 0.25 } else { 1.0 };
                let other = Complex::new(other.re * by, other.im * by);
                let whole = Complex::new(self.re * by, self.im * by);
                if other.re.abs() >= other.im.abs() {
                    let ratio = if other.re == 0.0 { 0.0 } else { other.im / other.re };
                    let scale = other.re + other.im * ratio;
                    Complex::new((whole.re + whole.im * ratio) / scale, (whole.im - whole.re * ratio) / scale)
                } else {
                    let ratio = other.re / other.im;
                    let scale = other.re * ratio + other.im;
                    Complex::new((whole.re * ratio + whole.im) / scale, (whole.im * ratio - whole.re) / scale)
                }
            }
            #[inline(always)]
            fn finite(self) -> bool {
                self.re.is_finite() && self.im.is_finite()
            }
            #[inline(always)]
            fn spacing() -> $real {
                $real::EPSILON
            }
            #[inline(always)]
            fn least() -> $real {
                $real::MIN_POSITIVE
            }
            fn eigen_room(n: usize, vectors: bool) -> StackReq {
                let params = Default::default();
                let (no, yes) = (evd::ComputeEigenvectors::No, wanted(vectors));
                evd::evd_scratch::<Complex<$real>>(n, no, yes, Par::Seq, params)
            }
            fn eigen(
                a: MatRef<'_, Complex<$real>>,
                values: &mut [Complex<$real>],
                _: &mut [Complex<$real>],
                vectors: Option<MatMut<'_, Complex<$real>>>,
                stack: &mut MemStack,
            ) -> Result<(), evd::EvdError> {
                let values = DiagMut::from_slice_mut(values);
                evd::evd_cplx(a, values, None, vectors, Par::Seq, stack, Default::default())
            }
        }
    )*};
}
fields! { f32 f64 }
