//! The portable dispatcher: a loop around a `match`.
//!
//! It runs operations one by one as the translator made them, with every
//! operand in a slot and nothing merged. So it is also the oracle that direct
//! threading is tested against. It needs no help from the optimiser and uses
//! the same native stack in every build.

use super::element::{self, Element};
use super::enter;
use super::shared::{self, Execute};
use crate::arith::{self, Binary, Division, Scalar, Truncation, Unary};
use crate::interp::enter::INTERPRET;
use crate::machine::context::{Context, PENDING};
use crate::machine::instr::Instr;
use crate::machine::micro::{BinaryOp, CompareOp, DivisionOp, MicroOp, SharedOp, TruncationOp, UnaryOp};
use crate::object::Tensor;
use crate::trap::TrapCode;
use nbc_ir::Elem;

/// Runs from `ip` until the outermost call returns (0) or traps (its code plus
/// 1, or [`PENDING`]).
///
/// # Safety
/// `ip` is the entry of a function loaded for this dispatcher, whose frame at
/// `regs` was entered from the exit code; all belong to `ctx`.
pub unsafe fn run(mut ip: *const Instr, mut regs: *mut u64, ctx: *mut Context) -> u64 {
    // SAFETY: verified code keeps slots, targets and objects in bounds; see
    // `threaded` for the whole argument, which is the same here.
    unsafe {
        let mut budget = (*ctx).budget;
        /// Stops with a trap at the present operation.
        macro_rules! trap {
            ($code:ident) => {{
                (*ctx).stop(ip, regs, budget);
                return TrapCode::$code as u64 + 1;
            }};
        }
        /// Goes on if the slow path left no trap.
        macro_rules! check {
            ($ok:expr) => {
                if !$ok {
                    (*ctx).stop(ip, regs, budget);
                    return PENDING;
                }
            };
        }
        /// Counts down the budget at a back-edge or a call.
        macro_rules! count {
            ($cost:expr) => {
                let left = budget - $cost;
                if left < 0 {
                    budget = (*ctx).poll_slice(ip, regs);
                    if budget < 0 {
                        budget = 0;
                        check!(false);
                    }
                    ip = (*ctx).next;
                    continue;
                }
                budget = left;
            };
        }
        loop {
            let i = &*ip;
            let get = |n: u16| *regs.add(n as usize);
            let jump = ip.byte_offset(i.jump as isize);
            // What a branch back costs: the literal is free in plain branches.
            let back = (i.imm2 == COUNTS) as i64;
            match i.run.code {
                MicroOp::Binary(op) => *regs.add(i.a as usize) = binary(op, get(i.b), get(i.c)),
                MicroOp::Compare(op) => *regs.add(i.a as usize) = compare(op, get(i.b), get(i.c)) as u64,
                MicroOp::Division(op) => match division(op, get(i.b), get(i.c)) {
                    Some(v) => *regs.add(i.a as usize) = v,
                    None => trap!(DivideByZero),
                },
                MicroOp::Unary(op) => *regs.add(i.a as usize) = unary(op, get(i.b)),
                MicroOp::Truncation(op) => match truncation(op, get(i.b)) {
                    Some(v) => *regs.add(i.a as usize) = v,
                    None => trap!(ConversionOutOfRange),
                },
                MicroOp::Fma { wide: true } => {
                    let v =
                        f64::from_slot(get(i.b)).mul_add(f64::from_slot(get(i.c)), f64::from_slot(get(i.d)));
                    *regs.add(i.a as usize) = v.to_slot();
                }
                MicroOp::Fma { wide: false } => {
                    let v =
                        f32::from_slot(get(i.b)).mul_add(f32::from_slot(get(i.c)), f32::from_slot(get(i.d)));
                    *regs.add(i.a as usize) = v.to_slot();
                }
                // Slot 0 of a frame is a register, so a literal copy is told
                // apart by its own operation.
                MicroOp::Copy => *regs.add(i.a as usize) = get(i.b),
                MicroOp::Literal => *regs.add(i.a as usize) = i.imm,
                MicroOp::Select => *regs.add(i.a as usize) = if get(i.b) != 0 { get(i.c) } else { get(i.d) },
                MicroOp::Load(elem) => check!(load(elem, i, regs, ctx)),
                MicroOp::Load2(elem) => check!(load2(elem, i, regs, ctx)),
                MicroOp::Store(elem) => check!(store(elem, i, regs, ctx)),
                MicroOp::Store2(elem) => check!(store2(elem, i, regs, ctx)),
                MicroOp::Br => {
                    count!(back);
                    ip = jump;
                    continue;
                }
                MicroOp::BrIf { negate } => {
                    count!(back);
                    if (get(i.b) != 0) != negate {
                        ip = jump;
                        continue;
                    }
                }
                MicroOp::Switch => {
                    ip = ip.add(1 + get(i.b).min(i.imm) as usize);
                    continue;
                }
                MicroOp::Call | MicroOp::CallRef => {
                    count!((*ctx).call_cost);
                    let func = if matches!(i.run.code, MicroOp::Call) { i.imm } else { get(i.b) };
                    let entry = &*(*ctx).funcs.add(func as usize);
                    let frame = regs.add(i.imm2 as u32 as usize);
                    if frame.wrapping_add(entry.extent as usize) > (*ctx).stack_end {
                        if !(*ctx).more_stack() {
                            trap!(StackOverflow);
                        }
                        // Tries again, unless the stack ends here.
                        budget += (*ctx).call_cost;
                        continue;
                    }
                    *frame.sub(1) = ip.add(1).expose_provenance() as u64;
                    (ip, regs) = (entry.code(), frame);
                    continue;
                }
                MicroOp::FirstCall => {
                    ip = enter::first_call(i.imm, ctx);
                    continue;
                }
                MicroOp::Ret | MicroOp::RetMany | MicroOp::RetRegion | MicroOp::EnterNative => {
                    let mut single = None;
                    match i.run.code {
                        MicroOp::EnterNative => {
                            (*ctx).budget = budget;
                            let status = enter::run_native(ip, regs, ctx);
                            budget = (*ctx).budget;
                            if status == INTERPRET {
                                ip = enter::interpreted(ip);
                                continue;
                            }
                            check!(status == 0);
                            single = (i.a == 1).then(|| get(0));
                        }
                        MicroOp::Ret => single = (i.a == 1).then(|| get(i.b)),
                        MicroOp::RetMany => shared::return_values(i, regs),
                        _ => {
                            (*ctx).budget = budget;
                            let ok = shared::return_from_region(i, regs, ctx);
                            budget = (*ctx).budget;
                            check!(ok);
                            single = (i.a == 1).then(|| get(0));
                        }
                    }
                    let back: *const Instr = std::ptr::with_exposed_provenance(*regs.sub(1) as usize);
                    let call = &*back.sub(1);
                    regs = regs.sub(call.imm2 as u32 as usize);
                    if let Some(v) = single {
                        *regs.add(call.a as usize) = v;
                    }
                    ip = back;
                    continue;
                }
                MicroOp::EnterRegion => check!(shared::enter_region(ctx)),
                MicroOp::Trap => trap!(Unreachable),
                MicroOp::Charge => {
                    let left = budget - i.imm as i64;
                    if left < 0 {
                        budget = (*ctx).charge_slice(ip, regs, budget, i.imm);
                        if budget < 0 {
                            budget = (*ctx).budget;
                            check!(false);
                        }
                        ip = (*ctx).next;
                        continue;
                    }
                    budget = left;
                }
                MicroOp::Shared(op) => {
                    (*ctx).budget = budget;
                    if matches!(op, SharedOp::CallOp | SharedOp::CallHost) {
                        (*ctx).top = regs.add(i.imm2 as u32 as usize);
                    }
                    let ok = run_plain(op, i, regs, ctx);
                    budget = (*ctx).budget;
                    check!(ok);
                }
                MicroOp::Exit => {
                    (*ctx).stop(ip, regs, budget);
                    return 0;
                }
                MicroOp::BinaryBranch { .. }
                | MicroOp::BinaryStep { .. }
                | MicroOp::AddAndBranch(_)
                | MicroOp::TestBits { .. }
                | MicroOp::SelectBits
                | MicroOp::StoreStep { .. }
                | MicroOp::Store2Step { .. }
                | MicroOp::CallAdd
                | MicroOp::RetBinary(_)
                | MicroOp::BrCompare { .. }
                | MicroOp::Pair { .. }
                | MicroOp::LoadBinary { .. }
                | MicroOp::Load2Binary { .. } => unreachable!("nothing is merged for the portable loop"),
            }
            ip = ip.add(1);
        }
    }
}

