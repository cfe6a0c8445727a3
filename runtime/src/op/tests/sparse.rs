//! Sparse matrices against dense ones that are computed the plain way, at odd shapes.

#[cfg(feature = "linalg")]
mod direct;

use super::{Arg, Bench};
use crate::object::SparseRef;
use crate::op::OpHost;
use crate::placement::{Cores, Placement, Rates};
use crate::plan::AtOperation;
use crate::threads::Threads;
use nbc_ir::{Elem, Type};
use std::sync::Arc;

/// A little generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}

/// A dense matrix.
#[derive(Clone, PartialEq, Debug)]
struct Dense {
    dims: [usize; 2],
    data: Vec<f64>,
}

impl Dense {
    fn new(dims: [usize; 2], value: impl Fn(usize, usize) -> f64) -> Dense {
        let data = (0..dims[0]).flat_map(|i| (0..dims[1]).map(move |j| (i, j))).map(|(i, j)| value(i, j));
        Dense { dims, data: data.collect() }
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.data[i * self.dims[1] + j]
    }
}

const SHAPES: [[usize; 2]; 10] =
    [[0, 0], [0, 3], [3, 0], [1, 1], [1, 7], [7, 1], [4, 4], [30, 3], [3, 30], [17, 23]];

fn ints(dims: &[usize]) -> Arg {
    Arg::List(dims.iter().map(|d| *d as i64).collect())
}

fn f64s(b: &mut Bench, dims: &[usize], data: &[f64]) -> Arg {
    let dims: Vec<u64> = dims.iter().map(|d| *d as u64).collect();
    b.tensor(&dims, data)
}

/// A sparse matrix of random triples, of either format, and the dense one.
fn random(b: &mut Bench, r: &mut Random, dims: [usize; 2], csc: bool) -> (Arg, Dense) {
    let n = if dims.contains(&0) { 0 } else { r.below(3 * dims[0] * dims[1] + 1) / (1 + r.below(4)) };
    let (mut rows, mut cols, mut values) = (vec![], vec![], vec![]);
    let mut dense = Dense::new(dims, |_, _| 0.0);
    for _ in 0..n {
        let (i, j, v) = (r.below(dims[0]), r.below(dims[1]), r.below(1000) as f64 / 7.0 - 70.0);
        rows.push(i as i64);
        cols.push(j as i64);
        values.push(v);
        // In the order that they are given in.
        dense.data[i * dims[1] + j] += v;
    }
    let args =
        [b.tensor(&[n as u64], &rows), b.tensor(&[n as u64], &cols), ints(&dims), f64s(b, &[n], &values)];
    let made = b.run("sparse.of_triples", &[Elem::F64], &args).unwrap();
    check_invariant(&made);
    let made = if csc { run(b, "sparse.to_csc", &[made]) } else { made };
    (made, dense)
}

/// Runs an operation of f64.
fn run(b: &mut Bench, name: &str, args: &[Arg]) -> Arg {
    let made = b.run(name, &[Elem::F64], args).unwrap_or_else(|e| panic!("{name}: {e:?}"));
    check_invariant(&made);
    made
}

/// What every sparse matrix is.
fn check_invariant(made: &Arg) {
    let Arg::Slot(slot, Type::Sparse(_)) = made else { return };
    // SAFETY: the slot holds a live matrix, whose parts nobody writes.
    let (dims, format, pointers, indices, stored) = unsafe {
        let matrix = SparseRef::from_slot(*slot);
        let [p, i, _] = matrix.parts();
        assert!(matrix.parts().iter().all(|part| part.len() == 0 || !part.is_writable()));
        (matrix.dims(), matrix.format(), p.as_slice::<i64>(), i.as_slice::<i32>(), matrix.stored())
    };
    let [major, minor] = crate::op::sparse::by_format(format, dims);
    assert_eq!(pointers.len() as u64, major + 1);
    assert_eq!((pointers[0], *pointers.last().unwrap()), (0, stored as i64));
    for ends in pointers.windows(2) {
        let part = &indices[ends[0] as usize..ends[1] as usize];
        assert!(part.windows(2).all(|two| two[0] < two[1]), "{part:?} rises");
        assert!(part.iter().all(|at| (0..minor as i64).contains(&i64::from(*at))));
    }
}

