//! Carrying, or caching in accumulators: a result that is left in a machine
//! register is read from there, not from its slot.
//!
//! Invariant: an operand is read from a register only where that holds the
//! slot's value on every way.

use super::available;
use super::unroll::unroll;
use crate::load::finish::{Carried, mark_resumes};
use crate::machine::micro::{BinaryOp, Class, CompareOp, Micro, MicroOp, Src};
use nbc_ir::Elem;

/// Passes results on in machine registers, and finds the places where compiled
/// code can take over.
pub(super) fn carry(
    block: u32,
    micros: &mut Vec<Micro>,
    entry: Carried,
    has: &impl Fn(&Micro) -> bool,
) -> Carried {
    if micros.iter().any(|m| m.target == block) {
        let exit = carry_around(block, micros, has);
        mark_resumes(micros);
        unroll(block, micros, has);
        exit
    } else {
        mark_resumes(micros);
        carry_results(micros, entry, has)
    }
}

/// Reads from the carried registers what results left there, those of `entry`
/// to begin with. Returns what they hold at the end.
fn carry_results(micros: &mut [Micro], entry: Carried, has: &impl Fn(&Micro) -> bool) -> Carried {
    let Carried { mut int, mut float } = entry;
    for m in micros {
        for k in 0..m.src.len() {
            let Src::Slot(n) = m.src[k] else { continue };
            let carried = match operand_class(m, k) {
                Class::Int => int == Some(n),
                Class::Float => float == Some(n),
                Class::None => false,
            };
            if carried {
                let mut with = *m;
                with.src[k] = Src::Acc(n);
                if available(&with, has) {
                    *m = with;
                }
            }
        }
        if m.op.calls() || m.op.has_site() {
            (int, float) = (None, None);
        }
        // These move bits through the integer register whatever their type.
        if matches!(m.op, MicroOp::Copy | MicroOp::Select) && m.class == Class::None {
            int = None;
        }
        // The counter is stepped, and carried, after all else.
        let counter = counter_slot(m);
        if m.writes {
            // A slot behind the frame may hold either class in turn.
            int = int.filter(|n| *n != m.dst);
            float = float.filter(|n| *n != m.dst);
            match m.class {
                Class::Int if carries(m.op) => int = Some(m.dst),
                Class::Float if carries(m.op) => float = Some(m.dst),
                _ => {}
            }
        }
        if counter.is_some() {
            int = counter;
        }
    }
    Carried { int, float }
}

/// The slot that the end of a loop steps besides writing its result.
fn counter_slot(m: &Micro) -> Option<u16> {
    let k = match m.op {
        MicroOp::BinaryStep { .. } | MicroOp::Store2Step { .. } => 2,
        MicroOp::StoreStep { .. } => 1,
        _ => return None,
    };
    match m.src[k] {
        Src::Slot(n) | Src::Acc(n) => Some(n),
        _ => None,
    }
}

/// For a block that branches to itself: what it leaves in the registers is
/// there at its start, all iterations but the first. A few operations on the way
/// in make it true of that one too.
fn carry_around(block: u32, micros: &mut Vec<Micro>, has: &impl Fn(&Micro) -> bool) -> Carried {
    let plain = micros.clone();
    let exit = carry_results(micros, Carried::default(), has);
    let gains = |entry: Carried| {
        let mut tried = plain.clone();
        carry_results(&mut tried, entry, has);
        tried.iter().zip(micros.iter()).any(|(a, b)| a.src != b.src)
    };
    let entry = Carried {
        int: exit.int.filter(|n| gains(Carried { int: Some(*n), float: None })),
        float: exit.float.filter(|n| gains(Carried { int: None, float: Some(*n) })),
    };
    *micros = plain;
    carry_results(micros, entry, has);
    let mut way_in = Vec::new();
    for (slot, class) in [(entry.int, Class::Int), (entry.float, Class::Float)] {
        if let Some(n) = slot {
            let mut m = Micro::new(MicroOp::Copy, micros[0].origin);
            m.src[0] = Src::Slot(n);
            m.dst = n;
            m.writes = true;
            m.class = class;
            way_in.push(m.unseen());
        }
    }
    for m in micros.iter_mut().filter(|m| m.target == block) {
        m.skip = way_in.len() as u32;
    }
    micros.splice(0..0, way_in);
    exit
}

