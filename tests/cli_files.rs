//! What the command does with files: it writes them so that nothing is lost,
//! reads no more than it may, and puts one document on standard output.

use serde_json::{Value as Json, json};
use std::fs;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use support::command::most_memory;
use support::command::{Done, command, file, folder, nbc, refuses, run};

/// The document of a run, which is all there is on standard output.
#[track_caller]
fn document(args: &[&str]) -> (i32, Json, Done) {
    let done = nbc(args);
    let document = serde_json::from_str(&done.out).unwrap_or_else(|e| panic!("{args:?}: {e}: {}", done.out));
    (done.code, document, done)
}

/// A folder of one test's own, empty.
fn empty(name: &str) -> PathBuf {
    let dir = folder().join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const UGLY: &str = "func @f( ) -> i64 { ret   7 }";
const NEAT: &str = "func @f() -> i64 {\n  ret 7\n}\n";

const ARRAYS: &str = r#"import func @console.print(str)
const @go: str = "{\"a\": 1}\npartial"
export func @echo(%t: tensor<f64>) -> tensor<f64> {
  ret %t
}
export func @two(%n: i64) -> (tensor<i64>, i64, tensor<i64>) {
  %s = const.get @go
  call @console.print(%s)
  %t = tensor.arange<i64> 0, %n, 1
  ret %t, %n, %t
}
export func @sum(%x: tensor<f64>, %y: tensor<f64>) -> f64 {
  %a = tensor.sum %x
  %b = tensor.sum %y
  %c = f64.add %a, %b
  ret %c
}
export func @trap(%d: i64) -> tensor<f64> {
  %s = const.get @go
  call @console.print(%s)
  %r = i64.div 1, %d
  %t = tensor.zeros<f64> [%r]
  ret %t
}
export func @empty(%a: i64, %b: i64) -> tensor<f64> {
  %t = tensor.zeros<f64> [%a, %b, 0]
  ret %t
}
export func @list(%n: i64) -> list<i64> {
  %l = list.new %n, 7
  ret %l
}
"#;

fn arrays(name: &str) -> String {
    file(&format!("{name}.nba"), ARRAYS)
}

#[cfg(unix)]
#[test]
fn laying_out_loses_nothing() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let dir = empty("fmt");
    let (plain, link, twin) = (dir.join("plain.nba"), dir.join("link.nba"), dir.join("twin.nba"));
    let write = || {
        fs::write(&plain, UGLY).unwrap();
        fs::set_permissions(&plain, fs::Permissions::from_mode(0o640)).unwrap();
    };
    let mode = || fs::metadata(&plain).unwrap().mode() & 0o7777;
    write();
    assert_eq!(nbc(&["fmt", text(&plain)]).code, 0);
    assert_eq!((&*fs::read_to_string(&plain).unwrap(), mode()), (NEAT, 0o640));

    // By a link: the file that it leads to is another then, and the link is still one.
    write();
    symlink("plain.nba", &link).unwrap();
    assert_eq!(nbc(&["fmt", text(&link)]).code, 0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!((&*fs::read_to_string(&plain).unwrap(), mode()), (NEAT, 0o640));

    // Under both names it is the same file afterwards.
    write();
    fs::hard_link(&plain, &twin).unwrap();
    assert_eq!(nbc(&["fmt", text(&twin)]).code, 0);
    assert_eq!((&*fs::read_to_string(&plain).unwrap(), mode()), (NEAT, 0o640));
    assert_eq!(fs::metadata(&plain).unwrap().ino(), fs::metadata(&twin).unwrap().ino());
    // Neither copies nor files half written are left.
    assert_eq!(names(&dir), ["link.nba", "plain.nba", "twin.nba"]);

    // A full disk, as a limit on the size of files: what was there is still there.
    let long: String = (0..300).map(|i| format!("func @f{i}( ) {{ ret }}\n")).collect();
    let (alone, first, second) = (dir.join("alone.nba"), dir.join("first.nba"), dir.join("second.nba"));
    for (target, other) in [(&alone, None), (&first, Some(&second))] {
        fs::write(target, &long).unwrap();
        if let Some(other) = other {
            fs::hard_link(target, other).unwrap();
        }
        let mut shell = std::process::Command::new("sh");
        let line = "ulimit -f 1; exec \"$0\" fmt \"$1\"";
        let done = run(shell.args(["-c", line, env!("CARGO_BIN_EXE_nbc"), text(target)]), b"");
        assert_eq!(done.code, 2, "{}", done.err);
        assert!(done.err.contains("cannot write") && done.err.contains("too large"), "{}", done.err);
        assert_eq!(fs::read_to_string(target).unwrap(), long);
        fs::remove_file(target).unwrap();
    }
    assert_eq!(names(&dir), ["link.nba", "plain.nba", "second.nba", "twin.nba"]);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn one_bad_file_does_not_keep_others_from_being_laid_out() {
    let ugly = file("other.nba", UGLY);
    let done = nbc(&["fmt", "absent.nba", &ugly]);
    assert!(done.code == 2 && done.err.contains("cannot read absent.nba"), "{}", done.err);
    assert_eq!(fs::read_to_string(&ugly).unwrap(), NEAT);
    let (code, found, _) = document(&["fmt", "--json", "--check", &ugly, "absent.nba"]);
    assert_eq!((code, &found["ok"]), (2, &json!(false)));
    assert_eq!(found["files"][0], json!({ "file": ugly, "ok": true, "changed": false }));
    assert_eq!(found["files"][1]["error"]["kind"], "input");
    let (code, found, _) = document(&["verify", "--json", "examples/hello.nba"]);
    assert_eq!((code, &found["ok"], &found["functions"]), (0, &json!(true), &json!(1)));
    let (code, found, _) = document(&["verify", "--json", "examples/hello.nba", "absent.nba"]);
    assert_eq!((code, found["files"].as_array().map(Vec::len)), (2, Some(2)));
}

#[test]
fn what_is_read_is_not_written_over() {
    let dir = empty("over");
    let (source, binary) = (dir.join("p.nba"), dir.join("p.nbc"));
    fs::copy("examples/hello.nba", &source).unwrap();
    let hello = fs::read(&source).unwrap();
    refuses(&["asm", text(&source), "-o", text(&source)], 2, &["p.nba is the file that is read", "help: "]);
    let long = format!("{}/../over/p.nba", text(&dir));
    refuses(&["asm", text(&source), "-o", &long], 2, &["is the file that is read"]);
    assert_eq!(nbc(&["asm", text(&source)]).code, 0);
    refuses(&["dis", text(&binary), "-o", text(&binary)], 2, &["is the file that is read"]);
    refuses(&["run", text(&source), "--out", text(&source)], 2, &["1 --out, but @main returns 0 tensors"]);
    let arrays = arrays("over");
    let args = ["run", &arrays, "--invoke", "echo", "[1]", "--out"];
    refuses(&[&args[..], &[&arrays]].concat(), 2, &["over.nba is the file that is read"]);
    assert_eq!(fs::read_to_string(&arrays).unwrap(), ARRAYS);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("p.nba", dir.join("link.nbc")).unwrap();
        fs::hard_link(&source, dir.join("twin.nbc")).unwrap();
        for other in ["link.nbc", "twin.nbc"] {
            let other = dir.join(other);
            refuses(&["asm", text(&source), "-o", text(&other)], 2, &["is the file that is read"]);
        }
        let redirected = std::process::Stdio::from(fs::File::open(&source).unwrap());
        let done = command().args(["asm", "-", "-o", text(&source)]).stdin(redirected).output().unwrap();
        assert_eq!(done.status.code(), Some(2));
    }
    assert_eq!(fs::read(&source).unwrap(), hello);
    // A folder, or nothing to write to.
    refuses(&["asm", text(&source), "-o", text(&dir)], 2, &["cannot write", "directory"]);
    refuses(&["asm", text(&source), "-o", ""], 2, &["cannot write"]);
    #[cfg(unix)]
    {
        // A link to what is not there makes it.
        std::os::unix::fs::symlink("there.nbc", dir.join("to.nbc")).unwrap();
        assert_eq!(nbc(&["asm", text(&source), "-o", text(&dir.join("to.nbc"))]).code, 0);
        assert!(dir.join("there.nbc").is_file());
        assert_eq!(nbc(&["asm", text(&source), "-o", "/dev/null"]).code, 0);
    }
    #[cfg(target_os = "linux")]
    refuses(&["asm", text(&source), "-o", "/dev/full"], 2, &["cannot write /dev/full"]);
    let (_, found, _) = document(&["asm", "--json", text(&source)]);
    assert_eq!(
        (&found["file"], found["bytes"].as_u64()),
        (&json!(text(&binary)), Some(fs::read(&binary).unwrap().len() as u64))
    );
    let (_, found, _) = document(&["dis", "--json", text(&binary)]);
    assert!(found["text"].as_str().unwrap().starts_with("import func @console.print"), "{found}");
}

/// A place to which nothing can be moved, on a disk that is full or not.
#[cfg(target_os = "linux")]
#[test]
fn a_mount_is_laid_out_in_its_place() {
    let dir = empty("mount");
    let ugly: String = (0..2000).map(|i| format!("func @f{i}(){{ret}}\n")).collect();
    fs::write(dir.join("ugly"), &ugly).unwrap();
    let script = |fill: &str| {
        format!(
            "cd \"$1\" && mkdir disk && mount -t tmpfs -o size=64k none disk || exit 77
             cp ugly disk/t.nba; {fill}; touch here.nba
             mount --bind disk/t.nba here.nba || exit 77
             \"$0\" fmt here.nba; echo $?; cat here.nba > seen"
        )
    };
    for (fill, code) in [("true", 0), ("cat /dev/zero > disk/rest 2> /dev/null", 2)] {
        let mut unshare = std::process::Command::new("unshare");
        let args = ["-r", "-m", "sh", "-c", &script(fill), env!("CARGO_BIN_EXE_nbc"), text(&dir)];
        if std::process::Command::new("unshare").arg("--version").output().is_err() {
            println!("skipped: there is no `unshare` to mount with");
            return;
        }
        let done = run(unshare.args(args), b"");
        if done.code != 0 {
            println!("skipped: nothing can be mounted here: {}", done.err);
            return;
        }
        let seen = fs::read_to_string(dir.join("seen")).unwrap();
        assert_eq!(done.out, format!("{code}\n"), "{}", done.err);
        if code == 0 {
            assert!(seen.starts_with("func @f0() {\n  ret\n}\n") && seen.ends_with("}\n"));
        } else {
            assert!(done.err.contains("cannot write here.nba: No space left"), "{}", done.err);
            assert_eq!(seen, ugly);
        }
        // Neither the new text nor a copy of the old one is left beside it.
        assert_eq!(names(&dir), ["disk", "here.nba", "seen", "ugly"]);
        fs::remove_dir(dir.join("disk")).unwrap();
        fs::remove_file(dir.join("here.nba")).unwrap();
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_open_is_written_where_it_is() {
    let dir = empty("open");
    let source = file("open.nba", ARRAYS);
    let made = dir.join("made");
    let binary = nbc::Module::parse(ARRAYS, &source).unwrap().encode();
    let mut array = Vec::new();
    nbc::npy::write(&mut array, &nbc::OwnedTensor::from_slice(&[1], &[1.0]).unwrap()).unwrap();
    let shell = |line: &str| {
        let mut sh = std::process::Command::new("sh");
        let args = ["-c", line, env!("CARGO_BIN_EXE_nbc"), &source, text(&made)];
        let done = run(sh.args(args), b"");
        (done.code, done.err, fs::read(&made).unwrap_or_default())
    };
    let echo = "\"$0\" run \"$1\" --invoke echo '[1]' --out";
    let asm = "\"$0\" asm \"$1\" -o";
    let framed = |what: &[u8]| [b"before\n", what, b"after\n"].concat();
    for name in ["/dev/fd/3", "/proc/self/fd/3"] {
        for (command, bytes) in [(asm, &binary), (echo, &array)] {
            for open in ["3>", "3>>", "3<>"] {
                let _ = fs::remove_file(&made);
                let line = format!("exec {open}\"$2\"; echo before >&3; {command} {name}; echo after >&3");
                assert_eq!(shell(&line), (0, String::new(), framed(bytes)), "{line}");
            }
            let line = format!("({command} {name}) 3>&1 >&2 | cat > \"$2\"");
            assert_eq!(shell(&line), (0, String::new(), bytes.clone()), "{line}");
        }
    }
    for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1"] {
        for (command, bytes) in [(asm, &binary), (echo, &array)] {
            let line = format!("(echo before; {command} {name}; echo after) > \"$2\"");
            assert_eq!(shell(&line), (0, String::new(), framed(bytes)), "{line}");
            let line = format!("{command} {name} | cat > \"$2\"");
            assert_eq!(shell(&line), (0, String::new(), bytes.clone()), "{line}");
        }
        let twice = format!("{asm} {name} --json > \"$2\"");
        assert_eq!(shell(&twice).2, binary, "{name}: nothing but the binary");
    }
    let refused = |line: &str, part: &str| {
        let (code, err, _) = shell(line);
        assert!(code == 2 && err.contains(part), "{line}: {code}: {err}");
    };
    refused(&format!("{asm} /dev/fd/77"), "cannot write /dev/fd/77");
    refused(&format!("{asm} /dev/fd/3 3< examples"), "cannot write /dev/fd/3");
    refused(&format!("{asm} /dev/fd/3 3>> \"$1\""), "is the file that is read");
    refused(&format!("{asm} \"$2\" > \"$2\""), "is standard output already");
    let two = "\"$0\" run \"$1\" --invoke two 3 --out";
    for (a, b) in [("-", "/dev/stdout"), ("/dev/fd/3", "\"$2\""), ("\"$2\"", "/dev/fd/3")] {
        refused(&format!("{two} {a} --out {b} 3> \"$2\""), "two results cannot be in one file");
    }
    // There is nothing to put in the place of an open file.
    fs::write(&made, UGLY).unwrap();
    refused("\"$0\" fmt /dev/fd/3 3<> \"$2\"", "is no file that could be written over");
    assert_eq!(fs::read_to_string(&made).unwrap(), UGLY);
    fs::remove_dir_all(&dir).unwrap();
}

/// Whether that signal is ignored by this process, and so by those that it starts: in the
/// background of a script, or under `nohup`.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_no_file_behind() {
    use std::io::BufRead;
    use std::os::unix::process::ExitStatusExt;
    let dir = empty("killed");
    let body =
        |rest: &str| format!("export func @{rest} {{\n  %s = const.get @go\n  call @console.print(%s)\n");
    let program = format!(
        "import func @console.print(str)\nconst @go: str = \"go\\n\"\n\
         {}  br more\nmore:\n  br more\n}}\n{}  br more\nmore:\n  call @console.print(%s)\n  br more\n}}\n",
        body("spin() -> tensor<f64>"),
        body("chatter() -> tensor<f64>"),
    );
    let program = file("killed.nba", program);
    let out = dir.join("x.npy");
    let start = |name: &str, before: &str| {
        // With --json prints go to standard error at once: we see it has begun.
        let line = format!("{before} exec \"$0\" run --json \"$1\" --invoke {name} --out \"$2\"");
        let mut child = std::process::Command::new("sh")
            .args(["-c", &line, env!("CARGO_BIN_EXE_nbc"), &program, text(&out)])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut err = std::io::BufReader::with_capacity(1, child.stderr.take().unwrap());
        let mut line = String::new();
        err.read_line(&mut line).unwrap();
        assert_eq!((&*line, names(&dir).len()), ("go\n", 1));
        (child, err)
    };
    let send = |child: &std::process::Child, signal: &str| {
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    };
    let pause = || std::thread::sleep(std::time::Duration::from_millis(200));
    for (signal, number) in [("-TERM", 15), ("-HUP", 1), ("-USR1", 10), ("-ALRM", 14)] {
        if is_ignored(number) {
            eprintln!("skipped: kill {signal}, which whoever started this test has had ignored");
            continue;
        }
        let (mut child, _err) = start("spin", "");
        send(&child, signal);
        let status = child.wait().unwrap();
        if cfg!(target_os = "linux") {
            assert_eq!(status.signal(), Some(number));
        }
        assert!(status.signal().is_some() && names(&dir).is_empty(), "{signal}: {:?}", names(&dir));
    }
    if is_ignored(2) {
        eprintln!("skipped: Ctrl-C, which whoever started this test has had ignored");
    } else {
        // The first Ctrl-C is a trap.
        let (mut child, _err) = start("spin", "");
        send(&child, "-INT");
        assert_eq!((child.wait().unwrap().code(), names(&dir).len()), (Some(1), 0));
        // Who waits for a reader does not see it; the second is the end.
        let (mut child, _err) = start("chatter", "");
        pause();
        send(&child, "-INT");
        pause();
        assert!(child.try_wait().unwrap().is_none());
        send(&child, "-INT");
        assert_eq!((child.wait().unwrap().signal(), names(&dir).len()), (Some(2), 0));
    }
    // As with `nohup`.
    let (mut child, _err) = start("spin", "trap '' HUP;");
    send(&child, "-HUP");
    pause();
    assert!(child.try_wait().unwrap().is_none());
    send(&child, "-TERM");
    assert_eq!((child.wait().unwrap().signal(), names(&dir).len()), (Some(15), 0));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn results_have_a_place_before_the_program_runs() {
    let dir = empty("out");
    let arrays = arrays("out");
    let (a, b) = (dir.join("a.npy"), dir.join("b.npy"));
    let two = ["run", &arrays, "--invoke", "two", "3", "--out", text(&a), "--out"];
    // Nothing has been printed: it did not run.
    refuses(&[&two[..], &["/nonexistent/b.npy"]].concat(), 2, &["cannot write /nonexistent/b.npy"]);
    refuses(&[&two[..], &[text(&dir)]].concat(), 2, &["cannot write", "directory"]);
    refuses(&[&two[..], &[text(&a)]].concat(), 2, &["two results cannot be in one file"]);
    assert!(names(&dir).is_empty(), "{:?}", names(&dir));
    let done = nbc(&[&two[..], &[text(&b)]].concat());
    assert_eq!((done.code, &*done.out), (0, "{\"a\": 1}\npartial3\n"), "{}", done.err);
    let read = |path: &Path| nbc::npy::read(&fs::read(path).unwrap()).unwrap();
    assert_eq!((read(&a), read(&b).dims()), (read(&b), &[3usize][..]));

    // A trap leaves what was there, and nothing where nothing was.
    let trap = |out: &str| nbc(&["run", &arrays, "--invoke", "trap", "0", "--out", out]);
    assert_eq!(trap(text(&a)).code, 1);
    assert_eq!(read(&a).dims(), [3]);
    assert_eq!(trap(text(&dir.join("c.npy"))).code, 1);
    assert_eq!(names(&dir), ["a.npy", "b.npy"]);

    // Standard output is for the file alone then.
    let args = ["run", &arrays, "--invoke", "two", "2", "--timing", "--out", "-"];
    let out = command().args(args).output().unwrap();
    assert_eq!(nbc::npy::read(&out.stdout).unwrap().as_slice::<i64>(), Some(&[0, 1][..]));
    let err = String::from_utf8(out.stderr).unwrap();
    assert!(err.starts_with("{\"a\": 1}\npartial2\n[0, 1]\n- "), "{err}");
    refuses(&[&args[..], &["--out", "-"]].concat(), 2, &["two results cannot be in one file"]);
    for name in if cfg!(unix) { &["-", "/dev/stdout"][..] } else { &["-"] } {
        let done = nbc(&["run", &arrays, "--invoke", "echo", "[1]", "--out", name, "--json"]);
        assert!(done.code == 2 && done.out.contains("both want standard output"), "{}", done.out);
    }
}

#[test]
fn errors_are_in_the_document_too() {
    let arrays = arrays("json");
    let run = |args: &[&str]| document(&[&["run", "--json", &arrays, "--invoke"], args].concat());
    let printed = "{\"a\": 1}\npartial";
    let (code, found, done) = run(&["trap", "0", "--fuel", "1000"]);
    assert_eq!((code, &*done.err, &found["error"]["code"]), (1, printed, &json!("divide_by_zero")));
    assert!(found["fuel_used"].as_u64() > Some(0) && found["memory_peak"].is_u64(), "{found}");
    assert!(found["memory_resident_peak"].as_u64() <= found["memory_peak"].as_u64(), "{found}");
    assert!(found["seconds"].is_f64() && found["compile_seconds"].is_f64(), "{found}");
    let (code, found, _) = run(&["trap", "0", "--fuel", "2"]);
    assert_eq!((code, &found["error"]["code"], &found["fuel_used"]), (1, &json!("out_of_fuel"), &json!(0)));
    let (code, found, done) = run(&["two", "1"]);
    assert_eq!((code, &*done.err, &found["results"][1]), (0, printed, &json!(1)));
    assert_eq!(found["results"][0], json!({ "data": [0], "dims": [1], "elem": "i64" }));
    for (args, kind) in [
        (&["run", "--json", "absent.nba"][..], "input"),
        (&["run", "--json", "--fuel", "x", "y.nba"], "usage"),
        (&["bench", "--json", "absent.nba"], "input"),
        (&["explain", "--json", "absent.nba"], "input"),
        (&["info", "--json", "absent.nba"], "input"),
        (&["asm", "--json", "absent.nba"], "input"),
        (&["dis", "--json", "absent.nba"], "input"),
        (&["fmt", "--json", "absent.nba"], "input"),
        (&["verify", "--json", "absent.nba"], "input"),
        (&["test", "--json", "absent.nba"], "input"),
    ] {
        let (code, found, done) = document(args);
        assert_eq!((code, &*done.err, &found["error"]["kind"]), (2, "", &json!(kind)), "{args:?}");
    }
}

#[test]
fn much_of_nothing_is_little_to_show() {
    let arrays = arrays("shown");
    let shown = |args: &[&str]| nbc(&[&["run", &arrays, "--invoke"], args].concat());
    for full in [&[][..], &["--full"]] {
        let done = shown(&[&["empty", "3000000000", "1"], full].concat());
        assert_eq!((done.code, &*done.out), (0, "[]\ntensor<f64> [3000000000, 1, 0], no elements\n"));
        let done = shown(&[&["empty", "2", "1"], full].concat());
        assert_eq!(done.out, "[[[]],\n\n [[]]]\n");
    }
    let (_, found, _) = document(&["run", &arrays, "--json", "--invoke", "empty", "3000000000", "1"]);
    assert_eq!(found["results"][0], json!({ "elem": "f64", "dims": [3_000_000_000u64, 1, 0], "data": [] }));
    let done = shown(&["list", "100000"]);
    assert_eq!(done.out, "[7, 7, 7, ..., 7, 7, 7]\n100000 items, abbreviated\n");
    assert_eq!(shown(&["list", "1500", "--full"]).out.matches('7').count(), 1500);
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 0)}";
    let huge = file("huge.npy", npy(header, &[]));
    let done = shown(&["echo", &huge]);
    assert_eq!(done.out, "[]\ntensor<f64> [4294967296, 4294967296, 0], no elements\n");
}

