//! Exact arithmetic and ciphers of the CUDA device, on the simulated driver of `tests/cudasim`: rows of `modular`, `limbs` and
//! `crypto` against the processor, published vectors, traps, failures, and what is left of secrets.
//!
//! No GPU is needed, and none is proven by it. Without a C++ compiler each test says SKIPPED. With `NBC_TEST_GPU=real` rows
//! and traps are those of a real device.

use cudasim::Sim;
use nbc_cuda::kernels::{Reach, reach};
use nbc_cuda::{Cuda, Options};
use nbc_ir::Elem;
use nbc_ir::catalogue::Operation;
use nbc_runtime::device::{Device, DeviceArg, DeviceCall, DeviceCounts, DeviceTensor};
use nbc_runtime::engine::{Config, Engine, Limits};
use nbc_runtime::linker::Linker;
use nbc_runtime::value::Value;
use std::collections::HashSet;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a program returns, what it asked of the device, and the fuel it left.
type Ran = (Vec<Value>, DeviceCounts, Option<u64>);

fn run_within(text: &str, device: Option<&Arc<Cuda>>, limits: Limits) -> Result<Ran, String> {
    let config = match device {
        Some(device) => Config::new().device(device.clone()),
        None => Config::new().fusion(false),
    };
    let program =
        Engine::new(config).read(text.as_bytes(), "exact.nba").map_err(|e| format!("{e}\n{text}"))?;
    let mut instance =
        Linker::new().instantiate_with(&program, limits).map_err(|e| format!("{e}\n{text}"))?;
    let results = instance.call("main", &[]).map_err(|e| e.to_string())?;
    Ok((results, instance.device_counts(), instance.fuel()))
}

fn run(text: &str, device: Option<&Arc<Cuda>>) -> Result<Ran, String> {
    run_within(text, device, Limits::new().fuel(1 << 50))
}

fn open() -> Arc<Cuda> {
    Cuda::open(0, Options::new().secrets(true)).unwrap_or_else(|e| panic!("{e}"))
}

/// Numbers whose order nobody would guess.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % end
    }
}

/// Statements that make `%name`, elements of 64 bits that are any.
fn words(name: &str, dims: &[u64], seed: u64) -> String {
    let many = |n: u64| format!("{dims:?}, {}", 2 * seed + n);
    format!(
        "  %{name}p = tensor.random<f64> {}
  %{name}q = tensor.mul %{name}p, 4294967296.0
  %{name}r = tensor.cast<f64, i64> %{name}q
  %{name}s = tensor.shl %{name}r, 32
  %{name}t = tensor.random<f64> {}
  %{name}u = tensor.mul %{name}t, 4294967296.0
  %{name}v = tensor.cast<f64, i64> %{name}u
  %{name} = tensor.or %{name}s, %{name}v\n",
        many(0),
        many(1)
    )
}

/// The same of odd ones.
fn odd_words(name: &str, dims: &[u64], seed: u64) -> String {
    format!("{}  %{name} = tensor.or %{name}x, 1\n", words(&format!("{name}x"), dims, seed))
}

/// The same of bytes.
fn bytes(name: &str, len: u64, seed: u64) -> String {
    format!(
        "  %{name}p = tensor.random<f64> [{len}], {seed}
  %{name}q = tensor.mul %{name}p, 256.0
  %{name} = tensor.cast<f64, u8> %{name}q\n"
    )
}

fn program(types: &str, body: &str, results: &str) -> String {
    format!("export func @main() -> {types} {{\n{body}  ret {results}\n}}\n")
}

const MODULI: [i64; 10] =
    [1, 2, 7, 998_244_353, 1 << 32, (1 << 32) - 5, i64::MIN, -1, -59, 1_234_567_890_123_456_788];

