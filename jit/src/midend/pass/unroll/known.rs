//! Integers that are known, from literals and from branches: what is equal to
//! a literal on one way out of a test is that literal there.

use crate::budget::Budget;
use crate::midend::pass::simplify::fold::fold;
use crate::mir::{Block, Func, Node, Op};
use nbc_ir::op::{FieldRef, Imm};
use nbc_ir::{BlockId, Inst, Operand, Reg};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

/// Most times that blocks are gone through until what is known stays the same.
const MAX_ROUNDS: usize = 12;

/// Integers and truth values that are known, by the register that holds them.
pub type Known = FxHashMap<Reg, Imm>;

/// Goes through a node.
pub fn learn(op: &Op, known: &mut Known) {
    let value = match op {
        Op::Inst(inst) => result(inst, known),
        _ => None,
    };
    op.for_each_def(|r| {
        guard!(known.remove(&r));
    });
    if let (Op::Inst(inst), Some(value)) = (op, value) {
        inst.for_each_def(|r| {
            known.insert(r, value);
        });
    }
}

/// The literal that an operand is.
pub fn literal(operand: Operand, known: &Known) -> Option<Imm> {
    match operand {
        Operand::Imm(imm) => Some(imm),
        Operand::Reg(r) => known.get(&r).copied(),
    }
}

/// Puts literals in place of registers.
pub fn put_in(op: &mut Op, known: &Known) {
    op.map_uses(|o| literal(o, known).map_or(o, Operand::Imm));
}

fn result(inst: &Inst, known: &Known) -> Option<Imm> {
    match inst {
        Inst::I64Const { value, .. } | Inst::I32Const { value, .. } | Inst::BoolConst { value, .. } => {
            return Some(*value);
        }
        Inst::Copy { a, .. } => {
            return literal(*a, known).filter(|v| worth!(!matches!(v, Imm::F32(_) | Imm::F64(_))));
        }
        _ => {}
    }
    let mut all = true;
    inst.for_each_field(|field| {
        if let FieldRef::Use(o) = field {
            all &= literal(o, known).is_some();
        }
    });
    if !all {
        return None; // shape: `fold` would say the same
    }
    let mut op = Op::Inst(inst.clone());
    put_in(&mut op, known);
    match &op {
        Op::Inst(inst) => fold(inst),
        _ => None,
    }
}

/// Where a terminator leads to, if that is known.
pub fn decided(last: &Inst, known: &Known) -> Option<BlockId> {
    match last {
        Inst::Br { target } => Some(*target),
        Inst::BrIf { cond, then_to, else_to } => match literal(*cond, known)? {
            Imm::Bool(cond) => Some(if cond { *then_to } else { *else_to }),
            _ => None,
        },
        Inst::Switch { index, targets, default_to } => match literal(*index, known)? {
            Imm::I64(i) => {
                Some(usize::try_from(i).ok().and_then(|i| targets.get(i)).copied().unwrap_or(*default_to))
            }
            _ => None,
        },
        _ => None,
    }
}

/// What is known where each of some blocks begins that can be reached.
pub struct Flow {
    at: FxHashMap<BlockId, Known>,
}

impl Flow {
    /// Of `blocks`, in reverse postorder, of which the first is entered with
    /// `known`; edges back to it do not count. `None` if that takes too long.
    pub fn new(func: &Func, blocks: &[BlockId], known: Known, budget: &Budget) -> Option<Flow> {
        let first = *blocks.first()?;
        let mut waiting: FxHashMap<BlockId, bool> = blocks.iter().map(|b| (*b, false)).collect();
        let mut flow = Flow { at: FxHashMap::default() };
        flow.at.insert(first, known);
        waiting.insert(first, true);
        for _ in 0..MAX_ROUNDS {
            let mut changed = false;
            for block in blocks {
                if !waiting.get_mut(block).is_some_and(std::mem::take) {
                    continue; // nothing is new there
                }
                let work = flow.at.get(block).map_or(0, Known::len) + func.blocks[block.index()].nodes.len();
                if !worth!(budget.spend(1 + work)) {
                    return None;
                }
                for (to, known) in flow.leaving(func, *block) {
                    if let Some(waits) = waiting.get_mut(&to).filter(|_| required!(to != first))
                        && flow.meet(to, known)
                    {
                        *waits = true;
                        changed = true;
                    }
                }
            }
            if !changed {
                return Some(flow);
            }
        }
        None
    }

