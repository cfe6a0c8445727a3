//! What keeps the house in order: sizes and names of files, generated pages,
//! words that must not be left behind, and an example of everything.

use nbc::ir::Opcode;
use nbc::ir::catalogue::CATALOGUE;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use support::repository::{self, root};

const FOLDERS: [&str; 8] =
    ["ir", "runtime", "jit", "src", "tests", "benches", "fuzz/fuzz_targets", "examples"];
const MOST_LINES: usize = 800;
const MOST_WORDS: usize = 25;
/// Pages for people, besides those in `docs`.
const PAGES: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "ir/src/isa/intro.md"];

/// Names and texts of all files whose names end so.
fn sources(extension: &str) -> Vec<(String, String)> {
    let files = FOLDERS.iter().flat_map(|folder| repository::files(folder, extension));
    files.map(|path| (repository::name(&path), repository::read(&path))).collect()
}

/// The lines of a file that are no comments, up to its own tests.
fn code_of(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[track_caller]
fn none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn files_are_short() {
    let lines = |(name, text): (String, String)| (name, text.lines().count());
    let long = sources("rs").into_iter().map(lines).filter(|(_, n)| *n > MOST_LINES);
    // The instruction table's uses are one idea.
    let long = long.filter(|(name, n)| name != "ir/src/inst.rs" || *n > 850);
    none("files over 800 lines", long.map(|(name, n)| format!("{name}: {n}")).collect());
}

#[test]
fn the_checker_stands_by_itself() {
    let of_others = |line: &str| {
        let line = line.trim_start();
        let imports = line.starts_with("use crate::") && !line.starts_with("use crate::mir::");
        let asks = ["midend", "lower::", "nbc_runtime"].iter().any(|word| line.contains(word));
        !line.starts_with("//") && (imports || asks)
    };
    let mut found = Vec::new();
    let is_part = |name: &str| name.starts_with("jit/src/check/") && !name.ends_with("/tests.rs");
    for (name, text) in sources("rs").into_iter().filter(|(name, _)| is_part(name)) {
        found.extend(text.lines().filter(|l| of_others(l)).map(|l| format!("{name}: {l}")));
    }
    none("imports of the checker besides the form", found);
}

/// Where objects are copied, moved, measured or shown, a kind more must not compile
/// before it is known there.
#[test]
fn types_are_matched_without_a_catch_all() {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (name, text) in sources("rs") {
        if !name.starts_with("runtime/src/") || is_of_tests(&name) || name.ends_with("model.rs") {
            continue;
        }
        let code: Vec<&str> = text.split("#[cfg(test)]").next().unwrap_or_default().lines().collect();
        for (at, line) in code.iter().enumerate().filter(|(_, l)| l.trim_start().starts_with("_ =>")) {
            let arms = code[..at].iter().rev().take_while(|l| l.is_empty() || depth(l) >= depth(line));
            let of_types = arms.filter(|l| depth(l) == depth(line)).any(|l| {
                let pattern = l.trim_start();
                let objects = ["Type::Tensor", "Type::List", "Type::Str", "ObjectRef::", "Some(ObjectRef::"];
                objects.iter().any(|o| pattern.starts_with(o)) && pattern.contains("=>")
            });
            if of_types {
                found.push(format!("{name}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    none("a catch-all over types", found);
}

/// Whether a source file holds unit tests only.
fn is_of_tests(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.ends_with("_tests.rs") || name.contains("/tests/")
}

#[test]
fn no_operation_is_matched_by_name() {
    let is_name = |quoted: &str| CATALOGUE.iter().any(|op| op.name == quoted);
    let mut found = Vec::new();
    for (name, text) in sources("rs") {
        let shipped = ["runtime/src/", "jit/src/", "src/"].iter().any(|part| name.starts_with(part));
        // What measures a device names the operations that it times.
        if !shipped || is_of_tests(&name) || name == "src/device_calibration.rs" {
            continue;
        }
        for line in code_of(&text) {
            if line.split('"').skip(1).step_by(2).any(is_name) {
                found.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    none("operations by name: ask a field of the catalogue's row", found);
}

/// Parts of the runtime, each of which may import those before it.
const LAYERS: [&str; 5] = ["machine", "interp", "load", "abi", "engine"];

#[test]
fn layers_of_the_runtime_import_downwards() {
    let layer = |name: &str| LAYERS.iter().position(|l| name.starts_with(&format!("runtime/src/{l}/")));
    let mut found = Vec::new();
    for (name, text) in sources("rs") {
        let Some(own) = layer(&name) else { continue };
        // Tests of a layer are embedders.
        if ["/tests.rs", "/shapes.rs"].iter().any(|end| name.ends_with(end)) {
            continue;
        }
        for line in code_of(&text) {
            let above = LAYERS[own + 1..].iter().find(|l| line.contains(&format!("crate::{l}::")));
            if above.is_some() {
                found.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    none("imports of a layer above", found);
}

#[test]
fn the_plan_knows_the_bytecode_alone() {
    let mut found = Vec::new();
    for (name, text) in sources("rs").into_iter().filter(|(name, _)| name.starts_with("runtime/src/plan/")) {
        let lines = code_of(&text).filter(|line| line.contains("crate::")).map(str::to_owned);
        found.extend(lines.map(|line| format!("{name}: {}", line.trim())));
    }
    none("imports of the plan besides the bytecode's", found);
}

#[test]
fn files_are_named_for_what_they_hold() {
    let grab_bags = ["util", "utils", "common", "helper", "helpers", "manager", "misc", "stuff"];
    let mut found = Vec::new();
    for (name, _) in sources("rs") {
        let stems = Path::new(&name).components().map(|c| c.as_os_str().to_string_lossy().into_owned());
        if stems.into_iter().any(|s| grab_bags.contains(&s.trim_end_matches(".rs"))) {
            found.push(name);
        }
    }
    none("names that say nothing", found);
}

#[test]
fn modules_say_what_they_are() {
    let mut found = Vec::new();
    for (name, text) in sources("rs") {
        if !text.starts_with("//!") {
            found.push(name);
        }
    }
    none("files that do not begin by saying what they are", found);
}

/// The words of each paragraph and list item, without code, tables and headings.
/// A line that is no prose is `None`.
fn paragraphs<'a>(lines: impl Iterator<Item = Option<&'a str>>) -> Vec<Vec<&'a str>> {
    let mut found: Vec<Vec<&str>> = vec![Vec::new()];
    let mut is_code = false;
    for line in lines {
        let line = line.unwrap_or_default();
        let text = line.trim();
        let is_fence = text.starts_with("```");
        is_code ^= is_fence;
        let is_indented = line.starts_with("    ") && found.last().is_some_and(Vec::is_empty);
        let is_prose = !is_code && !is_fence && !is_indented && !text.starts_with(['|', '#']);
        let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_item = text.starts_with("- ") || number.len() < text.len() && number.starts_with(". ");
        if !is_prose || is_item || text.is_empty() {
            found.push(Vec::new());
        }
        if let Some(words) = found.last_mut().filter(|_| is_prose) {
            words.extend(text.split_whitespace());
        }
    }
    found
}

/// The text of a line that is a comment and nothing else.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    let text = text.strip_prefix(['/', '!']).unwrap_or(text);
    Some(text.strip_prefix(' ').unwrap_or(text))
}

/// The sentences of a paragraph that are too long.
fn long_sentences(words: &[&str]) -> Vec<String> {
    let ends = |word: &&str| word.trim_end_matches(['*', ')', '"']).ends_with(['.', ':', ';', '?', '!']);
    let sentences = words.split_inclusive(ends);
    sentences.filter(|words| words.len() > MOST_WORDS).map(|words| words.join(" ")).collect()
}

#[test]
fn sentences_are_short() {
    let mut found = Vec::new();
    let mut look = |name: &str, paragraphs: Vec<Vec<&str>>| {
        let long = paragraphs.iter().flat_map(|words| long_sentences(words));
        found.extend(long.map(|sentence| format!("{name}: {sentence}")));
    };
    for (name, text) in sources("rs") {
        look(&name, paragraphs(text.lines().map(comment)));
    }
    let pages = repository::files("docs", "md").into_iter().chain(PAGES.map(|page| root().join(page)));
    // Made of the introduction and of tables.
    for page in pages.filter(|page| !page.ends_with("docs/isa.md")) {
        look(&repository::name(&page), paragraphs(repository::read(&page).lines().map(Some)));
    }
    none("sentences over 25 words", found);
}

#[test]
fn a_long_sentence_is_seen() {
    let text = format!("# {0}\n\n| {0} |\n\n```\n{0}\n```\n- {0}\n  and so on.\n", "word ".repeat(25));
    let found = paragraphs(text.lines().map(Some));
    let long: Vec<String> = found.iter().flat_map(|words| long_sentences(words)).collect();
    assert_eq!(long, [format!("- {}and so on.", "word ".repeat(25))]);
    let lines = ["/// One.", "//! Two", "// three.", "let x = 1; // Four."].map(comment);
    assert_eq!(lines, [Some("One."), Some("Two"), Some("three."), None]);
}

/// What several tests need is in `tests/support`, of which each part is compiled once and used whole.
#[test]
fn tests_share_by_a_crate() {
    // Put together here, so that this file does not hold them itself.
    let words = [["#[pa", "th"], ["allow(dead", "_code)"], ["allow(unus", "ed"]].map(|w| w.concat());
    let is_shared = |name: &str| ["tests/", "benches/", "fuzz/"].iter().any(|f| name.starts_with(f));
    let mut found = Vec::new();
    for (name, text) in sources("rs") {
        // Macros of what is shipped may leave an operand of theirs unused.
        let words = if is_shared(&name) { &words[..] } else { &words[..2] };
        let lines = text.lines().enumerate().filter(|(_, l)| words.iter().any(|w| l.contains(w.as_str())));
        found.extend(lines.map(|(at, line)| format!("{name}:{}: {}", at + 1, line.trim())));
    }
    none("code that is compiled into several tests, or that none of them needs", found);
}

#[test]
fn nothing_is_left_undone() {
    // Put together here, so that this file does not hold them itself.
    let words = [["to", "do!("], ["unimple", "mented!("], ["FIX", "ME"], ["X", "XX"], ["db", "g!("]]
        .map(|w| w.concat());
    let mut found = Vec::new();
    for (name, text) in sources("rs") {
        for (at, line) in text.lines().enumerate() {
            if words.iter().any(|w| line.contains(w.as_str())) {
                found.push(format!("{name}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    none("words that must not be left behind", found);
}

#[test]
fn unsafe_code_stays_in_its_places() {
    let places = [
        "runtime/numerics/src/lanes/",
        "runtime/numerics/src/run.rs",
        "runtime/numerics/src/crypto/x86.rs",
        "runtime/numerics/src/crypto/tests.rs",
        "runtime/numerics/src/bigint/ifma.rs",
        "runtime/numerics/accuracy/",
        "runtime/src/region/",
        "runtime/src/object/",
        "runtime/src/interp/",
        "runtime/src/load/",
        "runtime/src/machine/",
        "runtime/src/abi/",
        "runtime/src/op/",
        "runtime/src/instance.rs",
        "runtime/src/host.rs",
        "runtime/src/value.rs",
        "runtime/src/device/",
        "runtime/cuda/src/",
        "tests/cudasim/src/lib.rs",
        "runtime/src/stack.rs",
        "runtime/numerics/src/lanes/",
        "runtime/numerics/src/run.rs",
        "runtime/benches/",
        "jit/src/code.rs",
        "jit/src/compiler",
        "jit/src/perf.rs",
        "jit/src/tier.rs",
        "jit/tests/lower/",
        "tests/public_api/devices.rs",
        "tests/steady.rs",
        "src/cli/descriptor.rs",
        "fuzz/",
    ];
    let mut found = Vec::new();
    for (name, text) in sources("rs") {
        let mut lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        let is_unsafe =
            |l: &str| l.contains("unsafe {") || l.contains("unsafe impl") || l.contains("unsafe fn");
        if !places.iter().any(|p| name.starts_with(p)) && name != "tests/tidy.rs" && lines.any(is_unsafe) {
            found.push(name);
        }
    }
    none("unsafe code outside its places (see ARCHITECTURE.md)", found);
    let head = std::fs::read_to_string(root().join("ir/src/lib.rs")).unwrap();
    assert!(head.contains("#![forbid(unsafe_code)]"), "nbc-ir must forbid unsafe code");
}

#[test]
fn the_reference_page_is_current() {
    let page = std::fs::read_to_string(root().join("docs/isa.md")).unwrap();
    assert!(page == nbc::ir::isa::page(), "run BLESS=1 cargo test -p nbc-ir --test isa");
}

/// The first words of all instructions in test programs.
fn words_used() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for (name, text) in sources("nba") {
        if name.contains("/refused/") {
            continue;
        }
        for line in text.lines() {
            let line = line.split(';').next().unwrap_or("");
            let code = line.split_once(" = ").map_or(line, |(_, right)| right);
            let word = code.split_whitespace().next().unwrap_or("");
            words.insert(word.split('<').next().unwrap_or("").to_owned());
        }
    }
    words
}

#[test]
fn every_instruction_occurs_in_a_test_program() {
    let used = words_used();
    // Written by the names of operations.
    let missing = Opcode::ALL.iter().filter(|o| **o != Opcode::CallOp && !used.contains(o.mnemonic()));
    none("instructions that no test program has", missing.map(|o| o.mnemonic().to_owned()).collect());
}

#[test]
fn every_operation_occurs_in_a_test_program() {
    let used = words_used();
    let missing = CATALOGUE.iter().filter(|o| !used.contains(o.name));
    none("operations that no test program has", missing.map(|o| o.name.to_owned()).collect());
}

/// Every package that is built for an embedder, or why that cannot be said.
fn packages_without_the_command() -> Result<BTreeSet<String>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let asked = "tree --package nbc --edges normal --no-default-features --prefix none --offline --locked";
    let answer = Command::new(cargo).args(asked.split(' ')).current_dir(root()).output();
    let answer = answer.map_err(|e| e.to_string())?;
    if !answer.status.success() {
        return Err(String::from_utf8_lossy(&answer.stderr).into_owned());
    }
    let lines = String::from_utf8_lossy(&answer.stdout).into_owned();
    Ok(lines.lines().filter_map(|l| l.split(' ').next()).map(str::to_owned).collect())
}

#[test]
fn embedders_build_nothing_of_the_command() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let own: Vec<&str> = manifest.split("\"dep:").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(own.contains(&"clap") && own.len() > 5, "{own:?}");
    let built = match packages_without_the_command() {
        Ok(built) => built,
        Err(why) => return eprintln!("skipped: cargo does not say what is built: {why}"),
    };
    assert!(built.contains("nbc") && built.contains("nbc-runtime"), "{built:?}");
    let found = own.into_iter().filter(|name| built.contains(*name));
    none("packages of the command that embedders build", found.map(str::to_owned).collect());
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut pages = repository::files("docs", "md");
    pages.extend(repository::files("tests", "md"));
    pages.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|p| root().join(p)));
    let mut broken = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or("");
            let outside = link.contains("://") || file.is_empty() || link.contains(' ');
            if !outside && !page.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    none("links that lead nowhere", broken);
}
