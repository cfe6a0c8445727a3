//! Handlers of tensor element access.

use super::{A, Carried, Context, Handler, I, Instr, S, Source, go, handlers, slot_or_none, trap_pending};
use crate::arith::Scalar;
use crate::interp::element::{self, Element};
use crate::machine::micro::{Micro, MicroOp, Src};
use crate::object::Tensor;
use nbc_ir::Elem;

/// The tensor whose header's address is in slot `slot`.
#[inline(always)]
pub(super) unsafe fn tensor(regs: *mut u64, slot: u16) -> *const Tensor {
    // SAFETY: slots lie in the frame.
    std::ptr::with_exposed_provenance(unsafe { *regs.add(slot as usize) } as usize)
}

/// The last index: a slot or the carried result plus the literal, or the literal alone.
pub(super) trait Index {
    unsafe fn at(slot: u16, imm: u64, regs: *mut u64, iacc: u64) -> i64;
}
impl Index for S {
    #[inline(always)]
    unsafe fn at(slot: u16, imm: u64, regs: *mut u64, _: u64) -> i64 {
        // SAFETY: slots lie in the frame.
        unsafe { *regs.add(slot as usize) }.wrapping_add(imm) as i64
    }
}
impl Index for A {
    #[inline(always)]
    unsafe fn at(_: u16, imm: u64, _: *mut u64, iacc: u64) -> i64 {
        iacc.wrapping_add(imm) as i64
    }
}
impl Index for I {
    #[inline(always)]
    unsafe fn at(_: u16, imm: u64, _: *mut u64, _: u64) -> i64 {
        imm as i64
    }
}

macro_rules! refuse {
    ($rank:literal, $write:literal, $index:expr, $ip:ident, $regs:ident, $ctx:ident, $budget:ident, $facc:ident) => {
        return refused::<$rank, $write>($ip, $regs, $ctx, $budget, $index as u64, $facc)
    };
}
pub(super) use refuse;

