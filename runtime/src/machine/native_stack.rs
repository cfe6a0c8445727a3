//! How much of the native stack is left, and how much of it compiled code may use.

use super::context::Context;
use std::ops::Range;
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
use std::ptr;

/// Native stack that compiled code leaves to what it calls: kernels, host
/// functions, the interpreter.
pub const RESERVE: usize = 512 << 10;

/// Native stack that a call into the interpreter leaves to what it calls, however
/// small the thread's is: kernels, host functions, a trap on its way out.
const LEAST: usize = if cfg!(debug_assertions) { 96 << 10 } else { 24 << 10 };

/// Native stack above its limit that compiled code wants to be entered at all.
const MARGIN: usize = 16 << 10;

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
