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

use crate::compile::{Code, Refused};
use crate::driver::{About, Absent, Failure, NOT_READY, OUT_OF_MEMORY, about, guarded, start};
use crate::kernels::elementwise::{self, Layout, Reading, Walk};
use crate::kernels::{Recipe, fold, matmul, recipe};
use crate::launch::{Parameters, THREADS, blocks};
use cudarc::driver::{result, sys};
use nbc_ir::catalogue::Operation;
use nbc_ir::{Elem, Type, dims};
use nbc_runtime::device::{Device, DeviceArg, DeviceCall, DeviceError, DeviceMemory};
use std::collections::HashMap;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes moved, or multiplications, after which the host waits for what is queued. A slow GPU
/// does as much in some ten milliseconds.
const MOST_QUEUED: u64 = 1 << 32;
/// How long the host waits between two looks at the stream.
const PAUSE: Duration = Duration::from_micros(50);

/// How a device is used.
pub struct Options {
    memory: Option<usize>,
    on_loss: Option<OnLoss>,
}

type OnLoss = Box<dyn Fn(&str) + Send + Sync>;

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

impl Options {
    /// Nine tenths of the device's memory, and nobody is told when it is lost.
    pub fn new() -> Options {
        Options { memory: None, on_loss: None }
    }

    /// Takes at most so many bytes of the device's memory.
    pub fn memory(mut self, bytes: usize) -> Options {
        self.memory = Some(bytes);
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
    /// Requests that the driver refused or failed at.
    pub failed: u64,
    /// Whether it is lost.
    pub lost: bool,
}

/// What a kernel is for.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    operation: usize,
    elems: Vec<Elem>,
    layout: Option<Layout>,
}

/// A kernel that is there, or why there will be none.
type Kernel = Result<Arc<Code>, String>;

/// Bytes of each piece of memory, and their sum.
#[derive(Default)]
struct Given {
    pieces: HashMap<u64, usize>,
    bytes: usize,
}

/// One GPU.
pub struct Cuda {
    about: About,
    context: sys::CUcontext,
    stream: sys::CUstream,
    most_memory: usize,
    given: Mutex<Given>,
    kernels: Mutex<HashMap<Key, Kernel>>,
    queued: AtomicU64,
    launches: AtomicU64,
    compiled: AtomicU64,
    failed: AtomicU64,
    lost: AtomicBool,
    on_loss: Option<OnLoss>,
}

// SAFETY: the driver's handles may be used on every thread, once the context has been made current there
// (`Cuda::enter`); all else is locked.
unsafe impl Send for Cuda {}
// SAFETY: as above.
unsafe impl Sync for Cuda {}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(dims: &[u64]) -> u64 {
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
                    given: Mutex::default(),
                    kernels: Mutex::default(),
                    queued: AtomicU64::new(0),
                    launches: AtomicU64::new(0),
                    compiled: AtomicU64::new(0),
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

    /// What it has been asked for.
    pub fn calls(&self) -> Calls {
        Calls {
            launches: self.launches.load(Ordering::Relaxed),
            compiled: self.compiled.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    /// Bytes of its memory that are given out.
    pub fn in_use(&self) -> usize {
        locked(&self.given).bytes
    }

    /// Counts a failure; one that is for good loses the device.
    fn failed(&self, failure: &Failure) {
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
    fn noted<T>(&self, done: Result<T, impl Into<Failure>>) -> Result<T, DeviceError> {
        done.map_err(|e| {
            let failure = e.into();
            self.failed(&failure);
            DeviceError(failure.text)
        })
    }

    /// Makes the context current on this thread.
    fn enter(&self) -> Result<(), DeviceError> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(DeviceError(format!("{} is lost", self.about.name)));
        }
        // SAFETY: the context is retained as long as this lives.
        self.noted(unsafe { result::ctx::set_current(self.context) })
    }

    /// Memory in the order of the stream. The context is current.
    fn allocated(&self, bytes: usize) -> Result<u64, DeviceError> {
        let mut given = locked(&self.given);
        let fits = given.bytes.checked_add(bytes).is_some_and(|all| all <= self.most_memory);
        if bytes == 0 || !fits {
            return Err(DeviceError("no memory of the device is left to take".to_owned()));
        }
        // SAFETY: it is of that stream, and given back in its order.
        match unsafe { result::malloc_async(self.stream, bytes) }.map_err(Failure::from) {
            Ok(address) => {
                given.pieces.insert(address, bytes);
                given.bytes += bytes;
                Ok(address)
            }
            Err(failure) => {
                drop(given);
                self.failed(&failure);
                let what =
                    if failure.code == OUT_OF_MEMORY { "the device's memory is full" } else { &failure.text };
                Err(DeviceError(what.to_owned()))
            }
        }
    }

    /// Gives memory back behind what is queued. The context is current, or the device lost.
    fn freed(&self, address: u64) {
        let mut given = locked(&self.given);
        let Some(bytes) = given.pieces.remove(&address) else { return };
        given.bytes -= bytes;
        drop(given);
        if self.lost.load(Ordering::Relaxed) {
            // The driver takes all of it back with the context.
            return;
        }
        // SAFETY: it was given out, and nobody uses it but what is queued already.
        if let Err(e) = unsafe { result::free_async(address, self.stream) } {
            let failure = Failure::from(e);
            self.failed(&failure);
            if !failure.is_for_good() {
                // It is still there, and is tried again when the device is dropped.
                let mut given = locked(&self.given);
                given.pieces.insert(address, bytes);
                given.bytes += bytes;
            }
        }
    }

    /// A piece of the device's memory that ends with what it is for.
    fn scratch(&self, bytes: usize) -> Result<Scratch<'_>, DeviceError> {
        Ok(Scratch { of: self, address: self.allocated(bytes)? })
    }

