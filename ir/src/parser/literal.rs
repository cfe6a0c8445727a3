//! Literals: numbers, truth values, strings, hexadecimal bytes.

use crate::inst::Imm;
use crate::lexer::{Kind, Lexer};
use crate::shown;
use crate::types::Type;
use std::borrow::Cow;

/// What is wrong with a literal: message and help.
pub(crate) type Wrong = (String, Option<String>);

/// A literal as written, before the type wanted for it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Literal<'a> {
    /// Digits with sign and suffix.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// Infinity.
    Inf {
        /// Whether it has a minus.
        negative: bool,
        /// Type given by `inf_f32` or `inf_f64`.
        ty: Option<Type>,
    },
    /// Not a number.
    Nan {
        /// Bits given by `nan:0x..`.
        bits: Option<u64>,
        /// Type given by `nan_f32` or `nan_f64`.
        ty: Option<Type>,
    },
}

impl<'a> Literal<'a> {
    /// The literal that a word is, if any.
    pub(crate) fn from_word(word: &'a str) -> Option<Literal<'a>> {
        let inf = |negative, ty| Some(Literal::Inf { negative, ty });
        let nan = |ty| Some(Literal::Nan { bits: None, ty });
        match word {
            "true" => Some(Literal::Bool(true)),
            "false" => Some(Literal::Bool(false)),
            "inf" | "+inf" => inf(false, None),
            "-inf" => inf(true, None),
            "inf_f32" | "+inf_f32" => inf(false, Some(Type::F32)),
            "-inf_f32" => inf(true, Some(Type::F32)),
            "inf_f64" | "+inf_f64" => inf(false, Some(Type::F64)),
            "-inf_f64" => inf(true, Some(Type::F64)),
            "nan" => nan(None),
            "nan_f32" => nan(Some(Type::F32)),
            "nan_f64" => nan(Some(Type::F64)),
            _ => None,
        }
    }

    /// The type that the literal says of itself, by a suffix.
    pub(crate) fn own_type(self) -> Option<Type> {
        match self {
            Literal::Number(text) => suffix(text).1,
            Literal::Bool(_) => Some(Type::Bool),
            Literal::Inf { ty, .. } | Literal::Nan { ty, .. } => ty,
        }
    }

    /// The type that the literal has where nothing else is known.
    pub(crate) fn default_type(self) -> Type {
        self.own_type().unwrap_or_else(|| match self {
            Literal::Number(text) if !is_float(text) => Type::I64,
            _ => Type::F64,
        })
    }

    /// The value, of its own type or the type wanted.
    pub(crate) fn value(self, wanted: Option<Type>) -> Result<Imm, Wrong> {
        let wanted = wanted.filter(|ty| ty.is_scalar());
        let ty = self.own_type().or(wanted).unwrap_or_else(|| self.default_type());
        match self {
            Literal::Bool(v) => Ok(Imm::Bool(v)),
            Literal::Number(text) => number(text, ty),
            Literal::Inf { negative, .. } => match ty {
                Type::F32 => Ok(Imm::f32(if negative { f32::NEG_INFINITY } else { f32::INFINITY })),
                Type::F64 => Ok(Imm::f64(if negative { f64::NEG_INFINITY } else { f64::INFINITY })),
                _ => Err(not_a(ty, "infinity")),
            },
            Literal::Nan { bits, .. } => match ty {
                Type::F32 => {
                    let bits = bits.unwrap_or(0x7fc0_0000);
                    match u32::try_from(bits) {
                        Ok(b) if f32::from_bits(b).is_nan() => Ok(Imm::F32(b)),
                        _ => Err((format!("{bits:#x} are not the bits of an f32 NaN"), None)),
                    }
                }
                Type::F64 => {
                    let bits = bits.unwrap_or(0x7ff8_0000_0000_0000);
                    if f64::from_bits(bits).is_nan() {
                        Ok(Imm::F64(bits))
                    } else {
                        Err((format!("{bits:#x} are not the bits of an f64 NaN"), None))
                    }
                }
                _ => Err(not_a(ty, "not-a-number")),
            },
        }
    }
}

impl Literal<'_> {
    /// The value, which must be of type `ty`.
    fn of_type(self, ty: Type, text: &str) -> Result<Imm, String> {
        match self.value(Some(ty)) {
            Ok(imm) if imm.ty() == ty => Ok(imm),
            Ok(_) => Err(format!("expected {}, found {}", ty.display(&[]), clip(text))),
            Err((message, Some(help))) => Err(format!("{message} ({help})")),
            Err((message, None)) => Err(message),
        }
    }
}

