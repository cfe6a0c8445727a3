//! Loop rotation, or loop inversion: the test of a loop goes to its end.
//!
//! A loop as it is written often tests on top: `head` goes to the body or out,
//! and the body ends by going to `head`. It is the same to go through the test
//! once on the way in and from then on at the end of the body. So `head` is
//! copied for the way in, and the block that it goes to becomes the header;
//! nothing else changes, and whatever stands in `head` is run as often as
//! before.
//!
//! Proves: nothing of values. Relies on: a test that is copied is passed as often as before, each
//! time in one of its copies.

use crate::midend::analysis::Analyses;
use crate::midend::analysis::loops::{Forest, LoopId};
use crate::mir::{Func, MirNode, MirOp};
use nbc_ir::{BlockId, Inst};

/// Most nodes of a header that is copied, charges apart.
const MAX_NODES: usize = 8;

/// Rotates all loops that can be rotated.
pub fn run(func: &mut Func, known: &mut Analyses) -> bool {
    let forest = known.forest(func);
    let mut preds = Preds::new(&forest);
    let mut changed = false;
    // From the inside out, so that a copy made for an outer loop leads to the
    // new way into the inner one.
    for id in forest.ids().rev() {
        if let Some(body) = tested_on_top(func, &forest, &preds, id) {
            iteration(func, &forest, id, body, &mut preds);
            changed = true;
        }
    }
    changed
}

/// The block in the loop that the header goes to, where the header tests
/// whether to go on and is short.
fn tested_on_top(func: &Func, forest: &Forest, preds: &Preds, id: LoopId) -> Option<BlockId> {
    let l = forest.get(id);
    let header = &func.blocks[l.header.index()];
    let Some(&Inst::BrIf { then_to, else_to, .. }) = header.last() else { return None };
    let nodes = header.nodes.iter().filter(|n| !matches!(n.op, MirOp::Charge { .. })).count();
    if !worth!(!l.cold && nodes <= MAX_NODES) {
        return None;
    }
    let is_in = |b: BlockId| preds.innermost[b.index()].is_some_and(|inner| forest.encloses(id, inner));
    let body = match (is_in(then_to), is_in(else_to)) {
        (true, false) => then_to,
        (false, true) => else_to,
        _ => return None,
    };
    // It is in order already where a latch tests, as in a loop of one block.
    let is_tested = |b: &BlockId| {
        let mut leaves = false;
        func.blocks[b.index()].for_each_successor(|to| leaves |= !is_in(to));
        leaves
    };
    worth!(!l.latches.iter().any(is_tested)).then_some(body)
}

/// Which blocks lead to a header from outside its loop, and from new ones, kept
/// up to date.
struct Preds {
    of: Vec<Vec<BlockId>>,
    /// Innermost loop of each block.
    innermost: Vec<Option<LoopId>>,
}

impl Preds {
    fn new(forest: &Forest) -> Preds {
        let blocks = (0..forest.cfg.len()).map(BlockId::new);
        let mut preds = Preds {
            of: vec![Vec::new(); forest.cfg.len()],
            innermost: blocks.map(|b| forest.innermost(b)).collect(),
        };
        for l in &forest.loops {
            preds.of[l.header.index()] = l.entries.clone();
        }
        preds
    }

    /// Enters a new block of a loop, and where it leads.
    fn add(&mut self, func: &Func, block: BlockId, innermost: Option<LoopId>) {
        self.of.resize(func.blocks.len(), Vec::new());
        self.innermost.resize(func.blocks.len(), None);
        self.innermost[block.index()] = innermost;
        let of = &mut self.of;
        func.blocks[block.index()].for_each_successor(|to| {
            if !of[to.index()].contains(&block) {
                of[to.index()].push(block);
            }
        });
    }
}

fn iteration(func: &mut Func, forest: &Forest, id: LoopId, body: BlockId, preds: &mut Preds) {
    let l = forest.get(id);
    // The new header: to the body, which may be the header of an inner loop.
    let origin = func.blocks[l.header.index()].nodes.last().map_or(0, |n| n.origin);
    let top = func.block();
    func.blocks[top.index()].nodes.push(MirNode { op: MirOp::Inst(Inst::Br { target: body }), origin });
    func.blocks[l.header.index()].retarget(body, top);
    let way_in = func.block();
    func.blocks[way_in.index()] = func.blocks[l.header.index()].clone();
    let is_in = |b: BlockId| preds.innermost[b.index()].is_some_and(|inner| forest.encloses(id, inner));
    let from = preds.of[l.header.index()].iter().copied();
    // A way back may go through the copy as well, but the loop would have another header.
    let entries: Vec<BlockId> = from.filter(|p| worth!(!is_in(*p))).collect();
    for entry in &entries {
        func.blocks[entry.index()].retarget(l.header, way_in);
    }
    preds.add(func, top, Some(id));
    preds.add(func, way_in, l.parent);
    preds.of[way_in.index()] = entries;
}
