//! Parameters of a kernel, and the grid that it is launched with.

use crate::driver::Failure;
use cudarc::driver::{result, sys};
use std::ffi::c_void;

/// Threads of a block: what all kernels are bounded to.
pub(crate) const THREADS: u64 = 256;

/// Parameters, each in a place of its own: at most 16 bytes.
#[derive(Clone, Default)]
pub(crate) struct Parameters {
    values: Vec<[u64; 2]>,
}

impl Parameters {
    /// Adds an address.
    pub(crate) fn address(&mut self, address: u64) {
        self.values.push([address, 0]);
    }

    /// Adds numbers of 64 bits.
    pub(crate) fn numbers(&mut self, numbers: &[u64]) {
        self.values.extend(numbers.iter().map(|n| [*n, 0]));
    }

    /// Adds an element by its bytes, at most 16 of them.
    pub(crate) fn element(&mut self, bytes: &[u8]) {
        let mut value = [0; 16];
        value[..bytes.len()].copy_from_slice(bytes);
        let half = |n: usize| u64::from_le_bytes(value[n..n + 8].try_into().expect("eight bytes"));
        self.values.push([half(0), half(8)]);
    }

    /// Adds those of `other`.
    pub(crate) fn append(&mut self, other: &Parameters) {
        self.values.extend(&other.values);
    }

    /// At most how many bytes the kernel takes for them.
    pub(crate) fn most_bytes(&self) -> usize {
        self.values.len() * size_of::<[u64; 2]>()
    }

    /// Launches `function` with them.
    ///
    /// # Safety
    /// They are the parameters of the function, and memory that it reads and writes is there until the stream has
    /// come so far.
    pub(crate) unsafe fn launch(
        &mut self,
        function: sys::CUfunction,
        grid: (u32, u32, u32),
        stream: sys::CUstream,
    ) -> Result<(), Failure> {
        let mut places: Vec<*mut c_void> = self.values.iter_mut().map(|v| v.as_mut_ptr().cast()).collect();
        let block = (THREADS as u32, 1, 1);
        // SAFETY: upheld by the caller. The driver copies parameters before it returns.
        unsafe { result::launch_kernel(function, grid, block, 0, stream, &mut places) }.map_err(Failure::from)
    }
}

/// Blocks for so many pieces of work: kernels go on with what is left.
pub(crate) fn blocks(pieces: u64) -> u32 {
    pieces.clamp(1, 1 << 20) as u32
}
