//! Where code that is compiled could fail although each of its instructions is
//! right: the ends of stacks, loops without end of every shape, functions of
//! unusual size or number, programs that come and go while they run. In every
//! way this build can run programs.
//!
//! Full sizes are for optimised builds; a debug build does less of the same.

mod harness;

use harness::Way;
use nbc::ir::builder::{FunctionBuilder, ModuleBuilder};
use nbc::ir::{Module, Type, VerifiedModule};
use nbc::runtime::engine::{Limits, Program};
use nbc::runtime::error::Error;
use nbc::runtime::instance::Instance;
use nbc::runtime::linker::Linker;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Calls without end, in all ways that calls are made.
const DEEP: &str = r#"
export func @ok(%n: i64) -> i64 {
  %i = i64.const 0
  %s = i64.const 0
  br loop
loop:
  %s = i64.add %s, %i
  %i = i64.add %i, 1
  %more = i64.le %i, %n
  br_if %more, loop, done
done:
  ret %s
}

export func @plain(%n: i64) -> i64 {
  %m = i64.add %n, 1
  %r = call @plain(%m)
  %s = i64.add %r, %n
  ret %s
}

export func @last(%n: i64) -> i64 {
  %m = i64.add %n, 1
  %r = call @last(%m)
  ret %r
}

export func @two_by_turns(%n: i64) -> i64 {
  %m = i64.add %n, 1
  %r = call @other_turn(%m)
  ret %r
}

func @other_turn(%n: i64) -> i64 {
  %r = call @two_by_turns(%n)
  %s = i64.xor %r, %n
  ret %s
}

export func @by_reference(%n: i64) -> i64 {
  %f = func.ref @by_reference
  %m = i64.add %n, 1
  %r = call_ref %f(%m)
  ret %r
}

export func @twice(%n: i64) -> i64 {
  %m = i64.add %n, 1
  %a = call @twice(%m)
  %b = call @twice(%m)
  %s = i64.add %a, %b
  ret %s
}

export func @in_a_loop(%n: i64) -> i64 {
  %i = i64.const 0
  %s = i64.const 0
  br loop
loop:
  %m = i64.add %n, %i
  %r = call @in_a_loop(%m)
  %s = i64.add %s, %r
  %i = i64.add %i, 1
  %more = i64.lt %i, 3
  br_if %more, loop, done
done:
  ret %s
}

export func @many_values(%n: i64) -> i64 {
  %a, %b, %c, %d, %e, %x, %y = call @many(%n, %n, %n, 1.0, 2.0, true, 7)
  %s = i64.add %a, %b
  ret %s
}

func @many(%a: i64, %b: i64, %c: i64, %d: f64, %e: f64, %x: bool, %y: i32) -> (i64, i64, i64, f64, f64, bool, i32) {
  %m = i64.add %a, 1
  %a, %b, %c, %d, %e, %x, %y = call @many(%m, %c, %b, %e, %d, %x, %y)
  ret %b, %a, %c, %d, %e, %x, %y
}

export func @in_regions(%n: i64) -> i64 {
  region.begin
  %x = tensor.zeros<f64> [4]
  %m = i64.add %n, 1
  %r = call @in_regions(%m)
  region.end
  ret %r
}

export func @through_map(%n: i64) -> i64 {
  %x = tensor.zeros<f64> [1]
  %f = func.ref @mapped
  %y = tensor.map %x, %f
  ret %n
}

func @mapped(%v: f64) -> f64 {
  %r = call @through_map(1)
  %s = f64.from_i64 %r
  ret %s
}
"#;

const DEEP_NAMES: [&str; 9] = [
    "plain",
    "last",
    "two_by_turns",
    "by_reference",
    "twice",
    "in_a_loop",
    "many_values",
    "in_regions",
    "through_map",
];

/// Loops without end. `@calls` and `@deep` do so by calls that return.
const ENDLESS: &str = r#"
export global @turns: i64 = 0

export func @ok(%n: i64) -> i64 {
  ret %n
}

export func @nothing() {
  br again
again:
  br again
}

export func @counted_far() -> i64 {
  %i = i64.const 0
  br loop
loop:
  %i = i64.add %i, 1
  %more = i64.lt %i, 9223372036854775807
  br_if %more, loop, done
done:
  ret %i
}

