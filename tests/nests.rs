//! Random nests of loops over tensors, run in some of the ways that this
//! build has.
//!
//! The programs are what passes over loops look for, and what they must not
//! fall for: counters up, down, by several, by something, in 32 bits, shared
//! by loops; indices in range or just out of it, in one dimension or two;
//! accesses that a branch skips, loops left early, bounds from tensors and
//! from the caller, up to the largest integers. How many, and which:
//! `tests/harness/campaign.rs`.

#[path = "random_program/choices.rs"]
#[allow(dead_code)] // each test uses a part
mod choices;
mod harness;
#[path = "nests/program.rs"]
mod program;

use choices::{Choices, Random, shrink};
use harness::agree::{Difference, Script, agree};
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
    let campaign = Campaign::of(if cfg!(debug_assertions) { 100 } else { 2000 });
    let (tally, programs) = campaign.run("nests", |seed, tally: &mut Tally| {
        let mut random = Random(seed.wrapping_mul(0x9e6c_63d0_876a_3f6b));
        let len = random.next() as usize % BYTES;
        let bytes = random.bytes(len);
        let mut ways = Way::some(seed);
        attempt(&bytes, &mut ways, tally).map_err(|why| {
            let tally = &mut Tally::default();
            let (small, why) = shrink(bytes, why, |bytes| attempt(bytes, &mut ways, tally));
            Finding { why, program: program::text(&mut Choices::new(&small)) }
        })
    });
    let calls = tally.returned + tally.trapped + tally.endless;
    assert!(calls >= programs && tally.returned * 5 >= calls, "too few return: {tally:?}");
}

/// Where two ways differ, only the other way stays in `ways`.
fn attempt(bytes: &[u8], ways: &mut Vec<Way>, tally: &mut Tally) -> Result<(), String> {
    let (mut differs, ran) = (None, ways.clone());
    let result = caught(|| {
        check(&program::text(&mut Choices::new(bytes)), &ran, tally).map_err(|d| {
            differs = Some(d.other);
            d.to_string()
        })
    });
    if let Some(way) = differs {
        *ways = vec![way];
    }
    result
}

fn check(text: &str, ways: &[Way], tally: &mut Tally) -> Result<(), Difference> {
    let module = Module::parse(text, "nest").and_then(|m| with_globals_exported(m).verify());
    let module = module.unwrap_or_else(|e| panic!("{e}"));
    let args = [[7, 3], [0, 0], [1, 1], [8, 2], [40, 1], [-1, 8], [9, -2], [i64::MAX, 1], [2, i64::MIN]];
    let calls =
        args.iter().map(|a| ("main".to_owned(), a.iter().map(|v| Value::I64(*v)).collect())).collect();
    let script = Script { calls, fuel: 30_000, memory: 1 << 20, stack: 1 << 17, may_fail: false };
    for outcome in agree(&module, &script, ways)? {
        match outcome.trap() {
            None => tally.returned += 1,
            Some(TrapCode::OutOfFuel) => tally.endless += 1,
            Some(_) => tally.trapped += 1,
        }
    }
    Ok(())
}
