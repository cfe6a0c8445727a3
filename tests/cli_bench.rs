//! `nbc bench` from outside: what it measures and shows, and what it says to
//! what cannot be timed. Here runs are too short to mean anything.

use serde_json::Value as Json;
use support::command::{self, Done, command, file, run};

const QUICK: [&str; 4] = ["--runs", "10", "--min-time", "20us"];

fn bench_with(args: &[&str], input: &[u8]) -> Done {
    run(command().arg("bench").args(args), input)
}

/// Runs with few and short runs.
fn bench(args: &[&str]) -> Done {
    bench_with(&[&QUICK[..], args].concat(), b"")
}

fn json(args: &[&str]) -> (i32, Json) {
    let done = bench(&[&["--json"], args].concat());
    (done.code, serde_json::from_str(&done.out).unwrap_or_else(|e| panic!("{e}: {}", done.out)))
}

/// Wants an exit status, no output, and a message with `parts`.
#[track_caller]
fn refuses(args: &[&str], code: i32, parts: &[&str]) {
    command::refuses(&[&["bench"], args].concat(), code, parts);
}

const SOUND: &str = r#"import func @console.print(str)
const @go: str = "go\n"
export func @bench_add() -> i64 {
  %r = i64.add 40, 2
  ret %r
}
export func @bench_print() {
  %s = const.get @go
  call @console.print(%s)
  ret
}
export func @bench_many() -> (tensor<f64>, str, f64) {
  %t = tensor.zeros<f64> [2]
  %s = const.get @go
  ret %t, %s, nan
}
export func @not_a_bench(%n: i64) -> i64 {
  %m = i64.mul %n, %n
  ret %m
}
func @bench_private() {
  ret
}
"#;

const TRAPS: &str = "export global @calls: i64 = 0
export func @bench_good() -> i64 {
  ret 1
}
export func @bench_zero() -> i64 {
  %z = i64.const 0
  %r = i64.div 1, %z
  ret %r
}
export func @bench_tired() -> i64 {
  %n = global.get @calls
  %n = i64.add %n, 1
  global.set @calls, %n
  %left = i64.sub 5, %n
  %r = i64.div 1, %left
  ret %r
}
export func @bench_fine() -> f64 {
  ret 2.0
}
";

#[test]
fn the_table_has_every_bench() {
    let source = file("table.nba", SOUND);
    let done = bench(&[&source]);
    // Nobody looks at a bar in a pipe.
    assert_eq!((done.code, &*done.err), (0, ""), "{}", done.out);
    for part in [
        "@bench_add\n",
        "@bench_print\n",
        "@bench_many\n",
        "    interpreter ",
        "    JIT ",
        "JIT / interpreter  ",
        "95 %",
        "±",
        "deviation",
        "minimum",
        "times as fast",
        "compiled   ",
        "KiB of code",
        "warm ",
        "at least 20.00 µs",
        "10 runs",
        "geometric mean of 3",
        env!("CARGO_PKG_VERSION"),
    ] {
        assert!(done.out.contains(part), "no {part:?} in\n{}", done.out);
    }
    // What benches print is no part of the table.
    assert!(!done.out.contains("go\n") && !done.out.contains("private") && !done.out.contains("not_a"));
    assert_eq!(done.out.contains("debug build"), cfg!(debug_assertions));
}

#[test]
fn the_examples_are_timed() {
    let done = bench(&["examples/bench_sums.nba", "--runs", "10"]);
    assert_ne!(done.code, 0, "an option given twice is a mistake");
    let done = bench(&["examples/bench_sums.nba"]);
    assert_eq!((done.code, &*done.err), (0, ""));
    assert!(done.out.contains("@bench_dot") && done.out.contains("@bench_sieve"), "{}", done.out);
}

