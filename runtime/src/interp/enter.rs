//! From interpreted code into compiled code, and the first call of a function
//! that is compiled before.

use crate::machine::context::{Context, PENDING};
use crate::machine::instr::Instr;
use crate::machine::published::Stub;
use crate::machine::tier::guarded_tier;
use nbc_ir::FuncId;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Status of [`run_native`] when there is too little native stack: the
/// function is to be interpreted.
pub const INTERPRET: u64 = PENDING - 1;

/// Runs the compiled code of a stub in the frame `regs`: 0 with the results
/// at the frame's start, [`PENDING`] or [`INTERPRET`]. The budget is in the context.
///
/// # Safety
/// `ip` is a stub of a function that `regs` is the frame of, and `ctx` runs.
#[inline(never)]
pub(crate) unsafe fn run_native(ip: *const Instr, regs: *mut u64, ctx: *mut Context) -> u64 {
    // SAFETY: as the caller promises; stubs live as long as the code. What the
    // compiled code does is answered for by who published it.
    unsafe {
        let stub = &*ptr::with_exposed_provenance::<Stub>((*ip).imm as usize);
        if !stub.resumes && !(*ctx).has_native_room() {
            return INTERPRET;
        }
        (*ctx).top = regs.add(stub.extent);
        let status = (stub.code.enter)(ctx, regs, stub.code.native);
        if (*ctx).budget > (*ctx).slice {
            (*ctx).shorten_slice(regs);
        }
        status
    }
}

/// The interpreted code of a stub's function.
///
/// # Safety
/// `ip` is a stub.
pub(crate) unsafe fn interpreted(ip: *const Instr) -> *const Instr {
    // SAFETY: as the caller promises.
    unsafe { (*ptr::with_exposed_provenance::<Stub>((*ip).imm as usize)).interpreted }
}

/// How often a program that waits for what another one has asked for looks
/// whether it is there, and whether it has to stop.
const LOOK: Duration = Duration::from_millis(1);

/// Says that the tier has answered, also if it panicked.
struct Answer<'a>(&'a AtomicBool);

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Lets the tier compile `func`, which is being called for the first time, and
/// returns where it begins now. Whoever comes while that is being done waits too,
/// but nobody beyond its limits: then the call is interpreted.
///
/// # Safety
/// `func` is a function of the module that `ctx` runs.
#[cold]
#[inline(never)]
pub(crate) unsafe fn first_call(func: u64, ctx: *mut Context) -> *const Instr {
    // SAFETY: as the caller promises.
    unsafe {
        let code = (*ctx).code.clone();
        let (entry, asked) = (&code.entries[func as usize], &code.first_calls[func as usize]);
        let stub = &raw const asked.instr;
        if !asked.asked.swap(true, Ordering::AcqRel) {
            let _answer = Answer(&asked.answered);
            if let Some(tier) = (*ctx).hotness.tier() {
                guarded_tier(|| tier.first_call(&code, FuncId(func as u32), &|| (*ctx).must_stop()));
            }
            let (stub, interpreted) = (stub.cast_mut(), entry.interpreted.cast_mut());
            let ordering = (Ordering::AcqRel, Ordering::Acquire);
            let _ = entry.code.compare_exchange(stub, interpreted, ordering.0, ordering.1);
        }
        while !asked.answered.load(Ordering::Acquire) && !(*ctx).must_stop() {
            std::thread::sleep(LOOK);
        }
        let begins = entry.code();
        if begins == stub { entry.interpreted } else { begins }
    }
}
