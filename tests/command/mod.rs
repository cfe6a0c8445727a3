//! The command as the tests run it.

#![allow(dead_code)] // each test uses a part

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

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

/// The command, in the project's folder, without what the environment says of
/// compiled code.
pub fn command() -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_nbc"));
    c.current_dir(env!("CARGO_MANIFEST_DIR"));
    for variable in ["NBC_TIER", "NBC_PERF", "PERF_BUILDID_DIR"] {
        c.env_remove(variable);
    }
    c
}

/// Runs it to its end, with that for standard input.
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
#[track_caller]
pub fn refuses(args: &[&str], code: i32, parts: &[&str]) {
    let done = nbc(args);
    assert_eq!((done.code, &*done.out), (code, ""), "{args:?}: {}", done.err);
    for part in parts {
        assert!(done.err.contains(part), "{args:?}: no {part:?} in\n{}", done.err);
    }
    assert!(!done.err.contains("panicked") && !done.err.contains('\x1b'), "{}", done.err);
}

/// A folder for a test's own files.
pub fn folder() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// A file of a test's own.
pub fn file(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder().join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}
