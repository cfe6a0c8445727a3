//! Inlining: the code of functions goes in place of calls of them.
//!
//! Level by level: the calls in the function itself, then those that came with
//! the code put in, and so on. So a recursive function unfolds evenly. A call
//! too many to unfold may still be *peeled*, which is partial inlining: where
//! the callee begins with a test that leads straight to a return, test and
//! return come here, and only what is left calls. A doubly recursive function
//! makes half its calls for such ends. One with loops over elements is only
//! peeled: its calls are the smaller part of what it takes, and what its loops
//! hold fits the processor's registers but once.
//!
//! A function with a region of its own is left alone: its objects go when it
//! returns. Nodes keep where they come from, with the call they came by, so
//! that backtraces show frames that are not there; fuel is charged by the same
//! nodes as in the callee itself. How deep calls can go may differ.
//!
//! Proves: nothing of values; that the callee opens no region. Relies on: origins, by which
//! backtraces and traps find their frames.

use super::fuel::charge;
use super::tail;
use crate::mir::{self, Block, Entry, Func, Homes, MirNode, MirOp, Origin, Shapes, Ty};
use nbc_ir::flow::{Dominators, Loops};
use nbc_ir::inst::Effect;
use nbc_ir::{BlockId, FuncId, Inst, Operand, Reg, VerifiedModule};
use nbc_runtime::plan::Plan;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Limits of size. Sizes are in instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Largest callee.
    pub callee: usize,
    /// More for a callee without loops that is called in a loop.
    pub in_loop: usize,
    /// More for a callee that is called only once in the function.
    pub only_call: usize,
    /// More when an argument is a literal.
    pub literal: usize,
    /// Most instructions added to a function, unless twice its own is more.
    pub growth: usize,
    /// Most instructions added by unfolding recursion.
    pub recursion: usize,
    /// How many times a function is unfolded within itself; half as often where
    /// it calls itself in several places.
    pub recursion_depth: usize,
    /// Most instructions of test and return that are peeled.
    pub peel: usize,
    /// Levels of calls looked at.
    pub levels: usize,
    /// Functions larger than this are left alone.
    pub caller: usize,
    /// Most instructions of callees that are looked at, unless ten times its own
    /// is more.
    pub looks: usize,
}

impl Default for Limits {
    /// With these, a doubly recursive Fibonacci function of 9 instructions
    /// becomes 31 copies of itself and 32 of its test: 3.5 KB of code, compiled
    /// in 3 ms, for which fib(40) takes 0.17 s. A level less is 2 KB in 1.5 ms,
    /// for 0.19 s, only one level 0.28 s; what gcc -O2 makes of it, 0.145 s.
    fn default() -> Limits {
        Limits {
            callee: 30,
            in_loop: 50,
            only_call: 30,
            literal: 10,
            growth: 600,
            recursion: 280,
            recursion_depth: 8,
            peel: 8,
            levels: 10,
            caller: 10_000,
            looks: 20_000,
        }
    }
}

/// Puts the code of functions in place of calls, as far as `limits` allow.
pub fn run(func: &mut Func, module: &VerifiedModule, metered: bool, limits: &Limits) -> bool {
    let size = func.size();
    if !worth!(size <= limits.caller) {
        return false;
    }
    let mut inliner = Inliner {
        module,
        plan: func.plan.clone(),
        metered,
        limits,
        callees: FxHashMap::default(),
        early: FxHashMap::default(),
        growth: limits.growth.max(2 * size),
        recursion: limits.recursion,
        looks: limits.looks.max(10 * size),
    };
    let mut changed = false;
    let mut sites = sites_of(func, module);
    sites.iter_mut().for_each(|s| s.chain.push(func.id));
    for level in (0..limits.levels).rev() {
        if sites.is_empty() {
            break;
        }
        changed |= inliner.level(func, &mut sites, level == 0);
    }
    changed
}

/// A call of one of the module's own functions.
#[derive(Clone, Debug)]
struct Site {
    block: BlockId,
    at: usize,
    callee: FuncId,
    /// How many loops it is in.
    depth: u32,
    /// Functions it is in, from the one being compiled inward.
    chain: Vec<FuncId>,
    /// Whether it is the only call of this function where it stands.
    is_only: bool,
    has_literal: bool,
}

