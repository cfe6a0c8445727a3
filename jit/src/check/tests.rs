//! What the checker proves, and what it must not: functions of the bytecode whose
//! accesses are made unchecked, whatever that makes of them.

use super::*;
use crate::mir;
use nbc_ir::{Elem, FuncId, Module, Operand};

/// The first function of `text` with every access by one index unchecked.
fn unchecked_func(text: &str) -> Func {
    let module = Module::parse(text, "test").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"));
    let mut func = mir::build(&module, FuncId(0));
    for b in 0..func.blocks.len() {
        let mut nodes = Vec::new();
        for MirNode { op, origin } in std::mem::take(&mut func.blocks[b].nodes) {
            let (tensor, index) = match op {
                MirOp::Inst(
                    Inst::TensorLoad { x: Operand::Reg(tensor), i, .. }
                    | Inst::TensorStore { x: Operand::Reg(tensor), i, .. },
                ) => (tensor, i),
                op => {
                    nodes.push(MirNode { op, origin });
                    continue;
                }
            };
            let base = func.reg(mir::Ty::Ptr);
            let elem = func.elem(tensor).expect("a tensor");
            let at = Address { base, index, scale: elem.size() as u8, offset: 0 };
            let access = match op {
                MirOp::Inst(Inst::TensorLoad { dst, .. }) => MirOp::Load { dst, elem, at },
                MirOp::Inst(Inst::TensorStore { value, .. }) => MirOp::Store { elem, at, value },
                _ => unreachable!("no access"),
            };
            let data = MirOp::Field { dst: base, tensor, field: Field::Data };
            nodes.extend([data, access].map(|op| MirNode { op, origin }));
        }
        func.blocks[b].nodes = nodes;
    }
    func
}

/// What is missing of the accesses of a function that is in order.
fn missing(func: &Func) -> Vec<Why> {
    mir::check(func).unwrap_or_else(|e| panic!("{e}"));
    let report = run(func);
    assert!(report.accesses > 0);
    report.unproved.iter().map(|u| u.why).collect()
}

fn unproved(text: &str) -> Vec<Why> {
    missing(&unchecked_func(text))
}

/// A loop over `%x` from 0 up, while `test` holds of the counter `%i` and the length `%n`.
fn upward(test: &str) -> String {
    format!(
        "func @f(%x: tensor<f64>, %y: tensor<f64>, %k: i64) -> f64 {{
  %i = copy 0
  %sum = copy 0.0
  %n = tensor.len %x
  %one_more = i64.add %n, 1
  %other = tensor.len %y
  br test
test:
  {test}
  br_if %go, body, done
body:
  %v = tensor.load %x, %i
  %sum = f64.add %sum, %v
  %i = i64.add %i, 1
  br test
done:
  ret %sum
}}"
    )
}

#[test]
fn loops_with_the_right_guard_are_proved() {
    for test in ["%go = i64.lt %i, %n", "%go = i64.lt_u %i, %n", "%go = i64.ne %i, %n"] {
        assert_eq!(unproved(&upward(test)), [], "{test}");
    }
}

#[test]
fn loops_with_another_guard_are_not() {
    for test in [
        "%go = i64.le %i, %n",
        "%go = i64.le_u %i, %n",
        "%go = i64.lt %i, %one_more",
        "%go = i64.lt %i, %other",
        "%go = i64.ne %i, %other",
        "%go = i64.lt %i, %k",
        "%go = i64.gt %i, %n",
        "%go = copy true",
    ] {
        assert_eq!(unproved(&upward(test)), [Why::High], "{test}");
    }
}

/// A loop over `%x` from `start` down, while `test` holds.
fn downward(start: &str, test: &str) -> String {
    format!(
        "func @f(%x: tensor<f64>) -> f64 {{
  %sum = copy 0.0
  %n = tensor.len %x
  %i = {start}
  br test
test:
  {test}
  br_if %go, body, done
body:
  %v = tensor.load %x, %i
  %sum = f64.add %sum, %v
  %i = i64.sub %i, 1
  br test
done:
  ret %sum
}}"
    )
}

