//! Vectorisation: iterations of counted loops run side by side, in the lanes of
//! 128-bit vectors.
//!
//! Two kinds of loops are looked at. In a single block whose accesses go from
//! element to element, so many iterations become one. In a nest of two such loops
//! iterations of the outer one run together (outer-loop vectorisation). Each lane
//! goes through the inner loop in its own order: that is how sums of products keep
//! the order of their floats and yet become vectors.
//!
//! Nothing changes in any bit. Only instructions that are the same in lanes as by
//! themselves are used. Sums of integers, whose order does not matter, are made in
//! vectors. Everything else that an iteration needs of the iteration before is done
//! lane by lane in order. A guard computes how many iterations are sure to come and
//! whether accesses of different iterations could meet; the loop as it was does what
//! the guard refuses, and always the last iteration, so that registers are left as they
//! were.
//!
//! Proves: how each register goes with the iteration, and that accesses of iterations that run together
//! do not meet, or leaves that to its guard. Relies on: [`crate::midend::analysis::counted_loop`], counters of
//! [`crate::midend::analysis::induction`], and that accesses without a check lie in their tensors.

mod emit;
mod front;
mod nest;
mod shape;

use crate::midend::analysis::Analyses;
use crate::midend::analysis::induction::Induction;
use crate::midend::analysis::loops::{Forest, Loop, LoopId};
use crate::midend::analysis::trip_count::TripCounts;
use crate::mir::{Address, Block, Field, Func, MirNode, MirOp, Ty};
use emit::Emit;
use front::Front;
use nbc_ir::{BlockId, Inst, Operand, Reg, Type};
use nest::Nest;
use rustc_hash::{FxHashMap, FxHashSet};
use shape::{Shape, Shapes};
use std::rc::Rc;

/// Most loops of a function that become vectors.
const MAX_LOOPS: usize = 40;

/// Rounds that the vectors of a loop have to have where it is known how many
/// iterations it has at most.
const LEAST_CHUNKS: i64 = 8;

/// Fewer nodes that access no elements are not worth a look.
const LEAST_NODES: usize = 6;

/// Where addresses of the data of tensors are taken.
struct Whole {
    /// By register with such an address, if it is written once: the block, and
    /// the tensor.
    data_of: FxHashMap<Reg, (BlockId, Reg)>,
    /// By such a register, where the data begin and end.
    extents: FxHashMap<Reg, (Operand, Operand)>,
}

impl Whole {
    fn new(func: &Func) -> Whole {
        let mut data_of = FxHashMap::default();
        let (mut seen, mut many) = (FxHashSet::default(), Vec::new());
        for (b, block) in func.blocks.iter().enumerate() {
            for node in &block.nodes {
                node.op.for_each_def(|r| {
                    if func.regs[r.index()] == Ty::Ptr && !seen.insert(r) {
                        many.push(r);
                    }
                });
                if let MirOp::Field { dst, tensor, field: Field::Data } = node.op {
                    data_of.insert(dst, (BlockId::new(b), tensor));
                }
            }
        }
        for reg in many {
            guard!(data_of.remove(&reg));
        }
        Whole { data_of, extents: FxHashMap::default() }
    }

    /// Where the elements begin and end of the tensor whose data `base` is the
    /// address of. That is computed where the address is taken, for later the
    /// register with the tensor may hold another.
    fn extent(&mut self, func: &mut Func, base: Reg) -> Option<(Operand, Operand)> {
        if let Some(known) = self.extents.get(&base) {
            return Some(*known);
        }
        let &(block, tensor) = self.data_of.get(&base)?;
        let scale = func.elem(tensor)?.size() as u8;
        let nodes = &func.blocks[block.index()].nodes;
        let at = nodes.iter().position(|n| matches!(n.op, MirOp::Field { dst, .. } if dst == base))?;
        let origin = nodes[at].origin;
        let [len, from, to] = [Type::I64; 3].map(|ty| func.value(ty));
        let first = Address { base, index: 0i64.into(), scale: 1, offset: 0 };
        let end = Address { base, index: len.into(), scale, offset: 0 };
        let ops = [
            MirOp::Field { dst: len, tensor, field: Field::Len },
            MirOp::Address { dst: from, at: first },
            MirOp::Address { dst: to, at: end },
        ];
        let new = ops.map(|op| MirNode { op, origin });
        func.blocks[block.index()].nodes.splice(at + 1..at + 1, new);
        let extent = (from.into(), to.into());
        self.extents.insert(base, extent);
        Some(extent)
    }
}

