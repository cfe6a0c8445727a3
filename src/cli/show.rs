//! Values as people read them, and as machines do.
//!
//! Scalars are shown exactly. A tensor is shown in brackets, the way it can be
//! written as an argument; beyond [`WHOLE`] elements only both ends of each
//! axis, and floats with 8 digits, unless everything is asked for. Of a long list
//! the ends are shown, and of a tensor without elements no more brackets than of
//! others.
//!
//! Invariant: what is written is not held, and writing takes time in proportion to it.

use nbc::OwnedTensor;
use nbc::Value;
use nbc::ir::dims::MAX_RANK;
use nbc::ir::{Elem, Module, shown};
use nbc::runtime::object::{Element, OwnedBigInt, OwnedSparse};
use num_complex::Complex;
use serde_json::{Value as Json, json};
use std::io::{self, Write};

/// Tensors with more elements, and lists with more items, are abbreviated.
pub const WHOLE: usize = 1000;
/// How many items of each end of an axis are shown; fewer where there are many axes.
const ENDS: usize = 3;
/// Digits of a big integer beyond which only both ends are shown.
const MOST_DIGITS: usize = 2000;
/// Digits of each end.
const END_DIGITS: usize = 20;
/// Limbs of a big integer beyond which only its size is shown: its digits take about a second.
const MOST_LIMBS: usize = 1 << 17;
/// Most elements of a tensor that is abbreviated.
const ABBREVIATED: usize = 2000;
/// Where lines of elements are broken.
const WIDTH: usize = 78;

/// Writes the value for people; `full` leaves nothing out.
///
/// # Errors
/// Those of `out`.
pub fn write(value: &Value, module: &Module, full: bool, out: &mut dyn Write) -> io::Result<()> {
    match value {
        Value::Str(s) => out.write_all(s.as_bytes()),
        _ => item(value, module, full, out),
    }
}

fn item(value: &Value, module: &Module, full: bool, out: &mut dyn Write) -> io::Result<()> {
    match value {
        Value::I32(v) => write!(out, "{v}"),
        Value::I64(v) => write!(out, "{v}"),
        Value::F32(v) => out.write_all(float32(*v).as_bytes()),
        Value::F64(v) => out.write_all(float(*v).as_bytes()),
        Value::Bool(v) => write!(out, "{v}"),
        Value::Str(s) => write!(out, "{s:?}"),
        Value::Func(id) => write!(out, "@{}", shown::visible(&module.func_name(*id))),
        Value::Tensor(t) => tensor(t, full, out),
        Value::Sparse(s) => sparse(s, full, out),
        Value::BigInt(v) => bigint(v, full, out),
        Value::List(_, items) => list(items, module, full, out),
    }
}

/// Decimal digits; of a large one those of both ends. Which they are needs all of them, so one beyond that is shown by its size.
fn bigint(v: &OwnedBigInt, full: bool, out: &mut dyn Write) -> io::Result<()> {
    if !full && v.limbs().len() > MOST_LIMBS {
        let sign = if v.is_negative() { "negative " } else { "" };
        return write!(out, "{sign}bigint of {} bits", v.bit_length());
    }
    let digits = v.to_string();
    if full || digits.len() <= MOST_DIGITS {
        return out.write_all(digits.as_bytes());
    }
    let (first, last) = (&digits[..END_DIGITS], &digits[digits.len() - END_DIGITS..]);
    write!(out, "{first}...{last} ({} digits)", digits.trim_start_matches('-').len())
}

/// A line of what it is, then row, column and value of each stored element; of many those of both ends.
fn sparse(s: &OwnedSparse, full: bool, out: &mut dyn Write) -> io::Result<()> {
    let [rows, cols] = s.dims();
    let (elem, format, stored) = (s.elem(), s.format().name(), s.stored());
    write!(out, "sparse<{elem}> of {rows} by {cols}, {format}, {stored} stored")?;
    let value = json_elements(s.values());
    let cut = !full && stored > WHOLE;
    for (at, [row, col]) in s.places().enumerate() {
        if !cut || at < ENDS || at >= stored - ENDS {
            write!(out, "\n({row}, {col}) {}", value(at))?;
        } else if at == ENDS {
            out.write_all(b"\n...")?;
        }
    }
    Ok(())
}

