//! Dense linear algebra at the ends of what numbers and dims can be. Matrices are singular or defective, elements near
//! the largest or the least number, and there may be none beside huge dims.

use super::linalg::{KINDS, Kind, Matrix, all, code, given, matrix, random, read, within};
use super::{Arg, Bench, f, int};
use crate::plan::AtOperation;
use crate::trap::TrapCode;
use nbc_ir::{Elem, Type};
use num_complex::Complex;

fn is_single(kind: &Kind) -> bool {
    matches!(kind.elem, Elem::F32 | Elem::C64)
}

fn real(x: f64) -> Complex<f64> {
    x.into()
}

/// Operations on one stack of matrices, with whether these have to be square, and arguments behind it.
fn operations() -> Vec<(String, bool, Vec<Arg>)> {
    let of = |name: &str, square: bool, more: Vec<Arg>| (format!("linalg.{name}"), square, more);
    let mut all = vec![
        of("pinv", false, vec![f(-1.0)]),
        of("rank", false, vec![f(-1.0)]),
        of("matrix_power", true, vec![int(-3)]),
    ];
    let any = ["lu", "qr", "qr_full", "svd", "svd_full", "svd_values", "cond", "norm_2", "norm_nuclear"];
    all.extend(any.map(|name| of(name, false, vec![])));
    let square = ["det", "slogdet", "inv", "cholesky", "eigh", "eigh_values", "eig", "eig_values"];
    all.extend(square.map(|name| of(name, true, vec![])));
    all.extend(["expm", "logm", "sqrtm"].map(|name| of(name, true, vec![])));
    all
}

#[test]
fn dims_without_elements_ask_for_no_room() {
    const HUGE: u64 = 1 << 40;
    let most = i64::MAX as u64;
    let b = &mut Bench::new();
    for dims in [[0, HUGE, HUGE], [0, most, most], [0, 1, most], [0, most, 1], [HUGE, 0, 0], [1, 0, most]] {
        for elem in [Elem::F32, Elem::C128] {
            let arg = given(b, elem, &dims, &[]);
            for (name, square, more) in operations() {
                let args: Vec<Arg> = [arg.clone()].into_iter().chain(more).collect();
                let code = code(b, &name, elem, &args);
                // Of a full basis, and of no rows, the dims may be more than there is.
                let fits = match (square, dims[1] == dims[2]) {
                    (true, false) => vec![Some(TrapCode::ShapeMismatch)],
                    _ => vec![None, Some(TrapCode::OutOfMemory), Some(TrapCode::OutOfFuel)],
                };
                assert!(fits.contains(&code), "{name} of dims {dims:?}: {code:?}");
                if dims[0] == 0 && dims[1] == dims[2] {
                    assert_eq!(code, None, "{name} of dims {dims:?}");
                }
            }
            if dims[1] == dims[2] {
                let vector = given(b, elem, &[dims[0], dims[1], 1], &[]);
                let bools = [Arg::Slot(1, Type::Bool), Arg::Slot(0, Type::Bool), int(0)];
                for name in ["linalg.solve", "linalg.solve_posdef"] {
                    assert_eq!(code(b, name, elem, &[arg.clone(), vector.clone()]), None, "{name}");
                }
                let args: Vec<Arg> = [arg.clone(), vector.clone()].into_iter().chain(bools).collect();
                assert_eq!(code(b, "linalg.solve_triangular", elem, &args), None);
                let code = code(b, "linalg.lstsq", elem, &[arg.clone(), vector, f(-1.0)]);
                // A rank for each matrix may be more than there is.
                assert_eq!(code, if dims[0] == 0 { None } else { Some(TrapCode::OutOfMemory) });
            }
        }
    }
    let long = given(b, Elem::F64, &[0, HUGE], &[]);
    assert_eq!(code(b, "linalg.kron", Elem::F64, &[long.clone(), long]), Some(TrapCode::InvalidArgument));
}

/// Matrices without elements, so many that a loop over them takes longer than a moment.
#[test]
fn the_host_is_asked_among_matrices_without_elements() {
    for (name, dims) in [("linalg.svd_full", [1 << 20, 1, 0]), ("linalg.qr_full", [1 << 20, 1, 0])] {
        let b = &mut Bench::new();
        let arg = given(b, Elem::F64, &dims, &[]);
        b.polls = 0;
        let results = b.run_all(name, &[Elem::F64], &[arg], AtOperation::default()).unwrap();
        assert!(results[0].values::<f64>().iter().all(|x| *x == 1.0));
        assert!(b.polls >= 16, "{name}: {}", b.polls);
    }
}

