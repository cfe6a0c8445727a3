//! The classic kernels of `benches/programs`, interpreted and compiled.
//!
//! Bar: compiled code at least five times as fast, geometric mean. For one
//! kernel by hand, with statistics for both tiers in turns:
//! `nbc bench benches/programs/fib.nba --invoke main 1000000`.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use nbc::{Engine, Linker, Value};
use std::time::Duration;
use support::engines;

/// Kernels with an amount of work that takes some milliseconds interpreted.
const KERNELS: [(&str, i64); 13] = [
    ("fib", 28),
    ("fibcall", 28),
    ("loopsum", 1_000_000),
    ("sieve", 1),
    ("nbody", 20_000),
    ("mandel", 1),
    ("spectral", 1),
    ("fannkuch", 1),
    ("matmul", 1),
    ("heat2d", 2),
    ("mix64", 4),
    ("collatz", 20_000),
    ("mcpi", 1_000_000),
];

fn kernels(c: &mut Criterion) {
    for (kernel, n) in KERNELS {
        let path = format!("{}/benches/programs/{kernel}.nba", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let mut group = c.benchmark_group(kernel);
        group.sample_size(10).warm_up_time(Duration::from_millis(500));
        group.measurement_time(Duration::from_secs(2));
        let tiers: [(&str, Engine); 2] =
            [("interpreter", engines::interpreter()), ("compiled", engines::compiled().0)];
        for (tier, engine) in tiers {
            let program = engine.read(&text, &path).expect("a sound program");
            let mut instance = Linker::new().instantiate(&program).expect("an instance");
            group.bench_function(BenchmarkId::from_parameter(tier), |b| {
                b.iter(|| instance.call("main", &[Value::I64(n)]).expect("a result"))
            });
        }
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