fn list(items: &[Value], module: &Module, full: bool, out: &mut dyn Write) -> io::Result<()> {
    // Tensors of several lines stand below each other.
    let has_lines = |v: &Value| {
        let mut lines = Lines(false);
        matches!(v, Value::Tensor(_) | Value::Sparse(_))
            && item(v, module, full, &mut lines).is_ok()
            && lines.0
    };
    let cut = !full && items.len() > WHOLE;
    let shown = || shown_indices(items.len(), if cut { ENDS } else { usize::MAX });
    let lines = shown().any(|i| has_lines(&items[i]));
    let between: &[u8] = if lines { b",\n " } else { b", " };
    out.write_all(b"[")?;
    let mut next = 0;
    for i in shown() {
        if i > 0 {
            out.write_all(between)?;
        }
        if i > next {
            out.write_all(b"...")?;
            out.write_all(between)?;
        }
        item(&items[i], module, full, &mut Indented(out))?;
        next = i + 1;
    }
    out.write_all(b"]")?;
    if cut { write!(out, "\n{} items, abbreviated", items.len()) } else { Ok(()) }
}

/// Sees whether there are several lines.
struct Lines(bool);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 |= bytes.contains(&b'\n');
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins each line but the first with a blank.
struct Indented<'a>(&'a mut dyn Write);

impl Write for Indented<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
            if i > 0 {
                self.0.write_all(b"\n ")?;
            }
            self.0.write_all(line)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn float(v: f64) -> String {
    if v.is_nan() { "nan".to_owned() } else { format!("{v:?}") }
}

fn float32(v: f32) -> String {
    if v.is_nan() { "nan".to_owned() } else { format!("{v:?}") }
}

/// A tensor in brackets.
fn tensor(t: &OwnedTensor, full: bool, out: &mut dyn Write) -> io::Result<()> {
    let dims = t.dims();
    let ends = if full || t.len() <= WHOLE { usize::MAX } else { ends(dims) };
    let what = || format!("\ntensor<{}> {dims:?}", t.elem());
    // Rows of nothing are no reason to fill a screen, or a disk.
    let rows = dims.iter().take_while(|d| **d > 0).fold(1usize, |n, d| n.saturating_mul(*d));
    if t.is_empty() && rows > WHOLE {
        return write!(out, "[]{}, no elements", what());
    }
    let word = words(t, ends, full);
    let width = Shown::new(dims, ends).map(|i| word(i).len()).max().unwrap_or(0);
    brackets(dims, 0, 0, ends, &|i| format!("{:>width$}", word(i)), out)?;
    if ends < usize::MAX { write!(out, "{}, abbreviated", what()) } else { Ok(()) }
}

/// How many items of each end of an axis there is room for.
fn ends(dims: &[usize]) -> usize {
    let shown = |ends| dims.iter().map(|d| (*d).min(2 * ends)).product::<usize>();
    (1..=ENDS).rev().find(|ends| shown(*ends) <= ABBREVIATED).unwrap_or(1)
}

/// The indices of an axis that are shown.
fn shown_indices(len: usize, ends: usize) -> impl Iterator<Item = usize> + Clone {
    let cut = len > ends.saturating_mul(2);
    let first = if cut { ends } else { len };
    (0..first).chain(if cut { len - ends..len } else { 0..0 })
}

/// Positions of the elements that are shown, in order.
#[derive(Clone)]
struct Shown<'a> {
    dims: &'a [usize],
    ends: usize,
    index: [usize; MAX_RANK],
    done: bool,
}

impl Shown<'_> {
    fn new(dims: &[usize], ends: usize) -> Shown<'_> {
        Shown { dims, ends, index: [0; MAX_RANK], done: dims.contains(&0) }
    }
}