export func @counted_wraps() -> i64 {
  %i = i64.const 0
  br head
head:
  %more = i64.le %i, 9223372036854775807
  br_if %more, body, done
body:
  %i = i64.add %i, 3
  br head
done:
  ret %i
}

export func @narrow_wraps() -> i32 {
  %i = i32.const 0
  br head
head:
  %more = i32.le_u %i, -1
  br_if %more, body, done
body:
  %i = i32.add %i, 1
  br head
done:
  ret %i
}

export func @all_there_are() -> i64 {
  %i = i64.const -9223372036854775808
  br loop
loop:
  %i = i64.add %i, 1
  %more = i64.lt %i, 9223372036854775807
  br_if %more, loop, done
done:
  ret %i
}

export func @wraps_soon() -> i64 {
  %i = i64.const 9223372036854775800
  br loop
loop:
  %i = i64.add %i, 1
  %more = i64.le %i, 9223372036854775807
  br_if %more, loop, done
done:
  ret %i
}

global @most: i64 = 9223372036854775807
global @least: i64 = -9223372036854775808
global @one: i64 = 1

export func @wraps_soon_up_to() -> i64 {
  %n = global.get @most
  %i = i64.sub %n, 1000
  br loop
loop:
  %i = i64.add %i, 1
  %more = i64.le %i, %n
  br_if %more, loop, done
done:
  ret %i
}

export func @wraps_soon_downward() -> i64 {
  %n = global.get @least
  %i = i64.add %n, 1000
  br loop
loop:
  %i = i64.sub %i, 2
  %more = i64.ge %i, %n
  br_if %more, loop, done
done:
  ret %i
}

export func @wraps_soon_unsigned() -> i64 {
  %one = global.get @one
  %n = i64.sub 0, %one
  %i = i64.sub %n, 1000
  br loop
loop:
  %i = i64.add %i, 3
  %more = i64.lt_u %i, %n
  br_if %more, loop, done
done:
  ret %i
}

export func @wraps_soon_by_threes() -> i64 {
  %n = global.get @most
  %i = i64.sub %n, 1000
  br loop
loop:
  %i = i64.add %i, 3
  %more = i64.lt %i, %n
  br_if %more, loop, done
done:
  ret %i
}

export func @wraps_soon_by_something() -> i64 {
  %n = global.get @most
  %one = global.get @one
  %by = i64.mul %one, 3
  %i = i64.sub %n, 1000
  br loop
loop:
  %i = i64.add %i, %by
  %more = i64.lt %i, %n
  br_if %more, loop, done
done:
  ret %i
}

export func @wraps_at_once() -> i64 {
  %i = global.get @most
  %n = global.get @one
  br loop
loop:
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, loop, done
done:
  ret %i
}

export func @wraps_at_once_by_something() -> i64 {
  %i = global.get @most
  %n = global.get @one
  br loop
loop:
  %i = i64.add %i, %n
  %more = i64.lt %i, %n
  br_if %more, loop, done
done:
  ret %i
}

export func @begins_beyond() -> i64 {
  %i = i64.const 9223372036854775806
  br loop
loop:
  %i = i64.add %i, 2
  %more = i64.lt %i, 9223372036854775800
  br_if %more, loop, done
done:
  ret %i
}

export func @step_of_zero() -> i64 {
  %x = tensor.zeros<f64> [16]
  %i = i64.const 3
  %s = i64.sub %i, 3
  br head
head:
  %more = i64.lt %i, 16
  br_if %more, body, done
body:
  %v = tensor.load %x, %i
  %v = f64.add %v, 1.0
  tensor.store %x, %i, %v
  %i = i64.add %i, %s
  br head
done:
  ret %i
}

export func @sums_again_and_again() -> f64 {
  %x = tensor.full<f64> [1000], 0.5
  %n = tensor.len %x
  br outer
outer:
  %s = f64.const 0.0
  %i = i64.const 0
  br head
head:
  %more = i64.lt %i, %n
  br_if %more, body, outer_end
body:
  %v = tensor.load %x, %i
  %s = f64.add %s, %v
  %i = i64.add %i, 1
  br head
outer_end:
  %go = f64.ge %s, 0.0
  br_if %go, outer, done
done:
  ret %s
}

