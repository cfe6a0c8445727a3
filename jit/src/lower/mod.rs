//! Lowering: from [`crate::mir`] to Cranelift's IR.
//!
//! - [`scalar`], [`vector`]: arithmetic
//! - `inst`: one method an instruction
//! - `memory`: element access, lists, globals
//! - `headers`: what loops want of the headers of tensors
//! - `object`: what calls the runtime
//! - `control`: calls, returns, traps, budget
//!
//! - [`effort`]: what Cranelift would take for it
//! - `phis`: which registers blocks take as parameters
//! - `leftovers`: whether Cranelift's optimiser has something left to do
//!
//! Nothing here decides anything: what is worth doing was done before.

mod control;
pub mod effort;
mod headers;
mod inst;
mod leftovers;
mod memory;
mod object;
mod phis;
pub mod scalar;
#[cfg(test)]
mod tests;
pub mod vector;

use crate::mir::{Entry, Func, Lanes, MirOp, Ty};
use crate::target::Cpu;
use cranelift_codegen::ir::{
    self, AbiParam, BlockArg, InstBuilder, MemFlagsData, StackSlotData, StackSlotKind, Value, types,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, Variable};
use nbc_ir::flow::{Cfg, Dominators, Loops};
use nbc_ir::{BlockId, Inst, Operand, Reg, Type, VerifiedModule};
use nbc_runtime::abi::layout;
use nbc_runtime::abi::{Charges, CodeLocation, ObjectCall, TrapSite};
use phis::Phis;
use rustc_hash::FxHashMap;

/// What the code refers to by address and therefore must outlive it.
#[derive(Default)]
pub struct Attachments {
    /// Places in the bytecode.
    pub sites: Vec<Box<TrapSite>>,
    /// Operations of the runtime.
    pub calls: Vec<ObjectCall>,
    /// What is charged together.
    pub charges: Vec<Box<Charges>>,
}

/// The target that a function is lowered for.
pub struct Target<'a> {
    /// The module it is of.
    pub module: &'a VerifiedModule,
    /// Address of the table where calls of other functions find their code.
    pub entries: usize,
    /// Whether fuel is charged.
    pub metered: bool,
    /// Features of the processor.
    pub cpu: &'a Cpu,
    /// What to call when the budget is used up.
    pub polls: Polls,
    /// Cranelift's own description of it.
    pub config: TargetFrontendConfig,
    /// Whether blocks stay in the order of the program, ways out too. Registers
    /// are allocated in one pass then. For each value, that takes time from the
    /// block that makes it to the last that reads it, by their order.
    pub in_order: bool,
    /// The function itself, for direct recursion, when it is entered by calls.
    pub own: Option<ir::FuncRef>,
}

/// Addresses of functions that change no register, and leave their status in
/// the context.
#[derive(Clone, Copy, Debug)]
pub struct Polls {
    /// Of the context, whose status is the site until then: a trap is noted.
    pub poll: usize,
    /// Of context and charges.
    pub charge: usize,
    /// Of context and cost; the status is 1 where that is more than there is.
    pub prepay: usize,
}

/// The site of nodes of an origin.
fn site_of(func: &Func, origin: u32) -> TrapSite {
    let mut frames = Vec::new();
    let mut at = Some(origin);
    while let Some(origin) = at.and_then(|o| func.origins.get(o as usize)) {
        frames.push(CodeLocation { func: origin.func, block: origin.block, inst: origin.inst });
        at = origin.caller;
    }
    TrapSite { places: frames.into() }
}

/// Facts about a function from before it is lowered.
pub struct About {
    cfg: Cfg,
    doms: Dominators,
    phis: Phis,
}

impl About {
    /// About `func`; `None` when finding out would take longer than it is worth.
    pub fn new(func: &Func) -> Option<About> {
        let cfg = func.graph();
        let doms = Dominators::new(&cfg);
        let phis = Phis::new(func, &cfg, &doms)?;
        Some(About { cfg, doms, phis })
    }
}

