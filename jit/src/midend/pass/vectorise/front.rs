//! The guard of a vectorised nest, computed before it is entered: whether there
//! are iterations enough, and whether lanes would get in each other's way in
//! memory.
//!
//! Values of the first iteration are computed by copies of the nodes that make
//! them. Iterations are only counted from below: the vector loop does some of those
//! that are sure to come, and the loop as it was does the rest.

use super::Whole;
use super::nest::{Nest, Place};
use super::shape::{Goes, Shapes};
use crate::midend::analysis::counted_loop::{Compare, Counted, Step};
use crate::midend::analysis::motion::{Between, may_be_evaluated};
use crate::mir::{Address, Func, MirNode, MirOp, Write};
use nbc_ir::inst::Imm;
use nbc_ir::{Elem, Inst, Operand, Reg, Type};
use rustc_hash::FxHashMap;

/// More iterations than that are not counted at once.
const MAX_ITERATIONS: i64 = 1 << 40;
/// Loops that are known to have fewer iterations stay as they are, or are written out.
const MIN_ITERATIONS: i64 = 12;
/// Most pairs of accesses that are looked at.
const MAX_PAIRS: usize = 64;
/// Most nodes to compute one value with.
const MAX_DEPTH: u32 = 40;

/// An access to an element.
struct Access {
    at: Place,
    address: Address,
    elem: Elem,
    write: bool,
    goes: Goes,
}

/// See the module.
pub struct Front<'n, 'a> {
    nest: &'n Nest<'a>,
    shapes: &'n Shapes,
    whole: &'n mut Whole,
    func: &'n mut Func,
    origin: u32,
    /// What has been written.
    pub nodes: Vec<MirNode>,
    memo: FxHashMap<Reg, Option<Operand>>,
    /// Registers that are something else and a number.
    sums: FxHashMap<Reg, (Operand, i64)>,
    addresses: FxHashMap<Place, Reg>,
    conditions: Vec<Reg>,
}

impl Write for Front<'_, '_> {
    fn func(&mut self) -> &mut Func {
        self.func
    }

    fn push(&mut self, op: impl Into<MirOp>) {
        self.nodes.push(MirNode { op: op.into(), origin: self.origin });
    }
}

impl<'n, 'a> Front<'n, 'a> {
    /// Writes what comes before `nest` into a function that has grown out of
    /// that of `nest`.
    pub fn new(
        nest: &'n Nest<'a>,
        shapes: &'n Shapes,
        whole: &'n mut Whole,
        func: &'n mut Func,
    ) -> Front<'n, 'a> {
        let origin = nest.func.blocks[nest.counted.preheader.index()].nodes.last().map_or(0, |n| n.origin);
        Front {
            nest,
            shapes,
            whole,
            func,
            origin,
            nodes: Vec::new(),
            memo: FxHashMap::default(),
            sums: FxHashMap::default(),
            addresses: FxHashMap::default(),
            conditions: Vec::new(),
        }
    }

    /// Writes the conditions; how many iterations, a multiple of `chunk`, are sure
    /// to come and may run in lanes where they hold.
    pub fn guard(&mut self, chunk: i64) -> Option<(Operand, Operand)> {
        let sure = self.sure_iterations(chunk)?;
        let iterations = self.integer(|dst| Inst::I64And { dst, a: sure, b: (-chunk).into() });
        self.accesses_apart(chunk, iterations)?;
        let conditions = std::mem::take(&mut self.conditions);
        let all = conditions.into_iter().reduce(|a, b| {
            let (a, b) = (a.into(), b.into());
            self.truth(|dst| Inst::BoolAnd { dst, a, b })
        });
        Some((all?.into(), iterations))
    }

    /// A number that is known at compile time.
    fn number(&self, operand: Operand) -> Option<i64> {
        let (operand, more) = self.root(operand);
        let literal = match operand {
            Operand::Imm(Imm::I64(v)) => v,
            Operand::Imm(_) => return None, // shape
            Operand::Reg(reg) => {
                let nodes = &self.nest.func.blocks[self.nest.counted.preheader.index()].nodes;
                nodes.iter().rev().find_map(|n| match n.op {
                    MirOp::Inst(
                        Inst::I64Const { dst, value: Imm::I64(v) }
                        | Inst::Copy { dst, a: Operand::Imm(Imm::I64(v)) },
                    ) if dst == reg => Some(v),
                    _ => None,
                })?
            }
        };
        Some(literal.wrapping_add(more))
    }

    /// An operand as another and a number.
    fn root(&self, operand: Operand) -> (Operand, i64) {
        match operand {
            Operand::Reg(r) => self.sums.get(&r).copied().unwrap_or((operand, 0)),
            Operand::Imm(_) => (operand, 0),
        }
    }

