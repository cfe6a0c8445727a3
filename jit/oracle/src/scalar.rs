//! Scalar instructions, by the definitions of the runtime.

use nbc_ir::Opcode;
use nbc_runtime::abi::scalars;
use nbc_runtime::machine::micro::{BinaryOp, CompareOp, DivisionOp, TruncationOp, UnaryOp};
use nbc_runtime::trap::TrapCode;

/// What the instruction makes of the slots `args`, or how it traps; `None` when it is no
/// instruction that makes a scalar of scalars.
pub fn eval(opcode: Opcode, args: &[u64]) -> Option<Result<u64, TrapCode>> {
    Some(match *args {
        [a] => {
            if let Some(op) = UnaryOp::from_opcode(opcode) {
                Ok(scalars::eval_unary(op, a))
            } else {
                let op = TruncationOp::from_opcode(opcode)?;
                scalars::eval_truncation(op, a).ok_or(TrapCode::ConversionOutOfRange)
            }
        }
        [a, b] => {
            if let Some(op) = BinaryOp::from_opcode(opcode) {
                Ok(scalars::eval_binary(op, a, b))
            } else if let Some(op) = CompareOp::from_opcode(opcode) {
                Ok(scalars::eval_compare(op, a, b).into())
            } else {
                let op = DivisionOp::from_opcode(opcode)?;
                scalars::eval_division(op, a, b).ok_or(TrapCode::DivideByZero)
            }
        }
        [a, b, c] => match opcode {
            Opcode::F64Fma => Ok(scalars::eval_fma(true, a, b, c)),
            Opcode::F32Fma => Ok(scalars::eval_fma(false, a, b, c)),
            _ => return None,
        },
        _ => return None,
    })
}
