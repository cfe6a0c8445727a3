//! Where running code counts down its budget when fuel is not metered.
//!
//! Every way back counts, and every entry of a function that calls others, so
//! that whatever runs for long looks at clock and interrupt flag in time. An
//! innermost loop that counts up or down to a bound pays for many turns at
//! once: it runs up to a nearer bound, and pays again when it has come there.
//!
//! (Metered, every block of the bytecode charges its instructions, which was
//! written in when the function was built, or [`super::prepay`] pays for it.)

use super::counted::{Compare, Counted, Step, count_defs};
use super::loops::{Forest, make_preheaders};
use crate::mir::{Func, Node, Op};
use nbc_ir::{BlockId, Inst, Operand, Reg, Type};

/// Nodes that count as one turn: what is long counts more.
const NODES_A_TURN: usize = 16;

/// Turns that are paid at once.
const CHUNK: i64 = 1 << 15;

/// Counts ways back and entries; one by one unless the function may grow.
pub fn run(func: &mut Func, may_grow: bool) {
    make_preheaders(func);
    let forest = Forest::new(func);
    let defs = count_defs(func);
    let mut paid: Vec<BlockId> = Vec::new();
    for id in forest.ids().filter(|_| may_grow) {
        let l = forest.get(id);
        let ([latch], true) = (&l.latches[..], l.children.is_empty()) else { continue };
        let counted = |tested| {
            let counted = Counted::new(func, &forest, &defs, id, tested)?;
            Some(Paid { counted, weight: weight(l.size) })
        };
        if let Some(paid_for) = counted(*latch) {
            paid.push(*latch);
            paid_for.pay_in_chunks(func);
            continue;
        }
        // A test elsewhere may tell that it turns only a few times.
        let tests = l.own.iter().filter(|b| forest.doms.dominates(**b, *latch));
        let few = tests.filter_map(|b| counted(*b)).find(|c| c.few_turns().is_some());
        if let Some(paid_for) = few {
            paid.push(*latch);
            paid_for.pay_in_chunks(func);
        }
    }
    let mut latches: Vec<(BlockId, i64)> = Vec::new();
    for (from, to) in forest.cfg.back_edges() {
        let spends = |n: &Node| matches!(n.op, Op::Spend { .. });
        if paid.contains(&from) || func.blocks[from.index()].nodes.iter().any(spends) {
            continue;
        }
        // What lies between in reverse postorder is at least the loop.
        let between = match (forest.cfg.rank(to), forest.cfg.rank(from)) {
            (Some(a), Some(b)) if b - a < 4096 => {
                forest.cfg.rpo()[a..=b].iter().map(|b| func.blocks[b.index()].nodes.len()).sum()
            }
            _ => func.size(),
        };
        let cost = weight(between);
        match latches.last_mut() {
            Some((last, most)) if *last == from => *most = cost.max(*most),
            _ => latches.push((from, cost)),
        }
    }
    for (latch, cost) in latches {
        let at = func.blocks[latch.index()].nodes.len() - 1;
        insert(func, latch, at, Op::Charge { cost: cost.into() });
    }
    let calls = func.blocks.iter().flat_map(|b| &b.nodes);
    if calls.into_iter().any(|n| matches!(n.op, Op::Inst(Inst::Call { .. } | Inst::CallRef { .. }))) {
        insert(func, BlockId(0), 0, Op::Charge { cost: 1i64.into() });
    }
}

/// What a turn through so many nodes costs.
fn weight(nodes: usize) -> i64 {
    (1 + nodes / NODES_A_TURN) as i64
}

fn insert(func: &mut Func, block: BlockId, at: usize, op: Op) {
    let nodes = &mut func.blocks[block.index()].nodes;
    let origin = nodes[at].origin;
    nodes.insert(at, Node { op, origin });
}

/// A counted loop, and what a turn counts.
struct Paid {
    counted: Counted,
    weight: i64,
}

impl Paid {
    /// How often it turns, if that is known beforehand and little.
    fn few_turns(&self) -> Option<i64> {
        self.counted.turns().filter(|turns| *turns <= CHUNK)
    }

