//! Random functions of scalars, as maps call them: branches, loops, calls, and every instruction on scalars.
//!
//! Most of what could trap is kept from it, for a program that traps shows nothing else.

use super::Numbers;
use nbc_ir::Type;
use nbc_ir::inst::{Effect, Opcode, Pattern, Role};
use std::fmt::Write;
use std::sync::LazyLock;

pub(super) const SCALARS: [Type; 5] = [Type::I32, Type::I64, Type::F32, Type::F64, Type::Bool];

/// An instruction that computes a scalar of scalars.
struct Instruction {
    name: &'static str,
    from: Vec<Type>,
    to: Type,
    traps: bool,
}

/// All of them.
static INSTRUCTIONS: LazyLock<Vec<Instruction>> = LazyLock::new(|| {
    let of = |op: Opcode| {
        let (mut from, mut to) = (Vec::new(), None);
        for operand in op.operands() {
            match (operand.role, operand.pattern) {
                (Role::Def, Pattern::Exact(ty)) => to = Some(ty),
                (Role::Use, Pattern::Exact(ty)) if ty.is_scalar() => from.push(ty),
                _ => return None,
            }
        }
        let is_plain = matches!(op.effect(), Effect::Pure | Effect::Traps) && !from.is_empty();
        let to = to.filter(|_| is_plain)?;
        Some(Instruction { name: op.mnemonic(), from, to, traps: op.effect() == Effect::Traps })
    };
    Opcode::ALL.iter().filter_map(|op| of(*op)).collect()
});

pub(super) fn name(ty: Type) -> String {
    ty.display(&[]).to_string()
}

/// A number of a type as it is written, odd ones among them.
pub(super) fn literal(ty: Type, numbers: &mut Numbers) -> &'static str {
    match ty {
        Type::I32 => numbers.one(&[
            "0",
            "1",
            "-1",
            "2",
            "7",
            "31",
            "33",
            "255",
            "-77",
            "65537",
            "2147483647",
            "-2147483648",
        ]),
        Type::I64 => numbers.one(&[
            "0",
            "1",
            "-1",
            "3",
            "63",
            "65",
            "-1000003",
            "4294967296",
            "9007199254740993",
            "9223372036854775807",
            "-9223372036854775808",
        ]),
        Type::Bool => numbers.one(&["true", "false"]),
        Type::F32 => numbers.one(&[
            "0.0",
            "-0.0",
            "1.0",
            "-1.0",
            "0.5",
            "2.5",
            "-3.5",
            "1e-40",
            "1e30",
            "-3e38",
            "inf",
            "-inf",
            "nan",
            "4294967296.0",
            "0.1",
        ]),
        _ => numbers.one(&[
            "0.0",
            "-0.0",
            "1.0",
            "-1.0",
            "0.5",
            "2.5",
            "-3.5",
            "1e-40",
            "5e-324",
            "1e30",
            "-1e300",
            "inf",
            "-inf",
            "nan",
            "4294967296.0",
            "0.1",
        ]),
    }
}

/// What a function is called with, and gives.
#[derive(Clone)]
pub(super) struct Signature {
    pub(super) name: String,
    from: Vec<Type>,
    to: Vec<Type>,
}

/// A function while it is being made up.
struct Body<'a> {
    numbers: &'a mut Numbers,
    text: String,
    registers: Vec<(String, Type)>,
    /// Functions that it may call.
    others: &'a [Signature],
    labels: usize,
    results: Vec<Type>,
}

/// A function of that name, and what it is called with.
pub(super) fn function(
    name_of_it: &str,
    from: &[Type],
    to: &[Type],
    others: &[Signature],
    numbers: &mut Numbers,
) -> (String, Signature) {
    let registers: Vec<(String, Type)> =
        from.iter().enumerate().map(|(n, ty)| (format!("%x{n}"), *ty)).collect();
    let params: Vec<String> = registers.iter().map(|(r, ty)| format!("{r}: {}", name(*ty))).collect();
    let mut body = Body { numbers, text: String::new(), registers, others, labels: 0, results: to.to_vec() };
    let statements = 1 + body.numbers.below(9);
    body.statements(statements, 0);
    body.ret();
    let results: Vec<String> = to.iter().map(|ty| name(*ty)).collect();
    let results = if to.len() == 1 { results[0].clone() } else { format!("({})", results.join(", ")) };
    let text = format!("func @{name_of_it}({}) -> {results} {{\n{}}}\n", params.join(", "), body.text);
    (text, Signature { name: name_of_it.to_owned(), from: from.to_vec(), to: to.to_vec() })
}

