//! Dense linear algebra: what holds of any matrix, by the definitions, at shapes of every kind.

use super::{Arg, Bench, f, int};
use crate::object::Element;
use crate::op::OpHost;
use crate::placement::{Cores, Placement, Rates};
use crate::plan::AtOperation;
use crate::threads::Threads;
use crate::trap::TrapCode;
use nbc_ir::{Elem, Type};
use num_complex::Complex;
use std::sync::Arc;

/// Matrices to hold against each other, in f64 or complex arithmetic of it, row-major.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Matrix {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) of: Vec<Complex<f64>>,
}

impl Matrix {
    pub(super) fn new(m: usize, n: usize, of: impl Fn(usize, usize) -> Complex<f64>) -> Matrix {
        Matrix { m, n, of: (0..m * n).map(|i| of(i / n, i % n)).collect() }
    }

    pub(super) fn identity(n: usize) -> Matrix {
        Matrix::new(n, n, |i, j| if i == j { 1.0.into() } else { 0.0.into() })
    }

    fn diagonal(s: &Matrix) -> Matrix {
        let n = s.of.len();
        Matrix::new(n, n, |i, j| if i == j { s.of[i] } else { 0.0.into() })
    }

    pub(super) fn at(&self, i: usize, j: usize) -> Complex<f64> {
        self.of[i * self.n + j]
    }

    pub(super) fn times(&self, b: &Matrix) -> Matrix {
        assert_eq!(self.n, b.m);
        Matrix::new(self.m, b.n, |i, j| (0..self.n).map(|k| self.at(i, k) * b.at(k, j)).sum())
    }

    pub(super) fn adjoint(&self) -> Matrix {
        Matrix::new(self.n, self.m, |i, j| self.at(j, i).conj())
    }

    pub(super) fn size(&self) -> f64 {
        self.of.iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt()
    }

    fn columns(&self, n: usize) -> Matrix {
        Matrix::new(self.m, n, |i, j| self.at(i, j))
    }

    fn rows(&self, m: usize) -> Matrix {
        Matrix { m, n: self.n, of: self.of[..m * self.n].to_vec() }
    }
}

/// How far apart two of them are, as a share of the larger.
fn apart(a: &Matrix, b: &Matrix) -> f64 {
    assert_eq!((a.m, a.n), (b.m, b.n));
    let gap = Matrix { m: a.m, n: a.n, of: a.of.iter().zip(&b.of).map(|(x, y)| x - y).collect() };
    gap.size() / a.size().max(b.size()).max(1e-300)
}

/// Elements of one of the four types, and their results.
pub(super) struct Kind {
    pub(super) elem: Elem,
    pub(super) rounding: f64,
}

pub(super) const KINDS: [Kind; 4] = [
    Kind { elem: Elem::F32, rounding: 1.2e-7 },
    Kind { elem: Elem::F64, rounding: 2.3e-16 },
    Kind { elem: Elem::C64, rounding: 1.2e-7 },
    Kind { elem: Elem::C128, rounding: 2.3e-16 },
];

fn is_complex(elem: Elem) -> bool {
    matches!(elem, Elem::C64 | Elem::C128)
}

/// A matrix of which the elements depend on the seed.
pub(super) fn random(elem: Elem, m: usize, n: usize, seed: u64) -> Matrix {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        // Few bits, so that they are the same in both precisions.
        ((state >> 44) as f64 / (1 << 19) as f64) - 1.0
    };
    let of = (0..m * n).map(|_| Complex::new(next(), if is_complex(elem) { next() } else { 0.0 })).collect();
    Matrix { m, n, of }
}

fn hermitian(elem: Elem, n: usize, seed: u64) -> Matrix {
    let a = random(elem, n, n, seed);
    Matrix::new(n, n, |i, j| (a.at(i, j) + a.at(j, i).conj()) * 0.5)
}

