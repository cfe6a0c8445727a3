//! Handlers of whole loop ends: an operation or a store, then the step of the
//! loop's counter, the comparison with its limit and the branch back.

use super::memory::{refused, tensor};
use super::{A, Carried, Context, Handler, I, Instr, S, Source, go, handlers, poll, slot_or_none};
use crate::arith::{self, Binary, Scalar};
use crate::interp::element::{self, Element};
use crate::machine::micro::{BinaryOp, CompareOp, Micro, MicroOp, Src};
use nbc_ir::Elem;

/// Steps the counter in slot `$slot` by `$step` and branches while `O` holds.
/// The limit's literal is the second one, sign-extended.
macro_rules! step {
    ($o:ident, $z:ident, $slot:expr, $counter:ident, $step:expr, $i:ident, $ip:ident, $regs:ident, $ctx:ident, $budget:ident, $iacc:ident, $facc:expr) => {{
        let facc = $facc;
        let n = $counter.wrapping_add($step);
        *$regs.add($slot as usize) = n as u64;
        let limit: i64 = $z::get($i.imm2 as u16, $i.imm2 as i64 as u64, $regs, $iacc, facc);
        if $o::eval(n, limit) {
            go!($ip.byte_offset($i.jump as isize), $regs, $ctx, $budget, n as u64, facc)
        } else {
            go!($ip.add(1), $regs, $ctx, $budget, n as u64, facc)
        }
    }};
}

/// Counts down the budget before anything is done.
macro_rules! count {
    ($back:ident, $ip:ident, $regs:ident, $ctx:ident, $budget:ident, $iacc:ident, $facc:ident) => {
        if $back {
            if $budget <= 0 {
                return poll($ip, $regs, $ctx, $budget, $iacc, $facc);
            }
            $budget -= 1;
        }
    };
}

/// Leaves with the trap that a store deserves.
macro_rules! refuse {
    ($rank:literal, $index:expr, $ip:ident, $regs:ident, $ctx:ident, $budget:ident, $facc:ident) => {
        return refused::<$rank, true>($ip, $regs, $ctx, $budget, $index as u64, $facc)
    };
}

handlers! {
    binary_step [P: Binary<In: Carried, Out: Carried>, O: Binary<In = i64, Out = bool>, X: Source, Y: Source, C: Source,
        Z: Source, const BACK: bool] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        count!(BACK, ip, regs, ctx, budget, iacc, facc);
        let v = P::eval(X::get(i.b, 0, regs, iacc, facc), Y::get(i.c, 0, regs, iacc, facc));
        *regs.add(i.a as usize) = v.to_slot();
        let (_, facc) = v.carry(iacc, facc);
        let counter = C::get::<i64>(i.d, 0, regs, iacc, facc);
        step!(O, Z, i.d, counter, i.imm as i64, i, ip, regs, ctx, budget, iacc, facc)
    }
    store_step [E: Element<Reg: Carried>, O: Binary<In = i64, Out = bool>, V: Source, Y: Source, C: Source, Z: Source,
        const BACK: bool] (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        count!(BACK, ip, regs, ctx, budget, iacc, facc);
        let t = tensor(regs, i.b);
        let counter = C::get::<i64>(i.c, 0, regs, iacc, facc);
        let Some(at) = element::at1_mut(t, counter) else { refuse!(1, counter, ip, regs, ctx, budget, facc) };
        E::write((*t).data, at, V::get(i.d, 0, regs, iacc, facc));
        let by: i64 = Y::get(i.a, i.imm, regs, iacc, facc);
        step!(O, Z, i.c, counter, by, i, ip, regs, ctx, budget, iacc, facc)
    }
    store2_step [E: Element<Reg: Carried>, O: Binary<In = i64, Out = bool>, V: Source, C: Source, Z: Source, const BACK: bool]
        (ip, regs, ctx, budget, iacc, facc) {
        let i = &*ip;
        count!(BACK, ip, regs, ctx, budget, iacc, facc);
        let t = tensor(regs, i.b);
        let counter = C::get::<i64>(i.d, 0, regs, iacc, facc);
        let Some(at) = element::at2_mut(t, *regs.add(i.c as usize) as i64, counter) else {
            refuse!(2, counter, ip, regs, ctx, budget, facc)
        };
        E::write((*t).data, at, V::get(i.a, 0, regs, iacc, facc));
        step!(O, Z, i.d, counter, i.imm as i64, i, ip, regs, ctx, budget, iacc, facc)
    }
}

