//! Every claim of the analysis against what loops do, for all inputs, with
//! integers of a few bits.
//!
//! Random functions have counters that wrap, are extended, wrapped and compared in
//! every way. They are analysed with narrow [`Widths`] and then run for every pair
//! of arguments by an evaluator that knows only these widths. Whenever a value is
//! made, a branch taken or a loop left, what the analysis says of it must be so:
//! residues, ranges, counters, facts, limits, trip counts. Then bounds checks are
//! taken out of the loops. Every access left without one must lie in its tensor,
//! which has as many elements as one of all lengths.
//!
//! The mistakes that this finds need numbers near the ends of the type, which at 64
//! bits no random program meets.

use super::Induction;
use super::assuming::{Assuming, Condition};
use super::fact::Fact;
use super::residue::{Residue, Width, Widths};
use crate::midend::analysis::Analyses;
use crate::midend::analysis::loops::{Forest, LoopId};
use crate::midend::analysis::poly::{Atom, Poly, Product, Quantity, Span};
use crate::midend::analysis::trip_count::TripCounts;
use crate::midend::analysis::values::Value;
use crate::midend::pass::{loop_versioning, rotate, webs};
use crate::mir::{self, Address, Field, Func, MirOp, Ty};
use nbc_ir::inst::Imm;
use nbc_ir::{BlockId, FuncId, Inst, Module, Operand, Reg, Type};
use std::fmt::Write;
use std::rc::Rc;

/// Most nodes of a run.
const MAX_STEPS: usize = 600;

/// Widths that are tried.
const WIDTHS: [Widths; 3] = [
    Widths { wide: Width { bits: 5, exact: 3 }, narrow: Width { bits: 3, exact: 2 }, len: 2 },
    Widths { wide: Width { bits: 6, exact: 4 }, narrow: Width { bits: 4, exact: 3 }, len: 3 },
    Widths { wide: Width { bits: 8, exact: 6 }, narrow: Width { bits: 5, exact: 4 }, len: 4 },
];

// ---- Random functions ------------------------------------------------------

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    /// One of a list.
    fn of(&mut self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len())]
    }
}

const WIDE: [&str; 7] = ["%n", "%m", "%a", "%b", "%c", "%i", "%s"];
const NARROW: [&str; 4] = ["%p", "%q", "%r", "%j"];
const COMPARE: [&str; 10] = ["lt", "le", "gt", "ge", "ne", "eq", "lt_u", "le_u", "gt_u", "ge_u"];

/// Writes the text of a function.
struct Writer {
    random: Random,
    text: String,
    labels: usize,
}

impl Writer {
    fn new(seed: u64) -> Writer {
        Writer {
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            text: String::new(),
            labels: 0,
        }
    }

    fn function(mut self) -> String {
        self.text.push_str("func @f(%n: i64, %m: i64, %x: tensor<i64>) -> i64 {\n");
        for reg in &WIDE[2..] {
            let v = self.number();
            writeln!(self.text, "{reg} = i64.const {v}").unwrap();
        }
        for reg in NARROW {
            let from = self.random.of(&WIDE[..2]);
            writeln!(self.text, "{reg} = i32.wrap_i64 {from}").unwrap();
        }
        self.statements(2);
        let loops = 1 + self.random.below(2);
        for _ in 0..loops {
            self.looped(0);
            self.statements(2);
        }
        self.text.push_str("ret %s\n}\n");
        self.text
    }

    fn number(&mut self) -> i64 {
        self.random.below(8) as i64 - 4
    }