/// What comes of lowering besides the code.
pub struct Lowered {
    /// What the code refers to.
    pub attachments: Attachments,
    /// Whether Cranelift's optimiser has something to do.
    pub has_leftovers: bool,
}

/// Fills `builder` with the code of `func`.
pub fn lower(func: &Func, about: About, target: Target<'_>, builder: FunctionBuilder<'_>) -> Lowered {
    let config = target.config;
    let About { cfg, doms, phis } = about;
    let loops = Loops::new(&cfg, &doms);
    let has_leftovers = leftovers::has_leftovers(func, &cfg, &loops, &phis);
    let mut lowering = Lowering::new(func, target, builder, phis);
    if lowering.counts && (lowering.target.metered || !control::counts_rarely(func, &cfg, &loops)) {
        lowering.budget = Some(lowering.builder.declare_var(types::I64));
    }
    if !lowering.headers_stay && !lowering.target.in_order {
        lowering.headers = headers::Headers::wanted(func, &cfg, &loops, &lowering.phis);
    }
    lowering.run(&cfg);
    lowering.builder.finalize(config);
    Lowered { attachments: lowering.attachments, has_leftovers }
}

struct Lowering<'a, 'f> {
    func: &'a Func,
    target: Target<'a>,
    builder: FunctionBuilder<'f>,
    attachments: Attachments,
    /// What registers hold; of one that is written more than once, in the
    /// block being lowered.
    regs: Vec<Option<Value>>,
    phis: Phis,
    /// By block, what the registers hold that are alive in it and not its parameters.
    starts: Vec<Vec<Value>>,
    blocks: Vec<ir::Block>,
    /// Origin of the node being lowered.
    origin: u32,
    /// Whether that is the first of the function.
    at_entry: bool,
    /// Whether its block is not expected to run.
    cold: bool,
    /// Sites made, by origin.
    sites: FxHashMap<u32, i64>,
    /// The context.
    ctx: Value,
    /// Where a resumed function finds its registers and leaves its results.
    frame: Option<Value>,
    /// Where several results go.
    out: Option<Value>,
    /// Whether the function counts down its budget.
    counts: bool,
    /// The budget, where that is held in a register.
    budget: Option<Variable>,
    /// Whether the register is ahead of the context.
    dirty: bool,
    /// Room for operands and results of calls of the runtime.
    slots: Option<ir::StackSlot>,
    slot_count: u32,
    exits: control::Exits,
    /// Whether headers of tensors stay readable wherever a load of them is moved.
    headers_stay: bool,
    headers: headers::Headers,
}

/// For memory that is never written while code runs.
fn readonly() -> MemFlagsData {
    MemFlagsData::trusted().with_readonly()
}

impl<'a, 'f> Lowering<'a, 'f> {
    fn new(
        func: &'a Func,
        target: Target<'a>,
        mut builder: FunctionBuilder<'f>,
        phis: Phis,
    ) -> Lowering<'a, 'f> {
        let regs = vec![None; func.regs.len()];
        let starts = vec![Vec::new(); func.blocks.len()];
        let blocks = func
            .blocks
            .iter()
            .zip(&phis.params)
            .map(|(b, params)| {
                let block = builder.create_block();
                if b.cold && !target.in_order {
                    builder.set_cold_block(block);
                }
                for reg in params {
                    builder.append_block_param(block, clif_type(func.regs[reg.index()]));
                }
                block
            })
            .collect();
        let nodes = || func.blocks.iter().flat_map(|b| &b.nodes);
        let counts = nodes().any(|n| control::counts(&n.op));
        let regions = nodes().any(|n| {
            matches!(
                n.op,
                MirOp::Inst(Inst::RegionBegin {} | Inst::RegionEnd { .. } | Inst::RegionRenew { .. })
            )
        });
        Lowering {
            func,
            target,
            counts,
            budget: None,
            builder,
            attachments: Attachments::default(),
            regs,
            phis,
            starts,
            blocks,
            origin: 0,
            at_entry: false,
            cold: false,
            sites: FxHashMap::default(),
            ctx: Value::from_u32(0),
            frame: None,
            out: None,
            dirty: false,
            slots: None,
            slot_count: 0,
            exits: control::Exits::default(),
            // Where no region ends, none of the objects in sight goes.
            headers_stay: !func.own_region && !regions,
            headers: headers::Headers::default(),
        }
    }

