//! Webs: what splits a register into values that have nothing to do with each other.
//!
//! A web is a largest set of definitions of a register that share uses. Register
//! allocators call it renumbering to give each a register of its own.
//! Definitions that reach a use are looked for on demand, block by block
//! backwards. That follows Braun et al., "Simple and efficient construction of
//! static single assignment form" (2013). But where that would place a phi,
//! webs are merged.
//!
//! Invariant: two accesses get different names only if no value goes from one to the other. `region.end` reads
//! and writes what it keeps in one place, so there the web goes on.
//!
//! ```
//! use nbc_ir::webs::{Access, Names};
//! use nbc_ir::{Reg, flow::Cfg};
//! // %0 = 1; %1 = %0; %0 = 2; %1 = %0
//! let cfg = Cfg::with(1, |_, _| {});
//! let each = |_, see: &mut dyn FnMut(Reg, Access)| {
//!     for _ in 0..2 {
//!         see(Reg(0), Access::Def);
//!         see(Reg(0), Access::Use);
//!     }
//! };
//! let mut regs = 1;
//! let names = Names::new(&cfg, &[false], each, |_| { regs += 1; Reg(regs - 1) });
//! let mut name = names.in_order();
//! assert_eq!([0; 4].map(|r| name(Reg(r))), [Reg(0), Reg(0), Reg(1), Reg(1)]);
//! ```

use crate::entity::{BlockId, Reg};
use crate::flow::Cfg;

/// Most steps through control flow. Registers that would need more keep
/// their name, which is no error; some ten milliseconds.
const MAX_STEPS: usize = 2_000_000;

/// What an instruction does with a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// It reads it.
    Use,
    /// It writes it.
    Def,
    /// It reads it and writes it again in the same place.
    Keep,
}

/// The names of registers at their accesses, by web.
#[derive(Clone, Debug)]
pub struct Names {
    /// Of each access to a register with several definitions.
    renamed: Vec<Reg>,
    is_split: Vec<bool>,
}

impl Names {
    /// Finds the webs. `at_entry` says which registers are defined where the function begins. `each` hands out the
    /// accesses of a block in order, reads of an instruction before its writes; it is
    /// asked for each reachable block in reverse postorder, twice. The first web of a register keeps the name, or
    /// that which the entry defines; of others `fresh` makes one.
    pub fn new(
        cfg: &Cfg,
        at_entry: &[bool],
        mut each: impl FnMut(BlockId, &mut dyn FnMut(Reg, Access)),
        mut fresh: impl FnMut(Reg) -> Reg,
    ) -> Names {
        let mut defs: Vec<u32> = at_entry.iter().map(|at_entry| u32::from(*at_entry)).collect();
        for &block in cfg.rpo() {
            each(block, &mut |reg, access| defs[reg.index()] += u32::from(access != Access::Use));
        }
        let is_split: Vec<bool> = defs.iter().map(|count| *count > 1).collect();
        let events = Events::new(cfg, &is_split, &mut each);
        let mut webs = Webs::new(cfg);
        let mut renamed: Vec<Reg> = events.list.iter().map(|e| e.reg).collect();
        for (reg, ids) in events.by_register() {
            let at_entry = at_entry[reg.index()];
            let Some(web_of) = webs.of(&events, ids, at_entry) else { break };
            // The web the entry defines has to keep the register; else the first.
            let of_ids = &web_of[web_of.len() - ids.len()..];
            let keeps = if at_entry { web_of[0] } else { of_ids[0] };
            let mut names: Vec<Option<Reg>> = vec![None; web_of.len()];
            names[keeps as usize] = Some(reg);
            for (id, web) in ids.iter().zip(of_ids) {
                renamed[*id as usize] = *names[*web as usize].get_or_insert_with(|| fresh(reg));
            }
        }
        Names { renamed, is_split }
    }

    /// The name at each access in turn: it is to be asked in the order of [`Names::new`], for all of them.
    pub fn in_order(&self) -> impl FnMut(Reg) -> Reg {
        let mut next = self.renamed.iter();
        move |reg| {
            let is_split = self.is_split.get(reg.index()).is_some_and(|is_split| *is_split);
            if is_split { *next.next().expect("accesses are seen again in order") } else { reg }
        }
    }
}

/// A register read or written somewhere.
struct Event {
    reg: Reg,
    block: BlockId,
    access: Access,
}

/// Every access to registers with several definitions.
struct Events {
    /// In program order.
    list: Vec<Event>,
    /// Indices into `list`, by register, else in order.
    order: Vec<u32>,
}

impl Events {
    fn new(
        cfg: &Cfg,
        is_split: &[bool],
        each: &mut impl FnMut(BlockId, &mut dyn FnMut(Reg, Access)),
    ) -> Events {
        let mut list = Vec::new();
        // Where the events of each register begin, one place further on.
        let mut starts = vec![0u32; is_split.len() + 1];
        for &block in cfg.rpo() {
            each(block, &mut |reg, access| {
                if is_split[reg.index()] {
                    list.push(Event { reg, block, access });
                    starts[reg.index() + 1] += 1;
                }
            });
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
        Events { list, order }
    }

    /// The registers, with the indices of their events.
    fn by_register(&self) -> impl Iterator<Item = (Reg, &[u32])> {
        let reg = |id: u32| self.list[id as usize].reg;
        self.order.chunk_by(move |a, b| reg(*a) == reg(*b)).map(move |ids| (reg(ids[0]), ids))
    }
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
            let value = match (event.access, here) {
                (Access::Def, _) => self.fresh(),
                (_, Some(value)) => value,
                (_, None) => self.at_start(event.block),
            };
            values.push(value);
            if event.access != Access::Use {
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
            if self.steps > MAX_STEPS {
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
