//! A tier without a compiler, for tests of the seam with any program: what is
//! hot is handed over to the portable loop.
//!
//! It uses all that a compiler does: a table that changes while calls run,
//! loops taken over in the middle, traps through both kinds of code. It has
//! frames of its own, so whatever is not where the seam says shows.

use crate::interp::match_loop;
use crate::load::finish::Portable;
use crate::load::load;
use crate::load::translate::{Translated, translate};
use crate::machine::context::{Context, PENDING};
use crate::machine::dispatch::Dispatch;
use crate::machine::loaded::Loaded;
use crate::machine::micro::{MicroOp, Src};
use crate::machine::published::NativeCode;
use crate::machine::tier::{HotPlace, MustStop, Tier};
use crate::trap::TrapCode;
use nbc_ir::FuncId;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The tier.
#[derive(Default)]
pub struct InterpreterTier {
    first: bool,
    /// What each module is handed over to.
    portable: Mutex<Vec<(Weak<Loaded>, Arc<Loaded>)>>,
}

/// A unit of code that is run in place of compiled code.
struct Unit {
    portable: Arc<Loaded>,
    func: FuncId,
    /// Operation to begin at.
    position: usize,
    /// Slots to take over.
    slots: usize,
    /// Slots and values of literals, when the function has begun already.
    literals: Vec<(u16, u64)>,
    results: usize,
}

impl InterpreterTier {
    /// A tier that hands over what is hot, or every function when it is first called.
    pub fn new(first: bool) -> InterpreterTier {
        InterpreterTier { first, ..InterpreterTier::default() }
    }

    /// What `code` is handed over to; nothing if that is what it is.
    fn portable(&self, code: &Arc<Loaded>) -> Option<Arc<Loaded>> {
        let mut all = self.portable.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(from, _)| from.strong_count() > 0);
        if all.iter().any(|(_, to)| Arc::ptr_eq(to, code)) {
            return None;
        }
        if let Some((_, to)) = all.iter().find(|(from, _)| from.as_ptr() == Arc::as_ptr(code)) {
            return Some(to.clone());
        }
        let to = load(code.module.clone(), code.plan.clone(), Dispatch::Match, code.metered);
        let to = Arc::new(to.expanded_from(code.expanded.clone()));
        all.push((Arc::downgrade(code), to.clone()));
        Some(to)
    }

    fn publish(&self, code: &Arc<Loaded>, func: FuncId, resume: Option<(u32, u32)>) {
        let Some(portable) = self.portable(code) else { return };
        let (params, results) = code.arity(func);
        let mut unit = Unit { portable, func, position: 0, slots: params, literals: Vec::new(), results };
        if let Some((block, inst)) = resume {
            let t = translate(&code.module, &code.plan, func, code.metered, &mut Portable);
            let Some(position) = position(&t, block, inst) else { return };
            unit.position = position;
            unit.slots = code.module.function(func).map_or(0, |f| f.regs.len());
            unit.literals = literals(&t);
        }
        let unit = Arc::new(unit);
        let native = NativeCode { enter, native: Arc::as_ptr(&unit).cast(), unit };
        // SAFETY: `enter` runs the same function of the same module.
        unsafe {
            match resume {
                Some((block, inst)) => code.publish_resume(func, block, inst, native),
                None => code.publish(func, native),
            }
        }
    }
}

impl Tier for InterpreterTier {
    fn threshold(&self) -> u64 {
        1
    }

    fn hot(&self, code: &Arc<Loaded>, place: HotPlace, _: MustStop<'_>) {
        self.publish(code, place.func, place.resume);
    }

    fn at_first_call(&self) -> bool {
        self.first
    }

    fn first_call(&self, code: &Arc<Loaded>, func: FuncId, _: MustStop<'_>) {
        self.publish(code, func, None);
    }
}

/// The first operation of an instruction.
fn position(t: &Translated, block: u32, inst: u32) -> Option<usize> {
    let start = t.starts[block as usize] as usize;
    if inst == 0 {
        // The block may have no operation of its own.
        return Some(start);
    }
    let here = |at: &usize| t.origins[t.micros[*at].origin as usize] == (block, inst);
    (start..t.micros.len()).find(here)
}

/// What a function's first operations lay out.
fn literals(t: &Translated) -> Vec<(u16, u64)> {
    let prologue = &t.micros[..t.starts[0] as usize];
    let literal = |src| if let Src::Imm(bits) = src { bits } else { 0 };
    prologue.iter().filter(|m| m.op == MicroOp::Copy).map(|m| (m.dst, literal(m.src[0]))).collect()
}

unsafe extern "C" fn enter(ctx: *mut Context, regs: *mut u64, native: *const u8) -> u64 {
    // SAFETY: the unit outlives the code; the other loading of the module
    // takes over all of the context, and gives it back. The frame has room.
    unsafe {
        let unit = &*native.cast::<Unit>();
        let ctx = &mut *ctx;
        let entry = &unit.portable.entries[unit.func.index()];
        if !ctx.has_room(entry) {
            return if ctx.fail(TrapCode::StackOverflow.into()) { 0 } else { PENDING };
        }
        let frame = ctx.top;
        std::ptr::copy_nonoverlapping(regs, frame, unit.slots);
        for (slot, bits) in &unit.literals {
            *frame.add(*slot as usize) = *bits;
        }
        let own = std::mem::replace(&mut ctx.code, unit.portable.clone());
        let own_exit = std::mem::replace(&mut ctx.exit, unit.portable.exit_address());
        ctx.funcs = unit.portable.entries.as_ptr();
        *frame.sub(1) = ctx.exit;
        let status = match_loop::run(entry.code().add(unit.position), frame, ctx);
        let trap = (status != 0).then(|| ctx.trapped(status));
        ctx.funcs = own.entries.as_ptr();
        (ctx.code, ctx.exit, ctx.top) = (own, own_exit, frame);
        match trap {
            Some(trap) => {
                ctx.fail(trap);
                PENDING
            }
            None => {
                std::ptr::copy_nonoverlapping(frame, regs, unit.results);
                0
            }
        }
    }
}
