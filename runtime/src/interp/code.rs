//! Internal code: fixed-width, pre-decoded operations that the interpreter runs.
//!
//! Built from a [`nbc_ir::VerifiedModule`] only, so the interpreter may trust every
//! slot, target and site in it. Never changes once loaded.

use super::Dispatch;
use super::micro::Src;
use crate::backtrace::Frame;
use crate::op::Kernel;
use nbc_ir::{Elem, FuncId, Item, Type, VerifiedModule};

/// What runs an operation: the handler itself for direct threading, the
/// number of the operation for the portable loop.
#[derive(Clone, Copy)]
pub union Run {
    /// Direct threading.
    #[cfg(nbc_threaded)]
    pub handler: super::threaded::Handler,
    /// Portable loop.
    pub code: super::matched::Code,
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
    /// What the operations refer to by address; never grows once there is code.
    pub sites: Vec<Site>,
    /// Slots from the frame's start that a call of it may touch before it calls on.
    pub extent: u32,
}

/// First of the slots that stand for the callee's frame until the frame's size is known.
pub const OUT_BASE: u16 = 0xf000;

/// Slots of literals a function may have besides its registers.
pub const MAX_CONSTS: usize = 1000;

/// Position of the saved return address before a frame's first slot.
pub const LINK_SLOTS: u32 = 1;

/// Entry of the table through which all calls go.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FuncEntry {
    /// First operation.
    pub code: *const Instr,
    /// See [`FuncCode::extent`].
    pub extent: u64,
}

/// A module as internal code.
pub struct Loaded {
    /// The module it was made from.
    pub module: VerifiedModule,
    /// What runs the code.
    pub dispatch: Dispatch,
    /// Whether blocks charge fuel.
    pub metered: bool,
    /// Functions, imports included.
    pub funcs: Vec<FuncCode>,
    /// Where calls go, by function.
    pub entries: Box<[FuncEntry]>,
    /// What the outermost call returns to: a call that never was, then the exit.
    pub exit: Box<[Instr; 2]>,
    /// Functions by address of their code.
    by_address: Vec<(usize, u32)>,
}

// SAFETY: the code is never written after loading; the addresses in it point
// into what `Loaded` owns or to functions.
unsafe impl Send for Loaded {}
// SAFETY: as above.
unsafe impl Sync for Loaded {}

impl Loaded {
    /// A module from the code of its functions, imports first. `exit` ends the outermost call.
    pub fn new(
        module: VerifiedModule,
        dispatch: Dispatch,
        metered: bool,
        funcs: Vec<FuncCode>,
        exit: Run,
    ) -> Loaded {
        let entries =
            funcs.iter().map(|f| FuncEntry { code: f.code.as_ptr(), extent: f.extent as u64 }).collect();
        let mut by_address: Vec<(usize, u32)> =
            funcs.iter().enumerate().map(|(i, f)| (f.code.as_ptr().addr(), i as u32)).collect();
        by_address.sort_unstable();
        let blank = Instr { run: exit, a: 0, b: 0, c: 0, d: 0, imm: 0, imm2: 0, jump: 0 };
        // A single result lands in the first slot of the callee's own frame.
        let exit = Box::new([Instr { a: 1, imm2: 1, ..blank }, blank]);
        Loaded { module, dispatch, metered, funcs, entries, exit, by_address }
    }

    /// Where in the bytecode the operation at `ip` comes from.
    pub fn frame_at(&self, ip: *const Instr) -> Option<Frame> {
        let at = self.by_address.partition_point(|(start, _)| *start <= ip.addr());
        let (start, func) = *self.by_address.get(at.checked_sub(1)?)?;
        let code = &self.funcs[func as usize];
        let position = (ip.addr() - start) / size_of::<Instr>();
        let (block, inst) = code.origins[*code.origin.get(position)? as usize];
        let id = FuncId(func);
        let function = self.module.function(id);
        Some(Frame {
            func: id,
            name: self.module.func_name(id),
            block,
            inst,
            line: function.map_or(0, |f| f.blocks[block as usize].line(inst as usize)),
        })
    }
}
