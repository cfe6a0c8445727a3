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
use super::{OpCall, OpHost, Output};
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
    scalar: [T; 1],
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
            None => &self.scalar,
        }
    }

    /// How pieces of the work find the elements, `out` being written meanwhile.
    ///
    /// # Safety
    /// As [`Operand::data`], but for `out`.
    unsafe fn beside<R>(&self, out: &Output<'_, R>) -> Option<&[T]> {
        let is_over = self.tensor.is_some_and(|data| out.lies_at(data));
        // SAFETY: `out` is the memory of another object, or of this one as a whole.
        (!is_over).then(|| unsafe { self.data() })
    }
}

impl<'a> OpCall<'a> {
    pub(super) fn operand<T: Element>(&self, at: usize) -> Operand<T> {
        if let Type::Tensor(elem) = self.arg_types[at] {
            assert_eq!(elem, T::ELEM, "the tensor has elements of another type");
            let tensor = self.tensor(at);
            let data = tensor.data().cast::<T>().cast_const();
            return Operand { tensor: Some(data), scalar: [T::ZERO], len: tensor.len(), dims: tensor.dims() };
        }
        let scalar = T::from_slot_if_scalar(self.args[at]).unwrap_or(T::ZERO);
        let dims = Dims::new(&[]).expect("no dims are not too many");
        Operand { tensor: None, scalar: [scalar], len: 1, dims }
    }
}

/// The elements of an operand that a piece of the work reads, the first of which has number `from`.
#[derive(Clone, Copy)]
struct Part<'w, T> {
    data: &'w [T],
    from: usize,
}

impl<'w, T> Part<'w, T> {
    #[inline(always)]
    fn run(self, at: usize, n: usize) -> &'w [T] {
        &self.data[at - self.from..][..n]
    }

    /// The same elements by their right type.
    ///
    /// # Safety
    /// They must be of that type, or as large, and its values.
    unsafe fn cast<U>(self) -> Part<'w, U> {
        assert_eq!((size_of::<T>(), align_of::<T>()), (size_of::<U>(), align_of::<U>()));
        // SAFETY: upheld by the caller.
        let data = unsafe { std::slice::from_raw_parts(self.data.as_ptr().cast::<U>(), self.data.len()) };
        Part { data, from: self.from }
    }
}

/// Bytes of a block, in which what the result is written over is read first.
const BLOCK: usize = 4 << 10;

/// Room for a block of elements of any type.
#[repr(align(64))]
struct Block([MaybeUninit<u8>; BLOCK]);

/// [`fill`] where operands may lie under the result. `work` is told of the elements that were
/// there before, with the number of the first: of a block at a time, from a copy of it. Where no
/// operand lies there it is told of none.
fn fill_over<A: Element, R: Element>(
    host: &mut dyn OpHost,
    out: &mut [MaybeUninit<R>],
    is_over: bool,
    weight: usize,
    work: impl Fn(usize, &mut [MaybeUninit<R>], Part<'_, A>) + Sync,
) -> Done {
    fill(host, out, weight, |start, to| {
        if !is_over {
            return work(start, to, Part { data: &[], from: start });
        }
        assert_eq!(size_of::<A>(), size_of::<R>(), "elements of another size do not lie there");
        let mut block = Block([MaybeUninit::uninit(); BLOCK]);
        for (n, to) in to.chunks_mut(BLOCK / size_of::<R>()).enumerate() {
            // SAFETY: the elements under the result are as large as its own and have all been
            // written; the block is aligned for them, and has room.
            let data = unsafe {
                let copy = block.0.as_mut_ptr().cast::<A>();
                std::ptr::copy_nonoverlapping(to.as_ptr().cast::<A>(), copy, to.len());
                std::slice::from_raw_parts(copy, to.len())
            };
            let from = start + n * (BLOCK / size_of::<R>());
            work(from, to, Part { data, from });
        }
    })
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
    unary_by(call, weight, |from, to| Unary { from, to, f }.run())
}

/// The result of `f` for every element of argument 0.
pub(super) fn unary<A: Element, R: Element>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(A) -> R + Copy + Sync,
) -> Done {
    unary_by(call, weight, |from, to| dispatch(Unary { from, to, f }))
}

