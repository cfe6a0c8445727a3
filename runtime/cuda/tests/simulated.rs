//! The CUDA device on the simulated driver of `tests/cudasim`: every operation against the processor's answer, in
//! several orders of threads; what happens when any call of the driver fails; and how many calls there are.
//!
//! No GPU is needed, and none is proven by it. Without a C++ compiler each test says SKIPPED. With `NBC_TEST_GPU=real` those
//! that are not about the simulated driver run on a GPU.

mod arrays;

use cudasim::Sim;
use nbc_cuda::kernels::{Reach, reach};
use nbc_cuda::{Cuda, Options, devices};
use nbc_ir::Elem;
use nbc_ir::catalogue::{Operation, Param, Precision};
use nbc_runtime::device::DeviceCounts;
use nbc_runtime::engine::{Config, Engine, Limits};
use nbc_runtime::linker::Linker;
use nbc_runtime::value::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Runs `text` on a device or on none, and gives what it returns and what it asked of the device.
fn run(text: &str, device: Option<&Arc<Cuda>>) -> Result<(Vec<Value>, DeviceCounts), String> {
    run_as(text, device, true)
}

/// The same, with operations in groups or one by one.
fn run_as(
    text: &str,
    device: Option<&Arc<Cuda>>,
    in_groups: bool,
) -> Result<(Vec<Value>, DeviceCounts), String> {
    let config = match device {
        Some(device) => Config::new().device(device.clone()).fusion(in_groups),
        None => Config::new().fusion(false),
    };
    let program =
        Engine::new(config).read(text.as_bytes(), "cuda.nba").map_err(|e| format!("{e}\n{text}"))?;
    let mut instance =
        Linker::new().instantiate_with(&program, Limits::new()).map_err(|e| format!("{e}\n{text}"))?;
    let results = instance.call("main", &[]).map_err(|e| e.to_string())?;
    Ok((results, instance.device_counts()))
}

fn open() -> Arc<Cuda> {
    Cuda::open(0, Options::new()).unwrap_or_else(|e| panic!("{e}"))
}

/// How many operations the device runs of all but the last, which makes `%r`.
fn operations_before(text: &str, device: &Arc<Cuda>) -> u64 {
    let is_before =
        |line: &&str| line.starts_with("  ") && !line.starts_with("  %r =") && *line != "  ret %r";
    let lines: Vec<&str> = text.lines().filter(is_before).collect();
    let text = format!("export func @main() {{\n{}\n  ret\n}}\n", lines.join("\n"));
    let (_, counts) = run(&text, Some(device)).unwrap_or_else(|e| panic!("{e}\n{text}"));
    counts.operations
}

/// Numbers whose order nobody would guess.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.0 >> 33
    }
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

const ALL: [Elem; 8] =
    [Elem::Bool, Elem::U8, Elem::I32, Elem::I64, Elem::F32, Elem::F64, Elem::C64, Elem::C128];

/// Statements that make `%name`, elements of that type with those dims: also zeros, infinities, NaN and what is large.
fn make(text: &mut String, name: &str, elem: Elem, dims: &[u64], seed: u64) {
    let list = format!("{dims:?}");
    let line = match elem {
        Elem::F32 | Elem::F64 => format!(
            "  %{name}u = tensor.random_normal<{elem}> {list}, {seed}
  %{name}v = tensor.mul %{name}u, 3.0
  %{name}k = tensor.random<{elem}> {list}, {}
  %{name}c = tensor.lt %{name}k, 0.05
  %{name}w = tensor.where %{name}c, 0.0, %{name}v
  %{name}d = tensor.gt %{name}k, 0.97
  %{name}x = tensor.where %{name}d, inf, %{name}w
  %{name}e = tensor.gt %{name}k, 0.985
  %{name} = tensor.where %{name}e, nan, %{name}x\n",
            seed + 1
        ),
        Elem::C64 | Elem::C128 => {
            let part = if elem == Elem::C64 { Elem::F32 } else { Elem::F64 };
            make(text, &format!("{name}re"), part, dims, seed);
            make(text, &format!("{name}im"), part, dims, seed + 2);
            format!("  %{name} = complex.of_parts %{name}re, %{name}im\n")
        }
        Elem::Bool => {
            format!("  %{name}u = tensor.random<f64> {list}, {seed}\n  %{name} = tensor.lt %{name}u, 0.5\n")
        }
        _ => format!(
            "  %{name}u = tensor.random_normal<f64> {list}, {seed}
  %{name}v = tensor.mul %{name}u, {}
  %{name} = tensor.cast<f64, {elem}> %{name}v\n",
            if elem == Elem::I64 { "1e12" } else { "100.0" }
        ),
    };
    text.push_str(&line);
}

