//! The choice of loops to version: which accesses lose their checks in which
//! loop, and what the guards of those loops have to make sure of.
//!
//! Invariant: an access is in a plan only if the guard of its loop implies its
//! checks.

use super::access::Access;
use super::extent::Extent;
use super::level::Level;
use crate::midend::analysis::induction::Induction;
use crate::midend::analysis::loops::LoopId;
use crate::midend::analysis::poly::{Atom, Poly, Quantity};
use crate::midend::analysis::values::Value;
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

/// Constants of fewer bits can be added to a length.
pub const NEAR: u32 = 50;

/// The plan of one loop.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The loop.
    pub id: LoopId,
    /// What the guard makes sure of.
    pub guard: Guard,
}

/// The guard of a loop: the conditions that it makes sure of.
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

    /// Adds the conditions of `other`. Of two that differ by a number the stronger
    /// is kept; nothing else is dropped, for a few comparisons before a loop cost nothing.
    fn add(&mut self, other: &Guard) {
        guard!(self.bits = self.bits.min(other.bits));
        self.small.extend_from_slice(&other.small);
        self.small.sort_unstable();
        self.small.dedup();
        for poly in &other.natural {
            match self.natural.iter_mut().find(|p| p.terms == poly.terms) {
                Some(known) => guard!(known.constant = known.constant.min(poly.constant)),
                None => self.natural.push(poly.clone()),
            }
        }
        for (poly, tensor, field) in &other.below {
            let same =
                |b: &&mut (Poly, Value, Field)| (b.1, b.2) == (*tensor, *field) && b.0.terms == poly.terms;
            match self.below.iter_mut().find(same) {
                Some(known) => guard!(known.0.constant = known.0.constant.max(poly.constant)),
                None => self.below.push((poly.clone(), *tensor, *field)),
            }
        }
        for rank in &other.ranks {
            if !self.ranks.contains(rank) {
                self.ranks.push(*rank);
            }
        }
    }

    /// Whether it is a condition, or follows from one at once, that `poly` is
    /// not negative.
    fn asks(&self, poly: &Poly) -> bool {
        self.natural.iter().any(|n| n.terms == poly.terms && worth!(n.constant <= poly.constant))
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

/// The plan of each loop that has one, outer loops first. Each access has the
/// position in that list of the plan under which it is unchecked.
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
    for &block in it.forest.cfg.rpo().iter().take_while(|_| !it.budget().is_used_up()) {
        if it.forest.innermost(block).is_none() || !worth!(!it.func.blocks[block.index()].cold) {
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
                let is_worth = worth!(!l.cold && l.size <= MAX_SIZE);
                is_worth && required!(self.it.is_fixed(access.tensor, *id)) && l.preheader.is_some()
            })
            .collect()
    }

    /// Puts an access into the outermost loop that will do. The access has to
    /// run in each iteration of its loop and to reach exactly as far as its
    /// guard has it.
    fn outermost(&mut self, access: &Access) -> Option<LoopId> {
        let forest = &*self.it.forest;
        let inner = forest.get(forest.innermost(access.block)?);
        if !worth!(inner.latches.iter().all(|latch| forest.doms.dominates(access.block, *latch))) {
            return None;
        }
        let candidates = self.candidates(access);
        candidates.into_iter().rev().find(|id| {
            let found = self.guard(access, *id);
            found.is_some_and(|(guard, exact)| exact && self.accept(*id, &guard))
        })
    }

    /// Puts an access where the checks that are there already are enough for
    /// it. Else it goes into the innermost loop, as its guard could fail for no
    /// good reason.
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
            worth!(self.accept(id, &guard)).then_some(id)
        })
    }

    fn accept(&mut self, id: LoopId, guard: &Guard) -> bool {
        let forest = &*self.it.forest;
        let known = self.guards.get(&id);
        // Each condition is compared with all there are.
        if !worth!(self.it.budget().spend((1 + known.map_or(0, Guard::len)) * (1 + guard.len()))) {
            return false;
        }
        let cost = match known {
            Some(known) if known.len() > 0 || guard.len() == 0 => 0,
            _ => forest.get(id).size,
        };
        if !worth!(cost <= self.left && known.map_or(0, Guard::len) + guard.len() <= MAX_CONDITIONS) {
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
            let bits = self.it.widths.of(bits);
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
    guard!(extent.settle()?);
    let exact = extent.exact;
    guard.natural = std::mem::take(&mut extent.conditions);
    guard.small = std::mem::take(&mut extent.relies);
    for (n, (least, most)) in ends.into_iter().enumerate() {
        let span = level.span(&least);
        if !worth!(span.high >= 0) {
            return None;
        }
        if span.low < 0 {
            guard!(guard.natural.push(least));
        }
        let field = access.length(n);
        let quantity = Quantity::Field(access.tensor, field);
        let length = Poly::atom(level.it.atom(quantity));
        let room = length.minus(&most)?.as_number();
        if room.is_none_or(|room| forbidden!(room < 1)) {
            guard!(guard.below.push((most, access.tensor, field)));
        }
    }
    if access.index.len() > 1 {
        guard!(guard.ranks.push((access.tensor, access.index.len() as i64)));
    }
    // Ranges that are known anyway need no checks.
    guard.small.retain(|atom| forbidden!(!level.it.span_of_atom(*atom).fits(level.bits)));
    guard.small.sort_unstable();
    guard.small.dedup();
    Some((guard, exact))
}
