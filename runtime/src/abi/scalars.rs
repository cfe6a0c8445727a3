//! Scalar instructions as functions: with addresses for compiled code to call
//! where the processor has no such instruction, and over slots for those who
//! compute ahead of time. All are the rows of [`crate::arith`].

use crate::arith::{self, Binary, Division, Scalar, Truncation, Unary};
use crate::machine::micro::{BinaryOp, CompareOp, DivisionOp, TruncationOp, UnaryOp};
use crate::scalar::for_each_function;
use nbc_ir::Opcode;
use nbc_numerics::{functions, scalar, scalar2};
#[cfg(target_arch = "x86_64")]
use nbc_numerics::{two, two2};

extern "C" fn call_binary<O: Binary>(a: O::In, b: O::In) -> O::Out {
    O::eval(a, b)
}

extern "C" fn call_unary<O: Unary>(a: O::In) -> O::Out {
    O::eval(a)
}

extern "C" fn fma_f64(a: f64, b: f64, c: f64) -> f64 {
    a.mul_add(b, c)
}

extern "C" fn fma_f32(a: f32, b: f32, c: f32) -> f32 {
    a.mul_add(b, c)
}

fn slots_binary<O: Binary>(a: u64, b: u64) -> u64 {
    O::eval(O::In::from_slot(a), O::In::from_slot(b)).to_slot()
}

fn slots_unary<O: Unary>(a: u64) -> u64 {
    O::eval(O::In::from_slot(a)).to_slot()
}

fn slots_division<O: Division>(a: u64, b: u64) -> Option<u64> {
    let (a, b) = (O::In::from_slot(a), O::In::from_slot(b));
    (!O::is_zero(b)).then(|| O::eval(a, b).to_slot())
}

fn slots_truncation<O: Truncation>(a: u64) -> Option<u64> {
    O::eval(O::In::from_slot(a)).map(Scalar::to_slot)
}

