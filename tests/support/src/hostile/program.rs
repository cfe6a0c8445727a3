//! Makes hostile programs from choices: the kinds of code in which passes over
//! loops have been wrong although ordinary random programs never showed it.
//!
//! What a program computes with comes from outside, as arguments and out of
//! memory, so that nothing is decided when it is compiled. Most indices are in
//! range as long as no counter wraps, and nobody can tell that from one line:
//! that is what passes have to prove, or leave alone. Tensors lie between
//! tensors that nothing writes, whose sums are among the results.
//!
//! Invariant: every program is accepted by the verifier, and its fourth result,
//! how many iterations gave another answer than the first, is 0.

use crate::choices::Choices;
use crate::code::Code;
use std::fmt::Write;

/// Most instructions, but for those of straight code.
const LINES: usize = 140;

/// What a program is mostly made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Counters of 32 and 64 bits that wrap.
    Counters,
    /// Branches of which both ways are nearly the same.
    Arms,
    /// Loops with tests anywhere, in loops.
    Shapes,
    /// Globals and views around accesses.
    Memory,
    /// Signalling NaNs.
    Floats,
    /// Tensors without elements, of huge dims.
    Empty,
    /// Code as simple compilers emit it.
    Idioms,
    /// The same again and again, which must give the same.
    Repeated,
    /// A loop in a function of very many nodes.
    Large,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 9] = [
        Kind::Counters,
        Kind::Arms,
        Kind::Shapes,
        Kind::Memory,
        Kind::Floats,
        Kind::Empty,
        Kind::Idioms,
        Kind::Repeated,
        Kind::Large,
    ];

    /// Its name, as `HOSTILE_KIND` says it.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// The kind of the program that these bytes choose.
    pub fn of(bytes: &[u8]) -> Kind {
        match usize::from(bytes.first().copied().unwrap_or(0)) % (2 * Kind::ALL.len()) {
            // Compiling those takes long.
            n if n == Kind::ALL.len() * 2 - 1 => Kind::Large,
            n => Kind::ALL[n % (Kind::ALL.len() - 1)],
        }
    }

    /// The kind of that name.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(name: &str) -> Kind {
        let found = Kind::ALL.into_iter().find(|k| k.name() == name);
        found.unwrap_or_else(|| panic!("{name} is no kind of program"))
    }

    /// The byte that chooses it.
    pub fn byte(self) -> u8 {
        let found = (0..=255).find(|b| Kind::of(&[*b]) == self);
        found.expect("every kind can be chosen")
    }
}

/// A counter of a loop around.
#[derive(Clone)]
pub struct Around {
    pub name: String,
    pub narrow: bool,
    /// Whether it is mostly an index in range.
    pub small: bool,
}

/// A value that a loop steps besides its own counter.
#[derive(Clone)]
pub enum Side {
    /// An i32, and an i64 that goes with it until it wraps.
    Shadowed { narrow: String, wide: String, step: (String, String) },
    /// An i32, and an i64 that goes the other way: their sum is 5 until it wraps.
    Opposed { narrow: String, wide: String, step: (String, String) },
    /// An i32, stepped now and then, and as an i64 where it began.
    Drift { narrow: String, from: String },
    /// An i64 from a small number, stepped now and then.
    Lag { name: String },
}

/// Writes a program.
pub struct Maker<'c, 'b> {
    pub c: &'c mut Choices<'b>,
    pub code: Code,
    pub kind: Kind,
    /// Whether loops access no elements, so that nothing in them can trap.
    pub pure: bool,
    /// Whether loops have very many iterations.
    pub long: bool,
    /// Kinds of statements that are left out.
    pub without: &'c [Kind],
    /// Registers that no loop changes.
    pub fixed64: Vec<String>,
    pub fixed32: Vec<String>,
    /// The argument that most of those are made of.
    pub focus: &'static str,
    /// Whether something is known of it in all that follows.
    pub guarded: bool,
    /// A small number that is made of far ones.
    pub number: Option<String>,
    pub loops: Vec<Around>,
    pub sides: Vec<Side>,
}

/// The program that `c` chooses, without some kinds of statements, and whether it
/// runs long.
pub fn text<'c>(c: &'c mut Choices<'_>, without: &'c [Kind]) -> (String, bool) {
    let kind = Kind::of(&[c.byte()]);
    let pure = c.percent(if kind == Kind::Shapes { 55 } else { 8 });
    let long = pure && c.percent(8);
    let focus = c.pick(&["%far", "%far", "%lim", "%n"]);
    let (fixed64, fixed32) = Default::default();
    let (loops, sides) = Default::default();
    let mut it = Maker {
        c,
        code: Code::default(),
        kind,
        pure,
        long,
        without,
        fixed64,
        fixed32,
        focus,
        guarded: false,
        number: None,
        loops,
        sides,
    };
    (it.module(), long)
}

