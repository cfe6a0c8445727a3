//! Lanes that are longer than one plan: one after the other, each shared by the cores.
//!
//! A line is split into two passes over short lines, or convolved with a chirp, by its length alone
//! ([`route`](nbc_numerics::fft::route)). Each pass is cut into blocks, and between some of them the host is asked.
//!
//! Invariant: room for lines is taken from the heap, and so counted; room of a block is of bounded size.
//!
//! ```text
//! 1 048 576 numbers: 1024 columns of 1024, gathered by 16; each number turned; 1024 rows, scattered by 16
//! ```

use super::lanes::{Done, Lanes, Place, no_room, weight};
use crate::op::call::OpCall;
use crate::op::simd::{Work, dispatch};
use crate::op::sort::space;
use crate::op::work::{as_part, in_pieces};
use crate::placement::Part;
use nbc_numerics::fft::chirp::Chirp;
use nbc_numerics::fft::split::turn;
use nbc_numerics::fft::{Complex, Float, Form, Plan, Plans, Roots, Route, route};
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};

/// Columns or rows of a block.
const TOGETHER: usize = 16;
/// What lines of a block are longer apart than they are.
const APART: usize = 4;

/// A transform of one long line.
#[derive(Clone, Copy)]
pub(super) struct Long {
    pub(super) n: usize,
    pub(super) is_inverse: bool,
}

/// Transforms all lanes, each longer than one plan.
///
/// # Safety
/// As [`along`](super::lanes::along).
pub(super) unsafe fn long_lanes<F: Form>(
    call: &mut OpCall<'_>,
    form: &F,
    lanes: Lanes,
    from: *const F::From,
    to: *mut F::To,
) -> Done {
    let work = |call: &mut OpCall<'_>| {
        let first = Long { n: form.complex_len(), is_inverse: form.is_inverse() };
        let second = Long { is_inverse: !first.is_inverse, ..first };
        let used = form.given_len().min(lanes.from);
        let is_strided = lanes.inner > 1;
        if F::IS_GATHERED
            && F::IS_SCATTERED
            && !F::HAS_MIDDLE
            && !is_strided
            && lanes.from == first.n
            && let Some(Route::Split { rows, columns }) = route(first.n)
        {
            // Without copies: from the argument to the result.
            let spare = space::<Complex<F::Part>>(call, first.n)?;
            for lane in 0..lanes.outer {
                let places = (from.cast::<Complex<F::Part>>(), to.cast::<Complex<F::Part>>());
                // SAFETY: lanes are there; such a form says that elements are complex.
                unsafe {
                    let places = (places.0.add(lane * first.n), places.1.add(lane * first.n));
                    split(call, first, [rows, columns], places, spare, form.scale())?;
                }
            }
            return Ok(());
        }
        let z = space::<Complex<F::Part>>(call, first.n)?;
        let spare = space::<Complex<F::Part>>(call, first.n)?;
        let gathered = space::<F::From>(call, if is_strided { used } else { 0 })?;
        let results = space::<F::To>(call, if is_strided { lanes.to } else { 0 })?;
        for lane in 0..lanes.outer * lanes.inner {
            let (outer, inner) = (lane / lanes.inner, lane % lanes.inner);
            let (start, end) =
                (outer * lanes.from * lanes.inner + inner, outer * lanes.to * lanes.inner + inner);
            if is_strided {
                let from = Place(from.cast_mut());
                pieces(call, gathered, 4, &|first, piece| {
                    for (j, x) in (first..).zip(piece) {
                        // SAFETY: the lane is there, and nobody writes it meanwhile.
                        *x = unsafe { *from.get().add(start + j * lanes.inner) };
                    }
                })?;
            }
            // SAFETY: the lane is there; results are written when it has been read.
            let direct = unsafe { slice::from_raw_parts(from.add(start), if is_strided { 0 } else { used }) };
            let x = if is_strided { &*gathered } else { direct };
            if F::IS_PAIRED
                && x.len() == 2 * first.n
                && let Some(Route::Split { rows, columns }) = route(first.n)
            {
                // Without a copy.
                let places = (x.as_ptr().cast::<Complex<F::Part>>(), z.as_mut_ptr());
                // SAFETY: such a form says that pairs of what is given are the line; `z` is as long, and another place.
                unsafe { split(call, first, [rows, columns], places, spare, F::Part::of(1.0))? };
            } else {
                pieces(call, z, 2, &|first, piece| form.before(x, first, piece))?;
                long(call, first, z, spare)?;
            }
            if F::HAS_MIDDLE {
                let before = &*z;
                pieces(call, spare, 4, &|first, piece| form.middle(before, first, piece))?;
                long(call, second, spare, z)?;
            }
            let z = if F::HAS_MIDDLE { &*spare } else { &*z };
            if is_strided {
                pieces(call, results, 4, &|first, piece| form.after(z, first, piece))?;
                let (results, to) = (&*results, Place(to));
                in_pieces(call.host, lanes.to, 4, 1, &|piece| {
                    for k in piece {
                        // SAFETY: the lane of the result is there, and each place is one piece's.
                        unsafe { to.get().add(end + k * lanes.inner).write(results[k]) };
                    }
                })?;
            } else {
                // SAFETY: the lane of the result is there, and nobody else's.
                let y = unsafe { slice::from_raw_parts_mut(to.add(end), lanes.to) };
                pieces(call, y, 4, &|first, piece| form.after(z, first, piece))?;
            }
        }
        Ok(())
    };
    // SAFETY: nothing that is made in there is used behind it.
    unsafe { call.with_working_space(work) }
}

