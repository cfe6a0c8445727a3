//! Calls, returns, traps, and the budget.
//!
//! A trap is a status on its way out: code that traps goes to a block shared
//! by the whole function, which calls the runtime to note what and where, and
//! returns. Callers do the same with a status they are given.

use super::scalar::{import, negated};
use super::{Lowering, call_signature};
use crate::mir::{Entry, Func, MirOp};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, BlockArg, InstBuilder, MemFlagsData, Value, types};
use nbc_ir::flow::{Cfg, Loops};
use nbc_ir::inst::Imm;
use nbc_ir::{FuncId, Operand, Reg, SigId, Type};
use nbc_runtime::abi::{Arg, Charges, ObjectCall, calls, layout};
use nbc_runtime::trap::TrapCode;

/// Ways out that a function shares. Each is a cold block with integer
/// parameters, made when first wanted. It is made again when so many ways lead
/// to it that Cranelift would take long to see where they come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Takes a site and a trap's code.
    Trap,
    /// Takes a site and a status.
    Passed,
    /// Takes a status whose trap has been noted.
    Noted,
    /// An element access by that many indices. Takes a site, the tensor,
    /// whether it was a write, and the indices.
    Refused(usize),
    /// Takes a site, an axis and a rank.
    NoAxis,
    /// Takes a site, an index and a length.
    NoItem,
}

impl Exit {
    const COUNT: usize = 8;

    /// Position, and number of parameters.
    fn facts(self) -> (usize, usize) {
        match self {
            Exit::Trap => (0, 2),
            Exit::Passed => (1, 2),
            Exit::Noted => (2, 1),
            Exit::NoAxis => (3, 3),
            Exit::NoItem => (4, 3),
            Exit::Refused(rank) => (4 + rank, 3 + rank),
        }
    }
}

/// Most ways that lead to one way out.
const MAX_SHARED: usize = 256;

/// The ways out a function has.
#[derive(Default)]
pub struct Exits {
    /// Of each sort those that are to be filled.
    blocks: [Vec<ir::Block>; Exit::COUNT],
    /// How many ways lead to the last of each sort.
    ways: [usize; Exit::COUNT],
    /// How many there are.
    count: usize,
}

/// Whether a node changes the budget.
pub fn counts(op: &MirOp) -> bool {
    matches!(op, MirOp::Charge { .. } | MirOp::Charges { .. } | MirOp::Prepay { .. } | MirOp::Spend { .. })
}

/// Whether the budget is better left in memory than held in a register: where no
/// innermost loop counts its iterations one by one.
pub fn counts_rarely(func: &Func, cfg: &Cfg, loops: &Loops) -> bool {
    let mut has_inner = vec![false; cfg.len()];
    let headers = cfg.rpo().iter().filter(|b| loops.is_header(**b));
    headers.filter_map(|b| loops.parent(*b)).for_each(|outer| has_inner[outer.index()] = true);
    cfg.rpo().iter().all(|block| {
        let mut nodes = func.blocks[block.index()].nodes.iter().filter(|n| counts(&n.op));
        let iterations_fast = loops.innermost(*block).is_some_and(|header| !has_inner[header.index()]);
        nodes.all(|n| !iterations_fast && matches!(n.op, MirOp::Charge { .. }))
    })
}

impl Lowering<'_, '_> {
    /// The block of a way out.
    pub fn exit_to(&mut self, way: Exit) -> ir::Block {
        let (at, params) = way.facts();
        let ways = &mut self.exits.ways[at];
        *ways += 1;
        if let Some(block) = self.exits.blocks[at].last().filter(|_| *ways <= MAX_SHARED) {
            return *block;
        }
        *ways = 1;
        let block = self.builder.create_block();
        self.builder.set_cold_block(block);
        for _ in 0..params {
            self.builder.append_block_param(block, types::I64);
        }
        self.exits.blocks[at].push(block);
        self.exits.count += 1;
        block
    }

    /// Begins to fill a way out, if there is one left; its parameters.
    pub fn begin_exit(&mut self, way: Exit) -> Option<Vec<Value>> {
        let block = self.exits.blocks[way.facts().0].pop()?;
        self.builder.switch_to_block(block);
        Some(self.builder.block_params(block).to_vec())
    }

