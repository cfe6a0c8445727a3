//! Loop limits: how often a loop goes on at most, as its tests say.
//!
//! A test that every iteration passes, and that may leave the loop, compares registers
//! that are residues in terms of the count: how often the loop has gone back
//! to its header. Where it lets the loop go on it says `step * count <= rest`.
//!
//! - `a < b` says `q - p - 1 >= 0` where the registers are equal to `p` and `q`. With
//!   counters in terms of the count this is `rest - step * count >= 0`. That the
//!   registers are equal to these is the condition, for every count as far as
//!   the loop goes.
//! - `a != b` where `d = q - p` is `rest - step * count`. Here `step > 0` and
//!   `rest >= 0`, a multiple of `step`. Then `d` is a multiple of `step` at every
//!   count. It begins at no less than 0. As long as the test lets the loop go on it is
//!   not 0, so at least `step`. The next time it is no less than 0. So where the loop
//!   goes on, `rest - step - step * count >= 0`.
//! - A loop may be left by that one test alone, and by it exactly where the comparison
//!   fails. If `rest + step >= 0`, it goes back `floor(rest / step) + 1` times: the
//!   least count at which `step * count > rest`.

use super::assuming::{Assuming, Condition};
use super::fact::{Comparison, Relation};
use super::residue::Residue;
use super::{Induction, MAX_CLIMB};
use crate::midend::analysis::loops::LoopId;
use crate::midend::analysis::poly::{Atom, Poly, Quantity};
use crate::mir::MirOp;
use nbc_ir::{BlockId, Inst, Operand};

/// A bound on how often a loop goes on.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Where the test is. It is passed in each iteration.
    pub at: BlockId,
    /// What holds where it lets the loop go on.
    pub bound: Assuming<Bound>,
    /// Whether the test says this and nothing else.
    pub exact: bool,
}

/// `step * count <= rest`. The loop changes neither.
#[derive(Clone, PartialEq, Debug)]
pub struct Bound {
    /// Is of use where it is positive.
    pub step: Poly,
    /// See above.
    pub rest: Poly,
}

impl Bound {
    /// The first count at which the loop does not go on, if that is a number.
    pub fn last_count(&self) -> Option<i64> {
        let step = self.step.as_number().filter(|step| required!(*step > 0))?;
        Some((self.rest.as_number()?.checked_add(step)?.div_euclid(step)).max(0))
    }
}

impl Induction {
    pub(super) fn find_limits(&mut self, id: LoopId) {
        let l = self.forest.get(id);
        let mut found = Vec::new();
        // Blocks that are passed each time: they dominate all latches.
        let mut at = l.latches.first().copied();
        for _ in 0..MAX_CLIMB {
            let Some(block) = at.filter(|b| worth!(self.forest.contains(id, *b))) else { break };
            if required!(l.latches.iter().all(|latch| self.forest.doms.dominates(block, *latch))) {
                self.limits_at(id, block, &mut found);
            }
            at = self.forest.doms.immediate(block);
        }
        self.limits[id.index()] = found;
    }

    /// What the test in `block`, if it leaves the loop, says of the count.
    fn limits_at(&self, id: LoopId, block: BlockId, found: &mut Vec<Limit>) {
        let nodes = &self.func.blocks[block.index()].nodes;
        let Some(MirOp::Inst(Inst::BrIf { cond: Operand::Reg(_), then_to, else_to })) =
            nodes.last().map(|n| &n.op)
        else {
            return;
        };
        let stays = (self.forest.contains(id, *then_to), self.forest.contains(id, *else_to));
        let goes_on = match stays {
            (true, false) => true,
            (false, true) => false,
            _ => return,
        };
        let cond = self.values.uses(block, nodes.len() - 1)[0];
        let mut all = Vec::new();
        self.comparisons(cond, goes_on, 8, &mut all);
        let only = self.only_comparison(cond, goes_on);
        let is_own = self.forest.innermost(block) == Some(id);
        for comparison in all {
            let differs = comparison.relation == Relation::Differs;
            // What loops in this one leave is only known after them.
            let Some(form) = self.in_count(comparison, id, is_own) else { continue };
            if differs {
                // Where more is said, the rest is likely to say how often.
                if worth!(only.is_some()) {
                    found.extend(self.limit_of_difference(id, block, &form));
                }
                continue; // it says nothing else
            }
            let mut facts = Vec::new();
            for n in 0..2 {
                facts.extend(form.clone().and_then(|f| f.facts().into_iter().nth(n)));
            }
            let exact = required!(only.is_some()) && required!(facts.len() == 1);
            found.extend(facts.into_iter().filter_map(|fact| {
                let bound =
                    fact.and_then(|poly| self.bound(&poly, id)).filter(|bound| worth!(is_upper(bound)))?;
                Some(Limit { at: block, bound, exact })
            }));
        }
    }

