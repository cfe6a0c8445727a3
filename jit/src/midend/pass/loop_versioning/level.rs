//! A level: facts about the integers of a nest where its outermost loop is
//! about to be entered. Counters are taken apart down to values that the whole
//! nest leaves alone, and it is known how many iterations its loops can have.
//!
//! All of it holds only as long as those values are less than 2^bits in size,
//! which the guard of the loop checks. Conclusions lean on each other. That a
//! counter does not overflow leans on how many iterations its loop has, and that
//! on the counter that is tested. It is sound because each says something of a
//! moment given the others of moments before.

use crate::midend::analysis::induction::assuming::{Condition, Pending};
use crate::midend::analysis::induction::residue::Residue;
use crate::midend::analysis::induction::{Induction, limit};
use crate::midend::analysis::loops::LoopId;
use crate::midend::analysis::poly::{Atom, Poly, Quantity, Span};
use crate::midend::analysis::values::Value;
use rustc_hash::{FxHashMap, FxHashSet};
use std::rc::Rc;

/// Most steps for one level.
const MAX_STEPS: u32 = 100_000;

/// Most counters that lean on each other, one being looked into for the next.
const MAX_DEPTH: u32 = 100;

/// A bound on how many iterations a loop has: `step * count <= top`, if `top` is not
/// negative; else it does not go on at all.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Has to be positive.
    pub step: Poly,
    /// See above.
    pub top: Poly,
    /// What must hold for that.
    pub when: When,
}

/// What must hold where a level is entered for something to be so, besides what
/// is known there.
#[derive(Clone, Default, Debug)]
pub struct When {
    /// These are not negative.
    pub natural: Vec<Poly>,
    /// Values that are small.
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
    /// What has been made use of since `begin`, or since what is being found out was begun.
    used: Used,
    /// What each thing that has been found leans on: whoever makes use of it leans on that too,
    /// though it was found for somebody else.
    leans: FxHashMap<Entry, Vec<Entry>>,
    /// What has been found, in order, to forget what leans on an error.
    log: Vec<Entry>,
    steps: u32,
    depth: u32,
}

/// Something that is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Entry {
    Counter(Value),
    Bounds(LoopId),
}

/// Things in the order in which use was made of them first.
#[derive(Default)]
struct Used {
    list: Vec<Entry>,
    all: FxHashSet<Entry>,
}

impl Used {
    fn note(&mut self, entry: Entry) {
        if self.all.insert(entry) {
            guard!(self.list.push(entry));
        }
    }

