//! Telling Linux `perf` what compiled code is called.
//!
//! `perf` finds names of code that no file holds in one of two ways: a *map*,
//! `/tmp/perf-PID.map`, which it reads by itself and which has a line for each
//! function; or a *dump*, `jit-PID.dump`. A dump holds the code as well, with
//! the lines it comes from, and `perf inject --jit` works it into what was
//! recorded. Both belong to the process: every tier in it that asks for the
//! same one writes to the same file.
//!
//! Invariant: nothing here fails once a file is open. A file that cannot be
//! written any more, as on a full disk, ends where it is.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, PoisonError};

/// What `perf` is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Perf {
    /// Nothing.
    #[default]
    None,
    /// Names, in `/tmp/perf-PID.map`.
    Map,
    /// Names, code and lines, in `jit-PID.dump`, in the folder that the
    /// environment variable `JITDUMPDIR` names, or else in the current one.
    Dump,
}

/// Why `perf` is told nothing.
#[derive(Debug)]
pub struct PerfError {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for PerfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {} for perf: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for PerfError {}

/// A file for `perf`.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    pid: u32,
    is_dump: bool,
    out: Mutex<Out>,
}

#[derive(Debug)]
struct Out {
    /// `None` when someone else writes it, or when writing failed.
    file: Option<File>,
    /// How many functions there are.
    count: u64,
}

/// Where code comes from.
#[derive(Debug, Default)]
pub struct Lines {
    /// The file.
    pub file: String,
    /// Where in the code each line begins, in order.
    pub starts: Vec<(u32, u32)>,
}

/// Open files, of maps and of dumps.
static OPEN: [Mutex<Option<Arc<Recorder>>>; 2] = [Mutex::new(None), Mutex::new(None)];

impl Recorder {
    /// The file of this process, made if it is not there yet.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(perf: Perf) -> Result<Option<Arc<Recorder>>, PerfError> {
        let is_dump = match perf {
            Perf::None => return Ok(None),
            Perf::Map => false,
            Perf::Dump => true,
        };
        let mut open = OPEN[usize::from(is_dump)].lock().unwrap_or_else(PoisonError::into_inner);
        let pid = process::id();
        if let Some(recorder) = open.as_ref().filter(|r| r.pid == pid) {
            return Ok(Some(recorder.clone()));
        }
        let path = if is_dump {
            let folder = std::env::var_os("JITDUMPDIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
            // `perf` knows the file by the name under which it is mapped.
            folder.join(format!("jit-{pid}.dump"))
        } else {
            PathBuf::from(format!("/tmp/perf-{pid}.map"))
        };
        let file = match create(&path, is_dump, pid) {
            Ok(file) => file,
            Err(error) => return Err(PerfError { path, error }),
        };
        // Cranelift writes lines of its own into the map when this is set, as it is
        // for all that `perf record` starts; the names are ours, and once will do.
        let others = !is_dump && std::env::var_os("PERF_BUILDID_DIR").is_some();
        let out = Mutex::new(Out { file: (!others).then_some(file), count: 0 });
        let recorder = Arc::new(Recorder { path, pid, is_dump, out });
        *open = Some(recorder.clone());
        Ok(Some(recorder))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says that `code`, where it lies, is called `name`.
    pub fn record(&self, name: &str, code: &[u8], lines: &Lines) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let Out { file: Some(file), count } = &mut *out else { return };
        let bytes = if self.is_dump {
            let mut records = Vec::new();
            debug_info(&mut records, code, lines);
            load(&mut records, self.pid, name, code, *count);
            records
        } else {
            format!("{:x} {:x} {name}\n", code.as_ptr().addr(), code.len()).into_bytes()
        };
        *count += 1;
        if file.write_all(&bytes).is_err() {
            out.file = None;
        }
    }
}

/// A name in one line.
pub fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// What the record of a function begins with.
fn head(records: &mut Vec<u8>, id: u32, size: usize) {
    records.extend(id.to_ne_bytes());
    records.extend((size as u32).to_ne_bytes());
    records.extend(machine::now().to_ne_bytes());
}