/// The calls worth looking at.
fn sites_of(func: &Func, module: &VerifiedModule) -> Vec<Site> {
    let mut sites = Vec::new();
    let mut calls: FxHashMap<FuncId, usize> = FxHashMap::default();
    let cfg = func.graph();
    for &block in cfg.rpo() {
        let b = &func.blocks[block.index()];
        if !worth!(!b.cold && !matches!(b.last(), Some(Inst::Trap {}))) {
            continue;
        }
        for (at, node) in b.nodes.iter().enumerate() {
            if let MirOp::Inst(Inst::Call { callee, args, .. }) = &node.op
                && required!(callee.index() >= module.imports.len())
            {
                *calls.entry(*callee).or_default() += 1;
                let has_literal = args.iter().any(|a| matches!(a, Operand::Imm(_)));
                let (depth, chain) = (0, Vec::new());
                sites.push(Site { block, at, callee: *callee, depth, chain, is_only: false, has_literal });
            }
        }
    }
    if !sites.is_empty() {
        let loops = Loops::new(&cfg, &Dominators::new(&cfg));
        for site in &mut sites {
            site.depth = loops.depth(site.block);
            site.is_only = calls[&site.callee] == 1;
        }
    }
    sites
}

/// A function that may be put in.
struct Callee {
    func: Func,
    size: usize,
    sites: Vec<Site>,
    has_loop: bool,
    /// Whether calls are a small part of what it takes: loops over elements.
    is_heavy: bool,
}

/// The decision about a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    PutIn,
    Peel,
    Leave,
}

struct Inliner<'a> {
    module: &'a VerifiedModule,
    plan: Arc<Plan>,
    metered: bool,
    limits: &'a Limits,
    /// `None` for those that never can be.
    callees: FxHashMap<FuncId, Option<Callee>>,
    /// What is put in for a call that is peeled.
    early: FxHashMap<FuncId, Option<Func>>,
    /// Instructions that may still be added.
    growth: usize,
    recursion: usize,
    /// Instructions of callees that may still be looked at.
    looks: usize,
}

