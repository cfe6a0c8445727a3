//! Translation of bytecode to micro-operations, one function at a time.
//!
//! Invariant: it takes time linear in the function's size.

use super::finish::{Carried, Finish, is_closed};
use super::literals::{Literals, room_for};
use crate::machine::instr::{LINK_SLOTS, OUT_BASE, SCRATCH};
use crate::machine::micro::{
    BinaryOp, Class, CompareOp, DivisionOp, Micro, MicroOp, SharedOp, Src, TruncationOp, UnaryOp,
};
use crate::machine::site::op_site;
use crate::machine::site::{HostSite, Site};
use crate::plan::{HostStep, Plan};
use nbc_ir::flow::Cfg;
use nbc_ir::inst::Visitor;
use nbc_ir::verify::VerifiedModule;
use nbc_ir::{BlockId, ConstId, Elem, FuncId, Function, GlobalId, Imm, Inst, Item, OpId, Operand, Reg, Type};
use rustc_hash::{FxHashMap, FxHashSet};

/// A function as micro-operations.
pub struct Translated {
    /// Micro-operations, block after block.
    pub micros: Vec<Micro>,
    /// Position of each block's first one. A block that cannot be reached has none of its own.
    pub starts: Vec<u32>,
    /// Block and instruction of each origin.
    pub origins: Vec<(u32, u32)>,
    /// Operands that do not fit a micro-operation.
    pub sites: Vec<Site>,
    /// Slots of registers and literals.
    pub frame: u32,
    /// Slots that it calls with, behind its frame.
    pub outs: u32,
    /// See [`crate::machine::loaded::FuncCode::extent`].
    pub extent: u32,
}

impl Translated {
    /// Positions where compiled code could take over, with the block and
    /// instruction to go on from.
    pub fn resumes(&self) -> impl Iterator<Item = (u32, (u32, u32))> + '_ {
        self.micros.iter().enumerate().filter_map(|(at, m)| {
            let to = match m.op {
                // All that is left of its block is to go there.
                MicroOp::Br if m.counts => (m.target, 0),
                _ => *self.origins.get(m.resume as usize)?,
            };
            Some((at as u32, to))
        })
    }

    /// Blocks that charge or lead back where compiled code cannot take over.
    pub fn closed(&self) -> impl Iterator<Item = u32> + '_ {
        self.micros.iter().filter(|m| is_closed(m)).map(|m| self.origins[m.origin as usize].0)
    }
}

struct Translator<'a> {
    module: &'a VerifiedModule,
    plan: &'a Plan,
    id: FuncId,
    func: &'a Function,
    metered: bool,
    /// Block whose code is being made.
    place: u32,
    /// Block and instruction that it is made from.
    block: u32,
    inst: u32,
    back_edges: &'a FxHashSet<(BlockId, BlockId)>,
    /// Blocks that count instructions, and for how much.
    lengths: FxHashMap<u32, u64>,
    region: bool,
    micros: Vec<Micro>,
    origins: Vec<(u32, u32)>,
    #[allow(clippy::vec_box)] // their addresses are in the code
    sites: Vec<Site>,
    outs: u32,
}

