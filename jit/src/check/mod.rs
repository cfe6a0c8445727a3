//! An independent checker: proves again, of a function as it leaves the mid-end,
//! that every unchecked access lies in its tensor.
//!
//! Whatever passes have concluded, memory is safe if this module is right: it looks at
//! the final function alone, by reasoning of its own. It imports the form
//! ([`crate::mir`]) and its flow graph, no analysis and no pass (`tests/tidy.rs` sees
//! to that). An access that it cannot prove is reported, and gets a check that is made
//! as code runs ([`crate::sanitize`]).
//!
//! What is proved of an access of `width` bytes at `base + index*scale + offset`:
//! `base` is the address of the data of a tensor. As exact integers,
//! `0 <= index*scale + offset` and `index*scale + offset + width <= elements * size`.
//! For a store, `elements` counts those that may be written.
//!
//! | part | does |
//! |---|---|
//! | [`ssa`] | which definition a use reads |
//! | [`poly`] | exact arithmetic |
//! | [`unknowns`] | what values are in terms of others, modulo their width |
//! | [`facts`] | what branches say where |
//! | [`invariants`] | what loops keep, by induction |
//! | [`prove`] | that something is not negative |

mod facts;
mod invariants;
mod poly;
mod prove;
mod ssa;
#[cfg(test)]
mod tests;
mod unknowns;

use crate::mir::{Address, Field, Func, MirNode, MirOp};
use facts::Env;
use invariants::Kept;
use nbc_ir::flow::{Cfg, Dominators, Loops};
use nbc_ir::{BlockId, Inst, Type};
use poly::Poly;
use prove::{DEPTH, Outcome};
use rustc_hash::{FxHashMap, FxHashSet};
use ssa::{Arg, Made, Ssa, UNKNOWN, Value};
use std::fmt;
use std::rc::Rc;
use unknowns::Unknowns;

/// Loops nested deeper than this are not looked at.
const MAX_DEPTH: u32 = 40;
/// Steps of all proofs of a function in one attempt, for each of its nodes, and besides.
const STEPS: (usize, usize) = (40, 6_000);
/// How often proofs are tried, with more and more means.
const ATTEMPTS: usize = 3;
/// Steps of the proofs of one access.
const STEPS_OF_ACCESS: usize = 2_000;
/// Steps of one proof for an access, by attempt.
const STEPS_OF_GOAL: [usize; ATTEMPTS] = [120, 200, 400];
/// Accesses of a block in a row that are not proved, after which others are left for
/// the next attempt.
const ENOUGH: usize = 2;
/// Most values that an index is made of, and those, that are looked at.
const MAX_RELEVANT: usize = 4_000;
/// Bytes of a vector.
const VECTOR: i128 = 16;

/// An unchecked access that could not be proved to lie in its tensor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unproved {
    /// Its block.
    pub block: BlockId,
    /// Its position there.
    pub node: usize,
    /// What is missing.
    pub why: Why,
}

/// Why an access is not proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// The function is too large, or its loops are nested too deep.
    TooLarge,
    /// It is not known whose data the address is of.
    Tensor,
    /// That it is not before the first element.
    Low,
    /// That it is not behind the last element.
    High,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::TooLarge => "the function is too large to be checked",
            Why::Tensor => "it is not known whose elements these are",
            Why::Low => "it may lie before the first element",
            Why::High => "it may lie behind the last element",
        })
    }
}

/// What became of the unchecked accesses of a function.
#[derive(Clone, Default, Debug)]
pub struct Report {
    /// How many there are.
    pub accesses: usize,
    /// Those that are not proved.
    pub unproved: Vec<Unproved>,
    /// Steps that the proofs took.
    pub steps: usize,
}

/// The address of an unchecked access, its bytes, and whether it writes.
pub fn unchecked(op: &MirOp) -> Option<(Address, i128, bool)> {
    match op {
        MirOp::Load { elem, at, .. } => Some((*at, elem.size() as i128, false)),
        MirOp::Store { elem, at, .. } => Some((*at, elem.size() as i128, true)),
        MirOp::LoadVector { at, .. } => Some((*at, VECTOR, false)),
        MirOp::StoreVector { at, .. } => Some((*at, VECTOR, true)),
        _ => None,
    }
}

