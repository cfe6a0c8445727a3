//! Everything that follows from the instruction table: [`Opcode`], [`Inst`],
//! its generic fields and the [`Visitor`] that each tier implements.

use crate::entity::{BlockId, ConstId, FuncId, GlobalId, OpId, Reg};
pub use crate::operand::{Effect, Field, FieldMut, FieldRef, Imm, Operand, OperandSpec, Pattern, Role};
use crate::types::Type;
use std::fmt;

macro_rules! field_type {
    (def) => { Reg };
    (use) => { Operand };
    (defs) => { Box<[Reg]> };
    (uses) => { Box<[Operand]> };
    (lit) => { Imm };
    (keeps) => { Box<[Reg]> };
    (block) => { BlockId };
    (blocks) => { Box<[BlockId]> };
    (func) => { FuncId };
    (global) => { GlobalId };
    (cst) => { ConstId };
    (op) => { OpId };
}

macro_rules! visit_type {
    (def) => {
        Reg
    };
    (use) => {
        Operand
    };
    (defs) => {
        &[Reg]
    };
    (uses) => {
        &[Operand]
    };
    (lit) => {
        Imm
    };
    (keeps) => {
        &[Reg]
    };
    (block) => {
        BlockId
    };
    (blocks) => {
        &[BlockId]
    };
    (func) => {
        FuncId
    };
    (global) => {
        GlobalId
    };
    (cst) => {
        ConstId
    };
    (op) => {
        OpId
    };
}

macro_rules! visit_value {
    (defs $v:ident) => {
        &**$v
    };
    (uses $v:ident) => {
        &**$v
    };
    (keeps $v:ident) => {
        &**$v
    };
    (blocks $v:ident) => {
        &**$v
    };
    ($role:ident $v:ident) => {
        *$v
    };
}

macro_rules! field_ref {
    (def $v:ident) => {
        FieldRef::Def(*$v)
    };
    (use $v:ident) => {
        FieldRef::Use(*$v)
    };
    (defs $v:ident) => {
        FieldRef::Defs($v)
    };
    (uses $v:ident) => {
        FieldRef::Uses($v)
    };
    (lit $v:ident) => {
        FieldRef::Lit(*$v)
    };
    (keeps $v:ident) => {
        FieldRef::Keeps($v)
    };
    (block $v:ident) => {
        FieldRef::Block(*$v)
    };
    (blocks $v:ident) => {
        FieldRef::Blocks($v)
    };
    (func $v:ident) => {
        FieldRef::Func(*$v)
    };
    (global $v:ident) => {
        FieldRef::Global(*$v)
    };
    (cst $v:ident) => {
        FieldRef::Const(*$v)
    };
    (op $v:ident) => {
        FieldRef::Op(*$v)
    };
}

macro_rules! field_mut {
    (def $v:ident) => {
        FieldMut::Def($v)
    };
    (use $v:ident) => {
        FieldMut::Use($v)
    };
    (defs $v:ident) => {
        FieldMut::Defs($v)
    };
    (uses $v:ident) => {
        FieldMut::Uses($v)
    };
    (lit $v:ident) => {
        FieldMut::Lit($v)
    };
    (keeps $v:ident) => {
        FieldMut::Keeps($v)
    };
    (block $v:ident) => {
        FieldMut::Block($v)
    };
    (blocks $v:ident) => {
        FieldMut::Blocks($v)
    };
    (func $v:ident) => {
        FieldMut::Func($v)
    };
    (global $v:ident) => {
        FieldMut::Global($v)
    };
    (cst $v:ident) => {
        FieldMut::Const($v)
    };
    (op $v:ident) => {
        FieldMut::Op($v)
    };
}

