//! `nbc bench`: how much faster compiled code is than the interpreter.
//!
//! Nothing is timed that the tiers do not agree on to the last bit, and nothing
//! is shown without saying how sure it is. The files: [`agree`] compares,
//! [`measure`] runs the clock, [`statistics`] says what samples mean. [`table`]
//! and [`record`] show it to people and machines. [`tiers`] is the only one
//! that knows where tiers come from.

mod agree;
mod machine;
mod measure;
mod record;
mod statistics;
mod table;
mod tiers;

use super::failure::Failure;
use super::input::{self, Most, Room};
use super::{arguments, devices, output, quantity, rates, run, tier};
use indicatif::{ProgressBar, ProgressStyle};
use machine::Machine;
use measure::Plan;
use nbc::Value;
use nbc::ir::VerifiedModule;
use nbc::ir::shown::visible;
use nbc::runtime::engine::Config;
use nbc::runtime::error::Error;
use nbc::runtime::machine::dispatch::Dispatch;
use nbc::runtime::threads::Threads;
use std::io::IsTerminal;
use std::time::Duration;

/// How the names of benches begin.
const PREFIX: &str = "bench_";
/// Fewer runs say too little about how sure a mean is.
const LEAST_RUNS: usize = 10;
/// More would take longer than anyone waits.
const MOST_RUNS: usize = 100_000;

#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Benches {
    /// Programs, .nba or .nbc; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// Time that exported function instead, with the arguments after it
    #[arg(long, value_names = ["NAME", "ARGS"], num_args = 1.., allow_negative_numbers = true)]
    invoke: Option<Vec<String>>,
    /// Runs of each tier, at least 10
    #[arg(long, value_name = "N", default_value = "20", value_parser = runs)]
    runs: usize,
    /// How long a run takes at least, such as 20ms
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = min_time)]
    min_time: Duration,
    /// How the interpreter dispatches: threaded or match [default: the fastest there is]
    #[arg(long, value_name = "HOW", value_parser = tier::dispatch)]
    dispatch: Option<Dispatch>,
    /// Run whole-array operations on at most N threads [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = tier::threads)]
    threads: Option<usize>,
    /// Give up a bench of which one call takes longer, such as 10s or 2m
    #[arg(long, value_name = "TIME", value_parser = quantity::time)]
    timeout: Option<Duration>,
    #[command(flatten)]
    most: Most,
    /// Print JSON: every sample, and what was measured on
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print a Markdown table
    #[arg(long)]
    markdown: bool,
}

const AFTER: &str = "\
Examples:
  nbc bench examples/bench_sums.nba
  nbc bench examples/bench_*.nba --runs 50 --min-time 20ms
  nbc bench benches/programs/fib.nba --invoke main 20
  nbc bench examples/bench_sums.nba --json > samples.json

Exit status:
  0  everything was timed
  1  a bench trapped, or the tiers did not agree on it
  2  a file or an argument is no good; nothing was timed

How it measures, and what the numbers mean: docs/benchmarking.md.";

fn runs(text: &str) -> Result<usize, String> {
    match text.replace('_', "").parse() {
        Ok(n) if (LEAST_RUNS..=MOST_RUNS).contains(&n) => Ok(n),
        Ok(n) if n < LEAST_RUNS => {
            Err(format!("at least {LEAST_RUNS} runs are needed to say how sure a mean is"))
        }
        Ok(_) => Err(format!("at most {MOST_RUNS} runs")),
        Err(_) => Err(format!("expected a number of runs such as {LEAST_RUNS}")),
    }
}

fn min_time(text: &str) -> Result<Duration, String> {
    match quantity::time(text)? {
        t if t < Duration::from_micros(10) => Err("the clock needs at least 10us".to_owned()),
        t if t > Duration::from_secs(3600) => Err("a run takes at most 1h".to_owned()),
        t => Ok(t),
    }
}

/// A function to time.
pub struct Bench {
    /// The file it is in.
    pub file: String,
    /// Its program.
    pub module: VerifiedModule,
    /// Its name.
    pub name: String,
    /// What it is called with.
    pub args: Vec<Value>,
    /// The same, as it was written.
    pub words: Vec<String>,
}

impl Bench {
    /// File and name.
    pub fn label(&self) -> String {
        format!("{}: {}", self.file, self.call())
    }

    /// Name and arguments.
    pub fn call(&self) -> String {
        let (name, words) = (visible(&self.name), self.words.join(", "));
        if words.is_empty() { format!("@{name}") } else { format!("@{name}({})", visible(&words)) }
    }

    /// Why a call of it failed.
    pub fn failed(&self, error: Error) -> Failure {
        Failure::of_call(error, self.module.source.as_ref())
    }
}

