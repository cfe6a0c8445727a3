//! Whether the tiers do the same: what is not the same is not worth timing.
//!
//! Everything that can be seen of a call is compared bit for bit: results,
//! trap with all its lines, fuel left, memory, what was printed, exported
//! globals, NaNs as anything else; with fuel metered and without, and once more in the same instance,
//! where the state that a call leaves behind shows.

use super::super::failure::Failure;
use super::Bench;
use super::measure::Plan;
use nbc::compare;
use nbc::runtime::backtrace::Trap;
use nbc::runtime::engine::{Engine, Limits};
use nbc::runtime::linker::Linker;
use nbc::runtime::region::HeapStats;
use nbc::{TrapCode, Value};
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// So much that no bench uses it up.
const FUEL: u64 = u64::MAX / 2;
/// How often each instance is called.
const CALLS: usize = 2;
/// What is said of the one and of the other.
const TIERS: [&str; 2] = ["interpreted", "compiled"];
/// How much of what is printed is kept, to be shown.
const KEPT: usize = 1 << 16;
/// Characters of what the system counts, in messages.
const CLIP: usize = 600;

/// What can be seen of a call.
#[derive(Clone)]
pub struct Observed {
    /// Results or trap.
    pub result: Result<Vec<Value>, Trap>,
    /// Fuel left, where it is metered.
    fuel_left: Option<u64>,
    /// Memory afterwards.
    pub memory: HeapStats,
    printed: Printed,
    globals: Vec<(String, Value)>,
}

impl Observed {
    /// What the call cost, where that is metered.
    pub fn fuel_used(&self) -> Option<u64> {
        self.fuel_left.map(|left| FUEL.saturating_sub(left))
    }
}

/// What was printed: the beginning, and by which the rest is told apart.
#[derive(Clone, Default)]
struct Printed {
    begins: String,
    bytes: u64,
    hash: DefaultHasher,
}

impl Printed {
    fn add(&mut self, text: &str) {
        if self.bytes < KEPT as u64 {
            let room = KEPT - self.begins.len().min(KEPT);
            let end = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            self.begins.push_str(&text[..end]);
        }
        self.bytes += text.len() as u64;
        self.hash.write(text.as_bytes());
    }

    fn unlike(&self, other: &Printed) -> Option<String> {
        let begins = compare::texts_unlike(&self.begins, &other.begins, TIERS);
        if begins.is_some() || (self.bytes, self.hash.finish()) == (other.bytes, other.hash.finish()) {
            return begins;
        }
        Some(format!(
            "({} bytes interpreted, {} compiled) differs after the first {}",
            self.bytes,
            other.bytes,
            self.begins.len()
        ))
    }
}

/// Runs `bench` in both engines and compares; returns what the first call
/// showed, with fuel metered.
///
/// # Errors
/// A trap that both agree on, or a difference.
pub fn check(
    bench: &Bench,
    plan: Plan,
    interpreter: &Engine,
    compiled: &Engine,
) -> Result<Observed, Failure> {
    let mut metered = None;
    for fuel in [Some(FUEL), None] {
        let one = observe(bench, plan, interpreter, fuel)?;
        let other = observe(bench, plan, compiled, fuel)?;
        for (call, (a, b)) in one.iter().zip(&other).enumerate() {
            // Where time is up is no difference.
            let late =
                |o: &Observed| o.result.as_ref().err().filter(|t| t.code() == TrapCode::Timeout).cloned();
            if let Some(trap) = late(a).or_else(|| late(b)) {
                return Err(bench.failed(trap.into()));
            }
            if let Some(what) = difference(a, b) {
                let with = if fuel.is_some() { "with" } else { "without" };
                let message =
                    format!("{} is not timed: in call {}, {with} fuel, {what}", bench.label(), call + 1);
                return Err(Failure::Differs(message));
            }
            if let Err(trap) = &a.result {
                return Err(bench.failed(trap.clone().into()));
            }
        }
        metered = metered.or_else(|| one.into_iter().next());
    }
    // Both engines have been called, or this place is not reached.
    metered.ok_or_else(|| Failure::Differs(format!("{} was never called", bench.label())))
}

