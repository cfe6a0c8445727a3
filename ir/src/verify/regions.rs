//! The static region rule: why no register can hold an object that is gone.
//!
//! # Regions
//! Every call has a region of its own, at depth 0. `region.begin` opens one
//! inside the innermost, one deeper; `region.end` ends the innermost, and
//! every object in it is gone at once. Objects are made in the innermost
//! region, results of calls are received into it.
//!
//! # The rule
//! 1. **One depth a block.** Each reachable block begins with the same number
//!    of open regions whichever way control comes; the entry with none.
//!    `region.end` and `region.renew` need an open region, `ret` needs that none is open. So
//!    begin and end pair up on every path, and the depth at every instruction
//!    is known without running anything.
//! 2. **One bound a register.** At each instruction every object register has
//!    a *bound*: the object in it lives in a region of at most that depth, or
//!    outside the call altogether, which counts as 0.
//!    - A parameter has bound 0: the caller holds it for the whole call.
//!    - `global.get` and `const.get` give bound 0: the instance holds those.
//!    - `copy`, `select` and `list.get` give the largest bound of the objects
//!      they read. What a list holds lives at least as long as the list, as
//!      storing an object of an inner region into it stores a copy.
//!    - Whatever else makes an object gives the current depth, in which it is
//!      made or received.
//!    - Where paths meet, the largest bound of the paths counts.
//! 3. **Nothing survives its region.** At `region.end` from depth d every register with
//!    a bound of d counts as unassigned from there on. Those kept are the exception: a
//!    kept object moves to the region around, so its bound becomes at most d - 1.
//!    `region.renew` at depth d does the same, but what it keeps stays at depth d, and
//!    so does its bound. Where paths meet, a register is assigned when it is on all of
//!    them.
//! 4. **Only assigned registers are read.** The check of definite assignment,
//!    which scalars need anyway, then refuses every read of an object that
//!    may be gone.
//!
//! # Why that is safe
//! By induction over the instructions run, every assigned object register
//! holds an object whose region is open and at most as deep as its bound.
//! Every instruction keeps that. The bounds it gives are those of rule 2. Only `region.end` closes a region,
//! and only `region.renew` frees objects of one that stays open: it closes it and opens another in its place,
//! to which kept objects move. Bounds are never below the truth. So when the region at depth d is closed, an
//! object in it has bound d or more in every register that holds it. No bound exceeds the current depth d, so
//! all those registers become unassigned, or are kept. A kept one holds an object that has moved to depth d -
//! 1, or to the region in its place. Objects inside objects need no register. A list holds only objects that
//! live at least as long as itself. A view shows elements of a tensor of its own region or one further out.
//! Keeping a list or a view moves with it what it needs of the ending region. What a global held before
//! `global.set` is kept until the host's call ends, as a register may still have it. At most
//! [`MAX_REGION_DEPTH`] regions are open at once.

use super::MAX_REGION_DEPTH;
use super::report::{At, Report, block_in_words, plural};
use crate::entity::{BlockId, FuncId};
use crate::flow::Cfg;
use crate::inst::Inst;
use crate::module::Function;

/// The static depth of each point of a function.
pub(super) struct Depths {
    /// Depth at the begin of each block; `u32::MAX` when it cannot be reached.
    pub(super) block_depth: Vec<u32>,
    /// Greatest depth reached.
    pub(super) max_depth: u32,
}

/// The depth after `inst`, which is met at `depth`.
pub(super) fn after(depth: u32, inst: &Inst) -> u32 {
    match inst {
        // Clamped, so that what follows a refused one stays in bounds.
        Inst::RegionBegin {} => (depth + 1).min(MAX_REGION_DEPTH),
        Inst::RegionEnd { .. } => depth.saturating_sub(1),
        _ => depth,
    }
}

/// Works out and checks the depths (rule 1).
pub(super) fn check(report: &mut Report<'_>, id: FuncId, func: &Function, cfg: &Cfg) -> Depths {
    let mut block_depth = vec![u32::MAX; cfg.len()];
    // The block that each block's depth came from.
    let mut origin = vec![BlockId(0); cfg.len()];
    let mut max_depth = 0;
    block_depth[0] = 0;
    for &block in cfg.rpo() {
        let mut depth = block_depth[block.index()];
        let insts = &func.blocks[block.index()].insts;
        for (i, inst) in insts.iter().enumerate() {
            let at = At { func: id, block, inst: i };
            match inst {
                Inst::RegionBegin {} if depth >= MAX_REGION_DEPTH => {
                    let message = format!("more than {MAX_REGION_DEPTH} regions open at once");
                    report.inst(at, message, None);
                }
                Inst::RegionEnd { .. } | Inst::RegionRenew { .. } if depth == 0 => {
                    let help = "there is no `region.begin` on the way here";
                    let message = format!("`{}` without an open region", inst.opcode().mnemonic());
                    report.inst(at, message, Some(help.into()));
                }
                Inst::Ret { .. } if depth > 0 => {
                    let message = format!("`ret` inside a region: expected none open, found {depth}");
                    let help = "end it first; `region.end keep %x` lets a result outlive it";
                    report.inst(at, message, Some(help.into()));
                }
                _ => {}
            }
            depth = after(depth, inst);
            max_depth = max_depth.max(depth);
        }
        let at = At { func: id, block, inst: insts.len() - 1 };
        let mut told = None;
        for &to in cfg.succs(block) {
            let want = &mut block_depth[to.index()];
            if *want == u32::MAX {
                *want = depth;
                origin[to.index()] = block;
            } else if *want != depth && told != Some(to) {
                told = Some(to);
                let open = plural(depth as usize, "region");
                let message = if to == BlockId(0) {
                    format!("goes back to the entry with {open} open, expected none")
                } else {
                    format!(
                        "goes to {} with {open} open, but {} goes there with {want}",
                        block_in_words(func, to),
                        block_in_words(func, origin[to.index()])
                    )
                };
                let help = "every way into a block must have the same regions open";
                report.inst(at, message, Some(help.into()));
            }
        }
    }
    Depths { block_depth, max_depth }
}