#[test]
fn loops_that_go_down() {
    assert_eq!(unproved(&downward("i64.sub %n, 1", "%go = i64.ge %i, 0")), []);
    assert_eq!(unproved(&downward("copy %n", "%go = i64.ge %i, 0")), [Why::High]);
    assert_eq!(unproved(&downward("i64.sub %n, 1", "%go = i64.ge %i, -1")), [Why::Low]);
    assert_eq!(unproved(&downward("i64.sub %n, 1", "%go = i64.ne %i, 7")), [Why::Low]);
    assert_eq!(unproved(&downward("i64.sub %n, 1", "%go = copy true")), [Why::Low]);
}

#[test]
fn a_counter_of_32_bits_may_come_around() {
    let text = |test: &str| {
        format!(
            "func @f(%x: tensor<f64>, %m: i32) -> f64 {{
  %i = copy 0i32
  %sum = copy 0.0
  %n = tensor.len %x
  br test
test:
  %at = i64.extend_i32 %i
  {test}
  br_if %go, body, done
body:
  %v = tensor.load %x, %at
  %sum = f64.add %sum, %v
  %i = i32.add %i, 1i32
  br test
done:
  ret %sum
}}"
        )
    };
    // With 2^31 elements and more, -2^31 comes next after 2^31 - 1.
    assert_eq!(unproved(&text("%go = i64.lt %at, %n")), [Why::Low]);
    assert_eq!(unproved(&text("%go = i64.ne %at, %n")).len(), 1);
    assert_eq!(unproved(&text("%go = i32.lt %i, %m")), [Why::High]);
    assert_eq!(unproved(&text("%go = i64.lt_u %at, %n")), []);
}

/// Each form of an index is equal to it modulo 2^64. Those of which one is not
/// negative and another is below the length say nothing.
#[test]
fn one_form_of_an_index_lies_in_the_tensor() {
    let text = "func @f(%x: tensor<f64>, %a: i64, %b: i64) -> f64 {
  %n = tensor.len %x
  %p = i64.ge %a, 0
  %q = i64.ge %b, 0
  %i = i64.add %a, %b
  %r = i64.lt %i, %n
  %pq = bool.and %p, %q
  %all = bool.and %pq, %r
  br_if %all, good, bad
good:
  %v = tensor.load %x, %i
  ret %v
bad:
  ret 0.0
}";
    // 2^62 and 2^62 pass all the tests, and their sum is -2^63.
    assert_eq!(unproved(text).len(), 1);
}

#[test]
fn an_access_is_as_wide_as_it_is() {
    let mut func = unchecked_func(&upward("%go = i64.lt %i, %n"));
    for node in func.blocks.iter_mut().flat_map(|b| &mut b.nodes) {
        if let MirOp::Load { at, .. } = &mut node.op {
            at.offset = 8;
        }
    }
    assert_eq!(missing(&func), [Why::High]);
    let mut func = unchecked_func(&upward("%go = i64.lt %i, %n"));
    let vector = func.reg(mir::Ty::Vector(mir::Lanes::F64x2));
    let block = func.blocks.iter_mut().find(|b| b.nodes.iter().any(|n| unchecked(&n.op).is_some()));
    let nodes = &mut block.expect("it loads").nodes;
    let n = nodes.iter().position(|n| unchecked(&n.op).is_some()).expect("it loads");
    let Some((at, ..)) = unchecked(&nodes[n].op) else { unreachable!("it loads") };
    let origin = nodes[n].origin;
    nodes.insert(n, MirNode { op: MirOp::LoadVector { dst: vector, at }, origin });
    assert_eq!(missing(&func), [Why::High]);
}

#[test]
fn what_is_written_may_be_written() {
    let text = |test: &str| {
        upward(test)
            .replace("%v = tensor.load %x, %i", "tensor.store %x, %i, 1.0")
            .replace("%sum = f64.add %sum, %v\n", "")
    };
    assert_eq!(unproved(&text("%go = i64.lt %i, %n")), [Why::High]);
}

/// A scale that is no power of two is not what is lowered.
#[test]
fn scales_are_powers_of_two() {
    let mut func = unchecked_func(&upward("%go = i64.lt %i, %n"));
    for node in func.blocks.iter_mut().flat_map(|b| &mut b.nodes) {
        if let MirOp::Load { at, elem, .. } = &mut node.op {
            (at.scale, *elem) = (0, Elem::U8);
        }
    }
    assert_eq!(run(&func).unproved.len(), 1);
}

