//! Every scalar instruction, and every vector form of one, compiled for this
//! machine and for the least of its kind, against the runtime's definition.

mod grid;
mod machine;
mod vectors;

use grid::{literal, same, values};
use machine::{Machine, Small, TARGETS, Target};
use nbc_ir::inst::{OperandSpec, Pattern, Role};
use nbc_ir::{Opcode, Type};
use nbc_jit::lower::scalar::{self, clif_type};
use nbc_runtime::abi::scalars;
use nbc_runtime::machine::micro::{BinaryOp, CompareOp, DivisionOp, TruncationOp, UnaryOp};

/// Type of an instruction's operand.
fn ty(spec: &OperandSpec) -> Type {
    match spec.pattern {
        Pattern::Exact(ty) => ty,
        _ => unreachable!("scalar instructions name their types"),
    }
}

/// Types of result and arguments.
fn types(opcode: Opcode) -> (Type, Vec<Type>) {
    let [result, args @ ..] = opcode.operands() else { unreachable!("there is a result") };
    assert_eq!(result.role, Role::Def);
    (ty(result), args.iter().map(ty).collect())
}

/// What a pure instruction of one or two operands gives.
fn expected(opcode: Opcode, args: &[u64]) -> u64 {
    match *args {
        [x] => scalars::eval_unary(UnaryOp::from_opcode(opcode).unwrap(), x),
        [x, y] => match BinaryOp::from_opcode(opcode) {
            Some(op) => scalars::eval_binary(op, x, y),
            None => scalars::eval_compare(CompareOp::from_opcode(opcode).unwrap(), x, y).into(),
        },
        [x, y, z] => scalars::eval_fma(opcode == Opcode::F64Fma, x, y, z),
        _ => unreachable!("one to three operands"),
    }
}

/// All instructions that cannot trap.
fn pure_opcodes() -> Vec<Opcode> {
    let mut all: Vec<Opcode> = UnaryOp::ALL.iter().map(|op| op.opcode()).collect();
    all.extend(BinaryOp::ALL.iter().map(|op| op.opcode()));
    all.extend(CompareOp::ALL.iter().map(|op| op.opcode()));
    all.extend([Opcode::F32Fma, Opcode::F64Fma]);
    all
}

/// A few values of a type, for literals and for the third of three operands.
fn few(ty: Type, of: u64) -> Vec<u64> {
    let all = values(ty);
    let mut few: Vec<u64> = all.iter().step_by(all.len() / of as usize + 1).copied().collect();
    match ty {
        // Powers of two with an exact reciprocal, and the first without.
        Type::F32 => {
            let powers = [2.0, -0.25, f32::MIN_POSITIVE, 2f32.powi(126), 2f32.powi(127), 2f32.powi(-127)];
            few.extend([1.0, 0.0, -0.0, -2.5].iter().chain(&powers).map(|v| u64::from(v.to_bits())));
        }
        Type::F64 => {
            let powers = [2.0, -0.25, f64::MIN_POSITIVE, 2f64.powi(1022), 2f64.powi(1023), 2f64.powi(-1023)];
            few.extend([1.0, 0.0, -0.0, -2.5].iter().chain(&powers).map(|v| v.to_bits()));
        }
        Type::I32 => few.extend([1, 2, 0xffff_ffff, 0, 5, 33, 64, 0x8000_0000]),
        Type::I64 => few.extend([1, 2, u64::MAX, 0, 5, 65, 1 << 40, 1 << 63]),
        _ => {}
    }
    few.sort_unstable();
    few.dedup();
    few
}

fn small(opcode: Opcode, params: &[Type]) -> Small<'static> {
    Small {
        params: params.iter().map(|ty| clif_type(*ty)).collect(),
        body: Box::new(move |b, cpu, args| vec![scalar::pure(b, cpu, opcode, args).unwrap()]),
    }
}

#[track_caller]
fn check(target: Target, opcode: Opcode, result: Type, args: &[u64], got: u64) {
    let want = expected(opcode, args);
    assert!(same(result, want, got), "{target:?} {opcode:?} {args:x?}: {got:x}, not {want:x}");
}

