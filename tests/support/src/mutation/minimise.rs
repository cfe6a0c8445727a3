//! Makes a failing program smaller, as long as it still fails.

use super::splice;
use crate::case::Case;
use nbc::ir::inst::FieldMut;
use nbc::ir::{Block, BlockId, Elem, FuncId, Function, GlobalInit, Imm, Inst, Module, Operand, Reg, Type};
use std::time::{Duration, Instant};

/// Time for one program.
const PATIENCE: Duration = Duration::from_secs(90);

/// A smaller case that `fails` still, and why.
pub fn minimise(case: Case, why: String, fails: impl Fn(&Case) -> Option<String>) -> (Case, String) {
    let mut work = Work { case, why, end: Instant::now() + PATIENCE, fails };
    loop {
        let before = work.size();
        work.calls();
        work.fuel();
        work.functions();
        work.blocks();
        work.instructions();
        work.literals();
        work.tables();
        if work.size() == before || work.is_late() {
            return (work.case, work.why);
        }
    }
}

struct Work<F> {
    case: Case,
    why: String,
    end: Instant,
    fails: F,
}

impl<F: Fn(&Case) -> Option<String>> Work<F> {
    fn size(&self) -> (usize, usize, usize) {
        let blocks = self.case.module.functions.iter().map(|f| f.blocks.len()).sum();
        let insts = self.case.module.functions.iter().map(|f| f.num_insts()).sum();
        let tables = self.case.module.functions.len() + self.case.module.constants.len();
        (self.case.script.calls.len() + tables, blocks, insts)
    }

    fn is_late(&self) -> bool {
        Instant::now() > self.end
    }

    /// Keeps a change if the program still fails with it.
    fn attempt(&mut self, change: impl FnOnce(&mut Case) -> bool) -> bool {
        let mut case = self.case.clone();
        if self.is_late() || !change(&mut case) || case.module.clone().verify().is_err() {
            return false;
        }
        match (self.fails)(&case) {
            Some(why) => {
                (self.case, self.why) = (case, why);
                true
            }
            None => false,
        }
    }

    fn calls(&mut self) {
        let mut at = self.case.script.calls.len();
        while at > 0 {
            at -= 1;
            self.attempt(|case| {
                case.script.calls.remove(at);
                !case.script.calls.is_empty()
            });
        }
    }

    fn fuel(&mut self) {
        while self.attempt(|case| {
            case.script.fuel /= 2;
            case.script.fuel > 0
        }) {}
    }

    /// Functions that nobody calls go; others do nothing.
    fn functions(&mut self) {
        let mut at = self.case.module.functions.len();
        while at > 0 {
            at -= 1;
            if self.attempt(|case| remove_function(&mut case.module, at, &case.script.calls)) {
                continue;
            }
            self.attempt(|case| {
                let trap = vec![Inst::Trap {}];
                let blocks = &mut case.module.functions[at].blocks;
                let new = blocks.len() > 1 || blocks[0].insts != trap;
                *blocks = vec![Block { name: None, insts: trap, lines: Vec::new() }];
                new
            });
        }
    }

    fn blocks(&mut self) {
        for f in 0..self.case.module.functions.len() {
            let mut at = self.case.module.functions[f].blocks.len();
            while at > 0 {
                at -= 1;
                let Some(block) = self.case.module.functions[f].blocks.get(at) else { continue };
                let mut targets: Vec<BlockId> = Vec::new();
                if let Some(last) = block.insts.last() {
                    last.for_each_successor(|b| targets.push(b));
                }
                if targets.len() > 1 {
                    for target in targets {
                        if self.attempt(|case| replace_last(case, f, at, Inst::Br { target })) {
                            break;
                        }
                    }
                } else if let [target] = targets[..] {
                    self.attempt(|case| {
                        let more = case.module.functions[f].blocks[target.index()].insts.clone();
                        let insts = &mut case.module.functions[f].blocks[at].insts;
                        insts.pop();
                        insts.extend(more);
                        target.index() != at && remove_unreachable(&mut case.module.functions[f])
                    });
                }
                self.attempt(|case| remove_unreachable(&mut case.module.functions[f]));
            }
        }
    }

