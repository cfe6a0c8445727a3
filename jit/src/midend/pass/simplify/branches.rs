//! Control-flow simplification: branches that are decided go, blocks that only
//! lead on are passed by, and blocks that belong together become one.
//!
//! A header keeps the blocks that lead into its loop as they are: passes on
//! loops want one way in and one way back.

use super::rules::Look;
use crate::mir::{Block, Func, MirOp};
use nbc_ir::flow::Cfg;
use nbc_ir::inst::Imm;
use nbc_ir::{BlockId, Inst, Operand, Reg};

/// A simpler form of a terminator. `decided` knows what branches on the way
/// here have found out.
pub fn simpler(inst: &Inst, defs: &impl Look, decided: impl Fn(Reg) -> Option<bool>) -> Option<Inst> {
    match inst {
        Inst::BrIf { cond, then_to, else_to } => {
            let known = match cond {
                Operand::Imm(Imm::Bool(v)) => Some(*v),
                Operand::Imm(_) => None,
                Operand::Reg(r) if forbidden!(then_to != else_to) => decided(*r),
                Operand::Reg(_) => Some(true),
            };
            if let Some(known) = known {
                return Some(Inst::Br { target: if known { *then_to } else { *else_to } });
            }
            match defs.look(*cond)? {
                Inst::BoolNot { a, .. } => {
                    Some(Inst::BrIf { cond: *a, then_to: *else_to, else_to: *then_to })
                }
                _ => None,
            }
        }
        Inst::Switch { index, targets, default_to } => {
            let to = match index {
                Operand::Imm(Imm::I64(i)) => {
                    let chosen = usize::try_from(*i).ok().and_then(|i| targets.get(i));
                    Some(*chosen.unwrap_or(default_to))
                }
                _ if required!(targets.iter().all(|t| t == default_to)) => Some(*default_to),
                _ => None,
            };
            to.map(|target| Inst::Br { target })
        }
        _ => None,
    }
}

/// Tidies the graph.
pub fn run(func: &mut Func) -> bool {
    let mut changed = duplicate_tests(func);
    changed |= forward(func);
    changed |= merge(func);
    mark_cold(func);
    changed
}

/// Blocks that a back-edge leads to.
fn headers(cfg: &Cfg) -> Vec<bool> {
    let mut headers = vec![false; cfg.len()];
    cfg.back_edges().iter().for_each(|(_, to)| headers[to.index()] = true);
    headers
}

/// Whether a block does nothing but choose.
fn only_tests(block: &Block) -> bool {
    block.nodes.len() == 1 && matches!(block.last(), Some(Inst::BrIf { .. } | Inst::Switch { .. }))
}

/// A block that does nothing but choose is put where it is led to from, for
/// there the choice may be known. Not so if a loop would get one more way in
/// or back.
fn duplicate_tests(func: &mut Func) -> bool {
    if !func.blocks.iter().any(only_tests) {
        return false; // there is nothing to do
    }
    let cfg = func.graph();
    let is_header = headers(&cfg);
    let mut changed = false;
    // A switch of many targets may be led to by many blocks.
    let mut left = func.size();
    for &block in cfg.rpo() {
        let Some(&Inst::Br { target }) = func.blocks[block.index()].last() else { continue };
        let to = &func.blocks[target.index()];
        if required!(only_tests(to))
            && worth!(to.size() <= left)
            && worth!(!is_header[target.index()])
            && worth!(!cfg.succs(target).iter().any(|s| is_header[s.index()]))
        {
            let test = to.nodes[0].clone();
            left -= test.op.size();
            let nodes = &mut func.blocks[block.index()].nodes;
            nodes.pop();
            nodes.push(test);
            changed = true;
        }
    }
    changed
}

/// Leads edges past blocks that only lead on.
fn forward(func: &mut Func) -> bool {
    let leads_on = |b: &Block| b.nodes.len() == 1 && matches!(b.last(), Some(Inst::Br { .. }));
    if !func.blocks.iter().skip(1).any(leads_on) {
        return false; // there is nothing to do
    }
    let cfg = func.graph();
    let is_header = headers(&cfg);
    // Where an edge to a block ends up; in postorder, so that chains are short.
    let mut to: Vec<BlockId> = (0..func.blocks.len()).map(BlockId::new).collect();
    for &block in cfg.rpo().iter().rev() {
        if let [node] = &func.blocks[block.index()].nodes[..]
            && let MirOp::Inst(Inst::Br { target }) = node.op
            && worth!(block.index() != 0)
            && worth!(!is_header[block.index()])
            && worth!(!is_header[target.index()])
        {
            to[block.index()] = to[target.index()];
        }
    }
    let mut changed = false;
    for block in cfg.rpo() {
        func.blocks[block.index()].map_successors(|b| {
            changed |= to[b.index()] != b;
            to[b.index()]
        });
    }
    changed
}

/// Joins blocks with their only successors, where those have no other
/// predecessor.
fn merge(func: &mut Func) -> bool {
    let cfg = func.graph();
    let mut changed = false;
    let mut gone = vec![false; func.blocks.len()];
    for &block in cfg.rpo() {
        if gone[block.index()] {
            continue; // it is part of another
        }
        while let Some(&Inst::Br { target }) = func.blocks[block.index()].last() {
            // What cannot be reached leads nowhere.
            let preds = cfg.preds(target).iter().filter(|p| cfg.is_reachable(**p)).count();
            let is_alike = func.blocks[target.index()].cold == func.blocks[block.index()].cold;
            if !required!(preds == 1) || !worth!(is_alike) {
                break;
            }
            gone[target.index()] = true;
            let mut rest = std::mem::take(&mut func.blocks[target.index()]);
            let nodes = &mut func.blocks[block.index()].nodes;
            nodes.pop();
            nodes.append(&mut rest.nodes);
            changed = true;
        }
    }
    changed
}

/// What can only end in `trap` is not expected to run.
fn mark_cold(func: &mut Func) {
    let ends = |b: &Block| b.cold || matches!(b.last(), Some(Inst::Trap {}));
    if !func.blocks.iter().any(ends) {
        return;
    }
    let cfg = func.graph();
    for &block in cfg.rpo().iter().rev() {
        let traps = matches!(func.blocks[block.index()].last(), Some(Inst::Trap {}));
        let succs = cfg.succs(block);
        let leads_nowhere_else = !succs.is_empty() && succs.iter().all(|s| func.blocks[s.index()].cold);
        if block.index() != 0 && (traps || leads_nowhere_else) {
            func.blocks[block.index()].cold = true;
        }
    }
}
