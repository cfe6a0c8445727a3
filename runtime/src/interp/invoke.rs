//! Calls of functions from outside of their code, what kernels ask of the
//! instance that runs them, and a trap on its way out.

use super::element;
use crate::machine::context::{Context, MAX_NESTING, PENDING};
use crate::machine::dispatch::Dispatch;
use crate::machine::instr::Instr;
use crate::machine::native_stack;
use crate::op::{Deferred, OpHost};
use crate::region::Heap;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::{FuncId, Module};

/// Calls between two looks at the clock and the interrupt flag where no budget is left.
const CALLS_A_LOOK: u32 = 16;

impl Context {
    /// Calls function `func` of the module with `args` as slots, and writes
    /// its results to `results`.
    ///
    /// # Safety
    /// `args` are live values of the parameter types, and there are as many
    /// `results` as the function has.
    pub unsafe fn invoke(
        &mut self,
        func: FuncId,
        args: &[u64],
        results: &mut [u64],
    ) -> Result<(), TrapError> {
        let lower = |_: &mut Heap, frame: &mut [u64]| {
            frame.copy_from_slice(args);
            Ok(())
        };
        let wanted = results.len();
        let lift = |_: &mut Heap, frame: &[u64]| {
            results.copy_from_slice(frame);
            Ok(())
        };
        // SAFETY: upheld by the caller.
        unsafe { self.invoke_in_place(func, args.len(), wanted, lower, lift) }
    }

    /// Calls function `func` of the module: `lower` writes the arguments into
    /// its frame, `lift` takes the results out of it.
    ///
    /// # Safety
    /// `params` and `results` are the numbers that the function has, and
    /// `lower` writes live values of the parameter types.
    #[inline(always)]
    pub unsafe fn invoke_in_place<R>(
        &mut self,
        func: FuncId,
        params: usize,
        results: usize,
        lower: impl FnOnce(&mut Heap, &mut [u64]) -> Result<(), TrapError>,
        lift: impl FnOnce(&mut Heap, &[u64]) -> Result<R, TrapError>,
    ) -> Result<R, TrapError> {
        // SAFETY: the function is one of the module's. `top` lies in the stack;
        // the comparison is of addresses in or behind it, and the frame, which
        // has room for parameters and results, is written only where it fits.
        unsafe {
            let entry = &*self.funcs.add(func.index());
            let frame = self.top;
            if self.nesting == 0 {
                // It may be another thread's stack than the last time.
                (self.native_limit, self.native_floor) = (0, native_stack::floor());
            }
            if !self.has_room(entry) || self.nesting == MAX_NESTING {
                return Err(TrapCode::StackOverflow.into());
            }
            lower(&mut self.heap, std::slice::from_raw_parts_mut(frame, params))?;
            self.nesting += 1;
            let status = self.run(entry.code());
            self.nesting -= 1;
            if status == 0 {
                return lift(&mut self.heap, std::slice::from_raw_parts(frame, results));
            }
            Err(self.trapped(status))
        }
    }

    /// Runs the code at `ip` in a new frame at `top`, where its arguments are
    /// and its results come to.
    ///
    /// # Safety
    /// `ip` is where a function begins for which there is room.
    #[inline(always)]
    pub(crate) unsafe fn run(&mut self, ip: *const Instr) -> u64 {
        let frame = self.top;
        // SAFETY: as the caller promises; `top` is never the stack's first slot.
        unsafe {
            *frame.sub(1) = self.exit;
            let status = self.code.dispatch.run(ip, frame, self);
            self.top = frame;
            status
        }
    }

    /// Iterations the status of code that stopped into a trap, adding its frames.
    #[cold]
    pub(crate) unsafe fn trapped(&mut self, status: u64) -> TrapError {
        // Nobody can see what it would have been computed for.
        self.deferred.forget();
        let trap = if status == PENDING {
            self.pending.take().unwrap_or_else(|| TrapCode::HostError.into())
        } else {
            TrapCode::from_code(status as u8 - 1).unwrap_or(TrapCode::HostError).into()
        };
        let (mut ip, mut regs) = (self.stop_ip, self.stop_regs);
        let exit = self.exit;
        loop {
            if let Some(frame) = self.code.frame_at(ip) {
                self.trace.push(frame);
            }
            // SAFETY: every frame begins behind the address to return to. The
            // operation before that address is the call, which knows how far
            // the caller's frame is away.
            unsafe {
                if *regs.sub(1) == exit {
                    return trap;
                }
                let back: *const Instr = std::ptr::with_exposed_provenance(*regs.sub(1) as usize);
                ip = back.sub(1);
                regs = regs.sub((*ip).imm2 as u32 as usize);
            }
        }
    }

