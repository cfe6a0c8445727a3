//! Elementwise arithmetic, comparison and choice, with broadcasting.
//!
//! Each kernel is one function of elements, of which [`loops`] makes a loop. [`run`] finds
//! the shapes, and walks them: in one run where no argument is broadcast but a scalar, else in those
//! that a [`Plan`] yields. Where the operation belongs to a group, [`fused`] may run it later.

use super::broadcast::{Plan, broadcast};
use super::loops::{self, Arithmetic, Elementwise, MOST};
use super::number::{Number, Real};
use super::work::{in_pieces, position};
use super::{OpCall, fused};
use crate::object::element::with_elem;
use crate::object::{Element, TensorRef};
use crate::region::pool::MEDIUM;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::{Cost, Extent, Work};
use nbc_ir::dims::Dims;
use nbc_ir::{Elem, Type};

type Done = Result<(), TrapError>;

/// Pieces of work are even, so that those of 8-byte elements are 16-aligned.
const GRAIN: usize = 2;

/// An argument: a tensor, or a scalar of its elements' type.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    /// The first element.
    pub(super) data: *const u8,
    /// How many there are.
    pub(super) len: usize,
    /// Bytes of an element.
    pub(super) size: usize,
    pub(super) tensor: Option<TensorRef>,
    pub(super) dims: Dims,
}

impl Operand {
    /// Argument `at`, whose elements must be of type `elem`.
    #[inline(always)]
    pub(super) fn of(call: &OpCall<'_>, at: usize, elem: Elem) -> Operand {
        if let Type::Tensor(found) = call.arg_types[at] {
            assert_eq!(found, elem, "the tensor has elements of another type");
            let tensor = call.tensor(at);
            let (data, len) = (tensor.data().cast_const(), tensor.len());
            return Operand { data, len, size: elem.size(), tensor: Some(tensor), dims: tensor.dims() };
        }
        // The low bytes of a slot are the element.
        let data = (&raw const call.args[at]).cast();
        Operand { data, len: 1, size: elem.size(), tensor: None, dims: Dims::default() }
    }

    /// Looks anew where the elements of a tensor are.
    pub(super) fn find_again(&mut self) {
        if let Some(tensor) = self.tensor {
            self.data = tensor.data().cast_const();
        }
    }
}

/// The first of elements that threads read, and the first that they write.
struct Shared<'w> {
    of: &'w Elementwise,
    to: *mut u8,
    from: [*const u8; MOST],
    /// Bytes from an element to the next; 0 where there is one for all.
    steps: [usize; MOST],
}

// SAFETY: elements are plain data, and threads write different ones.
unsafe impl Sync for Shared<'_> {}

impl Shared<'_> {
    /// Writes the `len` elements from number `start` on, where arguments go on as the result does.
    ///
    /// # Safety
    /// As [`Loop::run`](super::simd::Loop::run), for the elements of those numbers.
    unsafe fn straight(&self, start: usize, len: usize) {
        // SAFETY: upheld by the caller.
        unsafe {
            let mut from = self.from;
            for (from, step) in from.iter_mut().zip(self.steps) {
                *from = from.add(start * step);
            }
            (self.of.run)(self.to.add(start * self.of.to.size()), from, self.steps.map(|s| s != 0), len);
        }
    }

    /// The same where arguments are broadcast.
    ///
    /// # Safety
    /// As above; the plan is one of the arguments' dims and the result's.
    unsafe fn broadcast(&self, plan: &Plan<MOST>, start: usize, len: usize) {
        let moves = plan.moves();
        plan.runs(start, len, |at, offsets, n| {
            let mut from = self.from;
            // SAFETY: upheld by the caller.
            unsafe {
                for ((from, offset), step) in from.iter_mut().zip(offsets).zip(self.steps) {
                    *from = from.add(offset * step);
                }
                (self.of.run)(self.to.add((start + at) * self.of.to.size()), from, moves, n);
            }
        });
    }
}

/// Runs an elementwise operation on all arguments of the call.
#[inline]
pub(super) fn run(call: &mut OpCall<'_>, of: &Elementwise) -> Done {
    let count = call.args.len();
    assert!((1..=MOST).contains(&count), "an elementwise operation has one argument to three");
    match few(call, of) {
        Some(done) => done,
        None => run_any(call, of),
    }
}

