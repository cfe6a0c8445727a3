//! What lowering finds out about a function before it begins.

use super::About;
use super::control::counts_rarely;
use super::effort::Effort;
use super::leftovers::has_leftovers;
use super::phis::Phis;
use crate::midend::{self, Options};
use crate::mir::{self, Func};
use nbc_ir::flow::{Cfg, Dominators, Loops};
use nbc_ir::{FuncId, Module};

/// Calls `ask` with the first function of `text` as the mid-end leaves it.
fn about<R>(text: &str, ask: impl FnOnce(&Func, &Cfg, &Loops, &Phis) -> R) -> R {
    let module = Module::parse(text, "test").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"));
    let mut func = mir::build(&module, FuncId::new(module.imports.len()));
    midend::run(&mut func, &module, &Options::default(), false, &mut |_, _| {});
    let cfg = func.graph();
    let doms = Dominators::new(&cfg);
    let loops = Loops::new(&cfg, &doms);
    let phis = Phis::new(&func, &cfg, &doms).expect("few values");
    ask(&func, &cfg, &loops, &phis)
}

/// A loop that counts to `%n`, with `body` in it.
fn counting(body: &str) -> String {
    format!(
        "export func @f(%n: i64, %k: i64) -> i64 {{
  %i = i64.const 0
  %s = i64.const 1
  br head
head:
{body}
  %i = i64.add %i, 1
  %c = i64.lt %i, %n
  br_if %c, head, done
done:
  ret %s
}}
"
    )
}

fn leaves_something(body: &str) -> bool {
    about(&counting(body), has_leftovers)
}

#[test]
fn arithmetic_leaves_nothing() {
    for body in [
        "  %s = i64.add %s, %i",
        "  %s = i64.mul %s, 8\n  %s = i64.xor %s, %i",
        "  %t = i64.div %s, %i\n  %s = i64.add %s, %t",
        "  %x = f64.from_i64 %i\n  %x = f64.mul %x, 0.5\n  %t = i64.sat_f64 %x\n  %s = i64.add %s, %t",
        "  %s = call @f(%s, %i)",
        "  %c = i64.gt %s, 9\n  %s = select %c, %i, %s",
    ] {
        assert!(!leaves_something(body), "{body}");
    }
}

#[test]
fn what_can_be_better_is_left() {
    for body in [
        // By multiplication and shifts.
        "  %s = i64.div %s, 10\n  %s = i64.add %s, %i",
        "  %s = i64.rem_u %s, 16\n  %s = i64.add %s, %i",
        // In 32 bits.
        "  %s = i64.mul %s, %i\n  %s = i64.and %s, 0xffffffff",
        "  %a = i32.wrap_i64 %s\n  %t = i64.extend_i32 %a\n  %s = i64.add %t, %i",
        // A rotation.
        "  %a = i64.shl %s, 7\n  %b = i64.shr_u %s, 57\n  %s = i64.or %a, %b",
        // The same in each iteration.
        "  %t = i64.mul %k, %n\n  %s = i64.add %s, %t",
    ] {
        assert!(leaves_something(body), "{body}");
    }
    let access = "export func @f(%x: tensor<f64>) -> f64 {\n  %y = tensor.load %x, 3\n  ret %y\n}\n";
    assert!(about(access, has_leftovers));
}

#[test]
fn a_budget_that_changes_rarely_stays_in_memory() {
    let rarely = |text: &str| about(text, |func, cfg, loops, _| counts_rarely(func, cfg, loops));
    // Paid in chunks; not at all; and once a call.
    assert!(rarely(&counting("  %s = i64.add %s, %i")));
    assert!(rarely("export func @f(%x: i64) -> i64 {\n  %x = i64.add %x, 1\n  ret %x\n}\n"));
    assert!(rarely(
        "export func @f(%x: i64) -> i64 {
  %c = i64.lt %x, 2
  br_if %c, end, more
end:
  ret %x
more:
  %a = i64.sub %x, 1
  %a = call @f(%a)
  %b = i64.sub %x, 2
  %b = call @f(%b)
  %a = i64.xor %a, %b
  ret %a
}
"
    ));
    // Iteration by iteration: nobody knows how many are to come.
    assert!(!rarely(&counting("  %s = i64.add %s, %i\n  %n = i64.shr %n, 1")));
    assert!(!rarely(
        "export func @f(%x: i64) -> i64 {
  br head
head:
  %x = i64.shr_u %x, 1
  %c = i64.ne %x, 0
  br_if %c, head, done
done:
  ret %x
}
"
    ));
}

/// What code of the first function of `text` is worth, as the mid-end leaves it.
fn effort(text: &str) -> (usize, Effort) {
    let module = Module::parse(text, "test").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"));
    let mut func = mir::build(&module, FuncId::new(0));
    let size = func.size();
    midend::run(&mut func, &module, &Options::default(), false, &mut |_, _| {});
    (size, About::new(&func).map_or(Effort::TooMuch, |about| Effort::of(&func, &about, size)))
}

/// A loop with a switch of so many targets, which go two ways.
fn switching(targets: usize) -> String {
    let list: Vec<&str> = (0..targets).map(|n| ["one", "two"][n % 2]).collect();
    let body = format!(
        "  switch %i, [{}], one
one:
  %s = i64.mul %s, 3
  br next
two:
  %s = i64.xor %s, 5
  br next
next:",
        list.join(", ")
    );
    counting(&body)
}

#[test]
fn items_of_long_lists_count() {
    let size = |targets: usize| effort(&switching(targets)).0;
    assert_eq!(size(8), size(2));
    assert_eq!(size(100), size(2) + 92);
}

#[test]
fn long_lists_and_many_calls_are_too_much() {
    assert_eq!(effort(&switching(5_000)).1, Effort::All);
    assert_eq!(effort(&switching(20_001)).1, Effort::TooMuch);
    let calls = |number: usize| {
        let callee = "func @g(%x: i64) -> i64 {\n  %r = call @g(%x)\n  %s = call @g(%r)\n  ret %s\n}\n";
        counting(&"  %s = call @g(%s)\n".repeat(number)) + callee
    };
    assert_eq!(effort(&calls(100)).1, Effort::All);
    assert_eq!(effort(&calls(12_000)).1, Effort::TooMuch);
}

#[test]
fn registers_are_allocated_in_one_pass_where_much_is_alive() {
    let alive = |number: usize| {
        let made: String = (0..number).map(|n| format!("  %r{n} = i64.add %i, {n}\n")).collect();
        let read: String = (0..number).map(|n| format!("  %s = i64.xor %s, %r{n}\n")).collect();
        counting(&(made + &read))
    };
    assert_eq!(effort(&alive(30)).1, Effort::All);
    assert_eq!(effort(&alive(2_000)).1, Effort::OnePass);
}
