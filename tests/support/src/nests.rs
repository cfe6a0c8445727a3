//! Makes programs of nested loops over tensors from choices.
//!
//! They are what passes over loops look for, and what they must not fall for: counters up, down, by
//! several, by something, in 32 bits, shared by loops; indices in range or just out of it, in one
//! dimension or two; accesses that a branch skips, loops left early, bounds from tensors and from the
//! caller, up to the largest integers.

use crate::agree::Script;
use crate::case::Case;
use crate::choices::Choices;
use crate::code::{Code, tensors};
use nbc::ir::Module;
use nbc::runtime::value::Value;

/// Most loops in each other.
const DEPTH: usize = 3;
/// Most instructions.
const LINES: usize = 120;

/// Most bytes of choices that make a program.
pub const BYTES: usize = 400;
/// What `@main` is called with, the most telling first.
pub const ARGS: [[i64; 2]; 9] =
    [[7, 3], [40, 1], [9, -2], [i64::MAX, 1], [2, i64::MIN], [0, 0], [1, 1], [8, 2], [-1, 8]];

/// The program that these bytes choose, and so many calls.
pub fn case(bytes: &[u8], calls: usize) -> Case {
    let text = text(&mut Choices::new(bytes));
    let module = Module::parse(&text, "nest.nba").unwrap_or_else(|e| panic!("{e}\n{text}"));
    let call = |args: &[i64; 2]| ("main".to_owned(), args.iter().map(|v| Value::I64(*v)).collect());
    Case::new("nests", module, Script::new(ARGS[..calls].iter().map(call).collect(), 30_000))
}

/// The program that `c` chooses. Its tensors: `x` of 40 floats, `y` of 12
/// integers, `m` of 8 by 6 floats, `b` of 30 bytes, and `r`, which is `x` but
/// read-only; and sums `s` and `t`.
fn text(c: &mut Choices<'_>) -> String {
    let mut it = Maker { c, code: Code::default(), counters: Vec::new() };
    it.statements(0);
    while it.c.more() && it.code.lines < LINES {
        it.statements(0);
    }
    let (tensors, code) = (tensors(), it.code.text);
    format!(
        "{tensors}\
         export global @gs: f64 = 0.0\nexport global @gt: i64 = 0\nexport global @gx: tensor<f64> = @cx\n\
         export global @gy: tensor<i64> = @cy\nexport global @gm: tensor<f64> = @cm\n\n\
         export func @main(%n: i64, %k: i64) -> (f64, i64) {{\n\
         local %i0: i64, %i1: i64, %i2: i64, %j0: i32, %j1: i32, %j2: i32\n\
         %x = global.get @gx\n%y = global.get @gy\n%m = global.get @gm\n\
         %r = const.get @cx\n%b0 = const.get @cb\n%b = tensor.copy %b0\n\
         %s = f64.const 0.0\n%t = i64.const 1\n%p = i64.const 2\n%q = i64.const 5\n\
         %i0 = i64.const 0\n%i1 = i64.const 1\n%i2 = i64.const 2\n\
         %j0 = i32.const 0\n%j1 = i32.const 1\n%j2 = i32.const 2\n\
         {code}ret %s, %t\n}}\n"
    )
}

struct Maker<'c, 'b> {
    c: &'c mut Choices<'b>,
    code: Code,
    /// Counters of the loops around, and whether in 32 bits.
    counters: Vec<(usize, bool)>,
}

impl Maker<'_, '_> {
    fn statements(&mut self, depth: usize) {
        for _ in 0..1 + self.c.below(3) {
            if self.code.lines > LINES {
                return;
            }
            match self.c.below(10) {
                0..=2 if depth < DEPTH => self.nest(depth),
                3 => self.branch(depth),
                4 => self.arithmetic(),
                5 if depth > 0 && self.c.percent(30) => self.branch(depth),
                _ if depth == 0 && self.c.percent(60) => self.nest(depth),
                _ => self.access(),
            }
        }
    }

