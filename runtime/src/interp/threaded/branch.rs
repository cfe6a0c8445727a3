//! Handlers of branches, among them compare-and-branch and
//! increment-compare-and-branch. A branch back to a loop header counts down
//! the budget.

use super::{A, Carried, Context, Handler, I, Instr, S, Source, go, handlers, poll};
use crate::arith::{self, Binary, Scalar};
use crate::load::micro::{CompareOp, Micro, MicroOp, Src};

handlers! {
    br [const BACK: bool] (ip, regs, ctx, budget, iacc, facc) {
        if BACK {
            if budget <= 0 {
                return poll(ip, regs, ctx, budget, iacc, facc);
            }
            budget -= 1;
        }
        go!(ip.byte_offset((*ip).jump as isize), regs, ctx, budget, iacc, facc)
    }
    br_if [X: Source, const NEGATE: bool, const BACK: bool] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let cond: bool = X::get(i.b, 0, regs, iacc, facc);
        if BACK {
            if budget <= 0 {
                return poll(ip, regs, ctx, budget, iacc, facc);
            }
            budget -= 1;
        }
        if cond != NEGATE {
            go!(ip.byte_offset(i.jump as isize), regs, ctx, budget, iacc, facc)
        } else {
            go!(ip.add(1), regs, ctx, budget, iacc, facc)
        }
    }
    br_compare [O: Binary<In: Carried, Out = bool>, X: Source, Y: Source, const NEGATE: bool, const BACK: bool]
        (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let x = X::get(i.b, i.imm, regs, iacc, facc);
        let y = Y::get(i.c, i.imm, regs, iacc, facc);
        if BACK {
            if budget <= 0 {
                return poll(ip, regs, ctx, budget, iacc, facc);
            }
            budget -= 1;
        }
        if O::eval(x, y) != NEGATE {
            go!(ip.byte_offset(i.jump as isize), regs, ctx, budget, iacc, facc)
        } else {
            go!(ip.add(1), regs, ctx, budget, iacc, facc)
        }
    }
    // The limit's literal is the second one, sign-extended.
    step_branch [O: Binary<In: Step, Out = bool>, Y: Source, Z: Source, const BACK: bool]
        (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        if BACK {
            if budget <= 0 {
                return poll(ip, regs, ctx, budget, iacc, facc);
            }
            budget -= 1;
        }
        let x: O::In = S::get(i.b, 0, regs, iacc, facc);
        let y: O::In = Y::get(i.c, i.imm, regs, iacc, facc);
        let v = x.step(y);
        *regs.add(i.a as usize) = v.to_slot();
        let z: O::In = Z::get(i.d, i.imm2 as i64 as u64, regs, iacc, facc);
        if O::eval(v, z) {
            go!(ip.byte_offset(i.jump as isize), regs, ctx, budget, v.to_slot(), facc)
        } else {
            go!(ip.add(1), regs, ctx, budget, v.to_slot(), facc)
        }
    }
    // Goes to the table entry numbered by the operand; the last is the default.
    switch [X: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let at: i64 = X::get(i.b, 0, regs, iacc, facc);
        let at = (at as u64).min(i.imm) as usize;
        go!(ip.add(1 + at), regs, ctx, budget, iacc, facc)
    }
}

/// Integers a loop counts with.
pub(super) trait Step: Carried {
    fn step(self, by: Self) -> Self;
}
impl Step for i32 {
    #[inline(always)]
    fn step(self, by: i32) -> i32 {
        self.wrapping_add(by)
    }
}
impl Step for i64 {
    #[inline(always)]
    fn step(self, by: i64) -> i64 {
        self.wrapping_add(by)
    }
}

macro_rules! by_flags {
    ($handler:ident, $op:ty, $x:ty, $y:ty, $negate:expr, $back:expr) => {
        match ($negate, $back) {
            (false, false) => $handler::<$op, $x, $y, false, false>,
            (false, true) => $handler::<$op, $x, $y, false, true>,
            (true, false) => $handler::<$op, $x, $y, true, false>,
            (true, true) => $handler::<$op, $x, $y, true, true>,
        }
    };
}

