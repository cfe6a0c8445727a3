//! Whether the tiers do the same: what is not the same is not worth timing.
//!
//! Everything that can be seen of a call is compared bit for bit ([`nbc::compare::calls`]), with fuel
//! metered and without. Then the call is made once more in the same instance, where the state that it
//! has left behind shows.

use super::super::failure::Failure;
use super::Bench;
use super::measure::Plan;
use nbc::TrapCode;
use nbc::compare::calls::{Between, Console, Outcome};
use nbc::runtime::engine::{Engine, Limits};
use nbc::runtime::linker::Linker;

/// So much that no bench uses it up.
const FUEL: u64 = u64::MAX / 2;
/// How often each instance is called.
const CALLS: usize = 2;
/// What is said of the one and of the other.
const TIERS: [&str; 2] = ["interpreted", "compiled"];

/// What a call cost, where that is metered.
pub fn fuel_used(outcome: &Outcome) -> Option<u64> {
    outcome.fuel.map(|left| FUEL.saturating_sub(left))
}

/// Runs `bench` in both engines and compares; returns what the first call
/// showed, with fuel metered.
///
/// # Errors
/// A trap that both agree on, or a difference.
pub fn check(bench: &Bench, plan: Plan, interpreter: &Engine, compiled: &Engine) -> Result<Outcome, Failure> {
    let mut metered = None;
    for fuel in [Some(FUEL), None] {
        let one = observe(bench, plan, interpreter, fuel)?;
        let other = observe(bench, plan, compiled, fuel)?;
        for (call, (a, b)) in one.iter().zip(&other).enumerate() {
            // Where time is up is no difference.
            let late =
                |o: &Outcome| o.result.as_ref().err().filter(|t| t.code() == TrapCode::Timeout).cloned();
            if let Some(trap) = late(a).or_else(|| late(b)) {
                return Err(bench.failed(trap.into()));
            }
            if let Some(what) = a.unlike(b, Between::Tiers, TIERS) {
                let with = if fuel.is_some() { "with" } else { "without" };
                let message =
                    format!("{} is not timed: in call {}, {with} fuel, {what}", bench.label(), call + 1);
                return Err(Failure::Differs(message));
            }
            if let Err(trap) = &a.result {
                return Err(bench.failed(trap.clone().into()));
            }
        }
        metered = metered.or_else(|| one.into_iter().next());
    }
    // Both engines have been called, or this place is not reached.
    metered.ok_or_else(|| Failure::Differs(format!("{} was never called", bench.label())))
}

fn observe(bench: &Bench, plan: Plan, engine: &Engine, fuel: Option<u64>) -> Result<Vec<Outcome>, Failure> {
    let console = Console::default();
    let mut linker = Linker::new();
    console.give(&mut linker);
    let limits = Limits::new().fuel(fuel).timeout(plan.timeout);
    let program = engine.load(bench.module.clone());
    let mut instance = linker.instantiate_with(&program, limits).map_err(|e| bench.failed(e))?;
    let mut seen: Vec<Outcome> = Vec::new();
    while seen.len() < CALLS && seen.iter().all(|o| o.result.is_ok()) {
        instance.set_fuel(FUEL);
        let outcome = Outcome::of(&mut instance, &bench.name, &bench.args, &console);
        seen.push(outcome.map_err(|e| bench.failed(e))?.with_globals(&mut instance));
    }
    Ok(seen)
}
