//! Running the clock: steady state of both tiers in turns, and how long it
//! takes to get there.
//!
//! A sample is the time of one call, taken over a batch that is long enough for
//! the clock. The tiers take turns, run by run and each first every other time,
//! so that whatever else the machine does hits both.

use super::super::failure::Failure;
use super::Bench;
use super::statistics::summary;
use super::tiers::{self, Compilation};
use nbc::Value;
use nbc::runtime::engine::{Config, Engine, Limits};
use nbc::runtime::error::Error;
use nbc::runtime::instance::{Instance, TypedFunc};
use nbc::runtime::linker::Linker;
use std::time::{Duration, Instant};

/// Steady state is within this factor of the median run's.
const STEADY: f64 = 1.1;
/// How long warming up is watched, should it not end.
const WARM_UP: Duration = Duration::from_secs(1);
/// Calls watched even if they take longer.
const LEAST_CALLS: usize = 3;
/// Calls watched after steady state has been reached.
const AFTER: usize = 10;

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Runs of each tier.
    pub runs: usize,
    /// How long a run takes at least.
    pub min_time: Duration,
    /// How long a call takes at most.
    pub timeout: Option<Duration>,
}

/// Seconds of a call in steady state, run by run.
pub struct Steady {
    /// Calls in a run.
    pub calls: u64,
    /// Seconds of a call, for each run.
    pub seconds: Vec<f64>,
}

/// Seconds of each call of a fresh engine.
pub struct WarmUp {
    /// Seconds of the first call, the second, and so on.
    pub seconds: Vec<f64>,
    /// The first call in steady state, from 1.
    pub reached: Option<usize>,
}

/// What was measured of one bench.
pub struct Measured {
    /// The interpreter.
    pub interpreter: Steady,
    /// Compiled code.
    pub jit: Steady,
    /// What was compiled for it.
    pub compiled: Compilation,
    /// The calls of an engine that compiles what gets hot.
    pub warm_up: WarmUp,
}

/// Measures `bench`; `step` is called after each run.
///
/// # Errors
/// A trap: a bench may trap only after some calls.
pub fn measure(bench: &Bench, plan: Plan, base: &Config, step: impl Fn()) -> Result<Measured, Failure> {
    let (engine, metrics) = tiers::compiled(base);
    let mut interpreter = Runner::new(bench, plan, &tiers::interpreter(base))?;
    let mut jit = Runner::new(bench, plan, &engine)?;
    // This warms both up, too.
    let steady = |calls| Steady { calls, seconds: Vec::with_capacity(plan.runs) };
    let mut slow = steady(interpreter.calibrate(plan.min_time)?);
    let mut fast = steady(jit.calibrate(plan.min_time)?);
    let compiled = metrics.read();
    for run in 0..plan.runs {
        let mut turns = [(&mut interpreter, &mut slow), (&mut jit, &mut fast)];
        if run % 2 == 1 {
            turns.reverse();
        }
        for (runner, samples) in turns {
            let time = runner.time(samples.calls)?;
            samples.seconds.push(time.as_secs_f64() / samples.calls as f64);
            step();
        }
    }
    let warm_up = warm_up(bench, plan, base, summary(&fast.seconds).median)?;
    step();
    Ok(Measured { interpreter: slow, jit: fast, compiled, warm_up })
}

/// Steps that [`measure`] reports.
pub fn steps(plan: Plan) -> u64 {
    2 * plan.runs as u64 + 1
}

/// Watches the calls of a fresh engine until they take `target` seconds.
fn warm_up(bench: &Bench, plan: Plan, base: &Config, target: f64) -> Result<WarmUp, Failure> {
    // A single call of a few nanoseconds also pays for looking at the clock.
    let enough = target * STEADY + clock().as_secs_f64();
    let mut runner = Runner::new(bench, plan, &tiers::auto(base))?;
    let mut seconds = Vec::new();
    let mut reached = None;
    let start = Instant::now();
    while reached.is_none_or(|at| seconds.len() < at + AFTER)
        && (seconds.len() < LEAST_CALLS || start.elapsed() < WARM_UP)
    {
        let time = runner.time(1)?.as_secs_f64();
        seconds.push(time);
        if reached.is_none() && time <= enough {
            reached = Some(seconds.len());
        }
    }
    Ok(WarmUp { seconds, reached })
}

