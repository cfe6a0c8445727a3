//! Checks one function's instructions against the instruction table: block
//! structure, indices, arity and the type of every operand.
//!
//! The table gives each operand a pattern. Operands that decide what others
//! must be (the tensor of `elem`, the callee of `args`) are looked at first
//! and bind the patterns; then every operand is compared with its pattern.
//!
//! Of a text with faults, the instructions that could be read are checked too,
//! as far as the types of their registers are known.

use super::operands::Part;
use super::report::{At, Report, clip, mnemonic, operand, plural, reg};
use super::tables::{OpEntry, not_of_sparse, type_is_known};
use super::{FunctionGaps, MAX_REGS, MAX_SIZE};
use crate::catalogue::{OpSignature, Operation, Param, Precision, Subscripts};
use crate::entity::{BlockId, ConstId, FuncId, OpId, Reg};
use crate::inst::{FieldRef, Inst, Opcode, Operand, OperandSpec, Pattern, Role};
use crate::module::{ConstValue, Function, Module};
use crate::types::{Elem, Item, Signature, Type};
use rustc_hash::FxHashMap;

/// Checks `func`; true when its structure (blocks, terminators, targets,
/// register numbers) is sound, so that its control flow may be followed.
/// `gaps` are what a reader could not make out of it.
pub(super) fn check<'m>(
    report: &mut Report<'m>,
    ops: &[OpEntry],
    id: FuncId,
    func: &'m Function,
    gaps: &FunctionGaps,
) -> bool {
    let module = report.module;
    let Some(sig) = module.sigs.get(func.sig.index()) else { return false };
    if gaps.faulty {
        let mut checker = Checker::new(report, ops, id, func, sig, gaps);
        for (b, block) in func.blocks.iter().enumerate() {
            for (i, inst) in block.insts.iter().enumerate() {
                checker.inst(At { func: id, block: BlockId::new(b), inst: i }, inst);
            }
        }
        return false;
    }
    let mut sound = registers(report, id, func, sig);
    if func.blocks.is_empty() {
        report.function(id, "a function needs at least one block".into(), None);
        return false;
    }
    let mut checker = Checker::new(report, ops, id, func, sig, gaps);
    for (b, block) in func.blocks.iter().enumerate() {
        let at = |inst| At { func: id, block: BlockId::new(b), inst };
        if checker.report.is_full() {
            return false;
        }
        let Some(last) = block.insts.len().checked_sub(1) else {
            checker.structure(at(0), "the block is empty".into(), Some(NEEDS_TERMINATOR.into()));
            continue;
        };
        if !block.lines.is_empty() && block.lines.len() != block.insts.len() {
            let message = format!(
                "{} for {}",
                plural(block.lines.len(), "source line"),
                plural(block.insts.len(), "instruction")
            );
            checker.structure(at(0), message, None);
        }
        for (i, inst) in block.insts.iter().enumerate() {
            let ends = inst.opcode().is_terminator();
            if ends && i != last {
                let message = format!(
                    "`{}` must be the last instruction of its block, found {} after it",
                    inst.opcode().mnemonic(),
                    plural(last - i, "instruction")
                );
                checker.structure(at(i), message, Some("begin a new block after it".into()));
            } else if !ends && i == last {
                let message = format!("the block ends in `{}`", mnemonic(module, inst));
                checker.structure(at(i), message, Some(NEEDS_TERMINATOR.into()));
            }
            checker.inst(at(i), inst);
        }
    }
    sound &= checker.sound;
    sound
}

const NEEDS_TERMINATOR: &str =
    "end it with `br`, `br_if`, `switch`, `ret` or `trap`; blocks do not run into the next";

/// One, and one more for each item of a list.
fn size_of_inst(inst: &Inst) -> usize {
    let mut size = 1;
    inst.for_each_field(|field| match field {
        FieldRef::Defs(list) | FieldRef::Keeps(list) => size += list.len(),
        FieldRef::Uses(list) => size += list.len(),
        FieldRef::Blocks(list) => size += list.len(),
        _ => {}
    });
    size
}

