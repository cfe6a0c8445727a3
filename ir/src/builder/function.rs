//! Writing one function: registers, blocks, calls, loops and regions.

use super::{Args, Func, ModuleBuilder, Results};
use crate::catalogue::Operation;
use crate::entity::{BlockId, FuncId, OpId, Reg, SigId};
use crate::infer;
use crate::inst::{FieldMut, FieldRef, Imm, Inst, Operand};
use crate::module::{Block, Function};
use crate::suggest;
use crate::types::{Elem, Type};

/// Writes one function of a [`ModuleBuilder`].
///
/// Instructions go to the end of the current block, at first the entry.
/// Literals take the type that the instruction asks for where that changes no
/// value, so `f.i64_add(i, 1)` and `f.f64_mul(x, 2)` mean what they say.
#[derive(Debug)]
pub struct FunctionBuilder<'m> {
    builder: &'m mut ModuleBuilder,
    own: usize,
    block: BlockId,
    line: u32,
    /// Where the next result goes instead of a new register.
    target: Option<Reg>,
}

/// Why a catalogue operation cannot be called so.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The catalogue has no operation of that name.
    #[error("there is no operation `{name}` in the catalogue{}", .nearest.map_or(String::new(), |n| format!("; did you mean `{n}`?")))]
    UnknownOperation {
        /// The name.
        name: String,
        /// A name that may be meant.
        nearest: Option<&'static str>,
    },
    /// The operation does not take that number of arguments.
    #[error("{operation} cannot take {given} arguments")]
    ArgumentCount {
        /// The operation and its signature.
        operation: String,
        /// How many there are.
        given: usize,
    },
    /// An element type does not follow from the arguments.
    #[error("{variable} of {operation} does not follow from the arguments; use `op_with`")]
    UnknownElement {
        /// The operation and its signature.
        operation: String,
        /// The type variable.
        variable: String,
    },
}

