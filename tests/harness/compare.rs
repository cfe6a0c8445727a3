//! When two values count as equal.

use nbc::ir::Elem;
use nbc::runtime::object::OwnedTensor;
use nbc::runtime::value::Value;
use num_complex::Complex;

/// Whether `found` is what was expected: the same bits, or floats within
/// `tolerance` if there is one. `nan` is the canonical NaN, the only one there is.
pub fn matches(expected: &Value, found: &Value, tolerance: Option<f64>) -> bool {
    match (expected, found) {
        (Value::F32(e), Value::F32(f)) => same_f32(*e, *f, tolerance),
        (Value::F64(e), Value::F64(f)) => same_f64(*e, *f, tolerance),
        (Value::Tensor(e), Value::Tensor(f)) => {
            e.elem() == f.elem() && e.dims() == f.dims() && same_elements(e, f, tolerance)
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
        (Value::List(a_item, a), Value::List(b_item, b)) => a_item == b_item && all(a, b, identical),
        _ => false,
    }
}

/// Values with the elements of tensors, for people.
pub fn show(values: &[Value]) -> String {
    values.iter().map(show_one).collect::<Vec<_>>().join(", ")
}

fn show_one(value: &Value) -> String {
    match value {
        Value::Tensor(t) => {
            let elements = match t.elem() {
                Elem::U8 => format!("{:?}", t.as_slice::<u8>().unwrap_or_default()),
                Elem::I32 => format!("{:?}", t.as_slice::<i32>().unwrap_or_default()),
                Elem::I64 => format!("{:?}", t.as_slice::<i64>().unwrap_or_default()),
                Elem::F32 => format!("{:?}", t.as_slice::<f32>().unwrap_or_default()),
                Elem::F64 => format!("{:?}", t.as_slice::<f64>().unwrap_or_default()),
                Elem::Bool => format!("{:?}", t.as_slice::<bool>().unwrap_or_default()),
                Elem::C64 | Elem::C128 => format!("{:?}", t.as_bytes()),
            };
            let cut: String = elements.chars().take(4000).collect();
            format!("{:?} {cut}", t.dims())
        }
        Value::List(_, items) => format!("[{}]", show(items)),
        other => format!("{other:?}"),
    }
}

/// How two lists of values differ, if they do.
pub fn first_difference(a: &[Value], b: &[Value]) -> Option<String> {
    if a.len() != b.len() {
        return Some(format!("{} and {} values", a.len(), b.len()));
    }
    let at = (0..a.len()).find(|i| !identical(&a[*i], &b[*i]))?;
    Some(format!("value {at}: {} and {}", show_one(&a[at]), show_one(&b[at])))
}

fn all<T>(a: &[T], b: &[T], mut same: impl FnMut(&T, &T) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn same_f64(expected: f64, found: f64, tolerance: Option<f64>) -> bool {
    let near = tolerance.is_some_and(|t| (expected - found).abs() <= t);
    near || expected.to_bits() == found.to_bits()
}

fn same_f32(expected: f32, found: f32, tolerance: Option<f64>) -> bool {
    let near = tolerance.is_some_and(|t| (f64::from(expected) - f64::from(found)).abs() <= t);
    near || expected.to_bits() == found.to_bits()
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

fn pairs<T: nbc::runtime::object::Element>(
    e: &OwnedTensor,
    f: &OwnedTensor,
    same: impl FnMut(&T, &T) -> bool,
) -> Option<bool> {
    Some(all(e.as_slice::<T>()?, f.as_slice::<T>()?, same))
}