fn not_a(ty: Type, what: &str) -> Wrong {
    (format!("expected a literal of type {}, found {what}", ty.display(&[])), None)
}

/// The digits, and the type that a suffix gives them.
fn suffix(text: &str) -> (&str, Option<Type>) {
    const INTS: [(&str, Type); 2] = [("i32", Type::I32), ("i64", Type::I64)];
    const FLOATS: [(&str, Type); 2] = [("f32", Type::F32), ("f64", Type::F64)];
    // The letter f is a hexadecimal digit, but for an exponent.
    let types: &[&[(&str, Type)]] = match (is_hex(text), text.contains(['p', 'P'])) {
        (true, true) => &[&FLOATS],
        (true, false) => &[&INTS],
        (false, _) => &[&INTS, &FLOATS],
    };
    types
        .iter()
        .flat_map(|list| list.iter())
        .find_map(|(s, ty)| text.strip_suffix(s).map(|digits| (digits, Some(*ty))))
        .unwrap_or((text, None))
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn is_hex(text: &str) -> bool {
    let text = unsigned(text);
    text.starts_with("0x") || text.starts_with("0X")
}

fn is_float(text: &str) -> bool {
    let digits = suffix(text).0;
    if is_hex(text) { digits.contains(['.', 'p', 'P']) } else { digits.contains(['.', 'e', 'E']) }
}

/// `text` shortened to what a message can show.
pub(crate) fn clip(text: &str) -> Cow<'_, str> {
    shown::clipped(text, 40)
}

/// Help to write `literal`, if that is short enough to be written.
fn write(literal: String, what_for: &str) -> Option<String> {
    (literal.len() <= 40).then(|| format!("write {literal}{what_for}"))
}

fn number(text: &str, ty: Type) -> Result<Imm, Wrong> {
    let (digits, _) = suffix(text);
    let tail = &text[digits.len()..];
    let digits = digits.strip_suffix('_').unwrap_or(digits);
    let name = ty.display(&[]).to_string();
    let out_of_range = |help: Option<String>| (format!("{} is out of range for {name}", clip(text)), help);
    match ty {
        Type::I32 | Type::I64 => {
            if is_float(text) {
                // What is suggested must be one.
                let whole = digits.strip_suffix(".0").filter(|d| !is_float(d) && number(d, ty).is_ok());
                let help = whole.and_then(|d| write(format!("{d}{tail}"), ""));
                return Err((format!("expected an integer of type {name}, found {}", clip(text)), help));
            }
            let hex = is_hex(text);
            let value = integer(digits)
                .map_err(|()| (format!("{} is not a number", clip(text)), None))?
                .ok_or_else(|| out_of_range(None))?;
            // Hexadecimal digits name bits, so the unsigned range counts too.
            let (min, max, umax) = match ty {
                Type::I32 => (i128::from(i32::MIN), i128::from(i32::MAX), i128::from(u32::MAX)),
                _ => (i128::from(i64::MIN), i128::from(i64::MAX), i128::from(u64::MAX)),
            };
            if value < min || value > if hex { umax } else { max } {
                let help = (!hex && (0..=umax).contains(&value))
                    .then(|| format!("bits above {max} can be written in hexadecimal: {value:#x}"));
                return Err(out_of_range(help));
            }
            Ok(if ty == Type::I32 { Imm::I32(value as i32) } else { Imm::I64(value as i64) })
        }
        Type::F32 | Type::F64 => {
            let inexact = || {
                // Hexadecimal digits need an exponent, of two, to be a float's.
                let float = format!("{digits}{}{tail}", if is_hex(text) { "p0" } else { ".0" });
                let help = write(float, " to take the nearest");
                (format!("{} is not exactly a value of type {name}", clip(text)), help)
            };
            if is_hex(text) && is_float(text) {
                let (bits, lowest) = if ty == Type::F32 { (24, -149) } else { (53, -1074) };
                let value = hex_float(digits, bits, lowest).ok_or_else(|| {
                    let help = "a hexadecimal float is digits and an exponent of two: 0x1.8p-3".to_owned();
                    (format!("{} is not a number", clip(text)), Some(help))
                })?;
                let value = if ty == Type::F32 { Imm::f32(value as f32) } else { Imm::f64(value) };
                let finite = match value {
                    Imm::F32(bits) => f32::from_bits(bits).is_finite(),
                    Imm::F64(bits) => f64::from_bits(bits).is_finite(),
                    _ => true,
                };
                return if finite { Ok(value) } else { Err(out_of_range(None)) };
            }
            if !is_float(text) {
                let value = integer(digits)
                    .map_err(|()| (format!("{} is not a number", clip(text)), None))?
                    .ok_or_else(|| out_of_range(None))?;
                let negative_zero = value == 0 && text.starts_with('-');
                return if ty == Type::F32 {
                    let float = if negative_zero { -0.0 } else { value as f32 };
                    if float as i128 == value { Ok(Imm::f32(float)) } else { Err(inexact()) }
                } else {
                    let float = if negative_zero { -0.0 } else { value as f64 };
                    if float as i128 == value { Ok(Imm::f64(float)) } else { Err(inexact()) }
                };
            }
            let plain = plain_digits(digits);
            // Rust's reader takes words such as `infinity` too; those never
            // start with a digit, but `-infinity` does look like a number here.
            if !unsigned(&plain).starts_with(|c: char| c.is_ascii_digit() || c == '.') {
                return Err((format!("{} is not a number", clip(text)), None));
            }
            let bad = |_| (format!("{} is not a number", clip(text)), None);
            if ty == Type::F32 {
                let v: f32 = plain.parse().map_err(bad)?;
                if v.is_finite() { Ok(Imm::f32(v)) } else { Err(out_of_range(None)) }
            } else {
                let v: f64 = plain.parse().map_err(bad)?;
                if v.is_finite() { Ok(Imm::f64(v)) } else { Err(out_of_range(None)) }
            }
        }
        _ => Err((format!("expected a literal of type {name}, found the number {}", clip(text)), None)),
    }
}

