//! Finishing a block: each dispatcher does its part to the micro-operations
//! before the next block is begun.
//!
//! Invariant: they do the same afterwards, and each finds its operands where
//! its handler looks.

use super::literals::{Literals, place_literals};
use crate::machine::micro::{Micro, MicroOp, Src};

/// The last step with a block's micro-operations before the next is begun.
pub trait Finish {
    /// Improves the micro-operations of one block, and lays literals into
    /// slots where the code has no place for them.
    /// `entry` is what the machine registers hold where it begins; returns
    /// what they hold where it ends.
    fn block(
        &mut self,
        block: u32,
        micros: &mut Vec<Micro>,
        entry: Carried,
        literals: &mut Literals,
    ) -> Carried;
    /// Whether small headers should be copied into the branches to them.
    fn rotate(&self) -> bool;
}

/// Slots whose values are in the machine registers as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Carried {
    /// In the integer register.
    pub int: Option<u16>,
    /// In the float register.
    pub float: Option<u16>,
}

/// Finds out where compiled code could take over in a finished block: before
/// an operation that covers all from its first instruction on, none of which
/// has been done before it. Everything read from there on is then in the slot
/// where the bytecode has it. A value that disappeared is covered by the
/// operations from the one that made it to the one that used it up.
pub fn mark_resumes(micros: &mut [Micro]) {
    let mut behind = vec![u32::MAX; micros.len()];
    let mut first = u32::MAX;
    for (at, m) in micros.iter().enumerate().rev() {
        behind[at] = first;
        first = first.min(m.covers.0);
    }
    let mut done = 0;
    for (m, behind) in micros.iter_mut().zip(behind) {
        let from = m.covers.0;
        if (m.counts || m.op == MicroOp::Charge) && done <= from && from <= behind {
            m.resume = from;
        }
        done = done.max(m.covers.1);
    }
}

/// Whether an operation charges or leads back where compiled code cannot take
/// over.
pub fn is_closed(m: &Micro) -> bool {
    m.resume == u32::MAX && (m.op == MicroOp::Charge || m.counts && m.op != MicroOp::Br)
}

/// For the portable loop: every operand in a slot.
pub struct Portable;

impl Finish for Portable {
    fn block(&mut self, _: u32, micros: &mut Vec<Micro>, entry: Carried, literals: &mut Literals) -> Carried {
        place_literals(micros, literals, |m| {
            m.op == MicroOp::Copy || m.src.iter().all(|s| !matches!(s, Src::Imm(_)))
        });
        mark_resumes(micros);
        entry
    }

    fn rotate(&self) -> bool {
        false
    }
}
