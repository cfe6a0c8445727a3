//! Placement of literals: they go into the code where a handler takes them
//! there, else into slots of the frame that are filled once a call.
//!
//! How many of those a frame has does not depend on the dispatcher ([`room_for`]),
//! though only the portable loop uses all: calls go as deep in one as in the other.

use crate::machine::instr::{MAX_CONSTS, SCRATCH, SCRATCH_BASE};
use crate::machine::micro::{Micro, MicroOp, Src};
use rustc_hash::{FxHashMap, FxHashSet};

/// Literals that need a slot, filled once a call.
#[derive(Default)]
pub struct Literals {
    slots: FxHashMap<u64, u16>,
    order: Vec<u64>,
    first: u16,
    room: usize,
}

impl Literals {
    /// No literals yet, in a frame with `first` registers and `room` slots behind them.
    pub fn new(first: u16, room: usize) -> Literals {
        Literals { first, room, ..Literals::default() }
    }

    /// Adds the operations that fill the slots.
    pub fn fill(&self, micros: &mut Vec<Micro>) {
        for bits in &self.order {
            micros.push(literal(self.slots[bits], *bits, 0));
        }
    }

    /// The slot that holds `bits` in every call, while there is room for one.
    pub fn slot(&mut self, bits: u64) -> Option<u16> {
        if let Some(s) = self.slots.get(&bits) {
            return Some(*s);
        }
        if self.order.len() == self.room {
            return None;
        }
        let slot = self.first + self.order.len() as u16;
        self.order.push(bits);
        self.slots.insert(bits, slot);
        Some(slot)
    }

    /// Slot `n` of the few for literals that found no room, and for nothing longer than one operation.
    pub fn scratch(&self, n: u16) -> u16 {
        debug_assert!(n < SCRATCH);
        SCRATCH_BASE + n
    }
}

/// Slots for literals in the frame of a function with these blocks: one for each
/// different one that is an operand, up to a number. What is only copied needs none.
pub fn room_for(blocks: &[Vec<Micro>]) -> usize {
    let mut different = FxHashSet::default();
    for m in blocks.iter().flatten().filter(|m| m.op != MicroOp::Copy) {
        for src in m.src {
            if let Src::Imm(bits) = src {
                different.insert(bits);
            }
        }
        if different.len() >= MAX_CONSTS {
            return MAX_CONSTS;
        }
    }
    different.len()
}

/// Sets a slot to a literal.
fn literal(slot: u16, bits: u64, origin: u32) -> Micro {
    let mut m = Micro::new(MicroOp::Copy, origin);
    m.src[0] = Src::Imm(bits);
    m.dst = slot;
    m.writes = true;
    m.unseen()
}

/// Puts literals without a place in the code into slots, and falls back to
/// slots for whatever has no handler. Whether all found room: if not, they are
/// written to scratch slots as they are wanted, by operations that leave other
/// values in the machine registers than were there.
pub fn place_literals(
    micros: &mut Vec<Micro>,
    literals: &mut Literals,
    has: impl Fn(&Micro) -> bool,
) -> bool {
    let mut out = Vec::with_capacity(micros.len());
    let mut all = true;
    for mut m in micros.drain(..) {
        let mut scratch = 0;
        // Literals of calls and sites are not operands in slots.
        for k in 0..m.src.len() {
            if has(&m) {
                break;
            }
            let Src::Imm(bits) = m.src[k] else { continue };
            let slot = literals.slot(bits).unwrap_or_else(|| {
                let slot = literals.scratch(scratch);
                scratch += 1;
                all = false;
                out.push(literal(slot, bits, m.origin));
                slot
            });
            m.src[k] = Src::Slot(slot);
        }
        debug_assert!(has(&m), "no handler for {m:?}");
        out.push(m);
    }
    *micros = out;
    all
}
