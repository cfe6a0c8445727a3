//! The commands that documents and `--help` show do what they are shown for:
//! each is run, among the files that it names. Benches are timed for a moment
//! only. Programs in documents are sound.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::command::{self, command, folder, nbc};
use support::repository::root;

const PAGES: [&str; 14] = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/bigint.md",
    "docs/benchmarking.md",
    "docs/crypto.md",
    "docs/gpu.md",
    "docs/jit.md",
    "docs/limits.md",
    "docs/linalg.md",
    "docs/modular.md",
    "docs/placement.md",
    "docs/sparse.md",
    "docs/security.md",
    "tests/programs/README.md",
];

const SUBCOMMANDS: [&str; 10] =
    ["run", "asm", "dis", "explain", "verify", "test", "fmt", "info", "bench", "completions"];

/// What documents call `program.nba`.
const PROGRAM: &str = "\
; run: @main() == 3.0
export func @main() -> f64 {
  %x = tensor.full<f64> [3], 1.0
  %r = call @sum(%x)
  ret %r
}
func @f(%a: f64, %b: f64) -> f64 {
  %c = f64.add %a, %b
  ret %c
}
func @sum(%x: tensor<f64>) -> f64 {
  %n = tensor.len %x
  %i = i64.const 0
  %acc = f64.const 0.0
  br loop
loop:
  %more = i64.lt %i, %n
  br_if %more, body, done
done:
  ret %acc
body:
  %v = tensor.load %x, %i
  %acc = call @f(%acc, %v)
  %i = i64.add %i, 1
  br loop
}
";

/// What they call `solve.nba`.
const SOLVE: &str = "\
export func @main(%a: tensor<f64>, %b: tensor<f64>) -> tensor<f64> {
  %x = linalg.matmul %a, %b
  ret %x
}
";

/// A page; some are not written yet.
fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// Whether text is a command, and not the pattern of one.
fn is_command(text: &str) -> bool {
    let starts = ["nbc ", "perf ", "cargo run -- ", "cargo run --release -- "];
    let is_pattern = text.contains("FILE") || text.contains("KERNEL") || text.contains("...");
    starts.iter().any(|s| text.starts_with(s)) && !is_pattern
}

/// Commands of a page: lines of blocks, and spans that name a file.
fn of_page(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block || line.starts_with("    ") {
            found.push(line.split(" #").next().unwrap_or_default().trim().to_owned());
        } else {
            let spans = line.split('`').skip(1).step_by(2);
            found.extend(spans.filter(|s| s.contains(".nba")).map(str::to_owned));
        }
    }
    found.retain(|c| is_command(c));
    found
}

/// The examples in the help of a subcommand, or of the command itself.
fn of_help(subcommand: Option<&str>) -> Vec<String> {
    let args: Vec<&str> = subcommand.into_iter().chain(["--help"]).collect();
    let help = nbc(&args).out;
    let examples =
        help.lines().skip_while(|l| *l != "Examples:").skip(1).take_while(|l| !l.trim().is_empty());
    let found: Vec<String> = examples.map(|l| l.trim().to_owned()).filter(|l| is_command(l)).collect();
    assert!(!found.is_empty(), "no examples in the help of {subcommand:?}");
    found
}

/// The first block of a page that contains `part`.
fn block(path: &str, part: &str) -> String {
    let text = page(path);
    let blocks = text.split("\n```").skip(1).step_by(2);
    let found = blocks.filter_map(|b| b.split_once('\n')).find(|(_, body)| body.contains(part));
    found.unwrap_or_else(|| panic!("no block with {part:?} in {path}")).1.to_owned() + "\n"
}

