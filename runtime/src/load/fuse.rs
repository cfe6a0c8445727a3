//! Superinstructions: merges neighbouring micro-operations of a block, and
//! lets each read the result that the one before it left in a machine
//! register.
//!
//! Every merger keeps results, traps and their order exactly: a value that
//! disappears is one that nothing else reads, and no two operations that may
//! trap become one.

use super::finish::{Carried, Finish, is_closed, mark_resumes};
use super::literals::{Literals, place_literals};
use crate::interp::code::OUT_BASE;
use crate::interp::micro::{BinaryOp, Class, CompareOp, Micro, MicroOp, Src, UnaryOp};
use nbc_ir::Elem;
use rustc_hash::FxHashMap;

/// For direct threading: fuses, then carries results in machine registers.
pub struct Fuse<F>(pub F);

impl<F: Fn(&Micro) -> bool> Finish for Fuse<F> {
    fn block(
        &mut self,
        block: u32,
        micros: &mut Vec<Micro>,
        entry: Carried,
        literals: &mut Literals,
    ) -> Carried {
        let has = &self.0;
        canonical_operands(micros);
        coalesce_copies(micros);
        fold_indices(micros);
        merge_neighbours(micros, has);
        let in_order = micros.clone();
        sink_to_users(micros, has);
        merge_neighbours(micros, has);
        let mut exit = carry(block, micros, entry, has);
        // What has moved past others can have no place to take over before
        // it. A loop that compiled code cannot enter is slower than any other.
        if micros.iter().any(is_closed) {
            micros.clone_from(&in_order);
            exit = carry(block, micros, entry, has);
        }
        if !place_literals(micros, literals, has) {
            // Nothing can be passed on then.
            *micros = in_order;
            mark_resumes(micros);
            place_literals(micros, literals, has);
            exit = Carried::default();
        }
        exit
    }

    fn rotate(&self) -> bool {
        true
    }
}

