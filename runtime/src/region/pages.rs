//! Huge pages for large buffers, where the system leaves it to the program.
//!
//! A large buffer is thousands of pages of 4 KiB. Each costs a fault when it is first written, and an entry of the
//! translation buffer whenever it is read. In pages of 2 MiB both are nearly free. Linux has three settings for
//! them: `always`, `never`, and `madvise`, in which a program has to ask. NumPy asks for arrays from the same size on.
//!
//! Invariant: it is advice. What memory holds and how much is charged for does not change.
//!
//! ```text
//! let start = alloc(layout);
//! pages::huge(start, layout.size());   // before anything is written
//! ```

use std::ptr::NonNull;

/// Allocations from this size on: smaller ones hold hardly a whole huge page.
#[cfg(all(target_os = "linux", not(miri)))]
const LEAST: usize = 4 << 20;

/// Asks for huge pages in an allocation of so many bytes.
#[cfg(all(target_os = "linux", not(miri)))]
pub(super) fn huge(start: NonNull<u8>, bytes: usize) {
    // That of x86-64 and most others; where pages are larger, the system refuses the advice.
    const PAGE: usize = 4096;
    let lead = start.align_offset(PAGE);
    if bytes < LEAST || lead >= bytes {
        return;
    }
    // SAFETY: advice on whole pages of an allocation; the system rounds the length up to a page that the
    // allocation lies on. What is there keeps its contents.
    unsafe {
        libc::madvise(start.as_ptr().add(lead).cast(), bytes - lead, libc::MADV_HUGEPAGE);
    }
}

/// Elsewhere there is nothing to ask for.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(super) fn huge(_start: NonNull<u8>, _bytes: usize) {}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use crate::region::pool::Buffer;

    /// What the system says of the mapping that an address lies in.
    fn flags(address: usize) -> Option<String> {
        let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
        let mut is_there = false;
        for line in maps.lines() {
            let ends = line.split(' ').next().and_then(|word| word.split_once('-'));
            if let Some((Ok(from), Ok(to))) =
                ends.map(|(a, b)| (usize::from_str_radix(a, 16), usize::from_str_radix(b, 16)))
            {
                is_there = (from..to).contains(&address);
            }
            if let Some(flags) = line.strip_prefix("VmFlags:").filter(|_| is_there) {
                return Some(flags.to_owned());
            }
        }
        None
    }

    #[test]
    fn large_buffers_ask_for_huge_pages() {
        let setting = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
        if setting.is_err() {
            println!("skipped: this system has no huge pages");
            return;
        }
        let large = Buffer::allocate(64 << 20, true).expect("memory");
        let middle = large.data() as usize + (32 << 20);
        if let Some(flags) = flags(middle) {
            assert!(flags.split_whitespace().any(|flag| flag == "hg"), "{flags}");
        }
        // SAFETY: nobody else has it.
        unsafe { large.free() };
    }
}
