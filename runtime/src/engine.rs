//! The engine: configuration shared by all programs, and loaded programs.

use crate::device::{Device, asked};
use crate::error::Error;
use crate::load::load;
use crate::machine::dispatch::Dispatch;
use crate::machine::loaded::Loaded;
use crate::machine::tier::{Tier, Watch};
use crate::op::{Deferred, FEW};
use crate::placement::{Cores, Decision, Placement, Rates, Sink};
use crate::plan::{Plan, Wanted};
use crate::stack::Stacks;
use crate::threads::Threads;
use nbc_ir::expand::Expanded;
use nbc_ir::{Module, VerifiedModule};
#[cfg(any(feature = "fft", feature = "linalg"))]
pub use nbc_numerics::cache::PlanCounts;
#[cfg(feature = "fft")]
use nbc_numerics::fft::Plans;
#[cfg(feature = "linalg")]
use nbc_numerics::sparse::analyses::Analyses;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How an engine runs programs.
#[derive(Clone)]
pub struct Config {
    dispatch: Dispatch,
    watch: Option<Watch>,
    slice: u32,
    in_place: bool,
    fusion: Option<usize>,
    device: Option<Arc<dyn Device>>,
    threads: Threads,
    rates: Rates,
    cores: Cores,
    sink: Option<Sink>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("dispatch", &self.dispatch)
            .field("watch", &self.watch)
            .field("slice", &self.slice)
            .field("in_place", &self.in_place)
            .field("fusion", &self.fusion)
            .field("device", &self.device.as_ref().map(|d| d.name()))
            .field("threads", &self.threads)
            .field("rates", &self.rates)
            .field("cores", &self.cores)
            .field("on_placement", &self.sink.is_some())
            .finish()
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            dispatch: Dispatch::default(),
            watch: None,
            slice: 4096,
            in_place: true,
            fusion: Some(FEW),
            device: None,
            threads: Threads::default(),
            rates: Rates::default(),
            cores: Cores::default(),
            sink: None,
        }
    }
}

impl Config {
    /// The fastest dispatcher of this build.
    pub fn new() -> Config {
        Config::default()
    }

    /// Chooses the interpreter's dispatcher.
    pub fn dispatch(mut self, dispatch: Dispatch) -> Config {
        self.dispatch = dispatch;
        self
    }

    /// Looks at the clock and the interrupt flag, and counts what is hot, every
    /// `turns` back-edges and calls of interpreted code (where fuel is metered:
    /// units of it) instead of 4096.
    pub fn slice(mut self, turns: u32) -> Config {
        self.slice = turns.max(1);
        self
    }

    /// Whether elementwise operations may write their result into an argument that nobody sees
    /// afterwards, which is the default. It changes how much memory is resident, and
    /// nothing that a program can tell.
    pub fn in_place(mut self, yes: bool) -> Config {
        self.in_place = yes;
        self
    }

    /// Whether operations on elements that follow each other, and the reduction that they end in, may make one
    /// pass over memory, which is the default. What only they see of each other is not written to
    /// memory then. It changes how long that takes and how much memory is resident, and nothing that a program
    /// can tell. On a device they do where it [runs groups](Device::runs_groups).
    pub fn fusion(mut self, yes: bool) -> Config {
        self.fusion = yes.then_some(FEW);
        self
    }

    /// [`Config::fusion`] also of results of few elements, for which it does not pay.
    #[doc(hidden)]
    pub fn fusion_of_small(mut self, few: usize) -> Config {
        self.fusion = Some(few);
        self
    }

    /// Lets `device` run the whole-array operations that it takes.
    pub fn device(mut self, device: Arc<dyn Device>) -> Config {
        self.device = Some(device);
        self
    }

    /// Which threads take part in whole-array operations.
    pub fn threads(mut self, threads: Threads) -> Config {
        self.threads = threads;
        self
    }

    /// How fast the machine is, where somebody has measured it: by this it is predicted what pays.
    pub fn rates(mut self, rates: Rates) -> Config {
        self.rates = rates;
        self
    }

    /// On how many cores operations run, instead of as placement decides. It changes no bit of any result.
    pub fn cores(mut self, cores: Cores) -> Config {
        self.cores = cores;
        self
    }

