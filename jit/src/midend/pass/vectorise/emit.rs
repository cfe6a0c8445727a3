//! Code generation for a vectorised loop: the loop whose iterations are lanes.
//!
//! A register that is the same in all lanes, or goes with them by a number,
//! stays what it is: it holds the value of the first lane. In a single block
//! every node makes a new register, and what is the same in all iterations is made
//! once before the loop; in a nest registers are written in place.

use super::nest::{Nest, Place};
use super::shape::{Goes, Shape, Shapes, Sum, lanes_of};
use crate::mir::{Func, Lanes, MirNode, MirOp, Ty};
use nbc_ir::{BlockId, Elem, Inst, Opcode, Operand, Reg, Type};
use rustc_hash::FxHashMap;

/// See the module.
pub struct Emit<'n, 'a> {
    nest: &'n Nest<'a>,
    shapes: &'n Shapes,
    func: &'n mut Func,
    /// Vectors that each register becomes.
    unroll: u32,
    nodes: Vec<MirNode>,
    origin: u32,
    /// What holds the first lane of a register now.
    scalars: FxHashMap<Reg, Operand>,
    vectors: FxHashMap<(Reg, u32), Reg>,
    splits: FxHashMap<(Reg, u32), Vec<Reg>>,
    /// Vectors of sums.
    sums: FxHashMap<(Reg, u32), Reg>,
    /// Registers made for nodes in the first part of an iteration.
    made: FxHashMap<Place, Reg>,
    /// Nodes of one vector that go lane by lane, for each lane.
    serial: Vec<Vec<MirNode>>,
}

/// The vector that elements are stored from.
fn lanes_of_elem(elem: Elem, count: u32) -> Option<Lanes> {
    let ty = match elem {
        Elem::U8 | Elem::I32 => Type::I32,
        Elem::Bool => Type::Bool,
        Elem::I64 => Type::I64,
        Elem::F32 => Type::F32,
        _ => Type::F64,
    };
    lanes_of(Ty::Value(ty), count)
}

/// The instruction that adds to an integer.
fn add(ty: Type, dst: Reg, a: Operand, by: i64) -> Inst {
    match ty {
        Type::I32 => Inst::I32Add { dst, a, b: (by as i32).into() },
        _ => Inst::I64Add { dst, a, b: by.into() },
    }
}

impl<'n, 'a> Emit<'n, 'a> {
    /// Writes for `nest` into `func`, which has its blocks.
    pub fn new(nest: &'n Nest<'a>, shapes: &'n Shapes, func: &'n mut Func, unroll: u32) -> Emit<'n, 'a> {
        Emit {
            nest,
            shapes,
            func,
            unroll,
            nodes: Vec::new(),
            origin: 0,
            scalars: FxHashMap::default(),
            vectors: FxHashMap::default(),
            splits: FxHashMap::default(),
            sums: FxHashMap::default(),
            made: FxHashMap::default(),
            serial: Vec::new(),
        }
    }

