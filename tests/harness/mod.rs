//! What the tests of whole programs share: running a program in every way this
//! build has. Expectations and when values are equal are the library's.

#![allow(dead_code)] // each test uses a part

pub mod agree;
pub mod campaign;
pub mod way;

pub use nbc::compare;
#[allow(unused_imports)] // as above
pub use nbc::expectation::PLENTY;
use nbc::ir::Module;
use nbc::ir::verify::VerifiedModule;
use nbc::runtime::backtrace::Trap;
use nbc::runtime::engine::{Limits, Program};
use nbc::runtime::instance::Instance;
use nbc::runtime::linker::Linker;
use nbc::runtime::region::{HeapStats, RegionStats};
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use std::slice::from_ref;
use std::sync::{Arc, Mutex};
pub use way::Way;

/// What a call did.
#[derive(Debug)]
pub struct Outcome {
    /// Results, or the trap.
    pub result: Result<Vec<Value>, Trap>,
    /// Fuel left, if metered.
    pub fuel: Option<u64>,
    /// What was printed.
    pub printed: String,
    /// Exported globals after the call.
    pub globals: Vec<Option<Value>>,
    /// Memory after the call.
    pub memory: HeapStats,
}

impl Outcome {
    /// There was not even an instance.
    pub fn failed(trap: Trap) -> Outcome {
        let (printed, globals, memory) = Default::default();
        Outcome { result: Err(trap), fuel: None, printed, globals, memory }
    }

    /// What trapped, if anything.
    pub fn trap(&self) -> Option<TrapCode> {
        self.result.as_ref().err().map(Trap::code)
    }
}

/// Exports the globals, so that a test sees what is in them.
pub fn with_globals_exported(mut module: Module) -> Module {
    let functions = module.functions.iter().filter(|f| f.export).map(|f| f.name.clone());
    let mut taken: Vec<Option<String>> = functions.collect();
    taken.extend(module.globals.iter().filter(|g| g.export).map(|g| g.name.clone()));
    for global in module.globals.iter_mut().filter(|g| g.name.is_some() && !g.export) {
        if !taken.contains(&global.name) {
            global.export = true;
            taken.push(global.name.clone());
        }
    }
    module
}

/// A module, loaded for one way of running it.
pub fn load(module: &VerifiedModule, way: Way) -> Program {
    way.engine().load(module.clone())
}

/// Calls `function` of a fresh instance.
///
/// # Panics
/// When the program cannot be linked or called, which is the test's fault.
pub fn call(program: &Program, function: &str, args: &[Value], limits: Limits) -> Outcome {
    let printed = Arc::new(Mutex::new(String::new()));
    let mut linker = Linker::new();
    let out = printed.clone();
    linker.func("console.print", move |text: String| out.lock().unwrap().push_str(&text));
    match linker.instantiate_with(program, limits) {
        Ok(mut instance) => call_in(&mut instance, function, args, &printed),
        Err(e) => Outcome::failed(trap_of(e)),
    }
}

/// Calls `function` of an instance that prints to `printed`.
///
/// # Panics
/// When the function cannot be called, which is the test's fault.
pub fn call_in(instance: &mut Instance, function: &str, args: &[Value], printed: &Mutex<String>) -> Outcome {
    let result = instance.call(function, args).map_err(trap_of);
    let (fuel, memory) = (instance.fuel(), instance.memory());
    let program = instance.program().clone();
    let exported = program.module().globals.iter().filter(|g| g.export);
    let globals = exported.filter_map(|g| g.name.as_deref()).map(|name| instance.global(name).ok()).collect();
    let printed = printed.lock().unwrap().clone();
    Outcome { result, fuel, printed, globals, memory }
}

fn trap_of(e: nbc::runtime::error::Error) -> Trap {
    match e.trap() {
        Some(trap) => trap.clone(),
        None => panic!("{e}"),
    }
}

/// What memory is compared by: compiled code need not begin a region that
/// nothing is made in.
fn without_begins(memory: &HeapStats) -> HeapStats {
    let mut memory = memory.clone();
    memory.regions.iter_mut().for_each(|r| r.begins = 0);
    while memory.regions.last() == Some(&RegionStats::default()) {
        memory.regions.pop();
    }
    memory
}

/// How two outcomes differ, if they do. Where calls overflow the stack is left
/// to each tier, for compiled code has a stack of its own.
pub fn difference(a: &Outcome, b: &Outcome) -> Option<String> {
    let overflows = |o: &Outcome| o.trap() == Some(TrapCode::StackOverflow);
    if overflows(a) && overflows(b) { None } else { exact_difference(a, b) }
}

/// How two outcomes of the interpreter differ, if they do.
pub fn exact_difference(a: &Outcome, b: &Outcome) -> Option<String> {
    match (&a.result, &b.result) {
        (Ok(x), Ok(y)) => {
            if let Some(what) = compare::first_difference(x, y) {
                return Some(format!("results, {what}"));
            }
        }
        (Err(x), Err(y)) => {
            if x != y {
                return Some(format!("traps {x} and {y}\n{x:?}\n{y:?}"));
            }
        }
        (Ok(x), Err(y)) => return Some(format!("results {} and {y}", compare::show(x))),
        (Err(x), Ok(y)) => return Some(format!("{x} and results {}", compare::show(y))),
    }
    if let (Some(x), Some(y)) = (a.fuel, b.fuel)
        && x != y
    {
        return Some(format!("fuel left {x} and {y}"));
    }
    for (at, pair) in a.globals.iter().zip(&b.globals).enumerate() {
        match pair {
            (Some(x), Some(y)) => {
                if let Some(what) = compare::first_difference(from_ref(x), from_ref(y)) {
                    return Some(format!("exported global {at}, {what}"));
                }
            }
            (x, y) if x.is_none() && y.is_none() => {}
            (x, y) => return Some(format!("exported global {at}, {x:?} and {y:?}")),
        }
    }
    if without_begins(&a.memory) != without_begins(&b.memory) {
        return Some(format!("memory {:?} and {:?}", a.memory, b.memory));
    }
    (a.printed != b.printed).then(|| format!("printed {:?} and {:?}", a.printed, b.printed))
}
