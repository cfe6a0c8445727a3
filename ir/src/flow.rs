//! Control flow of a function: edges, reverse postorder, dominators, loops.
//!
//! Everything here is total: a block target that does not exist is left out,
//! so the graph can be built before the function has been verified. Time is
//! linear in blocks and edges, with one more logarithm for dominators, and
//! nothing recurses. So hostile input can neither stall it nor use up the
//! native stack.

use crate::entity::BlockId;
use crate::module::Function;

/// Rank of a block that cannot be reached.
const UNREACHED: u32 = u32::MAX;

/// The control-flow graph of a function.
#[derive(Clone, Debug)]
pub struct Cfg {
    succs: Adjacency,
    preds: Adjacency,
    rpo: Vec<BlockId>,
    rank: Vec<u32>,
}

/// Lists of neighbours, one after the other in one vector.
#[derive(Clone, Debug)]
struct Adjacency {
    starts: Vec<u32>,
    blocks: Vec<BlockId>,
}

impl Adjacency {
    fn of(&self, block: BlockId) -> &[BlockId] {
        let (from, to) = (self.starts[block.index()], self.starts[block.index() + 1]);
        &self.blocks[from as usize..to as usize]
    }

    /// The same edges the other way round.
    fn reversed(&self, blocks: usize) -> Adjacency {
        let mut starts = vec![0u32; blocks + 1];
        for to in &self.blocks {
            starts[to.index() + 1] += 1;
        }
        for i in 0..blocks {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut out = vec![BlockId(0); self.blocks.len()];
        for from in (0..blocks).map(BlockId::new) {
            for to in self.of(from) {
                out[next[to.index()] as usize] = from;
                next[to.index()] += 1;
            }
        }
        Adjacency { starts, blocks: out }
    }
}

impl Cfg {
    /// The graph of `func`. Only the last instruction of a block counts.
    pub fn new(func: &Function) -> Cfg {
        Cfg::with(func.blocks.len(), |block, see| {
            if let Some(last) = func.blocks[block.index()].insts.last() {
                last.for_each_successor(see);
            }
        })
    }

    /// The graph of `count` blocks, of which `successors` hands those of each to what it is given.
    pub fn with(count: usize, mut successors: impl FnMut(BlockId, &mut dyn FnMut(BlockId))) -> Cfg {
        let mut succs = Adjacency { starts: Vec::with_capacity(count + 1), blocks: Vec::new() };
        succs.starts.push(0);
        for block in (0..count).map(BlockId::new) {
            successors(block, &mut |to| {
                if to.index() < count {
                    succs.blocks.push(to);
                }
            });
            succs.starts.push(u32::try_from(succs.blocks.len()).expect("more than 2^32 edges"));
        }
        let preds = succs.reversed(count);
        let mut rpo = postorder(&succs, count);
        rpo.reverse();
        let mut rank = vec![UNREACHED; count];
        for (i, block) in rpo.iter().enumerate() {
            rank[block.index()] = i as u32;
        }
        Cfg { succs, preds, rpo, rank }
    }

    /// Number of blocks, unreachable ones included.
    pub fn len(&self) -> usize {
        self.rank.len()
    }

    /// Whether the function has no blocks.
    pub fn is_empty(&self) -> bool {
        self.rank.is_empty()
    }

    /// Blocks that `block` may go to, in the order of its terminator; one
    /// that is named twice stands twice.
    pub fn succs(&self, block: BlockId) -> &[BlockId] {
        self.succs.of(block)
    }

    /// Blocks that may go to `block`, unreachable ones included.
    pub fn preds(&self, block: BlockId) -> &[BlockId] {
        self.preds.of(block)
    }

    /// The reachable blocks in reverse postorder: the entry first, and each
    /// block before its successors, back-edges apart.
    pub fn rpo(&self) -> &[BlockId] {
        &self.rpo
    }

    /// Position of `block` in [`Cfg::rpo`]; `None` when it cannot be reached.
    pub fn rank(&self, block: BlockId) -> Option<usize> {
        let rank = self.rank[block.index()];
        (rank != UNREACHED).then_some(rank as usize)
    }

    /// Whether a path leads from the entry to `block`.
    pub fn is_reachable(&self, block: BlockId) -> bool {
        self.rank[block.index()] != UNREACHED
    }

