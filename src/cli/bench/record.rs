//! The record of a measurement, for machines.
//!
//! Invariant: a document has every raw sample and all that is needed to tell
//! whether two documents may be compared; whatever is derived can be computed
//! again. A change that breaks readers raises [`SCHEMA`].

use super::super::failure::Failure;
use super::super::show::{self, WHOLE};
use super::Bench;
use super::agree;
use super::machine::Machine;
use super::measure::{Measured, Plan, Steady, WarmUp};
use super::statistics::{self, CONFIDENCE, Ratio, Summary};
use nbc::Value;
use nbc::compare::calls::Outcome;
use nbc::ir::Module;
use serde_json::{Value as Json, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Version of the document.
pub const SCHEMA: u32 = 1;

/// What is known of one bench.
pub struct Record {
    /// What a call does.
    pub observed: Outcome,
    /// The samples.
    pub measured: Measured,
    /// The interpreter's.
    pub interpreter: Summary,
    /// Compiled code's.
    pub jit: Summary,
    /// Compiled code's time over the interpreter's.
    pub ratio: Ratio,
}

impl Record {
    /// Computes what the samples say.
    pub fn new(observed: Outcome, measured: Measured) -> Record {
        let (interpreter, jit) = (&measured.interpreter.seconds, &measured.jit.seconds);
        Record {
            interpreter: statistics::summary(interpreter),
            jit: statistics::summary(jit),
            ratio: statistics::ratio(jit, interpreter),
            observed,
            measured,
        }
    }
}

/// The whole document.
pub fn json<'a>(
    machine: &Machine,
    plan: Plan,
    timed: impl Iterator<Item = (&'a Bench, &'a Record)> + Clone,
    failed: impl Iterator<Item = (&'a Bench, &'a Failure)>,
) -> Json {
    let recorded = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
    let mean = statistics::geometric_mean(timed.clone().map(|(_, r)| r.ratio.value));
    let failures: Vec<Json> = failed
        .map(|(b, f)| json!({ "file": b.file, "name": b.name, "arguments": b.words, "error": f.json() }))
        .collect();
    json!({
        "schema": SCHEMA,
        "recorded": recorded,
        "machine": machine.json(),
        "runs": plan.runs,
        "min_time_seconds": plan.min_time.as_secs_f64(),
        "confidence": CONFIDENCE,
        "benches": timed.map(|(b, r)| bench(b, r)).collect::<Vec<Json>>(),
        "ratio_geometric_mean": mean,
        "failures": failures,
    })
}

fn bench(bench: &Bench, record: &Record) -> Json {
    let measured = &record.measured;
    let results: Vec<Json> = match &record.observed.result {
        Ok(values) => values.iter().map(|v| result(v, &bench.module)).collect(),
        Err(_) => Vec::new(),
    };
    let compiled = measured.compiled;
    let ratio = record.ratio;
    json!({
        "file": bench.file,
        "name": bench.name,
        "arguments": bench.words,
        "results": results,
        "fuel": agree::fuel_used(&record.observed),
        "memory_peak": record.observed.memory.peak,
        "interpreter": tier(&measured.interpreter, &record.interpreter),
        "jit": tier(&measured.jit, &record.jit),
        "compiled": {
            "functions": compiled.functions,
            "failed": compiled.failed,
            "seconds": compiled.time.as_secs_f64(),
            "code_bytes": compiled.bytes,
        },
        "warm_up": {
            "calls": measured.warm_up.seconds.len(),
            "steady_at_call": measured.warm_up.reached,
            "curve": curve(&measured.warm_up),
        },
        "ratio": { "value": ratio.value, "low": ratio.low, "high": ratio.high },
    })
}

/// A result; of a large one only what it is, so that documents stay small.
fn result(value: &Value, module: &Module) -> Json {
    match value {
        Value::Tensor(t) if t.len() > WHOLE => json!({ "elem": t.elem().name(), "dims": t.dims() }),
        Value::Sparse(s) if s.stored() > WHOLE => {
            json!({ "elem": s.elem().name(), "dims": s.dims(), "stored": s.stored() })
        }
        Value::BigInt(v) if v.limbs().len() > WHOLE => json!({ "bits": v.bit_length() }),
        Value::Str(text) if text.len() > WHOLE => json!({ "bytes": text.len() }),
        Value::List(_, items) if items.len() > WHOLE => json!({ "items": items.len() }),
        Value::List(_, items) => items.iter().map(|item| result(item, module)).collect(),
        _ => show::json(value, module),
    }
}

fn tier(steady: &Steady, summary: &Summary) -> Json {
    json!({
        "calls_per_run": steady.calls,
        "seconds": steady.seconds,
        "mean": summary.mean,
        "deviation": summary.deviation,
        "low": summary.mean - summary.margin,
        "high": summary.mean + summary.margin,
        "minimum": summary.minimum,
        "median": summary.median,
    })
}

/// Pairs of a call's number and its seconds: the first hundred, then ever
/// fewer, and all from where steady state was reached.
fn curve(warm_up: &WarmUp) -> Vec<(usize, f64)> {
    let mut points = Vec::new();
    let mut next = 1;
    for (i, seconds) in warm_up.seconds.iter().enumerate() {
        let call = i + 1;
        let last = call == warm_up.seconds.len() || warm_up.reached.is_some_and(|at| call >= at);
        if call >= next || last {
            points.push((call, *seconds));
            next = call + (call / 100).max(1);
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_thinned_but_for_their_ends() {
        let seconds: Vec<f64> = (0..1_000_000).map(f64::from).collect();
        let points = curve(&WarmUp { seconds, reached: Some(999_990) });
        assert!(points.len() < 1500, "{}", points.len());
        let calls: Vec<usize> = points.iter().map(|p| p.0).collect();
        assert_eq!(calls[..101], (1..=101).collect::<Vec<_>>());
        assert_eq!(calls[calls.len() - 11..], (999_990..=1_000_000).collect::<Vec<_>>());
        assert!(points.iter().all(|(call, s)| *s == (*call - 1) as f64));
        assert_eq!(curve(&WarmUp { seconds: vec![2.0], reached: None }), [(1, 2.0)]);
    }
}
