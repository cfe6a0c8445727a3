//! The context that running code shares with its instance: the stack, the
//! budget, the heap, and what is known of a trap on its way out.

use super::hotness::Hotness;
use super::instr::Instr;
use super::loaded::{FuncEntry, Loaded};
use super::native_stack::stack_pointer;
use super::tier::Watch;
use crate::backtrace::Frame;
use crate::op::Deferred;
use crate::region::Heap;
use crate::stack::Stack;
use crate::trap::TrapError;
use std::any::Any;
use std::sync::Arc;

/// Status of code that stopped with the trap in [`Context::pending`].
pub const PENDING: u64 = u64::MAX;

/// Most calls of operations and host functions inside each other that call back.
pub(crate) const MAX_NESTING: u32 = 48;

/// Runs a host function. The slots hold the arguments first, then the results;
/// there are as many as the more numerous of them.
pub(crate) type HostCall = dyn Fn(&mut Context, &mut [u64]) -> Result<(), TrapError> + Send + Sync;

/// State of one instance while it runs.
#[repr(C)]
pub struct Context {
    // Read by handlers.
    /// Entry of every function.
    pub funcs: *const FuncEntry,
    /// End of the part of the stack that is used; see [`Context::more_stack`].
    pub stack_end: *mut u64,
    /// Globals.
    pub globals: *mut u64,
    /// Constant objects.
    pub constants: *const u64,
    /// Units that a call takes off the budget.
    pub call_cost: i64,
    /// The budget, while it is not in a machine register.
    pub budget: i64,
    /// Where the code stopped.
    pub(crate) stop_ip: *const Instr,
    /// Frame it stopped in.
    pub(crate) stop_regs: *mut u64,
    /// Where the next nested call's frame may begin.
    pub top: *mut u64,
    /// Lowest address of the native stack that compiled code may use; 0 when
    /// none has run since the host's call.
    pub native_limit: usize,
    /// Status of the last call that returns none: compiled code's polls.
    pub status: u64,
    /// Lowest address of it at which operations and compiled code may call back.
    pub(crate) native_floor: usize,
    /// Operation to go on with after a slow path: the one that took it (or the
    /// next, after a charge), or what enters compiled code.
    pub(crate) next: *const Instr,

    /// Objects.
    pub heap: Heap,
    /// Operations whose results' elements are still to be computed; none but in a group of them.
    pub(crate) deferred: Deferred,
    /// The trap, when a slow path trapped.
    pub pending: Option<TrapError>,
    /// Functions that run the host functions, by import.
    pub host_calls: Box<[*const HostCall]>,
    /// The host functions, which `host_calls` points into.
    _hosts: Box<[Arc<HostCall>]>,
    /// Fuel that is not in the budget; `None` when not metered.
    pub reserve: Option<u64>,
    /// Back-edges and calls between two looks at the clock and the interrupt
    /// flag where fuel is not metered; fuel units where it is.
    pub(crate) slice: i64,
    /// Where time is spent.
    pub hotness: Hotness,
    /// Slices made small one after the other to meet a place with compiled code.
    pub(crate) small_slices: u32,
    /// Set, to the credits of what is hot, while those are to find a place in a
    /// loop that compiled code could take over.
    pub(crate) seeks: Option<u64>,
    /// Calls counted while no budget was left.
    pub(crate) calls_beyond: u32,
    /// How often compiled code was near and not met.
    pub(crate) misses: u32,
    /// What the host keeps with the instance.
    pub(crate) data: Box<dyn Any + Send>,
    /// The code.
    pub code: Arc<Loaded>,
    stack: Stack,
    globals_store: Box<[u64]>,
    constants_store: Box<[u64]>,
    /// Where the outermost call returns to.
    pub(crate) exit: u64,
    pub(crate) nesting: u32,
    /// Frames of the trap on its way out, innermost first.
    pub(crate) trace: Trace,
}

/// The frames of a trap: all of a short stack, both ends of a long one.
#[derive(Default)]
pub struct Trace {
    /// Innermost frames.
    pub frames: Vec<Frame>,
    /// How many were left out before the last of `frames`.
    pub omitted: usize,
}

impl Trace {
    const FIRST: usize = 48;
    const LAST: usize = 16;

    pub(crate) fn push(&mut self, frame: Frame) {
        if self.frames.len() == Trace::FIRST + Trace::LAST {
            self.frames.remove(Trace::FIRST);
            self.omitted += 1;
        }
        self.frames.push(frame);
    }
}

