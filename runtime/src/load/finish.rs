//! What each dispatcher wants done with a block's micro-operations.

use super::literals::{Literals, place_literals};
use crate::interp::micro::{Micro, MicroOp, Src};
use nbc_ir::op::Effect;
use nbc_ir::{Function, Inst};

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
        sources: &Sources<'_>,
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

/// The instructions that micro-operations are made of.
pub struct Sources<'a> {
    /// Their function.
    pub func: &'a Function,
    /// Block and instruction of each origin, in the order in which they run.
    pub origins: &'a [(u32, u32)],
}

impl Sources<'_> {
    fn inst(&self, origin: u32) -> Option<&Inst> {
        let (block, inst) = *self.origins.get(origin as usize)?;
        self.func.blocks.get(block as usize)?.insts.get(inst as usize)
    }

    /// Whether it comes to the same to run all instructions from origin `from`
    /// on after some of them, those of `done`, have run: they do nothing but
    /// set registers that nothing reads before they set them again.
    fn may_repeat(&self, from: u32, done: &[(u32, u32)]) -> bool {
        done.iter().flat_map(|(first, end)| *first..*end).all(|origin| {
            let Some(inst) = self.inst(origin) else { return false };
            let mut repeats = matches!(inst.opcode().effect(), Effect::Pure | Effect::Traps | Effect::Loads);
            inst.for_each_def(|set| {
                for before in (from..=origin).filter_map(|o| self.inst(o)) {
                    before.for_each_use(|read| repeats &= read != set);
                }
            });
            repeats
        })
    }
}

/// Finds out where compiled code could take over in a finished block: before
/// an operation that covers all from its first instruction on, none of which
/// has been done before it, or may be done again. Everything read from there
/// on is then in the slot where the bytecode has it, as a value that
/// disappeared is covered by the operations from the one that made it to the
/// one that used it up.
pub fn mark_resumes(micros: &mut [Micro], sources: &Sources<'_>) {
    let mut behind = vec![u32::MAX; micros.len()];
    let mut first = u32::MAX;
    for (at, m) in micros.iter().enumerate().rev() {
        behind[at] = first;
        first = first.min(m.covers.0);
    }
    for at in 0..micros.len() {
        let m = &micros[at];
        let from = m.covers.0;
        if !(m.counts || m.op == MicroOp::Charge) || from > behind[at] {
            continue;
        }
        // What moved down to this one has left behind what it moved past.
        let (mut done, mut charges) = (Vec::new(), false);
        for before in micros[..at].iter().filter(|before| before.covers.1 > from) {
            done.push(before.covers);
            charges |= before.op == MicroOp::Charge;
        }
        if !charges && done.iter().all(|covers| covers.0 >= from) && sources.may_repeat(from, &done) {
            micros[at].resume = from;
        }
    }
}

/// For the portable loop: every operand in a slot.
pub struct Portable;

impl Finish for Portable {
    fn block(
        &mut self,
        _: u32,
        micros: &mut Vec<Micro>,
        entry: Carried,
        literals: &mut Literals,
        sources: &Sources<'_>,
    ) -> Carried {
        place_literals(micros, literals, |m| {
            m.op == MicroOp::Copy || m.src.iter().all(|s| !matches!(s, Src::Imm(_)))
        });
        mark_resumes(micros, sources);
        entry
    }

    fn rotate(&self) -> bool {
        false
    }
}
