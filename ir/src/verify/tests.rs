//! Modules made by hand, each breaking one rule. Those that text can express
//! are files in `tests/programs/refused`.

use super::*;
use crate::entity::{ConstId, GlobalId, OpId, Reg, SigId};
use crate::inst::{Imm, Operand};
use crate::module::{Block, ConstValue, Constant, Global, GlobalInit, Import, OpRef};
use crate::types::{Elem, Item, Signature, Type};

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

// Rules that text cannot break, because the reader keeps them already.

fn plain() -> Module {
    module(&[], &[], &[I64, F64], vec![vec![ret(&[])]])
}

#[test]
fn signatures_stand_in_order_once_and_of_bounded_size() {
    let mut m = plain();
    m.sigs.push(Signature::new([Type::Func(SigId(1))], []));
    refused(m, "signature 1: names signature 1; only signatures before it");
    let mut m = plain();
    m.sigs.push(Signature::new([], []));
    refused(m, "signature 1: stands in the table already");
    let mut m = plain();
    m.sigs.push(Signature::new(vec![I64; MAX_ARITY + 1], []));
    refused(m, "1001 parameters; at most 1000 are allowed");
    // Each holds the one before twice: the text of the last would be 2^40 long.
    let mut m = plain();
    for i in 0..40 {
        m.sigs.push(Signature::new([Type::Func(SigId(i)), Type::List(Item::Func(SigId(i)))], []));
    }
    let f = &mut m.functions[0];
    (f.regs[0], f.blocks[0].insts) = (Type::Func(SigId(40)), vec![len(1, 0), ret(&[])]);
    refused(m.clone(), "too large: at most 8192 types");
    refused(m, "expected a tensor, found %0, which is func<(func<(func<");
}

#[test]
fn table_indices_are_in_range() {
    let mut m = plain();
    m.imports.push(Import { name: "host".into(), sig: SigId(7) });
    refused(m, "import 0, @host: signature 7 is not there");
    let mut m = plain();
    m.imports.push(Import { name: String::new(), sig: SigId(0) });
    refused(m, "an import needs a name");
    let mut m = plain();
    m.functions[0].sig = SigId(3);
    refused(m, "function @f: signature 3 is not there; there are 1");
    let mut m = plain();
    m.functions[0].regs[1] = Type::List(Item::Func(SigId(1)));
    refused(m, "the type of %1 names a signature that is not there");
    let global = |ty, init| Global { name: None, export: false, mutable: true, ty, init };
    for (ty, init, message) in [
        (TENSOR, GlobalInit::Const(ConstId(0)), "global 0: starts from constant 0, of which there are 0"),
        (Type::Func(SigId(0)), GlobalInit::Func(FuncId(9)), "starts from function 9, of which there are 1"),
        (Type::Func(SigId(4)), GlobalInit::Func(FuncId(0)), "its type names a signature that is not there"),
        (I64, GlobalInit::Imm(Imm::I32(1)), "expected a first value of type i64, found i32"),
    ] {
        let mut m = plain();
        m.globals.push(global(ty, init));
        refused(m, message);
    }
    for (inst, message) in [
        (Inst::Copy { dst: Reg(0), a: r(9) }, "register %9 is not there; the function has 2 registers"),
        (Inst::Copy { dst: Reg(9), a: r(0) }, "register %9 is not there"),
        (Inst::GlobalGet { dst: Reg(0), global: GlobalId(2) }, "global 2 is not there; the module has 0"),
        (Inst::ConstGet { dst: Reg(0), constant: ConstId(2) }, "constant 2 is not there"),
        (Inst::FuncRef { dst: Reg(0), callee: FuncId(2) }, "function 2 is not there; the module has 1"),
        (Inst::Call { results: [].into(), callee: FuncId(2), args: [].into() }, "function 2 is not there"),
        (Inst::CallOp { results: [].into(), callee: OpId(2), args: [].into() }, "operation 2 is not there"),
        (Inst::Br { target: BlockId(5) }, "goes to block 5, but the function has 1 block"),
        (
            Inst::Switch {
                index: 0i64.into(),
                targets: [BlockId(0), BlockId(8)].into(),
                default_to: BlockId(0),
            },
            "goes to block 8",
        ),
    ] {
        refused(module(&[], &[], &[I64, F64], vec![vec![inst, ret(&[])]]), message);
    }
}