// SAFETY: the pointers point into what the context owns (or into `code`,
// which is shared), and the host functions are `Send + Sync`.
unsafe impl Send for Context {}

impl Context {
    /// A context with an empty stack and no globals yet.
    pub(crate) fn new(
        code: Arc<Loaded>,
        heap: Heap,
        stack: Stack,
        hosts: Box<[Arc<HostCall>]>,
        slice: i64,
        watch: Option<Watch>,
    ) -> Context {
        let range = stack.first();
        let (exit, metered) = (code.exit_address(), code.metered);
        Context {
            funcs: code.entries.as_ptr(),
            stack_end: range.end,
            globals: std::ptr::null_mut(),
            constants: std::ptr::null(),
            call_cost: if metered { 0 } else { 1 },
            budget: 0,
            stop_ip: std::ptr::null(),
            stop_regs: std::ptr::null_mut(),
            // One slot for the address to return to.
            top: range.start.wrapping_add(1),
            native_limit: 0,
            status: 0,
            native_floor: 0,
            next: std::ptr::null(),
            heap,
            deferred: Deferred::default(),
            pending: None,
            host_calls: hosts.iter().map(|h| &raw const **h).collect(),
            _hosts: hosts,
            reserve: metered.then_some(0),
            slice,
            hotness: Hotness::new(watch),
            small_slices: 0,
            seeks: None,
            misses: 0,
            calls_beyond: 0,
            data: Box::new(()),
            code,
            stack,
            globals_store: Box::default(),
            constants_store: Box::default(),
            exit,
            nesting: 0,
            trace: Trace::default(),
        }
    }

    /// Sets globals and constant objects, once.
    pub fn define(&mut self, globals: Box<[u64]>, constants: Box<[u64]>) {
        self.globals_store = globals;
        self.constants_store = constants;
        self.globals = self.globals_store.as_mut_ptr();
        self.constants = self.constants_store.as_ptr();
    }

    /// Value of global `index`.
    pub fn global(&self, index: usize) -> u64 {
        assert!(index < self.globals_store.len());
        // SAFETY: `globals` points to `globals_store`; reading through it
        // keeps its writes visible.
        unsafe { *self.globals.add(index) }
    }

    /// Fuel left, if metered.
    pub fn fuel(&self) -> Option<u64> {
        self.reserve.map(|r| r + self.budget.max(0) as u64)
    }

    /// Sets the fuel, if metered.
    pub fn set_fuel(&mut self, fuel: u64) {
        if self.reserve.is_some() {
            self.budget = 0;
            self.reserve = Some(fuel);
        }
    }

    /// Whether the time is up, or someone has interrupted the program.
    pub(crate) fn must_stop(&self) -> bool {
        self.heap.interruption().stopped_by().is_some()
    }

    /// Bytes of stack that a call may use.
    pub fn stack_bytes(&self) -> usize {
        self.stack.bytes()
    }

    /// Whether a function may be called from native code: both stacks have room.
    ///
    /// # Safety
    /// `entry` is one of the module's.
    #[inline(always)]
    pub(crate) unsafe fn has_room(&mut self, entry: &FuncEntry) -> bool {
        // Addresses, as the frame may end behind the stack.
        let frame_end = self.top.addr().saturating_add(entry.extent as usize * 8);
        let fits =
            frame_end <= self.stack_end.addr() || self.more_stack() && frame_end <= self.stack_end.addr();
        fits && stack_pointer() >= self.native_floor
    }

    /// Lets calls use all of the stack, which only its first part was used of.
    /// Whether there is more than before: then the call that found no room tries again.
    #[cold]
    #[inline(never)]
    pub(crate) fn more_stack(&mut self) -> bool {
        match self.stack.whole() {
            Some(range) => {
                self.stack_end = range.end;
                true
            }
            None => false,
        }
    }

    /// Adds a frame of the trap on its way out.
    pub(crate) fn trace(&mut self, frame: Frame) {
        self.trace.push(frame);
    }

    /// The frames of the last trap.
    pub fn take_trace(&mut self) -> Trace {
        std::mem::take(&mut self.trace)
    }

    /// Notes where code stopped.
    #[inline(always)]
    pub fn stop(&mut self, ip: *const Instr, regs: *mut u64, budget: i64) {
        self.stop_ip = ip;
        self.stop_regs = regs;
        self.budget = budget;
    }

    /// Leaves `trap` for the code to stop with; `false` for handlers to return.
    #[cold]
    #[inline(never)]
    pub fn fail(&mut self, trap: TrapError) -> bool {
        self.pending = Some(trap);
        false
    }
}
