//! Scalar replacement of memory recurrences, or store-to-load forwarding across
//! iterations (Callahan, Carr and Kennedy, "Improving register allocation for
//! subscripted variables", 1990). An element that a loop would read from memory an
//! iteration after it has stored or read it stays in a register.
//!
//! An address is a polynomial in what registers hold as an iteration begins, and
//! what they hold as the next begins is one as well. So it can be told that an
//! unchecked read goes, in the iteration after, exactly where some access goes that
//! every iteration makes. Where no write in between can be at that address, the
//! element is carried in a register. A read before the loop sets it for the first
//! iteration. Stores stay, so memory is at each moment what the program says, and
//! whatever ends a loop finds it so.
//!
//! The read before the loop is one that the first iteration is sure to make. Else
//! it has a test of its own that the element is there. Where it is not, the first
//! iteration does not read it.
//!
//! Loops that became vectors are left alone, and this runs after them: what is
//! carried from iteration to iteration could be no lane.
//!
//! Proves: the address of a read in the next iteration is that of an access in this one, modulo
//! 2^64. Nothing in between is written there. Relies on: residues, and that accesses without a check
//! lie in their tensors.

use crate::midend::analysis::Analyses;
use crate::midend::analysis::induction::Induction;
use crate::midend::analysis::induction::residue::Residue;
use crate::midend::analysis::loops::{Loop, LoopId};
use crate::midend::analysis::motion::{Between, may_be_evaluated};
use crate::midend::analysis::poly::{Atom, Quantity};
use crate::midend::analysis::values::{Arg, Made, Value};
use crate::mir::{Field, Func, MirNode, MirOp, Ty, Write};
use nbc_ir::inst::{Effect, Imm};
use nbc_ir::{BlockId, Elem, Inst, Operand, Reg, Type};
use rustc_hash::FxHashMap;

/// Most nodes of a loop.
const MAX_NODES: usize = 400;
/// Most elements that a loop carries: more would not find registers.
const MAX_CARRIED: usize = 6;
/// Most accesses of a loop.
const MAX_ACCESSES: usize = 48;
/// Most nodes that compute the address of the first read.
const MAX_INDEX: usize = 12;

/// Has innermost loops of `func` carry elements.
pub fn run(func: &mut Func, known: &mut Analyses) -> bool {
    let forest = known.forest(func);
    let headers: Vec<BlockId> =
        forest.loops.iter().filter(|l| is_candidate(func, l)).map(|l| l.header).collect();
    if headers.is_empty() {
        return false; // there is nothing to do
    }
    let lacks = |l: &Loop| headers.contains(&l.header) && l.preheader.is_none();
    let (forest, mut changed) = match forest.loops.iter().any(lacks) {
        true => known.with_preheaders(func),
        false => (forest, false),
    };
    let Some(it) = known.induction(func) else { return changed };
    for id in forest.ids().filter(|id| headers.contains(&forest.get(*id).header)) {
        let (Some(entry), Some(iteration)) = (forest.get(id).preheader, Iteration::new(&it, id)) else {
            continue;
        };
        let carried = iteration.carried();
        if !carried.is_empty() {
            Rewrite { iteration: &iteration, func, entry }.run(&carried);
            changed = true;
        }
    }
    changed
}

/// Whether a loop is one to look at. Those with several entries are what is
/// left of loops that became vectors.
fn is_candidate(func: &Func, l: &Loop) -> bool {
    // Every place is passed at most once an iteration.
    let is_plain = required!(l.children.is_empty())
        && required!(l.is_reducible)
        && worth!(l.latches.len() == 1 && l.entries.len() == 1);
    if !is_plain || !worth!(!l.cold && l.size <= MAX_NODES) {
        return false;
    }
    let nodes = || l.own.iter().flat_map(|b| &func.blocks[b.index()].nodes);
    nodes().any(|n| matches!(n.op, MirOp::Load { .. }))
        && required!(!nodes().any(|n| matches!(n.op, MirOp::LoadVector { .. } | MirOp::StoreVector { .. })))
}

