//! Prepaid fuel: where fuel is metered, counted loops pay for many iterations
//! at once.
//!
//! How many iterations a loop has, up to some number of iterations, and what an iteration costs
//! at most, is known before it is entered. If there is that much fuel it is
//! taken, and a copy of the loop runs that charges nothing. The copy gives back what a way
//! through it costs less than the dearest. Where it is left early, it gives back what was paid
//! for iterations that do not come. At each place outside the fuel is what it would have been.
//! When there is too little fuel the loop as it was charges block by block, and so runs out
//! where it has to.
//!
//! Nothing in such a loop can trap, so that nobody sees the fuel meanwhile.
//! It may have one loop in it, if that has as many iterations each time. What is
//! left of a loop that was written out pays in the same way.
//!
//! Proves: what every way through an iteration costs, and how many come, under conditions that are
//! tested before. Relies on: [`crate::midend::analysis::counted_loop`]; whether the loop goes on is for its own
//! test to say.

use crate::midend::analysis::Analyses;
use crate::midend::analysis::counted_loop::{Compare, Counted, Step};
use crate::midend::analysis::induction::Induction;
use crate::midend::analysis::loops::{Copies, LoopId};
use crate::mir::{Block, Func, MirNode, MirOp, Write};
use nbc_ir::inst::Imm;
use nbc_ir::{BlockId, Inst, Operand, Reg, Type};
use rustc_hash::FxHashMap;

/// About what is paid at once.
const AT_ONCE: i64 = 1 << 20;
/// Most and least iterations that are paid at once, where their number is not known.
const ITERATIONS: std::ops::RangeInclusive<i64> = 64..=1 << 15;
/// The same where the step is only known when the program runs, as a power of 2.
const ITERATIONS_BY: u32 = 12;
/// Fewest charges of a block that are paid once.
const MIN_CHARGES: usize = 3;
/// Most nodes of a loop.
const MAX_NODES: usize = 200;
/// Most nodes that a function grows by.
const MAX_GROWTH: usize = 2500;

/// Has loops of `func` pay in advance.
pub fn run(func: &mut Func, known: &mut Analyses) -> bool {
    let (forest, mut changed) = known.with_preheaders(func);
    let mut room = MAX_GROWTH;
    let mut done: Vec<LoopId> = Vec::new();
    let it = if forest.loops.is_empty() { None } else { known.induction(func) };
    // Loops stay as they are when others have been copied.
    for id in it.iter().flat_map(|it| it.forest.ids()) {
        let l = forest.get(id);
        let is_in_one = |outer| worth!(done.contains(&outer));
        if !worth!(!l.cold && l.size <= MAX_NODES.min(room)) || l.parent.is_some_and(is_in_one) {
            continue;
        }
        let Some(plan) = it.as_deref().and_then(|it| Plan::new(it, id)) else { continue };
        // Only where it may cost too much does the loop as it was run for long.
        if plan.inner.as_ref().is_none_or(|inner| inner.iterations.is_some()) {
            done.push(id);
        }
        let cold = done.contains(&id);
        room -= l.size;
        if plan.write(func, cold).is_none() {
            done.retain(|d| *d != id);
        } else {
            changed = true;
        }
    }
    for b in 0..func.blocks.len() {
        changed |= pay_once(func, BlockId::new(b), &mut room).is_some();
    }
    changed
}

/// Has a block that charges again and again, and stores in between, pay for all
/// of that once.
fn pay_once(func: &mut Func, block: BlockId, room: &mut usize) -> Option<()> {
    let nodes = &func.blocks[block.index()].nodes;
    if !worth!(!func.blocks[block.index()].cold) {
        return None;
    }
    let cost_of = |n: &MirNode| match n.op {
        MirOp::Charge { cost: Operand::Imm(Imm::I64(cost @ 1..)) } => Some(cost),
        _ => None,
    };
    let first = nodes.iter().position(|n| cost_of(n).is_some())?;
    let (mut last, mut cost, mut count, mut stores, mut stores_before) = (first, 0, 0, 0, 0);
    for (at, node) in nodes.iter().enumerate().skip(first) {
        match &node.op {
            MirOp::Store { .. } => stores += 1,
            op if forbidden!(cost_of(node).is_none() && !op.is_droppable()) => break,
            _ => {}
        }
        if let Some(more) = cost_of(node) {
            (last, cost, count, stores_before) = (at, cost + more, count + 1, stores);
        }
    }
    if !worth!(count >= MIN_CHARGES && stores_before > 0) {
        return None;
    }
    *room = room.checked_sub(last - first)?;
    let origin = nodes[first].origin;
    let paid = func.value(Type::Bool);
    let (bare, slow, rest) = (func.block(), func.block(), func.block());
    let node = |op| MirNode { op, origin };
    let nodes = &mut func.blocks[block.index()].nodes;
    let after = nodes.split_off(last + 1);
    let mut charging = nodes.split_off(first);
    nodes.push(node(MirOp::Prepay { dst: paid, cost: cost.into() }));
    nodes.push(node(MirOp::Inst(Inst::BrIf { cond: paid.into(), then_to: bare, else_to: slow })));
    charging.push(node(MirOp::Inst(Inst::Br { target: rest })));
    func.blocks[bare.index()].nodes = charging.iter().filter(|n| cost_of(n).is_none()).cloned().collect();
    func.blocks[slow.index()] = Block { nodes: charging, cold: true };
    func.blocks[rest.index()].nodes = after;
    Some(())
}

