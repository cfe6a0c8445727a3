//! Safepoint polls: where running code counts down its budget when fuel is not
//! metered.
//!
//! Every way back counts, and every entry of a function that calls others or is
//! long. So whatever runs for long looks at clock and interrupt flag in time. A
//! loop that is known to have few iterations pays before it begins, or leaves that
//! to the loop around it. Another innermost loop that counts up or down to a bound
//! pays for many iterations at once: it runs up to a nearer bound, and pays again
//! when it has come there (strip mining).
//!
//! (Metered, every block of the bytecode charges its instructions, which was
//! written in when the function was built, or [`crate::midend::pass::fuel::prepay`] pays for it.)
//!
//! Proves: nothing that results rest on: whether a loop goes on is for its own test to say. Relies on:
//! trip counts and [`crate::midend::analysis::counted_loop`] for how soon the clock is looked at.

use crate::midend::analysis::Analyses;
use crate::midend::analysis::counted_loop::{Compare, Counted, Step};
use crate::midend::analysis::loops::Forest;
use crate::midend::analysis::trip_count::TripCounts;
use crate::mir::{Func, MirNode, MirOp};
use nbc_ir::{BlockId, Inst, Operand, Reg, Type};

/// Nodes that count as one iteration: what is long counts more.
const NODES_AN_ITERATION: usize = 16;

/// Iterations that are paid at once.
const CHUNK: i64 = 1 << 15;

/// What is left to the loop around, if it is no more than that, for a loop
/// that has few iterations: without it, it pays by itself before it begins.
const LEFT_TO_OUTER: i64 = 64;

/// What a function that calls no other has to cost to be counted when it is entered.
const LONG: i64 = 16;

/// Counts ways back and entries; one by one unless the function may grow.
pub fn run(func: &mut Func, may_grow: bool, known: &mut Analyses) {
    let (forest, _) = known.with_preheaders(func);
    let mut pay = Pay { paid: Vec::new(), left: vec![0; forest.loops.len()] };
    if may_grow {
        pay.for_loops(func, &forest, known);
    }
    guard!(pay.for_ways_back(func, &forest));
    // A loop that calls counts an iteration, however much it calls.
    let cost = weight(func.size());
    let mut nodes = func.blocks.iter().flat_map(|b| &b.nodes);
    if nodes.any(|n| matches!(n.op, MirOp::Inst(Inst::Call { .. } | Inst::CallRef { .. }))) {
        guard!(insert(func, BlockId(0), 0, MirOp::Charge { cost: 1i64.into() }));
    } else if cost > LONG {
        insert(func, BlockId(0), 0, MirOp::Charge { cost: cost.into() });
    }
}

/// Who pays for what.
struct Pay {
    /// Blocks with an edge back that is paid for: that to a header, or all, for
    /// a block can lead back to the loop around as well.
    paid: Vec<(BlockId, Option<BlockId>)>,
    /// By loop, what loops in it have left to it, an iteration.
    left: Vec<i64>,
}

impl Pay {
    /// Pays for many iterations at once, where their number is known.
    fn for_loops(&mut self, func: &mut Func, forest: &Forest, known: &mut Analyses) {
        if forest.loops.is_empty() {
            return;
        }
        let Some(it) = known.induction(func) else { return };
        let mut trip_counts = TripCounts::new(&it);
        for id in forest.inside_out() {
            let l = forest.get(id);
            let an_iteration = weight(l.size) + self.left[id.index()];
            // Few iterations that are known beforehand.
            let most = trip_counts.at_most(id);
            let all = most.and_then(|most| most.checked_mul(an_iteration));
            if let (Some(all @ ..=CHUNK), Some(before)) = (all, l.preheader) {
                let own = match l.parent {
                    Some(outer) if all <= LEFT_TO_OUTER => {
                        guard!(self.left[outer.index()] += all);
                        Some(l.header)
                    }
                    _ => {
                        guard!(charge_at_end(func, before, all));
                        None
                    }
                };
                self.paid.extend(l.latches.iter().map(|latch| (*latch, own)));
            } else if let ([latch], true) = (&l.latches[..], l.children.is_empty())
                && let Some(counted) = Counted::new(&it, id)
            {
                self.paid.push((*latch, None));
                Paid { counted, weight: an_iteration }.pay_in_chunks(func);
            }
        }
    }

    /// Pays for the rest, each time.
    fn for_ways_back(&self, func: &mut Func, forest: &Forest) {
        let mut latches: Vec<(BlockId, i64)> = Vec::new();
        // Size of what comes before each block in reverse postorder, and of all.
        let (mut before, mut all) = (Vec::with_capacity(forest.cfg.rpo().len() + 1), 0);
        for block in forest.cfg.rpo() {
            before.push(all);
            all += func.blocks[block.index()].size();
        }
        before.push(all);
        for (from, to) in forest.cfg.back_edges() {
            let spends = |n: &MirNode| matches!(n.op, MirOp::Spend { .. });
            let is_paid = |p: &(BlockId, Option<BlockId>)| p.0 == from && p.1.is_none_or(|own| own == to);
            let is_paid = self.paid.iter().any(is_paid) || func.blocks[from.index()].nodes.iter().any(spends);
            if is_paid {
                continue; // it counts already
            }
            // What lies between in reverse postorder is at least the loop.
            let between = match (forest.cfg.rank(to), forest.cfg.rank(from)) {
                (Some(a), Some(b)) if b - a < 4096 => before[b + 1] - before[a],
                _ => all,
            };
            let left = forest.innermost(to).map_or(0, |id| self.left[id.index()]);
            let cost = weight(between) + left;
            match latches.last_mut() {
                Some((last, most)) if *last == from => *most = cost.max(*most),
                _ => latches.push((from, cost)),
            }
        }
        for (latch, cost) in latches {
            charge_at_end(func, latch, cost);
        }
    }
}

