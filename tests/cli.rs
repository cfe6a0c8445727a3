//! The command from outside: what it prints, its exit status, and what it says
//! to bad input.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use support::command::{self, command, file, nbc, refuses};

/// Runs, and wants standard output and no error.
#[track_caller]
fn gives(args: &[&str], out: &str) {
    let done = nbc(args);
    assert_eq!((done.code, &*done.err, &*done.out), (0, "", out), "{args:?}");
}

const KIT: &str = r#"import func @console.print(str)
const @go: str = "go\n"
export func @add(%a: i32, %b: f32) -> f64 {
  %x = f64.from_i32 %a
  %y = f64.promote %b
  %r = f64.add %x, %y
  ret %r
}
export func @echo(%t: tensor<f64>, %s: str, %b: bool) -> (tensor<f64>, str, bool) {
  ret %t, %s, %b
}
export func @corner(%t: tensor<f64>) -> f64 {
  %v = tensor.load2 %t, 0, 0
  ret %v
}
export func @range(%n: i64) -> tensor<f64> {
  %m = f64.from_i64 %n
  %t = tensor.linspace<f64> 0.0, %m, %n
  ret %t
}
export func @lists(%a: list<i64>, %b: list<str>) -> (list<i64>, list<str>) {
  ret %a, %b
}
export func @divide(%n: i64) -> i64 {
  %r = i64.div 1, %n
  ret %r
}
export func @spin() {
  %s = const.get @go
  call @console.print(%s)
  br again
again:
  br again
}
export func @chatter() {
  br again
again:
  %s = const.get @go
  call @console.print(%s)
  br again
}
export func @recurse(%n: i64) -> i64 {
  %m = i64.add %n, 1
  %r = call @recurse(%m)
  ret %r
}
export func @hoard(%n: i64) -> i64 {
  %t = tensor.zeros<f64> [%n]
  %len = tensor.len %t
  ret %len
}
"#;

fn kit() -> String {
    // Written by many tests at once: each needs a name of its own.
    let name = std::thread::current().name().unwrap_or("kit").replace(':', "_");
    file(&format!("{name}.nba"), KIT)
}

#[test]
fn programs_run() {
    gives(&["run", "examples/hello.nba"], "Hello, world!\n");
    gives(&["run", "examples/fibonacci.nba", "50"], "12586269025\n");
    gives(&["run", "examples/fibonacci.nba", "-3"], "0\n");
    gives(
        &["run", "examples/fibonacci.nba", "--invoke", "table", "10"],
        "[ 0,  1,  1,  2,  3,  5,  8, 13, 21, 34]\n",
    );
    gives(&["run", "--dispatch", "match", "examples/fibonacci.nba", "--invoke=@recursive", "10"], "55\n");
    let text = fs::read("examples/hello.nba").unwrap();
    let done = command::run(command().args(["run", "-"]), &text);
    assert_eq!((done.code, &*done.out), (0, "Hello, world!\n"));
}

