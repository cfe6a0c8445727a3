//! The simulated CUDA driver (`tests/cudasim`) and its libraries: built once, put in the driver's place, and set up for a test.
//!
//! It is not for shipping, and no GPU: it says so wherever a device is named. One process has one driver, so tests
//! that use it go one after the other: [`Sim`] is a lock too.
//!
//! ```text
//! let Some(sim) = Sim::start("devices=2 streams=lazy") else { return };   // faults, orders and counts: here alone
//! let Some(sim) = Sim::or_gpu("mem=256M") else { return };               // a GPU too, with NBC_TEST_GPU=real
//! ```

use std::collections::hash_map::DefaultHasher;
use std::ffi::{CString, c_char, c_int, c_long, c_void};
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// Each library, the folder of its sources, and the files of it, if not all.
const LIBRARIES: [(&str, &str, Option<&str>); 5] = [
    ("libcuda.so", "driver", None),
    ("libnvrtc.so", "nvrtc", None),
    ("libcublas.so", "math", Some("cublas.cpp")),
    ("libcufft.so", "math", Some("cufft.cpp")),
    ("libcusolver.so", "math", Some("cusolver.cpp")),
];

/// Whether this process is to be without the libraries of mathematics.
static IS_BARE: AtomicBool = AtomicBool::new(false);
static IN_USE: Mutex<()> = Mutex::new(());
static LOADED: LazyLock<Result<Driver, String>> = LazyLock::new(load);

/// What tests call of the driver besides its own functions.
#[derive(Clone, Copy)]
struct Driver {
    configure: unsafe extern "C" fn(*const c_char),
    fault: unsafe extern "C" fn(*const c_char),
    reset: unsafe extern "C" fn(),
    calls: unsafe extern "C" fn(*const c_char) -> c_long,
    hits: unsafe extern "C" fn(*const c_char) -> c_long,
    live_bytes: unsafe extern "C" fn(c_int) -> usize,
    left_behind: unsafe extern "C" fn() -> usize,
    holds: unsafe extern "C" fn(*const u8, usize) -> c_int,
    read: unsafe extern "C" fn(u64, *mut u8, usize) -> c_int,
}

/// What says that tests are to run on a GPU.
const ON_GPU: &str = "NBC_TEST_GPU";

/// The driver, for one test; at its end settings and faults are gone.
pub struct Sim {
    /// None where a GPU's own driver is used.
    driver: Option<Driver>,
    _in_use: MutexGuard<'static, ()>,
}

