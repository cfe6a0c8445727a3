//! Which accesses lose their checks in which loop, and what the guards of
//! those loops have to make sure of.

use super::access::Access;
use super::extent::Extent;
use super::level::Level;
use crate::midend::induction::Induction;
use crate::midend::loops::LoopId;
use crate::midend::poly::{Atom, Poly, Quantity};
use crate::midend::values::Value;
use crate::mir::Field;
use rustc_hash::FxHashMap;

/// Loops of more nodes are not copied; the loops in them may be.
const MAX_SIZE: usize = 1500;
/// Most nodes that a function grows by.
const MAX_GROWTH: usize = 20_000;
/// Most conditions of a guard.
const MAX_CONDITIONS: usize = 64;
/// How many loops around an access are tried.
const MAX_LEVELS: usize = 6;
/// How large, in bits, what a loop does not change is taken to be: the first
/// with which nothing can overflow. The largest is more than a tensor is long.
const BITS: [u32; 6] = [59, 40, 30, 28, 20, 15];

/// Constants less than this can be added to a length.
pub const NEAR: u64 = 1 << 50;

/// What is to be done with one loop.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The loop.
    pub id: LoopId,
    /// What the guard makes sure of.
    pub guard: Guard,
}

/// What the guard of a loop makes sure of.
#[derive(Clone, Debug)]
pub struct Guard {
    /// These are less than two to the power of `bits` in size.
    pub small: Vec<Atom>,
    /// See `small`.
    pub bits: u32,
    /// These are not negative.
    pub natural: Vec<Poly>,
    /// These are less than the field of the tensor.
    pub below: Vec<(Poly, Value, Field)>,
    /// These tensors have that rank.
    pub ranks: Vec<(Value, i64)>,
}

impl Guard {
    fn new() -> Guard {
        let bits = BITS[0];
        Guard { small: Vec::new(), bits, natural: Vec::new(), below: Vec::new(), ranks: Vec::new() }
    }

    /// How many conditions there are.
    pub fn len(&self) -> usize {
        self.small.len() + self.natural.len() + self.below.len() + self.ranks.len()
    }

    /// Adds the conditions of `other`; those that others imply are dropped.
    fn add(&mut self, other: &Guard) {
        self.bits = self.bits.min(other.bits);
        self.small.extend_from_slice(&other.small);
        self.small.sort_unstable();
        self.small.dedup();
        for poly in &other.natural {
            match self.natural.iter_mut().find(|p| p.terms == poly.terms) {
                Some(known) => known.constant = known.constant.min(poly.constant),
                None => self.natural.push(poly.clone()),
            }
        }
        for (poly, tensor, field) in &other.below {
            let same =
                |b: &&mut (Poly, Value, Field)| (b.1, b.2) == (*tensor, *field) && b.0.terms == poly.terms;
            match self.below.iter_mut().find(same) {
                Some(known) => known.0.constant = known.0.constant.max(poly.constant),
                None => self.below.push((poly.clone(), *tensor, *field)),
            }
        }
        for rank in &other.ranks {
            if !self.ranks.contains(rank) {
                self.ranks.push(*rank);
            }
        }
    }

    /// Drops conditions that others imply.
    fn tidy(&mut self, it: &Induction, id: LoopId) {
        // What may be written is all or nothing.
        let written = self.below.clone();
        self.below.retain(|(poly, tensor, field)| {
            let stronger = match field {
                Field::Len => Field::WritableLen,
                Field::Dim(0) => Field::WritableDim0,
                _ => return true,
            };
            let implies = |b: &(Poly, Value, Field)| {
                (b.1, b.2) == (*tensor, stronger) && b.0.terms == poly.terms && b.0.constant >= poly.constant
            };
            !written.iter().any(implies)
        });
        // Whatever says something with a quotient says it only of what is divided
        // and not negative; so that must be made sure of by itself.
        let divided = divided(it, self.natural.iter().chain(self.below.iter().map(|b| &b.0)));
        for n in (0..self.natural.len()).rev() {
            let poly = self.natural.remove(n);
            if divided.iter().any(|d| d.terms == poly.terms) || !self.is_natural(it, &poly) {
                self.natural.insert(n, poly);
            }
        }
        for n in (0..self.below.len()).rev() {
            let (poly, tensor, field) = self.below.remove(n);
            let least = |b: &(Poly, Value, Field)| {
                (b.1, b.2) == (tensor, field) && b.0.minus(&poly).is_some_and(|p| self.is_natural(it, &p))
            };
            if !self.below.iter().any(least) {
                self.below.insert(n, (poly, tensor, field));
            }
        }
        // What lies between a number and a length is small.
        if self.bits < BITS[0] {
            return;
        }
        let facts = it.forest.get(id).preheader.map_or(Vec::new(), |p| it.facts(p, None));
        let (natural, below) = (&self.natural, &self.below);
        self.small.retain(|atom| {
            let alone = Poly::atom(*atom);
            let is_it = |p: &Poly| p.terms == alone.terms && p.constant.unsigned_abs() < NEAR;
            let known = facts.iter().any(|fact| {
                is_it(&fact.poly)
                    && fact.requires.is_none()
                    && fact.needs.iter().all(|need| need.poly == alone)
            });
            let low = known || natural.iter().any(is_it) || it.span_of_atom(*atom).low > -i128::from(NEAR);
            let is_length = |f: Field| matches!(f, Field::Len | Field::WritableLen);
            let high = below.iter().any(|(p, _, f)| is_it(p) && is_length(*f));
            !(low && high)
        });
    }

