//! Whether what analyses claim of a function is true while it is evaluated.
//!
//! [`Held`] are the claims of one function, made ready to be looked at; a [`Watch`] is the
//! observer of one evaluation. It keeps the last number of each value that a claim speaks of and
//! how often each loop has gone on. It holds every claim wherever it says something: ranges where
//! values are made, counters and iterations where headers begin, tests where edges are taken.
//!
//! What a claim needs is looked at whenever something in it changes. Once it has not held, the
//! claim is not looked at again in that evaluation: a claim may be missed, never found false by
//! mistake.

use crate::eval::Observer;
use crate::state::State;
use crate::value::Slot;
use nbc_ir::{BlockId, Type};
use nbc_jit::midend::analysis::values::{Def, Made};
use nbc_jit::midend::claims::{Claims, Counter, Drift, Limit, Loop, Need, Quantity, Sum, ValueId};
use nbc_jit::mir::{Func, Ty};

/// The claims of a function, ready to be held against evaluations of it.
#[derive(Debug)]
pub struct Held {
    /// What is claimed.
    claims: Claims,
    /// By value: its ranges in `claims.ranges`, and needs that it is in.
    of_value: Vec<(Vec<u32>, Vec<u32>)>,
    /// Values that are there at entry.
    at_entry: Vec<ValueId>,
    /// By block: values that are there where it begins, and those that each of its nodes makes.
    phis: Vec<Vec<ValueId>>,
    made: Vec<Vec<Vec<ValueId>>>,
    /// By block: the loop whose header it is, and values of a preheader that is only spoken of.
    headed: Vec<Option<usize>>,
    entered: Vec<Vec<ValueId>>,
    /// By block: loop and limit whose test is at its end.
    tests: Vec<Vec<(usize, usize)>>,
    /// By loop and block, whether it is in it.
    inside: Vec<Vec<bool>>,
    /// All needs, and those in which a loop counts.
    needs: Vec<Need>,
    counted: Vec<Vec<u32>>,
    /// By loop: needs of its counters, and of its limits.
    needed: Vec<[Vec<Vec<u32>>; 2]>,
}

/// A sum that has been computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exact {
    /// It is this.
    Is(i128),
    /// Larger than anything that is compared.
    TooLarge,
    /// Something in it is not there yet, or gone.
    Unknown,
}

impl Held {
    /// Those claims, which are about `func`.
    pub fn new(func: &Func, claims: Claims) -> Held {
        let blocks = func.blocks.len();
        let made = func.blocks.iter().map(|b| vec![Vec::new(); b.nodes.len()]).collect();
        let mut held = Held {
            of_value: vec![Default::default(); claims.values.len()],
            at_entry: Vec::new(),
            phis: vec![Vec::new(); blocks],
            made,
            headed: vec![None; blocks],
            entered: vec![Vec::new(); blocks],
            tests: vec![Vec::new(); blocks],
            inside: Vec::new(),
            needs: Vec::new(),
            counted: vec![Vec::new(); claims.loops.len()],
            needed: Vec::new(),
            claims: Claims::default(),
        };
        for (n, range) in claims.ranges.iter().enumerate() {
            held.of_value[range.of.index()].0.push(n as u32);
        }
        for (n, l) in claims.loops.iter().enumerate() {
            held.add_loop(n, l, blocks);
        }
        for (value, def) in (0..).map(ValueId).zip(&claims.values) {
            let spoken_of = |l: &&Loop| l.preheader == Some(def.block) && def.block.index() >= blocks;
            let list = match (claims.loops.iter().find(spoken_of), def.made) {
                (Some(l), _) => &mut held.entered[l.header.index()],
                (None, Made::Entry) => &mut held.at_entry,
                (None, Made::Phi) => &mut held.phis[def.block.index()],
                (None, Made::Node(node)) => &mut held.made[def.block.index()][node as usize],
            };
            list.push(value);
        }
        held.claims = claims;
        held
    }

    fn add_loop(&mut self, n: usize, l: &Loop, blocks: usize) {
        let mut inside = vec![false; blocks];
        l.blocks.iter().filter(|b| b.index() < blocks).for_each(|b| inside[b.index()] = true);
        self.inside.push(inside);
        self.headed[l.header.index()] = Some(n);
        for (m, limit) in l.limits.iter().enumerate() {
            self.tests[limit.at.index()].push((n, m));
        }
        let of_counters = l.counters.iter().map(|c| &c.needs).map(|needs| self.add_needs(needs)).collect();
        let of_limits = l.limits.iter().map(|l| &l.needs).map(|needs| self.add_needs(needs)).collect();
        self.needed.push([of_counters, of_limits]);
    }

    fn add_needs(&mut self, needs: &[Need]) -> Vec<u32> {
        let add = |need: &Need| {
            let n = self.needs.len() as u32;
            self.needs.push(need.clone());
            let (Need::Fits(sum, _) | Need::NotNegative(sum)) = need;
            for quantity in sum.terms.iter().flat_map(|(factors, _)| factors) {
                let list = match quantity {
                    Quantity::Value(v) | Quantity::Field(v, _) => &mut self.of_value[v.index()].1,
                    Quantity::Count(id) => &mut self.counted[*id],
                };
                if list.last() != Some(&n) {
                    list.push(n);
                }
            }
            n
        };
        needs.iter().map(add).collect()
    }
}

