//! Functions of the program for each element, on the simulated driver of `tests/cudasim`: every instruction on scalars and all
//! control flow have the processor's bits, and what traps or takes long is left to the processor.

use cudasim::Sim;
use nbc_cuda::{Cuda, Options};
use nbc_ir::Type;
use nbc_ir::inst::{Effect, Opcode, Pattern, Role};
use nbc_runtime::device::DeviceCounts;
use nbc_runtime::engine::{Config, Engine, Limits};
use nbc_runtime::linker::Linker;
use nbc_runtime::object::{Element, OwnedTensor};
use nbc_runtime::value::Value;
use std::sync::Arc;
use std::time::Duration;

type Ran = (Result<Vec<Value>, String>, DeviceCounts, Option<u64>);

fn run(text: &str, args: &[Value], device: Option<&Arc<Cuda>>, limits: Limits) -> Ran {
    let config = match device {
        Some(device) => Config::new().device(device.clone()),
        None => Config::new().fusion(false),
    };
    let program =
        Engine::new(config).read(text.as_bytes(), "map.nba").unwrap_or_else(|e| panic!("{e}\n{text}"));
    let mut instance =
        Linker::new().instantiate_with(&program, limits).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let results = instance.call("main", args).map_err(|e| e.to_string());
    (results, instance.device_counts(), instance.fuel())
}

fn open() -> Arc<Cuda> {
    Cuda::open(0, Options::new()).unwrap_or_else(|e| panic!("{e}"))
}

/// Results as they are shown, tensors as bytes: there is one NaN where they leave a program.
fn shown(results: &Result<Vec<Value>, String>) -> String {
    let Ok(values) = results else { return format!("{results:?}") };
    let of = |value: &Value| match value {
        Value::Tensor(t) => format!("{:?} {:?} {:?}", t.elem(), t.dims(), t.as_bytes()),
        other => format!("{other:?}"),
    };
    values.iter().map(of).collect::<Vec<_>>().join("\n")
}

const FLOATS: [f64; 28] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.3,
    -7.25,
    33.0,
    1e-9,
    -1e-300,
    5e-324,
    1e300,
    -1e17,
    709.0,
    -745.0,
    255.0,
    2147483648.0,
    4294967295.5,
    -9.3e18,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MIN_POSITIVE,
    3e-39,
];
const INTEGERS: [i64; 18] = [
    0,
    1,
    -1,
    2,
    7,
    -13,
    31,
    63,
    64,
    255,
    65_537,
    -32_769,
    i32::MAX as i64,
    i32::MIN as i64,
    1 << 40,
    -(1 << 53) - 1,
    i64::MAX,
    i64::MIN,
];

/// Special values of a type, or only those for which nothing traps; argument number `at` takes them in an order of its own.
/// As many elements as `count` says.
fn values(ty: Type, at: usize, is_tame: bool, count: usize) -> Value {
    fn tensor<T: Element>(all: &[T], at: usize, count: usize) -> Value {
        let len = all.len();
        let elements: Vec<T> = (0..count).map(|n| all[[n, n / len, n / len / len][at] % len]).collect();
        Value::Tensor(OwnedTensor::from_slice(&[count as u64], &elements).expect("as many as said"))
    }
    let floats: Vec<f64> = if is_tame { vec![0.0, 0.5, 1.0, 7.75, 100.0, 2e9] } else { FLOATS.to_vec() };
    let integers: Vec<i64> = if is_tame { vec![3, 1, -1, 9, 1 << 30, -77] } else { INTEGERS.to_vec() };
    match ty {
        Type::F64 => tensor(&floats, at, count),
        Type::F32 => tensor(&floats.iter().map(|v| *v as f32).collect::<Vec<_>>(), at, count),
        Type::I64 => tensor(&integers, at, count),
        Type::I32 => tensor(&integers.iter().map(|v| *v as i32).collect::<Vec<_>>(), at, count),
        _ => tensor(&[true, false], at, count),
    }
}

