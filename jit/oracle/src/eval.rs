//! The evaluator: one function of the mid-end's form, node by node.
//!
//! Whatever a sound function never does ends the evaluation with [`Stop::Wrong`]. A trap has the
//! frames that its nodes say they come from. Nodes are counted, and those that run between two
//! looks at clock and interrupt flag.

use crate::compare::{End, Outcome};
use crate::object::{self, List, Object, part_size};
use crate::operation::Operations;
use crate::state::{Budget, Kind, Picture, State};
use crate::value::{self, Pointer, Slot};
use crate::{Stop, scalar, wrong};
use nbc_ir::inst::{FieldRef, Imm};
use nbc_ir::{BlockId, Elem, FuncId, Inst, OpId, Opcode, Operand, Reg, Type, VerifiedModule};
use nbc_jit::midend::pass::fuel::charge;
use nbc_jit::mir::{self, Address, Entry, Field, Func, Lanes, MirNode, MirOp, Ty};
use nbc_runtime::abi::CodeLocation;
use nbc_runtime::abi::calls::NATIVE_SLICE;
use nbc_runtime::trap::{TrapCode, TrapError};
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// How long an evaluation may go on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most nodes.
    pub steps: u64,
    /// Deepest calls.
    pub depth: u32,
    /// Where fuel is not metered and all passes have run: after so many nodes of the function
    /// without a look at clock and interrupt flag something is wrong, for which steps are added.
    pub silent: Option<u64>,
}

/// Where an evaluation begins.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// As a call with these arguments.
    Call(&'a [Slot]),
    /// In the middle of a call, of which this is the interpreter's frame.
    Resume(&'a [Slot]),
}

/// Who watches the function that is evaluated, not those that it calls.
pub trait Observer {
    /// A block begins.
    fn block(&mut self, func: &Func, block: BlockId, regs: &[Slot]) {
        let _ = (func, block, regs);
    }

    /// A node, of that number in its block, is about to run.
    fn node(&mut self, func: &Func, block: BlockId, at: usize, regs: &[Slot], state: &State) {
        let _ = (func, block, at, regs, state);
    }

    /// A function, of whatever depth, is about to be called.
    fn call(&mut self, callee: FuncId, args: &[Slot], state: &State) {
        let _ = (callee, args, state);
    }
}

/// Who watches nothing.
pub struct Nobody;

impl Observer for Nobody {}

/// Evaluates functions of one module.
pub struct Oracle<'m> {
    module: &'m VerifiedModule,
    operations: &'m mut Operations,
    metered: bool,
    built: FxHashMap<FuncId, Rc<Func>>,
}

impl<'m> Oracle<'m> {
    /// For that module, with or without fuel.
    pub fn new(module: &'m VerifiedModule, operations: &'m mut Operations, metered: bool) -> Oracle<'m> {
        Oracle { module, operations, metered, built: FxHashMap::default() }
    }

    /// A function as built, with its charges where fuel is metered.
    pub fn built(&mut self, id: FuncId) -> Rc<Func> {
        let (module, metered) = (self.module, self.metered);
        let build = || {
            let mut func = mir::build(module, id);
            if metered {
                charge::insert(&mut func);
            }
            Rc::new(func)
        };
        Rc::clone(self.built.entry(id).or_insert_with(build))
    }

    /// Evaluates `func` from `start`, in that state.
    pub fn evaluate(
        &mut self,
        func: &Func,
        start: Start<'_>,
        state: State,
        limits: Limits,
        observer: &mut dyn Observer,
    ) -> Outcome {
        let mut run = Run {
            oracle: self,
            state,
            limits,
            observer,
            nodes: 0,
            silent: 0,
            most_silent: 0,
            frames: Vec::new(),
        };
        let result = run.enter(func, start);
        let Run { state, nodes, silent, most_silent, frames, .. } = run;
        let mut picture = Picture::default();
        let end = match result.and_then(|values| {
            values.iter().zip(&func.results).try_for_each(|(v, ty)| picture.add(&state.heap, *v, *ty))?;
            Ok(values)
        }) {
            Ok(values) => End::Returned(values),
            Err(Stop::Trap(error)) => End::Trapped(error, frames),
            Err(stop) => End::Stopped(stop),
        };
        let end = match picture.add_all(&state) {
            Err(stop) if !matches!(end, End::Stopped(_)) => End::Stopped(stop),
            _ => end,
        };
        Outcome { end, picture, nodes, most_silent: most_silent.max(silent), state }
    }
}