/// Translates function `id`.
pub fn translate(
    module: &VerifiedModule,
    plan: &Plan,
    id: FuncId,
    metered: bool,
    finish: &mut dyn Finish,
) -> Translated {
    let func = module.function(id).expect("translated functions are the module's own");
    let facts = module.facts(id);
    let reachable = |b: usize| facts.block_depth[b] != u32::MAX;

    let mut out = Translated {
        micros: Vec::new(),
        starts: vec![0; func.blocks.len()],
        origins: Vec::new(),
        sites: Vec::new(),
        frame: 0,
        outs: 0,
        extent: 0,
    };
    let back_edges: FxHashSet<_> = facts.back_edges.iter().copied().collect();
    let mut blocks: Vec<Vec<Micro>> = Vec::with_capacity(func.blocks.len());
    let mut t = Translator {
        module,
        plan,
        id,
        func,
        back_edges: &back_edges,
        lengths: FxHashMap::default(),
        region: facts.makes_objects,
        metered,
        place: 0,
        block: 0,
        inst: 0,
        micros: Vec::new(),
        origins: Vec::new(),
        sites: Vec::new(),
        outs: 0,
    };
    if !metered {
        t.lengths = lengths(func);
    }
    let uses = Uses::new(func);
    let preds =
        Predecessors::new(func, &|b| t.rotated(BlockId(b as u32)).filter(|_| finish.rotate()), &reachable);
    let mut exits: Vec<Carried> = vec![Carried::default(); func.blocks.len()];
    for (b, block) in func.blocks.iter().enumerate() {
        if reachable(b) {
            t.place = b as u32;
            t.one_block(b as u32, &block.insts);
            if finish.rotate() {
                t.rotate();
            }
            uses.count(&mut t.micros, &t.sites);
        }
        blocks.push(std::mem::take(&mut t.micros));
    }
    let outs = t.outs;
    let room = room_for(&blocks);
    let mut literals = Literals::new(func.regs.len() as u16, room);
    for (b, micros) in blocks.iter_mut().enumerate().filter(|(b, _)| reachable(*b)) {
        // A block with one way in goes on with what that one left.
        let entry = preds.only(b).filter(|p| *p < b).map_or(Carried::default(), |p| exits[p]);
        exits[b] = finish.block(b as u32, micros, entry, &mut literals);
    }

    // The entry lays out literals; a loop back to block 0 skips it.
    let mut prologue: Vec<Micro> = Vec::new();
    literals.fill(&mut prologue);
    if facts.makes_objects {
        prologue.push(Micro::new(MicroOp::EnterRegion, 0));
    }
    out.micros = prologue;
    for (b, mut micros) in blocks.into_iter().enumerate() {
        out.starts[b] = out.micros.len() as u32;
        // A branch to the block that comes next falls through.
        if let Some(last) = micros.last()
            && last.op == MicroOp::Br
            && !last.counts
            && last.target as usize == next_reachable(b, func.blocks.len(), &reachable)
        {
            micros.pop();
        }
        out.micros.append(&mut micros);
    }
    out.origins = t.origins;
    if out.origins.is_empty() {
        out.origins.push((0, 0));
    }
    out.sites = t.sites;
    out.frame = (func.regs.len() + room) as u32;
    out.outs = outs;
    // Results come back where the callee's frame begins.
    let own_results = module.sigs[func.sig.index()].results.len() as u32;
    out.extent = out.frame.max(own_results) + LINK_SLOTS + outs + SCRATCH as u32;
    out
}

/// Instructions that take as long as a branch back or a call is taken to.
const INSTS_A_TURN: usize = 64;
/// Instructions on a way through a function after which they are counted.
const INSTS_UNCOUNTED: usize = 4 * INSTS_A_TURN;

/// Where fuel is not metered, an iteration of a loop and a call count for one, however long they are.
/// On long ways through a function its instructions are counted too: the blocks that do so, with
/// what they count.
fn lengths(func: &Function) -> FxHashMap<u32, u64> {
    let mut lengths = FxHashMap::default();
    if func.blocks.iter().map(|b| b.insts.len()).sum::<usize>() < INSTS_UNCOUNTED {
        return lengths;
    }
    let cfg = Cfg::new(func);
    // By block, the most instructions on a way to its begin that are not counted.
    let mut uncounted = vec![0; func.blocks.len()];
    for block in cfg.rpo() {
        let insts = &func.blocks[block.index()].insts;
        let mut way = uncounted[block.index()] + insts.len();
        if way >= INSTS_UNCOUNTED {
            lengths.insert(block.0, (way / INSTS_A_TURN) as u64);
            way = 0;
        }
        let goes_on = |to: &&BlockId| cfg.rank(**to) > cfg.rank(*block);
        for to in cfg.succs(*block).iter().filter(goes_on) {
            let most = &mut uncounted[to.index()];
            *most = way.max(*most);
        }
    }
    lengths
}

fn next_reachable(after: usize, len: usize, reachable: &dyn Fn(usize) -> bool) -> usize {
    (after + 1..len).find(|b| reachable(*b)).unwrap_or(usize::MAX)
}

/// The ways into each block, as the code has them after rotation.
struct Predecessors {
    /// The only predecessor; `MANY` when there are several, `NONE` when there is none.
    only: Vec<usize>,
}

impl Predecessors {
    const NONE: usize = usize::MAX;
    const MANY: usize = usize::MAX - 1;

