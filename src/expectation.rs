//! Expectations that a program states in comments, such as
//! `; run: @main() == 3`. They have the grammar of `tests/programs/README.md`
//! and are read with the types of the program's functions. This module also
//! says whether a call did what it should.

use crate::compare::calls::{Outcome, Printed};
use crate::compare::values;
use nbc_ir::shown::clipped;
use nbc_ir::{Elem, Error, Imm, Module, Signature, Type};
use nbc_runtime::engine::Limits;
use nbc_runtime::object::{Format, OwnedBigInt, OwnedSparse, OwnedTensor};
use nbc_runtime::value::Value;
use num_complex::Complex;

/// Fuel that no expectation uses up.
pub const PLENTY: u64 = 1 << 62;
/// Stack of a call whose expectation names none.
const STACK: usize = 1 << 20;

/// One comment line that something must hold for.
#[derive(Debug)]
pub struct Expectation {
    /// Line of the file it stands on, from 1.
    pub line: usize,
    /// Whether debug builds may leave it out.
    pub slow: bool,
    /// Exported function to call.
    pub function: String,
    /// Its arguments.
    pub args: Vec<Value>,
    /// What must happen.
    pub expect: Expect,
    /// Fuel of the instance.
    pub fuel: Option<u64>,
    /// Its memory.
    pub memory: Option<usize>,
    /// Its stack.
    pub stack: Option<usize>,
}

impl Expectation {
    /// Whether it only says something of calls with fuel.
    pub fn needs_fuel(&self) -> bool {
        self.fuel.is_some() || matches!(self.expect, Expect::Fuel(_))
    }

    /// Limits of the instance, with fuel if it is `metered`.
    pub fn limits(&self, metered: bool) -> Limits {
        Limits::new()
            .fuel(metered.then_some(self.fuel.unwrap_or(PLENTY)))
            .timeout(None)
            .memory(self.memory.unwrap_or(usize::MAX))
            .stack(self.stack.unwrap_or(STACK))
    }

    /// Whether a call within these limits did what is said.
    ///
    /// # Errors
    /// What it did instead.
    pub fn holds(&self, outcome: &Outcome) -> Result<(), String> {
        if let (Expect::Trap(code, lines), Err(trap)) = (&self.expect, &outcome.result) {
            let found: Vec<u32> = trap.frames.iter().map(|f| f.line).collect();
            let as_said = trap.code().name() == code && (lines.is_empty() || found.starts_with(lines));
            // Several lines name the whole stack.
            let whole = lines.len() < 2 || found.len() == lines.len();
            let on = if lines.is_empty() { String::new() } else { format!(" on lines {lines:?}") };
            return if as_said && whole {
                Ok(())
            } else {
                Err(format!("expected {code}{on}, found\n{trap}"))
            };
        }
        let found = match &outcome.result {
            Ok(values) => values,
            Err(trap) => return Err(format!("expected a result, found\n{trap}")),
        };
        match &self.expect {
            Expect::Returns => Ok(()),
            Expect::Trap(code, _) => Err(format!("expected the trap {code}, found {}", values::show(found))),
            Expect::Values(expected, tolerance) => {
                let same = |(e, f)| values::matches(e, f, *tolerance);
                if expected.len() == found.len() && expected.iter().zip(found).all(same) {
                    return Ok(());
                }
                Err(format!("expected {}, found {}", values::show(expected), values::show(found)))
            }
            Expect::Fuel(expected) => match outcome.fuel.map(|left| self.fuel.unwrap_or(PLENTY) - left) {
                Some(used) if used == *expected => Ok(()),
                Some(used) => Err(format!("expected to use {expected} units of fuel, used {used}")),
                None => Err("fuel was not metered".to_owned()),
            },
            Expect::Prints(expected) => {
                let how = Printed::of(expected).unlike(&outcome.printed, ["expected", "found"]);
                how.map_or(Ok(()), |how| Err(format!("what is printed {how}")))
            }
        }
    }
}

/// How a file must be refused: `; refused:` and `; line:` at its top.
pub struct Refusal {
    parts: Vec<String>,
    lines: Vec<String>,
}

