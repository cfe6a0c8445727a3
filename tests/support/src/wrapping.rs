//! Makes loops at the ends of the numbers from choices: counters of 32 bits and of 64 that start,
//! step and stop where they come around. Indices are sums, products and parts of them, and bounds
//! are given, measured or computed. Whatever they do, most loops are left after a few dozen
//! iterations, for each has a second counter that says so. Some are plain instead: they go
//! through tensors that may be the same, or parts of each other.

use crate::agree::Script;
use crate::case::Case;
use crate::choices::Choices;
use crate::code::{Code, tensors};
use nbc::ir::Module;
use nbc::runtime::value::Value;

/// Most loops in each other.
const DEPTH: usize = 2;

/// The types of the parameters of `@main`.
const PARAMS: &str = "%n: i64, %k: i64, %a: i32, %b: i32";

/// Most bytes of choices that make a program.
pub const BYTES: usize = 250;

/// The program that these bytes choose, and its calls: with numbers in the middle, and at the ends.
pub fn case(bytes: &[u8]) -> Case {
    let text = text(&mut Choices::new(bytes));
    let module = Module::parse(&text, "wrapping.nba").unwrap_or_else(|e| panic!("{e}\n{text}"));
    let (near, far) = ((40, 3, 12, 1), (i64::MAX - 3, -1, i32::MAX - 5, i32::MIN + 2));
    let call =
        |(n, k, a, b)| ("main".to_owned(), vec![Value::I64(n), Value::I64(k), Value::I32(a), Value::I32(b)]);
    Case::new("numbers that come around", module, Script::new([near, far].map(call).to_vec(), 30_000))
}

/// The program that `c` chooses: `@main`, which calls `@work` over tensors `x` of 40 floats, `y` of
/// 12 integers, `m` of 8 by 6 floats and `z` of 30 bytes; `w` and `v` are `x` and `y`, parts of
/// them, or others.
fn text(c: &mut Choices<'_>) -> String {
    let mut it = Maker { c, code: Code::default(), narrow: Vec::new(), wide: Vec::new() };
    for _ in 0..1 + it.c.below(3) {
        it.nest(0);
    }
    let (tensors, code) = (tensors(), it.code.text);
    let others = [
        "%w = copy %x\n%v = copy %y\n",
        "%w = tensor.slice0 %x, 1, 40\n%v = tensor.slice0 %y, 2, 11\n",
        "%w = tensor.copy %x\n%v = tensor.slice0 %y, 0, 9\n",
    ][c.below(3)];
    format!(
        "{tensors}\
         global @gx: tensor<f64> = @cx\nglobal @gy: tensor<i64> = @cy\nglobal @gm: tensor<f64> = @cm\n\
         global @gz: tensor<u8> = @cb\n\n\
         func @work(%x: tensor<f64>, %w: tensor<f64>, %y: tensor<i64>, %v: tensor<i64>, %m: tensor<f64>,\n\
         %z: tensor<u8>, {PARAMS}) -> (f64, i64, i32) {{\n\
         %s = f64.const 0.0\n%t = i64.const 1\n%u = i32.const 1\n\
         {code}ret %s, %t, %u\n}}\n\
         export func @main({PARAMS}) -> (f64, i64, i32) {{\n\
         %x = global.get @gx\n%y = global.get @gy\n%m = global.get @gm\n%z = global.get @gz\n\
         {others}%s, %t, %u = call @work(%x, %w, %y, %v, %m, %z, %n, %k, %a, %b)\nret %s, %t, %u\n}}\n"
    )
}