/// All pairs of special values.
const PAIRS: usize = FLOATS.len() * FLOATS.len();

fn name(ty: Type) -> String {
    ty.display(&[]).to_string()
}

/// A program that maps a function with such a body, of such arguments `%x0`, `%x1`, ... Its result is `%r`.
fn mapped(body: &str, from: &[Type], to: Type) -> String {
    let params = |of: &dyn Fn(Type) -> String| {
        from.iter().enumerate().map(|(n, ty)| format!("%x{n}: {}", of(*ty))).collect::<Vec<_>>().join(", ")
    };
    let args: Vec<String> = (0..from.len()).map(|n| format!("%x{n}")).collect();
    let map = ["map", "map2", "map3"][from.len() - 1];
    let to = name(to);
    format!(
        "func @f({}) -> {to} {{\n{body}\n  ret %r\n}}
export func @main({}) -> tensor<{to}> {{\n  %f = func.ref @f\n  %r = tensor.{map} {}, %f\n  ret %r\n}}",
        params(&name),
        params(&|ty| format!("tensor<{}>", name(ty))),
        args.join(", ")
    )
}

/// What instructions on scalars read and write.
fn scalars(op: Opcode) -> Option<(Vec<Type>, Type)> {
    let (mut from, mut to) = (Vec::new(), None);
    for operand in op.operands() {
        match (operand.role, operand.pattern) {
            (Role::Def, Pattern::Exact(ty)) => to = Some(ty),
            (Role::Use, Pattern::Exact(ty)) if ty.is_scalar() => from.push(ty),
            _ => return None,
        }
    }
    let is_plain = matches!(op.effect(), Effect::Pure | Effect::Traps) && (1..=3).contains(&from.len());
    to.filter(|_| is_plain).map(|to| (from, to))
}

