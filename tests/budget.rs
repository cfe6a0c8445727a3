//! Programs made to keep the compiler busy: whatever a program is, compiling it
//! takes time and memory in proportion to its size, or it stays interpreted; and
//! who waits for the compiler waits no longer than its limits.
//!
//! Speed is asserted of nothing. Limits here are such that time which grows with a
//! square would be far beyond.

use nbc::ir::{FuncId, Module, VerifiedModule};
use nbc::jit::budget::Budget;
use nbc::jit::lower::About;
use nbc::jit::lower::effort::Effort;
use nbc::jit::midend::{self, Options};
use nbc::jit::{CompileError, Jit, Mode, mir};
use nbc::runtime::engine::{Config, Engine, Limits};
use nbc::runtime::linker::Linker;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use std::fmt::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};
use support::repository;

/// Time for what should take a second or two.
const LONG: Duration = Duration::from_secs(30);

/// What is smaller in debug builds.
fn sized(number: usize) -> usize {
    if cfg!(debug_assertions) { number / 20 } else { number }
}

fn verified(text: &str) -> VerifiedModule {
    Module::parse(text, "budget.nba").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"))
}

/// A function with `lines` in the loop of `%i` up to `%n`, and in front of it.
fn in_a_loop(before: &str, lines: &str) -> String {
    format!(
        "export func @main(%n: i64) -> i64 {{
  %x = tensor.zeros<i64> [1024]
  %s = i64.const 0
  %i = i64.const 0
{before}  br loop
loop:
{lines}  br cont
cont:
  %i = i64.add %i, 1
  %c = i64.lt %i, %n
  br_if %c, loop, done
done:
  ret %s
}}
"
    )
}

/// Text of `number` parts.
fn parts(number: usize, part: impl Fn(usize, &mut String)) -> String {
    let mut text = String::new();
    (0..number).for_each(|n| part(n, &mut text));
    text
}

/// A chain of blocks, each entered or passed by.
fn blocks(number: usize) -> String {
    in_a_loop(
        "",
        &parts(number, |n, out| {
            let _ = write!(
                out,
                "  %c = i64.lt %s, {n}
  br_if %c, a{n}, b{n}
a{n}:
  %s = i64.add %s, %i
  br b{n}
b{n}:
"
            );
        }),
    )
}

/// Accesses behind many branches, each with many comparisons that say something.
fn facts(branches: usize, accesses: usize) -> String {
    let mut lines = String::from("  %x0 = i64.lt %i, 100\n  %y0 = i64.lt %i, %n\n");
    for n in 0..7 {
        let _ =
            writeln!(lines, "  %x{} = bool.and %x{n}, %y{n}\n  %y{} = bool.and %y{n}, %x{n}", n + 1, n + 1);
    }
    lines += &parts(branches, |n, out| {
        let _ = write!(
            out,
            "  %z = i64.lt %i, {}
  %z = bool.and %x7, %z
  br_if %z, b{n}, cont
b{n}:
",
            1_000_000 + n
        );
    });
    lines += "  %v = tensor.load %x, 0\n";
    lines += &parts(accesses, |_, out| out.push_str("  %v = tensor.load %x, %v\n"));
    in_a_loop("", &(lines + "  %s = i64.add %s, %v\n"))
}

/// Loops in each other.
fn nest(depth: usize) -> String {
    let begin = parts(depth, |n, out| {
        let _ = write!(out, "  %i{n} = i64.const 0\n  br h{n}\nh{n}:\n");
    });
    let mut end = String::new();
    for n in (0..depth).rev() {
        let _ = write!(
            end,
            "  %i{n} = i64.add %i{n}, 1\n  %c{n} = i64.lt %i{n}, 1\n  br_if %c{n}, h{n}, e{n}\ne{n}:\n"
        );
    }
    format!(
        "export func @main(%n: i64) -> i64 {{
  %s = i64.const 0
{begin}  %k = i64.const 0
  br in
in:
  %s = i64.add %s, %k
  %k = i64.add %k, 1
  %ck = i64.lt %k, %n
  br_if %ck, in, out
out:
{end}  ret %s
}}
"
    )
}

