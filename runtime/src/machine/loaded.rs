//! Internal code: fixed-width, pre-decoded operations that the interpreter runs.
//!
//! Built from a [`nbc_ir::VerifiedModule`] only, so the interpreter may trust every
//! slot, target and site in it. Never changes once loaded; what changes is the
//! table through which calls go, when functions get compiled.

use super::dispatch::{Dispatch, Special};
use super::instr::Instr;
use super::published::Published;
use super::site::Site;
use crate::backtrace::Frame;
use crate::plan::Plan;
use nbc_ir::expand::Expanded;
use nbc_ir::{FuncId, VerifiedModule};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// A function as loaded.
pub struct FuncCode {
    /// The operations; the last never falls through.
    pub code: Box<[Instr]>,
    /// For each operation, the position in `origins` that it reports a trap at.
    pub origin: Box<[u32]>,
    /// Block and instruction of each origin.
    pub origins: Box<[(u32, u32)]>,
    /// Position of operations where compiled code could take over before they
    /// run, with the block and instruction to go on from; by position.
    pub resumes: Box<[(u32, (u32, u32))]>,
    /// Blocks of operations that take something off the budget where compiled code
    /// cannot take over.
    pub closed: Box<[u32]>,
    /// What the operations refer to by address; never grows once there is code.
    pub sites: Vec<Site>,
    /// Slots from the frame's start that a call of it may touch before it calls on.
    pub extent: u32,
}

/// Entry of the table through which all calls go; written when there is
/// compiled code, `native` before `code`.
#[repr(C, align(32))]
pub struct FuncEntry {
    /// First operation.
    pub code: AtomicPtr<Instr>,
    /// See [`FuncCode::extent`].
    pub extent: u64,
    /// Compiled code, or null.
    pub native: AtomicPtr<u8>,
    /// First operation of the interpreted code.
    pub interpreted: *const Instr,
}

impl FuncEntry {
    /// First operation.
    #[inline(always)]
    pub fn code(&self) -> *const Instr {
        self.code.load(Ordering::Acquire)
    }
}

/// What a function begins with that the tier is to compile before its first call.
pub(crate) struct FirstCall {
    pub(crate) instr: Instr,
    /// Whether the tier has been asked, and has answered.
    pub(crate) asked: AtomicBool,
    pub(crate) answered: AtomicBool,
}

/// A module as internal code.
pub struct Loaded {
    /// A number that no other one of this process has, also when this one is gone.
    pub(crate) serial: u64,
    /// The module it was made from.
    pub module: VerifiedModule,
    /// Where its instructions come from, if it was expanded.
    pub(crate) expanded: Option<Arc<Expanded>>,
    /// The plan that it follows.
    pub plan: Arc<Plan>,
    /// What runs the code.
    pub dispatch: Dispatch,
    /// What runs operations that are no part of a function's code.
    pub(crate) special: Special,
    /// Whether blocks charge fuel.
    pub metered: bool,
    /// Functions, imports included.
    pub funcs: Vec<FuncCode>,
    /// Where calls go, by function.
    pub entries: Box<[FuncEntry]>,
    /// What the outermost call returns to: a call that never was, then the exit.
    pub exit: Box<[Instr; 2]>,
    /// What is compiled.
    pub(crate) published: Published,
    /// What functions begin with that are compiled before their first call, by function.
    pub(crate) first_calls: Box<[FirstCall]>,
    /// Numbers of parameters and results, by function.
    arities: Box<[(u16, u16)]>,
    /// Functions by address of their code.
    by_address: Vec<(usize, u32)>,
}

// SAFETY: the code is never written after loading, but for the table of
// entries, which is atomic; the addresses in it point into what `Loaded` owns
// and keeps, or to functions.
unsafe impl Send for Loaded {}
// SAFETY: as above.
unsafe impl Sync for Loaded {}