/// What it takes to look at the clock twice.
fn clock() -> Duration {
    let look = || Instant::now().elapsed();
    (0..100).map(|_| look()).min().unwrap_or_default()
}

/// An instance and the function to call in it.
struct Runner<'a> {
    bench: &'a Bench,
    instance: Instance,
    call: Call,
}

/// The cheapest way to call a function: by types that are known here if they
/// are among the usual ones.
enum Call {
    Nothing(TypedFunc<(), ()>),
    I32(TypedFunc<(), i32>),
    I64(TypedFunc<(), i64>),
    F32(TypedFunc<(), f32>),
    F64(TypedFunc<(), f64>),
    Bool(TypedFunc<(), bool>),
    Named,
}

impl Call {
    fn of(instance: &Instance, name: &str, args: &[Value]) -> Call {
        macro_rules! first_that_fits {
            ($($variant:ident)*) => {$(
                if let Ok(f) = instance.typed(name) {
                    return Call::$variant(f);
                }
            )*};
        }
        if args.is_empty() {
            first_that_fits!(Nothing I32 I64 F32 F64 Bool);
        }
        Call::Named
    }
}

impl<'a> Runner<'a> {
    fn new(bench: &'a Bench, plan: Plan, engine: &Engine) -> Result<Runner<'a>, Failure> {
        let mut linker = Linker::new();
        linker.func("console.print", |_: String| ());
        let program = engine.load(bench.module.clone());
        let limits = Limits::new().timeout(plan.timeout);
        let instance = linker.instantiate_with(&program, limits).map_err(|e| bench.failed(e))?;
        let call = Call::of(&instance, &bench.name, &bench.args);
        Ok(Runner { bench, instance, call })
    }

    /// The time of so many calls.
    fn time(&mut self, calls: u64) -> Result<Duration, Failure> {
        self.timed(calls).map_err(|e| self.bench.failed(e))
    }

    fn timed(&mut self, calls: u64) -> Result<Duration, Error> {
        macro_rules! repeat {
            (|$i:ident| $call:expr) => {{
                let $i = &mut self.instance;
                let start = Instant::now();
                for _ in 0..calls {
                    std::hint::black_box($call?);
                }
                start.elapsed()
            }};
        }
        Ok(match &self.call {
            Call::Nothing(f) => repeat!(|i| f.call(i, ())),
            Call::I32(f) => repeat!(|i| f.call(i, ())),
            Call::I64(f) => repeat!(|i| f.call(i, ())),
            Call::F32(f) => repeat!(|i| f.call(i, ())),
            Call::F64(f) => repeat!(|i| f.call(i, ())),
            Call::Bool(f) => repeat!(|i| f.call(i, ())),
            Call::Named => repeat!(|i| i.call(&self.bench.name, &self.bench.args)),
        })
    }

    /// How many calls take `min_time`.
    fn calibrate(&mut self, min_time: Duration) -> Result<u64, Failure> {
        // The first call may compile, and touches memory for the first time.
        self.time(1)?;
        let mut calls = 1u64;
        loop {
            // A disturbance makes one batch long, but seldom two.
            let time = self.time(calls)?;
            let time = if time < min_time { time } else { time.min(self.time(calls)?) };
            if time >= min_time {
                return Ok(calls);
            }
            // Towards the aim, but not further than a short measurement can be trusted.
            let wanted = min_time.as_secs_f64() / time.as_secs_f64().max(1e-9) * 1.05;
            calls = (calls as f64 * wanted.clamp(1.01, 16.0)).ceil() as u64;
        }
    }
}