/// Charges at the end of a block.
fn charge_at_end(func: &mut Func, block: BlockId, cost: i64) {
    let at = func.blocks[block.index()].nodes.len() - 1;
    insert(func, block, at, MirOp::Charge { cost: cost.into() });
}

/// What an iteration through so many nodes costs.
fn weight(nodes: usize) -> i64 {
    (1 + nodes / NODES_AN_ITERATION) as i64
}

fn insert(func: &mut Func, block: BlockId, at: usize, op: MirOp) {
    let nodes = &mut func.blocks[block.index()].nodes;
    let origin = nodes[at].origin;
    nodes.insert(at, MirNode { op, origin });
}

/// A counted loop, and what an iteration counts.
struct Paid {
    counted: Counted,
    weight: i64,
}

impl Paid {
    fn pay_in_chunks(&self, func: &mut Func) {
        let origin = func.blocks[self.counted.latch.index()].nodes.last().map_or(0, |n| n.origin);
        // preheader -> chunk -> the loop -> check -> chunk
        let near = func.value(Type::I64);
        let (chunk, check) = (func.block(), func.block());
        let node = |inst| MirNode { op: MirOp::Inst(inst), origin };
        // The latch compares with the nearer bound.
        let here = func.value(Type::Bool);
        let goes_on = match self.counted.step {
            Step::Literal(_) => self.counted.goes_on.strict(),
            Step::Fixed(_) => self.counted.goes_on,
        };
        let nodes = &mut func.blocks[self.counted.latch.index()].nodes;
        let end = nodes.len() - 1;
        nodes[end].op =
            MirOp::Inst(Inst::BrIf { cond: here.into(), then_to: self.counted.header, else_to: check });
        nodes.insert(end, node(goes_on.inst(here, self.counted.compared, near.into())));
        // Whether the loop goes on is for its own test to say, here as there.
        let again = func.value(Type::Bool);
        let go = Inst::BrIf { cond: again.into(), then_to: chunk, else_to: self.counted.exit };
        let test = self.counted.goes_on.inst(again, self.counted.compared, self.counted.bound);
        func.blocks[check.index()].nodes = vec![node(test), node(go)];
        let mut nodes = match self.counted.step {
            Step::Literal(by) => self.nearer_bound(func, near, by, origin),
            Step::Fixed(by) => self.nearer_bound_by(func, near, by, origin),
        };
        nodes.push(node(Inst::Br { target: self.counted.header }));
        func.blocks[chunk.index()].nodes = nodes;
        func.blocks[self.counted.preheader.index()].retarget(self.counted.header, chunk);
    }

    /// Sets `near` to a bound that is at most a chunk away, and pays for it.
    ///
    /// The loop goes on up to `near` without it. Where the step after the last
    /// could come around to where the loop goes on, that is one iteration at a time.
    fn nearer_bound(&self, func: &mut Func, near: Reg, step: i64, origin: u32) -> Vec<MirNode> {
        let chunk = (CHUNK / self.weight).max(64) * step.abs();
        let mut value = |ty| func.value(ty);
        let (counter, bound) = (Operand::from(self.counted.counter), self.counted.bound);
        let from_to = |from, to| if step > 0 { (to, from) } else { (from, to) };
        let mut insts = Vec::new();
        // The first number, in its direction, at which it does not go on.
        let mut last = bound;
        if forbidden!(self.counted.goes_on != self.counted.goes_on.strict()) {
            let beyond = value(Type::I64);
            insts.push(Inst::I64Add { dst: beyond, a: bound, b: step.signum().into() });
            last = beyond.into();
        }
        // If that is ahead, so far ahead, whatever the signs.
        let (distance, some) = (value(Type::I64), value(Type::I64));
        let (high, low) = from_to(counter, last);
        insts.push(Inst::I64Sub { dst: distance, a: high, b: low });
        let mut paid = some;
        if self.counted.goes_on == Compare::Ne {
            // At distance 0 the loop counts all the way around.
            let (less, least) = (value(Type::I64), value(Type::I64));
            insts.push(Inst::I64Sub { dst: less, a: distance.into(), b: 1i64.into() });
            insts.push(Inst::I64MinU { dst: least, a: less.into(), b: (chunk - 1).into() });
            insts.push(Inst::I64Add { dst: some, a: least.into(), b: 1i64.into() });
        } else {
            insts.push(Inst::I64MinU { dst: some, a: distance.into(), b: chunk.into() });
            let mut ahead = value(Type::Bool);
            insts.push(self.counted.goes_on.inst(ahead, counter, bound));
            let fits = value(Type::Bool);
            if let Some(test) = self.stays_in_range(fits, step) {
                guard!({
                    let is_ahead = std::mem::replace(&mut ahead, value(Type::Bool));
                    insts.push(test);
                    insts.push(Inst::BoolAnd { dst: ahead, a: is_ahead.into(), b: fits.into() });
                });
            }
            paid = value(Type::I64);
            let one = step.abs().into();
            insts.push(Inst::Select { dst: paid, cond: ahead.into(), a: some.into(), b: one });
        }
        let mut goal = near;
        if self.counted.goes_on != Compare::Ne {
            goal = value(Type::I64);
        }
        insts.push(match step > 0 {
            true => Inst::I64Add { dst: goal, a: counter, b: paid.into() },
            false => Inst::I64Sub { dst: goal, a: counter, b: paid.into() },
        });
        // No further than the loop goes: plain to see for the checker.
        insts.extend(self.counted.goes_on.nearer(near, goal.into(), last));
        let mut cost = paid;
        if self.weight > 1 {
            cost = value(Type::I64);
            insts.push(Inst::I64Mul { dst: cost, a: paid.into(), b: self.weight.into() });
        }
        let mut nodes: Vec<MirNode> =
            insts.into_iter().map(|i| MirNode { op: MirOp::Inst(i), origin }).collect();
        nodes.push(MirNode { op: MirOp::Charge { cost: cost.into() }, origin });
        nodes
    }