/// A chain of copies.
fn copies(number: usize) -> String {
    let lines = parts(number / 3, |_, out| out.push_str("  %t = copy %i\n  %s = copy %t\n  %t = copy %s\n"));
    in_a_loop("  %t = i64.const 0\n", &lines)
}

/// A switch of many targets, led to by some blocks.
fn switch(targets: usize) -> String {
    let list: Vec<String> = (0..targets).map(|n| format!("a{}", n % 4)).collect();
    let arms = parts(4, |n, out| {
        let _ = write!(out, "a{n}:\n  %s = i64.mul %s, {}\n  br cont\n", n + 3);
    });
    let ways = parts(200, |n, out| {
        let _ = write!(out, "  %c{n} = i64.lt %s, {n}\n  br_if %c{n}, v{n}, w{n}\nv{n}:\n  br to\nw{n}:\n");
    });
    let lines = format!("{ways}  br to\nto:\n  switch %i, [{}], a0\n{arms}", list.join(", "));
    in_a_loop("", &lines).replacen("  br cont\ncont:", "cont:", 1)
}

/// Many states of a machine, and a register for each.
fn states(number: usize) -> String {
    let before = parts(number, |n, out| {
        let _ = writeln!(out, "  %r{n} = i64.const {}", n % 7);
    });
    let list: Vec<String> = (0..number).map(|n| format!("b{n}")).collect();
    let arms = parts(number, |n, out| {
        let _ = write!(out, "b{n}:\n  %r{n} = tensor.load %x, %r{}\n  br cont\n", (n * 7 + 3) % number);
    });
    let lines = format!("  %q = i64.rem_u %i, %n\n  switch %q, [{}], b0\n{arms}", list.join(", "));
    in_a_loop(&before, &lines).replacen("  br cont\ncont:", "cont:", 1)
}

/// Much that is alive at once.
fn alive(number: usize) -> String {
    let made = parts(number, |n, out| {
        let _ = writeln!(out, "  %r{n} = i64.add %i, {n}");
    });
    let read = parts(number, |n, out| {
        let _ = writeln!(out, "  %s = i64.xor %s, %r{n}");
    });
    in_a_loop("", &(made + &read))
}

/// Many calls, of what is put in their place and of what is not.
fn calls(number: usize) -> String {
    let lines = parts(number, |_, out| out.push_str("  %s = call @r(%s)\n  %s = call @f(%s)\n"));
    let callees = "func @r(%x: i64) -> i64 {
  ret %x
}
func @f(%x: i64) -> i64 {
  %c = i64.lt %x, 0
  br_if %c, a, b
a:
  %r = call @f(%x)
  %t = call @f(%r)
  ret %t
b:
  ret %x
}
";
    callees.to_owned() + &in_a_loop("", &lines)
}

/// A chain of blocks that all may lead to one place.
fn ways_out(number: usize) -> String {
    in_a_loop(
        "",
        &parts(number, |n, out| {
            let _ = write!(out, "  %c = i64.lt %i, {}\n  br_if %c, b{n}, done\nb{n}:\n", 1_000_000 + n);
        }),
    )
}

/// Loops one after the other.
fn loops(number: usize) -> String {
    let lines = parts(number, |n, out| {
        let _ = write!(
            out,
            "  %i{n} = i64.const 0
  br l{n}
l{n}:
  %v{n} = tensor.load %x, %i{n}
  %s = i64.add %s, %v{n}
  %i{n} = i64.add %i{n}, 1
  %c{n} = i64.lt %i{n}, %n
  br_if %c{n}, l{n}, e{n}
e{n}:
"
        );
    });
    in_a_loop("", &lines)
}

