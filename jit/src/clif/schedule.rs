//! The order of what a loop's last block computes.
//!
//! Cranelift puts what has no effect where it is first wanted: the next value of
//! a loop's variable, which the loop's condition wants, comes before what still
//! reads the present one. Both are then alive at once, so that each iteration ends by
//! copying the one to the other. Here the next value is computed after the last
//! use of the present one, and both share a register; counters come last.

use cranelift_codegen::Context;
use cranelift_codegen::ir::{Block, BlockArg, Function, Inst, Opcode, Value, ValueDef};

/// Longest block that is looked at.
const MAX_LENGTH: usize = 500;

/// Orders the blocks of an optimised function that lead back to the header of
/// their loop.
pub fn order(context: &mut Context) {
    let Context { func, loop_analysis, .. } = context;
    let headers: Vec<(Block, Block)> = func
        .layout
        .blocks()
        .filter_map(|block| {
            let header = loop_analysis.loop_header(loop_analysis.innermost_loop(block)?);
            Some((block, header))
        })
        .collect();
    for (block, header) in headers {
        for (present, next) in carried(func, block, header) {
            delay(func, block, present, next);
        }
    }
}

/// What a block that leads back to `header` gives its parameters.
fn carried(func: &Function, block: Block, header: Block) -> Vec<(Value, Value)> {
    let Some(branch) = func.layout.last_inst(block) else { return Vec::new() };
    let dfg = &func.dfg;
    let mut pairs = Vec::new();
    for call in dfg.insts[branch].branch_destination(&dfg.jump_tables, &dfg.exception_tables) {
        if call.block(&dfg.value_lists) == header {
            let next = call.args(&dfg.value_lists).map(|arg| match arg {
                BlockArg::Value(value) => Some(value),
                _ => None,
            });
            let both = dfg.block_params(header).iter().zip(next);
            pairs.extend(both.filter_map(|(present, next)| Some((*present, next?))));
        }
    }
    pairs
}

/// Moves the computation of `next`, and of what depends on it, after the last
/// use of `present` in `block`, if nothing wants both.
fn delay(func: &mut Function, block: Block, present: Value, next: Value) {
    let ValueDef::Result(def, _) = func.dfg.value_def(next) else { return };
    if func.layout.inst_block(def) != Some(block) || !is_free(func, def) {
        return;
    }
    let insts: Vec<Inst> = func.layout.block_insts(block).take(MAX_LENGTH + 1).collect();
    if insts.len() > MAX_LENGTH {
        return;
    }
    let reads = |inst: Inst| func.dfg.inst_values(inst).any(|v| v == present);
    let Some(first) = insts.iter().position(|inst| *inst == def) else { return };
    let Some(branch) = insts.iter().position(|inst| func.dfg.insts[*inst].opcode().is_branch()) else {
        return;
    };
    // A counter moves to the end, where it takes nothing from what others wait
    // for; what else is alive must not be so for longer than it need be.
    let counts = func.dfg.inst_values(def).all(|v| v == present || is_constant(func, v));
    let last = insts[..branch].iter().rposition(|inst| *inst != def && (counts || reads(*inst)));
    let Some(last) = last.filter(|last| *last > first) else { return };
    if insts[branch..].iter().any(|inst| reads(*inst)) {
        return;
    }
    let mut moving = vec![def];
    for inst in &insts[first + 1..=last] {
        let depends = func.dfg.inst_values(*inst).any(
            |value| matches!(func.dfg.value_def(value), ValueDef::Result(from, _) if moving.contains(&from)),
        );
        if depends {
            if !is_free(func, *inst) || reads(*inst) {
                return;
            }
            moving.push(*inst);
        }
    }
    // What ends the block comes after all of them.
    let Some(before) = insts.get(last + 1) else { return };
    for inst in moving {
        func.layout.remove_inst(inst);
        func.layout.insert_inst(inst, *before);
    }
}

fn is_constant(func: &Function, value: Value) -> bool {
    let ValueDef::Result(inst, _) = func.dfg.value_def(value) else { return false };
    matches!(func.dfg.insts[inst].opcode(), Opcode::Iconst | Opcode::F32const | Opcode::F64const)
}

/// Whether an instruction can stand anywhere.
fn is_free(func: &Function, inst: Inst) -> bool {
    let op = func.dfg.insts[inst].opcode();
    !(op.can_trap()
        || op.can_load()
        || op.can_store()
        || op.is_call()
        || op.is_branch()
        || op.is_terminator()
        || op.other_side_effects())
}
