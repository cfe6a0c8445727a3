//! Instructions of a random function: any of the table, with operands of the
//! types it wants.

use super::nest::Array;
use super::{SCALARS, Shared, literal};
use crate::choices::Choices;
use nbc::ir::builder::FunctionBuilder;
use nbc::ir::inst::{Field, Opcode, OperandSpec, Pattern, Role};
use nbc::ir::{BlockId, Elem, Inst, Item, Operand, Reg, Type};

/// A register that holds a value here.
#[derive(Clone, Copy)]
pub struct Known {
    pub reg: Reg,
    pub ty: Type,
    /// Rank that a tensor is thought to have.
    pub rank: usize,
    /// Depth of the region of an object.
    pub depth: usize,
}

/// A function being written.
pub struct Body<'a, 'c, 'm> {
    pub c: &'a mut Choices<'c>,
    pub f: FunctionBuilder<'m>,
    pub shared: &'a Shared,
    pub results: &'a [Type],
    /// What can be read, the newest last.
    pub known: Vec<Known>,
    /// What may be assigned anywhere.
    pub vars: Vec<Known>,
    /// Counters of the loops around.
    pub counters: Vec<Reg>,
    /// Blocks outside of regions that were begun.
    pub blocks: Vec<BlockId>,
    /// Regions open here.
    pub depth: usize,
    /// Statements inside each other.
    pub level: usize,
    /// Instructions that may still be written.
    pub room: usize,
    /// Tensors that nests work on rather than others.
    pub given: Vec<Array>,
    /// A number of iterations that is asked for, and the most it is.
    pub bound: Option<(Reg, i64)>,
}

/// Those that fuse, or that others fuse with.
const FAVOURITES: [Opcode; 40] = {
    use Opcode::*;
    [
        I64Add,
        I64Add,
        I64Add,
        I64Sub,
        I64Mul,
        I64And,
        I64Or,
        I64Xor,
        I64Shl,
        I64ShrU,
        I64Shr,
        I64Min,
        I32Add,
        I32Add,
        I32Sub,
        I32Mul,
        I32And,
        I32Xor,
        I32ShrU,
        F64Add,
        F64Add,
        F64Sub,
        F64Mul,
        F64Mul,
        F64Div,
        F32Add,
        F32Mul,
        TensorLoad,
        TensorLoad,
        TensorLoad2,
        TensorStore,
        TensorStore,
        TensorStore2,
        Copy,
        Copy,
        Select,
        I64Lt,
        F64Lt,
        I32Lt,
        I64ExtendI32,
    ]
};

impl<'a, 'c, 'm> Body<'a, 'c, 'm> {
    pub fn new(
        c: &'a mut Choices<'c>,
        f: FunctionBuilder<'m>,
        shared: &'a Shared,
        results: &'a [Type],
    ) -> Body<'a, 'c, 'm> {
        let (known, vars, counters, blocks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (given, bound) = (Vec::new(), None);
        Body {
            c,
            f,
            shared,
            results,
            known,
            vars,
            counters,
            blocks,
            depth: 0,
            level: 0,
            room: 400,
            given,
            bound,
        }
    }

    /// A register of that type that holds a value, the latest rather than others.
    pub fn find(&mut self, ty: Type, rank: Option<usize>) -> Option<Known> {
        let fits = |k: &&Known| k.ty == ty && rank.is_none_or(|r| r == k.rank);
        let number = self.known.iter().filter(fits).count();
        if number == 0 {
            return None;
        }
        let back = if self.c.percent(55) { 0 } else { self.c.below(number) };
        self.known.iter().rev().filter(fits).nth(back).copied()
    }

    /// A value of that type.
    pub fn operand(&mut self, ty: Type) -> Operand {
        if ty.is_scalar() && self.c.percent(25) {
            return Operand::Imm(literal(self.c, ty));
        }
        match (self.find(ty, None), ty) {
            (Some(k), _) => Operand::Reg(k.reg),
            (None, Type::Func(_)) => {
                let map = self.c.below(self.shared.maps.len().max(1));
                let own = self.f.func();
                let func = self.shared.maps.get(map).copied().unwrap_or(own);
                Operand::Reg(self.f.func_ref(func))
            }
            (None, Type::Tensor(elem)) => Operand::Reg(self.tensor(elem)),
            _ => Operand::Imm(literal(self.c, ty)),
        }
    }

    /// A tensor of that element type, a new one if need be.
    pub fn tensor(&mut self, elem: Elem) -> Reg {
        let found = self.shared.tensors.iter().find(|t| t.1 == elem);
        let (id, rank) = found.map_or((self.shared.tensors[0].0, 1), |t| (t.0, t.2));
        let constant = self.f.const_get(id);
        let reg = match self.c.percent(80) {
            true => self.f.op("tensor.copy", constant),
            false => constant,
        };
        self.learn(reg, Type::Tensor(elem), rank);
        reg
    }

