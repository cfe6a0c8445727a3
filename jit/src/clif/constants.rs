//! Constants where they are wanted.
//!
//! Cranelift makes a constant again in each block that uses it, so that it does
//! not hold a register from one use to the next. It does not do so for one that
//! it has come upon before in another branch. That one is made once for all
//! that the block dominates, and is often carried through loops for the sake of
//! ways out of them.

use cranelift_codegen::Context;
use cranelift_codegen::ir::{Block, Inst, InstructionData, Opcode, Value, ValueDef};
use rustc_hash::FxHashMap;

/// Gives each block of an optimised function constants of its own.
pub fn sink(context: &mut Context) {
    let func = &mut context.func;
    let mut copies: FxHashMap<Value, Value> = FxHashMap::default();
    let blocks: Vec<Block> = func.layout.blocks().collect();
    let mut args = Vec::new();
    for block in blocks {
        copies.clear();
        // What a block ends with stays together.
        let mut branch = None;
        let mut next = func.layout.first_inst(block);
        while let Some(inst) = next {
            next = func.layout.next_inst(inst);
            if func.dfg.insts[inst].opcode().is_branch() && branch.is_none() {
                branch = Some(inst);
            }
            args.clear();
            args.extend(func.dfg.inst_values(inst));
            let mut changed = false;
            for arg in &mut args {
                let Some(def) = constant(func, *arg) else { continue };
                if func.layout.inst_block(def) == Some(block) {
                    continue;
                }
                *arg = *copies.entry(*arg).or_insert_with(|| {
                    let copy: Inst = func.dfg.clone_inst(def);
                    func.layout.insert_inst(copy, branch.unwrap_or(inst));
                    func.dfg.first_result(copy)
                });
                changed = true;
            }
            if changed {
                func.dfg.overwrite_inst_values(inst, args.iter().copied());
            }
        }
    }
}

/// The instruction that makes a constant.
fn constant(func: &cranelift_codegen::ir::Function, value: Value) -> Option<Inst> {
    let ValueDef::Result(inst, _) = func.dfg.value_def(value) else { return None };
    match func.dfg.insts[inst] {
        InstructionData::UnaryImm { opcode: Opcode::Iconst, .. } => Some(inst),
        _ => None,
    }
}
