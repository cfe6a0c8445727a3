//! Where running code counts down its budget.
//!
//! Metered, every block of the bytecode charges its instructions; that was
//! written in when the function was built. Otherwise every way back counts,
//! and every entry of a function that calls others, so that whatever runs for
//! long looks at clock and interrupt flag in time.

use crate::mir::{Func, Node, Op};
use nbc_ir::{BlockId, Inst};

/// Nodes that count as one turn: what is long counts more.
const NODES_A_TURN: usize = 16;

/// Counts ways back and entries of a function whose fuel is not metered.
pub fn ticks(func: &mut Func) {
    let cfg = func.graph();
    let turns = (1 + func.size() / NODES_A_TURN) as i64;
    let mut latches: Vec<(BlockId, i64)> = Vec::new();
    for (from, to) in cfg.back_edges() {
        // What lies between in reverse postorder is at most the loop.
        let between = match (cfg.rank(to), cfg.rank(from)) {
            (Some(a), Some(b)) => {
                cfg.rpo()[a..=b].iter().map(|b| func.blocks[b.index()].nodes.len()).sum::<usize>()
            }
            _ => 0,
        };
        let cost = turns.min((1 + between / NODES_A_TURN) as i64);
        match latches.last_mut() {
            Some((last, most)) if *last == from => *most = cost.max(*most),
            _ => latches.push((from, cost)),
        }
    }
    for (latch, cost) in latches {
        charge(func, latch, cost);
    }
    let calls = func
        .blocks
        .iter()
        .flat_map(|b| &b.nodes)
        .any(|n| matches!(n.op, Op::Inst(Inst::Call { .. } | Inst::CallRef { .. })));
    if calls && let Some(first) = func.blocks[0].nodes.first() {
        let node = Node { op: Op::Charge { cost: 1i64.into() }, origin: first.origin };
        func.blocks[0].nodes.insert(0, node);
    }
}

/// Counts `cost` at the end of `block`.
fn charge(func: &mut Func, block: BlockId, cost: i64) {
    let nodes = &mut func.blocks[block.index()].nodes;
    if let Some(last) = nodes.last() {
        let node = Node { op: Op::Charge { cost: cost.into() }, origin: last.origin };
        nodes.insert(nodes.len() - 1, node);
    }
}
