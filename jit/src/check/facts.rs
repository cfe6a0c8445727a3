//! Facts at a place: conditions of branches on all ways to it, and the loop
//! invariants of [`super::invariants`].
//!
//! A fact is a polynomial that is not negative. It holds at every place that its
//! edge or header dominates: a value that dominates a place is made anew before
//! that place is reached only if the edge is passed anew too.
//!
//! A comparison speaks of registers as signed (or unsigned) numbers. It is turned
//! into a fact about residues only where those are shown to lie in range; else it
//! is one about the values themselves, as unknowns.

use super::Checker;
use super::poly::{Atom, Poly, Span};
use super::ssa::{Arg, Value};
use super::unknowns::{Unknown, number_of};
use crate::mir::MirOp;
use nbc_ir::{BlockId, Inst, Opcode, Operand, Type};
use std::cell::Cell;
use std::rc::Rc;

/// Most facts at a place; later ones are left out.
const MAX_FACTS: usize = 128;
/// Most conditions of one branch.
const MAX_CONDITIONS: usize = 96;
/// Most comparisons that are looked at again.
const MAX_UNSETTLED: usize = 16;
/// How far proofs of what an instruction says may go, and lead to others.
const DEPTH_OF_MAKER: u32 = 4;
const MAX_MAKING: u32 = 2;
/// Most of what bits are put together of where the highest is looked for.
const MAX_BITS: i128 = i64::MAX as i128;
/// Steps for showing that what is greater is less too, which is so only of what is assumed.
const STEPS_OF_OTHER: usize = 40;
/// Rounds in which conditions of a branch help each other.
const ROUNDS: u32 = 3;

/// What is known at a place.
#[derive(Clone, Default, Debug)]
pub struct Env {
    /// These are not negative; each with the mask of its unknowns.
    facts: Vec<(u64, Rc<Poly>)>,
    /// Ranges of unknowns that facts about one unknown say, in order.
    spans: Vec<(Atom, Span)>,
    /// These are not negative if the count is not 0.
    later: Vec<(Atom, Poly)>,
    /// Comparisons that hold of values which were not known to be equal to their
    /// residues: they may say more where that is known.
    unsettled: Vec<Compare>,
    /// Its name among those that proofs have been made of; 0 if it has none yet.
    /// Of two with the same name the same is known.
    name: Cell<u32>,
}

impl Env {
    /// Adds the fact that `poly` is not negative; whether that is new.
    fn push(&mut self, poly: &Poly) -> bool {
        let is_new = poly.as_number().is_none() && self.facts.len() < MAX_FACTS && !self.has(poly);
        if is_new {
            self.facts.push((poly.mask(), Rc::new(poly.clone())));
            self.name.set(0);
        }
        is_new
    }

    /// Whether it is a fact that `poly` is not negative.
    pub fn has(&self, poly: &Poly) -> bool {
        let mask = poly.mask();
        self.facts.iter().any(|fact| fact.0 == mask && *fact.1 == *poly)
    }

    /// The facts.
    pub fn facts(&self) -> impl Iterator<Item = &Poly> {
        self.facts.iter().map(|fact| &*fact.1)
    }

    /// The facts that an unknown is in.
    pub fn facts_with(&self, atom: Atom) -> impl Iterator<Item = &Poly> {
        let mask = atom.mask();
        self.facts.iter().filter(move |fact| fact.0 & mask != 0 && fact.1.has(atom)).map(|fact| &*fact.1)
    }

    /// Adds what is not negative if a count is not 0.
    pub fn add_later(&mut self, count: Atom, fact: Poly) {
        self.later.push((count, fact));
        self.name.set(0);
    }

    /// What is not negative if a count is not 0.
    pub fn later(&self) -> impl Iterator<Item = (Atom, &Poly)> {
        self.later.iter().map(|(count, fact)| (*count, fact))
    }

