//! `nbc test`: which expectations it runs, and what it says of those that do
//! not hold. That it and the project's own tests mean the same by them is so
//! because they ask the same code.

use serde_json::{Value as Json, json};
use support::command::{command, file, nbc, refuses, run};

const HELD: &str = r#"; run: @double(2) == 4
; run: @double(-1)
; run: @third(1.0) ~= 0.3333 1e-3
; run: @pair([2] {1.0, 2.0}, [7, 8]) == [2] {2.0, 4.0}, [7, 8]
; slow: @double(3) == 6
; traps: @divide(0) divide_by_zero line 28
; traps: @double(3) out_of_fuel with fuel 1
; traps: @forever() out_of_memory with memory 100000
; fuel: @double(5) == 2
; prints: @hello() == "Hello\n"
import func @console.print(str)
const @hello: str = "Hello\n"
export func @double(%n: i64) -> i64 {
  %m = i64.mul %n, 2
  ret %m
}
export func @third(%x: f64) -> f64 {
  %y = f64.div %x, 3.0
  ret %y
}
export func @pair(%t: tensor<f64>, %l: list<i64>) -> (tensor<f64>, list<i64>) {
  %u = tensor.mul %t, 2.0
  ret %u, %l
}
export func @divide(%n: i64) -> i64 {
; a line more
; and one
  %r = i64.div 1, %n
  ret %r
}
export func @hello() {
  %s = const.get @hello
  call @console.print(%s)
  ret
}
export func @forever() {
  br again
again:
  %t = tensor.zeros<f64> [10]
  br again
}
"#;

#[test]
fn what_holds_is_counted() {
    let held = file("held.nba", HELD);
    for tier in ["interp", "auto", "jit"] {
        let done = nbc(&["test", &held, "--tier", tier]);
        assert_eq!((done.code, &*done.out, &*done.err), (0, &*format!("{held}: 10 expectations hold\n"), ""));
    }
    let done = nbc(&["test", &held, "--skip-slow"]);
    assert_eq!(done.out, format!("{held}: 9 expectations hold\n"));
    let done = run(command().args(["test", "-", "--json"]), HELD.as_bytes());
    let found: Json = serde_json::from_str(&done.out).unwrap();
    assert_eq!(found, json!({ "file": "<stdin>", "ok": true, "expectations": 10 }));
    let refused = "; refused: no function is called `@g`\n; line: 4\nfunc @f() {\n  call @g()\n  ret\n}\n";
    let done = nbc(&["test", &file("refused.nba", refused), "examples/hello.nba"]);
    assert_eq!((done.code, done.out.lines().count(), &*done.err), (0, 2, ""));
}