    fn run(&mut self, cfg: &Cfg) {
        let begins = self.prologue(cfg);
        let dirty = self.dirty_at_starts(cfg);
        // Cold blocks last, so that what is shared with them is not made for them.
        // A block is sealed with the last one that leads to it: the sooner, the
        // less there is to undo.
        let mut awaited = vec![0usize; cfg.len()];
        cfg.rpo().iter().flat_map(|b| cfg.succs(*b)).for_each(|to| awaited[to.index()] += 1);
        for &block in cfg.rpo() {
            if !(begins && block.index() == 0) {
                self.builder.switch_to_block(self.blocks[block.index()]);
            }
            self.enter(block);
            self.dirty = dirty[block.index()];
            self.block(block);
            self.leave_below(block);
            for to in cfg.succs(block) {
                awaited[to.index()] -= 1;
                if awaited[to.index()] == 0 {
                    self.builder.seal_block(self.blocks[to.index()]);
                }
            }
        }
        // What cannot be reached has no code.
        for (b, block) in self.blocks.clone().into_iter().enumerate() {
            if !cfg.is_reachable(BlockId::new(b)) {
                self.builder.switch_to_block(block);
                let code = ir::TrapCode::unwrap_user(1);
                self.builder.ins().trap(code);
            }
        }
        self.finish_ways_out();
        self.builder.seal_all_blocks();
    }

    fn block(&mut self, block: BlockId) {
        self.cold = self.func.blocks[block.index()].cold;
        for (n, node) in self.func.blocks[block.index()].nodes.iter().enumerate() {
            self.at_entry = block.index() == 0 && n == 0;
            if self.is_unread(&node.op) {
                continue;
            }
            self.origin = node.origin;
            self.builder.set_srcloc(ir::SourceLoc::new(node.origin));
            self.op(&node.op);
        }
    }

    /// Whether nothing comes of `op`: passes leave what they have replaced.
    fn is_unread(&self, op: &MirOp) -> bool {
        let (mut writes, mut is_read) = (false, false);
        op.for_each_def(|r| {
            writes = true;
            is_read |= self.phis.read[r.index()];
        });
        writes && !is_read && op.is_droppable()
    }