/// Checks the register file and its agreement with the signature.
fn registers(report: &mut Report<'_>, id: FuncId, func: &Function, sig: &Signature) -> bool {
    let before = report.len();
    if func.regs.len() > MAX_REGS {
        let message = format!("{}; at most {MAX_REGS} are allowed", plural(func.regs.len(), "register"));
        report.function(id, message, None);
    }
    let size: usize = func.blocks.iter().flat_map(|b| &b.insts).map(size_of_inst).sum();
    if size > MAX_SIZE {
        let message = format!("{size} instructions and list items; at most {MAX_SIZE} are allowed");
        report.function(id, message, Some("split the function".to_owned()));
    }
    if !func.reg_names.is_empty() && func.reg_names.len() != func.regs.len() {
        let message = format!(
            "{} for {}",
            plural(func.reg_names.len(), "register name"),
            plural(func.regs.len(), "register")
        );
        report.function(id, message, None);
    }
    if func.regs.len() < sig.params.len() {
        let message = format!(
            "{} for {}; parameters are the first registers",
            plural(func.regs.len(), "register"),
            plural(sig.params.len(), "parameter")
        );
        report.function(id, message, None);
    }
    for (i, (found, want)) in func.regs.iter().zip(&sig.params).enumerate() {
        if found != want {
            let message = format!(
                "parameter {} must have the signature’s type: expected {}, found {}",
                reg(func, Reg::new(i)),
                report.ty(*want),
                report.ty(*found)
            );
            report.function(id, message, None);
        }
    }
    for (i, ty) in func.regs.iter().enumerate() {
        if !type_is_known(report.module, *ty) {
            let message =
                format!("the type of {} names a signature that is not there", reg(func, Reg::new(i)));
            report.function(id, message, None);
        }
        if let Some(elem) = not_of_sparse(*ty) {
            let message = format!(
                "the type of {} is no type: a sparse matrix has no elements of type {elem}",
                reg(func, Reg::new(i))
            );
            report.function(id, message, None);
        }
    }
    report.len() == before
}

struct Checker<'a, 'm> {
    report: &'a mut Report<'m>,
    ops: &'a [OpEntry],
    id: FuncId,
    func: &'m Function,
    sig: &'m Signature,
    gaps: &'a FunctionGaps,
    sound: bool,
    /// The operand that is being looked at.
    part: Part,
    /// Which registers are constants, once that is asked.
    constants: Option<FxHashMap<Reg, Option<ConstId>>>,
}

/// What the operands of an instruction say about each other.
#[derive(Default)]
struct Bound<'a> {
    same: Option<Type>,
    elem: Option<Elem>,
    item: Option<Item>,
    entity: Option<Type>,
    /// Exact type of the function reference.
    func: Option<Type>,
    callee: Callee<'a>,
}

#[derive(Default, Clone, Copy)]
enum Callee<'a> {
    #[default]
    Unknown,
    Function(&'a Signature),
    Operation(&'a OpSignature, &'a [Elem]),
}

impl<'a, 'm> Checker<'a, 'm> {
    fn new(
        report: &'a mut Report<'m>,
        ops: &'a [OpEntry],
        id: FuncId,
        func: &'m Function,
        sig: &'m Signature,
        gaps: &'a FunctionGaps,
    ) -> Self {
        Checker { report, ops, id, func, sig, gaps, sound: true, part: Part::Whole, constants: None }
    }

    /// An error after which control flow cannot be followed.
    fn structure(&mut self, at: At, message: String, help: Option<String>) {
        self.sound = false;
        self.report.part(at, &[self.part], message, help);
    }

    /// An error in the operand that is being looked at.
    fn error(&mut self, at: At, message: String) {
        self.report.part(at, &[self.part], message, None);
    }

    fn reg_type(&self, reg: Reg) -> Option<Type> {
        if self.gaps.unknown.get(reg.index()).copied().unwrap_or(false) {
            return None;
        }
        self.func.regs.get(reg.index()).copied()
    }

    /// The items of operand `field`, each in its turn the one looked at.
    fn items<T: Copy>(&mut self, list: &[T], mut see: impl FnMut(&mut Self, usize, T)) {
        let Part::Field(field) = self.part else { return };
        for (i, item) in list.iter().enumerate() {
            self.part = Part::Item(field, i);
            see(self, i, *item);
        }
        self.part = Part::Field(field);
    }

