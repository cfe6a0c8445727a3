//! Finds in the source what `jit/src/condition.rs` marks.

use crate::repository;
use std::path::Path;

/// Where the passes are, and what they ask.
pub const FOLDERS: [&str; 2] = ["jit/src/midend/pass", "jit/src/midend/analysis"];

const KINDS: [&str; 3] = ["required", "forbidden", "guard"];

/// A condition that can be dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The file that it is in, from the root on.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// Of the first letter of the macro, from 1.
    pub column: u32,
    /// The macro, what is in it, and a number if the file has the same several times.
    pub text: String,
}

impl Mark {
    /// What it is known by in the list, however the source is laid out.
    pub fn key(&self) -> (String, String) {
        (self.file.clone(), key(&self.text))
    }
}

/// A text without what only lays it out.
pub fn key(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    text.replace(",)", ")").replace(",}", "}")
}

/// Files that are there in tests only.
fn is_test(path: &Path) -> bool {
    ["tests.rs", "brute_force.rs"].iter().any(|name| path.ends_with(name))
}

/// Name and text of each file of the passes and analyses.
pub fn sources() -> Vec<(String, String)> {
    let files = FOLDERS.iter().flat_map(|folder| repository::files(folder, "rs"));
    let mut found: Vec<(String, String)> = files
        .filter(|path| !is_test(path))
        .map(|path| (repository::name(&path), repository::read(&path)))
        .collect();
    found.sort();
    found
}

/// All marks, in order.
pub fn all() -> Vec<Mark> {
    sources().into_iter().flat_map(|(file, text)| of_file(&file, &text)).collect()
}

/// The marks of one file.
///
/// # Panics
/// When one has no end.
pub fn of_file(file: &str, text: &str) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    let mut begin = 0;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let code = if line.trim_start().starts_with("//") { "" } else { line };
        let mut places: Vec<(usize, &str)> =
            KINDS.iter().flat_map(|kind| starts(code, kind).map(move |at| (at, *kind))).collect();
        places.sort_unstable();
        for (at, kind) in places {
            let inside = &text[begin + at + kind.len() + 2..];
            let inside =
                &inside[..closing(inside).unwrap_or_else(|| panic!("{file}:{number}: never closed"))];
            let inside = inside.split_whitespace().collect::<Vec<_>>().join(" ");
            let text = format!("{kind}: {}", inside.trim_end_matches(','));
            marks.push(Mark { file: file.to_owned(), line: number, column: at as u32 + 1, text });
        }
        begin += line.len();
    }
    let texts: Vec<String> = marks.iter().map(|m| key(&m.text)).collect();
    for (n, mark) in marks.iter_mut().enumerate() {
        let same = texts[..n].iter().filter(|t| **t == texts[n]).count();
        if same > 0 {
            mark.text += &format!(" ({})", same + 1);
        }
    }
    marks
}

/// Where a macro of that name is called in a line.
fn starts<'a>(line: &'a str, kind: &'a str) -> impl Iterator<Item = usize> + 'a {
    line.match_indices(kind).map(|(at, _)| at).filter(move |at| {
        let begins = !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        begins && line[at + kind.len()..].starts_with("!(")
    })
}

/// Where the bracket is closed that was opened before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth == 0 {
            return Some(at);
        }
    }
    None
}
