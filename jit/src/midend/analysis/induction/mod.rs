//! Induction variable analysis: how integers change from iteration to iteration.
//! It has every register as a residue, counters as `start + step * count`, and the
//! tests that say how many iterations a loop has.
//!
//! A counter need not be one register: what counts is that the value which
//! meets itself at the header has grown by something that the loop does not
//! change. A conclusion carries its conditions ([`Assuming`]). A value known
//! modulo the width of a register is no number ([`Residue`]). A fact is about
//! values, not registers.
//!
//! | file | what |
//! |---|---|
//! | [`residue`] | what a register holds, modulo its width |
//! | [`assuming`] | what holds under conditions |
//! | [`counter`] | values that grow by the same, or by one of several numbers |
//! | [`fact`] | what branches say |
//! | [`limit`] | what tests say of how often a loop goes on |
//!
//! Each claim is compared with what loops do, for all inputs, with registers of a
//! few bits (`brute_force.rs`): the same code, with other [`Widths`].

pub mod assuming;
#[cfg(test)]
mod brute_force;
pub mod counter;
pub mod fact;
pub mod limit;
pub mod residue;

use super::gathered::Gathered;
use super::loops::{Forest, LoopId};
use super::poly::{Atom, Atoms, Poly, Quantity, Span};
use super::ranges::{Ranges, field_range};
use super::values::{Arg, Made, Value, Values};
use crate::budget::Budget;
use crate::mir::{Field, Func, MirOp, Ty};
use assuming::Assuming;
use counter::{Counter, Drift};
use limit::Limit;
use nbc_ir::inst::Imm;
use nbc_ir::{BlockId, Inst, Reg, Type};
use residue::{Residue, Width, Widths};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::rc::Rc;

/// Most loops that a value is followed out of.
const MAX_LEFT: usize = 8;

/// Most dominators of a block whose branches are looked at.
pub(super) const MAX_CLIMB: usize = 48;

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
    /// How wide integers are.
    pub widths: Widths,
    /// What each integer value is.
    residues: Vec<Option<Residue>>,
    /// The value that each is a copy of.
    same: Vec<Value>,
    counters: FxHashMap<Value, Counter>,
    drifts: FxHashMap<Value, Drift>,
    limits: Vec<Vec<Limit>>,
    /// What branches say.
    pub(super) gathered: Gathered,
}

