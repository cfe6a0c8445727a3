//! Placement of host steps, by available expressions: before loads and stores of elements a tensor
//! comes to the host, as seldom as that can be.
//!
//! Only results of operations, and what operations write into, are ever on the device alone. What has come home
//! to be read stays there until an operation writes into it ([`Writers`]). So one step is enough for all loads
//! through a register until then, or until the register is assigned. An operation, or a call, may send the
//! elements there once more, so that a store after it needs another. Which steps have been made on every way is that data-flow problem, with two bits a register and
//! thirty-two registers at a time. Before that, loop-invariant code motion: steps leave the outermost loops
//! in which they do not change: they are made where the loop is entered.
//!
//! Invariant: every load and store has the step that it needs on every way to it. Where finding
//! out which to leave out would take long, none is left out.

use super::writers::Writers;
use super::{Before, HostStep};
use nbc_ir::flow::{Cfg, Dominators, Loops};
use nbc_ir::{BlockId, FuncId, Function, Inst, Operand, Reg, VerifiedModule};
use rustc_hash::{FxHashMap, FxHashSet};

/// How many times as many instructions as a function has may be looked at.
const ROUNDS: usize = 64;
/// Most ways into a loop at which a step is made for all of it.
const MAX_ENTRIES: usize = 4;
/// Most steps at one such place. They cost no fuel, so they must not be many for what a block pays.
const MAX_STEPS: usize = 8;
/// Registers looked at together.
const GROUP: usize = u64::BITS as usize / 2;

/// The steps of function `id`, in order.
pub(super) fn find(module: &VerifiedModule, writers: &Writers, id: FuncId) -> Box<[(Before, HostStep)]> {
    let Some(func) = module.function(id) else { return Box::default() };
    let cfg = Cfg::new(func);
    let mut steps: Vec<(Before, HostStep)> = Vec::new();
    for &block in cfg.rpo() {
        for (n, inst) in func.blocks[block.index()].insts.iter().enumerate() {
            steps.extend(accessed(inst).map(|step| ((block.0, n as u32), step)));
        }
    }
    if steps.is_empty() {
        return Box::default();
    }
    let size: usize = func.blocks.iter().map(|b| b.insts.len()).sum();
    let mut finder = Finder { func, cfg: &cfg, writers, budget: size.saturating_mul(ROUNDS) };
    let fewer = finder.leave_loops(&steps).and_then(|more| finder.without_redundant(&steps, more));
    let mut steps = fewer.unwrap_or(steps);
    steps.sort_unstable();
    steps.dedup();
    steps.into()
}

/// What an instruction needs before it.
fn accessed(inst: &Inst) -> Option<HostStep> {
    let (x, write) = match *inst {
        Inst::TensorLoad { x, .. }
        | Inst::TensorLoad2 { x, .. }
        | Inst::TensorLoad3 { x, .. }
        | Inst::TensorLoadRe { x, .. }
        | Inst::TensorLoadIm { x, .. } => (x, false),
        Inst::TensorStore { x, .. }
        | Inst::TensorStore2 { x, .. }
        | Inst::TensorStore3 { x, .. }
        | Inst::TensorStoreRe { x, .. }
        | Inst::TensorStoreIm { x, .. } => (x, true),
        _ => return None,
    };
    match x {
        Operand::Reg(tensor) => Some(HostStep { tensor, write }),
        Operand::Imm(_) => None,
    }
}

/// Whether an instruction may have elements sent to a device that are on the host.
fn may_send(inst: &Inst) -> bool {
    matches!(inst, Inst::CallOp { .. } | Inst::Call { .. } | Inst::CallRef { .. })
}

struct Finder<'a> {
    func: &'a Function,
    cfg: &'a Cfg,
    writers: &'a Writers,
    /// How many instructions may still be looked at.
    budget: usize,
}

/// What is in a loop.
#[derive(Default)]
struct Contents {
    defs: FxHashSet<Reg>,
    may_send: bool,
    may_write: bool,
}