/// A place in a loop: later ones come after earlier ones, or on other ways.
type Place = (usize, usize);

/// The base that an address is relative to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    /// The data of a tensor.
    Data(Value),
    /// An address.
    Other(Value),
}

/// Where an access goes, in terms of what registers hold as the iteration begins
/// and of what the iteration computes.
#[derive(Clone)]
struct Where {
    base: Base,
    /// Bytes from there, as an address has them: modulo 2^64.
    bytes: Residue,
    elem: Elem,
}

impl Where {
    /// Bytes from `other` to here, if that is known.
    fn from(&self, other: &Where) -> Option<i64> {
        if !required!(self.base == other.base) {
            return None;
        }
        self.bytes.distance_from(&other.bytes)
    }

    /// Whether it is the same element: a tensor has elements of one type.
    fn is(&self, other: &Where) -> bool {
        required!(self.from(other) == Some(0))
    }

    /// Whether they are sure to have no byte in common.
    fn is_apart(&self, other: &Where) -> bool {
        self.from(other).is_some_and(|d| required!(d >= other.size() || d <= -self.size()))
    }

    /// Bytes of the element, or of the part of one.
    fn size(&self) -> i64 {
        match self.elem {
            Elem::C64 => 4,
            Elem::C128 => 8,
            elem => elem.size() as i64,
        }
    }
}

/// An access of a loop.
struct Access {
    at: Place,
    block: BlockId,
    node: usize,
    write: bool,
    goes: Where,
    /// Whether every iteration that does not leave makes it.
    each_iteration: bool,
}

/// The body of a loop.
struct Iteration<'a> {
    it: &'a Induction,
    id: LoopId,
    latch: BlockId,
    /// In order.
    accesses: Vec<Access>,
    /// Where anything may be written.
    clobbers: Vec<Place>,
    /// The first node that may trap, or leave in some such way.
    risk: Place,
}

/// An element that is to be carried.
struct Carried {
    /// Reads that get it from the iteration before, as positions in the accesses.
    /// The first is sure to be made by the first iteration, if any is.
    reads: Vec<usize>,
    /// The access that each iteration makes, after which it is known.
    source: usize,
    /// Stores after that which may set it again.
    again: Vec<usize>,
    /// Whether it is the same in all iterations.
    is_fixed: bool,
    /// Whether the first iteration makes the first read.
    is_sure: bool,
}