    fn operand(&mut self, regs: &[&'static str]) -> String {
        if self.random.below(3) == 0 { self.number().to_string() } else { self.random.of(regs).to_owned() }
    }

    fn statements(&mut self, most: usize) {
        for _ in 0..self.random.below(most + 1) {
            let wide = self.random.below(3) > 0;
            let (regs, ty): (&[&str], _) = if wide { (&WIDE, "i64") } else { (&NARROW, "i32") };
            // Arguments stay as they are, for bounds that are fixed.
            let dst = self.random.of(if wide { &WIDE[2..] } else { &NARROW });
            let (a, b) = (self.random.of(regs), self.operand(regs));
            let line = match self.random.below(16) {
                0..=4 => format!("{dst} = {ty}.add {a}, {b}"),
                5 | 6 => format!("{dst} = {ty}.sub {a}, {b}"),
                7 => format!("{dst} = {ty}.mul {a}, {}", self.number()),
                8 => format!("{dst} = {ty}.{} {a}, {b}", self.random.of(&["min", "max", "and", "xor"])),
                9 => format!("{dst} = copy {a}"),
                10 => format!(
                    "{dst} = {ty}.{} {a}, {}",
                    self.random.of(&["shl", "shr", "shr_u"]),
                    self.random.below(3)
                ),
                11 if wide => format!(
                    "{dst} = i64.{} {}",
                    self.random.of(&["extend_i32", "extend_i32_u"]),
                    self.random.of(&NARROW)
                ),
                11 | 12 => format!("{dst} = {ty}.const {}", self.number()),
                13 if !wide => format!("{dst} = i32.wrap_i64 {}", self.random.of(&WIDE)),
                13 => format!("{dst} = tensor.len %x"),
                14 if wide => format!("{dst} = tensor.load %x, {}", self.operand(&WIDE)),
                15 if wide => format!("tensor.store %x, {}, {a}", self.random.of(&["%i", "%a", "%b"])),
                _ => format!("{dst} = {ty}.add {dst}, {}", self.number()),
            };
            writeln!(self.text, "{line}").unwrap();
        }
    }

    fn label(&mut self) -> usize {
        self.labels += 1;
        self.labels
    }

    /// A test, in `%t`: of the counter, or of what it is with more bits.
    fn test(&mut self, mut counter: &str) {
        if NARROW.contains(&counter) && self.random.below(2) == 0 {
            writeln!(self.text, "%c = i64.extend_i32 {counter}").unwrap();
            counter = "%c";
        }
        let (regs, ty): (&[&str], _) =
            if WIDE.contains(&counter) { (&WIDE, "i64") } else { (&NARROW, "i32") };
        let compare = if self.random.below(4) == 0 { "ne" } else { self.random.of(&COMPARE) };
        let bound = self.operand(regs);
        let (a, b) = if self.random.below(4) == 0 && bound.starts_with('%') {
            (bound, counter.to_owned())
        } else {
            (counter.to_owned(), bound)
        };
        writeln!(self.text, "%t = {ty}.{compare} {a}, {b}").unwrap();
        if self.random.below(5) == 0 {
            let other = self.random.of(&COMPARE);
            let (c, d) = (self.random.of(&WIDE), self.operand(&WIDE));
            let join = self.random.of(&["and", "or"]);
            writeln!(self.text, "%u = i64.{other} {c}, {d}\n%t = bool.{join} %t, %u").unwrap();
        }
    }

    fn step(&mut self, counter: &str) {
        let (ty, regs): (_, &[&str]) =
            if WIDE.contains(&counter) { ("i64", &WIDE[..2]) } else { ("i32", &NARROW[..2]) };
        let by = match self.random.below(8) {
            0 => self.random.of(regs).to_owned(),
            1 => self.number().to_string(),
            n => ["1", "1", "2", "-1", "3", "1"][n - 2].to_owned(),
        };
        writeln!(self.text, "{counter} = {ty}.add {counter}, {by}").unwrap();
    }

    fn looped(&mut self, depth: usize) -> &'static str {
        let counter = self.random.of(&["%i", "%i", "%j", "%a", "%q"]);
        let (head, body, out) = (self.label(), self.label(), self.label());
        if self.random.below(3) > 0 {
            let ty = if WIDE.contains(&counter) { "i64" } else { "i32" };
            let start = self.number();
            writeln!(self.text, "{counter} = {ty}.const {start}").unwrap();
        }
        if self.random.below(3) == 0 {
            // A branch on the way there.
            self.test(counter);
            writeln!(self.text, "br_if %t, head{head}, out{out}").unwrap();
        } else {
            writeln!(self.text, "br head{head}").unwrap();
        }
        writeln!(self.text, "head{head}:").unwrap();
        let place = self.random.below(3);
        if place == 0 {
            self.test(counter);
            writeln!(self.text, "br_if %t, body{body}, out{out}\nbody{body}:").unwrap();
        }
        if self.random.below(3) == 0 && WIDE.contains(&counter) {
            writeln!(self.text, "%c = tensor.load %x, {counter}").unwrap();
        }
        self.statements(3);
        if depth == 0 && self.random.below(2) == 0 {
            let inner = self.looped(1);
            if self.random.below(3) == 0 {
                // What the loop in it has left says whether it goes on.
                let on = self.label();
                self.test(inner);
                writeln!(self.text, "br_if %t, on{on}, out{out}\non{on}:").unwrap();
            }
        }
        if self.random.below(3) == 0 {
            let (yes, no, meet) = (self.label(), self.label(), self.label());
            self.test(counter);
            writeln!(self.text, "br_if %t, yes{yes}, no{no}\nyes{yes}:").unwrap();
            self.statements(2);
            writeln!(self.text, "br meet{meet}\nno{no}:").unwrap();
            self.statements(2);
            if self.random.below(4) == 0 {
                writeln!(self.text, "br out{out}").unwrap();
            } else {
                writeln!(self.text, "br meet{meet}").unwrap();
            }
            writeln!(self.text, "meet{meet}:").unwrap();
        }
        if place == 1 {
            self.test(counter);
            writeln!(self.text, "br_if %t, body{body}, out{out}\nbody{body}:").unwrap();
            self.statements(1);
        }
        self.step(counter);
        if place == 2 {
            self.test(counter);
            writeln!(self.text, "br_if %t, head{head}, out{out}").unwrap();
        } else {
            writeln!(self.text, "br head{head}").unwrap();
        }
        writeln!(self.text, "out{out}:").unwrap();
        counter
    }
}