const SMALL: [i64; 14] = [0, 1, 2, 3, 4, 5, 7, 8, 12, 30, 39, 40, 41, -1];
const ENDS: [i64; 13] = [
    i64::MAX,
    i64::MAX - 1,
    i64::MAX - 9,
    i64::MIN,
    i64::MIN + 1,
    i64::MIN + 12,
    1 << 62,
    1 << 32,
    (1 << 32) - 3,
    1 << 31,
    (1 << 31) - 6,
    -(1 << 31),
    -(1 << 31) - 5,
];
const NARROW_ENDS: [i64; 8] = [
    i32::MAX as i64,
    i32::MAX as i64 - 1,
    i32::MAX as i64 - 11,
    i32::MIN as i64,
    i32::MIN as i64 + 7,
    1 << 30,
    -(1 << 30),
    0x5555_5555,
];

struct Maker<'c, 'b> {
    c: &'c mut Choices<'b>,
    code: Code,
    /// Counters around with what they start from, by width.
    narrow: Vec<(String, String)>,
    wide: Vec<(String, String)>,
}

impl Maker<'_, '_> {
    fn literal(&mut self, is_wide: bool) -> i64 {
        match (self.c.percent(35), is_wide) {
            (true, true) => self.c.pick(&ENDS),
            (true, false) => self.c.pick(&NARROW_ENDS),
            _ => self.c.pick(&SMALL),
        }
    }

    /// Something that no loop changes.
    fn fixed(&mut self, is_wide: bool) -> String {
        match (self.c.below(8), is_wide) {
            (0..=3, _) => self.literal(is_wide).to_string(),
            (4, true) => "%n".to_owned(),
            (5, true) => "%k".to_owned(),
            (6, true) => self.code.made("i64.extend_i32 %a"),
            (_, true) => {
                let what = self.c.pick(&["len %x", "len %y", "dim %m, 0", "dim %m, 1", "len %z"]);
                self.code.made(format!("tensor.{what}"))
            }
            (4, false) => "%a".to_owned(),
            (5, false) => "%b".to_owned(),
            (6, false) => self.code.made("i32.wrap_i64 %n"),
            (_, false) => {
                let by = self.literal(false);
                self.code.made(format!("i32.add %a, {by}"))
            }
        }
    }

    /// A counter around, or something computed of one, in 32 bits.
    fn narrow_value(&mut self) -> String {
        let Some((i, from)) = self.narrow.last().cloned() else { return self.fixed(false) };
        let other = if self.c.percent(30) { self.narrow[0].0.clone() } else { self.fixed(false) };
        match self.c.below(10) {
            0..=3 => i,
            8 | 9 => self.code.made(format!("i32.sub {i}, {from}")),
            4 => self.code.made(format!("i32.add {i}, {other}")),
            5 => self.code.made(format!("i32.sub {other}, {i}")),
            6 => self.code.made(format!("i32.mul {i}, {other}")),
            _ => {
                let (op, by) = self.c.pick(&[("shl", 1), ("shr_u", 1), ("shr", 2), ("and", 7), ("rem", 5)]);
                self.code.made(format!("i32.{op} {i}, {by}"))
            }
        }
    }