/// One evaluation.
struct Run<'o, 'm> {
    oracle: &'o mut Oracle<'m>,
    state: State,
    limits: Limits,
    observer: &'o mut dyn Observer,
    nodes: u64,
    /// Nodes of the function itself since the last look, and the most there were.
    silent: u64,
    most_silent: u64,
    /// Of the trap on its way out.
    frames: Vec<CodeLocation>,
}

/// Where a block goes on.
enum Flow {
    On,
    To(BlockId),
    Return(Vec<Slot>),
}

/// A call that runs.
struct Frame<'f> {
    func: &'f Func,
    regs: Vec<Slot>,
    depth: u32,
}

impl Frame<'_> {
    fn get(&self, operand: Operand) -> Result<Slot, Stop> {
        match operand {
            Operand::Imm(imm) => Ok(Slot::Bits(imm.to_slot())),
            Operand::Reg(r) => match self.regs.get(r.index()) {
                Some(Slot::Unset) | None => Err(wrong(format!("{r:?} is read before it is written"))),
                Some(slot) => Ok(*slot),
            },
        }
    }

    fn bits(&self, operand: Operand) -> Result<u64, Stop> {
        self.get(operand)?.bits()
    }

    fn value_type(&self, operand: Operand) -> Result<Type, Stop> {
        self.func.ty(operand).value().ok_or_else(|| wrong("a value was wanted"))
    }

    fn lanes(&self, reg: Reg) -> Result<Lanes, Stop> {
        match self.func.regs[reg.index()] {
            Ty::Vector(lanes) => Ok(lanes),
            other => Err(wrong(format!("{reg:?} is a {other}, not a vector"))),
        }
    }
}

impl Run<'_, '_> {
    fn enter(&mut self, func: &Func, start: Start<'_>) -> Result<Vec<Slot>, Stop> {
        let regs = vec![Slot::Unset; func.regs.len()];
        let mut frame = Frame { func, regs, depth: 0 };
        match (&func.entry, start) {
            (Entry::Call { params }, Start::Call(args)) if args.len() == *params => {
                self.begin_call(&mut frame, args)?;
            }
            (Entry::Resume { live }, Start::Resume(slots)) => {
                for (reg, slot) in live {
                    let value = slots.get(*slot as usize).copied().unwrap_or_default();
                    // What is alive on some way only may not be there yet.
                    if value != Slot::Unset {
                        self.define(&mut frame, *reg, value)?;
                    }
                }
            }
            _ => return Err(wrong("the function is not entered like that")),
        }
        self.run(frame)
    }

    fn begin_call(&mut self, frame: &mut Frame<'_>, args: &[Slot]) -> Result<(), Stop> {
        for (n, value) in args.iter().enumerate() {
            self.define(frame, Reg::new(n), *value)?;
        }
        if frame.func.own_region {
            self.state.heap.begin();
        }
        Ok(())
    }

    fn invoke(&mut self, callee: FuncId, args: &[Slot], depth: u32) -> Result<Vec<Slot>, Stop> {
        if depth >= self.limits.depth {
            return Err(Stop::TooDeep);
        }
        self.observer.call(callee, args, &self.state);
        if let Some(import) = self.oracle.module.imports.get(callee.index()) {
            let sig = &self.oracle.module.sigs[import.sig.index()];
            self.state.note(Kind::Host(callee.0), args, &sig.params)?;
            return self.oracle.operations.host(
                &mut self.state,
                &import.name,
                args,
                &sig.params,
                &sig.results,
            );
        }
        let func = self.oracle.built(callee);
        let regs = vec![Slot::Unset; func.regs.len()];
        let mut frame = Frame { func: &func, regs, depth };
        self.begin_call(&mut frame, args)?;
        self.run(frame)
    }

