//! Elementwise arithmetic, comparison and choice, with broadcasting.
//!
//! Each kernel is one closure over elements; [`unary`], [`binary`] and
//! `tensor.where` walk the shapes. The runs that a [`Plan`] yields are tight
//! loops over slices or one repeated element, compiled for each instruction
//! set by [`dispatch`].

use super::broadcast::{Plan, broadcast};
use super::simd::{Work, dispatch};
use super::work::fill;
use super::{OpCall, Output};
use crate::object::element::with_elem;
use crate::object::tensor::Dims;
use crate::object::{Element, Scalar};
use crate::scalar;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use num_complex::Complex;
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

/// Elements that have arithmetic: all but bool.
pub(super) trait Number: Element {
    /// Whether division by zero traps.
    const INTEGER: bool;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// The quotient; an integer divisor of zero has been excluded.
    fn div(self, other: Self) -> Self;
    fn neg(self) -> Self;
    fn one() -> Self;
}

/// Elements that are ordered.
pub(super) trait Real: Number + Scalar + PartialOrd {
    /// Not above any other, NaN aside.
    const SMALLEST: Self;
    /// Not below any other, NaN aside.
    const LARGEST: Self;
    /// The remainder; an integer divisor of zero has been excluded.
    fn rem(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn abs(self) -> Self;
    fn is_nan(self) -> bool;
}

macro_rules! integer {
    ($($ty:ident $abs:expr;)*) => {$(
        impl Number for $ty {
            const INTEGER: bool = true;
            #[inline(always)]
            fn add(self, other: $ty) -> $ty {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn sub(self, other: $ty) -> $ty {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn mul(self, other: $ty) -> $ty {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn div(self, other: $ty) -> $ty {
                if other == 0 { 0 } else { self.wrapping_div(other) }
            }
            #[inline(always)]
            fn neg(self) -> $ty {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn one() -> $ty {
                1
            }
        }
        impl Real for $ty {
            const SMALLEST: $ty = $ty::MIN;
            const LARGEST: $ty = $ty::MAX;
            #[inline(always)]
            fn rem(self, other: $ty) -> $ty {
                if other == 0 { 0 } else { self.wrapping_rem(other) }
            }
            #[inline(always)]
            fn min(self, other: $ty) -> $ty {
                Ord::min(self, other)
            }
            #[inline(always)]
            fn max(self, other: $ty) -> $ty {
                Ord::max(self, other)
            }
            #[inline(always)]
            fn abs(self) -> $ty {
                let abs: fn($ty) -> $ty = $abs;
                abs(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                false
            }
        }
    )*};
}
integer! {
    u8 |x| x;
    i32 i32::wrapping_abs;
    i64 i64::wrapping_abs;
}

macro_rules! float {
    ($($ty:ident $rem:ident $min:ident $max:ident;)*) => {$(
        impl Number for $ty {
            const INTEGER: bool = false;
            #[inline(always)]
            fn add(self, other: $ty) -> $ty {
                self + other
            }
            #[inline(always)]
            fn sub(self, other: $ty) -> $ty {
                self - other
            }
            #[inline(always)]
            fn mul(self, other: $ty) -> $ty {
                self * other
            }
            #[inline(always)]
            fn div(self, other: $ty) -> $ty {
                self / other
            }
            #[inline(always)]
            fn neg(self) -> $ty {
                -self
            }
            #[inline(always)]
            fn one() -> $ty {
                1.0
            }
        }
        impl Real for $ty {
            const SMALLEST: $ty = $ty::NEG_INFINITY;
            const LARGEST: $ty = $ty::INFINITY;
            #[inline(always)]
            fn rem(self, other: $ty) -> $ty {
                scalar::$rem(self, other)
            }
            #[inline(always)]
            fn min(self, other: $ty) -> $ty {
                scalar::$min(self, other)
            }
            #[inline(always)]
            fn max(self, other: $ty) -> $ty {
                scalar::$max(self, other)
            }
            #[inline(always)]
            fn abs(self) -> $ty {
                $ty::abs(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $ty::is_nan(self)
            }
        }
        impl Number for Complex<$ty> {
            const INTEGER: bool = false;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Complex::new(self.re + other.re, self.im + other.im)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Complex::new(self.re - other.re, self.im - other.im)
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Complex::new(
                    self.re * other.re - self.im * other.im,
                    self.re * other.im + self.im * other.re,
                )
            }
            /// Smith's algorithm: no overflow on the way unless the quotient does.
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                if other.re.abs() >= other.im.abs() {
                    if other.re == 0.0 && other.im == 0.0 {
                        return Complex::new(self.re / other.re.abs(), self.im / other.re.abs());
                    }
                    let ratio = other.im / other.re;
                    let scale = other.re + other.im * ratio;
                    Complex::new((self.re + self.im * ratio) / scale, (self.im - self.re * ratio) / scale)
                } else {
                    let ratio = other.re / other.im;
                    let scale = other.re * ratio + other.im;
                    Complex::new((self.re * ratio + self.im) / scale, (self.im * ratio - self.re) / scale)
                }
            }
            #[inline(always)]
            fn neg(self) -> Self {
                Complex::new(-self.re, -self.im)
            }
            #[inline(always)]
            fn one() -> Self {
                Complex::new(1.0, 0.0)
            }
        }
    )*};
}
float! {
    f32 rem_f32 min_f32 max_f32;
    f64 rem_f64 min_f64 max_f64;
}

/// An argument of type `tensor<T>|T`.
pub(super) struct Operand<'a, T> {
    tensor: Option<&'a [T]>,
    scalar: [T; 1],
    pub(super) dims: Dims,
}

impl<T> Operand<'_, T> {
    pub(super) fn data(&self) -> &[T] {
        self.tensor.unwrap_or(&self.scalar)
    }
}

impl<'a> OpCall<'a> {
    pub(super) fn operand<T: Element>(&self, at: usize) -> Operand<'a, T> {
        if let Type::Tensor(_) = self.arg_types[at] {
            return Operand { tensor: Some(self.input(at)), scalar: [T::ZERO], dims: self.tensor(at).dims() };
        }
        let scalar = T::from_slot_if_scalar(self.args[at]).unwrap_or(T::ZERO);
        Operand { tensor: None, scalar: [scalar], dims: Dims::new(&[]).expect("no dims are not too many") }
    }
}

struct Unary<'w, A, R, F> {
    from: &'w [A],
    to: &'w mut [MaybeUninit<R>],
    f: F,
}

impl<A: Copy, R, F: Fn(A) -> R> Work for Unary<'_, A, R, F> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        for (to, a) in self.to.iter_mut().zip(self.from) {
            to.write((self.f)(*a));
        }
    }
}

