//! Outcomes of calls: everything that can be seen of a call, and whether two
//! calls are the same.
//!
//! All of it is compared, bit by bit: results, or the trap with its frames; fuel left; exported
//! globals; memory; and what was printed.
//!
//! Invariant: what is kept and said is short, however much a program prints.

use super::values;
use nbc_ir::shown::clipped;
use nbc_runtime::backtrace::Trap;
use nbc_runtime::error::Error;
use nbc_runtime::instance::Instance;
use nbc_runtime::linker::Linker;
use nbc_runtime::region::{HeapStats, RegionStats};
use nbc_runtime::trap::TrapCode;
use nbc_runtime::value::Value;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// How much of what is printed is kept, to be shown.
const KEPT: usize = 1 << 16;
/// Characters of what the system counts, in messages.
const CLIP: usize = 600;

/// What can be seen of a call.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Results, or the trap.
    pub result: Result<Vec<Value>, Trap>,
    /// Fuel left, where it is metered.
    pub fuel: Option<u64>,
    /// Memory after the call.
    pub memory: HeapStats,
    /// What was printed.
    pub printed: Printed,
    /// Exported globals after the call, if they were asked for, with nothing for those that memory is
    /// too short for.
    pub globals: Vec<(String, Option<Value>)>,
}

/// What two calls are made by, which says what may differ between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Between {
    /// Interpreters: nothing may differ.
    Interpreters,
    /// Tiers: compiled code has a stack of its own, on which deep calls end elsewhere. Nor need it
    /// begin a region that nothing is made in.
    Tiers,
    /// The processor, and a device beside it, in any tier: what the device computes takes no working
    /// space here, so no more memory is charged for than without it.
    Devices,
}

impl Outcome {
    /// Calls a function of an instance that prints to `console`.
    ///
    /// # Errors
    /// There can be no such call.
    pub fn of(
        instance: &mut Instance,
        function: &str,
        args: &[Value],
        console: &Console,
    ) -> Result<Outcome, Error> {
        let result = trapped(instance.call(function, args))?;
        let (fuel, memory, printed) = (instance.fuel(), instance.memory(), console.take());
        Ok(Outcome { result, fuel, memory, printed, globals: Vec::new() })
    }

    /// The same with the instance's exported globals, of which each is copied.
    pub fn with_globals(mut self, instance: &mut Instance) -> Outcome {
        let program = instance.program().clone();
        let exported = program.module().globals.iter().filter(|g| g.export);
        let value = |name: String| (name.clone(), instance.global(&name).ok());
        self.globals = exported.filter_map(|g| g.name.clone()).map(value).collect();
        self
    }

    /// There was not even an instance.
    ///
    /// # Errors
    /// That is no trap.
    pub fn without_instance(error: Error) -> Result<Outcome, Error> {
        let (fuel, memory, printed, globals) = Default::default();
        Ok(Outcome { result: trapped(Err(error))?, fuel, memory, printed, globals })
    }

    /// What trapped, if anything.
    pub fn trap(&self) -> Option<TrapCode> {
        self.result.as_ref().err().map(Trap::code)
    }

