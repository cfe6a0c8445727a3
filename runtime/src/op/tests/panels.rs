//! Matrices of so many rows that they are decomposed panel by panel: what holds of their factors, and that threads
//! change no bit of them.

use super::linalg::{KINDS, Kind, Matrix, all, code, matrix, pinned, random, within};
use super::{Arg, Bench, int};
use crate::op::OpHost;
use crate::placement::Cores;
use crate::plan::AtOperation;
use crate::trap::TrapCode;
use nbc_ir::{Elem, Type};

/// Over the bound of one panel, in one direction or both; none a multiple of a panel or a strip.
const SHAPES: [(usize, usize); 3] = [(300, 300), (290, 340), (340, 290)];

/// A matrix that is not near a singular one, with pivots that are not on its diagonal.
fn regular(elem: Elem, n: usize, seed: u64) -> Matrix {
    let a = random(elem, n, n, seed);
    Matrix::new(n, n, |i, j| a.at(i, j) + if i == (j + 1) % n { 2.0 * n as f64 } else { 0.0 })
}

fn positive(elem: Elem, n: usize, seed: u64) -> Matrix {
    let a = random(elem, n, n, seed);
    Matrix::new(n, n, |i, j| (a.at(i, j) + a.at(j, i).conj()) * 0.5 + if i == j { 20.0 } else { 0.0 })
}

/// That the product of some matrices is `want`, by what both do to a few vectors.
fn make(kind: &Kind, factors: &[&Matrix], want: &Matrix, what: &str) {
    let x = random(kind.elem, want.n, 3, 11);
    let y = factors.iter().rev().fold(x.clone(), |y, a| a.times(&y));
    within(kind, &y, &want.times(&x), what);
}

fn orthonormal(kind: &Kind, q: &Matrix, what: &str) {
    make(kind, &[&q.adjoint(), q], &Matrix::identity(q.n), what);
}

/// An operation with arguments, a matrix each.
fn results(b: &mut Bench, name: &str, elem: Elem, args: &[Matrix], more: &[Arg]) -> Vec<Matrix> {
    let mut given: Vec<Arg> = args.iter().map(|a| matrix(b, elem, a)).collect();
    given.extend_from_slice(more);
    all(b, name, elem, &given)
}

fn bits(all: &[Matrix]) -> Vec<i64> {
    all.iter().flat_map(|m| &m.of).flat_map(|x| [x.re.to_bits() as i64, x.im.to_bits() as i64]).collect()
}

/// The results, which are to be the same on any number of threads.
fn on_threads(name: &str, elem: Elem, args: &[Matrix], more: &[Arg]) -> Vec<Matrix> {
    let one = results(&mut Bench::new(), name, elem, args, more);
    for threads in [1, 2, 4] {
        let cores = if threads == 1 { Cores::One } else { Cores::All };
        let found = pinned(cores, threads, |b| bits(&results(b, name, elem, args, more)));
        assert!(found == bits(&one), "{name} of {elem} on {threads} threads");
    }
    one
}

#[test]
fn factors_of_large_matrices_make_them() {
    for kind in &KINDS {
        for (m, n) in SHAPES {
            let a = random(kind.elem, m, n, 3);
            let [p, l, u] = on_threads("linalg.lu", kind.elem, &[a.clone()], &[]).try_into().unwrap();
            let permuted = Matrix::new(m, n, |i, j| a.at(p.of[i].re as usize, j));
            make(kind, &[&l, &u], &permuted, "l·u");
            assert!(l.of.iter().all(|x| x.norm() < 1.5), "pivots are the largest");
            let [q, r] = on_threads("linalg.qr", kind.elem, &[a.clone()], &[]).try_into().unwrap();
            make(kind, &[&q, &r], &a, "q·r");
            orthonormal(kind, &q, "qᴴ·q");
        }
        let full = on_threads("linalg.qr_full", kind.elem, &[random(kind.elem, 300, 270, 5)], &[]);
        orthonormal(kind, &full[0], "qr_full");
    }
}