    /// Whether `poly` cannot be negative where nothing in `natural` is.
    fn is_natural(&self, it: &Induction, poly: &Poly) -> bool {
        if !self.is_meant(it, poly) {
            return false;
        }
        // A quotient is at most what is divided: that much is lost if it is
        // subtracted, and nothing if it is dropped.
        let mut poly = poly.clone();
        loop {
            let quotient = poly.atoms().find_map(|atom| match it.atoms.borrow().get(atom) {
                Quantity::Quotient(from, by) => Some((atom, from.clone(), *by)),
                _ => None,
            });
            let Some((atom, from, by)) = quotient else { break };
            let powers = poly.by_power(atom);
            let [rest, times] = &*powers else { return false };
            let Some(times) = times.as_number() else { return false };
            let least = if times > 0 {
                Some(rest.clone())
            } else {
                rest.times(&Poly::number(by)).and_then(|rest| rest.plus_times(&from, times))
            };
            let Some(least) = least else { return false };
            poly = least;
        }
        let is_natural = |p: &Poly| p.span(|atom| it.span_of_atom(atom)).low >= 0;
        let follows = |n: &Poly| self.is_meant(it, n) && poly.minus(n).is_some_and(|p| is_natural(&p));
        is_natural(&poly) || self.natural.iter().any(follows)
    }

    /// Whether the guard itself makes sure that nothing that is divided in `poly`
    /// is negative. It need not: an access may run only where a branch in the nest
    /// has found it so. What is asked for that access then says nothing of others.
    fn is_meant(&self, it: &Induction, poly: &Poly) -> bool {
        let dividends = divided(it, [poly]);
        dividends.iter().all(|p| self.asks(p) || p.span(|atom| it.span_of_atom(atom)).low >= 0)
    }

    /// Whether it is a condition, or follows from one at once, that `poly` is
    /// not negative.
    fn asks(&self, poly: &Poly) -> bool {
        self.natural.iter().any(|n| n.terms == poly.terms && n.constant <= poly.constant)
    }

    /// Whether adding `other` would ask for nothing more, but that some values
    /// are of ordinary size.
    fn implies(&self, other: &Guard) -> bool {
        let below = |b: &(Poly, Value, Field)| {
            let same = |a: &&(Poly, Value, Field)| (a.1, a.2) == (b.1, b.2) && a.0.terms == b.0.terms;
            self.below.iter().filter(same).any(|a| a.0.constant >= b.0.constant)
        };
        other.natural.iter().all(|p| self.asks(p))
            && other.below.iter().all(below)
            && other.ranks.iter().all(|r| self.ranks.contains(r))
    }
}

/// What is divided in `polys`, and in what is divided.
fn divided<'p>(it: &Induction, polys: impl IntoIterator<Item = &'p Poly>) -> Vec<Poly> {
    let atoms = it.atoms.borrow();
    let dividends = |poly: &Poly| -> Vec<Poly> {
        let of = |atom| match atoms.get(atom) {
            Quantity::Quotient(from, _) => Some(from.clone()),
            _ => None,
        };
        poly.atoms().filter_map(of).collect()
    };
    let mut found: Vec<Poly> = polys.into_iter().flat_map(dividends).collect();
    let mut next = 0;
    while next < found.len() {
        let inner = dividends(&found[next]);
        found.extend(inner);
        next += 1;
    }
    found
}

/// The plan of each loop that has one, outer loops first, and for each access
/// the position in that list of the plan under which it is unchecked.
#[derive(Debug, Default)]
pub struct Plans {
    /// The plans.
    pub list: Vec<Plan>,
    /// The accesses, in order.
    pub accesses: Vec<(Access, usize)>,
}

/// Plans the whole function.
pub fn plan(it: &Induction) -> Plans {
    let mut planner = Planner {
        it,
        levels: FxHashMap::default(),
        guards: FxHashMap::default(),
        left: MAX_GROWTH.min(3 * it.func.size() + 100),
    };
    let mut chosen: Vec<(Access, LoopId)> = Vec::new();
    let mut unsure: Vec<Access> = Vec::new();
    for &block in it.forest.cfg.rpo() {
        if it.forest.innermost(block).is_none() || it.func.blocks[block.index()].cold {
            continue;
        }
        for node in 0..it.func.blocks[block.index()].nodes.len() {
            if let Some(access) = Access::of(it, block, node) {
                match planner.outermost(&access) {
                    Some(id) => chosen.push((access, id)),
                    None => unsure.push(access),
                }
            }
        }
    }
    for access in unsure {
        if let Some(id) = planner.anywhere(&access) {
            chosen.push((access, id));
        }
    }
    let mut list: Vec<Plan> = planner.guards.into_iter().map(|(id, guard)| Plan { id, guard }).collect();
    list.iter_mut().for_each(|plan| plan.guard.tidy(it, plan.id));
    list.sort_unstable_by_key(|plan| plan.id);
    chosen.sort_by_key(|(a, _)| (it.forest.cfg.rank(a.block), a.node));
    let position = |id: LoopId| list.binary_search_by_key(&id, |plan| plan.id).expect("planned");
    let accesses = chosen.into_iter().map(|(access, id)| (access, position(id))).collect();
    Plans { list, accesses }
}

