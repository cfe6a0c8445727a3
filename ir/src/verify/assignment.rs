//! Definite assignment and the bounds of object registers: rules 2 to 4 of
//! [`regions`](super::regions), as one forward data flow.
//!
//! At each point a register has a *level*: 0 to D, the greatest depth at
//! which its object may live (scalars stay at 0), or above them *unassigned*.
//! Where paths meet, the highest level counts, so the lattice has height D + 1.
//! The least solution is found by raising levels until none changes.
//!
//! # Why it stays small
//! A table of levels for all registers at all blocks could take gigabytes for
//! a hostile module. Instead:
//! - A scalar (or any register, if the function has no regions) is never
//!   unassigned if each block that reads it writes it first. One linear scan
//!   takes those out, which in big generated functions is most.
//! - The rest is done 64 registers at a time. The state of such a chunk at a
//!   block is one bit a register and level: word t says which registers may
//!   have a level above t, the last level meaning unassigned.
//! - A copy makes the level of one register depend on another, maybe of
//!   another chunk. Such an instruction has a cell with the level it passes
//!   on; when the chunk of the source raises a cell, the chunk of the target
//!   is done again. Everything only rises, so this ends.
//!
//! Memory is blocks times levels words and a few tens of bytes an operand. Time is
//! chunks times edges for all but contrived flow, and [`Work`] bounds the rest.

use super::MAX_ERRORS;
use super::operands::Part;
use super::path::Paths;
use super::regions::{self, Depths};
use super::report::{At, Report, reg};
use crate::entity::{FuncId, Reg};
use crate::flow::{Cfg, Dominators};
use crate::inst::{FieldRef, Inst, Operand};
use crate::module::Function;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Steps left for the data flow of a module.
pub(super) struct Work(u64);

impl Work {
    pub(super) fn new(steps: u64) -> Work {
        Work(steps)
    }

    /// Takes `steps`; false when they are used up.
    fn take(&mut self, steps: usize) -> bool {
        match self.0.checked_sub(steps as u64) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }
}

/// Registers in a chunk: the bits of a word.
const LANES: usize = 64;
const NO_SLOT: u32 = u32::MAX;
/// Wrong reads after which a chunk is searched no further.
const FINDINGS: usize = 10 * MAX_ERRORS;

/// What an instruction does to a register of a chunk.
#[derive(Clone, Copy)]
enum Act {
    /// Reads it.
    Use,
    /// Reads an object and passes its level to a cell.
    Pass(u32),
    /// Writes it, at that level.
    Def(u32),
    /// Writes an object at the level of a cell.
    DefCell(u32),
    /// Keeps it beyond the end of a region.
    Keep,
}

#[derive(Clone, Copy)]
struct Event {
    rank: u32,
    inst: u32,
    lane: u8,
    act: Act,
}

/// A `region.end` or `region.renew`: the depth of the region, and that of what is kept afterwards.
#[derive(Clone, Copy)]
struct End {
    inst: u32,
    depth: u32,
    kept: u32,
}

/// Checks `func`, whose structure and depths are known.
pub(super) fn check(
    report: &mut Report<'_>,
    work: &mut Work,
    id: FuncId,
    func: &Function,
    cfg: &Cfg,
    depths: &Depths,
) {
    let params = report.module.sigs[func.sig.index()].params.len();
    let Some(findings) = wrong_reads(work, func, cfg, depths, params) else {
        let message =
            "its control flow and regions are too intricate to verify in reasonable time".to_owned();
        report.function(id, message, Some("split the function".into()));
        return;
    };
    let mut paths = Paths::new(func, cfg);
    for finding in without_echoes(findings, cfg) {
        let block = cfg.rpo()[finding.rank as usize];
        let at = At { func: id, block, inst: finding.inst as usize };
        let name = reg(func, finding.reg);
        let (message, help) = if finding.ended {
            (
                format!("{name} may hold an object of a region that has ended"),
                format!("name it where the region ends or is renewed, `keep {name}`, or read it before"),
            )
        } else {
            let help = match paths.without(finding.reg, block) {
                Some(way) => format!("it is not assigned on the way {way}; assign it before, on each path"),
                None => format!("assign {name} before, on each path from the function’s start"),
            };
            (format!("{name} is read but not assigned on every way here"), help)
        };
        let inst = &func.blocks[block.index()].insts[at.inst];
        report.part(at, &Part::that_reads(inst, finding.reg), message, Some(help));
    }
}

