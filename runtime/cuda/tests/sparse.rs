//! Sparse matrices on the CUDA device: products and iterations have the processor's bits, fuel and traps, in every order of
//! threads; the matrix is sent once, and whatever call of the driver fails.
//!
//! No GPU is needed, and none is proven by it. Without a C++ compiler each test says SKIPPED.

use cudasim::Sim;
use nbc_cuda::{Cuda, Options};
use nbc_ir::Elem;
use nbc_runtime::device::DeviceCounts;
use nbc_runtime::engine::{Config, Engine, Limits};
use nbc_runtime::linker::Linker;
use nbc_runtime::object::{Format, OwnedSparse, OwnedTensor};
use nbc_runtime::value::Value;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What came of a program.
struct Ran {
    results: Result<Vec<Value>, String>,
    fuel: Option<u64>,
    counts: DeviceCounts,
}

fn run_with(text: &str, device: Option<&Arc<Cuda>>, limits: Limits, args: &[Value]) -> Ran {
    let config = device.map_or_else(Config::new, |device| Config::new().device(device.clone()));
    let program = Engine::new(config).read(text.as_bytes(), "sparse.nba");
    let program = program.unwrap_or_else(|e| panic!("{e}\n{text}"));
    let mut instance = Linker::new().instantiate_with(&program, limits).expect("it can be run");
    let results = instance.call("main", args).map_err(|e| e.to_string());
    Ran { results, fuel: instance.fuel(), counts: instance.device_counts() }
}

const FUEL: u64 = 1 << 40;

fn run(text: &str, device: Option<&Arc<Cuda>>) -> Ran {
    run_with(text, device, Limits::new().fuel(FUEL), &[])
}

fn open() -> Arc<Cuda> {
    Cuda::open(0, Options::new()).unwrap_or_else(|e| panic!("{e}"))
}

/// Values bit for bit, or the trap.
fn shown(results: &Result<Vec<Value>, String>) -> String {
    let values = match results {
        Ok(values) => values,
        Err(trap) => return trap.clone(),
    };
    let mut text = String::new();
    for value in values {
        match value {
            Value::Tensor(t) => write!(text, "{}{:?}{:?};", t.elem(), t.dims(), t.as_bytes()),
            Value::F64(x) => write!(text, "{:x};", x.to_bits()),
            other => write!(text, "{other:?};"),
        }
        .expect("a string takes all");
    }
    text
}

/// Numbers whose order nobody would guess.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % end
    }
}

const ORDERS: [&str; 4] = [
    "order=forward streams=lazy",
    "order=reverse streams=eager",
    "order=random:1 streams=random",
    "order=random:2 streams=lazy",
];

/// A statement, or several, that make `%name` of random elements.
fn random(name: &str, elem: Elem, dims: &str, seed: u64) -> String {
    match elem {
        Elem::C128 => format!(
            "  %{name}re = tensor.random_normal<f64> {dims}, {seed}
  %{name}im = tensor.random_normal<f64> {dims}, {}
  %{name} = complex.of_parts %{name}re, %{name}im\n",
            seed + 1
        ),
        _ => format!("  %{name} = tensor.random_normal<{elem}> {dims}, {seed}\n"),
    }
}

/// Statements that make `%a` of so many triples at random places, some of them the same. With `long` half of
/// them are in the first rows.
fn matrix(elem: Elem, [rows, cols]: [u64; 2], triples: u64, long: bool, seed: u64) -> String {
    let values = random("v", elem, &format!("[{triples}]"), seed);
    let squeezed = if long { "  %iu = tensor.mul %iu, %iu\n  %iu = tensor.mul %iu, %iu\n" } else { "" };
    format!(
        "  %iu = tensor.random<f64> [{triples}], {}
{squeezed}  %iv = tensor.mul %iu, {rows}.0
  %i = tensor.cast<f64, i64> %iv
  %ju = tensor.random<f64> [{triples}], {}
  %jv = tensor.mul %ju, {cols}.0
  %j = tensor.cast<f64, i64> %jv
{values}  %a = sparse.of_triples %i, %j, [{rows}, {cols}], %v\n",
        seed + 3,
        seed + 4
    )
}

