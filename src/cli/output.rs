//! Standard output, shared by a program's prints and the command's results.
//!
//! A terminal sees every line at once; a pipe or file gets blocks. A reader
//! that goes away is an error like any other, never a panic.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

static OUT: Mutex<Option<Out>> = Mutex::new(None);

enum Out {
    Lines(Stdout),
    Blocks(BufWriter<Stdout>),
}

fn lock() -> MutexGuard<'static, Option<Out>> {
    OUT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes `text`.
pub fn print(text: &str) -> io::Result<()> {
    write(text.as_bytes())
}

/// Standard output as something to write to.
pub struct Standard;

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        flush()
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut guard = lock();
    let out = guard.get_or_insert_with(|| {
        let stdout = io::stdout();
        if stdout.is_terminal() { Out::Lines(stdout) } else { Out::Blocks(BufWriter::new(stdout)) }
    });
    match out {
        Out::Lines(o) => o.write_all(bytes),
        Out::Blocks(o) => o.write_all(bytes),
    }
}

/// Writes what is still held back.
pub fn flush() -> io::Result<()> {
    match lock().as_mut() {
        Some(Out::Lines(o)) => o.flush(),
        Some(Out::Blocks(o)) => o.flush(),
        None => Ok(()),
    }
}

/// A file that has grown to what the system allows is an error, as a full disk
/// is, and not the end of the process.
pub fn fail_at_limits() {
    #[cfg(unix)]
    {
        let seen = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        // Where it cannot be had, the system does what it does.
        let _ = signal_hook::flag::register(signal_hook::consts::signal::SIGXFSZ, seen);
    }
}
