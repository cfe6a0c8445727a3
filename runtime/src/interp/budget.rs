//! The end of a slice of the budget. Time is credited to the place that runs,
//! and clock and interrupt flag are looked at. A loop that has been compiled
//! meanwhile is left to its compiled code.
//!
//! A loop takes the same off the budget in each iteration. So slices may end in one
//! place of it again and again, while compiled code can take over in another only.
//! Then slices are made small, so that the next operation that takes something off
//! the budget is looked at too, and the one after it.

use crate::machine::context::Context;
use crate::machine::instr::Instr;
use crate::machine::tier::HotPlace;
use crate::machine::tier::guarded_tier;
use crate::op::OpHost;
use crate::trap::TrapCode;
use nbc_ir::verify::Turn;
use nbc_ir::{BlockId, FuncId, Inst};
use std::ptr;
use std::sync::Arc;

/// How many slices are made small one after the other to meet a place with
/// compiled code. After that, as many are made small to find a place that could
/// have some.
const SMALL_SLICES: u32 = 64;

/// How often that is in vain before another place is wanted; and then twice as often.
const MISSES: u32 = 16;

/// For how many of them one counts that has led out of the loop.
const ASTRAY: u32 = 4;

/// The function or loop that is hot when an operation is.
struct Hot {
    func: FuncId,
    /// Where to enter it, if it is to be entered in the middle.
    resume: Option<(u32, u32)>,
    /// Whether the operation is in a loop that nothing here can take over.
    seeks: bool,
}

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
        unsafe { self.look(ip, Some(regs), at) };
        if let Err(trap) = self.poll() {
            self.fail(trap);
            return -1;
        }
        let compiled = at.and_then(|(func, position)| self.compiled_at(func, position));
        self.next = compiled.unwrap_or(ip);
        // What takes something off the budget first wants it to be there.
        if self.is_small(at, compiled.is_some()) { 1 } else { self.slice }
    }

    /// Takes `cost` off budget and reserve, and makes a new budget; or leaves
    /// both as they are and traps with -1. What is to run now is left in
    /// `next`: if that is not the next operation, nothing has been taken. Where fuel is not
    /// metered, that only uses up the budget.
    ///
    /// # Safety
    /// As for [`Context::poll_slice`].
    #[cold]
    #[inline(never)]
    pub unsafe fn charge_slice(&mut self, ip: *const Instr, regs: *mut u64, budget: i64, cost: u64) -> i64 {
        if self.reserve.is_none() {
            // Only counted: the next branch back or call finds that nothing is left.
            self.next = ip.wrapping_add(1);
            return 0;
        }
        let at = self.code.position(ip);
        // SAFETY: as the caller promises.
        unsafe { self.look(ip, Some(regs), at) };
        let compiled = at.and_then(|(func, position)| self.compiled_at(func, position));
        let slice = if self.is_small(at, compiled.is_some()) { 0 } else { self.slice as u64 };
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

    /// The stub that enters compiled code which can take over from the
    /// operation at `position` of `func`. `None` if there is no such code, or
    /// no room on the native stack.
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
            let turn = self.turn(func, code.origins[code.origin[position] as usize].0);
            turn.is_some_and(|turn| published.is_near(func, turn))
        }
    }

    /// Makes a slice of what is left of compiled code's, which are larger: with
    /// those of the interpreter it tells where time is spent. That code was
    /// called, or goes on with a call, by what the frame `regs` returns to;
    /// a slice of the loop which that is in has ended while it ran.
    ///
    /// # Safety
    /// `regs` is a frame that has just returned.
    #[cold]
    pub(crate) unsafe fn shorten_slice(&mut self, regs: *mut u64) {
        // SAFETY: before each frame there is where it returns to, behind the call.
        let call = unsafe { ptr::with_exposed_provenance::<Instr>(*regs.sub(1) as usize) }.wrapping_sub(1);
        let at = self.code.position(call);
        // SAFETY: without a frame.
        unsafe { self.look(call, None, at) };
        let slice = match (self.is_small(at, false), &self.reserve) {
            (true, Some(_)) => 0,
            (true, None) => 1,
            (false, _) => self.slice,
        };
        if let Some(reserve) = &mut self.reserve {
            *reserve += (self.budget - slice) as u64;
        }
        self.budget = slice;
    }

    /// Whether the next slice is to be small, for what compiled code could take
    /// over is ahead. A slice has ended at the operation of that function and
    /// position, which compiled code takes over or not.
    fn is_small(&mut self, at: Option<(FuncId, usize)>, is_compiled: bool) -> bool {
        let near = at.is_some_and(|(func, position)| self.is_near(func, position));
        let most = if self.seeks.is_some() { 2 * SMALL_SLICES } else { SMALL_SLICES };
        let small = !is_compiled
            && self.small_slices < most
            && (near || self.seeks.is_some() || self.small_slices > 0);
        if !small {
            let missed = !is_compiled && near && self.seeks.is_none();
            self.misses += u32::from(missed);
            // Compiled code is where it is never met: another place is wanted.
            let seeks = missed && self.misses >= MISSES && self.misses.is_power_of_two();
            self.seeks = seeks.then_some(self.slice as u64);
            self.small_slices = if seeks { SMALL_SLICES } else { 0 };
            return seeks;
        }
        self.small_slices += if near || self.seeks.is_some() { 1 } else { ASTRAY };
        true
    }

    /// Credits the operation at `ip` with a slice that has ended there; or if
    /// that was a small one, sees whether here is what it was made small for.
    ///
    /// # Safety
    /// `regs` is the frame of the function that `ip` belongs to.
    unsafe fn look(&mut self, ip: *const Instr, regs: Option<*mut u64>, at: Option<(FuncId, usize)>) {
        if self.small_slices == 0 {
            // SAFETY: as the caller promises.
            return unsafe { self.credit(ip, regs, at) };
        }
        if let (Some(count), Some((func, position))) = (self.seeks, at)
            && let code = &self.code.funcs[func.index()]
            && let Some((block, inst)) = code.resume(position)
            && (!self.code.metered || self.is_in_cycle(func, block))
        {
            self.seeks = None;
            self.tell(HotPlace { func, resume: Some((block, inst)), count });
        }
    }

    /// Counts a slice for the operation at `ip`, and tells the tier if that made it hot.
    unsafe fn credit(&mut self, ip: *const Instr, regs: Option<*mut u64>, at: Option<(FuncId, usize)>) {
        if let Some(count) = self.hotness.tick(ip, self.slice as u64)
            && let Some((func, position)) = at
        {
            // SAFETY: as the caller promises.
            let Hot { func, resume, seeks } = unsafe { self.place(ip, regs, func, position) };
            self.seeks = seeks.then_some(count);
            self.tell(HotPlace { func, resume, count });
        }
    }

    /// Tells the tier of a hot place, once.
    pub(crate) fn tell(&mut self, place: HotPlace) {
        if self.code.is_own(place.func.0 as u64)
            && let Some(tier) = self.hotness.tell(&place)
        {
            let code = Arc::clone(&self.code);
            guarded_tier(|| tier.hot(&code, place, &|| self.must_stop()));
        }
    }

    /// Where `block` is that `func` goes around.
    fn turn(&self, func: FuncId, block: u32) -> Option<Turn> {
        self.code.module.facts(func).turn(BlockId(block))
    }

    /// Whether `block` of `func` may run again in the same call.
    fn is_in_cycle(&self, func: FuncId, block: u32) -> bool {
        self.turn(func, block).is_some()
    }

    /// What is hot when the operation at `ip` is: the function it calls, or a
    /// loop, with where to enter it.
    unsafe fn place(&self, ip: *const Instr, regs: Option<*mut u64>, func: FuncId, position: usize) -> Hot {
        let code = &self.code.funcs[func.index()];
        let (block, inst) = code.origins[code.origin[position] as usize];
        let Some(function) = self.code.module.function(func) else {
            return Hot { func, resume: None, seeks: false };
        };
        let resume = code.resume(position);
        let is_in_cycle = self.is_in_cycle(func, block);
        if self.code.metered {
            // Any block charges. A block outside of loops says that the function is called
            // often. A block of a loop says that the loop is to be entered where it begins, so
            // that it is compiled once. That is not so where some iterations begin at a place
            // that cannot be entered.
            let begin = match self.turn(func, block) {
                Some(Turn::Loop(header)) if !code.closed.contains(&header.0) => Some((header.0, 0)),
                _ => None,
            };
            let resume = begin.or(resume.filter(|_| is_in_cycle));
            return Hot { func, resume, seeks: resume.is_none() && is_in_cycle };
        }
        // Calls and back-edges take something off the budget.
        let callee = match (function.blocks[block as usize].insts.get(inst as usize), regs) {
            (Some(Inst::Call { callee, .. }), _) => Some(*callee),
            (Some(Inst::CallRef { .. }), Some(regs)) => {
                // SAFETY: the slot lies in the frame, and holds the function
                // whatever register carries it too.
                Some(FuncId(unsafe { *regs.add((*ip).b as usize) } as u32))
            }
            _ => None,
        };
        match callee {
            Some(callee) => Hot { func: callee, resume: None, seeks: is_in_cycle },
            None => Hot { func, resume, seeks: resume.is_none() && is_in_cycle },
        }
    }
}
