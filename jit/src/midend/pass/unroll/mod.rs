//! Full unrolling: loops with only a few iterations, as many as can be told at
//! compile time, are written out. They become a row of copies, in which
//! counters are literals.
//!
//! How many iterations a loop has is found out by letting it run, with what is known
//! of integers at its entry ([`known`]). The run ends when a test cannot be decided
//! or the loop has been left. [`nest`] does so with loops of several blocks.
//!
//! Proves: every test by evaluating it, for each iteration. Relies on: that what is known at the entry
//! of a loop is known however it is entered.

mod known;
mod nest;

use crate::midend::analysis::Analyses;
use crate::midend::analysis::loops::{Forest, LoopId};
use crate::midend::pass::simplify;
use crate::mir::{Func, MirOp};
use known::Known;
use nbc_ir::inst::Imm;
use nbc_ir::{BlockId, Inst};

/// Most iterations of a loop that is written out.
const MAX_ITERATIONS: usize = 10;
/// Most nodes that a loop becomes.
const MAX_NODES: usize = 160;
/// Most nodes that a function grows by.
const MAX_GROWTH: usize = 2000;
/// Most blocks looked at for what is known at the entry of a loop.
const MAX_BLOCKS: usize = 4;

/// Writes out what loops of `func` can be.
pub fn run(func: &mut Func, analyses: &mut Analyses) -> bool {
    let mut left = MAX_GROWTH;
    let mut changed = false;
    let budget = analyses.budget().clone();
    while nest::run(func, &analyses.forest(func), &budget, &mut left) {
        simplify::run(func);
        analyses.forget();
        changed = true;
    }
    let forest = analyses.forest(func);
    for id in forest.ids() {
        changed |= write_out(func, &forest, id, &mut left).is_some();
    }
    if changed {
        simplify::run(func);
    }
    changed
}

/// What is known where `block` ends.
fn known_after(func: &Func, forest: &Forest, block: BlockId) -> Known {
    let mut way = vec![block];
    while let Some(&first) = way.last()
        && let [pred] = *forest.cfg.preds(first)
        && worth!(way.len() < MAX_BLOCKS)
    {
        way.push(pred);
    }
    let mut known = Known::default();
    for block in way.into_iter().rev() {
        for node in &func.blocks[block.index()].nodes {
            known.learn(&node.op);
        }
    }
    known
}

/// Lets a loop of one block run; how many iterations it has, if that can be told.
fn iterations(func: &Func, block: BlockId, mut known: Known, most: usize) -> Option<usize> {
    for iteration in 1..=most {
        for node in &func.blocks[block.index()].nodes {
            known.learn(&node.op);
        }
        let Some(Inst::BrIf { cond, then_to, else_to }) = func.blocks[block.index()].last() else {
            return None;
        };
        let Some(Imm::Bool(cond)) = known.literal(*cond) else { return None };
        if required!(*(if cond { then_to } else { else_to }) != block) {
            return Some(iteration);
        }
    }
    None
}

/// The exit of a loop of one block.
fn exit(func: &Func, forest: &Forest, id: LoopId) -> Option<BlockId> {
    let header = forest.get(id).header;
    let Some(Inst::BrIf { then_to, else_to, .. }) = func.blocks[header.index()].last() else { return None };
    match (*then_to == header, *else_to == header) {
        (true, false) => Some(*else_to),
        (false, true) => Some(*then_to),
        _ => None,
    }
}

/// Writes out a loop of one block.
fn write_out(func: &mut Func, forest: &Forest, id: LoopId, left: &mut usize) -> Option<()> {
    let l = forest.get(id);
    let ([before], [block]) = (&*l.entries, &*l.own) else { return None };
    if forbidden!(!l.children.is_empty()) || !worth!(!l.cold && l.size * 2 <= MAX_NODES) {
        return None;
    }
    let exit = exit(func, forest, id)?;
    let known = known_after(func, forest, *before);
    let iterations = iterations(func, *block, known, (MAX_NODES / l.size).min(MAX_ITERATIONS))?;
    *left = left.checked_sub(l.size * (iterations - 1))?;
    let nodes = &mut func.blocks[block.index()].nodes;
    let mut last = nodes.pop()?;
    let body = nodes.clone();
    for _ in 1..iterations {
        nodes.extend_from_slice(&body);
    }
    last.op = MirOp::Inst(Inst::Br { target: exit });
    nodes.push(last);
    Some(())
}
