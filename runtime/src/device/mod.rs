//! The seam for devices: what runs whole-array operations elsewhere, in memory of its own.
//!
//! A [`Device`] is handed to [`Config`](crate::engine::Config::device) as a tier is. The runtime knows
//! no driver. A program that runs without a device differs in speed, never in an answer beyond what the
//! device's documentation allows. What a device cannot do, or fails at, the processor does.
//!
//! An operation goes to a device where [`Device::takes`] says so, and only under three conditions. Its result
//! is large and new, its shape follows from dims, scalars and lists of integers, and it cannot trap any more. A row that writes
//! into an argument goes there instead where one of its tensors is there already. Indices and
//! divisors are looked at before: where the device has them, by folds that it computes. Decompositions and Fourier
//! transforms, for which devices have libraries, may have several results, and trap yet: there the device fails, and the
//! processor says what is wrong. The result stays there until the
//! host wants it. Where that is, each pooled buffer says in its head (`region/residency.rs`): headers of tensors never change.
//!
//! A device that [runs groups](Device::runs_groups) is also handed operations that make one pass, as one
//! [`DeviceGroup`]. Each has been checked and charged for in its own place; only elements are left to be computed.
//!
//! Invariant: nothing on the host reads or writes elements that are not there. Kernels have their arguments
//! brought home, so does what copies objects or hands them to the host; loads and stores of elements
//! follow a step that the [plan](crate::plan) has put before them. A [null device](null::NullDevice)
//! spoils what has not been brought home, so that a missing step is a wrong answer.

pub mod group;
pub mod map;
pub mod null;
pub mod system;

use crate::placement::DeviceRates;
use group::DeviceGroup;
use map::DeviceMap;
use nbc_ir::catalogue::Operation;
use nbc_ir::{Elem, FuncId, Module, Type};
use std::fmt;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use system::{Begin, DeviceSparse, DeviceSystem, Ended};

/// A piece of a device's memory, by the number that the device has for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DeviceMemory(pub NonZeroU64);

/// Why a device did not do what it was asked for.
#[derive(Clone, Debug)]
pub struct DeviceError(pub String);

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DeviceError {}

/// A tensor that a device has.
#[derive(Clone, Copy, Debug)]
pub struct DeviceTensor<'a> {
    /// Where its elements are.
    pub memory: DeviceMemory,
    /// How many bytes before the first of them.
    pub offset: usize,
    /// Their type.
    pub elem: Elem,
    /// Dims; the elements are in row-major order.
    pub dims: &'a [u64],
}

/// An argument of an operation.
#[derive(Clone, Copy, Debug)]
pub enum DeviceArg<'a> {
    /// A tensor in the device's memory.
    Tensor(DeviceTensor<'a>),
    /// A tensor that is too small to have been sent there, or belongs to the host.
    Bytes {
        /// The elements in row-major order, little-endian.
        bytes: &'a [u8],
        /// Their type.
        elem: Elem,
        /// Dims.
        dims: &'a [u64],
    },
    /// A scalar: its bits, low ones first, and its type.
    Scalar(u64, Type),
    /// A bracketed list of integers.
    Ints(&'a [u64]),
    /// A list of tensors.
    List(&'a [DeviceArg<'a>]),
    /// A string.
    Text(&'a str),
    /// A sparse matrix by rows.
    Sparse(&'a DeviceSparse<'a>),
}

impl DeviceArg<'_> {
    /// Dims of the tensor or matrix; none of a scalar or a list.
    pub fn dims(&self) -> &[u64] {
        match self {
            DeviceArg::Tensor(tensor) => tensor.dims,
            DeviceArg::Bytes { dims, .. } => dims,
            DeviceArg::Sparse(matrix) => matrix.dims,
            DeviceArg::Scalar(..) | DeviceArg::Ints(_) | DeviceArg::List(_) | DeviceArg::Text(_) => &[],
        }
    }
}

/// One call of an operation, for a device. It cannot trap but for want of memory: axes and lists go with the
/// dims, indices lie within, and integers are not divided by zero. A decomposition may trap, and
/// fails then.
#[derive(Clone, Copy)]
pub struct DeviceCall<'a> {
    /// The operation, with its cost as a function of shapes.
    pub operation: &'static Operation,
    /// The element types that stand for its type variables.
    pub elems: &'a [Elem],
    /// The arguments, one for each parameter.
    pub args: &'a [DeviceArg<'a>],
    /// The result: its elements are still to be written, and nothing else lies there. Of a row that writes into an argument it
    /// is that argument. Others may lie in it, or be the same: they are read as they were before.
    pub result: DeviceTensor<'a>,
    /// Further results, of operations with several, likewise.
    pub others: &'a [DeviceTensor<'a>],
    /// What the host has found out of the arguments. Of a Fourier transform, the first is the number by which its
    /// results are multiplied, as the bits of an `f64`. Then comes how many numbers the last axis has where they are
    /// real, and the axes in their order; lengths are those of the tensors. Of others nothing.
    pub found: &'a [u64],
    /// Whether the program has to stop. What takes long asks each millisecond or so, and fails then.
    pub must_stop: &'a dyn Fn() -> bool,
}

