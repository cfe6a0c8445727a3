//! Reader of the binary format; the numbers are in [`crate::binary`].
//!
//! A decoded module is whole enough that printing and verifying it can never go
//! out of bounds. Every index names something that exists, signatures name only
//! earlier ones, and lists that go together are of the same length. Blocks end
//! with their only terminator, and constants hold what their dims say. All else
//! is the verifier's matter. Memory stays in proportion to the file.

use crate::binary::{
    ELEMENTS, END, MAGIC, MAX_SIG_DEPTH, MAX_SIG_WEIGHT, Section, VERSION, ZEROS, code, sig_weight,
};
use crate::entity::{BlockId, ConstId, FuncId, GlobalId, OpId, Reg, SigId};
use crate::error::{Diagnostic, Error, ErrorKind, Place};
use crate::inst::{Field, Imm, Inst, Opcode, Operand, Role};
use crate::module::{
    Block, ConstValue, Constant, Function, Global, GlobalInit, Import, Module, OpRef, Source, tensor_bytes,
};
use crate::shown::list;
use crate::types::{Elem, Item, Signature, Type};
use crate::verify::{MAX_ARITY, MAX_RANK};
use rustc_hash::FxHashSet;

impl Module {
    /// Reads a binary file.
    pub fn decode(bytes: &[u8]) -> Result<Module, Error> {
        decode(bytes).map_err(|fault| fault.error(None))
    }

    /// Reads a file of either format, told apart by its first bytes.
    /// `file_name` is for messages.
    pub fn read(bytes: &[u8], file_name: &str) -> Result<Module, Error> {
        match Module::text_of(bytes, file_name)? {
            Some(text) => Module::parse(text, file_name),
            None => Module::binary(bytes, file_name),
        }
    }

    /// [`Module::read`] of bytes that are wanted no more: a text is not copied.
    ///
    /// # Errors
    /// As [`Module::read`].
    pub fn read_owned(bytes: Vec<u8>, file_name: &str) -> Result<Module, Error> {
        if Module::text_of(&bytes, file_name)?.is_none() {
            return Module::binary(&bytes, file_name);
        }
        // It is text, as has just been seen.
        Module::parse_owned(String::from_utf8(bytes).unwrap_or_default(), file_name)
    }

    fn binary(bytes: &[u8], file_name: &str) -> Result<Module, Error> {
        let source = Source { name: file_name.into(), text: Default::default() };
        let mut module = decode(bytes).map_err(|fault| fault.error(Some(source.clone())))?;
        module.source = Some(source);
        Ok(module)
    }

    /// The text that a file is, `None` for a binary.
    fn text_of<'a>(bytes: &'a [u8], file_name: &str) -> Result<Option<&'a str>, Error> {
        let source = || Source { name: file_name.into(), text: Default::default() };
        let refuse = |offset, message: String, help: Option<&str>| {
            let mut fault = Fault { offset, message, context: String::new(), help: None };
            fault.help = help.map(str::to_owned);
            Err(fault.error(Some(source())))
        };
        if bytes.is_empty() {
            return refuse(0, "the file is empty".to_owned(), None);
        }
        if bytes.starts_with(&MAGIC) {
            return Ok(None);
        }
        const HELP: &str =
            "an NBC file is UTF-8 text (.nba), or a binary (.nbc) that starts with the bytes 00 6e 62 63";
        if MAGIC.starts_with(bytes) {
            return refuse(0, "the file is cut off after its first bytes".to_owned(), Some(HELP));
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => {
                let at = e.valid_up_to();
                let message =
                    format!("this is not an NBC file: byte {at} (0x{:02x}) is not UTF-8 text", bytes[at]);
                return refuse(at, message, Some(HELP));
            }
        };
        if let Some(at) = bytes.iter().position(|b| *b == 0) {
            let message = format!("this is not an NBC file: byte {at} is NUL, which text does not hold");
            return refuse(at, message, Some(HELP));
        }
        Ok(Some(text))
    }
}

