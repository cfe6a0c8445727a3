//! How integers change as loops turn: every integer as a polynomial, counters
//! as `start + step * count`, and the tests that say how often a loop turns.
//!
//! A counter need not be one register: what counts is that the value which
//! meets itself at the header has grown by something that the loop does not
//! change. Polynomials are in terms of values; those of counters are taken
//! apart only as far as a question wants (see [`crate::midend::pass::loop_versioning`]).

use super::gathered::{Gathered, MAX_FACTS};
use super::loops::{Forest, LoopId};
use super::poly::{Atom, Atoms, Poly, Quantity, Span};
use super::ranges::{Ranges, field_range};
use super::values::{Arg, Made, Value, Values};
use crate::budget::Budget;
use crate::mir::{Field, Func, Op, Ty};
use nbc_ir::op::Imm;
use nbc_ir::{BlockId, Inst, Opcode, Operand, Type};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::rc::Rc;

/// Most dominators of a block whose branches are looked at.
pub(super) const MAX_CLIMB: usize = 48;

/// Something that must lie in range for a conclusion to hold: a register that
/// was compared, as a polynomial.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Need {
    /// What must lie in range.
    pub poly: Poly,
    /// Bits that it must fit, sign apart.
    pub bits: u32,
}

/// Something known where a branch has been taken.
#[derive(Clone, Debug)]
pub struct Fact {
    /// It is not negative.
    pub poly: Poly,
    /// Provided that these lie in range,
    pub needs: Vec<Need>,
    /// and that this is not negative.
    pub requires: Option<Poly>,
}

/// A counter: the value of a phi of a header.
#[derive(Clone, Debug)]
pub struct Counter {
    /// Its loop.
    pub id: LoopId,
    /// Its value when the loop is entered.
    pub start: Poly,
    /// What it grows by each time; the loop does not change it.
    pub step: Poly,
    /// What must lie in range for this to be so.
    pub needs: Vec<Need>,
}

/// The value of a phi of a header that grows by one of several numbers each
/// time, as branches have it.
#[derive(Clone, Debug)]
pub struct Drift {
    /// Its loop.
    pub id: LoopId,
    /// Its value when the loop is entered.
    pub start: Poly,
    /// The least that it grows by.
    pub least: i64,
    /// The most.
    pub most: i64,
}

/// A bound on how often a loop turns: where a test has let it go on,
/// `step * count <= rest`.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Where the test is. It is passed each time.
    pub at: BlockId,
    /// Must turn out positive.
    pub step: Poly,
    /// The loop does not change it.
    pub rest: Poly,
    /// What must lie in range.
    pub needs: Vec<Need>,
    /// What must not be negative.
    pub requires: Option<Poly>,
    /// Whether the test says this and nothing else.
    pub exact: bool,
}

/// A polynomial in terms of how often a loop has turned: `rest + step * count`.
pub struct InCount {
    /// The loop does not change it.
    pub rest: Poly,
    /// Nor this.
    pub step: Poly,
    /// Counters of 32 bits that were taken for `start + step * count`, which
    /// they are as long as they do not wrap.
    pub narrow: Vec<Value>,
}

/// The analysis of a function as it is.
#[derive(Debug)]
pub struct Induction {
    /// The function.
    pub func: Rc<Func>,
    /// Its loops.
    pub forest: Rc<Forest>,
    /// Its values.
    pub values: Rc<Values>,
    /// Their ranges.
    pub ranges: Ranges,
    /// Numbers of quantities.
    pub atoms: RefCell<Atoms>,
    polys: Vec<Poly>,
    /// The value that each is a copy of.
    same: Vec<Value>,
    counters: FxHashMap<Value, Counter>,
    drifts: FxHashMap<Value, Drift>,
    limits: Vec<Vec<Limit>>,
    /// What branches say.
    pub(super) gathered: Gathered,
}