#[test]
fn products_have_the_processors_bits_at_random_shapes() {
    let Some(sim) = Sim::or_gpu("mem=256M") else { return };
    let (device, cut) = (open(), Cuda::open(0, Options::new().queue(1 << 14)).expect("the same device"));
    let mut numbers = Numbers(5);
    let sides = [1, 2, 3, 17, 255, 256, 257, 600, 1500];
    let mut there = 0;
    for program in 0..45 {
        let elem = [Elem::F64, Elem::F32, Elem::C128][program % 3];
        let mut side = || sides[numbers.below(sides.len() as u64) as usize];
        let (dims, width) = ([side(), side()], [1, 2, 5, 33][program % 4]);
        let triples = [0, 1, 300, 5000][numbers.below(4) as usize];
        let mut body = matrix(elem, dims, triples, program % 2 == 0, 7 * program as u64);
        let [_, cols] = dims;
        body += &random("x", elem, &format!("[{cols}]"), 90);
        body += &random("z", elem, &format!("[{cols}, {width}]"), 91);
        // A view that begins in the middle.
        body += &random("big", elem, &format!("[3, {cols}]"), 92);
        let text = format!(
            "export func @main() -> (tensor<{elem}>, tensor<{elem}>, tensor<{elem}>, tensor<{elem}>) {{
{body}  %w = tensor.row %big, 1
  %p = sparse.matmul %a, %x
  %q = sparse.matmul %a, %z
  %r = sparse.matmul %a, %w
  %c = sparse.to_csc %a
  %s = sparse.matmul %c, %x
  ret %p, %q, %r, %s\n}}\n"
        );
        let here = run(&text, None);
        for (at, settings) in ORDERS.into_iter().enumerate() {
            sim.configure(settings);
            let found = run(&text, Some(if at % 2 == 0 { &device } else { &cut }));
            assert_eq!(shown(&here.results), shown(&found.results), "{settings}\n{text}");
            assert_eq!((here.fuel, found.counts.failed), (found.fuel, 0), "{settings}\n{text}");
            there += found.counts.operations;
        }
    }
    assert!(there > 400, "{there}");
    drop((device, cut));
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn matrices_without_rows_and_one_long_row_are_multiplied_too() {
    let Some(sim) = Sim::or_gpu("mem=256M") else { return };
    let device = Cuda::open(0, Options::new().queue(1 << 14)).expect("a device");
    for (dims, triples) in
        [([0, 5000], 0), ([5000, 0], 0), ([4000, 3], 0), ([1, 50_000], 60_000), ([2, 9000], 40_000)]
    {
        for elem in [Elem::F32, Elem::F64] {
            let [_, cols] = dims;
            let text = format!(
                "export func @main() -> (tensor<{elem}>, tensor<{elem}>) {{\n{}{}{}  %p = sparse.matmul %a, %x
  %q = sparse.matmul %a, %z\n  ret %p, %q\n}}\n",
                matrix(elem, dims, triples, false, 3),
                random("x", elem, &format!("[{cols}]"), 8),
                random("z", elem, &format!("[{cols}, 3]"), 9),
            );
            let (here, there) = (run(&text, None), run(&text, Some(&device)));
            assert_eq!(shown(&here.results), shown(&there.results), "{text}");
            assert_eq!((here.fuel, there.counts.failed), (there.fuel, 0), "{text}");
        }
    }
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