    fn run(&mut self, mut frame: Frame<'_>) -> Result<Vec<Slot>, Stop> {
        let func = frame.func;
        let mut block = BlockId(0);
        loop {
            if frame.depth == 0 {
                self.observer.block(func, block, &frame.regs);
            }
            let mut next = None;
            for (at, node) in func.blocks[block.index()].nodes.iter().enumerate() {
                self.step(&frame, block, at)?;
                let mut origin = node.origin;
                match self.node(&mut frame, node, &mut origin) {
                    Ok(Flow::On) => {}
                    Ok(Flow::To(to)) => next = Some(to),
                    Ok(Flow::Return(values)) => return Ok(values),
                    Err(stop) => {
                        if let Stop::Trap(_) = stop {
                            self.trace(func, origin);
                        }
                        return Err(match stop {
                            Stop::Wrong(why) if !why.contains('`') => {
                                wrong(format!("{block:?}: `{}`: {why}", node.op))
                            }
                            stop => stop,
                        });
                    }
                }
            }
            block = next.ok_or_else(|| wrong(format!("{block:?} does not end")))?;
        }
    }

    fn step(&mut self, frame: &Frame<'_>, block: BlockId, at: usize) -> Result<(), Stop> {
        self.nodes += 1;
        if frame.depth == 0 {
            self.silent += 1;
            self.observer.node(frame.func, block, at, &frame.regs, &self.state);
        }
        if self.nodes <= self.limits.steps {
            return Ok(());
        }
        match self.limits.silent {
            Some(most) if self.silent >= most => {
                Err(wrong(format!("{most} nodes run without a look at the clock, now in {block:?}")))
            }
            Some(most) if self.silent > self.limits.steps / 2 && self.nodes < 2 * most => Ok(()), // calls may not end
            _ => Err(Stop::OutOfSteps),
        }
    }

    /// Adds the places that a node comes from.
    fn trace(&mut self, func: &Func, origin: u32) {
        let mut at = Some(origin);
        while let Some(origin) = at {
            let origin = func.origins[origin as usize];
            self.frames.push(CodeLocation { func: origin.func, block: origin.block, inst: origin.inst });
            at = origin.caller;
        }
    }

    fn define(&mut self, frame: &mut Frame<'_>, reg: Reg, value: Slot) -> Result<(), Stop> {
        let ty = frame.func.regs[reg.index()];
        if !value.fits(ty) {
            return Err(wrong(format!("{value:?} is put into {reg:?}, a {ty}")));
        }
        if let (Slot::Object(id), Some(shape)) = (value, frame.func.shapes.get(&reg)) {
            let tensor = self.state.heap.tensor(id)?;
            let same = tensor.dims.iter().copied().eq(shape.dims.iter().map(|d| *d as u64));
            if !same || tensor.writable != shape.writable {
                return Err(wrong(format!("the shape of {reg:?} is not {shape:?}, but that of {tensor:?}")));
            }
        }
        frame.regs[reg.index()] = value;
        Ok(())
    }

    fn looked(&mut self, frame: &Frame<'_>) {
        if frame.depth == 0 {
            self.most_silent = self.most_silent.max(self.silent);
            self.silent = 0;
        }
    }

    fn address(&self, frame: &Frame<'_>, at: &Address) -> Result<Pointer, Stop> {
        let base = frame.get(at.base.into())?.pointer()?;
        let index = frame.bits(at.index)? as i64;
        let bytes = index.wrapping_mul(at.scale.into()).wrapping_add(at.offset.into());
        Ok(Pointer { offset: base.offset.wrapping_add(bytes), ..base })
    }

