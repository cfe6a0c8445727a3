//! What a call costs across the border between host and program.
//!
//! Bars: host to program at most 20 ns, program to host at most 10 ns. The latter
//! is one iteration of a loop that does nothing but that call. An instance that is
//! made, called once and dropped takes at most 3 µs.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nbc::{Config, Engine, Instance, Limits, Linker, OwnedTensor, Tensor, Value};
use std::hint::black_box;
use std::time::Duration;

const PROGRAM: &str = "
import func @host.nothing()
import func @host.add(i64, i64) -> i64
import func @host.scale(f64) -> f64

export func @nothing() {
  ret
}
export func @next(%x: i64) -> i64 {
  %y = i64.add %x, 1
  ret %y
}
export func @muladd(%a: f64, %b: f64, %c: f64) -> f64 {
  %d = f64.mul %a, %b
  %d = f64.add %d, %c
  ret %d
}
export func @first(%t: tensor<f64>) -> f64 {
  %v = tensor.load %t, 0
  ret %v
}

; %n turns of a loop: without a call, and with one.
export func @loop_empty(%n: i64) -> i64 {
  %i = i64.const 0
  br head
head:
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, head, done
done:
  ret %i
}
export func @loop_nothing(%n: i64) -> i64 {
  %i = i64.const 0
  br head
head:
  call @host.nothing()
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, head, done
done:
  ret %i
}
export func @loop_add(%n: i64) -> i64 {
  %i = i64.const 0
  br head
head:
  %i = call @host.add(%i, 1)
  %more = i64.lt %i, %n
  br_if %more, head, done
done:
  ret %i
}
export func @loop_scale(%n: i64) -> f64 {
  %i = i64.const 0
  %x = f64.const 1.0
  br head
head:
  %x = call @host.scale(%x)
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, head, done
done:
  ret %x
}
";

const TURNS: i64 = 1000;

fn instance(limits: Limits) -> Instance {
    let engine = Engine::new(Config::interpret_only());
    let program = engine.read(PROGRAM.as_bytes(), "calls.nba").expect("a sound program");
    let mut linker = Linker::new();
    linker.func("host.nothing", || ());
    linker.func("host.add", |a: i64, b: i64| a.wrapping_add(b));
    linker.func("host.scale", |x: f64| x * 1.000_000_1);
    linker.instantiate_with(&program, limits).expect("an instance")
}

fn into_program(c: &mut Criterion) {
    let mut group = c.benchmark_group("host to program");
    let mut i = instance(Limits::default());
    let nothing = i.typed::<(), ()>("nothing").expect("@nothing");
    let next = i.typed::<(i64,), i64>("next").expect("@next");
    let muladd = i.typed::<(f64, f64, f64), f64>("muladd").expect("@muladd");
    let first = i.typed::<(Tensor<f64>,), f64>("first").expect("@first");
    assert_eq!(next.call(&mut i, (41,)).expect("a result"), 42);

    group.bench_function("() -> ()", |b| b.iter(|| nothing.call(&mut i, ())));
    group.bench_function("(i64) -> i64", |b| b.iter(|| next.call(&mut i, (black_box(1),))));
    let args = (2.0, 3.0, 4.0);
    group.bench_function("(f64, f64, f64) -> f64", |b| b.iter(|| muladd.call(&mut i, black_box(args))));
    let slice = [1.5; 1000];
    group.bench_function("(tensor of a slice) -> f64", |b| {
        b.iter(|| first.call(&mut i, (black_box(&slice[..]),)))
    });
    let tensor = OwnedTensor::from_slice(&[10, 100], &slice).expect("a tensor");
    group.bench_function("(tensor) -> f64", |b| b.iter(|| first.call(&mut i, (black_box(&tensor),))));
    let values = [Value::I64(1)];
    group.bench_function("by name and Value", |b| b.iter(|| i.call("next", black_box(&values))));

    let mut fuelled = instance(Limits::new().fuel(u64::MAX / 2));
    let next = fuelled.typed::<(i64,), i64>("next").expect("@next");
    group.bench_function("(i64) -> i64, fuel", |b| b.iter(|| next.call(&mut fuelled, (black_box(1),))));
    let hour = Some(Duration::from_secs(3600));
    let mut timed = instance(Limits::new().timeout(hour));
    let next = timed.typed::<(i64,), i64>("next").expect("@next");
    group.bench_function("(i64) -> i64, deadline", |b| b.iter(|| next.call(&mut timed, (black_box(1),))));
}

fn out_of_program(c: &mut Criterion) {
    let mut group = c.benchmark_group("program to host, a turn");
    group.throughput(Throughput::Elements(TURNS as u64));
    let mut i = instance(Limits::default());
    for name in ["loop_empty", "loop_nothing", "loop_add"] {
        let f = i.typed::<(i64,), i64>(name).expect("a loop");
        assert_eq!(f.call(&mut i, (TURNS,)).expect("a result"), TURNS);
        group.bench_function(BenchmarkId::from_parameter(name), |b| b.iter(|| f.call(&mut i, (TURNS,))));
    }
    let f = i.typed::<(i64,), f64>("loop_scale").expect("a loop");
    group.bench_function(BenchmarkId::from_parameter("loop_scale"), |b| b.iter(|| f.call(&mut i, (TURNS,))));
}

/// Made, looked up in, called and dropped, as who keeps nothing between calls does.
fn instances(c: &mut Criterion) {
    let text = b"export func @next(%x: i64) -> i64 {\n  %y = i64.add %x, 1\n  ret %y\n}\n";
    let engine = Engine::new(Config::interpret_only());
    let program = engine.read(text, "next.nba").expect("a sound program");
    let linker = Linker::new();
    let mut group = c.benchmark_group("instance for a call");
    for (name, stack) in [("8 MiB of stack", Limits::default().stack), ("64 KiB of stack", 64 << 10)] {
        let limits = Limits::new().stack(stack);
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut i = linker.instantiate_with(&program, limits.clone()).expect("an instance");
                let next = i.typed::<(i64,), i64>("next").expect("@next");
                next.call(&mut i, (black_box(1),))
            })
        });
    }
}

criterion_group!(benches, into_program, out_of_program, instances);
criterion_main!(benches);
