//! Operations that call functions of the program, made into loops.
//!
//! `tensor.map` and its like say what is to be done, which is a loop with a call
//! in it. As a loop of instructions it is counted, compiled while it runs, inlined and
//! vectorised as any other. Nothing is to be gained by writing it out by hand.
//! A program is expanded before it is planned and loaded: all tiers see the same loops.
//!
//! Where a device runs functions of the program, maps of those that it takes stay as they are
//! ([`Expanded::for_device`]).
//!
//! A map of a [pure function](elementwise) becomes operations on whole tensors, if elements
//! are many. So it does where operations beside it can make one pass with it.
//!
//! Invariant: what remains has the results and effects of what was there, in the
//! same order. [`Expanded::origin`] says which instruction stands for which, for messages. A
//! function that would get too large stays as it is, and its operations are called.

mod elementwise;

use crate::catalogue::{self, Operation};
use crate::entity::{BlockId, FuncId, OpId, Reg};
use crate::inst::{Imm, Inst, Operand};
use crate::module::{Block, Function, Module, OpRef};
use crate::types::{Elem, Type};
use crate::verify::{MAX_REGION_DEPTH, MAX_REGS, MAX_SIZE, VerifiedModule};
use elementwise::{Elementwise, Step};
use rustc_hash::FxHashMap;
use std::cell::Cell;

/// From so many elements on, operations on whole tensors are faster than a loop.
const LONG: i64 = 1024;
/// Most instructions of a function whose map stands among other operations: what it computes on the way is
/// charged for until the region around ends.
const MOST_BESIDE: usize = 8;
/// More registers than any loop here has.
const MOST_NEW_REGS: usize = 20;
/// More instructions than any loop here has.
const MOST_NEW_INSTS: usize = 40;

/// An operation that becomes a loop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A function of the elements of so many tensors with the same dims.
    Map(usize),
    /// A function of what there is so far and an element.
    Fold,
    /// The same, each result kept.
    Scan,
    /// A function of the flat index.
    Generate,
    /// A function of each row.
    MapRows,
}

impl Kind {
    fn of(name: &str) -> Option<Kind> {
        Some(match name {
            "tensor.map" => Kind::Map(1),
            "tensor.map2" => Kind::Map(2),
            "tensor.map3" => Kind::Map(3),
            "tensor.fold" => Kind::Fold,
            "tensor.scan" => Kind::Scan,
            "tensor.generate" => Kind::Generate,
            "tensor.map_rows" => Kind::MapRows,
            _ => return None,
        })
    }
}

/// A map as operations on whole tensors.
struct Whole {
    function: Elementwise,
    /// Whether there are operations beside it with which it is to make one pass.
    is_beside: bool,
}

/// A module whose operations that call functions are loops.
#[derive(Clone, Debug)]
pub struct Expanded {
    module: VerifiedModule,
    /// By own function, if it changed: by block, where each instruction comes from.
    origins: FxHashMap<u32, Vec<Vec<(u32, u32)>>>,
}

impl Expanded {
    /// The module with loops; `None` where it has no such operations.
    pub fn new(module: &VerifiedModule) -> Option<Expanded> {
        Expanded::but_for(module, &|_| false)
    }

    /// The same where maps, and generated tensors, of functions that `takes` says yes to stay as they are, unless they become
    /// operations on whole tensors. `None` where there are none.
    pub fn for_device(module: &VerifiedModule, takes: &dyn Fn(FuncId) -> bool) -> Option<Expanded> {
        let has_any = Cell::new(false);
        let expanded = Expanded::but_for(module, &|function| {
            let takes = takes(function);
            has_any.set(has_any.get() || takes);
            takes
        });
        expanded.filter(|_| has_any.get())
    }

