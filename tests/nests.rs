//! Random nests of loops over tensors, run in every way this build has.
//!
//! The programs are what passes over loops look for, and what they must not
//! fall for: counters up, down, by several, by something, in 32 bits, shared
//! by loops; indices in range or just out of it, in one dimension or two;
//! accesses that a branch skips, loops left early, bounds from tensors and
//! from the caller, up to the largest integers. How many, and which:
//! `tests/harness/campaign.rs`.

mod harness;
#[path = "nests/program.rs"]
mod program;
#[path = "random_program/choices.rs"]
#[allow(dead_code)] // each test uses a part
mod choices;

use choices::{Choices, Random, shrink};
use harness::agree::{Script, agree};
use harness::campaign::{self, Campaign, Finding, caught};
use harness::{Way, with_globals_exported};
use nbc::ir::Module;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;

/// Most bytes of choices.
const BYTES: usize = 400;

/// How the calls ended.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    returned: u64,
    trapped: u64,
    endless: u64,
}

impl campaign::Tally for Tally {
    fn add(&mut self, other: Tally) {
        self.returned += other.returned;
        self.trapped += other.trapped;
        self.endless += other.endless;
    }
}

#[test]
fn nests_of_loops_do_the_same_in_every_way() {
    let campaign = Campaign::of(if cfg!(debug_assertions) { 300 } else { 4000 });
    let (tally, programs) = campaign.run("nests", |seed, tally: &mut Tally| {
        let mut random = Random(seed.wrapping_mul(0x9e6c_63d0_876a_3f6b));
        let len = random.next() as usize % BYTES;
        let bytes = random.bytes(len);
        attempt(&bytes, tally).map_err(|why| {
            let (small, why) = shrink(bytes, why, |bytes| attempt(bytes, &mut Tally::default()));
            Finding { why, program: program::text(&mut Choices::new(&small)) }
        })
    });
    let calls = tally.returned + tally.trapped + tally.endless;
    assert!(calls >= programs && tally.returned * 5 >= calls, "too few return: {tally:?}");
}

fn attempt(bytes: &[u8], tally: &mut Tally) -> Result<(), String> {
    caught(|| check(&program::text(&mut Choices::new(bytes)), tally))
}

fn check(text: &str, tally: &mut Tally) -> Result<(), String> {
    let module = Module::parse(text, "nest").map_err(|e| e.to_string())?;
    let module = with_globals_exported(module).verify().map_err(|e| e.to_string())?;
    let args = [[7, 3], [0, 0], [1, 1], [8, 2], [40, 1], [-1, 8], [9, -2], [i64::MAX, 1], [2, i64::MIN]];
    let calls = args.iter().map(|a| ("main".to_owned(), a.iter().map(|v| Value::I64(*v)).collect())).collect();
    let script = Script { calls, fuel: 30_000, memory: 1 << 20, stack: 1 << 17 };
    let ways: Vec<Way> = Way::all().collect();
    for outcome in agree(&module, &script, &ways).map_err(|d| d.to_string())? {
        match outcome.trap() {
            None => tally.returned += 1,
            Some(TrapCode::OutOfFuel) => tally.endless += 1,
            Some(_) => tally.trapped += 1,
        }
    }
    Ok(())
}