    /// Writes the loop for that many iterations, going on to the nest itself; the
    /// block that it begins with.
    pub fn run(mut self, iterations: Operand) -> BlockId {
        let before = self.func.block();
        let blocks: Vec<BlockId> = self.nest.blocks.iter().map(|_| self.func.block()).collect();
        let after = self.func.block();
        let in_place = self.nest.inner.is_some();
        self.origin =
            self.nest.func.blocks[self.nest.counted.preheader.index()].nodes.last().map_or(0, |n| n.origin);

        // Before the loop.
        let count = self.func.value(Type::I64);
        self.push_inst(Inst::I64Const { dst: count, value: 0i64.into() });
        if !in_place {
            self.hoist();
        }
        let sums = self.begin_sums();
        self.push_inst(Inst::Br { target: blocks[0] });
        self.finish(before);

        // The loop.
        for (n, &block) in self.nest.blocks.iter().enumerate() {
            let contents = &self.nest.func.blocks[block.index()].nodes;
            let parts = if in_place { 1 } else { self.unroll };
            for part in 0..parts {
                if !in_place {
                    self.scalars.clear();
                }
                for (at, node) in contents.iter().enumerate() {
                    let is_branch = matches!(node.op, MirOp::Inst(Inst::Br { .. } | Inst::BrIf { .. }));
                    if is_branch || !self.shapes.is_needed(&node.op) {
                        continue; // it is not in the loop of vectors
                    }
                    self.origin = node.origin;
                    let parts = if in_place { 0..self.unroll } else { part..part + 1 };
                    for u in parts {
                        self.node(&node.op, (block, at), u);
                    }
                }
                for node in std::mem::take(&mut self.serial).into_iter().flatten() {
                    self.nodes.push(node);
                }
                for &(reg, _) in &sums {
                    self.keep_sum(reg, part);
                }
            }
            if block == self.nest.counted.latch {
                self.end_iteration(count, iterations, blocks[0], after);
            } else if let Some(last) = self.nest.func.blocks[block.index()].nodes.last() {
                let mut last = last.clone();
                if let MirOp::Inst(inst) = &mut last.op {
                    inst.for_each_field_mut(|field| {
                        if let nbc_ir::inst::FieldMut::Block(to) = field
                            && let Some(at) = self.nest.blocks.iter().position(|b| b == to)
                        {
                            *to = blocks[at];
                        }
                    });
                }
                self.nodes.push(last);
            }
            self.finish(blocks[n]);
        }

        // After it.
        for (reg, sum) in sums {
            self.end_sum(reg, sum);
        }
        self.push_inst(Inst::Br { target: self.nest.counted.header });
        self.finish(after);
        before
    }

    fn push(&mut self, op: MirOp) {
        self.nodes.push(MirNode { op, origin: self.origin });
    }

    fn push_inst(&mut self, inst: Inst) {
        self.push(MirOp::Inst(inst));
    }

    fn finish(&mut self, block: BlockId) {
        self.func.blocks[block.index()].nodes = std::mem::take(&mut self.nodes);
    }

    fn vector_reg(&mut self, lanes: Lanes) -> Reg {
        self.func.reg(Ty::Vector(lanes))
    }

    /// The first lane of an operand that is the same in all, or goes with them.
    fn scalar(&self, operand: Operand) -> Operand {
        match operand {
            Operand::Reg(r) => self.scalars.get(&r).copied().unwrap_or(operand),
            Operand::Imm(_) => operand,
        }
    }

    /// An operation on the first lanes, with a new register for its result.
    fn renamed(&mut self, op: &MirOp) -> (MirOp, Option<Reg>) {
        let mut op = op.clone();
        op.map_uses(|o| self.scalar(o));
        let mut made = None;
        op.map_defs(|r| {
            let ty = self.func.regs[r.index()];
            let new = self.func.reg(ty);
            made = Some(new);
            new
        });
        (op, made)
    }

    /// Writes what is the same in all iterations.
    fn hoist(&mut self) {
        let nodes = &self.nest.func.blocks[self.nest.counted.header.index()].nodes;
        for (n, node) in nodes.iter().enumerate() {
            let mut dst = None;
            node.op.for_each_def(|r| dst = Some(r));
            let Some(dst) = dst else { continue };
            if self.shapes.is_needed(&node.op) && required!(self.shapes.shape(dst) == Shape::Uniform) {
                self.origin = node.origin;
                let (op, made) = self.renamed(&node.op);
                self.push(op);
                if let Some(made) = made {
                    self.made.insert((self.nest.counted.header, n), made);
                    self.scalars.insert(dst, made.into());
                }
            }
        }
    }

    fn node(&mut self, op: &MirOp, place: Place, u: u32) {
        if let MirOp::Store { elem, at, value } = op {
            let Some(lanes) = lanes_of_elem(*elem, self.shapes.lanes) else { return };
            let value = self.vector(*value, lanes, u);
            let at = self.address(at, u);
            return self.push(MirOp::StoreVector { at, value });
        }
        let mut dst = None;
        op.for_each_def(|r| dst = Some(r));
        let Some(dst) = dst else { return };
        match self.shapes.shape(dst) {
            Shape::Uniform | Shape::Affine(_) if self.nest.inner.is_some() => {
                if u == 0 {
                    self.push(op.clone());
                }
            }
            Shape::Uniform | Shape::Affine(_) => {
                if !self.made.contains_key(&place) {
                    let (op, made) = self.renamed(op);
                    self.push(op);
                    self.made.extend(made.map(|made| (place, made)));
                }
                if let Some(made) = self.made.get(&place) {
                    self.scalars.insert(dst, (*made).into());
                }
            }
            Shape::Vector => self.whole(op, dst, u),
            Shape::Sum(_) => self.sum(op, dst, u),
            Shape::Split => self.split(op, dst, u),
            Shape::Serial => self.serial(op, u),
        }
    }