#[test]
fn what_does_not_hold_is_said() {
    let not = HELD
        .replace("@double(2) == 4", "@double(2) == 5")
        .replace("0.3333 1e-3", "0.3333 1e-9")
        .replace("line 28", "line 27")
        .replace("@double(5) == 2", "@double(5) == 3")
        .replace(r#"@hello() == "Hello\n""#, r#"@hello() == "hello""#);
    let not = file("not.nba", not);
    let held = file("also.nba", HELD);
    let done = nbc(&["test", &not, &held]);
    assert_eq!((done.code, &*done.out), (1, &*format!("{held}: 10 expectations hold\n")));
    for part in [
        "not.nba:1: @double: expected 5, found 4\n",
        "not.nba:3: @third: expected 0.3333, found 0.3333333333333333\n",
        "not.nba:6: @divide: expected divide_by_zero on lines [27], found\ntrap: divide_by_zero",
        "not.nba:9: @double: expected to use 3 units of fuel, used 2\n",
        "not.nba:10: @hello: what is printed is \"hello\" expected and \"Hello\\n\" found\n",
        "not.nba: 5 of 10 expectations do not hold\n",
    ] {
        assert!(done.err.contains(part), "no {part:?} in\n{}", done.err);
    }
    let done = nbc(&["test", "--json", &not]);
    let found: Json = serde_json::from_str(&done.out).unwrap();
    let error = &found["error"];
    assert_eq!((done.code, &*done.err, &error["kind"]), (1, "", &json!("expectations")));
    assert_eq!(error["failed"].as_array().unwrap().len(), 5);
    assert_eq!(error["failed"][1]["line"], 3);
    let endless = "; run: @f()\nexport func @f() {\n  br again\nagain:\n  br again\n}\n";
    let done = nbc(&["test", &file("endless.nba", endless), "--timeout", "50ms"]);
    assert!(done.code == 1 && done.err.contains("expected a result, found\ntrap: timeout"), "{}", done.err);
    let sound = "; refused: something\nfunc @f() {\n  ret\n}\n";
    refuses(&["test", &file("sound.nba", sound)], 1, &["expected to be refused, but it is sound"]);
}

#[test]
fn numbers_are_those_of_programs() {
    let program = "export func @f(%x: f64) -> f64 {\n  ret %x\n}\n\
                   export func @g(%x: f32) -> f32 {\n  ret %x\n}\n\
                   export func @i(%x: i64) -> i64 {\n  ret %x\n}\n\
                   export func @t(%x: tensor<u8>, %y: tensor<c128>) -> (tensor<u8>, tensor<c128>) {\n  ret %x, %y\n}\n";
    let held = "; run: @f(0x1p4) == 16.0
; run: @f(0x10) == 0x1p+4
; run: @f(1.5f64) == 1_5.0e-1_f64
; run: @f(0x1p4) == 16
; run: @f(nan:0x7ff8000000000001) == nan
; run: @f(nan) == nan:0x7ff8000000000001
; run: @g(-inf) == -inf_f32
; run: @g(0x1.8p-3f32) ~= 0.1875 0x1p-20
; run: @i(1_000) == 0x3e8 with fuel 1_000 with memory 0x10000
; run: @t([0x2] {0xff, 1_0}, [1] {(0x1p1, -1_0)}) == [2] {255, 10}, [1] {(2.0, -10)}
";
    let text = |head: &str| file("numbers.nba", format!("{head}{program}"));
    let path = text(held);
    let done = nbc(&["test", &path]);
    assert_eq!((&*done.out, &*done.err), (&*format!("{path}: 10 expectations hold\n"), ""));
    for (line, part) in [
        ("; run: @f(1e400) == 1", "1e400 is out of range for f64"),
        ("; run: @f(1) == 9007199254740993", "9007199254740993 is not exactly a value of type f64"),
        ("; run: @g(1) == 16777217", "16777217 is not exactly a value of type f32"),
        ("; run: @f(infinity) == inf", "expected f64, found infinity"),
        ("; run: @f(1) == -infinity", "-infinity is not a number"),
        ("; run: @f(NaN) == nan", "expected f64, found NaN"),
        ("; run: @f(1) == 0x1.8", "0x1.8 is not a number"),
        ("; run: @f(1f32) == 1", "expected f64, found 1f32"),
        ("; run: @t([1] {256}, [0] {})", "256 is out of range for u8"),
        ("; run: @t([1] {-1}, [0] {})", "is out of range for u8"),
        ("; run: @t([0] {}, [1] {(1e400, 0)})", "1e400 is out of range"),
    ] {
        refuses(&["test", &text(&format!("{line}\n"))], 2, &["numbers.nba", part]);
    }
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let with =
        |text: &str| file("with.nba", format!("{text}\nexport func @f(%n: i32) -> i32 {{\n  ret %n\n}}\n"));
    for (text, part) in [
        ("; nothing", "states no expectations"),
        ("; run: @g(1) == 1", "there is no exported @g"),
        ("; run: @f(1) == x", "expected i32, found x"),
        ("; run: @f(1) == 4294967296", "4294967296 is out of range for i32"),
        ("; run: @f(1) == 4294967295", "4294967295 is out of range for i32"),
        ("; run: @f(1) == 1.0", "expected an integer of type i32, found 1.0"),
        ("; run: @f(1) == 1i64", "expected i32, found 1i64"),
        ("; run: @f(1) ~= 1 -1e-9", "is no tolerance"),
        ("; run: @f(1) ~= 1 nan", "is no tolerance"),
        ("; run: @f(1) == 1 with fuel -1", "-1 is no such number"),
        ("; prints: @f(1) == \"\\xff\"", "is no ASCII character"),
        ("; prints: @f(1) == \"\\u00e9\"", "is no character"),
        ("; run: @f(1) == 1 and more", "is left over"),
        ("; run: @f(1, 2) == 1", "expected \")\""),
        ("; run: @f(1) == 1 with pepper 3", "no limit called \"pepper\""),
    ] {
        refuses(&["test", &with(text)], 2, &["with.nba", part]);
    }
    let binary = file("binary.nbc", nbc::Module::parse(HELD, "held.nba").unwrap().encode());
    refuses(&["test", &binary], 2, &["is not text"]);
    refuses(&["test", "absent.nba"], 2, &["cannot read absent.nba"]);
    refuses(&["test", &file("unsound.nba", "; run: @f()\nfunc @f() {\n")], 2, &["unsound.nba:"]);
    let greedy = "; run: @f()\nimport func @disk.read()\nexport func @f() {\n  call @disk.read()\n  ret\n}\n";
    refuses(&["test", &file("greedy.nba", greedy)], 2, &["disk.read(): not given"]);
}