    /// Notes that `reg` holds a value now.
    pub fn learn(&mut self, reg: Reg, ty: Type, rank: usize) {
        let depth = self.depth;
        self.known.push(Known { reg, ty, rank, depth });
    }

    /// Where a result of that type goes: a new register or a variable.
    fn target(&mut self, ty: Type, rank: usize) -> Reg {
        let depth = self.depth;
        let fits = |k: &&Known| {
            k.ty == ty && (!ty.is_object() || depth == 0 && k.rank == rank) || k.ty == ty && ty.is_scalar()
        };
        let number = self.vars.iter().filter(fits).count();
        if number > 0 && self.c.percent(35) {
            let at = self.c.below(number);
            let var = *self.vars.iter().filter(fits).nth(at).expect("counted");
            // It is the newest value now.
            self.known.retain(|k| k.reg != var.reg);
            self.known.push(var);
            return var.reg;
        }
        let reg = self.f.reg(ty);
        self.learn(reg, ty, rank);
        reg
    }

    /// An index: mostly of an element that is there, often a sum with a literal.
    pub fn index(&mut self) -> Operand {
        let choice = self.c.below(16);
        if choice < 3 {
            return Operand::Imm((self.c.below(9) as i64).into());
        }
        if choice < 4 {
            return self.operand(Type::I64);
        }
        let base = match self.counters.last() {
            Some(counter) if choice < 10 && self.f.type_of(*counter) == Some(Type::I64) => *counter,
            _ => {
                let value = self.operand(Type::I64);
                self.f.i64_and(value, [7i64, 3, 15][choice % 3])
            }
        };
        let offset = self.c.below(12) as i64 - 2;
        match self.c.below(4) {
            0 => base.into(),
            1 => self.f.i64_sub(base, -offset).into(),
            2 => self.f.i64_add(offset, base).into(),
            _ => self.f.i64_add(base, offset).into(),
        }
    }

    /// Some instruction that is no terminator.
    pub fn instruction(&mut self) {
        self.room = self.room.saturating_sub(1);
        let opcode = match self.c.percent(60) {
            true => self.c.pick(&FAVOURITES),
            false => self.c.pick(Opcode::ALL),
        };
        match opcode {
            _ if opcode.is_terminator() => self.call(),
            Opcode::Call => self.call(),
            Opcode::CallOp => self.operation(),
            Opcode::CallRef => {
                let ty = Type::Func(self.shared.map_sig);
                let (callee, arg) = (self.operand(ty), self.operand(Type::F64));
                let result = self.f.call_ref(callee, arg).one();
                self.learn(result, Type::F64, 0);
            }
            Opcode::FuncRef => {
                let Some(map) = self.shared.maps.first() else { return };
                let reg = self.f.func_ref(*map);
                self.learn(reg, Type::Func(self.shared.map_sig), 0);
            }
            Opcode::GlobalGet | Opcode::GlobalSet if self.shared.globals.is_empty() => {}
            Opcode::GlobalGet => {
                let (id, ty) = self.c.pick(&self.shared.globals);
                let reg = self.f.global_get(id);
                self.known.push(Known { reg, ty, rank: 1, depth: 0 });
            }
            Opcode::GlobalSet => {
                let (id, ty) = self.c.pick(&self.shared.globals);
                let value = self.operand(ty);
                self.f.global_set(id, value);
            }
            Opcode::ConstGet => {
                let (id, elem, rank) = self.c.pick(&self.shared.tensors);
                let reg = self.f.const_get(id);
                self.known.push(Known { reg, ty: Type::Tensor(elem), rank, depth: 0 });
            }
            Opcode::RegionBegin | Opcode::RegionEnd | Opcode::RegionRenew => self.operation(),
            Opcode::ListNew => self.new_list(),
            _ => self.of_table(opcode),
        }
    }

    fn new_list(&mut self) {
        let len =
            if self.c.percent(90) { Operand::Imm((self.c.below(12) as i64).into()) } else { self.index() };
        let object = self.c.percent(25);
        let ty = if object { Type::Tensor(Elem::F64) } else { self.c.pick(&SCALARS) };
        let fill = self.operand(ty);
        let Some(item) = Item::from_type(ty) else { return };
        let reg = self.f.list_new(len, fill);
        // The builder knows the type of a list by its fill.
        if self.f.type_of(reg) == Some(Type::List(item)) {
            self.learn(reg, Type::List(item), 0);
        }
    }

