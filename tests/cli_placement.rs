//! `nbc run --cores` and `--explain-placement`, `nbc info --calibrate`, and the file of rates.

use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use support::command::{self, Done, command, file, refuses};

const PROGRAM: &str = "\
export func @main(%turns: i64) -> f64 {
  %x = tensor.random<f64> [400], 1
  %y = tensor.random<f64> [480], 1
  %i = i64.const 0
  br head
head:
  %more = i64.lt %i, %turns
  br_if %more, body, done
body:
  %a = tensor.sqrt %x
  %b = tensor.sqrt %y
  %i = i64.add %i, 1
  br head
done:
  %s = tensor.sum %x
  ret %s
}
export func @fails(%x: tensor<f64>) -> tensor<f64> {
  %y = tensor.random<f64> [400], 1
  %z = linalg.matmul %x, %x
  ret %z
}
";

/// Rates by which other cores are started at once, and endlessly fast; or never.
fn rates(start: &str) -> String {
    format!(
        "nbc rates 1\nunit 1\nproduct 1\nnear 0\nfar 0\ncache 0\narithmetic_gain 1\nbytes_gain 1\nstart {start}\n"
    )
}

/// Runs the command where rates are kept below `cache`.
fn nbc(cache: &Path, args: &[&str]) -> Done {
    command::run(command().env("XDG_CACHE_HOME", cache).args(args), b"")
}

/// An empty folder of that name.
fn folder(name: &str) -> PathBuf {
    let folder = command::folder().join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A folder of that name where such rates are kept.
fn kept(name: &str, text: &[u8]) -> PathBuf {
    let cache = folder(name);
    fs::create_dir_all(cache.join("nbc")).unwrap();
    fs::write(cache.join("nbc/rates"), text).unwrap();
    cache
}

/// The lines of the table for an operation.
fn lines<'t>(done: &'t Done, operation: &str) -> Vec<&'t str> {
    done.err.lines().filter(|l| l.starts_with(operation)).collect()
}

