//! Groups of operations that make one pass, and what must not be one: elementwise operations over equal
//! and broadcast shapes, whose registers are set again, with scalars that change, views, copies, accesses
//! of elements and reductions between them.

use super::body::Body;
use super::literal;
use nbc::ir::{Elem, Operand, Reg, Type};

/// A tensor of a group: whether it has all dims, or is repeated along some.
#[derive(Clone, Copy)]
struct Tensor {
    reg: Reg,
    elem: Elem,
    is_whole: bool,
    /// Whether the register may be set again.
    is_own: bool,
}

impl Body<'_, '_, '_> {
    /// Up to two dozen operations on tensors that lie in buffers of their own.
    pub fn group(&mut self) {
        let (m, n) = self.c.pick(&[(1i64, 130i64), (16, 9), (5, 30), (2, 520), (33, 64)]);
        let whole = |reg, elem| Tensor { reg, elem, is_whole: true, is_own: false };
        let mut all = Vec::new();
        for seed in 0..2 + self.c.below(2) as i64 {
            let reg = self.f.op_with("tensor.random", [Elem::F64], ([m, n], seed));
            all.push(whole(reg, Elem::F64));
        }
        let wide = self.f.op("tensor.mul", (all[0].reg, 40.0));
        let wide = self.f.op("tensor.add", (wide, 1.0));
        let whole_numbers = self.f.op_with("tensor.cast", [Elem::F64, Elem::I64], wide);
        all.push(whole(whole_numbers, Elem::I64));
        for dims in [[1, n], [m, 1], [1, 1]] {
            let reg = self.f.op_with("tensor.random", [Elem::F64], (dims, 5i64));
            all.push(Tensor { reg, elem: Elem::F64, is_whole: false, is_own: false });
        }
        let row = self.f.op_with("tensor.random", [Elem::F64], ([n], 6i64));
        all.push(Tensor { reg: row, elem: Elem::F64, is_whole: false, is_own: false });
        let scalar = self.f.reg(Type::F64);
        self.f.set(scalar, 1.5);
        self.learn(scalar, Type::F64, 0);
        for _ in 0..3 + self.c.below(20) {
            if self.c.percent(70) {
                self.array_operation(&mut all, scalar)
            } else {
                self.between(&mut all, scalar)
            }
        }
        for _ in 0..2 {
            let array = self.c.pick(&all);
            self.learn(array.reg, Type::Tensor(array.elem), 2);
        }
    }

    /// One of `all` with such elements, the latest rather than others.
    fn array(&mut self, all: &[Tensor], elem: Elem) -> Tensor {
        let fitting: Vec<Tensor> = all.iter().filter(|a| a.elem == elem).copied().collect();
        let back = if self.c.percent(60) { 0 } else { self.c.below(fitting.len()) };
        fitting[fitting.len() - 1 - back]
    }

    fn array_operation(&mut self, all: &mut Vec<Tensor>, scalar: Reg) {
        let elem = if self.c.percent(75) { Elem::F64 } else { Elem::I64 };
        let (a, b) = (self.array(all, elem), self.array(all, elem));
        let number: Operand = match elem {
            Elem::F64 if self.c.percent(70) => scalar.into(),
            Elem::F64 => literal(self.c, Type::F64).into(),
            _ => literal(self.c, Type::I64).into(),
        };
        let choice = self.c.below(12);
        let is_whole = a.is_whole || !matches!(choice, 0..=1 | 6 | 9) && b.is_whole;
        let to = match choice {
            7..=8 => None,
            9 => Some(if elem == Elem::F64 { Elem::I64 } else { Elem::F64 }),
            _ => Some(elem),
        };
        // A register that is set again, perhaps of an operand.
        let again = to.and_then(|to| {
            let own: Vec<Tensor> =
                all.iter().filter(|x| x.is_own && x.elem == to && x.is_whole == is_whole).copied().collect();
            (!own.is_empty() && self.c.percent(40)).then(|| self.c.pick(&own).reg)
        });
        if let Some(reg) = again {
            self.f.to(reg);
        }
        let made = match choice {
            0 => self.f.op("tensor.neg", a.reg),
            1 => self.f.op("tensor.abs", a.reg),
            2 | 3 => self.f.op("tensor.add", (a.reg, b.reg)),
            4 => self.f.op("tensor.sub", (b.reg, a.reg)),
            5 => self.f.op("tensor.maximum", (a.reg, b.reg)),
            6 => self.f.op("tensor.mul", (Operand::Reg(a.reg), number)),
            7 => {
                let less = self.f.op("tensor.lt", (a.reg, b.reg));
                self.f.op("tensor.where", (Operand::Reg(less), Operand::Reg(a.reg), number))
            }
            8 => {
                let same = self.f.op("tensor.eq", (a.reg, b.reg));
                let not = self.f.op("tensor.not", same);
                self.f.op("tensor.where", (not, b.reg, a.reg))
            }
            9 => self.f.op_with("tensor.cast", [elem, to.unwrap_or(elem)], a.reg),
            10 => self.f.op("tensor.div", (a.reg, b.reg)),
            _ => self.f.op("tensor.mul", (a.reg, b.reg)),
        };
        if again.is_none() {
            all.push(Tensor { reg: made, elem: to.unwrap_or(elem), is_whole, is_own: true });
        }
    }

    /// What may stand in a group, or ends it.
    fn between(&mut self, all: &mut Vec<Tensor>, scalar: Reg) {
        let array = self.array(all, Elem::F64);
        let at = self.c.below(140) as i64;
        match self.c.below(10) {
            0 => {
                let value = literal(self.c, Type::F64);
                self.f.to(scalar).f64_add(value, 0.5);
            }
            1 => {
                self.f.to(scalar).tensor_load(array.reg, at);
            }
            2 => {
                let name =
                    self.c.pick(&["tensor.sum", "tensor.min", "tensor.max", "tensor.mean", "tensor.prod"]);
                self.f.to(scalar).op(name, array.reg);
            }
            3 => {
                let other = self.array(all, Elem::F64);
                let whole = |a: &Tensor| a.is_whole;
                if whole(&array) && whole(&other) {
                    self.f.to(scalar).op("tensor.dot", (array.reg, other.reg));
                }
            }
            4 => {
                let is = self.f.op("tensor.gt", (Operand::Reg(array.reg), Operand::Reg(scalar)));
                let any = self.f.op(self.c.pick(&["tensor.any", "tensor.all"]), is);
                self.learn(any, Type::Bool, 0);
            }
            5 => {
                let reg = self.f.op("tensor.slice0", (Operand::Reg(array.reg), 0i64, 1i64));
                all.push(Tensor { reg, elem: Elem::F64, is_whole: false, is_own: false });
            }
            6 => self.f.tensor_store(array.reg, at, scalar),
            7 => {
                let reg = self.f.copy(array.reg);
                all.push(Tensor { reg, ..array });
            }
            8 => {
                let len = self.f.tensor_len(array.reg);
                let rest = self.f.i64_rem(at, len);
                self.learn(rest, Type::I64, 0);
            }
            _ => self.instruction(),
        }
    }
}
