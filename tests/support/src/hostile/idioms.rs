//! Code as simple compilers emit it of what people write: merging, partition,
//! rings, sieves, scans that break in the middle; `k++` through copies, conditions
//! as branches, counters in 32 bits that are extended at each use.

use super::program::Maker;

impl Maker<'_, '_> {
    /// One of them.
    pub fn idiom(&mut self) {
        if self.pure {
            return self.looped();
        }
        match self.c.below(9) {
            0 => self.merge(),
            1 => self.ring(),
            2 => self.partition(),
            3 => self.insertion(),
            4 => self.sieve(),
            5 => self.filter(),
            6 => self.scan(),
            7 => self.reverse(),
            _ => self.states(),
        }
    }

    /// A register of its own, set.
    fn start(&mut self, ty: &str, from: &str) -> String {
        let v = self.code.temp();
        self.code.set(&v, ty, from);
        v
    }

    /// `v++`, or by another number; what it was before.
    fn post(&mut self, ty: &str, v: &str, by: i64) -> String {
        let at = self.code.temp();
        match self.c.below(4) {
            0 | 1 => {
                self.code.line(format!("{at} = copy {v}"));
                self.code.line(format!("{v} = {ty}.add {v}, {by}"));
            }
            2 => {
                let next = self.code.made(format!("{ty}.add {v}, {by}"));
                self.code.line(format!("{at} = copy {v}"));
                self.code.line(format!("{v} = copy {next}"));
            }
            _ => {
                self.code.line(format!("{v} = {ty}.add {v}, {by}"));
                self.code.line(format!("{at} = {ty}.sub {v}, {by}"));
            }
        }
        at
    }

    /// A counter as an index.
    fn at(&mut self, ty: &str, v: &str) -> String {
        if ty == "i32" { self.code.made(format!("i64.extend_i32 {v}")) } else { v.to_owned() }
    }

