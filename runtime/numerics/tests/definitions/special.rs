//! What C99, Annex F, says of special arguments, written out by hand.

use nbc_numerics::functions::{
    Acos, Asin, Atan, Atan2, Cbrt, Cos, Cosh, Erf, Erfc, Exp, Exp2, Expm1, Function, Function2, Hypot,
    Lgamma, Ln, Log1p, Log2, Log10, Pow, Sin, Sinh, Tan, Tanh, Tgamma,
};
use nbc_numerics::{of, of2};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const SMALLEST: f64 = 5e-324;
const SMALLEST_SINGLE: f64 = 1.401298464324817e-45;

#[track_caller]
fn same(name: &str, at: &[f64], got: f64, expected: f64) {
    let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
    assert!(same, "{name} of {at:?}: {got:e}, not {expected:e}");
}

/// Results of doubles, and of singles, whose nearest they are.
#[track_caller]
fn check<F: Function>(cases: &[(f64, f64)]) {
    for (x, expected) in [(NAN, NAN), (-NAN, NAN)].iter().chain(cases) {
        same(F::NAME, &[*x], of::<F, f64>(*x), *expected);
        same(F::NAME, &[*x], of::<F, f32>(*x as f32).into(), (*expected as f32).into());
    }
}

#[track_caller]
fn check2<F: Function2>(cases: &[(f64, f64, f64)]) {
    for (x, y, expected) in cases {
        same(F::NAME, &[*x, *y], of2::<F, f64>(*x, *y), *expected);
        same(F::NAME, &[*x, *y], of2::<F, f32>(*x as f32, *y as f32).into(), (*expected as f32).into());
    }
}

/// Odd functions: the same with both signs.
#[track_caller]
fn check_odd<F: Function>(cases: &[(f64, f64)]) {
    check::<F>(cases);
    check::<F>(&cases.iter().map(|(x, y)| (-x, -y)).collect::<Vec<_>>());
}

#[track_caller]
fn check_doubles<F: Function>(cases: &[(f64, f64)]) {
    for (x, expected) in cases {
        same(F::NAME, &[*x], of::<F, f64>(*x), *expected);
    }
}

#[test]
fn exponentials() {
    let vanish = [(-INF, 0.0), (-1e300, 0.0), (-1100.0, 0.0)];
    let common = [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (1e300, INF), (1100.0, INF), (SMALLEST, 1.0)];
    check::<Exp>(&[&common[..], &vanish].concat());
    check::<Exp2>(&[&common[..], &vanish].concat());
    check_doubles::<Exp>(&[(709.782712893385, INF), (-745.2, 0.0), (-745.0, SMALLEST)]);
    check::<Exp2>(&[
        (1.0, 2.0),
        (-1.0, 0.5),
        (10.0, 1024.0),
        (-20.0, 2.0f64.powi(-20)),
        (-149.0, SMALLEST_SINGLE),
    ]);
    check_doubles::<Exp2>(&[(1024.0, INF), (-1074.0, SMALLEST), (-1075.0, 0.0), (1023.0, 2.0f64.powi(1023))]);
    check::<Expm1>(&[
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, INF),
        (-INF, -1.0),
        (-800.0, -1.0),
        (-60.0, -1.0),
        (800.0, INF),
    ]);
    check_doubles::<Expm1>(&[(SMALLEST, SMALLEST), (-SMALLEST, -SMALLEST), (-1e-20, -1e-20)]);
}

#[test]
fn logarithms() {
    let common = [(0.0, -INF), (-0.0, -INF), (1.0, 0.0), (-1.0, NAN), (-INF, NAN), (INF, INF), (-1e-40, NAN)];
    check::<Ln>(&common);
    check::<Log2>(&common);
    check::<Log10>(&common);
    check_doubles::<Ln>(&[(-SMALLEST, NAN)]);
    for k in -1074..1024 {
        check_doubles::<Log2>(&[(2.0f64.powi(k / 2) * 2.0f64.powi(k - k / 2), f64::from(k))]);
    }
    for k in 0..=22 {
        check_doubles::<Log10>(&[(10.0f64.powi(k), f64::from(k))]);
    }
    check::<Log1p>(&[
        (0.0, 0.0),
        (-0.0, -0.0),
        (-1.0, -INF),
        (-1.5, NAN),
        (-INF, NAN),
        (INF, INF),
        (-1e300, NAN),
    ]);
    check_doubles::<Log1p>(&[(SMALLEST, SMALLEST), (-SMALLEST, -SMALLEST), (1e-20, 1e-20)]);
}