/// A fault of a file.
struct Fault {
    offset: usize,
    message: String,
    /// Section and entity, in words.
    context: String,
    help: Option<String>,
}

impl Fault {
    fn error(self, source: Option<Source>) -> Error {
        let place = format!("byte {}", self.offset);
        let diagnostic = Diagnostic {
            message: self.message,
            place: Place::Offset(self.offset),
            context: if self.context.is_empty() { place } else { format!("{}, {place}", self.context) },
            help: self.help,
            span: None,
            notes: Vec::new(),
        };
        Error::new(ErrorKind::Decode, vec![diagnostic], source)
    }
}

type Decode<T> = Result<T, Fault>;

/// Bytes of a file or of one section.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where `bytes` ends, in words.
    what: &'static str,
}

fn decode(bytes: &[u8]) -> Decode<Module> {
    let mut file = Reader { bytes, at: 0, what: "file" };
    if !bytes.starts_with(&MAGIC) {
        return Err(file.fault("this is not an NBC binary: it does not start with the bytes 00 6e 62 63"));
    }
    file.at = MAGIC.len();
    let version = u16::from_le_bytes(file.array()?);
    if version != VERSION {
        let message = format!("format version {version}; this release reads version {VERSION}");
        let help = "assemble the program again with this release, or run it with the release that wrote it";
        return Err(Fault {
            offset: MAGIC.len(),
            message,
            context: String::new(),
            help: Some(help.to_owned()),
        });
    }
    let sections = frame(&mut file)?;
    let mut module = Decoder { module: Module::default(), starts: Vec::new(), num_funcs: 0 };
    for (section, start, end) in sections {
        let mut reader = Reader { bytes: &bytes[..end], at: start, what: "section" };
        let result = module.section(section, &mut reader).and_then(|()| {
            if reader.at == end { Ok(()) } else { Err(reader.fault("bytes are left over in this section")) }
        });
        result.map_err(|mut fault| {
            fault.context = match fault.context.as_str() {
                "" => format!("section {}", section.name()),
                context => format!("section {}, {context}", section.name()),
            };
            fault
        })?;
    }
    module.finish()
}

/// Finds the sections and checks that the file is whole.
fn frame(file: &mut Reader<'_>) -> Decode<Vec<(Section, usize, usize)>> {
    let mut sections: Vec<(Section, usize, usize)> = Vec::new();
    loop {
        let at = file.at;
        let id = file.byte()?;
        if id == END {
            break;
        }
        let Some(section) = Section::from_id(id) else {
            return Err(file.fault_at(at, format!("there is no section with id {id}")));
        };
        if sections.last().is_some_and(|(last, ..)| *last >= section) {
            return Err(file.fault_at(at, format!("section {} is repeated or out of order", section.name())));
        }
        let len = file.long()?;
        let left = file.left();
        let Some(len) = usize::try_from(len).ok().filter(|len| *len <= left) else {
            let message =
                format!("the file is cut off: section {} has {len} bytes, {left} are left", section.name());
            return Err(file.fault(message));
        };
        sections.push((section, file.at, file.at + len));
        file.at += len;
    }
    let body = file.at;
    let stored = u32::from_le_bytes(file.array()?);
    if file.left() > 0 {
        return Err(file.fault(format!("{} bytes follow the end of the module", file.left())));
    }
    let computed = crc32fast::hash(&file.bytes[..body]);
    if stored != computed {
        let message = format!("the checksum is {stored:08x}, the file’s content has {computed:08x}");
        let help = "the file was damaged after it was written; get it again";
        return Err(Fault { offset: body, message, context: String::new(), help: Some(help.to_owned()) });
    }
    Ok(sections)
}

impl<'a> Reader<'a> {
    fn fault(&self, message: impl Into<String>) -> Fault {
        self.fault_at(self.at, message)
    }