fn dense_of(b: &mut Bench, matrix: &Arg) -> Dense {
    let made = run(b, "sparse.to_dense", &[matrix.clone()]).tensor();
    let dims = made.dims();
    // SAFETY: nobody writes it.
    let data = unsafe { made.as_slice::<f64>() }.to_vec();
    Dense { dims: [dims[0] as usize, dims[1] as usize], data }
}

fn f64s_of(arg: &Arg) -> Vec<f64> {
    // SAFETY: nobody writes it.
    unsafe { arg.tensor().as_slice::<f64>() }.to_vec()
}

/// Every shape, in both formats, some times.
fn each(mut check: impl FnMut(&mut Bench, &mut Random, [usize; 2], bool)) {
    let (mut b, mut r) = (Bench::new(), Random(7));
    for dims in SHAPES {
        for csc in [false, true] {
            for _ in 0..6 {
                check(&mut b, &mut r, dims, csc);
            }
        }
    }
}

#[test]
fn matrices_are_those_of_their_triples() {
    each(|b, r, dims, csc| {
        let (a, dense) = random(b, r, dims, csc);
        assert_eq!(dense_of(b, &a), dense);
        let transpose = run(b, "sparse.transpose", &[a.clone()]);
        assert_eq!(dense_of(b, &transpose), Dense::new([dims[1], dims[0]], |i, j| dense.at(j, i)));
        for format in ["sparse.to_csr", "sparse.to_csc"] {
            let other = run(b, format, &[a.clone()]);
            assert_eq!(dense_of(b, &other), dense, "{format}");
        }
        let again = f64s(b, &dims, &dense.data);
        let again = run(b, "sparse.of_dense", &[again]);
        assert_eq!(dense_of(b, &again), dense);
    });
}

#[test]
fn identities_are_ones_on_the_diagonal() {
    each(|b, _, dims, _| {
        let made = run(b, "sparse.identity", &[ints(&dims)]);
        assert_eq!(dense_of(b, &made), Dense::new(dims, |i, j| f64::from(i == j)));
    });
}

#[test]
fn products_are_those_of_dense_matrices() {
    each(|b, r, dims, csc| {
        let (a, dense) = random(b, r, dims, csc);
        for width in [None, Some(0), Some(1), Some(5)] {
            let k = width.unwrap_or(1);
            let x = Dense::new([dims[1], k], |i, j| (i * 3 + j) as f64 / 4.0 - 1.0);
            let shape = [dims[1], k];
            let arg = f64s(b, &shape[..1 + width.is_some() as usize], &x.data);
            let made = run(b, "sparse.matmul", &[a.clone(), arg]);
            // In ascending order, whatever the format: the same bits.
            let want = Dense::new([dims[0], k], |i, j| {
                (0..dims[1])
                    .filter(|l| dense.at(i, *l) != 0.0)
                    .fold(0.0, |sum, l| sum + dense.at(i, l) * x.at(l, j))
            });
            assert_eq!(f64s_of(&made), want.data, "{dims:?} by {width:?}");
        }
    });
}