    /// The address of part `u`.
    fn address(&self, at: &crate::mir::Address, u: u32) -> crate::mir::Address {
        let mut at = *at;
        if let Operand::Reg(base) = self.scalar(at.base.into()) {
            at.base = base;
        }
        at.index = self.scalar(at.index);
        at.offset += 16 * u as i32;
        at
    }

    /// The vector of an operand.
    fn vector(&mut self, operand: Operand, lanes: Lanes, u: u32) -> Reg {
        match self.shapes.shape_of(operand) {
            Shape::Vector | Shape::Sum(_) => {
                if let Operand::Reg(r) = operand
                    && let Some(vector) = self.vectors.get(&(r, u))
                {
                    return *vector;
                }
                self.splat(operand, lanes)
            }
            Shape::Split => {
                let dst = self.vector_reg(lanes);
                let list: Vec<Operand> = (0..lanes.count()).map(|lane| self.lane(operand, u, lane)).collect();
                self.push(MirOp::Vector { dst, lanes: list.into() });
                dst
            }
            Shape::Affine(by) => {
                let first = self.scalar(operand);
                self.counting(first, by, lanes, u)
            }
            Shape::Uniform | Shape::Serial => {
                let value = self.scalar(operand);
                self.splat(value, lanes)
            }
        }
    }

    fn splat(&mut self, value: Operand, lanes: Lanes) -> Reg {
        let dst = self.vector_reg(lanes);
        self.push(MirOp::Splat { dst, value });
        dst
    }

    /// A vector of what grows by a number from lane to lane.
    fn counting(&mut self, first: Operand, by: i64, lanes: Lanes, u: u32) -> Reg {
        let ty = lanes.scalar();
        let list = (0..lanes.count()).map(|lane| {
            let more = by * (u * lanes.count() + lane) as i64;
            if ty == Type::I64 { Operand::from(more) } else { Operand::from(more as i32) }
        });
        let list: Box<[Operand]> = list.collect();
        let steps = self.vector_reg(lanes);
        self.push(MirOp::Vector { dst: steps, lanes: list });
        let base = self.splat(first, lanes);
        let dst = self.vector_reg(lanes);
        let opcode = if ty == Type::I64 { Opcode::I64Add } else { Opcode::I32Add };
        self.push(MirOp::Lanewise { opcode, dst, args: [base, steps].into() });
        dst
    }

    /// An operand in one lane.
    fn lane(&mut self, operand: Operand, u: u32, lane: u32) -> Operand {
        let Operand::Reg(reg) = operand else { return operand };
        match self.shapes.shape(reg) {
            Shape::Affine(by) => {
                let first = self.scalar(operand);
                let by = by * (u * self.shapes.lanes + lane) as i64;
                let ty = self.func.regs[reg.index()];
                match ty.value() {
                    Some(ty) if by != 0 => {
                        let dst = self.func.value(ty);
                        self.push_inst(add(ty, dst, first, by));
                        dst.into()
                    }
                    _ => first,
                }
            }
            Shape::Split => self.splits.get(&(reg, u)).map_or(operand, |list| list[lane as usize].into()),
            Shape::Vector | Shape::Sum(_) => {
                let Some(&vector) = self.vectors.get(&(reg, u)) else { return operand };
                let ty = self.func.regs[reg.index()];
                let dst = self.func.reg(ty);
                self.push(MirOp::Lane { dst, vector, lane: lane as u8 });
                dst.into()
            }
            Shape::Uniform | Shape::Serial => self.scalar(operand),
        }
    }

