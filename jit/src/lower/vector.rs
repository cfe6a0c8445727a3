//! Scalar instructions on every lane of a 128-bit vector: those for which
//! Cranelift has something that is bit for bit the scalar instruction, lane by
//! lane. It must also be faster than taking the lanes one by one.

use super::scalar;
use crate::mir::Lanes;
use crate::target::{Cpu, supported};
use cranelift_codegen::ir::{
    InstBuilder, InstructionData, Opcode as Clif, Type as ClifType, Value, ValueDef, types,
};
use cranelift_frontend::FunctionBuilder;
use nbc_ir::Opcode;
use nbc_runtime::abi::scalars;

/// The type of a vector in compiled code.
pub fn clif_type(lanes: Lanes) -> ClifType {
    match lanes {
        Lanes::F64x2 => types::F64X2,
        Lanes::F32x4 => types::F32X4,
        Lanes::I64x2 => types::I64X2,
        Lanes::I32x4 => types::I32X4,
        Lanes::I8x16 => types::I8X16,
    }
}

/// The same value in every lane.
pub fn splat(b: &mut FunctionBuilder, lanes: Lanes, value: Value) -> Value {
    let value = as_lane(b, lanes, value);
    b.ins().splat(clif_type(lanes), value)
}

/// One value for each lane.
pub fn of_lanes(b: &mut FunctionBuilder, lanes: Lanes, values: &[Value]) -> Value {
    let mut vector = splat(b, lanes, values[0]);
    for (lane, value) in (1u8..).zip(&values[1..]) {
        let value = as_lane(b, lanes, *value);
        vector = b.ins().insertlane(vector, value, lane);
    }
    vector
}

/// A value of a register as it is in a lane: of an integer the low byte, where
/// lanes are bytes.
fn as_lane(b: &mut FunctionBuilder, lanes: Lanes, value: Value) -> Value {
    if lanes == Lanes::I8x16 && b.func.dfg.value_type(value) == types::I32 {
        return b.ins().ireduce(types::I8, value);
    }
    value
}

/// One lane.
pub fn lane(b: &mut FunctionBuilder, vector: Value, lane: u8) -> Value {
    b.ins().extractlane(vector, lane)
}

/// The instruction on every lane; `None` when it is not [`supported`]. The
/// lanes are those of the result.
///
/// Counts of shifts should be the same in every lane, and the argument a
/// [`splat`] made in the same block: only then is there one instruction for
/// it, else the lanes are taken one by one.
pub fn lanewise(
    b: &mut FunctionBuilder,
    cpu: &Cpu,
    opcode: Opcode,
    lanes: Lanes,
    args: &[Value],
) -> Option<Value> {
    use Opcode::*;
    if !supported(opcode, lanes, cpu) {
        return None;
    }
    let ty = clif_type(lanes);
    if scalars::is_function(opcode) {
        return Some(scalar::function_of_lanes(b, cpu, opcode, args));
    }
    Some(match *args {
        [x] => match opcode {
            I64Neg | I32Neg => b.ins().ineg(x),
            I64Not | I32Not => b.ins().bnot(x),
            I64Abs | I32Abs => b.ins().iabs(x),
            F64Neg | F32Neg => b.ins().fneg(x),
            F64Abs | F32Abs => b.ins().fabs(x),
            F64Sqrt | F32Sqrt => b.ins().sqrt(x),
            F64Ceil | F32Ceil => b.ins().ceil(x),
            F64Floor | F32Floor => b.ins().floor(x),
            F64Trunc | F32Trunc => b.ins().trunc(x),
            F64Nearest | F32Nearest => b.ins().nearest(x),
            F32FromI32 | F64FromI64 => b.ins().fcvt_from_sint(ty, x),
            F32FromI32U | F64FromI64U => b.ins().fcvt_from_uint(ty, x),
            I32SatF32 => b.ins().fcvt_to_sint_sat(ty, x),
            F32Reinterpret | F64Reinterpret => scalar::reinterpret(b, ty, x),
            _ => return None,
        },
        [x, y] => match opcode {
            I64Add | I32Add => b.ins().iadd(x, y),
            I64Sub | I32Sub => b.ins().isub(x, y),
            I64Mul | I32Mul => b.ins().imul(x, y),
            I64And | I32And => b.ins().band(x, y),
            I64Or | I32Or => b.ins().bor(x, y),
            I64Xor | I32Xor => b.ins().bxor(x, y),
            I64Shl | I32Shl => shift(b, Clif::Ishl, x, y),
            I64Shr | I32Shr => shift(b, Clif::Sshr, x, y),
            I64ShrU | I32ShrU => shift(b, Clif::Ushr, x, y),
            I64Min | I32Min => b.ins().smin(x, y),
            I64MinU | I32MinU => b.ins().umin(x, y),
            I64Max | I32Max => b.ins().smax(x, y),
            I64MaxU | I32MaxU => b.ins().umax(x, y),
            F64Add | F32Add => b.ins().fadd(x, y),
            F64Sub | F32Sub => b.ins().fsub(x, y),
            F64Mul | F32Mul => scalar::float_product(b, x, y),
            F64Div | F32Div => scalar::float_quotient(b, x, y),
            F64Min | F32Min => scalar::minimum(b, cpu, x, y),
            F64Max | F32Max => scalar::maximum(b, cpu, x, y),
            _ => return None,
        },
        [x, y, z] if matches!(opcode, F64Fma | F32Fma) => b.ins().fma(x, y, z),
        _ => return None,
    })
}

/// A shift of every lane by the counts in `y`, modulo the width of a lane.
fn shift(b: &mut FunctionBuilder, opcode: Clif, x: Value, y: Value) -> Value {
    let ty = b.func.dfg.value_type(x);
    if let Some(count) = splatted(b, y) {
        let (inst, dfg) = b.ins().Binary(opcode, ty, x, count);
        return dfg.first_result(inst);
    }
    let lane_ty = ty.lane_type();
    let mut all = x;
    for lane in 0..ty.lane_count() as u8 {
        let value = b.ins().extractlane(x, lane);
        let count = b.ins().extractlane(y, lane);
        let (inst, dfg) = b.ins().Binary(opcode, lane_ty, value, count);
        let value = dfg.first_result(inst);
        all = b.ins().insertlane(all, value, lane);
    }
    all
}

/// The scalar that is in every lane by the definition of a vector.
fn splatted(b: &FunctionBuilder, vector: Value) -> Option<Value> {
    let ValueDef::Result(inst, _) = b.func.dfg.value_def(vector) else { return None };
    match b.func.dfg.insts[inst] {
        InstructionData::Unary { opcode: Clif::Splat, arg } => Some(arg),
        _ => None,
    }
}
