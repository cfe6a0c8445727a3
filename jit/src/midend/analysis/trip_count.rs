//! How often loops turn at most, as a number: what the numbers in a program,
//! the shapes of its tensors and the branches on the way to a loop say.

use super::induction::{Fact, InCount, Induction, Limit, Need};
use super::loops::LoopId;
use super::poly::{Atom, Poly, Quantity, Span};
use nbc_ir::BlockId;
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// Most loops around a loop whose counters are asked for.
const MAX_DEPTH: u32 = 4;

/// Answers for the loops of a function.
pub struct Turns<'a> {
    it: &'a Induction,
    known: FxHashMap<LoopId, Option<i64>>,
    depth: u32,
}

impl<'a> Turns<'a> {
    /// Of the function that `it` analyses.
    pub fn new(it: &'a Induction) -> Turns<'a> {
        Turns { it, known: FxHashMap::default(), depth: 0 }
    }

    /// No more than so often does the loop's header run each time that the
    /// loop is entered.
    pub fn at_most(&mut self, id: LoopId) -> Option<i64> {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        if self.depth == MAX_DEPTH || self.it.budget().is_used_up() {
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
        let step = limit.step.as_number().filter(|step| *step > 0)?;
        let rest = self.span(&limit.rest, before, facts);
        // It goes on at counts up to that; one more, and the test fails.
        let last = rest.high.max(-1).div_euclid(step as i128) + 1;
        let last = i64::try_from(last).ok()?;
        let holds = match &limit.requires {
            Some(poly) => self.span(poly, before, facts).low >= 0,
            None => true,
        };
        let fits = holds && limit.needs.iter().all(|need| self.fits(id, need, last, before, facts));
        fits.then(|| last.saturating_add(1))
    }

    /// Whether what was compared in the loop lies in range at counts up to `last`.
    fn fits(&mut self, id: LoopId, need: &Need, last: i64, before: BlockId, facts: &[Rc<Fact>]) -> bool {
        let Some(InCount { rest, step, .. }) = self.it.in_count(&need.poly, id) else { return false };
        let moved = self.span(&step, before, facts).times(Span::new(0, last));
        self.span(&rest, before, facts).plus(moved).fits(need.bits)
    }

    /// Least and greatest value that `poly`, which is known by the end of
    /// `block`, can have there. `facts` are those of that block.
    fn span(&mut self, poly: &Poly, block: BlockId, facts: &[Rc<Fact>]) -> Span {
        if !self.it.budget().spend((1 + poly.terms.len()) * (1 + facts.len())) {
            return Span::ALL;
        }
        let whole = poly.span(|atom| self.span_of(atom, block, facts));
        // The whole may have been compared.
        facts.iter().filter(|fact| self.is_plain(fact)).fold(whole, |span, fact| {
            let above = poly.minus(&fact.poly).and_then(|p| p.as_number());
            let below = poly.plus(&fact.poly).and_then(|p| p.as_number());
            let low = above.map_or(Span::ALL.low, i128::from);
            let high = below.map_or(Span::ALL.high, i128::from);
            span.and(Span { low, high })
        })
    }

    /// Whether a fact holds as it stands: what it needs is that quantities are
    /// what they are.
    fn is_plain(&self, fact: &Fact) -> bool {
        let is_large = |p: &Poly| p.span(|a| self.it.span_of_atom(a)).low >= 0;
        fact.requires.as_ref().is_none_or(is_large)
            && fact.needs.iter().all(|need| {
                need.poly.as_atom().is_some_and(|atom| self.is_itself(atom, need.bits))
                    || need.poly.span(|a| self.it.span_of_atom(a)).fits(need.bits)
            })
    }

    /// Whether what was compared as a number of so many bits, and is equal to a
    /// quantity where both are in range, always is.
    fn is_itself(&self, atom: Atom, bits: u32) -> bool {
        match *self.it.atoms.borrow().get(atom) {
            Quantity::Value(value) => self.it.bits(value) <= bits,
            _ => bits == 62,
        }
    }

    fn span_of(&mut self, atom: Atom, block: BlockId, facts: &[Rc<Fact>]) -> Span {
        let whole = self.it.span_of_atom(atom);
        let of_counter = self.span_of_counter(atom, block).map_or(whole, |span| span.and(whole));
        facts.iter().filter(|fact| self.is_plain(fact)).fold(of_counter, |span, fact| {
            let limit = fact.poly.constant as i128;
            span.and(match fact.poly.as_multiple() {
                Some((a, 1)) if a == atom => Span { low: -limit, ..Span::ALL },
                Some((a, -1)) if a == atom => Span { high: limit, ..Span::ALL },
                _ => Span::ALL,
            })
        })
    }

    /// That of a counter of a loop around `block`, from where it starts and
    /// how often the loop turns.
    fn span_of_counter(&mut self, atom: Atom, block: BlockId) -> Option<Span> {
        let Quantity::Value(value) = *self.it.atoms.borrow().get(atom) else { return None };
        let counter = self.it.counter(value)?;
        if !self.it.forest.contains(counter.id, block) || !counter.needs.is_empty() {
            return None;
        }
        let step = counter.step.as_number()?;
        let turns = self.at_most(counter.id)?;
        let before = self.it.forest.get(counter.id).preheader?;
        let facts = self.it.facts(before, None);
        let start = self.span(&counter.start, before, &facts);
        let span = start.plus(Span::number(step).times(Span::new(0, turns - 1)));
        span.fits(self.it.bits(value)).then_some(span)
    }
}
