//! Where an operation runs: on one core or on all, and by which variant of its algorithm.
//!
//! Each *candidate* has a time, predicted from the work and bytes of the operation and the machine's
//! [`Rates`]; the least is taken. What was measured corrects predictions ([`learned`]). An operation that takes less
//! on one core than starting the others does runs there, and no clock is read.
//!
//! Invariant: a decision changes how long an operation takes, and no bit of a result, no trap, no fuel and
//! no charged memory.
//!
//! ```
//! use nbc_runtime::engine::{Config, Engine};
//! use nbc_runtime::linker::Linker;
//! use nbc_runtime::placement::{Choice, Cores};
//! use std::sync::{Arc, Mutex};
//!
//! let seen = Arc::new(Mutex::new(Vec::new()));
//! let sink = seen.clone();
//! let config = Config::new().cores(Cores::One).on_placement(move |decision| {
//!     sink.lock().unwrap().push((decision.operation, decision.elements, decision.choice));
//! });
//! let text = b"export func @main() -> f64 {
//!     %x = tensor.random<f64> [1000], 1
//!     %s = tensor.sum %x
//!     ret %s
//! }";
//! let program = Engine::new(config).read(text, "sum.nba")?;
//! Linker::new().instantiate(&program)?.call("main", &[])?;
//! assert_eq!(seen.lock().unwrap()[0], ("tensor.random", 1000, Choice::OneCore));
//! # Ok::<(), nbc_runtime::error::Error>(())
//! ```

mod learned;
mod rates;
mod sides;
#[cfg(test)]
mod sides_tests;
#[cfg(test)]
mod tests;

use crate::threads::Threads;
use learned::Learned;
use nbc_ir::catalogue::CATALOGUE;
pub(crate) use rates::Load;
pub use rates::{DeviceRates, Rates, RatesError};
pub(crate) use sides::{Moved, Side};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// On how many cores operations run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Cores {
    /// As placement decides.
    #[default]
    Auto,
    /// On one, the calling one.
    One,
    /// On all, however small an operation is.
    All,
}

/// What placement chooses among.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Choice {
    /// The calling core does all.
    OneCore,
    /// All cores share the elements; of a sort, those of one lane after the other.
    AllCores,
    /// All cores share the lanes of a sort, each of which one core sorts.
    LanesOnAllCores,
    /// The processor, and not a device: on how many cores is another decision.
    Processor,
    /// A device.
    Device,
}

impl Choice {
    /// How many there are.
    const COUNT: usize = 5;

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Choice::OneCore => "one core",
            Choice::AllCores => "all cores",
            Choice::LanesOnAllCores => "lanes on all cores",
            Choice::Processor => "processor",
            Choice::Device => "device",
        }
    }

    /// Where it lies in tables.
    fn index(self) -> usize {
        self as usize
    }

    /// Whether it may be taken where cores are pinned.
    fn is_within(self, cores: Cores) -> bool {
        match cores {
            Cores::Auto => true,
            Cores::One => self == Choice::OneCore,
            Cores::All => self != Choice::OneCore,
        }
    }
}

/// One way to carry out an operation, with its predicted time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Candidate {
    /// Which way it is.
    pub choice: Choice,
    /// Nanoseconds that it is predicted to take before work begins and after it.
    pub start: f64,
    /// Nanoseconds that the work is predicted to take.
    pub body: f64,
}

impl Candidate {
    /// Nanoseconds that it is predicted to take from the rates alone.
    pub fn predicted(&self) -> f64 {
        self.start + self.body
    }
}

/// Why a candidate was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// One core is done sooner than others are started.
    Small,
    /// It is predicted to take the least time, with what was learned.
    Predicted,
    /// It was the last choice, and another is not better by a tenth.
    AsBefore,
    /// It is tried, as another was taken for long.
    Trial,
    /// There is no other, or cores are pinned.
    Only,
}