impl Inliner<'_> {
    /// Does what is best with each of `sites`, and makes them those that came
    /// with what was put in. On the last level nothing is put in.
    fn level(&mut self, func: &mut Func, sites: &mut Vec<Site>, is_last: bool) -> bool {
        let mut choices = self.choose(sites, is_last);
        for (site, choice) in sites.iter().zip(&mut choices) {
            if *choice == Choice::Peel && self.early(site.callee).is_none() {
                *choice = Choice::Leave;
            }
        }
        let going: Vec<(&Site, Choice)> =
            sites.iter().zip(choices).filter(|(_, choice)| *choice != Choice::Leave).collect();
        let mut next = Vec::new();
        for of_block in going.chunk_by(|a, b| a.0.block == b.0.block) {
            let mut block = of_block[0].0.block;
            let mut pieces = cut(func, block, of_block.iter().map(|(site, _)| site.at));
            for (site, choice) in of_block {
                let after = pieces.next().unwrap_or_default();
                let (callee, inner): (_, &[Site]) = match choice {
                    Choice::PutIn => match &self.callees[&site.callee] {
                        Some(callee) => (&callee.func, &callee.sites),
                        None => unreachable!("one that is worth it is known"),
                    },
                    _ => match &self.early[&site.callee] {
                        Some(early) => (early, &[]),
                        None => unreachable!("left alone otherwise"),
                    },
                };
                let (rest, blocks) = put_in(func, block, after, callee);
                next.extend(inner.iter().map(|inner| Site {
                    block: blocks[inner.block.index()],
                    depth: site.depth + inner.depth,
                    chain: site.chain.iter().copied().chain([site.callee]).collect(),
                    ..inner.clone()
                }));
                block = rest;
            }
        }
        let changed = !going.is_empty();
        *sites = next;
        changed
    }

    /// The most deeply nested calls come first while there is room; recursion
    /// unfolds evenly, so a level of it as a whole or not at all.
    fn choose(&mut self, sites: &[Site], is_last: bool) -> Vec<Choice> {
        let sizes: Vec<Option<usize>> =
            sites.iter().map(|s| if is_last { None } else { self.is_worth(s) }).collect();
        let recursive = |s: &Site| s.chain.contains(&s.callee);
        let unfolded: usize =
            sites.iter().zip(&sizes).filter(|(s, _)| recursive(s)).filter_map(|(_, n)| *n).sum();
        let unfolds = unfolded <= self.recursion;
        if unfolds {
            self.recursion -= unfolded;
        }
        let mut choices = vec![Choice::Leave; sites.len()];
        let mut order: Vec<usize> = (0..sites.len()).collect();
        order.sort_by_key(|s| std::cmp::Reverse(sites[*s].depth));
        for s in order {
            let site = &sites[s];
            let (choice, size) = match sizes[s] {
                Some(size) if unfolds || !recursive(site) => (Choice::PutIn, size),
                _ if site.depth > 0 || recursive(site) => (Choice::Peel, self.limits.peel),
                _ => continue, // not worth it
            };
            if worth!(size <= self.growth) {
                self.growth -= size;
                choices[s] = choice;
            }
        }
        choices
    }

    /// The size of the callee, if it is worth putting in.
    fn is_worth(&mut self, site: &Site) -> Option<usize> {
        let within = site.chain.iter().filter(|f| **f == site.callee).count();
        if !worth!(within <= self.limits.recursion_depth) {
            return None;
        }
        let limits = self.limits;
        let callee = self.callee(site.callee)?;
        // What its loops hold would no longer fit the processor's registers.
        if !worth!(within == 0 || !callee.is_heavy) {
            return None;
        }
        // One that calls itself in one place only does not branch out.
        if !worth!(callee.sites.len() <= 1 || within <= limits.recursion_depth / 2) {
            return None;
        }
        let mut limit = limits.callee;
        if within > 0 {
            limit = limits.recursion;
        } else if callee.sites.iter().any(|inner| inner.callee == site.callee) {
            return None; // worth no more than one call that it saves
        } else {
            limit += if site.depth > 0 && !callee.has_loop { limits.in_loop } else { 0 };
            limit += if site.is_only { limits.only_call } else { 0 };
            limit += if site.has_literal { limits.literal } else { 0 };
        }
        worth!(callee.size <= limit).then_some(callee.size)
    }

    fn callee(&mut self, id: FuncId) -> Option<&Callee> {
        let (module, metered, limits, plan) = (self.module, self.metered, self.limits, &self.plan);
        let looks = &mut self.looks;
        let build = || {
            let size = module.function(id)?.size();
            let facts = module.facts(id);
            let most = limits.callee + limits.in_loop + limits.only_call + limits.literal;
            if forbidden!(facts.makes_objects) || !worth!(size <= most.max(limits.recursion)) {
                return None;
            }
            *looks = looks.checked_sub(size)?;
            let mut func = mir::build(module, id).following(plan);
            // A loop that calls itself besides unfolds worse than what it was.
            let mut looping = func.clone();
            if required!(!metered) && tail::run(&mut looping) && worth!(!calls(&looping, id)) {
                func = looping;
            }
            let graph = func.graph();
            let returns = |b: &BlockId| matches!(func.blocks[b.index()].last(), Some(Inst::Ret { .. }));
            if !worth!(graph.rpo().iter().any(returns)) {
                return None;
            }
            let has_loop = !graph.back_edges().is_empty();
            let is_heavy = has_loop && graph.rpo().iter().any(|b| accesses(&func.blocks[b.index()]));
            if metered {
                charge::insert(&mut func);
            }
            let sites = sites_of(&func, module);
            Some(Callee { func, size, sites, has_loop, is_heavy })
        };
        self.callees.entry(id).or_insert_with(build).as_ref()
    }
    fn early(&mut self, id: FuncId) -> Option<&Func> {
        let (module, metered, most) = (self.module, self.metered, self.limits.peel);
        self.early.entry(id).or_insert_with(|| early(module, id, metered, most)).as_ref()
    }
}

/// Whether `func` calls `id` where it is expected to run.
fn calls(func: &Func, id: FuncId) -> bool {
    let mut nodes = func.blocks.iter().filter(|b| !b.cold).flat_map(|b| &b.nodes);
    nodes.any(|n| matches!(n.op, MirOp::Inst(Inst::Call { callee, .. }) if callee == id))
}

