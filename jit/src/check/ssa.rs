//! Static single assignment, the checker's own, for registers that addresses
//! are made of: which definition each use of a register reads.
//!
//! Phis are placed at iterated dominance frontiers (Cytron et al., "Efficiently
//! computing static single assignment form", 1991). Names are given in a walk
//! over the dominator tree.

use crate::mir::{Func, MirNode, MirOp, Ty};
use nbc_ir::flow::{Cfg, Dominators};
use nbc_ir::{BlockId, Imm, Operand, Reg, Type};

/// Most steps for placing phis.
const MAX_WORK: usize = 2_000_000;

/// A value, by number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Value(pub u32);

/// A register that is not followed.
pub const UNKNOWN: Value = Value(u32::MAX);

/// What makes a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Made {
    /// The function is entered with it.
    Entry,
    /// Definitions meet where its block begins.
    Phi,
    /// The node of that number in its block.
    Node(u32),
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
pub struct Def {
    /// Its register.
    pub reg: Reg,
    /// Its block.
    pub block: BlockId,
    /// What makes it.
    pub made: Made,
}

/// An operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    /// A value.
    Value(Value),
    /// A literal.
    Imm(Imm),
}

/// See the module.
pub struct Ssa {
    defs: Vec<Def>,
    phis: Vec<Vec<Value>>,
    /// By phi, in the order in which phis were made: its arguments.
    args: Vec<Vec<Value>>,
    first_phi: usize,
    first_node: usize,
    /// By block and node, where its uses begin, and the first value it makes.
    places: Vec<Vec<(u32, u32)>>,
    uses: Vec<Value>,
}

/// Whether a register matters for addresses.
fn is_followed(ty: Ty) -> bool {
    match ty {
        Ty::Value(ty) => matches!(ty, Type::I64 | Type::I32 | Type::Bool | Type::Tensor(_)),
        Ty::Ptr => true,
        Ty::Vector(_) => false,
    }
}

impl Ssa {
    /// The values of a function; `None` when that would take too long.
    pub fn new(func: &Func, cfg: &Cfg, doms: &Dominators) -> Option<Ssa> {
        let followed: Vec<bool> = func.regs.iter().map(|ty| is_followed(*ty)).collect();
        let phi_regs = place_phis(func, cfg, doms, &followed)?;
        let mut ssa = Ssa {
            defs: (0..func.regs.len())
                .map(|r| Def { reg: Reg::new(r), block: BlockId(0), made: Made::Entry })
                .collect(),
            phis: vec![Vec::new(); cfg.len()],
            args: Vec::new(),
            first_phi: func.regs.len(),
            first_node: 0,
            places: vec![Vec::new(); cfg.len()],
            uses: Vec::new(),
        };
        for &block in cfg.rpo() {
            let preds = reachable(cfg, block).count();
            for &reg in &phi_regs[block.index()] {
                ssa.phis[block.index()].push(Value(ssa.defs.len() as u32));
                ssa.defs.push(Def { reg, block, made: Made::Phi });
                ssa.args.push(vec![UNKNOWN; preds]);
            }
        }
        ssa.first_node = ssa.defs.len();
        ssa.name(func, cfg, doms, &followed);
        Some(ssa)
    }

    fn name(&mut self, func: &Func, cfg: &Cfg, doms: &Dominators, followed: &[bool]) {
        enum Step {
            Enter(BlockId),
            Leave(usize),
        }
        let mut below: Vec<Vec<BlockId>> = vec![Vec::new(); cfg.len()];
        for &block in cfg.rpo() {
            if let Some(above) = doms.immediate(block) {
                below[above.index()].push(block);
            }
        }
        let mut now: Vec<Value> =
            followed.iter().zip(0..).map(|(f, r)| if *f { Value(r) } else { UNKNOWN }).collect();
        let mut before: Vec<(Reg, Value)> = Vec::new();
        let mut steps = vec![Step::Enter(BlockId(0))];
        while let Some(step) = steps.pop() {
            let block = match step {
                Step::Leave(mark) => {
                    before.drain(mark..).rev().for_each(|(reg, value)| now[reg.index()] = value);
                    continue;
                }
                Step::Enter(block) => block,
            };
            steps.push(Step::Leave(before.len()));
            for &phi in &self.phis[block.index()] {
                let reg = self.defs[phi.0 as usize].reg;
                before.push((reg, std::mem::replace(&mut now[reg.index()], phi)));
            }
            for (n, node) in (0..).zip(&func.blocks[block.index()].nodes) {
                self.places[block.index()].push((self.uses.len() as u32, self.defs.len() as u32));
                node.op.for_each_use(|reg| self.uses.push(now[reg.index()]));
                node.op.for_each_def(|reg| {
                    let made = Value(self.defs.len() as u32);
                    self.defs.push(Def { reg, block, made: Made::Node(n) });
                    let named = if followed[reg.index()] { made } else { UNKNOWN };
                    before.push((reg, std::mem::replace(&mut now[reg.index()], named)));
                });
            }
            let mut targets: Vec<BlockId> = cfg.succs(block).to_vec();
            targets.sort_unstable();
            targets.dedup();
            for to in targets.into_iter().filter(|to| !self.phis[to.index()].is_empty()) {
                for (i, _) in reachable(cfg, to).enumerate().filter(|(_, pred)| *pred == block) {
                    for phi in &self.phis[to.index()] {
                        let reg = self.defs[phi.0 as usize].reg;
                        self.args[phi.0 as usize - self.first_phi][i] = now[reg.index()];
                    }
                }
            }
            steps.extend(below[block.index()].iter().rev().map(|b| Step::Enter(*b)));
        }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.defs.len()
    }