impl Reason {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Small => "small",
            Reason::Predicted => "predicted",
            Reason::AsBefore => "as before",
            Reason::Trial => "trial",
            Reason::Only => "only",
        }
    }
}

/// What is decided about, of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Part {
    /// The operation itself.
    #[default]
    Whole,
    /// A group of operations that make one pass over memory, of which it is the last.
    Group,
    /// Clearing memory that it needs besides its result.
    Space,
    /// A pass that is other work than the rest: counting what is made, or laying out numbers before and behind it.
    Pass,
    /// On which side it runs: on the processor or on a device.
    Side,
}

impl Part {
    /// How many there are.
    const COUNT: usize = 5;

    /// What it is called; the whole has no name.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Part::Whole => None,
            Part::Group => Some("group"),
            Part::Space => Some("space"),
            Part::Pass => Some("pass"),
            Part::Side => Some("side"),
        }
    }
}

/// One decision, as it is told when the work is done.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Decision<'a> {
    /// The operation; the last one, of a group that makes one pass.
    pub operation: &'static str,
    /// Which part of it.
    pub part: Part,
    /// Elements of the largest argument or result.
    pub elements: u64,
    /// All candidates there were.
    pub candidates: &'a [Candidate],
    /// The one that was taken.
    pub choice: Choice,
    /// Why.
    pub reason: Reason,
    /// Nanoseconds that it took; where a device runs it, those in which it was handed over.
    pub measured: f64,
}

impl Decision<'_> {
    /// The candidate that was taken.
    pub fn taken(&self) -> Option<&Candidate> {
        self.candidates.iter().find(|c| c.choice == self.choice)
    }
}

/// Who is told of decisions.
pub(crate) type Sink = Arc<dyn Fn(&Decision<'_>) + Send + Sync>;

/// Decides for all instances of an engine.
pub struct Placement {
    rates: Rates,
    cores: Cores,
    sink: Option<Sink>,
    learned: Learned,
    /// What takes less on one core is not thought about.
    at_once: f64,
}

impl Default for Placement {
    fn default() -> Placement {
        Placement::new(Rates::default(), Cores::Auto, None)
    }
}

impl fmt::Debug for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Placement").field("rates", &self.rates).field("cores", &self.cores).finish()
    }
}

impl Placement {
    pub(crate) fn new(rates: Rates, cores: Cores, sink: Option<Sink>) -> Placement {
        let at_once = match (cores, &sink) {
            (Cores::One, None) => f64::INFINITY,
            (Cores::Auto, None) => rates.start,
            (Cores::All, _) | (_, Some(_)) => f64::NEG_INFINITY,
        };
        Placement { rates, cores, sink, learned: Learned::default(), at_once }
    }

    /// The machine's rates, as they were given.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    fn tell(&self, decision: &Decision<'_>) {
        if let Some(sink) = &self.sink {
            // A host that panics here has lost what it wanted to know, and nothing else.
            let _ = catch_unwind(AssertUnwindSafe(|| sink(decision)));
        }
    }
}

/// The operation that an instance is running.
#[derive(Clone, Copy, Default)]
pub(crate) struct AtHand {
    /// Its row of the catalogue.
    pub(crate) operation: u32,
    /// Which part of it.
    pub(crate) part: Part,
    /// Elements of its largest argument or result.
    pub(crate) elements: u64,
    /// Bytes of its arguments and results.
    pub(crate) bytes: u64,
}

/// Where an instance's operations run: its engine's placement, the threads, and what is to be placed.
#[derive(Default)]
pub(crate) struct Placing {
    pub(crate) placement: Arc<Placement>,
    pub(crate) threads: Threads,
    pub(crate) at_hand: AtHand,
}

impl Placing {
    /// The machine's rates.
    #[inline]
    pub(crate) fn rates(&self) -> &Rates {
        &self.placement.rates
    }

    /// The load of so much arithmetic, in nanoseconds, and all bytes of the operation at hand.
    #[inline]
    pub(crate) fn load(&self, arithmetic: f64) -> Load {
        Load { arithmetic, bytes: self.at_hand.bytes as f64 }
    }