#[test]
fn trigonometric_functions() {
    check_odd::<Sin>(&[(0.0, 0.0), (INF, NAN), (SMALLEST, SMALLEST), (1e-30, 1e-30)]);
    check::<Cos>(&[(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (SMALLEST, 1.0)]);
    check_odd::<Tan>(&[(0.0, 0.0), (INF, NAN), (SMALLEST, SMALLEST), (1e-30, 1e-30)]);
    check_odd::<Asin>(&[(0.0, 0.0), (1.0, FRAC_PI_2), (1.1, NAN), (INF, NAN), (SMALLEST, SMALLEST)]);
    check::<Acos>(&[
        (1.0, 0.0),
        (-1.0, PI),
        (0.0, FRAC_PI_2),
        (-0.0, FRAC_PI_2),
        (1.1, NAN),
        (-1.1, NAN),
        (INF, NAN),
        (-INF, NAN),
    ]);
    check_odd::<Atan>(&[
        (0.0, 0.0),
        (INF, FRAC_PI_2),
        (1e300, FRAC_PI_2),
        (1.0, FRAC_PI_4),
        (SMALLEST, SMALLEST),
    ]);
}

#[test]
fn angles() {
    const SMALL: f64 = 1.0 / (1u128 << 127) as f64 / 8.0;
    const LARGE: f64 = (1u128 << 100) as f64;
    let three = 3.0 * FRAC_PI_4;
    let cases = [
        (0.0, -0.0, PI),
        (0.0, 0.0, 0.0),
        (0.0, -1.0, PI),
        (0.0, 1.0, 0.0),
        (0.0, -INF, PI),
        (0.0, INF, 0.0),
        (1.0, 0.0, FRAC_PI_2),
        (1.0, -0.0, FRAC_PI_2),
        (1.0, -INF, PI),
        (1.0, INF, 0.0),
        (INF, 1.0, FRAC_PI_2),
        (INF, -1.0, FRAC_PI_2),
        (INF, 0.0, FRAC_PI_2),
        (INF, -INF, three),
        (INF, INF, FRAC_PI_4),
        (1.0, 1.0, FRAC_PI_4),
        (1.0, -1.0, three),
        (SMALL, SMALL, FRAC_PI_4),
        (SMALL, LARGE, 0.0),
        (LARGE, SMALL, FRAC_PI_2),
    ];
    // A quotient that is a double, and no single.
    let cases =
        cases.map(|(y, x, angle)| (y, x, if (y, x) == (SMALL, LARGE) { SMALL / LARGE } else { angle }));
    check2::<Atan2>(&cases);
    check2::<Atan2>(&cases.map(|(y, x, angle)| (-y, x, -angle)));
    for x in [0.0, 1.0, INF, NAN] {
        check2::<Atan2>(&[(NAN, x, NAN), (x, NAN, NAN), (NAN, -x, NAN), (-x, NAN, NAN)]);
    }
}

#[test]
fn hyperbolic_functions() {
    check_odd::<Sinh>(&[(0.0, 0.0), (INF, INF), (800.0, INF), (SMALLEST, SMALLEST), (1e-30, 1e-30)]);
    check::<Cosh>(&[
        (0.0, 1.0),
        (-0.0, 1.0),
        (INF, INF),
        (-INF, INF),
        (800.0, INF),
        (-800.0, INF),
        (SMALLEST, 1.0),
    ]);
    check_odd::<Tanh>(&[
        (0.0, 0.0),
        (INF, 1.0),
        (800.0, 1.0),
        (22.0, 1.0),
        (SMALLEST, SMALLEST),
        (1e-30, 1e-30),
    ]);
}

#[test]
fn roots() {
    check_odd::<Cbrt>(&[
        (0.0, 0.0),
        (INF, INF),
        (1.0, 1.0),
        (8.0, 2.0),
        (27.0, 3.0),
        (0.125, 0.5),
        (1e30, 1e10),
    ]);
    let cases = [
        (INF, 1.0, INF),
        (INF, INF, INF),
        (INF, NAN, INF),
        (0.0, 0.0, 0.0),
        (3.0, 4.0, 5.0),
        (0.0, 2.0, 2.0),
        (SMALLEST, 0.0, SMALLEST),
        (1e30, 0.0, 1e30),
        (1.0, NAN, NAN),
        (0.0, NAN, NAN),
    ];
    for (x, y, length) in cases {
        for (x, y) in [(x, y), (-x, y), (x, -y), (-x, -y), (y, x), (-y, x)] {
            check2::<Hypot>(&[(x, y, length)]);
        }
    }
    let large = f64::MAX;
    same("hypot", &[large, large], of2::<Hypot, f64>(large, large), INF);
    same("hypot", &[large, 1.0], of2::<Hypot, f64>(large, 1.0), large);
    same("hypot", &[SMALLEST, SMALLEST], of2::<Hypot, f64>(3.0 * SMALLEST, 4.0 * SMALLEST), 5.0 * SMALLEST);
}

#[test]
fn error_functions() {
    check_odd::<Erf>(&[(0.0, 0.0), (INF, 1.0), (6.0, 1.0), (1e300, 1.0), (SMALLEST, SMALLEST)]);
    check::<Erfc>(&[
        (0.0, 1.0),
        (-0.0, 1.0),
        (INF, 0.0),
        (-INF, 2.0),
        (28.0, 0.0),
        (1e300, 0.0),
        (-7.0, 2.0),
        (-1e300, 2.0),
        (SMALLEST, 1.0),
    ]);
}

#[test]
fn gamma_functions() {
    check::<Tgamma>(&[
        (0.0, INF),
        (-0.0, -INF),
        (INF, INF),
        (-INF, NAN),
        (-1.0, NAN),
        (-2.0, NAN),
        (-171.0, NAN),
        (-1e10, NAN),
        (-1e300, NAN),
        (1.0, 1.0),
        (2.0, 1.0),
        (3.0, 2.0),
        (180.0, INF),
        (1e300, INF),
    ]);
    check_doubles::<Tgamma>(&[
        (SMALLEST, INF),
        (-SMALLEST, -INF),
        (f64::MIN_POSITIVE, 1.0 / f64::MIN_POSITIVE),
        (-f64::MIN_POSITIVE, -1.0 / f64::MIN_POSITIVE),
        (172.0, INF),
        (-184.5, -0.0),
        (-185.5, 0.0),
        (-1000.5, -0.0),
        (-1001.5, 0.0),
        (-4503599627370495.5, 0.0),
        (-4503599627370496.0, NAN),
    ]);
    let mut factorial = 1.0;
    for n in 1..=22 {
        check_doubles::<Tgamma>(&[(f64::from(n), factorial)]);
        factorial *= f64::from(n);
    }
    check::<Lgamma>(&[
        (0.0, INF),
        (-0.0, INF),
        (1.0, 0.0),
        (2.0, 0.0),
        (INF, INF),
        (-INF, INF),
        (-1.0, INF),
        (-2.0, INF),
        (-171.0, INF),
        (-1e300, INF),
        (1e306, INF),
    ]);
    check_doubles::<Lgamma>(&[
        (f64::MAX, INF),
        (SMALLEST, 744.4400719213812),
        (-SMALLEST, 744.4400719213812),
    ]);
}

/// The table of Annex F.9.4.4.
#[test]
fn powers() {
    let large_odd = 9_007_199_254_740_991.0;
    let mut cases = vec![(-1.0, INF, 1.0), (-1.0, -INF, 1.0)];
    for x in [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, INF, -INF, NAN, SMALLEST, -1e300] {
        cases.extend([(x, 0.0, 1.0), (x, -0.0, 1.0), (1.0, x, 1.0)]);
        if x != 1.0 {
            cases.push((x, NAN, NAN));
        }
    }
    for odd in [1.0, 3.0, 12_345.0] {
        cases.extend([(0.0, -odd, INF), (-0.0, -odd, -INF), (0.0, odd, 0.0), (-0.0, odd, -0.0)]);
        cases.extend([(-INF, -odd, -0.0), (-INF, odd, -INF)]);
    }
    for other in [2.0, 0.5, 2.5, 1e30, INF] {
        cases.extend([(0.0, -other, INF), (-0.0, -other, INF), (0.0, other, 0.0), (-0.0, other, 0.0)]);
        cases.extend([(-INF, -other, 0.0), (-INF, other, INF), (INF, -other, 0.0), (INF, other, INF)]);
    }
    for small in [0.5, -0.5, 1e-30, 0.99, 0.0] {
        cases.extend([(small, -INF, INF), (small, INF, 0.0)]);
    }
    for large in [1.5, -1.5, 1e30, INF, -INF] {
        cases.extend([(large, -INF, 0.0), (large, INF, INF)]);
    }
    for fraction in [0.5, -0.5, 2.5, 1e-30, -1.0 / 1024.0] {
        cases.extend([(-1.0, fraction, NAN), (-2.5, fraction, NAN), (-1e-30, fraction, NAN)]);
    }
    for y in [1.0, 2.0, 0.5, -3.0, INF, -INF] {
        cases.push((NAN, y, NAN));
    }
    cases.extend([
        (-2.0, 3.0, -8.0),
        (-2.0, 2.0, 4.0),
        (3.0, 4.0, 81.0),
        (4.0, -0.5, 0.5),
        (2.0, 127.0, 2.0f64.powi(127)),
    ]);
    cases.extend([
        (2.0, -149.0, SMALLEST_SINGLE),
        (-2.0, -149.0, -SMALLEST_SINGLE),
        (1e30, 1e30, INF),
        (1e-30, 1e30, 0.0),
    ]);
    check2::<Pow>(&cases);
    let doubles = [
        (-1.0, large_odd, -1.0),
        (-1.0, large_odd + 1.0, 1.0),
        (-0.0, large_odd, -0.0),
        (-0.0, -large_odd, -INF),
        (2.0, -1074.0, SMALLEST),
        (-2.0, -1073.0, -2.0 * SMALLEST),
        (2.0, 1024.0, INF),
        (-2.0, 1025.0, -INF),
        (-2.0, -1077.0, -0.0),
        (SMALLEST, -1.0, INF),
        (SMALLEST, 1.0, SMALLEST),
        (f64::MAX, 1.0, f64::MAX),
        (1.0 + f64::EPSILON, 1e300, INF),
        (1.0 - f64::EPSILON, 1e300, 0.0),
    ];
    for (x, y, expected) in doubles {
        same("pow", &[x, y], of2::<Pow, f64>(x, y), expected);
    }
}
