//! Reassociation: where integers are combined in an order that does not matter,
//! the operand that a loop waits for enters last. Compilers do it by ranks;
//! here it is by when operands are there.
//!
//! An iteration may take the minimum of three numbers, one of which it has from the
//! iteration before. It is as slow as what lies between that one and the result, and that
//! should be one minimum, not two. So the pass looks for values that come back to
//! themselves from iteration to iteration through a tree of additions, minima and so on.
//! It puts the operands of the tree together in the order in which they are there.
//! Integers wrap, so nothing changes in any bit; floats are left alone.
//!
//! Proves: that what stands between two nodes of a tree reads nothing that is in it. Relies on:
//! integers wrap, so sums and the like are associative and commutative.

use crate::midend::analysis::Analyses;
use crate::midend::analysis::loops::{Forest, LoopId};
use crate::midend::analysis::values::{Arg, Made, Value, Values};
use crate::midend::pass::simplify::fold::fold;
use crate::mir::{Func, MirNode, MirOp};
use nbc_ir::{BlockId, Opcode, Operand, Reg};
use rustc_hash::FxHashMap;

/// Most nodes of a loop.
const MAX_NODES: usize = 400;
/// Most operands of a tree.
const MAX_OPERANDS: usize = 8;
/// Most values that come back and are followed.
const MAX_PHIS: usize = 12;
/// About how long what comes back takes at least where it is worth the trouble.
const MIN_TIME: u32 = 2;

/// Puts operands of trees in order in the innermost loops of `func`.
pub fn run(func: &mut Func, known: &mut Analyses) -> bool {
    let forest = known.forest(func);
    let is_candidate = |id: &LoopId| {
        let l = forest.get(*id);
        let hot = !l.cold && l.children.is_empty() && l.latches.len() == 1;
        worth!(hot && l.size <= MAX_NODES && l.own.iter().any(|b| has_trees(func, *b)))
    };
    let loops: Vec<LoopId> = forest.ids().filter(is_candidate).collect();
    if loops.is_empty() {
        return false; // there is nothing to do
    }
    let Some(values) = known.values(func) else { return false };
    let before = known.before(func);
    let reads = Reads::new(&before, &forest, &values);
    let mut changed = false;
    for id in loops {
        let iteration = Iteration { func: &before, forest: &forest, values: &values, reads: &reads, id };
        let times = iteration.times();
        if !times.is_empty() {
            for block in &forest.get(id).own {
                changed |= iteration.reorder(*block, &times, func);
            }
        }
    }
    changed
}

/// Whether operands of such an instruction may be put in any order.
fn is_free(opcode: Opcode) -> bool {
    use Opcode::*;
    let wide = [I64Add, I64Mul, I64And, I64Or, I64Xor, I64Min, I64Max, I64MinU, I64MaxU];
    let narrow = [I32Add, I32Mul, I32And, I32Or, I32Xor, I32Min, I32Max, I32MinU, I32MaxU];
    wide.contains(&opcode) || narrow.contains(&opcode)
}

fn free_opcode(op: &MirOp) -> Option<Opcode> {
    match op {
        MirOp::Inst(inst) => Some(inst.opcode()).filter(|o| required!(is_free(*o))),
        _ => None,
    }
}

/// Whether a free instruction has an operand that the same one has made.
fn has_trees(func: &Func, block: BlockId) -> bool {
    let mut made: Vec<(Opcode, Reg)> = Vec::new();
    func.blocks[block.index()].nodes.iter().any(|node| {
        let Some(opcode) = free_opcode(&node.op) else { return false };
        let mut is_tree = false;
        node.op.for_each_use(|r| is_tree |= made.contains(&(opcode, r)));
        node.op.for_each_def(|r| made.push((opcode, r)));
        is_tree
    })
}

/// About how long an instruction takes.
fn time(op: &MirOp) -> u32 {
    use Opcode::*;
    let MirOp::Inst(inst) = op else { return 4 };
    match inst.opcode() {
        Copy => 0,
        I64Mul | I32Mul => 3,
        I64Min | I64Max | I64MinU | I64MaxU | I32Min | I32Max | I32MinU | I32MaxU | Select => 2,
        I64Div | I64DivU | I64Rem | I64RemU | I32Div | I32DivU | I32Rem | I32RemU => 16,
        _ if inst.opcode().mnemonic().starts_with('f') => 4,
        _ => 1,
    }
}

