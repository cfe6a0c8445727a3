//! Trip counts as numbers: how many iterations loops have at most. Numbers in a
//! program, shapes of its tensors and branches on the way to a loop say so.
//!
//! A limit holds under conditions on every count as far as the loop goes. Let
//! `last` be the first count at which it no longer lets the loop go on. If the
//! conditions hold for all counts from 0 to `last`, the loop does not go beyond: at
//! the first count at which it did, they held, and so did the limit.

use super::induction::Induction;
use super::induction::assuming::Condition;
use super::induction::fact::Fact;
use super::induction::limit::{Bound, Limit};
use super::loops::LoopId;
use super::poly::{Atom, Poly, Quantity, Span};
use nbc_ir::BlockId;
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// Most loops around a loop whose counters are asked for.
const MAX_DEPTH: u32 = 4;

/// Answers for the loops of a function.
pub struct TripCounts<'a> {
    it: &'a Induction,
    known: FxHashMap<LoopId, Option<i64>>,
    depth: u32,
}

impl<'a> TripCounts<'a> {
    /// Of the function that `it` analyses.
    pub fn new(it: &'a Induction) -> TripCounts<'a> {
        TripCounts { it, known: FxHashMap::default(), depth: 0 }
    }

    /// No more than so often does the loop's header run each time that the
    /// loop is entered.
    pub fn at_most(&mut self, id: LoopId) -> Option<i64> {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        if !worth!(self.depth < MAX_DEPTH && !self.it.budget().is_used_up()) {
            return None;
        }
        // Nothing is known while it is being found out.
        self.known.insert(id, None);
        self.depth += 1;
        let preheader = self.it.forest.get(id).preheader;
        let most = preheader.and_then(|before| {
            let facts = self.it.facts(before, None);
            let limits = self.it.limits(id).iter();
            limits.filter_map(|limit| self.at_limit(id, limit, before, &facts)).min()
        });
        self.depth -= 1;
        self.known.insert(id, most);
        most
    }

    /// What a limit says, if all that it needs is so as long as it is.
    fn at_limit(&mut self, id: LoopId, limit: &Limit, before: BlockId, facts: &[Rc<Fact>]) -> Option<i64> {
        let last = limit.bound.pending().try_map(|bound| self.last_count(bound, before, facts))?;
        let last = last.settled(|last, condition| self.holds(condition, (id, *last), before, facts))?;
        last.checked_add(1)
    }

    /// The first count at which the loop no longer goes on.
    fn last_count(&mut self, bound: &Bound, before: BlockId, facts: &[Rc<Fact>]) -> Option<i64> {
        let step = bound.step.as_number().filter(|step| required!(*step > 0))?;
        let rest = self.span(&bound.rest, None, before, facts);
        i64::try_from(rest.divided(step.into()).high.max(-1) + 1).ok()
    }

    /// Whether a condition holds at counts up to `last` of a loop.
    fn holds(
        &mut self,
        condition: &Condition,
        (id, last): (LoopId, i64),
        before: BlockId,
        facts: &[Rc<Fact>],
    ) -> bool {
        let count = Some((self.it.atom(Quantity::Count(id)), Span::new(0, last)));
        match condition {
            Condition::Fits(residue) => {
                required!(residue.proved(|poly| Some(self.span(poly, count, before, facts))).is_some())
            }
            Condition::NotNegative(poly) => required!(self.span(poly, count, before, facts).low >= 0),
        }
    }

    /// Least and greatest value that `poly`, which is known by the end of
    /// `block`, can have there. `facts` are those of that block; `count` has that range.
    fn span(&mut self, poly: &Poly, count: Option<(Atom, Span)>, block: BlockId, facts: &[Rc<Fact>]) -> Span {
        if !worth!(self.it.budget().spend((1 + poly.terms.len()) * (1 + facts.len()))) {
            return Span::ALL;
        }
        let whole = poly.span(|atom| match count {
            Some((counted, span)) if counted == atom => span,
            _ => self.span_of(atom, block, facts),
        });
        // The whole may have been compared.
        facts.iter().filter_map(|fact| self.plain(fact)).fold(whole, |span, fact| {
            let above = poly.minus(fact).and_then(|p| p.as_number());
            let below = poly.plus(fact).and_then(|p| p.as_number());
            let low = above.map_or(Span::ALL.low, i128::from);
            let high = below.map_or(Span::ALL.high, i128::from);
            span.and(Span { low, high })
        })
    }

    /// A fact that holds as it stands.
    fn plain<'f>(&self, fact: &'f Fact) -> Option<&'f Poly> {
        let span = |poly: &Poly| poly.span(|a| self.it.span_of_atom(a));
        fact.settled(|condition| match condition {
            Condition::Fits(residue) => required!(residue.proved(|poly| Some(span(poly))).is_some()),
            Condition::NotNegative(poly) => required!(span(poly).low >= 0),
        })
    }

    fn span_of(&mut self, atom: Atom, block: BlockId, facts: &[Rc<Fact>]) -> Span {
        let whole = self.it.span_of_atom(atom);
        let of_counter = self.span_of_counter(atom, block).map_or(whole, |span| span.and(whole));
        facts.iter().filter_map(|fact| self.plain(fact)).fold(of_counter, |span, fact| {
            let limit = fact.constant as i128;
            span.and(match fact.as_multiple() {
                Some((a, 1)) if required!(a == atom) => Span { low: -limit, ..Span::ALL },
                Some((a, -1)) if required!(a == atom) => Span { high: limit, ..Span::ALL },
                _ => Span::ALL,
            })
        })
    }

    /// That of a counter of a loop around `block`, from where it starts and
    /// how many iterations the loop has.
    fn span_of_counter(&mut self, atom: Atom, block: BlockId) -> Option<Span> {
        let Quantity::Value(value) = *self.it.atoms.borrow().get(atom) else { return None };
        let counter = self.it.counter(value)?;
        if !worth!(self.it.forest.contains(counter.id, block)) {
            return None;
        }
        let last = self.at_most(counter.id)? - 1;
        let count = self.it.atom(Quantity::Count(counter.id));
        let growth = counter.growth.settled(|_| required!(false))?;
        let now = growth.after(&Poly::atom(count))?;
        let before = self.it.forest.get(counter.id).preheader?;
        let facts = self.it.facts(before, None);
        let mut span = None;
        now.proved(|poly| {
            span = Some(self.span(poly, Some((count, Span::new(0, last))), before, &facts));
            span
        })?;
        span
    }
}