// ---- Evaluation ------------------------------------------------------------

/// What a run comes to: elements that were accessed, and how it ended.
#[derive(PartialEq, Eq, Debug)]
struct Run {
    accesses: Vec<(bool, i64)>,
    end: End,
}

#[derive(PartialEq, Eq, Debug)]
enum End {
    Returned(i64),
    OutOfBounds,
    TooLong,
}

/// Sees what happens.
trait Watch {
    fn enters(&mut self, from: Option<BlockId>, block: BlockId, regs: &[i64]);
    fn made(&mut self, block: BlockId, node: usize, regs: &[i64]);
}

struct Machine<'a> {
    func: &'a Func,
    widths: Widths,
    len: i64,
}

impl Machine<'_> {
    fn run(&self, args: [i64; 2], watch: &mut dyn Watch) -> Result<Run, String> {
        let mut regs = vec![0i64; self.func.regs.len()];
        regs[..2].copy_from_slice(&args);
        let mut data: Vec<i64> = (0..self.len).map(|i| self.widths.wide.wrap(5 * i + 3)).collect();
        let mut accesses = Vec::new();
        let (mut block, mut from, mut steps) = (BlockId(0), None, 0);
        let end = 'run: loop {
            watch.enters(from, block, &regs);
            let nodes = &self.func.blocks[block.index()].nodes;
            let mut next = None;
            for (n, node) in nodes.iter().enumerate() {
                steps += 1;
                if steps > MAX_STEPS {
                    break 'run End::TooLong;
                }
                match &node.op {
                    MirOp::Field { dst, field, .. } => regs[dst.index()] = self.field(*field),
                    MirOp::Load { dst, at, .. } => {
                        let i = self.element(at, &regs);
                        let Some(v) = usize::try_from(i).ok().and_then(|i| data.get(i)) else {
                            return Err(format!("unchecked load of element {i} of {}", self.len));
                        };
                        accesses.push((false, i));
                        regs[dst.index()] = *v;
                    }
                    MirOp::Store { at, value, .. } => {
                        let (i, value) = (self.element(at, &regs), self.operand(*value, &regs));
                        let Some(v) = usize::try_from(i).ok().and_then(|i| data.get_mut(i)) else {
                            return Err(format!("unchecked store to element {i} of {}", self.len));
                        };
                        accesses.push((true, i));
                        *v = value;
                    }
                    MirOp::Inst(inst) => match *inst {
                        Inst::Br { target } => next = Some(target),
                        Inst::BrIf { cond, then_to, else_to } => {
                            let holds = self.operand(cond, &regs) != 0;
                            next = Some(if holds { then_to } else { else_to });
                        }
                        Inst::Ret { ref values } => {
                            break 'run End::Returned(self.operand(values[0], &regs));
                        }
                        Inst::TensorLoad { dst, i, .. } => {
                            let i = self.operand(i, &regs);
                            let Some(v) = usize::try_from(i).ok().and_then(|i| data.get(i)) else {
                                break 'run End::OutOfBounds;
                            };
                            accesses.push((false, i));
                            regs[dst.index()] = *v;
                        }
                        Inst::TensorStore { i, value, .. } => {
                            let (i, value) = (self.operand(i, &regs), self.operand(value, &regs));
                            let Some(v) = usize::try_from(i).ok().and_then(|i| data.get_mut(i)) else {
                                break 'run End::OutOfBounds;
                            };
                            accesses.push((true, i));
                            *v = value;
                        }
                        ref other => {
                            let mut dst = None;
                            other.for_each_def(|r| dst = Some(r));
                            let dst = dst.ok_or_else(|| format!("not known here: {other:?}"))?;
                            regs[dst.index()] = self.result(other, dst, &regs)?;
                        }
                    },
                    other => return Err(format!("not known here: {other:?}")),
                }
                watch.made(block, n, &regs);
            }
            from = Some(block);
            block = next.ok_or("a block without an end")?;
        };
        Ok(Run { accesses, end })
    }

    fn element(&self, at: &Address, regs: &[i64]) -> i64 {
        self.operand(at.index, regs) + i64::from(at.offset) / i64::from(at.scale)
    }

    fn field(&self, field: Field) -> i64 {
        match field {
            Field::Data => 0,
            Field::Rank => 1,
            Field::Dim(1..) => 0,
            _ => self.len,
        }
    }

    fn width(&self, reg: Reg) -> Option<Width> {
        match self.func.regs[reg.index()] {
            Ty::Value(Type::I64) => Some(self.widths.wide),
            Ty::Value(Type::I32) => Some(self.widths.narrow),
            _ => None,
        }
    }

    fn operand(&self, operand: Operand, regs: &[i64]) -> i64 {
        match operand {
            Operand::Reg(reg) => regs[reg.index()],
            Operand::Imm(Imm::I64(v)) => self.widths.wide.wrap(v),
            Operand::Imm(Imm::I32(v)) => self.widths.narrow.wrap(v.into()),
            Operand::Imm(Imm::Bool(v)) => v.into(),
            Operand::Imm(_) => 0,
        }
    }

    fn result(&self, inst: &Inst, dst: Reg, regs: &[i64]) -> Result<i64, String> {
        use Inst::*;
        let value = |o: &Operand| self.operand(*o, regs);
        let of = |o: &Operand| match o {
            Operand::Reg(r) => self.width(*r).unwrap_or(self.widths.wide),
            Operand::Imm(Imm::I32(_)) => self.widths.narrow,
            Operand::Imm(_) => self.widths.wide,
        };
        let unsigned = |o: &Operand| value(o) & ((1 << of(o).bits) - 1);
        let width = self.width(dst);
        let wrap = |v: i64| width.map_or(v, |w| w.wrap(v));
        let bits = width.map_or(0, |w| i64::from(w.bits));
        let by = |o: &Operand| value(o).rem_euclid(bits);
        Ok(match inst {
            I64Const { value: v, .. } | I32Const { value: v, .. } | BoolConst { value: v, .. } => {
                value(&Operand::Imm(*v))
            }
            Copy { a, .. } => value(a),
            I64Add { a, b, .. } | I32Add { a, b, .. } => wrap(value(a) + value(b)),
            I64Sub { a, b, .. } | I32Sub { a, b, .. } => wrap(value(a) - value(b)),
            I64Mul { a, b, .. } | I32Mul { a, b, .. } => wrap(value(a) * value(b)),
            I64Neg { a, .. } | I32Neg { a, .. } => wrap(-value(a)),
            I64And { a, b, .. } | I32And { a, b, .. } => wrap(value(a) & value(b)),
            I64Xor { a, b, .. } | I32Xor { a, b, .. } => wrap(value(a) ^ value(b)),
            I64Min { a, b, .. } | I32Min { a, b, .. } => value(a).min(value(b)),
            I64Max { a, b, .. } | I32Max { a, b, .. } => value(a).max(value(b)),
            I64Shl { a, b, .. } | I32Shl { a, b, .. } => wrap(value(a) << by(b)),
            I64Shr { a, b, .. } | I32Shr { a, b, .. } => value(a) >> by(b),
            I64ShrU { a, b, .. } | I32ShrU { a, b, .. } => wrap(unsigned(a) >> by(b)),
            I64DivU { a, b, .. } => wrap(unsigned(a) / unsigned(b).max(1)),
            I64Eq { a, b, .. } | I32Eq { a, b, .. } => (value(a) == value(b)).into(),
            I64Ne { a, b, .. } | I32Ne { a, b, .. } => (value(a) != value(b)).into(),
            I64Lt { a, b, .. } | I32Lt { a, b, .. } => (value(a) < value(b)).into(),
            I64Le { a, b, .. } | I32Le { a, b, .. } => (value(a) <= value(b)).into(),
            I64Gt { a, b, .. } | I32Gt { a, b, .. } => (value(a) > value(b)).into(),
            I64Ge { a, b, .. } | I32Ge { a, b, .. } => (value(a) >= value(b)).into(),
            I64LtU { a, b, .. } | I32LtU { a, b, .. } => (unsigned(a) < unsigned(b)).into(),
            I64LeU { a, b, .. } | I32LeU { a, b, .. } => (unsigned(a) <= unsigned(b)).into(),
            I64GtU { a, b, .. } | I32GtU { a, b, .. } => (unsigned(a) > unsigned(b)).into(),
            I64GeU { a, b, .. } | I32GeU { a, b, .. } => (unsigned(a) >= unsigned(b)).into(),
            BoolAnd { a, b, .. } => value(a) & value(b),
            BoolOr { a, b, .. } => value(a) | value(b),
            BoolNot { a, .. } => 1 - value(a),
            I64ExtendI32 { a, .. } => value(a),
            I64ExtendI32U { a, .. } => wrap(unsigned(a)),
            I32WrapI64 { a, .. } => wrap(value(a)),
            TensorLen { .. } => self.len,
            other => return Err(format!("not known here: {other:?}")),
        })
    }
}

