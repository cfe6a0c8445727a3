//! Results are near the exact values, which `scripts/reference.py` has computed.

use nbc_numerics::functions;
use nbc_numerics::{Element, for_each_function, of, of2};

/// The next whole number for each number, in order.
fn place(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    if bits < 0 { i64::MIN - bits } else { bits }
}

fn place_of_single(x: f32) -> i64 {
    let bits = i64::from(x.to_bits() as i32);
    if bits < 0 { i64::from(i32::MIN) - bits } else { bits }
}

/// How many numbers a result of doubles may be away from the rounded exact value, as docs/numerics.md says.
fn bound(name: &str) -> u64 {
    match name {
        "exp" | "ln" | "sin" | "cos" | "tanh" | "pow" => 1,
        "lgamma" | "tgamma" => 4,
        _ => 2,
    }
}

fn doubles(name: &str, at: [f64; 2], got: f64, expected: f64) {
    let near = name == "lgamma" && expected.abs() < 0.5 && (got - expected).abs() <= f64::EPSILON;
    let fits = place(got).abs_diff(place(expected)) <= bound(name) && got.is_nan() == expected.is_nan();
    assert!(near || fits, "{name} of {at:?}: {got:e}, not {expected:e}");
}

fn singles(name: &str, at: [f32; 2], got: f32, expected: f32) {
    let fits = place_of_single(got).abs_diff(place_of_single(expected)) <= 1;
    assert!(fits && got.is_nan() == expected.is_nan(), "{name} of {at:?}: {got:e}, not {expected:e}");
}

/// The function of that name; the second argument counts where it takes two.
fn value<T: Element>(name: &str, x: T, y: T) -> T {
    macro_rules! value {
        ([$($one:ident)*] [$($two:ident)*]) => {
            match name {
                $(name if name == <functions::$one as functions::Function>::NAME => {
                    of::<functions::$one, T>(x)
                })*
                $(name if name == <functions::$two as functions::Function2>::NAME => {
                    of2::<functions::$two, T>(x, y)
                })*
                _ => panic!("no function {name}"),
            }
        };
    }
    for_each_function!(value)
}

#[test]
fn near_the_exact_values() {
    let (mut tried, mut functions) = (0, 0);
    let (mut name, mut of_singles) = ("", false);
    for line in include_str!("values.txt").lines().filter(|line| !line.starts_with('#')) {
        if let Some((function, element)) = line.split_once(": ") {
            (name, of_singles) = (function, element == "f32");
            functions += 1;
            continue;
        }
        let bits: Vec<u64> = line.split(' ').map(|word| u64::from_str_radix(word, 16).unwrap()).collect();
        let (x, y, expected) = (bits[0], if bits.len() == 3 { bits[1] } else { 0 }, bits[bits.len() - 1]);
        if of_singles {
            let [x, y, expected] = [x, y, expected].map(|bits| f32::from_bits(bits as u32));
            singles(name, [x, y], value(name, x, y), expected);
        } else {
            let [x, y, expected] = [x, y, expected].map(f64::from_bits);
            doubles(name, [x, y], value(name, x, y), expected);
        }
        tried += 1;
    }
    assert_eq!(functions, 48, "24 functions of doubles and of singles");
    assert!(tried > 10_000, "{tried} values");
}
