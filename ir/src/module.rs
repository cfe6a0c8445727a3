//! A module: the content of a bytecode file, before anybody has checked it.

use crate::entity::{BlockId, ConstId, FuncId, GlobalId, OpId, Reg, SigId};
use crate::inst::{Imm, Inst};
use crate::types::{Elem, Signature, Type};
use std::sync::Arc;

/// A module as read or built. Nothing in it can be trusted: only
/// [`Module::verify`](crate::module::Module::verify) proves it sound.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Module {
    /// Interned signatures. One may name only those before it.
    pub sigs: Vec<Signature>,
    /// Host functions the module needs. They are functions `0..imports.len()`.
    pub imports: Vec<Import>,
    /// Catalogue operations the module uses.
    pub ops: Vec<OpRef>,
    /// Constant objects.
    pub constants: Vec<Constant>,
    /// Globals.
    pub globals: Vec<Global>,
    /// The module's own functions; the first is function `imports.len()`.
    pub functions: Vec<Function>,
    /// Text that the module was read from, for messages that show the line.
    /// Not part of the binary format.
    pub source: Option<Source>,
}

/// Where a module was read from.
#[derive(Clone, Debug)]
pub struct Source {
    /// File name as the user gave it.
    pub name: Arc<str>,
    /// The whole text of an `.nba` file; empty for a binary.
    pub text: Arc<String>,
}

/// Two modules are equal whatever file they came from.
impl PartialEq for Source {
    fn eq(&self, _: &Source) -> bool {
        true
    }
}

/// A host function that a module needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// Name by which the host knows it, such as `console.print`.
    pub name: String,
    /// Its signature.
    pub sig: SigId,
}

/// A catalogue operation that a module uses.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OpRef {
    /// Name in the catalogue.
    pub name: String,
    /// Element types that stand for the operation's type variables, in order.
    pub elems: Box<[Elem]>,
}

/// A constant object.
#[derive(Clone, PartialEq, Debug)]
pub struct Constant {
    /// Name in the text format, for people.
    pub name: Option<String>,
    /// The object.
    pub value: ConstValue,
}

/// Contents of a constant.
#[derive(Clone, PartialEq, Debug)]
pub enum ConstValue {
    /// A string.
    Str(String),
    /// A tensor; a blob of bytes is a `tensor<u8>`.
    Tensor {
        /// Element type.
        elem: Elem,
        /// Length along each axis.
        dims: Vec<u64>,
        /// Elements in row-major order, little-endian.
        data: Vec<u8>,
    },
    /// A tensor of which every element is zero (`false`), without its elements:
    /// what it takes of a file does not grow with what it will take of memory.
    Zeros {
        /// Element type.
        elem: Elem,
        /// Length along each axis.
        dims: Vec<u64>,
    },
}

/// Bytes of a tensor; `None` when a length or the size does not fit an `i64`.
/// Where there is no element, lengths may be any: they are not multiplied.
pub(crate) fn tensor_bytes(elem: Elem, dims: &[u64]) -> Option<u64> {
    let fits = |n: &u64| i64::try_from(*n).is_ok();
    if !dims.iter().all(fits) {
        return None;
    }
    if dims.contains(&0) {
        return Some(0);
    }
    dims.iter().try_fold(elem.size() as u64, |size, dim| size.checked_mul(*dim)).filter(fits)
}

impl ConstValue {
    /// Type of the constant.
    pub fn ty(&self) -> Type {
        match self {
            ConstValue::Str(_) => Type::Str,
            ConstValue::Tensor { elem, .. } | ConstValue::Zeros { elem, .. } => Type::Tensor(*elem),
        }
    }
}

/// A global variable.
#[derive(Clone, PartialEq, Debug)]
pub struct Global {
    /// Name in the text format, and for the host when exported.
    pub name: Option<String>,
    /// Whether the host may read it by name.
    pub export: bool,
    /// Whether `global.set` may change it.
    pub mutable: bool,
    /// Its type.
    pub ty: Type,
    /// Its first value.
    pub init: GlobalInit,
}

/// First value of a global.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GlobalInit {
    /// A scalar.
    Imm(Imm),
    /// A constant object.
    Const(ConstId),
    /// A function reference.
    Func(FuncId),
}

/// A function.
#[derive(Clone, PartialEq, Debug)]
pub struct Function {
    /// Name: for the host when exported, else for people.
    pub name: Option<String>,
    /// Whether the host may call it by name.
    pub export: bool,
    /// Its signature; the parameters are registers `0..params.len()`.
    pub sig: SigId,
    /// Type of every register.
    pub regs: Vec<Type>,
    /// Names of registers, for people; as long as `regs` or empty.
    pub reg_names: Vec<Option<String>>,
    /// Basic blocks; the first is the entry.
    pub blocks: Vec<Block>,
}

