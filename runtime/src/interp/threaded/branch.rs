//! Handlers of branches, among them compare-and-branch and
//! increment-compare-and-branch. A branch back to a loop header counts down
//! the budget.

use super::{A, Carried, Context, Handler, I, Instr, S, Source, go, handlers, poll};
use crate::arith::{self, Binary, Scalar};
use crate::machine::micro::{BinaryOp, CompareOp, Micro, MicroOp, Src};

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
    // The literal of `z` is the second one, sign-extended.
    binary_branch [P: Binary<In: Carried, Out: Carried>, O: Binary<In = P::Out, Out = bool>, X: Source, Y: Source,
        Z: Source, const NEGATE: bool, const BACK: bool] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        if BACK {
            if budget <= 0 {
                return poll(ip, regs, ctx, budget, iacc, facc);
            }
            budget -= 1;
        }
        let x = X::get(i.b, i.imm, regs, iacc, facc);
        let y = Y::get(i.c, i.imm, regs, iacc, facc);
        let v = P::eval(x, y);
        let z = Z::get(i.d, i.imm2 as i64 as u64, regs, iacc, facc);
        *regs.add(i.a as usize) = v.to_slot();
        let (iacc, facc) = v.carry(iacc, facc);
        if O::eval(v, z) != NEGATE {
            go!(ip.byte_offset(i.jump as isize), regs, ctx, budget, iacc, facc)
        } else {
            go!(ip.add(1), regs, ctx, budget, iacc, facc)
        }
    }
    add_and_branch [O: Binary<In = i64, Out = bool>, X: Source, Y: Source, Z: Source, const BACK: bool]
        (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        if BACK {
            if budget <= 0 {
                return poll(ip, regs, ctx, budget, iacc, facc);
            }
            budget -= 1;
        }
        let y = Y::get(i.d, 0, regs, iacc, facc);
        let z = Z::get(i.imm2 as u16, i.imm2 as i64 as u64, regs, iacc, facc);
        let v = X::get::<i64>(i.b, 0, regs, iacc, facc).wrapping_add(i.imm as i64);
        *regs.add(i.a as usize) = v as u64;
        if O::eval(y, z) {
            go!(ip.byte_offset(i.jump as isize), regs, ctx, budget, v as u64, facc)
        } else {
            go!(ip.add(1), regs, ctx, budget, v as u64, facc)
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
            (Src::Slot(_), Src::Acc(_)) => by_flags!(br_compare, $op, S, A, $negate, $back),
            (Src::Acc(_), Src::Slot(_)) => by_flags!(br_compare, $op, A, S, $negate, $back),
            (Src::Acc(_), Src::Imm(_)) => by_flags!(br_compare, $op, A, I, $negate, $back),
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

/// `binary_branch` for operation `$p` and the comparisons `$name`.
macro_rules! by_branch {
    ($p:ident, $compare:expr, $sources:ident, $back:expr; $($name:ident)*) => {
        match $compare {
            $(CompareOp::$name => $sources!($p, $name, $back),)*
            _ => None,
        }
    };
}

fn select_binary_branch(m: &Micro, first: BinaryOp, compare: CompareOp, negate: bool) -> Option<Handler> {
    let [x, y, z, ..] = m.src;
    if let Src::Imm(v) = z
        && i32::try_from(v as i64).is_err()
    {
        return None;
    }
    macro_rules! int {
        ($p:ident, $o:ident, $back:expr) => {
            match (x, y, z, $back) {
                (Src::Slot(_), Src::Slot(_), Src::Slot(_), false) => int!(@ $p $o S S S false),
                (Src::Slot(_), Src::Slot(_), Src::Slot(_), true) => int!(@ $p $o S S S true),
                (Src::Slot(_), Src::Slot(_), Src::Imm(_), false) => int!(@ $p $o S S I false),
                (Src::Slot(_), Src::Slot(_), Src::Imm(_), true) => int!(@ $p $o S S I true),
                (Src::Slot(_), Src::Imm(_), Src::Slot(_), false) => int!(@ $p $o S I S false),
                (Src::Slot(_), Src::Imm(_), Src::Slot(_), true) => int!(@ $p $o S I S true),
                (Src::Slot(_), Src::Imm(_), Src::Imm(_), false) => int!(@ $p $o S I I false),
                (Src::Slot(_), Src::Imm(_), Src::Imm(_), true) => int!(@ $p $o S I I true),
                (Src::Acc(_), Src::Slot(_), Src::Slot(_), false) => int!(@ $p $o A S S false),
                (Src::Acc(_), Src::Slot(_), Src::Slot(_), true) => int!(@ $p $o A S S true),
                (Src::Acc(_), Src::Imm(_), Src::Slot(_), false) => int!(@ $p $o A I S false),
                (Src::Acc(_), Src::Imm(_), Src::Slot(_), true) => int!(@ $p $o A I S true),
                (Src::Acc(_), Src::Imm(_), Src::Imm(_), false) => int!(@ $p $o A I I false),
                (Src::Acc(_), Src::Imm(_), Src::Imm(_), true) => int!(@ $p $o A I I true),
                _ => None,
            }
        };
        (@ $p:ident $o:ident $x:ident $y:ident $z:ident $back:literal) => {
            Some(binary_branch::<arith::$p, arith::$o, $x, $y, $z, false, $back> as Handler)
        };
    }
    macro_rules! float {
        ($p:ident, $o:ident, $back:expr) => {
            match (x, y, z, negate, $back) {
                (Src::Slot(_), Src::Slot(_), Src::Slot(_), false, false) => float!(@ $p $o S S false false),
                (Src::Slot(_), Src::Slot(_), Src::Slot(_), false, true) => float!(@ $p $o S S false true),
                (Src::Slot(_), Src::Slot(_), Src::Slot(_), true, false) => float!(@ $p $o S S true false),
                (Src::Slot(_), Src::Slot(_), Src::Slot(_), true, true) => float!(@ $p $o S S true true),
                (Src::Acc(_), Src::Slot(_), Src::Slot(_), false, false) => float!(@ $p $o A S false false),
                (Src::Acc(_), Src::Slot(_), Src::Slot(_), false, true) => float!(@ $p $o A S false true),
                (Src::Acc(_), Src::Slot(_), Src::Slot(_), true, false) => float!(@ $p $o A S true false),
                (Src::Acc(_), Src::Slot(_), Src::Slot(_), true, true) => float!(@ $p $o A S true true),
                (Src::Slot(_), Src::Acc(_), Src::Slot(_), false, false) => float!(@ $p $o S A false false),
                (Src::Slot(_), Src::Acc(_), Src::Slot(_), false, true) => float!(@ $p $o S A false true),
                (Src::Slot(_), Src::Acc(_), Src::Slot(_), true, false) => float!(@ $p $o S A true false),
                (Src::Slot(_), Src::Acc(_), Src::Slot(_), true, true) => float!(@ $p $o S A true true),
                _ => None,
            }
        };
        (@ $p:ident $o:ident $x:ident $y:ident $negate:literal $back:literal) => {
            Some(binary_branch::<arith::$p, arith::$o, $x, $y, S, $negate, $back> as Handler)
        };
    }
    let back = m.counts;
    match (first, negate) {
        (BinaryOp::I64Add, false) => by_branch!(I64Add, compare, int, back;
            I64Eq I64Ne I64Lt I64Le I64Gt I64Ge I64LtU I64LeU I64GtU I64GeU),
        (BinaryOp::I32Add, false) => by_branch!(I32Add, compare, int, back;
            I32Eq I32Ne I32Lt I32Le I32Gt I32Ge I32LtU I32LeU I32GtU I32GeU),
        (BinaryOp::I64And, false) => by_branch!(I64And, compare, int, back; I64Eq I64Ne),
        (BinaryOp::I32And, false) => by_branch!(I32And, compare, int, back; I32Eq I32Ne),
        (BinaryOp::I64Shr, false) => by_branch!(I64Shr, compare, int, back; I64Eq I64Ne I64Gt),
        (BinaryOp::I64ShrU, false) => by_branch!(I64ShrU, compare, int, back; I64Eq I64Ne I64Gt),
        (BinaryOp::I64Mul, false) => by_branch!(I64Mul, compare, int, back; I64Lt I64Le I64Gt I64Ge),
        (BinaryOp::F64Add, _) => by_branch!(F64Add, compare, float, back; F64Lt F64Le F64Gt F64Ge),
        (BinaryOp::F64Sub, _) => by_branch!(F64Sub, compare, float, back; F64Lt F64Le F64Gt F64Ge),
        (BinaryOp::F64Mul, _) => by_branch!(F64Mul, compare, float, back; F64Lt F64Le F64Gt F64Ge),
        _ => None,
    }
}

fn select_add_and_branch(m: &Micro, compare: CompareOp) -> Option<Handler> {
    let [x, by, y, z, _] = m.src;
    if !matches!(by, Src::Imm(_)) {
        return None;
    }
    if let Src::Imm(v) = z
        && i32::try_from(v as i64).is_err()
    {
        return None;
    }
    macro_rules! by_compare {
        ($($o:ident)*) => {
            match compare {
                $(CompareOp::$o => match (x, y, z, m.counts) {
                    (Src::Slot(_), Src::Slot(_), Src::Slot(_), false) => by_compare!(@ $o S S S false),
                    (Src::Slot(_), Src::Slot(_), Src::Slot(_), true) => by_compare!(@ $o S S S true),
                    (Src::Slot(_), Src::Slot(_), Src::Imm(_), false) => by_compare!(@ $o S S I false),
                    (Src::Slot(_), Src::Slot(_), Src::Imm(_), true) => by_compare!(@ $o S S I true),
                    (Src::Slot(_), Src::Acc(_), Src::Slot(_), false) => by_compare!(@ $o S A S false),
                    (Src::Slot(_), Src::Acc(_), Src::Slot(_), true) => by_compare!(@ $o S A S true),
                    (Src::Slot(_), Src::Acc(_), Src::Imm(_), false) => by_compare!(@ $o S A I false),
                    (Src::Slot(_), Src::Acc(_), Src::Imm(_), true) => by_compare!(@ $o S A I true),
                    _ => None,
                },)*
                _ => None,
            }
        };
        (@ $o:ident $x:ident $y:ident $z:ident $back:literal) => {
            Some(add_and_branch::<arith::$o, $x, $y, $z, $back> as Handler)
        };
    }
    by_compare!(I64Eq I64Ne I64Lt I64Le I64Gt I64Ge)
}

pub(super) fn select(m: &Micro) -> Option<Handler> {
    let [x, y, ..] = m.src;
    let back = m.counts;
    match m.op {
        MicroOp::Br => Some(if back { br::<true> } else { br::<false> }),
        MicroOp::BrIf { negate } => Some(match (x, negate, back) {
            (Src::Slot(_), false, false) => br_if::<S, false, false>,
            (Src::Slot(_), false, true) => br_if::<S, false, true>,
            (Src::Slot(_), true, false) => br_if::<S, true, false>,
            (Src::Slot(_), true, true) => br_if::<S, true, true>,
            (Src::Acc(_), false, false) => br_if::<A, false, false>,
            (Src::Acc(_), false, true) => br_if::<A, false, true>,
            (Src::Acc(_), true, false) => br_if::<A, true, false>,
            (Src::Acc(_), true, true) => br_if::<A, true, true>,
            _ => return None,
        }),
        MicroOp::BrCompare { op, negate } => select_compare(op, x, y, negate, back),
        MicroOp::BinaryBranch { first, compare, negate } => select_binary_branch(m, first, compare, negate),
        MicroOp::AddAndBranch(compare) => select_add_and_branch(m, compare),
        MicroOp::Switch => match x {
            Src::Slot(_) => Some(switch::<S>),
            Src::Acc(_) => Some(switch::<A>),
            _ => None,
        },
        _ => None,
    }
}
