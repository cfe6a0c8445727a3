//! The unknowns of polynomials, and each value in terms of them.
//!
//! Two relations are kept apart. `residue` of a value is equal to it **modulo
//! 2^64** (2^32 for an i32), always. Being *equal as a number* is a claim about a
//! place, which [`super::prove`] makes where it has shown that the residue lies
//! in range there. An unknown stands for a number: a value as a signed integer, a
//! field of a header, or a number divided by a power of two. It may also be how
//! often a loop has gone back to its header since it was entered.
//!
//! A phi of a header is `start + step * count` where every way back adds the
//! same `step`, which the loop does not change; where ways back add different
//! things, or as much as inner loops have counted, that is a sum of its own. All
//! of it holds modulo 2^64 (2^32), as of all residues; counts and sums are numbers
//! that nothing in the program holds, and never wrap.

use super::Checker;
use super::poly::{Atom, Poly, Span};
use super::ssa::{Arg, Def, Made, UNKNOWN, Value};
use crate::mir::{Field, MirOp};
use nbc_ir::{BlockId, Elem, Imm, Inst, Type};
use rustc_hash::FxHashMap;

/// Most elements that a tensor can have: more would not fit any address space.
const MAX_LEN: i128 = 1 << 58;
/// Most copies of copies that are looked through.
const MAX_COPIES: usize = 32;
/// Most phis that one is held against, and ways on which.
const MAX_COMPANIONS: usize = 6;
/// How far places where ways meet may lead to others.
const MAX_MEETINGS: u32 = 8;
/// Most counters that are taken apart in one polynomial.
const MAX_EXPANSIONS: usize = 24;

/// What an unknown is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unknown {
    /// A value of an integer or truth value, as a signed number.
    Value(Value),
    /// A field of a tensor's header.
    Field(Value, Field),
    /// How often the loop with that header has gone back to it.
    Count(BlockId),
    /// `value` divided by two to that power, rounded down.
    Quotient(Value, u32),
    /// What is added up as loops turn, by its number among the sums.
    Sum(u32),
}

/// A sum, which starts with 0 when the loop with that header is entered. It
/// grows by `steps`, one for each way back in order, in terms of what is known
/// there.
#[derive(Clone, PartialEq, Debug)]
pub struct Sum {
    /// The header.
    pub header: BlockId,
    /// Ways back, and what is added on them.
    pub steps: Vec<(BlockId, Poly)>,
    /// Whether it never falls.
    pub rises: bool,
}

/// Unknowns and residues of a function.
#[derive(Default)]
pub struct Unknowns {
    list: Vec<Unknown>,
    /// By unknown: its range, if that has been asked for.
    spans: Vec<Option<Span>>,
    numbers: FxHashMap<Unknown, Atom>,
    /// By value: its residue, phis of headers being unknowns.
    residues: Vec<Option<Poly>>,
    /// By value: with counters taken apart.
    forms: FxHashMap<Value, Vec<Poly>>,
    /// Phis of headers: what they start with, and what has been added since.
    counters: FxHashMap<Value, Option<(Poly, Poly)>>,
    sums: Vec<Sum>,
    /// How many places where ways meet are being looked at.
    meeting: u32,
}

impl Unknowns {
    fn of(&mut self, unknown: Unknown) -> Atom {
        let next = Atom(self.list.len() as u32);
        let atom = *self.numbers.entry(unknown).or_insert(next);
        if atom == next {
            self.list.push(unknown);
        }
        atom
    }
}