impl<'a> Iteration<'a> {
    fn new(it: &'a Induction, id: LoopId) -> Option<Iteration<'a>> {
        let l = it.forest.get(id);
        let [latch] = *l.latches else { return None };
        let risk = (usize::MAX, 0);
        let mut iteration = Iteration { it, id, latch, accesses: Vec::new(), clobbers: Vec::new(), risk };
        for &block in &l.own {
            let rank = it.forest.cfg.rank(block)?;
            let each_iteration = it.forest.doms.dominates(block, latch);
            for (node, n) in it.func.blocks[block.index()].nodes.iter().enumerate() {
                let at = (rank, node);
                let write = matches!(n.op, MirOp::Store { .. });
                if let MirOp::Load { elem, .. } | MirOp::Store { elem, .. } = n.op {
                    match iteration.goes(block, node, elem) {
                        Some(goes) => {
                            iteration.accesses.push(Access { at, block, node, write, goes, each_iteration });
                        }
                        None if write => guard!(iteration.clobbers.push(at)),
                        None => {}
                    }
                    continue; // it is noted
                }
                let MirOp::Inst(inst) = &n.op else { continue };
                match inst.opcode().effect() {
                    // What is alive is what was before.
                    Effect::Region if worth!(true) => return None,
                    Effect::Stores | Effect::Calls => guard!(iteration.clobbers.push(at)),
                    _ => {}
                }
                if !n.op.is_droppable() && !inst.opcode().is_terminator() {
                    guard!(iteration.risk = iteration.risk.min(at));
                }
            }
        }
        iteration.accesses.sort_by_key(|a| a.at);
        worth!(iteration.accesses.len() <= MAX_ACCESSES).then_some(iteration)
    }

    /// Where an access goes, if that is in terms of things known.
    fn goes(&self, block: BlockId, node: usize, elem: Elem) -> Option<Where> {
        let op = &self.it.func.blocks[block.index()].nodes[node].op;
        let (MirOp::Load { at, .. } | MirOp::Store { at, .. }) = op else { return None };
        let args = self.it.values.args(op, block, node);
        let Arg::Value(base) = args[0] else { return None };
        if !required!(self.it.is_fixed(base, self.id)) {
            return None;
        }
        let base = match self.it.maker(base) {
            Some((MirOp::Field { field: Field::Data, .. }, of)) => match *of {
                [Arg::Value(tensor)] => Base::Data(self.it.original(tensor)),
                _ => return None, // shape
            },
            _ => Base::Other(base),
        };
        let index = self.it.index(args[1])?;
        let bytes = index.times_number(at.scale.into())?.plus_number(at.offset.into())?;
        Some(Where { base, bytes, elem })
    }

    /// What is in the next iteration at the place of a quantity, in terms of this.
    fn next(&self, atom: Atom) -> Option<Residue> {
        let wide = self.it.widths.wide;
        let quantity = self.it.atoms.borrow().get(atom).clone();
        match quantity {
            Quantity::Value(value) if forbidden!(!self.it.is_fixed(value, self.id)) => {
                let def = self.it.values.def(value);
                let header = self.it.forest.get(self.id).header;
                if !required!(def.made == Made::Phi && def.block == header) {
                    return None;
                }
                let cfg = &self.it.forest.cfg;
                let preds = cfg.preds(header).iter().filter(|p| cfg.is_reachable(**p));
                let mut back = preds.zip(self.it.values.phi_args(value)).filter(|(p, _)| **p == self.latch);
                let (_, arg) = back.next()?;
                self.it.residue(*arg).cloned()
            }
            Quantity::Value(_) => Some(Residue::atom(atom, wide)),
            Quantity::Field(tensor, _) => {
                required!(self.it.is_fixed(tensor, self.id)).then(|| Residue::atom(atom, wide))
            }
            Quantity::Count(_) | Quantity::Quotient(..) => None,
        }
    }

    /// What to carry.
    fn carried(&self) -> Vec<Carried> {
        let mut list: Vec<Carried> = Vec::new();
        for (n, read) in self.accesses.iter().enumerate().filter(|(_, a)| !a.write) {
            let Some(bytes) = read.goes.bytes.mapped(|atom| self.next(atom)) else { continue };
            let next = Where { bytes, ..read.goes.clone() };
            let Some((source, again)) = self.source(read, &next) else { continue };
            let is_sure = self.is_sure(read);
            if !(is_sure || worth!(self.can_be_tested(read))) || !required!(self.can_be_copied(read)) {
                continue;
            }
            // What finds the same in the next iteration need not do so in the first.
            let is_same = |c: &&mut Carried| {
                c.source == source && required!(self.accesses[c.reads[0]].goes.is(&read.goes))
            };
            match list.iter_mut().find(is_same) {
                Some(known) if is_sure && !known.is_sure => {
                    known.reads.insert(0, n);
                    known.is_sure = true;
                }
                Some(known) => known.reads.push(n),
                None => {
                    let is_fixed = next.is(&read.goes);
                    list.push(Carried { reads: vec![n], source, again, is_fixed, is_sure });
                }
            }
        }
        // What waits for a store gains most.
        list.sort_by_key(|c| !self.accesses[c.source].write);
        list.truncate(MAX_CARRIED);
        list
    }

    /// The access after which it is known what `read` finds at `next` in the
    /// iteration after, and the stores after it to that place.
    fn source(&self, read: &Access, next: &Where) -> Option<(usize, Vec<usize>)> {
        let before = |w: &Access| w.write && w.at < read.at && !w.goes.is_apart(&read.goes);
        if forbidden!(self.accesses.iter().any(before))
            || forbidden!(self.clobbers.iter().any(|at| *at < read.at))
        {
            return None;
        }
        let same = |write: bool| {
            let list = self.accesses.iter().enumerate().rev();
            let is_source = move |a: &Access| required!(a.each_iteration) && a.goes.is(next);
            list.filter(move |(_, a)| a.write == write && is_source(a))
        };
        same(true).chain(same(false)).find_map(|(n, source)| {
            if forbidden!(self.clobbers.iter().any(|at| *at > source.at)) {
                return None;
            }
            let mut again = Vec::new();
            for (m, w) in self.accesses.iter().enumerate().filter(|(_, w)| w.write && w.at > source.at) {
                if w.goes.is(next) {
                    guard!(again.push(m));
                } else if !required!(w.goes.is_apart(next)) {
                    return None;
                }
            }
            Some((n, again))
        })
    }

    /// Whether an iteration that begins is sure to come to an access: it is on every
    /// way out and back, and nothing before it can trap. Fuel may run out, but
    /// that says nothing about indices.
    fn is_sure(&self, access: &Access) -> bool {
        let forest = &self.it.forest;
        let ways_out = |b: &&BlockId| forest.cfg.succs(**b).iter().any(|to| !forest.contains(self.id, *to));
        let comes_first = |b: &BlockId| forest.doms.dominates(access.block, *b);
        required!(access.each_iteration)
            && required!(access.at < self.risk)
            && required!(forest.get(self.id).own.iter().filter(ways_out).all(comes_first))
    }

    /// Whether it can be told before the loop that the element is there.
    fn can_be_tested(&self, access: &Access) -> bool {
        let func = &self.it.func;
        let MirOp::Load { at, .. } = &func.blocks[access.block.index()].nodes[access.node].op else {
            return false; // shape
        };
        let Some((base, tensor)) = self.data_of(access) else { return false };
        // Nodes are put in there, which loops that are looked at do without.
        let around = self.it.forest.innermost(self.it.values.def(base).block);
        func.elem(tensor).is_some_and(|elem| required!(elem.size() == usize::from(at.scale)))
            && around.is_none_or(|id| required!(!self.it.forest.get(id).children.is_empty()))
    }

    /// The node that takes the address of the data that an access goes to, and
    /// the tensor.
    fn data_of(&self, access: &Access) -> Option<(Value, Reg)> {
        let op = &self.it.func.blocks[access.block.index()].nodes[access.node].op;
        let Some(Arg::Value(base)) = self.it.values.args(op, access.block, access.node).first().copied()
        else {
            return None; // shape
        };
        match self.it.maker(base) {
            Some((MirOp::Field { field: Field::Data, tensor, .. }, _)) => Some((base, *tensor)),
            _ => None,
        }
    }

    /// Whether the address that an access has in the first iteration can be computed
    /// before the loop.
    fn can_be_copied(&self, access: &Access) -> bool {
        self.slice(access).is_some()
    }

    /// The nodes of the loop that compute the index of an access, in order.
    fn slice(&self, access: &Access) -> Option<Vec<Value>> {
        let mut found: Vec<Value> = Vec::new();
        let mut open: Vec<Value> = self.it.values.uses(access.block, access.node)[1..].to_vec();
        while let Some(value) = open.pop() {
            if required!(self.is_there(value)) || found.contains(&value) {
                continue;
            }
            let (op, args) = self.it.maker(value)?;
            // Nothing but arithmetic, which can be done at any time.
            if !required!(may_be_evaluated(op, Between::Anything)) || !worth!(found.len() < MAX_INDEX) {
                return None;
            }
            found.push(value);
            open.extend(args.iter().filter_map(|a| match a {
                Arg::Value(v) => Some(*v),
                Arg::Imm(_) => None,
            }));
        }
        let place = |v: &Value| {
            let def = self.it.values.def(*v);
            let node = if let Made::Node(n) = def.made { n } else { 0 };
            (self.it.forest.cfg.rank(def.block), node)
        };
        found.sort_by_key(place);
        Some(found)
    }

    /// Whether the register of a value holds it, for the first iteration, before the
    /// loop already.
    fn is_there(&self, value: Value) -> bool {
        let def = self.it.values.def(value);
        let header = self.it.forest.get(self.id).header;
        self.it.is_fixed(value, self.id) || required!(def.block == header && def.made == Made::Phi)
    }
}

/// Changes a loop.
struct Rewrite<'a, 'f> {
    iteration: &'a Iteration<'a>,
    func: &'f mut Func,
    /// The block before it, now.
    entry: BlockId,
}

/// Writes nodes at the end of a block.
struct Front<'f> {
    func: &'f mut Func,
    block: BlockId,
    origin: u32,
}

