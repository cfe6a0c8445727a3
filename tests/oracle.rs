//! Every pass of the mid-end is held against what was there before it: programs are evaluated in
//! the mid-end's form, function by function, after each pass (`nbc-oracle`).
//!
//! Unlike `midend.rs`, which goes back to bytecode, this sees all passes, with fuel and without;
//! and accesses without a check, fuel, and looks at the clock as well as results. Functions run
//! with arguments that programs give them, with hostile ones, and in the middle of their loops.
//! What the analyses claim of each version is held against what happens.
//! What the evaluator itself makes of a program is held against the interpreter.
//!
//! How many programs, and which: `tests/support/src/campaign.rs`.

use support::campaign::{Campaign, Finding, caught};
use support::case::Case;
use support::evaluation::{self, Tally};
use support::mutation::corpus;
use support::{nests, random_program, wrapping};

/// Calls of a nest of loops.
const CALLS: usize = 4;

/// Runs a campaign of programs made from up to so many bytes of choices.
fn campaign(name: &str, most: usize, make: impl Fn(&[u8]) -> Case + Sync) -> (Tally, u64) {
    let (tally, programs) = Campaign::of(30, 250).run_choices(
        name,
        most,
        |seed| {
            let make = &make;
            move |bytes: &[u8], tally: &mut Tally| {
                let case = make(bytes);
                evaluation::check(case.module, &case.script, seed, tally)
            }
        },
        |_, bytes, why| Finding { why, program: make(bytes).module.print() },
    );
    println!("{name}: {}", tally.summary());
    tally.assert_supported(programs);
    (tally, programs)
}

#[test]
fn passes_change_nothing_in_random_programs() {
    let (tally, programs) = campaign("oracle", random_program::BYTES, random_program::case);
    assert!(tally.refused * 20 <= programs, "{} of {programs} were refused", tally.refused);
    assert!(tally.resumed >= programs, "only {} functions were resumed", tally.resumed);
}

#[test]
fn passes_change_nothing_in_nests_of_loops() {
    let (tally, programs) = campaign("oracle-nests", nests::BYTES, |bytes| nests::case(bytes, CALLS));
    assert!(tally.resumed >= programs, "only {} functions were resumed", tally.resumed);
}

#[test]
fn passes_change_nothing_where_numbers_come_around() {
    let (tally, programs) = campaign("oracle-wrapping", wrapping::BYTES, wrapping::case);
    assert!(tally.resumed * 2 >= programs, "only {} functions were resumed", tally.resumed);
}

#[test]
fn passes_change_nothing_in_the_programs_of_this_repository() {
    let mut tally = Tally::default();
    let mut count = 0;
    // A debug build takes minutes for all of them; an optimised one sees to that.
    let every = if cfg!(debug_assertions) { 10 } else { 1 };
    for case in corpus::samples().into_iter().step_by(every) {
        if let Err(why) = caught(|| evaluation::check(case.module.clone(), &case.script, count, &mut tally)) {
            panic!("{}: {why}", case.from);
        }
        count += 1;
    }
    println!("{count} programs: {}", tally.summary());
    tally.assert_supported(count);
}