/// Has every piece of `to` written, as `write` is told its first place. `weight` is how many additions an element takes.
pub(super) fn pieces<T: Send>(
    call: &mut OpCall<'_>,
    to: &mut [T],
    weight: usize,
    write: &(dyn Fn(usize, &mut [T]) + Sync),
) -> Done {
    let place = Place(to.as_mut_ptr());
    as_part(call.host, Part::Pass, |host| {
        in_pieces(host, to.len(), weight, 1, &|piece| {
            // SAFETY: pieces are disjoint parts of `to`, which is borrowed exclusively until all are done.
            write(piece.start, unsafe { place.part(piece.start, piece.len()) });
        })
    })
}

/// Transforms a line in place; `spare` is as long.
pub(super) fn long<T: Float>(
    call: &mut OpCall<'_>,
    long: Long,
    line: &mut [Complex<T>],
    spare: &mut [Complex<T>],
) -> Done {
    match route(long.n) {
        Some(Route::Split { rows, columns }) => {
            let start = line.as_mut_ptr();
            // SAFETY: the line and the other are as long as is said, and borrowed exclusively.
            unsafe { split(call, long, [rows, columns], (start, start), spare, T::one()) }
        }
        Some(Route::Chirp { over }) => chirp(call, long, over, line),
        Some(Route::Direct) => {
            let plans = call.host.heap().plans().clone();
            let plan = plans.plan::<T>(long.n, long.is_inverse);
            let mut room = plans.room::<T>(plan.room()).map_err(|_| no_room())?;
            plan.run(line, &mut room);
            Ok(())
        }
        None => Err(no_room()),
    }
}

/// A transform by a convolution with a chirp, over lines of length `over`.
fn chirp<T: Float>(call: &mut OpCall<'_>, this: Long, over: usize, line: &mut [Complex<T>]) -> Done {
    let work = |call: &mut OpCall<'_>| {
        let sums = space::<Complex<T>>(call, over)?;
        let wave = space::<Complex<T>>(call, over)?;
        let spare = space::<Complex<T>>(call, over)?;
        let chirp = Chirp::<T>::new(this.n, over, this.is_inverse);
        let (there, back) = (Long { n: over, is_inverse: false }, Long { n: over, is_inverse: true });
        let given = &*line;
        pieces(call, sums, 16, &|first, piece| chirp.before(given, first, piece))?;
        long(call, there, sums, spare)?;
        pieces(call, wave, 16, &|first, piece| chirp.wave(first, piece))?;
        long(call, there, wave, spare)?;
        let wave = &*wave;
        pieces(call, sums, 4, &|first, piece| {
            piece.iter_mut().zip(&wave[first..]).for_each(|(sum, wave)| *sum = *sum * *wave);
        })?;
        long(call, back, sums, spare)?;
        let sums = &*sums;
        pieces(call, line, 16, &|first, piece| chirp.after(sums, T::one(), first, piece))
    };
    // SAFETY: nothing that is made in there is used behind it.
    unsafe { call.with_working_space(work) }
}

