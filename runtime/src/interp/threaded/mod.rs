//! Direct threading: every operation holds its handler's address, and every
//! handler ends by jumping to the next one's.
//!
//! The jump is a call in tail position with an identical signature. LLVM turns
//! it into `jmp` as long as the handler keeps nothing on the native stack. So
//! the rules here are: all six arguments in registers, no locals whose address
//! is taken, no destructors. Anything longer than a few instructions is a
//! function of its own that is not inlined. `build.rs` decides whether this
//! file is built at all, and a test runs every operation a million times on a
//! small stack.
//!
//! # Safety
//! Handlers trust the code they run: it was translated from a verified
//! function, so slots lie in the frame, targets in the code, and object slots
//! hold live objects. That is the contract of [`Handler`].

mod arith;
mod branch;
mod control;
mod memory;
mod step;
mod superinst;

use crate::arith::Scalar;
use crate::machine::context::{Context, PENDING};
use crate::machine::instr::{Handler, Instr, Run};
use crate::machine::micro::{Micro, MicroOp, Src};

/// Goes on with the operation at `$ip`.
macro_rules! go {
    ($ip:expr, $regs:expr, $ctx:expr, $budget:expr, $iacc:expr, $facc:expr) => {{
        let next: *const Instr = $ip;
        ((*next).run.handler)(next, $regs, $ctx, $budget, $iacc, $facc)
    }};
}

/// Defines handlers: `name<generics>(ip, regs, ctx, budget, iacc, facc) body`.
macro_rules! handlers {
    ($($(#[$attr:meta])* $name:ident [$($gen:tt)*] ($ip:ident, $regs:ident, $ctx:ident, $budget:ident, $iacc:ident, $facc:ident) $body:block)*) => {$(
        $(#[$attr])*
        pub(super) unsafe extern "C" fn $name<$($gen)*>(
            $ip: *const Instr,
            $regs: *mut u64,
            $ctx: *mut Context,
            #[allow(unused_mut)] mut $budget: i64,
            $iacc: u64,
            $facc: f64,
        ) -> u64 {
            // SAFETY: the contract of `Handler`; see the head of `threaded`.
            unsafe { $body }
        }
    )*};
}
use {go, handlers};

/// Where a handler reads an operand; chosen when the code is made.
trait Source {
    /// The operand whose slot is `slot` and whose literal is `imm`.
    unsafe fn get<T: Carried>(slot: u16, imm: u64, regs: *mut u64, iacc: u64, facc: f64) -> T;
}

/// Reads a slot.
struct S;
/// Reads a literal.
struct I;
/// Reads the carried result.
struct A;

impl Source for S {
    #[inline(always)]
    unsafe fn get<T: Carried>(slot: u16, _: u64, regs: *mut u64, _: u64, _: f64) -> T {
        // SAFETY: slots lie in the frame.
        T::from_slot(unsafe { *regs.add(slot as usize) })
    }
}
impl Source for I {
    #[inline(always)]
    unsafe fn get<T: Carried>(_: u16, imm: u64, _: *mut u64, _: u64, _: f64) -> T {
        T::from_slot(imm)
    }
}
impl Source for A {
    #[inline(always)]
    unsafe fn get<T: Carried>(_: u16, _: u64, _: *mut u64, iacc: u64, facc: f64) -> T {
        T::carried(iacc, facc)
    }
}

/// How a scalar travels between handlers.
trait Carried: Scalar {
    /// The value carried.
    fn carried(iacc: u64, facc: f64) -> Self;
    /// What to carry on when `self` is the result.
    fn carry(self, iacc: u64, facc: f64) -> (u64, f64);
}

macro_rules! carried_as_integer {
    ($($ty:ty)*) => {$(
        impl Carried for $ty {
            #[inline(always)]
            fn carried(iacc: u64, _: f64) -> $ty {
                Scalar::from_slot(iacc)
            }
            #[inline(always)]
            fn carry(self, _: u64, facc: f64) -> (u64, f64) {
                (self.to_slot(), facc)
            }
        }
    )*};
}
carried_as_integer!(i32 i64 bool);

impl Carried for f64 {
    #[inline(always)]
    fn carried(_: u64, facc: f64) -> f64 {
        facc
    }
    #[inline(always)]
    fn carry(self, iacc: u64, _: f64) -> (u64, f64) {
        (iacc, self)
    }
}

/// Singles are not carried: moving them between register files costs more
/// than the slot does.
impl Carried for f32 {
    #[inline(always)]
    fn carried(iacc: u64, _: f64) -> f32 {
        Scalar::from_slot(iacc)
    }
    #[inline(always)]
    fn carry(self, iacc: u64, facc: f64) -> (u64, f64) {
        (iacc, facc)
    }
}

handlers! {
    // Stops with a trap of that code at `ip`. Never inlined, as nothing that
    // keeps values across a call may be: it would cost every handler a stack frame.
    #[cold]
    #[inline(never)]
    trap [const CODE: u8] (ip, regs, ctx, budget, _iacc, _facc) {
        (*ctx).stop(ip, regs, budget);
        CODE as u64 + 1
    }
    // Stops with the trap that a slow path left in the context.
    #[cold]
    #[inline(never)]
    trap_pending [] (ip, regs, ctx, budget, _iacc, _facc) {
        (*ctx).stop(ip, regs, budget);
        PENDING
    }
    // Stops because the outermost call returned.
    #[cold]
    #[inline(never)]
    exit [] (ip, regs, ctx, budget, _iacc, _facc) {
        (*ctx).stop(ip, regs, budget);
        0
    }
    // The budget ran out at a back-edge or a call: looks whether to go on.
    // The operation itself has not run; it runs again with a new budget, if
    // compiled code does not take over.
    #[cold]
    #[inline(never)]
    poll [] (ip, regs, ctx, _budget, iacc, facc) {
        let budget = (*ctx).poll_slice(ip, regs);
        if budget < 0 {
            return trap_pending(ip, regs, ctx, 0, iacc, facc);
        }
        go!((*ctx).next, regs, ctx, budget, iacc, facc)
    }
}

/// The handler of a micro-operation with exactly those operand sources, if there is one.
pub fn select(m: &Micro) -> Option<Run> {
    let handler = arith::select(m)
        .or_else(|| branch::select(m))
        .or_else(|| memory::select(m))
        .or_else(|| superinst::select(m))
        .or_else(|| step::select(m))
        .or_else(|| control::select(m))?;
    Some(Run { handler })
}

/// The handler of an operation that is no part of a function's code.
pub fn special(op: MicroOp) -> Run {
    Run {
        handler: match op {
            MicroOp::EnterNative => control::enter_native,
            MicroOp::FirstCall => control::first_call,
            _ => exit,
        },
    }
}

/// Whether the operand is absent or a slot.
fn slot_or_none(s: Src) -> bool {
    matches!(s, Src::None | Src::Slot(_))
}

/// Runs from `ip` until the outermost call returns (0) or traps (its code plus
/// 1, or [`PENDING`]).
///
/// # Safety
/// As for [`Handler`]; the frame must have been entered from the exit code.
pub unsafe fn run(ip: *const Instr, regs: *mut u64, ctx: *mut Context) -> u64 {
    // SAFETY: as the caller promises.
    unsafe { ((*ip).run.handler)(ip, regs, ctx, (*ctx).budget, 0, 0.0) }
}