    fn op(&mut self, op: &MirOp) {
        match op {
            MirOp::Inst(inst) => inst.visit(self),
            MirOp::Field { dst, tensor, field } => {
                let value = self.field_of((*tensor).into(), *field);
                self.define(*dst, value);
            }
            MirOp::Load { dst, elem, at } => {
                let (base, offset) = self.address(at);
                let value = self.load_element(*elem, base, offset);
                self.define(*dst, value);
            }
            MirOp::Store { elem, at, value } => {
                let (base, offset) = self.address(at);
                let value = self.operand(*value);
                self.store_element(*elem, base, offset, value);
            }
            MirOp::LoadVector { dst, at } => {
                let ty = clif_type(self.func.regs[dst.index()]);
                let (base, offset) = self.address(at);
                let value = self.builder.ins().load(ty, element_flags(), base, offset);
                self.define(*dst, value);
            }
            MirOp::StoreVector { at, value } => {
                let (base, offset) = self.address(at);
                let value = self.read(*value);
                self.builder.ins().store(element_flags(), value, base, offset);
            }
            MirOp::Splat { dst, value } => {
                let value = self.operand(*value);
                let lanes = self.lanes(*dst);
                let vector = vector::splat(&mut self.builder, lanes, value);
                self.define(*dst, vector);
            }
            MirOp::Vector { dst, lanes } => {
                let values: Vec<Value> = lanes.iter().map(|o| self.operand(*o)).collect();
                let lanes_of = self.lanes(*dst);
                let vector = vector::of_lanes(&mut self.builder, lanes_of, &values);
                self.define(*dst, vector);
            }
            MirOp::Address { dst, at } => {
                let (base, offset) = self.address(at);
                let value = match offset {
                    0 => base,
                    _ => self.builder.ins().iadd_imm_s(base, offset as i64),
                };
                self.define(*dst, value);
            }
            MirOp::Lanewise { opcode, dst, args } => {
                let values: Vec<Value> = args.iter().map(|r| self.read(*r)).collect();
                let lanes = self.lanes(*dst);
                let value = vector::lanewise(&mut self.builder, self.target.cpu, *opcode, lanes, &values)
                    .expect("only instructions with a vector form are vectorised");
                self.define(*dst, value);
            }
            MirOp::Lane { dst, vector, lane } => {
                let vector = self.read(*vector);
                let value = self.builder.ins().extractlane(vector, *lane);
                self.define(*dst, value);
            }
            MirOp::Charge { cost } => self.charge(*cost),
            MirOp::Charges { list } => self.charge_fuel(list),
            MirOp::Prepay { dst, cost } => self.prepay(*dst, *cost),
            MirOp::Spend { dst, cost } => self.spend(*dst, *cost),
            MirOp::Verify { at, room, claim } => self.verify(at, *room, *claim),
            MirOp::VerifyRange { value, low, high, claim, about } => {
                self.verify_range(*value, *low, *high, claim.code(*about));
            }
        }
    }

    fn lanes(&self, reg: Reg) -> Lanes {
        match self.func.regs[reg.index()] {
            Ty::Vector(lanes) => lanes,
            other => unreachable!("a vector, not {other:?}"),
        }
    }

    fn read(&mut self, reg: Reg) -> Value {
        match self.regs[reg.index()] {
            Some(value) => value,
            None => unreachable!("every register is written before it is read"),
        }
    }

    fn define(&mut self, reg: Reg, value: Value) {
        self.regs[reg.index()] = Some(value);
        self.hold_header(reg, value);
    }

    /// Begins a block: its parameters come with the way to it, what else is
    /// alive is as the block that dominates it left it.
    fn enter(&mut self, block: BlockId) {
        let params = self.builder.block_params(self.blocks[block.index()]);
        for (reg, value) in self.phis.params[block.index()].iter().zip(params) {
            self.regs[reg.index()] = Some(*value);
        }
        for (reg, value) in self.phis.through[block.index()].iter().zip(&self.starts[block.index()]) {
            self.regs[reg.index()] = Some(*value);
        }
    }

    /// Leaves what registers hold to the blocks that `block` dominates.
    fn leave_below(&mut self, block: BlockId) {
        for below in &self.phis.below[block.index()] {
            let through = &self.phis.through[below.index()];
            self.starts[below.index()] = through.iter().filter_map(|r| self.regs[r.index()]).collect();
        }
    }

    /// What goes with the way to `block` from the one being lowered.
    fn way_to(&self, block: BlockId) -> Vec<BlockArg> {
        let params = self.phis.params[block.index()].iter();
        params.filter_map(|r| self.regs[r.index()]).map(BlockArg::from).collect()
    }

    fn operand(&mut self, operand: Operand) -> Value {
        match operand {
            Operand::Reg(r) => self.read(r),
            Operand::Imm(imm) => scalar::literal(&mut self.builder, imm),
        }
    }

    fn address_of(&mut self, address: usize) -> Value {
        self.builder.ins().iconst(types::I64, address as i64)
    }

