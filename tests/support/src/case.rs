//! A program, what to call of it, and in which ways: what generators make, and campaigns run.

use crate::agree::{Difference, Script, agree};
use crate::call::with_globals_exported;
use crate::campaign::caught;
use crate::way::Way;
use nbc::compare::calls::Outcome;
use nbc::ir::Module;

/// A program and what to call.
#[derive(Clone, Debug)]
pub struct Case {
    /// Where it began.
    pub from: String,
    /// The program.
    pub module: Module,
    /// What is called.
    pub script: Script,
    /// The ways to run it, besides the reference.
    pub ways: Vec<Way>,
}

/// Why a case fails.
#[derive(Debug)]
pub enum Failure {
    /// Two ways differ.
    Differs(Box<Difference>),
    /// The program is not what it was when it has been printed and read.
    Unreadable(String),
}

impl Case {
    /// A case that runs in no way but the reference.
    pub fn new(from: impl Into<String>, module: Module, script: Script) -> Case {
        Case { from: from.into(), module, script, ways: Vec::new() }
    }

    /// Runs it in its ways; what it did if all agree.
    ///
    /// # Errors
    /// How two of them differ.
    pub fn check(&self) -> Result<Vec<Outcome>, String> {
        self.run().map_err(|failure| match failure {
            Failure::Differs(difference) => difference.to_string(),
            Failure::Unreadable(why) => format!("what was printed is not read the same: {why}"),
        })
    }

    /// As [`Case::check`].
    ///
    /// # Errors
    /// Why it fails.
    pub fn run(&self) -> Result<Vec<Outcome>, Failure> {
        // Printed and read, so that lines are those of the text that is shown.
        let text = with_globals_exported(self.module.clone()).print();
        let module = Module::parse(&text, "changed.nba").and_then(Module::verify);
        let module = module.map_err(|e| Failure::Unreadable(e.to_string()))?;
        agree(&module, &self.script, &self.ways).map_err(|d| Failure::Differs(Box::new(d)))
    }

    /// Why it fails, if it does; a panic counts too.
    pub fn failure(&self) -> Option<String> {
        caught(|| self.check().map(drop)).err()
    }
}

/// Leaves out from which lines a program was read.
pub fn forget_lines(module: &mut Module) {
    module.source = None;
    for block in module.functions.iter_mut().flat_map(|f| &mut f.blocks) {
        block.lines.clear();
    }
}
