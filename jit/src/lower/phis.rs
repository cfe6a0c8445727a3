//! Phis: places where definitions of registers meet.
//!
//! A register that is written once is a value. The others are parameters of
//! the blocks where different writes of them meet while they are alive: the
//! dominance frontiers of the blocks that write them (Cytron et al., 1991).
//! Elsewhere they hold what they held at the end of the immediate dominator.
//! (Cranelift's frontend can make variables into values too, but takes time and
//! memory for each variable that grow with the number of blocks.)

use crate::mir::{Entry, Func};
use nbc_ir::flow::{Cfg, Dominators};
use nbc_ir::{BlockId, Reg};

/// Most pairs of block and register alive in it, and of those for each node and so
/// many besides: beyond, compiling a function would take longer than it is worth.
const MAX_WORK: usize = 8_000_000;
const WORK: (usize, usize) = (500, 1_000_000);

/// The registers that are written more than once, and where they are alive.
pub struct Phis {
    /// By register, whether it is written more than once.
    pub many: Vec<bool>,
    /// By register, whether it is read.
    pub read: Vec<bool>,
    /// By block, those that are its parameters.
    pub params: Vec<Vec<Reg>>,
    /// By block, the others alive where it begins.
    pub through: Vec<Vec<Reg>>,
    /// By block, those that it immediately dominates.
    pub below: Vec<Vec<BlockId>>,
}

impl Phis {
    /// Those of `func`; `None` when there are too many.
    pub fn new(func: &Func, cfg: &Cfg, doms: &Dominators) -> Option<Phis> {
        let mut read = vec![false; func.regs.len()];
        let mut writes = vec![0u32; func.regs.len()];
        match &func.entry {
            Entry::Call { params } => writes[..*params].fill(1),
            Entry::Resume { live } => live.iter().for_each(|(r, _)| writes[r.index()] = 1),
        }
        for block in cfg.rpo() {
            for node in &func.blocks[block.index()].nodes {
                node.op.for_each_use(|r| read[r.index()] = true);
                node.op.for_each_def(|r| writes[r.index()] += 1);
            }
        }
        let many: Vec<bool> = writes.into_iter().map(|n| n > 1).collect();
        let count = func.blocks.len();
        let mut below = vec![Vec::new(); count];
        for &block in cfg.rpo() {
            if let Some(above) = doms.immediate(block) {
                below[above.index()].push(block);
            }
        }
        let most = (WORK.0 * func.size() + WORK.1).min(MAX_WORK);
        let frontiers = frontiers(cfg, doms, most)?;
        let mut phis =
            Phis { many, read, params: vec![Vec::new(); count], through: vec![Vec::new(); count], below };
        phis.place(func, cfg, &frontiers, most)?;
        Some(phis)
    }

    /// Goes back from each read to the writes that reach it, and then from the
    /// writes to where they meet.
    fn place(&mut self, func: &Func, cfg: &Cfg, frontiers: &[Vec<BlockId>], most: usize) -> Option<()> {
        // Reads that a block does not satisfy itself, and blocks that write.
        let mut reads: Vec<(Reg, BlockId)> = Vec::new();
        let mut writes: Vec<(Reg, BlockId)> = Vec::new();
        let mut written = vec![u32::MAX; func.regs.len()];
        let mut read = vec![u32::MAX; func.regs.len()];
        for &block in cfg.rpo() {
            for node in &func.blocks[block.index()].nodes {
                node.op.for_each_use(|r| {
                    let r_index = r.index();
                    if self.many[r_index] && written[r_index] != block.0 && read[r_index] != block.0 {
                        read[r_index] = block.0;
                        reads.push((r, block));
                    }
                });
                node.op.for_each_def(|r| {
                    if self.many[r.index()] && written[r.index()] != block.0 {
                        written[r.index()] = block.0;
                        writes.push((r, block));
                    }
                });
            }
        }
        reads.sort_unstable();
        writes.sort_unstable();
        let count = func.blocks.len();
        let (mut seen, mut stops, mut meets) =
            (vec![u32::MAX; count], vec![u32::MAX; count], vec![u32::MAX; count]);
        let (mut stack, mut live, mut work, mut next) = (Vec::new(), Vec::new(), 0, 0);
        for group in reads.chunk_by(|a, b| a.0 == b.0) {
            let reg = group[0].0;
            next += writes[next..].partition_point(|w| w.0 < reg);
            for (_, block) in writes[next..].iter().take_while(|w| w.0 == reg) {
                stops[block.index()] = reg.0;
            }
            stack.extend(group.iter().map(|(_, block)| *block));
            while let Some(block) = stack.pop() {
                if std::mem::replace(&mut seen[block.index()], reg.0) == reg.0 {
                    continue;
                }
                work += 1;
                if work > most {
                    return None;
                }
                live.push(block);
                let ends = |b: &&BlockId| cfg.is_reachable(**b) && stops[b.index()] != reg.0;
                stack.extend(cfg.preds(block).iter().filter(ends));
            }
            stack.extend(writes[next..].iter().take_while(|w| w.0 == reg).map(|w| w.1));
            while let Some(block) = stack.pop() {
                for to in &frontiers[block.index()] {
                    if seen[to.index()] == reg.0 && std::mem::replace(&mut meets[to.index()], reg.0) != reg.0
                    {
                        stack.push(*to);
                    }
                }
            }
            for block in live.drain(..) {
                let is_param = meets[block.index()] == reg.0;
                let list = if is_param { &mut self.params } else { &mut self.through };
                list[block.index()].push(reg);
            }
        }
        Some(())
    }
}

/// Where each block's dominance ends; `None` when that takes too long.
fn frontiers(cfg: &Cfg, doms: &Dominators, most: usize) -> Option<Vec<Vec<BlockId>>> {
    let mut frontiers = vec![Vec::new(); cfg.len()];
    let mut work = 0;
    for &block in cfg.rpo() {
        let top = doms.immediate(block);
        for &pred in cfg.preds(block).iter().filter(|p| cfg.is_reachable(**p)) {
            let mut at = Some(pred);
            while let Some(b) = at.filter(|_| at != top) {
                work += 1;
                if work > most {
                    return None;
                }
                let frontier: &mut Vec<BlockId> = &mut frontiers[b.index()];
                if frontier.last() == Some(&block) {
                    break;
                }
                frontier.push(block);
                at = doms.immediate(b);
            }
        }
    }
    Some(frontiers)
}