#[test]
fn json_has_every_sample() {
    let source = file("json.nba", SOUND);
    let (code, document) = json(&[&source]);
    assert_eq!((code, &document["schema"], &document["runs"]), (0, &1.into(), &10.into()));
    assert_eq!((&document["min_time_seconds"], &document["confidence"]), (&20e-6.into(), &0.95.into()));
    assert!(document["recorded"].as_u64().unwrap() > 1_700_000_000);
    for key in ["cpu", "architecture", "system", "nbc", "build", "dispatch", "simd"] {
        assert!(document["machine"][key].as_str().is_some_and(|s| !s.is_empty()), "{key}");
    }
    assert!(document["machine"]["cores"].as_u64().unwrap() > 0);
    assert_eq!(document["failures"], serde_json::json!([]));
    let benches = document["benches"].as_array().unwrap();
    let names: Vec<&str> = benches.iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bench_add", "bench_print", "bench_many"]);
    assert_eq!(benches[0]["results"], serde_json::json!([42]));
    assert_eq!(benches[0]["fuel"], 2);
    let tensor = serde_json::json!({ "elem": "f64", "dims": [2], "data": [0.0, 0.0] });
    assert_eq!(benches[2]["results"], serde_json::json!([tensor, "go\n", "nan"]));
    for bench in benches {
        assert_eq!(bench["file"], *source);
        for tier in ["interpreter", "jit"] {
            let tier = &bench[tier];
            let samples: Vec<f64> =
                tier["seconds"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).collect();
            assert_eq!(samples.len(), 10);
            assert!(samples.iter().all(|s| *s > 0.0));
            assert!(tier["calls_per_run"].as_u64().unwrap() >= 1);
            let number = |key: &str| tier[key].as_f64().unwrap();
            let mean = samples.iter().sum::<f64>() / 10.0;
            assert!((number("mean") - mean).abs() <= 1e-12 * mean);
            assert_eq!(number("minimum"), samples.iter().copied().fold(f64::INFINITY, f64::min));
            assert!(number("low") <= mean && mean <= number("high") && number("deviation") >= 0.0);
            assert!(number("median") >= number("minimum"));
        }
        let ratio = |key: &str| bench["ratio"][key].as_f64().unwrap();
        assert!(ratio("low") > 0.0 && ratio("low") <= ratio("value") && ratio("value") <= ratio("high"));
        // Whatever is called is compiled, or it is said that it could not be.
        let compiled = |key: &str| bench["compiled"][key].as_u64().unwrap();
        assert!(compiled("functions") + compiled("failed") >= 1);
        assert!(compiled("functions") == 0 || compiled("code_bytes") > 0);
        assert!(bench["compiled"]["seconds"].as_f64().unwrap() > 0.0);
        let curve = bench["warm_up"]["curve"].as_array().unwrap();
        assert_eq!(curve[0][0], 1);
        assert!(curve.iter().all(|point| point[1].as_f64().unwrap() > 0.0));
    }
    assert!(document["ratio_geometric_mean"].as_f64().unwrap() > 0.0);
}

#[test]
fn markdown_is_a_table() {
    let source = file("markdown.nba", SOUND);
    let done = bench(&["--markdown", &source]);
    assert_eq!((done.code, &*done.err), (0, ""));
    let rows: Vec<&str> = done.out.lines().filter(|l| l.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + 3 + 1, "{}", done.out);
    assert!(rows.iter().all(|r| r.matches('|').count() == rows[0].matches('|').count()), "{}", done.out);
    assert!(rows[2].contains("`@bench_add`") && rows[5].contains("geometric mean"));
}