/// A function that does `before`, and loads if the number of elements `%n` and what it did
/// make `test` say so.
fn guarded(before: &str, test: &str) -> String {
    format!(
        "func @f(%x: tensor<f64>, %a: i64, %b: i64, %c: i32, %d: bool) -> f64 {{
  %n = tensor.len %x
  {before}
  {test}
  br_if %go, good, bad
good:
  %v = tensor.load %x, %i
  ret %v
bad:
  ret 0.0
}}"
    )
}

#[test]
fn arithmetic_at_its_ends_is_not_proved() {
    let cases = [
        // An unsigned remainder by a large number is negative.
        ("%r = i32.rem_u %c, -5i32\n%i = i64.extend_i32 %r", "%go = i64.lt %i, %n"),
        ("%i = i64.rem_u %a, %n", "%go = i64.gt %a, 5"),
        ("%i = i64.rem %a, %n", "%go = i64.gt %n, 5"),
        ("%m = i64.sub %n, 1\n%i = i64.min_u %a, %m", "%go = i64.ge %a, 0"),
        ("%i = i64.min_u %a, %n", "%go = i64.ge %a, 0"),
        ("%i = i64.min %a, 3", "%go = i64.gt %n, 3"),
        ("%i = i64.max %a, 0", "%go = i64.gt %n, 3"),
        ("%i = i64.shr_u %a, 63", "%go = i64.gt %n, 0"),
        ("%i = i64.shr %a, 63", "%go = i64.gt %n, 1"),
        ("%i = i64.and %a, -8", "%go = i64.lt %i, %n"),
        ("%i = i64.and %a, %b", "%go = i64.lt %b, %n"),
        ("%i = i64.div %a, -2", "%go = i64.lt_u %a, %n"),
        ("%i = i64.mul %a, 2", "%go = i64.lt_u %a, %n"),
        ("%i = i64.abs %a", "%go = i64.lt %i, %n"),
        ("%i = i64.neg %a", "%go = i64.le %a, 0"),
        ("%w = i32.wrap_i64 %a\n%i = i64.extend_i32 %w", "%go = i64.lt_u %a, %n"),
        ("%i = i64.extend_i32_u %c", "%e = i64.extend_i32 %c\n%go = i64.lt %e, %n"),
        (
            "%w = i32.add %c, 1i32\n%i = i64.extend_i32 %w",
            "%p = i32.ge %c, 0i32\n%q = i64.lt %i, %n\n%go = bool.and %p, %q",
        ),
        ("%i = select %d, %a, %b", "%go = i64.lt_u %a, %n"),
        ("%i = i64.add %a, 0", "%p = i64.lt_u %a, %n\n%go = bool.or %p, %d"),
        ("%i = i64.add %a, 0", "%p = i64.lt_u %a, %n\n%q = bool.and %p, %d\n%go = bool.not %q"),
        ("%i = i64.shl %a, 3", "%p = i64.ge %a, 0\n%q = i64.lt %i, %n\n%go = bool.and %p, %q"),
        ("%l = i64.and %a, 12\n%r = i64.and %b, 3\n%i = i64.or %l, %r", "%go = i64.gt %n, 14"),
        ("%l = i64.and %a, 15\n%r = i64.and %b, 12\n%i = i64.xor %l, %r", "%go = i64.gt %n, 14"),
        ("%l = i64.and %a, 16\n%r = i64.and %b, 3\n%i = i64.or %l, %r", "%go = i64.gt %n, 18"),
        ("%l = i64.and %a, 12\n%i = i64.or %l, %b", "%go = i64.lt %b, %n"),
        ("%i = i64.or %a, %b", "%p = i64.lt_u %a, %n\n%q = i64.lt_u %b, %n\n%go = bool.and %p, %q"),
        ("%i = i64.xor %a, %b", "%p = i64.lt_u %a, %n\n%q = i64.lt_u %b, %n\n%go = bool.and %p, %q"),
        ("%i = i64.xor %a, %b", "%p = i64.lt %a, 0\n%q = i64.lt %i, %n\n%go = bool.and %p, %q"),
        ("%i = i64.sub %a, 1", "%p = i64.ge %i, -1\n%q = i64.lt %i, %n\n%go = bool.and %p, %q"),
    ];
    for (before, test) in cases {
        assert_eq!(unproved(&guarded(before, test)).len(), 1, "{before}; {test}");
    }
}

