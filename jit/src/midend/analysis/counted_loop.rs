//! Counted loops: those that a test ends when a counter passes a bound.

use super::loops::{Forest, LoopId};
use crate::mir::{Entry, Func, Node, Op};
use nbc_ir::op::Imm;
use nbc_ir::{BlockId, Inst, Operand, Reg};

/// Most blocks to go up in search of where a register gets its value.
const MAX_CLIMB: usize = 8;

/// How often each register is written, on entry included.
pub fn count_defs(func: &Func) -> Vec<u32> {
    let mut defs = vec![0u32; func.regs.len()];
    match &func.entry {
        Entry::Call { params } => defs[..*params].iter_mut().for_each(|n| *n += 1),
        Entry::Resume { live } => live.iter().for_each(|(r, _)| defs[r.index()] += 1),
    }
    for node in func.blocks.iter().flat_map(|b| &b.nodes) {
        node.op.for_each_def(|r| defs[r.index()] += 1);
    }
    defs
}

/// What `reg` was set to last before the end of `block`, if that is a literal
/// or a copy.
pub fn set_to(func: &Func, forest: &Forest, mut block: BlockId, reg: Reg) -> Option<Operand> {
    for _ in 0..MAX_CLIMB {
        for node in func.blocks[block.index()].nodes.iter().rev() {
            let mut found = false;
            node.op.for_each_def(|r| found |= r == reg);
            if found {
                return match node.op {
                    Op::Inst(Inst::I64Const { value, .. }) => Some(Operand::Imm(value)),
                    Op::Inst(Inst::Copy { a, .. }) => Some(a),
                    _ => None,
                };
            }
        }
        let [pred] = *forest.cfg.preds(block) else { return None };
        if block.index() == 0 {
            return None;
        }
        block = pred;
    }
    None
}

/// A loop that ends when a counter passes a bound.
pub struct Counted {
    /// The block before the loop.
    pub preheader: BlockId,
    /// The block through which it is entered.
    pub header: BlockId,
    /// The only block with an edge back.
    pub latch: BlockId,
    /// The block that tests, which each turn passes.
    pub tested: BlockId,
    /// Where the test leaves to.
    pub exit: BlockId,
    /// The counter, which grows by `step` each time around.
    pub counter: Reg,
    /// What it grows by.
    pub step: Step,
    /// Where that is written to the counter.
    pub stepped: BlockId,
    /// Whether what is compared is the counter as the turn began with it, and a step.
    pub one_ahead: bool,
    /// The comparison that lets the loop go on: of a value that goes with the
    /// counter, and the bound.
    pub goes_on: Compare,
    /// That value.
    pub compared: Operand,
    /// What is fixed.
    pub bound: Operand,
    /// The literal that the counter starts with.
    pub start: Option<i64>,
}

