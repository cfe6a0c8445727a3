//! Moves a store that both ways of a branch end with behind the place where
//! they meet.
//!
//! A row of a table that is filled by one of two rules has a store in each.
//! As one, every turn of the loop makes it, which is what [`super::carry`]
//! wants to know. Only unchecked stores move, which nobody can tell; where they
//! go is computed again from what neither way has changed.

use crate::mir::{Address, Func, Node, Op};
use nbc_ir::{BlockId, Elem, Inst, Operand, Reg};

/// Most nodes that compute an address.
const MAX_INDEX: usize = 8;

/// Moves what can be moved.
pub fn run(func: &mut Func) -> bool {
    let stores = |n: &Node| matches!(n.op, Op::Store { .. });
    if func.blocks.iter().filter(|b| b.nodes.iter().any(stores)).count() < 2 {
        return false;
    }
    let cfg = func.graph();
    let mut changed = false;
    for &meet in cfg.rpo() {
        if let [a, b] = *cfg.preds(meet)
            && meet.index() != 0
            && a != b
            && let Some(pair) = Pair::of(func, meet, [a, b])
        {
            pair.merge(func);
            changed = true;
        }
    }
    changed
}

/// Two blocks that end with the same store, and what computes its index.
struct Pair {
    meet: BlockId,
    ways: [BlockId; 2],
    elem: Elem,
    at: Address,
    values: [Operand; 2],
    /// Nodes of the first way, in order.
    index: Vec<usize>,
}

impl Pair {
    fn of(func: &Func, meet: BlockId, ways: [BlockId; 2]) -> Option<Pair> {
        let nodes = ways.map(|b| &func.blocks[b.index()].nodes[..]);
        let last = |nodes: &[Node]| match nodes {
            [
                ..,
                Node { op: Op::Store { elem, at, value }, .. },
                Node { op: Op::Inst(Inst::Br { target }), .. },
            ] if *target == meet => Some((*elem, *at, *value)),
            _ => None,
        };
        let ((elem, a, x), (of_other, b, y)) = (last(nodes[0])?, last(nodes[1])?);
        let mut index = Vec::new();
        let same = elem == of_other
            && (a.base, a.scale, a.offset) == (b.base, b.scale, b.offset)
            && func.ty(x) == func.ty(y)
            && nodes.iter().all(|nodes| def_of(nodes, a.base).is_none())
            && is_same(nodes, [a.index, b.index], &mut index);
        index.sort_unstable();
        index.dedup();
        (same && index.len() <= MAX_INDEX).then_some(Pair { meet, ways, elem, at: a, values: [x, y], index })
    }

    fn merge(self, func: &mut Func) {
        let Pair { meet, ways, elem, mut at, values, index } = self;
        let value = func.reg(func.ty(values[0]));
        let mut nodes = Vec::new();
        let mut names: Vec<(Reg, Reg)> = Vec::new();
        let name_of = |names: &[(Reg, Reg)], operand: Operand| {
            let found = names.iter().rev().find(|(of, _)| Operand::Reg(*of) == operand);
            found.map_or(operand, |(_, name)| Operand::Reg(*name))
        };
        for n in index {
            let mut node = func.blocks[ways[0].index()].nodes[n].clone();
            node.op.map_uses(|o| name_of(&names, o));
            node.op.map_defs(|r| {
                let new = func.reg(func.regs[r.index()]);
                names.push((r, new));
                new
            });
            nodes.push(node);
        }
        at.index = name_of(&names, at.index);
        for (way, from) in ways.into_iter().zip(values) {
            let nodes = &mut func.blocks[way.index()].nodes;
            let store = nodes.len() - 2;
            nodes[store].op = Op::Inst(Inst::Copy { dst: value, a: from });
        }
        let origin = func.blocks[meet.index()].nodes[0].origin;
        nodes.push(Node { op: Op::Store { elem, at, value: value.into() }, origin });
        func.blocks[meet.index()].nodes.splice(0..0, nodes);
    }
}

/// The node of a block that sets a register, if there is one; the last.
fn def_of(nodes: &[Node], reg: Reg) -> Option<usize> {
    nodes.iter().rposition(|n| {
        let mut sets = false;
        n.op.for_each_def(|r| sets |= r == reg);
        sets
    })
}

/// Whether an operand at the end of the first block is computed as one at the
/// end of the second is, from what neither block sets. Adds the nodes of the
/// first to `found`.
fn is_same(nodes: [&[Node]; 2], operands: [Operand; 2], found: &mut Vec<usize>) -> bool {
    let defs = [0, 1].map(|n| match operands[n] {
        Operand::Reg(r) => def_of(nodes[n], r),
        Operand::Imm(_) => None,
    });
    match defs {
        [None, None] => {
            let is_set =
                |o: Operand| matches!(o, Operand::Reg(r) if nodes.iter().any(|n| def_of(n, r).is_some()));
            operands[0] == operands[1] && !is_set(operands[0])
        }
        [Some(a), Some(b)] if found.len() < MAX_INDEX => {
            let ops = [&nodes[0][a].op, &nodes[1][b].op];
            // The last of several would be found for those before it too.
            let once = |n: usize, at: usize| {
                let Operand::Reg(r) = operands[n] else { return false };
                def_of(&nodes[n][..at], r).is_none()
            };
            let alike = ops.map(|op| {
                let mut op = op.clone();
                op.map_uses(|_| Operand::from(0i64));
                op.map_defs(|_| Reg(0));
                op
            });
            let args = ops.map(|op| {
                let mut args = Vec::new();
                op.for_each_operand(|o| args.push(o));
                args
            });
            let same = matches!(ops[0], Op::Inst(_))
                && ops[0].is_droppable()
                && once(0, a)
                && once(1, b)
                && alike[0] == alike[1]
                && args[0].len() == args[1].len()
                && args[0].iter().zip(&args[1]).all(|(x, y)| is_same(nodes, [*x, *y], found));
            found.push(a);
            same
        }
        _ => false,
    }
}
