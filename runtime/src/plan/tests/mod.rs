//! What dies where: functions whose operations say it in a comment.

mod fusion;

use super::{Plan, Wanted};
use nbc_ir::{FuncId, Module};

/// Checks the plan of `text`: a line with `;; 0 2` has an operation whose arguments 0
/// and 2 die, one with `;;` has one of which none does. Other operations are not looked at.
fn check(text: &str) {
    let module = Module::parse(text, "plan.nba").and_then(Module::verify).unwrap();
    let plan = Plan::new(&module, Wanted { dying: true, fusion: true, host_steps: false });
    let mut seen = 0;
    for (f, func) in module.functions.iter().enumerate() {
        for (b, block) in func.blocks.iter().enumerate() {
            for i in 0..block.insts.len() {
                let line = text.lines().nth(block.line(i) as usize - 1).unwrap();
                let Some((_, wanted)) = line.split_once(";;") else { continue };
                let wanted: Vec<usize> = wanted.split_whitespace().map(|n| n.parse().unwrap()).collect();
                let id = FuncId::new(module.imports.len() + f);
                let found: Vec<usize> = plan.operation(id, b as u32, i as u32).dying.iter().collect();
                assert_eq!(found, wanted, "{line}\nin {text}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, text.matches(";;").count());
}

#[test]
fn temporaries_die_at_their_last_use() {
    check(
        "func @f(%x: tensor<f64>) -> tensor<f64> {
  %a = tensor.mul %x, 2.0  ;;
  %b = tensor.add %a, %x   ;; 0
  %c = tensor.mul %b, %b   ;; 0 1
  %d = tensor.neg %c       ;;
  %e = tensor.sub %c, %d   ;; 0 1
  %n = tensor.len %e
  %f = tensor.neg %e       ;;
  %s = tensor.sum %e
  %g = tensor.mul %f, %s   ;; 0
  ret %g
}",
    );
}

#[test]
fn what_a_loop_carries_dies_where_it_is_set_again() {
    check(
        "func @f(%x: tensor<f64>, %n: i64) -> tensor<f64> {
  %y = tensor.copy %x
  %z = tensor.copy %x
  br loop
loop:
  %y = tensor.add %y, %x   ;; 0
  %t = tensor.add %z, %y   ;; 1
  %u = tensor.mul %t, %z   ;; 0
  %y = copy %u
  %n = i64.sub %n, 1
  %more = i64.gt %n, 0
  br_if %more, loop, done
done:
  ret %y
}",
    );
}

#[test]
fn ways_that_read_it_later_keep_it() {
    check(
        "func @f(%x: tensor<f64>, %c: bool) -> tensor<f64> {
  %a = tensor.neg %x
  %b = tensor.abs %a       ;;
  br_if %c, yes, no
yes:
  %d = tensor.abs %b       ;; 0
  %e = tensor.add %d, %a   ;; 0 1
  ret %e
no:
  %d = tensor.neg %b       ;; 0
  ret %d
}",
    );
}

#[test]
fn views_and_copies_are_the_same_tensor() {
    check(
        "func @f(%x: tensor<f64>, %c: bool) -> f64 {
  %a = tensor.neg %x
  %v = tensor.reshape %a, [-1]
  %b = tensor.abs %a       ;;
  %s = tensor.sum %v
  %d = tensor.mul %a, %v   ;;
  %w = copy %b
  %e = tensor.abs %b       ;;
  %g = tensor.add %w, %e   ;; 0 1
  %h = tensor.abs %x
  %i = select %c, %g, %h
  %j = tensor.abs %g       ;;
  %k = tensor.add %i, %h   ;;
  %t = tensor.sum %k
  ret %t
}",
    );
}

#[test]
fn what_others_know_does_not_die() {
    check(
        "const @z: tensor<f64> [3] = zero
global @g: tensor<f64> = @z
const @k: tensor<f64> [2] = {1.0, 2.0}
func @f(%x: tensor<f64>) -> tensor<f64> {
  %a = tensor.neg %x       ;;
  %l = list.new 1, %a
  %b = tensor.neg %a       ;;
  %p = list.get %l, 0
  %d = tensor.neg %p       ;;
  %q = global.get @g
  %e = tensor.neg %q       ;;
  global.set @g, %e
  %h = tensor.add %e, %d   ;; 0 1
  %k = const.get @k
  %i = tensor.neg %k       ;;
  ret %h
}",
    );
}

