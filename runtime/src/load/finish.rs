//! What each dispatcher wants done with a block's micro-operations.

use super::literals::{Literals, place_literals};
use crate::interp::micro::{Micro, MicroOp, Src};

/// What is done with a block's micro-operations before the next is begun.
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

/// For the portable loop: every operand in a slot.
pub struct Portable;

impl Finish for Portable {
    fn block(&mut self, _: u32, micros: &mut Vec<Micro>, entry: Carried, literals: &mut Literals) -> Carried {
        place_literals(micros, literals, |m| {
            m.op == MicroOp::Copy || m.src.iter().all(|s| !matches!(s, Src::Imm(_)))
        });
        entry
    }

    fn rotate(&self) -> bool {
        false
    }
}