#[test]
fn operations_are_the_catalogues() {
    let with = |name: &str, elems: &[Elem]| {
        let mut m = plain();
        m.ops.push(OpRef { name: name.into(), elems: elems.into() });
        m
    };
    refused(
        with("tensor.frobnicate", &[]),
        "operation 0, tensor.frobnicate: there is no operation tensor.frobnicate in the catalogue",
    );
    refused(with("tensor.zeros", &[]), "tensor.zeros takes 1 element type, found 0");
    refused(with("tensor.sqrt", &[Elem::Bool]), "tensor.sqrt does not take bool: T is one of f32 f64");
    let mut m = with("tensor.zeros", &[Elem::U8]);
    m.ops.push(m.ops[0].clone());
    refused(m, "operation 1, tensor.zeros: stands in the table already");
    // Bracketed lists of one call have one length.
    let mut m = with("tensor.slice", &[Elem::F64]);
    m.functions[0].regs[0] = TENSOR;
    let args = [r(0), 1i64.into(), 2i64.into(), 3i64.into()].into();
    m.functions[0].blocks[0].insts =
        vec![Inst::CallOp { results: [Reg(0)].into(), callee: OpId(0), args }, ret(&[])];
    refused(m, "tensor.slice<T: any>(tensor<T>, [i64], [i64]) -> tensor<T> cannot take 4 arguments");
}

#[test]
fn constants_are_as_long_as_their_dims_say() {
    let with = |elem, dims: &[u64], data: &[u8]| {
        let mut m = plain();
        let value = ConstValue::Tensor { elem, dims: dims.into(), data: data.into() };
        m.constants.push(Constant { name: Some("c".into()), value });
        m
    };
    with(Elem::I32, &[2, 1], &[0; 8]).verify().unwrap();
    with(Elem::F64, &[3, 0, 5], &[]).verify().unwrap();
    with(Elem::C128, &[], &[0; 16]).verify().unwrap();
    refused(with(Elem::I32, &[2, 2], &[0; 8]), "constant @c: dims [2, 2] of i32 are 16 bytes, found 8");
    refused(with(Elem::U8, &[1 << 32, 1 << 32], &[]), "are more bytes than there can be");
    refused(with(Elem::U8, &[0, u64::MAX, u64::MAX], &[]), "are more bytes than there can be");
    with(Elem::F64, &[0, i64::MAX as u64, i64::MAX as u64], &[]).verify().unwrap();
    refused(with(Elem::U8, &[1; 9], &[0]), "9 dimensions; at most 8 are allowed");
    let zeros = |elem, dims: &[u64]| {
        let mut m = plain();
        m.constants.push(Constant { name: None, value: ConstValue::Zeros { elem, dims: dims.into() } });
        m
    };
    zeros(Elem::C128, &[1 << 40, 0]).verify().unwrap();
    zeros(Elem::C128, &[i64::MAX as u64, 0, 1 << 62]).verify().unwrap();
    refused(zeros(Elem::U8, &[0, 1 << 63]), "are more bytes than there can be");
    assert!(!zeros(Elem::F64, &[1 << 59]).verify().unwrap().reads_constant(ConstId(0)));
    refused(
        zeros(Elem::F64, &[1 << 60]),
        "constant 0: dims [1152921504606846976] of f64 are more bytes than",
    );
    refused(zeros(Elem::U8, &[1; 9]), "9 dimensions; at most 8 are allowed");
    refused(with(Elem::Bool, &[3], &[0, 1, 2]), "element 2 of a bool tensor must be 0 or 1, found 2");
}

