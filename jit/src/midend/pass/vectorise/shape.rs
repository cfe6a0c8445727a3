//! Divergence analysis: how each register of a nest differs from iteration to
//! iteration, and so how lanes hold it. For instance, a counter grows by a number
//! ([`Shape::Affine`]), so one register holds it for all lanes.

use super::nest::Nest;
use crate::mir::{Address, Lanes, MirOp, Ty};
use crate::target::{Cpu, supported};
use nbc_ir::inst::Imm;
use nbc_ir::{Elem, Inst, Opcode, Operand, Reg, Type};
use nbc_runtime::abi::scalars;
use rustc_hash::{FxHashMap, FxHashSet};

/// Growth small enough for multiples of it to be computed without care.
const LITTLE: std::ops::Range<i64> = -(1 << 30)..1 << 30;

/// How the value of a register in an iteration goes with the iteration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// It is the same in all iterations.
    Uniform,
    /// It grows by that from iteration to iteration, and wraps.
    Affine(i64),
    /// It is in a vector.
    Vector,
    /// Each lane has a register of its own.
    Split,
    /// Each iteration needs what the iteration before has made of it, in that order.
    Serial,
    /// It is summed up, in any order.
    Sum(Sum),
}

/// What sums are made by: operations on integers whose order does not matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // named as the instructions
pub enum Sum {
    Add,
    Mul,
    And,
    Or,
    Xor,
    Min,
    Max,
    MinU,
    MaxU,
}

/// The shapes of a nest.
#[derive(Debug)]
pub struct Shapes {
    /// How many lanes a vector has.
    pub lanes: u32,
    /// By register written in the nest.
    pub of: FxHashMap<Reg, Shape>,
    /// Registers whose values matter.
    pub needed: FxHashSet<Reg>,
}

impl Sum {
    /// The sum that an instruction is part of, if it is of an integer, and
    /// whether its second operand is taken off.
    fn of(opcode: Opcode) -> Option<(Sum, bool)> {
        use Opcode::*;
        Some(match opcode {
            I64Add | I32Add => (Sum::Add, false),
            I64Sub | I32Sub => (Sum::Add, true),
            I64Mul | I32Mul => (Sum::Mul, false),
            I64And | I32And => (Sum::And, false),
            I64Or | I32Or => (Sum::Or, false),
            I64Xor | I32Xor => (Sum::Xor, false),
            I64Min | I32Min => (Sum::Min, false),
            I64Max | I32Max => (Sum::Max, false),
            I64MinU | I32MinU => (Sum::MinU, false),
            I64MaxU | I32MaxU => (Sum::MaxU, false),
            _ => return None,
        })
    }

    /// The instruction that adds two.
    pub fn inst(self, ty: Type, dst: Reg, a: Operand, b: Operand) -> Inst {
        match (self, ty == Type::I64) {
            (Sum::Add, true) => Inst::I64Add { dst, a, b },
            (Sum::Mul, true) => Inst::I64Mul { dst, a, b },
            (Sum::And, true) => Inst::I64And { dst, a, b },
            (Sum::Or, true) => Inst::I64Or { dst, a, b },
            (Sum::Xor, true) => Inst::I64Xor { dst, a, b },
            (Sum::Min, true) => Inst::I64Min { dst, a, b },
            (Sum::Max, true) => Inst::I64Max { dst, a, b },
            (Sum::MinU, true) => Inst::I64MinU { dst, a, b },
            (Sum::MaxU, true) => Inst::I64MaxU { dst, a, b },
            (Sum::Add, false) => Inst::I32Add { dst, a, b },
            (Sum::Mul, false) => Inst::I32Mul { dst, a, b },
            (Sum::And, false) => Inst::I32And { dst, a, b },
            (Sum::Or, false) => Inst::I32Or { dst, a, b },
            (Sum::Xor, false) => Inst::I32Xor { dst, a, b },
            (Sum::Min, false) => Inst::I32Min { dst, a, b },
            (Sum::Max, false) => Inst::I32Max { dst, a, b },
            (Sum::MinU, false) => Inst::I32MinU { dst, a, b },
            (Sum::MaxU, false) => Inst::I32MaxU { dst, a, b },
        }
    }

