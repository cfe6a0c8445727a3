//! NVIDIA's libraries of mathematics: which of them are there, and what calls them.
//!
//! Each is looked for when it is first wanted, and none is needed. Without cuBLAS our own kernel multiplies
//! matrices; what else a library would compute stays on the processor. [`libraries`] says what was found, for people.
//!
//! ```
//! use nbc_cuda::libraries;
//! for (library, found) in libraries() {
//!     match found {
//!         Ok(()) => println!("{}: {}", library.name(), library.serves()),
//!         Err(missing) => println!("no {}: {missing}; {}", library.name(), missing.remedy()),
//!     }
//! }
//! ```
//!
//! Invariant: a library works on the stream of the device alone, so its work is in order with all other. A call that
//! fails is an error of the operation, or our own kernel's turn; none of a library's errors is a trap.

pub(crate) mod blas;
pub(crate) mod fft;
pub(crate) mod solver;

use crate::device::Cuda;
use crate::driver::{self, Failure, NOT_READY};
use cudarc::driver::sys;
use nbc_runtime::device::DeviceError;
use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;

/// One of NVIDIA's libraries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Library {
    /// cuBLAS.
    Blas,
    /// cuFFT.
    Fft,
    /// cuSOLVER.
    Solver,
}

impl Library {
    /// All that can be used.
    pub const ALL: [Library; 3] = [Library::Blas, Library::Fft, Library::Solver];

    /// What NVIDIA calls it.
    pub fn name(self) -> &'static str {
        match self {
            Library::Blas => "cuBLAS",
            Library::Fft => "cuFFT",
            Library::Solver => "cuSOLVER",
        }
    }

    /// What it is for.
    pub fn serves(self) -> &'static str {
        match self {
            Library::Blas => "matrix products",
            Library::Fft => "Fourier transforms",
            Library::Solver => "systems of equations and decompositions",
        }
    }

    /// What is done without it.
    pub fn without(self) -> &'static str {
        match self {
            Library::Blas => "products are our own kernel's, complex ones the processor's",
            Library::Fft | Library::Solver => "they stay on the processor",
        }
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn found(self) -> Result<(), Missing> {
        match self {
            Library::Blas => BLAS.clone(),
            Library::Fft => FFT.clone(),
            Library::Solver => SOLVER.clone(),
        }
    }
}

/// Why a library cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Missing {
    /// It is not on this machine.
    Library(&'static str),
    /// It lacks a function.
    Function(&'static str, &'static str),
    /// It is a GPU's and the driver simulated, or the other way round.
    Mixed(&'static str),
}

impl Missing {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Missing::Library(_) => {
                "install CUDA 12 or 13, or that library of it, where the loader finds it (LD_LIBRARY_PATH)"
            }
            Missing::Function(..) => "install that of CUDA 12 or 13",
            Missing::Mixed(_) => "put both or none of the simulated ones where the loader finds them",
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Library(file) => write!(f, "{file} is not on this machine"),
            Missing::Function(file, function) => write!(f, "{file} lacks {function}"),
            Missing::Mixed(file) => write!(f, "of {file} and the driver one is simulated"),
        }
    }
}

impl std::error::Error for Missing {}

/// Every library, and whether it can be used.
pub fn libraries() -> impl Iterator<Item = (Library, Result<(), Missing>)> {
    Library::ALL.into_iter().map(|library| (library, library.found()))
}

/// Looks for a library of `cudarc` and the functions of it that are called here.
macro_rules! looked_for {
    ($library:ident, $file:literal, $functions:expr) => {
        LazyLock::new(|| {
            use cudarc::$library::sys;
            // SAFETY: loading a library runs what it has to run first. NVIDIA's do no harm. Functions are looked
            // for and not called.
            unsafe {
                if !sys::is_culib_present() {
                    return Err(Missing::Library($file));
                }
                let has = |name: &[u8]| sys::culib().get::<unsafe extern "C" fn()>(name).is_ok();
                if has(driver::IDENTITY) != driver::is_simulated() {
                    return Err(Missing::Mixed($file));
                }
                match $functions.iter().copied().find(|name| !has(name.as_bytes())) {
                    Some(name) => Err(Missing::Function($file, name)),
                    None => Ok(()),
                }
            }
        })
    };
}

static BLAS: LazyLock<Result<(), Missing>> = looked_for!(cublas, "libcublas", blas::FUNCTIONS);
static FFT: LazyLock<Result<(), Missing>> = looked_for!(cufft, "libcufft", fft::FUNCTIONS);
static SOLVER: LazyLock<Result<(), Missing>> = looked_for!(cusolver, "libcusolver", solver::FUNCTIONS);

impl Cuda {
    /// Whether `library` is there and to be used.
    pub(crate) fn has(&self, library: Library) -> bool {
        self.uses_libraries && library.found().is_ok()
    }

    /// What came of a library's call, whose status is shown where it is no success. A library does not say whether the
    /// device is lost, so the driver is asked.
    pub(crate) fn library_said<E: fmt::Debug>(
        &self,
        what: &str,
        done: Result<(), E>,
    ) -> Result<(), DeviceError> {
        self.library_calls.fetch_add(1, Ordering::Relaxed);
        let Err(status) = done else { return Ok(()) };
        // SAFETY: the stream lives as long as this.
        match unsafe { sys::cuStreamQuery(self.stream) }.result().map_err(Failure::from) {
            Err(failure) if failure.code != NOT_READY => self.noted(Err(failure)),
            _ => self.noted(Err(Failure { code: 0, text: format!("{what}: {status:?}") })),
        }
    }
}