#[test]
fn singular_matrices_have_factors() {
    for kind in &KINDS {
        let b = &mut Bench::new();
        let nilpotent = |n: usize| Matrix::new(n, n, |i, j| real((j == i + 1) as u64 as f64));
        let mut all_of = vec![Matrix::new(2, 2, |i, j| real(if j == 1 { (i + 1) as f64 } else { 0.0 }))];
        for (m, n) in [(1, 1), (2, 2), (3, 3), (9, 9), (20, 7), (7, 20), (97, 97), (150, 61), (61, 150)] {
            all_of.push(Matrix::new(m, n, |_, _| real(0.0)));
            all_of.push(Matrix::new(m, n, |_, _| real(1.0)));
            // Of rank 1, and with a column of zeros in the middle.
            all_of.push(Matrix::new(m, n, |i, j| real(((i % 5) * (j % 3)) as f64)));
            let a = random(kind.elem, m, n, 21);
            all_of.push(Matrix::new(m, n, |i, j| if j == n / 2 { real(0.0) } else { a.at(i, j) }));
        }
        all_of.extend([3, 12, 70].map(nilpotent));
        for a in all_of {
            let arg = matrix(b, kind.elem, &a);
            let [p, l, u] = all(b, "linalg.lu", kind.elem, &[arg]).try_into().unwrap();
            let permuted = Matrix::new(a.m, a.n, |i, j| a.at(p.of[i].re as usize, j));
            within(kind, &l.times(&u), &permuted, "l·u");
            assert!(l.of.iter().all(|x| x.norm() < 1.5), "pivots are the largest");
            let mut order: Vec<usize> = p.of.iter().map(|x| x.re as usize).collect();
            order.sort_unstable();
            assert!(order.iter().enumerate().all(|(i, p)| i == *p));
        }
    }
}

/// Matrices times a number near the least and the largest there are.
#[test]
fn pivots_without_an_inverse_divide() {
    for kind in &KINDS {
        let b = &mut Bench::new();
        let scales: &[f64] = if is_single(kind) { &[3e-39, 2e37] } else { &[1e-309, 1.2e307] };
        for scale in scales {
            for n in [1, 2, 8, 9, 30, 70] {
                let base = random(kind.elem, n, n, 31 + n as u64);
                let shift = |i, j| if i == (j + 1) % n { 2.0 } else { 0.0 };
                let base = Matrix::new(n, n, |i, j| base.at(i, j) / n as f64 + shift(i, j));
                let scaled = |a: &Matrix| Matrix::new(a.m, a.n, |i, j| a.at(i, j) * *scale);
                let of_one = Matrix::new(n, 1, |_, _| real(0.5));
                let args = [
                    matrix(b, kind.elem, &scaled(&base)),
                    matrix(b, kind.elem, &scaled(&base.times(&of_one))),
                ];
                // Numbers so small have few digits.
                let near = &Kind { rounding: if *scale < 1.0 { 1e-4 } else { kind.rounding * 1e2 }, ..*kind };
                let x = all(b, "linalg.solve", kind.elem, &args).remove(0);
                within(near, &x, &of_one, "x");
                let [_, log] = all(b, "linalg.slogdet", kind.elem, &args[..1]).try_into().unwrap();
                let plain = matrix(b, kind.elem, &base);
                let [_, plain] = all(b, "linalg.slogdet", kind.elem, &[plain]).try_into().unwrap();
                let gap = log.of[0].re - plain.of[0].re - n as f64 * scale.ln();
                assert!(gap.abs() < 1e-2 * n as f64, "{gap}");
                let triangle = Matrix::new(n, n, |i, j| match i.cmp(&j) {
                    std::cmp::Ordering::Less => real(0.0),
                    std::cmp::Ordering::Equal => real(1.5),
                    std::cmp::Ordering::Greater => (base.at(i, j) - shift(i, j)) * 0.5,
                });
                let right = matrix(b, kind.elem, &scaled(&triangle.times(&of_one)));
                let left = matrix(b, kind.elem, &scaled(&triangle));
                let bools = [Arg::Slot(1, Type::Bool), Arg::Slot(0, Type::Bool), int(0)];
                let args: Vec<Arg> = [left, right].into_iter().chain(bools).collect();
                let x = all(b, "linalg.solve_triangular", kind.elem, &args).remove(0);
                within(near, &x, &of_one, "x of a triangle");
            }
        }
        // One pivot alone, behind others.
        let least = if is_single(kind) { 1e-39 } else { 1e-309 };
        let diagonal = Matrix::new(12, 12, |i, j| {
            real(if i != j {
                0.0
            } else if i == 7 {
                least
            } else {
                2.0
            })
        });
        let args = [matrix(b, kind.elem, &diagonal), matrix(b, kind.elem, &diagonal)];
        let x = all(b, "linalg.solve", kind.elem, &args).remove(0);
        within(kind, &x, &Matrix::identity(12), "a⁻¹·a");
    }
    // The sum of both parts of such a number is none.
    let b = &mut Bench::new();
    let large = Matrix::new(1, 1, |_, _| Complex::new(1.5e308, 1.5e308));
    let args = [matrix(b, Elem::C128, &large), matrix(b, Elem::C128, &large)];
    assert_eq!(all(b, "linalg.solve", Elem::C128, &args)[0].of, [real(1.0)]);
}