    fn type_of(&self, operand: Operand) -> Option<Type> {
        match operand {
            Operand::Reg(r) => self.reg_type(r),
            Operand::Imm(imm) => Some(imm.ty()),
        }
    }

    fn inst(&mut self, at: At, inst: &'m Inst) {
        let specs = inst.opcode().operands();
        let mut bound = Bound::default();
        let mut index = 0;
        inst.for_each_field(|field| {
            self.bind(&specs[index], field, &mut bound);
            index += 1;
        });
        if matches!(inst.opcode(), Opcode::Ret) {
            bound.callee = Callee::Function(self.sig);
        }
        if let (Inst::FuncRef { callee, .. }, module) = (inst, self.report.module) {
            bound.func = module.func_sig_id(*callee).map(Type::Func);
        }
        if let Inst::ListNew { fill, .. } = inst
            && let Some(ty @ Type::List(_)) = self.type_of(*fill)
        {
            // There is no type that its result could have.
            let message =
                format!("a list cannot hold lists: {} is {}", operand(self.func, *fill), self.report.ty(ty));
            let help = "types do not nest, so that objects never form a cycle".to_owned();
            self.report.part(at, &[Part::Field(2)], message, Some(help));
            return;
        }
        index = 0;
        inst.for_each_field(|field| {
            self.part = Part::Field(index);
            self.field(at, inst, &specs[index], field, &bound);
            index += 1;
        });
        self.part = Part::Whole;
    }

    fn bind(&self, spec: &OperandSpec, field: FieldRef<'m>, bound: &mut Bound<'a>)
    where
        'm: 'a,
    {
        let module: &'m Module = self.report.module;
        let ty = match field {
            FieldRef::Def(r) => self.reg_type(r),
            FieldRef::Use(o) => self.type_of(o),
            FieldRef::Func(f) => {
                bound.callee = module.func_sig(f).map_or(Callee::Unknown, Callee::Function);
                return;
            }
            FieldRef::Op(o) => {
                bound.callee = match (self.ops.get(o.index()), module.ops.get(o.index())) {
                    (Some(OpEntry::Known(sig)), Some(op)) => Callee::Operation(sig, &op.elems),
                    _ => Callee::Unknown,
                };
                return;
            }
            FieldRef::Global(g) => {
                bound.entity = module.globals.get(g.index()).map(|g| g.ty);
                return;
            }
            FieldRef::Const(c) => {
                bound.entity = module.constants.get(c.index()).map(|c| c.value.ty());
                return;
            }
            _ => return,
        };
        match (spec.pattern, ty) {
            (Pattern::Same, Some(ty)) if bound.same.is_none() => bound.same = Some(ty),
            (Pattern::Tensor | Pattern::Complex, Some(Type::Tensor(e))) => bound.elem = Some(e),
            (Pattern::List, Some(Type::List(item))) => bound.item = Some(item),
            (Pattern::Func, Some(Type::Func(sig))) if spec.role == Role::Use => {
                bound.callee = module.sigs.get(sig.index()).map_or(Callee::Unknown, Callee::Function);
            }
            _ => {}
        }
    }

