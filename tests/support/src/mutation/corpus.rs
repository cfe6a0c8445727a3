//! Where changes begin: every program of the repository that says what to call.

use crate::agree::Script;
use crate::case::{Case, forget_lines};
use crate::repository;
use nbc::expectation;
use nbc::ir::Module;
use nbc::ir::{Signature, Type};

/// Constants larger than this make programs that are slow to print and read.
const MOST_BYTES: usize = 16 << 10;

/// All programs, with every call that one of their expectations makes.
pub fn samples() -> Vec<Case> {
    let files = repository::PROGRAMS.iter().flat_map(|folder| repository::files(folder, "nba"));
    let found: Vec<Case> =
        files.filter_map(|file| sample(repository::name(&file), &repository::read(&file))).collect();
    assert!(found.len() > 30, "only {} programs were found", found.len());
    found
}

fn sample(from: String, text: &str) -> Option<Case> {
    let mut module = Module::parse(text, &from).ok()?;
    let expectations = expectation::read(text, &module).ok()?;
    let calls = expectations.into_iter().map(|e| (e.function, e.args)).collect();
    let size: usize = module
        .constants
        .iter()
        .map(|c| match &c.value {
            nbc::ir::ConstValue::Tensor { data, .. } => data.len(),
            nbc::ir::ConstValue::Zeros { elem, dims } => {
                dims.iter().fold(elem.size(), |size, dim| size.saturating_mul(*dim as usize))
            }
            nbc::ir::ConstValue::Str(text) => text.len(),
        })
        .sum();
    if size > MOST_BYTES || !module.imports.iter().all(|i| known(&i.name, &module.sigs[i.sig.index()])) {
        return None;
    }
    // Lines come anew when a changed program is printed.
    forget_lines(&mut module);
    Some(Case::new(from, module, Script { memory: 16 << 20, ..Script::new(calls, 60_000) }))
}

/// Whether the host of `agree` has that function.
fn known(name: &str, sig: &Signature) -> bool {
    match name {
        "console.print" => sig.params == [Type::Str] && sig.results.is_empty(),
        "host.twist" => sig.params == [Type::I64] && sig.results == [Type::I64],
        "host.mix" => sig.params == [Type::F64, Type::I32] && sig.results == [Type::I32, Type::F64],
        _ => false,
    }
}
