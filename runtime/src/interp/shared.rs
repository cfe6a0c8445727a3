//! Operations that both dispatchers run through the same function: those that
//! are long, rare, or reach the instance.
//!
//! # Safety
//! All of them want `i` to be an operation of a loaded function and `regs` the
//! frame of a call of it. `ctx` is the context that runs it. Before those that
//! call back, `top` is set behind the frame.

use super::element::{self, Element};
use crate::arith::Scalar;
use crate::interruption::Interruption;
use crate::machine::context::Context;
use crate::machine::instr::Instr;
use crate::machine::micro::Src;
use crate::machine::site::{HostSite, OpSite, Site};
use crate::object::{List, ListRef, Object, ObjectRef, Tensor, TensorRef};
use crate::op::{OpCall, OpHost, run_operation};
use crate::region::Heap;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One operation.
pub trait Execute {
    /// Runs it; `false` when a trap was left in the context.
    ///
    /// # Safety
    /// See the module.
    unsafe fn run(i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool;
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident $(<$e:ident>)? ($i:ident, $regs:ident, $ctx:ident) $body:block)*) => {$(
        $(#[$doc])*
        pub struct $name $(<$e>(PhantomData<$e>))?;
        impl $(<$e: Element>)? Execute for $name $(<$e>)? {
            #[inline(always)]
            unsafe fn run($i: &Instr, $regs: *mut u64, $ctx: *mut Context) -> bool {
                // SAFETY: see the module.
                unsafe { $body }
            }
        }
    )*};
}

/// Value of slot `n`.
///
/// # Safety
/// The slot lies in the frame.
#[inline(always)]
unsafe fn get(regs: *mut u64, n: u16) -> u64 {
    // SAFETY: as the caller promises.
    unsafe { *regs.add(n as usize) }
}

/// Sets slot `n`.
///
/// # Safety
/// The slot lies in the frame.
#[inline(always)]
unsafe fn set(regs: *mut u64, n: u16, value: u64) {
    // SAFETY: as the caller promises.
    unsafe { *regs.add(n as usize) = value }
}

/// The object of type `T` that slot `n` points to.
///
/// # Safety
/// The slot lies in the frame.
#[inline(always)]
unsafe fn object<T>(regs: *mut u64, n: u16) -> *mut T {
    // SAFETY: as the caller promises.
    std::ptr::with_exposed_provenance_mut(unsafe { get(regs, n) } as usize)
}

/// The value an operand of a site stands for.
///
/// # Safety
/// See the module.
#[inline(always)]
unsafe fn value(src: Src, regs: *mut u64) -> u64 {
    // Not a `match`, which would jump through a table.
    if let Src::Slot(n) = src {
        // SAFETY: slots lie in the frame.
        return unsafe { get(regs, n) };
    }
    if let Src::Imm(v) = src { v } else { 0 }
}

/// The site of an operation.
///
/// # Safety
/// The operation has one.
#[inline(always)]
unsafe fn site<'a>(i: &Instr) -> &'a Site {
    // SAFETY: the literal is the address of a site, which lives as long as the code.
    unsafe { &*std::ptr::with_exposed_provenance::<Site>(i.imm as usize) }
}

