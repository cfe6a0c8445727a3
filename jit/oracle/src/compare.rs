//! What an evaluation came to, and how two of them differ that should be the same.

use crate::Stop;
use crate::state::{Event, Picture, State};
use crate::value::Slot;
use nbc_runtime::abi::CodeLocation;
use nbc_runtime::trap::TrapError;
use std::fmt;

/// How an evaluation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The function returned.
    Returned(Vec<Slot>),
    /// It trapped, in these calls, the innermost first.
    Trapped(TrapError, Vec<CodeLocation>),
    /// It was not evaluated to its end.
    Stopped(Stop),
}

/// What an evaluation came to.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// What can be reached afterwards: from the results, by whoever called, from globals.
    pub picture: Picture,
    /// How many nodes ran.
    pub nodes: u64,
    /// Most nodes of the function that ran between two looks at clock and interrupt flag.
    pub most_silent: u64,
    /// The state it left, with what has been seen.
    pub state: State,
}

/// How two outcomes compare.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// They are the same.
    Same,
    /// One of them is not known to its end.
    Unknown(Stop),
    /// They differ.
    Differ(String),
}

impl Outcome {
    fn stop(&self) -> Option<&Stop> {
        match &self.end {
            End::Stopped(stop) => Some(stop),
            _ => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Returned(_) => f.write_str("returned"),
            End::Trapped(error, frames) => {
                write!(f, "trap {}: {} at", error.code.name(), error.message())?;
                frames.iter().try_for_each(|p| write!(f, " {:?} block{}:{}", p.func, p.block, p.inst))
            }
            End::Stopped(stop) => write!(f, "{stop:?}"),
        }
    }
}

/// Compares what a function did before a pass and after it. It must have been allowed to run
/// longer than before.
pub fn compare(before: &Outcome, after: &Outcome) -> Verdict {
    match (before.stop(), after.stop()) {
        (Some(Stop::Wrong(why)), _) => return Verdict::Differ(format!("wrong before: {why}")),
        (_, Some(Stop::Wrong(why))) => return Verdict::Differ(format!("wrong: {why}")),
        (Some(stop), _) => return Verdict::Unknown(stop.clone()),
        (None, Some(Stop::OutOfSteps)) => {
            let text = format!(
                "ended after {} nodes ({}), and does not after {}",
                before.nodes, before.end, after.nodes
            );
            return Verdict::Differ(text);
        }
        (None, Some(stop)) => return Verdict::Unknown(stop.clone()),
        (None, None) => {}
    }
    if let Some(text) = events(&before.state.events, &after.state.events) {
        return Verdict::Differ(text);
    }
    let is_same = match (&before.end, &after.end) {
        (End::Returned(_), End::Returned(_)) => true,
        (a, b) => a == b,
    };
    if !is_same {
        return Verdict::Differ(format!("{}\nand {}", before.end, after.end));
    }
    if before.state.fuel() != after.state.fuel() {
        let (a, b) = (before.state.fuel(), after.state.fuel());
        return Verdict::Differ(format!("fuel left {a:?} and {b:?}, {}", before.end));
    }
    match pictures(&before.picture, &after.picture) {
        Some(text) => Verdict::Differ(text),
        None => Verdict::Same,
    }
}

fn events(before: &[Event], after: &[Event]) -> Option<String> {
    let count = before.len().max(after.len());
    let at = (0..count).find(|n| before.get(*n) != after.get(*n))?;
    Some(format!("number {at} of what is seen: {:?}\nand {:?}", before.get(at), after.get(at)))
}

fn pictures(before: &Picture, after: &Picture) -> Option<String> {
    let count = before.parts.len().max(after.parts.len());
    let at = (0..count).find(|n| before.parts.get(*n) != after.parts.get(*n))?;
    Some(format!("value {at} of what is left: {:?}\nand {:?}", before.parts.get(at), after.parts.get(at)))
}
