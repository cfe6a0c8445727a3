//! Building modules from Rust, as a compiler's back end does.
//!
//! [`ModuleBuilder`] holds the tables, [`FunctionBuilder`] writes one function.
//! Every instruction of the table has a method (`f.i64_add(a, b)`), whose
//! result is a new register, or a given one after [`FunctionBuilder::to`].
//! Blocks can be named before they are filled, and there are comfortable forms
//! for loops, conditions, regions, calls and catalogue operations.
//!
//! The builder keeps no rules: [`Module::verify`] does, and its messages show
//! the instruction. So nothing here fails on a wrong type.
//!
//! ```
//! use nbc_ir::builder::ModuleBuilder;
//! use nbc_ir::{Elem, Type};
//!
//! let mut m = ModuleBuilder::new();
//! let mut f = m.export("norm", [Type::Tensor(Elem::F64)], [Type::F64]);
//! let x = f.param(0);
//! let sum = f.var("sum", 0.0);
//! let n = f.tensor_len(x);
//! f.for_range(0i64, n, |f, i| {
//!     let v = f.tensor_load(x, i);
//!     let square = f.f64_mul(v, v);
//!     f.to(sum).f64_add(sum, square);
//! });
//! let root = f.f64_sqrt(sum);
//! f.ret(root);
//!
//! let module = m.finish().verify().unwrap();
//! assert!(module.print().contains("f64.sqrt %sum"));
//! ```

mod args;
mod function;
mod instructions;

pub use args::{Args, Results};
pub use function::{BuildError, FunctionBuilder};

use crate::entity::{ConstId, FuncId, GlobalId, OpId, SigId};
use crate::inst::{FieldMut, Imm};
use crate::module::{Block, ConstValue, Constant, Function, Global, GlobalInit, Import, Module, OpRef};
use crate::types::{Elem, Signature, Type};
use rustc_hash::FxHashMap;

/// Marks the number of a function of the module's own: imports come first in
/// the end, but their number is known only then.
const OWN: u32 = 1 << 31;

/// The signature of what is not there.
const NO_SIG: SigId = SigId(u32::MAX);

/// A function of a module that is being built.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Func(FuncId);

impl Func {
    /// The function's number in the finished module.
    pub fn id_in(self, module: &Module) -> FuncId {
        final_id(self.0, module.imports.len())
    }
}

fn final_id(id: FuncId, imports: usize) -> FuncId {
    if id.0 & OWN == 0 { id } else { FuncId::new(imports + (id.0 & !OWN) as usize) }
}

/// Builds a [`Module`].
#[derive(Debug, Default)]
pub struct ModuleBuilder {
    module: Module,
    sigs: FxHashMap<Signature, SigId>,
    ops: FxHashMap<OpRef, OpId>,
}

impl ModuleBuilder {
    /// An empty module.
    pub fn new() -> ModuleBuilder {
        ModuleBuilder::default()
    }

    /// The module, for [`Module::verify`] to prove.
    pub fn finish(mut self) -> Module {
        let imports = self.module.imports.len();
        for global in &mut self.module.globals {
            if let GlobalInit::Func(id) = &mut global.init {
                *id = final_id(*id, imports);
            }
        }
        let blocks = self.module.functions.iter_mut().flat_map(|f| &mut f.blocks);
        for inst in blocks.flat_map(|b| &mut b.insts) {
            inst.for_each_field_mut(|field| {
                if let FieldMut::Func(id) = field {
                    *id = final_id(*id, imports);
                }
            });
        }
        self.module
    }

    /// Number of a signature, for [`Type::Func`].
    pub fn signature(&mut self, params: impl Into<Vec<Type>>, results: impl Into<Vec<Type>>) -> SigId {
        let sig = Signature::new(params, results);
        if let Some(id) = self.sigs.get(&sig) {
            return *id;
        }
        let id = SigId::new(self.module.sigs.len());
        self.module.sigs.push(sig.clone());
        self.sigs.insert(sig, id);
        id
    }

