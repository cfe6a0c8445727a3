//! What a test program says about itself: the grammar of
//! `tests/programs/README.md`, read with the types of the module's functions.

use nbc::ir::{Elem, Module, Signature, Type};
use nbc::runtime::object::OwnedTensor;
use nbc::runtime::value::Value;
use num_complex::Complex;

/// One comment line that something must hold for.
#[derive(Debug)]
pub struct Directive {
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
    /// Limits of the instance.
    pub fuel: Option<u64>,
    pub memory: Option<usize>,
    pub stack: Option<usize>,
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

/// All directives of a file.
pub fn read(text: &str, module: &Module) -> Result<Vec<Directive>, String> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some(comment) = line.strip_prefix(';') else { continue };
        let Some((word, rest)) = comment.trim_start().split_once(':') else { continue };
        if matches!(word, "run" | "slow" | "traps" | "fuel" | "prints") {
            let directive = one(word, rest, at + 1, module);
            found.push(directive.map_err(|why| format!("line {}: {why}: {line}", at + 1))?);
        }
    }
    Ok(found)
}

fn one(word: &str, rest: &str, line: usize, module: &Module) -> Result<Directive, String> {
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
    let mut d = Directive { line, slow, function, args, expect, fuel: None, memory: None, stack: None };
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
        let tolerance = r.word().to_owned();
        let tolerance = tolerance.parse().map_err(|_| format!("{tolerance:?} is no tolerance"))?;
        Ok(Expect::Values(values, Some(tolerance)))
    } else {
        Ok(Expect::Returns)
    }
}

struct Reader<'a> {
    rest: &'a str,
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

    fn number<T: std::str::FromStr>(&mut self) -> Result<T, String> {
        let word = self.word();
        word.parse().map_err(|_| format!("{word:?} is no such number"))
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
                        let code = u8::from_str_radix(&digits, 16);
                        out.push(code.map_err(|_| format!("{digits:?} is no byte"))?.into());
                    }
                    Some('u') => {
                        let digits: String =
                            chars.by_ref().map(|(_, c)| c).skip(1).take_while(|c| *c != '}').collect();
                        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                        out.push(code.ok_or_else(|| format!("{digits:?} is no character"))?);
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
            Type::I32 => Value::I32(self.integer()? as i32),
            Type::I64 => Value::I64(self.integer()? as i64),
            Type::F32 => Value::F32(self.float()?),
            Type::F64 => Value::F64(self.float()?),
            Type::Bool => Value::Bool(self.truth()?),
            Type::Str => Value::Str(self.string()?),
            Type::Tensor(elem) => Value::Tensor(self.tensor(elem)?),
            other => return Err(format!("no literal of type {other:?}")),
        })
    }

    fn integer(&mut self) -> Result<i128, String> {
        let word = self.word();
        let (negative, digits) = match word.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, word),
        };
        let digits = digits.replace('_', "");
        let value = match digits.strip_prefix("0x") {
            Some(hex) => i128::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        let value = value.map_err(|_| format!("{word:?} is no integer"))?;
        Ok(if negative { -value } else { value })
    }

    fn float<T: std::str::FromStr>(&mut self) -> Result<T, String> {
        let word = self.word();
        word.replace('_', "").parse().map_err(|_| format!("{word:?} is no float"))
    }

    fn truth(&mut self) -> Result<bool, String> {
        match self.word() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(format!("{other:?} is neither true nor false")),
        }
    }

    fn complex<T: std::str::FromStr>(&mut self) -> Result<Complex<T>, String> {
        self.expect("(")?;
        let re = self.float()?;
        self.expect(",")?;
        let im = self.float()?;
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
        self.expect("{")?;
        let end = "}";
        let made = match elem {
            Elem::U8 => OwnedTensor::from_slice(&dims, &self.list(end, |r| Ok(r.integer()? as u8))?),
            Elem::I32 => OwnedTensor::from_slice(&dims, &self.list(end, |r| Ok(r.integer()? as i32))?),
            Elem::I64 => OwnedTensor::from_slice(&dims, &self.list(end, |r| Ok(r.integer()? as i64))?),
            Elem::F32 => OwnedTensor::from_slice(&dims, &self.list(end, Reader::float::<f32>)?),
            Elem::F64 => OwnedTensor::from_slice(&dims, &self.list(end, Reader::float::<f64>)?),
            Elem::C64 => OwnedTensor::from_slice(&dims, &self.list(end, Reader::complex::<f32>)?),
            Elem::C128 => OwnedTensor::from_slice(&dims, &self.list(end, Reader::complex::<f64>)?),
            Elem::Bool => OwnedTensor::from_slice(&dims, &self.list(end, Reader::truth)?),
        };
        made.ok_or_else(|| format!("the elements do not fit the dims {dims:?}"))
    }
}