impl Checker<'_> {
    /// The number of an unknown.
    pub fn atom(&mut self, unknown: Unknown) -> Atom {
        self.unknowns.of(unknown)
    }

    /// What an unknown is.
    pub fn unknown(&self, atom: Atom) -> Unknown {
        self.unknowns.list[atom.0 as usize]
    }

    /// The value that a value is a copy of.
    pub fn original(&self, mut value: Value) -> Value {
        for _ in 0..MAX_COPIES {
            let Some((node, args)) = self.ssa.maker(self.func, value) else { break };
            let (MirOp::Inst(Inst::Copy { .. }), [Arg::Value(from)]) = (&node.op, &args[..]) else { break };
            value = *from;
        }
        value
    }

    /// Type of a value of the bytecode.
    pub fn type_of(&self, value: Value) -> Option<Type> {
        if value == UNKNOWN {
            return None;
        }
        self.func.regs[self.ssa.def(value).reg.index()].value()
    }

    /// What the type of an integer holds.
    pub fn whole(&self, value: Value) -> Option<Span> {
        match self.type_of(value)? {
            Type::I64 => Some(Span::I64),
            Type::I32 => Some(Span::I32),
            Type::Bool => Some(Span::new(0, 1)),
            _ => None,
        }
    }

    /// A field of a tensor: a number if its shape is known.
    pub fn field(&mut self, tensor: Value, field: Field) -> Poly {
        let tensor = self.original(tensor);
        let shape = self.func.shapes.get(&self.ssa.def(tensor).reg);
        match shape.and_then(|shape| shape.field(field)) {
            Some(number) => Poly::number(number.into()),
            None => Poly::atom(self.atom(Unknown::Field(tensor, field))),
        }
    }

    /// Gives every integer its residue, phis of headers and what nothing is
    /// known of being unknowns.
    pub fn number(&mut self) {
        self.unknowns.residues = vec![None; self.ssa.len()];
        let (func, cfg) = (self.func, self.cfg);
        for &block in cfg.rpo() {
            for n in 0..self.ssa.phis(block).len() {
                let phi = self.ssa.phis(block)[n];
                if self.whole(phi).is_some() && !self.loops.is_header(block) {
                    let args = self.ssa.phi_args(phi);
                    let first = args.first().and_then(|a| self.unknowns.residues.get(a.0 as usize)?.clone());
                    let alike =
                        |a: &Value| self.unknowns.residues.get(a.0 as usize).is_some_and(|r| *r == first);
                    if first.is_some() && args.iter().all(alike) {
                        self.unknowns.residues[phi.0 as usize] = first;
                    }
                }
            }
            for (n, node) in func.blocks[block.index()].nodes.iter().enumerate() {
                let made = self.ssa.made_by(block, n);
                let mut defs = 0;
                node.op.for_each_def(|_| defs += 1);
                if defs == 1 && self.whole(made).is_some() {
                    let args = self.ssa.operands(&node.op, block, n);
                    let found = self.result(made, &node.op, &args);
                    self.unknowns.residues[made.0 as usize] = found.map(|p| self.wrapped(made, p));
                }
            }
        }
    }

    /// A number as the register holds it.
    fn wrapped(&self, value: Value, poly: Poly) -> Poly {
        match (poly.as_number(), self.type_of(value)) {
            (Some(number), Some(Type::I32)) => Poly::number((number as i32).into()),
            (Some(number), Some(Type::I64)) => Poly::number((number as i64).into()),
            _ => poly,
        }
    }

    /// What a value is modulo two to the power of its width.
    pub fn residue(&mut self, value: Value) -> Poly {
        match self.unknowns.residues.get(value.0 as usize).cloned().flatten() {
            Some(poly) => poly,
            None => Poly::atom(self.atom(Unknown::Value(value))),
        }
    }

    /// The residue of an operand.
    fn residue_of(&mut self, arg: Arg) -> Option<Poly> {
        match arg {
            Arg::Value(value) => self.whole(value).is_some().then(|| self.residue(value)),
            Arg::Imm(imm) => number_of(imm).map(Poly::number),
        }
    }

    fn result(&mut self, made: Value, op: &MirOp, args: &[Arg]) -> Option<Poly> {
        let inst = match (op, args) {
            (MirOp::Inst(inst), _) => inst,
            (MirOp::Field { field, .. }, [Arg::Value(tensor)]) if *field != Field::Data => {
                return Some(self.field(*tensor, *field));
            }
            _ => return None,
        };
        let tensor = |n: usize| match args[n] {
            Arg::Value(tensor) => Some(tensor),
            Arg::Imm(_) => None,
        };
        match inst {
            Inst::I64Const { value, .. } | Inst::I32Const { value, .. } | Inst::BoolConst { value, .. } => {
                number_of(*value).map(Poly::number)
            }
            Inst::Copy { .. } => self.residue_of(args[0]),
            Inst::I64Add { .. } | Inst::I32Add { .. } => {
                self.residue_of(args[0])?.plus(&self.residue_of(args[1])?)
            }
            Inst::I64Sub { .. } | Inst::I32Sub { .. } => {
                self.residue_of(args[0])?.minus(&self.residue_of(args[1])?)
            }
            Inst::I64Mul { .. } | Inst::I32Mul { .. } => {
                self.residue_of(args[0])?.times(&self.residue_of(args[1])?)
            }
            Inst::I64Neg { .. } | Inst::I32Neg { .. } => self.residue_of(args[0])?.scaled(-1),
            Inst::I64Shl { .. } | Inst::I32Shl { .. } => match self.residue_of(args[1])?.as_number()? {
                by @ 0..=30 => self.residue_of(args[0])?.scaled(1 << by),
                _ => None,
            },
            // A multiple of a power of two.
            Inst::I64And { .. } => {
                let masks = [(0, 1), (1, 0)].into_iter();
                let (of, mask) = masks.map(|(of, mask)| (args[of], args[mask])).find_map(|(of, mask)| {
                    let number = self.residue_of(mask)?.as_number()?;
                    let is_mask = number < 0 && (-number).count_ones() == 1 && number >= -(1 << 40);
                    is_mask.then_some((of, -number))
                })?;
                let Arg::Value(of) = of else { return None };
                let power = mask.trailing_zeros();
                if let Some(number) = self.residue(of).as_number() {
                    return Some(Poly::number(number >> power << power));
                }
                Poly::atom(self.atom(Unknown::Quotient(of, power))).scaled(mask)
            }
            // Right modulo 2^32, which is what residues of an i32 are.
            Inst::I32WrapI64 { .. } => self.residue_of(args[0]),
            // The i32 as a signed number is an unknown of its own.
            Inst::I64ExtendI32 { .. } => match args[0] {
                Arg::Value(from) => match self.residue(from).as_number() {
                    Some(number) => Some(Poly::number((number as i32).into())),
                    None => Some(Poly::atom(self.atom(Unknown::Value(self.original(from))))),
                },
                Arg::Imm(imm) => number_of(imm).map(Poly::number),
            },
            Inst::TensorLen { .. } => Some(self.field(tensor(0)?, Field::Len)),
            Inst::TensorRank { .. } => Some(self.field(tensor(0)?, Field::Rank)),
            Inst::TensorDim { .. } => match self.residue_of(args[1])?.as_number()? {
                axis @ 0..=2 => Some(self.field(tensor(0)?, Field::Dim(axis as u8))),
                _ => None,
            },
            _ => Some(Poly::atom(self.atom(Unknown::Value(made)))),
        }
    }

    /// The block in which an unknown gets its number.
    pub fn home(&self, atom: Atom) -> BlockId {
        match self.unknown(atom) {
            Unknown::Value(v) | Unknown::Field(v, _) | Unknown::Quotient(v, _) => self.ssa.def(v).block,
            Unknown::Count(header) => header,
            Unknown::Sum(n) => self.unknowns.sums[n as usize].header,
        }
    }

    /// What a sum is of.
    pub fn sum(&self, number: u32) -> &Sum {
        &self.unknowns.sums[number as usize]
    }

    /// An order in which what is made of others comes after them.
    pub fn order(&self, atom: Atom) -> (usize, u32, u32) {
        let rank = self.cfg.rank(self.home(atom)).unwrap_or(0);
        let node = |v: Value| match self.ssa.def(v).made {
            Made::Entry => 0,
            Made::Phi => 1,
            Made::Node(n) => 2 + n,
        };
        match self.unknown(atom) {
            Unknown::Value(v) => (rank, node(v), atom.0),
            Unknown::Field(v, _) | Unknown::Quotient(v, _) => (rank, node(v) + 1, atom.0),
            Unknown::Count(_) | Unknown::Sum(_) => (rank, 0, atom.0),
        }
    }

    /// Whether `block` is in the loop with that header.
    pub fn is_in(&self, header: BlockId, block: BlockId) -> bool {
        let mut at = self.loops.innermost(block);
        // Deeper nests are refused before anything is proved.
        while let Some(h) = at {
            if h == header {
                return true;
            }
            at = self.loops.parent(h);
        }
        false
    }

    /// Whether the loop leaves all unknowns of `poly` alone.
    pub fn is_invariant(&self, poly: &Poly, header: BlockId) -> bool {
        poly.atoms().all(|atom| !self.is_in(header, self.home(atom)))
    }

    /// A phi of a header as what it starts with and what has been added since.
    pub fn counter(&mut self, phi: Value) -> Option<(Poly, Poly)> {
        if let Some(known) = self.unknowns.counters.get(&phi) {
            return known.clone();
        }
        // It is itself while that is being found out.
        self.unknowns.counters.insert(phi, None);
        let found = self.find_counter(phi);
        self.unknowns.counters.insert(phi, found.clone());
        found
    }

    fn find_counter(&mut self, phi: Value) -> Option<(Poly, Poly)> {
        let def = self.ssa.def(phi);
        if def.made != Made::Phi {
            return None;
        }
        if self.loops.is_header(def.block)
            && let Some(found) = self.find_counted(phi)
        {
            return Some(found);
        }
        if self.unknowns.meeting >= MAX_MEETINGS {
            return None;
        }
        self.unknowns.meeting += 1;
        let found = self.find_companion(phi);
        self.unknowns.meeting -= 1;
        found
    }

    /// A phi of a header as what it starts with and a multiple of a count, or a sum.
    fn find_counted(&mut self, phi: Value) -> Option<(Poly, Poly)> {
        let def = self.ssa.def(phi);
        let whole = self.whole(phi).filter(|span| *span != Span::new(0, 1))?;
        let itself = Poly::atom(self.atom(Unknown::Value(phi)));
        let mut start: Option<Poly> = None;
        let mut steps: Vec<(BlockId, Poly)> = Vec::new();
        for (pred, arg) in self.edges_to(phi) {
            let residue = self.residue(arg);
            if self.is_in(def.block, pred) {
                let step = match residue.minus(&itself)? {
                    step if self.is_invariant(&step, def.block) => step,
                    _ => self.expand(&residue, whole == Span::I64, Some(def.block))?.minus(&itself)?,
                };
                steps.push((pred, step));
            } else if start.get_or_insert_with(|| residue.clone()) != &residue {
                return None;
            }
        }
        let (start, (_, first)) = (start?, steps.first()?.clone());
        if steps.iter().all(|s| s.1 == first) && self.is_invariant(&first, def.block) {
            let count = Poly::atom(self.atom(Unknown::Count(def.block)));
            return Some((start, first.times(&count)?));
        }
        // Inner loops count, or ways back differ: what is added up is a sum, a
        // number like the count, of which others of the loop may be multiples.
        for (_, step) in &steps {
            let is_counted = step.atoms().all(|atom| match self.unknown(atom) {
                Unknown::Count(_) | Unknown::Sum(_) => true,
                _ => !self.is_in(def.block, self.home(atom)),
            });
            if !is_counted {
                return None;
            }
        }
        // What is added is a counter of a loop around this one, or has one in it: as a
        // residue it is as good with that taken apart, and then seen not to fall.
        for (_, step) in &mut steps {
            if let Some(apart) = self.expand(step, whole == Span::I64, None) {
                *step = apart;
            }
        }
        // What only falls is a sum that rises, taken away: so it is known to be no less than 0.
        let falls = steps.iter().all(|(_, step)| step.span(|atom| self.span_anywhere(atom)).high <= 0);
        let divisor = steps.iter().fold(0, |d, s| s.1.divisor(d)) * if falls { -1 } else { 1 };
        let steps: Vec<(BlockId, Poly)> =
            steps.into_iter().map(|(pred, step)| Some((pred, step.over(divisor)?))).collect::<Option<_>>()?;
        let spans: Vec<Span> =
            steps.iter().map(|(_, step)| step.span(|atom| self.span_anywhere(atom))).collect();
        let sum = Sum { header: def.block, steps, rises: spans.iter().all(|span| span.low >= 0) };
        let known = self.unknowns.sums.iter().position(|s| *s == sum);
        let number = known.unwrap_or_else(|| {
            self.unknowns.sums.push(sum);
            self.unknowns.sums.len() - 1
        });
        let sum = Poly::atom(self.atom(Unknown::Sum(number as u32)));
        Some((start, sum.scaled(divisor)?))
    }

    /// A phi as a multiple of another of its block, and what it is more than that whenever the
    /// block is reached. So counters of one loop stay together where it meets others, and
    /// counters of a loop in which some meet. As residues of the same width.
    ///
    /// Proof, where `is` are polynomials of the phi on the ways to the block and `others` of the
    /// other: on each way in `is - times * other` is `more`. On each way back it is what it was
    /// before, of which the phi and the other are the unknowns. The loop does not change
    /// `more`, whose unknowns have got their numbers before. So it is by induction over how
    /// often the block is reached.
    fn find_companion(&mut self, phi: Value) -> Option<(Poly, Poly)> {
        let Def { block, .. } = self.ssa.def(phi);
        let whole = self.whole(phi).filter(|span| *span != Span::new(0, 1))?;
        let edges = self.edges_to(phi);
        let (back, entries): (Vec<usize>, Vec<usize>) =
            (0..edges.len()).partition(|n| self.is_in(block, edges[*n].0));
        // What comes back otherwise may be of another time.
        let is_later = |n: &usize| self.cfg.rank(edges[*n].0) >= self.cfg.rank(block);
        if edges.len() > MAX_COMPANIONS || entries.is_empty() || entries.iter().any(is_later) {
            return None;
        }
        let mut is: Vec<Poly> = Vec::new();
        for (_, arg) in &edges {
            is.push(self.expanded(*arg));
        }
        let itself = Poly::atom(self.atom(Unknown::Value(phi)));
        let companions = self.ssa.phis(block).iter().copied().take_while(|other| *other != phi);
        let is_like_it = |other: &Value| self.relevant.contains(other) && self.whole(*other) == Some(whole);
        let companions: Vec<Value> = companions.filter(is_like_it).take(MAX_COMPANIONS).collect();
        for companion in companions {
            let mut others: Vec<Poly> = Vec::new();
            for arg in self.ssa.phi_args(companion).to_vec() {
                others.push(self.expanded(arg));
            }
            let now = self.expanded(companion);
            let back = back.iter().map(|n| (&is[*n], &others[*n])).chain([(&itself, &now)]);
            let entries = entries.iter().map(|n| (&is[*n], &others[*n]));
            let is_above = |atom: Atom| self.is_above(atom, block);
            let Some(times) = multiple(back.clone()).or_else(|| multiple(entries.clone())) else { continue };
            let more = difference(entries, times).filter(|more| more.atoms().all(is_above));
            if let Some(more) = more
                && difference(back, times).is_some()
            {
                // What was made of it meanwhile can be taken apart further.
                self.unknowns.forms.clear();
                return Some((Poly::atom(self.atom(Unknown::Value(companion))).scaled(times)?, more));
            }
        }
        None
    }

    /// The ways to a phi's block, each with what the phi is then.
    pub fn edges_to(&self, phi: Value) -> Vec<(BlockId, Value)> {
        let preds = super::ssa::reachable(self.cfg, self.ssa.def(phi).block);
        preds.zip(self.ssa.phi_args(phi).iter().copied()).collect()
    }

    /// The residue of a value with all counters taken apart.
    pub fn expanded(&mut self, value: Value) -> Poly {
        self.forms(value)[0].clone()
    }

    /// The residue of a value: with all counters taken apart first, then with
    /// fewer and fewer, those of outer loops being left alone.
    pub fn forms(&mut self, value: Value) -> Vec<Poly> {
        if let Some(known) = self.unknowns.forms.get(&value) {
            return known.clone();
        }
        let is_wide = self.type_of(value) != Some(Type::I32);
        let mut forms = vec![self.residue(value)];
        while forms.len() < MAX_EXPANSIONS {
            let last = forms[forms.len() - 1].clone();
            let Some(next) = self.expand_once(&last, is_wide, None) else { break };
            forms.push(next);
        }
        forms.reverse();
        self.unknowns.forms.insert(value, forms.clone());
        forms
    }

    /// `poly` with counters taken apart of the loop with that header and those in
    /// it, or of all.
    pub fn expand(&mut self, poly: &Poly, is_wide: bool, inside: Option<BlockId>) -> Option<Poly> {
        let mut poly = poly.clone();
        for _ in 0..MAX_EXPANSIONS {
            match self.expand_once(&poly, is_wide, inside) {
                Some(next) => poly = next,
                None => return Some(poly),
            }
        }
        None
    }

    /// `poly` with one counter taken apart, of an innermost loop; an i32 in
    /// something of 64 bits is only equal to its residue where that is in range,
    /// so it stays.
    fn expand_once(&mut self, poly: &Poly, is_wide: bool, inside: Option<BlockId>) -> Option<Poly> {
        let mut phis: Vec<(Atom, Value)> = poly
            .atoms()
            .filter_map(|atom| match self.unknown(atom) {
                Unknown::Value(v) if !is_wide || self.type_of(v) == Some(Type::I64) => Some((atom, v)),
                _ => None,
            })
            .collect();
        if let Some(header) = inside {
            phis.retain(|(_, v)| self.is_in(header, self.ssa.def(*v).block));
        }
        phis.sort_unstable_by_key(|(atom, _)| std::cmp::Reverse(self.order(*atom)));
        let (atom, (start, since)) = phis.into_iter().find_map(|(atom, v)| Some((atom, self.counter(v)?)))?;
        poly.replaced(atom, &since.plus(&start)?)
    }

    /// Least and greatest number that an unknown can be, wherever it is.
    pub fn span_anywhere(&mut self, atom: Atom) -> Span {
        let n = atom.0 as usize;
        if let Some(Some(known)) = self.unknowns.spans.get(n) {
            return *known;
        }
        let span = self.find_span(atom);
        if self.unknowns.spans.len() <= n {
            self.unknowns.spans.resize(n + 1, None);
        }
        self.unknowns.spans[n] = Some(span);
        span
    }

    fn find_span(&self, atom: Atom) -> Span {
        match self.unknown(atom) {
            Unknown::Count(_) => Span { low: 0, ..Span::ALL },
            Unknown::Sum(n) if self.sum(n).rises => Span { low: 0, ..Span::ALL },
            Unknown::Sum(_) => Span::ALL,
            Unknown::Field(_, field) => span_of_field(field),
            Unknown::Quotient(of, power) => {
                let whole = self.whole(of).unwrap_or(Span::I64);
                Span::new(whole.low >> power, whole.high >> power)
            }
            Unknown::Value(value) => self.span_of_value(value),
        }
    }

    fn span_of_value(&self, value: Value) -> Span {
        let whole = self.whole(value).unwrap_or(Span::ALL);
        let Some((node, args)) = self.ssa.maker(self.func, value) else { return whole };
        let literal = |n: usize| match args.get(n) {
            Some(Arg::Imm(imm)) => number_of(*imm),
            _ => None,
        };
        let is_32 = whole == Span::I32;
        let inst = match &node.op {
            MirOp::Load { elem: Elem::U8, .. } => return Span::new(0, 255),
            MirOp::Inst(inst) => inst,
            _ => return whole,
        };
        match inst {
            Inst::I64And { .. } | Inst::I32And { .. } => {
                let masks = [literal(0), literal(1)].into_iter().flatten().filter(|m| *m >= 0);
                masks.min().map_or(whole, |mask| Span::new(0, mask))
            }
            Inst::I64ShrU { .. } | Inst::I32ShrU { .. } => match literal(1) {
                Some(by) if by > 0 && by < if is_32 { 32 } else { 64 } => {
                    Span::new(0, (if is_32 { u32::MAX as i128 } else { u64::MAX as i128 }) >> by)
                }
                _ => whole,
            },
            Inst::I64Shr { .. } | Inst::I32Shr { .. } => match literal(1) {
                Some(by) if by >= 0 && by < if is_32 { 32 } else { 64 } => {
                    Span::new(whole.low >> by, whole.high >> by)
                }
                _ => whole,
            },
            Inst::I64Rem { .. } | Inst::I32Rem { .. } => match literal(1) {
                Some(by) if by > 0 => Span::new(1 - by, by - 1),
                _ => whole,
            },
            Inst::I64RemU { .. } | Inst::I32RemU { .. } => match literal(1) {
                Some(by) if by > 0 => Span::new(0, by - 1),
                _ => whole,
            },
            Inst::I64DivU { .. } | Inst::I32DivU { .. } => match literal(1) {
                Some(by) if by > 1 => {
                    Span::new(0, (if is_32 { u32::MAX as i128 } else { u64::MAX as i128 }) / by)
                }
                _ => whole,
            },
            Inst::I64Clz { .. } | Inst::I64Ctz { .. } | Inst::I64Popcnt { .. } => Span::new(0, 64),
            Inst::I32Clz { .. } | Inst::I32Ctz { .. } | Inst::I32Popcnt { .. } => Span::new(0, 32),
            Inst::I64Extend8 { .. } | Inst::I32Extend8 { .. } => Span::new(-128, 127),
            Inst::I64Extend16 { .. } | Inst::I32Extend16 { .. } => Span::new(-32768, 32767),
            Inst::I64Extend32 { .. } => Span::I32,
            Inst::I64ExtendI32U { .. } => Span::new(0, u32::MAX.into()),
            Inst::I64FromBool { .. } | Inst::I32FromBool { .. } => Span::new(0, 1),
            Inst::ListLen { .. } => Span::new(0, i64::MAX.into()),
            Inst::TensorLoad { .. } | Inst::TensorLoad2 { .. } | Inst::TensorLoad3 { .. } => match args[0] {
                Arg::Value(x) if self.type_of(x) == Some(Type::Tensor(Elem::U8)) => Span::new(0, 255),
                _ => whole,
            },
            _ => whole,
        }
    }
}