/// The operation on few elements of tensors with the same dims, and scalars: what there is to find out takes
/// longer than to compute them. None where [`run_any`] has to see to it.
fn few(call: &mut OpCall<'_>, of: &Elementwise) -> Option<Done> {
    let (mut like, mut from, mut moves) = (None::<TensorRef>, [std::ptr::null(); MOST], [false; MOST]);
    let Cost::PerElement(flops) = call.cost else { return None };
    let mut moved = 0;
    for (at, ty) in call.arg_types.iter().enumerate() {
        let &Type::Tensor(found) = ty else {
            from[at] = (&raw const call.args[at]).cast();
            continue;
        };
        assert_eq!(found, of.from[at], "the tensor has elements of another type");
        let tensor = call.tensor(at);
        if !like.get_or_insert(tensor).has_dims_of(tensor) {
            return None;
        }
        (from[at], moves[at]) = (tensor.data().cast_const(), true);
        moved += tensor.len() * found.size();
    }
    let like = like?;
    let (len, bytes) = (like.len(), like.len() * of.to.size());
    // What is larger may be written into an argument.
    if bytes >= MEDIUM || call.prepared.is_some() || fused::may_join(call, len) {
        return None;
    }
    // What `Cost::work` makes of them.
    let work = Work { flops: len as u64 * u64::from(flops), bytes: (moved + bytes) as u64 };
    let made = call.host.charge(work.fuel()).and_then(|()| {
        // SAFETY: all elements are written before anybody sees it.
        unsafe { call.host.heap().uninit(of.to, &like.dims()) }
    });
    Some(made.map(|to| {
        // SAFETY: an argument has an element for each of the result, or is one for all. The result is new.
        unsafe { (of.run)(to.data(), from, moves, len) };
        call.set(to.slot());
    }))
}

fn run_any(call: &mut OpCall<'_>, of: &Elementwise) -> Done {
    let count = call.args.len();
    // What is not there goes on reading the first, and is not looked at.
    let mut operands = [Operand::of(call, 0, of.from[0]); MOST];
    for (at, operand) in operands.iter_mut().enumerate().take(count).skip(1) {
        *operand = Operand::of(call, at, of.from[at]);
    }
    let operands = &mut operands[..count];
    let dims = match &*operands {
        [a] => a.dims,
        [a, b] if b.tensor.is_none() || *a.dims == *b.dims => a.dims,
        [a, b] if a.tensor.is_none() => b.dims,
        _ => {
            let mut all = [Dims::default(); MOST];
            all.iter_mut().zip(&*operands).for_each(|(dims, operand)| *dims = operand.dims);
            broadcast(&all[..count])?
        }
    };
    if fused::joins(call, of, operands, &dims)? {
        return Ok(());
    }
    let operands = &*operands;
    call.charge(Extent::new(&dims, of.to.size()))?;
    let to = call.result_in_place(of.to, &dims)?;
    let len = to.len();
    if len != 0 {
        let is_straight = operands.iter().all(|o| o.len == len || o.len == 1);
        let step =
            |n: usize| operands.get(n).map_or(0, |o| if o.len == len || !is_straight { o.size } else { 0 });
        let from = |n: usize| operands.get(n).map_or(std::ptr::null(), |o| o.data);
        let shared = Shared {
            of,
            to: to.data(),
            from: [from(0), from(1), from(2)],
            steps: [step(0), step(1), step(2)],
        };
        if is_straight {
            // SAFETY: an argument has an element for each of the result, or one for all. One that lies where the result
            // does has as large elements.
            in_pieces(call.host, len, of.weight, GRAIN, &|p| unsafe { shared.straight(p.start, p.len()) })?;
        } else {
            let shape = |n: usize| operands.get(n).map_or(&[][..], |o| &o.dims);
            let plan = &Plan::new([shape(0), shape(1), shape(2)], &dims);
            // SAFETY: an argument that lies where the result does has its dims, and so is walked as it is.
            in_pieces(call.host, len, of.weight, GRAIN, &|p| unsafe {
                shared.broadcast(plan, p.start, p.len());
            })?;
        }
    }
    call.set(to.slot());
    Ok(())
}

/// The result of `f` for every element of argument 0.
pub(super) fn unary<A: Element, R: Element>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(A) -> R + Copy + Sync,
) -> Done {
    run(call, &loops::unary(weight, f))
}

/// [`unary`] for functions that wide instructions do not help: one version of
/// the loop is enough.
pub(super) fn unary_called<A: Element, R: Element>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(A) -> R + Copy + Sync,
) -> Done {
    run(call, &loops::unary_called(weight, f))
}

/// The result of `f` for every pair of elements of arguments 0 and 1, broadcast.
pub(super) fn binary<A: Element, R: Element>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(A, A) -> R + Copy + Sync,
) -> Done {
    run(call, &loops::binary(weight, f))
}

