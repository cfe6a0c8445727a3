//! Campaigns of twins: programs made of choices, each run in some of the ways that this build has.
//! Results, traps with their frames, fuel left, memory and globals must come out the same, bit for bit.

use crate::agree::{Difference, agree};
use crate::call::with_globals_exported;
use crate::campaign::{Campaign, Ends};
use crate::case::Case;
use crate::mutation;
use crate::way::Way;

/// Runs what `make` makes of up to `most` bytes.
pub fn run(campaign: &Campaign, name: &str, most: usize, make: impl Fn(&[u8]) -> Case + Sync) -> (Ends, u64) {
    campaign.run_choices(
        name,
        most,
        |seed| {
            let mut ways = Way::some(seed);
            let make = &make;
            move |bytes: &[u8], ends: &mut Ends| attempt(&make(bytes), &mut ways, ends)
        },
        |seed, bytes, why| mutation::finding(Case { ways: Way::some(seed), ..make(bytes) }, why),
    )
}

/// Where two ways differ, only the other way stays in `ways`, so that the next attempts are quicker.
fn attempt(case: &Case, ways: &mut Vec<Way>, ends: &mut Ends) -> Result<(), String> {
    check(case, ways, ends).map_err(|difference| {
        *ways = vec![difference.other];
        difference.to_string()
    })
}

/// Runs a program in those ways, if the verifier accepts it, and counts how its calls end.
///
/// # Errors
/// The first two ways that differ.
pub fn check(case: &Case, ways: &[Way], ends: &mut Ends) -> Result<(), Difference> {
    match with_globals_exported(case.module.clone()).verify() {
        Ok(module) => agree(&module, &case.script, ways)?.iter().for_each(|o| ends.count(o.trap())),
        Err(e) => {
            ends.refused += 1;
            if std::env::var_os("TWINS_REFUSED").is_some() {
                println!("{}: {e}", case.from);
            }
        }
    }
    Ok(())
}