/// Passes results on in machine registers, and finds the places where compiled
/// code can take over.
fn carry(block: u32, micros: &mut Vec<Micro>, entry: Carried, has: &impl Fn(&Micro) -> bool) -> Carried {
    if micros.iter().any(|m| m.target == block) {
        let exit = carry_around(block, micros, has);
        mark_resumes(micros);
        unroll(block, micros, has);
        exit
    } else {
        mark_resumes(micros);
        carry_results(micros, entry, has)
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
            let index = micros[def];
            micros[at].cover(&index);
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
fn sink_to_users(micros: &mut [Micro], has: &impl Fn(&Micro) -> bool) {
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

/// Reads from the carried registers what results left there, those of `entry`
/// to begin with. Returns what they hold at the end.
fn carry_results(micros: &mut [Micro], entry: Carried, has: &impl Fn(&Micro) -> bool) -> Carried {
    let Carried { mut int, mut float } = entry;
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
                with.src[k] = Src::Acc(n);
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
        // The counter is stepped, and carried, after all else.
        let counter = counter_slot(m);
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
        if counter.is_some() {
            int = counter;
        }
    }
    Carried { int, float }
}

/// The slot that the end of a loop steps besides writing its result.
fn counter_slot(m: &Micro) -> Option<u16> {
    let k = match m.op {
        MicroOp::BinaryStep { .. } | MicroOp::Store2Step { .. } => 2,
        MicroOp::StoreStep { .. } => 1,
        _ => return None,
    };
    match m.src[k] {
        Src::Slot(n) | Src::Acc(n) => Some(n),
        _ => None,
    }
}

/// For a block that branches to itself: what it leaves in the registers is
/// there at its start, all turns but the first. A few operations on the way
/// in make it true of that one too.
fn carry_around(block: u32, micros: &mut Vec<Micro>, has: &impl Fn(&Micro) -> bool) -> Carried {
    let plain = micros.clone();
    let exit = carry_results(micros, Carried::default(), has);
    let gains = |entry: Carried| {
        let mut tried = plain.clone();
        carry_results(&mut tried, entry, has);
        tried.iter().zip(micros.iter()).any(|(a, b)| a.src != b.src)
    };
    let entry = Carried {
        int: exit.int.filter(|n| gains(Carried { int: Some(*n), float: None })),
        float: exit.float.filter(|n| gains(Carried { int: None, float: Some(*n) })),
    };
    *micros = plain;
    carry_results(micros, entry, has);
    let mut way_in = Vec::new();
    for (slot, class) in [(entry.int, Class::Int), (entry.float, Class::Float)] {
        if let Some(n) = slot {
            let mut m = Micro::new(MicroOp::Copy, micros[0].origin);
            m.src[0] = Src::Slot(n);
            m.dst = n;
            m.writes = true;
            m.class = class;
            way_in.push(m.unseen());
        }
    }
    for m in micros.iter_mut().filter(|m| m.target == block) {
        m.skip = way_in.len() as u32;
    }
    micros.splice(0..0, way_in);
    exit
}

/// Repeats a short block that branches to itself, so that most turns go
/// straight on: a branch that is taken costs the time of finding out where to.
fn unroll(block: u32, micros: &mut Vec<Micro>, has: &impl Fn(&Micro) -> bool) {
    /// Most operations in all turns together.
    const ROOM: usize = 8;
    /// Most turns.
    const TURNS: usize = 4;
    let Some(at) = micros.iter().position(|m| m.target == block) else { return };
    let (branch, after) = (micros[at], &micros[at + 1..]);
    let way_in = branch.skip as usize;
    let turns = (ROOM / (at + 1 - way_in)).min(TURNS);
    let [out] = after else { return };
    if turns < 2 || !branch.counts || out.op != MicroOp::Br || out.counts || out.target == block {
        return;
    }
    let Some(mut leave) = inverted(&branch) else { return };
    (leave.target, leave.skip, leave.counts, leave.resume) = (out.target, 0, false, u32::MAX);
    if !available(&leave, has) {
        return;
    }
    let turn: Vec<Micro> = micros[way_in..at].iter().copied().chain([leave]).collect();
    for _ in 1..turns {
        micros.splice(way_in..way_in, turn.iter().copied());
    }
}

/// The branch that is taken when `m` is not.
fn inverted(m: &Micro) -> Option<Micro> {
    let mut out = *m;
    match &mut out.op {
        MicroOp::BrIf { negate } => *negate = !*negate,
        MicroOp::BrCompare { op: compare, negate } | MicroOp::BinaryBranch { compare, negate, .. } => {
            match compare.inverted() {
                Some(other) => *compare = other,
                None => *negate = !*negate,
            }
        }
        MicroOp::AddAndBranch(compare) => *compare = compare.inverted()?,
        MicroOp::BinaryStep { compare, .. }
        | MicroOp::StoreStep { compare, .. }
        | MicroOp::Store2Step { compare, .. } => *compare = compare.inverted()?,
        _ => return None,
    }
    Some(out)
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
        MicroOp::BinaryBranch { first, .. } if k < 2 => binary_class(first),
        MicroOp::BinaryStep { op, .. } => match k {
            0 | 1 => binary_class(op),
            2 => Class::Int,
            _ => Class::None,
        },
        MicroOp::StoreStep { elem, .. } => match k {
            1 => Class::Int,
            2 => elem_class(elem),
            _ => Class::None,
        },
        MicroOp::Store2Step { elem, .. } => match k {
            2 => Class::Int,
            4 => elem_class(elem),
            _ => Class::None,
        },
        MicroOp::RetBinary(op) => binary_class(op),
        MicroOp::AddAndBranch(_) if k != 1 && k != 3 => Class::Int,
        MicroOp::TestBits { .. } | MicroOp::SelectBits if k == 0 => Class::Int,
        MicroOp::CallAdd if k == 0 => Class::Int,
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

fn elem_class(elem: Elem) -> Class {
    match elem {
        Elem::F64 => Class::Float,
        Elem::F32 => Class::None,
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
        fn unary_class(op: crate::interp::micro::UnaryOp) -> Class {
            match op { $(crate::interp::micro::UnaryOp::$name => in_class!($in),)* }
        }
    };
}
macro_rules! truncation_class {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident| $v:expr;)*) => {
        fn truncation_class(op: crate::interp::micro::TruncationOp) -> Class {
            match op { $(crate::interp::micro::TruncationOp::$name => in_class!($in),)* }
        }
    };
}
crate::arith::for_each_binary!(binary_class);
crate::arith::for_each_compare!(compare_class);
crate::arith::for_each_unary!(unary_class);
crate::arith::for_each_truncation!(truncation_class);
