//! Loops of every shape. The parts of an iteration come in any order: the test
//! first, last or in the middle, the step before or after it, by way of a copy or
//! not. Exits and ways back may be more than one. Loops in them may go as far as
//! the counters of others.

use super::program::{Around, Kind, Maker, Side};

/// Most loops in each other.
const DEPTH: usize = 3;

/// A part of an iteration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Statement,
    /// Leaves where the counter has come to its end.
    Test,
    /// Leaves after so many iterations.
    Count,
    /// What the counter becomes is computed.
    Next,
    /// The counter becomes it.
    Step,
    /// Something else is stepped.
    Side(usize),
    /// Goes back at once, under some condition.
    Again,
    /// Leaves, under some condition.
    Leave,
}

/// How a loop counts.
struct Control {
    counter: String,
    ty: &'static str,
    step: String,
    /// With `{}` for what is compared.
    test: String,
    /// How what is compared is made of the counter.
    compared: &'static str,
}

impl Maker<'_, '_> {
    /// A loop, if there is room for one.
    pub fn looped(&mut self) {
        let depth = self.loops.len();
        if depth >= DEPTH {
            return;
        }
        let narrow = self.c.percent(if self.kind == Kind::Counters { 45 } else { 15 });
        let far = self.c.percent(match self.kind {
            Kind::Counters => 55,
            Kind::Empty => 40,
            _ => 15,
        });
        let control = if far { self.far_control(depth, narrow) } else { self.near_control(depth, narrow) };
        // Now and then one that never ends, though it looks like a few iterations.
        let endless = far && narrow && self.c.percent(8);
        let control = if endless { self.endless_control(depth) } else { control };
        let count =
            (!endless && far && self.c.percent(93) || !far && self.c.percent(35)).then(|| self.most(depth));
        let sides = self.begin_sides();
        let (head, out) = (self.code.name("head"), self.code.name("out"));
        if count.is_some() {
            self.code.line(format!("%q{depth} = i64.const 0"));
        }
        if self.c.percent(35) {
            let more = self.test(&control);
            self.code.br_if(&more, &head, &out);
        } else {
            self.code.line(format!("br {head}"));
        }
        self.code.begin(&head);
        self.loops.push(Around { name: control.counter.clone(), narrow, small: !far });
        let parts = self.parts(count.is_some(), sides);
        let last = parts.len() - 1;
        let mut next = None;
        let mut closed = false;
        for (n, part) in parts.iter().enumerate() {
            match part {
                Part::Statement => self.statement(),
                Part::Test => {
                    let more = self.test(&control);
                    closed = n == last;
                    self.leave_unless(&more, &head, &out, closed);
                }
                Part::Count => {
                    let q = format!("%q{depth}");
                    self.code.line(format!("{q} = i64.add {q}, 1"));
                    let most = count.clone().unwrap_or_default();
                    let more = self.code.made(format!("i64.lt {q}, {most}"));
                    closed = n == last;
                    self.leave_unless(&more, &head, &out, closed);
                }
                Part::Next => {
                    let text = self.stepped(&control);
                    next = Some(self.code.made(text));
                }
                Part::Step => match next.take() {
                    Some(next) => self.code.line(format!("{} = copy {next}", control.counter)),
                    None => self.step(&control),
                },
                Part::Side(side) => self.step_side(*side),
                Part::Again => {
                    let (cond, on) = (self.condition(), self.code.name("on"));
                    match self.c.percent(50) {
                        true => self.code.br_if(&cond, &head, &on),
                        false => {
                            let way = self.code.name("way");
                            self.code.br_if(&cond, &way, &on);
                            self.code.begin(&way);
                            self.step(&control);
                            self.code.line(format!("br {head}"));
                        }
                    }
                    self.code.begin(&on);
                }
                Part::Leave => {
                    let (cond, on) = (self.condition(), self.code.name("on"));
                    self.code.br_if(&cond, &on, &out);
                    self.code.begin(&on);
                }
            }
        }
        if !closed {
            self.code.line(format!("br {head}"));
        }
        self.code.begin(&out);
        self.loops.pop();
        self.sides.truncate(self.sides.len() - sides);
        self.take(if narrow { "%k" } else { &control.counter });
    }

