//! Numbers: near the ends of their range, out of arguments, memory and globals,
//! extended and wrapped; conditions on them, and indices made of counters that
//! are in range as long as nothing wraps.

use super::program::{Kind, Maker, Side};

/// Numbers of 64 bits at which something ends.
const ENDS: [i64; 20] = [
    i64::MAX,
    i64::MAX - 8,
    i64::MAX - 40,
    i64::MIN,
    i64::MIN + 5,
    i64::MIN + 40,
    1 << 31,
    (1 << 31) - 1,
    (1 << 31) - 9,
    -(1 << 31),
    -(1 << 31) - 1,
    9 - (1 << 31),
    1 << 32,
    (1 << 32) - 1,
    -(1 << 32),
    (1 << 32) + 40,
    1 << 62,
    -(1 << 62) - 1,
    1 << 59,
    100_000_000_000,
];

/// Numbers of 32 bits at which something ends.
const NARROW_ENDS: [i32; 8] =
    [i32::MAX, i32::MAX - 7, i32::MAX - 40, i32::MIN, i32::MIN + 9, i32::MIN + 40, -1, 0x7fff_0000];

impl Maker<'_, '_> {
    /// Registers that no loop changes, and what holds of one of them; else goes
    /// to `out`.
    pub fn constants(&mut self, out: &str) {
        self.fixed64 = vec!["%n".to_owned(), "%far".to_owned(), "%lim".to_owned()];
        self.fixed32 = vec!["%w".to_owned()];
        let focus = self.focus;
        for _ in 0..2 + self.c.below(4) {
            let small = self.c.pick(&[1, 10, 3, 40]);
            match self.c.below(16) {
                14 => {
                    let v = self.difference_of_products(focus);
                    self.fixed64.push(v);
                }
                0 | 1 => {
                    let v = self.code.made(format!("i32.wrap_i64 {focus}"));
                    self.fixed32.push(v);
                }
                2 | 3 => {
                    let v = self.code.made(format!("i64.sub {focus}, {small}"));
                    self.fixed64.push(v);
                }
                4 => {
                    let v = self.code.made(format!("i64.add {focus}, {small}"));
                    self.fixed64.push(v);
                }
                5 => {
                    let how = self.c.pick(&["extend_i32", "extend_i32_u"]);
                    let v = self.code.made(format!("i64.{how} %w"));
                    self.fixed64.push(v);
                }
                6 => {
                    let at = self.c.below(6);
                    let v = self.code.made(format!("tensor.load %lims, {at}"));
                    self.fixed64.push(v);
                }
                7 => {
                    let v = self.code.made("global.get @g1");
                    self.fixed64.push(v);
                }
                8 | 9 => {
                    // A number that is another one in 32 bits.
                    let far = (1 + self.c.below(4) as i64) << 32;
                    let by = far - self.c.pick(&[40, 60, 100, 1_000_000, -7]);
                    let a = self.code.made(format!("i64.sub {focus}, {by}"));
                    let b = self.code.made(format!("i64.sub {a}, {focus}"));
                    let v = self.code.made(format!("i32.wrap_i64 {b}"));
                    self.number = Some(v.clone());
                    self.fixed32.push(v);
                }
                10 => {
                    let op = self.c.pick(&["mul {}, 4294967296", "shl {}, 32", "shl {}, 1", "mul {}, 3"]);
                    let v = self.code.made(format!("i64.{}", op.replace("{}", focus)));
                    self.fixed64.push(v);
                }
                11 => {
                    let axis = self.c.below(2);
                    let v = self.code.made(format!("tensor.dim %e, {axis}"));
                    self.fixed64.push(v);
                }
                12 => {
                    let v = self.code.made(format!("i32.add %w, {small}"));
                    self.fixed32.push(v);
                }
                13 => {
                    let v = self.code.made("global.get @gw");
                    self.fixed32.push(v);
                }
                _ => {
                    let v = self.code.made(format!("i64.and {focus}, 63"));
                    self.fixed64.push(v);
                }
            }
        }
        if self.kind == Kind::Empty {
            let v = self.code.made("tensor.dim %e, 0");
            self.fixed64.extend(vec![v; 3]);
        }
        if self.c.percent(35) {
            let cond = match self.c.below(4) {
                0 | 1 => {
                    let v = self.code.made(format!("i32.wrap_i64 {focus}"));
                    self.code.made(format!("i32.ge {v}, 0"))
                }
                2 => {
                    let v = self.fixed32();
                    let (op, by) = (self.c.pick(&["ge", "gt", "ne"]), self.c.pick(&[0, -1, -40]));
                    self.code.made(format!("i32.{op} {v}, {by}"))
                }
                _ => {
                    let v = self.fixed64();
                    let op = self.c.pick(&["ge", "lt", "ne", "gt_u"]);
                    let by = self.c.pick(&["0", "1000", "64", "-1"]);
                    self.code.made(format!("i64.{op} {v}, {by}"))
                }
            };
            self.guarded = true;
            let go = self.code.name("go");
            self.code.br_if(&cond, &go, out);
            self.code.begin(&go);
        }
    }