    fn literal(&mut self) -> i64 {
        if self.c.percent(4) {
            return self.c.pick(&[i64::MAX, i64::MIN, 1 << 40, -(1 << 33), 1 << 31, 255]);
        }
        [0, 1, 2, 3, 5, 6, 8, 12, 30, 40, -1, 39, 7, 4][self.c.below(14)]
    }

    /// Something that no loop around changes, mostly.
    fn fixed(&mut self) -> String {
        match self.c.below(9) {
            0..=3 => self.literal().to_string(),
            4 => "%n".to_owned(),
            5 => "%k".to_owned(),
            6 => self.c.pick(&["%p", "%q"]).to_owned(),
            _ => {
                let v = self.code.temp();
                let what = self.c.pick(&[
                    "tensor.len %x",
                    "tensor.len %y",
                    "tensor.dim %m, 0",
                    "tensor.dim %m, 1",
                    "tensor.len %b",
                ]);
                self.code.line(format!("{v} = {what}"));
                v
            }
        }
    }

    /// A counter around, as an i64.
    fn counter(&mut self) -> String {
        if self.counters.is_empty() || self.c.percent(5) {
            return self.fixed();
        }
        let (n, narrow) = self.counters[self.c.below(self.counters.len())];
        if narrow {
            let v = self.code.temp();
            let how = if self.c.percent(80) { "i64.extend_i32" } else { "i64.extend_i32_u" };
            self.code.line(format!("{v} = {how} %j{n}"));
            return v;
        }
        format!("%i{n}")
    }

    /// Something to access elements at.
    fn index(&mut self) -> String {
        let i = self.counter();
        match self.c.below(16) {
            0..=4 => i,
            5 | 6 => {
                let by = self.c.pick(&[1, -1, 2, -2, 4]);
                self.code.made(format!("i64.add {i}, {by}"))
            }
            7 | 8 => {
                let (by, j) = (self.fixed(), self.counter());
                let row = self.code.made(format!("i64.mul {i}, {by}"));
                self.code.made(format!("i64.add {row}, {j}"))
            }
            9 => {
                let end = self.fixed();
                let v = self.code.made(format!("i64.sub {end}, {i}"));
                self.code.made(format!("i64.sub {v}, 1"))
            }
            10 => {
                let op = self.c.pick(&["and", "rem", "rem_u", "shr", "shr_u", "div", "shl"]);
                let by = self.c.pick(&[1, 2, 3, 4, 5, 7]);
                self.code.made(format!("i64.{op} {i}, {by}"))
            }
            11 => {
                let (op, by) =
                    (self.c.pick(&["and", "rem", "rem_u", "min", "max", "sub", "add"]), self.fixed());
                self.code.made(format!("i64.{op} {i}, {by}"))
            }
            12 => {
                let most = self.fixed();
                let v = self.code.made(format!("i64.min {i}, {most}"));
                self.code.made(format!("i64.max {v}, 0"))
            }
            13 => {
                let j = self.counter();
                self.code.made(format!("i64.sub {i}, {j}"))
            }
            14 => {
                let at = self.c.pick(&["0", "1", "7", "11", "12"]);
                self.code.made(format!("tensor.load %y, {at}"))
            }
            _ => self.c.pick(&["%p", "%q", "%t", "0", "5"]).to_owned(),
        }
    }

    fn access(&mut self) {
        match self.c.below(14) {
            12 | 13 => self.recurrence(),
            0..=2 => {
                let (t, i) = (self.c.pick(&["%x", "%x", "%r"]), self.index());
                let v = self.code.made(format!("tensor.load {t}, {i}"));
                self.code.line(format!("%s = f64.add %s, {v}"));
            }
            3 => {
                let i = self.index();
                self.code.line(format!("%t = tensor.load %y, {i}"));
            }
            4 => {
                let (i, j) = (self.index(), self.index());
                let v = self.code.made(format!("tensor.load2 %m, {i}, {j}"));
                self.code.line(format!("%s = f64.sub %s, {v}"));
            }
            5 => {
                let i = self.index();
                let v = self.code.made(format!("tensor.load %b, {i}"));
                let w = self.code.made(format!("i64.extend_i32 {v}"));
                self.code.line(format!("%t = i64.add %t, {w}"));
            }
            6 | 7 => {
                let i = self.index();
                let t = if self.c.percent(5) { "%r" } else { "%x" };
                self.code.line(format!("tensor.store {t}, {i}, %s"));
            }
            8 => {
                let i = self.index();
                self.code.line(format!("tensor.store %y, {i}, %t"));
            }
            9 => {
                let (i, j) = (self.index(), self.index());
                self.code.line(format!("tensor.store2 %m, {i}, {j}, %s"));
            }
            10 => {
                let i = self.index();
                self.code.line(format!("tensor.store %b, {i}, 7"));
            }
            _ => self.arithmetic(),
        }
    }