/// A folder with all that commands name.
fn prepare() -> PathBuf {
    let dir = folder().join("shown");
    let _ = fs::remove_dir_all(&dir);
    for from in ["examples", "benches/programs"] {
        fs::create_dir_all(dir.join(from)).unwrap();
        for entry in fs::read_dir(root().join(from)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "nba") {
                fs::copy(&path, dir.join(from).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    let program = nbc::Module::parse(PROGRAM, "program.nba").unwrap();
    fs::write(dir.join("program.nba"), PROGRAM).unwrap();
    fs::write(dir.join("program.nbc"), program.encode()).unwrap();
    fs::write(dir.join("solve.nba"), SOLVE).unwrap();
    fs::write(dir.join("norm.nba"), block("README.md", "export func @norm")).unwrap();
    fs::write(dir.join("dot.nba"), block("docs/jit.md", "func @dot")).unwrap();
    for (name, dims, data) in
        [("a.npy", &[2, 2][..], &[2.0, 0.0, 0.0, 4.0][..]), ("b.npy", &[2], &[1.0, 1.0])]
    {
        let mut bytes = Vec::new();
        nbc::npy::write(&mut bytes, &nbc::OwnedTensor::from_slice(dims, data).unwrap()).unwrap();
        fs::write(dir.join(name), bytes).unwrap();
    }
    for folder in [".local/share/bash-completion/completions", ".config/fish/completions", ".zfunc"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    dir
}

/// The command as it is run here: by this build, and benches for a moment.
fn adapted(shown: &str) -> String {
    let command = shown.replace("cargo run --release -- ", "nbc ").replace("cargo run -- ", "nbc ");
    if !command.starts_with("nbc bench ") {
        return command;
    }
    let mut words: Vec<&str> = command.split(' ').collect();
    for option in ["--runs", "--min-time"] {
        if let Some(at) = words.iter().position(|w| *w == option) {
            words.drain(at..at + 2);
        }
    }
    words.splice(2..2, ["--runs", "10", "--min-time", "20us"]);
    words.join(" ")
}

#[cfg(unix)]
#[test]
fn commands_that_are_shown_work() {
    let mut commands: Vec<String> = PAGES.iter().flat_map(|p| of_page(&page(p))).collect();
    commands.extend(SUBCOMMANDS.iter().flat_map(|s| of_help(Some(s))));
    commands.extend(of_help(None));
    commands.sort();
    commands.dedup();
    assert!(commands.len() > 30, "{commands:#?}");
    let compiles = !nbc(&["info", "--json"]).out.contains("\"compiles_for\":null");
    let here = |tool: &str| {
        Command::new("sh").args(["-c", &format!("command -v {tool} >&2")]).output().unwrap().status.success()
    };
    let bin = Path::new(env!("CARGO_BIN_EXE_nbc")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut failures = String::new();
    for shown in &commands {
        let missing =
            ["jq", "less"].into_iter().find(|tool| shown.contains(&format!("| {tool}")) && !here(tool));
        if shown.starts_with("perf ") || missing.is_some() || (shown.contains("explain") && !compiles) {
            eprintln!("skipped: {shown}: perf, other tools and a compiler may be missing here");
            continue;
        }
        // Each in a folder as it was: some write what others read.
        let dir = prepare();
        let done = Command::new("sh")
            .args(["-c", &adapted(shown)])
            .current_dir(&dir)
            .env("PATH", &path)
            .env("HOME", &dir)
            .envs([("NBC_TIER", "auto"), ("NBC_PERF", "none")])
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        // What it is asked to say beside the result goes there too.
        let is_asked = shown.contains("--explain-placement");
        if !done.status.success() || !err.is_empty() && !is_asked {
            failures.push_str(&format!(
                "{shown}: {}\n{}{err}\n",
                done.status,
                out.get(..300).unwrap_or(&out)
            ));
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn programs_that_are_shown_are_sound() {
    let mut count = 0;
    for path in PAGES {
        for (i, block) in page(path).split("\n```").skip(1).step_by(2).enumerate() {
            let Some((kind, body)) = block.split_once('\n') else { continue };
            if kind == "text" && body.contains("func @") && body.contains("ret ") {
                let done = command::run(command().args(["verify", "-"]), body.as_bytes());
                assert_eq!(done.code, 0, "block {i} of {path}: {}", done.err);
                count += 1;
            }
        }
    }
    assert!(count >= 3, "{count} programs");
}
