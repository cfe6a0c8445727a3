//! Loops over runs of elements, compiled for each instruction set, and their types erased.
//!
//! An elementwise kernel is a function of elements without state. [`unary`], [`binary`] and [`ternary`] make a
//! loop of it, which one operation runs over its arguments, and a group of operations block by block.
//!
//! Invariant: a loop reads elements before it writes the result's of their places, 32 at a time. So
//! the result may lie where an argument of as large elements does.

use super::simd::{Loop, Version, compiled};
use crate::object::Element;
use nbc_ir::Elem;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Most arguments of an elementwise operation.
pub(super) const MOST: usize = 3;

/// Simple operations, which a group computes in registers where elements are floats of one type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    /// The maximum of the first two, and of that and the third the minimum.
    Clip,
    /// The argument itself.
    Copy,
    Neg,
    Abs,
    Sqrt,
    Floor,
    Ceil,
    Trunc,
    Nearest,
}

/// An elementwise operation, without the types of its function.
#[derive(Clone, Copy)]
pub(super) struct Elementwise {
    /// Its loop.
    pub(super) run: Version,
    /// Elements of the arguments, as many as there are.
    pub(super) from: [Elem; MOST],
    /// Elements of the result.
    pub(super) to: Elem,
    /// About how many times as long as an addition an element takes.
    pub(super) weight: usize,
    /// What it is, if it is simple.
    pub(super) arithmetic: Option<Arithmetic>,
}

impl Elementwise {
    /// The same, which is known to be simple.
    pub(super) fn simple(self, arithmetic: Arithmetic) -> Elementwise {
        Elementwise { arithmetic: Some(arithmetic), ..self }
    }
}

/// Elements that are read together, before their results are written. So nothing need be
/// known of whether results lie where they are, and the loops are as wide as can be.
const TOGETHER: usize = 32;

/// The value of a type that has no more than one.
fn only<F: Copy>() -> F {
    const { assert!(size_of::<F>() == 0, "functions of elements have no state") };
    // SAFETY: a value without size is read from anywhere. The type has one: whoever asks has been handed it.
    unsafe { NonNull::<F>::dangling().read() }
}

/// Writes `f` of each element.
///
/// # Safety
/// There are `len` elements and places. Where they lie in the same memory, element `n` lies at place `n`.
#[inline(always)]
unsafe fn each<A: Copy, R>(to: *mut R, a: *const A, len: usize, f: impl Fn(A) -> R) {
    let whole = len - len % TOGETHER;
    let mut was = [const { MaybeUninit::<A>::uninit() }; TOGETHER];
    // SAFETY: all places are below `len`; an element is read before it is used, and before its place is written.
    unsafe {
        for at in (0..whole).step_by(TOGETHER) {
            for (k, was) in was.iter_mut().enumerate() {
                was.write(a.add(at + k).read());
            }
            for (k, was) in was.iter().enumerate() {
                to.add(at + k).write(f(was.assume_init()));
            }
        }
        for at in whole..len {
            to.add(at).write(f(a.add(at).read()));
        }
    }
}

/// [`each`] with two arguments.
///
/// # Safety
/// As there, for both.
#[inline(always)]
unsafe fn each_pair<A: Copy, B: Copy, R>(
    to: *mut R,
    a: *const A,
    b: *const B,
    len: usize,
    f: impl Fn(A, B) -> R,
) {
    let whole = len - len % TOGETHER;
    let mut x = [const { MaybeUninit::<A>::uninit() }; TOGETHER];
    let mut y = [const { MaybeUninit::<B>::uninit() }; TOGETHER];
    // SAFETY: as in `each`.
    unsafe {
        for at in (0..whole).step_by(TOGETHER) {
            for (k, (x, y)) in x.iter_mut().zip(&mut y).enumerate() {
                x.write(a.add(at + k).read());
                y.write(b.add(at + k).read());
            }
            for (k, (x, y)) in x.iter().zip(&y).enumerate() {
                to.add(at + k).write(f(x.assume_init(), y.assume_init()));
            }
        }
        for at in whole..len {
            to.add(at).write(f(a.add(at).read(), b.add(at).read()));
        }
    }
}

/// [`each`] with three arguments.
///
/// # Safety
/// As there, for all.
#[inline(always)]
unsafe fn each_triple<A: Copy, B: Copy, C: Copy, R>(
    to: *mut R,
    a: *const A,
    (b, c): (*const B, *const C),
    len: usize,
    f: impl Fn(A, B, C) -> R,
) {
    let whole = len - len % TOGETHER;
    let mut x = [const { MaybeUninit::<A>::uninit() }; TOGETHER];
    let mut y = [const { MaybeUninit::<B>::uninit() }; TOGETHER];
    let mut z = [const { MaybeUninit::<C>::uninit() }; TOGETHER];
    // SAFETY: as in `each`.
    unsafe {
        for at in (0..whole).step_by(TOGETHER) {
            for (k, ((x, y), z)) in x.iter_mut().zip(&mut y).zip(&mut z).enumerate() {
                x.write(a.add(at + k).read());
                y.write(b.add(at + k).read());
                z.write(c.add(at + k).read());
            }
            for (k, ((x, y), z)) in x.iter().zip(&y).zip(&z).enumerate() {
                to.add(at + k).write(f(x.assume_init(), y.assume_init(), z.assume_init()));
            }
        }
        for at in whole..len {
            to.add(at).write(f(a.add(at).read(), b.add(at).read(), c.add(at).read()));
        }
    }
}

