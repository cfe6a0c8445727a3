//! Every program of `tests/programs`, `examples` and `benches/programs`, in
//! every way this build can run it: each dispatcher, with and without fuel.
//! Each must do what the program says of itself. All must agree bit for bit,
//! down to the frames of traps, the fuel left and the memory in use.
//!
//! Programs run with fuel have been through the binary format first, and those of
//! `refused` are not run but must be refused as they say.
//! Expectations marked `slow` are left out of debug builds, and said to be.

use libtest_mimic::{Arguments, Failed, Trial};
use nbc::compare::calls::Outcome;
use nbc::expectation::{self, Expectation, Refusal};
use nbc::ir::Module;
use nbc::ir::verify::VerifiedModule;
use nbc::runtime::engine::Program;
use support::call::{call, difference, load, with_globals_exported};
use support::repository::{self, PROGRAMS, REFUSED};
use support::way::Way;

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    // Others to look at: findings, say.
    let more = std::env::var("PROGRAMS");
    for folder in [REFUSED].into_iter().chain(PROGRAMS).chain(more.as_deref()) {
        for path in repository::files(folder, "nba") {
            let (name, text) = (repository::name(&path), repository::read(&path));
            let has_slow = text.lines().any(|l| l.starts_with("; slow:"));
            let (slow_name, slow_text) = (format!("{name} (slow)"), text.clone());
            let (file, slow_file) = (name.clone(), name.clone());
            trials.push(Trial::test(name, move || check(&file, &text, false)));
            if has_slow {
                let trial = Trial::test(slow_name, move || check(&slow_file, &slow_text, true));
                trials.push(trial.with_ignored_flag(cfg!(debug_assertions)));
            }
        }
    }
    assert!(trials.len() > 50, "only {} programs were found", trials.len());
    let conclusion = libtest_mimic::run(&args, trials);
    let ways: Vec<String> = Way::all().map(|way| format!("({way})")).collect();
    println!("each program ran in {} ways: {}", ways.len(), ways.join(" "));
    if cfg!(debug_assertions) {
        println!("skipped: `slow` expectations, because this is a debug build");
    }
    conclusion.exit();
}

/// Checks the slow or the other expectations of one file.
fn check(name: &str, text: &str, slow: bool) -> Result<(), Failed> {
    if let Some(refusal) = Refusal::read(text) {
        return Ok(refusal.holds(text, &Module::parse(text, name).and_then(Module::verify))?);
    }
    let module = Module::parse(text, name).map_err(|e| e.render(false))?;
    let expectations = expectation::read(text, &module)?;
    if expectations.is_empty() {
        return Err("the program says nothing of what it must do".into());
    }
    let module = with_globals_exported(module);
    let bytes = module.encode();
    let from_text = module.verify().map_err(|e| e.render(false))?;
    let decoded = Module::decode(&bytes).map_err(|e| e.to_string())?;
    let from_binary = decoded.verify().map_err(|e| format!("after the binary format: {e}"))?;
    let loaded = |way: Way| -> (Way, Program) {
        let module: &VerifiedModule = if way.metered { &from_binary } else { &from_text };
        (way, load(module, way))
    };
    let ways: Vec<(Way, Program)> = Way::all().map(loaded).collect();
    let mut failures = String::new();
    for e in expectations.iter().filter(|e| e.slow == slow) {
        if let Err(why) = check_one(e, &ways) {
            failures.push_str(&format!("{name}:{}: @{}: {why}\n", e.line, e.function));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.into()) }
}

fn check_one(e: &Expectation, ways: &[(Way, Program)]) -> Result<(), String> {
    let mut first: Option<(Way, Outcome)> = None;
    for (way, program) in ways {
        if e.needs_fuel() && !way.metered {
            continue;
        }
        let outcome = call(program, &e.function, &e.args, e.limits(way.metered));
        e.holds(&outcome).map_err(|why| format!("({way}) {why}"))?;
        match &first {
            None => first = Some((*way, outcome)),
            Some((other, expected)) => {
                if let Some(what) = difference(expected, &outcome, way.beside_reference()) {
                    return Err(format!("({other}) and ({way}) differ: {what}"));
                }
            }
        }
    }
    Ok(())
}
