//! Printer of the text format.
//!
//! For every module that the decoder accepts, reading what is printed gives
//! the module again, but for source lines. Things that the reader would not find
//! by itself are written out. These are registers in an order of their own or of
//! types that do not follow (`local`), type variables (`<..>`), types of
//! literals (`1i32`); and tables in an order of their own (`sig`, `use`).

use crate::catalogue::{OpSignature, Operation};
use crate::entity::{BlockId, ConstId, FuncId, GlobalId, Reg, SigId};
use crate::infer;
use crate::inst::{FieldRef, Imm, Inst, Opcode, Operand, OperandSpec, Pattern, Role};
use crate::module::{ConstValue, Constant, Function, Global, GlobalInit, Module, OpRef};
use crate::names::{Entity, quoted, write as write_name, written};
use crate::types::{Elem, Signature, Type};
use std::fmt;
use std::fmt::Write as _;

impl Module {
    /// The module as text.
    pub fn print(&self) -> String {
        Printer::new(self).module()
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print())
    }
}

/// One instruction of `func` as text, for messages.
pub fn inst_to_string(module: &Module, func: &Function, inst: &Inst) -> String {
    let mut printer = Printer::new(module);
    let names = Names::new(func);
    let known: Vec<Option<Type>> = func.regs.iter().copied().map(Some).collect();
    printer.inst(func, &names, &known, inst);
    printer.out
}

/// Operations of a module with what the catalogue says of them.
type Known = Option<(&'static Operation, OpSignature)>;

struct Printer<'m> {
    module: &'m Module,
    out: String,
    funcs: Vec<String>,
    consts: Vec<String>,
    globals: Vec<String>,
    ops: Vec<Known>,
    sigs_seen: Seen,
    ops_seen: Seen,
}

/// The order in which a reader of the text meets the entries of a table.
struct Seen {
    seen: Vec<bool>,
    met: usize,
    in_order: bool,
}

impl Seen {
    fn new(len: usize) -> Seen {
        Seen { seen: vec![false; len], met: 0, in_order: true }
    }

    /// Whether `index` was not met before.
    fn is_new(&self, index: usize) -> bool {
        self.seen.get(index).is_some_and(|s| !s)
    }

    fn meet(&mut self, index: usize) {
        if self.is_new(index) {
            self.seen[index] = true;
            self.in_order &= index == self.met;
            self.met += 1;
        }
    }

    /// Whether the reader would build the table as it is.
    fn is_whole(&self) -> bool {
        self.in_order && self.met == self.seen.len()
    }
}

/// Names of a function's registers and blocks as written.
struct Names {
    regs: Vec<String>,
    blocks: Vec<String>,
}

impl Names {
    fn new(func: &Function) -> Names {
        let regs = (0..func.regs.len()).map(|i| func.reg_names.get(i).and_then(|n| n.as_deref()));
        let blocks = func.blocks.iter().map(|b| b.name.as_deref());
        Names { regs: written(Entity::Reg, regs), blocks: written(Entity::Block, blocks) }
    }

    fn reg(&self, reg: Reg) -> String {
        self.regs.get(reg.index()).cloned().unwrap_or_else(|| Entity::Reg.default_name(reg.index()))
    }

    fn block(&self, block: BlockId) -> String {
        self.blocks.get(block.index()).cloned().unwrap_or_else(|| Entity::Block.default_name(block.index()))
    }
}

