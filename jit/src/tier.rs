//! When what is compiled, and by whom.

use crate::code::CodeMemory;
use crate::compiler::{CompileError, Compiler, OptLevel};
use crate::midend;
use crate::perf::{Perf, PerfError, Recorder};
use crate::queue::{Asked, Place, Queue, Urgency};
use nbc_ir::FuncId;
use nbc_runtime::machine::loaded::Loaded;
use nbc_runtime::machine::native_stack::native_stack_left;
use nbc_runtime::machine::tier::{HotPlace, MustStop, Tier};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// When functions are compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// When they have become hot.
    #[default]
    Auto,
    /// At their first call.
    Always,
}

/// How a [`Jit`] works.
///
/// ```
/// use nbc_jit::{Jit, Mode, Options, Verify};
/// let jit = Jit::new(Options::new().mode(Mode::Always).code_cap(8 << 20).verify(Verify::Unproved));
/// assert_eq!(jit.options().code_cap, 8 << 20);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// When functions are compiled.
    pub mode: Mode,
    /// Whether hot code is compiled on a thread of its own while the program
    /// runs on; otherwise the program waits.
    pub background: bool,
    /// Calls and iterations of loops after which a place is hot.
    pub threshold: u64,
    /// Most bytes of code; what is hot afterwards stays interpreted.
    pub code_cap: usize,
    /// Most bytes that making code of one function or loop may take besides, by an estimate; what
    /// would take more stays interpreted.
    pub working_cap: usize,
    /// How much Cranelift does.
    pub opt_level: OptLevel,
    /// What the mid-end does.
    pub passes: midend::Options,
    /// What Linux `perf` is told of the code.
    pub perf: Perf,
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $field:ident: $ty:ty;)*) => {$(
        $(#[$doc])*
        pub fn $field(mut self, $field: $ty) -> Options {
            self.$field = $field;
            self
        }
    )*};
}

impl Options {
    setters! {
        /// Sets when functions are compiled.
        mode: Mode;
        /// Sets whether the program runs on while hot code is compiled.
        background: bool;
        /// Sets how many calls and iterations make a place hot.
        threshold: u64;
        /// Bounds the bytes of code.
        code_cap: usize;
        /// Bounds the bytes that making code of one thing may take.
        working_cap: usize;
        /// Sets how much Cranelift does.
        opt_level: OptLevel;
        /// Sets what the mid-end does.
        passes: midend::Options;
        /// Sets what Linux `perf` is told.
        perf: Perf;
    }

    /// Sets which accesses are checked again before code runs.
    pub fn verify(mut self, verify: midend::Verify) -> Options {
        self.passes.verify = verify;
        self
    }

    /// Hot code, in the background, up to 64 MiB made with up to 512 MiB, all passes on, nothing for `perf`.
    pub fn new() -> Options {
        Options {
            mode: Mode::Auto,
            background: true,
            threshold: 32_768,
            code_cap: 64 << 20,
            working_cap: 512 << 20,
            opt_level: OptLevel::Speed,
            passes: midend::Options::default(),
            perf: Perf::None,
        }
    }
}

/// What a [`Jit`] has done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Metrics {
    /// Functions compiled.
    pub functions: u64,
    /// Loops compiled to be entered while they run.
    pub loops: u64,
    /// Hot places that stay interpreted: compiling failed.
    pub failed: u64,
    /// Hot places that stay interpreted: too much was hot at once.
    pub refused: u64,
    /// Hot places that are waiting.
    pub waiting: u64,
    /// Accesses to elements in compiled code that passes have made unchecked.
    pub accesses: u64,
    /// Those of them that the checker could not prove: they are checked as they run.
    pub unproved: u64,
    /// Bytes of code held now, in whole pages.
    pub code_bytes: u64,
    /// The most bytes that making code of something has taken besides the code, by an estimate.
    pub working_peak: u64,
    /// Time spent compiling.
    pub compile_time: Duration,
    /// How long programs waited when something had become hot: entry `n` counts
    /// waits of less than 2ⁿ µs that did not fit the entry before.
    pub waits: [u64; WAITS],
}

/// Entries of [`Metrics::waits`]; the last has whatever is longer.
pub const WAITS: usize = 20;

/// The compiling tier: give it to
/// [`Config::tier`](nbc_runtime::engine::Config::tier).
pub struct Jit {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    perf: Result<Option<Arc<Recorder>>, PerfError>,
    /// Made when first wanted: programs that end soon do without.
    compiler: OnceLock<Option<Compiler>>,
    memory: Arc<CodeMemory>,
    queue: Mutex<Queue>,
    wake: Condvar,
    functions: AtomicU64,
    loops: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    accesses: AtomicU64,
    unproved: AtomicU64,
    nanos: AtomicU64,
    waits: [AtomicU64; WAITS],
}

