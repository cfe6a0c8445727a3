//! One call of an operation, as its kernel sees it: arguments, results, fuel
//! and what it asks of the instance.
//!
//! Fuel is charged from the shapes before a result is allocated.

use super::fused::{Deferred, Joins};
use crate::object::{BigIntRef, Element, ListRef, SparseRef, StrRef, TensorRef};
use crate::placement::Side;
use crate::plan::AtOperation;
use crate::region::Heap;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::{CATALOGUE, Cost, Extent, Operation, Work};
use nbc_ir::dims::Dims;
use nbc_ir::{Elem, Module, Type};
use std::mem::MaybeUninit;

/// What an item of a list is charged as: each is looked at, with the header of its object.
const BYTES_OF_ITEM: u64 = 256;

/// The services that a kernel needs of the instance that runs it.
pub trait OpHost {
    /// The instance's objects.
    fn heap(&mut self) -> &mut Heap;
    /// Operations of the instance that have been deferred.
    fn deferred(&mut self) -> &mut Deferred;
    /// Whether to go on: traps on interruption and when the deadline has passed.
    fn poll(&mut self) -> Result<(), TrapError>;
    /// Takes `fuel` units of fuel, or traps.
    fn charge(&mut self, fuel: u64) -> Result<(), TrapError>;
    /// The program, if what its functions compute may be computed elsewhere: where fuel is counted it may not.
    fn unmetered(&self) -> Option<&Module> {
        None
    }
    /// Calls the function that a `func` register refers to and returns its one result.
    fn call(&mut self, func: u64, args: &[u64]) -> Result<u64, TrapError>;
}

/// One call of an operation.
pub struct OpCall<'a> {
    pub(super) host: &'a mut dyn OpHost,
    pub(super) args: &'a [u64],
    pub(super) arg_types: &'a [Type],
    pub(super) elems: &'a [Elem],
    pub(super) list_len: usize,
    pub(super) results: &'a mut [u64],
    pub(super) cost: Cost,
    pub(super) plan: AtOperation,
    /// Whether it may join operations that a device is to run.
    pub(super) joins: Joins,
    /// A result that is charged for and made, of which a device has not written the elements.
    pub(super) prepared: Option<TensorRef>,
    /// Further results of that kind, where a kernel has asked a device for several.
    pub(super) ready: Vec<TensorRef>,
    /// On which side it runs, where a device wanted it.
    pub(super) side: Option<Side>,
    /// What it was charged for last.
    pub(super) charged: Work,
    /// Whether what the operation works in holds secrets.
    is_secret: bool,
}

/// A result whose elements are still to be written.
pub(super) struct Output<'a, T> {
    pub(super) tensor: TensorRef,
    pub(super) elements: &'a mut [MaybeUninit<T>],
}

