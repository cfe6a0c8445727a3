//! A GPU as a device: its memory, its one stream, and how operations are launched on it.
//!
//! All work is queued on one stream, in the order in which it is asked for. So an operation finds what those before it
//! have written, and memory is given back behind whatever still uses it. The host waits where it wants elements,
//! and where more is queued than it could break off in time.
//!
//! ```
//! use nbc_cuda::Options;
//! // Half a gigabyte at most, and nothing is said when the device is lost.
//! let options = Options::new().memory(512 << 20);
//! ```

mod memory;

use crate::cache::Cache;
use crate::compile::{Code, Compiler, Refused, Target};
use crate::driver::{About, Absent, Failure, NOT_READY, about, guarded, start};
use crate::kernels::elementwise::Layout;
use crate::kernels::fused::Form;
use crate::kernels::{Recipe, aes, limbs, matmul, movement, recipe, scan};
use crate::launch::Parameters;
use crate::libraries::Library;
use crate::libraries::blas::Blas;
use crate::libraries::fft::Plans;
use crate::libraries::solver::Solver;
use cudarc::driver::{result, sys};
pub(crate) use memory::Scratch;
use memory::{Given, keep_pool};
use nbc_ir::catalogue::Operation;
use nbc_ir::{Elem, FuncId, Module, dims};
use nbc_numerics::sparse::iterate::Ended;
use nbc_runtime::device::group::DeviceGroup;
use nbc_runtime::device::map::DeviceMap;
use nbc_runtime::device::system::{Begin, DeviceSystem};
use nbc_runtime::device::{Device, DeviceArg, DeviceCall, DeviceError, DeviceMemory};
use nbc_runtime::placement::DeviceRates;
use std::collections::HashMap;
use std::ffi::CStr;
use std::hash::Hash;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes moved, or multiplications, after which the host waits for what is queued. A slow GPU
/// does as much in some ten milliseconds.
pub(crate) const MOST_QUEUED: u64 = 1 << 32;
/// How long the host waits between two looks at the stream.
const PAUSE: Duration = Duration::from_micros(50);

/// How a device is used.
pub struct Options {
    memory: Option<usize>,
    libraries: bool,
    rates: Option<DeviceRates>,
    kernels: Option<PathBuf>,
    queue: u64,
    secrets: bool,
    on_loss: Option<OnLoss>,
}

type OnLoss = Box<dyn Fn(&str) + Send + Sync>;

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

impl Options {
    /// Nine tenths of the device's memory, no secrets, kernels are not kept, and nobody is told when it is lost.
    pub fn new() -> Options {
        Options {
            memory: None,
            libraries: true,
            rates: None,
            kernels: None,
            queue: MOST_QUEUED,
            secrets: false,
            on_loss: None,
        }
    }

    /// Says how fast it is: operations go there where that is predicted to take less time than on the processor
    /// (`docs/placement.md`). Without rates all go there that there are kernels for.
    pub fn rates(mut self, rates: DeviceRates) -> Options {
        self.rates = Some(rates);
        self
    }

    /// Whether NVIDIA's libraries are used where they are there. Without them our own kernels compute, and the
    /// processor what these do not.
    pub fn libraries(mut self, used: bool) -> Options {
        self.libraries = used;
        self
    }

    /// Takes at most so many bytes of the device's memory.
    pub fn memory(mut self, bytes: usize) -> Options {
        self.memory = Some(bytes);
        self
    }

    /// Waits for what is queued when that is as much as `work`, in bytes moved or multiplications. Less is stopped
    /// sooner, and runs slower.
    pub fn queue(mut self, work: u64) -> Options {
        self.queue = work;
        self
    }

    /// Keeps compiled kernels in `folder` for later processes, and takes from there what earlier ones have kept. It holds at most 64 MiB.
    /// A folder in which others may write is not used: their code would run here.
    pub fn kernels(mut self, folder: impl Into<PathBuf>) -> Options {
        self.kernels = Some(folder.into());
        self
    }

    /// Whether keys, texts that are encrypted, and all else that lies with secrets may go to the device. There they are in
    /// the hands of the driver, and of whoever may read the device's memory; ciphers take a time that depends on them. All memory
    /// that is given back is overwritten then.
    pub fn secrets(mut self, yes: bool) -> Options {
        self.secrets = yes;
        self
    }

    /// Tells `sink` once, if the device is lost for good, why.
    pub fn on_loss(mut self, sink: impl Fn(&str) + Send + Sync + 'static) -> Options {
        self.on_loss = Some(Box::new(sink));
        self
    }
}