    /// Takes away what is not negative if a count is not 0.
    pub fn take_later(&mut self, count: Atom) -> Vec<Poly> {
        let (of_it, others) = std::mem::take(&mut self.later).into_iter().partition(|l| l.0 == count);
        self.later = others;
        self.name.set(0);
        let of_it: Vec<(Atom, Poly)> = of_it;
        of_it.into_iter().map(|l| l.1).collect()
    }

    /// Adds a range of an unknown.
    fn narrow(&mut self, atom: Atom, span: Span) {
        self.name.set(0);
        match self.spans.binary_search_by_key(&atom, |s| s.0) {
            Ok(n) => self.spans[n].1 = self.spans[n].1.and(span),
            Err(n) => self.spans.insert(n, (atom, span)),
        }
    }

    /// What facts say of the range of an unknown.
    pub fn span(&self, atom: Atom) -> Span {
        self.spans.binary_search_by_key(&atom, |s| s.0).map_or(Span::ALL, |n| self.spans[n].1)
    }

    /// Its name; gives it the next one if it has none.
    pub fn name(&self, last: &mut u32) -> u32 {
        if self.name.get() == 0 {
            *last += 1;
            self.name.set(*last);
        }
        self.name.get()
    }
}

/// How two integers compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    Equal,
    Differs,
    Less,
    LessOrEqual,
}

/// A comparison that holds: of `small` and `large`, in that order.
#[derive(Clone, Copy, Debug)]
pub struct Compare {
    relation: Relation,
    unsigned: bool,
    small: Arg,
    large: Arg,
}

impl Compare {
    /// What is compared.
    pub fn operands(&self) -> [Arg; 2] {
        [self.small, self.large]
    }
}

/// The comparison that is known where one of two operands `holds`, or does not.
fn compare(opcode: Opcode, holds: bool, a: Arg, b: Arg) -> Option<Compare> {
    use Opcode::*;
    use Relation::*;
    let (relation, unsigned, swapped) = match (opcode, holds) {
        (I64Eq | I32Eq, true) | (I64Ne | I32Ne, false) => (Equal, false, false),
        (I64Ne | I32Ne, true) | (I64Eq | I32Eq, false) => (Differs, false, false),
        (I64Lt | I32Lt, true) | (I64Ge | I32Ge, false) => (Less, false, false),
        (I64Le | I32Le, true) | (I64Gt | I32Gt, false) => (LessOrEqual, false, false),
        (I64Gt | I32Gt, true) | (I64Le | I32Le, false) => (Less, false, true),
        (I64Ge | I32Ge, true) | (I64Lt | I32Lt, false) => (LessOrEqual, false, true),
        (I64LtU | I32LtU, true) | (I64GeU | I32GeU, false) => (Less, true, false),
        (I64LeU | I32LeU, true) | (I64GtU | I32GtU, false) => (LessOrEqual, true, false),
        (I64GtU | I32GtU, true) | (I64LeU | I32LeU, false) => (Less, true, true),
        (I64GeU | I32GeU, true) | (I64LtU | I32LtU, false) => (LessOrEqual, true, true),
        _ => return None,
    };
    let (small, large) = if swapped { (b, a) } else { (a, b) };
    Some(Compare { relation, unsigned, small, large })
}