    /// What an operand is in the first iteration, at that place in it.
    fn value_at(&mut self, operand: Operand, place: Place, depth: u32) -> Option<Operand> {
        let Operand::Reg(reg) = operand else { return Some(operand) };
        let Some(defs) = self.nest.defs.get(&reg) else { return Some(operand) };
        let [def] = **defs else { return None };
        if !self.nest.is_passed_once(def) || !self.nest.is_passed_once(place) {
            return None; // marked there
        }
        if !self.nest.precedes(def, place) {
            return Some(operand); // its one definition does not come before: it is carried
        }
        if let Some(known) = self.memo.get(&reg) {
            return *known;
        }
        let made = if depth == 0 { None } else { self.copy_of(def, depth - 1) };
        self.memo.insert(reg, made);
        made
    }

    /// Computes again what a node makes in the first iteration.
    fn copy_of(&mut self, def: Place, depth: u32) -> Option<Operand> {
        let mut op = self.nest.op(def).clone();
        if !required!(may_be_evaluated(&op, Between::NoGlobalIsSet)) {
            return None;
        }
        let mut args = Vec::new();
        op.for_each_operand(|o| args.push(o));
        let mut values = Vec::with_capacity(args.len());
        for arg in &args {
            values.push(self.value_at(*arg, def, depth)?);
        }
        op.map_uses(|o| args.iter().position(|a| *a == o).map_or(o, |n| values[n]));
        let mut made = None;
        op.map_defs(|r| {
            let ty = self.func.regs[r.index()];
            let new = self.func.reg(ty);
            made = Some(new);
            new
        });
        let made = made?;
        match op {
            MirOp::Inst(Inst::Copy { a, .. }) => {
                let root = self.root(a);
                self.sums.insert(made, root);
            }
            MirOp::Inst(Inst::I64Const { value, .. }) => {
                self.sums.insert(made, (Operand::Imm(value), 0));
            }
            MirOp::Inst(
                Inst::I64Add { a, b: Operand::Imm(Imm::I64(by)), .. }
                | Inst::I64Add { a: Operand::Imm(Imm::I64(by)), b: a, .. },
            ) => {
                let (root, more) = self.root(a);
                self.sums.insert(made, (root, more.wrapping_add(by)));
            }
            _ => {}
        }
        self.push(op);
        Some(made.into())
    }

    /// A number of iterations after which the loop is sure to go on, and conditions
    /// for it to be one.
    fn sure_iterations(&mut self, chunk: i64) -> Option<Operand> {
        let Counted { counter, step: Step::Literal(by @ (1 | -1)), bound, goes_on, start, .. } =
            self.nest.counted
        else {
            return None;
        };
        if let (Some(start), Some(bound)) = (start, self.number(bound))
            && !worth!(start.wrapping_add(by).abs_diff(bound) >= MIN_ITERATIONS.max(chunk) as u64)
        {
            return None;
        }
        let (ordered, also) = match (goes_on, by) {
            (Compare::Lt | Compare::LtU, 1) | (Compare::Gt, -1) => (true, 0i64),
            (Compare::Le, 1) | (Compare::Ge, -1) => (true, 1),
            (Compare::Ne, _) => (false, 0),
            _ => return None,
        };
        // What the first iteration compares.
        let first = self.integer(|dst| Inst::I64Add { dst, a: counter.into(), b: by.into() });
        if ordered {
            let cond = self.truth(|dst| goes_on.inst(dst, first, bound));
            guard!(self.conditions.push(cond));
        }
        let (low, high) = if by == 1 { (first, bound) } else { (bound, first) };
        let mut iterations = self.integer(|dst| Inst::I64Sub { dst, a: high, b: low });
        if also != 0 {
            iterations = self.integer(|dst| Inst::I64Add { dst, a: iterations, b: also.into() });
        }
        // Between a chunk and the most.
        let more = self.integer(|dst| Inst::I64Sub { dst, a: iterations, b: chunk.into() });
        let cond = self.truth(|dst| Inst::I64LtU { dst, a: more, b: MAX_ITERATIONS.into() });
        guard!(self.conditions.push(cond));
        Some(iterations)
    }

    /// Conditions for accesses of the lanes not to get in each other's way;
    /// `None` where they are sure to.
    fn accesses_apart(&mut self, chunk: i64, iterations: Operand) -> Option<()> {
        let mut list = Vec::new();
        for at in self.nest.places() {
            let op = self.nest.op(at);
            if !self.shapes.is_needed(op) {
                continue; // it is not in the loop of vectors
            }
            let (address, elem, write) = match op {
                MirOp::Load { elem, at, .. } => (*at, *elem, false),
                MirOp::Store { elem, at, .. } => (*at, *elem, true),
                _ => continue, // shape
            };
            let goes = self.shapes.goes(&address, elem.size())?;
            list.push(Access { at, address, elem, write, goes });
        }
        let mut pairs = 0;
        for (n, second) in list.iter().enumerate() {
            for first in &list[..n] {
                if required!(!first.write && !second.write) {
                    continue;
                }
                pairs += 1;
                if !worth!(pairs <= MAX_PAIRS) {
                    return None;
                }
                self.pair_apart(first, second, chunk, iterations)?;
            }
        }
        Some(())
    }