/// [`unary`] for functions that wide instructions do not help: one version of
/// the loop is enough.
pub(super) fn unary_called<A: Element, R: Element>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(A) -> R + Copy + Sync,
) -> Done {
    let from = call.input::<A>(0);
    let out: Output<'_, R> = call.output(&call.tensor(0).dims())?;
    fill(call.host, &mut *out.elements, weight, |start, to| {
        Unary { from: &from[start..start + to.len()], to, f }.run();
    })?;
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

/// The result of `f` for every element of argument 0.
pub(super) fn unary<A: Element, R: Element>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(A) -> R + Copy + Sync,
) -> Done {
    let from = call.input::<A>(0);
    let out: Output<'_, R> = call.output(&call.tensor(0).dims())?;
    fill(call.host, &mut *out.elements, weight, |start, to| {
        dispatch(Unary { from: &from[start..start + to.len()], to, f });
    })?;
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

struct Binary<'w, A, R, F> {
    plan: &'w Plan<2>,
    a: &'w [A],
    b: &'w [A],
    start: usize,
    to: &'w mut [MaybeUninit<R>],
    f: F,
}

impl<A: Copy, R, F: Fn(A, A) -> R> Work for Binary<'_, A, R, F> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        let Binary { plan, a, b, start, to, f } = self;
        let moves = plan.moves();
        plan.runs(start, to.len(), |at, [i, j], n| {
            let to = &mut to[at..at + n];
            match moves {
                [true, true] => {
                    for ((to, a), b) in to.iter_mut().zip(&a[i..i + n]).zip(&b[j..j + n]) {
                        to.write(f(*a, *b));
                    }
                }
                [true, false] => {
                    let b = b[j];
                    for (to, a) in to.iter_mut().zip(&a[i..i + n]) {
                        to.write(f(*a, b));
                    }
                }
                [false, true] => {
                    let a = a[i];
                    for (to, b) in to.iter_mut().zip(&b[j..j + n]) {
                        to.write(f(a, *b));
                    }
                }
                [false, false] => {
                    for to in to {
                        to.write(f(a[i], b[j]));
                    }
                }
            }
        });
    }
}

/// The result of `f` for every pair of elements of arguments 0 and 1, broadcast.
pub(super) fn binary<A: Element, R: Element>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(A, A) -> R + Copy + Sync,
) -> Done {
    let (a, b) = (call.operand::<A>(0), call.operand::<A>(1));
    let dims = broadcast(&[a.dims, b.dims])?;
    let out: Output<'_, R> = call.output(&dims)?;
    if !out.elements.is_empty() {
        let plan = &Plan::new([&a.dims, &b.dims], &dims);
        let (a, b) = (a.data(), b.data());
        fill(call.host, &mut *out.elements, weight, |start, to| {
            dispatch(Binary { plan, a, b, start, to, f });
        })?;
    }
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

/// [`binary`] for division: first makes sure that no integer divisor is zero.
fn division<T: Number>(call: &mut OpCall<'_>, weight: usize, f: impl Fn(T, T) -> T + Copy + Sync) -> Done {
    let (a, b) = (call.operand::<T>(0), call.operand::<T>(1));
    if T::INTEGER
        && broadcast(&[a.dims, b.dims])?.count() != Some(0)
        && let Some(at) = b.data().iter().position(|v| *v == T::ZERO)
    {
        return Err(TrapError::new(TrapCode::DivideByZero, format!("the divisor's element {at} is zero")));
    }
    binary(call, weight, f)
}

macro_rules! kernels {
    ($($kernel:ident $walk:ident $class:ident $weight:literal $f:expr;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            with_elem!($class call.elem(0), T => $walk::<T, _>(call, $weight, $f))
        }
    )*};
}