    /// What adds nothing; `None` where only what is there already does that.
    pub fn nothing(self, ty: Type) -> Option<Operand> {
        let number = match self {
            Sum::Add | Sum::Or | Sum::Xor => 0,
            Sum::Mul => 1,
            Sum::And => -1,
            _ => return None,
        };
        Some(if ty == Type::I64 { i64::from(number).into() } else { number.into() })
    }
}

/// The vector of so many values of a type.
pub fn lanes_of(ty: Ty, count: u32) -> Option<Lanes> {
    Some(match (ty.value()?, count) {
        (Type::F64, 2) => Lanes::F64x2,
        (Type::I64, 2) => Lanes::I64x2,
        (Type::F32, 4) => Lanes::F32x4,
        (Type::I32, 4) => Lanes::I32x4,
        (Type::I32 | Type::Bool, 16) => Lanes::I8x16,
        _ => return None,
    })
}

/// How an address goes with the iterations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goes {
    /// It stays.
    Stays,
    /// It goes to the next element each iteration.
    Next,
}

impl Shapes {
    /// The shapes of `nest`; `None` where its iterations cannot be lanes.
    pub fn of(nest: &Nest<'_>) -> Option<Shapes> {
        let mut shapes = Shapes { lanes: 0, of: FxHashMap::default(), needed: FxHashSet::default() };
        shapes.carried(nest)?;
        shapes.lanes = shapes.count_lanes(nest)?;
        for &reg in &nest.carried {
            if shapes.shape(reg) == Shape::Serial {
                shapes.sum(nest, reg);
            }
        }
        let mut rounds = 0;
        while shapes.round(nest)? {
            rounds += 1;
            if !worth!(rounds <= 20) {
                return None;
            }
        }
        shapes.need(nest)?;
        required!(shapes.check(nest)).then_some(shapes)
    }

    /// The shape of a register.
    pub fn shape(&self, reg: Reg) -> Shape {
        self.of.get(&reg).copied().unwrap_or(Shape::Uniform)
    }

    /// The shape of an operand.
    pub fn shape_of(&self, operand: Operand) -> Shape {
        match operand {
            Operand::Reg(reg) => self.shape(reg),
            Operand::Imm(_) => Shape::Uniform,
        }
    }

    /// How an address goes; `None` if neither way.
    pub fn goes(&self, at: &Address, size: usize) -> Option<Goes> {
        if !required!(self.shape(at.base) == Shape::Uniform) {
            return None;
        }
        match self.shape_of(at.index) {
            Shape::Uniform => Some(Goes::Stays),
            Shape::Affine(by) if required!(by.checked_mul(at.scale as i64) == Some(size as i64)) => {
                Some(Goes::Next)
            }
            _ => None,
        }
    }

    /// Finds counters among the carried registers; all others are serial.
    fn carried(&mut self, nest: &Nest<'_>) -> Option<()> {
        for &reg in &nest.carried {
            let step = self.step(nest, reg);
            if forbidden!(step.is_none() && nest.inner.is_some()) {
                return None;
            }
            self.of.insert(reg, step.map_or(Shape::Serial, Shape::Affine));
        }
        Some(())
    }

    /// What an iteration adds to a register, which it writes once.
    fn step(&self, nest: &Nest<'_>, reg: Reg) -> Option<i64> {
        let [at] = nest.defs.get(&reg)?[..] else { return None };
        let mut phis = nest.it.values.phis(nest.counted.header).iter();
        let phi = phis.find(|phi| nest.it.values.def(**phi).reg == reg)?;
        let growth = nest.it.counter(*phi)?.growth.settled(|_| required!(false))?;
        growth.step.as_number().filter(|by| nest.is_passed_once(at) && worth!(LITTLE.contains(by)))
    }