/// Proves what it can of the unchecked accesses of `func`.
pub fn run(func: &Func) -> Report {
    if !func.blocks.iter().flat_map(|b| &b.nodes).any(|n| unchecked(&n.op).is_some()) {
        return Report::default();
    }
    let cfg = func.graph();
    let doms = Dominators::new(&cfg);
    let loops = Loops::new(&cfg, &doms);
    let mut places = Vec::new();
    for &block in cfg.rpo() {
        let nodes = func.blocks[block.index()].nodes.iter().enumerate();
        places.extend(nodes.filter(|(_, n)| unchecked(&n.op).is_some()).map(|(n, _)| (block, n)));
    }
    let too_deep = cfg.rpo().iter().any(|b| loops.depth(*b) > MAX_DEPTH);
    let ssa = if too_deep { None } else { Ssa::new(func, &cfg, &doms) };
    let Some(ssa) = ssa else {
        let unproved = places.iter().map(|&(block, node)| Unproved { block, node, why: Why::TooLarge });
        return Report { accesses: places.len(), unproved: unproved.collect(), steps: 0 };
    };
    let most = STEPS.0 * func.size() + STEPS.1;
    let mut checker = Checker {
        func,
        cfg: &cfg,
        doms: &doms,
        loops: &loops,
        ssa,
        unknowns: Unknowns::default(),
        envs: FxHashMap::default(),
        edge_envs: FxHashMap::default(),
        outcomes: FxHashMap::default(),
        exacts: FxHashMap::default(),
        makers: FxHashMap::default(),
        making: 0,
        last_name: 0,
        kept: FxHashMap::default(),
        used: FxHashSet::default(),
        nesting: 0,
        matters: FxHashSet::default(),
        relevant: FxHashSet::default(),
        choices: FxHashSet::default(),
        simply: false,
        failed_simply: FxHashMap::default(),
        attempt: 0,
        has_more: true,
        thorough: false,
        steps: 0,
        until: most,
    };
    checker.number();
    let mut report = Report { accesses: places.len(), ..Report::default() };
    // What is not proved by simple means is tried again by others, and with what
    // has been found out of loops by then.
    for attempt in 0..ATTEMPTS {
        (checker.attempt, checker.thorough) = (attempt, attempt > 0);
        let most = checker.steps + most;
        checker.until = most;
        checker.look_around(&places);
        checker.look_at_loops();
        report.unproved.clear();
        for &(block, node) in &places {
            checker.until = most.min(checker.steps + STEPS_OF_ACCESS);
            // What some accesses of a block lack, others do; there is another time.
            let lacking = report.unproved.iter().rev().take_while(|u| u.block == block).nth(ENOUGH - 1);
            let why = match lacking {
                Some(other) if attempt == 0 => Err(other.why),
                _ => checker.access(block, node),
            };
            if let Err(why) = why {
                report.unproved.push(Unproved { block, node, why });
            }
        }
        places = report.unproved.iter().map(|u| (u.block, u.node)).collect();
        if places.is_empty() {
            break;
        }
    }
    report.steps = checker.steps;
    report
}

/// See the module.
struct Checker<'a> {
    func: &'a Func,
    cfg: &'a Cfg,
    doms: &'a Dominators,
    loops: &'a Loops,
    ssa: Ssa,
    unknowns: Unknowns,
    /// What is known where blocks begin.
    envs: FxHashMap<BlockId, Rc<Env>>,
    /// What is known on edges.
    edge_envs: FxHashMap<(BlockId, BlockId), Rc<Env>>,
    /// By name of what is known: what became of goals.
    outcomes: FxHashMap<u32, FxHashMap<Poly, Outcome>>,
    /// By value, name of what is known, and how far one may go: a value as a number,
    /// and whether that is its residue.
    exacts: FxHashMap<(Value, u32, u32), (Poly, bool)>,
    /// By unknown, name of what is known, and how far questions about what makes
    /// others had led: what its instruction says.
    makers: FxHashMap<(poly::Atom, u32, u32), Rc<[Poly]>>,
    making: u32,
    /// The last name that was given to what is known.
    last_name: u32,
    /// By header: what is assumed or proved of loops.
    kept: FxHashMap<BlockId, Kept>,
    /// Headers of which something was made use of in what is noted.
    used: FxHashSet<BlockId>,
    /// How many questions about places are open.
    nesting: u32,
    /// Headers of loops that accesses are in, or indices come from.
    matters: FxHashSet<BlockId>,
    /// Values that indices are made of.
    relevant: FxHashSet<Value>,
    /// Blocks in which something of that is chosen.
    choices: FxHashSet<BlockId>,
    /// Whether only bounds are tried.
    simply: bool,
    /// Goals that a proof by bounds did not come to, by the name of what is known,
    /// and how far it went.
    failed_simply: FxHashMap<(u32, Poly), u32>,
    /// The attempt, and whether more came out of the last than of those before.
    attempt: usize,
    has_more: bool,
    /// Whether more is tried.
    thorough: bool,
    steps: usize,
    until: usize,
}