    /// The address of the site of the present node.
    fn site(&mut self) -> Value {
        let func = self.func;
        let address = *self.sites.entry(self.origin).or_insert_with(|| {
            let site = Box::new(site_of(func, self.origin));
            let address = std::ptr::from_ref(&*site).expose_provenance() as i64;
            self.attachments.sites.push(site);
            address
        });
        self.builder.ins().iconst(types::I64, address)
    }

    /// A block to go on in: as cold as the one that is left.
    fn next_block(&mut self) -> ir::Block {
        let block = self.builder.create_block();
        if self.cold && !self.target.in_order {
            self.builder.set_cold_block(block);
        }
        block
    }

    /// Goes on in `block`, to which nothing else will lead.
    fn go_on_in(&mut self, block: ir::Block) {
        self.builder.switch_to_block(block);
        self.builder.seal_block(block);
    }

    /// A block that is not expected to run.
    fn cold_block(&mut self) -> ir::Block {
        let block = self.builder.create_block();
        if !self.target.in_order {
            self.builder.set_cold_block(block);
        }
        block
    }

    /// Signature of a function of the runtime: addresses and integers in, one status out.
    fn runtime_call(&mut self, address: usize, args: &[Value]) -> Value {
        let mut sig = ir::Signature::new(self.target.config.default_call_conv);
        sig.params.extend(args.iter().map(|_| AbiParam::new(types::I64)));
        sig.returns.push(AbiParam::new(types::I64));
        let sig = scalar::import(&mut self.builder, sig);
        let callee = self.address_of(address);
        let call = self.builder.ins().call_indirect(sig, callee, args);
        self.builder.inst_results(call)[0]
    }

    /// Address of at least `count` slots for operands and results.
    fn slots(&mut self, count: usize) -> Value {
        self.slot_count = self.slot_count.max(count as u32);
        let slot = *self.slots.get_or_insert_with(|| {
            // Its size is set when all calls are known.
            self.builder.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 8, 3))
        });
        self.builder.func.sized_stack_slots[slot].size = self.slot_count * 8;
        self.builder.ins().stack_addr(types::I64, slot, 0)
    }

    /// Writes `values` to the slots at `slots`.
    fn fill(&mut self, slots: Value, values: &[(Value, Type)]) {
        for (i, (value, ty)) in values.iter().enumerate() {
            self.store_slot(slots, i as i32 * 8, *value, *ty);
        }
    }

    fn store_slot(&mut self, base: Value, offset: i32, value: Value, ty: Type) {
        let value = match ty {
            Type::I32 | Type::Bool => self.builder.ins().uextend(types::I64, value),
            Type::F32 => {
                let bits = self.builder.ins().bitcast(types::I32, MemFlagsData::new(), value);
                self.builder.ins().uextend(types::I64, bits)
            }
            _ => value,
        };
        self.builder.ins().store(MemFlagsData::trusted(), value, base, offset);
    }

    /// Reads a value of type `ty` from a slot: the low bytes of it.
    fn load_slot(&mut self, base: Value, offset: i32, ty: Type) -> Value {
        self.builder.ins().load(clif_type(Ty::Value(ty)), MemFlagsData::trusted(), base, offset)
    }

    /// Whether the first block goes on where this ends: if nothing else leads there.
    fn prologue(&mut self, cfg: &Cfg) -> bool {
        let begins = cfg.preds(BlockId(0)).is_empty() && self.phis.params[0].is_empty();
        let entry = if begins { self.blocks[0] } else { self.builder.create_block() };
        self.builder.append_block_params_for_function_params(entry);
        self.go_on_in(entry);
        let params = self.builder.block_params(entry).to_vec();
        self.ctx = params[0];
        match &self.func.entry {
            Entry::Call { params: count } => {
                for (i, value) in params[1..=*count].iter().enumerate() {
                    self.define(Reg::new(i), *value);
                }
                self.out = params.get(count + 1).copied();
                if self.calls_functions() {
                    self.check_stack(&params[1..]);
                }
                if self.func.own_region {
                    self.enter_region();
                }
            }
            Entry::Resume { live } => {
                self.frame = Some(params[1]);
                for (reg, slot) in live {
                    let Ty::Value(ty) = self.func.regs[reg.index()] else { continue };
                    let value = self.load_slot(params[1], *slot as i32 * 8, ty);
                    self.define(*reg, value);
                }
            }
        }
        // A loop that is paid for in chunks is two, of which the outer has hardly any iterations.
        let mut headers: Vec<BlockId> = cfg.back_edges().iter().map(|(_, to)| *to).collect();
        headers.sort_unstable();
        headers.dedup();
        if self.counts && headers.len() > 2 {
            self.lead_out();
        }
        self.reload_budget();
        match self.builder.current_block() {
            Some(block) if begins => self.blocks[0] = block,
            _ => {
                self.builder.ins().jump(self.blocks[0], &[]);
            }
        }
        begins
    }

    /// Whether it may call a function of the program, and so itself again.
    fn calls_functions(&self) -> bool {
        let nodes = self.func.blocks.iter().flat_map(|b| &b.nodes);
        nodes.into_iter().any(|n| {
            matches!(&n.op, MirOp::Inst(Inst::Call { .. } | Inst::CallRef { .. } | Inst::CallOp { .. }))
        })
    }

    fn field(&mut self, tensor: Value, field: crate::mir::Field) -> Value {
        use crate::mir::Field;
        let mut flags = readonly();
        if self.headers_stay {
            flags.set_can_move();
        }
        let offset = match field {
            Field::Data => layout::tensor::DATA,
            Field::Len => layout::tensor::LEN,
            Field::WritableLen => layout::tensor::WLEN,
            Field::WritableDim0 => layout::tensor::WD0,
            Field::Rank => {
                let rank = self.builder.ins().load(types::I8, flags, tensor, layout::tensor::RANK);
                return self.builder.ins().uextend(types::I64, rank);
            }
            Field::Dim(axis) => layout::tensor::DIMS + 8 * axis as i32,
        };
        self.builder.ins().load(types::I64, flags, tensor, offset)
    }
}

