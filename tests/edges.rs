//! Where code that is compiled could fail although each of its instructions is
//! right: the ends of stacks, loops without end of every shape, functions of
//! unusual size or number, programs that come and go while they run. In every
//! way this build can run programs.
//!
//! Full sizes are for optimised builds; a debug build does less of the same.

use nbc::compare::calls::{Between, Outcome};
use nbc::expectation::PLENTY;
use nbc::ir::builder::{FunctionBuilder, ModuleBuilder};
use nbc::ir::{Module, Type, VerifiedModule};
use nbc::placement::Cores;
use nbc::runtime::engine::{Limits, Program};
use nbc::runtime::error::Error;
use nbc::runtime::instance::Instance;
use nbc::runtime::linker::Linker;
use nbc::runtime::machine::dispatch::Dispatch;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use nbc::{Config, Engine, rayon};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use support::agree::{Script, agree};
use support::call::{call, difference, load};
use support::way::{Tier, Way, When};

/// Calls without end, in all ways that calls are made.
const DEEP: &str = include_str!("edges/deep.nba");

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
const ENDLESS: &str = include_str!("edges/endless.nba");

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
    Limits::new().fuel(way.metered.then_some(PLENTY))
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
        instance.set_fuel(PLENTY);
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
        false => (&[128 << 10, 256 << 10, 2 << 20][..], &[16 << 10, 8 << 20][..]),
    };
    for way in Way::all() {
        let program = load(&module, way);
        for &native in natives {
            for &stack in stacks {
                let mut instance = instance(&program, wide(way).stack(stack));
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
        let program = load(&module, way);
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
        let program = load(&module, way);
        // 100 bytes a call, whoever makes it.
        for depth in [100, 10_000, 100_000i64] {
            let limits = wide(way).stack(depth as usize * 100 + 65_536);
            let mut instance = instance(&program, limits);
            let result = instance.call("down", &[Value::I64(depth)]);
            match result {
                Ok(values) => assert!(matches!(values[..], [Value::I64(n)] if n == depth)),
                Err(e) => panic!("{depth} calls ({way}): {e}"),
            }
        }
    }
}

/// Calls go equally deep in both dispatchers, with fuel and without: the same traps
/// with as many frames left out.
#[test]
fn interpreted_calls_go_equally_deep() {
    let module = verified(DEEP);
    for stack in [4 << 10, (64 << 10) + 8, 1 << 20] {
        for name in DEEP_NAMES {
            let mut first = None;
            for way in Way::all().filter(|w| w.tier == Tier::None) {
                let mut instance = instance(&load(&module, way), wide(way).stack(stack));
                let error = instance.call(name, &[Value::I64(0)]).unwrap_err();
                let trap = error.trap().unwrap_or_else(|| panic!("{error}")).clone();
                assert_eq!(*first.get_or_insert_with(|| trap.clone()), trap, "{name} ({way}), {stack}");
            }
        }
    }
}

/// What `docs/limits.md` says that a call takes.
#[test]
fn calls_take_of_the_stack_what_is_said() {
    // Registers, different literals among the operands, and a function that has as many.
    let functions = [
        (2, 0, "  %r = call @f(%n)\n  ret %r\n"),
        (2, 1, "  %m = i64.add %n, 1\n  %m = call @f(%m)\n  ret %m\n"),
        // A number that is only copied takes no more than its register.
        (
            3,
            2,
            "  %k = i64.const 77\n  %m = i64.mul %n, 3\n  %m = i64.xor %m, 9\n  %m = call @f(%m)\n  ret %m\n",
        ),
        (
            2,
            2,
            "  %m = i64.sub %n, 5\n  %m = i64.mul %m, 3\n  %m = i64.sub %m, 5\n  %m = call @f(%m)\n  ret %m\n",
        ),
    ];
    for (registers, literals, body) in functions {
        let module = verified(&format!("export func @f(%n: i64) -> i64 {{\n{body}}}\n"));
        let stack = 1 << 20;
        for way in Way::all().filter(|w| w.tier == Tier::None) {
            let mut instance = instance(&load(&module, way), wide(way).stack(stack));
            let error = instance.call("f", &[Value::I64(0)]).unwrap_err();
            let trap = error.trap().unwrap_or_else(|| panic!("{error}"));
            let (deep, said) = (trap.frames.len() + trap.omitted, stack / (8 * (registers + literals + 1)));
            // The last calls want some room for what they would call with.
            assert!((said - 10..=said).contains(&deep), "{deep} calls and not {said} ({way}):\n{body}");
        }
    }
}

#[test]
fn fuel_ends_any_loop_at_the_same_place() {
    let module = verified(ENDLESS);
    for name in ENDLESS_NAMES {
        for fuel in [0, 1, 2, 3, 5, 10, 100, 101, 102, 103, 1000, 4095, 4096, 4097, 4099, 20_011, 50_000] {
            let mut first: Option<Outcome> = None;
            for way in Way::all().filter(|w| w.metered) {
                let limits = Limits::new().fuel(fuel);
                let outcome = call(&load(&module, way), name, &[], limits);
                assert_eq!(outcome.trap(), Some(TrapCode::OutOfFuel), "{name} ({way}) with {fuel}");
                if let Some(first) = &first {
                    let difference = difference(first, &outcome, Between::Tiers);
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
        let program = load(&module, way);
        let timeout = Duration::from_millis(15);
        let mut instance = instance(&program, wide(way));
        for name in ENDLESS_NAMES {
            instance.set_timeout(Some(timeout));
            let start = Instant::now();
            assert_eq!(code(instance.call(name, &[])), TrapCode::Timeout, "{name} ({way})");
            assert!(start.elapsed() >= timeout, "{name} ({way}) stopped early");
            // Compiling takes what time it takes.
            instance.set_timeout(None);
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
        let program = load(&module, way);
        for name in ENDLESS_NAMES {
            // The machine may be busy with other things, for long.
            let mut tries = (0..TRIES).map(|_| interrupted(&program, way, name));
            assert!(tries.any(|t| t < enough), "{name} ({way}) went on for longer, {TRIES} times");
        }
    }
}

/// The ways that differ in what a great deal of code means for them: what is
/// compiled is compiled the same in others.
fn some_ways() -> Vec<Way> {
    let chosen = |w: &Way| match w.tier {
        Tier::None => !w.metered,
        Tier::Interpreter => false,
        _ if w.dispatch != Dispatch::default() => false,
        Tier::Jit { when: When::First, passes, .. } => passes || !w.metered,
        Tier::Jit { passes, .. } => passes && !w.metered,
    };
    Way::all().filter(chosen).collect()
}

/// A function of that many blocks: `n` goes through all of them, and changes
/// a sum in each and a product in some; in others it turns a few times.
fn long_function(blocks: usize) -> Module {
    let mut m = ModuleBuilder::new();
    let mut f = m.export("long", [Type::I64], [Type::I64, Type::F64]);
    let (n, sum, product) = (f.param(0), f.var("sum", 0i64), f.var("product", 1.0));
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
                f.to(product).f64_mul(product, 1.0 + 1.0 / (at + 1) as f64);
                f.br(next);
            }
            // Back a little, hardly ever.
            2 => {
                let cond = f.i64_eq(sum, -7i64);
                f.br_if(cond, near, next);
            }
            3 => f.switch(n, [done, done, next], next),
            _ if at % 4 > 0 => f.br(next),
            _ => {
                let odd = f.i64_and(sum, 3i64);
                f.for_range(0i64, odd, |f, i| {
                    f.to(sum).i64_add(sum, i);
                });
                f.br(next);
            }
        }
        if at % 64 == 0 {
            near = next;
        }
        f.switch_to(next);
    }
    f.br(done);
    f.switch_to(done);
    f.ret([sum, product]);
    m.finish()
}

/// Runs one through in some ways.
fn run_long_function(blocks: usize) {
    let module = long_function(blocks).verify().unwrap_or_else(|e| panic!("{e}"));
    let calls = [1i64, 5, 2, 0].map(|n| ("long".to_owned(), vec![Value::I64(n)])).to_vec();
    let script = Script { stack: 16 << 20, may_fail: true, ..Script::new(calls, PLENTY) };
    let outcomes = agree(&module, &script, &some_ways()).unwrap_or_else(|d| panic!("{d}"));
    assert!(outcomes.iter().all(|o| o.result.is_ok()), "{outcomes:?}");
}

#[test]
fn functions_of_a_hundred_thousand_blocks_run() {
    run_long_function(if cfg!(debug_assertions) { 10_000 } else { 100_000 });
}

/// They are compiled, but not as well as short ones.
#[test]
fn functions_of_some_thousand_blocks_run() {
    run_long_function(2_000);
    if !cfg!(debug_assertions) {
        run_long_function(8_000);
    }
}

/// A function that compares with more different numbers than fit a frame.
fn many_numbers(number: usize) -> Module {
    let mut m = ModuleBuilder::new();
    let mut f = m.export("numbers", [Type::I64], [Type::I64]);
    let (n, sum, done) = (f.param(0), f.var("sum", 0i64), f.block());
    for at in 0..number {
        f.to(sum).i64_add(sum, n);
        let (goes_on, next) = (f.i64_gt(sum, at as i64), f.block());
        f.br_if(goes_on, next, done);
        f.switch_to(next);
    }
    f.br(done);
    f.switch_to(done);
    f.ret(sum);
    m.finish()
}

#[test]
fn numbers_that_find_no_room_do_not_get_in_the_way() {
    let module = many_numbers(1500).verify().unwrap_or_else(|e| panic!("{e}"));
    for way in Way::all() {
        let mut instance = instance(&load(&module, way), wide(way));
        let sums = instance.call("numbers", &[Value::I64(3)]).unwrap();
        assert_eq!(sums.as_slice(), [Value::I64(4500)], "{way}");
    }
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
    let script = Script { stack: 16 << 20, may_fail: true, ..Script::new(calls, PLENTY) };
    let outcomes = agree(&module, &script, &some_ways()).unwrap_or_else(|d| panic!("{d}"));
    assert!(outcomes.iter().all(|o| o.result.is_ok()), "{outcomes:?}");
}

#[test]
fn a_program_is_dropped_while_it_runs_elsewhere() {
    let module = verified(ENDLESS);
    let rounds = if cfg!(debug_assertions) { 2 } else { 5 };
    for way in Way::all() {
        for round in 0..rounds {
            for name in ["sums_again_and_again", "calls", "deep"] {
                let program = load(&module, way);
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
        let program = load(&module, way);
        std::thread::scope(|scope| {
            for thread in 0..2i64 {
                let program = &program;
                scope.spawn(move || {
                    let mut all: Vec<Instance> = (0..32).map(|_| instance(program, wide(way))).collect();
                    for round in 0..if cfg!(debug_assertions) { 6 } else { 15i64 } {
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

/// Operations that are large enough for several threads, of each kind that uses them.
const LARGE: &str = "
export func @elementwise() -> f64 {
  %x = tensor.random<f64> [300000], 1
  %x = tensor.sqrt %x
  %sum = tensor.sum %x
  ret %sum
}
export func @product() -> f64 {
  %x = tensor.random<f64> [100, 100], 1
  %x = linalg.matmul %x, %x
  %sum = tensor.sum %x
  ret %sum
}
export func @sorted() -> f64 {
  %x = tensor.random<f64> [50000], 1
  %x, %places = tensor.sort_with_places %x, 0
  %least = tensor.load %x, 0
  ret %least
}
";

/// Whether `call` ends while the threads of `pool` have something else to do.
fn ends_without(pool: &rayon::ThreadPool, call: impl FnOnce() + Send) -> bool {
    let gate = Arc::new(Mutex::new(()));
    std::thread::scope(|scope| {
        let held = gate.lock().unwrap();
        let waiting = gate.clone();
        pool.spawn_broadcast(move |_| drop(waiting.lock()));
        let caller = scope.spawn(call);
        let start = Instant::now();
        let time = Duration::from_secs(1);
        while !caller.is_finished() && start.elapsed() < time {
            std::thread::sleep(Duration::from_millis(1));
        }
        let ended = caller.is_finished();
        drop(held);
        ended
    })
}

#[test]
fn operations_run_on_the_threads_that_the_host_gives() {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    let module = verified(LARGE);
    let program = |config: Config| Engine::new(config.cores(Cores::All)).load(module.clone());
    let (given, two) = (program(Config::new().pool(pool.clone())), program(Config::new().threads(2)));
    for name in ["elementwise", "product", "sorted"] {
        let run = |program: &Program| {
            let mut instance = Linker::new().instantiate(program).unwrap();
            instance.call(name, &[]).unwrap();
        };
        // The first call of an operation may take long in a debug build.
        run(&two);
        assert!(!ends_without(&pool, || run(&given)), "{name} is not run by the pool");
        assert!(ends_without(&pool, || run(&two)), "{name} is run by the pool of somebody else");
        run(&given);
    }
}
