//! What the loader makes of small programs for direct threading: the
//! superinstructions that speed depends on, seen in the listing of the code.

use nbc::runtime::load::listing;
use nbc::{Dispatch, FuncId, Module};

/// The internal code of the only function, or `None` where direct threading is not built.
fn code(body: &str) -> Option<Vec<String>> {
    let Some(threaded) = Dispatch::from_name("threaded") else {
        eprintln!("skipped: this build has no direct threading");
        return None;
    };
    let module = Module::parse(body, "superinst.nba").unwrap().verify().unwrap();
    let text = listing(&module, FuncId(0), threaded, false);
    Some(text.lines().map(|l| l.trim().to_owned()).collect())
}

fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|l| l.contains(what)).count()
}

#[test]
fn a_fill_loop_is_one_operation_a_turn_with_its_counter_in_a_register() {
    let Some(lines) = code(
        "func @f(%x: tensor<f64>, %n: i64) {\n  %i = i64.const 0\n  br fill\nfill:\n  tensor.store %x, %i, 1.0\n  \
         %i = i64.add %i, 1\n  %c = i64.lt %i, %n\n  br_if %c, fill, done\ndone:\n  ret\n}\n",
    ) else {
        return;
    };
    assert_eq!(count(&lines, "StoreStep { elem: F64, compare: I64Lt }"), 1, "{lines:#?}");
    assert_eq!(count(&lines, "StoreStep { elem: F64, compare: I64Ge }"), 3, "three ways out: {lines:#?}");
    assert_eq!(count(&lines, "StoreStep"), count(&lines, "acc(s2)"), "{lines:#?}");
}

#[test]
fn a_loop_tested_on_top_branches_once_a_turn() {
    let Some(lines) = code(
        "func @f(%x: tensor<f64>) -> f64 {\n  %n = tensor.len %x\n  %i = i64.const 0\n  %s = f64.const 0.0\n  br loop\n\
         loop:\n  %more = i64.lt %i, %n\n  br_if %more, body, done\nbody:\n  %v = tensor.load %x, %i\n  \
         %s = f64.add %s, %v\n  %i = i64.add %i, 1\n  br loop\ndone:\n  ret %s\n}\n",
    ) else {
        return;
    };
    let body = lines.iter().position(|l| l == "block2:").unwrap();
    assert_eq!(count(&lines[body..], "LoadBinary { elem: F64, op: F64Add"), 4, "{lines:#?}");
    assert_eq!(count(&lines[body..], "BinaryBranch { first: I64Add"), 4, "{lines:#?}");
    assert_eq!(count(&lines[body..], "Br ->"), 0, "{lines:#?}");
}

#[test]
fn additions_fold_into_calls_and_returns() {
    let Some(lines) = code(
        "func @f(%n: i64) -> i64 {\n  %c = i64.lt %n, 2\n  br_if %c, leaf, inner\nleaf:\n  ret %n\ninner:\n  \
         %a = i64.sub %n, 1\n  %x = call @f(%a)\n  %b = i64.sub %n, 2\n  %y = call @f(%b)\n  %s = i64.add %x, %y\n  ret %s\n}\n",
    ) else {
        return;
    };
    assert_eq!(lines.iter().filter(|l| !l.is_empty() && !l.ends_with(':')).count(), 5, "{lines:#?}");
    assert_eq!(count(&lines, "CallAdd"), 2, "{lines:#?}");
    assert_eq!(count(&lines, "RetBinary(I64Add)"), 1, "{lines:#?}");
}

#[test]
fn index_arithmetic_becomes_an_offset() {
    let Some(lines) = code(
        "func @f(%x: tensor<f64>, %i: i64) -> f64 {\n  %l = i64.sub %i, 1\n  %r = i64.add %i, 1\n  %a = tensor.load %x, %l\n  \
         %b = tensor.load %x, %r\n  %s = f64.add %a, %b\n  ret %s\n}\n",
    ) else {
        return;
    };
    assert_eq!(count(&lines, "I64Add"), 0, "{lines:#?}");
    assert_eq!(count(&lines, "+-1"), 1, "{lines:#?}");
}

#[test]
fn a_value_that_is_read_again_is_not_fused_away() {
    let Some(lines) = code(
        "func @f(%a: i64, %b: i64) -> (i64, i64) {\n  %t = i64.mul %a, %b\n  %u = i64.add %t, %a\n  ret %t, %u\n}\n",
    ) else {
        return;
    };
    assert_eq!(count(&lines, "Pair"), 0, "{lines:#?}");
}