/// Programs of every kind: just under sizes that are compiled, or treated with more
/// care, and far beyond.
fn kinds() -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut add = |name: &str, sizes: &[usize], make: &dyn Fn(usize) -> String| {
        for size in sizes {
            all.push((format!("{name} {size}"), make(sized(*size))));
        }
    };
    add("blocks", &[1_200, 14_000, 100_000], &blocks);
    add("facts", &[1_500, 15_000, 100_000], &|n| facts(n.min(48), n / 2));
    add("branches", &[1_500, 15_000, 100_000], &|n| facts(n / 2, n / 2));
    add("nest", &[38, 1_000, 9_000], &nest);
    add("copies", &[5_500, 55_000, 100_000], &copies);
    add("switch", &[5_000, 20_000, 100_000], &switch);
    add("states", &[200, 900, 1_900, 15_000], &states);
    add("alive", &[400, 2_900, 29_000], &alive);
    add("calls", &[2_500, 5_000, 25_000], &calls);
    add("ways out", &[1_900, 19_000, 100_000], &ways_out);
    add("loops", &[800, 7_000, 15_000], &loops);
    all
}

#[test]
fn compiling_ends_soon_whatever_the_program() {
    let jit = Jit::new(nbc::jit::Options::default());
    let Some(compiler) = jit.compiler() else {
        eprintln!("skipped: Cranelift does not know this processor");
        return;
    };
    for (name, text) in kinds() {
        let module = verified(&text);
        let main = FuncId::new(module.num_funcs() - 1);
        for metered in [false, true] {
            let loaded = Engine::default().load(module.clone()).loaded(metered);
            let start = Instant::now();
            let done = compiler.compile(&loaded, main, None, &|| false);
            let took = start.elapsed();
            println!("{name}, {}: {took:?}, {}", if metered { "metered" } else { "plain" }, done.is_ok());
            assert!(took < LONG, "{name}: {took:?}");
            use CompileError::{FrameTooLarge, TooLarge};
            assert!(matches!(done, Ok(_) | Err(TooLarge | FrameTooLarge(_))), "{name}: {:?}", done.err());
        }
    }
}

#[test]
fn taking_over_in_a_deep_nest_ends_soon() {
    let jit = Jit::new(nbc::jit::Options::default());
    let Some(compiler) = jit.compiler() else {
        eprintln!("skipped: Cranelift does not know this processor");
        return;
    };
    for depth in [10, sized(1_000), sized(9_000)] {
        let module = verified(&nest(depth));
        let loaded = Engine::default().load(module).loaded(false);
        let start = Instant::now();
        let done = compiler.compile(&loaded, FuncId(0), Some((depth as u32 + 1, 0)), &|| false);
        assert!(start.elapsed() < LONG, "{depth}: {:?}", start.elapsed());
        assert!(depth > 10 || done.is_ok());
    }
}

/// The work of the mid-end for function `id`, and what code is worth making of it.
fn passed(module: &VerifiedModule, id: FuncId, metered: bool) -> (Rc<Budget>, Effort) {
    let mut func = mir::build(module, id);
    let size = func.size();
    let budget = Rc::new(Budget::new(size));
    midend::run_within(&budget, &mut func, module, &Options::default(), metered, &mut |_, _| {});
    let effort = About::new(&func).map_or(Effort::TooMuch, |about| Effort::of(&func, &about, size));
    (budget, effort)
}

/// How far the first function of a text is compiled: not at all where it would take
/// far longer than it is long.
#[test]
fn what_takes_long_for_its_length_is_compiled_up_to_a_length() {
    let effort = |text: &str| {
        let module = verified(text);
        passed(&module, FuncId::new(module.num_funcs() - 1), false).1
    };
    assert_eq!(effort(&calls(2_400)), Effort::All);
    assert_eq!(effort(&calls(5_500)), Effort::TooMuch);
    // A call now and then is no matter.
    let seldom = |number: usize| {
        let mut text = calls(1);
        let sum = "  %s = i64.xor %s, %i\n".repeat(40);
        let line = "  %s = call @f(%s)\n";
        text = text.replacen(line, &format!("{line}{sum}").repeat(number), 1);
        text
    };
    assert_eq!(effort(&seldom(200)), Effort::All);
}