fn plain_digits(digits: &str) -> Cow<'_, str> {
    if digits.contains('_') { digits.replace('_', "").into() } else { digits.into() }
}

/// An integer with sign, radix prefix and `_`; `Ok(None)` when it does not
/// fit, an error when it is none.
fn integer(text: &str) -> Result<Option<i128>, ()> {
    let negative = text.starts_with('-');
    let digits = unsigned(text);
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(d) => (d, 16),
        None => (digits, 10),
    };
    let mut value: Option<i128> = Some(0);
    let mut any = false;
    for b in digits.bytes() {
        if b == b'_' && any {
            continue;
        }
        let digit = (b as char).to_digit(radix).ok_or(())?;
        any = true;
        // 2^100 is beyond every type, and stays exact under negation.
        value = value.map(|v| v * i128::from(radix) + i128::from(digit)).filter(|v| *v < 1 << 100);
    }
    if any { Ok(value.map(|v| if negative { -v } else { v })) } else { Err(()) }
}

/// The float nearest to `0x1.8p-3` and the like that has `bits` binary digits,
/// none below 2 to the `lowest`; ties go to even. `None` when it is no number.
fn hex_float(text: &str, bits: i64, lowest: i64) -> Option<f64> {
    let negative = text.starts_with('-');
    let digits = unsigned(text).strip_prefix("0x").or_else(|| unsigned(text).strip_prefix("0X"))?;
    let (digits, exponent) = digits.split_once(['p', 'P'])?;
    let (mut mantissa, mut rest, mut scale, mut any, mut point) = (0u128, false, 0i64, false, false);
    for b in digits.bytes() {
        match b {
            b'_' if any => continue,
            b'.' if !point => {
                point = true;
                continue;
            }
            _ => {}
        }
        let digit = u128::from(char::from(b).to_digit(16)?);
        any = true;
        // Digits beyond these matter only by whether there are any.
        if mantissa >> 120 == 0 {
            mantissa = mantissa << 4 | digit;
            scale -= if point { 4 } else { 0 };
        } else {
            rest |= digit != 0;
            scale += if point { 0 } else { 4 };
        }
    }
    let below = exponent.starts_with('-');
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if !any || !exponent.bytes().all(|b| b.is_ascii_digit() || b == b'_') || !exponent.contains(|c| c != '_')
    {
        return None;
    }
    let far = |e: i64, b: u8| (e * 10 + i64::from(b - b'0')).min(1 << 40);
    let power = exponent.bytes().filter(|b| *b != b'_').fold(0i64, far);
    scale += if below { -power } else { power };
    let sign = if negative { -1.0 } else { 1.0 };
    if mantissa == 0 {
        return Some(0.0 * sign);
    }
    // The last binary digit that is kept, as a power of two.
    let top = scale + 127 - i64::from(mantissa.leading_zeros());
    let last = (top - (bits - 1)).max(lowest);
    let kept = match last - scale {
        left if left <= 0 => mantissa << -left,
        right @ 1..=127 => {
            let (kept, cut, half) = (mantissa >> right, mantissa & ((1 << right) - 1), 1u128 << (right - 1));
            kept + u128::from(cut > half || (cut == half && (rest || kept & 1 == 1)))
        }
        _ => 0,
    };
    // Both factors and their product are floats, or the product is too large.
    Some(sign * kept as f64 * power_of_two(last))
}

