//! The files of this repository that tests look at.

use std::path::{Path, PathBuf};

/// Where programs are that the verifier accepts, most of which say what they do.
pub const PROGRAMS: [&str; 7] = [
    "tests/programs/returns",
    "tests/programs/traps",
    "tests/programs/regions",
    "tests/programs/tiers",
    "tests/programs/natural",
    "examples",
    "benches/programs",
];

/// Where programs are that must be refused.
pub const REFUSED: &str = "tests/programs/refused";

/// The folder that everything is in.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate lies two folders deep")
}

/// A path as it is shown: from the root on.
pub fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// What is in a file.
///
/// # Panics
/// When it cannot be read as text.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", name(path)))
}

/// The files of a folder and of those in it, in order, whose names end in `.` and `extension`.
/// What is built is left out.
///
/// # Panics
/// When there is no such folder.
pub fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    assert!(folder.is_dir(), "{} is no folder", folder.display());
    let mut found = Vec::new();
    collect(&folder, extension, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|e| Some(e.ok()?.path())) {
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, extension, found);
            }
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}