/// Second literal of a branch that counts down the budget.
pub const COUNTS: i32 = 1;

macro_rules! eval_binary {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident, $y:ident| $v:expr;)*) => {
        fn binary(op: BinaryOp, a: u64, b: u64) -> u64 {
            match op {
                $(BinaryOp::$name => arith::$name::eval(Scalar::from_slot(a), Scalar::from_slot(b)).to_slot(),)*
            }
        }
    };
}
macro_rules! eval_compare {
    ($($method:ident $name:ident $in:ident |$x:ident, $y:ident| $v:expr;)*) => {
        fn compare(op: CompareOp, a: u64, b: u64) -> bool {
            match op { $(CompareOp::$name => arith::$name::eval(Scalar::from_slot(a), Scalar::from_slot(b)),)* }
        }
    };
}
macro_rules! eval_division {
    ($($method:ident $name:ident $in:ident |$x:ident, $y:ident| $v:expr;)*) => {
        fn division(op: DivisionOp, a: u64, b: u64) -> Option<u64> {
            match op {
                $(DivisionOp::$name => {
                    let b = Scalar::from_slot(b);
                    (!arith::$name::is_zero(b)).then(|| arith::$name::eval(Scalar::from_slot(a), b).to_slot())
                })*
            }
        }
    };
}
macro_rules! eval_unary {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident| $v:expr;)*) => {
        fn unary(op: UnaryOp, a: u64) -> u64 {
            match op { $(UnaryOp::$name => arith::$name::eval(Scalar::from_slot(a)).to_slot(),)* }
        }
    };
}
macro_rules! eval_truncation {
    ($($method:ident $name:ident $in:ident $out:ident |$x:ident| $v:expr;)*) => {
        fn truncation(op: TruncationOp, a: u64) -> Option<u64> {
            match op {
                $(TruncationOp::$name => arith::$name::eval(Scalar::from_slot(a)).map(Scalar::to_slot),)*
            }
        }
    };
}
arith::for_each_binary!(eval_binary);
arith::for_each_compare!(eval_compare);
arith::for_each_division!(eval_division);
arith::for_each_unary!(eval_unary);
arith::for_each_truncation!(eval_truncation);

