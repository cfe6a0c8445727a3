//! Modules made by hand, each breaking one rule. Those that text can express
//! are files in `tests/programs/refused`.

use super::*;
use crate::entity::{OpId, Reg, SigId};
use crate::module::{Block, OpRef};
use crate::op::{Imm, Operand};
use crate::types::{Elem, Signature, Type};

const F64: Type = Type::F64;
const I64: Type = Type::I64;
const TENSOR: Type = Type::Tensor(Elem::F64);

/// A module with one function `f` of that signature; `regs` follow the parameters.
fn module(params: &[Type], results: &[Type], regs: &[Type], blocks: Vec<Vec<Inst>>) -> Module {
    let blocks = blocks.into_iter().map(|insts| Block { insts, ..Block::default() }).collect();
    Module {
        sigs: vec![Signature::new(params, results)],
        functions: vec![Function {
            name: Some("f".into()),
            export: true,
            sig: SigId(0),
            regs: [params, regs].concat(),
            reg_names: vec![],
            blocks,
        }],
        ..Module::default()
    }
}

#[track_caller]
fn refused(module: Module, message: &str) {
    let error = module.verify().expect_err("the module should be refused");
    let text = error.to_string();
    assert!(text.contains(message), "expected {message:?} in\n{text}");
}

fn r(n: u32) -> Operand {
    Operand::Reg(Reg(n))
}

fn br(to: u32) -> Inst {
    Inst::Br { target: BlockId(to) }
}

fn br_if(then_to: u32, else_to: u32) -> Inst {
    Inst::BrIf { cond: true.into(), then_to: BlockId(then_to), else_to: BlockId(else_to) }
}

fn ret(values: &[Operand]) -> Inst {
    Inst::Ret { values: values.into() }
}

fn make(dst: u32) -> Inst {
    Inst::CallOp { results: [Reg(dst)].into(), callee: OpId(0), args: [Operand::from(3i64)].into() }
}

fn end(kept: &[u32]) -> Inst {
    Inst::RegionEnd { kept: kept.iter().copied().map(Reg).collect() }
}

fn len(dst: u32, x: u32) -> Inst {
    Inst::TensorLen { dst: Reg(dst), x: r(x) }
}

const BEGIN: Inst = Inst::RegionBegin {};

/// A function without parameters over `tensor.zeros<f64>`: registers 0 to 3
/// are tensors, 4 is an i64.
fn tensors(blocks: Vec<Vec<Inst>>) -> Module {
    let mut m = module(&[], &[], &[TENSOR, TENSOR, TENSOR, TENSOR, I64], blocks);
    m.ops.push(OpRef { name: "tensor.zeros".into(), elems: [Elem::F64].into() });
    m
}

#[test]
fn a_sound_loop_is_accepted_and_its_facts_are_known() {
    // %2 counts, %3 the comparison
    let m = module(
        &[I64],
        &[I64],
        &[I64, Type::Bool],
        vec![
            vec![Inst::I64Const { dst: Reg(1), value: Imm::I64(0) }, br(1)],
            vec![
                Inst::I64Lt { dst: Reg(2), a: r(1), b: r(0) },
                Inst::BrIf { cond: r(2), then_to: BlockId(2), else_to: BlockId(3) },
            ],
            vec![Inst::I64Add { dst: Reg(1), a: r(1), b: 1i64.into() }, br(1)],
            vec![ret(&[r(1)])],
            vec![ret(&[r(1)])],
        ],
    )
    .verify()
    .unwrap();
    let facts = m.facts(FuncId(0));
    assert_eq!(facts.block_depth, [0, 0, 0, 0, u32::MAX]);
    assert_eq!(facts.loop_headers, [false, true, false, false, false]);
    assert_eq!(facts.back_edges, [(BlockId(2), BlockId(1))]);
    assert!(!facts.makes_objects);
}

#[test]
fn a_read_before_assignment_is_refused() {
    let add = Inst::F64Add { dst: Reg(1), a: r(0), b: r(1) };
    refused(module(&[F64], &[F64], &[F64], vec![vec![add, ret(&[r(1)])]]), "%1 is read but not assigned");
    // Assigned on one path only.
    let one = Inst::F64Const { dst: Reg(1), value: Imm::f64(1.0) };
    let blocks = vec![vec![br_if(1, 2)], vec![one, br(2)], vec![ret(&[r(1)])]];
    refused(module(&[F64], &[F64], &[F64], blocks), "block block2, instruction 0: %1 is read");
}

#[test]
fn objects_end_with_their_region() {
    let sound = tensors(vec![vec![BEGIN, make(0), len(4, 0), end(&[0]), len(4, 0), ret(&[])]]);
    assert_eq!(sound.verify().unwrap().facts(FuncId(0)).max_depth, 1);
    refused(tensors(vec![vec![BEGIN, make(0), end(&[]), len(4, 0), ret(&[])]]), "region that has ended");
    refused(tensors(vec![vec![BEGIN, end(&[0]), ret(&[])]]), "%0 is read but not assigned");
    refused(tensors(vec![vec![BEGIN, ret(&[])]]), "`ret` inside a region");
    refused(tensors(vec![vec![end(&[]), ret(&[])]]), "without an open region");
    refused(tensors(vec![vec![BEGIN, make(0), end(&[0, 0]), ret(&[])]]), "%0 is kept twice");
    refused(tensors(vec![vec![BEGIN, end(&[4]), ret(&[])]]), "expected an object");
    // A copy is as short-lived as its source.
    let copy = Inst::Copy { dst: Reg(1), a: r(0) };
    refused(tensors(vec![vec![BEGIN, make(0), copy.clone(), end(&[0]), len(4, 1), ret(&[])]]), "%1 may hold");
    // A copy of an outer object is not.
    let sound = tensors(vec![vec![make(0), BEGIN, copy, end(&[]), len(4, 1), ret(&[])]]);
    sound.verify().unwrap();
    // Paths with different regions.
    let blocks = vec![vec![br_if(1, 2)], vec![BEGIN, br(2)], vec![ret(&[])]];
    refused(tensors(blocks), "goes to block2 with");
    // A region that each round of a loop opens again.
    refused(
        tensors(vec![vec![br(1)], vec![BEGIN, br_if(1, 2)], vec![Inst::Trap {}]]),
        "goes to block1 with 1",
    );
}

#[test]
fn the_end_of_a_region_is_seen_around_a_loop() {
    // Block 1 reads %0, which block 2 ends on the way back.
    let blocks = vec![
        vec![make(0), br(1)],
        vec![len(4, 0), BEGIN, make(0), br_if(2, 3)],
        vec![end(&[]), br(1)],
        vec![end(&[0]), len(4, 0), ret(&[])],
    ];
    refused(tensors(blocks), "block block1, instruction 0: %0 may hold");
    // Two tensors change places inside a region and both live outside: fine.
    let copy = |dst, a| Inst::Copy { dst: Reg(dst), a: r(a) };
    let blocks = vec![
        vec![make(0), make(1), br(1)],
        vec![BEGIN, copy(2, 0), copy(0, 1), copy(1, 2), end(&[]), br_if(1, 2)],
        vec![len(4, 0), len(4, 1), ret(&[])],
    ];
    tensors(blocks).verify().unwrap();
    // The same, but one of them was made inside.
    let blocks = vec![
        vec![make(0), make(1), br(1)],
        vec![BEGIN, copy(2, 0), make(1), copy(0, 1), copy(1, 2), end(&[]), br_if(1, 2)],
        vec![ret(&[])],
    ];
    refused(tensors(blocks), "block block1, instruction 1: %0 may hold");
}