    fn instructions(&mut self) {
        for f in 0..self.case.module.functions.len() {
            for b in (0..self.case.module.functions[f].blocks.len()).rev() {
                let mut size = self.case.module.functions[f].blocks[b].insts.len().next_power_of_two();
                while size > 0 {
                    let mut at = 0;
                    while at + 1 < self.case.module.functions[f].blocks[b].insts.len() {
                        let shorter = self.attempt(|case| {
                            let insts = &mut case.module.functions[f].blocks[b].insts;
                            let end = (at + size).min(insts.len() - 1);
                            insts.drain(at..end).count() > 0
                        });
                        if !shorter {
                            at += size;
                        }
                    }
                    size /= 2;
                }
            }
        }
    }

    /// Registers become literals, literals become small.
    fn literals(&mut self) {
        for f in 0..self.case.module.functions.len() {
            for b in 0..self.case.module.functions[f].blocks.len() {
                for i in 0..self.case.module.functions[f].blocks[b].insts.len() {
                    for which in 0..4 {
                        for small in [0, 1, 2, 8] {
                            if self
                                .attempt(|case| simplify(&mut case.module.functions[f], b, i, which, small))
                            {
                                break;
                            }
                        }
                    }
                }
            }
        }
    }

    /// Registers and constants that nobody names.
    fn tables(&mut self) {
        for f in 0..self.case.module.functions.len() {
            self.attempt(|case| remove_registers(&mut case.module, f));
        }
        for c in (0..self.case.module.constants.len()).rev() {
            self.attempt(|case| remove_constant(&mut case.module, c));
        }
        self.attempt(|case| {
            let mut named = vec![false; case.module.globals.len()];
            for inst in all_insts(&mut case.module) {
                inst.for_each_field_mut(|field| {
                    if let FieldMut::Global(g) = field {
                        named[g.index()] = true;
                    }
                });
            }
            let keep = named.iter().rposition(|n| *n).map_or(0, |last| last + 1);
            let fewer = keep < case.module.globals.len();
            case.module.globals.truncate(keep);
            fewer
        });
    }
}

fn all_insts(module: &mut Module) -> impl Iterator<Item = &mut Inst> {
    module.functions.iter_mut().flat_map(|f| &mut f.blocks).flat_map(|b| &mut b.insts)
}

fn replace_last(case: &mut Case, f: usize, block: usize, inst: Inst) -> bool {
    let f = &mut case.module.functions[f];
    if let Some(last) = f.blocks[block].insts.last_mut() {
        *last = inst;
    }
    remove_unreachable(f);
    true
}

/// Drops blocks that control cannot get to.
fn remove_unreachable(f: &mut Function) -> bool {
    let mut reached = vec![false; f.blocks.len()];
    let mut work = vec![0];
    while let Some(at) = work.pop() {
        if !std::mem::replace(&mut reached[at], true)
            && let Some(last) = f.blocks[at].insts.last()
        {
            last.for_each_successor(|b| work.push(b.index()));
        }
    }
    let number = |b: BlockId| BlockId::new(reached[..b.index()].iter().filter(|r| **r).count());
    for inst in f.blocks.iter_mut().flat_map(|b| &mut b.insts) {
        inst.for_each_field_mut(|field| match field {
            FieldMut::Block(b) => *b = number(*b),
            FieldMut::Blocks(list) => list.iter_mut().for_each(|b| *b = number(*b)),
            _ => {}
        });
    }
    let mut at = 0;
    f.blocks.retain(|_| {
        at += 1;
        reached[at - 1]
    });
    reached.contains(&false)
}

