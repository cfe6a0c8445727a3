//! What happens when a slice of the budget is used up: time is credited to the
//! place that runs, clock and interrupt flag are looked at, and a loop that has
//! been compiled meanwhile is left to its compiled code.

use super::code::Instr;
use super::context::Context;
use crate::compiled::HotPlace;
use crate::op::OpHost;
use crate::trap::TrapCode;
use nbc_ir::flow::{Cfg, Dominators, Loops};
use nbc_ir::{BlockId, FuncId, Inst};
use std::sync::Arc;

/// Slices made small one after the other to meet a place with compiled code.
const SMALL_SLICES: u32 = 64;

impl Context {
    /// A new budget for code that is not metered, or -1 and a trap. The
    /// operation at `ip`, a back-edge or a call, has not run; what is to run
    /// now is left in `next`.
    ///
    /// # Safety
    /// `regs` is the frame of the function that `ip` belongs to.
    #[cold]
    #[inline(never)]
    pub unsafe fn poll_slice(&mut self, ip: *const Instr, regs: *mut u64) -> i64 {
        let at = self.code.position(ip);
        // SAFETY: as the caller promises.
        unsafe { self.credit(ip, regs, at) };
        if let Err(trap) = self.poll() {
            self.fail(trap);
            return -1;
        }
        self.next = at.and_then(|(func, position)| self.compiled_at(func, position)).unwrap_or(ip);
        self.slice
    }

    /// Takes `cost` off budget and reserve, and makes a new budget; or leaves
    /// both as they are and traps with -1. What is to run now is left in
    /// `next`: if that is not the next operation, nothing has been taken.
    ///
    /// # Safety
    /// As for [`Context::poll_slice`].
    #[cold]
    #[inline(never)]
    pub unsafe fn charge_slice(&mut self, ip: *const Instr, regs: *mut u64, budget: i64, cost: u64) -> i64 {
        let at = self.code.position(ip);
        if self.small_slices == 0 {
            // SAFETY: as the caller promises.
            unsafe { self.credit(ip, regs, at) };
        }
        let compiled = at.and_then(|(func, position)| self.compiled_at(func, position));
        let soon = compiled.is_none()
            && self.small_slices < SMALL_SLICES
            && at.is_some_and(|(func, position)| self.is_near(func, position));
        self.small_slices = if soon { self.small_slices + 1 } else { 0 };
        let slice = if soon { 0 } else { self.slice as u64 };
        self.next = compiled.unwrap_or(ip.wrapping_add(1));
        self.take(budget, if compiled.is_some() { 0 } else { cost }, slice)
    }

    /// Takes `cost` off the fuel, of which `budget` is not in the reserve, and
    /// makes a new budget of at most `slice`; or leaves both and traps with -1.
    pub(crate) fn take(&mut self, budget: i64, cost: u64, slice: u64) -> i64 {
        let fuel = budget.max(0) as u64 + self.reserve.unwrap_or(0);
        self.budget = 0;
        self.reserve = Some(fuel);
        let go_on = self.poll();
        let taken = go_on.and_then(|()| fuel.checked_sub(cost).ok_or_else(|| TrapCode::OutOfFuel.into()));
        match taken {
            Ok(left) => {
                let budget = left.min(slice);
                self.reserve = Some(left - budget);
                budget as i64
            }
            Err(trap) => {
                self.fail(trap);
                -1
            }
        }
    }

    /// What enters the compiled code that can take over from the operation at
    /// `position` of `func`, if there is any and the native stack has room.
    fn compiled_at(&mut self, func: FuncId, position: usize) -> Option<*const Instr> {
        if !self.code.published.has_resumes(func) {
            return None;
        }
        let (block, inst) = self.code.funcs[func.index()].resume(position)?;
        let stub = self.code.published.resume(func, block, inst)?;
        self.has_native_room().then_some(stub)
    }

    /// Whether a loop around the operation at `position` of `func` is compiled,
    /// to be entered elsewhere.
    fn is_near(&self, func: FuncId, position: usize) -> bool {
        let published = &self.code.published;
        published.has_resumes(func) && {
            let code = &self.code.funcs[func.index()];
            published.is_near(func, code.origins[code.origin[position] as usize].0)
        }
    }

    /// Counts a slice for the operation at `ip`, and tells the tier if that made it hot.
    unsafe fn credit(&mut self, ip: *const Instr, regs: *mut u64, at: Option<(FuncId, usize)>) {
        if let Some(count) = self.hotness.tick(ip, self.slice as u64)
            && let Some((func, position)) = at
        {
            // SAFETY: as the caller promises.
            let (func, resume) = unsafe { self.place(ip, regs, func, position) };
            self.tell(HotPlace { func, resume, count });
        }
    }

    /// Tells the tier of a hot place, once.
    pub(crate) fn tell(&mut self, place: HotPlace) {
        if self.code.is_own(place.func.0 as u64)
            && let Some(tier) = self.hotness.tell(&place)
        {
            let code = Arc::clone(&self.code);
            tier.hot(&code, place);
        }
    }

    /// What is hot when the operation at `ip` is: the function it calls, or a
    /// loop, with where to enter it.
    unsafe fn place(
        &self,
        ip: *const Instr,
        regs: *mut u64,
        func: FuncId,
        position: usize,
    ) -> (FuncId, Option<(u32, u32)>) {
        let code = &self.code.funcs[func.index()];
        let (block, inst) = code.origins[code.origin[position] as usize];
        let Some(function) = self.code.module.function(func) else { return (func, None) };
        if self.code.metered {
            // Any block charges: those outside of loops say that the function is called often,
            // those of a loop that it is to be entered where it begins, so that it is compiled once.
            let cfg = Cfg::new(function);
            let loops = Loops::new(&cfg, &Dominators::new(&cfg));
            let Some(header) = loops.innermost(BlockId(block)) else { return (func, None) };
            let begin = (header.0, 0);
            let resume = code.resumes.iter().any(|(_, to)| *to == begin).then_some(begin);
            return (func, resume.or_else(|| code.resume(position)));
        }
        match function.blocks[block as usize].insts.get(inst as usize) {
            Some(Inst::Call { callee, .. }) => (*callee, None),
            // SAFETY: the slot lies in the frame, and holds the function
            // whatever register carries it too.
            Some(Inst::CallRef { .. }) => (FuncId(unsafe { *regs.add((*ip).b as usize) } as u32), None),
            _ => (func, code.resume(position)),
        }
    }
}