/// All natural numbers of few bits.
#[test]
fn what_is_said_of_bits_put_together_is_true() {
    for (a, b) in (0..64).flat_map(|a| (0..64).map(move |b| (a, b))) {
        let [x, y] = [a, b].map(Poly::number);
        for (both, is_or) in [(a | b, true), (a ^ b, false)] {
            for most in [a.max(b), a.max(b) + 1, 63, 64, 1 << 70] {
                let facts = facts::put_together(&x, &y, &Poly::number(both), is_or, most);
                let is_true = |fact: &Poly| fact.as_number().is_some_and(|n| n >= 0);
                assert!(facts.len() >= 2 && facts.iter().all(is_true), "{a}, {b}, {is_or}, {most}");
            }
        }
    }
}

#[test]
fn arithmetic_in_range_is_proved() {
    let cases = [
        ("%i = i64.rem_u %a, %n", "%go = i64.gt %n, 0"),
        ("%i = i64.shr_u %a, 63", "%go = i64.gt %n, 1"),
        ("%i = i64.and %a, 7", "%go = i64.gt %n, 7"),
        ("%i = i64.sub %a, %b", "%go = i64.lt_u %i, %n"),
        ("%i = i64.add %a, 0", "%p = i64.ge_u %a, %n\n%q = bool.or %p, %d\n%go = bool.not %q"),
        ("%l = i64.and %a, 12\n%r = i64.and %b, 3\n%i = i64.or %l, %r", "%go = i64.gt %n, 15"),
        ("%l = i64.and %a, 15\n%r = i64.and %b, 12\n%i = i64.xor %l, %r", "%go = i64.gt %n, 15"),
        ("%l = i64.and %a, 9\n%r = i64.and %b, 8\n%i = i64.or %l, %r", "%go = i64.gt %n, 15"),
        (
            "%i = i64.sub %a, 1",
            "%p = i64.ge %i, 0\n%q = i64.le %i, 70\n%r = bool.and %p, %q\n%s = i64.gt %n, 70\n%go = bool.and %r, %s",
        ),
    ];
    for (before, test) in cases {
        assert_eq!(unproved(&guarded(before, test)), [], "{before}; {test}");
    }
}

/// A function with a loop of which `body` is given, which ends with a way back to `again`
/// or to `done`.
fn looping(body: &str) -> String {
    format!(
        "func @f(%x: tensor<f64>, %y: tensor<f64>, %a: i64, %d: bool, %e: bool) -> f64 {{
  %n = tensor.len %x
  %i = copy 0
  %j = copy 0
  %w = copy 0i32
  %t = copy %x
  %k = copy 0
  br again
again:
  {body}
done:
  ret 0.0
}}"
    )
}

