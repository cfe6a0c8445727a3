//! Conditional constant propagation: integers that are known, from literals and
//! from branches. A register that is equal to a literal on one way out of a
//! test is that literal there.
//!
//! Invariant: a fact holds at the place that has been come to, and goes with
//! each write that may end it.

use crate::budget::Budget;
use crate::midend::pass::simplify::fold::fold;
use crate::mir::{Func, MirOp};
use nbc_ir::inst::{FieldRef, Imm};
use nbc_ir::{BlockId, Inst, Operand, Reg};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

/// Most times that blocks are gone through until what is known stays the same.
const MAX_ROUNDS: usize = 12;

/// Most tests and copies of a block that are kept in mind.
const MAX_NOTES: usize = 16;

/// What is known at a place that is gone through forwards: every node is told, and what a node
/// writes is forgotten, so that nothing is ever asked about another place.
#[derive(Clone, PartialEq, Default)]
pub struct Known {
    /// Integers and truth values, by the register that holds them.
    values: FxHashMap<Reg, Imm>,
    /// Tests of this block, by the register that holds their outcome.
    tests: FxHashMap<Reg, Equality>,
    /// Registers of which one was copied from the other in this block.
    copies: Vec<(Reg, Reg)>,
}

/// A test that holds, or fails, where a register is equal to a literal.
#[derive(Clone, Copy, PartialEq)]
struct Equality {
    holds: bool,
    reg: Reg,
    imm: Imm,
}

impl Known {
    /// Goes through a node.
    pub fn learn(&mut self, op: &MirOp) {
        let inst = match op {
            MirOp::Inst(inst) => Some(inst),
            _ => None,
        };
        // Of operands as they are before anything is written.
        let value = inst.and_then(|inst| self.result(inst));
        let test = inst.and_then(|inst| self.equality(inst));
        op.for_each_def(|r| self.forget(r));
        let Some(inst) = inst else { return };
        inst.for_each_def(|r| {
            self.values.extend(value.map(|value| (r, value)));
            if let Some(test) = test {
                self.tests.insert(r, test);
            }
        });
        if let Inst::Copy { dst, a: Operand::Reg(a) } = *inst {
            self.copies.push((a, dst));
        }
        // All of them are gone through at every write.
        if !worth!(self.tests.len() <= MAX_NOTES && self.copies.len() <= MAX_NOTES) {
            self.tests.clear();
            self.copies.clear();
        }
    }

    /// A register is about to hold something else.
    fn forget(&mut self, reg: Reg) {
        guard!(self.values.remove(&reg));
        guard!(self.tests.remove(&reg));
        self.tests.retain(|_, test| required!(test.reg != reg));
        self.copies.retain(|(a, b)| required!(*a != reg) && required!(*b != reg));
    }

    /// The literal that an operand is.
    pub fn literal(&self, operand: Operand) -> Option<Imm> {
        match operand {
            Operand::Imm(imm) => Some(imm),
            Operand::Reg(r) => self.values.get(&r).copied(),
        }
    }

    /// Puts literals in place of registers.
    pub fn put_in(&self, op: &mut MirOp) {
        op.map_uses(|o| self.literal(o).map_or(o, Operand::Imm));
    }

    /// Keeps what both know; whether that is less than there was.
    pub fn join(&mut self, other: &Known) -> bool {
        let before = self.values.len();
        self.values.retain(|r, imm| required!(other.values.get(r) == Some(imm)));
        self.values.len() < before
    }

    /// Where a terminator leads to, if that is known.
    pub fn decided(&self, last: &Inst) -> Option<BlockId> {
        match last {
            Inst::Br { target } => Some(*target),
            Inst::BrIf { cond, then_to, else_to } => match self.literal(*cond)? {
                Imm::Bool(cond) => Some(if cond { *then_to } else { *else_to }),
                _ => None,
            },
            Inst::Switch { index, targets, default_to } => match self.literal(*index)? {
                Imm::I64(i) => {
                    Some(usize::try_from(i).ok().and_then(|i| targets.get(i)).copied().unwrap_or(*default_to))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Where a terminator may lead to, at which this is known, with what is known there.
    fn ways(mut self, last: &Inst) -> Vec<(BlockId, Known)> {
        if let Some(to) = self.decided(last) {
            return vec![(to, self.at_end())];
        }
        let test = match last {
            Inst::BrIf { cond: Operand::Reg(cond), .. } => self.tests.get(cond).copied(),
            _ => None,
        };
        let copies = std::mem::take(&mut self.copies);
        let known = self.at_end();
        let mut ways = Vec::new();
        last.for_each_successor(|to| ways.push((to, known.clone())));
        if let Some(Equality { holds, reg, imm }) = test {
            let values = &mut ways[usize::from(!holds)].1.values;
            let others = copies.into_iter().filter_map(|(a, b)| match reg {
                _ if a == reg => Some(b),
                _ if b == reg => Some(a),
                _ => None,
            });
            values.extend(others.chain([reg]).map(|r| (r, imm)));
        }
        ways
    }

    /// What is kept from block to block.
    fn at_end(self) -> Known {
        Known { values: self.values, ..Known::default() }
    }

    fn result(&self, inst: &Inst) -> Option<Imm> {
        match inst {
            Inst::I64Const { value, .. } | Inst::I32Const { value, .. } | Inst::BoolConst { value, .. } => {
                return Some(*value);
            }
            Inst::Copy { a, .. } => {
                return self.literal(*a).filter(|v| worth!(!matches!(v, Imm::F32(_) | Imm::F64(_))));
            }
            _ => {}
        }
        let mut all = true;
        inst.for_each_field(|field| {
            if let FieldRef::Use(o) = field {
                all &= self.literal(o).is_some();
            }
        });
        if !all {
            return None; // shape: `fold` would say the same
        }
        let mut op = MirOp::Inst(inst.clone());
        self.put_in(&mut op);
        match &op {
            MirOp::Inst(inst) => fold(inst),
            _ => None,
        }
    }

    /// What an instruction tests, if that is whether a register is equal to a literal.
    fn equality(&self, inst: &Inst) -> Option<Equality> {
        let (holds, a, b) = match *inst {
            Inst::I64Eq { a, b, .. } | Inst::I32Eq { a, b, .. } => (true, a, b),
            Inst::I64Ne { a, b, .. } | Inst::I32Ne { a, b, .. } => (false, a, b),
            _ => return None,
        };
        let (reg, other) = match (a, b) {
            (Operand::Reg(r), other) | (other, Operand::Reg(r)) => (r, other),
            _ => return None,
        };
        Some(Equality { holds, reg, imm: self.literal(other)? })
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
                let work = flow.at.get(block).map_or(0, |known| known.values.len())
                    + func.blocks[block.index()].nodes.len();
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
            Entry::Occupied(mut entry) => forbidden!(entry.get_mut().join(&known)),
        }
    }

    /// Where `block` may lead to, if it can be reached, with what is known there.
    pub fn leaving(&self, func: &Func, block: BlockId) -> Vec<(BlockId, Known)> {
        let Some(mut known) = self.at.get(&block).cloned() else { return Vec::new() };
        let block = &func.blocks[block.index()];
        block.nodes.iter().for_each(|node| known.learn(&node.op));
        block.last().map_or_else(Vec::new, |last| known.ways(last))
    }
}
