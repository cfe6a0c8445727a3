//! Where running code counts down its budget when fuel is not metered.
//!
//! Every way back counts, and every entry of a function that calls others, so
//! that whatever runs for long looks at clock and interrupt flag in time. An
//! innermost loop that counts up or down to a bound pays for many turns at
//! once: it runs up to a nearer bound, and pays again when it has come there.
//!
//! (Metered, every block of the bytecode charges its instructions; that was
//! written in when the function was built.)

use super::loops::{Forest, LoopId, make_preheaders};
use crate::mir::{Func, Node, Op};
use nbc_ir::op::Imm;
use nbc_ir::{BlockId, Inst, Operand, Reg, Type};

/// Nodes that count as one turn: what is long counts more.
const NODES_A_TURN: usize = 16;

/// Turns that are paid at once.
const CHUNK: i64 = 1 << 15;

/// Counts ways back and entries.
pub fn run(func: &mut Func) {
    make_preheaders(func);
    let forest = Forest::new(func);
    let defs = count_defs(func);
    let mut paid: Vec<BlockId> = Vec::new();
    for id in forest.ids() {
        let l = forest.get(id);
        let ([latch], true) = (&l.latches[..], l.children.is_empty()) else { continue };
        if let Some(counted) = Counted::new(func, &forest, &defs, id, *latch) {
            paid.push(counted.latch);
            counted.pay_in_chunks(func);
            continue;
        }
        // A test elsewhere may tell that it turns only a few times.
        let tests = l.own.iter().filter(|b| forest.doms.dominates(**b, *latch));
        let few =
            tests.filter_map(|b| Counted::new(func, &forest, &defs, id, *b)).find(Counted::turns_little);
        if let Some(counted) = few {
            paid.push(counted.latch);
            counted.pay_in_chunks(func);
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

/// How often each register is written.
fn count_defs(func: &Func) -> Vec<u32> {
    let mut defs = vec![0u32; func.regs.len()];
    for node in func.blocks.iter().flat_map(|b| &b.nodes) {
        node.op.for_each_def(|r| defs[r.index()] += 1);
    }
    defs
}

/// An innermost loop that ends when a counter passes a bound.
struct Counted {
    preheader: BlockId,
    header: BlockId,
    latch: BlockId,
    exit: BlockId,
    /// The counter, which grows by `step` each time around.
    counter: Reg,
    step: Step,
    /// The comparison that lets the loop go on: of a value that goes with the
    /// counter, and the bound.
    goes_on: Compare,
    compared: Operand,
    bound: Operand,
    /// The literal that the counter starts with.
    start: Option<i64>,
    weight: i64,
}

/// What a counter grows by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Literal(i64),
    /// Something the loop does not change; only upward can be counted on.
    Fixed(Reg),
}

/// Comparisons that let counted loops go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // named as the instructions
pub enum Compare {
    Lt,
    Le,
    Gt,
    Ge,
    LtU,
    Ne,
}

impl Compare {
    /// The comparison that an instruction makes, with its result and operands,
    /// or its opposite.
    pub fn of(inst: &Inst, holds: bool) -> Option<(Compare, Reg, Operand, Operand)> {
        use Compare::*;
        Some(match (inst, holds) {
            (Inst::I64Lt { dst, a, b }, true) | (Inst::I64Ge { dst, a, b }, false) => (Lt, *dst, *a, *b),
            (Inst::I64Le { dst, a, b }, true) | (Inst::I64Gt { dst, a, b }, false) => (Le, *dst, *a, *b),
            (Inst::I64Gt { dst, a, b }, true) | (Inst::I64Le { dst, a, b }, false) => (Gt, *dst, *a, *b),
            (Inst::I64Ge { dst, a, b }, true) | (Inst::I64Lt { dst, a, b }, false) => (Ge, *dst, *a, *b),
            (Inst::I64LtU { dst, a, b }, true) | (Inst::I64GeU { dst, a, b }, false) => (LtU, *dst, *a, *b),
            (Inst::I64Ne { dst, a, b }, true) | (Inst::I64Eq { dst, a, b }, false) => (Ne, *dst, *a, *b),
            _ => return None,
        })
    }

    /// Whether a counter that grows by `by` while it compares so with `bound`
    /// comes to an end there, and not around to where it goes on.
    fn stays_in_range(self, by: i64, bound: i64) -> bool {
        match self {
            Compare::Lt => bound <= i64::MAX - (by - 1),
            Compare::Le => bound <= i64::MAX - by,
            Compare::Gt => bound >= i64::MIN - (by + 1),
            Compare::Ge => bound >= i64::MIN - by,
            Compare::LtU => bound as u64 <= u64::MAX - (by as u64 - 1),
            Compare::Ne => true,
        }
    }

    /// The same with operands swapped.
    pub fn swapped(self) -> Option<Compare> {
        Some(match self {
            Compare::Lt => Compare::Gt,
            Compare::Le => Compare::Ge,
            Compare::Gt => Compare::Lt,
            Compare::Ge => Compare::Le,
            Compare::Ne => Compare::Ne,
            Compare::LtU => return None,
        })
    }

    /// The same without its bound.
    fn strict(self) -> Compare {
        match self {
            Compare::Le => Compare::Lt,
            Compare::Ge => Compare::Gt,
            other => other,
        }
    }

    /// The instruction.
    pub fn inst(self, dst: Reg, a: Operand, b: Operand) -> Inst {
        match self {
            Compare::Lt => Inst::I64Lt { dst, a, b },
            Compare::Le => Inst::I64Le { dst, a, b },
            Compare::Gt => Inst::I64Gt { dst, a, b },
            Compare::Ge => Inst::I64Ge { dst, a, b },
            Compare::LtU => Inst::I64LtU { dst, a, b },
            Compare::Ne => Inst::I64Ne { dst, a, b },
        }
    }
}

impl Counted {
    /// The loop as the test at the end of block `tested` counts it, which it
    /// passes each time.
    fn new(func: &Func, forest: &Forest, defs: &[u32], id: LoopId, tested: BlockId) -> Option<Counted> {
        let l = forest.get(id);
        let preheader = l.preheader.filter(|_| !l.cold)?;
        let [latch] = l.latches[..] else { return None };
        let nodes = &func.blocks[tested.index()].nodes;
        let Some(Inst::BrIf { cond: Operand::Reg(cond), then_to, else_to }) =
            func.blocks[tested.index()].last()
        else {
            return None;
        };
        let (holds, exit) = match (forest.contains(id, *then_to), forest.contains(id, *else_to)) {
            (true, false) => (true, *else_to),
            (false, true) => (false, *then_to),
            _ => return None,
        };
        let inside = |reg: Reg| {
            let mut at = None;
            let mut count = 0;
            for block in &l.own {
                for (n, node) in func.blocks[block.index()].nodes.iter().enumerate() {
                    node.op.for_each_def(|r| {
                        if r == reg {
                            count += 1;
                            at = Some((*block, n));
                        }
                    });
                }
            }
            (count, at)
        };
        let fixed = |o: Operand| match o {
            Operand::Reg(r) => inside(r).0 == 0,
            Operand::Imm(_) => true,
        };
        // The comparison is in the latch.
        let (at, test) = nodes.iter().enumerate().rev().find_map(|(at, n)| match &n.op {
            Op::Inst(inst) => Some((at, Compare::of(inst, holds).filter(|(_, dst, ..)| dst == cond)?)),
            _ => None,
        })?;
        let (mut goes_on, _, mut compared, mut bound) = test;
        if !fixed(bound) {
            (goes_on, compared, bound) = (goes_on.swapped()?, bound, compared);
        }
        let Operand::Reg(moving) = compared else { return None };
        if !fixed(bound) {
            return None;
        }
        // The counter is what is compared, or what that is copied to.
        let step_of = |counter: Reg| -> Option<Step> {
            let (1, Some((block, n))) = inside(counter) else { return None };
            if !forest.doms.dominates(block, latch) {
                return None;
            }
            let follow = |op: &Op| match op {
                Op::Inst(Inst::I64Add { a: Operand::Reg(a), b: Operand::Imm(Imm::I64(c)), .. })
                | Op::Inst(Inst::I64Add { a: Operand::Imm(Imm::I64(c)), b: Operand::Reg(a), .. })
                    if *a == counter =>
                {
                    Some(Step::Literal(*c))
                }
                Op::Inst(Inst::I64Add { a: Operand::Reg(a), b: Operand::Reg(b), .. })
                    if *a == counter && inside(*b).0 == 0 =>
                {
                    Some(Step::Fixed(*b))
                }
                Op::Inst(Inst::I64Sub { a: Operand::Reg(a), b: Operand::Imm(Imm::I64(c)), .. })
                    if *a == counter =>
                {
                    c.checked_neg().map(Step::Literal)
                }
                _ => None,
            };
            let op = &func.blocks[block.index()].nodes[n].op;
            if let Op::Inst(Inst::Copy { a: Operand::Reg(from), .. }) = op {
                let (1, Some((block, n))) = inside(*from) else { return None };
                if defs[from.index()] != 1 || !forest.doms.dominates(block, latch) {
                    return None;
                }
                return follow(&func.blocks[block.index()].nodes[n].op);
            }
            follow(op)
        };
        let candidates = std::iter::once(moving).chain(l.own.iter().flat_map(|b| {
            func.blocks[b.index()].nodes.iter().filter_map(|n| match n.op {
                Op::Inst(Inst::Copy { dst, a: Operand::Reg(from) }) if from == moving => Some(dst),
                _ => None,
            })
        }));
        let (counter, step) = candidates.filter_map(|c| Some((c, step_of(c)?))).next()?;
        let suits = match (goes_on, step) {
            (Compare::Lt | Compare::Le | Compare::LtU, Step::Literal(by)) => (1..1 << 20).contains(&by),
            (Compare::Gt | Compare::Ge, Step::Literal(by)) => (-(1 << 20)..0).contains(&by),
            (Compare::Ne, Step::Literal(by)) => by == 1 || by == -1,
            (_, Step::Fixed(_)) => matches!(goes_on, Compare::Lt | Compare::Le),
        };
        // It is made again where the latch ends.
        let mut changed = false;
        nodes[at..].iter().for_each(|n| n.op.for_each_def(|r| changed |= r == moving));
        let together = !changed && (moving == counter || defs[moving.index()] == 1);
        if !suits || !together {
            return None;
        }
        if let (Step::Literal(by), Operand::Imm(Imm::I64(bound))) = (step, bound)
            && !goes_on.stays_in_range(by, bound)
        {
            return None;
        }
        let start = func.blocks[preheader.index()].nodes.iter().rev().find_map(|n| match n.op {
            Op::Inst(Inst::I64Const { dst, value: Imm::I64(v) }) if dst == counter => Some(v),
            Op::Inst(Inst::Copy { dst, a: Operand::Imm(Imm::I64(v)) }) if dst == counter => Some(v),
            _ => None,
        });
        let weight = weight(l.size);
        Some(Counted {
            preheader,
            header: l.header,
            latch,
            exit,
            counter,
            step,
            goes_on,
            compared,
            bound,
            start,
            weight,
        })
    }

    /// How often it turns at most, if that is known beforehand and little.
    fn few_turns(&self) -> Option<i64> {
        let (Some(start), Operand::Imm(Imm::I64(bound)), Step::Literal(by)) =
            (self.start, self.bound, self.step)
        else {
            return None;
        };
        // What starts beyond the bound must not come back around either.
        start.checked_add(by)?;
        let turns = start.abs_diff(bound) / by.unsigned_abs();
        let few = turns < CHUNK as u64 && self.goes_on != Compare::LtU && self.ends(by, start, bound);
        few.then_some(turns as i64 + 1)
    }

    fn turns_little(&self) -> bool {
        self.few_turns().is_some()
    }

    fn pay_in_chunks(&self, func: &mut Func) {
        let origin = func.blocks[self.latch.index()].nodes.last().map_or(0, |n| n.origin);
        // A few turns that are known beforehand need no nearer bound.
        if let Some(turns) = self.few_turns() {
            let at = func.blocks[self.preheader.index()].nodes.len() - 1;
            let cost = (turns * self.weight).into();
            return insert(func, self.preheader, at, Op::Charge { cost });
        }
        // preheader -> chunk -> the loop -> check -> more -> chunk
        let near = func.value(Type::I64);
        let (chunk, check, more) = (func.block(), func.block(), func.block());
        func.blocks[more.index()].cold = true;
        let node = |inst| Node { op: Op::Inst(inst), origin };
        // The latch compares with the nearer bound.
        let here = func.value(Type::Bool);
        let goes_on = match self.step {
            Step::Literal(_) => self.goes_on.strict(),
            Step::Fixed(_) => self.goes_on,
        };
        let nodes = &mut func.blocks[self.latch.index()].nodes;
        let end = nodes.len() - 1;
        nodes[end].op = Op::Inst(Inst::BrIf { cond: here.into(), then_to: self.header, else_to: check });
        nodes.insert(end, node(goes_on.inst(here, self.compared, near.into())));
        let again = func.value(Type::Bool);
        if let Step::Literal(_) = self.step {
            // Where the counter is, the nearer bound tells, unless it is beyond
            // its own: so the counter need not outlive the loop.
            let test = self.goes_on.inst(again, near.into(), self.bound);
            let go = Inst::BrIf { cond: again.into(), then_to: more, else_to: self.exit };
            func.blocks[check.index()].nodes = vec![node(test), node(go)];
            let moving = match self.compared {
                Operand::Reg(r) if r != self.counter => Some(r),
                _ => None,
            };
            let mut nodes = Vec::new();
            for reg in moving.into_iter().chain([self.counter]) {
                nodes.push(node(Inst::Copy { dst: reg, a: near.into() }));
            }
            nodes.push(node(Inst::Br { target: chunk }));
            func.blocks[more.index()].nodes = nodes;
        } else {
            // If that is not its own, the loop may go on.
            let nearer = func.value(Type::Bool);
            let go = Inst::BrIf { cond: nearer.into(), then_to: more, else_to: self.exit };
            let test = Inst::I64Ne { dst: nearer, a: near.into(), b: self.bound };
            func.blocks[check.index()].nodes = vec![node(test), node(go)];
            let test = self.goes_on.inst(again, self.compared, self.bound);
            let go = Inst::BrIf { cond: again.into(), then_to: chunk, else_to: self.exit };
            func.blocks[more.index()].nodes = vec![node(test), node(go)];
        }
        let mut nodes = match self.step {
            Step::Literal(by) => self.nearer_bound(func, near, by, origin),
            Step::Fixed(by) => self.nearer_bound_by(func, near, by, origin),
        };
        nodes.push(node(Inst::Br { target: self.header }));
        func.blocks[chunk.index()].nodes = nodes;
        func.blocks[self.preheader.index()].retarget(self.header, chunk);
    }

    /// Whether counting from `start` the loop ends at `bound` after at most
    /// their distance.
    fn ends(&self, by: i64, start: i64, bound: i64) -> bool {
        match self.goes_on {
            Compare::Ne => (by > 0) == (start < bound) && start != bound,
            _ => true,
        }
    }

    /// Sets `near` to a bound that is at most a chunk away, and pays for it.
    ///
    /// The loop goes on up to `near` without it. Where the step after the last
    /// could come around to where the loop goes on, that is one turn at a time.
    fn nearer_bound(&self, func: &mut Func, near: Reg, step: i64, origin: u32) -> Vec<Node> {
        let chunk = (CHUNK / self.weight).max(64) * step.abs();
        let mut value = |ty| func.value(ty);
        let (distance, long, goal) = (value(Type::I64), value(Type::Bool), value(Type::I64));
        let (counter, bound) = (Operand::from(self.counter), self.bound);
        let by = if step > 0 { chunk } else { -chunk };
        let from_to = |from, to| if step > 0 { (to, from) } else { (from, to) };
        let (high, low) = from_to(counter, bound);
        let mut insts = vec![Inst::I64Sub { dst: distance, a: high, b: low }];
        let mut far = distance;
        if self.goes_on == Compare::Ne {
            // At distance 0 the loop counts all the way around.
            far = value(Type::I64);
            insts.push(Inst::I64Sub { dst: far, a: distance.into(), b: 1i64.into() });
        }
        insts.push(Inst::I64GeU { dst: long, a: far.into(), b: chunk.into() });
        insts.push(Inst::I64Add { dst: goal, a: counter, b: by.into() });
        if self.goes_on == Compare::Ne {
            insts.push(Inst::Select { dst: near, cond: long.into(), a: goal.into(), b: bound });
        } else {
            let mut last = bound;
            if self.goes_on != self.goes_on.strict() {
                let beyond = value(Type::I64);
                insts.push(Inst::I64Add { dst: beyond, a: bound, b: step.signum().into() });
                last = beyond.into();
            }
            let (to, one, ahead) = (value(Type::I64), value(Type::I64), value(Type::Bool));
            insts.push(Inst::Select { dst: to, cond: long.into(), a: goal.into(), b: last });
            insts.push(Inst::I64Add { dst: one, a: counter, b: step.into() });
            insts.push(self.goes_on.inst(ahead, counter, bound));
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
        let a = self.bound;
        if let Operand::Imm(_) = a {
            // It has been looked at.
            return None;
        }
        Some(match self.goes_on {
            Compare::Lt if by > 1 => Inst::I64Le { dst, a, b: (i64::MAX - (by - 1)).into() },
            Compare::Le => Inst::I64Le { dst, a, b: (i64::MAX - by).into() },
            Compare::Gt if by < -1 => Inst::I64Ge { dst, a, b: (i64::MIN - (by + 1)).into() },
            Compare::Ge => Inst::I64Ge { dst, a, b: (i64::MIN - by).into() },
            Compare::LtU if by > 1 => Inst::I64LtU { dst, a, b: (1 - by).into() },
            _ => return None,
        })
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
        let (counter, bound) = (Operand::from(self.counter), self.bound);
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
            self.goes_on.inst(ahead, counter, bound),
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
