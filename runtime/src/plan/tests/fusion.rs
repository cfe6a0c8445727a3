//! Which operations make one pass: functions whose operations say it in a comment.

use super::super::fusion::{End, MOST_MEMBERS, Role};
use super::super::stretches;
use nbc_ir::{FuncId, Module};
use std::fmt::Write;

/// Checks the groups of the first function of `text`. A line with `;; 1` is a member of the first group whose result nobody
/// sees behind it, one with `;; 1 kept` of one that somebody sees, `;; 1 last` the last one; `;;` alone.
fn check(text: &str) {
    let module = Module::parse(text, "plan.nba").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"));
    let all = stretches(&module);
    let func = FuncId::new(module.imports.len());
    let function = module.function(func).unwrap();
    let (mut found, mut groups) = (Vec::new(), 0);
    for stretch in &all[func.index()] {
        let is_group = stretch.members.iter().any(|m| m.role != Role::Alone);
        groups += usize::from(is_group);
        for member in &stretch.members {
            let line = function.blocks[stretch.block as usize].line(member.inst as usize);
            let role = match member.role {
                Role::Alone => String::new(),
                Role::Deferred { kept: false } => format!("{groups}"),
                Role::Deferred { kept: true } => format!("{groups} kept"),
                Role::Last => format!("{groups} last"),
            };
            found.push((line as usize, role));
        }
    }
    found.sort();
    let wanted = text.lines().enumerate();
    let wanted = wanted.filter_map(|(n, l)| Some((n + 1, l.split_once(";;")?.1.trim().to_owned())));
    assert_eq!(found, wanted.collect::<Vec<_>>(), "{text}");
}

/// Why stretches of the first function end, in order.
fn ends(text: &str) -> Vec<End> {
    let module = Module::parse(text, "plan.nba").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"));
    stretches(&module)[module.imports.len()].iter().map(|s| s.end.1).collect()
}

#[test]
fn chains_are_groups_with_the_reduction_at_their_end() {
    check(
        "func @f(%x: tensor<f64>, %y: tensor<f64>) -> f64 {
  %a = tensor.mul %x, 2.0  ;; 1
  %b = tensor.add %a, %y   ;; 1
  %c = tensor.mul %b, %b   ;; 1
  %s = tensor.sum %c       ;; 1 last
  %d = tensor.exp %x       ;; 2
  %e = tensor.neg %d       ;; 2 last
  %t = tensor.load %e, 0
  %s = f64.add %s, %t
  ret %s
}",
    );
}

#[test]
fn what_is_seen_behind_is_kept() {
    check(
        "func @f(%x: tensor<f64>, %l: list<tensor<f64>>) -> (tensor<f64>, f64) {
  %a = tensor.mul %x, 2.0  ;; 1
  %b = tensor.neg %a       ;; 1
  %c = tensor.exp %b       ;; 1 kept
  %d = tensor.abs %c       ;; 1 kept
  %e = tensor.add %d, %d   ;; 1 kept
  %s = tensor.sum %a       ;; 1 last
  list.set %l, 0, %c
  %v = tensor.reshape %d, [-1]
  %t = tensor.sum %v
  %s = f64.add %s, %t
  ret %e, %s
}",
    );
}

#[test]
fn a_register_that_is_set_again_holds_one_result_after_the_other() {
    check(
        "func @f(%x: tensor<f64>, %n: i64) -> tensor<f64> {
  %y = tensor.neg %x       ;;
  br loop
loop:
  %y = tensor.mul %y, %x   ;; 1
  %y = tensor.add %y, %x   ;; 1
  %z = copy %y
  %y = tensor.neg %z       ;; 1 last
  %n = i64.sub %n, 1
  %more = i64.gt %n, 0
  br_if %more, loop, done
done:
  ret %y
}",
    );
}

#[test]
fn what_stands_between_may_not_tell() {
    check(
        "global @g: f64 = 1.0
func @f(%x: tensor<f64>, %y: tensor<f64>, %l: list<f64>) -> tensor<f64> {
  %a = tensor.mul %x, 2.0  ;; 1
  %n = tensor.len %a
  %i = i64.div 100, %n
  %d = tensor.dim %a, 0
  %s = tensor.load %y, %i
  %p = list.get %l, 0
  %q = global.get @g
  %m = tensor.sum %y
  %r = tensor.row %y, 0
  %t = linalg.matmul %y, %y
  %s = f64.add %s, %p
  %b = tensor.add %a, %s   ;; 1
  %c = tensor.add %b, %t   ;; 1 last
  ret %c
}",
    );
}

