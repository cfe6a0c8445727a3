//! Micro-operations: bytecode instructions with slots for operands, between
//! the translator that makes them and the code that is run.
//!
//! The portable loop runs them one by one as they come; for direct threading
//! `superinst` merges neighbours first.

use crate::arith;
use nbc_ir::{Elem, Opcode};
use std::fmt;

/// Where a micro-operation reads a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Src {
    /// There is no such operand.
    None,
    /// A slot of the frame.
    Slot(u16),
    /// A literal, as slot bits.
    Imm(u64),
    /// The machine register that still holds the last integer or float
    /// result, which is also the value of that slot.
    Acc(u16),
}

/// Which machine register carries a result on to the next operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// No result, or one that is not carried.
    None,
    /// Integers, truth values, pointers.
    Int,
    /// Doubles.
    Float,
}

macro_rules! op_enum {
    ($(#[$doc:meta])* $enum:ident; $($method:ident $name:ident $a:ident $($b:ident)? |$x:ident $(, $y:ident)?| $v:expr;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs)] // named as in the instruction table
        pub enum $enum { $($name,)* }

        impl $enum {
            /// All of them.
            pub const ALL: &'static [$enum] = &[$($enum::$name,)*];

            /// The instruction of the bytecode.
            pub const fn opcode(self) -> Opcode {
                match self { $($enum::$name => Opcode::$name,)* }
            }

            /// That of this instruction, if it is one of these.
            pub const fn from_opcode(opcode: Opcode) -> Option<$enum> {
                match opcode {
                    $(Opcode::$name => Some($enum::$name),)*
                    _ => None,
                }
            }
        }
    };
}
macro_rules! binary_ops { ($($rows:tt)*) => { op_enum! { /// Instructions of two operands that cannot trap.
    BinaryOp; $($rows)* } }; }
macro_rules! compare_ops { ($($rows:tt)*) => { op_enum! { /// Comparisons.
    CompareOp; $($rows)* } }; }
macro_rules! division_ops { ($($rows:tt)*) => { op_enum! { /// Integer divisions.
    DivisionOp; $($rows)* } }; }
macro_rules! unary_ops { ($($rows:tt)*) => { op_enum! { /// Instructions of one operand that cannot trap.
    UnaryOp; $($rows)* } }; }
macro_rules! truncation_ops { ($($rows:tt)*) => { op_enum! { /// Conversions that trap when the value does not fit.
    TruncationOp; $($rows)* } }; }
arith::for_each_binary!(binary_ops);
arith::for_each_compare!(compare_ops);
arith::for_each_division!(division_ops);
arith::for_each_unary!(unary_ops);
arith::for_each_truncation!(truncation_ops);

impl CompareOp {
    /// The comparison of integers that holds when this one does not; there is
    /// none of floats, because of NaN.
    pub fn inverted(self) -> Option<CompareOp> {
        use CompareOp::*;
        Some(match self {
            I32Eq => I32Ne,
            I32Ne => I32Eq,
            I32Lt => I32Ge,
            I32Le => I32Gt,
            I32Gt => I32Le,
            I32Ge => I32Lt,
            I32LtU => I32GeU,
            I32LeU => I32GtU,
            I32GtU => I32LeU,
            I32GeU => I32LtU,
            I64Eq => I64Ne,
            I64Ne => I64Eq,
            I64Lt => I64Ge,
            I64Le => I64Gt,
            I64Gt => I64Le,
            I64Ge => I64Lt,
            I64LtU => I64GeU,
            I64LeU => I64GtU,
            I64GtU => I64LeU,
            I64GeU => I64LtU,
            _ => return None,
        })
    }

    /// The comparison with its operands exchanged.
    pub fn swapped(self) -> CompareOp {
        use CompareOp::*;
        match self {
            I32Lt => I32Gt,
            I32Le => I32Ge,
            I32Gt => I32Lt,
            I32Ge => I32Le,
            I32LtU => I32GtU,
            I32LeU => I32GeU,
            I32GtU => I32LtU,
            I32GeU => I32LeU,
            I64Lt => I64Gt,
            I64Le => I64Ge,
            I64Gt => I64Lt,
            I64Ge => I64Le,
            I64LtU => I64GtU,
            I64LeU => I64GeU,
            I64GtU => I64LtU,
            I64GeU => I64LeU,
            F32Lt => F32Gt,
            F32Le => F32Ge,
            F32Gt => F32Lt,
            F32Ge => F32Le,
            F64Lt => F64Gt,
            F64Le => F64Ge,
            F64Gt => F64Lt,
            F64Ge => F64Le,
            I32Eq | I32Ne | I64Eq | I64Ne | F32Eq | F32Ne | F64Eq | F64Ne => self,
        }
    }
}

/// Operations that both dispatchers run through one function of
/// [`crate::interp::shared`]: those that are long, rare or reach the instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SharedOp {
    /// Global scalar or object into a slot.
    GlobalGet,
    /// Scalar into a global.
    GlobalSet,
    /// Copy of an object into a global.
    GlobalSetObject,
    /// Constant object into a slot.
    ConstGet,
    /// Opens a region.
    RegionBegin,
    /// Ends a region, keeping objects of a site.
    RegionEnd,
    /// Frees what is not kept.
    RegionRenew,
    /// Number of elements.
    TensorLen,
    /// Number of dimensions.
    TensorRank,
    /// Length along an axis.
    TensorDim,
    /// Brings elements to the host.
    TensorToHost,
    /// Element by three indices.
    Load3(Elem),
    /// Element by three indices; the value is the fifth operand.
    Store3(Elem),
    /// Part of a complex element; the literal is 0 for the real part, 1 for the other.
    LoadPart(Elem),
    /// Part of a complex element.
    StorePart(Elem),
    /// New list.
    ListNew,
    /// Number of items.
    ListLen,
    /// Item.
    ListGet,
    /// Item of a scalar list.
    ListSet,
    /// Item of a list of objects.
    ListSetObject,
    /// Catalogue operation of a site.
    CallOp,
    /// Host function of a site.
    CallHost,
}