#[test]
fn instructions_that_cannot_trap() {
    let opcodes = pure_opcodes();
    for &target in TARGETS {
        let functions: Vec<Small> = opcodes.iter().map(|op| small(*op, &types(*op).1)).collect();
        let machine = Machine::new(target, &functions);
        for (number, &opcode) in opcodes.iter().enumerate() {
            let (result, params) = types(opcode);
            let run = |args: &[u64]| {
                let cells: Vec<[u64; 2]> = args.iter().map(|a| [*a, 0]).collect();
                let [[got, _]] = machine.run(number, &cells);
                check(target, opcode, result, args, got);
            };
            match *params {
                [x] => values(x).iter().for_each(|x| run(&[*x])),
                [x, y] => {
                    let y = values(y);
                    values(x).iter().for_each(|x| y.iter().for_each(|y| run(&[*x, *y])));
                }
                _ => {
                    let few = few(params[0], 20);
                    for x in &few {
                        few.iter().for_each(|y| few.iter().for_each(|z| run(&[*x, *y, *z])));
                    }
                }
            }
        }
    }
}

#[test]
fn instructions_with_a_literal() {
    let ops = || pure_opcodes().into_iter().filter(|op| types(*op).1.len() == 2);
    // With Cranelift's optimiser and without.
    for (target, opcode) in [TARGETS[0], TARGETS[2]].into_iter().flat_map(|t| ops().map(move |op| (t, op))) {
        let (result, params) = types(opcode);
        let literals = few(params[0], 4);
        let mut functions = Vec::new();
        for &slot in &literals {
            for left in [false, true] {
                let imm = literal(params[0], slot);
                functions.push(Small {
                    params: vec![clif_type(params[0])],
                    body: Box::new(move |b, cpu, args| {
                        let known = scalar::literal(b, imm);
                        let args = if left { [known, args[0]] } else { [args[0], known] };
                        vec![scalar::pure(b, cpu, opcode, &args).unwrap()]
                    }),
                });
            }
        }
        let machine = Machine::new(target, &functions);
        for (i, &known) in literals.iter().enumerate() {
            for other in values(params[0]) {
                let [[got, _]] = machine.run(2 * i, &[[other, 0]]);
                check(target, opcode, result, &[other, known], got);
                let [[got, _]] = machine.run(2 * i + 1, &[[other, 0]]);
                check(target, opcode, result, &[known, other], got);
            }
        }
    }
}

fn division(op: DivisionOp, ty: Type, dividend: Option<u64>, divisor: Option<u64>) -> Small<'static> {
    let params = [dividend, divisor].iter().filter(|v| v.is_none()).map(|_| clif_type(ty)).collect();
    let body = move |b: &mut cranelift_frontend::FunctionBuilder, args: &[_]| {
        let x = dividend.map_or_else(|| args[0], |slot| scalar::literal(b, literal(ty, slot)));
        let y = divisor.map_or_else(|| args[args.len() - 1], |slot| scalar::literal(b, literal(ty, slot)));
        vec![scalar::division(b, op, x, y)]
    };
    Small { params, body: Box::new(move |b, _, args| body(b, args)) }
}

#[test]
fn divisions() {
    for &target in TARGETS {
        for &op in DivisionOp::ALL {
            let (ty, _) = types(op.opcode());
            let all = values(ty);
            let mut functions = vec![division(op, ty, None, None)];
            functions.extend(all.iter().map(|v| division(op, ty, None, Some(*v))));
            functions.extend(all.iter().map(|v| division(op, ty, Some(*v), None)));
            let machine = Machine::new(target, &functions);
            for (i, &x) in all.iter().enumerate() {
                for (j, &y) in all.iter().enumerate() {
                    let Some(want) = scalars::eval_division(op, x, y) else { continue };
                    let [[got, _]] = machine.run(0, &[[x, 0], [y, 0]]);
                    assert_eq!(got, want, "{target:?} {op:?} {x:x} {y:x}");
                    let [[got, _]] = machine.run(1 + j, &[[x, 0]]);
                    assert_eq!(got, want, "{target:?} {op:?} {x:x} literal {y:x}");
                    let [[got, _]] = machine.run(1 + all.len() + i, &[[y, 0]]);
                    assert_eq!(got, want, "{target:?} {op:?} literal {x:x} {y:x}");
                }
            }
        }
    }
}