    /// Ends a way out: notes the trap by a call of the runtime, and leaves.
    pub fn note_and_leave(&mut self, address: usize, args: &[Value]) {
        // The register may be ahead in some block that comes here; what is
        // left matters only where it is fuel.
        self.dirty = self.target.metered;
        self.save_budget();
        let status = self.runtime_call(address, args);
        self.exit_with(status);
    }

    /// Ends a way out with a status whose trap has been noted.
    fn exit_with(&mut self, status: Value) {
        if self.exits.count == 1 {
            // It is the only one.
            return self.return_values(status, &[]);
        }
        let exit = self.exit_to(Exit::Noted);
        self.builder.ins().jump(exit, &[status.into()]);
    }

    /// Goes on in a new block if `ok`, else takes a way out with the site and
    /// what `args` makes: in a block of its own, so that nothing is done for
    /// it where the program goes on.
    pub fn go_on_if(&mut self, ok: Value, way: Exit, args: impl FnOnce(&mut Self) -> Vec<Value>) {
        let (go_on, leave) = (self.next_block(), self.cold_block());
        if self.target.in_order {
            self.builder.ins().brif(ok, go_on, &[], leave, &[]);
        } else {
            // The way out first: Cranelift then comes to it after the rest of
            // the loop, which it takes to have ended where it finds a way out.
            let bad = negated(&mut self.builder, ok);
            self.builder.ins().brif(bad, leave, &[], go_on, &[]);
        }
        self.go_on_in(leave);
        self.leave(way, args);
        self.go_on_in(go_on);
    }

    /// As [`Self::go_on_if`], if `status` is 0.
    fn go_on_if_zero(&mut self, status: Value, way: Exit) {
        let (go_on, leave) = (self.next_block(), self.cold_block());
        self.builder.ins().brif(status, leave, &[], go_on, &[]);
        self.go_on_in(leave);
        self.leave(way, |_| vec![status]);
        self.go_on_in(go_on);
    }

    fn leave(&mut self, way: Exit, args: impl FnOnce(&mut Self) -> Vec<Value>) {
        let mut values = Vec::new();
        if way != Exit::Noted {
            values.push(self.site());
        }
        values.extend(args(self));
        let block = self.exit_to(way);
        let args: Vec<BlockArg> = values.into_iter().map(BlockArg::from).collect();
        self.builder.ins().jump(block, &args);
    }

    /// Traps with `code` at the present node unless `ok`.
    pub fn trap_unless(&mut self, ok: Value, code: TrapCode) {
        self.go_on_if(ok, Exit::Trap, |l| vec![l.builder.ins().iconst(types::I64, code as i64)]);
    }

    /// Traps as a fault of the compiler, with that code, at the present node unless `ok`.
    pub fn trap_unless_claim(&mut self, ok: Value, code: u64) {
        self.go_on_if(ok, Exit::Trap, |l| vec![l.builder.ins().iconst(types::I64, code as i64)]);
    }

    /// Traps at the present node.
    pub fn trap_now(&mut self, code: TrapCode) {
        self.leave(Exit::Trap, |l| vec![l.builder.ins().iconst(types::I64, code as i64)]);
    }

    /// Goes on if `status`, which the runtime gave back without noting where, is 0.
    pub fn check_passed(&mut self, status: Value) {
        self.go_on_if_zero(status, Exit::Passed);
    }

    /// Goes on if `status`, whose trap has been noted, is 0.
    fn check_status(&mut self, status: Value) {
        self.go_on_if_zero(status, Exit::Noted);
    }

    /// Fills the ways out.
    pub fn finish_ways_out(&mut self) {
        while let Some(params) = self.begin_exit(Exit::Trap) {
            self.note_and_leave(calls().trap, &[self.ctx, params[0], params[1]]);
        }
        while let Some(params) = self.begin_exit(Exit::Passed) {
            // Whatever has trapped left the budget as it is to be.
            let status = self.runtime_call(calls().passed, &[self.ctx, params[0], params[1]]);
            self.exit_with(status);
        }
        self.refused_accesses();
        while let Some(params) = self.begin_exit(Exit::Noted) {
            self.return_values(params[0], &[]);
        }
    }

