//! One operation of internal code, and the numbers of a frame's layout.

use super::context::Context;
use super::micro::MicroOp;

/// The code of one operation, for direct threading.
///
/// `iacc` and `facc` carry the last integer and float result, so that the
/// next operation need not wait for its slot in memory. `budget` counts down
/// to the next poll, or to the end of the fuel.
///
/// # Safety
/// `ip` points into code of a loaded function. `regs` points to the frame of a
/// call of it on the stack of `ctx`, which is exclusively the caller's.
pub type Handler = unsafe extern "C" fn(
    ip: *const Instr,
    regs: *mut u64,
    ctx: *mut Context,
    budget: i64,
    iacc: u64,
    facc: f64,
) -> u64;

/// What runs an operation: the handler itself for direct threading, the
/// number of the operation for the portable loop.
#[derive(Clone, Copy)]
pub union Run {
    /// Direct threading.
    #[cfg(nbc_threaded)]
    pub handler: Handler,
    /// Portable loop.
    pub code: MicroOp,
}

/// One operation, 32 bytes, two to a cache line.
#[repr(C, align(32))]
#[derive(Clone, Copy)]
pub struct Instr {
    /// The handler that runs it.
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
    /// An operation without operands.
    pub fn blank(run: Run) -> Instr {
        Instr { run, a: 0, b: 0, c: 0, d: 0, imm: 0, imm2: 0, jump: 0 }
    }

    /// Slot of the fourth operand.
    #[inline(always)]
    pub fn e(&self) -> usize {
        self.imm2 as u16 as usize
    }
}

/// First of the slots that stand for the callee's frame until the frame's size is known.
pub const OUT_BASE: u16 = 0xf000;

/// Slots for literals that found no room, behind what a frame calls with: as many
/// as an operation has operands.
pub const SCRATCH: u16 = 4;

/// First of the slots that stand for those until the frame's size is known.
pub const SCRATCH_BASE: u16 = 0xf800;

/// Slots of literals a function may have besides its registers.
pub const MAX_CONSTS: usize = 1000;

/// Position of the saved return address before a frame's first slot.
pub const LINK_SLOTS: u32 = 1;