impl Finder<'_> {
    fn look(&mut self, count: usize) -> Option<()> {
        self.budget = self.budget.checked_sub(count)?;
        Some(())
    }

    /// For steps in loops, those where the loops are entered; `None` when that takes too long.
    fn leave_loops(&mut self, steps: &[(Before, HostStep)]) -> Option<Vec<(Before, HostStep)>> {
        let dominators = Dominators::new(self.cfg);
        let loops = Loops::new(self.cfg, &dominators);
        let mut contents: FxHashMap<BlockId, Contents> = FxHashMap::default();
        for &block in self.cfg.rpo() {
            let insts = &self.func.blocks[block.index()].insts;
            let mut around = loops.innermost(block);
            while let Some(header) = around {
                self.look(insts.len())?;
                let contents = contents.entry(header).or_default();
                for inst in insts {
                    inst.for_each_def(|r| {
                        contents.defs.insert(r);
                    });
                    contents.may_send |= may_send(inst);
                    contents.may_write |= self.writers.may_write(inst);
                }
                around = loops.parent(header);
            }
        }
        let mut entries: FxHashMap<BlockId, Vec<BlockId>> = FxHashMap::default();
        for header in contents.keys() {
            let preds = self.cfg.preds(*header);
            self.look(preds.len())?;
            // Ways back come from blocks that the header dominates.
            let is_outside = |p: &&BlockId| self.cfg.is_reachable(**p) && !dominators.dominates(*header, **p);
            entries.insert(*header, preds.iter().filter(is_outside).copied().collect());
        }
        let mut more: FxHashMap<BlockId, FxHashSet<HostStep>> = FxHashMap::default();
        for (place, step) in steps {
            let mut around = loops.innermost(BlockId(place.0));
            let mut left = None;
            while let Some(header) = around {
                self.look(1)?;
                let stays = &contents[&header];
                // What is read stays home but for operations that write; what is written may be sent again.
                if stays.defs.contains(&step.tensor) || stays.may_write || step.write && stays.may_send {
                    break;
                }
                if entries[&header].len() <= MAX_ENTRIES {
                    left = Some(header);
                }
                around = loops.parent(header);
            }
            let Some(header) = left else { continue };
            let has_room = |from: &BlockId| {
                more.get(from).is_none_or(|steps| steps.len() < MAX_STEPS || steps.contains(step))
            };
            if entries[&header].iter().all(has_room) {
                // Before it goes to the loop: the register is assigned, for the loop reads it.
                for from in &entries[&header] {
                    more.entry(*from).or_default().insert(*step);
                }
            }
        }
        let at_end = |from: &BlockId| self.func.blocks[from.index()].insts.len() as u32 - 1;
        let mut more: Vec<(Before, HostStep)> = more
            .iter()
            .flat_map(|(from, steps)| steps.iter().map(move |step| ((from.0, at_end(from)), *step)))
            .collect();
        more.sort_unstable();
        Some(more)
    }

    /// The steps that are needed besides `more`, which are made in any case, and those.
    fn without_redundant(
        &mut self,
        steps: &[(Before, HostStep)],
        more: Vec<(Before, HostStep)>,
    ) -> Option<Vec<(Before, HostStep)>> {
        let mut tensors: Vec<Reg> = steps.iter().map(|(_, step)| step.tensor).collect();
        tensors.sort_unstable();
        tensors.dedup();
        let mut kept = more.clone();
        for group in tensors.chunks(GROUP) {
            let bits: FxHashMap<Reg, u64> = group.iter().enumerate().map(|(n, r)| (*r, 1 << n)).collect();
            self.one_group(&bits, &more, &mut kept)?;
        }
        Some(kept)
    }

    fn one_group(
        &mut self,
        bits: &FxHashMap<Reg, u64>,
        more: &[(Before, HostStep)],
        kept: &mut Vec<(Before, HostStep)>,
    ) -> Option<()> {
        let blocks = self.func.blocks.len();
        // What is available where a block begins; where nobody has been yet, all.
        let mut starts = vec![u64::MAX; blocks];
        starts[0] = 0;
        let mut changed = true;
        while changed {
            changed = false;
            for &block in self.cfg.rpo() {
                let end = self.through(block, starts[block.index()], bits, more, &mut |_, _| {})?;
                for to in self.cfg.succs(block) {
                    let start = &mut starts[to.index()];
                    changed |= *start & end != *start;
                    *start &= end;
                }
            }
        }
        for &block in self.cfg.rpo() {
            self.through(block, starts[block.index()], bits, more, &mut |place, step| {
                kept.push((place, step));
            })?;
        }
        Some(())
    }

    /// What is available at the end of a block; `needed` is told of steps that are not.
    fn through(
        &mut self,
        block: BlockId,
        start: u64,
        bits: &FxHashMap<Reg, u64>,
        more: &[(Before, HostStep)],
        needed: &mut dyn FnMut(Before, HostStep),
    ) -> Option<u64> {
        // Low bits: it may be read. High ones: it may be written, and so read.
        let both = |bit: u64, write: bool| if write { bit | bit << GROUP } else { bit };
        let insts = &self.func.blocks[block.index()].insts;
        self.look(insts.len() + self.cfg.succs(block).len())?;
        let mut made = start;
        for (n, inst) in insts.iter().enumerate() {
            let place = (block.0, n as u32);
            if n + 1 == insts.len() {
                let from = more.partition_point(|(at, _)| *at < place);
                for (_, step) in more[from..].iter().take_while(|(at, _)| *at == place) {
                    made |= bits.get(&step.tensor).map_or(0, |bit| both(*bit, step.write));
                }
            }
            if let Some(step) = accessed(inst)
                && let Some(bit) = bits.get(&step.tensor)
            {
                let wanted = both(*bit, step.write);
                if made & wanted != wanted {
                    needed(place, step);
                }
                made |= wanted;
            }
            if may_send(inst) {
                made &= (1 << GROUP) - 1;
            }
            if self.writers.may_write(inst) {
                made = 0;
            }
            inst.for_each_def(|r| {
                if let Some(bit) = bits.get(&r) {
                    made &= !both(*bit, true);
                }
            });
        }
        Some(made)
    }
}