/// The reads of `func` that are wrong, of each register the first in a block
/// and in the order of the program; `None` when the work was used up.
fn wrong_reads(
    work: &mut Work,
    func: &Function,
    cfg: &Cfg,
    depths: &Depths,
    params: usize,
) -> Option<Vec<Finding>> {
    let plan = Plan::new(func, cfg, depths, params);
    let mut findings = Vec::new();
    if !plan.solve(work, &mut findings) {
        return None;
    }
    findings.sort_unstable_by_key(|f: &Finding| (f.rank, f.inst, f.reg));
    Some(findings)
}

#[derive(Clone, Copy)]
struct Finding {
    /// Position of the block in reverse postorder.
    rank: u32,
    inst: u32,
    reg: Reg,
    /// Whether a region's end took the register's object.
    ended: bool,
}

/// Leaves out the reads that always come after another wrong read of the same
/// register: one assignment puts both right.
fn without_echoes(findings: Vec<Finding>, cfg: &Cfg) -> Vec<Finding> {
    if findings.len() < 2 {
        return findings;
    }
    let dominators = Dominators::new(cfg);
    let mut first: FxHashMap<Reg, Vec<Finding>> = FxHashMap::default();
    let mut kept = Vec::new();
    for finding in findings {
        let block = cfg.rpo()[finding.rank as usize];
        let earlier = first.entry(finding.reg).or_default();
        if !earlier.iter().any(|e| dominators.dominates(cfg.rpo()[e.rank as usize], block)) {
            earlier.push(finding);
            kept.push(finding);
        }
    }
    kept
}

/// Everything the data flow needs of a function, by chunks.
struct Plan {
    /// Number of reachable blocks. From here on, blocks go by rank.
    blocks: usize,
    /// Successors of each block.
    succs: Vec<u32>,
    succ_starts: Vec<u32>,
    /// The register of each lane of each chunk.
    slots: Vec<Option<Reg>>,
    params: usize,
    /// Chunks before this one hold scalars, which have but the level 0.
    leveled_from: usize,
    /// Greatest region depth.
    levels: usize,
    /// Events by chunk, and in order of rank and instruction in each.
    events: Vec<Event>,
    event_starts: Vec<usize>,
    /// Ends of regions by rank.
    ends: Vec<End>,
    end_starts: Vec<u32>,
    /// The chunk that reads each cell.
    cell_chunks: Vec<u32>,
}

impl Plan {
    fn new(func: &Function, cfg: &Cfg, depths: &Depths, params: usize) -> Plan {
        let leveled = depths.max_depth > 0;
        let tracked = tracked(func, cfg, leveled, params);

        // Scalars first, then objects in chunks of their own.
        let mut slot_of = vec![NO_SLOT; func.regs.len()];
        let mut slots: Vec<Option<Reg>> = Vec::new();
        let is_leveled = |r: usize| leveled && func.regs[r].is_object();
        for pass in [false, true] {
            slots.resize(slots.len().next_multiple_of(LANES), None);
            for r in (0..func.regs.len()).filter(|r| tracked[*r] && is_leveled(*r) == pass) {
                slot_of[r] = slots.len() as u32;
                slots.push(Some(Reg::new(r)));
            }
        }
        let scalars = slot_of.iter().zip(0..).filter(|(s, r)| **s != NO_SLOT && !is_leveled(*r)).count();
        let chunks = slots.len().div_ceil(LANES);

        let (mut succs, mut succ_starts) = (Vec::new(), vec![0]);
        for block in cfg.rpo() {
            let first = succs.len();
            let ranks = cfg.succs(*block).iter().filter_map(|to| cfg.rank(*to));
            succs.extend(ranks.map(|rank| rank as u32));
            // A switch may name a block many times.
            succs[first..].sort_unstable();
            let mut kept = first;
            for i in first..succs.len() {
                if i == first || succs[i] != succs[kept - 1] {
                    succs[kept] = succs[i];
                    kept += 1;
                }
            }
            succs.truncate(kept);
            succ_starts.push(kept as u32);
        }

        let mut plan = Plan {
            blocks: cfg.rpo().len(),
            succs,
            succ_starts,
            slots,
            params,
            leveled_from: scalars.div_ceil(LANES),
            levels: depths.max_depth as usize,
            events: Vec::new(),
            event_starts: Vec::new(),
            ends: Vec::new(),
            end_starts: vec![0],
            cell_chunks: Vec::new(),
        };
        let mut all: Vec<(u32, Event)> = Vec::new();
        for (rank, block) in cfg.rpo().iter().enumerate() {
            let mut depth = depths.block_depth[block.index()];
            for (i, inst) in func.blocks[block.index()].insts.iter().enumerate() {
                let kept = match inst {
                    Inst::RegionEnd { .. } => depth.checked_sub(1),
                    Inst::RegionRenew { .. } => Some(depth).filter(|d| *d > 0),
                    _ => None,
                };
                plan.ends.extend(kept.map(|kept| End { inst: i as u32, depth, kept }));
                let cell = passes_level(inst).then_some(plan.cell_chunks.len() as u32);
                let mut cell_chunk = None;
                acts(inst, depth, cell, |r, act| {
                    let slot = slot_of[r.index()];
                    if slot != NO_SLOT {
                        let (chunk, lane) = (slot / LANES as u32, (slot % LANES as u32) as u8);
                        if let Act::DefCell(_) = act {
                            cell_chunk = Some(chunk);
                        }
                        all.push((chunk, Event { rank: rank as u32, inst: i as u32, lane, act }));
                    }
                });
                if cell.is_some() {
                    plan.cell_chunks.push(cell_chunk.unwrap_or(NO_SLOT));
                }
                depth = regions::after(depth, inst);
            }
            plan.end_starts.push(plan.ends.len() as u32);
        }
        // Stable, so each chunk keeps the order of the program.
        all.sort_by_key(|(chunk, _)| *chunk);
        plan.event_starts = vec![0; chunks + 1];
        for (chunk, _) in &all {
            plan.event_starts[*chunk as usize + 1] += 1;
        }
        for i in 0..chunks {
            plan.event_starts[i + 1] += plan.event_starts[i];
        }
        plan.events = all.into_iter().map(|(_, event)| event).collect();
        plan
    }

