//! Values as people read them, and as machines do.
//!
//! Scalars are shown exactly. A tensor is shown in brackets, the way it can be
//! written as an argument; beyond [`WHOLE`] elements only both ends of each
//! axis, and floats with 8 digits, unless everything is asked for.

use nbc::OwnedTensor;
use nbc::Value;
use nbc::ir::{Elem, Module};
use num_complex::Complex;
use serde_json::{Value as Json, json};

/// Tensors with more elements are abbreviated.
const WHOLE: usize = 1000;
/// How many items of each end of an axis are shown.
const ENDS: usize = 3;
/// Where lines of elements are broken.
const WIDTH: usize = 78;

/// The value for people; `full` leaves nothing out.
pub fn text(value: &Value, module: &Module, full: bool) -> String {
    match value {
        Value::Tensor(t) => tensor(t, full),
        Value::Str(s) => s.clone(),
        Value::List(_, items) => {
            let items: Vec<String> = items.iter().map(|v| item(v, module, full)).collect();
            match items.iter().any(|i| i.contains('\n')) {
                true => format!("[{}]", items.join(",\n").replace('\n', "\n ")),
                false => format!("[{}]", items.join(", ")),
            }
        }
        _ => item(value, module, full),
    }
}

fn item(value: &Value, module: &Module, full: bool) -> String {
    match value {
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::F32(v) => float32(*v),
        Value::F64(v) => float(*v),
        Value::Bool(v) => v.to_string(),
        Value::Str(s) => format!("{s:?}"),
        Value::Func(id) => format!("@{}", nbc::ir::shown::visible(&module.func_name(*id))),
        Value::Tensor(_) | Value::List(..) => text(value, module, full),
    }
}

fn float(v: f64) -> String {
    if v.is_nan() { "nan".to_owned() } else { format!("{v:?}") }
}

fn float32(v: f32) -> String {
    if v.is_nan() { "nan".to_owned() } else { format!("{v:?}") }
}

/// A tensor in brackets.
fn tensor(t: &OwnedTensor, full: bool) -> String {
    let whole = full || t.len() <= WHOLE;
    let shown = shown_elements(t.dims(), whole);
    let words = words(t, &shown, full);
    let mut out = String::new();
    let mut next = words.into_iter();
    brackets(t.dims(), 0, whole, &mut next, &mut out);
    if !whole {
        out.push_str(&format!("\ntensor<{}> {:?}, abbreviated", t.elem(), t.dims()));
    }
    out
}

/// The indices of an axis that are shown, and whether some are not.
fn shown_indices(len: usize, whole: bool) -> impl Iterator<Item = usize> {
    let cut = !whole && len > 2 * ENDS;
    let first = if cut { ENDS } else { len };
    (0..first).chain(if cut { len - ENDS..len } else { 0..0 })
}

/// Positions of the elements that are shown.
fn shown_elements(dims: &[usize], whole: bool) -> Vec<usize> {
    dims.iter().fold(vec![0], |at, len| {
        at.iter().flat_map(|a| shown_indices(*len, whole).map(move |i| a * len + i)).collect()
    })
}

/// The shown elements as words of one width.
fn words(t: &OwnedTensor, shown: &[usize], exact: bool) -> Vec<String> {
    fn plain<T: nbc::runtime::object::Element>(
        t: &OwnedTensor,
        shown: &[usize],
        f: impl Fn(T) -> String,
    ) -> Vec<String> {
        let data = t.as_slice::<T>().unwrap_or(&[]);
        aligned(shown.iter().filter_map(|i| data.get(*i)).map(|v| f(*v)).collect())
    }
    fn floats<T: nbc::runtime::object::Element, const N: usize>(
        t: &OwnedTensor,
        shown: &[usize],
        exact: bool,
        parts: impl Fn(T) -> [f64; N],
        show: impl Fn(T) -> String,
    ) -> Vec<String> {
        if exact {
            return plain(t, shown, show);
        }
        let data = t.as_slice::<T>().unwrap_or(&[]);
        let values: Vec<[f64; N]> = shown.iter().filter_map(|i| data.get(*i)).map(|v| parts(*v)).collect();
        let style = Style::of(values.iter().flatten().copied());
        aligned(
            values
                .iter()
                .map(|v| match v.as_slice() {
                    [re, im] => style.complex(*re, *im),
                    v => v.iter().map(|v| style.show(*v)).collect(),
                })
                .collect(),
        )
    }
    match t.elem() {
        Elem::U8 => plain::<u8>(t, shown, |v| v.to_string()),
        Elem::I32 => plain::<i32>(t, shown, |v| v.to_string()),
        Elem::I64 => plain::<i64>(t, shown, |v| v.to_string()),
        Elem::Bool => plain::<bool>(t, shown, |v| v.to_string()),
        Elem::F32 => floats(t, shown, exact, |v: f32| [v as f64], float32),
        Elem::F64 => floats(t, shown, exact, |v: f64| [v], float),
        Elem::C64 => floats(
            t,
            shown,
            exact,
            |v: Complex<f32>| [v.re as f64, v.im as f64],
            |v| join_complex(float32(v.re), float32(v.im)),
        ),
        Elem::C128 => floats(
            t,
            shown,
            exact,
            |v: Complex<f64>| [v.re, v.im],
            |v| join_complex(float(v.re), float(v.im)),
        ),
    }
}

