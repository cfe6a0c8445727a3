//! A liveness analysis of the registers that matter, for arguments that die at an
//! operation.
//!
//! An argument dies where no register of its class (see [`super::aliases`]) is live behind the
//! operation, and the class is not known outside. Liveness is the backward data-flow problem of the
//! textbooks, with one bit a register and sixty-four registers at a time. Most registers are
//! *local*: written and read in one block alone. For those a look at each block is enough.

use super::aliases::Classes;
use super::{Arguments, Before};
use nbc_ir::flow::Cfg;
use nbc_ir::{BlockId, Function, Inst, Operand, Reg, Type};
use rustc_hash::FxHashMap;

/// How many times as many instructions as a function has may be looked at.
const ROUNDS: usize = 64;

/// An argument that may die.
struct Candidate {
    block: BlockId,
    inst: usize,
    /// Position among the arguments.
    position: usize,
    class: usize,
    dies: bool,
}

/// What dies in a function, where operations that `may` have their result in an argument's
/// memory, or not at all, use it.
pub(super) fn find(
    func: &Function,
    cfg: &Cfg,
    may: &[bool],
    classes: &mut Classes,
) -> Box<[(Before, Arguments)]> {
    let may_here = |inst: &Inst| matches!(inst, Inst::CallOp { callee, .. } if may[callee.index()]);
    let mut candidates = Vec::new();
    for &block in cfg.rpo() {
        for (n, inst) in func.blocks[block.index()].insts.iter().enumerate() {
            if let Inst::CallOp { args, .. } = inst
                && may_here(inst)
            {
                add_candidates(func, classes, block, n, args, &mut candidates);
            }
        }
    }
    if candidates.is_empty() || !Liveness::new(func, cfg).keep_dying(classes, &mut candidates) {
        return Box::default();
    }
    let mut plan: Vec<((u32, u32), Arguments)> = Vec::new();
    candidates.sort_unstable_by_key(|c| (c.block.0, c.inst));
    for c in candidates.iter().filter(|c| c.dies) {
        let place = (c.block.0, c.inst as u32);
        if plan.last().is_none_or(|(last, _)| *last != place) {
            plan.push((place, Arguments::default()));
        }
        plan.last_mut().expect("just pushed").1.add(c.position);
    }
    plan.into()
}

/// The arguments of one operation that nobody outside knows, and no other argument is a view of.
fn add_candidates(
    func: &Function,
    classes: &mut Classes,
    block: BlockId,
    inst: usize,
    args: &[Operand],
    candidates: &mut Vec<Candidate>,
) {
    let tensors: Vec<(usize, Reg, usize)> = args
        .iter()
        .enumerate()
        .filter_map(|(n, arg)| match *arg {
            Operand::Reg(r) if matches!(func.regs[r.index()], Type::Tensor(_)) => Some((n, r, classes.of(r))),
            _ => None,
        })
        .collect();
    for &(position, reg, class) in &tensors {
        // The same register twice is the same tensor, element by element.
        let is_alone = tensors.iter().all(|(_, other, its)| *other == reg || *its != class);
        if is_alone && !classes.is_known(class) {
            candidates.push(Candidate { block, inst, position, class, dies: true });
        }
    }
}

/// Where a register is written and read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    /// Nowhere.
    None,
    /// In one block, first written.
    Local(BlockId),
    /// Anywhere.
    Everywhere,
}

struct Liveness<'a> {
    func: &'a Function,
    cfg: &'a Cfg,
    /// How many instructions may still be looked at.
    budget: usize,
}

