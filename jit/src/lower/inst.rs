//! One method an instruction of the bytecode.

use super::Lowering;
use super::scalar;
use crate::mir::Field;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, InstructionData, Opcode as Clif, Value, ValueDef, types};
use cranelift_frontend::Switch;
use nbc_ir::inst::FieldRef;
use nbc_ir::{BlockId, ConstId, Elem, FuncId, GlobalId, Imm, Inst, Item, OpId, Operand, Reg, Type};
use nbc_runtime::abi::{ObjectCall, layout};
use nbc_runtime::machine::micro::{DivisionOp, TruncationOp};
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

impl Lowering<'_, '_> {
    /// Lowers one instruction of the bytecode.
    pub fn inst(&mut self, inst: &Inst) {
        match *inst {
            Inst::Br { target } => self.br(target),
            Inst::BrIf { cond, then_to, else_to } => self.br_if(cond, then_to, else_to),
            Inst::Switch { index, ref targets, default_to } => self.switch(index, targets, default_to),
            Inst::Ret { ref values } => self.ret(values),
            Inst::Trap {} => self.trap_now(TrapCode::Unreachable),
            Inst::Call { ref results, callee, ref args } => self.call(results, callee, args),
            Inst::CallRef { ref results, callee, ref args } => self.call_reference(results, callee, args),
            Inst::FuncRef { dst, callee } => self.func_ref(dst, callee),
            Inst::CallOp { ref results, callee, ref args } => self.call_op(results, callee, args),
            Inst::Copy { dst, a } => self.copy(dst, a),
            Inst::GlobalGet { dst, global } => self.global_get(dst, global),
            Inst::GlobalSet { global, value } => self.global_set(global, value),
            Inst::ConstGet { dst, constant } => self.const_get(dst, constant),
            Inst::I32Const { dst, value }
            | Inst::I64Const { dst, value }
            | Inst::F32Const { dst, value }
            | Inst::F64Const { dst, value }
            | Inst::BoolConst { dst, value } => self.literal(dst, value),
            Inst::RegionBegin {} => self.begin_region(),
            Inst::RegionEnd { ref kept } => self.keeping(ObjectCall::region_end, kept),
            Inst::RegionRenew { ref kept } => self.keeping(ObjectCall::region_renew, kept),
            Inst::TensorLen { dst, x } => self.header(dst, x, Field::Len),
            Inst::TensorRank { dst, x } => self.header(dst, x, Field::Rank),
            Inst::TensorDim { dst, x, axis } => self.tensor_dim_of(dst, x, axis),
            Inst::TensorLoad { dst, x, i } => self.load(dst, x, &[i], 0),
            Inst::TensorLoad2 { dst, x, i, j } => self.load(dst, x, &[i, j], 0),
            Inst::TensorLoad3 { dst, x, i, j, k } => self.load(dst, x, &[i, j, k], 0),
            Inst::TensorStore { x, i, value } => self.store(x, &[i], 0, value),
            Inst::TensorStore2 { x, i, j, value } => self.store(x, &[i, j], 0, value),
            Inst::TensorStore3 { x, i, j, k, value } => self.store(x, &[i, j, k], 0, value),
            Inst::TensorLoadRe { dst, x, i } => self.load(dst, x, &[i], 0),
            Inst::TensorLoadIm { dst, x, i } => self.load(dst, x, &[i], 1),
            Inst::TensorStoreRe { x, i, value } => self.store(x, &[i], 0, value),
            Inst::TensorStoreIm { x, i, value } => self.store(x, &[i], 1, value),
            Inst::ListNew { dst, len, fill } => self.list_new(dst, len, fill),
            Inst::ListLen { dst, list } => self.list_len(dst, list),
            Inst::ListGet { dst, list, i } => self.list_get(dst, list, i),
            Inst::ListSet { list, i, value } => self.list_set(list, i, value),
            _ => self.arithmetic(inst),
        }
    }

    /// An instruction that computes a scalar from scalars.
    fn arithmetic(&mut self, inst: &Inst) {
        let (mut dst, mut operands) = (None, [None; 3]);
        let mut count = 0;
        inst.for_each_field(|field| match field {
            FieldRef::Def(r) => dst = Some(r),
            FieldRef::Use(o) => {
                operands[count] = Some(o);
                count += 1;
            }
            _ => {}
        });
        let opcode = inst.opcode();
        let values: Vec<Value> = operands.into_iter().flatten().map(|o| self.operand(o)).collect();
        let value = if let Some(op) = DivisionOp::from_opcode(opcode) {
            if !matches!(operands[1], Some(Operand::Imm(imm)) if imm.to_slot() != 0) {
                let ok = self.builder.ins().icmp_imm_s(IntCC::NotEqual, values[1], 0);
                self.trap_unless(ok, TrapCode::DivideByZero);
            }
            scalar::division(&mut self.builder, op, values[0], values[1])
        } else if let Some(op) = TruncationOp::from_opcode(opcode) {
            let (fits, value) = scalar::truncation(&mut self.builder, op, values[0]);
            self.trap_unless(fits, TrapCode::ConversionOutOfRange);
            value
        } else {
            match scalar::pure(&mut self.builder, self.target.cpu, opcode, &values) {
                Some(value) => value,
                None => unreachable!("{opcode:?} is lowered by no method"),
            }
        };
        if let Some(dst) = dst {
            self.define(dst, value);
        }
    }

    fn header(&mut self, dst: Reg, x: Operand, field: Field) {
        let value = self.field_of(x, field);
        self.define(dst, value);
    }

    fn br(&mut self, target: BlockId) {
        let args = self.way_to(target);
        self.builder.ins().jump(self.blocks[target.index()], &args);
    }

    fn br_if(&mut self, cond: Operand, mut then_to: BlockId, mut else_to: BlockId) {
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
            self.br(to);
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

    fn switch(&mut self, index: Operand, targets: &[BlockId], default_to: BlockId) {
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
            self.br(target);
        }
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

    fn func_ref(&mut self, dst: Reg, callee: FuncId) {
        let value = self.builder.ins().iconst(types::I64, callee.0 as i64);
        self.define(dst, value);
    }

    fn call_op(&mut self, results: &[Reg], callee: OpId, args: &[Operand]) {
        let (typed, slots) = self.arguments(args);
        let call = ObjectCall::operation(self.target.module, callee, &typed, results.len());
        self.run_object(call, &slots, results);
    }

    fn copy(&mut self, dst: Reg, a: Operand) {
        let value = self.operand(a);
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

    fn const_get(&mut self, dst: Reg, constant: ConstId) {
        let constants = self.table(layout::context::CONSTANTS);
        let flags = super::readonly().with_can_move();
        let value = self.builder.ins().load(types::I64, flags, constants, constant.0 as i32 * 8);
        self.define(dst, value);
    }

    fn keeping(&mut self, call: fn(&[Type]) -> ObjectCall, kept: &[Reg]) {
        let operands: Vec<Operand> = kept.iter().map(|r| (*r).into()).collect();
        let types: Vec<Type> = kept.iter().filter_map(|r| self.func.regs[r.index()].value()).collect();
        self.run_object(call(&types), &operands, kept);
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
