//! A counted loop whose iterations are to become lanes: a single block, or a loop
//! with one single-block loop in it.

use crate::midend::analysis::counted_loop::Counted;
use crate::midend::analysis::induction::Induction;
use crate::midend::analysis::loops::{Forest, LoopId};
use crate::mir::{Func, MirOp};
use nbc_ir::{BlockId, Inst, Reg};
use rustc_hash::{FxHashMap, FxHashSet};
use std::rc::Rc;

/// Most nodes of a nest.
const MAX_NODES: usize = 150;
/// Most blocks of a nest.
const MAX_BLOCKS: usize = 8;

/// A node: its block and its position there.
pub type Place = (BlockId, usize);

/// See the module.
#[derive(Debug)]
pub struct Nest<'a> {
    /// The function.
    pub func: &'a Func,
    /// Its loops.
    pub forest: &'a Forest,
    /// All blocks, in reverse postorder: the header first.
    pub blocks: Vec<BlockId>,
    /// The block that is a loop in it.
    pub inner: Option<BlockId>,
    /// Where registers are written.
    pub defs: FxHashMap<Reg, Vec<Place>>,
    /// Registers that an iteration reads as the iteration before has left them, in order.
    pub carried: Vec<Reg>,
    /// What counts it.
    pub counted: Counted,
    /// How its integers change.
    pub it: Rc<Induction>,
}

impl<'a> Nest<'a> {
    /// The nest that the loop is, if it is one.
    pub fn of(
        func: &'a Func,
        forest: &'a Forest,
        analysis: &mut impl FnMut() -> Option<Rc<Induction>>,
        id: LoopId,
    ) -> Option<Nest<'a>> {
        let l = forest.get(id);
        let [latch] = *l.latches else { return None };
        let children = &l.children;
        if forbidden!(children.iter().any(|c| forest.get(*c).header == latch)) {
            return None;
        }
        if !required!(l.exits == 1) || !worth!(l.size <= MAX_NODES && l.own.len() <= MAX_BLOCKS) {
            return None;
        }
        let inner = match *l.children {
            [] if required!(l.own.len() == 1) => None,
            [child] => {
                let child = forest.get(child);
                let is_block = required!(child.own.len() == 1) && required!(child.children.is_empty());
                if !is_block {
                    return None; // marked above
                }
                Some(child.header)
            }
            _ => return None, // shape
        };
        let mut blocks = l.own.clone();
        blocks.extend(inner);
        blocks.sort_by_key(|b| forest.cfg.rank(*b));
        let mut defs: FxHashMap<Reg, Vec<Place>> = FxHashMap::default();
        for &block in &blocks {
            let contents = &func.blocks[block.index()];
            if !worth!(!contents.cold) {
                return None;
            }
            for (n, node) in contents.nodes.iter().enumerate() {
                let simple = match &node.op {
                    MirOp::Inst(Inst::Br { .. } | Inst::BrIf { .. }) => true,
                    MirOp::Store { .. } => required!(Some(block) != inner),
                    op => required!(op.is_droppable()),
                };
                if !simple {
                    return None; // marked above
                }
                node.op.for_each_def(|r| defs.entry(r).or_default().push((block, n)));
            }
        }
        let it = analysis()?;
        let counted = Counted::new(&it, id)?;
        let mut nest = Nest { func, forest, blocks, inner, defs, carried: Vec::new(), counted, it };
        nest.carried = nest.find_carried();
        Some(nest)
    }

    /// The node there.
    pub fn op(&self, at: Place) -> &'a MirOp {
        &self.func.blocks[at.0.index()].nodes[at.1].op
    }

    /// All nodes, in order, terminators included.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let nodes = |b: &BlockId| self.func.blocks[b.index()].nodes.len();
        self.blocks.iter().flat_map(move |b| (0..nodes(b)).map(move |n| (*b, n)))
    }

    /// Whether the place is the branch that ends an iteration.
    pub fn is_end(&self, at: Place) -> bool {
        at.0 == self.counted.latch && at.1 + 1 == self.func.blocks[at.0.index()].nodes.len()
    }

    /// Registers written in the nest and read before that in an iteration.
    fn find_carried(&self) -> Vec<Reg> {
        let mut live: FxHashMap<BlockId, FxHashSet<Reg>> = FxHashMap::default();
        let mut changed = true;
        while changed {
            changed = false;
            for &block in self.blocks.iter().rev() {
                let mut now: FxHashSet<Reg> = FxHashSet::default();
                self.func.blocks[block.index()].for_each_successor(|to| {
                    if to != self.counted.header
                        && let Some(there) = live.get(&to)
                    {
                        now.extend(there.iter().copied());
                    }
                });
                for node in self.func.blocks[block.index()].nodes.iter().rev() {
                    node.op.for_each_def(|r| {
                        now.remove(&r);
                    });
                    node.op.for_each_use(|r| {
                        if self.defs.contains_key(&r) {
                            now.insert(r);
                        }
                    });
                }
                if live.get(&block).is_none_or(|before| *before != now) {
                    live.insert(block, now);
                    changed = true;
                }
            }
        }
        let mut carried: Vec<Reg> =
            live.remove(&self.counted.header).unwrap_or_default().into_iter().collect();
        carried.sort_unstable();
        carried
    }

    /// Whether an iteration passes a place exactly once.
    pub fn is_passed_once(&self, at: Place) -> bool {
        required!(Some(at.0) != self.inner) && required!(self.forest.doms.dominates(at.0, self.counted.latch))
    }

    /// Whether `a` comes before `b` where both are passed once.
    pub fn precedes(&self, a: Place, b: Place) -> bool {
        if a.0 == b.0 { a.1 < b.1 } else { self.forest.doms.dominates(a.0, b.0) }
    }
}