impl<'m> FunctionBuilder<'m> {
    pub(super) fn new(builder: &'m mut ModuleBuilder, own: usize) -> FunctionBuilder<'m> {
        let block = BlockId::new(builder.module.functions[own].blocks.len() - 1);
        FunctionBuilder { builder, own, block, line: 0, target: None }
    }

    fn function(&mut self) -> &mut Function {
        &mut self.builder.module.functions[self.own]
    }

    /// The function being written, to call it from itself or from others.
    pub fn func(&self) -> Func {
        Func(FuncId(super::OWN | self.own as u32))
    }

    /// The module around, to add constants, globals or declarations.
    pub fn module(&mut self) -> &mut ModuleBuilder {
        self.builder
    }

    // Registers.

    /// The register of parameter `index`.
    pub fn param(&self, index: usize) -> Reg {
        Reg::new(index)
    }

    /// A new register of type `ty`, not assigned yet.
    pub fn reg(&mut self, ty: Type) -> Reg {
        let function = self.function();
        function.regs.push(ty);
        if !function.reg_names.is_empty() {
            function.reg_names.push(None);
        }
        Reg::new(function.regs.len() - 1)
    }

    /// A new register that begins as `value` and is shown as `name`.
    pub fn var(&mut self, name: &str, value: impl Into<Operand>) -> Reg {
        let value = value.into();
        let reg = self.set_new(value);
        self.name(reg, name)
    }

    fn set_new(&mut self, value: Operand) -> Reg {
        let ty = self.type_of(value).unwrap_or(Type::I64);
        let reg = self.reg(ty);
        self.set(reg, value);
        reg
    }

    /// Names a register for messages and text; gives it back.
    pub fn name(&mut self, reg: Reg, name: &str) -> Reg {
        let function = self.function();
        function.reg_names.resize(function.regs.len(), None);
        if let Some(slot) = function.reg_names.get_mut(reg.index()) {
            *slot = Some(name.to_owned());
        }
        reg
    }

    /// Assigns a value to a register.
    pub fn set(&mut self, reg: Reg, value: impl Into<Operand>) {
        self.target = Some(reg);
        let value = adapt(value.into(), self.type_of(Operand::Reg(reg)));
        match value {
            Operand::Imm(Imm::I32(v)) => self.i32_const(v),
            Operand::Imm(Imm::I64(v)) => self.i64_const(v),
            Operand::Imm(value @ Imm::F32(_)) => self.f32_const(value),
            Operand::Imm(value @ Imm::F64(_)) => self.f64_const(value),
            Operand::Imm(Imm::Bool(v)) => self.bool_const(v),
            Operand::Reg(_) => self.copy(value),
        };
    }

    /// The next result goes to `reg` instead of a new register:
    /// `f.to(i).i64_add(i, 1)`.
    pub fn to(&mut self, reg: Reg) -> &mut Self {
        self.target = Some(reg);
        self
    }

    /// Type of a register or literal; `None` for a register that is not there.
    pub fn type_of(&self, value: impl Into<Operand>) -> Option<Type> {
        match value.into() {
            Operand::Reg(r) => self.builder.module.functions[self.own].regs.get(r.index()).copied(),
            Operand::Imm(imm) => Some(imm.ty()),
        }
    }

    // Blocks.

    /// A new block, empty; it may be named in branches at once and filled
    /// after [`FunctionBuilder::switch_to`].
    pub fn block(&mut self) -> BlockId {
        let blocks = &mut self.function().blocks;
        blocks.push(Block::default());
        BlockId::new(blocks.len() - 1)
    }

    /// A new block with a name.
    pub fn named_block(&mut self, name: &str) -> BlockId {
        let block = self.block();
        self.function().blocks[block.index()].name = Some(name.to_owned());
        block
    }

    /// Goes on at the end of `block`. One that is not of this function is written down
    /// as a branch to a block that is not there, which the verifier refuses.
    pub fn switch_to(&mut self, block: BlockId) {
        if block.index() < self.function().blocks.len() {
            self.block = block;
        } else {
            self.push(Inst::Br { target: BlockId(u32::MAX) });
        }
    }

    /// The block that instructions go to.
    pub fn current(&self) -> BlockId {
        self.block
    }

    /// Whether the current block has its terminator.
    pub fn is_terminated(&self) -> bool {
        let block = &self.builder.module.functions[self.own].blocks[self.block.index()];
        block.insts.last().is_some_and(|i| i.opcode().is_terminator())
    }

    /// The instructions that follow come from line `line` of the source
    /// program; 0 for none.
    pub fn at_line(&mut self, line: u32) {
        self.line = line;
    }

    // Instructions.

    /// Appends an instruction as it is.
    pub fn push(&mut self, inst: Inst) {
        let line = self.line;
        let at = self.block.index();
        let block = &mut self.function().blocks[at];
        if line > 0 || !block.lines.is_empty() {
            block.lines.resize(block.insts.len(), 0);
            block.lines.push(line);
        }
        block.insts.push(inst);
        self.target = None;
    }

    /// Appends an instruction without result.
    pub(super) fn emit(&mut self, mut inst: Inst) {
        self.fit(&mut inst);
        self.push(inst);
    }

    /// Appends an instruction with one result, which is a placeholder as yet.
    pub(super) fn define_one(&mut self, mut inst: Inst) -> Reg {
        let target = self.target.take();
        if let Some(target) = target {
            set_def(&mut inst, target);
        }
        let slots = self.fit(&mut inst);
        let specs = inst.opcode().operands();
        let dst = target.unwrap_or_else(|| {
            // What has no type is wrong, which the verifier will say.
            let ty = infer::deduce(specs, &slots, 0).unwrap_or(Type::I64);
            self.reg(ty)
        });
        set_def(&mut inst, dst);
        self.push(inst);
        dst
    }

    /// Gives literals the types that are asked for; what is known of each operand.
    fn fit(&mut self, inst: &mut Inst) -> Vec<Option<Type>> {
        let specs = inst.opcode().operands();
        let mut slots = Vec::with_capacity(specs.len());
        let module = &self.builder.module;
        inst.for_each_field(|field| {
            slots.push(match field {
                FieldRef::Def(r) => self.type_of(r),
                FieldRef::Use(o) => self.type_of(o),
                FieldRef::Lit(imm) => Some(imm.ty()),
                FieldRef::Func(id) => Some(Type::Func(self.builder.sig_id(id))),
                FieldRef::Global(g) => module.globals.get(g.index()).map(|g| g.ty),
                FieldRef::Const(c) => module.constants.get(c.index()).map(|c| c.value.ty()),
                _ => None,
            });
        });
        let results = match inst {
            Inst::Ret { .. } => {
                let sig = module.functions[self.own].sig;
                module.sigs.get(sig.index()).map(|sig| sig.results.clone()).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let mut at = 0;
        inst.for_each_field_mut(|field| {
            match field {
                FieldMut::Use(o) => {
                    *o = adapt(*o, infer::deduce(specs, &slots, at));
                    if let Operand::Imm(imm) = o {
                        slots[at] = Some(imm.ty());
                    }
                }
                FieldMut::Lit(imm) => {
                    if let Operand::Imm(fitting) = adapt(Operand::Imm(*imm), infer::deduce(specs, &slots, at))
                    {
                        *imm = fitting;
                    }
                }
                FieldMut::Uses(list) => {
                    list.iter_mut().zip(&results).for_each(|(o, ty)| *o = adapt(*o, Some(*ty)));
                }
                _ => {}
            }
            at += 1;
        });
        slots
    }

    // Calls.

    /// Calls a function.
    ///
    /// ```
    /// # use nbc_ir::{Type, builder::ModuleBuilder};
    /// let mut m = ModuleBuilder::new();
    /// let mut f = m.export("fib", [Type::I64], [Type::I64]);
    /// let (n, fib) = (f.param(0), f.func());
    /// let small = f.i64_lt(n, 2);
    /// f.if_then(small, |f| f.ret(n));
    /// let (a, b) = (f.i64_sub(n, 1), f.i64_sub(n, 2));
    /// let (a, b) = (f.call(fib, a).one(), f.call(fib, b).one());
    /// let sum = f.i64_add(a, b);
    /// f.ret(sum);
    /// m.finish().verify().unwrap();
    /// ```
    pub fn call(&mut self, func: Func, args: impl Args) -> Results {
        let sig = self.builder.sig_id(func.0);
        let args = self.arguments(Some(sig), args);
        let results = self.results_of(sig);
        self.push(Inst::Call { results: results.0.clone(), callee: func.0, args });
        results
    }

    /// Calls the function that a register refers to; without results when it
    /// is no function reference, which the verifier refuses.
    pub fn call_ref(&mut self, callee: impl Into<Operand>, args: impl Args) -> Results {
        let callee = callee.into();
        let sig = match self.type_of(callee) {
            Some(Type::Func(sig)) => Some(sig),
            _ => None,
        };
        let args = self.arguments(sig, args);
        let results = sig.map_or(Results([].into()), |sig| self.results_of(sig));
        self.push(Inst::CallRef { results: results.0.clone(), callee, args });
        results
    }

    fn arguments(&self, sig: Option<SigId>, args: impl Args) -> Box<[Operand]> {
        let mut list = Vec::new();
        args.append(&mut list);
        if let Some(sig) = sig {
            let params = self.builder.module.sigs.get(sig.index()).map_or(&[][..], |sig| &sig.params);
            list.iter_mut().zip(params).for_each(|(o, ty)| *o = adapt(*o, Some(*ty)));
        }
        list.into()
    }

    fn results_of(&mut self, sig: SigId) -> Results {
        let types = self.builder.module.sigs.get(sig.index()).map(|sig| sig.results.clone());
        self.new_results(types.unwrap_or_default())
    }

    fn new_results(&mut self, types: Vec<Type>) -> Results {
        // Only the first can be asked for by `to`.
        let mut target = self.target.take();
        Results(types.into_iter().map(|ty| target.take().unwrap_or_else(|| self.reg(ty))).collect())
    }

    /// Runs a catalogue operation that gives one result. Its element types
    /// follow from the arguments.
    ///
    /// ```
    /// # use nbc_ir::{Elem, Type, builder::ModuleBuilder};
    /// let mut m = ModuleBuilder::new();
    /// let mut f = m.export("f", [Type::Tensor(Elem::F32)], [Type::F32]);
    /// let x = f.param(0);
    /// let y = f.op("tensor.add", (x, 2));
    /// let window = f.op("tensor.slice", (y, [0], [10]));
    /// let sum = f.op("tensor.sum", window);
    /// f.ret(sum);
    /// m.finish().verify().unwrap();
    /// ```
    ///
    /// What [`FunctionBuilder::try_op`] fails for is written down as it is, for the
    /// verifier to refuse.
    pub fn op(&mut self, name: &str, args: impl Args) -> Reg {
        self.op_anyway(name, None, args)
    }

    /// Runs a catalogue operation that gives one result, with the element
    /// types given: `f.op_with("tensor.zeros", [Elem::F64], ([n, n],))`.
    pub fn op_with(&mut self, name: &str, elems: impl AsRef<[Elem]>, args: impl Args) -> Reg {
        self.op_anyway(name, Some(elems.as_ref()), args)
    }

    fn op_anyway(&mut self, name: &str, elems: Option<&[Elem]>, args: impl Args) -> Reg {
        let mut list = Vec::new();
        args.append(&mut list);
        match self.try_op(name, elems, &list[..]) {
            Ok(results) => results.one(),
            Err(_) => {
                let callee = self.builder.operation(name, elems.unwrap_or(&[]));
                let results = self.new_results(vec![Type::I64]);
                self.push(Inst::CallOp { results: results.0.clone(), callee, args: list.into() });
                results.one()
            }
        }
    }

    /// Runs a catalogue operation; for names and arguments that come from
    /// elsewhere, and for operations without a result or with several.
    ///
    /// # Errors
    /// When there is no such operation, or it cannot take that number of
    /// arguments. Also when `elems` are not given and do not follow from them.
    pub fn try_op(
        &mut self,
        name: &str,
        elems: Option<&[Elem]>,
        args: impl Args,
    ) -> Result<Results, BuildError> {
        let Some(operation) = Operation::find(name) else {
            let known = crate::catalogue::CATALOGUE.iter().map(|o| o.name);
            let nearest = suggest::nearest(name, known);
            return Err(BuildError::UnknownOperation { name: name.to_owned(), nearest });
        };
        let full_name = || format!("{}{}", operation.name, operation.signature);
        let mut list = Vec::new();
        args.append(&mut list);
        let sig = operation.typed();
        let Some(list_len) = sig.list_len(list.len()) else {
            return Err(BuildError::ArgumentCount { operation: full_name(), given: list.len() });
        };
        let params = sig.flat_params(list_len);
        let found = match elems {
            Some(elems) => elems.iter().map(|e| Some(*e)).collect(),
            None => {
                let types: Vec<Option<Type>> = list.iter().map(|o| self.type_of(*o)).collect();
                infer::elements(&sig, &params, &types, &self.builder.module.sigs)
            }
        };
        for ((variable, _), elem) in sig.vars.iter().zip(&found) {
            if elem.is_none() {
                let variable = variable.clone();
                return Err(BuildError::UnknownElement { operation: full_name(), variable });
            }
        }
        for (o, param) in list.iter_mut().zip(&params) {
            *o = adapt(*o, infer::literal_type(param, &found));
        }
        let elems: Vec<Elem> = found.into_iter().flatten().collect();
        // A result without a type is of a wrong element type, which the verifier refuses.
        let types = sig.results.iter().map(|p| p.result_type(&elems).unwrap_or(Type::I64)).collect();
        let results = self.new_results(types);
        let callee: OpId = self.builder.operation(name, &elems);
        self.push(Inst::CallOp { results: results.0.clone(), callee, args: list.into() });
        Ok(results)
    }

    // Structured control flow.

    fn br_unless_terminated(&mut self, to: BlockId) {
        if !self.is_terminated() {
            self.br(to);
        }
    }

    /// `if cond { then }`.
    pub fn if_then(&mut self, cond: impl Into<Operand>, then: impl FnOnce(&mut Self)) {
        let (yes, done) = (self.block(), self.block());
        self.br_if(cond, yes, done);
        self.switch_to(yes);
        then(self);
        self.br_unless_terminated(done);
        self.switch_to(done);
    }

    /// `if cond { then } else { other }`. To give a value, both assign the
    /// same register.
    pub fn if_else(
        &mut self,
        cond: impl Into<Operand>,
        then: impl FnOnce(&mut Self),
        other: impl FnOnce(&mut Self),
    ) {
        let (yes, no, done) = (self.block(), self.block(), self.block());
        self.br_if(cond, yes, no);
        self.switch_to(yes);
        then(self);
        self.br_unless_terminated(done);
        self.switch_to(no);
        other(self);
        self.br_unless_terminated(done);
        self.switch_to(done);
    }

    /// `while cond { body }`; `cond` is worked out before each round.
    ///
    /// ```
    /// # use nbc_ir::{Type, builder::ModuleBuilder};
    /// let mut m = ModuleBuilder::new();
    /// let mut f = m.export("halvings", [Type::I64], [Type::I64]);
    /// let (n, count) = (f.param(0), f.var("count", 0i64));
    /// f.while_loop(
    ///     |f| f.i64_gt(n, 1),
    ///     |f| {
    ///         f.to(n).i64_shr(n, 1);
    ///         f.to(count).i64_add(count, 1);
    ///     },
    /// );
    /// f.ret(count);
    /// m.finish().verify().unwrap();
    /// ```
    pub fn while_loop<C: Into<Operand>>(
        &mut self,
        cond: impl FnOnce(&mut Self) -> C,
        body: impl FnOnce(&mut Self),
    ) {
        let (header, inside, done) = (self.block(), self.block(), self.block());
        self.br(header);
        self.switch_to(header);
        let cond = cond(self);
        self.br_if(cond, inside, done);
        self.switch_to(inside);
        body(self);
        self.br_unless_terminated(header);
        self.switch_to(done);
    }

    /// `for i in from..to { body }` over i64; `to` is read before each round.
    pub fn for_range(
        &mut self,
        from: impl Into<Operand>,
        to: impl Into<Operand>,
        body: impl FnOnce(&mut Self, Reg),
    ) {
        let i = self.reg(Type::I64);
        self.set(i, from);
        let to = to.into();
        self.while_loop(
            |f| f.i64_lt(i, to),
            |f| {
                body(f, i);
                if !f.is_terminated() {
                    f.to(i).i64_add(i, 1);
                }
            },
        );
    }

    /// A region around `body`; the objects it gives are kept, the others go.
    ///
    /// ```
    /// # use nbc_ir::{Elem, Type, builder::ModuleBuilder};
    /// # let mut m = ModuleBuilder::new();
    /// # let mut f = m.export("f", [Type::Tensor(Elem::F64)], [Type::F64]);
    /// # let x = f.param(0);
    /// let [y] = f.region(|f| {
    ///     let squares = f.op("tensor.mul", (x, x));
    ///     [f.op("tensor.sqrt", squares)]
    /// });
    /// let sum = f.op("tensor.sum", y);
    /// f.ret(sum);
    /// # m.finish().verify().unwrap();
    /// ```
    pub fn region<const N: usize>(&mut self, body: impl FnOnce(&mut Self) -> [Reg; N]) -> [Reg; N] {
        self.region_begin();
        let kept = body(self);
        self.region_end(kept);
        kept
    }
}

fn set_def(inst: &mut Inst, dst: Reg) {
    inst.for_each_field_mut(|field| {
        if let FieldMut::Def(r) = field {
            *r = dst;
        }
    });
}

/// A literal with the type `wanted`, if that changes no value.
fn adapt(value: Operand, wanted: Option<Type>) -> Operand {
    let (Operand::Imm(imm), Some(wanted)) = (value, wanted) else { return value };
    let fitting = match (imm, wanted) {
        (Imm::I32(v), Type::I64) => Some(Imm::I64(v.into())),
        (Imm::I32(v), Type::F64) => Some(Imm::f64(v.into())),
        (Imm::I32(v), Type::F32) if v.unsigned_abs() <= 1 << 24 => Some(Imm::f32(v as f32)),
        (Imm::I64(v), Type::I32) => i32::try_from(v).ok().map(Imm::I32),
        (Imm::I64(v), Type::F64) if v.unsigned_abs() <= 1 << 53 => Some(Imm::f64(v as f64)),
        (Imm::I64(v), Type::F32) if v.unsigned_abs() <= 1 << 24 => Some(Imm::f32(v as f32)),
        (Imm::F32(bits), Type::F64) if !f32::from_bits(bits).is_nan() => {
            Some(Imm::f64(f32::from_bits(bits).into()))
        }
        (Imm::F64(bits), Type::F32) => {
            let narrow = f64::from_bits(bits) as f32;
            (f64::from(narrow).to_bits() == bits).then(|| Imm::f32(narrow))
        }
        _ => None,
    };
    Operand::Imm(fitting.unwrap_or(imm))
}