#[test]
fn what_is_of_another_time_is_not_taken_for_now() {
    let cases = [
        // Ways back that add different numbers.
        "%p = i64.ne %i, %n\nbr_if %p, load, done\nload:\n%v = tensor.load %x, %i\nbr_if %d, one, two
one:\n%i = i64.add %i, 1\nbr again\ntwo:\n%i = i64.add %i, 2\nbr again",
        "%p = i64.lt %i, %n\nbr_if %p, load, done\nload:\n%v = tensor.load %x, %i\nbr_if %d, one, two
one:\n%i = i64.add %i, 1\nbr again\ntwo:\n%i = i64.sub %i, 1\nbr again",
        // Two counters that add the same, one of which comes around.
        "%p = i64.lt %i, %n\nbr_if %p, load, done\nload:\n%at = i64.extend_i32 %w\n%v = tensor.load %x, %at
br_if %d, one, two\none:\n%i = i64.add %i, 1\n%w = i32.add %w, 1i32\nbr again
two:\n%i = i64.add %i, 2\n%w = i32.add %w, 2i32\nbr again",
        // An inner loop that is entered again, and a counter that is not set back.
        "%k = copy 0\nbr inner\ninner:\n%p = i64.lt %k, %n\nbr_if %p, load, next\nload:
%v = tensor.load %x, %j\n%j = i64.add %j, 1\n%k = i64.add %k, 1\nbr inner
next:\nbr_if %d, again, done",
        // A length of the tensor that was there before.
        "%m = tensor.len %t\n%p = i64.lt_u %a, %m\n%t = copy %y\nbr_if %p, load, done
load:\n%v = tensor.load %t, %a\nbr again",
        // A test of what the index was before.
        "%p = i64.lt_u %i, %n\n%i = i64.add %i, 1\nbr_if %p, load, done
load:\n%v = tensor.load %x, %i\nbr again",
        // A test that a second way in goes around.
        "br_if %d, test, load\ntest:\n%p = i64.lt_u %i, %n\nbr_if %p, load, done
load:\n%v = tensor.load %x, %i\n%i = i64.add %i, 1\nbr_if %e, test, again",
        // A branch both of whose ways are one.
        "%p = i64.lt_u %i, %n\nbr_if %p, load, load
load:\n%v = tensor.load %x, %i\n%i = i64.add %i, 1\nbr again",
        // Passed at the end of an iteration, but not before the first.
        "br load\nload:\n%v = tensor.load %x, %i\n%i = i64.add %i, 1\n%p = i64.lt %i, %n\nbr_if %p, again, done",
    ];
    for body in cases {
        assert_eq!(unproved(&looping(body)).len(), 1, "{body}");
    }
}

/// An inner loop that begins where the outer one is, and tests at its end: what is kept of
/// it rests on what is assumed of the outer one, which `test` keeps or does not.
#[test]
fn what_rests_on_an_assumption_goes_with_it() {
    let text = |test: &str| {
        format!(
            "func @f(%x: tensor<f64>) -> f64 {{
  %n = tensor.len %x
  %k = copy 0
  %any = i64.gt %n, 0
  br_if %any, outer, done
outer:
  %j = copy %k
  br inner
inner:
  %v = tensor.load %x, %j
  %j = i64.add %j, 1
  %p = i64.lt %j, %n
  br_if %p, inner, next
next:
  %k = i64.add %k, 1
  {test}
  br_if %q, outer, done
done:
  ret 0.0
}}"
        )
    };
    assert_eq!(unproved(&text("%q = i64.lt %k, %n")), []);
    for test in ["%q = i64.le %k, %n", "%q = i64.ne %k, -1", "%q = copy true"] {
        assert_eq!(unproved(&text(test)), [Why::High], "{test}");
    }
}

/// Two loops leave a counter at their bound, if they do not go past it.
#[test]
fn where_loops_meet_a_counter_is_at_its_bound() {
    let text = |step: u32| {
        format!(
            "func @f(%x: tensor<f64>, %d: bool) -> f64 {{
  %n = tensor.len %x
  %i = copy 0
  %any = i64.gt %n, 0
  br_if %any, start, bad
start:
  br_if %d, one, two
one:
  %i = i64.add %i, 1
  %p = i64.lt %i, %n
  br_if %p, one, met
two:
  %i = i64.add %i, {step}
  %q = i64.lt %i, %n
  br_if %q, two, met
met:
  %j = i64.sub %i, 1
  %v = tensor.load %x, %j
  ret %v
bad:
  ret 0.0
}}"
        )
    };
    assert_eq!(unproved(&text(1)), []);
    assert_eq!(unproved(&text(2)), [Why::High]);
}

/// Two counters meet themselves as they were before a loop, and go on together, if
/// the loop has added the same to both.
#[test]
fn counters_that_meet_stay_together() {
    let text = |step: u32| {
        format!(
            "func @f(%x: tensor<f64>, %b: i64, %d: bool) -> f64 {{
  %n = tensor.len %x
  %i = copy 0
  %k = copy 0
  br_if %d, one, met
one:
  %i = i64.add %i, 1
  %k = i64.add %k, {step}
  %p = i64.ne %i, %b
  br_if %p, one, met
met:
  br again
again:
  %q = i64.lt_u %i, %n
  br_if %q, body, done
body:
  %v = tensor.load %x, %k
  %i = i64.add %i, 1
  %k = i64.add %k, 1
  br again
done:
  ret 0.0
}}"
        )
    };
    assert_eq!(unproved(&text(1)), []);
    assert_eq!(unproved(&text(2)).len(), 1);
}

