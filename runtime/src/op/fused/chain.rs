//! Chains: operations on floats, one after the other, in registers.
//!
//! Of arithmetic the processor does as much as it loads and stores. So where a group has simple operations in a row,
//! they make up one step: a list of *links*, each of which does something to an
//! [accumulator](super::registers). A loop goes through the list once for each part of a block, and what the next link
//! goes on with never leaves the registers. A result that a later link reads again is stored beside.
//!
//! `sqrt(x * y + x)` is `Load x`, `Mul y`, `Add x`, `Sqrt`, `Store`.
//!
//! Invariant: links compute what the operations' own loops do, to the bit (NaN aside), and in their order. So a
//! result may lie where an argument does on the same terms.

use super::pass::Place;
use super::registers::{Float, One, Vector};
use crate::op::loops::Arithmetic;
use crate::op::simd::Width;
use nbc_ir::Elem;
use std::mem::MaybeUninit;

/// Most links of a chain.
pub(super) const MOST_LINKS: usize = 128;
/// Most links of an operation: two arguments that are loaded, two that it does, and a store.
pub(super) const LINKS_OF_ONE: usize = 4;
/// Most bytes of a part of a block: of an accumulator.
pub(super) const PART: usize = 1 << 10;

/// What a link does to the accumulator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Do {
    Load,
    LoadOne,
    Store,
    Add,
    AddOne,
    AddSelf,
    Sub,
    SubOne,
    SubFrom,
    SubFromOne,
    SubSelf,
    Mul,
    MulOne,
    MulSelf,
    Div,
    DivOne,
    Divide,
    DivideOne,
    DivSelf,
    Min,
    MinOne,
    Max,
    MaxOne,
    Neg,
    Abs,
    Sqrt,
    Floor,
    Ceil,
    Trunc,
    Nearest,
}

/// How the other argument of an operation relates to the accumulator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Other {
    /// The second: elements, or one for all.
    Second { is_one: bool },
    /// The first.
    First { is_one: bool },
    /// It is the accumulator too.
    Same,
}

impl Do {
    /// An operation on the accumulator alone; none where it leaves that as it is.
    pub(super) fn unary(arithmetic: Arithmetic) -> Option<Do> {
        Some(match arithmetic {
            Arithmetic::Copy => return None,
            Arithmetic::Neg => Do::Neg,
            Arithmetic::Abs => Do::Abs,
            Arithmetic::Sqrt => Do::Sqrt,
            Arithmetic::Floor => Do::Floor,
            Arithmetic::Ceil => Do::Ceil,
            Arithmetic::Trunc => Do::Trunc,
            Arithmetic::Nearest => Do::Nearest,
            _ => unreachable!("{arithmetic:?} has more than one argument"),
        })
    }

    /// An operation on the accumulator and another argument; none where it leaves the accumulator as it is.
    pub(super) fn binary(arithmetic: Arithmetic, other: Other) -> Option<Do> {
        use Other::{First, Same, Second};
        Some(match (arithmetic, other) {
            (Arithmetic::Add, Second { is_one: false } | First { is_one: false }) => Do::Add,
            (Arithmetic::Add, Second { is_one: true } | First { is_one: true }) => Do::AddOne,
            (Arithmetic::Add, Same) => Do::AddSelf,
            (Arithmetic::Mul, Second { is_one: false } | First { is_one: false }) => Do::Mul,
            (Arithmetic::Mul, Second { is_one: true } | First { is_one: true }) => Do::MulOne,
            (Arithmetic::Mul, Same) => Do::MulSelf,
            (Arithmetic::Min, Second { is_one: false } | First { is_one: false }) => Do::Min,
            (Arithmetic::Min, Second { is_one: true } | First { is_one: true }) => Do::MinOne,
            (Arithmetic::Max, Second { is_one: false } | First { is_one: false }) => Do::Max,
            (Arithmetic::Max, Second { is_one: true } | First { is_one: true }) => Do::MaxOne,
            (Arithmetic::Min | Arithmetic::Max, Same) => return None,
            (Arithmetic::Sub, Second { is_one: false }) => Do::Sub,
            (Arithmetic::Sub, Second { is_one: true }) => Do::SubOne,
            (Arithmetic::Sub, First { is_one: false }) => Do::SubFrom,
            (Arithmetic::Sub, First { is_one: true }) => Do::SubFromOne,
            (Arithmetic::Sub, Same) => Do::SubSelf,
            (Arithmetic::Div, Second { is_one: false }) => Do::Div,
            (Arithmetic::Div, Second { is_one: true }) => Do::DivOne,
            (Arithmetic::Div, First { is_one: false }) => Do::Divide,
            (Arithmetic::Div, First { is_one: true }) => Do::DivideOne,
            (Arithmetic::Div, Same) => Do::DivSelf,
            _ => unreachable!("{arithmetic:?} has not two arguments"),
        })
    }
}

