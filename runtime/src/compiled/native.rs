//! Compiled code as the interpreter sees it: what is published for a loaded
//! module, how it is entered, and how much of the native stack it may use.

use super::NativeCode;
use crate::interp::code::{FuncCode, Instr, Loaded};
use crate::interp::context::{Context, PENDING};
use crate::interp::micro::MicroOp;
use nbc_ir::verify::Turn;
use nbc_ir::{BlockId, FuncId};
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

/// Status of [`run_native`] when there is too little native stack: the
/// function is to be interpreted.
pub const INTERPRET: u64 = PENDING - 1;

/// Native stack that compiled code leaves to what it calls: kernels, host
/// functions, the interpreter.
pub const RESERVE: usize = 512 << 10;

/// Native stack that a call into the interpreter leaves to what it calls, however
/// small the thread's is: kernels, host functions, a trap on its way out.
const LEAST: usize = if cfg!(debug_assertions) { 96 << 10 } else { 24 << 10 };

/// Native stack above its limit that compiled code wants to be entered at all.
const MARGIN: usize = 16 << 10;

/// An operation that runs compiled code, with all that it takes.
pub(crate) struct Stub {
    /// Stays where it is.
    instr: Instr,
    code: NativeCode,
    /// What to run when there is too little native stack.
    interpreted: *const Instr,
    /// Slots of the function's frame, and what it calls with.
    extent: usize,
    /// Whether it goes on with a call that the interpreter began.
    resumes: bool,
}

/// Compiled code of a loaded module.
#[derive(Default)]
pub(crate) struct Published {
    /// Never dropped before the module: frames of the interpreter may hold
    /// addresses in it.
    #[allow(clippy::vec_box)] // their addresses are in use
    stubs: Mutex<Vec<Box<Stub>>>,
    any_resumes: AtomicBool,
    resumes: RwLock<FxHashMap<FuncId, Vec<Resume>>>,
}

/// Compiled code that goes on with a call.
struct Resume {
    at: (u32, u32),
    stub: *const Instr,
    /// What `at` is in that the function goes around.
    turn: Option<Turn>,
}

impl Published {
    /// Whether any call of `func` could be gone on with.
    #[inline]
    pub fn has_resumes(&self, func: FuncId) -> bool {
        self.any_resumes.load(Ordering::Acquire) && self.with(func, |list| !list.is_empty())
    }

    /// What goes on with a call of `func` at an instruction.
    pub fn resume(&self, func: FuncId, block: u32, inst: u32) -> Option<*const Instr> {
        self.with(func, |list| list.iter().rev().find(|r| r.at == (block, inst)).map(|r| r.stub))
    }

    /// Whether what `func` goes around can be entered somewhere.
    pub fn is_near(&self, func: FuncId, turn: Turn) -> bool {
        self.with(func, |list| list.iter().any(|r| r.turn == Some(turn)))
    }

    fn with<R>(&self, func: FuncId, f: impl FnOnce(&[Resume]) -> R) -> R {
        let all = self.resumes.read().unwrap_or_else(PoisonError::into_inner);
        f(all.get(&func).map_or(&[], Vec::as_slice))
    }
}

impl FuncCode {
    /// Block and instruction from which compiled code could go on instead of
    /// the operation at `position`.
    pub(crate) fn resume(&self, position: usize) -> Option<(u32, u32)> {
        let at = self.resumes.binary_search_by_key(&(position as u32), |(p, _)| *p).ok()?;
        Some(self.resumes[at].1)
    }
}

impl Loaded {
    /// Lets calls of `func` run `code` from now on, on all threads.
    ///
    /// # Safety
    /// The code keeps to [the convention](super), for a function of that
    /// signature, and does what this module's function does. With fuel metered
    /// it charges fuel as this module does.
    pub unsafe fn publish(&self, func: FuncId, code: NativeCode) {
        let native = code.native.cast_mut();
        let stub = self.stub(func, code, false);
        let entry = &self.entries[func.index()];
        entry.native.store(native, Ordering::Release);
        entry.code.store(stub.cast_mut(), Ordering::Release);
    }

    /// Lets `code` go on with calls of `func` that the interpreter has begun
    /// and that come to instruction `inst` of `block`, one of those a
    /// [`HotPlace`](super::HotPlace) named. Each register that is alive there
    /// is in the frame's slot of its number; the call's own region is open.
    ///
    /// # Safety
    /// As for [`Loaded::publish`]; the code returns from the function.
    pub unsafe fn publish_resume(&self, func: FuncId, block: u32, inst: u32, code: NativeCode) {
        let stub = self.stub(func, code, true);
        let turn = self.module.facts(func).turn(BlockId(block));
        let published = &self.published;
        let mut all = published.resumes.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(func).or_default().push(Resume { at: (block, inst), stub, turn });
        published.any_resumes.store(true, Ordering::Release);
    }