    /// An instruction whose operands are scalars, a tensor or a list.
    fn of_table(&mut self, opcode: Opcode) {
        let specs: &[OperandSpec] = opcode.operands();
        let indices = specs.iter().filter(|s| matches!(s.name, "i" | "j" | "k")).count();
        let has = |p: Pattern| specs.iter().any(|s| s.pattern == p);
        let mut object = None;
        if has(Pattern::Tensor) || has(Pattern::Complex) {
            let wanted: Vec<Known> = self
                .known
                .iter()
                .filter(|k| match k.ty {
                    Type::Tensor(Elem::C64 | Elem::C128) => has(Pattern::Complex) || indices == 0,
                    Type::Tensor(_) => !has(Pattern::Complex),
                    _ => false,
                })
                .copied()
                .collect();
            let of_rank: Vec<Known> =
                wanted.iter().filter(|k| indices < 2 || k.rank == indices).copied().collect();
            let from = if of_rank.is_empty() || self.c.percent(4) { wanted } else { of_rank };
            if from.is_empty() {
                return;
            }
            object = Some(self.c.pick(&from));
        } else if has(Pattern::List) {
            let lists: Vec<Known> =
                self.known.iter().filter(|k| matches!(k.ty, Type::List(_))).copied().collect();
            if lists.is_empty() {
                return self.new_list();
            }
            object = Some(self.c.pick(&lists));
        }
        let part = match object.map(|k| k.ty) {
            Some(Type::Tensor(Elem::C64)) => Type::F32,
            Some(Type::Tensor(Elem::C128)) => Type::F64,
            Some(Type::Tensor(Elem::U8)) => Type::I32,
            Some(Type::Tensor(elem)) => scalar_of(elem),
            Some(Type::List(item)) => item.ty(),
            _ => self.c.pick(&SCALARS),
        };
        // `copy` and `select` now and then take an object.
        let mut rank = object.map_or(1, |k| k.rank);
        let mut same = self.c.pick(&SCALARS);
        if has(Pattern::Same)
            && self.c.percent(15)
            && let Some(k) = self.find(Type::Tensor(Elem::F64), None)
        {
            (same, rank) = (k.ty, k.rank);
        }
        let ty_of = |p: Pattern| match p {
            Pattern::Exact(ty) => ty,
            Pattern::Same => same,
            Pattern::Tensor | Pattern::Complex | Pattern::List => object.map_or(Type::I64, |k| k.ty),
            _ => part,
        };
        // Operands first: the target must not count as known to them.
        let mut fields = Vec::new();
        for spec in specs {
            let ty = ty_of(spec.pattern);
            fields.push(match spec.role {
                Role::Def => None,
                Role::Lit => Some(Field::Lit(literal(self.c, ty))),
                Role::Use => Some(Field::Use(match spec.pattern {
                    Pattern::Tensor | Pattern::Complex | Pattern::List => match object {
                        Some(k) => Operand::Reg(k.reg),
                        None => return,
                    },
                    Pattern::Same if same.is_object() => match self.find(same, Some(rank)) {
                        Some(k) => Operand::Reg(k.reg),
                        None => return,
                    },
                    _ if matches!(spec.name, "i" | "j" | "k") => self.index(),
                    _ if spec.name == "axis" => Operand::Imm((self.c.below(3) as i64).into()),
                    _ => self.operand(ty),
                })),
                _ => return,
            });
        }
        // An object may come from a deeper region than it would if copied.
        let fields: Vec<Field> = fields
            .into_iter()
            .zip(specs)
            .map(|(field, spec)| field.unwrap_or_else(|| Field::Def(self.target(ty_of(spec.pattern), rank))))
            .collect();
        if let Some(inst) = Inst::from_fields(opcode, fields) {
            self.f.push(inst);
        }
    }

    /// A call of some function, or of this one.
    pub fn call(&mut self) {
        if self.shared.callable.is_empty() {
            return;
        }
        let at = self.c.below(self.shared.callable.len());
        let (func, params, results) = &self.shared.callable[at];
        let args: Vec<Operand> = params.iter().map(|ty| self.operand(*ty)).collect();
        let made = self.f.call(*func, args);
        for (reg, ty) in made.iter().zip(results) {
            self.learn(*reg, *ty, 1);
        }
    }

