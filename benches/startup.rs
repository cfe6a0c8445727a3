//! `nbc run` of the smallest program as a whole process, beside Lua's.
//!
//! Bar: at most 1.5 times `lua5.4`. Where there is no Lua, that line is missing.

use criterion::{Criterion, criterion_group, criterion_main};
use std::process::{Command, Stdio};

fn run(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

fn startup(c: &mut Criterion) {
    let mut group = c.benchmark_group("hello");
    let nbc = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nbc"));
        command.args(["run", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/hello.nba")]);
        command
    };
    let lua = || {
        let mut command = Command::new("lua5.4");
        command.args(["-e", "print('Hello, world!')"]);
        command
    };
    assert!(run(&mut nbc()));
    group.bench_function("nbc", |b| b.iter(|| run(&mut nbc())));
    if run(&mut lua()) {
        group.bench_function("lua5.4", |b| b.iter(|| run(&mut lua())));
    } else {
        println!("skipped: there is no lua5.4 to compare with");
    }
}

criterion_group!(benches, startup);
criterion_main!(benches);