    /// How many lanes there are: as many as elements fit a vector, which has
    /// to be the same for all.
    fn count_lanes(&self, nest: &Nest<'_>) -> Option<u32> {
        let mut counts = nest.places().filter_map(|at| match nest.op(at) {
            MirOp::Store { elem, .. } => Some(16 / elem.size() as u32),
            MirOp::Load { elem, at, .. } if !self.surely_stays(nest, at) => Some(16 / elem.size() as u32),
            _ => None,
        });
        match counts.next() {
            Some(first) => required!(counts.all(|c| c == first)).then_some(first),
            None => {
                let mut types = nest.carried.iter().filter(|r| self.shape(**r) == Shape::Serial);
                let size = |r: &Reg| match nest.func.regs[r.index()] {
                    Ty::Value(Type::I64 | Type::F64) => Some(2),
                    Ty::Value(Type::I32 | Type::F32) => Some(4),
                    _ => None,
                };
                let first = size(types.next()?)?;
                worth!(types.all(|r| size(r) == Some(first))).then_some(first)
            }
        }
    }

    /// Whether nothing in an address is written in the nest, or only in terms
    /// of what the inner loop counts.
    fn surely_stays(&self, nest: &Nest<'_>, at: &Address) -> bool {
        let mut list = vec![at.base];
        list.extend(match at.index {
            Operand::Reg(r) => Some(r),
            Operand::Imm(_) => None,
        });
        let mut seen: FxHashSet<Reg> = FxHashSet::default();
        while let Some(reg) = list.pop() {
            if forbidden!(nest.carried.contains(&reg)) || !worth!(seen.len() <= 50) {
                return false;
            }
            if seen.insert(reg) {
                for &at in nest.defs.get(&reg).into_iter().flatten() {
                    nest.op(at).for_each_use(|r| list.push(r));
                }
            }
        }
        true
    }

    /// Makes a sum of a carried register and what is between its values, if
    /// all that is done is to add integers.
    fn sum(&mut self, nest: &Nest<'_>, reg: Reg) -> Option<()> {
        let ty = nest.func.regs[reg.index()];
        let lanes = lanes_of(ty, self.lanes)?;
        let mut chain = vec![reg];
        let mut kind = None;
        let mut last = reg;
        loop {
            // The only place where it is read.
            let mut reads = Vec::new();
            for at in nest.places() {
                nest.op(at).for_each_use(|r| {
                    if r == last {
                        reads.push(at);
                    }
                });
            }
            let at = match *reads {
                [at] => at,
                _ => return None,
            };
            let MirOp::Inst(inst) = nest.op(at) else { return None };
            let mut args = Vec::new();
            nest.op(at).for_each_operand(|o| args.push(o));
            let mut dst = None;
            inst.for_each_def(|r| dst = Some(r));
            let dst = dst?;
            if !required!(nest.defs[&dst].len() == 1) {
                return None;
            }
            if !matches!(inst, Inst::Copy { .. }) {
                let (sum, takes_off) = Sum::of(inst.opcode())?;
                let is_first = args.first() == Some(&Operand::Reg(last));
                if forbidden!(takes_off && !is_first) || kind.is_some_and(|k| forbidden!(k != sum)) {
                    return None;
                }
                if !required!(supported(inst.opcode(), lanes, &Cpu::BASIC)) {
                    return None;
                }
                kind = Some(sum);
            }
            if dst == reg {
                break;
            }
            // What comes twice is read before it is written, and so carried.
            if forbidden!(nest.carried.contains(&dst)) {
                return None;
            }
            chain.push(dst);
            last = dst;
        }
        let shape = Shape::Sum(kind?);
        self.of.extend(chain.into_iter().map(|r| (r, shape)));
        Some(())
    }