    /// The vector that `reg` becomes where it is written.
    fn vector_of(&mut self, reg: Reg, lanes: Lanes, u: u32) -> Reg {
        if self.nest.inner.is_some()
            && let Some(known) = self.vectors.get(&(reg, u))
        {
            return *known;
        }
        self.vector_reg(lanes)
    }

    /// A node whose result is in a vector.
    fn whole(&mut self, op: &MirOp, reg: Reg, u: u32) {
        let Some(lanes) = lanes_of(self.func.regs[reg.index()], self.shapes.lanes) else { return };
        let mut operands = Vec::new();
        op.for_each_operand(|o| operands.push(o));
        let own = self.shapes.result(self.nest, op, reg);
        let made = match op {
            MirOp::Load { elem, at, .. } if self.shapes.goes(at, elem.size()) == Some(Goes::Next) => {
                let dst = self.vector_of(reg, lanes, u);
                let at = self.address(at, u);
                self.push(MirOp::LoadVector { dst, at });
                dst
            }
            MirOp::Inst(Inst::Copy { a, .. }) => {
                let from = self.vector(*a, lanes, u);
                self.keep(reg, from, lanes, u)
            }
            MirOp::Inst(inst) if own == Some(Shape::Vector) => {
                let args: Vec<Reg> = operands
                    .iter()
                    .filter_map(|o| {
                        let lanes = lanes_of(self.func.ty(*o), self.shapes.lanes)?;
                        Some(self.vector(*o, lanes, u))
                    })
                    .collect();
                let dst = self.vector_of(reg, lanes, u);
                self.push(MirOp::Lanewise { opcode: inst.opcode(), dst, args: args.into() });
                dst
            }
            _ => {
                let (op, made) = self.renamed(op);
                self.push(op);
                let Some(made) = made else { return };
                let from = match own {
                    Some(Shape::Affine(by)) => self.counting(made.into(), by, lanes, u),
                    _ => self.splat(made.into(), lanes),
                };
                self.keep(reg, from, lanes, u)
            }
        };
        self.vectors.insert((reg, u), made);
    }

    /// Has a vector where `reg` is to be.
    fn keep(&mut self, reg: Reg, from: Reg, lanes: Lanes, u: u32) -> Reg {
        if self.nest.inner.is_none() {
            return from;
        }
        let dst = self.vector_of(reg, lanes, u);
        self.push_inst(Inst::Copy { dst, a: from.into() });
        dst
    }

    /// A node that is done in each lane by itself.
    fn split(&mut self, op: &MirOp, reg: Reg, u: u32) {
        let ty = self.func.regs[reg.index()];
        let known = self.splits.get(&(reg, u)).filter(|_| self.nest.inner.is_some()).cloned();
        let list = known.unwrap_or_else(|| (0..self.shapes.lanes).map(|_| self.func.reg(ty)).collect());
        if let MirOp::Load { elem, at, .. } = op
            && self.shapes.goes(at, elem.size()) == Some(Goes::Next)
            && let Some(lanes) = lanes_of(ty, self.shapes.lanes)
        {
            let vector = self.vector_reg(lanes);
            let at = self.address(at, u);
            self.push(MirOp::LoadVector { dst: vector, at });
            for (lane, dst) in (0..).zip(&list) {
                self.push(MirOp::Lane { dst: *dst, vector, lane });
            }
        } else {
            for (lane, dst) in (0..).zip(&list) {
                let mut op = self.op_of_lane(op, u, lane);
                op.map_defs(|_| *dst);
                self.push(op);
            }
        }
        self.splits.insert((reg, u), list);
    }

    /// A node as it is in one lane.
    fn op_of_lane(&mut self, op: &MirOp, u: u32, lane: u32) -> MirOp {
        let mut operands = Vec::new();
        op.for_each_operand(|o| operands.push(o));
        let values: Vec<Operand> = operands.iter().map(|o| self.lane(*o, u, lane)).collect();
        let mut op = op.clone();
        op.map_uses(|o| operands.iter().position(|p| *p == o).map_or(o, |n| values[n]));
        op
    }

