//! Control flow of a function: the graph, and which registers are alive where.

use super::{Entry, Func};
use nbc_ir::flow::Cfg;
use nbc_ir::{BlockId, Reg};

impl Func {
    /// The control-flow graph.
    pub fn graph(&self) -> Cfg {
        Cfg::with(self.blocks.len(), |block, see| self.blocks[block.index()].for_each_successor(see))
    }

    /// How often each register is written in reachable blocks; the entry writes
    /// parameters and what a resumed function finds in its frame.
    pub fn count_defs(&self, cfg: &Cfg) -> Vec<u32> {
        let mut counts = vec![0u32; self.regs.len()];
        match &self.entry {
            Entry::Call { params } => counts[..*params].fill(1),
            Entry::Resume { live } => live.iter().for_each(|(r, _)| counts[r.index()] = 1),
        }
        for block in cfg.rpo() {
            for node in &self.blocks[block.index()].nodes {
                node.op.for_each_def(|r| counts[r.index()] += 1);
            }
        }
        counts
    }
}

/// The registers alive at the start of each block.
#[derive(Clone, Debug)]
pub struct Liveness {
    words: usize,
    live: Vec<u64>,
}

impl Liveness {
    /// Most words for each node, and so many besides, and most rounds: where
    /// there are more, nobody finds out.
    const PER_NODE: usize = 64;
    const WORDS: usize = 500_000;
    const ROUNDS: usize = 64;

    /// Computes it; `None` where that takes long, for it takes time and memory
    /// that grow with blocks times registers.
    pub fn new(func: &Func, cfg: &Cfg) -> Option<Liveness> {
        let words = func.regs.len().div_ceil(64);
        let all = words * func.blocks.len();
        if all > Liveness::PER_NODE * func.size() + Liveness::WORDS {
            return None;
        }
        let mut live = vec![0u64; all];
        let mut row = vec![0u64; words];
        for _ in 0..Liveness::ROUNDS {
            let mut changed = false;
            for &block in cfg.rpo().iter().rev() {
                row.fill(0);
                for succ in cfg.succs(block) {
                    let from = succ.index() * words;
                    row.iter_mut().zip(&live[from..from + words]).for_each(|(a, b)| *a |= b);
                }
                for node in func.blocks[block.index()].nodes.iter().rev() {
                    node.op.for_each_def(|r| row[r.index() / 64] &= !(1 << (r.0 % 64)));
                    node.op.for_each_use(|r| row[r.index() / 64] |= 1 << (r.0 % 64));
                }
                let to = &mut live[block.index() * words..][..words];
                if *to != *row {
                    to.copy_from_slice(&row);
                    changed = true;
                }
            }
            if !changed {
                return Some(Liveness { words, live });
            }
        }
        None
    }

    /// Whether `reg` is alive where `block` begins.
    pub fn is_live(&self, block: BlockId, reg: Reg) -> bool {
        self.live[block.index() * self.words + reg.index() / 64] >> (reg.0 % 64) & 1 != 0
    }
}

/// Most steps through control flow for each node, and so many besides, for what
/// is alive at the entry.
const STEPS_PER_NODE: usize = 64;
const STEPS: usize = 1_000_000;

/// The registers alive where `func` begins, in order. Where finding out takes
/// long, others with them: all that a block reads before it writes them. Those
/// are written before they are read on every way.
pub fn live_at_entry(func: &Func, cfg: &Cfg) -> Vec<Reg> {
    // What a block does not satisfy itself, and what it writes.
    let mut reads: Vec<(Reg, BlockId)> = Vec::new();
    let mut writes: Vec<(Reg, BlockId)> = Vec::new();
    let none = u32::MAX;
    let (mut read, mut written) = (vec![none; func.regs.len()], vec![none; func.regs.len()]);
    for &block in cfg.rpo() {
        for node in &func.blocks[block.index()].nodes {
            node.op.for_each_use(|r| {
                let known = written[r.index()] == block.0;
                if !known && std::mem::replace(&mut read[r.index()], block.0) != block.0 {
                    reads.push((r, block));
                }
            });
            node.op.for_each_def(|r| {
                if std::mem::replace(&mut written[r.index()], block.0) != block.0 {
                    writes.push((r, block));
                }
            });
        }
    }
    reads.sort_unstable();
    writes.sort_unstable();
    let mut left = STEPS_PER_NODE * func.size() + STEPS;
    let mut marks = vec![(none, none); func.blocks.len()];
    let (mut live, mut next, mut stack) = (Vec::new(), 0, Vec::new());
    for group in reads.chunk_by(|a, b| a.0 == b.0) {
        let reg = group[0].0;
        next += writes[next..].partition_point(|w| w.0 < reg);
        for (_, block) in writes[next..].iter().take_while(|w| w.0 == reg) {
            marks[block.index()].0 = reg.0;
        }
        stack.extend(group.iter().map(|(_, block)| *block));
        while let Some(block) = stack.pop() {
            if std::mem::replace(&mut marks[block.index()].1, reg.0) == reg.0 {
                continue;
            }
            left = left.saturating_sub(1 + cfg.preds(block).len());
            if block.index() == 0 || left == 0 {
                live.push(reg);
                stack.clear();
                break;
            }
            let ends = |b: &&BlockId| cfg.is_reachable(**b) && marks[b.index()].0 != reg.0;
            stack.extend(cfg.preds(block).iter().filter(ends));
        }
    }
    live
}