    /// Goes through all nodes once; whether something has changed.
    fn round(&mut self, nest: &Nest<'_>) -> Option<bool> {
        let mut changed = false;
        for at in nest.places() {
            let op = nest.op(at);
            let mut dst = None;
            let mut count = 0;
            op.for_each_def(|r| {
                dst = Some(r);
                count += 1;
            });
            let Some(dst) = dst.filter(|_| count == 1) else { continue };
            let old = self.of.get(&dst).copied();
            if forbidden!(nest.carried.contains(&dst)) || forbidden!(matches!(old, Some(Shape::Sum(_)))) {
                continue;
            }
            let Some(found) = self.result(nest, op, dst) else { continue };
            let new = match old {
                None => found,
                Some(old) => self.join(nest, dst, old, found),
            };
            if Some(new) != old {
                self.of.insert(dst, new);
                changed = true;
            }
        }
        Some(changed)
    }

    /// What holds both.
    fn join(&self, nest: &Nest<'_>, reg: Reg, a: Shape, b: Shape) -> Shape {
        let rank = |s: Shape| match s {
            Shape::Uniform | Shape::Affine(_) => 0,
            Shape::Vector => 1,
            Shape::Split => 2,
            Shape::Serial | Shape::Sum(_) => 3,
        };
        if a == b {
            a
        } else if rank(a).max(rank(b)) == 0 {
            self.varies(nest, reg)
        } else if rank(a) > rank(b) {
            a
        } else {
            b
        }
    }

    /// A vector if there is one for such values.
    fn varies(&self, nest: &Nest<'_>, reg: Reg) -> Shape {
        match lanes_of(nest.func.regs[reg.index()], self.lanes) {
            Some(_) => Shape::Vector,
            None => Shape::Split,
        }
    }

    /// The shape of what a node makes; `None` while that of an operand is not known.
    pub fn result(&self, nest: &Nest<'_>, op: &MirOp, dst: Reg) -> Option<Shape> {
        let mut args = Vec::new();
        let mut operands = Vec::new();
        let mut unknown = false;
        op.for_each_operand(|o| {
            if let Operand::Reg(r) = o {
                unknown |= nest.defs.contains_key(&r) && !self.of.contains_key(&r);
            }
            operands.push(o);
            args.push(self.shape_of(o));
        });
        if unknown {
            return None; // another round tells
        }
        if forbidden!(args.iter().any(|s| matches!(s, Shape::Serial | Shape::Sum(_)))) {
            return Some(Shape::Serial);
        }
        if required!(args.iter().all(|s| *s == Shape::Uniform)) {
            return Some(Shape::Uniform);
        }
        let inst = match op {
            MirOp::Inst(inst) => inst,
            MirOp::Load { .. } => return Some(self.varies(nest, dst)),
            _ => return Some(Shape::Split),
        };
        if let Some(by) = self.grows(inst, &args, &operands) {
            return Some(Shape::Affine(by));
        }
        if let Inst::Copy { .. } = inst {
            return Some(args[0]);
        }
        Some(if self.suits(nest, inst, &operands, &args, dst) { Shape::Vector } else { Shape::Split })
    }

    /// Whether a vector instruction does it, and is worth having.
    fn suits(&self, nest: &Nest<'_>, inst: &Inst, operands: &[Operand], args: &[Shape], dst: Reg) -> bool {
        use Opcode::*;
        let Some(lanes) = lanes_of(nest.func.regs[dst.index()], self.lanes) else { return false };
        let opcode = inst.opcode();
        let has_lanes = |o: &Operand| lanes_of(nest.func.ty(*o), self.lanes).is_some();
        if !required!(supported(opcode, lanes, &Cpu::BASIC)) || !required!(operands.iter().all(has_lanes)) {
            return false;
        }
        match opcode {
            // One count for all.
            I64Shl | I64Shr | I64ShrU | I32Shl | I32Shr | I32ShrU
                if forbidden!(args[1] != Shape::Uniform) =>
            {
                false
            }
            // Several instructions each.
            I64Mul | I64Shr | I64Min | I64Max | I64MinU | I64MaxU | I64Abs => {
                worth!(args.contains(&Shape::Vector))
            }
            // Integers made of counters are better off by themselves.
            _ if matches!(lanes, Lanes::I64x2) => worth!(!args.contains(&Shape::Split)),
            _ => true,
        }
    }

