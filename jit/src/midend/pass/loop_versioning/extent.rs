//! Extents: how small and how large an index can get, in terms that can be
//! computed before the nest is entered.
//!
//! What changes in the nest is replaced by its bounds, the innermost first: a
//! counter's bound may be in terms of the counters around it, so that the
//! second index of a triangle is bounded with the first. What is concluded is
//! never too narrow; where it may be too wide it is not `exact`.

use super::level::{Level, When};
use crate::midend::analysis::induction::assuming::Condition;
use crate::midend::analysis::induction::counter::Growth;
use crate::midend::analysis::induction::fact::Fact;
use crate::midend::analysis::induction::residue::{Residue, Width};
use crate::midend::analysis::poly::{Atom, Poly, Quantity, Span};
use crate::midend::analysis::values::{Arg, Value};
use crate::mir::MirOp;
use nbc_ir::{BlockId, Inst};

/// Most steps for one index.
const MAX_STEPS: u32 = 80;

/// A fact with counters taken apart.
struct Known {
    poly: Poly,
    when: When,
}

/// Finds out the extents of indices at one place.
pub struct Extent<'l, 'a> {
    level: &'l mut Level<'a>,
    facts: Vec<Known>,
    /// What must not be negative.
    pub conditions: Vec<Poly>,
    /// Values that must be small.
    pub relies: Vec<Atom>,
    /// Whether the bounds found are reached, as far as can be told.
    pub exact: bool,
    steps: u32,
}

/// A bound: `scale * quantity <= poly`, or `>=` for a lower one.
struct Side {
    scale: Poly,
    poly: Poly,
    conditions: Vec<Poly>,
    relies: Vec<Atom>,
    exact: bool,
    /// Whether `poly` is not negative where the conditions are met.
    natural: bool,
}

impl Side {
    fn new(poly: Poly) -> Side {
        Side {
            scale: Poly::number(1),
            poly,
            conditions: Vec::new(),
            relies: Vec::new(),
            exact: true,
            natural: false,
        }
    }
}

impl<'l, 'a> Extent<'l, 'a> {
    /// For indices used in `block`.
    pub fn new(level: &'l mut Level<'a>, block: BlockId) -> Extent<'l, 'a> {
        level.begin();
        let header = level.it.forest.get(level.id).header;
        let mut facts = Vec::new();
        for fact in level.it.facts(block, Some(header)) {
            facts.extend(known(level, &fact));
        }
        Extent { level, facts, conditions: Vec::new(), relies: Vec::new(), exact: true, steps: 0 }
    }

    /// Least and greatest value of an operand, in fixed quantities.
    pub fn of(&mut self, arg: Arg) -> Option<(Poly, Poly)> {
        let index = self.level.it.index(arg)?.rewritten(|poly| self.expand(poly))?;
        let mut ends = None;
        index.proved(|poly| {
            let (low, high) = (self.bound(poly.clone(), false)?, self.bound(poly.clone(), true)?);
            let span = self.level.span(&low).or(self.level.span(&high));
            ends = Some((low, high));
            Some(span)
        })?;
        ends
    }

    /// Makes conditions of what was assumed.
    pub fn settle(&mut self) -> Option<()> {
        let mut done: Vec<Poly> = Vec::new();
        loop {
            let when = self.level.assumed();
            let Some(poly) = when.natural.into_iter().find(|p| !done.contains(p)) else {
                guard!(self.relies.extend(when.relies));
                return Some(());
            };
            self.level.note_counts(&poly);
            done.push(poly.clone());
            self.require(poly)?;
        }
    }

    fn expand(&mut self, poly: &Poly) -> Option<Poly> {
        self.level.expand(poly, &mut self.relies)
    }

    /// Least or greatest value of `poly`, in fixed quantities.
    fn bound(&mut self, mut poly: Poly, up: bool) -> Option<Poly> {
        loop {
            self.steps += 1;
            let work = 4 + poly.terms.len() + self.facts.len();
            if !worth!(self.steps <= MAX_STEPS && self.level.it.budget().spend(work)) {
                return None;
            }
            let changing = poly.atoms().filter(|a| !self.level.is_fixed(*a));
            let Some(atom) = changing.max_by_key(|a| self.rank(*a)) else { break };
            let powers = poly.by_power(atom);
            poly = match &*powers {
                [rest, times] => {
                    let part = self.part(times, atom, up)?;
                    rest.plus(&part)?
                }
                _ => self.bound_powers(&poly, &powers, atom, up)?,
            };
        }
        required!(self.level.span(&poly).fits(self.level.it.widths.wide.exact)).then_some(poly)
    }

