//! Operations whose kernels ask the device: decompositions of matrices and Fourier transforms, for which it has libraries,
//! and products of sparse matrices. Iterations ask as well, in a way of their own (`sparse/on_device.rs`).
//!
//! What such a call does follows from more than dims: axes, lengths, norms, formats, how many results there are. So the kernel asks.
//! It has looked at its arguments and charged for them by then, and has not looked at an element:
//!
//! ```text
//! call.charge(..)?;
//! if call.by_library(&[(T::ELEM, dims)], &[axis])? {
//!     return Ok(());              // all results are set
//! }
//! finite::<T>(call, 0)?;          // elements are at home: the kernel goes on
//! ```
//!
//! Invariant: fuel and traps of shapes are the kernel's own, as it has charged and checked before it asks. A device that meets
//! what traps (a singular matrix, NaN) fails, and the kernel finds it again and says it. Results that were made for
//! the device are the kernel's then, so that memory is charged once. What a kernel works in on the processor is not
//! charged where the device works.

use super::OpCall;
use super::on_device::{Given, KERNELS, SIGNATURES, dims_of, given, may_hold, sent, tensors_of};
use crate::device::system::DeviceSparse;
use crate::device::{Device, DeviceArg, DeviceCall, DeviceMemory, DeviceTensor, asked};
use crate::object::TensorRef;
use crate::region::pool::MEDIUM;
use crate::trap::TrapError;
use nbc_ir::Elem;
use nbc_ir::catalogue::{CATALOGUE, Extent, Operation};
use nbc_ir::dims::Dims;
use std::mem::MaybeUninit;
use std::sync::LazyLock;

/// Kernels that ask.
const ASKING: &[&str] = &[
    "fft_forward",
    "fft_inverse",
    "fft_forward_as",
    "fft_inverse_as",
    "fft_real",
    "fft_real_as",
    "fft_real_inverse",
    "fft_real_inverse_as",
    "fft_forward_axes",
    "fft_inverse_axes",
    "fft_forward_axes_as",
    "fft_inverse_axes_as",
    "fft_real_axes",
    "fft_real_axes_as",
    "fft_real_inverse_axes",
    "fft_real_inverse_axes_as",
    "linalg_solve",
    "linalg_solve_posdef",
    "linalg_lu",
    "linalg_cholesky",
    "linalg_qr",
    "linalg_svd",
    "linalg_svd_values",
    "linalg_eigh",
    "linalg_eigh_values",
    "sparse_matmul",
    "sparse_cg",
    "sparse_bicgstab",
];

/// Whether the kernel of each row asks.
static ASKS: LazyLock<Vec<bool>> =
    LazyLock::new(|| KERNELS.iter().map(|kernel| ASKING.contains(kernel)).collect());

/// Whether the kernel of row `index` asks the device itself: then its arguments stay where they are until it does.
pub(super) fn asks(index: usize) -> bool {
    ASKS[index]
}

/// A result that a device is to write.
struct Wanted {
    tensor: TensorRef,
    elem: Elem,
    dims: Dims,
    memory: DeviceMemory,
    /// Whether the memory is for this call alone: the tensor is too small to have some.
    is_lent: bool,
}