    fn leave_unless(&mut self, more: &str, head: &str, out: &str, at_end: bool) {
        if at_end {
            return self.code.br_if(more, head, out);
        }
        let on = self.code.name("on");
        self.code.br_if(more, &on, out);
        self.code.begin(&on);
    }

    /// The parts of an iteration in the order in which they come.
    fn parts(&mut self, counts: bool, sides: usize) -> Vec<Part> {
        let statements = 1 + self.c.below(3);
        let mut parts = vec![Part::Statement; statements];
        let mut insert = |it: &mut Self, part: Part, from: usize| {
            let room = parts.len() + 1 - from;
            let at = from + it.c.below(room);
            parts.insert(at, part);
            at
        };
        let first = self.sides.len() - sides;
        for side in first..self.sides.len() {
            insert(self, Part::Side(side), 0);
        }
        // Mostly last or first, as people write it.
        let test = match self.c.below(4) {
            0 => insert(self, Part::Test, 0),
            1 => {
                parts.insert(0, Part::Test);
                0
            }
            _ => {
                parts.push(Part::Test);
                parts.len() - 1
            }
        };
        let mut insert = |it: &mut Self, part: Part, from: usize| {
            let room = parts.len() + 1 - from;
            let at = from + it.c.below(room);
            parts.insert(at, part);
            at
        };
        let from = match self.c.below(3) {
            0 => 0,
            1 => test,
            _ => test + 1,
        };
        let mut step = insert(self, Part::Step, from);
        if self.c.percent(30) {
            let at = self.c.below(step + 1);
            parts.insert(at, Part::Next);
            step += 1;
        }
        let after = if counts {
            let at = self.c.below(parts.len() + 1);
            parts.insert(at, Part::Count);
            at + 1
        } else {
            step + 1
        };
        if self.c.percent(12) {
            let at = after + self.c.below(parts.len() + 1 - after);
            parts.insert(at, Part::Again);
        }
        if self.c.percent(12) {
            let at = self.c.below(parts.len() + 1);
            parts.insert(at, Part::Leave);
        }
        parts
    }

    /// Takes the step of a loop.
    fn step(&mut self, control: &Control) {
        let text = self.stepped(control);
        self.code.line(format!("{} = {text}", control.counter));
    }

    /// What a counter is after the step.
    fn stepped(&mut self, control: &Control) -> String {
        if self.c.percent(5) && !control.step.starts_with('-') {
            // The same by way of products, of which all but the step cancels out.
            let (ty, counter) = (control.ty, &control.counter);
            let by = if ty == "i64" { self.fixed64() } else { self.fixed32() };
            let less = self.code.made(format!("{ty}.sub {by}, 1"));
            let a = self.code.made(format!("{ty}.mul {counter}, {by}"));
            let b = self.code.made(format!("{ty}.mul {counter}, {less}"));
            let b = self.code.made(format!("{ty}.sub {b}, {}", control.step));
            return format!("{ty}.sub {a}, {b}");
        }
        let op = if control.step.starts_with('-') { "sub" } else { "add" };
        format!("{}.{op} {}, {}", control.ty, control.counter, control.step.trim_start_matches('-'))
    }

    fn test(&mut self, control: &Control) -> String {
        let made = control.compared.replace("{}", &control.counter);
        let compared = if made == control.counter { made } else { self.code.made(made) };
        self.code.made(control.test.replace("{}", &compared))
    }

    /// How many iterations at most, as the counter of iterations has it.
    fn most(&mut self, depth: usize) -> String {
        match self.c.below(10) {
            0..=2 => self.c.pick(&["12", "30", "5"]).to_owned(),
            3 | 4 => "60".to_owned(),
            5 if depth == 0 && self.pure => self.c.pick(&["100", "300", "700"]).to_owned(),
            5 if depth == 0 => "100".to_owned(),
            6 => self.code.made("i64.min %n, 90"),
            7 => self.code.made("i64.and %lim, 63"),
            8 if depth == 0 => self.code.made("i64.min %n, 300"),
            _ => "20".to_owned(),
        }
    }

