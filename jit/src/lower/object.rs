//! Lowering of instructions that call the runtime: operations, host functions,
//! regions, lists.

use super::Lowering;
use crate::mir::Func;
use cranelift_codegen::ir::Value;
use nbc_ir::{Inst, Operand, Reg, Type};
use nbc_runtime::abi::{Arg, ObjectCall, calls};

/// Whether the instruction leaves the budget in the context, where whoever runs
/// meanwhile finds it. A plain value is put into a global or a list right here.
pub fn leaves(func: &Func, inst: &Inst) -> bool {
    let is_object = |value: Operand| func.ty(value).value().is_some_and(Type::is_object);
    match *inst {
        Inst::Call { .. }
        | Inst::CallRef { .. }
        | Inst::CallOp { .. }
        | Inst::RegionBegin {}
        | Inst::RegionEnd { .. }
        | Inst::RegionRenew { .. }
        | Inst::ListNew { .. }
        | Inst::TensorToHost { .. }
        | Inst::Ret { .. } => true,
        Inst::ListSet { value, .. } | Inst::GlobalSet { value, .. } => is_object(value),
        _ => false,
    }
}

impl Lowering<'_, '_> {
    /// Opens the call's own region.
    pub fn enter_region(&mut self) {
        self.runtime_call(calls().enter_region, &[self.ctx]);
    }

    /// Runs `call` on the operands in `slots`; its status.
    pub fn object_call(&mut self, call: ObjectCall, slots: Value) -> Value {
        let function = call.function;
        let instr = self.address_of(call.instr().expose_provenance());
        self.attachments.calls.push(call);
        self.runtime_call(function, &[instr, slots, self.ctx])
    }

    /// Runs `call` with `operands` in slots, and takes its results into `results`.
    pub fn run_object(&mut self, call: ObjectCall, operands: &[Operand], results: &[Reg]) {
        let values: Vec<(Value, Type)> =
            operands.iter().filter_map(|o| Some((self.operand(*o), self.func.ty(*o).value()?))).collect();
        self.save_budget();
        let slots = self.slots(call.slots.max(values.len()).max(results.len()).max(1));
        self.fill(slots, &values);
        let status = self.object_call(call, slots);
        self.check_passed(status);
        self.reload_budget();
        for (i, reg) in results.iter().enumerate() {
            if let Some(ty) = self.func.regs[reg.index()].value() {
                let value = self.load_slot(slots, i as i32 * 8, ty);
                self.define(*reg, value);
            }
        }
    }

    /// How operands are handed to an operation: literals as they are, the
    /// others in slots.
    pub fn arguments(&self, operands: &[Operand]) -> (Vec<(Arg, Type)>, Vec<Operand>) {
        let mut slots = Vec::new();
        let args = operands.iter().filter_map(|o| {
            let arg = match o {
                Operand::Imm(imm) => Arg::Literal(imm.to_slot()),
                Operand::Reg(_) => {
                    slots.push(*o);
                    Arg::Slot
                }
            };
            Some((arg, self.func.ty(*o).value()?))
        });
        (args.collect(), slots)
    }

    /// Opens a region of the program.
    pub fn begin_region(&mut self) {
        self.save_budget();
        self.runtime_call(calls().enter_region, &[self.ctx]);
        self.reload_budget();
    }
}
