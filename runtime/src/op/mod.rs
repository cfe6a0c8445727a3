//! Kernels: what the operations of the catalogue do.
//!
//! A kernel is a function from register slots to register slots. The table
//! [`KERNELS`] has one for each row of [`nbc_ir::for_each_operation`], so a
//! row without a kernel does not compile. Kernels are run by
//! [`run_operation`], which charges their fuel from the shapes, before the
//! result is allocated. They ask the host's leave to go on at least every
//! millisecond or so ([`OpHost::poll`]) and otherwise know nothing of
//! instances, interpreters and clocks.
//!
//! What they compute, to the bit, is written in `docs/numerics.md`.

use crate::object::{Element, Scalar, StrRef, TensorRef};
use crate::region::Heap;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::{CATALOGUE, Cost, Operation};
use nbc_ir::{Elem, Type};
use std::mem::MaybeUninit;

/// What a kernel needs of the instance that runs it.
pub trait OpHost {
    /// The instance's objects.
    fn heap(&mut self) -> &mut Heap;
    /// Whether to go on: traps on interruption and when the deadline has passed.
    fn poll(&mut self) -> Result<(), TrapError>;
    /// Takes `fuel` units of fuel, or traps.
    fn charge(&mut self, fuel: u64) -> Result<(), TrapError>;
    /// Calls the function that a `func` register refers to; its results come
    /// back in `results`. Objects it made are in the present region.
    fn call(&mut self, func: u64, args: &[u64], results: &mut [u64]) -> Result<(), TrapError>;
}

/// A kernel.
pub type Kernel = fn(&mut OpCall<'_>) -> Result<(), TrapError>;

/// One call of an operation.
pub struct OpCall<'a> {
    host: &'a mut dyn OpHost,
    args: &'a [u64],
    arg_types: &'a [Type],
    elems: &'a [Elem],
    list_len: usize,
    results: &'a mut [u64],
    cost: Cost,
    charged: bool,
}

impl<'a> OpCall<'a> {
    /// A call with flattened arguments (a bracketed list counts as its
    /// integers), the element types that stand for the operation's type
    /// variables, and the common length of bracketed lists.
    ///
    /// # Safety
    /// The arguments must be live values of their types, and the verifier must
    /// have accepted the call: types and numbers of arguments and results are
    /// those of the operation that is going to run.
    pub unsafe fn new(
        host: &'a mut dyn OpHost,
        args: &'a [u64],
        arg_types: &'a [Type],
        elems: &'a [Elem],
        list_len: usize,
        results: &'a mut [u64],
    ) -> OpCall<'a> {
        OpCall { host, args, arg_types, elems, list_len, results, cost: Cost::Constant, charged: false }
    }
}
