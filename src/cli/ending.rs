//! Being ended by a signal.
//!
//! Invariant: when a signal ends the process that it can catch, its temporary
//! files are gone. Who holds the list of them is not cut short: what is written
//! over a text is then there as a whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

static FILES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The temporary files there are. While it is held no signal ends the process.
pub struct Held(MutexGuard<'static, Vec<PathBuf>>);

/// Holds off the end, and has temporary files removed before it from now on.
pub fn hold() -> Held {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where signals cannot be had, they do what they do.
        #[cfg(unix)]
        let _ = signals::watch();
    });
    Held(lock())
}

fn lock() -> MutexGuard<'static, Vec<PathBuf>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Held {
    /// A file that shall not be left behind.
    pub fn add(&mut self, path: &Path) {
        self.0.push(path.to_owned());
    }

    /// A file that has gone, has another name, or shall stay.
    pub fn forget(&mut self, path: &Path) {
        self.0.retain(|p| p != path);
    }
}

/// Has the first Ctrl-C set `flag` only; the second ends the process.
#[cfg(unix)]
pub fn interrupt_first(flag: std::sync::Arc<std::sync::atomic::AtomicBool>) {
    signals::interrupt_first(flag);
}

#[cfg(unix)]
mod signals {
    use signal_hook::consts::signal::{
        SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU,
    };
    use signal_hook::{flag, low_level};
    use std::io::{self, Read};
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// What ends a process that does not ask for it.
    const ENDS: [i32; 9] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU];

    /// Whether Ctrl-C comes to the thread below.
    static WATCHED: AtomicBool = AtomicBool::new(false);
    /// Whether the next Ctrl-C is no end.
    static SPARED: AtomicBool = AtomicBool::new(false);

    /// Has a thread remove what is temporary before a signal ends the process. A
    /// handler itself can do next to nothing.
    pub fn watch() -> io::Result<()> {
        let (mut bell, ring) = UnixStream::pair()?;
        let rings = ENDS.map(|signal| Ok::<_, io::Error>((signal, ring.try_clone()?)));
        let rings = rings.into_iter().collect::<io::Result<Vec<_>>>()?;
        let last = Arc::new(AtomicUsize::new(0));
        let seen = last.clone();
        let body = move || {
            while bell.read_exact(&mut [0]).is_ok() {
                let signal = seen.load(Ordering::SeqCst) as i32;
                if signal == SIGINT && SPARED.swap(false, Ordering::SeqCst) {
                    continue;
                }
                let files = super::lock();
                for path in files.iter() {
                    let _ = super::fs::remove_file(path);
                }
                let _ = low_level::emulate_default_handler(signal);
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).stack_size(1 << 16).spawn(body)?;
        let ignored = ignored();
        for (signal, ring) in rings {
            if ignored >> (signal - 1) & 1 == 1 {
                continue;
            }
            // In this order: the thread wakes when it is known by what.
            flag::register_usize(signal, last.clone(), signal as usize)?;
            low_level::pipe::register(signal, ring)?;
            if signal == SIGINT {
                WATCHED.store(true, Ordering::SeqCst);
            }
        }
        Ok(())
    }

    /// The signals that whoever started the process wants ignored, a bit for
    /// each: that is how `nohup` works.
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        // Where the system does not tell, it may have been `nohup`.
        mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).unwrap_or(1 << (SIGHUP - 1))
    }

    pub fn interrupt_first(interrupt: Arc<AtomicBool>) {
        // Without the handlers Ctrl-C kills at once, which will do.
        if WATCHED.load(Ordering::SeqCst) {
            if flag::register(SIGINT, interrupt).is_ok() {
                SPARED.store(true, Ordering::SeqCst);
            }
            return;
        }
        // In this order: the second signal finds `armed` set by the first.
        let armed = Arc::new(AtomicBool::new(false));
        let _ = flag::register_conditional_default(SIGINT, armed.clone())
            .and_then(|_| flag::register(SIGINT, armed))
            .and_then(|_| flag::register(SIGINT, interrupt));
    }
}
