//! Copy coalescing, between a register with one definition and one with
//! several.
//!
//! Where the one with several is not written while the other is alive, both
//! can be one:
//!
//! - `%t = copy %i`, `%t` written only here: reads of `%t` become reads of
//!   `%i`. So an index handed to an inlined function is the loop's counter
//!   there as well.
//! - `%t = i64.add %i, 1; ...; %i = copy %t`: the sum goes into `%i` at once,
//!   which makes the counter one that is seen to be counting. If `%i` is still
//!   read in between, the sum moves down to the copy.

use crate::midend::analysis::motion::{Between, may_be_evaluated};
use crate::mir::{Func, MirNode, MirOp};
use nbc_ir::flow::Cfg;
use nbc_ir::{BlockId, Inst, Operand, Reg};
use rustc_hash::FxHashMap;

/// Most steps through blocks and between a value and its copy; the copies
/// that are left then stay.
const MAX_STEPS: usize = 1_000_000;

/// Block and position.
type Place = (u32, u32);

/// Makes one register of two, where that is possible.
pub fn run(func: &mut Func) -> bool {
    let copies = |n: &MirNode| matches!(n.op, MirOp::Inst(Inst::Copy { a: Operand::Reg(_), .. }));
    if !func.blocks.iter().flat_map(|b| &b.nodes).any(copies) {
        return false; // there is nothing to do
    }
    let cfg = func.graph();
    let mut copies = Copies::find(func, &cfg);
    if copies.list.is_empty() {
        return false; // nothing to do
    }
    let mut changed = false;
    for (at, dst, src) in std::mem::take(&mut copies.list) {
        // What has been joined before may have changed it.
        let copy = &func.blocks[at.0 as usize].nodes[at.1 as usize].op;
        if !required!(*copy == MirOp::Inst(Inst::Copy { dst, a: src.into() })) {
            continue;
        }
        let is_joined = match (copies.is_single(dst), copies.is_single(src)) {
            (true, false) => copies.read_source(func, &cfg, at, dst, src),
            (false, true) => copies.write_target(func, &cfg, at, dst, src),
            _ => false,
        };
        changed |= is_joined;
        if !worth!(copies.steps <= MAX_STEPS) {
            break;
        }
    }
    changed
}

#[derive(Default)]
struct Sites {
    uses: Vec<Place>,
    defs: Vec<Place>,
}

struct Copies {
    /// Place, destination and source of each copy in question.
    list: Vec<(Place, Reg, Reg)>,
    counts: Vec<u32>,
    /// Where the registers in question are read and written.
    sites: FxHashMap<Reg, Sites>,
    range: Vec<Live>,
    stamp: u32,
    steps: usize,
}

/// How a register is alive in a block; nothing of it counts if the stamp is old.
#[derive(Clone, Copy, Default)]
struct Live {
    stamp: u32,
    at_start: bool,
    at_end: bool,
    last_use: Option<u32>,
}

impl Copies {
    fn find(func: &Func, cfg: &Cfg) -> Copies {
        let counts = func.count_defs(cfg);
        let mut copies = Copies {
            list: Vec::new(),
            counts,
            sites: FxHashMap::default(),
            range: vec![Live::default(); func.blocks.len()],
            stamp: 0,
            steps: 0,
        };
        for &block in cfg.rpo() {
            for (at, node) in func.blocks[block.index()].nodes.iter().enumerate() {
                if let MirOp::Inst(Inst::Copy { dst, a: Operand::Reg(src) }) = node.op
                    && copies.is_single(dst) != copies.is_single(src)
                {
                    copies.list.push(((block.0, at as u32), dst, src));
                    copies.sites.entry(dst).or_default();
                    copies.sites.entry(src).or_default();
                }
            }
        }
        if copies.list.is_empty() {
            return copies;
        }
        for &block in cfg.rpo() {
            for (at, node) in func.blocks[block.index()].nodes.iter().enumerate() {
                let place = (block.0, at as u32);
                node.op.for_each_use(|r| {
                    if let Some(sites) = copies.sites.get_mut(&r) {
                        sites.uses.push(place);
                    }
                });
                node.op.for_each_def(|r| {
                    if let Some(sites) = copies.sites.get_mut(&r) {
                        sites.defs.push(place);
                    }
                });
            }
        }
        copies
    }

    fn is_single(&self, reg: Reg) -> bool {
        self.counts[reg.index()] == 1
    }

    /// `dst`, written only here, is read from `src` instead.
    fn read_source(&mut self, func: &mut Func, cfg: &Cfg, at: Place, dst: Reg, src: Reg) -> bool {
        self.find_range(cfg, at, dst);
        if forbidden!(self.is_written(at, src)) {
            return false;
        }
        for place in self.replace_uses(func, dst, src) {
            self.sites.get_mut(&src).expect("sites of both are known").uses.push(place);
        }
        true
    }

