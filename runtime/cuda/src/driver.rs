//! Whether there is a driver, what devices it has, and what its codes mean.

use cudarc::driver::{result, sys};
use std::ffi::c_char;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

/// Why there is no device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Absent {
    /// The driver's library is not on this machine.
    NoDriver,
    /// The compiler's is not.
    NoCompiler,
    /// The compiler is of a CUDA that the driver does not know: it would take no code of it.
    CompilerTooNew {
        /// Its version.
        compiler: (i32, i32),
        /// The CUDA that the driver knows.
        driver: (i32, i32),
    },
    /// The compiler makes no code for a device as old as that.
    DeviceTooOld {
        /// Its version.
        compiler: (i32, i32),
        /// The device's compute capability.
        capability: (i32, i32),
    },
    /// One of driver and compiler is simulated, the other is not.
    HalfSimulated,
    /// The driver has no device, or not that many.
    NoDevice,
    /// The driver or the compiler has failed, or lacks what is called.
    Failed(String),
}

impl Absent {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Absent::NoDriver => "install NVIDIA's driver; it brings libcuda.so",
            Absent::NoCompiler => "install libnvrtc of CUDA 12 or 13 where the loader finds it",
            Absent::CompilerTooNew { .. } => {
                "install a newer driver, or a libnvrtc.so of the driver's CUDA where the loader looks first"
            }
            Absent::DeviceTooOld { .. } => "install libnvrtc of CUDA 12, which knows older devices",
            Absent::HalfSimulated => "load both libraries from one place; see LD_LIBRARY_PATH",
            Absent::NoDevice => "see what nvidia-smi lists, and CUDA_VISIBLE_DEVICES",
            Absent::Failed(_) => "see whether nvidia-smi works; the driver has to know CUDA 12 or 13",
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Absent::NoDriver => f.write_str("there is no CUDA driver"),
            Absent::NoCompiler => f.write_str("there is a CUDA driver, but no NVRTC to compile kernels with"),
            Absent::CompilerTooNew { compiler: (major, minor), driver } => write!(
                f,
                "NVRTC {major}.{minor} makes code that the driver does not take: it knows CUDA {}.{}",
                driver.0, driver.1
            ),
            Absent::DeviceTooOld { compiler: (major, minor), capability } => write!(
                f,
                "NVRTC {major}.{minor} makes no code for compute capability {}.{}",
                capability.0, capability.1
            ),
            Absent::HalfSimulated => f.write_str(
                "one of CUDA driver and NVRTC is the simulated one of NBC's tests, the other is not",
            ),
            Absent::NoDevice => f.write_str("the CUDA driver has no such device"),
            Absent::Failed(why) => write!(f, "the CUDA driver has failed: {why}"),
        }
    }
}

impl std::error::Error for Absent {}

/// What is known of a device.
#[derive(Clone, Debug)]
pub struct About {
    /// Its number.
    pub ordinal: usize,
    /// What the driver calls it; one that is simulated says so.
    pub name: String,
    /// Bytes of its memory.
    pub memory: usize,
    /// Its compute capability.
    pub capability: (i32, i32),
    /// The CUDA that the driver knows.
    pub cuda: (i32, i32),
    /// Whether it is the simulated driver of the tests, which is no GPU: its times mean nothing.
    pub simulated: bool,
}

/// A code of the driver, with its name.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: u32,
    pub(crate) text: String,
}

/// The driver has no memory of that size left.
pub(crate) const OUT_OF_MEMORY: u32 = 2;
/// What was asked about is not done yet.
pub(crate) const NOT_READY: u32 = 600;

impl Failure {
    /// Whether the driver answers nothing else any more, until the process ends.
    pub(crate) fn is_for_good(&self) -> bool {
        (700..720).contains(&self.code)
    }
}