/// A program that calls `row` with such elements, on shapes that `numbers` say; nothing where it has none.
fn program(row: &'static Operation, elems: &[Elem], numbers: &mut Numbers) -> Option<String> {
    let signature = row.typed();
    let [result] = &signature.results[..] else { return None };
    let (rows, columns) = (20 + numbers.below(30), 40 + numbers.below(60));
    let whole = [rows, columns];
    let shapes: [&[u64]; 6] = [&whole, &[columns], &[1], &[rows, 1], &[1, columns], &whole];
    let (mut text, mut call) = (String::new(), Vec::new());
    let is_product = row.name.starts_with("linalg.matmul");
    let folds = row.kind == nbc_ir::catalogue::Kind::Reduction;
    let dims_of = |at: usize, numbers: &mut Numbers| -> Vec<u64> {
        match at {
            0 if is_product => vec![rows, columns],
            _ if is_product => vec![columns, 33],
            // Longer than a block, so that blocks are folded too.
            0 if folds && numbers.below(2) == 0 => vec![3, 5000, 2],
            0 if folds => vec![rows, columns, 3],
            0 => whole.to_vec(),
            _ => shapes[numbers.below(6) as usize].to_vec(),
        }
    };
    for (at, param) in signature.params.iter().enumerate() {
        let elem = match param {
            Param::Tensor(v) | Param::TensorOrScalar(v) => elems[*v],
            Param::TensorOfParts(v) if elems[*v] == Elem::C64 => Elem::F32,
            Param::TensorOfParts(_) => Elem::F64,
            Param::Exact(nbc_ir::Type::Tensor(elem)) => *elem,
            Param::Exact(nbc_ir::Type::I64) => {
                call.push(numbers.below(3).to_string());
                continue;
            }
            Param::Exact(nbc_ir::Type::Str) if row.precision.is_some() => {
                call.push(format!("\"{}\"", Precision::ALL[numbers.below(3) as usize].name()));
                continue;
            }
            _ => return None,
        };
        let name = format!("a{at}");
        make(&mut text, &name, elem, &dims_of(at, numbers), numbers.next() % 1000);
        if row.divides && at == 1 && matches!(elem, Elem::U8 | Elem::I32 | Elem::I64) {
            write!(text, "  %zero = tensor.eq %a1, 0\n  %a1 = tensor.where %zero, 1, %a1\n")
                .expect("a string takes all");
        }
        call.push(format!("%{name}"));
    }
    // What arguments do not tell is written.
    let types = match elems {
        [from, to] => format!("<{from}, {to}>"),
        _ => String::new(),
    };
    let ty = result.result_type(elems)?;
    let is_tensor = matches!(ty, nbc_ir::Type::Tensor(_));
    let of = |ty| ALL.into_iter().rev().find(|elem| elem.scalar() == Some(ty)).map(|elem| elem.to_string());
    let ty = match ty {
        nbc_ir::Type::Tensor(elem) => format!("tensor<{elem}>"),
        scalar => of(scalar)?,
    };
    // A scalar is folded there only where its argument is.
    let kept = if is_tensor { "" } else { "  %a0 = tensor.copy %a0\n" };
    let mut all = format!("export func @main() -> {ty} {{\n{text}{kept}");
    write!(all, "  %r = {}{types} {}\n  ret %r\n}}\n", row.name, call.join(", "))
        .expect("a string takes all");
    Some(all)
}

