//! Engines for benches: what they compile, and when.

use nbc::jit::midend;
use nbc::jit::{Jit, Mode, Options};
use nbc::runtime::machine::loaded::Loaded;
use nbc::runtime::machine::tier::{HotPlace, Tier};
use nbc::{Config, Engine, FuncId};
use std::sync::Arc;

/// Only interprets.
pub fn interpreter() -> Engine {
    Engine::new(Config::interpret_only())
}

/// Compiles every function at its first call. The compiler itself has been made.
///
/// # Panics
/// When this machine has none.
pub fn compiled() -> (Engine, Arc<Jit>) {
    let jit = Jit::new(Options::new().mode(Mode::Always).background(false));
    assert!(jit.compiler().is_some(), "this machine has no compiler");
    (Engine::new(Config::new().tier(jit.clone())), jit)
}

/// Interprets until a running loop is first looked at, and waits for its code.
///
/// # Panics
/// When this machine has no compiler.
pub fn loops() -> (Engine, Arc<Jit>) {
    let jit = Jit::new(Options::new().background(false).threshold(1));
    assert!(jit.compiler().is_some(), "this machine has no compiler");
    (Engine::new(Config::new().tier(jit.clone())), jit)
}

/// Compiles the functions that `wanted` says by their names, at their first
/// call, and inlines nothing: a call that has been inlined is none.
pub fn partly(wanted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Engine {
    let passes = midend::Options { inline: false, ..midend::Options::default() };
    let jit = Jit::new(Options::new().mode(Mode::Always).background(false).passes(passes));
    Engine::new(Config::new().tier(Arc::new(Partly { jit, wanted })))
}

struct Partly<F> {
    jit: Arc<Jit>,
    wanted: F,
}

impl<F: Fn(&str) -> bool + Send + Sync> Tier for Partly<F> {
    fn threshold(&self) -> u64 {
        u64::MAX
    }

    fn at_first_call(&self) -> bool {
        true
    }

    fn first_call(&self, code: &Arc<Loaded>, func: FuncId, must_stop: &dyn Fn() -> bool) {
        if (self.wanted)(&code.module.func_name(func)) {
            self.jit.first_call(code, func, must_stop);
        }
    }

    fn hot(&self, _: &Arc<Loaded>, _: HotPlace, _: &dyn Fn() -> bool) {}
}
