//! Running sums and products, and differences of neighbours.
//!
//! Invariant: a running sum adds one element after the other, from the first on, so its bits
//! are those of a plain loop. Lanes side by side are added together, and on all cores.

use super::number::Number;
use super::simd::{Work, dispatch};
use super::work::{Leave, fill, for_units};
use super::{OpCall, Output};
use crate::object::Element;
use crate::object::element::with_elem;
use crate::trap::TrapError;
use nbc_ir::dims::Dims;
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

/// Lanes that go side by side.
const COLUMNS: usize = 256;
/// How many times as long as an addition beside others one takes that waits for the one before it.
const ALONE: usize = 7;
/// Steps between two questions to the host.
const STEPS: usize = 1 << 16;

/// One step of lanes side by side: each total, with the next element.
struct Step<'w, T, F> {
    before: &'w [MaybeUninit<T>],
    x: &'w [T],
    to: &'w mut [MaybeUninit<T>],
    f: F,
}

impl<T: Copy, F: Fn(T, T) -> T> Work for Step<'_, T, F> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        for ((to, before), x) in self.to.iter_mut().zip(self.before).zip(self.x) {
            // SAFETY: the step before has been written.
            to.write((self.f)(unsafe { before.assume_init() }, *x));
        }
    }
}

/// Runs `f` along lanes of `n` elements that lie `inner` apart.
fn along<T: Element>(
    call: &mut OpCall<'_>,
    (n, inner): (usize, usize),
    f: impl Fn(T, T) -> T + Copy + Sync,
) -> Done {
    let x = call.input::<T>(0);
    let out: Output<'_, T> = call.output(&call.tensor(0).dims())?;
    if x.is_empty() {
        // SAFETY: there are no elements.
        unsafe { call.finish(out) };
        return Ok(());
    }
    let leave = Leave::of(&mut *call.host);
    let wide = inner.min(COLUMNS);
    let parts = inner.div_ceil(COLUMNS);
    let count = x.len() / (n * inner) * parts;
    let unit = |unit: usize, to: *mut MaybeUninit<T>| {
        let (slab, column) = (unit / parts, unit % parts * COLUMNS);
        let (start, width) = (slab * n * inner + column, COLUMNS.min(inner - column));
        // SAFETY: the place is one of the result, and columns of a slab are this unit's alone.
        let row = |k: usize| unsafe { std::slice::from_raw_parts_mut(to.add(start + k * inner), width) };
        if width == 1 {
            let mut total = x[start];
            row(0)[0].write(total);
            for k in 1..n {
                if k % STEPS == 0 && !leave.go_on() {
                    return;
                }
                total = f(total, x[start + k * inner]);
                row(k)[0].write(total);
            }
            return;
        }
        row(0).write_copy_of_slice(&x[start..start + width]);
        for k in 1..n {
            if k % (STEPS / COLUMNS) == 0 && !leave.go_on() {
                return;
            }
            let from = start + k * inner;
            dispatch(Step { before: row(k - 1), x: &x[from..from + width], to: row(k), f });
        }
    };
    // By itself a total waits for the one before it.
    let weight = n.saturating_mul(if wide == 1 { ALONE } else { wide });
    // SAFETY: each unit writes the columns of its slab, and no other.
    unsafe { for_units(call.host, &mut *out.elements, (count, weight), unit)? };
    leave.granted()?;
    // SAFETY: the slabs' columns are all of the result.
    unsafe { call.finish(out) };
    Ok(())
}

/// The length of the axis in argument 1, and how far its elements lie apart.
pub(super) fn axis(call: &OpCall<'_>) -> Result<(usize, usize, usize), TrapError> {
    let dims = call.tensor(0).dims();
    let axis = call.axis(1, dims.len())?;
    // Where another dim is 0 it may be more than there is, and does not matter.
    let inner = dims[axis + 1..].iter().fold(1usize, |n, d| n.saturating_mul(*d as usize));
    Ok((axis, dims[axis] as usize, inner))
}

macro_rules! kernels {
    ($($all:ident $one:ident $f:expr;)*) => {$(
        pub(super) fn $all(call: &mut OpCall<'_>) -> Done {
            let n = call.tensor(0).len();
            with_elem!(number call.elem(0), T => along::<T>(call, (n, 1), $f))
        }
        pub(super) fn $one(call: &mut OpCall<'_>) -> Done {
            let (_, n, inner) = axis(call)?;
            with_elem!(number call.elem(0), T => along::<T>(call, (n, inner), $f))
        }
    )*};
}

kernels! {
    tensor_cumsum tensor_cumsum_axis |total, x| total.add(x);
    tensor_cumprod tensor_cumprod_axis |total, x| total.mul(x);
}

/// The differences of elements that lie `apart`.
struct Differences<'w, T> {
    x: &'w [T],
    apart: usize,
    to: &'w mut [MaybeUninit<T>],
}

impl<T: Number> Work for Differences<'_, T> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        let Differences { x, apart, to } = self;
        for ((to, before), after) in to.iter_mut().zip(x).zip(&x[apart..]) {
            to.write(after.sub(*before));
        }
    }
}

/// The dims of differences along the axis in argument 1.
pub(super) fn shorter(call: &OpCall<'_>) -> Result<Dims, TrapError> {
    let (axis, n, _) = axis(call)?;
    let mut dims = call.tensor(0).dims();
    dims[axis] = n.saturating_sub(1) as u64;
    Ok(dims)
}

pub(super) fn tensor_diff(call: &mut OpCall<'_>) -> Done {
    let (_, n, inner) = axis(call)?;
    let dims = shorter(call)?;
    with_elem!(number call.elem(0), T => {
        let x = call.input::<T>(0);
        let out: Output<'_, T> = call.output(&dims)?;
        let slab = (n.saturating_sub(1)).saturating_mul(inner);
        fill(call.host, &mut *out.elements, 1, |start, piece: &mut [MaybeUninit<T>]| {
            let mut done = 0;
            while done < piece.len() {
                let (outer, at) = ((start + done) / slab, (start + done) % slab);
                let count = (slab - at).min(piece.len() - done);
                let from = outer * n * inner + at;
                let to = &mut piece[done..done + count];
                dispatch(Differences { x: &x[from..from + count + inner], apart: inner, to });
                done += count;
            }
        })?;
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}