    /// What the result of an instruction grows by each iteration, if by a number.
    fn grows(&self, inst: &Inst, args: &[Shape], operands: &[Operand]) -> Option<i64> {
        let by = |n: usize| match args[n] {
            Shape::Uniform => Some(0),
            Shape::Affine(by) => Some(by),
            _ => None,
        };
        let literal = |n: usize| match operands[n] {
            Operand::Imm(Imm::I64(v)) => Some(v),
            Operand::Imm(Imm::I32(v)) => Some(v as i64),
            _ => None,
        };
        let grows = match inst {
            Inst::Copy { .. } => by(0)?,
            Inst::I64Add { .. } | Inst::I32Add { .. } => by(0)?.wrapping_add(by(1)?),
            Inst::I64Sub { .. } | Inst::I32Sub { .. } => by(0)?.wrapping_sub(by(1)?),
            Inst::I64Neg { .. } | Inst::I32Neg { .. } => by(0)?.wrapping_neg(),
            Inst::I64Mul { .. } | Inst::I32Mul { .. } => match (literal(0), literal(1)) {
                (_, Some(times)) => by(0)?.wrapping_mul(times),
                (Some(times), _) => by(1)?.wrapping_mul(times),
                _ => return None,
            },
            Inst::I64Shl { .. } | Inst::I32Shl { .. } => {
                let count = literal(1).filter(|c| required!((0..31).contains(c)))?;
                by(0)?.wrapping_shl(count as u32)
            }
            _ => return None,
        };
        worth!(LITTLE.contains(&grows)).then_some(grows)
    }

    /// Finds the registers that matter.
    fn need(&mut self, nest: &Nest<'_>) -> Option<()> {
        let mut list: Vec<Reg> = nest.carried.clone();
        for at in nest.places().filter(|at| !nest.is_end(*at)) {
            if matches!(nest.op(at), MirOp::Store { .. } | MirOp::Inst(Inst::BrIf { .. })) {
                nest.op(at).for_each_use(|r| list.push(r));
            }
        }
        while let Some(reg) = list.pop() {
            if nest.defs.contains_key(&reg) && self.needed.insert(reg) {
                for &at in &nest.defs[&reg] {
                    nest.op(at).for_each_use(|r| list.push(r));
                }
            }
        }
        Some(())
    }

    /// Whether a node has to be there in the vector loop.
    pub fn is_needed(&self, op: &MirOp) -> bool {
        let mut needed = matches!(op, MirOp::Store { .. });
        op.for_each_def(|r| needed |= self.needed.contains(&r));
        needed
    }

    /// Whether all nodes that matter can be done.
    fn check(&self, nest: &Nest<'_>) -> bool {
        nest.places().all(|at| {
            let op = nest.op(at);
            if let MirOp::Inst(Inst::BrIf { cond, .. }) = op
                && !nest.is_end(at)
            {
                return required!(self.shape_of(*cond) == Shape::Uniform);
            }
            !self.is_needed(op) || required!(self.can_do(nest, op))
        })
    }