/// What a micro-operation does. Operands are `dst` and `src[0..]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MicroOp {
    /// See [`BinaryOp`].
    Binary(BinaryOp),
    /// See [`CompareOp`].
    Compare(CompareOp),
    /// See [`DivisionOp`].
    Division(DivisionOp),
    /// See [`UnaryOp`].
    Unary(UnaryOp),
    /// See [`TruncationOp`].
    Truncation(TruncationOp),
    /// `f64.fma` (or `f32.fma` when not wide).
    Fma {
        /// Double or single.
        wide: bool,
    },
    /// A slot or literal to a slot.
    Copy,
    /// The literal to a slot; the portable loop's name for `Copy` of one.
    Literal,
    /// Ends the outermost call; no part of a function's code, as are the next two.
    Exit,
    /// Runs the compiled code of a stub, and returns from the function.
    EnterNative,
    /// Gives the tier the chance to compile function `imm`, then runs it.
    FirstCall,
    /// `src[0] ? src[1] : src[2]`.
    Select,
    /// Element of `src[0]` at flat index `src[1]` plus `imm`.
    Load(Elem),
    /// Element of `src[0]` at (`src[1]`, `src[2]` plus `imm`).
    Load2(Elem),
    /// Sets the element of `src[0]` at flat index `src[1]` plus `imm` to `src[2]`.
    Store(Elem),
    /// Sets the element of `src[0]` at (`src[1]`, `src[2]` plus `imm`) to `src[3]`.
    Store2(Elem),
    /// Goes to the target.
    Br,
    /// Goes to the target if `src[0]` is true (or false, if negated).
    BrIf {
        /// Whether to go when false.
        negate: bool,
    },
    /// Goes to the target if the comparison of `src[0]` and `src[1]` holds (or not).
    BrCompare {
        /// The comparison.
        op: CompareOp,
        /// Whether to go when it does not hold.
        negate: bool,
    },
    /// Skips `src[0]` operations, at most `imm`.
    Switch,
    /// Calls function `imm`; arguments are in their slots.
    Call,
    /// Calls the function `src[0]` refers to.
    CallRef,
    /// Returns `src[0]`, if any; `dst` says how many that are.
    Ret,
    /// Returns the values of site `imm`.
    RetMany,
    /// As `Ret`, ending the call's own region.
    RetRegion,
    /// Begins the call's own region.
    EnterRegion,
    /// Traps with `unreachable`.
    Trap,
    /// Charges `imm` fuel.
    Charge,
    /// See [`SharedOp`].
    Shared(SharedOp),

    // Made by `superinst` only.
    /// `dst = src[0] first src[1]`, then goes to the target if that compares to `src[2]` (or not).
    BinaryBranch {
        /// The operation.
        first: BinaryOp,
        /// The comparison.
        compare: CompareOp,
        /// Whether to go when it does not hold; for floats only.
        negate: bool,
    },
    /// `dst = src[0] op src[1]`, `src[2] += imm`, then goes to the target if `src[2]` compares to `src[3]`.
    BinaryStep {
        /// The operation.
        op: BinaryOp,
        /// The comparison.
        compare: CompareOp,
    },
    /// Sets the element of `src[0]` at `src[1]` to `src[2]`, then steps `src[1]`
    /// by `src[4]`, or `imm` if there is none, as `BinaryStep` does.
    StoreStep {
        /// Element type.
        elem: Elem,
        /// The comparison.
        compare: CompareOp,
    },
    /// Sets the element of `src[0]` at (`src[1]`, `src[2]`) to `src[4]`, then
    /// steps `src[2]` by `imm` as `BinaryStep` does.
    Store2Step {
        /// Element type.
        elem: Elem,
        /// The comparison.
        compare: CompareOp,
    },
    /// `dst = src[0] + src[1]`, then goes to the target if `src[2]` compares to `src[3]`.
    AddAndBranch(CompareOp),
    /// Whether `src[0]` has a bit of `src[1]` (or none, if negated).
    TestBits {
        /// Whether to ask for none.
        negate: bool,
    },
    /// `src[1]` if `src[0]` has a bit of `imm`, else `src[2]`; integers only.
    SelectBits,
    /// Sets the slot `src[1]` to `src[0] + src[2]` and calls as `Call` does.
    CallAdd,
    /// Returns `src[0] op src[1]`.
    RetBinary(BinaryOp),
    /// `dst = (src[0] first src[1]) second src[2]`, or `src[2] second (..)` if swapped.
    Pair {
        /// First operation.
        first: BinaryOp,
        /// Second operation.
        second: BinaryOp,
        /// Whether the first result is the second's right operand.
        swapped: bool,
    },
    /// `dst = src[3] op element` (or `element op src[3]` if swapped), the element as in `Load`.
    LoadBinary {
        /// Element type.
        elem: Elem,
        /// The operation.
        op: BinaryOp,
        /// Whether the element is the left operand.
        swapped: bool,
    },
    /// As `LoadBinary`, with two indices.
    Load2Binary {
        /// Element type.
        elem: Elem,
        /// The operation.
        op: BinaryOp,
        /// Whether the element is the left operand.
        swapped: bool,
    },
}