    /// How this call differs from another, said of the one and the other by `names`.
    pub fn unlike(&self, other: &Outcome, between: Between, names: [&str; 2]) -> Option<String> {
        let is_deep = |o: &Outcome| o.trap() == Some(TrapCode::StackOverflow);
        if between != Between::Interpreters && is_deep(self) && is_deep(other) {
            return None;
        }
        let [one, another] = names;
        match (&self.result, &other.result) {
            (Ok(x), Ok(y)) => {
                if let Some(how) = values::results_unlike(x, y, names) {
                    return Some(how);
                }
            }
            (Err(x), Err(y)) if x == y => {}
            (x, y) => {
                let (mut p, mut q) = (ending(x), ending(y));
                if p == q {
                    (p, q) = (format!("{x:?}"), format!("{y:?}"));
                }
                return Some(format!("{one}: {p}; {another}: {q}"));
            }
        }
        if let (Some(x), Some(y)) = (self.fuel, other.fuel)
            && x != y
        {
            return Some(format!("{x} units of fuel are left {one}, {y} {another}"));
        }
        let (x, y) = (counted(&self.memory, between), counted(&other.memory, between));
        let is_more = between == Between::Devices && self.memory.peak < other.memory.peak;
        if x != y || is_more {
            let [x, y] = if is_more { [self.memory.clone(), other.memory.clone()] } else { [x, y] };
            let [x, y] = [x, y].map(|memory| clipped(&format!("{memory:?}"), CLIP).into_owned());
            return Some(format!("memory is left as {x} {one}, as {y} {another}"));
        }
        if let Some(how) = self.printed.unlike(&other.printed, names) {
            return Some(format!("what is printed {how}"));
        }
        self.globals.iter().zip(&other.globals).find_map(|((name, x), (_, y))| {
            let how = match (x, y) {
                (Some(x), Some(y)) => values::unlike(x, y, names)?,
                (None, None) => return None,
                (x, _) => format!("is too large for memory {}", if x.is_none() { one } else { another }),
            };
            Some(format!("global @{name} {how}"))
        })
    }
}

/// Results or the trap of a call.
fn trapped(result: Result<Vec<Value>, Error>) -> Result<Result<Vec<Value>, Trap>, Error> {
    match result {
        Ok(values) => Ok(Ok(values)),
        Err(error) => Ok(Err(error.trap().cloned().ok_or(error)?)),
    }
}

/// How a call ended, on one line.
fn ending(result: &Result<Vec<Value>, Trap>) -> String {
    match result {
        Ok(values) if values.is_empty() => "returns".to_owned(),
        Ok(values) => format!("returns {}", values::show(values)),
        Err(trap) => trap.to_string().replace('\n', " "),
    }
}

/// What memory is compared by: what is charged for. What is resident is nobody's promise.
fn counted(memory: &HeapStats, between: Between) -> HeapStats {
    let mut memory = memory.clone();
    (memory.resident, memory.resident_peak) = (0, 0);
    if between == Between::Devices {
        (memory.held, memory.peak, memory.kept) = (0, 0, 0);
        memory.regions.iter_mut().for_each(|r| r.peak = 0);
    }
    if between != Between::Interpreters {
        memory.regions.iter_mut().for_each(|r| r.begins = 0);
        while memory.regions.last() == Some(&RegionStats::default()) {
            memory.regions.pop();
        }
    }
    memory
}

/// What was printed: how it begins, and by what the rest is told apart.
#[derive(Clone, Default, Debug)]
pub struct Printed {
    begins: String,
    bytes: u64,
    hash: DefaultHasher,
}

impl Printed {
    /// All of a text.
    pub fn of(text: &str) -> Printed {
        let mut printed = Printed::default();
        printed.add(text);
        printed
    }

    /// Adds a text.
    pub fn add(&mut self, text: &str) {
        if self.bytes < KEPT as u64 {
            let room = KEPT - self.begins.len().min(KEPT);
            let end = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            self.begins.push_str(&text[..end]);
        }
        self.bytes += text.len() as u64;
        self.hash.write(text.as_bytes());
    }

    /// How it differs from what another printed.
    pub fn unlike(&self, other: &Printed, names: [&str; 2]) -> Option<String> {
        let begins = values::texts_unlike(&self.begins, &other.begins, names);
        if begins.is_some() || (self.bytes, self.hash.finish()) == (other.bytes, other.hash.finish()) {
            return begins;
        }
        let [one, another] = names;
        let (x, y, same) = (self.bytes, other.bytes, self.begins.len());
        Some(format!("({x} bytes {one}, {y} {another}) differs after the first {same}"))
    }
}

/// What a program prints to, and all its copies.
#[derive(Clone, Default, Debug)]
pub struct Console(Arc<Mutex<Printed>>);

