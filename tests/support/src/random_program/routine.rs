//! Functions that nests call: kernels over two tensors which may be the same
//! memory, and functions that call themselves a few times.

use super::body::{Body, Known};
use super::nest::Array;
use super::{SCALARS, Shared, literal};
use crate::choices::Choices;
use nbc::ir::builder::{Func, ModuleBuilder};
use nbc::ir::{Elem, Operand, Reg, Type};

/// A function with what its arguments should be.
#[derive(Clone, Copy)]
pub enum Routine {
    /// Two tensors of that element type, a number of iterations, and a number.
    Kernel(Func, Elem),
    /// How often to go deeper, and a number.
    Recursive(Func),
    /// See [`super::stream`]; and what makes a number of a tensor.
    Stream { func: Func, hash: Func, elem: Elem },
}

/// Iterations that a kernel is asked for, at most.
const TURNS: i64 = 12;

pub const RECURSIVE: ([Type; 2], [Type; 2]) = ([Type::I64, Type::F64], [Type::F64, Type::I64]);

/// Writes a kernel: nests over its tensors, of whose dims the code knows nothing.
pub fn kernel(c: &mut Choices<'_>, m: &mut ModuleBuilder, shared: &Shared, name: &str) -> Routine {
    let at = c.below(2);
    let (_, elem, rank) = shared.tensors[at];
    let tensor = Type::Tensor(elem);
    let params = [tensor, tensor, Type::I64, Type::F64];
    let results = [Type::F64, Type::I64];
    let func = m.declare(name, params, results);
    let mut body = Body::new(c, m.define(func), shared, &results);
    // Less than the tensors have, so that shifted views will do.
    let dims = if rank == 2 { vec![6, 8] } else { vec![16] };
    for (n, ty) in params.iter().enumerate() {
        let reg = body.f.param(n);
        let rank = if n < 2 { rank } else { 0 };
        body.known.push(Known { reg, ty: *ty, rank, depth: 0 });
        if n < 2 {
            body.given.push(Array { reg, elem, dims: dims.clone() });
        }
    }
    body.bound = Some((body.f.param(2), TURNS));
    body.variables();
    for _ in 0..1 + body.c.below(2) {
        body.nest();
    }
    body.ret();
    Routine::Kernel(func, elem)
}

/// Writes a function that calls itself once or twice, less deep each time.
pub fn recursive(c: &mut Choices<'_>, m: &mut ModuleBuilder, shared: &Shared, name: &str) -> Routine {
    let (params, results) = RECURSIVE;
    let func = m.declare(name, params, results);
    let mut body = Body::new(c, m.define(func), shared, &results);
    let (n, x) = (body.f.param(0), body.f.param(1));
    body.room = 20;
    body.learn(n, Type::I64, 0);
    body.learn(x, Type::F64, 0);
    let (last, deeper) = (body.f.block(), body.f.block());
    let cond = match body.c.below(3) {
        0 => body.f.i64_le(n, 0i64),
        1 => body.f.i64_lt(n, 2i64),
        _ => body.f.i64_gt(1i64, n),
    };
    body.f.br_if(cond, last, deeper);
    body.f.switch_to(last);
    body.f.ret([Operand::from(x), n.into()]);
    body.f.switch_to(deeper);
    if body.c.percent(20) {
        // One of the calls inside traps.
        let zero = body.f.i64_sub(n, [1i64, 2, 3, 9][body.c.below(4)]);
        let q = body.f.i64_div(7i64, zero);
        body.learn(q, Type::I64, 0);
    }
    for _ in 0..body.c.below(3) {
        body.plain();
    }
    let mut sums: Vec<Reg> = Vec::new();
    for by in 1..=1 + body.c.below(2) as i64 {
        let less = body.f.i64_sub(n, by);
        let value = body.operand(Type::F64);
        let made = body.f.call(func, [Operand::from(less), value]);
        body.learn(made[0], Type::F64, 0);
        body.learn(made[1], Type::I64, 0);
        sums.push(made[0]);
        if body.c.percent(30) {
            body.tell();
        }
    }
    let (first, other) = (sums[0], body.operand(Type::F64));
    let sum = match body.c.percent(50) {
        true => body.f.f64_add(first, *sums.last().expect("one call at least")),
        false => body.f.f64_sub(other, first),
    };
    let count = body.operand(Type::I64);
    body.f.ret([Operand::from(sum), count]);
    Routine::Recursive(func)
}