#[test]
fn sums_and_products_by_element_are_those_of_dense_matrices() {
    each(|b, r, dims, csc| {
        let (x, dense_x) = random(b, r, dims, csc);
        let other = r.below(2) == 0;
        let (y, dense_y) = random(b, r, dims, other);
        type Combine = fn(f64, f64) -> f64;
        let of = |f: Combine| Dense::new(dims, |i, j| f(dense_x.at(i, j), dense_y.at(i, j)));
        let ops: [(&str, Combine); 3] =
            [("sparse.add", |x, y| x + y), ("sparse.sub", |x, y| x - y), ("sparse.mul", |x, y| x * y)];
        for (name, f) in ops {
            let made = run(b, name, &[x.clone(), y.clone()]);
            assert_eq!(dense_of(b, &made), of(f), "{name}");
        }
        // The same one twice.
        let twice = run(b, "sparse.add", &[x.clone(), x.clone()]);
        assert_eq!(dense_of(b, &twice), Dense::new(dims, |i, j| dense_x.at(i, j) * 2.0));
        let half = Arg::Slot(0.5f64.to_bits(), Type::F64);
        let made = run(b, "sparse.scale", &[x.clone(), half]);
        assert_eq!(dense_of(b, &made), Dense::new(dims, |i, j| dense_x.at(i, j) * 0.5));
        for (name, axis) in [("sparse.scale_rows", 0), ("sparse.scale_cols", 1)] {
            let factors: Vec<f64> = (0..dims[axis]).map(|i| i as f64 - 1.5).collect();
            let arg = f64s(b, &[dims[axis]], &factors);
            let made = run(b, name, &[x.clone(), arg]);
            let want =
                Dense::new(dims, |i, j| dense_x.at(i, j) * factors[if axis == 0 { i } else { j }] + 0.0);
            let found = dense_of(b, &made);
            assert!(found.data.iter().zip(&want.data).all(|(x, y)| x == y), "{name}");
        }
    });
}

#[test]
fn parts_of_a_matrix_are_those_of_the_dense_one() {
    each(|b, r, dims, csc| {
        let (a, dense) = random(b, r, dims, csc);
        for axis in 0..2 {
            let made = run(b, "sparse.sum_axis", &[a.clone(), Arg::Slot(axis as u64, Type::I64)]);
            let want: Vec<f64> = (0..dims[1 - axis])
                .map(|n| {
                    (0..dims[axis])
                        .fold(0.0, |s, l| s + if axis == 0 { dense.at(l, n) } else { dense.at(n, l) })
                })
                .collect();
            assert_eq!(f64s_of(&made), want, "along {axis}");
        }
        let made = run(b, "sparse.diagonal", &[a.clone()]);
        assert_eq!(f64s_of(&made), (0..dims[0].min(dims[1])).map(|i| dense.at(i, i)).collect::<Vec<_>>());
        let from = r.below(dims[0] + 1);
        let to = from + r.below(dims[0] + 1 - from);
        let ends = [from, to].map(|n| Arg::Slot(n as u64, Type::I64));
        let made = run(b, "sparse.slice_rows", &[a.clone(), ends[0].clone(), ends[1].clone()]);
        assert_eq!(dense_of(b, &made), Dense::new([to - from, dims[1]], |i, j| dense.at(from + i, j)));
    });
}

#[test]
fn products_of_two_are_those_of_dense_matrices() {
    each(|b, r, dims, csc| {
        let (x, dense_x) = random(b, r, dims, csc);
        let width = [0, 1, 5, 40][r.below(4)];
        let other = r.below(2) == 0;
        let (y, dense_y) = random(b, r, [dims[1], width], other);
        let made = run(b, "sparse.product", &[x.clone(), y.clone()]);
        let want = Dense::new([dims[0], width], |i, j| {
            (0..dims[1]).fold(0.0, |s, l| s + dense_x.at(i, l) * dense_y.at(l, j))
        });
        assert_eq!(dense_of(b, &made), want);
        if dims[0] * dims[1] < 100 {
            let made = run(b, "sparse.kron", &[x, y]);
            let want = Dense::new([dims[0] * dims[1], dims[1] * width], |i, j| {
                dense_x.at(i / dims[1].max(1), j / width.max(1))
                    * dense_y.at(i % dims[1].max(1), j % width.max(1))
            });
            let found = dense_of(b, &made);
            assert!(found.data.iter().zip(&want.data).all(|(x, y)| x == y));
        }
    });
}