    fn pay_in_chunks(&self, func: &mut Func) {
        let origin = func.blocks[self.counted.latch.index()].nodes.last().map_or(0, |n| n.origin);
        // A few turns that are known beforehand need no nearer bound.
        if let Some(turns) = self.few_turns() {
            let at = func.blocks[self.counted.preheader.index()].nodes.len() - 1;
            let cost = (turns * self.weight).into();
            return insert(func, self.counted.preheader, at, Op::Charge { cost });
        }
        // preheader -> chunk -> the loop -> check -> more -> chunk
        let near = func.value(Type::I64);
        let (chunk, check, more) = (func.block(), func.block(), func.block());
        func.blocks[more.index()].cold = true;
        let node = |inst| Node { op: Op::Inst(inst), origin };
        // The latch compares with the nearer bound.
        let here = func.value(Type::Bool);
        let goes_on = match self.counted.step {
            Step::Literal(_) => self.counted.goes_on.strict(),
            Step::Fixed(_) => self.counted.goes_on,
        };
        let nodes = &mut func.blocks[self.counted.latch.index()].nodes;
        let end = nodes.len() - 1;
        nodes[end].op =
            Op::Inst(Inst::BrIf { cond: here.into(), then_to: self.counted.header, else_to: check });
        nodes.insert(end, node(goes_on.inst(here, self.counted.compared, near.into())));
        let again = func.value(Type::Bool);
        if let Step::Literal(_) = self.counted.step {
            // Where the counter is, the nearer bound tells, unless it is beyond
            // its own: so the counter need not outlive the loop.
            let test = self.counted.goes_on.inst(again, near.into(), self.counted.bound);
            let go = Inst::BrIf { cond: again.into(), then_to: more, else_to: self.counted.exit };
            func.blocks[check.index()].nodes = vec![node(test), node(go)];
            let moving = match self.counted.compared {
                Operand::Reg(r) if r != self.counted.counter => Some(r),
                _ => None,
            };
            let mut nodes = Vec::new();
            for reg in moving.into_iter().chain([self.counted.counter]) {
                nodes.push(node(Inst::Copy { dst: reg, a: near.into() }));
            }
            nodes.push(node(Inst::Br { target: chunk }));
            func.blocks[more.index()].nodes = nodes;
        } else {
            // If that is not its own, the loop may go on.
            let nearer = func.value(Type::Bool);
            let go = Inst::BrIf { cond: nearer.into(), then_to: more, else_to: self.counted.exit };
            let test = Inst::I64Ne { dst: nearer, a: near.into(), b: self.counted.bound };
            func.blocks[check.index()].nodes = vec![node(test), node(go)];
            let test = self.counted.goes_on.inst(again, self.counted.compared, self.counted.bound);
            let go = Inst::BrIf { cond: again.into(), then_to: chunk, else_to: self.counted.exit };
            func.blocks[more.index()].nodes = vec![node(test), node(go)];
        }
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
    /// could come around to where the loop goes on, that is one turn at a time.
    fn nearer_bound(&self, func: &mut Func, near: Reg, step: i64, origin: u32) -> Vec<Node> {
        let chunk = (CHUNK / self.weight).max(64) * step.abs();
        let mut value = |ty| func.value(ty);
        let (distance, long, goal) = (value(Type::I64), value(Type::Bool), value(Type::I64));
        let (counter, bound) = (Operand::from(self.counted.counter), self.counted.bound);
        let by = if step > 0 { chunk } else { -chunk };
        let from_to = |from, to| if step > 0 { (to, from) } else { (from, to) };
        let (high, low) = from_to(counter, bound);
        let mut insts = vec![Inst::I64Sub { dst: distance, a: high, b: low }];
        let mut far = distance;
        if self.counted.goes_on == Compare::Ne {
            // At distance 0 the loop counts all the way around.
            far = value(Type::I64);
            insts.push(Inst::I64Sub { dst: far, a: distance.into(), b: 1i64.into() });
        }
        insts.push(Inst::I64GeU { dst: long, a: far.into(), b: chunk.into() });
        insts.push(Inst::I64Add { dst: goal, a: counter, b: by.into() });
        if self.counted.goes_on == Compare::Ne {
            insts.push(Inst::Select { dst: near, cond: long.into(), a: goal.into(), b: bound });
        } else {
            let mut last = bound;
            if self.counted.goes_on != self.counted.goes_on.strict() {
                let beyond = value(Type::I64);
                insts.push(Inst::I64Add { dst: beyond, a: bound, b: step.signum().into() });
                last = beyond.into();
            }
            let (to, one, ahead) = (value(Type::I64), value(Type::I64), value(Type::Bool));
            insts.push(Inst::Select { dst: to, cond: long.into(), a: goal.into(), b: last });
            insts.push(Inst::I64Add { dst: one, a: counter, b: step.into() });
            insts.push(self.counted.goes_on.inst(ahead, counter, bound));
            let (mut many, fits) = (ahead, value(Type::Bool));
            if let Some(test) = self.stays_in_range(fits, step) {
                many = value(Type::Bool);
                insts.push(test);
                insts.push(Inst::BoolAnd { dst: many, a: ahead.into(), b: fits.into() });
            }
            insts.push(Inst::Select { dst: near, cond: many.into(), a: to.into(), b: one.into() });
        }
        let mut cost = value(Type::I64);
        let (high, low) = from_to(counter, near.into());
        insts.push(Inst::I64Sub { dst: cost, a: high, b: low });
        if self.weight > 1 {
            let distance = std::mem::replace(&mut cost, value(Type::I64));
            insts.push(Inst::I64Mul { dst: cost, a: distance.into(), b: self.weight.into() });
        }
        let mut nodes: Vec<Node> = insts.into_iter().map(|i| Node { op: Op::Inst(i), origin }).collect();
        nodes.push(Node { op: Op::Charge { cost: cost.into() }, origin });
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
    /// the numbers, makes every turn a chunk.
    fn nearer_bound_by(&self, func: &mut Func, near: Reg, step: Reg, origin: u32) -> Vec<Node> {
        /// A chunk is so many turns, as a power of 2.
        const TURNS: u32 = 12;
        /// Of a chunk that is not a whole one, a turn is taken to be that far.
        const SHARE: i64 = 6;
        let mut value = |ty| func.value(ty);
        let (counter, bound) = (Operand::from(self.counted.counter), self.counted.bound);
        let (good, less) = (value(Type::Bool), value(Type::I64));
        let (chunk, distance, goal) = (value(Type::I64), value(Type::I64), value(Type::I64));
        let (ahead, long, beyond, fits) =
            (value(Type::Bool), value(Type::Bool), value(Type::I64), value(Type::Bool));
        let (both, all) = (value(Type::Bool), value(Type::Bool));
        let (to, least) = (value(Type::I64), Operand::from(i64::MIN));
        let (share, some, cost, charged) =
            (value(Type::I64), value(Type::I64), value(Type::I64), value(Type::I64));
        let insts = [
            Inst::I64Sub { dst: less, a: step.into(), b: 1i64.into() },
            Inst::I64LtU { dst: good, a: less.into(), b: (1i64 << 40).into() },
            Inst::I64Shl { dst: chunk, a: step.into(), b: (TURNS as i64).into() },
            Inst::I64Sub { dst: distance, a: bound, b: counter },
            Inst::I64GeU { dst: long, a: distance.into(), b: chunk.into() },
            Inst::I64Add { dst: goal, a: counter, b: chunk.into() },
            Inst::Select { dst: to, cond: long.into(), a: goal.into(), b: bound },
            self.counted.goes_on.inst(ahead, counter, bound),
            Inst::I64Add { dst: beyond, a: bound, b: step.into() },
            Inst::I64Ge { dst: fits, a: beyond.into(), b: bound },
            Inst::BoolAnd { dst: both, a: ahead.into(), b: fits.into() },
            Inst::BoolAnd { dst: all, a: both.into(), b: good.into() },
            Inst::Select { dst: near, cond: all.into(), a: to.into(), b: least },
            Inst::I64ShrU { dst: share, a: distance.into(), b: SHARE.into() },
            Inst::I64Min { dst: some, a: share.into(), b: (1i64 << TURNS).into() },
            Inst::I64Max { dst: cost, a: some.into(), b: 1i64.into() },
            Inst::I64Mul { dst: charged, a: cost.into(), b: self.weight.into() },
        ];
        let mut nodes: Vec<Node> = insts.into_iter().map(|i| Node { op: Op::Inst(i), origin }).collect();
        nodes.push(Node { op: Op::Charge { cost: charged.into() }, origin });
        nodes
    }
}