impl<'a> OpCall<'a> {
    /// A call with flattened arguments (a bracketed list counts as its
    /// integers). `elems` stand for the operation's type variables, and
    /// `list_len` is the common length of bracketed lists.
    ///
    /// # Safety
    /// The arguments must be live values of their types in the heap of `host`.
    /// The verifier must accept the call for the operation that is going to
    /// run: its types and numbers of arguments and results.
    pub unsafe fn new(
        host: &'a mut dyn OpHost,
        args: &'a [u64],
        arg_types: &'a [Type],
        elems: &'a [Elem],
        list_len: usize,
        results: &'a mut [u64],
    ) -> OpCall<'a> {
        OpCall {
            host,
            args,
            arg_types,
            elems,
            list_len,
            results,
            cost: Cost::Constant,
            plan: AtOperation::default(),
            joins: Joins::Processor,
            prepared: None,
            ready: Vec::new(),
            side: None,
            charged: Work { flops: 0, bytes: 0 },
            is_secret: false,
        }
    }

    /// The same with what is known of it.
    ///
    /// # Safety
    /// What the plan says must be true. Of arguments that die neither these tensors nor views of them may be used
    /// afterwards, and no other argument may be a view of them. Between the first and the last call of a
    /// group nothing may look at the elements of its results.
    pub unsafe fn with_plan(mut self, plan: AtOperation) -> OpCall<'a> {
        self.plan = plan;
        self
    }

    /// Has the memory of what is secret overwritten when it is freed: the arguments and the result that the row says. Where it
    /// says nothing, what is made of something that lies with secrets is one, and so is a tensor that is written with it. What
    /// the operation works in is secret if any of it is.
    #[cold]
    pub(super) fn keep_secrets(&mut self, operation: &Operation) {
        for at in operation.secret {
            if self.arg_types[*at] == Type::BigInt {
                let number = self.bigint(*at);
                self.host.heap().keep_secret_number(number);
            } else {
                let tensor = self.tensor(*at);
                self.host.heap().keep_secret_of(tensor);
            }
        }
        let heap = self.host.heap();
        // SAFETY: arguments are live values of their types (`new`).
        let is_secret = |(slot, ty): (&u64, &Type)| unsafe { heap.may_be_secret(*slot, *ty) };
        let says = operation.secret_result || !operation.secret.is_empty();
        let has_secrets = self.args.iter().zip(self.arg_types).any(is_secret);
        if operation.secret_result || !says && has_secrets {
            heap.keep_secret();
        }
        self.is_secret = says || has_secrets;
        if self.is_secret {
            for at in operation.writes {
                let written = self.tensor(*at);
                self.host.heap().keep_secret_of(written);
            }
        }
    }

    /// Whether what the operation reads, makes or works in is secret.
    pub(super) fn is_secret(&self) -> bool {
        self.is_secret
    }

    /// Begins a region for what the operation works in.
    fn begin_working_space(&mut self) {
        self.host.heap().begin();
        if self.is_secret {
            self.host.heap().keep_secret();
        }
    }

    /// What the operation is called.
    pub(super) fn name(&mut self) -> &'static str {
        let operation = self.host.heap().placing().at_hand.operation as usize;
        CATALOGUE.get(operation).map_or("", |row| row.name)
    }

    /// The element type that stands for type variable number `var`.
    pub(super) fn elem(&self, var: usize) -> Elem {
        self.elems[var]
    }

    /// Argument `at`, a tensor.
    pub(super) fn tensor(&self, at: usize) -> TensorRef {
        debug_assert!(matches!(self.arg_types[at], Type::Tensor(_)));
        // SAFETY: arguments are live values of their types (`new`).
        unsafe { TensorRef::from_slot(self.args[at]) }
    }

    /// The elements of argument `at`, a tensor.
    ///
    /// Sound because arguments outlive the operation and only two kernels let
    /// anything write a tensor while they run: `tensor.assign` and
    /// `tensor.map`, which do not use this.
    pub(super) fn input<T: Element>(&self, at: usize) -> &'a [T] {
        // SAFETY: see above.
        unsafe { self.tensor(at).as_slice() }
    }

    /// Argument `at`, a string.
    pub(super) fn str(&self, at: usize) -> &'a str {
        debug_assert_eq!(self.arg_types[at], Type::Str);
        // SAFETY: arguments are live values of their types (`new`), outlive
        // the operation, and strings are immutable.
        unsafe { StrRef::from_slot(self.args[at]).as_str() }
    }

    /// Argument `at`, a list.
    pub(super) fn list(&self, at: usize) -> ListRef {
        debug_assert!(matches!(self.arg_types[at], Type::List(_)));
        // SAFETY: arguments are live values of their types (`new`).
        unsafe { ListRef::from_slot(self.args[at]) }
    }

    /// Argument `at`, a sparse matrix.
    pub(super) fn sparse(&self, at: usize) -> SparseRef {
        debug_assert!(matches!(self.arg_types[at], Type::Sparse(_)));
        // SAFETY: arguments are live values of their types (`new`).
        unsafe { SparseRef::from_slot(self.args[at]) }
    }

    /// Argument `at`, a big integer.
    pub(super) fn bigint(&self, at: usize) -> BigIntRef {
        debug_assert_eq!(self.arg_types[at], Type::BigInt);
        // SAFETY: arguments are live values of their types (`new`).
        unsafe { BigIntRef::from_slot(self.args[at]) }
    }

    /// Argument `at`, an `i64`.
    pub(super) fn int(&self, at: usize) -> i64 {
        self.args[at] as i64
    }

    /// The bracketed list that starts at argument `at`.
    pub(super) fn ints(&self, at: usize) -> &'a [u64] {
        &self.args[at..at + self.list_len]
    }

    /// The bracketed list that starts at argument `at`, as dims.
    pub(super) fn dims(&self, at: usize) -> Result<Dims, TrapError> {
        let given = self.ints(at);
        if let Some(d) = given.iter().find(|d| **d as i64 <= -1) {
            return Err(TrapError::new(TrapCode::InvalidArgument, format!("a dim of {}", *d as i64)));
        }
        Dims::new(given).ok_or_else(|| {
            TrapError::new(TrapCode::InvalidArgument, format!("{} dims; a tensor has at most 8", given.len()))
        })
    }

    /// Argument `at` as an axis of a tensor of rank `rank`.
    pub(super) fn axis(&self, at: usize, rank: usize) -> Result<usize, TrapError> {
        let axis = self.int(at);
        usize::try_from(axis).ok().filter(|a| *a < rank).ok_or_else(|| {
            let hint = if axis < 0 { ": axes count from 0, from the first on" } else { "" };
            let text = format!("axis {axis} of a tensor with {rank} dims{hint}");
            TrapError::new(TrapCode::IndexOutOfRange, text)
        })
    }

    /// What transforms have kept.
    #[cfg(feature = "fft")]
    pub(super) fn plans(&mut self) -> std::sync::Arc<nbc_numerics::fft::Plans> {
        self.host.heap().plans().clone()
    }

    /// Sets the first result.
    pub(super) fn set(&mut self, slot: u64) {
        self.set_as(0, slot);
    }

    /// Sets result number `n`.
    pub(super) fn set_as(&mut self, n: usize, slot: u64) {
        self.results[n] = slot;
    }

    /// Charges for the arguments and a result.
    pub(super) fn charge(&mut self, result: Extent) -> Result<(), TrapError> {
        if self.prepared.is_some() {
            return Ok(());
        }
        let (elements, work) = self.work_of(result);
        self.charge_work(elements, work)
    }

    /// Elements and work of the arguments and a result, by the row's cost.
    pub(super) fn work_of(&mut self, result: Extent) -> (u64, Work) {
        let mut elements = result.len;
        let args = (0..self.args.len()).filter_map(|at| match self.arg_types[at] {
            Type::Tensor(_) => {
                let tensor = self.tensor(at);
                Some(Extent {
                    len: tensor.len() as u64,
                    last: tensor.last_dim(),
                    rows: tensor.dims().iter().rev().nth(1).copied().unwrap_or(1),
                    bytes: tensor.bytes() as u64,
                })
            }
            Type::Sparse(_) => {
                let matrix = self.sparse(at);
                let ([rows, last], bytes) = (matrix.dims(), matrix.held() as u64);
                Some(Extent { len: matrix.stored() as u64, last, rows, bytes })
            }
            // What a string has of elements no operation counts, but its bytes.
            Type::Str => Some(Extent { bytes: self.str(at).len() as u64, ..Extent::NONE }),
            Type::BigInt => Some(Extent { bytes: (self.bigint(at).len() as u64) * 8, ..Extent::NONE }),
            Type::List(_) => Some(Extent {
                bytes: (self.list(at).len() as u64).saturating_mul(BYTES_OF_ITEM),
                ..Extent::NONE
            }),
            Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::Bool | Type::Func(_) => None,
        });
        let work = self.cost.work(args.inspect(|arg| elements = elements.max(arg.len)), result);
        (elements, work)
    }

    /// Charges for `work` over so many elements: of a row whose cost the kernel says.
    pub(super) fn charge_work(&mut self, elements: u64, work: Work) -> Result<(), TrapError> {
        if self.prepared.is_some() {
            return Ok(());
        }
        self.charged = work;
        let at_hand = &mut self.host.heap().placing_mut().at_hand;
        (at_hand.elements, at_hand.bytes) = (elements, work.bytes);
        self.host.charge(work.fuel())
    }

    /// Charges for and makes a result, its elements still to be written.
    pub(super) fn output<T: Element>(&mut self, dims: &[u64]) -> Result<Output<'a, T>, TrapError> {
        self.charge(Extent::new(dims, size_of::<T>()))?;
        self.output_charged(dims)
    }

    /// Makes a result that is already charged for.
    pub(super) fn output_charged<T: Element>(&mut self, dims: &[u64]) -> Result<Output<'a, T>, TrapError> {
        let tensor = self.made(T::ELEM, dims)?;
        let data = tensor.data().cast::<MaybeUninit<T>>();
        // SAFETY: the payload lives as long as the operation, in the present region; nothing else
        // refers to it.
        let elements = unsafe { std::slice::from_raw_parts_mut(data, tensor.len()) };
        Ok(Output { tensor, elements })
    }

    /// A result that is charged for, its elements still to be written.
    pub(super) fn made(&mut self, elem: Elem, dims: &[u64]) -> Result<TensorRef, TrapError> {
        if let Some(at) = self.ready.iter().position(|it| it.elem() == elem && *it.dims() == *dims) {
            return Ok(self.ready.remove(at));
        }
        match self.prepared.take() {
            Some(prepared) => {
                let is_it = prepared.elem() == elem && *prepared.dims() == *dims;
                assert!(is_it, "a result of the shape that the row says");
                Ok(prepared)
            }
            // SAFETY: the elements can only be reached through what is made here until it is the call's
            // result; whoever makes it that has written all of them.
            None => unsafe { self.host.heap().uninit(elem, dims) },
        }
    }

    /// A result that is charged for, whose elements are still to be written. It is in the memory of an argument
    /// that dies here, if there is one of as many elements as large. So arguments must be read as elements that
    /// somebody writes: through pointers, and each before the result's element of the same place is written.
    #[inline]
    pub(super) fn result_in_place(&mut self, elem: Elem, dims: &[u64]) -> Result<TensorRef, TrapError> {
        if self.plan.dying.is_empty()
            || !self.plan.in_place
            || self.prepared.is_some()
            || !self.ready.is_empty()
        {
            return self.made(elem, dims);
        }
        let (args, heap) = (self.args, self.host.heap());
        // SAFETY: arguments that die are live tensors until then (`new`, `with_plan`).
        let mut dying = self.plan.dying.iter().map(|at| unsafe { TensorRef::from_slot(args[at]) });
        let fits = |tensor: &TensorRef| {
            let is_as_large = tensor.elem().size() == elem.size() && *tensor.dims() == *dims;
            is_as_large && heap.may_be_taken_over(*tensor)
        };
        match dying.find(fits) {
            // SAFETY: nobody uses the argument after the operation (`with_plan`), nor reads
            // it otherwise than is said above.
            Some(old) => unsafe { heap.tensor_over(old, elem, dims) },
            None => self.made(elem, dims),
        }
    }

    /// Runs `work` with a region of its own, for what it needs besides results. Where it traps,
    /// the trap's way out ends that region too.
    ///
    /// # Safety
    /// Nothing that `work` makes may be used after it.
    pub(super) unsafe fn with_working_space(
        &mut self,
        work: impl FnOnce(&mut OpCall<'a>) -> Result<(), TrapError>,
    ) -> Result<(), TrapError> {
        self.begin_working_space();
        work(self)?;
        // SAFETY: upheld by the caller.
        unsafe { self.host.heap().end() };
        Ok(())
    }

    /// [`OpCall::with_working_space`] where `work` sets results besides: these are kept.
    ///
    /// # Safety
    /// Nothing else that `work` makes may be used after it, and results must be of the types that the row says.
    pub(super) unsafe fn with_results_kept(
        &mut self,
        types: &[Type],
        work: impl FnOnce(&mut OpCall<'a>) -> Result<(), TrapError>,
    ) -> Result<(), TrapError> {
        self.begin_working_space();
        work(self)?;
        let mut kept: Vec<(u64, Type)> = self.results.iter().copied().zip(types.iter().copied()).collect();
        // SAFETY: upheld by the caller.
        unsafe { self.host.heap().end_keep(&mut kept)? };
        for (result, (slot, _)) in self.results.iter_mut().zip(&kept) {
            *result = *slot;
        }
        Ok(())
    }

    /// Makes `output` the first result.
    ///
    /// # Safety
    /// Every element must have been written.
    pub(super) unsafe fn finish<T>(&mut self, output: Output<'a, T>) {
        self.set(output.tensor.slot());
    }

    /// Makes `output` result number `n`.
    ///
    /// # Safety
    /// Every element must have been written.
    pub(super) unsafe fn finish_as<T>(&mut self, n: usize, output: Output<'a, T>) {
        self.set_as(n, output.tensor.slot());
    }

    /// Makes a view of argument `at` the result.
    pub(super) fn finish_view(&mut self, at: usize, offset: u64, dims: &[u64]) -> Result<(), TrapError> {
        let tensor = self.tensor(at);
        let view = self.host.heap().view(tensor, offset, dims)?;
        self.set(view.slot());
        Ok(())
    }
}

/// The trap of shapes that do not go together: `what` says why.
#[cold]
pub(super) fn shape_mismatch(what: &str, a: &[u64], b: &[u64]) -> TrapError {
    TrapError::new(TrapCode::ShapeMismatch, format!("{what}: {a:?} and {b:?}"))
}