#[test]
fn arguments_follow_the_signature() {
    let kit = kit();
    gives(&["run", &kit, "--invoke", "add", "-2", "1e-1"], "-1.8999999985098839\n");
    gives(
        &["run", &kit, "--invoke", "echo", "[[1, 2.5], [-3, 4]]", "two words", "true"],
        "[[ 1.0,  2.5],\n [-3.0,  4.0]]\ntwo words\ntrue\n",
    );
    gives(&["run", &kit, "--invoke", "lists", "[1, -2]", r#"["a, b", c]"#], "[1, -2]\n[\"a, b\", \"c\"]\n");
    gives(&["run", &kit, "--invoke", "corner", "--", "[[-inf]]"], "-inf\n");
    let range = nbc(&["run", &kit, "--invoke", "range", "5000"]);
    assert_eq!(range.out.lines().last(), Some("tensor<f64> [5000], abbreviated"), "{}", range.out);
    let whole = nbc(&["run", &kit, "--invoke", "range", "5000", "--full"]);
    assert_eq!(whole.out.matches(',').count(), 4999);

    let refuse = |args: &[&str], part: &str| {
        refuses(&[&["run", &kit, "--invoke"], args].concat(), 2, &[part]);
    };
    refuse(&["add", "1"], "@add(i32, f32) -> f64 takes 2 arguments, found 1");
    refuse(&["add", "1", "2", "3"], "takes 2 arguments, found 3");
    refuse(&["add", "2147483648", "1"], "argument 1 of @add(i32, f32) -> f64, \"2147483648\": expected i32");
    refuse(&["add", "1.5", "1"], "expected i32: a whole number");
    refuse(&["add", "1", "x"], "expected f32: a number such as");
    refuse(&["echo", "[1]", "s", "yes"], "expected bool: true or false");
    refuse(&["corner", "[[1, 2], [3]]"], "rows of different lengths: 2 and 1");
    refuse(&["corner", "[1, 2"], "expected , or ]");
    refuse(&["nothing"], "has no exported function @nothing; it exports @add, @echo");
    let kit_without_main = &["run", &kit][..];
    refuses(kit_without_main, 2, &["no exported function @main", "help: say which one to call"]);
}

#[test]
fn numpy_files_come_and_go() {
    let kit = kit();
    let out = file("out.npy", "");
    gives(
        &["run", &kit, "--invoke", "echo", "[[1, 2, 3], [4, 5, 6]]", "text", "false", "--out", &out],
        "text\nfalse\n",
    );
    let bytes = fs::read(&out).unwrap();
    assert_eq!(nbc::npy::read(&bytes).unwrap().dims(), [2, 3]);
    gives(&["run", &kit, "--invoke", "corner", &out], "1.0\n");
    gives(&["run", &kit, "--invoke", "corner", &format!("@{out}")], "1.0\n");

    let corner = |path: &str, code, parts: &[&str]| {
        refuses(&["run", &kit, "--invoke", "corner", path], code, parts);
    };
    corner("missing.npy", 2, &["cannot read missing.npy: No such file"]);
    corner(&file("cut.npy", &bytes[..bytes.len() - 1]), 2, &["cut off: f64 [2, 3] takes 48 bytes, found 47"]);
    corner(&file("text.npy", "hello"), 2, &["not an .npy file"]);
    let write = |name: &str, t: Option<nbc::OwnedTensor>| {
        let mut bytes = Vec::new();
        nbc::npy::write(&mut bytes, &t.unwrap()).unwrap();
        file(name, bytes)
    };
    let single = write("single.npy", nbc::OwnedTensor::from_slice(&[1, 1], &[1f32]));
    corner(&single, 2, &["expected a tensor<f64>, found one of f32"]);
    // The rank is no part of the type: the program finds out.
    let flat = write("flat.npy", nbc::OwnedTensor::from_slice(&[4], &[1.0, 2.0, 3.0, 4.0]));
    corner(&flat, 1, &["rank_mismatch", "at @corner, line 13"]);
    refuses(
        &["run", &kit, "--invoke", "corner", "[[1]]", "--out", "a.npy"],
        2,
        &["1 --out, but @corner returns 0 tensors"],
    );
    refuses(
        &["run", &kit, "--invoke", "range", "3", "--out", "/nonexistent/a.npy"],
        2,
        &["cannot write /nonexistent/a.npy"],
    );
}

#[test]
fn traps_say_where() {
    let kit = kit();
    let run = |args: &[&str], parts: &[&str]| {
        refuses(&[&["run", &kit, "--invoke"], args].concat(), 1, parts);
    };
    run(&["divide", "0"], &["trap: divide_by_zero", "at @divide, line 25", "| %r = i64.div 1, %n"]);
    run(&["corner", "[[]]"], &["trap: index_out_of_range", "at @corner, line 13"]);
    run(&["recurse", "1"], &["trap: stack_overflow", "at @recurse, line 44 (48 times)", "more calls"]);
    run(&["hoard", "1000000000000"], &["trap: out_of_memory", "8246337208320 bytes"]);
    run(&["hoard", "1000000", "--memory", "1M"], &["trap: out_of_memory", "budget of 1048576 bytes"]);
    run(&["recurse", "1", "--stack", "4K"], &["trap: stack_overflow"]);
    for limit in [&["--fuel", "1000"][..], &["--timeout", "50ms"]] {
        let done = nbc(&[&["run", &kit, "--invoke", "spin"], limit].concat());
        assert_eq!((done.code, &*done.out), (1, "go\n"));
        assert!(done.err.contains("out_of_fuel") || done.err.contains("timeout"), "{}", done.err);
    }
}

#[test]
fn timing_is_the_last_line() {
    let done = nbc(&["run", "--timing", "benches/programs/fib.nba", "15"]);
    let last: Vec<&str> = done.out.lines().last().unwrap().split(' ').collect();
    assert_eq!((last.len(), last[0]), (3, "610"));
    assert!(last[1..].iter().all(|s| (0.0..60.0).contains(&s.parse::<f64>().unwrap())), "{}", done.out);
    let done = nbc(&["run", "--timing", "examples/hello.nba"]);
    assert!(done.out.starts_with("Hello, world!\n- 0."), "{}", done.out);
}

#[test]
fn machines_get_json() {
    let kit = kit();
    let json = |args: &[&str]| {
        let done = nbc(&[&["run", "--json", &kit, "--invoke"], args].concat());
        assert_eq!(done.err, "");
        (done.code, serde_json::from_str::<serde_json::Value>(&done.out).expect(&done.out))
    };
    let (code, value) = json(&["echo", "[[1, inf]]", "s", "true", "--fuel", "1000"]);
    assert_eq!(code, 0);
    let tensor = serde_json::json!({ "elem": "f64", "dims": [1, 2], "data": [1.0, "inf"] });
    assert_eq!(value["results"], serde_json::json!([tensor, "s", true]));
    assert!(value["fuel_used"].as_u64() > Some(0) && value["seconds"].is_f64());
    let (code, value) = json(&["divide", "0"]);
    assert_eq!((code, &value["error"]["code"]), (1, &"divide_by_zero".into()));
    assert_eq!(value["error"]["frames"][0]["line"], 25);
    let (code, value) = json(&["divide"]);
    assert_eq!((code, &value["error"]["kind"]), (2, &"usage".into()));

    let unsound = file("unsound.nba", "export func @f() -> i64 {\n  %a = i64.add %b, 1\n  ret true\n}\n");
    let error = |args: &[&str]| {
        let done = nbc(args);
        assert_eq!((done.code, &*done.err), (2, ""));
        serde_json::from_str::<serde_json::Value>(&done.out).expect(&done.out)["error"].clone()
    };
    let e = error(&["verify", "--json", &unsound]);
    assert!(e["diagnostics"][0]["line"].as_u64() >= Some(2), "{e}");
    assert_eq!(error(&["run", "--json", "nope.nba"])["kind"], "input");
    assert_eq!(error(&["run", "--json"])["kind"], "usage");
    let info: serde_json::Value = serde_json::from_str(&nbc(&["info", "--json"]).out).unwrap();
    assert_eq!(info["limits"]["stack"], 8 << 20);
}

#[test]
fn both_formats_are_the_same_program() {
    let (nbc_file, nba_file) = (file("heat.nbc", ""), file("heat.nba", ""));
    gives(&["asm", "examples/fibonacci.nba", "-o", &nbc_file], "");
    gives(&["run", &nbc_file, "50"], "12586269025\n");
    gives(&["dis", &nbc_file, "-o", &nba_file], "");
    gives(&["run", &nba_file, "50"], "12586269025\n");
    let printed = fs::read_to_string(&nba_file).unwrap();
    gives(&["dis", &nba_file], &printed);
    let (full, small) = (fs::read(&nbc_file).unwrap(), file("small.nbc", ""));
    gives(&["asm", "--strip", &nbc_file, "-o", &small], "");
    assert!(fs::read(&small).unwrap().len() < full.len());
    gives(&["run", &small, "50"], "12586269025\n");
    let sound = "sound (3 functions, 31 instructions)";
    gives(&["verify", &nbc_file, &small], &format!("{nbc_file}: {sound}\n{small}: {sound}\n"));
}

#[test]
fn asm_writes_beside_its_input_and_info_says_what_is_in_it() {
    let source = file("beside.nba", fs::read("examples/hello.nba").unwrap());
    gives(&["asm", &source], "");
    let binary = source.replace(".nba", ".nbc");
    gives(&["run", &binary], "Hello, world!\n");
    refuses(&["asm", &binary], 2, &["say where to"]);
    refuses(&["asm", &source, "-o", "/nonexistent/x.nbc"], 2, &["cannot write /nonexistent/x.nbc"]);
    let done = command::run(command().args(["info", "-"]), &fs::read(&binary).unwrap());
    for part in [
        "exports       @main()\n",
        "imports       @console.print(str)\n",
        "1 function, 1 block, 3 instructions",
    ] {
        assert!(done.out.contains(part), "{part:?} in {}", done.out);
    }
    let info: serde_json::Value = serde_json::from_str(&nbc(&["info", "--json", &source]).out).unwrap();
    assert_eq!(info["exports"], serde_json::json!(["@main()"]));
}

#[test]
fn text_is_laid_out() {
    let ugly = file("ugly.nba", "func @f( ) -> i64 { ;; seven\nret   7 }");
    let done = nbc(&["fmt", "--check", &ugly, "examples/hello.nba"]);
    assert_eq!((done.code, &*done.out, &*done.err), (1, &*format!("{ugly} would change\n"), ""));
    gives(&["fmt", &ugly], "");
    assert_eq!(fs::read_to_string(&ugly).unwrap(), "func @f() -> i64 {  ;; seven\n  ret 7\n}\n");
    gives(&["fmt", "--check", &ugly], "");
    let done = command::run(command().args(["fmt", "-"]), b"func @f(){ret}");
    assert_eq!((done.code, &*done.out), (0, "func @f() {\n  ret\n}\n"));
    refuses(&["fmt", &file("binary.nbc", b"\0nbc\xff")], 2, &["is not text", "nbc dis"]);
    refuses(&["fmt", &file("broken.nba", "func @f( {")], 2, &["broken.nba:1"]);
}

#[test]
fn what_is_offered_is_said() {
    let help = nbc(&["--help"]);
    assert_eq!(help.code, 0);
    for what in ["run", "asm", "dis", "verify", "fmt", "info", "completions", "Exit status"] {
        assert!(help.out.contains(what), "{what}");
    }
    // What the list says of a command is how its own help begins.
    let commands = help.out.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    for (command, about) in commands.filter_map(|l| l.trim().split_once(' ')).filter(|(c, _)| *c != "help") {
        assert_eq!(nbc(&[command, "--help"]).out.lines().next(), Some(about.trim()), "{command}");
    }
    let help = nbc(&["run", "--help"]).out;
    for part in ["--fuel", "--timeout", "--memory", "--stack", ".npy", "Ctrl-C", "Examples:"] {
        assert!(help.contains(part), "{part}");
    }
    assert!(help.lines().all(|l| l.chars().count() <= 100), "{help}");
    assert!(nbc(&["info"]).out.contains("dispatch"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(nbc(&["completions", shell]).out.contains("completions"), "{shell}");
    }
    refuses(&["run"], 2, &["<FILE>"]);
    refuses(&["walk"], 2, &["unrecognized subcommand"]);
    refuses(&["run", "x.nba", "--fuel", "much"], 2, &["--fuel"]);
    refuses(&["run", "x.nba", "--memory", "1.5X"], 2, &["expected bytes such as"]);
    refuses(&["run", "x.nba", "--timeout=-1s"], 2, &["expected a time"]);
    refuses(&["run", "x.nba", "--dispatch", "magic"], 2, &["this build has"]);
}

#[test]
fn bad_files_are_refused() {
    refuses(&["run", "nope.nba"], 2, &["cannot read nope.nba: No such file"]);
    refuses(&["run", "examples"], 2, &["cannot read examples"]);
    refuses(&["run", &file("empty.nba", "")], 2, &["the file is empty"]);
    refuses(&["run", &file("comment.nba", "; nothing\n")], 2, &["it exports nothing"]);
    refuses(&["run", &file("garbage.nba", b"\xff\xfe\x00")], 2, &["not an NBC file"]);
    refuses(
        &["run", &file("wrong.nba", "export func @main() -> i64 {\n  ret %x\n}\n")],
        2,
        &["wrong.nba:2", "%x"],
    );
    // Each file is looked at, whatever is wrong with others.
    let done = nbc(&["verify", "nope.nba", "examples/hello.nba", "nada.nba"]);
    assert_eq!((done.code, &*done.out), (2, "examples/hello.nba: sound (1 function, 3 instructions)\n"));
    assert!(
        done.err.contains("cannot read nope.nba") && done.err.contains("cannot read nada.nba"),
        "{}",
        done.err
    );

    let greedy = "import func @disk.read(str) -> str\nexport func @main() {\n  ret\n}\n";
    let given = "the host gives console.print(str)";
    refuses(&["run", &file("greedy.nba", greedy)], 2, &["disk.read(str) -> str: not given\n", given]);
    let typo = greedy.replace("disk.read(str) -> str", "consol.print(str)");
    refuses(&["run", &file("typo.nba", typo)], 2, &["not given; is console.print meant?", given]);
    for name in ["console.print", "print", "Consol.Print"] {
        let source = format!("export func @main(%s: str) {{\n  call @{name}(%s)\n  ret\n}}\n");
        let help = "the host's are imported: import func @console.print(str)";
        refuses(&["run", &file("unimported.nba", source)], 2, &["no function is called", help]);
    }
    let private = file("private.nba", "func @f() {\n  ret\n}\n");
    let help = "help: the host can call what begins with `export`: export func @f(..)";
    refuses(&["run", &private], 2, &["it exports nothing", help]);
    refuses(&["run", &private, "--invoke", "f"], 2, &["no exported function @f", help]);
    refuses(&["bench", &private, "--invoke", "f"], 2, &[help]);
    let many: String = (0..5000).map(|i| format!("export func @f{i}() {{\n  ret\n}}\n")).collect();
    let done = nbc(&["run", &file("many.nba", many)]);
    assert!(done.err.contains("@f9 and 4990 more") && done.err.len() < 400, "{}", done.err);

    let binary = file("good.nbc", "");
    gives(&["asm", "examples/hello.nba", "-o", &binary], "");
    let good = fs::read(&binary).unwrap();
    for end in [1, 3, 5, 6, good.len() / 2, good.len() - 1] {
        refuses(&["run", &file("cut.nbc", &good[..end])], 2, &["cut"]);
    }
    for at in (6..good.len()).step_by(good.len() / 8) {
        let mut flipped = good.clone();
        flipped[at] ^= 0x10;
        refuses(&["run", &file("flipped.nbc", flipped)], 2, &["Error:"]);
    }
    let mut version = good.clone();
    version[4] = 99;
    refuses(&["run", &file("version.nbc", version)], 2, &["version 99"]);
    refuses(&["run", &file("longer.nbc", [&good[..], b"x"].concat())], 2, &["Error:"]);
}

#[test]
fn names_are_shown_and_not_obeyed() {
    let evil = r#"; run: @"b\x1b[31m"() == 1
export func @"a\x1b[31m"(%n: i64) -> i64 {
  %r = i64.div 1, %n
  ret %r
}
export func @"bench_\x1b[31m"() -> i64 {
  %r = call @"a\x1b[31m"(0)
  ret %r
}
"#;
    let evil = file("evil.nba", evil);
    let name = "a\u{1b}[31m";
    for args in [
        &["run", &evil][..],
        &["run", &evil, "--invoke", name, "0"],
        &["run", &evil, "--invoke", name, "x"],
        &["run", &evil, "--json", "--invoke", name, "0"],
        &["bench", &evil],
        &["test", &evil],
        &["info", &evil],
        &["explain", &evil],
        &["explain", &evil, "-f", name],
        &["dis", &evil],
        &["fmt", "--check", &evil],
        &["verify", &evil],
    ] {
        let done = nbc(args);
        assert!(!(done.out + &done.err).contains('\x1b'), "{args:?}");
    }
}

#[test]
fn a_hundred_megabytes_of_garbage_are_refused() {
    let mut seed = 1u64;
    let block: Vec<u8> = (0..1 << 20)
        .map(|_| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 56) as u8
        })
        .collect();
    let bytes = block.repeat(100);
    let garbage = file("garbage.bin", &bytes);
    refuses(&["run", &garbage], 2, &["not an NBC file"]);
    fs::write(&garbage, [b"\0nbc\x01\x00", &bytes[..]].concat()).unwrap();
    refuses(&["run", &garbage], 2, &["Error:"]);
    fs::remove_file(&garbage).unwrap();
}

#[test]
fn a_reader_may_go_away() {
    for what in [&["run", "--invoke", "chatter"][..], &["dis"]] {
        let kit = if what[0] == "run" { kit() } else { "benches/programs/fannkuch.nba".to_owned() };
        let mut child =
            command().args(what).arg(&kit).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), &*err), (Some(0), ""), "{what:?}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_interrupts_and_the_second_kills() {
    use std::os::unix::process::ExitStatusExt;
    let interrupt = |id: u32| {
        assert!(Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap().success());
    };
    let start = |name: &str, out: Stdio| {
        // With --json prints go to standard error at once: we see it has begun.
        let mut child = command()
            .args(["run", "--json", &kit(), "--invoke", name])
            .stdout(out)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut err = BufReader::with_capacity(1, child.stderr.take().unwrap());
        let mut line = String::new();
        err.read_line(&mut line).unwrap();
        assert_eq!(line, "go\n");
        (child, err)
    };

    let (mut child, err) = start("spin", Stdio::piped());
    interrupt(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    drop(err);
    assert!(text.contains("\"code\":\"interrupted\""), "{text}");

    // A program that waits for its reader does not see the first.
    let (mut child, err) = start("chatter", Stdio::null());
    std::thread::sleep(std::time::Duration::from_millis(300));
    interrupt(child.id());
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none());
    interrupt(child.id());
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    drop(err);
}

