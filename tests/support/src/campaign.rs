//! Trying many seeds, on one thread or more, for a number or for a time.
//!
//! | variable | meaning |
//! |---|---|
//! | `TWINS=100000` | how many seeds |
//! | `TWINS_SEED=7` | the first |
//! | `TWINS_SECONDS=3600` | begins no seed after that time, however many are left |
//! | `TWINS_THREADS=8` | on how many threads; as many as there are cores unless said |
//! | `TWINS_REFUSED=1` | says what the verifier has against programs made up |
//! | `TWINS_KEEP=folder` | writes each finding there and goes on, up to 20; also which seeds are running, should the process die |

use crate::choices::{Random, shrink};
use nbc::runtime::trap::TrapCode;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Findings after which a campaign ends.
const ENOUGH: usize = 20;

/// A program on which something went wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What went wrong.
    pub why: String,
    /// The program, as small as it could be made.
    pub program: String,
}

/// What seeds came to, added up over threads.
pub trait Tally: Default + Debug + Send {
    /// Adds what others came to.
    fn add(&mut self, other: Self);
}

/// How programs and their calls ended.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Ends {
    /// Programs that the verifier did not accept.
    pub refused: u64,
    /// Calls that returned.
    pub returned: u64,
    /// Calls that trapped, otherwise than by fuel.
    pub trapped: u64,
    /// Calls that used up their fuel.
    pub endless: u64,
}

impl Ends {
    /// Counts a call that ended by that trap, or returned.
    pub fn count(&mut self, trap: Option<TrapCode>) {
        match trap {
            None => self.returned += 1,
            Some(TrapCode::OutOfFuel) => self.endless += 1,
            Some(_) => self.trapped += 1,
        }
    }

    /// All calls.
    pub fn calls(&self) -> u64 {
        self.returned + self.trapped + self.endless
    }
}

impl Tally for Ends {
    fn add(&mut self, other: Ends) {
        self.refused += other.refused;
        self.returned += other.returned;
        self.trapped += other.trapped;
        self.endless += other.endless;
    }
}

/// Which seeds are tried, for how long, and what becomes of findings.
pub struct Campaign {
    first: u64,
    count: u64,
    time: Option<Duration>,
    threads: u64,
    keep: Option<PathBuf>,
}

impl Campaign {
    /// As the environment says. Unless it does, so many seeds in a debug build and in an optimised one.
    pub fn of(debug: u64, optimised: u64) -> Campaign {
        let count = if cfg!(debug_assertions) { debug } else { optimised };
        let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
        let time = number("TWINS_SECONDS").map(Duration::from_secs);
        Campaign {
            first: number("TWINS_SEED").unwrap_or(1),
            count: number("TWINS").unwrap_or(if time.is_some() { u64::MAX / 2 } else { count }),
            time,
            threads: number("TWINS_THREADS").unwrap_or_else(cores),
            keep: std::env::var_os("TWINS_KEEP").map(PathBuf::from),
        }
    }

    /// Runs `attempt` with every seed and gives what it counted and how many
    /// seeds there were.
    ///
    /// # Panics
    /// When there were findings.
    pub fn run<T: Tally>(
        &self,
        name: &str,
        attempt: impl Fn(u64, &mut T) -> Result<(), Finding> + Sync,
    ) -> (T, u64) {
        let start = Instant::now();
        let next = AtomicU64::new(self.first);
        let last = self.first.saturating_add(self.count);
        let findings = Mutex::new(Vec::new());
        let total = Mutex::new((T::default(), 0));
        let work = |thread: u64| {
            let mut tally = T::default();
            let mut done = 0;
            while findings.lock().unwrap().len() < if self.keep.is_some() { ENOUGH } else { 1 }
                && self.time.is_none_or(|t| start.elapsed() < t)
            {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= last {
                    break;
                }
                self.note(&format!("{name}-running-{thread}.txt"), &format!("TWINS_SEED={seed} TWINS=1\n"));
                if let Err(finding) = attempt(seed, &mut tally) {
                    let why = format!("seed {seed} (TWINS_SEED={seed} TWINS=1): {}", finding.why);
                    self.note(&format!("{name}-{seed}.txt"), &why);
                    self.note(&format!("{name}-{seed}.nba"), &finding.program);
                    findings.lock().unwrap().push(format!("{why}\n{}", finding.program));
                }
                done += 1;
            }
            let mut total = total.lock().unwrap();
            total.0.add(tally);
            total.1 += done;
        };
        std::thread::scope(|scope| {
            for thread in 1..self.threads {
                let work = &work;
                scope.spawn(move || work(thread));
            }
            work(0);
        });
        let (tally, done) = total.into_inner().unwrap();
        println!("{name}: {done} seeds in {:.0?}: {tally:?}", start.elapsed());
        let findings = findings.into_inner().unwrap();
        assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n\n"));
        (tally, done)
    }

    /// Runs an attempt of each seed with up to `most` bytes of choices. A failure, or a panic, is made
    /// smaller by choosing less, and then shown. What `begin` makes of a seed is used for all of that.
    ///
    /// # Panics
    /// When there were findings.
    pub fn run_choices<T: Tally, A: FnMut(&[u8], &mut T) -> Result<(), String>>(
        &self,
        name: &str,
        most: usize,
        begin: impl Fn(u64) -> A + Sync,
        show: impl Fn(u64, &[u8], String) -> Finding + Sync,
    ) -> (T, u64) {
        self.run(name, |seed, tally: &mut T| {
            let bytes = Random::of(seed).some_bytes(most);
            let mut attempt = begin(seed);
            let mut attempt = |bytes: &[u8], tally: &mut T| caught(|| attempt(bytes, tally));
            attempt(&bytes, tally).map_err(|why| {
                let mut apart = T::default();
                let (small, why) = shrink(bytes, why, |bytes| attempt(bytes, &mut apart));
                show(seed, &small, why)
            })
        })
    }

    fn note(&self, file: &str, text: &str) {
        if let Some(folder) = &self.keep {
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(folder.join(file), text))
                .unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        }
    }
}

/// Campaigns are mostly the only test of their binary, which would leave cores idle.
fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u64)
}

/// What `f` gives; a panic counts as a failure too.
///
/// # Errors
/// Why it fails.
pub fn caught<R>(f: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            Err(format!("panic: {}", text.unwrap_or_else(|| "without a message".to_owned())))
        }
    }
}
