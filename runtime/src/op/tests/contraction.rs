//! Products, contractions, norms and functions of matrices: against sums written out, and by what holds of them.

use super::linalg::{KINDS, Matrix, all, code, each, given, matrix, random, read, within};
use super::{Arg, Bench, int, list};
use crate::trap::TrapCode;
use nbc_ir::Elem;
use nbc_ir::catalogue::{Lengths, Subscripts};
use nbc_ir::dims::Dims;
use num_complex::Complex;

fn einsum(
    b: &mut Bench,
    text: &str,
    operands: &[(Vec<u64>, Vec<Complex<f64>>)],
    elem: Elem,
) -> Result<Arg, TrapCode> {
    let tensors = operands.iter().map(|(dims, x)| given(b, elem, dims, x).slot()).collect();
    let args = [b.string(text), Arg::Tensors(tensors, elem)];
    b.run("linalg.einsum", &[elem], &args).map_err(|e| e.code)
}

/// Subscripts for operands of their dims, with the lengths of axes.
fn fitted(text: &str, operands: &[(Vec<u64>, Vec<Complex<f64>>)]) -> (Subscripts, Lengths) {
    let dims: Vec<Dims> = operands.iter().map(|(dims, _)| Dims::new(dims).unwrap()).collect();
    Subscripts::parse(text).unwrap().fit(&dims).unwrap()
}

/// The sums by their definition: every place of every letter.
fn written_out(text: &str, operands: &[(Vec<u64>, Vec<Complex<f64>>)]) -> Vec<Complex<f64>> {
    let (subscripts, lengths) = fitted(text, operands);
    let mut letters = subscripts.result.clone();
    for letter in subscripts.operands.iter().flatten() {
        if !letters.contains(letter) {
            letters.push(*letter);
        }
    }
    let len = |letter: &u8| lengths[*letter as usize].unwrap();
    let lens: Vec<u64> = letters.iter().map(len).collect();
    let results: u64 = lens[..subscripts.result.len()].iter().product();
    let mut sums = vec![Complex::new(0.0, 0.0); results as usize];
    let all: u64 = lens.iter().product();
    for at in 0..all {
        let (mut left, mut index) = (at, vec![0; lens.len()]);
        for axis in (0..lens.len()).rev() {
            index[axis] = left % lens[axis];
            left /= lens[axis];
        }
        let place = |of: &[u8]| {
            of.iter().fold(0, |at, letter| {
                at * len(letter) + index[letters.iter().position(|l| l == letter).unwrap()]
            })
        };
        let factors = subscripts.operands.iter().zip(operands);
        let product: Complex<f64> = factors.map(|(of, (_, x))| x[place(of) as usize]).product();
        sums[place(&subscripts.result) as usize] += product;
    }
    sums
}

