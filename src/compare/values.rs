//! When two values count as equal, and how to say that they do not.
//!
//! Invariant: what is said of a difference is short, whatever the values.

use nbc_ir::Elem;
use nbc_runtime::object::{Element, OwnedSparse, OwnedTensor};
use nbc_runtime::value::Value;
use num_complex::Complex;
use std::fmt::{self, Write};

/// Elements and items that messages show.
const SHOWN: usize = 12;
/// Characters of a text that messages show.
const TEXT: usize = 120;

/// Whether `found` is what was expected: the same bits, or floats within
/// `tolerance` if there is one. A NaN is the canonical one, the only one there is.
pub fn matches(expected: &Value, found: &Value, tolerance: Option<f64>) -> bool {
    match (expected, found) {
        (Value::F32(e), Value::F32(f)) => same_f32(*e, *f, tolerance),
        (Value::F64(e), Value::F64(f)) => same_f64(*e, *f, tolerance),
        (Value::Tensor(e), Value::Tensor(f)) => {
            e.elem() == f.elem() && e.dims() == f.dims() && same_elements(e, f, tolerance)
        }
        (Value::Sparse(e), Value::Sparse(f)) => {
            e.elem() == f.elem() && same_places(e, f) && same_elements(e.values(), f.values(), tolerance)
        }
        (Value::List(e_item, e), Value::List(f_item, f)) => {
            e_item == f_item && all(e, f, |e, f| matches(e, f, tolerance))
        }
        _ => identical(expected, found),
    }
}

/// Whether two values are the same bit by bit, NaNs as anything else.
pub fn identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::I32(a), Value::I32(b)) => a == b,
        (Value::I64(a), Value::I64(b)) => a == b,
        (Value::F32(a), Value::F32(b)) => a.to_bits() == b.to_bits(),
        (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Func(a), Value::Func(b)) => a == b,
        // Tensors are equal when their bits are.
        (Value::Tensor(a), Value::Tensor(b)) => a == b,
        (Value::Sparse(a), Value::Sparse(b)) => a == b,
        (Value::BigInt(a), Value::BigInt(b)) => a == b,
        (Value::List(a_item, a), Value::List(b_item, b)) => a_item == b_item && all(a, b, identical),
        _ => false,
    }
}

/// How two values differ in any bit, said of the one and the other by `names`.
pub fn unlike(a: &Value, b: &Value, names: [&str; 2]) -> Option<String> {
    if identical(a, b) {
        return None;
    }
    let [one, other] = names;
    Some(match (a, b) {
        (Value::Tensor(x), Value::Tensor(y)) if x.elem() == y.elem() && x.dims() == y.dims() => {
            let size = x.elem().size();
            let pairs = || x.as_bytes().chunks(size).zip(y.as_bytes().chunks(size));
            let at = pairs().position(|(x, y)| x != y)?;
            let (p, q) = pairs().nth(at)?;
            let bits = |bytes: &[u8]| bytes.iter().rev().map(|b| format!("{b:02x}")).collect::<String>();
            let what = format!("(tensor<{}> {:?})", x.elem(), x.dims());
            format!("{what} differs first in element {at}: 0x{} {one}, 0x{} {other}", bits(p), bits(q))
        }
        (Value::List(i, x), Value::List(j, y)) if i == j && x.len() == y.len() && x.len() > SHOWN => {
            let at = (0..x.len()).find(|at| !identical(&x[*at], &y[*at]))?;
            let how = unlike(&x[at], &y[at], names)?;
            format!("(a list of {} items) differs first in item {at}, which {how}", x.len())
        }
        (Value::Str(x), Value::Str(y)) => texts_unlike(x, y, names)?,
        _ => format!("is {} {one} and {} {other}", Shown(a), Shown(b)),
    })
}