/// Whether `block` reads or writes elements of tensors or lists.
fn accesses(block: &Block) -> bool {
    let is_access = |inst: &Inst| {
        matches!(
            inst,
            Inst::TensorLoad { .. }
                | Inst::TensorLoad2 { .. }
                | Inst::TensorLoad3 { .. }
                | Inst::TensorStore { .. }
                | Inst::TensorStore2 { .. }
                | Inst::TensorStore3 { .. }
                | Inst::ListGet { .. }
                | Inst::ListSet { .. }
        )
    };
    block.nodes.iter().any(|n| matches!(&n.op, MirOp::Inst(inst) if is_access(inst)))
}

/// Stands for the origin of the call itself in what is put in for it.
const CALL: u32 = u32::MAX;

/// For a function that begins with `if test, return values`: a function that
/// does so, and calls it otherwise.
fn early(module: &VerifiedModule, id: FuncId, metered: bool, most: usize) -> Option<Func> {
    let callee = module.function(id)?;
    let sig = module.func_sig(id)?;
    // A function with a region of its own moves objects out of it.
    if forbidden!(module.facts(id).makes_objects && sig.results.iter().any(|t| t.is_object())) {
        return None;
    }
    let entry = &callee.blocks[0].insts;
    let Some((Inst::BrIf { cond, then_to, else_to }, test)) = entry.split_last() else { return None };
    let is_pure = |insts: &[Inst]| insts.iter().all(|i| required!(i.opcode().effect() == Effect::Pure));
    let returns = |to: &BlockId| match callee.blocks[to.index()].insts.split_last() {
        Some((Inst::Ret { .. }, before)) => worth!(before.len() + test.len() + 2 <= most) && is_pure(before),
        _ => false,
    };
    let end = *[then_to, else_to].into_iter().find(|to| returns(to))?;
    if !required!(is_pure(test)) {
        return None;
    }

    let mut out = Func {
        id,
        name: String::new(),
        entry: Entry::Call { params: sig.params.len() },
        results: sig.results.clone(),
        own_region: false,
        regs: sig.params.iter().map(|t| Ty::Value(*t)).collect(),
        shapes: Shapes::default(),
        blocks: vec![Block::default(); 3],
        origins: Vec::new(),
        homes: vec![Homes { first: Reg(0), count: sig.params.len() as u32, func: id, from: Reg(0) }],
        plan: Arc::default(),
    };
    let mut names: FxHashMap<Reg, Reg> = FxHashMap::default();
    let add = |out: &mut Func, to: usize, from: BlockId, op: MirOp, inst: usize| {
        out.origins.push(Origin { func: id, block: from.0, inst: inst as u32, caller: None });
        out.blocks[to].nodes.push(MirNode { op, origin: out.origins.len() as u32 - 1 });
    };
    let ends = &callee.blocks[end.index()].insts;
    for (i, inst) in test.iter().enumerate() {
        add(&mut out, 0, BlockId(0), MirOp::Inst(inst.clone()), i);
    }
    let (done, again) = (BlockId(1), BlockId(2));
    let (then_to, else_to) = if *then_to == end { (done, again) } else { (again, done) };
    add(&mut out, 0, BlockId(0), MirOp::Inst(Inst::BrIf { cond: *cond, then_to, else_to }), test.len());
    if metered {
        // Charged late, but nothing before could be seen.
        for (from, size) in [(BlockId(0), entry.len()), (end, ends.len())] {
            add(&mut out, 1, from, MirOp::Charge { cost: (size as i64).into() }, 0);
        }
    }
    for (i, inst) in ends.iter().enumerate() {
        add(&mut out, 1, end, MirOp::Inst(inst.clone()), i);
    }
    for block in &mut out.blocks {
        for node in &mut block.nodes {
            let mut name = |r: Reg| {
                if r.index() < sig.params.len() {
                    return r;
                }
                *names.entry(r).or_insert_with(|| {
                    out.regs.push(Ty::Value(callee.regs[r.index()]));
                    let first = Reg::new(out.regs.len() - 1);
                    out.homes.push(Homes { first, count: 1, func: id, from: r });
                    first
                })
            };
            node.op.map_uses(|o| if let Operand::Reg(r) = o { name(r).into() } else { o });
            node.op.map_defs(name);
        }
    }
    // A parameter that the test changes is wanted unchanged by the call.
    let mut changes_param = false;
    out.blocks[0]
        .nodes
        .iter()
        .for_each(|n| n.op.for_each_def(|r| changes_param |= r.index() < sig.params.len()));
    if forbidden!(changes_param) {
        return None;
    }
    let results: Box<[Reg]> = sig.results.iter().map(|t| out.value(*t)).collect();
    let values = results.iter().map(|r| (*r).into()).collect();
    let args = (0..sig.params.len()).map(|p| Reg::new(p).into()).collect();
    out.blocks[2].nodes = [Inst::Call { results, callee: id, args }, Inst::Ret { values }]
        .map(|inst| MirNode { op: MirOp::Inst(inst), origin: CALL })
        .into();
    Some(out)
}