impl Write for Front<'_> {
    fn func(&mut self) -> &mut Func {
        self.func
    }

    fn push(&mut self, op: impl Into<MirOp>) {
        let node = MirNode { op: op.into(), origin: self.origin };
        self.func.blocks[self.block.index()].nodes.push(node);
    }
}

impl Rewrite<'_, '_> {
    fn run(&mut self, list: &[Carried]) {
        let it = self.iteration.it;
        // By block and node, what is to follow a node.
        let mut after: Vec<(BlockId, usize, Inst)> = Vec::new();
        let mut at_end = Vec::new();
        for carried in list {
            let first = &self.iteration.accesses[carried.reads[0]];
            let ty = match &it.func.blocks[first.block.index()].nodes[first.node].op {
                MirOp::Load { dst, .. } => it.func.regs[dst.index()],
                _ => continue,
            };
            let len = match carried.is_sure {
                true => None,
                false => match self.length(first) {
                    Some(len) => Some(len),
                    None => continue, // it can be tested, so there is one
                },
            };
            let held = self.func.reg(ty);
            self.read_before(first, held, len);
            for &n in &carried.reads {
                let read = &self.iteration.accesses[n];
                let node = &mut self.func.blocks[read.block.index()].nodes[read.node].op;
                if let MirOp::Load { dst, .. } = *node {
                    *node = MirOp::Inst(Inst::Copy { dst, a: held.into() });
                }
            }
            // Nothing is written there if the read itself is what it is known by.
            if carried.is_fixed
                && required!(carried.again.is_empty())
                && carried.reads.contains(&carried.source)
            {
                continue;
            }
            let next = self.func.reg(ty);
            for &n in carried.again.iter().chain([&carried.source]) {
                let access = &self.iteration.accesses[n];
                let inst = match it.func.blocks[access.block.index()].nodes[access.node].op {
                    MirOp::Load { dst, .. } => Inst::Copy { dst: next, a: dst.into() },
                    // What is read again is what a byte holds.
                    MirOp::Store { elem: Elem::U8, value, .. } if forbidden!(true) => {
                        Inst::I32And { dst: next, a: value, b: 255i32.into() }
                    }
                    MirOp::Store { value, .. } => Inst::Copy { dst: next, a: value },
                    _ => continue,
                };
                after.push((access.block, access.node, inst));
            }
            at_end.push(Inst::Copy { dst: held, a: next.into() });
        }
        // From the back, so that positions stay what they are. A register that
        // is read in this iteration is set for the next at the very end.
        let nodes = &mut self.func.blocks[self.iteration.latch.index()].nodes;
        let end = nodes.len() - 1;
        let origin = nodes[end].origin;
        nodes.splice(end..end, at_end.into_iter().map(|inst| MirNode { op: MirOp::Inst(inst), origin }));
        after.sort_by_key(|a| std::cmp::Reverse(a.1));
        for (block, node, inst) in after {
            let nodes = &mut self.func.blocks[block.index()].nodes;
            let origin = nodes[node].origin;
            nodes.insert(node + 1, MirNode { op: MirOp::Inst(inst), origin });
        }
    }

