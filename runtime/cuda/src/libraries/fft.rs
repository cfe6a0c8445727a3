//! Fourier transforms by cuFFT.
//!
//! Axes that are the last ones, up to three of them, are one transform of cuFFT; others go one after the other, each over the
//! lines along it. Real transforms have their half along the last axis that is given, as on the processor.
//!
//! cuFFT does not scale, nor change lengths: kernels of our own do. It is lent the memory that it works in, so the
//! device's limit holds. Plans are kept, a few of them, for making one takes longer than most transforms.

use super::Library;
use crate::device::{Cuda, address, count, elem_of, locked};
use crate::kernels::between::Lines;
use cudarc::cufft::sys::{self, cufftType as Type};
use cudarc::driver::result;
use nbc_ir::Elem;
use nbc_runtime::device::{DeviceCall, DeviceError};

/// What is called.
pub(super) const FUNCTIONS: &[&str] = &[
    "cufftCreate",
    "cufftDestroy",
    "cufftSetAutoAllocation",
    "cufftMakePlanMany64",
    "cufftSetStream",
    "cufftSetWorkArea",
    "cufftExecC2C",
    "cufftExecZ2Z",
    "cufftExecR2C",
    "cufftExecD2Z",
    "cufftExecC2R",
    "cufftExecZ2D",
];

/// How many plans are kept; the one that was used longest ago goes first.
const PLANS: usize = 32;
/// Axes of a transform of cuFFT.
const MOST_AXES: usize = 3;

/// Which transform an operation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transform {
    Forward,
    Inverse,
    /// Of real numbers.
    Real,
    /// To real numbers.
    RealInverse,
}

/// What a plan is for: transforms of `n` numbers along axes that follow each other, `batch` of them, whose elements are
/// so far apart, and which are themselves.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Shape {
    n: Vec<u64>,
    batch: u64,
    step: u64,
    /// From one to the next, on both sides.
    between: [u64; 2],
    kind: Type,
}

impl Shape {
    /// That along so many of the last axes.
    fn of_last(dims: &[u64], axes: usize, kind: Type) -> Shape {
        let (outer, n) = dims.split_at(dims.len() - axes);
        let size: u64 = n.iter().product();
        Shape { n: n.to_vec(), batch: count(outer), step: 1, between: [size; 2], kind }
    }
}

/// Whether several axes are the last ones, as many as a plan may have, in any order.
fn are_last(axes: &[usize], rank: usize) -> bool {
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    (2..=MOST_AXES).contains(&axes.len()) && sorted.into_iter().eq(rank - axes.len()..rank)
}

/// A plan of cuFFT, and how many bytes it works in.
struct Plan {
    shape: Shape,
    number: sys::cufftHandle,
    work: usize,
    used: u64,
}

/// The plans that are kept.
#[derive(Default)]
pub(crate) struct Plans {
    all: Vec<Plan>,
    uses: u64,
}

impl Plans {
    /// Gives all back. The context is current, and nothing is queued.
    pub(crate) fn destroy(&mut self) {
        for plan in self.all.drain(..) {
            // SAFETY: it was made, and nobody uses it any more.
            let _ = unsafe { sys::cufftDestroy(plan.number) };
        }
    }
}

/// A transform along one axis or several that follow each other.
struct Pass {
    from: u64,
    to: u64,
    shape: Shape,
    is_inverse: bool,
}

fn wrong(why: &str) -> DeviceError {
    DeviceError(why.to_owned())
}

/// The kind of complex transforms, and that of real ones each way.
fn kinds(elem: Elem) -> [Type; 3] {
    match elem {
        Elem::F32 | Elem::C64 => [Type::CUFFT_C2C, Type::CUFFT_R2C, Type::CUFFT_C2R],
        _ => [Type::CUFFT_Z2Z, Type::CUFFT_D2Z, Type::CUFFT_Z2D],
    }
}

/// Elements on the way through the passes: where they are, and their dims.
struct Here<'a> {
    at: u64,
    dims: Vec<u64>,
    /// Whether they may be written over.
    is_ours: bool,
    /// Memory that is in use until all is queued.
    held: Vec<crate::device::Scratch<'a>>,
}