/// Makes vectors of loops of `func`.
pub fn run(func: &mut Func, known: &mut Analyses) -> bool {
    let forest = known.forest(func);
    let is_candidate = |l: &Loop| {
        let is_block = !l.cold && l.children.is_empty() && l.own.len() == 1;
        worth!(is_block && does_enough(&func.blocks[l.header.index()]))
    };
    if !forest.loops.iter().any(is_candidate) {
        return false; // there is nothing to do
    }
    let (forest, mut changed) = known.with_preheaders(func);
    let before = known.before(func);
    // Only where something is to become vectors.
    let mut analysis = || known.induction(&before);
    let mut whole = Whole::new(&before);
    let mut done: FxHashSet<LoopId> = FxHashSet::default();
    for id in forest.ids() {
        let l = forest.get(id);
        if forbidden!(done.contains(&id))
            || !worth!(!l.cold && l.children.len() <= 1 && done.len() <= 2 * MAX_LOOPS)
        {
            continue;
        }
        if try_loop(&before, &forest, &mut analysis, &mut whole, func, id).is_some() {
            done.insert(id);
            done.extend(&l.children);
            changed = true;
        }
    }
    changed
}

/// Whether a loop of that block does enough for its vectors to gain something.
fn does_enough(block: &Block) -> bool {
    let is_access = |n: &MirNode| matches!(n.op, MirOp::Load { .. } | MirOp::Store { .. });
    block.nodes.len() >= LEAST_NODES || block.nodes.iter().any(is_access)
}

fn try_loop(
    before: &Func,
    forest: &Forest,
    analysis: &mut impl FnMut() -> Option<Rc<Induction>>,
    whole: &mut Whole,
    func: &mut Func,
    id: LoopId,
) -> Option<()> {
    let nest = Nest::of(before, forest, analysis, id)?;
    let shapes = Shapes::of(&nest)?;
    let mut unroll = worth(&nest, &shapes)?;
    // What has few iterations would mostly be left to the loop as it is.
    if let Some(most) = TripCounts::new(&nest.it).at_most(id) {
        let vectors = most / (LEAST_CHUNKS * shapes.lanes as i64);
        unroll = (1..=unroll).rev().find(|n| n.is_power_of_two() && *n as i64 <= vectors)?;
    }
    let chunk = (shapes.lanes * unroll) as i64;
    let mut front = Front::new(&nest, &shapes, whole, func);
    let (cond, iterations) = front.guard(chunk)?;
    let nodes = std::mem::take(&mut front.nodes);
    let to = Emit::new(&nest, &shapes, func, unroll).run(iterations);
    let block = &mut func.blocks[nest.counted.preheader.index()].nodes;
    let last = block.pop()?;
    block.extend(nodes);
    let inst = Inst::BrIf { cond, then_to: to, else_to: nest.counted.header };
    block.push(MirNode { op: MirOp::Inst(inst), origin: last.origin });
    Some(())
}

/// How many vectors each register is to become, if it is worth it.
fn worth(nest: &Nest<'_>, shapes: &Shapes) -> Option<u32> {
    let body = nest.inner.unwrap_or(nest.counted.header);
    let (mut vectors, mut splits, mut serial) = (0, 0, 0);
    for node in &nest.func.blocks[body.index()].nodes {
        if !shapes.is_needed(&node.op) {
            continue; // counted as nothing
        }
        let mut dst = None;
        node.op.for_each_def(|r| dst = Some(r));
        match dst.map_or(Shape::Vector, |r| shapes.shape(r)) {
            Shape::Vector | Shape::Sum(_) => vectors += 1,
            Shape::Split => splits += 1,
            Shape::Serial => serial += 1,
            Shape::Uniform | Shape::Affine(_) => {}
        }
    }
    let least = if serial > 0 { 3 } else { 1 };
    if !worth!(shapes.gain(nest, body) >= least) {
        return None;
    }
    Some(match (vectors, splits + serial) {
        (_, 1..) => 1,
        (..=4, 0) => 4,
        (..=12, 0) => 2,
        _ => 1,
    })
}
