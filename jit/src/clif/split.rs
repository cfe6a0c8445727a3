//! Values that an innermost loop reads and does not change get names of their
//! own there.
//!
//! Cranelift's register allocator weighs a value by its uses over the length of
//! code it is alive in. One that is made at the start of a function and wanted in
//! each iteration of a loop at its end weighs little. It ends in memory, from
//! where each iteration takes it. Under a name that is alive in the loop only it
//! weighs a lot; where both can share a register they do.

use cranelift_codegen::Context;
use cranelift_codegen::ir::{Block, Value, ValueDef};
use rustc_hash::{FxHashMap, FxHashSet};

/// More values than there are registers find none there either.
const MAX_VALUES: usize = 16;

/// Gives the innermost loops of an optimised function names of their own.
pub fn innermost_loops(context: &mut Context) {
    let Context { func, loop_analysis, .. } = context;
    let outer: FxHashSet<_> = loop_analysis.loops().filter_map(|l| loop_analysis.loop_parent(l)).collect();
    let mut bodies: FxHashMap<Block, Vec<Block>> = FxHashMap::default();
    for block in func.layout.blocks() {
        if let Some(inner) = loop_analysis.innermost_loop(block).filter(|l| !outer.contains(l)) {
            bodies.entry(loop_analysis.loop_header(inner)).or_default().push(block);
        }
    }
    bodies.retain(|header, _| !func.layout.is_cold(*header));
    if bodies.is_empty() {
        return;
    }
    let mut ways_to: FxHashMap<Block, Vec<Block>> = FxHashMap::default();
    for block in func.layout.blocks() {
        let Some(branch) = func.layout.last_inst(block) else { continue };
        let dfg = &func.dfg;
        for call in dfg.insts[branch].branch_destination(&dfg.jump_tables, &dfg.exception_tables) {
            let to = call.block(&dfg.value_lists);
            let ways = ways_to.entry(to).or_default();
            if bodies.contains_key(&to) && !ways.contains(&block) {
                ways.push(block);
            }
        }
    }
    let mut headers: Vec<Block> = bodies.keys().copied().collect();
    headers.sort_unstable();
    for header in headers {
        let body = &bodies[&header];
        let names = rename(func, header, body);
        for from in ways_to.get(&header).into_iter().flatten() {
            let Some(branch) = func.layout.last_inst(*from) else { continue };
            let dfg = &mut func.dfg;
            let calls =
                dfg.insts[branch].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables);
            for call in calls {
                if call.block(&dfg.value_lists) == header {
                    for (outside, inside) in &names {
                        let value = if body.contains(from) { *inside } else { *outside };
                        call.append_argument(value, &mut dfg.value_lists);
                    }
                }
            }
        }
    }
}

/// Makes the names, and has what is in the loop use them.
fn rename(func: &mut cranelift_codegen::ir::Function, header: Block, body: &[Block]) -> Vec<(Value, Value)> {
    let mut outside = Vec::new();
    for block in body.iter().filter(|b| !func.layout.is_cold(**b)) {
        for inst in func.layout.block_insts(*block) {
            for value in func.dfg.inst_values(inst) {
                let home = match func.dfg.value_def(value) {
                    ValueDef::Result(def, _) => func.layout.inst_block(def),
                    ValueDef::Param(block, _) => Some(block),
                    ValueDef::Union(..) => None,
                };
                if home.is_some_and(|home| !body.contains(&home)) && !outside.contains(&value) {
                    outside.push(value);
                }
            }
        }
    }
    if outside.len() > MAX_VALUES {
        return Vec::new();
    }
    let names: Vec<(Value, Value)> = outside
        .into_iter()
        .map(|value| {
            let ty = func.dfg.value_type(value);
            (value, func.dfg.append_block_param(header, ty))
        })
        .collect();
    let mut values = Vec::new();
    for block in body {
        let mut next = func.layout.first_inst(*block);
        while let Some(inst) = next {
            next = func.layout.next_inst(inst);
            let inside = |v: Value| names.iter().find(|n| n.0 == v).map(|n| n.1);
            values.clear();
            values.extend(func.dfg.inst_values(inst));
            if values.iter().any(|v| inside(*v).is_some()) {
                values.iter_mut().for_each(|v| *v = inside(*v).unwrap_or(*v));
                func.dfg.overwrite_inst_values(inst, values.iter().copied());
            }
        }
    }
    names
}