    /// Runs a node. Where it traps elsewhere than where it comes from, `origin` says so.
    fn node(&mut self, frame: &mut Frame<'_>, node: &MirNode, origin: &mut u32) -> Result<Flow, Stop> {
        match &node.op {
            MirOp::Inst(inst) => return self.inst(frame, inst),
            MirOp::Field { dst, tensor, field } => {
                let id = frame.get((*tensor).into())?.object()?;
                let value = match self.state.heap.tensor(id)?.field(*field) {
                    Some(value) => Slot::Bits(value),
                    None => Slot::Pointer(Pointer { tensor: id, offset: 0 }),
                };
                debug_assert_eq!(matches!(value, Slot::Pointer(_)), *field == Field::Data);
                self.define(frame, *dst, value)?;
            }
            MirOp::Load { dst, elem, at } => {
                let at = self.address(frame, at)?;
                let value = object::read(*elem, self.state.heap.bytes_at(at, part_size(*elem))?);
                self.define(frame, *dst, Slot::Bits(value))?;
            }
            MirOp::Store { elem, at, value } => {
                let (at, value) = (self.address(frame, at)?, frame.bits(*value)?);
                object::write(*elem, self.state.heap.bytes_at_mut(at, part_size(*elem))?, value);
            }
            MirOp::LoadVector { dst, at } => {
                let at = self.address(frame, at)?;
                let mut vector = [0; 16];
                vector.copy_from_slice(self.state.heap.bytes_at(at, 16)?);
                self.define(frame, *dst, Slot::Vector(vector))?;
            }
            MirOp::StoreVector { at, value } => {
                let (at, vector) = (self.address(frame, at)?, frame.get((*value).into())?.vector()?);
                self.state.heap.bytes_at_mut(at, 16)?.copy_from_slice(&vector);
            }
            MirOp::Verify { at, room, .. } => {
                let index = frame.bits(at.index)? as i64;
                let bytes = index.wrapping_mul(at.scale.into()).wrapping_add(at.offset.into());
                if bytes as u64 >= frame.bits((*room).into())? {
                    return Err(wrong(format!("`{}` fails", node.op)));
                }
            }
            MirOp::VerifyRange { value, low, high, .. } => {
                let (bits, ty) = (frame.bits((*value).into())?, frame.func.regs[value.index()]);
                let number = if ty == Ty::Value(Type::I32) { (bits as i32).into() } else { bits as i64 };
                if !(*low..=*high).contains(&number) {
                    return Err(wrong(format!("`{}` fails: it is {number}", node.op)));
                }
            }
            MirOp::Splat { dst, value } => {
                let (lanes, value) = (frame.lanes(*dst)?, frame.bits(*value)?);
                let mut vector = [0; 16];
                (0..lanes.count() as usize).for_each(|n| value::set_lane(&mut vector, lanes, n, value));
                self.define(frame, *dst, Slot::Vector(vector))?;
            }
            MirOp::Vector { dst, lanes: values } => {
                let lanes = frame.lanes(*dst)?;
                if values.len() != lanes.count() as usize {
                    return Err(wrong("a vector has another number of lanes"));
                }
                let mut vector = [0; 16];
                for (n, value) in values.iter().enumerate() {
                    value::set_lane(&mut vector, lanes, n, frame.bits(*value)?);
                }
                self.define(frame, *dst, Slot::Vector(vector))?;
            }
            MirOp::Lanewise { opcode, dst, args } => {
                let vector = lanewise(frame, *opcode, *dst, args)?;
                self.define(frame, *dst, Slot::Vector(vector))?;
            }
            MirOp::Lane { dst, vector, lane } => {
                let lanes = frame.lanes(*vector)?;
                if u32::from(*lane) >= lanes.count() {
                    return Err(wrong("there is no such lane"));
                }
                let vector = frame.get((*vector).into())?.vector()?;
                self.define(frame, *dst, Slot::Bits(value::lane(&vector, lanes, (*lane).into())))?;
            }
            MirOp::Address { dst, at } => {
                let number = self.state.heap.number(self.address(frame, at)?)?;
                self.define(frame, *dst, Slot::Bits(number))?;
            }
            MirOp::Charge { cost } => self.charge(frame, *cost)?,
            MirOp::Charges { list } => self.charges(frame, list, origin)?,
            MirOp::Prepay { dst, cost } => {
                self.looked(frame);
                let cost = frame.bits(*cost)? as i64;
                let Budget::Fuel(left) = &mut self.state.budget else {
                    return Err(wrong("fuel is paid beforehand where it is not metered"));
                };
                if cost <= 0 {
                    return Err(wrong(format!("{cost} is paid beforehand")));
                }
                let enough = *left >= cost as u64;
                if enough {
                    *left -= cost as u64;
                }
                self.define(frame, *dst, Slot::Bits(enough.into()))?;
            }
            MirOp::Spend { dst, cost } => {
                self.looked(frame);
                let cost = frame.bits(*cost)? as i64;
                let Budget::Iterations(left) = &mut self.state.budget else {
                    return Err(wrong("iterations are spent where fuel is metered"));
                };
                *left = left.wrapping_sub(cost);
                let enough = *left >= 0;
                self.define(frame, *dst, Slot::Bits(enough.into()))?;
            }
        }
        Ok(Flow::On)
    }