    fn new(
        func: &Function,
        rotated: &dyn Fn(usize) -> Option<BlockId>,
        reachable: &dyn Fn(usize) -> bool,
    ) -> Predecessors {
        let mut only = vec![Predecessors::NONE; func.blocks.len()];
        // The entry is also entered from outside.
        only[0] = Predecessors::MANY;
        for b in (0..func.blocks.len()).filter(|b| reachable(*b)) {
            let from = rotated(b).map_or(b, BlockId::index);
            if let Some(last) = func.blocks[from].insts.last() {
                last.for_each_successor(|to| {
                    let only = &mut only[to.index()];
                    *only = if *only == Predecessors::NONE || *only == b { b } else { Predecessors::MANY };
                });
            }
        }
        Predecessors { only }
    }

    fn only(&self, block: usize) -> Option<usize> {
        Some(self.only[block]).filter(|p| *p < Predecessors::MANY)
    }
}

/// Counts how often each value is read before it is overwritten.
struct Uses {
    /// For each register, whether some block reads it before writing it, so
    /// that its value may come from another block.
    escapes: Vec<bool>,
}

impl Uses {
    fn new(func: &Function) -> Uses {
        let mut escapes = vec![false; func.regs.len()];
        let mut written_in = vec![u32::MAX; func.regs.len()];
        for (b, block) in func.blocks.iter().enumerate() {
            for inst in &block.insts {
                inst.for_each_use(|r| {
                    if written_in[r.index()] != b as u32 {
                        escapes[r.index()] = true;
                    }
                });
                inst.for_each_def(|r| written_in[r.index()] = b as u32);
            }
        }
        Uses { escapes }
    }

    /// Fills in [`Micro::uses`] in one block.
    fn count(&self, micros: &mut [Micro], sites: &[Site]) {
        /// Operands of sites are read where they lie, so they are never merged away.
        const LIE: u32 = 1000;
        let mut last: FxHashMap<u16, usize> = FxHashMap::default();
        for at in 0..micros.len() {
            let m = micros[at];
            let mut read = |s: Src, times: u32| {
                if let Src::Slot(n) = s
                    && let Some(def) = last.get(&n)
                {
                    micros[*def].uses = micros[*def].uses.saturating_add(times);
                }
            };
            m.src.iter().for_each(|s| read(*s, 1));
            let mut written: Vec<u16> = Vec::new();
            match m.op.has_site().then(|| &sites[m.imm as usize]) {
                Some(Site::Op(op)) => {
                    op.args.iter().for_each(|s| read(*s, LIE));
                    written.extend(op.results.iter());
                }
                Some(Site::Host(host)) => {
                    host.args.iter().for_each(|(s, _)| read(*s, LIE));
                    written.extend(host.results.iter().map(|(slot, _)| *slot));
                }
                Some(Site::Values(values)) => {
                    for (s, _) in values {
                        read(*s, LIE);
                        if let Src::Slot(n) = s {
                            written.push(*n);
                        }
                    }
                }
                Some(Site::Global { value, .. }) => read(*value, LIE),
                Some(Site::List { .. }) | None => {}
            }
            for slot in written {
                last.remove(&slot);
            }
            if m.writes {
                last.remove(&m.dst);
                if (m.dst as usize) < self.escapes.len() {
                    micros[at].uses = 0;
                    last.insert(m.dst, at);
                }
            }
        }
        // What is there at the end of the block may be read in another.
        for (slot, at) in last {
            if self.escapes[slot as usize] {
                micros[at].uses = u32::MAX;
            }
        }
    }
}

/// The class of a value of type `ty`.
fn class_of(ty: Type) -> Class {
    match ty {
        Type::F64 => Class::Float,
        Type::F32 => Class::None,
        _ => Class::Int,
    }
}

