//! The mid-end's representation of a function: bytecode instructions and a
//! few more, over mutable registers and blocks.
//!
//! It is not in SSA form, so copying a loop, splitting a block or entering a
//! loop in the middle needs no repair; after [`crate::midend::pass::webs`] a register
//! with one definition is as good as an SSA value, and Cranelift makes SSA of
//! the rest. Block 0 is the entry. Unreachable blocks may be there; nothing
//! looks at them.

mod build;
mod check;
mod flow;
mod print;
mod resume;
mod shape;
mod write;

pub use build::{build, build_resumed, is_step};
pub use check::check;
pub use flow::{Liveness, live_at_entry};
pub use shape::{Shape, Shapes};
pub use write::Write;

use nbc_ir::inst::{Effect, FieldMut, FieldRef, Imm, Opcode};
use nbc_ir::{BlockId, Elem, FuncId, Inst, Operand, Reg, Type};
use nbc_runtime::abi::Claim;
use nbc_runtime::plan::Plan;
use std::sync::Arc;

/// A function.
#[derive(Clone, Debug)]
pub struct Func {
    /// The function of the module.
    pub id: FuncId,
    /// Its name, for people.
    pub name: String,
    /// How it is entered.
    pub entry: Entry,
    /// Types of the results.
    pub results: Vec<Type>,
    /// Whether a call has a region of its own, which returning ends.
    pub own_region: bool,
    /// Types of all registers.
    pub regs: Vec<Ty>,
    /// Shapes of the tensors in some.
    pub shapes: Shapes,
    /// Blocks; the first is the entry.
    pub blocks: Vec<Block>,
    /// Where instructions come from; what nodes refer to.
    pub origins: Vec<Origin>,
    /// Which registers are some of the bytecode's, for people. In order.
    pub homes: Vec<Homes>,
    /// What is known of operations, by place in the bytecode.
    pub plan: Arc<Plan>,
}

/// Registers in a row that are, or were made of, registers in a row of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Homes {
    /// The first of them.
    pub first: Reg,
    /// How many.
    pub count: u32,
    /// The function.
    pub func: FuncId,
    /// The first of its registers.
    pub from: Reg,
}

/// How a function is entered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// By a call, with values for the first registers.
    Call {
        /// How many.
        params: usize,
    },
    /// In the middle of a run that the interpreter began, with these registers
    /// alive in its frame, each in the slot of the number given; the call's own
    /// region is open already.
    Resume {
        /// Register and slot.
        live: Vec<(Reg, u32)>,
    },
}

/// Type of a register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ty {
    /// A value of the bytecode.
    Value(Type),
    /// An address.
    Ptr,
    /// A 128-bit vector.
    Vector(Lanes),
}

impl Ty {
    /// The bytecode's type, if it has one.
    pub const fn value(self) -> Option<Type> {
        match self {
            Ty::Value(ty) => Some(ty),
            _ => None,
        }
    }
}

/// Lanes of a vector.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // named as in Cranelift
pub enum Lanes {
    F64x2,
    F32x4,
    I64x2,
    I32x4,
    I8x16,
}

impl Lanes {
    /// How many.
    pub const fn count(self) -> u32 {
        match self {
            Lanes::F64x2 | Lanes::I64x2 => 2,
            Lanes::F32x4 | Lanes::I32x4 => 4,
            Lanes::I8x16 => 16,
        }
    }

    /// Type of one; bytes are read from registers with an i32 or a truth value.
    pub const fn scalar(self) -> Type {
        match self {
            Lanes::F64x2 => Type::F64,
            Lanes::F32x4 => Type::F32,
            Lanes::I64x2 => Type::I64,
            Lanes::I32x4 | Lanes::I8x16 => Type::I32,
        }
    }
}

/// A basic block. The last node is the only terminator.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Block {
    /// Its instructions.
    pub nodes: Vec<MirNode>,
    /// Whether it is not expected to run: lowered out of the way, not optimised.
    pub cold: bool,
}