/// A price: so much, and for the inner loop as often as that.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Fuel {
    fixed: i64,
    inner: i64,
}

impl Fuel {
    fn max(self, other: Fuel) -> Fuel {
        Fuel { fixed: self.fixed.max(other.fixed), inner: self.inner.max(other.inner) }
    }

    fn minus(self, other: Fuel) -> Fuel {
        Fuel { fixed: self.fixed - other.fixed, inner: self.inner - other.inner }
    }
}

/// The loop in a loop.
struct Inner {
    counted: Counted,
    /// What its counter starts with.
    start: Operand,
    /// How many iterations it has, if that is known.
    iterations: Option<i64>,
    /// What an iteration costs.
    cost: i64,
}

/// A loop that is to pay in advance.
struct Plan {
    counted: Counted,
    inner: Option<Inner>,
    blocks: Vec<BlockId>,
    /// By block: what it charges, and what is charged at most from there on to
    /// the end of the iteration.
    costs: FxHashMap<BlockId, (Fuel, Fuel)>,
    /// By block that leaves early: whether the counter's register is a step ahead there.
    stepped: FxHashMap<BlockId, bool>,
}

impl Plan {
    fn new(it: &Induction, id: LoopId) -> Option<Plan> {
        let (func, forest) = (&*it.func, &*it.forest);
        let l = forest.get(id);
        // What an iteration costs is known if it goes around nowhere but in the inner loop.
        if !required!(l.is_reducible) {
            return None;
        }
        let mut blocks = forest.blocks(id);
        let mut charges = 0;
        for node in blocks.iter().flat_map(|b| &func.blocks[b.index()].nodes) {
            match &node.op {
                MirOp::Charge { cost: Operand::Imm(Imm::I64(1..)) } => charges += 1,
                MirOp::Store { .. }
                | MirOp::Inst(Inst::Br { .. } | Inst::BrIf { .. } | Inst::Switch { .. }) => {}
                op if required!(op.is_droppable()) => {}
                _ => return None,
            }
        }
        if !worth!(charges > 0) {
            return None;
        }
        let counted = Counted::new(it, id)?;
        let inner = match l.children[..] {
            [] => None,
            [child] => Some(Inner::new(it, id, child)?),
            _ => return None,
        };
        blocks.sort_by_key(|b| forest.cfg.rank(*b));
        let (costs, stepped) = (FxHashMap::default(), FxHashMap::default());
        let mut plan = Plan { counted, inner, blocks, costs, stepped };
        plan.count_costs(func);
        required!(plan.can_leave(it, id)).then_some(plan)
    }

    fn is_inner(&self, block: BlockId) -> bool {
        self.inner.as_ref().is_some_and(|i| i.counted.header == block)
    }

    /// Whether an edge in the loop leads to the next iteration, of it or the loop in it.
    fn is_back(&self, from: BlockId, to: BlockId) -> bool {
        to == self.counted.header || from == to && self.is_inner(to)
    }

    fn count_costs(&mut self, func: &Func) {
        for &block in self.blocks.iter().rev() {
            let contents = &func.blocks[block.index()];
            let own = if self.is_inner(block) {
                Fuel { fixed: 0, inner: 1 }
            } else {
                Fuel { fixed: charged(func, block), inner: 0 }
            };
            let mut after = Fuel::default();
            contents.for_each_successor(|to| {
                if let Some((_, rest)) = self.costs.get(&to).filter(|_| !self.is_back(block, to)) {
                    after = after.max(*rest);
                }
            });
            let all = Fuel { fixed: own.fixed + after.fixed, inner: own.inner + after.inner };
            self.costs.insert(block, (own, all));
        }
    }