/// Programs of a row, on shapes that `numbers` say.
fn programs(row: &'static Operation, numbers: &mut Numbers) -> Vec<String> {
    let name = row.name;
    let (rows, columns) = (20 + numbers.below(30), 20 + numbers.below(40));
    let seed = numbers.below(1000);
    let mut all = Vec::new();
    let mut i64s = |body: String| all.push(program("tensor<i64>", &body, "%r"));
    match name {
        "modular.add" | "modular.sub" | "modular.mul" | "modular.pow" => {
            for m in MODULI {
                let a = words("a", &[rows, columns], seed);
                let b = words("b", &[[columns, 1][(m & 1) as usize]], seed + 5);
                i64s(format!("{a}{b}  %r = {name} %a, %b, {m}\n"));
                i64s(format!("{a}  %k = tensor.copy %a\n  %r = {name} %k, 77, {m}\n"));
                i64s(format!("{a}  %n = i64.const -3\n  %r = {name} %n, %a, {m}\n"));
            }
        }
        "modular.reduce" => {
            for m in MODULI {
                i64s(format!("{}  %r = {name} %a, {m}\n", words("a", &[rows, columns], seed)));
            }
        }
        "modular.inverse" => {
            for m in [1, (1 << 61) - 1, 1 << 40, i64::MIN] {
                i64s(format!("{}  %r = {name} %a, {m}\n", odd_words("a", &[rows, columns], seed)));
            }
        }
        "modular.matmul" => {
            for m in MODULI {
                let inner = 1 + numbers.below(50);
                let a = words("a", &[rows, inner], seed);
                let b = words("b", &[inner, columns], seed + 7);
                i64s(format!("{a}{b}  %r = {name} %a, %b, {m}\n"));
                let a = words("a", &[3, rows, inner], seed);
                i64s(format!("{a}{b}  %r = {name} %a, %b, {m}\n"));
                let (a, b) = (words("a", &[200, inner], seed), words("b", &[inner], seed + 7));
                i64s(format!("{a}{b}  %r = {name} %a, %b, {m}\n"));
            }
        }
        "limbs.mod_mul" | "limbs.mod_pow" => {
            for limbs in [1, 2, 5, 8, 17, 32] {
                let rows = 130 / limbs + 1 + numbers.below(6);
                let is_power = name == "limbs.mod_pow";
                let others = if is_power { 1 + numbers.below(2) } else { limbs };
                let a = words("a", &[rows, limbs], seed);
                for (b, m) in [(vec![rows, others], vec![rows, limbs]), (vec![others], vec![limbs])] {
                    let (b, m) = (words("b", &b, seed + 3), odd_words("m", &m, seed + 9));
                    i64s(format!("{a}{b}{m}  %r = {name} %a, %b, %m\n"));
                }
                // Moduli that are small for their limbs: 1 and 3, and exponents of 0.
                let (b, dims) = (tensor_of(&[others], 0), vec![limbs]);
                let low = format!("  %one = tensor.full<i64> {dims:?}, 0\n  %m = tensor.or %one, 0\n");
                let set = "  %z = i64.const 0\n  tensor.store %m, %z, 3\n";
                i64s(format!("{a}{b}{low}{set}  %r = {name} %a, %b, %m\n"));
            }
        }
        _ => all.extend(of_bytes(name, numbers, seed)),
    }
    all
}

/// `%b`, elements that are all that number.
fn tensor_of(dims: &[u64], number: i64) -> String {
    format!("  %b = tensor.full<i64> {dims:?}, {number}\n")
}

/// A tensor `%a` of such elements and a few more or less bytes, with a NaN here and there.
fn elements(elem: Elem, len: u64, seed: u64) -> String {
    match elem {
        // A view that begins at no multiple of anything.
        Elem::U8 => format!("{}  %a = tensor.slice0 %w, 3, {}\n", bytes("w", len + 3, seed), len + 3),
        Elem::F32 | Elem::F64 => format!(
            "  %v = tensor.random_normal<{elem}> [{len}], {seed}
  %c = tensor.lt %v, -1.0
  %a = tensor.where %c, nan, %v\n"
        ),
        _ => format!("  %v = tensor.random<f64> [{len}], {seed}\n  %a = tensor.lt %v, 0.5\n"),
    }
}

