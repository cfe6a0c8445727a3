//! Products by fewer multiplications: against plain ones, within the bound that is promised, and on threads.

use super::Bench;
use super::linalg::{Matrix, all, matrix, pinned, random, read};
use crate::op::linalg::{fast_room, multiply_fast};
use crate::op::number::Number;
use crate::placement::Cores;
use nbc_ir::Elem;
use num_complex::Complex;

/// The product of matrices that are halved as long as no dim is below `least`.
fn product<T: Number + Default>(b: &mut Bench, least: usize, x: &Matrix, y: &Matrix) -> Vec<T> {
    let args = [matrix(b, T::ELEM, x), matrix(b, T::ELEM, y)];
    let factors = args.each_ref().map(|arg| arg.values::<T>());
    let dims = [x.m, x.n, y.n];
    let mut c = vec![T::default(); x.m * y.n];
    let mut room = vec![T::default(); fast_room(dims, least)];
    let (to, spare) = (c.as_mut_ptr(), room.as_mut_ptr());
    // SAFETY: the vectors are as long as the dims say.
    unsafe { multiply_fast(b, (dims, least), factors.each_ref().map(|f| f.as_ptr()), to, spare).unwrap() };
    c
}

fn levels(dims: [usize; 3], least: usize) -> i32 {
    if dims.iter().all(|d| *d >= least) { 1 + levels(dims.map(|d| d / 2), least) } else { 0 }
}

fn largest(a: &Matrix) -> f64 {
    a.of.iter().map(|x| x.norm()).fold(0.0, f64::max)
}

fn close<T: Number + Default>(rounding: f64, whole: impl Fn(T) -> Complex<f64>) {
    for (m, k, n) in [(64, 64, 64), (70, 65, 81), (33, 128, 47), (129, 31, 90), (16, 16, 16), (67, 67, 67)] {
        for scaled in [false, true] {
            let (x, y) = (random(T::ELEM, m, k, 1), random(T::ELEM, k, n, 2));
            // Rows and columns of very different sizes: then no error is small next to each element.
            let by = |i: usize| if scaled { 2f64.powi(-(7 * i as i32 % 40)) } else { 1.0 };
            let x = Matrix::new(m, k, |i, j| x.at(i, j) * by(i) * by(j + 3));
            let y = Matrix::new(k, n, |i, j| y.at(i, j) * by(i + 1) * by(j));
            for least in [8, 16, 40] {
                let b = &mut Bench::new();
                // As they are in that precision.
                let [x, y] = [&x, &y].map(|a| read(&matrix(b, T::ELEM, a)));
                let found = product::<T>(b, least, &x, &y);
                let want = x.times(&y);
                let halved = levels([m, k, n], least);
                let inner = k as f64 / 2f64.powi(halved);
                let bound =
                    18f64.powi(halved) * (inner * inner + 6.0 * inner) * rounding * largest(&x) * largest(&y);
                let worst =
                    found.iter().zip(&want.of).map(|(f, w)| (whole(*f) - w).norm()).fold(0.0, f64::max);
                assert!(worst <= bound, "{} {m}x{k}x{n} from {least}: {worst:e} {bound:e}", T::ELEM);
                // The bound is far from what happens.
                assert!(worst <= 20.0 * k as f64 * rounding * largest(&x) * largest(&y), "{worst:e}");
            }
        }
    }
}

#[test]
fn fewer_multiplications_are_near_the_product() {
    close::<f64>(1.2e-16, |x| x.into());
    close::<f32>(6e-8, |x| f64::from(x).into());
    // A complex product rounds more often.
    close::<Complex<f64>>(5e-16, |x| x);
    close::<Complex<f32>>(2.4e-7, |x| Complex::new(x.re.into(), x.im.into()));
}

#[test]
fn threads_change_no_bit_of_them() {
    let (x, y) = (random(Elem::F64, 301, 270, 3), random(Elem::F64, 270, 333, 4));
    let work = |b: &mut Bench| product::<f64>(b, 60, &x, &y);
    let one = pinned(Cores::One, 1, work);
    for threads in [2, 4] {
        assert!(pinned(Cores::All, threads, work) == one, "{threads} threads");
    }
}

#[test]
fn small_products_are_plain() {
    let b = &mut Bench::new();
    let (x, y) = (random(Elem::F64, 30, 20, 5), random(Elem::F64, 20, 40, 6));
    let args = [matrix(b, Elem::F64, &x), matrix(b, Elem::F64, &y)];
    let [fast, plain] =
        ["linalg.matmul_fast", "linalg.matmul"].map(|name| all(b, name, Elem::F64, &args).remove(0));
    assert_eq!(fast, plain);
}