    /// What has been paid for the rest of the iteration when `block` ends.
    fn after(&self, block: BlockId) -> Fuel {
        self.costs.get(&block).map_or(Fuel::default(), |(own, all)| all.minus(*own))
    }

    /// What an iteration costs.
    fn iteration(&self) -> Fuel {
        self.costs.get(&self.counted.header).map_or(Fuel::default(), |c| c.1)
    }

    /// Whether it is known, wherever the loop is left, what is to be given back.
    fn can_leave(&mut self, it: &Induction, id: LoopId) -> bool {
        let mut fine =
            required!(self.iteration().inner <= 1) && required!(self.after(self.counted.latch).inner == 0);
        for &block in &self.blocks {
            let mut leaves = false;
            it.func.blocks[block.index()].for_each_successor(|to| {
                leaves |=
                    !it.forest.contains(id, to) && (block, to) != (self.counted.latch, self.counted.exit);
            });
            if leaves {
                let by_one = matches!(self.counted.step, Step::Literal(1 | -1));
                fine &= required!(self.inner.is_none()) && required!(by_one);
                match self.counted.is_stepped(it, block) {
                    Some(stepped) => self.stepped.insert(block, stepped),
                    None => return false, // nothing says how much is to be given back
                };
            }
        }
        fine
    }

    /// Writes it; `cold` if the loop as it was is to run only at the end of all fuel.
    fn write(mut self, func: &mut Func, cold: bool) -> Option<()> {
        let origin = func.blocks[self.counted.header.index()].nodes.first()?.origin;
        let mut pay = Pay { func, nodes: Vec::new(), origin, conditions: Vec::new() };
        // What an iteration costs, and at most how many are paid at once.
        let each = self.iteration();
        let inner = match &self.inner {
            Some(inner) => Some(inner.cost(&mut pay)?),
            None => None,
        };
        let iteration = match inner {
            Some(inner) if each.inner > 0 => pay.sum(inner, each.fixed),
            _ => each.fixed.into(),
        };
        let rest = self.after(self.counted.latch).fixed;
        let most = match iteration {
            Operand::Imm(Imm::I64(iteration)) if !worth!(iteration <= AT_ONCE) => return None,
            Operand::Imm(Imm::I64(iteration)) => {
                (AT_ONCE / iteration.max(1)).clamp(*ITERATIONS.start(), *ITERATIONS.end())
            }
            _ => *ITERATIONS.start(),
        };
        let few = self.counted.trip_count().filter(|n| *n <= most);
        let (iterations, near) = match few {
            Some(iterations) => (iterations.into(), None),
            None => {
                let (iterations, near) = match self.counted.step {
                    Step::Literal(_) => pay.chunk(&self.counted, most)?,
                    Step::Fixed(by) if worth!(inner.is_none()) => pay.chunk_by(&self.counted, by),
                    Step::Fixed(_) => return None, // marked above
                };
                (iterations, Some(near))
            }
        };
        let all = pay.product(iterations, iteration);
        let cost = pay.sum(all, -rest);
        let Pay { mut nodes, conditions, .. } = pay;

        // The copy.
        let bare = self.blocks.iter().map(|b| {
            let mut block = func.blocks[b.index()].clone();
            block.nodes.retain(|n| !matches!(n.op, MirOp::Charge { .. }));
            block
        });
        let bare = bare.collect();
        let (chunk, pay) = (func.block(), func.block());
        let copies = Copies::with(func, self.blocks.clone(), bare);
        self.settle(func, &copies, near, inner);
        if let Some(near) = near {
            self.end_chunk(func, &copies, near, chunk, origin);
        }
        // What leads to it.
        let node = |op| MirNode { op, origin };
        let slow = self.counted.header;
        let mut conditions = conditions.into_iter();
        let mut good = conditions.next();
        for more in conditions {
            let both = func.value(Type::Bool);
            let a = good?.into();
            nodes.push(node(MirOp::Inst(Inst::BoolAnd { dst: both, a, b: more.into() })));
            good = Some(both);
        }
        let enter = match good {
            Some(good) => Inst::BrIf { cond: good.into(), then_to: pay, else_to: slow },
            None => Inst::Br { target: pay },
        };
        nodes.push(node(MirOp::Inst(enter)));
        func.blocks[chunk.index()].nodes = nodes;
        let paid = func.value(Type::Bool);
        let enter = Inst::BrIf { cond: paid.into(), then_to: copies.of(slow), else_to: slow };
        func.blocks[pay.index()].nodes =
            vec![node(MirOp::Prepay { dst: paid, cost }), node(MirOp::Inst(enter))];
        func.blocks[self.counted.preheader.index()].retarget(slow, chunk);
        if cold {
            self.blocks.drain(..).for_each(|b| func.blocks[b.index()].cold = true);
        }
        Some(())
    }