    /// Raises all levels to the least solution and finds the reads that are
    /// wrong; false when the work was used up.
    fn solve(&self, work: &mut Work, findings: &mut Vec<Finding>) -> bool {
        let chunks = self.event_starts.len() - 1;
        let mut cells = vec![0u32; self.cell_chunks.len()];
        let mut stale = vec![true; chunks];
        let mut found: Vec<Vec<Finding>> = vec![Vec::new(); chunks];
        let mut todo: BinaryHeap<Reverse<usize>> = (0..chunks).map(Reverse).collect();
        let mut solver = Solver::new(self);
        while let Some(Reverse(chunk)) = todo.pop() {
            stale[chunk] = false;
            if !solver.run(chunk, &mut cells, work) {
                return false;
            }
            found[chunk] = solver.find(&mut cells);
            for cell in solver.raised.drain(..) {
                let target = self.cell_chunks[cell as usize];
                if target != NO_SLOT && target as usize != chunk && !stale[target as usize] {
                    stale[target as usize] = true;
                    todo.push(Reverse(target as usize));
                }
            }
        }
        findings.extend(found.into_iter().flatten());
        true
    }
}

/// Registers that the data flow must follow: see the module's head.
fn tracked(func: &Function, cfg: &Cfg, leveled: bool, params: usize) -> Vec<bool> {
    let mut tracked = vec![false; func.regs.len()];
    // The block that assigned a register last, plus 1.
    let mut assigned = vec![0u32; func.regs.len()];
    for block in cfg.rpo() {
        for inst in &func.blocks[block.index()].insts {
            inst.for_each_use(|r| {
                tracked[r.index()] |= assigned[r.index()] != block.0 + 1 && r.index() >= params;
            });
            inst.for_each_def(|r| {
                assigned[r.index()] = block.0 + 1;
                tracked[r.index()] |= leveled && func.regs[r.index()].is_object();
            });
        }
    }
    if leveled {
        for (tracked, ty) in tracked.iter_mut().zip(&func.regs).take(params) {
            *tracked |= ty.is_object();
        }
    }
    tracked
}

/// Whether the result's bound is that of the objects read (rule 2).
fn passes_level(inst: &Inst) -> bool {
    matches!(inst, Inst::Copy { .. } | Inst::Select { .. } | Inst::ListGet { .. })
}

