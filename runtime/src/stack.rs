//! The memory of an instance's stack: address space that is reserved, of which
//! only what calls touch costs memory.
//!
//! An instance that ends leaves its stack to the next one of its engine. Most
//! calls stay within the first [`FIRST`] bytes, so a stack is used up to there
//! until a call needs more ([`Stack::first`], [`Stack::whole`]). What lies
//! beyond goes back to the system if it was in use, and what does not is
//! cleared: no instance finds what another one left.
//!
//! Where there are no anonymous mappings, a stack is zeroed memory of the allocator.

use std::fmt;
use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a stack that are used before the rest of it is.
const FIRST: usize = 16 << 10;

/// Bytes of the smallest stack.
const LEAST: usize = 512;

/// Bytes of the largest stack.
pub const MOST: usize = 64 << 30;

/// Most stacks that an engine keeps for instances to come.
const KEPT: usize = 32;

/// Bytes of address space of the largest stack that is kept.
const LARGEST_KEPT: usize = 16 << 20;

/// Why there is no stack of that size.
#[derive(Debug)]
pub struct NoStack {
    bytes: usize,
    error: Option<io::Error>,
}

impl fmt::Display for NoStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes;
        match &self.error {
            None => {
                write!(
                    f,
                    "a stack of {bytes} bytes is more than any instance can have ({MOST}): ask for less"
                )
            }
            Some(error) => write!(
                f,
                "no stack of {bytes} bytes to be had: {error}; ask for less (Limits::stack, --stack), or \
                 allow the process more address space (ulimit -v)"
            ),
        }
    }
}

/// The stacks that instances of an engine have left behind.
#[derive(Default)]
pub struct Stacks {
    kept: Mutex<Vec<Memory>>,
}

impl fmt::Debug for Stacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stacks")
    }
}

impl Stacks {
    /// A stack of `bytes` bytes, with nothing in it.
    ///
    /// # Errors
    /// When the machine, or a limit of the process, does not give that much.
    pub fn take(self: &Arc<Stacks>, bytes: usize) -> Result<Stack, NoStack> {
        if bytes > MOST {
            return Err(NoStack { bytes, error: None });
        }
        let bytes = bytes.max(LEAST) / 8 * 8;
        let kept = self.with(|kept| Some(kept.remove(kept.iter().rposition(|m| m.bytes == bytes)?)));
        let memory = match kept {
            Some(memory) => memory,
            None => Memory::new(bytes).or_else(|_| {
                // What is kept may be what there is no room beside.
                drop(self.with(std::mem::take));
                Memory::new(bytes).map_err(|error| NoStack { bytes, error: Some(error) })
            })?,
        };
        Ok(Stack { memory: Some(memory), is_whole: false, stacks: self.clone() })
    }

    /// How many are kept.
    #[cfg(test)]
    fn kept(&self) -> usize {
        self.with(|kept| kept.len())
    }

    fn with<R>(&self, f: impl FnOnce(&mut Vec<Memory>) -> R) -> R {
        f(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The stack of an instance.
pub struct Stack {
    /// There until it is dropped.
    memory: Option<Memory>,
    is_whole: bool,
    stacks: Arc<Stacks>,
}

impl Stack {
    /// Bytes that calls may use.
    pub fn bytes(&self) -> usize {
        self.memory.as_ref().map_or(0, |m| m.bytes)
    }

    /// The part to begin with.
    pub fn first(&self) -> Range<*mut u64> {
        self.range(self.bytes().min(FIRST))
    }

    /// All of it, for calls that need more than the first part. `None` when they
    /// have it already.
    pub fn whole(&mut self) -> Option<Range<*mut u64>> {
        if self.is_whole || self.bytes() <= FIRST {
            return None;
        }
        self.is_whole = true;
        Some(self.range(self.bytes()))
    }

    fn range(&self, bytes: usize) -> Range<*mut u64> {
        let start = self.memory.as_ref().map_or(std::ptr::null_mut(), |m| m.start.as_ptr());
        start..start.wrapping_byte_add(bytes)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let Some(mut memory) = self.memory.take() else { return };
        if memory.bytes > LARGEST_KEPT || self.is_whole && !memory.give_back(FIRST) {
            return;
        }
        memory.clear(FIRST);
        // Dropped when others can go on.
        let _oldest = self.stacks.with(|kept| {
            let oldest = (kept.len() >= KEPT).then(|| kept.remove(0));
            kept.push(memory);
            oldest
        });
    }
}

/// Zeroed memory, which is freed with it.
struct Memory {
    start: NonNull<u64>,
    /// A multiple of 8, at least [`LEAST`], at most [`MOST`].
    bytes: usize,
}

// SAFETY: it is the only owner of what it points to.
unsafe impl Send for Memory {}

impl Memory {
    /// Clears the first `bytes` bytes, or all where there are fewer.
    fn clear(&mut self, bytes: usize) {
        // SAFETY: it owns that many bytes.
        unsafe { self.start.as_ptr().cast::<u8>().write_bytes(0, bytes.min(self.bytes)) }
    }
}

#[cfg(all(unix, not(miri)))]
impl Memory {
    fn new(bytes: usize) -> io::Result<Memory> {
        // Without MAP_NORESERVE: what the machine could never give is refused now.
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
        // SAFETY: a new mapping, which touches no other memory.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // A huge page would be cleared for the few slots that most calls use.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        // SAFETY: advice on the mapping that was just made.
        unsafe {
            libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE);
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Memory { start, bytes })
    }

    /// Gives all behind the first `from` bytes, whole pages, back to the system:
    /// it reads as zeroes. `false` where that cannot be.
    fn give_back(&mut self, from: usize) -> bool {
        // Only there are the pages sure to be zeroes afterwards.
        if !cfg!(any(target_os = "linux", target_os = "android")) {
            return false;
        }
        // SAFETY: the mapping is its own, and larger than that; an address that no page begins
        // at is refused.
        unsafe {
            let start = self.start.as_ptr().byte_add(from).cast();
            libc::madvise(start, self.bytes - from, libc::MADV_DONTNEED) == 0
        }
    }
}

#[cfg(all(unix, not(miri)))]
impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is its own, as long as when it was made, and nobody has it any more.
        unsafe {
            libc::munmap(self.start.as_ptr().cast(), self.bytes);
        }
    }
}