/// Puts a small literal where an instruction reads something.
fn simplify(f: &mut Function, block: usize, inst: usize, which: usize, small: i64) -> bool {
    let regs = f.regs.clone();
    let imm = |ty: Type| match ty {
        Type::I32 => Some(Imm::I32(small as i32)),
        Type::I64 => Some(Imm::I64(small)),
        Type::F32 => Some(Imm::f32(small as f32)),
        Type::F64 => Some(Imm::f64(small as f64)),
        Type::Bool if small < 2 => Some(Imm::Bool(small == 1)),
        _ => None,
    };
    // A larger literal than there is would go round in circles.
    let smaller = |old: Imm, new: Imm| weight(new) < weight(old);
    let (mut at, mut done) = (0, false);
    let mut change = |o: &mut Operand| {
        let ty = match o {
            Operand::Reg(r) => regs[r.index()],
            Operand::Imm(imm) => imm.ty(),
        };
        if at == which
            && let Some(new) = imm(ty)
            && !matches!(o, Operand::Imm(old) if !smaller(*old, new))
        {
            *o = Operand::Imm(new);
            done = true;
        }
        at += 1;
    };
    f.blocks[block].insts[inst].for_each_field_mut(|field| match field {
        FieldMut::Use(o) => change(o),
        FieldMut::Uses(list) => list.iter_mut().for_each(&mut change),
        FieldMut::Lit(imm) => {
            let mut operand = Operand::Imm(*imm);
            change(&mut operand);
            if let Operand::Imm(new) = operand {
                *imm = new;
            }
        }
        _ => {}
    });
    done
}

fn weight(imm: Imm) -> u128 {
    match imm {
        Imm::I32(v) => u128::from(v.unsigned_abs()) * 2 + u128::from(v < 0),
        Imm::I64(v) => u128::from(v.unsigned_abs()) * 2 + u128::from(v < 0),
        Imm::F32(bits) => u128::from(bits),
        Imm::F64(bits) => u128::from(bits),
        Imm::Bool(v) => v.into(),
    }
}

fn remove_function(
    module: &mut Module,
    at: usize,
    calls: &[(String, Vec<nbc::runtime::value::Value>)],
) -> bool {
    let f = &module.functions[at];
    let called = f.export && calls.iter().any(|(name, _)| f.name.as_ref() == Some(name));
    let id = FuncId::new(module.imports.len() + at);
    if called || splice::is_named(module, id) {
        return false;
    }
    module.functions.remove(at);
    let lower = |f: &mut FuncId| f.0 -= u32::from(f.0 > id.0);
    for global in &mut module.globals {
        if let GlobalInit::Func(f) = &mut global.init {
            lower(f);
        }
    }
    for inst in all_insts(module) {
        inst.for_each_field_mut(|field| {
            if let FieldMut::Func(f) = field {
                lower(f);
            }
        });
    }
    true
}

fn remove_constant(module: &mut Module, at: usize) -> bool {
    let mut named = module.globals.iter().any(|g| matches!(g.init, GlobalInit::Const(c) if c.index() == at));
    for inst in all_insts(module) {
        inst.for_each_field_mut(|field| {
            if let FieldMut::Const(c) = field {
                named |= c.index() == at;
            }
        });
    }
    if named {
        return false;
    }
    module.constants.remove(at);
    let lower = |c: &mut nbc::ir::ConstId| c.0 -= u32::from(c.index() > at);
    for global in &mut module.globals {
        if let GlobalInit::Const(c) = &mut global.init {
            lower(c);
        }
    }
    for inst in all_insts(module) {
        inst.for_each_field_mut(|field| {
            if let FieldMut::Const(c) = field {
                lower(c);
            }
        });
    }
    true
}

