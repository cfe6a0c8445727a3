//! Transforms along one axis: the lanes of a tensor, gathered some at a time.
//!
//! Lanes that are plans' work go in blocks. Where they do not lie one behind the other, neighbours are gathered together: so
//! whole lines of the cache are read and written. Blocks are shared by the cores. Longer lanes go
//! one after the other ([`long`](super::long)).
//!
//! Invariant: a lane's result depends on the lane alone, so how lanes are cut into blocks changes no bit.
//!
//! ```text
//! Lanes::along(&[4, 3, 5], 1, 3)   4 outer and 5 inner: 20 lanes of 3, each number 5 behind the last
//! ```

use super::long::long_lanes;
use crate::op::call::OpCall;
use crate::op::work::in_pieces;
use crate::trap::{TrapCode, TrapError};
use nbc_numerics::fft::{Complex, DIRECT, Float, Form, Plan, Plans, is_smooth};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) type Done = Result<(), TrapError>;

/// Numbers of a block that is gathered, or fewer where lanes are short.
const BLOCK: usize = 1 << 17;
/// Lanes that are gathered together: a cache line holds 4 or 8 numbers.
const TOGETHER: usize = 16;
/// Numbers of a block of short lanes.
const SHORT: usize = 1 << 11;
/// Lanes this long lie a little apart where they are gathered, as else they would share places of the cache.
const APART: usize = 128;

/// A tensor as lanes along an axis, and the result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lanes {
    /// How many there are of what lies inside.
    pub(super) outer: usize,
    /// How many lie side by side: how far apart their numbers are.
    pub(super) inner: usize,
    /// The length of what is given.
    pub(super) from: usize,
    /// The length of the result.
    pub(super) to: usize,
}

impl Lanes {
    /// Along an axis of a tensor that has elements but perhaps along it, a result of length `to`.
    pub(super) fn along(dims: &[u64], axis: usize, to: u64) -> Lanes {
        let product = |dims: &[u64]| dims.iter().map(|d| *d as usize).product();
        Lanes {
            outer: product(&dims[..axis]),
            inner: product(&dims[axis + 1..]),
            from: dims[axis] as usize,
            to: to as usize,
        }
    }
}

/// The start of elements that several threads read, or write disjoint parts of.
pub(super) struct Place<T>(pub(super) *mut T);

// SAFETY: who reaches through it says why that is sound.
unsafe impl<T: Send> Sync for Place<T> {}

impl<T> Place<T> {
    pub(super) fn get(&self) -> *mut T {
        self.0
    }

    /// The part of so many elements from `first` on.
    ///
    /// # Safety
    /// They are there, and nobody else reads or writes them while the result is used. What is not initialised is only written.
    #[allow(clippy::mut_from_ref, reason = "parts are disjoint")]
    pub(super) unsafe fn part(&self, first: usize, len: usize) -> &mut [T] {
        // SAFETY: upheld by the caller.
        unsafe { slice::from_raw_parts_mut(self.0.add(first), len) }
    }
}

/// About as many additions as a transform of `n` numbers takes.
pub(super) fn weight(n: usize) -> usize {
    let times = if is_smooth(n) { 1 } else { 4 };
    n.saturating_mul(n.max(2).ilog2() as usize + 6).saturating_mul(times)
}

/// The trap when a thread gets no room.
pub(super) fn no_room() -> TrapError {
    TrapError::new(TrapCode::OutOfMemory, "the machine has no room for a transform")
}

/// The plan of a form's transform, and of its second.
fn plans_of<F: Form>(plans: &Plans, form: &F) -> [Arc<Plan<F::Part>>; 2] {
    let (n, is_inverse) = (form.complex_len(), form.is_inverse());
    let first = plans.plan(n, is_inverse);
    let second = if F::HAS_MIDDLE { plans.plan(n, !is_inverse) } else { first.clone() };
    [first, second]
}

/// Transforms all lanes.
///
/// # Safety
/// There are as many elements at `from` and `to` as `lanes` says. They are two places, or one if the lengths are equal and the types
/// too. Nobody else writes them, or reads the result's.
pub(super) unsafe fn along<F: Form>(
    call: &mut OpCall<'_>,
    form: &F,
    lanes: Lanes,
    from: *const F::From,
    to: *mut F::To,
) -> Done {
    if form.complex_len() > DIRECT {
        // SAFETY: upheld by the caller.
        return unsafe { long_lanes(call, form, lanes, from, to) };
    }
    let plans = call.host.heap().plans().clone();
    let both = plans_of(&plans, form);
    let (from, to) = (Place(from.cast_mut()), Place(to));
    let lacks_room = AtomicBool::new(false);
    let block = Block::new(form, &lanes, &both);
    let weight = weight(form.complex_len()) * (1 + F::HAS_MIDDLE as usize) * block.width;
    in_pieces(call.host, block.count(&lanes), weight, 1, &|numbers| {
        let Ok(mut room) = plans.room::<F::Part>(block.room()) else {
            return lacks_room.store(true, Ordering::Relaxed);
        };
        for number in numbers {
            // SAFETY: blocks are disjoint lanes, and the elements are as the caller says.
            unsafe { block.run(form, &both, &lanes, number, (&from, &to), &mut room) };
        }
    })?;
    if lacks_room.into_inner() { Err(no_room()) } else { Ok(()) }
}