struct One<A, R, F>(PhantomData<(A, R, F)>);

impl<A: Copy, R, F: Fn(A) -> R + Copy> Loop for One<A, R, F> {
    #[inline(always)]
    unsafe fn run(to: *mut u8, [a, _, _]: [*const u8; MOST], moves: [bool; MOST], len: usize) {
        let (to, a, f) = (to.cast::<R>(), a.cast::<A>(), only::<F>());
        // SAFETY: upheld by the caller.
        unsafe {
            if moves[0] {
                each(to, a, len, f);
            } else {
                let a = a.read();
                (0..len).for_each(|at| to.add(at).write(f(a)));
            }
        }
    }
}

struct Two<A, B, R, F>(PhantomData<(A, B, R, F)>);

impl<A: Copy, B: Copy, R, F: Fn(A, B) -> R + Copy> Loop for Two<A, B, R, F> {
    #[inline(always)]
    unsafe fn run(to: *mut u8, [a, b, _]: [*const u8; MOST], moves: [bool; MOST], len: usize) {
        let (to, a, b, f) = (to.cast::<R>(), a.cast::<A>(), b.cast::<B>(), only::<F>());
        // SAFETY: upheld by the caller.
        unsafe {
            match moves {
                [true, true, _] => each_pair(to, a, b, len, f),
                [true, false, _] => {
                    let b = b.read();
                    each(to, a, len, |a| f(a, b));
                }
                [false, true, _] => {
                    let a = a.read();
                    each(to, b, len, |b| f(a, b));
                }
                [false, false, _] => {
                    let (a, b) = (a.read(), b.read());
                    (0..len).for_each(|at| to.add(at).write(f(a, b)));
                }
            }
        }
    }
}

struct Three<A, B, C, R, F>(PhantomData<(A, B, C, R, F)>);

impl<A: Copy, B: Copy, C: Copy, R, F: Fn(A, B, C) -> R + Copy> Loop for Three<A, B, C, R, F> {
    #[inline(always)]
    unsafe fn run(to: *mut u8, [a, b, c]: [*const u8; MOST], moves: [bool; MOST], len: usize) {
        let (to, f) = (to.cast::<R>(), only::<F>());
        let (a, b, c) = (a.cast::<A>(), b.cast::<B>(), c.cast::<C>());
        // SAFETY: upheld by the caller.
        unsafe {
            match moves {
                [true, true, true] => each_triple(to, a, (b, c), len, f),
                [true, true, false] => {
                    let c = c.read();
                    each_pair(to, a, b, len, |a, b| f(a, b, c));
                }
                [true, false, true] => {
                    let b = b.read();
                    each_pair(to, a, c, len, |a, c| f(a, b, c));
                }
                [true, false, false] => {
                    let (b, c) = (b.read(), c.read());
                    each(to, a, len, |a| f(a, b, c));
                }
                _ => {
                    // One after the other: each is read before it is written.
                    let [ma, mb, mc] = moves.map(usize::from);
                    for at in 0..len {
                        let (a, b, c) = (a.add(at * ma).read(), b.add(at * mb).read(), c.add(at * mc).read());
                        to.add(at).write(f(a, b, c));
                    }
                }
            }
        }
    }
}

/// The operation that has `f` of each element.
pub(super) fn unary<A: Element, R: Element, F: Fn(A) -> R + Copy>(weight: usize, _: F) -> Elementwise {
    Elementwise {
        run: compiled::<One<A, R, F>>(),
        from: [A::ELEM; MOST],
        to: R::ELEM,
        weight,
        arithmetic: None,
    }
}

/// [`unary`] for functions that wide instructions do not help: one version of the loop is enough.
pub(super) fn unary_called<A: Element, R: Element, F: Fn(A) -> R + Copy>(weight: usize, _: F) -> Elementwise {
    Elementwise {
        run: <One<A, R, F> as Loop>::run,
        from: [A::ELEM; MOST],
        to: R::ELEM,
        weight,
        arithmetic: None,
    }
}

/// The operation that has `f` of each pair of elements.
pub(super) fn binary<A: Element, B: Element, R: Element, F: Fn(A, B) -> R + Copy>(
    weight: usize,
    _: F,
) -> Elementwise {
    let from = [A::ELEM, B::ELEM, B::ELEM];
    Elementwise { run: compiled::<Two<A, B, R, F>>(), from, to: R::ELEM, weight, arithmetic: None }
}

/// [`unary`] with elements of one type.
pub(super) fn same<T: Element, F: Fn(T) -> T + Copy>(weight: usize, f: F) -> Elementwise {
    unary(weight, f)
}

/// [`binary`] with elements of one type.
pub(super) fn both<T: Element, F: Fn(T, T) -> T + Copy>(weight: usize, f: F) -> Elementwise {
    binary(weight, f)
}

/// The operation that has `f` of three elements of each place.
pub(super) fn ternary<A: Element, B: Element, C: Element, R: Element, F: Fn(A, B, C) -> R + Copy>(
    weight: usize,
    _: F,
) -> Elementwise {
    let from = [A::ELEM, B::ELEM, C::ELEM];
    Elementwise { run: compiled::<Three<A, B, C, R, F>>(), from, to: R::ELEM, weight, arithmetic: None }
}