    /// Something to access elements at.
    fn index(&mut self) -> String {
        let is_narrow = self.wide.is_empty() || self.c.percent(45);
        let far = self.c.percent(40);
        let (i, from) = if let (true, true, Some((i, from))) = (is_narrow, far, self.narrow.last().cloned()) {
            let how = self.c.pick(&["i64.extend_i32", "i64.extend_i32", "i64.extend_i32_u"]);
            let wide = self.code.made(format!("{how} {i}"));
            let from = match from.starts_with('%') {
                true => self.code.made(format!("{how} {from}")),
                false => from,
            };
            (wide, from)
        } else if is_narrow {
            let v = self.narrow_value();
            let how = self.c.pick(&["i64.extend_i32", "i64.extend_i32", "i64.extend_i32_u"]);
            (self.code.made(format!("{how} {v}")), "0".to_owned())
        } else {
            self.wide[self.c.below(self.wide.len())].clone()
        };
        if far && from != "0" {
            // Near the start of a tensor, wherever the counter is.
            let near = self.code.made(format!("i64.sub {i}, {from}"));
            let by = self.c.pick(&[0, 0, 1, 2, 5, -1]);
            return if by == 0 { near } else { self.code.made(format!("i64.add {near}, {by}")) };
        }
        let other = if self.c.percent(40) && !self.wide.is_empty() {
            self.wide[self.c.below(self.wide.len())].0.clone()
        } else {
            self.fixed(true)
        };
        match self.c.below(10) {
            0..=3 => i,
            4 => self.code.made(format!("i64.add {i}, {other}")),
            5 => self.code.made(format!("i64.sub {i}, {other}")),
            6 => self.code.made(format!("i64.sub {other}, {i}")),
            7 => {
                let row = self.code.made(format!("i64.mul {i}, {other}"));
                let more = self.fixed(true);
                self.code.made(format!("i64.add {row}, {more}"))
            }
            8 => {
                let (op, by) = self.c.pick(&[
                    ("and", 15),
                    ("shr_u", 58),
                    ("shr", 1),
                    ("rem_u", 12),
                    ("div_u", 3),
                    ("div", 4),
                    ("rem", 7),
                    ("shl", 1),
                ]);
                self.code.made(format!("i64.{op} {i}, {by}"))
            }
            _ => {
                let low = self.code.made(format!("i64.min {i}, {other}"));
                self.code.made(format!("i64.max {low}, 0"))
            }
        }
    }

    fn access(&mut self) {
        let i = self.index();
        match self.c.below(9) {
            0 | 1 => {
                let v = self.code.made(format!("tensor.load %x, {i}"));
                self.code.line(format!("%s = f64.add %s, {v}"));
            }
            2 => self.code.line(format!("%t = tensor.load %y, {i}")),
            3 => {
                let j = self.index();
                let v = self.code.made(format!("tensor.load2 %m, {i}, {j}"));
                self.code.line(format!("%s = f64.sub %s, {v}"));
            }
            4 => self.code.line(format!("%u = tensor.load %z, {i}")),
            5 => self.code.line(format!("tensor.store %x, {i}, %s")),
            6 => self.code.line(format!("tensor.store %y, {i}, %t")),
            7 => self.code.line(format!("tensor.store %z, {i}, %u")),
            _ => {
                let v = self.code.made(format!("tensor.load %y, {i}"));
                let w = self.code.made(format!("i64.mul {v}, 3"));
                self.code.line(format!("tensor.store %y, {i}, {w}"));
            }
        }
    }

    /// Reads one place and writes another, nearby.
    fn pass_on(&mut self, i: &str) {
        let place = |it: &mut Self| {
            let by = it.c.pick(&[0, 0, 0, 1, -1, 2, 3, 4, 8, -5]);
            if by == 0 { i.to_owned() } else { it.code.made(format!("i64.add {i}, {by}")) }
        };
        let (from, to) = (place(self), place(self));
        let (a, b, op) = self.c.pick(&[
            ("%w", "%x", "f64.mul {}, 1.5"),
            ("%x", "%w", "f64.add {}, {}"),
            ("%x", "%x", "f64.sub {}, 0.25"),
            ("%v", "%y", "i64.add {}, 7"),
            ("%y", "%v", "i64.xor {}, 3"),
            ("%z", "%z", "i32.add {}, 1"),
            ("%m", "%x", "f64.mul {}, {}"),
        ]);
        let read = self.code.made(format!("tensor.load {a}, {from}"));
        let value = self.code.made(op.replace("{}", &read));
        self.code.line(format!("tensor.store {b}, {to}, {value}"));
        if self.c.percent(40) {
            let again = self.code.made(format!("tensor.load {a}, {from}"));
            let sum = if op.starts_with("f64") { "%s = f64.add %s" } else { "%t = i64.add %t" };
            if !op.starts_with("i32") {
                self.code.line(format!("{sum}, {again}"));
            }
        }
    }

