//! Induction variables: values that grow from iteration to iteration.
//!
//! A phi of a header may come back as itself and something that the loop does not
//! change. Then it is `start + step * count`, modulo the width of its register, when
//! the loop has gone back to its header `count` times. So it is at first, and if so
//! for one count then for the next, as residues add.

use super::assuming::{Assuming, Condition};
use super::residue::Residue;
use super::{Induction, MAX_CLIMB};
use crate::midend::analysis::loops::LoopId;
use crate::midend::analysis::poly::{Poly, Quantity, Span};
use crate::midend::analysis::values::{Arg, Made, Value};
use crate::mir::MirOp;
use nbc_ir::{BlockId, Inst};

/// A counter: the value of a phi of a header.
#[derive(Clone, Debug)]
pub struct Counter {
    /// Its loop.
    pub id: LoopId,
    /// How it grows. There are conditions where loops before it or in it have
    /// to end as they seem to.
    pub growth: Assuming<Growth>,
}

/// How a counter grows.
#[derive(Clone, Debug)]
pub struct Growth {
    /// What it is when the loop is entered.
    pub start: Residue,
    /// The step that is added each time; the loop does not change it.
    pub step: Residue,
}

impl Growth {
    /// What the counter is when the loop has gone back to its header so often.
    pub fn after(&self, count: &Poly) -> Option<Residue> {
        let count = Residue::of(count.clone(), self.step.width());
        self.step.times(&count)?.plus(&self.start)
    }
}

/// The value of a phi of a header that grows by one of several numbers each
/// time, as branches have it.
#[derive(Clone, Debug)]
pub struct Drift {
    /// Its loop.
    pub id: LoopId,
    /// What it is when the loop is entered.
    pub start: Residue,
    /// The least that it grows by.
    pub least: i64,
    /// The most.
    pub most: i64,
}

impl Induction {
    pub(super) fn find_counters(&mut self, id: LoopId) {
        let values = self.values.clone();
        for &phi in values.phis(self.forest.get(id).header) {
            if let Some(growth) = self.growth(id, phi) {
                self.counters.insert(phi, Counter { id, growth });
            } else if let Some(drift) = self.as_drift(id, phi) {
                self.drifts.insert(phi, drift);
            }
        }
    }

    fn growth(&self, id: LoopId, phi: Value) -> Option<Assuming<Growth>> {
        let forest = &self.forest;
        let l = forest.get(id);
        let of_phi = self.residue(phi)?;
        let preds = forest.cfg.preds(l.header).iter().filter(|p| forest.cfg.is_reachable(**p));
        let (mut start, mut next): (Option<Value>, Option<Value>) = (None, None);
        for (pred, arg) in preds.zip(self.values.phi_args(phi)) {
            let kept = if forest.contains(id, *pred) { &mut next } else { &mut start };
            if kept.is_some_and(|kept| forbidden!(self.residue(kept) != self.residue(*arg))) {
                return None;
            }
            *kept = Some(*arg);
        }
        let start = start?;
        let next = self.left(self.residue(next?)?.clone(), id)?;
        let step = next.try_map(|next| next.minus(of_phi))?;
        if !required!(step.would(|step| step.atoms().all(|a| self.is_fixed_atom(a, id)))) {
            return None;
        }
        // What counters were when they stopped may only be known as a value.
        let as_value = || Residue::atom(self.atom(Quantity::Value(start)), of_phi.width());
        let start = self
            .left(self.residue(start)?.clone(), id)
            .filter(|left| worth!(left.would(|start| !self.is_of_other_loops(start, id))))
            .unwrap_or_else(|| Assuming::always(as_value()));
        Some(start.and(step).map(|(start, step)| Growth { start, step }))
    }

    fn as_drift(&self, id: LoopId, phi: Value) -> Option<Drift> {
        let forest = &self.forest;
        let block = self.values.def(phi).block;
        let of_phi = self.residue(phi)?;
        let mut found: Option<(i64, i64)> = None;
        let mut grows = |by: i64| {
            let (least, most) = found.unwrap_or((by, by));
            found = Some((least.min(by), most.max(by)));
        };
        let mut start: Option<&Residue> = None;
        // What comes back, through what meets on the way.
        let mut seen = vec![phi];
        let mut next = 0;
        while next < seen.len() {
            let at = seen[next];
            next += 1;
            let meets = self.values.def(at).made == Made::Phi;
            if let Some(by) = self.residue(at).and_then(|r| r.distance_from(of_phi))
                && at != phi
            {
                grows(by);
            } else if at == phi || (meets && required!(self.is_in_iteration(at, id))) {
                let of = self.values.def(at).block;
                let preds = forest.cfg.preds(of).iter().filter(|p| forest.cfg.is_reachable(**p));
                for (pred, arg) in preds.zip(self.values.phi_args(at)) {
                    if of == block && !forest.contains(id, *pred) {
                        let residue = self.residue(*arg)?;
                        if start.is_some_and(|start| forbidden!(start != residue)) {
                            return None;
                        }
                        start = Some(residue);
                    } else if *arg == phi {
                        guard!(grows(0));
                    } else if !seen.contains(arg) {
                        seen.push(*arg);
                    }
                }
            } else if let Some((MirOp::Inst(Inst::Select { .. }), args)) = self.maker(at)
                && worth!(forest.innermost(self.values.def(at).block) == Some(id))
            {
                for arg in &args[1..] {
                    match arg {
                        Arg::Value(v) if *v == phi => guard!(grows(0)),
                        Arg::Value(v) if !seen.contains(v) => seen.push(*v),
                        Arg::Value(_) => {}
                        Arg::Imm(_) => return None, // shape
                    }
                }
            } else {
                return None; // shape
            }
            if !worth!(seen.len() <= MAX_CLIMB) {
                return None;
            }
        }
        let start = start.filter(|start| worth!(!self.is_of_other_loops(start, id)))?.clone();
        found.map(|(least, most)| Drift { id, start, least, most })
    }

    /// Whether a phi is where branches of one iteration meet.
    fn is_in_iteration(&self, phi: Value, id: LoopId) -> bool {
        let block = self.values.def(phi).block;
        let rank = self.forest.cfg.rank(block);
        let comes_before = |p: &BlockId| self.forest.cfg.rank(*p) < rank;
        worth!(self.forest.innermost(block) == Some(id))
            && required!(block != self.forest.get(id).header)
            && required!(self.forest.cfg.preds(block).iter().all(comes_before))
    }

    /// The range of a counter with numbers for start, step and limit.
    pub(super) fn span_of_counter(&self, phi: Value) -> Option<Span> {
        let counter = self.counter(phi)?;
        let growth = counter.growth.settled(|_| required!(false))?;
        let (start, step) = (growth.start.as_number()?, growth.step.as_number()?);
        let most = self.limits(counter.id).iter().find_map(|limit| {
            let last = limit.bound.pending().try_map(|bound| bound.last_count())?;
            let of = self.atom(Quantity::Count(counter.id));
            let count = last.settled(|last, condition| {
                // What the test compares, as far as the loop goes on.
                let span = |poly: &Poly| poly.span(|a| if a == of { Span::new(0, *last) } else { Span::ALL });
                match condition {
                    Condition::Fits(residue) => required!(residue.proved(|poly| Some(span(poly))).is_some()),
                    Condition::NotNegative(poly) => required!(span(poly).low >= 0),
                }
            })?;
            start.checked_add(step.checked_mul(count)?)
        })?;
        let span = Span::new(start.min(most), start.max(most));
        required!(span.fits(self.width(phi)?.exact)).then_some(span)
    }
}