/// The types that stand for the variables of a row, each that is allowed.
fn choices(row: &Operation) -> Vec<Vec<Elem>> {
    let mut all = vec![Vec::new()];
    for (_, class) in &row.typed().vars {
        let with = |before: &Vec<Elem>| -> Vec<Vec<Elem>> {
            let each = ALL.into_iter().filter(|elem| class.has(*elem));
            each.map(|elem| before.iter().copied().chain([elem]).collect()).collect()
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

/// What two answers have to be: the same, or close where that is all that is promised.
fn agree(here: &[Value], there: &[Value], is_close_enough: bool) -> bool {
    let [Value::Tensor(a), Value::Tensor(b)] = [&here[0], &there[0]] else {
        return format!("{here:?}") == format!("{there:?}");
    };
    // There is one NaN where elements leave a program.
    let same = (a.elem(), a.dims(), a.as_bytes()) == (b.elem(), b.dims(), b.as_bytes());
    if same || !is_close_enough {
        return same;
    }
    let close = |x: f64, y: f64, scale: f64| (x.is_nan() && y.is_nan()) || x == y || (x - y).abs() <= scale;
    match (a.as_slice::<f64>(), b.as_slice::<f64>()) {
        (Some(a), Some(b)) => a.iter().zip(b).all(|(x, y)| close(*x, *y, 1e-12 * (1.0 + x.abs()) * 100.0)),
        _ => match (a.as_slice::<f32>(), b.as_slice::<f32>()) {
            (Some(a), Some(b)) => a
                .iter()
                .zip(b)
                .all(|(x, y)| close((*x).into(), (*y).into(), 1e-4 * (1.0 + f64::from(x.abs())))),
            _ => false,
        },
    }
}

/// Orders of threads and blocks, and when queued work runs.
const ORDERS: [&str; 4] = [
    "order=forward streams=lazy",
    "order=reverse streams=eager",
    "order=random:1 streams=random",
    "order=random:2 streams=lazy",
];

#[test]
fn every_operation_gives_the_processors_answer_in_every_order_of_threads() {
    let Some(sim) = Sim::or_gpu("mem=256M") else { return };
    let device = open();
    let mut numbers = Numbers(7);
    let (mut rows, mut programs) = (0, 0);
    for (row, reached) in reach() {
        let Reach::Runs(_) = reached else { continue };
        // What libraries compute has tests of its own (`libraries.rs`), and so have complex products.
        let is_librarys = matches!(row.needs, Some("fft" | "linalg"));
        // Those of `exact.rs` have moduli, keys and lengths of their own, those of `sparse.rs` matrices.
        let families = ["modular.", "crypto.", "limbs.", "sparse."];
        let is_elsewhere = families.iter().any(|family| row.name.starts_with(family));
        if is_elsewhere || is_librarys || arrays::has_programs(row) {
            continue;
        }
        let mut has_run = false;
        let mut all = choices(row);
        // Conversions have 36 pairs; those in which a type meets itself say little.
        all.retain(|elems| elems.len() < 2 || elems[0] != elems[1]);
        let is_complex = |elems: &[Elem]| matches!(elems, [Elem::C64 | Elem::C128, ..]);
        all.retain(|elems| row.name != "linalg.matmul" || !is_complex(elems));
        for elems in all {
            let Some(text) = program(row, &elems, &mut numbers) else { panic!("{}: no program", row.name) };
            let (here, _) = run(&text, None).unwrap_or_else(|e| panic!("{e}\n{text}"));
            let before = operations_before(&text, &device);
            for (at, settings) in ORDERS.into_iter().enumerate() {
                sim.configure(settings);
                // Every other time one by one.
                let ran = run_as(&text, Some(&device), at % 2 == 1);
                let (there, counts) = ran.unwrap_or_else(|e| panic!("{e}\n{text}"));
                let close = row.name.starts_with("linalg.matmul");
                assert!(agree(&here, &there, close), "{settings}: {here:?}\n{there:?}\n{text}");
                assert_eq!(counts.failed, 0, "{settings}\n{text}");
                has_run |= counts.operations > before;
            }
            programs += 1;
        }
        assert!(has_run, "{} is said to run there and never has", row.name);
        rows += 1;
    }
    assert!(rows > 75 && programs > 200, "{rows} operations, {programs} programs");
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

/// A program with an operation of each class.
const CLASSES: &str = "export func @main() -> (tensor<f64>, f64) {
  %x = tensor.random<f64> [130, 150], 1
  %row = tensor.random<f64> [150], 2
  %a = tensor.add %x, %row
  %b = tensor.exp %a
  %s = tensor.sum_axis %b, 0
  %m = linalg.matmul %b, %row
  %c = tensor.cast<f64, i64> %m
  %l = tensor.lt %b, 2.0
  %w = tensor.where %l, %b, 1.0
  %k = tensor.copy %w
  %u = tensor.max %k
  %i = tensor.argmax_axis %k, 1
  %t = tensor.transpose %w, []
  %e = tensor.roll %t, [3], [1]
  %j = tensor.argsort %k, 1
  %g = tensor.take_along %k, %j, 1
  %d = tensor.concat %e, %e, 0
  %v = tensor.std_axes %g, [1], false, 1
  %n = tensor.norm_axes %d, [0], true
  %y = tensor.cumsum_axis %d, 0
  %q = tensor.searchsorted %v, %y, false
  %z = tensor.div %q, 3
  %f = tensor.sum_axes %z, [0], false
  ret %w, %u
}
";

/// Functions of the simulated driver that this sweep cannot meet, and why.
const OUTSIDE: [(&str, &str); 5] = [
    ("cuCtxGetCurrent", "the device sets its context and never asks"),
    ("cuCtxSynchronize", "the device waits for its stream"),
    ("cuMemGetInfo_v2", "the device counts what it takes"),
    ("cuMemcpyDtoDAsync_v2", "copies are kernels"),
    ("cuMemsetD8Async", "what overwrites secrets is swept in exact.rs"),
];

/// What is swept: settings, a fault that is there besides, and codes that each call fails with in its turn.
const SWEEPS: [(&str, &str, &[i32]); 3] = [
    // No memory, an invalid value, a PTX that the driver does not know, what is lost for good.
    ("mem=64M streams=lazy", "", &[2, 1, 222, 719]),
    // A device that the compiler does not know gets PTX.
    ("mem=64M streams=lazy cuda=12.4 cc=100", "", &[2]),
    // A kernel does not compile, so the compiler's log is read.
    ("mem=64M streams=eager", "nvrtcCompileProgram@1=6", &[2]),
];

#[test]
fn whatever_call_fails_the_answer_is_right_or_the_trap_says_why() {
    let Some(sim) = Sim::start("") else { return };
    let (here, _) = run(CLASSES, None).expect("it runs on the processor");
    // The host waits for what is queued now and then, as it does for much work.
    let opened = || Cuda::open(0, Options::new().queue(1 << 20));
    let (mut answers, mut traps, mut absent) = (0, 0, 0);
    // Of each function of the driver: how often it was called, and how often it failed.
    let mut seen: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (settings, besides, codes) in SWEEPS {
        let start = || {
            sim.reset();
            sim.configure(settings);
            if !besides.is_empty() {
                sim.fault(besides);
            }
        };
        start();
        let device = opened().expect("a device");
        let (there, counts) = run(CLASSES, Some(&device)).expect("it runs there");
        assert!(agree(&here, &there, true));
        assert!(counts.operations >= 22, "{counts:?}");
        drop(device);
        let calls = sim.calls("*");
        assert_eq!(sim.live_bytes(0), 0);
        // Every call fails with the first code; with the others one in four, unless all are asked for.
        let whole = std::env::var_os("NBC_SWEEP").is_some();
        let step = |code: i32| if whole || code == codes[0] { 1 } else { 4 };
        let all = codes.iter().flat_map(|code| (1..=calls).step_by(step(*code)).map(move |n| (code, n)));
        for (code, n) in all {
            start();
            sim.fault(&format!("*@{n}={code}"));
            match opened() {
                Err(_) => absent += 1,
                Ok(device) => {
                    match run(CLASSES, Some(&device)) {
                        Ok((there, _)) => {
                            let same = agree(&here, &there, true);
                            assert!(same, "{settings}: call {n} fails with {code}: {here:?}\n{there:?}");
                            answers += 1;
                        }
                        Err(e) => {
                            let why = e.contains("the device has lost");
                            assert!(why, "{settings}: call {n} fails with {code}: {e}");
                            traps += 1;
                        }
                    }
                    drop(device);
                }
            }
            assert_eq!(sim.live_bytes(0), 0, "{settings}: call {n} fails with {code}");
            for function in cudasim::functions() {
                let (calls, hits) = (sim.calls(function), sim.hits(function));
                let so_far = seen.entry(function.clone()).or_default();
                *so_far = (so_far.0 + calls, so_far.1 + hits);
            }
        }
    }
    println!("{:32} {:>8} {:>8}", "function", "calls", "failed");
    for (function, (calls, hits)) in &seen {
        println!("{function:32} {calls:8} {hits:8}");
    }
    for (function, (calls, hits)) in &seen {
        match OUTSIDE.iter().find(|(outside, _)| function == outside) {
            Some((_, why)) => assert_eq!(*calls, 0, "{function} is said to be outside of the sweep: {why}"),
            None => assert!(
                *hits > 0,
                "{function} was called {calls} times and never failed: CLASSES has no operation that needs it"
            ),
        }
    }
    assert!(
        answers > 100 && traps > 0 && absent > 0,
        "{answers} answers, {traps} traps, {absent} without a device"
    );
}

#[test]
fn a_full_device_leaves_it_to_the_processor() {
    let Some(sim) = Sim::start("mem=200K") else { return };
    let (here, _) = run(CLASSES, None).expect("it runs on the processor");
    let device = open();
    let (there, counts) = run(CLASSES, Some(&device)).expect("it runs all the same");
    assert!(agree(&here, &there, true) && counts.failed > 0 && !device.calls().lost, "{counts:?}");
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
    // A cap is a cap, though there were more.
    sim.configure("mem=64M");
    let device = Cuda::open(0, Options::new().memory(200 << 10)).expect("a device");
    let (_, counts) = run(CLASSES, Some(&device)).expect("it runs all the same");
    assert!(counts.failed > 0 && sim.live_bytes(0) <= 200 << 10);
}

#[test]
fn a_dispatch_makes_few_calls_and_a_second_run_compiles_nothing() {
    let Some(sim) = Sim::start("") else { return };
    let text = "export func @main() -> tensor<f64> {
  %x = tensor.full<f64> [3000], 2.0
  %a = tensor.mul %x, %x
  %b = tensor.add %a, 1.0
  %c = tensor.sqrt %b
  ret %c
}";
    let device = open();
    let run = |text: &str| run_as(text, Some(&device), false).expect("it runs");
    run(text);
    let (compiled, before) = (sim.calls("nvrtcCompileProgram"), sim.calls("*"));
    assert_eq!(compiled, 3);
    let launches = sim.calls("cuLaunchKernel");
    run(text);
    assert_eq!(sim.calls("nvrtcCompileProgram"), compiled, "kernels are kept");
    let (calls, launches) = (sim.calls("*") - before, sim.calls("cuLaunchKernel") - launches);
    assert_eq!(launches, 3);
    // One operation more, with its memory taken and given back: at most six calls besides the launch.
    let longer = text.replace("  ret %c", "  %d = tensor.add %c, 1.0\n  ret %d");
    let before = sim.calls("*");
    run(&longer);
    let more = sim.calls("*") - before - calls;
    assert!(more <= 7, "{more} calls for one operation more");
    assert_eq!(sim.calls("cuEventCreate") + sim.calls("cuStreamWaitEvent"), 0);
    assert_eq!(device.calls().compiled, 3);
}

#[test]
fn a_lost_device_is_lost_for_good_and_says_so_once() {
    let Some(sim) = Sim::start("mem=64M") else { return };
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = told.clone();
    let options = Options::new().on_loss(move |why| sink.lock().unwrap().push(why.to_owned()));
    let device = Cuda::open(0, options).expect("a device");
    sim.fault("cuLaunchKernel@1=700");
    for _ in 0..2 {
        let (there, _) = run(CLASSES, Some(&device)).expect("the processor goes on");
        let (here, _) = run(CLASSES, None).expect("it runs");
        assert!(agree(&here, &there, true));
    }
    let told = told.lock().unwrap();
    assert!(told.len() == 1 && told[0].contains("is lost"), "{told:?}");
    assert!(device.calls().lost && Cuda::open(0, Options::new()).is_err());
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn a_simulated_device_says_that_it_is_one() {
    let Some(sim) = Sim::start("devices=2 mem=64M") else { return };
    let all = devices().expect("two of them");
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|about| about.simulated && about.name.contains("SIMULATED")), "{all:?}");
    assert!(Cuda::open(2, Options::new()).is_err());
    let second = Cuda::open(1, Options::new()).expect("the second");
    run(CLASSES, Some(&second)).expect("it runs there");
    assert!(second.calls().launches > 0);
    assert_eq!(sim.live_bytes(0), 0);
    drop(second);
    assert_eq!(sim.live_bytes(1), 0);
}

#[test]
fn four_devices_work_at_a_time_and_none_sees_another() {
    for count in [2, 4] {
        let Some(sim) = Sim::start(&format!("devices={count} mem=64M streams=random order=random:5")) else {
            return;
        };
        let (here, _) = run(CLASSES, None).expect("it runs on the processor");
        let all: Vec<_> = (0..count)
            .map(|ordinal| Cuda::open(ordinal, Options::new()).unwrap_or_else(|e| panic!("{e}")))
            .collect();
        std::thread::scope(|scope| {
            for device in &all {
                scope.spawn(|| {
                    for _ in 0..3 {
                        let (there, counts) = run(CLASSES, Some(device)).expect("it runs there");
                        assert!(agree(&here, &there, true) && counts.failed == 0, "{counts:?}");
                    }
                });
            }
        });
        assert!(all.iter().all(|device| device.calls().launches > 0 && device.calls().failed == 0));
        drop(all);
        assert!((0..count as i32).all(|ordinal| sim.live_bytes(ordinal) == 0));
    }
}

#[test]
fn one_build_serves_cuda_12_and_13() {
    let Some(sim) = Sim::start("mem=64M") else { return };
    let (here, _) = run(CLASSES, None).expect("it runs on the processor");
    for (settings, runs_there) in [
        ("cuda=12.0", true),
        ("cuda=12.0 cc=70", true),
        ("cuda=13.0 cc=103", true),
        ("cuda=13.0 nvrtc=12.4", true),
        // Machine code of a newer compiler of the same CUDA is taken.
        ("cuda=12.0 nvrtc=12.9", true),
        // The compiler does not know the device: it writes PTX of an older one.
        ("cuda=12.4 cc=100", true),
        // PTX of a newer compiler is not taken: the processor does it.
        ("cuda=12.0 nvrtc=12.4 cc=100", false),
    ] {
        sim.reset();
        sim.configure(&format!("mem=64M {settings}"));
        let device = open();
        let (there, _) = run(CLASSES, Some(&device)).expect("it runs");
        assert!(agree(&here, &there, true), "{settings}");
        let calls = device.calls();
        assert_eq!(
            (calls.launches > 0, calls.failed == 0),
            (runs_there, runs_there),
            "{settings}: {calls:?}"
        );
    }
    for (settings, why) in [
        ("cuda=12.4 nvrtc=13.0", "NVRTC 13.0 makes code that the driver does not take: it knows CUDA 12.4"),
        ("cuda=13.0 cc=70", "NVRTC 13.0 makes no code for compute capability 7.0"),
    ] {
        sim.reset();
        sim.configure(settings);
        let absent = Cuda::open(0, Options::new()).err().unwrap_or_else(|| panic!("{settings}: a device"));
        assert_eq!(absent.to_string(), why);
        assert!(absent.remedy().contains("libnvrtc"), "{}", absent.remedy());
    }
}

#[test]
fn kernels_that_were_kept_are_not_compiled_again() {
    let Some(_sim) = Sim::or_gpu("mem=64M") else { return };
    let folder = std::env::temp_dir().join(format!("nbc-kept-kernels-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let (here, _) = run(CLASSES, None).expect("it runs on the processor");
    let with_folder = || {
        let device = Cuda::open(0, Options::new().kernels(&folder)).unwrap_or_else(|e| panic!("{e}"));
        let (there, _) = run(CLASSES, Some(&device)).expect("it runs there");
        assert!(agree(&here, &there, true) && device.notice().is_none());
        (device.calls().compiled, device.calls().found)
    };
    let (compiled, found) = with_folder();
    // Two operations may have the same text.
    assert!(compiled >= 9 && found < compiled, "{compiled} compiled, {found} found");
    assert_eq!(with_folder(), (0, compiled + found));
    // Files that are no good are replaced.
    let mut spoilt = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        spoilt += 1;
    }
    assert_eq!((spoilt, with_folder()), (compiled, (compiled, found)));
    assert_eq!(with_folder(), (0, compiled + found));
    // A folder that is none is said, and does no other harm.
    let file = folder.join("file");
    std::fs::write(&file, "").unwrap();
    let device = Cuda::open(0, Options::new().kernels(&file)).unwrap_or_else(|e| panic!("{e}"));
    assert!(device.notice().is_some_and(|notice| notice.contains("kernels are not kept")));
    drop(device);
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn the_page_says_of_every_operation_whether_it_runs() {
    let mut table = String::from("| operation | on a GPU |\n|---|---|\n");
    for (row, reached) in reach() {
        let (Reach::Runs(what) | Reach::Not(what)) = reached;
        let runs = if matches!(reached, Reach::Runs(_)) { "yes: " } else { "no: " };
        writeln!(table, "| `{}` | {runs}{what} |", row.name).expect("a string takes all");
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join("docs/gpu.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, _) = page.split_once("| operation | on a GPU |").expect("a table at the end");
    let wanted = format!("{before}{table}");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &wanted).expect("the page can be written");
    }
    assert!(page == wanted || std::env::var_os("BLESS").is_some(), "run BLESS=1 cargo test -p nbc-cuda");
}
