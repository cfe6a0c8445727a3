//! Where definitions of registers meet.
//!
//! A register that is written once is a value. For the others, each block in
//! which several ways meet takes as parameters those that are alive where it
//! begins; Cranelift drops the parameters that turn out to be one value. (Its
//! frontend can make variables into values too, but takes time and memory for
//! each variable that grow with the number of blocks.)

use crate::mir::{Entry, Func};
use nbc_ir::flow::Cfg;
use nbc_ir::{BlockId, Reg};

/// Most pairs of block and register alive in it: beyond, compiling a function
/// would take longer than it is worth.
const MAX_WORK: usize = 8_000_000;

/// The registers that are written more than once, and where they are alive.
pub struct Phis {
    /// By register, whether it is written more than once.
    pub many: Vec<bool>,
    /// By block, those alive where it begins.
    pub live: Vec<Vec<Reg>>,
    /// By block, whether several ways lead to it.
    pub joins: Vec<bool>,
}

impl Phis {
    /// Those of `func`; `None` when there are too many.
    pub fn new(func: &Func, cfg: &Cfg) -> Option<Phis> {
        let mut writes = vec![0u32; func.regs.len()];
        match &func.entry {
            Entry::Call { params } => writes[..*params].fill(1),
            Entry::Resume { live } => live.iter().for_each(|(r, _)| writes[r.index()] = 1),
        }
        for block in cfg.rpo() {
            for node in &func.blocks[block.index()].nodes {
                node.op.for_each_def(|r| writes[r.index()] += 1);
            }
        }
        let many: Vec<bool> = writes.into_iter().map(|n| n > 1).collect();
        let count = func.blocks.len();
        let joins = (0..count).map(|b| ways_to(cfg, BlockId::new(b)) > 1).collect();
        let mut phis = Phis { many, live: vec![Vec::new(); count], joins };
        phis.find_live(func, cfg)?;
        Some(phis)
    }

    /// Goes back from each read to the writes that reach it.
    fn find_live(&mut self, func: &Func, cfg: &Cfg) -> Option<()> {
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
        let (mut seen, mut stops) = (vec![u32::MAX; self.live.len()], vec![u32::MAX; self.live.len()]);
        let (mut stack, mut work, mut next) = (Vec::new(), 0, 0);
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
                if work > MAX_WORK {
                    return None;
                }
                self.live[block.index()].push(reg);
                let ends = |b: &&BlockId| cfg.is_reachable(**b) && stops[b.index()] != reg.0;
                stack.extend(cfg.preds(block).iter().filter(ends));
            }
        }
        Some(())
    }
}

/// How many edges from blocks that can be reached lead to `block`.
fn ways_to(cfg: &Cfg, block: BlockId) -> usize {
    cfg.preds(block).iter().filter(|p| cfg.is_reachable(**p)).count()
}