/// What a device has been asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Calls {
    /// Kernels that were launched.
    pub launches: u64,
    /// Kernels that were compiled.
    pub compiled: u64,
    /// Calls of NVIDIA's libraries.
    pub of_libraries: u64,
    /// Kernels that an earlier process had kept.
    pub found: u64,
    /// Requests that the driver refused or failed at.
    pub failed: u64,
    /// Whether it is lost.
    pub lost: bool,
}

/// What a kernel is for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) operation: usize,
    pub(crate) elems: Vec<Elem>,
    pub(crate) layout: Option<Layout>,
}

/// A kernel that is there, or why there will be none.
type Kernel = Result<Arc<Code>, String>;

/// One GPU.
pub struct Cuda {
    about: About,
    context: sys::CUcontext,
    pub(crate) stream: sys::CUstream,
    most_memory: usize,
    rates: Option<DeviceRates>,
    pub(crate) uses_libraries: bool,
    pub(crate) blas: Mutex<Option<Blas>>,
    pub(crate) plans: Mutex<Plans>,
    pub(crate) solver: Mutex<Option<Solver>>,
    pub(crate) most_queued: u64,
    holds_secrets: bool,
    given: Mutex<Given>,
    kernels: Mutex<HashMap<Key, Kernel>>,
    fused: Mutex<HashMap<Form, Kernel>>,
    maps: Mutex<HashMap<String, Kernel>>,
    queued: AtomicU64,
    launches: AtomicU64,
    pub(crate) library_calls: AtomicU64,
    compiler: Compiler,
    failed: AtomicU64,
    lost: AtomicBool,
    notice: Option<String>,
    on_loss: Option<OnLoss>,
}

// SAFETY: the driver's handles may be used on every thread, once the context has been made current there
// (`Cuda::enter`); all else is locked.
unsafe impl Send for Cuda {}
// SAFETY: as above.
unsafe impl Sync for Cuda {}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn count(dims: &[u64]) -> u64 {
    dims::count(dims).unwrap_or(u64::MAX)
}

