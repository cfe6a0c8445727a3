//! The builder's habits that the documentation's examples do not show.

use super::*;
use crate::entity::{BlockId, Reg};
use crate::inst::{Imm, Inst, Operand};

#[test]
fn functions_keep_their_numbers_when_imports_come_late() {
    let mut m = ModuleBuilder::new();
    let late = m.declare("late", [Type::I64], [Type::I64]);
    let table = m.global("handler", late);
    let mut f = m.export("f", [], [Type::I64]);
    let print = f.module().import("console.print", [Type::I64], []);
    let r = f.call(late, 7).one();
    f.call(print, r);
    let g = f.global_get(table);
    let r = f.call_ref(g, 8).one();
    let own = f.func_ref(late);
    f.global_set(table, own);
    f.ret(r);
    let mut f = m.define(late);
    f.ret(f.param(0));
    let module = m.finish();
    assert_eq!(late.id_in(&module), FuncId(1));
    let module = module.verify().unwrap();
    assert_eq!(module.func_name(FuncId(0)), "console.print");
    assert_eq!(module.globals[0].init, GlobalInit::Func(FuncId(1)));
    let Inst::Call { callee, args, .. } = &module.functions[1].blocks[0].insts[0] else { panic!("a call") };
    assert_eq!((*callee, &**args), (FuncId(1), &[Operand::from(7i64)][..]));
}

#[test]
fn literals_take_the_type_asked_for_where_no_value_changes() {
    let mut m = ModuleBuilder::new();
    let types = [Type::F32, Type::Tensor(Elem::U8), Type::List(crate::types::Item::F64)];
    let mut f = m.export("f", types, [Type::F64, Type::I64]);
    let (x, bytes, list) = (f.param(0), f.param(1), f.param(2));
    let y = f.f32_add(x, 1.5);
    let y = f.select(true, 2, y);
    assert_eq!(f.type_of(y), Some(Type::F32));
    f.tensor_store(bytes, 0, 255);
    f.list_set(list, 0, 1);
    f.ret((1, 2));
    m.finish().verify().unwrap();
    // 0.1 is no single and 2^53 + 1 no double: the verifier is to refuse them.
    let mut m = ModuleBuilder::new();
    let mut f = m.export("f", [Type::F32], []);
    let x = f.param(0);
    f.f32_add(x, 0.1);
    f.f64_neg((1i64 << 53) + 1);
    f.ret(());
    assert_eq!(m.finish().verify().unwrap_err().diagnostics().len(), 2);
}

#[test]
fn wrong_types_are_left_to_the_verifier() {
    let mut m = ModuleBuilder::new();
    let mut f = m.export("f", [Type::I64], []);
    let n = f.param(0);
    let v = f.tensor_load(n, 0);
    f.call_ref(n, ());
    f.copy(Reg(99));
    f.name(v, "v");
    f.ret(());
    let error = m.finish().verify().unwrap_err();
    assert!(error.to_string().contains("expected a tensor, found %0, which is i64"), "{error}");
}

#[test]
fn operations_that_cannot_be_called_say_why() {
    let mut m = ModuleBuilder::new();
    let mut f = m.function("f", [], []);
    let message = |r: Result<Results, BuildError>| r.unwrap_err().to_string();
    let error = message(f.try_op("tensor.ad", None, ()));
    assert_eq!(error, "there is no operation `tensor.ad` in the catalogue; did you mean `tensor.add`?");
    let error = message(f.try_op("tensor.sum", None, ()));
    assert_eq!(error, "tensor.sum<T: real>(tensor<T>) -> T cannot take 0 arguments");
    let error = message(f.try_op("tensor.zeros", None, [3i64]));
    assert!(error.starts_with("T of tensor.zeros"), "{error}");
    let zeros = f.op_with("tensor.zeros", [Elem::F64], [3, 4]);
    assert_eq!(f.try_op("tensor.assign", None, (zeros, [0, 0], zeros)).unwrap().len(), 0);
    f.ret(());
    m.finish().verify().unwrap();
}

#[test]
fn blocks_may_be_named_before_they_are_filled_and_lines_given() {
    let mut m = ModuleBuilder::new();
    let mut f = m.export("f", [Type::I64], [Type::I64]);
    let (n, odd, even) = (f.param(0), f.named_block("odd"), f.block());
    let bit = f.i64_and(n, 1);
    f.at_line(3);
    f.switch(bit, [even, odd], even);
    f.switch_to(odd);
    f.ret(1);
    f.switch_to(even);
    f.at_line(0);
    assert_eq!(f.current(), BlockId(2));
    let zero = f.var("zero", 0i64);
    f.ret(zero);
    let module = m.finish().verify().unwrap();
    let f = &module.functions[0];
    assert_eq!(f.blocks[0].lines, [0, 3]);
    assert_eq!(f.blocks[1].lines, [3]);
    assert!(f.blocks[2].lines.is_empty());
    assert_eq!(f.blocks[1].name.as_deref(), Some("odd"));
    assert_eq!(f.reg_name(zero), "%zero");
}

#[test]
fn constants_and_globals_have_the_types_of_their_values() {
    let mut m = ModuleBuilder::new();
    let points = m.tensor("points", [2], [(1.0f64, 0.0), (0.0, 1.0)]);
    let flags = m.tensor("flags", [3], [true, false, true]);
    let text = m.string("text", "hello");
    let state = m.global("state", flags);
    let limit = m.global("limit", 2.5f32);
    m.global_mut(limit).mutable = false;
    m.global_mut(limit).export = true;
    let mut f = m.export("f", [], [Type::Str]);
    let p = f.const_get(points);
    let re = f.tensor_load_re(p, 0);
    assert_eq!(f.type_of(re), Some(Type::F64));
    let s = f.global_get(state);
    assert_eq!(f.type_of(s), Some(Type::Tensor(Elem::Bool)));
    let t = f.const_get(text);
    f.ret(t);
    let module = m.finish().verify().unwrap();
    assert_eq!(module.globals[1].init, GlobalInit::Imm(Imm::f32(2.5)));
    assert!(module.exported_global("limit").is_some());
}

#[test]
fn structured_control_flow_may_end_in_a_return() {
    let mut m = ModuleBuilder::new();
    let mut f = m.export("first_above", [Type::Tensor(Elem::F64), Type::F64], [Type::I64]);
    let (x, limit) = (f.param(0), f.param(1));
    let n = f.tensor_len(x);
    f.for_range(0, n, |f, i| {
        let v = f.tensor_load(x, i);
        let above = f.f64_gt(v, limit);
        f.if_else(above, |f| f.ret(i), |_| {});
    });
    f.ret(-1);
    let module = m.finish();
    assert_eq!(Module::parse(&module.print(), "built").unwrap().stripped(), module.clone().stripped());
    module.verify().unwrap();
}