    fn charge(&mut self, frame: &Frame<'_>, cost: Operand) -> Result<(), Stop> {
        self.looked(frame);
        let value = frame.bits(cost)? as i64;
        match &mut self.state.budget {
            Budget::Fuel(left) => {
                if let (1.., Operand::Reg(_)) = (value, cost) {
                    // Compiled code only looks whether there is enough for a literal.
                    return Err(wrong(format!("{value} is charged, which is not looked at")));
                }
                pay(left, value)?;
            }
            Budget::Iterations(left) => {
                *left = left.wrapping_sub(value);
                if *left < 0 {
                    *left = NATIVE_SLICE;
                }
            }
        }
        Ok(())
    }

    /// One after the other, which has to be the same as all together.
    fn charges(&mut self, frame: &Frame<'_>, list: &[(i64, u32)], origin: &mut u32) -> Result<(), Stop> {
        self.looked(frame);
        let Budget::Fuel(left) = &mut self.state.budget else {
            return Err(wrong("charges are made together where fuel is not metered"));
        };
        let all: i64 = list.iter().map(|(cost, _)| cost).sum();
        let enough = all < 0 || all as u64 <= *left;
        for (cost, from) in list {
            *origin = *from;
            let paid = pay(left, *cost);
            if enough && paid.is_err() {
                return Err(wrong("charges trap one by one, and not together"));
            }
            paid?;
        }
        Ok(())
    }

