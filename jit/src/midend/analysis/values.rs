//! The values that registers hold: static single assignment as a view of a
//! function, which stays as it is.
//!
//! Each definition of a register is a value of its own. Where several
//! definitions meet, the register holds another value from the start of the
//! block on: a phi. Phis are placed at dominance frontiers as in Cytron et al.,
//! "Efficiently computing static single assignment form", 1991. Passes may ask
//! this way what an operand is without minding how often its register is
//! written. The view is of the function as it was; it goes stale when nodes
//! change.

use super::loops::Forest;
use crate::mir::{Func, MirOp};
use nbc_ir::inst::Imm;
use nbc_ir::{BlockId, Operand, Reg};

/// Most steps for placing phis, and most phis: functions that need more are
/// left as they are.
const MAX_WORK: usize = 4_000_000;

/// Most blocks that are searched for what a register holds.
const MAX_SEARCH: usize = 64;

/// A value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Value(pub u32);

impl Value {
    /// Position in the list of values.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What makes a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Made {
    /// It is there when the function is entered.
    Entry,
    /// Definitions meet where its block begins.
    Phi,
    /// The node of that number in its block.
    Node(u32),
}

/// Register, block and maker of a value.
#[derive(Clone, Copy, Debug)]
pub struct Def {
    /// The register that holds it, until that is written again.
    pub reg: Reg,
    /// Where it is made.
    pub block: BlockId,
    /// By what.
    pub made: Made,
}

/// An operand: a value or a literal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    /// What a register holds.
    Value(Value),
    /// A literal.
    Imm(Imm),
}

/// The view; see the module.
#[derive(Clone, Debug)]
pub struct Values {
    defs: Vec<Def>,
    /// Values of the phis of each block.
    phis: Vec<Vec<Value>>,
    /// By value: where its arguments begin in `args`, for a phi.
    args_at: Vec<u32>,
    args: Vec<Value>,
    /// By block: where its nodes begin in `uses_at` and `made_at`.
    nodes_at: Vec<u32>,
    uses_at: Vec<u32>,
    uses: Vec<Value>,
    made_at: Vec<u32>,
    crosses: Vec<bool>,
}

impl Values {
    /// The values of `func`, whose loops are `forest`; `None` when that would
    /// take too long.
    pub fn new(func: &Func, forest: &Forest) -> Option<Values> {
        let mut build = Build::new(func, forest);
        build.place_phis()?;
        Some(build.name())
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.defs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.defs.is_empty()
    }

    /// What makes a value.
    pub fn def(&self, value: Value) -> Def {
        self.defs[value.index()]
    }

    /// Whether a register has its phis. One that no block reads without having
    /// written it needs none, so blocks may begin with it holding anything.
    pub fn has_phis(&self, reg: Reg) -> bool {
        self.crosses[reg.index()]
    }

    /// The phis where `block` begins.
    pub fn phis(&self, block: BlockId) -> &[Value] {
        &self.phis[block.index()]
    }

    /// Arguments of a phi, in the order of the reachable predecessors in
    /// [`nbc_ir::flow::Cfg::preds`].
    pub fn phi_args(&self, phi: Value) -> &[Value] {
        let at = self.args_at[phi.index()] as usize;
        let count = self.args[at].index();
        &self.args[at + 1..at + 1 + count]
    }

    /// Values of the registers that a node reads, in the order of
    /// [`MirOp::for_each_use`].
    pub fn uses(&self, block: BlockId, node: usize) -> &[Value] {
        let at = self.nodes_at[block.index()] as usize + node;
        &self.uses[self.uses_at[at] as usize..self.uses_at[at + 1] as usize]
    }

    /// The first value that a node makes, if it makes any; others follow it.
    pub fn made_by(&self, block: BlockId, node: usize) -> Option<Value> {
        let at = self.nodes_at[block.index()] as usize + node;
        let (first, next) = (self.made_at[at], self.made_at[at + 1]);
        (first != next).then_some(Value(first)) // shape
    }

    /// What a node reads, in the order of [`MirOp::for_each_operand`].
    pub fn args(&self, op: &MirOp, block: BlockId, node: usize) -> Vec<Arg> {
        let mut uses = self.uses(block, node).iter();
        let mut args = Vec::new();
        op.for_each_operand(|operand| {
            args.push(match operand {
                Operand::Imm(imm) => Arg::Imm(imm),
                Operand::Reg(_) => Arg::Value(*uses.next().expect("a value for each register read")),
            });
        });
        args
    }

