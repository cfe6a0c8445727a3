//! Functions of loops that go through tensors from element to element, with
//! nothing in them but arithmetic: some become vectors, and some must not. Those have
//! views of one tensor that meet at a distance, sums with an order, or iterations that
//! need what the iteration before left.

use super::body::Body;
use super::routine::Routine;
use super::{Shared, literal};
use crate::choices::Choices;
use nbc::ir::builder::{Func, ModuleBuilder};
use nbc::ir::{BlockId, Elem, Operand, Reg, Type};

/// Element types of streams.
const ELEMS: [Elem; 6] = [Elem::F64, Elem::F32, Elem::I64, Elem::I32, Elem::U8, Elem::F64];

/// Elements of the tensors that streams are given, at least.
const LEN: i64 = 80;

/// What a loop of a stream works with.
struct Loop {
    ty: Type,
    tensors: [Reg; 3],
    /// Counters, the innermost last.
    counters: Vec<Reg>,
    /// Scalars that do not change, and those that do.
    fixed: Vec<Reg>,
    carried: Vec<Reg>,
}

/// Writes a stream: three tensors, a number of iterations, a small number, a scalar.
pub fn stream(c: &mut Choices<'_>, m: &mut ModuleBuilder, shared: &Shared, name: &str) -> Routine {
    let elem = c.pick(&ELEMS);
    let ty = elem.scalar().unwrap_or(Type::F64);
    let hash = hash(m, elem, &format!("{name}_hash"));
    let tensor = Type::Tensor(elem);
    let params = [tensor, tensor, tensor, Type::I64, Type::I64, ty];
    let results = [ty, ty];
    let func = m.declare(name, params, results);
    let mut body = Body::new(c, m.define(func), shared, &results);
    body.room = 100;
    let tensors = [0, 1, 2].map(|n| body.f.param(n));
    let (turns, near, scalar) = (body.f.param(3), body.f.param(4), body.f.param(5));
    let mut carried = Vec::new();
    for _ in 0..2 {
        let reg = body.f.reg(ty);
        let value = literal(body.c, ty);
        body.f.set(reg, value);
        carried.push(reg);
    }
    let mut l = Loop { ty, tensors, counters: Vec::new(), fixed: vec![scalar], carried };
    for _ in 0..1 + body.c.below(2) {
        match body.c.below(5) {
            0 | 1 => body.products(&mut l, turns, near),
            _ => body.along(&mut l, turns, near),
        }
    }
    body.f.ret([l.carried[0], l.carried[1]]);
    Routine::Stream { func, hash, elem }
}

/// A function that makes one number of all elements and their places.
fn hash(m: &mut ModuleBuilder, elem: Elem, name: &str) -> Func {
    let func = m.declare(name, [Type::Tensor(elem)], [Type::I64]);
    let mut f = m.define(func);
    let (x, sum) = (f.param(0), f.var("sum", 1i64));
    let n = f.tensor_len(x);
    f.for_range(0i64, n, |f, i| {
        let v = f.tensor_load(x, i);
        let bits = match elem {
            Elem::F64 => f.i64_reinterpret(v),
            Elem::F32 => {
                let bits = f.i32_reinterpret(v);
                f.i64_extend_i32_u(bits)
            }
            Elem::I64 => v,
            _ => f.i64_extend_i32(v),
        };
        f.to(sum).i64_mul(sum, 31i64);
        f.to(sum).i64_add(sum, bits);
    });
    f.ret(sum);
    func
}

