//! Programs that must be refused: every file of `tests/programs/refused`
//! says in its first lines with which message and on which line.

use nbc_ir::{Error, Module};
use std::path::Path;

/// What the comment lines at the top of a file ask for.
fn directives<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    text.lines()
        .take_while(|line| line.starts_with(';'))
        .filter_map(|line| line.trim_start_matches([';', ' ']).strip_prefix(word))
        .map(str::trim)
        .collect()
}

/// The line that each diagnostic points to.
fn lines(error: &Error, text: &str) -> Vec<usize> {
    let spans = error.diagnostics().iter().filter_map(|d| d.span);
    spans.map(|(start, _)| text[..start].matches('\n').count() + 1).collect()
}

/// What is wrong with how the file at `path` is refused, if anything.
fn check(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let refused = directives(&text, "refused:");
    if refused.is_empty() {
        return Err("no `; refused:` line".into());
    }
    let name = path.file_name().unwrap().to_string_lossy();
    let Err(error) = Module::parse(&text, &name).and_then(Module::verify) else {
        return Err("accepted".into());
    };
    let shown = error.render(false);
    for part in refused {
        if !error.to_string().contains(part) {
            return Err(format!("expected {part:?} in\n{shown}"));
        }
    }
    let found = lines(&error, &text);
    let wanted = directives(&text, "line:");
    for line in &wanted {
        let line: usize = line.parse().map_err(|_| format!("`; line: {line}` is no number"))?;
        if !found.contains(&line) {
            return Err(format!("expected an error on line {line}:\n{shown}"));
        }
    }
    if !wanted.is_empty() && wanted.len() != error.diagnostics().len() {
        return Err(format!("expected {} errors:\n{shown}", wanted.len()));
    }
    Ok(())
}

#[test]
fn every_refused_program_is_refused_for_its_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/programs/refused");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "nba"));
    files.sort();
    assert!(files.len() > 60, "only {} files in {}", files.len(), folder.display());
    let mut failures = String::new();
    for path in &files {
        if let Err(why) = check(path) {
            failures.push_str(&format!("{}: {why}\n", path.display()));
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
