//! What it costs to go from one tier to the other: calls in all four
//! directions, and a running loop that compiled code takes over.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nbc::{Engine, Instance, Linker};
use std::time::{Duration, Instant};
use support::engines;

const PROGRAM: &str = "
; Not so short that anything is known about it.
export func @callee(%x: i64) -> i64 {
  %y = i64.mul %x, 3
  %y = i64.xor %y, 5
  ret %y
}
; %n turns of a loop, with a call and without.
export func @caller(%n: i64) -> i64 {
  %i = i64.const 0
  %x = i64.const 1
  br head
head:
  %x = call @callee(%x)
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, head, done
done:
  ret %x
}
export func @empty(%n: i64) -> i64 {
  %i = i64.const 0
  %x = i64.const 1
  br head
head:
  %x = i64.mul %x, 3
  %x = i64.xor %x, 5
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, head, done
done:
  ret %x
}
";

const TURNS: i64 = 1000;

fn instance(engine: &Engine) -> Instance {
    let program = engine.read(PROGRAM.as_bytes(), "tiers.nba").expect("a sound program");
    Linker::new().instantiate(&program).expect("an instance")
}

fn measure(c: &mut Criterion, group: &str, case: &str, engine: &Engine, function: &str, turns: i64) {
    let mut instance = instance(engine);
    let f = instance.typed::<(i64,), i64>(function).expect("the function");
    // Compiled now, if at all.
    assert_eq!(f.call(&mut instance, (turns,)).expect("a result"), answer(function, turns));
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Elements(turns as u64));
    group.bench_function(BenchmarkId::from_parameter(case), |b| b.iter(|| f.call(&mut instance, (turns,))));
}

fn answer(function: &str, turns: i64) -> i64 {
    let mut instance = instance(&engines::interpreter());
    let f = instance.typed::<(i64,), i64>(function).expect("the function");
    f.call(&mut instance, (turns,)).expect("a result")
}

/// An iteration of a loop with a call: subtract that of the same loop without.
fn calls(c: &mut Criterion) {
    let group = "a call, 1000 turns";
    for (from, caller) in [("interpreted", false), ("compiled", true)] {
        for (to, callee) in [("interpreted", false), ("compiled", true)] {
            let engine = engines::partly(move |name| if name == "callee" { callee } else { caller });
            measure(c, group, &format!("{from} to {to}"), &engine, "caller", TURNS);
        }
        let engine = engines::partly(move |_| caller);
        measure(c, group, &format!("{from}, no call"), &engine, "empty", TURNS);
    }
}

/// A loop that starts interpreted and goes on compiled as soon as the
/// interpreter looks, beside loops that stay where they are.
fn running_loops(c: &mut Criterion) {
    for turns in [1_000, 10_000, 100_000, 1_000_000] {
        let name = format!("a loop, {turns} turns");
        measure(c, &name, "interpreted", &engines::interpreter(), "empty", turns);
        measure(c, &name, "compiled", &engines::partly(|_| true), "empty", turns);
        let want = answer("empty", turns);
        let mut group = c.benchmark_group(&name);
        group.throughput(Throughput::Elements(turns as u64));
        group.sample_size(10).warm_up_time(Duration::from_millis(500));
        group.bench_function("taken over, less the time to compile", |b| {
            b.iter_custom(|times| (0..times).map(|_| taken_over(turns, want)).sum())
        });
    }
}

/// The first call in a fresh engine, less the time it waits for the compiler.
fn taken_over(turns: i64, want: i64) -> Duration {
    let (engine, jit) = engines::loops();
    let mut instance = instance(&engine);
    let f = instance.typed::<(i64,), i64>("empty").expect("the function");
    let start = Instant::now();
    let found = f.call(&mut instance, (turns,)).expect("a result");
    let time = start.elapsed();
    assert_eq!((found, jit.metrics().loops), (want, 1));
    time.saturating_sub(jit.metrics().compile_time)
}

criterion_group!(benches, calls, running_loops);
criterion_main!(benches);