impl Iterator for Shown<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.done {
            return None;
        }
        let at = self.dims.iter().zip(&self.index).fold(0, |at, (len, i)| at * len + i);
        self.done = true;
        for (len, i) in self.dims.iter().zip(&mut self.index).rev() {
            *i += 1;
            if *i == self.ends && *len > self.ends.saturating_mul(2) {
                *i = len - self.ends;
            }
            if *i < *len {
                self.done = false;
                break;
            }
            *i = 0;
        }
        Some(at)
    }
}

/// Makes words of elements, by their positions.
type Words<'a> = Box<dyn Fn(usize) -> String + 'a>;

fn words(t: &OwnedTensor, ends: usize, exact: bool) -> Words<'_> {
    fn plain<'a, T: Element>(t: &'a OwnedTensor, show: impl Fn(T) -> String + 'a) -> Words<'a> {
        let data = t.as_slice::<T>().unwrap_or(&[]);
        Box::new(move |i| data.get(i).map(|v| show(*v)).unwrap_or_default())
    }
    fn floats<'a, T: Element, const N: usize>(
        t: &'a OwnedTensor,
        ends: usize,
        exact: bool,
        parts: impl Fn(T) -> [f64; N] + Copy + 'a,
        show: impl Fn(T) -> String + 'a,
    ) -> Words<'a> {
        if exact {
            return plain(t, show);
        }
        let data = t.as_slice::<T>().unwrap_or(&[]);
        let shown = Shown::new(t.dims(), ends).filter_map(|i| data.get(i));
        let style = Style::of(shown.flat_map(|v| parts(*v)));
        plain(t, move |v: T| match parts(v).as_slice() {
            [re, im] => style.complex(*re, *im),
            v => v.iter().map(|v| style.show(*v)).collect(),
        })
    }
    match t.elem() {
        Elem::U8 => plain(t, |v: u8| v.to_string()),
        Elem::I32 => plain(t, |v: i32| v.to_string()),
        Elem::I64 => plain(t, |v: i64| v.to_string()),
        Elem::Bool => plain(t, |v: bool| v.to_string()),
        Elem::F32 => floats(t, ends, exact, |v: f32| [v as f64], float32),
        Elem::F64 => floats(t, ends, exact, |v: f64| [v], float),
        Elem::C64 => floats(
            t,
            ends,
            exact,
            |v: Complex<f32>| [v.re as f64, v.im as f64],
            |v| join_complex(float32(v.re), float32(v.im)),
        ),
        Elem::C128 => {
            floats(t, ends, exact, |v: Complex<f64>| [v.re, v.im], |v| join_complex(float(v.re), float(v.im)))
        }
    }
}

