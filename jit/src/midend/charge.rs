//! What blocks cost, written into the function: where fuel is metered, a
//! block of the bytecode charges its number of instructions when it is
//! entered, before any of them runs.

use crate::mir::{Func, Node, Op};
use nbc_ir::{Inst, Operand};

/// Puts a charge at the start of each block of a function as built (or
/// resumed), before any pass has changed it.
pub fn insert(func: &mut Func) {
    for b in 0..func.blocks.len() {
        if !is_begun_here(func, b) {
            continue;
        }
        let nodes = &mut func.blocks[b].nodes;
        let cost = Operand::from(nodes.len() as i64);
        let origin = nodes[0].origin;
        nodes.insert(0, Node { op: Op::Charge { cost }, origin });
    }
}

/// Whether block `b` is one of the bytecode, from its start. An entry of its
/// own is not: it is either the rest of a block, whose start has charged for
/// all of it, or leads to a block that charges for itself.
fn is_begun_here(func: &Func, b: usize) -> bool {
    let Some(first) = func.blocks[b].nodes.first() else { return false };
    if func.origins[first.origin as usize].inst != 0 {
        return false;
    }
    let leads_on = match &first.op {
        Op::Inst(Inst::Br { target }) => {
            func.blocks[target.index()].nodes.first().is_some_and(|n| n.origin == first.origin)
        }
        _ => false,
    };
    b != 0 || !leads_on
}