    fn pair_apart(&mut self, first: &Access, second: &Access, chunk: i64, iterations: Operand) -> Option<()> {
        let is_inner = |a: &Access| Some(a.at.0) == self.nest.inner;
        if forbidden!(is_inner(first) || is_inner(second)) {
            return self.tensors_apart(first, second);
        }
        if required!(first.goes == Goes::Next) && required!(second.goes == Goes::Next) {
            // The second of two nodes in one iteration may meet the first in a
            // later one of the same vector. There lanes of the vector change
            // places. In a nest, all iterations that run together are such lanes.
            let together =
                if forbidden!(self.nest.inner.is_some()) { chunk } else { self.shapes.lanes as i64 };
            let bytes = together * first.elem.size() as i64;
            if let Some(distance) = self.distance(first, second) {
                return required!(distance <= 0 || distance >= bytes).then_some(());
            }
            let (a, b) = (self.address(first)?, self.address(second)?);
            let distance = self.integer(|dst| Inst::I64Sub { dst, a: b.into(), b: a.into() });
            let less = self.integer(|dst| Inst::I64Add { dst, a: distance, b: (-1i64).into() });
            let cond = self.truth(|dst| Inst::I64GeU { dst, a: less, b: (bytes - 1).into() });
            guard!(self.conditions.push(cond));
            return Some(());
        }
        let (fixed, moving) = if first.goes == Goes::Stays { (first, second) } else { (second, first) };
        if forbidden!(fixed.write) || !required!(moving.goes == Goes::Next) {
            return None;
        }
        let size = fixed.elem.size() as i64 - 1;
        let (x, s) = (self.address(fixed)?, self.address(moving)?);
        let distance = self.integer(|dst| Inst::I64Sub { dst, a: x.into(), b: s.into() });
        let behind = self.integer(|dst| Inst::I64Add { dst, a: distance, b: size.into() });
        let span =
            self.integer(|dst| Inst::I64Mul { dst, a: iterations, b: (moving.elem.size() as i64).into() });
        let span = self.integer(|dst| Inst::I64Add { dst, a: span, b: size.into() });
        let cond = self.truth(|dst| Inst::I64GeU { dst, a: behind, b: span });
        guard!(self.conditions.push(cond));
        Some(())
    }

    /// How many bytes behind the first the second goes, if that is a number.
    fn distance(&self, first: &Access, second: &Access) -> Option<i64> {
        let (a, b) = (&first.address, &second.address);
        if !required!((a.base, a.scale) == (b.base, b.scale))
            || forbidden!(self.nest.defs.contains_key(&a.base))
        {
            return None;
        }
        let it = &self.nest.it;
        let index = |of: &Access| {
            let args = it.values.args(self.nest.op(of.at), of.at.0, of.at.1);
            it.index(*args.get(1)?)
        };
        // Right also where the index came around the ends of the numbers.
        let indices = index(second)?.distance_from(&index(first)?)?;
        Some(indices.wrapping_mul(a.scale as i64).wrapping_add(b.offset as i64 - a.offset as i64))
    }

    /// Where an access goes in the first iteration.
    fn place_of(&mut self, access: &Access) -> Option<Address> {
        let base = self.value_at(access.address.base.into(), access.at, MAX_DEPTH)?;
        let index = self.value_at(access.address.index, access.at, MAX_DEPTH)?;
        let Operand::Reg(base) = base else { return None };
        Some(Address { base, index, ..access.address })
    }

    fn address(&mut self, access: &Access) -> Option<Reg> {
        if let Some(known) = self.addresses.get(&access.at) {
            return Some(*known);
        }
        let at = self.place_of(access)?;
        let dst = self.func.value(Type::I64);
        self.push(MirOp::Address { dst, at });
        self.addresses.insert(access.at, dst);
        Some(dst)
    }

    /// The whole tensors of the two have no byte in common.
    fn tensors_apart(&mut self, first: &Access, second: &Access) -> Option<()> {
        let (x, y) = (first.address.base, second.address.base);
        let is_set = self.nest.defs.contains_key(&x) || self.nest.defs.contains_key(&y);
        if !worth!(x != y) || forbidden!(is_set) {
            return None;
        }
        let (x, x_end) = self.whole.extent(self.func, x)?;
        let (y, y_end) = self.whole.extent(self.func, y)?;
        let below = self.truth(|dst| Inst::I64LeU { dst, a: x_end, b: y });
        let above = self.truth(|dst| Inst::I64LeU { dst, a: y_end, b: x });
        let cond = self.truth(|dst| Inst::BoolOr { dst, a: below.into(), b: above.into() });
        guard!(self.conditions.push(cond));
        Some(())
    }
}
