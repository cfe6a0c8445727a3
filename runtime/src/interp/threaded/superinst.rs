//! Handlers of superinstructions made of two: two arithmetic operations, or a tensor element
//! and an arithmetic operation on it.

use super::memory::{Index, refuse, refused, tensor};
use super::{A, Carried, Context, Handler, I, Instr, S, Source, go, handlers, slot_or_none};
use crate::arith::{self, Binary, Scalar};
use crate::interp::element::{self, Element};
use crate::machine::micro::{BinaryOp, Micro, MicroOp, Src};
use nbc_ir::Elem;

handlers! {
    // `(x P y) Q z`; the literal of `z` is the second one, sign-extended.
    pair [P: Binary<In: Carried, Out: Carried>, Q: Binary<In = P::Out, Out: Carried>, X: Source, Y: Source, Z: Source, const SWAPPED: bool]
        (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let x = X::get(i.b, i.imm, regs, iacc, facc);
        let y = Y::get(i.c, i.imm, regs, iacc, facc);
        let z = Z::get::<P::Out>(i.d, i.imm2 as i64 as u64, regs, iacc, facc);
        let t = P::eval(x, y);
        let v = if SWAPPED { Q::eval(z, t) } else { Q::eval(t, z) };
        *regs.add(i.a as usize) = v.to_slot();
        let (iacc, facc) = v.carry(iacc, facc);
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    load_binary [E: Element<Reg: Carried>, O: Binary<In = E::Reg, Out: Carried>, X: Index, V: Source, const SWAPPED: bool]
        (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let t = tensor(regs, i.b);
        let index = X::at(i.c, i.imm, regs, iacc);
        let Some(at) = element::at1(t, index) else {
            refuse!(1, false, index, ip, regs, ctx, budget, facc)
        };
        let w = E::read((*t).data, at);
        let v = V::get::<E::Reg>(i.imm2 as u16, 0, regs, iacc, facc);
        let v = if SWAPPED { O::eval(w, v) } else { O::eval(v, w) };
        *regs.add(i.a as usize) = v.to_slot();
        let (iacc, facc) = v.carry(iacc, facc);
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
    load2_binary [E: Element<Reg: Carried>, O: Binary<In = E::Reg, Out: Carried>, X: Index, V: Source, const SWAPPED: bool]
        (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        let t = tensor(regs, i.b);
        let index = X::at(i.d, i.imm, regs, iacc);
        let Some(at) = element::at2(t, *regs.add(i.c as usize) as i64, index) else {
            refuse!(2, false, index, ip, regs, ctx, budget, facc)
        };
        let w = E::read((*t).data, at);
        let v = V::get::<E::Reg>(i.imm2 as u16, 0, regs, iacc, facc);
        let v = if SWAPPED { O::eval(w, v) } else { O::eval(v, w) };
        *regs.add(i.a as usize) = v.to_slot();
        let (iacc, facc) = v.carry(iacc, facc);
        go!(ip.add(1), regs, ctx, budget, iacc, facc)
    }
}

/// Rows of `first: second*`, for the operations that are merged.
macro_rules! by_pair {
    ($make:ident, $first:expr, $second:expr, $swapped:expr; [$($p:ident)*] $seconds:tt) => {
        match $first {
            $(BinaryOp::$p => by_pair!(@second $make, $p, $second, $swapped; $seconds),)*
            _ => None,
        }
    };
    (@second $make:ident, $p:ident, $second:expr, $swapped:expr; [$($q:ident)*; $($r:ident)*]) => {
        match ($second, $swapped) {
            $((BinaryOp::$q, false) => $make!(arith::$p, arith::$q, false),)*
            // The order of operands matters to these only.
            $((BinaryOp::$r, true) => $make!(arith::$p, arith::$r, true),)*
            _ => None,
        }
    };
}

fn select_pair(m: &Micro, first: BinaryOp, second: BinaryOp, swapped: bool) -> Option<Handler> {
    let [x, y, z, ..] = m.src;
    if let Src::Imm(v) = z
        && i32::try_from(v as i64).is_err()
    {
        return None;
    }
    macro_rules! int {
        ($p:ty, $q:ty, $swapped:literal) => {
            match (x, y, z) {
                (Src::Slot(_), Src::Slot(_), Src::Slot(_)) => {
                    Some(pair::<$p, $q, S, S, S, $swapped> as Handler)
                }
                (Src::Slot(_), Src::Slot(_), Src::Imm(_)) => {
                    Some(pair::<$p, $q, S, S, I, $swapped> as Handler)
                }
                (Src::Slot(_), Src::Imm(_), Src::Slot(_)) => {
                    Some(pair::<$p, $q, S, I, S, $swapped> as Handler)
                }
                (Src::Slot(_), Src::Imm(_), Src::Imm(_)) => {
                    Some(pair::<$p, $q, S, I, I, $swapped> as Handler)
                }
                (Src::Slot(_), Src::Imm(_), Src::Acc(_)) => {
                    Some(pair::<$p, $q, S, I, A, $swapped> as Handler)
                }
                (Src::Acc(_), Src::Slot(_), Src::Slot(_)) => {
                    Some(pair::<$p, $q, A, S, S, $swapped> as Handler)
                }
                (Src::Acc(_), Src::Slot(_), Src::Imm(_)) => {
                    Some(pair::<$p, $q, A, S, I, $swapped> as Handler)
                }
                (Src::Acc(_), Src::Imm(_), Src::Slot(_)) => {
                    Some(pair::<$p, $q, A, I, S, $swapped> as Handler)
                }
                (Src::Acc(_), Src::Imm(_), Src::Imm(_)) => Some(pair::<$p, $q, A, I, I, $swapped> as Handler),
                (Src::Acc(_), Src::Imm(_), Src::Acc(_)) => Some(pair::<$p, $q, A, I, A, $swapped> as Handler),
                _ => None,
            }
        };
    }
    macro_rules! float {
        ($p:ty, $q:ty, $swapped:literal) => {
            match (x, y, z) {
                (Src::Slot(_), Src::Slot(_), Src::Slot(_)) => {
                    Some(pair::<$p, $q, S, S, S, $swapped> as Handler)
                }
                (Src::Slot(_), Src::Slot(_), Src::Acc(_)) => {
                    Some(pair::<$p, $q, S, S, A, $swapped> as Handler)
                }
                (Src::Slot(_), Src::Imm(_), Src::Slot(_)) => {
                    Some(pair::<$p, $q, S, I, S, $swapped> as Handler)
                }
                (Src::Slot(_), Src::Acc(_), Src::Slot(_)) => {
                    Some(pair::<$p, $q, S, A, S, $swapped> as Handler)
                }
                (Src::Acc(_), Src::Slot(_), Src::Slot(_)) => {
                    Some(pair::<$p, $q, A, S, S, $swapped> as Handler)
                }
                (Src::Acc(_), Src::Imm(_), Src::Slot(_)) => {
                    Some(pair::<$p, $q, A, I, S, $swapped> as Handler)
                }
                (Src::Acc(_), Src::Acc(_), Src::Slot(_)) => {
                    Some(pair::<$p, $q, A, A, S, $swapped> as Handler)
                }
                _ => None,
            }
        };
    }
    by_pair!(int, first, second, swapped;
        [I64Add I64Sub I64Mul I64And I64Xor I64Shl I64Shr I64ShrU I64Rotl]
        [I64Add I64Sub I64Mul I64And I64Xor I64Or; I64Sub])
    .or_else(|| {
        by_pair!(float, first, second, swapped;
            [F64Add F64Sub F64Mul F64Div]
            [F64Add F64Sub F64Mul F64Div; F64Sub F64Div])
    })
}

/// The handler of `$handler` for an element type, operation and operand sources.
macro_rules! by_load {
    ($handler:ident, $elem:expr, $op:expr, $swapped:expr, $x:expr, $v:expr;
        $(($e:ident $(=> $as:ident)? $o:ident $s:literal))*) => {
        match ($elem, $op, $swapped) {
            $((Elem::$e, BinaryOp::$o, $s) => match ($x, $v) {
                (Src::Slot(_), Src::Slot(_)) => Some($handler::<by_load!(@as $e $($as)?), arith::$o, S, S, $s> as Handler),
                (Src::Slot(_), Src::Acc(_)) => Some($handler::<by_load!(@as $e $($as)?), arith::$o, S, A, $s> as Handler),
                (Src::Acc(_), Src::Slot(_)) => Some($handler::<by_load!(@as $e $($as)?), arith::$o, A, S, $s> as Handler),
                (Src::Acc(_), Src::Acc(_)) => Some($handler::<by_load!(@as $e $($as)?), arith::$o, A, A, $s> as Handler),
                (Src::Imm(_), Src::Slot(_)) => Some($handler::<by_load!(@as $e $($as)?), arith::$o, I, S, $s> as Handler),
                (Src::Imm(_), Src::Acc(_)) => Some($handler::<by_load!(@as $e $($as)?), arith::$o, I, A, $s> as Handler),
                _ => None,
            },)*
            _ => None,
        }
    };
    (@as $e:ident $as:ident) => { element::$as };
    (@as $e:ident) => { element::$e };
}

pub(super) fn select(m: &Micro) -> Option<Handler> {
    let [t, x, y, v, _] = m.src;
    match m.op {
        MicroOp::Pair { first, second, swapped } => select_pair(m, first, second, swapped),
        MicroOp::LoadBinary { elem, op, swapped } if slot_or_none(t) => {
            by_load!(load_binary, elem, op, swapped, x, v;
                (F64 F64Add false) (F64 F64Sub false) (F64 F64Sub true) (F64 F64Mul false) (F64 F64Div false)
                (F32 F32Add false) (F32 F32Sub false) (F32 F32Sub true) (F32 F32Mul false)
                (I64 I64Add false) (I64 I64Sub false) (I64 I64Xor false) (I64 I64Mul false)
                (I32 I32Add false) (I32 I32Sub false) (I32 I32Xor false) (I32 I32Mul false)
                (U8 I32Add false) (U8 => U8Wide I64Add false))
        }
        MicroOp::Load2Binary { elem, op, swapped } if slot_or_none(t) && slot_or_none(x) => {
            by_load!(load2_binary, elem, op, swapped, y, v;
                (F64 F64Add false) (F64 F64Sub false) (F64 F64Sub true) (F64 F64Mul false) (F64 F64Div false)
                (F32 F32Add false) (F32 F32Sub false) (F32 F32Sub true) (F32 F32Mul false)
                (I64 I64Add false) (I32 I32Add false))
        }
        _ => None,
    }
}