macro_rules! from_field {
    (def $f:expr) => {
        match $f {
            Some(Field::Def(v)) => v,
            _ => return None,
        }
    };
    (use $f:expr) => {
        match $f {
            Some(Field::Use(v)) => v,
            _ => return None,
        }
    };
    (defs $f:expr) => {
        match $f {
            Some(Field::Defs(v)) => v,
            _ => return None,
        }
    };
    (uses $f:expr) => {
        match $f {
            Some(Field::Uses(v)) => v,
            _ => return None,
        }
    };
    (lit $f:expr) => {
        match $f {
            Some(Field::Lit(v)) => v,
            _ => return None,
        }
    };
    (keeps $f:expr) => {
        match $f {
            Some(Field::Keeps(v)) => v,
            _ => return None,
        }
    };
    (block $f:expr) => {
        match $f {
            Some(Field::Block(v)) => v,
            _ => return None,
        }
    };
    (blocks $f:expr) => {
        match $f {
            Some(Field::Blocks(v)) => v,
            _ => return None,
        }
    };
    (func $f:expr) => {
        match $f {
            Some(Field::Func(v)) => v,
            _ => return None,
        }
    };
    (global $f:expr) => {
        match $f {
            Some(Field::Global(v)) => v,
            _ => return None,
        }
    };
    (cst $f:expr) => {
        match $f {
            Some(Field::Const(v)) => v,
            _ => return None,
        }
    };
    (op $f:expr) => {
        match $f {
            Some(Field::Op(v)) => v,
            _ => return None,
        }
    };
}

macro_rules! role {
    (def) => {
        Role::Def
    };
    (use) => {
        Role::Use
    };
    (defs) => {
        Role::Defs
    };
    (uses) => {
        Role::Uses
    };
    (lit) => {
        Role::Lit
    };
    (keeps) => {
        Role::Keeps
    };
    (block) => {
        Role::Block
    };
    (blocks) => {
        Role::Blocks
    };
    (func) => {
        Role::Func
    };
    (global) => {
        Role::Global
    };
    (cst) => {
        Role::Const
    };
    (op) => {
        Role::Op
    };
}

macro_rules! pattern {
    (func func) => {
        Pattern::Name
    };
    (op op) => {
        Pattern::Name
    };
    (block block) => {
        Pattern::Name
    };
    (blocks block) => {
        Pattern::Name
    };
    (global global) => {
        Pattern::Name
    };
    (cst constant) => {
        Pattern::Name
    };
    ($role:ident i32) => {
        Pattern::Exact(Type::I32)
    };
    ($role:ident i64) => {
        Pattern::Exact(Type::I64)
    };
    ($role:ident f32) => {
        Pattern::Exact(Type::F32)
    };
    ($role:ident f64) => {
        Pattern::Exact(Type::F64)
    };
    ($role:ident bool) => {
        Pattern::Exact(Type::Bool)
    };
    ($role:ident t) => {
        Pattern::Same
    };
    ($role:ident tensor) => {
        Pattern::Tensor
    };
    ($role:ident elem) => {
        Pattern::Elem
    };
    ($role:ident complex) => {
        Pattern::Complex
    };
    ($role:ident part) => {
        Pattern::Part
    };
    ($role:ident list) => {
        Pattern::List
    };
    ($role:ident item) => {
        Pattern::Item
    };
    ($role:ident func) => {
        Pattern::Func
    };
    ($role:ident global) => {
        Pattern::Entity
    };
    ($role:ident constant) => {
        Pattern::Entity
    };
    ($role:ident args) => {
        Pattern::Args
    };
    ($role:ident results) => {
        Pattern::Results
    };
    ($role:ident object) => {
        Pattern::Object
    };
}

macro_rules! effect {
    (pure) => {
        Effect::Pure
    };
    (traps) => {
        Effect::Traps
    };
    (loads) => {
        Effect::Loads
    };
    (stores) => {
        Effect::Stores
    };
    (control) => {
        Effect::Control
    };
    (calls) => {
        Effect::Calls
    };
    (region) => {
        Effect::Region
    };
}

