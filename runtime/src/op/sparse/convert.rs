//! What looks at sparse matrices, and other forms of the same one.

use super::{Done, asking, by_format, charge, parts, result, zeros};
use crate::object::element::with_elem;
use crate::object::{Element, Format, TensorRef};
use crate::op::work::copy;
use crate::op::{OpCall, Output};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Elem;
use nbc_numerics::sparse::convert::{count_within, fill_within, flip, spread};
use nbc_numerics::sparse::{Compressed, Field, Pace};

pub(in crate::op) fn sparse_to_dense(call: &mut OpCall<'_>) -> Done {
    let matrix = call.sparse(0);
    let dims = matrix.dims();
    let elements = dims[0] * dims[1];
    let bytes = elements.saturating_mul(matrix.elem().size() as u64).saturating_add(matrix.held() as u64);
    charge(call, elements, 0, bytes)?;
    with_elem!(sparse call.elem(0), T => {
        let a = call.compressed::<T>(0);
        // A dim of more than a tensor can have is told there.
        let tensor = call.host.heap().zeros(T::ELEM, &dims)?;
        // SAFETY: the tensor is new, so nobody else has its elements.
        let dense = unsafe { tensor.as_mut_slice::<T>() };
        let apart = by_format(matrix.format(), [dims[1] as usize, 1]);
        spread(a, apart, dense, &mut Pace::new(&mut asking(call.host)))?;
        call.set(tensor.slot());
        Ok(())
    })
}

pub(in crate::op) fn sparse_dims(call: &mut OpCall<'_>) -> Done {
    let dims = call.sparse(0).dims().map(|d| d as i64);
    let tensor = call.host.heap().tensor_from(&[2], &dims)?;
    call.set(tensor.slot());
    Ok(())
}

pub(in crate::op) fn sparse_stored(call: &mut OpCall<'_>) -> Done {
    let stored = call.sparse(0).stored();
    call.set(stored as u64);
    Ok(())
}

pub(in crate::op) fn sparse_is_csr(call: &mut OpCall<'_>) -> Done {
    let format = call.sparse(0).format();
    call.set((format == Format::Csr) as u64);
    Ok(())
}

/// A copy of a part of a matrix.
fn copy_of<T: Element>(call: &mut OpCall<'_>, part: TensorRef) -> Done {
    let len = part.len() as u64;
    charge(call, len, 0, 2 * part.bytes() as u64)?;
    // SAFETY: it lives as long as the matrix, an argument, and nothing ever writes it.
    let from: &[T] = unsafe { part.as_slice() };
    let out: Output<'_, T> = call.output_charged(&[len])?;
    copy(call.host, &mut *out.elements, from)?;
    // SAFETY: `copy` has written every element.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn sparse_pointers(call: &mut OpCall<'_>) -> Done {
    let [pointers, ..] = call.sparse(0).parts();
    copy_of::<i64>(call, pointers)
}

pub(in crate::op) fn sparse_indices(call: &mut OpCall<'_>) -> Done {
    let [_, indices, _] = call.sparse(0).parts();
    copy_of::<i32>(call, indices)
}

pub(in crate::op) fn sparse_values(call: &mut OpCall<'_>) -> Done {
    let [.., values] = call.sparse(0).parts();
    with_elem!(sparse call.elem(0), T => copy_of::<T>(call, values))
}

pub(in crate::op) fn sparse_transpose(call: &mut OpCall<'_>) -> Done {
    let matrix = call.sparse(0);
    let [rows, cols] = matrix.dims();
    // SAFETY: they are the parts of a matrix already, which live as long.
    let made = unsafe { call.host.heap().sparse(matrix.format().flipped(), [cols, rows], matrix.parts())? };
    call.set(made.slot());
    Ok(())
}

pub(in crate::op) fn sparse_to_csr(call: &mut OpCall<'_>) -> Done {
    to_format(call, Format::Csr)
}

pub(in crate::op) fn sparse_to_csc(call: &mut OpCall<'_>) -> Done {
    to_format(call, Format::Csc)
}

