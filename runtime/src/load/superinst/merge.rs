//! Merging: two micro-operations become a superinstruction where the second
//! uses up the result of the first and there is a handler for both.

use super::operands::commutes;
use super::{Defs, WINDOW, available, is_dead_after, reads};
use crate::machine::instr::OUT_BASE;
use crate::machine::micro::{BinaryOp, Class, CompareOp, Micro, MicroOp, Src, UnaryOp};
use nbc_ir::Elem;

/// Merges each micro-operation with the next where there is a handler for both.
pub(super) fn merge_neighbours(micros: &mut Vec<Micro>, has: &impl Fn(&Micro) -> bool) {
    let mut out: Vec<Micro> = Vec::with_capacity(micros.len());
    for m in micros.drain(..) {
        out.push(m);
        while out.len() >= 2 {
            let (a, b) = (&out[out.len() - 2], &out[out.len() - 1]);
            let Some(mut merged) = merge(a, b) else { break };
            if !available(&merged, has) {
                break;
            }
            merged.cover(a);
            merged.cover(b);
            out.truncate(out.len() - 2);
            out.push(merged);
        }
    }
    *micros = out;
}

/// Moves a computation down to the one that uses it up, when they can be
/// merged and nothing between minds.
pub(super) fn sink_to_users(micros: &mut [Micro], has: &impl Fn(&Micro) -> bool) {
    let mut defs = Defs::default();
    for at in 0..micros.len() {
        let m = micros[at];
        for s in m.src {
            let Some(def) = defs.of(s) else { continue };
            let d = micros[def];
            let between = &micros[def + 1..at];
            let movable = matches!(d.op, MicroOp::Binary(_) | MicroOp::Compare(_))
                && !between.is_empty()
                && between.len() <= WINDOW
                && between.iter().all(|b| {
                    !b.op.calls()
                        && !b.op.has_site()
                        && !reads(b, d.dst)
                        && !(b.writes && (b.dst == d.dst || reads(&d, b.dst)))
                });
            if movable && merge(&d, &m).is_some_and(|merged| available(&merged, has)) {
                micros[def..at].rotate_left(1);
                // Positions have shifted; what lies before is forgotten.
                defs = Defs::default();
                defs.at.insert(d.dst, at - 1);
                break;
            }
        }
        defs.record(&m, at);
    }
}

