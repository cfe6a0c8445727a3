//! Superinstructions: merges neighbouring micro-operations of a block, and
//! lets each read the result that the one before it left in a machine
//! register.
//!
//! Every merger keeps results, traps and their order exactly: a value that
//! disappears is one that nothing else reads, and no two operations that may
//! trap become one.

mod carry;
mod merge;
mod operands;
mod unroll;

use super::finish::{Carried, Finish, is_closed, mark_resumes};
use super::literals::{Literals, place_literals};
use crate::machine::micro::{Micro, Src};
use carry::carry;
use merge::{merge_neighbours, sink_to_users};
use operands::{canonical_operands, coalesce_copies, fold_indices};
use rustc_hash::FxHashMap;

/// For direct threading: merges, then carries results in machine registers.
pub struct Superinstructions<F>(pub F);

impl<F: Fn(&Micro) -> bool> Finish for Superinstructions<F> {
    fn block(
        &mut self,
        block: u32,
        micros: &mut Vec<Micro>,
        entry: Carried,
        literals: &mut Literals,
    ) -> Carried {
        let has = &self.0;
        canonical_operands(micros);
        coalesce_copies(micros);
        fold_indices(micros);
        merge_neighbours(micros, has);
        let in_order = micros.clone();
        sink_to_users(micros, has);
        merge_neighbours(micros, has);
        let mut exit = carry(block, micros, entry, has);
        // What has moved past others can have no place to take over before
        // it. A loop that compiled code cannot enter is slower than any other.
        if micros.iter().any(is_closed) {
            micros.clone_from(&in_order);
            exit = carry(block, micros, entry, has);
        }
        if !place_literals(micros, literals, has) {
            // Nothing can be passed on then.
            *micros = in_order;
            mark_resumes(micros);
            place_literals(micros, literals, has);
            exit = Carried::default();
        }
        exit
    }

    fn rotate(&self) -> bool {
        true
    }
}

/// Where each slot was last written, while scanning a block.
#[derive(Default)]
struct Defs {
    at: FxHashMap<u16, usize>,
}

impl Defs {
    fn record(&mut self, m: &Micro, at: usize) {
        if m.op.has_site() || m.op.calls() {
            // Results of sites are not tracked one by one.
            self.at.clear();
        }
        if m.writes {
            self.at.insert(m.dst, at);
        }
    }

    fn of(&self, s: Src) -> Option<usize> {
        match s {
            Src::Slot(n) => self.at.get(&n).copied(),
            _ => None,
        }
    }
}

fn reads(m: &Micro, slot: u16) -> bool {
    m.src.contains(&Src::Slot(slot))
}

fn is_dead_after(m: &Micro) -> bool {
    m.writes && m.uses == 1
}

/// How far back a rewrite looks for a definition: keeps every pass linear.
const WINDOW: usize = 24;

fn drop_marked(micros: &mut Vec<Micro>, gone: &[bool]) {
    let mut at = 0;
    micros.retain(|_| {
        at += 1;
        !gone[at - 1]
    });
}

/// Whether there is a handler, be it with literals in slots.
fn available(m: &Micro, has: &impl Fn(&Micro) -> bool) -> bool {
    has(m) || {
        let mut slots = *m;
        for s in &mut slots.src {
            if matches!(s, Src::Imm(_)) {
                *s = Src::Slot(0);
            }
        }
        has(&slots)
    }
}
