//! Elementwise arithmetic, comparison and choice, with broadcasting.
//!
//! Each kernel is one closure over elements; [`unary`], [`binary`] and
//! `tensor.where` walk the shapes. The runs that a [`Plan`] yields are tight
//! loops over slices or one repeated element, compiled for each instruction
//! set by [`dispatch`].

use super::broadcast::{Plan, broadcast};
use super::number::{Number, Real};
use super::simd::{Work, dispatch};
use super::work::fill;
use super::{OpCall, Output};
use crate::object::Element;
use crate::object::element::with_elem;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_ir::dims::Dims;
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

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
