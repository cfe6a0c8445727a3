//! Random programs, each run in some of the ways that this build has: results, traps with
//! their frames, fuel left, memory and globals must come out the same bit for
//! bit. In an optimised build this holds direct threading with its
//! superinstructions against the portable loop.
//!
//! A failure is shrunk before it is shown. How many programs, and which:
//! `tests/harness/campaign.rs`.

mod harness;
mod mutation;
mod random_program;

use harness::Way;
use harness::campaign::{Campaign, caught};
use mutation::Case;
use random_program::agree::Tally;
use random_program::choices::{Choices, Random, shrink};

/// Most bytes of choices.
const BYTES: usize = 3000;

#[test]
fn every_way_of_running_agrees() {
    let campaign = Campaign::of(if cfg!(debug_assertions) { 100 } else { 2000 });
    let (tally, programs) = campaign.run("twins", |seed, tally: &mut Tally| {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let len = random.next() as usize % BYTES;
        let bytes = random.bytes(len);
        let mut ways = Way::some(seed);
        attempt(&bytes, &mut ways, tally).map_err(|why| {
            let tally = &mut Tally::default();
            let (small, why) = shrink(bytes, why, |bytes| attempt(bytes, &mut ways, tally));
            let module = random_program::program(&mut Choices::new(&small));
            let (from, script) = ("choices".to_owned(), random_program::agree::script(&small));
            mutation::finding(Case { from, module, script, ways }, why)
        })
    });
    // The generator must make programs that run, not only ones that end early.
    assert!(tally.refused * 20 <= programs, "{} of {programs} were refused", tally.refused);
    assert!(tally.returned * 10 >= programs, "only {} of {programs} returned", tally.returned);
}

/// Where two ways differ, only the other way stays in `ways`.
fn attempt(bytes: &[u8], ways: &mut Vec<Way>, tally: &mut Tally) -> Result<(), String> {
    let (mut differs, ran) = (None, ways.clone());
    let result = caught(|| {
        random_program::agree::check(bytes, &ran, tally).map_err(|d| {
            differs = Some(d.other);
            d.to_string()
        })
    });
    if let Some(way) = differs {
        *ways = vec![way];
    }
    result
}
