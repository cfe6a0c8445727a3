//! A way through a function on which a register is not assigned, for the
//! message that says so.

use super::report::block_in_words;
use crate::entity::{BlockId, Reg};
use crate::flow::Cfg;
use crate::module::Function;
use std::collections::VecDeque;

/// Blocks of a way that a message names.
const SHOWN: usize = 8;

/// Finds such ways, as long as that is cheap.
pub(super) struct Paths<'a> {
    func: &'a Function,
    cfg: &'a Cfg,
    /// Instructions that may still be looked at.
    left: usize,
}

impl<'a> Paths<'a> {
    pub(super) fn new(func: &'a Function, cfg: &'a Cfg) -> Paths<'a> {
        Paths { func, cfg, left: 4_000_000 }
    }

    /// A shortest way from the entry to `block` on which `reg` is not assigned
    /// before, in words; `None` if it is only `block` itself.
    pub(super) fn without(&mut self, reg: Reg, block: BlockId) -> Option<String> {
        let mut from: Vec<Option<BlockId>> = vec![None; self.cfg.len()];
        let mut todo = VecDeque::from([BlockId(0)]);
        while let Some(at) = todo.pop_front() {
            if at == block {
                break;
            }
            let insts = &self.func.blocks[at.index()].insts;
            self.left = self.left.checked_sub(insts.len())?;
            let mut assigned = false;
            insts.iter().for_each(|inst| inst.for_each_def(|r| assigned |= r == reg));
            for &to in self.cfg.succs(at) {
                if !assigned && to != BlockId(0) && from[to.index()].is_none() {
                    from[to.index()] = Some(at);
                    todo.push_back(to);
                }
            }
        }
        let mut way = vec![block];
        while let Some(before) = from[way[way.len() - 1].index()] {
            way.push(before);
        }
        way.reverse();
        (way.len() > 1 && way[0] == BlockId(0)).then(|| self.words(&way))
    }

    /// The blocks with arrows between; of a long way, its begin and its end.
    fn words(&self, way: &[BlockId]) -> String {
        let cut = (way.len() > SHOWN).then(|| (SHOWN / 2, way.len() - SHOWN / 2));
        let mut words = Vec::new();
        for (at, block) in way.iter().enumerate() {
            match cut {
                Some((first, last)) if (first..last).contains(&at) => {
                    if at == first {
                        words.push(format!("({} more)", last - first));
                    }
                }
                _ => words.push(block_in_words(self.func, *block)),
            }
        }
        words.join(" -> ")
    }
}
