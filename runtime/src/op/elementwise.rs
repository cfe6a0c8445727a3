//! Elementwise arithmetic and comparison, with broadcasting.
//!
//! Each kernel is one closure over elements; [`unary`] and [`binary`] walk the
//! shapes. The runs that a [`Plan`] yields are tight
//! loops over slices or one repeated element, compiled for each instruction
//! set by [`dispatch`].

use super::broadcast::{Plan, broadcast, in_line};
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
pub(super) struct Operand<T> {
    /// The first element of a tensor, which the result may come to lie over.
    tensor: Option<*const T>,
    scalar: T,
    len: usize,
    pub(super) dims: Dims,
}

impl<T: Element> Operand<T> {
    /// The elements.
    ///
    /// # Safety
    /// The operand must be one of a call that is running, and nothing may write its elements as long
    /// as the slice is used.
    unsafe fn data(&self) -> &[T] {
        match self.tensor {
            // SAFETY: so many elements are there as long as the call runs, and the
            // rest is upheld by the caller.
            Some(data) => unsafe { std::slice::from_raw_parts(data, self.len) },
            None => std::slice::from_ref(&self.scalar),
        }
    }

    /// Where the elements are, for as long as the operand is.
    #[inline(always)]
    pub(super) fn from(&self) -> From<T> {
        From(self.tensor.unwrap_or(&raw const self.scalar))
    }
}

impl<'a> OpCall<'a> {
    #[inline(always)]
    pub(super) fn operand<T: Element>(&self, at: usize) -> Operand<T> {
        if let Type::Tensor(elem) = self.arg_types[at] {
            assert_eq!(elem, T::ELEM, "the tensor has elements of another type");
            let tensor = self.tensor(at);
            let data = tensor.data().cast::<T>().cast_const();
            return Operand { tensor: Some(data), scalar: T::ZERO, len: tensor.len(), dims: tensor.dims() };
        }
        let scalar = T::from_slot_if_scalar(self.args[at]).unwrap_or(T::ZERO);
        let dims = Dims::new(&[]).expect("no dims are not too many");
        Operand { tensor: None, scalar, len: 1, dims }
    }
}

/// The first of elements that are read, which may lie where the result is written: an element there
/// is read before the one of the same place is written, and no other.
pub(super) struct From<T>(*const T);

// SAFETY: elements are plain data, and threads write different ones.
unsafe impl<T: Send> Sync for From<T> {}

impl<T> Clone for From<T> {
    fn clone(&self) -> From<T> {
        *self
    }
}
impl<T> Copy for From<T> {}

impl<T: Copy> From<T> {
    /// The element with number `at`.
    ///
    /// # Safety
    /// It must be there.
    #[inline(always)]
    pub(super) unsafe fn get(self, at: usize) -> T {
        // SAFETY: upheld by the caller.
        unsafe { self.0.add(at).read() }
    }
}

/// Elements that are read together, before their results are written. So nothing need be
/// known of whether results lie where they are, and the loops are as wide as can be.
pub(super) const TOGETHER: usize = 32;

/// Writes `f` of the elements of `from` from number `at` on.
///
/// # Safety
/// As many elements must be there as there are places in `to`; where `from` lies in the same memory as
/// `to`, element `at` has to lie at its first place.
#[inline(always)]
unsafe fn each<A: Copy, R>(to: &mut [MaybeUninit<R>], from: From<A>, at: usize, f: impl Fn(A) -> R) {
    let (n, to) = (to.len(), to.as_mut_ptr().cast::<R>());
    let whole = n - n % TOGETHER;
    let mut was = [const { MaybeUninit::<A>::uninit() }; TOGETHER];
    for i in (0..whole).step_by(TOGETHER) {
        for (k, was) in was.iter_mut().enumerate() {
            // SAFETY: upheld by the caller.
            was.write(unsafe { from.get(at + i + k) });
        }
        for (k, was) in was.iter().enumerate() {
            // SAFETY: the place is one of `to`, and the element has just been read.
            unsafe { to.add(i + k).write(f(was.assume_init())) };
        }
    }
    for i in whole..n {
        // SAFETY: as above.
        unsafe { to.add(i).write(f(from.get(at + i))) };
    }
}

