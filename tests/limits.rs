//! What bounds a program: fuel, time, interruption, stack, memory, and host
//! functions that fail. Each is a trap that leaves the instance usable and
//! leaks nothing, in every dispatcher of this build.

use nbc::expectation::PLENTY;
use nbc::ir::Module;
use nbc::runtime::engine::{Engine, Limits, Program};
use nbc::runtime::instance::Instance;
use nbc::runtime::linker::Linker;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use support::call::load;
use support::way::Way;

const PROGRAM: &str = r#"
import func @host.fail(i64) -> i64
import func @host.panic(str)
import func @host.nap(i64)

export func @ok(%n: i64) -> i64 {
  %x = tensor.zeros<i64> [%n]
  %k = tensor.len %x
  %r = i64.add %k, 1
  ret %r
}

export func @shifting(%n: i64, %times: i64) {
  %x = tensor.zeros<f64> [%n]
  br again
again:
  %y = tensor.slice0 %x, 1, %n
  tensor.assign %x, [0], %y
  %times = i64.sub %times, 1
  %more = i64.gt %times, 0
  br_if %more, again, done
done:
  ret
}

export global @name: str = "zero"

export func @renaming(%times: i64) {
  br again
again:
  %s = str.of_i64 %times
  global.set @name, %s
  %times = i64.sub %times, 1
  %more = i64.gt %times, 0
  br_if %more, again, done
done:
  ret
}

export func @empty_loop() {
  br again
again:
  br again
}

export func @counting() -> i64 {
  %i = i64.const 0
  br loop
loop:
  %i = i64.add %i, 1
  %more = i64.ge_u %i, 0
  br_if %more, loop, done
done:
  ret %i
}

export func @straight_calls() {
  br again
again:
  call @leaf()
  br again
}

func @leaf() {
  ret
}

export func @in_regions() {
  br again
again:
  region.begin
  %x = tensor.zeros<f64> [100]
  %y = tensor.add %x, 1.0
  region.end
  br again
}

