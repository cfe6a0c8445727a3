//! In long functions, values that are alive for long are in memory.
//!
//! Cranelift's register allocator looks at all uses of a value each time it
//! splits it. It takes a value that is handed from block to block to be one
//! value as far as it can. The context is used all over a function of thousands
//! of blocks, and some variables are written all over it. For those that takes
//! time which grows with their square.

use cranelift_codegen::Context;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{
    Block, Function, Inst, InstBuilder, InstructionData, StackSlot, StackSlotData, StackSlotKind, Value,
    ValueDef, types,
};
use rustc_hash::{FxHashMap, FxHashSet};

/// Blocks of which one takes its parameters from memory. A value that is used
/// in more is there as well.
const SPAN: usize = 64;

/// Has values go through memory. For functions that Cranelift has not looked
/// at yet.
pub fn run(context: &mut Context) {
    let func = &mut context.func;
    func.dfg.resolve_all_aliases();
    let blocks: Vec<Block> = func.layout.blocks().collect();
    store_values(func, &blocks, SPAN);
    cut_spans(func, &blocks, SPAN);
}

/// Stores values that are used in more than `most` blocks where they are made,
/// and loads them in each block that uses them.
fn store_values(func: &mut Function, blocks: &[Block], most: usize) {
    // By value, the last block that uses it, and how many do.
    let mut users: FxHashMap<Value, (Block, usize)> = FxHashMap::default();
    for block in blocks {
        for inst in func.layout.block_insts(*block) {
            for value in func.dfg.inst_values(inst) {
                let (last, count) = users.entry(value).or_insert((*block, 1));
                if std::mem::replace(last, *block) != *block {
                    *count += 1;
                }
            }
        }
    }
    let mut long: Vec<Value> = users.iter().filter(|(_, (_, n))| *n > most).map(|(v, _)| *v).collect();
    long.sort_unstable();
    let mut homes: FxHashMap<Value, (Block, StackSlot)> = FxHashMap::default();
    for value in long {
        let (block, after) = match func.dfg.value_def(value) {
            ValueDef::Param(block, _) => (Some(block), None),
            ValueDef::Result(inst, _) => (func.layout.inst_block(inst), Some(inst)),
            ValueDef::Union(..) => continue,
        };
        let Some(block) = block else { continue };
        let home = slot(func);
        homes.insert(value, (block, home));
        let pos = FuncCursor::new(func);
        let mut pos = match after {
            Some(inst) => pos.after_inst(inst),
            None => pos.at_first_insertion_point(block),
        };
        pos.ins().stack_store(types::I64, value, home, 0);
    }
    let mut values = Vec::new();
    for block in blocks {
        let mut here: FxHashMap<Value, Value> = FxHashMap::default();
        let mut next = func.layout.first_inst(*block);
        while let Some(inst) = next {
            next = func.layout.next_inst(inst);
            values.clear();
            values.extend(func.dfg.inst_values(inst));
            let mut changed = false;
            for value in &mut values {
                let Some((_, home)) = homes.get(value).filter(|h| h.0 != *block) else { continue };
                *value = *here.entry(*value).or_insert_with(|| {
                    let ty = func.dfg.value_type(*value);
                    let mut pos = FuncCursor::new(func).at_first_insertion_point(*block);
                    pos.ins().stack_load(types::I64, ty, *home, 0)
                });
                changed = true;
            }
            if changed {
                func.dfg.overwrite_inst_values(inst, values.iter().copied());
            }
        }
    }
}

/// Room for a value.
fn slot(func: &mut Function) -> StackSlot {
    func.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 16, 4))
}

/// Has one of every `span` blocks take its parameters from memory.
fn cut_spans(func: &mut Function, blocks: &[Block], span: usize) {
    let ways = Ways::new(func, blocks);
    let depths = depths(func, blocks);
    let entry = func.layout.entry_block();
    let mut slots = Vec::new();
    let mut taken: FxHashSet<Inst> = FxHashSet::default();
    for start in (0..blocks.len()).step_by(span) {
        // Where it costs least, and cuts most.
        let candidates = (start..blocks.len().min(start + span)).filter(|at| {
            let block = blocks[*at];
            // What two blocks on the ways of one branch take shares its memory.
            let is_free = |way: &Inst| !taken.contains(way);
            Some(block) != entry
                && !func.dfg.block_params(block).is_empty()
                && ways.to(block).is_some_and(|ways| ways.iter().all(is_free))
        });
        let count = |at: usize| func.dfg.block_params(blocks[at]).len();
        if let Some(at) = candidates.min_by_key(|at| (depths[*at], usize::MAX - count(*at))) {
            let ways = ways.to(blocks[at]).unwrap_or_default();
            taken.extend(ways);
            relay(func, blocks[at], ways, &mut slots);
        }
    }
}

/// The branches that lead to each block.
struct Ways {
    to: FxHashMap<Block, Vec<Inst>>,
    /// Blocks whose parameters have to come with the branch.
    fixed: FxHashSet<Block>,
}