/// `$body` with `$E` an alias of the element type.
macro_rules! with_element {
    ($elem:expr, $E:ident => $body:expr) => {
        match $elem {
            Elem::U8 => {
                type $E = element::U8;
                $body
            }
            Elem::I32 => {
                type $E = element::I32;
                $body
            }
            Elem::I64 => {
                type $E = element::I64;
                $body
            }
            Elem::F32 | Elem::C64 => {
                type $E = element::F32;
                $body
            }
            Elem::F64 | Elem::C128 => {
                type $E = element::F64;
                $body
            }
            Elem::Bool => {
                type $E = element::Bool;
                $body
            }
        }
    };
}

unsafe fn tensor(regs: *mut u64, slot: u16) -> *const Tensor {
    // SAFETY: slots lie in the frame.
    std::ptr::with_exposed_provenance(unsafe { *regs.add(slot as usize) } as usize)
}

unsafe fn load(elem: Elem, i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see `run`.
    unsafe {
        let t = tensor(regs, i.b);
        let index = *regs.add(i.c as usize) as i64;
        let Some(at) = element::at1(t, index) else {
            (*ctx).refuse_access(i, regs, 1, false, index);
            return false;
        };
        *regs.add(i.a as usize) = with_element!(elem, E => E::read((*t).data, at).to_slot());
        true
    }
}