    /// Finds out why an access by `rank` indices was refused; the last one is `last`.
    ///
    /// # Safety
    /// `ip` is the operation that failed in the frame `regs`.
    #[cold]
    #[inline(never)]
    pub unsafe fn refuse_access(
        &mut self,
        ip: *const Instr,
        regs: *mut u64,
        rank: u8,
        write: bool,
        last: i64,
    ) {
        // SAFETY: slots lie in the frame, and the tensor is live.
        let trap = unsafe {
            let i = &*ip;
            let t = std::ptr::with_exposed_provenance(*regs.add(i.b as usize) as usize);
            let slot = |n: u16| *regs.add(n as usize) as i64;
            match rank {
                1 => element::why_not(t, &[last], write),
                2 => element::why_not(t, &[slot(i.c), last], write),
                _ => element::why_not(t, &[slot(i.c), slot(i.d), last], write),
            }
        };
        self.fail(trap);
    }
}

impl Context {
    /// Counts a call of something that works outside of the program's code, besides its work:
    /// code without branches has as many of them as it likes. Metered, the block has paid.
    #[inline(always)]
    pub(crate) fn count_call(&mut self) -> Result<(), TrapError> {
        if self.reserve.is_some() {
            return Ok(());
        }
        self.budget -= 1;
        if self.budget >= 0 { Ok(()) } else { self.count_calls_beyond() }
    }

    /// The slice is used up, and stays so until a loop goes back or a function is called, for
    /// that is where time is credited.
    #[cold]
    #[inline(never)]
    fn count_calls_beyond(&mut self) -> Result<(), TrapError> {
        self.budget = 0;
        self.calls_beyond = self.calls_beyond.wrapping_add(1);
        if self.calls_beyond.is_multiple_of(CALLS_A_LOOK) { self.poll() } else { Ok(()) }
    }
}

impl OpHost for Context {
    fn heap(&mut self) -> &mut Heap {
        &mut self.heap
    }

    fn deferred(&mut self) -> &mut Deferred {
        &mut self.deferred
    }

    fn poll(&mut self) -> Result<(), TrapError> {
        self.heap.interruption().check()
    }

    /// Work counts down the budget as iterations of a loop do. More than there is of that is looked at
    /// here: whoever comes next may have paid for many iterations already. When not
    /// metered, that is all it does.
    fn charge(&mut self, fuel: u64) -> Result<(), TrapError> {
        let budget = self.budget.max(0) as u64;
        if fuel <= budget {
            self.budget -= fuel as i64;
            return Ok(());
        }
        if let Some(reserve) = self.reserve {
            self.reserve = Some((reserve + budget).checked_sub(fuel).ok_or(TrapCode::OutOfFuel)?);
        }
        self.budget = 0;
        self.poll()
    }

    fn unmetered(&self) -> Option<&Module> {
        if self.reserve.is_some() { None } else { Some(&self.code.module) }
    }

    fn call(&mut self, func: u64, args: &[u64]) -> Result<u64, TrapError> {
        let mut result = [0];
        // SAFETY: the verifier has matched the function's signature with the operation's.
        unsafe { self.invoke(FuncId(func as u32), args, &mut result)? };
        Ok(result[0])
    }
}

impl Dispatch {
    /// Runs from `ip`; 0 or a trap's status.
    ///
    /// # Safety
    /// `ip` is the entry of a function whose frame at `regs` was entered from
    /// the exit code; all belong to `ctx`.
    #[inline]
    unsafe fn run(self, ip: *const Instr, regs: *mut u64, ctx: *mut Context) -> u64 {
        // SAFETY: as the caller promises.
        unsafe {
            match self {
                #[cfg(nbc_threaded)]
                Dispatch::Threaded => super::threaded::run(ip, regs, ctx),
                _ => super::match_loop::run(ip, regs, ctx),
            }
        }
    }
}