impl From<result::DriverError> for Failure {
    fn from(error: result::DriverError) -> Failure {
        let code = error.0 as u32;
        let name = error.error_name().ok().map(|name| name.to_string_lossy().into_owned());
        Failure { code, text: name.unwrap_or_else(|| format!("error {code} of the CUDA driver")) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Failure> for Absent {
    fn from(failure: Failure) -> Absent {
        // What `cuInit` says where there is a driver and no device, and of a number that is too large.
        if matches!(failure.code, 100 | 101) { Absent::NoDevice } else { Absent::Failed(failure.text) }
    }
}

/// Both libraries are looked for once: loading them takes a while.
// SAFETY: loading a library runs what it has to run first. NVIDIA's do no harm.
static DRIVER: LazyLock<bool> = LazyLock::new(|| unsafe { sys::is_culib_present() });
// SAFETY: as above.
static COMPILER: LazyLock<bool> = LazyLock::new(|| unsafe { cudarc::nvrtc::sys::is_culib_present() });

/// Whether there is a compiler.
pub(crate) fn has_compiler() -> bool {
    *COMPILER
}

/// Makes sure that there is a driver with at least one device, and gives their number.
pub(crate) fn start() -> Result<usize, Absent> {
    if !*DRIVER {
        return Err(Absent::NoDriver);
    }
    if *COMPILER && has_simulated_compiler() != is_simulated() {
        return Err(Absent::HalfSimulated);
    }
    result::init().map_err(Failure::from)?;
    match result::device::get_count().map_err(Failure::from)? {
        count @ 1.. => Ok(count as usize),
        _ => Err(Absent::NoDevice),
    }
}

/// Runs `ask`; what panics, as a function that the driver lacks does, has failed.
pub(crate) fn guarded<R>(ask: impl FnOnce() -> Result<R, Absent>) -> Result<R, Absent> {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(Absent::Failed(text.unwrap_or_else(|| "it lacks a function".to_owned())))
    })
}

/// What the simulated libraries of the tests export, and NVIDIA's do not.
type Identity = unsafe extern "C" fn() -> *const c_char;
pub(crate) const IDENTITY: &[u8] = b"nbc_cudasim_identity\0";

/// Whether NVRTC is the simulated one.
fn has_simulated_compiler() -> bool {
    // SAFETY: the library is there (`has_compiler`), and the name belongs to a function of that type.
    unsafe { cudarc::nvrtc::sys::culib().get::<Identity>(IDENTITY) }.is_ok()
}

/// Whether the driver is the simulated one of the tests, which is no GPU. Nothing should be measured beside it.
///
/// No device is looked for, so it costs no more than loading the library.
pub fn is_simulated() -> bool {
    // SAFETY: the library is there, and the name belongs to a function of that type.
    *DRIVER && unsafe { sys::culib().get::<Identity>(IDENTITY) }.is_ok()
}

/// What is known of device number `ordinal`.
pub(crate) fn about(ordinal: usize) -> Result<About, Absent> {
    let number = i32::try_from(ordinal).map_err(|_| Absent::NoDevice)?;
    let device = result::device::get(number).map_err(Failure::from)?;
    use sys::CUdevice_attribute as Attribute;
    // SAFETY: `get` has given the device.
    let attribute = |which| unsafe { result::device::get_attribute(device, which) }.map_err(Failure::from);
    let major = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
    let minor = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
    // SAFETY: as above.
    let memory = unsafe { result::device::total_mem(device) }.map_err(Failure::from)?;
    let simulated = is_simulated();
    let name = result::device::get_name(device).map_err(Failure::from)?;
    let name = if simulated { format!("{name}, SIMULATED") } else { name };
    let mut version = 0;
    // SAFETY: it writes a number.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result().map_err(Failure::from)?;
    let cuda = (version / 1000, version % 1000 / 10);
    Ok(About { ordinal, name, memory, capability: (major, minor), cuda, simulated })
}

/// All devices.
///
/// # Errors
/// Why there is none.
pub fn devices() -> Result<Vec<About>, Absent> {
    guarded(|| (0..start()?).map(about).collect())
}
