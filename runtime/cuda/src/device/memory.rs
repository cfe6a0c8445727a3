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
use std::sync::atomic::Ordering;

/// A piece of memory.
pub(super) struct Piece {
    bytes: usize,
    /// Whether it is overwritten before it is given back.
    is_secret: bool,
}

/// Pieces of memory by their addresses, and the sum of their bytes.
#[derive(Default)]
pub(super) struct Given {
    pub(super) pieces: HashMap<u64, Piece>,
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
                given.pieces.insert(address, Piece { bytes, is_secret: self.holds_secrets });
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

    /// Gives memory back behind what is queued, overwritten if need be. The context is current, or the device lost.
    pub(super) fn freed(&self, address: u64) {
        let mut given = locked(&self.given);
        let Some(piece) = given.pieces.remove(&address) else { return };
        given.bytes -= piece.bytes;
        drop(given);
        if self.lost.load(Ordering::Relaxed) {
            // The driver takes all of it back with the context.
            return;
        }
        let overwritten = if piece.is_secret { self.zero(address, piece.bytes) } else { Ok(()) };
        let done = overwritten.and_then(|()| {
            // SAFETY: it was given out, and nobody uses it but what is queued already.
            self.noted(unsafe { result::free_async(address, self.stream) })
        });
        if done.is_err() && !self.lost.load(Ordering::Relaxed) {
            // It is still there, and is tried again when the device is dropped.
            let mut given = locked(&self.given);
            given.bytes += piece.bytes;
            given.pieces.insert(address, piece);
        }
    }

    /// Overwrites a piece with zeros. What fails is done when it is given back. The context is current.
    pub(super) fn wiped(&self, address: u64) {
        let mut given = locked(&self.given);
        let Some(piece) = given.pieces.get_mut(&address) else { return };
        let (bytes, was_secret) = (piece.bytes, piece.is_secret);
        piece.is_secret = true;
        drop(given);
        if self.zero(address, bytes).is_ok()
            && let Some(piece) = locked(&self.given).pieces.get_mut(&address)
        {
            piece.is_secret = was_secret;
        }
    }

    /// Queues that so many bytes become zeros. The context is current.
    pub(crate) fn zero(&self, address: u64, bytes: usize) -> Result<(), DeviceError> {
        // SAFETY: it is memory that was given out, and has so many bytes.
        self.noted(unsafe { result::memset_d8_async(address, 0, bytes, self.stream) })
    }

    /// Waits, and reads so many bytes. The context is current.
    pub(crate) fn read(&self, address: u64, to: &mut [u8]) -> Result<(), DeviceError> {
        // SAFETY: so much memory is there, and the host's is not used until the stream has been waited for.
        unsafe {
            self.noted(result::memcpy_dtoh_async(to, address, self.stream))?;
            self.noted(result::stream::synchronize(self.stream))?;
        }
        self.queued.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// A piece of the device's memory that ends with what it is for.
    pub(crate) fn scratch(&self, bytes: usize) -> Result<Scratch<'_>, DeviceError> {
        Ok(Scratch { of: self, address: self.allocated(bytes)? })
    }

    /// A number of 32 bits, which is 0: a kernel raises it.
    pub(crate) fn flag(&self) -> Result<Scratch<'_>, DeviceError> {
        let flag = self.scratch(size_of::<i32>())?;
        // SAFETY: so much memory is there; the driver has read pageable memory when it returns.
        self.noted(unsafe { result::memcpy_htod_async(flag.address, &[0i32], self.stream) })?;
        Ok(flag)
    }

    /// Whether it has been raised by what was launched so far, which is waited for.
    pub(crate) fn is_raised(&self, flag: &Scratch<'_>) -> Result<bool, DeviceError> {
        let mut raised = [0i32];
        // SAFETY: so much memory is there, and the host's is not used until the stream has been waited for.
        unsafe {
            self.noted(result::memcpy_dtoh_async(&mut raised, flag.address, self.stream))?;
            self.noted(result::stream::synchronize(self.stream))?;
        }
        self.queued.store(0, Ordering::Relaxed);
        Ok(raised[0] != 0)
    }

    /// Where an argument's elements are in the device's memory; they are sent there if need be.
    pub(crate) fn sent<'a>(&'a self, arg: &DeviceArg<'_>) -> Result<(u64, Option<Scratch<'a>>), DeviceError> {
        match arg {
            DeviceArg::Tensor(tensor) => Ok((tensor.memory.0.get() + tensor.offset as u64, None)),
            DeviceArg::Bytes { bytes, .. } => {
                let scratch = self.scratch(bytes.len())?;
                // SAFETY: so much memory is there; the driver has read pageable memory when it returns.
                self.noted(unsafe { result::memcpy_htod_async(scratch.address, bytes, self.stream) })?;
                Ok((scratch.address, Some(scratch)))
            }
            DeviceArg::Scalar(..)
            | DeviceArg::Ints(_)
            | DeviceArg::List(_)
            | DeviceArg::Text(_)
            | DeviceArg::Sparse(_) => Err(DeviceError("something else where a tensor should be".to_owned())),
        }
    }

    /// The same of what may have no elements, and is nowhere then.
    pub(crate) fn sent_if_any<'a>(
        &'a self,
        arg: &DeviceArg<'_>,
    ) -> Result<(u64, Option<Scratch<'a>>), DeviceError> {
        match arg {
            DeviceArg::Bytes { bytes: [], .. } => Ok((0, None)),
            arg => self.sent(arg),
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