#[test]
fn the_same_work_is_done_every_time() {
    // More than there may be, so that it ends in the middle of something.
    let module = verified(&facts(48, 400));
    let spent = |_| passed(&module, FuncId(0), false).0.spent();
    let first = spent(());
    assert!(first > 0);
    assert_eq!(first, spent(()));
}

#[test]
fn ordinary_functions_are_far_from_any_limit() {
    let folders = ["benches/programs", "examples", "tests/programs"];
    let all = folders.into_iter().flat_map(|folder| repository::files(folder, "nba"));
    let (mut functions, mut most) = (0, 0);
    for path in all {
        let text = repository::read(&path);
        // Some are wrong on purpose.
        let Ok(module) = Module::parse(&text, "budget.nba").and_then(Module::verify) else { continue };
        for id in (module.imports.len()..module.num_funcs()).map(FuncId::new) {
            let size = module.function(id).unwrap().size();
            if size > 5_000 {
                continue;
            }
            for metered in [false, true] {
                let (budget, effort) = passed(&module, id, metered);
                assert_eq!(effort, Effort::All, "{} {}", path.display(), module.func_name(id));
                most = most.max(budget.spent() * 100 / Budget::new(size).left());
            }
            functions += 1;
        }
    }
    assert!(functions > 100, "only {functions} functions");
    assert!(most < 50, "one has done {most} % of the work that it may");
}

/// A tier that compiles at the first call, and what is to be compiled for long.
fn waiting() -> (Engine, VerifiedModule) {
    let options = nbc::jit::Options::new().mode(Mode::Always);
    let endless = loops(sized(6_000)).replace("  ret %s\n", "  br loop\n");
    (Engine::new(Config::new().tier(Jit::new(options))), verified(&endless))
}

#[test]
fn waiting_for_the_compiler_ends_at_the_deadline() {
    let (engine, module) = waiting();
    let program = engine.load(module);
    let limits = Limits::new().timeout(Duration::from_millis(20));
    let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
    // What goes on being compiled may be published between two calls.
    for _ in 0..3 {
        let error = instance.call("main", &[Value::I64(3)]).unwrap_err();
        assert_eq!(error.trap().unwrap().code(), TrapCode::Timeout);
    }
}

#[test]
fn waiting_for_the_compiler_ends_when_interrupted() {
    let (engine, module) = waiting();
    let program = engine.load(module);
    let mut instance = Linker::new().instantiate_with(&program, Limits::default()).unwrap();
    let interrupt = instance.interrupt_handle();
    let running = std::thread::spawn(move || instance.call("main", &[Value::I64(3)]).unwrap_err());
    std::thread::sleep(Duration::from_millis(20));
    interrupt.interrupt();
    let error = running.join().unwrap();
    assert_eq!(error.trap().unwrap().code(), TrapCode::Interrupted);
}

#[test]
fn compiling_needs_no_native_stack_of_the_program() {
    let options = nbc::jit::Options::new().mode(Mode::Always);
    let engine = Engine::new(Config::new().tier(Jit::new(options)));
    let program = engine.load(verified(&loops(3)));
    let run = move || {
        let mut instance = Linker::new().instantiate_with(&program, Limits::default()).unwrap();
        instance.call("main", &[Value::I64(3)]).unwrap()
    };
    let size = if cfg!(debug_assertions) { 256 << 10 } else { 64 << 10 };
    let small = std::thread::Builder::new().stack_size(size).spawn(run).unwrap();
    assert_eq!(small.join().unwrap().as_slice(), [Value::I64(0)]);
}