fn unary_by<A: Element, R: Element>(
    call: &mut OpCall<'_>,
    weight: usize,
    run: impl Fn(&[A], &mut [MaybeUninit<R>]) + Sync,
) -> Done {
    let a = call.operand::<A>(0);
    let out: Output<'_, R> = call.output_in_place(&a.dims)?;
    // SAFETY: nothing but `fill_over` writes meanwhile, and only the result.
    let from = unsafe { a.beside(&out) };
    fill_over(call.host, &mut *out.elements, from.is_none(), weight, |start, to, was: Part<'_, A>| {
        let from = from.map_or(was, |data| Part { data, from: 0 });
        run(from.run(start, to.len()), to);
    })?;
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

struct Binary<'w, A, R, F> {
    plan: &'w Plan<2>,
    a: Part<'w, A>,
    b: Part<'w, A>,
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
                    for ((to, a), b) in to.iter_mut().zip(a.run(i, n)).zip(b.run(j, n)) {
                        to.write(f(*a, *b));
                    }
                }
                [true, false] => {
                    let b = b.run(j, 1)[0];
                    for (to, a) in to.iter_mut().zip(a.run(i, n)) {
                        to.write(f(*a, b));
                    }
                }
                [false, true] => {
                    let a = a.run(i, 1)[0];
                    for (to, b) in to.iter_mut().zip(b.run(j, n)) {
                        to.write(f(a, *b));
                    }
                }
                [false, false] => {
                    let (a, b) = (a.run(i, 1)[0], b.run(j, 1)[0]);
                    for to in to {
                        to.write(f(a, b));
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
    let out: Output<'_, R> = call.output_in_place(&dims)?;
    if !out.elements.is_empty() {
        let plan = &Plan::new([&a.dims, &b.dims], &dims);
        // SAFETY: nothing but `fill_over` writes meanwhile, and only the result.
        let (a, b) = unsafe { (a.beside(&out), b.beside(&out)) };
        let is_over = a.is_none() || b.is_none();
        fill_over(call.host, &mut *out.elements, is_over, weight, |start, to, was: Part<'_, A>| {
            let [a, b] = [a, b].map(|o| o.map_or(was, |data| Part { data, from: 0 }));
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
    condition: Part<'w, bool>,
    a: Part<'w, T>,
    b: Part<'w, T>,
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
                    for (((to, c), a), b) in
                        to.iter_mut().zip(condition.run(c, n)).zip(a.run(i, n)).zip(b.run(j, n))
                    {
                        to.write(if *c { *a } else { *b });
                    }
                }
                [true, true, false] => {
                    let b = b.run(j, 1)[0];
                    for ((to, c), a) in to.iter_mut().zip(condition.run(c, n)).zip(a.run(i, n)) {
                        to.write(if *c { *a } else { b });
                    }
                }
                [true, false, true] => {
                    let a = a.run(i, 1)[0];
                    for ((to, c), b) in to.iter_mut().zip(condition.run(c, n)).zip(b.run(j, n)) {
                        to.write(if *c { a } else { *b });
                    }
                }
                _ => {
                    let [mc, ma, mb] = moves.map(usize::from);
                    let extent = |moves: usize| if moves == 0 { 1 } else { n };
                    let condition = condition.run(c, extent(mc));
                    let (a, b) = (a.run(i, extent(ma)), b.run(j, extent(mb)));
                    for (k, to) in to.iter_mut().enumerate() {
                        to.write(if condition[k * mc] { a[k * ma] } else { b[k * mb] });
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
        let out: Output<'_, T> = call.output_in_place(&dims)?;
        if !out.elements.is_empty() {
            let plan = &Plan::new([&condition.dims, &a.dims, &b.dims], &dims);
            // SAFETY: nothing but `fill_over` writes meanwhile, and only the result.
            let (choice, a, b) = unsafe { (condition.beside(&out), a.beside(&out), b.beside(&out)) };
            let is_over = choice.is_none() || a.is_none() || b.is_none();
            fill_over(call.host, &mut *out.elements, is_over, 1, |start, to, was: Part<'_, T>| {
                let [a, b] = [a, b].map(|o| o.map_or(was, |data| Part { data, from: 0 }));
                let condition = match choice {
                    Some(data) => Part { data, from: 0 },
                    // SAFETY: it is what lies there.
                    None => unsafe { was.cast() },
                };
                dispatch(Where { plan, condition, a, b, start, to });
            })?;
        }
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}
