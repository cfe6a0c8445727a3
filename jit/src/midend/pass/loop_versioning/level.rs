//! What is known of the integers of a nest when its outermost loop is about
//! to be entered: counters taken apart down to values that the whole nest
//! leaves alone, and how often its loops can turn.
//!
//! All of it holds only as long as those values are less than 2^bits in size,
//! which the guard of the loop checks. Conclusions lean on each other (that a
//! counter does not overflow on how often its loop turns, and that on the
//! counter that is tested), which is sound because each says something of a
//! moment given the others of moments before.

use crate::midend::analysis::induction::{Induction, Need};
use crate::midend::analysis::loops::LoopId;
use crate::midend::analysis::poly::{Atom, Poly, Quantity, Span};
use crate::midend::analysis::values::Value;
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// Most steps for one level.
const MAX_STEPS: u32 = 100_000;

/// Most counters that lean on each other, one being looked into for the next.
const MAX_DEPTH: u32 = 100;

/// A bound on how often a loop turns: `step * count <= top`, if `top` is not
/// negative; else it does not turn at all.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Has to be positive.
    pub step: Poly,
    /// See above.
    pub top: Poly,
    /// Has to be not negative.
    pub requires: Option<Poly>,
    /// Values that must be small for that.
    pub relies: Vec<Atom>,
}

/// A polynomial that stands for something else as long as some values are small.
#[derive(Clone, Debug)]
struct Expanded {
    poly: Poly,
    relies: Vec<Atom>,
}

/// See the module.
pub struct Level<'a> {
    /// The analysis of the function.
    pub it: &'a Induction,
    /// The outermost loop.
    pub id: LoopId,
    /// Values that the nest leaves alone are less than two to that power.
    pub bits: u32,
    counters: FxHashMap<Value, Option<Expanded>>,
    bounds: FxHashMap<LoopId, Rc<Vec<Bound>>>,
    counts: FxHashMap<LoopId, Span>,
    /// By loop, what must not be negative for its count to be that.
    assumed: FxHashMap<LoopId, Vec<Poly>>,
    /// Loops whose counts have been in what was expanded.
    counted: Vec<LoopId>,
    /// What has been found, in order, to forget what leans on an error.
    log: Vec<Entry>,
    steps: u32,
    depth: u32,
}

#[derive(Clone, Copy)]
enum Entry {
    Counter(Value),
    Bounds(LoopId),
}