impl Induction {
    /// Analyses `func`.
    pub fn new(func: Rc<Func>, forest: Rc<Forest>, values: Rc<Values>, budget: &Rc<Budget>) -> Induction {
        let ranges = Ranges::new(&func, &forest, &values, |_| None);
        let mut it = Induction {
            ranges,
            atoms: RefCell::default(),
            polys: vec![Poly::default(); values.len()],
            same: (0..values.len() as u32).map(Value).collect(),
            counters: FxHashMap::default(),
            drifts: FxHashMap::default(),
            limits: vec![Vec::new(); forest.loops.len()],
            gathered: Gathered::within(budget),
            func,
            forest,
            values,
        };
        let forest = it.forest.clone();
        it.number();
        for id in forest.inside_out().into_iter().filter(|id| !forest.get(*id).cold) {
            it.find_counters(id);
            it.find_limits(id);
        }
        let known: FxHashMap<Value, Span> =
            it.counters.keys().filter_map(|phi| Some((*phi, it.span_of_counter(*phi)?))).collect();
        it.ranges = Ranges::new(&it.func, &it.forest, &it.values, |phi| known.get(&phi).copied());
        it
    }

    /// The polynomial of an integer value, in quantities that are values or
    /// fields.
    pub fn poly(&self, value: Value) -> &Poly {
        &self.polys[value.index()]
    }

    /// The polynomial of an integer operand.
    pub fn poly_of(&self, arg: Arg) -> Option<Poly> {
        match arg {
            Arg::Value(value) => self.is_integer(value).then(|| self.poly(value).clone()),
            Arg::Imm(Imm::I64(v)) => Some(Poly::number(v)),
            Arg::Imm(Imm::I32(v)) => Some(Poly::number(v as i64)),
            Arg::Imm(_) => None,
        }
    }

    /// The value that `value` is a copy of.
    pub fn original(&self, value: Value) -> Value {
        self.same[value.index()]
    }

    /// What a value is as a counter of a loop.
    pub fn counter(&self, value: Value) -> Option<&Counter> {
        self.counters.get(&value)
    }

    /// The bounds on how often a loop turns.
    pub fn limits(&self, id: LoopId) -> &[Limit] {
        &self.limits[id.index()]
    }

    /// The number of a quantity.
    pub fn atom(&self, quantity: Quantity) -> Atom {
        self.atoms.borrow_mut().of(quantity)
    }

    /// Where a quantity is made; `None` for how often a loop has turned.
    pub fn made_in(&self, atom: Atom) -> Option<BlockId> {
        match self.atoms.borrow().get(atom) {
            Quantity::Value(v) | Quantity::Field(v, _) => Some(self.values.def(*v).block),
            Quantity::Count(_) | Quantity::Quotient(..) => None,
        }
    }

    /// Whether a value stays the same while the loop turns.
    pub fn is_fixed(&self, value: Value, id: LoopId) -> bool {
        !self.forest.contains(id, self.values.def(value).block)
    }

    /// The node that makes a value.
    pub fn maker(&self, value: Value) -> Option<(&Op, Vec<Arg>)> {
        let def = self.values.def(value);
        let Made::Node(n) = def.made else { return None };
        let op = &self.func.blocks[def.block.index()].nodes[n as usize].op;
        Some((op, self.values.args(op, def.block, n as usize)))
    }

    fn type_of(&self, value: Value) -> Option<Type> {
        match self.func.regs[self.values.def(value).reg.index()] {
            Ty::Value(ty) => Some(ty),
            _ => None,
        }
    }

    fn is_integer(&self, value: Value) -> bool {
        matches!(self.type_of(value), Some(Type::I64 | Type::I32))
    }

    /// How many bits an integer may have, sign apart, for its polynomial to be
    /// equal to it, and for sums of two not to overflow.
    pub fn bits(&self, value: Value) -> u32 {
        if self.type_of(value) == Some(Type::I32) { 31 } else { 62 }
    }

    /// How many bits the polynomial of an operand may have, sign apart, to be
    /// equal to it.
    pub fn bits_of(&self, arg: Arg) -> u32 {
        match arg {
            Arg::Value(value) => self.bits(value),
            Arg::Imm(_) => 62,
        }
    }