    fn field(&mut self, at: At, inst: &'m Inst, spec: &OperandSpec, field: FieldRef<'m>, bound: &Bound<'_>) {
        match field {
            FieldRef::Def(r) => {
                if self.known(at, r) {
                    self.value(at, inst, spec, Operand::Reg(r), bound);
                }
            }
            FieldRef::Use(o) => {
                if self.operand_known(at, o) {
                    self.value(at, inst, spec, o, bound);
                }
            }
            FieldRef::Lit(imm) => self.value(at, inst, spec, Operand::Imm(imm), bound),
            FieldRef::Defs(list) => {
                if self.all_known(at, list) {
                    self.results(at, inst, list, bound);
                    self.distinct(at, list, "is assigned twice by the same instruction");
                }
            }
            FieldRef::Uses(list) => {
                let mut known = true;
                self.items(list, |c, _, o| known &= c.operand_known(at, o));
                if known {
                    self.arguments(at, inst, spec, list, bound);
                }
            }
            FieldRef::Keeps(list) => {
                if self.all_known(at, list) {
                    self.items(list, |c, _, r| c.value(at, inst, spec, Operand::Reg(r), bound));
                    self.distinct(at, list, "is kept twice");
                }
            }
            FieldRef::Block(b) => self.target(at, b),
            FieldRef::Blocks(list) => self.items(list, |c, _, b| c.target(at, b)),
            FieldRef::Func(f) => {
                let have = self.report.module.num_funcs();
                self.index(at, "function", f.index(), have);
            }
            FieldRef::Global(g) => {
                let module = self.report.module;
                self.index(at, "global", g.index(), module.globals.len());
                if let (Inst::GlobalSet { .. }, Some(global)) = (inst, module.globals.get(g.index()))
                    && !global.mutable
                {
                    let name = global.name.as_deref().map_or_else(|| format!("global{}", g.0), clip);
                    let help = "declare it without `const` to let it change";
                    self.report.part(at, &[self.part], format!("@{name} is immutable"), Some(help.into()));
                }
            }
            FieldRef::Const(c) => {
                let have = self.report.module.constants.len();
                self.index(at, "constant", c.index(), have);
            }
            FieldRef::Op(o) => {
                let have = self.report.module.ops.len();
                self.index(at, "operation", o.index(), have);
                self.operation(at, inst, o);
            }
        }
    }

    /// Tells what is wrong with the operation that is called.
    fn operation(&mut self, at: At, inst: &Inst, op: OpId) {
        let ops = self.ops;
        let Some(OpEntry::Wrong(wrong)) = ops.get(op.index()) else { return };
        self.report.told_ops.insert(op.index());
        // What is underlined is the type that does not fit, or what it follows from.
        let mut parts = vec![Part::Elems];
        let name = self.report.module.ops.get(op.index()).map_or("", |o| &o.name);
        if let (Some(var), Inst::CallOp { args, .. }, Some(known)) = (wrong.var, inst, Operation::find(name))
        {
            let sig = known.typed();
            let flat = sig.list_len(args.len()).map(|len| sig.flat_params(len)).unwrap_or_default();
            let has = |p: &&Param| matches!(p, Param::Tensor(v) | Param::Tensors(v) | Param::Sparse(v) | Param::TensorOfParts(v) | Param::TensorOrScalar(v) | Param::ListOfTensors(v) | Param::Scalar(v) if *v == var);
            parts.extend(flat.iter().position(has).map(|i| Part::Item(2, i)));
        } else {
            parts.push(self.part);
        }
        self.report.part(at, &parts, wrong.message.clone(), wrong.help.clone());
    }

    fn index(&mut self, at: At, noun: &str, index: usize, have: usize) {
        if index >= have {
            let message = format!("{noun} {index} is not there; the module has {have}");
            self.error(at, message);
        }
    }

    fn target(&mut self, at: At, block: BlockId) {
        let have = self.func.blocks.len();
        if block.index() >= have {
            let message =
                format!("goes to block {}, but the function has {}", block.0, plural(have, "block"));
            self.structure(at, message, None);
        }
    }

    fn known(&mut self, at: At, reg: Reg) -> bool {
        let have = self.func.regs.len();
        if reg.index() < have {
            return true;
        }
        let message =
            format!("register %{} is not there; the function has {}", reg.0, plural(have, "register"));
        self.structure(at, message, None);
        false
    }

    fn all_known(&mut self, at: At, list: &[Reg]) -> bool {
        let mut known = true;
        self.items(list, |c, _, r| known &= c.known(at, r));
        known
    }

    fn operand_known(&mut self, at: At, operand: Operand) -> bool {
        match operand {
            Operand::Reg(r) => self.known(at, r),
            Operand::Imm(_) => true,
        }
    }