#[test]
fn rows_of_products_are_in_order_however_long() {
    let (mut b, mut r) = (Bench::new(), Random(5));
    for (inner, width) in [(5, 3000), (9, 3000), (14, 3000), (40, 3000), (300, 3000), (300, 5000), (300, 90)]
    {
        let (mut rows, mut cols) = (vec![], vec![]);
        for row in 0..inner as i64 {
            rows.extend([row; 2]);
            // Some of them in the same columns.
            cols.extend([r.below(40) as i64, r.below(width) as i64]);
        }
        let values: Vec<f64> = rows.iter().map(|_| r.below(100) as f64 - 50.0).collect();
        let len = [rows.len() as u64];
        let args =
            [b.tensor(&len, &rows), b.tensor(&len, &cols), ints(&[inner, width]), b.tensor(&len, &values)];
        let y = run(&mut b, "sparse.of_triples", &args);
        let ones = f64s(&mut b, &[2, inner], &vec![1.0; 2 * inner]);
        let x = run(&mut b, "sparse.of_dense", &[ones]);
        let made = run(&mut b, "sparse.product", &[x, y]);
        let want = Dense::new([2, width], |_, j| {
            cols.iter().zip(&values).filter(|(at, _)| **at as usize == j).fold(0.0, |sum, (_, v)| sum + v)
        });
        assert_eq!(dense_of(&mut b, &made), want, "{inner} {width}");
    }
}

/// As on a grid, with more and more rows that are not the ones before, moved along.
#[test]
fn products_of_rows_that_repeat_are_those_of_dense_matrices() {
    let (mut b, mut r) = (Bench::new(), Random(11));
    let side = 40;
    for step in 0..60 {
        let mut offsets: Vec<i64> = vec![-7, -1, 0, 1, 7];
        let mut dense = Dense::new([side, side], |_, _| 0.0);
        for row in 0..side {
            if r.below(12) < step / 8 {
                offsets = (-9..10).filter(|_| r.below(4) == 0).collect();
            }
            let columns = offsets.iter().filter_map(|at| row.checked_add_signed(*at as isize));
            for column in columns.filter(|column| *column < side) {
                dense.data[row * side + column] = r.below(9) as f64 - 4.5;
            }
        }
        let given = f64s(&mut b, &[side, side], &dense.data);
        let x = run(&mut b, "sparse.of_dense", &[given]);
        let made = run(&mut b, "sparse.product", &[x.clone(), x]);
        let want = Dense::new([side, side], |i, j| {
            (0..side).fold(0.0, |sum, l| sum + dense.at(i, l) * dense.at(l, j))
        });
        assert_eq!(dense_of(&mut b, &made), want, "{step}");
    }
}

#[test]
fn triangular_systems_are_solved_alike_by_rows_and_by_columns() {
    let (mut b, mut r) = (Bench::new(), Random(3));
    for n in [0, 1, 2, 7, 30] {
        for lower in [false, true] {
            for unit in [false, true] {
                let dense =
                    Dense::new([n, n], |i, j| match (i == j, (i > j) == lower, (i * 7 + j * 3) % 4) {
                        (true, ..) => 2.0 + i as f64,
                        (_, true, 0..2) => (i as f64 - j as f64) / 8.0,
                        _ => 0.0,
                    });
                let x: Vec<f64> = (0..n * 2).map(|_| r.below(9) as f64 - 4.0).collect();
                let given = Dense::new([n, 2], |i, k| {
                    let of = |j: usize| if unit && i == j { 1.0 } else { dense.at(i, j) };
                    (0..n).fold(0.0, |s, j| s + of(j) * x[j * 2 + k])
                });
                let a = f64s(&mut b, &[n, n], &dense.data);
                let rows = run(&mut b, "sparse.of_dense", &[a]);
                let columns = run(&mut b, "sparse.to_csc", &[rows.clone()]);
                let mut found = vec![];
                for matrix in [rows, columns] {
                    let right = f64s(&mut b, &[n, 2], &given.data);
                    let flags = [lower, unit].map(|f| Arg::Slot(f as u64, Type::Bool));
                    let args = [matrix, right, flags[0].clone(), flags[1].clone()];
                    found.push(f64s_of(&run(&mut b, "sparse.solve_triangular", &args)));
                }
                assert!(found[0].iter().zip(&x).all(|(x, y)| (x - y).abs() < 1e-9), "{found:?}");
                assert_eq!(found[0], found[1]);
            }
        }
    }
}