    /// Where a quantity is made: what comes later is replaced first.
    fn rank(&self, atom: Atom) -> (usize, u32, Atom) {
        let forest = &self.level.it.forest;
        let rank = |block| forest.cfg.rank(block).unwrap_or(0);
        match *self.level.it.atoms.borrow().get(atom) {
            Quantity::Value(v) | Quantity::Field(v, _) => {
                (rank(self.level.it.values.def(v).block), v.0, atom)
            }
            Quantity::Count(id) => (rank(forest.get(id).header), 0, atom),
            Quantity::Quotient(..) => (0, 0, atom),
        }
    }

    /// The bound of a polynomial with powers of a count, all counting upward.
    fn bound_powers(&mut self, poly: &Poly, powers: &[Poly], atom: Atom, up: bool) -> Option<Poly> {
        if !required!(self.level.span_of(atom).low >= 0) {
            return None;
        }
        let signs: Vec<bool> = powers[1..]
            .iter()
            .filter(|p| **p != Poly::default())
            .map(|p| self.level.span(p).low >= 0)
            .collect();
        let falling = powers[1..].iter().all(|p| self.level.span(p).high <= 0);
        if !falling && !required!(signs.iter().all(|s| *s)) {
            return None;
        }
        let side = self.sides(atom, up != falling).into_iter().next()?;
        if !required!(side.scale == Poly::number(1)) || !worth!(self.comes_before(&side.poly, atom)) {
            return None;
        }
        let by = side.poly.clone();
        self.accept(side)?;
        guard!(self.require(by.clone())?);
        poly.replaced(atom, &by)
    }

    /// The bound of `times * atom`.
    fn part(&mut self, times: &Poly, atom: Atom, up: bool) -> Option<Poly> {
        let span = self.level.span(times);
        let grows = if span.low >= 0 {
            true
        } else if span.high <= 0 {
            false
        } else {
            // Whether it is positive is left to the guard.
            let positive = times.terms.first().is_some_and(|t| t.1 > 0);
            guard!(self.require(if positive { times.clone() } else { times.negated()? })?);
            positive
        };
        let upper = up == grows;
        let mut best: Option<(Poly, Side)> = None;
        for side in self.sides(atom, upper) {
            if !worth!(self.comes_before(&side.poly, atom) && self.comes_before(&side.scale, atom)) {
                continue;
            }
            let Some((part, side)) = self.scaled(times, side, upper) else { continue };
            // The narrower one, if they can be compared, else the first.
            let narrower = best.as_ref().is_none_or(|(kept, _)| {
                let more = part.minus(kept).and_then(|p| p.as_number()).unwrap_or(0);
                if up { more < 0 } else { more > 0 }
            });
            if narrower {
                best = Some((part, side));
            }
        }
        let (part, side) = best?;
        self.accept(side)?;
        Some(part)
    }

    /// `times * quantity`, where `scale * quantity` is bounded by `poly`.
    fn scaled(&mut self, times: &Poly, mut side: Side, upper: bool) -> Option<(Poly, Side)> {
        match side.scale.as_number() {
            Some(1) => return Some((times.times(&side.poly)?, side)),
            Some(scale) if scale > 1 && upper => {
                if let Some(poly) = side.poly.divided(scale) {
                    return Some((times.times(&poly)?, side));
                }
                if let Some(quotient) = self.quotient(&side.poly, scale) {
                    if !side.natural {
                        guard!(side.conditions.push(side.poly.clone()));
                    }
                    return Some((times.times(&quotient)?, side));
                }
            }
            _ => {}
        }
        side.exact = false;
        let times = times.over(&side.scale)?;
        Some((times.times(&side.poly)?, side))
    }

    /// The quotient by a positive number. The guard divides what a register holds: so that must
    /// be the polynomial, and not what is left of it.
    fn quotient(&mut self, poly: &Poly, by: i64) -> Option<Poly> {
        let is_fixed = required!(poly.atoms().all(|a| self.level.is_fixed(a)));
        let fits = required!(self.level.span(poly).fits(self.level.it.widths.wide.exact));
        (is_fixed && fits).then(|| Poly::atom(self.level.it.atom(Quantity::Quotient(poly.clone(), by))))
    }

    fn comes_before(&self, poly: &Poly, atom: Atom) -> bool {
        poly.atoms().all(|a| self.level.is_fixed(a) || self.rank(a) < self.rank(atom))
    }