pub(super) fn given(b: &mut Bench, elem: Elem, dims: &[u64], x: &[Complex<f64>]) -> Arg {
    match elem {
        Elem::F32 => b.tensor(dims, &x.iter().map(|x| x.re as f32).collect::<Vec<_>>()),
        Elem::F64 => b.tensor(dims, &x.iter().map(|x| x.re).collect::<Vec<_>>()),
        Elem::C64 => {
            b.tensor(dims, &x.iter().map(|x| Complex::new(x.re as f32, x.im as f32)).collect::<Vec<_>>())
        }
        _ => b.tensor(dims, x),
    }
}

pub(super) fn matrix(b: &mut Bench, elem: Elem, a: &Matrix) -> Arg {
    given(b, elem, &[a.m as u64, a.n as u64], &a.of)
}

pub(super) fn read(arg: &Arg) -> Matrix {
    let whole = |x: f64| Complex::new(x, 0.0);
    let of = match arg.tensor().elem() {
        Elem::F32 => arg.values::<f32>().iter().map(|x| whole((*x).into())).collect(),
        Elem::F64 => arg.values::<f64>().iter().map(|x| whole(*x)).collect(),
        Elem::I64 => arg.values::<i64>().iter().map(|x| whole(*x as f64)).collect(),
        Elem::C64 => {
            arg.values::<Complex<f32>>().iter().map(|x| Complex::new(x.re.into(), x.im.into())).collect()
        }
        _ => arg.values::<Complex<f64>>(),
    };
    let dims = arg.dims();
    let (m, n) = match &dims[..] {
        [m, n] => (*m as usize, *n as usize),
        [n] => (1, *n as usize),
        _ => (1, 1),
    };
    Matrix { m, n, of }
}

pub(super) fn all(b: &mut Bench, name: &str, elem: Elem, args: &[Arg]) -> Vec<Matrix> {
    let results = b.run_all(name, &[elem], args, AtOperation::default());
    results.unwrap_or_else(|e| panic!("{name} of {elem}: {e}")).iter().map(read).collect()
}

pub(super) fn code(b: &mut Bench, name: &str, elem: Elem, args: &[Arg]) -> Option<TrapCode> {
    let depth = b.heap().depth();
    let code = b.run_all(name, &[elem], args, AtOperation::default()).err().map(|e| e.code);
    // SAFETY: what a trap leaves is nobody's.
    unsafe { b.heap().unwind_to(depth) };
    code
}

/// Shapes: one, square, odd, prime, tall, wide, over the small ones' bound and over a block's.
pub(super) const SHAPES: [(usize, usize); 14] = [
    (1, 1),
    (2, 2),
    (3, 3),
    (8, 8),
    (9, 9),
    (1, 5),
    (5, 1),
    (7, 13),
    (13, 7),
    (31, 31),
    (64, 20),
    (20, 64),
    (97, 97),
    (150, 61),
];

pub(super) fn each(test: impl Fn(&mut Bench, &Kind, usize, usize)) {
    for kind in &KINDS {
        for (m, n) in SHAPES {
            test(&mut Bench::new(), kind, m, n);
        }
    }
}

pub(super) fn within(kind: &Kind, a: &Matrix, b: &Matrix, what: &str) {
    let bound = kind.rounding * 30.0 * (a.m.max(a.n) as f64 + 10.0);
    let gap = apart(a, b);
    assert!(gap <= bound, "{what} of {} with dims {:?}: {gap:e} apart", kind.elem, (a.m, a.n));
}

fn orthonormal(kind: &Kind, q: &Matrix, what: &str) {
    within(kind, &q.adjoint().times(q), &Matrix::identity(q.n), what);
}