    /// Whether calls of `func` run compiled code.
    pub fn is_compiled(&self, func: FuncId) -> bool {
        !self.entries[func.index()].native.load(Ordering::Acquire).is_null()
    }

    fn stub(&self, func: FuncId, code: NativeCode, resumes: bool) -> *const Instr {
        let (_, results) = self.arity(func);
        let mut stub = Box::new(Stub {
            instr: Instr::blank(self.dispatch.special(MicroOp::EnterNative)),
            code,
            interpreted: self.entries[func.index()].interpreted,
            extent: self.funcs[func.index()].extent as usize,
            resumes,
        });
        stub.instr.a = results as u16;
        stub.instr.imm = ptr::from_ref::<Stub>(&stub).expose_provenance() as u64;
        let mut stubs = self.published.stubs.lock().unwrap_or_else(PoisonError::into_inner);
        stubs.push(stub);
        stubs.last().map_or(ptr::null(), |s| &raw const s.instr)
    }
}

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

/// Asks the tier. Where it panics the program stays interpreted, for a panic must
/// not unwind through the interpreter.
pub(crate) fn guarded_tier(ask: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(ask)) {
        // What it carries may panic when it is dropped.
        std::mem::forget(panic);
    }
}

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

impl Context {
    /// Whether compiled code can be entered, as far as the native stack is concerned.
    pub(crate) fn has_native_room(&mut self) -> bool {
        let here = stack_pointer();
        if self.native_limit == 0 {
            let room = remaining(here).saturating_sub(RESERVE).min(self.stack_bytes());
            self.native_limit = here.saturating_sub(room);
            self.native_floor = self.native_floor.max(self.native_limit.saturating_sub(RESERVE / 2));
        }
        here > self.native_limit.saturating_add(MARGIN)
    }
}

/// An address in the present frame of the native stack, or near it.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let here: usize;
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: reads a register.
    unsafe {
        std::arch::asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags));
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: reads a register.
    unsafe {
        std::arch::asm!("mov {}, sp", out(reg) here, options(nomem, nostack, preserves_flags));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        let marker = 0u8;
        here = std::hint::black_box(&raw const marker).addr();
    }
    here
}

/// Bytes of native stack that this thread has left; 0 where nobody says.
pub fn native_stack_left() -> usize {
    remaining(stack_pointer())
}

/// Bytes of native stack below `here`; 0 where nobody says.
fn remaining(here: usize) -> usize {
    STACK.with(|stack| if stack.contains(&here) { here - stack.start } else { 0 })
}

/// Lowest address of the native stack at which the interpreter may be entered; 0
/// where nobody says, as on a stack that is not the thread's own.
#[inline]
pub(crate) fn floor() -> usize {
    let here = stack_pointer();
    STACK.with(|stack| if stack.contains(&here) { stack.start.saturating_add(LEAST) } else { 0 })
}

thread_local!(static STACK: Range<usize> = bounds().unwrap_or_default());

/// Where this thread's stack lies.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
fn bounds() -> Option<Range<usize>> {
    // SAFETY: the attributes are initialised by the first call, and destroyed.
    unsafe {
        let mut attributes = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return None;
        }
        let (mut address, mut size) = (ptr::null_mut(), 0);
        let found = libc::pthread_attr_getstack(&attributes, &mut address, &mut size);
        libc::pthread_attr_destroy(&mut attributes);
        (found == 0).then(|| address.addr()..address.addr().saturating_add(size))
    }
}

/// Where this thread's stack lies.
#[cfg(all(target_vendor = "apple", not(miri)))]
fn bounds() -> Option<Range<usize>> {
    // SAFETY: asks for facts of the present thread.
    unsafe {
        let thread = libc::pthread_self();
        let highest = libc::pthread_get_stackaddr_np(thread).addr();
        Some(highest.checked_sub(libc::pthread_get_stacksize_np(thread))?..highest)
    }
}

/// Not known here: everything is interpreted.
#[cfg(any(miri, not(any(target_os = "linux", target_os = "android", target_vendor = "apple"))))]
fn bounds() -> Option<Range<usize>> {
    None
}