#[cfg(not(all(unix, not(miri))))]
impl Memory {
    fn layout(bytes: usize) -> Option<std::alloc::Layout> {
        std::alloc::Layout::from_size_align(bytes, 8).ok()
    }

    fn new(bytes: usize) -> io::Result<Memory> {
        let layout = Memory::layout(bytes).ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: it has at least `LEAST` bytes.
        let start = unsafe { std::alloc::alloc_zeroed(layout) };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Memory { start, bytes })
    }

    fn give_back(&mut self, _from: usize) -> bool {
        false
    }
}

#[cfg(not(all(unix, not(miri))))]
impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(layout) = Memory::layout(self.bytes) {
            // SAFETY: allocated with this layout, and nobody has it any more.
            unsafe { std::alloc::dealloc(self.start.as_ptr().cast(), layout) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every slot of a stack, of those that are in use.
    fn slots(stack: &mut Stack) -> &mut [u64] {
        let range = if stack.is_whole { stack.range(stack.bytes()) } else { stack.first() };
        let len = (range.end.addr() - range.start.addr()) / 8;
        // SAFETY: the stack owns them.
        unsafe { std::slice::from_raw_parts_mut(range.start, len) }
    }

    #[test]
    fn stacks_are_handed_on_with_nothing_in_them() {
        let stacks = Arc::new(Stacks::default());
        for bytes in [0, 8, 1000, FIRST, FIRST + 8, 100_000, 1 << 20] {
            for is_whole in [false, true, false] {
                let mut stack = stacks.take(bytes).unwrap();
                assert_eq!(stack.bytes(), bytes.max(LEAST) / 8 * 8);
                if is_whole {
                    assert_eq!(stack.whole().is_some(), bytes > FIRST);
                    assert!(stack.whole().is_none(), "once");
                }
                let slots = slots(&mut stack);
                assert!(slots.iter().all(|s| *s == 0), "{bytes}");
                slots.fill(u64::MAX);
            }
        }
    }

    #[test]
    fn few_are_kept_and_no_large_ones() {
        let stacks = Arc::new(Stacks::default());
        let many: Vec<_> = (0..3 * KEPT).map(|_| stacks.take(4096).unwrap()).collect();
        assert_eq!(stacks.kept(), 0);
        drop(many);
        assert_eq!(stacks.kept(), KEPT);
        drop(stacks.take(LARGEST_KEPT + 8).unwrap());
        assert_eq!(stacks.kept(), KEPT);
        let small = stacks.take(4096).unwrap();
        assert_eq!(stacks.kept(), KEPT - 1);
        drop(small);
        // Another size comes in, and the oldest goes.
        drop(stacks.take(8192).unwrap());
        assert_eq!(stacks.kept(), KEPT);
        drop(stacks.take(8192).unwrap());
        assert_eq!(stacks.kept(), KEPT);
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        let stacks = Arc::new(Stacks::default());
        for bytes in [usize::MAX, usize::MAX - 7, isize::MAX as usize, 1 << 62, 1 << 40, MOST + 1] {
            let error = stacks.take(bytes).map(|s| s.bytes()).unwrap_err();
            assert!(error.to_string().contains(&bytes.to_string()), "{error}");
        }
    }
}