fn of_bytes(name: &str, numbers: &mut Numbers, seed: u64) -> Vec<String> {
    let mut all = Vec::new();
    if name.ends_with("_rows") {
        for (elem, width) in
            [(Elem::U8, 55), (Elem::U8, 300), (Elem::F64, 9), (Elem::F32, 17), (Elem::Bool, 64)]
        {
            let rows = 40 + numbers.below(9);
            let (elements, dims) = (elements(elem, rows * width, seed), [rows, width]);
            let body = format!("{elements}  %d = tensor.reshape %a, {dims:?}\n  %r = {name} %d\n");
            all.push(program("tensor<u8>", &body, "%r"));
        }
        return all;
    }
    for (n, key) in [16, 24, 32, 16].into_iter().enumerate() {
        let elem = [Elem::U8, Elem::F64, Elem::F32, Elem::Bool][n];
        let len = 1100 + numbers.below(4000);
        let (a, key) = (elements(elem, len, seed), bytes("k", key, seed + 1));
        let vector = bytes("n", 16, seed + 2);
        let nonce = bytes("n", [12, 12, 7, 100][n], seed + 2);
        let with = match n {
            0 => "  %d = tensor.zeros<u8> [0]\n".to_owned(),
            _ => bytes("d", [1, 37, 5000][n - 1], seed + 3),
        };
        let (body, calls) = match name {
            "crypto.aes_ctr" => (vector, "  %r = crypto.aes_ctr %a, %k, %n\n"),
            "crypto.aes_gcm_encrypt" => (nonce + &with, "  %r = crypto.aes_gcm_encrypt %a, %k, %n, %d\n"),
            "crypto.aes_gcm_decrypt" => (
                nonce + &with,
                "  %e = crypto.aes_gcm_encrypt %a, %k, %n, %d\n  %r = crypto.aes_gcm_decrypt %e, %k, %n, %d\n",
            ),
            _ => (
                vector,
                "  %e = crypto.aes_cbc_encrypt %a, %k, %n\n  %r = crypto.aes_cbc_decrypt %e, %k, %n\n",
            ),
        };
        all.push(program("tensor<u8>", &format!("{a}{key}{body}{calls}"), "%r"));
    }
    all
}

fn is_exact(row: &Operation) -> bool {
    ["modular.", "crypto.", "limbs."].iter().any(|family| row.name.starts_with(family))
}

#[test]
fn every_row_gives_the_processors_answer_in_every_order_of_threads() {
    let Some(sim) = Sim::or_gpu("mem=256M") else { return };
    let device = open();
    let mut numbers = Numbers(11);
    let mut rows = HashSet::new();
    for (row, reached) in reach().filter(|(row, _)| is_exact(row)) {
        let Reach::Runs(_) = reached else { continue };
        for text in programs(row, &mut numbers) {
            let (here, _, fuel) = run(&text, None).unwrap_or_else(|e| panic!("{e}\n{text}"));
            for settings in [
                "order=forward streams=lazy",
                "order=reverse streams=eager",
                "order=random:3 streams=random",
                "order=random:29 streams=lazy",
            ] {
                sim.configure(settings);
                let before = device.calls().launches;
                let (there, counts, left) =
                    run(&text, Some(&device)).unwrap_or_else(|e| panic!("{e}\n{text}"));
                assert!(here == there, "{settings}: {here:?}\n{there:?}\n{text}");
                assert_eq!(left, fuel, "{settings}: fuel\n{text}");
                assert_eq!(counts.failed, 0, "{settings}\n{text}");
                assert!(device.calls().launches > before && counts.operations > 0, "{text}");
            }
        }
        rows.insert(row.name);
    }
    assert_eq!(rows.len(), 19, "{rows:?}");
    drop(device);
    assert_eq!((sim.live_bytes(0), sim.left_behind()), (0, 0));
}

const VECTORS: &str = include_str!("../../../tests/vectors/crypto.txt");