/// Calls `see` with what `inst`, met at `depth`, does to registers, reads first.
fn acts(inst: &Inst, depth: u32, cell: Option<u32>, mut see: impl FnMut(Reg, Act)) {
    let read = cell.map_or(Act::Use, Act::Pass);
    let operand = |o: &Operand, see: &mut dyn FnMut(Reg, Act)| {
        if let Operand::Reg(r) = o {
            see(*r, read);
        }
    };
    inst.for_each_field(|field| match field {
        FieldRef::Use(o) => operand(&o, &mut see),
        FieldRef::Uses(list) => list.iter().for_each(|o| operand(o, &mut see)),
        FieldRef::Keeps(list) => list.iter().for_each(|r| see(*r, Act::Keep)),
        _ => {}
    });
    let write = match (cell, inst) {
        (Some(cell), _) => Act::DefCell(cell),
        (None, Inst::GlobalGet { .. } | Inst::ConstGet { .. }) => Act::Def(0),
        _ => Act::Def(depth),
    };
    inst.for_each_field(|field| match field {
        FieldRef::Def(r) => see(r, write),
        FieldRef::Defs(list) => list.iter().for_each(|r| see(*r, write)),
        _ => {}
    });
}

/// The state of a chunk at each block, one chunk after the other.
struct Solver<'a> {
    plan: &'a Plan,
    chunk: usize,
    /// Levels of this chunk above 0, unassigned apart.
    levels: usize,
    /// Words of a block's state.
    stride: usize,
    /// State at the begin of each block, by rank.
    state: Vec<u64>,
    current: Vec<u64>,
    /// First event of each block, by rank.
    starts: Vec<u32>,
    queued: Vec<bool>,
    heap: BinaryHeap<Reverse<u32>>,
    /// Whether the first pass over all blocks is under way.
    sweeping: bool,
    /// Cells raised since they were last looked at.
    raised: Vec<u32>,
}

impl<'a> Solver<'a> {
    fn new(plan: &'a Plan) -> Solver<'a> {
        let blocks = plan.blocks;
        Solver {
            plan,
            chunk: 0,
            levels: 0,
            stride: 1,
            state: Vec::new(),
            current: Vec::new(),
            starts: vec![0; blocks + 1],
            queued: vec![false; blocks],
            heap: BinaryHeap::new(),
            sweeping: false,
            raised: Vec::new(),
        }
    }

    /// Finds the least solution for `chunk` under the present cells.
    fn run(&mut self, chunk: usize, cells: &mut [u32], work: &mut Work) -> bool {
        let plan = self.plan;
        let blocks = plan.blocks;
        self.chunk = chunk;
        // A leveled chunk has a word more, for registers that a region's end took.
        (self.levels, self.stride) =
            if chunk < plan.leveled_from { (0, 1) } else { (plan.levels, plan.levels + 2) };
        if !work.take(blocks * (self.stride + 1)) {
            return false;
        }
        self.state.clear();
        self.state.resize(blocks * self.stride, 0);
        self.current.clear();
        self.current.resize(self.stride, 0);
        let mut unassigned = 0;
        for lane in 0..LANES {
            let slot = plan.slots.get(chunk * LANES + lane).copied().flatten();
            if slot.is_some_and(|r| r.index() >= plan.params) {
                unassigned |= 1 << lane;
            }
        }
        self.state[..=self.levels].fill(unassigned);
        self.index_events();

        self.sweeping = true;
        for rank in 0..blocks {
            if !self.visit(rank, cells, work) {
                return false;
            }
        }
        self.sweeping = false;
        while let Some(Reverse(rank)) = self.heap.pop() {
            self.queued[rank as usize] = false;
            if !self.visit(rank as usize, cells, work) {
                return false;
            }
        }
        true
    }

    fn events(&self) -> &'a [Event] {
        &self.plan.events[self.plan.event_starts[self.chunk]..self.plan.event_starts[self.chunk + 1]]
    }

    fn index_events(&mut self) {
        let events = self.events();
        let mut next = 0;
        for rank in 0..self.queued.len() {
            self.starts[rank] = next;
            while events.get(next as usize).is_some_and(|e| e.rank as usize == rank) {
                next += 1;
            }
        }
        self.starts[self.queued.len()] = next;
    }

