//! Renumbering, as register allocators call it: each register is split into its
//! webs. So values that have nothing to do with each other have registers of
//! their own.
//!
//! A web is a largest set of definitions of a register that share uses.
//! Definitions that reach a use are looked for on demand, block by block
//! backwards. That follows Braun et al., "Simple and efficient construction of
//! static single assignment form" (2013). But where that would place a phi,
//! webs are merged.
//!
//! Afterwards a register with one definition is as good as an SSA value, for
//! every use of it comes after that. The entry defines parameters, and the
//! registers that a resumed function finds in its frame. `region.end` reads
//! and writes what it keeps in one place, so there the web goes on.
//!
//! Proves: which definitions reach which uses. Relies on: nothing but the flow graph.

use crate::mir::{Block, Entry, Func, MirOp};
use nbc_ir::flow::Cfg;
use nbc_ir::{BlockId, Inst, Operand, Reg};

/// Most steps through control flow. Registers that would need more stay as
/// they are, which is no error; some ten milliseconds.
const MAX_STEPS: usize = 2_000_000;

/// Gives each web a register of its own; the first one keeps the register.
pub fn run(func: &mut Func) -> bool {
    let cfg = func.graph();
    let mut changed = empty_unreachable(func, &cfg);
    let events = collect(func, &cfg);
    let mut webs = Webs::new(&cfg);
    let regs = func.regs.len();
    let mut by_reg = events.order.iter().copied().peekable();
    let mut renamed: Vec<Reg> = events.list.iter().map(|e| e.reg).collect();
    while let Some(&first) = by_reg.peek() {
        let reg = events.list[first as usize].reg;
        let mut ids = Vec::new();
        while let Some(id) = by_reg.next_if(|id| events.list[*id as usize].reg == reg) {
            ids.push(id);
        }
        let at_entry = events.at_entry[reg.index()];
        let Some(web_of) = webs.of(&events, &ids, at_entry) else { break };
        // The web the entry defines has to keep the register; else the first.
        let of_ids = &web_of[web_of.len() - ids.len()..];
        let keeps = if at_entry { web_of[0] } else { of_ids[0] };
        let mut names: Vec<Option<Reg>> = vec![None; web_of.len()];
        names[keeps as usize] = Some(reg);
        for (id, web) in ids.iter().zip(of_ids) {
            renamed[*id as usize] = *names[*web as usize].get_or_insert_with(|| {
                let new = func.reg_for(reg);
                if let Some(shape) = func.shapes.get(&reg).cloned() {
                    func.shapes.insert(new, shape);
                }
                new
            });
        }
    }
    if func.regs.len() > regs {
        rename(func, &cfg, &renamed, &events.is_split);
        changed = true;
    }
    changed
}

fn empty_unreachable(func: &mut Func, cfg: &Cfg) -> bool {
    let mut changed = false;
    for (b, block) in func.blocks.iter_mut().enumerate() {
        if !cfg.is_reachable(BlockId::new(b)) && !block.nodes.is_empty() {
            *block = Block::default();
            changed = true;
        }
    }
    changed
}

/// A register read or written somewhere.
struct Event {
    reg: Reg,
    block: BlockId,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Use,
    Def,
    Keep,
}

/// Every read and write of registers with several definitions.
struct Events {
    /// In program order; in an instruction reads come before writes.
    list: Vec<Event>,
    /// Indices into `list`, by register, else in order.
    order: Vec<u32>,
    is_split: Vec<bool>,
    at_entry: Vec<bool>,
}

fn collect(func: &Func, cfg: &Cfg) -> Events {
    let mut defs = vec![0u32; func.regs.len()];
    let mut at_entry = vec![false; func.regs.len()];
    match &func.entry {
        Entry::Call { params } => at_entry[..*params].fill(true),
        Entry::Resume { live } => live.iter().for_each(|(r, _)| at_entry[r.index()] = true),
    }
    for (count, at_entry) in defs.iter_mut().zip(&at_entry) {
        *count += u32::from(*at_entry);
    }
    for block in cfg.rpo() {
        for node in &func.blocks[block.index()].nodes {
            node.op.for_each_def(|r| defs[r.index()] += 1);
        }
    }
    let is_split: Vec<bool> = defs.iter().map(|count| *count > 1).collect();
    let mut list = Vec::new();
    // Where the events of each register begin, one place further on.
    let mut starts = vec![0u32; func.regs.len() + 1];
    for &block in cfg.rpo() {
        for node in &func.blocks[block.index()].nodes {
            let keeps = is_keep(&node.op);
            let mut add = |reg: Reg, kind| {
                if is_split[reg.index()] {
                    list.push(Event { reg, block, kind });
                    starts[reg.index() + 1] += 1;
                }
            };
            if !keeps {
                node.op.for_each_use(|r| add(r, Kind::Use));
            }
            node.op.for_each_def(|r| add(r, if keeps { Kind::Keep } else { Kind::Def }));
        }
    }
    for r in 1..starts.len() {
        starts[r] += starts[r - 1];
    }
    let mut order = vec![0u32; list.len()];
    for (id, event) in list.iter().enumerate() {
        let at = &mut starts[event.reg.index()];
        order[*at as usize] = id as u32;
        *at += 1;
    }
    Events { list, order, is_split, at_entry }
}

