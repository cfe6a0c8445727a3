//! Simplification, which makes a function simpler without making it do anything
//! else. It is copy and constant propagation with constant folding, common
//! subexpression elimination, removal of decided branches, and dead code
//! elimination.
//!
//! A register with one definition, entry included, always holds the value of that when it
//! is read (see [`crate::midend::pass::webs`]). So such registers are treated as SSA
//! values are. Values of the others are followed within a block.
//!
//! A node that may trap, has an effect or charges fuel is never moved; it goes
//! only where it cannot do any of that. Floats are not computed.
//!
//! Proves: of each rewriting that it is the same for all numbers (`rules.rs`, tested for each). Relies
//! on: webs and dominators.

mod branches;
mod copies;
pub mod dead;
pub mod fold;
mod rules;

use crate::mir::{Field, Func, MirOp};
use nbc_ir::flow::{Cfg, Dominators};
use nbc_ir::inst::{Effect, Imm};
use nbc_ir::{BlockId, Inst, Operand, Reg};
use rules::{Look, Simpler};
use rustc_hash::FxHashMap;
use std::collections::hash_map;

/// Most rounds; what the first ones leave is little.
const MAX_ROUNDS: usize = 4;

/// Most rules for one instruction in a round.
const MAX_RULES: usize = 4;

/// Most blocks to go up in search of a branch on the same condition.
const MAX_CLIMB: usize = 16;

/// Simplifies `func`.
pub fn run(func: &mut Func) -> bool {
    let mut changed = false;
    for _ in 0..MAX_ROUNDS {
        changed |= Values::propagate(func);
        let again = branches::run(func);
        changed |= again;
        changed |= dead::run(func);
        if !again {
            break;
        }
    }
    if copies::run(func) {
        dead::run(func);
        changed = true;
    }
    changed
}

/// What is known of a register with several definitions, in one block.
#[derive(Clone, Copy)]
struct Local {
    /// The block's stamp; of another block, nothing is known.
    stamp: u32,
    value: Operand,
    /// How often the value's register had been written.
    version: u32,
}

struct Values {
    defs: Vec<u32>,
    /// Where the only definition is.
    place: Vec<(u32, u32)>,
    /// For a register with one definition: what it is the same as.
    same: Vec<Option<Operand>>,
    local: Vec<Local>,
    version: Vec<u32>,
    stamp: u32,
    /// Where each expression was last computed, and into which register.
    computed: FxHashMap<MirOp, (BlockId, Reg)>,
}

impl Values {
    fn propagate(func: &mut Func) -> bool {
        let cfg = func.graph();
        let dominators = Dominators::new(&cfg);
        let mut values = Values::new(func, &cfg);
        let mut changed = false;
        // A definition is seen before what it dominates.
        for &block in cfg.rpo() {
            values.stamp += 1;
            for at in 0..func.blocks[block.index()].nodes.len() {
                let op = &mut func.blocks[block.index()].nodes[at].op;
                op.map_uses(|operand| {
                    let value = values.resolve(operand);
                    changed |= value != operand;
                    value
                });
                let new = values.rewrite(func, &cfg, &dominators, block, at);
                changed |= new.is_some();
                let op = &mut func.blocks[block.index()].nodes[at].op;
                if let Some(new) = new {
                    *op = new;
                }
                values.learn(op);
            }
        }
        changed
    }

    fn new(func: &Func, cfg: &Cfg) -> Values {
        let defs = func.count_defs(cfg);
        let regs = defs.len();
        let mut place = vec![(u32::MAX, 0); regs];
        for block in cfg.rpo() {
            for (at, node) in func.blocks[block.index()].nodes.iter().enumerate() {
                node.op.for_each_def(|r| place[r.index()] = (block.0, at as u32));
            }
        }
        Values {
            defs,
            place,
            same: vec![None; regs],
            local: vec![Local { stamp: 0, value: false.into(), version: 0 }; regs],
            version: vec![0; regs],
            stamp: 0,
            computed: FxHashMap::default(),
        }
    }

    fn is_single(&self, reg: Reg) -> bool {
        self.defs[reg.index()] == 1
    }