#[test]
fn determinants_overflow_only_at_their_end() {
    for kind in &KINDS {
        let b = &mut Bench::new();
        let large = if is_single(kind) { 2f64.powi(80) } else { 2f64.powi(700) };
        for n in [4, 12] {
            // In both orders, and with what is left at the end.
            for (first, last) in [(large, 1.0 / large), (1.0 / large, large)] {
                let at = |i: usize| if i < n / 2 { first } else { last };
                let a = Matrix::new(n, n, |i, j| real(if i == j { at(i) * (i + 1) as f64 } else { 0.0 }));
                let arg = matrix(b, kind.elem, &a);
                let det = all(b, "linalg.det", kind.elem, &[arg]).remove(0);
                let want = (1..=n).map(|i| i as f64).product::<f64>();
                assert!((det.of[0] / want - 1.0).norm() < 1e-5, "{} is not {want}", det.of[0]);
            }
            for (scale, want) in [(large, f64::INFINITY), (1.0 / large, 0.0)] {
                let a = Matrix::new(n, n, |i, j| real(if i == j { scale } else { 0.0 }));
                let arg = matrix(b, kind.elem, &a);
                assert_eq!(all(b, "linalg.det", kind.elem, &[arg])[0].of[0].re, want);
            }
        }
    }
}

/// Jordan blocks have one eigenvector, whatever their rows.
#[test]
fn defective_matrices_have_eigenvectors() {
    for kind in &KINDS {
        for n in [2, 5, 8, 24, 40] {
            let b = &mut Bench::new();
            let jordan =
                |x: f64| Matrix::new(n, n, |i, j| real(if i == j { x } else { (j == i + 1) as u64 as f64 }));
            let transposed = |a: &Matrix| Matrix::new(n, n, |i, j| a.at(j, i));
            let (two, zero) = (jordan(2.0), jordan(0.0));
            // Two blocks of each eigenvalue.
            let blocks =
                Matrix::new(n, n, |i, j| if j == n / 2 && i != j { real(0.0) } else { two.at(i, j) });
            for a in [two.clone(), zero.clone(), transposed(&two), transposed(&zero), blocks] {
                let arg = matrix(b, kind.elem, &a);
                let [w, v] = all(b, "linalg.eig", kind.elem, &[arg]).try_into().unwrap();
                let (left, right) = (a.times(&v), Matrix::new(n, n, |i, j| v.at(i, j) * w.of[j]));
                let gap = Matrix::new(n, n, |i, j| left.at(i, j) - right.at(i, j));
                let most = kind.rounding * 100.0 * n as f64 * a.size();
                assert!(gap.size() <= most, "{} of {n}: {:e} apart", kind.elem, gap.size());
                for j in 0..n {
                    let length: f64 = (0..n).map(|i| v.at(i, j).norm_sqr()).sum();
                    assert!((length - 1.0).abs() < 100.0 * kind.rounding, "{length}");
                }
            }
        }
    }
}

