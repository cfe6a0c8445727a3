//! Lowering of each instruction of the bytecode, as the visitor of the instruction
//! table: a new row there does not compile before it has a method here.

use super::Lowering;
use super::scalar;
use crate::mir::Field;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, InstructionData, Opcode as Clif, Value, ValueDef, types};
use cranelift_frontend::Switch;
use nbc_ir::inst::Visitor;
use nbc_ir::{BlockId, ConstId, Elem, FuncId, GlobalId, Imm, Item, OpId, Operand, Reg, Type};
use nbc_runtime::abi::{ObjectCall, layout};
use nbc_runtime::machine::micro::{BinaryOp, CompareOp, DivisionOp, SharedOp, TruncationOp, UnaryOp};
use nbc_runtime::trap::TrapCode;
use rustc_hash::FxHashMap;

impl Lowering<'_, '_> {
    fn literal(&mut self, dst: Reg, value: Imm) {
        let value = scalar::literal(&mut self.builder, value);
        self.define(dst, value);
    }

    fn elem(&self, tensor: Operand) -> Elem {
        match self.func.ty(tensor).value() {
            Some(Type::Tensor(elem)) => elem,
            other => unreachable!("verified: a tensor, not {other:?}"),
        }
    }

    fn load(&mut self, dst: Reg, x: Operand, indices: &[Operand], part: i32) {
        let elem = self.elem(x);
        let (at, offset) = self.checked_address(x, elem, indices, part, false);
        let value = self.load_element(elem, at, offset);
        self.define(dst, value);
    }

    fn store(&mut self, x: Operand, indices: &[Operand], part: i32, value: Operand) {
        let elem = self.elem(x);
        let (at, offset) = self.checked_address(x, elem, indices, part, true);
        let value = self.operand(value);
        self.store_element(elem, at, offset, value);
    }
}

/// An instruction more does not compile before it is lowered.
impl Visitor for Lowering<'_, '_> {
    type Output = ();

    nbc_runtime::scalar_methods!();