/// Size of that.
const HEAD: usize = 16;

/// JIT_CODE_DEBUG_INFO: lines of the code that comes next.
fn debug_info(records: &mut Vec<u8>, code: &[u8], lines: &Lines) {
    if lines.starts.is_empty() {
        return;
    }
    let name = lines.file.replace('\0', "?");
    head(records, 2, HEAD + 16 + lines.starts.len() * (16 + name.len() + 1));
    let address = code.as_ptr().addr() as u64;
    records.extend(address.to_ne_bytes());
    records.extend((lines.starts.len() as u64).to_ne_bytes());
    for (start, line) in &lines.starts {
        records.extend((address + u64::from(*start)).to_ne_bytes());
        records.extend(line.to_ne_bytes());
        records.extend(0u32.to_ne_bytes());
        records.extend(name.as_bytes());
        records.push(0);
    }
}

/// JIT_CODE_LOAD: the code itself.
fn load(records: &mut Vec<u8>, pid: u32, name: &str, code: &[u8], index: u64) {
    head(records, 0, HEAD + 40 + name.len() + 1 + code.len());
    let address = code.as_ptr().addr() as u64;
    records.extend(pid.to_ne_bytes());
    records.extend(machine::thread().to_ne_bytes());
    for field in [address, address, code.len() as u64, index] {
        records.extend(field.to_ne_bytes());
    }
    records.extend(name.as_bytes());
    records.push(0);
    records.extend(code);
}

/// The head of a dump.
fn file_head(pid: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    // "JiTD", the version, the size of this, the machine as in ELF, nothing, the process.
    for field in [0x4a69_5444, 1, 40, machine::ELF, 0, pid] {
        bytes.extend(field.to_ne_bytes());
    }
    bytes.extend(machine::now().to_ne_bytes());
    bytes.extend(0u64.to_ne_bytes());
    bytes
}

/// A file that was not there, or not of this process.
fn create(path: &Path, is_dump: bool, pid: u32) -> io::Result<File> {
    if !cfg!(target_os = "linux") {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "there is perf on Linux only"));
    }
    // What a process with the same number has left. The folder is open to all: what
    // cannot be removed is not ours, and is not written to.
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = OpenOptions::new().read(true).append(true).create_new(true).open(path)?;
    if is_dump && let Err(e) = file.write_all(&file_head(pid)).and_then(|()| machine::mark(&file)) {
        // Nothing is left behind that nobody can use.
        let _ = std::fs::remove_file(path);
        return Err(e);
    }
    Ok(file)
}

/// What the system is asked for.
#[cfg(target_os = "linux")]
mod machine {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;

    /// The processor, as in ELF files.
    pub const ELF: u32 = if cfg!(target_arch = "x86_64") {
        62
    } else if cfg!(target_arch = "aarch64") {
        183
    } else if cfg!(target_arch = "riscv64") {
        243
    } else if cfg!(target_arch = "s390x") {
        22
    } else {
        0
    };

    /// Nanoseconds of the clock that `perf record -k mono` uses.
    pub fn now() -> u64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: it fills in the struct it is given.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }

    /// The thread's number.
    pub fn thread() -> u32 {
        // SAFETY: it takes nothing and cannot fail.
        unsafe { libc::gettid() as u32 }
    }

    /// Maps the beginning of a dump as if it were to be run, which `perf`
    /// records: this is how it learns where the file is.
    pub fn mark(file: &File) -> io::Result<()> {
        // SAFETY: it takes a name of the system's and touches no memory.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(4096) as usize;
        let (protection, flags) = (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE);
        // SAFETY: a new mapping at an address of the system's choice, which nobody reads. It stays as
        // long as the process does, for those who begin to record later.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), page, protection, flags, file.as_raw_fd(), 0) };
        if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// There is no `perf` here.
#[cfg(not(target_os = "linux"))]
mod machine {
    pub const ELF: u32 = 0;

    pub fn now() -> u64 {
        0
    }

    pub fn thread() -> u32 {
        0
    }

    pub fn mark(_: &std::fs::File) -> std::io::Result<()> {
        Ok(())
    }
}