    /// What sets `dst` to whether the counter stays in range beyond the bound;
    /// none where it always does.
    fn stays_in_range(&self, dst: Reg, by: i64) -> Option<Inst> {
        match self.counted.bound {
            // It has been looked at.
            Operand::Imm(_) => None,
            bound => self.counted.goes_on.stays_in_range_inst(dst, by, bound),
        }
    }

    /// The same where the step is only known when the program runs. A step
    /// that is not positive, or enormous, or that could lead around the end of
    /// the numbers, makes every iteration a chunk.
    fn nearer_bound_by(&self, func: &mut Func, near: Reg, step: Reg, origin: u32) -> Vec<MirNode> {
        /// A chunk is so many iterations, as a power of 2.
        const ITERATIONS: u32 = 12;
        /// Of a chunk that is not a whole one, an iteration is taken to be that far.
        const SHARE: i64 = 6;
        let mut value = |ty| func.value(ty);
        let (counter, bound) = (Operand::from(self.counted.counter), self.counted.bound);
        let (good, less) = (value(Type::Bool), value(Type::I64));
        let (chunk, distance, goal) = (value(Type::I64), value(Type::I64), value(Type::I64));
        let (ahead, long, beyond, fits) =
            (value(Type::Bool), value(Type::Bool), value(Type::I64), value(Type::Bool));
        let (both, all) = (value(Type::Bool), value(Type::Bool));
        let (to, chosen, least) = (value(Type::I64), value(Type::I64), Operand::from(i64::MIN));
        let (share, some, cost, charged) =
            (value(Type::I64), value(Type::I64), value(Type::I64), value(Type::I64));
        let insts = [
            Inst::I64Sub { dst: less, a: step.into(), b: 1i64.into() },
            Inst::I64LtU { dst: good, a: less.into(), b: (1i64 << 40).into() },
            Inst::I64Shl { dst: chunk, a: step.into(), b: (ITERATIONS as i64).into() },
            Inst::I64Sub { dst: distance, a: bound, b: counter },
            Inst::I64GeU { dst: long, a: distance.into(), b: chunk.into() },
            Inst::I64Add { dst: goal, a: counter, b: chunk.into() },
            Inst::Select { dst: to, cond: long.into(), a: goal.into(), b: bound },
            self.counted.goes_on.inst(ahead, counter, bound),
            Inst::I64Add { dst: beyond, a: bound, b: step.into() },
            Inst::I64Ge { dst: fits, a: beyond.into(), b: bound },
            Inst::BoolAnd { dst: both, a: ahead.into(), b: fits.into() },
            Inst::BoolAnd { dst: all, a: both.into(), b: good.into() },
            Inst::Select { dst: chosen, cond: all.into(), a: to.into(), b: least },
            Inst::I64Min { dst: near, a: chosen.into(), b: bound },
            Inst::I64ShrU { dst: share, a: distance.into(), b: SHARE.into() },
            Inst::I64Min { dst: some, a: share.into(), b: (1i64 << ITERATIONS).into() },
            Inst::I64Max { dst: cost, a: some.into(), b: 1i64.into() },
            Inst::I64Mul { dst: charged, a: cost.into(), b: self.weight.into() },
        ];
        let mut nodes: Vec<MirNode> =
            insts.into_iter().map(|i| MirNode { op: MirOp::Inst(i), origin }).collect();
        nodes.push(MirNode { op: MirOp::Charge { cost: charged.into() }, origin });
        nodes
    }
}
