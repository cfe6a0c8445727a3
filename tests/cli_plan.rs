//! `nbc explain --plan`: what makes one pass over memory, and why other operations do not.

use serde_json::Value as Json;
use support::command::{self, file, nbc};

const PROGRAM: &str = "\
import func @host.f(f64) -> f64
func @double(%v: f64) -> f64 {
  %d = f64.fma %v, 2.0, 0.0
  ret %d
}
export func @main(%x: tensor<f64>, %y: tensor<f64>) -> f64 {
  %a = tensor.mul %x, 2.0
  %b = tensor.add %a, %y
  %s = tensor.sum %b
  %c = tensor.sqrt %y
  tensor.store %y, 0, %s
  %d = tensor.neg %c
  %g = func.ref @double
  %e = tensor.map %d, %g
  %h = tensor.exp %e
  %r = tensor.load %h, 0
  ret %r
}
";

#[test]
fn groups_and_reasons_are_shown_by_line() {
    let program = file("groups.nba", PROGRAM);
    let done = nbc(&["explain", "--plan", &program]);
    assert_eq!((done.code, &*done.err), (0, ""));
    assert_eq!(
        done.out,
        "\
@double
  no operations on elements
@main
  one pass of 3 operations
    line 7: tensor.mul       only the group sees its result
    line 8: tensor.add       only the group sees its result
    line 9: tensor.sum       computes them all
  alone line 10: tensor.sqrt
    no operation beside it makes its arguments or uses its result
    before: line 9: tensor.sum ends a group
    behind: line 11: tensor.store writes elements, or keeps objects
  alone line 12: tensor.neg
    no operation beside it makes its arguments or uses its result
    before: line 11: tensor.store writes elements, or keeps objects
    behind: line 14: tensor.zeros_like needs a result at once
  alone line 15: tensor.exp
    no operation beside it makes its arguments or uses its result
    behind: line 16: tensor.load reads elements of a result
"
    );
    let one = nbc(&["explain", "--plan", "--function", "double", &program]);
    assert_eq!(one.out, "@double\n  no operations on elements\n");
}

#[test]
fn a_file_without_lines_has_positions() {
    let program = file("binary.nba", PROGRAM);
    let binary = program.replace(".nba", ".nbc");
    assert_eq!(nbc(&["asm", &program, "--strip", "-o", &binary]).code, 0);
    let done = nbc(&["explain", "--plan", &binary]);
    assert!(done.out.contains("    block0:1: tensor.add"), "{}", done.out);
}

#[test]
fn the_plan_as_json() {
    let program = file("json.nba", PROGRAM);
    let done = nbc(&["explain", "--plan", "--json", "--function", "main", &program]);
    let json: Json = serde_json::from_str(&done.out).unwrap();
    let passes = &json["functions"][0]["passes"];
    assert_eq!(passes[0]["operations"][2]["operation"], "tensor.sum");
    assert_eq!(passes[0]["operations"][2]["line"], 9);
    assert_eq!(passes[0]["operations"][0]["kept"], false);
    assert_eq!(passes[1]["alone"][2], "behind: line 11: tensor.store writes elements, or keeps objects");
}

#[test]
fn what_only_compiling_has_is_refused() {
    let program = file("refused.nba", PROGRAM);
    command::refuses(&["explain", "--plan", "--only", "code", &program], 2, &["--plan", "--only"]);
    command::refuses(&["explain", "--plan", "--function", "nowhere", &program], 2, &["@nowhere"]);
}