/// An instruction and where it comes from.
#[derive(Clone, PartialEq, Debug)]
pub struct MirNode {
    /// The instruction.
    pub op: MirOp,
    /// Index into [`Func::origins`].
    pub origin: u32,
}

/// A place in the bytecode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    /// The function.
    pub func: FuncId,
    /// Its block.
    pub block: u32,
    /// The instruction's position in the block.
    pub inst: u32,
    /// For an inlined function, the origin of the call.
    pub caller: Option<u32>,
}

/// An instruction.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum MirOp {
    /// An instruction of the bytecode, checks included.
    Inst(Inst),
    /// A field of a tensor's header, which never changes.
    Field {
        /// Register written: `Ptr` for the data, else i64.
        dst: Reg,
        /// The tensor.
        tensor: Reg,
        /// Which field.
        field: Field,
    },
    /// The element at an address, unchecked; widened as the bytecode does.
    Load {
        /// Register written.
        dst: Reg,
        /// Element type (for complex elements that of a part).
        elem: Elem,
        /// Where.
        at: Address,
    },
    /// Sets the element at an address, unchecked.
    Store {
        /// Element type (for complex elements that of a part).
        elem: Elem,
        /// Where.
        at: Address,
        /// The value.
        value: Operand,
    },
    /// Consecutive elements from an address on, unchecked.
    LoadVector {
        /// Register written.
        dst: Reg,
        /// Where.
        at: Address,
    },
    /// Sets consecutive elements.
    StoreVector {
        /// Where.
        at: Address,
        /// The value.
        value: Reg,
    },
    /// The same value in every lane.
    Splat {
        /// Vector written.
        dst: Reg,
        /// The value.
        value: Operand,
    },
    /// These values, one for each lane.
    Vector {
        /// Vector written.
        dst: Reg,
        /// The values.
        lanes: Box<[Operand]>,
    },
    /// A scalar instruction on every lane.
    Lanewise {
        /// The scalar instruction.
        opcode: Opcode,
        /// Vector written.
        dst: Reg,
        /// Vectors read.
        args: Box<[Reg]>,
    },
    /// One lane of a vector.
    Lane {
        /// Register written.
        dst: Reg,
        /// The vector.
        vector: Reg,
        /// Which.
        lane: u8,
    },
    /// An address as a number.
    Address {
        /// The i64 written.
        dst: Reg,
        /// The address.
        at: Address,
    },
    /// Takes the cost of a block off the fuel; traps when there is too little.
    /// A cost below 0 gives back what has been paid too much, never a trap.
    /// Where fuel is not metered, counts that much toward the next look at
    /// clock and interrupt flag.
    Charge {
        /// Fuel, or iterations.
        cost: Operand,
    },
    /// The charges of several blocks one after the other, each with where it
    /// comes from. Only where fuel is metered.
    Charges {
        /// Costs and origins.
        list: Box<[(i64, u32)]>,
    },
    /// Takes the cost of what is to come off the fuel, if there is so much.
    /// Only where fuel is metered.
    Prepay {
        /// Whether there was.
        dst: Reg,
        /// Fuel, more than 0.
        cost: Operand,
    },
    /// Traps as a fault of the compiler unless an unchecked access lies in its tensor.
    /// It does if `index * scale + offset`, unsigned, is less than `room`.
    Verify {
        /// The address of the access.
        at: Address,
        /// An i64: how many bytes an access may begin at.
        room: Reg,
        /// What is verified.
        claim: Claim,
    },
    /// Traps as a fault of the compiler unless an integer lies in `low..=high`, as
    /// analyses claim. Only where everything is verified.
    VerifyRange {
        /// An i64 or i32.
        value: Reg,
        /// The least that it may be.
        low: i64,
        /// The greatest.
        high: i64,
        /// What is verified.
        claim: Claim,
        /// The register or block that the claim is about.
        about: u32,
    },
    /// Counts toward the next look at clock and interrupt flag, without taking
    /// it: that is for a `Charge` to do where the budget is found used up. Only
    /// where fuel is not metered.
    Spend {
        /// Whether there was enough left.
        dst: Reg,
        /// Iterations.
        cost: Operand,
    },
}