    /// Leads a way that is never taken from the entry to the way out of polls:
    /// so that does not lie in any loop, which Cranelift would take to end
    /// there and leave what follows where it is.
    pub fn lead_out(&mut self) {
        let (exit, next) = (self.exit_to(Exit::Noted), self.builder.create_block());
        let status = self.builder.ins().iconst(types::I64, 1);
        let never = self.builder.ins().icmp_imm_u(IntCC::Equal, self.ctx, 0);
        self.builder.ins().brif(never, exit, &[status.into()], next, &[]);
        self.go_on_in(next);
    }

    // The budget.

    /// For each block, whether the budget's register may be ahead of the
    /// context where it begins.
    pub fn dirty_at_starts(&self, cfg: &Cfg) -> Vec<bool> {
        let mut at = vec![false; self.func.blocks.len()];
        if self.budget.is_none() {
            return at;
        }
        let mut changed = true;
        while changed {
            changed = false;
            for &block in cfg.rpo() {
                let mut dirty = at[block.index()];
                for node in &self.func.blocks[block.index()].nodes {
                    match &node.op {
                        MirOp::Inst(inst) if super::object::leaves(self.func, inst) => dirty = false,
                        op => dirty |= counts(op),
                    }
                }
                for succ in cfg.succs(block).iter().filter(|_| dirty) {
                    changed |= !std::mem::replace(&mut at[succ.index()], true);
                }
            }
        }
        at
    }

    /// Puts the budget where others find it.
    pub fn save_budget(&mut self) {
        if let Some(var) = self.budget
            && std::mem::replace(&mut self.dirty, false)
        {
            let budget = self.builder.use_var(var);
            self.store_budget(budget);
        }
    }

    fn load_budget(&mut self) -> Value {
        self.builder.ins().load(types::I64, MemFlagsData::trusted(), self.ctx, layout::context::BUDGET)
    }

    fn store_budget(&mut self, budget: Value) {
        self.builder.ins().store(MemFlagsData::trusted(), budget, self.ctx, layout::context::BUDGET);
    }

    /// Takes the budget up again after others may have changed it.
    pub fn reload_budget(&mut self) {
        if let Some(var) = self.budget {
            let budget = self.load_budget();
            self.builder.def_var(var, budget);
            self.dirty = false;
        }
    }