impl<'m> Printer<'m> {
    fn new(module: &'m Module) -> Printer<'m> {
        let imports = module.imports.iter().map(|i| Some(i.name.as_str()));
        let own = module.functions.iter().map(|f| f.name.as_deref());
        let mut funcs = written(Entity::Func, imports.chain(own));
        let first = module.imports.len();
        // The name of an import or export is always kept, so it may look like
        // the name of a nameless one with its own number.
        let kept = (0..funcs.len()).filter(|i| *i < first || module.functions[*i - first].export);
        for i in kept {
            if funcs[i] == write_name(Entity::Func, &format!("func{i}"), true, None) {
                funcs[i] = Entity::Func.default_name(i);
            }
        }
        let mut globals = written(Entity::Global, module.globals.iter().map(|g| g.name.as_deref()));
        for i in (0..globals.len()).filter(|i| module.globals[*i].export) {
            if globals[i] == write_name(Entity::Global, &format!("global{i}"), true, None) {
                globals[i] = Entity::Global.default_name(i);
            }
        }
        Printer {
            module,
            out: String::new(),
            funcs,
            consts: written(Entity::Const, module.constants.iter().map(|c| c.name.as_deref())),
            globals,
            ops: module.ops.iter().map(known_operation).collect(),
            sigs_seen: Seen::new(module.sigs.len()),
            ops_seen: Seen::new(module.ops.len()),
        }
    }

    fn module(mut self) -> String {
        let module = self.module;
        for import in &module.imports {
            self.meet_sig(import.sig);
        }
        for global in &module.globals {
            self.meet_type(global.ty);
        }
        for func in &module.functions {
            self.meet_sig(func.sig);
        }
        for (at, import) in module.imports.iter().enumerate() {
            let sig = self.sig(import.sig);
            let _ = writeln!(self.out, "import func {}{sig}", self.funcs[at]);
        }
        self.blank_line();
        for (at, constant) in module.constants.iter().enumerate() {
            self.constant(at, constant);
        }
        self.blank_line();
        for (at, global) in module.globals.iter().enumerate() {
            self.global(at, global);
        }
        for (at, func) in module.functions.iter().enumerate() {
            self.blank_line();
            self.function(module.imports.len() + at, func);
        }
        self.with_tables()
    }

    /// The text, with the tables that a reader would not build alike before it.
    fn with_tables(self) -> String {
        let mut tables = String::new();
        if !self.sigs_seen.is_whole() {
            for at in 0..self.module.sigs.len() {
                let _ = writeln!(tables, "sig {}", self.sig(SigId::new(at)));
            }
        }
        if !self.ops_seen.is_whole() {
            for op in &self.module.ops {
                let _ = writeln!(tables, "use {}", op_ref(op));
            }
        }
        if tables.is_empty() {
            return self.out;
        }
        if !self.out.is_empty() {
            tables.push('\n');
        }
        tables + &self.out
    }

    fn blank_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn sig(&self, id: SigId) -> String {
        let sigs = &self.module.sigs;
        match sigs.get(id.index()) {
            Some(sig) => sig.display(&sigs[..id.index()]).to_string(),
            None => "()".to_owned(),
        }
    }

    /// Notes that the reader meets the signature here, after those it names.
    fn meet_sig(&mut self, id: SigId) {
        if !self.sigs_seen.is_new(id.index()) {
            return;
        }
        let sig: &'m Signature = &self.module.sigs[id.index()];
        for ty in sig.params.iter().chain(&sig.results) {
            // A signature names only earlier ones; where one does not, going
            // on could go round for ever.
            if func_sig(*ty).is_some_and(|inner| inner < id) {
                self.meet_type(*ty);
            }
        }
        self.sigs_seen.meet(id.index());
    }

    fn meet_type(&mut self, ty: Type) {
        if let Some(id) = func_sig(ty) {
            self.meet_sig(id);
        }
    }

    fn constant(&mut self, at: usize, constant: &Constant) {
        let _ = write!(self.out, "const {}: ", self.consts[at]);
        match &constant.value {
            ConstValue::Str(text) => {
                let _ = writeln!(self.out, "str = {}", quoted(text));
            }
            ConstValue::Tensor { elem, dims, data } => {
                self.shape(*elem, dims);
                if *elem == Elem::U8 {
                    self.bytes(data)
                } else {
                    self.elements(*elem, data)
                }
                self.out.push('\n');
            }
            ConstValue::Zeros { elem, dims } => {
                self.shape(*elem, dims);
                self.out.push_str("zero\n");
            }
        }
    }

    fn shape(&mut self, elem: Elem, dims: &[u64]) {
        let dims: Vec<String> = dims.iter().map(u64::to_string).collect();
        let _ = write!(self.out, "tensor<{elem}> [{}] = ", dims.join(", "));
    }

    fn bytes(&mut self, data: &[u8]) {
        const A_LINE: usize = 32;
        self.out.push_str("hex\"");
        for (at, byte) in data.iter().enumerate() {
            if at > 0 {
                self.out.push_str(if at % A_LINE == 0 { "\n  " } else { " " });
            } else if data.len() > A_LINE {
                self.out.push_str("\n  ");
            }
            let _ = write!(self.out, "{byte:02x}");
        }
        self.out.push('"');
    }

    fn elements(&mut self, elem: Elem, data: &[u8]) {
        const A_LINE: usize = 8;
        let elements = data.chunks_exact(elem.size());
        let long = elements.len() > A_LINE;
        self.out.push('{');
        for (at, bytes) in elements.enumerate() {
            if long && at % A_LINE == 0 {
                self.out.push_str(if at == 0 { "\n  " } else { ",\n  " });
            } else if at > 0 {
                self.out.push_str(", ");
            }
            match (elem.part(), elem.scalar()) {
                (Some(part), _) => {
                    let (re, im) = bytes.split_at(elem.size() / 2);
                    let _ = write!(self.out, "({}, ", literal(read_imm(part, re), Some(part)));
                    let _ = write!(self.out, "{})", literal(read_imm(part, im), Some(part)));
                }
                (None, ty) => {
                    let imm = read_imm(ty.unwrap_or(Type::I32), bytes);
                    self.out.push_str(&literal(imm, ty));
                }
            }
        }
        self.out.push_str(if long { "\n}" } else { "}" });
    }

    fn global(&mut self, at: usize, global: &Global) {
        let export = if global.export { "export " } else { "" };
        let constant = if global.mutable { "" } else { "const " };
        let ty = global.ty.display(&self.module.sigs);
        let _ = write!(self.out, "{export}global {constant}{}: {ty} = ", self.globals[at]);
        let init = match global.init {
            GlobalInit::Imm(imm) => literal(imm, Some(global.ty)),
            GlobalInit::Const(id) => self.const_name(id),
            GlobalInit::Func(id) => self.func_name(id),
        };
        self.out.push_str(&init);
        self.out.push('\n');
    }

    fn func_name(&self, id: FuncId) -> String {
        self.funcs.get(id.index()).cloned().unwrap_or_else(|| Entity::Func.default_name(id.index()))
    }

    fn const_name(&self, id: ConstId) -> String {
        self.consts.get(id.index()).cloned().unwrap_or_else(|| Entity::Const.default_name(id.index()))
    }

    fn global_name(&self, id: GlobalId) -> String {
        self.globals.get(id.index()).cloned().unwrap_or_else(|| Entity::Global.default_name(id.index()))
    }

    fn function(&mut self, index: usize, func: &Function) {
        let names = Names::new(func);
        let sigs = &self.module.sigs;
        let none = Signature::default();
        let sig = sigs.get(func.sig.index()).unwrap_or(&none);
        let export = if func.export { "export " } else { "" };
        let params: Vec<String> = sig
            .params
            .iter()
            .enumerate()
            .map(|(i, ty)| format!("{}: {}", names.reg(Reg::new(i)), ty.display(sigs)))
            .collect();
        let results = Signature::new([], sig.results.clone()).display(sigs).to_string();
        let results = results.trim_start_matches("()");
        let _ = writeln!(self.out, "{export}func {}({}){results} {{", self.funcs[index], params.join(", "));

        let mut known: Vec<Option<Type>> = vec![None; func.regs.len()];
        for (slot, ty) in known.iter_mut().zip(&sig.params) {
            *slot = Some(*ty);
        }
        if !self.reader_finds_registers(func, sig.params.len()) {
            for (at, ty) in func.regs.iter().enumerate().skip(sig.params.len()) {
                self.meet_type(*ty);
                let ty = ty.display(&self.module.sigs);
                let _ = writeln!(self.out, "  local {}: {ty}", names.reg(Reg::new(at)));
            }
            known = func.regs.iter().copied().map(Some).collect();
        }
        for (at, block) in func.blocks.iter().enumerate() {
            if at > 0 || block.name.is_some() {
                let _ = writeln!(self.out, "{}:", names.block(BlockId::new(at)));
            }
            for inst in &block.insts {
                self.out.push_str("  ");
                self.inst(func, &names, &known, inst);
                self.out.push('\n');
                inst.for_each_field(|field| match field {
                    FieldRef::Def(reg) => learn(&mut known, func, reg),
                    FieldRef::Defs(regs) => regs.iter().for_each(|reg| learn(&mut known, func, *reg)),
                    FieldRef::Op(id) => self.ops_seen.meet(id.index()),
                    _ => {}
                });
            }
        }
        self.out.push_str("}\n");
    }

    /// Whether a reader numbers and types the registers as they are, without
    /// being told.
    fn reader_finds_registers(&self, func: &Function, params: usize) -> bool {
        let mut known: Vec<Option<Type>> = vec![None; func.regs.len()];
        for (slot, ty) in known.iter_mut().zip(&func.regs).take(params) {
            *slot = Some(*ty);
        }
        let mut next = params;
        let mut fits = params <= func.regs.len();
        for inst in func.blocks.iter().flat_map(|b| &b.insts) {
            let mut see = |reg: Reg| {
                fits &= reg.index() <= next && reg.index() < func.regs.len();
                next = next.max(reg.index() + 1);
            };
            inst.for_each_field(|field| match field {
                FieldRef::Def(reg) | FieldRef::Use(Operand::Reg(reg)) => see(reg),
                FieldRef::Defs(regs) | FieldRef::Keeps(regs) => regs.iter().for_each(|r| see(*r)),
                FieldRef::Uses(list) => list.iter().for_each(|o| {
                    if let Operand::Reg(r) = o {
                        see(*r);
                    }
                }),
                _ => {}
            });
            if !fits {
                return false;
            }
            self.infer_results(inst, &mut known);
        }
        next == func.regs.len() && known.iter().zip(&func.regs).all(|(k, ty)| *k == Some(*ty))
    }

    /// Sets the types that a reader infers for the registers `inst` writes.
    fn infer_results(&self, inst: &Inst, known: &mut [Option<Type>]) {
        let specs = inst.opcode().operands();
        let slots = self.slots(inst, known, true);
        let mut at = 0;
        let mut results: Vec<(Reg, Option<Type>)> = Vec::new();
        inst.for_each_field(|field| {
            match field {
                FieldRef::Def(reg) => results.push((reg, infer::deduce(specs, &slots, at))),
                FieldRef::Defs(regs) => {
                    let sig = infer::callee(specs, &slots).and_then(|id| self.module.sigs.get(id.index()));
                    let types = sig.map_or(&[][..], |s| &s.results);
                    results.extend(regs.iter().enumerate().map(|(i, r)| (*r, types.get(i).copied())));
                }
                FieldRef::Op(id) => {
                    let Some(Some((_, typed))) = self.ops.get(id.index()) else { return };
                    let elems = &self.module.ops[id.index()].elems;
                    for (result, param) in results.iter_mut().zip(&typed.results) {
                        result.1 = param.result_type(elems);
                    }
                }
                _ => {}
            }
            at += 1;
        });
        // An operation written in its raw form tells the reader no types.
        if let Inst::CallOp { results: regs, callee, args } = inst
            && self.op_form(callee.index(), regs.len(), args.len()).is_none()
        {
            return;
        }
        for (reg, ty) in results {
            if let Some(slot @ None) = known.get_mut(reg.index()) {
                *slot = ty;
            }
        }
    }

    /// What the reader knows of each operand; see [`infer`].
    fn slots(&self, inst: &Inst, known: &[Option<Type>], literals: bool) -> Vec<Option<Type>> {
        let module = self.module;
        let reg = |r: Reg| known.get(r.index()).copied().flatten();
        let mut slots = Vec::new();
        inst.for_each_field(|field| {
            slots.push(match field {
                FieldRef::Def(r) | FieldRef::Use(Operand::Reg(r)) => reg(r),
                FieldRef::Use(Operand::Imm(imm)) => literals.then(|| imm.ty()),
                FieldRef::Func(id) => module.func_sig_id(id).map(Type::Func),
                FieldRef::Global(id) => module.globals.get(id.index()).map(|g| g.ty),
                FieldRef::Const(id) => module.constants.get(id.index()).map(|c| c.value.ty()),
                _ => None,
            });
        });
        slots
    }

    fn inst(&mut self, func: &Function, names: &Names, known: &[Option<Type>], inst: &Inst) {
        let opcode = inst.opcode();
        let specs = opcode.operands();
        let mut defs = Vec::new();
        inst.for_each_field(|field| match field {
            FieldRef::Def(reg) => defs.push(names.reg(reg)),
            FieldRef::Defs(regs) => defs.extend(regs.iter().map(|r| names.reg(*r))),
            _ => {}
        });
        if !defs.is_empty() {
            let _ = write!(self.out, "{} = ", defs.join(", "));
        }
        if let Inst::CallOp { results, callee, args } = inst
            && let Some(list_len) = self.op_form(callee.index(), results.len(), args.len())
        {
            return self.operation(names, known, callee.index(), args, list_len);
        }
        self.out.push_str(opcode.mnemonic());
        let slots = self.slots(inst, known, false);
        let mut at = 0;
        let mut separator = " ";
        inst.for_each_field(|field| {
            let spec = &specs[at];
            let text = self.field(func, names, specs, &slots, at, field);
            at += 1;
            if matches!(spec.role, Role::Def | Role::Defs) || text.is_empty() {
                return;
            }
            if spec.pattern != Pattern::Args {
                self.out.push_str(separator);
            }
            self.out.push_str(&text);
            separator = ", ";
        });
    }

    fn field(
        &self,
        func: &Function,
        names: &Names,
        specs: &[OperandSpec],
        slots: &[Option<Type>],
        at: usize,
        field: FieldRef<'_>,
    ) -> String {
        let regs = |list: &[Reg]| join(list.iter().map(|r| names.reg(*r)));
        match field {
            FieldRef::Def(_) | FieldRef::Defs(_) => String::new(),
            FieldRef::Use(operand) => value(names, operand, || infer::deduce(specs, slots, at)),
            FieldRef::Lit(imm) => literal(imm, infer::deduce(specs, slots, at)),
            FieldRef::Keeps([]) => String::new(),
            FieldRef::Keeps(list) => format!("keep {}", regs(list)),
            FieldRef::Block(id) => names.block(id),
            FieldRef::Blocks(list) => format!("[{}]", join(list.iter().map(|b| names.block(*b)))),
            FieldRef::Func(id) => self.func_name(id),
            FieldRef::Global(id) => self.global_name(id),
            FieldRef::Const(id) => self.const_name(id),
            FieldRef::Op(id) => match self.module.ops.get(id.index()) {
                Some(op) => op_ref(op),
                None => format!("\"op {}\"", id.0),
            },
            FieldRef::Uses(list) => {
                let args = specs[at].pattern == Pattern::Args;
                let sig = if args { infer::callee(specs, slots) } else { Some(func.sig) };
                let sig = sig.and_then(|id| self.module.sigs.get(id.index()));
                let types = sig.map_or(&[][..], |s| if args { &s.params } else { &s.results });
                let list = list.iter().enumerate().map(|(i, o)| value(names, *o, || types.get(i).copied()));
                if args { format!("({})", join(list)) } else { join(list) }
            }
        }
    }

    /// The length of bracketed lists in a call of operation `op` by its own
    /// name; `None` when it has to be written in the raw form `op name(..)`.
    fn op_form(&self, op: usize, results: usize, args: usize) -> Option<usize> {
        let (_, typed) = self.ops.get(op)?.as_ref()?;
        if typed.results.len() != results {
            return None;
        }
        typed.list_len(args)
    }

    /// An operation of the catalogue by its own name.
    fn operation(
        &mut self,
        names: &Names,
        known: &[Option<Type>],
        op: usize,
        args: &[Operand],
        list_len: usize,
    ) {
        let module = self.module;
        let Some(Some((operation, typed))) = self.ops.get(op) else { return };
        let elems = &module.ops[op].elems;
        self.out.push_str(operation.name);
        let params = typed.flat_params(list_len);
        let types: Vec<Option<Type>> = args
            .iter()
            .map(|arg| match arg {
                Operand::Reg(r) => known.get(r.index()).copied().flatten(),
                Operand::Imm(_) => None,
            })
            .collect();
        let found = infer::elements(typed, &params, &types, &module.sigs);
        let wrong = found.iter().zip(elems).any(|(f, e)| f.is_some_and(|f| f != *e));
        let shown: Vec<&str> =
            found.iter().zip(elems).filter(|(f, _)| wrong || f.is_none()).map(|(_, e)| e.name()).collect();
        if !shown.is_empty() {
            let _ = write!(self.out, "<{}>", shown.join(", "));
        }
        let elems: Vec<Option<Elem>> = elems.iter().copied().map(Some).collect();
        let mut at = 0;
        let mut next = |_| {
            let text = value(names, args[at], || infer::literal_type(params[at], &elems));
            at += 1;
            text
        };
        let mut texts = Vec::with_capacity(typed.params.len());
        for param in &typed.params {
            texts.push(if param.is_bracketed() {
                format!("[{}]", join((0..list_len).map(&mut next)))
            } else {
                next(0)
            });
        }
        if !texts.is_empty() {
            let _ = write!(self.out, " {}", texts.join(", "));
        }
    }
}

fn known_operation(op: &OpRef) -> Known {
    let operation = Operation::find(&op.name)?;
    // A name that an instruction has would be read as that instruction.
    if Opcode::from_mnemonic(&op.name).is_some() {
        return None;
    }
    let typed = operation.typed();
    (typed.vars.len() == op.elems.len()).then_some((operation, typed))
}

/// `name<elems>`.
fn op_ref(op: &OpRef) -> String {
    let mut out = write_name(Entity::Block, &op.name, false, None);
    if !op.elems.is_empty() {
        let elems: Vec<&str> = op.elems.iter().map(|e| e.name()).collect();
        let _ = write!(out, "<{}>", elems.join(", "));
    }
    out
}

fn func_sig(ty: Type) -> Option<SigId> {
    let ty = match ty {
        Type::List(item) => item.ty(),
        ty => ty,
    };
    match ty {
        Type::Func(id) => Some(id),
        _ => None,
    }
}

fn learn(known: &mut [Option<Type>], func: &Function, reg: Reg) {
    if let (Some(slot), Some(ty)) = (known.get_mut(reg.index()), func.regs.get(reg.index())) {
        *slot = Some(*ty);
    }
}

fn join(texts: impl Iterator<Item = String>) -> String {
    let mut out = String::new();
    for (at, text) in texts.enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(&text);
    }
    out
}

