//! NVIDIA's libraries, as `tests/cudasim/math` has them: products, transforms and decompositions within the
//! tolerances of `docs/gpu.md`, traps as the processor has them, and whatever call fails.
//!
//! No GPU is needed, and none is proven by it. Without a C++ compiler each test says SKIPPED.

use cudasim::Sim;
use nbc_cuda::{Cuda, Library, Options, libraries};
use nbc_ir::Elem;
use nbc_ir::catalogue::Precision;
use nbc_runtime::device::DeviceCounts;
use nbc_runtime::engine::{Config, Engine, Limits};
use nbc_runtime::linker::Linker;
use nbc_runtime::object::OwnedTensor;
use nbc_runtime::value::Value;
use std::sync::Arc;

/// Runs `text` on a device or on none, and gives what it returns and what it asked of the device.
fn run(text: &str, device: Option<&Arc<Cuda>>) -> Result<(Vec<Value>, DeviceCounts), String> {
    let config = device.map_or_else(Config::new, |device| Config::new().device(device.clone()));
    let program =
        Engine::new(config).read(text.as_bytes(), "libraries.nba").map_err(|e| format!("{e}\n{text}"))?;
    let mut instance =
        Linker::new().instantiate_with(&program, Limits::new()).map_err(|e| format!("{e}\n{text}"))?;
    let results = instance.call("main", &[]).map_err(|e| e.to_string())?;
    Ok((results, instance.device_counts()))
}

fn open() -> Arc<Cuda> {
    Cuda::open(0, Options::new()).unwrap_or_else(|e| panic!("{e}"))
}

const ALL: [Elem; 4] = [Elem::F32, Elem::F64, Elem::C64, Elem::C128];

fn is_complex(elem: Elem) -> bool {
    matches!(elem, Elem::C64 | Elem::C128)
}

fn part(elem: Elem) -> Elem {
    if matches!(elem, Elem::F32 | Elem::C64) { Elem::F32 } else { Elem::F64 }
}

/// The unit roundoff.
fn unit(elem: Elem) -> f64 {
    if part(elem) == Elem::F32 { 2f64.powi(-24) } else { 2f64.powi(-53) }
}

/// A statement, or several, that make `%name` of random elements.
fn random(name: &str, elem: Elem, dims: &[u64], seed: u64) -> String {
    let part = part(elem);
    match is_complex(elem) {
        false => format!("  %{name} = tensor.random_normal<{elem}> {dims:?}, {seed}\n"),
        true => format!(
            "  %{name}re = tensor.random_normal<{part}> {dims:?}, {seed}
  %{name}im = tensor.random_normal<{part}> {dims:?}, {}
  %{name} = complex.of_parts %{name}re, %{name}im\n",
            seed + 1
        ),
    }
}

/// A statement that makes the absolute values of `%of` as `%name`.
fn size(name: &str, of: &str, elem: Elem) -> String {
    let operation = if is_complex(elem) { "complex.abs" } else { "tensor.abs" };
    format!("  %{name} = {operation} %{of}\n")
}

/// The numbers of a tensor, real and imaginary parts one after the other.
fn numbers(tensor: &OwnedTensor) -> Vec<f64> {
    let bytes = tensor.as_bytes();
    match part(tensor.elem()) {
        Elem::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect(),
        _ => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
    }
}

fn tensor(value: &Value) -> &OwnedTensor {
    match value {
        Value::Tensor(tensor) => tensor,
        other => panic!("no tensor: {other:?}"),
    }
}