    fn fault_at(&self, offset: usize, message: impl Into<String>) -> Fault {
        Fault { offset, message: message.into(), context: String::new(), help: None }
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn byte(&mut self) -> Decode<u8> {
        match self.bytes.get(self.at) {
            Some(b) => {
                self.at += 1;
                Ok(*b)
            }
            None => Err(self.ended()),
        }
    }

    fn ended(&self) -> Fault {
        match self.what {
            "file" => self.fault("the file is cut off"),
            what => self.fault(format!("the {what} ends too early")),
        }
    }

    fn take(&mut self, len: u64) -> Decode<&'a [u8]> {
        let Some(len) = usize::try_from(len).ok().filter(|len| *len <= self.left()) else {
            return Err(self.fault(format!("{len} bytes are needed here, {} are left", self.left())));
        };
        let start = self.at;
        self.at += len;
        Ok(&self.bytes[start..self.at])
    }

    fn array<const N: usize>(&mut self) -> Decode<[u8; N]> {
        let mut out = [0; N];
        for b in &mut out {
            *b = self.byte()?;
        }
        Ok(out)
    }

    fn long(&mut self) -> Decode<u64> {
        let start = self.at;
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let b = self.byte()?;
            let bits = u64::from(b & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if b < 0x80 {
                // One value has one spelling, so equal modules are equal files.
                if b == 0 && shift > 0 {
                    return Err(self.fault_at(start, "an integer is longer than it needs to be"));
                }
                return Ok(value);
            }
        }
        Err(self.fault_at(start, "an integer is larger than 64 bits"))
    }

    fn signed(&mut self) -> Decode<i64> {
        let v = self.long()?;
        Ok((v >> 1) as i64 ^ -((v & 1) as i64))
    }

    /// An index below `limit`.
    fn index(&mut self, limit: usize, what: &str) -> Decode<u32> {
        let start = self.at;
        let value = self.long()?;
        match u32::try_from(value).ok().filter(|v| (*v as usize) < limit) {
            Some(v) => Ok(v),
            None => Err(self.fault_at(start, format!("there is no {what} {value}; there are {limit}"))),
        }
    }

    /// A count of items, each of at least one byte.
    fn count(&mut self) -> Decode<usize> {
        let start = self.at;
        let count = self.long()?;
        match u32::try_from(count).ok().map(|c| c as usize).filter(|c| *c <= self.left()) {
            Some(count) => Ok(count),
            None => {
                let message = format!("{count} items cannot be in the {} bytes left", self.left());
                Err(self.fault_at(start, message))
            }
        }
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Reader<'a>, usize) -> Decode<T>) -> Decode<Vec<T>> {
        let count = self.count()?;
        // Not trusted with more: an item may be larger in memory than here.
        let mut out = Vec::with_capacity(count.min(256));
        for at in 0..count {
            out.push(item(self, at)?);
        }
        Ok(out)
    }

