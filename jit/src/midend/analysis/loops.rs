//! The loop nesting forest of a function: which blocks loops have, how they
//! nest, where they are entered and left. Also preheaders, and copies of
//! blocks.
//!
//! Invariant: only natural loops count. A cycle with several entries belongs to
//! no loop, and cold code is left alone by everyone who looks for loops.

use crate::mir::{Block, Func, MirNode, MirOp};
use nbc_ir::flow::{Cfg, Dominators, Loops};
use nbc_ir::{BlockId, Inst};

/// Loops nested deeper than this are not looked at: no program that people
/// write has them, and some questions take time that grows with the depth.
const MAX_DEPTH: u32 = 40;

/// Number of a loop of a [`Forest`]. A loop comes before those in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LoopId(pub u32);

impl LoopId {
    /// Position in [`Forest::loops`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A natural loop.
#[derive(Clone, Debug)]
pub struct Loop {
    /// The block through which it is entered.
    pub header: BlockId,
    /// The loop around it.
    pub parent: Option<LoopId>,
    /// The loops directly in it, in reverse postorder of their headers.
    pub children: Vec<LoopId>,
    /// 1 for an outermost one.
    pub depth: u32,
    /// Blocks that are in no inner loop, in reverse postorder: the header first.
    pub own: Vec<BlockId>,
    /// Blocks with an edge back to the header.
    pub latches: Vec<BlockId>,
    /// Blocks outside with an edge to the header.
    pub entries: Vec<BlockId>,
    /// The only entry, where that goes nowhere else.
    pub preheader: Option<BlockId>,
    /// How many edges leave it.
    pub exits: u32,
    /// Size of what is in it, as [`Func::size`], inner loops included.
    pub size: usize,
    /// Whether it is in code that is not expected to run.
    pub cold: bool,
    /// Whether all cycles in it are loops: what is in none of those runs at most
    /// once an iteration.
    pub is_reducible: bool,
    /// Its place in a preorder of the nest: from here up to there are the
    /// loops in it.
    until: u32,
}

/// The loops of a function, its control-flow graph and its dominators.
#[derive(Clone, Debug)]
pub struct Forest {
    /// The graph.
    pub cfg: Cfg,
    /// The dominators.
    pub doms: Dominators,
    /// The loops: each before those in it.
    pub loops: Vec<Loop>,
    innermost: Vec<Option<LoopId>>,
}

impl Forest {
    /// Finds the loops of `func`. None are found where they are nested deeper
    /// than any sensible program's.
    pub fn new(func: &Func) -> Forest {
        let cfg = func.graph();
        let doms = Dominators::new(&cfg);
        let found = Loops::new(&cfg, &doms);
        let mut forest = Forest { innermost: vec![None; cfg.len()], loops: Vec::new(), cfg, doms };
        if forest.cfg.rpo().iter().any(|b| found.depth(*b) > MAX_DEPTH) {
            return forest;
        }
        forest.nest(func, &found);
        forest.edges(func);
        forest
    }

    /// Numbers the loops in preorder of the nest and puts blocks into them.
    fn nest(&mut self, func: &Func, found: &Loops) {
        let headers: Vec<BlockId> = self.cfg.rpo().iter().copied().filter(|b| found.is_header(*b)).collect();
        let mut inner: Vec<Vec<BlockId>> = vec![Vec::new(); self.cfg.len()];
        let mut stack = Vec::new();
        for &header in headers.iter().rev() {
            match found.parent(header) {
                // In reverse here, and so in order on the stack's top.
                Some(outer) => inner[outer.index()].push(header),
                None => stack.push((header, None)),
            }
        }
        while let Some((header, parent)) = stack.pop() {
            let id = LoopId(self.loops.len() as u32);
            self.innermost[header.index()] = Some(id);
            if let Some(LoopId(parent)) = parent {
                self.loops[parent as usize].children.push(id);
            }
            self.loops.push(Loop {
                header,
                parent,
                children: Vec::new(),
                depth: found.depth(header),
                own: Vec::new(),
                latches: Vec::new(),
                entries: Vec::new(),
                preheader: None,
                exits: 0,
                size: 0,
                cold: func.blocks[header.index()].cold,
                is_reducible: true,
                until: 0,
            });
            stack.extend(inner[header.index()].drain(..).map(|child| (child, Some(id))));
        }
        for &block in self.cfg.rpo() {
            if let Some(header) = found.innermost(block) {
                let id = self.innermost[header.index()].expect("headers have numbers");
                self.innermost[block.index()] = Some(id);
                self.loops[id.index()].own.push(block);
                self.loops[id.index()].size += func.blocks[block.index()].size();
            }
        }
        for i in (0..self.loops.len()).rev() {
            let until = self.loops[i].children.last().map(|c| self.loops[c.index()].until);
            self.loops[i].until = until.unwrap_or(i as u32 + 1);
            if let Some(parent) = self.loops[i].parent {
                self.loops[parent.index()].size += self.loops[i].size;
            }
        }
    }