/// A field of a tensor's header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Field {
    /// Address of the first element.
    Data,
    /// Number of elements.
    Len,
    /// Number of elements that may be written.
    WritableLen,
    /// First dim, or 0 where nothing may be written.
    WritableDim0,
    /// Number of dims.
    Rank,
    /// A dim, of the first three; 0 when there is none.
    Dim(u8),
}

/// An address: `base + index * scale + offset`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Address {
    /// A `Ptr`.
    pub base: Reg,
    /// An i64.
    pub index: Operand,
    /// What the index counts, in bytes: 1, 2, 4, 8 or 16.
    pub scale: u8,
    /// Bytes.
    pub offset: i32,
}

impl Func {
    /// The register of the bytecode that `reg` is, or was made of.
    pub fn home(&self, reg: Reg) -> Option<(FuncId, Reg)> {
        let after = self.homes.partition_point(|h| h.first <= reg);
        let homes = self.homes.get(after.checked_sub(1)?)?;
        let by = reg.0 - homes.first.0;
        (by < homes.count).then(|| (homes.func, Reg(homes.from.0 + by)))
    }

    /// A new register in place of `reg`, of the same type.
    pub fn reg_for(&mut self, reg: Reg) -> Reg {
        let new = self.reg(self.regs[reg.index()]);
        if let Some((func, from)) = self.home(reg) {
            self.homes.push(Homes { first: new, count: 1, func, from });
        }
        new
    }

    /// A new register.
    pub fn reg(&mut self, ty: Ty) -> Reg {
        self.regs.push(ty);
        Reg::new(self.regs.len() - 1)
    }

    /// A new register with a value of the bytecode.
    pub fn value(&mut self, ty: Type) -> Reg {
        self.reg(Ty::Value(ty))
    }

    /// A new empty block.
    pub fn block(&mut self) -> BlockId {
        self.blocks.push(Block::default());
        BlockId::new(self.blocks.len() - 1)
    }

    /// How large it is: its nodes, and the items of long lists in them.
    pub fn size(&self) -> usize {
        self.blocks.iter().map(Block::size).sum()
    }

    /// Type of an operand.
    pub fn ty(&self, operand: Operand) -> Ty {
        match operand {
            Operand::Reg(r) => self.regs[r.index()],
            Operand::Imm(i) => Ty::Value(i.ty()),
        }
    }

    /// Element type of the tensor in `reg`.
    pub fn elem(&self, reg: Reg) -> Option<Elem> {
        match self.regs[reg.index()] {
            Ty::Value(Type::Tensor(elem)) => Some(elem),
            _ => None,
        }
    }
}

impl Block {
    /// How large it is, as [`Func::size`].
    pub fn size(&self) -> usize {
        self.nodes.iter().map(|n| n.op.size()).sum()
    }

    /// The terminator.
    pub fn last(&self) -> Option<&Inst> {
        match &self.nodes.last()?.op {
            MirOp::Inst(inst) => Some(inst),
            _ => None,
        }
    }

    /// The terminator, for change.
    pub fn last_mut(&mut self) -> Option<&mut Inst> {
        match &mut self.nodes.last_mut()?.op {
            MirOp::Inst(inst) => Some(inst),
            _ => None,
        }
    }

    /// Calls `see` with each block it may go to.
    pub fn for_each_successor(&self, see: impl FnMut(BlockId)) {
        if let Some(last) = self.last() {
            last.for_each_successor(see);
        }
    }

    /// Sends every edge to `from` to `to` instead.
    pub fn retarget(&mut self, from: BlockId, to: BlockId) {
        self.map_successors(|b| if b == from { to } else { b });
    }