    /// What a register holds where `block` ends, in the function that this is a view of;
    /// `None` where that cannot be told, or takes too long.
    pub fn at_end(&self, func: &Func, forest: &Forest, mut block: BlockId, reg: Reg) -> Option<Value> {
        for _ in 0..MAX_SEARCH {
            let mut last = None;
            for (n, node) in func.blocks[block.index()].nodes.iter().enumerate() {
                let mut made = self.made_by(block, n);
                node.op.for_each_def(|r| {
                    if r == reg {
                        last = made;
                    }
                    made = made.map(|v| Value(v.0 + 1));
                });
            }
            if last.is_some() {
                return last;
            }
            // Without phis it may hold something else in every block.
            if !required!(self.has_phis(reg)) {
                return None;
            }
            let phi = self.phis(block).iter().find(|p| self.def(**p).reg == reg);
            if let Some(phi) = phi {
                return Some(*phi);
            }
            match forest.doms.immediate(block) {
                Some(above) => block = above,
                None => return Some(Value(reg.0)),
            }
        }
        None
    }
}

struct Build<'a> {
    func: &'a Func,
    forest: &'a Forest,
    /// Blocks that a block immediately dominates.
    below: Vec<Vec<BlockId>>,
    /// Registers with a phi in each block.
    phi_regs: Vec<Vec<Reg>>,
    /// Whether some block reads a register before writing it.
    crosses: Vec<bool>,
}

