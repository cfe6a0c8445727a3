//! Functions that go on with a run of the interpreter.
//!
//! Such a run is in the middle of its loops. To enter them there would make
//! them loops with two entries, which nothing here or in Cranelift improves. So
//! for each loop around the place what is left of the present iteration is a copy,
//! which leads to the loop's header: from the innermost loop outward, the
//! first iteration is finished, and every loop is entered where it begins.

use super::{Entry, Func, MirNode, MirOp, live_at_entry};
use nbc_ir::flow::{Cfg, Dominators, Loops};
use nbc_ir::{BlockId, Inst};

/// Most nodes that are copied for finishing first iterations.
const MAX_COPIED: usize = 20_000;

/// Most loops around the place whose iterations are finished; nobody looks at loops
/// that are deeper.
const MAX_LEVELS: usize = 40;

impl Func {
    /// Makes an entry that runs what is left of `block` from instruction
    /// `inst` on. The old entry stays where it was led to from.
    pub(super) fn enter_at(&mut self, block: BlockId, inst: usize) {
        let moved = BlockId::new(self.blocks.len());
        let old = std::mem::take(&mut self.blocks[0]);
        self.blocks.push(old);
        for b in &mut self.blocks {
            b.retarget(BlockId(0), moved);
        }
        let block = if block.index() == 0 { moved } else { block };
        let rest = &self.blocks[block.index()].nodes[inst..];
        self.blocks[0].nodes = if inst == 0 {
            let origin = rest.first().map_or(0, |n| n.origin);
            vec![MirNode { op: MirOp::Inst(Inst::Br { target: block }), origin }]
        } else {
            rest.to_vec()
        };
    }

    /// Iterations a function as built into one that goes on with a run of the
    /// interpreter at instruction `inst` of `block`.
    pub(super) fn resume(&mut self, block: BlockId, inst: usize) {
        let nest = self.loops_around(block);
        let moved = BlockId::new(self.blocks.len());
        self.enter_at(block, inst);
        for mut blocks in nest {
            for b in blocks.iter_mut().filter(|b| b.index() == 0) {
                *b = moved;
            }
            self.finish_iteration(&blocks);
        }
        let cfg = self.graph();
        self.entry =
            Entry::Resume { live: live_at_entry(self, &cfg).into_iter().map(|r| (r, r.0)).collect() };
    }

    /// Blocks of the loops that `block` is in, the innermost loop first, of
    /// each the header first: of as many as can be copied.
    fn loops_around(&self, block: BlockId) -> Vec<Vec<BlockId>> {
        let cfg: Cfg = self.graph();
        let loops = Loops::new(&cfg, &Dominators::new(&cfg));
        let nest: Vec<BlockId> =
            std::iter::successors(loops.innermost(block), |h| loops.parent(*h)).take(MAX_LEVELS).collect();
        // The innermost loop of the nest that a block is in. Outer headers come
        // before inner ones.
        let mut level_of: Vec<Option<usize>> = vec![None; cfg.len()];
        for (level, header) in nest.iter().enumerate() {
            level_of[header.index()] = Some(level);
        }
        let mut levels: Vec<Vec<BlockId>> = vec![Vec::new(); nest.len()];
        for &b in cfg.rpo() {
            let Some(header) = loops.innermost(b) else { continue };
            let of_header = level_of[header.index()];
            let around =
                if b == header { loops.parent(b).and_then(|outer| level_of[outer.index()]) } else { None };
            let Some(level) = of_header.or(around) else { continue };
            level_of[b.index()] = Some(level);
            levels[level].push(b);
        }
        let mut all: Vec<Vec<BlockId>> = Vec::new();
        let mut copied = 0;
        for level in levels {
            let inner = all.last().map_or(&[][..], Vec::as_slice);
            let mut blocks = [inner, &level].concat();
            copied += blocks.iter().map(|b| self.blocks[b.index()].size()).sum::<usize>();
            if copied > MAX_COPIED {
                break;
            }
            blocks.sort_unstable_by_key(|b| cfg.rank(*b));
            all.push(blocks);
        }
        all
    }

    /// Which blocks a run can reach.
    fn reachable(&self) -> Vec<bool> {
        let mut seen = vec![false; self.blocks.len()];
        let mut stack = vec![BlockId(0)];
        while let Some(block) = stack.pop() {
            if !std::mem::replace(&mut seen[block.index()], true) {
                self.blocks[block.index()].for_each_successor(|to| stack.push(to));
            }
        }
        seen
    }

    /// Leads edges that enter a loop elsewhere than at its header to a copy of
    /// its blocks, whose ways back lead to the loop itself.
    fn finish_iteration(&mut self, blocks: &[BlockId]) {
        let header = blocks[0];
        let first = self.blocks.len();
        let mut inside = vec![None; first];
        for (i, b) in blocks.iter().enumerate() {
            inside[b.index()] = Some(BlockId::new(first + i));
        }
        let reachable = self.reachable();
        let enters = |to: BlockId| to != header && inside[to.index()].is_some();
        let mut entered = false;
        for b in (0..first).filter(|b| inside[*b].is_none() && reachable[*b]) {
            self.blocks[b].for_each_successor(|to| entered |= enters(to));
        }
        if !entered {
            return;
        }
        let lead = |to: BlockId| match inside[to.index()] {
            Some(copy) if to != header => copy,
            _ => to,
        };
        for (block, _) in self.blocks.iter_mut().zip(&inside).filter(|(_, copy)| copy.is_none()) {
            block.map_successors(lead);
        }
        for b in blocks {
            let mut copy = self.blocks[b.index()].clone();
            copy.map_successors(lead);
            self.blocks.push(copy);
        }
    }
}
