//! NBC: a small, typed bytecode and the virtual machine that runs it.
//!
//! This crate is what embedders add. It holds little of its own but [`npy`], [`npz`] and [`matrix_market`]:
//! everything else comes from [`ir`] (what a program is) and [`runtime`] (what
//! happens while it runs), gathered here in one flat place. The feature `cli`, on by
//! default, is the `nbc` command and what only it uses; embedders do without.
//!
//! | step | types |
//! |---|---|
//! | read or build a program | [`Module`], [`ModuleBuilder`], [`FunctionBuilder`] |
//! | prove it sound | [`VerifiedModule`] |
//! | get it ready | [`Engine`], [`Config`], [`Dispatch`] → [`Program`]: what is hot is compiled, as the command does |
//! | give it what it may reach | [`Linker`], [`HostFunc`], [`Caller`] |
//! | bound it | [`Limits`] |
//! | run it | [`Instance`], [`TypedFunc`], [`Value`], [`ArgRef`], [`TensorView`], [`Tensor`], [`Str`], [`OwnedTensor`], [`OwnedSparse`], [`OwnedBigInt`] |
//! | stop it | [`InterruptHandle`] |
//! | see what went wrong | [`Error`], [`ErrorKind`], [`Trap`], [`TrapCode`] |
//!
//! # A program from start to end
//!
//! ```
//! use nbc::{Engine, Linker};
//!
//! let program = Engine::default().read(
//!     b"export func @mean(%a: f64, %b: f64) -> f64 {
//!         %s = f64.add %a, %b
//!         %m = f64.div %s, 2.0
//!         ret %m
//!     }",
//!     "mean.nba",
//! )?;
//! let mut instance = Linker::new().instantiate(&program)?;
//! let mean = instance.typed::<(f64, f64), f64>("mean")?;
//! assert_eq!(mean.call(&mut instance, (1.0, 4.0))?, 2.5);
//! # Ok::<(), nbc::Error>(())
//! ```
//!
//! # Arrays come and go without copies
//!
//! An [`ArrayView`](ndarray::ArrayView) or a slice is lent: the program reads
//! the elements where they are and cannot write them. A result is the buffer
//! that the program computed into, handed over.
//!
//! ```
//! use nbc::ndarray::{Array2, ArrayView2};
//! use nbc::{Engine, Linker, OwnedTensor, Tensor};
//!
//! let program = Engine::default().read(
//!     b"export func @sum(%x: tensor<f64>) -> f64 {
//!         %s = tensor.sum %x
//!         ret %s
//!     }
//!     export func @twice(%x: tensor<f64>) -> tensor<f64> {
//!         %y = tensor.mul %x, 2.0
//!         ret %y
//!     }",
//!     "arrays.nba",
//! )?;
//! let mut instance = Linker::new().instantiate(&program)?;
//!
//! let x = Array2::<f64>::ones((1000, 1000));
//! let sum = instance.typed::<(Tensor<f64>,), f64>("sum")?;
//! assert_eq!(sum.call(&mut instance, (x.view(),))?, 1e6);
//! // Eight million bytes have been summed where they were.
//! assert!(instance.memory().peak < 100_000);
//!
//! let twice = instance.typed::<(Tensor<f64>,), OwnedTensor>("twice")?;
//! let y = twice.call(&mut instance, (x.view(),))?;
//! drop(instance);
//! // The result belongs to the host now; it outlives the instance.
//! let y: ArrayView2<f64> = y.view().unwrap().into_dimensionality().unwrap();
//! assert_eq!(y[[999, 999]], 2.0);
//! # Ok::<(), nbc::Error>(())
//! ```
//!
//! # A program reaches what it is given
//!
//! There are no files, clocks or sockets in NBC. A program that imports what
//! the [`Linker`] does not hold is refused before it starts, with the whole list.
//!
//! ```
//! use nbc::{Engine, ErrorKind, Linker};
//!
//! let program = Engine::default().read(
//!     b"import func @clock.now() -> i64
//!     import func @game.score(i64) -> f64
//!     export func @main() -> f64 {
//!         %t = call @clock.now()
//!         %s = call @game.score(%t)
//!         ret %s
//!     }",
//!     "greedy.nba",
//! )?;
//! let mut linker = Linker::new();
//! let refused = linker.instantiate(&program).err().unwrap();
//! assert_eq!(refused.kind(), ErrorKind::Link);
//! assert!(refused.to_string().contains("clock.now() -> i64: not given"));
//! assert!(refused.to_string().contains("game.score(i64) -> f64: not given"));
//!
//! linker.func("clock.now", || 7i64);
//! linker.func("game.score", |t: i64| t as f64 / 2.0);
//! let mut instance = linker.instantiate(&program)?;
//! let main = instance.typed::<(), f64>("main")?;
//! assert_eq!(main.call(&mut instance, ())?, 3.5);
//! # Ok::<(), nbc::Error>(())
//! ```
//!
//! # Limits are traps, and a trap is not the end
//!
//! ```
//! use nbc::{Engine, Limits, Linker, TrapCode};
//! use std::time::Duration;
//!
//! let program = Engine::default().read(
//!     b"export func @count(%n: i64) -> i64 {
//!         %i = i64.const 0
//!         br check
//!     check:
//!         %more = i64.lt %i, %n
//!         br_if %more, step, done
//!     step:
//!         %i = i64.add %i, 1
//!         br check
//!     done:
//!         ret %i
//!     }",
//!     "count.nba",
//! )?;
//! let limits = Limits::new().fuel(10_000);
//! let mut instance = Linker::new().instantiate_with(&program, limits)?;
//! let count = instance.typed::<(i64,), i64>("count")?;
//!
//! let error = count.call(&mut instance, (1_000_000,)).unwrap_err();
//! assert_eq!(error.trap().unwrap().code(), TrapCode::OutOfFuel);
//! instance.set_fuel(10_000);
//! assert_eq!(count.call(&mut instance, (100,))?, 100);
//! let left = instance.fuel().unwrap();
//! assert!(left > 9_000 && left < 10_000);
//!
//! let limits = Limits::new().timeout(Duration::from_millis(20));
//! let mut instance = Linker::new().instantiate_with(&program, limits)?;
//! let error = instance.call("count", &[i64::MAX.into()]).unwrap_err();
//! assert_eq!(error.trap().unwrap().code(), TrapCode::Timeout);
//! assert!(instance.call("count", &[100i64.into()]).is_ok());
//! # Ok::<(), nbc::Error>(())
//! ```
//!
//! # Threads
//!
//! Engines, programs and linkers are shared; each thread makes instances of its
//! own. Another thread can stop a call.
//!
//! ```
//! use nbc::{Engine, Linker, TrapCode};
//! use std::{thread, time::Duration};
//!
//! fn shared<T: Send + Sync>() {}
//! shared::<(nbc::Engine, nbc::Program, nbc::VerifiedModule, nbc::Linker, nbc::InterruptHandle)>();
//! fn sent<T: Send>() {}
//! sent::<nbc::Instance>();
//!
//! let program = Engine::default().read(
//!     b"export func @square(%x: i64) -> i64 {
//!         %y = i64.mul %x, %x
//!         ret %y
//!     }
//!     export func @forever() {
//!         br again
//!     again:
//!         br again
//!     }",
//!     "threads.nba",
//! )?;
//! let linker = Linker::new();
//! let squares: Vec<i64> = thread::scope(|s| {
//!     let run = |x: i64| {
//!         let mut instance = linker.instantiate(&program)?;
//!         instance.typed::<(i64,), i64>("square")?.call(&mut instance, (x,))
//!     };
//!     let threads: Vec<_> = (0..4).map(|x| s.spawn(move || run(x))).collect();
//!     threads.into_iter().map(|t| t.join().unwrap()).collect::<Result<_, nbc::Error>>()
//! })?;
//! assert_eq!(squares, [0, 1, 4, 9]);
//!
//! let mut instance = linker.instantiate(&program)?;
//! let handle = instance.interrupt_handle();
//! thread::spawn(move || {
//!     thread::sleep(Duration::from_millis(10));
//!     handle.interrupt();
//! });
//! let error = instance.call("forever", &[]).unwrap_err();
//! assert_eq!(error.trap().unwrap().code(), TrapCode::Interrupted);
//! # Ok::<(), nbc::Error>(())
//! ```
//!
//! # What went wrong, and where
//!
//! ```
//! use nbc::{Engine, Linker, TrapCode};
//!
//! let program = Engine::default().read(
//!     b"export func @main(%n: i64) -> i64 {
//!   %r = i64.div 1, %n
//!   ret %r
//! }",
//!     "divide.nba",
//! )?;
//! let mut instance = Linker::new().instantiate(&program)?;
//! let error = instance.call("main", &[0i64.into()]).unwrap_err();
//! let trap = error.trap().unwrap();
//! assert_eq!((trap.code(), trap.line()), (TrapCode::DivideByZero, Some(2)));
//! assert_eq!(trap.frames[0].name, "main");
//!
//! let unsound = Engine::default().read(b"export func @f() -> i64 {\n  ret true\n}", "f.nba");
//! let error = unsound.err().unwrap();
//! assert!(error.module_error().unwrap().render(false).contains("f.nba:2"));
//! # Ok::<(), nbc::Error>(())
//! ```