    /// A node that needs what the lane before has made.
    fn serial(&mut self, op: &MirOp, u: u32) {
        if self.serial.is_empty() {
            self.serial = vec![Vec::new(); self.shapes.lanes as usize];
        }
        for lane in 0..self.shapes.lanes {
            let op = self.op_of_lane(op, u, lane);
            self.serial[lane as usize].push(MirNode { op, origin: self.origin });
        }
    }

    /// A vector for each part of each sum, with nothing in it.
    fn begin_sums(&mut self) -> Vec<(Reg, Sum)> {
        let mut sums = Vec::new();
        for &reg in &self.nest.carried {
            let Shape::Sum(sum) = self.shapes.shape(reg) else { continue };
            let ty = self.func.regs[reg.index()];
            let (Some(scalar), Some(lanes)) = (ty.value(), lanes_of(ty, self.shapes.lanes)) else { continue };
            for u in 0..self.unroll {
                let value = sum.nothing(scalar).unwrap_or(reg.into());
                let vector = self.splat(value, lanes);
                self.vectors.insert((reg, u), vector);
                self.sums.insert((reg, u), vector);
            }
            sums.push((reg, sum));
        }
        sums
    }

    fn sum(&mut self, op: &MirOp, reg: Reg, u: u32) {
        let Some(lanes) = lanes_of(self.func.regs[reg.index()], self.shapes.lanes) else { return };
        let MirOp::Inst(inst) = op else { return };
        let mut args = Vec::new();
        op.for_each_operand(|o| args.push(o));
        let args: Vec<Reg> = args.into_iter().map(|o| self.vector(o, lanes, u)).collect();
        let made = if let Inst::Copy { .. } = inst {
            args[0]
        } else {
            let dst = self.vector_reg(lanes);
            self.push(MirOp::Lanewise { opcode: inst.opcode(), dst, args: args.into() });
            dst
        };
        self.vectors.insert((reg, u), made);
    }

    /// Has the vector of a sum where the next iteration looks for it.
    fn keep_sum(&mut self, reg: Reg, u: u32) {
        let (Some(&to), Some(&from)) = (self.sums.get(&(reg, u)), self.vectors.get(&(reg, u))) else {
            return;
        };
        if from != to {
            self.push_inst(Inst::Copy { dst: to, a: from.into() });
        }
    }

    /// Adds the vectors of a sum to its register.
    fn end_sum(&mut self, reg: Reg, sum: Sum) {
        let ty = self.func.regs[reg.index()];
        let (Some(ty), Some(lanes)) = (ty.value(), lanes_of(self.func.regs[reg.index()], self.shapes.lanes))
        else {
            return;
        };
        let opcode = sum.inst(ty, reg, reg.into(), reg.into()).opcode();
        let vectors: Vec<Reg> = (0..self.unroll).filter_map(|u| self.sums.get(&(reg, u)).copied()).collect();
        let Some(all) = vectors.into_iter().reduce(|a, b| {
            let dst = self.vector_reg(lanes);
            self.push(MirOp::Lanewise { opcode, dst, args: [a, b].into() });
            dst
        }) else {
            return;
        };
        for lane in 0..lanes.count() as u8 {
            let part = self.func.value(ty);
            self.push(MirOp::Lane { dst: part, vector: all, lane });
            self.push_inst(sum.inst(ty, reg, reg.into(), part.into()));
        }
    }

    /// Has counters go on for all lanes, and tests.
    fn end_iteration(&mut self, count: Reg, iterations: Operand, first: BlockId, after: BlockId) {
        let chunk = (self.shapes.lanes * self.unroll) as i64;
        for &reg in &self.nest.carried {
            if let (Shape::Affine(by), Some(ty)) =
                (self.shapes.shape(reg), self.func.regs[reg.index()].value())
            {
                let next = self.scalar(reg.into());
                self.push_inst(add(ty, reg, next, by * (chunk - 1)));
            }
        }
        self.push_inst(Inst::I64Add { dst: count, a: count.into(), b: chunk.into() });
        let cond = self.func.value(Type::Bool);
        self.push_inst(Inst::I64Lt { dst: cond, a: count.into(), b: iterations });
        self.push_inst(Inst::BrIf { cond: cond.into(), then_to: first, else_to: after });
    }
}