    /// An operation of the catalogue; those that make control flow or views.
    fn operation(&mut self) {
        let tensors: Vec<Known> =
            self.known.iter().filter(|k| matches!(k.ty, Type::Tensor(_))).copied().collect();
        if tensors.is_empty() {
            return;
        }
        let x = self.c.pick(&tensors);
        let Type::Tensor(elem) = x.ty else { return };
        let float = matches!(elem, Elem::F32 | Elem::F64);
        let real = !matches!(elem, Elem::Bool | Elem::C64 | Elem::C128);
        match self.c.below(18) {
            0 => {
                // Some are large enough for a buffer of their own.
                let n = self.c.below(20) as i64 + if self.c.percent(30) { 128 } else { 0 };
                let reg = self.f.op_with("tensor.zeros", [Elem::F64], ([n],));
                self.learn(reg, Type::Tensor(Elem::F64), 1);
            }
            1 => {
                let reg = self.f.op("tensor.copy", x.reg);
                self.learn(reg, x.ty, x.rank);
            }
            2 if real => {
                let reg = self.f.op("tensor.sum", x.reg);
                let ty = if elem == Elem::U8 { Type::I32 } else { scalar_of(elem) };
                self.learn(reg, ty, 0);
            }
            3 if real => {
                let reg = self.f.op("tensor.add", (x.reg, x.reg));
                self.learn(reg, x.ty, x.rank);
            }
            4 if elem == Elem::F64 => {
                let func = self.operand(Type::Func(self.shared.map_sig));
                let reg = self.f.op("tensor.map", (Operand::Reg(x.reg), func));
                self.learn(reg, x.ty, x.rank);
            }
            5 => {
                let (from, to) = (self.c.below(4) as i64, self.c.below(20) as i64);
                let reg = self.f.op("tensor.slice0", (x.reg, from, to));
                self.learn(reg, x.ty, x.rank);
            }
            6 => {
                let reg = self.f.op("tensor.reshape", (x.reg, [-1i64]));
                self.learn(reg, x.ty, 1);
            }
            7 if x.rank == 2 => {
                let at = self.index();
                let reg = self.f.op("tensor.row", (Operand::Reg(x.reg), at));
                self.learn(reg, x.ty, 1);
            }
            8 if float => {
                let reg = self.f.op("tensor.mul", (x.reg, x.reg));
                self.learn(reg, x.ty, x.rank);
            }
            9 => {
                let n = self.c.below(12) as i64;
                let reg = self.f.op_with("tensor.random", [Elem::F64], ([n], 7i64));
                self.learn(reg, Type::Tensor(Elem::F64), 1);
            }
            // Results of one operation: numbers, and tensors that are both new.
            10 if real => {
                let results = self.f.try_op("tensor.minmax", None, x.reg).expect("a real tensor");
                for reg in results.iter() {
                    self.learn(*reg, scalar_of(elem), 0);
                }
            }
            11 if real && x.rank > 0 => {
                let axis = self.c.below(x.rank) as i64;
                let args = (Operand::Reg(x.reg), axis);
                let results = self.f.try_op("tensor.sort_with_places", None, args).expect("a real tensor");
                for (reg, ty) in results.iter().zip([x.ty, Type::Tensor(Elem::I64)]) {
                    self.learn(*reg, ty, x.rank);
                }
            }
            12 if real => self.chain(x.reg, elem, x.rank),
            13 => self.group(),
            14..=16 => self.any_operation(x),
            _ => self.call(),
        }
    }

    /// Elementwise operations one after the other: what is between them dies at the next, unless
    /// it is read later or looked at through a view.
    fn chain(&mut self, first: Reg, of_first: Elem, rank: usize) {
        let (mut at, mut elem) = (first, of_first);
        for _ in 0..2 + self.c.below(4) {
            let (before, of_before) = (at, elem);
            // The other operand of the same type: it may be alive, or the same tensor.
            let other = if elem == of_first && self.c.percent(60) { first } else { at };
            at = match self.c.below(9) {
                0 => self.f.op("tensor.neg", at),
                1 => self.f.op("tensor.add", (other, at)),
                2 => self.f.op("tensor.sub", (at, other)),
                3 => self.f.op("tensor.maximum", (other, at)),
                4 => {
                    let less = self.f.op("tensor.lt", (at, other));
                    self.f.op("tensor.where", (less, at, other))
                }
                5 => {
                    elem = self.c.pick(&[Elem::F64, Elem::I64, Elem::F32, Elem::I32]);
                    self.f.op_with("tensor.cast", [of_before, elem], at)
                }
                6 => {
                    let view = self.f.op("tensor.reshape", (at, [-1i64]));
                    self.learn(view, Type::Tensor(elem), 1);
                    self.f.op("tensor.abs", at)
                }
                7 => {
                    let same = self.f.copy(at);
                    self.f.op("tensor.abs", same)
                }
                _ => self.f.op("tensor.mul", (at, at)),
            };
            if self.c.percent(20) {
                self.learn(before, Type::Tensor(of_before), rank);
            }
        }
        self.learn(at, Type::Tensor(elem), rank);
    }
}

/// The scalar type of a real element.
fn scalar_of(elem: Elem) -> Type {
    match elem {
        Elem::U8 | Elem::I32 => Type::I32,
        Elem::I64 => Type::I64,
        Elem::F32 | Elem::C64 => Type::F32,
        Elem::F64 | Elem::C128 => Type::F64,
        Elem::Bool => Type::Bool,
    }
}
