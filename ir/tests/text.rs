//! The text format: what it reads, how it prints, and what it says about faults.

use nbc_ir::Module;

fn parse(text: &str) -> Module {
    match Module::parse(text, "test.nba") {
        Ok(module) => module,
        Err(error) => panic!("{error}\n{:?}", error.diagnostics()),
    }
}

/// Source lines are not printed, so they are no part of what comes back.
fn without_lines(mut module: Module) -> Module {
    for block in module.functions.iter_mut().flat_map(|f| &mut f.blocks) {
        block.lines.clear();
    }
    module
}

fn round_trip(text: &str) -> String {
    let module = parse(text);
    let printed = module.print();
    let again = parse(&printed);
    assert_eq!(without_lines(again), without_lines(module), "{printed}");
    printed
}

const TOUR: &str = r#"
; the tour
import func @console.print(str)
const @greeting: str = "hello\n"
const @table: tensor<f64> [2, 3] = {1.0, 2.0, 3.0,
   4.0, 5.0, -6.5e-3}
const @blob: tensor<u8> [4] = hex"00 ff 10 20"
const @z: tensor<c128> [2] = {(1, -2.5), (inf, nan)}
global @counter: i64 = 0
export global const @limit: f64 = 2.5
global @state: tensor<f64> = @table
global @callback: func<(f64) -> f64> = @square

export func @norm(%x: tensor<f64>) -> f64 {
  %n   = tensor.len %x
  %i   = i64.const 0
  %acc = f64.const 0
  br loop
loop:
  %more = i64.lt %i, %n
  br_if %more, body, done
body:
  %v   = tensor.load %x, %i
  %acc = f64.add %acc, %v
  %i   = i64.add %i, 1
  br loop
done:
  %r = f64.sqrt %acc
  ret %r
}

func @divmod(%a: i64, %b: i64) -> (i64, i64) { %q = i64.div %a, %b
  %r = i64.rem %a, %b
  ret %q, %r }

func @square(%x: f64) -> f64 {
  %y = f64.mul %x, %x
  ret %y
}

func @all(%x: tensor<f32>) {
  %n = i64.const 3
  %c = tensor.add %x, 2.0
  %z = tensor.zeros<f64> [3, %n]
  %s = tensor.slice %x, [0, 1], [2, 3]
  %q, %r = call @divmod(7, 2)
  %f = func.ref @square
  %m = tensor.map %z, %f
  %w = call_ref %f(1.5)
  %g = global.get @counter
  global.set @counter, %g
  %t = const.get @table
  %i32s = tensor.cast<i32> %t
  %l = list.new 3, 1.5f32
  %e = list.get %l, 0
  list.set %l, 1, 2.5
  tensor.store %x, 0, 1.0
  region.begin
  %d = tensor.tanh %x
  region.end keep %d
  region.begin
  region.end
  %k = copy 1i32
  %yes = bool.const true
  %sel = select %yes, %e, 4.0
  %h = const.get @greeting
  call @console.print(%h)
  %arange = tensor.arange 0.0, 1.0, 0.1
  switch %n, [a, b], other
a:
  ret
b:
  trap
other:
  ret
}
"#;

#[test]
fn the_tour_comes_back() {
    let printed = round_trip(TOUR);
    assert!(printed.contains("%c = tensor.add %x, 2.0\n"), "{printed}");
    assert!(printed.contains("%z = tensor.zeros<f64> [3, %n]\n"), "{printed}");
    assert!(printed.contains("%i32s = tensor.cast<i32> %t\n"), "{printed}");
    assert!(printed.contains("%k = copy 1i32\n"), "{printed}");
    assert!(!printed.contains("local"), "{printed}");
    assert!(!printed.contains("sig "), "{printed}");
    assert!(!printed.contains("use "), "{printed}");
    // Printing is stable.
    assert_eq!(parse(&printed).print(), printed);
}

#[test]
fn lines_and_names_are_kept() {
    let module = parse(TOUR);
    let norm = module.function(module.exported_func("norm").unwrap()).unwrap();
    assert_eq!(norm.blocks[1].name.as_deref(), Some("loop"));
    assert_eq!(norm.blocks[1].lines, [20, 21]);
    assert_eq!(norm.reg_names[3].as_deref(), Some("acc"));
    assert_eq!(module.source.unwrap().name.as_ref(), "test.nba");
}

#[test]
fn lists_go_over_lines() {
    let printed = round_trip(
        "func @f(\n  %x: f64, ; one\n  %g: func<(\n    func<() -> f64>,\n    f64) -> f64>) -> (\n f64,\n f64) {\n  local %h: func<(\nfunc<() -> f64>, f64) -> f64>\n  %r = call @f(\nnan:0x7ff8000000000001,\n  %g)\n  br next\nnext:\n  trap\n}",
    );
    assert!(printed.contains("call @f(nan:0x7ff8000000000001, %g)"), "{printed}");
}

#[test]
fn names_of_every_kind_come_back() {
    let printed = round_trip(
        "func @f(%7: i64, %\"a b\": i64, %\"7\"1: i64) -> i64 {\n  br \"block 1\"\n\"block 1\": %0 = i64.add %7, %\"7\"1\n  br block0\nentry:\n  br entry\n}",
    );
    assert!(printed.contains("func @f(%7: i64, %\"a b\": i64, %\"7\"2: i64)"), "{printed}");
}

#[test]
fn line_ends_of_windows_are_line_ends() {
    let module = parse("\u{feff}func @f() -> i64 {\r\n  ret 1 ; one\r\n}\r\n");
    assert_eq!(module.functions[0].blocks[0].lines, [2]);
}

#[test]
fn an_instruction_is_shown_by_itself() {
    let module = parse(TOUR);
    let func = &module.functions[0];
    let shown =
        |block: usize, at: usize| nbc_ir::inst_to_string(&module, func, &func.blocks[block].insts[at]);
    assert_eq!(shown(1, 1), "br_if %more, body, done");
    assert_eq!(shown(2, 2), "%i = i64.add %i, 1");
    assert_eq!(shown(0, 3), "br loop");
}

#[test]
fn zeros_and_strings_come_back() {
    let printed = round_trip(
        "const @z: tensor<c64> [2, 0] = zero\nglobal @s: tensor<f64> [300000] = zero\nglobal @t: tensor<u8> [2] = {1, 2}\nglobal @name: str = \"n\"\nimport func @console.print(str)\nfunc @f(%c: bool) -> str {\n  call @console.print(\"a\\n\")\n  %l = list.new 2, \"a\\n\"\n  %s = select %c, \"b\", \"n\"\n  %t = str.concat %s, \"b\"\n  %u = const.get \"c\"\n  ret \"a\\n\"\n}\n",
    );
    assert!(printed.contains("const @z: tensor<c64> [2, 0] = zero\n"), "{printed}");
    assert!(printed.contains("const @const1: tensor<f64> [300000] = zero\n"), "{printed}");
    assert!(printed.contains("global @s: tensor<f64> = @const1\n"), "{printed}");
    // Equal strings are one constant.
    assert_eq!(printed.matches("str = \"").count(), 4, "{printed}");
    let module = parse(&printed);
    module.clone().verify().unwrap();
    assert!(module.encode().len() < 400);
    assert_eq!(
        nbc_ir::format_source("global @s:tensor<f64>[3]=zero", "t").unwrap(),
        "global @s: tensor<f64> [3] = zero\n"
    );
}
