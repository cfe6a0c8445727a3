//! Elementwise choice, with broadcasting: operations of three operands.
//!
//! Each kernel is one closure over three elements, and [`ternary`] walks the shapes. As in
//! [`elementwise`](super::elementwise), elements are read before those of their places are written.

use super::broadcast::{Plan, broadcast, in_line};
use super::elementwise::{From, TOGETHER};
use super::number::Real;
use super::simd::{Work, dispatch};
use super::work::fill;
use super::{OpCall, Output};
use crate::object::Element;
use crate::object::element::with_elem;
use crate::trap::TrapError;
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

/// Writes `f` of three elements, each from a number on: those of an operand that moves, or the same one.
///
/// # Safety
/// As many elements must be there as there are places in `to`; where one lies in the same memory as
/// `to`, the first that is read has to lie at the first place.
#[inline(always)]
unsafe fn each<const X: bool, const Y: bool, const Z: bool, A: Copy, B: Copy, R>(
    to: &mut [MaybeUninit<R>],
    (x, i): (From<A>, usize),
    (y, j): (From<B>, usize),
    (z, k): (From<B>, usize),
    f: impl Fn(A, B, B) -> R,
) {
    let (n, to) = (to.len(), to.as_mut_ptr().cast::<R>());
    let whole = n - n % TOGETHER;
    let mut a = [const { MaybeUninit::<A>::uninit() }; TOGETHER];
    let mut b = [const { MaybeUninit::<B>::uninit() }; TOGETHER];
    let mut c = [const { MaybeUninit::<B>::uninit() }; TOGETHER];
    // SAFETY: upheld by the caller: every element is there, and every place is one of `to`.
    unsafe {
        // What stays is read once: where the result lies over it, there is but one element.
        let (x0, y0, z0) = (x.get(i), y.get(j), z.get(k));
        let x_at = |at: usize| if X { x.get(i + at) } else { x0 };
        let y_at = |at: usize| if Y { y.get(j + at) } else { y0 };
        let z_at = |at: usize| if Z { z.get(k + at) } else { z0 };
        for at in (0..whole).step_by(TOGETHER) {
            for n in 0..TOGETHER {
                a[n].write(x_at(at + n));
                b[n].write(y_at(at + n));
                c[n].write(z_at(at + n));
            }
            for n in 0..TOGETHER {
                to.add(at + n).write(f(a[n].assume_init(), b[n].assume_init(), c[n].assume_init()));
            }
        }
        for at in whole..n {
            to.add(at).write(f(x_at(at), y_at(at), z_at(at)));
        }
    }
}

struct Ternary<'w, A, B, R, F> {
    plan: &'w Plan<3>,
    x: From<A>,
    y: From<B>,
    z: From<B>,
    start: usize,
    to: &'w mut [MaybeUninit<R>],
    f: F,
}

impl<A: Copy, B: Copy, R, F: Fn(A, B, B) -> R> Ternary<'_, A, B, R, F> {
    /// The runs of operands of which those move that it is said of. One loop alone, so that the
    /// compiler takes it into the function that has the vector units.
    #[inline(always)]
    fn walk<const X: bool, const Y: bool, const Z: bool>(self) {
        let Ternary { plan, x, y, z, start, to, f } = self;
        plan.runs(start, to.len(), |at, [i, j, k], n| {
            // SAFETY: the plan is one of the operands' dims and the result's. An operand that lies where
            // the result does has its dims, and so is walked as it is.
            unsafe { each::<X, Y, Z, A, B, R>(&mut to[at..at + n], (x, i), (y, j), (z, k), &f) }
        });
    }
}

impl<A: Copy, B: Copy, R, F: Fn(A, B, B) -> R> Work for Ternary<'_, A, B, R, F> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        match self.plan.moves() {
            [true, true, true] => self.walk::<true, true, true>(),
            [true, true, false] => self.walk::<true, true, false>(),
            [true, false, true] => self.walk::<true, false, true>(),
            [true, false, false] => self.walk::<true, false, false>(),
            [false, true, true] => self.walk::<false, true, true>(),
            [false, true, false] => self.walk::<false, true, false>(),
            [false, false, true] => self.walk::<false, false, true>(),
            [false, false, false] => self.walk::<false, false, false>(),
        }
    }
}

/// The result of `f` for every three elements of arguments 0, 1 and 2, broadcast.
fn ternary<A: Element, B: Element, R: Element>(
    call: &mut OpCall<'_>,
    f: impl Fn(A, B, B) -> R + Copy + Sync,
) -> Done {
    let (x, y, z) = (call.operand::<A>(0), call.operand::<B>(1), call.operand::<B>(2));
    let line = in_line([&x.dims, &y.dims, &z.dims]);
    let dims = match line {
        Some((dims, _)) => dims,
        None => broadcast(&[x.dims, y.dims, z.dims])?,
    };
    let out: Output<'_, R> = call.output_in_place(&dims)?;
    if !out.elements.is_empty() {
        let plan = &match line {
            Some((_, moves)) => Plan::line(out.elements.len(), moves),
            None => Plan::new([&x.dims, &y.dims, &z.dims], &dims),
        };
        let (x, y, z) = (x.from(), y.from(), z.from());
        fill(call.host, &mut *out.elements, 1, |start, to| {
            dispatch(Ternary { plan, x, y, z, start, to, f });
        })?;
    }
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn tensor_where(call: &mut OpCall<'_>) -> Done {
    with_elem!(any call.elem(0), T => ternary::<bool, T, T>(call, |is, a, b| if is { a } else { b }))
}

pub(super) fn tensor_clip(call: &mut OpCall<'_>) -> Done {
    with_elem!(real call.elem(0), T => ternary::<T, T, T>(call, |x, low, high| Real::min(Real::max(x, low), high)))
}