/// Instructions of functions for which less is enough: those compile where the
/// program runs, if it has it.
const SMALL: usize = 1000;

/// Native stack for compiling those.
const SMALL_STACK: usize = if cfg!(debug_assertions) { 4 << 20 } else { 1 << 20 };

/// How often a program that waits for the compiler looks whether it has to stop.
const LOOK: Duration = Duration::from_millis(1);

/// Native stack for compiling.
const COMPILER_STACK: usize = 16 << 20;

/// Does what compiles on a stack that is large enough for it, whatever the caller
/// runs on. `None` when there is no memory for one, or Cranelift panics.
pub fn on_compiler_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("nbc-jit".to_owned()).stack_size(COMPILER_STACK);
        builder.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

impl Jit {
    /// A tier. On a machine that Cranelift does not know everything stays
    /// interpreted, and each attempt counts as failed. If there can be no file
    /// for `perf` all else goes on, and [`Jit::perf`] says why.
    pub fn new(options: Options) -> Arc<Jit> {
        let memory = CodeMemory::new(options.code_cap);
        let shared = Arc::new(Shared {
            perf: Recorder::open(options.perf),
            options,
            compiler: OnceLock::new(),
            memory,
            queue: Mutex::default(),
            wake: Condvar::new(),
            functions: AtomicU64::new(0),
            loops: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            accesses: AtomicU64::new(0),
            unproved: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            waits: Default::default(),
        });
        Arc::new(Jit { shared })
    }

    /// How it works.
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// The compiler itself, for those who want to look at what it makes;
    /// `None` on a machine that Cranelift does not know.
    pub fn compiler(&self) -> Option<&Compiler> {
        self.shared.compiler()
    }

    /// Where `perf` finds what the code is called, if it is told.
    ///
    /// # Errors
    /// When that file could not be made.
    pub fn perf(&self) -> Result<Option<&Path>, &PerfError> {
        self.shared.perf.as_ref().map(|recorder| recorder.as_deref().map(Recorder::path))
    }

    /// What it has done so far.
    pub fn metrics(&self) -> Metrics {
        let shared = &self.shared;
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Metrics {
            functions: get(&shared.functions),
            loops: get(&shared.loops),
            failed: get(&shared.failed),
            refused: get(&shared.refused),
            accesses: get(&shared.accesses),
            unproved: get(&shared.unproved),
            waiting: shared.queue().waiting() as u64,
            code_bytes: shared.memory.used() as u64,
            working_peak: shared.compiler.get().and_then(Option::as_ref).map_or(0, Compiler::working_peak),
            compile_time: Duration::from_nanos(get(&shared.nanos)),
            waits: std::array::from_fn(|n| get(&shared.waits[n])),
        }
    }

