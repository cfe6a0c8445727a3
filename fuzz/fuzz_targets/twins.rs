//! Random programs made from the input's bytes, run in every way this build
//! has; all must agree. See `tests/twins.rs`.
#![no_main]

#[path = "../../tests/harness/mod.rs"]
mod harness;
#[path = "../../tests/random_program/mod.rs"]
mod random_program;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut tally = random_program::agree::Tally::default();
    let ways: Vec<harness::Way> = harness::Way::all().collect();
    if let Err(why) = random_program::agree::check(data, &ways, &mut tally) {
        panic!("{why}");
    }
});