macro_rules! by_sources {
    ($op:ty, $x:expr, $y:expr, $negate:expr, $back:expr) => {
        match ($x, $y) {
            (Src::Slot(_), Src::Slot(_)) => by_flags!(br_compare, $op, S, S, $negate, $back),
            (Src::Slot(_), Src::Imm(_)) => by_flags!(br_compare, $op, S, I, $negate, $back),
            (Src::Slot(_), Src::Acc) => by_flags!(br_compare, $op, S, A, $negate, $back),
            (Src::Acc, Src::Slot(_)) => by_flags!(br_compare, $op, A, S, $negate, $back),
            (Src::Acc, Src::Imm(_)) => by_flags!(br_compare, $op, A, I, $negate, $back),
            _ => return None,
        }
    };
}

macro_rules! select_compare {
    ($($method:ident $name:ident $in:ident |$a:ident, $b:ident| $v:expr;)*) => {
        fn select_compare(op: CompareOp, x: Src, y: Src, negate: bool, back: bool) -> Option<Handler> {
            Some(match op { $(CompareOp::$name => by_sources!(arith::$name, x, y, negate, back),)* })
        }
    };
}
arith::for_each_compare!(select_compare);

macro_rules! by_step {
    ($y:expr, $z:expr, $back:expr, $op:expr; $($name:ident)*) => {
        match $op {
            $(CompareOp::$name => match ($y, $z, $back) {
                (Src::Slot(_), Src::Slot(_), false) => step_branch::<arith::$name, S, S, false>,
                (Src::Slot(_), Src::Slot(_), true) => step_branch::<arith::$name, S, S, true>,
                (Src::Slot(_), Src::Imm(_), false) => step_branch::<arith::$name, S, I, false>,
                (Src::Slot(_), Src::Imm(_), true) => step_branch::<arith::$name, S, I, true>,
                (Src::Imm(_), Src::Slot(_), false) => step_branch::<arith::$name, I, S, false>,
                (Src::Imm(_), Src::Slot(_), true) => step_branch::<arith::$name, I, S, true>,
                (Src::Imm(_), Src::Imm(_), false) => step_branch::<arith::$name, I, I, false>,
                (Src::Imm(_), Src::Imm(_), true) => step_branch::<arith::$name, I, I, true>,
                _ => return None,
            },)*
            _ => return None,
        }
    };
}

pub(super) fn select(m: &Micro) -> Option<Handler> {
    let [x, y, z, ..] = m.src;
    let back = m.counts;
    match m.op {
        MicroOp::Br => Some(if back { br::<true> } else { br::<false> }),
        MicroOp::BrIf { negate } => Some(match (x, negate, back) {
            (Src::Slot(_), false, false) => br_if::<S, false, false>,
            (Src::Slot(_), false, true) => br_if::<S, false, true>,
            (Src::Slot(_), true, false) => br_if::<S, true, false>,
            (Src::Slot(_), true, true) => br_if::<S, true, true>,
            (Src::Acc, false, false) => br_if::<A, false, false>,
            (Src::Acc, false, true) => br_if::<A, false, true>,
            (Src::Acc, true, false) => br_if::<A, true, false>,
            (Src::Acc, true, true) => br_if::<A, true, true>,
            _ => return None,
        }),
        MicroOp::BrCompare { op, negate } => select_compare(op, x, y, negate, back),
        MicroOp::StepBranch(op) if matches!(x, Src::Slot(_)) => {
            if let Src::Imm(v) = z
                && i32::try_from(v as i64).is_err()
            {
                return None;
            }
            Some(by_step!(y, z, back, op;
                I64Lt I64Le I64Gt I64Ge I64Eq I64Ne I64LtU I64LeU I64GtU I64GeU
                I32Lt I32Le I32Gt I32Ge I32Eq I32Ne I32LtU I32LeU I32GtU I32GeU))
        }
        MicroOp::Switch => match x {
            Src::Slot(_) => Some(switch::<S>),
            Src::Acc => Some(switch::<A>),
            _ => None,
        },
        _ => None,
    }
}