/// A matrix of no more rows than columns, and its diagonal.
#[test]
fn a_sum_that_passed_a_test_has_not_wrapped() {
    let before = "%r = tensor.rank %x\n%d0 = tensor.dim %x, 0\n%d1 = tensor.dim %x, 1
%m = i64.add %d1, 1\n%w = i64.mul %a, %d1\n%i = i64.add %w, %a";
    let test = |is_less: &str| {
        format!(
            "%p = i64.eq %r, 2\n%q = i64.lt_u %a, %d0\n%s = {is_less}\n%t = bool.and %p, %q\n%go = bool.and %t, %s"
        )
    };
    assert_eq!(unproved(&guarded(before, &test("i64.lt %d0, %m"))), []);
    for is_less in ["i64.le %d0, %m", "i64.ne %d0, %m", "i64.gt %d0, %m", "i64.lt %d1, %m"] {
        assert_eq!(unproved(&guarded(before, &test(is_less))).len(), 1, "{is_less}");
    }
}

/// A test of a difference says more once that is known not to have wrapped.
#[test]
fn tests_are_looked_at_again() {
    let before = "%m = i64.add %a, -1\n%p = i64.gt %m, %b\nbr_if %p, mid, bad\nmid:
%q = i64.ge %b, 0\n%s = i64.add %a, 576460752303423487\n%t = i64.lt_u %s, 1152921504606846975
%i = i64.add %b, 1\n%l = i64.le %a, %n";
    let test = |also: &str| format!("%u = bool.and %q, {also}\n%go = bool.and %u, %l");
    assert_eq!(unproved(&guarded(before, &test("%t"))), []);
    // The least number less one is the greatest.
    assert_eq!(unproved(&guarded(before, &test("%d"))).len(), 1);
}

/// A loop that is taken over counts from anywhere: its guard takes the last index from how
/// often it turns.
#[test]
fn a_guard_of_the_last_index_is_a_guard_of_all() {
    let text = |least: &str, most: &str, guard: &str, step: u32, end: u32| {
        format!(
            "func @f(%x: tensor<f64>, %a: i64) -> f64 {{
  %n = tensor.len %x
  %p = i64.ge %a, {least}
  %q = i64.le %a, {most}
  %left = i64.sub 99, %a
  %turns = i64.div_u %left, 7
  %far = i64.mul %turns, 7
  %last = i64.add %a, %far
  %r = {guard}
  %pq = bool.and %p, %q
  %go = bool.and %pq, %r
  br_if %go, start, done
start:
  br again
again:
  %v = tensor.load %x, %a
  %a = i64.add %a, {step}
  %c = i64.lt %a, {end}
  br_if %c, again, done
done:
  ret 0.0
}}"
        )
    };
    let less = "i64.lt %last, %n";
    assert_eq!(unproved(&text("0", "99", less, 7, 100)), []);
    assert_eq!(unproved(&text("-1", "99", less, 7, 100)), [Why::Low]);
    // 200 and 7 times what -101 is as an unsigned number over 7 is less than 100.
    assert_eq!(unproved(&text("0", "200", less, 7, 100)), [Why::High]);
    assert_eq!(unproved(&text("0", "99", "i64.le %last, %n", 7, 100)), [Why::High]);
    // 0 and 9 times 11 is 99, and 98 is all that is asked of.
    assert_eq!(unproved(&text("0", "99", less, 9, 100)), [Why::High]);
    // 2 and 7 times 14 is 100.
    assert_eq!(unproved(&text("0", "99", less, 7, 101)), [Why::High]);
}

