//! The checker proves every unchecked access of every program of this
//! repository, as passes leave them: called and taken over in a loop, with fuel
//! and without.
//!
//! `CHECK=name cargo test -p nbc-jit --test check -- --nocapture` prints the
//! functions of one program of which something is not proved.

use nbc_ir::{BlockId, FuncId, Module, VerifiedModule};
use nbc_jit::check::{self, Report};
use nbc_jit::midend::{self, Options};
use nbc_jit::mir::{self, Func};
use std::path::{Path, PathBuf};

/// Blocks of a function that it is taken over at.
const MAX_PLACES: usize = 12;

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

/// What is proved of a function after all passes.
fn report(mut func: Func, module: &VerifiedModule, metered: bool) -> (Func, Report) {
    midend::run(&mut func, module, &Options::default(), metered, &mut |_, _| {});
    let report = check::run(&func);
    (func, report)
}

#[test]
fn all_accesses_of_the_corpus_are_proved() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = Vec::new();
    for folder in ["benches/programs", "examples", "tests/programs", "jit/tests/filetests"] {
        programs(&root.join(folder), &mut paths);
    }
    let wanted = std::env::var("CHECK").ok();
    let (mut accesses, mut steps, mut size, mut missing) = (0, 0, 0, Vec::new());
    for path in paths {
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        if wanted.as_ref().is_some_and(|w| !name.contains(w.as_str())) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let Ok(module) = Module::parse(&text, &name).and_then(Module::verify) else { continue };
        for id in (0..module.functions.len()).map(|n| FuncId::new(n + module.imports.len())) {
            let Some(function) = module.function(id) else { continue };
            let reachable = module.facts(id).block_depth.iter().zip(0..).filter(|(d, _)| **d != u32::MAX);
            let places: Vec<Option<u32>> = std::iter::once(None)
                .chain(reachable.map(|(_, b)| Some(b)).take(MAX_PLACES))
                .filter(|place| place.is_none_or(|b| !function.blocks[b as usize].insts.is_empty()))
                .collect();
            for metered in [false, true] {
                for place in &places {
                    let func = match place {
                        None => mir::build(&module, id),
                        Some(block) => mir::build_resumed(&module, id, BlockId(*block), 0),
                    };
                    let (func, report) = report(func, &module, metered);
                    accesses += report.accesses;
                    steps += report.steps;
                    size += func.size();
                    for it in &report.unproved {
                        let op = &func.blocks[it.block.index()].nodes[it.node].op;
                        let line = format!(
                            "{name} @{} from {place:?} metered {metered}, {:?}: `{op}`: {}",
                            func.name, it.block, it.why
                        );
                        if wanted.is_some() {
                            println!("{line}\n{func}");
                        }
                        missing.push(line);
                    }
                }
            }
        }
    }
    println!("{accesses} accesses, {} not proved, {steps} steps for {size} nodes", missing.len());
    if let Ok(path) = std::env::var("CHECK_LIST") {
        std::fs::write(path, missing.join("\n")).expect("a file that can be written");
    }
    let first = &missing[..missing.len().min(20)];
    assert!(missing.is_empty(), "{} of {accesses} are not proved:\n{}", missing.len(), first.join("\n"));
}