    /// Tells `sink` where each operation ran, and why; on the thread of the instance. What it
    /// panics with is lost. A clock is read for every operation then.
    pub fn on_placement(mut self, sink: impl Fn(&Decision<'_>) + Send + Sync + 'static) -> Config {
        self.sink = Some(Arc::new(sink));
        self
    }

    /// Lets `tier` compile what is hot.
    pub fn tier(mut self, tier: Arc<dyn Tier>) -> Config {
        let threshold = tier.threshold();
        self.watch = Some(Watch { tier, threshold });
        self
    }
}

/// What an instance may use. Passing a limit is a trap that leaves the
/// instance usable.
///
/// ```
/// use nbc_runtime::engine::Limits;
/// use std::time::Duration;
/// let limits = Limits::new().fuel(1_000_000).timeout(Duration::from_secs(1)).memory(64 << 20);
/// assert_eq!((limits.fuel, limits.stack), (Some(1_000_000), 8 << 20));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Fuel: about one unit an instruction; see `docs/limits.md`. `None` does not meter.
    pub fuel: Option<u64>,
    /// Time of one call from the host.
    pub timeout: Option<Duration>,
    /// Bytes of memory for objects.
    pub memory: usize,
    /// Bytes of stack for registers and calls: address space, of which calls
    /// take what they touch. At most 64 GiB.
    pub stack: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::new()
    }
}

impl Limits {
    /// No fuel limit, no time limit, memory as there is, 8 MiB of stack.
    pub fn new() -> Limits {
        Limits { fuel: None, timeout: None, memory: usize::MAX, stack: 8 << 20 }
    }

    /// Meters fuel: about one unit an instruction; see `docs/limits.md`.
    pub fn fuel(mut self, fuel: impl Into<Option<u64>>) -> Limits {
        self.fuel = fuel.into();
        self
    }

    /// Bounds the time of one call from the host.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Limits {
        self.timeout = timeout.into();
        self
    }

    /// Bounds memory for objects, in bytes.
    pub fn memory(mut self, bytes: usize) -> Limits {
        self.memory = bytes;
        self
    }

    /// Bounds the stack for registers and calls, in bytes.
    pub fn stack(mut self, bytes: usize) -> Limits {
        self.stack = bytes;
        self
    }
}

/// Runs programs; shared by all of them and by all threads.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    config: Arc<Config>,
    stacks: Arc<Stacks>,
    placement: Arc<Placement>,
    #[cfg(feature = "fft")]
    plans: Arc<Plans>,
    #[cfg(feature = "linalg")]
    analyses: Arc<Analyses>,
}

impl Engine {
    /// An engine with that configuration.
    pub fn new(config: Config) -> Engine {
        let placement = Placement::new(config.rates, config.cores, config.sink.clone());
        Engine {
            config: Arc::new(config),
            stacks: Arc::default(),
            placement: Arc::new(placement),
            #[cfg(feature = "fft")]
            plans: Arc::default(),
            #[cfg(feature = "linalg")]
            analyses: Arc::default(),
        }
    }

    /// The interpreter's dispatcher.
    pub fn dispatch(&self) -> Dispatch {
        self.config.dispatch
    }

    pub(crate) fn slice(&self) -> i64 {
        self.config.slice.into()
    }

    /// What is deferred where nothing is yet.
    pub(crate) fn deferred(&self) -> Deferred {
        Deferred::of(self.config.fusion.unwrap_or(FEW))
    }

    pub(crate) fn device(&self) -> Option<Arc<dyn Device>> {
        self.config.device.clone()
    }

    pub(crate) fn threads(&self) -> Threads {
        self.config.threads.clone()
    }

    /// What decides where its operations run, and has learned of them.
    pub fn placement(&self) -> &Arc<Placement> {
        &self.placement
    }

    /// What its transforms have kept.
    #[cfg(feature = "fft")]
    pub(crate) fn plans(&self) -> &Arc<Plans> {
        &self.plans
    }

    /// How often plans of Fourier transforms were there, were made, and went; all its instances share them.
    #[cfg(feature = "fft")]
    pub fn plan_counts(&self) -> PlanCounts {
        self.plans.counts()
    }

    /// What is known of places of sparse matrices.
    #[cfg(feature = "linalg")]
    pub(crate) fn analyses(&self) -> &Arc<Analyses> {
        &self.analyses
    }

    /// How often what a sparse factorisation finds out about places was there, was made, and went; all its instances share it.
    #[cfg(feature = "linalg")]
    pub fn analysis_counts(&self) -> PlanCounts {
        self.analyses.counts()
    }

    /// The stacks of its instances.
    pub(crate) fn stacks(&self) -> &Arc<Stacks> {
        &self.stacks
    }

