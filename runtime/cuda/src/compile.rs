//! From CUDA C to a kernel that can be launched: by NVRTC, or from a folder where an earlier process has kept it.
//!
//! NVRTC of CUDA 12 and of CUDA 13 serve, and what each knows is asked. For an architecture that it knows it makes machine
//! code (`sm_90`), which a driver of the same CUDA takes though it is older. For a newer one it makes PTX of the newest that it
//! knows (`compute_90`), which the driver translates.
//!
//! ```text
//! let target = Target::of(&about, cache.is_some())?;     // sm_90, by NVRTC 13.0
//! let compiler = Compiler::new(target, cache);
//! let code = compiler.code(&text, &[c"nbc_each"])?;
//! ```
//!
//! Invariant: nothing that a compiler writes is run unless its text, options, architecture and compiler were these.

use crate::cache::{Cache, Key};
use crate::driver::{About, Absent, Failure};
use cudarc::driver::{result, sys};
use cudarc::nvrtc;
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::atomic::{AtomicU64, Ordering};

/// What every text is compiled with, besides the architecture. Arithmetic that is contracted has other bits than the
/// processor's.
const OPTIONS: [&str; 2] = ["--fmad=false", "--std=c++17"];

/// A module of the device's code, with the functions that were asked for.
pub(crate) struct Code {
    module: sys::CUmodule,
    /// In the order of their names.
    pub(crate) functions: Vec<sys::CUfunction>,
}

// SAFETY: handles of the driver may be used on every thread; the context is made current first.
unsafe impl Send for Code {}
// SAFETY: as above; nothing is changed after loading.
unsafe impl Sync for Code {}

/// Why there is no kernel.
pub(crate) enum Refused {
    /// The text is at fault, or the compiler: it will not go another time either.
    ForGood(String),
    /// The driver has failed; another time it may go.
    Now(Failure),
}

/// What texts are compiled for, and by which NVRTC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    /// `sm_90`, or `compute_90` for what is newer than the compiler.
    architecture: String,
    /// Major and minor version; none where there is no compiler, and kernels come from a folder alone.
    version: Option<(i32, i32)>,
}

/// What a compiler that knows such architectures (75, 80, ...) makes code for, if the device has `capability`.
fn architecture(capability: i32, known: &[i32]) -> Option<String> {
    let newest = known.iter().copied().filter(|known| *known <= capability).max()?;
    let kind = if newest == capability { "sm" } else { "compute" };
    Some(format!("{kind}_{newest}"))
}

impl Target {
    /// For the device, and for the compiler of this process, which has to go with the driver. Without a compiler it is
    /// whatever a folder holds, if there is one.
    pub(crate) fn of(about: &About, has_cache: bool) -> Result<Target, Absent> {
        let capability = about.capability.0 * 10 + about.capability.1;
        if !crate::driver::has_compiler() {
            let architecture = format!("sm_{capability}");
            return if has_cache {
                Ok(Target { architecture, version: None })
            } else {
                Err(Absent::NoCompiler)
            };
        }
        let failed = |e: nvrtc::result::NvrtcError| Absent::Failed(format!("NVRTC: {:?}", e.0));
        let (mut version, mut count): ((c_int, c_int), c_int) = ((0, 0), 0);
        // SAFETY: the library is there, and writes numbers where it is told to: as many as it has said.
        let known = unsafe {
            nvrtc::sys::nvrtcVersion(&mut version.0, &mut version.1).result().map_err(failed)?;
            nvrtc::sys::nvrtcGetNumSupportedArchs(&mut count).result().map_err(failed)?;
            let mut known = vec![0; usize::try_from(count).unwrap_or(0)];
            nvrtc::sys::nvrtcGetSupportedArchs(known.as_mut_ptr()).result().map_err(failed)?;
            known
        };
        if version.0 > about.cuda.0 {
            return Err(Absent::CompilerTooNew { compiler: version, driver: about.cuda });
        }
        let architecture = architecture(capability, &known)
            .ok_or(Absent::DeviceTooOld { compiler: version, capability: about.capability })?;
        Ok(Target { architecture, version: Some(version) })
    }

    /// By what a kernel is found again. Who has no compiler takes any compiler's.
    fn key(&self, text: &str) -> Key {
        Key::new(&[&self.architecture, &OPTIONS.join(" "), text], self.version)
    }
}

/// Makes kernels for one device, or finds them.
pub(crate) struct Compiler {
    target: Target,
    cache: Option<Cache>,
    compiled: AtomicU64,
    found: AtomicU64,
}

impl Compiler {
    /// With a folder, or without one.
    pub(crate) fn new(target: Target, cache: Option<Cache>) -> Compiler {
        Compiler { target, cache, compiled: AtomicU64::new(0), found: AtomicU64::new(0) }
    }

    /// How many kernels were compiled, and how many found.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.compiled.load(Ordering::Relaxed), self.found.load(Ordering::Relaxed))
    }

    /// Whether there is an NVRTC. Without one there are only kernels that were kept.
    pub(crate) fn is_there(&self) -> bool {
        self.target.version.is_some()
    }

    /// The functions of those names in `text`. The context is current.
    pub(crate) fn code(&self, text: &str, names: &[&CStr]) -> Result<Code, Refused> {
        let key = self.cache.as_ref().map(|cache| (cache, self.target.key(text)));
        if let Some((cache, key)) = &key
            && let Some(image) = cache.find(key)
        {
            match Code::load(&image, names) {
                // The driver is another one than at that time, for example.
                Err(Refused::ForGood(_)) => cache.forget(key),
                done => {
                    self.found.fetch_add(done.is_ok() as u64, Ordering::Relaxed);
                    return done;
                }
            }
        }
        if self.target.version.is_none() {
            return Err(Refused::ForGood("no NVRTC to compile a kernel with that was not kept".to_owned()));
        }
        let image = compiled(text, &self.target.architecture)?;
        let code = Code::load(&image, names)?;
        self.compiled.fetch_add(1, Ordering::Relaxed);
        if let Some((cache, key)) = &key {
            cache.keep(key, &image);
        }
        Ok(code)
    }
}