    /// What is stored may be what the next iteration reads, or one after it.
    fn recurrence(&mut self) {
        let (i, by) = (self.counter(), self.c.pick(&[-1, -1, -1, -2, 1]));
        let from = self.code.made(format!("i64.add {i}, {by}"));
        let (x, a, op, sum) = self.c.pick(&[
            ("%x", "%s", "f64.sub", "%s"),
            ("%x", "1.5", "f64.mul", "%s"),
            ("%y", "3", "i64.mul", "%t"),
            ("%b", "77", "i32.mul", ""),
            ("%m", "0.5", "f64.sub", "%s"),
        ]);
        let row = if x == "%m" { format!("{}, ", self.index()) } else { String::new() };
        let (load, store) = if x == "%m" { ("load2", "store2") } else { ("load", "store") };
        let read = |it: &mut Self, at: &str| it.code.made(format!("tensor.{load} {x}, {row}{at}"));
        let v = read(self, &from);
        if self.c.percent(30) {
            let other = read(self, &i);
            if !sum.is_empty() {
                self.code.line(format!("{sum} = {} {sum}, {other}", op.replace("mul", "add")));
            }
        }
        let w = self.code.made(format!("{op} {v}, {a}"));
        if self.c.percent(20) {
            self.access();
        }
        if self.c.percent(30) {
            let (cond, then, end) = (self.condition(), self.code.name("then"), self.code.name("end"));
            self.code.br_if(&cond, &then, &end);
            self.code.begin(&then);
            self.code.line(format!("tensor.{store} {x}, {row}{i}, {w}"));
            self.code.line(format!("br {end}"));
            self.code.begin(&end);
        } else {
            self.code.line(format!("tensor.{store} {x}, {row}{i}, {w}"));
        }
        if !sum.is_empty() {
            self.code.line(format!("{sum} = {} {sum}, {w}", op.replace("mul", "add")));
        }
    }

    fn arithmetic(&mut self) {
        let (a, b) = (self.counter(), self.fixed());
        let to = self.c.pick(&["%t", "%p", "%q", "%t"]);
        let op = self.c.pick(&["add", "sub", "mul", "and", "xor"]);
        match self.c.below(4) {
            0 => self.code.line(format!("{to} = copy {a}")),
            1 if b.starts_with('%') => self.code.line(format!("{to} = copy {b}")),
            _ => self.code.line(format!("{to} = i64.{op} {a}, {b}")),
        }
    }

    fn condition(&mut self) -> String {
        let (a, b) = (self.counter(), self.fixed());
        let op = self.c.pick(&["lt", "gt", "le", "ge", "ne", "eq", "lt_u"]);
        let v = self.code.made(format!("i64.{op} {a}, {b}"));
        if !self.c.percent(20) {
            return v;
        }
        let (a, b) = (self.counter(), self.fixed());
        let w = self.code.made(format!("i64.ge {a}, {b}"));
        let op = self.c.pick(&["and", "or"]);
        self.code.made(format!("bool.{op} {v}, {w}"))
    }

    fn branch(&mut self, depth: usize) {
        let cond = self.condition();
        let (then, other, end) = (self.code.name("then"), self.code.name("else"), self.code.name("end"));
        self.code.br_if(&cond, &then, &other);
        self.code.begin(&then);
        self.statements(depth);
        self.code.line(format!("br {end}"));
        self.code.begin(&other);
        if self.c.percent(40) {
            self.statements(depth);
        }
        self.code.line(format!("br {end}"));
        self.code.begin(&end);
    }

