//! The device's memory: taken and given back in the order of the stream.
//!
//! ```text
//! let (address, held) = cuda.sent(&call.args[0])?;   // `held` lives until the kernel is launched
//! ```

use super::{Cuda, locked};
use crate::driver::{Failure, OUT_OF_MEMORY};
use cudarc::driver::{result, sys};
use nbc_runtime::device::{DeviceArg, DeviceError};
use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;

/// Bytes of each piece of memory, and their sum.
#[derive(Default)]
pub(super) struct Given {
    pub(super) pieces: HashMap<u64, usize>,
    pub(super) bytes: usize,
}

impl Cuda {
    /// Memory in the order of the stream. The context is current.
    pub(super) fn allocated(&self, bytes: usize) -> Result<u64, DeviceError> {
        let mut given = locked(&self.given);
        let fits = given.bytes.checked_add(bytes).is_some_and(|all| all <= self.most_memory);
        if bytes == 0 || !fits {
            return Err(DeviceError("no memory of the device is left to take".to_owned()));
        }
        // SAFETY: it is of that stream, and given back in its order.
        match unsafe { result::malloc_async(self.stream, bytes) }.map_err(Failure::from) {
            Ok(address) => {
                given.pieces.insert(address, bytes);
                given.bytes += bytes;
                Ok(address)
            }
            Err(failure) => {
                drop(given);
                self.failed(&failure);
                let what =
                    if failure.code == OUT_OF_MEMORY { "the device's memory is full" } else { &failure.text };
                Err(DeviceError(what.to_owned()))
            }
        }
    }

    /// Gives memory back behind what is queued. The context is current, or the device lost.
    pub(super) fn freed(&self, address: u64) {
        let mut given = locked(&self.given);
        let Some(bytes) = given.pieces.remove(&address) else { return };
        given.bytes -= bytes;
        drop(given);
        if self.lost.load(Ordering::Relaxed) {
            // The driver takes all of it back with the context.
            return;
        }
        // SAFETY: it was given out, and nobody uses it but what is queued already.
        if let Err(e) = unsafe { result::free_async(address, self.stream) } {
            let failure = Failure::from(e);
            self.failed(&failure);
            if !failure.is_for_good() {
                // It is still there, and is tried again when the device is dropped.
                let mut given = locked(&self.given);
                given.pieces.insert(address, bytes);
                given.bytes += bytes;
            }
        }
    }

    /// Copies to memory that is given out, as large at least. The context is current.
    pub(crate) fn copy_to(&self, to: u64, from: &[u8]) -> Result<(), DeviceError> {
        // SAFETY: so much memory is there; the driver has read pageable memory when it returns.
        self.noted(unsafe { result::memcpy_htod_async(to, from, self.stream) })
    }

    /// Copies from memory that is given out, as large at least, when all that is queued is done. The context is current.
    pub(crate) fn copy_from(&self, from: u64, to: &mut [MaybeUninit<u8>]) -> Result<(), DeviceError> {
        // SAFETY: so much memory is there, and the host's is not used until the stream has been waited for.
        unsafe {
            self.noted(result::memcpy_dtoh_async(to, from, self.stream))?;
            self.noted(result::stream::synchronize(self.stream))?;
        }
        self.queued.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// A piece of the device's memory that ends with what it is for.
    pub(crate) fn scratch(&self, bytes: usize) -> Result<Scratch<'_>, DeviceError> {
        Ok(Scratch { of: self, address: self.allocated(bytes)? })
    }

    /// Where an argument's elements are in the device's memory; they are sent there if need be.
    pub(crate) fn sent<'a>(&'a self, arg: &DeviceArg<'_>) -> Result<(u64, Option<Scratch<'a>>), DeviceError> {
        match arg {
            DeviceArg::Tensor(tensor) => Ok((tensor.memory.0.get() + tensor.offset as u64, None)),
            DeviceArg::Bytes { bytes, .. } => {
                let scratch = self.scratch(bytes.len())?;
                self.copy_to(scratch.address, bytes)?;
                Ok((scratch.address, Some(scratch)))
            }
            DeviceArg::Scalar(..) => Err(DeviceError("a scalar where a tensor should be".to_owned())),
        }
    }
}

/// Memory that ends with what it is for.
pub(crate) struct Scratch<'a> {
    of: &'a Cuda,
    pub(crate) address: u64,
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        self.of.freed(self.address);
    }
}

/// Memory stays with the pool when the stream has nothing to do: programs ask for it again. Where the
/// driver does not do so, it is slower and nothing else.
///
/// # Safety
/// The device is one of the driver's.
pub(super) unsafe fn keep_pool(device: sys::CUdevice) {
    let mut most = u64::MAX;
    // SAFETY: upheld by the caller; the attribute is a number of 64 bits.
    unsafe {
        if let Ok(pool) = result::device::get_default_mem_pool(device) {
            let threshold = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
            let _ = result::mem_pool::set_attribute(pool, threshold, (&raw mut most).cast());
        }
    }
}
