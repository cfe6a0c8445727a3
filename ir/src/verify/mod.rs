//! The verifier: turns a [`Module`] into a [`VerifiedModule`], and that is the
//! only way to get one.
//!
//! Whatever unsafe code later takes for granted is proven here:
//! - tables (`tables`): signatures in order; catalogue operations known and
//!   their element types in class; constants as long as their dims say; globals
//!   of the type of their first value; exports named once;
//! - instructions (`types`): operands as the instruction table and the
//!   signatures ask, indices in range, every block ended by its only
//!   terminator, every target there;
//! - regions ([`regions`]): one static depth a block, and no register that
//!   keeps an object whose region has ended;
//! - assignment (`assignment`): no register read before it is assigned.
//!
//! All errors are reported, up to [`MAX_ERRORS`] a module. Unreachable blocks
//! are checked for types and need no assignment.
//!
//! # Bounds
//! Time is linear in the module, apart from the data flow, whose cost is
//! bounded by [`MAX_WORK`] whatever the module; memory is a few hundred bytes
//! a block and some tens of bytes an operand, however many registers there are.

mod assignment;
mod items;
mod operands;
mod path;
pub mod regions;
mod report;
mod tables;
mod types;

use crate::entity::{BlockId, ConstId, FuncId};
use crate::error::{Diagnostic, Error};
use crate::flow::{Cfg, Cycles, Dominators, Loops};
use crate::inst::{FieldRef, Inst};
use crate::module::{Function, Module};
use report::Report;
use std::ops::Deref;

/// Most registers a function may have. The interpreter's frame has room for
/// literals and arguments of calls besides, within 16-bit slot numbers.
pub const MAX_REGS: usize = 60_000;
/// Most instructions a function may have, those with lists (arguments,
/// targets) counted once more for each item. Internal code is addressed within
/// 2 GiB, and one instruction can become a few operations of 32 bytes.
pub const MAX_SIZE: usize = 4_000_000;
/// Most dimensions a tensor may have.
pub const MAX_RANK: usize = 8;
/// Most parameters, and most results, a signature may have.
pub const MAX_ARITY: usize = 1_000;
/// Most regions that may be open at once in a function.
pub const MAX_REGION_DEPTH: u32 = 32;
/// Most errors reported for one module.
pub const MAX_ERRORS: usize = 100;
/// Most steps the data flow may take for one module, a step being some four
/// nanoseconds. Programs that people and compilers write stay far below: even
/// 60,000 numbers all alive over 100,000 blocks need no more.
pub const MAX_WORK: u64 = 1 << 29;

/// A module that has been proven sound. It cannot be changed any more; take it
/// out again with [`VerifiedModule::into_module`].
#[derive(Clone, Debug)]
pub struct VerifiedModule {
    module: Module,
    facts: Vec<FunctionFacts>,
    /// For each constant, whether an instruction reads it.
    read: Vec<bool>,
}

/// What the verifier learned of a function.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FunctionFacts {
    /// Regions open when each block begins; `u32::MAX` for unreachable blocks.
    pub block_depth: Vec<u32>,
    /// Most regions open at once.
    pub max_depth: u32,
    /// Whether the call's own region may be needed: something is allocated in
    /// it, or objects from calls are received into it.
    pub makes_objects: bool,
    /// For each block, whether a back-edge leads to it.
    pub loop_headers: Vec<bool>,
    /// Edges against the reverse postorder, as (from, to); every cycle has one.
    pub back_edges: Vec<(BlockId, BlockId)>,
    /// Its loops and cycles; none if there is no such edge.
    turns: Option<(Loops, Cycles)>,
}

/// Where a function goes around: a natural loop, by its header, or a cycle with
/// several ways in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// The innermost loop, which begins at the block.
    Loop(BlockId),
    /// A cycle, by number; what is in a loop in it does not count.
    Cycle(u32),
}

impl FunctionFacts {
    /// Where `block` is that the function goes around; `None` if it runs once a call.
    pub fn turn(&self, block: BlockId) -> Option<Turn> {
        let (loops, cycles) = self.turns.as_ref()?;
        let cycle = || cycles.around(block).map(Turn::Cycle);
        loops.innermost(block).map(Turn::Loop).or_else(cycle)
    }

    /// A number that the blocks from which a way leads to `block` and back
    /// share; `None` if it runs once a call.
    pub fn cycle(&self, block: BlockId) -> Option<u32> {
        self.turns.as_ref()?.1.around(block)
    }
}

/// What a reader could not make out of a function.
#[derive(Clone, Debug, Default)]
pub(crate) struct FunctionGaps {
    /// Whether an instruction is missing, so that only those that are there
    /// can be looked at, each for itself.
    pub(crate) faulty: bool,
    /// Registers of which no type is known; those beyond have one.
    pub(crate) unknown: Vec<bool>,
}

