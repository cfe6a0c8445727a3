//! Canonical operands, in the form that mergers look for: literals to the
//! right, results where they are wanted, and indices folded into accesses.
//!
//! Invariant: results, traps and their order stay the same.

use super::{Defs, WINDOW, drop_marked, is_dead_after, reads};
use crate::machine::micro::{BinaryOp, Micro, MicroOp, Src};

/// Whether the operands of `op` may be exchanged.
pub(super) fn commutes(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(
        op,
        I32Add
            | I32Mul
            | I32And
            | I32Or
            | I32Xor
            | I64Add
            | I64Mul
            | I64And
            | I64Or
            | I64Xor
            | F64Add
            | F64Mul
            | F32Add
            | F32Mul
    )
}

/// Literals to the right where the order does not matter, and subtraction of
/// an integer literal as addition.
pub(super) fn canonical_operands(micros: &mut [Micro]) {
    for m in micros {
        let MicroOp::Binary(op) = m.op else { continue };
        if commutes(op) && matches!(m.src[0], Src::Imm(_)) {
            m.src.swap(0, 1);
        }
        if let (BinaryOp::I64Sub, Src::Imm(v)) = (op, m.src[1]) {
            m.op = MicroOp::Binary(BinaryOp::I64Add);
            m.src[1] = Src::Imm(v.wrapping_neg());
        }
    }
}

/// `t = op; ..; x = t` becomes `x = op`, when nothing between touches `x`.
/// Arguments of calls are thus computed where the callee finds them.
pub(super) fn coalesce_copies(micros: &mut Vec<Micro>) {
    let mut defs = Defs::default();
    let mut gone = vec![false; micros.len()];
    for at in 0..micros.len() {
        let m = micros[at];
        if m.op == MicroOp::Copy
            && let Some(def) = defs.of(m.src[0])
            && at - def <= WINDOW
            && is_dead_after(&micros[def])
            && micros[def].class == m.class
            && !micros[def].op.calls()
            && !micros[def + 1..at].iter().enumerate().any(|(k, b)| {
                !gone[def + 1 + k]
                    && (b.op.calls() || b.op.has_site() || reads(b, m.dst) || b.writes && b.dst == m.dst)
            })
        {
            micros[def].dst = m.dst;
            micros[def].uses = m.uses;
            micros[def].cover(&m);
            gone[at] = true;
            defs.at.remove(&m.dst);
            defs.at.insert(m.dst, def);
            continue;
        }
        defs.record(&m, at);
    }
    drop_marked(micros, &gone);
}

/// An index `x + literal` becomes `x` with an offset in the access.
pub(super) fn fold_indices(micros: &mut Vec<Micro>) {
    let mut defs = Defs::default();
    let mut gone = vec![false; micros.len()];
    for at in 0..micros.len() {
        let m = micros[at];
        let index = match m.op {
            MicroOp::Load(_) | MicroOp::Store(_) => 1,
            MicroOp::Load2(_) | MicroOp::Store2(_) => 2,
            _ => {
                defs.record(&m, at);
                continue;
            }
        };
        if let Some(def) = defs.of(m.src[index])
            && at - def <= WINDOW
            && is_dead_after(&micros[def])
            && micros[def].op == MicroOp::Binary(BinaryOp::I64Add)
            && let (Src::Slot(base), Src::Imm(offset)) = (micros[def].src[0], micros[def].src[1])
            && !micros[def + 1..at].iter().any(|b| b.writes && b.dst == base || b.op.has_site())
        {
            micros[at].src[index] = Src::Slot(base);
            micros[at].imm = offset;
            let index = micros[def];
            micros[at].cover(&index);
            gone[def] = true;
        }
        defs.record(&m, at);
    }
    drop_marked(micros, &gone);
}