    /// Whether the operand's value never changes.
    fn is_fixed(&self, operand: Operand) -> bool {
        match operand {
            Operand::Reg(r) => self.is_single(r),
            Operand::Imm(_) => true,
        }
    }

    fn resolve(&self, operand: Operand) -> Operand {
        let Operand::Reg(r) = operand else { return operand };
        if let Some(value) = self.same[r.index()] {
            return value;
        }
        let local = &self.local[r.index()];
        let is_current = required!(local.stamp == self.stamp)
            && match local.value {
                Operand::Reg(of) => required!(self.version[of.index()] == local.version),
                Operand::Imm(_) => true,
            };
        if is_current { local.value } else { operand }
    }

    /// Remembers what `op` writes.
    fn learn(&mut self, op: &MirOp) {
        op.for_each_def(|r| {
            self.version[r.index()] += 1;
            self.local[r.index()].stamp = 0;
        });
        if let Some((dst, a)) = assigned(op) {
            if required!(self.is_single(dst)) && required!(self.is_fixed(a)) {
                self.same[dst.index()] = Some(a);
            }
            let version = if let Operand::Reg(of) = a { self.version[of.index()] } else { 0 };
            self.local[dst.index()] = Local { stamp: self.stamp, value: a, version };
        }
    }

    /// A better operation for the one at `at` in `block`.
    fn rewrite(
        &mut self,
        func: &Func,
        cfg: &Cfg,
        dominators: &Dominators,
        block: BlockId,
        at: usize,
    ) -> Option<MirOp> {
        let op = &func.blocks[block.index()].nodes[at].op;
        if let Some((dst, value)) = assigned(op) {
            let new = MirOp::Inst(assign(dst, value));
            return if new == *op { None } else { Some(new) };
        }
        if let Some((dst, value)) = known_field(func, op) {
            return Some(MirOp::Inst(assign(dst, value.into())));
        }
        let mut new = None;
        if let MirOp::Inst(inst) = op {
            let defs = Definitions { values: self, func };
            let is_decided = |cond| decided(func, cfg, dominators, block, self, cond);
            if let Some(branch) = branches::simpler(inst, &defs, is_decided) {
                return Some(MirOp::Inst(branch));
            }
            let mut inst = inst;
            let mut simpler;
            for _ in 0..MAX_RULES {
                match rules::simpler(inst, &defs) {
                    Some(Simpler::Value(a)) => return Some(MirOp::Inst(assign(only_def(op)?, a))),
                    Some(Simpler::Inst(next)) => simpler = next,
                    None => break,
                }
                inst = new.insert(simpler);
            }
        }
        let new = new.map(MirOp::Inst);
        self.computed_before(func, new.as_ref().unwrap_or(op), dominators, block).or(new)
    }

    /// A copy in place of `op`, if its value is in a register already.
    fn computed_before(
        &mut self,
        func: &Func,
        op: &MirOp,
        dominators: &Dominators,
        block: BlockId,
    ) -> Option<MirOp> {
        let dst = only_def(op)?;
        let is_same_each_time = match op {
            MirOp::Inst(Inst::Copy { .. }) => false,
            // One that trapped the first time is not reached again.
            MirOp::Inst(inst) => required!(matches!(inst.opcode().effect(), Effect::Pure | Effect::Traps)),
            MirOp::Field { .. } | MirOp::Splat { .. } | MirOp::Lanewise { .. } | MirOp::Lane { .. } => true,
            _ => required!(false),
        };
        let mut is_fixed = is_same_each_time;
        op.for_each_operand(|o| is_fixed &= required!(self.is_fixed(o)));
        if !is_fixed {
            return None; // marked above
        }
        let mut key = op.clone();
        key.map_defs(|_| Reg(0));
        let is_single = self.is_single(dst);
        match self.computed.entry(key) {
            hash_map::Entry::Occupied(mut found) => {
                let (there, reg) = *found.get();
                // One value may be in lanes of several widths.
                let is_like = func.regs[reg.index()] == func.regs[dst.index()];
                if required!(is_like) && required!(dominators.dominates(there, block)) {
                    return Some(MirOp::Inst(Inst::Copy { dst, a: reg.into() }));
                }
                if required!(is_single) {
                    found.insert((block, dst));
                }
            }
            hash_map::Entry::Vacant(free) => {
                if required!(is_single) {
                    free.insert((block, dst));
                }
            }
        }
        None
    }
}