impl Ways {
    fn new(func: &Function, blocks: &[Block]) -> Ways {
        let mut ways = Ways { to: FxHashMap::default(), fixed: FxHashSet::default() };
        for branch in blocks.iter().filter_map(|b| func.layout.last_inst(*b)) {
            let dfg = &func.dfg;
            let data = &dfg.insts[branch];
            let is_plain = matches!(data, InstructionData::Jump { .. } | InstructionData::Brif { .. });
            for call in data.branch_destination(&dfg.jump_tables, &dfg.exception_tables) {
                let to = call.block(&dfg.value_lists);
                let list = ways.to.entry(to).or_default();
                if !is_plain || list.last() == Some(&branch) {
                    ways.fixed.insert(to);
                }
                list.push(branch);
            }
        }
        ways
    }

    /// The branches to `block`, if its parameters may go through memory.
    fn to(&self, block: Block) -> Option<&[Inst]> {
        self.to.get(&block).filter(|_| !self.fixed.contains(&block)).map(Vec::as_slice)
    }
}

/// For each of `blocks`, in how many loops it lies, as the order of blocks has it.
fn depths(func: &Function, blocks: &[Block]) -> Vec<i32> {
    let places: FxHashMap<Block, usize> = blocks.iter().enumerate().map(|(at, b)| (*b, at)).collect();
    let mut depths = vec![0; blocks.len() + 1];
    for (from, block) in blocks.iter().enumerate() {
        let Some(branch) = func.layout.last_inst(*block) else { continue };
        let dfg = &func.dfg;
        for call in dfg.insts[branch].branch_destination(&dfg.jump_tables, &dfg.exception_tables) {
            if let Some(to) = places.get(&call.block(&dfg.value_lists)).filter(|to| **to <= from) {
                depths[*to] += 1;
                depths[from + 1] -= 1;
            }
        }
    }
    for at in 1..depths.len() {
        depths[at] += depths[at - 1];
    }
    depths
}

/// Has `block` take its parameters from memory, where `ways` put them.
fn relay(func: &mut Function, block: Block, ways: &[Inst], slots: &mut Vec<StackSlot>) {
    let params = func.dfg.block_params(block).to_vec();
    while slots.len() < params.len() {
        slots.push(slot(func));
    }
    for way in ways {
        let dfg = &func.dfg;
        let calls = dfg.insts[*way].branch_destination(&dfg.jump_tables, &dfg.exception_tables);
        let Some(call) = calls.iter().find(|c| c.block(&dfg.value_lists) == block) else { continue };
        let args: Vec<Value> = call.args(&dfg.value_lists).filter_map(|a| a.as_value()).collect();
        let mut pos = FuncCursor::new(func).at_inst(*way);
        for (arg, slot) in args.into_iter().zip(&*slots) {
            pos.ins().stack_store(types::I64, arg, *slot, 0);
        }
        let dfg = &mut func.dfg;
        let calls = dfg.insts[*way].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables);
        for call in calls {
            if call.block(&dfg.value_lists) == block {
                call.clear(&mut dfg.value_lists);
            }
        }
    }
    func.dfg.detach_block_params(block);
    let mut pos = FuncCursor::new(func).at_first_insertion_point(block);
    for (param, slot) in params.into_iter().zip(&*slots) {
        let ty = pos.func.dfg.value_type(param);
        let value = pos.ins().stack_load(types::I64, ty, *slot, 0);
        pos.func.dfg.change_to_alias(param, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{cut_spans, store_values};
    use cranelift_codegen::ir::{Block, Function};
    use cranelift_codegen::{settings, verify_function};

    /// A loop with a branch in it, of six blocks.
    const LOOP: &str = "function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    jump block1(v0, v1)
block1(v2: i64, v3: i64):
    v4 = iadd v2, v3
    brif v4, block2, block3
block2:
    jump block4(v4)
block3:
    jump block4(v2)
block4(v5: i64):
    v6 = iadd v5, v3
    brif v6, block1(v6, v3), block5(v6, v4)
block5(v7: i64, v8: i64):
    v9 = iadd v7, v8
    return v9
}";

    fn function() -> (Function, Vec<Block>) {
        let func = cranelift_reader::parse_functions(LOOP).expect("a function").remove(0);
        let blocks = func.layout.blocks().collect();
        (func, blocks)
    }

    fn verified(func: &Function) -> String {
        let flags = settings::Flags::new(settings::builder());
        verify_function(func, &flags).expect("a sound function");
        func.to_string()
    }

    #[test]
    fn parameters_go_through_memory_once_a_span() {
        let (mut func, blocks) = function();
        cut_spans(&mut func, &blocks, 4);
        let text = verified(&func);
        // Of the first four blocks the header is the only one; of the rest, what
        // leads to the one that is in no loop leads to the header as well.
        let params: Vec<usize> = func.layout.blocks().map(|b| func.dfg.block_params(b).len()).collect();
        assert_eq!(params, [2, 0, 0, 0, 0, 2], "{text}");
        assert_eq!(text.matches("store").count(), 6, "{text}");
        assert_eq!(text.matches("load").count(), 3, "{text}");
    }

    #[test]
    fn values_that_many_blocks_use_are_in_memory() {
        let (mut func, blocks) = function();
        // v4 is used in three blocks, of which one makes it.
        store_values(&mut func, &blocks, 2);
        let text = verified(&func);
        assert_eq!(text.matches("store").count(), 1, "{text}");
        assert_eq!(text.matches("load").count(), 2, "{text}");
    }
}