/// `$make!(comparison, counter's source, limit's source, whether it counts)`
/// for the comparisons that loops end with.
macro_rules! by_limit {
    ($compare:expr, $c:expr, $z:expr, $back:expr, $make:ident) => {
        match $compare {
            CompareOp::I64Lt => by_limit!(@ I64Lt, $c, $z, $back, $make),
            CompareOp::I64Le => by_limit!(@ I64Le, $c, $z, $back, $make),
            CompareOp::I64Ne => by_limit!(@ I64Ne, $c, $z, $back, $make),
            // Ways out of an unrolled loop.
            CompareOp::I64Ge if !$back => by_limit!(@out I64Ge, $c, $z, $make),
            CompareOp::I64Gt if !$back => by_limit!(@out I64Gt, $c, $z, $make),
            CompareOp::I64Eq if !$back => by_limit!(@out I64Eq, $c, $z, $make),
            _ => None,
        }
    };
    (@out $o:ident, $c:expr, $z:expr, $make:ident) => {
        match ($c, $z) {
            (Src::Slot(_), Src::Slot(_)) => $make!($o, S, S, false),
            (Src::Slot(_), Src::Imm(_)) => $make!($o, S, I, false),
            (Src::Acc(_), Src::Slot(_)) => $make!($o, A, S, false),
            (Src::Acc(_), Src::Imm(_)) => $make!($o, A, I, false),
            _ => None,
        }
    };
    (@ $o:ident, $c:expr, $z:expr, $back:expr, $make:ident) => {
        match ($c, $z, $back) {
            (Src::Slot(_), Src::Slot(_), false) => $make!($o, S, S, false),
            (Src::Slot(_), Src::Slot(_), true) => $make!($o, S, S, true),
            (Src::Slot(_), Src::Imm(_), false) => $make!($o, S, I, false),
            (Src::Slot(_), Src::Imm(_), true) => $make!($o, S, I, true),
            (Src::Acc(_), Src::Slot(_), false) => $make!($o, A, S, false),
            (Src::Acc(_), Src::Slot(_), true) => $make!($o, A, S, true),
            (Src::Acc(_), Src::Imm(_), false) => $make!($o, A, I, false),
            (Src::Acc(_), Src::Imm(_), true) => $make!($o, A, I, true),
            _ => None,
        }
    };
}

fn select_binary_step(m: &Micro, op: BinaryOp, compare: CompareOp) -> Option<Handler> {
    let [x, y, counter, limit, _] = m.src;
    macro_rules! by_op {
        ($($p:ident)*) => {
            match op {
                $(BinaryOp::$p => {
                    macro_rules! make {
                        ($o:ident, $c:ident, $z:ident, $back:literal) => {
                            match (x, y) {
                                (Src::Slot(_), Src::Slot(_)) => make!(@ $o S S $c $z $back),
                                (Src::Slot(_), Src::Acc(_)) => make!(@ $o S A $c $z $back),
                                (Src::Acc(_), Src::Slot(_)) => make!(@ $o A S $c $z $back),
                                _ => None,
                            }
                        };
                        (@ $o:ident $x:ident $y:ident $c:ident $z:ident $back:literal) => {
                            Some(binary_step::<arith::$p, arith::$o, $x, $y, $c, $z, $back> as Handler)
                        };
                    }
                    by_limit!(compare, counter, limit, m.counts, make)
                })*
                _ => None,
            }
        };
    }
    by_op!(F64Add F64Sub I64Add I64Xor)
}

fn select_store_step(m: &Micro, elem: Elem, compare: CompareOp) -> Option<Handler> {
    let [_, counter, value, limit, by] = m.src;
    macro_rules! by_elem {
        ($($e:ident)*) => {
            match elem {
                $(Elem::$e => {
                    macro_rules! make {
                        ($o:ident, $c:ident, $z:ident, $back:literal) => {
                            match (value, by) {
                                (Src::Slot(_), Src::None) => make!(@ $o S I $c $z $back),
                                (Src::Slot(_), Src::Slot(_)) => make!(@ $o S S $c $z $back),
                                (Src::Acc(_), Src::None) => make!(@ $o A I $c $z $back),
                                (Src::Acc(_), Src::Slot(_)) => make!(@ $o A S $c $z $back),
                                _ => None,
                            }
                        };
                        (@ $o:ident $v:ident $y:ident $c:ident $z:ident $back:literal) => {
                            Some(store_step::<element::$e, arith::$o, $v, $y, $c, $z, $back> as Handler)
                        };
                    }
                    by_limit!(compare, counter, limit, m.counts, make)
                })*
                _ => None,
            }
        };
    }
    by_elem!(U8 I32 I64 F32 F64)
}

fn select_store2_step(m: &Micro, elem: Elem, compare: CompareOp) -> Option<Handler> {
    let [_, row, counter, limit, value] = m.src;
    // A literal row needs a slot, as there is no room for it.
    if !slot_or_none(row) {
        return None;
    }
    macro_rules! by_elem {
        ($($e:ident)*) => {
            match elem {
                $(Elem::$e => {
                    macro_rules! make {
                        ($o:ident, $c:ident, $z:ident, $back:literal) => {
                            match value {
                                Src::Slot(_) => make!(@ $o S $c $z $back),
                                Src::Acc(_) => make!(@ $o A $c $z $back),
                                _ => None,
                            }
                        };
                        (@ $o:ident $v:ident $c:ident $z:ident $back:literal) => {
                            Some(store2_step::<element::$e, arith::$o, $v, $c, $z, $back> as Handler)
                        };
                    }
                    by_limit!(compare, counter, limit, m.counts, make)
                })*
                _ => None,
            }
        };
    }
    by_elem!(I64 F32 F64)
}

pub(super) fn select(m: &Micro) -> Option<Handler> {
    // A literal limit must fit the second literal.
    if let Src::Imm(v) = m.src[3]
        && i32::try_from(v as i64).is_err()
    {
        return None;
    }
    match m.op {
        MicroOp::BinaryStep { op, compare } => select_binary_step(m, op, compare),
        MicroOp::StoreStep { elem, compare } => select_store_step(m, elem, compare),
        MicroOp::Store2Step { elem, compare } => select_store2_step(m, elem, compare),
        _ => None,
    }
}