#[test]
fn large_systems_are_solved() {
    for kind in &KINDS {
        let (n, elem) = (300, kind.elem);
        let (a, right) = (regular(elem, n, 1), random(elem, n, 150, 2));
        let x = on_threads("linalg.solve", elem, &[a.clone(), right.clone()], &[]).remove(0);
        make(kind, &[&a, &x], &right, "a·x");
        let inverse = on_threads("linalg.inv", elem, &[a.clone()], &[]).remove(0);
        make(kind, &[&a, &inverse], &Matrix::identity(n), "a·a⁻¹");
        let p = positive(elem, n, 4);
        let l = on_threads("linalg.cholesky", elem, &[p.clone()], &[]).remove(0);
        make(kind, &[&l, &l.adjoint()], &p, "l·lᴴ");
        let x = on_threads("linalg.solve_posdef", elem, &[p.clone(), right.clone()], &[]).remove(0);
        make(kind, &[&p, &x], &right, "solve_posdef");
        let how = [Arg::Slot(1, Type::Bool), Arg::Slot(0, Type::Bool), int(2)];
        let x = on_threads("linalg.solve_triangular", elem, &[l.clone(), right.clone()], &how).remove(0);
        within(kind, &l.adjoint().times(&x), &right, "solve_triangular");
        // A turn of all rows by one has the sign of its length.
        let turn = Matrix::new(n, n, |i, j| if i == (j + 1) % n { 2.0.into() } else { 0.0.into() });
        let [sign, log] = on_threads("linalg.slogdet", elem, &[turn], &[]).try_into().unwrap();
        assert_eq!(sign.of[0], (-1.0).into());
        assert!((log.of[0].re - n as f64 * 2f64.ln()).abs() < 1e-3);
    }
    let loose = Kind { rounding: 1e3 * KINDS[1].rounding, ..KINDS[1] };
    let a = random(Elem::F64, 300, 300, 6);
    let a = Matrix::new(300, 300, |i, j| a.at(i, j) * 0.02);
    let minus = Matrix::new(300, 300, |i, j| -a.at(i, j));
    let one = on_threads("linalg.expm", Elem::F64, &[a.clone()], &[]).remove(0);
    let other = on_threads("linalg.expm", Elem::F64, &[minus], &[]).remove(0);
    make(&loose, &[&one, &other], &Matrix::identity(300), "expm");
    let third = on_threads("linalg.matrix_power", Elem::F64, &[a.clone()], &[int(3)]).remove(0);
    let x = random(Elem::F64, 300, 3, 12);
    within(&loose, &third.times(&x), &a.times(&a.times(&a.times(&x))), "matrix_power");
}

#[test]
fn large_matrices_without_an_answer_say_which_row() {
    let b = &mut Bench::new();
    let n = 300;
    let a = random(Elem::F64, n, n, 7);
    let folded = Matrix::new(n, n, |i, j| if i == 211 { 0.0.into() } else { a.at(i, j) });
    let args = [matrix(b, Elem::F64, &folded), matrix(b, Elem::F64, &a)];
    assert_eq!(code(b, "linalg.solve", Elem::F64, &args), Some(TrapCode::Singular));
    assert_eq!(code(b, "linalg.inv", Elem::F64, &args[..1]), Some(TrapCode::Singular));
    assert_eq!(all(b, "linalg.det", Elem::F64, &args[..1])[0].of[0], 0.0.into());
    let mut bad = positive(Elem::F64, n, 8);
    bad.of[270 * n + 270] = (-1.0).into();
    let bad = matrix(b, Elem::F64, &bad);
    let trap = b.run_all("linalg.cholesky", &[Elem::F64], &[bad], AtOperation::default()).err().unwrap();
    assert!(trap.to_string().contains("leading 271 rows"), "{trap}");
    // Of columns that depend on others the factors are some, and make the matrix.
    for (m, n) in SHAPES {
        let same = Matrix::new(m, n, |i, j| a.at(i % 290, j % 100) * if j % 7 == 0 { 0.0 } else { 1.0 });
        let [q, r] = results(b, "linalg.qr", Elem::F64, &[same.clone()], &[]).try_into().unwrap();
        make(&KINDS[1], &[&q, &r], &same, "q·r");
        orthonormal(&KINDS[1], &q, "qᴴ·q");
        let [q, r] = results(b, "linalg.qr", Elem::F64, &[Matrix::new(m, n, |_, _| 0.0.into())], &[])
            .try_into()
            .unwrap();
        orthonormal(&KINDS[1], &q, "qᴴ·q of zeros");
        assert!(r.of.iter().all(|x| x.norm() == 0.0));
    }
}

#[test]
fn a_large_decomposition_is_stopped() {
    let mut b = Bench::new();
    let a = random(Elem::F64, 300, 300, 9);
    let arg = matrix(&mut b, Elem::F64, &a);
    b.heap().interruption().flag().store(true, std::sync::atomic::Ordering::Relaxed);
    for name in ["linalg.lu", "linalg.qr", "linalg.inv", "linalg.expm"] {
        assert_eq!(code(&mut b, name, Elem::F64, &[arg.clone()]), Some(TrapCode::Interrupted), "{name}");
    }
}