/// [`each`] with two operands.
///
/// # Safety
/// As there, for both.
#[inline(always)]
unsafe fn each_pair<A: Copy, B: Copy, R>(
    to: &mut [MaybeUninit<R>],
    (a, i): (From<A>, usize),
    (b, j): (From<B>, usize),
    f: impl Fn(A, B) -> R,
) {
    let (n, to) = (to.len(), to.as_mut_ptr().cast::<R>());
    let whole = n - n % TOGETHER;
    let mut x = [const { MaybeUninit::<A>::uninit() }; TOGETHER];
    let mut y = [const { MaybeUninit::<B>::uninit() }; TOGETHER];
    for at in (0..whole).step_by(TOGETHER) {
        for (k, (x, y)) in x.iter_mut().zip(&mut y).enumerate() {
            // SAFETY: upheld by the caller.
            x.write(unsafe { a.get(i + at + k) });
            // SAFETY: upheld by the caller.
            y.write(unsafe { b.get(j + at + k) });
        }
        for (k, (x, y)) in x.iter().zip(&y).enumerate() {
            // SAFETY: the place is one of `to`, and the elements have just been read.
            unsafe { to.add(at + k).write(f(x.assume_init(), y.assume_init())) };
        }
    }
    for at in whole..n {
        // SAFETY: as above.
        unsafe { to.add(at).write(f(a.get(i + at), b.get(j + at))) };
    }
}

struct Unary<'w, A, R, F> {
    from: From<A>,
    start: usize,
    to: &'w mut [MaybeUninit<R>],
    f: F,
}

impl<A: Copy, R, F: Fn(A) -> R> Work for Unary<'_, A, R, F> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        // SAFETY: whoever makes one has an element for each place of the result, at the same place.
        unsafe { each(self.to, self.from, self.start, self.f) }
    }
}

/// [`unary`] for functions that wide instructions do not help: one version of
/// the loop is enough.
pub(super) fn unary_called<A: Element, R: Element>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(A) -> R + Copy + Sync,
) -> Done {
    let a = call.operand::<A>(0);
    let out: Output<'_, R> = call.output_in_place(&a.dims)?;
    let from = a.from();
    fill(call.host, &mut *out.elements, weight, |start, to| Unary { from, start, to, f }.run())?;
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
    let a = call.operand::<A>(0);
    let out: Output<'_, R> = call.output_in_place(&a.dims)?;
    let from = a.from();
    fill(call.host, &mut *out.elements, weight, |start, to| dispatch(Unary { from, start, to, f }))?;
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

struct Binary<'w, A, R, F> {
    plan: &'w Plan<2>,
    a: From<A>,
    b: From<A>,
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
            // SAFETY: the plan is one of the operands' dims and the result's. An operand that lies where
            // the result does has its dims, and so is walked as it is.
            unsafe {
                match moves {
                    [true, true] => each_pair(to, (a, i), (b, j), &f),
                    [true, false] => {
                        let b = b.get(j);
                        each(to, a, i, |a| f(a, b));
                    }
                    [false, true] => {
                        let a = a.get(i);
                        each(to, b, j, |b| f(a, b));
                    }
                    [false, false] => {
                        let (a, b) = (a.get(i), b.get(j));
                        for to in to {
                            to.write(f(a, b));
                        }
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
    // Mostly there is nothing to work out.
    let line = in_line([&a.dims, &b.dims]);
    let dims = match line {
        Some((dims, _)) => dims,
        None => broadcast(&[a.dims, b.dims])?,
    };
    let out: Output<'_, R> = call.output_in_place(&dims)?;
    if !out.elements.is_empty() {
        let plan = &match line {
            Some((_, moves)) => Plan::line(out.elements.len(), moves),
            None => Plan::new([&a.dims, &b.dims], &dims),
        };
        let (a, b) = (a.from(), b.from());
        fill(call.host, &mut *out.elements, weight, |start, to| {
            dispatch(Binary { plan, a, b, start, to, f });
        })?;
    }
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

/// [`binary`] for division: first makes sure that no integer divisor is zero.
pub(super) fn division<T: Number>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(T, T) -> T + Copy + Sync,
) -> Done {
    let (a, b) = (call.operand::<T>(0), call.operand::<T>(1));
    // SAFETY: nothing is written here.
    let divisors = unsafe { b.data() };
    if T::INTEGER
        && broadcast(&[a.dims, b.dims])?.count() != Some(0)
        && let Some(at) = divisors.iter().position(|v| *v == T::ZERO)
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