/// A basic block: instructions of which the last, and only the last, is a terminator.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Block {
    /// Name, for people.
    pub name: Option<String>,
    /// The instructions.
    pub insts: Vec<Inst>,
    /// Source line of each instruction, from 1; 0 where unknown. As long as
    /// `insts` or empty.
    pub lines: Vec<u32>,
}

impl Module {
    /// Number of functions, imports included.
    pub fn num_funcs(&self) -> usize {
        self.imports.len() + self.functions.len()
    }

    /// The function `id`, unless it is an import (or there is none).
    pub fn function(&self, id: FuncId) -> Option<&Function> {
        self.functions.get(id.index().checked_sub(self.imports.len())?)
    }

    /// Signature id of function `id`, import or not.
    pub fn func_sig_id(&self, id: FuncId) -> Option<SigId> {
        match self.imports.get(id.index()) {
            Some(import) => Some(import.sig),
            None => Some(self.function(id)?.sig),
        }
    }

    /// Signature of function `id`, import or not.
    pub fn func_sig(&self, id: FuncId) -> Option<&Signature> {
        self.sigs.get(self.func_sig_id(id)?.index())
    }

    /// The name people know function `id` by: its own, or `func7`.
    pub fn func_name(&self, id: FuncId) -> String {
        let name = match self.imports.get(id.index()) {
            Some(import) => Some(import.name.as_str()),
            None => self.function(id).and_then(|f| f.name.as_deref()),
        };
        name.map_or_else(|| format!("func{}", id.0), str::to_owned)
    }

    /// The exported function called `name`.
    pub fn exported_func(&self, name: &str) -> Option<FuncId> {
        let own = self.functions.iter().position(|f| f.export && f.name.as_deref() == Some(name))?;
        Some(FuncId::new(self.imports.len() + own))
    }

    /// Ids and functions of all exports.
    pub fn exported_funcs(&self) -> impl Iterator<Item = (FuncId, &Function)> {
        let first = self.imports.len();
        self.functions
            .iter()
            .enumerate()
            .filter(|(_, f)| f.export)
            .map(move |(i, f)| (FuncId::new(first + i), f))
    }

    /// The exported global called `name`.
    pub fn exported_global(&self, name: &str) -> Option<GlobalId> {
        self.globals.iter().position(|g| g.export && g.name.as_deref() == Some(name)).map(GlobalId::new)
    }

    /// Id of `sig`, added if new.
    pub fn intern_sig(&mut self, sig: Signature) -> SigId {
        let at = self.sigs.iter().position(|s| *s == sig).unwrap_or_else(|| {
            self.sigs.push(sig);
            self.sigs.len() - 1
        });
        SigId::new(at)
    }

    /// Id of the catalogue operation `op`, added if new.
    pub fn intern_op(&mut self, op: OpRef) -> OpId {
        let at = self.ops.iter().position(|o| *o == op).unwrap_or_else(|| {
            self.ops.push(op);
            self.ops.len() - 1
        });
        OpId::new(at)
    }

    /// The module without names, lines and source: what remains when the
    /// debug section is left out. Exported names stay.
    pub fn stripped(mut self) -> Module {
        self.source = None;
        for c in &mut self.constants {
            c.name = None;
        }
        for g in self.globals.iter_mut().filter(|g| !g.export) {
            g.name = None;
        }
        for f in &mut self.functions {
            if !f.export {
                f.name = None;
            }
            f.reg_names.clear();
            for b in &mut f.blocks {
                b.name = None;
                b.lines.clear();
            }
        }
        self
    }
}

impl Function {
    /// How many instructions its blocks have.
    pub fn num_insts(&self) -> usize {
        self.blocks.iter().map(|b| b.insts.len()).sum()
    }

    /// How large it is for those who do something with each part of it: its
    /// instructions, and the items of long lists, such as the targets of a switch.
    pub fn size(&self) -> usize {
        self.blocks.iter().flat_map(|b| &b.insts).map(Inst::size).sum()
    }

    /// The register's name for people: `%acc`, or `%7`.
    pub fn reg_name(&self, reg: Reg) -> String {
        match self.reg_names.get(reg.index()) {
            Some(Some(name)) => format!("%{name}"),
            _ => format!("%{}", reg.0),
        }
    }

    /// The block's name for people: its own, or `block3`.
    pub fn block_name(&self, block: BlockId) -> String {
        match self.blocks.get(block.index()).and_then(|b| b.name.as_ref()) {
            Some(name) => name.clone(),
            None => format!("block{}", block.0),
        }
    }
}

impl Block {
    /// Source line of instruction `at`, from 1; 0 where unknown.
    pub fn line(&self, at: usize) -> u32 {
        self.lines.get(at).copied().unwrap_or(0)
    }
}