    /// A loop as most are.
    fn near_control(&mut self, depth: usize, narrow: bool) -> Control {
        let (counter, ty) =
            if narrow { (format!("%j{depth}"), "i32") } else { (format!("%i{depth}"), "i64") };
        let around = self.loops.iter().rev().find(|l| l.small && !l.narrow).map(|l| l.name.clone());
        let limit = match (self.c.below(10), around) {
            _ if narrow && self.number.is_some() && self.c.percent(40) => {
                self.number.clone().unwrap_or_default()
            }
            _ if self.guarded && !narrow && depth == 0 && self.c.percent(30) => "%n".to_owned(),
            _ if self.long && depth == 0 => self.c.pick(&["40000", "70000"]).to_owned(),
            (0 | 1, _) if narrow => self.fixed32(),
            (0 | 1, _) => "%n".to_owned(),
            (2, _) if !narrow => self.code.made("tensor.load %lims, 5"),
            (3, _) if !narrow => self.code.made("tensor.len %x"),
            (4 | 5, Some(around)) if !narrow => {
                let by = self.c.pick(&[1, 3, 0]);
                self.code.made(format!("i64.add {around}, {by}"))
            }
            (6, _) if !narrow => self.code.made("i64.and %lim, 31"),
            (7, _) if !narrow && self.pure => self.code.made("i64.min %n, 400"),
            _ if depth > 0 => self.c.pick(&["3", "5", "8", "12"]).to_owned(),
            _ => self.c.pick(&["12", "30", "40", "60", "64"]).to_owned(),
        };
        // Of loops in loops, and where much is done, fewer.
        let limit = if depth > 0 && limit == "%n" { self.code.made("i64.min %n, 20") } else { limit };
        let down = self.c.percent(15) && limit != "%n";
        let start = if down { limit.clone() } else { self.c.pick(&["0", "0", "0", "1", "2"]).to_owned() };
        self.code.set(&counter, ty, &start);
        if down {
            let test =
                format!("{ty}.{} {{}}, {}", self.c.pick(&["gt", "ge", "gt"]), self.c.pick(&["0", "1"]));
            return Control { counter, ty, step: "-1".to_owned(), test, compared: "{}" };
        }
        let step = self.c.pick(&["1", "1", "1", "1", "2", "3"]).to_owned();
        let op = self.c.pick(&["lt", "lt", "lt", "le", "lt_u"]);
        match self.c.below(8) {
            0 if !narrow => {
                let compared = "i64.add {}, 1";
                Control { counter, ty, step, test: format!("i64.{op} {{}}, {limit}"), compared }
            }
            1 if !narrow && !limit.starts_with('%') => {
                let test = format!("i32.{op} {{}}, {limit}");
                Control { counter, ty, step, test, compared: "i32.wrap_i64 {}" }
            }
            2 | 3 if narrow => {
                let limit = if limit.starts_with('%') { "40".to_owned() } else { limit };
                let test = format!("i64.{op} {{}}, {limit}");
                Control {
                    counter,
                    ty,
                    step,
                    test,
                    compared: self.c.pick(&["i64.extend_i32 {}", "i64.extend_i32_u {}"]),
                }
            }
            _ => Control { counter, ty, step, test: format!("{ty}.{op} {{}}, {limit}"), compared: "{}" },
        }
    }

