//! An estimate of the time and memory that Cranelift takes besides what grows
//! with a function's size. It is made before Cranelift begins, as that cannot
//! be broken off.
//!
//! - It finds dominators by climbing from each of the blocks that meet in one to
//!   where their ways part (Cooper, Harvey and Kennedy, 2001): long where many
//!   ways of a long function meet in one place.
//! - Its better register allocator compares values that are alive at once. It takes
//!   each value that is handed to a block as one with those it is handed from: long
//!   where much is alive for long. The one that goes through the code once is not as
//!   good.
//! - Each value that is handed to a block takes room on each way to it.
//! - It emits jump tables in time that grows with the square of their length.
//!
//! Above [`ALWAYS`] instructions the time is estimated by sorts of nodes too. Measured (quick
//! profile, time of the thread, functions of 4,000 instructions of one sort):
//!
//! | sort of node | µs each | KB each |
//! |---|---|---|
//! | plain arithmetic | 2.9 to 3.4 | 1.3 to 1.7 |
//! | a branch, with what it compares and skips | 3.2 to 4.6 | 1.5 |
//! | an element written with a check | 15 | 9 |
//! | an element read with a check | 30 | 10 |
//! | a call of this function, an operation | 33 to 34 | 12 |
//! | a call of another | 82 to 113 | 40 to 46 |
//! | a charge of fuel | 40 to 50 | 26 |
//!
//! (One relay for each signature made calls and ways out of long functions fewer blocks and
//! values. It halved what a call takes and nothing else, and was not worth its code.)

use super::About;
use crate::mir::{Func, MirOp};
use nbc_ir::inst::Effect;
use nbc_ir::{BlockId, Inst, Reg};

/// Most steps of climbing for each node, and so many besides.
const CLIMB: (usize, usize) = (500, 5_000_000);

/// Most values handed on for each node, and so many besides.
const HANDED: (usize, usize) = (16, 50_000);

/// Most targets of all switches.
const TARGETS: usize = 20_000;

/// Instructions up to which a function is worth what it takes, whatever that is.
pub const ALWAYS: usize = 5_000;

/// Nanoseconds for each instruction that a longer one is worth.
const WORTH: usize = 10_000;

/// Nanoseconds for a node and what comes with it.
mod cost {
    pub const PLAIN: usize = 3_400;
    pub const BRANCH: usize = 4_600;
    pub const CHECK: usize = 30_000;
    pub const CALL: usize = 80_000;
    pub const CHARGE: usize = 45_000;
    pub const TARGET: usize = 1_000;
}

/// Bytes for a node and what comes with it.
mod bytes {
    pub const PLAIN: usize = 1_700;
    pub const CHECK: usize = 10_000;
    pub const CALL: usize = 46_000;
    pub const CHARGE: usize = 26_000;
    pub const TARGET: usize = 200;
    pub const HANDED: usize = 100;
}

/// Most blocks of code, by their square, for registers to be allocated in one pass:
/// for each node, and so much besides.
const BLOCKS: (usize, usize) = (1_000, 64_000_000);

/// Pairs of a block and a value alive where it begins, for each node and so many
/// besides. From so many on, registers are allocated in one pass. [`CROWDED`]
/// pairs do so however large the function is.
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
    /// The effort that `func` is worth, made of so many instructions of the bytecode.
    pub fn of(func: &Func, about: &About, instructions: usize) -> Effort {
        let size = func.size();
        let (blocks, climb) = blocks_and_climb(func, about);
        let takes_long = instructions > ALWAYS && nanos(func) > WORTH * instructions;
        if takes_long
            || targets(func) > TARGETS
            || climb > of(CLIMB, size)
            || handed(about) > of(HANDED, size)
        {
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
fn ends_block(op: &MirOp) -> bool {
    match op {
        MirOp::Inst(inst) => !matches!(inst.opcode().effect(), Effect::Pure | Effect::Control),
        MirOp::Charge { .. } | MirOp::Charges { .. } | MirOp::Prepay { .. } | MirOp::Spend { .. } => true,
        MirOp::Verify { .. } | MirOp::VerifyRange { .. } => true,
        _ => false,
    }
}

/// Values that go with the ways from block to block.
fn handed(about: &About) -> usize {
    let to = |to: &BlockId| about.phis.params[to.index()].len();
    about.cfg.rpo().iter().flat_map(|b| about.cfg.succs(*b)).map(to).sum()
}

/// Nanoseconds that Cranelift takes for all nodes, about.
fn nanos(func: &Func) -> usize {
    let of = |op: &MirOp| match op {
        MirOp::Charge { .. } | MirOp::Charges { .. } | MirOp::Prepay { .. } => cost::CHARGE,
        MirOp::Inst(Inst::Switch { targets, .. }) => cost::BRANCH + cost::TARGET * targets.len(),
        MirOp::Inst(inst) => match inst.opcode().effect() {
            Effect::Pure => cost::PLAIN,
            Effect::Control => cost::BRANCH,
            Effect::Calls | Effect::Region => cost::CALL,
            _ => cost::CHECK,
        },
        MirOp::Verify { .. } | MirOp::VerifyRange { .. } => cost::CHECK,
        _ => cost::PLAIN,
    };
    func.blocks.iter().flat_map(|b| &b.nodes).map(|n| of(&n.op)).sum()
}

/// Bytes that are needed meanwhile, about: as measured, for all nodes and what is handed on.
pub fn memory(func: &Func, about: &About) -> usize {
    let of = |op: &MirOp| match op {
        MirOp::Charge { .. } | MirOp::Charges { .. } | MirOp::Prepay { .. } => bytes::CHARGE,
        MirOp::Inst(Inst::Switch { targets, .. }) => bytes::PLAIN + bytes::TARGET * targets.len(),
        MirOp::Inst(inst) => match inst.opcode().effect() {
            Effect::Pure | Effect::Control => bytes::PLAIN,
            Effect::Calls | Effect::Region => bytes::CALL,
            _ => bytes::CHECK,
        },
        MirOp::Verify { .. } | MirOp::VerifyRange { .. } => bytes::CHECK,
        _ => bytes::PLAIN,
    };
    let nodes: usize = func.blocks.iter().flat_map(|b| &b.nodes).map(|n| of(&n.op)).sum();
    nodes + handed(about) * bytes::HANDED
}

fn targets(func: &Func) -> usize {
    let of = |op: &MirOp| if let MirOp::Inst(Inst::Switch { targets, .. }) = op { targets.len() } else { 0 };
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