/// [`unary`] with elements of one type.
fn same<T: Element, F: Fn(T) -> T + Copy + Sync>(call: &mut OpCall<'_>, weight: usize, f: F) -> Done {
    unary(call, weight, f)
}

/// [`binary`] with elements of one type.
fn both<T: Element, F: Fn(T, T) -> T + Copy + Sync>(call: &mut OpCall<'_>, weight: usize, f: F) -> Done {
    binary(call, weight, f)
}

/// [`division`], its closure's type spelled out as in the others.
fn quotient<T: Number, F: Fn(T, T) -> T + Copy + Sync>(call: &mut OpCall<'_>, weight: usize, f: F) -> Done {
    division(call, weight, f)
}

/// [`binary`] with truth values for result.
fn compared<T: Element, F: Fn(T, T) -> bool + Copy + Sync>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: F,
) -> Done {
    binary(call, weight, f)
}

kernels! {
    tensor_add both number 1 |a, b| a.add(b);
    tensor_sub both number 1 |a, b| a.sub(b);
    tensor_mul both number 1 |a, b| a.mul(b);
    tensor_div quotient number 2 |a, b| a.div(b);
    tensor_rem quotient real 8 |a, b| a.rem(b);
    tensor_min both real 1 Real::min;
    tensor_max both real 1 Real::max;
    tensor_neg same number 1 |a| a.neg();
    tensor_abs same real 1 Real::abs;
    tensor_eq compared any 1 |a, b| a == b;
    tensor_ne compared any 1 |a, b| a != b;
    tensor_lt compared real 1 |a, b| a < b;
    tensor_le compared real 1 |a, b| a <= b;
    tensor_gt compared real 1 |a, b| a > b;
    tensor_ge compared real 1 |a, b| a >= b;
}

pub(super) fn tensor_and(call: &mut OpCall<'_>) -> Done {
    binary::<bool, bool>(call, 1, |a, b| a & b)
}

pub(super) fn tensor_or(call: &mut OpCall<'_>) -> Done {
    binary::<bool, bool>(call, 1, |a, b| a | b)
}

pub(super) fn tensor_not(call: &mut OpCall<'_>) -> Done {
    unary::<bool, bool>(call, 1, |a| !a)
}

struct Where<'w, T> {
    plan: &'w Plan<3>,
    condition: &'w [bool],
    a: &'w [T],
    b: &'w [T],
    start: usize,
    to: &'w mut [MaybeUninit<T>],
}

impl<T: Copy> Work for Where<'_, T> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        let Where { plan, condition, a, b, start, to } = self;
        let moves = plan.moves();
        plan.runs(start, to.len(), |at, [c, i, j], n| {
            let to = &mut to[at..at + n];
            match moves {
                [true, true, true] => {
                    let (c, a, b) = (&condition[c..c + n], &a[i..i + n], &b[j..j + n]);
                    for (((to, c), a), b) in to.iter_mut().zip(c).zip(a).zip(b) {
                        to.write(if *c { *a } else { *b });
                    }
                }
                [true, true, false] => {
                    let (c, a, b) = (&condition[c..c + n], &a[i..i + n], b[j]);
                    for ((to, c), a) in to.iter_mut().zip(c).zip(a) {
                        to.write(if *c { *a } else { b });
                    }
                }
                [true, false, true] => {
                    let (c, a, b) = (&condition[c..c + n], a[i], &b[j..j + n]);
                    for ((to, c), b) in to.iter_mut().zip(c).zip(b) {
                        to.write(if *c { a } else { *b });
                    }
                }
                _ => {
                    let [mc, ma, mb] = moves.map(usize::from);
                    for (k, to) in to.iter_mut().enumerate() {
                        to.write(if condition[c + k * mc] { a[i + k * ma] } else { b[j + k * mb] });
                    }
                }
            }
        });
    }
}

pub(super) fn tensor_where(call: &mut OpCall<'_>) -> Done {
    with_elem!(any call.elem(0), T => {
        let condition = call.operand::<bool>(0);
        let (a, b) = (call.operand::<T>(1), call.operand::<T>(2));
        let dims = broadcast(&[condition.dims, a.dims, b.dims])?;
        let out: Output<'_, T> = call.output(&dims)?;
        if !out.elements.is_empty() {
            let plan = &Plan::new([&condition.dims, &a.dims, &b.dims], &dims);
            let (condition, a, b) = (condition.data(), a.data(), b.data());
            fill(call.host, &mut *out.elements, 1, |start, to| {
                dispatch(Where { plan, condition, a, b, start, to });
            })?;
        }
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}