/// How many times the second of two changes where the first does so, from pair to pair.
fn multiple<'p>(mut pairs: impl Iterator<Item = (&'p Poly, &'p Poly)>) -> Option<i128> {
    let (a, b) = pairs.next()?;
    pairs.find_map(|(c, d)| c.minus(a)?.quotient(&d.minus(b)?))
}

/// What the first of two is more than so many times the second, if it is the same of all.
fn difference<'p>(mut pairs: impl Iterator<Item = (&'p Poly, &'p Poly)>, times: i128) -> Option<Poly> {
    let first = pairs.next().and_then(|(a, b)| a.plus_times(b, times.checked_neg()?))?;
    pairs.all(|(a, b)| a.plus_times(b, -times).as_ref() == Some(&first)).then_some(first)
}

/// A literal as a number.
pub fn number_of(imm: Imm) -> Option<i128> {
    match imm {
        Imm::I64(v) => Some(v.into()),
        Imm::I32(v) => Some(v.into()),
        Imm::Bool(v) => Some(v.into()),
        _ => None,
    }
}

/// The range of a field that is no address.
fn span_of_field(field: Field) -> Span {
    match field {
        Field::Len | Field::WritableLen => Span::new(0, MAX_LEN),
        Field::Rank => Span::new(0, 8),
        Field::Data | Field::WritableDim0 | Field::Dim(_) => Span::new(0, i64::MAX.into()),
    }
}
