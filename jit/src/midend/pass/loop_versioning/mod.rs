//! Bounds-check elimination by loop versioning: a nest of loops without checks,
//! and its copy with them.
//!
//! It may be known before a nest of loops how far its indices reach. Then a
//! guard in the preheader computes that and compares it with the lengths of the
//! tensors. If all is well, the nest runs without those checks; else a copy of
//! it runs that is as it was, and traps where the program says. Nothing is
//! moved: an access that is never reached is never made.
//!
//! A nest is guarded as far out as the extents are sure to be those that the
//! program reaches. A branch may skip an access, or its index may only be known
//! to lie in some range. Such an access has its guard at its own loop, where
//! failing costs least. The original blocks become those without checks, the
//! copies are cold.
//!
//! Proves: that every index of an access lies in its tensor whenever the guard holds. Relies on:
//! [`crate::midend::analysis::induction`], each conclusion of which is settled here by a range, or by a condition
//! of the guard.

mod access;
mod emit;
mod extent;
mod level;
mod plan;
#[cfg(test)]
mod tests;

use crate::midend::analysis::Analyses;
use crate::midend::analysis::induction::Induction;
use crate::midend::analysis::loops::Copies;
use crate::mir::{Block, Func, MirNode, MirOp};
use access::Access;
use emit::{FieldKey, Saved, Writer, key};
use nbc_ir::{BlockId, Inst, Reg};
use plan::{Plans, plan};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Takes bounds checks out of the loops of `func`.
pub fn run(func: &mut Func, known: &mut Analyses) -> bool {
    let is_access = |n: &MirNode| matches!(&n.op, MirOp::Inst(inst) if access::is_checked(inst));
    if !func.blocks.iter().flat_map(|b| &b.nodes).any(is_access) {
        return false;
    }
    let (forest, changed) = known.with_preheaders(func);
    if forest.loops.is_empty() {
        return changed;
    }
    let Some(it) = known.induction(func) else { return changed };
    let plans = plan(&it);
    if plans.accesses.is_empty() {
        return changed;
    }
    Rewrite::new(&it, func, &plans).run();
    true
}

/// Carries out plans.
struct Rewrite<'a> {
    it: &'a Induction,
    func: &'a mut Func,
    plans: &'a Plans,
    /// Accesses of each block, as positions in the list.
    by_block: FxHashMap<BlockId, Vec<usize>>,
    saved: Saved,
    /// By plan, registers with fields of tensors.
    fields: Vec<BTreeMap<(crate::midend::analysis::values::Value, FieldKey), Reg>>,
}

impl<'a> Rewrite<'a> {
    fn new(it: &'a Induction, func: &'a mut Func, plans: &'a Plans) -> Rewrite<'a> {
        let mut by_block: FxHashMap<BlockId, Vec<usize>> = FxHashMap::default();
        for (n, (access, _)) in plans.accesses.iter().enumerate() {
            by_block.entry(access.block).or_default().push(n);
        }
        Rewrite { it, func, plans, by_block, saved: Saved::default(), fields: Vec::new() }
    }

    fn run(mut self) {
        // Guards first: they say which registers hold what.
        let mut guards = Vec::new();
        for (p, plan) in self.plans.list.iter().enumerate() {
            let preheader = self.it.forest.get(plan.id).preheader.expect("only such loops are planned");
            let mut writer = Writer::new(self.it, self.func, &mut self.saved, preheader);
            let cond = writer.guard(&plan.guard);
            for (access, of) in &self.plans.accesses {
                if *of == p {
                    access.fields().for_each(|field| {
                        writer.field(access.tensor, field);
                    });
                }
            }
            let nodes = std::mem::take(&mut writer.nodes);
            self.fields.push(std::mem::take(&mut writer.fields));
            guards.push((preheader, cond, nodes));
        }
        let mut slow = Vec::new();
        for (p, plan) in self.plans.list.iter().enumerate() {
            slow.push(guards[p].1.map(|_| self.slow_copy(plan.id)));
        }
        let mut blocks: Vec<BlockId> = self.by_block.keys().copied().collect();
        blocks.extend(self.saved.copies.keys().map(|k| k.0));
        blocks.sort_unstable();
        blocks.dedup();
        for block in blocks {
            let nodes = self.contents(block, |_| true);
            self.func.blocks[block.index()].nodes = self.with_copies(block, nodes);
        }
        for ((preheader, cond, nodes), slow) in guards.into_iter().zip(slow) {
            let block = &mut self.func.blocks[preheader.index()];
            let Some(last) = block.nodes.pop() else { continue };
            block.nodes.extend(nodes);
            let last = match (last.op, cond, slow) {
                (MirOp::Inst(Inst::Br { target }), Some(cond), Some(slow)) => {
                    let inst = Inst::BrIf { cond: cond.into(), then_to: target, else_to: slow };
                    MirNode { op: MirOp::Inst(inst), origin: last.origin }
                }
                (op, ..) => MirNode { op, origin: last.origin },
            };
            block.nodes.push(last);
        }
    }

    /// A copy of a loop with the checks that it is there to save, but not
    /// those that loops around it save. Where it begins.
    fn slow_copy(&mut self, id: crate::midend::analysis::loops::LoopId) -> BlockId {
        let blocks = self.it.forest.blocks(id);
        let mut contents = Vec::with_capacity(blocks.len());
        for block in &blocks {
            let nodes = self.contents(*block, |p| {
                let outer = self.plans.list[p].id;
                required!(outer != id) && required!(self.it.forest.encloses(outer, id))
            });
            contents.push(Block { nodes: self.with_copies(*block, nodes), cold: true });
        }
        let header = blocks[0];
        Copies::with(self.func, blocks, contents).of(header)
    }

    /// Nodes of a block, with their old positions, accesses under plans that
    /// `is_fast` accepts being unchecked.
    fn contents(&mut self, block: BlockId, is_fast: impl Fn(usize) -> bool) -> Vec<(usize, MirNode)> {
        let old = &self.it.func.blocks[block.index()].nodes;
        let mut accesses = self.by_block.get(&block).map_or(&[][..], |list| list).iter().peekable();
        let mut nodes = Vec::with_capacity(old.len());
        for (n, node) in old.iter().enumerate() {
            let at = |i: &usize| -> &(Access, usize) { &self.plans.accesses[*i] };
            let access = accesses.next_if(|i| at(i).0.node == n).map(at);
            match access.filter(|(_, p)| is_fast(*p)) {
                Some((access, p)) => {
                    let fields = &self.fields[*p];
                    let mut made = Vec::new();
                    let field = |f| fields[&(access.tensor, key(f))];
                    access.unchecked(self.func, node, field, &mut made);
                    nodes.extend(made.into_iter().map(|node| (n, node)));
                }
                None => nodes.push((n, node.clone())),
            }
        }
        nodes
    }

    /// Adds copies of values that are still wanted when their registers have
    /// been written again.
    fn with_copies(&self, block: BlockId, nodes: Vec<(usize, MirNode)>) -> Vec<MirNode> {
        let mut out = Vec::with_capacity(nodes.len());
        let mut copies = self.saved.copies.range((block, 0)..=(block, usize::MAX)).peekable();
        for (n, node) in nodes {
            while let Some((_, list)) = copies.next_if(|(place, _)| place.1 <= n) {
                for (from, to) in list {
                    let copy = Inst::Copy { dst: *to, a: (*from).into() };
                    out.push(MirNode { op: MirOp::Inst(copy), origin: node.origin });
                }
            }
            out.push(node);
        }
        out
    }
}
