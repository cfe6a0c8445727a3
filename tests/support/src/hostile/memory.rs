//! Accesses of elements, behind comparisons of their index or not; globals that are
//! read and set around them; views of one buffer by several names; and NaNs.

use super::program::Maker;

/// Bits of floats at which something ends: signalling NaNs of both signs, quiet
/// ones, infinities, the smallest numbers.
const BITS: [i64; 9] = [
    0x7ff4_0000_0000_0000,
    0xfff4_0000_0000_0000_u64 as i64,
    0x7ff0_0000_0000_0001,
    0xfff0_0000_0000_0001_u64 as i64,
    0x7ff8_0000_0000_0001,
    0x7ff0_0000_0000_0000,
    1,
    i64::MIN,
    0x3ff0_0000_0000_0000,
];

impl Maker<'_, '_> {
    /// An element is read, or written, or both.
    pub fn access(&mut self) {
        let at = self.index();
        let behind = self.c.percent(40).then(|| self.fence(&at));
        match self.c.below(9) {
            0..=2 => {
                let v = self.moving();
                let x = self.c.pick(&["%x", "%x", "%o"]);
                self.code.line(format!("tensor.store {x}, {at}, {v}"));
            }
            3 => self.code.line(format!("tensor.store %b, {at}, 65")),
            4 => self.code.line(format!("tensor.store %y, {at}, %f")),
            5 => {
                let v = self.code.made(format!("tensor.load %b, {at}"));
                let v = self.code.made(format!("i64.extend_i32 {v}"));
                self.take(&v);
            }
            6 => {
                let v = self.code.made(format!("tensor.load %z, {at}"));
                let v = self.code.made(format!("i32.add {v}, 3"));
                self.code.line(format!("tensor.store %z, {at}, {v}"));
            }
            _ => {
                let x = self.c.pick(&["%x", "%o"]);
                let v = self.code.made(format!("tensor.load {x}, {at}"));
                self.take(&v);
            }
        }
        if let Some(behind) = behind {
            self.code.line(format!("br {behind}"));
            self.code.begin(&behind);
        }
    }

    /// Globals around accesses, or accesses through views.
    pub fn memory(&mut self) {
        if self.c.percent(50) {
            return self.views();
        }
        let global = self.c.pick(&["@g0", "@g1"]);
        let before = self.c.percent(60).then(|| self.code.made(format!("global.get {global}")));
        if self.c.percent(60) {
            let v = self.moving();
            self.code.line(format!("global.set {global}, {v}"));
        }
        match self.c.below(3) {
            0 => self.access(),
            1 => {
                let at = self.code.made(format!("global.get {global}"));
                let at = self.code.made(format!("i64.and {at}, 63"));
                let v = self.code.made(format!("tensor.load %x, {at}"));
                let v = self.code.made(format!("i64.add {v}, 1"));
                self.code.line(format!("tensor.store %x, {at}, {v}"));
            }
            _ => {
                let g = self.code.made(format!("global.get {global}"));
                let g = self.code.made(format!("i64.add {g}, 1"));
                self.code.line(format!("global.set {global}, {g}"));
            }
        }
        let after = self.code.made(format!("global.get {global}"));
        self.take(&after);
        if let Some(before) = before {
            self.take(&before);
        }
    }

    /// Two names for the same elements, or some of them.
    fn views(&mut self) {
        let from = self.c.below(4);
        let made = match self.c.below(3) {
            0 => format!("tensor.slice0 %x, {from}, 64"),
            1 => "tensor.reshape %x, [-1]".to_owned(),
            _ => "copy %x".to_owned(),
        };
        let sliced = made.contains("slice0");
        let view = self.code.made(&made);
        let at = self.index();
        // A slice is shorter than the tensor.
        let near = if sliced { self.code.made(format!("i64.min {at}, 59")) } else { at.clone() };
        let v = self.moving();
        let (x, y) = if self.c.percent(50) { ("%x", view.as_str()) } else { (view.as_str(), "%x") };
        let (at_x, at_y) = if x == "%x" { (&at, &near) } else { (&near, &at) };
        let a = self.code.made(format!("tensor.load {x}, {at_x}"));
        self.code.line(format!("tensor.store {y}, {at_y}, {v}"));
        let b = self.code.made(format!("tensor.load {x}, {at_x}"));
        self.take(&a);
        self.take(&b);
        if self.c.percent(40) {
            let sum = self.code.made(format!("i64.add {a}, {b}"));
            self.code.line(format!("tensor.store {x}, {at_x}, {sum}"));
        }
    }

