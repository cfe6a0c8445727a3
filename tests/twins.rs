//! Random programs, each run in some of the ways that this build has: results, traps with
//! their frames, fuel left, memory and globals must come out the same bit for
//! bit. In an optimised build this holds direct threading with its
//! superinstructions against the portable loop.
//!
//! A failure is shrunk before it is shown. How many programs, and which:
//! `tests/support/src/campaign.rs`.

use support::campaign::Campaign;
use support::{random_program, twins};

#[test]
fn every_way_of_running_agrees() {
    let campaign = Campaign::of(100, 1200);
    let (ends, programs) = twins::run(&campaign, "twins", random_program::BYTES, random_program::case);
    // The generator must make programs that run, not only ones that end early.
    assert!(ends.refused * 20 <= programs, "{} of {programs} were refused", ends.refused);
    assert!(ends.returned * 10 >= ends.calls(), "too few return: {ends:?}");
}