    /// An instruction of the bytecode.
    fn inst(&mut self, frame: &mut Frame<'_>, inst: &Inst) -> Result<Flow, Stop> {
        match *inst {
            Inst::Br { target } => return Ok(Flow::To(target)),
            Inst::BrIf { cond, then_to, else_to } => {
                return Ok(Flow::To(if frame.bits(cond)? != 0 { then_to } else { else_to }));
            }
            Inst::Switch { index, ref targets, default_to } => {
                let index = usize::try_from(frame.bits(index)?).unwrap_or(usize::MAX);
                return Ok(Flow::To(targets.get(index).copied().unwrap_or(default_to)));
            }
            Inst::Ret { ref values } => {
                let values = values.iter().map(|v| frame.get(*v)).collect::<Result<Vec<_>, _>>()?;
                if frame.func.own_region {
                    self.state.leave_region(&values, true)?;
                }
                return Ok(Flow::Return(values));
            }
            Inst::Trap {} => return Err(TrapCode::Unreachable.into()),
            Inst::Call { ref results, callee, ref args } => {
                let args = args.iter().map(|a| frame.get(*a)).collect::<Result<Vec<_>, _>>()?;
                let values = self.invoke(callee, &args, frame.depth + 1)?;
                self.define_all(frame, results, &values)?;
            }
            Inst::CallRef { ref results, callee, ref args } => {
                let args = args.iter().map(|a| frame.get(*a)).collect::<Result<Vec<_>, _>>()?;
                let callee = FuncId(frame.bits(callee)? as u32);
                let values = self.invoke(callee, &args, frame.depth + 1)?;
                self.define_all(frame, results, &values)?;
            }
            Inst::FuncRef { dst, callee } => self.define(frame, dst, Slot::Bits(callee.index() as u64))?,
            Inst::CallOp { ref results, callee, ref args } => {
                let values = self.operation(frame, callee, args, results)?;
                self.define_all(frame, results, &values)?;
            }
            Inst::Copy { dst, a } => {
                let value = frame.get(a)?;
                self.define(frame, dst, value)?;
            }
            Inst::Select { dst, cond, a, b } => {
                let (cond, a, b) = (frame.bits(cond)?, frame.get(a)?, frame.get(b)?);
                self.define(frame, dst, if cond != 0 { a } else { b })?;
            }
            Inst::I32Const { dst, value }
            | Inst::I64Const { dst, value }
            | Inst::F32Const { dst, value }
            | Inst::F64Const { dst, value }
            | Inst::BoolConst { dst, value } => self.literal(frame, dst, value)?,
            Inst::GlobalGet { dst, global } => {
                let value = self.state.globals[global.index()];
                self.define(frame, dst, value)?;
            }
            Inst::GlobalSet { global, value } => {
                let (slot, ty) = (frame.get(value)?, frame.value_type(value)?);
                let stored = match slot {
                    Slot::Object(id) => {
                        self.state.note(Kind::Global(global.0), &[slot], &[ty])?;
                        self.state.take(self.state.heap.copy_fuel(id)?)?;
                        self.state.heap.copy(id, object::GLOBAL | global.0)?
                    }
                    scalar => scalar,
                };
                self.state.globals[global.index()] = stored;
            }
            Inst::ConstGet { dst, constant } => {
                let value = self.state.constants[constant.index()];
                self.define(frame, dst, value)?;
            }
            Inst::RegionBegin {} => self.state.heap.begin(),
            Inst::RegionEnd { ref kept } | Inst::RegionRenew { ref kept } => {
                let kept = kept.iter().map(|r| frame.get((*r).into())).collect::<Result<Vec<_>, _>>()?;
                self.state.leave_region(&kept, matches!(inst, Inst::RegionEnd { .. }))?;
            }
            Inst::TensorLen { dst, x } => self.header(frame, dst, x, Field::Len)?,
            Inst::TensorRank { dst, x } => self.header(frame, dst, x, Field::Rank)?,
            Inst::TensorDim { dst, x, axis } => {
                let dims = Rc::clone(&self.state.heap.tensor(frame.get(x)?.object()?)?.dims);
                let axis = frame.bits(axis)?;
                let dim = usize::try_from(axis).ok().and_then(|axis| dims.get(axis)).ok_or_else(|| {
                    let text = format!("axis {} of a tensor of rank {}", axis as i64, dims.len());
                    TrapError::new(TrapCode::IndexOutOfRange, text)
                })?;
                self.define(frame, dst, Slot::Bits(*dim))?;
            }
            // Elements are where they are.
            Inst::TensorToHost { .. } => {}
            Inst::TensorLoad { dst, x, i } => self.load(frame, dst, x, &[i], 0)?,
            Inst::TensorLoad2 { dst, x, i, j } => self.load(frame, dst, x, &[i, j], 0)?,
            Inst::TensorLoad3 { dst, x, i, j, k } => self.load(frame, dst, x, &[i, j, k], 0)?,
            Inst::TensorLoadRe { dst, x, i } => self.load(frame, dst, x, &[i], 0)?,
            Inst::TensorLoadIm { dst, x, i } => self.load(frame, dst, x, &[i], 1)?,
            Inst::TensorStore { x, i, value } => self.store(frame, x, &[i], 0, value)?,
            Inst::TensorStore2 { x, i, j, value } => self.store(frame, x, &[i, j], 0, value)?,
            Inst::TensorStore3 { x, i, j, k, value } => self.store(frame, x, &[i, j, k], 0, value)?,
            Inst::TensorStoreRe { x, i, value } => self.store(frame, x, &[i], 0, value)?,
            Inst::TensorStoreIm { x, i, value } => self.store(frame, x, &[i], 1, value)?,
            Inst::ListNew { dst, len, fill } => self.list_new(frame, dst, len, fill)?,
            Inst::ListLen { dst, list } => {
                let len = self.state.heap.list(frame.get(list)?.object()?)?.items.len();
                self.define(frame, dst, Slot::Bits(len as u64))?;
            }
            Inst::ListGet { dst, list, i } => {
                let list = self.state.heap.list(frame.get(list)?.object()?)?;
                let value = list.items[item_at(list, frame.bits(i)?)?];
                self.define(frame, dst, value)?;
            }
            Inst::ListSet { list, i, value } => self.list_set(frame, list, i, value)?,
            _ => self.arithmetic(frame, inst)?,
        }
        Ok(Flow::On)
    }

    fn define_all(&mut self, frame: &mut Frame<'_>, regs: &[Reg], values: &[Slot]) -> Result<(), Stop> {
        if regs.len() != values.len() {
            return Err(wrong("another number of results comes back"));
        }
        regs.iter().zip(values).try_for_each(|(reg, value)| self.define(frame, *reg, *value))
    }

