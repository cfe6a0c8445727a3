//! Branch facts, gathered once for each edge.
//!
//! Many questions about one function climb the same dominators, and what a
//! branch on a long condition says takes long to find out. So each edge is
//! looked at once, and no more than some facts are kept of it, or given for a
//! question: any number of facts may be left out, for each only adds to what
//! is known.

use super::induction::fact::Fact;
use super::induction::{Induction, MAX_CLIMB};
use crate::budget::Budget;
use nbc_ir::BlockId;
use nbc_ir::flow::Cfg;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::rc::Rc;

/// Most facts that are kept of one edge.
pub const MAX_FACTS: usize = 32;

/// Most facts for one question: the nearest.
const MAX_GIVEN: usize = 128;

/// The facts of edges that have been looked at, and the work that all there is
/// to find out of the function may take.
#[derive(Debug)]
pub struct Gathered {
    /// The work left.
    pub budget: Rc<Budget>,
    /// By the block that an edge leads to, and no other does.
    edges: RefCell<FxHashMap<BlockId, Rc<[Rc<Fact>]>>>,
}

impl Gathered {
    /// Nothing yet.
    pub fn within(budget: &Rc<Budget>) -> Gathered {
        Gathered { budget: budget.clone(), edges: RefCell::default() }
    }

    /// What edges into the blocks of `way` say, which `find` finds out.
    pub fn on(
        &self,
        way: impl Iterator<Item = BlockId>,
        cfg: &Cfg,
        find: impl Fn(BlockId, BlockId) -> Vec<Fact>,
    ) -> Vec<Rc<Fact>> {
        let mut facts: Vec<Rc<Fact>> = Vec::new();
        for to in way {
            let [from] = *cfg.preds(to) else { continue };
            let known = self.edges.borrow().get(&to).cloned();
            let of_edge = known.unwrap_or_else(|| {
                let found: Rc<[Rc<Fact>]> = find(from, to).into_iter().take(MAX_FACTS).map(Rc::new).collect();
                self.edges.borrow_mut().insert(to, found.clone());
                found
            });
            facts.extend(of_edge.iter().take(MAX_GIVEN - facts.len()).cloned());
            if facts.len() == MAX_GIVEN || !self.budget.spend(1 + of_edge.len()) {
                break;
            }
        }
        facts
    }
}

impl Induction {
    /// What branches on the way to `block` say, the nearest first, not looking
    /// further up than `top`.
    pub fn facts(&self, block: BlockId, top: Option<BlockId>) -> Vec<Rc<Fact>> {
        let above = |b: &BlockId| self.forest.doms.immediate(*b);
        let way = std::iter::successors(Some(block), above).take_while(|b| Some(*b) != top).take(MAX_CLIMB);
        self.gathered.on(way, &self.forest.cfg, |from, to| self.facts_of_edge(from, to))
    }

    /// The work that finding out more may take.
    pub fn budget(&self) -> &Budget {
        &self.gathered.budget
    }
}
