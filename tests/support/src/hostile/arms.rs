//! Branches of which one way is the other with one thing changed: an operand, a
//! literal, the order of two instructions, a copy more. Both end with a store,
//! mostly the same one; counters step in them, and are copied before or after.

use super::program::{Kind, Maker};

/// An instruction of an arm.
#[derive(Clone)]
struct Node {
    /// What it sets, if anything.
    to: Option<String>,
    /// With `{}` for each operand.
    text: String,
    operands: Vec<String>,
}

impl Node {
    fn new(to: impl Into<Option<String>>, text: &str, operands: &[&str]) -> Node {
        let operands = operands.iter().map(|o| (*o).to_owned()).collect();
        Node { to: to.into(), text: text.to_owned(), operands }
    }

    fn print(&self) -> String {
        let mut text = self.text.clone();
        for operand in &self.operands {
            text = text.replacen("{}", operand, 1);
        }
        match &self.to {
            Some(to) => format!("{to} = {text}"),
            None => text,
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        for name in self.to.iter_mut().chain(&mut self.operands) {
            if name == from {
                *name = to.to_owned();
            }
        }
    }
}

impl Maker<'_, '_> {
    /// Two ways that end with a store, or with a sum.
    pub fn arms(&mut self) {
        let counted = self.c.percent(60);
        let k = if counted { "%k".to_owned() } else { self.within() };
        let skip = (!counted && self.c.percent(60)).then(|| {
            let (choose, skip) = (self.code.name("choose"), self.code.name("skip"));
            let most = self.c.pick(&[60, 40, 63]);
            let ok = self.code.made(format!("i64.lt_u {k}, {most}"));
            self.code.br_if(&ok, &choose, &skip);
            self.code.begin(&choose);
            skip
        });
        let stored = self.stored();
        let first = self.arm(&k, counted, stored);
        let second = self.changed(&first);
        let cond = self.condition();
        let (then, other, meet) = (self.code.name("then"), self.code.name("other"), self.code.name("meet"));
        self.code.br_if(&cond, &then, &other);
        for (label, nodes) in [(then, first), (other, second)] {
            self.code.begin(&label);
            for node in nodes {
                self.code.line(node.print());
            }
            self.code.line(format!("br {meet}"));
        }
        self.code.begin(&meet);
        if self.c.percent(50) {
            self.take(&k);
        }
        if let Some(skip) = skip {
            self.code.line(format!("br {skip}"));
            self.code.begin(&skip);
        }
        if counted && self.c.percent(50) {
            // Back to where it began, as in a ring.
            self.code.line("%k = i64.and %k, 31");
        }
    }

    /// A register of a value from 0 to 63, which arms may set anew.
    fn within(&mut self) -> String {
        let v = self.moving();
        let mask = self.c.pick(&[63, 31, 8191]);
        self.code.line(format!("%m = i64.and {v}, {mask}"));
        "%m".to_owned()
    }

    /// What both ways end with: a tensor to store in, and a value of it.
    fn stored(&mut self) -> (&'static str, String) {
        match self.c.below(5) {
            0 => ("%y", "%f".to_owned()),
            1 => ("%b", "7".to_owned()),
            2 => ("%z", "5".to_owned()),
            _ => {
                let v = self.moving();
                (self.c.pick(&["%x", "%x", "%o"]), v)
            }
        }
    }