fn decoded(word: &str) -> Vec<u8> {
    let digits = if word == "-" { "" } else { word };
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits");
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// What the device itself makes of bytes; so texts may be short.
fn asked(sim: &Sim, device: &Cuda, name: &str, args: &[&[u8]], dims: &[u64]) -> Result<Vec<u8>, String> {
    let operation = Operation::find(name).expect("a row");
    let shapes: Vec<Vec<u64>> = args.iter().map(|arg| vec![arg.len() as u64]).collect();
    let rows = [1, args[0].len() as u64];
    let shape = |at: usize| if name.ends_with("_rows") { &rows[..] } else { &shapes[at] };
    let args: Vec<DeviceArg<'_>> = (0..args.len())
        .map(|at| DeviceArg::Bytes { bytes: args[at], elem: Elem::U8, dims: shape(at) })
        .collect();
    let len = dims.iter().product::<u64>() as usize;
    let memory = device.allocate(len.max(1)).ok_or("no memory")?;
    let result = DeviceTensor { memory, offset: 0, elem: Elem::U8, dims };
    let call = DeviceCall {
        operation,
        elems: &[Elem::U8],
        args: &args,
        result,
        others: &[],
        found: &[],
        must_stop: &|| false,
    };
    // It waits for what is queued, and the simulated memory is looked at.
    let done = device.run(&call).and_then(|()| device.to_host(memory, &mut [MaybeUninit::uninit()]));
    let found = sim.read(memory.0.get(), len);
    device.free(memory);
    done.map_err(|e| e.to_string())?;
    found.ok_or_else(|| "no such memory".to_owned())
}

#[test]
fn every_published_vector_comes_out() {
    let Some(sim) = Sim::start("mem=64M order=random:5 streams=lazy") else { return };
    let device = open();
    let (mut count, mut refused) = (0, 0);
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, result, ref given @ ..] = words[..] else { panic!("a vector has words") };
        let data: Vec<Vec<u8>> = match what {
            "gcm" | "cbc" | "ctr" => given.iter().map(|word| decoded(word)).collect(),
            _ if what.starts_with("sha") => given.iter().map(|word| decoded(word)).collect(),
            _ => continue,
        };
        let part = |at: usize| &data[at][..];
        let made = |name: &str, args: &[&[u8]], len: usize| asked(&sim, &device, name, args, &[len as u64]);
        match (what, result) {
            ("gcm", "valid") => {
                let (text, all) = (part(3), part(4));
                let made = made("crypto.aes_gcm_encrypt", &[text, part(0), part(1), part(2)], all.len());
                assert_eq!(made.as_deref(), Ok(all), "{line}");
                if !text.is_empty() {
                    let name = "crypto.aes_gcm_decrypt";
                    let back =
                        asked(&sim, &device, name, &[all, part(0), part(1), part(2)], &[text.len() as u64]);
                    assert_eq!(back.as_deref(), Ok(text), "{line}");
                }
            }
            ("gcm", "not_authentic") if part(4).len() >= 16 => {
                let name = "crypto.aes_gcm_decrypt";
                let back = made(name, &[part(4), part(0), part(1), part(2)], part(4).len() - 16);
                assert!(back.is_err_and(|e| e.contains("tag")), "{line}");
                refused += 1;
            }
            ("ctr", "valid") => {
                let made = made("crypto.aes_ctr", &[part(2), part(0), part(1)], part(3).len());
                assert_eq!(made.as_deref(), Ok(part(3)), "{line}");
            }
            ("cbc", "valid") => {
                let args = [part(3), part(0), part(1)];
                assert_eq!(
                    made("crypto.aes_cbc_decrypt", &args, part(2).len()).as_deref(),
                    Ok(part(2)),
                    "{line}"
                );
            }
            (_, "valid") if what.starts_with("sha") => {
                let name = format!("crypto.{what}_rows");
                let made = asked(&sim, &device, &name, &[part(0)], &[1, part(1).len() as u64]);
                assert_eq!(made.as_deref(), Ok(part(1)), "{line}");
            }
            _ => continue,
        }
        count += 1;
    }
    assert!(count > 1400 && refused > 250, "{count} vectors, {refused} of them refused");
    drop(device);
    assert_eq!((sim.live_bytes(0), sim.left_behind()), (0, 0));
}