/// A turn of columns, for several instruction sets.
struct Turn<'t, T> {
    columns: &'t mut [Complex<T>],
    rows: usize,
    first: usize,
    roots: &'t Roots<T>,
    this: Long,
}

impl<T: Float> Work for Turn<'_, T> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        turn(self.columns, self.rows, self.first, self.roots, self.this.n, self.this.is_inverse);
    }
}

/// A line as a matrix of so many rows and columns, from one place to another or the same; `spare` is as long. The result is
/// multiplied by `scale`.
///
/// # Safety
/// There are lines at both places; nobody else writes them, or reads the result's.
unsafe fn split<T: Float>(
    call: &mut OpCall<'_>,
    this: Long,
    [rows, columns]: [usize; 2],
    (from, to): (*const Complex<T>, *mut Complex<T>),
    spare: &mut [Complex<T>],
    scale: T,
) -> Done {
    let plans = call.host.heap().plans().clone();
    let roots = plans.roots::<T>(this.n as u64, this.n);
    let (from, to, spare) = (Place(from.cast_mut()), Place(to), Place(spare.as_mut_ptr()));
    let plan = plans.plan::<T>(rows, this.is_inverse);
    blocks(call, &plans, &plan, columns, &|block, scratch, first, width| {
        for r in 0..rows {
            // SAFETY: a piece of a row, which nobody writes in this pass.
            let row = unsafe { slice::from_raw_parts(from.get().add(r * columns + first), width) };
            for (c, z) in row.iter().enumerate() {
                block[c * (rows + APART) + r] = *z;
            }
        }
        for (c, column) in block.chunks_mut(rows + APART).take(width).enumerate() {
            let column = &mut column[..rows];
            plan.run(column, scratch);
            dispatch(Turn { columns: column, rows, first: first + c, roots: &roots, this });
        }
        for r in 0..rows {
            // SAFETY: a piece of a row, of columns that are this block's.
            let row = unsafe { spare.part(r * columns + first, width) };
            for (c, z) in row.iter_mut().enumerate() {
                *z = block[c * (rows + APART) + r];
            }
        }
    })?;
    let plan = plans.plan::<T>(columns, this.is_inverse);
    blocks(call, &plans, &plan, rows, &|block, scratch, first, width| {
        for (r, row) in block.chunks_mut(columns + APART).take(width).enumerate() {
            let row = &mut row[..columns];
            // SAFETY: a row that is this block's.
            row.copy_from_slice(unsafe { spare.part((first + r) * columns, columns) });
            plan.run(row, scratch);
        }
        for l in 0..columns {
            // SAFETY: numbers of the result that are this block's.
            let to = unsafe { to.part(l * rows + first, width) };
            for (r, z) in to.iter_mut().enumerate() {
                *z = block[r * (columns + APART) + l] * scale;
            }
        }
    })
}

/// What is done with a block of lines: the block, room for the plan, the number of its first line, and how many there are.
type OfBlock<'r, T> = dyn Fn(&mut [Complex<T>], &mut [Complex<T>], usize, usize) + Sync + 'r;

/// Runs `run` for blocks of `count` lines of a plan.
fn blocks<T: Float>(
    call: &mut OpCall<'_>,
    plans: &Plans,
    plan: &Plan<T>,
    count: usize,
    run: &OfBlock<'_, T>,
) -> Done {
    let step = plan.len() + APART;
    let together = ((1 << 18) / step).clamp(1, TOGETHER);
    let lacks_room = AtomicBool::new(false);
    in_pieces(call.host, count.div_ceil(together), weight(plan.len()) * together, 1, &|numbers| {
        let Ok(mut room) = plans.room::<T>(step * together + plan.room()) else {
            return lacks_room.store(true, Ordering::Relaxed);
        };
        let (block, scratch) = room.split_at_mut(step * together);
        for number in numbers {
            let first = number * together;
            run(block, scratch, first, together.min(count - first));
        }
    })?;
    if lacks_room.into_inner() { Err(no_room()) } else { Ok(()) }
}
