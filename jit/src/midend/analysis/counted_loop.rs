//! Counted loops: those whose latch tests a counter against a bound.
//!
//! This is the only place that decides what a counted loop is. It asks about values. It
//! wants to know which comparison the branch of the latch looks at, and that one side of
//! it is the same in all iterations. The other has to be what a counter of the loop is
//! in the next, as residues of the same width have it ([`super::induction`]). Passes
//! write code that reads registers. So a register that is named holds the value at the
//! end of the preheader and of the latch, where such code goes.
//!
//! ```text
//! body:
//!   ...
//!   %i = i64.add %i, 2        counter %i, step 2
//!   %c = i64.lt %i, %n        compared: %i, as the next iteration has it; bound: %n
//!   br_if %c, body, done      goes on while less
//! ```

use super::induction::Induction;
use super::loops::LoopId;
use super::poly::Quantity;
use super::values::{Arg, Value};
use crate::mir::MirOp;
use nbc_ir::inst::Imm;
use nbc_ir::{BlockId, Inst, Operand, Reg};

/// Literal steps are smaller.
const MAX_STEP: i64 = 1 << 20;

/// A loop that ends when a counter passes a bound.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The block before the loop.
    pub preheader: BlockId,
    /// The block through which it is entered.
    pub header: BlockId,
    /// The only block with an edge back, which tests.
    pub latch: BlockId,
    /// Where the test leaves to.
    pub exit: BlockId,
    /// The counter's value as an iteration begins.
    pub phi: Value,
    /// The register that holds it then.
    pub counter: Reg,
    /// The step: the amount that it grows by in each iteration.
    pub step: Step,
    /// The comparison that lets the loop go on: of what the counter is in the next
    /// iteration, and the bound.
    pub goes_on: Compare,
    /// What the counter is in the next iteration.
    pub compared: Operand,
    /// The bound, which is fixed.
    pub bound: Operand,
    /// The number that the counter starts with.
    pub start: Option<i64>,
}

/// What a counter grows by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

    /// The furthest bound at which a counter that grows by `by` while it
    /// compares so comes to an end. Beyond it the counter could come around to
    /// where the loop goes on. `None` where any bound will do.
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
        forbidden!(beyond > 0).then_some(furthest)
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
            Compare::LtU => return None, // there is none
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
            Compare::Ne => return None, // there is none
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
    /// The loop, if its latch counts it.
    pub fn new(it: &Induction, id: LoopId) -> Option<Counted> {
        let forest = &*it.forest;
        let l = forest.get(id);
        let preheader = l.preheader.filter(|_| worth!(!l.cold))?;
        let [latch] = l.latches[..] else { return None };
        let Some(Inst::BrIf { cond: Operand::Reg(_), then_to, else_to }) =
            it.func.blocks[latch.index()].last()
        else {
            return None;
        };
        let (holds, exit) = match (*then_to == l.header, *else_to == l.header) {
            (true, false) => (true, *else_to),
            (false, true) => (false, *then_to),
            _ => return None,
        };
        if forbidden!(forest.contains(id, exit)) {
            return None;
        }
        let nodes = it.func.blocks[latch.index()].nodes.len();
        let cond = it.original(it.values.uses(latch, nodes - 1)[0]);
        let (MirOp::Inst(inst), args) = it.maker(cond)? else { return None };
        let (mut goes_on, ..) = Compare::of(inst, holds)?;
        let [mut compared, mut bound] = *args else { return None };
        let is_fixed = |arg: Arg| match arg {
            Arg::Value(value) => it.is_fixed(value, id),
            Arg::Imm(_) => true,
        };
        if !is_fixed(bound) {
            (goes_on, compared, bound) = (goes_on.swapped()?, bound, compared);
        }
        let Arg::Value(moving) = compared else { return None };
        if !required!(is_fixed(bound)) || forbidden!(is_fixed(compared)) {
            return None;
        }
        let (phi, step, start) = count(it, id, moving)?;
        let step = match step {
            Arg::Imm(Imm::I64(by)) => Step::Literal(by),
            Arg::Imm(_) => return None, // shape
            Arg::Value(by) => Step::Fixed(it.held(by, &[preheader, latch])?),
        };
        let suits = match (goes_on, step) {
            (Compare::Lt | Compare::Le | Compare::LtU, Step::Literal(by)) => (1..MAX_STEP).contains(&by),
            (Compare::Gt | Compare::Ge, Step::Literal(by)) => (1 - MAX_STEP..0).contains(&by),
            (Compare::Ne, Step::Literal(by)) => by == 1 || by == -1,
            (_, Step::Fixed(_)) => matches!(goes_on, Compare::Lt | Compare::Le),
        };
        if !required!(suits) {
            return None;
        }
        let bound = match bound {
            Arg::Imm(imm) => Operand::Imm(imm),
            Arg::Value(value) => it.held(value, &[preheader, latch])?.into(),
        };
        if let (Step::Literal(by), Operand::Imm(Imm::I64(bound))) = (step, bound)
            && !required!(goes_on.stays_in_range(by, bound))
        {
            return None;
        }
        let compared = it.held(moving, &[latch])?.into();
        let (header, counter) = (l.header, it.values.def(phi).reg);
        Some(Counted { preheader, header, latch, exit, phi, counter, step, goes_on, compared, bound, start })
    }

    /// How many iterations it has, if that is known beforehand.
    pub fn trip_count(&self) -> Option<i64> {
        let (Some(start), Operand::Imm(Imm::I64(bound)), Step::Literal(by)) =
            (self.start, self.bound, self.step)
        else {
            return None;
        };
        trip_count(self.goes_on, start, bound, by)
    }

    /// Whether the register of the counter has been written for the next iteration
    /// where `block`, which is in the loop, ends; `None` if it holds something else.
    pub fn is_stepped(&self, it: &Induction, block: BlockId) -> Option<bool> {
        let now = it.at_end(block, self.counter)?;
        if now == self.phi {
            return Some(false);
        }
        required!(now == it.at_end(self.latch, self.counter)?).then_some(true)
    }
}