handlers! {
    // An access that failed: the last index comes in `iacc`.
    #[cold]
    #[inline(never)]
    refused [const RANK: u8, const WRITE: bool] (ip, regs, ctx, budget, iacc, facc) {
        (*ctx).refuse_access(ip, regs, RANK, WRITE, iacc as i64);
        trap_pending(ip, regs, ctx, budget, iacc, facc)
    }
    load [E: Element<Reg: Carried>, X: Index] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let t = tensor(regs, i.b);
        let index = X::at(i.c, i.imm, regs, iacc);
        let Some(at) = element::at1(t, index) else {
            refuse!(1, false, index, ip, regs, ctx, budget, facc)
        };
        let v = E::read((*t).data, at);
        *regs.add(i.a as usize) = v.to_slot();
        let (iacc, facc) = v.carry(iacc, facc);
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    load2 [E: Element<Reg: Carried>, X: Index] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let t = tensor(regs, i.b);
        let index = X::at(i.d, i.imm, regs, iacc);
        let Some(at) = element::at2(t, *regs.add(i.c as usize) as i64, index) else {
            refuse!(2, false, index, ip, regs, ctx, budget, facc)
        };
        let v = E::read((*t).data, at);
        *regs.add(i.a as usize) = v.to_slot();
        let (iacc, facc) = v.carry(iacc, facc);
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    // The value's literal takes the offset's place, which is then 0.
    store [E: Element<Reg: Carried>, X: Index, V: Source, const OFFSET: bool] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let t = tensor(regs, i.b);
        let index = X::at(i.c, if OFFSET { i.imm } else { 0 }, regs, iacc);
        let Some(at) = element::at1_mut(t, index) else {
            refuse!(1, true, index, ip, regs, ctx, budget, facc)
        };
        E::write((*t).data, at, V::get(i.d, i.imm, regs, iacc, facc));
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    store2 [E: Element<Reg: Carried>, X: Index, V: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let t = tensor(regs, i.b);
        let index = X::at(i.d, i.imm, regs, iacc);
        let Some(at) = element::at2_mut(t, *regs.add(i.c as usize) as i64, index) else {
            refuse!(2, true, index, ip, regs, ctx, budget, facc)
        };
        E::write((*t).data, at, V::get(i.imm2 as u16, 0, regs, iacc, facc));
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
}

/// `$make!(element type, ...)` for the scalar element types.
macro_rules! by_elem {
    ($elem:expr, $make:ident) => {
        match $elem {
            Elem::U8 => $make!(element::U8),
            Elem::I32 => $make!(element::I32),
            Elem::I64 => $make!(element::I64),
            Elem::F32 => $make!(element::F32),
            Elem::F64 => $make!(element::F64),
            Elem::Bool => $make!(element::Bool),
            Elem::C64 | Elem::C128 => None,
        }
    };
}

pub(super) fn select(m: &Micro) -> Option<Handler> {
    let [t, x, y, z, _] = m.src;
    if !slot_or_none(t) {
        return None;
    }
    match m.op {
        MicroOp::Load(elem) => {
            macro_rules! make {
                ($e:ty) => {
                    match x {
                        Src::Slot(_) => Some(load::<$e, S> as Handler),
                        Src::Acc(_) => Some(load::<$e, A> as Handler),
                        Src::Imm(_) => Some(load::<$e, I> as Handler),
                        Src::None => None,
                    }
                };
            }
            by_elem!(elem, make)
        }
        MicroOp::Load2(elem) if slot_or_none(x) => {
            macro_rules! make {
                ($e:ty) => {
                    match y {
                        Src::Slot(_) => Some(load2::<$e, S> as Handler),
                        Src::Acc(_) => Some(load2::<$e, A> as Handler),
                        Src::Imm(_) => Some(load2::<$e, I> as Handler),
                        Src::None => None,
                    }
                };
            }
            by_elem!(elem, make)
        }
        MicroOp::Store(elem) => {
            let no_offset = m.imm == 0;
            macro_rules! make {
                ($e:ty) => {
                    match (x, y) {
                        (Src::Slot(_), Src::Slot(_)) => Some(store::<$e, S, S, true> as Handler),
                        (Src::Slot(_), Src::Acc(_)) => Some(store::<$e, S, A, true> as Handler),
                        (Src::Slot(_), Src::Imm(_)) if no_offset => Some(store::<$e, S, I, false> as Handler),
                        (Src::Acc(_), Src::Slot(_)) => Some(store::<$e, A, S, true> as Handler),
                        (Src::Acc(_), Src::Acc(_)) => Some(store::<$e, A, A, true> as Handler),
                        (Src::Acc(_), Src::Imm(_)) if no_offset => Some(store::<$e, A, I, false> as Handler),
                        (Src::Imm(_), Src::Slot(_)) => Some(store::<$e, I, S, true> as Handler),
                        (Src::Imm(_), Src::Acc(_)) => Some(store::<$e, I, A, true> as Handler),
                        _ => None,
                    }
                };
            }
            by_elem!(elem, make)
        }
        MicroOp::Store2(elem) if slot_or_none(x) => {
            macro_rules! make {
                ($e:ty) => {
                    match (y, z) {
                        (Src::Slot(_), Src::Slot(_)) => Some(store2::<$e, S, S> as Handler),
                        (Src::Slot(_), Src::Acc(_)) => Some(store2::<$e, S, A> as Handler),
                        (Src::Acc(_), Src::Slot(_)) => Some(store2::<$e, A, S> as Handler),
                        (Src::Acc(_), Src::Acc(_)) => Some(store2::<$e, A, A> as Handler),
                        (Src::Imm(_), Src::Slot(_)) => Some(store2::<$e, I, S> as Handler),
                        (Src::Imm(_), Src::Acc(_)) => Some(store2::<$e, I, A> as Handler),
                        _ => None,
                    }
                };
            }
            by_elem!(elem, make)
        }
        _ => None,
    }
}
