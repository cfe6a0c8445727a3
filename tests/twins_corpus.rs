//! The programs of this repository, and random ones, changed at random and run
//! in every way this build has: results, traps with their frames, fuel left,
//! globals and memory must come out the same bit for bit.
//!
//! `TWINS_SECONDS=7200 cargo test --profile quick --test twins_corpus` goes on for
//! two hours in an optimised build; `tests/harness/campaign.rs` has the other
//! variables. A failure is made smaller before it is shown.

mod harness;
mod mutation;
mod random_program;

use harness::agree::{Script, agree};
use harness::campaign::{Campaign, Finding, Tally, caught};
use harness::{Way, with_globals_exported};
use mutation::{Case, Dice, corpus, minimise};
use nbc::ir::Module;
use nbc::runtime::trap::TrapCode;
use random_program::choices::Choices;

/// Most calls of one program.
const CALLS: usize = 4;

/// How calls ended.
#[derive(Clone, Copy, Default, Debug)]
struct Ends {
    /// Not accepted by the verifier once printed and read.
    refused: u64,
    returned: u64,
    trapped: u64,
    endless: u64,
}

impl Tally for Ends {
    fn add(&mut self, other: Ends) {
        self.refused += other.refused;
        self.returned += other.returned;
        self.trapped += other.trapped;
        self.endless += other.endless;
    }
}

#[test]
fn changed_programs_agree() {
    let samples = corpus::samples();
    let campaign = Campaign::of(if cfg!(debug_assertions) { 400 } else { 4000 });
    let (ends, programs) = campaign.run("corpus", |seed, ends: &mut Ends| {
        let mut dice = Dice::new(seed);
        let case = changed(&mut dice, &samples);
        let why = match caught(|| check(&case, ends)) {
            Ok(()) => return Ok(()),
            Err(why) => why,
        };
        let fails = |case: &Case| caught(|| check(case, &mut Ends::default())).err();
        let (case, why) = minimise::minimise(case, why, fails);
        let program = minimise::print(&case, fails);
        Err(Finding { why, program })
    });
    assert!(ends.refused * 20 <= programs, "{} of {programs} were refused", ends.refused);
    assert!(ends.returned * 3 >= programs, "only {} calls of {programs} programs returned", ends.returned);
}

/// A program of the corpus, or a random one, changed a few times.
fn changed(dice: &mut Dice, samples: &[Case]) -> Case {
    let mut case = match dice.percent(20) {
        true => {
            let len = dice.below(1000);
            let bytes = dice.0.bytes(len);
            let module = random_program::program(&mut Choices::new(&bytes));
            let calls = random_program::agree::script().calls;
            Case { from: "a random program".to_owned(), module, calls }
        }
        false => samples[dice.below(samples.len())].clone(),
    };
    while case.calls.len() > CALLS {
        let at = dice.below(case.calls.len());
        case.calls.swap_remove(at);
    }
    let times = 1 << dice.below(6);
    mutation::change(dice, &mut case, samples, times);
    case
}

fn check(case: &Case, ends: &mut Ends) -> Result<(), String> {
    // Printed and read, so that lines are those of the text that is shown.
    let text = with_globals_exported(case.module.clone()).print();
    let module = match Module::parse(&text, "changed.nba").and_then(Module::verify) {
        Ok(module) => module,
        Err(e) => {
            ends.refused += 1;
            return match case.module.clone().verify() {
                Ok(_) => Err(format!("what was printed is not read the same: {e}")),
                Err(_) => Ok(()),
            };
        }
    };
    let script =
        Script { calls: case.calls.clone(), fuel: 60_000, memory: 16 << 20, stack: 1 << 17, may_fail: false };
    let ways: Vec<Way> = Way::all().collect();
    for outcome in agree(&module, &script, &ways).map_err(|d| d.to_string())? {
        match outcome.trap() {
            None => ends.returned += 1,
            Some(TrapCode::OutOfFuel) => ends.endless += 1,
            Some(_) => ends.trapped += 1,
        }
    }
    Ok(())
}