impl Translator<'_> {
    fn one_block(&mut self, block: u32, insts: &[Inst]) {
        self.block = block;
        self.inst = 0;
        let charged = if self.metered { Some(insts.len() as u64) } else { self.lengths.get(&block).copied() };
        if let Some(charged) = charged {
            let mut m = self.micro(MicroOp::Charge);
            m.imm = charged;
            self.micros.push(m);
        }
        for (i, inst) in insts.iter().enumerate() {
            self.inst = i as u32;
            for HostStep { tensor, write } in self.plan.host_steps(self.id, self.block, self.inst) {
                self.tensor_to_host(tensor.into(), Imm::Bool(write));
            }
            inst.visit(self);
        }
    }

    /// Copies a small header that tests the loop's condition into a branch back
    /// to it. So a loop written with the test on top branches once an
    /// iteration.
    fn rotate(&mut self) {
        let Some(header) = self.rotated(BlockId(self.block)) else { return };
        self.micros.pop();
        let before = self.micros.len();
        let insts = &self.func.blocks[header.index()].insts;
        self.one_block(header.0, insts);
        // The iteration is counted by the branch that now closes it.
        for m in &mut self.micros[before..] {
            if matches!(m.op, MicroOp::BrIf { .. }) {
                m.counts = !self.metered;
            }
        }
    }

    /// The header that is copied to the end of `block`, if one is.
    fn rotated(&self, block: BlockId) -> Option<BlockId> {
        const SMALL: usize = 4;
        let Some(Inst::Br { target }) = self.func.blocks[block.index()].insts.last() else { return None };
        let header = &self.func.blocks[target.index()].insts;
        let fits = header.len() <= SMALL && matches!(header.last(), Some(Inst::BrIf { .. }));
        (fits && self.back_edges.contains(&(block, *target))).then_some(*target)
    }

    fn origin(&mut self) -> u32 {
        let here = (self.block, self.inst);
        if self.origins.last() != Some(&here) {
            self.origins.push(here);
        }
        self.origins.len() as u32 - 1
    }

    fn micro(&mut self, op: MicroOp) -> Micro {
        let origin = self.origin();
        Micro::new(op, origin)
    }

    fn emit(&mut self, op: MicroOp, src: &[Src], imm: u64) {
        let mut m = self.micro(op);
        m.src[..src.len()].copy_from_slice(src);
        m.imm = imm;
        self.micros.push(m);
    }

    fn define(&mut self, op: MicroOp, dst: Reg, src: &[Src], imm: u64) {
        let class = class_of(self.func.regs[dst.index()]);
        let mut m = self.micro(op);
        m.src[..src.len()].copy_from_slice(src);
        m.imm = imm;
        m.dst = dst.0 as u16;
        m.writes = true;
        m.class = class;
        self.micros.push(m);
    }

    fn branch(&mut self, op: MicroOp, src: &[Src], target: BlockId) {
        let mut m = self.micro(op);
        m.src[..src.len()].copy_from_slice(src);
        m.target = target.0;
        m.counts = !self.metered && self.back_edges.contains(&(BlockId(self.block), target));
        self.micros.push(m);
    }

    fn site(&mut self, site: Site) -> u64 {
        self.sites.push(site);
        self.sites.len() as u64 - 1
    }

    fn ty(&self, o: Operand) -> Type {
        match o {
            Operand::Reg(r) => self.func.regs[r.index()],
            Operand::Imm(i) => i.ty(),
        }
    }

    fn typed(&self, list: &[Operand]) -> Box<[(Src, Type)]> {
        list.iter().map(|o| (src(*o), self.ty(*o))).collect()
    }

    fn elem(&self, tensor: Operand) -> Elem {
        match self.ty(tensor) {
            Type::Tensor(e) => e,
            other => unreachable!("verified: a tensor, not {other:?}"),
        }
    }

    fn item(&self, list: Operand) -> Item {
        match self.ty(list) {
            Type::List(item) => item,
            other => unreachable!("verified: a list, not {other:?}"),
        }
    }

    /// Arguments into the slots where the callee's frame will begin.
    fn arguments(&mut self, args: &[Operand]) {
        for (k, a) in args.iter().enumerate() {
            let class = class_of(self.ty(*a));
            let mut m = self.micro(MicroOp::Copy);
            m.src[0] = src(*a);
            m.dst = OUT_BASE + k as u16;
            m.writes = true;
            m.class = class;
            self.micros.push(m);
        }
        self.outs = self.outs.max(args.len() as u32 + 1);
    }

    /// The call itself, after its arguments.
    fn finish_call(&mut self, op: MicroOp, results: &[Reg], callee: Src, imm: u64) {
        match results {
            [one] => self.define(op, *one, &[callee], imm),
            _ => {
                self.emit(op, &[callee], imm);
                self.outs = self.outs.max(results.len() as u32 + 1);
                for (k, r) in results.iter().enumerate() {
                    self.define(MicroOp::Copy, *r, &[Src::Slot(OUT_BASE + k as u16)], 0);
                }
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, dst: Reg, a: Operand, b: Operand) {
        self.define(MicroOp::Binary(op), dst, &[src(a), src(b)], 0);
    }
    fn compare(&mut self, op: CompareOp, dst: Reg, a: Operand, b: Operand) {
        // A literal goes right, where most handlers want it.
        let (op, a, b) = if matches!(a, Operand::Imm(_)) { (op.swapped(), b, a) } else { (op, a, b) };
        self.define(MicroOp::Compare(op), dst, &[src(a), src(b)], 0);
    }
    fn division(&mut self, op: DivisionOp, dst: Reg, a: Operand, b: Operand) {
        self.define(MicroOp::Division(op), dst, &[src(a), src(b)], 0);
    }
    fn unary(&mut self, op: UnaryOp, dst: Reg, a: Operand) {
        self.define(MicroOp::Unary(op), dst, &[src(a)], 0);
    }
    fn truncation(&mut self, op: TruncationOp, dst: Reg, a: Operand) {
        self.define(MicroOp::Truncation(op), dst, &[src(a)], 0);
    }
    fn literal(&mut self, dst: Reg, value: Imm) {
        self.define(MicroOp::Copy, dst, &[Src::Imm(value.to_slot())], 0);
    }
}

fn src(o: Operand) -> Src {
    match o {
        Operand::Reg(r) => Src::Slot(r.0 as u16),
        Operand::Imm(i) => Src::Imm(i.to_slot()),
    }
}

impl Visitor for Translator<'_> {
    type Output = ();

    crate::scalar_methods!();

    fn br(&mut self, target: BlockId) {
        self.branch(MicroOp::Br, &[], target);
    }

    fn br_if(&mut self, cond: Operand, then_to: BlockId, else_to: BlockId) {
        if then_to == else_to {
            return self.br(then_to);
        }
        // The branch that is taken goes to the back-edge, or away from the next block.
        let next = BlockId(self.place + 1);
        let negate = then_to == next && else_to != next;
        let (target, fall) = if negate { (else_to, then_to) } else { (then_to, else_to) };
        self.branch(MicroOp::BrIf { negate }, &[src(cond)], target);
        self.branch(MicroOp::Br, &[], fall);
    }

    fn switch(&mut self, index: Operand, targets: &[BlockId], default_to: BlockId) {
        self.emit(MicroOp::Switch, &[src(index)], targets.len() as u64);
        for t in targets {
            self.branch(MicroOp::Br, &[], *t);
        }
        self.branch(MicroOp::Br, &[], default_to);
    }

    fn ret(&mut self, values: &[Operand]) {
        let types = self.typed(values);
        if self.region {
            let site = self.site(Site::Values(types));
            let mut m = self.micro(MicroOp::RetRegion);
            m.imm = site;
            // How many values: a single one goes to the caller's slot too.
            m.dst = values.len() as u16;
            return self.micros.push(m);
        }
        match values {
            [] => self.emit(MicroOp::Ret, &[], 0),
            [one] => {
                let class = class_of(self.ty(*one));
                let mut m = self.micro(MicroOp::Ret);
                m.src[0] = src(*one);
                m.dst = 1;
                m.class = class;
                self.micros.push(m);
            }
            _ => {
                let site = self.site(Site::Values(types));
                self.emit(MicroOp::RetMany, &[], site);
            }
        }
    }

    fn trap(&mut self) {
        self.emit(MicroOp::Trap, &[], 0);
    }

    fn call(&mut self, results: &[Reg], callee: FuncId, args: &[Operand]) {
        if callee.index() < self.module.imports.len() {
            let site = Site::Host(HostSite {
                import: callee.index(),
                args: self.typed(args),
                results: results.iter().map(|r| (r.0 as u16, self.func.regs[r.index()])).collect(),
            });
            let site = self.site(site);
            self.outs = self.outs.max(1);
            return self.emit(MicroOp::Shared(SharedOp::CallHost), &[], site);
        }
        self.arguments(args);
        self.finish_call(MicroOp::Call, results, Src::None, callee.index() as u64);
    }

    fn call_ref(&mut self, results: &[Reg], callee: Operand, args: &[Operand]) {
        self.arguments(args);
        self.finish_call(MicroOp::CallRef, results, src(callee), 0);
    }

    fn func_ref(&mut self, dst: Reg, callee: FuncId) {
        self.define(MicroOp::Copy, dst, &[Src::Imm(callee.index() as u64)], 0);
    }

    fn op(&mut self, results: &[Reg], callee: OpId, args: &[Operand]) {
        let (srcs, types) = self.typed(args).iter().copied().unzip::<_, _, Vec<_>, Vec<_>>();
        let results = results.iter().map(|r| r.0 as u16).collect();
        let plan = self.plan.operation(self.id, self.block, self.inst);
        let site = Site::Op(op_site(self.module, callee, srcs.into(), types.into(), results, plan));
        let site = self.site(site);
        self.outs = self.outs.max(1);
        self.emit(MicroOp::Shared(SharedOp::CallOp), &[], site);
    }

    fn copy(&mut self, dst: Reg, a: Operand) {
        self.define(MicroOp::Copy, dst, &[src(a)], 0);
    }

    fn select(&mut self, dst: Reg, cond: Operand, a: Operand, b: Operand) {
        self.define(MicroOp::Select, dst, &[src(cond), src(a), src(b)], 0);
    }

    fn global_get(&mut self, dst: Reg, global: GlobalId) {
        self.define(MicroOp::Shared(SharedOp::GlobalGet), dst, &[], global.index() as u64);
    }

    fn global_set(&mut self, global: GlobalId, value: Operand) {
        let ty = self.ty(value);
        if ty.is_object() {
            let site = self.site(Site::Global { index: global.index(), value: src(value), ty });
            return self.emit(MicroOp::Shared(SharedOp::GlobalSetObject), &[], site);
        }
        self.emit(MicroOp::Shared(SharedOp::GlobalSet), &[src(value)], global.index() as u64);
    }

    fn const_get(&mut self, dst: Reg, constant: ConstId) {
        self.define(MicroOp::Shared(SharedOp::ConstGet), dst, &[], constant.index() as u64);
    }

    fn i32_const(&mut self, dst: Reg, value: Imm) {
        self.literal(dst, value);
    }
    fn i64_const(&mut self, dst: Reg, value: Imm) {
        self.literal(dst, value);
    }
    fn f32_const(&mut self, dst: Reg, value: Imm) {
        self.literal(dst, value);
    }
    fn f64_const(&mut self, dst: Reg, value: Imm) {
        self.literal(dst, value);
    }
    fn bool_const(&mut self, dst: Reg, value: Imm) {
        self.literal(dst, value);
    }

    fn region_begin(&mut self) {
        self.emit(MicroOp::Shared(SharedOp::RegionBegin), &[], 0);
    }

    fn region_end(&mut self, kept: &[Reg]) {
        let kept = kept.iter().map(|r| (Src::Slot(r.0 as u16), self.func.regs[r.index()])).collect();
        let site = self.site(Site::Values(kept));
        self.emit(MicroOp::Shared(SharedOp::RegionEnd), &[], site);
    }

    fn region_renew(&mut self, kept: &[Reg]) {
        let kept = kept.iter().map(|r| (Src::Slot(r.0 as u16), self.func.regs[r.index()])).collect();
        let site = self.site(Site::Values(kept));
        self.emit(MicroOp::Shared(SharedOp::RegionRenew), &[], site);
    }

    fn f32_fma(&mut self, dst: Reg, a: Operand, b: Operand, c: Operand) {
        self.define(MicroOp::Fma { wide: false }, dst, &[src(a), src(b), src(c)], 0);
    }
    fn f64_fma(&mut self, dst: Reg, a: Operand, b: Operand, c: Operand) {
        self.define(MicroOp::Fma { wide: true }, dst, &[src(a), src(b), src(c)], 0);
    }

    fn tensor_len(&mut self, dst: Reg, x: Operand) {
        self.define(MicroOp::Shared(SharedOp::TensorLen), dst, &[src(x)], 0);
    }
    fn tensor_rank(&mut self, dst: Reg, x: Operand) {
        self.define(MicroOp::Shared(SharedOp::TensorRank), dst, &[src(x)], 0);
    }
    fn tensor_dim(&mut self, dst: Reg, x: Operand, axis: Operand) {
        self.define(MicroOp::Shared(SharedOp::TensorDim), dst, &[src(x), src(axis)], 0);
    }
    fn tensor_to_host(&mut self, x: Operand, write: Imm) {
        // Not an operand: a literal could take a slot, and frames are as large without a device.
        self.emit(MicroOp::Shared(SharedOp::TensorToHost), &[src(x)], write.to_slot());
    }
    fn tensor_load(&mut self, dst: Reg, x: Operand, i: Operand) {
        self.define(MicroOp::Load(self.elem(x)), dst, &[src(x), src(i)], 0);
    }
    fn tensor_load2(&mut self, dst: Reg, x: Operand, i: Operand, j: Operand) {
        self.define(MicroOp::Load2(self.elem(x)), dst, &[src(x), src(i), src(j)], 0);
    }
    fn tensor_load3(&mut self, dst: Reg, x: Operand, i: Operand, j: Operand, k: Operand) {
        self.define(
            MicroOp::Shared(SharedOp::Load3(self.elem(x))),
            dst,
            &[src(x), src(i), src(j), src(k)],
            0,
        );
    }
    fn tensor_store(&mut self, x: Operand, i: Operand, value: Operand) {
        self.emit(MicroOp::Store(self.elem(x)), &[src(x), src(i), src(value)], 0);
    }
    fn tensor_store2(&mut self, x: Operand, i: Operand, j: Operand, value: Operand) {
        self.emit(MicroOp::Store2(self.elem(x)), &[src(x), src(i), src(j), src(value)], 0);
    }
    fn tensor_store3(&mut self, x: Operand, i: Operand, j: Operand, k: Operand, value: Operand) {
        let operands = [src(x), src(i), src(j), src(k), src(value)];
        self.emit(MicroOp::Shared(SharedOp::Store3(self.elem(x))), &operands, 0);
    }
    fn tensor_load_re(&mut self, dst: Reg, x: Operand, i: Operand) {
        self.define(MicroOp::Shared(SharedOp::LoadPart(self.elem(x))), dst, &[src(x), src(i)], 0);
    }
    fn tensor_load_im(&mut self, dst: Reg, x: Operand, i: Operand) {
        self.define(MicroOp::Shared(SharedOp::LoadPart(self.elem(x))), dst, &[src(x), src(i)], 1);
    }
    fn tensor_store_re(&mut self, x: Operand, i: Operand, value: Operand) {
        self.emit(MicroOp::Shared(SharedOp::StorePart(self.elem(x))), &[src(x), src(i), src(value)], 0);
    }
    fn tensor_store_im(&mut self, x: Operand, i: Operand, value: Operand) {
        self.emit(MicroOp::Shared(SharedOp::StorePart(self.elem(x))), &[src(x), src(i), src(value)], 1);
    }

    fn list_new(&mut self, dst: Reg, len: Operand, fill: Operand) {
        let item = Item::from_type(self.ty(fill)).expect("verified: a list holds no lists");
        let site = self.site(Site::List { item });
        self.define(MicroOp::Shared(SharedOp::ListNew), dst, &[src(len), src(fill)], site);
    }
    fn list_len(&mut self, dst: Reg, list: Operand) {
        self.define(MicroOp::Shared(SharedOp::ListLen), dst, &[src(list)], 0);
    }
    fn list_get(&mut self, dst: Reg, list: Operand, i: Operand) {
        self.define(MicroOp::Shared(SharedOp::ListGet), dst, &[src(list), src(i)], 0);
    }
    fn list_set(&mut self, list: Operand, i: Operand, value: Operand) {
        let item = self.item(list);
        if item.ty().is_object() {
            let site = self.site(Site::List { item });
            return self.emit(
                MicroOp::Shared(SharedOp::ListSetObject),
                &[src(list), src(i), src(value)],
                site,
            );
        }
        self.emit(MicroOp::Shared(SharedOp::ListSet), &[src(list), src(i), src(value)], 0);
    }
}