impl Body<'_, '_, '_> {
    /// Calls a stream with tensors that may be views of one another, and takes
    /// what it has done to them into a variable.
    pub fn call_stream(&mut self, func: Func, hash: Func, elem: Elem) {
        let ty = elem.scalar().unwrap_or(Type::F64);
        let len = if self.c.percent(20) { 1300 } else { LEN + 40 };
        let base = self.filled(elem, len);
        let other = if self.c.percent(50) { base } else { self.filled(elem, len) };
        let mut views = [base; 3];
        for view in &mut views {
            let of = if self.c.percent(60) { base } else { other };
            let from = self.c.below(10) as i64;
            *view = match self.c.percent(75) {
                true => {
                    let to = if self.c.percent(80) { len } else { from + LEN };
                    self.f.op("tensor.slice0", (of, from, to))
                }
                false => of,
            };
        }
        let turns = match self.c.below(8) {
            0 => len - 20,
            1 => len + 1 - self.c.below(4) as i64,
            _ => self.c.below(70) as i64,
        };
        let near = self.c.below(9) as i64;
        let scalar = self.operand(ty);
        let made = self.f.call(
            func,
            [Operand::from(views[0]), views[1].into(), views[2].into(), turns.into(), near.into(), scalar],
        );
        for reg in made.iter() {
            self.learn(*reg, ty, 0);
        }
        for of in [base, other] {
            let sum = self.f.call(hash, of).one();
            self.learn(sum, Type::I64, 0);
            self.reduce_with(Type::I64, sum.into());
        }
    }

    /// A tensor of different values.
    fn filled(&mut self, elem: Elem, len: i64) -> Reg {
        let seed = self.c.below(7) as i64;
        match elem {
            Elem::F64 | Elem::F32 => self.f.op_with("tensor.random", [elem], ([len], seed)),
            _ => {
                let x = self.f.op_with("tensor.arange", [Elem::I64], (seed, seed + len * 3, 3i64));
                match elem {
                    Elem::I64 => x,
                    _ => self.f.op_with("tensor.cast", [Elem::I64, elem], x),
                }
            }
        }
    }

    /// One loop from element to element.
    fn along(&mut self, l: &mut Loop, turns: Reg, near: Reg) {
        let step: i64 = [1, 1, 1, 1, 1, 1, 2, -1][self.c.below(8)];
        let i = self.f.reg(Type::I64);
        let (first, last): (Operand, Operand) = match (step > 0, self.c.below(4)) {
            (true, 0) => (near.into(), turns.into()),
            (true, 1) => (2i64.into(), turns.into()),
            (true, _) => (0i64.into(), turns.into()),
            (false, _) => {
                let first = self.f.i64_sub(turns, 1i64);
                (first.into(), [-1i64, 0, 1][self.c.below(3)].into())
            }
        };
        self.f.set(i, first);
        let (inside, done) = (self.f.block(), self.f.block());
        let top = self.c.percent(60);
        let head = if top { self.f.block() } else { inside };
        if top || self.c.percent(20) {
            self.f.br(head);
        } else {
            self.stream_test(i, last, step, inside, done);
        }
        if top {
            self.f.switch_to(head);
            self.stream_test(i, last, step, inside, done);
        }
        self.f.switch_to(inside);
        l.counters.push(i);
        for _ in 0..1 + self.c.below(4) {
            self.stream_statement(l, near);
        }
        l.counters.pop();
        self.f.to(i).i64_add(i, step);
        match top {
            true => self.f.br(head),
            false => self.stream_test(i, last, step, inside, done),
        }
        self.f.switch_to(done);
    }

    fn stream_test(&mut self, i: Reg, last: Operand, step: i64, inside: BlockId, done: BlockId) {
        let cond = match (step > 0, self.c.below(6)) {
            (true, 0) if step == 1 => self.f.i64_ne(i, last),
            (true, 1) => self.f.i64_gt(last, i),
            (true, 2) => self.f.i64_lt_u(i, last),
            (true, 3) => {
                let before = self.f.i64_sub(last, 1i64);
                self.f.i64_le(i, before)
            }
            (true, _) => self.f.i64_lt(i, last),
            (false, 0) => self.f.i64_ge(i, last),
            (false, _) => self.f.i64_gt(i, last),
        };
        self.f.br_if(cond, inside, done);
    }

    /// One or two loops around one, and sums of products in the innermost.
    fn products(&mut self, l: &mut Loop, turns: Reg, near: Reg) {
        // Few enough iterations that most indices are in range.
        let n = self.f.i64_and(turns, 7i64);
        let m: Operand = match self.c.below(3) {
            0 => near.into(),
            1 => n.into(),
            _ => (self.c.below(10) as i64).into(),
        };
        let deep = self.c.percent(35);
        let wide = 1 + self.c.below(9) as i64;
        let (i, j, k) = (self.f.reg(Type::I64), self.f.reg(Type::I64), self.f.reg(Type::I64));
        let blocks: Vec<BlockId> = (0..7).map(|_| self.f.block()).collect();
        let [outer, middle, start, inner, end, middle_end, done] = blocks[..] else { return };
        self.f.set(i, 0i64);
        self.stream_test(i, n.into(), 1, outer, done);
        self.f.switch_to(outer);
        let first: Operand = if self.c.percent(15) { i.into() } else { 0i64.into() };
        self.f.set(j, first);
        self.f.br(middle);
        self.f.switch_to(middle);
        l.counters.extend([i, j]);
        if deep {
            let last: Operand = if self.c.percent(20) { i.into() } else { n.into() };
            self.stream_test(j, last, 1, start, middle_end);
        } else {
            self.f.br(start);
        }
        self.f.switch_to(start);
        let sum = l.carried[0];
        match self.c.below(3) {
            0 => self.f.set(sum, literal(self.c, l.ty)),
            1 => {
                let at = self.place(l, i, wide, j);
                self.f.to(sum).tensor_load(l.tensors[2], at);
            }
            _ => {}
        }
        self.f.set(k, 0i64);
        self.stream_test(k, m, 1, inner, end);
        self.f.switch_to(inner);
        l.counters.push(k);
        let (a, b) = (self.place(l, i, wide, k), self.place(l, k, wide, j));
        let (tx, ty) = (l.tensors[0], l.tensors[self.c.below(2)]);
        let (x, y) = (self.f.tensor_load(tx, a), self.f.tensor_load(ty, b));
        let mut product = self.streamed(l.ty, x.into(), y.into());
        if self.c.percent(25) {
            let z = self.element_value(l, near, 1);
            product = self.streamed(l.ty, product.into(), z);
        }
        let added = self.c.below(6);
        let f = self.f.to(sum);
        match (l.ty, added) {
            (Type::F64, 0) => f.f64_sub(sum, product),
            (Type::F64, 1) => f.f64_max(sum, product),
            (Type::F64, _) => f.f64_add(sum, product),
            (Type::F32, _) => f.f32_add(product, sum),
            (Type::I64, 0) => f.i64_xor(sum, product),
            (Type::I64, _) => f.i64_add(sum, product),
            (_, 0) => f.i32_min(sum, product),
            (_, _) => f.i32_add(sum, product),
        };
        self.f.to(k).i64_add(k, 1i64);
        self.stream_test(k, m, 1, inner, end);
        l.counters.pop();
        self.f.switch_to(end);
        let at = self.place(l, i, wide, j);
        self.f.tensor_store(l.tensors[2], at, sum);
        self.f.to(j).i64_add(j, 1i64);
        self.f.br(if deep { middle } else { middle_end });
        self.f.switch_to(middle_end);
        l.counters.clear();
        self.f.to(i).i64_add(i, 1i64);
        self.stream_test(i, n.into(), 1, outer, done);
        self.f.switch_to(done);
    }

    /// `a * wide + b`, or `a`, or `b`, or the other way round.
    fn place(&mut self, l: &Loop, a: Reg, wide: i64, b: Reg) -> Operand {
        let by: Operand = match self.c.percent(30) {
            true => {
                let reg = self.f.reg(Type::I64);
                self.f.set(reg, wide);
                reg.into()
            }
            false => wide.into(),
        };
        match self.c.below(8) {
            0 => a.into(),
            1 => b.into(),
            2 => {
                let far = self.f.i64_mul(b, by);
                self.f.i64_add(far, a).into()
            }
            3 => self.f.i64_add(a, b).into(),
            4 if !l.counters.is_empty() => {
                let near = self.f.i64_mul(a, by);
                let near = self.f.i64_add(near, b);
                self.f.i64_add(near, self.c.below(3) as i64).into()
            }
            _ => {
                let far = self.f.i64_mul(a, by);
                self.f.i64_add(far, b).into()
            }
        }
    }

    fn stream_statement(&mut self, l: &Loop, near: Reg) {
        let value = self.element_value(l, near, 2);
        match self.c.below(8) {
            0..=4 => {
                let at = self.stream_index(l, near);
                let x = l.tensors[self.c.below(3)];
                self.f.tensor_store(x, at, value);
            }
            5 => {
                // What the next iteration reads.
                let to = l.carried[1];
                match value {
                    Operand::Reg(_) => self.f.to(to).copy(value),
                    Operand::Imm(_) => self.f.to(to).copy(l.carried[0]),
                };
            }
            _ => {
                let sum = l.carried[self.c.below(2)];
                let choice = self.c.below(4);
                let f = self.f.to(sum);
                match (l.ty, choice) {
                    (Type::F64, 0) => f.f64_min(sum, value),
                    (Type::F64, _) => f.f64_add(sum, value),
                    (Type::F32, 0) => f.f32_mul(sum, value),
                    (Type::F32, _) => f.f32_add(sum, value),
                    (Type::I64, 0) => f.i64_xor(sum, value),
                    (Type::I64, 1) => f.i64_sub(sum, value),
                    (Type::I64, 2) => f.i64_mul(sum, value),
                    (Type::I64, _) => f.i64_add(value, sum),
                    (_, 0) => f.i32_or(sum, value),
                    (_, 1) => f.i32_max(sum, value),
                    (_, _) => f.i32_add(sum, value),
                };
            }
        }
    }

    fn stream_index(&mut self, l: &Loop, near: Reg) -> Operand {
        let Some(i) = l.counters.last().copied() else { return 0i64.into() };
        match self.c.below(12) {
            0..=5 => i.into(),
            6..=8 => self.f.i64_add(i, [1i64, 2, 3, 4, 8][self.c.below(5)]).into(),
            9 => self.f.i64_sub(i, [1i64, 2][self.c.below(2)]).into(),
            10 => self.f.i64_add(i, near).into(),
            _ => match self.c.below(3) {
                0 => near.into(),
                1 => self.f.i64_shl(i, 1i64).into(),
                _ => self.f.i64_sub(70i64, i).into(),
            },
        }
    }

    /// A value of the loop's type.
    fn element_value(&mut self, l: &Loop, near: Reg, depth: usize) -> Operand {
        match self.c.below(if depth == 0 { 8 } else { 14 }) {
            0..=4 => {
                let at = self.stream_index(l, near);
                self.f.tensor_load(l.tensors[self.c.below(3)], at).into()
            }
            5 => l.fixed[0].into(),
            6 => match self.c.percent(60) {
                true => Operand::Imm(literal(self.c, l.ty)),
                false => l.carried[self.c.below(2)].into(),
            },
            7 => {
                let Some(i) = l.counters.last().copied() else { return l.fixed[0].into() };
                match l.ty {
                    Type::F64 => self.f.f64_from_i64(i).into(),
                    Type::F32 => self.f.f32_from_i64(i).into(),
                    Type::I64 => i.into(),
                    _ => self.f.i32_wrap_i64(i).into(),
                }
            }
            8 => {
                let (a, b) = (self.element_value(l, near, depth - 1), self.element_value(l, near, depth - 1));
                let cond = match l.ty {
                    Type::F64 => self.f.f64_lt(a, b),
                    Type::F32 => self.f.f32_ge(a, b),
                    Type::I64 => self.f.i64_gt(a, b),
                    _ => self.f.i32_lt_u(a, b),
                };
                self.f.select(cond, a, b).into()
            }
            _ => {
                let (a, b) = (self.element_value(l, near, depth - 1), self.element_value(l, near, depth - 1));
                self.streamed(l.ty, a, b).into()
            }
        }
    }

    /// An operation of which most have a form for vectors.
    fn streamed(&mut self, ty: Type, a: Operand, b: Operand) -> Reg {
        let choice = self.c.below(12);
        let f = &mut self.f;
        match (ty, choice) {
            (Type::F64, 0..=2) => f.f64_add(a, b),
            (Type::F64, 3..=5) => f.f64_mul(a, b),
            (Type::F64, 6) => f.f64_sub(a, b),
            (Type::F64, 7) => f.f64_div(a, b),
            (Type::F64, 8) => f.f64_sqrt(a),
            (Type::F64, 9) => f.f64_min(a, b),
            (Type::F64, 10) => f.f64_neg(a),
            (Type::F64, _) => f.f64_floor(a),
            (Type::F32, 0..=2) => f.f32_add(a, b),
            (Type::F32, 3..=5) => f.f32_mul(a, b),
            (Type::F32, 6) => f.f32_sub(a, b),
            (Type::F32, 7) => f.f32_div(a, b),
            (Type::F32, 8) => f.f32_abs(a),
            (Type::F32, 9) => f.f32_max(a, b),
            (Type::F32, 10) => f.f32_copysign(a, b),
            (Type::F32, _) => f.f32_sqrt(a),
            (Type::I64, 0..=2) => f.i64_add(a, b),
            (Type::I64, 3) => f.i64_sub(a, b),
            (Type::I64, 4) => f.i64_mul(a, b),
            (Type::I64, 5) => f.i64_xor(a, b),
            (Type::I64, 6) => f.i64_and(a, b),
            (Type::I64, 7) => f.i64_shl(a, 3i64),
            (Type::I64, 8) => f.i64_shr(a, 2i64),
            (Type::I64, 9) => f.i64_shr_u(a, b),
            (Type::I64, 10) => f.i64_max(a, b),
            (Type::I64, _) => f.i64_neg(a),
            (_, 0..=2) => f.i32_add(a, b),
            (_, 3) => f.i32_sub(a, b),
            (_, 4) => f.i32_mul(a, b),
            (_, 5) => f.i32_or(a, b),
            (_, 6) => f.i32_and(a, b),
            (_, 7) => f.i32_shl(a, 5i32),
            (_, 8) => f.i32_shr(a, 1i32),
            (_, 9) => f.i32_shr_u(a, b),
            (_, 10) => f.i32_min_u(a, b),
            (_, _) => f.i32_abs(a),
        }
    }
}