macro_rules! unary_functions {
    ($($(#[$doc:meta])* $f64:ident $f64_inst:ident $f32:ident $f32_inst:ident $definition:ident;)*) => {
        #[cfg(target_arch = "x86_64")]
        fn two_lanes(op: UnaryOp) -> Option<usize> {
            match op {
                $(UnaryOp::$f64_inst => two::<functions::$definition>().map(|f| f as usize),)*
                _ => None,
            }
        }

        fn is_function_of_one(opcode: Opcode) -> bool {
            matches!(opcode, $(Opcode::$f64_inst)|*)
        }

        /// Where the mathematical function is, for an instruction that is one.
        fn function(op: UnaryOp) -> Option<usize> {
            match op {
                $(UnaryOp::$f64_inst => Some(scalar::<f64, functions::$definition>() as usize),)*
                $(UnaryOp::$f32_inst => Some(scalar::<f32, functions::$definition>() as usize),)*
                _ => None,
            }
        }
    };
}

macro_rules! binary_functions {
    ($($(#[$doc:meta])* $f64:ident $f64_inst:ident $f32:ident $f32_inst:ident $definition:ident;)*) => {
        #[cfg(target_arch = "x86_64")]
        fn two_lanes_of_two(op: BinaryOp) -> Option<usize> {
            match op {
                $(BinaryOp::$f64_inst => two2::<functions::$definition>().map(|f| f as usize),)*
                _ => None,
            }
        }

        fn is_function_of_two(opcode: Opcode) -> bool {
            matches!(opcode, $(Opcode::$f64_inst)|*)
        }

        /// As [`function`].
        fn function_of_two(op: BinaryOp) -> Option<usize> {
            match op {
                $(BinaryOp::$f64_inst => Some(scalar2::<f64, functions::$definition>() as usize),)*
                $(BinaryOp::$f32_inst => Some(scalar2::<f32, functions::$definition>() as usize),)*
                _ => None,
            }
        }
    };
}
for_each_function!(unary_functions binary_functions);

macro_rules! binary_rows {
    ($($method:ident $name:ident $in:ident $out:ident |$a:ident, $b:ident| $value:expr;)*) => {
        /// Address of the instruction as a function of the C calling
        /// convention, of the operands' and the result's own types.
        pub fn binary(op: BinaryOp) -> usize {
            if let Some(function) = function_of_two(op) {
                return function;
            }
            match op {
                $(BinaryOp::$name => call_binary::<arith::$name> as extern "C" fn($in, $in) -> $out as usize,)*
            }
        }

        /// What the instruction computes.
        pub fn eval_binary(op: BinaryOp, a: u64, b: u64) -> u64 {
            match op { $(BinaryOp::$name => slots_binary::<arith::$name>(a, b),)* }
        }
    };
}
arith::for_each_binary!(binary_rows);

macro_rules! unary_rows {
    ($($method:ident $name:ident $in:ident $out:ident |$a:ident| $value:expr;)*) => {
        /// As [`binary`].
        pub fn unary(op: UnaryOp) -> usize {
            if let Some(function) = function(op) {
                return function;
            }
            match op {
                $(UnaryOp::$name => call_unary::<arith::$name> as extern "C" fn($in) -> $out as usize,)*
            }
        }

        /// What the instruction computes.
        pub fn eval_unary(op: UnaryOp, a: u64) -> u64 {
            match op { $(UnaryOp::$name => slots_unary::<arith::$name>(a),)* }
        }
    };
}
arith::for_each_unary!(unary_rows);

macro_rules! compare_rows {
    ($($method:ident $name:ident $in:ident |$a:ident, $b:ident| $value:expr;)*) => {
        /// Whether the comparison holds.
        pub fn eval_compare(op: CompareOp, a: u64, b: u64) -> bool {
            match op { $(CompareOp::$name => slots_binary::<arith::$name>(a, b) != 0,)* }
        }
    };
}
arith::for_each_compare!(compare_rows);

macro_rules! division_rows {
    ($($method:ident $name:ident $in:ident |$a:ident, $b:ident| $value:expr;)*) => {
        /// What the instruction computes, unless it traps.
        pub fn eval_division(op: DivisionOp, a: u64, b: u64) -> Option<u64> {
            match op { $(DivisionOp::$name => slots_division::<arith::$name>(a, b),)* }
        }
    };
}
arith::for_each_division!(division_rows);

macro_rules! truncation_rows {
    ($($method:ident $name:ident $in:ident $out:ident |$a:ident| $value:expr;)*) => {
        /// What the instruction computes, unless it traps.
        pub fn eval_truncation(op: TruncationOp, a: u64) -> Option<u64> {
            match op { $(TruncationOp::$name => slots_truncation::<arith::$name>(a),)* }
        }
    };
}
arith::for_each_truncation!(truncation_rows);

/// Whether an instruction on doubles is a mathematical function, which is called.
pub fn is_function(opcode: Opcode) -> bool {
    is_function_of_one(opcode) || is_function_of_two(opcode)
}

/// As [`binary`], for a mathematical function of each lane of vectors of two doubles, in the System V calling
/// convention. `None` where the instruction is none, or the processor has no such function.
pub fn function_of_two_lanes(opcode: Opcode) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    {
        let unary = UnaryOp::from_opcode(opcode).and_then(two_lanes);
        unary.or_else(|| BinaryOp::from_opcode(opcode).and_then(two_lanes_of_two))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        _ = opcode;
        None
    }
}

/// As [`binary`], for the fused multiplication and addition of doubles (or of
/// singles when not wide).
pub fn fma(wide: bool) -> usize {
    if wide {
        fma_f64 as extern "C" fn(f64, f64, f64) -> f64 as usize
    } else {
        fma_f32 as extern "C" fn(f32, f32, f32) -> f32 as usize
    }
}

/// What fused multiplication and addition compute.
pub fn eval_fma(wide: bool, a: u64, b: u64, c: u64) -> u64 {
    if wide {
        fma_f64(f64::from_slot(a), f64::from_slot(b), f64::from_slot(c)).to_slot()
    } else {
        fma_f32(f32::from_slot(a), f32::from_slot(b), f32::from_slot(c)).to_slot()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_is_found_by_its_opcode() {
        for &op in BinaryOp::ALL {
            assert_eq!(BinaryOp::from_opcode(op.opcode()), Some(op));
        }
        assert_eq!(UnaryOp::from_opcode(nbc_ir::Opcode::I64Add), None);
    }

    #[test]
    fn slots_go_in_and_come_out() {
        assert_eq!(eval_binary(BinaryOp::I32Sub, 1, 2), 0xffff_ffff);
        assert_eq!(eval_unary(UnaryOp::I64ExtendI32, 0xffff_ffff), u64::MAX);
        assert_eq!(eval_division(DivisionOp::I64Div, 7, 0), None);
        assert_eq!(eval_division(DivisionOp::I64Div, 7, 2), Some(3));
        assert_eq!(eval_truncation(TruncationOp::I32TruncF64, f64::NAN.to_bits()), None);
        assert!(eval_compare(CompareOp::F32Lt, 1f32.to_slot(), 2f32.to_slot()));
        assert_eq!(eval_fma(true, 2f64.to_bits(), 3f64.to_bits(), 1f64.to_bits()), 7f64.to_bits());
    }

    #[test]
    fn an_address_can_be_called() {
        // SAFETY: the address is that of a function of this type.
        let pow: extern "C" fn(f64, f64) -> f64 =
            unsafe { std::mem::transmute(std::ptr::with_exposed_provenance::<u8>(binary(BinaryOp::F64Pow))) };
        assert_eq!(pow(2.0, 10.0), 1024.0);
    }
}