fn is_keep(op: &MirOp) -> bool {
    matches!(op, MirOp::Inst(Inst::RegionEnd { .. } | Inst::RegionRenew { .. }))
}

/// Works out the webs of one register after the other.
struct Webs<'a> {
    cfg: &'a Cfg,
    steps: usize,
    /// Sets of values: each points to one in the same set.
    parent: Vec<u32>,
    /// The value at start and end of blocks, where it has been asked for or is
    /// written there; it counts if the stamp is that of the register.
    start: Vec<(u32, u32)>,
    end: Vec<(u32, u32)>,
    stamp: u32,
    asked: Vec<BlockId>,
}

impl Webs<'_> {
    fn new(cfg: &Cfg) -> Webs<'_> {
        Webs {
            cfg,
            steps: 0,
            parent: Vec::new(),
            start: vec![(0, 0); cfg.len()],
            end: vec![(0, 0); cfg.len()],
            stamp: 0,
            asked: Vec::new(),
        }
    }

    /// The webs of a register with events `ids`: the last as many items are
    /// those of the events, and the first is that of the entry.
    fn of(&mut self, events: &Events, ids: &[u32], at_entry: bool) -> Option<Vec<u32>> {
        self.stamp += 1;
        self.parent.clear();
        let entry = self.fresh();
        let mut values = Vec::with_capacity(ids.len());
        let mut now: Option<(BlockId, u32)> = None;
        for id in ids {
            let event = &events.list[*id as usize];
            let here = now.filter(|(block, _)| *block == event.block).map(|(_, value)| value);
            let value = match (event.kind, here) {
                (Kind::Def, _) => self.fresh(),
                (_, Some(value)) => value,
                (_, None) => self.at_start(event.block),
            };
            values.push(value);
            if event.kind != Kind::Use {
                now = Some((event.block, value));
                self.end[event.block.index()] = (self.stamp, value);
            }
        }
        while let Some(block) = self.asked.pop() {
            let value = self.start[block.index()].1;
            if block.index() == 0 && at_entry {
                self.union(value, entry);
            }
            let cfg = self.cfg;
            for &pred in cfg.preds(block).iter().filter(|p| cfg.is_reachable(**p)) {
                self.steps += 1;
                let (stamp, end) = self.end[pred.index()];
                let from = if stamp == self.stamp { end } else { self.at_start(pred) };
                self.union(value, from);
            }
            if !worth!(self.steps <= MAX_STEPS) {
                return None;
            }
        }
        let mut webs: Vec<u32> = (0..self.parent.len() as u32).collect();
        webs.extend(values);
        webs.iter_mut().for_each(|value| *value = self.find(*value));
        Some(webs)
    }

    fn fresh(&mut self) -> u32 {
        self.parent.push(self.parent.len() as u32);
        self.parent.len() as u32 - 1
    }

    fn at_start(&mut self, block: BlockId) -> u32 {
        let (stamp, value) = self.start[block.index()];
        if stamp == self.stamp {
            return value;
        }
        let value = self.fresh();
        self.start[block.index()] = (self.stamp, value);
        self.asked.push(block);
        value
    }

    fn find(&mut self, mut value: u32) -> u32 {
        while self.parent[value as usize] != value {
            let above = self.parent[value as usize];
            self.parent[value as usize] = self.parent[above as usize];
            value = above;
        }
        value
    }

    fn union(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        // The older one stays on top, so that the entry's does.
        self.parent[a.max(b) as usize] = a.min(b);
    }
}

fn rename(func: &mut Func, cfg: &Cfg, renamed: &[Reg], is_split: &[bool]) {
    let mut next = renamed.iter();
    let mut name = |reg: Reg| {
        if is_split[reg.index()] { *next.next().expect("events are seen again in order") } else { reg }
    };
    for block in cfg.rpo() {
        for node in &mut func.blocks[block.index()].nodes {
            node.op.map_uses(|operand| match operand {
                Operand::Reg(reg) => name(reg).into(),
                Operand::Imm(_) => operand,
            });
            node.op.map_defs(&mut name);
        }
    }
}