    fn utf8(&self, start: usize, bytes: &[u8]) -> Decode<String> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(e) => Err(self.fault_at(start + e.valid_up_to(), "this text is not UTF-8")),
        }
    }

    fn text(&mut self) -> Decode<String> {
        let len = self.long()?;
        let start = self.at;
        let bytes = self.take(len)?;
        self.utf8(start, bytes)
    }

    fn name(&mut self) -> Decode<Option<String>> {
        let len = self.long()?;
        let Some(len) = len.checked_sub(1) else { return Ok(None) };
        let start = self.at;
        let bytes = self.take(len)?;
        self.utf8(start, bytes).map(Some)
    }

    fn flags(&mut self, known: u8) -> Decode<u8> {
        let flags = self.byte()?;
        if flags & !known == 0 {
            return Ok(flags);
        }
        Err(self.fault_at(self.at - 1, format!("flags {flags:#04x} are not known")))
    }

    fn elem(&mut self) -> Decode<Elem> {
        let b = self.byte()?;
        Elem::from_code(b).ok_or_else(|| self.fault_at(self.at - 1, format!("there is no element type {b}")))
    }

    /// A type whose signatures are among the first `sigs`.
    fn ty(&mut self, sigs: usize) -> Decode<Type> {
        let at = self.at;
        let b = self.byte()?;
        Ok(match b {
            code::STR => Type::Str,
            code::BIGINT => Type::BigInt,
            code::FUNC => Type::Func(SigId(self.index(sigs, "signature")?)),
            code::LIST => {
                // Lists hold no lists, so this goes one level down at most.
                if self.bytes.get(self.at) == Some(&code::LIST) {
                    return Err(self.fault("a list cannot hold lists"));
                }
                match Item::from_type(self.ty(sigs)?) {
                    Some(item) => Type::List(item),
                    None => return Err(self.fault_at(at, "a list cannot hold this")),
                }
            }
            code::EXPR => return Err(self.reserved(at, b)),
            b if b & 0xf0 == code::TENSOR => {
                let elem = Elem::from_code(b - code::TENSOR);
                Type::Tensor(elem.ok_or_else(|| self.unknown_type(at, b))?)
            }
            b if b & 0xf0 == code::SPARSE => {
                let elem = Elem::from_code(b - code::SPARSE).ok_or_else(|| self.unknown_type(at, b))?;
                if !elem.is_of_sparse() {
                    return Err(self.fault_at(at, format!("a sparse matrix has no elements of type {elem}")));
                }
                Type::Sparse(elem)
            }
            b => Type::scalar_from_code(b).ok_or_else(|| self.unknown_type(at, b))?,
        })
    }

    fn reserved(&self, at: usize, b: u8) -> Fault {
        self.fault_at(at, format!("type code {b:#04x} is reserved for a later version"))
    }

    fn unknown_type(&self, at: usize, b: u8) -> Fault {
        self.fault_at(at, format!("there is no type with code {b:#04x}"))
    }

    fn imm(&mut self, ty: Type) -> Decode<Imm> {
        let start = self.at;
        Ok(match ty {
            Type::I32 => {
                let v = self.signed()?;
                Imm::I32(
                    i32::try_from(v)
                        .map_err(|_| self.fault_at(start, format!("{v} is out of range for i32")))?,
                )
            }
            Type::I64 => Imm::I64(self.signed()?),
            Type::F32 => Imm::F32(u32::from_le_bytes(self.array()?)),
            Type::F64 => Imm::F64(u64::from_le_bytes(self.array()?)),
            Type::Bool => match self.byte()? {
                0 => Imm::Bool(false),
                1 => Imm::Bool(true),
                b => return Err(self.fault_at(start, format!("byte {b:02x} is not a bool"))),
            },
            _ => return Err(self.fault_at(start, "a literal must be a scalar")),
        })
    }

    fn typed_imm(&mut self) -> Decode<Imm> {
        let ty = self.ty(0)?;
        self.imm(ty)
    }
}

/// What the fields of an instruction may refer to.
struct Limits {
    regs: usize,
    blocks: usize,
    funcs: usize,
    globals: usize,
    consts: usize,
    ops: usize,
}

struct Decoder {
    module: Module,
    /// Where each global’s first value stands, for it may name functions
    /// that come later.
    starts: Vec<usize>,
    num_funcs: usize,
}

impl Decoder {
    fn section(&mut self, section: Section, r: &mut Reader<'_>) -> Decode<()> {
        match section {
            Section::Types => self.types(r),
            Section::Imports => {
                let sigs = self.module.sigs.len();
                self.module.imports =
                    r.list(|r, _| Ok(Import { name: r.text()?, sig: SigId(r.index(sigs, "signature")?) }))?;
                self.num_funcs = self.module.imports.len();
                Ok(())
            }
            Section::Ops => {
                let mut seen = FxHashSet::default();
                self.module.ops = r.list(|r, at| {
                    let start = r.at;
                    let op = OpRef { name: r.text()?, elems: r.list(|r, _| r.elem())?.into() };
                    if !seen.insert(op.clone()) {
                        return Err(r.fault_at(start, format!("operation {at} repeats an earlier one")));
                    }
                    Ok(op)
                })?;
                Ok(())
            }
            Section::Constants => {
                self.module.constants = r.list(|r, at| {
                    let value = constant(r).map_err(|f| within(f, &format!("constant {at}")))?;
                    Ok(Constant { name: None, value })
                })?;
                Ok(())
            }
            Section::Globals => {
                let sigs = self.module.sigs.len();
                let starts = &mut self.starts;
                self.module.globals = r.list(|r, at| {
                    let global = global(r, sigs, starts).map_err(|f| within(f, &format!("global {at}")))?;
                    Ok(global)
                })?;
                Ok(())
            }
            Section::Functions => self.functions(r),
            Section::Debug => self.debug(r),
        }
    }