/// Watches one evaluation of the function.
#[derive(Debug)]
pub struct Watch<'h> {
    held: &'h Held,
    /// The first claim that was false, in words.
    pub found: Option<String>,
    /// How many claims were looked at and true.
    pub looked_at: u64,
    now: Vec<Slot>,
    /// The block that runs.
    last: Option<BlockId>,
    /// By loop: times around since it was entered, and by counter what it had then.
    counts: Vec<u64>,
    first: Vec<Vec<Option<i64>>>,
    /// Needs that have not held.
    failed: Vec<bool>,
}

impl<'h> Watch<'h> {
    /// Nothing seen yet.
    pub fn new(held: &'h Held) -> Watch<'h> {
        let loops = &held.claims.loops;
        Watch {
            held,
            found: None,
            looked_at: 0,
            now: vec![Slot::Unset; held.claims.values.len()],
            last: None,
            counts: vec![0; loops.len()],
            first: loops.iter().map(|l| vec![None; l.counters.len()]).collect(),
            failed: vec![false; held.needs.len()],
        }
    }

    /// Values that registers hold now.
    fn made(&mut self, func: &Func, values: &[ValueId], regs: &[Slot], state: &State) {
        for &value in values {
            let def = self.held.claims.values[value.index()];
            self.now[value.index()] = regs[def.reg.index()];
            let Some(number) = self.number(func, value) else { continue };
            for &range in &self.held.of_value[value.index()].0 {
                let range = &self.held.claims.ranges[range as usize];
                let holds = (range.low..=range.high).contains(&number);
                self.hold(holds, || {
                    format!("{} lies in {}..={}: it is {number}", show(def), range.low, range.high)
                });
            }
        }
        for value in values {
            self.look_at_needs(func, &self.held.of_value[value.index()].1, state);
        }
    }

    fn look_at_needs(&mut self, func: &Func, needs: &[u32], state: &State) {
        for &need in needs {
            if self.failed[need as usize] {
                continue;
            }
            let of = &self.held.needs[need as usize];
            let (Need::Fits(sum, _) | Need::NotNegative(sum)) = of;
            let holds = match (self.exact(func, sum, state), of) {
                (Exact::Is(sum), Need::Fits(_, bits)) => sum.unsigned_abs() < 1u128 << *bits,
                (Exact::Is(sum), Need::NotNegative(_)) => sum >= 0,
                (Exact::TooLarge, _) => false,
                (Exact::Unknown, _) => true,
            };
            self.failed[need as usize] = !holds;
        }
    }

    fn are_met(&self, needs: &[u32]) -> bool {
        needs.iter().all(|need| !self.failed[*need as usize])
    }

    fn hold(&mut self, holds: bool, claim: impl FnOnce() -> String) {
        self.looked_at += 1;
        if !holds {
            self.found.get_or_insert_with(claim);
        }
    }

    /// A value as a signed number.
    fn number(&self, func: &Func, value: ValueId) -> Option<i64> {
        let Slot::Bits(bits) = self.now[value.index()] else { return None };
        match func.regs[self.held.claims.values[value.index()].reg.index()] {
            Ty::Value(Type::I32) => Some((bits as u32 as i32).into()),
            Ty::Value(Type::I64 | Type::Bool) => Some(bits as i64),
            _ => None,
        }
    }

    fn quantity(&self, func: &Func, quantity: Quantity, state: &State) -> Option<i128> {
        match quantity {
            Quantity::Value(value) => self.number(func, value).map(i128::from),
            Quantity::Field(value, field) => {
                let tensor = state.heap.tensor(self.now[value.index()].object().ok()?).ok()?;
                tensor.field(field).map(i128::from)
            }
            Quantity::Count(id) => Some(self.counts[id].into()),
        }
    }

    /// A sum of exact numbers.
    fn exact(&self, func: &Func, sum: &Sum, state: &State) -> Exact {
        let (mut all, mut is_too_large) = (i128::from(sum.constant), false);
        for (factors, times) in &sum.terms {
            let mut part = Some(i128::from(*times));
            for factor in factors {
                let Some(by) = self.quantity(func, *factor, state) else { return Exact::Unknown };
                part = part.and_then(|part| part.checked_mul(by));
            }
            match part.and_then(|part| all.checked_add(part)) {
                Some(sum) => all = sum,
                None => is_too_large = true,
            }
        }
        if is_too_large { Exact::TooLarge } else { Exact::Is(all) }
    }

    /// A sum modulo 2^64.
    fn wrapped(&self, func: &Func, sum: &Sum, state: &State) -> Option<u64> {
        sum.terms.iter().try_fold(sum.constant as u64, |all, (factors, times)| {
            let part = factors.iter().try_fold(*times as u64, |part, factor| {
                Some(part.wrapping_mul(self.quantity(func, *factor, state)? as u64))
            });
            Some(all.wrapping_add(part?))
        })
    }

    /// An edge has been taken.
    fn edge(&mut self, func: &Func, from: Option<BlockId>, to: BlockId, regs: &[Slot], state: &State) {
        let held = self.held;
        match from {
            None => self.made(func, &held.at_entry, regs, state),
            Some(from) => {
                for &(id, n) in &held.tests[from.index()] {
                    let needs = &held.needed[id][1][n];
                    self.limit(func, &held.claims.loops[id].limits[n], needs, id, to, state);
                }
            }
        }
        let headed = held.headed[to.index()];
        if let Some(id) = headed {
            let is_back = from.is_some_and(|from| held.inside[id][from.index()]);
            self.counts[id] = if is_back { self.counts[id] + 1 } else { 0 };
            if !is_back {
                self.made(func, &held.entered[to.index()], regs, state);
            }
        }
        self.made(func, &held.phis[to.index()], regs, state);
        if let Some(id) = headed {
            self.look_at_needs(func, &held.counted[id], state);
            self.header(func, id, state);
        }
    }

    fn header(&mut self, func: &Func, id: usize, state: &State) {
        let l = &self.held.claims.loops[id];
        let count = self.counts[id];
        if let Some(most) = l.at_most {
            let holds = most >= 0 && count < most as u64;
            self.hold(holds, || format!("the loop at {:?} has at most {most} iterations", l.header));
        }
        for (n, counter) in l.counters.iter().enumerate() {
            self.counter(func, id, n, counter, state);
        }
        for drift in &l.drifts {
            self.drift(func, count, drift, state);
        }
    }

    fn counter(&mut self, func: &Func, id: usize, n: usize, counter: &Counter, state: &State) {
        let (number, count) = (self.number(func, counter.of), self.counts[id]);
        if count == 0 {
            self.first[id][n] = number;
        }
        let start = match &counter.start {
            Some(start) => self.wrapped(func, start, state),
            None => self.first[id][n].map(|first| first as u64),
        };
        let step = self.wrapped(func, &counter.step, state);
        let (Some(number), Some(start), Some(step)) = (number, start, step) else { return };
        if !self.are_met(&self.held.needed[id][0][n]) {
            return;
        }
        let claimed = start.wrapping_add(step.wrapping_mul(count));
        let def = self.held.claims.values[counter.of.index()];
        let is_i32 = func.regs[def.reg.index()] == Ty::Value(Type::I32);
        let claimed = if is_i32 { (claimed as i32).into() } else { claimed as i64 };
        self.hold(number == claimed, || {
            let (start, step) = (start as i64, step as i64);
            format!("{} is {start} and {count} times {step}, so {claimed}: it is {number}", show(def))
        });
    }

    fn drift(&mut self, func: &Func, count: u64, drift: &Drift, state: &State) {
        let Exact::Is(start) = self.exact(func, &drift.start, state) else { return };
        let Some(number) = self.number(func, drift.of) else { return };
        let ends =
            [drift.least, drift.most].map(|by| start.saturating_add(i128::from(by) * i128::from(count)));
        // They fit in between too: they are lines.
        let fits = |end: &i128| end.unsigned_abs() < 1u128 << drift.bits;
        if !fits(&start) || !ends.iter().all(fits) {
            return;
        }
        let def = self.held.claims.values[drift.of.index()];
        let [low, high] = ends;
        self.hold((low..=high).contains(&i128::from(number)), || {
            format!("{} lies in {low}..={high} after {count} times around: it is {number}", show(def))
        });
    }

    fn limit(&mut self, func: &Func, limit: &Limit, needs: &[u32], id: usize, to: BlockId, state: &State) {
        if !self.are_met(needs) {
            return;
        }
        let goes_on = self.held.inside[id][to.index()];
        let (Exact::Is(step), Exact::Is(rest)) =
            (self.exact(func, &limit.step, state), self.exact(func, &limit.rest, state))
        else {
            return;
        };
        let count = self.counts[id];
        let Some(all) = step.checked_mul(count.into()) else { return };
        if goes_on || limit.exact {
            self.hold((all <= rest) == goes_on, || {
                let (header, at) = (self.held.claims.loops[id].header, limit.at);
                let goes = if goes_on { "goes on" } else { "ends" };
                let sign = if goes_on { "<=" } else { ">" };
                format!("the loop at {header:?} {goes} at {at:?} if {count} * {step} {sign} {rest}")
            });
        }
    }
}

impl Observer for Watch<'_> {
    fn node(&mut self, func: &Func, block: BlockId, at: usize, regs: &[Slot], state: &State) {
        if at == 0 {
            self.edge(func, self.last, block, regs, state);
        } else {
            let held = self.held;
            self.made(func, &held.made[block.index()][at - 1], regs, state);
        }
        self.last = Some(block);
    }
}

/// A value in words.
fn show(def: Def) -> String {
    let by = match def.made {
        Made::Entry => "at entry".to_owned(),
        Made::Phi => "where it begins".to_owned(),
        Made::Node(n) => format!("made by node {n}"),
    };
    format!("%{} of {:?} {by}", def.reg.0, def.block)
}