/// What NVRTC makes of a text: machine code, or PTX with a NUL at its end.
fn compiled(text: &str, architecture: &str) -> Result<Vec<u8>, Refused> {
    let failed = |what: &str, e: nvrtc::result::NvrtcError| match e.0 as u32 {
        // No memory, or a program that could not be made.
        1..=2 => Refused::Now(Failure { code: 0, text: format!("{what}: {:?}", e.0) }),
        _ => Refused::ForGood(format!("{what}: {:?}", e.0)),
    };
    let text = CString::new(text).map_err(|_| Refused::ForGood("a NUL in CUDA C".to_owned()))?;
    let program = nvrtc::result::create_program(&text, None).map_err(|e| failed("NVRTC", e))?;
    let option = format!("--gpu-architecture={architecture}");
    let options = [&option, OPTIONS[0], OPTIONS[1]];
    // SAFETY: the program has been made above, and is destroyed below and nowhere else.
    unsafe {
        let done = nvrtc::result::compile_program(program, &options).map_err(|e| {
            let log = nvrtc::result::get_program_log(program).unwrap_or_default();
            let log: Vec<u8> = log.iter().map(|c| *c as u8).take_while(|c| *c != 0).collect();
            failed(&format!("a kernel does not compile: {}", String::from_utf8_lossy(&log)), e)
        });
        let image = done.and_then(|()| {
            let got = if architecture.starts_with("sm_") { machine_code(program) } else { ptx(program) };
            got.map_err(|e| failed("NVRTC", e))
        });
        // What it cannot destroy it keeps: no reason to do without the kernel.
        let _ = nvrtc::result::destroy_program(program);
        image
    }
}

/// # Safety
/// The program is one that has been compiled to PTX.
unsafe fn ptx(program: nvrtc::sys::nvrtcProgram) -> Result<Vec<u8>, nvrtc::result::NvrtcError> {
    // SAFETY: upheld by the caller.
    let ptx = unsafe { nvrtc::result::get_ptx(program) }?;
    Ok(ptx.into_iter().map(|c| c as u8).collect())
}

/// # Safety
/// The program is one that has been compiled to machine code.
unsafe fn machine_code(program: nvrtc::sys::nvrtcProgram) -> Result<Vec<u8>, nvrtc::result::NvrtcError> {
    let mut size = 0;
    // SAFETY: upheld by the caller; it writes as many bytes as it has said.
    unsafe {
        nvrtc::sys::nvrtcGetCUBINSize(program, &mut size).result()?;
        let mut code = vec![0u8; size];
        nvrtc::sys::nvrtcGetCUBIN(program, code.as_mut_ptr().cast::<c_char>()).result()?;
        Ok(code)
    }
}

impl Code {
    /// Loads what a compiler has made, and finds the functions of those names. The context is current.
    fn load(image: &[u8], names: &[&CStr]) -> Result<Code, Refused> {
        // SAFETY: it is machine code, whose head says how long it is, or PTX, which ends with a NUL. It is as a compiler
        // has made it: the cache holds a hash against it.
        let loaded = unsafe { result::module::load_data(image.as_ptr().cast()) };
        let module = loaded.map_err(|e| {
            let failure = Failure::from(e);
            match failure.code {
                // The driver does not take such code: it is older than the compiler, or the code is wrong.
                200 | 209 | 218 | 222 => Refused::ForGood(failure.text),
                _ => Refused::Now(failure),
            }
        })?;
        let mut code = Code { module, functions: Vec::new() };
        for name in names {
            // SAFETY: the module is loaded.
            match unsafe { result::module::get_function(module, (*name).to_owned()) } {
                Ok(function) => code.functions.push(function),
                Err(e) => {
                    code.unload();
                    return Err(Refused::Now(e.into()));
                }
            }
        }
        Ok(code)
    }

    /// Gives the module back. The context is current, and nothing uses its functions any more.
    pub(crate) fn unload(&self) {
        // SAFETY: said above. What fails here has taken the context with it.
        let _ = unsafe { result::module::unload(self.module) };
    }
}

#[cfg(test)]
mod tests {
    use super::architecture;

    #[test]
    fn machine_code_for_what_the_compiler_knows_and_ptx_for_what_is_newer() {
        let cuda_12 = [50, 60, 70, 75, 80, 86, 89, 90];
        let cuda_13 = [75, 80, 86, 89, 90, 100, 120];
        for (capability, known, wanted) in [
            (90, &cuda_12[..], Some("sm_90")),
            (100, &cuda_12, Some("compute_90")),
            (103, &cuda_13, Some("compute_100")),
            (70, &cuda_12, Some("sm_70")),
            // CUDA 13 has left it behind.
            (70, &cuda_13, None),
            (90, &[], None),
        ] {
            assert_eq!(architecture(capability, known).as_deref(), wanted, "{capability} of {known:?}");
        }
    }
}