impl OpCall<'_> {
    /// Has a device compute all results, of those elements and dims. `found` are numbers that the kernel has found out
    /// ([`DeviceCall::found`]). Where it does not, arguments are at home, and the kernel is to go on.
    pub(super) fn by_library(&mut self, results: &[(Elem, Dims)], found: &[u64]) -> Result<bool, TrapError> {
        let Some(device) = self.host.heap().pool().device.clone() else { return Ok(false) };
        let index = self.host.heap().placing().at_hand.operation as usize;
        if !asks(index) {
            // They are at home already.
            return Ok(false);
        }
        let done = self.ask_library(&*device, &CATALOGUE[index], results, found)?;
        if !done {
            self.arguments_home()?;
        }
        Ok(done)
    }

    /// Sees to it that the host has the elements of all arguments.
    pub(super) fn arguments_home(&mut self) -> Result<(), TrapError> {
        for at in 0..self.args.len() {
            // SAFETY: arguments are live values of their types (`OpCall::new`).
            unsafe {
                self.host.heap().pool().bring_object_home(self.args[at], self.arg_types[at], false)?;
            }
        }
        Ok(())
    }

    fn ask_library(
        &mut self,
        device: &dyn Device,
        operation: &'static Operation,
        results: &[(Elem, Dims)],
        found: &[u64],
    ) -> Result<bool, TrapError> {
        // Libraries have memory of their own, in which secrets would stay behind.
        let is_librarys = operation.needs.is_some();
        if is_librarys && self.is_secret() || !may_hold(device, self) {
            return Ok(false);
        }
        let index = operation.index();
        let Some(given) = given(&SIGNATURES[index].params, self) else { return Ok(false) };
        let tensors = tensors_of(&given);
        let is_worth_it = tensors.iter().any(|tensor| tensor.bytes() >= MEDIUM);
        let fits = |(elem, dims): &(Elem, Dims)| {
            let bytes = Extent::new(dims, elem.size()).bytes;
            bytes > 0 && bytes <= isize::MAX as u64
        };
        if !is_worth_it || !results.iter().all(fits) {
            return Ok(false);
        }
        let all = dims_of(&given);
        if asked(|| device.takes(operation, self.elems, &all, &results[0].1)) != Some(true) {
            return Ok(false);
        }
        let bytes = results.iter().fold(0, |all, (elem, dims)| all + Extent::new(dims, elem.size()).bytes);
        if !self.goes_there(device, &tensors, bytes, self.charged) {
            return Ok(false);
        }
        let mut wanted = Vec::with_capacity(results.len());
        let made = self.made_for(device, results, &mut wanted)?;
        let done = made && self.run_library(device, operation, &given, &wanted, found);
        let home = wanted.iter().filter(|result| result.is_lent);
        for result in home {
            asked(|| device.free(result.memory));
        }
        let pool = self.host.heap().pool();
        if done {
            pool.counts.operations += 1;
            for (n, result) in wanted.iter().enumerate() {
                if !result.is_lent {
                    self.host.heap().pool().is_on_device(result.tensor);
                }
                self.set_as(n, result.tensor.slot());
            }
            self.side_done();
        } else {
            pool.counts.failed += 1;
            self.side = None;
            self.ready.extend(wanted.iter().map(|result| result.tensor));
        }
        // It may have failed because the program has to stop.
        self.host.poll().map(|()| done)
    }

    /// Makes the results, and memory of the device for each. Whether it has so much.
    fn made_for(
        &mut self,
        device: &dyn Device,
        results: &[(Elem, Dims)],
        wanted: &mut Vec<Wanted>,
    ) -> Result<bool, TrapError> {
        for (elem, dims) in results {
            // SAFETY: the device writes all elements, or the kernel does, which gets the same tensors.
            let tensor = unsafe { self.host.heap().uninit(*elem, dims)? };
            let (memory, is_lent) = match self.host.heap().pool().memory_for(tensor) {
                Some(memory) => (Some(memory), false),
                None => (asked(|| device.allocate(tensor.bytes())).flatten(), true),
            };
            let Some(memory) = memory else {
                self.ready.push(tensor);
                return Ok(false);
            };
            wanted.push(Wanted { tensor, elem: *elem, dims: *dims, memory, is_lent });
        }
        Ok(true)
    }

    /// Whether the device has computed all results, and the host has those that are too small to stay there.
    fn run_library(
        &mut self,
        device: &dyn Device,
        operation: &'static Operation,
        given: &[Given],
        wanted: &[Wanted],
        found: &[u64],
    ) -> bool {
        let heap = self.host.heap();
        let matrices: Vec<Option<DeviceSparse<'_>>> = given
            .iter()
            .map(|given| match given {
                Given::Sparse(matrix) => Some(matrix.sent(heap)),
                _ => None,
            })
            .collect();
        let mut args = Vec::with_capacity(given.len());
        for (given, matrix) in given.iter().zip(&matrices) {
            args.push(match given {
                Given::Tensor(tensor, dims) => sent(self.host.heap(), *tensor, dims),
                Given::Scalar(bits, ty) => DeviceArg::Scalar(*bits, *ty),
                Given::Ints(at) => DeviceArg::Ints(&self.args[at.clone()]),
                Given::Text(at) => DeviceArg::Text(self.str(*at)),
                Given::List(_) => return false,
                Given::Sparse(_) => match matrix {
                    Some(matrix) => DeviceArg::Sparse(matrix),
                    None => return false,
                },
            });
        }
        let outside = self.host.heap().interruption().clone();
        let must_stop = || outside.stopped_by().is_some();
        let places: Vec<DeviceTensor<'_>> = wanted
            .iter()
            .map(|result| DeviceTensor {
                memory: result.memory,
                offset: 0,
                elem: result.elem,
                dims: &result.dims,
            })
            .collect();
        let Some((result, others)) = places.split_first() else { return false };
        let asks = DeviceCall {
            operation,
            elems: self.elems,
            args: &args,
            result: *result,
            others,
            found,
            must_stop: &must_stop,
        };
        if !matches!(asked(|| device.run(&asks)), Some(Ok(()))) {
            return false;
        }
        for result in wanted.iter().filter(|result| result.is_lent) {
            let (to, bytes) = (result.tensor.data().cast::<MaybeUninit<u8>>(), result.tensor.bytes());
            // SAFETY: the payload has so many bytes, and is nobody else's yet.
            let to = unsafe { std::slice::from_raw_parts_mut(to, bytes) };
            if !matches!(asked(|| device.to_host(result.memory, to)), Some(Ok(()))) {
                return false;
            }
            let counts = &mut self.host.heap().pool().counts;
            counts.to_host += 1;
            counts.bytes_to_host += bytes as u64;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{ASKING, ASKS};
    use nbc_ir::catalogue::{Aliasing, CATALOGUE};

    #[test]
    fn rows_that_ask_are_there_and_write_into_nothing() {
        assert_eq!(ASKS.iter().filter(|asks| **asks).count(), ASKING.len());
        for (row, _) in CATALOGUE.iter().zip(&*ASKS).filter(|(_, asks)| **asks) {
            assert!(row.writes.is_empty() && row.pure && row.result == Aliasing::New, "{}", row.name);
        }
    }
}