/// A length that is bounded by a part of itself: what says so leads around in a circle.
#[test]
fn a_length_and_its_quotient() {
    let before = "%t = i64.div_u %n, 8\n%m = i64.mul %t, 9\n%i = copy %a";
    let test = "%q = i64.ge %n, %m\n%p = i64.lt_u %a, %m\n%s = i64.lt %t, 1000\n%r = bool.and %p, %s\n";
    assert_eq!(unproved(&guarded(before, &format!("{test}%go = bool.and %r, true"))), [Why::High]);
}

/// A loop that counts down to 1 by parts, as loops that pay for their fuel do: a part ends at
/// `to` where that is `far`, and else at `last`.
#[test]
fn a_loop_that_counts_down_by_parts() {
    let text = |least: u32, most: &str, far: &str, to: i32, last: u32| {
        format!(
            "func @f(%x: tensor<f64>, %r: i64) -> f64 {{
  %n = tensor.len %x
  %p = i64.ge %r, {least}
  %q = i64.le %r, {most}
  %go = bool.and %p, %q
  br_if %go, start, done
start:
  br part
part:
  %left = i64.sub %r, 1
  %is_far = {far}
  %to = i64.sub %r, {to}
  %near = select %is_far, %to, {last}
  br body
body:
  %r = i64.sub %r, 1
  %v = tensor.load %x, %r
  %c = i64.ne %r, %near
  br_if %c, body, next
next:
  %d = i64.ne %r, 1
  br_if %d, part, done
done:
  ret 0.0
}}"
        )
    };
    let far = "i64.ge_u %left, 16";
    assert_eq!(unproved(&text(2, "%n", far, 16, 1)), []);
    assert_eq!(unproved(&text(2, "%n", far, 7, 1)), []);
    assert_eq!(unproved(&text(2, "1000", far, 16, 1)), [Why::High]);
    // From 1 down there is no end.
    assert_eq!(unproved(&text(1, "%n", far, 16, 1)), [Why::Low]);
    // A part that goes on to 0 is not the last.
    assert_eq!(unproved(&text(2, "%n", far, 16, 0)), [Why::Low]);
    assert_eq!(unproved(&text(2, "%n", far, 17, 1)), [Why::Low]);
    assert_eq!(unproved(&text(2, "%n", "i64.ge_u %left, 15", 16, 1)), [Why::Low]);
    // A part of nothing comes all the way around.
    assert_eq!(unproved(&text(2, "%n", far, 0, 1)), [Why::Low]);
}

/// Two counters of a loop in which others meet: the second is one ahead if it always is.
#[test]
fn counters_of_a_loop_in_which_some_meet_stay_together() {
    let text = |start: &str, inner: &str, outer: &str, at: &str| {
        format!(
            "func @f(%x: tensor<f64>, %d: bool) -> f64 {{
  %n = tensor.len %x
  %m = i64.sub %n, 1
  %i = copy 0
  %j = {start}
  br again
again:
  %p = i64.lt %i, %m
  br_if %p, begin, done
begin:
  br_if %d, fast, met
fast:
  %i = i64.add %i, 1
  %j = {inner}
  %q = i64.lt %i, %m
  br_if %q, fast, met
met:
  %s = i64.lt %i, %m
  br_if %s, body, done
body:
  %v = tensor.load %x, {at}
  %k = copy %i
  %was = copy %j
  %i = i64.add %i, 1
  %j = {outer}
  br again
done:
  ret 0.0
}}"
        )
    };
    let (one, two) = ("i64.add %j, 1", "i64.add %j, 2");
    assert_eq!(unproved(&text("copy 1", one, one, "%j")), []);
    assert_eq!(unproved(&text("copy 0", one, one, "%j")), []);
    assert_eq!(unproved(&text("copy 2", one, one, "%j")), [Why::High]);
    assert_eq!(unproved(&text("copy -1", one, one, "%j")), [Why::Low]);
    assert_eq!(unproved(&text("copy 1", two, one, "%j")).len(), 1);
    assert_eq!(unproved(&text("copy 1", one, two, "%j")).len(), 1);
    assert_eq!(unproved(&text("select %d, 1, 2", one, one, "%j")).len(), 1);
    // Each is made of the other: ahead by one, by two, by one.
    let crossed = "i64.add %k, 3\n  %i = copy %was";
    assert_eq!(unproved(&text("copy 1", one, crossed, "%j")).len(), 1);
}