    /// Asks the host for the function `name`.
    pub fn import(
        &mut self,
        name: &str,
        params: impl Into<Vec<Type>>,
        results: impl Into<Vec<Type>>,
    ) -> Func {
        let sig = self.signature(params, results);
        let id = FuncId::new(self.module.imports.len());
        self.module.imports.push(Import { name: name.to_owned(), sig });
        Func(id)
    }

    /// A function to be written later, so that others can call it already.
    pub fn declare(
        &mut self,
        name: &str,
        params: impl Into<Vec<Type>>,
        results: impl Into<Vec<Type>>,
    ) -> Func {
        let params = params.into();
        let regs = params.clone();
        let sig = self.signature(params, results);
        let id = FuncId(OWN | FuncId::new(self.module.functions.len()).0);
        self.module.functions.push(Function {
            name: Some(name.to_owned()),
            export: false,
            sig,
            regs,
            reg_names: Vec::new(),
            blocks: Vec::new(),
        });
        Func(id)
    }

    /// Lets the host call a function of the module's own by its name; an
    /// import stays as it is.
    pub fn set_export(&mut self, func: Func) {
        if let Some(function) = own_index(func).and_then(|own| self.module.functions.get_mut(own)) {
            function.export = true;
        }
    }

    /// Begins to write a declared function, or goes on where its last block ends.
    /// An import has no body, and a function may be of another builder. Code that is
    /// written for either becomes a function without a signature, which the verifier
    /// refuses.
    pub fn define(&mut self, func: Func) -> FunctionBuilder<'_> {
        let declared = own_index(func).filter(|own| *own < self.module.functions.len());
        let own = declared.unwrap_or_else(|| {
            self.declare("not a declared function", [], []);
            let own = self.module.functions.len() - 1;
            self.module.functions[own].sig = NO_SIG;
            own
        });
        let blocks = &mut self.module.functions[own].blocks;
        if blocks.is_empty() {
            blocks.push(Block::default());
        }
        FunctionBuilder::new(self, own)
    }

    /// Declares a function and begins to write it.
    pub fn function(
        &mut self,
        name: &str,
        params: impl Into<Vec<Type>>,
        results: impl Into<Vec<Type>>,
    ) -> FunctionBuilder<'_> {
        let func = self.declare(name, params, results);
        self.define(func)
    }

    /// Declares a function that the host can call and begins to write it.
    pub fn export(
        &mut self,
        name: &str,
        params: impl Into<Vec<Type>>,
        results: impl Into<Vec<Type>>,
    ) -> FunctionBuilder<'_> {
        let func = self.declare(name, params, results);
        self.set_export(func);
        self.define(func)
    }

    /// A constant string.
    pub fn string(&mut self, name: &str, text: &str) -> ConstId {
        self.constant(name, ConstValue::Str(text.to_owned()))
    }

    /// A constant tensor with these dims and elements in row-major order.
    ///
    /// ```
    /// # use nbc_ir::builder::ModuleBuilder;
    /// let mut m = ModuleBuilder::new();
    /// let table = m.tensor("table", [2, 3], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    /// assert!(m.finish().print().contains("const @table: tensor<f64> [2, 3]"));
    /// ```
    pub fn tensor<T: Element>(
        &mut self,
        name: &str,
        dims: impl Into<Vec<u64>>,
        elements: impl IntoIterator<Item = T>,
    ) -> ConstId {
        let mut data = Vec::new();
        for element in elements {
            element.write(&mut data);
        }
        self.constant(name, ConstValue::Tensor { elem: T::ELEM, dims: dims.into(), data })
    }

    /// A constant tensor with these dims, all zero. It takes a few bytes of a
    /// file, and memory only of an instance.
    ///
    /// ```
    /// # use nbc_ir::{Elem, builder::ModuleBuilder};
    /// let mut m = ModuleBuilder::new();
    /// let zeros = m.zeros("grid", Elem::F64, [1000, 1000]);
    /// m.global("state", zeros);
    /// assert!(m.finish().print().contains("const @grid: tensor<f64> [1000, 1000] = zero"));
    /// ```
    pub fn zeros(&mut self, name: &str, elem: Elem, dims: impl Into<Vec<u64>>) -> ConstId {
        self.constant(name, ConstValue::Zeros { elem, dims: dims.into() })
    }

    /// A constant object.
    pub fn constant(&mut self, name: &str, value: ConstValue) -> ConstId {
        self.module.constants.push(Constant { name: Some(name.to_owned()), value });
        ConstId::new(self.module.constants.len() - 1)
    }

    /// A mutable global that starts as a scalar, a constant or a function.
    pub fn global(&mut self, name: &str, init: impl Into<Init>) -> GlobalId {
        let init = init.into().0;
        let ty = match init {
            GlobalInit::Imm(imm) => imm.ty(),
            // What is not there has no type, which the verifier will say.
            GlobalInit::Const(id) => {
                self.module.constants.get(id.index()).map_or(Type::I64, |c| c.value.ty())
            }
            GlobalInit::Func(id) => Type::Func(self.sig_id(id)),
        };
        let name = Some(name.to_owned());
        self.module.globals.push(Global { name, export: false, mutable: true, ty, init });
        GlobalId::new(self.module.globals.len() - 1)
    }

    /// The global, to make it immutable or exported. For one that is not there it is a
    /// new one without a first value, which the verifier refuses.
    pub fn global_mut(&mut self, id: GlobalId) -> &mut Global {
        let mut at = id.index();
        if at >= self.module.globals.len() {
            at = self.global("not a global", ConstId(u32::MAX)).index();
        }
        &mut self.module.globals[at]
    }

    /// Number of a catalogue operation with these element types.
    pub(crate) fn operation(&mut self, name: &str, elems: &[Elem]) -> OpId {
        let op = OpRef { name: name.to_owned(), elems: elems.into() };
        if let Some(id) = self.ops.get(&op) {
            return *id;
        }
        let id = OpId::new(self.module.ops.len());
        self.module.ops.push(op.clone());
        self.ops.insert(op, id);
        id
    }

    /// Signature of a function, by its number while building.
    fn sig_id(&self, id: FuncId) -> SigId {
        match own_index(Func(id)) {
            Some(own) => self.module.functions.get(own).map_or(NO_SIG, |f| f.sig),
            None => self.module.imports.get(id.index()).map_or(NO_SIG, |import| import.sig),
        }
    }
}