#[test]
fn subscripts_mean_what_they_say() {
    let len = |letter: u8| match letter {
        b'i' => 4,
        b'j' => 3,
        b'k' => 5,
        b'l' => 2,
        _ => 1 + letter as u64 % 3,
    };
    for text in [
        "ij,jk->ik",
        "ij,kj->ik",
        "ji,jk->ik",
        "ij,jk->ki",
        "ij,jk",
        "i,i",
        "i,i->i",
        "i,j->ij",
        "i,j->ji",
        "ij->ji",
        "ii",
        "ii->i",
        "ij->",
        "ij->j",
        "iij->ji",
        "iij,jk->ik",
        "ij,ij->ij",
        "ij,ij->",
        "ij,i->j",
        "bij,bjk->bik",
        "bij,bjk->ikb",
        "bij,jk->bik",
        "ijb,kjb->bik",
        "ij,jk,kl->il",
        "ij,jk,kl,lm->im",
        "i,ij,j->",
        "ijk,jil->kl",
        "abcd,cdef->abef",
        "abcd,ecfd->abef",
        "ik,jk,lk->ijl",
        "i,j,k->kji",
        ",ij->ij",
        "i,->i",
        ",",
        "ijk,ijk->k",
        "ij,kl->",
        "ij,kl->ljki",
        "aab,bcc->ac",
        "ijkl->lk",
        "ij,jj->i",
    ] {
        for kind in &KINDS {
            let b = &mut Bench::new();
            let subscripts = Subscripts::parse(text).unwrap();
            let operands: Vec<_> = subscripts
                .operands
                .iter()
                .enumerate()
                .map(|(n, letters)| {
                    let dims: Vec<u64> = letters.iter().map(|l| len(*l)).collect();
                    let count = dims.iter().product::<u64>() as usize;
                    (dims, random(kind.elem, 1, count, 3 + n as u64).of)
                })
                .collect();
            let result = einsum(b, text, &operands, kind.elem).unwrap();
            assert_eq!(
                result.dims(),
                subscripts.result.iter().map(|l| len(*l)).collect::<Vec<_>>(),
                "{text}"
            );
            let want = written_out(text, &operands);
            let n = want.len();
            let (found, want) = (Matrix { m: 1, n, of: read(&result).of }, Matrix { m: 1, n, of: want });
            within(kind, &found, &want, text);
        }
    }
    let b = &mut Bench::new();
    let x = (vec![2, 3], vec![1.0.into(); 6]);
    for (text, operands, code) in [
        ("ij,jk", vec![x.clone(), x.clone()], TrapCode::ShapeMismatch),
        ("ijk", vec![x.clone()], TrapCode::ShapeMismatch),
        ("ij", vec![x.clone(), x.clone()], TrapCode::InvalidArgument),
        ("i.", vec![x.clone()], TrapCode::InvalidArgument),
        ("ijk...", vec![x.clone()], TrapCode::ShapeMismatch),
        ("i...,j...", vec![x.clone(), (vec![3, 2], x.1.clone())], TrapCode::ShapeMismatch),
    ] {
        assert_eq!(einsum(b, text, &operands, Elem::F64).map(|_| ()), Err(code), "{text}");
    }
    let none = (vec![0, 3], vec![]);
    assert_eq!(einsum(b, "ij->j", &[none], Elem::F64).unwrap().values::<f64>(), [0.0; 3]);
}

#[test]
fn axes_without_letters_are_broadcast() {
    for (text, dims) in [
        ("...ij,...jk", &[&[5, 1, 2, 3][..], &[4, 3, 2]][..]),
        ("...ij,...jk->ik...", &[&[5, 1, 2, 3], &[4, 3, 2]]),
        ("...,...", &[&[4, 1, 3], &[5, 1]]),
        ("i...,i...", &[&[3, 2], &[3, 4, 1]]),
        ("i...,i...->i...", &[&[3], &[3, 4, 2]]),
        ("b...a", &[&[2, 3, 4]]),
        ("...ii->i...", &[&[2, 1, 3, 3]]),
        ("...,i->...", &[&[2, 2], &[3]]),
        ("...i,ij,...j->...", &[&[7, 3], &[3, 4], &[1, 4]]),
        ("...i,...i->...", &[&[2, 1, 1, 6], &[1, 1, 3, 6]]),
        ("...,...,...", &[&[2, 1, 1], &[3, 1], &[1, 1, 4]]),
        ("...ab,...bc->...ac", &[&[2, 0, 3, 2], &[1, 2, 2]]),
        ("i...->...", &[&[4]]),
        ("...", &[&[]]),
    ] {
        for kind in &KINDS {
            let b = &mut Bench::new();
            let some = |(n, dims): (usize, &&[u64])| {
                let count = dims.iter().product::<u64>() as usize;
                (dims.to_vec(), random(kind.elem, 1, count, 3 + n as u64).of)
            };
            let operands: Vec<_> = dims.iter().enumerate().map(some).collect();
            let (subscripts, lengths) = fitted(text, &operands);
            let own: Vec<u64> = subscripts.result.iter().map(|l| lengths[*l as usize].unwrap()).collect();
            let result = einsum(b, text, &operands, kind.elem).unwrap();
            assert_eq!(result.dims(), own, "{text}");
            let want = written_out(text, &operands);
            let n = want.len();
            assert_eq!(read(&result).of.len(), n);
            within(kind, &Matrix { m: 1, n, of: read(&result).of }, &Matrix { m: 1, n, of: want }, text);
        }
    }
}

