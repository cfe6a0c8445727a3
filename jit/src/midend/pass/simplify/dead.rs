//! Dead code elimination: nodes without an effect go when nobody wants their
//! result, cycles of such included. For instance, a counter that only counts
//! itself goes.
//!
//! Invariant: a node stays where it may trap or has an effect, and so do all
//! whose results it wants.

use crate::mir::{Block, Func, MirNode, MirOp};
use nbc_ir::{BlockId, Inst, Operand, Reg};

/// Drops dead nodes and empties blocks that cannot be reached.
pub fn run(func: &mut Func) -> bool {
    let cfg = func.graph();
    let mut changed = false;
    for (b, block) in func.blocks.iter_mut().enumerate() {
        if !cfg.is_reachable(BlockId::new(b)) && !block.nodes.is_empty() {
            *block = Block::default();
            changed = true;
        }
    }

    // Definitions that may be dropped, by register.
    let nodes = || func.blocks.iter().flat_map(|b| &b.nodes);
    let mut starts = vec![0u32; func.regs.len() + 1];
    for node in nodes().filter(|n| n.op.is_droppable()) {
        node.op.for_each_def(|r| starts[r.index() + 1] += 1);
    }
    for r in 1..starts.len() {
        starts[r] += starts[r - 1];
    }
    let mut next = starts.clone();
    let mut defs: Vec<Option<&MirNode>> = vec![None; starts[func.regs.len()] as usize];
    let mut wanted = Wanted { is_wanted: vec![false; func.regs.len()], list: Vec::new() };
    for node in nodes() {
        if node.op.is_droppable() {
            node.op.for_each_def(|r| {
                defs[next[r.index()] as usize] = Some(node);
                next[r.index()] += 1;
            });
        } else {
            node.op.for_each_use(|r| wanted.add(r));
        }
    }
    while let Some(r) = wanted.list.pop() {
        let (from, to) = (starts[r.index()] as usize, starts[r.index() + 1] as usize);
        for node in defs[from..to].iter().flatten() {
            node.op.for_each_use(|r| wanted.add(r));
        }
    }

    let is_wanted = wanted.is_wanted;
    for block in &mut func.blocks {
        let before = block.nodes.len();
        block.nodes.retain(|node| {
            let mut keep = !node.op.is_droppable();
            node.op.for_each_def(|r| keep |= is_wanted[r.index()]);
            keep && !is_nothing(&node.op)
        });
        changed |= block.nodes.len() != before;
    }
    changed
}

struct Wanted {
    is_wanted: Vec<bool>,
    list: Vec<Reg>,
}

impl Wanted {
    fn add(&mut self, reg: Reg) {
        if !std::mem::replace(&mut self.is_wanted[reg.index()], true) {
            self.list.push(reg);
        }
    }
}

/// A register copied to itself.
fn is_nothing(op: &MirOp) -> bool {
    matches!(op, MirOp::Inst(Inst::Copy { dst, a }) if *a == Operand::Reg(*dst))
}