    fn but_for(module: &VerifiedModule, stays: &dyn Fn(FuncId) -> bool) -> Option<Expanded> {
        if module.ops.iter().all(|op| Kind::of(&op.name).is_none()) {
            return None;
        }
        let mut changed: Module = (**module).clone();
        let mut operations = Operations::new(&changed.ops);
        let mut origins = FxHashMap::default();
        for at in 0..changed.functions.len() {
            let id = FuncId::new(changed.imports.len() + at);
            let depth = module.facts(id).max_depth;
            let parameters = module.func_sig(id).map_or(0, |sig| sig.params.len());
            let func = changed.functions[at].clone();
            let mut writer = Writer::new(module, &mut operations, func, parameters, depth, stays);
            writer.run();
            if let Some(from) = writer.origins {
                changed.functions[at] = writer.func;
                origins.insert(at as u32, from);
            }
        }
        changed.ops = operations.ops;
        // More may be too much for the verifier: then the operations stay.
        changed.verify().ok().map(|module| Expanded { module, origins })
    }

    /// The module.
    pub fn module(&self) -> &VerifiedModule {
        &self.module
    }

    /// Block and position that an instruction of an own function had before.
    pub fn origin(&self, func: FuncId, block: u32, inst: u32) -> (u32, u32) {
        let own = func.index().checked_sub(self.module.imports.len());
        let blocks = own.and_then(|own| self.origins.get(&(own as u32)));
        let found = blocks.and_then(|b| b.get(block as usize)?.get(inst as usize));
        found.copied().unwrap_or((block, inst))
    }
}

/// The operations of a module, and those that loops use besides.
struct Operations {
    ops: Vec<OpRef>,
    ids: FxHashMap<OpRef, OpId>,
    /// For each that was there, what it becomes.
    kinds: Vec<Option<Kind>>,
    /// For each that was there, whether it can make one pass with others.
    beside: Vec<Beside>,
}

/// Whether an operation can make one pass over memory with others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// With those before and behind it.
    Any,
    /// With those before it.
    End,
    No,
}

impl Beside {
    fn of(name: &str) -> Beside {
        match Operation::find(name) {
            Some(op) if op.is_elementwise() => Beside::Any,
            Some(op) if op.pure && op.kind == catalogue::Kind::Reduction && op.in_one_pass => Beside::End,
            _ => Beside::No,
        }
    }
}

impl Operations {
    fn new(ops: &[OpRef]) -> Operations {
        let ids = ops.iter().enumerate().map(|(i, op)| (op.clone(), OpId::new(i))).collect();
        let kinds = ops.iter().map(|op| Kind::of(&op.name)).collect();
        let beside = ops.iter().map(|op| Beside::of(&op.name)).collect();
        Operations { ops: ops.to_vec(), ids, kinds, beside }
    }

    fn op(&mut self, name: &str, elems: &[Elem]) -> OpId {
        let op = OpRef { name: name.to_owned(), elems: elems.into() };
        *self.ids.entry(op).or_insert_with_key(|op| {
            self.ops.push(op.clone());
            OpId::new(self.ops.len() - 1)
        })
    }
}

/// Writes one function anew.
struct Writer<'m> {
    module: &'m VerifiedModule,
    operations: &'m mut Operations,
    func: Function,
    parameters: usize,
    depth: u32,
    /// Functions whose maps stay.
    stays: &'m dyn Fn(FuncId) -> bool,
    /// Registers of functions that are written, with the function if it is always the same one.
    known: FxHashMap<Reg, Option<FuncId>>,
    /// Instructions of the whole function, the new ones included.
    size: usize,
    /// For each block where its instructions come from; `None` while nothing has changed.
    origins: Option<Vec<Vec<(u32, u32)>>>,
    /// The block that is being written, and where what is written comes from.
    at: usize,
    from: (u32, u32),
    line: u32,
}