/// One thing done to the accumulator.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) does: Do,
    /// The elements that are read or written; none for what needs none.
    pub(super) place: Place,
    /// Bytes from the elements of a part to those of the next, per element; 0 where all parts have the same.
    pub(super) step: usize,
}

/// A link whose elements have been found for a block.
#[derive(Clone, Copy)]
struct Found {
    does: Do,
    at: *mut u8,
    step: usize,
}

/// A chain as it is run for a block: its links, the number of its first element, tiles, and how many elements.
///
/// # Safety
/// Elements that links read are there, of the chain's type. Those that they write nobody else reads or writes, or
/// they lie where an argument's of the same place do, which no later link reads.
/// There are at most [`MOST_LINKS`]. The processor has the instructions.
pub(super) type Version = unsafe fn(&[Link], usize, *mut u8, usize);

/// How chains of a type of floats are run; none where there are none of that type.
pub(super) fn version(elem: Elem, width: Width) -> Option<Version> {
    match (elem, width) {
        (Elem::F64, Width::Baseline) => Some(run::<One<f64>, { PART / 8 }>),
        (Elem::F32, Width::Baseline) => Some(run::<One<f32>, { PART / 4 }>),
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        (Elem::F64, Width::Avx2) => Some(wide::doubles_avx2),
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        (Elem::F32, Width::Avx2) => Some(wide::singles_avx2),
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        (Elem::F64, Width::Avx512) => Some(wide::doubles_avx512),
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        (Elem::F32, Width::Avx512) => Some(wide::singles_avx512),
        _ => None,
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod wide {
    //! The loop, compiled for each type and instruction set.
    //!
    //! With more vectors in the accumulator there are fewer turns of the loop. With fewer, the processor is at
    //! the next part while a root or a quotient of this one takes its time. Six of 512 bits were found best.

    use super::super::registers::x86::{Doubles4, Doubles8, Singles8, Singles16};
    use super::{Link, run};

    macro_rules! versions {
        ($($name:ident $vector:ident [$count:literal] $features:literal;)*) => {$(
            /// # Safety
            /// As [`Version`](super::Version).
            #[target_feature(enable = $features)]
            pub(super) unsafe fn $name(links: &[Link], start: usize, tiles: *mut u8, len: usize) {
                // SAFETY: upheld by the caller.
                unsafe { run::<$vector, $count>(links, start, tiles, len) }
            }
        )*};
    }

    versions! {
        doubles_avx2 Doubles4 [8] "avx2";
        singles_avx2 Singles8 [8] "avx2";
        doubles_avx512 Doubles8 [6] "avx512f,avx512dq,avx512bw,avx512vl";
        singles_avx512 Singles16 [6] "avx512f,avx512dq,avx512bw,avx512vl";
    }
}

/// Runs a chain for a block, part by part.
///
/// # Safety
/// As [`Version`].
#[inline(always)]
unsafe fn run<V: Vector, const N: usize>(links: &[Link], start: usize, tiles: *mut u8, len: usize) {
    const { assert!(N * V::LANES * size_of::<V::Float>() <= PART) };
    let mut found = [const { MaybeUninit::<Found>::uninit() }; MOST_LINKS];
    let part = N * V::LANES;
    for (found, link) in found.iter_mut().zip(links) {
        // SAFETY: upheld by the caller.
        let at = unsafe { link.place.at(start, tiles) };
        found.write(Found { does: link.does, at, step: link.step });
    }
    // SAFETY: as many have been written; the rest is upheld by the caller.
    unsafe {
        let found = found[..links.len()].assume_init_ref();
        let (parts, rest) = (len / part, len % part);
        for k in 0..parts {
            through::<V, N, false>(found, k * part, part);
        }
        if rest != 0 {
            through::<V, N, true>(found, parts * part, rest);
        }
    }
}

/// Goes through the links for the part of a block from element `from` on: for all elements of an accumulator, or
/// for `len` where there are `FEWER`.
///
/// # Safety
/// As [`Version`].
#[inline(always)]
unsafe fn through<V: Vector, const N: usize, const FEWER: bool>(links: &[Found], from: usize, len: usize) {
    let mut acc = [V::splat(V::Float::ONE); N];
    // Where registers are not known there are no lanes to leave out.
    let count = if FEWER && V::LANES == 1 { len } else { N };
    let masks: [V::Mask; N] = std::array::from_fn(|k| V::first(len.saturating_sub(k * V::LANES)));
    for link in links {
        let at = link.at.wrapping_add(from * link.step).cast::<V::Float>();
        macro_rules! each {
            ($x:ident: $value:expr) => {
                for $x in acc.iter_mut().take(count) {
                    *$x = $value;
                }
            };
            // With the elements of the link,
            ($x:ident, $y:ident: $value:expr) => {
                for (k, $x) in acc.iter_mut().enumerate().take(count) {
                    let at = at.wrapping_add(k * V::LANES);
                    // SAFETY: the elements of an accumulator are there, or those of the masks.
                    let $y = unsafe { if FEWER { V::load_some(at, masks[k]) } else { V::load(at) } };
                    *$x = $value;
                }
            };
            // or with its one for all.
            ($x:ident, one $y:ident: $value:expr) => {{
                // SAFETY: it is there.
                let $y = V::splat(unsafe { at.read() });
                each!($x: $value)
            }};
        }
        match link.does {
            Do::Load => each!(x, y: y),
            Do::LoadOne => each!(x, one y: y),
            Do::Store => {
                for (k, x) in acc.iter().enumerate().take(count) {
                    let at = at.wrapping_add(k * V::LANES);
                    // SAFETY: there is room for the elements of an accumulator, or those of the masks.
                    unsafe { if FEWER { x.store_some(at, masks[k]) } else { x.store(at) } };
                }
            }
            Do::Add => each!(x, y: x.add(y)),
            Do::AddOne => each!(x, one y: x.add(y)),
            Do::AddSelf => each!(x: x.add(*x)),
            Do::Sub => each!(x, y: x.sub(y)),
            Do::SubOne => each!(x, one y: x.sub(y)),
            Do::SubFrom => each!(x, y: y.sub(*x)),
            Do::SubFromOne => each!(x, one y: y.sub(*x)),
            Do::SubSelf => each!(x: x.sub(*x)),
            Do::Mul => each!(x, y: x.mul(y)),
            Do::MulOne => each!(x, one y: x.mul(y)),
            Do::MulSelf => each!(x: x.mul(*x)),
            Do::Div => each!(x, y: x.div(y)),
            Do::DivOne => each!(x, one y: x.div(y)),
            Do::Divide => each!(x, y: y.div(*x)),
            Do::DivideOne => each!(x, one y: y.div(*x)),
            Do::DivSelf => each!(x: x.div(*x)),
            Do::Min => each!(x, y: x.min(y)),
            Do::MinOne => each!(x, one y: x.min(y)),
            Do::Max => each!(x, y: x.max(y)),
            Do::MaxOne => each!(x, one y: x.max(y)),
            Do::Neg => each!(x: x.neg()),
            Do::Abs => each!(x: x.abs()),
            Do::Sqrt => each!(x: x.sqrt()),
            Do::Floor => each!(x: x.floor()),
            Do::Ceil => each!(x: x.ceil()),
            Do::Trunc => each!(x: x.trunc()),
            Do::Nearest => each!(x: x.nearest()),
        }
    }
}