fn own_index(func: Func) -> Option<usize> {
    (func.0.0 & OWN != 0).then_some((func.0.0 & !OWN) as usize)
}

/// First value of a global, from a scalar, a constant or a function.
#[derive(Clone, Copy, Debug)]
pub struct Init(GlobalInit);

impl<T: Into<Imm>> From<T> for Init {
    fn from(value: T) -> Init {
        Init(GlobalInit::Imm(value.into()))
    }
}

impl From<ConstId> for Init {
    fn from(id: ConstId) -> Init {
        Init(GlobalInit::Const(id))
    }
}

impl From<Func> for Init {
    fn from(func: Func) -> Init {
        Init(GlobalInit::Func(func.0))
    }
}

/// Rust types that are elements of constant tensors.
pub trait Element {
    /// The element type.
    const ELEM: Elem;
    /// Appends the element's bytes.
    fn write(self, out: &mut Vec<u8>);
}

macro_rules! elements {
    ($($ty:ty => $elem:ident),*) => {$(
        impl Element for $ty {
            const ELEM: Elem = Elem::$elem;
            fn write(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

elements! { u8 => U8, i32 => I32, i64 => I64, f32 => F32, f64 => F64 }

impl Element for bool {
    const ELEM: Elem = Elem::Bool;
    fn write(self, out: &mut Vec<u8>) {
        out.push(u8::from(self));
    }
}

/// A complex element by its parts.
impl Element for (f64, f64) {
    const ELEM: Elem = Elem::C128;
    fn write(self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
}

/// A complex element by its parts.
impl Element for (f32, f32) {
    const ELEM: Elem = Elem::C64;
    fn write(self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
}

#[cfg(test)]
mod tests;