impl Maker<'_, '_> {
    fn module(&mut self) -> String {
        let inside = self.c.percent(35);
        let rounds = match self.c.below(8) {
            _ if self.kind == Kind::Repeated => 4 + self.c.below(12),
            0 => 6,
            1 => 2,
            _ => 1,
        };
        let rounds = if self.kind == Kind::Large || self.long { 1 } else { rounds };
        let len = match self.c.below(4) {
            0 => "%len = i64.const 64".to_owned(),
            1 => "%len = i64.const 80".to_owned(),
            2 => "%len0 = i64.and %n, 15\n  %len = i64.add %len0, 64".to_owned(),
            _ => "%len = tensor.load %lims, 4".to_owned(),
        };
        let big =
            self.c.pick(&["9223372036854775807", "9223372036854775800", "4611686018427387904", "%huge"]);
        let empty = match self.c.below(3) {
            0 => format!("%e = tensor.zeros<f64> [{big}, 0]"),
            1 => format!("%e = tensor.zeros<f64> [{big}, 0, 3]"),
            _ => "%e0 = tensor.zeros<f64> [4611686018427387903, 0]\n  \
                  %e = tensor.concat %e0, %e0, 0"
                .to_owned(),
        };
        let empty = if self.kind == Kind::Empty { empty } else { "%e = tensor.zeros<f64> [9, 0]".to_owned() };
        self.work();
        let code = std::mem::take(&mut self.code.text);
        let tensors = "%x: tensor<i64>, %y: tensor<f64>, %b: tensor<u8>, %z: tensor<i32>, %o: tensor<i64>, \
                       %lims: tensor<i64>, %e: tensor<f64>";
        let params = "%n: i64, %far: i64, %lim: i64, %w: i32, %bits: i64";
        let passed = "%n, %far, %lim, %w, %bits, %x, %y, %b, %z, %o, %lims, %e";
        let mut text = String::from(
            "const @cl: tensor<i64> [4] = {3, 1, 4, 1}\n\
             export global @g0: i64 = 0\nexport global @g1: i64 = 7\nexport global @gw: i32 = 2147483640\n\
             export global @gf: f64 = 0.0\n\
             export global @gx: tensor<i64> = @cl\n\n",
        );
        if !inside {
            let _ =
                write!(text, "func @work({params}, {tensors}) -> (i64, i64) {{\n{code}  ret %s, %t\n}}\n\n");
        }
        let work = if inside { code } else { format!("  %s, %t = call @work({passed})\n") };
        let _ = write!(
            text,
            "export func @main({params}) -> (i64, i64, i64, i64, i64) {{\n\
             \x20 local %s: i64, %t: i64, %hash: i64, %canary: i64\n\
             \x20 %round = i64.const 0\n  %first = i64.const 0\n  %other = i64.const 0\n  br round\nround:\n\
             \x20 region.begin\n  global.set @g0, 0\n  global.set @g1, 7\n  global.set @gw, 2147483640\n\
             \x20 global.set @gf, 0.0\n\
             \x20 %huge = i64.or %far, 4611686018427387904\n  %huge = i64.and %huge, 9223372036854775807\n\
             \x20 %lims = tensor.zeros<i64> [8]\n  tensor.store %lims, 0, %n\n  tensor.store %lims, 1, %far\n\
             \x20 tensor.store %lims, 2, %lim\n  %w64 = i64.extend_i32 %w\n  tensor.store %lims, 3, %w64\n\
             \x20 tensor.store %lims, 4, 72\n  tensor.store %lims, 5, 40\n  tensor.store %lims, 6, 1\n\
             \x20 {len}\n  {empty}\n\
             \x20 %c0 = tensor.full<i64> [64], 77\n  %x = tensor.zeros<i64> [%len]\n\
             \x20 %c1 = tensor.full<i64> [64], 78\n  %y = tensor.zeros<f64> [%len]\n\
             \x20 %c2 = tensor.full<i64> [64], 79\n  %b = tensor.full<u8> [%len], 3\n\
             \x20 %c3 = tensor.full<i64> [64], 80\n  %z = tensor.zeros<i32> [%len]\n\
             \x20 %c4 = tensor.full<i64> [64], 81\n  %o = tensor.full<i64> [%len], 9\n\
             \x20 %c5 = tensor.full<i64> [64], 82\n\
             {work}\
             \x20 global.set @gx, %x\n  %hash = tensor.sum %x\n  %sum = tensor.sum %y\n\
             \x20 %bits1 = i64.reinterpret %sum\n  %hash = i64.xor %hash, %bits1\n\
             \x20 %hash = i64.mul %hash, 31\n  %sum1 = tensor.sum %z\n  %sum2 = i64.extend_i32 %sum1\n\
             \x20 %hash = i64.add %hash, %sum2\n  %hash = i64.mul %hash, 31\n  %sum3 = tensor.sum %b\n\
             \x20 %sum4 = i64.extend_i32 %sum3\n  %hash = i64.add %hash, %sum4\n  %hash = i64.mul %hash, 31\n\
             \x20 %sum5 = tensor.sum %o\n  %hash = i64.add %hash, %sum5\n  %canary = i64.const 0\n"
        );
        for canary in 0..6 {
            let _ = write!(
                text,
                "  %sum5 = tensor.sum %c{canary}\n  %canary = i64.mul %canary, 31\n  \
                 %canary = i64.add %canary, %sum5\n"
            );
        }
        let _ = write!(
            text,
            "  region.end\n  %all = i64.mul %hash, 31\n  %all = i64.xor %all, %s\n  %all = i64.mul %all, 31\n\
             \x20 %all = i64.xor %all, %t\n  %is_first = i64.eq %round, 0\n\
             \x20 %first = select %is_first, %all, %first\n  %differs = i64.ne %all, %first\n\
             \x20 %differs1 = i64.from_bool %differs\n  %other = i64.add %other, %differs1\n\
             \x20 %round = i64.add %round, 1\n  %more_rounds = i64.lt %round, {rounds}\n\
             \x20 br_if %more_rounds, round, all_done\nall_done:\n\
             \x20 ret %s, %t, %hash, %other, %canary\n}}\n"
        );
        text
    }

