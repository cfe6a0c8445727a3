//! Operands that do not fit an operation, which then holds their address.

use super::micro::Src;
use crate::op::Kernel;
use crate::plan::AtOperation;
use nbc_ir::catalogue::Operation;
use nbc_ir::{Elem, Item, Module, OpId, Type};

/// Operands of an operation that does not fit an [`Instr`](super::instr::Instr), which holds its address.
pub enum Site {
    /// Call of a catalogue operation.
    Op(OpSite),
    /// Call of a host function.
    Host(HostSite),
    /// Values returned, or objects kept: slot or literal, with type.
    Values(Box<[(Src, Type)]>),
    /// An object stored into a global.
    Global {
        /// The global.
        index: usize,
        /// The object.
        value: Src,
        /// Its type.
        ty: Type,
    },
    /// A list operation.
    List {
        /// Type of the items.
        item: Item,
    },
}

/// Call of a catalogue operation.
pub struct OpSite {
    /// Position in the catalogue.
    pub index: usize,
    /// The kernel.
    pub kernel: Kernel,
    /// Element types of the signature's variables.
    pub elems: Box<[Elem]>,
    /// Arguments.
    pub args: Box<[Src]>,
    /// Their types.
    pub arg_types: Box<[Type]>,
    /// Length of each bracketed list.
    pub list_len: usize,
    /// Slots of the results.
    pub results: Box<[u16]>,
    /// What the plan says of it.
    pub plan: AtOperation,
}

/// Call of a host function.
pub struct HostSite {
    /// Position among the imports.
    pub import: usize,
    /// Arguments with types.
    pub args: Box<[(Src, Type)]>,
    /// Slots of the results with types.
    pub results: Box<[(u16, Type)]>,
}

/// The site of a call of operation `op` of `module`.
pub(crate) fn op_site(
    module: &Module,
    op: OpId,
    args: Box<[Src]>,
    arg_types: Box<[Type]>,
    results: Box<[u16]>,
    plan: AtOperation,
) -> OpSite {
    let op = &module.ops[op.index()];
    let operation = Operation::find(&op.name).expect("verified: the catalogue has it");
    let list_len = operation.typed().list_len(args.len()).expect("verified: the number of arguments fits");
    OpSite {
        index: operation.index(),
        kernel: crate::op::kernel(operation.index()),
        elems: op.elems.clone(),
        args,
        arg_types,
        list_len,
        results,
        plan,
    }
}