#[test]
fn products_are_within_their_bound_in_every_shape() {
    let Some(sim) = Sim::start("mem=256M streams=lazy") else { return };
    let device = open();
    let shapes: [(&[u64], &[u64]); 12] = [
        (&[33, 35], &[35, 37]),
        (&[1, 300], &[300, 301]),
        (&[200, 1], &[1, 150]),
        (&[300, 7], &[7, 1]),
        (&[257, 3], &[3, 5]),
        (&[300, 40], &[40]),
        (&[40], &[40, 300]),
        (&[6, 20, 30], &[6, 30, 9]),
        (&[6, 20, 30], &[30, 9]),
        (&[20, 30], &[6, 30, 9]),
        (&[2, 3, 10, 11], &[2, 3, 11, 12]),
        (&[6, 60, 40], &[40]),
    ];
    for elem in ALL {
        for (n, (a, b)) in shapes.iter().enumerate() {
            let part = part(elem);
            let text = format!(
                "export func @main() -> (tensor<{elem}>, tensor<{part}>) {{\n{}{}{}{}  \
                 %p = linalg.matmul %a, %b\n  %q = linalg.matmul %as, %bs\n  ret %p, %q\n}}\n",
                random("a", elem, a, 10 * n as u64),
                random("b", elem, b, 10 * n as u64 + 5),
                size("as", "a", elem),
                size("bs", "b", elem),
            );
            let (here, _) = run(&text, None).unwrap_or_else(|e| panic!("{e}"));
            let before = device.calls();
            let (there, counts) = run(&text, Some(&device)).unwrap_or_else(|e| panic!("{e}"));
            assert!(counts.failed == 0 && counts.operations >= 1, "{counts:?}\n{text}");
            assert!(device.calls().of_libraries > before.of_libraries, "{text}");
            let k = *a.last().expect("a factor with dims") as f64;
            let (p, q, bounds) =
                (numbers(tensor(&here[0])), numbers(tensor(&there[0])), numbers(tensor(&here[1])));
            let per = if is_complex(elem) { 2 } else { 1 };
            assert_eq!(p.len(), bounds.len() * per);
            for (at, (x, y)) in p.iter().zip(&q).enumerate() {
                let bound = 2.0 * (k + 2.0) * unit(elem) * bounds[at / per] * per as f64;
                assert!((x - y).abs() <= bound, "{elem} {a:?} {b:?} at {at}: {x} and {y}, {bound:e}");
            }
        }
    }
    assert_eq!(sim.calls("cuLaunchKernel"), device.calls().launches as i64);
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn products_of_rounded_numbers_are_within_their_bound() {
    let Some(sim) = Sim::start("mem=256M streams=lazy") else { return };
    let device = open();
    let shapes: [(&[u64], &[u64]); 6] = [
        (&[33, 35], &[35, 37]),
        (&[300, 40], &[40]),
        (&[1, 300], &[300, 301]),
        (&[6, 20, 30], &[6, 30, 9]),
        (&[6, 20, 30], &[30, 9]),
        (&[20, 30], &[6, 30, 9]),
    ];
    for precision in Precision::ALL.map(Precision::name) {
        for (n, (a, b)) in shapes.iter().enumerate() {
            // Some are below the least normal number of 16 bits, and no product is infinite.
            let text = format!(
                "export func @main() -> (tensor<f32>, tensor<f32>) {{\n{}{}  %c = tensor.lt %a, -1.0
  %small = tensor.mul %a, 0.00001
  %a = tensor.where %c, %small, %a\n{}{}  %p = linalg.matmul_as %a, %b, \"{precision}\"
  %q = linalg.matmul_as %as, %bs, \"{precision}\"\n  ret %p, %q\n}}\n",
                random("a", Elem::F32, a, 10 * n as u64),
                random("b", Elem::F32, b, 10 * n as u64 + 5),
                size("as", "a", Elem::F32),
                size("bs", "b", Elem::F32),
            );
            let (here, _) = run(&text, None).unwrap_or_else(|e| panic!("{e}"));
            for works in [true, false] {
                let before = device.calls();
                if !works {
                    // Then our own kernel multiplies.
                    sim.fault("cublasGemmStridedBatchedEx_64@1x99=2");
                }
                let (there, counts) = run(&text, Some(&device)).unwrap_or_else(|e| panic!("{e}"));
                assert!(counts.failed == 0 && counts.operations >= 1, "{counts:?}\n{text}");
                assert!(device.calls().of_libraries > before.of_libraries, "{text}");
                let k = *a.last().expect("a factor with dims") as f64;
                let [p, q, sizes] = [&here[0], &there[0], &here[1]].map(|x| numbers(tensor(x)));
                for ((x, y), size) in p.iter().zip(&q).zip(&sizes) {
                    let bound = 4.0 * (k + 2.0) * unit(Elem::F32) * size;
                    assert!((x - y).abs() <= bound, "{precision} {a:?} {b:?}: {x} and {y}, {bound:e}");
                }
                sim.reset();
                sim.configure("mem=256M streams=lazy");
            }
        }
    }
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

/// How far two tensors are apart, as a share of the first one's length.
fn apart(a: &OwnedTensor, b: &OwnedTensor) -> f64 {
    assert_eq!((a.elem(), a.dims()), (b.elem(), b.dims()));
    let (a, b) = (numbers(a), numbers(b));
    let length = a.iter().map(|x| x * x).sum::<f64>().sqrt();
    let distance = a.iter().zip(&b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt();
    if distance == 0.0 { 0.0 } else { distance / length }
}

#[test]
fn transforms_are_within_their_bound_in_every_shape_and_norm() {
    let Some(sim) = Sim::start("mem=256M streams=lazy order=random:5") else { return };
    let device = open();
    // The operation, what it is called with, dims of the argument, and whether that is real.
    let calls: &[(&str, &str, &[u64], bool)] = &[
        ("forward", "0", &[300], false),
        ("forward", "1", &[7, 64], false),
        ("forward", "0", &[31, 40], false),
        ("forward", "1", &[3, 20, 11], false),
        ("forward", "1", &[30, 20, 3], false),
        ("inverse", "0", &[1, 300], false),
        ("inverse", "1", &[2, 97], false),
        ("forward_as", "0, 200, %ortho", &[150, 3], false),
        ("inverse_as", "1, 50, %forward", &[9, 80], false),
        ("real", "0", &[301], true),
        ("real", "1", &[5, 60, 4], true),
        ("real", "2", &[6, 7, 30], true),
        ("real_as", "0, 128, %forward", &[150, 2], true),
        ("real_inverse", "0, -1", &[129], false),
        ("real_inverse", "1, 45", &[8, 23, 3], false),
        ("real_inverse_as", "0, 41, %ortho", &[150, 2], false),
        ("forward_axes", "[]", &[12, 13], false),
        ("forward_axes", "[]", &[4, 5, 6, 7], false),
        ("forward_axes", "[2, 0]", &[9, 5, 8], false),
        ("forward_axes", "[2, 1]", &[4, 9, 8], false),
        ("inverse_axes", "[0, 1]", &[9, 10, 8], false),
        ("inverse_axes", "[0, 1, 2]", &[9, 10, 8], false),
        ("forward_axes_as", "[0, 1], [20, 8], %ortho", &[15, 12], false),
        ("inverse_axes_as", "[1, 0], [8, -1], %forward", &[15, 12], false),
        ("real_axes", "[]", &[15, 32], true),
        ("real_axes", "[0, 1, 2]", &[5, 6, 9], true),
        ("real_axes", "[2, 0]", &[9, 5, 8], true),
        ("real_axes_as", "[0, 1], [10, 17], %forward", &[15, 32], true),
        ("real_axes_as", "[1, 0], [10, 17], %ortho", &[15, 32], true),
        ("real_inverse_axes", "[0, 1], [-1, 15]", &[16, 8], false),
        ("real_inverse_axes", "[1, 0], [-1, 20]", &[11, 12], false),
        ("real_inverse_axes_as", "[0, 1], [20, 9], %ortho", &[15, 12], false),
    ];
    for elem in [Elem::C64, Elem::C128] {
        for (name, args, dims, of_real) in calls {
            let from = if *of_real { part(elem) } else { elem };
            let result = if name.starts_with("real_inverse") { part(elem) } else { elem };
            let text = format!(
                "const @ortho: str = \"ortho\"\nconst @forward: str = \"forward\"\n\
                 export func @main() -> tensor<{result}> {{\n  %ortho = const.get @ortho\n  \
                 %forward = const.get @forward\n{}  %r = fft.{name} %x, {args}\n  ret %r\n}}\n",
                random("x", from, dims, 3),
            );
            let (here, _) = run(&text, None).unwrap_or_else(|e| panic!("{e}"));
            let before = device.calls();
            let (there, counts) = run(&text, Some(&device)).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!((counts.failed, counts.operations > 0), (0, true), "{counts:?}\n{text}");
            assert!(device.calls().of_libraries > before.of_libraries, "{text}");
            let n: usize = tensor(&here[0]).dims().iter().product();
            let bound = 20.0 * unit(elem) * f64::log2(2.0 * n as f64);
            let apart = apart(tensor(&here[0]), tensor(&there[0]));
            assert!(apart <= bound, "{apart:e} above {bound:e}\n{text}");
        }
    }
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

/// Statements that multiply each column of `%q` by a number of `%by`, as `%` and both names.
fn columns_times(q: &str, by: &str, elem: Elem, dims: &[u64]) -> String {
    let (lead, last) = dims.split_at(dims.len() - 2);
    let row: Vec<u64> = lead.iter().copied().chain([1, last[0].min(last[1])]).collect();
    let parts = match is_complex(elem) {
        true => format!("  %{by}z = tensor.mul %{by}r, 0.0\n  %{by}c = complex.of_parts %{by}r, %{by}z\n"),
        false => format!("  %{by}c = tensor.copy %{by}r\n"),
    };
    format!("  %{by}r = tensor.reshape %{by}, {row:?}\n{parts}  %{q}{by} = tensor.mul %{q}, %{by}c\n")
}

/// A program that decomposes matrices of those dims, and returns by how much the factors miss: shares of the norm of a,
/// for each matrix.
fn decomposition(name: &str, elem: Elem, dims: &[u64], seed: u64) -> String {
    let part = part(elem);
    let a = random("a", elem, dims, seed);
    let hermitian = "  %ah = linalg.matmul_t %a, %a, 2, 0\n";
    let miss = "  %m = linalg.norm %d\n  %z = linalg.norm %of\n  %r = tensor.div %m, %z\n";
    // The identity by a matrix to the power of 0 in front of what is orthogonal.
    let orthogonal = |q: &str, as_rows: bool| {
        let turns = if as_rows { "0, 2" } else { "2, 0" };
        format!(
            "  %g = linalg.matmul_t %{q}, %{q}, {turns}\n  %i = linalg.matrix_power %g, 0\n  \
             %e = tensor.sub %g, %i\n  %o = linalg.norm %e\n  %r = tensor.maximum %r, %o\n"
        )
    };
    let body = match name {
        "solve" => format!(
            "{}  %x = linalg.solve %a, %b\n  %ax = linalg.matmul %a, %x\n  %d = tensor.sub %ax, %b\n  \
             %m = linalg.norm %d\n  %za = linalg.norm %a\n  %zx = linalg.norm %x\n  \
             %z = tensor.mul %za, %zx\n  %r = tensor.div %m, %z\n",
            random("b", elem, dims, seed + 7)
        ),
        "solve_posdef" => format!(
            "{}{hermitian}  %x = linalg.solve_posdef %ah, %b\n  %ax = linalg.matmul %ah, %x\n  \
             %d = tensor.sub %ax, %b\n  %m = linalg.norm %d\n  %za = linalg.norm %ah\n  \
             %zx = linalg.norm %x\n  %z = tensor.mul %za, %zx\n  %r = tensor.div %m, %z\n",
            random("b", elem, dims, seed + 7)
        ),
        // Rows in the order of p: a one in each row of a matrix, where the numbers of its columns are p.
        "lu" => format!(
            "  %p, %l, %u = linalg.lu %a\n  %of = tensor.take_axis %a, %p, {}\n  \
             %lu = linalg.matmul %l, %u\n  %d = tensor.sub %lu, %of\n{miss}",
            dims.len() - 2
        ),
        "cholesky" => format!(
            "{hermitian}  %l = linalg.cholesky %ah\n  %ll = linalg.matmul_t %l, %l, 0, 2\n  \
             %of = tensor.copy %ah\n  %d = tensor.sub %ll, %of\n{miss}"
        ),
        "qr" => format!(
            "  %q, %rr = linalg.qr %a\n  %of = linalg.matmul %q, %rr\n  %d = tensor.sub %of, %a\n{miss}{}",
            orthogonal("q", false)
        ),
        "svd" => {
            let times = columns_times("u", "s", elem, dims);
            format!(
                "  %u, %s, %vh = linalg.svd %a\n{times}  %of = linalg.matmul %us, %vh\n  \
                 %d = tensor.sub %of, %a\n{miss}{}{}",
                orthogonal("u", false),
                orthogonal("vh", true)
            )
        }
        "eigh" => {
            let times = columns_times("v", "w", elem, dims);
            format!(
                "{hermitian}  %w, %v = linalg.eigh %ah\n{times}  %of = linalg.matmul_t %vw, %v, 0, 2\n  \
                 %d = tensor.sub %of, %ah\n{miss}{}",
                orthogonal("v", false)
            )
        }
        "svd_values" => "  %r = linalg.svd_values %a\n".to_owned(),
        "eigh_values" => format!("{hermitian}  %r = linalg.eigh_values %ah\n"),
        _ => panic!("{name}: no program"),
    };
    format!("export func @main() -> tensor<{part}> {{\n{a}{body}  ret %r\n}}\n")
}

#[test]
fn decompositions_give_back_what_they_are_of() {
    let Some(sim) = Sim::start("mem=256M streams=lazy") else { return };
    let device = open();
    let square: &[&[u64]] = &[&[40, 40], &[37, 37], &[3, 33, 33]];
    let any: &[&[u64]] = &[&[40, 40], &[37, 61], &[61, 37], &[1100, 1], &[1, 1100], &[2, 33, 50]];
    for (name, shapes) in [
        ("solve", square),
        ("solve_posdef", square),
        ("lu", any),
        ("cholesky", square),
        ("qr", any),
        ("svd", any),
        ("eigh", square),
    ] {
        for elem in ALL {
            for (at, dims) in shapes.iter().enumerate() {
                // A stack has an order of rows for each of its matrices.
                if name == "lu" && dims.len() > 2 {
                    continue;
                }
                let text = decomposition(name, elem, dims, 3 + at as u64);
                let (here, _) = run(&text, None).unwrap_or_else(|e| panic!("{e}\n{text}"));
                let before = sim.calls("cusolverDnSetStream") + device.calls().of_libraries as i64;
                let (there, counts) = run(&text, Some(&device)).unwrap_or_else(|e| panic!("{e}\n{text}"));
                assert_eq!(counts.failed, 0, "{counts:?}\n{text}");
                assert!(device.calls().of_libraries as i64 > before, "{text}");
                let n = dims.iter().rev().take(2).max().copied().unwrap_or(1) as f64;
                let bound = 30.0 * n * unit(elem);
                for (x, y) in numbers(tensor(&here[0])).iter().zip(numbers(tensor(&there[0]))) {
                    assert!(y <= bound && *x <= bound, "{x:e} here, {y:e} there, {bound:e}\n{text}");
                }
            }
        }
    }
    for (name, shapes) in [("svd_values", any), ("eigh_values", square)] {
        for elem in ALL {
            for dims in shapes {
                let text = decomposition(name, elem, dims, 5);
                let (here, _) = run(&text, None).unwrap_or_else(|e| panic!("{e}\n{text}"));
                let (there, counts) = run(&text, Some(&device)).unwrap_or_else(|e| panic!("{e}\n{text}"));
                assert_eq!(counts.failed, 0, "{counts:?}\n{text}");
                let (x, y) = (numbers(tensor(&here[0])), numbers(tensor(&there[0])));
                let most = x.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
                let n = dims.iter().rev().take(2).max().copied().unwrap_or(1) as f64;
                for (x, y) in x.iter().zip(&y) {
                    assert!((x - y).abs() <= 30.0 * n * unit(elem) * most, "{x} and {y}\n{text}");
                }
            }
        }
    }
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn factors_have_the_form_that_they_are_promised() {
    let Some(_sim) = Sim::start("mem=64M") else { return };
    let device = open();
    let text = "export func @main() -> (tensor<i64>, tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>) {
  %a = tensor.random_normal<f64> [50, 40], 1
  %p, %l, %u = linalg.lu %a
  %q, %r = linalg.qr %a
  %s = linalg.matmul_t %a, %a, 1, 0
  %c = linalg.cholesky %s
  ret %p, %l, %u, %r, %c
}";
    let (results, counts) = run(text, Some(&device)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(counts.failed, 0);
    let mut order: Vec<i64> = tensor(&results[0]).as_slice::<i64>().expect("numbers of rows").to_vec();
    order.sort_unstable();
    assert!(order.into_iter().eq(0..50), "each row once");
    let all = |n: usize| tensor(&results[n]).as_slice::<f64>().expect("doubles").to_vec();
    let [l, u, r, c] = [all(1), all(2), all(3), all(4)];
    for i in 0..50 {
        for j in 0..40 {
            assert_eq!(i == j, l[i * 40 + j] == 1.0 && i <= j, "l at {i}, {j}");
            assert!(i >= j || l[i * 40 + j] == 0.0, "l at {i}, {j}");
            if i < 40 {
                assert!(i <= j || (u[i * 40 + j] == 0.0 && r[i * 40 + j] == 0.0), "u or r at {i}, {j}");
                assert!(i >= j || c[i * 40 + j] == 0.0, "the lower factor at {i}, {j}");
            }
        }
    }
    assert!(l.iter().all(|x| x.abs() <= 1.0), "the largest of a column is its pivot");
}

#[test]
fn what_traps_on_the_processor_traps_alike() {
    let Some(sim) = Sim::start("mem=64M") else { return };
    let device = open();
    let texts = [
        "%a = tensor.full<f64> [40, 40], 1.0\n %b = tensor.full<f64> [40], 1.0\n %x = linalg.solve %a, %b",
        "%z = tensor.random<f64> [40, 40], 1\n %a = tensor.neg %z\n %x = linalg.cholesky %a",
        "%z = tensor.random<f64> [40, 40], 1\n %c = tensor.gt %z, 0.9\n %a = tensor.where %c, nan, %z\n \
         %w, %x = linalg.eigh %a",
        "%z = tensor.random<f64> [40, 40], 1\n %c = tensor.gt %z, 0.9\n %a = tensor.where %c, inf, %z\n \
         %x, %s, %v = linalg.svd %a",
        "%z = tensor.random<f64> [40, 41], 1\n %b = tensor.full<f64> [40], 1.0\n %x = linalg.solve %z, %b",
    ];
    for body in texts {
        let text = format!("export func @main() -> tensor<f64> {{\n {body}\n ret %x\n}}\n");
        let here = run(&text, None).expect_err("it traps");
        let there = run(&text, Some(&device)).expect_err("it traps there too");
        assert_eq!(here, there, "{text}");
    }
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

/// A program with a call of each library, and of each of its ways.
const CLASSES: &str =
    "export func @main() -> (tensor<c128>, tensor<c128>, tensor<f64>, tensor<f64>, tensor<f64>) {
  %x = tensor.random<f64> [20, 36], 1
  %y = tensor.random<f64> [36, 20], 2
  %z = complex.of_parts %x, %x
  %w = complex.of_parts %y, %y
  %p = linalg.matmul %z, %w
  %f = fft.forward_axes %z, [1, 0]
  %g = fft.real_inverse %f, 1, 60
  %s = tensor.random<f64> [40, 40], 3
  %b = tensor.random<f64> [40], 4
  %v = linalg.solve %s, %b
  %l = linalg.svd_values %s
  %m = linalg.matmul %s, %s
  %q, %r = linalg.qr %m
  %t = linalg.matmul %q, %r
  %d = tensor.sub %t, %m
  %e = linalg.norm %d
  %o = tensor.lt %e, 1e-9
  %k = tensor.where %o, %l, nan
  ret %p, %f, %g, %v, %k
}
";

/// Whether two runs of it agree.
fn agree(here: &[Value], there: &[Value]) -> bool {
    here.iter().zip(there).all(|(x, y)| apart(tensor(x), tensor(y)) < 1e-9)
}

#[test]
fn whatever_call_fails_the_answer_is_right_or_the_trap_says_why() {
    let Some(sim) = Sim::start("mem=64M streams=lazy") else { return };
    let (here, _) = run(CLASSES, None).unwrap_or_else(|e| panic!("{e}"));
    let calls = {
        let device = open();
        let (there, counts) = run(CLASSES, Some(&device)).unwrap_or_else(|e| panic!("{e}"));
        assert!(agree(&here, &there) && counts.failed == 0, "{counts:?}");
        drop(device);
        sim.calls("*")
    };
    assert_eq!(sim.live_bytes(0), 0);
    let (mut answers, mut traps) = (0, 0);
    for code in [2, 719] {
        for n in 1..=calls {
            sim.reset();
            sim.configure("mem=64M streams=lazy");
            sim.fault(&format!("*@{n}={code}"));
            if let Ok(device) = Cuda::open(0, Options::new()) {
                match run(CLASSES, Some(&device)) {
                    Ok((there, _)) => {
                        assert!(agree(&here, &there), "call {n} fails with {code}");
                        answers += 1;
                    }
                    Err(e) => {
                        assert!(e.contains("the device has lost"), "call {n} fails with {code}: {e}");
                        traps += 1;
                    }
                }
                drop(device);
            }
            assert_eq!(sim.live_bytes(0), 0, "call {n} fails with {code}");
        }
    }
    assert!(answers > 100 && traps > 0, "{answers} answers, {traps} traps of {calls} calls");
}

#[test]
fn a_library_that_cannot_start_leaves_it_to_kernels_or_to_the_processor() {
    let Some(sim) = Sim::start("mem=64M") else { return };
    let (here, _) = run(CLASSES, None).unwrap_or_else(|e| panic!("{e}"));
    for function in ["cublasCreate_v2", "cufftCreate", "cusolverDnCreate"] {
        sim.reset();
        sim.configure("mem=64M");
        sim.fault(&format!("{function}@1x1000000=1"));
        let device = open();
        let (there, counts) = run(CLASSES, Some(&device)).unwrap_or_else(|e| panic!("{e}"));
        assert!(agree(&here, &there) && counts.failed > 0 && !device.calls().lost, "{function}: {counts:?}");
    }
    sim.reset();
    let device = Cuda::open(0, Options::new().libraries(false)).expect("a device");
    let (there, counts) = run(CLASSES, Some(&device)).unwrap_or_else(|e| panic!("{e}"));
    assert!(agree(&here, &there) && counts.failed == 0, "{counts:?}");
    assert_eq!(device.calls().of_libraries, 0);
    assert!(counts.operations > 0, "products of doubles are our own kernel's");
}

#[test]
fn plans_are_kept_but_not_all_of_them() {
    let Some(sim) = Sim::start("mem=64M") else { return };
    let device = open();
    let text = |n: u64| {
        format!(
            "export func @main() -> tensor<c128> {{\n{}  %r = fft.forward %x, 0\n  ret %r\n}}\n",
            random("x", Elem::C128, &[n], 1)
        )
    };
    for n in 100..150 {
        run(&text(n), Some(&device)).unwrap_or_else(|e| panic!("{e}"));
    }
    assert_eq!(sim.calls("cufftMakePlanMany64"), 50);
    assert_eq!(sim.calls("cufftDestroy"), 50 - 32);
    run(&text(149), Some(&device)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(sim.calls("cufftMakePlanMany64"), 50);
    drop(device);
    assert_eq!((sim.calls("cufftDestroy"), sim.live_bytes(0)), (50, 0));
}

#[test]
fn all_of_them_are_found() {
    let Some(_sim) = Sim::start("") else { return };
    assert_eq!(libraries().count(), Library::ALL.len());
    for (library, found) in libraries() {
        assert_eq!(found, Ok(()), "{}", library.name());
    }
}