struct Planner<'a> {
    it: &'a Induction,
    levels: FxHashMap<(LoopId, u32), Level<'a>>,
    guards: FxHashMap<LoopId, Guard>,
    /// Nodes that may still be added.
    left: usize,
}

impl Planner<'_> {
    /// Loops in which an access could lose its checks, from the inside out.
    fn candidates(&self, access: &Access) -> Vec<LoopId> {
        let forest = &*self.it.forest;
        forest
            .around(forest.innermost(access.block))
            .take(MAX_LEVELS)
            .take_while(|id| {
                let l = forest.get(*id);
                !l.cold && self.it.is_fixed(access.tensor, *id) && l.size <= MAX_SIZE && l.preheader.is_some()
            })
            .collect()
    }

    /// Puts an access that runs whenever its loop turns, and reaches exactly
    /// as far as its guard has it, into the outermost loop that will do.
    fn outermost(&mut self, access: &Access) -> Option<LoopId> {
        let forest = &*self.it.forest;
        let inner = forest.get(forest.innermost(access.block)?);
        if !inner.latches.iter().all(|latch| forest.doms.dominates(access.block, *latch)) {
            return None;
        }
        let candidates = self.candidates(access);
        candidates.into_iter().rev().find(|id| {
            let found = self.guard(access, *id);
            found.is_some_and(|(guard, exact)| exact && self.accept(*id, &guard))
        })
    }

    /// Puts an access where what is checked there already is enough for it, or
    /// else, as its guard could fail for no good reason, into the innermost.
    fn anywhere(&mut self, access: &Access) -> Option<LoopId> {
        let candidates = self.candidates(access);
        let implied = candidates.iter().rev().copied().find(|id| {
            let Some(known) = self.guards.get(id).cloned() else { return false };
            let found = self.guard(access, *id);
            found.is_some_and(|(guard, _)| known.implies(&guard) && self.accept(*id, &guard))
        });
        implied.or_else(|| {
            let id = *candidates.first()?;
            let (guard, _) = self.guard(access, id)?;
            self.accept(id, &guard).then_some(id)
        })
    }

    fn accept(&mut self, id: LoopId, guard: &Guard) -> bool {
        let forest = &*self.it.forest;
        let known = self.guards.get(&id);
        let cost = match known {
            Some(known) if known.len() > 0 || guard.len() == 0 => 0,
            _ => forest.get(id).size,
        };
        if cost > self.left || known.map_or(0, Guard::len) + guard.len() > MAX_CONDITIONS {
            return false;
        }
        self.left -= cost;
        self.guards.entry(id).or_insert_with(Guard::new).add(guard);
        true
    }

    /// What a guard before loop `id` has to make sure of for an access, and
    /// whether it is exactly that.
    fn guard(&mut self, access: &Access, id: LoopId) -> Option<(Guard, bool)> {
        BITS.into_iter().find_map(|bits| {
            let level = self.levels.entry((id, bits)).or_insert_with(|| Level::new(self.it, id, bits));
            guard(level, access)
        })
    }
}

fn guard(level: &mut Level<'_>, access: &Access) -> Option<(Guard, bool)> {
    let mut guard = Guard::new();
    guard.bits = level.bits;
    let mut extent = Extent::new(level, access.block);
    let mut ends = Vec::new();
    for index in &access.index {
        ends.push(extent.of(*index)?);
    }
    extent.settle()?;
    let exact = extent.exact;
    guard.natural = std::mem::take(&mut extent.conditions);
    guard.small = std::mem::take(&mut extent.relies);
    for (n, (least, most)) in ends.into_iter().enumerate() {
        let span = level.span(&least);
        if span.high < 0 {
            return None;
        }
        if span.low < 0 {
            guard.natural.push(least);
        }
        let field = access.length(n);
        let quantity = Quantity::Field(access.tensor, field);
        let length = Poly::atom(level.it.atom(quantity));
        let room = length.minus(&most)?.as_number();
        if room.is_none_or(|room| room < 1) {
            guard.below.push((most, access.tensor, field));
        }
    }
    if access.index.len() > 1 {
        guard.ranks.push((access.tensor, access.index.len() as i64));
    }
    // Ranges that are known anyway need no checks.
    guard.small.retain(|atom| !level.it.span_of_atom(*atom).fits(level.bits));
    guard.small.sort_unstable();
    guard.small.dedup();
    Some((guard, exact))
}