#[test]
fn solutions_solve() {
    each(|b, kind, n, k| {
        let (a, right) = (random(kind.elem, n, n, 1 + n as u64), random(kind.elem, n, k, 2));
        // Kept away from singular ones, by a larger diagonal.
        let a = Matrix::new(n, n, |i, j| a.at(i, j) + if i == (j + 1) % n { 2.0 * n as f64 } else { 0.0 });
        let args = [matrix(b, kind.elem, &a), matrix(b, kind.elem, &right)];
        let x = all(b, "linalg.solve", kind.elem, &args).remove(0);
        within(kind, &a.times(&x), &right, "a·x");
        let inverse = all(b, "linalg.inv", kind.elem, &args[..1]).remove(0);
        within(kind, &a.times(&inverse), &Matrix::identity(n), "a·a⁻¹");
        let vector = given(b, kind.elem, &[n as u64], &right.columns(1).of);
        let x = b.run("linalg.solve", &[kind.elem], &[args[0].clone(), vector]).unwrap();
        assert_eq!(x.dims(), [n as u64]);
        let x = Matrix { m: n, n: 1, of: read(&x).of };
        within(kind, &a.times(&x), &right.columns(1), "a·x of a vector");
        let posdef = a.times(&a.adjoint());
        let posdef = Matrix::new(n, n, |i, j| posdef.at(i, j) / (n * n) as f64);
        // As it is in that precision.
        let given = matrix(b, kind.elem, &posdef);
        let posdef = read(&given);
        let x = all(b, "linalg.solve_posdef", kind.elem, &[given.clone(), args[1].clone()]).remove(0);
        within(kind, &posdef.times(&x), &right, "solve_posdef");
        let l = all(b, "linalg.cholesky", kind.elem, &[given]).remove(0);
        within(kind, &l.times(&l.adjoint()), &posdef, "l·lᴴ");
        assert!((0..n).all(|i| (i + 1..n).all(|j| l.at(i, j).norm() == 0.0)));
    });
}

#[test]
fn triangles_are_solved_as_they_are_meant() {
    for kind in &KINDS {
        for n in [1, 4, 19, 70] {
            let mut b = Bench::new();
            let a = random(kind.elem, n, n, 5);
            let a = Matrix::new(n, n, |i, j| a.at(i, j) / n as f64 + if i == j { 1.0 } else { 0.0 });
            let right = random(kind.elem, n, 3, 6);
            for (lower, unit, turn) in (0..12).map(|i| (i & 1, i >> 1 & 1, i >> 2)) {
                let args = [
                    matrix(&mut b, kind.elem, &a),
                    matrix(&mut b, kind.elem, &right),
                    Arg::Slot(lower, Type::Bool),
                    Arg::Slot(unit, Type::Bool),
                    int(turn as i64),
                ];
                let x = all(&mut b, "linalg.solve_triangular", kind.elem, &args).remove(0);
                let meant = Matrix::new(n, n, |i, j| match i.cmp(&j) {
                    std::cmp::Ordering::Equal if unit == 1 => 1.0.into(),
                    std::cmp::Ordering::Equal => a.at(i, i),
                    order if (order == std::cmp::Ordering::Greater) == (lower == 1) => a.at(i, j),
                    _ => 0.0.into(),
                });
                let meant = match turn {
                    0 => meant,
                    1 => Matrix::new(n, n, |i, j| meant.at(j, i)),
                    _ => meant.adjoint(),
                };
                within(kind, &meant.times(&x), &right, "a triangle");
            }
        }
    }
}

#[test]
fn factors_make_the_matrix() {
    each(|b, kind, m, n| {
        let a = random(kind.elem, m, n, 3);
        let (arg, size) = (matrix(b, kind.elem, &a), m.min(n));
        let [p, l, u] = all(b, "linalg.lu", kind.elem, &[arg.clone()]).try_into().unwrap();
        let permuted = Matrix::new(m, n, |i, j| a.at(p.of[i].re as usize, j));
        within(kind, &l.times(&u), &permuted, "l·u");
        assert!(l.of.iter().all(|x| x.norm() < 1.5), "pivots are the largest");
        for (name, columns) in [("linalg.qr", size), ("linalg.qr_full", m)] {
            let [q, r] = all(b, name, kind.elem, &[arg.clone()]).try_into().unwrap();
            assert_eq!((q.n, r.m), (columns, columns));
            within(kind, &q.times(&r), &a, name);
            orthonormal(kind, &q, name);
            assert!((0..r.m).all(|i| (0..i.min(n)).all(|j| r.at(i, j).norm() == 0.0)));
        }
        for (name, full) in [("linalg.svd", false), ("linalg.svd_full", true)] {
            let [u, s, vh] = all(b, name, kind.elem, &[arg.clone()]).try_into().unwrap();
            assert_eq!((u.n, vh.m), if full { (m, n) } else { (size, size) });
            orthonormal(kind, &u, name);
            orthonormal(kind, &vh.adjoint(), name);
            within(kind, &u.columns(size).times(&Matrix::diagonal(&s)).times(&vh.rows(size)), &a, name);
            assert!(s.of.windows(2).all(|s| s[0].re >= s[1].re) && s.of[size - 1].re >= 0.0);
            let values = all(b, "linalg.svd_values", kind.elem, &[arg.clone()]).remove(0);
            within(kind, &values, &s, "svd_values");
        }
        let inverse = all(b, "linalg.pinv", kind.elem, &[arg.clone(), f(-1.0)]).remove(0);
        within(&Kind { rounding: kind.rounding * 1e3, ..*kind }, &a.times(&inverse).times(&a), &a, "a·a⁺·a");
        let rank = all(b, "linalg.rank", kind.elem, &[arg.clone(), f(-1.0)]).remove(0);
        assert_eq!(rank.of[0].re as usize, size);
    });
}