    /// A float that may be a signalling NaN, through instructions, to its bits.
    pub fn floats(&mut self) {
        if self.c.percent(30) {
            return self.singles();
        }
        let mut a = match self.c.below(5) {
            0 => "%f".to_owned(),
            1 => {
                let at = self.c.below(64);
                self.code.made(format!("tensor.load %y, {at}"))
            }
            2 => self.code.made("f64.const nan:0x7ff4000000000001"),
            _ => {
                let bits = self.c.pick(&BITS);
                let low = self.moving();
                let low = self.code.made(format!("i64.and {low}, 3"));
                let bits = if self.c.percent(40) { "%bits".to_owned() } else { bits.to_string() };
                let bits = self.code.made(format!("i64.xor {low}, {bits}"));
                self.code.made(format!("f64.reinterpret {bits}"))
            }
        };
        if self.c.percent(25) {
            let at = self.index();
            self.code.line(format!("tensor.store %y, {at}, {a}"));
            if self.c.percent(60) {
                a = self.code.made(format!("tensor.load %y, {at}"));
            }
        }
        for _ in 0..1 + self.c.below(3) {
            a = self.one_float("f64", &a);
        }
        match self.c.below(3) {
            0 => self.code.line(format!("%f = copy {a}")),
            1 => self.code.line(format!("global.set @gf, {a}")),
            _ => {}
        }
        let bits = self.code.made(format!("i64.reinterpret {a}"));
        self.take(&bits);
        if self.c.percent(40) {
            let op = self.c.pick(&["eq", "lt", "ne"]);
            let one = self.code.made(format!("f64.{op} {a}, 1.0"));
            let v = self.code.made(format!("i64.from_bool {one}"));
            self.take(&v);
        }
    }

    fn one_float(&mut self, ty: &str, a: &str) -> String {
        let b = self.c.pick(&["0.0", "1.0", "inf", "-inf", "-0.0", "2.5", "nan"]);
        match self.c.below(13) {
            n @ 0..=3 => self.code.made(format!("{ty}.{} {a}", ["floor", "ceil", "trunc", "nearest"][n])),
            n @ 4..=5 => self.code.made(format!("{ty}.{} {a}, {b}", ["min", "max"][n - 4])),
            n @ 6..=7 => self.code.made(format!("{ty}.{} {b}, {a}", ["min", "max"][n - 6])),
            8 => {
                let b = self.c.pick(&["0.0", "1.0", "-0.0"]);
                self.code.made(format!("{ty}.pow {a}, {b}"))
            }
            9 => self.code.made(format!("{ty}.pow 1.0, {a}")),
            10 => match self.c.percent(50) {
                true => self.code.made(format!("{ty}.hypot inf, {a}")),
                false => self.code.made(format!("{ty}.hypot {a}, -inf")),
            },
            11 => {
                let op = self.c.pick(&["neg", "abs", "sqrt"]);
                self.code.made(format!("{ty}.{op} {a}"))
            }
            _ => match self.c.below(4) {
                0 => self.code.made(format!("{ty}.copysign {b}, {a}")),
                1 => self.code.made(format!("{ty}.copysign {a}, {b}")),
                2 => self.code.made(format!("{ty}.fma {a}, {b}, {a}")),
                _ => {
                    let op = self.c.pick(&["add", "mul", "sub", "div", "rem"]);
                    self.code.made(format!("{ty}.{op} {a}, {b}"))
                }
            },
        }
    }

    fn singles(&mut self) {
        let bits =
            self.c.pick(&[0x7fa0_0000u32, 0xffa0_0000, 0x7f80_0001, 0x7fc0_0001, 0x3f80_0000, 1]) as i32;
        let low = self.moving();
        let low = self.code.made(format!("i32.wrap_i64 {low}"));
        let low = self.code.made(format!("i32.and {low}, 3"));
        let bits = self.code.made(format!("i32.xor {low}, {bits}"));
        let mut a = self.code.made(format!("f32.reinterpret {bits}"));
        for _ in 0..1 + self.c.below(3) {
            a = self.one_float("f32", &a);
        }
        if self.c.percent(30) {
            let wide = self.code.made(format!("f64.promote {a}"));
            let wide = self.one_float("f64", &wide);
            self.code.line(format!("%f = copy {wide}"));
            a = self.code.made(format!("f32.demote {wide}"));
        }
        let bits = self.code.made(format!("i32.reinterpret {a}"));
        let bits = self.code.made(format!("i64.extend_i32_u {bits}"));
        self.take(&bits);
    }
}