impl<'a> Level<'a> {
    /// What is known where loop `id` is about to be entered.
    pub fn new(it: &'a Induction, id: LoopId, bits: u32) -> Level<'a> {
        Level {
            it,
            id,
            bits,
            counters: FxHashMap::default(),
            bounds: FxHashMap::default(),
            counts: FxHashMap::default(),
            assumed: FxHashMap::default(),
            counted: Vec::new(),
            log: Vec::new(),
            steps: 0,
            depth: 0,
        }
    }

    /// Whether the nest leaves a quantity alone.
    pub fn is_fixed(&self, atom: Atom) -> bool {
        if let Quantity::Quotient(..) = self.it.atoms.borrow().get(atom) {
            // Only ever made of what is fixed.
            return true;
        }
        self.it.made_in(atom).is_some_and(|block| !self.it.forest.contains(self.id, block))
    }

    /// Least and greatest value of a quantity.
    pub fn span_of(&mut self, atom: Atom) -> Span {
        let quantity = self.it.atoms.borrow().get(atom).clone();
        match quantity {
            Quantity::Count(id) => {
                self.bounds(id);
                self.counts.get(&id).copied().unwrap_or(Span { low: 0, ..Span::ALL })
            }
            Quantity::Quotient(poly, by) => {
                let span = self.span(&poly);
                Span { low: 0, high: span.high.max(0) / by as i128 }
            }
            Quantity::Value(_) | Quantity::Field(..) => {
                let span = self.it.span_of_atom(atom);
                let small = Span { low: -(1 << self.bits) + 1, high: (1 << self.bits) - 1 };
                if self.is_fixed(atom) { span.and(small) } else { span }
            }
        }
    }

    /// Least and greatest value of a polynomial.
    pub fn span(&mut self, poly: &Poly) -> Span {
        poly.span(|atom| self.span_of(atom))
    }

    /// `poly` with the counters of the nest taken apart; adds to `relies` the
    /// values that must be small for it to be the same.
    pub fn expand(&mut self, poly: &Poly, relies: &mut Vec<Atom>) -> Option<Poly> {
        let mut poly = poly.clone();
        let mut kept: Vec<Atom> = Vec::new();
        loop {
            self.steps += 1;
            if self.steps > MAX_STEPS || !self.it.budget().spend(4 + poly.terms.len()) {
                return None;
            }
            let next = poly.atoms().find(|a| !kept.contains(a));
            let Some(atom) = next else { break };
            match self.counter(atom) {
                Some(expanded) => {
                    poly = poly.replaced(atom, &expanded.poly)?;
                    relies.extend(expanded.relies);
                }
                None => kept.push(atom),
            }
        }
        for atom in kept {
            let quantity = self.it.atoms.borrow().get(atom).clone();
            if let Quantity::Count(id) = quantity {
                let bounds = self.bounds(id);
                relies.extend(bounds.iter().flat_map(|b| b.relies.iter().copied()));
            } else if self.is_fixed(atom) {
                relies.push(atom);
            }
        }
        relies.sort_unstable();
        relies.dedup();
        self.note_counts(&poly);
        Some(poly)
    }

    /// Notes which loops `poly` counts, and those around them.
    pub fn note_counts(&mut self, poly: &Poly) {
        for atom in poly.atoms() {
            let Quantity::Count(id) = *self.it.atoms.borrow().get(atom) else { continue };
            for around in self.it.forest.around(Some(id)).take_while(|l| self.it.forest.encloses(self.id, *l))
            {
                if !self.counted.contains(&around) {
                    self.counted.push(around);
                }
            }
        }
    }

    /// What a counter of the nest is.
    fn counter(&mut self, atom: Atom) -> Option<Expanded> {
        let Quantity::Value(value) = *self.it.atoms.borrow().get(atom) else { return None };
        let counter = self.it.counter(value)?;
        if !self.it.forest.encloses(self.id, counter.id) {
            return None;
        }
        if let Some(known) = self.counters.get(&value) {
            return known.clone();
        }
        if self.depth == MAX_DEPTH {
            return None;
        }
        let mark = self.log.len();
        let mut relies = Vec::new();
        self.depth += 1;
        let expanded = self.take_apart(value, &mut relies);
        self.depth -= 1;
        if expanded.is_none() {
            self.forget(mark);
        }
        let found = expanded.map(|poly| Expanded { poly, relies });
        self.counters.insert(value, found.clone());
        self.log.push(Entry::Counter(value));
        found
    }

    fn take_apart(&mut self, value: Value, relies: &mut Vec<Atom>) -> Option<Poly> {
        let counter = self.it.counter(value)?;
        let start = self.expand(&counter.start, relies)?;
        let step = self.expand(&counter.step, relies)?;
        let count = Poly::atom(self.it.atom(Quantity::Count(counter.id)));
        let poly = step.times(&count)?.plus(&start)?;
        // True of it from here on, as long as what it needs turns out so.
        self.counters.insert(value, Some(Expanded { poly: poly.clone(), relies: relies.clone() }));
        self.log.push(Entry::Counter(value));
        // An i32 is equal to that only as long as it does not wrap, and whoever
        // asks may go on to 64 bits with it.
        let bits = self.it.bits(value);
        (self.span(&poly).fits(bits) && self.are_met(&counter.needs, relies)).then_some(poly)
    }

    /// Whether everything in `needs` lies in range.
    pub fn are_met(&mut self, needs: &[Need], relies: &mut Vec<Atom>) -> bool {
        needs.iter().all(|need| {
            let Some(poly) = self.expand(&need.poly, relies) else { return false };
            // A counter that could not be taken apart may have wrapped.
            let is_whole = !poly.atoms().any(|atom| self.is_counter(atom));
            is_whole && self.span(&poly).fits(need.bits)
        })
    }

    /// Whether it is a counter of the nest.
    fn is_counter(&self, atom: Atom) -> bool {
        let Quantity::Value(value) = *self.it.atoms.borrow().get(atom) else { return false };
        self.it.counter(value).is_some_and(|counter| self.it.forest.encloses(self.id, counter.id))
    }

    /// The bounds on how often a loop of the nest turns.
    pub fn bounds(&mut self, id: LoopId) -> Rc<Vec<Bound>> {
        if let Some(known) = self.bounds.get(&id) {
            return known.clone();
        }
        // Nothing is known while it is being found out.
        self.bounds.insert(id, Rc::default());
        let mut found = Vec::new();
        let (mut most, mut assumed) = (Span { low: 0, ..Span::ALL }, Vec::new());
        for n in 0..self.it.limits(id).len() {
            let mark = self.log.len();
            match self.bound(id, n) {
                Some((bound, count)) => {
                    assumed.extend(bound.requires.clone());
                    if self.span(&bound.step).low < 1 {
                        assumed.extend(bound.step.plus_number(-1));
                    }
                    found.push(bound);
                    most = most.and(count);
                }
                None => self.forget(mark),
            }
            self.counts.insert(id, most);
        }
        self.assumed.insert(id, assumed);
        let found = Rc::new(found);
        self.bounds.insert(id, found.clone());
        self.log.push(Entry::Bounds(id));
        found
    }

    /// What limit `n` of a loop says.
    fn bound(&mut self, id: LoopId, n: usize) -> Option<(Bound, Span)> {
        let limit = &self.it.limits(id)[n];
        let mut relies = Vec::new();
        let step = self.expand(&limit.step, &mut relies)?;
        let rest = self.expand(&limit.rest, &mut relies)?;
        // The test was passed the time before.
        let top = rest.plus(&step)?;
        let high = self.span(&top).high.max(0);
        let count = Span { low: 0, high: high / self.span(&step).low.max(1) };
        self.counts.insert(id, count);
        let requires = match &limit.requires {
            Some(poly) => Some(self.expand(poly, &mut relies)?),
            None => None,
        };
        if requires.as_ref().is_some_and(|poly| self.span(poly).high < 0) || self.span(&step).high < 1 {
            return None;
        }
        let fits = self.are_met(&limit.needs, &mut relies) && self.span(&top).fits(62);
        fits.then_some((Bound { step, top, requires, relies }, count))
    }

    /// Begins to note what is assumed of how often loops turn.
    pub fn begin(&mut self) {
        self.counted.clear();
    }

    /// What must not be negative for what was concluded since then to be so.
    pub fn assumed(&self) -> Vec<Poly> {
        self.counted.iter().filter_map(|id| self.assumed.get(id)).flatten().cloned().collect()
    }

    fn forget(&mut self, mark: usize) {
        for entry in self.log.drain(mark..) {
            match entry {
                Entry::Counter(value) => {
                    self.counters.remove(&value);
                }
                Entry::Bounds(id) => {
                    self.bounds.remove(&id);
                    self.counts.remove(&id);
                    self.assumed.remove(&id);
                }
            }
        }
    }

    /// Whether `poly` is known not to be negative where `block` begins,
    /// because branches on the way there say so.
    pub fn is_known(&mut self, poly: &Poly, block: nbc_ir::BlockId, relies: &mut Vec<Atom>) -> bool {
        if self.span(poly).low >= 0 {
            return true;
        }
        for fact in self.it.facts(block, None) {
            let mut of_fact = Vec::new();
            let Some(known) = self.expand(&fact.poly, &mut of_fact) else { continue };
            let more = poly.minus(&known).and_then(|p| p.as_number()).is_some_and(|n| n >= 0);
            if more && fact.requires.is_none() && self.are_met(&fact.needs, &mut of_fact) {
                relies.append(&mut of_fact);
                return true;
            }
        }
        false
    }
}