    /// Finds entries, latches, preheaders and exits.
    fn edges(&mut self, func: &Func) {
        for i in 0..self.loops.len() {
            let id = LoopId(i as u32);
            let header = self.loops[i].header;
            let mut preds: Vec<BlockId> =
                self.cfg.preds(header).iter().copied().filter(|p| self.cfg.is_reachable(*p)).collect();
            preds.sort_unstable();
            preds.dedup();
            let (latches, entries): (Vec<_>, Vec<_>) = preds.into_iter().partition(|p| self.contains(id, *p));
            if let [only] = *entries {
                let goes_on = matches!(func.blocks[only.index()].last(), Some(Inst::Br { .. }));
                self.loops[i].preheader = required!(goes_on).then_some(only);
            }
            self.loops[i].latches = latches;
            self.loops[i].entries = entries;
        }
        for b in 0..self.innermost.len() {
            let from = BlockId::new(b);
            for &to in self.cfg.succs(from) {
                let goes_back = self.cfg.rank(to) <= self.cfg.rank(from);
                if goes_back && !self.doms.dominates(to, from) {
                    let mut around = self.innermost[b];
                    while let Some(id) = around {
                        self.loops[id.index()].is_reducible &= !self.contains(id, to);
                        around = self.loops[id.index()].parent;
                    }
                }
                let mut at = self.innermost[b];
                while let Some(id) = at.filter(|id| !self.contains(*id, to)) {
                    self.loops[id.index()].exits += 1;
                    at = self.loops[id.index()].parent;
                }
            }
        }
    }

    /// A loop.
    pub fn get(&self, id: LoopId) -> &Loop {
        &self.loops[id.index()]
    }

    /// Numbers of all loops, each before those in it.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = LoopId> + use<> {
        (0..self.loops.len() as u32).map(LoopId)
    }

    /// Numbers of all loops, each after those in it, and else in order.
    pub fn inside_out(&self) -> Vec<LoopId> {
        let mut order = Vec::with_capacity(self.loops.len());
        let mut open: Vec<LoopId> = Vec::new();
        for id in self.ids() {
            while let Some(done) = open.pop_if(|outer| !self.encloses(*outer, id)) {
                order.push(done);
            }
            open.push(id);
        }
        order.extend(open.into_iter().rev());
        order
    }

    /// The innermost loop that `block` is in.
    pub fn innermost(&self, block: BlockId) -> Option<LoopId> {
        self.innermost[block.index()]
    }

    /// Whether `inner` is `outer` or in it.
    pub fn encloses(&self, outer: LoopId, inner: LoopId) -> bool {
        outer <= inner && inner.0 < self.get(outer).until
    }

    /// Whether `block` is in the loop, or in one in it.
    pub fn contains(&self, id: LoopId, block: BlockId) -> bool {
        self.innermost[block.index()].is_some_and(|inner| self.encloses(id, inner))
    }

    /// All blocks of the loop, those of inner loops included: the header first.
    pub fn blocks(&self, id: LoopId) -> Vec<BlockId> {
        (id.0..self.get(id).until).flat_map(|i| self.loops[i as usize].own.iter().copied()).collect()
    }

    /// The loop and those around it, from the inside out.
    pub fn around(&self, id: Option<LoopId>) -> impl Iterator<Item = LoopId> + '_ {
        std::iter::successors(id, |id| self.get(*id).parent)
    }
}

/// Gives each loop of `forest` that is not cold a preheader: a block outside that
/// is the only entry and goes nowhere else.
pub fn make_preheaders(func: &mut Func, forest: &Forest) -> bool {
    let mut changed = false;
    for l in forest.loops.iter().filter(|l| !l.cold && l.preheader.is_none()) {
        let origin = func.blocks[l.header.index()].nodes[0].origin;
        let preheader = func.block();
        let go = MirOp::Inst(Inst::Br { target: l.header });
        func.blocks[preheader.index()].nodes.push(MirNode { op: go, origin });
        for entry in &l.entries {
            func.blocks[entry.index()].retarget(l.header, preheader);
        }
        changed = true;
    }
    changed
}

/// Copies of blocks; edges among them lead to the copies, all others where
/// they led.
#[derive(Clone, Debug)]
pub struct Copies {
    old: Vec<BlockId>,
    first: u32,
}

impl Copies {
    /// Copies `blocks`.
    pub fn new(func: &mut Func, blocks: Vec<BlockId>) -> Copies {
        let copies: Vec<Block> = blocks.iter().map(|b| func.blocks[b.index()].clone()).collect();
        Copies::with(func, blocks, copies)
    }

    /// Like [`Copies::new`], with what is to stand in the copies: the same
    /// blocks, changed perhaps.
    pub fn with(func: &mut Func, blocks: Vec<BlockId>, mut contents: Vec<Block>) -> Copies {
        let first = func.blocks.len() as u32;
        let mut old: Vec<(BlockId, u32)> =
            blocks.iter().enumerate().map(|(i, b)| (*b, first + i as u32)).collect();
        old.sort_unstable();
        let find = |b: BlockId| old.binary_search_by_key(&b, |o| o.0).map_or(b, |i| BlockId(old[i].1));
        for block in &mut contents {
            block.map_successors(find);
        }
        func.blocks.append(&mut contents);
        Copies { old: blocks, first }
    }

    /// The copy of `block`, or `block` where that was not copied. Takes time
    /// that grows with the number of copies.
    pub fn of(&self, block: BlockId) -> BlockId {
        self.old.iter().position(|b| *b == block).map_or(block, |i| BlockId(self.first + i as u32))
    }

    /// Pairs of block and copy.
    pub fn pairs(&self) -> impl Iterator<Item = (BlockId, BlockId)> + '_ {
        self.old.iter().enumerate().map(|(i, b)| (*b, BlockId(self.first + i as u32)))
    }
}
