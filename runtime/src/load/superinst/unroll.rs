//! Loop unrolling, of short loops of one block: fewer branches are taken.
//!
//! Invariant: each copy keeps its test, so any number of iterations will do.

use super::available;
use crate::machine::micro::{Micro, MicroOp};

/// Repeats a short block that branches to itself, so that most iterations go
/// straight on: a branch that is taken costs the time of finding out where to.
pub(super) fn unroll(block: u32, micros: &mut Vec<Micro>, has: &impl Fn(&Micro) -> bool) {
    /// Most operations in all iterations together.
    const ROOM: usize = 8;
    /// Most iterations.
    const TURNS: usize = 4;
    let Some(at) = micros.iter().position(|m| m.target == block) else { return };
    let (branch, after) = (micros[at], &micros[at + 1..]);
    let way_in = branch.skip as usize;
    let turns = (ROOM / (at + 1 - way_in)).min(TURNS);
    let [out] = after else { return };
    if turns < 2 || !branch.counts || out.op != MicroOp::Br || out.counts || out.target == block {
        return;
    }
    let Some(mut leave) = inverted(&branch) else { return };
    (leave.target, leave.skip, leave.counts, leave.resume) = (out.target, 0, false, u32::MAX);
    if !available(&leave, has) {
        return;
    }
    let turn: Vec<Micro> = micros[way_in..at].iter().copied().chain([leave]).collect();
    for _ in 1..turns {
        micros.splice(way_in..way_in, turn.iter().copied());
    }
}

/// The branch that is taken when `m` is not.
fn inverted(m: &Micro) -> Option<Micro> {
    let mut out = *m;
    match &mut out.op {
        MicroOp::BrIf { negate } => *negate = !*negate,
        MicroOp::BrCompare { op: compare, negate } | MicroOp::BinaryBranch { compare, negate, .. } => {
            match compare.inverted() {
                Some(other) => *compare = other,
                None => *negate = !*negate,
            }
        }
        MicroOp::AddAndBranch(compare) => *compare = compare.inverted()?,
        MicroOp::BinaryStep { compare, .. }
        | MicroOp::StoreStep { compare, .. }
        | MicroOp::Store2Step { compare, .. } => *compare = compare.inverted()?,
        _ => return None,
    }
    Some(out)
}