/// How often each value is read, up to two, by nodes and by phis.
struct Reads(Vec<u8>);

impl Reads {
    fn new(func: &Func, forest: &Forest, values: &Values) -> Reads {
        let mut counts = vec![0u8; values.len()];
        let mut add = |v: &Value| counts[v.index()] = (counts[v.index()] + 1).min(2);
        for &block in forest.cfg.rpo() {
            for phi in values.phis(block) {
                values.phi_args(*phi).iter().for_each(&mut add);
            }
            for n in 0..func.blocks[block.index()].nodes.len() {
                values.uses(block, n).iter().for_each(&mut add);
            }
        }
        Reads(counts)
    }
}

/// When values are there, from when the iteration before is done.
type Times = FxHashMap<Value, u32>;

/// The body of a loop.
struct Iteration<'a> {
    func: &'a Func,
    forest: &'a Forest,
    values: &'a Values,
    reads: &'a Reads,
    id: LoopId,
}

/// A tree of one instruction: nodes of a block, the last of which is the root.
struct Tree {
    /// The register that the root writes.
    dst: Reg,
    /// In order.
    nodes: Vec<usize>,
    /// What it combines, and which node reads that.
    operands: Vec<(Operand, Arg, usize)>,
}

impl Iteration<'_> {
    /// When values are there that take long to come back; none where nothing
    /// takes long.
    fn times(&self) -> Times {
        let l = self.forest.get(self.id);
        let cfg = &self.forest.cfg;
        let mut all = Times::default();
        for phi in self.values.phis(l.header).iter().take(MAX_PHIS) {
            let preds = cfg.preds(l.header).iter().filter(|p| cfg.is_reachable(**p));
            let mut back = preds.zip(self.values.phi_args(*phi)).filter(|(p, _)| l.latches.contains(p));
            let Some((_, back)) = back.next() else { continue };
            let times = self.times_from(*phi);
            if !worth!(times.get(back).is_some_and(|t| *t >= MIN_TIME)) {
                continue;
            }
            for (value, time) in times {
                let known = all.entry(value).or_default();
                *known = time.max(*known);
            }
        }
        all
    }

    /// How long after a phi of the header values are there that need it.
    fn times_from(&self, phi: Value) -> Times {
        let l = self.forest.get(self.id);
        let mut times = Times::default();
        times.insert(phi, 0);
        for &block in &l.own {
            if block != l.header {
                for joined in self.values.phis(block) {
                    let latest = self.values.phi_args(*joined).iter().filter_map(|a| times.get(a)).max();
                    if let Some(latest) = latest.copied() {
                        times.insert(*joined, latest);
                    }
                }
            }
            for (n, node) in self.func.blocks[block.index()].nodes.iter().enumerate() {
                let latest = self.values.uses(block, n).iter().filter_map(|a| times.get(a)).max();
                if let (Some(latest), Some(made)) = (latest.copied(), self.values.made_by(block, n)) {
                    times.insert(made, latest + time(&node.op));
                }
            }
        }
        times
    }

    fn node(&self, block: BlockId, n: usize) -> &MirNode {
        &self.func.blocks[block.index()].nodes[n]
    }

    /// The tree that ends with node `root`, of three operands or more.
    fn tree(&self, block: BlockId, root: usize) -> Option<Tree> {
        let opcode = free_opcode(&self.node(block, root).op)?;
        let dst = self.values.def(self.values.made_by(block, root)?).reg;
        let mut tree = Tree { dst, nodes: vec![root], operands: Vec::new() };
        let mut next = 0;
        while let Some(&n) = tree.nodes.get(next) {
            next += 1;
            let op = &self.node(block, n).op;
            let mut args = self.values.args(op, block, n).into_iter();
            let mut given = Vec::new();
            op.for_each_operand(|operand| given.extend(args.next().map(|arg| (operand, arg))));
            for (operand, arg) in given {
                match self.inner(block, opcode, arg) {
                    Some(inner) => tree.nodes.push(inner),
                    None => tree.operands.push((operand, arg, n)),
                }
            }
            if !worth!(tree.operands.len() <= MAX_OPERANDS) {
                return None;
            }
        }
        tree.nodes.sort_unstable();
        worth!(tree.operands.len() > 2).then_some(tree)
    }

    /// The node of the block that makes `arg`, if nobody else wants that.
    fn inner(&self, block: BlockId, opcode: Opcode, arg: Arg) -> Option<usize> {
        let Arg::Value(value) = arg else { return None };
        let def = self.values.def(value);
        let Made::Node(n) = def.made else { return None };
        let n = n as usize;
        let is_part = required!(def.block == block)
            && required!(self.reads.0[value.index()] == 1)
            && required!(free_opcode(&self.node(block, n).op) == Some(opcode));
        is_part.then_some(n) // marked above
    }

    /// Whether every register that the tree reads still holds that when it ends.
    fn is_held(&self, block: BlockId, tree: &Tree) -> bool {
        let root = tree.nodes[tree.nodes.len() - 1];
        tree.operands.iter().all(|(operand, _, from)| {
            let Operand::Reg(reg) = operand else { return true };
            (*from..root).filter(|n| !tree.nodes.contains(n)).all(|n| {
                let mut kept = true;
                self.node(block, n).op.for_each_def(|r| kept &= r != *reg);
                kept
            })
        })
    }

    /// Reorders the trees of a block that something long goes through.
    fn reorder(&self, block: BlockId, times: &Times, func: &mut Func) -> bool {
        let old = &self.func.blocks[block.index()].nodes;
        let mut parts: Vec<usize> = Vec::new();
        // By position, what stands there instead.
        let mut new: FxHashMap<usize, Vec<MirNode>> = FxHashMap::default();
        for root in (0..old.len()).rev() {
            if parts.contains(&root) {
                continue; // it is done with the tree that it is in
            }
            let Some(tree) = self.tree(block, root) else { continue };
            parts.extend_from_slice(&tree.nodes);
            let now = self.values.made_by(block, root).and_then(|v| times.get(&v).copied());
            let Some(now) = now.filter(|_| required!(self.is_held(block, &tree))) else { continue };
            let (nodes, then) = write(&old[root], &tree, times, func);
            if worth!(then < now) {
                new.extend(tree.nodes.iter().map(|n| (*n, Vec::new())));
                new.insert(root, nodes);
            }
        }
        if new.is_empty() {
            return false; // there is nothing to do
        }
        let nodes = old.iter().enumerate();
        func.blocks[block.index()].nodes =
            nodes.flat_map(|(n, node)| new.remove(&n).unwrap_or_else(|| vec![node.clone()])).collect();
        true
    }
}