    /// Makes use of a bound.
    fn accept(&mut self, side: Side) -> Option<()> {
        guard!(self.relies.extend(side.relies));
        self.exact &= worth!(side.exact);
        side.conditions.into_iter().try_for_each(|poly| self.require(poly))
    }

    /// Adds the condition that `poly` is never negative.
    fn require(&mut self, poly: Poly) -> Option<()> {
        if self.level.span(&poly).low >= 0 {
            return Some(());
        }
        let least = self.bound(poly, false)?;
        let span = self.level.span(&least);
        if !worth!(span.high >= 0) {
            return None;
        }
        if span.low < 0 && !self.conditions.contains(&least) {
            guard!(self.conditions.push(least));
        }
        Some(())
    }

    /// What bounds a quantity from above or below, best first.
    fn sides(&mut self, atom: Atom, upper: bool) -> Vec<Side> {
        let mut sides = Vec::new();
        for fact in &self.facts {
            sides.extend(side_of_fact(fact, atom, upper));
        }
        let quantity = self.level.it.atoms.borrow().get(atom).clone();
        match quantity {
            Quantity::Count(_) if !upper => sides.push(Side::new(Poly::number(0))),
            Quantity::Count(id) => {
                let it = self.level.it;
                for bound in &*self.level.bounds(id) {
                    let When { natural: mut conditions, mut relies } = bound.when.clone();
                    if self.level.span(&bound.step).low < 1 {
                        guard!(conditions.extend(bound.step.plus_number(-1)));
                    }
                    let entered = it.forest.get(id).preheader;
                    let known = entered.is_some_and(|p| self.level.is_known(&bound.top, p, &mut relies));
                    if !known {
                        guard!(conditions.push(bound.top.clone()));
                    }
                    let (scale, poly) = (bound.step.clone(), bound.top.clone());
                    sides.push(Side { scale, poly, conditions, relies, exact: true, natural: true });
                }
            }
            Quantity::Value(value) => {
                sides.extend(self.side_of_value(value, upper).map(|side| Side { exact: false, ..side }));
                let span = self.level.span_of(atom);
                let end = if upper { span.high } else { span.low };
                let fits = span.fits(self.level.it.widths.wide.exact);
                if let (Ok(end), true) = (i64::try_from(end), fits) {
                    sides.push(Side { exact: false, ..Side::new(Poly::number(end)) });
                }
            }
            Quantity::Field(..) if !upper => sides.push(Side::new(Poly::number(0))),
            Quantity::Field(..) | Quantity::Quotient(..) => {}
        }
        sides
    }

    /// The polynomial of an operand, where the register is equal to it.
    fn plain(&mut self, arg: Arg, width: Width, relies: &mut Vec<Atom>) -> Option<Poly> {
        let residue = self.level.it.residue_of(arg, width)?;
        self.level.exact(&residue, relies)
    }