impl MicroOp {
    /// Whether `imm` is the number of a site.
    pub fn has_site(self) -> bool {
        use SharedOp::*;
        matches!(
            self,
            MicroOp::RetMany
                | MicroOp::RetRegion
                | MicroOp::Shared(
                    RegionEnd | RegionRenew | CallOp | CallHost | ListNew | ListSetObject | GlobalSetObject
                )
        )
    }

    /// Whether it runs other code, which uses the slots behind the frame.
    pub fn calls(self) -> bool {
        matches!(
            self,
            MicroOp::Call
                | MicroOp::CallAdd
                | MicroOp::CallRef
                | MicroOp::Shared(SharedOp::CallOp | SharedOp::CallHost)
        )
    }
}

/// A micro-operation.
#[derive(Clone, Copy, Debug)]
pub struct Micro {
    /// The operation.
    pub op: MicroOp,
    /// Slot written; meaningless when `class` says there is no result and the operation has none.
    pub dst: u16,
    /// Whether `dst` is written.
    pub writes: bool,
    /// Operands.
    pub src: [Src; 5],
    /// Literal: index offset, site number, function, fuel.
    pub imm: u64,
    /// Block to go to.
    pub target: u32,
    /// How many operations of the target a branch skips: those that a loop
    /// does only on the way in.
    pub skip: u32,
    /// Whether a branch goes back and counts down the budget.
    pub counts: bool,
    /// Which machine register carries the result on.
    pub class: Class,
    /// How often the result is read before it is overwritten; `u32::MAX` when another block may read it.
    pub uses: u32,
    /// Position in the function's list of origins: where a trap is reported.
    pub origin: u32,
    /// Origins of what it does, from the first to behind the last.
    pub covers: (u32, u32),
    /// For a back-edge or charge, the origin where compiled code could go on
    /// instead of it; `u32::MAX` when there is none.
    pub resume: u32,
}

