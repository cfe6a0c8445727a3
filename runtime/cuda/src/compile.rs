//! From CUDA C to a kernel that can be launched.

use crate::driver::{About, Failure};
use cudarc::driver::{result, sys};
use cudarc::nvrtc;
use std::ffi::{CStr, CString};

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

/// PTX of the text.
fn ptx(text: &str, about: &About) -> Result<Vec<std::ffi::c_char>, Refused> {
    let failed = |what: &str, e: nvrtc::result::NvrtcError| match e.0 as u32 {
        // No memory, or a program that could not be made.
        1..=2 => Refused::Now(Failure { code: 0, text: format!("{what}: {:?}", e.0) }),
        _ => Refused::ForGood(format!("{what}: {:?}", e.0)),
    };
    let text = CString::new(text).map_err(|_| Refused::ForGood("a NUL in CUDA C".to_owned()))?;
    let program = nvrtc::result::create_program(&text, None).map_err(|e| failed("NVRTC", e))?;
    let (major, minor) = about.capability;
    // Arithmetic that is contracted has other bits than the processor's.
    let architecture = format!("--gpu-architecture=compute_{major}{minor}");
    let options = [&architecture, "--fmad=false", "--std=c++17"];
    // SAFETY: the program has been made above, and is destroyed below and nowhere else.
    unsafe {
        let done = nvrtc::result::compile_program(program, &options).map_err(|e| {
            let log = nvrtc::result::get_program_log(program).unwrap_or_default();
            let log: Vec<u8> = log.iter().map(|c| *c as u8).take_while(|c| *c != 0).collect();
            failed(&format!("a kernel does not compile: {}", String::from_utf8_lossy(&log)), e)
        });
        let ptx = done.and_then(|()| nvrtc::result::get_ptx(program).map_err(|e| failed("NVRTC", e)));
        // What it cannot destroy it keeps: no reason to do without the kernel.
        let _ = nvrtc::result::destroy_program(program);
        ptx
    }
}

impl Code {
    /// Compiles `text` and finds the functions of those names. The context is current.
    pub(crate) fn new(text: &str, names: &[&CStr], about: &About) -> Result<Code, Refused> {
        let ptx = ptx(text, about)?;
        // SAFETY: NVRTC's PTX ends with a NUL.
        let loaded = unsafe { result::module::load_data(ptx.as_ptr().cast()) };
        let module = loaded.map_err(|e| {
            let failure = Failure::from(e);
            match failure.code {
                // The driver does not take such PTX: it is older than the compiler, or the PTX is wrong.
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
