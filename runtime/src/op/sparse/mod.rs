//! Sparse matrices: a file for what makes them, what looks at them, and each kind of arithmetic.
//!
//! What is computed is in [`nbc_numerics::sparse`]; here shapes are checked, work is charged, and results are made.
//! A kernel that makes a matrix takes its three tensors as zeros, has them filled, and hands them to
//! [`result`], which freezes them. Each cost depends on how many elements are stored, so kernels say
//! it themselves, before they do anything.

mod build;
mod combine;
mod convert;
#[cfg(feature = "linalg")]
mod direct;
mod iterate;
mod multigrid;
mod multiply;
mod on_device;
mod product;
mod triangular;

pub(super) use build::*;
pub(super) use combine::*;
pub(super) use convert::*;
#[cfg(feature = "linalg")]
pub(super) use direct::*;
pub(super) use iterate::*;
pub(super) use multiply::*;
pub(super) use product::*;
pub(super) use triangular::*;

use super::{OpCall, OpHost};
use crate::object::sparse::MOST;
use crate::object::{Element, Format, SparseRef, TensorRef};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_ir::catalogue::Work;
use nbc_numerics::sparse::{Compressed, Field};

type Done = Result<(), TrapError>;

/// The three tensors of a matrix that is being made, with their elements.
struct Parts<'a, T> {
    tensors: [TensorRef; 3],
    pointers: &'a mut [i64],
    indices: &'a mut [i32],
    values: &'a mut [T],
}

impl<T> Parts<'_, T> {
    fn slices(&mut self) -> (&mut [i64], &mut [i32], &mut [T]) {
        (&mut *self.pointers, &mut *self.indices, &mut *self.values)
    }
}

/// A tensor of zeros of rank 1, with its elements.
fn zeros<'a, T: Element>(call: &mut OpCall<'a>, len: usize) -> Result<(TensorRef, &'a mut [T]), TrapError> {
    let tensor = call.host.heap().zeros(T::ELEM, &[len as u64])?;
    // SAFETY: the tensor is new, so nobody else has its elements; it lives as long as the operation uses them.
    Ok((tensor, unsafe { tensor.as_mut_slice() }))
}

/// The three tensors of a matrix of so many rows (or columns) and stored elements, all zero.
fn parts<'a, T: Element>(
    call: &mut OpCall<'a>,
    major: usize,
    stored: usize,
) -> Result<Parts<'a, T>, TrapError> {
    let (starts, pointers) = zeros(call, major + 1)?;
    let (places, indices) = zeros(call, stored)?;
    let (elements, values) = zeros(call, stored)?;
    Ok(Parts { tensors: [starts, places, elements], pointers, indices, values })
}

/// Runs `work` with room for what it needs besides the matrix that it makes, which is the first result.
fn result<'a>(
    call: &mut OpCall<'a>,
    work: impl FnOnce(&mut OpCall<'a>) -> Result<(Format, [u64; 2], [TensorRef; 3]), TrapError>,
) -> Done {
    let ty = [Type::Sparse(call.elem(0))];
    let work = |call: &mut OpCall<'a>| {
        let (format, dims, tensors) = work(call)?;
        // SAFETY: kernels make matrices that are as they have to be; the tensors are new, or those of a matrix
        // already, and no program has a handle of them.
        let made = unsafe { call.host.heap().sparse(format, dims, tensors)? };
        call.set(made.slot());
        Ok(())
    };
    // SAFETY: nothing else that is made in there is used behind it, and the result is a sparse matrix.
    unsafe { call.with_results_kept(&ty, work) }
}

impl<'a> OpCall<'a> {
    /// The elements of argument `at`, a sparse matrix: rows of CSR, columns of CSC.
    fn compressed<T: Element + Field>(&self, at: usize) -> Compressed<'a, T> {
        of_matrix(self.sparse(at))
    }
}

/// The elements of a matrix: rows of CSR, columns of CSC.
fn of_matrix<'a, T: Element + Field>(matrix: SparseRef) -> Compressed<'a, T> {
    let [pointers, indices, values] = matrix.parts();
    let sides = by_format(matrix.format(), matrix.dims().map(|d| d as usize));
    // SAFETY: the tensors live as long as the matrix, an argument, and nothing ever writes them.
    unsafe { Compressed::new(sides, pointers.as_slice(), indices.as_slice(), values.as_slice()) }
}

/// The side by which elements are stored, and the other.
pub(in crate::op) fn by_format<S>(format: Format, [rows, cols]: [S; 2]) -> [S; 2] {
    match format {
        Format::Csr => [rows, cols],
        Format::Csc => [cols, rows],
    }
}

/// Charges for so much for each of `steps`, and so many bytes.
fn charge(call: &mut OpCall<'_>, steps: u64, flops: u64, bytes: u64) -> Done {
    call.charge_work(steps, Work { flops: steps.saturating_mul(flops), bytes })
}

/// The two sides in the bracketed list that begins at argument `at`.
fn sides(call: &OpCall<'_>, at: usize) -> Result<[usize; 2], TrapError> {
    let &[rows, cols] = call.ints(at) else {
        let text = format!("a sparse matrix has 2 dims, found {}", call.list_len);
        return Err(TrapError::new(TrapCode::RankMismatch, text));
    };
    for side in [rows, cols] {
        if side >= MOST {
            let side = side as i64;
            let text = format!("a side of {side}; a sparse matrix has from 0 to 2^31 - 1 rows and columns");
            return Err(TrapError::new(TrapCode::InvalidArgument, text));
        }
    }
    Ok([rows as usize, cols as usize])
}

/// The trap of a tensor that is of another rank than is wanted.
#[cold]
fn rank_mismatch(what: &str, dims: &[u64]) -> TrapError {
    TrapError::new(TrapCode::RankMismatch, format!("{what}, found dims {dims:?}"))
}

/// The question whether to go on, for what runs on this thread.
fn asking(host: &mut dyn OpHost) -> impl FnMut() -> Done + '_ {
    || host.poll()
}
