//! Compiled code in a loaded module: what is published, and how the
//! interpreter gets there.
//!
//! Invariant: what is published stays until the module goes, for frames of the
//! interpreter may hold addresses in it.

use super::context::Context;
use super::instr::Instr;
use super::loaded::{FuncCode, Loaded};
use nbc_ir::verify::Turn;
use nbc_ir::{BlockId, FuncId};
use rustc_hash::FxHashMap;
use std::any::Any;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Enters compiled code from the interpreter: loads the arguments from
/// `regs[0..]`, calls `native`, and writes the results to `regs[0..]`. For a
/// loop entered in the middle, `regs` is the whole frame of the function.
/// Returns a status.
pub type Enter = unsafe extern "C" fn(ctx: *mut Context, regs: *mut u64, native: *const u8) -> u64;

/// Compiled code of a function.
#[derive(Clone)]
pub struct NativeCode {
    /// How the interpreter enters it.
    pub enter: Enter,
    /// Its address, for calls from compiled code.
    pub native: *const u8,
    /// Keeps it alive.
    pub unit: Arc<dyn Any + Send + Sync>,
}

// SAFETY: the address is only called, by those who have a context.
unsafe impl Send for NativeCode {}

/// An operation that runs compiled code, with all that it takes.
pub(crate) struct Stub {
    /// Stays where it is.
    instr: Instr,
    pub(crate) code: NativeCode,
    /// What to run when there is too little native stack.
    pub(crate) interpreted: *const Instr,
    /// Slots of the function's frame, and what it calls with.
    pub(crate) extent: usize,
    /// Whether it goes on with a call that the interpreter began.
    pub(crate) resumes: bool,
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

    /// Lets `code` go on with calls of `func` that the interpreter has begun. The
    /// code takes over where they come to instruction `inst` of `block`, a place that a
    /// [`HotPlace`](super::tier::HotPlace) named. Each register that is alive there
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
            instr: Instr::blank(self.special.enter_native),
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