/// An `.npy` file.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let len = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), data].concat()
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let arrays = arrays("shapes");
    for shape in ["(9223372036854775808, 0)", "(18446744073709551615, 0)", "(4294967296, 4294967296)"] {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}");
        let path = file("shape.npy", npy(&header, &[]));
        refuses(&["run", &arrays, "--invoke", "echo", &path], 2, &["shape does not fit"]);
    }
}

#[test]
fn no_more_is_read_than_was_allowed() {
    let arrays = arrays("limits");
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000,)}";
    let kilo = file("kilo.npy", npy(header, &[0; 8000]));
    let sum = |limit: &[&str]| nbc(&[&["run", &arrays, "--invoke", "sum", &kilo, &kilo], limit].concat());
    assert_eq!(sum(&["--memory", "16000"]).code, 0);
    for (limit, part) in [
        (["--memory", "15999"], "only 7999 may be read: the arguments do not fit --memory 15999 bytes"),
        (["--memory", "1K"], "argument 1 of @sum"),
        (["--max-input", "7K"], "only 7168 may be read; --max-input BYTES lets more be read"),
    ] {
        let done = sum(&limit);
        assert!(done.code == 2 && done.err.contains(part), "{limit:?}: {}", done.err);
    }
    let large = file("large.nba", ";".repeat(5000));
    for command in ["run", "asm", "dis", "explain", "verify", "info", "fmt", "bench", "test"] {
        let parts = ["large.nba is larger than 4K", "help: --max-input BYTES"];
        refuses(&[command, "--max-input", "4K", &large], 2, &parts);
        let done = nbc(&[command, "--help"]);
        assert!(done.out.contains("--max-input"), "{command}");
    }
    // What a pipe brings, too.
    let done = run(command().args(["verify", "-", "--max-input", "5000"]), &[b';'; 9000]);
    assert!(done.code == 2 && done.err.contains("<stdin> is larger than 5000 bytes"), "{}", done.err);
}