    fn types(&mut self, r: &mut Reader<'_>) -> Decode<()> {
        let mut seen = FxHashSet::default();
        let mut weights = Vec::new();
        self.module.sigs = r.list(|r, at| {
            let start = r.at;
            let params = r.list(|r, _| r.ty(at))?;
            let results = r.list(|r, _| r.ty(at))?;
            if params.len().max(results.len()) > MAX_ARITY {
                let message = format!("signature {at} has more than {MAX_ARITY} parameters or results");
                return Err(r.fault_at(start, message));
            }
            let sig = Signature { params, results };
            let (weight, depth) = sig_weight(&sig, &weights);
            if weight > MAX_SIG_WEIGHT || depth > MAX_SIG_DEPTH {
                return Err(r.fault_at(start, format!("signature {at} is too large")));
            }
            weights.push((weight, depth));
            if !seen.insert(sig.clone()) {
                return Err(r.fault_at(start, format!("signature {at} repeats an earlier one")));
            }
            Ok(sig)
        })?;
        Ok(())
    }

    fn functions(&mut self, r: &mut Reader<'_>) -> Decode<()> {
        let count = r.count()?;
        self.num_funcs += count;
        for at in 0..count {
            let func = self.function(r).map_err(|f| within(f, &format!("function {at}")))?;
            self.module.functions.push(func);
        }
        Ok(())
    }

    fn function(&self, r: &mut Reader<'_>) -> Decode<Function> {
        let module = &self.module;
        let export = r.flags(1)? != 0;
        let name = if export { Some(exported_name(r)?) } else { None };
        let sig = SigId(r.index(module.sigs.len(), "signature")?);
        let start = r.at;
        let regs = r.list(|r, _| r.ty(module.sigs.len()))?;
        let params = &module.sigs[sig.index()].params;
        if !regs.starts_with(params) {
            return Err(r.fault_at(start, "the first registers are not the parameters of the signature"));
        }
        let blocks = r.count()?;
        if blocks == 0 {
            return Err(r.fault("a function has at least one block"));
        }
        let limits = Limits {
            regs: regs.len(),
            blocks,
            funcs: self.num_funcs,
            globals: module.globals.len(),
            consts: module.constants.len(),
            ops: module.ops.len(),
        };
        let mut out = Vec::with_capacity(blocks.min(256));
        for at in 0..blocks {
            out.push(block(r, &limits).map_err(|f| within(f, &format!("block {at}")))?);
        }
        Ok(Function { name, export, sig, regs, reg_names: Vec::new(), blocks: out })
    }

    fn debug(&mut self, r: &mut Reader<'_>) -> Decode<()> {
        for constant in &mut self.module.constants {
            constant.name = r.name()?;
        }
        for global in self.module.globals.iter_mut().filter(|g| !g.export) {
            global.name = r.name()?;
        }
        for func in self.module.functions.iter_mut().filter(|f| !f.export) {
            func.name = r.name()?;
        }
        for func in &mut self.module.functions {
            if r.flags(1)? != 0 {
                func.reg_names = func.regs.iter().map(|_| r.name()).collect::<Decode<_>>()?;
            }
            for block in &mut func.blocks {
                block.name = r.name()?;
                if r.flags(1)? != 0 {
                    block.lines = lines(r, block.insts.len())?;
                }
            }
        }
        Ok(())
    }