export func @copies_again_and_again() {
  %x = tensor.full<f64> [64, 64], 0.5
  %y = tensor.full<f64> [64, 64], 0.25
  br outer
outer:
  %i = i64.const 1
  br rows
rows:
  %j = i64.const 1
  br columns
columns:
  %v = tensor.load2 %x, %i, %j
  tensor.store2 %y, %i, %j, %v
  %j = i64.add %j, 1
  %more = i64.lt %j, 63
  br_if %more, columns, row_end
row_end:
  %i = i64.add %i, 1
  %more = i64.lt %i, 63
  br_if %more, rows, outer
}

export func @while() -> i64 {
  %n = i64.const 27
  br head
head:
  %more = i64.ne %n, 0
  br_if %more, body, done
body:
  %odd = i64.and %n, 1
  %is_odd = i64.eq %odd, 1
  br_if %is_odd, up, down
up:
  %n = i64.mul %n, 3
  %n = i64.add %n, 1
  br head
down:
  %n = i64.shr_u %n, 1
  br head
done:
  ret %n
}

export func @irreducible() -> i64 {
  %i = i64.const 0
  %c = i64.lt %i, 1
  br_if %c, left, right
left:
  %i = i64.add %i, 1
  br right
right:
  %i = i64.xor %i, 5
  br left
}

export func @two_latches() -> i64 {
  %i = i64.const 0
  br head
head:
  %i = i64.add %i, 1
  %odd = i64.and %i, 1
  %c = i64.eq %odd, 0
  br_if %c, head, other
other:
  %i = i64.add %i, 2
  br head
}

export func @switching() {
  %i = i64.const 0
  br again
again:
  switch %i, [a, b], again
a:
  %i = i64.const 1
  br again
b:
  %i = i64.const 0
  br again
}

export func @tells() {
  br again
again:
  %n = global.get @turns
  %n = i64.add %n, 1
  global.set @turns, %n
  br again
}

export func @calls() -> i64 {
  %s = i64.const 0
  br again
again:
  %s = call @leaf(%s)
  br again
}

func @leaf(%n: i64) -> i64 {
  %m = i64.add %n, 1
  ret %m
}

export func @deep() -> i64 {
  br again
again:
  %s = call @fib(40)
  br again
}

func @fib(%n: i64) -> i64 {
  %c = i64.lt %n, 2
  br_if %c, one, two
one:
  ret %n
two:
  %m = i64.sub %n, 1
  %a = call @fib(%m)
  %m = i64.sub %n, 2
  %b = call @fib(%m)
  %s = i64.add %a, %b
  ret %s
}

export func @references() -> i64 {
  %f = func.ref @leaf
  %s = i64.const 0
  br again
again:
  %s = call_ref %f(%s)
  br again
}

export func @regions() {
  br again
again:
  region.begin
  %x = tensor.zeros<f64> [10]
  %v = tensor.load %x, 3
  region.end
  br again
}
"#;

const ENDLESS_NAMES: [&str; 26] = [
    "nothing",
    "all_there_are",
    "wraps_soon",
    "wraps_soon_up_to",
    "wraps_soon_downward",
    "wraps_soon_unsigned",
    "wraps_soon_by_threes",
    "wraps_soon_by_something",
    "wraps_at_once",
    "wraps_at_once_by_something",
    "begins_beyond",
    "counted_far",
    "counted_wraps",
    "narrow_wraps",
    "step_of_zero",
    "sums_again_and_again",
    "copies_again_and_again",
    "while",
    "irreducible",
    "two_latches",
    "switching",
    "tells",
    "calls",
    "deep",
    "references",
    "regions",
];

fn verified(text: &str) -> VerifiedModule {
    Module::parse(text, "edges.nba").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"))
}

/// No limit but those a test sets.
fn wide(way: Way) -> Limits {
    Limits { fuel: way.metered.then_some(harness::PLENTY), ..Limits::default() }
}

fn instance(program: &Program, limits: Limits) -> Instance {
    Linker::new().instantiate_with(program, limits).unwrap()
}

#[track_caller]
fn code(result: Result<Vec<Value>, Error>) -> TrapCode {
    match result {
        Ok(values) => panic!("expected a trap, found {values:?}"),
        Err(e) => e.trap().unwrap_or_else(|| panic!("expected a trap, found {e}")).code(),
    }
}

