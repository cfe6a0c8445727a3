//! No call of the public API takes the host down: a list of every public function
//! of the facade, each called with hostile arguments, and a check that the list is
//! complete. The same again in processes with little address space, with a small
//! native stack, and where no thread can be started.
//!
//! Each case says itself what is right, an error mostly; a panic or an abort is
//! always wrong. Lack of memory for everything is left out: then Rust's allocator
//! ends the process.

mod building;
mod devices;
mod listed;
mod modules;
mod running;
mod values;

use std::process::{Command, Output};

/// Functions, as [`listed::declared`] names them, and what calls them.
type Case = (&'static [&'static str], fn());

fn cases() -> impl Iterator<Item = &'static Case> {
    [building::CASES, devices::CASES, modules::CASES, running::CASES, values::CASES].into_iter().flatten()
}

#[test]
fn the_list_is_complete() {
    let mut called: Vec<&str> = cases().flat_map(|(names, _)| *names).copied().collect();
    called.sort_unstable();
    let declared = listed::declared();
    let missing: Vec<_> = declared.iter().filter(|name| !called.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "public functions that no case calls: {missing:#?}");
    let gone: Vec<_> = called.iter().filter(|name| !declared.iter().any(|d| d == *name)).collect();
    assert!(gone.is_empty(), "cases for what is no public function: {gone:#?}");
}

/// What child processes run too.
#[test]
fn hostile_arguments_are_errors() {
    for (names, case) in cases() {
        if std::env::var_os("CASES").is_some() {
            eprintln!("{}", names[0]);
        }
        case();
    }
}

/// Runs the cases in a process of their own, after a shell command.
#[cfg(unix)]
fn in_a_process(before: &str, change: impl FnOnce(&mut Command)) -> std::io::Result<Output> {
    let exe = std::env::current_exe()?;
    let mut command = Command::new("sh");
    // The main thread runs the test, where it is the only one that may run.
    let line =
        format!("{before} && exec \"$0\" --exact hostile_arguments_are_errors --test-threads=1 --nocapture");
    command.arg("-c").arg(line).arg(exe).env("CASES", "1").env("RUST_BACKTRACE", "0");
    change(&mut command);
    command.output()
}

#[cfg(unix)]
#[track_caller]
fn succeeds(output: &Output) {
    let tail = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    };
    let (out, err) = (tail(&output.stdout), tail(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    assert!(out.contains("1 passed"), "{out}");
    assert!(!err.contains("thread pool"), "rayon says something: {err}");
}

#[cfg(unix)]
#[test]
fn in_little_address_space() {
    for megabytes in [500, 1000, 4000] {
        let before = format!("ulimit -v {}", megabytes * 1000);
        succeeds(&in_a_process(&before, |_| ()).expect("a shell"));
    }
}

#[cfg(unix)]
#[test]
fn on_a_small_native_stack() {
    // Unoptimised code takes a multiple.
    let sizes: &[u32] = if cfg!(debug_assertions) { &[1024] } else { &[64, 128, 1024] };
    for kilobytes in sizes {
        let before = format!("ulimit -s {kilobytes}");
        succeeds(&in_a_process(&before, |_| ()).expect("a shell"));
    }
}

/// Runs a shell command with the command's path in `$0`.
#[cfg(unix)]
fn of_the_command(line: &str) -> Output {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).arg(env!("CARGO_BIN_EXE_nbc")).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_remove("NBC_TIER").output().expect("a shell")
}

#[cfg(unix)]
#[test]
fn the_command_says_what_it_cannot_have() {
    let output = of_the_command("ulimit -v 1000000 && exec \"$0\" run examples/fibonacci.nba 50 --stack 16G");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("--stack") && err.contains("ulimit -v"), "{err}");
}

#[cfg(unix)]
#[test]
fn the_command_runs_in_every_tier_on_a_small_native_stack() {
    let size = if cfg!(debug_assertions) { 1024 } else { 64 };
    for tier in ["interp", "auto", "jit"] {
        let line = format!("ulimit -s {size} && exec \"$0\" run examples/fibonacci.nba 50 --tier {tier}");
        let output = of_the_command(&line);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "12586269025\n", "{tier}: {output:?}");
    }
}

/// A user whom the limit on processes binds; root is not bound.
#[cfg(unix)]
const NOBODY: u32 = 65534;

#[cfg(unix)]
#[test]
fn where_no_thread_can_be_started() {
    use std::os::unix::process::CommandExt;
    // Not every shell has this limit, or calls it so.
    let before = "{ ulimit -u 0 || ulimit -p 0; } 2>/dev/null";
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"));
    let change = |command: &mut Command| {
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
    };
    let probe = Command::new("sh").arg("-c").arg(before).status();
    if !probe.is_ok_and(|status| status.success()) {
        println!("skipped: the shell cannot limit the number of processes");
        return;
    }
    let output = match in_a_process(before, change) {
        Ok(output) => output,
        Err(e) => {
            println!("skipped: this test may not change its user: {e}");
            return;
        }
    };
    if matches!(output.status.code(), Some(126 | 127)) {
        println!("skipped: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    succeeds(&output);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("no threads here"), "the limit did not bind: {err}");
}