fn observe(bench: &Bench, plan: Plan, engine: &Engine, fuel: Option<u64>) -> Result<Vec<Observed>, Failure> {
    let printed = Arc::new(Mutex::new(Printed::default()));
    let out = printed.clone();
    let mut linker = Linker::new();
    linker.func("console.print", move |text: String| {
        out.lock().unwrap_or_else(PoisonError::into_inner).add(&text);
    });
    let limits = Limits { fuel, timeout: plan.timeout, ..Limits::default() };
    let program = engine.load(bench.module.clone());
    let mut instance = linker.instantiate_with(&program, limits).map_err(|e| bench.failed(e))?;
    let exported = bench.module.globals.iter().filter(|g| g.export).filter_map(|g| g.name.as_deref());
    let exported: Vec<&str> = exported.collect();
    let mut seen = Vec::new();
    while seen.len() < CALLS {
        instance.set_fuel(FUEL);
        let result = match instance.call(&bench.name, &bench.args) {
            Ok(values) => Ok(values),
            Err(e) => Err(e.trap().cloned().ok_or_else(|| bench.failed(e))?),
        };
        let (fuel_left, memory) = (instance.fuel(), instance.memory());
        let mut globals = Vec::new();
        for name in &exported {
            globals.push(((*name).to_owned(), instance.global(name).map_err(|e| bench.failed(e))?));
        }
        let printed = std::mem::take(&mut *printed.lock().unwrap_or_else(PoisonError::into_inner));
        let trapped = result.is_err();
        seen.push(Observed { result, fuel_left, memory, printed, globals });
        if trapped {
            break;
        }
    }
    Ok(seen)
}

