//! Loop nests over tensors, as a compiler's loop passes look for them, and what
//! breaks such passes: indices that leave their tensor by one, counters near the
//! ends of their type, steps of 0, views of one tensor at shifted places. So do
//! traps in the middle, exits, calls, and globals that show how far a nest came.
//!
//! The generator knows the range of every counter of a tame loop, and the least
//! dims of every tensor. So most nests run to their end.

use super::body::Body;
use super::literal;
use nbc::ir::{BlockId, Elem, Operand, Reg, Type};

/// A tensor with the dims that it has at least.
#[derive(Clone)]
pub struct Array {
    pub reg: Reg,
    pub elem: Elem,
    pub dims: Vec<i64>,
}

impl Array {
    pub fn scalar(&self) -> Option<Type> {
        self.elem.scalar()
    }

    fn len(&self) -> i64 {
        self.dims.iter().product()
    }
}

/// A register that counts, with the least and greatest value that it has in the
/// body of its loop, as far as that is known.
#[derive(Clone, Copy)]
pub struct Axis {
    pub reg: Reg,
    pub low: i64,
    pub high: i64,
}

/// Where a nest is being written.
pub struct Nest {
    pub arrays: Vec<Array>,
    /// Counters of the loops around, the innermost last.
    axes: Vec<Axis>,
    /// Loops still to be opened.
    depth: usize,
    /// An index that runs on through all loops, stepped by the innermost.
    running: Option<Reg>,
}

impl Nest {
    /// A counter around: the innermost, or one further out.
    pub fn innermost(&self, out: usize) -> Option<Axis> {
        self.axes.iter().rev().nth(out).or(self.axes.last()).copied()
    }
}

/// A loop counter: registers, first value, iterations and step of a tame one.
struct Counter {
    /// As it is compared and stepped.
    reg: Reg,
    limit: Operand,
    step: Operand,
    compare: usize,
    axis: Axis,
}

