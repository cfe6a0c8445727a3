//! Compiled code seen from outside: `nbc explain`, files for Linux `perf`, and
//! backtraces that are the interpreter's.

use serde_json::Value as Json;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::command::{self, Done, command, file, folder, nbc, run};

fn nbc_in(args: &[&str], environment: &[(&str, &str)]) -> Done {
    run(command().envs(environment.iter().copied()).args(args), b"")
}

/// Runs, and wants output and no error.
#[track_caller]
fn shows(args: &[&str]) -> String {
    let done = nbc(args);
    assert_eq!((done.code, &*done.err), (0, ""), "{args:?}");
    done.out
}

/// Runs, and wants exit status 2, no output, and a message with `parts`.
#[track_caller]
fn refuses(args: &[&str], parts: &[&str]) {
    command::refuses(args, 2, parts);
}

/// Whether anything can be compiled here; says so if not.
fn compiles() -> bool {
    let info: Json = serde_json::from_str(&shows(&["info", "--json"])).unwrap();
    let compiles = info["compiles_for"].is_string();
    if !compiles {
        eprintln!("skipped: Cranelift does not know this processor");
    }
    compiles
}

const SUM: &str = "\
import func @console.print(str)
func @half(%v: f64) -> f64 {
  %h = f64.mul %v, 0.5
  ret %h
}
export func @sum(%x: tensor<f64>) -> f64 {
  %n   = tensor.len %x
  %i   = i64.const 0
  %acc = f64.const 0.0
  br loop
loop:
  %more = i64.lt %i, %n
  br_if %more, body, done
body:
  %v   = tensor.load %x, %i
  %h   = call @half(%v)
  %acc = f64.add %acc, %h
  %i   = i64.add %i, 1
  br loop
done:
  ret %acc
dead:
  br dead
}
";

#[test]
fn explain_shows_each_step() {
    if !compiles() {
        return;
    }
    let sum = file("sum.nba", SUM);
    let text = shows(&["explain", &sum, "--function", "sum"]);
    let parts: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("--- ")).collect();
    assert!(parts.starts_with(&["legend", "bytecode"]), "{parts:?}");
    assert!(parts.ends_with(&["clif", "code"]), "{parts:?}");
    let position = |part| parts.iter().position(|p| *p == part);
    let order: Vec<_> = ["inline", "simplify", "rotate", "loop_versioning", "poll"].map(position).to_vec();
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{parts:?}");

    let only = |part: &str| shows(&["explain", &sum, "--function", "@sum", "--only", part]);
    // Each part by itself is what stands there in the whole.
    for part in parts.iter().filter(|p| !["clif", "code"].contains(p)) {
        assert!(text.contains(&format!("--- {part}\n{}", only(part))), "{part}");
    }
    assert!(only("bytecode").contains("= call "), "{}", only("bytecode"));
    assert!(!only("inline").contains("= call "), "{}", only("inline"));
    assert!(only("rotate").contains("tensor.load"), "{}", only("rotate"));
    assert!(!only("loop_versioning").contains("tensor.load"), "{}", only("loop_versioning"));
    assert!(only("clif").starts_with("function "));
    // What has a name in the program has it here, too.
    for part in
        ["func @sum(%x: tensor<f64>) {", "\nbody:\n", "%h = call @half(%v)", "br_if %more, body, done"]
    {
        assert!(only("bytecode").contains(part), "no {part:?} in\n{}", only("bytecode"));
    }
    assert!(
        only("inline").contains("  ; of @half\n") && only("inline").contains("f64.mul %v.",),
        "{}",
        only("inline")
    );
    let legend = only("legend");
    for part in ["  field  ", "  load  ", "  charge  ", "  ; of  ", "%x.57"] {
        assert!(legend.contains(part), "no {part:?} in\n{legend}");
    }
    // Only what occurs.
    assert!(!legend.contains("  lanewise") && !legend.contains("  prepay"), "{legend}");
    let document: Json =
        serde_json::from_str(&shows(&["explain", &sum, "-f", "sum", "--json", "--only", "bytecode"]))
            .unwrap();
    assert_eq!(document["function"], "sum");
    assert_eq!(document["parts"], serde_json::json!([{ "name": "bytecode", "text": only("bytecode") }]));
    let code = only("code");
    assert!(code.contains("; @sum line 17: %acc = f64.add %acc, %h\n"), "{code}");
    #[cfg(target_arch = "x86_64")]
    assert!(code.contains("mulsd") && code.contains("ret\n") && !code.contains("(bad)"), "{code}");

    assert!(
        shows(&["explain", &sum, "--function", "sum", "--fuel", "--only", "charge"]).contains("  charge 4\n")
    );
    // A binary without source shows instructions instead of lines.
    let binary = file("sum.nbc", "");
    assert_eq!(shows(&["asm", "--strip", &sum, "-o", &binary]), "");
    let code = shows(&["explain", &binary, "--function", "sum", "--only", "code"]);
    assert!(code.contains("block2:"), "{code}");
}