#[test]
fn names_steer_no_terminal_and_lists_are_bounded() {
    let name = "\u{1b}[2J\u{202e}";
    let mut text = format!(
        "import func @\"{name}\"()\nexport func @\"{name}f\"(%x: i64) -> i64 {{\n  %r = i64.div 1, %x\n  ret %r\n}}\n"
    );
    let many: String = (0..100).map(|n| format!("import func @missing{n}()\n")).collect();
    let exports: String = (0..100).map(|n| format!("export func @e{n}() {{\n  ret\n}}\n")).collect();
    text.push_str(&exports);
    let path = file("names.nba", &text);
    let imports = file("imports.nba", &(many + "export func @main() {\n  ret\n}\n"));
    let invoked = format!("{name}f");
    for args in [
        &["run", &path][..],
        &["run", &path, "--invoke", &invoked, "0"],
        &["run", &path, "--invoke", name],
        &["run", &path, "--invoke", &invoked, name],
        &["run", &imports],
        &["run", name],
        &["info", &path],
        &["explain", &path, "--function", &invoked],
        &["explain", &path, "--function", name],
        &["verify", name],
    ] {
        let done = nbc(args);
        for shown in [&done.out, &done.err] {
            assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{args:?}: {shown:?}");
        }
        assert!(done.err.len() < 2000, "{args:?}: {}", done.err);
    }
    refuses(&["run", &path], 2, &["@e8 and 91 more"]);
    refuses(&["run", &imports], 2, &["and 80 more"]);
}

