//! The conditions of passes are marked in the source, and `tests/mutants.txt` says of each which test
//! notices that it is dropped.
//!
//! Here is only seen to it that none is unmarked or missing there. What drops them is
//! `tests/mutants`, through `scripts/mutate`, which takes long and is run by hand.

use std::collections::BTreeSet;
use support::conditions::{list, marks};

#[track_caller]
fn none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// Whether a line says why what it refuses is no condition, or has a mark.
fn is_explained(line: &str) -> bool {
    let marks = ["required!(", "forbidden!(", "guard!(", "worth!("];
    marks.iter().any(|mark| line.contains(mark)) || line.contains(" // ")
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The lines that decide about line `at`: its own, and the head of the block that it is in.
fn head<'a>(lines: &[&'a str], at: usize) -> Vec<&'a str> {
    let inner = indentation(lines[at]);
    let mut head = vec![lines[at]];
    let opens = |n: &usize| !lines[*n].trim().is_empty() && indentation(lines[*n]) < inner;
    let Some(open) = (0..at).rev().find(opens) else { return head };
    let outer = indentation(lines[open]);
    for line in lines[..=open].iter().rev() {
        head.push(line);
        // The head goes on above where it is a bracket that stands alone, or closes others.
        let goes_on =
            line.trim_start().starts_with(['{', ')', ']', '}']) || line.trim_start().starts_with("else");
        if indentation(line) == outer && !goes_on {
            break;
        }
    }
    head
}

/// The lines on which something is refused without a mark or a reason: `return None`, `return false`,
/// `continue` and `.then_some(`. The `else` of a `let` and the last arm of a `match` do not count: they
/// say what a thing looks like and leave nothing to go on with.
fn unmarked(text: &str) -> Vec<usize> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines: Vec<&str> = code.lines().collect();
    let refuses = |line: &str| {
        let line = line.split("//").next().unwrap_or_default();
        ["return None", "return false", "continue;", "continue,", "continue }", ".then_some("]
            .iter()
            .any(|word| line.contains(word))
    };
    let is_bare = |at: &usize| {
        let head = head(&lines, *at);
        let has_let = head.iter().any(|l| l.contains("let ")) && head.iter().any(|l| l.contains("else {"));
        let is_shape = ["_ => return None,", "_ => continue,"].contains(&lines[*at].trim());
        refuses(lines[*at]) && !is_shape && !has_let && !head.iter().any(|line| is_explained(line))
    };
    (0..lines.len()).filter(is_bare).map(|at| at + 1).collect()
}

/// Sees early ways out alone. It does not see what follows from a `?`, whose reason is where the
/// `None` is from; conditions of a `match` arm or of an `if` that does something else instead; and
/// functions whose value is a condition. Those have marks where people have put them.
#[test]
fn what_is_refused_has_a_mark_or_a_reason() {
    let mut found = Vec::new();
    for (name, text) in marks::sources() {
        let line = |n: usize| format!("{name}:{n}: {}", text.lines().nth(n - 1).unwrap_or_default().trim());
        found.extend(unmarked(&text).into_iter().map(line));
    }
    none("ways out that are neither marked (jit/src/condition.rs) nor explained on their line", found);
}

#[test]
fn a_refusal_without_a_mark_is_seen() {
    let text = "fn f() -> Option<()> {\n    if a\n        && b\n    {\n        return None;\n    }\n    if required!(c) {\n        \
                return None;\n    }\n    let Some(x) = y else { return None };\n    let Some(x) = y(\n        z,\n    ) \
                else {\n        return None;\n    };\n    for x in y {\n        if x {\n            continue;\n        \
                }\n    }\n    a.then_some(())\n}\n";
    assert_eq!(unmarked(text), [5, 18, 21]);
}

#[test]
fn every_condition_is_in_the_list() {
    let listed: BTreeSet<_> = list::read().iter().map(list::Entry::key).collect();
    let missing = marks::all().into_iter().filter(|mark| !listed.contains(&mark.key()));
    let missing = missing.map(|m| format!("{}:{}: {}", m.file, m.line, m.text)).collect();
    none("conditions that are not in tests/mutants.txt: run `scripts/mutate new`", missing);
}

#[test]
fn the_list_has_no_other_conditions() {
    let marked: BTreeSet<_> = marks::all().iter().map(marks::Mark::key).collect();
    let gone = list::read().into_iter().filter(|entry| !marked.contains(&entry.key()));
    let gone = gone.map(|e| format!("{}: {}", e.file, e.text)).collect();
    none("conditions that are gone: run `scripts/mutate new`", gone);
}

#[test]
fn what_no_test_notices_has_a_reason() {
    let open = list::read().into_iter().filter(|e| !e.is_killed() && e.because.is_none());
    let open = open.map(|e| format!("{}: {}: {}", e.file, e.text, e.result)).collect();
    none("conditions that can be dropped without a test noticing", open);
}