    /// Has ways through the copy, and out of it, give back what was not needed.
    fn settle(&self, func: &mut Func, copies: &Copies, near: Option<Reg>, inner: Option<Operand>) {
        for (block, copy) in copies.pairs() {
            let mut targets = Vec::new();
            func.blocks[block.index()].for_each_successor(|to| targets.push(to));
            targets.sort_unstable();
            targets.dedup();
            for to in targets {
                if (block, to) == (self.counted.latch, self.counted.exit)
                    || self.is_inner(block) && block == to
                {
                    continue; // it is paid for on the way
                }
                let origin = func.blocks[copy.index()].nodes.last().map_or(0, |n| n.origin);
                let after = self.after(block);
                let mut pay = Pay { func, nodes: Vec::new(), origin, conditions: Vec::new() };
                let cost = if !self.blocks.contains(&to) {
                    self.of_iterations_to_come(&mut pay, block, near)
                } else {
                    let needed = match self.costs.get(&to) {
                        Some((_, all)) if to != self.counted.header => *all,
                        _ => Fuel::default(),
                    };
                    let over = after.minus(needed);
                    match inner {
                        Some(inner) if over.inner > 0 => {
                            let all = pay.sum(inner, over.fixed);
                            pay.integer(|dst| Inst::I64Sub { dst, a: 0i64.into(), b: all })
                        }
                        _ => (-over.fixed).into(),
                    }
                };
                if cost == Operand::from(0i64) {
                    continue; // nothing to give back
                }
                pay.nodes.push(MirNode { op: MirOp::Charge { cost }, origin });
                let go_on = Inst::Br { target: copies.of(to) };
                pay.nodes.push(MirNode { op: MirOp::Inst(go_on), origin });
                let nodes = pay.nodes;
                let edge = func.block();
                func.blocks[edge.index()].nodes = nodes;
                func.blocks[copy.index()].retarget(copies.of(to), edge);
            }
        }
    }

    /// Less than 0 by what has been paid, where `block` leaves the loop early,
    /// for what does not come.
    fn of_iterations_to_come(&self, pay: &mut Pay<'_>, block: BlockId, near: Option<Reg>) -> Operand {
        let c = &self.counted;
        let up = c.step == Step::Literal(1);
        // The counter as the iteration after the last would begin with it.
        let (end, mut iterations) = match (near, c.start, c.trip_count(), c.step) {
            (None, Some(start), Some(iterations), Step::Literal(step)) => {
                (start.wrapping_add(iterations.wrapping_mul(step)).into(), 0)
            }
            (near, ..) => {
                let also = matches!(c.goes_on, Compare::Le | Compare::Ge);
                (near.map_or(c.bound, Operand::from), i64::from(also))
            }
        };
        let counter = c.counter.into();
        let (a, b) = if up { (counter, end) } else { (end, counter) };
        let missing = pay.integer(|dst| Inst::I64Sub { dst, a, b });
        if !self.stepped[&block] {
            iterations -= 1;
        }
        let iteration = self.iteration().fixed;
        let less = iterations * iteration + self.after(block).fixed - self.after(c.latch).fixed;
        let all = pay.product(missing, iteration.into());
        pay.sum(all, -less)
    }

    /// Has the copy run up to `near`, and then pay again if the loop's own test
    /// lets it go on.
    fn end_chunk(&self, func: &mut Func, copies: &Copies, near: Reg, chunk: BlockId, origin: u32) {
        let c = &self.counted;
        let (here, more) = (func.value(Type::Bool), func.value(Type::Bool));
        let check = func.block();
        let node = |inst| MirNode { op: MirOp::Inst(inst), origin };
        let block = &mut func.blocks[copies.of(c.latch).index()];
        let mut goes_on = c.header;
        block.for_each_successor(|to| {
            if to != c.exit {
                goes_on = to;
            }
        });
        if let Some(last) = block.nodes.pop() {
            let test = c.goes_on.inst(here, c.compared, near.into());
            block.nodes.push(MirNode { op: MirOp::Inst(test), ..last });
            let branch = Inst::BrIf { cond: here.into(), then_to: goes_on, else_to: check };
            block.nodes.push(MirNode { op: MirOp::Inst(branch), ..last });
        }
        func.blocks[check.index()].nodes = vec![
            node(c.goes_on.inst(more, c.compared, c.bound)),
            node(Inst::BrIf { cond: more.into(), then_to: chunk, else_to: c.exit }),
        ];
    }
}