    fn arm(&mut self, k: &str, counted: bool, (tensor, value): (&str, String)) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut at = k.to_owned();
        let far = self.fixed64();
        let i = self.moving();
        let step = self.c.pick(&["1", "1", "1", "2"]);
        // The index, and what the counter becomes.
        match self.c.below(6) {
            0..=2 => {
                at = self.code.temp();
                nodes.push(Node::new(at.clone(), "copy {}", &[k]));
                nodes.push(Node::new(k.to_owned(), "i64.add {}, {}", &[k, step]));
            }
            3 => {
                let next = self.code.temp();
                at = self.code.temp();
                nodes.push(Node::new(next.clone(), "i64.add {}, {}", &[k, step]));
                nodes.push(Node::new(at.clone(), "copy {}", &[k]));
                nodes.push(Node::new(k.to_owned(), "copy {}", &[&next]));
            }
            4 => {
                at = self.code.temp();
                nodes.push(Node::new(at.clone(), "i64.add {}, {}", &[k, "1"]));
            }
            _ => nodes.push(Node::new(k.to_owned(), "i64.add {}, {}", &[k, step])),
        }
        for _ in 0..self.c.below(4) {
            let place = self.c.below(nodes.len() + 1);
            let by = self.c.pick(&["7", "31", "-1", "%u"]);
            let op = self.c.pick(&["add", "xor", "mul", "sub"]);
            let node = match self.c.below(7) {
                // After which what was a counter is anything.
                0 if !counted => Node::new(k.to_owned(), "i64.add {}, {}", &[&i, &far]),
                1 => Node::new("%u".to_owned(), "global.get @g1", &[]),
                2 => Node::new(None, "global.set @g0, {}", &["%u"]),
                3 => Node::new("%u".to_owned(), &format!("i64.{op} {{}}, {{}}"), &[&i, by]),
                4 => Node::new("%u".to_owned(), "copy {}", &[k]),
                5 => Node::new("%t".to_owned(), &format!("i64.{op} {{}}, {{}}"), &["%t", by]),
                _ => Node::new("%u".to_owned(), &format!("i64.{op} {{}}, {{}}"), &["%u", by]),
            };
            nodes.insert(place, node);
        }
        if !counted && self.c.percent(if self.kind == Kind::Arms { 35 } else { 10 }) {
            nodes.push(Node::new(k.to_owned(), "i64.add {}, {}", &[&i, &far]));
        }
        if self.pure {
            nodes.push(Node::new("%t".to_owned(), "i64.xor {}, {}", &["%t", &at]));
        } else {
            nodes.push(Node::new(None, &format!("tensor.store {tensor}, {{}}, {{}}"), &[&at, &value]));
        }
        nodes
    }

    /// The same with fresh registers and one thing changed, or none.
    fn changed(&mut self, arm: &[Node]) -> Vec<Node> {
        let mut nodes = arm.to_vec();
        let fresh: Vec<String> =
            arm.iter().filter_map(|n| n.to.clone()).filter(|t| t.starts_with("%v")).collect();
        for old in fresh {
            if self.c.percent(70) {
                let new = self.code.temp();
                nodes.iter_mut().for_each(|n| n.rename(&old, &new));
            }
        }
        let n = self.c.below(nodes.len());
        match self.c.below(8) {
            0 if n + 1 < nodes.len() => {
                let set = nodes[n].to.clone();
                let used = |o: &String| set.as_ref() == Some(o) && o.starts_with("%v");
                if !nodes[n + 1].operands.iter().any(used) {
                    nodes.swap(n, n + 1);
                }
            }
            1 => {
                let number = |o: &&mut String| o.parse::<i64>().is_ok();
                if let Some(o) = nodes[n].operands.iter_mut().find(number) {
                    *o = self.c.pick(&["1", "2", "-1", "8"]).to_owned();
                }
            }
            2 => {
                let last = nodes.len() - 1;
                let stores = nodes[last].text.starts_with("tensor.store");
                if let Some(o) = nodes[last].operands.get_mut(1).filter(|_| stores) {
                    *o = match o.as_str() {
                        "%f" => "2.5",
                        _ => "-7",
                    }
                    .to_owned();
                }
            }
            3 => {
                // By way of a copy.
                let of = nodes[n].operands.iter().position(|o| o.starts_with('%') && o != "%f");
                if let Some(o) = of {
                    let copy = self.code.temp();
                    let node = Node::new(copy.clone(), "copy {}", &[&nodes[n].operands[o]]);
                    nodes[n].operands[o] = copy;
                    nodes.insert(n, node);
                }
            }
            4 if nodes[n].operands.len() == 2 && nodes[n].to.is_some() => {
                nodes[n].operands[1] = self.c.pick(&["%u", "3", "%t"]).to_owned();
            }
            _ => {}
        }
        nodes
    }
}
