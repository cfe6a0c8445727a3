//! The builder's method for each instruction, made from the table. Those with
//! lists of results are calls; they are written by hand in `function`.

use super::{Args, Func, FunctionBuilder};
use crate::entity::{BlockId, ConstId, GlobalId, Reg};
use crate::inst::{Imm, Inst, Operand};

/// Stands for the result until its type is known, and for one that is not there.
pub(super) const NEW: Reg = Reg(u32::MAX);

macro_rules! arg {
    (use) => { impl Into<Operand> };
    (uses) => { impl Args };
    (lit) => { impl Into<Imm> };
    (keeps) => { impl IntoIterator<Item = Reg> };
    (block) => { BlockId };
    (blocks) => { impl IntoIterator<Item = BlockId> };
    (func) => { Func };
    (global) => { GlobalId };
    (cst) => { ConstId };
}

macro_rules! value {
    (use $v:ident) => {
        $v.into()
    };
    (uses $v:ident) => {{
        let mut list = Vec::new();
        $v.append(&mut list);
        list.into()
    }};
    (lit $v:ident) => {
        $v.into()
    };
    (keeps $v:ident) => {
        $v.into_iter().collect()
    };
    (blocks $v:ident) => {
        $v.into_iter().collect()
    };
    (func $v:ident) => {
        $v.0
    };
    ($role:ident $v:ident) => {
        $v
    };
}

macro_rules! method {
    ($variant:ident $method:ident $doc:literal [defs $($rest:tt)*]) => {};
    ($variant:ident $method:ident $doc:literal [def $dst:ident : $dst_ty:ident $(, $role:ident $field:ident : $ty:ident)*]) => {
        #[doc = $doc]
        pub fn $method(&mut self, $($field: arg!($role)),*) -> Reg {
            self.define_one(Inst::$variant { $dst: NEW, $($field: value!($role $field)),* })
        }
    };
    ($variant:ident $method:ident $doc:literal [$($role:ident $field:ident : $ty:ident),*]) => {
        #[doc = $doc]
        pub fn $method(&mut self, $($field: arg!($role)),*) {
            self.emit(Inst::$variant { $($field: value!($role $field)),* });
        }
    };
}

macro_rules! methods {
    ($($number:literal $variant:ident $method:ident $mnemonic:literal
        $operands:tt $effect:ident $doc:literal;)*) => {
        /// One method an instruction; see `docs/isa.md` for what each does.
        impl FunctionBuilder<'_> {
            $(method!($variant $method $doc $operands);)*
        }
    };
}

crate::for_each_inst!(methods);