/// What the charges of a block come to.
fn charged(func: &Func, block: BlockId) -> i64 {
    let charges = func.blocks[block.index()].nodes.iter().map(|n| match n.op {
        MirOp::Charge { cost: Operand::Imm(Imm::I64(cost)) } => cost,
        _ => 0,
    });
    charges.sum()
}

impl Inner {
    /// The loop `id`, in the loop `outer`, if it has as many iterations each time.
    fn new(it: &Induction, outer: LoopId, id: LoopId) -> Option<Inner> {
        let l = it.forest.get(id);
        let ([block], []) = (&l.own[..], &l.children[..]) else { return None };
        let counted = Counted::new(it, id)?;
        if !required!(l.exits == 1) || !required!(matches!(counted.step, Step::Literal(_))) {
            return None;
        }
        // What is paid is computed before the outer loop and where that goes on.
        let around = it.forest.get(outer);
        let places: Vec<BlockId> =
            around.preheader.into_iter().chain(around.latches.iter().copied()).collect();
        let held = |value| it.held(value, &places); // what the preheader holds is made outside
        let start = match counted.start {
            Some(start) => start.into(),
            None => held(it.original(it.at_end(counted.preheader, counted.counter)?))?.into(),
        };
        if let Operand::Reg(reg) = counted.bound {
            let bound = it.original(it.at_end(counted.latch, reg)?);
            if !required!(held(bound) == Some(reg)) {
                return None;
            }
        }
        let cost = charged(&it.func, *block);
        Some(Inner { iterations: counted.trip_count(), counted, start, cost })
    }

    /// What all of its iterations cost.
    fn cost(&self, pay: &mut Pay<'_>) -> Option<Operand> {
        let most = AT_ONCE / self.cost.max(1);
        if let Some(iterations) = self.iterations {
            return required!(iterations <= most).then(|| (iterations * self.cost).into());
        }
        let Step::Literal(step) = self.counted.step else { return None };
        let (_, iterations) = pay.iterations(&self.counted, self.start, step)?;
        guard!(pay.condition(|dst| Inst::I64LeU { dst, a: iterations, b: most.into() }));
        Some(pay.product(iterations, self.cost.into()))
    }
}

/// Computes what is to be paid.
struct Pay<'f> {
    func: &'f mut Func,
    nodes: Vec<MirNode>,
    origin: u32,
    /// What has to hold for it to be right.
    conditions: Vec<Reg>,
}

impl Write for Pay<'_> {
    fn func(&mut self) -> &mut Func {
        self.func
    }

    fn push(&mut self, op: impl Into<MirOp>) {
        self.nodes.push(MirNode { op: op.into(), origin: self.origin });
    }
}