/// A program that solves the five-point Laplacian of a grid of `side` squared by `call`, which names `%a`, `%b`
/// and `%name`.
fn poisson(elem: Elem, side: u64, call: &str, name: &str) -> String {
    let ones = match elem {
        Elem::C128 => format!(
            "  %re = tensor.full<f64> [3, {side}], 2.0\n  %im = tensor.zeros<f64> [3, {side}]
  %two = complex.of_parts %re, %im\n"
        ),
        _ => format!("  %two = tensor.full<{elem}> [3, {side}], 2.0\n"),
    };
    let minus = match elem {
        Elem::C128 => "  %minus = tensor.full<f64> [3, 1], -0.5\n  %zero = tensor.zeros<f64> [3, 1]
  tensor.store %minus, 1, 1.0\n  %by = complex.of_parts %minus, %zero\n"
            .to_owned(),
        _ => format!("  %by = tensor.full<{elem}> [3, 1], -0.5\n  tensor.store %by, 1, 1.0\n"),
    };
    format!(
        "const @name: str = \"{name}\"
export func @main() -> (tensor<{elem}>, i64, f64) {{
  %name = const.get @name
{ones}{minus}  %bands = tensor.mul %two, %by
  %offsets = tensor.arange<i64> -1, 2, 1
  %line = sparse.of_diagonals %bands, %offsets, [{side}, {side}]
  %one = sparse.identity<{elem}> [{side}, {side}]
  %across = sparse.kron %line, %one
  %down = sparse.kron %one, %line
  %a = sparse.add %across, %down
{}  %x, %n, %residual = {call}
  ret %x, %n, %residual\n}}\n",
        random("b", elem, &format!("[{}]", side * side), 4),
    )
}

