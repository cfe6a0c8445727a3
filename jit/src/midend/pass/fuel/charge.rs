//! Charges of fuel, written into the function. Where fuel is metered, a block
//! of the bytecode charges its number of instructions when it is entered,
//! before any of them runs.
//!
//! In the end charges go down the function, past all that could not be seen if
//! the fuel ran out. So those of several blocks are made together.
//!
//! Proves: that nothing can be seen between where a charge was and where it goes. Relies on: origins,
//! which say where a block of the bytecode begins.

use crate::mir::{Func, MirNode, MirOp, is_step};
use nbc_ir::inst::Imm;
use nbc_ir::{BlockId, Inst, Operand};

/// Most charges that are made together.
const MAX_TOGETHER: usize = 12;

/// Puts a charge at the start of each block of a function as built (or
/// resumed), before any pass has changed it.
pub fn insert(func: &mut Func) {
    for b in 0..func.blocks.len() {
        if !required!(is_begun_here(func, b)) {
            continue;
        }
        let nodes = &mut func.blocks[b].nodes;
        // Steps of the plan are no instructions.
        let cost = (0..nodes.len()).filter(|n| !is_step(nodes, *n)).count();
        let cost = Operand::from(cost as i64);
        let origin = nodes[0].origin;
        nodes.insert(0, MirNode { op: MirOp::Charge { cost }, origin });
    }
}

/// Whether block `b` is one of the bytecode, from its start. An entry of its
/// own is not: it is either the rest of a block, whose start has charged for
/// all of it, or leads to a block that charges for itself.
fn is_begun_here(func: &Func, b: usize) -> bool {
    let nodes = &func.blocks[b].nodes;
    let Some(first) = (0..nodes.len()).find(|n| !is_step(nodes, *n)).map(|n| &nodes[n]) else { return false };
    if func.origins[first.origin as usize].inst != 0 {
        return false; // its caller has the mark
    }
    b != 0 || !func.leads_on()
}

/// Costs and origins of charges that are still to be made.
type Due = Vec<(i64, u32)>;

/// Makes charges together.
pub fn gather(func: &mut Func) -> bool {
    let cfg = func.graph();
    let mut due_at: Vec<Due> = vec![Vec::new(); func.blocks.len()];
    let mut edges: Vec<(BlockId, BlockId)> = Vec::new();
    let mut changed = false;
    for &block in cfg.rpo() {
        let mut due = std::mem::take(&mut due_at[block.index()]);
        changed |= !due.is_empty();
        let nodes = std::mem::take(&mut func.blocks[block.index()].nodes);
        let mut kept = Vec::with_capacity(nodes.len());
        for node in nodes {
            match &node.op {
                MirOp::Charge { cost: Operand::Imm(Imm::I64(cost)) } => {
                    // What is given back may not pay for what was due before.
                    let gives_back = *cost < 0 && due.iter().any(|(c, _)| *c > 0);
                    if forbidden!(gives_back) || !worth!(due.len() < MAX_TOGETHER) {
                        pay(&mut kept, &mut due);
                    }
                    changed |= !due.is_empty();
                    due.push((*cost, node.origin));
                    continue; // it goes on further down
                }
                MirOp::Inst(inst @ (Inst::Br { .. } | Inst::BrIf { .. })) if !due.is_empty() => {
                    let mut targets = Vec::new();
                    inst.for_each_successor(|to| targets.push(to));
                    // What has other ways in may not have it to pay on them.
                    let (on, joins): (Vec<BlockId>, Vec<BlockId>) =
                        targets.iter().partition(|to| required!(cfg.preds(**to).len() == 1));
                    if on.is_empty() {
                        pay(&mut kept, &mut due);
                    }
                    for to in joins.into_iter().filter(|_| !due.is_empty()) {
                        let edge = func.block();
                        let nodes = &mut func.blocks[edge.index()].nodes;
                        pay(nodes, &mut due.clone());
                        nodes.push(MirNode { op: MirOp::Inst(Inst::Br { target: to }), origin: node.origin });
                        edges.push((to, edge));
                    }
                    on.iter().for_each(|to| due_at[to.index()] = due.clone());
                }
                op if required!(op.is_droppable()) => {}
                _ => pay(&mut kept, &mut due),
            }
            kept.push(node);
        }
        func.blocks[block.index()].nodes = kept;
        for (to, edge) in edges.drain(..) {
            func.blocks[block.index()].retarget(to, edge);
        }
    }
    changed
}

/// Makes the charges that are due.
fn pay(nodes: &mut Vec<MirNode>, due: &mut Due) {
    let list = std::mem::take(due);
    let Some(&(_, origin)) = list.last() else { return };
    let all: i64 = list.iter().map(|(cost, _)| cost).sum();
    let op = if worth!(list.len() == 1 || all <= 0) {
        MirOp::Charge { cost: all.into() }
    } else {
        MirOp::Charges { list: list.into() }
    };
    nodes.push(MirNode { op, origin });
}
