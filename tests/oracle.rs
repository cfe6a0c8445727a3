//! Every pass of the mid-end is held against what was there before it: programs are evaluated in
//! the mid-end's form, function by function, after each pass (`nbc-oracle`).
//!
//! Unlike `midend.rs`, which goes back to bytecode, this sees all passes, with fuel and without;
//! and accesses without a check, fuel, and looks at the clock as well as results. Functions run
//! with arguments that programs give them, with hostile ones, and in the middle of their loops.
//! What the analyses claim of each version is held against what happens.
//! What the evaluator itself makes of a program is held against the interpreter.
//!
//! How many programs, and which: `tests/harness/campaign.rs`.

mod evaluation;
mod harness;
mod mutation;
#[path = "nests/program.rs"]
mod nest;
mod random_program;

use evaluation::Tally;
use harness::agree::Script;
use harness::campaign::{Campaign, Finding, caught};
use nbc::ir::Module;
use nbc::runtime::value::Value;
use random_program::choices::{self, Choices, Random, shrink};

/// Runs a campaign of programs made from up to so many bytes of choices.
fn campaign(
    name: &str,
    most: usize,
    make: impl Fn(&[u8]) -> Option<(Module, Script)> + Sync,
) -> (Tally, u64) {
    let campaign = Campaign::of(if cfg!(debug_assertions) { 40 } else { 400 });
    let (tally, programs) = campaign.run(name, |seed, tally: &mut Tally| {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let len = random.next() as usize % most;
        let bytes = random.bytes(len);
        let attempt = |bytes: &[u8], tally: &mut Tally| {
            let Some((module, script)) = make(bytes) else { return Ok(()) };
            caught(|| evaluation::check(module, &script, seed, tally))
        };
        attempt(&bytes, tally).map_err(|why| {
            let (small, why) = shrink(bytes, why, |bytes| attempt(bytes, &mut Tally::default()));
            let program = make(&small).map_or_else(String::new, |(module, _)| module.print());
            Finding { why, program }
        })
    });
    println!("{name}: {}", tally.summary());
    tally.assert_supported(programs);
    (tally, programs)
}

#[test]
fn passes_change_nothing_in_random_programs() {
    let (tally, programs) = campaign("oracle", 3000, |bytes| {
        let module = random_program::program(&mut Choices::new(bytes));
        Some((module, random_program::agree::script(bytes)))
    });
    assert!(tally.refused * 20 <= programs, "{} of {programs} were refused", tally.refused);
    assert!(tally.resumed >= programs, "only {} functions were resumed", tally.resumed);
}

#[test]
fn passes_change_nothing_in_nests_of_loops() {
    let (tally, programs) = campaign("oracle-nests", 400, |bytes| {
        let text = nest::text(&mut Choices::new(bytes));
        let module = Module::parse(&text, "nest").unwrap_or_else(|e| panic!("{e}"));
        let args = [[7, 3], [40, 1], [9, -2], [i64::MAX, 1]];
        let call = |a: &[i64; 2]| ("main".to_owned(), a.iter().map(|v| Value::I64(*v)).collect());
        let calls = args.iter().map(call).collect();
        Some((module, Script { calls, fuel: 30_000, memory: 1 << 20, stack: 1 << 17, may_fail: false }))
    });
    assert!(tally.resumed >= programs, "only {} functions were resumed", tally.resumed);
}

#[test]
fn passes_change_nothing_where_numbers_come_around() {
    let (tally, programs) = campaign("oracle-wrapping", 250, |bytes| {
        let text = evaluation::wrapping::text(&mut Choices::new(bytes));
        let module = Module::parse(&text, "wrapping").unwrap_or_else(|e| panic!("{e}"));
        let args = [
            [Value::I64(40), Value::I64(3), Value::I32(12), Value::I32(1)],
            [Value::I64(i64::MAX - 3), Value::I64(-1), Value::I32(i32::MAX - 5), Value::I32(i32::MIN + 2)],
        ];
        let calls = args.map(|a| ("main".to_owned(), a.to_vec())).to_vec();
        Some((module, Script { calls, fuel: 30_000, memory: 1 << 20, stack: 1 << 17, may_fail: false }))
    });
    assert!(tally.resumed * 2 >= programs, "only {} functions were resumed", tally.resumed);
}

#[test]
fn passes_change_nothing_in_the_programs_of_this_repository() {
    let mut tally = Tally::default();
    let mut count = 0;
    // A debug build takes minutes for all of them; an optimised one sees to that.
    let every = if cfg!(debug_assertions) { 6 } else { 1 };
    for case in mutation::corpus::samples().into_iter().step_by(every) {
        if let Err(why) = caught(|| evaluation::check(case.module.clone(), &case.script, count, &mut tally)) {
            panic!("{}: {why}", case.from);
        }
        count += 1;
    }
    println!("{count} programs: {}", tally.summary());
    tally.assert_supported(count);
}
