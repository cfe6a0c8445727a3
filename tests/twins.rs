//! Random programs, run in every way this build has: results, traps with
//! their frames, fuel left, memory and globals must come out the same bit for
//! bit. In an optimised build this holds direct threading with its
//! superinstructions against the portable loop.
//!
//! A failure is shrunk before it is shown. How many programs, and which:
//! `tests/harness/campaign.rs`.

mod harness;
mod mutation;
mod random_program;

use harness::campaign::{Campaign, caught};
use mutation::Case;
use random_program::agree::Tally;
use random_program::choices::{Choices, Random, shrink};

/// Most bytes of choices.
const BYTES: usize = 3000;

#[test]
fn every_way_of_running_agrees() {
    let campaign = Campaign::of(if cfg!(debug_assertions) { 400 } else { 4000 });
    let (tally, programs) = campaign.run("twins", |seed, tally: &mut Tally| {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let len = random.next() as usize % BYTES;
        let bytes = random.bytes(len);
        attempt(&bytes, tally).map_err(|why| {
            let (small, why) = shrink(bytes, why, |bytes| attempt(bytes, &mut Tally::default()));
            let module = random_program::program(&mut Choices::new(&small));
            let from = "choices".to_owned();
            mutation::finding(Case { from, module, script: random_program::agree::script() }, why)
        })
    });
    // The generator must make programs that run, not only ones that end early.
    assert!(tally.refused * 20 <= programs, "{} of {programs} were refused", tally.refused);
    assert!(tally.returned * 10 >= programs, "only {} of {programs} returned", tally.returned);
}

fn attempt(bytes: &[u8], tally: &mut Tally) -> Result<(), String> {
    caught(|| random_program::agree::check(bytes, tally))
}
