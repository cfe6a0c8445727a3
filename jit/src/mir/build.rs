//! Bytecode to the mid-end's representation.

use super::{Block, Entry, Func, Node, Op, Origin, Ty};
use nbc_ir::{BlockId, FuncId, VerifiedModule};

/// Function `id` of `module`, entered by a call.
///
/// # Panics
/// When the function is an import.
pub fn build(module: &VerifiedModule, id: FuncId) -> Func {
    let function = module.function(id).expect("imports have no code");
    let facts = module.facts(id);
    let sig = &module.sigs[function.sig.index()];
    let mut origins = Vec::new();
    let blocks = function
        .blocks
        .iter()
        .enumerate()
        .map(|(b, block)| {
            // What cannot be reached has not been checked either.
            if facts.block_depth[b] == u32::MAX {
                return Block::default();
            }
            let nodes = block.insts.iter().enumerate().map(|(i, inst)| {
                origins.push(Origin { func: id, block: b as u32, inst: i as u32, caller: None });
                Node { op: Op::Inst(inst.clone()), origin: origins.len() as u32 - 1 }
            });
            Block { nodes: nodes.collect(), cold: false }
        })
        .collect();
    let mut func = Func {
        id,
        name: module.func_name(id),
        entry: Entry::Call { params: sig.params.len() },
        results: sig.results.clone(),
        own_region: facts.makes_objects,
        regs: function.regs.iter().map(|t| Ty::Value(*t)).collect(),
        blocks,
        origins,
    };
    // The entry is entered from outside only.
    if func.blocks.iter().any(|b| {
        let mut to_entry = false;
        b.for_each_successor(|to| to_entry |= to.index() == 0);
        to_entry
    }) {
        func.enter_at(BlockId(0), 0);
    }
    func
}