/// The five-point Laplacian of a square of `n` by `n`.
fn laplacian(b: &mut Bench, n: usize) -> Arg {
    let lines: Vec<f64> = [-1.0, 2.0, -1.0].iter().flat_map(|v| vec![*v; n]).collect();
    let (lines, offsets) = (f64s(b, &[3, n], &lines), b.tensor(&[3], &[-1i64, 0, 1]));
    let line = run(b, "sparse.of_diagonals", &[lines, offsets, ints(&[n, n])]);
    let one = run(b, "sparse.identity", &[ints(&[n, n])]);
    let x = run(b, "sparse.kron", &[one.clone(), line.clone()]);
    let y = run(b, "sparse.kron", &[line, one]);
    run(b, "sparse.add", &[x, y])
}

/// Norm of `b - a x`, by that of `b`.
fn residual(b: &mut Bench, a: &Arg, x: &Arg, right: &[f64]) -> f64 {
    let product = f64s_of(&run(b, "sparse.matmul", &[a.clone(), x.clone()]));
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut right.iter().zip(&product).map(|(b, p)| b - p)) / norm(&mut right.iter().copied())
}

#[test]
fn iterations_solve_what_they_are_for() {
    let mut b = Bench::new();
    let n = 24;
    let laplacian = laplacian(&mut b, n);
    let right: Vec<f64> = (0..n * n).map(|i| ((i * 7) % 11) as f64 - 4.0).collect();
    let ahead: Vec<f64> = vec![0.4; 2 * n * n];
    let (lines, offsets) = (f64s(&mut b, &[2, n * n], &ahead), b.tensor(&[2], &[1i64, -3]));
    let wind = run(&mut b, "sparse.of_diagonals", &[lines, offsets, ints(&[n * n, n * n])]);
    let skew = run(&mut b, "sparse.add", &[laplacian.clone(), wind]);
    let columns = run(&mut b, "sparse.to_csc", &[skew.clone()]);
    for (name, matrix) in [
        ("sparse.cg", &laplacian),
        ("sparse.bicgstab", &skew),
        ("sparse.gmres", &skew),
        ("sparse.gmres", &columns),
        ("sparse.bicgstab", &laplacian),
    ] {
        for easier in ["none", "jacobi", "ilu0", "amg"] {
            let given = f64s(&mut b, &[n * n], &right);
            let mut args = vec![matrix.clone(), given, b.string(easier)];
            args.extend([Arg::Slot(1e-9f64.to_bits(), Type::F64), Arg::Slot(2000, Type::I64)]);
            if name == "sparse.gmres" {
                args.push(Arg::Slot(30, Type::I64));
            }
            let x = run(&mut b, name, &args);
            let left = residual(&mut b, matrix, &x, &right);
            assert!(left < 2e-9, "{name} with {easier}: {left}");
        }
    }
}

