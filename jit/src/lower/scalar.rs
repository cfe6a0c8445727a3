//! Scalar instructions in Cranelift's terms, bit for bit as
//! [`nbc_runtime::arith`] computes them (where a float comes out a NaN, some
//! NaN: only `reinterpret` and `copysign` see which, and here as there they
//! take all for one).
//!
//! Values have these types: i32 `I32`, i64 `I64`, f32 `F32`, f64 `F64`, bool
//! `I8` (0 or 1), everything else `I64`. What the processor has no instruction
//! for is a call of the runtime's own function by its address: nothing here
//! makes Cranelift ask for a library function by name.

use crate::target::Cpu;
use cranelift_codegen::ir::condcodes::{CondCode, FloatCC, IntCC};
use cranelift_codegen::ir::{
    AbiParam, InstBuilder, InstructionData, MemFlagsData, Opcode as Clif, SigRef, Signature,
    Type as ClifType, Value, ValueDef, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;
use nbc_ir::{Imm, Opcode, Type};
use nbc_runtime::abi::scalars;
use nbc_runtime::machine::micro::{BinaryOp, CompareOp, DivisionOp, TruncationOp, UnaryOp};

/// The type that values of type `ty` have in compiled code.
pub fn clif_type(ty: Type) -> ClifType {
    match ty {
        Type::I32 => types::I32,
        Type::F32 => types::F32,
        Type::F64 => types::F64,
        Type::Bool => types::I8,
        _ => types::I64,
    }
}

/// A literal.
pub fn literal(b: &mut FunctionBuilder, imm: Imm) -> Value {
    match imm {
        Imm::I32(v) => b.ins().iconst(types::I32, i64::from(v)),
        Imm::I64(v) => b.ins().iconst(types::I64, v),
        Imm::F32(bits) => b.ins().f32const(f32::from_bits(bits)),
        Imm::F64(bits) => b.ins().f64const(f64::from_bits(bits)),
        Imm::Bool(v) => b.ins().iconst(types::I8, i64::from(v)),
    }
}

/// `x` if `cond` is true, else `y`.
pub fn select(b: &mut FunctionBuilder, cond: Value, x: Value, y: Value) -> Value {
    b.ins().select(cond, x, y)
}

/// Any scalar instruction that cannot trap, by its opcode; `None` for others.
/// A comparison or `bool.*` gives an `I8` of 0 or 1.
pub fn pure(b: &mut FunctionBuilder, cpu: &Cpu, opcode: Opcode, args: &[Value]) -> Option<Value> {
    Some(match *args {
        [x] => unary(b, cpu, UnaryOp::from_opcode(opcode)?, x),
        [x, y] => match BinaryOp::from_opcode(opcode) {
            Some(op) => binary(b, cpu, op, x, y),
            None => compare(b, CompareOp::from_opcode(opcode)?, x, y),
        },
        [x, y, z] => match opcode {
            Opcode::F32Fma => fma(b, cpu, false, x, y, z),
            Opcode::F64Fma => fma(b, cpu, true, x, y, z),
            Opcode::Select => select(b, x, y, z),
            _ => return None,
        },
        _ => return None,
    })
}

/// An instruction of two operands that cannot trap.
pub fn binary(b: &mut FunctionBuilder, cpu: &Cpu, op: BinaryOp, x: Value, y: Value) -> Value {
    use BinaryOp::*;
    match op {
        I32Add | I64Add => b.ins().iadd(x, y),
        I32Sub | I64Sub => b.ins().isub(x, y),
        I32Mul | I64Mul => product(b, x, y),
        I64And => conjunction(b, x, y),
        I32And | BoolAnd => b.ins().band(x, y),
        I32Or | I64Or | BoolOr => b.ins().bor(x, y),
        I32Xor | I64Xor | BoolXor => b.ins().bxor(x, y),
        // Cranelift takes all of these modulo the width.
        I32Shl | I64Shl => b.ins().ishl(x, y),
        I32Shr | I64Shr => b.ins().sshr(x, y),
        I32ShrU | I64ShrU => b.ins().ushr(x, y),
        I32Rotl | I64Rotl => b.ins().rotl(x, y),
        I32Rotr | I64Rotr => b.ins().rotr(x, y),
        I32Mulh | I64Mulh => b.ins().smulhi(x, y),
        I32MulhU | I64MulhU => b.ins().umulhi(x, y),
        I32Min | I64Min => b.ins().smin(x, y),
        I32MinU | I64MinU => b.ins().umin(x, y),
        I32Max | I64Max => b.ins().smax(x, y),
        I32MaxU | I64MaxU => b.ins().umax(x, y),
        F32Add | F64Add => b.ins().fadd(x, y),
        F32Sub | F64Sub => b.ins().fsub(x, y),
        F32Mul | F64Mul => float_product(b, x, y),
        F32Div | F64Div => float_quotient(b, x, y),
        F32Min | F64Min => minimum(b, cpu, x, y),
        F32Max | F64Max => maximum(b, cpu, x, y),
        F32Copysign | F64Copysign => {
            let signed = b.ins().fcopysign(x, y);
            let positive = b.ins().fabs(x);
            let nan = b.ins().fcmp(FloatCC::Unordered, y, y);
            b.ins().select(nan, positive, signed)
        }
        BoolEq => b.ins().icmp(IntCC::Equal, x, y),
        F32Rem | F32Atan2 | F32Pow | F32Hypot | F64Rem | F64Atan2 | F64Pow | F64Hypot => {
            let ty = b.func.dfg.value_type(x);
            call(b, cpu, scalars::binary(op), ty, &[x, y])
        }
    }
}

/// A product: a shift, or a sum and a shift, in one address computation, where
/// that is all there is to do.
fn product(b: &mut FunctionBuilder, x: Value, y: Value) -> Value {
    let (x, y) = if int_literal(b, x).is_some() { (y, x) } else { (x, y) };
    match int_literal(b, y) {
        Some(by @ (3 | 5 | 9)) => {
            let more = b.ins().ishl_imm_u(x, i64::from((by - 1).trailing_zeros()));
            b.ins().iadd(x, more)
        }
        Some(by @ 2..) if by.count_ones() == 1 => b.ins().ishl_imm_u(x, i64::from(by.trailing_zeros())),
        _ => b.ins().imul(x, y),
    }
}

/// A product of floats: twice a number is a sum, which is the same and there sooner.
pub(super) fn float_product(b: &mut FunctionBuilder, x: Value, y: Value) -> Value {
    let (x, y) = if float_literal(b, x).is_some() { (y, x) } else { (x, y) };
    match float_literal(b, y) {
        Some(2.0) => b.ins().fadd(x, x),
        _ => b.ins().fmul(x, y),
    }
}

/// A quotient of floats: by a power of two it is a product with another, which
/// is the same and there sooner.
pub(super) fn float_quotient(b: &mut FunctionBuilder, x: Value, y: Value) -> Value {
    let ty = b.func.dfg.value_type(x);
    let is_narrow = ty.lane_type() == types::F32;
    let is_normal = |v: f64| if is_narrow { (v as f32).is_normal() } else { v.is_normal() };
    let reciprocal = float_literal(b, y).and_then(|v| {
        const MANTISSA: u64 = (1 << 52) - 1;
        let is_power = v.to_bits() & MANTISSA == 0 && is_normal(v);
        Some(1.0 / v).filter(|r| is_power && is_normal(*r))
    });
    let Some(reciprocal) = reciprocal else { return b.ins().fdiv(x, y) };
    let by = if is_narrow { b.ins().f32const(reciprocal as f32) } else { b.ins().f64const(reciprocal) };
    let by = if ty.is_vector() { b.ins().splat(ty, by) } else { by };
    b.ins().fmul(x, by)
}

/// Bits that both have. The low half of an i64 is said to be just that: what
/// computes it is then computed in 32 bits, whose upper half is zero for free.
fn conjunction(b: &mut FunctionBuilder, x: Value, y: Value) -> Value {
    let (x, y) = if int_literal(b, x).is_some() { (y, x) } else { (x, y) };
    if int_literal(b, y) == Some(0xffff_ffff) {
        let low = b.ins().ireduce(types::I32, x);
        return b.ins().uextend(types::I64, low);
    }
    b.ins().band(x, y)
}

/// The byte in memory that `x` is the low half of, as an i64.
fn byte(b: &FunctionBuilder, x: Value) -> Option<Value> {
    let made = |value| b.func.dfg.value_def(value).inst().map(|inst| b.func.dfg.insts[inst]);
    match made(x)? {
        InstructionData::Unary { opcode: Clif::Ireduce, arg } => {
            let load = made(arg)?;
            (load.opcode() == Clif::Uload8).then_some(arg)
        }
        _ => None,
    }
}

/// A comparison: 1 if it holds, else 0.
pub fn compare(b: &mut FunctionBuilder, op: CompareOp, x: Value, y: Value) -> Value {
    use CompareOp::*;
    let (x, y) = remainder_bits(b, op, x, y).unwrap_or((x, y));
    let int = |b: &mut FunctionBuilder, cc| b.ins().icmp(cc, x, y);
    let float = |b: &mut FunctionBuilder, cc| b.ins().fcmp(cc, x, y);
    match op {
        I32Eq | I64Eq => int(b, IntCC::Equal),
        I32Ne | I64Ne => int(b, IntCC::NotEqual),
        I32Lt | I64Lt => int(b, IntCC::SignedLessThan),
        I32Le | I64Le => int(b, IntCC::SignedLessThanOrEqual),
        I32Gt | I64Gt => int(b, IntCC::SignedGreaterThan),
        I32Ge | I64Ge => int(b, IntCC::SignedGreaterThanOrEqual),
        I32LtU | I64LtU => int(b, IntCC::UnsignedLessThan),
        I32LeU | I64LeU => int(b, IntCC::UnsignedLessThanOrEqual),
        I32GtU | I64GtU => int(b, IntCC::UnsignedGreaterThan),
        I32GeU | I64GeU => int(b, IntCC::UnsignedGreaterThanOrEqual),
        F32Eq | F64Eq => float(b, FloatCC::Equal),
        F32Ne | F64Ne => float(b, FloatCC::NotEqual),
        F32Lt | F64Lt => float(b, FloatCC::LessThan),
        F32Le | F64Le => float(b, FloatCC::LessThanOrEqual),
        F32Gt | F64Gt => float(b, FloatCC::GreaterThan),
        F32Ge | F64Ge => float(b, FloatCC::GreaterThanOrEqual),
    }
}

/// What to compare instead when the operands are the signed remainder by a
/// literal power of two, and a literal: a few bits of the dividend say whether
/// they are equal.
fn remainder_bits(b: &mut FunctionBuilder, op: CompareOp, x: Value, y: Value) -> Option<(Value, Value)> {
    use CompareOp::{I32Eq, I32Ne, I64Eq, I64Ne};
    if !matches!(op, I32Eq | I32Ne | I64Eq | I64Ne) {
        return None;
    }
    let wanted = int_literal(b, y)?;
    let ValueDef::Result(inst, _) = b.func.dfg.value_def(x) else { return None };
    let InstructionData::Binary { opcode: Clif::Srem, args: [dividend, divisor] } = b.func.dfg.insts[inst]
    else {
        return None;
    };
    let divisor = int_literal(b, divisor)?.unsigned_abs();
    if !divisor.is_power_of_two() || wanted.unsigned_abs() >= divisor {
        return None;
    }
    let low = divisor.cast_signed().wrapping_sub(1);
    let ty = b.func.dfg.value_type(x);
    // A remainder other than zero has the dividend's sign.
    let sign = if wanted == 0 { 0 } else { i64::MIN >> (64 - ty.bits()) };
    let bits = b.ins().iconst(ty, low | sign);
    let wanted = b.ins().iconst(ty, wanted & (low | sign));
    Some((b.ins().band(dividend, bits), wanted))
}

/// The opposite of a condition.
pub fn negated(b: &mut FunctionBuilder, cond: Value) -> Value {
    let inst = b.func.dfg.value_def(cond).inst();
    match inst.map(|inst| b.func.dfg.insts[inst]) {
        Some(InstructionData::IntCompare { cond, args: [x, y], .. }) => b.ins().icmp(cond.complement(), x, y),
        Some(InstructionData::FloatCompare { cond, args: [x, y], .. }) => {
            b.ins().fcmp(cond.complement(), x, y)
        }
        _ => b.ins().icmp_imm_u(IntCC::Equal, cond, 0),
    }
}

/// An instruction of one operand that cannot trap.
pub fn unary(b: &mut FunctionBuilder, cpu: &Cpu, op: UnaryOp, x: Value) -> Value {
    use UnaryOp::*;
    use types::{F32, F64, I8, I16, I32, I64};
    match op {
        I32Neg | I64Neg => b.ins().ineg(x),
        I32Not | I64Not => b.ins().bnot(x),
        I32Abs | I64Abs => b.ins().iabs(x),
        I32Clz | I64Clz => b.ins().clz(x),
        I32Ctz | I64Ctz => b.ins().ctz(x),
        I32Popcnt | I64Popcnt => b.ins().popcnt(x),
        I32Extend8 => extend_low(b, x, I8, I32),
        I32Extend16 => extend_low(b, x, I16, I32),
        I64Extend8 => extend_low(b, x, I8, I64),
        I64Extend16 => extend_low(b, x, I16, I64),
        I64Extend32 => extend_low(b, x, I32, I64),
        F32Neg | F64Neg => b.ins().fneg(x),
        F32Abs | F64Abs => b.ins().fabs(x),
        F32Sqrt | F64Sqrt => b.ins().sqrt(x),
        F32Ceil | F64Ceil if cpu.rounding => b.ins().ceil(x),
        F32Floor | F64Floor if cpu.rounding => b.ins().floor(x),
        F32Trunc | F64Trunc if cpu.rounding => b.ins().trunc(x),
        F32Nearest | F64Nearest if cpu.rounding => b.ins().nearest(x),
        BoolNot => negated(b, x),
        I32WrapI64 => b.ins().ireduce(I32, x),
        I64ExtendI32 => byte(b, x).unwrap_or_else(|| b.ins().sextend(I64, x)),
        I64ExtendI32U => byte(b, x).unwrap_or_else(|| b.ins().uextend(I64, x)),
        I32FromBool => b.ins().uextend(I32, x),
        I64FromBool => b.ins().uextend(I64, x),
        F32FromI32 | F32FromI64 => b.ins().fcvt_from_sint(F32, x),
        F32FromI32U | F32FromI64U => b.ins().fcvt_from_uint(F32, x),
        F64FromI32 | F64FromI64 => b.ins().fcvt_from_sint(F64, x),
        F64FromI32U | F64FromI64U => b.ins().fcvt_from_uint(F64, x),
        I32SatF32 | I32SatF64 => b.ins().fcvt_to_sint_sat(I32, x),
        I32SatF32U | I32SatF64U => {
            // Every such value is also a signed one of 64 bits, which
            // processors convert to at once.
            let wide = b.ins().fcvt_to_sint_sat(I64, x);
            let zero = b.ins().iconst(I64, 0);
            let most = b.ins().iconst(I64, i64::from(u32::MAX));
            let wide = b.ins().smax(wide, zero);
            let wide = b.ins().smin(wide, most);
            b.ins().ireduce(I32, wide)
        }
        I64SatF32 | I64SatF64 => b.ins().fcvt_to_sint_sat(I64, x),
        I64SatF32U | I64SatF64U => b.ins().fcvt_to_uint_sat(I64, x),
        F32Demote => b.ins().fdemote(F32, x),
        F64Promote => b.ins().fpromote(F64, x),
        I32Reinterpret => {
            let canonical = b.ins().iconst(I32, i64::from(f32::NAN.to_bits()));
            bits_or(b, x, canonical)
        }
        I64Reinterpret => {
            let canonical = b.ins().iconst(I64, f64::NAN.to_bits().cast_signed());
            bits_or(b, x, canonical)
        }
        F32Reinterpret => reinterpret(b, F32, x),
        F64Reinterpret => reinterpret(b, F64, x),
        F32Ceil | F32Floor | F32Trunc | F32Nearest | F32Sin | F32Cos | F32Tan | F32Asin | F32Acos
        | F32Atan | F32Sinh | F32Cosh | F32Tanh | F32Exp | F32Exp2 | F32Ln | F32Log2 | F32Log10 | F32Cbrt
        | F32Expm1 | F32Log1p | F32Erf | F32Erfc | F32Lgamma | F32Tgamma => {
            call(b, cpu, scalars::unary(op), F32, &[x])
        }
        F64Ceil | F64Floor | F64Trunc | F64Nearest | F64Sin | F64Cos | F64Tan | F64Asin | F64Acos
        | F64Atan | F64Sinh | F64Cosh | F64Tanh | F64Exp | F64Exp2 | F64Ln | F64Log2 | F64Log10 | F64Cbrt
        | F64Expm1 | F64Log1p | F64Erf | F64Erfc | F64Lgamma | F64Tgamma => {
            call(b, cpu, scalars::unary(op), F64, &[x])
        }
    }
}

/// `f64.fma`, or `f32.fma` when not wide.
pub fn fma(b: &mut FunctionBuilder, cpu: &Cpu, wide: bool, x: Value, y: Value, z: Value) -> Value {
    if cpu.fma {
        return b.ins().fma(x, y, z);
    }
    let ty = if wide { types::F64 } else { types::F32 };
    call(b, cpu, scalars::fma(wide), ty, &[x, y, z])
}

/// An integer division whose divisor is not zero: the caller has branched away
/// where it is. Division by a literal comes out as multiplication and shifts.
pub fn division(b: &mut FunctionBuilder, op: DivisionOp, x: Value, y: Value) -> Value {
    use DivisionOp::*;
    let ty = b.func.dfg.value_type(x);
    let divisor = int_literal(b, y);
    if divisor == Some(0) {
        // Never reached, yet it must not be an instruction that faults.
        return b.ins().iconst(ty, 0);
    }
    match op {
        I32DivU | I64DivU => b.ins().udiv(x, y),
        I32RemU | I64RemU => b.ins().urem(x, y),
        // The least value over -1 has remainder 0 in Cranelift as well.
        I32Rem | I64Rem => b.ins().srem(x, y),
        I32Div | I64Div => {
            let least = if ty == types::I32 { i64::from(i32::MIN) } else { i64::MIN };
            if divisor == Some(-1) {
                return b.ins().ineg(x);
            }
            if divisor.is_some() || int_literal(b, x).is_some_and(|x| x != least) {
                return b.ins().sdiv(x, y);
            }
            // The least value over -1 would fault: -1 is divided by without dividing.
            let minus = b.ins().icmp_imm_s(IntCC::Equal, y, -1);
            let one = b.ins().iconst(ty, 1);
            let safe = b.ins().select(minus, one, y);
            let quotient = b.ins().sdiv(x, safe);
            let negated = b.ins().ineg(x);
            b.ins().select(minus, negated, quotient)
        }
    }
}

/// A conversion that may not fit: whether it does (`I8`), and the value, which
/// means something only if it does.
pub fn truncation(b: &mut FunctionBuilder, op: TruncationOp, x: Value) -> (Value, Value) {
    use TruncationOp::*;
    use types::{I32, I64};
    // It fits when it lies between the two, as in `arith`.
    let (below, above) = match op {
        I32TruncF32 => (Imm::f32(-2147483904.0), Imm::f32(2147483648.0)),
        I32TruncF64 => (Imm::f64(-2147483649.0), Imm::f64(2147483648.0)),
        I64TruncF32 => (Imm::f32(-9223373136366403584.0), Imm::f32(9223372036854775808.0)),
        I64TruncF64 => (Imm::f64(-9223372036854777856.0), Imm::f64(9223372036854775808.0)),
        I32TruncF32U => (Imm::f32(-1.0), Imm::f32(4294967296.0)),
        I32TruncF64U => (Imm::f64(-1.0), Imm::f64(4294967296.0)),
        I64TruncF32U => (Imm::f32(-1.0), Imm::f32(18446744073709551616.0)),
        I64TruncF64U => (Imm::f64(-1.0), Imm::f64(18446744073709551616.0)),
    };
    let below = literal(b, below);
    let above = literal(b, above);
    let over = b.ins().fcmp(FloatCC::GreaterThan, x, below);
    let under = b.ins().fcmp(FloatCC::LessThan, x, above);
    let fits = b.ins().band(over, under);
    let value = match op {
        I32TruncF32 | I32TruncF64 => b.ins().fcvt_to_sint_sat(I32, x),
        I64TruncF32 | I64TruncF64 => b.ins().fcvt_to_sint_sat(I64, x),
        I32TruncF32U | I32TruncF64U => {
            let wide = b.ins().fcvt_to_sint_sat(I64, x);
            b.ins().ireduce(I32, wide)
        }
        I64TruncF32U | I64TruncF64U => b.ins().fcvt_to_uint_sat(I64, x),
    };
    (fits, value)
}

/// IEEE 754-2019 minimum, of scalars or of lanes.
pub(super) fn minimum(b: &mut FunctionBuilder, cpu: &Cpu, x: Value, y: Value) -> Value {
    if !cpu.second_of_equals {
        return b.ins().fmin(x, y);
    }
    let (x, y) = if float_literal(b, x).is_some() { (y, x) } else { (x, y) };
    match float_literal(b, y) {
        // With the variable second, it is what comes out where it is a NaN,
        // and where both are equal.
        Some(c) if !c.is_nan() && c.to_bits() != (-0.0f64).to_bits() => lesser(b, y, x),
        // Either order gives the lesser; where they differ, one is a NaN or
        // both are zero, and `or` makes it a NaN, or the negative zero.
        _ => {
            let first = lesser(b, x, y);
            let second = lesser(b, y, x);
            b.ins().bor(first, second)
        }
    }
}

/// IEEE 754-2019 maximum, of scalars or of lanes.
pub(super) fn maximum(b: &mut FunctionBuilder, cpu: &Cpu, x: Value, y: Value) -> Value {
    if !cpu.second_of_equals {
        return b.ins().fmax(x, y);
    }
    let (x, y) = if float_literal(b, x).is_some() { (y, x) } else { (x, y) };
    match float_literal(b, y) {
        Some(c) if !c.is_nan() => {
            let greater = greater(b, y, x);
            // The wrong zero may have come out; with the other added it is the right one.
            if c.to_bits() == 0 { b.ins().fadd(greater, y) } else { greater }
        }
        // Cranelift branches for what is rare; the way below, which is longer
        // than the minimum's, would hold up a loop that carries a maximum on.
        _ if !b.func.dfg.value_type(x).is_vector() => b.ins().fmax(x, y),
        // Where the two orders differ, one result is a NaN, and then `either`
        // is, or both are zero, and -0 - -0 is +0. Else nothing is taken off.
        _ => {
            let first = greater(b, x, y);
            let second = greater(b, y, x);
            let either = b.ins().bor(first, second);
            let difference = b.ins().bxor(first, second);
            b.ins().fsub(either, difference)
        }
    }
}

/// `x < y ? x : y`.
fn lesser(b: &mut FunctionBuilder, x: Value, y: Value) -> Value {
    choose(b, x, y, x, y)
}

/// `x > y ? x : y`.
fn greater(b: &mut FunctionBuilder, x: Value, y: Value) -> Value {
    choose(b, y, x, x, y)
}

/// `l < r ? x : y`, in the form that Cranelift knows for a minimum or maximum.
fn choose(b: &mut FunctionBuilder, l: Value, r: Value, x: Value, y: Value) -> Value {
    let less = b.ins().fcmp(FloatCC::LessThan, l, r);
    let ty = b.func.dfg.value_type(x);
    if ty.is_vector() {
        let less = reinterpret(b, ty, less);
        b.ins().bitselect(less, x, y)
    } else {
        b.ins().select(less, x, y)
    }
}

/// The bits of a float, unless it is a NaN.
fn bits_or(b: &mut FunctionBuilder, x: Value, if_nan: Value) -> Value {
    let ty = b.func.dfg.value_type(if_nan);
    let bits = reinterpret(b, ty, x);
    let nan = b.ins().fcmp(FloatCC::Unordered, x, x);
    b.ins().select(nan, if_nan, bits)
}

/// The same bits as another type with as many lanes.
pub(super) fn reinterpret(b: &mut FunctionBuilder, ty: ClifType, x: Value) -> Value {
    b.ins().bitcast(ty, MemFlagsData::new(), x)
}

fn extend_low(b: &mut FunctionBuilder, x: Value, low: ClifType, to: ClifType) -> Value {
    let low = b.ins().ireduce(low, x);
    b.ins().sextend(to, low)
}

/// The integer that a value is by its definition.
fn int_literal(b: &FunctionBuilder, value: Value) -> Option<i64> {
    let ValueDef::Result(inst, _) = b.func.dfg.value_def(value) else { return None };
    let InstructionData::UnaryImm { opcode: Clif::Iconst, imm } = b.func.dfg.insts[inst] else { return None };
    let bits = b.func.dfg.value_type(value).bits();
    Some(imm.sign_extend_from_width(bits).bits())
}

/// The float that a value (or each of its lanes) is by its definition.
fn float_literal(b: &FunctionBuilder, value: Value) -> Option<f64> {
    let ValueDef::Result(inst, _) = b.func.dfg.value_def(value) else { return None };
    match b.func.dfg.insts[inst] {
        InstructionData::UnaryIeee32 { imm, .. } => Some(f64::from(f32::from_bits(imm.bits()))),
        InstructionData::UnaryIeee64 { imm, .. } => Some(f64::from_bits(imm.bits())),
        InstructionData::Unary { opcode: Clif::Splat, arg } => float_literal(b, arg),
        _ => None,
    }
}

/// A mathematical function of both lanes of vectors of two doubles: by one call where the runtime has
/// such a function for this processor, else by two.
pub fn function_of_lanes(b: &mut FunctionBuilder, cpu: &Cpu, opcode: Opcode, args: &[Value]) -> Value {
    if cpu.call_conv == CallConv::SystemV
        && let Some(function) = scalars::function_of_two_lanes(opcode)
    {
        return call(b, cpu, function, types::F64X2, args);
    }
    let mut all = args[0];
    for lane in 0..2 {
        let args: Vec<Value> = args.iter().map(|x| b.ins().extractlane(*x, lane)).collect();
        let value = pure(b, cpu, opcode, &args).expect("a function is a scalar instruction");
        all = b.ins().insertlane(all, value, lane);
    }
    all
}

/// Calls a function of the runtime on scalars.
fn call(b: &mut FunctionBuilder, cpu: &Cpu, address: usize, ty: ClifType, args: &[Value]) -> Value {
    let mut signature = Signature::new(cpu.call_conv);
    signature.params.extend(args.iter().map(|a| AbiParam::new(b.func.dfg.value_type(*a))));
    signature.returns.push(AbiParam::new(ty));
    let signature = import(b, signature);
    let address = b.ins().iconst(types::I64, address.cast_signed() as i64);
    let call = b.ins().call_indirect(signature, address, args);
    b.inst_results(call)[0]
}

/// The signature, which the function may know already: then it is one of the
/// first, unless there are many, and looking for it would take too long.
pub fn import(b: &mut FunctionBuilder, signature: Signature) -> SigRef {
    const FIRST: usize = 16;
    let known = b.func.dfg.signatures.iter().take(FIRST).find(|(_, s)| **s == signature).map(|(r, _)| r);
    known.unwrap_or_else(|| b.import_signature(signature))
}