    /// Edges that go against the reverse postorder, as (from, to), each once.
    /// Every cycle has one, in irreducible graphs too, so counting here sees
    /// every endless loop.
    pub fn back_edges(&self) -> Vec<(BlockId, BlockId)> {
        let mut edges = Vec::new();
        for &from in &self.rpo {
            let first = edges.len();
            for &to in self.succs(from) {
                if self.rank[to.index()] <= self.rank[from.index()] {
                    edges.push((from, to));
                }
            }
            // A switch may name a header many times.
            edges[first..].sort_unstable_by_key(|e: &(BlockId, BlockId)| e.1);
            let mut kept = first;
            for i in first..edges.len() {
                if i == first || edges[i] != edges[kept - 1] {
                    edges[kept] = edges[i];
                    kept += 1;
                }
            }
            edges.truncate(kept);
        }
        edges
    }
}

fn postorder(succs: &Adjacency, count: usize) -> Vec<BlockId> {
    let mut order = Vec::with_capacity(count);
    if count == 0 {
        return order;
    }
    let mut seen = vec![false; count];
    seen[0] = true;
    let mut stack = vec![(BlockId(0), 0usize)];
    while let Some((block, next)) = stack.last_mut() {
        let list = succs.of(*block);
        match list.get(*next) {
            Some(&to) => {
                *next += 1;
                if !seen[to.index()] {
                    seen[to.index()] = true;
                    stack.push((to, 0));
                }
            }
            None => {
                order.push(*block);
                stack.pop();
            }
        }
    }
    order
}

/// The dominator tree, by Lengauer and Tarjan's algorithm with path
/// compression ("A fast algorithm for finding dominators in a flowgraph", 1979).
#[derive(Clone, Debug)]
pub struct Dominators {
    idom: Vec<u32>,
    /// Interval of each block in a preorder of the tree: one block dominates
    /// another exactly when its interval holds the other's start.
    interval: Vec<(u32, u32)>,
}

impl Dominators {
    /// The dominators of `cfg`.
    pub fn new(cfg: &Cfg) -> Dominators {
        let (order, parent, number) = preorder(cfg);
        let count = order.len();
        let idom = immediate(cfg, &order, &parent, &number);

        let mut size = vec![1u32; count];
        for w in (1..count).rev() {
            size[idom[w] as usize] += size[w];
        }
        let mut start = vec![0u32; count];
        let mut next = vec![1u32; count];
        for w in 1..count {
            let above = idom[w] as usize;
            start[w] = next[above];
            next[above] += size[w];
            next[w] = start[w] + 1;
        }

        let mut by_block = vec![UNREACHED; cfg.len()];
        let mut interval = vec![(UNREACHED, 0); cfg.len()];
        for (w, block) in order.iter().enumerate() {
            if w > 0 {
                by_block[block.index()] = order[idom[w] as usize].0;
            }
            interval[block.index()] = (start[w], start[w] + size[w]);
        }
        Dominators { idom: by_block, interval }
    }

    /// The closest block that every path to `block` passes; `None` for the
    /// entry and for unreachable blocks.
    pub fn immediate(&self, block: BlockId) -> Option<BlockId> {
        let above = self.idom[block.index()];
        (above != UNREACHED).then_some(BlockId(above))
    }