#[test]
fn remainders_compared_with_a_literal() {
    let cases = [
        (DivisionOp::I32Rem, CompareOp::I32Eq, Type::I32),
        (DivisionOp::I32RemU, CompareOp::I32Ne, Type::I32),
        (DivisionOp::I64Rem, CompareOp::I64Ne, Type::I64),
        (DivisionOp::I64Rem, CompareOp::I64Lt, Type::I64),
    ];
    for (rem, compare, ty) in cases {
        let least = if ty == Type::I32 { u64::from(1u32 << 31) } else { 1 << 63 };
        let mask = least | (least - 1);
        let divisors = [1, 2, 3, 8, 2u64.wrapping_neg() & mask, 1 << 20, least, mask];
        let wanted = [0, 1, 2, 7, 8, 3u64.wrapping_neg() & mask, mask, least, (1 << 20) - 1];
        let pairs: Vec<(u64, u64)> = divisors.iter().flat_map(|d| wanted.map(|w| (*d, w))).collect();
        let functions: Vec<Small> = pairs
            .iter()
            .map(|&(divisor, wanted)| Small {
                params: vec![clif_type(ty)],
                body: Box::new(move |b, _, args| {
                    let divisor = scalar::literal(b, literal(ty, divisor));
                    let wanted = scalar::literal(b, literal(ty, wanted));
                    let remainder = scalar::division(b, rem, args[0], divisor);
                    vec![scalar::compare(b, compare, remainder, wanted)]
                }),
            })
            .collect();
        let machine = Machine::new(TARGETS[0], &functions);
        for (number, &(divisor, wanted)) in pairs.iter().enumerate() {
            for x in values(ty) {
                let [[got, _]] = machine.run(number, &[[x, 0]]);
                let remainder = scalars::eval_division(rem, x, divisor).unwrap();
                let want = scalars::eval_compare(compare, remainder, wanted);
                assert_eq!(got, want.into(), "{rem:?} {compare:?} {x:x} {divisor:x} {wanted:x}");
            }
        }
    }
}

#[test]
fn truncations() {
    for &target in TARGETS {
        let functions: Vec<Small> = TruncationOp::ALL
            .iter()
            .map(|&op| Small {
                params: vec![clif_type(types(op.opcode()).1[0])],
                body: Box::new(move |b, _, args| {
                    let (fits, value) = scalar::truncation(b, op, args[0]);
                    vec![fits, value]
                }),
            })
            .collect();
        let machine = Machine::new(target, &functions);
        for (number, &op) in TruncationOp::ALL.iter().enumerate() {
            for x in values(types(op.opcode()).1[0]) {
                let [[fits, _], [value, _]] = machine.run(number, &[[x, 0]]);
                let got = (fits == 1).then_some(value);
                assert!(fits < 2);
                assert_eq!(got, scalars::eval_truncation(op, x), "{target:?} {op:?} {x:x}");
            }
        }
    }
}

#[test]
fn a_select_and_literals() {
    for ty in [Type::I32, Type::I64, Type::F32, Type::F64, Type::Bool] {
        let slots = values(ty);
        let mut functions = vec![small(Opcode::Select, &[Type::Bool, ty, ty])];
        functions.extend(slots.iter().map(|&slot| Small {
            params: vec![],
            body: Box::new(move |b, _, _| vec![scalar::literal(b, literal(ty, slot))]),
        }));
        let machine = Machine::new(TARGETS[0], &functions);
        for (i, &slot) in slots.iter().enumerate() {
            assert_eq!(machine.run(1 + i, &[]), [[slot, 0]]);
            let other = slots[0];
            assert_eq!(machine.run(0, &[[1, 0], [slot, 0], [other, 0]]), [[slot, 0]]);
            assert_eq!(machine.run(0, &[[0, 0], [slot, 0], [other, 0]]), [[other, 0]]);
        }
    }
}
