//! Work that lowering leaves for Cranelift's optimiser.
//!
//! The optimiser takes a fifth of the time in which a small function is compiled. It
//! is wanted for addresses and headers, which lowering takes apart again at each
//! access. It is also wanted for division by literals, which becomes multiplication,
//! and integers of which only a part is wanted. Last, it moves out what is the same
//! in each iteration of a loop. Other arithmetic comes out of the mid-end as good as
//! it gets.

use super::phis::Phis;
use crate::mir::{Func, MirOp};
use nbc_ir::flow::{Cfg, Loops};
use nbc_ir::inst::{Effect, Imm};
use nbc_ir::{Inst, Opcode, Operand};
use nbc_runtime::machine::micro::DivisionOp;

/// Whether Cranelift's optimiser has something to do in what `func` is lowered to.
pub fn has_leftovers(func: &Func, cfg: &Cfg, loops: &Loops, phis: &Phis) -> bool {
    // In how many loops each register with one definition is written.
    let mut made_at = vec![0; func.regs.len()];
    for block in cfg.rpo() {
        let depth = loops.depth(*block);
        for node in &func.blocks[block.index()].nodes {
            if !is_plain(&node.op) {
                return true;
            }
            if depth == 0 {
                continue;
            }
            node.op.for_each_def(|r| made_at[r.index()] = depth);
            let (mut reads, mut is_same_each_iteration) = (false, is_computed(&node.op));
            node.op.for_each_use(|r| {
                reads = true;
                is_same_each_iteration &= !phis.many[r.index()] && made_at[r.index()] < depth;
            });
            if reads && is_same_each_iteration {
                return true;
            }
        }
    }
    false
}

/// Whether `op` does nothing but compute its result from its operands.
fn is_computed(op: &MirOp) -> bool {
    matches!(op, MirOp::Inst(inst) if inst.opcode().effect() == Effect::Pure && inst.opcode() != Opcode::Copy)
}

/// Whether nothing better can be made of what `op` is lowered to.
fn is_plain(op: &MirOp) -> bool {
    let inst = match op {
        MirOp::Inst(inst) => inst,
        MirOp::Charge { .. } | MirOp::Charges { .. } | MirOp::Prepay { .. } | MirOp::Spend { .. } => {
            return true;
        }
        MirOp::VerifyRange { .. } => return true,
        _ => return false,
    };
    match inst {
        Inst::Call { .. } | Inst::CallRef { .. } => true,
        Inst::TensorLen { .. } | Inst::TensorRank { .. } | Inst::TensorDim { .. } => false,
        Inst::ListLen { .. } | Inst::ConstGet { .. } | Inst::GlobalGet { .. } => false,
        // The low half.
        Inst::I64And { a, b, .. } => ![a, b].contains(&&Operand::Imm(Imm::I64(0xffff_ffff))),
        // Where bits are put together it may be a rotation.
        Inst::I32Or { .. } | Inst::I64Or { .. } => false,
        Inst::I32WrapI64 { .. } | Inst::I64ExtendI32 { .. } | Inst::I64ExtendI32U { .. } => false,
        Inst::I32Extend8 { .. } | Inst::I32Extend16 { .. } => false,
        Inst::I64Extend8 { .. } | Inst::I64Extend16 { .. } | Inst::I64Extend32 { .. } => false,
        _ => {
            let opcode = inst.opcode();
            let mut has_literal = false;
            op.for_each_operand(|o| has_literal |= matches!(o, Operand::Imm(_)));
            let is_division = DivisionOp::from_opcode(opcode).is_some();
            match opcode.effect() {
                Effect::Pure | Effect::Control => true,
                Effect::Traps => !(is_division && has_literal),
                _ => false,
            }
        }
    }
}