    /// Waits until nothing is being compiled and nothing waits for it.
    pub fn settle(&self) {
        let mut queue = self.shared.queue();
        while !queue.is_idle() {
            queue = self.shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn ask(&self, code: &Arc<Loaded>, place: Place, urgency: Urgency, must_stop: MustStop<'_>) {
        let shared = &self.shared;
        if place.0.index() < code.module.imports.len() {
            return;
        }
        let mut queue = shared.queue();
        if !shared.options.background {
            if queue.note(code, place, Urgency::Now) {
                drop(queue);
                shared.compile_now(code, place, must_stop);
            }
            return;
        }
        match queue.ask(code, place, urgency) {
            Asked::Known => return,
            Asked::Full => {
                shared.refused.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Asked::Queued => {}
        }
        if !queue.has_worker {
            let worker = shared.clone();
            let spawned = thread::Builder::new()
                .name("nbc-jit".to_owned())
                .stack_size(COMPILER_STACK)
                .spawn(move || worker.work());
            match spawned {
                Ok(_) => queue.has_worker = true,
                Err(_) => {
                    queue.clear();
                    shared.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        shared.wake.notify_all();
    }
}

impl Drop for Jit {
    fn drop(&mut self) {
        self.shared.queue().stop = true;
        self.shared.wake.notify_all();
    }
}

impl Tier for Jit {
    fn threshold(&self) -> u64 {
        self.shared.options.threshold
    }

    fn at_first_call(&self) -> bool {
        self.shared.options.mode == Mode::Always
    }

    fn first_call(&self, code: &Arc<Loaded>, func: FuncId, must_stop: MustStop<'_>) {
        self.shared.compile_now(code, (func, None), must_stop);
    }

    fn hot(&self, code: &Arc<Loaded>, place: HotPlace, must_stop: MustStop<'_>) {
        let start = Instant::now();
        self.ask(code, (place.func, place.resume), Urgency::Now, must_stop);
        if place.resume.is_some() {
            // Of use when the function is called again.
            self.ask(code, (place.func, None), Urgency::Later, must_stop);
        }
        let waited = start.elapsed().as_micros() as u64;
        let entry = (u64::BITS - waited.leading_zeros()) as usize;
        self.shared.waits[entry.min(WAITS - 1)].fetch_add(1, Ordering::Relaxed);
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compiler(&self) -> Option<&Compiler> {
        let make = || {
            let options = &self.options;
            let perf = self.perf.as_ref().ok().cloned().flatten();
            let memory = self.memory.clone();
            let new =
                || Compiler::new(options.passes, options.opt_level, memory, options.working_cap, perf).ok();
            if native_stack_left() < SMALL_STACK {
                return on_compiler_stack(new).flatten();
            }
            // Whatever Cranelift finds wrong, programs run without it.
            catch_unwind(AssertUnwindSafe(new)).ok().flatten()
        };
        self.compiler.get_or_init(make).as_ref()
    }

    /// Compiles what is asked for until the tier is dropped.
    fn work(&self) {
        let mut queue = self.queue();
        loop {
            if queue.stop {
                queue.clear();
                return;
            }
            let Some(job) = queue.take() else {
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(queue);
            // The program may be gone by now; the last to know it frees it, before
            // anyone is told.
            let is_over = job.code.upgrade().is_none_or(|code| {
                if let Some(cycle) = job.quiet_cycle(&code.module) {
                    self.queue().wanted_within(cycle);
                }
                self.compile(&code, job.place, &|| job.unwanted.load(Ordering::Relaxed))
            });
            queue = self.queue();
            queue.done(!is_over);
            self.wake.notify_all();
        }
    }

    /// Compiles while the program waits, on a stack that is large enough
    /// whatever the program runs on. A program that has to stop waits no longer;
    /// what it waited for is published when it is done, for the next call, unless
    /// the program is gone by then.
    fn compile_now(self: &Arc<Shared>, code: &Arc<Loaded>, place: Place, must_stop: MustStop<'_>) {
        if must_stop() {
            return;
        }
        let is_small = code.module.function(place.0).is_some_and(|f| f.size() <= SMALL);
        if is_small && native_stack_left() >= SMALL_STACK {
            self.compile(code, place, must_stop);
            return;
        }
        let (shared, code) = (self.clone(), code.clone());
        let (done, is_done) = mpsc::channel();
        let builder = thread::Builder::new().name("nbc-jit".to_owned()).stack_size(COMPILER_STACK);
        let compiling = builder.spawn(move || {
            shared.compile(&code, place, &|| Arc::strong_count(&code) == 1);
            drop((shared, code));
            // Nobody may wait any more.
            let _: Result<(), _> = done.send(());
        });
        if compiling.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        while let Err(RecvTimeoutError::Timeout) = is_done.recv_timeout(LOOK) {
            if must_stop() {
                return;
            }
        }
    }

    /// Compiles and publishes; a failure leaves the function interpreted. `false`
    /// if it was broken off, soon after `is_unwanted`.
    fn compile(&self, code: &Arc<Loaded>, (func, resume): Place, is_unwanted: &dyn Fn() -> bool) -> bool {
        let start = Instant::now();
        let compile = || Some(self.compiler()?.compile(code, func, resume, is_unwanted));
        let compiled = catch_unwind(AssertUnwindSafe(compile));
        self.nanos.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        let compiled = match compiled {
            Ok(Some(Ok(compiled))) => compiled,
            Ok(Some(Err(CompileError::Unwanted))) => return false,
            _ => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.queue().give_up(code, func);
                return true;
            }
        };
        self.accesses.fetch_add(compiled.checked.accesses as u64, Ordering::Relaxed);
        self.unproved.fetch_add(compiled.checked.unproved as u64, Ordering::Relaxed);
        match resume {
            None => {
                // SAFETY: it was compiled from this module, metered as it is.
                unsafe { code.publish(func, compiled.native) };
                self.functions.fetch_add(1, Ordering::Relaxed);
            }
            Some((block, inst)) => {
                // SAFETY: as above.
                unsafe { code.publish_resume(func, block, inst, compiled.native) };
                self.loops.fetch_add(1, Ordering::Relaxed);
            }
        }
        true
    }
}