#[test]
fn numbers_are_those_of_programs() {
    let path = file(
        "numbers.nba",
        "export func @f(%a: f64, %b: f32, %c: i64, %d: tensor<f64>) -> (f64, f32, i64, tensor<f64>) {\n  ret %a, %b, %c, %d\n}\n",
    );
    gives(
        &["run", &path, "0x1p-3", "1_000", "0x10", "[inf, 0x1.8p1, -1_0.5]"],
        "0.125\n1000.0\n16\n[  inf,   3.0, -10.5]\n",
    );
    refuses(&["run", &path, "0x1.8", "1", "1", "[1]"], 2, &["0x1.8 is not a number"]);
    let suggested = "0x20000000000001p0";
    refuses(&["run", &path, "0x20000000000001", "1", "1", "[1]"], 2, &["write 0x20000000000001p0 to take"]);
    gives(&["run", &path, suggested, "1", "1", "[1]"], "9007199254740992.0\n1.0\n1\n[1.0]\n");
    let path = file("parts.nba", "export func @f(%z: tensor<c128>) -> tensor<c128> {\n  ret %z\n}\n");
    gives(&["run", &path, "[1_0+2i, 0x1p3-1i, (1.5, 0x10)]"], "[10.0+2.0i,  8.0-1.0i, 1.5+16.0i]\n");
    for bad in ["[1e400+1i]", "[1-1e400i]", "[(0, -1e400)]"] {
        refuses(&["run", &path, bad], 2, &["1e400 is out of range for f64"]);
    }
}
