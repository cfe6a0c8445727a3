//! What `--explain-placement` shows: where operations ran, why, and how well that was predicted.
//!
//! A program may run millions of operations, so decisions are added up: one line for each operation,
//! power of two of elements, and choice.

use nbc::placement::{Choice, Decision, Part, Reason};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// Decisions of one kind.
struct Row {
    operation: &'static str,
    part: Part,
    choice: Choice,
    least: u64,
    most: u64,
    times: u64,
    /// Nanoseconds predicted for each candidate, and measured, of all decisions together.
    predicted: BTreeMap<Choice, f64>,
    measured: f64,
    reasons: BTreeMap<Reason, u64>,
}

/// Operation, its part, power of two of elements, and choice.
type Key = (&'static str, Part, u32, Choice);

/// Collects decisions, of any thread.
#[derive(Default)]
pub struct Placed(Mutex<Rows>);

#[derive(Default)]
struct Rows {
    numbers: HashMap<Key, usize>,
    /// In the order in which they came first.
    rows: Vec<Row>,
}

impl Placed {
    /// Adds a decision.
    pub fn add(&self, decision: &Decision<'_>) {
        let Decision { operation, part, elements, choice, measured, .. } = *decision;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Rows { numbers, rows } = &mut *all;
        let key = (operation, part, elements.max(1).ilog2(), choice);
        let at = *numbers.entry(key).or_insert_with(|| {
            rows.push(Row {
                operation,
                part,
                choice,
                least: elements,
                most: elements,
                times: 0,
                predicted: BTreeMap::new(),
                measured: 0.0,
                reasons: BTreeMap::new(),
            });
            rows.len() - 1
        });
        let row = &mut rows[at];
        row.times += 1;
        (row.least, row.most) = (row.least.min(elements), row.most.max(elements));
        row.measured += measured;
        *row.reasons.entry(decision.reason).or_default() += 1;
        for candidate in decision.candidates {
            *row.predicted.entry(candidate.choice).or_default() += candidate.predicted();
        }
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.rows.is_empty() {
            return "placement: no operations on arrays\n".to_owned();
        }
        let head = ["operation", "elements", "times", "ran on", "measured", "predicted", "why"];
        let mut lines = vec![head.map(str::to_owned)];
        for row in &all.rows {
            let mean = |sum: f64| time(sum / row.times as f64);
            let elements = if row.least == row.most {
                row.least.to_string()
            } else {
                format!("{}..{}", row.least, row.most)
            };
            let predicted: Vec<String> = row
                .predicted
                .iter()
                .map(|(choice, sum)| format!("{} {}", choice.name(), mean(*sum)))
                .collect();
            let why: Vec<String> = match row.reasons.len() {
                1 => row.reasons.keys().map(|reason| reason.name().to_owned()).collect(),
                _ => row.reasons.iter().map(|(reason, n)| format!("{} {n}", reason.name())).collect(),
            };
            lines.push([
                row.part
                    .name()
                    .map_or_else(|| row.operation.to_owned(), |part| format!("{} ({part})", row.operation)),
                elements,
                row.times.to_string(),
                row.choice.name().to_owned(),
                mean(row.measured),
                predicted.join(", "),
                why.join(", "),
            ]);
        }
        let widths: Vec<usize> = (0..head.len())
            .map(|at| lines.iter().map(|l| l[at].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = "placement, with mean times of an operation:\n".to_owned();
        for line in lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        text
    }

    /// The same for machines.
    pub fn json(&self) -> Json {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = all.rows.iter().map(|row| {
            let mean = |sum: f64| sum / row.times as f64;
            let predicted: BTreeMap<&str, f64> =
                row.predicted.iter().map(|(choice, sum)| (choice.name(), mean(*sum))).collect();
            let why: BTreeMap<&str, u64> = row.reasons.iter().map(|(r, n)| (r.name(), *n)).collect();
            json!({
                "operation": row.operation,
                "part": row.part.name(),
                "elements": [row.least, row.most],
                "times": row.times,
                "choice": row.choice.name(),
                "measured_ns": mean(row.measured),
                "predicted_ns": predicted,
                "why": why,
            })
        });
        rows.collect()
    }
}

/// Nanoseconds with a unit, three digits of them.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 999.5 => (ns, "ns"),
        ns if ns < 999.5e3 => (ns / 1e3, "µs"),
        ns if ns < 999.5e6 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    let digits = if value < 9.995 { 2 } else { (value < 99.95) as usize };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_have_three_digits() {
        let cases = [
            (0.5, "0.50 ns"),
            (12.34, "12.3 ns"),
            (999.4, "999 ns"),
            (999.6, "1.00 µs"),
            (1.234e5, "123 µs"),
            (9.9961e6, "10.0 ms"),
            (2.5e9, "2.50 s"),
        ];
        for (ns, text) in cases {
            assert_eq!(time(ns), text);
        }
    }
}