    /// Gives each value its polynomial, and finds copies.
    fn number(&mut self) {
        let (func, forest, values) = (self.func.clone(), self.forest.clone(), self.values.clone());
        for r in 0..func.regs.len() {
            self.set_atom(Value(r as u32));
        }
        for &block in forest.cfg.rpo() {
            for &phi in values.phis(block) {
                self.number_phi(block, phi);
            }
            for (n, node) in func.blocks[block.index()].nodes.iter().enumerate() {
                let Some(made) = values.made_by(block, n) else { continue };
                let mut count = 0;
                node.op.for_each_def(|_| count += 1);
                for v in made.0..made.0 + count {
                    self.set_atom(Value(v));
                }
                let args = self.values.args(&node.op, block, n);
                if let (Op::Inst(Inst::Copy { .. }), [Arg::Value(from)]) = (&node.op, &*args) {
                    self.same[made.index()] = self.same[from.index()];
                }
                if self.is_integer(made)
                    && let Some(poly) = self.result(&node.op, &args)
                {
                    self.polys[made.index()] = self.held(made, poly);
                }
            }
        }
    }

    /// The polynomial of a value, a number being what the register holds: sums and
    /// parts of numbers wrap as registers do.
    fn held(&self, value: Value, poly: Poly) -> Poly {
        match poly.as_number() {
            Some(number) if self.type_of(value) == Some(Type::I32) => Poly::number(i64::from(number as i32)),
            _ => poly,
        }
    }

    fn set_atom(&mut self, value: Value) {
        if self.is_integer(value) {
            let atom = self.atom(Quantity::Value(value));
            self.polys[value.index()] = Poly::atom(atom);
        }
    }

    /// A phi is what all that meets in it is, where nothing comes back.
    fn number_phi(&mut self, block: BlockId, phi: Value) {
        self.set_atom(phi);
        let rank = self.forest.cfg.rank(block);
        let preds = self.forest.cfg.preds(block).iter().filter(|p| self.forest.cfg.is_reachable(**p));
        if preds.clone().any(|p| self.forest.cfg.rank(*p) >= rank) {
            return;
        }
        let args = self.values.phi_args(phi);
        let first = self.same[args[0].index()];
        if args.iter().all(|a| self.same[a.index()] == first) {
            self.same[phi.index()] = first;
        }
        let poly = &self.polys[args[0].index()];
        if self.is_integer(phi) && args.iter().all(|a| self.polys[a.index()] == *poly) {
            self.polys[phi.index()] = poly.clone();
        }
    }