    /// Sets `held`, before the loop, to what the first iteration would read: if it
    /// is sure to, or there are `len` elements and it is one of them.
    fn read_before(&mut self, read: &Access, held: Reg, len: Option<Reg>) {
        let it = self.iteration.it;
        let node = &it.func.blocks[read.block.index()].nodes[read.node];
        let MirOp::Load { elem, mut at, .. } = node.op else { return };
        let entry = self.entry;
        let Some(go) = self.func.blocks[entry.index()].nodes.pop() else { return };
        let mut front = Front { func: self.func, block: entry, origin: node.origin };
        let mut copies: FxHashMap<Value, Operand> = FxHashMap::default();
        for value in self.iteration.slice(read).unwrap_or_default() {
            let Some((op, args)) = it.maker(value) else { continue };
            let def = it.values.def(value);
            let dst = front.func.reg(it.func.regs[def.reg.index()]);
            let mut op = op.clone();
            let mut args = args.into_iter();
            op.map_uses(|operand| match args.next() {
                Some(Arg::Value(v)) => copies.get(&v).copied().unwrap_or(operand),
                _ => operand,
            });
            op.map_defs(|_| dst);
            front.push(op);
            copies.insert(value, dst.into());
        }
        if let Some(value) = it.values.uses(read.block, read.node).get(1)
            && let Some(copy) = copies.get(value)
        {
            at.index = *copy;
        }
        let load = MirOp::Load { dst: held, elem, at };
        let Some(len) = len else {
            front.push(load);
            front.func.blocks[entry.index()].nodes.push(go);
            return;
        };
        // A part of an element begins where the element does, or in it.
        let by = i64::from(at.offset).div_euclid(at.scale.into());
        let index = match by {
            0 => at.index,
            by => front.integer(|dst| Inst::I64Add { dst, a: at.index, b: by.into() }),
        };
        let is_there = front.truth(|dst| Inst::I64LtU { dst, a: index, b: len.into() });
        let [there, none, join] = [(); 3].map(|()| front.func.block());
        front.push(Inst::BrIf { cond: is_there.into(), then_to: there, else_to: none });
        front.block = there;
        front.push(load);
        front.push(Inst::Br { target: join });
        front.block = none;
        let zero = match front.func.regs[held.index()] {
            Ty::Value(Type::F64) => Imm::F64(0),
            Ty::Value(Type::F32) => Imm::F32(0),
            Ty::Value(Type::I32) => Imm::I32(0),
            Ty::Value(Type::Bool) => Imm::Bool(false),
            _ => Imm::I64(0),
        };
        front.push(Inst::Copy { dst: held, a: zero.into() });
        front.push(Inst::Br { target: join });
        front.func.blocks[join.index()].nodes.push(go);
        self.entry = join;
    }

    /// A register with the number of elements of the tensor that a read goes
    /// to. It is set where the address of the data is taken.
    fn length(&mut self, read: &Access) -> Option<Reg> {
        let (base, tensor) = self.iteration.data_of(read)?;
        let def = self.iteration.it.values.def(base);
        let is_it = |n: &MirNode| matches!(n.op, MirOp::Field { dst, tensor: of, field: Field::Data } if dst == def.reg && of == tensor);
        let len = self.func.value(Type::I64);
        let nodes = &mut self.func.blocks[def.block.index()].nodes;
        let at = nodes.iter().position(is_it)?;
        let node =
            MirNode { op: MirOp::Field { dst: len, tensor, field: Field::Len }, origin: nodes[at].origin };
        nodes.insert(at + 1, node);
        Some(len)
    }
}
