//! The functions and their references.

use core_math as cr;
use nbc_numerics::functions::*;
use nbc_numerics::{Argument, Element, Level, level, of, of2, over, over_at, over2, over2_at};

/// A function by its name.
pub struct Named {
    pub name: &'static str,
    pub binary: bool,
    /// Where most arguments are taken from.
    pub range: (f64, f64),
    pub reference: fn(f64, f64) -> f64,
    pub reference_single: fn(f32, f32) -> f32,
    /// The function of Rust's standard library.
    pub standard: fn(f64, f64) -> f64,
    /// Ours of one number.
    pub alone: fn(f64, f64) -> f64,
    pub over: fn(&[f64], &[f64], &mut [f64]),
    pub over_singles: fn(&[f32], &[f32], &mut [f32]),
    values: (fn(&[f64], &[f64], bool) -> Vec<f64>, fn(&[f32], &[f32], bool) -> Vec<f32>),
}

/// Results by a function of elements.
pub trait Values {
    fn doubles(&self, x: &[f64], y: &[f64], all_levels: bool) -> Vec<f64>;
    fn singles(&self, x: &[f32], y: &[f32], all_levels: bool) -> Vec<f32>;
}

impl Values for Named {
    fn doubles(&self, x: &[f64], y: &[f64], all_levels: bool) -> Vec<f64> {
        (self.values.0)(x, y, all_levels)
    }
    fn singles(&self, x: &[f32], y: &[f32], all_levels: bool) -> Vec<f32> {
        (self.values.1)(x, y, all_levels)
    }
}

fn same<T: Element + Into<f64>>(a: T, b: T) -> bool {
    let (a, b): (f64, f64) = (a.into(), b.into());
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fn levels() -> impl Iterator<Item = Level> {
    [Level::Portable, Level::Avx2, Level::Avx512].into_iter().filter(|l| *l <= level())
}

fn unary<F: Function, T: Element + Into<f64>>(x: &[T], _: &[T], all_levels: bool) -> Vec<T> {
    let run = |at: Level| {
        let mut to = vec![T::ZERO; x.len()];
        over_at::<F, T>(at, Argument::Each(x), &mut to);
        to
    };
    let results = run(level());
    if all_levels {
        for level in levels() {
            let other = run(level);
            for i in 0..x.len() {
                assert!(same(results[i], other[i]), "{} differs at {level:?} for {:e}", F::NAME, x[i].into());
            }
        }
        for i in 0..x.len() {
            assert!(same(results[i], of::<F, T>(x[i])), "{} differs alone for {:e}", F::NAME, x[i].into());
        }
    }
    results
}

fn binary<F: Function2, T: Element + Into<f64>>(x: &[T], y: &[T], all_levels: bool) -> Vec<T> {
    let run = |at: Level| {
        let mut to = vec![T::ZERO; x.len()];
        over2_at::<F, T>(at, Argument::Each(x), Argument::Each(y), &mut to);
        to
    };
    let results = run(level());
    if all_levels {
        for level in levels() {
            let other = run(level);
            for i in 0..x.len() {
                let (x, y): (f64, f64) = (x[i].into(), y[i].into());
                assert!(same(results[i], other[i]), "{} differs at {level:?} for {x:e} and {y:e}", F::NAME);
            }
        }
        for i in 0..x.len() {
            assert!(same(results[i], of2::<F, T>(x[i], y[i])), "{} differs alone", F::NAME);
        }
    }
    results
}

macro_rules! named {
    ($($type:ident $double:ident $single:ident $range:expr, $std:expr;)* @ $($type2:ident $double2:ident $single2:ident $range2:expr, $std2:expr;)*) => {
        pub const ALL: &[Named] = &[
            $(Named {
                name: $type::NAME,
                binary: false,
                range: $range,
                reference: |x, _| cr::$double(x),
                reference_single: |x, _| cr::$single(x),
                standard: |x, _| { let f: fn(f64) -> f64 = $std; f(x) },
                alone: |x, _| of::<$type, f64>(x),
                over: |x, _, to| over::<$type, f64>(x, to),
                over_singles: |x, _, to| over::<$type, f32>(x, to),
                values: (unary::<$type, f64>, unary::<$type, f32>),
            },)*
            $(Named {
                name: $type2::NAME,
                binary: true,
                range: $range2,
                reference: |x, y| cr::$double2(x, y),
                reference_single: |x, y| cr::$single2(x, y),
                standard: $std2,
                alone: |x, y| of2::<$type2, f64>(x, y),
                over: |x, y, to| over2::<$type2, f64>(x, y, to),
                over_singles: |x, y, to| over2::<$type2, f32>(x, y, to),
                values: (binary::<$type2, f64>, binary::<$type2, f32>),
            },)*
        ];
    };
}

named! {
    Exp exp expf (-700.0, 700.0), f64::exp;
    Exp2 exp2 exp2f (-1000.0, 1000.0), f64::exp2;
    Expm1 expm1 expm1f (-5.0, 5.0), f64::exp_m1;
    Ln log logf (0.0, 10.0), f64::ln;
    Log2 log2 log2f (0.0, 10.0), f64::log2;
    Log10 log10 log10f (0.0, 10.0), f64::log10;
    Log1p log1p log1pf (-1.0, 5.0), f64::ln_1p;
    Sin sin sinf (-100.0, 100.0), f64::sin;
    Cos cos cosf (-100.0, 100.0), f64::cos;
    Tan tan tanf (-100.0, 100.0), f64::tan;
    Asin asin asinf (-1.0, 1.0), f64::asin;
    Acos acos acosf (-1.0, 1.0), f64::acos;
    Atan atan atanf (-5.0, 5.0), f64::atan;
    Sinh sinh sinhf (-5.0, 5.0), f64::sinh;
    Cosh cosh coshf (-5.0, 5.0), f64::cosh;
    Tanh tanh tanhf (-5.0, 5.0), f64::tanh;
    Cbrt cbrt cbrtf (-5.0, 5.0), f64::cbrt;
    Erf erf erff (-5.0, 5.0), |x| cr::erf(x);
    Erfc erfc erfcf (-5.0, 20.0), |x| cr::erfc(x);
    Lgamma lgamma lgammaf (0.0, 30.0), |x| cr::lgamma(x);
    Tgamma tgamma tgammaf (0.0, 30.0), |x| cr::tgamma(x);
    @
    Pow pow powf (0.0, 20.0), f64::powf;
    Atan2 atan2 atan2f (-5.0, 5.0), f64::atan2;
    Hypot hypot hypotf (-5.0, 5.0), f64::hypot;
}
