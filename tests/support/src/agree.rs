//! Runs one program in every way this build has and compares all that can be
//! seen: results, traps with their frames, fuel left, globals, memory, and
//! what was said to the host.
//!
//! A program runs with fuel first. Only if it ends of itself does it run
//! without, so that endless programs may come along.

use crate::call::{call_in, difference, failed, load};
use crate::way::{Tier, Way};
use nbc::compare::calls::{Console, Outcome};
use nbc::ir::verify::VerifiedModule;
use nbc::runtime::engine::{Limits, Program};
use nbc::runtime::linker::Linker;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use std::fmt;
use std::time::Duration;

/// Calls of one instance, one after the other, so that what a call left behind
/// is seen by the next.
#[derive(Clone, Debug)]
pub struct Script {
    /// Functions and what they are called with.
    pub calls: Vec<(String, Vec<Value>)>,
    /// Fuel of each call.
    pub fuel: u64,
    /// Most memory, in bytes.
    pub memory: usize,
    /// Most stack, in bytes.
    pub stack: usize,
    /// Whether a function that cannot be compiled is as good.
    pub may_fail: bool,
}

impl Script {
    /// Calls with that much fuel each, little stack, and as much memory as small programs need.
    pub fn new(calls: Vec<(String, Vec<Value>)>, fuel: u64) -> Script {
        Script { calls, fuel, memory: 1 << 20, stack: 1 << 17, may_fail: false }
    }
}

/// Two ways that differ.
#[derive(Debug)]
pub struct Difference {
    /// In which call, from 0.
    pub call: usize,
    /// The one, which is the reference.
    pub first: Way,
    /// The other.
    pub other: Way,
    /// What differs.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}: ({}) and ({}) differ: {}", self.call, self.first, self.other, self.what)
    }
}

/// Time of a call without fuel that is known to end. It only keeps a loop that
/// never ends from hanging the tests: far more than compiling and running takes
/// on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// The same of one that used up the stack: where calls go deeper it may get to a
/// loop that never ends, which is no difference.
const PATIENCE_WITH_DEPTH: Duration = Duration::from_secs(10);

/// Runs the program in `ways` and in the reference; what that did if all agree.
///
/// # Errors
/// The first two that differ.
pub fn agree(module: &VerifiedModule, script: &Script, ways: &[Way]) -> Result<Vec<Outcome>, Difference> {
    let first = Way::reference(true);
    let expected = run(module, script, first);
    let ended_by = |code| expected.iter().any(|o| o.trap() == Some(code));
    let endless = ended_by(TrapCode::OutOfFuel);
    let patience = if ended_by(TrapCode::StackOverflow) { PATIENCE_WITH_DEPTH } else { PATIENCE };
    for other in ways.iter().copied().filter(|w| *w != first && (w.metered || !endless)) {
        let failed = || other.jit().map_or(0, |jit| jit.metrics().failed);
        let before = failed();
        let found = run_loaded(&load(module, other), script, other, patience);
        if failed() > before && !script.may_fail {
            let what = "the compiler failed, so that a function stayed interpreted".to_owned();
            return Err(Difference { call: 0, first, other, what });
        }
        for (call, (e, f)) in expected.iter().zip(&found).enumerate() {
            let is_deep = [e, f].iter().any(|o| o.trap() == Some(TrapCode::StackOverflow));
            // Compiled code has a stack of its own, so deep calls end where they end.
            if is_deep && other.tier != Tier::None {
                break;
            }
            if let Some(what) = difference(e, f, other.beside_reference()) {
                return Err(Difference { call, first, other, what });
            }
        }
    }
    Ok(expected)
}

/// Runs all calls in one way.
pub fn run(module: &VerifiedModule, script: &Script, way: Way) -> Vec<Outcome> {
    run_loaded(&load(module, way), script, way, PATIENCE)
}

fn run_loaded(program: &Program, script: &Script, way: Way, patience: Duration) -> Vec<Outcome> {
    let console = Console::default();
    let limits = Limits::new()
        .fuel(way.metered.then_some(script.fuel))
        .timeout((!way.metered).then_some(patience))
        .memory(script.memory)
        .stack(script.stack);
    let mut instance = match linker(&console).instantiate_with(program, limits) {
        Ok(instance) => instance,
        Err(e) => return vec![failed(e)],
    };
    let mut outcomes = Vec::new();
    for (function, args) in &script.calls {
        instance.set_fuel(script.fuel);
        outcomes.push(call_in(&mut instance, function, args, &console));
        // What the next call runs has been compiled by then.
        if let Some(jit) = way.jit() {
            jit.settle();
        }
    }
    outcomes
}

/// The host: each function says what it was called with, so that the order of
/// calls is seen too.
pub fn linker(console: &Console) -> Linker {
    let mut linker = Linker::new();
    console.give(&mut linker);
    let to = console.clone();
    linker.func("host.twist", move |v: i64| {
        to.print(&format!("twist {v}\n"));
        if v % 16 == 7 { Err("a seven") } else { Ok(v.wrapping_mul(-3) ^ 0x55) }
    });
    let to = console.clone();
    linker.func("host.mix", move |a: f64, b: i32| {
        to.print(&format!("mix {a:?} ({:#x}) {b}\n", a.to_bits()));
        (b.wrapping_add(a as i32), a * 0.5 + f64::from(b))
    });
    linker
}
