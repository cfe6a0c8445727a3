//! Groups of operations as one kernel, on the simulated driver of `tests/cudasim`: how many launches they take. They have
//! the bits of operations that run one by one on the processor. So it is in several orders of threads, and whatever
//! call of the driver fails.

use cudasim::Sim;
use nbc_cuda::{Cuda, Options};
use nbc_ir::Elem;
use nbc_runtime::device::DeviceCounts;
use nbc_runtime::engine::{Config, Engine, Limits};
use nbc_runtime::linker::Linker;
use nbc_runtime::value::Value;
use std::fmt::Write;
use std::sync::Arc;

/// What came of a program: results or the trap, fuel that is left, and most memory that was charged for.
#[derive(Debug)]
struct Ran {
    results: Result<Vec<Value>, String>,
    fuel: Option<u64>,
    peak: usize,
    counts: DeviceCounts,
}

fn run(text: &str, device: Option<&Arc<Cuda>>, limits: Limits) -> Ran {
    let config = match device {
        Some(device) => Config::new().device(device.clone()),
        None => Config::new().fusion(false).in_place(false),
    };
    let program =
        Engine::new(config).read(text.as_bytes(), "fused.nba").unwrap_or_else(|e| panic!("{e}\n{text}"));
    let mut instance =
        Linker::new().instantiate_with(&program, limits).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let results = instance.call("main", &[]).map_err(|e| e.to_string());
    Ran { results, fuel: instance.fuel(), peak: instance.memory().peak, counts: instance.device_counts() }
}

fn open() -> Arc<Cuda> {
    Cuda::open(0, Options::new()).unwrap_or_else(|e| panic!("{e}"))
}

/// Results as they are shown, elements as bytes: there is one NaN where they leave a program.
fn shown(results: &Result<Vec<Value>, String>) -> String {
    let Ok(values) = results else { return format!("{results:?}") };
    let of = |value: &Value| match value {
        Value::Tensor(t) => format!("{:?} {:?} {:?}", t.elem(), t.dims(), t.as_bytes()),
        Value::F64(v) => format!("{:x}", if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() }),
        Value::F32(v) => format!("{:x}", if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() }),
        other => format!("{other:?}"),
    };
    values.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// Calls that copy, and calls that wait.
fn copies_and_waits(sim: &Sim) -> (i64, i64) {
    let copies = ["cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyDtoDAsync_v2"];
    let waits = ["cuStreamSynchronize", "cuStreamQuery", "cuCtxSynchronize", "cuEventSynchronize"];
    let sum = |names: &[&str]| names.iter().map(|name| sim.calls(name)).sum();
    (sum(&copies), sum(&waits))
}

/// A tensor that the device has, and a chain of ten operations on it.
const RESIDENT: &str = "export func @main() -> tensor<f64> {
  %m = tensor.random<f64> [3, 6000], 1
  %x = tensor.sum_axis %m, 0
CHAIN  ret %x
}";
const CHAIN: &str = "  %a = tensor.mul %x, 0.5
  %b = tensor.add %a, %x
  %c = tensor.sqrt %b
  %d = tensor.sub %c, %a
  %e = tensor.maximum %d, 0.1
  %f = tensor.div %e, %b
  %g = tensor.abs %f
  %h = tensor.neg %g
  %i = tensor.floor %h
  %x = tensor.add %i, %c
";