struct Nobody;

impl Watch for Nobody {
    fn enters(&mut self, _: Option<BlockId>, _: BlockId, _: &[i64]) {}
    fn made(&mut self, _: BlockId, _: usize, _: &[i64]) {}
}

// ---- What is claimed -------------------------------------------------------

/// Compares claims with what happens.
struct Claims<'a> {
    it: &'a Induction,
    most: &'a [Option<i64>],
    facts: &'a [Vec<Rc<Fact>>],
    len: i64,
    /// By value, what it was last.
    now: Vec<i64>,
    /// By loop: how often it has gone back, in the run of it that is on or the last.
    counts: Vec<i64>,
    /// How many claims were looked at that say something.
    claims: usize,
    wrong: Option<String>,
}

impl<'a> Claims<'a> {
    fn new(
        it: &'a Induction,
        (most, facts): (&'a [Option<i64>], &'a [Vec<Rc<Fact>>]),
        len: i64,
        args: [i64; 2],
    ) -> Claims<'a> {
        let mut now = vec![0; it.values.len()];
        now[..2].copy_from_slice(&args);
        let counts = vec![0; it.forest.loops.len()];
        Claims { it, most, facts, len, now, counts, claims: 0, wrong: None }
    }

    fn atom(&self, atom: Atom) -> i128 {
        match self.it.atoms.borrow().get(atom) {
            Quantity::Value(value) => self.now[value.index()].into(),
            Quantity::Field(_, Field::Rank) => 1,
            Quantity::Field(_, Field::Dim(1..)) => 0,
            Quantity::Field(..) => self.len.into(),
            Quantity::Count(id) => self.counts[id.index()].into(),
            Quantity::Quotient(poly, by) => self.number(poly).div_euclid((*by).into()),
        }
    }

    fn number(&self, poly: &Poly) -> i128 {
        let of = |p: &Product| p.atoms().map(|a| self.atom(a)).product::<i128>();
        i128::from(poly.constant)
            + poly.terms.iter().map(|(p, times)| of(p) * i128::from(*times)).sum::<i128>()
    }

    /// The number that the polynomial of a register is, and whether they are equal.
    fn residue(&self, residue: &Residue) -> (i128, bool) {
        let number = self.number(residue.congruent());
        (number, Span { low: number, high: number }.fits(residue.width().exact))
    }

    /// Whether a condition holds, for each count up to what loops have come to.
    fn holds(&mut self, condition: &Condition) -> bool {
        let atoms: Vec<Atom> = match condition {
            Condition::Fits(residue) => residue.atoms().collect(),
            Condition::NotNegative(poly) => poly.atoms().collect(),
        };
        let counted: Vec<LoopId> = atoms
            .iter()
            .filter_map(|a| match self.it.atoms.borrow().get(*a) {
                Quantity::Count(id) => Some(*id),
                _ => None,
            })
            .collect();
        let holds = |claims: &Claims<'_>| match condition {
            Condition::Fits(residue) => claims.residue(residue).1,
            Condition::NotNegative(poly) => claims.number(poly) >= 0,
        };
        let Some(id) = counted.first() else { return holds(self) };
        let last = self.counts[id.index()];
        let all = (0..=last).all(|count| {
            self.counts[id.index()] = count;
            holds(self)
        });
        self.counts[id.index()] = last;
        all
    }

    /// What is concluded, if it says anything now.
    fn settled<T: Clone>(&mut self, it: &Assuming<T>) -> Option<T> {
        let found = it.settled(|condition| self.holds(condition)).cloned();
        self.claims += usize::from(found.is_some());
        found
    }

    fn is(&mut self, right: bool, what: impl FnOnce() -> String) {
        if !right && self.wrong.is_none() {
            self.wrong = Some(what());
        }
    }

    /// A value has been made.
    fn value(&mut self, value: Value, register: i64) {
        self.now[value.index()] = register;
        let it = self.it;
        let range = it.ranges.of(value);
        self.is(range.low <= register.into() && i128::from(register) <= range.high, || {
            format!("{value:?} is {register}, not in {range:?}")
        });
        let Some(residue) = it.residue(value) else { return };
        let wrapped = |number: i128, width: Width| width.wrap(number as i64);
        let (number, _) = self.residue(residue);
        self.is(wrapped(number, residue.width()) == register, || {
            format!("{value:?} is {register}, and as a residue {number}: {residue:?}")
        });
        if let Some(poly) = self.settled(&residue.exactly()) {
            let number = self.number(&poly);
            self.is(number == register.into(), || format!("{value:?} is {register}, not {number}"));
        }
    }

    fn counter(&mut self, phi: Value) {
        let it = self.it;
        let Some(counter) = it.counter(phi) else { return };
        let Some(growth) = self.settled(&counter.growth) else { return };
        let count = Poly::number(self.counts[counter.id.index()]);
        let Some(residue) = growth.after(&count) else { return };
        let (number, _) = self.residue(&residue);
        let register = self.now[phi.index()];
        self.is(residue.width().wrap(number as i64) == register, || {
            format!("counter {phi:?} is {register}, not {number} after {count:?}: {growth:?}")
        });
    }

    /// Control goes from a block to another.
    fn edge(&mut self, from: BlockId, to: BlockId) {
        let it = self.it;
        let forest = &it.forest;
        // What tests say of loops that go on, or not.
        for id in forest.around(forest.innermost(from)).collect::<Vec<_>>() {
            let stays = forest.contains(id, to);
            for limit in it.limits(id).iter().filter(|l| l.at == from) {
                let Some(bound) = self.settled(&limit.bound) else { continue };
                let (step, rest) = (self.number(&bound.step), self.number(&bound.rest));
                let count = i128::from(self.counts[id.index()]);
                let says = step * count <= rest;
                self.is(says || !stays, || format!("{id:?} goes on at {count}: {limit:?}"));
                if limit.exact {
                    self.is(stays || !says, || format!("{id:?} ends at {count}: {limit:?}"));
                }
            }
            if !stays && let Some(count) = it.iterations(id) {
                let went = self.counts[id.index()];
                if let Some(poly) = self.settled(&count) {
                    let number = self.number(&poly);
                    self.is(number == went.into(), || format!("{id:?} ends after {went}, not {number}"));
                }
            }
        }
        // The count of a loop that is entered, or goes on.
        for id in forest.ids().filter(|id| forest.get(*id).header == to) {
            let count = &mut self.counts[id.index()];
            *count = if forest.contains(id, from) { *count + 1 } else { 0 };
            let count = *count;
            let most = self.most[id.index()];
            self.claims += usize::from(most.is_some());
            self.is(most.is_none_or(|most| count < most), || {
                format!("{id:?} has gone back {count} times, of {most:?} iterations")
            });
        }
    }
}