/// 2 to the power, which must not be below -1074.
fn power_of_two(power: i64) -> f64 {
    match power {
        1024.. => f64::INFINITY,
        -1022.. => f64::from_bits(((power + 1023) as u64) << 52),
        _ => f64::from_bits(1 << (power + 1074).clamp(0, 51)),
    }
}

impl Imm {
    /// The value of type `ty` that `text` is as a literal of a program: `1_000`,
    /// `0x10`, `-1.5e3`, `0x1p-4`, `inf`, `nan:0x7ff8000000000001`, `true`.
    ///
    /// ```
    /// use nbc_ir::{Imm, Type};
    /// assert_eq!(Imm::from_text("0x1p-4", Type::F64), Ok(Imm::f64(0.0625)));
    /// assert_eq!(Imm::from_text("1_000", Type::I32), Ok(Imm::I32(1000)));
    /// assert!(Imm::from_text("1.5", Type::I64).is_err());
    /// ```
    ///
    /// # Errors
    /// What is wrong with the text, with what may be written instead.
    pub fn from_text(text: &str, ty: Type) -> Result<Imm, String> {
        let mut lexer = Lexer::new(text);
        let token = lexer.next_with_comments();
        let word = &text[token.start..token.end];
        let known =
            matches!(token.kind, Kind::Number | Kind::Ident).then(|| Literal::from_word(word)).flatten();
        let literal = match (known, token.kind) {
            (Some(Literal::Nan { ty: own, .. }), _) => {
                let digits = |d: &str| d.bytes().all(|b| b.is_ascii_hexdigit());
                let bits = text[token.end..]
                    .strip_prefix(":0x")
                    .map(|d| u64::from_str_radix(d, 16).ok().filter(|_| digits(d)));
                match bits {
                    Some(Some(bits)) => return Literal::Nan { bits: Some(bits), ty: own }.of_type(ty, text),
                    Some(None) => return Err(format!("{} is not a number", clip(text))),
                    None => Literal::Nan { bits: None, ty: own },
                }
            }
            (Some(literal), _) => literal,
            (None, Kind::Number) => Literal::Number(word),
            _ => return Err(format!("expected {}, found {}", ty.display(&[]), clip(text))),
        };
        if lexer.next_with_comments().kind != Kind::Eof {
            return Err(format!("{} is not one number", clip(text)));
        }
        literal.of_type(ty, text)
    }
}

/// A whole number without sign, for dims.
pub(crate) fn unsigned_integer(text: &str) -> Option<u64> {
    if text.starts_with(['-', '+']) {
        return None;
    }
    integer(text).ok().flatten().and_then(|v| u64::try_from(v).ok())
}