/// Iterations that conjugate gradients take down to 1e-8; none where they do not get there.
fn iterations(b: &mut Bench, a: &Arg, easier: &str) -> Option<u64> {
    let n = run(b, "sparse.dims", &[a.clone()]).values::<i64>()[0] as usize;
    let right: Vec<f64> = (0..n).map(|i| ((i * 7) % 11) as f64 - 4.0).collect();
    let mut args = vec![a.clone(), f64s(b, &[n], &right), b.string(easier)];
    args.extend([Arg::Slot(1e-8f64.to_bits(), Type::F64), Arg::Slot(3000, Type::I64)]);
    let plan = AtOperation::default();
    match b.run_all("sparse.cg", &[Elem::F64], &args, plan).map(|all| all[1].clone()) {
        Ok(Arg::Slot(count, Type::I64)) => Some(count),
        Ok(_) => panic!("the second result is an i64"),
        Err(e) => {
            assert_eq!(e.code, crate::trap::TrapCode::NoConvergence);
            None
        }
    }
}

/// Against `scipy.sparse.linalg.cg` with the same diagonal, an ILU(0) written in Python, and PyAMG 5.4's
/// `smoothed_aggregation_solver`.
#[test]
fn preconditioners_help_where_nothing_else_does() {
    let mut b = Bench::new();
    let a = laplacian(&mut b, 48);
    let within = |found: Option<u64>, scipy: u64| {
        let found = found.expect("it converges");
        assert!(found.abs_diff(scipy) <= 1 + scipy / 20, "{found} iterations, SciPy takes {scipy}");
    };
    within(iterations(&mut b, &a, "none"), 128);
    within(iterations(&mut b, &a, "ilu0"), 41);
    // Unknowns in units that are up to a million apart.
    let units: Vec<f64> = (0..48 * 48).map(|i| 10f64.powf((((i * 7) % 13) as f64 - 6.0) / 2.0)).collect();
    let units = f64s(&mut b, &[48 * 48], &units);
    let rows = run(&mut b, "sparse.scale_rows", &[a, units.clone()]);
    let scaled = run(&mut b, "sparse.scale_cols", &[rows, units]);
    assert_eq!(iterations(&mut b, &scaled, "none"), None);
    within(iterations(&mut b, &scaled, "jacobi"), 194);
    within(iterations(&mut b, &scaled, "ilu0"), 70);
    // Without, they grow with the side; multigrid's hardly do. PyAMG takes 9.
    let a = laplacian(&mut b, 100);
    let plain = iterations(&mut b, &a, "none");
    within(plain, 249);
    let amg = iterations(&mut b, &a, "amg").expect("it converges");
    assert!(amg <= 18 && plain >= Some(10 * amg), "{amg} iterations, PyAMG takes 9");
}

#[test]
fn threads_change_no_bit() {
    let mut found: Vec<Vec<Vec<u64>>> = vec![];
    for threads in [1, 2, 4] {
        let mut b = Bench::new();
        b.heap().set_threads(Threads::at_most(threads));
        b.heap().set_placement(Arc::new(Placement::new(Rates::default(), Cores::All, None)));
        let n = 120;
        let a = laplacian(&mut b, n);
        let x: Vec<f64> = (0..n * n).map(|i| 1.0 / (i as f64 + 1.5)).collect();
        let x = f64s(&mut b, &[n * n], &x);
        let mut results = vec![run(&mut b, "sparse.matmul", &[a.clone(), x.clone()])];
        let square = run(&mut b, "sparse.product", &[a.clone(), a.clone()]);
        results.push(run(&mut b, "sparse.values", &[square]));
        for easier in ["jacobi", "amg"] {
            let given = [a.clone(), x.clone(), b.string(easier)];
            let rest = [Arg::Slot(1e-8f64.to_bits(), Type::F64), Arg::Slot(900, Type::I64)];
            results.push(run(&mut b, "sparse.cg", &[&given[..], &rest].concat()));
        }
        found.push(results.iter().map(|r| f64s_of(r).iter().map(|v| v.to_bits()).collect()).collect());
    }
    assert!(found[0] == found[1] && found[1] == found[2]);
}