#[test]
fn axes_are_summed_over() {
    let b = &mut Bench::new();
    let (x, y) = (random(Elem::F64, 6, 20, 1), random(Elem::F64, 5, 8, 2));
    let args = [given(b, Elem::F64, &[2, 3, 4, 5], &x.of), given(b, Elem::F64, &[5, 2, 4], &y.of)];
    let found = b.run(
        "linalg.tensordot",
        &[Elem::F64],
        &[args[0].clone(), args[1].clone(), list(&[3, 0]), list(&[0, 1])],
    );
    let found = found.unwrap();
    assert_eq!(found.dims(), [3, 4, 4]);
    let operands = [(vec![2, 3, 4, 5], x.of), (vec![5, 2, 4], y.of)];
    let want = Matrix { m: 1, n: 48, of: written_out("bcda,abe->cde", &operands) };
    within(&KINDS[1], &Matrix { m: 1, n: 48, of: read(&found).of }, &want, "tensordot");
    let mut wrong = |a: &[i64], c: &[i64]| {
        code(b, "linalg.tensordot", Elem::F64, &[args[0].clone(), args[1].clone(), list(a), list(c)])
    };
    assert_eq!(wrong(&[0], &[0]), Some(TrapCode::ShapeMismatch));
    assert_eq!(wrong(&[4], &[0]), Some(TrapCode::IndexOutOfRange));
    assert_eq!(wrong(&[3, 3], &[0, 0]), Some(TrapCode::InvalidArgument));
}

#[test]
fn transposes_and_sums_of_products() {
    each(|b, kind, m, n| {
        let (x, y) = (random(kind.elem, m, n, 1), random(kind.elem, n, 6, 2));
        let turn = |a: &Matrix, how: i64| match how {
            0 => a.clone(),
            1 => Matrix::new(a.n, a.m, |i, j| a.at(j, i)),
            _ => a.adjoint(),
        };
        let want = x.times(&y);
        for (p, q) in (0..9).map(|i| (i % 3, i / 3)) {
            // What is given is turned back by the operation.
            let args =
                [matrix(b, kind.elem, &turn(&x, p)), matrix(b, kind.elem, &turn(&y, q)), int(p), int(q)];
            within(kind, &all(b, "linalg.matmul_t", kind.elem, &args)[0], &want, "matmul_t");
        }
        let start = random(kind.elem, m, 6, 3);
        let args = [matrix(b, kind.elem, &start), matrix(b, kind.elem, &x), matrix(b, kind.elem, &y)];
        b.run("linalg.matmul_add", &[kind.elem], &args).unwrap();
        let sum = Matrix::new(m, 6, |i, j| start.at(i, j) + want.at(i, j));
        within(kind, &read(&args[0]), &sum, "matmul_add");
        let trace = all(b, "linalg.trace", kind.elem, &args[1..2])[0].of[0];
        let sum: Complex<f64> = (0..m.min(n)).map(|i| x.at(i, i)).sum();
        assert!((trace - sum).norm() <= kind.rounding * 100.0 * m as f64);
        let norm = all(b, "linalg.norm", kind.elem, &args[1..2])[0].of[0].re;
        assert!((norm - x.size()).abs() <= 4.0 * kind.rounding * norm, "{norm}");
        let lines = |a: &Matrix| {
            (0..a.m).map(|i| (0..a.n).map(|j| a.at(i, j).norm()).sum::<f64>()).fold(0.0, f64::max)
        };
        for (name, want) in [("linalg.norm_inf", lines(&x)), ("linalg.norm_1", lines(&x.adjoint()))] {
            let norm = all(b, name, kind.elem, &args[1..2])[0].of[0].re;
            assert!((norm - want).abs() <= 10.0 * kind.rounding * norm, "{name}: {norm} {want}");
        }
        let s = all(b, "linalg.svd_values", kind.elem, &args[1..2]).remove(0);
        assert_eq!(all(b, "linalg.norm_2", kind.elem, &args[1..2])[0].of[0], s.of[0]);
        let sum: f64 = s.of.iter().map(|s| s.re).sum();
        let nuclear = all(b, "linalg.norm_nuclear", kind.elem, &args[1..2])[0].of[0].re;
        assert!((nuclear - sum).abs() <= 100.0 * kind.rounding * sum);
    });
    // A matrix times itself, added to itself: all three are the same tensor.
    let b = &mut Bench::new();
    let a = random(Elem::F64, 30, 30, 4);
    let arg = matrix(b, Elem::F64, &a);
    b.run("linalg.matmul_add", &[Elem::F64], &[arg.clone(), arg.clone(), arg.clone()]).unwrap();
    let product = a.times(&a);
    let want = Matrix::new(30, 30, |i, j| a.at(i, j) + product.at(i, j));
    within(&KINDS[1], &read(&arg), &want, "added to itself");
    let norm = |b: &mut Bench, x: &[f64]| {
        let x: Vec<_> = x.iter().map(|x| Complex::new(*x, 0.0)).collect();
        let arg = given(b, Elem::F64, &[x.len() as u64], &x);
        b.run("linalg.norm", &[Elem::F64], &[arg]).unwrap().values::<f64>()[0]
    };
    assert_eq!(norm(b, &[3e300, -4e300]), 5e300);
    assert!((norm(b, &[3e-310, 4e-310]) / 5e-310 - 1.0).abs() < 1e-12);
    assert_eq!(norm(b, &[]), 0.0);
    assert!(norm(b, &[1.0, f64::NAN]).is_nan());
    assert_eq!(norm(b, &[1.0, f64::NEG_INFINITY]), f64::INFINITY);
}