impl Body<'_, '_, '_> {
    /// A nest of one to three loops over some tensors.
    pub fn nest(&mut self) {
        let mut arrays = self.arrays();
        if arrays.is_empty() {
            return;
        }
        for _ in 0..self.c.below(3) {
            let view = self.view(&arrays);
            arrays.extend(view);
        }
        let known = self.known.clone();
        let region = self.c.percent(15);
        if region {
            self.f.region_begin();
            self.depth += 1;
        }
        let depth = 1 + self.c.below(6) / 2;
        let running = match self.c.percent(15) {
            true => {
                let first = self.c.below(3) as i64;
                let reg = self.f.reg(Type::I64);
                self.f.set(reg, first);
                Some(reg)
            }
            false => None,
        };
        let mut nest = Nest { arrays, axes: Vec::new(), depth, running };
        self.level += 1;
        self.open(&mut nest);
        self.level -= 1;
        if region {
            self.depth -= 1;
            self.f.region_end([]);
        }
        self.known = known;
    }

    /// Tensors to work on: variables, arguments, globals, constants.
    fn arrays(&mut self) -> Vec<Array> {
        let mut arrays = self.given.clone();
        let shared = self.shared;
        for _ in 0..1 + self.c.below(3) {
            let at = self.c.below(shared.tensors.len());
            let (id, elem, _) = shared.tensors[at];
            let dims: Vec<i64> = shared.dims[at].iter().map(|d| *d as i64).collect();
            if elem.scalar().is_none() || dims.is_empty() {
                continue;
            }
            let reg = match self.c.below(8) {
                // Read-only: a store traps.
                7 => self.f.const_get(id),
                6 => match shared.object {
                    Some((global, of)) if of == id => self.f.global_get(global),
                    _ => self.f.const_get(id),
                },
                0..=2 => {
                    // A variable begins as this, unless it has been assigned since.
                    let constant = self.f.const_get(id);
                    self.f.op("tensor.copy", constant)
                }
                _ => {
                    let ty = Type::Tensor(elem);
                    let var = self.vars.iter().find(|v| v.ty == ty && v.rank == dims.len()).copied();
                    let assigned = var.filter(|v| self.known.iter().any(|k| k.reg == v.reg));
                    match assigned {
                        Some(var) => var.reg,
                        None => self.f.const_get(id),
                    }
                }
            };
            arrays.push(Array { reg, elem, dims });
        }
        arrays
    }

    /// Another view of one of the tensors, at a shifted place.
    pub fn view(&mut self, arrays: &[Array]) -> Option<Array> {
        let at = self.c.below(arrays.len());
        let Array { reg, elem, dims } = arrays[at].clone();
        let (first, rest) = dims.split_first()?;
        let shift = self.c.below(4) as i64;
        if *first <= shift {
            return None;
        }
        match self.c.below(4) {
            0 | 1 => {
                let len = first - shift - self.c.below(2) as i64;
                let len = len.max(0);
                let reg = self.f.op("tensor.slice0", (reg, shift, shift + len));
                Some(Array { reg, elem, dims: [&[len], rest].concat() })
            }
            2 => {
                let reg = self.f.op("tensor.reshape", (reg, [-1i64]));
                Some(Array { reg, elem, dims: vec![dims.iter().product()] })
            }
            _ if !rest.is_empty() => {
                let reg = self.f.op("tensor.row", (reg, shift));
                Some(Array { reg, elem, dims: rest.to_vec() })
            }
            _ => None,
        }
    }

    /// A loop of the nest and all that is in it.
    fn open(&mut self, nest: &mut Nest) {
        nest.depth -= 1;
        let counter = self.tame_or_wild(nest);
        let (inside, done) = (self.f.block(), self.f.block());
        let known = self.known.clone();
        // 0, 1: tested first; 2: tested last, behind a test; 3: tested last.
        let shape = self.c.below(4);
        let head = match shape {
            0 | 1 => {
                let head = self.f.block();
                self.f.br(head);
                self.begin(head);
                if self.c.percent(10) {
                    self.nest_statement(nest, done, None);
                }
                self.test(&counter, inside, done);
                head
            }
            2 => {
                self.test(&counter, inside, done);
                inside
            }
            _ => {
                self.f.br(inside);
                inside
            }
        };
        self.begin(inside);
        let mut axis = counter.axis;
        if self.f.type_of(counter.reg) == Some(Type::I32) {
            axis.reg = self.f.i64_extend_i32(counter.reg);
        }
        nest.axes.push(axis);
        self.learn(axis.reg, Type::I64, 0);
        self.counters.push(axis.reg);
        let latch = self.f.block();
        let before = self.c.below(if nest.depth == 0 { 5 } else { 2 });
        for _ in 0..before {
            self.nest_statement(nest, done, Some(latch));
        }
        if nest.depth > 0 {
            self.open(nest);
            nest.depth += 1;
            for _ in 0..self.c.below(2) {
                self.nest_statement(nest, done, Some(latch));
            }
        } else {
            self.nest_statement(nest, done, Some(latch));
            if let Some(running) = nest.running {
                self.f.to(running).i64_add(running, 1);
            }
        }
        self.f.br(latch);
        self.begin(latch);
        nest.axes.pop();
        self.counters.pop();
        self.known = known;
        self.advance(&counter);
        match shape {
            0 | 1 => self.f.br(head),
            _ => self.test(&counter, inside, done),
        }
        self.begin(done);
    }

    fn advance(&mut self, counter: &Counter) {
        let (reg, step) = (counter.reg, counter.step);
        if self.f.type_of(reg) == Some(Type::I32) {
            self.f.to(reg).i32_add(reg, step);
            return;
        }
        match (self.c.below(4), step) {
            (0, Operand::Imm(nbc::ir::Imm::I64(by))) => {
                self.f.to(reg).i64_sub(reg, by.wrapping_neg());
            }
            (1, _) => {
                self.f.to(reg).i64_add(step, reg);
            }
            _ => {
                self.f.to(reg).i64_add(reg, step);
            }
        }
    }

    fn test(&mut self, counter: &Counter, inside: BlockId, done: BlockId) {
        let (a, b) = (counter.reg, counter.limit);
        let narrow = self.f.type_of(a) == Some(Type::I32);
        let f = &mut self.f;
        let cond = match (counter.compare, narrow) {
            (0, false) => f.i64_lt(a, b),
            (1, false) => f.i64_le(a, b),
            (2, false) => f.i64_ne(a, b),
            (3, false) => f.i64_gt(a, b),
            (4, false) => f.i64_ge(a, b),
            (5, false) => f.i64_lt_u(a, b),
            (6, false) => f.i64_ge_u(a, b),
            (_, false) => f.i64_eq(a, b),
            (0, true) => f.i32_lt(a, b),
            (1, true) => f.i32_le(a, b),
            (2, true) => f.i32_ne(a, b),
            (3, true) => f.i32_gt(a, b),
            (4, true) => f.i32_ge(a, b),
            (5, true) => f.i32_lt_u(a, b),
            (6, true) => f.i32_ge_u(a, b),
            (_, true) => f.i32_eq(a, b),
        };
        match self.c.percent(15) {
            true => {
                let not = self.f.bool_not(cond);
                self.f.br_if(not, done, inside);
            }
            false => self.f.br_if(cond, inside, done),
        }
    }

    /// The counter of a loop, which has its first value now.
    fn tame_or_wild(&mut self, nest: &Nest) -> Counter {
        if self.c.percent(6) {
            return self.wild_counter();
        }
        let narrow = self.c.percent(20);
        let ty = if narrow { Type::I32 } else { Type::I64 };
        let reg = self.f.reg(ty);
        let step: i64 = [1, 1, 1, 1, 2, 3, -1, -2][self.c.below(8)];
        let turns = [6, 0, 1, 2, 3, 4, 5, 7, 8, 9][self.c.below(10)];
        let mut first = if step > 0 { self.c.below(3) as i64 } else { step.abs() * turns };
        let mut last = first + step * turns;
        // Up to or from the counter of a loop around: triangles.
        let outer = nest.axes.last().copied().filter(|_| !narrow && step.abs() == 1);
        let (mut from, mut to) = (Operand::from(first), None);
        if let Some(outer) = outer.filter(|o| o.low.unsigned_abs() < 1000 && o.high.unsigned_abs() < 1000)
            && self.c.percent(35)
        {
            let off = self.c.below(3) as i64;
            if self.c.percent(50) {
                // From the outer counter: up to the last, down to the first.
                from = outer.reg.into();
                (first, last) = match step > 0 {
                    true => (outer.low, outer.high.max(last)),
                    false => (outer.high, outer.low.min(last)),
                };
            } else {
                to = Some(if off == 0 { outer.reg } else { self.f.i64_add(outer.reg, off) });
                (first, last) = match step > 0 {
                    true => (first.min(outer.low), outer.high + off),
                    false => (first.max(outer.high + off), outer.low + off),
                };
                from = Operand::from(first);
            }
        }
        let compare = match (step > 0, self.c.below(8)) {
            (true, 6) => 2,
            (true, 7) => 5,
            (true, 5) => 1,
            (true, _) => 0,
            (false, 6) => 2,
            (false, 5) => 4,
            (false, _) => 3,
        };
        if let Some((bound, most)) = self.bound
            && step == 1
            && !narrow
            && to.is_none()
            && self.c.percent(40)
        {
            to = Some(bound);
            last = most;
        }
        // As many iterations, whatever the comparison.
        let bound = match compare {
            1 => last - 1,
            4 => last + 1,
            _ => last,
        };
        let (low, high) = if step > 0 { (first, last - 1) } else { (last + 1, first) };
        let (low, high) = (low.min(high), high.max(low));
        if narrow {
            self.f.set(reg, first as i32);
        } else {
            self.f.set(reg, from);
        }
        let limit = match to {
            Some(to) => to.into(),
            None if narrow => self.held(Operand::from(bound as i32), ty),
            None => match nest.arrays.iter().find(|a| a.dims[0] == bound) {
                // As programs have it: up to the length.
                Some(array) if self.c.percent(60) => match array.dims.len() {
                    1 => self.f.tensor_len(array.reg).into(),
                    _ => self.f.tensor_dim(array.reg, 0).into(),
                },
                _ => self.held(Operand::from(bound), ty),
            },
        };
        let step = match narrow {
            true => self.held(Operand::from(step as i32), ty),
            false => self.held(Operand::from(step), ty),
        };
        Counter { reg, limit, step, compare, axis: Axis { reg, low, high } }
    }

    /// A literal as it is, or in a register.
    fn held(&mut self, value: Operand, ty: Type) -> Operand {
        if !self.c.percent(30) {
            return value;
        }
        let reg = self.f.reg(ty);
        self.f.set(reg, value);
        reg.into()
    }

    /// A counter that may run past the ends of its type, or never end.
    fn wild_counter(&mut self) -> Counter {
        let narrow = self.c.percent(35);
        let near = self.c.below(6) as i64 - 1;
        let (least, most) = if narrow { (i32::MIN.into(), i32::MAX.into()) } else { (i64::MIN, i64::MAX) };
        let ends = [most - 4, least, most, least + 4, 0, -1, 1, most / 2];
        let first = ends[self.c.below(8)];
        let bound = match self.c.below(4) {
            0 => ends[self.c.below(8)],
            _ => first.wrapping_add(near + 2),
        };
        let step = [1, -1, 2, 0, 3, most, most / 2 + 1, -3][self.c.below(8)];
        let compare = self.c.below(8);
        let ty = if narrow { Type::I32 } else { Type::I64 };
        let reg = self.f.reg(ty);
        let operand = |v: i64| if narrow { Operand::from(v as i32) } else { Operand::from(v) };
        self.f.set(reg, operand(first));
        let limit = self.held(operand(bound), ty);
        let step = self.held(operand(step), ty);
        let axis = Axis { reg, low: first, high: first.saturating_add(5) };
        Counter { reg, limit, step, compare, axis }
    }

    /// Something that one iteration does. `out` leaves the loop, `next` the iteration.
    fn nest_statement(&mut self, nest: &Nest, out: BlockId, next: Option<BlockId>) {
        self.room = self.room.saturating_sub(1);
        let at = self.c.below(nest.arrays.len());
        let array = nest.arrays[at].clone();
        let Some(ty) = array.scalar() else { return };
        match self.c.below(27) {
            0..=2 => {
                let value = self.load_at(nest, &array, ty);
                self.reduce(value, ty);
            }
            3..=5 => {
                let value = self.operand(ty);
                self.store_at(nest, &array, value);
            }
            6 | 7 => self.update(nest, &array, ty),
            8 | 9 => {
                // From one tensor to another, which may be the same memory.
                let other = self.c.below(nest.arrays.len());
                let from = nest.arrays[other].clone();
                if from.elem == array.elem {
                    let value = self.load_at(nest, &from, ty);
                    self.store_at(nest, &array, value.into());
                }
            }
            10 => {
                let value = self.load_at(nest, &array, ty);
                let mixed = self.combined(ty, value);
                self.reduce(mixed, ty);
            }
            11 | 12 => self.instruction(),
            13 => self.quotient(nest),
            14 => self.tell(),
            15 => self.on_one_turn(nest, out, next),
            16 => self.only_if(nest, &array, ty),
            17 => self.call_routine(),
            18 => self.call(),
            19 => self.viewed_inside(nest, &array, ty),
            20 => {
                let value = self.operand(Type::I64);
                self.reduce_with(Type::I64, value);
            }
            21 if nest.axes.len() > 1 => self.copy_elements(nest, &array),
            22 => self.again(nest, &array, ty),
            24..=26 => self.recurrence(nest, &array, ty),
            _ => {
                let value = self.load_at(nest, &array, ty);
                self.store_at(nest, &array, value.into());
            }
        }
    }

    /// Indices for an element of `array`: one, or one for each axis of it.
    pub fn indices(&mut self, nest: &Nest, array: &Array) -> Vec<Operand> {
        let rank = array.dims.len();
        if (2..=3).contains(&rank) && self.c.percent(70) {
            return array.dims.iter().map(|d| self.affine(nest, *d)).collect();
        }
        vec![self.affine(nest, array.len())]
    }

    /// A sum of counters times literals and a literal, mostly below `len`.
    pub fn affine(&mut self, nest: &Nest, len: i64) -> Operand {
        if let Some(running) = nest.running
            && self.c.percent(25)
        {
            return running.into();
        }
        let mut terms: Vec<(Axis, i64)> = Vec::new();
        if let Some((inner, outer)) = nest.axes.split_last() {
            let by = [1, 1, 1, 1, 1, 2, -1, 3][self.c.below(8)];
            terms.push((*inner, by));
            for axis in outer {
                if self.c.percent(30) {
                    let by = [1, 8, 2, -1, 4, 3][self.c.below(6)];
                    terms.push((*axis, by));
                }
            }
        }
        let range = |terms: &[(Axis, i64)]| {
            let ends = |(axis, by): &(Axis, i64)| {
                let (a, b) =
                    (i128::from(axis.low) * i128::from(*by), i128::from(axis.high) * i128::from(*by));
                (a.min(b), a.max(b))
            };
            terms.iter().map(ends).fold((0, 0), |(l, h), (a, b)| (l + a, h + b))
        };
        // Fewer terms until they fit.
        while terms.len() > 1 && range(&terms).1 - range(&terms).0 >= i128::from(len) {
            terms.pop();
        }
        let (low, high) = range(&terms);
        if high - low >= i128::from(len)
            && let Some((axis, _)) = terms.first()
            && self.c.percent(85)
        {
            // A remainder is always in range.
            return match len {
                ..=0 => Operand::from(0i64),
                8 | 16 => self.f.i64_and(axis.reg, len - 1).into(),
                _ => self.f.i64_rem_u(axis.reg, len).into(),
            };
        }
        let room = (i128::from(len) - 1 - (high - low)).max(0) as usize;
        let offset = match self.c.below(16) {
            15 => -low - 1,
            14 => i128::from(len) - high,
            _ => -low + self.c.below(room + 1) as i128,
        };
        self.sum_of(&terms, offset as i64)
    }

    /// The code of an affine index, in one of many ways to write it.
    pub fn sum_of(&mut self, terms: &[(Axis, i64)], offset: i64) -> Operand {
        let mut sum: Option<Reg> = None;
        let early = self.c.percent(25);
        for (axis, by) in terms {
            let (mut reg, by) = (axis.reg, *by);
            if by != 1 {
                reg = match self.c.below(3) {
                    0 if by == -1 => self.f.i64_neg(reg),
                    0 if by > 0 && by & (by - 1) == 0 => self.f.i64_shl(reg, i64::from(by.trailing_zeros())),
                    1 if by == 2 => self.f.i64_add(reg, reg),
                    2 => self.f.i64_mul(by, reg),
                    _ => self.f.i64_mul(reg, by),
                };
            }
            if early && sum.is_none() && offset != 0 {
                reg = self.f.i64_add(reg, offset);
            }
            sum = Some(match sum {
                Some(sum) => self.f.i64_add(sum, reg),
                None => reg,
            });
        }
        match sum {
            None => Operand::from(offset),
            Some(sum) if offset == 0 || early => sum.into(),
            Some(sum) => match self.c.below(3) {
                0 => self.f.i64_sub(sum, offset.wrapping_neg()).into(),
                1 => self.f.i64_add(offset, sum).into(),
                _ => self.f.i64_add(sum, offset).into(),
            },
        }
    }

    pub fn load_at(&mut self, nest: &Nest, array: &Array, ty: Type) -> Reg {
        let at = self.indices(nest, array);
        let reg = self.load_from(array, &at);
        self.learn(reg, ty, 0);
        reg
    }

    pub fn load_from(&mut self, array: &Array, at: &[Operand]) -> Reg {
        match *at {
            [i] => self.f.tensor_load(array.reg, i),
            [i, j] => self.f.tensor_load2(array.reg, i, j),
            _ => self.f.tensor_load3(array.reg, at[0], at[1], at[2]),
        }
    }

    pub fn store_at(&mut self, nest: &Nest, array: &Array, value: Operand) {
        let at = self.indices(nest, array);
        self.store_to(array, &at, value);
    }

    pub fn store_to(&mut self, array: &Array, at: &[Operand], value: Operand) {
        match *at {
            [i] => self.f.tensor_store(array.reg, i, value),
            [i, j] => self.f.tensor_store2(array.reg, i, j, value),
            _ => self.f.tensor_store3(array.reg, at[0], at[1], at[2], value),
        }
    }

    /// Reads an element, changes it and writes it back.
    fn update(&mut self, nest: &Nest, array: &Array, ty: Type) {
        let at = self.indices(nest, array);
        let value = self.load_from(array, &at);
        let value = self.combined(ty, value);
        self.store_to(array, &at, value.into());
    }

    /// `value` and another one, combined.
    pub fn combined(&mut self, ty: Type, value: Reg) -> Reg {
        let other = match self.c.percent(50) {
            true => self.operand(ty),
            false => Operand::Imm(literal(self.c, ty)),
        };
        let f = &mut self.f;
        let reg = match (ty, self.c.below(6)) {
            (Type::F64, 0) => f.f64_add(value, other),
            (Type::F64, 1) => f.f64_mul(value, other),
            (Type::F64, 2) => f.f64_sub(other, value),
            (Type::F64, 3) => f.f64_min(value, other),
            (Type::F64, 4) => f.f64_div(value, other),
            (Type::F64, _) => f.f64_sqrt(value),
            (Type::F32, 0) => f.f32_add(value, other),
            (Type::F32, 1) => f.f32_mul(value, other),
            (Type::F32, 2) => f.f32_sub(other, value),
            (Type::F32, 3) => f.f32_max(value, other),
            (Type::F32, _) => f.f32_neg(value),
            (Type::I64, 0) => f.i64_add(value, other),
            (Type::I64, 1) => f.i64_mul(value, other),
            (Type::I64, 2) => f.i64_xor(value, other),
            (Type::I64, 3) => f.i64_shl(value, other),
            (Type::I64, 4) => f.i64_min(value, other),
            (Type::I64, _) => f.i64_sub(other, value),
            (Type::I32, 0) => f.i32_add(value, other),
            (Type::I32, 1) => f.i32_mul(value, other),
            (Type::I32, 2) => f.i32_and(value, other),
            (Type::I32, 3) => f.i32_shr(value, other),
            (Type::I32, 4) => f.i32_max_u(value, other),
            (Type::I32, _) => f.i32_sub(other, value),
            (_, 0) => f.bool_and(value, other),
            (_, 1) => f.bool_or(value, other),
            (_, _) => f.bool_xor(value, other),
        };
        self.learn(reg, ty, 0);
        reg
    }

    /// Takes a value into a variable that lives on after the loop.
    pub fn reduce(&mut self, value: Reg, ty: Type) {
        self.reduce_with(ty, value.into());
    }

    pub fn reduce_with(&mut self, ty: Type, value: Operand) {
        let used: Vec<Reg> = self.counters.clone();
        // The counter of a loop is a variable only where the loop has been come to.
        let is_there = |v: &&super::body::Known| self.known.iter().any(|k| k.reg == v.reg);
        let vars = self.vars.iter().filter(|v| v.ty == ty && !used.contains(&v.reg)).filter(is_there);
        let vars: Vec<Reg> = vars.map(|v| v.reg).collect();
        if vars.is_empty() {
            return;
        }
        let sum = self.c.pick(&vars);
        let choice = self.c.below(4);
        let f = self.f.to(sum);
        match (ty, choice) {
            (Type::F64, 0) => f.f64_add(sum, value),
            (Type::F64, 1) => f.f64_max(sum, value),
            (Type::F64, 2) => f.f64_sub(sum, value),
            (Type::F64, _) => f.f64_add(value, sum),
            (Type::F32, 0) => f.f32_add(sum, value),
            (Type::F32, 1) => f.f32_min(sum, value),
            (Type::F32, _) => f.f32_mul(sum, value),
            (Type::I64, 0) => f.i64_add(sum, value),
            (Type::I64, 1) => f.i64_xor(value, sum),
            (Type::I64, 2) => f.i64_max(sum, value),
            (Type::I64, _) => f.i64_mul(sum, value),
            (Type::I32, 0) => f.i32_add(sum, value),
            (Type::I32, 1) => f.i32_or(sum, value),
            (Type::I32, 2) => f.i32_min_u(sum, value),
            (Type::I32, _) => f.i32_sub(sum, value),
            (_, 0) => f.bool_or(sum, value),
            (_, _) => f.bool_xor(sum, value),
        };
    }
}
