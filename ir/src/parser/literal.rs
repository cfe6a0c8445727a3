//! Literals: numbers, truth values, strings, hexadecimal bytes.

use crate::op::Imm;
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

fn not_a(ty: Type, what: &str) -> Wrong {
    (format!("expected a literal of type {}, found {what}", ty.display(&[])), None)
}

/// The digits, and the type that a suffix gives them.
fn suffix(text: &str) -> (&str, Option<Type>) {
    let types: &[(&str, Type)] = if is_hex(text) {
        &[("i32", Type::I32), ("i64", Type::I64)]
    } else {
        &[("i32", Type::I32), ("i64", Type::I64), ("f32", Type::F32), ("f64", Type::F64)]
    };
    types
        .iter()
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
    !is_hex(text) && digits.contains(['.', 'e', 'E'])
}

/// `text` shortened to what a message can show.
pub(crate) fn clip(text: &str) -> Cow<'_, str> {
    shown::clipped(text, 40)
}

fn number(text: &str, ty: Type) -> Result<Imm, Wrong> {
    let (digits, _) = suffix(text);
    let digits = digits.strip_suffix('_').unwrap_or(digits);
    let name = ty.display(&[]).to_string();
    let out_of_range = |help: Option<String>| (format!("{} is out of range for {name}", clip(text)), help);
    match ty {
        Type::I32 | Type::I64 => {
            if is_float(text) {
                let help = digits.strip_suffix(".0").map(|d| format!("write {}", clip(d)));
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
                let help = format!("write {}.0 to take the nearest", clip(digits));
                (format!("{} is not exactly a value of type {name}", clip(text)), Some(help))
            };
            if is_hex(text) || !is_float(text) {
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