    /// Checks what could not be checked in place.
    fn finish(self) -> Decode<Module> {
        let Decoder { module, starts, num_funcs } = self;
        for (at, global) in module.globals.iter().enumerate() {
            let (len, id, what) = match global.init {
                GlobalInit::Imm(_) => continue,
                GlobalInit::Const(id) => (module.constants.len(), id.index(), "constant"),
                GlobalInit::Func(id) => (num_funcs, id.index(), "function"),
            };
            if id >= len {
                return Err(Fault {
                    offset: starts.get(at).copied().unwrap_or(0),
                    message: format!("there is no {what} {id}; there are {len}"),
                    context: format!("section {}, global {at}", Section::Globals.name()),
                    help: None,
                });
            }
        }
        Ok(module)
    }
}

/// The fault, within an entity.
fn within(mut fault: Fault, what: &str) -> Fault {
    fault.context =
        if fault.context.is_empty() { what.to_owned() } else { format!("{what}, {}", fault.context) };
    fault
}

fn exported_name(r: &mut Reader<'_>) -> Decode<String> {
    let start = r.at;
    r.name()?.ok_or_else(|| r.fault_at(start, "an export has no name"))
}

fn constant(r: &mut Reader<'_>) -> Decode<ConstValue> {
    let start = r.at;
    match r.ty(0)? {
        Type::Str => Ok(ConstValue::Str(r.text()?)),
        Type::Tensor(elem) => {
            let dims = r.list(|r, _| r.long())?;
            if dims.len() > MAX_RANK {
                let message = format!("{} dimensions; at most {MAX_RANK} are allowed", dims.len());
                return Err(r.fault_at(start, message));
            }
            let size = tensor_bytes(elem, &dims);
            let shown = || format!("[{}]", list(&dims, 16));
            let at = r.at;
            match r.byte()? {
                ELEMENTS => {}
                // Nothing is made of them here, however many they are.
                ZEROS if size.is_some() => return Ok(ConstValue::Zeros { elem, dims }),
                ZEROS => {
                    return Err(r.fault_at(
                        at,
                        format!("dims {} of {elem} are more bytes than there can be", shown()),
                    ));
                }
                b => return Err(r.fault_at(at, format!("there is no kind of elements {b}"))),
            }
            let at = r.at;
            let len = r.long()?;
            if size != Some(len) {
                return Err(r.fault_at(at, format!("{len} bytes do not fill the dims {} of {elem}", shown())));
            }
            let data = r.take(len)?;
            if elem == Elem::Bool
                && let Some(i) = data.iter().position(|b| *b > 1)
            {
                return Err(r.fault_at(r.at - data.len() + i, format!("byte {:02x} is not a bool", data[i])));
            }
            Ok(ConstValue::Tensor { elem, dims, data: data.to_vec() })
        }
        _ => Err(r.fault_at(start, "a constant is a str or a tensor")),
    }
}

fn global(r: &mut Reader<'_>, sigs: usize, starts: &mut Vec<usize>) -> Decode<Global> {
    let flags = r.flags(3)?;
    let export = flags & 1 != 0;
    let name = if export { Some(exported_name(r)?) } else { None };
    let ty = r.ty(sigs)?;
    starts.push(r.at);
    let start = r.at;
    let any = u32::MAX as usize;
    let init = match r.byte()? {
        0 => GlobalInit::Imm(r.typed_imm()?),
        1 => GlobalInit::Const(ConstId(r.index(any, "constant")?)),
        2 => GlobalInit::Func(FuncId(r.index(any, "function")?)),
        b => return Err(r.fault_at(start, format!("there is no kind of first value {b}"))),
    };
    let is_func = matches!(ty, Type::Func(_));
    let fits = match init {
        GlobalInit::Imm(_) => true,
        GlobalInit::Const(_) => !is_func,
        GlobalInit::Func(_) => is_func,
    };
    if !fits {
        return Err(r.fault_at(start, "this kind of first value is not one of the global’s type"));
    }
    Ok(Global { name, export, mutable: flags & 2 != 0, ty, init })
}