macro_rules! define {
    ($($number:literal $variant:ident $method:ident $mnemonic:literal
        [$($role:ident $field:ident : $ty:ident),*] $effect:ident $doc:literal;)*) => {
        /// Number of an instruction in the binary format.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Opcode {
            $(#[doc = $doc] $variant = $number,)*
        }

        impl Opcode {
            /// Every opcode, in table order.
            pub const ALL: &'static [Opcode] = &[$(Opcode::$variant,)*];

            /// The opcode with this number.
            pub fn from_number(number: u16) -> Option<Opcode> {
                match number {
                    $($number => Some(Opcode::$variant),)*
                    _ => None,
                }
            }

            /// The opcode with this mnemonic.
            pub fn from_mnemonic(mnemonic: &str) -> Option<Opcode> {
                match mnemonic {
                    $($mnemonic => Some(Opcode::$variant),)*
                    _ => None,
                }
            }

            /// Name in the text format.
            pub const fn mnemonic(self) -> &'static str {
                match self { $(Opcode::$variant => $mnemonic,)* }
            }

            /// One line of documentation.
            pub const fn doc(self) -> &'static str {
                match self { $(Opcode::$variant => $doc,)* }
            }

            /// Operand positions, in the order of encoding and text.
            pub const fn operands(self) -> &'static [OperandSpec] {
                match self {
                    $(Opcode::$variant => &[$(OperandSpec {
                        name: stringify!($field),
                        role: role!($role),
                        pattern: pattern!($role $ty),
                    },)*],)*
                }
            }

            /// What it does besides computing its results.
            pub const fn effect(self) -> Effect {
                match self { $(Opcode::$variant => effect!($effect),)* }
            }
        }

        /// One instruction.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        #[allow(missing_docs)] // the operands are named as in the table
        pub enum Inst {
            $(#[doc = $doc] $variant { $($field: field_type!($role)),* },)*
        }

        impl Inst {
            /// Opcode of the instruction.
            pub const fn opcode(&self) -> Opcode {
                match self { $(Inst::$variant { .. } => Opcode::$variant,)* }
            }

            /// Calls `see` with each operand, in table order.
            #[allow(unused_variables)]
            pub fn for_each_field<'a>(&'a self, mut see: impl FnMut(FieldRef<'a>)) {
                match self {
                    $(Inst::$variant { $($field),* } => { $(see(field_ref!($role $field));)* })*
                }
            }

            /// Calls `see` with each operand for change, in table order.
            #[allow(unused_variables)]
            pub fn for_each_field_mut<'a>(&'a mut self, mut see: impl FnMut(FieldMut<'a>)) {
                match self {
                    $(Inst::$variant { $($field),* } => { $(see(field_mut!($role $field));)* })*
                }
            }

            /// The instruction of `opcode` with these operands; `None` when
            /// their number or roles are not those of the table.
            pub fn from_fields(opcode: Opcode, fields: impl IntoIterator<Item = Field>) -> Option<Inst> {
                let mut fields = fields.into_iter();
                let inst = match opcode {
                    $(Opcode::$variant => Inst::$variant { $($field: from_field!($role fields.next())),* },)*
                };
                fields.next().is_none().then_some(inst)
            }

            /// Calls the visitor's method for this instruction.
            pub fn visit<V: Visitor + ?Sized>(&self, visitor: &mut V) -> V::Output {
                match self {
                    $(Inst::$variant { $($field),* } => visitor.$method($(visit_value!($role $field)),*),)*
                }
            }
        }

        /// One method an instruction: what a tier does with it.
        #[allow(missing_docs)] // documented in the table
        pub trait Visitor {
            /// The result of each method.
            type Output;
            $(#[doc = $doc] fn $method(&mut self, $($field: visit_type!($role)),*) -> Self::Output;)*
        }
    };
}

crate::for_each_inst!(define);