#[test]
fn calls_are_looked_through() {
    check(
        "import func @env.f(tensor<f64>) -> tensor<f64>
func @new(%x: tensor<f64>) -> tensor<f64> {
  %r = tensor.neg %x       ;;
  ret %r
}
func @same(%x: tensor<f64>) -> tensor<f64> {
  ret %x
}
func @view(%x: tensor<f64>) -> tensor<f64> {
  %r = tensor.reshape %x, [-1]
  ret %r
}
func @keep(%x: tensor<f64>, %l: list<tensor<f64>>) {
  list.set %l, 0, %x
  ret
}
func @twice(%x: tensor<f64>) -> (tensor<f64>, tensor<f64>) {
  %r = tensor.neg %x
  ret %r, %r
}
func @deep(%x: tensor<f64>, %n: i64) -> tensor<f64> {
  %m = i64.lt %n, 1
  br_if %m, last, on
on:
  %n = i64.sub %n, 1
  %r = call @deep(%x, %n)
  %r = tensor.neg %r       ;; 0
  ret %r
last:
  %r = call @new(%x)
  ret %r
}
func @f(%x: tensor<f64>, %l: list<tensor<f64>>) -> f64 {
  %a = call @new(%x)
  %b = tensor.neg %a       ;; 0
  %c = call @same(%b)
  %d = tensor.neg %b       ;;
  %e = tensor.neg %c       ;;
  %g = call @view(%d)
  %h = tensor.neg %d       ;;
  %i = tensor.neg %e
  call @keep(%i, %l)
  %j = tensor.neg %i       ;;
  %o, %p = call @twice(%j)
  %q = tensor.neg %o       ;;
  %r = tensor.add %j, %q   ;; 0 1
  %s = call @env.f(%r)
  %t = tensor.add %r, %s   ;; 0 1
  %f = func.ref @new
  %u = call_ref %f(%t)
  %v = tensor.neg %t       ;;
  %w = tensor.neg %u       ;;
  %y = tensor.sum %w
  ret %y
}",
    );
}

#[test]
fn deep_is_not_new_where_its_end_is_not() {
    check(
        "func @deep(%x: tensor<f64>, %n: i64) -> tensor<f64> {
  %m = i64.lt %n, 1
  br_if %m, last, on
on:
  %n = i64.sub %n, 1
  %r = call @deep(%x, %n)
  %r = tensor.neg %r       ;;
  ret %r
last:
  ret %x
}",
    );
}

#[test]
fn a_register_that_is_set_again_is_another() {
    check(
        "func @f(%x: tensor<f64>, %c: bool) -> tensor<f64> {
  %r = copy %x
  %r = tensor.mul %r, 2.0  ;;
  %r = tensor.add %r, %x   ;; 0
  %x = tensor.neg %r       ;; 0
  %x = tensor.abs %x       ;; 0
  br_if %c, yes, no
yes:
  %r = copy %x
  %r = tensor.exp %r       ;; 0
  br no2
no:
  %r = tensor.exp %x       ;; 0
  br no2
no2:
  %r = tensor.sqrt %r      ;; 0
  ret %r
}",
    );
    // In its first iteration it is the parameter.
    check(
        "func @f(%x: tensor<f64>, %n: i64) -> tensor<f64> {
  %r = copy %x
  br loop
loop:
  %r = tensor.mul %r, 2.0  ;;
  %r = tensor.add %r, 1.0  ;; 0
  %n = i64.sub %n, 1
  %more = i64.gt %n, 0
  br_if %more, loop, done
done:
  ret %r
}",
    );
    // What a call returns is new, though the register had an argument.
    check(
        "func @g(%x: tensor<f64>) -> tensor<f64> {
  %r = copy %x
  %r = tensor.mul %r, 2.0  ;;
  ret %r
}
func @f(%x: tensor<f64>) -> tensor<f64> {
  %y = call @g(%x)
  %z = tensor.neg %y       ;; 0
  ret %z
}",
    );
}

#[test]
fn what_is_kept_goes_on() {
    check(
        "func @f(%x: tensor<f64>) -> tensor<f64> {
  region.begin
  %r = tensor.neg %x
  %v = tensor.reshape %r, [-1]
  %b = tensor.abs %r       ;;
  region.end keep %r, %v
  %b = tensor.abs %r       ;;
  %c = tensor.add %b, %v   ;; 0 1
  ret %c
}",
    );
}