#[test]
fn a_chain_of_ten_is_one_launch_no_copy_and_no_wait() {
    let Some(sim) = Sim::start("") else { return };
    let device = open();
    let (with, without) = (RESIDENT.replace("CHAIN", CHAIN), RESIDENT.replace("CHAIN", ""));
    let here = run(&with, None, Limits::new());
    // Kernels are there then.
    let there = run(&with, Some(&device), Limits::new());
    assert_eq!(shown(&here.results), shown(&there.results));
    assert_eq!((there.counts.groups, there.counts.operations), (1, 12), "{:?}", there.counts);
    run(&without, Some(&device), Limits::new());
    let mut seen = Vec::new();
    for text in [&without, &with] {
        sim.reset();
        let compiled = device.calls().compiled;
        run(text, Some(&device), Limits::new());
        assert_eq!(device.calls().compiled, compiled, "kernels are kept");
        seen.push((sim.calls("cuLaunchKernel"), copies_and_waits(&sim), sim.calls("*")));
    }
    let [(plain, apart, few), (launches, both, all)] = seen[..] else { unreachable!() };
    assert_eq!((launches - plain, both), (1, apart), "one launch more, and nothing else");
    assert!(all - few <= 7, "{} calls for a group", all - few);
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn a_reduction_ends_a_group_and_only_its_result_comes_home() {
    let Some(sim) = Sim::start("") else { return };
    let device = open();
    let text = "export func @main() -> f64 {
  %m = tensor.random<f64> [3, 20000], 1
  %x = tensor.sum_axis %m, 0
  %a = tensor.mul %x, 0.5
  %b = tensor.sqrt %a
  %s = tensor.dot %b, %x
  ret %s
}";
    let here = run(text, None, Limits::new());
    let there = run(text, Some(&device), Limits::new());
    assert_eq!(shown(&here.results), shown(&there.results));
    let counts = there.counts;
    assert_eq!((counts.groups, counts.operations, counts.to_host, counts.bytes_to_host), (1, 5, 1, 8));
    // Five blocks are folded by one launch, and what they come to by another.
    assert_eq!(sim.calls("cuLaunchKernel"), 4);
}

/// Numbers whose order nobody would guess.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        ((self.0 >> 33) % end as u64) as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

const FLOAT_PAIRS: [&str; 11] =
    ["add", "sub", "mul", "div", "minimum", "maximum", "rem", "floor_div", "mod", "hypot", "atan2"];
const FLOAT_ALONE: [&str; 12] =
    ["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest", "sign", "exp", "sin", "tanh", "cbrt"];
const INTEGER_PAIRS: [&str; 10] =
    ["add", "sub", "mul", "minimum", "maximum", "and", "or", "xor", "shl", "shr"];
const COMPLEX_PAIRS: [&str; 4] = ["add", "sub", "mul", "div"];
const ORDER: [&str; 6] = ["eq", "ne", "lt", "le", "gt", "ge"];

/// A program with a random group: of all types, some arguments broadcast, some results wanted behind it.
struct Group<'n> {
    numbers: &'n mut Numbers,
    text: String,
    /// Names of tensors by type, and whether they are as large as the result.
    known: Vec<(String, Elem, bool)>,
    made: usize,
}