/// Writes the tree that ends with `root` so that what is there first is
/// combined first. When that is done.
fn write(root: &MirNode, tree: &Tree, times: &Times, func: &mut Func) -> (Vec<MirNode>, u32) {
    let time_of = |arg: &Arg| match arg {
        Arg::Value(value) => times.get(value).copied(),
        Arg::Imm(_) => None,
    };
    // In order of time; what the iteration before has nothing to do with is first,
    // and of that literals.
    let mut left: Vec<(Option<u32>, Operand)> =
        tree.operands.iter().map(|(o, a, _)| (time_of(a), *o)).collect();
    left.sort_by_key(|(time, operand)| (*time, matches!(operand, Operand::Reg(_))));
    let ty = func.regs[tree.dst.index()];
    let mut nodes = Vec::new();
    loop {
        let ((early, a), (late, b)) = (left.remove(0), left.remove(0));
        let dst = if left.is_empty() { tree.dst } else { func.reg(ty) };
        let mut op = root.op.clone();
        // The last first: where a result takes the place of the first operand,
        // what comes back stays in its register.
        let mut operands = [b, a].into_iter();
        op.map_uses(|operand| operands.next().unwrap_or(operand));
        op.map_defs(|_| dst);
        let then = early.max(late).map(|t| t + time(&root.op));
        if left.is_empty() {
            nodes.push(MirNode { op, origin: root.origin });
            return (nodes, then.unwrap_or_default());
        }
        // Of counters that are stepped twice one step is left, as others expect.
        let known = match &op {
            MirOp::Inst(inst) if matches!((a, b), (Operand::Imm(_), Operand::Imm(_))) => fold(inst),
            _ => None,
        };
        let made = known.map_or(dst.into(), Operand::Imm);
        if known.is_none() {
            nodes.push(MirNode { op, origin: root.origin });
        }
        let at = left.partition_point(|(time, _)| *time <= then);
        left.insert(at, (then, made));
    }
}