impl Cuda {
    /// Device number `ordinal`, with a context and a stream of its own.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn open(ordinal: usize, options: Options) -> Result<Arc<Cuda>, Absent> {
        guarded(|| {
            if ordinal >= start()? {
                return Err(Absent::NoDevice);
            }
            let about = about(ordinal)?;
            let (compiler, notice) = compiler(&about, options.kernels.as_deref())?;
            // SAFETY: the device is there. The context is given back when it is dropped, or here.
            unsafe {
                let number = result::device::get(ordinal as i32).map_err(Failure::from)?;
                let context = result::primary_ctx::retain(number).map_err(Failure::from)?;
                let made = result::ctx::set_current(context)
                    .and_then(|()| result::stream::create(result::stream::StreamKind::NonBlocking));
                let stream = made.map_err(|e| {
                    let _ = result::primary_ctx::release(number);
                    Failure::from(e)
                })?;
                keep_pool(number);
                let most_memory = options.memory.unwrap_or(about.memory / 10 * 9);
                Ok(Arc::new(Cuda {
                    about,
                    context,
                    stream,
                    most_memory,
                    rates: options.rates,
                    uses_libraries: options.libraries,
                    blas: Mutex::default(),
                    plans: Mutex::default(),
                    solver: Mutex::default(),
                    most_queued: options.queue,
                    holds_secrets: options.secrets,
                    given: Mutex::default(),
                    kernels: Mutex::default(),
                    fused: Mutex::default(),
                    maps: Mutex::default(),
                    queued: AtomicU64::new(0),
                    launches: AtomicU64::new(0),
                    library_calls: AtomicU64::new(0),
                    compiler,
                    notice,
                    failed: AtomicU64::new(0),
                    lost: AtomicBool::new(false),
                    on_loss: options.on_loss,
                }))
            }
        })
    }

    /// What is known of it.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// What of the options could not be had, if there is something: a folder of kernels that is not used, a compiler
    /// that is not there.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// What it has been asked for.
    pub fn calls(&self) -> Calls {
        let (compiled, found) = self.compiler.counts();
        Calls {
            launches: self.launches.load(Ordering::Relaxed),
            compiled,
            found,
            of_libraries: self.library_calls.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    /// Bytes of its memory that are given out.
    pub fn in_use(&self) -> usize {
        locked(&self.given).bytes
    }

    /// Counts a failure; one that is for good loses the device.
    pub(crate) fn failed(&self, failure: &Failure) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if failure.is_for_good() && !self.lost.swap(true, Ordering::Relaxed) {
            // Dropping it may be all that comes; a sink that panics is nobody's error here.
            if let Some(sink) = &self.on_loss {
                let text = format!("{} is lost ({failure}): the processor goes on alone", self.about.name);
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sink(&text)));
            }
        }
    }

    /// What came of a request.
    pub(crate) fn noted<T>(&self, done: Result<T, impl Into<Failure>>) -> Result<T, DeviceError> {
        done.map_err(|e| {
            let failure = e.into();
            self.failed(&failure);
            DeviceError(failure.text)
        })
    }

    /// Makes the context current on this thread.
    pub(crate) fn enter(&self) -> Result<(), DeviceError> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(DeviceError(format!("{} is lost", self.about.name)));
        }
        // SAFETY: the context is retained as long as this lives.
        self.noted(unsafe { result::ctx::set_current(self.context) })
    }

    /// The kernel for `key`, compiled from what `text` gives if it is not there. The context is current.
    pub(crate) fn kernel(
        &self,
        key: Key,
        names: &[&CStr],
        text: impl FnOnce() -> String,
    ) -> Result<Arc<Code>, DeviceError> {
        self.kept(&self.kernels, key, names, text)
    }

    /// The kernel `nbc_fused` for groups of that form. The context is current.
    pub(crate) fn fused_kernel(
        &self,
        form: &Form,
        text: impl FnOnce() -> String,
    ) -> Result<Arc<Code>, DeviceError> {
        self.kept(&self.fused, form.clone(), &[c"nbc_fused"], text)
    }

    /// The kernel `nbc_map` of that text. The context is current.
    pub(crate) fn map_kernel(&self, text: String) -> Result<Arc<Code>, DeviceError> {
        let made = text.clone();
        self.kept(&self.maps, text, &[c"nbc_map"], || made)
    }

    /// The kernel for `key` among those that are kept, or compiled from what `text` gives.
    fn kept<K: Eq + Hash>(
        &self,
        kernels: &Mutex<HashMap<K, Kernel>>,
        key: K,
        names: &[&CStr],
        text: impl FnOnce() -> String,
    ) -> Result<Arc<Code>, DeviceError> {
        let mut kernels = locked(kernels);
        if let Some(kernel) = kernels.get(&key) {
            return kernel.clone().map_err(DeviceError);
        }
        match self.compiler.code(&text(), names) {
            Ok(code) => {
                let code = Arc::new(code);
                kernels.insert(key, Ok(code.clone()));
                Ok(code)
            }
            Err(Refused::ForGood(why)) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                kernels.insert(key, Err(why.clone()));
                Err(DeviceError(why))
            }
            Err(Refused::Now(failure)) => {
                drop(kernels);
                self.noted(Err(failure))
            }
        }
    }

    /// # Safety
    /// As for [`Parameters::launch`].
    pub(crate) unsafe fn launch(
        &self,
        mut parameters: Parameters,
        function: sys::CUfunction,
        grid: (u32, u32, u32),
    ) -> Result<(), DeviceError> {
        self.launches.fetch_add(1, Ordering::Relaxed);
        // SAFETY: upheld by the caller.
        self.noted(unsafe { parameters.launch(function, grid, self.stream) })
    }

    /// Notes that `work` more is queued. Where that is much, waits until all is done, or until the program has to stop.
    pub(crate) fn pace(&self, work: u64, must_stop: &dyn Fn() -> bool) -> Result<(), DeviceError> {
        let queued = self.queued.fetch_add(work, Ordering::Relaxed).saturating_add(work);
        if queued < self.most_queued {
            return Ok(());
        }
        self.wait(must_stop)
    }

    /// Waits until all that is queued is done, or until the program has to stop.
    pub(crate) fn wait(&self, must_stop: &dyn Fn() -> bool) -> Result<(), DeviceError> {
        loop {
            // SAFETY: the stream lives as long as this.
            match unsafe { sys::cuStreamQuery(self.stream) }.result().map_err(Failure::from) {
                Ok(()) => {
                    self.queued.store(0, Ordering::Relaxed);
                    return Ok(());
                }
                Err(failure) if failure.code == NOT_READY => {
                    if must_stop() {
                        return Err(DeviceError("the program has to stop".to_owned()));
                    }
                    std::thread::sleep(PAUSE);
                }
                failed => return self.noted(failed),
            }
        }
    }
}