/// Leaves of `block` what there is up to the first of `calls`, positions in order:
/// with each call goes what comes after it, up to the next one.
fn cut(
    func: &mut Func,
    block: BlockId,
    calls: impl Iterator<Item = usize>,
) -> std::vec::IntoIter<Vec<MirNode>> {
    let mut nodes = std::mem::take(&mut func.blocks[block.index()].nodes).into_iter();
    let (mut pieces, mut from) = (Vec::new(), 0);
    for at in calls {
        pieces.push(nodes.by_ref().take(at + 1 - from).collect());
        from = at + 1;
    }
    pieces.push(nodes.collect());
    let mut pieces = pieces.into_iter();
    func.blocks[block.index()].nodes = pieces.next().unwrap_or_default();
    pieces
}

/// Puts a copy of `callee` in place of the call that `block` ends with, and
/// `after` in a new block behind it. Gives back that block, and where the callee's
/// blocks went.
fn put_in(func: &mut Func, block: BlockId, after: Vec<MirNode>, callee: &Func) -> (BlockId, Vec<BlockId>) {
    let cut = &mut func.blocks[block.index()];
    let cold = cut.cold;
    let call = cut.nodes.pop().expect("a call");
    func.blocks.push(Block { nodes: after, cold });
    let rest = BlockId::new(func.blocks.len() - 1);

    let graph = callee.graph();
    let mut blocks = vec![rest; callee.blocks.len()];
    for (i, b) in graph.rpo().iter().enumerate() {
        blocks[b.index()] = BlockId::new(func.blocks.len() + i);
    }
    let regs = func.regs.len();
    let reg = |r: Reg| Reg::new(regs + r.index());
    func.regs.extend_from_slice(&callee.regs);
    func.homes.extend(callee.homes.iter().map(|h| Homes { first: reg(h.first), ..*h }));
    func.shapes.extend(callee.shapes.iter().map(|(r, shape)| (reg(*r), shape.clone())));
    let origins = func.origins.len() as u32;
    let origin = |o: u32| if o == CALL { call.origin } else { origins + o };
    func.origins.extend(callee.origins.iter().map(|o| Origin { caller: Some(call.origin), ..*o }));

    let MirOp::Inst(Inst::Call { results, args, .. }) = &call.op else { unreachable!("a site is a call") };
    let copy = |dst: Reg, a: Operand, origin| MirNode { op: MirOp::Inst(Inst::Copy { dst, a }), origin };
    let br = |target: BlockId, origin| MirNode { op: MirOp::Inst(Inst::Br { target }), origin };
    let nodes = &mut func.blocks[block.index()].nodes;
    nodes.extend(args.iter().enumerate().map(|(p, a)| copy(reg(Reg::new(p)), *a, call.origin)));
    nodes.push(br(blocks[0], call.origin));

    let operand = |o: Operand| if let Operand::Reg(r) = o { reg(r).into() } else { o };
    for from in graph.rpo() {
        let from = &callee.blocks[from.index()];
        let mut to = Block { nodes: from.nodes.clone(), cold: cold || from.cold };
        to.map_successors(|b| blocks[b.index()]);
        for node in std::mem::take(&mut to.nodes) {
            if let MirOp::Inst(Inst::Ret { values }) = &node.op {
                let pairs = results.iter().zip(values.iter());
                to.nodes.extend(pairs.map(|(dst, v)| copy(*dst, operand(*v), origin(node.origin))));
                to.nodes.push(br(rest, origin(node.origin)));
                continue; // it leads on now
            }
            let mut node = MirNode { origin: origin(node.origin), ..node };
            node.op.map_uses(operand);
            node.op.map_defs(reg);
            to.nodes.push(node);
        }
        func.blocks.push(to);
    }
    (rest, blocks)
}