    fn distinct(&mut self, at: At, list: &[Reg], what: &str) {
        let mut sorted = list.to_vec();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|w| w[0] == w[1]) {
            let message = format!("{} {what}", reg(self.func, pair[0]));
            let second = list.iter().rposition(|r| *r == pair[0]).unwrap_or(0);
            let Part::Field(field) = self.part else { return };
            self.report.part(at, &[Part::Item(field, second)], message, None);
        }
    }

    /// Compares a single operand with its pattern.
    fn value(&mut self, at: At, inst: &Inst, spec: &OperandSpec, value: Operand, bound: &Bound<'_>) {
        let Some(found) = self.type_of(value) else { return };
        let exact = |want: Option<Type>| match want {
            Some(want) if want != found => Err(Want::Type(want)),
            _ => Ok(()),
        };
        let holds = |holds: bool, want: &'static str| if holds { Ok(()) } else { Err(Want::Kind(want)) };
        let checked = match spec.pattern {
            Pattern::Exact(want) => exact(Some(want)),
            Pattern::Same => exact(bound.same),
            // Told here and not of what is read or written, of which there may be two.
            Pattern::Tensor
                if elements_are_wanted(inst) && bound.elem.is_some_and(|e| e.scalar().is_none()) =>
            {
                Err(Want::Kind(
                    "a tensor whose elements are scalars (complex elements are read and written by their parts, with \
                     tensor.load_re and the like)",
                ))
            }
            Pattern::Tensor => holds(matches!(found, Type::Tensor(_)), "a tensor"),
            Pattern::Elem => exact(bound.elem.and_then(Elem::scalar)),
            Pattern::Complex => {
                holds(matches!(found, Type::Tensor(e) if e.part().is_some()), "a tensor of complex elements")
            }
            Pattern::Part => exact(bound.elem.and_then(Elem::part)),
            Pattern::List => holds(matches!(found, Type::List(_)), "a list"),
            Pattern::Item => exact(bound.item.map(Item::ty)),
            Pattern::Func => match bound.func {
                Some(want) => exact(Some(want)),
                None => holds(matches!(found, Type::Func(_)), "a function reference"),
            },
            Pattern::Entity => exact(bound.entity),
            Pattern::Object => holds(found.is_object(), "an object (a tensor, string or list)"),
            Pattern::Args | Pattern::Results | Pattern::Name => Ok(()),
        };
        if let Err(want) = checked {
            let want = match want {
                Want::Type(ty) => self.report.ty(ty),
                Want::Kind(kind) => kind.to_owned(),
            };
            let what = match spec.role {
                Role::Def => "the result",
                Role::Keeps => "what it keeps",
                _ => spec.name,
            };
            self.mismatch(at, inst, what, value, &want, found);
        }
    }

    fn mismatch(&mut self, at: At, inst: &Inst, what: &str, value: Operand, want: &str, found: Type) {
        let module = self.report.module;
        let quoted = if what.contains(' ') { what.to_owned() } else { format!("`{what}`") };
        // A string as an operand is a constant that no name of the text says.
        let shown = match self.report.text_of(at, self.part) {
            Some(text) if text.starts_with('"') => format!("the string {}", clip(text)),
            _ => operand(self.func, value),
        };
        let message = format!(
            "{quoted} of `{}`: expected {want}, found {shown}, which is {}",
            mnemonic(module, inst),
            self.report.ty(found)
        );
        let help = what.contains("result").then(|| {
            "a register has one type all its life, that of its first assignment: use another register here".to_owned()
        });
        self.report.part(at, &[self.part], message, help);
    }

    /// Who is called, for messages.
    fn callee_text(&self, inst: &Inst) -> String {
        let module = self.report.module;
        match inst {
            Inst::Call { callee, .. } => {
                let sig = module.func_sig(*callee).map_or_else(String::new, |s| self.report.sig(s));
                format!("@{}{sig}", self.report.func(*callee))
            }
            Inst::CallOp { callee: OpId(op), .. } => {
                let name = module.ops.get(*op as usize).map_or("op", |o| o.name.as_str());
                let sig = Operation::find(name).map_or("", |o| o.signature);
                format!("{}{sig}", clip(name))
            }
            Inst::CallRef { callee, .. } => operand(self.func, *callee),
            _ => format!("@{}{}", self.report.func(self.id), self.report.sig(self.sig)),
        }
    }

    fn results(&mut self, at: At, inst: &Inst, list: &[Reg], bound: &Bound<'_>) {
        let want: Vec<Option<Type>> = match bound.callee {
            Callee::Unknown => return,
            Callee::Function(sig) => sig.results.iter().map(|t| Some(*t)).collect(),
            Callee::Operation(sig, elems) => sig.results.iter().map(|p| p.result_type(elems)).collect(),
        };
        if want.len() != list.len() {
            let message = format!(
                "{} gives {}, found {} to take them",
                self.callee_text(inst),
                plural(want.len(), "result"),
                plural(list.len(), "register")
            );
            self.report.inst(at, message, None);
            return;
        }
        self.items(list, |c, i, r| match (c.reg_type(r), want[i]) {
            (Some(found), Some(want)) if found != want => {
                let want = c.report.ty(want);
                c.mismatch(at, inst, &format!("result {}", i + 1), Operand::Reg(r), &want, found);
            }
            (_, None) => {
                let message = format!("result {} of {} has no register type", i + 1, c.callee_text(inst));
                c.error(at, message);
            }
            _ => {}
        });
    }

    /// The string in operand `place`, if it is a constant that the register is assigned once.
    fn constant_text(&mut self, list: &[Operand], place: usize) -> Option<&'m str> {
        let Some(Operand::Reg(reg)) = list.get(place) else { return None };
        let params = self.sig.params.len();
        let known = self.constants.get_or_insert_with(|| constants(self.func, params));
        let constant = known.get(reg).copied().flatten()?;
        match &self.report.module.constants.get(constant.index())?.value {
            ConstValue::Str(text) => Some(text.as_str()),
            ConstValue::Tensor { .. } | ConstValue::Zeros { .. } => None,
        }
    }

    /// Where an operation takes a precision: that it is a constant, and that there is one of that name.
    fn precision(&mut self, at: At, inst: &Inst, list: &[Operand]) {
        let module = self.report.module;
        let Inst::CallOp { callee, .. } = inst else { return };
        let row = module.ops.get(callee.index()).and_then(|op| Operation::find(&op.name));
        let Some((row, place)) = row.and_then(|row| Some((row, row.precision?))) else { return };
        let wrong = match self.constant_text(list, place).map(Precision::parse) {
            None => "has to be a string constant that the register is assigned once".to_owned(),
            Some(Err(wrong)) => wrong,
            Some(Ok(_)) => return,
        };
        let message = format!("the precision of {} {wrong}", row.name);
        self.report.part(at, &[Part::Item(2, place)], message, None);
    }

    /// Where an operation takes subscripts: that they are a constant, that they parse, and that there are as many
    /// tensors as they are for.
    fn subscripts(&mut self, at: At, inst: &Inst, list: &[Operand], list_len: usize) {
        let module = self.report.module;
        let Inst::CallOp { callee, .. } = inst else { return };
        let row = module.ops.get(callee.index()).and_then(|op| Operation::find(&op.name));
        // It comes before the bracketed list, as no other list does.
        let Some((row, place)) = row.and_then(|row| Some((row, row.subscripts?))) else { return };
        let wrong = match self.constant_text(list, place).map(Subscripts::parse) {
            None => Some("have to be a string constant that the register is assigned once".to_owned()),
            Some(Err(wrong)) => Some(format!("do not parse: {wrong}")),
            Some(Ok(parsed)) if parsed.operands.len() != list_len => Some(format!(
                "are for {}, and there {} {list_len}",
                plural(parsed.operands.len(), "tensor"),
                if list_len == 1 { "is" } else { "are" }
            )),
            Some(Ok(_)) => None,
        };
        if let Some(wrong) = wrong {
            let message = format!("the subscripts of {} {wrong}", row.name);
            self.report.part(at, &[Part::Item(2, place)], message, None);
        }
    }

    fn arguments(&mut self, at: At, inst: &Inst, spec: &OperandSpec, list: &[Operand], bound: &Bound<'_>) {
        let module = self.report.module;
        let noun = if spec.pattern == Pattern::Results { "value" } else { "argument" };
        match bound.callee {
            Callee::Unknown => {}
            Callee::Function(sig) => {
                let want = if spec.pattern == Pattern::Results { &sig.results } else { &sig.params };
                if want.len() != list.len() {
                    let takes = if spec.pattern == Pattern::Results { "returns" } else { "takes" };
                    let message = format!(
                        "{} {takes} {}, found {}",
                        self.callee_text(inst),
                        plural(want.len(), noun),
                        list.len()
                    );
                    self.report.inst(at, message, None);
                    return;
                }
                self.items(list, |c, i, value| match c.type_of(value) {
                    Some(found) if found != want[i] => {
                        let want = c.report.ty(want[i]);
                        c.mismatch(at, inst, &format!("{noun} {}", i + 1), value, &want, found);
                    }
                    _ => {}
                });
            }
            Callee::Operation(sig, elems) => {
                let Some(list_len) = sig.list_len(list.len()) else {
                    let message =
                        format!("{} cannot take {}", self.callee_text(inst), plural(list.len(), noun));
                    self.report.inst(at, message, None);
                    return;
                };
                self.subscripts(at, inst, list, list_len);
                self.precision(at, inst, list);
                let params = sig.flat_params(list_len);
                self.items(list, |c, i, value| {
                    let Some(found) = c.type_of(value) else { return };
                    if !params[i].accepts(found, elems, &module.sigs) {
                        let want = param_text(params[i], elems);
                        c.mismatch(at, inst, &format!("{noun} {}", i + 1), value, &want, found);
                    }
                });
            }
        }
    }
}