/// The result of `f` for elements of three arguments, broadcast.
pub(super) fn ternary<A: Element, B: Element, C: Element, R: Element>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(A, B, C) -> R + Copy + Sync,
) -> Done {
    run(call, &loops::ternary(weight, f))
}

/// The weight of a division that takes so long for floats: processors divide integers one at a time.
fn weight_of_division<T: Number>(weight: usize) -> usize {
    if T::INTEGER { weight.max(12) } else { weight }
}

/// Makes sure that no integer divisor is zero.
fn divisors_are_not_zero<T: Number>(call: &mut OpCall<'_>) -> Done {
    if T::INTEGER {
        fused::needs(call, 1)?;
        let (a, b) = (Operand::of(call, 0, T::ELEM), Operand::of(call, 1, T::ELEM));
        // SAFETY: so many elements are there as long as the call runs, and nothing is written here.
        let divisors = unsafe { std::slice::from_raw_parts(b.data.cast::<T>(), b.len) };
        if broadcast(&[a.dims, b.dims])?.count() != Some(0)
            && let Some(at) = position(call.host, divisors, |v| *v == T::ZERO)?
        {
            return Err(TrapError::new(
                TrapCode::DivideByZero,
                format!("the divisor's element {at} is zero"),
            ));
        }
    }
    Ok(())
}

/// The trap of a divisor that is zero, of elements of any type.
pub(super) fn check_divisors(call: &mut OpCall<'_>) -> Done {
    with_elem!(number call.elem(0), T => divisors_are_not_zero::<T>(call))
}

/// [`binary`] for division: first makes sure that no integer divisor is zero.
pub(super) fn division<T: Number>(
    call: &mut OpCall<'_>,
    weight: usize,
    f: impl Fn(T, T) -> T + Copy + Sync,
) -> Done {
    divisors_are_not_zero::<T>(call)?;
    binary(call, weight_of_division::<T>(weight), f)
}

/// Kernels of simple operations, which groups may compute in registers.
macro_rules! simple {
    ($($kernel:ident $arithmetic:ident $loop_of:ident $class:ident $weight:literal $f:expr;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            with_elem!($class call.elem(0), T => {
                run(call, &loops::$loop_of::<T, _>($weight, $f).simple(Arithmetic::$arithmetic))
            })
        }
    )*};
}

simple! {
    tensor_add Add both number 1 |a, b| a.add(b);
    tensor_sub Sub both number 1 |a, b| a.sub(b);
    tensor_mul Mul both number 1 |a, b| a.mul(b);
    tensor_min Min both real 1 Real::min;
    tensor_max Max both real 1 Real::max;
    tensor_neg Neg same number 1 |a| a.neg();
    tensor_abs Abs same real 1 Real::abs;
}

pub(super) fn tensor_div(call: &mut OpCall<'_>) -> Done {
    with_elem!(number call.elem(0), T => {
        divisors_are_not_zero::<T>(call)?;
        run(call, &loops::both::<T, _>(weight_of_division::<T>(2), |a, b| a.div(b)).simple(Arithmetic::Div))
    })
}

macro_rules! kernels {
    ($($kernel:ident $walk:ident $class:ident $weight:literal $f:expr;)*) => {$(
        pub(super) fn $kernel(call: &mut OpCall<'_>) -> Done {
            with_elem!($class call.elem(0), T => $walk::<T, _>(call, $weight, $f))
        }
    )*};
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
    tensor_rem quotient real 24 |a, b| a.rem(b);
    tensor_eq compared any 1 |a, b| a == b;
    tensor_ne compared any 1 |a, b| a != b;
    tensor_lt compared real 1 |a, b| a < b;
    tensor_le compared real 1 |a, b| a <= b;
    tensor_gt compared real 1 |a, b| a > b;
    tensor_ge compared real 1 |a, b| a >= b;
}

pub(super) fn tensor_where(call: &mut OpCall<'_>) -> Done {
    with_elem!(any call.elem(0), T => ternary(call, 1, |c: bool, a: T, b: T| if c { a } else { b }))
}

/// The maximum with `low`, and the minimum of that and `high`. Inlined, that it is compiled for what the loop is.
#[inline(always)]
fn clipped<T: Real>(x: T, low: T, high: T) -> T {
    Real::min(Real::max(x, low), high)
}

pub(super) fn tensor_clip(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => {
        run(call, &loops::ternary(1, clipped::<T>).simple(Arithmetic::Clip))
    })
}
