//! Internal code: fixed-width, pre-decoded operations that the interpreter runs.
//!
//! Built from a [`nbc_ir::VerifiedModule`] only, so the interpreter may trust every
//! slot, target and site in it. Never changes once loaded.

use super::micro::{Micro, MicroOp, Src};
use super::translate::Translated;
use crate::op::Kernel;
use nbc_ir::{Elem, Item, Type};

/// What runs an operation: the handler itself for direct threading, the
/// number of the operation for the portable loop.
#[derive(Clone, Copy)]
pub union Run {
    /// Direct threading.
    #[cfg(nbc_threaded)]
    pub handler: crate::interp::threaded::Handler,
    /// Portable loop.
    pub code: crate::interp::matched::Code,
}

/// One operation, 32 bytes, two to a cache line.
#[repr(C, align(32))]
#[derive(Clone, Copy)]
pub struct Instr {
    /// What runs it.
    pub run: Run,
    /// Slot written.
    pub a: u16,
    /// Slot of the first operand.
    pub b: u16,
    /// Slot of the second operand.
    pub c: u16,
    /// Slot of the third operand.
    pub d: u16,
    /// First literal.
    pub imm: u64,
    /// Second literal, or slot of the fourth operand.
    pub imm2: i32,
    /// Where to go, in bytes from this operation; the addend of `CallAdd`.
    pub jump: i32,
}

impl Instr {
    /// Slot of the fourth operand.
    #[inline(always)]
    pub fn e(&self) -> usize {
        self.imm2 as u16 as usize
    }
}

/// Operands of an operation that does not fit an [`Instr`], which holds its address.
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

/// A function as loaded.
pub struct FuncCode {
    /// The operations; the last never falls through.
    pub code: Box<[Instr]>,
    /// For each operation, the position in `origins` that it reports a trap at.
    pub origin: Box<[u32]>,
    /// Block and instruction of each origin.
    pub origins: Box<[(u32, u32)]>,
    /// What the operations refer to by address.
    #[allow(clippy::vec_box)] // their addresses are in the code
    pub sites: Vec<Box<Site>>,
    /// Slots of the frame: registers and literals.
    pub frame: u32,
    /// Slots from the frame's start that a call of it may touch before it calls on.
    pub extent: u32,
    /// Whether the call has a region of its own.
    pub region: bool,
}

/// First of the slots that stand for the callee's frame until the frame's size is known.
pub const OUT_BASE: u16 = 0xf000;

/// Slots of literals a function may have besides its registers.
pub const MAX_CONSTS: usize = 1000;

/// Position of the saved return address before a frame's first slot.
pub const LINK_SLOTS: u32 = 1;

/// Turns a translated function into code.
pub fn encode(t: &Translated, select: impl Fn(&Micro) -> Run) -> Box<[Instr]> {
    let frame = t.frame;
    let slot = |s: u16| if s >= OUT_BASE { frame as u16 + LINK_SLOTS as u16 + (s - OUT_BASE) } else { s };
    let read = |s: Src| if let Src::Slot(n) | Src::Acc(n) = s { slot(n) } else { 0 };
    t.micros
        .iter()
        .enumerate()
        .map(|(at, m)| {
            let (mut imm, mut imm2, mut a, mut addend) = (m.imm, 0, slot(m.dst), 0);
            let indexed = matches!(
                m.op,
                MicroOp::Load(_)
                    | MicroOp::Load2(_)
                    | MicroOp::Store(_)
                    | MicroOp::Store2(_)
                    | MicroOp::LoadBinary { .. }
                    | MicroOp::Load2Binary { .. }
            );
            for (i, s) in m.src.iter().enumerate() {
                let Src::Imm(v) = *s else { continue };
                match (m.op, i) {
                    (MicroOp::Pair { .. } | MicroOp::BinaryBranch { .. }, 2) | (_, 3) => imm2 = v as i32,
                    (MicroOp::CallAdd, _) => addend = v as i32,
                    // A constant index joins the offset; a constant value
                    // is only ever selected when there is no offset.
                    _ if indexed => imm = imm.wrapping_add(v),
                    _ => imm = v,
                }
            }
            if let Src::Slot(n) = m.src[3] {
                imm2 = slot(n) as i32;
            }
            if let Src::Slot(n) = m.src[4] {
                a = slot(n);
            }
            if m.op.has_site() {
                imm = std::ptr::from_ref::<Site>(&t.sites[m.imm as usize]).expose_provenance() as u64;
            }
            if m.op.calls() {
                imm2 = (frame + LINK_SLOTS) as i32;
            }
            // For the portable loop; direct threading has handlers of their own.
            if m.counts && matches!(m.op, MicroOp::Br | MicroOp::BrIf { .. }) {
                imm2 = crate::interp::matched::COUNTS;
            }
            let jump = if m.target == u32::MAX {
                addend as i64
            } else {
                ((t.starts[m.target as usize] + m.skip) as i64 - at as i64) * size_of::<Instr>() as i64
            };
            Instr {
                run: select(m),
                a,
                b: read(m.src[0]),
                c: read(m.src[1]),
                d: read(m.src[2]),
                imm,
                imm2,
                jump: i32::try_from(jump).expect("the verifier bounds a function's size"),
            }
        })
        .collect()
}

/// Entry of the table through which all calls go.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FuncEntry {
    /// First operation.
    pub code: *const Instr,
    /// See [`FuncCode::extent`].
    pub extent: u64,
}