/// For elements of tensors and items of lists.
fn element_flags() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

/// The Cranelift type of a register.
pub fn clif_type(ty: Ty) -> ir::Type {
    match ty {
        Ty::Value(Type::I32) => types::I32,
        Ty::Value(Type::F32) => types::F32,
        Ty::Value(Type::F64) => types::F64,
        Ty::Value(Type::Bool) => types::I8,
        Ty::Value(_) | Ty::Ptr => types::I64,
        Ty::Vector(lanes) => vector::clif_type(lanes),
    }
}

/// The conventions between compiled functions.
pub fn call_signature(params: &[Type], results: &[Type], conv: CallConv) -> ir::Signature {
    let mut sig = ir::Signature::new(conv);
    sig.params.push(AbiParam::new(types::I64));
    sig.params.extend(params.iter().map(|t| AbiParam::new(clif_type(Ty::Value(*t)))));
    sig.returns.push(AbiParam::new(types::I64));
    match results {
        [] => {}
        [one] => sig.returns.push(AbiParam::new(clif_type(Ty::Value(*one)))),
        _ => sig.params.push(AbiParam::new(types::I64)),
    }
    sig
}

/// How the interpreter enters compiled code: context, registers, the code; a status.
pub fn enter_signature(conv: CallConv) -> ir::Signature {
    let mut sig = ir::Signature::new(conv);
    sig.params.extend([AbiParam::new(types::I64); 3]);
    sig.returns.push(AbiParam::new(types::I64));
    sig
}

/// Signature of the functions in [`Polls`].
pub fn poll_signature(args: usize) -> ir::Signature {
    let mut sig = ir::Signature::new(CallConv::PreserveAll);
    sig.params.extend((0..args).map(|_| AbiParam::new(types::I64)));
    sig
}