#[test]
fn eigenvectors_are_stretched() {
    for kind in &KINDS {
        for n in [1, 2, 3, 8, 31, 64, 97] {
            let b = &mut Bench::new();
            let a = hermitian(kind.elem, n, 4);
            let arg = matrix(b, kind.elem, &a);
            let [w, v] = all(b, "linalg.eigh", kind.elem, &[arg.clone()]).try_into().unwrap();
            within(kind, &a.times(&v), &v.times(&Matrix::diagonal(&w)), "eigh");
            orthonormal(kind, &v, "eigh");
            assert!(w.of.windows(2).all(|w| w[0].re <= w[1].re));
            let values = all(b, "linalg.eigh_values", kind.elem, &[arg]).remove(0);
            within(kind, &values, &w, "eigh_values");
            let a = random(kind.elem, n, n, 8);
            let arg = matrix(b, kind.elem, &a);
            let [w, v] = all(b, "linalg.eig", kind.elem, &[arg.clone()]).try_into().unwrap();
            within(kind, &a.times(&v), &v.times(&Matrix::diagonal(&w)), "eig");
            for j in 0..n {
                let length: f64 = (0..n).map(|i| v.at(i, j).norm_sqr()).sum();
                assert!((length - 1.0).abs() < 100.0 * kind.rounding, "{length}");
            }
            let values = all(b, "linalg.eig_values", kind.elem, &[arg.clone()]).remove(0);
            let sum = |w: &Matrix| w.of.iter().sum::<Complex<f64>>();
            assert!((sum(&values) - sum(&w)).norm() < kind.rounding * 100.0 * n as f64);
            let det = all(b, "linalg.det", kind.elem, &[arg.clone()]).remove(0).of[0];
            let product: Complex<f64> = w.of.iter().product();
            // That of so many rows may be no number any more.
            if !(det.re.abs() + det.im.abs()).is_finite() {
                continue;
            }
            assert!((det - product).norm() <= kind.rounding * 1e4 * product.norm(), "{det} {product}");
            let [sign, log] = all(b, "linalg.slogdet", kind.elem, &[arg]).try_into().unwrap();
            let again = sign.of[0] * log.of[0].re.exp();
            assert!((det - again).norm() <= kind.rounding * 1e3 * det.norm(), "{det} {again}");
        }
    }
}