    /// Whether every path to `b` passes `a`; a block dominates itself. False
    /// when either cannot be reached.
    pub fn dominates(&self, a: BlockId, b: BlockId) -> bool {
        let ((start, end), (at, _)) = (self.interval[a.index()], self.interval[b.index()]);
        start <= at && at < end
    }
}

/// Depth-first preorder: blocks, parent of each position, position of each block.
fn preorder(cfg: &Cfg) -> (Vec<BlockId>, Vec<u32>, Vec<u32>) {
    let mut number = vec![UNREACHED; cfg.len()];
    let (mut order, mut parent) = (Vec::new(), Vec::new());
    if !cfg.is_empty() {
        number[0] = 0;
        order.push(BlockId(0));
        parent.push(0);
        let mut stack = vec![(BlockId(0), 0usize)];
        while let Some((block, next)) = stack.last_mut() {
            let from = number[block.index()];
            match cfg.succs(*block).get(*next) {
                Some(&to) => {
                    *next += 1;
                    if number[to.index()] == UNREACHED {
                        number[to.index()] = order.len() as u32;
                        order.push(to);
                        parent.push(from);
                        stack.push((to, 0));
                    }
                }
                None => {
                    stack.pop();
                }
            }
        }
    }
    (order, parent, number)
}

/// Immediate dominators by preorder position; that of the entry is itself.
fn immediate(cfg: &Cfg, order: &[BlockId], parent: &[u32], number: &[u32]) -> Vec<u32> {
    let count = order.len();
    let mut semi: Vec<u32> = (0..count as u32).collect();
    let mut idom = vec![0u32; count];
    let mut forest = Forest { above: vec![UNREACHED; count], best: (0..count as u32).collect() };
    // Blocks by semidominator, as linked lists.
    let (mut bucket, mut bucket_next) = (vec![UNREACHED; count], vec![UNREACHED; count]);
    let mut path = Vec::new();
    for w in (1..count).rev() {
        for pred in cfg.preds(order[w]) {
            let v = number[pred.index()];
            if v != UNREACHED {
                let u = forest.eval(v, &semi, &mut path);
                semi[w] = semi[w].min(semi[u as usize]);
            }
        }
        let s = semi[w] as usize;
        bucket_next[w] = bucket[s];
        bucket[s] = w as u32;
        let p = parent[w];
        forest.above[w] = p;
        let mut v = std::mem::replace(&mut bucket[p as usize], UNREACHED);
        while v != UNREACHED {
            let u = forest.eval(v, &semi, &mut path);
            idom[v as usize] = if semi[u as usize] < semi[v as usize] { u } else { p };
            v = bucket_next[v as usize];
        }
    }
    for w in 1..count {
        if idom[w] != semi[w] {
            idom[w] = idom[idom[w] as usize];
        }
    }
    idom
}

struct Forest {
    above: Vec<u32>,
    /// The position of least semidominator on the compressed path.
    best: Vec<u32>,
}

impl Forest {
    fn eval(&mut self, v: u32, semi: &[u32], path: &mut Vec<u32>) -> u32 {
        if self.above[v as usize] == UNREACHED {
            return v;
        }
        path.clear();
        let mut at = v;
        while self.above[self.above[at as usize] as usize] != UNREACHED {
            path.push(at);
            at = self.above[at as usize];
        }
        while let Some(x) = path.pop() {
            let a = self.above[x as usize] as usize;
            if semi[self.best[a] as usize] < semi[self.best[x as usize] as usize] {
                self.best[x as usize] = self.best[a];
            }
            self.above[x as usize] = self.above[a];
        }
        self.best[v as usize]
    }
}

/// The natural loops of a function. The parts of an irreducible cycle that
/// have no header dominating them belong to no loop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loops {
    is_header: Vec<bool>,
    /// Innermost loop around a block; for a header, around its own loop.
    around: Vec<u32>,
    depth: Vec<u32>,
}

impl Loops {
    /// The loops of `cfg`.
    pub fn new(cfg: &Cfg, dominators: &Dominators) -> Loops {
        let count = cfg.len();
        let mut latches: Vec<(BlockId, BlockId)> =
            cfg.back_edges().into_iter().filter(|&(from, to)| dominators.dominates(to, from)).collect();
        // Inner loops first: a header's rank is below those of all its blocks.
        latches.sort_unstable_by_key(|&(_, header)| std::cmp::Reverse(cfg.rank[header.index()]));

        let mut is_header = vec![false; count];
        let mut around = vec![UNREACHED; count];
        // The outermost loop found so far of each block, with path halving.
        let mut outermost: Vec<u32> = (0..count as u32).collect();
        let mut stack = Vec::new();
        for group in latches.chunk_by(|a, b| a.1 == b.1) {
            let header = group[0].1;
            is_header[header.index()] = true;
            stack.extend(group.iter().map(|&(latch, _)| latch));
            while let Some(block) = stack.pop() {
                let mut top = block.0;
                while outermost[top as usize] != top {
                    outermost[top as usize] = outermost[outermost[top as usize] as usize];
                    top = outermost[top as usize];
                }
                if top != header.0 {
                    outermost[top as usize] = header.0;
                    around[top as usize] = header.0;
                    stack.extend(cfg.preds(BlockId(top)).iter().filter(|p| cfg.is_reachable(**p)));
                }
            }
        }

        let mut depth = vec![0u32; count];
        for block in cfg.rpo() {
            let outer = around[block.index()];
            let above = if outer == UNREACHED { 0 } else { depth[outer as usize] };
            depth[block.index()] = above + u32::from(is_header[block.index()]);
        }
        Loops { is_header, around, depth }
    }

    /// Whether a natural loop begins at `block`.
    pub fn is_header(&self, block: BlockId) -> bool {
        self.is_header[block.index()]
    }

    /// Header of the innermost loop that `block` is in; a header is in its own loop.
    pub fn innermost(&self, block: BlockId) -> Option<BlockId> {
        if self.is_header(block) { Some(block) } else { self.parent(block) }
    }

    /// Header of the loop around `block`; for a header, around its own loop.
    pub fn parent(&self, block: BlockId) -> Option<BlockId> {
        let outer = self.around[block.index()];
        (outer != UNREACHED).then_some(BlockId(outer))
    }