/// The text between the quotes of a string token, and the tag after it.
/// The error has the place of the fault within `token`.
pub(crate) fn unquote(token: &str) -> Result<(String, Option<u64>), (usize, usize, String)> {
    let body_start = token.find('"').map_or(0, |i| i + 1);
    let body_end = token.rfind('"').unwrap_or(token.len()).max(body_start);
    let body = &token[body_start..body_end];
    let tag = token[body_end..].trim_start_matches('"');
    let tag = match tag {
        "" => None,
        digits => Some(digits.parse().map_err(|_| (body_end, token.len(), "number too large".to_owned()))?),
    };
    let mut out = String::with_capacity(body.len());
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let wrong = |len: usize, message: &str| {
            let start = body_start + at;
            Err((start, (start + len).min(token.len()), message.to_owned()))
        };
        match chars.next().map(|(_, c)| c) {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('0') => out.push('\0'),
            Some('\\') => out.push('\\'),
            Some('"') => out.push('"'),
            Some('x') => {
                let digits = body.get(at + 2..at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                match digits.and_then(|d| u8::from_str_radix(d, 16).ok()) {
                    Some(b) if b < 0x80 => out.push(char::from(b)),
                    Some(_) => return wrong(4, "\\x names ASCII characters, up to \\x7f; write \\u{..}"),
                    None => return wrong(2, "\\x needs two hexadecimal digits"),
                }
                chars.nth(1);
            }
            Some('u') => {
                let rest = &body[at + 2..];
                let digits = rest.strip_prefix('{').and_then(|r| r.get(..r.find('}')?));
                let value = digits
                    .filter(|d| (1..=6).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|d| char::from_u32(u32::from_str_radix(d, 16).ok()?));
                match (digits, value) {
                    (Some(d), Some(c)) => {
                        out.push(c);
                        chars.nth(d.len() + 1);
                    }
                    _ => return wrong(2, "\\u needs a character’s number in braces, such as \\u{e9}"),
                }
            }
            Some(other) => {
                return wrong(
                    1 + other.len_utf8(),
                    &format!(
                        "there is no escape \\{}; there are \\n \\r \\t \\\\ \\\" \\0 \\xHH \\u{{..}}",
                        shown::visible(other.encode_utf8(&mut [0; 4]))
                    ),
                );
            }
            None => return wrong(1, "nothing follows the backslash"),
        }
    }
    Ok((out, tag))
}