    pub(crate) fn watch(&self) -> Option<Watch> {
        self.config.watch.clone()
    }

    /// Reads a file of either format, verifies it and loads it. `file_name` is
    /// for messages.
    ///
    /// ```
    /// use nbc_runtime::engine::Engine;
    /// use nbc_runtime::error::ErrorKind;
    /// let engine = Engine::default();
    /// assert!(engine.read(b"export func @one() -> i64 {\n  ret 1\n}", "one.nba").is_ok());
    /// let wrong = engine.read(b"export func @one() -> i64 {\n  ret 1.5\n}", "one.nba");
    /// assert_eq!(wrong.err().map(|e| e.kind()), Some(ErrorKind::Read));
    /// ```
    ///
    /// # Errors
    /// `Read` or `Verify`.
    pub fn read(&self, bytes: &[u8], file_name: &str) -> Result<Program, Error> {
        Ok(self.load(Module::read(bytes, file_name)?.verify()?))
    }

    /// Makes a verified module ready to be run, any number of times on any thread.
    pub fn load(&self, module: VerifiedModule) -> Program {
        let expanded = Expanded::new(&module).map(Arc::new);
        let on_device = self.config.device.as_ref().and_then(|device| {
            let takes = |function| asked(|| device.translates(&module, function)) == Some(true);
            Expanded::for_device(&module, &takes).map(Arc::new)
        });
        Program(Arc::new(Shared {
            engine: self.clone(),
            module,
            expanded,
            on_device,
            plan: OnceLock::new(),
            plan_on_device: OnceLock::new(),
            plain: OnceLock::new(),
            metered: OnceLock::new(),
        }))
    }
}

/// A program: a verified module with its internal code, which is made when
/// first wanted and shared by all instances.
#[derive(Clone)]
pub struct Program(Arc<Shared>);

struct Shared {
    engine: Engine,
    module: VerifiedModule,
    /// What is run of it, unless it is the same.
    expanded: Option<Arc<Expanded>>,
    /// The same where the device calls functions for each element, if there are any. It is run where no fuel is
    /// counted: what functions take of it, loops tell alone.
    on_device: Option<Arc<Expanded>>,
    plan: OnceLock<Arc<Plan>>,
    plan_on_device: OnceLock<Arc<Plan>>,
    plain: OnceLock<Arc<Loaded>>,
    metered: OnceLock<Arc<Loaded>>,
}

impl Program {
    /// The module.
    pub fn module(&self) -> &VerifiedModule {
        &self.0.module
    }

    /// The module that is run: with loops for operations that call functions.
    #[doc(hidden)]
    pub fn running(&self) -> &VerifiedModule {
        self.0.expanded.as_deref().map_or(&self.0.module, Expanded::module)
    }

    /// The engine it was loaded with.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// What is known of its operations, for every tier.
    #[doc(hidden)]
    pub fn plan(&self) -> Arc<Plan> {
        self.0.plan.get_or_init(|| self.plan_of(self.running())).clone()
    }

    fn plan_of(&self, module: &VerifiedModule) -> Arc<Plan> {
        let config = &self.0.engine.config;
        let runs_groups = |device: &Arc<dyn Device>| asked(|| device.runs_groups()) == Some(true);
        let wanted = Wanted {
            dying: config.in_place,
            // Where the device runs no groups, results go there by themselves.
            fusion: config.fusion.is_some() && config.device.as_ref().is_none_or(runs_groups),
            host_steps: config.device.is_some(),
        };
        Arc::new(Plan::new(module, wanted))
    }

    /// Its code, for runs whose fuel is counted or others.
    #[doc(hidden)]
    pub fn loaded(&self, metered: bool) -> Arc<Loaded> {
        let slot = if metered { &self.0.metered } else { &self.0.plain };
        let config = &self.0.engine.config;
        let at_first_call = config.watch.as_ref().is_some_and(|w| w.tier.at_first_call());
        slot.get_or_init(|| {
            let (module, plan, expanded) = match &self.0.on_device {
                Some(expanded) if !metered => {
                    let plan = self.0.plan_on_device.get_or_init(|| self.plan_of(expanded.module()));
                    (expanded.module(), plan.clone(), Some(expanded))
                }
                _ => (self.running(), self.plan(), self.0.expanded.as_ref()),
            };
            let loaded = load(module.clone(), plan, config.dispatch, metered);
            Arc::new(loaded.expanded_from(expanded.cloned()).compiled_first(at_first_call))
        })
        .clone()
    }
}
