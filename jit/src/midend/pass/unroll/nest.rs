//! Full unrolling of loops of several blocks, with the loops in them: each
//! iteration becomes a copy of the blocks that it runs through.
//!
//! Invariant: a block is left out of an iteration only where
//! [`known`](super::known) decides that no way leads there.

use super::known::{Flow, Known};
use super::{MAX_ITERATIONS, MAX_NODES};
use crate::budget::Budget;
use crate::midend::analysis::loops::{Forest, LoopId};
use crate::mir::{Block, Func};
use nbc_ir::{BlockId, Inst};
use rustc_hash::FxHashMap;

/// Most nodes that a loop with others in it becomes, which may have more iterations.
const MAX_NODES_OF_NEST: usize = 200;
/// Most blocks of a function that is looked at.
const MAX_BLOCKS: usize = 400;

/// Writes out one loop of `func`, if there is one that can be; takes what that
/// adds off `left`.
pub fn run(func: &mut Func, forest: &Forest, budget: &Budget, left: &mut usize) -> bool {
    let is_candidate = |id: &LoopId| {
        let l = forest.get(*id);
        let several = !l.children.is_empty() || l.own.len() > 1;
        worth!(several && !l.cold && l.size <= 2 * MAX_NODES_OF_NEST)
    };
    let candidates: Vec<LoopId> = forest.ids().filter(is_candidate).collect();
    if !worth!(!candidates.is_empty() && forest.cfg.rpo().len() <= MAX_BLOCKS) {
        return false;
    }
    let Some(flow) = Flow::new(func, forest.cfg.rpo(), Known::default(), budget) else { return false };
    candidates.into_iter().any(|id| {
        let Some(iterations) = iterations(func, forest, &flow, id, budget) else { return false };
        let size: usize = iterations.iter().map(|iteration| iteration.size).sum();
        let Some(rest) = left.checked_sub(size) else { return false };
        *left = rest;
        write_out(func, forest, id, &iterations);
        settle(func, forest, &flow);
        true
    })
}

/// An iteration of a loop.
struct Iteration {
    /// The blocks it may run through, in reverse postorder.
    blocks: Vec<BlockId>,
    flow: Flow,
    size: usize,
}

/// The iterations of a loop, if they can be told.
fn iterations(
    func: &Func,
    forest: &Forest,
    flow: &Flow,
    id: LoopId,
    budget: &Budget,
) -> Option<Vec<Iteration>> {
    let l = forest.get(id);
    let ways_in = l.entries.iter().flat_map(|entry| flow.leaving(func, *entry));
    let mut known = all(ways_in, l.header)?;
    let rpo = forest.cfg.rpo();
    let blocks: Vec<BlockId> = rpo.iter().copied().filter(|b| forest.contains(id, *b)).collect();
    let most = if l.children.is_empty() { MAX_NODES } else { MAX_NODES_OF_NEST };
    let (mut iterations, mut size) = (Vec::new(), 0);
    loop {
        let flow = Flow::new(func, &blocks, known.clone(), budget)?;
        let blocks: Vec<BlockId> = blocks.iter().copied().filter(|b| flow.at(*b).is_some()).collect();
        let of_iteration = blocks.iter().map(|b| func.blocks[b.index()].size()).sum();
        size += of_iteration;
        if !worth!(size <= most) {
            return None;
        }
        let ways_back = l.latches.iter().flat_map(|latch| flow.leaving(func, *latch));
        let back = all(ways_back, l.header);
        iterations.push(Iteration { blocks, flow, size: of_iteration });
        match back {
            None => return Some(iterations),
            // What is known no longer changes: nor will it ever end.
            Some(again) if worth!(again == known) => return None,
            Some(_) if worth!(iterations.len() == MAX_ITERATIONS) => return None,
            Some(again) => known = again,
        }
    }
}

/// What is known on all ways to `block`, if there are any.
fn all(ways: impl Iterator<Item = (BlockId, Known)>, block: BlockId) -> Option<Known> {
    ways.filter(|(to, _)| required!(*to == block)).map(|(_, known)| known).reduce(|mut known, other| {
        guard!(known.join(&other));
        known
    })
}

/// Puts a copy for each iteration in place of a loop.
fn write_out(func: &mut Func, forest: &Forest, id: LoopId, iterations: &[Iteration]) {
    let header = forest.get(id).header;
    // Copies lie iteration by iteration.
    let mut at = func.blocks.len();
    let mut copies: Vec<FxHashMap<BlockId, BlockId>> = Vec::new();
    for iteration in iterations {
        copies.push(iteration.blocks.iter().enumerate().map(|(n, b)| (*b, BlockId::new(at + n))).collect());
        at += iteration.blocks.len();
    }
    for (n, iteration) in iterations.iter().enumerate() {
        for block in &iteration.blocks {
            let mut copy = func.blocks[block.index()].clone();
            simplify(&mut copy, iteration.flow.at(*block));
            let next = copies.get(n + 1).and_then(|next| next.get(&header).copied());
            copy.map_successors(|to| match to == header {
                true => next.unwrap_or(header),
                false => copies[n].get(&to).copied().unwrap_or(to),
            });
            func.blocks.push(copy);
        }
    }
    for entry in &forest.get(id).entries {
        func.blocks[entry.index()].retarget(header, copies[0][&header]);
    }
}

/// Makes use of what is known all over the function.
fn settle(func: &mut Func, forest: &Forest, flow: &Flow) {
    for block in forest.cfg.rpo() {
        simplify(&mut func.blocks[block.index()], flow.at(*block));
    }
}

/// Puts literals in place of what is known, and decides the branch.
fn simplify(block: &mut Block, at: Option<&Known>) {
    let Some(mut known) = at.cloned() else { return };
    for node in &mut block.nodes {
        known.put_in(&mut node.op);
        known.learn(&node.op);
    }
    if let Some(last) = block.last_mut()
        && let Some(target) = known.decided(last)
    {
        *last = Inst::Br { target };
    }
}
