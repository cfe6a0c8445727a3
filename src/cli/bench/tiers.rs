//! The engines that are compared, one for each tier. What they have in common is their base.

use nbc::jit::{Jit, Mode, Options};
use nbc::runtime::engine::{Config, Engine};
use std::sync::Arc;
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
    /// Memory that holds the machine code, in whole pages.
    pub bytes: u64,
}

/// Tells what an engine has compiled.
pub struct Metrics(Arc<Jit>);

impl Metrics {
    /// What has been compiled so far.
    pub fn read(&self) -> Compilation {
        let m = self.0.metrics();
        Compilation {
            functions: m.functions + m.loops,
            failed: m.failed,
            time: m.compile_time,
            bytes: m.code_bytes,
        }
    }
}

/// An engine that only interprets.
pub fn interpreter(base: &Config) -> Engine {
    Engine::new(base.clone())
}

/// An engine that compiles every function when it is first called, and waits for it.
pub fn compiled(base: &Config) -> (Engine, Metrics) {
    let jit = Jit::new(Options::new().mode(Mode::Always).background(false));
    // The compiler itself is made once for an engine; that is no part of compiling a program.
    let _ = jit.compiler();
    (Engine::new(base.clone().tier(jit.clone())), Metrics(jit))
}

/// An engine as programs normally get it: what is hot is compiled meanwhile.
pub fn auto(base: &Config) -> Engine {
    Engine::new(base.clone().tier(Jit::new(Options::default())))
}