#[test]
fn another_function_is_timed_with_arguments() {
    let source = file("invoke.nba", SOUND);
    let (code, document) = json(&[&source, "--invoke", "not_a_bench", "-9"]);
    let bench = &document["benches"][0];
    assert_eq!((code, &bench["name"], &bench["arguments"][0]), (0, &"not_a_bench".into(), &"-9".into()));
    assert_eq!(bench["results"], serde_json::json!([81]));
    assert_eq!(document["benches"].as_array().unwrap().len(), 1);
    let done =
        bench_with(&[&source, "--invoke", "@not_a_bench", "7", "--runs", "10", "--min-time", "20us"], b"");
    assert!(done.code == 0 && done.out.contains("@not_a_bench(7)"), "{}{}", done.out, done.err);
    refuses(&[&source, "--invoke", "not_a_bench"], 2, &["takes 1 argument, found 0"]);
    refuses(&[&source, "--invoke", "not_a_bench", "1", "2"], 2, &["takes 1 argument, found 2"]);
    refuses(&[&source, "--invoke", "not_a_bench", "x"], 2, &["argument 1 of @not_a_bench"]);
    refuses(
        &[&source, "--invoke", "bench_private"],
        2,
        &["no exported function @bench_private", "@bench_add"],
    );
    refuses(&["--invoke", "main", "file.nba"], 2, &["<FILE>"]);
}

#[test]
fn binaries_and_standard_input_are_read() {
    let done = bench_with(&[&QUICK[..], &["-"]].concat(), SOUND.as_bytes());
    assert!(done.code == 0 && done.out.contains("@bench_add"), "{}{}", done.out, done.err);
    let module = nbc::Module::parse(SOUND, "sound.nba").unwrap();
    let binary = file("binary.nbc", module.encode());
    let source = file("binary.nba", SOUND);
    let (code, document) = json(&[&source, &binary]);
    let files: Vec<&Json> = document["benches"].as_array().unwrap().iter().map(|b| &b["file"]).collect();
    assert_eq!((code, files.len()), (0, 6));
    assert!(files[0] == source.as_str() && files[5] == binary.as_str());
}

#[test]
fn nothing_is_timed_when_a_file_is_no_good() {
    let sound = file("sound.nba", SOUND);
    let none = file("none.nba", "export func @main(%n: i64) -> i64 {\n  ret %n\n}");
    let parameters = file("parameters.nba", "export func @bench_n(%n: i64) -> i64 {\n  ret %n\n}");
    let unsound = file("unsound.nba", "export func @bench_n() -> i64 {\n  ret true\n}");
    let greedy = file(
        "greedy.nba",
        "import func @clock.now() -> i64\nexport func @bench_n() -> i64 {\n  %t = call @clock.now()\n  ret %t\n}",
    );
    refuses(&[], 2, &["<FILE>"]);
    refuses(&[&sound, "absent.nba"], 2, &["cannot read absent.nba"]);
    refuses(&[&sound, &none], 2, &["none.nba has no bench", "bench_", "help: add", "--invoke NAME"]);
    refuses(&[&parameters], 2, &["@bench_n(i64) -> i64 is no bench", "--invoke bench_n ARGS"]);
    refuses(&[&unsound], 2, &["unsound.nba:2"]);
    let done = bench(&[&greedy]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("clock.now() -> i64: not given"), "{}", done.err);
}

#[test]
fn wrong_options_are_refused() {
    let source = file("options.nba", SOUND);
    for runs in ["0", "9", "many", "1.5", "-1", "99999999999999999999", "1000001"] {
        refuses(&[&source, &format!("--runs={runs}")], 2, &["--runs", "runs"]);
    }
    for time in ["0", "1ns", "2h", "soon", "-1s", "nan"] {
        refuses(&[&source, &format!("--min-time={time}")], 2, &["--min-time"]);
    }
    let done = bench_with(&[&source, "--json", "--markdown"], b"");
    assert!(done.code == 2 && done.out.contains("cannot be used with '--markdown'"), "{}", done.out);
    refuses(&[&source, "--dispatch", "magic"], 2, &["match"]);
    let done = bench_with(&[&source, "--runs", "3", "--json"], b"");
    let error = serde_json::from_str::<Json>(&done.out).unwrap()["error"].clone();
    assert_eq!((done.code, &*done.err, &error["kind"]), (2, "", &"usage".into()));
    assert!(error["message"].as_str().unwrap().contains("at least 10 runs"), "{error}");
}