    /// How many loops `block` is in.
    pub fn depth(&self, block: BlockId) -> u32 {
        self.depth[block.index()]
    }
}

/// The cycles of a function: its strongly connected components, by Tarjan's
/// algorithm ("Depth-first search and linear graph algorithms", 1972).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cycles {
    /// By block, a number that the blocks of its component share; `UNREACHED`
    /// where no way leads back.
    component: Vec<u32>,
}

impl Cycles {
    /// The cycles of `cfg`.
    pub fn new(cfg: &Cfg) -> Cycles {
        let count = cfg.len();
        let mut component = vec![UNREACHED; count];
        // When each block was come to, and the first block that it leads back to.
        let (mut number, mut low) = (vec![UNREACHED; count], vec![UNREACHED; count]);
        let mut is_open = vec![false; count];
        let (mut open, mut path, mut next) = (Vec::new(), Vec::new(), 0);
        if count > 0 {
            path.push((BlockId(0), 0usize));
        }
        while let Some((block, seen)) = path.last_mut() {
            let (at, edge) = (block.index(), *seen);
            *seen += 1;
            if edge == 0 {
                (number[at], low[at], is_open[at]) = (next, next, true);
                next += 1;
                open.push(at);
            }
            if let Some(to) = cfg.succs(BlockId::new(at)).get(edge) {
                if number[to.index()] == UNREACHED {
                    path.push((*to, 0));
                } else if is_open[to.index()] {
                    low[at] = low[at].min(number[to.index()]);
                }
                continue;
            }
            path.pop();
            if let Some((above, _)) = path.last() {
                low[above.index()] = low[above.index()].min(low[at]);
            }
            if low[at] == number[at] {
                let first = open.iter().rposition(|b| *b == at).expect("it is open");
                let turns = open.len() - first > 1 || cfg.succs(BlockId::new(at)).contains(&BlockId::new(at));
                for b in open.drain(first..) {
                    is_open[b] = false;
                    component[b] = if turns { number[at] } else { UNREACHED };
                }
            }
        }
        Cycles { component }
    }

    /// What the blocks from which a way leads to `block` and back have in
    /// common; `None` if it is in no cycle.
    pub fn around(&self, block: BlockId) -> Option<u32> {
        Some(self.component[block.index()]).filter(|c| *c != UNREACHED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::SigId;
    use crate::inst::{Inst, Operand};
    use crate::module::Block;

    /// A function whose block `i` goes to the blocks `edges[i]`.
    fn graph(edges: &[&[u32]]) -> Cfg {
        let block = |to: &&[u32]| {
            let to: Vec<BlockId> = to.iter().copied().map(BlockId).collect();
            let last = match *to.as_slice() {
                [] => Inst::Trap {},
                [target] => Inst::Br { target },
                [then_to, else_to] => Inst::BrIf { cond: Operand::from(true), then_to, else_to },
                [default_to, ref targets @ ..] => {
                    Inst::Switch { index: Operand::from(0i64), targets: targets.into(), default_to }
                }
            };
            Block { insts: vec![last], ..Block::default() }
        };
        Cfg::new(&Function {
            name: None,
            export: false,
            sig: SigId(0),
            regs: Vec::new(),
            reg_names: Vec::new(),
            blocks: edges.iter().map(block).collect(),
        })
    }

    /// Dominators by their definition: `a` dominates `b` when taking `a` away
    /// makes `b` unreachable.
    fn dominates_slowly(edges: &[Vec<u32>], a: u32, b: u32) -> bool {
        let reach = |without: Option<u32>| {
            let mut seen = vec![false; edges.len()];
            let mut stack = if without == Some(0) { vec![] } else { vec![0u32] };
            while let Some(x) = stack.pop() {
                if !std::mem::replace(&mut seen[x as usize], true) {
                    stack.extend(edges[x as usize].iter().filter(|t| Some(**t) != without));
                }
            }
            seen
        };
        let all = reach(None);
        all[a as usize] && all[b as usize] && !reach(Some(a))[b as usize]
    }

    #[test]
    fn a_nest_of_two_loops() {
        // 0 -> 1 (outer header) -> 2 (inner header) <-> 3, 2 -> 4 -> 1, 1 -> 5; 6 unreachable
        let cfg = graph(&[&[1], &[2, 5], &[3, 4], &[2], &[1], &[], &[3]]);
        assert_eq!(cfg.rpo()[0], BlockId(0));
        assert!(!cfg.is_reachable(BlockId(6)));
        let mut back = cfg.back_edges();
        back.sort_unstable();
        assert_eq!(back, [(BlockId(3), BlockId(2)), (BlockId(4), BlockId(1))]);
        let doms = Dominators::new(&cfg);
        assert_eq!(doms.immediate(BlockId(4)), Some(BlockId(2)));
        assert_eq!(doms.immediate(BlockId(5)), Some(BlockId(1)));
        assert_eq!(doms.immediate(BlockId(0)), None);
        assert!(!doms.dominates(BlockId(6), BlockId(3)));
        let loops = Loops::new(&cfg, &doms);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|b| loops.depth(BlockId(b))), [0, 1, 2, 2, 1, 0]);
        assert_eq!(loops.innermost(BlockId(3)), Some(BlockId(2)));
        assert_eq!(loops.parent(BlockId(2)), Some(BlockId(1)));
    }

