//! If-conversion: a branch around a few cheap integer instructions becomes the
//! instructions, and a choice by the condition.
//!
//! A branch costs nothing while it is predicted, and some fifteen cycles when
//! it is not; the instructions cost one or two. What is converted is a side, or
//! two, that does nothing but set one or two integers, without trap or effect,
//! before both meet again. Floats stay: choosing between them is a branch.
//!
//! Proves: that each node of a side may be evaluated where the program does not come to it
//! ([`crate::midend::analysis::motion`]). Relies on: what is alive
//! where the ways meet.

use crate::midend::analysis::motion::{Between, may_be_evaluated};
use crate::mir::{Func, Liveness, MirNode, MirOp, Ty};
use nbc_ir::flow::Cfg;
use nbc_ir::inst::Effect;
use nbc_ir::{BlockId, Inst, Operand, Reg, Type};

/// Most instructions of both sides together; copies and literals do not count.
const MAX_COST: usize = 3;

/// Most registers to choose.
const MAX_CHOICES: usize = 2;

/// Converts all branches that can be, from the inside out.
pub fn run(func: &mut Func) -> bool {
    let cfg = func.graph();
    if !cfg.rpo().iter().any(|b| Branch::at(func, &cfg, *b).is_some()) {
        return false; // there is none
    }
    let Some(live) = Liveness::new(func, &cfg) else { return false };
    let known = func.regs.len();
    let mut changed = false;
    for &block in cfg.rpo().iter().rev() {
        let Some(branch) = Branch::at(func, &cfg, block) else { continue };
        // Registers made here are of no use beyond.
        let is_live = |reg: Reg| reg.index() < known && live.is_live(branch.meet, reg);
        if let Some(nodes) = branch.convert(func, is_live) {
            let at = &mut func.blocks[block.index()].nodes;
            at.pop();
            at.extend(nodes);
            changed = true;
        }
    }
    changed
}

/// A branch whose two ways meet again at once.
struct Branch {
    cond: Reg,
    origin: u32,
    /// What is done where it holds, and where it does not.
    sides: [Option<BlockId>; 2],
    meet: BlockId,
}

impl Branch {
    fn at(func: &Func, cfg: &Cfg, block: BlockId) -> Option<Branch> {
        let last = func.blocks[block.index()].nodes.last()?;
        let MirOp::Inst(Inst::BrIf { cond: Operand::Reg(cond), then_to, else_to }) = last.op else {
            return None;
        };
        // Where a block leads that belongs to this branch alone.
        let leads = |to: BlockId| {
            let is_own = worth!(*cfg.preds(to) == [block]);
            let is_own = is_own && worth!(!func.blocks[to.index()].cold);
            match func.blocks[to.index()].last() {
                Some(Inst::Br { target }) if is_own && is_cheap(func, to) => Some(*target),
                _ => None,
            }
        };
        let (sides, meet) = match (leads(then_to), leads(else_to)) {
            (Some(a), Some(b)) if a == b => ([Some(then_to), Some(else_to)], a),
            (Some(a), _) if a == else_to => ([Some(then_to), None], a),
            (_, Some(b)) if b == then_to => ([None, Some(else_to)], b),
            _ => return None,
        };
        // Where more ways meet, one of them would be given up for two in a row.
        if !worth!(cfg.preds(meet).len() == 2) {
            return None;
        }
        Some(Branch { cond, origin: last.origin, sides, meet })
    }

    /// Both sides, one after the other, and the choices. None if that is too much.
    fn convert(&self, func: &mut Func, is_live: impl Fn(Reg) -> bool) -> Option<Vec<MirNode>> {
        let written = |func: &Func, side: BlockId| {
            let mut written = Vec::new();
            func.blocks[side.index()].nodes.iter().for_each(|n| n.op.for_each_def(|r| written.push(r)));
            written
        };
        let mut chosen: Vec<Reg> = Vec::new();
        for side in self.sides.into_iter().flatten() {
            chosen.extend(written(func, side).into_iter().filter(|r| worth!(is_live(*r))));
        }
        chosen.sort_unstable();
        chosen.dedup();
        let cost = self.sides.iter().flatten().map(|side| cost(func, *side)).sum::<usize>();
        let is_little = worth!(cost <= MAX_COST && chosen.len() <= MAX_CHOICES);
        if !is_little || forbidden!(chosen.contains(&self.cond)) {
            return None;
        }
        let mut nodes = Vec::new();
        let names = self.sides.map(|side| {
            // Names of its own for what a side writes.
            let mut names: Vec<(Reg, Operand)> = Vec::new();
            let side = side.map_or(Vec::new(), |side| func.blocks[side.index()].nodes.clone());
            for mut node in side.into_iter().filter(|n| !matches!(n.op, MirOp::Inst(Inst::Br { .. }))) {
                node.op.map_uses(|o| name_of(&names, o));
                node.op.map_defs(|r| {
                    let new = func.reg_for(r);
                    names.retain(|(of, _)| *of != r);
                    names.push((r, new.into()));
                    new
                });
                nodes.push(node);
            }
            names
        });
        for dst in chosen {
            let [a, b] = [&names[0], &names[1]].map(|names| name_of(names, dst.into()));
            let inst = Inst::Select { dst, cond: self.cond.into(), a, b };
            nodes.push(MirNode { op: MirOp::Inst(inst), origin: self.origin });
        }
        nodes.push(MirNode { op: MirOp::Inst(Inst::Br { target: self.meet }), origin: self.origin });
        Some(nodes)
    }
}

fn name_of(names: &[(Reg, Operand)], operand: Operand) -> Operand {
    let found = names.iter().find(|(of, _)| Operand::Reg(*of) == operand);
    found.map_or(operand, |(_, name)| *name)
}

/// What the instructions of a block cost; copies and literals do not.
fn cost(func: &Func, block: BlockId) -> usize {
    let free = |op: &MirOp| {
        matches!(
            op,
            MirOp::Inst(Inst::Copy { .. } | Inst::I64Const { .. } | Inst::I32Const { .. } | Inst::Br { .. })
        )
    };
    func.blocks[block.index()].nodes.iter().filter(|n| !free(&n.op)).count()
}

/// Whether everything in `block` may as well be done where it need not be.
fn is_cheap(func: &Func, block: BlockId) -> bool {
    let nodes = &func.blocks[block.index()].nodes;
    let is_integer = |r: Reg| matches!(func.regs[r.index()], Ty::Value(Type::I64 | Type::I32 | Type::Bool));
    let is_cheap = |op: &MirOp| {
        let MirOp::Inst(inst) = op else { return false };
        let mut cheap = required!(may_be_evaluated(op, Between::Anything))
            && worth!(inst.opcode().effect() != Effect::Traps)
            && worth!(!matches!(inst, Inst::I64Mul { .. } | Inst::I32Mul { .. }));
        inst.for_each_use(|r| cheap &= worth!(is_integer(r)));
        inst.for_each_def(|r| cheap &= worth!(is_integer(r)));
        cheap
    };
    worth!(nodes.len() <= 2 * MAX_COST) && nodes[..nodes.len() - 1].iter().all(|n| is_cheap(&n.op))
}