    /// A product beyond all numbers of 64 bits, less another, or the one alone.
    fn difference_of_products(&mut self, focus: &str) -> String {
        let least = self.c.pick(&[1i64 << 60, 1 << 45, 1 << 33, 1 << 22]);
        let other = self.fixed64();
        let mut far = |of: &str| {
            let x = self.code.made(format!("i64.max {of}, {least}"));
            let mut product = x.clone();
            for _ in 0..1 + self.c.below(2) {
                product = self.code.made(format!("i64.mul {product}, {x}"));
            }
            let by = self.c.pick(&[0, 0, 16, 36]);
            if by == 0 { product } else { self.code.made(format!("i64.shl {product}, {by}")) }
        };
        let (a, b) = (far(focus), far(&other));
        if self.c.percent(25) { a } else { self.code.made(format!("i64.sub {a}, {b}")) }
    }

    pub fn fixed64(&mut self) -> String {
        let n = self.c.below(self.fixed64.len());
        self.fixed64[n].clone()
    }

    pub fn fixed32(&mut self) -> String {
        let n = self.c.below(self.fixed32.len());
        self.fixed32[n].clone()
    }

    /// A number near an end of its range.
    pub fn end64(&mut self) -> i64 {
        self.c.pick(&ENDS)
    }

    pub fn end32(&mut self) -> i32 {
        self.c.pick(&NARROW_ENDS)
    }

    /// What a loop starts or ends with that is far.
    pub fn far64(&mut self) -> String {
        match self.c.below(3) {
            0 => self.end64().to_string(),
            1 => self.fixed64(),
            _ => self.focus.to_owned(),
        }
    }

    pub fn far32(&mut self) -> String {
        match self.c.below(3) {
            0 => self.end32().to_string(),
            _ => self.fixed32(),
        }
    }

    /// A counter, or what goes with one, as an i64.
    pub fn moving(&mut self) -> String {
        if !self.sides.is_empty() && self.c.percent(35) {
            let n = self.c.below(self.sides.len());
            return match self.sides[n].clone() {
                Side::Lag { name } => name,
                Side::Drift { narrow, .. } => self.code.made(format!("i64.extend_i32 {narrow}")),
                Side::Shadowed { narrow, wide, .. } | Side::Opposed { narrow, wide, .. } => {
                    match self.c.below(3) {
                        0 => wide,
                        1 => self.code.made(format!("i64.extend_i32_u {narrow}")),
                        _ => self.code.made(format!("i64.extend_i32 {narrow}")),
                    }
                }
            };
        }
        if self.loops.is_empty() {
            return self.c.pick(&["%k", "%m", "%n"]).to_owned();
        }
        let last = self.loops.len() - 1;
        let n = if self.c.percent(70) { last } else { self.c.below(last + 1) };
        let around = self.loops[n].clone();
        match around.narrow {
            true if self.c.percent(80) => self.code.made(format!("i64.extend_i32 {}", around.name)),
            true => self.code.made(format!("i64.extend_i32_u {}", around.name)),
            false => around.name,
        }
    }

    /// A counter as an i32.
    fn moving32(&mut self) -> String {
        if let Some(Side::Shadowed { narrow, .. } | Side::Opposed { narrow, .. }) = self.sides.last()
            && self.c.percent(50)
        {
            return narrow.clone();
        }
        if let Some(last) = self.loops.last()
            && last.narrow
        {
            return last.name.clone();
        }
        let v = self.moving();
        self.code.made(format!("i32.wrap_i64 {v}"))
    }

