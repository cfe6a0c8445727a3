//! What making code of a function takes besides what grows with its size: told
//! before Cranelift begins, which cannot be broken off.
//!
//! - It finds dominators by climbing from each of the blocks that meet in one to
//!   where their ways part (Cooper, Harvey and Kennedy, 2001): long where many
//!   ways of a long function meet in one place.
//! - Its better register allocator compares what is alive at once, and takes each
//!   value that is handed to a block as one with those it is handed from: long where
//!   much is alive for long. The one that goes through the code once is not as good.
//! - Each value that is handed to a block takes room on each way to it.
//! - It emits jump tables in time that grows with the square of their length.

use super::About;
use crate::mir::{Func, Op};
use nbc_ir::op::Effect;
use nbc_ir::{BlockId, Inst, Reg};

/// Most steps of climbing for each node, and so many besides.
const CLIMB: (usize, usize) = (500, 5_000_000);

/// Most values handed on for each node, and so many besides.
const HANDED: (usize, usize) = (16, 50_000);

/// Most targets of all switches.
const TARGETS: usize = 20_000;

/// What a call counts for, in nodes, and how many there may be, counted so: Cranelift
/// takes some 70 µs and 20 KiB for one. A charge of fuel has a call beside it.
const CALL: usize = 8;
const NODES: usize = 100_000;

/// Most blocks of code, by their square, for registers to be allocated in one pass:
/// for each node, and so much besides.
const BLOCKS: (usize, usize) = (1_000, 64_000_000);

/// Pairs of a block and a value alive where it begins, for each node and so many
/// besides, from which on registers are allocated in one pass; and how many do so
/// however large the function is.
const CROWD: (usize, usize) = (24, 20_000);
const CROWDED: usize = 150_000;

/// Pairs of a node and a value alive there, for each node and so many besides,
/// from which on registers are allocated in one pass.
const ALIVE: (usize, usize) = (200, 500_000);

/// What is in proportion.
fn of(limit: (usize, usize), size: usize) -> usize {
    limit.0 * size + limit.1
}

/// How code is to be made of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effort {
    /// As well as can be.
    All,
    /// With registers allocated in one pass.
    OnePass,
    /// Not at all: it would take longer than it is worth.
    TooMuch,
}

impl Effort {
    /// The effort that `func` is worth.
    pub fn of(func: &Func, about: &About) -> Effort {
        let size = func.size();
        let (blocks, climb) = blocks_and_climb(func, about);
        let far_too_large = size + CALL * calls(func) > NODES || targets(func) > TARGETS;
        if far_too_large || climb > of(CLIMB, size) || handed(about) > of(HANDED, size) {
            return Effort::TooMuch;
        }
        let lists = |lists: &[Vec<Reg>]| lists.iter().map(Vec::len).sum::<usize>();
        let crowd = lists(&about.phis.params) + lists(&about.phis.through);
        let is_crowded = crowd >= of(CROWD, size).min(CROWDED) || alive(func, about) > of(ALIVE, size);
        match is_crowded {
            false => Effort::All,
            true if blocks * blocks <= of(BLOCKS, size) => Effort::OnePass,
            true => Effort::TooMuch,
        }
    }
}

/// Blocks of code, about, and steps for finding their dominators, at most.
fn blocks_and_climb(func: &Func, about: &About) -> (usize, usize) {
    let (cfg, doms) = (&about.cfg, &about.doms);
    // How many blocks of code lie above the end of a block: what may fail ends one.
    let mut depth = vec![0usize; cfg.len()];
    let (mut blocks, mut steps) = (0, 0);
    for &block in cfg.rpo() {
        let above = doms.immediate(block).map_or(0, |b| depth[b.index()]);
        let nodes = &func.blocks[block.index()].nodes;
        let here = 1 + nodes.iter().filter(|n| ends_block(&n.op)).count();
        depth[block.index()] = above + here;
        blocks += here;
    }
    for &block in cfg.rpo() {
        let ways = cfg.preds(block).iter().filter(|p| cfg.is_reachable(**p));
        if ways.clone().count() > 1 {
            let top = doms.immediate(block).map_or(0, |b| depth[b.index()]);
            steps += ways.map(|p| depth[p.index()].saturating_sub(top)).sum::<usize>();
        }
    }
    (blocks, steps)
}

/// Whether code for `op` may be more than one block.
fn ends_block(op: &Op) -> bool {
    match op {
        Op::Inst(inst) => !matches!(inst.opcode().effect(), Effect::Pure | Effect::Control),
        Op::Charge { .. } | Op::Charges { .. } | Op::Prepay { .. } | Op::Spend { .. } => true,
        Op::VerifyRange { .. } => true,
        _ => false,
    }
}

/// Values that go with the ways from block to block.
fn handed(about: &About) -> usize {
    let to = |to: &BlockId| about.phis.params[to.index()].len();
    about.cfg.rpo().iter().flat_map(|b| about.cfg.succs(*b)).map(to).sum()
}

/// What calls functions of the program, or operations, or else may do so.
fn calls(func: &Func) -> usize {
    let is_call = |op: &Op| match op {
        Op::Inst(inst) => inst.opcode().effect() == Effect::Calls,
        Op::Charge { .. } | Op::Charges { .. } => true,
        _ => false,
    };
    func.blocks.iter().flat_map(|b| &b.nodes).filter(|n| is_call(&n.op)).count()
}

fn targets(func: &Func) -> usize {
    let of = |op: &Op| if let Op::Inst(Inst::Switch { targets, .. }) = op { targets.len() } else { 0 };
    func.blocks.iter().flat_map(|b| &b.nodes).map(|n| of(&n.op)).sum()
}

/// Pairs of a node and a value alive there, by the order of blocks.
fn alive(func: &Func, about: &About) -> usize {
    let mut from = vec![usize::MAX; func.regs.len()];
    let mut to = vec![0usize; func.regs.len()];
    let mut at = 0;
    for block in about.cfg.rpo() {
        for node in &func.blocks[block.index()].nodes {
            at += 1;
            let mut see = |r: Reg| {
                from[r.index()] = from[r.index()].min(at);
                to[r.index()] = at;
            };
            node.op.for_each_use(&mut see);
            node.op.for_each_def(&mut see);
        }
    }
    from.iter().zip(&to).map(|(from, to)| to.saturating_sub(*from)).sum()
}