/// The page for embedders, whose programs run as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/embedding.md")]
struct Embedding;

/// The page of placement.
#[cfg(doctest)]
#[doc = include_str!("../docs/placement.md")]
struct PlacementPage;

mod calibration;
#[doc(hidden)]
pub mod compare;
mod config;
mod device_calibration;
#[doc(hidden)]
pub mod expectation;
pub mod matrix_market;
pub mod npy;
pub mod npz;

/// The tier that compiles: how it works, and what it has done (`docs/jit.md`).
pub mod jit {
    pub use nbc_jit::midend::Options as Passes;
    #[doc(hidden)] // its parts, which may change
    pub use nbc_jit::*;
    pub use nbc_jit::{Jit, Metrics, Mode, OptLevel, Options, Perf, Verify};
}

/// What runs operations besides the processor (`docs/embedding.md`).
pub mod device {
    pub use nbc_ir::catalogue::{Aliasing, Cost, Extent, Kind, Operation, Shape, Work};
    pub use nbc_runtime::device::group::{DeviceGroup, GroupEnd, GroupOperand, GroupStep};
    pub use nbc_runtime::device::map::DeviceMap;
    pub use nbc_runtime::device::null::NullDevice;
    pub use nbc_runtime::device::system::{Begin, DeviceSparse, DeviceSystem, Ended, How, Step};
    pub use nbc_runtime::device::{
        Device, DeviceArg, DeviceCall, DeviceCounts, DeviceError, DeviceMemory, DeviceTensor,
    };
}