impl Refusal {
    /// What `text` says of it; `None` for a program that must be sound.
    pub fn read(text: &str) -> Option<Refusal> {
        let said = |word: &str| -> Vec<String> {
            text.lines()
                .take_while(|line| line.starts_with(';'))
                .filter_map(|line| line.trim_start_matches([';', ' ']).strip_prefix(word))
                .map(|rest| rest.trim().to_owned())
                .collect()
        };
        let parts = said("refused:");
        if parts.is_empty() { None } else { Some(Refusal { parts, lines: said("line:") }) }
    }

    /// How many things it says.
    pub fn count(&self) -> usize {
        self.parts.len() + self.lines.len()
    }

    /// Whether reading and verifying `text` came to that.
    ///
    /// # Errors
    /// What it came to instead.
    pub fn holds<T>(&self, text: &str, verified: &Result<T, Error>) -> Result<(), String> {
        let Err(error) = verified else { return Err("expected to be refused, but it is sound".to_owned()) };
        let shown = || error.render(false);
        if let Some(part) = self.parts.iter().find(|part| !error.to_string().contains(&***part)) {
            return Err(format!("expected {part:?} in\n{}", shown()));
        }
        let spans = error.diagnostics().iter().filter_map(|d| d.span);
        let line_of = |start: usize| Some(text.get(..start)?.matches('\n').count() + 1);
        let found: Vec<usize> = spans.filter_map(|(start, _)| line_of(start)).collect();
        for line in &self.lines {
            let number: usize = line.parse().map_err(|_| format!("`; line: {line}` is no number"))?;
            if !found.contains(&number) {
                return Err(format!("expected an error on line {line}:\n{}", shown()));
            }
        }
        if !self.lines.is_empty() && self.lines.len() != error.diagnostics().len() {
            return Err(format!("expected {} errors:\n{}", self.lines.len(), shown()));
        }
        Ok(())
    }
}

/// What a call must do.
#[derive(Debug)]
pub enum Expect {
    /// Return, whatever it returns.
    Returns,
    /// Return these values: exactly, or floats within a tolerance.
    Values(Vec<Value>, Option<f64>),
    /// Trap with a code, and on these lines, innermost first, if there are any.
    Trap(String, Vec<u32>),
    /// Use that much fuel.
    Fuel(u64),
    /// Print that.
    Prints(String),
}

/// All expectations of a file.
///
/// # Errors
/// The line of one that cannot be read.
pub fn read(text: &str, module: &Module) -> Result<Vec<Expectation>, String> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some(comment) = line.strip_prefix(';') else { continue };
        let Some((word, rest)) = comment.trim_start().split_once(':') else { continue };
        if matches!(word, "run" | "slow" | "traps" | "fuel" | "prints") {
            let expectation = one(word, rest, at + 1, module);
            found.push(expectation.map_err(|why| format!("line {}: {why}: {line}", at + 1))?);
        }
    }
    Ok(found)
}

fn one(word: &str, rest: &str, line: usize, module: &Module) -> Result<Expectation, String> {
    let mut r = Reader { rest: rest.trim() };
    r.expect("@")?;
    let function = r.word().to_owned();
    let id = module.exported_func(&function).ok_or_else(|| format!("there is no exported @{function}"))?;
    let sig = module.func_sig(id).ok_or("no signature")?;
    r.expect("(")?;
    let args = r.values(&sig.params)?;
    r.expect(")")?;
    let expect = match word {
        "traps" => {
            let code = r.word().to_owned();
            let mut lines = Vec::new();
            if r.eat("line") {
                lines.push(r.number()?);
                while r.eat("<") {
                    lines.push(r.number()?);
                }
            }
            Expect::Trap(code, lines)
        }
        "fuel" => {
            r.expect("==")?;
            Expect::Fuel(r.number()?)
        }
        "prints" => {
            r.expect("==")?;
            Expect::Prints(r.string()?)
        }
        _ => results(&mut r, sig)?,
    };
    let slow = word == "slow";
    let mut d = Expectation { line, slow, function, args, expect, fuel: None, memory: None, stack: None };
    while r.eat("with") {
        match r.word() {
            "fuel" => d.fuel = Some(r.number()?),
            "memory" => d.memory = Some(r.number()?),
            "stack" => d.stack = Some(r.number()?),
            other => return Err(format!("there is no limit called {other:?}")),
        }
    }
    if r.rest.is_empty() { Ok(d) } else { Err(format!("{:?} is left over", r.rest)) }
}