impl Benches {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        devices::must_be_real()?;
        // All of what is wrong with the files is wrong before anything takes time.
        let mut benches = Vec::new();
        for file in &self.files {
            benches.extend(self.benches_of(file)?);
        }
        let dispatch = self.dispatch.unwrap_or_default();
        let plan = Plan { runs: self.runs, min_time: self.min_time, timeout: self.timeout };
        let threads = self.threads.map_or_else(Threads::default, Threads::at_most);
        let machine = Machine::this(dispatch, threads.count());
        let base = Config::new().dispatch(dispatch).threads(threads).rates(rates::kept().rates);
        let bar = progress_bar(benches.len() as u64 * (measure::steps(plan) + 1));
        let text = !self.json && !self.markdown;

        if text {
            bar.suspend(|| output::print(&table::head(&machine, plan)))?;
        }
        let mut records = Vec::new();
        let mut failures = Vec::new();
        for (i, bench) in benches.iter().enumerate() {
            bar.set_message(bench.call());
            let outcome = time(bench, plan, &base, &bar);
            bar.set_position((i as u64 + 1) * (measure::steps(plan) + 1));
            let outcome = match outcome {
                Ok(record) => Ok(record),
                Err(failure) => {
                    failures.push(failure);
                    Err(failures.len() - 1)
                }
            };
            if text {
                let new_file = i == 0 || benches[i - 1].file != bench.file;
                let shown = match &outcome {
                    Ok(record) => table::rows(bench, record, new_file),
                    Err(at) => table::not_timed(bench, &failures[*at], new_file),
                };
                bar.suspend(|| output::print(&shown).and_then(|()| output::flush()))?;
            }
            records.push(outcome);
        }
        bar.finish_and_clear();
        let pairs = || benches.iter().zip(&records);
        if self.json {
            let failed = pairs().filter_map(|(b, r)| Some((b, &failures[*r.as_ref().err()?])));
            let timed = pairs().filter_map(|(b, r)| Some((b, r.as_ref().ok()?)));
            let document = record::json(&machine, plan, timed, failed);
            output::print(&format!("{document}\n"))?;
        } else {
            let timed: Vec<_> = pairs().filter_map(|(b, r)| Some((b, r.as_ref().ok()?))).collect();
            let end = if text { table::foot(&timed) } else { table::markdown(&machine, plan, &timed) };
            output::print(&end)?;
        }
        let done = Failure::of_all(failures);
        // The document has them.
        if self.json { done.map_err(|f| Failure::Shown(Box::new(f))) } else { done }
    }

    /// What is to be timed in `file`.
    fn benches_of(&self, file: &str) -> Result<Vec<Bench>, Failure> {
        let module = input::read_verified(file, self.most)?;
        let names = match &self.invoke {
            Some(words) => {
                let name = words.first().map_or("", |w| w.strip_prefix('@').unwrap_or(w));
                vec![(name.to_owned(), &words[1..])]
            }
            None => {
                let exports = module.exported_funcs().filter_map(|(_, f)| f.name.as_deref());
                exports.filter(|n| n.starts_with(PREFIX)).map(|n| (n.to_owned(), &[][..])).collect()
            }
        };
        if names.is_empty() {
            return Err(Failure::usage(format!(
                "{file} has no bench: an exported function whose name begins with {PREFIX}"
            ))
            .with_help(format!(
                "add \"export func @{PREFIX}NAME()\", or say which function to time: --invoke NAME ARGS"
            )));
        }
        let mut benches = Vec::new();
        for (name, words) in names {
            let found = module.exported_func(&name).and_then(|id| module.func_sig(id));
            let Some(sig) = found else { return Err(run::not_exported(file, &name, &module)) };
            if self.invoke.is_none() && !sig.params.is_empty() {
                let shown = sig.display(&module.sigs);
                return Err(Failure::usage(format!("{file}: @{name}{shown} is no bench: it has parameters"))
                    .with_help(format!("time it with arguments: --invoke {name} ARGS")));
            }
            let args = arguments::parse(words, &name, sig, &module, &mut Room::new(self.most, None))?;
            let words = words.to_vec();
            benches.push(Bench { file: file.to_owned(), module: module.clone(), name, args, words });
        }
        Ok(benches)
    }
}

/// Compares the tiers, then times them.
fn time(bench: &Bench, plan: Plan, base: &Config, bar: &ProgressBar) -> Result<record::Record, Failure> {
    let (compiled, _) = tiers::compiled(base);
    let observed = agree::check(bench, plan, &tiers::interpreter(base), &compiled)?;
    bar.inc(1);
    let measured = measure::measure(bench, plan, base, || bar.inc(1))?;
    Ok(record::Record::new(observed, measured))
}

/// On standard error, if somebody is looking.
fn progress_bar(steps: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} % {eta:>4} {msg}") {
        bar.set_style(style);
    }
    // The bar moves by itself on a thread, and panics where there can be none.
    if std::thread::Builder::new().spawn(|| ()).is_ok() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}