/// Whether the handler passes its result on; the shared ones do not.
fn carries(op: MicroOp) -> bool {
    !matches!(op, MicroOp::Shared(_))
}

/// The machine register in which operand `k` could come, by what the operation reads.
fn operand_class(m: &Micro, k: usize) -> Class {
    match m.op {
        MicroOp::Binary(op) => binary_class(op),
        MicroOp::Pair { first, .. } => binary_class(first),
        MicroOp::BinaryBranch { first, .. } if k < 2 => binary_class(first),
        MicroOp::BinaryStep { op, .. } => match k {
            0 | 1 => binary_class(op),
            2 => Class::Int,
            _ => Class::None,
        },
        MicroOp::StoreStep { elem, .. } => match k {
            1 => Class::Int,
            2 => elem_class(elem),
            _ => Class::None,
        },
        MicroOp::Store2Step { elem, .. } => match k {
            2 => Class::Int,
            4 => elem_class(elem),
            _ => Class::None,
        },
        MicroOp::RetBinary(op) => binary_class(op),
        MicroOp::AddAndBranch(_) if k != 1 && k != 3 => Class::Int,
        MicroOp::TestBits { .. } | MicroOp::SelectBits if k == 0 => Class::Int,
        MicroOp::CallAdd if k == 0 => Class::Int,
        MicroOp::Compare(op) | MicroOp::BrCompare { op, .. } => compare_class(op),
        MicroOp::Division(_) => Class::Int,
        MicroOp::Unary(op) => unary_class(op),
        MicroOp::Truncation(op) => truncation_class(op),
        MicroOp::Copy | MicroOp::Ret => m.class,
        MicroOp::Select if k == 0 => Class::Int,
        MicroOp::BrIf { .. } | MicroOp::Switch | MicroOp::CallRef => Class::Int,
        MicroOp::Load(_) if k == 1 => Class::Int,
        MicroOp::Load2(_) if k == 2 => Class::Int,
        MicroOp::LoadBinary { op, .. } => match k {
            1 => Class::Int,
            3 => binary_class(op),
            _ => Class::None,
        },
        MicroOp::Load2Binary { op, .. } => match k {
            2 => Class::Int,
            3 => binary_class(op),
            _ => Class::None,
        },
        MicroOp::Store(elem) => match k {
            1 => Class::Int,
            2 => elem_class(elem),
            _ => Class::None,
        },
        MicroOp::Store2(elem) => match k {
            2 => Class::Int,
            3 => elem_class(elem),
            _ => Class::None,
        },
        _ => Class::None,
    }
}

fn elem_class(elem: Elem) -> Class {
    match elem {
        Elem::F64 => Class::Float,
        Elem::F32 => Class::None,
        _ => Class::Int,
    }
}

macro_rules! in_class {
    (f64) => {
        Class::Float
    };
    (f32) => {
        Class::None
    };
    ($int:ident) => {
        Class::Int
    };
}

macro_rules! binary_class {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident, $y:ident| $v:expr;)*) => {
        fn binary_class(op: BinaryOp) -> Class { match op { $(BinaryOp::$name => in_class!($in),)* } }
    };
}

macro_rules! compare_class {
    ($($method:ident $name:ident $in:ident |$x:ident, $y:ident| $v:expr;)*) => {
        fn compare_class(op: CompareOp) -> Class { match op { $(CompareOp::$name => in_class!($in),)* } }
    };
}

macro_rules! unary_class {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident| $v:expr;)*) => {
        fn unary_class(op: crate::machine::micro::UnaryOp) -> Class {
            match op { $(crate::machine::micro::UnaryOp::$name => in_class!($in),)* }
        }
    };
}

macro_rules! truncation_class {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident| $v:expr;)*) => {
        fn truncation_class(op: crate::machine::micro::TruncationOp) -> Class {
            match op { $(crate::machine::micro::TruncationOp::$name => in_class!($in),)* }
        }
    };
}

crate::arith::for_each_binary!(binary_class);
crate::arith::for_each_compare!(compare_class);
crate::arith::for_each_unary!(unary_class);
crate::arith::for_each_truncation!(truncation_class);