/// The steps of the first function, one for each: block, instruction, register, `r` or `w`.
fn steps(text: &str) -> Vec<String> {
    let module = Module::parse(text, "plan.nba").and_then(Module::verify).unwrap();
    let plan = Plan::new(&module, Wanted { dying: false, fusion: false, host_steps: true });
    let func = &module.functions[0];
    let mut found = Vec::new();
    for (b, block) in func.blocks.iter().enumerate() {
        for i in 0..block.insts.len() {
            for step in plan.host_steps(FuncId::new(0), b as u32, i as u32) {
                let name = func.reg_names[step.tensor.index()].clone().unwrap_or_default();
                found.push(format!("{b}.{i} %{name} {}", if step.write { 'w' } else { 'r' }));
            }
        }
    }
    found
}

#[test]
fn one_step_is_enough_until_the_register_is_written_or_elements_are_sent() {
    let found = steps(
        "func @f(%x: tensor<f64>) -> f64 {
  %a = tensor.load %x, 0
  %b = tensor.load %x, 1
  tensor.store %x, 1, %a
  tensor.store %x, 2, %b
  %c = tensor.load %x, 3
  %y = tensor.neg %x
  %d = tensor.load %x, 4
  tensor.store %x, 5, %d
  %x = copy %y
  %e = tensor.load %x, 6
  ret %e
}",
    );
    assert_eq!(found, ["0.0 %x r", "0.2 %x w", "0.7 %x w", "0.9 %x r"]);
}

#[test]
fn steps_leave_loops_in_which_they_do_not_change() {
    let found = steps(
        "func @f(%x: tensor<f64>, %y: tensor<f64>, %n: i64) -> f64 {
  %i = i64.const 0
  br outer
outer:
  %j = i64.const 0
  %t = tensor.neg %y
  br inner
inner:
  %a = tensor.load %x, %i
  %b = tensor.load %t, %j
  %c = f64.add %a, %b
  tensor.store %y, %j, %c
  %j = i64.add %j, 1
  %more = i64.lt %j, %n
  br_if %more, inner, next
next:
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, outer, done
done:
  %r = tensor.load %x, 0
  ret %r
}",
    );
    // %x out of both; %t is new in each iteration of the outer one, and %y sent in it.
    assert_eq!(found, ["0.1 %x r", "1.2 %y w", "1.2 %t r"]);
}

#[test]
fn ways_that_meet_have_what_all_of_them_have() {
    let found = steps(
        "func @f(%x: tensor<f64>, %y: tensor<f64>, %c: bool) -> f64 {
  br_if %c, yes, no
yes:
  %a = tensor.load %x, 0
  %b = tensor.load %y, 0
  br meet
no:
  %a = tensor.load %x, 1
  br meet
meet:
  %b = tensor.load %x, 2
  %d = tensor.load %y, 2
  %r = f64.add %b, %d
  ret %r
}",
    );
    assert_eq!(found, ["1.0 %x r", "1.1 %y r", "2.0 %x r", "3.1 %y r"]);
}

#[test]
fn what_writes_leads_to_another_step_through_calls_too() {
    let found = steps(
        "func @f(%x: tensor<f64>, %y: tensor<f64>, %i: tensor<i64>, %n: i64) -> f64 {
  %a = tensor.load %x, 0
  %b = call @square(%a)
  %c = tensor.load %x, 1
  tensor.put %y, %i, 1.0
  %d = tensor.load %x, 2
  call @twice(%y, %i)
  %e = tensor.load %x, 3
  %r = func.ref @square
  %g = call_ref %r(%e)
  %h = tensor.load %x, 4
  %m = tensor.lt %x, 0.5
  br loop
loop:
  %k = tensor.load %x, 5
  tensor.put_mask %y, %m, 2.0
  %n = i64.sub %n, 1
  %m = tensor.lt %x, 0.5
  %more = i64.gt %n, 0
  br_if %more, loop, done
done:
  ret %k
}
func @square(%x: f64) -> f64 {
  %r = f64.mul %x, %x
  ret %r
}
func @twice(%x: tensor<f64>, %i: tensor<i64>) {
  call @once(%x, %i)
  call @once(%x, %i)
  ret
}
func @once(%x: tensor<f64>, %i: tensor<i64>) {
  tensor.scatter_add %x, %i, 1.0
  ret
}",
    );
    assert_eq!(found, ["0.0 %x r", "0.4 %x r", "0.6 %x r", "0.9 %x r", "1.0 %x r"]);
}

