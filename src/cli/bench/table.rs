//! Measurements as people read them: rows that appear as they are measured, or
//! a Markdown table.

use super::super::failure::Failure;
use super::super::show;
use super::Bench;
use super::machine::Machine;
use super::measure::{Plan, WarmUp};
use super::record::Record;
use super::statistics::{Summary, geometric_mean};
use std::fmt::Write;

/// Calls of the warm-up that are shown.
const CURVE: usize = 6;
/// A deviation that a quiet machine does not have, as a share of the mean.
const NOISY: f64 = 0.1;

/// What was measured on, and how.
pub fn head(machine: &Machine, plan: Plan) -> String {
    let mut text = format!("{}\n{}\n", machine.line(), how(plan));
    if let Some(warning) = Machine::warning() {
        let _ = writeln!(text, "Note: {warning}.");
    }
    text
}

fn how(plan: Plan) -> String {
    format!(
        "Time of a call, from {} runs of at least {} for each tier, taken in turns.",
        plan.runs,
        time(plan.min_time.as_secs_f64())
    )
}

/// The rows of one bench.
pub fn rows(bench: &Bench, record: &Record, new_file: bool) -> String {
    let mut text = file_head(bench, new_file);
    let _ = writeln!(text, "  {}", bench.call());
    for (tier, s) in [("interpreter", &record.interpreter), ("JIT", &record.jit)] {
        let _ = writeln!(
            text,
            "    {tier:<24} {:>10}   {:>10}  {:>10}  {:>10}",
            time(s.mean),
            format!("± {}", percent(s.margin / s.mean)),
            percent(s.deviation / s.mean),
            time(s.minimum)
        );
    }
    let ratio = record.ratio;
    let _ = writeln!(
        text,
        "    JIT / interpreter        {:>10}   95 %: {} to {}; {}",
        digits(ratio.value),
        digits(ratio.low),
        digits(ratio.high),
        faster(ratio.value)
    );
    let _ = writeln!(text, "    compiled                 {}", compiled(record));
    let _ = writeln!(text, "    warm                     {}", warm(&record.measured.warm_up));
    let noisy = |s: &Summary| s.deviation > NOISY * s.mean;
    if noisy(&record.interpreter) || noisy(&record.jit) {
        text.push_str("    note                     something disturbed the runs: compare the minima\n");
    }
    text
}

/// Says that a bench could not be timed; the failure itself goes elsewhere.
pub fn not_timed(bench: &Bench, failure: &Failure, new_file: bool) -> String {
    let why = match failure {
        Failure::TrapAt { .. } => "it traps",
        Failure::Differs(_) => "the tiers do not agree",
        Failure::Engine(e) if e.trap().is_some() => "it traps",
        _ => "it cannot be run",
    };
    format!("{}  {}\n    not timed: {why}\n", file_head(bench, new_file), bench.call())
}

fn file_head(bench: &Bench, new_file: bool) -> String {
    if !new_file {
        return String::new();
    }
    format!(
        "\n{:<28} {:>10}   {:>10}  {:>10}  {:>10}\n",
        bench.file, "mean", "95 % conf.", "deviation", "minimum"
    )
}

/// What all benches have in common.
pub fn foot(timed: &[(&Bench, &Record)]) -> String {
    let mean = geometric_mean(timed.iter().map(|(_, r)| r.ratio.value));
    match mean {
        Some(mean) if timed.len() > 1 => format!(
            "\nJIT / interpreter, geometric mean of {}: {}; {}\n",
            timed.len(),
            digits(mean),
            faster(mean)
        ),
        _ => String::new(),
    }
}

/// Everything as Markdown.
pub fn markdown(machine: &Machine, plan: Plan, timed: &[(&Bench, &Record)]) -> String {
    let mut text = format!("{}\n\n", machine.line());
    if let Some(warning) = Machine::warning() {
        let _ = writeln!(text, "Note: {warning}.\n");
    }
    text.push_str("| bench | interpreter | JIT | JIT / interpreter | 95 % confidence | compiled | warm |\n");
    text.push_str("|---|---:|---:|---:|---|---|---|\n");
    for (bench, r) in timed {
        let mean = |s: &Summary| format!("{} ± {}", time(s.mean), percent(s.margin / s.mean));
        let _ = writeln!(
            text,
            "| {} `{}` | {} | {} | {} | {} to {} | {} | {} |",
            cell(&bench.file),
            cell(&bench.call()),
            mean(&r.interpreter),
            mean(&r.jit),
            digits(r.ratio.value),
            digits(r.ratio.low),
            digits(r.ratio.high),
            compiled(r),
            warm_at(&r.measured.warm_up),
        );
    }
    if let (Some(mean), 2..) = (geometric_mean(timed.iter().map(|(_, r)| r.ratio.value)), timed.len()) {
        let _ = writeln!(text, "| **geometric mean** | | | **{}** | | | |", digits(mean));
    }
    let _ = writeln!(text, "\n{} ± is half the 95 % confidence interval.", how(plan));
    text
}