    /// Whether something is so of what moves.
    pub fn condition(&mut self) -> String {
        let op = self.c.pick(&["lt", "le", "lt_u", "gt", "ge", "ne", "eq", "le_u"]);
        match self.c.below(10) {
            8 => {
                // What it was compared with is written before anybody branches.
                let (v, was, is) = (self.moving(), self.c.below(6), self.c.pick(&[5i64, 0, 1 << 40]));
                self.code.line(format!("%m = i64.const {was}"));
                let op = self.c.pick(&["eq", "eq", "ne"]);
                let c = self.code.made(format!("i64.{op} {v}, %m"));
                self.code.line(format!("%m = i64.const {is}"));
                c
            }
            7 => {
                // A multiple of what moves, against what may have wrapped.
                let (v, by, far) = (self.moving(), self.c.pick(&[40, 33, 20, 3]), self.fixed64());
                let v = self.code.made(format!("i64.shl {v}, {by}"));
                let v = self.code.made(format!("i64.sub {far}, {v}"));
                self.code.made(format!("i64.ge {v}, 0"))
            }
            0 | 1 => {
                let (a, b) = (self.moving(), self.fixed64());
                self.code.made(format!("i64.{op} {a}, {b}"))
            }
            2 => {
                let (a, b) = (self.moving32(), self.far32());
                self.code.made(format!("i32.{op} {a}, {b}"))
            }
            3 => {
                let (a, b) = (self.moving(), self.end64());
                self.code.made(format!("i64.{op} {a}, {b}"))
            }
            4 => {
                let (a, b) = (self.moving32(), self.c.pick(&[0, 5, 30, 64, -1]));
                self.code.made(format!("i32.{op} {a}, {b}"))
            }
            5 => {
                let v = self.moving();
                let mask = self.c.pick(&[1, 2, 3, 4]);
                let v = self.code.made(format!("i64.and {v}, {mask}"));
                self.code.made(format!("i64.eq {v}, 0"))
            }
            6 => {
                let (a, b) = (self.moving(), self.c.pick(&[0, 5, 30, 64]));
                self.code.made(format!("i64.{op} {a}, {b}"))
            }
            _ => {
                let of = self.c.pick(&["%s", "%t"]);
                let v = self.code.made(format!("i64.and {of}, 2"));
                self.code.made(format!("i64.eq {v}, 0"))
            }
        }
    }

    /// Something that is 0 until a counter wraps, or always.
    fn nothing(&mut self) -> String {
        let sides: Vec<Side> =
            self.sides.iter().filter(|s| matches!(s, Side::Shadowed { .. })).cloned().collect();
        if !sides.is_empty()
            && self.c.percent(75)
            && let Side::Shadowed { narrow, wide, .. } = &sides[self.c.below(sides.len())]
        {
            let how = if self.c.percent(80) { "extend_i32" } else { "extend_i32_u" };
            let e = self.code.made(format!("i64.{how} {narrow}"));
            let d = self.code.made(format!("i64.sub {e}, {wide}"));
            return match self.c.below(5) {
                0 => self.code.made(format!("i64.shl {d}, 32")),
                1 => self.code.made(format!("i64.mul {d}, 4294967296")),
                2 => self.code.made(format!("i64.mul {d}, 3")),
                _ => d,
            };
        }
        let v = self.moving();
        match self.c.below(7) {
            5 => {
                let m = self.fixed64();
                let n = self.code.made(format!("i64.sub {m}, 1"));
                let a = self.code.made(format!("i64.mul {v}, {m}"));
                let b = self.code.made(format!("i64.mul {v}, {n}"));
                let a = self.code.made(format!("i64.sub {a}, {b}"));
                self.code.made(format!("i64.sub {a}, {v}"))
            }
            0 => {
                let w = self.code.made(format!("i32.wrap_i64 {v}"));
                let w = self.code.made(format!("i64.extend_i32 {w}"));
                self.code.made(format!("i64.sub {v}, {w}"))
            }
            1 => {
                let far = self.code.made(format!("i64.shl {v}, 32"));
                self.code.made(format!("i64.shl {far}, 32"))
            }
            2 => {
                let far = self.fixed64();
                let a = self.code.made(format!("i64.add {v}, {far}"));
                let a = self.code.made(format!("i64.sub {a}, {v}"));
                self.code.made(format!("i64.sub {a}, {far}"))
            }
            3 => {
                let w = self.code.made(format!("i64.extend32 {v}"));
                self.code.made(format!("i64.sub {w}, {v}"))
            }
            4 => self.code.made(format!("i64.shr {v}, 63")),
            _ => {
                let half = self.code.made(format!("i64.mul {v}, 4611686018427387904"));
                self.code.made(format!("i64.mul {half}, 4"))
            }
        }
    }