#[test]
fn traps_are_the_processors() {
    let Some(_sim) = Sim::or_gpu("mem=64M") else { return };
    let device = open();
    let text = words("a", &[40, 20], 3);
    let square = words("b", &[20, 20], 4);
    let rows =
        |m: &str| format!("{text}  %e = tensor.full<i64> [1], 5\n{m}  %r = limbs.mod_pow %a, %e, %m\n");
    let even = "  %m = tensor.full<i64> [20], -2\n";
    let zero = "  %m = tensor.full<i64> [20], 0\n";
    let secret = |len: u64| format!("{}{}{}", bytes("t", 3000, 1), bytes("k", len, 2), bytes("n", 12, 3));
    let sealed = "  %d = tensor.zeros<u8> [0]\n  %e = crypto.aes_gcm_encrypt %t, %k, %n, %d\n";
    let changed =
        "  %i = i64.const 77\n  %x = tensor.load %e, %i\n  %y = i32.xor %x, 1\n  tensor.store %e, %i, %y\n";
    let open_it = "  %r = crypto.aes_gcm_decrypt %e, %k, %n, %d\n";
    let body: [(String, &str); 9] = [
        (format!("{text}  %r = modular.mul %a, 5, 0\n"), "tensor<i64>"),
        (format!("{text}{square}  %r = modular.matmul %a, %b, 0\n"), "tensor<i64>"),
        (format!("{text}{text}  %r = modular.matmul %a, %a, 7\n").replacen(&text, "", 1), "tensor<i64>"),
        (format!("{text}  %r = modular.inverse %a, 12\n"), "tensor<i64>"),
        (rows(zero), "tensor<i64>"),
        (rows(even), "tensor<i64>"),
        (format!("{}{sealed}{open_it}", secret(17)), "tensor<u8>"),
        (format!("{}{sealed}{changed}{open_it}", secret(16)), "tensor<u8>"),
        (format!("{}  %r = crypto.aes_cbc_decrypt %t, %k, %n\n", secret(16)), "tensor<u8>"),
    ];
    let mut traps = 0;
    for (body, ty) in body {
        let text = program(ty, &body, "%r");
        let (here, there) = (run(&text, None), run(&text, Some(&device)));
        traps += u64::from(here.is_err());
        match (here, there) {
            (Ok((here, ..)), Ok((there, ..))) => assert_eq!(here, there),
            (here, there) => assert_eq!(here.map(|ran| ran.0), there.map(|ran| ran.0), "{text}"),
        }
    }
    assert_eq!(traps, 8, "all but even moduli, which the processor takes");
}

/// A program with each way of computing.
fn classes() -> String {
    let made = [
        words("a", &[65, 2], 1),
        odd_words("m", &[2], 2),
        words("b", &[2, 2], 3),
        bytes("t", 1100, 4),
        bytes("k", 32, 5),
        bytes("n", 12, 6),
        bytes("c", 16, 7),
    ];
    let body = "  %d = tensor.zeros<u8> [0]
  %x = modular.pow %a, 5, 1000003
  %o = tensor.or %a, 1
  %y = modular.inverse %o, -9223372036854775808
  %z = modular.matmul %a, %b, -1
  %e = tensor.full<i64> [1], 65537
  %l = limbs.mod_pow %a, %e, %m
  %p = limbs.mod_mul %l, %a, %m
  %s = crypto.aes_gcm_encrypt %t, %k, %n, %d
  %u = crypto.aes_gcm_decrypt %s, %k, %n, %d
  %v = crypto.aes_ctr %u, %k, %c
  %q = tensor.to_bytes %p
  %h = tensor.reshape %q, [52, 20]
  %g = crypto.sha256_rows %h
";
    let types = "(tensor<i64>, tensor<i64>, tensor<i64>, tensor<i64>, tensor<u8>, tensor<u8>, tensor<u8>)";
    program(types, &(made.concat() + body), "%x, %y, %z, %p, %v, %g, %s")
}

#[test]
fn whatever_call_fails_the_answer_is_right_or_the_trap_says_why() {
    let Some(sim) = Sim::start("mem=64M streams=lazy") else { return };
    let text = classes();
    let (here, ..) = run(&text, None).expect("it runs on the processor");
    let calls = {
        let device = open();
        let (there, counts, _) = run(&text, Some(&device)).expect("it runs there");
        assert!(here == there && counts.operations >= 9 && counts.failed == 0, "{counts:?}");
        drop(device);
        sim.calls("*")
    };
    assert_eq!((sim.live_bytes(0), sim.left_behind()), (0, 0));
    let (mut answers, mut traps, mut hits) = (0, 0, 0);
    for code in [2, 719] {
        for n in 1..=calls {
            sim.reset();
            sim.configure("mem=64M streams=lazy");
            sim.fault(&format!("*@{n}={code}"));
            let Ok(device) = Cuda::open(0, Options::new().secrets(true)) else { continue };
            match run(&text, Some(&device)) {
                Ok((there, ..)) => {
                    assert!(here == there, "call {n} fails with {code}");
                    answers += 1;
                }
                Err(e) => {
                    assert!(e.contains("the device has lost"), "call {n} fails with {code}: {e}");
                    traps += 1;
                }
            }
            drop(device);
            assert_eq!(sim.live_bytes(0), 0, "call {n} fails with {code}");
            hits += sim.hits("cuMemsetD8Async");
            // What is lost for good the driver takes as it is.
            assert!(code == 719 || sim.left_behind() == 0, "call {n} fails with {code}");
        }
    }
    assert!(
        answers > 100 && traps > 0 && hits > 20,
        "{answers} answers, {traps} traps of {calls} calls, {hits} of those that overwrite"
    );
}

