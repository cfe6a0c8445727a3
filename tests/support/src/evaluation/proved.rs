//! A function without the checks of those accesses that the checker proves, also where no pass
//! would have left them out: so whatever it proves is held against what happens.
//!
//! Invariant: nothing else is changed. So the function does the same, unless the checker is wrong.

use nbc::ir::{BlockId, Inst, Operand, Reg};
use nbc::jit::check;
use nbc::jit::mir::{Address, Field, Func, MirNode, MirOp, Ty};
use std::collections::BTreeSet;

/// A block and the position of a node there.
type Place = (BlockId, usize);

/// `func` with each access by one index unchecked that is proved, and how many those are.
pub fn without_proved_checks(func: &Func) -> (Func, u64) {
    let (all, places) = unchecked(func, |_| true);
    let unproved: BTreeSet<Place> = check::run(&all).unproved.iter().map(|u| (u.block, u.node)).collect();
    let is_proved = |(_, now): &&(Place, Place)| !unproved.contains(now);
    let proved: BTreeSet<Place> = places.iter().filter(is_proved).map(|(before, _)| *before).collect();
    (unchecked(func, |place| proved.contains(&place)).0, proved.len() as u64)
}

/// `func` with accesses by one index unchecked that are wanted: where they were, and where they are.
fn unchecked(func: &Func, is_wanted: impl Fn(Place) -> bool) -> (Func, Vec<(Place, Place)>) {
    let mut func = func.clone();
    let mut places = Vec::new();
    for b in 0..func.blocks.len() {
        let block = BlockId::new(b);
        let mut nodes: Vec<MirNode> = Vec::new();
        for (n, node) in std::mem::take(&mut func.blocks[b].nodes).into_iter().enumerate() {
            let found = tensor_of(&node.op).filter(|_| is_wanted((block, n)));
            let elem = found.and_then(|(tensor, _)| func.elem(tensor)).filter(|elem| elem.part().is_none());
            let (Some((tensor, index)), Some(elem)) = (found, elem) else {
                nodes.push(node);
                continue;
            };
            let base = func.reg(Ty::Ptr);
            let at = Address { base, index, scale: elem.size() as u8, offset: 0 };
            let op = match node.op {
                MirOp::Inst(Inst::TensorLoad { dst, .. }) => MirOp::Load { dst, elem, at },
                MirOp::Inst(Inst::TensorStore { value, .. }) => MirOp::Store { elem, at, value },
                op => op, // there is no other
            };
            let data = MirOp::Field { dst: base, tensor, field: Field::Data };
            nodes.push(MirNode { op: data, ..node });
            places.push(((block, n), (block, nodes.len())));
            nodes.push(MirNode { op, ..node });
        }
        func.blocks[b].nodes = nodes;
    }
    (func, places)
}

/// The tensor and the index of an access by one index.
fn tensor_of(op: &MirOp) -> Option<(Reg, Operand)> {
    match op {
        MirOp::Inst(
            Inst::TensorLoad { x: Operand::Reg(tensor), i, .. }
            | Inst::TensorStore { x: Operand::Reg(tensor), i, .. },
        ) => Some((*tensor, *i)),
        _ => None,
    }
}
