//! Random programs, run in every way this build has: results, traps with
//! their frames, fuel left, memory and globals must come out the same bit for
//! bit. In an optimised build this holds direct threading with its
//! superinstructions against the portable loop.
//!
//! `TWINS=100000` sets how many programs, `TWINS_SEED=7` where to begin. A
//! failure is shrunk before it is shown.

mod harness;
mod random_program;

use random_program::choices::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Most bytes of choices.
const BYTES: usize = 3000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[test]
fn every_way_of_running_agrees() {
    let programs = number("TWINS", if cfg!(debug_assertions) { 400 } else { 4000 });
    let first = number("TWINS_SEED", 1);
    let mut tally = random_program::agree::Tally::default();
    for seed in first..first + programs {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let len = random.next() as usize % BYTES;
        let bytes = random.bytes(len);
        if let Err(why) = attempt(&bytes, &mut tally) {
            let (small, why) = shrink(bytes, why);
            let text = random_program::program(&mut random_program::choices::Choices::new(&small)).print();
            panic!("seed {seed} (TWINS_SEED={seed} TWINS=1): {why}\n{text}");
        }
    }
    println!("{programs} programs: {tally:?}");
    // The generator must make programs that run, not only ones that end early.
    assert!(tally.refused * 20 <= programs, "{} of {programs} were refused", tally.refused);
    assert!(tally.returned * 10 >= programs, "only {} of {programs} returned", tally.returned);
}

/// A panic counts as a failure too.
fn attempt(bytes: &[u8], tally: &mut random_program::agree::Tally) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(|| random_program::agree::check(bytes, tally))) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            Err(format!("panic: {}", text.unwrap_or_else(|| "without a message".to_owned())))
        }
    }
}

/// A shorter list of choices that still fails.
fn shrink(mut bytes: Vec<u8>, mut why: String) -> (Vec<u8>, String) {
    let mut tally = random_program::agree::Tally::default();
    let mut size = bytes.len().next_power_of_two();
    let mut tries = 0;
    while size > 0 {
        let mut at = 0;
        while at < bytes.len() && tries < 4000 {
            let end = (at + size).min(bytes.len());
            let shorter = [&bytes[..at], &bytes[end..]].concat();
            let mut zeroed = bytes.clone();
            zeroed[at..end].fill(0);
            tries += 1;
            if let Err(e) = attempt(&shorter, &mut tally) {
                (bytes, why) = (shorter, e);
                continue;
            }
            if zeroed != bytes
                && let Err(e) = attempt(&zeroed, &mut tally)
            {
                (bytes, why) = (zeroed, e);
            }
            at += size;
        }
        size /= 2;
    }
    (bytes, why)
}