fn join_complex(re: String, im: String) -> String {
    let sign = if im.starts_with('-') { "" } else { "+" };
    format!("{re}{sign}{im}i")
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

/// Writes the elements from position `at * dims` on in the brackets of `dims`.
fn brackets(
    dims: &[usize],
    depth: usize,
    at: usize,
    ends: usize,
    word: &dyn Fn(usize) -> String,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some((len, inner)) = dims.split_first() else {
        return out.write_all(word(at).as_bytes());
    };
    out.write_all(b"[")?;
    let mut column = depth + 1;
    let mut last = None;
    for i in shown_indices(*len, ends) {
        let gap = last.map_or(i > 0, |l| i > l + 1);
        let at = at.wrapping_mul(*len).wrapping_add(i);
        if inner.is_empty() {
            let word = word(at);
            if last.is_some() {
                out.write_all(b",")?;
                column += 1;
                if column + 1 + word.len() + 2 > WIDTH {
                    newline(out, 1, depth + 1)?;
                    column = depth + 1;
                } else {
                    out.write_all(b" ")?;
                    column += 1;
                }
            }
            if gap {
                out.write_all(b"..., ")?;
                column += 5;
            }
            out.write_all(word.as_bytes())?;
            column += word.len();
        } else {
            if last.is_some() {
                out.write_all(b",")?;
                newline(out, inner.len(), depth + 1)?;
            }
            if gap {
                out.write_all(b"...,")?;
                newline(out, inner.len(), depth + 1)?;
            }
            brackets(inner, depth + 1, at, ends, word, out)?;
        }
        last = Some(i);
    }
    out.write_all(b"]")
}

fn newline(out: &mut dyn Write, lines: usize, indent: usize) -> io::Result<()> {
    write!(out, "{:\n<lines$}{:indent$}", "", "")
}

/// The value for machines: scalars as numbers, tensors as element type, dims
/// and data in row-major order. Complex numbers are pairs; `nan`, `inf` and
/// `-inf`, which JSON lacks, are strings. For values that are small: the whole
/// is held.
pub fn json(value: &Value, module: &Module) -> Json {
    match value {
        Value::I32(v) => json!(v),
        Value::I64(v) => json!(v),
        Value::F32(v) => json_float32(*v),
        Value::F64(v) => json_float(*v),
        Value::Bool(v) => json!(v),
        Value::Str(s) => json!(s),
        Value::BigInt(v) => json!(v.to_string()),
        Value::Func(id) => json!({ "func": module.func_name(*id) }),
        Value::List(_, items) => items.iter().map(|v| json(v, module)).collect(),
        Value::Tensor(t) => {
            let element = json_elements(t);
            let data: Json = (0..t.len()).map(element).collect();
            json!({ "elem": t.elem().name(), "dims": t.dims(), "data": data })
        }
        Value::Sparse(s) => {
            let all = |t: &OwnedTensor| (0..t.len()).map(json_elements(t)).collect::<Json>();
            let [pointers, indices, data] = [s.pointers(), s.indices(), s.values()].map(all);
            json!({
                "elem": s.elem().name(), "dims": s.dims(), "format": s.format().name(),
                "pointers": pointers, "indices": indices, "data": data,
            })
        }
    }
}

/// Writes what [`json`] says, of any size.
///
/// # Errors
/// Those of `out`.
pub fn write_json(value: &Value, module: &Module, out: &mut dyn Write) -> io::Result<()> {
    match value {
        Value::Tensor(t) => {
            let element = json_elements(t);
            write!(out, "{{\"data\":[")?;
            for i in 0..t.len() {
                let comma = if i > 0 { "," } else { "" };
                write!(out, "{comma}{}", element(i))?;
            }
            write!(out, "],\"dims\":{},\"elem\":\"{}\"}}", json!(t.dims()), t.elem().name())
        }
        Value::List(_, items) => {
            out.write_all(b"[")?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.write_all(b",")?;
                }
                write_json(item, module, out)?;
            }
            out.write_all(b"]")
        }
        Value::Str(s) => Ok(serde_json::to_writer(out, s)?),
        _ => write!(out, "{}", json(value, module)),
    }
}

