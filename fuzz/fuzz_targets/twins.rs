//! Random programs made from the input's bytes, run in every way this build
//! has; all must agree. See `tests/twins.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use support::campaign::Ends;
use support::way::Way;
use support::{random_program, twins};

fuzz_target!(|data: &[u8]| {
    let ways: Vec<Way> = Way::all().collect();
    if let Err(difference) = twins::check(&random_program::case(data), &ways, &mut Ends::default()) {
        panic!("{difference}");
    }
});