#[test]
fn the_exponential_costs_what_it_takes() {
    let b = &mut Bench::new();
    let n = 20u64;
    let a = random(Elem::F64, 20, 20, 1);
    let mut cost = |times: &[f64]| {
        let all: Vec<_> = times.iter().flat_map(|t| a.of.iter().map(move |x| x * t)).collect();
        let arg = given(b, Elem::F64, &[times.len() as u64, n, n], &all);
        let before = b.fuel;
        let done = b.run("linalg.expm", &[Elem::F64], &[arg]).map(|_| ()).map_err(|e| e.code);
        (before - b.fuel, done)
    };
    // Looking at the elements, arguments and results; then products and squarings, of each matrix its own.
    let fixed = |count: u64| count * (n * n + 2 * n * n) / 16;
    let products = |all: &[u64]| all.iter().sum::<u64>() * n * n * n / 16;
    assert_eq!(cost(&[1e-4]), (fixed(1) + products(&[9]), Ok(())));
    assert_eq!(cost(&[0.35]), (fixed(1) + products(&[19]), Ok(())));
    let (one, _) = cost(&[1.0]);
    let (other, _) = cost(&[16.0]);
    assert_eq!(other - one, products(&[8]));
    assert_eq!(cost(&[1e-4, 0.35]), (fixed(2) + products(&[9, 19]), Ok(())));
    assert_eq!(cost(&[1e30]), (fixed(1) + products(&[147]), Err(TrapCode::InvalidArgument)));
}

#[test]
fn stacks_are_products_one_by_one() {
    for kind in &KINDS {
        let b = &mut Bench::new();
        let (x, y) = (random(kind.elem, 6 * 5, 7, 1), random(kind.elem, 3 * 7, 4, 2));
        let args = [given(b, kind.elem, &[2, 3, 5, 7], &x.of), given(b, kind.elem, &[3, 7, 4], &y.of)];
        let found = b.run("linalg.matmul", &[kind.elem], &args).unwrap();
        assert_eq!(found.dims(), [2, 3, 5, 4]);
        let found = read(&found).of;
        for i in 0..6 {
            let one = [
                given(b, kind.elem, &[5, 7], &x.of[i * 35..(i + 1) * 35]),
                given(b, kind.elem, &[7, 4], &y.of[i % 3 * 28..(i % 3 + 1) * 28]),
            ];
            assert_eq!(all(b, "linalg.matmul", kind.elem, &one)[0].of, found[i * 20..(i + 1) * 20]);
        }
        let vector = given(b, kind.elem, &[7], &x.of[..7]);
        let found = b.run("linalg.matmul", &[kind.elem], &[args[0].clone(), vector.clone()]).unwrap();
        assert_eq!(found.dims(), [2, 3, 5]);
        let found = b.run("linalg.matmul", &[kind.elem], &[vector, args[1].clone()]).unwrap();
        assert_eq!(found.dims(), [3, 4]);
        assert_eq!(
            code(b, "linalg.matmul", kind.elem, &[args[1].clone(), args[0].clone()]),
            Some(TrapCode::ShapeMismatch)
        );
        let (p, q) = (random(kind.elem, 3, 2, 5), random(kind.elem, 2, 5, 6));
        let args = [matrix(b, kind.elem, &p), matrix(b, kind.elem, &q)];
        let want = Matrix::new(6, 10, |i, j| p.at(i / 2, j / 5) * q.at(i % 2, j % 5));
        within(kind, &all(b, "linalg.kron", kind.elem, &args)[0], &want, "kron");
    }
}

