//! Encoding: micro-operations become internal code, with a place for each
//! operand and literal.

use super::translate::Translated;
use crate::interp::match_loop::COUNTS;
use crate::machine::instr::{Instr, LINK_SLOTS, OUT_BASE, Run, SCRATCH_BASE};
use crate::machine::micro::{Micro, MicroOp, Src};
use crate::machine::site::Site;

/// Iterations a translated function into code.
pub fn encode(t: &Translated, select: impl Fn(&Micro) -> Run) -> Box<[Instr]> {
    let frame = t.frame;
    let out = frame as u16 + LINK_SLOTS as u16;
    let slot = |s: u16| match s {
        SCRATCH_BASE.. => out + t.outs as u16 + (s - SCRATCH_BASE),
        OUT_BASE.. => out + (s - OUT_BASE),
        _ => s,
    };
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
                imm2 = COUNTS;
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