    /// Replaces each target.
    pub fn map_successors(&mut self, mut map: impl FnMut(BlockId) -> BlockId) {
        if let Some(last) = self.last_mut() {
            last.for_each_field_mut(|field| match field {
                FieldMut::Block(b) => *b = map(*b),
                FieldMut::Blocks(list) => list.iter_mut().for_each(|b| *b = map(*b)),
                _ => {}
            });
        }
    }
}

impl From<Inst> for MirOp {
    fn from(inst: Inst) -> MirOp {
        MirOp::Inst(inst)
    }
}

impl MirOp {
    /// How large it is, as [`Inst::size`].
    pub fn size(&self) -> usize {
        match self {
            MirOp::Inst(inst) => inst.size(),
            MirOp::Charges { list } => 1 + list.len().saturating_sub(Inst::ITEMS),
            _ => 1,
        }
    }

    /// Whether all that it does is write registers.
    pub fn is_droppable(&self) -> bool {
        match self {
            MirOp::Inst(inst) => match inst {
                Inst::GlobalGet { .. } => true,
                Inst::I32Div { b, .. }
                | Inst::I32DivU { b, .. }
                | Inst::I32Rem { b, .. }
                | Inst::I32RemU { b, .. }
                | Inst::I64Div { b, .. }
                | Inst::I64DivU { b, .. }
                | Inst::I64Rem { b, .. }
                | Inst::I64RemU { b, .. } => {
                    !matches!(b, Operand::Reg(_) | Operand::Imm(Imm::I32(0) | Imm::I64(0)))
                }
                _ => inst.opcode().effect() == Effect::Pure,
            },
            MirOp::Field { .. }
            | MirOp::Load { .. }
            | MirOp::LoadVector { .. }
            | MirOp::Splat { .. }
            | MirOp::Vector { .. }
            | MirOp::Address { .. }
            | MirOp::Lanewise { .. }
            | MirOp::Lane { .. } => true,
            MirOp::Store { .. }
            | MirOp::StoreVector { .. }
            | MirOp::Verify { .. }
            | MirOp::VerifyRange { .. }
            | MirOp::Charge { .. }
            | MirOp::Charges { .. }
            | MirOp::Prepay { .. }
            | MirOp::Spend { .. } => false,
        }
    }

    /// Calls `see` with each register read.
    pub fn for_each_use(&self, mut see: impl FnMut(Reg)) {
        self.for_each_operand(|o| {
            if let Operand::Reg(r) = o {
                see(r);
            }
        });
    }

    /// Calls `see` with each operand read.
    pub fn for_each_operand(&self, mut see: impl FnMut(Operand)) {
        match self {
            MirOp::Inst(inst) => inst.for_each_field(|field| match field {
                FieldRef::Use(o) => see(o),
                FieldRef::Uses(list) => list.iter().for_each(|o| see(*o)),
                FieldRef::Keeps(list) => list.iter().for_each(|r| see((*r).into())),
                _ => {}
            }),
            MirOp::Field { tensor, .. } => see((*tensor).into()),
            MirOp::Load { at, .. } | MirOp::LoadVector { at, .. } | MirOp::Address { at, .. } => {
                at.for_each_operand(see)
            }
            MirOp::Store { at, value, .. } => {
                at.for_each_operand(&mut see);
                see(*value);
            }
            MirOp::StoreVector { at, value: reg } | MirOp::Verify { at, room: reg, .. } => {
                at.for_each_operand(&mut see);
                see((*reg).into());
            }
            MirOp::Splat { value, .. }
            | MirOp::Charge { cost: value }
            | MirOp::Prepay { cost: value, .. }
            | MirOp::Spend { cost: value, .. } => see(*value),
            MirOp::VerifyRange { value, .. } => see((*value).into()),
            MirOp::Charges { .. } => {}
            MirOp::Vector { lanes, .. } => lanes.iter().for_each(|o| see(*o)),
            MirOp::Lanewise { args, .. } => args.iter().for_each(|r| see((*r).into())),
            MirOp::Lane { vector, .. } => see((*vector).into()),
        }
    }