/// How lanes are cut into blocks, and where in a room what lies.
struct Block {
    /// Lanes of a block.
    width: usize,
    /// Numbers of a lane that count.
    used: usize,
    /// Numbers of the complex line.
    complex: usize,
    /// How far complex lines are apart.
    step: usize,
    /// Numbers of room that is needed for the lines, for those of a second transform, by plans, for
    /// what is gathered, and for results.
    rooms: [usize; 5],
    /// How far gathered lanes are apart, and results.
    steps: [usize; 2],
}

impl Block {
    fn new<F: Form>(form: &F, lanes: &Lanes, plans: &[Arc<Plan<F::Part>>; 2]) -> Block {
        let complex = form.complex_len();
        let used = form.given_len().min(lanes.from);
        let longest = complex.max(used).max(lanes.to);
        let is_strided = lanes.inner > 1;
        let most = if is_strided { lanes.inner } else { lanes.outer };
        let wanted = (SHORT / longest).max(if is_strided { TOGETHER } else { 1 });
        let width = wanted.min((BLOCK / longest).max(1)).min(most);
        let apart = |n: usize| if is_strided && n >= APART { n + 4 } else { n };
        let step = apart(complex);
        let steps = [apart(used), apart(lanes.to)];
        let numbers = |is_there: bool, size: usize, step: usize| match is_strided && is_there {
            true => (step * width * size).div_ceil(size_of::<Complex<F::Part>>()),
            false => 0,
        };
        let rooms = [
            step * width,
            if F::HAS_MIDDLE { step * width } else { 0 },
            plans[0].room().max(plans[1].room()),
            numbers(!F::IS_GATHERED, size_of::<F::From>(), steps[0]),
            numbers(!F::IS_SCATTERED, size_of::<F::To>(), steps[1]),
        ];
        Block { width, used, complex, step, rooms, steps }
    }

    /// How many blocks there are.
    fn count(&self, lanes: &Lanes) -> usize {
        match lanes.inner {
            1 => lanes.outer.div_ceil(self.width),
            inner => lanes.outer * inner.div_ceil(self.width),
        }
    }

    /// Numbers of room for one.
    fn room(&self) -> usize {
        self.rooms.iter().sum()
    }

    /// Transforms the lanes of block `number`.
    ///
    /// # Safety
    /// As [`along`]; nobody else is at these lanes.
    unsafe fn run<F: Form>(
        &self,
        form: &F,
        plans: &[Arc<Plan<F::Part>>; 2],
        lanes: &Lanes,
        number: usize,
        (from, to): (&Place<F::From>, &Place<F::To>),
        room: &mut [Complex<F::Part>],
    ) {
        let (lines, room) = room.split_at_mut(self.rooms[0]);
        let (others, room) = room.split_at_mut(self.rooms[1]);
        let (scratch, room) = room.split_at_mut(self.rooms[2]);
        let (gathered, results) = room.split_at_mut(self.rooms[3]);
        if lanes.inner == 1 {
            let first = number * self.width;
            let width = self.width.min(lanes.outer - first);
            // Lanes of which some is cut off do not lie one behind the other.
            let is_whole = self.used == self.complex && lanes.from == self.complex;
            if F::IS_GATHERED && F::IS_SCATTERED && !F::HAS_MIDDLE && is_whole {
                // SAFETY: lanes one behind the other are there, and this block's.
                return unsafe {
                    in_place(form, &plans[0], (from, to), first * self.complex, width, scratch)
                };
            }
            for (lane, line) in (first..).zip(lines.chunks_mut(self.step).take(width)) {
                // SAFETY: the lane is there; nobody writes it but this block, below.
                let x = unsafe { slice::from_raw_parts(from.get().add(lane * lanes.from), self.used) };
                form.before(x, 0, line);
            }
            let lines = self.transform(form, plans, width, lines, others, scratch);
            for (lane, line) in (first..).zip(lines.chunks(self.step).take(width)) {
                // SAFETY: the lane of the result is there, and this block's.
                form.after(line, 0, unsafe { to.part(lane * lanes.to, lanes.to) });
            }
            return;
        }
        let blocks = lanes.inner.div_ceil(self.width);
        let (outer, first) = (number / blocks, number % blocks * self.width);
        let width = self.width.min(lanes.inner - first);
        let row_of = |n: usize, at: usize| (outer * n + at) * lanes.inner + first;
        for j in 0..self.used {
            // SAFETY: the row is there; nobody writes these lanes but this block, below.
            let row = unsafe { slice::from_raw_parts(from.get().add(row_of(lanes.from, j)), width) };
            if F::IS_GATHERED {
                // SAFETY: such a form says that what is given is complex.
                let row = unsafe { slice::from_raw_parts(row.as_ptr().cast::<Complex<F::Part>>(), width) };
                spread(row, lines, self.step, j);
            } else {
                // SAFETY: the room is as large, and holds numbers, which are such elements or their parts.
                let gathered = unsafe { seen_as::<F::From, F::Part>(gathered, self.steps[0] * self.width) };
                spread(row, gathered, self.steps[0], j);
            }
        }
        if F::IS_GATHERED {
            for line in lines.chunks_mut(self.step).take(width) {
                line[self.used..self.complex].fill(Complex::default());
            }
        } else {
            // SAFETY: as above.
            let gathered = unsafe { seen_as::<F::From, F::Part>(gathered, self.steps[0] * self.width) };
            for (lane, line) in lines.chunks_mut(self.step).take(width).enumerate() {
                let x = &gathered[lane * self.steps[0]..][..self.used];
                form.before(x, 0, &mut line[..self.complex]);
            }
        }
        let lines = self.transform(form, plans, width, lines, others, scratch);
        // SAFETY: as for what is gathered.
        let results = unsafe {
            seen_as::<F::To, F::Part>(results, if F::IS_SCATTERED { 0 } else { self.steps[1] * self.width })
        };
        if !F::IS_SCATTERED {
            for (line, y) in lines.chunks(self.step).zip(results.chunks_mut(self.steps[1])).take(width) {
                form.after(&line[..self.complex], 0, &mut y[..lanes.to]);
            }
        }
        let scale = form.scale();
        for k in 0..lanes.to {
            if F::IS_SCATTERED {
                let to = Place(to.get().cast::<Complex<F::Part>>());
                // SAFETY: such a form says that the result is complex; this block's part of the row.
                let row = unsafe { to.part(row_of(lanes.to, k), width) };
                for (lane, y) in row.iter_mut().enumerate() {
                    *y = lines[lane * self.step + k] * scale;
                }
            } else {
                // SAFETY: as above.
                let row = unsafe { to.part(row_of(lanes.to, k), width) };
                for (lane, y) in row.iter_mut().enumerate() {
                    *y = results[lane * self.steps[1] + k];
                }
            }
        }
    }