    /// Where a value comes from.
    pub fn def(&self, value: Value) -> Def {
        self.defs[value.0 as usize]
    }

    /// The phis of a block.
    pub fn phis(&self, block: BlockId) -> &[Value] {
        &self.phis[block.index()]
    }

    /// What meets in a phi, in the order of the predecessors that can be reached.
    pub fn phi_args(&self, phi: Value) -> &[Value] {
        &self.args[phi.0 as usize - self.first_phi]
    }

    /// The first value that a node makes, should it make one.
    pub fn made_by(&self, block: BlockId, node: usize) -> Value {
        Value(self.places[block.index()][node].1)
    }

    /// What a node reads, in the order of [`MirOp::for_each_operand`].
    pub fn operands(&self, op: &MirOp, block: BlockId, node: usize) -> Vec<Arg> {
        let mut at = self.places[block.index()][node].0 as usize;
        let mut args = Vec::new();
        op.for_each_operand(|operand| {
            args.push(match operand {
                Operand::Imm(imm) => Arg::Imm(imm),
                Operand::Reg(_) => {
                    at += 1;
                    Arg::Value(self.uses[at - 1])
                }
            });
        });
        args
    }

    /// The node that makes a value, if one does.
    pub fn maker<'f>(&self, func: &'f Func, value: Value) -> Option<(&'f MirNode, Vec<Arg>)> {
        if value == UNKNOWN {
            return None;
        }
        let def = self.def(value);
        let Made::Node(n) = def.made else { return None };
        let node = &func.blocks[def.block.index()].nodes[n as usize];
        Some((node, self.operands(&node.op, def.block, n as usize)))
    }
}

/// Predecessors of a block that can be reached.
pub fn reachable(cfg: &Cfg, block: BlockId) -> impl Iterator<Item = BlockId> + '_ {
    cfg.preds(block).iter().copied().filter(|p| cfg.is_reachable(*p))
}

/// By block, the registers that get a phi there.
fn place_phis(func: &Func, cfg: &Cfg, doms: &Dominators, followed: &[bool]) -> Option<Vec<Vec<Reg>>> {
    let mut work = 0;
    let mut frontiers: Vec<Vec<BlockId>> = vec![Vec::new(); cfg.len()];
    for &block in cfg.rpo().iter().filter(|b| cfg.preds(**b).len() > 1) {
        for pred in reachable(cfg, block) {
            let mut at = Some(pred);
            while let Some(b) = at.filter(|_| at != doms.immediate(block)) {
                work += 1;
                if frontiers[b.index()].last() == Some(&block) {
                    break;
                }
                frontiers[b.index()].push(block);
                at = doms.immediate(b);
            }
            if work > MAX_WORK {
                return None;
            }
        }
    }
    let mut crosses = vec![false; followed.len()];
    let mut written: Vec<Vec<BlockId>> = vec![Vec::new(); followed.len()];
    for &block in cfg.rpo() {
        for node in &func.blocks[block.index()].nodes {
            node.op.for_each_use(|r| crosses[r.index()] |= written[r.index()].last() != Some(&block));
            node.op.for_each_def(|r| {
                if written[r.index()].last() != Some(&block) {
                    written[r.index()].push(block);
                }
            });
        }
    }
    let mut phi_regs: Vec<Vec<Reg>> = vec![Vec::new(); cfg.len()];
    let mut has_phi = vec![u32::MAX; cfg.len()];
    for reg in (0..followed.len()).filter(|r| followed[*r] && crosses[*r]).map(Reg::new) {
        let mut open = std::mem::take(&mut written[reg.index()]);
        while let Some(block) = open.pop() {
            for &join in &frontiers[block.index()] {
                work += 1;
                if std::mem::replace(&mut has_phi[join.index()], reg.0) != reg.0 {
                    work += cfg.preds(join).len();
                    phi_regs[join.index()].push(reg);
                    open.push(join);
                }
            }
            if work > MAX_WORK {
                return None;
            }
        }
    }
    Some(phi_regs)
}