#[test]
fn functions_do_not_mind_scale() {
    for kind in &KINDS {
        let b = &mut Bench::new();
        let scales: &[i32] = if is_single(kind) { &[40, 70, -60, 2] } else { &[531, 900, -990, 2] };
        for n in [1, 2, 7] {
            let a = random(kind.elem, n, n, 41);
            let a = a.times(&a.adjoint());
            let a = Matrix::new(n, n, |i, j| a.at(i, j) + real((i == j) as u64 as f64));
            let plain = matrix(b, kind.elem, &a);
            // As it is in that precision.
            let a = read(&plain);
            let root = all(b, "linalg.sqrtm", kind.elem, &[plain.clone()]).remove(0);
            let log = all(b, "linalg.logm", kind.elem, &[plain]).remove(0);
            for scale in scales {
                let scaled = Matrix::new(n, n, |i, j| a.at(i, j) * 2f64.powi(2 * (scale / 2)));
                let arg = matrix(b, kind.elem, &scaled);
                let want = Matrix::new(n, n, |i, j| root.at(i, j) * 2f64.powi(scale / 2));
                within(kind, &all(b, "linalg.sqrtm", kind.elem, &[arg.clone()])[0], &want, "sqrtm");
                let more = (2 * (scale / 2)) as f64 * std::f64::consts::LN_2;
                let want = Matrix::new(n, n, |i, j| log.at(i, j) + if i == j { more } else { 0.0 });
                within(kind, &all(b, "linalg.logm", kind.elem, &[arg])[0], &want, "logm");
            }
        }
        // Eigenvalues far apart.
        let (large, small) = if is_single(kind) { (1e30, 1e-30) } else { (1e300, 1e-300) };
        let apart = Matrix::new(2, 2, |i, j| {
            real(if i != j {
                0.0
            } else if i == 0 {
                large
            } else {
                small
            })
        });
        let arg = matrix(b, kind.elem, &apart);
        let want = Matrix::new(2, 2, |i, j| real(if i == j { apart.at(i, i).re.ln() } else { 0.0 }));
        within(kind, &all(b, "linalg.logm", kind.elem, &[arg.clone()])[0], &want, "logm");
        let root = all(b, "linalg.sqrtm", kind.elem, &[arg]).remove(0);
        assert!((root.at(1, 1).re / small.sqrt() - 1.0).abs() < 1e-5, "{}", root.at(1, 1));
        let far = if is_single(kind) { 1e15 } else { 1e150 };
        let a = Matrix::new(2, 2, |i, j| {
            real(if i == j {
                1.0
            } else if j > i {
                far
            } else {
                0.0
            })
        });
        let arg = matrix(b, kind.elem, &a);
        let want = Matrix::new(2, 2, |i, j| real(if j > i { far } else { 0.0 }));
        within(kind, &all(b, "linalg.logm", kind.elem, &[arg])[0], &want, "logm of a shear");
        // Elements of such exponentials are numbers: that of a negative number.
        let less = given(b, kind.elem, &[1, 1], &[real(-1e25)]);
        assert_eq!(all(b, "linalg.expm", kind.elem, &[less])[0].of, [real(0.0)]);
        // Without a logarithm, or a root.
        let none = matrix(b, kind.elem, &Matrix::new(2, 2, |i, j| real((j > i) as u64 as f64)));
        for name in ["linalg.logm", "linalg.sqrtm"] {
            let trap = b.run(name, &[kind.elem], &[none.clone()]).map(|_| ()).unwrap_err();
            assert_eq!(trap.code, TrapCode::Singular);
            assert!(trap.message().contains("of such a matrix there is none"), "{trap}");
        }
    }
}

#[test]
fn small_elements_have_their_factors() {
    for kind in &KINDS {
        let b = &mut Bench::new();
        let least = if is_single(kind) { 1e-37 } else { 1e-306 };
        for (m, n) in [(2, 2), (9, 4), (4, 9), (70, 70)] {
            let a = random(kind.elem, m, n, 51);
            let scaled = Matrix::new(m, n, |i, j| a.at(i, j) * least);
            let near = Kind { rounding: 1e-5, ..*kind };
            for name in ["linalg.qr", "linalg.qr_full"] {
                let arg = matrix(b, kind.elem, &scaled);
                let [q, r] = all(b, name, kind.elem, &[arg]).try_into().unwrap();
                let r = Matrix::new(r.m, r.n, |i, j| r.at(i, j) / least);
                within(&near, &q.times(&r), &a, name);
                within(kind, &q.adjoint().times(&q), &Matrix::identity(q.n), name);
            }
        }
    }
}

/// What reflections of all rows take is charged for.
#[test]
fn square_factors_cost_what_they_are() {
    let fuel = |name: &str, dims: [u64; 2]| {
        let b = &mut Bench::new();
        let len = dims.iter().product::<u64>() as usize;
        let arg = given(b, Elem::F64, &dims, &random(Elem::F64, 1, len, 3).of);
        let before = b.fuel;
        b.run_all(name, &[Elem::F64], &[arg], AtOperation::default()).unwrap();
        before - b.fuel
    };
    for name in ["linalg.qr_full", "linalg.svd_full"] {
        assert!(fuel(name, [300, 3]) >= 4 * 300 * 300 * 3 / 16, "{name}");
    }
    assert!(fuel("linalg.svd_full", [3, 300]) >= 4 * 300 * 300 * 3 / 16);
    assert!(fuel("linalg.qr_full", [3, 300]) < 300 * 300);
}

#[test]
fn an_infinite_part_makes_a_size_infinite() {
    let b = &mut Bench::new();
    for (re, im) in [(f64::INFINITY, f64::NAN), (f64::NAN, f64::NEG_INFINITY), (f64::INFINITY, f64::INFINITY)]
    {
        for elem in [Elem::C64, Elem::C128] {
            let arg = given(b, elem, &[1], &[Complex::new(re, im)]);
            for name in ["linalg.norm_1", "linalg.norm_inf"] {
                assert_eq!(all(b, name, elem, &[arg.clone()])[0].of[0].re, f64::INFINITY);
            }
        }
    }
    let number = given(b, Elem::F64, &[], &[real(1.0)]);
    let trap = b.run("linalg.norm", &[Elem::F64], &[number]).map(|_| ()).unwrap_err();
    assert!(trap.message().contains("a vector or matrices"), "{trap}");
}