unsafe fn load2(elem: Elem, i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see `run`.
    unsafe {
        let t = tensor(regs, i.b);
        let index = *regs.add(i.d as usize) as i64;
        let Some(at) = element::at2(t, *regs.add(i.c as usize) as i64, index) else {
            (*ctx).refuse_access(i, regs, 2, false, index);
            return false;
        };
        *regs.add(i.a as usize) = with_element!(elem, E => E::read((*t).data, at).to_slot());
        true
    }
}

unsafe fn store(elem: Elem, i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see `run`.
    unsafe {
        let t = tensor(regs, i.b);
        let index = *regs.add(i.c as usize) as i64;
        let Some(at) = element::at1_mut(t, index) else {
            (*ctx).refuse_access(i, regs, 1, true, index);
            return false;
        };
        let v = *regs.add(i.d as usize);
        with_element!(elem, E => E::write((*t).data, at, Scalar::from_slot(v)));
        true
    }
}

unsafe fn store2(elem: Elem, i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see `run`.
    unsafe {
        let t = tensor(regs, i.b);
        let index = *regs.add(i.d as usize) as i64;
        let Some(at) = element::at2_mut(t, *regs.add(i.c as usize) as i64, index) else {
            (*ctx).refuse_access(i, regs, 2, true, index);
            return false;
        };
        let v = *regs.add(i.e());
        with_element!(elem, E => E::write((*t).data, at, Scalar::from_slot(v)));
        true
    }
}

unsafe fn run_plain(op: SharedOp, i: &Instr, regs: *mut u64, ctx: *mut Context) -> bool {
    // SAFETY: see `run`.
    unsafe {
        match op {
            SharedOp::GlobalGet => shared::GlobalGet::run(i, regs, ctx),
            SharedOp::GlobalSet => shared::GlobalSet::run(i, regs, ctx),
            SharedOp::GlobalSetObject => shared::GlobalSetObject::run(i, regs, ctx),
            SharedOp::ConstGet => shared::ConstGet::run(i, regs, ctx),
            SharedOp::RegionBegin => shared::RegionBegin::run(i, regs, ctx),
            SharedOp::RegionEnd => shared::RegionEnd::run(i, regs, ctx),
            SharedOp::RegionRenew => shared::RegionRenew::run(i, regs, ctx),
            SharedOp::TensorLen => shared::TensorLen::run(i, regs, ctx),
            SharedOp::TensorRank => shared::TensorRank::run(i, regs, ctx),
            SharedOp::TensorDim => shared::TensorDim::run(i, regs, ctx),
            SharedOp::TensorToHost => shared::TensorToHost::run(i, regs, ctx),
            SharedOp::Load3(elem) => with_element!(elem, E => shared::Load3::<E>::run(i, regs, ctx)),
            SharedOp::Store3(elem) => with_element!(elem, E => shared::Store3::<E>::run(i, regs, ctx)),
            SharedOp::LoadPart(elem) => with_element!(elem, E => shared::LoadPart::<E>::run(i, regs, ctx)),
            SharedOp::StorePart(elem) => with_element!(elem, E => shared::StorePart::<E>::run(i, regs, ctx)),
            SharedOp::ListNew => shared::ListNew::run(i, regs, ctx),
            SharedOp::ListLen => shared::ListLen::run(i, regs, ctx),
            SharedOp::ListGet => shared::ListGet::run(i, regs, ctx),
            SharedOp::ListSet => shared::ListSet::run(i, regs, ctx),
            SharedOp::ListSetObject => shared::ListSetObject::run(i, regs, ctx),
            SharedOp::CallOp => shared::CallOp::run(i, regs, ctx),
            SharedOp::CallHost => shared::CallHost::run(i, regs, ctx),
        }
    }
}