impl Group<'_> {
    fn line(&mut self, elem: Elem, is_whole: bool, what: &str) -> String {
        self.made += 1;
        let name = format!("%v{}", self.made);
        writeln!(self.text, "  {name} = {what}").expect("a string takes all");
        self.known.push((name.clone(), elem, is_whole));
        name
    }

    /// Sources of a type: whole, a row, a column, one element.
    fn sources(&mut self, elem: Elem, rows: usize, columns: usize) {
        for (dims, is_whole) in [
            (format!("[{rows}, {columns}]"), true),
            (format!("[{columns}]"), false),
            (format!("[{rows}, 1]"), false),
            ("[1]".to_owned(), false),
        ] {
            let seed = self.numbers.below(1000);
            let u = format!("tensor.random_normal<f64> {dims}, {seed}");
            let u = self.line(Elem::F64, is_whole, &u);
            let made = match elem {
                Elem::F64 => format!("tensor.mul {u}, 3.0"),
                Elem::Bool => format!("tensor.lt {u}, 0.0"),
                Elem::C64 | Elem::C128 => {
                    let part = if elem == Elem::C64 { Elem::F32 } else { Elem::F64 };
                    let p = match part {
                        Elem::F32 => self.line(part, is_whole, &format!("tensor.cast<f64, f32> {u}")),
                        _ => u.clone(),
                    };
                    format!("complex.of_parts {p}, {p}")
                }
                _ => {
                    let scaled = self.line(Elem::F64, is_whole, &format!("tensor.mul {u}, 50.0"));
                    format!("tensor.cast<f64, {elem}> {scaled}")
                }
            };
            self.line(elem, is_whole, &made);
        }
    }

    /// A tensor of a type, or a scalar where that is allowed.
    fn any(&mut self, elem: Elem, is_whole: bool) -> Option<String> {
        let all: Vec<&(String, Elem, bool)> =
            self.known.iter().filter(|(_, e, w)| *e == elem && (*w || !is_whole)).collect();
        // The latest ones are wanted most.
        let recent = &all[all.len().saturating_sub(6)..];
        if recent.is_empty() { None } else { Some(recent[self.numbers.below(recent.len())].0.clone()) }
    }

    /// One operation on something whole.
    fn step(&mut self, elem: Elem) -> Option<String> {
        let a = self.any(elem, true)?;
        let literal = match elem {
            Elem::F64 | Elem::F32 => Some(["0.5", "-2.0", "inf", "0.0"][self.numbers.below(4)]),
            Elem::I32 | Elem::I64 | Elem::U8 => Some(["1", "7", "3"][self.numbers.below(3)]),
            _ => None,
        };
        let b = match literal {
            Some(literal) if self.numbers.below(4) == 0 => literal.to_owned(),
            _ => self.any(elem, false)?,
        };
        let (x, y) = if self.numbers.below(3) == 0 { (&b, &a) } else { (&a, &b) };
        let is_float = matches!(elem, Elem::F64 | Elem::F32);
        let is_complex = matches!(elem, Elem::C64 | Elem::C128);
        let what = match self.numbers.below(8) {
            0 if is_float => format!("tensor.{} {a}", self.numbers.one(&FLOAT_ALONE)),
            0 if elem == Elem::Bool => format!("tensor.not {a}"),
            0 => format!("tensor.neg {a}"),
            1 if !is_complex && elem != Elem::Bool => {
                let order = self.numbers.one(&ORDER);
                return Some(self.line(Elem::Bool, true, &format!("tensor.{order} {x}, {y}")));
            }
            2 => {
                let c = self.any(Elem::Bool, false)?;
                format!("tensor.where {c}, {x}, {y}")
            }
            3 if !is_complex && elem != Elem::Bool => {
                let to = self.numbers.one(&[Elem::F64, Elem::F32, Elem::I64, Elem::I32, Elem::U8]);
                if to == elem {
                    return None;
                }
                return Some(self.line(to, true, &format!("tensor.cast<{elem}, {to}> {a}")));
            }
            4 if is_float => format!("tensor.clip {a}, -1.0, {b}"),
            _ if is_float => format!("tensor.{} {x}, {y}", self.numbers.one(&FLOAT_PAIRS)),
            _ if is_complex => format!("tensor.{} {x}, {y}", self.numbers.one(&COMPLEX_PAIRS)),
            _ if elem == Elem::Bool => format!("tensor.{} {x}, {y}", self.numbers.one(&["and", "or", "xor"])),
            _ => format!("tensor.{} {x}, {y}", self.numbers.one(&INTEGER_PAIRS)),
        };
        Some(self.line(elem, true, &what))
    }
}

