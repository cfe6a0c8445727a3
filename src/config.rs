//! How programs run: as the `nbc` command runs them, unless something else is said.
//!
//! The runtime knows no compiler, so what embedders get by default is put together here:
//! an interpreter that counts, and a compiler for what is hot.
//!
//! ```
//! use nbc::{Config, Engine};
//! // Interprets, and compiles what is hot on a thread of its own.
//! let engine = Engine::default();
//! // Interprets only: nothing is compiled, and no thread is started.
//! let interpreter = Engine::new(Config::interpret_only());
//! // Every function is compiled before it first runs.
//! let options = nbc::jit::Options::new().mode(nbc::jit::Mode::Always);
//! let compiled = Engine::new(Config::new().jit(options));
//! ```

use nbc_jit::{Jit, Options, Verify};
use nbc_runtime::device::Device;
use nbc_runtime::engine;
use nbc_runtime::machine::dispatch::Dispatch;
use nbc_runtime::machine::tier::Tier;
use nbc_runtime::placement::{Cores, Decision, Rates};
use nbc_runtime::threads::Threads;
use std::ops::Deref;
use std::sync::Arc;

/// How an engine runs programs: `Config::new()` is what the command does.
#[derive(Clone, Debug)]
pub struct Config {
    interpreter: engine::Config,
    compiles: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}

impl Config {
    /// The fastest interpreter of this build, and a compiler for what is hot, whose code is
    /// checked again before it runs (`docs/jit.md`).
    pub fn new() -> Config {
        Config { interpreter: engine::Config::new(), compiles: true }
    }

    /// The interpreter alone.
    pub fn interpret_only() -> Config {
        Config { interpreter: engine::Config::new(), compiles: false }
    }

    /// Chooses the interpreter's dispatcher.
    pub fn dispatch(mut self, dispatch: Dispatch) -> Config {
        self.interpreter = self.interpreter.dispatch(dispatch);
        self
    }

    /// Looks at the clock and the interrupt flag, and counts what is hot, every
    /// `iterations` back-edges and calls of interpreted code (where fuel is metered:
    /// units of it) instead of 4096.
    pub fn slice(mut self, iterations: u32) -> Config {
        self.interpreter = self.interpreter.slice(iterations);
        self
    }

    /// Whether elementwise operations may write their result into an argument that nobody sees
    /// afterwards, which is the default (`docs/limits.md`).
    pub fn in_place(mut self, yes: bool) -> Config {
        self.interpreter = self.interpreter.in_place(yes);
        self
    }

    /// Whether operations on elements that follow each other, and the reduction that they end in, may make one
    /// pass over memory, which is the default. It changes how long that takes and how much memory is
    /// resident, and nothing that a program can tell. Where there is a device, they never do.
    pub fn fusion(mut self, yes: bool) -> Config {
        self.interpreter = self.interpreter.fusion(yes);
        self
    }

    /// Lets `device` run the whole-array operations that it takes.
    pub fn device(mut self, device: Arc<dyn Device>) -> Config {
        self.interpreter = self.interpreter.device(device);
        self
    }

    /// Runs whole-array operations on at most so many threads, instead of all of rayon's own pool. They are
    /// started when an operation first wants them; with 1 there are none but the calling one.
    ///
    /// It changes no bit of any result.
    pub fn threads(mut self, most: usize) -> Config {
        self.interpreter = self.interpreter.threads(Threads::at_most(most));
        self
    }

    /// Runs whole-array operations on the threads of `pool`, which other engines and the host may use too.
    ///
    /// ```
    /// use nbc::{Config, Engine};
    /// use std::sync::Arc;
    /// let pool = nbc::rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
    /// let engine = Engine::new(Config::new().pool(Arc::new(pool)));
    /// # Ok::<(), nbc::rayon::ThreadPoolBuildError>(())
    /// ```
    pub fn pool(mut self, pool: Arc<rayon::ThreadPool>) -> Config {
        self.interpreter = self.interpreter.threads(Threads::of(pool));
        self
    }

    /// How fast the machine is, where somebody has measured it: by this it is predicted whether more
    /// cores pay (`docs/placement.md`).
    pub fn rates(mut self, rates: Rates) -> Config {
        self.interpreter = self.interpreter.rates(rates);
        self
    }

    /// On how many cores operations run, instead of as placement decides. It changes no bit of any result.
    pub fn cores(mut self, cores: Cores) -> Config {
        self.interpreter = self.interpreter.cores(cores);
        self
    }

    /// Tells `sink` where each operation ran, and why; on the thread of the instance. What it
    /// panics with is lost. A clock is read for every operation then.
    pub fn on_placement(mut self, sink: impl Fn(&Decision<'_>) + Send + Sync + 'static) -> Config {
        self.interpreter = self.interpreter.on_placement(sink);
        self
    }

    /// Compiles with those options.
    pub fn jit(self, options: Options) -> Config {
        self.tier(Jit::new(options))
    }

    /// Lets `tier` compile what is hot: a [`Jit`] whose metrics are to be asked for, or that
    /// several engines share.
    pub fn tier(mut self, tier: Arc<dyn Tier>) -> Config {
        self.interpreter = self.interpreter.tier(tier);
        self.compiles = false;
        self
    }
}

impl From<Config> for engine::Config {
    fn from(config: Config) -> engine::Config {
        let Config { interpreter, compiles } = config;
        if !compiles {
            return interpreter;
        }
        // As the command: what is compiled is checked again, for programs may be anybody's.
        interpreter.tier(Jit::new(Options::new().verify(Verify::Unproved)))
    }
}

/// Runs programs; shared by all of them and by all threads. It is an
/// [`engine::Engine`], which has its methods.
#[derive(Clone, Debug)]
pub struct Engine(engine::Engine);

impl Default for Engine {
    fn default() -> Engine {
        Engine::new(Config::new())
    }
}

impl Engine {
    /// An engine with that configuration.
    pub fn new(config: Config) -> Engine {
        Engine(engine::Engine::new(config.into()))
    }
}

impl Deref for Engine {
    type Target = engine::Engine;

    fn deref(&self) -> &engine::Engine {
        &self.0
    }
}