    /// What is done with the tensors; ends in an open block.
    fn work(&mut self) {
        for line in [
            "%s = i64.const 0",
            "%t = i64.const 1",
            "%u = i64.const 3",
            "%i0 = i64.const 0",
            "%i1 = i64.const 0",
            "%i2 = i64.const 0",
            "%j0 = i32.const 0",
            "%j1 = i32.const 0",
            "%j2 = i32.const 0",
            "%k = i64.const 0",
            "%m = i64.const 0",
            "%f = f64.const 0.5",
        ] {
            self.code.line(line);
        }
        self.code.lines = 0;
        let out = self.code.name("finish");
        self.constants(&out);
        if self.kind == Kind::Large {
            self.straight(330);
        }
        self.top();
        while self.c.more() && self.has_room() {
            self.top();
        }
        if self.kind == Kind::Large {
            self.straight(330);
        }
        self.code.line(format!("br {out}"));
        self.code.begin(&out);
    }

    /// A loop, or code that has some.
    fn top(&mut self) {
        match self.kind {
            Kind::Idioms if self.c.percent(85) => self.idiom(),
            _ if self.c.percent(8) => self.idiom(),
            _ => self.looped(),
        }
    }

    /// Code without branches, ten instructions so many times.
    fn straight(&mut self, times: usize) {
        let before = self.code.lines;
        for n in 0..times {
            let (by, turn) = (self.c.byte(), n % 63 + 1);
            for line in [
                format!("%s = i64.xor %s, {by}"),
                format!("%s = i64.rotl %s, {turn}"),
                "%t = i64.add %t, %s".to_owned(),
                format!("%t = i64.mul %t, {}", 2 * n + 1),
                "%u = i64.xor %u, %t".to_owned(),
                format!("%u = i64.rotr %u, {turn}"),
                "%s = i64.add %s, %u".to_owned(),
                "%m = i64.xor %s, %t".to_owned(),
                "%u = i64.add %u, %m".to_owned(),
                "%s = i64.sub %s, %m".to_owned(),
            ] {
                self.code.line(line);
            }
        }
        self.code.lines = before;
        self.code.line("%m = i64.const 0");
    }

    /// Whether there is room for more.
    pub fn has_room(&self) -> bool {
        self.code.lines < LINES
    }

    /// Takes a value into the sums that are results.
    pub fn take(&mut self, value: &str) {
        match self.c.below(4) {
            0 => self.code.line(format!("%s = i64.add %s, {value}")),
            1 => {
                self.code.line("%s = i64.mul %s, 31");
                self.code.line(format!("%s = i64.xor %s, {value}"));
            }
            2 => self.code.line(format!("%t = i64.xor %t, {value}")),
            _ => {
                self.code.line("%t = i64.rotl %t, 3");
                self.code.line(format!("%t = i64.add %t, {value}"));
            }
        }
    }
}