impl<'m> Writer<'m> {
    fn new(
        module: &'m VerifiedModule,
        operations: &'m mut Operations,
        func: Function,
        parameters: usize,
        depth: u32,
        stays: &'m dyn Fn(FuncId) -> bool,
    ) -> Writer<'m> {
        let size = func.size();
        let known = FxHashMap::default();
        Writer {
            module,
            operations,
            func,
            parameters,
            depth,
            stays,
            known,
            size,
            origins: None,
            at: 0,
            from: (0, 0),
            line: 0,
        }
    }

    fn kind(&self, inst: &Inst) -> Option<Kind> {
        let Inst::CallOp { callee, .. } = inst else { return None };
        self.operations.kinds.get(callee.index()).copied().flatten()
    }

    fn run(&mut self) {
        let has_any = self.func.blocks.iter().any(|b| b.insts.iter().any(|i| self.kind(i).is_some()));
        if !has_any {
            return;
        }
        self.find_known();
        let old = std::mem::take(&mut self.func.blocks);
        self.origins = Some(vec![Vec::new(); old.len()]);
        self.func.blocks = old
            .iter()
            .map(|b| Block { name: b.name.clone(), insts: Vec::new(), lines: Vec::new() })
            .collect();
        for (block, was) in old.into_iter().enumerate() {
            self.at = block;
            let mut whole = self.whole(&was.insts);
            for (position, inst) in was.insts.into_iter().enumerate() {
                self.from = (block as u32, position as u32);
                self.line = was.lines.get(position).copied().unwrap_or(0);
                let whole = whole.remove(&position);
                let steps = whole.as_ref().map_or(0, |w| w.function.steps.len());
                match self.kind(&inst) {
                    Some(kind) if whole.is_none() && self.is_to_stay(kind, &inst) => self.push(inst),
                    Some(kind) if self.has_room(kind, steps) => self.expand(kind, &inst, whole),
                    _ => self.push(inst),
                }
            }
        }
    }

    /// Whether a device runs the function that is called, if there is but one that it can be.
    fn is_to_stay(&self, kind: Kind, inst: &Inst) -> bool {
        let Inst::CallOp { args, .. } = inst else { return false };
        let function = args.last().and_then(|f| self.known.get(&f.reg()?).copied().flatten());
        matches!(kind, Kind::Map(_) | Kind::Generate) && function.is_some_and(self.stays)
    }

    fn find_known(&mut self) {
        for inst in self.func.blocks.iter().flat_map(|b| &b.insts) {
            let function = match inst {
                Inst::FuncRef { callee, .. } => Some(*callee),
                _ => None,
            };
            let (regs, known) = (&self.func.regs, &mut self.known);
            inst.for_each_def(|reg| {
                if matches!(regs[reg.index()], Type::Func(_)) {
                    known
                        .entry(reg)
                        .and_modify(|f| *f = f.filter(|f| Some(*f) == function))
                        .or_insert(function);
                }
            });
        }
        // Parameters have values from elsewhere.
        let parameters = self.parameters;
        self.known.retain(|reg, _| reg.index() >= parameters);
    }

    /// Maps of a block, by position, whose functions are operations on whole tensors.
    fn whole(&self, insts: &[Inst]) -> FxHashMap<usize, Whole> {
        let mut found = FxHashMap::default();
        // Results that others could go together with, with the position where each is made.
        let mut results: FxHashMap<Reg, usize> = FxHashMap::default();
        for (position, inst) in insts.iter().enumerate() {
            let mut beside = Beside::No;
            if let Inst::CallOp { callee, args, .. } = inst {
                beside = self.operations.beside.get(callee.index()).copied().unwrap_or(Beside::No);
                if let Some(function) = self.function_of_map(*callee, args) {
                    found.insert(position, Whole { function, is_beside: false });
                    beside = Beside::Any;
                }
                if beside != Beside::No {
                    let makers: Vec<usize> =
                        args.iter().filter_map(|a| results.get(&a.reg()?).copied()).collect();
                    if !makers.is_empty() {
                        for at in makers.into_iter().chain([position]) {
                            found.entry(at).and_modify(|whole: &mut Whole| {
                                whole.is_beside = whole.function.steps.len() <= MOST_BESIDE;
                            });
                        }
                    }
                }
            }
            inst.for_each_def(|reg| {
                results.remove(&reg);
                if beside == Beside::Any {
                    results.insert(reg, position);
                }
            });
        }
        found
    }

    /// The function of a map, if there is but one that it can be, as operations.
    fn function_of_map(&self, callee: OpId, args: &[Operand]) -> Option<Elementwise> {
        let Kind::Map(tensors) = self.operations.kinds.get(callee.index()).copied().flatten()? else {
            return None;
        };
        let func = self.module.function(self.known.get(&args.last()?.reg()?).copied().flatten()?)?;
        let elems = &self.operations.ops[callee.index()].elems;
        Elementwise::of(func, &elems[..tensors], elems[tensors])
    }

    /// Whether a loop may be written, and so many operations besides.
    fn has_room(&mut self, kind: Kind, operations: usize) -> bool {
        let (regs, insts) = (MOST_NEW_REGS + operations, MOST_NEW_INSTS + operations);
        let room = self.func.regs.len() + regs <= MAX_REGS && self.size + insts <= MAX_SIZE;
        let deep = kind == Kind::MapRows && self.depth >= MAX_REGION_DEPTH;
        if room && !deep {
            self.size += insts;
        }
        room && !deep
    }

    fn push(&mut self, inst: Inst) {
        let block = &mut self.func.blocks[self.at];
        block.insts.push(inst);
        block.lines.push(self.line);
        if let Some(origins) = &mut self.origins {
            origins[self.at].push(self.from);
        }
    }

    fn reg(&mut self, ty: Type) -> Reg {
        let reg = Reg::new(self.func.regs.len());
        self.func.regs.push(ty);
        if !self.func.reg_names.is_empty() {
            self.func.reg_names.push(None);
        }
        reg
    }

    fn block(&mut self) -> BlockId {
        let id = BlockId::new(self.func.blocks.len());
        self.func.blocks.push(Block::default());
        self.origins.as_mut().expect("a function that changes has them").push(Vec::new());
        id
    }

    fn op(&mut self, name: &str, elems: &[Elem], args: &[Operand], ty: Type) -> Reg {
        let callee = self.operations.op(name, elems);
        let dst = self.reg(ty);
        self.push(Inst::CallOp { results: Box::new([dst]), callee, args: args.into() });
        dst
    }

    /// A view of all elements along one axis.
    fn flat(&mut self, elem: Elem, x: Operand, n: Reg) -> Reg {
        self.op("tensor.reshape", &[elem], &[x, n.into()], Type::Tensor(elem))
    }

    /// A loop whose counter goes up to `n`: what `body` writes.
    fn count(&mut self, n: Reg, body: impl FnOnce(&mut Self, Reg)) {
        let (i, more) = (self.reg(Type::I64), self.reg(Type::Bool));
        let (test, inside, after) = (self.block(), self.block(), self.block());
        self.push(Inst::I64Const { dst: i, value: Imm::I64(0) });
        self.push(Inst::Br { target: test });
        self.at = test.index();
        self.push(Inst::I64Lt { dst: more, a: i.into(), b: n.into() });
        self.push(Inst::BrIf { cond: more.into(), then_to: inside, else_to: after });
        self.at = inside.index();
        body(self, i);
        self.push(Inst::I64Add { dst: i, a: i.into(), b: Operand::Imm(Imm::I64(1)) });
        self.push(Inst::Br { target: test });
        self.at = after.index();
    }

    /// Calls the function, by its name where there is but one that it can be.
    fn call(&mut self, function: Operand, args: &[Operand], ty: Type) -> Reg {
        let dst = self.reg(ty);
        let (results, args) = (Box::new([dst]), args.into());
        let known = match function {
            Operand::Reg(reg) => self.known.get(&reg).copied().flatten(),
            Operand::Imm(_) => None,
        };
        self.push(match known {
            Some(callee) => Inst::Call { results, callee, args },
            None => Inst::CallRef { results, callee: function, args },
        });
        dst
    }

    fn load(&mut self, elem: Elem, x: Reg, i: Reg) -> Operand {
        let dst = self.reg(scalar(elem));
        self.push(Inst::TensorLoad { dst, x: x.into(), i: i.into() });
        dst.into()
    }

    fn store(&mut self, x: Reg, i: Reg, value: Reg) {
        self.push(Inst::TensorStore { x: x.into(), i: i.into(), value: value.into() });
    }

    fn len(&mut self, x: Operand) -> Reg {
        let n = self.reg(Type::I64);
        self.push(Inst::TensorLen { dst: n, x });
        n
    }

    fn expand(&mut self, kind: Kind, inst: &Inst, whole: Option<Whole>) {
        let Inst::CallOp { results, callee, args } = inst else { return };
        let elems = self.operations.ops[callee.index()].elems.clone();
        let [result] = results[..] else { return };
        let last = args[args.len() - 1];
        match kind {
            Kind::Map(tensors) => self.map(&elems, &args[..tensors], last, result, whole),
            Kind::Fold | Kind::Scan => self.fold(kind, &elems, args[0], args[1], last, result),
            Kind::Generate => self.generate(elems[0], &args[..args.len() - 1], last, result),
            Kind::MapRows => self.map_rows(&elems, args[0], last, result),
        }
    }

    fn map(
        &mut self,
        elems: &[Elem],
        tensors: &[Operand],
        function: Operand,
        result: Reg,
        whole: Option<Whole>,
    ) {
        let from = &elems[..tensors.len()];
        for (&elem, &other) in from.iter().zip(tensors).skip(1) {
            // Traps where dims differ.
            let callee = self.operations.op("tensor.same_dims", &[from[0], elem]);
            self.push(Inst::CallOp { results: Box::new([]), callee, args: Box::new([tensors[0], other]) });
        }
        match whole {
            Some(whole) if whole.is_beside => {
                let out = self.operations_of(whole.function, tensors);
                self.push(Inst::Copy { dst: result, a: out.into() });
            }
            Some(whole) if self.depth < MAX_REGION_DEPTH => {
                let (n, is_long) = (self.len(tensors[0]), self.reg(Type::Bool));
                let (long, short, after) = (self.block(), self.block(), self.block());
                self.push(Inst::I64Ge { dst: is_long, a: n.into(), b: Operand::Imm(Imm::I64(LONG)) });
                self.push(Inst::BrIf { cond: is_long.into(), then_to: long, else_to: short });
                self.at = long.index();
                // What is computed on the way is gone afterwards.
                self.push(Inst::RegionBegin {});
                let out = self.operations_of(whole.function, tensors);
                self.push(Inst::RegionEnd { kept: Box::new([out]) });
                self.push(Inst::Copy { dst: result, a: out.into() });
                self.push(Inst::Br { target: after });
                self.at = short.index();
                self.map_one_by_one(elems, tensors, function, result);
                self.push(Inst::Br { target: after });
                self.at = after.index();
            }
            _ => self.map_one_by_one(elems, tensors, function, result),
        }
    }

    fn map_one_by_one(&mut self, elems: &[Elem], tensors: &[Operand], function: Operand, result: Reg) {
        let (from, to) = (&elems[..tensors.len()], elems[tensors.len()]);
        let n = self.len(tensors[0]);
        let out = self.op("tensor.zeros_like", &[from[0], to], &[tensors[0]], Type::Tensor(to));
        let flat: Vec<Reg> = from.iter().zip(tensors).map(|(elem, x)| self.flat(*elem, *x, n)).collect();
        let flat_out = self.flat(to, out.into(), n);
        self.count(n, |it, i| {
            let values: Vec<Operand> =
                from.iter().zip(&flat).map(|(elem, x)| it.load(*elem, *x, i)).collect();
            let value = it.call(function, &values, scalar(to));
            it.store(flat_out, i, value);
        });
        self.push(Inst::Copy { dst: result, a: out.into() });
    }

    /// The operations of a function, of whole tensors.
    fn operations_of(&mut self, function: Elementwise, tensors: &[Operand]) -> Reg {
        let mut now: FxHashMap<Reg, Operand> = FxHashMap::default();
        now.extend(tensors.iter().enumerate().map(|(at, tensor)| (Reg::new(at), *tensor)));
        let named = |now: &FxHashMap<Reg, Operand>, operand: Operand| match operand {
            Operand::Reg(reg) => now[&reg],
            Operand::Imm(_) => operand,
        };
        for step in function.steps {
            let (dst, value) = match step {
                Step::Copy { dst, a } => (dst, named(&now, a)),
                Step::Scalar { mut inst, dst } => {
                    let new = self.reg(function.regs[dst.index()]);
                    inst.map_uses(|operand| named(&now, operand));
                    inst.map_defs(|_| new);
                    self.push(inst);
                    (dst, new.into())
                }
                Step::Operation { name, elems, args, dst, ty } => {
                    let args: Vec<Operand> = args.into_iter().map(|arg| named(&now, arg)).collect();
                    (dst, self.op(name, &elems, &args, ty).into())
                }
            };
            now.insert(dst, value);
        }
        now[&function.result].reg().expect("the result is a tensor")
    }

    fn fold(
        &mut self,
        kind: Kind,
        elems: &[Elem],
        x: Operand,
        first: Operand,
        function: Operand,
        result: Reg,
    ) {
        let (from, to) = (elems[0], elems[1]);
        let n = self.len(x);
        let out = (kind == Kind::Scan).then(|| {
            let out = self.op("tensor.zeros_like", &[from, to], &[x], Type::Tensor(to));
            (out, self.flat(to, out.into(), n))
        });
        let flat = self.flat(from, x, n);
        let sum = self.reg(scalar(to));
        self.push(Inst::Copy { dst: sum, a: first });
        self.count(n, |it, i| {
            let value = it.load(from, flat, i);
            let next = it.call(function, &[sum.into(), value], scalar(to));
            it.push(Inst::Copy { dst: sum, a: next.into() });
            if let Some((_, flat_out)) = out {
                it.store(flat_out, i, sum);
            }
        });
        self.push(Inst::Copy { dst: result, a: out.map_or(sum, |(out, _)| out).into() });
    }

    fn generate(&mut self, elem: Elem, dims: &[Operand], function: Operand, result: Reg) {
        let out = self.op("tensor.zeros", &[elem], dims, Type::Tensor(elem));
        let n = self.len(out.into());
        let flat = self.flat(elem, out.into(), n);
        self.count(n, |it, i| {
            let value = it.call(function, &[i.into()], scalar(elem));
            it.store(flat, i, value);
        });
        self.push(Inst::Copy { dst: result, a: out.into() });
    }

    fn map_rows(&mut self, elems: &[Elem], x: Operand, function: Operand, result: Reg) {
        let (from, to) = (elems[0], elems[1]);
        let n = self.reg(Type::I64);
        self.push(Inst::TensorDim { dst: n, x, axis: Operand::Imm(Imm::I64(0)) });
        let out = self.op("tensor.zeros", &[to], &[n.into()], Type::Tensor(to));
        self.count(n, |it, i| {
            // What a call leaves behind is gone before the next.
            it.push(Inst::RegionBegin {});
            let row = it.op("tensor.row", &[from], &[x, i.into()], Type::Tensor(from));
            let value = it.call(function, &[row.into()], scalar(to));
            it.push(Inst::RegionEnd { kept: Box::new([]) });
            it.store(out, i, value);
        });
        self.push(Inst::Copy { dst: result, a: out.into() });
    }
}

