//! Where the engines that are compared come from.
//!
//! This build has no compiling tier yet, so all three interpret, and there is
//! nothing to say about compiling. What is measured and shown does not depend on it.

use nbc::runtime::engine::{Config, Engine};
use nbc::runtime::interp::Dispatch;
use std::time::Duration;

/// What was compiled, and what that took.
#[derive(Clone, Copy, Debug)]
pub struct Compilation {
    /// Functions (and loops entered in the middle) that were compiled.
    pub functions: u64,
    /// Those that could not be, and are interpreted.
    pub failed: u64,
    /// Time spent compiling.
    pub time: Duration,
    /// Size of the machine code.
    pub bytes: u64,
}

/// Tells what an engine has compiled.
pub struct Metrics;

impl Metrics {
    /// What has been compiled so far; `None` when nothing ever is.
    pub fn read(&self) -> Option<Compilation> {
        None
    }
}

/// An engine that only interprets.
pub fn interpreter(dispatch: Dispatch) -> Engine {
    Engine::new(Config::new().dispatch(dispatch))
}

/// An engine that compiles every function when it is first called, and waits for it.
pub fn compiled(dispatch: Dispatch) -> (Engine, Metrics) {
    (interpreter(dispatch), Metrics)
}

/// An engine as programs normally get it: what is hot is compiled meanwhile.
pub fn auto(dispatch: Dispatch) -> Engine {
    interpreter(dispatch)
}
