//! The programs of this repository, and random ones, changed at random and each run
//! in some of the ways this build has: results, traps with their frames, fuel left,
//! globals and memory must come out the same bit for bit.
//!
//! `TWINS_SECONDS=7200 cargo test --profile quick --test twins_corpus` goes on for
//! two hours in an optimised build; `tests/support/src/campaign.rs` has the other
//! variables. A failure is made smaller before it is shown.

use support::campaign::{Campaign, Ends, caught};
use support::case::Case;
use support::mutation::{self, Dice, corpus};
use support::random_program;
use support::way::Way;

/// Most calls of one program.
const CALLS: usize = 4;

#[test]
fn changed_programs_agree() {
    let samples = corpus::samples();
    let (ends, programs) = Campaign::of(100, 1200).run("corpus", |seed, ends: &mut Ends| {
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
    let case = random_program::case(&dice.0.some_bytes(1000));
    case.module.clone().verify().ok()?;
    Some(case)
}