#[test]
fn threads_change_no_memory() {
    let peak = |threads| {
        let mut b = Bench::new();
        b.heap().set_threads(Threads::at_most(threads));
        b.heap().set_placement(Arc::new(Placement::new(Rates::default(), Cores::All, None)));
        let n = 200_000;
        let a = run(&mut b, "sparse.identity", &[ints(&[20_000, n])]);
        let one = run(&mut b, "sparse.identity", &[ints(&[n, n])]);
        run(&mut b, "sparse.product", &[a, one]);
        let a = laplacian(&mut b, 60);
        run(&mut b, "sparse.product", &[a.clone(), a]);
        b.heap().stats().peak
    };
    assert_eq!(peak(1), peak(7));
}

#[test]
fn outer_rounds_are_charged() {
    let used = |name: &str, rest: &[i64]| {
        let mut b = Bench::new();
        let n = 24;
        let (a, given) = (laplacian(&mut b, n), f64s(&mut b, &[n * n], &vec![1.0; n * n]));
        let mut args = vec![a, given, b.string("none"), Arg::Slot(0f64.to_bits(), Type::F64)];
        args.extend(rest.iter().map(|n| Arg::Slot(*n as u64, Type::I64)));
        let before = b.fuel;
        assert!(b.run(name, &[Elem::F64], &args).is_err());
        before - b.fuel
    };
    // Begun anew after each iteration it takes two products.
    let (cg, gmres) = (used("sparse.cg", &[20]), used("sparse.gmres", &[20, 1]));
    assert!(gmres > cg * 3 / 2, "{gmres}, {cg}");
}

#[test]
fn an_incomplete_factorisation_is_charged() {
    let mut b = Bench::new();
    let n = 30;
    let all: Vec<f64> = (0..n * n).map(|at| if at % (n + 1) == 0 { 99.0 } else { 1.0 }).collect();
    let (dense, given) = (f64s(&mut b, &[n, n], &all), f64s(&mut b, &[n], &vec![1.0; n]));
    let a = run(&mut b, "sparse.of_dense", &[dense]);
    let args = [a, given, b.string("ilu0"), Arg::Slot(0f64.to_bits(), Type::F64), Arg::Slot(0, Type::I64)];
    let before = b.fuel;
    assert!(b.run("sparse.cg", &[Elem::F64], &args).is_err());
    // For each element a row is gone through.
    assert!(before - b.fuel >= (12 * n * n * n / 16) as u64, "{}", before - b.fuel);
}

#[test]
fn nothing_is_gone_through_for_nothing() {
    let mut b = Bench::new();
    let n = 1 << 20;
    let (long, none) = (ints(&[n, 1]), ints(&[0, 1]));
    let (long, none) = (run(&mut b, "sparse.identity", &[long]), run(&mut b, "sparse.identity", &[none]));
    let (fuel, polls) = (b.fuel, b.polls);
    run(&mut b, "sparse.kron", &[long, none]);
    assert!(b.polls - polls >= 8, "{}", b.polls - polls);
    assert!(fuel - b.fuel >= 3 * n as u64 / 16);
}

#[test]
fn iterations_without_an_end_are_ended() {
    let mut b = Bench::new();
    let a = laplacian(&mut b, 4);
    let mut solve = |matrix: &Arg, right: f64, name: &str, easier: &str, most: u64| {
        let given = f64s(&mut b, &[16], &[right; 16]);
        let mut args = vec![matrix.clone(), given, b.string(easier)];
        args.extend([Arg::Slot(1e-30f64.to_bits(), Type::F64), Arg::Slot(most, Type::I64)]);
        if name == "sparse.gmres" {
            args.push(Arg::Slot(5, Type::I64));
        }
        b.run(name, &[Elem::F64], &args).err().map(|e| (e.code, e.message().to_owned()))
    };
    use crate::trap::TrapCode::{InvalidArgument, NoConvergence};
    for name in ["sparse.cg", "sparse.bicgstab", "sparse.gmres"] {
        for (right, most) in [(f64::NAN, 1 << 40), (f64::INFINITY, 1 << 40), (1e300, 1 << 40), (1.0, 1)] {
            let (code, text) = solve(&a, right, name, "none", most).expect("it does not converge");
            assert_eq!(code, NoConvergence, "{name} of {right}: {text}");
        }
        assert_eq!(solve(&a, 0.0, name, "amg", 9), None);
        assert_eq!(solve(&a, 0.0, name, "best", 9).map(|e| e.0), Some(InvalidArgument));
    }
}