/// How two texts differ.
pub fn texts_unlike(a: &str, b: &str, [one, other]: [&str; 2]) -> Option<String> {
    if a == b {
        return None;
    }
    if a.len().max(b.len()) <= TEXT {
        return Some(format!("is {a:?} {one} and {b:?} {other}"));
    }
    let at = a.bytes().zip(b.bytes()).position(|(x, y)| x != y).unwrap_or(a.len().min(b.len()));
    // From a character's first byte, a little before the difference.
    let from = (0..=at.saturating_sub(TEXT / 4)).rev().find(|i| a.is_char_boundary(*i)).unwrap_or(0);
    let part = |text: &str| Text(text.get(from..).unwrap_or_default()).to_string();
    Some(format!(
        "({} and {} bytes) differs first at byte {at}: from byte {from} on it is {} {one} and {} {other}",
        a.len(),
        b.len(),
        part(a),
        part(b)
    ))
}

/// How the results of two calls differ.
pub fn results_unlike(a: &[Value], b: &[Value], names: [&str; 2]) -> Option<String> {
    let [one, other] = names;
    if a.len() != b.len() {
        return Some(format!("{} values are returned {one}, {} {other}", a.len(), b.len()));
    }
    let mut pairs = (1..).zip(a.iter().zip(b));
    pairs.find_map(|(number, (a, b))| Some(format!("result {number} {}", unlike(a, b, names)?)))
}

/// Values as expectations write them, cut short where there is much.
pub fn show(values: &[Value]) -> String {
    list(values.iter().map(Shown), values.len())
}

fn list(items: impl Iterator<Item = impl fmt::Display>, len: usize) -> String {
    let mut text = String::new();
    for (i, item) in items.take(SHOWN).enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        let _ = write!(text, "{comma}{item}");
    }
    if len > SHOWN {
        let _ = write!(text, ", ... ({} more)", len - SHOWN);
    }
    text
}

/// A text in quotation marks, cut short.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(TEXT) {
            Some((at, _)) => write!(f, "{:?}...", &self.0[..at]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::I32(v) => write!(f, "{v}"),
            Value::I64(v) => write!(f, "{v}"),
            Value::F32(v) => Float(f64::from(*v), format!("{v:?}")).fmt(f),
            Value::F64(v) => Float(*v, format!("{v:?}")).fmt(f),
            Value::Bool(v) => write!(f, "{v}"),
            Value::Str(s) => Text(s).fmt(f),
            Value::Func(id) => write!(f, "{id:?}"),
            Value::List(_, items) => write!(f, "[{}]", show(items)),
            Value::Tensor(t) => write!(f, "{:?} {{{}}}", t.dims(), elements(t)),
            Value::BigInt(v) if v.limbs().len() > 100 => write!(f, "a bigint of {} bits", v.bit_length()),
            Value::BigInt(v) => v.fmt(f),
            Value::Sparse(s) => {
                let places = list(s.places().map(|[row, col]| format!("({row}, {col})")), s.stored());
                write!(f, "{} {:?} {{{places}}} {{{}}}", s.format().name(), s.dims(), elements(s.values()))
            }
        }
    }
}

/// A float, and its digits.
struct Float(f64, String);

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_nan() { "nan" } else { &self.1 })
    }
}

fn elements(t: &OwnedTensor) -> String {
    fn of<T: Element>(t: &OwnedTensor, show: impl Fn(&T) -> String) -> String {
        list(t.as_slice::<T>().unwrap_or_default().iter().map(show), t.len())
    }
    let single = |v: f32| Float(f64::from(v), format!("{v:?}")).to_string();
    let double = |v: f64| Float(v, format!("{v:?}")).to_string();
    match t.elem() {
        Elem::U8 => of(t, u8::to_string),
        Elem::I32 => of(t, i32::to_string),
        Elem::I64 => of(t, i64::to_string),
        Elem::Bool => of(t, bool::to_string),
        Elem::F32 => of(t, |v| single(*v)),
        Elem::F64 => of(t, |v| double(*v)),
        Elem::C64 => of(t, |v: &Complex<f32>| format!("({}, {})", single(v.re), single(v.im))),
        Elem::C128 => of(t, |v: &Complex<f64>| format!("({}, {})", double(v.re), double(v.im))),
    }
}