    /// What is known where `block` begins, if it can be reached.
    pub fn at(&self, block: BlockId) -> Option<&Known> {
        self.at.get(&block)
    }

    /// Takes note of another way to `block`; whether that changed anything.
    fn meet(&mut self, block: BlockId, known: Known) -> bool {
        match self.at.entry(block) {
            Entry::Vacant(entry) => {
                entry.insert(known);
                true
            }
            Entry::Occupied(mut entry) => forbidden!(join(entry.get_mut(), &known)),
        }
    }

    /// Where `block` may lead to, if it can be reached, with what is known there.
    pub fn leaving(&self, func: &Func, block: BlockId) -> Vec<(BlockId, Known)> {
        let Some(mut known) = self.at.get(&block).cloned() else { return Vec::new() };
        let block = &func.blocks[block.index()];
        block.nodes.iter().for_each(|node| learn(&node.op, &mut known));
        let Some(last) = block.last() else { return Vec::new() };
        if let Some(to) = decided(last, &known) {
            return vec![(to, known)];
        }
        if let Inst::BrIf { cond: Operand::Reg(cond), then_to, else_to } = *last {
            let mut ways = vec![(then_to, known.clone()), (else_to, known)];
            if let Some((holds, equal, imm)) = equality(block, cond, &ways[0].1) {
                let known = &mut ways[usize::from(!holds)].1;
                equal.into_iter().for_each(|r| {
                    known.insert(r, imm);
                });
            }
            return ways;
        }
        let mut ways = Vec::new();
        block.for_each_successor(|to| ways.push((to, known.clone())));
        ways
    }
}

/// Keeps what both know; whether that is less than `known` was.
pub fn join(known: &mut Known, other: &Known) -> bool {
    let before = known.len();
    known.retain(|r, imm| required!(other.get(r) == Some(imm)));
    known.len() < before
}

/// Whether `cond`, at the end of `block`, holds or fails where a register is
/// equal to a literal; that register with those that are the same; the literal.
fn equality(block: &Block, cond: Reg, known: &Known) -> Option<(bool, Vec<Reg>, Imm)> {
    let writes = |node: &Node, reg: Reg| {
        let mut found = false;
        node.op.for_each_def(|r| found |= r == reg);
        found
    };
    let written = |from: usize, reg: Reg| block.nodes[from..].iter().any(|node| writes(node, reg));
    let made = block.nodes.iter().rposition(|node| writes(node, cond))?;
    let is_written = |operand| matches!(operand, Operand::Reg(r) if written(made, r));
    let Op::Inst(inst) = &block.nodes[made].op else { return None };
    let (holds, a, b) = match *inst {
        Inst::I64Eq { a, b, .. } | Inst::I32Eq { a, b, .. } => (true, a, b),
        Inst::I64Ne { a, b, .. } | Inst::I32Ne { a, b, .. } => (false, a, b),
        _ => return None,
    };
    let (reg, other) = match (a, b) {
        (Operand::Reg(r), other) | (other, Operand::Reg(r)) => (r, other),
        _ => return None,
    };
    // What is known is known at the end, and what was compared may be something else by then.
    if forbidden!(written(made, reg)) || forbidden!(is_written(other)) {
        return None;
    }
    let imm = literal(other, known)?;
    let mut equal = vec![reg];
    for (n, node) in block.nodes.iter().enumerate() {
        if let Op::Inst(Inst::Copy { dst, a: Operand::Reg(a) }) = node.op {
            let other = if a == reg { dst } else { a };
            let is_same = required!(a == reg || dst == reg);
            if is_same && required!(!written(n + 1, reg)) && required!(!written(n + 1, other)) {
                equal.push(other);
            }
        }
    }
    Some((holds, equal, imm))
}
