//! The command as the tests run it.

use crate::repository::root;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What a run came to.
pub struct Done {
    /// The process.
    pub id: u32,
    /// Exit status; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Where the command is: where Cargo says, which has built it for the test that runs.
///
/// # Panics
/// When the test has not been started by Cargo.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let path = std::env::var_os("CARGO_BIN_EXE_nbc");
        path.expect("tests of the command are started by Cargo, which says where it is").into()
    })
}

/// The command, in the project's folder, without what the environment says of
/// compiled code.
pub fn command() -> Command {
    let mut c = Command::new(binary());
    c.current_dir(root());
    for variable in ["NBC_TIER", "NBC_PERF", "PERF_BUILDID_DIR"] {
        c.env_remove(variable);
    }
    // Rates of tests are not the user's.
    c.env("XDG_CACHE_HOME", std::env::temp_dir().join("nbc-tests"));
    c
}

/// Runs it to its end, with that for standard input.
///
/// # Panics
/// When it cannot be run.
pub fn run(command: &mut Command, input: &[u8]) -> Done {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let _ = child.stdin.take().unwrap().write_all(input);
    let done = child.wait_with_output().unwrap();
    Done {
        id,
        code: done.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&done.stdout).into_owned(),
        err: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// Runs the command with arguments and nothing to read.
pub fn nbc(args: &[&str]) -> Done {
    run(command().args(args), b"")
}

/// Wants an exit status, no output, and a message with `parts`.
///
/// # Panics
/// When something else happens.
#[track_caller]
pub fn refuses(args: &[&str], code: i32, parts: &[&str]) {
    let done = nbc(args);
    assert_eq!((done.code, &*done.out), (code, ""), "{args:?}: {}", done.err);
    for part in parts {
        assert!(done.err.contains(part), "{args:?}: no {part:?} in\n{}", done.err);
    }
    assert!(!done.err.contains("panicked") && !done.err.contains('\x1b'), "{}", done.err);
}

/// A folder for a test's own files, beside what is built.
///
/// # Panics
/// When it cannot be made.
pub fn folder() -> PathBuf {
    let test = std::env::current_exe().expect("the test knows where it is");
    let name = test.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    // Cargo adds a hash to the name of a test.
    let name = name.rsplit_once('-').map_or(&*name, |(name, _)| name);
    let built = binary().ancestors().nth(2).expect("it lies in a folder of its profile");
    let dir = built.join("tmp").join(name);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// A file of a test's own.
///
/// # Panics
/// When it cannot be written.
pub fn file(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder().join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The most memory that a run held at once, in bytes.
///
/// # Panics
/// When it cannot be run.
#[cfg(target_os = "linux")]
pub fn most_memory(args: &[&str]) -> u64 {
    let mut child = command().args(args).stdout(std::process::Stdio::null()).spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|p| p.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(kilobytes.unwrap_or(0) << 10);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    most
}