    /// Transforms `width` complex lines, and returns where they are then.
    fn transform<'r, F: Form>(
        &self,
        form: &F,
        plans: &[Arc<Plan<F::Part>>; 2],
        width: usize,
        lines: &'r mut [Complex<F::Part>],
        others: &'r mut [Complex<F::Part>],
        scratch: &mut [Complex<F::Part>],
    ) -> &'r [Complex<F::Part>] {
        self.each(&plans[0], width, lines, scratch);
        if !F::HAS_MIDDLE {
            return lines;
        }
        for (line, other) in lines.chunks(self.step).zip(others.chunks_mut(self.step)).take(width) {
            form.middle(&line[..self.complex], 0, &mut other[..self.complex]);
        }
        self.each(&plans[1], width, others, scratch);
        others
    }

    fn each<T: Float>(
        &self,
        plan: &Plan<T>,
        width: usize,
        lines: &mut [Complex<T>],
        scratch: &mut [Complex<T>],
    ) {
        if self.step == self.complex {
            plan.run(&mut lines[..width * self.complex], scratch);
        } else {
            for line in lines.chunks_mut(self.step).take(width) {
                plan.run(&mut line[..self.complex], scratch);
            }
        }
    }
}

/// Puts number `at` of each lane, which lie side by side, into its line.
#[inline(always)]
fn spread<T: Copy>(row: &[T], lines: &mut [T], step: usize, at: usize) {
    for (lane, x) in row.iter().enumerate() {
        lines[lane * step + at] = *x;
    }
}

/// Complex numbers seen as so many elements.
///
/// # Safety
/// There is room for as many. They are of type `T` or complex numbers of that.
unsafe fn seen_as<E, T: Float>(numbers: &mut [Complex<T>], len: usize) -> &mut [E] {
    debug_assert!(len * size_of::<E>() <= size_of_val(numbers));
    // SAFETY: upheld by the caller.
    unsafe { slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), len) }
}

/// Transforms `width` lanes from element `first` on straight into the result, or in place.
///
/// # Safety
/// They are there, one behind the other, and nobody else's; elements are complex numbers.
unsafe fn in_place<F: Form>(
    form: &F,
    plan: &Plan<F::Part>,
    (from, to): (&Place<F::From>, &Place<F::To>),
    first: usize,
    width: usize,
    scratch: &mut [Complex<F::Part>],
) {
    let len = width * plan.len();
    let is_in_place = from.get().cast::<u8>() == to.get().cast::<u8>();
    // SAFETY: upheld by the caller.
    let lines = unsafe { slice::from_raw_parts_mut(to.get().cast::<Complex<F::Part>>().add(first), len) };
    if is_in_place {
        plan.run(lines, scratch);
    } else {
        // SAFETY: as above; the argument is another place.
        let from = unsafe { slice::from_raw_parts(from.get().cast::<Complex<F::Part>>().add(first), len) };
        plan.run_apart(from, lines, scratch);
    }
    let scale = form.scale();
    if scale != F::Part::of(1.0) {
        lines.iter_mut().for_each(|z| *z = *z * scale);
    }
}