#[test]
fn every_instruction_on_scalars_has_the_processors_bits() {
    let Some(sim) = Sim::start("order=random:3 streams=lazy") else { return };
    let device = open();
    // By what they read and write, so that there are few kernels: which of them it is the last argument says.
    let mut alike: Vec<(Vec<Type>, Type, Vec<Opcode>)> = Vec::new();
    let (mut done, mut traps) = (0, 0);
    for &op in Opcode::ALL {
        let Some((from, to)) = scalars(op) else { continue };
        done += 1;
        if op.effect() == Effect::Pure && from.len() < 3 {
            match alike.iter_mut().find(|(f, t, _)| (f, t) == (&from, &to)) {
                Some((.., ops)) => ops.push(op),
                None => alike.push((from, to, vec![op])),
            }
            continue;
        }
        let names: Vec<String> = (0..from.len()).map(|n| format!("%x{n}")).collect();
        // With a branch it is no operation on whole tensors.
        let body = format!("  %r = {} {}\n  br out\nout:", op.mnemonic(), names.join(", "));
        let text = mapped(&body, &from, to);
        for is_tame in [true, false] {
            let each = from.iter().enumerate();
            let args: Vec<Value> = each.map(|(n, ty)| values(*ty, n, is_tame, 4 * PAIRS)).collect();
            let (here, ..) = run(&text, &args, None, Limits::new());
            let (there, counts, _) = run(&text, &args, Some(&device), Limits::new());
            assert_eq!(shown(&here), shown(&there), "{}", op.mnemonic());
            assert_eq!((counts.operations, counts.failed), (u64::from(here.is_ok()), 0), "{}", op.mnemonic());
            traps += u64::from(here.is_err());
        }
    }
    for (from, to, ops) in &alike {
        let labels: Vec<String> = (0..ops.len()).map(|n| format!("b{n}")).collect();
        let names: Vec<String> = (0..from.len()).map(|n| format!("%x{n}")).collect();
        let mut body = format!("  switch %x{}, [{}], b0\n", from.len(), labels.join(", "));
        for (n, op) in ops.iter().enumerate() {
            body += &format!("b{n}:\n  %r = {} {}\n  br out\n", op.mnemonic(), names.join(", "));
        }
        let all: Vec<Type> = from.iter().copied().chain([Type::I64]).collect();
        let text = mapped(&(body + "out:"), &all, *to);
        // Results of less than 1 KiB would stay on the host.
        let count = ops.len().max(2) * PAIRS;
        let mut args: Vec<Value> =
            from.iter().enumerate().map(|(n, ty)| values(*ty, n, false, count)).collect();
        let which: Vec<i64> = (0..count).map(|n| (n / PAIRS % ops.len()) as i64).collect();
        args.push(Value::Tensor(OwnedTensor::from_slice(&[count as u64], &which).expect("as many as said")));
        let (here, ..) = run(&text, &args, None, Limits::new());
        let (there, counts, _) = run(&text, &args, Some(&device), Limits::new());
        assert!(here.is_ok() && (counts.operations, counts.failed) == (1, 0), "{counts:?}\n{text}");
        if shown(&here) != shown(&there) {
            let bytes = |ran: &Result<Vec<Value>, String>| match ran.as_deref() {
                Ok([Value::Tensor(t)]) => t.as_bytes().to_vec(),
                other => panic!("{other:?}"),
            };
            let (here, there) = (bytes(&here), bytes(&there));
            let at = here.iter().zip(&there).position(|(a, b)| a != b).expect("one differs");
            let size = here.len() / count;
            panic!("{} of pair {}", ops[at / size / PAIRS % ops.len()].mnemonic(), at / size % PAIRS);
        }
    }
    assert!(done > 190 && traps >= 16 && alike.len() < 40, "{done} instructions, {traps} traps");
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

/// Functions of a number with every sort of control flow, and how many of their maps run on the device.
const PROGRAMS: &[(&str, &str, u64)] = &[
    (
        "a loop that ends by itself",
        "func @f(%x: f64) -> f64 {
  %n = i64.const 0
  %a = f64.abs %x
  br test
test:
  %c = f64.gt %a, 0.001
  br_if %c, more, done
more:
  %a = f64.mul %a, 0.75
  %n = i64.add %n, 1
  %many = i64.gt %n, 500
  br_if %many, done, test
done:
  %r = f64.from_i64 %n
  ret %r
}",
        1,
    ),
    (
        "functions that call others, with several results, and a switch",
        "func @parts(%x: f64) -> (f64, i64) {
  %i = i64.sat_f64 %x
  %w = f64.from_i64 %i
  %p = f64.sub %x, %w
  ret %p, %i
}
func @g(%x: f64, %k: i64) -> f64 {
  switch %k, [zero, one, two], other
zero:
  ret 0.5
one:
  %r = f64.exp %x
  ret %r
two:
  %r = f64.sin %x
  ret %r
other:
  %r = f64.pow %x, 1.5
  ret %r
}
func @f(%x: f64) -> f64 {
  %p, %i = call @parts(%x)
  %k = i64.and %i, 3
  %a = call @g(%p, %k)
  %b = call @g(%x, 2)
  %r = f64.add %a, %b
  ret %r
}",
        1,
    ),
    (
        "loops one in the other",
        "func @f(%x: f64) -> f64 {
  %r = f64.const 0.0
  %i = i64.const 0
  br outer
outer:
  %j = i64.const 0
  br inner
inner:
  %t = i64.mul %i, %j
  %u = f64.from_i64 %t
  %v = f64.mul %u, %x
  %s = f64.cos %v
  %r = f64.add %r, %s
  %j = i64.add %j, 1
  %c = i64.lt %j, %i
  br_if %c, inner, next
next:
  %i = i64.add %i, 1
  %d = i64.lt %i, 9
  br_if %d, outer, done
done:
  ret %r
}",
        1,
    ),
    (
        "one element in which it never ends soon",
        "func @f(%x: f64) -> f64 {
  %n = i64.const 30000
  %c = f64.gt %x, 1e299
  br_if %c, again, done
again:
  %n = i64.sub %n, 1
  %more = i64.gt %n, 0
  br_if %more, again, done
done:
  %r = f64.from_i64 %n
  ret %r
}",
        0,
    ),
    (
        "one element that traps",
        "func @f(%x: f64) -> f64 {
  %c = f64.eq %x, 33.0
  br_if %c, bad, good
bad:
  trap
good:
  ret %x
}",
        0,
    ),
    (
        "a function that calls itself",
        "func @f(%x: f64) -> f64 {
  %c = f64.lt %x, 2.0
  br_if %c, less, more
less:
  ret 1.0
more:
  %y = f64.mul %x, 0.01
  %r = call @f(%y)
  ret %r
}",
        0,
    ),
    (
        "a global is read",
        "global @g: f64 = 2.0
func @f(%x: f64) -> f64 {
  %g = global.get @g
  %r = f64.mul %g, %x
  ret %r
}",
        0,
    ),
];

