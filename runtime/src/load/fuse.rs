//! Superinstructions: merges neighbouring micro-operations of a block, and
//! lets each read the result that the one before it left in a machine
//! register.
//!
//! Every merger keeps results, traps and their order exactly: a value that
//! disappears is one that nothing else reads, and no two operations that may
//! trap become one.

use super::literals::{Finish, Literals, place_literals};
use super::micro::{BinaryOp, Class, CompareOp, Micro, MicroOp, Src};
use rustc_hash::FxHashMap;

/// For direct threading: fuses, then carries results in machine registers.
pub struct Fuse<F>(pub F);

impl<F: Fn(&Micro) -> bool> Finish for Fuse<F> {
    fn block(&mut self, micros: &mut Vec<Micro>, literals: &mut Literals) {
        let has = &self.0;
        canonical_operands(micros);
        coalesce_copies(micros);
        fold_indices(micros);
        merge_neighbours(micros, has);
        carry_results(micros, has);
        place_literals(micros, literals, has);
    }

    fn rotate(&self) -> bool {
        true
    }
}

/// Whether the operands of `op` may be exchanged.
fn commutes(op: BinaryOp) -> bool {
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
fn canonical_operands(micros: &mut [Micro]) {
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

/// Where each slot was last written, while scanning a block.
#[derive(Default)]
struct Defs {
    at: FxHashMap<u16, usize>,
}

impl Defs {
    fn record(&mut self, m: &Micro, at: usize) {
        if m.op.has_site() || m.op.calls() {
            // Results of sites are not tracked one by one.
            self.at.clear();
        }
        if m.writes {
            self.at.insert(m.dst, at);
        }
    }

    fn of(&self, s: Src) -> Option<usize> {
        match s {
            Src::Slot(n) => self.at.get(&n).copied(),
            _ => None,
        }
    }
}

fn reads(m: &Micro, slot: u16) -> bool {
    m.src.contains(&Src::Slot(slot))
}

fn is_dead_after(m: &Micro) -> bool {
    m.writes && m.uses == 1
}

/// How far back a rewrite looks for a definition: keeps every pass linear.
const WINDOW: usize = 24;

/// `t = op; ..; x = t` becomes `x = op`, when nothing between touches `x`.
/// Arguments of calls are thus computed where the callee finds them.
fn coalesce_copies(micros: &mut Vec<Micro>) {
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
fn fold_indices(micros: &mut Vec<Micro>) {
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
            gone[def] = true;
        }
        defs.record(&m, at);
    }
    drop_marked(micros, &gone);
}

fn drop_marked(micros: &mut Vec<Micro>, gone: &[bool]) {
    let mut at = 0;
    micros.retain(|_| {
        at += 1;
        !gone[at - 1]
    });
}

/// Merges each micro-operation with the next where there is a handler for both.
fn merge_neighbours(micros: &mut Vec<Micro>, has: &impl Fn(&Micro) -> bool) {
    let mut out: Vec<Micro> = Vec::with_capacity(micros.len());
    for m in micros.drain(..) {
        out.push(m);
        while out.len() >= 2 {
            let (a, b) = (&out[out.len() - 2], &out[out.len() - 1]);
            let Some(merged) = merge(a, b) else { break };
            if !available(&merged, has) {
                break;
            }
            out.truncate(out.len() - 2);
            out.push(merged);
        }
    }
    *micros = out;
}

/// Whether there is a handler, be it with literals in slots.
fn available(m: &Micro, has: &impl Fn(&Micro) -> bool) -> bool {
    has(m) || {
        let mut slots = *m;
        for s in &mut slots.src {
            if matches!(s, Src::Imm(_)) {
                *s = Src::Slot(0);
            }
        }
        has(&slots)
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
            m.op = MicroOp::BrCompare { op, negate };
            m.src = a.src;
            Some(m)
        }
        // Count, then compare and branch.
        (MicroOp::Binary(BinaryOp::I64Add | BinaryOp::I32Add), MicroOp::BrCompare { op, negate: false })
            if a.op != MicroOp::Binary(BinaryOp::I32Add) || is_i32(op) =>
        {
            let (op, limit) = match (taken(0), taken(1)) {
                (true, false) => (op, b.src[1]),
                (false, true) => (op.swapped(), b.src[0]),
                _ => return None,
            };
            if (a.op == MicroOp::Binary(BinaryOp::I32Add)) != is_i32(op) || !is_integer(op) {
                return None;
            }
            m.op = MicroOp::StepBranch(op);
            m.src = [a.src[0], a.src[1], sign_extended(limit, op), Src::None, Src::None];
            m.dst = a.dst;
            m.writes = true;
            m.class = Class::Int;
            m.uses = a.uses;
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

fn is_integer(op: CompareOp) -> bool {
    use CompareOp::*;
    is_i32(op)
        || matches!(op, I64Eq | I64Ne | I64Lt | I64Le | I64Gt | I64Ge | I64LtU | I64LeU | I64GtU | I64GeU)
}

/// The second literal of an operation is kept in 32 bits and sign-extended.
fn sign_extended(s: Src, op: CompareOp) -> Src {
    match s {
        Src::Imm(v) if is_i32(op) => Src::Imm(v as i32 as i64 as u64),
        other => other,
    }
}

/// Reads from the carried register what the previous result left there.
fn carry_results(micros: &mut [Micro], has: &impl Fn(&Micro) -> bool) {
    let (mut int, mut float) = (None, None);
    for m in micros {
        for k in 0..m.src.len() {
            let Src::Slot(n) = m.src[k] else { continue };
            let carried = match operand_class(m, k) {
                Class::Int => int == Some(n),
                Class::Float => float == Some(n),
                Class::None => false,
            };
            if carried {
                let mut with = *m;
                with.src[k] = Src::Acc;
                if available(&with, has) {
                    *m = with;
                }
            }
        }
        if m.op.calls() || m.op.has_site() {
            (int, float) = (None, None);
        }
        // These move bits through the integer register whatever their type.
        if matches!(m.op, MicroOp::Copy | MicroOp::Select) && m.class == Class::None {
            int = None;
        }
        if m.writes {
            // A slot behind the frame may hold either class in turn.
            int = int.filter(|n| *n != m.dst);
            float = float.filter(|n| *n != m.dst);
            match m.class {
                Class::Int if carries(m.op) => int = Some(m.dst),
                Class::Float if carries(m.op) => float = Some(m.dst),
                _ => {}
            }
        }
    }
}

/// Whether the handler passes its result on; the shared ones do not.
fn carries(op: MicroOp) -> bool {
    !matches!(op, MicroOp::Plain(_))
}

/// The machine register in which operand `k` could come, by what the operation reads.
fn operand_class(m: &Micro, k: usize) -> Class {
    match m.op {
        MicroOp::Binary(op) => binary_class(op),
        MicroOp::Pair { first, .. } => binary_class(first),
        MicroOp::Compare(op) | MicroOp::BrCompare { op, .. } => compare_class(op),
        MicroOp::Division(_) => Class::Int,
        MicroOp::Unary(op) => unary_class(op),
        MicroOp::Truncation(op) => truncation_class(op),
        MicroOp::Copy | MicroOp::Ret => m.class,
        MicroOp::Select if k == 0 => Class::Int,
        MicroOp::BrIf { .. } | MicroOp::Switch | MicroOp::CallRef => Class::Int,
        MicroOp::Load(_) if k == 1 => Class::Int,
        MicroOp::Load2(_) if k == 2 => Class::Int,
        MicroOp::LoadBinary { op, .. } => match k {
            1 => Class::Int,
            3 => binary_class(op),
            _ => Class::None,
        },
        MicroOp::Load2Binary { op, .. } => match k {
            2 => Class::Int,
            3 => binary_class(op),
            _ => Class::None,
        },
        MicroOp::Store(elem) => match k {
            1 => Class::Int,
            2 => elem_class(elem),
            _ => Class::None,
        },
        MicroOp::Store2(elem) => match k {
            2 => Class::Int,
            3 => elem_class(elem),
            _ => Class::None,
        },
        _ => Class::None,
    }
}

fn elem_class(elem: nbc_ir::Elem) -> Class {
    match elem {
        nbc_ir::Elem::F64 => Class::Float,
        nbc_ir::Elem::F32 => Class::None,
        _ => Class::Int,
    }
}

macro_rules! in_class {
    (f64) => {
        Class::Float
    };
    (f32) => {
        Class::None
    };
    ($int:ident) => {
        Class::Int
    };
}
macro_rules! binary_class {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident, $y:ident| $v:expr;)*) => {
        fn binary_class(op: BinaryOp) -> Class { match op { $(BinaryOp::$name => in_class!($in),)* } }
    };
}
macro_rules! compare_class {
    ($($method:ident $name:ident $in:ident |$x:ident, $y:ident| $v:expr;)*) => {
        fn compare_class(op: CompareOp) -> Class { match op { $(CompareOp::$name => in_class!($in),)* } }
    };
}
macro_rules! unary_class {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident| $v:expr;)*) => {
        fn unary_class(op: super::micro::UnaryOp) -> Class {
            match op { $(super::micro::UnaryOp::$name => in_class!($in),)* }
        }
    };
}
macro_rules! truncation_class {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident| $v:expr;)*) => {
        fn truncation_class(op: super::micro::TruncationOp) -> Class {
            match op { $(super::micro::TruncationOp::$name => in_class!($in),)* }
        }
    };
}
crate::arith::for_each_binary!(binary_class);
crate::arith::for_each_compare!(compare_class);
crate::arith::for_each_unary!(unary_class);
crate::arith::for_each_truncation!(truncation_class);