impl Checker<'_> {
    /// Adds the fact that `poly` is not negative. Given the ranges of the other
    /// unknowns, that bounds each of its unknowns, and those bounds are added
    /// too.
    pub fn add(&mut self, env: &mut Env, poly: Poly) {
        let poly = poly.tightened();
        if !env.push(&poly) {
            return;
        }
        let mut atoms: Vec<Atom> = poly.atoms().collect();
        atoms.dedup();
        for atom in atoms {
            let Some(powers) = poly.by_power(atom) else { continue };
            let ([rest, _], Some(by)) = (&powers[..], powers[1].as_number()) else { continue };
            // by * atom >= -rest, and rest is no more than that.
            let most = self.span(rest, env).high;
            if most.abs() > 1 << 100 {
                continue;
            }
            let end = most.div_euclid(by.abs());
            env.narrow(
                atom,
                if by > 0 { Span { low: -end, ..Span::ALL } } else { Span { high: end, ..Span::ALL } },
            );
        }
    }

    /// Adds that an unknown lies in a range.
    pub fn add_span(&mut self, env: &mut Env, atom: Atom, span: Span) {
        let known = self.span_of(atom, env);
        let itself = Poly::atom(atom);
        if span.low > known.low {
            let above = itself.plus_number(-span.low).unwrap_or_default();
            self.add(env, above);
        }
        if span.high < known.high
            && let Some(below) = Poly::number(span.high).minus(&itself)
        {
            self.add(env, below);
        }
    }

    /// What is known where `atom` is `by`; `None` where something gets too large.
    pub fn replaced(&mut self, env: &Env, atom: Atom, by: &Poly) -> Option<Env> {
        let mut new = Env::default();
        for (other, span) in env.spans.iter().filter(|s| s.0 != atom) {
            new.narrow(*other, *span);
        }
        for fact in &env.facts {
            if fact.1.has(atom) {
                let fact = fact.1.replaced(atom, by)?;
                self.add(&mut new, fact);
            } else {
                new.facts.push(fact.clone());
            }
        }
        for (count, fact) in env.later.iter().filter(|l| l.0 != atom) {
            new.add_later(*count, fact.replaced(atom, by)?);
        }
        new.name.set(0);
        Some(new)
    }

    /// The comparisons that hold on the edge from `from` to `to`.
    pub fn conditions_of_edge(&self, from: BlockId, to: BlockId) -> Vec<Compare> {
        let nodes = &self.func.blocks[from.index()].nodes;
        let mut found = Vec::new();
        if let Some(node) = nodes.last()
            && let MirOp::Inst(Inst::BrIf { cond: Operand::Reg(_), then_to, else_to }) = &node.op
            && then_to != else_to
            && let Arg::Value(cond) = self.ssa.operands(&node.op, from, nodes.len() - 1)[0]
        {
            self.conditions(cond, *then_to == to, &mut found);
        }
        found
    }

    /// The comparisons that hold where a truth value is as `holds`.
    pub fn conditions(&self, cond: Value, holds: bool, found: &mut Vec<Compare>) {
        let mut open = vec![(cond, holds)];
        while let Some((cond, holds)) = open.pop() {
            let Some((node, args)) = self.ssa.maker(self.func, self.original(cond)) else { continue };
            let MirOp::Inst(inst) = &node.op else { continue };
            let mut both = |holds: bool| {
                open.extend(args.iter().filter_map(|arg| match arg {
                    Arg::Value(v) => Some((*v, holds)),
                    Arg::Imm(_) => None,
                }));
            };
            match inst {
                Inst::BoolNot { .. } => both(!holds),
                Inst::BoolAnd { .. } if holds => both(true),
                Inst::BoolOr { .. } if !holds => both(false),
                _ => {
                    if let [a, b] = args[..] {
                        found.extend(compare(inst.opcode(), holds, a, b));
                    }
                }
            }
            if found.len() > MAX_CONDITIONS || open.len() > MAX_CONDITIONS {
                return;
            }
        }
    }

    /// The facts that a comparison would give about residues, were they equal to
    /// what is compared. Counters are taken apart: those of the loop with header
    /// `inside` and of loops in it, or all.
    pub fn rooms(&mut self, compare: &Compare, inside: Option<BlockId>) -> Vec<Poly> {
        let [small, large] = [compare.small, compare.large].map(|arg| match arg {
            Arg::Imm(imm) => number_of(imm).map(Poly::number),
            Arg::Value(v) => {
                self.whole(v)?;
                let residue = self.residue(v);
                self.expand(&residue, self.type_of(v) != Some(Type::I32), inside)
            }
        });
        let (Some(small), Some(large)) = (small, large) else { return Vec::new() };
        let Some(room) = large.minus(&small) else { return Vec::new() };
        let both = [Some(room.clone()), room.scaled(-1)];
        match compare.relation {
            Relation::Less => room.plus_number(-1).into_iter().collect(),
            Relation::LessOrEqual => vec![room],
            Relation::Equal => both.into_iter().flatten().collect(),
            Relation::Differs => both.into_iter().flatten().filter_map(|p| p.plus_number(-1)).collect(),
        }
    }

    /// Adds what comparisons say.
    pub fn assume(&mut self, env: &mut Env, conditions: &[Compare], depth: u32) {
        let mut open: Vec<&Compare> = conditions.iter().collect();
        for round in 0..ROUNDS {
            let before = open.len();
            open.retain(|compare| !self.assume_one(env, compare, false, depth));
            if open.is_empty() || round > 0 && open.len() == before {
                break;
            }
        }
        self.look_again(env, depth);
        for compare in open {
            self.assume_one(env, compare, true, depth);
            if env.unsettled.len() < MAX_UNSETTLED {
                env.unsettled.push(*compare);
            }
        }
    }

    /// Adds what comparisons that hold say now that more is known.
    pub fn look_again(&mut self, env: &mut Env, depth: u32) {
        if !env.unsettled.is_empty() {
            let mut open = std::mem::take(&mut env.unsettled);
            open.retain(|compare| !self.assume_one(env, compare, false, depth));
            env.unsettled = open;
        }
    }

    /// Adds what a comparison says. That is about residues if they are equal to
    /// what was compared, and else, if it is to be settled, about what was
    /// compared. Returns whether there is nothing more to be said.
    fn assume_one(&mut self, env: &mut Env, compare: &Compare, settle: bool, depth: u32) -> bool {
        let Some(mut large) = self.exact_operand(compare.large, env, None, depth) else { return true };
        let mut hint = None;
        if compare.unsigned {
            // Unsigned is signed where the larger one is not negative, and then
            // the smaller one is not negative either.
            if !self.prove(&large.0, env, depth) {
                return settle;
            }
            hint = Some(Span::new(0, self.span(&large.0, env).high.min(i64::MAX.into())));
        } else if !large.1 && compare.relation != Relation::Differs {
            // The register holds no less than the smaller one does: a sum that had
            // wrapped would have failed the test.
            let least = match self.exact_operand(compare.small, env, None, depth) {
                Some(small) => self.span(&small.0, env).low,
                None => return true,
            };
            let above = Some(Span { low: least, ..Span::ALL });
            large = self.exact_operand(compare.large, env, above, depth).unwrap_or(large);
        }
        if !compare.unsigned && compare.relation != Relation::Differs {
            hint = Some(Span { high: self.span(&large.0, env).high, ..Span::ALL });
        }
        let Some(mut small) = self.exact_operand(compare.small, env, None, depth) else { return true };
        if !small.1 && hint.is_some() {
            small = self.exact_operand(compare.small, env, hint, depth).unwrap_or(small);
            // Of the values themselves it holds in any case. Where a residue is only seen to be
            // equal by what is compared, that is remembered, for comparisons to come.
            if small.1
                && !compare.unsigned
                && let (Arg::Value(v), Relation::Less | Relation::LessOrEqual) =
                    (compare.small, compare.relation)
            {
                let below = large.0.minus(&Poly::atom(self.atom(Unknown::Value(v))));
                below.into_iter().for_each(|below| self.add(env, below));
            }
        }
        if !(settle || small.1 && large.1) {
            return false;
        }
        let Some(room) = large.0.minus(&small.0) else { return true };
        match compare.relation {
            Relation::Less => self.add(env, room.plus_number(-1).unwrap_or_default()),
            Relation::LessOrEqual => self.add(env, room),
            Relation::Equal => {
                if let Some(other) = room.scaled(-1) {
                    self.add(env, other);
                }
                self.add(env, room);
            }
            Relation::Differs => {
                let Some(other) = room.scaled(-1) else { return true };
                // Both are tried: what is assumed of loops may say both, and be wrong.
                let mut is_any = false;
                for poly in [room, other] {
                    let is_less = match is_any {
                        true => self.within(STEPS_OF_OTHER, |it| it.prove(&poly, env, depth)),
                        false => self.prove(&poly, env, depth),
                    };
                    if is_less {
                        self.add(env, poly.plus_number(-1).unwrap_or_default());
                        is_any = true;
                    }
                }
                return is_any || settle;
            }
        }
        if compare.unsigned {
            self.add(env, small.0);
        }
        true
    }

    /// An operand as an exact number, and whether that is its residue.
    fn exact_operand(&mut self, arg: Arg, env: &Env, hint: Option<Span>, depth: u32) -> Option<(Poly, bool)> {
        match arg {
            Arg::Imm(imm) => number_of(imm).map(|n| (Poly::number(n), true)),
            Arg::Value(value) => self.exact_value(value, env, hint, depth),
        }
    }

    /// What a value is as a number at a place: its residue with counters taken
    /// apart, its residue, or itself as an unknown.
    pub fn exact(&mut self, arg: Arg, env: &Env, depth: u32) -> Option<Poly> {
        self.exact_operand(arg, env, None, depth).map(|found| found.0)
    }

    fn exact_value(&mut self, v: Value, env: &Env, hint: Option<Span>, depth: u32) -> Option<(Poly, bool)> {
        self.whole(v)?;
        if hint.is_some() {
            return self.find_exact(v, env, hint, depth);
        }
        let key = (v, env.name(&mut self.last_name), depth);
        if let Some(known) = self.exacts.get(&key) {
            return Some(known.clone());
        }
        let found = self.find_exact(v, env, None, depth)?;
        // What was given up for want of steps or means may be found another time.
        if self.steps <= self.until && !self.simply {
            self.exacts.insert(key, found.clone());
        }
        Some(found)
    }

    fn find_exact(&mut self, v: Value, env: &Env, hint: Option<Span>, depth: u32) -> Option<(Poly, bool)> {
        let mut forms = self.forms(v);
        if !self.thorough && forms.len() > 2 {
            forms.drain(1..forms.len() - 1);
        }
        for (n, form) in forms.into_iter().enumerate() {
            let form = self.refined(&form, env, depth);
            if self.is_exact(v, &form, env, hint, depth) {
                return Some((form, n == 0));
            }
        }
        let itself = self.atom(Unknown::Value(v));
        Some((Poly::atom(itself), false))
    }

    /// `poly`, an exact number or the residue of 64 bits, with each i32 in it
    /// taken apart that is shown not to wrap.
    pub fn refined(&mut self, poly: &Poly, env: &Env, depth: u32) -> Poly {
        let mut poly = poly.clone();
        let narrow: Vec<(Atom, Value)> = poly
            .atoms()
            .filter_map(|atom| match self.unknown(atom) {
                Unknown::Value(v) if self.type_of(v) == Some(Type::I32) => Some((atom, v)),
                _ => None,
            })
            .collect();
        for (atom, value) in narrow {
            let by = self.expanded(value);
            if !by.has(atom)
                && self.is_exact(value, &by, env, None, depth)
                && let Some(more) = poly.replaced(atom, &by)
            {
                poly = more;
            }
        }
        poly
    }

    /// Whether a value is equal to its residue `poly` as a number. They are equal
    /// modulo 2^64 (2^32), so it is enough that they differ by less than that.
    pub fn is_exact(&mut self, v: Value, poly: &Poly, env: &Env, hint: Option<Span>, depth: u32) -> bool {
        let Some(whole) = self.whole(v) else { return false };
        let modulus = if whole == Span::I32 { 1i128 << 32 } else { 1 << 64 };
        let itself = self.atom(Unknown::Value(v));
        if poly.as_multiple() == Some((itself, 1)) && poly.constant == 0 {
            return true;
        }
        let mut held = self.span_of(itself, env).and(whole);
        if let Some(hint) = hint {
            held = held.and(hint);
        }
        let span = self.span(poly, env);
        if span.high - held.low < modulus && held.high - span.low < modulus {
            return true;
        }
        let fits = |it: &mut Self, room: Option<Poly>| {
            let depth = depth.saturating_sub(2);
            depth > 0 && room.is_some_and(|room| it.prove(&room, env, depth))
        };
        (span.high <= whole.high || fits(self, Poly::number(whole.high).minus(poly)))
            && (span.low >= whole.low || fits(self, poly.plus_number(-whole.low)))
    }

    /// Least and greatest number that an unknown can be at a place.
    pub fn span_of(&mut self, atom: Atom, env: &Env) -> Span {
        self.span_anywhere(atom).and(env.span(atom))
    }

    /// Least and greatest number that a polynomial can be at a place.
    pub fn span(&mut self, poly: &Poly, env: &Env) -> Span {
        poly.span(|atom| self.span_of(atom, env))
    }

    /// What the instruction that makes an unknown says of it, found out once for all
    /// proofs at a place. What it is made of is asked no further than [`MAX_MAKING`].
    pub fn noted_facts_of_maker(&mut self, atom: Atom, env: &Env) -> Rc<[Poly]> {
        if self.making >= MAX_MAKING {
            return Rc::new([]);
        }
        let key = (atom, env.name(&mut self.last_name), self.making);
        if let Some(known) = self.makers.get(&key) {
            return known.clone();
        }
        self.making += 1;
        let facts: Rc<[Poly]> = self.facts_of_maker(atom, env, DEPTH_OF_MAKER).into();
        self.making -= 1;
        if self.steps <= self.until {
            self.makers.insert(key, facts.clone());
        }
        facts
    }

    /// What the instruction that makes an unknown says of it.
    pub fn facts_of_maker(&mut self, atom: Atom, env: &Env, depth: u32) -> Vec<Poly> {
        let itself = Poly::atom(atom);
        let mut facts = Vec::new();
        let mut at_most = |poly: &Poly| facts.extend(poly.minus(&itself));
        let value = match self.unknown(atom) {
            Unknown::Value(value) => value,
            Unknown::Quotient(of, power) => {
                let (Some(of), times) = (self.exact(Arg::Value(of), env, depth), 1i128 << power) else {
                    return facts;
                };
                return self.divided(&of, times, &itself, env, depth);
            }
            Unknown::Field(tensor, field) => {
                use crate::mir::Field;
                let more = match field {
                    Field::WritableLen => Field::Len,
                    Field::WritableDim0 => Field::Dim(0),
                    _ => return facts,
                };
                let more = self.field(tensor, more);
                at_most(&more);
                return facts;
            }
            Unknown::Count(_) | Unknown::Sum(_) => return facts,
        };
        let Some((node, args)) = self.ssa.maker(self.func, value) else { return facts };
        let MirOp::Inst(inst) = &node.op else { return facts };
        let number = |n: usize| match args[n] {
            Arg::Imm(imm) => number_of(imm),
            Arg::Value(_) => None,
        };
        match inst {
            Inst::I64DivU { .. } | Inst::I64Div { .. } | Inst::I32DivU { .. } | Inst::I32Div { .. } => {
                if let (Some(by @ 1..), Some(of)) = (number(1), self.exact(args[0], env, depth))
                    && self.prove(&of, env, depth)
                {
                    return self.divided(&of, by, &itself, env, depth);
                }
            }
            Inst::I64ShrU { .. } | Inst::I64Shr { .. } | Inst::I32ShrU { .. } | Inst::I32Shr { .. } => {
                let signed = matches!(inst, Inst::I64Shr { .. } | Inst::I32Shr { .. });
                if let (Some(by @ 0..31), Some(of)) = (number(1), self.exact(args[0], env, depth))
                    && (signed || self.prove(&of, env, depth))
                {
                    return self.divided(&of, 1 << by, &itself, env, depth);
                }
            }
            Inst::I64RemU { .. } | Inst::I32RemU { .. } | Inst::I64Rem { .. } | Inst::I32Rem { .. } => {
                let signed = matches!(inst, Inst::I64Rem { .. } | Inst::I32Rem { .. });
                let is_natural = match self.exact(args[0], env, depth) {
                    Some(of) => self.prove(&of, env, depth),
                    None => false,
                };
                if let Some(most) = self.exact(args[1], env, depth).and_then(|by| by.plus_number(-1))
                    && self.prove(&most, env, depth)
                {
                    facts.extend(most.minus(&itself));
                    if !signed || is_natural {
                        facts.push(itself);
                    }
                }
            }
            Inst::I64And { .. } | Inst::I32And { .. } => {
                for arg in [args[0], args[1]] {
                    if let Some(mask) = self.exact(arg, env, depth)
                        && self.prove(&mask, env, depth)
                    {
                        facts.extend(mask.minus(&itself));
                        facts.push(itself.clone());
                    }
                }
            }
            Inst::I64Or { .. } | Inst::I32Or { .. } | Inst::I64Xor { .. } | Inst::I32Xor { .. } => {
                let is_or = matches!(inst, Inst::I64Or { .. } | Inst::I32Or { .. });
                let (Some(a), Some(b)) = (self.exact(args[0], env, depth), self.exact(args[1], env, depth))
                else {
                    return facts;
                };
                if self.prove(&a, env, depth) && self.prove(&b, env, depth) {
                    let most = self.span(&a, env).high.max(self.span(&b, env).high);
                    return put_together(&a, &b, &itself, is_or, most);
                }
            }
            Inst::I64Min { .. } | Inst::I32Min { .. } => {
                for arg in [args[0], args[1]] {
                    facts.extend(self.exact(arg, env, depth).and_then(|poly| poly.minus(&itself)));
                }
            }
            Inst::I64Max { .. } | Inst::I32Max { .. } => {
                for arg in [args[0], args[1]] {
                    facts.extend(self.exact(arg, env, depth).and_then(|poly| itself.minus(&poly)));
                }
            }
            Inst::I64MinU { .. } | Inst::I32MinU { .. } => {
                for arg in [args[0], args[1]] {
                    if let Some(poly) = self.exact(arg, env, depth)
                        && self.prove(&poly, env, depth)
                    {
                        facts.extend(poly.minus(&itself));
                        facts.push(itself.clone());
                    }
                }
            }
            Inst::I64ExtendI32U { .. } => {
                if let Some(from) = self.exact(args[0], env, depth)
                    && self.prove(&from, env, depth)
                {
                    facts.extend(from.minus(&itself));
                    facts.extend(itself.minus(&from));
                }
            }
            _ => {}
        }
        facts
    }

    /// That `quotient` is `of` divided by a number and rounded down.
    fn divided(&mut self, of: &Poly, by: i128, quotient: &Poly, env: &Env, depth: u32) -> Vec<Poly> {
        let below = of.plus_times(quotient, -by);
        let above = below.as_ref().and_then(|rest| Poly::number(by - 1).minus(rest));
        let mut facts: Vec<Poly> = below.into_iter().chain(above).collect();
        if self.prove(of, env, depth) {
            facts.push(quotient.clone());
        }
        facts
    }
}

/// That `both` is made of the bits of two natural numbers: of all of them, or else of
/// those that one has and the other has not. `a | b` is `a + b - (a & b)`, and `a ^ b`
/// is `a + b - 2 * (a & b)`; the common bits are no more than either. Nor is there
/// a bit above the highest of both, which are no more than `most`.
pub fn put_together(a: &Poly, b: &Poly, both: &Poly, is_or: bool, most: i128) -> Vec<Poly> {
    let mut facts = vec![both.clone()];
    facts.extend(a.plus(b).and_then(|sum| sum.minus(both)));
    if let 0..=MAX_BITS = most {
        let bits = i128::BITS - most.leading_zeros();
        facts.extend(Poly::number((1 << bits) - 1).minus(both));
    }
    if is_or {
        facts.extend([a, b].into_iter().filter_map(|part| both.minus(part)));
    }
    facts
}