impl Induction {
    /// Analyses `func`, with integers of such widths.
    pub fn new(
        widths: Widths,
        func: Rc<Func>,
        forest: Rc<Forest>,
        values: Rc<Values>,
        budget: &Rc<Budget>,
    ) -> Induction {
        let ranges = Ranges::new(&widths, &func, &forest, &values, |_| None);
        let mut it = Induction {
            ranges,
            atoms: RefCell::default(),
            widths,
            residues: vec![None; values.len()],
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
        it.ranges = Ranges::new(&it.widths, &it.func, &it.forest, &it.values, |phi| known.get(&phi).copied());
        it
    }

    /// What an integer value is, in quantities that are values or fields.
    pub fn residue(&self, value: Value) -> Option<&Residue> {
        self.residues[value.index()].as_ref()
    }

    /// What an integer operand is, in a register of `width`.
    pub fn residue_of(&self, arg: Arg, width: Width) -> Option<Residue> {
        match arg {
            Arg::Value(value) => self.residue(value).filter(|r| required!(r.width() == width)).cloned(),
            Arg::Imm(Imm::I64(v)) => Some(Residue::number(v, width)),
            Arg::Imm(Imm::I32(v)) => Some(Residue::number(v as i64, width)),
            Arg::Imm(_) => None,
        }
    }

    /// What an index is.
    pub fn index(&self, arg: Arg) -> Option<Residue> {
        self.residue_of(arg, self.widths.wide)
    }

    /// The value that `value` is a copy of.
    pub fn original(&self, value: Value) -> Value {
        self.same[value.index()]
    }

    /// What a value is as a counter of a loop.
    pub fn counter(&self, value: Value) -> Option<&Counter> {
        self.counters.get(&value)
    }

    /// What a value is as one that grows by one of several numbers.
    pub fn drift(&self, value: Value) -> Option<&Drift> {
        self.drifts.get(&value)
    }

    /// The bounds on how often a loop goes on.
    pub fn limits(&self, id: LoopId) -> &[Limit] {
        &self.limits[id.index()]
    }

    /// The number of a quantity.
    pub fn atom(&self, quantity: Quantity) -> Atom {
        self.atoms.borrow_mut().of(quantity)
    }

    /// Where a quantity is made; `None` for how often a loop has gone on.
    pub fn made_in(&self, atom: Atom) -> Option<BlockId> {
        match self.atoms.borrow().get(atom) {
            Quantity::Value(v) | Quantity::Field(v, _) => Some(self.values.def(*v).block),
            Quantity::Count(_) | Quantity::Quotient(..) => None,
        }
    }

    /// Whether a value stays the same in all iterations.
    pub fn is_fixed(&self, value: Value, id: LoopId) -> bool {
        required!(!self.forest.contains(id, self.values.def(value).block))
    }

    /// Whether a quantity stays the same in all iterations.
    pub fn is_fixed_atom(&self, atom: Atom, id: LoopId) -> bool {
        self.made_in(atom).is_some_and(|b| required!(!self.forest.contains(id, b)))
    }

    /// The node that makes a value.
    pub fn maker(&self, value: Value) -> Option<(&MirOp, Vec<Arg>)> {
        let def = self.values.def(value);
        let Made::Node(n) = def.made else { return None };
        let op = &self.func.blocks[def.block.index()].nodes[n as usize].op;
        Some((op, self.values.args(op, def.block, n as usize)))
    }

    /// How wide a value is, if it is an integer.
    pub fn width(&self, value: Value) -> Option<Width> {
        match self.func.regs[self.values.def(value).reg.index()] {
            Ty::Value(Type::I64) => Some(self.widths.wide),
            Ty::Value(Type::I32) => Some(self.widths.narrow),
            _ => None,
        }
    }

    /// Gives each value its residue, and finds copies.
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
                if let (MirOp::Inst(Inst::Copy { .. }), [Arg::Value(from)]) = (&node.op, &*args) {
                    self.same[made.index()] = self.same[from.index()];
                }
                if let Some(width) = self.width(made)
                    && let Some(residue) = self.result(&node.op, &args, width)
                {
                    self.residues[made.index()] = Some(residue);
                }
            }
        }
    }

    fn set_atom(&mut self, value: Value) {
        if let Some(width) = self.width(value) {
            let atom = self.atom(Quantity::Value(value));
            self.residues[value.index()] = Some(Residue::atom(atom, width));
        }
    }

    /// A phi is what all that meets in it is, where nothing comes back.
    fn number_phi(&mut self, block: BlockId, phi: Value) {
        self.set_atom(phi);
        let rank = self.forest.cfg.rank(block);
        let preds = self.forest.cfg.preds(block).iter().filter(|p| self.forest.cfg.is_reachable(**p));
        if forbidden!(preds.clone().any(|p| self.forest.cfg.rank(*p) >= rank)) {
            return;
        }
        let args = self.values.phi_args(phi);
        let first = self.same[args[0].index()];
        if required!(args.iter().all(|a| self.same[a.index()] == first)) {
            self.same[phi.index()] = first;
        }
        let residue = &self.residues[args[0].index()];
        if residue.is_some() && required!(args.iter().all(|a| self.residues[a.index()] == *residue)) {
            self.residues[phi.index()] = residue.clone();
        }
    }

    /// What the result of a node is, in a register of `width`.
    fn result(&self, op: &MirOp, args: &[Arg], width: Width) -> Option<Residue> {
        let arg = |n: usize| self.residue_of(args[n], width);
        let field = |field| match args[0] {
            Arg::Value(tensor) => {
                Some(Residue::atom(self.atom(Quantity::Field(self.original(tensor), field)), width))
            }
            Arg::Imm(_) => None,
        };
        let inst = match op {
            MirOp::Inst(inst) => inst,
            MirOp::Field { field: f, .. } => return field(*f), // an address has no width, so nobody asks
            _ => return None,
        };
        match inst {
            Inst::I64Const { value, .. } | Inst::I32Const { value, .. } => {
                self.residue_of(Arg::Imm(*value), width)
            }
            Inst::Copy { .. } => arg(0),
            Inst::I64Add { .. } | Inst::I32Add { .. } => arg(0)?.plus(&arg(1)?),
            Inst::I64Sub { .. } | Inst::I32Sub { .. } => arg(0)?.minus(&arg(1)?),
            Inst::I64Mul { .. } | Inst::I32Mul { .. } => arg(0)?.times(&arg(1)?),
            Inst::I64Neg { .. } | Inst::I32Neg { .. } => arg(0)?.negated(),
            Inst::I64Shl { .. } | Inst::I32Shl { .. } => match arg(1)?.as_number()? {
                by if required!((0..i64::from(width.bits - 1).min(31)).contains(&by)) => {
                    arg(0)?.times_number(1 << by)
                }
                _ => None,
            },
            Inst::I32WrapI64 { .. } => Some(self.index(args[0])?.wrapped(width)),
            Inst::I64ExtendI32 { .. } => self.residue_of(args[0], self.widths.narrow)?.extended(width),
            Inst::TensorLen { .. } => field(Field::Len),
            Inst::TensorRank { .. } => field(Field::Rank),
            Inst::TensorDim { .. } => match self.index(args[1])?.as_number()? {
                axis @ 0..=2 => field(Field::Dim(axis as u8)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether something in `residue` is made in a loop that is not around `id`.
    fn is_of_other_loops(&self, residue: &Residue, id: LoopId) -> bool {
        residue.atoms().any(|atom| {
            let made = self.made_in(atom).and_then(|block| self.forest.innermost(block));
            made.is_some_and(|of| !self.forest.encloses(of, id))
        })
    }

    /// What a value of loops that are not around `id` is after them.
    fn left(&self, residue: Residue, id: LoopId) -> Option<Assuming<Residue>> {
        self.left_by(residue, id, MAX_LEFT)
    }

    /// What it is after at most so many loops.
    fn left_by(&self, residue: Residue, id: LoopId, loops: usize) -> Option<Assuming<Residue>> {
        let inner = residue.atoms().find_map(|atom| {
            let Quantity::Value(value) = *self.atoms.borrow().get(atom) else { return None };
            let counter = self.counter(value)?;
            worth!(!self.forest.encloses(counter.id, id)).then_some((atom, counter))
        });
        let Some((atom, counter)) = inner else { return Some(Assuming::always(residue)) };
        let loops = loops.checked_sub(1)?;
        let end = counter.growth.clone().and(self.iterations(counter.id)?);
        let end = end.try_map(|(growth, count)| growth.after(&count))?;
        end.and_then(|end| residue.replaced(atom, &end))?.and_then(|residue| self.left_by(residue, id, loops))
    }

    /// Least and greatest value of a quantity, whatever is known of the loops.
    pub fn span_of_atom(&self, atom: Atom) -> Span {
        match self.atoms.borrow().get(atom) {
            Quantity::Value(value) => self.ranges.of(*value),
            Quantity::Field(_, field) => field_range(&self.widths, *field),
            Quantity::Count(_) | Quantity::Quotient(..) => Span { low: 0, ..Span::ALL },
        }
    }

    /// Whether `poly` is not negative in `block`, as a number or because of a
    /// branch on the way there.
    fn known(&self, poly: &Poly, block: BlockId) -> Option<Assuming<()>> {
        if let Some(number) = poly.as_number() {
            return required!(number >= 0).then(|| Assuming::always(()));
        }
        let says =
            |known: &Poly| poly.minus(known).and_then(|p| p.as_number()).is_some_and(|n| required!(n >= 0));
        let found = self.facts(block, None).into_iter().find(|fact| fact.would(says))?;
        Some((*found).clone().map(|_| ()))
    }

    /// What a register holds where `block` ends, if that can be told.
    pub fn at_end(&self, block: BlockId, reg: Reg) -> Option<Value> {
        self.values.at_end(&self.func, &self.forest, block, reg)
    }

    /// A register that holds a value where each of `blocks` ends.
    pub fn held(&self, value: Value, blocks: &[BlockId]) -> Option<Reg> {
        let holds = |reg: &Reg| {
            let of =
                |b: &BlockId| self.at_end(*b, *reg).is_some_and(|v| self.original(v) == self.original(value));
            required!(blocks.iter().all(of))
        };
        let regs = [value, self.original(value)].map(|v| self.values.def(v).reg);
        regs.into_iter().find(holds)
    }
}
