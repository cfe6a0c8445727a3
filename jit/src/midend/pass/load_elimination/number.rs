//! Value numbering. Invariant: two values that have the same number are equal,
//! where both are there.
//!
//! A value is either computed, by something that gives the same each time it
//! is done with the same operands, or it is a source: a phi, an element, what
//! a call returns. Computed values are told apart by how, from what sources.
//! That is value numbering by hashing, as in Click, "Global code motion, global
//! value numbering", 1995, without its optimism about loops. A computed value
//! is what it was the time before unless one of its sources has been made
//! again: a source dominates what is computed from it, so that has then been
//! computed again too where it can be read.

use crate::midend::analysis::motion::{Between, may_be_evaluated};
use crate::midend::analysis::values::{Arg, Made, Value, Values};
use crate::mir::{Func, MirOp};
use nbc_ir::inst::Imm;
use nbc_ir::{Inst, Opcode};
use rustc_hash::FxHashMap;

/// Most sources of a computed value; one of more is a source itself.
const MAX_SOURCES: usize = 8;

/// Most computations after each other that are looked through.
const MAX_DEPTH: u32 = 12;

/// The literal 0.
const ZERO: u32 = 0;

/// Something and a literal that is added, wrapping. The something of a literal
/// is 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Number {
    /// Which.
    pub base: u32,
    /// What is added.
    pub plus: i64,
}

impl Number {
    const fn literal(imm: Imm) -> Number {
        Number { base: ZERO, plus: imm.to_slot() as i64 }
    }

    /// Whether two are sure to differ.
    pub fn differs(self, other: Number) -> bool {
        required!(self.base == other.base) && required!(self.plus != other.plus)
    }
}

/// The numbers of a function's values, found when they are asked for.
pub struct Numbers<'a> {
    func: &'a Func,
    values: &'a Values,
    known: FxHashMap<Value, Number>,
    computed: FxHashMap<(Opcode, Number, Option<Number>), u32>,
    /// By base.
    sources: Vec<Vec<Value>>,
}

impl<'a> Numbers<'a> {
    /// Those of `func`, whose values are `values`.
    pub fn new(func: &'a Func, values: &'a Values) -> Numbers<'a> {
        Numbers {
            func,
            values,
            known: FxHashMap::default(),
            computed: FxHashMap::default(),
            sources: vec![Vec::new()],
        }
    }

    /// What `base` is computed from.
    pub fn sources(&self, base: u32) -> &[Value] {
        &self.sources[base as usize]
    }

    /// The number of an operand.
    pub fn of(&mut self, arg: Arg) -> Number {
        self.at(arg, 0)
    }

    fn at(&mut self, arg: Arg, depth: u32) -> Number {
        let value = match arg {
            Arg::Value(value) => value,
            Arg::Imm(imm) => return Number::literal(imm),
        };
        if let Some(known) = self.known.get(&value) {
            return *known;
        }
        let computed = if worth!(depth < MAX_DEPTH) { self.compute(value, depth + 1) } else { None };
        let number = computed.unwrap_or_else(|| {
            // What is there on entry is never made again.
            let is_new = worth!(self.values.def(value).made != Made::Entry);
            self.base(is_new.then_some(value).into_iter().collect()) // marked above
        });
        self.known.insert(value, number);
        number
    }

    fn base(&mut self, sources: Vec<Value>) -> Number {
        self.sources.push(sources);
        Number { base: self.sources.len() as u32 - 1, plus: 0 }
    }

    fn compute(&mut self, value: Value, depth: u32) -> Option<Number> {
        let def = self.values.def(value);
        let Made::Node(n) = def.made else { return None };
        let op = &self.func.blocks[def.block.index()].nodes[n as usize].op;
        let MirOp::Inst(inst) = op else { return None };
        match inst {
            Inst::I32Const { value, .. } | Inst::I64Const { value, .. } => {
                return Some(Number::literal(*value));
            }
            _ if !required!(may_be_evaluated(op, Between::Anything)) => return None,
            _ => {}
        }
        let args = self.values.args(op, def.block, n as usize);
        if !(1..=2).contains(&args.len()) {
            return None; // shape
        }
        let a = self.at(args[0], depth);
        let b = args.get(1).map(|b| self.at(*b, depth));
        let plus = |of: Number, by: i64| Some(Number { plus: of.plus.wrapping_add(by), ..of });
        match (inst, b) {
            (Inst::Copy { .. }, _) => return Some(a),
            (Inst::I64Add { .. }, Some(b)) if required!(b.base == ZERO) => return plus(a, b.plus),
            (Inst::I64Add { .. }, Some(b)) if required!(a.base == ZERO) => return plus(b, a.plus),
            (Inst::I64Sub { .. }, Some(b)) if required!(b.base == ZERO) => {
                return plus(a, b.plus.wrapping_neg());
            }
            _ => {}
        }
        let key = (inst.opcode(), a, b);
        if let Some(base) = self.computed.get(&key) {
            return Some(Number { base: *base, plus: 0 });
        }
        let mut sources = self.sources[a.base as usize].clone();
        guard!(sources.extend(b.iter().flat_map(|b| &self.sources[b.base as usize])));
        sources.sort_unstable();
        sources.dedup();
        if !worth!(sources.len() <= MAX_SOURCES) {
            return None;
        }
        let number = self.base(sources);
        self.computed.insert(key, number.base);
        Some(number)
    }
}