fn random_program(numbers: &mut Numbers) -> String {
    let (rows, columns) = (30 + numbers.below(90), 40 + numbers.below(90));
    let mut group = Group { numbers, text: String::new(), known: Vec::new(), made: 0 };
    let elems = [Elem::F64, Elem::F32, Elem::I64, Elem::I32, Elem::U8, Elem::Bool, Elem::C64, Elem::C128];
    let mut types = vec![Elem::F64, Elem::Bool];
    (0..2).for_each(|_| types.push(group.numbers.one(&elems)));
    for elem in types.clone() {
        group.sources(elem, rows, columns);
    }
    let (mut latest, steps) = (Vec::new(), 4 + group.numbers.below(20));
    for _ in 0..steps {
        let elem = group.numbers.one(&types);
        latest.extend(group.step(elem));
    }
    // Some of what was computed is wanted, and perhaps a sum.
    let mut kept: Vec<(String, Elem)> = Vec::new();
    for (name, elem, is_whole) in group.known.iter().rev().take(3) {
        if *is_whole {
            kept.push((name.clone(), *elem));
        }
    }
    let mut types: Vec<String> = kept.iter().map(|(_, elem)| format!("tensor<{elem}>")).collect();
    let mut results: Vec<String> = kept.iter().map(|(name, _)| name.clone()).collect();
    let ends = [
        ("sum", Elem::F64, "f64"),
        ("max", Elem::F64, "f64"),
        ("mean", Elem::F64, "f64"),
        ("any", Elem::Bool, "bool"),
        ("all", Elem::Bool, "bool"),
        ("sum", Elem::U8, "i32"),
        ("min", Elem::F32, "f32"),
        ("sum", Elem::I64, "i64"),
        ("prod", Elem::F32, "f32"),
    ];
    let (end, elem, ty) = group.numbers.one(&ends);
    if let Some(x) = group.any(elem, true).filter(|_| group.numbers.below(3) != 0) {
        writeln!(group.text, "  %end = tensor.{end} {x}").expect("a string takes all");
        types.push(ty.to_owned());
        results.push("%end".to_owned());
    }
    format!(
        "export func @main() -> ({}) {{\n{}  ret {}\n}}\n",
        types.join(", "),
        group.text,
        results.join(", ")
    )
}

