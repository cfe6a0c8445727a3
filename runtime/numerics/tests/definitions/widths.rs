//! Results do not depend on the width: they are the same bits, or all NaN. That goes
//! for slices of every length, in place, and with one argument for all. It also goes
//! for one number, two in a register, and fused multiplication made of integers.

use super::arguments::{doubles, pairs};
use nbc_numerics::functions::{self, Function, Function2};
use nbc_numerics::lanes::{Lanes, Memory, Scalar};
use nbc_numerics::{Argument, Element, Level, for_each_function, level, of, of2, over_at, over2_at};

/// A double on a processor without fused multiplication and addition.
type Emulated = Scalar<false>;

/// What both types of element have.
trait Number: Element + Into<f64> + PartialEq + std::fmt::Debug {
    fn nearest(x: f64) -> Self;
    fn same(self, other: Self) -> bool {
        let (a, b): (f64, f64) = (self.into(), other.into());
        a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
    }
}
impl Number for f64 {
    fn nearest(x: f64) -> f64 {
        x
    }
}
impl Number for f32 {
    fn nearest(x: f64) -> f32 {
        x as f32
    }
}

fn levels() -> impl Iterator<Item = Level> {
    [Level::Portable, Level::Avx2, Level::Avx512].into_iter().filter(|at| *at <= level())
}

fn emulated<F: Function, T: Number>(x: T) -> T {
    let x = Emulated::splat(x.into());
    let is_common = if T::SINGLE { F::is_common_single(x) } else { F::is_common(x) };
    let common = if T::SINGLE { F::common_single(x) } else { F::common(x) };
    T::nearest(Emulated::select(is_common, common, F::rare(x)).first())
}

fn emulated2<F: Function2, T: Number>(x: T, y: T) -> T {
    let (x, y) = (Emulated::splat(x.into()), Emulated::splat(y.into()));
    let is_common = if T::SINGLE { F::is_common_single(x, y) } else { F::is_common(x, y) };
    let common = if T::SINGLE { F::common_single(x, y) } else { F::common(x, y) };
    T::nearest(Emulated::select(is_common, common, F::rare(x, y)).first())
}

/// Parts of 0, 1, 2, ... 19, 0, ... elements, from one end to the other.
fn parts(count: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    (0..20).cycle().map_while(move |n| {
        let part = at..(at + n).min(count);
        at += n;
        (part.start < count).then_some(part)
    })
}

#[track_caller]
fn same<T: Number>(what: &str, name: &str, at: &[T], got: T, expected: T) {
    assert!(got.same(expected), "{name} {what} of {at:?}: {got:?}, not {expected:?}");
}

fn unary<F: Function, T: Number>() {
    let x: Vec<T> = doubles(F::NAME).into_iter().map(T::nearest).collect();
    let expected: Vec<T> = x.iter().map(|x| emulated::<F, T>(*x)).collect();
    let check = |what: &str, at: usize, got: T| same(what, F::NAME, &[x[at]], got, expected[at]);
    for (at, x) in x.iter().enumerate() {
        check("alone", at, of::<F, T>(*x));
    }
    for level in levels() {
        let what = format!("{level:?}");
        for part in parts(x.len()) {
            let mut apart = vec![T::ZERO; part.len()];
            over_at::<F, T>(level, Argument::Each(&x[part.clone()]), &mut apart);
            let mut within = x[part.clone()].to_vec();
            over_at::<F, T>(level, Argument::Place, &mut within);
            for (i, at) in part.enumerate() {
                check(&what, at, apart[i]);
                check(&what, at, within[i]);
            }
        }
    }
}

fn binary<F: Function2, T: Number>() {
    let near = |x: &f64| T::nearest(*x);
    let (x, y) = pairs(F::NAME);
    let (x, y): (Vec<T>, Vec<T>) = (x.iter().map(near).collect(), y.iter().map(near).collect());
    let expected: Vec<T> = x.iter().zip(&y).map(|(x, y)| emulated2::<F, T>(*x, *y)).collect();
    let check = |what: &str, at: usize, got: T| same(what, F::NAME, &[x[at], y[at]], got, expected[at]);
    for at in 0..x.len() {
        check("alone", at, of2::<F, T>(x[at], y[at]));
    }
    for level in levels() {
        let what = format!("{level:?}");
        for part in parts(x.len()) {
            let (a, b) = (&x[part.clone()], &y[part.clone()]);
            let run = |a: Argument<'_, T>, b: Argument<'_, T>, before: &[T]| {
                let mut to = before.to_vec();
                over2_at::<F, T>(level, a, b, &mut to);
                to
            };
            let results = [
                run(Argument::Each(a), Argument::Each(b), &vec![T::ZERO; part.len()]),
                run(Argument::Place, Argument::Each(b), a),
                run(Argument::Each(a), Argument::Place, b),
            ];
            for (i, at) in part.clone().enumerate() {
                results.iter().for_each(|to| check(&what, at, to[i]));
            }
            let Some(first) = part.clone().next() else { continue };
            for (i, got) in run(Argument::One(a[0]), Argument::Each(b), a).into_iter().enumerate() {
                same(&what, F::NAME, &[a[0], b[i]], got, emulated2::<F, T>(a[0], b[i]));
            }
            for (i, got) in run(Argument::Place, Argument::One(b[0]), a).into_iter().enumerate() {
                same(&what, F::NAME, &[a[i], b[0]], got, emulated2::<F, T>(a[i], b[0]));
            }
            for got in run(Argument::One(a[0]), Argument::One(b[0]), a) {
                check(&what, first, got);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn two<F: Function>() {
    for x in doubles(F::NAME).chunks_exact(2) {
        let Some(got) = nbc_numerics::two_of::<F>([x[0], x[1]]) else { return };
        for i in 0..2 {
            same("of two", F::NAME, &[x[i]], got[i], of::<F, f64>(x[i]));
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn two2<F: Function2>() {
    let (x, y) = pairs(F::NAME);
    for (x, y) in x.chunks_exact(2).zip(y.chunks_exact(2)) {
        let Some(got) = nbc_numerics::two_of2::<F>([x[0], x[1]], [y[0], y[1]]) else { return };
        for i in 0..2 {
            same("of two", F::NAME, &[x[i], y[i]], got[i], of2::<F, f64>(x[i], y[i]));
        }
    }
}

macro_rules! tests {
    ([$($one:ident)*] [$($two:ident)*]) => {
        #[allow(non_snake_case)] // named as the definitions are
        mod every_width {
            use super::*;
            $(#[test]
            fn $one() {
                unary::<functions::$one, f64>();
                unary::<functions::$one, f32>();
                #[cfg(target_arch = "x86_64")]
                two::<functions::$one>();
            })*
            $(#[test]
            fn $two() {
                binary::<functions::$two, f64>();
                binary::<functions::$two, f32>();
                #[cfg(target_arch = "x86_64")]
                two2::<functions::$two>();
            })*
        }
    };
}
for_each_function!(tests);