/// Makes JSON of elements, by their positions.
fn json_elements(t: &OwnedTensor) -> Box<dyn Fn(usize) -> Json + '_> {
    fn all<'a, T: Element>(
        t: &'a OwnedTensor,
        f: impl Fn(T) -> Json + 'a,
    ) -> Box<dyn Fn(usize) -> Json + 'a> {
        let data = t.as_slice::<T>().unwrap_or(&[]);
        Box::new(move |i| data.get(i).map_or(Json::Null, |v| f(*v)))
    }
    match t.elem() {
        Elem::U8 => all(t, |v: u8| json!(v)),
        Elem::I32 => all(t, |v: i32| json!(v)),
        Elem::I64 => all(t, |v: i64| json!(v)),
        Elem::Bool => all(t, |v: bool| json!(v)),
        Elem::F32 => all(t, json_float32),
        Elem::F64 => all(t, json_float),
        Elem::C64 => all(t, |v: Complex<f32>| json!([json_float32(v.re), json_float32(v.im)])),
        Elem::C128 => all(t, |v: Complex<f64>| json!([json_float(v.re), json_float(v.im)])),
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

/// At most ten of the names, and how many more there are; `or` if there are none.
pub fn names(names: impl IntoIterator<Item = impl std::fmt::Display>, or: &str) -> String {
    let names = shown::list(names, 10);
    if names.is_empty() { or.to_owned() } else { names }
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
        let mut out = Vec::new();
        tensor(&OwnedTensor::from_slice(dims, data).unwrap(), full, &mut out).unwrap();
        String::from_utf8(out).unwrap()
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
        // The more axes, the less of each.
        let deep = show(&[7; 8], &vec![7u8; 7usize.pow(8)], false);
        // The dims below it are eight more.
        assert_eq!((deep.matches('7').count(), deep.matches("...").count() > 100), (256 + 8, true));
        assert_eq!(show(&[10; 4], &vec![7u8; 10_000], false).matches('7').count(), 1296);
    }

    #[test]
    fn rows_of_nothing_are_not_shown() {
        let huge = 3_000_000_000;
        for full in [false, true] {
            let what = "[]\ntensor<f64> [3000000000, 1, 0], no elements";
            assert_eq!(show::<f64>(&[huge, 1, 0], &[], full), what);
            assert_eq!(show::<f64>(&[huge, huge, huge, 0, huge], &[], full).lines().count(), 2);
            assert_eq!(show::<f64>(&[0, huge], &[], full), "[]");
            assert_eq!(show::<f64>(&[1000, 0], &[], full).lines().count(), 1000);
        }
    }

    #[test]
    fn lists_are_abbreviated_too() {
        let m = Module::default();
        let show = |values: Vec<Value>, full| {
            let mut out = Vec::new();
            write(&Value::List(nbc::ir::Item::I64, values), &m, full, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let numbers = |n: i64| (0..n).map(Value::I64).collect::<Vec<_>>();
        assert_eq!(show(numbers(3), false), "[0, 1, 2]");
        assert_eq!(show(numbers(2000), false), "[0, 1, 2, ..., 1997, 1998, 1999]\n2000 items, abbreviated");
        assert!(show(numbers(2000), true).ends_with(", 1998, 1999]"));
        let square = OwnedTensor::from_slice(&[2, 2], &[1u8, 2, 3, 4]).unwrap();
        let squares = vec![Value::Tensor(square.clone()), Value::Tensor(square)];
        assert_eq!(show(squares, false), "[[[1, 2],\n  [3, 4]],\n [[1, 2],\n  [3, 4]]]");
        assert_eq!(names(["a", "b"], "nothing"), "a, b");
        assert_eq!(names([""; 0], "nothing"), "nothing");
        assert_eq!(names(0..1000, "nothing"), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 990 more");
        assert_eq!(names(["ä".repeat(99)], "nothing"), "ä".repeat(60) + "...");
    }

    #[test]
    fn json_holds_what_it_can() {
        let m = Module::default();
        assert_eq!(json(&Value::I64(i64::MIN), &m).to_string(), "-9223372036854775808");
        assert_eq!(json(&Value::F64(f64::NAN), &m).to_string(), "\"nan\"");
        assert_eq!(json(&Value::F32(0.1), &m).to_string(), "0.1");
        let t = OwnedTensor::from_slice(&[1, 2], &[Complex::new(1.0, f64::INFINITY), Complex::new(0.0, 2.0)]);
        let t = Value::Tensor(t.unwrap());
        let want = json!({ "elem": "c128", "dims": [1, 2], "data": [[1.0, "inf"], [0.0, 2.0]] });
        assert_eq!(json(&t, &m), want);
        let list = Value::List(nbc::ir::Item::Str, vec![t, Value::Str("\"\n".to_owned())]);
        let mut written = Vec::new();
        write_json(&list, &m, &mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), json!([want, "\"\n"]).to_string());
    }
}
