//! Bytecode to the mid-end's representation.

use super::shape::shapes;
use super::{Block, Entry, Func, Homes, MirNode, MirOp, Origin, Ty};
use nbc_ir::{BlockId, FuncId, Imm, Inst, Reg, VerifiedModule};
use nbc_runtime::plan::{HostStep, Plan};
use std::sync::Arc;

/// Function `id` of `module`, entered by a call.
///
/// # Panics
/// When the function is an import.
pub fn build(module: &VerifiedModule, id: FuncId) -> Func {
    let mut func = translate(module, id);
    // The entry is entered from outside only.
    let mut is_target = false;
    func.blocks.iter().for_each(|b| b.for_each_successor(|to| is_target |= to.index() == 0));
    if is_target {
        func.enter_at(BlockId(0), 0);
    }
    func
}

/// Function `id` of `module`, to go on with a run of the interpreter at
/// instruction `inst` of `block`, which a run can reach.
///
/// # Panics
/// When the function is an import, or there is no such instruction.
pub fn build_resumed(module: &VerifiedModule, id: FuncId, block: BlockId, inst: usize) -> Func {
    let mut func = translate(module, id);
    func.resume(block, inst);
    func
}

impl Func {
    /// The function as built, or resumed, with the steps of `plan` before what they are for. A step has the
    /// origin of that, and no pass moves anything over it.
    pub fn following(mut self, plan: &Arc<Plan>) -> Func {
        self.plan = plan.clone();
        if !plan.has_host_steps(self.id) {
            return self;
        }
        let leads_on = self.leads_on();
        for block in self.blocks.iter_mut().skip(usize::from(leads_on)) {
            let nodes = std::mem::take(&mut block.nodes);
            for node in nodes {
                let Origin { func, block: b, inst, .. } = self.origins[node.origin as usize];
                block.nodes.extend(plan.host_steps(func, b, inst).map(|HostStep { tensor, write }| {
                    let step = Inst::TensorToHost { x: tensor.into(), write: Imm::Bool(write) };
                    MirNode { op: MirOp::Inst(step), origin: node.origin }
                }));
                block.nodes.push(node);
            }
        }
        self
    }
}

impl Func {
    /// Whether the entry is no block of the bytecode and only leads to one.
    pub fn leads_on(&self) -> bool {
        let [MirNode { op: MirOp::Inst(Inst::Br { target }), origin }] = self.blocks[0].nodes[..] else {
            return false;
        };
        self.blocks[target.index()].nodes.first().is_some_and(|n| n.origin == origin)
    }
}

/// Whether the node at `n` is a step of the plan's: those of the bytecode have an origin of their own.
pub fn is_step(nodes: &[MirNode], n: usize) -> bool {
    matches!(nodes[n].op, MirOp::Inst(Inst::TensorToHost { .. }))
        && nodes.get(n + 1).is_some_and(|next| next.origin == nodes[n].origin)
}

fn translate(module: &VerifiedModule, id: FuncId) -> Func {
    let function = module.function(id).expect("imports have no code");
    let facts = module.facts(id);
    let sig = &module.sigs[function.sig.index()];
    let mut origins = Vec::new();
    let reachable =
        function.blocks.iter().zip(&facts.block_depth).filter(|(_, d)| **d != u32::MAX).map(|(b, _)| b);
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
                MirNode { op: MirOp::Inst(inst.clone()), origin: origins.len() as u32 - 1 }
            });
            Block { nodes: nodes.collect(), cold: false }
        })
        .collect();
    Func {
        id,
        name: module.func_name(id),
        entry: Entry::Call { params: sig.params.len() },
        results: sig.results.clone(),
        own_region: facts.makes_objects,
        regs: function.regs.iter().map(|t| Ty::Value(*t)).collect(),
        shapes: shapes(module, reachable, function.regs.len(), sig.params.len()),
        blocks,
        origins,
        homes: vec![Homes { first: Reg(0), count: function.regs.len() as u32, func: id, from: Reg(0) }],
        plan: Arc::default(),
    }
}