impl Checker<'_> {
    /// Does something with no more than so many steps.
    fn within<T>(&mut self, steps: usize, act: impl FnOnce(&mut Self) -> T) -> T {
        let until = self.until;
        self.until = until.min(self.steps + steps);
        let done = act(self);
        self.until = until;
        done
    }

    /// Takes a step; whether there was one left.
    fn spend(&mut self) -> bool {
        self.steps += 1;
        self.steps <= self.until
    }

    /// Finds the loops and values that accesses depend on: what indices are made
    /// of, and what is compared where loops with accesses go on.
    fn look_around(&mut self, places: &[(BlockId, usize)]) {
        self.matters.clear();
        self.relevant.clear();
        let mut open = Vec::new();
        for &(block, n) in places {
            self.around(block);
            let op = &self.func.blocks[block.index()].nodes[n].op;
            // The address comes first: base, index.
            open.extend(self.ssa.operands(op, block, n).into_iter().skip(1).take(1));
        }
        self.follow(open);
        let mut compared = Vec::new();
        for &block in self.cfg.rpo() {
            if self.loops.innermost(block).is_none_or(|header| !self.matters.contains(&header)) {
                continue;
            }
            for to in self.cfg.succs(block) {
                let conditions = self.conditions_of_edge(block, *to);
                compared.extend(conditions.iter().flat_map(|c| c.operands()));
            }
        }
        self.follow(compared);
        self.choices.clear();
        for &value in &self.relevant {
            let def = self.ssa.def(value);
            if let Made::Node(n) = def.made
                && let MirOp::Inst(inst) = &self.func.blocks[def.block.index()].nodes[n as usize].op
                && invariants::is_chosen(inst).is_some()
            {
                self.choices.insert(def.block);
            }
        }
    }

    /// Notes the loops that a block is in.
    fn around(&mut self, block: BlockId) {
        let mut at = self.loops.innermost(block);
        while let Some(header) = at.filter(|h| self.matters.insert(*h)) {
            at = self.loops.parent(header);
        }
    }

    /// Notes what values are made of.
    fn follow(&mut self, mut open: Vec<Arg>) {
        while let Some(arg) = open.pop() {
            let Arg::Value(value) = arg else { continue };
            if self.whole(value).is_none()
                || self.relevant.len() > MAX_RELEVANT
                || !self.relevant.insert(value)
            {
                continue;
            }
            let def = self.ssa.def(value);
            match def.made {
                Made::Phi => {
                    self.around(def.block);
                    open.extend(self.ssa.phi_args(value).iter().map(|v| Arg::Value(*v)));
                }
                Made::Node(_) => {
                    open.extend(self.ssa.maker(self.func, value).into_iter().flat_map(|(_, args)| args));
                }
                Made::Entry => {}
            }
        }
    }

    /// Proves that an access lies in its tensor.
    fn access(&mut self, block: BlockId, n: usize) -> Result<(), Why> {
        let MirNode { op, .. } = &self.func.blocks[block.index()].nodes[n];
        let Some((at, width, write)) = unchecked(op) else { return Ok(()) };
        let args = self.ssa.operands(op, block, n);
        let [Arg::Value(base), index, ..] = args[..] else { return Err(Why::Tensor) };
        let tensor = self.tensor_of(base).ok_or(Why::Tensor)?;
        let Some(Type::Tensor(elem)) = self.type_of(tensor) else { return Err(Why::Tensor) };
        let env = self.env_of(block);
        // The lowering shifts.
        if !at.scale.is_power_of_two() {
            return Err(Why::Low);
        }
        let bytes = |index: &Poly| index.scaled(at.scale.into())?.plus_number(at.offset.into());
        // An address wraps, so any number will do that is equal to the index modulo
        // 2^64; but it has to be the same number that is neither too low nor too
        // high. Each of these is of forms that are equal as numbers.
        let mut alike: Vec<Vec<Poly>> = Vec::new();
        match index {
            Arg::Imm(imm) => alike.push(unknowns::number_of(imm).map(Poly::number).into_iter().collect()),
            Arg::Value(value) => {
                let mut exact = vec![Poly::atom(self.atom(unknowns::Unknown::Value(value)))];
                for form in self.forms(value) {
                    let refined = self.refined(&form, &env, DEPTH - 3);
                    let is_exact = self.is_exact(value, &refined, &env, None, DEPTH - 3);
                    let mut both = vec![form, refined];
                    both.dedup();
                    if is_exact { exact.extend(both) } else { alike.push(both) }
                }
                exact.rotate_left(1);
                alike.insert(0, exact);
            }
        }
        let sizes = self.sizes(tensor, write, &env);
        let mut why = Why::Low;
        let most = STEPS_OF_GOAL[self.attempt];
        for simply in [true, false] {
            for forms in &alike {
                let starts: Vec<Poly> = forms.iter().filter_map(bytes).collect();
                if !starts.iter().any(|start| self.is_shown(start, &env, simply, most)) {
                    continue;
                }
                why = Why::High;
                for (size, start) in sizes.iter().flat_map(|size| starts.iter().map(move |s| (size, s))) {
                    let room = size
                        .scaled(elem.size() as i128)
                        .and_then(|size| size.minus(start)?.plus_number(-width));
                    if room.is_some_and(|room| self.is_shown(&room, &env, simply, most)) {
                        return Ok(());
                    }
                }
            }
        }
        Err(why)
    }

    /// Whether `goal` is proved, by simple means or by all.
    fn is_shown(&mut self, goal: &Poly, env: &Env, simply: bool, most: usize) -> bool {
        match simply {
            true => self.prove_simply(goal, env),
            false => self.within(most, |it| it.prove(goal, env, DEPTH)),
        }
    }

    /// The tensor whose data an address is of.
    fn tensor_of(&self, base: Value) -> Option<Value> {
        let (mut open, mut seen, mut found) = (vec![base], vec![base], None);
        while let Some(value) = open.pop() {
            if value == UNKNOWN || seen.len() > 32 {
                return None;
            }
            if self.ssa.def(value).made == Made::Phi {
                for arg in self.ssa.phi_args(value) {
                    if !seen.contains(arg) {
                        seen.push(*arg);
                        open.push(*arg);
                    }
                }
                continue;
            }
            let (node, args) = self.ssa.maker(self.func, value)?;
            match (&node.op, &args[..]) {
                (MirOp::Field { field: Field::Data, .. }, [Arg::Value(tensor)]) => {
                    let tensor = self.original(*tensor);
                    if *found.get_or_insert(tensor) != tensor {
                        return None;
                    }
                }
                (MirOp::Inst(Inst::Copy { .. }), [Arg::Value(from)]) => open.push(*from),
                _ => return None,
            }
        }
        found
    }

    /// Numbers of elements that a tensor has, or that may be written: as such, and
    /// as products of its dims where its rank is known.
    fn sizes(&mut self, tensor: Value, write: bool, env: &Env) -> Vec<Poly> {
        let (all, first) = match write {
            true => (Field::WritableLen, Field::WritableDim0),
            false => (Field::Len, Field::Dim(0)),
        };
        let mut sizes = vec![self.field(tensor, all)];
        let rank = self.field(tensor, Field::Rank);
        let rank = self.span(&rank, env);
        if rank.low == rank.high && (2..=3).contains(&rank.low) {
            // What may be written is all or nothing.
            let mut size = Some(self.field(tensor, first));
            for axis in 1..rank.low as u8 {
                let dim = self.field(tensor, Field::Dim(axis));
                size = size.and_then(|size| size.times(&dim));
            }
            sizes.extend(size);
        }
        sizes
    }
}