    fn nest(&mut self, depth: usize) {
        let narrow = self.c.percent(15);
        let free: Vec<usize> = (0..DEPTH).filter(|n| !self.counters.iter().any(|c| c.0 == *n)).collect();
        // A loop may go on with the counter of the loop around it.
        let shared = !narrow && self.c.percent(12) && self.counters.last().is_some_and(|c| !c.1);
        let n = match self.counters.last() {
            Some(last) if shared => last.0,
            _ => match free.first() {
                Some(n) => *n,
                None => return,
            },
        };
        let (i, ty) = if narrow { (format!("%j{n}"), "i32") } else { (format!("%i{n}"), "i64") };
        let down = self.c.percent(25);
        let (from, to) = (self.bound(narrow), self.bound(narrow));
        let (from, to) = if down { (to, from) } else { (from, to) };
        let from = if !down && self.c.percent(60) { self.c.pick(&["0", "1"]).to_owned() } else { from };
        let step = match self.c.below(8) {
            0..=4 => "1".to_owned(),
            5 => self.c.pick(&["2", "3", "4", "7"]).to_owned(),
            6 if !narrow => self.c.pick(&["%p", "%k", "%q"]).to_owned(),
            _ => "1".to_owned(),
        };
        let test = match (down, self.c.below(8)) {
            (false, 0..=4) => "lt",
            (false, 5) => "le",
            (false, 6) => "lt_u",
            (true, 0..=4) => "ge",
            (true, 5 | 6) => "gt",
            _ => "ne",
        };
        if !shared {
            self.code.set(&i, ty, &from);
        }
        let (head, body, out) = (self.code.name("head"), self.code.name("body"), self.code.name("out"));
        let on_top = self.c.percent(50);
        let early = self.c.percent(20);
        let end = if self.c.percent(25) && !self.counters.is_empty() && !narrow {
            let counter = self.counter();
            self.code.made(format!("i64.add {counter}, {}", if down { -2 } else { 3 }))
        } else {
            to
        };
        self.counters.push((n, narrow));
        if on_top {
            self.code.line(format!("br {head}"));
            self.code.begin(&head);
            let more = self.code.made(format!("{ty}.{test} {i}, {end}"));
            self.code.line(format!("br_if {more}, {body}, {out}"));
        } else {
            self.code.line(format!("br {body}"));
        }
        self.code.begin(&body);
        self.statements(depth + 1);
        if early {
            let (cond, on) = (self.condition(), self.code.name("on"));
            self.code.br_if(&cond, &on, &out);
            self.code.begin(&on);
        }
        let op = if down { "sub" } else { "add" };
        if !narrow && self.c.percent(6) {
            // The same by way of products, of which all but the step cancels out; they may be seen after.
            let by = self.c.pick(&["%k", "%p", "7"]);
            let less = self.code.made(format!("i64.sub {by}, 1"));
            self.code.line(format!("%t = i64.mul {i}, {by}"));
            let other = self.code.made(format!("i64.mul {i}, {less}"));
            let other = self.code.made(format!("i64.{} {other}, {step}", if down { "add" } else { "sub" }));
            self.code.line(format!("{i} = i64.sub %t, {other}"));
        } else if self.c.percent(30) {
            let next = self.code.made(format!("{ty}.{op} {i}, {step}"));
            if self.c.percent(50) {
                self.access();
            }
            self.code.line(format!("{i} = copy {next}"));
        } else {
            self.code.line(format!("{i} = {ty}.{op} {i}, {step}"));
        }
        if on_top {
            self.code.line(format!("br {head}"));
        } else {
            let more = self.code.made(format!("{ty}.{test} {i}, {end}"));
            self.code.line(format!("br_if {more}, {body}, {out}"));
        }
        self.code.begin(&out);
        self.counters.pop();
    }

    fn bound(&mut self, narrow: bool) -> String {
        if narrow {
            return match self.c.below(4) {
                0 => self.code.made("i32.wrap_i64 %n"),
                _ => self.c.pick(&["0", "5", "6", "8", "12", "39", "-1"]).to_owned(),
            };
        }
        self.fixed()
    }
}
