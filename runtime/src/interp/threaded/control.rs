//! Handlers of calls, returns, fuel and everything that leaves for a longer
//! function of its own.

use super::{
    A, Carried, Context, Handler, I, Instr, S, Source, go, handlers, poll, slot_or_none, trap, trap_pending,
};
use crate::arith::{self, Binary, Scalar};
use crate::interp::enter;
use crate::interp::shared::{self, Execute};
use crate::machine::loaded::FuncEntry;
use crate::machine::micro::{BinaryOp, Class, Micro, MicroOp, SharedOp, Src};
use crate::trap::TrapCode;
use nbc_ir::Elem;

/// Enters function `$func` with a frame behind this one's.
macro_rules! enter {
    ($func:expr, $i:ident, $ip:ident, $regs:ident, $ctx:ident, $budget:ident, $iacc:ident, $facc:ident) => {{
        // Costs nothing where fuel is charged block by block.
        let left = $budget - (*$ctx).call_cost;
        if left < 0 {
            return poll($ip, $regs, $ctx, $budget, $iacc, $facc);
        }
        $budget = left;
        let entry: *const FuncEntry = (*$ctx).funcs.add($func as usize);
        let frame = $regs.add($i.imm2 as u32 as usize);
        if frame.wrapping_add((*entry).extent as usize) > (*$ctx).stack_end {
            return no_room($ip, $regs, $ctx, $budget, $iacc, $facc);
        }
        *frame.sub(1) = $ip.add(1).expose_provenance() as u64;
        go!((*entry).code(), frame, $ctx, $budget, $iacc, $facc)
    }};
}

/// Address of the operation to return to, and the caller's frame.
macro_rules! caller {
    ($regs:ident) => {{
        let back: *const Instr = std::ptr::with_exposed_provenance(*$regs.sub(1) as usize);
        let call = &*back.sub(1);
        (back, call, $regs.sub(call.imm2 as u32 as usize))
    }};
}