/// A device with memory of its own. Methods are called from any thread, from several at once too. One is
/// shared by all instances of an engine. What panics has failed.
///
/// # Safety
/// [`Device::run`] and [`Device::run_system`] write every element of the result with a value of its type, or fail. A row that
/// writes into an argument gets that tensor as its result: there it does all that the row says, or fails and has written nothing. So does
/// [`Device::run_group`] with the results that are wanted, and [`Device::run_map`] if all elements count. [`Device::to_host`]
/// writes every byte, with what has been written there last, or fails.
pub unsafe trait Device: Send + Sync {
    /// Its name, for people.
    fn name(&self) -> &str;

    /// Whether it wants a call of `operation` with those element types and dims of arguments and
    /// result: whether that is quicker there, all in all. A list of tensors stands for each of them.
    /// Whether it can run a call of `operation` with those element types and dims of arguments and result, and
    /// wants to. Whether that is quicker [`Device::rates`] tell.
    fn takes(&self, operation: &'static Operation, elems: &[Elem], args: &[&[u64]], result: &[u64]) -> bool;

    /// Whether it stands for a device that is not there: then its times mean nothing, and are not measured.
    fn is_simulated(&self) -> bool {
        false
    }

    /// How fast it is, if that was measured. Then an operation that it takes goes there where that is predicted to take less
    /// time, all in all (`docs/placement.md`); else wherever it is taken.
    fn rates(&self) -> Option<DeviceRates> {
        None
    }

    /// Memory for `bytes` bytes; `None` when there is not so much.
    fn allocate(&self, bytes: usize) -> Option<DeviceMemory>;

    /// Takes memory back.
    fn free(&self, memory: DeviceMemory);

    /// Whether secrets may go there: what rows of the catalogue call secret, and whatever lies in a region with such. It is for
    /// who opens the device to say so. One that says yes overwrites all memory in which secrets may be before somebody
    /// else gets it, also what it works in.
    fn may_hold_secrets(&self) -> bool {
        false
    }

    /// Overwrites memory with zeros, behind what has been asked for so far. What cannot be overwritten is not given to
    /// anybody else.
    fn wipe(&self, memory: DeviceMemory);

    /// Copies `from` to the start of `to`.
    ///
    /// # Errors
    /// The host keeps what it has.
    fn to_device(&self, from: &[u8], to: DeviceMemory) -> Result<(), DeviceError>;

    /// Copies from the start of `from`.
    ///
    /// # Errors
    /// What was only there is lost: the program traps.
    fn to_host(&self, from: DeviceMemory, to: &mut [MaybeUninit<u8>]) -> Result<(), DeviceError>;

    /// Runs an operation. What it does must be over, or be ordered before what it is asked for
    /// next.
    ///
    /// # Errors
    /// The processor runs it instead.
    fn run(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError>;

    /// Whether it runs groups of operations. Where it does not, each operation goes there by itself.
    fn runs_groups(&self) -> bool {
        false
    }

    /// Whether it wants a call of `operation` in a group, with those element types and dims of arguments and
    /// result. A reduction that ends a group has a result without dims.
    fn takes_in_group(
        &self,
        _operation: &'static Operation,
        _elems: &[Elem],
        _args: &[&[u64]],
        _result: &[u64],
    ) -> bool {
        false
    }

    /// Runs a group of operations, under the same terms as [`Device::run`].
    ///
    /// # Errors
    /// The processor runs it instead: what it reads is as it was.
    fn run_group(&self, _group: &DeviceGroup<'_>) -> Result<(), DeviceError> {
        Err(DeviceError("it runs no groups".to_owned()))
    }

    /// Whether it can run a function of the program for each element, one that computes a scalar of scalars.
    fn translates(&self, _module: &Module, _function: FuncId) -> bool {
        false
    }

    /// Runs a function for each element, under the same terms as [`Device::run`]. Whether all elements count: where one
    /// of them would trap, or takes long, the processor has to run the function for all of them.
    ///
    /// # Errors
    /// The processor runs it instead.
    fn run_map(&self, _map: &DeviceMap<'_>) -> Result<bool, DeviceError> {
        Err(DeviceError("it runs no functions".to_owned()))
    }

    /// Whether it solves systems of equations by the iteration that `operation` says, of such elements.
    fn takes_system(&self, _operation: &'static Operation, _elem: Elem) -> bool {
        false
    }

    /// Solves a system by iteration, under the same terms as [`Device::run`]. What it came to; where it has not converged the
    /// program traps, as it does on the processor.
    ///
    /// # Errors
    /// The processor solves it instead, from zero.
    fn run_system(&self, _system: &DeviceSystem<'_>, _begin: Begin<'_>) -> Result<Ended, DeviceError> {
        Err(DeviceError("it solves no systems".to_owned()))
    }

    /// What the host finds where elements are that have not been brought home; for tests, that see
    /// by it what reads them too early.
    fn spoils(&self) -> Option<u8> {
        None
    }
}

/// What a device answers; nothing where it panics, for a panic must not unwind through running code.
pub(crate) fn asked<R>(ask: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(ask)) {
        Ok(answer) => Some(answer),
        Err(panic) => {
            // What it carries may panic when it is dropped.
            std::mem::forget(panic);
            None
        }
    }
}

/// What an instance has asked of its device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeviceCounts {
    /// Operations that it has run, those of groups among them.
    pub operations: u64,
    /// Groups of operations that it has run.
    pub groups: u64,
    /// Operations and groups that it wanted and failed at, so that the processor ran them.
    pub failed: u64,
    /// Copies to the device.
    pub to_device: u64,
    /// Bytes of them.
    pub bytes_to_device: u64,
    /// Copies to the host.
    pub to_host: u64,
    /// Bytes of them.
    pub bytes_to_host: u64,
}