fn results(r: &mut Reader<'_>, sig: &Signature) -> Result<Expect, String> {
    if r.eat("==") {
        Ok(Expect::Values(r.values(&sig.results)?, None))
    } else if r.eat("~=") {
        let values = r.values(&sig.results)?;
        let word = r.word();
        match Imm::from_text(word, Type::F64) {
            Ok(Imm::F64(bits)) if f64::from_bits(bits) >= 0.0 => {
                Ok(Expect::Values(values, Some(f64::from_bits(bits))))
            }
            _ => Err(format!("{:?} is no tolerance", clipped(word, 40))),
        }
    } else {
        Ok(Expect::Returns)
    }
}

/// At most six hexadecimal digits.
fn hex(digits: &str) -> Option<u32> {
    let all = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if all { u32::from_str_radix(digits, 16).ok() } else { None }
}

struct Reader<'a> {
    rest: &'a str,
}

/// What a literal can be the value of.
trait Scalar: Sized {
    fn read(r: &mut Reader<'_>) -> Result<Self, String>;
}

macro_rules! scalars {
    ($($ty:ty: $variant:ident => $value:expr;)*) => {$(
        impl Scalar for $ty {
            fn read(r: &mut Reader<'_>) -> Result<$ty, String> {
                match r.scalar(Type::$variant)? {
                    Imm::$variant(v) => Ok($value(v)),
                    other => Err(format!("expected another type than that of {other:?}")),
                }
            }
        }
    )*};
}
scalars! {
    i32: I32 => std::convert::identity;
    i64: I64 => std::convert::identity;
    f32: F32 => f32::from_bits;
    f64: F64 => f64::from_bits;
    bool: Bool => std::convert::identity;
}

impl<'a> Reader<'a> {
    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) { Ok(()) } else { Err(format!("expected {token:?} at {:?}", self.rest)) }
    }

    /// Everything up to a blank or one of `,(){}[]`.
    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| c.is_whitespace() || ",(){}[]".contains(c));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        word
    }

    /// A count.
    fn number<T: TryFrom<i64>>(&mut self) -> Result<T, String> {
        let (word, refuse) = (self.word(), |word| format!("{} is no such number", clipped(word, 40)));
        match Imm::from_text(word, Type::I64) {
            Ok(Imm::I64(v)) => T::try_from(v).map_err(|_| refuse(word)),
            _ => Err(refuse(word)),
        }
    }

    /// A quoted text with the escapes of the text format.
    fn string(&mut self) -> Result<String, String> {
        let text =
            self.rest.strip_prefix('"').ok_or_else(|| format!("expected a text at {:?}", self.rest))?;
        let mut out = String::new();
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = text[at + 1..].trim_start();
                    return Ok(out);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some('0') => out.push('\0'),
                    Some(c @ ('\\' | '"')) => out.push(c),
                    Some('x') => {
                        let digits: String = chars.by_ref().map(|(_, c)| c).take(2).collect();
                        let code = hex(&digits).filter(|code| *code < 0x80 && digits.len() == 2);
                        out.push(
                            code.and_then(char::from_u32)
                                .ok_or_else(|| format!("{digits:?} is no ASCII character"))?,
                        );
                    }
                    Some('u') => {
                        let digits: String =
                            chars.by_ref().map(|(_, c)| c).take_while(|c| *c != '}').collect();
                        let code = digits.strip_prefix('{').and_then(hex).and_then(char::from_u32);
                        out.push(code.ok_or_else(|| format!("{:?} is no character", clipped(&digits, 40)))?);
                    }
                    other => return Err(format!("there is no escape {other:?}")),
                },
                c => out.push(c),
            }
        }
        Err("the text does not end".into())
    }

    fn values(&mut self, types: &[Type]) -> Result<Vec<Value>, String> {
        let mut values = Vec::new();
        for (i, ty) in types.iter().enumerate() {
            if i > 0 {
                self.expect(",")?;
            }
            values.push(self.value(*ty)?);
        }
        Ok(values)
    }

    fn value(&mut self, ty: Type) -> Result<Value, String> {
        Ok(match ty {
            Type::I32 => Value::I32(i32::read(self)?),
            Type::I64 => Value::I64(i64::read(self)?),
            Type::F32 => Value::F32(f32::read(self)?),
            Type::F64 => Value::F64(f64::read(self)?),
            Type::Bool => Value::Bool(bool::read(self)?),
            Type::Str => Value::Str(self.string()?),
            Type::BigInt => {
                let word = self.word();
                let made = word.parse::<OwnedBigInt>().map_err(|e| format!("{:?}: {e}", clipped(word, 40)));
                Value::BigInt(made?)
            }
            Type::Tensor(elem) => Value::Tensor(self.tensor(elem)?),
            Type::Sparse(elem) => Value::Sparse(self.sparse(elem)?),
            Type::List(item) => {
                self.expect("[")?;
                Value::List(item, self.list("]", |r| r.value(item.ty()))?)
            }
            other => return Err(format!("no literal of type {other:?}")),
        })
    }

    /// A number or truth value as programs write them.
    fn scalar(&mut self, ty: Type) -> Result<Imm, String> {
        Imm::from_text(self.word(), ty)
    }

    fn byte(&mut self) -> Result<u8, String> {
        let word = self.word();
        match Imm::from_text(word, Type::I32)? {
            Imm::I32(v) if u8::try_from(v).is_ok() => Ok(v as u8),
            _ => Err(format!("{} is out of range for u8", clipped(word, 40))),
        }
    }

    fn complex<T: Scalar>(&mut self) -> Result<Complex<T>, String> {
        self.expect("(")?;
        let re = T::read(self)?;
        self.expect(",")?;
        let im = T::read(self)?;
        self.expect(")")?;
        Ok(Complex { re, im })
    }

    fn list<T>(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let mut list = Vec::new();
        while !self.eat(close) {
            if !list.is_empty() {
                self.expect(",")?;
            }
            list.push(item(self)?);
        }
        Ok(list)
    }

    fn tensor(&mut self, elem: Elem) -> Result<OwnedTensor, String> {
        self.expect("[")?;
        let dims: Vec<u64> = self.list("]", Reader::number)?;
        if dims.iter().any(|d| i64::try_from(*d).is_err()) {
            return Err(format!("{dims:?} are no dims of a tensor"));
        }
        let made = self.elements(elem, &dims)?;
        made.ok_or_else(|| format!("the elements do not fit the dims {dims:?}"))
    }

    /// Elements in braces, as a tensor; `None` where they do not fit the dims.
    fn elements(&mut self, elem: Elem, dims: &[u64]) -> Result<Option<OwnedTensor>, String> {
        self.expect("{")?;
        let end = "}";
        Ok(match elem {
            Elem::U8 => OwnedTensor::from_slice(dims, &self.list(end, Reader::byte)?),
            Elem::I32 => OwnedTensor::from_slice(dims, &self.list(end, i32::read)?),
            Elem::I64 => OwnedTensor::from_slice(dims, &self.list(end, i64::read)?),
            Elem::F32 => OwnedTensor::from_slice(dims, &self.list(end, f32::read)?),
            Elem::F64 => OwnedTensor::from_slice(dims, &self.list(end, f64::read)?),
            Elem::C64 => OwnedTensor::from_slice(dims, &self.list(end, Reader::complex::<f32>)?),
            Elem::C128 => OwnedTensor::from_slice(dims, &self.list(end, Reader::complex::<f64>)?),
            Elem::Bool => OwnedTensor::from_slice(dims, &self.list(end, bool::read)?),
        })
    }

    /// `csr [2, 3] {(0, 2), (1, 0)} {5.0, 7.0}`: format, dims, places in their order, and elements.
    fn sparse(&mut self, elem: Elem) -> Result<OwnedSparse, String> {
        let format = match self.word() {
            "csr" => Format::Csr,
            "csc" => Format::Csc,
            other => return Err(format!("{:?} is neither csr nor csc", clipped(other, 40))),
        };
        self.expect("[")?;
        let dims: Vec<u64> = self.list("]", Reader::number)?;
        let Ok(dims) = <[u64; 2]>::try_from(dims) else {
            return Err("a sparse matrix has 2 dims".to_owned());
        };
        self.expect("{")?;
        let places = self.list("}", |r| {
            r.expect("(")?;
            let row = r.number()?;
            r.expect(",")?;
            let col = r.number()?;
            r.expect(")")?;
            Ok([row, col])
        })?;
        let values = self.elements(elem, &[places.len() as u64])?;
        let values = values.ok_or_else(|| format!("there are {} places", places.len()))?;
        OwnedSparse::of_places(format, dims, &places, values)
    }
}