    fn truncate(&mut self, len: usize) {
        for entry in self.list.drain(len..) {
            self.all.remove(&entry);
        }
    }
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
            used: Used::default(),
            leans: FxHashMap::default(),
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
        self.it.made_in(atom).is_some_and(|block| required!(!self.it.forest.contains(self.id, block)))
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
                Span { low: 0, high: span.divided(by.into()).high.max(0) }
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
            if !worth!(self.steps <= MAX_STEPS && self.it.budget().spend(4 + poly.terms.len())) {
                return None;
            }
            let next = poly.atoms().find(|a| !kept.contains(a));
            let Some(atom) = next else { break };
            match self.counter(atom) {
                Some(expanded) => {
                    poly = poly.replaced(atom, &expanded.poly)?;
                    guard!(relies.extend(expanded.relies));
                }
                None => kept.push(atom),
            }
        }
        for atom in kept {
            let quantity = self.it.atoms.borrow().get(atom).clone();
            if let Quantity::Count(id) = quantity {
                let bounds = self.bounds(id);
                guard!(relies.extend(bounds.iter().flat_map(|b| b.when.relies.iter().copied())));
            } else if self.is_fixed(atom) {
                guard!(relies.push(atom));
            }
        }
        relies.sort_unstable();
        relies.dedup();
        guard!(self.note_counts(&poly));
        Some(poly)
    }

    /// Notes which loops `poly` counts, and those around them.
    pub fn note_counts(&mut self, poly: &Poly) {
        for atom in poly.atoms() {
            let Quantity::Count(id) = *self.it.atoms.borrow().get(atom) else { continue };
            for around in self.it.forest.around(Some(id)).take_while(|l| self.it.forest.encloses(self.id, *l))
            {
                self.used.note(Entry::Bounds(around));
            }
        }
    }

    /// What a counter of the nest is.
    fn counter(&mut self, atom: Atom) -> Option<Expanded> {
        let Quantity::Value(value) = *self.it.atoms.borrow().get(atom) else { return None };
        let counter = self.it.counter(value)?;
        if !required!(self.it.forest.encloses(self.id, counter.id)) {
            return None;
        }
        self.used.note(Entry::Counter(value));
        if let Some(known) = self.counters.get(&value) {
            return known.clone();
        }
        if !worth!(self.depth < MAX_DEPTH) {
            return None;
        }
        let mark = self.log.len();
        let before = std::mem::take(&mut self.used);
        let mut relies = Vec::new();
        self.depth += 1;
        let expanded = self.take_apart(value, &mut relies);
        self.depth -= 1;
        let leans = std::mem::replace(&mut self.used, before);
        if expanded.is_some() {
            self.leans.insert(Entry::Counter(value), leans.list);
        } else {
            guard!(self.forget(mark));
        }
        let found = expanded.map(|poly| Expanded { poly, relies });
        self.counters.insert(value, found.clone());
        self.log.push(Entry::Counter(value));
        found
    }

    fn take_apart(&mut self, value: Value, relies: &mut Vec<Atom>) -> Option<Poly> {
        let counter = self.it.counter(value)?;
        let count = Poly::atom(self.it.atom(Quantity::Count(counter.id)));
        let now = counter.growth.clone().try_map(|growth| growth.after(&count))?;
        // Taken apart, it is true of the counter from here on, as long as what it needs
        // turns out so.
        let poly = now.pending().try_map(|now| {
            now.rewritten(|poly| self.expand(poly, relies))?.proved(|poly| {
                let expanded = Expanded { poly: poly.clone(), relies: relies.clone() };
                self.counters.insert(value, Some(expanded));
                self.log.push(Entry::Counter(value));
                Some(self.span(poly))
            })
        })?;
        let mut when = When { relies: std::mem::take(relies), ..When::default() };
        let poly = self.settled(poly, &mut when);
        *relies = when.relies;
        poly.filter(|_| required!(when.natural.is_empty()))
    }

    /// What a conclusion is, if its conditions hold or can be left to the guard.
    pub fn settled<T>(&mut self, it: Pending<'_, T>, when: &mut When) -> Option<T> {
        it.settled(|_, condition| match condition {
            Condition::Fits(residue) => required!(self.exact(residue, &mut when.relies).is_some()),
            Condition::NotNegative(poly) => match self.expand(poly, &mut when.relies) {
                Some(poly) => {
                    let span = self.span(&poly);
                    if span.low < 0 {
                        guard!(when.natural.push(poly));
                    }
                    worth!(span.high >= 0)
                }
                None => false,
            },
        })
    }

    /// The polynomial that a register is equal to, in terms that the level knows.
    pub fn exact(&mut self, residue: &Residue, relies: &mut Vec<Atom>) -> Option<Poly> {
        let known = residue.rewritten(|poly| self.expand(poly, relies))?;
        known.proved(|poly| Some(self.span(poly)))
    }

    /// The bounds on how many iterations a loop of the nest has.
    pub fn bounds(&mut self, id: LoopId) -> Rc<Vec<Bound>> {
        self.used.note(Entry::Bounds(id));
        if let Some(known) = self.bounds.get(&id) {
            return known.clone();
        }
        let before = std::mem::take(&mut self.used);
        // Nothing is known while it is being found out.
        self.bounds.insert(id, Rc::default());
        let mut found = Vec::new();
        let (mut most, mut assumed) = (Span { low: 0, ..Span::ALL }, Vec::new());
        for n in 0..self.it.limits(id).len() {
            let (mark, used) = (self.log.len(), self.used.list.len());
            match self.bound(id, n) {
                Some((bound, count)) => {
                    guard!(assumed.extend(bound.when.natural.iter().cloned()));
                    if self.span(&bound.step).low < 1 {
                        guard!(assumed.extend(bound.step.plus_number(-1)));
                    }
                    found.push(bound);
                    most = most.and(count);
                }
                None => {
                    guard!(self.forget(mark));
                    self.used.truncate(used);
                }
            }
            self.counts.insert(id, most);
        }
        let leans = std::mem::replace(&mut self.used, before);
        self.leans.insert(Entry::Bounds(id), leans.list);
        self.assumed.insert(id, assumed);
        let found = Rc::new(found);
        self.bounds.insert(id, found.clone());
        self.log.push(Entry::Bounds(id));
        found
    }

    /// What limit `n` of a loop says.
    fn bound(&mut self, id: LoopId, n: usize) -> Option<(Bound, Span)> {
        let it = self.it;
        let limit = &it.limits(id)[n];
        // For as many iterations as it allows: so its conditions are looked at.
        let mut when = When::default();
        let found = limit.bound.pending().try_map(|bound| self.top(id, bound, &mut when.relies))?;
        let (mut bound, count) = self.settled(found, &mut when)?;
        bound.when = when;
        // What a guard can test does not change in the nest.
        let can_be_tested = bound.when.natural.iter().all(|p| p.atoms().all(|a| self.is_fixed(a)));
        let fits = required!(self.span(&bound.top).fits(it.widths.wide.exact));
        (required!(can_be_tested) && fits).then_some((bound, count))
    }

    /// The bound that a limit is without its conditions, and counts up to the first beyond it.
    fn top(&mut self, id: LoopId, limit: &limit::Bound, relies: &mut Vec<Atom>) -> Option<(Bound, Span)> {
        let step = self.expand(&limit.step, relies)?;
        let rest = self.expand(&limit.rest, relies)?;
        // The test was passed the time before.
        let top = rest.plus(&step)?;
        let least = self.span(&step).low.max(1);
        let count = Span { low: 0, high: self.span(&top).divided(least).high.max(0) };
        self.counts.insert(id, count);
        worth!(self.span(&step).high >= 1).then_some((Bound { step, top, when: When::default() }, count))
    }

    /// Begins to note what is assumed.
    pub fn begin(&mut self) {
        self.used = Used::default();
    }

    /// What must hold for what was concluded since then to be so: for all that use was made of, and
    /// all that this leans on, whether it was found since then or before.
    pub fn assumed(&mut self) -> When {
        let mut when = When::default();
        let mut n = 0;
        while let Some(entry) = self.used.list.get(n).copied() {
            n += 1;
            for more in self.leans.get(&entry).into_iter().flatten() {
                self.used.note(*more);
            }
            match entry {
                Entry::Counter(value) => {
                    let expanded = self.counters.get(&value).into_iter().flatten();
                    when.relies.extend(expanded.flat_map(|e| e.relies.iter().copied()));
                }
                Entry::Bounds(id) => {
                    guard!(when.natural.extend(self.assumed.get(&id).into_iter().flatten().cloned()));
                    let bounds = self.bounds.get(&id).into_iter().flat_map(|b| b.iter());
                    when.relies.extend(bounds.flat_map(|b| b.when.relies.iter().copied()));
                }
            }
        }
        when
    }

    fn forget(&mut self, mark: usize) {
        for entry in self.log.drain(mark..) {
            match entry {
                Entry::Counter(value) => {
                    self.counters.remove(&value);
                    self.leans.remove(&entry);
                }
                Entry::Bounds(id) => {
                    self.bounds.remove(&id);
                    self.counts.remove(&id);
                    self.assumed.remove(&id);
                    self.leans.remove(&entry);
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
            let mut when = When::default();
            let more = fact.pending().try_map(|known| {
                let by = poly.minus(&self.expand(known, &mut when.relies)?)?.as_number()?;
                required!(by >= 0).then_some(())
            });
            if more.is_some_and(|more| self.settled(more, &mut when).is_some())
                && required!(when.natural.is_empty())
            {
                guard!(relies.append(&mut when.relies));
                return true;
            }
        }
        false
    }
}