/// The counter of a loop that is `moving` in the next iteration: its phi, its step, and the
/// number that it starts with.
fn count(it: &Induction, id: LoopId, moving: Value) -> Option<(Value, Arg, Option<i64>)> {
    let compared = it.residue(moving)?;
    let phis = it.values.phis(it.forest.get(id).header).iter();
    phis.filter_map(|phi| {
        let counter = it.counter(*phi)?;
        let growth = counter.growth.settled(|_| required!(false))?;
        let now = it.residue(*phi)?;
        if !required!(now.plus(&growth.step)? == *compared) {
            return None;
        }
        let step = match growth.step.as_number() {
            Some(by) => Arg::Imm(Imm::I64(by)),
            None => {
                let mut atoms = growth.step.atoms();
                let (first, None) = (atoms.next()?, atoms.next()) else { return None };
                let Quantity::Value(by) = *it.atoms.borrow().get(first) else { return None };
                // Nothing but that value.
                let is_it = it.residue(by).is_some_and(|r| *r == growth.step);
                required!(is_it).then_some(Arg::Value(by))?
            }
        };
        Some((*phi, step, growth.start.as_number()))
    })
    .next()
}

/// How many iterations a loop has that counts from `start` by `step`, with no overflow,
/// and tests what is a step ahead.
pub fn trip_count(goes_on: Compare, start: i64, bound: i64, step: i64) -> Option<i64> {
    let wide = |v: i64| if goes_on == Compare::LtU { v as u64 as i128 } else { v as i128 };
    let (start, bound, by) = (wide(start), wide(bound), step as i128);
    let size = by.abs();
    let distance = if by > 0 { bound - start } else { start - bound };
    let count = match goes_on {
        Compare::Ne if forbidden!(size != 1 || distance <= 0) => return None,
        Compare::Le | Compare::Ge => distance.div_euclid(size) + 1,
        _ => (distance + size - 1).div_euclid(size),
    };
    let count = count.max(1);
    let end = start + count * by;
    let range =
        if goes_on == Compare::LtU { 0..=u64::MAX as i128 } else { i64::MIN as i128..=i64::MAX as i128 };
    i64::try_from(count).ok().filter(|_| required!(range.contains(&end)))
}