export func @storing(%x: tensor<f64>) {
  %i = i64.const 0
  br again
again:
  %v = tensor.load %x, 0
  tensor.store %x, 0, %v
  %i = i64.add %i, 1
  br again
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

export func @middling() {
  %x = tensor.zeros<f64> [100000]
  br again
again:
  %s = tensor.sum %x
  br again
}

export func @listing() {
  br again
again:
  region.begin
  %x = list.new 100000, 1.5
  region.end
  br again
}

export func @mapping() {
  %x = tensor.zeros<f64> [20000000]
  %f = func.ref @same
  br again
again:
  region.begin
  %y = tensor.map %x, %f
  region.end
  br again
}

func @same(%x: f64) -> f64 {
  ret %x
}

export func @sines() {
  %x = tensor.zeros<f64> [5000000]
  br again
again:
  region.begin
  %y = tensor.sin %x
  region.end
  br again
}

export func @products() {
  %x = tensor.full<f64> [1000, 1000], 0.5
  br again
again:
  region.begin
  %y = linalg.matmul %x, %x
  region.end
  br again
}

export func @sums() {
  %x = tensor.zeros<f64> [5000000]
  br again
again:
  %s = tensor.sum %x
  br again
}

export func @normals() {
  br again
again:
  region.begin
  %y = tensor.random_normal<f64> [5000000], 1
  region.end
  br again
}

export func @deep(%n: i64) -> i64 {
  %m = i64.add %n, 1
  %r = call @deep(%m)
  %s = i64.add %r, 1
  ret %s
}

export func @down(%n: i64) -> i64 {
  %more = i64.gt %n, 0
  br_if %more, on, done
on:
  %m = i64.sub %n, 1
  %r = call @down(%m)
  %s = i64.add %r, 1
  ret %s
done:
  ret 0
}

export func @deep_with_objects(%n: i64) -> i64 {
  %x = tensor.zeros<f64> [16]
  %m = i64.add %n, 1
  %r = call @deep_with_objects(%m)
  ret %r
}

export func @zeros(%n: i64) -> i64 {
  %x = tensor.zeros<f64> [%n]
  %k = tensor.len %x
  ret %k
}

export func @zeros3(%n: i64) -> i64 {
  %x = tensor.zeros<c128> [%n, %n, %n]
  %k = tensor.len %x
  ret %k
}

export func @line(%n: i64) {
  %x = tensor.linspace<f64> 0.0, 1.0, %n
  ret
}

export func @random(%n: i64) {
  %x = tensor.random<f64> [%n], 1
  ret
}

export func @list(%n: i64) {
  %x = list.new %n, 1.5
  ret
}

export func @doubling() {
  %x = tensor.zeros<f64> [1000]
  br again
again:
  %x = tensor.concat %x, %x, 0
  br again
}

export func @doubling_text() {
  %x = str.of_i64 1234567
  br again
again:
  %x = str.concat %x, %x
  br again
}

export func @piling() {
  br again
again:
  %x = tensor.zeros<f64> [100]
  br again
}

export func @handing_on(%n: i64) -> f64 {
  region.begin
  %a = tensor.zeros<f64> [1000]
  %t = str.of_i64 7
  %l = list.new 2, %a
  %i = i64.const 0
  br again
again:
  %b = tensor.add %a, 1.0
  %a = copy %b
  %t = str.of_i64 %i
  list.set %l, 1, %b
  region.renew keep %a, %t, %l
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, again, done
done:
  %r = tensor.load %a, 999
  region.end
  ret %r
}

export func @broadcasting(%n: i64) {
  %a = tensor.zeros<f64> [%n, 1]
  %b = tensor.zeros<f64> [%n]
  %c = tensor.add %a, %b
  ret
}

export func @fails(%n: i64) -> i64 {
  %x = tensor.zeros<f64> [1000]
  %r = call @host.fail(%n)
  ret %r
}

export func @panics() {
  %x = tensor.zeros<f64> [1000]
  %s = str.of_i64 42
  call @host.panic(%s)
  ret
}

export func @naps(%ms: i64) -> i64 {
  call @host.nap(%ms)
  br again
again:
  br again
}
"#;

fn program(way: Way) -> Program {
    load(&Module::parse(PROGRAM, "limits.nba").and_then(Module::verify).unwrap(), way)
}

fn linker() -> Linker {
    let mut linker = Linker::new();
    linker.func("host.fail", |n: i64| if n < 0 { Err(format!("{n} is negative")) } else { Ok(n * 2) });
    linker.func("host.panic", |text: String| {
        if !text.is_empty() {
            panic!("host function told to panic with {text}");
        }
    });
    linker.func("host.nap", |ms: i64| std::thread::sleep(Duration::from_millis(ms as u64)));
    linker
}

/// No limit but those a test sets.
fn wide(way: Way) -> Limits {
    Limits::new().fuel(way.metered.then_some(PLENTY))
}

fn instance(way: Way, limits: Limits) -> Instance {
    linker().instantiate_with(&program(way), limits).unwrap()
}

/// The instance still works, and no object of the failed call is left.
#[track_caller]
fn is_usable(instance: &mut Instance) {
    if instance.fuel().is_some() {
        instance.set_fuel(PLENTY);
    }
    let held = |i: &Instance| -> Vec<(usize, usize)> {
        i.memory().regions.iter().map(|r| (r.live, r.buffers)).collect()
    };
    let empty = held(instance);
    assert!(empty.iter().all(|(live, buffers)| *live == 0 && *buffers == 0), "objects are left: {empty:?}");
    match instance.call("ok", &[Value::I64(100)]) {
        Ok(values) => assert!(matches!(values[..], [Value::I64(101)])),
        Err(e) => panic!("the instance is not usable any more: {e}"),
    }
}

#[track_caller]
fn ints(of: &[i64]) -> Vec<Value> {
    of.iter().map(|n| Value::I64(*n)).collect()
}

fn code(result: Result<Vec<Value>, nbc::runtime::error::Error>) -> TrapCode {
    match result {
        Ok(values) => panic!("expected a trap, found {values:?}"),
        Err(e) => e.trap().unwrap_or_else(|| panic!("expected a trap, found {e}")).code(),
    }
}

#[test]
fn fuel_is_exact_and_the_same_in_every_dispatcher() {
    let mut seen: Vec<Vec<(String, u64)>> = Vec::new();
    for way in Way::all().filter(|w| w.metered) {
        let program = program(way);
        let mut all = Vec::new();
        for fuel in (0..200).chain([4095, 4096, 4097, 20_000]) {
            let limits = Limits::new().fuel(fuel);
            let mut instance = linker().instantiate_with(&program, limits).unwrap();
            let outcome = match instance.call("down", &[Value::I64(12)]) {
                Ok(values) => format!("{values:?}"),
                Err(e) => e.to_string(),
            };
            let left = instance.fuel().unwrap();
            assert!(left <= fuel);
            all.push((outcome, left));
            is_usable(&mut instance);
        }
        // 12 rounds of the test (2) and the call (4), and a last test and return (1).
        let used: Vec<u64> =
            all.iter().skip(75).take(100).zip(75u64..).map(|((_, left), had)| had - left).collect();
        assert!(used.iter().all(|u| *u == 75), "{used:?}");
        assert!(all[74].0.contains("out_of_fuel"));
        assert!(!all[75].0.contains("out_of_fuel"));
        seen.push(all);
    }
    assert!(seen.windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn without_a_limit_fuel_is_not_counted() {
    let mut instance = instance(Way::reference(false), Limits::default());
    assert_eq!(instance.fuel(), None);
    instance.set_fuel(1);
    assert_eq!(instance.fuel(), None);
    is_usable(&mut instance);
}

/// Programs without end and without objects of note.
const ENDLESS: [&str; 7] =
    ["empty_loop", "counting", "straight_calls", "in_regions", "switching", "middling", "listing"];
/// Programs whose single operations take long.
const LONG: [&str; 5] = ["mapping", "sines", "products", "sums", "normals"];

#[test]
fn a_call_stops_at_its_time_limit() {
    for way in Way::all() {
        let timeout = Duration::from_millis(30);
        let mut instance = instance(way, wide(way).timeout(timeout));
        for name in ENDLESS {
            let start = Instant::now();
            assert_eq!(code(instance.call(name, &[])), TrapCode::Timeout, "{name} ({way})");
            assert!(start.elapsed() >= timeout, "{name} ({way}) stopped early");
            is_usable(&mut instance);
        }
        // Time that a host function takes counts too.
        assert_eq!(code(instance.call("naps", &[Value::I64(40)])), TrapCode::Timeout);
        is_usable(&mut instance);
        // A call that ends in time is not stopped, nor is one without a limit.
        instance.set_timeout(Some(Duration::from_secs(3600)));
        is_usable(&mut instance);
        instance.set_timeout(None);
        is_usable(&mut instance);
    }
}

/// Starts `name`, interrupts it after a while, and gives the time from the
/// interruption to the end of the call.
fn interrupted(way: Way, name: &'static str, before: Duration) -> Duration {
    let mut instance = instance(way, wide(way));
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
    std::thread::sleep(before);
    let start = Instant::now();
    handle.interrupt();
    runner.join().unwrap().saturating_duration_since(start)
}

/// The best of many times: the machine may be busy with other things, for long.
fn best(way: Way, name: &'static str, before: Duration, enough: Duration) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..50 {
        best = best.min(interrupted(way, name, before));
        if best < enough {
            break;
        }
    }
    best
}

#[test]
fn interruption_stops_any_loop_within_ten_milliseconds() {
    for way in Way::all() {
        for name in ENDLESS {
            // Unoptimised, this only says that it ends.
            let enough = Duration::from_millis(if cfg!(debug_assertions) { 5000 } else { 10 });
            let time = best(way, name, Duration::from_millis(5), enough);
            assert!(time < enough, "{name} ({way}) went on for {time:?}");
        }
    }
}

#[test]
fn interruption_stops_long_operations_within_fifty_milliseconds() {
    // Unoptimised kernels take a hundred times as long between two looks, so a
    // debug build only shows that they look at all.
    let enough = Duration::from_millis(if cfg!(debug_assertions) { 30_000 } else { 50 });
    for way in Way::all() {
        for name in LONG {
            let time = best(way, name, Duration::from_millis(150), enough);
            assert!(time < enough, "{name} ({way}) went on for {time:?}");
        }
    }
}

#[test]
fn an_interruption_before_the_call_stops_the_call() {
    for way in Way::all() {
        let mut instance = instance(way, wide(way));
        instance.interrupt_handle().interrupt();
        assert_eq!(code(instance.call("counting", &[])), TrapCode::Interrupted);
        is_usable(&mut instance);
    }
}

#[test]
fn calls_nested_too_deeply_trap() {
    for way in Way::all() {
        for stack in [4 << 10, 64 << 10, 1 << 20] {
            let mut instance = instance(way, wide(way).stack(stack));
            for name in ["deep", "deep_with_objects"] {
                for _ in 0..3 {
                    let error = instance.call(name, &[Value::I64(0)]).unwrap_err();
                    let trap = error.trap().unwrap();
                    assert_eq!(trap.code(), TrapCode::StackOverflow, "{way}");
                    assert!(trap.frames.iter().all(|f| f.name == name));
                    assert!(trap.frames.len() <= 64, "the backtrace is bounded");
                    is_usable(&mut instance);
                }
            }
        }
        // More stack, more calls.
        let mut instance = instance(way, wide(way).stack(64 << 20));
        let result = instance.call("down", &[Value::I64(300_000)]).unwrap();
        assert!(matches!(result[..], [Value::I64(300_000)]));
        is_usable(&mut instance);
    }
}

#[test]
fn memory_beyond_the_budget_is_a_trap() {
    let huge: i64 = 1_000_000_000_000;
    for way in Way::all() {
        // Without a budget, the machine's memory is one.
        for memory in [1 << 20, 100 << 20, usize::MAX] {
            let mut instance = instance(way, wide(way).memory(memory));
            is_usable(&mut instance);
            for name in ["zeros", "line", "random", "list", "broadcasting"] {
                for n in [huge, i64::MAX, i64::MAX / 8 + 1] {
                    let start = Instant::now();
                    let found = code(instance.call(name, &[Value::I64(n)]));
                    assert_eq!(found, TrapCode::OutOfMemory, "{name} {n} ({way}) with {memory} bytes");
                    assert!(start.elapsed() < Duration::from_secs(1), "{name} {n} took long to refuse");
                    is_usable(&mut instance);
                }
            }
            let found = code(instance.call("zeros3", &[Value::I64(huge)]));
            assert_eq!(found, TrapCode::OutOfMemory);
            assert_eq!(code(instance.call("zeros", &[Value::I64(-1)])), TrapCode::InvalidArgument);
            is_usable(&mut instance);
        }
    }
}

#[test]
fn memory_that_piles_up_is_a_trap_and_nothing_stays() {
    for way in Way::all() {
        let memory = 8 << 20;
        let mut instance = instance(way, wide(way).memory(memory));
        let mut held = Vec::new();
        for _ in 0..4 {
            for name in ["doubling", "doubling_text", "piling"] {
                assert_eq!(code(instance.call(name, &[])), TrapCode::OutOfMemory, "{name} ({way})");
                assert!(instance.memory().peak <= memory);
                is_usable(&mut instance);
            }
            held.push(instance.memory().held);
        }
        // What is kept for reuse stays the same from the second round on.
        assert!(held[1..].windows(2).all(|w| w[0] == w[1]), "{held:?}");
    }
}

#[test]
fn what_a_loop_hands_on_takes_the_memory_of_one_iteration() {
    let turns: i64 = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
    for way in Way::all() {
        let mut instance = instance(way, wide(way).memory(2 << 20));
        let values = instance.call("handing_on", &[Value::I64(turns)]).unwrap();
        assert!(matches!(values[..], [Value::F64(n)] if n == turns as f64), "{way}");
        is_usable(&mut instance);
    }
}

#[test]
fn shifting_a_tensor_in_place_takes_no_memory_that_stays() {
    for way in Way::all() {
        let mut instance = instance(way, wide(way).memory(8 << 20));
        instance.call("shifting", &ints(&[100_000, 50])).unwrap();
        is_usable(&mut instance);
    }
}

#[test]
fn former_values_of_globals_count() {
    for way in Way::all() {
        let mut instance = instance(way, wide(way).memory(2 << 20));
        assert_eq!(code(instance.call("renaming", &ints(&[1 << 40]))), TrapCode::OutOfMemory, "{way}");
        assert!(instance.memory().held < 2 << 20);
        is_usable(&mut instance);
    }
}

/// Between half of an arena's first chunk and all of it.
#[test]
fn a_little_more_memory_is_never_too_little() {
    for way in Way::all().take(1) {
        let mut enough = false;
        for memory in (0..8000).step_by(16) {
            let made = linker().instantiate_with(&program(way), wide(way).memory(memory));
            let fits = made.is_ok_and(|mut i| i.call("shifting", &ints(&[100, 1])).is_ok());
            assert!(fits || !enough, "{memory} bytes are too little, fewer are enough");
            enough = fits;
        }
        assert!(enough);
    }
}

#[test]
fn host_functions_that_fail_or_panic_are_traps() {
    // The panics are expected: their messages would only confuse.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    for way in Way::all() {
        let mut instance = instance(way, wide(way));
        assert!(matches!(instance.call("fails", &[Value::I64(4)]).unwrap()[..], [Value::I64(8)]));
        for _ in 0..3 {
            let error = instance.call("fails", &[Value::I64(-4)]).unwrap_err();
            let trap = error.trap().unwrap();
            assert_eq!((trap.code(), trap.error.message()), (TrapCode::HostError, "-4 is negative"));
            assert_eq!(trap.frames[0].name, "fails");
            is_usable(&mut instance);
            let error = instance.call("panics", &[]).unwrap_err();
            let trap = error.trap().unwrap();
            assert_eq!(trap.code(), TrapCode::HostError);
            assert!(trap.error.message().contains("told to panic with 42"), "{}", trap.error.message());
            is_usable(&mut instance);
        }
    }
    std::panic::set_hook(hook);
}

#[test]
fn instances_on_many_threads_keep_to_themselves() {
    for way in Way::all() {
        let program = program(way);
        std::thread::scope(|scope| {
            for thread in 0..8i64 {
                let program = &program;
                scope.spawn(move || {
                    let linker = linker();
                    let limits = wide(way).stack(256 << 10);
                    let mut instances: Vec<Instance> =
                        (0..16).map(|_| linker.instantiate_with(program, limits.clone()).unwrap()).collect();
                    // One of them is interrupted, the others go on.
                    instances[3].interrupt_handle().interrupt();
                    assert_eq!(code(instances[3].call("counting", &[])), TrapCode::Interrupted);
                    for round in 0..20 {
                        for (i, instance) in instances.iter_mut().enumerate() {
                            let n = thread + round + i as i64;
                            let result = instance.call("down", &[Value::I64(n)]).unwrap();
                            assert!(matches!(result[..], [Value::I64(m)] if m == n));
                        }
                    }
                    instances.iter_mut().for_each(is_usable);
                });
            }
        });
    }
}

#[test]
fn a_result_outlives_its_instance() {
    let text = "export func @make(%n: i64) -> tensor<f64> {\n  %x = tensor.full [%n], 1.5\n  ret %x\n}\n";
    let module = Module::parse(text, "make.nba").and_then(Module::verify).unwrap();
    let program = Engine::default().load(module);
    let mut results = Vec::new();
    for n in [1i64, 100, 100_000] {
        let mut instance = Linker::new().instantiate(&program).unwrap();
        results.push(instance.call("make", &[Value::I64(n)]).unwrap());
        // A call that takes its result out leaves nothing behind.
        for _ in 0..100 {
            instance.call("make", &[Value::I64(n)]).unwrap();
        }
        assert!(instance.memory().regions.iter().all(|r| r.live == 0));
    }
    for (result, n) in results.iter().zip([1, 100, 100_000]) {
        let [Value::Tensor(t)] = &result[..] else { panic!("{result:?}") };
        assert_eq!(t.len(), n);
        assert!(t.as_slice::<f64>().unwrap().iter().all(|x| *x == 1.5));
    }
}
