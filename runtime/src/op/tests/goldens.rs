//! Operations against NumPy: `tests/numpy/cases.txt`, whose first lines' form
//! `tests/numpy/make.py` explains.

use super::Arg;
use super::Bench;
use crate::object::{Element, Scalar};
use nbc_ir::{Elem, Type};
use num_complex::Complex;

const CASES: &str = include_str!("../../../tests/numpy/cases.txt");

/// Tensor elements as they are written in the file.
trait Written: Element {
    fn read(text: &str) -> Self;
    /// Whether two elements are equal, or, if `near`, nearly so.
    fn same(self, other: Self, near: bool) -> bool;
}

macro_rules! integers {
    ($($ty:ident)*) => {$(
        impl Written for $ty {
            fn read(text: &str) -> $ty {
                text.parse().unwrap()
            }
            fn same(self, other: $ty, _: bool) -> bool {
                self == other
            }
        }
    )*};
}
integers!(u8 i32 i64);

impl Written for bool {
    fn read(text: &str) -> bool {
        text == "1"
    }
    fn same(self, other: bool, _: bool) -> bool {
        self == other
    }
}

macro_rules! floats {
    ($($ty:ident)*) => {$(
        impl Written for $ty {
            fn read(text: &str) -> $ty {
                text.parse().unwrap()
            }
            fn same(self, other: $ty, near: bool) -> bool {
                let apart = (self - other).abs();
                self.to_bits() == other.to_bits()
                    || self.is_nan() && other.is_nan()
                    || near && apart <= 4.0 * $ty::EPSILON * other.abs()
            }
        }
        impl Written for Complex<$ty> {
            fn read(text: &str) -> Self {
                let (re, im) = text.split_once(',').unwrap();
                Complex::new(re.parse().unwrap(), im.parse().unwrap())
            }
            fn same(self, other: Self, near: bool) -> bool {
                let apart = (self - other).norm();
                self == other || near && apart <= 4.0 * $ty::EPSILON * other.norm()
            }
        }
    )*};
}
floats!(f32 f64);

fn elem(name: &str) -> Elem {
    Elem::from_name(name).expect(name)
}

fn dims(text: &str) -> Vec<u64> {
    if text.is_empty() { vec![] } else { text.split('x').map(|d| d.parse().unwrap()).collect() }
}

fn scalar(ty: &str, text: &str) -> u64 {
    match ty {
        "i32" => i32::read(text).to_slot(),
        "i64" => i64::read(text).to_slot(),
        "f32" => f32::read(text).to_slot(),
        "f64" => f64::read(text).to_slot(),
        _ => bool::read(text).to_slot(),
    }
}

fn argument(bench: &mut Bench, text: &str) -> Arg {
    if let Some(list) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        return Arg::List(list.split_whitespace().map(|i| i.parse().unwrap()).collect());
    }
    if let Some((ty, value)) = text.split_once(" = ") {
        return Arg::Slot(scalar(ty, value), Type::scalar_from_name(ty).unwrap());
    }
    let (head, values) = text.split_once(':').expect(text);
    let (name, shape) = head.trim_end().split_once(' ').unwrap_or((head.trim_end(), ""));
    fn tensor<T: Written>(bench: &mut Bench, shape: &[u64], values: &str) -> Arg {
        let values: Vec<T> = values.split_whitespace().map(T::read).collect();
        bench.tensor(shape, &values)
    }
    let shape = dims(shape);
    match elem(name) {
        Elem::U8 => tensor::<u8>(bench, &shape, values),
        Elem::I32 => tensor::<i32>(bench, &shape, values),
        Elem::I64 => tensor::<i64>(bench, &shape, values),
        Elem::F32 => tensor::<f32>(bench, &shape, values),
        Elem::F64 => tensor::<f64>(bench, &shape, values),
        Elem::C64 => tensor::<Complex<f32>>(bench, &shape, values),
        Elem::C128 => tensor::<Complex<f64>>(bench, &shape, values),
        Elem::Bool => tensor::<bool>(bench, &shape, values),
    }
}

fn check(found: &Arg, want: &Arg, near: bool, line: &str) {
    let (Arg::Slot(f, found_type), Arg::Slot(w, want_type)) = (found, want) else { panic!("{line}") };
    assert_eq!(found_type, want_type, "{line}");
    fn equal<T: Written>(found: &Arg, want: &Arg, near: bool, line: &str) {
        assert_eq!(found.dims(), want.dims(), "{line}");
        let (found, want) = (found.values::<T>(), want.values::<T>());
        assert!(found.iter().zip(&want).all(|(f, w)| f.same(*w, near)), "{line}\nfound {found:?}");
    }
    match want_type {
        Type::F32 => assert!(f32::from_slot(*f).same(f32::from_slot(*w), near), "{line}"),
        Type::F64 => assert!(f64::from_slot(*f).same(f64::from_slot(*w), near), "{line}"),
        Type::Tensor(Elem::U8) => equal::<u8>(found, want, near, line),
        Type::Tensor(Elem::I32) => equal::<i32>(found, want, near, line),
        Type::Tensor(Elem::I64) => equal::<i64>(found, want, near, line),
        Type::Tensor(Elem::F32) => equal::<f32>(found, want, near, line),
        Type::Tensor(Elem::F64) => equal::<f64>(found, want, near, line),
        Type::Tensor(Elem::C64) => equal::<Complex<f32>>(found, want, near, line),
        Type::Tensor(Elem::C128) => equal::<Complex<f64>>(found, want, near, line),
        Type::Tensor(Elem::Bool) => equal::<bool>(found, want, near, line),
        _ => assert_eq!(f, w, "{line}"),
    }
}

#[test]
fn operations_agree_with_numpy() {
    let mut bench = Bench::new();
    for line in CASES.lines() {
        let near = line.contains(" ~ ");
        let mut parts = line.split(['|', '~']).map(str::trim);
        let mut head = parts.next().unwrap().split(' ');
        let name = head.next().unwrap();
        let elems: Vec<Elem> = head.map(elem).collect();
        let mut args: Vec<Arg> = parts.map(|text| argument(&mut bench, text)).collect();
        let want = args.pop().unwrap();
        let found = bench.run(name, &elems, &args).unwrap_or_else(|e| panic!("{line}\n{e}"));
        check(&found, &want, near, line);
    }
}
