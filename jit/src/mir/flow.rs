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
    /// Computes it, in time that grows with blocks times registers.
    pub fn new(func: &Func, cfg: &Cfg) -> Liveness {
        let words = func.regs.len().div_ceil(64);
        let mut live = vec![0u64; words * func.blocks.len()];
        let mut row = vec![0u64; words];
        let mut changed = true;
        while changed {
            changed = false;
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
        }
        Liveness { words, live }
    }

    /// The registers alive where `block` begins, in order.
    pub fn at(&self, block: BlockId) -> impl Iterator<Item = Reg> + '_ {
        let row = &self.live[block.index() * self.words..][..self.words];
        row.iter().enumerate().flat_map(|(w, bits)| {
            (0..64).filter(move |b| bits >> b & 1 != 0).map(move |b| Reg::new(w * 64 + b))
        })
    }

    /// Whether `reg` is alive where `block` begins.
    pub fn is_live(&self, block: BlockId, reg: Reg) -> bool {
        self.live[block.index() * self.words + reg.index() / 64] >> (reg.0 % 64) & 1 != 0
    }
}