#[cfg(feature = "linalg")]
#[test]
fn the_row_of_a_pivot_is_that_of_the_matrix() {
    for (n, at) in [(1, 0), (4, 2), (7, 6), (60, 17)] {
        let mut b = Bench::new();
        let mut diagonal = vec![2.0; n];
        diagonal[at] = -1.0;
        // Some rows have more elements, so that the order is another.
        let ahead: Vec<f64> =
            (0..n).map(|i| if i % 3 == 1 && i != at && i != at + 1 { 0.1 } else { 0.0 }).collect();
        let behind: Vec<f64> = (0..n).map(|i| ahead.get(i + 1).copied().unwrap_or(0.0)).collect();
        let lines = f64s(&mut b, &[3, n], &[behind, diagonal, ahead].concat());
        let offsets = b.tensor(&[3], &[-1i64, 0, 1]);
        let a = run(&mut b, "sparse.of_diagonals", &[lines, offsets, ints(&[n, n])]);
        let given = f64s(&mut b, &[n], &vec![1.0; n]);
        let failed = b
            .run("sparse.solve_posdef", &[Elem::F64], &[a, given])
            .err()
            .expect("it is not positive definite");
        assert!(failed.message().contains(&format!("row {at} is")), "{n}: {}", failed.message());
    }
}

#[test]
fn long_work_is_stopped() {
    let mut b = Bench::new();
    b.heap().set_threads(Threads::at_most(1));
    let n = 300;
    let a = laplacian(&mut b, n);
    let columns = run(&mut b, "sparse.to_csc", &[a.clone()]);
    let x = f64s(&mut b, &[n * n], &vec![1.0; n * n]);
    let places = b.tensor(&[n as u64 * n as u64], &(0..(n * n) as i64).collect::<Vec<_>>());
    let small = run(&mut b, "sparse.identity", &[ints(&[30, 30])]);
    let axis = Arg::Slot(0, Type::I64);
    let solve = [b.string("jacobi"), Arg::Slot(1e-8f64.to_bits(), Type::F64), Arg::Slot(900, Type::I64)];
    for (name, args) in [
        ("sparse.of_triples", vec![places.clone(), places, ints(&[n * n, n * n]), x.clone()]),
        ("sparse.to_csr", vec![columns.clone()]),
        ("sparse.add", vec![a.clone(), columns.clone()]),
        ("sparse.matmul", vec![a.clone(), x.clone()]),
        ("sparse.matmul", vec![columns.clone(), x.clone()]),
        ("sparse.product", vec![a.clone(), a.clone()]),
        ("sparse.kron", vec![a.clone(), small]),
        ("sparse.sum_axis", vec![a.clone(), axis]),
        ("sparse.diagonal", vec![a.clone()]),
        ("sparse.cg", [&[a.clone(), x.clone()], &solve[..]].concat()),
        ("sparse.bicgstab", [&[columns, x], &solve[..]].concat()),
    ] {
        let depth = b.heap().depth();
        let allowed = b.polls;
        b.interrupt_at = allowed;
        let stopped = b.run(name, &[Elem::F64], &args);
        b.interrupt_at = usize::MAX;
        let code = stopped.err().map(|e| e.code);
        assert_eq!(code, Some(crate::trap::TrapCode::Interrupted), "{name}");
        // SAFETY: nothing that was made in between is used.
        unsafe { b.heap().unwind_to(depth) };
    }
}