fn to_format(call: &mut OpCall<'_>, format: Format) -> Done {
    let matrix = call.sparse(0);
    if matrix.format() == format {
        // SAFETY: as for a transpose.
        let same = unsafe { call.host.heap().sparse(format, matrix.dims(), matrix.parts())? };
        call.set(same.slot());
        return Ok(());
    }
    charge_flip(call, 0)?;
    with_elem!(sparse call.elem(0), T => {
        let a = call.compressed::<T>(0);
        result(call, |call| {
            let mut made = parts::<T>(call, a.minor, a.stored())?;
            flip(a, made.slices(), &mut Pace::new(&mut asking(call.host)))?;
            Ok((format, matrix.dims(), made.tensors))
        })
    })
}

/// Charges for the other format of argument `at`.
pub(super) fn charge_flip(call: &mut OpCall<'_>, at: usize) -> Done {
    let matrix = call.sparse(at);
    let [major, minor] = by_format(matrix.format(), matrix.dims());
    let sides = (major + minor) * Elem::I64.size() as u64;
    charge(call, matrix.stored() as u64 + major + minor, 8, 2 * matrix.held() as u64 + sides)
}

/// Argument `at` in that format, if need be in working space. It is charged for.
pub(super) fn in_format<'a, T: Element + Field>(
    call: &mut OpCall<'a>,
    at: usize,
    format: Format,
) -> Result<Compressed<'a, T>, TrapError> {
    let a = call.compressed::<T>(at);
    if call.sparse(at).format() == format {
        return Ok(a);
    }
    let mut made = parts::<T>(call, a.minor, a.stored())?;
    flip(a, made.slices(), &mut Pace::new(&mut asking(call.host)))?;
    Ok(Compressed::new([a.minor, a.major], made.pointers, made.indices, made.values))
}

pub(in crate::op) fn sparse_slice_rows(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => slice_rows::<T>(call))
}

fn slice_rows<T: Element + Field>(call: &mut OpCall<'_>) -> Done {
    let matrix = call.sparse(0);
    let ([rows, cols], format) = (matrix.dims(), matrix.format());
    let (from, to) = (call.int(1), call.int(2));
    if from < 0 || from > to || to as u64 > rows {
        let text = format!("rows {from} to {to} of a matrix of {rows} rows");
        return Err(TrapError::new(TrapCode::IndexOutOfRange, text));
    }
    let (from, to) = (from as usize, to as usize);
    let a = call.compressed::<T>(0);
    if format == Format::Csr {
        let range = a.pointers[from] as usize..a.pointers[to] as usize;
        let bytes = (range.len() * (4 + T::ELEM.size()) + 8 * (to - from)) as u64;
        charge(call, (range.len() + to - from) as u64, 0, 2 * bytes)?;
        return result(call, |call| {
            let (starts, pointers) = zeros::<i64>(call, to - from + 1)?;
            let mut ask = asking(call.host);
            let pace = &mut Pace::new(&mut ask);
            for (pointer, old) in pointers.iter_mut().zip(&a.pointers[from..=to]) {
                pace.step(1)?;
                *pointer = *old - range.start as i64;
            }
            drop(ask);
            let places: Output<'_, i32> = call.output_charged(&[range.len() as u64])?;
            copy(call.host, &mut *places.elements, &a.indices[range.clone()])?;
            let elements: Output<'_, T> = call.output_charged(&[range.len() as u64])?;
            copy(call.host, &mut *elements.elements, &a.values[range])?;
            Ok((format, [(to - from) as u64, cols], [starts, places.tensor, elements.tensor]))
        });
    }
    charge(call, (a.stored() + a.major) as u64, 4, 2 * matrix.held() as u64)?;
    result(call, |call| {
        let (starts, pointers) = zeros::<i64>(call, a.major + 1)?;
        let stored = count_within(a, from..to, pointers, &mut Pace::new(&mut asking(call.host)))?;
        let (places, indices) = zeros::<i32>(call, stored)?;
        let (elements, values) = zeros::<T>(call, stored)?;
        fill_within(a, from..to, (indices, values), &mut Pace::new(&mut asking(call.host)))?;
        Ok((format, [(to - from) as u64, cols], [starts, places, elements]))
    })
}
