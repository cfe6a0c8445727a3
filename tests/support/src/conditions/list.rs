//! The list of conditions and of what noticed that they were dropped, `tests/mutants.txt`.
//!
//! A line of a file; below it, with two blanks, its conditions; below each, with four, what came of
//! dropping it: `killed: ` and by what, or `survives: ` and what was tried, and then `because: ` and
//! the reason, which people write and the script keeps.

use super::marks::key;
use crate::repository::root;
use std::path::PathBuf;

/// A condition and what came of dropping it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The file that it is in, from the root on.
    pub file: String,
    /// Its text, as [`super::marks::Mark::text`] has it.
    pub text: String,
    /// `killed: ...` or `survives: ...`.
    pub result: String,
    /// Why nothing has to notice.
    pub because: Option<String>,
}

impl Entry {
    /// What it is known by, however the source is laid out.
    pub fn key(&self) -> (String, String) {
        (self.file.clone(), key(&self.text))
    }

    /// Whether something notices that it is dropped.
    pub fn is_killed(&self) -> bool {
        self.result.starts_with("killed: ")
    }
}

/// Where the list is.
pub fn path() -> PathBuf {
    root().join("tests/mutants.txt")
}

/// What is in the list; nothing if there is none yet.
///
/// # Panics
/// When it is no such list.
pub fn read() -> Vec<Entry> {
    let text = std::fs::read_to_string(path()).unwrap_or_default();
    let mut entries: Vec<Entry> = Vec::new();
    let mut file = String::new();
    for line in text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        match (line.strip_prefix("    "), line.strip_prefix("  "), entries.last_mut()) {
            (Some(result), _, Some(entry)) => match result.strip_prefix("because: ") {
                Some(because) => entry.because = Some(because.to_owned()),
                None => entry.result = result.to_owned(),
            },
            (None, Some(text), _) => {
                let (file, text) = (file.clone(), text.to_owned());
                entries.push(Entry { file, text, result: String::new(), because: None });
            }
            (None, None, _) => file = line.to_owned(),
            (Some(_), _, None) => panic!("{}: a result without a condition: {line}", path().display()),
        }
    }
    entries
}

/// Writes the list.
///
/// # Panics
/// When it cannot be written.
pub fn write(entries: &[Entry]) {
    std::fs::write(path(), print(entries)).expect("the list can be written");
}

/// The list as text.
fn print(entries: &[Entry]) -> String {
    let mut text = String::from(
        "# Each marked condition of passes and analyses (jit/src/condition.rs), and which test notices that\n\
         # it is dropped. Written by scripts/mutate, which keeps the lines that begin with `because:`.\n",
    );
    let mut file = "";
    for entry in entries {
        if entry.file != file {
            file = &entry.file;
            text += &format!("\n{file}\n");
        }
        text += &format!("  {}\n    {}\n", entry.text, entry.result);
        if let Some(because) = entry.because.as_ref().filter(|_| !entry.is_killed()) {
            text += &format!("    because: {because}\n");
        }
    }
    text
}