const MAIN: &str = "
export func @main(%x: tensor<f64>) -> tensor<f64> {
  %f = func.ref @f
  %r = tensor.map %x, %f
  ret %r
}";

#[test]
fn control_flow_goes_there_and_what_traps_or_takes_long_comes_back() {
    let Some(sim) = Sim::start("") else { return };
    let device = open();
    let args = [values(Type::F64, 0, false, 2600)];
    for (what, functions, operations) in PROGRAMS {
        let text = format!("{functions}{MAIN}");
        let (here, ..) = run(&text, &args, None, Limits::new());
        for order in
            ["order=forward streams=lazy", "order=reverse", "order=random:1 streams=random", "order=random:2"]
        {
            sim.configure(order);
            let (there, counts, _) = run(&text, &args, Some(&device), Limits::new());
            assert_eq!(shown(&here), shown(&there), "{what}, {order}");
            assert_eq!((counts.operations, counts.failed), (*operations, 0), "{what}, {order}");
        }
        // Where fuel is counted, the processor runs it, for as much.
        let limits = || Limits::new().fuel(1 << 40);
        let (here, _, fuel) = run(&text, &args, None, limits());
        let (there, counts, its) = run(&text, &args, Some(&device), limits());
        assert_eq!((shown(&here), fuel, 0), (shown(&there), its, counts.operations), "{what}");
    }
    let compiled = device.calls().compiled;
    let text = format!("{}{MAIN}", PROGRAMS[0].1);
    run(&text, &args, Some(&device), Limits::new()).0.expect("it runs");
    assert_eq!(device.calls().compiled, compiled, "kernels are kept");
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn results_stay_there_and_bytes_and_indices_are_elements_too() {
    let Some(_sim) = Sim::start("order=random:4") else { return };
    let device = open();
    let text = "func @index(%i: i64) -> f64 {
  %c = i64.lt %i, 100
  br_if %c, few, many
few:
  %r = f64.from_i64 %i
  ret %r
many:
  %j = i64.rem %i, 97
  %r = f64.from_i64 %j
  ret %r
}
func @byte(%b: i32) -> i32 {
  %c = i32.gt %b, 200
  br_if %c, high, low
high:
  %r = i32.sub %b, 500
  ret %r
low:
  %r = i32.mul %b, 7
  ret %r
}
func @wide(%b: i32, %x: f64) -> f64 {
  br next
next:
  %y = f64.from_i32 %b
  %r = f64.fma %x, %y, 0.5
  ret %r
}
export func @main() -> (tensor<f64>, tensor<u8>, tensor<f64>, f64) {
  %index = func.ref @index
  %byte = func.ref @byte
  %wide = func.ref @wide
  %x = tensor.generate<f64> [40, 50], %index
  %y = tensor.mul %x, 3.0
  %b = tensor.cast<f64, u8> %y
  %c = tensor.map<u8, u8> %b, %byte
  %z = tensor.map2<u8, f64, f64> %c, %x, %wide
  %s = tensor.sum %z
  ret %x, %c, %z, %s
}";
    let (here, ..) = run(text, &[], None, Limits::new());
    let (there, counts, _) = run(text, &[], Some(&device), Limits::new());
    assert_eq!(shown(&here), shown(&there));
    assert_eq!((counts.operations, counts.to_device, counts.failed), (6, 0, 0), "{counts:?}");
}