    fn f32_fma(&mut self, dst: Reg, a: Operand, b: Operand, c: Operand) {
        self.fma(false, dst, [a, b, c]);
    }
    fn f64_fma(&mut self, dst: Reg, a: Operand, b: Operand, c: Operand) {
        self.fma(true, dst, [a, b, c]);
    }
    fn select(&mut self, dst: Reg, cond: Operand, a: Operand, b: Operand) {
        let [cond, a, b] = [cond, a, b].map(|o| self.operand(o));
        let value = scalar::select(&mut self.builder, cond, a, b);
        self.define(dst, value);
    }
    fn copy(&mut self, dst: Reg, a: Operand) {
        let value = self.operand(a);
        self.define(dst, value);
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
    fn func_ref(&mut self, dst: Reg, callee: FuncId) {
        let value = self.builder.ins().iconst(types::I64, callee.0 as i64);
        self.define(dst, value);
    }
    fn const_get(&mut self, dst: Reg, constant: ConstId) {
        let constants = self.table(layout::context::CONSTANTS);
        let flags = super::readonly().with_can_move();
        let value = self.builder.ins().load(types::I64, flags, constants, constant.0 as i32 * 8);
        self.define(dst, value);
    }
    fn global_get(&mut self, dst: Reg, global: GlobalId) {
        let Some(ty) = self.func.regs[dst.index()].value() else { return };
        let globals = self.table(layout::context::GLOBALS);
        let value = self.load_slot(globals, global.0 as i32 * 8, ty);
        self.define(dst, value);
    }
    fn global_set(&mut self, global: GlobalId, value: Operand) {
        let Some(ty) = self.func.ty(value).value() else { return };
        if ty.is_object() {
            return self.run_object(ObjectCall::global_set_object(global, ty), &[value], &[]);
        }
        let globals = self.table(layout::context::GLOBALS);
        let value = self.operand(value);
        self.store_slot(globals, global.0 as i32 * 8, value, ty);
    }

    fn br(&mut self, target: BlockId) {
        self.jump(target);
    }
    fn br_if(&mut self, cond: Operand, then_to: BlockId, else_to: BlockId) {
        self.branch(cond, then_to, else_to);
    }
    fn switch(&mut self, index: Operand, targets: &[BlockId], default_to: BlockId) {
        self.table_branch(index, targets, default_to);
    }
    fn ret(&mut self, values: &[Operand]) {
        self.return_with(values);
    }
    fn trap(&mut self) {
        self.trap_now(TrapCode::Unreachable);
    }
    fn call(&mut self, results: &[Reg], callee: FuncId, args: &[Operand]) {
        let module = self.target.module;
        if callee.index() < module.imports.len() {
            let types: Vec<Type> = results.iter().filter_map(|r| self.func.regs[r.index()].value()).collect();
            let (typed, slots) = self.arguments(args);
            return self.run_object(ObjectCall::host(callee.index(), &typed, &types), &slots, results);
        }
        self.call_function(results, callee, args);
    }
    fn call_ref(&mut self, results: &[Reg], callee: Operand, args: &[Operand]) {
        self.call_reference(results, callee, args);
    }
    fn op(&mut self, results: &[Reg], callee: OpId, args: &[Operand]) {
        let (typed, slots) = self.arguments(args);
        let place = self.func.origins[self.origin as usize];
        let plan = self.func.plan.operation(place.func, place.block, place.inst);
        let call = ObjectCall::operation(self.target.module, callee, &typed, results.len(), plan);
        self.run_object(call, &slots, results);
    }

    fn region_begin(&mut self) {
        self.begin_region();
    }
    fn region_end(&mut self, kept: &[Reg]) {
        self.keeping(ObjectCall::region_end, kept);
    }
    fn region_renew(&mut self, kept: &[Reg]) {
        self.keeping(ObjectCall::region_renew, kept);
    }

    fn tensor_len(&mut self, dst: Reg, x: Operand) {
        self.header(dst, x, Field::Len);
    }
    fn tensor_rank(&mut self, dst: Reg, x: Operand) {
        self.header(dst, x, Field::Rank);
    }
    fn tensor_dim(&mut self, dst: Reg, x: Operand, axis: Operand) {
        self.tensor_dim_of(dst, x, axis);
    }
    fn tensor_to_host(&mut self, x: Operand, write: Imm) {
        self.run_object(ObjectCall::simple(SharedOp::TensorToHost, write.to_slot()), &[x], &[]);
    }
    fn tensor_load(&mut self, dst: Reg, x: Operand, i: Operand) {
        self.load(dst, x, &[i], 0);
    }
    fn tensor_load2(&mut self, dst: Reg, x: Operand, i: Operand, j: Operand) {
        self.load(dst, x, &[i, j], 0);
    }
    fn tensor_load3(&mut self, dst: Reg, x: Operand, i: Operand, j: Operand, k: Operand) {
        self.load(dst, x, &[i, j, k], 0);
    }
    fn tensor_store(&mut self, x: Operand, i: Operand, value: Operand) {
        self.store(x, &[i], 0, value);
    }
    fn tensor_store2(&mut self, x: Operand, i: Operand, j: Operand, value: Operand) {
        self.store(x, &[i, j], 0, value);
    }
    fn tensor_store3(&mut self, x: Operand, i: Operand, j: Operand, k: Operand, value: Operand) {
        self.store(x, &[i, j, k], 0, value);
    }
    fn tensor_load_re(&mut self, dst: Reg, x: Operand, i: Operand) {
        self.load(dst, x, &[i], 0);
    }
    fn tensor_load_im(&mut self, dst: Reg, x: Operand, i: Operand) {
        self.load(dst, x, &[i], 1);
    }
    fn tensor_store_re(&mut self, x: Operand, i: Operand, value: Operand) {
        self.store(x, &[i], 0, value);
    }
    fn tensor_store_im(&mut self, x: Operand, i: Operand, value: Operand) {
        self.store(x, &[i], 1, value);
    }

    fn list_new(&mut self, dst: Reg, len: Operand, fill: Operand) {
        let Some(Type::List(item)) = self.func.regs[dst.index()].value() else { return };
        self.run_object(ObjectCall::list_new(item), &[len, fill], &[dst]);
    }
    fn list_len(&mut self, dst: Reg, list: Operand) {
        let list = self.operand(list);
        let value = self.list_length(list);
        self.define(dst, value);
    }
    fn list_get(&mut self, dst: Reg, list: Operand, i: Operand) {
        let Some(ty) = self.func.regs[dst.index()].value() else { return };
        let list = self.operand(list);
        let at = self.item_address(list, i);
        let value = self.load_slot(at, 0, ty);
        self.define(dst, value);
    }
    fn list_set(&mut self, list: Operand, i: Operand, value: Operand) {
        let Some(ty) = self.func.ty(value).value() else { return };
        if ty.is_object() {
            let Some(item) = Item::from_type(ty) else { return };
            return self.run_object(ObjectCall::list_set_object(item), &[list, i, value], &[]);
        }
        let list = self.operand(list);
        let at = self.item_address(list, i);
        let value = self.operand(value);
        self.store_slot(at, 0, value, ty);
    }
}

impl Lowering<'_, '_> {
    fn binary(&mut self, op: BinaryOp, dst: Reg, a: Operand, b: Operand) {
        let (a, b) = (self.operand(a), self.operand(b));
        let value = scalar::binary(&mut self.builder, self.target.cpu, op, a, b);
        self.define(dst, value);
    }

    fn compare(&mut self, op: CompareOp, dst: Reg, a: Operand, b: Operand) {
        let (a, b) = (self.operand(a), self.operand(b));
        let value = scalar::compare(&mut self.builder, op, a, b);
        self.define(dst, value);
    }

    fn unary(&mut self, op: UnaryOp, dst: Reg, a: Operand) {
        let a = self.operand(a);
        let value = scalar::unary(&mut self.builder, self.target.cpu, op, a);
        self.define(dst, value);
    }

