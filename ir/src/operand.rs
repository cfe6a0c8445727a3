//! Parts of instructions: literals, operands, and the roles and types that the
//! instruction table gives them.

use crate::entity::{BlockId, ConstId, FuncId, GlobalId, OpId, Reg};
use crate::types::Type;

/// A literal value with its own type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u32)] // so that an instruction's number fits where no literal's kind is: it takes no room of its own
pub enum Imm {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// Bits of a single, so that equality and hashing are exact.
    F32(u32),
    /// Bits of a double.
    F64(u64),
    /// Truth value.
    Bool(bool),
}

impl Imm {
    /// A single as a literal.
    pub const fn f32(value: f32) -> Imm {
        Imm::F32(value.to_bits())
    }

    /// A double as a literal.
    pub const fn f64(value: f64) -> Imm {
        Imm::F64(value.to_bits())
    }

    /// Type of the literal.
    pub const fn ty(self) -> Type {
        match self {
            Imm::I32(_) => Type::I32,
            Imm::I64(_) => Type::I64,
            Imm::F32(_) => Type::F32,
            Imm::F64(_) => Type::F64,
            Imm::Bool(_) => Type::Bool,
        }
    }

    /// The 64-bit register slot holding the literal: 32-bit values are
    /// zero-extended, truth values are 0 or 1.
    pub const fn to_slot(self) -> u64 {
        match self {
            Imm::I32(v) => v as u32 as u64,
            Imm::I64(v) => v as u64,
            Imm::F32(bits) => bits as u64,
            Imm::F64(bits) => bits,
            Imm::Bool(v) => v as u64,
        }
    }
}

impl From<i32> for Imm {
    fn from(v: i32) -> Imm {
        Imm::I32(v)
    }
}
impl From<i64> for Imm {
    fn from(v: i64) -> Imm {
        Imm::I64(v)
    }
}
impl From<f32> for Imm {
    fn from(v: f32) -> Imm {
        Imm::f32(v)
    }
}
impl From<f64> for Imm {
    fn from(v: f64) -> Imm {
        Imm::f64(v)
    }
}
impl From<bool> for Imm {
    fn from(v: bool) -> Imm {
        Imm::Bool(v)
    }
}

/// A value that an instruction reads: a register or a literal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operand {
    /// The register's current value.
    Reg(Reg),
    /// A literal.
    Imm(Imm),
}

impl Operand {
    /// The register, if it is one.
    pub const fn reg(self) -> Option<Reg> {
        match self {
            Operand::Reg(reg) => Some(reg),
            Operand::Imm(_) => None,
        }
    }
}

impl From<Reg> for Operand {
    fn from(r: Reg) -> Operand {
        Operand::Reg(r)
    }
}

impl<T: Into<Imm>> From<T> for Operand {
    fn from(v: T) -> Operand {
        Operand::Imm(v.into())
    }
}

/// What an operand of an instruction is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Register written.
    Def,
    /// Value read.
    Use,
    /// Registers written, as many as a signature says.
    Defs,
    /// Values read, as many as a signature says.
    Uses,
    /// Literal.
    Lit,
    /// Registers whose objects outlive the region.
    Keeps,
    /// Block.
    Block,
    /// List of blocks.
    Blocks,
    /// Function.
    Func,
    /// Global.
    Global,
    /// Constant.
    Const,
    /// Catalogue operation.
    Op,
}

/// The type an operand must have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// Exactly this type.
    Exact(Type),
    /// Any type, the same wherever it stands in the instruction.
    Same,
    /// Any tensor.
    Tensor,
    /// The scalar of that tensor's element, which must not be complex.
    Elem,
    /// A tensor of complex elements.
    Complex,
    /// The scalar of that tensor's parts.
    Part,
    /// Any list.
    List,
    /// That list's item.
    Item,
    /// A function reference.
    Func,
    /// The type of the global or constant named by the instruction.
    Entity,
    /// The parameters of the function or operation called.
    Args,
    /// Its results; for `ret`, the results of the function it stands in.
    Results,
    /// Any object type.
    Object,
    /// Not a value (block, function, operation).
    Name,
}

/// One operand position of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OperandSpec {
    /// Name in the table.
    pub name: &'static str,
    /// The use of the operand.
    pub role: Role,
    /// The type it must have.
    pub pattern: Pattern,
}

/// What an instruction does besides computing its results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Nothing: it may be repeated, moved or dropped.
    Pure,
    /// It may trap, and does nothing else.
    Traps,
    /// It reads memory, and may trap.
    Loads,
    /// It writes or allocates memory, and may trap.
    Stores,
    /// It ends a block.
    Control,
    /// It runs other code.
    Calls,
    /// It opens or ends a region.
    Region,
}

/// One operand of an instruction, for code that treats all alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    /// See [`Role::Def`].
    Def(Reg),
    /// See [`Role::Use`].
    Use(Operand),
    /// See [`Role::Defs`].
    Defs(Box<[Reg]>),
    /// See [`Role::Uses`].
    Uses(Box<[Operand]>),
    /// See [`Role::Lit`].
    Lit(Imm),
    /// See [`Role::Keeps`].
    Keeps(Box<[Reg]>),
    /// See [`Role::Block`].
    Block(BlockId),
    /// See [`Role::Blocks`].
    Blocks(Box<[BlockId]>),
    /// See [`Role::Func`].
    Func(FuncId),
    /// See [`Role::Global`].
    Global(GlobalId),
    /// See [`Role::Const`].
    Const(ConstId),
    /// See [`Role::Op`].
    Op(OpId),
}

/// Like [`Field`], borrowed from an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // as in `Field`
pub enum FieldRef<'a> {
    Def(Reg),
    Use(Operand),
    Defs(&'a [Reg]),
    Uses(&'a [Operand]),
    Lit(Imm),
    Keeps(&'a [Reg]),
    Block(BlockId),
    Blocks(&'a [BlockId]),
    Func(FuncId),
    Global(GlobalId),
    Const(ConstId),
    Op(OpId),
}

/// Like [`Field`], mutably borrowed from an instruction.
#[derive(PartialEq, Eq, Debug)]
#[allow(missing_docs)] // as in `Field`
pub enum FieldMut<'a> {
    Def(&'a mut Reg),
    Use(&'a mut Operand),
    Defs(&'a mut [Reg]),
    Uses(&'a mut [Operand]),
    Lit(&'a mut Imm),
    Keeps(&'a mut [Reg]),
    Block(&'a mut BlockId),
    Blocks(&'a mut [BlockId]),
    Func(&'a mut FuncId),
    Global(&'a mut GlobalId),
    Const(&'a mut ConstId),
    Op(&'a mut OpId),
}