    fn literal(&mut self, frame: &mut Frame<'_>, dst: Reg, value: Imm) -> Result<(), Stop> {
        self.define(frame, dst, Slot::Bits(value.to_slot()))
    }

    fn arithmetic(&mut self, frame: &mut Frame<'_>, inst: &Inst) -> Result<(), Stop> {
        let (mut dst, mut args, mut count) = (None, [Operand::Imm(Imm::Bool(false)); 3], 0);
        inst.for_each_field(|field| match field {
            FieldRef::Def(r) => dst = Some(r),
            FieldRef::Use(o) if count < 3 => {
                args[count] = o;
                count += 1;
            }
            _ => {}
        });
        let mut bits = [0; 3];
        for (bits, arg) in bits.iter_mut().zip(&args[..count]) {
            *bits = frame.bits(*arg)?;
        }
        let opcode = inst.opcode();
        let value = scalar::eval(opcode, &bits[..count]);
        let (Some(value), Some(dst)) = (value, dst) else {
            return Err(Stop::Unsupported(opcode.mnemonic().to_owned()));
        };
        self.define(frame, dst, Slot::Bits(value?))
    }

    fn header(&mut self, frame: &mut Frame<'_>, dst: Reg, x: Operand, field: Field) -> Result<(), Stop> {
        let value = self.state.heap.tensor(frame.get(x)?.object()?)?.field(field);
        self.define(frame, dst, Slot::Bits(value.unwrap_or(0)))
    }

    fn load(
        &mut self,
        frame: &mut Frame<'_>,
        dst: Reg,
        x: Operand,
        indices: &[Operand],
        part: usize,
    ) -> Result<(), Stop> {
        let id = frame.get(x)?.object()?;
        let (elem, at) = self.element(frame, x, indices, false)?;
        let value = self.state.heap.load(id, elem, part, at)?;
        self.define(frame, dst, Slot::Bits(value))
    }

    fn store(
        &mut self,
        frame: &Frame<'_>,
        x: Operand,
        indices: &[Operand],
        part: usize,
        value: Operand,
    ) -> Result<(), Stop> {
        let id = frame.get(x)?.object()?;
        let (elem, at) = self.element(frame, x, indices, true)?;
        self.state.heap.store(id, elem, part, at, frame.bits(value)?)
    }

    fn element(
        &self,
        frame: &Frame<'_>,
        x: Operand,
        indices: &[Operand],
        write: bool,
    ) -> Result<(Elem, usize), Stop> {
        let tensor = self.state.heap.tensor(frame.get(x)?.object()?)?;
        let mut at = [0; 3];
        for (at, index) in at.iter_mut().zip(indices) {
            *at = frame.bits(*index)? as i64;
        }
        Ok((tensor.elem, tensor.at(&at[..indices.len()], write)?))
    }

    fn list_new(&mut self, frame: &mut Frame<'_>, dst: Reg, len: Operand, fill: Operand) -> Result<(), Stop> {
        let (fill, ty) = (frame.get(fill)?, frame.value_type(fill)?);
        let len = frame.bits(len)?;
        let Ty::Value(Type::List(item)) = frame.func.regs[dst.index()] else {
            return Err(wrong("a list is put elsewhere"));
        };
        self.state.note(Kind::ListNew, &[Slot::Bits(len), fill], &[Type::I64, ty])?;
        if (len as i64) < 0 {
            let text = format!("a list of {} items", len as i64);
            return Err(TrapError::new(TrapCode::InvalidArgument, text).into());
        }
        self.state.take(len / 16)?;
        if len > 1 << 20 {
            return Err(Stop::Unsupported("a list takes too much memory".to_owned()));
        }
        let (items, region) = (vec![fill; len as usize], self.state.heap.innermost());
        let list = self.state.heap.add(Object::List(List { item, items }), region)?;
        self.define(frame, dst, list)
    }

    fn list_set(&mut self, frame: &Frame<'_>, list: Operand, i: Operand, value: Operand) -> Result<(), Stop> {
        let id = frame.get(list)?.object()?;
        let at = item_at(self.state.heap.list(id)?, frame.bits(i)?)?;
        let mut stored = frame.get(value)?;
        if let Slot::Object(object) = stored {
            self.state.note(Kind::ListSet, &[stored], &[frame.value_type(value)?])?;
            let region = self.state.heap.region(id);
            if !self.state.heap.outlives(object, id) {
                self.state.take(self.state.heap.copy_fuel(object)?)?;
                stored = self.state.heap.copy(object, region)?;
            }
        }
        self.state.heap.list_mut(id)?.items[at] = stored;
        Ok(())
    }