impl Console {
    /// Gives it to programs as `console.print`.
    pub fn give(&self, linker: &mut Linker) {
        let console = self.clone();
        linker.func("console.print", move |text: String| console.print(&text));
    }

    /// Prints a text.
    pub fn print(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(text);
    }

    /// What was printed since it was last taken.
    pub fn take(&self) -> Printed {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nbc_ir::{FuncId, Item};
    use nbc_runtime::backtrace::Frame;
    use nbc_runtime::object::OwnedTensor;
    use nbc_runtime::trap::TrapError;

    fn returned(values: Vec<Value>) -> Outcome {
        Outcome {
            result: Ok(values),
            fuel: Some(100),
            memory: HeapStats::default(),
            printed: Printed::default(),
            globals: vec![("total".to_owned(), Some(Value::F64(0.0)))],
        }
    }

    fn trapped(code: TrapCode, line: u32) -> Outcome {
        let frame = Frame { func: FuncId(0), name: "f".to_owned(), block: 0, inst: 0, line };
        let trap = Trap { error: TrapError::from(code), frames: vec![frame], omitted: 0 };
        Outcome { result: Err(trap), ..returned(Vec::new()) }
    }

    fn found(a: &Outcome, b: &Outcome) -> String {
        a.unlike(b, Between::Tiers, ["interpreted", "compiled"]).unwrap_or_default()
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
    }

    #[test]
    fn tiers_have_stacks_and_empty_regions_of_their_own() {
        let strictly = |a: &Outcome, b: &Outcome| a.unlike(b, Between::Interpreters, ["here", "there"]);
        let (a, b) = (trapped(TrapCode::StackOverflow, 3), trapped(TrapCode::StackOverflow, 4));
        let b = Outcome { fuel: Some(7), ..b };
        assert_eq!(found(&a, &b), "");
        assert!(strictly(&a, &b).unwrap().ends_with("line 4"));
        let begun = RegionStats { begins: 1, ..RegionStats::default() };
        let memory = HeapStats { regions: vec![begun], ..HeapStats::default() };
        let (a, b) = (returned(Vec::new()), Outcome { memory, ..returned(Vec::new()) });
        assert_eq!(found(&a, &b), "");
        assert!(strictly(&a, &b).unwrap().starts_with("memory is left as"));
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
        assert_eq!(found(&zero(), &returned(Vec::new())), "1 values are returned interpreted, 0 compiled");
        let memory = HeapStats { peak: 1, ..HeapStats::default() };
        assert!(found(&zero(), &Outcome { memory, ..zero() }).contains("memory"));
        let fuel = Outcome { fuel: Some(99), ..zero() };
        assert_eq!(found(&zero(), &fuel), "100 units of fuel are left interpreted, 99 compiled");
        let printing = |text: &str| Outcome { printed: Printed::of(text), ..zero() };
        assert_eq!(found(&zero(), &printing("a")), "what is printed is \"\" interpreted and \"a\" compiled");
        let long = "ä".repeat(KEPT);
        let how = found(&printing(&(long.clone() + "x")), &printing(&(long + "y")));
        assert!(how.contains("bytes interpreted") && how.contains("differs after the first 65536"), "{how}");
        let global = |value| Outcome { globals: vec![("total".to_owned(), value)], ..zero() };
        let how = found(&zero(), &global(Some(Value::F64(-0.0))));
        assert_eq!(how, "global @total is 0.0 interpreted and -0.0 compiled");
        assert_eq!(found(&zero(), &global(None)), "global @total is too large for memory compiled");
    }

    #[test]
    fn traps_are_compared_with_their_lines() {
        let (a, b) = (trapped(TrapCode::DivideByZero, 3), trapped(TrapCode::DivideByZero, 4));
        let what = found(&a, &b);
        assert!(what.contains("line 3;") && what.ends_with("line 4"), "{what}");
        let what = found(&a, &returned(Vec::new()));
        assert!(what.ends_with("; compiled: returns"), "{what}");
        assert!(!found(&a, &trapped(TrapCode::Unreachable, 3)).is_empty());
    }
}