#[test]
fn decisions_are_added_up_and_shown() {
    let program = file("placed.nba", PROGRAM);
    let cache = kept("explained", rates("1e12").as_bytes());
    let done = nbc(&cache, &["run", &program, "5000", "--explain-placement", "--threads", "2"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let [line] = lines(&done, "tensor.sqrt")[..] else { panic!("{}", done.err) };
    for part in ["400..480", "10000", "one core", "all cores 1000 s", "small"] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    assert_eq!(lines(&done, "tensor.random").len(), 1);
    assert!(done.err.lines().count() < 10, "{}", done.err);
    let none = nbc(&cache, &["run", "examples/fibonacci.nba", "5", "--explain-placement"]);
    assert_eq!((none.code, &*none.err), (0, "placement: no operations on arrays\n"));
    // Nobody is told who did not ask.
    assert_eq!(nbc(&cache, &["run", &program, "1"]).err, "");
}

#[test]
fn decisions_are_part_of_the_document() {
    let program = file("placed_json.nba", PROGRAM);
    let cache = kept("document", rates("1e12").as_bytes());
    let done = nbc(&cache, &["run", &program, "3", "--explain-placement", "--json", "--threads", "2"]);
    assert_eq!((done.code, &*done.err), (0, ""));
    let json: Json = serde_json::from_str(&done.out).unwrap();
    let rows = json["placement"].as_array().unwrap();
    let root = rows.iter().find(|row| row["operation"] == "tensor.sqrt").unwrap();
    assert_eq!(
        (&root["times"], &root["choice"], &root["elements"]),
        (&6.into(), &"one core".into(), &serde_json::json!([400, 480]))
    );
    assert_eq!(root["predicted_ns"]["one core"].as_f64().map(|ns| ns > 0.0), Some(true), "{root}");
    assert!(root["measured_ns"].as_f64().unwrap() > 0.0);
    assert_eq!(root["why"]["small"], 6);
    // Also when the program traps, with what ran before.
    let args = ["run", &program, "--invoke", "fails", "[[4, 9, 16]]", "--explain-placement", "--json"];
    let failed = nbc(&cache, &args);
    let json: Json = serde_json::from_str(&failed.out).unwrap();
    assert_eq!((failed.code, &json["placement"][0]["operation"]), (1, &"tensor.random".into()), "{json}");
}

#[test]
fn cores_are_pinned() {
    let program = file("pinned.nba", PROGRAM);
    let cache = kept("pinned", rates("1e12").as_bytes());
    let args = ["run", &program, "10", "--explain-placement", "--threads", "3", "--cores"];
    let mut results = Vec::new();
    for (cores, choice) in [("one", "one core"), ("all", "all cores"), ("auto", "one core")] {
        let done = nbc(&cache, &[&args[..], &[cores]].concat());
        assert_eq!(done.code, 0, "{}", done.err);
        let [line] = lines(&done, "tensor.sqrt")[..] else { panic!("{}", done.err) };
        let ran_on = line.split("  ").filter(|cell| !cell.is_empty()).nth(3).unwrap();
        assert_eq!(ran_on.trim(), choice, "{line}");
        assert!(line.contains(if cores == "auto" { "small" } else { "only" }), "{line}");
        results.push(done.out);
    }
    assert!(results.iter().all(|r| *r == results[0]));
    refuses(&["run", &program, "--cores", "3"], 2, &["--cores", "auto, one, all"]);
}

#[test]
fn rates_that_are_kept_decide() {
    let program = file("kept.nba", PROGRAM);
    let args = ["run", &program, "--invoke", "main", "1", "--explain-placement", "--threads", "2"];
    // Other cores cost nothing.
    let done = nbc(&kept("free", rates("0").as_bytes()), &args);
    let [line, ..] = lines(&done, "tensor.random")[..] else { panic!("{}", done.err) };
    assert!(line.contains("  all cores  ") && line.ends_with("predicted"), "{line}");
    let nowhere = nbc(&folder("nowhere"), &args);
    assert!(lines(&nowhere, "tensor.random")[0].contains("small"), "{}", nowhere.err);
}

#[test]
fn a_broken_file_is_told_of_and_harms_nothing() {
    let program = file("broken.nba", PROGRAM);
    let cases: [(&str, &[u8], &str); 5] = [
        ("empty", b"", "the first line is not \"nbc rates 1\""),
        ("other", b"nbc rates 9\n", "the first line is not"),
        ("short", b"nbc rates 1\nunit 1\n", "product is missing"),
        ("wrong", b"nbc rates 1\nunit fast\n", "line 2: unit has to be a number from 0 on"),
        ("bytes", b"\xff\x1b[31m\0", "UTF-8"),
    ];
    for (name, text, why) in cases {
        let cache = kept(&format!("broken_{name}"), text);
        let done = nbc(&cache, &["run", &program, "2"]);
        assert_eq!(done.code, 0, "{}", done.err);
        let place = cache.join("nbc/rates");
        for part in ["warning: ", place.to_str().unwrap(), why, "help: ", "nbc info --calibrate"] {
            assert!(done.err.contains(part), "{name}: no {part:?} in {}", done.err);
        }
        assert!(!done.err.contains('\x1b'), "{}", done.err);
        assert_eq!(done.out, nbc(&folder("none"), &["run", &program, "2"]).out);
    }
    // A folder, and a folder that is a file.
    let cache = folder("broken_folder");
    fs::create_dir_all(cache.join("nbc/rates")).unwrap();
    assert!(nbc(&cache, &["info"]).err.contains("not a file"));
    let cache = folder("broken_parent");
    fs::create_dir_all(&cache).unwrap();
    fs::write(cache.join("nbc"), "").unwrap();
    assert_eq!(nbc(&cache, &["run", &program, "2"]).err, "");
    let done = nbc(&cache, &["info", "--calibrate"]);
    assert_eq!((done.code, &*done.out), (2, ""));
    assert!(done.err.contains("cannot make"), "{}", done.err);
}

#[test]
fn rates_are_measured_kept_and_used() {
    let cache = folder("calibrated").join("deep");
    assert!(nbc(&cache, &["info"]).out.contains("guessed; nbc info --calibrate measures them"));
    let done = nbc(&cache, &["info", "--calibrate"]);
    assert_eq!((done.code, &*done.err), (0, ""));
    let place = cache.join("nbc/rates");
    let written = fs::read_to_string(&place).unwrap();
    for line in written.lines().skip(1) {
        let name = line.split(' ').next().unwrap();
        assert!(done.out.contains(name), "{name}");
    }
    assert!(done.out.ends_with(&format!("written to {}\n", place.display())), "{}", done.out);
    let info = nbc(&cache, &["info"]);
    assert!(info.out.contains(&format!("from {}", place.display())) && info.err.is_empty(), "{}", info.out);
    let json: Json = serde_json::from_str(&nbc(&cache, &["info", "--json"]).out).unwrap();
    assert_eq!(json["rates_file"], place.to_str().unwrap());
    let start: f64 = written.lines().find_map(|l| l.strip_prefix("start ")).unwrap().parse().unwrap();
    // Readers of JSON may round.
    let shown = json["rates"]["start"].as_f64().unwrap();
    assert!((shown - start).abs() <= 1e-12 * start, "{shown} for {start}");
    refuses(&["info", "--calibrate", "examples/hello.nba"], 2, &["--calibrate"]);
}