impl Cuda {
    /// A Fourier transform.
    pub(crate) fn run_transform(
        &self,
        transform: Transform,
        call: &DeviceCall<'_>,
    ) -> Result<(), DeviceError> {
        let (Some(argument), [scale, n, axes @ ..]) = (call.args.first(), call.found) else {
            return Err(wrong("no transform is said"));
        };
        let axes: Vec<usize> = axes.iter().map(|axis| *axis as usize).collect();
        let elem = elem_of(argument).ok_or_else(|| wrong("nothing to transform"))?;
        let (from, held) = self.sent(argument)?;
        let mut here = Here {
            at: from,
            dims: argument.dims().to_vec(),
            is_ours: held.is_some(),
            held: held.into_iter().collect(),
        };
        let complex = if matches!(elem, Elem::F32 | Elem::C64) { Elem::C64 } else { Elem::C128 };
        let to = address(call);
        let result = call.result.dims;
        // SAFETY: every pass goes from memory with the dims that are here to memory with those behind it.
        unsafe {
            match transform {
                Transform::Forward | Transform::Inverse => {
                    let is_inverse = transform == Transform::Inverse;
                    self.complex_passes(&mut here, (complex, is_inverse), &axes, result, Some(to), call)?;
                }
                Transform::Real => {
                    let (last, others) = axes.split_last().ok_or_else(|| wrong("no axes"))?;
                    self.fit_axis(&mut here, elem, *last, *n)?;
                    if are_last(&axes, here.dims.len()) && *last + 1 == here.dims.len() {
                        for axis in others {
                            self.fit_axis(&mut here, elem, *axis, result[*axis])?;
                        }
                        let mut shape = Shape::of_last(&here.dims, axes.len(), kinds(complex)[1]);
                        shape.between[1] = shape.between[0] / n * (n / 2 + 1);
                        self.execute(&Pass { from: here.at, to, shape, is_inverse: false })?;
                        return self.finish_transform(call, f64::from_bits(*scale));
                    }
                    let mut dims = here.dims.clone();
                    dims[*last] = n / 2 + 1;
                    // Where other axes are cut off or filled up yet, it is no place for the result.
                    let target = if dims == result { to } else { self.room(&mut here, &dims, complex)? };
                    let lines = Lines::along(&here.dims, *last);
                    self.line_passes(&here, (target, *n), lines, kinds(complex)[1], false, call)?;
                    here = Here { at: target, dims, is_ours: true, held: here.held };
                    self.complex_passes(&mut here, (complex, false), others, result, Some(to), call)?;
                }
                Transform::RealInverse => {
                    let (last, others) = axes.split_last().ok_or_else(|| wrong("no axes"))?;
                    let mut middle = result.to_vec();
                    middle[*last] = n / 2 + 1;
                    self.complex_passes(&mut here, (complex, true), others, &middle, None, call)?;
                    self.fit_axis(&mut here, complex, *last, middle[*last])?;
                    // cuFFT writes into what it transforms to real numbers, so it is to be ours.
                    if !here.is_ours {
                        let room = self.room(&mut here, &middle, complex)?;
                        let bytes = count(&middle) as usize * complex.size();
                        self.noted(result::memcpy_dtod_async(room, here.at, bytes, self.stream))?;
                        here.at = room;
                    }
                    let lines = Lines::along(&middle, *last);
                    self.real_ends(complex, here.at, lines, *n)?;
                    self.line_passes(&here, (to, *n), lines, kinds(complex)[2], true, call)?;
                }
            }
        }
        self.finish_transform(call, f64::from_bits(*scale))
    }

    /// Multiplies the result of a transform.
    fn finish_transform(&self, call: &DeviceCall<'_>, scale: f64) -> Result<(), DeviceError> {
        let n = count(call.result.dims);
        if scale != 1.0 {
            // SAFETY: the result has so many elements.
            unsafe { self.scale(call.result.elem, address(call), n, scale)? };
        }
        self.pace(n.saturating_mul(call.result.elem.size() as u64), call.must_stop)
    }