/// NVIDIA GPUs as devices (`docs/gpu.md`).
#[cfg(feature = "cuda")]
pub mod cuda {
    pub use nbc_cuda::kernels::{Reach, reach};
    pub use nbc_cuda::{
        About, Absent, Calls, Cuda, Library, Missing, Options, devices, is_simulated, libraries,
    };
}

/// On how many cores operations run, and what decides that (`docs/placement.md`).
pub mod placement {
    pub use crate::calibration::calibrate;
    pub use crate::device_calibration::calibrate_device;
    pub use nbc_runtime::placement::{
        Candidate, Choice, Cores, Decision, DeviceRates, Part, Placement, Rates, RatesError, Reason,
    };
}

// The crates that this one is made of, whole: for tests, benches and who wants to see how it works. What
// is not named below may change.
#[doc(hidden)]
pub use nbc_ir as ir;
#[doc(hidden)]
pub use nbc_runtime as runtime;
pub use ndarray;
pub use rayon;

pub use config::{Config, Engine};

pub use nbc_ir::builder::{FunctionBuilder, ModuleBuilder};
pub use nbc_ir::{Elem, FuncId, Item, Module, Signature, Type, VerifiedModule, format_source};
pub use nbc_runtime::backtrace::{Frame, Trap};
#[cfg(any(feature = "fft", feature = "linalg"))]
pub use nbc_runtime::engine::PlanCounts;
pub use nbc_runtime::engine::{Limits, Program};
pub use nbc_runtime::error::{Error, ErrorKind};
pub use nbc_runtime::host::{Caller, FromProgram, HostFunc, HostResults, IntoHostFunc, IntoProgram};
pub use nbc_runtime::instance::{Instance, InterruptHandle, TypedFunc};
pub use nbc_runtime::linker::Linker;
pub use nbc_runtime::machine::dispatch::Dispatch;
pub use nbc_runtime::machine::tier::Tier;
pub use nbc_runtime::object::{Element, Format, OwnedBigInt, OwnedSparse, OwnedTensor};
pub use nbc_runtime::region::{HeapStats, RegionStats};
pub use nbc_runtime::trap::{TrapCode, TrapError};
pub use nbc_runtime::value::{ArgRef, Params, Results, Str, Tensor, TensorView, Value};