    fn result(&self, op: &Op, args: &[Arg]) -> Option<Poly> {
        let poly = |n: usize| self.poly_of(args[n]);
        let field = |field| match args[0] {
            Arg::Value(tensor) => Some(Poly::atom(self.atom(Quantity::Field(self.original(tensor), field)))),
            Arg::Imm(_) => None,
        };
        let inst = match op {
            Op::Inst(inst) => inst,
            Op::Field { field: f, .. } if *f != Field::Data => return field(*f),
            _ => return None,
        };
        match inst {
            Inst::I64Const { value, .. } | Inst::I32Const { value, .. } => self.poly_of(Arg::Imm(*value)),
            Inst::Copy { .. } => poly(0),
            Inst::I64Add { .. } | Inst::I32Add { .. } => poly(0)?.plus(&poly(1)?),
            Inst::I64Sub { .. } | Inst::I32Sub { .. } => poly(0)?.minus(&poly(1)?),
            Inst::I64Mul { .. } | Inst::I32Mul { .. } => poly(0)?.times(&poly(1)?),
            Inst::I64Neg { .. } | Inst::I32Neg { .. } => poly(0)?.negated(),
            Inst::I64Shl { .. } | Inst::I32Shl { .. } => match poly(1)?.as_number()? {
                by @ 0..=30 => poly(0)?.times(&Poly::number(1 << by)),
                _ => None,
            },
            // Right modulo 2^32, which is all that an i32 promises.
            Inst::I32WrapI64 { .. } => poly(0),
            Inst::I64ExtendI32 { .. } => {
                let from = poly(0)?;
                let is_whole = match from.as_atom().map(|a| self.atoms.borrow().get(a).clone()) {
                    Some(Quantity::Value(v)) => self.type_of(v) == Some(Type::I32),
                    _ => from.as_number().is_some_and(|n| i32::try_from(n).is_ok()),
                };
                is_whole.then_some(from)
            }
            Inst::TensorLen { .. } => field(Field::Len),
            Inst::TensorRank { .. } => field(Field::Rank),
            Inst::TensorDim { .. } => match poly(1)?.as_number()? {
                axis @ 0..=2 => field(Field::Dim(axis as u8)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether all quantities stay the same while the loop turns.
    pub fn is_fixed_poly(&self, poly: &Poly, id: LoopId) -> bool {
        poly.atoms().all(|a| self.made_in(a).is_some_and(|b| !self.forest.contains(id, b)))
    }

    fn find_counters(&mut self, id: LoopId) {
        let l = self.forest.get(id);
        for &phi in self.values.phis(l.header) {
            if self.is_integer(phi) {
                if let Some(counter) = self.as_counter(id, phi) {
                    self.counters.insert(phi, counter);
                } else if let Some(drift) = self.as_drift(id, phi) {
                    self.drifts.insert(phi, drift);
                }
            }
        }
    }

    fn as_counter(&self, id: LoopId, phi: Value) -> Option<Counter> {
        let forest = &self.forest;
        let l = forest.get(id);
        let preds = forest.cfg.preds(l.header).iter().filter(|p| forest.cfg.is_reachable(**p));
        let (mut start, mut next): (Option<Value>, Option<Value>) = (None, None);
        for (pred, arg) in preds.zip(self.values.phi_args(phi)) {
            let kept = if forest.contains(id, *pred) { &mut next } else { &mut start };
            if kept.is_some_and(|kept| self.poly(kept) != self.poly(*arg)) {
                return None;
            }
            *kept = Some(*arg);
        }
        let mut needs = Vec::new();
        let next = self.left(self.poly(next?).clone(), id, &mut needs)?;
        let step = next.minus(self.poly(phi))?;
        let mut of_start = Vec::new();
        let start = match self.left(self.poly(start?).clone(), id, &mut of_start) {
            Some(poly) if !self.is_of_other_loops(&poly, id) => {
                needs.append(&mut of_start);
                poly
            }
            // What counters were when they stopped is only known as a value.
            _ => Poly::atom(self.atom(Quantity::Value(start?))),
        };
        self.is_fixed_poly(&step, id).then_some(Counter { id, start, step, needs })
    }

    fn as_drift(&self, id: LoopId, phi: Value) -> Option<Drift> {
        let forest = &self.forest;
        let block = self.values.def(phi).block;
        let mut found: Option<(i64, i64)> = None;
        let mut grows = |by: i64| {
            let (least, most) = found.unwrap_or((by, by));
            found = Some((least.min(by), most.max(by)));
        };
        let mut start = None;
        // What comes back, through what meets on the way.
        let mut seen = vec![phi];
        let mut next = 0;
        while next < seen.len() {
            let at = seen[next];
            next += 1;
            let meets = self.values.def(at).made == Made::Phi;
            if let Some(by) = self.poly(at).minus(self.poly(phi)).and_then(|p| p.as_number())
                && at != phi
            {
                grows(by);
            } else if at == phi || (meets && self.is_in_turn(at, id)) {
                let of = self.values.def(at).block;
                let preds = forest.cfg.preds(of).iter().filter(|p| forest.cfg.is_reachable(**p));
                for (pred, arg) in preds.zip(self.values.phi_args(at)) {
                    if of == block && !forest.contains(id, *pred) {
                        let poly = self.poly(*arg);
                        if start.as_ref().is_some_and(|start| start != poly) {
                            return None;
                        }
                        start = Some(poly.clone());
                    } else if *arg == phi {
                        grows(0);
                    } else if !seen.contains(arg) {
                        seen.push(*arg);
                    }
                }
            } else if let Some((Op::Inst(Inst::Select { .. }), args)) = self.maker(at)
                && forest.innermost(self.values.def(at).block) == Some(id)
            {
                for arg in &args[1..] {
                    match arg {
                        Arg::Value(v) if *v == phi => grows(0),
                        Arg::Value(v) if !seen.contains(v) => seen.push(*v),
                        Arg::Value(_) => {}
                        Arg::Imm(_) => return None,
                    }
                }
            } else {
                return None;
            }
            if seen.len() > MAX_CLIMB {
                return None;
            }
        }
        let start = start.filter(|start| !self.is_of_other_loops(start, id))?;
        found.map(|(least, most)| Drift { id, start, least, most })
    }

    /// Whether a phi is where branches of one turn meet.
    fn is_in_turn(&self, phi: Value, id: LoopId) -> bool {
        let block = self.values.def(phi).block;
        let rank = self.forest.cfg.rank(block);
        self.forest.innermost(block) == Some(id)
            && block != self.forest.get(id).header
            && self.forest.cfg.preds(block).iter().all(|p| self.forest.cfg.rank(*p) < rank)
    }

    /// What a value is as one that grows by one of several numbers.
    pub fn drift(&self, value: Value) -> Option<&Drift> {
        self.drifts.get(&value)
    }

    /// Whether something in `poly` is made in a loop that is not around `id`.
    fn is_of_other_loops(&self, poly: &Poly, id: LoopId) -> bool {
        poly.atoms().any(|atom| {
            let made = self.made_in(atom).and_then(|block| self.forest.innermost(block));
            made.is_some_and(|of| !self.forest.encloses(of, id))
        })
    }

    /// The polynomial of a value of loops that are not around `id`, as it is
    /// after them.
    fn left(&self, mut poly: Poly, id: LoopId, needs: &mut Vec<Need>) -> Option<Poly> {
        for _ in 0..8 {
            let inner = poly.atoms().find_map(|atom| {
                let Quantity::Value(value) = *self.atoms.borrow().get(atom) else { return None };
                let counter = self.counter(value)?;
                (!self.forest.encloses(counter.id, id)).then_some((atom, counter))
            });
            let Some((atom, counter)) = inner else { return Some(poly) };
            let count = self.turns(counter.id, needs)?;
            needs.extend(counter.needs.iter().cloned());
            let end = counter.step.times(&count)?.plus(&counter.start)?;
            if let Quantity::Value(value) = *self.atoms.borrow().get(atom)
                && self.type_of(value) == Some(Type::I32)
            {
                needs.push(Need { poly: end.clone(), bits: self.bits(value) });
            }
            poly = poly.replaced(atom, &end)?;
        }
        None
    }

    /// How often a loop has gone back to its header when it is left, where
    /// that can be told.
    fn turns(&self, id: LoopId, needs: &mut Vec<Need>) -> Option<Poly> {
        let l = self.forest.get(id);
        let [limit] = self.limits(id) else { return None };
        let step = limit.step.as_number().filter(|step| *step > 0 && limit.requires.is_none())?;
        if l.exits != 1 || !limit.exact {
            return None;
        }
        let turns = limit.rest.divided(step)?.plus_number(1)?;
        let at_first = limit.rest.plus_number(step)?;
        if !self.is_known(&at_first, l.preheader?, needs) {
            return None;
        }
        needs.extend(limit.needs.iter().cloned());
        Some(turns)
    }

    /// Whether `poly` is not negative in `block`, as a number or because of a
    /// branch on the way there.
    fn is_known(&self, poly: &Poly, block: BlockId, needs: &mut Vec<Need>) -> bool {
        if let Some(number) = poly.as_number() {
            return number >= 0;
        }
        let found = self.facts(block, None).into_iter().find(|fact| {
            fact.requires.is_none()
                && poly.minus(&fact.poly).and_then(|p| p.as_number()).is_some_and(|n| n >= 0)
        });
        needs.extend(found.iter().flat_map(|fact| fact.needs.iter().cloned()));
        found.is_some()
    }

    /// What going from `from` to `to` says.
    pub(super) fn facts_of_edge(&self, from: BlockId, to: BlockId, facts: &mut Vec<Fact>) {
        let nodes = &self.func.blocks[from.index()].nodes;
        let Some(Op::Inst(Inst::BrIf { cond: Operand::Reg(_), then_to, else_to })) =
            nodes.last().map(|n| &n.op)
        else {
            return;
        };
        if then_to != else_to {
            let cond = self.values.uses(from, nodes.len() - 1)[0];
            self.facts_of(cond, *then_to == to, 8, facts);
        }
    }

    /// What it says that a truth value is as `holds`.
    fn facts_of(&self, cond: Value, holds: bool, depth: u32, facts: &mut Vec<Fact>) {
        if facts.len() >= MAX_FACTS || !self.budget().spend(1) {
            return;
        }
        let Some((Op::Inst(inst), args)) = self.maker(self.original(cond)) else { return };
        let mut both = |holds: bool| {
            for arg in &args {
                if let (Arg::Value(v), 1..) = (arg, depth) {
                    self.facts_of(*v, holds, depth - 1, facts);
                }
            }
        };
        match inst {
            Inst::BoolNot { .. } => both(!holds),
            Inst::BoolAnd { .. } if holds => both(true),
            Inst::BoolOr { .. } if !holds => both(false),
            _ => {
                let [a, b] = *args else { return };
                if let Some((relation, unsigned)) = relation(inst.opcode(), holds) {
                    self.facts_of_compare(relation, unsigned, a, b, facts);
                }
            }
        }
    }

    fn facts_of_compare(&self, relation: Relation, unsigned: bool, a: Arg, b: Arg, facts: &mut Vec<Fact>) {
        let bits = [a, b].into_iter().find_map(|arg| match arg {
            Arg::Value(v) => Some(self.bits(v)),
            Arg::Imm(_) => None,
        });
        let (Some(bits), Some(pa), Some(pb)) = (bits, self.poly_of(a), self.poly_of(b)) else { return };
        let needs: Vec<Need> = [&pa, &pb]
            .into_iter()
            .filter(|p| p.as_number().is_none())
            .map(|p| Need { poly: p.clone(), bits })
            .collect();
        let mut say = |poly: Option<Poly>, requires: Option<&Poly>| {
            if let Some(poly) = poly {
                facts.push(Fact { poly, needs: needs.clone(), requires: requires.cloned() });
            }
        };
        let less = |x: &Poly, y: &Poly| y.minus(x).and_then(|p| p.plus_number(-1));
        // An unsigned comparison is a signed one where the larger operand is
        // not negative, and then the smaller one is not either.
        let (small, large, strict) = match relation {
            Relation::Equal => {
                say(pa.minus(&pb), None);
                say(pb.minus(&pa), None);
                return;
            }
            Relation::Differs => return,
            Relation::Less => (&pa, &pb, true),
            Relation::LessOrEqual => (&pa, &pb, false),
            Relation::Greater => (&pb, &pa, true),
            Relation::GreaterOrEqual => (&pb, &pa, false),
        };
        let requires = unsigned.then_some(large);
        say(if strict { less(small, large) } else { large.minus(small) }, requires);
        if unsigned {
            say(Some(small.clone()), requires);
        }
    }

    fn find_limits(&mut self, id: LoopId) {
        let l = self.forest.get(id);
        let mut found = Vec::new();
        // Blocks that are passed each time: they dominate all latches.
        let mut at = l.latches.first().copied();
        for _ in 0..MAX_CLIMB {
            let Some(block) = at.filter(|b| self.forest.contains(id, *b)) else { break };
            if l.latches.iter().all(|latch| self.forest.doms.dominates(block, *latch)) {
                self.limits_at(id, block, &mut found);
            }
            at = self.forest.doms.immediate(block);
        }
        self.limits[id.index()] = found;
    }

    /// What the test in `block`, if it leaves the loop, says of the count.
    fn limits_at(&self, id: LoopId, block: BlockId, found: &mut Vec<Limit>) {
        let nodes = &self.func.blocks[block.index()].nodes;
        let Some(Op::Inst(Inst::BrIf { cond: Operand::Reg(_), then_to, else_to })) =
            nodes.last().map(|n| &n.op)
        else {
            return;
        };
        let stays = (self.forest.contains(id, *then_to), self.forest.contains(id, *else_to));
        let goes_on = match stays {
            (true, false) => true,
            (false, true) => false,
            _ => return,
        };
        let cond = self.values.uses(block, nodes.len() - 1)[0];
        let mut facts = Vec::new();
        self.facts_of(cond, goes_on, 8, &mut facts);
        let exact = match self.maker(self.original(cond)) {
            Some((Op::Inst(inst), _)) => facts.len() == 1 && relation(inst.opcode(), goes_on).is_some(),
            _ => false,
        };
        self.facts_of_difference(id, cond, goes_on, &mut facts);
        found.extend(facts.into_iter().filter_map(|mut fact| {
            if self.forest.innermost(block) == Some(id) {
                fact.poly = self.left(fact.poly, id, &mut fact.needs)?;
            }
            let linear = self.in_count(&fact.poly, id)?;
            fact.needs.extend(linear.narrow.iter().map(|phi| self.need_whole(*phi)));
            let requires = match fact.requires {
                Some(poly) => Some(poly).filter(|p| self.is_fixed_poly(p, id)).map(Some)?,
                None => None,
            };
            let step = linear.step.negated()?;
            let positive = step.as_number().is_none_or(|step| step > 0);
            positive.then_some(Limit {
                at: block,
                step,
                rest: linear.rest,
                needs: fact.needs,
                requires,
                exact,
            })
        }));
    }

    /// A loop that goes on while two things differ ends when they meet, if
    /// they come closer by one each time and start on the right sides.
    fn facts_of_difference(&self, id: LoopId, cond: Value, holds: bool, facts: &mut Vec<Fact>) {
        let Some((Op::Inst(inst), args)) = self.maker(self.original(cond)) else { return };
        let ([a, b], Some((Relation::Differs, _))) = (&*args, relation(inst.opcode(), holds)) else { return };
        let first = facts.len();
        self.facts_of_compare(Relation::GreaterOrEqual, false, *a, *b, facts);
        self.facts_of_compare(Relation::LessOrEqual, false, *a, *b, facts);
        let mut kept = Vec::new();
        for mut fact in facts.drain(first..) {
            let Some(InCount { rest, step, .. }) = self.in_count(&fact.poly, id) else { continue };
            let Some(by) = step.as_number().and_then(i64::checked_neg).filter(|by| *by > 0) else { continue };
            // They meet exactly: all but a whole number of steps is excluded.
            let divides = by == 1 || (rest.divided(by).is_some() && rest.constant % by == 0);
            if let (true, Some(poly)) = (divides, fact.poly.plus_number(-by)) {
                fact.poly = poly;
                fact.requires = Some(rest);
                kept.push(fact);
            }
        }
        facts.append(&mut kept);
    }

    /// `poly` as a sum of something that the loop does not change and
    /// something of that sort times how often it has turned.
    pub fn in_count(&self, poly: &Poly, id: LoopId) -> Option<InCount> {
        let (mut rest, mut step, mut narrow) = (poly.clone(), Poly::default(), Vec::new());
        loop {
            let is_fixed = |a: &Atom| self.made_in(*a).is_some_and(|b| !self.forest.contains(id, b));
            let changing = rest.atoms().find(|a| !is_fixed(a));
            let Some(atom) = changing else { break };
            let Quantity::Value(value) = *self.atoms.borrow().get(atom) else { return None };
            let counter = self.counter(value).filter(|c| c.id == id)?;
            let powers = rest.by_power(atom);
            let [_, times] = &*powers else { return None };
            if !self.is_fixed_poly(times, id) {
                return None;
            }
            step = step.plus(&times.times(&counter.step)?)?;
            rest = rest.replaced(atom, &counter.start)?;
            if self.type_of(value) == Some(Type::I32) {
                narrow.push(value);
            }
        }
        Some(InCount { rest, step, narrow })
    }

    /// That a counter has not wrapped.
    fn need_whole(&self, phi: Value) -> Need {
        Need { poly: Poly::atom(self.atom(Quantity::Value(phi))), bits: self.bits(phi) }
    }

    /// The range of a counter with numbers for start, step and limit.
    fn span_of_counter(&self, phi: Value) -> Option<Span> {
        let counter = self.counter(phi)?;
        let step = counter.step.as_number()?;
        let start = counter.start.as_number()?;
        if !counter.needs.is_empty() {
            return None;
        }
        let most = self.limits(counter.id).iter().find_map(|limit| {
            let by = limit.step.as_number()?;
            let rest = limit.rest.as_number()?.checked_add(by)?;
            let turns = (rest / by).max(0);
            let value = start.checked_add(step.checked_mul(turns)?)?;
            // What the test compares, as far as the loop turns.
            let count = self.atom(Quantity::Count(counter.id));
            let in_range = limit.requires.as_ref().is_none_or(|p| p.as_number().is_some_and(|n| n >= 0))
                && limit.needs.iter().all(|need| {
                    let Some(InCount { rest, step, .. }) = self.in_count(&need.poly, counter.id) else {
                        return false;
                    };
                    let of = Poly::atom(count).times(&step).and_then(|p| p.plus(&rest));
                    of.is_some_and(|p| {
                        p.span(|a| if a == count { Span::new(0, turns) } else { Span::ALL }).fits(need.bits)
                    })
                });
            in_range.then_some(value)
        })?;
        let span = Span::new(start.min(most), start.max(most));
        span.fits(self.bits(phi)).then_some(span)
    }

    /// Least and greatest value of a quantity, whatever is known of the loops.
    pub fn span_of_atom(&self, atom: Atom) -> Span {
        match self.atoms.borrow().get(atom) {
            Quantity::Value(value) => self.ranges.of(*value),
            Quantity::Field(_, field) => field_range(*field),
            Quantity::Count(_) | Quantity::Quotient(..) => Span { low: 0, ..Span::ALL },
        }
    }
}

/// How two integers compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    Equal,
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    fn not(self) -> Relation {
        match self {
            Relation::Equal => Relation::Differs,
            Relation::Differs => Relation::Equal,
            Relation::Less => Relation::GreaterOrEqual,
            Relation::LessOrEqual => Relation::Greater,
            Relation::Greater => Relation::LessOrEqual,
            Relation::GreaterOrEqual => Relation::Less,
        }
    }
}

/// What it says that a comparison `holds`, or not; and whether unsigned.
fn relation(opcode: Opcode, holds: bool) -> Option<(Relation, bool)> {
    let (relation, unsigned) = match opcode {
        Opcode::I64Eq | Opcode::I32Eq => (Relation::Equal, false),
        Opcode::I64Ne | Opcode::I32Ne => (Relation::Differs, false),
        Opcode::I64Lt | Opcode::I32Lt => (Relation::Less, false),
        Opcode::I64Le | Opcode::I32Le => (Relation::LessOrEqual, false),
        Opcode::I64Gt | Opcode::I32Gt => (Relation::Greater, false),
        Opcode::I64Ge | Opcode::I32Ge => (Relation::GreaterOrEqual, false),
        Opcode::I64LtU | Opcode::I32LtU => (Relation::Less, true),
        Opcode::I64LeU | Opcode::I32LeU => (Relation::LessOrEqual, true),
        Opcode::I64GtU | Opcode::I32GtU => (Relation::Greater, true),
        Opcode::I64GeU | Opcode::I32GeU => (Relation::GreaterOrEqual, true),
        _ => return None,
    };
    Some((if holds { relation } else { relation.not() }, unsigned))
}
