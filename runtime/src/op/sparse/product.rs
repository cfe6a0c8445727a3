//! Products of sparse matrices with vectors and dense matrices.
//!
//! Rows are made on all cores where that pays: each piece has as many rows and stored elements, so
//! that a few long rows do not leave the others waiting.

use super::{Done, asking, charge, rank_mismatch};
use crate::object::element::with_elem;
use crate::object::{Element, Format};
use crate::op::work::{Leave, Shared, in_pieces};
use crate::op::{OpCall, OpHost, Output, shape_mismatch};
use nbc_ir::dims::Dims;
use nbc_numerics::sparse::product::{by_columns, by_rows};
use nbc_numerics::sparse::{Compressed, Field, Pace, STRETCH};
use std::mem::MaybeUninit;
use std::ops::Range;

/// About how many additions an element of a row takes, whose factor is somewhere else in memory.
const WEIGHT: usize = 4;

pub(in crate::op) fn sparse_matmul(call: &mut OpCall<'_>) -> Done {
    let (matrix, x) = (call.sparse(0), call.tensor(1).dims());
    let [rows, cols] = matrix.dims();
    let (inner, width) = match *x {
        [inner] => (inner, 1),
        [inner, width] => (inner, width),
        _ => return Err(rank_mismatch("sparse.matmul wants a vector or a matrix", &x)),
    };
    if inner != cols {
        return Err(shape_mismatch("the inner dims of sparse.matmul differ", &[rows, cols], &x));
    }
    let product = if x.len() == 1 { [rows, 0, 0] } else { [rows, width, 0] };
    let dims = &product[..x.len()];
    let size = matrix.elem().size() as u64;
    let dense = (rows + cols).saturating_mul(width).saturating_mul(size);
    let steps = (matrix.stored() as u64).saturating_mul(width).saturating_add(rows);
    charge(call, steps, 2, dense.saturating_add(matrix.held() as u64))?;
    // By columns a device would have to add to elements out of order.
    let done = match matrix.format() {
        Format::Csr => call.by_library(&[(matrix.elem(), Dims::of_three(dims.len(), product))], &[])?,
        Format::Csc => call.arguments_home().map(|()| false)?,
    };
    if done {
        return Ok(());
    }
    with_elem!(sparse call.elem(0), T => {
        let (a, x) = (call.compressed::<T>(0), call.input::<T>(1));
        let width = width as usize;
        if matrix.format() == Format::Csr {
            let out: Output<'_, T> = call.output_charged(dims)?;
            // SAFETY: the matrix is an object, so it is as it has to be.
            unsafe { rows_on_all(call.host, a, x, width, &mut *out.elements)? };
            // SAFETY: all rows have been written.
            unsafe { call.finish(out) };
            return Ok(());
        }
        let tensor = call.host.heap().zeros(T::ELEM, dims)?;
        // SAFETY: the tensor is new, so nobody else has its elements.
        let out = unsafe { tensor.as_mut_slice::<T>() };
        by_columns(a, x, width, out, &mut Pace::new(&mut asking(call.host)))?;
        call.set(tensor.slot());
        Ok(())
    })
}

/// Writes all of `a` · `x`, a dense matrix of `width` columns, where it is placed.
///
/// # Safety
/// The matrix is as [`Compressed`] says, which nobody checks here: for short rows that would take as long as the product.
pub(super) unsafe fn rows_on_all<T: Element + Field>(
    host: &mut dyn OpHost,
    a: Compressed<'_, T>,
    x: &[T],
    width: usize,
    out: &mut [MaybeUninit<T>],
) -> Done {
    assert!(out.len() == a.major * width && x.len() == a.minor * width);
    let leave = Leave::of(host);
    let start = Shared::of(out);
    in_pieces(host, a.major + a.stored(), WEIGHT * width.max(1), 1, &|positions| {
        let rows = a.parts_at(positions);
        // SAFETY: the rows of different pieces are different, and `out` is borrowed exclusively until all are done.
        let out = unsafe {
            std::slice::from_raw_parts_mut(start.get().add(rows.start * width), rows.len() * width)
        };
        if width == 1 {
            // SAFETY: upheld by the caller; `x` has as many elements as the matrix has columns, and `out` one for each row.
            unsafe { vector_by_rows(a, x, rows, out, &|| leave.go_on()) };
            return;
        }
        out.fill(MaybeUninit::new(<T as Field>::ZERO));
        // SAFETY: all have just been written.
        let out = unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr().cast::<T>(), out.len()) };
        by_rows(a, x, width, rows, out, &|| leave.go_on());
    })?;
    leave.granted()
}

/// Writes rows of `a` · `x`, a vector. `go_on` is asked within what is long; where it says no, not all are written.
///
/// # Safety
/// The matrix is as [`Compressed`] says, the rows are rows of it, `out` has one element for each and `x` one for each column.
unsafe fn vector_by_rows<T: Field>(
    a: Compressed<'_, T>,
    x: &[T],
    rows: Range<usize>,
    out: &mut [MaybeUninit<T>],
    go_on: &dyn Fn() -> bool,
) {
    let mut at = a.pointers[rows.start] as usize;
    for (out, end) in out.iter_mut().zip(&a.pointers[rows.start + 1..=rows.end]) {
        let end = *end as usize;
        let mut sum = T::ZERO;
        while at < end {
            let stretch = end.min(at + STRETCH);
            while at < stretch {
                // SAFETY: pointers are not above how many elements there are, and indices are below how many columns.
                sum = unsafe {
                    let index = *a.indices.get_unchecked(at) as u32;
                    sum + *a.values.get_unchecked(at) * *x.get_unchecked(index as usize)
                };
                at += 1;
            }
            if at < end && !go_on() {
                return;
            }
        }
        out.write(sum);
    }
}