fn all<T>(a: &[T], b: &[T], mut same: impl FnMut(&T, &T) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn same_f64(expected: f64, found: f64, tolerance: Option<f64>) -> bool {
    let near = tolerance.is_some_and(|t| (expected - found).abs() <= t);
    let expected = if expected.is_nan() { f64::NAN } else { expected };
    near || expected.to_bits() == found.to_bits()
}

fn same_f32(expected: f32, found: f32, tolerance: Option<f64>) -> bool {
    let near = tolerance.is_some_and(|t| (f64::from(expected) - f64::from(found)).abs() <= t);
    let expected = if expected.is_nan() { f32::NAN } else { expected };
    near || expected.to_bits() == found.to_bits()
}

/// Whether two matrices have elements at the same places, in the same order.
fn same_places(e: &OwnedSparse, f: &OwnedSparse) -> bool {
    let is_alike = e.format() == f.format() && e.dims() == f.dims();
    is_alike && e.pointers() == f.pointers() && e.indices() == f.indices()
}

fn same_elements(e: &OwnedTensor, f: &OwnedTensor, t: Option<f64>) -> bool {
    let same = match e.elem() {
        Elem::F32 => pairs::<f32>(e, f, |e, f| same_f32(*e, *f, t)),
        Elem::F64 => pairs::<f64>(e, f, |e, f| same_f64(*e, *f, t)),
        Elem::C64 => pairs::<Complex<f32>>(e, f, |e, f| same_f32(e.re, f.re, t) && same_f32(e.im, f.im, t)),
        Elem::C128 => pairs::<Complex<f64>>(e, f, |e, f| same_f64(e.re, f.re, t) && same_f64(e.im, f.im, t)),
        _ => Some(e == f),
    };
    same.unwrap_or(false)
}

fn pairs<T: Element>(e: &OwnedTensor, f: &OwnedTensor, same: impl FnMut(&T, &T) -> bool) -> Option<bool> {
    Some(all(e.as_slice::<T>()?, f.as_slice::<T>()?, same))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nbc_ir::Item;

    #[test]
    fn what_differs_is_said_in_a_few_words() {
        let names = ["here", "there"];
        let floats = |n: u64, last: f64| {
            let mut data = vec![1.0; n as usize];
            data[n as usize - 1] = last;
            Value::Tensor(OwnedTensor::from_slice(&[n], &data).unwrap())
        };
        let (a, b) = (floats(100_000, 1.0), floats(100_000, 2.0));
        assert_eq!(
            unlike(&a, &b, names).unwrap(),
            "(tensor<f64> [100000]) differs first in element 99999: \
             0x3ff0000000000000 here, 0x4000000000000000 there"
        );
        let shown = show(&[a, floats(2, f64::NAN)]);
        assert!(shown.len() < 200 && shown.ends_with("(99988 more)}, [2] {1.0, nan}"), "{shown}");
        let list =
            |last: i64| Value::List(Item::I64, (0..99).map(Value::I64).chain([Value::I64(last)]).collect());
        let how = unlike(&list(7), &list(8), names).unwrap();
        assert_eq!(how, "(a list of 100 items) differs first in item 99, which is 7 here and 8 there");
        let text = |end: &str| Value::Str("ä".repeat(50_000) + end);
        let how = unlike(&text("x"), &text("y"), names).unwrap();
        assert!(how.contains("first at byte 100000") && how.len() < 400, "{how}");
        let how = unlike(&text(""), &text(&"z".repeat(9999)), names).unwrap();
        assert!(how.contains("differs first at byte 100000") && how.len() < 500, "{how}");
        assert_eq!(texts_unlike("a", "b", names).unwrap(), "is \"a\" here and \"b\" there");
        assert_eq!(results_unlike(&[Value::F64(f64::NAN)], &[Value::F64(f64::NAN)], names), None);
    }
}