/// What a counter grows by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A number.
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

    /// The furthest bound with which a counter that grows by `by` while it
    /// compares so comes to an end there, and not around to where it goes on;
    /// none where any will do.
    pub fn furthest_bound(self, by: i64) -> Option<i64> {
        let beyond = match self {
            Compare::Lt | Compare::Gt | Compare::LtU => by.abs() - 1,
            Compare::Le | Compare::Ge => by.abs(),
            Compare::Ne => 0,
        };
        let furthest = match self {
            Compare::Lt | Compare::Le | Compare::Ne => i64::MAX - beyond,
            Compare::Gt | Compare::Ge => i64::MIN + beyond,
            // The last of all numbers is -1.
            Compare::LtU => -1 - beyond,
        };
        (beyond > 0).then_some(furthest)
    }

    /// Whether `bound` is no further than [`Compare::furthest_bound`].
    pub fn stays_in_range(self, by: i64, bound: i64) -> bool {
        self.furthest_bound(by).is_none_or(|furthest| match self {
            Compare::Lt | Compare::Le | Compare::Ne => bound <= furthest,
            Compare::Gt | Compare::Ge => bound >= furthest,
            Compare::LtU => bound as u64 <= furthest as u64,
        })
    }

    /// What sets `dst` to whether `bound` is; none where any will do.
    pub fn stays_in_range_inst(self, dst: Reg, by: i64, bound: Operand) -> Option<Inst> {
        let b = self.furthest_bound(by)?.into();
        Some(match self {
            Compare::Lt | Compare::Le | Compare::Ne => Inst::I64Le { dst, a: bound, b },
            Compare::Gt | Compare::Ge => Inst::I64Ge { dst, a: bound, b },
            Compare::LtU => Inst::I64LeU { dst, a: bound, b },
        })
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
    pub fn strict(self) -> Compare {
        match self {
            Compare::Le => Compare::Lt,
            Compare::Ge => Compare::Gt,
            other => other,
        }
    }

    /// What sets `dst` to the nearer of two bounds; none where there is no order.
    pub fn nearer(self, dst: Reg, a: Operand, b: Operand) -> Option<Inst> {
        Some(match self {
            Compare::Lt | Compare::Le => Inst::I64Min { dst, a, b },
            Compare::Gt | Compare::Ge => Inst::I64Max { dst, a, b },
            Compare::LtU => Inst::I64MinU { dst, a, b },
            Compare::Ne => return None,
        })
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
    /// The loop as the test at the end of block `tested` counts it, which is in
    /// no inner loop and which each turn passes.
    pub fn new(func: &Func, forest: &Forest, defs: &[u32], id: LoopId, tested: BlockId) -> Option<Counted> {
        let l = forest.get(id);
        let preheader = l.preheader.filter(|_| !l.cold)?;
        let [latch] = l.latches[..] else { return None };
        let nodes = &func.blocks[tested.index()].nodes;
        let blocks = forest.blocks(id);
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
            for block in &blocks {
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
        let sets = |n: &Node, reg: Reg| {
            let mut found = false;
            n.op.for_each_def(|r| found |= r == reg);
            found
        };
        let at = nodes.iter().rposition(|n| sets(n, *cond))?;
        let Op::Inst(test) = &nodes[at].op else { return None };
        let test = Compare::of(test, holds)?;
        let (mut goes_on, _, mut compared, mut bound) = test;
        if !fixed(bound) {
            (goes_on, compared, bound) = (goes_on.swapped()?, bound, compared);
        }
        let Operand::Reg(moving) = compared else { return None };
        if !fixed(bound) {
            return None;
        }
        // Places that each turn passes once.
        let once =
            |block: BlockId| forest.innermost(block) == Some(id) && forest.doms.dominates(block, latch);
        let precedes = |a: (BlockId, usize), b: (BlockId, usize)| {
            if a.0 == b.0 { a.1 < b.1 } else { forest.doms.dominates(a.0, b.0) }
        };
        // The counter is what is compared, or what that is copied to. What it
        // grows by, where, and whether what is compared is made of it before.
        let step_of = |counter: Reg| -> Option<(Step, BlockId, bool)> {
            let (1, Some(place)) = inside(counter) else { return None };
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
            let op = |(block, n): (BlockId, usize)| &func.blocks[block.index()].nodes[n].op;
            let mut made = place;
            if let Op::Inst(Inst::Copy { a: Operand::Reg(from), .. }) = op(place) {
                let (1, Some(before)) = inside(*from) else { return None };
                if !once(before.0) {
                    return None;
                }
                made = before;
            }
            let ahead = precedes(made, (tested, at)) && (made == place || precedes(made, place));
            // Else a turn may read what was there before the loop.
            if made != place && !ahead && defs[moving.index()] != 1 {
                return None;
            }
            let step = follow(op(made)).filter(|_| once(place.0))?;
            Some((step, place.0, ahead))
        };
        let copies = blocks.iter().flat_map(|b| {
            func.blocks[b.index()].nodes.iter().filter_map(|n| match n.op {
                Op::Inst(Inst::Copy { dst, a: Operand::Reg(from) }) if from == moving => Some(dst),
                _ => None,
            })
        });
        let candidates = std::iter::once(moving).chain(copies);
        let (counter, (step, stepped, one_ahead)) =
            candidates.filter_map(|c| Some((c, step_of(c)?))).next()?;
        let suits = match (goes_on, step) {
            (Compare::Lt | Compare::Le | Compare::LtU, Step::Literal(by)) => (1..1 << 20).contains(&by),
            (Compare::Gt | Compare::Ge, Step::Literal(by)) => (-(1 << 20)..0).contains(&by),
            (Compare::Ne, Step::Literal(by)) => by == 1 || by == -1,
            (_, Step::Fixed(_)) => matches!(goes_on, Compare::Lt | Compare::Le),
        };
        // What is compared is made again after that.
        if !suits || nodes[at..].iter().any(|n| sets(n, moving)) {
            return None;
        }
        if let (Step::Literal(by), Operand::Imm(Imm::I64(bound))) = (step, bound)
            && !goes_on.stays_in_range(by, bound)
        {
            return None;
        }
        let start = match set_to(func, forest, preheader, counter) {
            Some(Operand::Imm(Imm::I64(v))) => Some(v),
            _ => None,
        };
        Some(Counted {
            preheader,
            header: l.header,
            latch,
            tested,
            exit,
            counter,
            step,
            stepped,
            one_ahead,
            goes_on,
            compared,
            bound,
            start,
        })
    }

    /// How often it turns, if that is known beforehand.
    pub fn turns(&self) -> Option<i64> {
        let (Some(start), Operand::Imm(Imm::I64(bound)), Step::Literal(by)) =
            (self.start, self.bound, self.step)
        else {
            return None;
        };
        self.one_ahead.then(|| turns(self.goes_on, start, bound, by)).flatten()
    }
}

/// How often a loop turns that counts from `start` by `step`, with no overflow.
pub fn turns(goes_on: Compare, start: i64, bound: i64, step: i64) -> Option<i64> {
    let wide = |v: i64| if goes_on == Compare::LtU { v as u64 as i128 } else { v as i128 };
    let (start, bound, by) = (wide(start), wide(bound), step as i128);
    let size = by.abs();
    let distance = if by > 0 { bound - start } else { start - bound };
    let turns = match goes_on {
        Compare::Ne if size != 1 || distance <= 0 => return None,
        Compare::Le | Compare::Ge => distance.div_euclid(size) + 1,
        _ => (distance + size - 1).div_euclid(size),
    };
    let turns = turns.max(1);
    let end = start + turns * by;
    let range =
        if goes_on == Compare::LtU { 0..=u64::MAX as i128 } else { i64::MIN as i128..=i64::MAX as i128 };
    i64::try_from(turns).ok().filter(|_| range.contains(&end))
}