    /// A comparison in terms of how often the loop has gone on.
    fn in_count(&self, of: Comparison, id: LoopId, is_own: bool) -> Option<Assuming<Comparison>> {
        let side = |residue: Residue| {
            let left = if required!(is_own) { self.left(residue, id)? } else { Assuming::always(residue) };
            left.and_then(|residue| self.counted(residue, id))
        };
        let Comparison { relation, unsigned, a, b } = of;
        Some(side(a)?.and(side(b)?).map(|(a, b)| Comparison { relation, unsigned, a, b }))
    }

    /// `residue` with the counters of a loop in terms of the count.
    fn counted(&self, residue: Residue, id: LoopId) -> Option<Assuming<Residue>> {
        let count = self.atom(Quantity::Count(id));
        // What is left of them `bound` refuses.
        let changes = |a: &Atom| *a != count && !self.is_fixed_atom(*a, id);
        let Some(atom) = residue.atoms().find(changes) else { return Some(Assuming::always(residue)) };
        let Quantity::Value(value) = *self.atoms.borrow().get(atom) else { return None };
        let counter = self.counter(value).filter(|c| required!(c.id == id))?;
        let now = counter.growth.clone().try_map(|growth| growth.after(&Poly::atom(count)))?;
        // One after another: a polynomial has few atoms.
        now.and_then(|now| residue.replaced(atom, &now))?.and_then(|residue| self.counted(residue, id))
    }

    /// What it says of the count that `poly` is not negative.
    fn bound(&self, poly: &Poly, id: LoopId) -> Option<Assuming<Bound>> {
        let count = self.atom(Quantity::Count(id));
        let (times, rest) = match &*poly.by_power(count) {
            [rest] => (Poly::default(), rest.clone()),
            [rest, times] => (times.clone(), rest.clone()),
            _ => return None, // shape
        };
        let bound = Bound { step: times.negated()?, rest };
        let is_fixed = |p: &Poly| p.atoms().all(|a| self.is_fixed_atom(a, id));
        (required!(is_fixed(&bound.step)) && required!(is_fixed(&bound.rest)))
            .then(|| Assuming::always(bound))
    }

    /// A loop that goes on while two things differ ends when they meet. For
    /// that they come closer by whole steps each time and start on the right
    /// sides.
    fn limit_of_difference(&self, id: LoopId, at: BlockId, form: &Assuming<Comparison>) -> Vec<Limit> {
        let side = |swapped: bool| {
            let both = form.clone().and_then(|c| Some(c.a.exactly().and(c.b.exactly())))?;
            let distance = both.try_map(|(a, b)| if swapped { a.minus(&b) } else { b.minus(&a) })?;
            let bound = distance.and_then(|poly| self.bound(&poly, id))?;
            let bound = bound.and_then(|Bound { step, rest }| {
                let by = step.as_number().filter(|by| worth!(*by > 0))?;
                let is_whole = by == 1 || (rest.divided(by).is_some() && rest.constant % by == 0);
                if !required!(is_whole) || rest.as_number().is_some_and(|rest| worth!(rest < 0)) {
                    return None;
                }
                let mut closer = Assuming::always(Bound { rest: rest.plus_number(-by)?, step });
                guard!(closer = closer.if_also(Condition::NotNegative(rest)));
                Some(closer)
            })?;
            Some(Limit { at, bound, exact: false })
        };
        [side(true), side(false)].into_iter().flatten().collect()
    }

    /// How often a loop has gone back to its header when it is left, where
    /// that can be told.
    pub(super) fn iterations(&self, id: LoopId) -> Option<Assuming<Poly>> {
        let l = self.forest.get(id);
        let [limit] = self.limits(id) else { return None };
        if !required!(l.exits == 1) || !required!(limit.exact) {
            return None;
        }
        let preheader = l.preheader?;
        limit.bound.clone().and_then(|bound| {
            let step = bound.step.as_number().filter(|step| required!(*step > 0))?;
            let count = bound.rest.divided(step)?.plus_number(1)?;
            let at_first = bound.rest.plus_number(step)?;
            Some(self.known(&at_first, preheader)?.map(|()| count))
        })
    }
}

/// Whether it may bound the count from above.
fn is_upper(bound: &Assuming<Bound>) -> bool {
    bound.would(|bound| bound.step.as_number().is_none_or(|step| step > 0))
}
