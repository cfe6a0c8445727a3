//! What happens on some iterations of a nest, or all: traps, exits, branches,
//! regions, and copies from one place of a tensor to another.

use super::body::Body;
use super::literal;
use super::nest::{Array, Nest};
use nbc::ir::{BlockId, Operand, Reg, Type};

impl Body<'_, '_, '_> {
    /// A counter of a loop around, and a value that it may have in some iteration.
    fn some_turn(&mut self, nest: &Nest) -> Option<(Reg, i64)> {
        let axis = nest.innermost(self.c.below(2))?;
        let span = axis.high.saturating_sub(axis.low).clamp(0, 40);
        // One in a few is never reached.
        let at = self.c.below(span as usize + 3) as i64 - 1;
        Some((axis.reg, axis.low.wrapping_add(at)))
    }

    /// A quotient or conversion that traps on one iteration.
    pub fn quotient(&mut self, nest: &Nest) {
        let Some((counter, turn)) = self.some_turn(nest) else { return };
        let zero = self.f.i64_sub(counter, turn);
        if self.c.percent(30) {
            let narrow = self.f.i32_wrap_i64(zero);
            let a = self.operand(Type::I32);
            let reg = match self.c.below(3) {
                0 => self.f.i32_div(a, narrow),
                1 => self.f.i32_rem_u(a, narrow),
                _ => self.f.i32_rem(a, narrow),
            };
            return self.learn(reg, Type::I32, 0);
        }
        let a = self.operand(Type::I64);
        let reg = match self.c.below(6) {
            0 => self.f.i64_div(a, zero),
            1 => self.f.i64_rem(a, zero),
            2 => self.f.i64_div_u(a, zero),
            3 => self.f.i64_rem_u(a, zero),
            _ => {
                // Infinite, or not a number, on that iteration.
                let (x, y) = (self.operand(Type::F64), self.f.f64_from_i64(zero));
                let ratio = self.f.f64_div(x, y);
                match self.c.below(3) {
                    0 => self.f.i64_trunc_f64(ratio),
                    1 => self.f.i64_trunc_f64_u(ratio),
                    _ => self.f.i64_sat_f64(ratio),
                }
            }
        };
        self.learn(reg, Type::I64, 0);
    }

    /// Puts something into a global, so that a trap shows how far things were.
    pub fn tell(&mut self) {
        if self.shared.globals.is_empty() {
            return;
        }
        let (id, ty) = self.c.pick(&self.shared.globals);
        if !ty.is_scalar() {
            return;
        }
        let value = self.operand(ty);
        let value = match ty {
            Type::I64 if self.c.percent(50) => {
                let sum = self.f.global_get(id);
                self.f.i64_add(sum, value).into()
            }
            Type::F64 if self.c.percent(50) => {
                let sum = self.f.global_get(id);
                self.f.f64_add(sum, value).into()
            }
            _ => value,
        };
        self.f.global_set(id, value);
    }

    /// A trap, an exit, or the next iteration, but only on one iteration.
    pub fn on_one_turn(&mut self, nest: &Nest, out: BlockId, next: Option<BlockId>) {
        let Some((counter, turn)) = self.some_turn(nest) else { return };
        let cond = match self.c.below(4) {
            0 => self.f.i64_gt(counter, turn),
            1 => self.f.i64_ge(turn, counter),
            _ => self.f.i64_eq(counter, turn),
        };
        let (then, on) = (self.f.block(), self.f.block());
        self.f.br_if(cond, then, on);
        self.f.switch_to(then);
        let known = self.known.clone();
        match self.c.below(8) {
            0 => self.f.trap(),
            1 | 2 => self.f.br(out),
            3 if self.depth == 0 => self.ret(),
            4 => {
                // Read-only.
                let (id, elem, rank) = self.c.pick(&self.shared.tensors);
                if let Some(ty) = elem.scalar()
                    && rank > 0
                {
                    let constant = self.f.const_get(id);
                    let value = self.operand(ty);
                    self.f.tensor_store(constant, 0i64, value);
                }
                self.f.br(on);
            }
            5 => {
                self.call();
                self.f.br(on);
            }
            6 => {
                self.tell();
                self.f.br(next.unwrap_or(on));
            }
            _ => self.f.br(next.unwrap_or(out)),
        }
        self.known = known;
        self.f.switch_to(on);
    }

    /// A store or a sum behind a branch.
    pub fn only_if(&mut self, nest: &Nest, array: &Array, ty: Type) {
        let value = self.load_at(nest, array, ty);
        let other = self.operand(ty);
        let f = &mut self.f;
        let cond = match ty {
            Type::F64 => f.f64_lt(value, other),
            Type::F32 => f.f32_gt(value, other),
            Type::I64 => f.i64_le(value, other),
            Type::I32 => f.i32_lt_u(value, other),
            _ => f.bool_xor(value, other),
        };
        if self.c.percent(30) {
            let chosen = self.f.select(cond, value, other);
            return self.store_at(nest, array, chosen.into());
        }
        let (then, join) = (self.f.block(), self.f.block());
        self.f.br_if(cond, then, join);
        self.f.switch_to(then);
        let known = self.known.clone();
        match self.c.percent(50) {
            true => self.store_at(nest, array, value.into()),
            false => self.reduce(value, ty),
        }
        self.known = known;
        self.f.br(join);
        self.f.switch_to(join);
    }

    /// Reads or writes an element, perhaps does something that may write it or
    /// looks like it, and reads it again. Now and then the part in between is
    /// behind a branch.
    pub fn again(&mut self, nest: &Nest, array: &Array, ty: Type) {
        let at = self.indices(nest, array);
        match self.c.percent(60) {
            true => {
                let first = self.load_from(array, &at);
                self.reduce(first, ty);
            }
            false => {
                let value = self.operand(ty);
                self.store_to(array, &at, value);
            }
        }
        let join = self.c.percent(40).then(|| {
            let (a, b) = (self.operand(Type::I64), self.operand(Type::I64));
            let cond = self.f.i64_lt(a, b);
            let (then, join) = (self.f.block(), self.f.block());
            self.f.br_if(cond, then, join);
            self.f.switch_to(then);
            join
        });
        let known = self.known.clone();
        let which = self.c.below(nest.arrays.len());
        let other = nest.arrays[which].clone();
        match self.c.below(8) {
            // Perhaps of the same memory, at the same place or nearby.
            0 | 1 if other.elem == array.elem => {
                let value = self.operand(ty);
                match other.dims.len() == array.dims.len() && self.c.percent(60) {
                    true => self.store_to(&other, &at, value),
                    false => self.store_at(nest, &other, value),
                }
            }
            2 | 3 => {
                let mut near = at.clone();
                if let Some(last) = near.last_mut() {
                    let by = self.c.below(3) as i64 - 1;
                    *last = self.f.i64_add(*last, by).into();
                }
                let value = self.operand(ty);
                self.store_to(array, &near, value);
            }
            4 => self.call(),
            5 => self.call_routine(),
            6 => {
                let value = self.load_from(array, &at);
                let value = self.combined(ty, value);
                self.store_to(array, &at, value.into());
            }
            _ => {}
        }
        self.known = known;
        if let Some(join) = join {
            self.f.br(join);
            self.f.switch_to(join);
        }
        let last = self.load_from(array, &at);
        self.reduce(last, ty);
        self.learn(last, ty, 0);
    }

    /// Changes an element by one a few places off, which an earlier iteration may
    /// have changed, and perhaps others at the same time.
    pub fn recurrence(&mut self, nest: &Nest, array: &Array, ty: Type) {
        let (Some(axis), Some(len)) = (nest.innermost(0), array.dims.last().copied()) else { return };
        let back: i64 = [1, 1, 1, 1, 2, -1, 0, 3][self.c.below(8)];
        let first = back.max(0).saturating_sub(axis.low).saturating_add(self.c.below(2) as i64);
        if axis.high.saturating_add(first.max(first.saturating_sub(back))) >= len && self.c.percent(85) {
            let value = self.load_at(nest, array, ty);
            return self.store_at(nest, array, value.into());
        }
        let mut row: Vec<Operand> = Vec::new();
        if (2..=3).contains(&array.dims.len()) && self.c.percent(70) {
            let (_, outer) = array.dims.split_last().expect("there are some");
            row.extend(outer.iter().map(|d| self.affine(nest, *d)));
        }
        let place = |it: &mut Self, offset: i64| {
            let mut at = row.clone();
            at.push(it.sum_of(&[(axis, 1)], offset));
            at
        };
        let to = place(self, first);
        let from = place(self, first.saturating_sub(back));
        let mut value = self.load_from(array, &from);
        if self.c.percent(25) {
            let at = place(self, first.saturating_sub(back + back.signum()));
            let further = self.load_from(array, &at);
            self.learn(further, ty, 0);
        }
        if self.c.percent(25) {
            // There already, or written in between.
            match self.c.percent(40) {
                true => self.store_at(nest, array, value.into()),
                false => {
                    let there = self.load_from(array, &to);
                    self.learn(there, ty, 0);
                }
            }
        }
        if self.c.percent(80) {
            value = self.combined(ty, value);
        }
        if self.c.percent(70) {
            self.store_to(array, &to, value.into());
        }
        match self.c.below(8) {
            0 => self.store_at(nest, array, value.into()),
            1 => self.store_to(array, &from, value.into()),
            2 | 3 => {
                let other = self.operand(Type::I64);
                let cond = self.f.i64_le(axis.reg, other);
                let (then, join) = (self.f.block(), self.f.block());
                self.f.br_if(cond, then, join);
                self.f.switch_to(then);
                let again = Operand::Imm(literal(self.c, ty));
                self.store_to(array, &to, again);
                self.f.br(join);
                self.f.switch_to(join);
            }
            _ => {}
        }
        self.reduce(value, ty);
    }

    /// A view made and gone within the iteration.
    pub fn viewed_inside(&mut self, nest: &Nest, array: &Array, ty: Type) {
        let region = self.c.percent(70);
        let known = self.known.clone();
        if region {
            self.f.region_begin();
            self.depth += 1;
        }
        let copied = self.c.percent(20);
        let view = match copied {
            true => Some(Array { reg: self.f.op("tensor.copy", array.reg), ..array.clone() }),
            false => self.view(std::slice::from_ref(array)),
        };
        if let Some(view) = view {
            let value = self.load_at(nest, &view, ty);
            self.reduce(value, ty);
            let value = self.combined(ty, value);
            self.store_at(nest, &view, value.into());
            if self.c.percent(40) {
                let value = self.load_at(nest, array, ty);
                self.reduce(value, ty);
            }
        }
        if region {
            self.depth -= 1;
            self.f.region_end([]);
        }
        self.known = known;
    }

    /// An element moves to a place a little further on or back in the same
    /// tensor, so that a later iteration may read it.
    pub fn copy_elements(&mut self, nest: &Nest, array: &Array) {
        let by = [1, 2, 3, 4, 8][self.c.below(5)];
        let len = array.dims.iter().product::<i64>() - by;
        let near = self.affine(nest, len.max(0));
        let far: Operand = match near {
            Operand::Imm(nbc::ir::Imm::I64(at)) => Operand::from(at.wrapping_add(by)),
            _ => self.f.i64_add(near, by).into(),
        };
        let (from, to) = if self.c.percent(60) { (near, far) } else { (far, near) };
        let Some(ty) = array.scalar() else { return };
        let mut value = self.f.tensor_load(array.reg, from);
        self.learn(value, ty, 0);
        if self.c.percent(50) {
            value = self.combined(ty, value);
        }
        self.f.tensor_store(array.reg, to, value);
    }
}