impl Pay<'_> {
    fn condition(&mut self, make: impl FnOnce(Reg) -> Inst) {
        let cond = self.truth(make);
        self.conditions.push(cond);
    }

    fn sum(&mut self, a: Operand, b: i64) -> Operand {
        match a {
            Operand::Imm(Imm::I64(a)) => (a + b).into(),
            _ if b == 0 => a,
            _ => self.integer(|dst| Inst::I64Add { dst, a, b: b.into() }),
        }
    }

    fn product(&mut self, a: Operand, b: Operand) -> Operand {
        match (a, b) {
            (Operand::Imm(Imm::I64(a)), Operand::Imm(Imm::I64(b))) => (a * b).into(),
            (a, Operand::Imm(Imm::I64(1))) => a,
            (a, b) => self.integer(|dst| Inst::I64Mul { dst, a, b }),
        }
    }

    /// How far a loop's counter is from the bound when it begins with `start`,
    /// and how many iterations that is. The loop runs so many if the counter
    /// does not overflow.
    fn iterations(&mut self, c: &Counted, start: Operand, step: i64) -> Option<(Operand, Operand)> {
        let size = step.abs();
        let (bound, goes_on) = (c.bound, c.goes_on);
        let (low, high) = if step > 0 { (start, bound) } else { (bound, start) };
        let distance = self.integer(|dst| Inst::I64Sub { dst, a: high, b: low });
        let also = matches!(goes_on, Compare::Le | Compare::Ge);
        if goes_on == Compare::Ne {
            guard!(self.condition(|dst| Inst::I64Ne { dst, a: distance, b: 0i64.into() }));
        } else {
            guard!(self.condition(|dst| goes_on.inst(dst, start, bound)));
        }
        // Nor does it when it passes the bound.
        match bound {
            Operand::Imm(Imm::I64(bound)) if required!(goes_on.stays_in_range(step, bound)) => {}
            Operand::Imm(_) => return None, // marked above
            Operand::Reg(_) if goes_on.furthest_bound(step).is_none() => {}
            Operand::Reg(_) => {
                let dst = self.func.value(Type::Bool);
                let test = goes_on.stays_in_range_inst(dst, step, bound)?;
                self.push(test);
                guard!(self.conditions.push(dst));
            }
        }
        let mut iterations = distance;
        if size > 1 {
            if !also {
                iterations = self.sum(iterations, -1);
            }
            iterations = self.integer(|dst| Inst::I64DivU { dst, a: iterations, b: size.into() });
        }
        if size > 1 || also {
            iterations = self.sum(iterations, 1);
        }
        Some((distance, iterations))
    }

    /// How many iterations, of at most `most`, are paid, and the bound to run to.
    fn chunk(&mut self, c: &Counted, most: i64) -> Option<(Operand, Reg)> {
        let Step::Literal(step) = c.step else { return None };
        let (distance, iterations) = self.iterations(c, c.counter.into(), step)?;
        let far = self.truth(|dst| Inst::I64GeU { dst, a: distance, b: (most * step.abs()).into() });
        let last = if matches!(c.goes_on, Compare::Le | Compare::Ge) { most - 1 } else { most };
        let goal = self.integer(|dst| Inst::I64Add { dst, a: c.counter.into(), b: (last * step).into() });
        Some(self.nearer(c, far, (most.into(), iterations), goal))
    }

    /// The same where the step is in a register.
    fn chunk_by(&mut self, c: &Counted, step: Reg) -> (Operand, Reg) {
        let (step, counter, bound) = (Operand::from(step), Operand::from(c.counter), c.bound);
        let also = c.goes_on == Compare::Le;
        let less = self.integer(|dst| Inst::I64Sub { dst, a: step, b: 1i64.into() });
        guard!(self.condition(|dst| Inst::I64LtU { dst, a: less, b: (1i64 << 40).into() }));
        guard!(self.condition(|dst| c.goes_on.inst(dst, counter, bound)));
        let limit = self.integer(|dst| Inst::I64Sub { dst, a: i64::MAX.into(), b: step });
        guard!(self.condition(|dst| Inst::I64Le { dst, a: bound, b: limit }));
        let distance = self.integer(|dst| Inst::I64Sub { dst, a: bound, b: counter });
        // It is computed also where the conditions do not hold.
        let divisor = self.integer(|dst| Inst::I64MaxU { dst, a: step, b: 1i64.into() });
        let whole = if also { distance } else { self.sum(distance, -1) };
        let iterations = self.integer(|dst| Inst::I64DivU { dst, a: whole, b: divisor });
        let iterations = self.sum(iterations, 1);
        let chunk = self.integer(|dst| Inst::I64Shl { dst, a: step, b: (ITERATIONS_BY as i64).into() });
        let far = self.truth(|dst| Inst::I64GeU { dst, a: distance, b: chunk });
        let mut goal = self.integer(|dst| Inst::I64Add { dst, a: counter, b: chunk });
        if also {
            goal = self.integer(|dst| Inst::I64Sub { dst, a: goal, b: step });
        }
        self.nearer(c, far, ((1i64 << ITERATIONS_BY).into(), iterations), goal)
    }

    fn nearer(
        &mut self,
        c: &Counted,
        far: Reg,
        iterations: (Operand, Operand),
        goal: Operand,
    ) -> (Operand, Reg) {
        let mut near = self.func.value(Type::I64);
        self.push(Inst::Select { dst: near, cond: far.into(), a: goal, b: c.bound });
        // No further than the loop goes: plain to see for the checker.
        let nearer = self.func.value(Type::I64);
        if let Some(inst) = c.goes_on.nearer(nearer, near.into(), c.bound) {
            self.push(inst);
            near = nearer;
        }
        let iterations =
            self.integer(|dst| Inst::Select { dst, cond: far.into(), a: iterations.0, b: iterations.1 });
        (iterations, near)
    }
}