impl Opcode {
    /// Number in the binary format.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Whether the instruction ends a block.
    pub const fn is_terminator(self) -> bool {
        matches!(self.effect(), Effect::Control)
    }
}

impl fmt::Debug for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mnemonic())
    }
}

impl Inst {
    /// Items of lists that count as part of the instruction.
    pub const ITEMS: usize = 8;

    /// How large it is for those who do something with each part of it: 1, and
    /// each item more that its lists have than ordinary ones.
    pub fn size(&self) -> usize {
        let mut items = 0;
        self.for_each_field(|field| {
            items += match field {
                FieldRef::Uses(list) => list.len(),
                FieldRef::Defs(list) | FieldRef::Keeps(list) => list.len(),
                FieldRef::Blocks(list) => list.len(),
                _ => 0,
            }
        });
        1 + items.saturating_sub(Inst::ITEMS)
    }

    /// Calls `see` with each register read. Kept registers are read and written.
    pub fn for_each_use(&self, mut see: impl FnMut(Reg)) {
        self.for_each_field(|field| match field {
            FieldRef::Use(Operand::Reg(r)) => see(r),
            FieldRef::Uses(list) => list.iter().for_each(|o| {
                if let Operand::Reg(r) = o {
                    see(*r);
                }
            }),
            FieldRef::Keeps(list) => list.iter().for_each(|r| see(*r)),
            _ => {}
        });
    }

    /// Calls `see` with each register written.
    pub fn for_each_def(&self, mut see: impl FnMut(Reg)) {
        self.for_each_field(|field| match field {
            FieldRef::Def(r) => see(r),
            FieldRef::Defs(list) | FieldRef::Keeps(list) => list.iter().for_each(|r| see(*r)),
            _ => {}
        });
    }

    /// Replaces each operand read, but for kept registers: they are written too.
    pub fn map_uses(&mut self, mut map: impl FnMut(Operand) -> Operand) {
        self.for_each_field_mut(|field| match field {
            FieldMut::Use(o) => *o = map(*o),
            FieldMut::Uses(list) => list.iter_mut().for_each(|o| *o = map(*o)),
            _ => {}
        });
    }

    /// Replaces each register written, kept ones among them.
    pub fn map_defs(&mut self, mut map: impl FnMut(Reg) -> Reg) {
        self.for_each_field_mut(|field| match field {
            FieldMut::Def(r) => *r = map(*r),
            FieldMut::Defs(list) | FieldMut::Keeps(list) => list.iter_mut().for_each(|r| *r = map(*r)),
            _ => {}
        });
    }

    /// Calls `see` with each block the instruction may go to, in table order.
    pub fn for_each_successor(&self, mut see: impl FnMut(BlockId)) {
        self.for_each_field(|field| match field {
            FieldRef::Block(b) => see(b),
            FieldRef::Blocks(list) => list.iter().for_each(|b| see(*b)),
            _ => {}
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_mnemonics_find_their_opcode() {
        for &op in Opcode::ALL {
            assert_eq!(Opcode::from_number(op.number()), Some(op));
            assert_eq!(Opcode::from_mnemonic(op.mnemonic()), Some(op));
        }
    }

    #[test]
    fn fields_rebuild_the_instruction() {
        let inst = Inst::I64Add { dst: Reg(2), a: Reg(0).into(), b: 7i64.into() };
        let mut fields = Vec::new();
        inst.for_each_field(|f| {
            fields.push(match f {
                FieldRef::Def(r) => Field::Def(r),
                FieldRef::Use(o) => Field::Use(o),
                _ => unreachable!("i64.add has a def and two uses"),
            });
        });
        assert_eq!(Inst::from_fields(Opcode::I64Add, fields.clone()), Some(inst));
        assert_eq!(Inst::from_fields(Opcode::I64Neg, fields), None);
    }

    #[test]
    fn an_instruction_stays_small() {
        assert!(size_of::<Inst>() <= 80, "{} bytes", size_of::<Inst>());
    }
}