#[test]
fn functions_undo_each_other() {
    for kind in &KINDS {
        for n in [1, 2, 3, 8, 9, 31, 60] {
            let b = &mut Bench::new();
            let a = random(kind.elem, n, n, 7);
            // Eigenvalues near 2, so that there are roots and logarithms.
            let a = Matrix::new(n, n, |i, j| a.at(i, j) / n as f64 + if i == j { 2.0 } else { 0.0 });
            let arg = matrix(b, kind.elem, &a);
            let loose = super::linalg::Kind { rounding: 20.0 * kind.rounding, ..*kind };
            let root = all(b, "linalg.sqrtm", kind.elem, &[arg.clone()]).remove(0);
            within(&loose, &root.times(&root), &a, "sqrtm");
            let log = b.run("linalg.logm", &[kind.elem], &[arg.clone()]).unwrap();
            let back = all(b, "linalg.expm", kind.elem, &[log.clone()]).remove(0);
            within(&loose, &back, &a, "expm of logm");
            // exp(-a) is the inverse of exp(a), and exp(2a) its square.
            let of = |b: &mut Bench, by: f64| {
                let scaled = Matrix::new(n, n, |i, j| a.at(i, j) * by);
                let arg = matrix(b, kind.elem, &scaled);
                all(b, "linalg.expm", kind.elem, &[arg]).remove(0)
            };
            let (one, minus, two) = (of(b, 1.0), of(b, -1.0), of(b, 2.0));
            within(&loose, &one.times(&minus), &Matrix::identity(n), "exp(a)·exp(-a)");
            within(&loose, &one.times(&one), &two, "exp(a)²");
            for (k, want) in [(0, Matrix::identity(n)), (1, a.clone()), (3, a.times(&a).times(&a))] {
                let power = all(b, "linalg.matrix_power", kind.elem, &[arg.clone(), int(k)]).remove(0);
                within(kind, &power, &want, "matrix_power");
            }
            let power = all(b, "linalg.matrix_power", kind.elem, &[arg.clone(), int(-2)]).remove(0);
            within(&loose, &power.times(&a).times(&a), &Matrix::identity(n), "a negative power");
        }
    }
    let b = &mut Bench::new();
    let turned = given(b, Elem::F64, &[2, 2], &[-1.0, 0.0, 0.0, -2.0].map(Complex::from));
    assert_eq!(code(b, "linalg.sqrtm", Elem::F64, &[turned.clone()]), Some(TrapCode::InvalidArgument));
    assert_eq!(code(b, "linalg.logm", Elem::F64, &[turned]), Some(TrapCode::InvalidArgument));
    let none = given(b, Elem::F64, &[2, 2], &[0.0, 1.0, 0.0, 0.0].map(Complex::from));
    assert_eq!(code(b, "linalg.sqrtm", Elem::F64, &[none.clone()]), Some(TrapCode::Singular));
    assert_eq!(code(b, "linalg.logm", Elem::F64, &[none.clone()]), Some(TrapCode::Singular));
    let exponential = all(b, "linalg.expm", Elem::F64, &[none]).remove(0);
    assert_eq!(exponential.of, [1.0, 1.0, 0.0, 1.0].map(Complex::from));
    let huge = given(b, Elem::F64, &[2, 2], &[1e300, 0.0, 0.0, 1e300].map(Complex::from));
    assert_eq!(code(b, "linalg.expm", Elem::F64, &[huge]), Some(TrapCode::InvalidArgument));
}