    /// What bounds the result of an instruction that is not affine.
    fn side_of_value(&mut self, value: Value, upper: bool) -> Option<Side> {
        let mut relies = Vec::new();
        if let Some(drift) = self.level.it.drift(value) {
            // Over all iterations so far, and not beyond what the register holds.
            let count = Poly::atom(self.level.it.atom(Quantity::Count(drift.id)));
            let count = self.level.expand(&count, &mut relies)?;
            let growth = |by: i64| Growth {
                start: drift.start.clone(),
                step: Residue::number(by, drift.start.width()),
            };
            let low = self.level.exact(&growth(drift.least).after(&count)?, &mut relies)?;
            let high = self.level.exact(&growth(drift.most).after(&count)?, &mut relies)?;
            return Some(Side { relies, ..Side::new(if upper { high } else { low }) });
        }
        let it = self.level.it;
        let (MirOp::Inst(inst), args) = it.maker(value)? else { return None };
        let width = it.width(value)?;
        let mut conditions = Vec::new();
        let poly = match inst {
            Inst::I64ExtendI32 { .. } | Inst::I64ExtendI32U { .. } => {
                let from = it.residue_of(args[0], it.widths.narrow)?;
                let from = from.rewritten(|poly| self.level.expand(poly, &mut relies))?;
                let all = it.widths.narrow.span();
                let signed = matches!(inst, Inst::I64ExtendI32 { .. });
                let same = from.exactly_in(if signed { all } else { Span { low: 0, ..all } })?;
                let poly = same.settled(|condition| match condition {
                    Condition::Fits(_) => false,
                    Condition::NotNegative(poly) => {
                        if self.level.span(poly).low < 0 {
                            guard!(conditions.push(poly.clone()));
                        }
                        true
                    }
                })?;
                poly.clone()
            }
            Inst::I64RemU { .. } | Inst::I32RemU { .. } | Inst::I64Rem { .. } | Inst::I32Rem { .. } => {
                let most = self.plain(args[1], width, &mut relies)?.plus_number(-1)?;
                guard!(conditions.push(most.clone()));
                let signed = matches!(inst, Inst::I64Rem { .. } | Inst::I32Rem { .. });
                if upper {
                    most
                } else {
                    if signed && it.ranges.of_arg(args[0]).low < 0 {
                        guard!(conditions.push(self.plain(args[0], width, &mut relies)?));
                    }
                    Poly::number(0)
                }
            }
            Inst::I64And { .. } | Inst::I32And { .. } => {
                let masks = [args[1], args[0]];
                let mask = masks.into_iter().find_map(|arg| {
                    let poly = self.plain(arg, width, &mut relies)?;
                    let is_fixed = poly.atoms().all(|a| self.level.is_fixed(a));
                    worth!(is_fixed).then_some(poly)
                })?;
                guard!(conditions.push(mask.clone()));
                if upper { mask } else { Poly::number(0) }
            }
            Inst::I64Min { .. } | Inst::I32Min { .. } => {
                let (a, b) =
                    (self.plain(args[0], width, &mut relies), self.plain(args[1], width, &mut relies));
                if upper {
                    let is_fixed = |p: &Poly| p.atoms().all(|a| self.level.is_fixed(a));
                    [&b, &a].into_iter().flatten().find(|p| is_fixed(p)).or(a.as_ref())?.clone()
                } else {
                    guard!(conditions.extend([a?, b?]));
                    Poly::number(0)
                }
            }
            Inst::I64Max { .. } | Inst::I32Max { .. } => {
                let (a, b) =
                    (self.plain(args[0], width, &mut relies), self.plain(args[1], width, &mut relies));
                let is_number = |p: &&Poly| p.as_number().is_some();
                let number = [&a, &b].into_iter().flatten().find(is_number)?.clone();
                if upper {
                    let other = [&a, &b].into_iter().flatten().find(|p| !is_number(p))?.clone();
                    let most = self.bound(other, true)?;
                    guard!(conditions.push(most.minus(&number)?));
                    most
                } else {
                    number
                }
            }
            Inst::I64Div { .. } | Inst::I64DivU { .. } | Inst::I64Shr { .. } | Inst::I64ShrU { .. } => {
                let by = it.residue_of(args[1], width)?.as_number()?;
                let is_shift = matches!(inst, Inst::I64Shr { .. } | Inst::I64ShrU { .. });
                let by = if is_shift {
                    let fits = required!((0..i64::from(width.exact).min(41)).contains(&by));
                    1i64.checked_shl(fits.then_some(by as u32)?)? // marked above
                } else {
                    by
                };
                let poly = self.plain(args[0], width, &mut relies)?;
                if !required!(by >= 1) {
                    return None;
                }
                guard!(conditions.push(poly.clone()));
                if upper {
                    let most = self.bound(poly, true)?;
                    guard!(conditions.push(most.clone()));
                    self.quotient(&most, by)?
                } else {
                    Poly::number(0)
                }
            }
            _ => return None,
        };
        Some(Side { conditions, relies, ..Side::new(poly) })
    }
}

/// A fact in terms of what the level takes counters apart to.
fn known(level: &mut Level<'_>, fact: &Fact) -> Option<Known> {
    let mut when = When::default();
    let poly = fact.pending().try_map(|fact| level.expand(fact, &mut when.relies))?;
    let poly = level.settled(poly, &mut when)?;
    Some(Known { poly, when })
}

/// What a fact says of a quantity that it is linear in.
fn side_of_fact(fact: &Known, atom: Atom, upper: bool) -> Option<Side> {
    if !fact.poly.has(atom) {
        return None; // shape
    }
    let powers = fact.poly.by_power(atom);
    let [rest, times] = &*powers else { return None };
    // rest + times * quantity >= 0
    let times = times.as_number()?;
    if !worth!((times < 0) == upper) {
        return None;
    }
    let (scale, poly) = if upper { (times.checked_neg()?, rest.clone()) } else { (times, rest.negated()?) };
    let mut side = Side::new(poly);
    side.scale = Poly::number(scale);
    guard!(side.conditions.clone_from(&fact.when.natural));
    guard!(side.relies.clone_from(&fact.when.relies));
    Some(side)
}
