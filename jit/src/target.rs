//! The processor that code is made for: what of it matters to passes and to lowering.
//!
//! A pass may ask for what every processor has, or has that one; lowering takes what
//! there is. Neither asks Cranelift by itself.

use crate::mir::Lanes;
use cranelift_codegen::isa::{CallConv, TargetIsa};
use nbc_ir::Opcode;
use nbc_runtime::abi::scalars;

/// The features that matter of the processor that code is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpu {
    /// Whether floats can be rounded to integral values.
    pub rounding: bool,
    /// Whether there is fused multiplication and addition.
    pub fma: bool,
    /// Whether float minimum and maximum are as x86 has them: the second
    /// operand where the two are equal or one is a NaN.
    pub second_of_equals: bool,
    /// How functions of the runtime are called.
    pub call_conv: CallConv,
}

impl Cpu {
    /// What every processor has.
    pub const BASIC: Cpu =
        Cpu { rounding: false, fma: false, second_of_equals: true, call_conv: CallConv::SystemV };

    /// The processor that `isa` makes code for.
    pub fn of(isa: &dyn TargetIsa) -> Cpu {
        let x86 = isa.name() == "x64";
        let flags = isa.isa_flags();
        let has = |name: &str| !x86 || flags.iter().any(|f| f.name == name && f.as_bool() == Some(true));
        Cpu {
            rounding: has("has_sse41"),
            fma: has("has_fma"),
            second_of_equals: x86,
            call_conv: isa.default_call_conv(),
        }
    }
}

/// Whether lowering does this instruction for results of these lanes.
pub fn supported(opcode: Opcode, lanes: Lanes, cpu: &Cpu) -> bool {
    use Opcode::*;
    match lanes {
        Lanes::F64x2 => match opcode {
            F64Add | F64Sub | F64Mul | F64Div | F64Min | F64Max | F64Neg | F64Abs | F64Sqrt | F64FromI64U
            | F64Reinterpret => true,
            F64Ceil | F64Floor | F64Trunc | F64Nearest => cpu.rounding,
            F64Fma => cpu.fma,
            _ => scalars::is_function(opcode),
        },
        Lanes::F32x4 => match opcode {
            F32Add | F32Sub | F32Mul | F32Div | F32Min | F32Max | F32Neg | F32Abs | F32Sqrt | F32FromI32
            | F32FromI32U | F32Reinterpret => true,
            F32Ceil | F32Floor | F32Trunc | F32Nearest => cpu.rounding,
            F32Fma => cpu.fma,
            _ => false,
        },
        Lanes::I64x2 => matches!(
            opcode,
            I64Add
                | I64Sub
                | I64Mul
                | I64And
                | I64Or
                | I64Xor
                | I64Shl
                | I64Shr
                | I64ShrU
                | I64Min
                | I64MinU
                | I64Max
                | I64MaxU
                | I64Neg
                | I64Not
                | I64Abs
        ),
        Lanes::I32x4 => matches!(
            opcode,
            I32Add
                | I32Sub
                | I32Mul
                | I32And
                | I32Or
                | I32Xor
                | I32Shl
                | I32Shr
                | I32ShrU
                | I32Min
                | I32MinU
                | I32Max
                | I32MaxU
                | I32Neg
                | I32Not
                | I32Abs
                | I32SatF32
        ),
        Lanes::I8x16 => false,
    }
}