/// `a` and `b` as one, if `b` uses up the result of `a`.
fn merge(a: &Micro, b: &Micro) -> Option<Micro> {
    let taken = |k: usize| b.src[k] == Src::Slot(a.dst) && a.writes;
    let dead = is_dead_after(a);
    let mut m = *b;
    match (a.op, b.op) {
        // Compare, then branch on the outcome.
        (MicroOp::Compare(op), MicroOp::BrIf { negate }) if dead && taken(0) => {
            m.op = match op.inverted() {
                Some(op) if negate => MicroOp::BrCompare { op, negate: false },
                _ => MicroOp::BrCompare { op, negate },
            };
            m.src = a.src;
            Some(m)
        }
        // Compute, then compare and branch.
        (MicroOp::Binary(first), MicroOp::BrCompare { op, negate }) => {
            let (compare, limit) = match (taken(0), taken(1)) {
                (true, false) => (op, b.src[1]),
                (false, true) => (op.swapped(), b.src[0]),
                (true, true) => return None,
                (false, false) => return add_and_branch(a, b, first, op, negate),
            };
            m.op = MicroOp::BinaryBranch { first, compare, negate };
            m.src = [a.src[0], a.src[1], sign_extended(limit, compare), Src::None, Src::None];
            m.dst = a.dst;
            m.writes = true;
            m.class = a.class;
            m.uses = a.uses;
            Some(m)
        }
        // Bits tested, and a choice between integers by the outcome.
        (MicroOp::Binary(BinaryOp::I64And), MicroOp::Compare(op @ (CompareOp::I64Ne | CompareOp::I64Eq)))
            if dead && taken(0) && b.src[1] == Src::Imm(0) =>
        {
            m.op = MicroOp::TestBits { negate: op == CompareOp::I64Eq };
            m.src = a.src;
            Some(m)
        }
        (MicroOp::TestBits { negate }, MicroOp::BrIf { negate: other }) if dead && taken(0) => {
            let compare = if negate == other { CompareOp::I64Ne } else { CompareOp::I64Eq };
            m.op = MicroOp::BinaryBranch { first: BinaryOp::I64And, compare, negate: false };
            m.src = [a.src[0], a.src[1], Src::Imm(0), Src::None, Src::None];
            (m.dst, m.writes, m.class, m.uses) = (a.dst, true, Class::Int, 0);
            Some(m)
        }
        (MicroOp::TestBits { negate }, MicroOp::Select) if dead && taken(0) && b.class == Class::Int => {
            let Src::Imm(bits) = a.src[1] else { return None };
            m.op = MicroOp::SelectBits;
            let (yes, no) = if negate { (b.src[2], b.src[1]) } else { (b.src[1], b.src[2]) };
            m.src = [a.src[0], yes, no, Src::None, Src::None];
            m.imm = bits;
            Some(m)
        }
        // The end of a loop: compute or store, then step the counter.
        (MicroOp::Binary(op), MicroOp::BinaryBranch { first: BinaryOp::I64Add, compare, negate: false }) => {
            let (counter, by) = counter_of(b)?;
            if a.dst == counter || b.src[2] == Src::Slot(a.dst) || !matches!(by, Src::Imm(_)) {
                return None;
            }
            m.op = MicroOp::BinaryStep { op, compare };
            m.src = [a.src[0], a.src[1], Src::Slot(counter), b.src[2], Src::None];
            m.imm = literal(by);
            m.dst = a.dst;
            m.class = a.class;
            m.uses = a.uses;
            Some(m)
        }
        (MicroOp::Store(elem), MicroOp::BinaryBranch { first: BinaryOp::I64Add, compare, negate: false }) => {
            let (counter, by) = counter_of(b)?;
            if a.src[1] != Src::Slot(counter) || a.imm != 0 {
                return None;
            }
            m.op = MicroOp::StoreStep { elem, compare };
            let slot_by = if matches!(by, Src::Slot(_)) { by } else { Src::None };
            m.src = [a.src[0], a.src[1], a.src[2], b.src[2], slot_by];
            m.imm = literal(by);
            m.writes = false;
            m.origin = a.origin;
            Some(m)
        }
        (
            MicroOp::Store2(elem),
            MicroOp::BinaryBranch { first: BinaryOp::I64Add, compare, negate: false },
        ) => {
            let (counter, by) = counter_of(b)?;
            if a.src[2] != Src::Slot(counter) || a.imm != 0 || !matches!(by, Src::Imm(_)) {
                return None;
            }
            m.op = MicroOp::Store2Step { elem, compare };
            m.src = [a.src[0], a.src[1], a.src[2], b.src[2], a.src[3]];
            m.imm = literal(by);
            m.writes = false;
            m.origin = a.origin;
            Some(m)
        }
        // Compute the last argument, then call; compute the result, then return.
        (MicroOp::Binary(BinaryOp::I64Add), MicroOp::Call) if a.dst >= OUT_BASE => {
            let Src::Imm(by) = a.src[1] else { return None };
            i32::try_from(by as i64).ok()?;
            m.op = MicroOp::CallAdd;
            m.src = [a.src[0], Src::Slot(a.dst), a.src[1], Src::None, Src::None];
            Some(m)
        }
        (MicroOp::Binary(op), MicroOp::Ret) if dead && taken(0) => {
            m.op = MicroOp::RetBinary(op);
            m.src = a.src;
            Some(m)
        }
        // A byte is zero-extended as it is loaded.
        (MicroOp::Load(Elem::U8), MicroOp::Unary(UnaryOp::I64ExtendI32 | UnaryOp::I64ExtendI32U))
            if dead && taken(0) =>
        {
            m.op = a.op;
            m.src = a.src;
            m.imm = a.imm;
            m.origin = a.origin;
            Some(m)
        }
        (MicroOp::Binary(first), MicroOp::Binary(second)) if dead => {
            let swapped = match (taken(0), taken(1)) {
                (true, false) => false,
                (false, true) => true,
                _ => return None,
            };
            let other = b.src[if swapped { 0 } else { 1 }];
            m.op = MicroOp::Pair { first, second, swapped: swapped && !commutes(second) };
            m.src = [a.src[0], a.src[1], other, Src::None, Src::None];
            Some(m)
        }
        (MicroOp::Load(elem), MicroOp::Binary(op)) if dead => {
            let (swapped, other) = loaded_operand(taken(0), taken(1), op, b)?;
            m.op = MicroOp::LoadBinary { elem, op, swapped };
            m.src = [a.src[0], a.src[1], Src::None, other, Src::None];
            m.imm = a.imm;
            m.origin = a.origin;
            Some(m)
        }
        (MicroOp::Load2(elem), MicroOp::Binary(op)) if dead => {
            let (swapped, other) = loaded_operand(taken(0), taken(1), op, b)?;
            m.op = MicroOp::Load2Binary { elem, op, swapped };
            m.src = [a.src[0], a.src[1], a.src[2], other, Src::None];
            m.imm = a.imm;
            m.origin = a.origin;
            Some(m)
        }
        _ => None,
    }
}

/// An addition and a branch that has nothing to do with it.
fn add_and_branch(a: &Micro, b: &Micro, first: BinaryOp, compare: CompareOp, negate: bool) -> Option<Micro> {
    if first != BinaryOp::I64Add || negate || !matches!(a.src[1], Src::Imm(_)) {
        return None;
    }
    let mut m = *b;
    m.op = MicroOp::AddAndBranch(compare);
    m.src = [a.src[0], a.src[1], b.src[0], sign_extended(b.src[1], compare), Src::None];
    (m.dst, m.writes, m.class, m.uses) = (a.dst, true, a.class, a.uses);
    Some(m)
}

/// The slot that a loop's end counts up in place, and by how much.
fn counter_of(b: &Micro) -> Option<(u16, Src)> {
    (b.src[0] == Src::Slot(b.dst)).then_some((b.dst, b.src[1]))
}

fn literal(s: Src) -> u64 {
    match s {
        Src::Imm(v) => v,
        _ => 0,
    }
}

/// The operand besides the loaded element, which must be in a slot, and
/// whether the element is the left one where that matters.
fn loaded_operand(left: bool, right: bool, op: BinaryOp, b: &Micro) -> Option<(bool, Src)> {
    let (swapped, other) = match (left, right) {
        (true, false) => (true, b.src[1]),
        (false, true) => (false, b.src[0]),
        _ => return None,
    };
    matches!(other, Src::Slot(_)).then_some((swapped && !commutes(op), other))
}

fn is_i32(op: CompareOp) -> bool {
    use CompareOp::*;
    matches!(op, I32Eq | I32Ne | I32Lt | I32Le | I32Gt | I32Ge | I32LtU | I32LeU | I32GtU | I32GeU)
}

/// The second literal of an operation is kept in 32 bits and sign-extended.
fn sign_extended(s: Src, op: CompareOp) -> Src {
    match s {
        Src::Imm(v) if is_i32(op) => Src::Imm(v as i32 as i64 as u64),
        other => other,
    }
}
