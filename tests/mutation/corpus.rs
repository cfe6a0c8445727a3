//! Where changes begin: every program of the repository that says what to call.

use super::Case;
use crate::harness::agree::Script;
use nbc::expectation;
use nbc::ir::Module;
use nbc::ir::{Signature, Type};
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 7] = [
    "tests/programs/returns",
    "tests/programs/traps",
    "tests/programs/regions",
    "tests/programs/tiers",
    "tests/programs/natural",
    "examples",
    "benches/programs",
];

/// Constants larger than this make programs that are slow to print and read.
const MOST_BYTES: usize = 16 << 10;

/// All programs, with every call that one of their expectations makes.
pub fn samples() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in FOLDERS {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        files.retain(|path| path.extension().is_some_and(|e| e == "nba"));
        files.sort();
        for file in files {
            let name = format!("{folder}/{}", file.file_name().unwrap_or_default().to_string_lossy());
            let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
            found.extend(sample(name, &text));
        }
    }
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
    module.source = None;
    for block in module.functions.iter_mut().flat_map(|f| &mut f.blocks) {
        block.lines.clear();
    }
    let script = Script { calls, fuel: 60_000, memory: 16 << 20, stack: 1 << 17, may_fail: false };
    Some(Case { from, module, script, ways: Vec::new() })
}

/// Whether the host of `harness::agree` has that function.
fn known(name: &str, sig: &Signature) -> bool {
    match name {
        "console.print" => sig.params == [Type::Str] && sig.results.is_empty(),
        "host.twist" => sig.params == [Type::I64] && sig.results == [Type::I64],
        "host.mix" => sig.params == [Type::F64, Type::I32] && sig.results == [Type::I32, Type::F64],
        _ => false,
    }
}