impl Watch for Claims<'_> {
    fn enters(&mut self, from: Option<BlockId>, block: BlockId, regs: &[i64]) {
        if let Some(from) = from {
            self.edge(from, block);
        }
        let values = self.it.values.clone();
        let phis = values.phis(block);
        for &phi in phis {
            self.now[phi.index()] = regs[values.def(phi).reg.index()];
        }
        for &phi in phis {
            self.value(phi, regs[values.def(phi).reg.index()]);
            self.counter(phi);
        }
        let facts = self.facts;
        for fact in &facts[block.index()] {
            if let Some(poly) = self.settled(fact) {
                let number = self.number(&poly);
                self.is(number >= 0, || format!("a fact of {block:?} is {number}: {fact:?}"));
            }
        }
    }

    fn made(&mut self, block: BlockId, node: usize, regs: &[i64]) {
        if let Some(value) = self.it.values.made_by(block, node) {
            self.value(value, regs[self.it.values.def(value).reg.index()]);
        }
    }
}

// ---- The test --------------------------------------------------------------

/// Claims, unchecked accesses and guards that were looked at.
#[derive(Default, Debug)]
struct Tally {
    claims: usize,
    unchecked: usize,
}

fn check(text: &str, widths: Widths, tally: &mut Tally) -> Result<(), String> {
    let module = Module::parse(text, "test").and_then(Module::verify).map_err(|e| e.to_string())?;
    let mut func = mir::build(&module, FuncId::new(0));
    webs::run(&mut func);
    rotate::run(&mut func, &mut Analyses::default());
    let mut known = Analyses::with_widths(widths);
    known.with_preheaders(&mut func);
    let func = Rc::new(func);
    let forest = Rc::new(Forest::new(&func));
    let it = known.induction(&func).ok_or("too much to analyse")?;
    assert_eq!(forest.loops.len(), it.forest.loops.len());
    let mut versioned = (*func).clone();
    loop_versioning::run(&mut versioned, &mut known);
    mir::check(&versioned).map_err(|e| format!("versioned: {e}"))?;
    let is_unchecked = |op: &MirOp| matches!(op, MirOp::Load { .. } | MirOp::Store { .. });
    tally.unchecked += versioned.blocks.iter().flat_map(|b| &b.nodes).filter(|n| is_unchecked(&n.op)).count();

    let mut counts = TripCounts::new(&it);
    let most: Vec<Option<i64>> = it.forest.ids().map(|id| counts.at_most(id)).collect();
    let blocks = (0..func.blocks.len()).map(BlockId::new);
    let facts: Vec<_> =
        blocks.map(|b| if it.forest.cfg.is_reachable(b) { it.facts(b, None) } else { Vec::new() }).collect();
    let all = widths.wide.span();
    for n in all.low..=all.high {
        for m in all.low..=all.high {
            let args = [n as i64, m as i64];
            let len = (args[0] * 5 + args[1] * 3).rem_euclid((1 << widths.len) + 1);
            let at = |e: String| format!("@f({n}, {m}) of {len} elements, {widths:?}: {e}");
            let mut claims = Claims::new(&it, (&most, &facts), len, args);
            let before = Machine { func: &func, widths, len }.run(args, &mut claims).map_err(at)?;
            tally.claims += claims.claims;
            if let Some(wrong) = claims.wrong {
                return Err(at(wrong));
            }
            let after = Machine { func: &versioned, widths, len }.run(args, &mut Nobody).map_err(at)?;
            let both_end = before.end != End::TooLong && after.end != End::TooLong;
            let count = before.accesses.len().min(after.accesses.len());
            if before.accesses[..count] != after.accesses[..count] || both_end && before != after {
                return Err(at(format!("{before:?}, and without checks {after:?}")));
            }
        }
    }
    Ok(())
}