/// A Jordan block, which has one eigenvector only, and the matrix of Hilbert.
#[test]
fn defective_and_badly_conditioned_ones_are_answered() {
    let b = &mut Bench::new();
    let n = 12;
    let jordan = Matrix::new(n, n, |i, j| if i == j { 2.0 } else { (j == i + 1) as u64 as f64 }.into());
    let arg = matrix(b, Elem::F64, &jordan);
    let [w, v] = all(b, "linalg.eig", Elem::F64, &[arg]).try_into().unwrap();
    within(&KINDS[1], &jordan.times(&v), &v.times(&Matrix::diagonal(&w)), "jordan");
    let hilbert = Matrix::new(n, n, |i, j| (1.0 / (i + j + 1) as f64).into());
    let arg = matrix(b, Elem::F64, &hilbert);
    let cond = all(b, "linalg.cond", Elem::F64, &[arg.clone()]).remove(0).of[0].re;
    assert!(cond > 1e16, "{cond}");
    let ones = given(b, Elem::F64, &[n as u64], &vec![1.0.into(); n]);
    let [x, rank, s] =
        all(b, "linalg.lstsq", Elem::F64, &[arg.clone(), ones.clone(), f(1e-10)]).try_into().unwrap();
    assert!(rank.of[0].re < n as f64 && s.of.len() == n);
    let residual = hilbert.times(&Matrix { m: n, n: 1, of: x.of });
    assert!(residual.of.iter().all(|r| (r - 1.0).norm() < 1e-3));
    assert_eq!(code(b, "linalg.solve", Elem::F64, &[arg, ones]), None);
    // Squares of these are no numbers.
    for scale in [1e300, 1e-300, 1e-310] {
        let a = random(Elem::F64, 9, 9, 11);
        let large = Matrix::new(9, 9, |i, j| a.at(i, j) * scale);
        let args = [matrix(b, Elem::F64, &large), matrix(b, Elem::F64, &a)];
        let s = args.map(|arg| all(b, "linalg.svd_values", Elem::F64, &[arg]).remove(0));
        assert!((0..9).all(|i| (s[0].of[i].re / scale / s[1].of[i].re - 1.0).abs() < 1e-5), "{scale}");
    }
}

#[test]
fn what_has_no_answer_traps() {
    let b = &mut Bench::new();
    for elem in [Elem::F32, Elem::F64, Elem::C64, Elem::C128] {
        for n in [2, 20] {
            let zero = matrix(b, elem, &Matrix::new(n, n, |_, _| 0.0.into()));
            let right = given(b, elem, &[n as u64], &vec![1.0.into(); n]);
            let both = [zero.clone(), right.clone()];
            assert_eq!(code(b, "linalg.solve", elem, &both), Some(TrapCode::Singular));
            assert_eq!(code(b, "linalg.inv", elem, &both[..1]), Some(TrapCode::Singular));
            assert_eq!(code(b, "linalg.cholesky", elem, &both[..1]), Some(TrapCode::NotPositiveDefinite));
            assert_eq!(code(b, "linalg.solve_posdef", elem, &both), Some(TrapCode::NotPositiveDefinite));
            assert_eq!(all(b, "linalg.det", elem, &both[..1])[0].of[0], 0.0.into());
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let worst = matrix(b, elem, &Matrix::new(n, n, |i, j| if i > j { bad } else { 1.0 }.into()));
                for name in
                    ["svd", "svd_values", "eigh", "eig", "eig_values", "lu", "qr", "inv", "det", "cond"]
                {
                    let name = format!("linalg.{name}");
                    assert_eq!(
                        code(b, &name, elem, &[worst.clone()]),
                        Some(TrapCode::InvalidArgument),
                        "{name}"
                    );
                }
                let both = [worst.clone(), right.clone()];
                assert_eq!(code(b, "linalg.solve", elem, &both), Some(TrapCode::InvalidArgument));
            }
        }
        let wide = given(b, elem, &[2, 3], &[1.0.into(); 6]);
        assert_eq!(code(b, "linalg.inv", elem, &[wide.clone()]), Some(TrapCode::ShapeMismatch));
        let vector = given(b, elem, &[3], &[1.0.into(); 3]);
        assert_eq!(code(b, "linalg.svd", elem, &[vector.clone()]), Some(TrapCode::RankMismatch));
        let square = matrix(b, elem, &Matrix::identity(2));
        assert_eq!(code(b, "linalg.solve", elem, &[square, vector]), Some(TrapCode::ShapeMismatch));
    }
}