    /// Something to access elements at, mostly in range.
    pub fn index(&mut self) -> String {
        let small = self.loops.iter().rev().find(|l| l.small).cloned();
        let opposed = self.sides.iter().rev().find(|s| matches!(s, Side::Opposed { .. })).cloned();
        let lag = self.sides.iter().rev().find(|s| matches!(s, Side::Lag { .. })).cloned();
        let drift = self.sides.iter().rev().find(|s| matches!(s, Side::Drift { .. })).cloned();
        if let Some(Side::Drift { narrow, from }) = drift
            && self.c.percent(35)
        {
            let e = self.code.made(format!("i64.extend_i32 {narrow}"));
            return self.code.made(format!("i64.sub {e}, {from}"));
        }
        let base = match (self.c.below(11), small) {
            (0..=3, Some(l)) if l.narrow => self.code.made(format!("i64.extend_i32 {}", l.name)),
            (0..=3, Some(l)) => l.name,
            (4 | 5, _) if opposed.is_some() => {
                let Some(Side::Opposed { narrow, wide, .. }) = opposed else { return "0".to_owned() };
                let e = self.code.made(format!("i64.extend_i32 {narrow}"));
                self.code.made(format!("i64.add {e}, {wide}"))
            }
            (6 | 7, Some(l)) if lag.is_some() && !l.narrow => {
                let Some(Side::Lag { name }) = lag else { return "0".to_owned() };
                let twice = self.code.made(format!("i64.mul {}, 2", l.name));
                self.code.made(format!("i64.sub {twice}, {name}"))
            }
            (8, _) => {
                let v = self.moving();
                let mask = self.c.pick(&[63, 31, 7]);
                self.code.made(format!("i64.and {v}, {mask}"))
            }
            (9, _) => {
                let v = self.moving();
                let v = self.code.made(format!("i64.min {v}, 60"));
                self.code.made(format!("i64.max {v}, 0"))
            }
            (10, Some(l)) if !l.narrow => {
                // The same in 32 bits.
                let far = self.c.pick(&[1i64 << 32, -(1 << 32), 3 << 32]);
                let v = self.code.made(format!("i64.add {}, {far}", l.name));
                let w = self.code.made(format!("i32.wrap_i64 {v}"));
                let how = self.c.pick(&["extend_i32", "extend_i32_u"]);
                self.code.made(format!("i64.{how} {w}"))
            }
            _ => self.c.below(64).to_string(),
        };
        if self.c.percent(if self.kind == Kind::Counters { 35 } else { 12 }) {
            let d = self.nothing();
            return self.code.made(format!("i64.add {d}, {base}"));
        }
        if self.c.percent(10) {
            let by = self.c.pick(&[1, -1, 2]);
            return self.code.made(format!("i64.add {base}, {by}"));
        }
        base
    }

    /// Begins code that only runs where some comparison says that an index is
    /// in range. Now and then it is not about all of the index. Returns the
    /// label behind that code.
    pub fn fence(&mut self, index: &str) -> String {
        let (inside, behind) = (self.code.name("in"), self.code.name("behind"));
        let way = if self.guarded && self.c.percent(40) { 4 } else { self.c.below(8) };
        let cond = match way {
            0..=2 => self.code.made(format!("i64.lt_u {index}, 60")),
            3 => {
                let fixed = self.fixed64();
                self.code.made(format!("i64.le {index}, {fixed}"))
            }
            4 => {
                let (op, fixed) = (self.c.pick(&["le", "lt"]), self.focus);
                let by = self.code.made(format!("i64.sub {fixed}, 10"));
                self.code.made(format!("i64.{op} {index}, {by}"))
            }
            5 => {
                let w = self.code.made(format!("i32.wrap_i64 {index}"));
                let fixed = self.fixed32();
                self.code.made(format!("i32.lt {w}, {fixed}"))
            }
            6 => {
                let of = self.c.pick(&["%x", "%o"]);
                let len = self.code.made(format!("tensor.len {of}"));
                self.code.made(format!("i64.lt_u {index}, {len}"))
            }
            _ => self.condition(),
        };
        self.code.br_if(&cond, &inside, &behind);
        self.code.begin(&inside);
        behind
    }
}