impl Module {
    /// The faults in functions and globals of a text that has other faults too.
    /// `gaps` has one entry a function. Globals that `skip` says were not
    /// understood are left out.
    pub(crate) fn errors_beside(
        &self,
        gaps: &[FunctionGaps],
        skip: impl Fn(usize) -> bool,
    ) -> Vec<Diagnostic> {
        let mut report = Report::new(self);
        tables::globals(&mut report, skip);
        let ops = tables::operations(&mut report);
        let mut work = assignment::Work::new(MAX_WORK);
        for (i, (func, gaps)) in self.functions.iter().zip(gaps).enumerate() {
            let id = FuncId::new(self.imports.len() + i);
            if types::check(&mut report, &ops, id, func, gaps) {
                flow(&mut report, &mut work, id, func);
            }
        }
        report.into_diagnostics()
    }

    /// Proves the module sound, or says everything that is wrong with it.
    ///
    /// # Errors
    /// An error of kind [`Verify`](crate::error::ErrorKind::Verify) with a
    /// diagnostic for each thing wrong.
    pub fn verify(self) -> Result<VerifiedModule, Error> {
        let mut report = Report::new(&self);
        let ops = tables::check(&mut report);
        let mut facts = Vec::with_capacity(self.functions.len());
        let mut work = assignment::Work::new(MAX_WORK);
        for (i, func) in self.functions.iter().enumerate() {
            if report.is_full() {
                break;
            }
            let id = FuncId::new(self.imports.len() + i);
            if types::check(&mut report, &ops, id, func, &FunctionGaps::default()) {
                facts.push(flow(&mut report, &mut work, id, func));
            }
        }
        tables::unused_operations(&mut report, &ops);
        match report.finish() {
            Some(error) => Err(error),
            None => {
                let mut read = vec![false; self.constants.len()];
                for inst in self.functions.iter().flat_map(|f| &f.blocks).flat_map(|b| &b.insts) {
                    if let Inst::ConstGet { constant, .. } = inst {
                        read[constant.index()] = true;
                    }
                }
                Ok(VerifiedModule { module: self, facts, read })
            }
        }
    }
}

/// Checks regions and assignment of a function whose structure is sound.
fn flow(report: &mut Report<'_>, work: &mut assignment::Work, id: FuncId, func: &Function) -> FunctionFacts {
    let cfg = Cfg::new(func);
    let depths = regions::check(report, id, func, &cfg);
    assignment::check(report, work, id, func, &cfg, &depths);
    let back_edges = cfg.back_edges();
    let mut loop_headers = vec![false; cfg.len()];
    for (_, to) in &back_edges {
        loop_headers[to.index()] = true;
    }
    let turns =
        (!back_edges.is_empty()).then(|| (Loops::new(&cfg, &Dominators::new(&cfg)), Cycles::new(&cfg)));
    let makes_objects = func.blocks.iter().flat_map(|b| &b.insts).any(|i| may_make_object(func, i));
    FunctionFacts {
        block_depth: depths.block_depth,
        max_depth: depths.max_depth,
        makes_objects,
        loop_headers,
        back_edges,
        turns,
    }
}

fn may_make_object(func: &Function, inst: &Inst) -> bool {
    match inst {
        Inst::ListNew { .. } | Inst::RegionBegin {} => true,
        Inst::Copy { .. }
        | Inst::Select { .. }
        | Inst::ListGet { .. }
        | Inst::GlobalGet { .. }
        | Inst::ConstGet { .. } => false,
        _ => {
            let mut makes = false;
            inst.for_each_field(|field| match field {
                FieldRef::Def(r) => makes |= func.regs[r.index()].is_object(),
                FieldRef::Defs(list) => makes |= list.iter().any(|r| func.regs[r.index()].is_object()),
                _ => {}
            });
            makes
        }
    }
}

impl VerifiedModule {
    /// What is known of the module's own function `func`: nothing of an import, or of
    /// one that is not there.
    pub fn facts(&self, func: FuncId) -> &FunctionFacts {
        static NOTHING: FunctionFacts = FunctionFacts {
            block_depth: Vec::new(),
            max_depth: 0,
            makes_objects: false,
            loop_headers: Vec::new(),
            back_edges: Vec::new(),
            turns: None,
        };
        let own = func.index().checked_sub(self.module.imports.len());
        own.and_then(|own| self.facts.get(own)).unwrap_or(&NOTHING)
    }

    /// Whether an instruction reads the constant; if none does, only globals
    /// start from it, and an instance needs no object of it.
    pub fn reads_constant(&self, id: ConstId) -> bool {
        self.read.get(id.index()).copied().unwrap_or(false)
    }

    /// The module, free to be changed and no longer proven.
    pub fn into_module(self) -> Module {
        self.module
    }
}

impl Deref for VerifiedModule {
    type Target = Module;

    fn deref(&self) -> &Module {
        &self.module
    }
}

#[cfg(test)]
mod tests;