#[test]
fn whatever_call_fails_in_a_map_the_answer_is_right_or_the_trap_says_why() {
    let Some(sim) = Sim::start("mem=64M streams=lazy") else { return };
    let text = format!("{}{}", PROGRAMS[0].1, MAIN.replace("  ret %r", "  %r = tensor.add %r, %x\n  ret %r"));
    let args = [values(Type::F64, 0, false, 2600)];
    let here = shown(&run(&text, &args, None, Limits::new()).0);
    let calls = {
        let device = open();
        run(&text, &args, Some(&device), Limits::new()).0.expect("it runs");
        drop(device);
        sim.calls("*")
    };
    let (mut answers, mut traps) = (0, 0);
    for code in [2, 1, 222, 719] {
        for n in 1..=calls {
            sim.reset();
            sim.configure("mem=64M streams=lazy");
            sim.fault(&format!("*@{n}={code}"));
            let Ok(device) = Cuda::open(0, Options::new()) else { continue };
            let (there, ..) = run(&text, &args, Some(&device), Limits::new());
            match &there {
                Ok(_) => {
                    assert_eq!(here, shown(&there), "call {n} fails with {code}");
                    answers += 1;
                }
                Err(e) => {
                    assert!(e.contains("the device has lost"), "call {n} fails with {code}: {e}");
                    traps += 1;
                }
            }
            drop(device);
            assert_eq!(sim.live_bytes(0), 0, "call {n} fails with {code}");
        }
    }
    assert!(answers > 60 && traps > 0, "{answers} answers, {traps} traps");
}

#[test]
fn a_function_that_takes_long_stops_in_time() {
    let Some(_sim) = Sim::start("") else { return };
    let device = open();
    let text = format!("{}{MAIN}", PROGRAMS[2].1);
    let elements = vec![1.0; 1 << 20];
    let args = [Value::Tensor(OwnedTensor::from_slice(&[1 << 20], &elements).expect("as many as said"))];
    let limits = Limits::new().timeout(Duration::from_millis(30));
    let (there, ..) = run(&text, &args, Some(&device), limits);
    assert!(there.as_ref().is_err_and(|e| e.contains("time")), "{there:?}");
}

#[test]
fn functions_that_call_the_next_one_twice_are_many_calls() {
    let Some(_sim) = Sim::start("") else { return };
    let device = open();
    let args = [values(Type::F64, 0, true, 200)];
    // The first calls all of them, so that none is deep when another calls it.
    let text = |count: usize| {
        let calls: String = (1..=count).map(|n| format!("  %x = call @f{n}(%x)\n")).collect();
        let mut text = format!("func @f(%x: f64) -> f64 {{\n{calls}  ret %x\n}}\n");
        text += "func @f1(%x: f64) -> f64 {\n  %x = f64.add %x, 1.0\n  ret %x\n}\n";
        for n in 2..=count {
            let twice = format!("  %x = call @f{0}(%x)\n  %x = call @f{0}(%x)\n", n - 1);
            text += &format!("func @f{n}(%x: f64) -> f64 {{\n{twice}  ret %x\n}}\n");
        }
        text + MAIN
    };
    for (count, operations) in [(7, 1), (12, 0)] {
        let (here, ..) = run(&text(count), &args, None, Limits::new());
        let (there, counts, _) = run(&text(count), &args, Some(&device), Limits::new());
        assert_eq!((shown(&here), operations), (shown(&there), counts.operations), "{count}");
    }
    // A launch of that would never end.
    let (there, ..) = run(&text(60), &args, Some(&device), Limits::new().timeout(Duration::from_millis(50)));
    assert!(there.as_ref().is_err_and(|e| e.contains("time")), "{there:?}");
}