    /// `src`, defined before in this block, is written to `dst` right away; or
    /// if `dst` is still read in between, computed where the copy is.
    fn write_target(&mut self, func: &mut Func, cfg: &Cfg, at: Place, dst: Reg, src: Reg) -> bool {
        let &[from] = &self.sites[&src].defs[..] else { return false };
        if !required!(from.0 == at.0) || !required!(from.1 < at.1) {
            return false;
        }
        let nodes = &func.blocks[at.0 as usize].nodes;
        let (op, between) = (&nodes[from.1 as usize].op, &nodes[from.1 as usize + 1..at.1 as usize]);
        self.steps += between.len();
        // It may read what it is to write, but not write it besides.
        let makes = &nodes[from.1 as usize..][..1];
        if forbidden!(writes(between, |r| r == dst)) || forbidden!(writes(makes, |r| r == dst)) {
            return false;
        }
        let is_moved = forbidden!(reads(between, |r| r == dst));
        if is_moved {
            let is_pure = may_be_evaluated(op, Between::Anything);
            let is_operand = |r| {
                let mut is = false;
                op.for_each_use(|o| is |= o == r);
                is
            };
            if !required!(is_pure)
                || forbidden!(reads(between, |r| r == src))
                || forbidden!(writes(between, is_operand))
            {
                return false;
            }
        }
        self.find_range(cfg, at, src);
        if forbidden!(self.is_written(at, dst)) {
            return false;
        }
        let uses = self.replace_uses(func, src, dst);
        let nodes = &mut func.blocks[from.0 as usize].nodes;
        nodes[from.1 as usize].op.map_defs(|r| if r == src { dst } else { r });
        if is_moved {
            nodes.swap(from.1 as usize, at.1 as usize);
            nodes[at.1 as usize].op.for_each_use(|r| {
                if let Some(sites) = self.sites.get_mut(&r) {
                    sites.uses.iter_mut().filter(|place| **place == from).for_each(|place| *place = at);
                }
            });
        }
        let sites = self.sites.get_mut(&dst).expect("sites of both are known");
        sites.uses.extend(uses);
        if !is_moved {
            sites.defs.retain(|d| *d != at);
            sites.defs.push(from);
        }
        true
    }

    /// Reads `from` as `to` everywhere. The copy is left one of `to` to itself.
    fn replace_uses(&mut self, func: &mut Func, from: Reg, to: Reg) -> Vec<Place> {
        let mut sites = self.sites.remove(&from).unwrap_or_default();
        for (block, at) in sites.uses.iter().chain(&sites.defs) {
            let op = &mut func.blocks[*block as usize].nodes[*at as usize].op;
            op.map_uses(|o| if o == Operand::Reg(from) { to.into() } else { o });
            if let MirOp::Inst(Inst::Copy { dst, a }) = op
                && *a == Operand::Reg(to)
                && *dst == from
            {
                *dst = to;
            }
        }
        sites.uses.retain(|(block, at)| {
            let op = &func.blocks[*block as usize].nodes[*at as usize].op;
            !matches!(op, MirOp::Inst(Inst::Copy { dst, a }) if *dst == to && *a == Operand::Reg(to))
        });
        sites.uses
    }

    /// Where `reg` is alive after `at`, which comes before all its uses.
    fn find_range(&mut self, cfg: &Cfg, at: Place, reg: Reg) {
        self.stamp += 1;
        let mut work = Vec::new();
        let uses = std::mem::take(&mut self.sites.get_mut(&reg).expect("sites of both are known").uses);
        for &(block, n) in &uses {
            let live = self.live(block);
            live.last_use = live.last_use.max(Some(n));
            if block != at.0 && !std::mem::replace(&mut live.at_start, true) {
                work.push(block);
            }
        }
        self.sites.get_mut(&reg).expect("as above").uses = uses;
        while let Some(block) = work.pop() {
            for pred in cfg.preds(BlockId(block)).iter().filter(|p| cfg.is_reachable(**p)) {
                self.steps += 1;
                let live = self.live(pred.0);
                live.at_end = true;
                if pred.0 != at.0 && !std::mem::replace(&mut live.at_start, true) {
                    work.push(pred.0);
                }
            }
        }
    }

    fn live(&mut self, block: u32) -> &mut Live {
        let live = &mut self.range[block as usize];
        if live.stamp != self.stamp {
            *live = Live { stamp: self.stamp, ..Live::default() };
        }
        live
    }

    /// Whether `reg` is written within the range found, which begins after `at`.
    fn is_written(&mut self, at: Place, reg: Reg) -> bool {
        let sites = &self.sites[&reg];
        self.steps += sites.defs.len();
        sites.defs.iter().any(|&(block, n)| {
            let live = &self.range[block as usize];
            // An instruction reads before it writes.
            live.stamp == self.stamp
                && forbidden!(block != at.0 || n > at.1)
                && (forbidden!(live.at_end) || live.last_use.is_some_and(|last| forbidden!(n < last)))
        })
    }
}

/// Whether one of `nodes` reads such a register.
fn reads(nodes: &[MirNode], what: impl Fn(Reg) -> bool) -> bool {
    let mut any = false;
    nodes.iter().for_each(|n| n.op.for_each_use(|r| any |= what(r)));
    any
}

/// Whether one of `nodes` writes such a register.
fn writes(nodes: &[MirNode], what: impl Fn(Reg) -> bool) -> bool {
    let mut any = false;
    nodes.iter().for_each(|n| n.op.for_each_def(|r| any |= what(r)));
    any
}
