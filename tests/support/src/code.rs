//! The code of a function as text, written line by line: what generators of text write into.
//!
//! Invariant: no two names that it makes are the same.

use std::fmt::Write;

/// Code so far.
#[derive(Default)]
pub struct Code {
    /// The text.
    pub text: String,
    /// Instructions that count towards what a program may have.
    pub lines: usize,
    names: usize,
}

impl Code {
    /// Adds an instruction.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.lines += 1;
        let _ = writeln!(self.text, "  {}", text.as_ref());
    }

    /// A new name that begins so.
    pub fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// A new register.
    pub fn temp(&mut self) -> String {
        self.name("%v")
    }

    /// A new register of that value.
    pub fn made(&mut self, value: impl AsRef<str>) -> String {
        let register = self.temp();
        self.line(format!("{register} = {}", value.as_ref()));
        register
    }

    /// Sets a register to an operand, which may be a literal.
    pub fn set(&mut self, to: &str, ty: &str, from: &str) {
        match from.starts_with('%') {
            true => self.line(format!("{to} = copy {from}")),
            false => self.line(format!("{to} = {ty}.const {from}")),
        }
    }

    /// Begins a block.
    pub fn begin(&mut self, label: &str) {
        let _ = writeln!(self.text, "{label}:");
    }

    /// Ends a block with a branch to `then` where `cond` holds, else to `other`.
    pub fn br_if(&mut self, cond: &str, then: &str, other: &str) {
        self.line(format!("br_if {cond}, {then}, {other}"));
    }
}

/// Constants that programs of loops begin with: `cx` of 40 floats, `cy` of 12 integers, `cm` of 8 by 6
/// floats, and `cb` of 30 bytes.
pub fn tensors() -> String {
    let floats = |count: i32, of: fn(i32) -> String| (0..count).map(of).collect::<Vec<_>>().join(", ");
    format!(
        "const @cx: tensor<f64> [40] = {{{}}}\n\
         const @cy: tensor<i64> [12] = {{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8}}\n\
         const @cm: tensor<f64> [8, 6] = {{{}}}\n\
         const @cb: tensor<u8> [30] = hex\"{}\"\n",
        floats(40, |i| format!("{}.5", i * 7 % 23)),
        floats(48, |i| format!("{}.25", i * 5 % 17)),
        (0..30).map(|i| format!("{:02x}", i * 11 % 40)).collect::<String>(),
    )
}