#[test]
fn random_groups_have_the_processors_bits_fuel_and_memory_in_every_order_of_threads() {
    let Some(sim) = Sim::start("mem=256M") else { return };
    let device = open();
    let mut numbers = Numbers(std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(11));
    let orders =
        ["order=forward streams=lazy", "order=reverse streams=random", "order=random:5", "order=random:9"];
    let (mut groups, mut longest) = (0, 0);
    for turn in 0..32 {
        let text = random_program(&mut numbers);
        let fuel = 1 << 40;
        let here = run(&text, None, Limits::new().fuel(fuel));
        sim.configure(orders[turn % 4]);
        let there = run(&text, Some(&device), Limits::new().fuel(fuel));
        assert_eq!(shown(&here.results), shown(&there.results), "{}\n{text}", orders[turn % 4]);
        assert_eq!((here.fuel, here.peak, 0), (there.fuel, there.peak, there.counts.failed), "{text}");
        groups += there.counts.groups;
        longest = longest.max(there.counts.operations / there.counts.groups.max(1));
        // Stopped for want of fuel in the middle, it is the same trap.
        let used = fuel - here.fuel.unwrap_or(0);
        let limits = || Limits::new().fuel(used * 2 / 3);
        let (here, there) = (run(&text, None, limits()), run(&text, Some(&device), limits()));
        assert_eq!((shown(&here.results), here.fuel), (shown(&there.results), there.fuel), "{text}");
    }
    assert!(groups > 32 && longest > 8, "{groups} groups, {longest} operations in one");
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

/// Groups that are long, end in a sum, write into what dies, and have one operation that the device does not take.
const MIXED: &str = "
func @f(%x: f64) -> f64 {
  %y = f64.mul %x, 0.25
  %z = f64.exp %y
  %c = f64.lt %z, 1.0
  %r = select %c, %z, %y
  ret %r
}
export func @main() -> (tensor<f64>, tensor<i64>, f64) {
  %x = tensor.random<f64> [60, 70], 1
  %row = tensor.random<f64> [70], 2
  %f = func.ref @f
  %a = tensor.mul %x, %row
  %b = tensor.map %a, %f
  %x = tensor.add %b, 1.0
  %i = tensor.cast<f64, i64> %a
  %j = tensor.add %i, 3
  %q = tensor.div 84, %j
  %k = tensor.mul %q, %i
  %y = tensor.cast<i64, f64> %k
  %z = tensor.sub %y, %x
  %s = tensor.sum %z
  ret %x, %k, %s
}";

#[test]
fn maps_of_pure_functions_are_steps_and_what_the_device_does_not_take_comes_between() {
    let Some(sim) = Sim::start("mem=64M streams=lazy") else { return };
    let here = run(MIXED, None, Limits::new());
    let device = open();
    let there = run(MIXED, Some(&device), Limits::new());
    assert_eq!(shown(&here.results), shown(&there.results));
    let counts = there.counts;
    assert!(counts.groups >= 2 && counts.operations >= 12 && counts.failed == 0, "{counts:?}");
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn whatever_call_fails_in_a_group_the_answer_is_right_or_the_trap_says_why() {
    let Some(sim) = Sim::start("mem=64M streams=lazy") else { return };
    let here = shown(&run(MIXED, None, Limits::new()).results);
    let calls = {
        let device = open();
        run(MIXED, Some(&device), Limits::new());
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
            let there = run(MIXED, Some(&device), Limits::new());
            match &there.results {
                Ok(_) => {
                    assert_eq!(here, shown(&there.results), "call {n} fails with {code}");
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
    assert!(answers > 100 && traps > 0, "{answers} answers, {traps} traps");
}

#[test]
fn a_view_that_is_not_aligned_is_read_one_by_one() {
    let Some(_sim) = Sim::start("order=random:3") else { return };
    let device = open();
    // Odd rows begin between two pairs of doubles.
    let text = "export func @main() -> (tensor<f64>, tensor<f64>) {
  %m = tensor.random<f64> [3, 2001], 1
  %x = tensor.row %m, 1
  %a = tensor.mul %x, 0.5
  %b = tensor.add %a, 1.0
  %y = tensor.row %m, 2
  %c = tensor.mul %y, 0.5
  %d = tensor.add %c, 1.0
  ret %b, %d
}";
    let (here, there) = (run(text, None, Limits::new()), run(text, Some(&device), Limits::new()));
    assert_eq!(shown(&here.results), shown(&there.results));
    assert!(there.counts.groups > 0 && there.counts.failed == 0, "{:?}", there.counts);
}

#[test]
fn a_product_of_tensors_of_other_dims_traps_behind_a_group_as_alone() {
    let Some(_sim) = Sim::start("") else { return };
    let device = open();
    for (dims, traps) in [("[60, 50]", false), ("[50, 60]", true), ("[3000]", true), ("[60, 1, 50]", true)] {
        let text = format!(
            "export func @main() -> f64 {{
  %x = tensor.random<f64> [60, 50], 1
  %y = tensor.random<f64> {dims}, 2
  %a = tensor.mul %x, 0.5
  %b = tensor.add %a, 1.0
  %s = tensor.dot %b, %y
  ret %s
}}"
        );
        let (here, there) = (run(&text, None, Limits::new()), run(&text, Some(&device), Limits::new()));
        assert_eq!(shown(&here.results), shown(&there.results), "{dims}");
        assert_eq!((there.results.is_err(), there.counts.failed), (traps, 0), "{dims}");
    }
}

#[test]
fn what_a_device_without_room_leaves_to_the_processor_is_charged_for_once() {
    let Some(sim) = Sim::start("") else { return };
    // A quotient of integers and the exponential of complex numbers go there alone, and then belong to a group.
    let text = "export func @main() -> (tensor<i64>, tensor<c128>) {
  %u = tensor.random<f64> [60, 70], 1
  %m = tensor.mul %u, 50.0
  %i = tensor.cast<f64, i64> %m
  %q = tensor.div %i, 7
  %k = tensor.add %q, 1
  %l = tensor.mul %k, %q
  %z = complex.of_parts %u, %m
  %e = complex.exp %z
  %f = tensor.mul %e, %z
  %g = tensor.add %f, %e
  ret %l, %g
}";
    let limits = || Limits::new().fuel(1 << 40);
    let here = run(text, None, limits());
    for memory in [1 << 10, 40_000, 80_000, 120_000, 1 << 20] {
        let device = Cuda::open(0, Options::new().memory(memory)).unwrap_or_else(|e| panic!("{e}"));
        let there = run(text, Some(&device), limits());
        assert_eq!(shown(&here.results), shown(&there.results), "{memory}");
        assert_eq!((here.fuel, here.peak), (there.fuel, there.peak), "{memory}");
        drop(device);
        assert_eq!(sim.live_bytes(0), 0);
    }
}
