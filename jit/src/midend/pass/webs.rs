//! Renumbering, as register allocators call it: each register is split into its
//! [webs](nbc_ir::webs). So values that have nothing to do with each other have registers of
//! their own.
//!
//! Afterwards a register with one definition is as good as an SSA value, for
//! every use of it comes after that. The entry defines parameters, and the
//! registers that a resumed function finds in its frame.
//!
//! Proves: which definitions reach which uses. Relies on: nothing but the flow graph.

use crate::mir::{Block, Entry, Func, MirOp};
use nbc_ir::flow::Cfg;
use nbc_ir::webs::{Access, Names};
use nbc_ir::{BlockId, Inst, Operand};

/// Gives each web a register of its own; the first one keeps the register.
pub fn run(func: &mut Func) -> bool {
    let cfg = func.graph();
    let changed = empty_unreachable(func, &cfg);
    let before = func.regs.len();
    let mut at_entry = vec![false; before];
    match &func.entry {
        Entry::Call { params } => at_entry[..*params].fill(true),
        Entry::Resume { live } => live.iter().for_each(|(r, _)| at_entry[r.index()] = true),
    }
    // Names are made beside the blocks that are looked at.
    let blocks = std::mem::take(&mut func.blocks);
    let each = |block: BlockId, see: &mut dyn FnMut(_, _)| {
        for node in &blocks[block.index()].nodes {
            let keeps = matches!(node.op, MirOp::Inst(Inst::RegionEnd { .. } | Inst::RegionRenew { .. }));
            if !keeps {
                node.op.for_each_use(|r| see(r, Access::Use));
            }
            node.op.for_each_def(|r| see(r, if keeps { Access::Keep } else { Access::Def }));
        }
    };
    let names = Names::new(&cfg, &at_entry, each, |reg| {
        let new = func.reg_for(reg);
        if let Some(shape) = func.shapes.get(&reg).cloned() {
            func.shapes.insert(new, shape);
        }
        new
    });
    func.blocks = blocks;
    if func.regs.len() == before {
        return changed;
    }
    let mut name = names.in_order();
    for block in cfg.rpo() {
        for node in &mut func.blocks[block.index()].nodes {
            node.op.map_uses(|operand| match operand {
                Operand::Reg(reg) => name(reg).into(),
                Operand::Imm(_) => operand,
            });
            node.op.map_defs(&mut name);
        }
    }
    true
}

fn empty_unreachable(func: &mut Func, cfg: &Cfg) -> bool {
    let mut changed = false;
    for (b, block) in func.blocks.iter_mut().enumerate() {
        if !cfg.is_reachable(BlockId::new(b)) && !block.nodes.is_empty() {
            *block = Block::default();
            changed = true;
        }
    }
    changed
}