const NAMES: &str = "\
global @total: f64 = 0.0
const @text: str = \"t\"
func @twice(%v: f64) -> f64 {
  %w = f64.add %v, %v
  ret %w
}
export func @main(%t: tensor<f64>) -> (f64, tensor<f64>) {
  global.set @total, 1.5
  %s = const.get @text
  %f = func.ref @twice
  %m = tensor.mul %t, %t
  %z = tensor.zeros<f64> [2]
  %n = tensor.sum %m
  %q = call @twice(%n)
  ret %q, %z
}
";

#[test]
fn explain_names_all_kinds_of_things() {
    if !compiles() {
        return;
    }
    let names = file("kinds.nba", NAMES);
    let text = shows(&["explain", &names, "--only", "bytecode"]);
    for part in [
        "global.set @total, 1.5",
        "%s = const.get @text",
        "%f = func.ref @twice",
        "%m = tensor.mul<f64> %t, %t",
        "%z = tensor.zeros<f64> 2",
        "%q = call @twice(%n)",
        "ret %q, %z",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    for number in ["func0", "op0", "global0", "const0", "%0", "%1"] {
        assert!(!text.contains(number), "{number} in\n{text}");
    }
}

#[test]
fn explain_goes_on_with_runs() {
    if !compiles() {
        return;
    }
    let sum = file("resumed.nba", SUM);
    let resumed =
        |place: &str| shows(&["explain", &sum, "--function", "sum", "--resume", place, "--only", "bytecode"]);
    assert_eq!(resumed("1"), resumed("1:0"));
    let first = |place: &str, only: &str| {
        let args = ["explain", &sum, "--function", "sum", "--resume", place, "--only", only];
        shows(&args).lines().next().unwrap().to_owned()
    };
    assert!(first("1", "simplify").starts_with("func @sum resumed (%x: tensor<f64> = slot 0"));
    assert!(first("2:1", "clif").starts_with("function u0:0(i64, i64, i64) -> i64"));
    for place in ["9", "1:9", "4:0"] {
        let args = ["explain", &sum, "--function", "sum", "--resume", place];
        refuses(&args, &["no such instruction is ever run"]);
    }
    for place in ["x", "", "1:", "-1", "99999999999"] {
        refuses(&["explain", &sum, &format!("--resume={place}")], &["expected numbers such as 3 or 3:1"]);
    }
}

#[test]
#[cfg(unix)]
fn explain_needs_no_stack_of_the_shell() {
    if !compiles() {
        return;
    }
    let sum = file("stack.nba", SUM);
    // As much as the command itself takes, which is more without optimisation.
    let stack = if cfg!(debug_assertions) { 1024 } else { 64 };
    let line = format!("ulimit -s {stack}; exec \"$0\" explain \"$1\" --function sum --only code");
    let done = run(Command::new("sh").args(["-c", &line, env!("CARGO_BIN_EXE_nbc"), &sum]), b"");
    assert_eq!((done.code, &*done.err), (0, ""));
    assert!(done.out.contains("; @sum line "), "{}", done.out);
}

#[test]
fn explain_says_what_there_is() {
    if !compiles() {
        return;
    }
    let sum = file("names.nba", SUM);
    refuses(&["explain", &sum], &["name a function with --function; there are @half, @sum"]);
    refuses(&["explain", &sum, "-f", "product"], &["there is no function @product; there are @half, @sum"]);
    refuses(&["explain", &sum, "-f", "console.print"], &["@console.print is a function of the host"]);
    refuses(
        &["explain", &sum, "-f", "sum", "--only", "magic"],
        &["the parts are legend, bytecode, ", ", clif, code"],
    );
    refuses(&["explain", "nope.nba"], &["cannot read nope.nba"]);
    let unsound = file("unsound.nba", "func @f() -> i64 {\n  ret %x\n}\n");
    refuses(&["explain", &unsound], &["unsound.nba:2"]);
    let error = |args: &[&str]| {
        let done = nbc(&[&["explain", "--json"], args].concat());
        assert_eq!((done.code, &*done.err), (2, ""));
        serde_json::from_str::<Json>(&done.out).expect(&done.out)["error"].clone()
    };
    assert_eq!(error(&["nope.nba"])["kind"], "input");
    assert_eq!(error(&[&unsound])["diagnostics"][0]["line"], 2);
    let e = error(&[&sum, "-f", "product"]);
    assert_eq!((&e["kind"], e["message"].as_str().is_some()), (&"usage".into(), true));
    assert_eq!(error(&[&sum, "-f", "sum", "--resume", "x"])["kind"], "usage");
    assert!(nbc(&["explain", "--help"]).out.contains("docs/jit.md"));
    // What is not asked for by name: main, or the only one there is.
    assert!(shows(&["explain", "examples/hello.nba"]).contains("func @main("));
    let help = nbc(&["explain", "--help"]).out;
    assert!(help.lines().all(|l| l.chars().count() <= 100), "{help}");
}

#[test]
fn info_names_the_tiers() {
    let info: Json = serde_json::from_str(&shows(&["info", "--json"])).unwrap();
    let text = shows(&["info"]);
    let line = text.lines().find_map(|l| l.strip_prefix("tiers")).unwrap().trim();
    if compiles() {
        assert_eq!(info["tiers"], serde_json::json!(["interpreter", "compiler"]));
        let isa = info["compiles_for"].as_str().unwrap();
        assert_eq!(line, format!("interpreter and compiler (Cranelift, {isa})"));
        if cfg!(target_arch = "x86_64") {
            assert_eq!(isa, "x64");
        }
    } else {
        assert_eq!((info["tiers"].clone(), line), (serde_json::json!(["interpreter"]), "interpreter"));
    }
}

const TRAPS: &str = "\
func @ratio(%a: i64, %b: i64) -> i64 {
  %d = i64.sub %b, %a
  %r = i64.div %a, %d
  ret %r
}
func @twice(%a: i64, %b: i64) -> i64 {
  %r = call @ratio(%a, %b)
  %s = i64.mul %r, 2
  ret %s
}
export func @inlined(%n: i64) -> i64 {
  %r = call @twice(1, 3)
  %s = call @twice(%n, 7)
  %t = i64.add %r, %s
  ret %t
}
export func @recursive(%n: i64) -> i64 {
  %down = i64.gt %n, 0
  br_if %down, more, bottom
more:
  %m = i64.sub %n, 1
  %r = call @recursive(%m)
  %s = i64.xor %r, %n
  ret %s
bottom:
  %t = call @ratio(%n, 0)
  ret %t
}
export func @even(%n: i64) -> i64 {
  %more = i64.gt %n, 0
  br_if %more, down, end
down:
  %m = i64.sub %n, 1
  %r = call @odd(%m)
  ret %r
end:
  trap
}
func @odd(%n: i64) -> i64 {
  %more = i64.gt %n, 0
  br_if %more, down, end
down:
  %m = i64.sub %n, 1
  %r = call @even(%m)
  ret %r
end:
  %x = call @ratio(%n, %n)
  ret %x
}
export func @loop(%n: i64) -> i64 {
  %i = i64.const 0
  %s = i64.const 0
  br again
again:
  %i = i64.add %i, 1
  %r = call @twice(%i, %n)
  %s = i64.add %s, %r
  br again
}
export func @elements(%n: i64) -> f64 {
  %t = tensor.zeros<f64> [%n]
  %i = i64.const 0
  %s = f64.const 0.0
  %end = i64.add %n, 1
  br head
head:
  %more = i64.lt %i, %end
  br_if %more, body, done
body:
  %v = tensor.load %t, %i
  %s = f64.add %s, %v
  %i = i64.add %i, 1
  br head
done:
  ret %s
}
export func @mapped(%n: i64) -> f64 {
  %t = tensor.zeros<i64> [%n]
  %f = func.ref @inverse
  %u = tensor.map %t, %f
  %v = tensor.load %u, 0
  %w = f64.from_i64 %v
  ret %w
}
func @inverse(%a: i64) -> i64 {
  %r = call @ratio(%a, %a)
  ret %r
}
";