#[test]
fn exports_have_names_and_each_its_own() {
    let mut m = plain();
    m.functions[0].name = None;
    refused(m, "an exported function needs a name");
    let mut m = plain();
    m.functions.push(m.functions[0].clone());
    refused(m, "another export is called @f too");
    let global = |name: Option<&str>| Global {
        name: name.map(str::to_owned),
        export: true,
        mutable: true,
        ty: I64,
        init: GlobalInit::Imm(Imm::I64(0)),
    };
    let mut m = plain();
    m.globals = vec![global(Some("g")), global(Some("g"))];
    refused(m, "global @g: another export has the same name");
    let mut m = plain();
    m.globals = vec![global(None)];
    refused(m, "an exported global needs a name");
}

#[test]
fn functions_have_blocks_that_end_in_their_only_terminator() {
    refused(module(&[], &[], &[], vec![]), "a function needs at least one block");
    refused(module(&[], &[], &[], vec![vec![]]), "the block is empty");
    refused(
        module(&[], &[], &[], vec![vec![ret(&[])], vec![]]),
        "block block1, instruction 0: the block is empty",
    );
    let zero = Inst::I64Const { dst: Reg(0), value: Imm::I64(0) };
    refused(module(&[], &[], &[I64], vec![vec![zero.clone()]]), "the block ends in `i64.const`");
    refused(
        module(&[], &[], &[I64], vec![vec![ret(&[]), zero, ret(&[])]]),
        "`ret` must be the last instruction of its block, found 2 instructions after it",
    );
    // Unreachable blocks are checked for types, and only that.
    let read = Inst::I64Add { dst: Reg(0), a: r(0), b: 1i64.into() };
    module(&[], &[], &[I64], vec![vec![ret(&[])], vec![read, end(&[]), br(1)]]).verify().unwrap();
    let wrong = Inst::I64Add { dst: Reg(0), a: 1.0f64.into(), b: 1i64.into() };
    refused(
        module(&[], &[], &[I64], vec![vec![ret(&[])], vec![wrong, br(1)]]),
        "found the literal 1.0, which is f64",
    );
}

#[test]
fn registers_agree_with_the_signature_and_the_limits() {
    let mut m = module(&[I64], &[], &[], vec![vec![ret(&[])]]);
    m.functions[0].regs = vec![];
    refused(m, "0 registers for 1 parameter");
    let mut m = module(&[I64], &[], &[], vec![vec![ret(&[])]]);
    m.functions[0].regs[0] = F64;
    refused(m, "parameter %0 must have the signature’s type: expected i64, found f64");
    let many = vec![I64; MAX_REGS + 1];
    refused(module(&[], &[], &many, vec![vec![ret(&[])]]), "60001 registers; at most 60000");
    let long = vec![Inst::RegionBegin {}; MAX_SIZE + 1];
    refused(module(&[], &[], &[], vec![long]), "4000001 instructions and list items; at most 4000000");
    let mut m = plain();
    m.functions[0].reg_names = vec![None];
    refused(m, "1 register name for 2 registers");
    let mut m = plain();
    m.functions[0].blocks[0].lines = vec![1, 2];
    refused(m, "2 source lines for 1 instruction");
    let literal = Inst::I64Const { dst: Reg(0), value: Imm::F64(0) };
    refused(module(&[], &[], &[I64], vec![vec![literal, ret(&[])]]), "`value` of `i64.const`: expected i64");
}

#[test]
fn all_errors_are_listed_up_to_a_limit() {
    let wrong = Inst::I64Add { dst: Reg(0), a: 1.0f64.into(), b: 1i64.into() };
    let error =
        module(&[], &[], &[I64], vec![[vec![wrong; 500], vec![ret(&[])]].concat()]).verify().unwrap_err();
    assert_eq!(error.diagnostics().len(), MAX_ERRORS + 1);
    assert!(error.diagnostics()[MAX_ERRORS].message.contains("only the first 100"));
    assert!(error.render(false).contains("i64.add 1.0"));
}