/// What makes the kernels for a device, and what is to be said of it.
fn compiler(about: &About, folder: Option<&Path>) -> Result<(Compiler, Option<String>), Absent> {
    let (cache, mut notice) = match folder.map(Cache::new) {
        None => (None, None),
        Some(Ok(cache)) => (Some(cache), None),
        Some(Err(why)) => (None, Some(format!("kernels are not kept: {why}"))),
    };
    let compiler = Compiler::new(Target::of(about, cache.as_ref().is_some_and(Cache::holds_any))?, cache);
    if !compiler.is_there() {
        notice = Some("there is no NVRTC: only kernels that were kept run on the GPU".to_owned());
    }
    Ok((compiler, notice))
}

pub(crate) fn elem_of(arg: &DeviceArg<'_>) -> Option<Elem> {
    match arg {
        DeviceArg::Tensor(tensor) => Some(tensor.elem),
        DeviceArg::Bytes { elem, .. } => Some(*elem),
        DeviceArg::Sparse(matrix) => Some(matrix.elem),
        DeviceArg::Scalar(..) | DeviceArg::Ints(_) | DeviceArg::List(_) | DeviceArg::Text(_) => None,
    }
}

/// Where the result goes.
pub(crate) fn address(call: &DeviceCall<'_>) -> u64 {
    call.result.memory.0.get() + call.result.offset as u64
}

// SAFETY: kernels write every element of the result, or launching them fails, or the device is lost and gives no
// element back. Into an argument one launch writes, the last call that can fail (`kernels/scatter.rs`). What comes to the host has been copied when the stream has been waited for.
unsafe impl Device for Cuda {
    fn name(&self) -> &str {
        &self.about.name
    }

    fn takes(&self, operation: &'static Operation, elems: &[Elem], args: &[&[u64]], result: &[u64]) -> bool {
        if self.lost.load(Ordering::Relaxed) || count(result) == 0 {
            return false;
        }
        let has_elements = args.iter().all(|dims| count(dims) > 0);
        match recipe(operation, elems) {
            None => false,
            // What goes with a text may be nothing.
            Some(Recipe::Aes(mode)) => aes::takes(mode, elems, args, result),
            _ if !has_elements => false,
            Some(Recipe::ModularMatMul | Recipe::MatMulAs) => {
                matches!(args, [a, b, ..] if matmul::Sizes::new(a, b).is_some())
            }
            Some(Recipe::Transform(_)) => self.has(Library::Fft),
            Some(Recipe::Decompose(task)) => {
                elems.first().is_some_and(|elem| self.takes_decomposition(task, *elem, args))
            }
            Some(Recipe::MatMul) => {
                let is_real = elems.iter().all(|elem| matches!(elem, Elem::F32 | Elem::F64));
                (is_real || self.has(Library::Blas))
                    && matches!(args, [a, b] if matmul::Sizes::new(a, b).is_some())
            }
            Some(Recipe::Join) => movement::takes_join(args),
            Some(Recipe::Running(_)) => scan::takes_running(result),
            Some(Recipe::Limbs(what)) => limbs::takes(what, args),
            // It is asked for otherwise.
            Some(Recipe::Iterate(_)) => false,
            Some(_) => true,
        }
    }

    fn is_simulated(&self) -> bool {
        self.about.simulated
    }

    fn rates(&self) -> Option<DeviceRates> {
        self.rates
    }

    fn allocate(&self, bytes: usize) -> Option<DeviceMemory> {
        self.enter().ok()?;
        NonZeroU64::new(self.allocated(bytes).ok()?).map(DeviceMemory)
    }

    fn free(&self, memory: DeviceMemory) {
        let _ = self.enter();
        self.freed(memory.0.get());
    }

    fn may_hold_secrets(&self) -> bool {
        self.holds_secrets
    }

    fn wipe(&self, memory: DeviceMemory) {
        let _ = self.enter();
        self.wiped(memory.0.get());
    }

    fn to_device(&self, from: &[u8], to: DeviceMemory) -> Result<(), DeviceError> {
        if from.is_empty() {
            return Ok(());
        }
        self.enter()?;
        // SAFETY: the memory is as large as the buffer that it belongs to; pageable memory has been read when
        // the driver returns.
        self.noted(unsafe { result::memcpy_htod_async(to.0.get(), from, self.stream) })
    }