    fn operation(
        &mut self,
        frame: &Frame<'_>,
        op: OpId,
        args: &[Operand],
        results: &[Reg],
    ) -> Result<Vec<Slot>, Stop> {
        let module = self.oracle.module;
        let callee = &module.ops[op.index()];
        let types = args.iter().map(|a| frame.value_type(*a)).collect::<Result<Vec<_>, _>>()?;
        let args = args.iter().map(|a| frame.get(*a)).collect::<Result<Vec<_>, _>>()?;
        self.state.note(Kind::Operation(op.0), &args, &types)?;
        if callee.name == "tensor.map" {
            return self.map(&callee.elems, &args, frame.depth);
        }
        let results = results.iter().map(|r| frame.value_type((*r).into())).collect::<Result<Vec<_>, _>>()?;
        self.oracle.operations.operation(
            &mut self.state,
            &callee.name,
            &callee.elems,
            &args,
            &types,
            &results,
        )
    }

    fn map(&mut self, elems: &[Elem], args: &[Slot], depth: u32) -> Result<Vec<Slot>, Stop> {
        let (&[from_elem, to_elem], &[from, func]) = (elems, args) else {
            return Err(wrong("a map is of a tensor by a function"));
        };
        let cost = self.oracle.operations.map_cost(&self.state, elems, from)?;
        self.state.take(cost)?;
        let (from, func) = (from.object()?, FuncId(func.bits()? as u32));
        let tensor = self.state.heap.tensor(from)?.clone();
        let (len, region) = (tensor.len as usize, self.state.heap.innermost());
        let zeros = vec![0; len * to_elem.size()];
        let to = self.state.heap.add_tensor(to_elem, &tensor.dims, zeros, true, region)?;
        for at in 0..len {
            // Afresh each time: the function may write the tensor.
            let value = self.state.heap.load(from, from_elem, 0, at)?;
            let made = self.invoke(func, &[Slot::Bits(value)], depth + 1)?;
            let [made] = made[..] else { return Err(wrong("a mapped function gives one value")) };
            self.state.heap.store(to.object()?, to_elem, 0, at, made.bits()?)?;
        }
        Ok(vec![to])
    }
}

fn pay(left: &mut u64, cost: i64) -> Result<(), Stop> {
    *left = if cost > 0 {
        left.checked_sub(cost as u64).ok_or(TrapCode::OutOfFuel)?
    } else {
        left.checked_add(cost.unsigned_abs())
            .ok_or_else(|| wrong("more fuel is given back than there can be"))?
    };
    Ok(())
}

fn item_at(list: &List, at: u64) -> Result<usize, TrapError> {
    let len = list.items.len();
    usize::try_from(at).ok().filter(|at| *at < len).ok_or_else(|| {
        let text = format!("index {} of {len} items", at as i64);
        TrapError::new(TrapCode::IndexOutOfRange, text)
    })
}

fn lanewise(frame: &Frame<'_>, opcode: Opcode, dst: Reg, args: &[Reg]) -> Result<[u8; 16], Stop> {
    let lanes = frame.lanes(dst)?;
    let mut read = Vec::with_capacity(args.len());
    for arg in args {
        let of = frame.lanes(*arg)?;
        if of.count() != lanes.count() {
            return Err(wrong("vectors have another number of lanes"));
        }
        read.push((frame.get((*arg).into())?.vector()?, of));
    }
    let mut vector = [0; 16];
    for n in 0..lanes.count() as usize {
        let mut bits = [0; 3];
        for (bits, (vector, of)) in bits.iter_mut().zip(&read) {
            *bits = value::lane(vector, *of, n);
        }
        match scalar::eval(opcode, &bits[..read.len().min(3)]) {
            Some(Ok(value)) => value::set_lane(&mut vector, lanes, n, value),
            Some(Err(_)) => return Err(wrong("a lane traps")),
            None => return Err(wrong("no instruction of scalars")),
        }
    }
    Ok(vector)
}
