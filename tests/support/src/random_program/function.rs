//! Statements of a random function: loops, branches, switches, regions.

use super::body::{Body, Known};
use nbc::ir::builder::FunctionBuilder;
use nbc::ir::{BlockId, Elem, Operand, Reg, Type};

type Compare = fn(&mut FunctionBuilder<'_>, Reg, Operand) -> Reg;

const WIDE: [Compare; 8] = [
    |f, a, b| f.i64_lt(a, b),
    |f, a, b| f.i64_le(a, b),
    |f, a, b| f.i64_ne(a, b),
    |f, a, b| f.i64_lt_u(a, b),
    |f, a, b| f.i64_gt(b, a),
    |f, a, b| f.i64_ge(b, a),
    |f, a, b| f.i64_eq(a, b),
    |f, a, b| f.i64_ge_u(b, a),
];
const NARROW: [Compare; 6] = [
    |f, a, b| f.i32_lt(a, b),
    |f, a, b| f.i32_le(a, b),
    |f, a, b| f.i32_ne(a, b),
    |f, a, b| f.i32_gt(b, a),
    |f, a, b| f.i32_lt_u(a, b),
    |f, a, b| f.i32_ge_u(b, a),
];

impl Body<'_, '_, '_> {
    /// The whole function: variables, statements, return.
    pub fn function(&mut self, statements: usize) {
        self.room = statements * 10;
        self.variables();
        let tensors = if self.results.len() > 8 { 5 } else { self.c.below(3) };
        for n in 0..tensors.min(self.shared.tensors.len()) {
            let (id, elem, rank) = self.shared.tensors[n];
            let constant = self.f.const_get(id);
            let reg = if self.c.below(8) == 7 { constant } else { self.f.op("tensor.copy", constant) };
            let var = Known { reg, ty: Type::Tensor(elem), rank, depth: 0 };
            self.vars.push(var);
            self.known.push(var);
        }
        let begin = self.f.block();
        self.f.br(begin);
        self.begin(begin);
        for _ in 0..statements {
            if !self.c.more() || self.room == 0 {
                break;
            }
            self.statement();
        }
        self.ret();
    }

    /// Goes on in a block.
    pub fn begin(&mut self, block: BlockId) {
        if self.depth == 0 && self.level == 0 {
            self.blocks.push(block);
        }
        self.f.switch_to(block);
    }

    pub fn ret(&mut self) {
        let types = self.results.to_vec();
        let mut values = Vec::new();
        for (at, ty) in types.iter().enumerate() {
            // The variables, so that all that happened can be seen.
            let assigned = |v: &&Known| self.known.iter().any(|k| k.reg == v.reg);
            let same = self.vars.iter().filter(|v| v.ty == *ty).filter(assigned);
            let number = same.clone().count();
            let var = same.clone().nth(at % number.max(1)).map(|v| v.reg);
            values.push(match var {
                Some(reg) if *ty == Type::Tensor(Elem::F64) || types.len() > 8 || self.c.percent(50) => {
                    reg.into()
                }
                _ => self.operand(*ty),
            });
        }
        self.f.ret(values);
    }

    /// Statements that may not be passed through: what they make is forgotten.
    fn body(&mut self, most: usize) {
        let known = self.known.clone();
        self.level += 1;
        for _ in 0..1 + self.c.below(most) {
            self.statement();
        }
        self.level -= 1;
        self.known = known;
    }

    fn statement(&mut self) {
        if self.room == 0 {
            return;
        }
        self.room -= 1;
        let choice = if self.level > 3 { 0 } else { self.c.below(36) };
        match choice {
            0..=9 => {
                for _ in 0..1 + self.c.below(7) {
                    self.instruction();
                }
            }
            10 | 11 => self.loop_tested_first(),
            12 | 13 => self.loop_tested_last(),
            14 | 15 => self.either(),
            16 => self.switch(),
            17 => self.region(),
            18 => self.leave(),
            19 => self.call(),
            24..=28 => self.nest(),
            29 | 32..=35 => self.call_routine(),
            30 => self.search(),
            _ => self.tight_loop(),
        }
    }

    /// A counter with its limit and comparison.
    fn counter(&mut self) -> (Reg, Operand, Compare) {
        let wide = self.c.percent(75);
        let ty = if wide { Type::I64 } else { Type::I32 };
        let counter = self.f.reg(ty);
        let first = self.c.below(4) as i32;
        let turns = if self.c.percent(4) { 5000 } else { self.c.below(20) as i32 };
        let (limit, compare) = if wide {
            self.f.set(counter, i64::from(first));
            (Operand::from(i64::from(turns)), self.c.pick(&WIDE))
        } else {
            self.f.set(counter, first);
            (Operand::from(turns), self.c.pick(&NARROW))
        };
        // The limit in a register, now and then.
        let limit = match self.c.percent(40) {
            true => {
                let reg = self.f.reg(ty);
                self.f.set(reg, limit);
                reg.into()
            }
            false => limit,
        };
        if self.c.percent(5) {
            self.vars.push(Known { reg: counter, ty, rank: 0, depth: 0 });
        }
        (counter, limit, compare)
    }

    fn step(&mut self, counter: Reg) {
        let by = [1, 1, 1, 2, 3, -1][self.c.below(6)];
        if self.f.type_of(counter) == Some(Type::I64) {
            match self.c.below(4) {
                0 => self.f.to(counter).i64_sub(counter, -i64::from(by)),
                1 => self.f.to(counter).i64_add(i64::from(by), counter),
                _ => self.f.to(counter).i64_add(counter, i64::from(by)),
            };
        } else {
            self.f.to(counter).i32_add(counter, by);
        }
    }

    fn loop_tested_first(&mut self) {
        let (counter, limit, compare) = self.counter();
        let (header, inside, done) = (self.f.block(), self.f.block(), self.f.block());
        self.f.br(header);
        self.begin(header);
        if self.c.percent(20) {
            self.instruction();
        }
        let cond = compare(&mut self.f, counter, limit);
        if self.c.percent(10) {
            self.known.push(Known { reg: cond, ty: Type::Bool, rank: 0, depth: 0 });
        }
        match self.c.percent(20) {
            true => {
                let not = self.f.bool_not(cond);
                self.f.br_if(not, done, inside);
            }
            false => self.f.br_if(cond, inside, done),
        }
        self.begin(inside);
        self.turn(counter);
        self.f.br(header);
        self.begin(done);
    }

    /// What a loop does each time.
    fn turn(&mut self, counter: Reg) {
        let ty = self.f.type_of(counter).unwrap_or(Type::I64);
        self.learn(counter, ty, 0);
        self.counters.push(counter);
        self.body(4);
        self.counters.pop();
        self.step(counter);
    }

    /// A loop of one block and few instructions, as superinstructions for whole
    /// loop ends, unrolling and carrying around a loop look for.
    fn tight_loop(&mut self) {
        let (counter, limit, compare) = self.counter();
        let (inside, done) = (self.f.block(), self.f.block());
        self.f.br(inside);
        self.begin(inside);
        let ty = self.f.type_of(counter).unwrap_or(Type::I64);
        let known = self.known.clone();
        self.learn(counter, ty, 0);
        // An index is the counter itself.
        self.counters.push(counter);
        for _ in 0..self.c.below(4) {
            match self.c.below(6) {
                0 => self.element(counter),
                1 | 2 => self.accumulate(counter),
                _ => self.instruction(),
            }
        }
        self.counters.pop();
        self.known = known;
        match self.c.percent(25) && ty == Type::I64 {
            true => {
                let by = self.operand(Type::I64);
                self.f.to(counter).i64_add(counter, by);
            }
            false => self.step(counter),
        }
        let cond = compare(&mut self.f, counter, limit);
        self.f.br_if(cond, inside, done);
        self.begin(done);
    }

    /// A load or store right at the counter.
    fn element(&mut self, counter: Reg) {
        if self.f.type_of(counter) != Some(Type::I64) {
            return;
        }
        let real = |k: &&Known| matches!(k.ty, Type::Tensor(Elem::I64 | Elem::F64));
        let tensors: Vec<Known> = self.known.iter().filter(real).copied().collect();
        if tensors.is_empty() {
            return;
        }
        let x = self.c.pick(&tensors);
        let ty = if x.ty == Type::Tensor(Elem::I64) { Type::I64 } else { Type::F64 };
        let row = self.c.below(8) as i64;
        let value = self.operand(ty);
        match (self.c.below(2), x.rank) {
            (0, 2) => self.f.tensor_store2(x.reg, row, counter, value),
            (0, _) => self.f.tensor_store(x.reg, counter, value),
            (_, 2) => {
                let v = self.f.tensor_load2(x.reg, row, counter);
                self.learn(v, ty, 0);
            }
            _ => {
                let v = self.f.tensor_load(x.reg, counter);
                self.learn(v, ty, 0);
            }
        }
    }

    /// Adds something to a variable.
    fn accumulate(&mut self, counter: Reg) {
        let ty = self.c.pick(&[Type::I64, Type::F64]);
        let is_there = |v: &&Known| self.known.iter().any(|k| k.reg == v.reg);
        let same = self.vars.iter().filter(|v| v.ty == ty && v.reg != counter).filter(is_there);
        let same: Vec<Known> = same.copied().collect();
        if same.is_empty() {
            return;
        }
        let sum = self.c.pick(&same).reg;
        let value = self.operand(ty);
        match (ty, self.c.below(3)) {
            (Type::I64, 0) => self.f.to(sum).i64_add(sum, value),
            (Type::I64, 1) => self.f.to(sum).i64_xor(sum, value),
            (Type::I64, _) => self.f.to(sum).i64_add(value, sum),
            (_, 0) => self.f.to(sum).f64_add(sum, value),
            (_, 1) => self.f.to(sum).f64_sub(sum, value),
            _ => self.f.to(sum).f64_add(value, sum),
        };
    }

    fn loop_tested_last(&mut self) {
        let (counter, limit, compare) = self.counter();
        let (inside, done) = (self.f.block(), self.f.block());
        self.f.br(inside);
        self.begin(inside);
        self.turn(counter);
        let cond = compare(&mut self.f, counter, limit);
        match self.c.percent(15) {
            true => {
                let not = self.f.bool_not(cond);
                self.f.br_if(not, done, inside);
            }
            false => self.f.br_if(cond, inside, done),
        }
        self.begin(done);
    }

    /// A loop whose iterations nobody can count beforehand.
    fn search(&mut self) {
        let start = self.operand(Type::I64);
        let n = self.f.reg(Type::I64);
        let first = self.f.i64_and(start, 1023i64);
        self.f.set(n, first);
        let (head, inside, done) = (self.f.block(), self.f.block(), self.f.block());
        self.f.br(head);
        self.begin(head);
        let cond = self.f.i64_gt_u(n, 1i64);
        self.f.br_if(cond, inside, done);
        self.begin(inside);
        let known = self.known.clone();
        self.learn(n, Type::I64, 0);
        for _ in 0..self.c.below(4) {
            self.instruction();
        }
        self.accumulate(n);
        self.known = known;
        match self.c.below(3) {
            0 => {
                let odd = self.f.i64_and(n, 1i64);
                let odd = self.f.i64_eq(odd, 1i64);
                let (up, down) = (self.f.i64_mul(n, 3i64), self.f.i64_shr_u(n, 1i64));
                let up = self.f.i64_add(up, 1i64);
                self.f.to(n).select(odd, up, down)
            }
            1 => self.f.to(n).i64_div(n, 3i64),
            _ => self.f.to(n).i64_shr(n, 1i64),
        };
        self.f.br(head);
        self.begin(done);
    }

    fn condition(&mut self) -> Operand {
        if self.c.percent(30) {
            return self.operand(Type::Bool);
        }
        match self.c.below(4) {
            0 => {
                let (a, b) = (self.operand(Type::F64), self.operand(Type::F64));
                self.f.f64_lt(a, b).into()
            }
            1 => {
                let (a, b) = (self.operand(Type::F32), self.operand(Type::F32));
                self.f.f32_ge(a, b).into()
            }
            2 => {
                let (a, b) = (self.operand(Type::I32), self.operand(Type::I32));
                self.f.i32_eq(a, b).into()
            }
            _ => {
                let (a, b) = (self.operand(Type::I64), self.operand(Type::I64));
                self.f.i64_le(a, b).into()
            }
        }
    }

    fn either(&mut self) {
        let cond = self.condition();
        let (yes, no, done) = (self.f.block(), self.f.block(), self.f.block());
        self.f.br_if(cond, yes, no);
        self.begin(yes);
        self.body(3);
        self.f.br(done);
        self.begin(no);
        if self.c.percent(50) {
            self.body(3);
        }
        self.f.br(done);
        self.begin(done);
    }

    fn switch(&mut self) {
        let index = self.index();
        let arms: Vec<BlockId> = (0..1 + self.c.below(4)).map(|_| self.f.block()).collect();
        let (other, done) = (self.f.block(), self.f.block());
        // The same arm may come twice.
        let mut targets = arms.clone();
        if self.c.percent(30) {
            targets.push(arms[0]);
        }
        self.f.switch(index, targets, other);
        for arm in arms {
            self.begin(arm);
            self.body(2);
            self.f.br(done);
        }
        self.begin(other);
        self.f.br(done);
        self.begin(done);
    }

    /// A region whose body may loop and branch, and what is kept of it.
    fn region(&mut self) {
        self.f.region_begin();
        self.depth += 1;
        for _ in 0..1 + self.c.below(3) {
            self.statement();
            if self.c.percent(15) {
                let kept = self.some_of_the_region();
                self.f.region_renew(kept.iter().map(|k| k.reg));
                let depth = self.depth;
                self.known.retain(|k| !k.ty.is_object() || k.depth < depth);
                self.known.extend(kept);
            }
        }
        let kept = self.some_of_the_region();
        self.f.region_end(kept.iter().map(|k| k.reg));
        self.depth -= 1;
        let depth = self.depth;
        self.known.retain(|k| !k.ty.is_object() || k.depth <= depth);
        self.known.extend(kept.into_iter().map(|k| Known { depth, ..k }));
    }

    /// Some of the objects that are known in the innermost region.
    fn some_of_the_region(&mut self) -> Vec<Known> {
        let mut kept: Vec<Known> = Vec::new();
        for k in self.known.clone() {
            let inner = k.ty.is_object() && k.depth == self.depth;
            if inner && self.c.percent(40) && !kept.iter().any(|o| o.reg == k.reg) {
                kept.push(k);
            }
        }
        kept
    }

    /// Leaves the function, traps, or goes back to some block.
    fn leave(&mut self) {
        if self.depth > 0 {
            return;
        }
        let cond = self.condition();
        let (out, on) = (self.f.block(), self.f.block());
        self.f.br_if(cond, out, on);
        self.f.switch_to(out);
        // What is made to be returned is not there where the function goes on.
        let known = self.known.clone();
        match self.c.below(4) {
            0 => self.f.trap(),
            1 | 2 => self.ret(),
            _ => {
                let target = self.c.pick(&self.blocks);
                self.f.br(target);
            }
        }
        self.known = known;
        self.begin(on);
    }
}