fn block(r: &mut Reader<'_>, limits: &Limits) -> Decode<Block> {
    let count = r.count()?;
    if count == 0 {
        return Err(r.fault("a block has at least one instruction"));
    }
    let mut insts = Vec::with_capacity(count.min(256));
    for at in 0..count {
        let start = r.at;
        let inst = inst(r, limits).map_err(|f| within(f, &format!("instruction {at}")))?;
        if inst.opcode().is_terminator() != (at + 1 == count) {
            let message = if at + 1 == count {
                "the block does not end with a terminator"
            } else {
                "a terminator stands before the end of its block"
            };
            return Err(within(r.fault_at(start, message), &format!("instruction {at}")));
        }
        insts.push(inst);
    }
    Ok(Block { name: None, insts, lines: Vec::new() })
}

fn inst(r: &mut Reader<'_>, limits: &Limits) -> Decode<Inst> {
    let start = r.at;
    let number = u16::from_le_bytes(r.array()?);
    let Some(opcode) = Opcode::from_number(number) else {
        return Err(r.fault_at(start, format!("there is no instruction with number {number:#06x}")));
    };
    let reg = |r: &mut Reader<'_>| r.index(limits.regs, "register").map(Reg);
    let block = |r: &mut Reader<'_>| r.index(limits.blocks, "block").map(BlockId);
    let mut fields = Vec::with_capacity(opcode.operands().len());
    for spec in opcode.operands() {
        fields.push(match spec.role {
            Role::Def => Field::Def(reg(r)?),
            Role::Use => Field::Use(operand(r, limits)?),
            Role::Defs => Field::Defs(r.list(|r, _| reg(r))?.into()),
            Role::Uses => Field::Uses(r.list(|r, _| operand(r, limits))?.into()),
            Role::Lit => Field::Lit(r.typed_imm()?),
            Role::Keeps => Field::Keeps(r.list(|r, _| reg(r))?.into()),
            Role::Block => Field::Block(block(r)?),
            Role::Blocks => Field::Blocks(r.list(|r, _| block(r))?.into()),
            Role::Func => Field::Func(FuncId(r.index(limits.funcs, "function")?)),
            Role::Global => Field::Global(GlobalId(r.index(limits.globals, "global")?)),
            Role::Const => Field::Const(ConstId(r.index(limits.consts, "constant")?)),
            Role::Op => Field::Op(OpId(r.index(limits.ops, "operation")?)),
        });
    }
    // The fields were made by the same table, so this always succeeds.
    Inst::from_fields(opcode, fields).ok_or_else(|| r.fault_at(start, "malformed instruction"))
}

fn operand(r: &mut Reader<'_>, limits: &Limits) -> Decode<Operand> {
    let start = r.at;
    let value = r.long()?;
    let half = value >> 1;
    if value & 1 == 0 {
        return match u32::try_from(half).ok().filter(|v| (*v as usize) < limits.regs) {
            Some(v) => Ok(Operand::Reg(Reg(v))),
            None => Err(r.fault_at(start, format!("there is no register {half}; there are {}", limits.regs))),
        };
    }
    let Some(ty) = u8::try_from(half).ok().and_then(Type::scalar_from_code) else {
        return Err(r.fault_at(start, format!("there is no type of literals with code {half:#04x}")));
    };
    r.imm(ty).map(Operand::Imm)
}

/// Source lines, as differences.
fn lines(r: &mut Reader<'_>, count: usize) -> Decode<Vec<u32>> {
    let mut before = 0i64;
    (0..count)
        .map(|_| {
            let start = r.at;
            let line = r.signed()?.checked_add(before);
            match line.and_then(|line| u32::try_from(line).ok()) {
                Some(line) => {
                    before = i64::from(line);
                    Ok(line)
                }
                None => Err(r.fault_at(start, "a source line is out of range")),
            }
        })
        .collect()
}