/// Writes a value to `dst`.
fn assign(dst: Reg, value: Operand) -> Inst {
    match value {
        Operand::Reg(_) => Inst::Copy { dst, a: value },
        Operand::Imm(value) => match value {
            Imm::I32(_) => Inst::I32Const { dst, value },
            Imm::I64(_) => Inst::I64Const { dst, value },
            Imm::F32(_) => Inst::F32Const { dst, value },
            Imm::F64(_) => Inst::F64Const { dst, value },
            Imm::Bool(_) => Inst::BoolConst { dst, value },
        },
    }
}

/// Register and value of an operation that reads a field of a tensor whose
/// shape is known.
fn known_field(func: &Func, op: &MirOp) -> Option<(Reg, i64)> {
    let (dst, tensor, field) = match *op {
        MirOp::Field { dst, tensor, field } => (dst, tensor, field),
        MirOp::Inst(Inst::TensorLen { dst, x: Operand::Reg(x) }) => (dst, x, Field::Len),
        MirOp::Inst(Inst::TensorRank { dst, x: Operand::Reg(x) }) => (dst, x, Field::Rank),
        MirOp::Inst(Inst::TensorDim { dst, x: Operand::Reg(x), axis: Operand::Imm(Imm::I64(axis)) }) => {
            let dims = &func.shapes.get(&x)?.dims;
            return Some((dst, *dims.get(usize::try_from(axis).ok()?)?));
        }
        _ => return None,
    };
    Some((dst, func.shapes.get(&tensor)?.field(field)?))
}

/// Register and value of an operation that only writes a value.
fn assigned(op: &MirOp) -> Option<(Reg, Operand)> {
    match *op {
        MirOp::Inst(Inst::Copy { dst, a }) => Some((dst, a)),
        MirOp::Inst(
            Inst::I32Const { dst, value }
            | Inst::I64Const { dst, value }
            | Inst::F32Const { dst, value }
            | Inst::F64Const { dst, value }
            | Inst::BoolConst { dst, value },
        ) => Some((dst, value.into())),
        _ => None,
    }
}

/// The one register that `op` writes.
fn only_def(op: &MirOp) -> Option<Reg> {
    let (mut def, mut count) = (None, 0);
    op.for_each_def(|r| {
        def = Some(r);
        count += 1;
    });
    if count == 1 { def } else { None }
}

/// Definitions that can be looked through.
struct Definitions<'a> {
    values: &'a Values,
    func: &'a Func,
}

impl Look for Definitions<'_> {
    fn look(&self, operand: Operand) -> Option<&Inst> {
        let Operand::Reg(r) = operand else { return None };
        let (block, at) = self.values.place[r.index()];
        if !required!(self.values.is_single(r)) || block == u32::MAX {
            return None;
        }
        let op = &self.func.blocks[block as usize].nodes[at as usize].op;
        let mut is_fixed = true;
        op.for_each_operand(|o| is_fixed &= required!(self.values.is_fixed(o)));
        match op {
            MirOp::Inst(inst) if is_fixed => Some(inst),
            _ => None,
        }
    }
}

/// Whether a branch on the way to `block` has decided `cond`.
fn decided(
    func: &Func,
    cfg: &Cfg,
    dominators: &Dominators,
    block: BlockId,
    values: &Values,
    cond: Reg,
) -> Option<bool> {
    if !required!(values.is_single(cond)) {
        return None;
    }
    let mut at = block;
    for _ in 0..MAX_CLIMB {
        if let [from] = cfg.preds(at)
            && let Some(Inst::BrIf { cond: c, then_to, .. }) = func.blocks[from.index()].last()
            && required!(*c == Operand::Reg(cond))
        {
            return Some(*then_to == at);
        }
        at = dominators.immediate(at)?;
    }
    None
}