    fn width(&mut self) -> &'static str {
        if self.c.percent(35) { "i32" } else { "i64" }
    }

    /// Numbers in `%x` that grow, or do not.
    fn fill(&mut self, x: &str) {
        let (head, out) = (self.code.name("fill"), self.code.name("filled"));
        let i = self.start("i64", "0");
        self.code.line(format!("br {head}"));
        self.code.begin(&head);
        let (by, mask) = (self.c.pick(&[3, 7, 1]), self.c.pick(&[255, 15, 65535]));
        let v = self.code.made(format!("i64.mul {i}, {by}"));
        let v = self.code.made(format!("i64.and {v}, {mask}"));
        self.code.line(format!("tensor.store {x}, {i}, {v}"));
        self.code.line(format!("{i} = i64.add {i}, 1"));
        let more = self.code.made(format!("i64.lt {i}, 64"));
        self.code.br_if(&more, &head, &out);
        self.code.begin(&out);
    }

    /// Two halves of one tensor into another, the smaller first.
    fn merge(&mut self) {
        self.fill("%x");
        let ty = self.width();
        let (i, j, k) = (self.start(ty, "0"), self.start(ty, "32"), self.start(ty, "0"));
        let labels = ["head", "second", "both", "left", "right", "next", "done"].map(|l| self.code.name(l));
        let [head, second, both, left, right, next, done] = &labels;
        self.code.line(format!("br {head}"));
        self.code.begin(head);
        if self.c.percent(60) {
            let more = self.code.made(format!("{ty}.lt {i}, 32"));
            self.code.br_if(&more, second, done);
            self.code.begin(second);
            let more = self.code.made(format!("{ty}.lt {j}, 64"));
            self.code.br_if(&more, both, done);
            self.code.begin(both);
        } else {
            // Unused ones would be blocks that nobody reaches.
            self.code.line(format!("br {second}"));
            self.code.begin(second);
            self.code.line(format!("br {both}"));
            self.code.begin(both);
        }
        let (ai, aj) = (self.at(ty, &i), self.at(ty, &j));
        let (x, y) = (
            self.code.made(format!("tensor.load %x, {ai}")),
            self.code.made(format!("tensor.load %x, {aj}")),
        );
        let le = self.code.made(format!("i64.le {x}, {y}"));
        self.code.br_if(&le, left, right);
        let counted_first = self.c.percent(50);
        for (label, counter, value) in [(left, &i, &x), (right, &j, &y)] {
            self.code.begin(label);
            if counted_first {
                self.code.line(format!("{counter} = {ty}.add {counter}, 1"));
            }
            let at = self.post(ty, &k, 1);
            let at = self.at(ty, &at);
            self.code.line(format!("tensor.store %o, {at}, {value}"));
            if !counted_first {
                self.code.line(format!("{counter} = {ty}.add {counter}, 1"));
            }
            self.code.line(format!("br {next}"));
        }
        self.code.begin(next);
        let limit = if ty == "i64" && self.c.percent(50) { "%n" } else { "31" };
        let more = self.code.made(format!("{ty}.lt {k}, {limit}"));
        self.code.br_if(&more, head, done);
        self.code.begin(done);
    }

    /// A ring that two ways put something into.
    fn ring(&mut self) {
        let from = self.c.pick(&["0", "%far", "%lim", "5"]);
        let k = self.start("i64", from);
        let i = self.start("i64", "0");
        let labels = ["head", "put", "other", "next", "done"].map(|l| self.code.name(l));
        let [head, put, other, next, done] = &labels;
        self.code.line(format!("br {head}"));
        self.code.begin(head);
        let bits = self.c.pick(&[1, 3, 4]);
        let v = self.code.made(format!("i64.and {i}, {bits}"));
        let cond = self.code.made(format!("i64.eq {v}, 0"));
        self.code.br_if(&cond, put, other);
        let mask = self.c.pick(&[31, 63, 7]);
        for label in [put, other] {
            self.code.begin(label);
            if self.c.percent(70) {
                self.code.line(format!("{k} = i64.add {k}, 1"));
                let at = self.code.made(format!("i64.and {k}, {mask}"));
                self.code.line(format!("tensor.store %x, {at}, {i}"));
            } else {
                let at = self.post("i64", &k, 1);
                let at = self.code.made(format!("i64.and {at}, {mask}"));
                self.code.line(format!("tensor.store %x, {at}, {i}"));
            }
            self.code.line(format!("br {next}"));
        }
        self.code.begin(next);
        self.code.line(format!("{i} = i64.add {i}, 1"));
        let most = self.code.made("i64.min %n, 200");
        let more = self.code.made(format!("i64.lt {i}, {most}"));
        self.code.br_if(&more, head, done);
        self.code.begin(done);
        self.take(&k);
    }

    /// Small ones to the front.
    fn partition(&mut self) {
        self.fill("%x");
        let ty = self.width();
        let (i, k) = (self.start(ty, "0"), self.start(ty, "0"));
        let pivot = self.c.pick(&["20", "7", "%lim"]);
        let labels = ["head", "swap", "next", "done"].map(|l| self.code.name(l));
        let [head, swap, next, done] = &labels;
        self.code.line(format!("br {head}"));
        self.code.begin(head);
        let at = self.at(ty, &i);
        let v = self.code.made(format!("tensor.load %x, {at}"));
        let less = self.code.made(format!("i64.lt {v}, {pivot}"));
        self.code.br_if(&less, swap, next);
        self.code.begin(swap);
        let to = self.post(ty, &k, 1);
        let to = self.at(ty, &to);
        let w = self.code.made(format!("tensor.load %x, {to}"));
        self.code.line(format!("tensor.store %x, {to}, {v}"));
        self.code.line(format!("tensor.store %x, {at}, {w}"));
        self.code.line(format!("br {next}"));
        self.code.begin(next);
        self.code.line(format!("{i} = {ty}.add {i}, 1"));
        let more = self.code.made(format!("{ty}.lt {i}, 64"));
        self.code.br_if(&more, head, done);
        self.code.begin(done);
        let k = self.at(ty, &k);
        self.take(&k);
    }

    /// Sorting by insertion: the inner loop has two exits.
    fn insertion(&mut self) {
        self.fill("%o");
        let ty = self.width();
        let (i, j) = (self.start(ty, "1"), self.start(ty, "0"));
        let labels = ["head", "test", "look", "shift", "place", "done"].map(|l| self.code.name(l));
        let [head, test, look, shift, place, done] = &labels;
        self.code.line(format!("br {head}"));
        self.code.begin(head);
        let at = self.at(ty, &i);
        let v = self.code.made(format!("tensor.load %o, {at}"));
        self.code.line(format!("{j} = copy {i}"));
        self.code.line(format!("br {test}"));
        self.code.begin(test);
        let some = self.code.made(format!("{ty}.gt {j}, 0"));
        self.code.br_if(&some, look, place);
        self.code.begin(look);
        let before = self.code.made(format!("{ty}.sub {j}, 1"));
        let from = self.at(ty, &before);
        let w = self.code.made(format!("tensor.load %o, {from}"));
        let more = self.code.made(format!("i64.gt {w}, {v}"));
        self.code.br_if(&more, shift, place);
        self.code.begin(shift);
        let to = self.at(ty, &j);
        self.code.line(format!("tensor.store %o, {to}, {w}"));
        self.code.line(format!("{j} = copy {before}"));
        self.code.line(format!("br {test}"));
        self.code.begin(place);
        let to = self.at(ty, &j);
        self.code.line(format!("tensor.store %o, {to}, {v}"));
        self.code.line(format!("{i} = {ty}.add {i}, 1"));
        let most = self.c.pick(&["24", "40"]);
        let more = self.code.made(format!("{ty}.lt {i}, {most}"));
        self.code.br_if(&more, head, done);
        self.code.begin(done);
    }

    /// Primes.
    fn sieve(&mut self) {
        let ty = self.width();
        let (p, m) = (self.start(ty, "2"), self.start(ty, "0"));
        let labels = ["head", "prime", "strike", "next", "done"].map(|l| self.code.name(l));
        let [head, prime, strike, next, done] = &labels;
        self.code.line(format!("br {head}"));
        self.code.begin(head);
        let at = self.at(ty, &p);
        let v = self.code.made(format!("tensor.load %z, {at}"));
        let free = self.code.made(format!("i32.eq {v}, 0"));
        self.code.br_if(&free, prime, next);
        self.code.begin(prime);
        self.code.line(format!("{m} = {ty}.mul {p}, {p}"));
        let more = self.code.made(format!("{ty}.lt {m}, 64"));
        self.code.br_if(&more, strike, next);
        self.code.begin(strike);
        let to = self.at(ty, &m);
        self.code.line(format!("tensor.store %z, {to}, 1"));
        self.code.line(format!("{m} = {ty}.add {m}, {p}"));
        let more = self.code.made(format!("{ty}.lt {m}, 64"));
        self.code.br_if(&more, strike, next);
        self.code.begin(next);
        self.code.line(format!("{p} = {ty}.add {p}, 1"));
        let more = self.code.made(format!("{ty}.lt {p}, 64"));
        self.code.br_if(&more, head, done);
        self.code.begin(done);
    }

    /// Some of the elements, one after the other.
    fn filter(&mut self) {
        self.fill("%x");
        let ty = self.width();
        let (i, k) = (self.start(ty, "0"), self.start(ty, "0"));
        let labels = ["head", "keep", "next", "done"].map(|l| self.code.name(l));
        let [head, keep, next, done] = &labels;
        self.code.line(format!("br {head}"));
        self.code.begin(head);
        let at = self.post(ty, &i, 1);
        let at = self.at(ty, &at);
        let v = self.code.made(format!("tensor.load %x, {at}"));
        let odd = self.code.made(format!("i64.and {v}, 2"));
        let cond = self.code.made(format!("i64.ne {odd}, 0"));
        self.code.br_if(&cond, keep, next);
        self.code.begin(keep);
        let to = self.post(ty, &k, 1);
        let to = self.at(ty, &to);
        self.code.line(format!("tensor.store %o, {to}, {v}"));
        self.code.line(format!("br {next}"));
        self.code.begin(next);
        let most = self.c.pick(&["64", "30"]);
        let more = self.code.made(format!("{ty}.lt {i}, {most}"));
        self.code.br_if(&more, head, done);
        self.code.begin(done);
        let k = self.at(ty, &k);
        self.take(&k);
    }

    /// Words of a text: a loop that breaks in its middle in a loop that does.
    fn scan(&mut self) {
        let (i, words) = (self.start("i64", "0"), self.start("i64", "0"));
        let labels = ["head", "inside", "word", "letter", "ended", "done"].map(|l| self.code.name(l));
        let [head, inside, word, letter, ended, done] = &labels;
        for _ in 0..2 {
            let space = self.c.below(60);
            self.code.line(format!("tensor.store %b, {space}, 32"));
        }
        self.code.line(format!("br {head}"));
        self.code.begin(head);
        let more = self.code.made(format!("i64.lt {i}, 60"));
        self.code.br_if(&more, inside, done);
        self.code.begin(inside);
        self.code.line(format!("{words} = i64.add {words}, 1"));
        self.code.line(format!("br {word}"));
        self.code.begin(word);
        let at = self.post("i64", &i, 1);
        let v = self.code.made(format!("tensor.load %b, {at}"));
        let space = self.code.made(format!("i32.eq {v}, 32"));
        self.code.br_if(&space, ended, letter);
        self.code.begin(letter);
        self.code.line("%s = i64.mul %s, 31");
        let w = self.code.made(format!("i64.extend_i32 {v}"));
        self.code.line(format!("%s = i64.add %s, {w}"));
        let more = self.code.made(format!("i64.lt {i}, 62"));
        self.code.br_if(&more, word, ended);
        self.code.begin(ended);
        self.take(&words);
        self.code.line(format!("br {head}"));
        self.code.begin(done);
    }

    /// From both ends to the middle.
    fn reverse(&mut self) {
        self.fill("%x");
        let ty = self.width();
        let (low, high) = (self.start(ty, "0"), self.start(ty, "63"));
        let labels = ["head", "body", "done"].map(|l| self.code.name(l));
        let [head, body, done] = &labels;
        self.code.line(format!("br {head}"));
        self.code.begin(head);
        let more = self.code.made(format!("{ty}.lt {low}, {high}"));
        self.code.br_if(&more, body, done);
        self.code.begin(body);
        let (a, b) = (self.post(ty, &low, 1), self.post(ty, &high, -1));
        let (a, b) = (self.at(ty, &a), self.at(ty, &b));
        let (v, w) =
            (self.code.made(format!("tensor.load %x, {a}")), self.code.made(format!("tensor.load %x, {b}")));
        self.code.line(format!("tensor.store %x, {a}, {w}"));
        self.code.line(format!("tensor.store %x, {b}, {v}"));
        self.code.line(format!("br {head}"));
        self.code.begin(done);
    }

    /// A machine of a few states, each of which reads on.
    fn states(&mut self) {
        let (i, state) = (self.start("i64", "0"), self.start("i64", "0"));
        let k = self.start("i64", "0");
        let labels = ["head", "a", "b", "c", "next", "done"].map(|l| self.code.name(l));
        let [head, a, b, c, next, done] = &labels;
        self.code.line(format!("br {head}"));
        self.code.begin(head);
        self.code.line(format!("switch {state}, [{a}, {b}], {c}"));
        self.code.begin(a);
        let at = self.post("i64", &k, 1);
        self.code.line(format!("tensor.store %x, {at}, {i}"));
        self.code.line(format!("{state} = i64.and {i}, 3"));
        self.code.line(format!("br {next}"));
        self.code.begin(b);
        let at = self.post("i64", &k, 1);
        self.code.line(format!("tensor.store %x, {at}, -7"));
        self.code.line(format!("{state} = i64.and %s, 3"));
        self.code.line(format!("br {next}"));
        self.code.begin(c);
        self.take(&i);
        self.code.line(format!("{state} = i64.const 0"));
        self.code.line(format!("br {next}"));
        self.code.begin(next);
        self.code.line(format!("{i} = i64.add {i}, 1"));
        let more = self.code.made(format!("i64.lt {i}, 60"));
        self.code.br_if(&more, head, done);
        self.code.begin(done);
        self.take(&k);
    }
}