/// Programs of shapes for which a careless analysis takes the square of their size, or worse.
/// Nothing is measured: one that does so does not end.
#[test]
fn hostile_shapes_take_no_longer_than_others() {
    use std::fmt::Write;
    let all = Wanted { dying: true, fusion: true, host_steps: true };
    let plan = |text: &str| {
        let module =
            Module::parse(text, "plan.nba").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"));
        Plan::new(&module, all)
    };

    // A ladder of blocks that lead both ways, whose end has many ways to its begin.
    let mut ladder =
        String::from("func @f(%c: bool, %i: i64, %x: tensor<f64>) -> f64 {\n  %a = tensor.neg %x\n  br b0\n");
    let count = 20_000;
    ladder += "b0:\n  %d = tensor.add %a, 1.0\n  br_if %c, b1, b1\n";
    for n in 1..count {
        let _ = writeln!(ladder, "b{n}:\n  br_if %c, b{}, b{}", n - 1, n + 1);
    }
    let _ = writeln!(
        ladder,
        "b{count}:\n  switch %i, [{}], done\ndone:\n  ret 0.0\n}}",
        vec!["b0"; 20_000].join(", ")
    );
    plan(&ladder);

    // Parameters that are kept one after the other.
    let params = |n: usize| (0..n).map(|p| format!("%p{p}: tensor<f64>")).collect::<Vec<_>>().join(", ");
    let rotated = (0..200).map(|p| format!("%p{}", (p + 1) % 200)).collect::<Vec<_>>().join(", ");
    let mut calls = format!(
        "func @f0({}, %l: list<tensor<f64>>) {{\n  list.set %l, 0, %p0\n  call @f0({rotated}, %l)\n  %a = tensor.neg %p0\n  %b = tensor.neg %a\n  ret\n}}\n",
        params(200)
    );
    for n in 1..400 {
        let _ = writeln!(
            calls,
            "func @f{n}({}, %l: list<tensor<f64>>) {{\n  call @f{}({rotated}, %l)\n  ret\n}}",
            params(200),
            n - 1
        );
    }
    plan(&calls);

    // Deep loops with many ways back to the outermost, and loads of many tensors in the innermost.
    let (depth, ways, tensors) = (200, 400, 200);
    let mut nest = format!("func @f({}, %c: bool) -> f64 {{\n  br h0\n", params(tensors));
    for d in 0..depth {
        let _ = writeln!(nest, "h{d}:\n  br_if %c, h{}, l{d}", d + 1);
    }
    let _ = writeln!(nest, "h{depth}:");
    for t in 0..tensors {
        let _ = writeln!(nest, "  %v = tensor.load %p{t}, 0");
    }
    let _ = writeln!(nest, "  br w0");
    for w in 0..ways {
        let _ = writeln!(nest, "w{w}:\n  br_if %c, h0, w{}", w + 1);
    }
    let _ = writeln!(nest, "w{ways}:\n  br h{depth}");
    for d in (0..depth).rev() {
        let to = if d == 0 { "done".to_owned() } else { format!("h{}", d - 1) };
        let _ = writeln!(nest, "l{d}:\n  br_if %c, h{d}, {}", if d == 0 { "done" } else { &to });
    }
    nest += "done:\n  ret 0.0\n}\n";
    plan(&nest);

    // A loop with many ways in: its steps are not made on each of them.
    let mut many = format!("func @f({}, %i: i64, %c: bool) -> f64 {{\n  switch %i, [", params(100));
    many += &(0..2000).map(|n| format!("e{n}")).collect::<Vec<_>>().join(", ");
    many += "], done\n";
    for n in 0..2000 {
        let _ = writeln!(many, "e{n}:\n  br top");
    }
    many += "top:\n";
    for t in 0..100 {
        let _ = writeln!(many, "  %v = tensor.load %p{t}, 0");
    }
    many += "  br_if %c, top, done\ndone:\n  ret 0.0\n}\n";
    let plan = plan(&many);
    let steps: usize = (0..2003)
        .map(|b| (0..101).map(|i| plan.host_steps(FuncId::new(0), b, i).count()).sum::<usize>())
        .sum();
    assert_eq!(steps, 100, "where the elements are read");
}
