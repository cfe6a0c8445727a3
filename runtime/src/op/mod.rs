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
//! What they compute, to the bit, is written in `docs/numerics.md`. Which NaN
//! they leave in an element is not said; one that shows the bytes of elements
//! reads them through [`nan`](crate::object::nan).

mod broadcast;
mod create;
mod elementwise;
mod functions;
mod linalg;
mod movement;
mod random;
mod reduce;
mod reduce_axis;
mod simd;
mod strings;
mod threads;
mod work;

use crate::object::tensor::Dims;
use crate::object::{Element, StrRef, TensorRef};
use crate::region::Heap;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::{CATALOGUE, Cost, Shape};
use nbc_ir::{Elem, Type};
use std::mem::MaybeUninit;

pub use simd::dispatch_name;

/// What a kernel needs of the instance that runs it.
pub trait OpHost {
    /// The instance's objects.
    fn heap(&mut self) -> &mut Heap;
    /// Whether to go on: traps on interruption and when the deadline has passed.
    fn poll(&mut self) -> Result<(), TrapError>;
    /// Takes `fuel` units of fuel, or traps.
    fn charge(&mut self, fuel: u64) -> Result<(), TrapError>;
    /// Calls the function that a `func` register refers to and returns its one result.
    fn call(&mut self, func: u64, args: &[u64]) -> Result<u64, TrapError>;
}

/// A kernel. It is run by [`run_operation`].
pub type Kernel = fn(&mut OpCall<'_>) -> Result<(), TrapError>;

macro_rules! kernels {
    ($($kernel:ident $name:literal $signature:literal $shape:ident $kind:ident $pure:ident
        $cost:ident $(($flops:literal))? $doc:literal;)*) => {
        /// The kernel of every row of [`CATALOGUE`], in its order.
        pub static KERNELS: &[Kernel] = {
            use create::*;
            use elementwise::*;
            use functions::*;
            use linalg::*;
            use movement::*;
            use random::*;
            use reduce::*;
            use reduce_axis::*;
            use strings::*;
            &[$($kernel),*]
        };
    };
}
nbc_ir::for_each_operation!(kernels);

/// Runs row `index` of the catalogue. On success all results are set and its
/// fuel is charged; on a trap none is set.
///
/// # Panics
/// When there is no such row.
pub fn run_operation(index: usize, mut call: OpCall<'_>) -> Result<(), TrapError> {
    let operation = &CATALOGUE[index];
    call.cost = operation.cost;
    if operation.shape == Shape::Scalar {
        call.charge(0, 0)?;
    }
    KERNELS[index](&mut call)
}

/// One call of an operation.
pub struct OpCall<'a> {
    host: &'a mut dyn OpHost,
    args: &'a [u64],
    arg_types: &'a [Type],
    elems: &'a [Elem],
    list_len: usize,
    results: &'a mut [u64],
    cost: Cost,
}

/// A result whose elements are still to be written.
struct Output<'a, T> {
    tensor: TensorRef,
    elements: &'a mut [MaybeUninit<T>],
}