/// Whether `inst` reads or writes whole elements of a tensor.
fn elements_are_wanted(inst: &Inst) -> bool {
    inst.opcode().operands().iter().any(|spec| spec.pattern == Pattern::Elem)
}

/// The constants that registers are: those that are assigned nothing else. All of a function's at once, so that
/// looking at each takes no longer than the function is.
fn constants(func: &Function, params: usize) -> FxHashMap<Reg, Option<ConstId>> {
    let mut found: FxHashMap<Reg, Option<ConstId>> = (0..params).map(|n| (Reg::new(n), None)).collect();
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        let given = match inst {
            Inst::ConstGet { constant, .. } => Some(*constant),
            _ => None,
        };
        inst.for_each_def(|reg| {
            // The text format reads a constant before each use of it.
            let known = found.entry(reg).or_insert(given);
            if *known != given {
                *known = None;
            }
        });
    }
    found
}

enum Want {
    Type(Type),
    Kind(&'static str),
}

/// A parameter of an operation with its element types filled in.
fn param_text(param: &Param, elems: &[Elem]) -> String {
    let elem = |v: &usize| elems.get(*v).map_or("?", |e| e.name());
    // Elements are read into registers of another type when they are bytes.
    let scalar = |v: &usize| elems.get(*v).and_then(|e| e.scalar()).map(|t| t.display(&[]).to_string());
    match param {
        Param::Exact(ty) => ty.display(&[]).to_string(),
        Param::Tensor(v) | Param::Tensors(v) => format!("tensor<{}>", elem(v)),
        Param::Sparse(v) => format!("sparse<{}>", elem(v)),
        Param::TensorOfParts(_) | Param::TensorOfReals(_) | Param::TensorOfComplex(_) => {
            param.result_type(elems).map_or("a tensor of parts".to_owned(), |ty| ty.display(&[]).to_string())
        }
        Param::Scalar(v) => scalar(v).unwrap_or_else(|| format!("a scalar of {}", elem(v))),
        Param::TensorOrScalar(v) => match scalar(v) {
            Some(scalar) => format!("tensor<{}> or {scalar}", elem(v)),
            None => format!("tensor<{}>", elem(v)),
        },
        Param::ListOfTensors(v) => format!("list<tensor<{}>>", elem(v)),
        Param::Ints => "i64".to_owned(),
        Param::Func(params, results) => {
            let list =
                |list: &[Param]| list.iter().map(|p| param_text(p, elems)).collect::<Vec<_>>().join(", ");
            format!("func<({}) -> {}>", list(params), list(results))
        }
    }
}