fn remove_registers(module: &mut Module, at: usize) -> bool {
    let params = module.sigs[module.functions[at].sig.index()].params.len();
    let f = &mut module.functions[at];
    let mut named = vec![false; f.regs.len()];
    named[..params].fill(true);
    for inst in f.blocks.iter().flat_map(|b| &b.insts) {
        inst.for_each_use(|r| named[r.index()] = true);
        inst.for_each_def(|r| named[r.index()] = true);
    }
    let to = |r: &mut Reg| *r = Reg::new(named[..r.index()].iter().filter(|n| **n).count());
    for inst in f.blocks.iter_mut().flat_map(|b| &mut b.insts) {
        inst.for_each_field_mut(|field| match field {
            FieldMut::Def(r) | FieldMut::Use(Operand::Reg(r)) => to(r),
            FieldMut::Defs(list) | FieldMut::Keeps(list) => list.iter_mut().for_each(to),
            FieldMut::Uses(list) => list.iter_mut().for_each(|o| {
                if let Operand::Reg(r) = o {
                    to(r);
                }
            }),
            _ => {}
        });
    }
    let keep = |at: &mut usize| {
        *at += 1;
        named[*at - 1]
    };
    let (mut a, mut b) = (0, 0);
    f.regs.retain(|_| keep(&mut a));
    f.reg_names.retain(|_| keep(&mut b));
    named.contains(&false)
}

/// The program without the lines that only fix numbers, if it fails without
/// them, and with what to call.
pub fn print(case: &Case, fails: impl Fn(&Case) -> Option<String>) -> String {
    let mut text = case.module.print();
    for words in [&["sig ", "use "][..], &["sig ", "use ", "local "]] {
        let of_numbers = |line: &&str| !words.iter().any(|w| line.trim_start().starts_with(w));
        let shorter = text.lines().filter(of_numbers).collect::<Vec<_>>().join("\n") + "\n";
        let Ok(module) = Module::parse(&shorter, "shorter.nba") else { continue };
        if module.clone().verify().is_ok() && fails(&Case { module, ..case.clone() }).is_some() {
            text = shorter;
        }
    }
    // What the reference does, so that the text can become a test program.
    let outcomes = Case { ways: Vec::new(), ..case.clone() }.check().unwrap_or_default();
    let mut calls = String::new();
    for (at, (function, args)) in case.script.calls.iter().enumerate() {
        let args: Vec<String> = args.iter().map(value).collect();
        let trap = outcomes.get(at).and_then(|o| o.trap());
        let (word, code) = trap.map_or(("run", ""), |code| ("traps", code.name()));
        let fuel = case.script.fuel;
        calls.push_str(&format!("; {word}: @{function}({}) {code} with fuel {fuel}\n", args.join(", ")));
    }
    format!("; From {}.\n;\n{calls}\n{}", case.from, text.trim_start())
}

/// A value as an expectation of a test program has it.
fn value(value: &nbc::runtime::value::Value) -> String {
    use nbc::runtime::value::Value;
    match value {
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::F32(v) => format!("{v:?}"),
        Value::F64(v) => format!("{v:?}"),
        Value::Bool(v) => v.to_string(),
        Value::Str(text) => format!("{text:?}"),
        Value::Tensor(t) => {
            let elements = match t.elem() {
                Elem::U8 => format!("{:?}", t.as_slice::<u8>().unwrap_or_default()),
                Elem::I32 => format!("{:?}", t.as_slice::<i32>().unwrap_or_default()),
                Elem::I64 => format!("{:?}", t.as_slice::<i64>().unwrap_or_default()),
                Elem::F32 => format!("{:?}", t.as_slice::<f32>().unwrap_or_default()),
                Elem::F64 => format!("{:?}", t.as_slice::<f64>().unwrap_or_default()),
                Elem::Bool => format!("{:?}", t.as_slice::<bool>().unwrap_or_default()),
                Elem::C64 | Elem::C128 => String::from("[?]"),
            };
            format!("{:?} {{{}}}", t.dims(), elements.trim_matches(['[', ']']))
        }
        other => format!("{other:?}"),
    }
}