/// What an element is in a register. The verifier has seen that it is a scalar.
fn scalar(elem: Elem) -> Type {
    elem.scalar().expect("the catalogue asks for scalars")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(text: &str) -> VerifiedModule {
        Module::parse(text, "test.nba").unwrap().verify().unwrap()
    }

    fn names(module: &Module, opcode: crate::Opcode) -> usize {
        let insts = module.functions.iter().flat_map(|f| &f.blocks).flat_map(|b| &b.insts);
        insts.filter(|i| i.opcode() == opcode).count()
    }

    const TWICE: &str = "func @twice(%x: f64) -> f64 {\n  %r = f64.fma %x, %x, %x\n  ret %r\n}\n";

    #[test]
    fn operations_that_call_become_loops_and_know_where_they_come_from() {
        let module = verified(&format!(
            "{TWICE}export func @main(%x: tensor<f64>) -> f64 {{
  %f = func.ref @twice
  %y = tensor.map %x, %f
  %y = tensor.map %y, %f
  %r = tensor.sum %y
  ret %r
}}"
        ));
        let expanded = Expanded::new(&module).unwrap();
        let main = FuncId::new(1);
        let blocks = &expanded.module().function(main).unwrap().blocks;
        assert_eq!(blocks.len(), 1 + 2 * 3);
        // The function is known, so it is called by its name.
        assert_eq!(names(expanded.module(), crate::Opcode::Call), 2);
        assert_eq!(names(expanded.module(), crate::Opcode::CallRef), 0);
        for (at, block) in blocks.iter().enumerate() {
            for (inst, _) in block.insts.iter().enumerate() {
                let (from_block, from) = expanded.origin(main, at as u32, inst as u32);
                assert_eq!(from_block, 0);
                assert_eq!(block.line(inst), module.function(main).unwrap().blocks[0].line(from as usize));
            }
        }
        // Others stay where they were.
        assert_eq!(expanded.origin(FuncId::new(0), 0, 1), (0, 1));
    }

    #[test]
    fn modules_without_them_are_left_alone() {
        assert!(Expanded::new(&verified(TWICE)).is_none());
    }

    #[test]
    fn functions_that_may_be_others_are_called_by_reference() {
        let module = verified(&format!(
            "{TWICE}func @same(%x: f64) -> f64 {{\n  ret %x\n}}
export func @main(%c: bool, %x: tensor<f64>, %g: func<(f64) -> f64>) -> tensor<f64> {{
  %f = func.ref @twice
  br_if %c, a, b
a:
  %f = func.ref @same
  br b
b:
  %y = tensor.map %x, %f
  %z = tensor.map %y, %g
  ret %z
}}"
        ));
        let expanded = Expanded::new(&module).unwrap();
        assert_eq!(names(expanded.module(), crate::Opcode::CallRef), 2);
    }

    #[test]
    fn what_gets_too_large_stays() {
        // Nearly as many registers as a function may have.
        let assign: String = (0..MAX_REGS - 24).map(|i| format!("  %r{i} = f64.const 0.0\n")).collect();
        let maps = "  %y = tensor.map %x, %f\n".repeat(10);
        let module = verified(&format!(
            "{TWICE}export func @main(%x: tensor<f64>) {{\n  %f = func.ref @twice\n{assign}{maps}  ret\n}}"
        ));
        let expanded = Expanded::new(&module).unwrap();
        let calls = names(expanded.module(), crate::Opcode::CallOp);
        // One was made a loop (which calls three operations), and nine stayed.
        assert_eq!((names(expanded.module(), crate::Opcode::Call), calls), (1, 9 + 3));
    }

    #[test]
    fn many_take_no_longer_than_their_number_says() {
        let maps = "  %y = tensor.map %x, %f\n".repeat(20_000);
        let module = verified(&format!(
            "{TWICE}export func @main(%x: tensor<f64>) {{\n  %f = func.ref @twice\n{maps}  ret\n}}"
        ));
        // Registers end first.
        let expanded = Expanded::new(&module).unwrap();
        assert!(names(expanded.module(), crate::Opcode::Call) > 4_000);
    }
}