    /// A loop near an end of what its counter holds, or far from its limit.
    fn far_control(&mut self, depth: usize, narrow: bool) -> Control {
        let (counter, ty) =
            if narrow { (format!("%j{depth}"), "i32") } else { (format!("%i{depth}"), "i64") };
        let op = self.c.pick(&["lt", "lt", "le", "ne", "lt_u", "gt", "ge"]);
        if narrow {
            let start = if self.c.percent(75) { self.far32() } else { "0".to_owned() };
            self.code.set(&counter, ty, &start);
            let step = match self.c.below(6) {
                0 => "65536",
                1 => "-1",
                2 => "536870912",
                3 => "3",
                _ => "1",
            };
            let step = if self.c.percent(8) { self.fixed32() } else { step.to_owned() };
            return match self.c.below(5) {
                0 => {
                    let limit = self.far32();
                    Control { counter, ty, step, test: format!("i32.{op} {{}}, {limit}"), compared: "{}" }
                }
                1 | 2 => {
                    let limit = self.c.pick(&["2147483648", "2147483647", "60", "4294967296", "-2147483648"]);
                    let test = format!("i64.{op} {{}}, {limit}");
                    Control { counter, ty, step, test, compared: "i64.extend_i32 {}" }
                }
                3 => {
                    let limit = self.far64();
                    let test = format!("i64.{op} {{}}, {limit}");
                    Control { counter, ty, step, test, compared: "i64.extend_i32 {}" }
                }
                _ => {
                    let limit = self.far64();
                    let test = format!("i64.{op} {{}}, {limit}");
                    Control { counter, ty, step, test, compared: "i64.extend_i32_u {}" }
                }
            };
        }
        let start = if self.c.percent(60) { self.far64() } else { "0".to_owned() };
        self.code.set(&counter, ty, &start);
        let step = match self.c.below(8) {
            0 => "4294967296",
            1 => "-1",
            2 => "2147483648",
            3 => "3",
            4 => "4611686018427387904",
            _ => "1",
        };
        let step = if self.c.percent(8) { self.fixed64() } else { step.to_owned() };
        match self.c.below(5) {
            0 => {
                let by = self.c.pick(&[30, 60, -20]);
                let limit = self.code.made(format!("i64.add {counter}, {by}"));
                Control { counter, ty, step, test: format!("i64.{op} {{}}, {limit}"), compared: "{}" }
            }
            1 => {
                let limit = self.c.pick(&["40", "-40", "2147483647"]);
                let test = format!("i32.{op} {{}}, {limit}");
                Control { counter, ty, step, test, compared: "i32.wrap_i64 {}" }
            }
            2 => {
                let limit = self.far64();
                let compared =
                    self.c.pick(&["i64.add {}, 1", "i64.mul {}, 2", "i64.shl {}, 32", "i64.extend32 {}"]);
                Control { counter, ty, step, test: format!("i64.{op} {{}}, {limit}"), compared }
            }
            _ => {
                let limit = self.far64();
                Control { counter, ty, step, test: format!("i64.{op} {{}}, {limit}"), compared: "{}" }
            }
        }
    }

    /// A loop to the end of 32 bits, and around.
    fn endless_control(&mut self, depth: usize) -> Control {
        let counter = format!("%j{depth}");
        let (start, (op, limit)) = (
            self.c.pick(&["2147483640", "2147483600", "2147483647"]),
            self.c.pick(&[("lt", "2147483648"), ("le", "2147483647"), ("ne", "2147483648")]),
        );
        self.code.set(&counter, "i32", start);
        let test = format!("i64.{op} {{}}, {limit}");
        Control { counter, ty: "i32", step: "1".to_owned(), test, compared: "i64.extend_i32 {}" }
    }

    /// Sets what steps beside a counter; how many there are.
    fn begin_sides(&mut self) -> usize {
        let most = if self.kind == Kind::Counters { 3 } else { 2 };
        let count = self.c.below(most + 1);
        for _ in 0..count {
            let side = match self.c.below(6) {
                5 => {
                    let (narrow, start) = (self.code.temp(), self.far32());
                    self.code.set(&narrow, "i32", &start);
                    let from = self.code.made(format!("i64.extend_i32 {narrow}"));
                    Side::Drift { narrow, from }
                }
                0 | 1 => {
                    let (name, from) = (self.code.temp(), self.c.pick(&["0", "1", "5"]));
                    self.code.line(format!("{name} = i64.const {from}"));
                    Side::Lag { name }
                }
                n => {
                    let (narrow, wide) = (self.code.temp(), self.code.temp());
                    let start = if self.c.percent(70) { self.far32() } else { "0".to_owned() };
                    self.code.set(&narrow, "i32", &start);
                    let step = self.c.pick(&["1", "1", "3", "-1", "65536", "268435456", "%w"]);
                    let step64 = match step.starts_with('%') {
                        true => self.code.made(format!("i64.extend_i32 {step}")),
                        false => step.to_owned(),
                    };
                    let step = (step.to_owned(), step64);
                    let e = self.code.made(format!("i64.extend_i32 {narrow}"));
                    if n == 2 {
                        self.code.line(format!("{wide} = copy {e}"));
                        Side::Shadowed { narrow, wide, step }
                    } else {
                        self.code.line(format!("{wide} = i64.sub 5, {e}"));
                        Side::Opposed { narrow, wide, step }
                    }
                }
            };
            self.sides.push(side);
        }
        count
    }