#[test]
fn matrices_without_elements() {
    let b = &mut Bench::new();
    for dims in [[0u64, 0], [0, 3], [3, 0]] {
        let arg = given(b, Elem::F64, &dims, &[]);
        let q = b.run("linalg.qr_full", &[Elem::F64], &[arg.clone()]).unwrap();
        assert_eq!(
            read(&q),
            Matrix { m: dims[0] as usize, n: dims[0] as usize, of: Matrix::identity(dims[0] as usize).of }
        );
        for name in ["lu", "qr", "svd", "svd_full", "svd_values"] {
            b.run(&format!("linalg.{name}"), &[Elem::F64], &[arg.clone()]).unwrap();
        }
        let inverse = b.run("linalg.pinv", &[Elem::F64], &[arg.clone(), f(-1.0)]).unwrap();
        assert_eq!(inverse.dims(), [dims[1], dims[0]]);
        assert_eq!(b.run("linalg.rank", &[Elem::F64], &[arg, f(-1.0)]).unwrap().values::<i64>(), [0]);
    }
    let empty = given(b, Elem::F64, &[0, 0], &[]);
    assert_eq!(b.run("linalg.det", &[Elem::F64], &[empty.clone()]).unwrap().values::<f64>(), [1.0]);
    assert_eq!(b.run("linalg.inv", &[Elem::F64], &[empty]).unwrap().dims(), [0, 0]);
    // Many matrices without elements take no time.
    let many = given(b, Elem::F64, &[1 << 40, 0, 4], &[]);
    assert_eq!(b.run("linalg.svd_values", &[Elem::F64], &[many]).unwrap().dims(), [1 << 40, 0]);
}

pub(super) fn pinned<T: Element>(
    cores: Cores,
    threads: usize,
    work: impl Fn(&mut Bench) -> Vec<T>,
) -> Vec<T> {
    let mut b = Bench::new();
    b.heap().set_threads(Threads::at_most(threads));
    b.heap().set_placement(Arc::new(Placement::new(Rates::default(), cores, None)));
    work(&mut b)
}

#[test]
fn threads_change_no_bit() {
    for (name, n, count) in
        [("linalg.inv", 5, 700), ("linalg.inv", 40, 60), ("linalg.svd", 90, 3), ("linalg.eig", 33, 20)]
    {
        let work = |b: &mut Bench| {
            let a = random(Elem::F64, count * n, n, 9);
            let arg = given(b, Elem::F64, &[count as u64, n as u64, n as u64], &a.of);
            let results = b.run_all(name, &[Elem::F64], &[arg], AtOperation::default()).unwrap();
            results
                .iter()
                .flat_map(|r| read(r).of)
                .flat_map(|x| [x.re.to_bits() as i64, x.im.to_bits() as i64])
                .collect()
        };
        let one = pinned(Cores::One, 1, work);
        for threads in [2, 4] {
            assert!(pinned(Cores::All, threads, work) == one, "{name} on {threads} threads");
        }
    }
}

#[test]
fn stacks_are_matrices_one_by_one() {
    let b = &mut Bench::new();
    let a = random(Elem::F64, 6 * 4, 4, 12);
    let right = random(Elem::F64, 3 * 4, 2, 13);
    let args = [given(b, Elem::F64, &[2, 3, 4, 4], &a.of), given(b, Elem::F64, &[3, 4, 2], &right.of)];
    let x = b.run("linalg.solve", &[Elem::F64], &args).unwrap();
    assert_eq!(x.dims(), [2, 3, 4, 2]);
    let x = x.values::<f64>();
    for i in 0..6 {
        let alone = [
            given(b, Elem::F64, &[4, 4], &a.of[i * 16..(i + 1) * 16]),
            given(b, Elem::F64, &[4, 2], &right.of[i % 3 * 8..(i % 3 + 1) * 8]),
        ];
        let one = b.run("linalg.solve", &[Elem::F64], &alone).unwrap().values::<f64>();
        assert_eq!(one, x[i * 8..(i + 1) * 8]);
    }
    // The trap is that of the first matrix that has none.
    let mut of = a.of.clone();
    of[2 * 16..].fill(0.0.into());
    let bad = given(b, Elem::F64, &[6, 4, 4], &of);
    let trap = b.run("linalg.inv", &[Elem::F64], &[bad]).map(|_| ()).unwrap_err();
    assert!(trap.message().contains("matrix 2 of dims"), "{trap}");
}
