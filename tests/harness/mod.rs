//! What the tests of whole programs share: reading directives, comparing
//! values, running a program in every way this build has.

#![allow(dead_code)] // each test uses a part

pub mod compare;
pub mod directive;

use nbc::ir::verify::VerifiedModule;
use nbc::runtime::backtrace::Trap;
use nbc::runtime::engine::{Config, Engine, Limits, Program};
use nbc::runtime::interp::Dispatch;
use nbc::runtime::linker::Linker;
use nbc::runtime::region::HeapStats;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use std::fmt;
use std::sync::{Arc, Mutex};

/// One way to run a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    /// The dispatcher.
    pub dispatch: Dispatch,
    /// Whether fuel is metered.
    pub metered: bool,
}

impl Way {
    /// Every way of this build.
    pub fn all() -> impl Iterator<Item = Way> {
        let ways = |dispatch: &Dispatch| [false, true].map(|metered| Way { dispatch: *dispatch, metered });
        Dispatch::ALL.iter().flat_map(ways)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, fuel {}", self.dispatch.name(), if self.metered { "on" } else { "off" })
    }
}

/// Fuel that no test uses up.
pub const PLENTY: u64 = 1 << 62;

/// What a call did.
#[derive(Debug)]
pub struct Outcome {
    /// Results, or the trap.
    pub result: Result<Vec<Value>, Trap>,
    /// Fuel left, if metered.
    pub fuel: Option<u64>,
    /// What was printed.
    pub printed: String,
    /// Memory after the call.
    pub memory: HeapStats,
}

/// A module, loaded for one way of running it.
pub fn load(module: &VerifiedModule, way: Way) -> Program {
    Engine::new(Config::new().dispatch(way.dispatch)).load(module.clone())
}

/// Calls `function` of a fresh instance.
///
/// # Panics
/// When the program cannot be linked or called, which is the test's fault.
pub fn call(program: &Program, function: &str, args: &[Value], limits: Limits) -> Outcome {
    let printed = Arc::new(Mutex::new(String::new()));
    let mut linker = Linker::new();
    let out = printed.clone();
    linker.func("console.print", move |text: String| out.lock().unwrap().push_str(&text));
    let trapped = |e: nbc::runtime::error::Error| match e.trap() {
        Some(trap) => trap.clone(),
        None => panic!("{e}"),
    };
    let mut instance = match linker.instantiate_with(program, limits) {
        Ok(instance) => instance,
        Err(e) => {
            let result = Err(trapped(e));
            return Outcome { result, fuel: None, printed: String::new(), memory: HeapStats::default() };
        }
    };
    let result = instance.call(function, args).map_err(trapped);
    let printed = printed.lock().unwrap().clone();
    Outcome { result, fuel: instance.fuel(), printed, memory: instance.memory() }
}

/// How two outcomes differ, if they do. Where calls overflow the stack is left
/// to each dispatcher, for their frames differ in size.
pub fn difference(a: &Outcome, b: &Outcome) -> Option<String> {
    match (&a.result, &b.result) {
        (Ok(x), Ok(y)) => {
            if x.len() != y.len() || !x.iter().zip(y).all(|(x, y)| compare::identical(x, y)) {
                return Some(format!("results {x:?} and {y:?}"));
            }
        }
        (Err(x), Err(y)) if x.code() == TrapCode::StackOverflow && x.code() == y.code() => return None,
        (Err(x), Err(y)) => {
            if x != y {
                return Some(format!("traps {x} and {y}\n{x:?}\n{y:?}"));
            }
        }
        (x, y) => return Some(format!("{x:?} and {y:?}")),
    }
    if let (Some(x), Some(y)) = (a.fuel, b.fuel)
        && x != y
    {
        return Some(format!("fuel left {x} and {y}"));
    }
    if a.memory != b.memory {
        return Some(format!("memory {:?} and {:?}", a.memory, b.memory));
    }
    (a.printed != b.printed).then(|| format!("printed {:?} and {:?}", a.printed, b.printed))
}