impl Body<'_> {
    fn line(&mut self, text: &str) {
        writeln!(self.text, "  {text}").expect("a string takes all");
    }

    fn label(&mut self, name: &str) {
        writeln!(self.text, "{name}:").expect("a string takes all");
    }

    fn new_label(&mut self) -> usize {
        self.labels += 1;
        self.labels
    }

    /// A register of a type, made of a literal where there is none.
    fn any(&mut self, ty: Type) -> String {
        let all: Vec<String> =
            self.registers.iter().filter(|(_, t)| *t == ty).map(|(r, _)| r.clone()).collect();
        if all.is_empty() || self.numbers.below(12) == 0 {
            let text = format!("{}.const {}", name(ty), literal(ty, self.numbers));
            return self.define(ty, &text);
        }
        // The latest ones are wanted most.
        let recent = &all[all.len().saturating_sub(5)..];
        recent[self.numbers.below(recent.len())].clone()
    }

    /// Sets a new register.
    fn define(&mut self, ty: Type, text: &str) -> String {
        let register = format!("%r{}", self.registers.len());
        self.line(&format!("{register} = {text}"));
        self.registers.push((register.clone(), ty));
        register
    }

    /// Sets a new register, or one that is there: in an arm only what is there lasts.
    fn set(&mut self, ty: Type, text: &str) {
        let old: Vec<String> =
            self.registers.iter().filter(|(_, t)| *t == ty).map(|(r, _)| r.clone()).collect();
        if !old.is_empty() && self.numbers.below(2) == 0 {
            let register = self.numbers.of(&old);
            self.line(&format!("{register} = {text}"));
        } else {
            self.define(ty, text);
        }
    }

    fn ret(&mut self) {
        let values: Vec<String> = self.results.clone().into_iter().map(|ty| self.any(ty)).collect();
        self.line(&format!("ret {}", values.join(", ")));
    }

    fn statements(&mut self, count: usize, depth: usize) {
        for _ in 0..count {
            self.statement(depth);
        }
    }

    /// Statements whose new registers are gone behind them.
    fn arm(&mut self, depth: usize) {
        let known = self.registers.len();
        let count = 1 + self.numbers.below(3);
        self.statements(count, depth + 1);
        self.forget(known);
    }

    /// Forgets all registers but the first ones. Names are not used twice, so that what is forgotten stays so.
    fn forget(&mut self, known: usize) {
        for register in &mut self.registers[known..] {
            register.1 = Type::Str;
        }
    }

    fn statement(&mut self, depth: usize) {
        match self.numbers.below(if depth < 2 { 20 } else { 12 }) {
            0..=8 => self.computed(),
            9 => {
                let ty = self.numbers.one(&SCALARS);
                let (c, a, b) = (self.any(Type::Bool), self.any(ty), self.any(ty));
                self.set(ty, &format!("select {c}, {a}, {b}"));
            }
            10 => {
                let ty = self.numbers.one(&SCALARS);
                let a = self.any(ty);
                self.set(ty, &format!("copy {a}"));
            }
            11 => self.call(),
            12..=14 => {
                let n = self.new_label();
                let c = self.any(Type::Bool);
                self.line(&format!("br_if {c}, yes{n}, no{n}"));
                self.label(&format!("yes{n}"));
                self.arm(depth);
                match self.numbers.below(12) {
                    0 => {
                        let known = self.registers.len();
                        self.ret();
                        self.forget(known);
                    }
                    // It is seldom that an element comes here.
                    1 if self.numbers.below(8) == 0 => self.line("trap"),
                    _ => self.line(&format!("br join{n}")),
                }
                self.label(&format!("no{n}"));
                if self.numbers.below(2) == 0 {
                    self.arm(depth);
                }
                self.line(&format!("br join{n}"));
                self.label(&format!("join{n}"));
            }
            15..=17 => self.repeated(depth),
            _ => {
                let n = self.new_label();
                let ty = self.numbers.one(&[Type::I32, Type::I64]);
                let x = self.any(ty);
                let index = if self.numbers.below(3) == 0 {
                    x
                } else {
                    self.define(ty, &format!("{}.and {x}, 3", name(ty)))
                };
                let index = match ty {
                    Type::I64 => index,
                    _ => self.define(Type::I64, &format!("i64.extend_i32 {index}")),
                };
                self.line(&format!("switch {index}, [one{n}, two{n}, one{n}], other{n}"));
                for arm in ["one", "two", "other"] {
                    self.label(&format!("{arm}{n}"));
                    self.arm(depth);
                    self.line(&format!("br join{n}"));
                }
                self.label(&format!("join{n}"));
            }
        }
    }

    /// A loop of a few turns, or of very many for some elements.
    fn repeated(&mut self, depth: usize) {
        let n = self.new_label();
        let many = if self.numbers.below(40) == 0 { 20_000 } else { 9 };
        let (few, x) = (1 + self.numbers.below(5), self.any(Type::F64));
        self.line(&format!("%big{n} = f64.gt {x}, 1e200"));
        self.line(&format!("%few{n} = i64.const {few}"));
        self.line(&format!("%many{n} = i64.const {many}"));
        self.line(&format!("%turns{n} = select %big{n}, %many{n}, %few{n}"));
        self.line(&format!("br loop{n}"));
        self.label(&format!("loop{n}"));
        self.arm(depth);
        if self.numbers.below(4) == 0 {
            let c = self.any(Type::Bool);
            self.line(&format!("br_if {c}, next{n}, left{n}"));
            self.label(&format!("next{n}"));
        } else {
            self.line(&format!("br next{n}"));
            self.label(&format!("next{n}"));
        }
        self.line(&format!("%turns{n} = i64.sub %turns{n}, 1"));
        self.line(&format!("%more{n} = i64.gt %turns{n}, 0"));
        self.line(&format!("br_if %more{n}, loop{n}, left{n}"));
        self.label(&format!("left{n}"));
    }

    /// A call of a function that is there already.
    fn call(&mut self) {
        if self.others.is_empty() {
            return;
        }
        let other = self.others[self.numbers.below(self.others.len())].clone();
        let args: Vec<String> = other.from.iter().map(|ty| self.any(*ty)).collect();
        let mut results = Vec::new();
        for ty in &other.to {
            let register = format!("%r{}", self.registers.len());
            self.registers.push((register.clone(), *ty));
            results.push(register);
        }
        self.line(&format!("{} = call @{}({})", results.join(", "), other.name, args.join(", ")));
    }

    fn computed(&mut self) {
        let instruction = &INSTRUCTIONS[self.numbers.below(INSTRUCTIONS.len())];
        let mut args: Vec<String> = instruction.from.iter().map(|ty| self.any(*ty)).collect();
        if instruction.traps && self.numbers.below(60) != 0 {
            let (of, last) = (instruction.from[0], args.len() - 1);
            let tame = args[last].clone();
            args[last] = match of {
                // No divisor is zero.
                Type::I32 | Type::I64 => self.define(of, &format!("{}.or {tame}, 1", name(of))),
                _ => {
                    let part = self.define(Type::I32, &format!("i32.sat_{} {tame}", name(of)));
                    let part = self.define(Type::I32, &format!("i32.shr {part}, 2"));
                    let whole = self.define(of, &format!("{}.from_i32 {part}", name(of)));
                    self.define(of, &format!("{}.abs {whole}", name(of)))
                }
            };
        }
        self.set(instruction.to, &format!("{} {}", instruction.name, args.join(", ")));
    }
}