/// A key and a text that are easy to find again, and an operation on the text besides.
const SECRETS: &str = "export func @main() -> (tensor<u8>, i32) {
  %n = tensor.full<u8> [12], 9
  %d = tensor.zeros<u8> [0]
  %zero = i64.const 0
  region.begin
  %k = tensor.full<u8> [32], 201
  %t = tensor.full<u8> [4000], 173
  %e = crypto.aes_gcm_encrypt %t, %k, %n, %d
  %u = crypto.aes_gcm_decrypt %e, %k, %n, %d
  %v = tensor.add %u, 1
  %y = tensor.load %v, %zero
  region.end keep %e
  ret %e, %y
}
";

#[test]
fn secrets_stay_on_the_host_unless_somebody_says_that_they_may_go() {
    let Some(sim) = Sim::start("mem=64M") else { return };
    let device = Cuda::open(0, Options::new()).expect("a device");
    let (here, ..) = run(SECRETS, None).expect("it runs");
    let (there, counts, _) = run(SECRETS, Some(&device)).expect("it runs");
    assert_eq!((here, counts.operations, counts.to_device), (there, 0, 0));
    assert_eq!(sim.calls("cuLaunchKernel"), 0);
}

#[test]
fn of_secrets_nothing_is_left_on_the_device() {
    let Some(sim) = Sim::start("mem=64M streams=lazy") else { return };
    let device = open();
    let engine = Engine::new(Config::new().device(device.clone()));
    let program = engine.read(SECRETS.as_bytes(), "secrets.nba").expect("a program");
    let mut instance = Linker::new().instantiate(&program).expect("an instance");
    let results = instance.call("main", &[]).expect("it runs");
    assert_eq!(results[1], Value::I32(174));
    assert!(instance.device_counts().operations >= 3, "{:?}", instance.device_counts());
    // What is queued is done before anybody looks.
    let memory = device.allocate(1).expect("memory");
    device.to_host(memory, &mut [MaybeUninit::uninit()]).expect("a byte");
    device.free(memory);
    assert!(sim.live_bytes(0) > 0, "the instance keeps memory for what comes next");
    for (what, byte) in [("the key", 201), ("the text", 173), ("what was made of it", 174)] {
        assert!(!sim.holds(&[byte; 16]), "{what} is still there");
    }
    drop((instance, program, engine, device));
    assert_eq!((sim.live_bytes(0), sim.left_behind()), (0, 0));
    // The test would see it.
    let device = Cuda::open(0, Options::new()).expect("a device");
    let text = "export func @main() -> tensor<u8> {\n  %t = tensor.full<u8> [4000], 173\n  %u = tensor.add %t, 1\n  ret %u\n}\n";
    run(text, Some(&device)).expect("it runs");
    drop(device);
    assert!(sim.left_behind() > 4000);
}

#[test]
fn long_powers_are_many_launches_and_stop_in_time() {
    let Some(sim) = Sim::start("mem=64M streams=eager") else { return };
    let device = open();
    let body = [words("a", &[32, 32], 1), words("e", &[64], 2), odd_words("m", &[32], 3)].concat();
    let text = program("tensor<i64>", &(body + "  %r = limbs.mod_pow %a, %e, %m\n"), "%r");
    let begun = Instant::now();
    let limits = Limits::new().timeout(Duration::from_millis(300));
    let ended = run_within(&text, Some(&device), limits);
    assert!(ended.is_err_and(|e| e.contains("time")), "it takes longer than that");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(sim.calls("cuLaunchKernel") > 2);
}