    /// Carries the state through a block and into its successors.
    fn visit(&mut self, rank: usize, cells: &mut [u32], work: &mut Work) -> bool {
        let plan = self.plan;
        let succs = &plan.succs[plan.succ_starts[rank] as usize..plan.succ_starts[rank + 1] as usize];
        let events = (self.starts[rank + 1] - self.starts[rank]) as usize;
        if !work.take(self.stride * (1 + succs.len()) + events) {
            return false;
        }
        self.through(rank, cells, None);
        if self.current.iter().all(|word| *word == 0) {
            // Level 0 of everything raises nothing.
            return true;
        }
        for &to in succs {
            let to = to as usize;
            let state = &mut self.state[to * self.stride..][..self.stride];
            let mut changed = false;
            for (have, new) in state.iter_mut().zip(&self.current) {
                changed |= *new & !*have != 0;
                *have |= new;
            }
            // The first sweep comes to the blocks further on in any case.
            if changed && !self.queued[to] && (to <= rank || !self.sweeping) {
                self.queued[to] = true;
                self.heap.push(Reverse(to as u32));
            }
        }
        true
    }

    /// The wrong reads of the chunk, once its state is final.
    fn find(&mut self, cells: &mut [u32]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for rank in 0..self.queued.len() {
            if findings.len() > FINDINGS {
                break;
            }
            if self.starts[rank] < self.starts[rank + 1] {
                self.through(rank, cells, Some(&mut findings));
            }
        }
        findings
    }

    /// Makes `current` the state after the block `rank`. With `findings`
    /// given, wrong reads are noted and cells are left alone.
    fn through(&mut self, rank: usize, cells: &mut [u32], mut findings: Option<&mut Vec<Finding>>) {
        let plan = self.plan;
        self.current.copy_from_slice(&self.state[rank * self.stride..][..self.stride]);
        let mut ends: &[End] = &[];
        if self.levels > 0 {
            ends = &plan.ends[plan.end_starts[rank] as usize..plan.end_starts[rank + 1] as usize];
        }
        let events = &self.events()[self.starts[rank] as usize..self.starts[rank + 1] as usize];
        // Registers kept, and the instruction that keeps them.
        let (mut kept, mut keeper) = (0u64, u32::MAX);
        // Registers whose present lack has been noted; once a block is enough.
        let mut told = 0u64;
        for event in events {
            while let Some((end, rest)) = ends.split_first()
                && end.inst < event.inst
            {
                self.end(end, if keeper == end.inst { kept } else { 0 });
                ends = rest;
            }
            let bit = 1u64 << event.lane;
            let reads = matches!(event.act, Act::Use | Act::Pass(_) | Act::Keep);
            let missing = reads && self.current[self.levels] & bit != 0;
            if missing
                && told & bit == 0
                && let Some(findings) = &mut findings
            {
                let reg =
                    plan.slots[self.chunk * LANES + event.lane as usize].expect("events have registers");
                let ended = self.levels > 0 && self.current[self.levels + 1] & bit != 0;
                findings.push(Finding { rank: rank as u32, inst: event.inst, reg, ended });
                told |= bit;
            }
            if !matches!(event.act, Act::Use | Act::Pass(_)) {
                told &= !bit;
            }
            match event.act {
                Act::Use => {}
                Act::Pass(cell) => {
                    let level = self.current[..self.levels].iter().filter(|w| **w & bit != 0).count() as u32;
                    let cell_level = &mut cells[cell as usize];
                    if !missing && findings.is_none() && level > *cell_level {
                        *cell_level = level;
                        self.raised.push(cell);
                    }
                }
                Act::Def(level) => self.set(bit, level as usize),
                Act::DefCell(cell) => self.set(bit, cells[cell as usize] as usize),
                Act::Keep => {
                    if keeper != event.inst {
                        (kept, keeper) = (0, event.inst);
                    }
                    kept |= bit;
                }
            }
        }
        for end in ends {
            self.end(end, if keeper == end.inst { kept } else { 0 });
        }
    }

    /// Assigns the register of `bit` at `level`.
    fn set(&mut self, bit: u64, level: usize) {
        for (t, word) in self.current.iter_mut().enumerate() {
            if t < level.min(self.levels) {
                *word |= bit;
            } else {
                *word &= !bit;
            }
        }
    }

    /// Ends a region, which `kept` registers outlive.
    fn end(&mut self, end: &End, kept: u64) {
        let (inner, unassigned) = (end.depth as usize - 1, self.levels);
        let gone = self.current[inner] & !kept & !self.current[unassigned];
        for word in &mut self.current {
            *word |= gone;
        }
        for word in &mut self.current[end.kept as usize..] {
            *word &= !kept;
        }
    }
}

#[cfg(test)]
mod oracle;