/// The bytes of a `hex"..."` token; the error has the place of the fault.
pub(crate) fn hex_bytes(token: &str) -> Result<Vec<u8>, (usize, usize, String)> {
    let body = token.strip_prefix("hex\"").and_then(|t| t.strip_suffix('"')).unwrap_or("");
    let mut out = Vec::with_capacity(body.len() / 2);
    let mut high: Option<u8> = None;
    for (at, c) in body.char_indices() {
        if c.is_ascii_whitespace() || c == '_' {
            continue;
        }
        let Some(digit) = c.to_digit(16) else {
            return Err((
                at + 4,
                at + 4 + c.len_utf8(),
                format!("`{}` is not a hexadecimal digit", clip(c.encode_utf8(&mut [0; 4]))),
            ));
        };
        match high.take() {
            None => high = Some(digit as u8),
            Some(h) => out.push(h << 4 | digit as u8),
        }
    }
    match high {
        None => Ok(out),
        Some(_) => Err((0, token.len(), "an odd number of hexadecimal digits".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, ty: Option<Type>) -> Result<Imm, String> {
        Literal::from_word(text).unwrap_or(Literal::Number(text)).value(ty).map_err(|e| e.0)
    }

    #[test]
    fn numbers_take_the_type_wanted() {
        assert_eq!(value("1", None), Ok(Imm::I64(1)));
        assert_eq!(value("1.5", None), Ok(Imm::f64(1.5)));
        assert_eq!(value("1", Some(Type::F32)), Ok(Imm::f32(1.0)));
        assert_eq!(value("-0", Some(Type::F64)), Ok(Imm::f64(-0.0)));
        assert_eq!(value("1i32", Some(Type::F64)), Ok(Imm::I32(1)));
        assert_eq!(value("2.5f32", None), Ok(Imm::f32(2.5)));
        assert_eq!(value("2f32", None), Ok(Imm::f32(2.0)));
        assert_eq!(value("0x1f32", None), Ok(Imm::I64(0x1f32)));
        assert_eq!(value("1_000", None), Ok(Imm::I64(1000)));
        assert_eq!(value("inf", Some(Type::F32)), Ok(Imm::f32(f32::INFINITY)));
        assert_eq!(value("true", Some(Type::I64)), Ok(Imm::Bool(true)));
    }

    #[test]
    fn hexadecimal_floats_are_the_nearest() {
        let double = |text: &str| match value(text, Some(Type::F64)) {
            Ok(Imm::F64(bits)) => f64::from_bits(bits),
            other => panic!("{text}: {other:?}"),
        };
        let single = |text: &str| match value(text, Some(Type::F32)) {
            Ok(Imm::F32(bits)) => f32::from_bits(bits),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(double("0x1p-32"), 2f64.powi(-32));
        assert_eq!(double("-0x1.8P+3"), -12.0);
        assert_eq!(double("0x1_0.8_0p0"), 16.5);
        assert_eq!(double("0x.8p1"), 1.0);
        assert_eq!(double("0x1.921fb54442d18p1"), std::f64::consts::PI);
        assert_eq!(double("0x1.fffffffffffffp1023"), f64::MAX);
        assert_eq!(double("0x1p-1074"), f64::from_bits(1));
        assert_eq!(double("0x1p-1075"), 0.0);
        assert_eq!(double("0x1.8p-1075"), f64::from_bits(1));
        assert_eq!(double("0x0.0000000000001p-1022"), f64::from_bits(1));
        assert_eq!(double("-0x0p0").to_bits(), (-0.0f64).to_bits());
        assert_eq!(double("0x1p-99999999999999999999"), 0.0);
        // Halfway goes to even, and a digit far behind decides.
        assert_eq!(double("0x1.00000000000008p0"), 1.0);
        assert_eq!(double("0x1.00000000000018p0"), 1.0 + 2.0 * f64::EPSILON);
        assert_eq!(double(&format!("0x1.00000000000008{}1p0", "0".repeat(100))), 1.0 + f64::EPSILON);
        assert_eq!(double(&format!("0x1{}p-4000", "0".repeat(1000))), 1.0);
        assert_eq!(single("0x1.000001p0"), 1.0);
        assert_eq!(single("0x1.000003p0"), 1.0 + 2.0 * f32::EPSILON);
        assert_eq!(single("0x1.fffffep127"), f32::MAX);
        assert_eq!(single("0x1p-149"), f32::from_bits(1));
        assert_eq!(value("0x1p-3f32", None), Ok(Imm::f32(0.125)));
        assert_eq!(value("0x1p3", None), Ok(Imm::f64(8.0)));
        for text in ["0x1p1024", "0x1.fffffffffffff8p1023", "0x1p99999999999999999999"] {
            assert!(value(text, None).unwrap_err().contains("out of range for f64"), "{text}");
        }
        assert!(value("0x1p128", Some(Type::F32)).unwrap_err().contains("out of range for f32"));
        for text in ["0x1.8", "0xp1", "0x.p1", "0x1p", "0x1p+", "0x1p1p1", "0x1.1.1p1", "0x1pf32", "0x1p_"] {
            assert!(value(text, Some(Type::F64)).unwrap_err().contains("is not a number"), "{text}");
        }
        assert!(value("0x1p3", Some(Type::I64)).unwrap_err().contains("expected an integer"));
        // Every float comes back from its hexadecimal digits.
        let mut bits = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let (float, field) = (f64::from_bits(bits), bits >> 52 & 0x7ff);
            if float.is_finite() {
                let (one, power) = if field == 0 { (0, -1022) } else { (1, field as i64 - 1023) };
                let sign = if float.is_sign_negative() { "-" } else { "" };
                let text = format!("{sign}0x{one}.{:013x}p{power}", bits & ((1 << 52) - 1));
                assert_eq!(double(&text).to_bits(), bits, "{text}");
            }
        }
    }

    #[test]
    fn literals_are_read_by_themselves() {
        let read = Imm::from_text;
        assert_eq!(read("-inf", Type::F32), Ok(Imm::f32(f32::NEG_INFINITY)));
        assert_eq!(read("nan:0x7ff8000000000001", Type::F64), Ok(Imm::F64(0x7ff8_0000_0000_0001)));
        assert_eq!(read("nan", Type::F32), Ok(Imm::F32(0x7fc0_0000)));
        assert_eq!(read("true", Type::Bool), Ok(Imm::Bool(true)));
        for (text, ty) in [
            ("", Type::F64),
            ("1 2", Type::F64),
            ("1\n", Type::F64),
            ("1 ; one", Type::F64),
            ("1.5", Type::I64),
            ("1i32", Type::I64),
            ("1", Type::Bool),
            ("true", Type::I64),
            ("nan:0xzz", Type::F64),
            ("nan:0x+7ff8000000000001", Type::F64),
            ("nan", Type::I64),
            ("%x", Type::F64),
            ("1", Type::Str),
        ] {
            assert!(read(text, ty).is_err(), "{text:?}");
        }
        assert!(read("\u{1b}[2J", Type::F64).unwrap_err().contains("\\u{1b}"));
    }

    #[test]
    fn what_is_suggested_is_taken() {
        for (text, ty, suggested) in [
            ("0x20000000000001", Type::F64, Some("0x20000000000001p0")),
            ("-0x1000001", Type::F32, Some("-0x1000001p0")),
            ("9007199254740993", Type::F64, Some("9007199254740993.0")),
            ("16777217_f32", Type::F32, Some("16777217.0f32")),
            ("-16777217f32", Type::F32, Some("-16777217.0f32")),
            ("3.0", Type::I64, Some("3")),
            ("-3.0i32", Type::I32, Some("-3i32")),
            ("3000000000.0", Type::I32, None),
            ("99999999999999999999.0", Type::I64, None),
            ("1e3.0", Type::I64, None),
            ("4294967295", Type::I32, Some("0xffffffff")),
        ] {
            let (_, help) = Literal::Number(text).value(Some(ty)).unwrap_err();
            let help = help.unwrap_or_default();
            let found = help.split_whitespace().find(|w| w.bytes().any(|b| b.is_ascii_digit()));
            let found = if help.starts_with("bits") { help.split(' ').next_back() } else { found };
            assert_eq!(found, suggested, "{text}: {help}");
            assert!(found.is_none_or(|f| Imm::from_text(f, ty).is_ok()), "{text}: {help}");
        }
        let long = format!("{}9007199254740993", "0".repeat(1000));
        assert_eq!(Literal::Number(&long).value(Some(Type::F64)).unwrap_err().1, None);
    }

    #[test]
    fn ranges_are_checked() {
        assert_eq!(value("-2147483648", Some(Type::I32)), Ok(Imm::I32(i32::MIN)));
        assert_eq!(value("0xffffffff", Some(Type::I32)), Ok(Imm::I32(-1)));
        assert_eq!(value("0xffffffffffffffff", None), Ok(Imm::I64(-1)));
        assert_eq!(
            value("9223372036854775808", None),
            Err("9223372036854775808 is out of range for i64".into())
        );
        assert_eq!(value("2147483648", Some(Type::I32)), Err("2147483648 is out of range for i32".into()));
        assert_eq!(value("1e999", None), Err("1e999 is out of range for f64".into()));
        assert_eq!(
            value("9007199254740993", Some(Type::F64)),
            Err("9007199254740993 is not exactly a value of type f64".into())
        );
        assert_eq!(value("1.5", Some(Type::I64)), Err("expected an integer of type i64, found 1.5".into()));
        assert_eq!(value("12abc", None), Err("12abc is not a number".into()));
        assert_eq!(value("-infinity", Some(Type::F64)), Err("-infinity is not a number".into()));
        assert!(value(&"9".repeat(100_000), None).is_err());
    }

    #[test]
    fn strings_are_unescaped() {
        assert_eq!(unquote(r#""a\n\x41\u{e9}\"""#), Ok(("a\nAé\"".into(), None)));
        assert_eq!(unquote(r#"%"i"12"#), Ok(("i".into(), Some(12))));
        for bad in
            [r#""\q""#, r#""\x4""#, r#""\xff""#, r#""\u{110000}""#, r#""\u12""#, r#""\u{""#, r#""\x1é""#]
        {
            assert!(unquote(bad).is_err(), "{bad}");
        }
        assert_eq!(hex_bytes("hex\"00 fF_10\n20\""), Ok(vec![0, 255, 16, 32]));
        assert!(hex_bytes("hex\"0\"").is_err());
        assert!(hex_bytes("hex\"é\"").is_err());
    }
}