#[cfg(target_os = "linux")]
#[test]
fn devices_pipes_and_holes_are_soon_refused() {
    let arrays = arrays("devices");
    for device in ["/dev/zero", "/dev/urandom"] {
        refuses(&["run", device], 2, &["not an NBC file"]);
        refuses(&["fmt", device], 2, &["not an NBC file"]);
        let argument = format!("@{device}");
        refuses(&["run", &arrays, "--invoke", "echo", &argument], 2, &["not an .npy file"]);
    }
    refuses(&["run", "/dev/null"], 2, &["the file is empty"]);
    refuses(&["fmt", "examples"], 2, &["cannot read examples: is a directory"]);
    refuses(&["run", &arrays, "--invoke", "echo", "@examples"], 2, &["cannot read examples"]);

    let dir = empty("sparse");
    let sparse = |name: &str, start: &[u8]| {
        let path = dir.join(name);
        fs::write(&path, start).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100 << 30).unwrap();
        path
    };
    refuses(&["run", text(&sparse("p.nba", b";"))], 2, &["p.nba is larger than 1G", "--max-input"]);
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (13421772780,)}";
    let mut start = npy(header, &[]);
    // The header fills what is not data, so that the size is right.
    let room = (100usize << 30) - 8 * 13_421_772_780 - start.len();
    start = npy(&format!("{header}{}", " ".repeat(room)), &[]);
    let path = sparse("a.npy", &start);
    let args = ["run", &arrays, "--invoke", "echo", text(&path)];
    refuses(&args, 2, &["takes 107374182240 bytes, and only 1073741824 may be read"]);
    refuses(&[&args[..], &["--memory", "1M"]].concat(), 2, &["do not fit --memory 1M"]);
    fs::remove_dir_all(&dir).unwrap();

    // A pipe that never ends, of text and of an array's data.
    let endless = |line: &str| {
        let script = format!("{line} | \"$0\" run - --max-input 1M");
        run(std::process::Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_nbc")]), b"")
    };
    let done = endless("yes ';'");
    assert!(done.err.contains("<stdin> is larger than 1M"), "{}", done.err);
    let one = file("one.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", b"x"));
    let pipe = dir.with_extension("pipe");
    let _ = fs::remove_file(&pipe);
    let script = "mkfifo \"$2\"; (cat \"$1\" /dev/zero > \"$2\") 2>/dev/null & \"$0\" run \"$3\" --invoke echo \"@$2\"";
    let mut shell = std::process::Command::new("sh");
    let done = run(shell.args(["-c", script, env!("CARGO_BIN_EXE_nbc"), &one, text(&pipe), &arrays]), b"");
    assert!(done.err.contains("has more data than its shape says"), "{}", done.err);
    fs::remove_file(&pipe).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn files_are_held_once() {
    let arrays = arrays("once");
    let size = 64 << 20;
    let header = format!("{{'descr': '<f8', 'fortran_order': True, 'shape': ({}, 8)}}", size / 64);
    let path = file("once.npy", npy(&header, &vec![0; size]));
    let most = most_memory(&["run", &arrays, "--invoke", "sum", &path, "[0]", "--tier", "interp"]);
    assert!(most < size as u64 * 3 / 2, "{most} bytes for an array of {size}");
    fs::remove_file(path).unwrap();
    // Comments, so that there is nothing but the text.
    let source = file("once.nba", "; text\n".repeat(size / 7) + ARRAYS);
    let most = most_memory(&["run", &source, "--invoke", "echo", "[0]", "--tier", "interp"]);
    assert!(most < size as u64 * 3 / 2, "{most} bytes for a text of {size}");
    fs::remove_file(source).unwrap();
}
