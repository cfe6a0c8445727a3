//! Holds one hostile program against the interpreter: all that can be seen of its
//! calls, in some ways; what is left of fuel for every amount of it; and that
//! what never ends can be stopped.

use crate::agree::{Script, agree, run};
use crate::call::{call, difference, load, with_globals_exported};
use crate::campaign::{self, Ends};
use crate::case::Case;
use crate::way::{Tier, Way, When};
use nbc::ir::verify::VerifiedModule;
use nbc::runtime::engine::Limits;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use std::time::Duration;

/// Most fuel that is gone through one by one; of more some amounts are tried.
const EVERY: u64 = 250;
/// How many amounts are tried of more than that.
const SOME: u64 = 12;
/// Time after which a call that never ends is to stop.
const SOON: Duration = Duration::from_millis(15);

/// How calls ended, and what else was tried.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Tally {
    /// How calls ended.
    pub ends: Ends,
    /// Calls that were stopped by the clock.
    pub stopped: u64,
    /// Amounts of fuel.
    pub amounts: u64,
}

impl Tally {
    /// As numbers in a row.
    pub fn print(&self) -> String {
        let Tally { ends: Ends { returned, trapped, endless, .. }, stopped, amounts } = self;
        format!("{returned} {trapped} {endless} {stopped} {amounts}")
    }

    /// What [`Tally::print`] printed.
    pub fn read(text: &str) -> Option<Tally> {
        let numbers: Vec<u64> = text.split(' ').filter_map(|n| n.parse().ok()).collect();
        let [returned, trapped, endless, stopped, amounts] = numbers[..] else { return None };
        let ends = Ends { refused: 0, returned, trapped, endless };
        Some(Tally { ends, stopped, amounts })
    }
}

impl campaign::Tally for Tally {
    fn add(&mut self, other: Tally) {
        self.ends.add(other.ends);
        self.stopped += other.stopped;
        self.amounts += other.amounts;
    }
}

/// Runs the program in its ways; how its calls ended if all is well. If it is
/// `invariant`, no iteration of what it repeats may differ from the first.
///
/// # Errors
/// What is wrong.
pub fn check(case: &Case, invariant: bool) -> Result<Tally, String> {
    let module = with_globals_exported(case.module.clone()).verify();
    let module = module.map_err(|e| format!("not accepted: {e}"))?;
    let mut tally = Tally::default();
    let outcomes = run(&module, &case.script, Way::reference(true));
    let mut ended = Script { calls: Vec::new(), ..case.script.clone() };
    let mut endless = ended.clone();
    for (at, (outcome, call)) in outcomes.iter().zip(&case.script.calls).enumerate() {
        let to = if outcome.trap() == Some(TrapCode::OutOfFuel) { &mut endless } else { &mut ended };
        to.calls.push(call.clone());
        match &outcome.result {
            Ok(results) if invariant && results.get(3) != Some(&Value::I64(0)) => {
                return Err(format!("call {at}: iterations differ from the first: {results:?}"));
            }
            _ => tally.ends.count(outcome.trap()),
        }
    }
    for script in [&ended, &endless].into_iter().filter(|s| !s.calls.is_empty()) {
        agree(&module, script, &case.ways).map_err(|d| d.to_string())?;
    }
    if let Some((function, args)) = ended.calls.first() {
        let ways = case.ways.iter().filter(|w| w.metered && matches!(w.tier, Tier::Jit { .. }));
        for way in ways.take(2) {
            tally.amounts += amounts(&module, &case.script, (function, args), *way)?;
        }
    }
    if let Some((function, args)) = endless.calls.first() {
        let eager = |w: &&Way| matches!(w.tier, Tier::Jit { when: When::First | When::Hot, .. });
        if let Some(way) = case.ways.iter().filter(|w| !w.metered).find(eager) {
            let Script { memory, stack, .. } = case.script;
            let limits = Limits::new().fuel(None).timeout(SOON).memory(memory).stack(stack);
            // Where it stops depends on the clock; that it does is all there is to see.
            let outcome = call(&load(&module, *way), function, args, limits);
            tally.stopped += u64::from(outcome.trap() == Some(TrapCode::Timeout));
        }
    }
    Ok(tally)
}

/// Makes a call with every amount of fuel, or some where it needs much; how many.
fn amounts(
    module: &VerifiedModule,
    script: &Script,
    (function, args): (&str, &[Value]),
    way: Way,
) -> Result<u64, String> {
    let programs = [Way::reference(true), way].map(|w| load(module, w));
    let limits = |fuel| Limits::new().fuel(fuel).timeout(None).memory(script.memory).stack(script.stack);
    let whole = call(&programs[0], function, args, limits(script.fuel));
    let needed = script.fuel - whole.fuel.unwrap_or(0).min(script.fuel);
    let step = if needed <= EVERY { 1 } else { needed / SOME };
    let mut count = 0;
    // Not the same places in each iteration of a loop.
    for amount in (0..=needed).step_by(step as usize).map(|a| (a + a % 7 * u64::from(step > 1)).min(needed)) {
        let [expected, found] = [0, 1].map(|n| call(&programs[n], function, args, limits(amount)));
        if let Some(what) = difference(&expected, &found, way.beside_reference()) {
            return Err(format!("with fuel {amount} of {needed}: the reference and ({way}) differ: {what}"));
        }
        count += 1;
    }
    Ok(count)
}
