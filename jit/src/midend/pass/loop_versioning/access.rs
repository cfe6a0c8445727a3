//! Accesses to elements of tensors: how a checked one is read, and how it is
//! written without its check.
//!
//! Invariant: an unchecked access goes to the address that the checked one goes
//! to where it does not trap.

use crate::midend::analysis::induction::Induction;
use crate::midend::analysis::values::{Arg, Value};
use crate::mir::{Address, Field, Func, MirNode, MirOp};
use nbc_ir::inst::Imm;
use nbc_ir::{BlockId, Elem, Inst, Opcode, Operand, Reg, Type};

/// Largest literal index that goes into the offset of an address.
const MAX_OFFSET: i64 = 1 << 20;

/// A node that reads or writes an element, and checks that it is there.
#[derive(Clone, Debug)]
pub struct Access {
    /// Its block.
    pub block: BlockId,
    /// Its position in the block.
    pub node: usize,
    /// The tensor.
    pub tensor: Value,
    /// Element type; for complex elements that of a part.
    pub elem: Elem,
    /// Bytes from one element to the next.
    pub scale: u8,
    /// Bytes from the element on.
    pub offset: i32,
    /// One index, or as many as the rank wanted.
    pub index: Vec<Arg>,
    /// The same as operands.
    pub operands: Vec<Operand>,
    /// Whether it writes.
    pub write: bool,
}

/// Whether an instruction reads or writes an element.
pub fn is_checked(inst: &Inst) -> bool {
    use Opcode::*;
    let by_parts = [TensorLoadRe, TensorLoadIm, TensorStoreRe, TensorStoreIm];
    let whole = [TensorLoad, TensorStore, TensorLoad2, TensorStore2, TensorLoad3, TensorStore3];
    by_parts.contains(&inst.opcode()) || whole.contains(&inst.opcode())
}

impl Access {
    /// The access that a node is.
    pub fn of(it: &Induction, block: BlockId, node: usize) -> Option<Access> {
        let op = &it.func.blocks[block.index()].nodes[node].op;
        let MirOp::Inst(inst) = op else { return None };
        let (x, operands, part) = match *inst {
            Inst::TensorLoad { x, i, .. } | Inst::TensorStore { x, i, .. } => (x, vec![i], None),
            Inst::TensorLoad2 { x, i, j, .. } | Inst::TensorStore2 { x, i, j, .. } => (x, vec![i, j], None),
            Inst::TensorLoad3 { x, i, j, k, .. } | Inst::TensorStore3 { x, i, j, k, .. } => {
                (x, vec![i, j, k], None)
            }
            Inst::TensorLoadRe { x, i, .. } | Inst::TensorStoreRe { x, i, .. } => (x, vec![i], Some(0)),
            Inst::TensorLoadIm { x, i, .. } | Inst::TensorStoreIm { x, i, .. } => (x, vec![i], Some(1)),
            _ => return None,
        };
        let Operand::Reg(reg) = x else { return None };
        let whole = it.func.elem(reg)?;
        let (elem, offset) = match (part, whole.part()) {
            (None, None) => (whole, 0),
            (Some(n), Some(Type::F32)) => (Elem::F32, n * 4),
            (Some(n), Some(Type::F64)) => (Elem::F64, n * 8),
            _ => return None,
        };
        let mut write = true;
        inst.for_each_def(|_| write = false);
        let args = it.values.args(op, block, node);
        let Arg::Value(tensor) = args[0] else { return None };
        Some(Access {
            block,
            node,
            tensor: it.original(tensor),
            elem,
            scale: whole.size() as u8,
            offset,
            index: args[1..=operands.len()].to_vec(),
            operands,
            write,
        })
    }

    /// What index `n` has to be less than.
    pub fn length(&self, n: usize) -> Field {
        match (self.index.len(), n, self.write) {
            (1, _, false) => Field::Len,
            (1, _, true) => Field::WritableLen,
            (_, 0, true) => Field::WritableDim0,
            (_, n, _) => Field::Dim(n as u8),
        }
    }

    /// The fields that the address is computed with.
    pub fn fields(&self) -> impl Iterator<Item = Field> + use<> {
        std::iter::once(Field::Data).chain((1..self.index.len() as u8).map(Field::Dim))
    }

    /// Puts the access, unchecked, at the end of `nodes`, with the registers
    /// that hold fields of the tensor.
    pub fn unchecked(
        &self,
        func: &mut Func,
        node: &MirNode,
        field: impl Fn(Field) -> Reg,
        nodes: &mut Vec<MirNode>,
    ) {
        let origin = node.origin;
        let mut index = self.operands[0];
        let mut offset = self.offset;
        for (n, next) in self.operands.iter().enumerate().skip(1) {
            let mut push = |make: &dyn Fn(Reg) -> Inst| -> Operand {
                let dst = func.value(Type::I64);
                nodes.push(MirNode { op: MirOp::Inst(make(dst)), origin });
                dst.into()
            };
            let (rows, dim) = (index, field(Field::Dim(n as u8)));
            if rows != Operand::from(0i64) {
                index = push(&|dst| Inst::I64Mul { dst, a: rows, b: dim.into() });
            }
            let is_last = n + 1 == self.operands.len();
            match *next {
                Operand::Imm(Imm::I64(by @ 0..=MAX_OFFSET)) if required!(is_last) => {
                    offset += by as i32 * i32::from(self.scale);
                }
                next if index == Operand::from(0i64) => index = next,
                next => {
                    let row = index;
                    index = push(&|dst| Inst::I64Add { dst, a: row, b: next });
                }
            }
        }
        let at = Address { base: field(Field::Data), index, scale: self.scale, offset };
        let MirOp::Inst(inst) = &node.op else { return };
        let op = match *inst {
            Inst::TensorLoad { dst, .. }
            | Inst::TensorLoad2 { dst, .. }
            | Inst::TensorLoad3 { dst, .. }
            | Inst::TensorLoadRe { dst, .. }
            | Inst::TensorLoadIm { dst, .. } => MirOp::Load { dst, elem: self.elem, at },
            Inst::TensorStore { value, .. }
            | Inst::TensorStore2 { value, .. }
            | Inst::TensorStore3 { value, .. }
            | Inst::TensorStoreRe { value, .. }
            | Inst::TensorStoreIm { value, .. } => MirOp::Store { elem: self.elem, at, value },
            _ => return,
        };
        nodes.push(MirNode { op, origin });
    }
}
