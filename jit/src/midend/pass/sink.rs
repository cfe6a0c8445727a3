//! Code sinking, of stores to one place only: a store that both ways of a
//! branch end with moves behind the place where they meet.
//!
//! A row of a table that is filled by one of two rules has a store in each.
//! As one, every iteration of the loop makes it, which is what
//! [`super::scalar_replacement`] wants to know.
//!
//! Nothing is computed again: each way hands its index and its value on in
//! registers of their own, and the store behind reads those. So it goes where
//! the store of the way that was taken went, whatever that is, and only
//! unchecked stores move, which nobody can tell. That both go to the same
//! place, as residues say, is asked only because it pays then.
//!
//! Proves: nothing of values. Relies on: that accesses without a check cannot trap.

use crate::midend::analysis::Analyses;
use crate::midend::analysis::induction::Induction;
use crate::mir::{Address, Func, MirNode, MirOp};
use nbc_ir::{BlockId, Elem, Inst, Operand, Type};

/// Moves what can be moved.
pub fn run(func: &mut Func, known: &mut Analyses) -> bool {
    let pairs = pairs(func);
    if pairs.is_empty() {
        return false; // there is nothing to do
    }
    let Some(it) = known.induction(func) else { return false };
    let mut changed = false;
    for pair in pairs.into_iter().filter(|pair| worth!(pair.goes_to_one_place(&it))) {
        pair.merge(func);
        changed = true;
    }
    changed
}

/// Two blocks that end with a store to the same tensor and then meet.
struct Pair {
    meet: BlockId,
    ways: [BlockId; 2],
    elem: Elem,
    at: [Address; 2],
    values: [Operand; 2],
}

/// The pairs of a function; no block is in two.
fn pairs(func: &Func) -> Vec<Pair> {
    let stores = |n: &MirNode| matches!(n.op, MirOp::Store { .. });
    if func.blocks.iter().filter(|b| b.nodes.iter().any(stores)).count() < 2 {
        return Vec::new();
    }
    let cfg = func.graph();
    let pair = |meet: &BlockId| match *cfg.preds(*meet) {
        [a, b] if required!(a != b) => Pair::of(func, *meet, [a, b]),
        _ => None,
    };
    cfg.rpo().iter().filter_map(pair).collect()
}

impl Pair {
    fn of(func: &Func, meet: BlockId, ways: [BlockId; 2]) -> Option<Pair> {
        let last = |way: BlockId| match &func.blocks[way.index()].nodes[..] {
            [
                ..,
                MirNode { op: MirOp::Store { elem, at, value }, .. },
                MirNode { op: MirOp::Inst(Inst::Br { target }), .. },
            ] if required!(*target == meet) => Some((*elem, *at, *value)),
            _ => None,
        };
        let ((elem, a, x), (of_other, b, y)) = (last(ways[0])?, last(ways[1])?);
        let same = required!(elem == of_other)
            && required!(a.base == b.base)
            && required!((a.scale, a.offset) == (b.scale, b.offset));
        same.then_some(Pair { meet, ways, elem, at: [a, b], values: [x, y] }) // marked above
    }

    /// Whether both stores go to the same place of the same tensor.
    fn goes_to_one_place(&self, it: &Induction) -> bool {
        let args = self.ways.map(|way| {
            let nodes = &it.func.blocks[way.index()].nodes;
            let store = nodes.len() - 2;
            it.values.args(&nodes[store].op, way, store)
        });
        let index = |n: usize| it.index(args[n][1]);
        args[0][0] == args[1][0] && index(0).is_some() && index(0) == index(1)
    }

    fn merge(self, func: &mut Func) {
        let index = func.value(Type::I64);
        let value = func.reg(func.ty(self.values[0]));
        for (n, way) in self.ways.into_iter().enumerate() {
            let nodes = &mut func.blocks[way.index()].nodes;
            let store = nodes.len() - 2;
            let origin = nodes[store].origin;
            let copies = [(index, self.at[n].index), (value, self.values[n])];
            let copies = copies.map(|(dst, a)| MirNode { op: MirOp::Inst(Inst::Copy { dst, a }), origin });
            nodes.splice(store..=store, copies);
        }
        let at = Address { index: index.into(), ..self.at[0] };
        let nodes = &mut func.blocks[self.meet.index()].nodes;
        let origin = nodes[0].origin;
        nodes.insert(0, MirNode { op: MirOp::Store { elem: self.elem, at, value: value.into() }, origin });
    }
}
