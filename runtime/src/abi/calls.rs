//! What compiled code calls: everything that is long, rare, or reaches the
//! instance, as functions of the C calling convention.
//!
//! # Safety
//! Each of them wants `ctx` to be the context that runs the code. `site` has to be a
//! site of the compiled code (see [`TrapSite`]), and pointers have to lead to as
//! many values as they say.

use super::site::{Charges, Claim, TrapSite};
use crate::interp::element;
use crate::interp::shared::{self, Execute};
use crate::machine::context::{Context, PENDING};
use crate::machine::instr::Instr;
use crate::machine::loaded::FuncEntry;
use crate::machine::micro::SharedOp;
use crate::object::Tensor;
use crate::op::OpHost;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::{Elem, FuncId};

/// Back-edges between two looks at the clock and the interrupt flag, where
/// fuel is not metered; fuel units where it is.
pub const NATIVE_SLICE: i64 = 1 << 16;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*);)*) => {
        /// Addresses of what compiled code calls.
        #[derive(Clone, Copy, Debug)]
        pub struct Calls {
            $($(#[$doc])* pub $name: usize,)*
        }

        /// Addresses of what compiled code calls.
        pub fn calls() -> Calls {
            Calls {
                $($name: {
                    let address: unsafe extern "C" fn($($ty),*) -> u64 = $name;
                    address as usize
                },)*
            }
        }
    };
}

calls! {
    /// `(ctx, site, code) -> status`: traps with a [`TrapCode`].
    trap(ctx: *mut Context, site: *const TrapSite, code: u64);
    /// `(ctx, site, status) -> status`: passes on the trap of something called at the site.
    passed(ctx: *mut Context, site: *const TrapSite, status: u64);
    /// `(ctx, site, tensor, indices, rank, write) -> status`: traps with what is wrong with an
    /// element access by that many indices.
    refuse_access(ctx: *mut Context, site: *const TrapSite, tensor: *const Tensor, indices: *const i64, rank: u64, write: u64);
    /// `(ctx, site, axis, rank) -> status`: traps for want of an axis.
    refuse_axis(ctx: *mut Context, site: *const TrapSite, axis: i64, rank: u64);
    /// `(ctx, site, index, len) -> status`: traps for want of a list's item.
    refuse_item(ctx: *mut Context, site: *const TrapSite, index: i64, len: u64);
    /// `(ctx) -> status`: the budget is used up, and fuel is not metered: looks whether to go on,
    /// with a new budget. Of a trap, the caller has to [`pass`](Calls::passed) it on.
    poll(ctx: *mut Context);
    /// `(ctx, charges) -> status`: fuel is metered, and the charges are more than the budget in
    /// the context, of which they have not been taken: makes them one by one, up to one that
    /// traps, of which the site is noted.
    charge(ctx: *mut Context, charges: *const Charges);
    /// `(ctx, cost) -> status`: fuel is metered, and the cost is more than the budget in the
    /// context: takes it, or takes nothing and says by 1 that it is more than all the fuel. Traps
    /// as `poll` does.
    prepay(ctx: *mut Context, cost: u64);
    /// `(ctx, func, slots) -> status`: calls a function that has no compiled code, with its
    /// arguments in the slots, where its results come to.
    call(ctx: *mut Context, func: u64, slots: *mut u64);
    /// `(ctx, func, slots) -> status`: as `call`, but interprets the function though it has
    /// compiled code: for want of native stack.
    interpret(ctx: *mut Context, func: u64, slots: *mut u64);
    /// `(ctx) -> 0`: opens a region.
    enter_region(ctx: *mut Context);
    /// `(instr, slots, ctx) -> status`: ends the call's own region, and leaves its results in
    /// the first slots; see [`super::ObjectCall::returning`].
    return_from_region(i: *const Instr, slots: *mut u64, ctx: *mut Context);
}

/// Address of `(instr, slots, ctx) -> status` that runs an operation; of a
/// trap, the caller has to [`pass`](Calls::passed) it on. See [`super::ObjectCall`].
pub fn shared(op: SharedOp) -> usize {
    macro_rules! address {
        ($run:ty) => {
            run::<$run> as unsafe extern "C" fn(*const Instr, *mut u64, *mut Context) -> u64 as usize
        };
    }
    macro_rules! by_elem {
        ($elem:expr, $run:ident) => {
            match $elem {
                Elem::U8 => address!(shared::$run<element::U8>),
                Elem::I32 => address!(shared::$run<element::I32>),
                Elem::I64 => address!(shared::$run<element::I64>),
                Elem::F32 | Elem::C64 => address!(shared::$run<element::F32>),
                Elem::F64 | Elem::C128 => address!(shared::$run<element::F64>),
                Elem::Bool => address!(shared::$run<element::Bool>),
            }
        };
    }
    match op {
        SharedOp::GlobalGet => address!(shared::GlobalGet),
        SharedOp::GlobalSet => address!(shared::GlobalSet),
        SharedOp::GlobalSetObject => address!(shared::GlobalSetObject),
        SharedOp::ConstGet => address!(shared::ConstGet),
        SharedOp::RegionBegin => address!(shared::RegionBegin),
        SharedOp::RegionEnd => address!(shared::RegionEnd),
        SharedOp::RegionRenew => address!(shared::RegionRenew),
        SharedOp::TensorLen => address!(shared::TensorLen),
        SharedOp::TensorRank => address!(shared::TensorRank),
        SharedOp::TensorDim => address!(shared::TensorDim),
        SharedOp::TensorToHost => address!(shared::TensorToHost),
        SharedOp::Load3(e) => by_elem!(e, Load3),
        SharedOp::Store3(e) => by_elem!(e, Store3),
        SharedOp::LoadPart(e) => by_elem!(e, LoadPart),
        SharedOp::StorePart(e) => by_elem!(e, StorePart),
        SharedOp::ListNew => address!(shared::ListNew),
        SharedOp::ListLen => address!(shared::ListLen),
        SharedOp::ListGet => address!(shared::ListGet),
        SharedOp::ListSet => address!(shared::ListSet),
        SharedOp::ListSetObject => address!(shared::ListSetObject),
        SharedOp::CallOp => address!(shared::CallOp),
        SharedOp::CallHost => address!(shared::CallHost),
    }
}

/// The status of a trap left in the context, or of none.
fn status(ok: bool) -> u64 {
    if ok { 0 } else { PENDING }
}

unsafe extern "C" fn run<P: Execute>(i: *const Instr, slots: *mut u64, ctx: *mut Context) -> u64 {
    // SAFETY: see the module; the slots stand for a frame.
    unsafe { status(P::run(&*i, slots, ctx)) }
}

unsafe extern "C" fn return_from_region(i: *const Instr, slots: *mut u64, ctx: *mut Context) -> u64 {
    // SAFETY: see the module; the slots stand for a frame.
    unsafe { status(shared::return_from_region(&*i, slots, ctx)) }
}

unsafe extern "C" fn enter_region(ctx: *mut Context) -> u64 {
    // SAFETY: see the module.
    unsafe { status(shared::enter_region(ctx)) }
}

/// Leaves a trap that happened at the site.
unsafe fn refuse(ctx: *mut Context, site: *const TrapSite, trap: TrapError) -> u64 {
    // SAFETY: see the module.
    unsafe {
        (*ctx).fail(trap);
        passed(ctx, site, PENDING)
    }
}

#[cold]
unsafe extern "C" fn trap(ctx: *mut Context, site: *const TrapSite, code: u64) -> u64 {
    let trap = match TrapCode::from_code(code as u8).unwrap_or(TrapCode::HostError) {
        TrapCode::CompilerFault => Claim::fault(code),
        code => code.into(),
    };
    // SAFETY: see the module.
    unsafe { refuse(ctx, site, trap) }
}

#[cold]
unsafe extern "C" fn passed(ctx: *mut Context, site: *const TrapSite, status: u64) -> u64 {
    // SAFETY: see the module.
    unsafe {
        for place in &(*site).places {
            let frame = (*ctx).code.frame(place.func, place.block, place.inst);
            (*ctx).trace(frame);
        }
    }
    status
}

#[cold]
unsafe extern "C" fn refuse_access(
    ctx: *mut Context,
    site: *const TrapSite,
    tensor: *const Tensor,
    indices: *const i64,
    rank: u64,
    write: u64,
) -> u64 {
    // SAFETY: see the module: the tensor is live, and there are `rank` indices.
    unsafe {
        let indices = std::slice::from_raw_parts(indices, rank as usize);
        refuse(ctx, site, element::why_not(tensor, indices, write != 0))
    }
}

#[cold]
unsafe extern "C" fn refuse_axis(ctx: *mut Context, site: *const TrapSite, axis: i64, rank: u64) -> u64 {
    // SAFETY: see the module.
    unsafe { refuse(ctx, site, shared::no_axis(axis, rank)) }
}

#[cold]
unsafe extern "C" fn refuse_item(ctx: *mut Context, site: *const TrapSite, index: i64, len: u64) -> u64 {
    // SAFETY: see the module.
    unsafe { refuse(ctx, site, shared::no_item(index, len)) }
}

#[cold]
unsafe extern "C" fn poll(ctx: *mut Context) -> u64 {
    // SAFETY: see the module.
    unsafe {
        match (*ctx).poll() {
            Ok(()) => {
                (*ctx).budget = NATIVE_SLICE;
                0
            }
            Err(trap) => {
                (*ctx).budget = 0;
                status((*ctx).fail(trap))
            }
        }
    }
}

#[cold]
unsafe extern "C" fn charge(ctx: *mut Context, charges: *const Charges) -> u64 {
    // SAFETY: see the module.
    unsafe {
        for (cost, site) in &(*charges).list {
            if *cost <= (*ctx).budget {
                (*ctx).budget -= cost;
                continue;
            }
            let status = take(ctx, *cost as u64);
            if status != 0 {
                return passed(ctx, site, status);
            }
        }
    }
    0
}

#[cold]
unsafe extern "C" fn prepay(ctx: *mut Context, cost: u64) -> u64 {
    // SAFETY: see the module.
    unsafe { if (*ctx).fuel().is_some_and(|fuel| fuel < cost) { 1 } else { take(ctx, cost) } }
}

/// Takes a cost of more than the budget.
unsafe fn take(ctx: *mut Context, cost: u64) -> u64 {
    // SAFETY: see the module.
    unsafe {
        let budget = (*ctx).take((*ctx).budget, cost, NATIVE_SLICE as u64);
        if budget < 0 {
            return PENDING;
        }
        (*ctx).budget = budget;
        0
    }
}

unsafe extern "C" fn call(ctx: *mut Context, func: u64, slots: *mut u64) -> u64 {
    // SAFETY: see the module; `func` is one of the module's functions.
    unsafe {
        let id = FuncId(func as u32);
        if let Some(count) = (*ctx).hotness.called(id) {
            (*ctx).tell(crate::machine::tier::HotPlace { func: id, resume: None, count });
        }
        let entry = &*(*ctx).funcs.add(func as usize);
        run_interpreter(ctx, id, entry, entry.code(), slots)
    }
}

unsafe extern "C" fn interpret(ctx: *mut Context, func: u64, slots: *mut u64) -> u64 {
    // SAFETY: as above.
    unsafe {
        let entry = &*(*ctx).funcs.add(func as usize);
        run_interpreter(ctx, FuncId(func as u32), entry, entry.interpreted, slots)
    }
}

/// Runs the code of `func` at `ip` with arguments and results in `slots`.
unsafe fn run_interpreter(
    ctx: *mut Context,
    func: FuncId,
    entry: &FuncEntry,
    ip: *const Instr,
    slots: *mut u64,
) -> u64 {
    // SAFETY: see the module. There is room for the frame, which lies behind
    // all that is in use, and arguments and results fit it.
    unsafe {
        if !(*ctx).has_room(entry) {
            return status((*ctx).fail(TrapCode::StackOverflow.into()));
        }
        let (params, results) = (*ctx).code.arity(func);
        let frame = (*ctx).top;
        std::ptr::copy_nonoverlapping(slots, frame, params);
        let status = (*ctx).run(ip);
        if status != 0 {
            let trap = (*ctx).trapped(status);
            (*ctx).fail(trap);
            return PENDING;
        }
        std::ptr::copy_nonoverlapping(frame, slots, results);
        0
    }
}
