//! Writer of the binary format; the numbers are in [`crate::binary`].
//!
//! Invariant: the decoder gives the same module again, but for its source text.

use crate::binary::{ELEMENTS, END, MAGIC, Section, VERSION, ZEROS};
use crate::inst::{FieldRef, Imm, Inst, Operand};
use crate::module::{ConstValue, Function, GlobalInit, Module};
use crate::types::Type;

impl Module {
    /// The module as a binary file. [`Module::decode`] gives back the same
    /// module, but for its source text.
    pub fn encode(&self) -> Vec<u8> {
        let mut file = Writer::default();
        file.bytes.extend(MAGIC);
        file.bytes.extend(VERSION.to_le_bytes());
        for section in Section::ALL {
            let mut payload = Writer::default();
            if payload.section(self, section) {
                file.bytes.push(section as u8);
                file.data(&payload.bytes);
            }
        }
        file.bytes.push(END);
        let checksum = crc32fast::hash(&file.bytes);
        file.bytes.extend(checksum.to_le_bytes());
        file.bytes
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Writes a section's payload; false when it may be left out.
    fn section(&mut self, module: &Module, section: Section) -> bool {
        match section {
            Section::Types => {
                self.list(&module.sigs, |w, sig| {
                    w.list(&sig.params, |w, ty| w.ty(*ty));
                    w.list(&sig.results, |w, ty| w.ty(*ty));
                });
                !module.sigs.is_empty()
            }
            Section::Imports => {
                self.list(&module.imports, |w, import| {
                    w.text(&import.name);
                    w.int(import.sig.0);
                });
                !module.imports.is_empty()
            }
            Section::Ops => {
                self.list(&module.ops, |w, op| {
                    w.text(&op.name);
                    w.list(&op.elems, |w, elem| w.bytes.push(elem.code()));
                });
                !module.ops.is_empty()
            }
            Section::Constants => {
                self.list(&module.constants, |w, constant| match &constant.value {
                    ConstValue::Str(text) => {
                        w.ty(Type::Str);
                        w.text(text);
                    }
                    ConstValue::Tensor { elem, dims, data } => {
                        w.ty(Type::Tensor(*elem));
                        w.list(dims, |w, dim| w.long(*dim));
                        w.bytes.push(ELEMENTS);
                        w.data(data);
                    }
                    ConstValue::Zeros { elem, dims } => {
                        w.ty(Type::Tensor(*elem));
                        w.list(dims, |w, dim| w.long(*dim));
                        w.bytes.push(ZEROS);
                    }
                });
                !module.constants.is_empty()
            }
            Section::Globals => {
                self.list(&module.globals, |w, global| {
                    w.bytes.push(u8::from(global.export) | u8::from(global.mutable) << 1);
                    if global.export {
                        w.name(global.name.as_deref());
                    }
                    w.ty(global.ty);
                    match global.init {
                        GlobalInit::Imm(imm) => {
                            w.bytes.push(0);
                            w.typed_imm(imm);
                        }
                        GlobalInit::Const(id) => {
                            w.bytes.push(1);
                            w.int(id.0);
                        }
                        GlobalInit::Func(id) => {
                            w.bytes.push(2);
                            w.int(id.0);
                        }
                    }
                });
                !module.globals.is_empty()
            }
            Section::Functions => {
                self.list(&module.functions, Writer::function);
                !module.functions.is_empty()
            }
            Section::Debug => self.debug(module),
        }
    }

    fn function(&mut self, func: &Function) {
        self.bytes.push(u8::from(func.export));
        if func.export {
            self.name(func.name.as_deref());
        }
        self.int(func.sig.0);
        self.list(&func.regs, |w, ty| w.ty(*ty));
        self.list(&func.blocks, |w, block| w.list(&block.insts, Writer::inst));
    }

    fn inst(&mut self, inst: &Inst) {
        self.bytes.extend(inst.opcode().number().to_le_bytes());
        inst.for_each_field(|field| match field {
            FieldRef::Def(reg) => self.int(reg.0),
            FieldRef::Use(operand) => self.operand(operand),
            FieldRef::Defs(regs) | FieldRef::Keeps(regs) => self.list(regs, |w, reg| w.int(reg.0)),
            FieldRef::Uses(operands) => self.list(operands, |w, operand| w.operand(*operand)),
            FieldRef::Lit(imm) => self.typed_imm(imm),
            FieldRef::Block(id) => self.int(id.0),
            FieldRef::Blocks(ids) => self.list(ids, |w, id| w.int(id.0)),
            FieldRef::Func(id) => self.int(id.0),
            FieldRef::Global(id) => self.int(id.0),
            FieldRef::Const(id) => self.int(id.0),
            FieldRef::Op(id) => self.int(id.0),
        });
    }

    /// Names that only people need, and source lines; false when there are none.
    fn debug(&mut self, module: &Module) -> bool {
        let start = self.bytes.len();
        let mut any = false;
        let mut name = |w: &mut Writer, name: Option<&str>| {
            any |= name.is_some();
            w.name(name);
        };
        for constant in &module.constants {
            name(self, constant.name.as_deref());
        }
        for global in module.globals.iter().filter(|g| !g.export) {
            name(self, global.name.as_deref());
        }
        for func in &module.functions {
            if !func.export {
                name(self, func.name.as_deref());
            }
        }
        for func in &module.functions {
            any |= !func.reg_names.is_empty();
            self.bytes.push(u8::from(!func.reg_names.is_empty()));
            if !func.reg_names.is_empty() {
                for at in 0..func.regs.len() {
                    self.name(func.reg_names.get(at).and_then(|n| n.as_deref()));
                }
            }
            for block in &func.blocks {
                any |= block.name.is_some() || !block.lines.is_empty();
                self.name(block.name.as_deref());
                self.bytes.push(u8::from(!block.lines.is_empty()));
                if !block.lines.is_empty() {
                    let mut before = 0;
                    for at in 0..block.insts.len() {
                        let line = i64::from(block.line(at));
                        self.signed(line - before);
                        before = line;
                    }
                }
            }
        }
        if !any {
            self.bytes.truncate(start);
        }
        any
    }

    fn operand(&mut self, operand: Operand) {
        match operand {
            Operand::Reg(reg) => self.long(u64::from(reg.0) << 1),
            Operand::Imm(imm) => {
                self.long(u64::from(imm.ty().code()) << 1 | 1);
                self.imm(imm);
            }
        }
    }

    fn typed_imm(&mut self, imm: Imm) {
        self.ty(imm.ty());
        self.imm(imm);
    }

    fn imm(&mut self, imm: Imm) {
        match imm {
            Imm::I32(v) => self.signed(i64::from(v)),
            Imm::I64(v) => self.signed(v),
            Imm::F32(bits) => self.bytes.extend(bits.to_le_bytes()),
            Imm::F64(bits) => self.bytes.extend(bits.to_le_bytes()),
            Imm::Bool(v) => self.bytes.push(u8::from(v)),
        }
    }

    fn ty(&mut self, ty: Type) {
        let code = ty.code();
        match ty {
            Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::Bool | Type::Str | Type::BigInt => {
                self.bytes.push(code)
            }
            Type::Tensor(elem) | Type::Sparse(elem) => self.bytes.push(code + elem.code()),
            Type::List(item) => {
                self.bytes.push(code);
                self.ty(item.ty());
            }
            Type::Func(sig) => {
                self.bytes.push(code);
                self.int(sig.0);
            }
        }
    }

    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Writer, &T)) {
        self.long(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }

    fn data(&mut self, data: &[u8]) {
        self.long(data.len() as u64);
        self.bytes.extend_from_slice(data);
    }

    fn text(&mut self, text: &str) {
        self.data(text.as_bytes());
    }

    fn name(&mut self, name: Option<&str>) {
        match name {
            None => self.bytes.push(0),
            Some(name) => {
                self.long(name.len() as u64 + 1);
                self.bytes.extend_from_slice(name.as_bytes());
            }
        }
    }

    fn int(&mut self, value: u32) {
        self.long(u64::from(value));
    }

    fn signed(&mut self, value: i64) {
        self.long((value << 1 ^ value >> 63) as u64);
    }

    fn long(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}