    #[test]
    fn an_irreducible_cycle_has_a_back_edge_and_no_natural_loop() {
        let cfg = graph(&[&[1, 2], &[2], &[1]]);
        assert_eq!(cfg.back_edges().len(), 1);
        let loops = Loops::new(&cfg, &Dominators::new(&cfg));
        assert!((0..3).all(|b| !loops.is_header(BlockId(b))));
    }

    #[test]
    fn a_switch_counts_one_back_edge_for_each_header() {
        let cfg = graph(&[&[0, 0, 0, 1], &[0]]);
        assert_eq!(cfg.back_edges(), [(BlockId(0), BlockId(0)), (BlockId(1), BlockId(0))]);
    }

    /// Numbers below what is asked for.
    fn randoms() -> impl FnMut(u64) -> u64 {
        let mut state = 7u64;
        move |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        }
    }

    fn random_edges(random: &mut impl FnMut(u64) -> u64) -> Vec<Vec<u32>> {
        let count = 2 + random(10);
        let mut list = |_| (0..random(4)).map(|_| random(count) as u32).collect::<Vec<u32>>();
        (0..count).map(&mut list).collect()
    }

    #[test]
    fn cycles_agree_with_their_definition_on_random_graphs() {
        let mut random = randoms();
        for _ in 0..200 {
            let edges = random_edges(&mut random);
            let lists: Vec<&[u32]> = edges.iter().map(Vec::as_slice).collect();
            let cfg = graph(&lists);
            let cycles = Cycles::new(&cfg);
            // What is reached from each block in one step or more.
            let reached = |from: u32| {
                let mut seen = vec![false; edges.len()];
                let mut left = vec![from];
                while let Some(at) = left.pop() {
                    let new = |to: &&u32| !std::mem::replace(&mut seen[**to as usize], true);
                    left.extend(edges[at as usize].iter().filter(new).copied().collect::<Vec<_>>());
                }
                seen
            };
            let blocks = 0..edges.len() as u32;
            for (a, b) in blocks.clone().flat_map(|a| blocks.clone().map(move |b| (a, b))) {
                let is_reachable = cfg.is_reachable(BlockId(a)) && cfg.is_reachable(BlockId(b));
                let slow = is_reachable && reached(a)[b as usize] && reached(b)[a as usize];
                let (of_a, of_b) = (cycles.around(BlockId(a)), cycles.around(BlockId(b)));
                assert_eq!(of_a.is_some() && of_a == of_b, slow, "{edges:?}: {a} and {b}");
            }
        }
    }

    #[test]
    fn dominators_agree_with_their_definition_on_random_graphs() {
        let mut random = randoms();
        for _ in 0..200 {
            let edges = random_edges(&mut random);
            let lists: Vec<&[u32]> = edges.iter().map(Vec::as_slice).collect();
            let doms = Dominators::new(&graph(&lists));
            let count = edges.len();
            for (a, b) in (0..count as u32).flat_map(|a| (0..count as u32).map(move |b| (a, b))) {
                let fast = doms.dominates(BlockId(a), BlockId(b));
                assert_eq!(fast, dominates_slowly(&edges, a, b), "{edges:?}: {a} over {b}");
            }
        }
    }

    #[test]
    fn deep_graphs_neither_recurse_nor_stall() {
        // A chain in which every block may also go back to the one before
        // and the far end to every loop header.
        let count = 100_000u32;
        let edges: Vec<[u32; 2]> =
            (0..count).map(|i| [(i + 1).min(count - 1), i.saturating_sub(1)]).collect();
        let lists: Vec<&[u32]> = edges.iter().map(|e| e.as_slice()).collect();
        let cfg = graph(&lists);
        let doms = Dominators::new(&cfg);
        assert!(doms.dominates(BlockId(count / 2), BlockId(count - 1)));
        let loops = Loops::new(&cfg, &doms);
        assert_eq!(loops.depth(BlockId(count - 1)), count);
    }
}
