//! Constant folding: the values of instructions on literals.
//!
//! Invariant: they come from the definitions that the interpreter uses, and an
//! instruction that would trap has none. Arithmetic of floats is left to the
//! machine.

use nbc_ir::inst::Imm;
use nbc_ir::{Inst, Operand};
use nbc_runtime::arith::{self, Binary, Division, Unary};

/// A scalar that a literal can be.
trait Literal: Sized {
    fn read(imm: Imm) -> Option<Self>;
    fn literal(self) -> Imm;
}

macro_rules! literals {
    ($($ty:ident $variant:ident |$read:ident| $value:expr;)*) => {$(
        impl Literal for $ty {
            fn read(imm: Imm) -> Option<$ty> {
                match imm {
                    Imm::$variant($read) => Some($value),
                    _ => None,
                }
            }
            fn literal(self) -> Imm {
                self.into()
            }
        }
    )*};
}

literals! {
    i32 I32 |v| v;
    i64 I64 |v| v;
    f32 F32 |v| f32::from_bits(v);
    f64 F64 |v| f64::from_bits(v);
    bool Bool |v| v;
}

fn read<T: Literal>(operand: Operand) -> Option<T> {
    match operand {
        Operand::Imm(imm) => T::read(imm),
        Operand::Reg(_) => None,
    }
}

fn unary<O: Unary<In: Literal, Out: Literal>>(a: Operand) -> Option<Imm> {
    Some(O::eval(read(a)?).literal())
}

fn binary<O: Binary<In: Literal, Out: Literal>>(a: Operand, b: Operand) -> Option<Imm> {
    Some(O::eval(read(a)?, read(b)?).literal())
}

/// `None` when it traps.
fn division<O: Division<In: Literal + Copy>>(a: Operand, b: Operand) -> Option<Imm> {
    let b = read(b)?;
    if O::is_zero(b) { None } else { Some(O::eval(read(a)?, b).literal()) }
}

macro_rules! folds {
    ($inst:ident: unary $($unary:ident)* ; binary $($binary:ident)* ; division $($division:ident)* ;) => {
        match *$inst {
            $(Inst::$unary { a, .. } => unary::<arith::$unary>(a),)*
            $(Inst::$binary { a, b, .. } => binary::<arith::$binary>(a, b),)*
            $(Inst::$division { a, b, .. } => division::<arith::$division>(a, b),)*
            _ => None,
        }
    };
}

/// The value of `inst`, if its operands are literals and it does not trap.
pub fn fold(inst: &Inst) -> Option<Imm> {
    folds! { inst:
        unary
        I32Neg I32Not I32Abs I32Clz I32Ctz I32Popcnt I32Extend8 I32Extend16
        I64Neg I64Not I64Abs I64Clz I64Ctz I64Popcnt I64Extend8 I64Extend16 I64Extend32
        BoolNot I32WrapI64 I64ExtendI32 I64ExtendI32U I32FromBool I64FromBool
        F32FromI32 F32FromI32U F32FromI64 F32FromI64U F64FromI32 F64FromI32U F64FromI64 F64FromI64U;
        binary
        I32Add I32Sub I32Mul I32And I32Or I32Xor I32Shl I32Shr I32ShrU I32Rotl I32Rotr I32Mulh I32MulhU
        I32Min I32MinU I32Max I32MaxU
        I64Add I64Sub I64Mul I64And I64Or I64Xor I64Shl I64Shr I64ShrU I64Rotl I64Rotr I64Mulh I64MulhU
        I64Min I64MinU I64Max I64MaxU
        BoolAnd BoolOr BoolXor BoolEq
        I32Eq I32Ne I32Lt I32Le I32Gt I32Ge I32LtU I32LeU I32GtU I32GeU
        I64Eq I64Ne I64Lt I64Le I64Gt I64Ge I64LtU I64LeU I64GtU I64GeU;
        division
        I32Div I32DivU I32Rem I32RemU I64Div I64DivU I64Rem I64RemU;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nbc_ir::Reg;

    #[test]
    fn wraps_shifts_and_divides_as_the_interpreter() {
        let dst = Reg(0);
        let f = |inst| fold(&inst);
        assert_eq!(f(Inst::I64Add { dst, a: i64::MAX.into(), b: 1i64.into() }), Some(Imm::I64(i64::MIN)));
        assert_eq!(f(Inst::I32Shl { dst, a: 1i32.into(), b: 33i32.into() }), Some(Imm::I32(2)));
        assert_eq!(f(Inst::I64Div { dst, a: i64::MIN.into(), b: (-1i64).into() }), Some(Imm::I64(i64::MIN)));
        assert_eq!(f(Inst::I64Rem { dst, a: 5i64.into(), b: 0i64.into() }), None);
        assert_eq!(f(Inst::I32LtU { dst, a: (-1i32).into(), b: 1i32.into() }), Some(Imm::Bool(false)));
        assert_eq!(f(Inst::F64FromI64U { dst, a: (-1i64).into() }), Some(Imm::f64(18446744073709551615.0)));
        assert_eq!(f(Inst::F64Add { dst, a: 1.0f64.into(), b: 1.0f64.into() }), None);
        assert_eq!(f(Inst::I64Add { dst, a: Reg(1).into(), b: 1i64.into() }), None);
    }
}