impl Build<'_> {
    fn new<'a>(func: &'a Func, forest: &'a Forest) -> Build<'a> {
        let count = forest.cfg.len();
        let mut below = vec![Vec::new(); count];
        for &block in forest.cfg.rpo() {
            if let Some(above) = forest.doms.immediate(block) {
                below[above.index()].push(block);
            }
        }
        Build { func, forest, below, phi_regs: vec![Vec::new(); count], crosses: Vec::new() }
    }

    /// Where each block's dominance ends.
    fn frontiers(&self, work: &mut usize) -> Option<Vec<Vec<BlockId>>> {
        let cfg = &self.forest.cfg;
        let mut frontiers = vec![Vec::new(); cfg.len()];
        for &block in cfg.rpo() {
            let preds = cfg.preds(block);
            if preds.len() < 2 {
                continue; // nothing meets there
            }
            let top = self.forest.doms.immediate(block);
            for &pred in preds.iter().filter(|p| cfg.is_reachable(**p)) {
                let mut at = Some(pred);
                while let Some(b) = at.filter(|_| at != top) {
                    *work += 1;
                    if !worth!(*work <= MAX_WORK) {
                        return None;
                    }
                    let frontier: &mut Vec<BlockId> = &mut frontiers[b.index()];
                    if frontier.last() == Some(&block) {
                        break;
                    }
                    frontier.push(block);
                    at = self.forest.doms.immediate(b);
                }
            }
        }
        Some(frontiers)
    }

    fn place_phis(&mut self) -> Option<()> {
        let mut work = 0;
        let frontiers = self.frontiers(&mut work)?;
        // Registers that some block reads before writing them, and where each
        // register is written.
        let regs = self.func.regs.len();
        let mut crosses = vec![false; regs];
        let mut written: Vec<Vec<BlockId>> = vec![Vec::new(); regs];
        for &block in self.forest.cfg.rpo() {
            for node in &self.func.blocks[block.index()].nodes {
                node.op.for_each_use(|r| crosses[r.index()] |= written[r.index()].last() != Some(&block));
                node.op.for_each_def(|r| {
                    if written[r.index()].last() != Some(&block) {
                        written[r.index()].push(block);
                    }
                });
            }
        }
        let mut has_phi = vec![u32::MAX; self.forest.cfg.len()];
        for reg in (0..regs).filter(|r| crosses[*r]).map(Reg::new) {
            let mut list = std::mem::take(&mut written[reg.index()]);
            while let Some(block) = list.pop() {
                for &join in &frontiers[block.index()] {
                    work += 1;
                    if has_phi[join.index()] != reg.0 {
                        has_phi[join.index()] = reg.0;
                        work += self.forest.cfg.preds(join).len();
                        self.phi_regs[join.index()].push(reg);
                        list.push(join);
                    }
                }
                if !worth!(work <= MAX_WORK) {
                    return None;
                }
            }
        }
        self.crosses = crosses;
        Some(())
    }

    /// Gives every definition and use its value, going down the dominator tree.
    fn name(self) -> Values {
        let cfg = &self.forest.cfg;
        let blocks = cfg.len();
        let mut defs: Vec<Def> = (0..self.func.regs.len())
            .map(|r| Def { reg: Reg::new(r), block: BlockId(0), made: Made::Entry })
            .collect();
        // Numbers: registers at entry, phis, then what nodes make, in order.
        let mut phis = vec![Vec::new(); blocks];
        let (mut args, mut args_at) = (Vec::new(), vec![0u32; defs.len()]);
        for &block in cfg.rpo() {
            let preds = cfg.preds(block).iter().filter(|p| cfg.is_reachable(**p)).count();
            for &reg in &self.phi_regs[block.index()] {
                phis[block.index()].push(Value(defs.len() as u32));
                defs.push(Def { reg, block, made: Made::Phi });
                args_at.push(args.len() as u32);
                args.push(Value(preds as u32));
                args.extend(std::iter::repeat_n(Value(u32::MAX), preds));
            }
        }
        let (mut nodes_at, mut uses_at, mut made_at) = (vec![0u32; blocks], vec![0u32], Vec::new());
        let mut uses = 0u32;
        for &block in cfg.rpo() {
            nodes_at[block.index()] = made_at.len() as u32;
            for (n, node) in self.func.blocks[block.index()].nodes.iter().enumerate() {
                made_at.push(defs.len() as u32);
                node.op.for_each_def(|reg| defs.push(Def { reg, block, made: Made::Node(n as u32) }));
                node.op.for_each_use(|_| uses += 1);
                uses_at.push(uses);
            }
        }
        made_at.push(defs.len() as u32);
        let mut values = Values {
            defs,
            phis,
            args_at,
            args,
            nodes_at,
            uses_at,
            uses: vec![Value(u32::MAX); uses as usize],
            made_at,
            crosses: self.crosses.clone(),
        };
        self.walk(&mut values);
        values
    }

    fn walk(&self, values: &mut Values) {
        enum Step {
            Enter(BlockId),
            /// Registers get back the values they had.
            Leave(usize),
        }
        let cfg = &self.forest.cfg;
        let mut now: Vec<Value> = (0..self.func.regs.len() as u32).map(Value).collect();
        let mut before: Vec<(Reg, Value)> = Vec::new();
        // By block: where it leads, and as which predecessor.
        let mut edges: Vec<Vec<(BlockId, u32)>> = vec![Vec::new(); cfg.len()];
        for &to in cfg.rpo().iter().filter(|b| !values.phis[b.index()].is_empty()) {
            for (i, pred) in (0..).zip(cfg.preds(to).iter().filter(|p| cfg.is_reachable(**p))) {
                edges[pred.index()].push((to, i));
            }
        }
        let mut steps = vec![Step::Enter(BlockId(0))];
        if cfg.is_empty() {
            steps.clear();
        }
        while let Some(step) = steps.pop() {
            let block = match step {
                Step::Leave(mark) => {
                    for (reg, value) in before.drain(mark..).rev() {
                        now[reg.index()] = value;
                    }
                    continue; // to the next step
                }
                Step::Enter(block) => block,
            };
            steps.push(Step::Leave(before.len()));
            let mut set = |now: &mut Vec<Value>, reg: Reg, value: Value| {
                before.push((reg, std::mem::replace(&mut now[reg.index()], value)));
            };
            for &phi in &values.phis[block.index()] {
                set(&mut now, values.defs[phi.index()].reg, phi);
            }
            let first = values.nodes_at[block.index()] as usize;
            for (n, node) in self.func.blocks[block.index()].nodes.iter().enumerate() {
                let mut at = values.uses_at[first + n] as usize;
                node.op.for_each_use(|reg| {
                    values.uses[at] = now[reg.index()];
                    at += 1;
                });
                let mut made = values.made_at[first + n];
                node.op.for_each_def(|reg| {
                    set(&mut now, reg, Value(made));
                    made += 1;
                });
            }
            for &(to, i) in &edges[block.index()] {
                for p in 0..values.phis[to.index()].len() {
                    let phi = values.phis[to.index()][p];
                    let at = (values.args_at[phi.index()] + 1 + i) as usize;
                    values.args[at] = now[values.defs[phi.index()].reg.index()];
                }
            }
            steps.extend(self.below[block.index()].iter().rev().map(|b| Step::Enter(*b)));
        }
    }
}
