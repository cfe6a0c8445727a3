//! Handlers of scalar arithmetic, one for each operation and operand source.

use super::{A, Carried, Context, Handler, I, Instr, S, Source, go, handlers, trap};
use crate::arith::{self, Binary, Division, Truncation, Unary};
use crate::machine::micro::{BinaryOp, CompareOp, DivisionOp, Micro, MicroOp, Src, TruncationOp, UnaryOp};
use crate::trap::TrapCode;

handlers! {
    binary [O: Binary<In: Carried, Out: Carried>, X: Source, Y: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let x = X::get(i.b, i.imm, regs, iacc, facc);
        let y = Y::get(i.c, i.imm, regs, iacc, facc);
        let v = O::eval(x, y);
        *regs.add(i.a as usize) = crate::arith::Scalar::to_slot(v);
        let (iacc, facc) = v.carry(iacc, facc);
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    division [O: Division<In: Carried>, X: Source, Y: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let x = X::get(i.b, i.imm, regs, iacc, facc);
        let y = Y::get(i.c, i.imm, regs, iacc, facc);
        if O::is_zero(y) {
            return trap::<{ TrapCode::DivideByZero as u8 }>(ip, regs, ctx, budget, iacc, facc);
        }
        let v = O::eval(x, y);
        *regs.add(i.a as usize) = crate::arith::Scalar::to_slot(v);
        let (iacc, facc) = v.carry(iacc, facc);
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    unary [O: Unary<In: Carried, Out: Carried>, X: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let v = O::eval(X::get(i.b, i.imm, regs, iacc, facc));
        *regs.add(i.a as usize) = crate::arith::Scalar::to_slot(v);
        let (iacc, facc) = v.carry(iacc, facc);
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    truncation [O: Truncation<In: Carried, Out: Carried>, X: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let Some(v) = O::eval(X::get(i.b, i.imm, regs, iacc, facc)) else {
            return trap::<{ TrapCode::ConversionOutOfRange as u8 }>(ip, regs, ctx, budget, iacc, facc);
        };
        *regs.add(i.a as usize) = crate::arith::Scalar::to_slot(v);
        let (iacc, facc) = v.carry(iacc, facc);
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    fma_f64 [] (ip, regs, ctx, budget, iacc, _facc) {
        let i = &*ip;
        let get = |slot: u16| f64::from_bits(*regs.add(slot as usize));
        let v = get(i.b).mul_add(get(i.c), get(i.d));
        *regs.add(i.a as usize) = v.to_bits();
        go!(ip.add(1), regs, ctx, budget, iacc, v)
    }
    fma_f32 [] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let get = |slot: u16| f32::from_bits(*regs.add(slot as usize) as u32);
        let v = get(i.b).mul_add(get(i.c), get(i.d));
        *regs.add(i.a as usize) = v.to_bits() as u64;
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    // Copies carry the value both ways: its class is not known here, and the
    // translator says which of the two the next operation may read.
    copy_int [X: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let v: i64 = X::get(i.b, i.imm, regs, iacc, facc);
        *regs.add(i.a as usize) = v as u64;
        go!(ip.add(1), regs, ctx, budget, v as u64, facc)
    }
    copy_float [X: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let v: f64 = X::get(i.b, i.imm, regs, iacc, facc);
        *regs.add(i.a as usize) = v.to_bits();
        go!(ip.add(1), regs, ctx, budget, iacc, v)
    }
    select_int [C: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let cond: bool = C::get(i.b, 0, regs, iacc, facc);
        let v = std::hint::select_unpredictable(cond, *regs.add(i.c as usize), *regs.add(i.d as usize));
        *regs.add(i.a as usize) = v;
        go!(ip.add(1), regs, ctx, budget, v, facc)
    }
    test_bits [X: Source, const NEGATE: bool] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let x: i64 = X::get(i.b, 0, regs, iacc, facc);
        let v = ((x as u64 & i.imm != 0) != NEGATE) as u64;
        *regs.add(i.a as usize) = v;
        go!(ip.add(1), regs, ctx, budget, v, facc)
    }
    select_bits [X: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let x: i64 = X::get(i.b, 0, regs, iacc, facc);
        let cond = x as u64 & i.imm != 0;
        let v = std::hint::select_unpredictable(cond, *regs.add(i.c as usize), *regs.add(i.d as usize));
        *regs.add(i.a as usize) = v;
        go!(ip.add(1), regs, ctx, budget, v, facc)
    }
    select_float [C: Source] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let cond: bool = C::get(i.b, 0, regs, iacc, facc);
        let v = std::hint::select_unpredictable(cond, *regs.add(i.c as usize), *regs.add(i.d as usize));
        *regs.add(i.a as usize) = v;
        go!(ip.add(1), regs, ctx, budget, iacc, f64::from_bits(v))
    }
}

/// `$handler<$($arg,)* sources of x and y>`.
macro_rules! by_two {
    ($x:expr, $y:expr, $handler:ident, $op:ty) => {
        match ($x, $y) {
            (Src::Slot(_), Src::Slot(_)) => $handler::<$op, S, S>,
            (Src::Slot(_), Src::Imm(_)) => $handler::<$op, S, I>,
            (Src::Slot(_), Src::Acc(_)) => $handler::<$op, S, A>,
            (Src::Acc(_), Src::Slot(_)) => $handler::<$op, A, S>,
            (Src::Acc(_), Src::Imm(_)) => $handler::<$op, A, I>,
            (Src::Acc(_), Src::Acc(_)) => $handler::<$op, A, A>,
            (Src::Imm(_), Src::Slot(_)) => $handler::<$op, I, S>,
            (Src::Imm(_), Src::Acc(_)) => $handler::<$op, I, A>,
            _ => return None,
        }
    };
}

macro_rules! by_one {
    ($x:expr, $handler:ident, $op:ty) => {
        match $x {
            Src::Slot(_) => $handler::<$op, S>,
            Src::Acc(_) => $handler::<$op, A>,
            _ => return None,
        }
    };
}

macro_rules! select_binary {
    ($($method:ident $name:ident $in:ident $out:ident |$a:ident, $b:ident| $v:expr;)*) => {
        fn select_binary(op: BinaryOp, x: Src, y: Src) -> Option<Handler> {
            Some(match op { $(BinaryOp::$name => by_two!(x, y, binary, arith::$name),)* })
        }
    };
}
macro_rules! select_compare {
    ($($method:ident $name:ident $in:ident |$a:ident, $b:ident| $v:expr;)*) => {
        fn select_compare(op: CompareOp, x: Src, y: Src) -> Option<Handler> {
            Some(match op { $(CompareOp::$name => by_two!(x, y, binary, arith::$name),)* })
        }
    };
}
macro_rules! select_division {
    ($($method:ident $name:ident $in:ident |$a:ident, $b:ident| $v:expr;)*) => {
        fn select_division(op: DivisionOp, x: Src, y: Src) -> Option<Handler> {
            Some(match op { $(DivisionOp::$name => by_two!(x, y, division, arith::$name),)* })
        }
    };
}
macro_rules! select_unary {
    ($($method:ident $name:ident $in:ident $out:ident |$a:ident| $v:expr;)*) => {
        fn select_unary(op: UnaryOp, x: Src) -> Option<Handler> {
            Some(match op { $(UnaryOp::$name => by_one!(x, unary, arith::$name),)* })
        }
    };
}
macro_rules! select_truncation {
    ($($method:ident $name:ident $in:ident $out:ident |$a:ident| $v:expr;)*) => {
        fn select_truncation(op: TruncationOp, x: Src) -> Option<Handler> {
            Some(match op { $(TruncationOp::$name => by_one!(x, truncation, arith::$name),)* })
        }
    };
}
arith::for_each_binary!(select_binary);
arith::for_each_compare!(select_compare);
arith::for_each_division!(select_division);
arith::for_each_unary!(select_unary);
arith::for_each_truncation!(select_truncation);

pub(super) fn select(m: &Micro) -> Option<Handler> {
    use crate::machine::micro::Class;
    let [x, y, z, ..] = m.src;
    let float = m.class == Class::Float;
    match m.op {
        MicroOp::Binary(op) => select_binary(op, x, y),
        MicroOp::Compare(op) => select_compare(op, x, y),
        MicroOp::Division(op) => select_division(op, x, y),
        MicroOp::Unary(op) => select_unary(op, x),
        MicroOp::Truncation(op) => select_truncation(op, x),
        MicroOp::Fma { wide } => match (x, y, z) {
            (Src::Slot(_), Src::Slot(_), Src::Slot(_)) => Some(if wide { fma_f64 } else { fma_f32 }),
            _ => None,
        },
        MicroOp::Copy => Some(match (x, float) {
            (Src::Slot(_), false) => copy_int::<S>,
            (Src::Imm(_), false) => copy_int::<I>,
            (Src::Acc(_), false) => copy_int::<A>,
            (Src::Slot(_), true) => copy_float::<S>,
            (Src::Imm(_), true) => copy_float::<I>,
            (Src::Acc(_), true) => copy_float::<A>,
            (Src::None, _) => return None,
        }),
        MicroOp::TestBits { negate } => match (x, y, negate) {
            (Src::Slot(_), Src::Imm(_), false) => Some(test_bits::<S, false>),
            (Src::Slot(_), Src::Imm(_), true) => Some(test_bits::<S, true>),
            (Src::Acc(_), Src::Imm(_), false) => Some(test_bits::<A, false>),
            (Src::Acc(_), Src::Imm(_), true) => Some(test_bits::<A, true>),
            _ => None,
        },
        MicroOp::SelectBits => match (x, y, z) {
            (Src::Slot(_), Src::Slot(_), Src::Slot(_)) => Some(select_bits::<S>),
            (Src::Acc(_), Src::Slot(_), Src::Slot(_)) => Some(select_bits::<A>),
            _ => None,
        },
        MicroOp::Select => match (x, y, z, float) {
            (Src::Slot(_), Src::Slot(_), Src::Slot(_), false) => Some(select_int::<S>),
            (Src::Acc(_), Src::Slot(_), Src::Slot(_), false) => Some(select_int::<A>),
            (Src::Slot(_), Src::Slot(_), Src::Slot(_), true) => Some(select_float::<S>),
            (Src::Acc(_), Src::Slot(_), Src::Slot(_), true) => Some(select_float::<A>),
            _ => None,
        },
        _ => None,
    }
}