impl Body<'_, '_, '_> {
    /// Variables of every scalar type.
    pub fn variables(&mut self) {
        for ty in SCALARS {
            for _ in 0..2 {
                let reg = self.f.reg(ty);
                let value = literal(self.c, ty);
                self.f.set(reg, value);
                let var = Known { reg, ty, rank: 0, depth: 0 };
                self.vars.push(var);
                self.known.push(var);
            }
        }
    }

    /// An instruction that calls nothing.
    pub fn plain(&mut self) {
        let (a, b) = (self.operand(Type::F64), self.operand(Type::F64));
        let (i, j) = (self.operand(Type::I64), self.operand(Type::I64));
        match self.c.below(6) {
            0 => {
                let reg = self.f.f64_mul(a, b);
                self.learn(reg, Type::F64, 0);
            }
            1 => {
                let reg = self.f.f64_sub(a, b);
                self.learn(reg, Type::F64, 0);
            }
            2 => {
                let reg = self.f.i64_add(i, j);
                self.learn(reg, Type::I64, 0);
            }
            3 => {
                let reg = self.f.f64_from_i64(i);
                self.learn(reg, Type::F64, 0);
            }
            4 => {
                let reg = self.f.i64_xor(i, j);
                self.learn(reg, Type::I64, 0);
            }
            _ => {
                let reg = self.f.f64_min(a, b);
                self.learn(reg, Type::F64, 0);
            }
        }
    }

    /// Calls a kernel or a recursive function, or a reference to one.
    pub fn call_routine(&mut self) {
        let shared = self.shared;
        if shared.routines.is_empty() {
            return self.call();
        }
        let routine = self.c.pick(&shared.routines);
        if let Routine::Stream { func, hash, elem } = routine {
            return self.call_stream(func, hash, elem);
        }
        let turns = match self.c.below(4) {
            0 => match self.counters.last().filter(|c| self.f.type_of(**c) == Some(Type::I64)) {
                Some(counter) => self.f.i64_and(*counter, 7i64).into(),
                None => Operand::from(5i64),
            },
            1 => {
                let value = self.operand(Type::I64);
                self.f.i64_and(value, 7i64).into()
            }
            _ => Operand::from(self.c.below(TURNS as usize + 1) as i64),
        };
        let number = self.operand(Type::F64);
        let made = match routine {
            Routine::Kernel(func, elem) => {
                let tensors: Vec<Known> =
                    self.known.iter().filter(|k| k.ty == Type::Tensor(elem)).copied().collect();
                let x = match tensors.is_empty() {
                    true => self.tensor(elem),
                    false => self.c.pick(&tensors).reg,
                };
                // The same, the same but shifted, or another.
                let y = match self.c.below(4) {
                    0 => x,
                    1 => {
                        let from = self.c.below(3) as i64;
                        self.f.op("tensor.slice0", (x, from, 8i64))
                    }
                    2 => self.f.op("tensor.reshape", (x, [-1i64])),
                    _ => self.tensor(elem),
                };
                let (x, y) = if self.c.percent(50) { (x, y) } else { (y, x) };
                self.f.call(func, [Operand::from(x), y.into(), turns, number])
            }
            Routine::Recursive(func) if self.c.percent(30) => {
                let other = shared.routines.iter().find_map(|r| match r {
                    Routine::Recursive(f) => Some(*f),
                    _ => None,
                });
                let one = self.f.func_ref(func);
                let two = self.f.func_ref(other.unwrap_or(func));
                let cond = self.operand(Type::Bool);
                let chosen = self.f.select(cond, one, two);
                self.f.call_ref(chosen, [turns, number])
            }
            Routine::Recursive(func) => self.f.call(func, [turns, number]),
            Routine::Stream { .. } => return,
        };
        self.learn(made[0], Type::F64, 0);
        self.learn(made[1], Type::I64, 0);
    }
}