    /// A loop with nothing unusual but what it goes through.
    fn plain(&mut self) {
        let (i, head, out) = (self.code.name("%i"), self.code.name("head"), self.code.name("out"));
        let (from, to) = (self.c.pick(&["0", "0", "0", "1", "5", "-1"]), self.fixed(true));
        self.code.line(format!("{i} = i64.const {from}"));
        self.code.line(format!("br {head}\n{head}:"));
        for _ in 0..1 + self.c.below(2) {
            self.pass_on(&i);
        }
        self.code.line(format!("{i} = i64.add {i}, 1"));
        let more = self.code.made(format!("i64.lt {i}, {to}"));
        self.code.line(format!("br_if {more}, {head}, {out}\n{out}:"));
    }

    fn body(&mut self, depth: usize) {
        for _ in 0..1 + self.c.below(3) {
            match self.c.below(6) {
                0 if depth < DEPTH => self.nest(depth),
                1 => {
                    let is_wide = !self.wide.is_empty() && self.c.percent(60);
                    let ty = if is_wide { "i64" } else { "i32" };
                    let value = if is_wide { self.wide[0].0.clone() } else { self.narrow_value() };
                    let (op, to) = (self.c.pick(&["lt", "ge", "ne", "lt_u", "le"]), self.fixed(is_wide));
                    let cond = self.code.made(format!("{ty}.{op} {value}, {to}"));
                    let (then, end) = (self.code.name("then"), self.code.name("end"));
                    self.code.line(format!("br_if {cond}, {then}, {end}\n{then}:"));
                    self.access();
                    self.code.line(format!("br {end}\n{end}:"));
                }
                _ => self.access(),
            }
        }
    }

    fn nest(&mut self, depth: usize) {
        if self.c.percent(30) {
            return self.plain();
        }
        let is_wide = self.c.percent(50);
        let ty = if is_wide { "i64" } else { "i32" };
        let (i, left) = (self.code.name("%i"), self.code.name("%left"));
        let from = if self.c.percent(50) { "0".to_owned() } else { self.fixed(is_wide) };
        self.code.set(&i, ty, &from);
        // Some loops are left by nothing else than their test.
        let is_bounded = self.c.percent(80);
        if is_bounded {
            let most = self.c.pick(&[50, 9, 70, 33, 20]);
            self.code.line(format!("{left} = i64.const {most}"));
        }
        let to = self.fixed(is_wide);
        let step = match self.c.below(8) {
            0..=3 => "1".to_owned(),
            4 | 5 => self.c.pick(&["2", "3", "-1", "7"]).to_owned(),
            _ => self.fixed(is_wide),
        };
        let op = self.c.pick(&["add", "add", "add", "sub"]);
        let test = self.c.pick(&["lt", "lt", "lt", "le", "gt", "ge", "ne", "lt_u", "le_u", "gt_u", "ge_u"]);
        let (head, body, out, on) =
            (self.code.name("head"), self.code.name("body"), self.code.name("out"), self.code.name("on"));
        let on_top = self.c.percent(60);
        let counters = if is_wide { &mut self.wide } else { &mut self.narrow };
        counters.push((i.clone(), from));
        if on_top {
            self.code.line(format!("br {head}\n{head}:"));
            let more = self.code.made(format!("{ty}.{test} {i}, {to}"));
            self.code.line(format!("br_if {more}, {body}, {out}\n{body}:"));
        } else {
            self.code.line(format!("br {body}\n{body}:"));
        }
        self.body(depth + 1);
        if is_bounded {
            self.code.line(format!("{left} = i64.sub {left}, 1"));
            let goes = self.code.made(format!("i64.gt {left}, 0"));
            self.code.line(format!("br_if {goes}, {on}, {out}\n{on}:"));
        }
        self.code.line(format!("{i} = {ty}.{op} {i}, {step}"));
        if on_top {
            self.code.line(format!("br {head}\n{out}:"));
        } else {
            let more = self.code.made(format!("{ty}.{test} {i}, {to}"));
            self.code.line(format!("br_if {more}, {body}, {out}\n{out}:"));
        }
        if is_wide {
            self.wide.pop()
        } else {
            self.narrow.pop()
        };
    }
}