#[test]
fn what_tells_ends_a_stretch() {
    let tail = "  %b = tensor.neg %a\n  ret %b\n}";
    let text = |between: &str| {
        format!(
            "import func @env.f()\nglobal @g: tensor<f64> = @k\nconst @k: tensor<f64> [1] = {{1.0}}
func @f(%x: tensor<f64>, %y: tensor<f64>, %h: func<(f64) -> f64>) -> tensor<f64> {{
  region.begin\n  %a = tensor.mul %x, 2.0\n{between}{tail}"
        )
        .replace("ret %b", "region.end keep %b\n  ret %b")
    };
    for (between, end) in [
        ("  tensor.store %y, 0, 1.0\n", End::Write),
        ("  tensor.assign %y, [0], %x\n", End::Write),
        ("  global.set @g, %y\n", End::Write),
        ("  %l = list.new 1, %a\n", End::Write),
        ("  %s = tensor.load %a, 0\n", End::Read),
        ("  %s = tensor.minmax %a\n", End::Operation),
        ("  %v = tensor.row %a, 0\n", End::Operation),
        ("  %c = tensor.copy %a\n", End::Operation),
        ("  call @env.f()\n", End::Call),
        ("  %m = tensor.map<f64, f64> %y, %h\n", End::Call),
        ("  region.renew keep %a\n", End::Region),
        ("  br next\nnext:\n", End::Block),
    ] {
        let between = between.replace("%s = tensor.minmax", "%s, %t = tensor.minmax");
        assert_eq!(ends(&text(&between)), [end, End::Region], "{between}");
    }
    assert_eq!(ends(&text("")), [End::Region]);
    assert_eq!(ends(&text("  %s = tensor.sum %a\n")), [End::Reduction, End::Region]);
}

#[test]
fn operations_without_each_other_run_alone() {
    check(
        "func @f(%x: tensor<f64>, %y: tensor<f64>) -> (tensor<f64>, tensor<f64>, tensor<f64>) {
  %a = tensor.neg %x       ;;
  %b = tensor.neg %y       ;; 1
  %c = tensor.exp %x       ;; 1 kept
  %d = tensor.abs %b       ;; 1 last
  %e = tensor.sin %y       ;;
  %f = tensor.add %x, %y   ;;
  ret %a, %c, %d
}",
    );
}

#[test]
fn a_view_of_before_is_not_the_result() {
    check(
        "func @f(%x: tensor<f64>, %n: i64) -> tensor<f64> {
  %a = tensor.neg %x       ;;
  br loop
loop:
  %v = tensor.reshape %a, [-1]
  %a = tensor.mul %x, 2.0  ;; 1
  %b = tensor.add %a, %v   ;; 1 last
  %a = copy %b
  %n = i64.sub %n, 1
  %more = i64.gt %n, 0
  br_if %more, loop, done
done:
  ret %a
}",
    );
}

#[test]
fn groups_have_a_bound_and_their_search_is_linear() {
    let chain = |count: usize| {
        let mut text = "func @f(%x: tensor<f64>) -> tensor<f64> {\n".to_owned();
        for _ in 0..count {
            text += "  %x = tensor.add %x, %x\n";
        }
        text + "  ret %x\n}"
    };
    let module = |text: &str| Module::parse(text, "plan.nba").and_then(Module::verify).unwrap();
    let sizes = |count: usize| {
        let found = stretches(&module(&chain(count)));
        found[0].iter().map(|s| s.members.len()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(MOST_MEMBERS), [MOST_MEMBERS]);
    assert_eq!(sizes(MOST_MEMBERS + 3), [MOST_MEMBERS, 3]);
    // Nothing is measured: a search that takes the square of the size does not end.
    assert_eq!(sizes(100_000).len(), 100_000_usize.div_ceil(MOST_MEMBERS));

    // Many tensors, each with a result, and reductions between of what is no result.
    let mut text = "func @f(%x: tensor<f64>, %y: tensor<f64>) -> f64 {\n".to_owned();
    for n in 0..50_000 {
        let _ = writeln!(text, "  %a{n} = tensor.add %x, %y\n  %s = tensor.dot %y, %x");
    }
    text += "  ret %s\n}";
    let found = stretches(&module(&text));
    assert!(found[0].iter().all(|s| s.members.iter().all(|m| m.role == Role::Alone)));
}