/// What was called, where: functions with block, instruction and line.
fn backtrace(args: &[&str]) -> (Vec<(String, u64, u64, u64)>, Json) {
    let done = nbc(&[&["run", "--json"], args].concat());
    assert_eq!((done.code, &*done.err), (1, ""), "{args:?}: {}", done.out);
    let error: Json = serde_json::from_str::<Json>(&done.out).expect(&done.out)["error"].clone();
    let number = |frame: &Json, field: &str| frame[field].as_u64().unwrap_or(u64::MAX);
    let place = |f: &Json| {
        let name = f["function"].as_str().unwrap_or_default().to_owned();
        (name, number(f, "block"), number(f, "instruction"), number(f, "line"))
    };
    (error["frames"].as_array().unwrap().iter().map(place).collect(), error)
}

#[test]
fn backtraces_are_the_interpreters() {
    let traps = file("traps.nba", TRAPS);
    let calls: [(&str, &str, &[u64]); 7] = [
        ("inlined", "7", &[3, 7, 13]),
        ("recursive", "0", &[3, 26]),
        ("recursive", "20", &[3, 26, 22, 22]),
        ("even", "11", &[3, 47, 34, 44, 34]),
        ("even", "10", &[37, 44, 34, 44]),
        ("elements", "1000", &[70]),
        ("mapped", "3", &[3, 86, 80]),
    ];
    for (function, n, lines) in calls {
        for fuel in [&[][..], &["--fuel", "100000000"]] {
            let with = |tier| {
                let args = [&[&*traps, "--invoke", function, n, "--tier", tier], fuel].concat();
                (backtrace(&args), nbc(&[&["run"], &args[..]].concat()).err)
            };
            let interpreted = with("interp");
            let found: Vec<u64> = interpreted.0.0.iter().map(|f| f.3).take(lines.len()).collect();
            assert_eq!(found, lines, "@{function} {n}");
            assert_eq!(with("jit"), interpreted, "@{function} {n}");
            assert_eq!(with("auto"), interpreted, "@{function} {n}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn so_is_that_of_a_loop_taken_over() {
    if !compiles() {
        return;
    }
    let traps = file("hot.nba", TRAPS);
    let run = |n: &str, tier: &str, perf: &str| {
        nbc(&["run", &traps, "--invoke", "loop", n, "--tier", tier, "--perf", perf])
    };
    // Until there is code the loop is interpreted; where that takes long, it runs longer.
    for n in ["1000000", "10000000", "100000000"] {
        let hot = run(n, "auto", "map");
        let map = map_of(hot.id);
        assert!(hot.err.contains("trap: divide_by_zero"), "{}", hot.err);
        let frames = ["at @ratio, line 3", "at @twice, line 7", "at @loop, line 56"];
        assert!(frames.iter().all(|f| hot.err.contains(f)), "{}", hot.err);
        if map.iter().any(|(name, _, _)| name.starts_with("@loop (from block ")) {
            let early = run("5", "interp", "none");
            assert_eq!((hot.code, hot.out, hot.err), (early.code, early.out, early.err));
            return;
        }
    }
    panic!("the loop was never taken over");
}

/// Name, address and size of all that a process has compiled.
#[cfg(target_os = "linux")]
fn map_of(id: u32) -> Vec<(String, u64, u64)> {
    let path = format!("/tmp/perf-{id}.map");
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let line = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let mut number = || u64::from_str_radix(words.next()?, 16).ok();
        let (address, size) = (number()?, number()?);
        Some((words.next()?.to_owned(), address, size))
    };
    text.lines().map(|l| line(l).unwrap_or_else(|| panic!("{l:?} in\n{text}"))).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn perf_is_told_once_what_code_is_called() {
    if !compiles() {
        return;
    }
    let traps = file("named.nba", TRAPS);
    let args = ["run", &traps, "--invoke", "recursive", "3", "--tier", "jit"];
    // `perf record` sets the last, and then Cranelift writes the map.
    for environment in [&[("NBC_PERF", "map")][..], &[("NBC_PERF", "map"), ("PERF_BUILDID_DIR", "/tmp")]] {
        let done = nbc_in(&args, environment);
        assert!(done.code == 1 && done.err.contains("divide_by_zero"), "{}", done.err);
        let mut map = map_of(done.id);
        for name in ["@recursive", "[nbc] enter"] {
            assert_eq!(map.iter().filter(|(n, _, _)| n == name).count(), 1, "{name} in {map:?}");
        }
        map.sort_by_key(|(_, address, _)| *address);
        assert!(map.windows(2).all(|w| w[0].1 + w[0].2 <= w[1].1), "{map:?}");
    }
    let quiet = nbc(&args);
    assert!(!Path::new(&format!("/tmp/perf-{}.map", quiet.id)).exists());

    let dumps = folder();
    let done = nbc_in(&[&args[..], &["--perf", "dump"]].concat(), &[("JITDUMPDIR", dumps.to_str().unwrap())]);
    let path = dumps.join(format!("jit-{}.dump", done.id));
    let dump = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(dump[..4], 0x4a69_5444u32.to_ne_bytes());
    let holds = |text: &str| dump.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(holds("@recursive\0") && holds("named.nba\0"));

    let nowhere = [("JITDUMPDIR", "/nonexistent")];
    let done = nbc_in(&[&args[..], &["--perf", "dump"]].concat(), &nowhere);
    assert_eq!((done.code, &*done.out), (2, ""));
    assert!(done.err.starts_with("Error: cannot write /nonexistent/jit-"), "{}", done.err);
    refuses(
        &["run", "examples/hello.nba", "--perf", "map", "--tier", "interp"],
        &["--perf: with --tier interp"],
    );
    refuses(&["run", &traps, "--perf", "all"], &["possible values: none, map, dump"]);
}

#[cfg(target_os = "linux")]
#[test]
fn perf_finds_names_of_compiled_code() {
    if !compiles() {
        return;
    }
    let dir = folder().join("perf");
    fs::create_dir_all(&dir).unwrap();
    let perf = |args: &[&str]| Command::new("perf").current_dir(&dir).args(args).output();
    let kernel = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/programs/fib.nba");
    let kernel = kernel.to_str().unwrap();
    let report = |how: &str| -> Option<String> {
        let run = ["run", "--tier", "jit", "--perf", how, kernel, "37"];
        let record = ["record", "-q", "-k", "mono", "-e", "cpu-clock", "-o", "recorded"];
        let known = ["--", "sh", "-c", "echo $$ > id; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_nbc")];
        let recorded = perf(&[&record[..], &known, &run].concat()).is_ok_and(|done| done.status.success());
        let id = fs::read_to_string(dir.join("id")).unwrap_or_default();
        let map = format!("/tmp/perf-{}.map", id.trim());
        if !recorded {
            let _ = fs::remove_file(map);
            return None;
        }
        let mut from = "recorded";
        if how == "dump" {
            assert!(perf(&["inject", "--jit", "-i", from, "-o", "injected"]).unwrap().status.success());
            from = "injected";
        }
        let done = perf(&["report", "--stdio", "-i", from]).unwrap();
        // With a dump, too: see above.
        let _ = fs::remove_file(map);
        Some(String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let reports = ["map", "dump"].map(report);
    fs::remove_dir_all(&dir).unwrap();
    for report in reports {
        match report {
            Some(report) => assert!(report.contains("] @fib"), "{report}"),
            None => eprintln!("skipped: perf cannot record here"),
        }
    }
}

/// Adds up elements at an index that is made of a loaded one, within bounds that a
/// test in the loop says. It traps at the end of the smaller tensor.
const INDIRECT: &str = "\
export func @main(%n: i64) -> i64 {
  %x = tensor.arange<i64> 0, 1000, 1
  %s = i64.const 0
  %i = i64.const 0
  br loop
loop:
  %k = tensor.load %x, %i
  %k = i64.and %k, 511
  %v = tensor.load %x, %k
  %s = i64.add %s, %v
  tensor.store %x, %i, %k
  %i = i64.add %i, 1
  %c = i64.lt %i, %n
  br_if %c, loop, done
done:
  ret %s
}
";

#[test]
fn checks_of_compiled_code_change_no_answer() {
    if !compiles() {
        return;
    }
    let program = file("indirect.nba", INDIRECT.as_bytes());
    for n in ["1", "1000", "1001"] {
        let plain = nbc(&["run", &program, n, "--tier", "interp"]);
        for fuel in [&[][..], &["--fuel", "1000000"]] {
            for option in ["--trusted", "--sanitize"] {
                let args = [&["run", &program, n, "--tier", "jit", option], fuel].concat();
                let checked = nbc(&args);
                assert_eq!((checked.code, &checked.out, &checked.err), (plain.code, &plain.out, &plain.err));
            }
            for name in ["NBC_TRUSTED", "NBC_SANITIZE"] {
                let args = [&["run", &program, n, "--tier", "jit"], fuel].concat();
                assert_eq!(nbc_in(&args, &[(name, "1")]).out, plain.out, "{name}");
            }
        }
    }
    let check = shows(&["explain", &program, "--trusted", "--only", "loop_versioning"]);
    assert!(check.contains("load.i64"), "{check}");
}