fn text(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

/// Whether tests are to run on a GPU.
///
/// # Panics
/// When the variable says what it cannot, or the driver is a simulated one after all: nothing would be proven.
pub fn is_on_gpu() -> bool {
    match std::env::var(ON_GPU).as_deref() {
        Err(_) | Ok("" | "no") => false,
        Ok("real") => {
            assert!(!is_simulated(), "{ON_GPU}=real, but the CUDA driver here is a simulated one");
            true
        }
        Ok(other) => panic!("{ON_GPU} is real or no, not {other}"),
    }
}

/// Whether the driver that a program would get is this one.
fn is_simulated() -> bool {
    ["libcuda.so", "libcuda.so.1"].into_iter().any(|name| {
        // SAFETY: loading a driver's library runs what it has to run first, and does no harm.
        let handle = unsafe { libc::dlopen(text(name).as_ptr(), libc::RTLD_LAZY) };
        // SAFETY: the handle is that of a loaded library.
        !handle.is_null() && unsafe { !libc::dlsym(handle, c"nbc_cudasim_identity".as_ptr()).is_null() }
    })
}

impl Sim {
    /// Starts with settings such as `devices=2 mem=256M order=random:7 streams=lazy`. Where there is no C++ compiler, and where tests
    /// are to run on a GPU, there is none: the test says so and is left out.
    pub fn start(settings: &str) -> Option<Sim> {
        if is_on_gpu() {
            eprintln!("SKIPPED: it is about the simulated driver, and {ON_GPU} wants a GPU");
            return None;
        }
        Sim::simulated(settings)
    }

    /// The same, or the GPU's own driver, where settings are nothing and nothing is counted.
    pub fn or_gpu(settings: &str) -> Option<Sim> {
        if is_on_gpu() {
            return Some(Sim {
                driver: None,
                _in_use: IN_USE.lock().unwrap_or_else(PoisonError::into_inner),
            });
        }
        Sim::simulated(settings)
    }

    fn simulated(settings: &str) -> Option<Sim> {
        let _in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        let driver = match &*LOADED {
            Ok(driver) => *driver,
            Err(why) => {
                eprintln!("SKIPPED: the simulated CUDA driver cannot be had: {why}");
                return None;
            }
        };
        let sim = Sim { driver: Some(driver), _in_use };
        sim.reset();
        sim.configure(settings);
        Some(sim)
    }

    /// [`Sim::start`] without the libraries of mathematics: for processes that never have them.
    pub fn start_bare(settings: &str) -> Option<Sim> {
        IS_BARE.store(true, Ordering::Relaxed);
        Sim::start(settings)
    }

    /// Changes settings.
    pub fn configure(&self, settings: &str) {
        if let Some(driver) = &self.driver {
            // SAFETY: a function of the library, which stays loaded.
            unsafe { (driver.configure)(text(settings).as_ptr()) }
        }
    }

    /// Lets calls fail: `cuMemAllocAsync@3x2=2`, the third and fourth with code 2; `*@7=719`, the seventh of all.
    pub fn fault(&self, fault: &str) {
        if let Some(driver) = &self.driver {
            // SAFETY: as in `configure`.
            unsafe { (driver.fault)(text(fault).as_ptr()) }
        }
    }

    /// Forgets settings, faults, counts and an error that was for good.
    pub fn reset(&self) {
        if let Some(driver) = &self.driver {
            // SAFETY: as in `configure`.
            unsafe { (driver.reset)() }
        }
    }

    /// How often that function was called since; `*`: all of them.
    pub fn calls(&self, function: &str) -> i64 {
        // SAFETY: as in `configure`.
        self.driver.as_ref().map_or(0, |driver| unsafe { (driver.calls)(text(function).as_ptr()) })
    }

    /// How often a fault has hit a call of that function since.
    pub fn hits(&self, function: &str) -> i64 {
        // SAFETY: as in `configure`.
        self.driver.as_ref().map_or(0, |driver| unsafe { (driver.hits)(text(function).as_ptr()) })
    }

    /// Bytes of the device that nobody has given back.
    pub fn live_bytes(&self, device: i32) -> usize {
        // SAFETY: as in `configure`.
        self.driver.as_ref().map_or(0, |driver| unsafe { (driver.live_bytes)(device) })
    }

    /// Bytes that were not zero when the device got them back, since the start or the last reset.
    pub fn left_behind(&self) -> usize {
        // SAFETY: as in `configure`.
        self.driver.as_ref().map_or(0, |driver| unsafe { (driver.left_behind)() })
    }

    /// So many bytes from an address of a device on, as they are now; none where it has not so many.
    pub fn read(&self, address: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        let read = self.driver.as_ref()?.read;
        // SAFETY: as in `configure`; there are so many bytes.
        let is_there = unsafe { read(address, bytes.as_mut_ptr(), len) } != 0;
        is_there.then_some(bytes)
    }

    /// Whether these bytes are somewhere in the memory that the device has given out.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        // SAFETY: as in `configure`.
        self.driver.as_ref().is_some_and(|driver| unsafe { (driver.holds)(bytes.as_ptr(), bytes.len()) } != 0)
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.reset();
    }
}

/// All functions of the simulated libraries that can be counted and made to fail, in order.
pub fn functions() -> &'static [String] {
    static ALL: LazyLock<Vec<String>> = LazyLock::new(counted);
    &ALL
}

fn counted() -> Vec<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_source = |file: &PathBuf| file.extension().is_some_and(|e| e == "cpp");
    let mut all = Vec::new();
    // Calls of NVIDIA's libraries are counted by name, too, and made to fail in tests of their own.
    let of_driver = ["driver", "nvrtc"].map(|part| files(&sources.join(part)));
    for file in of_driver.into_iter().flatten().filter(is_source) {
        let source = fs::read_to_string(file).unwrap_or_default();
        for exported in source.split("EXPORT int ").skip(1) {
            let (name, rest) = exported.split_once('(').unwrap_or_default();
            // Those of the simulator, and those that cannot fail, are not counted.
            if rest.split_once('}').is_some_and(|(body, _)| body.contains("ENTER(")) {
                all.push(name.to_owned());
            }
        }
    }
    all.sort();
    all
}