impl<'a> Liveness<'a> {
    fn new(func: &'a Function, cfg: &'a Cfg) -> Liveness<'a> {
        let size: usize = func.blocks.iter().map(|b| b.insts.len()).sum();
        Liveness { func, cfg, budget: size.saturating_mul(ROUNDS) }
    }

    /// Finds out which candidates die; false when that takes too long.
    fn keep_dying(mut self, classes: &mut Classes, candidates: &mut [Candidate]) -> bool {
        let mut by_class: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
        for (n, c) in candidates.iter().enumerate() {
            by_class.entry(c.class).or_default().push(n);
        }
        let regs = (0..self.func.regs.len()).map(|r| Reg(r as u32));
        let tracked = regs.filter(|r| by_class.contains_key(&classes.of(*r)));
        let Some(homes) = self.homes() else { return false };
        let (local, tracked): (Vec<Reg>, Vec<Reg>) =
            tracked.partition(|r| matches!(homes[r.index()], Home::Local(_)));
        if !self.keep_dying_in_blocks(classes, &local, candidates) {
            return false;
        }
        let mut bits = Bits { of: vec![0; self.func.regs.len()] };
        for group in tracked.chunks(u64::BITS as usize) {
            let mut masks: FxHashMap<usize, u64> = FxHashMap::default();
            for (n, reg) in group.iter().enumerate() {
                bits.of[reg.index()] = 1 << n;
                *masks.entry(classes.of(*reg)).or_default() |= 1 << n;
            }
            let Some(live_out) = self.live_out(&bits) else { return false };
            let mut alive: FxHashMap<(BlockId, usize), u64> = FxHashMap::default();
            for n in masks.keys().filter_map(|class| by_class.get(class)).flatten() {
                alive.insert((candidates[*n].block, candidates[*n].inst), 0);
            }
            if !self.at_operations(&bits, &live_out, &mut alive) {
                return false;
            }
            for (class, mask) in &masks {
                for &n in by_class.get(class).into_iter().flatten() {
                    let c = &mut candidates[n];
                    c.dies &= alive.get(&(c.block, c.inst)).is_some_and(|live| live & mask == 0);
                }
            }
            group.iter().for_each(|reg| bits.of[reg.index()] = 0);
        }
        true
    }

    /// Where the accesses to each register are.
    fn homes(&mut self) -> Option<Vec<Home>> {
        let mut homes = vec![Home::None; self.func.regs.len()];
        for &block in self.cfg.rpo() {
            for inst in self.look(block)? {
                inst.for_each_use(|r| {
                    let home = &mut homes[r.index()];
                    // Read before it is written here: the value comes from elsewhere.
                    *home = if *home == Home::Local(block) { *home } else { Home::Everywhere };
                });
                inst.for_each_def(|r| {
                    let home = &mut homes[r.index()];
                    let is_here = matches!(*home, Home::None) || *home == Home::Local(block);
                    *home = if is_here { Home::Local(block) } else { Home::Everywhere };
                });
            }
        }
        Some(homes)
    }

    /// What local registers say of candidates.
    fn keep_dying_in_blocks(
        &mut self,
        classes: &mut Classes,
        local: &[Reg],
        candidates: &mut [Candidate],
    ) -> bool {
        let mut class_of = vec![None; self.func.regs.len()];
        for reg in local {
            class_of[reg.index()] = Some(classes.of(*reg));
        }
        let mut is_live = vec![false; class_of.len()];
        // By class, how many registers are live.
        let mut alive: FxHashMap<usize, usize> = FxHashMap::default();
        // Found in this order, and so are the instructions below.
        let mut waiting = candidates.iter_mut().rev().peekable();
        for &block in self.cfg.rpo().iter().rev() {
            let Some(insts) = self.look(block) else { return false };
            for (n, inst) in insts.iter().enumerate().rev() {
                inst.for_each_def(|r| {
                    if let Some(class) = class_of[r.index()]
                        && std::mem::take(&mut is_live[r.index()])
                    {
                        *alive.get_mut(&class).expect("it is live") -= 1;
                    }
                });
                while let Some(c) = waiting.next_if(|c| (c.block, c.inst) == (block, n)) {
                    c.dies &= alive.get(&c.class).is_none_or(|count| *count == 0);
                }
                inst.for_each_use(|r| {
                    if let Some(class) = class_of[r.index()]
                        && !std::mem::replace(&mut is_live[r.index()], true)
                    {
                        *alive.entry(class).or_default() += 1;
                    }
                });
            }
        }
        true
    }

    /// Counts a look at the instructions of a block.
    fn look(&mut self, block: BlockId) -> Option<&'a [Inst]> {
        let insts = &self.func.blocks[block.index()].insts;
        self.budget = self.budget.checked_sub(insts.len())?;
        Some(insts)
    }

    /// By block, what is live at its end.
    fn live_out(&mut self, bits: &Bits) -> Option<Vec<u64>> {
        let blocks = self.func.blocks.len();
        // What a block reads before it writes, and what it writes.
        let (mut reads, mut writes) = (vec![0u64; blocks], vec![0u64; blocks]);
        for &block in self.cfg.rpo() {
            for inst in self.look(block)? {
                reads[block.index()] |= bits.read(inst) & !writes[block.index()];
                writes[block.index()] |= bits.written(inst);
            }
        }
        let mut out = vec![0u64; blocks];
        // Blocks whose begin has changed since those before them were looked at.
        let mut waiting: Vec<BlockId> = self.cfg.rpo().to_vec();
        let mut is_waiting = vec![true; blocks];
        while let Some(block) = waiting.pop() {
            is_waiting[block.index()] = false;
            let start = reads[block.index()] | (out[block.index()] & !writes[block.index()]);
            let preds = self.cfg.preds(block);
            self.budget = self.budget.checked_sub(1 + preds.len())?;
            for &from in preds.iter().filter(|p| self.cfg.is_reachable(**p)) {
                let live = &mut out[from.index()];
                if *live | start != *live {
                    *live |= start;
                    if !std::mem::replace(&mut is_waiting[from.index()], true) {
                        waiting.push(from);
                    }
                }
            }
        }
        Some(out)
    }

    /// Fills in what is live behind the instructions in `alive`, without what they write.
    fn at_operations(
        &mut self,
        bits: &Bits,
        live_out: &[u64],
        alive: &mut FxHashMap<(BlockId, usize), u64>,
    ) -> bool {
        for &block in self.cfg.rpo() {
            let Some(insts) = self.look(block) else { return false };
            let mut live = live_out[block.index()];
            for (n, inst) in insts.iter().enumerate().rev() {
                live &= !bits.written(inst);
                if matches!(inst, Inst::CallOp { .. })
                    && let Some(here) = alive.get_mut(&(block, n))
                {
                    *here = live;
                }
                live |= bits.read(inst);
            }
        }
        true
    }
}

/// The registers of a group, as bits.
struct Bits {
    of: Vec<u64>,
}

impl Bits {
    fn read(&self, inst: &Inst) -> u64 {
        let mut all = 0;
        inst.for_each_use(|r| all |= self.of[r.index()]);
        all
    }

    fn written(&self, inst: &Inst) -> u64 {
        let mut all = 0;
        inst.for_each_def(|r| all |= self.of[r.index()]);
        all
    }
}