    fn division(&mut self, op: DivisionOp, dst: Reg, a: Operand, b: Operand) {
        let [x, y] = [a, b].map(|o| self.operand(o));
        if !matches!(b, Operand::Imm(imm) if imm.to_slot() != 0) {
            let ok = self.builder.ins().icmp_imm_s(IntCC::NotEqual, y, 0);
            self.trap_unless(ok, TrapCode::DivideByZero);
        }
        let value = scalar::division(&mut self.builder, op, x, y);
        self.define(dst, value);
    }

    fn truncation(&mut self, op: TruncationOp, dst: Reg, a: Operand) {
        let a = self.operand(a);
        let (fits, value) = scalar::truncation(&mut self.builder, op, a);
        self.trap_unless(fits, TrapCode::ConversionOutOfRange);
        self.define(dst, value);
    }

    fn fma(&mut self, wide: bool, dst: Reg, operands: [Operand; 3]) {
        let [a, b, c] = operands.map(|o| self.operand(o));
        let value = scalar::fma(&mut self.builder, self.target.cpu, wide, a, b, c);
        self.define(dst, value);
    }

    fn header(&mut self, dst: Reg, x: Operand, field: Field) {
        let value = self.field_of(x, field);
        self.define(dst, value);
    }

    pub fn jump(&mut self, target: BlockId) {
        let args = self.way_to(target);
        self.builder.ins().jump(self.blocks[target.index()], &args);
    }

    fn branch(&mut self, cond: Operand, mut then_to: BlockId, mut else_to: BlockId) {
        let mut cond = self.operand(cond);
        let is_cold = |b: BlockId| self.func.blocks[b.index()].cold;
        let is_guard = is_cold(else_to) && !is_cold(then_to);
        if self.target.in_order && is_cold(then_to) && !is_cold(else_to) {
            // What is first led to and leads back comes last of all.
            cond = scalar::negated(&mut self.builder, cond);
            (then_to, else_to) = (else_to, then_to);
        }
        // A way back from cold code is cold too: Cranelift would put what is done
        // on it where it leads to.
        let mut ways_back = Vec::new();
        let mut way = |l: &mut Self, to: BlockId| {
            if !l.cold || l.target.in_order || is_cold(to) {
                return (l.blocks[to.index()], l.way_to(to));
            }
            let block = l.next_block();
            ways_back.push((block, to));
            (block, Vec::new())
        };
        let (then_to, then_args) = way(self, then_to);
        let (else_to, else_args) = way(self, else_to);
        // All conditions of a guard hold, as a rule: a branch on each, which is
        // one operation with its comparison, takes less than to join them.
        let mut conditions = Vec::new();
        if is_guard {
            self.conjuncts(cond, &mut conditions);
        }
        let last = conditions.pop().unwrap_or(cond);
        for condition in conditions {
            let next = self.next_block();
            self.builder.ins().brif(condition, next, &[], else_to, &else_args);
            self.go_on_in(next);
        }
        self.builder.ins().brif(last, then_to, &then_args, else_to, &else_args);
        for (block, to) in ways_back {
            self.go_on_in(block);
            self.jump(to);
        }
    }

    /// The conditions that `cond` joins, if there are few.
    fn conjuncts(&self, cond: Value, out: &mut Vec<Value>) {
        const MOST: usize = 8;
        let dfg = &self.builder.func.dfg;
        let mut left = vec![cond];
        while let Some(cond) = left.pop() {
            if let ValueDef::Result(inst, _) = dfg.value_def(cond)
                && let InstructionData::Binary { opcode: Clif::Band, args: [a, b] } = dfg.insts[inst]
                && out.len() < MOST
            {
                left.extend([b, a]);
            } else {
                out.push(cond);
            }
        }
    }

    fn table_branch(&mut self, index: Operand, targets: &[BlockId], default_to: BlockId) {
        let index = self.operand(index);
        let mut switch = Switch::new();
        // Ways that take values with them begin in blocks of their own.
        let mut ways: FxHashMap<BlockId, ir::Block> = FxHashMap::default();
        let mut order = Vec::new();
        let mut way = |lowering: &mut Self, target: BlockId| {
            if lowering.phis.params[target.index()].is_empty() {
                return lowering.blocks[target.index()];
            }
            *ways.entry(target).or_insert_with(|| {
                let block = lowering.next_block();
                order.push((block, target));
                block
            })
        };
        for (i, target) in targets.iter().enumerate() {
            switch.set_entry(i as u128, way(self, *target));
        }
        let default_to = way(self, default_to);
        switch.emit(&mut self.builder, index, default_to);
        for (block, target) in order {
            self.builder.switch_to_block(block);
            self.jump(target);
        }
    }

    fn keeping(&mut self, call: fn(&[Type]) -> ObjectCall, kept: &[Reg]) {
        let operands: Vec<Operand> = kept.iter().map(|r| (*r).into()).collect();
        let types: Vec<Type> = kept.iter().filter_map(|r| self.func.regs[r.index()].value()).collect();
        self.run_object(call(&types), &operands, kept);
    }
}