impl<'a> OpCall<'a> {
    /// A call with flattened arguments (a bracketed list counts as its
    /// integers), the element types that stand for the operation's type
    /// variables, and the common length of bracketed lists.
    ///
    /// # Safety
    /// The arguments must be live values of their types in the heap of `host`,
    /// and the call must be one that the verifier accepts for the operation
    /// that is going to run: its types and numbers of arguments and results.
    pub unsafe fn new(
        host: &'a mut dyn OpHost,
        args: &'a [u64],
        arg_types: &'a [Type],
        elems: &'a [Elem],
        list_len: usize,
        results: &'a mut [u64],
    ) -> OpCall<'a> {
        OpCall { host, args, arg_types, elems, list_len, results, cost: Cost::Constant }
    }

    /// What stands for type variable number `var`.
    fn elem(&self, var: usize) -> Elem {
        self.elems[var]
    }

    /// Argument `at`, a tensor.
    fn tensor(&self, at: usize) -> TensorRef {
        debug_assert!(matches!(self.arg_types[at], Type::Tensor(_)));
        // SAFETY: arguments are live values of their types (`new`).
        unsafe { TensorRef::from_slot(self.args[at]) }
    }

    /// The elements of argument `at`, a tensor.
    ///
    /// Sound because arguments outlive the operation and only two kernels let
    /// anything write a tensor while they run: `tensor.assign` and
    /// `tensor.map`, which do not use this.
    fn input<T: Element>(&self, at: usize) -> &'a [T] {
        // SAFETY: see above.
        unsafe { self.tensor(at).as_slice() }
    }

    /// Argument `at`, a string.
    fn str(&self, at: usize) -> &'a str {
        debug_assert_eq!(self.arg_types[at], Type::Str);
        // SAFETY: arguments are live values of their types (`new`), outlive
        // the operation, and strings are immutable.
        unsafe { StrRef::from_slot(self.args[at]).as_str() }
    }

    /// Argument `at`, an `i64`.
    fn int(&self, at: usize) -> i64 {
        self.args[at] as i64
    }

    /// The bracketed list that starts at argument `at`.
    fn ints(&self, at: usize) -> &'a [u64] {
        &self.args[at..at + self.list_len]
    }

    /// The bracketed list that starts at argument `at`, as dims.
    fn dims(&self, at: usize) -> Result<Dims, TrapError> {
        let given = self.ints(at);
        if let Some(d) = given.iter().find(|d| **d as i64 <= -1) {
            return Err(TrapError::new(TrapCode::InvalidArgument, format!("a dim of {}", *d as i64)));
        }
        Dims::new(given).ok_or_else(|| {
            TrapError::new(TrapCode::InvalidArgument, format!("{} dims; a tensor has at most 8", given.len()))
        })
    }

    /// Argument `at` as an axis of a tensor of rank `rank`.
    fn axis(&self, at: usize, rank: usize) -> Result<usize, TrapError> {
        let axis = self.int(at);
        usize::try_from(axis).ok().filter(|a| *a < rank).ok_or_else(|| {
            TrapError::new(TrapCode::IndexOutOfRange, format!("axis {axis} of a tensor with {rank} dims"))
        })
    }

    /// Sets the one result.
    fn set(&mut self, slot: u64) {
        self.results[0] = slot;
    }

    /// Charges for the arguments and a result of `len` elements of `bytes` bytes in all.
    fn charge(&mut self, len: u64, bytes: u64) -> Result<(), TrapError> {
        let Cost::PerElement(flops) = self.cost else { return Ok(()) };
        let (mut most, mut moved) = (len, bytes);
        for at in 0..self.args.len() {
            match self.arg_types[at] {
                Type::Tensor(_) => {
                    let tensor = self.tensor(at);
                    most = most.max(tensor.len() as u64);
                    moved = moved.saturating_add(tensor.bytes() as u64);
                }
                Type::Str => moved = moved.saturating_add(self.str(at).len() as u64),
                _ => {}
            }
        }
        self.charge_work(most.saturating_mul(flops as u64), moved)
    }

    /// Charges for that many operations on that many bytes.
    fn charge_work(&mut self, flops: u64, bytes: u64) -> Result<(), TrapError> {
        self.host.charge(flops.saturating_add(bytes / 8) / 16)
    }

    /// Charges for and makes a result, its elements still to be written.
    fn output<T: Element>(&mut self, dims: &[u64]) -> Result<Output<'a, T>, TrapError> {
        let len = crate::object::tensor::count(dims).unwrap_or(u64::MAX);
        self.charge(len, len.saturating_mul(size_of::<T>() as u64))?;
        self.output_charged(dims)
    }

    /// Makes a result that is already charged for.
    fn output_charged<T: Element>(&mut self, dims: &[u64]) -> Result<Output<'a, T>, TrapError> {
        // SAFETY: the elements can only be reached through the output until
        // `finish`, whose callers have written all of them. The payload lives
        // as long as the operation, in the present region; nothing else
        // refers to it.
        unsafe {
            let tensor = self.host.heap().uninit(T::ELEM, dims)?;
            let data = tensor.data().cast::<MaybeUninit<T>>();
            Ok(Output { tensor, elements: std::slice::from_raw_parts_mut(data, tensor.len()) })
        }
    }

    /// Makes `output` the result.
    ///
    /// # Safety
    /// Every element must have been written.
    unsafe fn finish<T>(&mut self, output: Output<'a, T>) {
        self.set(output.tensor.slot());
    }

    /// Makes a view of argument `at` the result.
    fn finish_view(&mut self, at: usize, offset: u64, dims: &[u64]) -> Result<(), TrapError> {
        let tensor = self.tensor(at);
        let view = self.host.heap().view(tensor, offset, dims)?;
        self.set(view.slot());
        Ok(())
    }
}

/// The trap of shapes that do not go together: `what` says why.
#[cold]
fn shape_mismatch(what: &str, a: &[u64], b: &[u64]) -> TrapError {
    TrapError::new(TrapCode::ShapeMismatch, format!("{what}: {a:?} and {b:?}"))
}

#[cfg(test)]
mod tests;