fn value(names: &Names, operand: Operand, wanted: impl FnOnce() -> Option<Type>) -> String {
    match operand {
        Operand::Reg(reg) => names.reg(reg),
        Operand::Imm(imm) => literal(imm, wanted()),
    }
}

/// A literal, with its type where the reader would take another.
pub(crate) fn literal(imm: Imm, wanted: Option<Type>) -> String {
    let default = match imm {
        Imm::I32(_) | Imm::I64(_) => Type::I64,
        Imm::F32(_) | Imm::F64(_) => Type::F64,
        Imm::Bool(v) => return v.to_string(),
    };
    let plain = wanted.filter(|ty| ty.is_scalar()).unwrap_or(default) == imm.ty();
    let suffix = if plain { "" } else { type_name(imm) };
    let (nan_bits, text) = match imm {
        Imm::I32(v) => return format!("{v}{suffix}"),
        Imm::I64(v) => return format!("{v}{suffix}"),
        Imm::F32(bits) => {
            let v = f32::from_bits(bits);
            (v.is_nan().then_some((u64::from(bits), bits == 0x7fc0_0000)), format!("{v:?}"))
        }
        Imm::F64(bits) => {
            let v = f64::from_bits(bits);
            (v.is_nan().then_some((bits, bits == 0x7ff8_0000_0000_0000)), format!("{v:?}"))
        }
        Imm::Bool(_) => return String::new(),
    };
    let under = if plain { "" } else { "_" };
    match nan_bits {
        Some((_, true)) => format!("nan{under}{suffix}"),
        Some((bits, false)) => format!("nan{under}{suffix}:{bits:#x}"),
        None if text.ends_with("inf") => format!("{text}{under}{suffix}"),
        None => format!("{text}{suffix}"),
    }
}