#[test]
fn iterations_have_the_processors_bits_fuel_and_traps() {
    let Some(sim) = Sim::or_gpu("mem=256M") else { return };
    let device = open();
    let calls = [
        ("sparse.cg %a, %b, %name, 1e-5, 200", "none"),
        ("sparse.cg %a, %b, %name, 1e-5, 200", "jacobi"),
        ("sparse.bicgstab %a, %b, %name, 1e-5, 200", "none"),
        ("sparse.bicgstab %a, %b, %name, 1e-5, 200", "jacobi"),
        // Too few iterations, more than rounding allows, and nothing to do.
        ("sparse.cg %a, %b, %name, 1e-5, 7", "jacobi"),
        ("sparse.bicgstab %a, %b, %name, 1e-30, 500", "none"),
        ("sparse.cg %a, %b, %name, 2.0, 0", "none"),
    ];
    let mut traps = 0;
    for (at, (call, name)) in calls.into_iter().enumerate() {
        for elem in [Elem::F64, Elem::F32, Elem::C128] {
            let text = poisson(elem, if at == 0 { 70 } else { 17 }, call, name);
            let here = run(&text, None);
            traps += u64::from(here.results.is_err());
            for settings in &ORDERS[at % 2..][..2] {
                sim.configure(settings);
                let there = run(&text, Some(&device));
                assert_eq!(shown(&here.results), shown(&there.results), "{settings}\n{text}");
                assert_eq!((here.fuel, there.counts.failed), (there.fuel, 0), "{settings}\n{text}");
                assert!(there.counts.operations > 0, "{text}");
            }
            // Stopped for want of fuel in the middle it is the same trap.
            let limits = || Limits::new().fuel((FUEL - here.fuel.unwrap_or(0)) * 2 / 3);
            let (here, there) =
                (run_with(&text, None, limits(), &[]), run_with(&text, Some(&device), limits(), &[]));
            assert_eq!((shown(&here.results), here.fuel), (shown(&there.results), there.fuel), "{text}");
        }
    }
    assert!(traps >= 6, "{traps}");
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn a_direction_that_is_not_positive_and_right_sides_that_are_odd_end_alike() {
    let Some(_sim) = Sim::or_gpu("mem=256M") else { return };
    let device = open();
    for change in [
        "  %b = tensor.mul %b, inf",
        "  %b = tensor.mul %b, 0.0",
        "  %b = tensor.mul %b, 1e-300",
        "  %b = tensor.mul %b, nan",
        "  %a = sparse.scale %a, -1.0",
    ] {
        for method in ["cg", "bicgstab"] {
            let call = format!("sparse.{method} %a, %b, %name, 1e-9, 300");
            let text =
                poisson(Elem::F64, 20, &call, "none").replace("  %x, %n,", &format!("{change}\n  %x, %n,"));
            let (here, there) = (run(&text, None), run(&text, Some(&device)));
            assert_eq!(shown(&here.results), shown(&there.results), "{text}");
            assert_eq!((here.fuel, there.counts.failed), (there.fuel, 0), "{text}");
        }
    }
}

#[test]
fn a_poisson_problem_is_solved_there_alone() {
    let Some(sim) = Sim::start("mem=256M streams=lazy") else { return };
    let device = open();
    let of = |most: u64| {
        let call = format!("sparse.cg %a, %b, %name, 1e-9, {most}");
        poisson(Elem::F64, 40, &call, "none").replace(
            "  ret %x",
            "  %y = sparse.matmul %a, %x\n  %d = tensor.sub %y, %b\n  %m = tensor.max %d\n  ret %x",
        )
    };
    let here = run(&of(500), None);
    let there = run(&of(500), Some(&device));
    assert_eq!(shown(&here.results), shown(&there.results));
    let values = there.results.expect("it converges");
    let Value::I64(iterations) = values[1] else { panic!("{values:?}") };
    assert!(iterations > 60, "{iterations}");
    // The right-hand side is made there; of the matrix three arrays are sent, once, for iterations and product.
    let (stored, n) = (5 * 40 * 40 - 4 * 40, 40 * 40);
    let counts = there.counts;
    assert_eq!((counts.to_device, counts.bytes_to_device), (3, (8 * (n + 1) + 12 * stored) as u64));
    // The largest distance and the solution come home.
    assert_eq!((counts.to_host, counts.bytes_to_host), (2, 8 + 8 * n as u64), "{counts:?}");
    assert_eq!(counts.failed, 0);
    // Of the driver's copies to the device, those of the matrix and a flag; home come three numbers of an iteration, those
    // before and after all, and what is said above.
    sim.reset();
    let there = run(&of(500), Some(&device));
    assert_eq!(shown(&here.results), shown(&there.results));
    assert_eq!(sim.calls("cuMemcpyHtoDAsync_v2"), 4);
    assert_eq!(sim.calls("cuMemcpyDtoHAsync_v2"), 3 * iterations + 2 + 1 + 1 + 2);
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn a_matrix_of_the_host_is_multiplied_there_and_stays_its_own() {
    let Some(sim) = Sim::or_gpu("mem=64M") else { return };
    let device = open();
    let n = 500u64;
    let places: Vec<[u64; 2]> = (0..n).flat_map(|i| [[i, i / 2], [i, 499]]).collect();
    let values: Vec<f64> = (0..places.len()).map(|at| 1.0 / (at as f64 + 1.0)).collect();
    let values = OwnedTensor::from_slice(&[values.len() as u64], &values).expect("there is memory");
    let matrix = OwnedSparse::of_places(Format::Csr, [n, n], &places, values).expect("a matrix");
    let text = "export func @main(%a: sparse<f64>) -> tensor<f64> {
  %x = tensor.random<f64> [500], 1
  %y = sparse.matmul %a, %x
  %z = sparse.matmul %a, %y
  ret %z
}";
    let args = [Value::Sparse(matrix)];
    let here = run_with(text, None, Limits::new(), &args);
    let there = run_with(text, Some(&device), Limits::new(), &args);
    assert_eq!(shown(&here.results), shown(&there.results));
    assert_eq!((there.counts.operations, there.counts.to_device), (3, 0), "{:?}", there.counts);
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

/// Products and both iterations.
fn swept() -> String {
    poisson(Elem::F64, 12, "sparse.cg %a, %b, %name, 1e-2, 100", "jacobi").replace(
        "  ret %x, %n",
        "  %z = tensor.random<f64> [144, 3], 2
  %p = sparse.matmul %a, %z
  %c = tensor.sum_axis %p, 1
  %x, %m, %residual = sparse.bicgstab %a, %c, %name, 1e-2, 100
  %n = i64.add %n, %m
  ret %x, %n",
    )
}

#[test]
fn whatever_call_fails_the_answer_is_right_or_the_trap_says_why() {
    let Some(sim) = Sim::start("") else { return };
    let text = swept();
    let here = run(&text, None);
    assert!(here.results.is_ok(), "{}", shown(&here.results));
    let opened = || Cuda::open(0, Options::new().queue(1 << 16));
    let start = || {
        sim.reset();
        sim.configure("mem=64M streams=lazy");
    };
    start();
    let device = opened().expect("a device");
    let there = run(&text, Some(&device));
    assert_eq!(shown(&here.results), shown(&there.results));
    assert!(there.counts.operations >= 5 && there.counts.failed == 0, "{:?}", there.counts);
    drop(device);
    let calls = sim.calls("*");
    let (mut answers, mut traps, mut cleared) = (0, 0, 0);
    // Full memory at every call, other errors at some: this is about what is left behind in the middle of an iteration.
    let whole = std::env::var_os("NBC_SWEEP").is_some();
    let step = |code: i32| if whole || code == 2 { 1 } else { 5 };
    let all =
        [2, 1, 719].into_iter().flat_map(|code| (1..=calls).step_by(step(code)).map(move |n| (code, n)));
    for (code, n) in all {
        start();
        sim.fault(&format!("*@{n}={code}"));
        if let Ok(device) = opened() {
            let there = run(&text, Some(&device));
            match &there.results {
                Ok(_) => {
                    assert_eq!(shown(&here.results), shown(&there.results), "call {n} fails with {code}");
                    // What was charged for an iteration that failed is not charged again.
                    assert_eq!(here.fuel, there.fuel, "call {n} fails with {code}");
                    answers += 1;
                }
                Err(e) => {
                    assert!(e.contains("the device has lost"), "call {n} fails with {code}: {e}");
                    traps += 1;
                }
            }
            cleared += sim.hits("cuMemsetD8Async");
            drop(device);
        }
        assert_eq!(sim.live_bytes(0), 0, "call {n} fails with {code}");
    }
    assert!(answers > 100 && cleared > 0, "{answers} answers, {traps} traps, {cleared} in vectors of zeros");
}

#[test]
fn a_full_device_leaves_it_to_the_processor() {
    let Some(sim) = Sim::start("mem=64M") else { return };
    let text = poisson(Elem::F64, 40, "sparse.cg %a, %b, %name, 1e-9, 500", "none");
    let here = run(&text, None);
    let mut failed = 0;
    // From too little for the right-hand side to enough for all.
    for memory in [10 << 10, 40 << 10, 90 << 10, 130 << 10, 170 << 10, 1 << 20] {
        let device = Cuda::open(0, Options::new().memory(memory)).expect("a device");
        let there = run(&text, Some(&device));
        assert_eq!(shown(&here.results), shown(&there.results), "{memory}");
        assert_eq!(here.fuel, there.fuel, "{memory}");
        assert!(device.in_use() <= memory);
        failed += u64::from(there.counts.failed > 0);
        assert!(memory < 1 << 20 || there.counts.failed == 0);
        drop(device);
        assert_eq!(sim.live_bytes(0), 0);
    }
    assert!(failed > 2, "{failed}");
}

#[test]
fn an_iteration_ends_with_the_programs_time() {
    let Some(_sim) = Sim::start("mem=256M") else { return };
    let device = open();
    let text = poisson(Elem::F64, 60, "sparse.cg %a, %b, %name, 1e-12, 1000000", "none");
    // The first time kernels are compiled.
    run(&text.replace("1000000", "2"), Some(&device));
    let since = Instant::now();
    let limits = Limits::new().timeout(Duration::from_millis(100));
    let there = run_with(&text, Some(&device), limits, &[]);
    let took = since.elapsed();
    assert!(shown(&there.results).contains("timeout") || there.results.is_ok(), "{}", shown(&there.results));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn what_lies_with_secrets_stays_unless_it_may_go() {
    let Some(sim) = Sim::start("mem=64M streams=lazy") else { return };
    let text = "export func @main() -> tensor<f64> {
  %k = tensor.full<u8> [32], 7
  %nonce = tensor.full<u8> [16], 1
  %t = tensor.full<u8> [64], 9
  %s = crypto.aes_ctr %t, %k, %nonce
  %v = tensor.cast<u8, f64> %s
  %x = tensor.tile %v, [8]
  %one = sparse.identity<f64> [512, 512]
  %p = sparse.matmul %one, %x
  ret %p
}";
    let here = run(text, None);
    for may in [false, true] {
        let device = Cuda::open(0, Options::new().secrets(may)).expect("a device");
        let there = run(text, Some(&device));
        assert_eq!(shown(&here.results), shown(&there.results));
        assert_eq!(there.counts.operations > 0, may, "{:?}", there.counts);
        drop(device);
        assert_eq!(sim.live_bytes(0), 0);
        assert!(!may || sim.left_behind() == 0, "{} bytes", sim.left_behind());
    }
}