    /// Takes `cost` off the budget, and sets `dst` to whether that was there.
    pub fn spend(&mut self, dst: Reg, cost: Operand) {
        let Some(var) = self.budget else { return };
        let cost = self.operand(cost);
        let budget = self.builder.use_var(var);
        let left = self.builder.ins().isub(budget, cost);
        self.builder.def_var(var, left);
        self.dirty = true;
        let enough = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, left, 0);
        self.define(dst, enough);
    }

    /// Takes the charges off the fuel together, or one by one where that is
    /// more than is at hand: then the first that is too much traps.
    pub fn charge_fuel(&mut self, list: &[(i64, u32)]) {
        let Some(var) = self.budget else { return };
        let all: i64 = list.iter().map(|(cost, _)| cost).sum();
        let budget = self.builder.use_var(var);
        let enough = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, budget, all);
        let (at_hand, done, slow) = (self.next_block(), self.next_block(), self.cold_block());
        self.builder.ins().brif(enough, at_hand, &[], slow, &[]);

        self.go_on_in(slow);
        let cold = std::mem::replace(&mut self.cold, true);
        let list = list.iter().map(|(cost, origin)| (*cost, super::site_of(self.func, *origin)));
        let charges = Box::new(Charges { list: list.collect() });
        let address = std::ptr::from_ref(&*charges).expose_provenance() as i64;
        self.attachments.charges.push(charges);
        let charges = self.builder.ins().iconst(types::I64, address);
        self.store_budget(budget);
        self.call_poll(self.target.polls.charge, &[self.ctx, charges]);
        let flags = MemFlagsData::trusted();
        let status = self.builder.ins().load(types::I64, flags, self.ctx, layout::context::STATUS);
        self.go_on_if_zero(status, Exit::Noted);
        self.reload_budget();
        self.builder.ins().jump(done, &[]);
        self.cold = cold;

        self.go_on_in(at_hand);
        let left = self.builder.ins().iadd_imm_s(budget, -all);
        self.builder.def_var(var, left);
        self.builder.ins().jump(done, &[]);

        self.go_on_in(done);
        self.dirty = true;
    }

    /// Takes `cost` off the fuel if there is so much, and sets `dst` to whether there was.
    pub fn prepay(&mut self, dst: Reg, cost: Operand) {
        let Some(var) = self.budget else { return };
        let cost = self.operand(cost);
        let budget = self.builder.use_var(var);
        let enough = self.builder.ins().icmp(IntCC::SignedGreaterThanOrEqual, budget, cost);
        let (at_hand, done) = (self.next_block(), self.next_block());
        let slow = self.cold_block();
        let paid = self.builder.append_block_param(done, types::I8);
        self.builder.ins().brif(enough, at_hand, &[], slow, &[]);

        self.go_on_in(slow);
        let cold = std::mem::replace(&mut self.cold, true);
        self.store_budget(budget);
        self.call_poll(self.target.polls.prepay, &[self.ctx, cost]);
        let flags = MemFlagsData::trusted();
        let status = self.builder.ins().load(types::I64, flags, self.ctx, layout::context::STATUS);
        let short = self.builder.ins().icmp_imm_u(IntCC::Equal, status, 1);
        let none = self.builder.ins().iconst(types::I64, 0);
        let status = self.builder.ins().select(short, none, status);
        self.go_on_if_zero(status, Exit::Passed);
        self.reload_budget();
        let all = negated(&mut self.builder, short);
        self.builder.ins().jump(done, &[all.into()]);
        self.cold = cold;

        self.go_on_in(at_hand);
        let left = self.builder.ins().isub(budget, cost);
        self.builder.def_var(var, left);
        let all = self.builder.ins().iconst(types::I8, 1);
        self.builder.ins().jump(done, &[all.into()]);

        self.go_on_in(done);
        self.dirty = true;
        self.define(dst, paid);
    }

    /// Takes `cost` off the budget; looks whether to go on when it is used up.
    pub fn charge(&mut self, cost: Operand) {
        if let (true, Operand::Imm(Imm::I64(cost @ 1..))) = (self.target.metered, cost) {
            return self.charge_fuel(&[(cost, self.origin)]);
        }
        let cost = self.operand(cost);
        let budget = match self.budget {
            Some(var) => self.builder.use_var(var),
            None => self.load_budget(),
        };
        let left = self.builder.ins().isub(budget, cost);
        match self.budget {
            Some(var) => self.builder.def_var(var, left),
            None => self.store_budget(left),
        }
        self.dirty = self.budget.is_some();
        if self.target.metered {
            // It is given back.
            return;
        }
        let enough = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, left, 0);
        let (slow, go_on) = (self.cold_block(), self.next_block());
        self.builder.ins().brif(enough, go_on, &[], slow, &[]);

        self.go_on_in(slow);
        let cold = std::mem::replace(&mut self.cold, true);
        let (flags, site) = (MemFlagsData::trusted(), self.site());
        self.builder.ins().store(flags, site, self.ctx, layout::context::STATUS);
        self.call_poll(self.target.polls.poll, &[self.ctx]);
        let status = self.builder.ins().load(types::I64, flags, self.ctx, layout::context::STATUS);
        if self.target.in_order {
            self.go_on_if_zero(status, Exit::Noted);
        } else {
            let (exit, next) = (self.exit_to(Exit::Noted), self.cold_block());
            self.builder.ins().brif(status, exit, &[status.into()], next, &[]);
            self.go_on_in(next);
        }
        self.reload_budget();
        self.builder.ins().jump(go_on, &[]);
        self.cold = cold;

        self.go_on_in(go_on);
        self.dirty = true;
        if self.at_entry {
            // One count a call: it need not stay in a register meanwhile.
            self.save_budget();
        }
    }

    fn call_poll(&mut self, address: usize, args: &[Value]) {
        let sig = import(&mut self.builder, super::poll_signature(args.len()));
        let callee = self.address_of(address);
        self.builder.ins().call_indirect(sig, callee, args);
    }

    // Calls.

    /// Runs the call in the interpreter when the native stack is nearly used up.
    pub fn check_stack(&mut self, args: &[Value]) {
        let Entry::Call { params } = self.func.entry else { return };
        let sp = self.builder.ins().get_stack_pointer(types::I64);
        let flags = MemFlagsData::trusted();
        let limit = self.builder.ins().load(types::I64, flags, self.ctx, layout::context::NATIVE_LIMIT);
        let enough = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, sp, limit);
        let (slow, go_on) = (self.cold_block(), self.next_block());
        self.builder.ins().brif(enough, go_on, &[], slow, &[]);

        self.go_on_in(slow);
        let cold = std::mem::replace(&mut self.cold, true);
        let types: Vec<Type> = self.func.regs[..params].iter().filter_map(|t| t.value()).collect();
        let values: Vec<_> = args.iter().copied().zip(types).collect();
        let results = self.func.results.clone();
        let slots = self.slots(values.len().max(results.len()));
        self.fill(slots, &values);
        let callee = self.builder.ins().iconst(types::I64, self.func.id.0 as i64);
        let status = self.runtime_call(calls().interpret, &[self.ctx, callee, slots]);
        self.check_status(status);
        let results: Vec<Value> =
            results.iter().enumerate().map(|(i, t)| self.load_slot(slots, i as i32 * 8, *t)).collect();
        let ok = self.builder.ins().iconst(types::I64, 0);
        self.return_values(ok, &results);
        self.cold = cold;

        self.go_on_in(go_on);
    }

    /// A call of a function of the module.
    pub fn call_function(&mut self, results: &[Reg], callee: FuncId, args: &[Operand]) {
        let Some(sig) = self.target.module.func_sig_id(callee) else { return };
        let func = self.builder.ins().iconst(types::I64, callee.0 as i64);
        if callee == self.func.id
            && let Some(own) = self.target.own
        {
            return self.call_native(results, sig, func, Callee::Own(own), args);
        }
        let entry = self.target.entries + callee.index() * layout::entry::SIZE as usize;
        let entry = self.address_of(entry);
        let flags = MemFlagsData::trusted();
        let native = self.builder.ins().load(types::I64, flags, entry, layout::entry::NATIVE);
        self.call_native(results, sig, func, Callee::Found(native), args);
    }

    /// A call of the function that `callee` refers to.
    pub fn call_reference(&mut self, results: &[Reg], callee: Operand, args: &[Operand]) {
        let Some(Type::Func(sig)) = self.func.ty(callee).value() else {
            unreachable!("verified: a function reference")
        };
        let func = self.operand(callee);
        let table = self.address_of(self.target.entries);
        let offset = self.builder.ins().imul_imm_s(func, layout::entry::SIZE as i64);
        let entry = self.builder.ins().iadd(table, offset);
        let flags = MemFlagsData::trusted();
        let native = self.builder.ins().load(types::I64, flags, entry, layout::entry::NATIVE);
        self.call_native(results, sig, func, Callee::Found(native), args);
    }

    fn call_native(&mut self, results: &[Reg], sig: SigId, func: Value, callee: Callee, args: &[Operand]) {
        let sig = &self.target.module.sigs[sig.index()];
        let values: Vec<(Value, Type)> =
            args.iter().zip(&sig.params).map(|(a, t)| (self.operand(*a), *t)).collect();
        self.save_budget();
        let mut passed = vec![self.ctx];
        passed.extend(values.iter().map(|(v, _)| *v));
        let many = results.len() > 1;
        let slots = match callee {
            Callee::Own(_) if !many => None,
            _ if many => Some(self.slots(values.len().max(results.len()))),
            Callee::Found(_) | Callee::Own(_) => None,
        };
        passed.extend(slots);

        let done = self.next_block();
        if let [one] = results {
            let ty = super::clif_type(self.func.regs[one.index()]);
            self.builder.append_block_param(done, ty);
        }
        let returned = match callee {
            Callee::Own(own) => self.builder.ins().call(own, &passed),
            Callee::Found(native) => {
                let (direct, interpreted) = (self.next_block(), self.cold_block());
                self.builder.ins().brif(native, direct, &[], interpreted, &[]);

                // No compiled code yet.
                self.go_on_in(interpreted);
                let room = self.slots(values.len().max(results.len()));
                self.fill(room, &values);
                let status = self.runtime_call(calls().call, &[self.ctx, func, room]);
                self.check_passed(status);
                let result: Option<BlockArg> = match results {
                    [_] => Some(self.load_slot(room, 0, sig.results[0]).into()),
                    _ => None,
                };
                self.builder.ins().jump(done, result.as_slice());

                self.go_on_in(direct);
                let clif = call_signature(&sig.params, &sig.results, self.target.config.default_call_conv);
                let clif = import(&mut self.builder, clif);
                self.builder.ins().call_indirect(clif, native, &passed)
            }
        };
        let returned = self.builder.inst_results(returned).to_vec();
        self.check_passed(returned[0]);
        let result: Option<BlockArg> = match results {
            [_] => Some(returned[1].into()),
            _ => None,
        };
        self.builder.ins().jump(done, result.as_slice());

        self.go_on_in(done);
        self.reload_budget();
        match (results, slots) {
            ([one], _) => {
                let value = self.builder.block_params(done)[0];
                self.define(*one, value);
            }
            (many, Some(_)) => {
                let slots = self.slots(many.len());
                for (i, reg) in many.iter().enumerate() {
                    let value = self.load_slot(slots, i as i32 * 8, sig.results[i]);
                    self.define(*reg, value);
                }
            }
            _ => {}
        }
    }

    // Returns.

    /// Returns `values`, ending the call's own region if it has one.
    pub fn return_with(&mut self, values: &[Operand]) {
        let types = self.func.results.clone();
        let mut values: Vec<Value> = values.iter().map(|v| self.operand(*v)).collect();
        self.save_budget();
        if self.func.own_region {
            let slots = match self.frame {
                Some(frame) => frame,
                None => self.slots(values.len()),
            };
            let typed: Vec<_> = values.iter().copied().zip(types.iter().copied()).collect();
            self.fill(slots, &typed);
            let kept: Vec<_> = types.iter().map(|t| (Arg::Slot, *t)).collect();
            let status = self.object_call(ObjectCall::returning(&kept), slots);
            self.check_passed(status);
            if self.frame.is_some() {
                let ok = self.builder.ins().iconst(types::I64, 0);
                self.builder.ins().return_(&[ok]);
                return;
            }
            values = types.iter().enumerate().map(|(i, t)| self.load_slot(slots, i as i32 * 8, *t)).collect();
        }
        let ok = self.builder.ins().iconst(types::I64, 0);
        self.return_values(ok, &values);
    }

    /// Returns a status and, unless it is that of a trap, the results.
    fn return_values(&mut self, status: Value, values: &[Value]) {
        let types = self.func.results.clone();
        let typed: Vec<_> = values.iter().copied().zip(types.iter().copied()).collect();
        if let Some(frame) = self.frame {
            self.fill(frame, &typed);
            self.builder.ins().return_(&[status]);
            return;
        }
        match types.as_slice() {
            [ty] => {
                let value = match values {
                    [value] => *value,
                    _ => self.zero(*ty),
                };
                self.builder.ins().return_(&[status, value]);
            }
            _ => {
                if let Some(out) = self.out {
                    self.fill(out, &typed);
                }
                self.builder.ins().return_(&[status]);
            }
        }
    }

    fn zero(&mut self, ty: Type) -> Value {
        match ty {
            Type::F64 => self.builder.ins().f64const(0.0),
            Type::F32 => self.builder.ins().f32const(0.0),
            Type::I32 => self.builder.ins().iconst(types::I32, 0),
            Type::Bool => self.builder.ins().iconst(types::I8, 0),
            _ => self.builder.ins().iconst(types::I64, 0),
        }
    }
}

/// Code that is called.
enum Callee {
    /// This function.
    Own(ir::FuncRef),
    /// The address found in the table, 0 when there is no compiled code.
    Found(Value),
}
