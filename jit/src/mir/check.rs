//! The validator of the form: invariants that every pass must leave behind. For
//! tests and debug builds.

use super::{Entry, Field, Func, MirNode, MirOp, Ty};
use nbc_ir::inst::{FieldRef, Pattern};
use nbc_ir::{Inst, Operand, Type};
use std::fmt::Write;

/// Most words of bits to look for unassigned registers with.
const MAX_WORDS: usize = 4_000_000;

/// Checks reachable blocks: each ends in its only terminator, targets are
/// there, registers are of the types that instructions want, and none is read
/// before it is written.
///
/// # Errors
/// The first thing that is wrong, with the whole function.
pub fn check(func: &Func) -> Result<(), String> {
    find(func).map_err(|mut wrong| {
        let _ = write!(wrong, "\n{func}");
        wrong
    })
}

fn find(func: &Func) -> Result<(), String> {
    for (b, block) in func.blocks.iter().enumerate() {
        let mut missing = None;
        block.for_each_successor(|to| {
            if to.index() >= func.blocks.len() {
                missing = Some(to);
            }
        });
        if let Some(to) = missing {
            return Err(format!("block{b} goes to {to:?}, which is not there"));
        }
    }
    let cfg = func.graph();
    if !cfg.preds(nbc_ir::BlockId(0)).iter().all(|p| !cfg.is_reachable(*p)) {
        return Err("something leads to the entry".to_owned());
    }
    for &block in cfg.rpo() {
        let nodes = &func.blocks[block.index()].nodes;
        for (n, node) in nodes.iter().enumerate() {
            let ends = matches!(&node.op, MirOp::Inst(inst) if inst.opcode().is_terminator());
            if ends != (n + 1 == nodes.len()) {
                return Err(format!("{block:?}: `{}` is out of place", node.op));
            }
            node_in_order(func, node).map_err(|wrong| format!("{block:?}: `{}`: {wrong}", node.op))?;
        }
        if nodes.is_empty() {
            return Err(format!("{block:?} is empty"));
        }
    }
    assigned(func)
}

fn node_in_order(func: &Func, node: &MirNode) -> Result<(), String> {
    if node.origin as usize >= func.origins.len() {
        return Err("origin is not there".to_owned());
    }
    let mut missing = None;
    let mut see = |r: nbc_ir::Reg| {
        if r.index() >= func.regs.len() {
            missing = Some(r);
        }
    };
    node.op.for_each_use(&mut see);
    node.op.for_each_def(&mut see);
    if let Some(r) = missing {
        return Err(format!("{r:?} is not there"));
    }
    match &node.op {
        MirOp::Inst(inst) => types(func, inst),
        MirOp::Field { dst, tensor, field } => {
            let want = if *field == Field::Data { Ty::Ptr } else { Ty::Value(Type::I64) };
            let is_tensor = func.elem(*tensor).is_some();
            want_ty(func, (*dst).into(), want)?;
            if is_tensor { Ok(()) } else { Err("not a tensor".to_owned()) }
        }
        MirOp::Load { at, .. }
        | MirOp::Store { at, .. }
        | MirOp::LoadVector { at, .. }
        | MirOp::StoreVector { at, .. }
        | MirOp::Address { at, .. } => {
            want_ty(func, at.base.into(), Ty::Ptr)?;
            want_ty(func, at.index, Ty::Value(Type::I64))
        }
        MirOp::Verify { at, room, .. } => {
            want_ty(func, at.index, Ty::Value(Type::I64))?;
            want_ty(func, (*room).into(), Ty::Value(Type::I64))
        }
        MirOp::VerifyRange { value, .. } => match func.ty((*value).into()) {
            Ty::Value(Type::I64 | Type::I32) => Ok(()),
            other => Err(format!("{value:?} is {other}, not an integer")),
        },
        MirOp::Charge { cost } => want_ty(func, *cost, Ty::Value(Type::I64)),
        MirOp::Prepay { dst, cost } | MirOp::Spend { dst, cost } => {
            want_ty(func, (*dst).into(), Ty::Value(Type::Bool))?;
            want_ty(func, *cost, Ty::Value(Type::I64))
        }
        MirOp::Splat { .. }
        | MirOp::Vector { .. }
        | MirOp::Lanewise { .. }
        | MirOp::Lane { .. }
        | MirOp::Charges { .. } => Ok(()),
    }
}

fn want_ty(func: &Func, operand: Operand, want: Ty) -> Result<(), String> {
    let ty = func.ty(operand);
    if ty == want { Ok(()) } else { Err(format!("{operand:?} is {ty}, not {want}")) }
}

fn types(func: &Func, inst: &Inst) -> Result<(), String> {
    let mut specs = inst.opcode().operands().iter();
    let mut result = Ok(());
    let mut same = None;
    inst.for_each_field(|field| {
        let spec = specs.next().expect("a row names each field");
        let operand = match field {
            FieldRef::Def(r) => Operand::Reg(r),
            FieldRef::Use(o) => o,
            _ => return,
        };
        let want = match spec.pattern {
            Pattern::Exact(ty) => Ty::Value(ty),
            Pattern::Same => *same.get_or_insert(func.ty(operand)),
            _ => return,
        };
        if result.is_ok() {
            result = want_ty(func, operand, want);
        }
    });
    result
}

fn assigned(func: &Func) -> Result<(), String> {
    let words = func.regs.len().div_ceil(64);
    if words * func.blocks.len() > MAX_WORDS {
        return Ok(());
    }
    let cfg = func.graph();
    let mut at_start = vec![u64::MAX; words * func.blocks.len()];
    at_start[..words].fill(0);
    let mut set = |r: nbc_ir::Reg| at_start[r.index() / 64] |= 1 << (r.0 % 64);
    match &func.entry {
        Entry::Call { params } => (0..*params).map(nbc_ir::Reg::new).for_each(&mut set),
        Entry::Resume { live } => live.iter().for_each(|(r, _)| set(*r)),
    }
    let mut row = vec![0u64; words];
    let mut changed = true;
    while changed {
        changed = false;
        for &block in cfg.rpo() {
            row.copy_from_slice(&at_start[block.index() * words..][..words]);
            for node in &func.blocks[block.index()].nodes {
                node.op.for_each_def(|r| row[r.index() / 64] |= 1 << (r.0 % 64));
            }
            for to in cfg.succs(block) {
                for (a, b) in at_start[to.index() * words..][..words].iter_mut().zip(&row) {
                    changed |= *a & !b != 0;
                    *a &= b;
                }
            }
        }
    }
    for &block in cfg.rpo() {
        row.copy_from_slice(&at_start[block.index() * words..][..words]);
        for node in &func.blocks[block.index()].nodes {
            let mut missing = None;
            node.op.for_each_use(|r| {
                if row[r.index() / 64] >> (r.0 % 64) & 1 == 0 {
                    missing = Some(r);
                }
            });
            if let Some(r) = missing {
                return Err(format!("{block:?}: `{}` reads {r:?} unassigned", node.op));
            }
            node.op.for_each_def(|r| row[r.index() / 64] |= 1 << (r.0 % 64));
        }
    }
    Ok(())
}