impl Loaded {
    /// A module from the code of its functions, imports first.
    pub fn new(
        module: VerifiedModule,
        plan: Arc<Plan>,
        dispatch: Dispatch,
        special: Special,
        metered: bool,
        funcs: Vec<FuncCode>,
    ) -> Loaded {
        let entry = |f: &FuncCode| FuncEntry {
            code: AtomicPtr::new(f.code.as_ptr().cast_mut()),
            extent: f.extent as u64,
            native: AtomicPtr::new(null_mut()),
            interpreted: f.code.as_ptr(),
        };
        let entries = funcs.iter().map(entry).collect();
        let arity = |f| {
            let sig = module.func_sig(FuncId::new(f));
            sig.map_or((0, 0), |s| (s.params.len() as u16, s.results.len() as u16))
        };
        let arities = (0..funcs.len()).map(arity).collect();
        let mut by_address: Vec<(usize, u32)> =
            funcs.iter().enumerate().map(|(i, f)| (f.code.as_ptr().addr(), i as u32)).collect();
        by_address.sort_unstable();
        let blank = Instr::blank(special.exit);
        // A single result lands in the first slot of the callee's own frame.
        let exit = Box::new([Instr { a: 1, imm2: 1, ..blank }, blank]);
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        Loaded {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            module,
            expanded: None,
            plan,
            dispatch,
            special,
            metered,
            funcs,
            entries,
            exit,
            published: Published::default(),
            first_calls: Box::default(),
            arities,
            by_address,
        }
    }

    /// Of a module that was expanded.
    pub(crate) fn expanded_from(mut self, expanded: Option<Arc<Expanded>>) -> Loaded {
        self.expanded = expanded;
        self
    }

    /// With functions that ask the tier for compiled code when first called, if `first`.
    pub(crate) fn compiled_first(mut self, first: bool) -> Loaded {
        if !first {
            return self;
        }
        let run = self.special.first_call;
        let stub = |f| FirstCall {
            instr: Instr { imm: f as u64, ..Instr::blank(run) },
            asked: AtomicBool::new(false),
            answered: AtomicBool::new(false),
        };
        self.first_calls = (0..self.funcs.len()).map(stub).collect();
        for (entry, stub) in self.entries.iter_mut().zip(&self.first_calls).skip(self.module.imports.len()) {
            *entry.code.get_mut() = (&raw const stub.instr).cast_mut();
        }
        self
    }

    /// What outermost calls return to, as a slot.
    pub(crate) fn exit_address(&self) -> u64 {
        self.exit[1..].as_ptr().expose_provenance() as u64
    }

    /// Numbers of parameters and results of `func`.
    pub(crate) fn arity(&self, func: FuncId) -> (usize, usize) {
        let (params, results) = self.arities[func.index()];
        (params.into(), results.into())
    }

    /// Whether `func` is one of the module's own, with its code.
    pub(crate) fn is_own(&self, func: u64) -> bool {
        (self.module.imports.len() as u64..self.funcs.len() as u64).contains(&func)
    }

    /// The function whose code has an operation at `ip`, and the operation's position.
    pub(crate) fn position(&self, ip: *const Instr) -> Option<(FuncId, usize)> {
        let at = self.by_address.partition_point(|(start, _)| *start <= ip.addr());
        let (start, func) = *self.by_address.get(at.checked_sub(1)?)?;
        let position = (ip.addr() - start) / size_of::<Instr>();
        (position < self.funcs[func as usize].code.len()).then_some((FuncId(func), position))
    }

    /// Where in the bytecode the operation at `ip` comes from.
    pub fn frame_at(&self, ip: *const Instr) -> Option<Frame> {
        let (func, position) = self.position(ip)?;
        let code = &self.funcs[func.index()];
        let (block, inst) = code.origins[code.origin[position] as usize];
        Some(self.frame(func, block, inst))
    }

    /// An instruction as people see it.
    pub(crate) fn frame(&self, func: FuncId, block: u32, inst: u32) -> Frame {
        let block_of = self.module.function(func).and_then(|f| f.blocks.get(block as usize));
        let line = block_of.map_or(0, |b| b.line(inst as usize));
        let (block, inst) = self.expanded.as_ref().map_or((block, inst), |e| e.origin(func, block, inst));
        Frame { func, name: self.module.func_name(func), block, inst, line }
    }
}
