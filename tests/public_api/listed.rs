//! The public functions of the facade, found in the sources: those of the types
//! that `src/lib.rs` and the compiler's crate hand on by name, and of its modules.

use std::collections::BTreeSet;
use std::path::Path;
use support::repository::{self, root};

/// Where the types are declared, and what hands them on.
const CRATES: [(&str, &str, &str); 5] = [
    ("nbc", "src", "src/lib.rs"),
    ("ir", "ir/src", "src/lib.rs"),
    ("runtime", "runtime/src", "src/lib.rs"),
    ("jit", "jit/src", "jit/src/lib.rs"),
    // What the builder's functions take and give.
    ("ir", "ir/src/builder", "ir/src/builder/mod.rs"),
];

fn read(path: impl AsRef<Path>) -> String {
    repository::read(&root().join(path))
}

/// The names that the `pub use` lines of a file hand on.
fn handed_on(file: &str) -> BTreeSet<String> {
    let text = read(file);
    let uses = text.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let mut names = BTreeSet::new();
    for path in uses {
        let list = path.rsplit("::").next().unwrap_or(path);
        let list = path.split_once('{').map_or(list, |(_, list)| list.trim_end_matches('}'));
        names.extend(list.split(',').map(|name| name.trim().to_owned()));
    }
    if file == "ir/src/builder/mod.rs" {
        names.insert("Func".to_owned());
    }
    names
}

/// The type that a line begins to give functions of its own.
fn implemented(line: &str) -> Option<String> {
    let rest = line.strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        // Bounds of parameters hold no angle brackets that are closed twice.
        Some(params) => params.split_once("> ")?.1,
        None => rest.strip_prefix(' ')?,
    };
    let is_trait = rest.contains(" for ");
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || "_$".contains(*c)).collect();
    (!is_trait && !name.is_empty()).then_some(name)
}

/// The name of the public function that a line declares. Who calls an unsafe one
/// answers for it.
fn function(line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let rest = rest.strip_prefix("const ").unwrap_or(rest).strip_prefix("fn ")?;
    Some(rest.chars().take_while(|c| c.is_alphanumeric() || "_$".contains(*c)).collect())
}

/// Every public function, as `crate::Type::function`.
pub fn declared() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (name, folder, facade) in CRATES {
        let types = handed_on(facade);
        for file in repository::files(folder, "rs") {
            // What else is there is found in the crates that it is of, or is of the command.
            if name == "nbc" && !file.ends_with("src/config.rs") {
                continue;
            }
            // Macros make the indices, and a method for each instruction.
            let indices = file.ends_with("ir/src/entity.rs");
            let instructions = file.ends_with("builder/instructions.rs");
            let mut of: Option<String> = None;
            for line in read(&file).lines() {
                if let Some(ty) = implemented(line.trim_start()) {
                    of = Some(ty).filter(|ty| types.contains(ty) || indices && ty == "$name");
                    continue;
                }
                if line == "}" {
                    of = None;
                }
                let Some(function) = function(line) else { continue };
                if let Some(ty) = &of {
                    all.insert(format!("{name}::{ty}::{function}"));
                } else if instructions && function == "$method" {
                    all.insert(format!("{name}::FunctionBuilder::{function}"));
                } else if line.starts_with("pub") && types.contains(&function) {
                    all.insert(format!("{name}::{function}"));
                }
            }
        }
    }
    for line in read("src/matrix_market.rs").lines().filter(|l| l.starts_with("pub")) {
        all.extend(function(line).map(|f| format!("matrix_market::{f}")));
    }
    for line in read("src/npz.rs").lines().filter(|l| l.starts_with("pub")) {
        all.extend(function(line).map(|f| format!("npz::{f}")));
    }
    for line in read("src/npy.rs").lines().filter(|l| l.starts_with("pub")) {
        all.extend(function(line).map(|f| format!("npy::{f}")));
    }
    all
}

#[test]
fn it_finds_what_there_is() {
    let all = declared();
    for name in [
        "ir::Module::decode",
        "ir::FunctionBuilder::$method",
        "ir::format_source",
        "ir::Func::id_in",
        "ir::$name::new",
    ] {
        assert!(all.contains(name), "{name}");
    }
    for name in ["runtime::TypedFunc::call", "runtime::Instance::call", "jit::Jit::settle", "npy::write"] {
        assert!(all.contains(name), "{name}");
    }
    assert!(!all.contains("runtime::Instance::define"), "not public");
    assert!(all.len() > 130, "{}", all.len());
}
