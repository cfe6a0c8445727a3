//! Random nests of loops over tensors, run in some of the ways that this
//! build has. How many, and which: `tests/support/src/campaign.rs`.

use support::campaign::Campaign;
use support::{nests, twins};

#[test]
fn nests_of_loops_do_the_same_in_every_way() {
    let make = |bytes: &[u8]| nests::case(bytes, nests::ARGS.len());
    let (ends, programs) = twins::run(&Campaign::of(100, 1200), "nests", nests::BYTES, make);
    let calls = ends.calls();
    assert!(ends.refused == 0 && calls >= programs && ends.returned * 5 >= calls, "too few return: {ends:?}");
}
