//! The programs of this repository, and random ones, changed at random and each run
//! in some of the ways this build has: results, traps with their frames, fuel left,
//! globals and memory must come out the same bit for bit.
//!
//! `TWINS_SECONDS=7200 cargo test --profile quick --test twins_corpus` goes on for
//! two hours in an optimised build; `tests/harness/campaign.rs` has the other
//! variables. A failure is made smaller before it is shown.

mod harness;
mod mutation;
mod random_program;

use harness::Way;
use harness::campaign::{Campaign, Tally, caught};
use mutation::{Case, Dice, corpus};
use nbc::runtime::trap::TrapCode;
use random_program::choices::Choices;

/// Most calls of one program.
const CALLS: usize = 4;

/// How calls ended.
#[derive(Clone, Copy, Default, Debug)]
struct Ends {
    returned: u64,
    trapped: u64,
    endless: u64,
}

impl Ends {
    fn count(&mut self, trap: Option<TrapCode>) {
        match trap {
            None => self.returned += 1,
            Some(TrapCode::OutOfFuel) => self.endless += 1,
            Some(_) => self.trapped += 1,
        }
    }
}

impl Tally for Ends {
    fn add(&mut self, other: Ends) {
        self.returned += other.returned;
        self.trapped += other.trapped;
        self.endless += other.endless;
    }
}

#[test]
fn changed_programs_agree() {
    let samples = corpus::samples();
    let campaign = Campaign::of(if cfg!(debug_assertions) { 100 } else { 2000 });
    let (ends, programs) = campaign.run("corpus", |seed, ends: &mut Ends| {
        let mut case = changed(&mut Dice::new(seed), &samples);
        case.ways = Way::some(seed);
        match caught(|| case.check()) {
            Ok(outcomes) => {
                outcomes.iter().for_each(|o| ends.count(o.trap()));
                Ok(())
            }
            Err(why) => Err(mutation::finding(case, why)),
        }
    });
    assert!(ends.returned * 3 >= programs, "only {} calls of {programs} programs returned", ends.returned);
}

/// A program of the corpus, or a random one, changed a few times.
fn changed(dice: &mut Dice, samples: &[Case]) -> Case {
    let random = match dice.percent(20) {
        true => random_case(dice),
        false => None,
    };
    let mut case = random.unwrap_or_else(|| samples[dice.below(samples.len())].clone());
    let calls = &mut case.script.calls;
    while calls.len() > CALLS {
        calls.swap_remove(dice.below(calls.len()));
    }
    let times = 1 << dice.below(6);
    mutation::change(dice, &mut case, samples, times);
    case
}

/// A random program, if the verifier accepts it.
fn random_case(dice: &mut Dice) -> Option<Case> {
    let len = dice.below(1000);
    let bytes = dice.0.bytes(len);
    let module = random_program::program(&mut Choices::new(&bytes));
    module.clone().verify().ok()?;
    let from = "a random program".to_owned();
    Some(Case { from, module, script: random_program::agree::script(&bytes), ways: Vec::new() })
}