#[track_caller]
fn is_usable(instance: &mut Instance) {
    if instance.fuel().is_some() {
        instance.set_fuel(harness::PLENTY);
    }
    assert!(instance.memory().regions.iter().all(|r| r.live == 0 && r.buffers == 0), "objects are left");
    instance.call("ok", &[Value::I64(10)]).unwrap_or_else(|e| panic!("not usable any more: {e}"));
}

/// Runs `f` on a thread with that much native stack.
fn on_a_stack<R: Send>(size: usize, f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(size).spawn_scoped(scope, f).expect("a thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn calls_without_end_trap_on_any_native_stack() {
    let module = verified(DEEP);
    let (natives, stacks) = match cfg!(debug_assertions) {
        true => (&[128 << 10, 1 << 20][..], &[16 << 10, 2 << 20][..]),
        false => {
            (&[128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20][..], &[16 << 10, 256 << 10, 8 << 20][..])
        }
    };
    for way in Way::all() {
        let program = harness::load(&module, way);
        for &native in natives {
            for &stack in stacks {
                let mut instance = instance(&program, Limits { stack, ..wide(way) });
                on_a_stack(native, move || {
                    // Operations in operations take native stack, much of it when not optimised.
                    let small = native < if cfg!(debug_assertions) { 1 << 20 } else { 256 << 10 };
                    for name in DEEP_NAMES.into_iter().filter(|n| !small || *n != "through_map") {
                        let error = instance.call(name, &[Value::I64(0)]).unwrap_err();
                        let trap = error.trap().unwrap_or_else(|| panic!("{error}"));
                        let what =
                            format!("{name} ({way}), {native} bytes of native stack, {stack} of its own");
                        assert_eq!(trap.code(), TrapCode::StackOverflow, "{what}");
                        assert!(!trap.frames.is_empty(), "{what}");
                        assert!(trap.frames.len() <= 64, "{what}");
                        is_usable(&mut instance);
                    }
                });
            }
        }
    }
}

#[test]
fn an_instance_goes_from_a_large_native_stack_to_a_small_one() {
    let module = verified(DEEP);
    let names = match cfg!(debug_assertions) {
        true => &["many_values"][..],
        false => &["plain", "many_values", "by_reference"][..],
    };
    for way in Way::all() {
        let program = harness::load(&module, way);
        let mut instance = instance(&program, wide(way));
        for native in [8 << 20, 128 << 10, 2 << 20, 256 << 10, 64 << 20, 128 << 10] {
            instance = on_a_stack(native, move || {
                for &name in names {
                    let found = code(instance.call(name, &[Value::I64(0)]));
                    assert_eq!(found, TrapCode::StackOverflow, "{name} ({way}), {native} bytes");
                }
                is_usable(&mut instance);
                instance
            });
        }
    }
}

#[test]
fn calls_go_as_deep_as_the_stack_allows() {
    let text = "export func @down(%n: i64) -> i64 {\n  %more = i64.gt %n, 0\n  br_if %more, on, done\non:\n  \
                %m = i64.sub %n, 1\n  %r = call @down(%m)\n  %s = i64.add %r, 1\n  ret %s\ndone:\n  ret 0\n}\n";
    let module = verified(text);
    for way in Way::all() {
        let program = harness::load(&module, way);
        // 100 bytes a call, whoever makes it.
        for depth in [100, 10_000, 100_000i64] {
            let limits = Limits { stack: depth as usize * 100 + 65_536, ..wide(way) };
            let mut instance = instance(&program, limits);
            let result = instance.call("down", &[Value::I64(depth)]);
            match result {
                Ok(values) => assert!(matches!(values[..], [Value::I64(n)] if n == depth)),
                Err(e) => panic!("{depth} calls ({way}): {e}"),
            }
        }
    }
}

#[test]
fn fuel_ends_any_loop_at_the_same_place() {
    let module = verified(ENDLESS);
    for name in ENDLESS_NAMES {
        for fuel in [0, 1, 2, 3, 5, 10, 100, 101, 102, 103, 1000, 4095, 4096, 4097, 4099, 20_011, 50_000] {
            let mut first: Option<harness::Outcome> = None;
            for way in Way::all().filter(|w| w.metered) {
                let limits = Limits { fuel: Some(fuel), ..Limits::default() };
                let outcome = harness::call(&harness::load(&module, way), name, &[], limits);
                assert_eq!(outcome.trap(), Some(TrapCode::OutOfFuel), "{name} ({way}) with {fuel}");
                if let Some(first) = &first {
                    let difference = harness::difference(first, &outcome);
                    assert!(difference.is_none(), "{name} ({way}) with {fuel}: {difference:?}");
                }
                first.get_or_insert(outcome);
            }
        }
    }
}

#[test]
fn time_ends_any_loop() {
    let module = verified(ENDLESS);
    for way in Way::all() {
        let program = harness::load(&module, way);
        let timeout = Duration::from_millis(15);
        let mut instance = instance(&program, Limits { timeout: Some(timeout), ..wide(way) });
        for name in ENDLESS_NAMES {
            let start = Instant::now();
            assert_eq!(code(instance.call(name, &[])), TrapCode::Timeout, "{name} ({way})");
            assert!(start.elapsed() >= timeout, "{name} ({way}) stopped early");
            is_usable(&mut instance);
        }
    }
}

/// How often a loop may go on for longer, should others keep the machine busy.
const TRIES: usize = 50;

/// Interrupts a call after a while; the time it goes on.
fn interrupted(program: &Program, way: Way, name: &'static str) -> Duration {
    let mut instance = instance(program, wide(way));
    let handle = instance.interrupt_handle();
    let (started, has_started) = mpsc::channel();
    let runner = std::thread::spawn(move || {
        started.send(()).unwrap();
        assert_eq!(code(instance.call(name, &[])), TrapCode::Interrupted, "{name} ({way})");
        let end = Instant::now();
        is_usable(&mut instance);
        end
    });
    has_started.recv().unwrap();
    std::thread::sleep(Duration::from_millis(8));
    let start = Instant::now();
    handle.interrupt();
    runner.join().unwrap().saturating_duration_since(start)
}

#[test]
fn interruption_ends_any_loop_within_ten_milliseconds() {
    let module = verified(ENDLESS);
    // Unoptimised, this only says that it ends.
    let enough = Duration::from_millis(if cfg!(debug_assertions) { 5000 } else { 10 });
    for way in Way::all() {
        let program = harness::load(&module, way);
        for name in ENDLESS_NAMES {
            // The machine may be busy with other things, for long.
            let mut tries = (0..TRIES).map(|_| interrupted(&program, way, name));
            assert!(tries.any(|t| t < enough), "{name} ({way}) went on for longer, {TRIES} times");
        }
    }
}

/// A function of that many blocks: `n` goes through all of them, and is changed
/// in each.
fn long_function(blocks: usize) -> Module {
    let mut m = ModuleBuilder::new();
    let mut f = m.export("long", [Type::I64], [Type::I64]);
    let (n, sum) = (f.param(0), f.var("sum", 0i64));
    let (head, done) = (f.block(), f.block());
    f.br(head);
    f.switch_to(head);
    let mut near = head;
    for at in 0..blocks {
        let next = f.block();
        f.to(sum).i64_add(sum, n);
        match at % 5 {
            0 => {
                let cond = f.i64_gt(sum, at as i64);
                f.br_if(cond, next, done);
            }
            1 => {
                f.to(sum).i64_xor(sum, at as i64);
                f.br(next);
            }
            // Back a little, hardly ever.
            2 => {
                let cond = f.i64_eq(sum, -7i64);
                f.br_if(cond, near, next);
            }
            3 => f.switch(n, [done, done, next], next),
            _ => f.br(next),
        }
        if at % 64 == 0 {
            near = next;
        }
        f.switch_to(next);
    }
    f.br(done);
    f.switch_to(done);
    f.ret(sum);
    m.finish()
}

#[test]
fn functions_of_a_hundred_thousand_blocks_run() {
    let blocks = if cfg!(debug_assertions) { 3000 } else { 100_000 };
    let module = long_function(blocks).verify().unwrap_or_else(|e| panic!("{e}"));
    let calls = [1i64, 5, 2, 0].map(|n| ("long".to_owned(), vec![Value::I64(n)])).to_vec();
    let script = harness::agree::Script {
        calls,
        fuel: harness::PLENTY,
        memory: 1 << 20,
        stack: 16 << 20,
        may_fail: true,
    };
    let ways: Vec<Way> = Way::all().collect();
    let outcomes = harness::agree::agree(&module, &script, &ways).unwrap_or_else(|d| panic!("{d}"));
    assert!(outcomes.iter().all(|o| o.result.is_ok()), "{outcomes:?}");
}

/// Functions of two kinds, and one that calls all of them in a loop.
fn many_functions(number: usize) -> Module {
    let mut m = ModuleBuilder::new();
    let mut all = Vec::new();
    for at in 0..number {
        let func = m.declare(&format!("f{at}"), [Type::I64], [Type::I64]);
        all.push(func);
    }
    for (at, func) in all.iter().enumerate() {
        let mut f: FunctionBuilder<'_> = m.define(*func);
        let n = f.param(0);
        let sum = f.var("sum", at as i64);
        if at % 2 == 0 {
            f.to(sum).i64_mul(sum, n);
        } else {
            f.for_range(0i64, 3i64, |f, i| {
                let x = f.i64_add(n, i);
                f.to(sum).i64_xor(sum, x);
            });
        }
        f.ret(sum);
    }
    let mut f = m.export("all", [Type::I64], [Type::I64]);
    let (turns, sum) = (f.param(0), f.var("sum", 1i64));
    f.for_range(0i64, turns, |f, i| {
        for func in &all {
            let x = f.i64_add(sum, i);
            let r = f.call(*func, x).one();
            f.to(sum).i64_add(sum, r);
        }
    });
    f.ret(sum);
    m.finish()
}

#[test]
fn ten_thousand_functions_are_hot_at_once() {
    let number = if cfg!(debug_assertions) { 200 } else { 10_000 };
    let module = many_functions(number).verify().unwrap_or_else(|e| panic!("{e}"));
    let calls = vec![("all".to_owned(), vec![Value::I64(3)]); 2];
    let script = harness::agree::Script {
        calls,
        fuel: harness::PLENTY,
        memory: 1 << 20,
        stack: 16 << 20,
        may_fail: true,
    };
    let ways: Vec<Way> = Way::all().collect();
    let outcomes = harness::agree::agree(&module, &script, &ways).unwrap_or_else(|d| panic!("{d}"));
    assert!(outcomes.iter().all(|o| o.result.is_ok()), "{outcomes:?}");
}

#[test]
fn a_program_is_dropped_while_it_runs_elsewhere() {
    let module = verified(ENDLESS);
    let rounds = if cfg!(debug_assertions) { 2 } else { 5 };
    for way in Way::all() {
        for round in 0..rounds {
            for name in ["sums_again_and_again", "calls", "deep"] {
                let program = harness::load(&module, way);
                let mut instance = instance(&program, wide(way));
                let handle = instance.interrupt_handle();
                let runner = std::thread::spawn(move || code(instance.call(name, &[])));
                // Sometimes before it runs, sometimes while it may be compiled.
                std::thread::sleep(Duration::from_micros(300 * round));
                drop(program);
                std::thread::sleep(Duration::from_millis(2));
                handle.interrupt();
                assert_eq!(runner.join().unwrap(), TrapCode::Interrupted, "{name} ({way})");
            }
        }
    }
}

#[test]
fn sixty_four_instances_run_on_two_threads() {
    let module = verified(DEEP);
    for way in Way::all() {
        let program = harness::load(&module, way);
        std::thread::scope(|scope| {
            for thread in 0..2i64 {
                let program = &program;
                scope.spawn(move || {
                    let mut all: Vec<Instance> = (0..32).map(|_| instance(program, wide(way))).collect();
                    for round in 0..if cfg!(debug_assertions) { 6 } else { 30i64 } {
                        for (i, instance) in all.iter_mut().enumerate() {
                            let n = thread * 1000 + round * 100 + i as i64;
                            let sum = instance.call("ok", &[Value::I64(n)]).unwrap();
                            assert!(matches!(sum[..], [Value::I64(s)] if s == n * (n + 1) / 2), "{way}");
                            // Some trap in between.
                            if (i as i64 + round) % 16 == 0 {
                                let found = code(instance.call("many_values", &[Value::I64(n)]));
                                assert_eq!(found, TrapCode::StackOverflow, "{way}");
                            }
                        }
                    }
                });
            }
        });
    }
}
