//! Calling a function of a program in one way, with what can be seen of it.

use crate::way::Way;
use nbc::compare::calls::{Between, Console, Outcome};
use nbc::ir::Module;
use nbc::ir::verify::VerifiedModule;
use nbc::runtime::engine::{Limits, Program};
use nbc::runtime::error::Error;
use nbc::runtime::instance::Instance;
use nbc::runtime::linker::Linker;
use nbc::runtime::value::Value;

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
    let console = Console::default();
    let mut linker = Linker::new();
    console.give(&mut linker);
    match linker.instantiate_with(program, limits) {
        Ok(mut instance) => call_in(&mut instance, function, args, &console),
        Err(e) => failed(e),
    }
}

/// Calls `function` of an instance that prints to `console`.
///
/// # Panics
/// When the function cannot be called, which is the test's fault.
pub fn call_in(instance: &mut Instance, function: &str, args: &[Value], console: &Console) -> Outcome {
    let outcome = Outcome::of(instance, function, args, console);
    outcome.unwrap_or_else(|e| panic!("{e}")).with_globals(instance)
}

/// What there is to see where there was no instance.
///
/// # Panics
/// When that is no trap, which is the test's fault.
pub fn failed(error: Error) -> Outcome {
    Outcome::without_instance(error).unwrap_or_else(|e| panic!("{e}"))
}

/// How what two ways did differs.
pub fn difference(a: &Outcome, b: &Outcome, between: Between) -> Option<String> {
    a.unlike(b, between, ["in the first", "in the second"])
}