fn join_complex(re: String, im: String) -> String {
    let sign = if im.starts_with('-') { "" } else { "+" };
    format!("{re}{sign}{im}i")
}

fn aligned(words: Vec<String>) -> Vec<String> {
    let width = words.iter().map(String::len).max().unwrap_or(0);
    words.into_iter().map(|w| format!("{w:>width$}")).collect()
}

/// How the floats of one tensor are written.
enum Style {
    /// Digits behind the point.
    Fixed(usize),
    /// Digits behind the point, and an exponent.
    Scientific(usize),
}

impl Style {
    /// Most digits behind the point.
    const DIGITS: usize = 8;

    fn of(values: impl Iterator<Item = f64> + Clone) -> Style {
        let sizes = values.clone().map(f64::abs).filter(|v| *v > 0.0 && v.is_finite());
        let (least, most) = sizes.fold((f64::INFINITY, 0f64), |(l, m), v| (l.min(v), m.max(v)));
        let finite = values.filter(|v| v.is_finite());
        let wide = most >= 1e8 || least < 1e-4 || (most > 0.0 && most / least > 1e6);
        if wide {
            let digits = |v: f64| {
                let text = format!("{v:.*e}", Style::DIGITS);
                significant(text.split('e').next().unwrap_or_default())
            };
            Style::Scientific(finite.map(digits).max().unwrap_or(1))
        } else {
            let digits = |v: f64| significant(&format!("{v:.*}", Style::DIGITS));
            Style::Fixed(finite.map(digits).max().unwrap_or(1))
        }
    }

    fn show(&self, v: f64) -> String {
        match self {
            _ if v.is_nan() => "nan".to_owned(),
            _ if v.is_infinite() => (if v > 0.0 { "inf" } else { "-inf" }).to_owned(),
            Style::Fixed(digits) => format!("{v:.digits$}"),
            Style::Scientific(digits) => format!("{v:.digits$e}"),
        }
    }

    fn complex(&self, re: f64, im: f64) -> String {
        join_complex(self.show(re), self.show(im))
    }
}

/// Digits behind the point but for trailing zeros; at least one.
fn significant(text: &str) -> usize {
    text.split_once('.').map_or(1, |(_, after)| after.trim_end_matches('0').len().max(1))
}

/// Writes the elements from `words` in the brackets of `dims`.
fn brackets(
    dims: &[usize],
    depth: usize,
    whole: bool,
    words: &mut impl Iterator<Item = String>,
    out: &mut String,
) {
    let Some((len, inner)) = dims.split_first() else {
        out.push_str(&words.next().unwrap_or_default());
        return;
    };
    out.push('[');
    let mut column = depth + 1;
    let mut last = None;
    for i in shown_indices(*len, whole) {
        let gap = last.map_or(i > 0, |l| i > l + 1);
        if inner.is_empty() {
            let word = words.next().unwrap_or_default();
            if last.is_some() {
                out.push(',');
                column += 1;
                if column + 1 + word.len() + 2 > WIDTH {
                    newline(out, 1, depth + 1);
                    column = depth + 1;
                } else {
                    out.push(' ');
                    column += 1;
                }
            }
            if gap {
                out.push_str("..., ");
                column += 5;
            }
            out.push_str(&word);
            column += word.len();
        } else {
            if last.is_some() {
                out.push(',');
                newline(out, inner.len(), depth + 1);
            }
            if gap {
                out.push_str("...,");
                newline(out, inner.len(), depth + 1);
            }
            brackets(inner, depth + 1, whole, words, out);
        }
        last = Some(i);
    }
    out.push(']');
}

fn newline(out: &mut String, lines: usize, indent: usize) {
    out.extend(std::iter::repeat_n('\n', lines));
    out.extend(std::iter::repeat_n(' ', indent));
}

/// The value for machines: scalars as numbers, tensors as element type, dims
/// and data in row-major order. Complex numbers are pairs; `nan`, `inf` and
/// `-inf`, which JSON lacks, are strings.
pub fn json(value: &Value, module: &Module) -> Json {
    match value {
        Value::I32(v) => json!(v),
        Value::I64(v) => json!(v),
        Value::F32(v) => json_float32(*v),
        Value::F64(v) => json_float(*v),
        Value::Bool(v) => json!(v),
        Value::Str(s) => json!(s),
        Value::Func(id) => json!({ "func": module.func_name(*id) }),
        Value::List(_, items) => items.iter().map(|v| json(v, module)).collect(),
        Value::Tensor(t) => {
            fn all<T: nbc::runtime::object::Element>(t: &OwnedTensor, f: impl Fn(T) -> Json) -> Json {
                t.as_slice::<T>().unwrap_or(&[]).iter().map(|v| f(*v)).collect()
            }
            let data = match t.elem() {
                Elem::U8 => all(t, |v: u8| json!(v)),
                Elem::I32 => all(t, |v: i32| json!(v)),
                Elem::I64 => all(t, |v: i64| json!(v)),
                Elem::Bool => all(t, |v: bool| json!(v)),
                Elem::F32 => all(t, json_float32),
                Elem::F64 => all(t, json_float),
                Elem::C64 => all(t, |v: Complex<f32>| json!([json_float32(v.re), json_float32(v.im)])),
                Elem::C128 => all(t, |v: Complex<f64>| json!([json_float(v.re), json_float(v.im)])),
            };
            json!({ "elem": t.elem().name(), "dims": t.dims(), "data": data })
        }
    }
}