    fn to_host(&self, from: DeviceMemory, to: &mut [MaybeUninit<u8>]) -> Result<(), DeviceError> {
        if to.is_empty() {
            return Ok(());
        }
        self.enter()?;
        // SAFETY: so much memory is there, and the host's is not used until the stream has been waited for.
        unsafe {
            self.noted(result::memcpy_dtoh_async(to, from.0.get(), self.stream))?;
            self.noted(result::stream::synchronize(self.stream))?;
        }
        self.queued.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn runs_groups(&self) -> bool {
        true
    }

    fn takes_in_group(
        &self,
        operation: &'static Operation,
        elems: &[Elem],
        args: &[&[u64]],
        result: &[u64],
    ) -> bool {
        !self.lost.load(Ordering::Relaxed) && self.has_step(operation, elems, args, result)
    }

    fn run_group(&self, group: &DeviceGroup<'_>) -> Result<(), DeviceError> {
        self.enter()?;
        self.launch_group(group)
    }

    fn translates(&self, module: &Module, function: FuncId) -> bool {
        !self.lost.load(Ordering::Relaxed) && self.has_function(module, function)
    }

    fn run_map(&self, map: &DeviceMap<'_>) -> Result<bool, DeviceError> {
        self.enter()?;
        self.launch_map(map)
    }

    fn takes_system(&self, operation: &'static Operation, elem: Elem) -> bool {
        !self.lost.load(Ordering::Relaxed) && matches!(recipe(operation, &[elem]), Some(Recipe::Iterate(_)))
    }

    fn run_system(&self, system: &DeviceSystem<'_>, begin: Begin<'_>) -> Result<Ended, DeviceError> {
        let Some(Recipe::Iterate(method)) = recipe(system.operation, &[system.matrix.elem]) else {
            return Err(DeviceError("there is no kernel for it".to_owned()));
        };
        self.enter()?;
        self.iterate(method, system, begin)
    }

    fn run(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let recipe = recipe(call.operation, call.elems);
        let recipe = recipe.ok_or_else(|| DeviceError("there is no kernel for it".to_owned()))?;
        self.enter()?;
        match recipe {
            Recipe::Fold(fold) => self.run_fold(fold, call),
            Recipe::Best(largest) => self.run_best(largest, call),
            Recipe::Norm => self.run_norm(call),
            Recipe::MatMul => self.run_matmul(call),
            Recipe::MatMulAs => self.run_matmul_as(call),
            Recipe::Transform(transform) => self.run_transform(transform, call),
            Recipe::Decompose(task) => self.run_decomposition(task, call),
            Recipe::Move(which) => self.run_move(which, call),
            Recipe::Join => self.run_join(call),
            Recipe::Take(which) => self.run_take(which, call),
            Recipe::Write(which) => self.run_write(which, call),
            Recipe::Create(which) => self.run_create(which, call),
            Recipe::Running(which) => self.run_running(which, call),
            Recipe::Difference => self.run_difference(call),
            Recipe::Sort(places) => self.run_sort(places, call),
            Recipe::Search => self.run_search(call),
            Recipe::Outer => self.run_outer(call),
            Recipe::ModularInverse => self.run_inverses(call),
            Recipe::ModularMatMul => self.run_modular_matmul(call),
            Recipe::Aes(mode) => self.run_aes(mode, call),
            Recipe::Hash(hash) => self.run_rows(hash, call),
            Recipe::Limbs(what) => self.run_limbs(what, call),
            Recipe::SparseProduct => self.run_sparse_product(call),
            Recipe::Iterate(_) => Err(DeviceError("an iteration is asked for otherwise".to_owned())),
            _ => self.run_each(recipe, call),
        }
    }
}

impl Drop for Cuda {
    fn drop(&mut self) {
        // Nothing of this may panic out of a drop.
        let _ = guarded(|| {
            // SAFETY: nobody uses the device any more. What fails leaves the rest to the driver.
            unsafe {
                let _ = result::ctx::set_current(self.context);
                // What the driver does not take at first it is given once more.
                for _ in 0..2 {
                    let left: Vec<u64> = locked(&self.given).pieces.keys().copied().collect();
                    left.into_iter().for_each(|address| self.freed(address));
                }
                let _ = result::stream::synchronize(self.stream);
                if let Some(blas) = locked(&self.blas).take() {
                    blas.destroy();
                }
                locked(&self.plans).destroy();
                if let Some(solver) = locked(&self.solver).take() {
                    solver.destroy();
                }
                let (fused, maps) = (locked(&self.fused), locked(&self.maps));
                let kernels = locked(&self.kernels);
                for code in kernels.values().chain(fused.values()).chain(maps.values()).flatten() {
                    code.unload();
                }
                let _ = result::stream::destroy(self.stream);
                let number = result::device::get(self.about.ordinal as i32).map_err(Failure::from)?;
                let _ = result::primary_ctx::release(number);
            }
            Ok(())
        });
    }
}