    /// The kernel for `key`, compiled from what `text` gives if it is not there. The context is current.
    fn kernel(
        &self,
        key: Key,
        names: &[&CStr],
        text: impl FnOnce() -> String,
    ) -> Result<Arc<Code>, DeviceError> {
        let mut kernels = locked(&self.kernels);
        if let Some(kernel) = kernels.get(&key) {
            return kernel.clone().map_err(DeviceError);
        }
        match Code::new(&text(), names, &self.about) {
            Ok(code) => {
                self.compiled.fetch_add(1, Ordering::Relaxed);
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
    unsafe fn launch(
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
    fn pace(&self, work: u64, must_stop: &dyn Fn() -> bool) -> Result<(), DeviceError> {
        let queued = self.queued.fetch_add(work, Ordering::Relaxed).saturating_add(work);
        if queued < MOST_QUEUED {
            return Ok(());
        }
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

    /// Where an argument's elements are in the device's memory; they are sent there if need be.
    fn sent<'a>(&'a self, arg: &DeviceArg<'_>) -> Result<(u64, Option<Scratch<'a>>), DeviceError> {
        match arg {
            DeviceArg::Tensor(tensor) => Ok((tensor.memory.0.get() + tensor.offset as u64, None)),
            DeviceArg::Bytes { bytes, .. } => {
                let scratch = self.scratch(bytes.len())?;
                // SAFETY: so much memory is there; the driver has read pageable memory when it returns.
                self.noted(unsafe { result::memcpy_htod_async(scratch.address, bytes, self.stream) })?;
                Ok((scratch.address, Some(scratch)))
            }
            DeviceArg::Scalar(..) => Err(DeviceError("a scalar where a tensor should be".to_owned())),
        }
    }

    fn run_each(&self, recipe: Recipe, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let shapes: Vec<&[u64]> = call.args.iter().map(DeviceArg::dims).collect();
        let walk = Walk::new(call.result.dims, &shapes);
        let tensor_elem =
            call.args.iter().find_map(elem_of).ok_or_else(|| DeviceError("no tensor".to_owned()))?;
        let (mut readings, mut elems) = (Vec::new(), Vec::new());
        for (at, arg) in call.args.iter().enumerate() {
            readings.push(match arg {
                DeviceArg::Scalar(..) => Reading::Value,
                DeviceArg::Bytes { bytes, elem, .. } if bytes.len() == elem.size() => Reading::Value,
                _ => walk.reading(at),
            });
            // A scalar is an element of the tensors' type, that of the last one, for the first may be truth values.
            let others = || call.args.iter().rev().find_map(elem_of).unwrap_or(tensor_elem);
            elems.push(elem_of(arg).or_else(|| call.elems.first().copied()).unwrap_or_else(others));
        }
        let is_strided = readings.contains(&Reading::Strided);
        let layout = Layout { readings, rank: if is_strided { walk.dims.len() } else { 0 } };
        let key_elems = elems.iter().copied().chain([call.result.elem]).collect();
        let key = Key { operation: call.operation.index(), elems: key_elems, layout: Some(layout.clone()) };
        let text = || elementwise::text(recipe, &elems, call.result.elem, &layout);
        let code = self.kernel(key, &[c"nbc_each"], text)?;
        let n = count(call.result.dims);
        let mut parameters = Parameters::default();
        parameters.address(address(call));
        let mut held = Vec::new();
        let mut bytes = n.saturating_mul(call.result.elem.size() as u64);
        for ((arg, reading), elem) in call.args.iter().zip(&layout.readings).zip(&elems) {
            match (reading, arg) {
                (Reading::Value, DeviceArg::Scalar(bits, _)) => {
                    parameters.element(&bits.to_le_bytes()[..elem.size()]);
                }
                (Reading::Value, DeviceArg::Bytes { bytes, .. }) => parameters.element(bytes),
                _ => {
                    let (address, scratch) = self.sent(arg)?;
                    parameters.address(address);
                    held.extend(scratch);
                    bytes = bytes.saturating_add(count(arg.dims()).saturating_mul(elem.size() as u64));
                }
            }
        }
        parameters.numbers(&[n]);
        if is_strided {
            parameters.numbers(&walk.dims);
            for (strides, reading) in walk.strides.iter().zip(&layout.readings) {
                if *reading == Reading::Strided {
                    parameters.numbers(strides);
                }
            }
        }
        // SAFETY: the kernel was written for that layout. Arguments have the elements that it reads, which the
        // caller says, and memory goes back in the stream's order.
        unsafe { self.launch(parameters, code.functions[0], (blocks(n.div_ceil(THREADS)), 1, 1))? };
        self.pace(bytes, call.must_stop)
    }

    fn run_fold(&self, fold: fold::Fold, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (Lines { outer, n, inner }, elem) = lines(call)?;
        let (from, _held) = self.sent(&call.args[0])?;
        let to = call.result.elem;
        let key = Key { operation: call.operation.index(), elems: vec![elem, to], layout: None };
        let code = self.kernel(key, &[c"nbc_first", c"nbc_next"], || fold::text(fold, elem, to))?;
        // One piece of memory holds what all levels but the last come to.
        let mut levels = vec![n.div_ceil(fold::BLOCK)];
        while levels[levels.len() - 1] > 1 {
            levels.push(levels[levels.len() - 1].div_ceil(fold::BLOCK));
        }
        let results = outer * inner;
        let between: u64 = levels[..levels.len() - 1].iter().map(|blocks| blocks * results).sum();
        let scratch = match between {
            0 => None,
            _ => Some(self.scratch(between as usize * to.size())?),
        };
        let mut next = scratch.as_ref().map_or(0, |s| s.address);
        let (mut read, mut len) = (from, n);
        for (level, blocks_of_each) in levels.iter().enumerate() {
            let is_last = level + 1 == levels.len();
            let write = if is_last { address(call) } else { next };
            let mut parameters = Parameters::default();
            parameters.address(write);
            parameters.address(read);
            parameters.numbers(&[outer, len, inner, n, is_last as u64]);
            let groups = blocks_of_each * results;
            // SAFETY: the kernel reads so many elements, which are there, and writes one for each block.
            unsafe {
                self.launch(
                    parameters,
                    code.functions[(level > 0) as usize],
                    (blocks(groups.div_ceil(16)), 1, 1),
                )?
            };
            next += groups * to.size() as u64;
            (read, len) = (write, *blocks_of_each);
        }
        self.pace((outer * n * inner).saturating_mul(elem.size() as u64), call.must_stop)
    }

    fn run_best(&self, largest: bool, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (Lines { outer, n, inner }, elem) = lines(call)?;
        let (from, _held) = self.sent(&call.args[0])?;
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_best"], || fold::best_text(elem, largest))?;
        let mut parameters = Parameters::default();
        parameters.address(address(call));
        parameters.address(from);
        parameters.numbers(&[outer, n, inner]);
        // SAFETY: as for folding.
        unsafe { self.launch(parameters, code.functions[0], (blocks((outer * inner).div_ceil(16)), 1, 1))? };
        self.pace((outer * n * inner).saturating_mul(elem.size() as u64), call.must_stop)
    }

    fn run_matmul(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let [a, b] = call.args else { return Err(DeviceError("two factors".to_owned())) };
        let sizes =
            matmul::Sizes::new(a.dims(), b.dims()).ok_or_else(|| DeviceError("no kernel".to_owned()))?;
        let elem = call.result.elem;
        let ((a, _held_a), (b, _held_b)) = (self.sent(a)?, self.sent(b)?);
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_matmul"], || matmul::text(elem))?;
        let matmul::Sizes { m, k, n, count, steps } = sizes;
        // Rows of tiles, as many in one launch as can be waited for.
        let of_tiles = (k * matmul::TILE).saturating_mul(n).saturating_mul(count);
        let at_once = (MOST_QUEUED / of_tiles.max(1)).clamp(1, 65_535);
        let mut row = 0;
        while row < m {
            let rows = (m - row).div_ceil(matmul::TILE).min(at_once);
            let mut parameters = Parameters::default();
            [address(call), a, b].into_iter().for_each(|at| parameters.address(at));
            parameters.numbers(&[m, k, n, count, steps[0], steps[1], row]);
            let grid = (blocks(n.div_ceil(matmul::TILE)), rows as u32, count.clamp(1, 65_535) as u32);
            // SAFETY: sizes are those of the factors and the result.
            unsafe { self.launch(parameters, code.functions[0], grid)? };
            self.pace(of_tiles.saturating_mul(rows), call.must_stop)?;
            row += rows * matmul::TILE;
        }
        Ok(())
    }
}

/// Memory stays with the pool when the stream has nothing to do: programs ask for it again. Where the
/// driver does not do so, it is slower and nothing else.
///
/// # Safety
/// The device is one of the driver's.
unsafe fn keep_pool(device: sys::CUdevice) {
    let mut most = u64::MAX;
    // SAFETY: upheld by the caller; the attribute is a number of 64 bits.
    unsafe {
        if let Ok(pool) = result::device::get_default_mem_pool(device) {
            let threshold = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
            let _ = result::mem_pool::set_attribute(pool, threshold, (&raw mut most).cast());
        }
    }
}

struct Scratch<'a> {
    of: &'a Cuda,
    address: u64,
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        self.of.freed(self.address);
    }
}

/// What is folded: elements as [outer, n, inner].
struct Lines {
    outer: u64,
    n: u64,
    inner: u64,
}

fn lines(call: &DeviceCall<'_>) -> Result<(Lines, Elem), DeviceError> {
    let wrong = || DeviceError("nothing that can be folded".to_owned());
    let tensor = &call.args[0];
    let elem = elem_of(tensor).ok_or_else(wrong)?;
    let dims = tensor.dims();
    let lines = match call.args.get(1) {
        None => Lines { outer: 1, n: count(dims), inner: 1 },
        Some(DeviceArg::Scalar(axis, Type::I64)) => {
            let axis = usize::try_from(*axis).ok().filter(|axis| *axis < dims.len()).ok_or_else(wrong)?;
            Lines { outer: count(&dims[..axis]), n: dims[axis], inner: count(&dims[axis + 1..]) }
        }
        Some(_) => return Err(wrong()),
    };
    if lines.n == 0 { Err(wrong()) } else { Ok((lines, elem)) }
}

fn elem_of(arg: &DeviceArg<'_>) -> Option<Elem> {
    match arg {
        DeviceArg::Tensor(tensor) => Some(tensor.elem),
        DeviceArg::Bytes { elem, .. } => Some(*elem),
        DeviceArg::Scalar(..) => None,
    }
}

/// Where the result goes.
fn address(call: &DeviceCall<'_>) -> u64 {
    call.result.memory.0.get() + call.result.offset as u64
}

// SAFETY: kernels write every element of the result, or launching them fails, or the device is lost and gives no
// element back. What comes to the host has been copied when the stream has been waited for.
unsafe impl Device for Cuda {
    fn name(&self) -> &str {
        &self.about.name
    }

    fn takes(&self, operation: &'static Operation, elems: &[Elem], args: &[&[u64]], result: &[u64]) -> bool {
        if self.lost.load(Ordering::Relaxed) || count(result) == 0 || args.iter().any(|dims| count(dims) == 0)
        {
            return false;
        }
        match recipe(operation, elems) {
            None => false,
            Some(Recipe::MatMul) => matches!(args, [a, b] if matmul::Sizes::new(a, b).is_some()),
            Some(_) => true,
        }
    }

    fn allocate(&self, bytes: usize) -> Option<DeviceMemory> {
        self.enter().ok()?;
        NonZeroU64::new(self.allocated(bytes).ok()?).map(DeviceMemory)
    }

    fn free(&self, memory: DeviceMemory) {
        let _ = self.enter();
        self.freed(memory.0.get());
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

    fn run(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let recipe = recipe(call.operation, call.elems);
        let recipe = recipe.ok_or_else(|| DeviceError("there is no kernel for it".to_owned()))?;
        self.enter()?;
        match recipe {
            Recipe::Fold(fold) => self.run_fold(fold, call),
            Recipe::Best(largest) => self.run_best(largest, call),
            Recipe::MatMul => self.run_matmul(call),
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
                for code in locked(&self.kernels).values().flatten() {
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
