//! Ownership of executable memory.
//!
//! Each unit of code is a Cranelift module of its own, so that it can be
//! freed on its own. Memory is never writable and executable at once.

use crate::lower::Attachments;
use cranelift_jit::JITModule;
use std::any::Any;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the code memory of an engine against a cap.
#[derive(Debug)]
pub struct CodeMemory {
    used: AtomicUsize,
    cap: usize,
}

/// What code occupies at least: whole pages.
const PAGE: usize = 4096;

impl CodeMemory {
    /// None used yet.
    pub fn new(cap: usize) -> Arc<CodeMemory> {
        Arc::new(CodeMemory { used: AtomicUsize::new(0), cap })
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes room for `bytes` of code, if there is any.
    pub fn take(self: &Arc<CodeMemory>, bytes: usize) -> Option<Room> {
        let bytes = bytes.next_multiple_of(PAGE);
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.cap);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Room { memory: self.clone(), bytes })
    }
}

/// Room taken of a [`CodeMemory`]; given back when dropped.
#[derive(Debug)]
pub struct Room {
    memory: Arc<CodeMemory>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A unit of code with everything it refers to. Whoever may still run it
/// keeps it in an [`Arc`].
pub struct Code {
    module: ManuallyDrop<JITModule>,
    _attachments: Attachments,
    _keeps: Option<Arc<Code>>,
    _room: Room,
}

// SAFETY: the module is only touched again to free it, and what is attached
// is never written.
unsafe impl Send for Code {}
// SAFETY: as above.
unsafe impl Sync for Code {}

impl Code {
    /// Takes over a finished module; `keeps` is other code that is entered together with it.
    pub fn new(module: JITModule, attachments: Attachments, keeps: Option<Arc<Code>>, room: Room) -> Code {
        Code { module: ManuallyDrop::new(module), _attachments: attachments, _keeps: keeps, _room: room }
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // SAFETY: the module is taken once, here. Code is run only by those
        // who hold the unit, directly or through the program it belongs to.
        unsafe { ManuallyDrop::take(&mut self.module).free_memory() };
    }
}

/// A unit as the runtime keeps it.
pub fn erase(code: &Arc<Code>) -> Arc<dyn Any + Send + Sync> {
    code.clone()
}