#[test]
fn claims_are_true_of_all_inputs() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let (first, count) = (
        number("BRUTE_SEED").unwrap_or(1),
        number("BRUTE").unwrap_or(if cfg!(debug_assertions) { 48 } else { 200 }),
    );
    let mut tally = Tally::default();
    for seed in first..first + count {
        // Few programs of 65,536 inputs, and none where it takes long.
        let widths =
            WIDTHS[[0, 1, 0, 1, 0, 1, 0, 2][seed as usize % if cfg!(debug_assertions) { 7 } else { 8 }]];
        let text = Writer::new(seed).function();
        if let Err(e) = check(&text, widths, &mut tally) {
            panic!("BRUTE_SEED={seed} BRUTE=1: {e}\n{text}");
        }
    }
    println!("{count} programs: {tally:?}");
    if count >= 48 {
        assert!(tally.claims > 100_000 && tally.unchecked > 10, "{tally:?}");
    }
}

/// Residues as such: what is said of them against all numbers.
#[test]
fn residues_are_congruent() {
    let narrow = Width { bits: 3, exact: 2 };
    let wide = Width { bits: 5, exact: 3 };
    for number in -200..200 {
        assert_eq!(wide.wrap(number).rem_euclid(32), number.rem_euclid(32));
        assert!(
            wide.span().low <= wide.wrap(number).into() && i128::from(wide.wrap(number)) <= wide.span().high
        );
        let residue = Residue::number(number, wide);
        assert_eq!(residue.wrapped(narrow).as_number(), Some(narrow.wrap(number)));
    }
    // What may have wrapped is not extended; a quantity is.
    let mut atoms = super::super::poly::Atoms::default();
    let x = Residue::atom(atoms.of(Quantity::Value(Value(0))), narrow);
    assert!(x.extended(wide).is_some());
    assert!(x.plus_number(1).unwrap().extended(wide).is_none());
    assert!(x.exactly().settled(|_| false).is_some());
    assert!(x.plus_number(1).unwrap().exactly().settled(|_| false).is_none());
}