fn json_float(v: f64) -> Json {
    if v.is_finite() { json!(v) } else { Json::String(float(v)) }
}

fn json_float32(v: f32) -> Json {
    // By its own shortest digits: 0.1, not 0.10000000149011612.
    match float32(v).parse::<f64>() {
        Ok(same) if v.is_finite() => json!(same),
        _ => Json::String(float32(v)),
    }
}

/// `1 function`, `2 functions`.
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// `v` as C's `%.17g` writes it.
pub fn percent_17g(v: f64) -> String {
    const DIGITS: i32 = 17;
    if !v.is_finite() {
        return float(v);
    }
    let text = format!("{v:.*e}", DIGITS as usize - 1);
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..DIGITS).contains(&exponent) {
        return trim(&format!("{v:.*}", (DIGITS - 1 - exponent) as usize)).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
}

/// Without zeros at the end of a fraction.
fn trim(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show<T: nbc::runtime::object::Element>(dims: &[u64], data: &[T], full: bool) -> String {
        tensor(&OwnedTensor::from_slice(dims, data).unwrap(), full)
    }

    #[test]
    fn seventeen_digits_are_those_of_c() {
        for (v, want) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.10000000000000001"),
            (-1234.5, "-1234.5"),
            (3.3, "3.2999999999999998"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (1e23, "9.9999999999999992e+22"),
            (1e300, "1.0000000000000001e+300"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(percent_17g(v), want);
        }
    }

    #[test]
    fn tensors_are_lined_up() {
        assert_eq!(show(&[2, 2], &[1i64, -20, 300, 4], false), "[[  1, -20],\n [300,   4]]");
        assert_eq!(show(&[3], &[1.0, 2.5, -0.125], false), "[ 1.000,  2.500, -0.125]");
        assert_eq!(show(&[2], &[1.0, 1e-9], false), "[1.0e0, 1.0e-9]".replace("[1.0e0", "[ 1.0e0"));
        assert_eq!(show(&[1], &[1.0 / 3.0], false), "[0.33333333]");
        assert_eq!(show(&[1], &[1.0 / 3.0], true), "[0.3333333333333333]");
        assert_eq!(show(&[2], &[f64::NAN, f64::INFINITY], false), "[nan, inf]");
        assert_eq!(show(&[1], &[Complex::new(1.0, -2.5)], false), "[1.0-2.5i]");
        assert_eq!(show(&[], &[7i32], false), "7");
        assert_eq!(show::<f64>(&[0], &[], false), "[]");
        assert_eq!(show::<f64>(&[2, 0], &[], false), "[[],\n []]");
        assert_eq!(show(&[2, 1, 1], &[true, false], false), "[[[ true]],\n\n [[false]]]");
    }

    #[test]
    fn large_tensors_are_abbreviated() {
        let data: Vec<i64> = (0..2000).collect();
        assert_eq!(
            show(&[2000], &data, false),
            "[   0,    1,    2, ..., 1997, 1998, 1999]\ntensor<i64> [2000], abbreviated"
        );
        let square = show(&[40, 50], &data, false);
        assert!(square.starts_with("[[   0,    1,    2, ...,   47,   48,   49],\n [  50,"), "{square}");
        assert!(square.contains(",\n ...,\n [1850,"), "{square}");
        let lines = show(&[1000], &data[..1000], false);
        assert!(lines.lines().all(|l| l.len() <= WIDTH) && lines.lines().count() > 50);
        assert!(show(&[2000], &data, true).ends_with(" 1999]"));
    }

    #[test]
    fn json_holds_what_it_can() {
        let m = Module::default();
        assert_eq!(json(&Value::I64(i64::MIN), &m).to_string(), "-9223372036854775808");
        assert_eq!(json(&Value::F64(f64::NAN), &m).to_string(), "\"nan\"");
        assert_eq!(json(&Value::F32(0.1), &m).to_string(), "0.1");
        let t = OwnedTensor::from_slice(&[1, 2], &[Complex::new(1.0, f64::INFINITY), Complex::new(0.0, 2.0)]);
        assert_eq!(
            json(&Value::Tensor(t.unwrap()), &m),
            json!({ "elem": "c128", "dims": [1, 2], "data": [[1.0, "inf"], [0.0, 2.0]] })
        );
    }
}