    /// Calls `see` with each register written.
    pub fn for_each_def(&self, mut see: impl FnMut(Reg)) {
        match self {
            MirOp::Inst(inst) => inst.for_each_def(see),
            MirOp::Field { dst, .. }
            | MirOp::Load { dst, .. }
            | MirOp::LoadVector { dst, .. }
            | MirOp::Splat { dst, .. }
            | MirOp::Vector { dst, .. }
            | MirOp::Lanewise { dst, .. }
            | MirOp::Lane { dst, .. }
            | MirOp::Address { dst, .. }
            | MirOp::Prepay { dst, .. }
            | MirOp::Spend { dst, .. } => see(*dst),
            MirOp::Store { .. }
            | MirOp::StoreVector { .. }
            | MirOp::Verify { .. }
            | MirOp::VerifyRange { .. }
            | MirOp::Charge { .. }
            | MirOp::Charges { .. } => {}
        }
    }

    /// Replaces each operand read. Kept registers are read and written at
    /// once, and are left to [`MirOp::map_defs`].
    pub fn map_uses(&mut self, mut map: impl FnMut(Operand) -> Operand) {
        let reg = |r: &mut Reg, map: &mut dyn FnMut(Operand) -> Operand| {
            if let Operand::Reg(to) = map((*r).into()) {
                *r = to;
            }
        };
        match self {
            MirOp::Inst(inst) => inst.map_uses(map),
            MirOp::Field { tensor, .. } => reg(tensor, &mut map),
            MirOp::Load { at, .. } | MirOp::LoadVector { at, .. } | MirOp::Address { at, .. } => {
                reg(&mut at.base, &mut map);
                at.index = map(at.index);
            }
            MirOp::Store { at, value, .. } => {
                reg(&mut at.base, &mut map);
                at.index = map(at.index);
                *value = map(*value);
            }
            MirOp::StoreVector { at, value: other } | MirOp::Verify { at, room: other, .. } => {
                reg(&mut at.base, &mut map);
                at.index = map(at.index);
                reg(other, &mut map);
            }
            MirOp::Splat { value, .. }
            | MirOp::Charge { cost: value }
            | MirOp::Prepay { cost: value, .. }
            | MirOp::Spend { cost: value, .. } => *value = map(*value),
            MirOp::VerifyRange { value, .. } => reg(value, &mut map),
            MirOp::Charges { .. } => {}
            MirOp::Vector { lanes, .. } => lanes.iter_mut().for_each(|o| *o = map(*o)),
            MirOp::Lanewise { args, .. } => args.iter_mut().for_each(|r| reg(r, &mut map)),
            MirOp::Lane { vector, .. } => reg(vector, &mut map),
        }
    }

    /// Replaces each register written.
    pub fn map_defs(&mut self, mut map: impl FnMut(Reg) -> Reg) {
        match self {
            MirOp::Inst(inst) => inst.map_defs(map),
            MirOp::Field { dst, .. }
            | MirOp::Load { dst, .. }
            | MirOp::LoadVector { dst, .. }
            | MirOp::Splat { dst, .. }
            | MirOp::Vector { dst, .. }
            | MirOp::Lanewise { dst, .. }
            | MirOp::Lane { dst, .. }
            | MirOp::Address { dst, .. }
            | MirOp::Prepay { dst, .. }
            | MirOp::Spend { dst, .. } => *dst = map(*dst),
            MirOp::Store { .. }
            | MirOp::StoreVector { .. }
            | MirOp::Verify { .. }
            | MirOp::VerifyRange { .. }
            | MirOp::Charge { .. }
            | MirOp::Charges { .. } => {}
        }
    }
}

impl Address {
    fn for_each_operand(&self, mut see: impl FnMut(Operand)) {
        see(self.base.into());
        see(self.index);
    }
}