    /// How much less there is to do for an iteration, in instructions, as far as
    /// nodes of `block` go.
    pub fn gain(&self, nest: &Nest<'_>, block: nbc_ir::BlockId) -> i64 {
        use Opcode::*;
        let saved = self.lanes as i64 - 1;
        let mut gain = 0;
        for node in &nest.func.blocks[block.index()].nodes {
            if !self.is_needed(&node.op) {
                continue; // it costs nothing
            }
            let (mut dst, mut cost) = (None, 0);
            node.op.for_each_def(|r| dst = Some(r));
            let shape = dst.map_or(Shape::Vector, |r| self.shape(r));
            node.op.for_each_operand(|o| {
                cost += match (shape, self.shape_of(o)) {
                    (Shape::Vector | Shape::Sum(_), Shape::Split) => saved + 1,
                    (Shape::Vector | Shape::Sum(_), Shape::Affine(_)) => 2,
                    (Shape::Split, Shape::Vector) => saved + 1,
                    (Shape::Split, Shape::Affine(_)) => saved,
                    (Shape::Serial, Shape::Vector) => saved,
                    _ => 0,
                };
            });
            gain += match (&node.op, shape) {
                // Addresses are no vectors.
                (MirOp::Load { at, elem, .. }, _) => match self.goes(at, elem.size()) {
                    Some(Goes::Next) => saved,
                    // It has to go into all lanes.
                    _ => -1,
                },
                (MirOp::Store { value, .. }, _) => match self.shape_of(*value) {
                    Shape::Split => -1,
                    Shape::Affine(_) => saved - 2,
                    _ => saved,
                },
                (MirOp::Inst(inst), Shape::Vector | Shape::Sum(_)) => match inst.opcode() {
                    F64Div | F64Sqrt | F32Div | F32Sqrt => 4 * saved - cost,
                    opcode if scalars::is_function(opcode) => 10 * saved - cost,
                    // Done with halves.
                    I64Mul => -5 - cost,
                    I64Shr | I64Min | I64Max | I64MinU | I64MaxU | I64Abs | F64Min | F64Max | F32Min
                    | F32Max => -cost,
                    _ => saved - cost,
                },
                _ => -cost,
            };
        }
        gain
    }

    fn can_do(&self, nest: &Nest<'_>, op: &MirOp) -> bool {
        match op {
            MirOp::Store { elem, at, value } => {
                let simple = match self.shape_of(*value) {
                    Shape::Serial | Shape::Sum(_) => false,
                    Shape::Affine(_) => self.lanes != 16,
                    _ => true,
                };
                required!(simple) && required!(self.goes(at, elem.size()) == Some(Goes::Next))
            }
            MirOp::Load { dst, elem, at: address } => match self.goes(address, elem.size()) {
                Some(Goes::Stays) => true,
                Some(Goes::Next) => {
                    let other = matches!(self.shape(*dst), Shape::Serial | Shape::Sum(_));
                    worth!(*elem != Elem::Bool) && !forbidden!(other)
                }
                None => false,
            },
            MirOp::Inst(inst) => {
                let mut dst = None;
                inst.for_each_def(|r| dst = Some(r));
                let Some(dst) = dst else { return inst.opcode().is_terminator() };
                let mut args = Vec::new();
                op.for_each_operand(|o| args.push(self.shape_of(o)));
                let in_first_lane = |s: &Shape| matches!(s, Shape::Uniform | Shape::Affine(_));
                // Sixteen lanes are only copied: nothing counts in them.
                if self.lanes == 16 && !in_first_lane(&self.shape(dst)) {
                    let counts = args.iter().any(|s| matches!(s, Shape::Affine(_)));
                    return !forbidden!(counts) && required!(self.shape(dst) == Shape::Vector);
                }
                match self.shape(dst) {
                    // It is made in the first lane, and a counter may be made of what cancels out,
                    // which no scalar register has there.
                    Shape::Uniform | Shape::Affine(_) => required!(args.iter().all(in_first_lane)),
                    // The register may also be written with the same in all lanes.
                    Shape::Vector => self.result(nest, op, dst).is_some(),
                    Shape::Sum(_) => {
                        // What is made in order is none of them.
                        let is_other = |s: &&Shape| !matches!(s, Shape::Sum(_) | Shape::Serial);
                        let others = args.iter().filter(is_other).count();
                        required!(others == usize::from(!matches!(inst, Inst::Copy { .. })))
                    }
                    Shape::Split | Shape::Serial => true,
                }
            }
            MirOp::Field { .. } => true,
            _ => false,
        }
    }
}
