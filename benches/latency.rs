//! How long compiling takes, without whatever runs meanwhile; and how long
//! programs that run meanwhile are held up.
//!
//! Bars: a small loop at most 150 µs warm; at most 10 µs an instruction in
//! functions of up to 50,000 instructions, which must grow no faster than they
//! do; no pause above 1 ms.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nbc::{Limits, Linker, VerifiedModule};
use std::fmt::Write;
use std::time::Duration;
use support::engines;

const SMALL_LOOP: &str = "export func @f(%n: i64) -> i64 {
  %i = i64.const 0
  %sum = i64.const 0
  br head
head:
  %sum = i64.add %sum, %i
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, head, done
done:
  ret %sum
}
";

/// Instructions of a [`section`].
const SECTION: usize = 20;

/// One piece of a long function: arithmetic, a branch, and a short loop.
fn section(out: &mut String, n: usize) {
    let _ = writeln!(
        out,
        "  %a = i64.mul %a, 3
  %b = i64.xor %b, %a
  %c = i64.shr_u %b, 7
  %x = f64.mul %x, 0.5
  %y = f64.add %y, %x
  %odd = i64.and %c, 1
  %t = i64.eq %odd, 0
  br_if %t, yes{n}, no{n}
yes{n}:
  %a = i64.add %a, %c
  %x = f64.add %x, 1.0
  br loop{n}
no{n}:
  %b = i64.sub %b, %a
  %y = f64.mul %y, 0.25
  br loop{n}
loop{n}:
  %c = i64.add %c, %b
  %i = i64.add %i, 1
  %t = i64.lt %i, 3
  br_if %t, loop{n}, next{n}
next{n}:
  %i = i64.const 0
  %a = i64.add %a, %i"
    );
}

/// A function of about so many instructions.
fn long(instructions: usize) -> String {
    let mut text = "export func @f(%n: i64) -> i64 {
  %a = copy %n
  %b = i64.const 1
  %x = f64.const 1.0
  %y = f64.const 2.0
  %i = i64.const 0
"
    .to_owned();
    for n in 0..instructions / SECTION {
        section(&mut text, n);
    }
    text.push_str("  %z = f64.add %x, %y\n  %r = i64.reinterpret %z\n  %r = i64.xor %r, %a\n  ret %r\n}\n");
    text
}

fn verified(text: &str) -> VerifiedModule {
    nbc::Module::parse(text, "latency.nba").and_then(nbc::Module::verify).expect("a sound program")
}

/// The time it takes to compile `module` so many times, by a compiler that is
/// warm. What is compiled goes with its instance.
fn compile(module: &VerifiedModule, times: u64) -> Duration {
    let (engine, jit) = engines::compiled();
    // Clearing a large stack would leave the caches cold.
    let limits = Limits::new().stack(1 << 16);
    let run = || {
        let before = jit.metrics();
        let program = engine.load(module.clone());
        let mut instance = Linker::new().instantiate_with(&program, limits.clone()).expect("an instance");
        instance.call("f", &[3i64.into()]).expect("a result");
        let after = jit.metrics();
        assert_eq!((after.functions - before.functions, after.failed), (1, 0));
        after.compile_time - before.compile_time
    };
    // The first also makes what all functions share.
    run();
    (0..times).map(|_| run()).sum()
}

fn latency(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    let small = verified(SMALL_LOOP);
    group.bench_function("small loop", |b| b.iter_custom(|times| compile(&small, times)));
    group.sample_size(10);
    for instructions in [100, 300, 1000, 3000, 10_000, 30_000, 50_000] {
        let module = verified(&long(instructions));
        group.throughput(Throughput::Elements(instructions as u64));
        group.bench_function(BenchmarkId::from_parameter(instructions), |b| {
            b.iter_custom(|times| compile(&module, times))
        });
    }
}

/// Programs with much that becomes hot: a thousand functions, one of 1,000
/// instructions, and the kernels.
fn programs() -> Vec<(String, &'static str, i64)> {
    let mut many = String::new();
    for n in 0..1000 {
        let _ = writeln!(many, "func @f{n}(%x: i64) -> i64 {{\n  %y = i64.mul %x, {n}\n  ret %y\n}}");
    }
    many.push_str(
        "export func @main(%n: i64) -> f64 {\n  %i = i64.const 0\n  %s = i64.const 1\n  br loop\nloop:\n",
    );
    for n in 0..1000 {
        let _ = writeln!(many, "  %s = call @f{n}(%s)");
    }
    many.push_str(
        "  %i = i64.add %i, 1\n  %c = i64.lt %i, %n\n  br_if %c, loop, done\ndone:\n  ret 0.0\n}\n",
    );
    let mut programs = vec![(many, "main", 20_000), (long(1000), "f", 3)];
    for (kernel, n) in [("sieve", 1), ("nbody", 20_000), ("spectral", 1), ("fannkuch", 1), ("heat2d", 10)] {
        let path = format!("{}/benches/programs/{kernel}.nba", env!("CARGO_MANIFEST_DIR"));
        programs.push((std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}")), "main", n));
    }
    programs
}

/// Prints how long programs waited when something had become hot, while it was
/// compiled in the background.
fn pauses(_: &mut Criterion) {
    let jit = nbc::jit::Jit::new(nbc::jit::Options::new().threshold(1000));
    let engine = nbc::Engine::new(nbc::Config::new().tier(jit.clone()));
    for (text, function, n) in programs() {
        let program = engine.load(verified(&text));
        let mut instance = Linker::new().instantiate(&program).expect("an instance");
        instance.call(function, &[n.into()]).expect("a result");
    }
    jit.settle();
    let metrics = jit.metrics();
    println!("pauses while {} functions and {} loops were compiled:", metrics.functions, metrics.loops);
    for (entry, count) in metrics.waits.iter().enumerate().filter(|(_, count)| **count > 0) {
        println!("  below {:>6} µs: {count}", 1u64 << entry);
    }
}

criterion_group!(benches, latency, pauses);
criterion_main!(benches);
