//! What the checker costs: by kernel, the time to compile without it, what it takes
//! besides, and how many accesses it proves. Speeds are printed, never asserted:
//!
//! `CHECK_COST=benches/programs cargo test --profile quick -p nbc-jit --lib cost -- --ignored --nocapture`

use super::*;
use crate::midend;
use crate::tier::{Jit, Options};
use nbc_ir::Module as Program;
use nbc_runtime::engine::Engine;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn programs(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("a readable folder").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            programs(&path, found);
        } else if path.extension().is_some_and(|e| e == "nba") {
            found.push(path);
        }
    }
}

/// The shortest of several times, of what `act` does.
fn shortest(times: u32, mut act: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        act();
        start.elapsed()
    };
    (0..times).map(time).min().unwrap_or_default()
}

#[derive(Default)]
struct Cost {
    compiling: Duration,
    checking: Duration,
    steps: usize,
    accesses: usize,
    unproved: usize,
}

impl Cost {
    fn add(&mut self, other: &Cost) {
        self.compiling += other.compiling;
        self.checking += other.checking;
        self.steps += other.steps;
        self.accesses += other.accesses;
        self.unproved += other.unproved;
    }

    fn print(&self, name: &str) {
        let [compiling, checking] = [self.compiling, self.checking].map(|t| t.as_secs_f64() * 1e6);
        println!(
            "{name:52} {compiling:10.0} us + {checking:9.0} us ({:6.1} %) {:8} steps {:5} of {:5} proved",
            checking * 100.0 / compiling.max(1.0),
            self.steps,
            self.accesses - self.unproved,
            self.accesses,
        );
    }
}

#[test]
#[ignore = "measures"]
fn what_checking_costs() {
    let jit = Jit::new(Options::default());
    let Some(compiler) = jit.compiler() else {
        eprintln!("skipped: Cranelift does not know this processor");
        return;
    };
    let folders = std::env::var("CHECK_COST").unwrap_or_else(|_| "benches/programs".to_owned());
    let times = std::env::var("CHECK_TIMES").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = Vec::new();
    folders.split(',').for_each(|folder| programs(&root.join(folder), &mut paths));
    let mut total = Cost::default();
    for path in paths {
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let Ok(module) = Program::parse(&text, &name).and_then(Program::verify) else { continue };
        let (functions, imports) = (module.functions.len(), module.imports.len());
        let program = Engine::default().load(module);
        for metered in [false, true] {
            let loaded = program.loaded(metered);
            let mut cost = Cost::default();
            for id in (0..functions).map(|n| FuncId::new(n + imports)) {
                let mut func = mir::build(&loaded.module, id);
                midend::run(&mut func, &loaded.module, &midend::Options::default(), metered, &mut |_, _| {});
                let report = check::run(&func);
                if std::env::var_os("CHECK_SHOW").is_some() && !report.unproved.is_empty() {
                    for it in &report.unproved {
                        let op = &func.blocks[it.block.index()].nodes[it.node].op;
                        println!("{name}, fuel {metered}, {:?}: `{op}`: {}", it.block, it.why);
                    }
                    println!("{func}");
                }
                if compiler.compile(&loaded, id, None, &|| false).is_err() {
                    continue;
                }
                cost.add(&Cost {
                    compiling: shortest(times, || drop(compiler.compile(&loaded, id, None, &|| false))),
                    checking: shortest(times, || drop(check::run(&func))),
                    steps: report.steps,
                    accesses: report.accesses,
                    unproved: report.unproved.len(),
                });
            }
            total.add(&cost);
            if cost.accesses > 0 {
                cost.print(&if metered { format!("{name} (fuel)") } else { name.clone() });
            }
        }
    }
    total.print("all");
}