handlers! {
    call [] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        enter!(i.imm, i, ip, regs, ctx, budget, iacc, facc)
    }
    // Tries again, unless the stack ends here.
    #[cold]
    #[inline(never)]
    no_room [] (ip, regs, ctx, budget, iacc, facc) {
        if (*ctx).more_stack() {
            budget += (*ctx).call_cost;
            return go!(ip, regs, ctx, budget, iacc, facc);
        }
        trap::<{ TrapCode::StackOverflow as u8 }>(ip, regs, ctx, budget, iacc, facc)
    }
    // The last argument is computed on the way.
    call_add [X: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let x: i64 = X::get(i.b, 0, regs, iacc, facc);
        // Before the stack is checked: the slot lies in this frame's extent.
        *regs.add(i.c as usize) = x.wrapping_add(i.jump as i64) as u64;
        enter!(i.imm, i, ip, regs, ctx, budget, iacc, facc)
    }
    call_ref [X: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let func: i64 = X::get(i.b, 0, regs, iacc, facc);
        enter!(func, i, ip, regs, ctx, budget, iacc, facc)
    }
    ret_none [] (_ip, regs, ctx, budget, iacc, facc) {
        let (back, _, frame) = caller!(regs);
        go!(back, frame, ctx, budget, iacc, facc)
    }
    ret_int [X: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let v: i64 = X::get(i.b, i.imm, regs, iacc, facc);
        let (back, call, frame) = caller!(regs);
        *frame.add(call.a as usize) = v as u64;
        go!(back, frame, ctx, budget, v as u64, facc)
    }
    ret_float [X: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let v: f64 = X::get(i.b, i.imm, regs, iacc, facc);
        let (back, call, frame) = caller!(regs);
        *frame.add(call.a as usize) = v.to_bits();
        go!(back, frame, ctx, budget, iacc, v)
    }
    ret_binary [O: Binary<In: Carried, Out: Carried>, X: Source, Y: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let v = O::eval(X::get(i.b, i.imm, regs, iacc, facc), Y::get(i.c, i.imm, regs, iacc, facc));
        let (back, call, frame) = caller!(regs);
        *frame.add(call.a as usize) = v.to_slot();
        let (iacc, facc) = v.carry(iacc, facc);
        go!(back, frame, ctx, budget, iacc, facc)
    }
    // The values go to the start of the frame, where the caller's copies find them.
    ret_many [] (ip, regs, ctx, budget, iacc, facc) {
        shared::return_values(&*ip, regs);
        let (back, _, frame) = caller!(regs);
        go!(back, frame, ctx, budget, iacc, facc)
    }
    ret_region [] (ip, regs, ctx, budget, iacc, facc) {
        (*ctx).budget = budget;
        if !shared::return_from_region(&*ip, regs, ctx) {
            return trap_pending(ip, regs, ctx, (*ctx).budget, iacc, facc);
        }
        budget = (*ctx).budget;
        let (back, call, frame) = caller!(regs);
        if (*ip).a == 1 {
            *frame.add(call.a as usize) = *regs;
        }
        go!(back, frame, ctx, budget, *regs, f64::from_bits(*regs))
    }
    enter_region [] (ip, regs, ctx, budget, iacc, facc) {
        if !shared::enter_region(ctx) {
            return trap_pending(ip, regs, ctx, budget, iacc, facc);
        }
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    unreachable [] (ip, regs, ctx, budget, iacc, facc) {
        trap::<{ TrapCode::Unreachable as u8 }>(ip, regs, ctx, budget, iacc, facc)
    }
    charge [] (ip, regs, ctx, budget, iacc, facc) {
        let left = budget - (*ip).imm as i64;
        if left < 0 {
            return recharge(ip, regs, ctx, budget, iacc, facc);
        }
        go!(ip.add(1), regs, ctx, left, iacc, facc)
    }
    #[cold]
    #[inline(never)]
    recharge [] (ip, regs, ctx, budget, iacc, facc) {
        budget = (*ctx).charge_slice(ip, regs, budget, (*ip).imm);
        if budget < 0 {
            return trap_pending(ip, regs, ctx, (*ctx).budget, iacc, facc);
        }
        go!((*ctx).next, regs, ctx, budget, iacc, facc)
    }
    // Short ones: inlined, and the budget stays where it is.
    short [P: Execute] (ip, regs, ctx, budget, iacc, facc) {
        if !P::run(&*ip, regs, ctx) {
            return trap_pending(ip, regs, ctx, budget, iacc, facc);
        }
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    // Long ones may charge fuel or run other code.
    long [P: Execute] (ip, regs, ctx, budget, iacc, facc) {
        (*ctx).budget = budget;
        if !P::run(&*ip, regs, ctx) {
            return trap_pending(ip, regs, ctx, (*ctx).budget, iacc, facc);
        }
        go!(ip.add(1), regs, ctx, (*ctx).budget, iacc, facc)
    }
    // As `long`, for what may call back.
    calling [P: Execute] (ip, regs, ctx, budget, iacc, facc) {
        (*ctx).budget = budget;
        (*ctx).top = regs.add((*ip).imm2 as u32 as usize);
        if !P::run(&*ip, regs, ctx) {
            return trap_pending(ip, regs, ctx, (*ctx).budget, iacc, facc);
        }
        go!(ip.add(1), regs, ctx, (*ctx).budget, iacc, facc)
    }
    // Runs compiled code, and returns from the function as `ret_region` does.
    enter_native [] (ip, regs, ctx, budget, _iacc, facc) {
        (*ctx).budget = budget;
        let status = enter::run_native(ip, regs, ctx);
        if status != 0 {
            return leave_native(ip, regs, ctx, (*ctx).budget, status, facc);
        }
        let (back, call, frame) = caller!(regs);
        if (*ip).a == 1 {
            *frame.add(call.a as usize) = *regs;
        }
        go!(back, frame, ctx, (*ctx).budget, *regs, f64::from_bits(*regs))
    }
    // Compiled code trapped, or was not run.
    #[cold]
    #[inline(never)]
    leave_native [] (ip, regs, ctx, budget, status, facc) {
        if status != enter::INTERPRET {
            return trap_pending(ip, regs, ctx, budget, status, facc);
        }
        go!(enter::interpreted(ip), regs, ctx, budget, status, facc)
    }
    first_call [] (ip, regs, ctx, budget, iacc, facc) {
        let code = enter::first_call((*ip).imm, ctx);
        go!(code, regs, ctx, budget, iacc, facc)
    }
}

fn select_ret_binary(op: BinaryOp, x: Src, y: Src) -> Option<Handler> {
    macro_rules! by_op {
        ($($o:ident)*) => {
            match op {
                $(BinaryOp::$o => Some(match (x, y) {
                    (Src::Slot(_), Src::Slot(_)) => ret_binary::<arith::$o, S, S> as Handler,
                    (Src::Slot(_), Src::Acc(_)) => ret_binary::<arith::$o, S, A>,
                    (Src::Acc(_), Src::Slot(_)) => ret_binary::<arith::$o, A, S>,
                    (Src::Slot(_), Src::Imm(_)) => ret_binary::<arith::$o, S, I>,
                    (Src::Acc(_), Src::Imm(_)) => ret_binary::<arith::$o, A, I>,
                    _ => return None,
                }),)*
                _ => None,
            }
        };
    }
    by_op!(I64Add I64Sub I64Mul F64Add F64Sub F64Mul F64Div)
}

pub(super) fn select(m: &Micro) -> Option<Handler> {
    let x = m.src[0];
    Some(match m.op {
        MicroOp::Call => call,
        MicroOp::CallAdd => match x {
            Src::Slot(_) => call_add::<S>,
            Src::Acc(_) => call_add::<A>,
            _ => return None,
        },
        MicroOp::RetBinary(op) => return select_ret_binary(op, x, m.src[1]),
        MicroOp::CallRef => match x {
            Src::Slot(_) => call_ref::<S>,
            Src::Acc(_) => call_ref::<A>,
            _ => return None,
        },
        MicroOp::Ret => match (x, m.class == Class::Float) {
            (Src::None, _) => ret_none,
            (Src::Slot(_), false) => ret_int::<S>,
            (Src::Imm(_), false) => ret_int::<I>,
            (Src::Acc(_), false) => ret_int::<A>,
            (Src::Slot(_), true) => ret_float::<S>,
            (Src::Imm(_), true) => ret_float::<I>,
            (Src::Acc(_), true) => ret_float::<A>,
        },
        MicroOp::RetMany => ret_many,
        MicroOp::RetRegion => ret_region,
        MicroOp::EnterRegion => enter_region,
        MicroOp::Trap => unreachable,
        MicroOp::Charge => charge,
        MicroOp::Shared(p) => {
            if !m.src.iter().all(|s| slot_or_none(*s)) {
                return None;
            }
            macro_rules! by_elem {
                ($elem:expr, $run:ident) => {
                    match $elem {
                        Elem::U8 => short::<shared::$run<crate::interp::element::U8>>,
                        Elem::I32 => short::<shared::$run<crate::interp::element::I32>>,
                        Elem::I64 => short::<shared::$run<crate::interp::element::I64>>,
                        Elem::F32 | Elem::C64 => short::<shared::$run<crate::interp::element::F32>>,
                        Elem::F64 | Elem::C128 => short::<shared::$run<crate::interp::element::F64>>,
                        Elem::Bool => short::<shared::$run<crate::interp::element::Bool>>,
                    }
                };
            }
            match p {
                SharedOp::GlobalGet => short::<shared::GlobalGet>,
                SharedOp::GlobalSet => short::<shared::GlobalSet>,
                SharedOp::GlobalSetObject => long::<shared::GlobalSetObject>,
                SharedOp::ConstGet => short::<shared::ConstGet>,
                SharedOp::RegionBegin => long::<shared::RegionBegin>,
                SharedOp::RegionEnd => long::<shared::RegionEnd>,
                SharedOp::RegionRenew => long::<shared::RegionRenew>,
                SharedOp::TensorLen => short::<shared::TensorLen>,
                SharedOp::TensorRank => short::<shared::TensorRank>,
                SharedOp::TensorDim => short::<shared::TensorDim>,
                SharedOp::TensorToHost => long::<shared::TensorToHost>,
                SharedOp::Load3(e) => by_elem!(e, Load3),
                SharedOp::Store3(e) => by_elem!(e, Store3),
                SharedOp::LoadPart(e) => by_elem!(e, LoadPart),
                SharedOp::StorePart(e) => by_elem!(e, StorePart),
                SharedOp::ListNew => long::<shared::ListNew>,
                SharedOp::ListLen => short::<shared::ListLen>,
                SharedOp::ListGet => short::<shared::ListGet>,
                SharedOp::ListSet => short::<shared::ListSet>,
                SharedOp::ListSetObject => long::<shared::ListSetObject>,
                SharedOp::CallOp => calling::<shared::CallOp>,
                SharedOp::CallHost => calling::<shared::CallHost>,
            }
        }
        _ => return None,
    })
}
