//! Bytecode to the mid-end's representation.

use super::{Block, Entry, Func, Liveness, Node, Op, Origin, Ty};
use nbc_ir::{BlockId, FuncId, Inst, VerifiedModule};

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

impl Func {
    /// Makes an entry that runs what is left of `block` from instruction
    /// `inst` on. The old entry stays where it was led to from.
    fn enter_at(&mut self, block: BlockId, inst: usize) {
        let moved = BlockId::new(self.blocks.len());
        let old = std::mem::take(&mut self.blocks[0]);
        self.blocks.push(old);
        for b in &mut self.blocks {
            b.retarget(BlockId(0), moved);
        }
        let block = if block.index() == 0 { moved } else { block };
        let rest = &self.blocks[block.index()].nodes[inst..];
        self.blocks[0].nodes = if inst == 0 {
            let origin = rest.first().map_or(0, |n| n.origin);
            vec![Node { op: Op::Inst(Inst::Br { target: block }), origin }]
        } else {
            rest.to_vec()
        };
    }

    /// Turns a function as built into one that goes on with a run of the
    /// interpreter at instruction `inst` of `block`.
    pub fn resume(&mut self, block: BlockId, inst: usize) {
        self.enter_at(block, inst);
        let cfg = self.graph();
        let live = Liveness::new(self, &cfg);
        self.entry = Entry::Resume { live: live.at(BlockId(0)).map(|r| (r, r.0)).collect() };
    }
}