impl Micro {
    /// A micro-operation with no operands.
    pub fn new(op: MicroOp, origin: u32) -> Micro {
        Micro {
            op,
            dst: 0,
            writes: false,
            src: [Src::None; 5],
            imm: 0,
            target: u32::MAX,
            skip: 0,
            counts: false,
            class: Class::None,
            uses: u32::MAX,
            origin,
            covers: (origin, origin + 1),
            resume: u32::MAX,
        }
    }

    /// The same without an origin: a copy that changes nothing a program sees.
    pub fn unseen(mut self) -> Micro {
        self.covers = (u32::MAX, 0);
        self
    }

    /// Says that this does what `other` was there for, too.
    pub fn cover(&mut self, other: &Micro) {
        self.covers = (self.covers.0.min(other.covers.0), self.covers.1.max(other.covers.1));
    }
}

impl fmt::Display for Micro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.writes {
            write!(f, "s{} = ", self.dst)?;
        }
        write!(f, "{:?}", self.op)?;
        for s in self.src.iter().filter(|s| **s != Src::None) {
            match s {
                Src::Slot(n) => write!(f, " s{n}")?,
                Src::Imm(v) => write!(f, " #{}", *v as i64)?,
                Src::Acc(n) => write!(f, " acc(s{n})")?,
                Src::None => {}
            }
        }
        if self.imm != 0 {
            write!(f, " +{}", self.imm as i64)?;
        }
        if self.target != u32::MAX {
            write!(f, " -> block{}{}", self.target, if self.counts { " (counts)" } else { "" })?;
        }
        Ok(())
    }
}

/// The methods of [`Visitor`](nbc_ir::inst::Visitor) for scalar instructions, for whoever has
/// `binary`, `compare`, `division`, `unary` and `truncation`: the loader and the JIT's lowering.
#[doc(hidden)]
#[macro_export]
macro_rules! scalar_methods {
    () => {
        $crate::for_each_binary!($crate::scalar_methods_binary);
        $crate::for_each_compare!($crate::scalar_methods_compare);
        $crate::for_each_division!($crate::scalar_methods_division);
        $crate::for_each_unary!($crate::scalar_methods_unary);
        $crate::for_each_truncation!($crate::scalar_methods_truncation);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! scalar_methods_binary {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident, $y:ident| $v:expr;)*) => {
        $(fn $method(&mut self, dst: nbc_ir::Reg, a: nbc_ir::Operand, b: nbc_ir::Operand) {
            self.binary($crate::machine::micro::BinaryOp::$name, dst, a, b);
        })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! scalar_methods_compare {
    ($($method:ident $name:ident $in:ident |$x:ident, $y:ident| $v:expr;)*) => {
        $(fn $method(&mut self, dst: nbc_ir::Reg, a: nbc_ir::Operand, b: nbc_ir::Operand) {
            self.compare($crate::machine::micro::CompareOp::$name, dst, a, b);
        })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! scalar_methods_division {
    ($($method:ident $name:ident $in:ident |$x:ident, $y:ident| $v:expr;)*) => {
        $(fn $method(&mut self, dst: nbc_ir::Reg, a: nbc_ir::Operand, b: nbc_ir::Operand) {
            self.division($crate::machine::micro::DivisionOp::$name, dst, a, b);
        })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! scalar_methods_unary {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident| $v:expr;)*) => {
        $(fn $method(&mut self, dst: nbc_ir::Reg, a: nbc_ir::Operand) {
            self.unary($crate::machine::micro::UnaryOp::$name, dst, a);
        })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! scalar_methods_truncation {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident| $v:expr;)*) => {
        $(fn $method(&mut self, dst: nbc_ir::Reg, a: nbc_ir::Operand) {
            self.truncation($crate::machine::micro::TruncationOp::$name, dst, a);
        })*
    };
}