/// What the interpreter (`a`) and compiled code (`b`) do not have in common.
/// How deep calls can go is each tier's own affair, for compiled code has a stack of its own.
fn difference(a: &Observed, b: &Observed) -> Option<String> {
    let gives = |r: &Result<Vec<Value>, Trap>| match r {
        Ok(_) => "returns".to_owned(),
        Err(trap) => trap.to_string().replace('\n', " "),
    };
    match (&a.result, &b.result) {
        (Ok(x), Ok(y)) => {
            if x.len() != y.len() {
                return Some(format!(
                    "the interpreter returns {} values, compiled code {}",
                    x.len(),
                    y.len()
                ));
            }
            for (i, (x, y)) in x.iter().zip(y).enumerate() {
                if let Some(how) = compare::unlike(x, y, TIERS) {
                    return Some(format!("result {} {how}", i + 1));
                }
            }
        }
        (Err(x), Err(y)) if x.code() == TrapCode::StackOverflow && y.code() == x.code() => return None,
        (Err(x), Err(y)) if x == y => {}
        (x, y) => return Some(format!("the interpreter: {}; compiled code: {}", gives(x), gives(y))),
    }
    if let (Some(x), Some(y)) = (a.fuel_left, b.fuel_left)
        && x != y
    {
        return Some(format!("the interpreter leaves {x} units of fuel, compiled code {y}"));
    }
    if a.memory != b.memory {
        let memory = |o: &Observed| nbc::ir::shown::clipped(&format!("{:?}", o.memory), CLIP).into_owned();
        return Some(format!(
            "the interpreter leaves memory as {}, compiled code as {}",
            memory(a),
            memory(b)
        ));
    }
    if let Some(how) = a.printed.unlike(&b.printed) {
        return Some(format!("what is printed {how}"));
    }
    a.globals
        .iter()
        .zip(&b.globals)
        .find_map(|((name, x), (_, y))| Some(format!("global @{name} {}", compare::unlike(x, y, TIERS)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nbc::OwnedTensor;
    use nbc::ir::{FuncId, Item};
    use nbc::runtime::backtrace::Frame;
    use nbc::runtime::trap::TrapError;

    fn returned(values: Vec<Value>) -> Observed {
        Observed {
            result: Ok(values),
            fuel_left: Some(100),
            memory: HeapStats::default(),
            printed: Printed::default(),
            globals: vec![("total".to_owned(), Value::F64(0.0))],
        }
    }

    fn trapped(code: TrapCode, line: u32) -> Observed {
        let frame = Frame { func: FuncId(0), name: "f".to_owned(), block: 0, inst: 0, line };
        let trap = Trap { error: TrapError::from(code), frames: vec![frame], omitted: 0 };
        Observed { result: Err(trap), ..returned(Vec::new()) }
    }

    fn found(a: &Observed, b: &Observed) -> String {
        difference(a, b).unwrap_or_default()
    }

    fn tensor(data: &[f64]) -> Value {
        Value::Tensor(OwnedTensor::from_slice(&[data.len() as u64], data).unwrap())
    }

    #[test]
    fn the_same_is_the_same() {
        let nan = f64::from_bits(0x7ff8_0000_0000_0000);
        let values =
            vec![Value::F64(nan), tensor(&[1.0, nan]), Value::List(Item::F64, vec![Value::F64(nan)])];
        assert_eq!(found(&returned(values.clone()), &returned(values)), "");
        let a = trapped(TrapCode::DivideByZero, 3);
        assert_eq!(found(&a, &a.clone()), "");
        // Where the stack ends differs between tiers.
        let (a, b) = (trapped(TrapCode::StackOverflow, 3), trapped(TrapCode::StackOverflow, 4));
        assert_eq!(found(&a, &Observed { fuel_left: Some(7), ..b }), "");
    }

    #[test]
    fn every_bit_counts() {
        let zero = || returned(vec![Value::F64(0.0)]);
        assert_eq!(
            found(&zero(), &returned(vec![Value::F64(-0.0)])),
            "result 1 is 0.0 interpreted and -0.0 compiled"
        );
        let (a, b) = (vec![Value::I64(1), tensor(&[1.0, 0.0])], vec![Value::I64(1), tensor(&[1.0, -0.0])]);
        assert_eq!(
            found(&returned(a), &returned(b)),
            "result 2 (tensor<f64> [2]) differs first in element 1: \
             0x0000000000000000 interpreted, 0x8000000000000000 compiled"
        );
        // Both tiers show the canonical NaN, or one of them is wrong.
        let other = f64::from_bits(0xfff8_0000_0000_0000);
        assert!(
            found(&returned(vec![tensor(&[f64::NAN])]), &returned(vec![tensor(&[other])])).contains("0xfff8")
        );
        let list = |v| returned(vec![Value::List(Item::F32, vec![Value::F32(v)])]);
        assert!(found(&list(1.0), &list(1.0000001)).starts_with("result 1 is [1.0] interpreted"));
        assert!(found(&zero(), &returned(Vec::new())).contains("returns 1 values"));
        let memory = HeapStats { peak: 1, ..HeapStats::default() };
        assert!(found(&zero(), &Observed { memory, ..zero() }).contains("memory"));
        let fuel = Observed { fuel_left: Some(99), ..zero() };
        assert_eq!(found(&zero(), &fuel), "the interpreter leaves 100 units of fuel, compiled code 99");
        let printing = |text: &str| {
            let mut printed = Printed::default();
            printed.add(text);
            Observed { printed, ..zero() }
        };
        assert_eq!(found(&zero(), &printing("a")), "what is printed is \"\" interpreted and \"a\" compiled");
        let long = "ä".repeat(KEPT);
        let how = found(&printing(&(long.clone() + "x")), &printing(&(long + "y")));
        assert!(how.contains("bytes interpreted") && how.contains("differs after the first 65536"), "{how}");
        let globals = vec![("total".to_owned(), Value::F64(-0.0))];
        let globals = Observed { globals, ..zero() };
        assert_eq!(found(&zero(), &globals), "global @total is 0.0 interpreted and -0.0 compiled");
    }

    #[test]
    fn traps_are_compared_with_their_lines() {
        let (a, b) = (trapped(TrapCode::DivideByZero, 3), trapped(TrapCode::DivideByZero, 4));
        let what = found(&a, &b);
        assert!(what.contains("line 3;") && what.ends_with("line 4"), "{what}");
        let what = found(&a, &returned(Vec::new()));
        assert!(what.ends_with("compiled code: returns"), "{what}");
        assert!(!found(&a, &trapped(TrapCode::Unreachable, 3)).is_empty());
    }
}
