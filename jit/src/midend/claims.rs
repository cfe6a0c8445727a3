//! Claims of the analyses about a function as it is, as plain data: ranges of
//! values, iterations of loops, counters, and what tests say of iterations.
//!
//! Passes rely on such claims, and nothing in the code that they make shows it.
//! So tests evaluate the claims beside the function, and the sanitising mode
//! ([`crate::sanitize`]) checks some of them as code runs.
//!
//! A claim refers to values by where they are made, never to the analysis that
//! it comes from. Whoever checks it needs no more than to watch definitions
//! and edges. [`Claims::of`] is the only place that asks the analyses.

use super::analysis::Analyses;
use super::analysis::counted_loop::{Counted, Step};
use super::analysis::induction::assuming::{Assuming, Condition};
use super::analysis::induction::residue::Residue;
use super::analysis::induction::{Induction, counter, limit};
use super::analysis::loops::LoopId;
use super::analysis::poly::{self, Poly};
use super::analysis::trip_count::TripCounts;
use super::analysis::values::{Def, Made, Value};
use crate::budget::Budget;
use crate::mir::{Field, Func, MirOp, Ty};
use nbc_ir::{BlockId, Inst, Type};
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// All that is claimed of a function.
#[derive(Clone, Default, Debug)]
pub struct Claims {
    /// The values that claims are about.
    pub values: Vec<Def>,
    /// Ranges of some of them.
    pub ranges: Vec<Range>,
    /// Loops.
    pub loops: Vec<Loop>,
}

/// Number of a value in [`Claims::values`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ValueId(pub u32);

impl ValueId {
    /// Position in [`Claims::values`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An integer or truth value lies in `low..=high`, narrower than its type,
/// whenever it has been made.
#[derive(Clone, Debug)]
pub struct Range {
    /// The value.
    pub of: ValueId,
    /// The least.
    pub low: i64,
    /// The greatest.
    pub high: i64,
    /// Whether a node reads it: only then does its register surely hold it.
    pub is_read: bool,
}

/// The claims about a loop.
#[derive(Clone, Debug)]
pub struct Loop {
    /// Its header.
    pub header: BlockId,
    /// Its blocks, in order.
    pub blocks: Vec<BlockId>,
    /// The block between the loop and all that leads there from outside. When
    /// the function has no block of that number, claims speak as if there were
    /// one. Its values are what registers hold when the loop is entered.
    pub preheader: Option<BlockId>,
    /// The header runs no more than so many times each time that the loop is entered.
    pub at_most: Option<i64>,
    /// Its counters.
    pub counters: Vec<Counter>,
    /// Values that grow by one of several numbers.
    pub drifts: Vec<Drift>,
    /// What its tests say.
    pub limits: Vec<Limit>,
}

/// When the header begins after `count` times around, the value is
/// `start + step * count` modulo two to its bits, if all needs hold.
#[derive(Clone, Debug)]
pub struct Counter {
    /// The value: a phi of the header.
    pub of: ValueId,
    /// What it starts with; `None` for what it had at count 0.
    pub start: Option<Sum>,
    /// What it grows by.
    pub step: Sum,
    /// What must hold for it.
    pub needs: Vec<Need>,
}

/// When the header begins after `count` times around, the value lies between
/// two bounds. They are `start + least * count` and `start + most * count`, and
/// hold if both fit `bits`.
#[derive(Clone, Debug)]
pub struct Drift {
    /// The value: a phi of the header.
    pub of: ValueId,
    /// What it starts with.
    pub start: Sum,
    /// The least that it grows by.
    pub least: i64,
    /// The most.
    pub most: i64,
    /// See above; sign apart.
    pub bits: u32,
}

/// Where the end of block `at` lets the loop go on after `count` times around,
/// `step * count <= rest`, if all needs hold.
#[derive(Clone, Debug)]
pub struct Limit {
    /// The block with the test.
    pub at: BlockId,
    /// What a time around comes closer by.
    pub step: Sum,
    /// See above.
    pub rest: Sum,
    /// What must hold for it.
    pub needs: Vec<Need>,
    /// Whether it is not so where the test leaves the loop.
    pub exact: bool,
}

/// What a sum must have been whenever it could be computed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Need {
    /// Less than two to the power of so many bits in size.
    Fits(Sum, u32),
    /// Not negative.
    NotNegative(Sum),
}