#[test]
fn a_bench_that_traps_does_not_stop_the_others() {
    let source = file("traps.nba", TRAPS);
    let done = bench(&[&source]);
    assert_eq!(done.code, 1);
    for part in
        ["@bench_good", "@bench_zero\n    not timed: it traps", "@bench_tired\n    not timed", "@bench_fine"]
    {
        assert!(done.out.contains(part), "no {part:?} in\n{}", done.out);
    }
    assert!(done.out.contains("geometric mean of 2"), "{}", done.out);
    for part in [
        "at @bench_zero, line 7",
        "traps.nba:7 | %r = i64.div 1, %z",
        // Only its fifth call traps.
        "at @bench_tired, line 15",
        "division by zero",
    ] {
        assert!(done.err.contains(part), "no {part:?} in\n{}", done.err);
    }

    let (code, document) = json(&[&source]);
    assert_eq!((code, document["benches"].as_array().unwrap().len()), (1, 2));
    let failures = document["failures"].as_array().unwrap();
    assert_eq!((failures.len(), &failures[0]["name"]), (2, &"bench_zero".into()));
    assert_eq!(failures[1]["error"]["frames"][0]["line"], 15);
    // One document, which has the failures too.
    let done = bench(&["--json", &source, "--invoke", "bench_zero"]);
    let document: Json = serde_json::from_str(&done.out).unwrap();
    assert_eq!((done.code, &*done.err), (1, ""));
    assert_eq!(document["failures"][0]["error"]["frames"][0]["line"], 7);
}

#[test]
fn a_bench_that_takes_too_long_is_given_up() {
    let source = file(
        "endless.nba",
        "export func @bench_endless() {\n  br again\nagain:\n  br again\n}\nexport func @bench_good() -> i64 {\n  ret 1\n}\n",
    );
    let done = bench(&["--timeout", "100ms", &source]);
    assert!(done.code == 1 && done.err.contains("trap: timeout"), "{}", done.err);
    assert!(done.out.contains("@bench_endless\n    not timed: it traps"), "{}", done.out);
    assert!(done.out.contains("@bench_good\n    interpreter"), "{}", done.out);
}

#[test]
fn texts_without_end_are_compared() {
    let source = file(
        "chatty.nba",
        r#"import func @console.print(str)
const @go: str = "a line that is printed\n"
export func @bench_chatty() -> list<i64> {
  %i = i64.const 0
  %s = const.get @go
  br again
again:
  call @console.print(%s)
  %i = i64.add %i, 1
  %more = i64.lt %i, 20000
  br_if %more, again, done
done:
  %l = list.new %i, 7
  ret %l
}
"#,
    );
    let (code, document) = json(&[&source]);
    assert_eq!((code, &document["benches"][0]["results"][0]), (0, &serde_json::json!({ "items": 20000 })));
}

#[test]
fn large_results_are_not_written_down() {
    let source = file(
        "large.nba",
        "export func @bench_zeros() -> tensor<u8> {\n  %t = tensor.zeros<u8> [1001]\n  ret %t\n}",
    );
    let (code, document) = json(&[&source]);
    let result = serde_json::json!({ "elem": "u8", "dims": [1001] });
    assert_eq!((code, &document["benches"][0]["results"][0]), (0, &result));
}

#[test]
fn help_says_how() {
    let help = bench_with(&["--help"], b"");
    assert_eq!(help.code, 0);
    for part in ["--invoke", "--runs", "--min-time", "--json", "--markdown", "Examples:", "Exit status"] {
        assert!(help.out.contains(part), "{part}");
    }
    assert!(help.out.lines().all(|l| l.chars().count() <= 100), "{}", help.out);
}