    /// A side goes a step further; some only in some iterations.
    fn step_side(&mut self, side: usize) {
        match self.sides[side].clone() {
            Side::Lag { name } => self.step_sometimes(&name, "i64", 30),
            Side::Drift { narrow, .. } => self.step_sometimes(&narrow, "i32", 60),
            Side::Shadowed { narrow, wide, step } => {
                self.code.line(format!("{narrow} = i32.add {narrow}, {}", step.0));
                self.code.line(format!("{wide} = i64.add {wide}, {}", step.1));
            }
            Side::Opposed { narrow, wide, step } => {
                self.code.line(format!("{narrow} = i32.add {narrow}, {}", step.0));
                self.code.line(format!("{wide} = i64.sub {wide}, {}", step.1));
            }
        }
    }

    /// One further, in that share of places only under some condition.
    fn step_sometimes(&mut self, name: &str, ty: &str, share: usize) {
        if !self.c.percent(share) {
            return self.code.line(format!("{name} = {ty}.add {name}, 1"));
        }
        let (cond, then, on) = (self.condition(), self.code.name("then"), self.code.name("on"));
        self.code.br_if(&cond, &then, &on);
        self.code.begin(&then);
        self.code.line(format!("{name} = {ty}.add {name}, 1"));
        self.code.line(format!("br {on}"));
        self.code.begin(&on);
    }

    /// What is done in an iteration.
    pub fn statement(&mut self) {
        if !self.has_room() {
            return;
        }
        if self.pure {
            return match self.c.below(6) {
                0 => self.arms(),
                1 | 2 => self.looped(),
                3 => self.branch(),
                _ => self.sum(),
            };
        }
        let own = self.c.percent(55);
        let kind = match self.kind {
            Kind::Large | Kind::Empty if own => Kind::Counters,
            kind if own && !matches!(kind, Kind::Idioms | Kind::Repeated) => kind,
            _ => match self.c.below(10) {
                0..=2 => Kind::Counters,
                3 => Kind::Arms,
                4 | 5 => Kind::Shapes,
                6 => Kind::Memory,
                7 => Kind::Floats,
                8 => return self.branch(),
                _ => return self.sum(),
            },
        };
        match kind {
            kind if self.without.contains(&kind) => self.sum(),
            Kind::Arms => self.arms(),
            Kind::Shapes => self.looped(),
            Kind::Memory => self.memory(),
            Kind::Floats => self.floats(),
            _ => self.access(),
        }
    }

    fn sum(&mut self) {
        let v = self.moving();
        self.take(&v);
        if self.c.percent(30) {
            self.code.line("%u = i64.mul %u, 5");
            self.code.line("%u = i64.xor %u, %s");
        }
    }

    /// What is done only sometimes, by conditions that are not all looked at.
    fn branch(&mut self) {
        let (then, end) = (self.code.name("then"), self.code.name("end"));
        for _ in 0..self.c.below(3) {
            let (cond, on) = (self.condition(), self.code.name("on"));
            // `or` goes in at once, `and` past it.
            match self.c.percent(50) {
                true => self.code.br_if(&cond, &then, &on),
                false => self.code.br_if(&cond, &on, &end),
            }
            self.code.begin(&on);
        }
        let cond = self.condition();
        self.code.br_if(&cond, &then, &end);
        self.code.begin(&then);
        self.statement();
        self.code.line(format!("br {end}"));
        self.code.begin(&end);
    }
}