/// A sum of products, of exact numbers.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sum {
    /// Factors, and how often their product counts.
    pub terms: Vec<(Vec<Quantity>, i64)>,
    /// What is added.
    pub constant: i64,
}

impl Sum {
    /// The number that it is, if nothing else is in it.
    fn as_number(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.constant)
    }
}

/// A factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quantity {
    /// An integer value as a signed number.
    Value(ValueId),
    /// A field of the tensor that is this value.
    Field(ValueId, Field),
    /// How often a loop, of that number in [`Claims::loops`], has gone back to its
    /// header since it was entered.
    Count(usize),
}

impl Claims {
    /// What the analyses claim about `func`; nothing where it would take too long.
    pub fn of(func: &Func) -> Claims {
        let mut func = func.clone();
        let known = &mut Analyses::within(&Rc::new(Budget::new(func.size())));
        known.with_preheaders(&mut func);
        match known.induction(&func) {
            Some(it) => Listing::of(&func, &it),
            None => Claims::default(),
        }
    }
}

/// Claims being listed.
struct Listing<'a> {
    it: &'a Induction,
    claims: Claims,
    numbers: FxHashMap<Value, ValueId>,
}

impl Listing<'_> {
    fn of(func: &Func, it: &Induction) -> Claims {
        let mut listing = Listing { it, claims: Claims::default(), numbers: FxHashMap::default() };
        listing.ranges(func);
        let mut trip_counts = TripCounts::new(it);
        // Numbers of loops are those of the forest.
        for id in it.forest.ids() {
            let at_most = trip_counts.at_most(id);
            let of_loop = listing.of_loop(id, at_most);
            listing.claims.loops.push(of_loop);
        }
        listing.claims
    }

    fn number(&mut self, value: Value) -> ValueId {
        let next = ValueId(self.claims.values.len() as u32);
        let id = *self.numbers.entry(value).or_insert(next);
        if id == next {
            self.claims.values.push(self.it.values.def(value));
        }
        id
    }

    fn ranges(&mut self, func: &Func) {
        let values = self.it.values.clone();
        let mut is_read = vec![false; values.len()];
        for &block in self.it.forest.cfg.rpo() {
            for n in 0..func.blocks[block.index()].nodes.len() {
                values.uses(block, n).iter().for_each(|v| is_read[v.index()] = true);
            }
        }
        for (value, is_read) in (0..).map(Value).zip(is_read) {
            let def = values.def(value);
            let whole = match func.regs[def.reg.index()] {
                Ty::Value(Type::I64) => self.it.widths.wide.span(),
                Ty::Value(Type::I32) => self.it.widths.narrow.span(),
                Ty::Value(Type::Bool) => poly::Span::new(0, 1),
                _ => continue,
            };
            let span = self.it.ranges.of(value);
            let low = i64::try_from(span.low.max(whole.low));
            let high = i64::try_from(span.high.min(whole.high));
            if let (Ok(low), Ok(high), true) = (low, high, span != whole && !is_literal(func, def)) {
                let of = self.number(value);
                self.claims.ranges.push(Range { of, low, high, is_read });
            }
        }
    }

    fn of_loop(&mut self, id: LoopId, at_most: Option<i64>) -> Loop {
        let it = self.it;
        let l = it.forest.get(id);
        let mut blocks = it.forest.blocks(id);
        blocks.sort_unstable();
        let (mut counters, mut drifts) = (Vec::new(), Vec::new());
        for &phi in it.values.phis(l.header) {
            counters.extend(it.counter(phi).and_then(|counter| self.counter(phi, counter)));
            drifts.extend(it.drift(phi).and_then(|drift| self.drift(phi, drift)));
        }
        let limits = it.limits(id).iter().filter_map(|limit| self.limit(limit)).collect();
        let mut of_loop =
            Loop { header: l.header, blocks, preheader: l.preheader, at_most, counters, drifts, limits };
        if let Some(counted) = Counted::new(it, id) {
            of_loop.at_most = [at_most, counted.trip_count()].into_iter().flatten().min();
            if let Step::Literal(by) = counted.step {
                let step = Sum { terms: Vec::new(), constant: by };
                let of = self.number(counted.phi);
                of_loop.counters.push(Counter { of, start: None, step, needs: Vec::new() });
            }
        }
        of_loop
    }

    fn counter(&mut self, phi: Value, counter: &counter::Counter) -> Option<Counter> {
        let (growth, needs) = self.claimed(&counter.growth)?;
        let (start, step) = (self.congruent(&growth.start)?, self.congruent(&growth.step)?);
        Some(Counter { of: self.number(phi), start: Some(start), step, needs })
    }

    fn drift(&mut self, phi: Value, drift: &counter::Drift) -> Option<Drift> {
        let counter::Drift { least, most, .. } = *drift;
        let start = self.congruent(&drift.start)?;
        Some(Drift { of: self.number(phi), start, least, most, bits: drift.start.width().exact })
    }

    fn limit(&mut self, limit: &limit::Limit) -> Option<Limit> {
        let (bound, needs) = self.claimed(&limit.bound)?;
        let (step, rest) = (self.sum(&bound.step)?, self.sum(&bound.rest)?);
        Some(Limit { at: limit.at, step, rest, needs, exact: limit.exact })
    }

    /// What is concluded, and under which conditions, which are left to whoever checks it.
    fn claimed<'t, T>(&mut self, it: &'t Assuming<T>) -> Option<(&'t T, Vec<Need>)> {
        let mut needs = Vec::new();
        let claimed = it.settled(|condition| {
            let need = match condition {
                Condition::Fits(residue) => {
                    self.congruent(residue).map(|sum| Need::Fits(sum, residue.width().exact))
                }
                Condition::NotNegative(poly) => self.sum(poly).map(Need::NotNegative),
            };
            let holds = match &need {
                Some(Need::Fits(sum, bits)) => sum.as_number().is_none_or(|n| n.unsigned_abs() < 1 << bits),
                Some(Need::NotNegative(sum)) => sum.as_number().is_none_or(|n| n >= 0),
                None => false,
            };
            needs.extend(need);
            holds
        })?;
        Some((claimed, needs))
    }

    /// What a register is modulo two to its bits.
    fn congruent(&mut self, residue: &Residue) -> Option<Sum> {
        self.sum(residue.congruent())
    }

    fn sum(&mut self, poly: &Poly) -> Option<Sum> {
        let mut terms = Vec::with_capacity(poly.terms.len());
        for (product, times) in &poly.terms {
            let mut factors = Vec::new();
            for atom in product.atoms() {
                let quantity = self.it.atoms.borrow().get(atom).clone();
                factors.push(match quantity {
                    poly::Quantity::Value(value) => Quantity::Value(self.number(value)),
                    poly::Quantity::Field(value, field) => Quantity::Field(self.number(value), field),
                    poly::Quantity::Count(id) => Quantity::Count(id.index()),
                    poly::Quantity::Quotient(..) => return None,
                });
            }
            terms.push((factors, *times));
        }
        Some(Sum { terms, constant: poly.constant })
    }
}

/// Whether nothing need be claimed of a value, for it is written there.
fn is_literal(func: &Func, def: Def) -> bool {
    let Made::Node(n) = def.made else { return false };
    matches!(
        func.blocks[def.block.index()].nodes[n as usize].op,
        MirOp::Inst(Inst::I64Const { .. } | Inst::I32Const { .. } | Inst::BoolConst { .. })
    )
}