    /// Memory for elements of those dims.
    fn room<'a>(&'a self, here: &mut Here<'a>, dims: &[u64], elem: Elem) -> Result<u64, DeviceError> {
        let bytes = count(dims).checked_mul(elem.size() as u64).and_then(|b| usize::try_from(b).ok());
        let scratch = self.scratch(bytes.ok_or_else(|| wrong("too many elements"))?)?;
        let at = scratch.address;
        here.held.push(scratch);
        Ok(at)
    }

    /// Lines along an axis get the length that is wanted.
    ///
    /// # Safety
    /// Elements are where `here` says.
    unsafe fn fit_axis<'a>(
        &'a self,
        here: &mut Here<'a>,
        elem: Elem,
        axis: usize,
        wanted: u64,
    ) -> Result<(), DeviceError> {
        if here.dims[axis] == wanted {
            return Ok(());
        }
        let lines = Lines::along(&here.dims, axis);
        let mut dims = here.dims.clone();
        dims[axis] = wanted;
        let room = self.room(here, &dims, elem)?;
        // SAFETY: the room is as large.
        unsafe { self.fit(elem, [room, here.at], lines, wanted)? };
        (here.at, here.dims, here.is_ours) = (room, dims, true);
        Ok(())
    }

    /// Complex transforms along axes, whose lengths are those of `wanted`. The last pass goes to `to`, if there is a place.
    ///
    /// # Safety
    /// Elements are where `here` says, and the place has those of the dims that are wanted.
    unsafe fn complex_passes<'a>(
        &'a self,
        here: &mut Here<'a>,
        (elem, is_inverse): (Elem, bool),
        axes: &[usize],
        wanted: &[u64],
        to: Option<u64>,
        call: &DeviceCall<'_>,
    ) -> Result<(), DeviceError> {
        let kind = kinds(elem)[0];
        for axis in axes {
            // SAFETY: upheld by the caller.
            unsafe { self.fit_axis(here, elem, *axis, wanted[*axis])? };
        }
        let is_there = |here: &Here<'_>| to == Some(here.at);
        let target = |here: &mut Here<'a>| match to {
            Some(to) => Ok(to),
            None if here.is_ours => Ok(here.at),
            None => {
                let dims = here.dims.clone();
                self.room(here, &dims, elem)
            }
        };
        if are_last(axes, here.dims.len()) {
            let shape = Shape::of_last(&here.dims, axes.len(), kind);
            let to = target(here)?;
            // SAFETY: both places have the elements of these dims.
            unsafe { self.execute(&Pass { from: here.at, to, shape, is_inverse })? };
            (here.at, here.is_ours) = (to, true);
            return Ok(());
        }
        for axis in axes {
            let to = target(here)?;
            let lines = Lines::along(&here.dims, *axis);
            // SAFETY: as above.
            unsafe { self.line_passes(here, (to, lines.n), lines, kind, is_inverse, call)? };
            (here.at, here.is_ours) = (to, true);
        }
        if let Some(to) = to.filter(|_| !is_there(here)) {
            let bytes = count(&here.dims) as usize * elem.size();
            // SAFETY: as above.
            self.noted(unsafe { result::memcpy_dtod_async(to, here.at, bytes, self.stream) })?;
            (here.at, here.is_ours) = (to, true);
        }
        Ok(())
    }

    /// Transforms of `n` numbers along lines, which are those on the side that is read.
    ///
    /// # Safety
    /// Elements are where `here` says, and there is room for those of the other side.
    unsafe fn line_passes(
        &self,
        here: &Here<'_>,
        (to, n): (u64, u64),
        lines: Lines,
        kind: Type,
        is_inverse: bool,
        call: &DeviceCall<'_>,
    ) -> Result<(), DeviceError> {
        let Lines { outer, n: read, inner } = lines;
        let (of_real, to_real) = (
            matches!(kind, Type::CUFFT_R2C | Type::CUFFT_D2Z),
            matches!(kind, Type::CUFFT_C2R | Type::CUFFT_Z2D),
        );
        let written = if of_real { n / 2 + 1 } else { n };
        let is_double = matches!(kind, Type::CUFFT_Z2Z | Type::CUFFT_D2Z | Type::CUFFT_Z2D);
        let size = |is_real: bool| if is_double { 16u64 } else { 8 } / if is_real { 2 } else { 1 };
        // Lines of one batch are as far apart from each other: those within, or one of each of the outer ones.
        let (batch, between, times, apart) = match inner <= outer {
            true => (outer, [read * inner, written * inner], inner, [1, 1]),
            false => (inner, [1, 1], outer, [read * inner, written * inner]),
        };
        let shape = Shape { n: vec![n], batch, step: inner, between, kind };
        for at in 0..times {
            let from = here.at + at * apart[0] * size(of_real);
            let to = to + at * apart[1] * size(to_real);
            // SAFETY: upheld by the caller.
            unsafe { self.execute(&Pass { from, to, shape: shape.clone(), is_inverse })? };
            if (call.must_stop)() {
                return Err(wrong("the program has to stop"));
            }
        }
        Ok(())
    }

    /// Queues a pass.
    ///
    /// # Safety
    /// The elements of its shape are there on both sides.
    unsafe fn execute(&self, pass: &Pass) -> Result<(), DeviceError> {
        if !self.has(Library::Fft) {
            return Err(wrong("cuFFT is not there"));
        }
        let mut plans = locked(&self.plans);
        let (number, work) = self.plan(&mut plans, &pass.shape)?;
        let scratch = if work > 0 { Some(self.scratch(work)?) } else { None };
        let direction = if pass.is_inverse { 1 } else { -1 };
        let (from, to) = (pass.from, pass.to);
        // SAFETY: the plan is locked until its work is queued, with memory that is given back behind it. The rest is upheld by the caller.
        unsafe {
            if let Some(scratch) = &scratch {
                let lent = sys::cufftSetWorkArea(number, scratch.address as *mut _).result();
                self.library_said("cufftSetWorkArea", lent)?;
            }
            let done = match pass.shape.kind {
                Type::CUFFT_C2C => sys::cufftExecC2C(number, from as *mut _, to as *mut _, direction),
                Type::CUFFT_Z2Z => sys::cufftExecZ2Z(number, from as *mut _, to as *mut _, direction),
                Type::CUFFT_R2C => sys::cufftExecR2C(number, from as *mut _, to as *mut _),
                Type::CUFFT_D2Z => sys::cufftExecD2Z(number, from as *mut _, to as *mut _),
                Type::CUFFT_C2R => sys::cufftExecC2R(number, from as *mut _, to as *mut _),
                Type::CUFFT_Z2D => sys::cufftExecZ2D(number, from as *mut _, to as *mut _),
            };
            self.library_said("cufftExec", done.result())
        }
    }

    /// A plan, and how many bytes it works in: one that is there, or a new one.
    fn plan(&self, plans: &mut Plans, shape: &Shape) -> Result<(sys::cufftHandle, usize), DeviceError> {
        plans.uses += 1;
        let uses = plans.uses;
        if let Some(plan) = plans.all.iter_mut().find(|plan| plan.shape == *shape) {
            plan.used = uses;
            return Ok((plan.number, plan.work));
        }
        if plans.all.len() == PLANS {
            let oldest = plans.all.iter().enumerate().min_by_key(|(_, plan)| plan.used);
            let oldest = plans.all.swap_remove(oldest.map_or(0, |(at, _)| at));
            // SAFETY: nothing of it is queued any more when it goes.
            unsafe {
                self.noted(result::stream::synchronize(self.stream))?;
                self.library_said("cufftDestroy", sys::cufftDestroy(oldest.number).result())?;
            }
        }
        let mut number = 0;
        // SAFETY: the context is current; the plan is kept or given back.
        unsafe { self.library_said("cufftCreate", sys::cufftCreate(&mut number).result())? };
        match self.make_plan(number, shape) {
            Ok(work) => {
                plans.all.push(Plan { shape: shape.clone(), number, work, used: uses });
                Ok((number, work))
            }
            Err(failed) => {
                // SAFETY: it was made above.
                let _ = unsafe { sys::cufftDestroy(number) };
                Err(failed)
            }
        }
    }

    fn make_plan(&self, number: sys::cufftHandle, shape: &Shape) -> Result<usize, DeviceError> {
        let signed = |n: u64| i64::try_from(n).map_err(|_| wrong("too many elements"));
        let n: Vec<i64> = shape.n.iter().map(|n| signed(*n)).collect::<Result<_, _>>()?;
        // The first of the dims in memory does not count, and of one axis there is no other.
        let (mut lengths, mut in_memory, mut in_memory_too) = (n.clone(), n.clone(), n);
        if let (Type::CUFFT_R2C | Type::CUFFT_D2Z, Some(last)) = (shape.kind, in_memory_too.last_mut()) {
            *last = *last / 2 + 1;
        }
        let (step, batch) = (signed(shape.step)?, signed(shape.batch)?);
        let between = [signed(shape.between[0])?, signed(shape.between[1])?];
        let mut work = 0;
        // SAFETY: arrays have as many numbers as the transform has axes.
        unsafe {
            let alone = sys::cufftSetAutoAllocation(number, 0).result();
            self.library_said("cufftSetAutoAllocation", alone)?;
            let made = sys::cufftMakePlanMany64(
                number,
                lengths.len() as i32,
                lengths.as_mut_ptr(),
                in_memory.as_mut_ptr(),
                step,
                between[0],
                in_memory_too.as_mut_ptr(),
                step,
                between[1],
                shape.kind,
                batch,
                &mut work,
            );
            self.library_said("cufftMakePlanMany64", made.result())?;
            self.library_said("cufftSetStream", sys::cufftSetStream(number, self.stream.cast()).result())?;
        }
        Ok(work)
    }
}