    /// Decides for a load that one core carries out, or all share.
    #[inline]
    pub(crate) fn place(&self, load: Load) -> Placed {
        self.place_among(load, [Some(Choice::AllCores), None])
    }

    /// Decides among one core and `others`.
    #[inline]
    pub(crate) fn place_among(&self, load: Load, others: [Option<Choice>; 2]) -> Placed {
        let one = self.placement.rates.on_one(load);
        if one < self.placement.at_once {
            return Placed { choice: Choice::OneCore, threads: None, running: None };
        }
        self.consider(load, one, others)
    }

    #[inline(never)]
    fn consider(&self, load: Load, one: f64, others: [Option<Choice>; 2]) -> Placed {
        let Placement { rates, cores, sink, learned, .. } = &*self.placement;
        let count = self.threads.count();
        let here = Candidate { choice: Choice::OneCore, start: 0.0, body: one };
        let mut candidates = [here; Choice::COUNT];
        let mut len = 1;
        for choice in others.into_iter().flatten().filter(|_| count > 1) {
            candidates[len] = Candidate { choice, start: rates.start, body: rates.on_all(load, count) };
            len += 1;
        }
        let all = &candidates[..len];
        let within = |c: &&Candidate| c.choice.is_within(*cores);
        let first = all.iter().find(within).unwrap_or(&here);
        let mut bucket = None;
        let (choice, reason) = if len == 1 || *cores == Cores::One {
            (Choice::OneCore, Reason::Only)
        } else if *cores == Cores::All && all.iter().filter(within).count() == 1 {
            (first.choice, Reason::Only)
        } else if *cores == Cores::Auto && one < rates.start {
            (Choice::OneCore, Reason::Small)
        } else {
            let at_hand = &self.at_hand;
            let of = learned.bucket(at_hand.operation as usize, at_hand.part, one);
            bucket = Some(one);
            let pinned = if *cores == Cores::All { &all[1..] } else { all };
            let (at, reason) = of.select(pinned);
            (pinned[at].choice, reason)
        };
        let threads = (choice != Choice::OneCore).then(|| self.threads.clone());
        let is_measured = bucket.is_some() || sink.is_some();
        let running = is_measured.then(|| Running { since: Instant::now(), candidates, len, bucket, reason });
        Placed { choice, threads, running }
    }

    /// The work that was placed is done, all of it.
    #[inline]
    pub(crate) fn done(&self, placed: Placed) {
        if let Some(running) = placed.running {
            self.learn(placed.choice, running);
        }
    }

    #[inline(never)]
    fn learn(&self, choice: Choice, running: Running) {
        let measured = running.since.elapsed().as_nanos() as f64;
        let AtHand { operation, part, elements, .. } = self.at_hand;
        let candidates = &running.candidates[..running.len];
        let decision = Decision {
            operation: CATALOGUE.get(operation as usize).map_or("", |row| row.name),
            part,
            elements,
            candidates,
            choice,
            reason: running.reason,
            measured,
        };
        if let (Some(ns), Some(taken)) = (running.bucket, decision.taken()) {
            let bucket = self.placement.learned.bucket(operation as usize, part, ns);
            bucket.record(choice, measured / taken.predicted(), running.reason == Reason::Trial);
        }
        self.placement.tell(&decision);
    }
}

/// A decision that is being carried out. Work that ends in a trap is just dropped.
pub(crate) struct Placed {
    pub(crate) choice: Choice,
    /// Those that take part; none besides the calling one if there are none.
    pub(crate) threads: Option<Threads>,
    running: Option<Running>,
}

/// What is measured.
struct Running {
    since: Instant,
    candidates: [Candidate; Choice::COUNT],
    len: usize,
    /// The predicted time by which the decision is remembered, if it is.
    bucket: Option<f64>,
    reason: Reason,
}