const fn type_name(imm: Imm) -> &'static str {
    match imm {
        Imm::I32(_) => "i32",
        Imm::I64(_) => "i64",
        Imm::F32(_) => "f32",
        Imm::F64(_) => "f64",
        Imm::Bool(_) => "bool",
    }
}

/// The little-endian value of type `ty` in `bytes`, of which there are enough.
fn read_imm(ty: Type, bytes: &[u8]) -> Imm {
    let mut wide = [0; 8];
    let len = bytes.len().min(8);
    wide[..len].copy_from_slice(&bytes[..len]);
    let wide = u64::from_le_bytes(wide);
    match ty {
        Type::I64 => Imm::I64(wide as i64),
        Type::F32 => Imm::F32(wide as u32),
        Type::F64 => Imm::F64(wide),
        Type::Bool => Imm::Bool(wide != 0),
        _ => Imm::I32(wide as i32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_show_their_type_where_it_is_not_expected() {
        assert_eq!(literal(Imm::I64(1), None), "1");
        assert_eq!(literal(Imm::I64(1), Some(Type::I32)), "1i64");
        assert_eq!(literal(Imm::I32(-1), None), "-1i32");
        assert_eq!(literal(Imm::f64(2.0), None), "2.0");
        assert_eq!(literal(Imm::f64(1e300), None), "1e300");
        assert_eq!(literal(Imm::f32(0.1), None), "0.1f32");
        assert_eq!(literal(Imm::f32(0.1), Some(Type::F32)), "0.1");
        assert_eq!(literal(Imm::f32(f32::NEG_INFINITY), None), "-inf_f32");
        assert_eq!(literal(Imm::F64(0x7ff8_0000_0000_0000), None), "nan");
        assert_eq!(literal(Imm::F64(0xfff8_0000_0000_0001), None), "nan:0xfff8000000000001");
        assert_eq!(literal(Imm::F32(0x7fc0_0000), None), "nan_f32");
        assert_eq!(literal(Imm::Bool(true), None), "true");
    }
}