/// Text that does not end a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn compiled(record: &Record) -> String {
    let c = record.measured.compiled;
    let mut text = format!(
        "{} in {}, {}",
        show::count(c.functions as usize, "function"),
        time(c.time.as_secs_f64()),
        bytes(c.bytes)
    );
    if c.failed > 0 {
        let _ = write!(text, "; {} left to the interpreter", c.failed);
    }
    text
}

fn warm(warm_up: &WarmUp) -> String {
    let mut times: Vec<String> = warm_up.seconds.iter().take(CURVE).map(|s| time(*s)).collect();
    if let (Some(at), true) = (warm_up.reached, warm_up.seconds.len() > CURVE)
        && at > CURVE
    {
        times.push("...".to_owned());
        times.push(time(warm_up.seconds[at - 1]));
    }
    format!("{}: {}", warm_at(warm_up), times.join(", "))
}

fn warm_at(warm_up: &WarmUp) -> String {
    match warm_up.reached {
        Some(at) => format!("at call {at}"),
        None => format!("not within {}", show::count(warm_up.seconds.len(), "call")),
    }
}

fn faster(ratio: f64) -> String {
    format!("{} times as fast", digits(1.0 / ratio))
}

/// Four digits.
fn digits(v: f64) -> String {
    let places = match v {
        0.0 => 0,
        v if v >= 999.95 => 0,
        v if v >= 99.995 => 1,
        v if v >= 9.9995 => 2,
        v if v >= 0.99995 => 3,
        v if v >= 0.099995 => 4,
        v if v >= 0.0099995 => 5,
        _ => 6,
    };
    format!("{v:.places$}")
}

/// A time with its unit.
fn time(seconds: f64) -> String {
    let (scale, unit) = match seconds {
        s if s < 0.999_95e-6 => (1e9, "ns"),
        s if s < 0.999_95e-3 => (1e6, "µs"),
        s if s < 0.999_95 => (1e3, "ms"),
        _ => (1.0, "s"),
    };
    format!("{} {unit}", digits(seconds * scale))
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// Whole pages.
fn bytes(n: u64) -> String {
    format!("{} KiB of code", n / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_four_digits() {
        for (seconds, want) in [
            (0.0, "0 ns"),
            (1.23456e-9, "1.235 ns"),
            (99.996e-9, "100.0 ns"),
            (999.96e-9, "1.000 µs"),
            (123.456e-6, "123.5 µs"),
            (0.0012345, "1.234 ms"),
            (0.99996, "1.000 s"),
            (12.3456, "12.35 s"),
            (1234.5, "1234 s"),
        ] {
            assert_eq!(time(seconds), want);
        }
    }

    #[test]
    fn ratios_have_four_digits() {
        for (v, want) in [
            (0.0123456, "0.01235"),
            (0.98765, "0.9877"),
            (0.99996, "1.000"),
            (10.0, "10.00"),
            (54.321, "54.32"),
        ] {
            assert_eq!(digits(v), want);
        }
    }

    #[test]
    fn warm_ups_are_told_in_short() {
        let slow: Vec<f64> = vec![2e-3; 8];
        let told = |seconds: &[f64], reached| warm(&WarmUp { seconds: seconds.to_vec(), reached });
        assert_eq!(told(&[1e-3], Some(1)), "at call 1: 1.000 ms");
        assert_eq!(told(&slow[..3], None), "not within 3 calls: 2.000 ms, 2.000 ms, 2.000 ms");
        let mut seconds = slow.clone();
        seconds.push(1e-6);
        let text = told(&seconds, Some(9));
        assert!(
            text.starts_with("at call 9: 2.000 ms, ") && text.ends_with("2.000 ms, ..., 1.000 µs"),
            "{text}"
        );
    }
}