operations! {
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    GlobalGet (i, regs, ctx) {
        set(regs, i.a, *(*ctx).globals.add(i.imm as usize));
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    GlobalSet (i, regs, ctx) {
        *(*ctx).globals.add(i.imm as usize) = get(regs, i.b);
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    GlobalSetObject (i, regs, ctx) { set_global(i, regs, ctx) }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    ConstGet (i, regs, ctx) {
        set(regs, i.a, *(*ctx).constants.add(i.imm as usize));
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    RegionBegin (_i, _regs, ctx) {
        (*ctx).heap.begin();
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    RegionEnd (i, regs, ctx) { end_region(i, regs, ctx) }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    RegionRenew (i, regs, ctx) { renew_region(i, regs, ctx) }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    TensorLen (i, regs, _ctx) {
        set(regs, i.a, (*object::<Tensor>(regs, i.b)).len);
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    TensorRank (i, regs, _ctx) {
        set(regs, i.a, (*object::<Tensor>(regs, i.b)).rank as u64);
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    TensorDim (i, regs, ctx) {
        let t = object::<Tensor>(regs, i.b);
        let (axis, rank) = (get(regs, i.c), (*t).rank as u64);
        if axis >= rank {
            return (*ctx).fail(no_axis(axis as i64, rank));
        }
        set(regs, i.a, (&raw const (*t).dims).cast::<u64>().add(axis as usize).read());
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    TensorToHost (i, regs, ctx) {
        let tensor = TensorRef::from_slot(get(regs, i.b));
        let done = (*ctx).heap.bring_home(tensor, i.imm != 0);
        outcome(ctx, done)
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    Load3<E> (i, regs, ctx) {
        let t = object::<Tensor>(regs, i.b);
        let last = get(regs, i.e() as u16) as i64;
        let Some(at) = element::at3(t, get(regs, i.c) as i64, get(regs, i.d) as i64, last) else {
            (*ctx).refuse_access(i, regs, 3, false, last);
            return false;
        };
        set(regs, i.a, E::read((*t).data, at).to_slot());
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    Store3<E> (i, regs, ctx) {
        let t = object::<Tensor>(regs, i.b);
        let last = get(regs, i.e() as u16) as i64;
        let Some(at) = element::at3_mut(t, get(regs, i.c) as i64, get(regs, i.d) as i64, last) else {
            (*ctx).refuse_access(i, regs, 3, true, last);
            return false;
        };
        E::write((*t).data, at, Scalar::from_slot(get(regs, i.a)));
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    LoadPart<E> (i, regs, ctx) {
        let t = object::<Tensor>(regs, i.b);
        let index = get(regs, i.c) as i64;
        let Some(at) = element::at1(t, index) else {
            (*ctx).refuse_access(i, regs, 1, false, index);
            return false;
        };
        set(regs, i.a, E::read((*t).data, 2 * at + i.imm as usize).to_slot());
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    StorePart<E> (i, regs, ctx) {
        let t = object::<Tensor>(regs, i.b);
        let index = get(regs, i.c) as i64;
        let Some(at) = element::at1_mut(t, index) else {
            (*ctx).refuse_access(i, regs, 1, true, index);
            return false;
        };
        E::write((*t).data, 2 * at + i.imm as usize, Scalar::from_slot(get(regs, i.d)));
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    ListNew (i, regs, ctx) { new_list(i, regs, ctx) }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    ListLen (i, regs, _ctx) {
        set(regs, i.a, (*object::<List>(regs, i.b)).len);
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    ListGet (i, regs, ctx) {
        let list = object::<List>(regs, i.b);
        let at = get(regs, i.c);
        if at >= (*list).len {
            return (*ctx).fail(no_item(at as i64, (*list).len));
        }
        set(regs, i.a, *(*list).data.add(at as usize));
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    ListSet (i, regs, ctx) {
        let list = object::<List>(regs, i.b);
        let at = get(regs, i.c);
        if at >= (*list).len {
            return (*ctx).fail(no_item(at as i64, (*list).len));
        }
        *(*list).data.add(at as usize) = get(regs, i.d);
        true
    }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    ListSetObject (i, regs, ctx) { set_item(i, regs, ctx) }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    CallOp (i, regs, ctx) { call_op(i, regs, ctx) }
    /// See [`SharedOp`](crate::machine::micro::SharedOp).
    CallHost (i, regs, ctx) { call_host(i, regs, ctx) }
}

/// The trap for want of an axis.
#[cold]
#[inline(never)]
pub fn no_axis(axis: i64, rank: u64) -> TrapError {
    TrapError::new(TrapCode::IndexOutOfRange, format!("axis {axis} of a tensor of rank {rank}"))
}

/// The trap for want of an item.
#[cold]
#[inline(never)]
pub fn no_item(at: i64, len: u64) -> TrapError {
    TrapError::new(TrapCode::IndexOutOfRange, format!("index {at} of {len} items"))
}

/// `true`, or the trap in the context.
unsafe fn outcome(ctx: *mut Context, result: Result<(), TrapError>) -> bool {
    match result {
        Ok(()) => true,
        // SAFETY: see the module.
        Err(trap) => unsafe { (*ctx).fail(trap) },
    }
}

#[inline(never)]
unsafe fn set_global(i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see the module; the value is live and of the global's type.
    unsafe {
        let Site::Global { index, value: src, ty } = site(i) else { return true };
        let object = value(*src, regs);
        if let Err(trap) = charge_copy(object, *ty, ctx) {
            return (*ctx).fail(trap);
        }
        match (*ctx).heap.global_set(*index, object, *ty, false) {
            Ok(copy) => {
                *(*ctx).globals.add(*index) = copy;
                true
            }
            Err(trap) => (*ctx).fail(trap),
        }
    }
}

/// Takes the fuel for copying an object.
///
/// # Safety
/// See the module; `slot` holds a live value of type `ty`.
unsafe fn charge_copy(slot: u64, ty: Type, ctx: *mut Context) -> Result<(), TrapError> {
    // SAFETY: as the caller promises.
    unsafe {
        (*ctx).count_call()?;
        let fuel = copy_fuel(slot, ty, (*ctx).heap.interruption())?;
        (*ctx).charge(fuel)
    }
}

/// Items of a list that are added up between two looks at clock and interrupt flag.
const ITEMS_A_LOOK: usize = 1 << 16;

/// Fuel for copying an object: as an operation that reads and writes its bytes.
///
/// # Safety
/// `slot` holds a live value of type `ty`.
unsafe fn copy_fuel(slot: u64, ty: Type, outside: &Interruption) -> Result<u64, TrapError> {
    // SAFETY: as the caller promises; the objects that it holds are live.
    let Some(object) = (unsafe { ObjectRef::from_slot(slot, ty) }) else { return Ok(0) };
    let mut fuel = object.bytes() as u64 / 64;
    for n in 0..object.items() {
        if n % ITEMS_A_LOOK == ITEMS_A_LOOK - 1 {
            outside.check()?;
        }
        if let Some((slot, ty)) = object.item(n) {
            // SAFETY: as above.
            fuel += unsafe { copy_fuel(slot, ty, outside)? };
        }
    }
    Ok(fuel)
}

/// Fuel for moving an object out of the innermost region: each item of a list is looked at,
/// and moved if it is small.
///
/// # Safety
/// `slot` holds a live value of type `ty`.
unsafe fn move_fuel(slot: u64, ty: Type, heap: &Heap) -> u64 {
    // SAFETY: as the caller promises.
    match unsafe { ObjectRef::from_slot(slot, ty) } {
        Some(object) if object.region() as usize == heap.depth() => object.items() as u64,
        _ => 0,
    }
}

/// Values at most this many need no allocation on the way out of a region.
const FEW: usize = 8;

/// A way of leaving the innermost region: it ends or is renewed.
type Leave = unsafe fn(&mut Heap, &mut [(u64, Type)]) -> Result<(), TrapError>;

/// Has `leave` move the values out of the innermost region, and hands each
/// value's position, source and new slot to `place`.
///
/// # Safety
/// See the module.
#[inline(always)]
unsafe fn leave_region(
    i: &Instr,
    regs: *mut u64,
    ctx: *mut Context,
    leave: Leave,
    mut place: impl FnMut(usize, Src, u64),
) -> bool {
    // SAFETY: see the module; the verifier proved that nothing else of the
    // region is used again.
    unsafe {
        let Site::Values(values) = site(i) else { return true };
        let mut few = [(0, Type::I64); FEW];
        let mut many;
        let kept = if values.len() <= FEW {
            &mut few[..values.len()]
        } else {
            many = vec![(0, Type::I64); values.len()];
            &mut many[..]
        };
        let mut fuel = 0;
        for ((src, ty), k) in values.iter().zip(&mut *kept) {
            *k = (value(*src, regs), *ty);
            fuel += move_fuel(k.0, *ty, &(*ctx).heap);
        }
        let charged = (*ctx).count_call().and_then(|()| (*ctx).charge(fuel));
        let done = charged.and_then(|()| leave(&mut (*ctx).heap, kept));
        if !outcome(ctx, done) {
            return false;
        }
        for (n, ((src, _), (slot, _))) in values.iter().zip(kept.iter()).enumerate() {
            place(n, *src, *slot);
        }
        true
    }
}

#[inline(never)]
unsafe fn end_region(i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see the module; slots lie in the frame.
    unsafe {
        leave_region(i, regs, ctx, Heap::end_keep, |_, src, slot| {
            if let Src::Slot(n) = src {
                set(regs, n, slot);
            }
        })
    }
}

#[inline(never)]
unsafe fn renew_region(i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see the module; slots lie in the frame.
    unsafe {
        leave_region(i, regs, ctx, Heap::renew, |_, src, slot| {
            if let Src::Slot(n) = src {
                set(regs, n, slot);
            }
        })
    }
}

/// Opens the call's own region.
///
/// # Safety
/// See the module.
#[inline(never)]
pub unsafe fn enter_region(ctx: *mut Context) -> bool {
    // SAFETY: see the module.
    unsafe { (*ctx).heap.begin() };
    true
}

/// Moves the results to the caller's region, ends the call's own, and leaves
/// the results at the start of the frame.
///
/// # Safety
/// See the module.
#[inline(never)]
pub unsafe fn return_from_region(i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see the module; a frame has room for the results.
    unsafe { leave_region(i, regs, ctx, Heap::end_keep, |n, _, slot| set(regs, n as u16, slot)) }
}

/// Leaves the results at the start of the frame.
///
/// # Safety
/// See the module.
#[inline(never)]
pub unsafe fn return_values(i: &Instr, regs: *mut u64) {
    // SAFETY: see the module. All values are read before the first is written.
    unsafe {
        let Site::Values(values) = site(i) else { return };
        let values: Vec<u64> = values.iter().map(|(src, _)| value(*src, regs)).collect();
        for (n, v) in values.into_iter().enumerate() {
            set(regs, n as u16, v);
        }
    }
}

#[inline(never)]
unsafe fn new_list(i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see the module.
    unsafe {
        let Site::List { item } = site(i) else { return true };
        let len = get(regs, i.b) as i64;
        let made = match u64::try_from(len) {
            // As an operation that writes as many bytes.
            Ok(len) => (*ctx)
                .count_call()
                .and_then(|()| (*ctx).charge(len / 16))
                .and_then(|()| (*ctx).heap.list(*item, len, get(regs, i.c))),
            Err(_) => Err(TrapError::new(TrapCode::InvalidArgument, format!("a list of {len} items"))),
        };
        match made {
            Ok(list) => {
                set(regs, i.a, list.slot());
                true
            }
            Err(trap) => (*ctx).fail(trap),
        }
    }
}

#[inline(never)]
unsafe fn set_item(i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see the module; the value is live and of the item's type.
    unsafe {
        let list = ListRef::from_slot(get(regs, i.b));
        let at = get(regs, i.c);
        if at >= list.len() as u64 {
            return (*ctx).fail(no_item(at as i64, list.len() as u64));
        }
        let (object, ty) = (get(regs, i.d), list.item().ty());
        // An object that outlives the list is stored as it is.
        if !Heap::outlives(object, ty, list)
            && let Err(trap) = charge_copy(object, ty, ctx)
        {
            return (*ctx).fail(trap);
        }
        let done = (*ctx).heap.list_set(list, at, object);
        outcome(ctx, done)
    }
}

/// Arguments and results at most this many need no allocation.
const SMALL: usize = 16;

/// Runs `f` with room for `args` and `results` slots.
#[inline(always)]
fn with_slots<R>(args: usize, results: usize, f: impl FnOnce(&mut [u64], &mut [u64]) -> R) -> R {
    if args <= SMALL && results <= SMALL {
        let (mut a, mut r) = ([0; SMALL], [0; SMALL]);
        f(&mut a[..args], &mut r[..results])
    } else {
        f(&mut vec![0; args], &mut vec![0; results])
    }
}

#[inline(never)]
unsafe fn call_op(i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see the module.
    unsafe {
        let Site::Op(site) = site(i) else { return true };
        with_slots(site.args.len(), site.results.len(), |args, results| {
            for (a, src) in args.iter_mut().zip(&site.args) {
                *a = value(*src, regs);
            }
            let counted = (*ctx).count_call();
            let done = counted.and_then(|()| guarded(|| run_site(site, args, results, ctx)));
            for (r, slot) in results.iter().zip(&site.results) {
                set(regs, *slot, *r);
            }
            outcome(ctx, done)
        })
    }
}

unsafe fn run_site(
    site: &OpSite,
    args: &[u64],
    results: &mut [u64],
    ctx: *mut Context,
) -> Result<(), TrapError> {
    // SAFETY: see the module: the arguments are live values of their types, and the plan is true.
    unsafe {
        let call = OpCall::new(&mut *ctx, args, &site.arg_types, &site.elems, site.list_len, results);
        run_operation(site.index, call.with_plan(site.plan))
    }
}

/// Runs code that is not ours to trust; a panic must not unwind through the handlers.
#[inline(always)]
fn guarded(f: impl FnOnce() -> Result<(), TrapError>) -> Result<(), TrapError> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(panicked)
}

#[cold]
#[inline(never)]
fn panicked(panic: Box<dyn Any + Send>) -> Result<(), TrapError> {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| s.to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    // What a panic carries may panic when it is dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    Err(TrapError::new(TrapCode::HostError, format!("panic: {text}")))
}

/// Slots of a host call at most this many need no allocation.
const FEW_SLOTS: usize = 8;

#[inline(never)]
unsafe fn call_host(i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see the module.
    unsafe {
        let Site::Host(site) = site(i) else { return true };
        let wanted = site.args.len().max(site.results.len());
        if wanted <= FEW_SLOTS {
            call_import(site, &mut [0; FEW_SLOTS], regs, ctx)
        } else {
            call_many(site, wanted, regs, ctx)
        }
    }
}

#[cold]
#[inline(never)]
unsafe fn call_many(site: &HostSite, wanted: usize, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see the module.
    unsafe { call_import(site, &mut vec![0; wanted], regs, ctx) }
}

/// Calls the site's import with room for its arguments and results in `slots`.
#[inline(always)]
unsafe fn call_import(site: &HostSite, slots: &mut [u64], regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see the module. There is an entry for every import, and the
    // context keeps the host functions for as long as it lives.
    unsafe {
        for (slot, (src, _)) in slots.iter_mut().zip(&site.args) {
            *slot = value(*src, regs);
        }
        let calls = &(*ctx).host_calls;
        let host = *calls.get_unchecked(site.import);
        // How long it takes is not for us to say, so that the clock is looked at each time.
        let done = guarded(|| (*host)(&mut *ctx, slots)).and_then(|()| (*ctx).poll());
        for (value, (slot, _)) in slots.iter().zip(&site.results) {
            set(regs, *slot, *value);
        }
        outcome(ctx, done)
    }
}