/// The folder of the libraries, for a child's `LD_LIBRARY_PATH`.
///
/// # Errors
/// Why they cannot be built.
pub fn libraries() -> Result<PathBuf, String> {
    static BUILT: LazyLock<Result<PathBuf, String>> = LazyLock::new(build);
    BUILT.clone()
}

/// All files below `folder`, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder)
        .map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
        .unwrap_or_default();
    all.sort();
    all.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn build() -> Result<PathBuf, String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("it is written for Linux on x86-64".to_owned());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let sources = root.join("tests/cudasim");
    let failed = |e: std::io::Error| e.to_string();
    let mut hasher = DefaultHasher::new();
    for file in files(&sources) {
        fs::read(file).map_err(failed)?.hash(&mut hasher);
    }
    let of_target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = of_target.join("cudasim").join(format!("{:016x}", hasher.finish()));
    fs::create_dir_all(folder.join("include")).map_err(failed)?;
    // Test processes come at the same time; the first one builds.
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let folder = folder.canonicalize().map_err(failed)?;
    if folder.join("done").exists() {
        return Ok(folder);
    }
    for header in files(&sources.join("include")) {
        fs::copy(&header, folder.join("include").join(header.file_name().expect("a file")))
            .map_err(failed)?;
    }
    for (library, part, only) in LIBRARIES {
        let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
        let is_source = |file: &PathBuf| {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            only.map_or(name.ends_with(".cpp"), |only| only == name)
        };
        let sources = files(&sources.join(part)).into_iter().filter(is_source);
        // Libraries of mathematics count and queue by the driver, which lies beside them.
        let driver = folder.join("libcuda.so").into_os_string();
        let beside = if part == "math" { vec!["-Wl,-rpath,$ORIGIN".into(), driver] } else { Vec::new() };
        let output = Command::new(&compiler)
            .args(["-O2", "-fPIC", "-shared", "-std=c++17"])
            // The name by which the product looks for it: then it gets this one.
            .arg(format!("-Wl,-soname,{library}"))
            .args(sources)
            .arg("-o")
            .arg(folder.join(library))
            .arg("-ldl")
            .args(beside)
            .output()
            .map_err(|e| format!("no C++ compiler ({compiler}): {e}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    fs::write(folder.join("done"), "").map_err(failed)?;
    Ok(folder)
}

/// Loads all libraries for good, so that who asks for their names gets them.
fn load() -> Result<Driver, String> {
    let folder = libraries()?;
    let open = |library: &str| {
        let path = text(folder.join(library).to_str().ok_or("a path that is no text")?);
        // SAFETY: a library of this repository; loading it runs nothing.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        if handle.is_null() { Err(format!("{library} cannot be loaded")) } else { Ok(handle) }
    };
    let handle = open("libcuda.so")?;
    for (library, part, _) in &LIBRARIES[1..] {
        if *part != "math" || !IS_BARE.load(Ordering::Relaxed) {
            open(library)?;
        }
    }
    let find = |name: &str| -> Result<*mut c_void, String> {
        // SAFETY: the handle is that of a loaded library.
        let found = unsafe { libc::dlsym(handle, text(name).as_ptr()) };
        if found.is_null() { Err(format!("{name} is not there")) } else { Ok(found) }
    };
    // SAFETY: the functions have these types in tests/cudasim/driver/settings.cpp.
    unsafe {
        Ok(Driver {
            configure: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const c_char)>(find(
                "cudasim_configure",
            )?),
            fault: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const c_char)>(find(
                "cudasim_fault",
            )?),
            reset: std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(find("cudasim_reset")?),
            calls: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const c_char) -> c_long>(find(
                "cudasim_calls",
            )?),
            hits: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const c_char) -> c_long>(find(
                "cudasim_hits",
            )?),
            live_bytes: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int) -> usize>(find(
                "cudasim_live_bytes",
            )?),
            left_behind: std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> usize>(find(
                "cudasim_left_behind",
            )?),
            read: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(u64, *mut u8, usize) -> c_int>(
                find("cudasim_read")?,
            ),
            holds: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const u8, usize) -> c_int>(find(
                "cudasim_holds",
            )?),
        })
    }
}
