//! Sparse matrices of two, element by element, and of one and numbers; what is made of all elements of a part.

use super::convert::{charge_flip, in_format};
use super::{Done, asking, by_format, charge, of_matrix, parts, result, zeros};
use crate::object::element::with_elem;
use crate::object::sparse::MOST;
use crate::object::{Element, Format};
use crate::op::work::fill as fill_pieces;
use crate::op::{OpCall, Output, shape_mismatch};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_numerics::sparse::combine::{Which, count, diagonal, fill, kronecker, sum_across, sum_parts};
use nbc_numerics::sparse::{Field, Pace};
use std::mem::MaybeUninit;

pub(in crate::op) fn sparse_add(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => combined::<T>(call, Which::Either, |x, y| x + y))
}

pub(in crate::op) fn sparse_sub(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => combined::<T>(call, Which::Either, |x, y| x - y))
}

pub(in crate::op) fn sparse_mul(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => combined::<T>(call, Which::Both, |x, y| x * y))
}

/// Numbers that are compared between two questions to the host.
const TOGETHER: usize = 1 << 18;

/// A combination in the format of the first.
fn combined<T: Element + Field>(
    call: &mut OpCall<'_>,
    which: Which,
    of_both: impl Fn(T, T) -> T + Copy + Sync,
) -> Done {
    let (a, b) = (call.sparse(0), call.sparse(1));
    let (dims, format) = (a.dims(), a.format());
    if dims != b.dims() {
        let text = format!("{} wants matrices of the same dims", call.name());
        return Err(shape_mismatch(&text, &dims, &b.dims()));
    }
    if b.format() != format {
        charge_flip(call, 1)?;
    }
    let steps = (a.stored() + b.stored()) as u64 + by_format(format, dims)[0];
    charge(call, steps, 6, 3 * (a.held() + b.held()) as u64)?;
    if b.format() == format && same_places::<T>(call)? {
        let (first, second) = (of_matrix::<T>(a).values, of_matrix::<T>(b).values);
        let out: Output<'_, T> = call.output_charged(&[a.stored() as u64])?;
        fill_pieces(call.host, &mut *out.elements, 1, |start, piece| {
            let both = first[start..].iter().zip(&second[start..]);
            piece.iter_mut().zip(both).for_each(|(out, (x, y))| _ = out.write(of_both(*x, *y)));
        })?;
        let [pointers, indices, _] = a.parts();
        // SAFETY: as for `scaled`.
        let made = unsafe { call.host.heap().sparse(format, dims, [pointers, indices, out.tensor])? };
        call.set(made.slot());
        return Ok(());
    }
    result(call, |call| {
        let (a, b) = (call.compressed::<T>(0), in_format::<T>(call, 1, format)?);
        let (starts, pointers) = zeros(call, a.major + 1)?;
        let stored = count(a, b, which, pointers, &mut Pace::new(&mut asking(call.host)))?;
        let (places, indices) = zeros(call, stored)?;
        let (elements, values) = zeros(call, stored)?;
        fill(a, b, which, of_both, (indices, values), &mut Pace::new(&mut asking(call.host)))?;
        Ok((format, dims, [starts, places, elements]))
    })
}

/// Whether arguments 0 and 1, of the same dims and format, have elements at the same places: then the result shares them.
fn same_places<T: Element + Field>(call: &mut OpCall<'_>) -> Result<bool, TrapError> {
    let (a, b) = (call.compressed::<T>(0), call.compressed::<T>(1));
    if a.stored() != b.stored() {
        return Ok(false);
    }
    for (a, b) in a.pointers.chunks(TOGETHER).zip(b.pointers.chunks(TOGETHER)) {
        if a != b {
            return Ok(false);
        }
        call.host.poll()?;
    }
    for (a, b) in a.indices.chunks(TOGETHER).zip(b.indices.chunks(TOGETHER)) {
        if a != b {
            return Ok(false);
        }
        call.host.poll()?;
    }
    Ok(true)
}

pub(in crate::op) fn sparse_scale(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => scaled::<T>(call, None))
}

pub(in crate::op) fn sparse_scale_rows(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => scaled::<T>(call, Some(Format::Csr)))
}

pub(in crate::op) fn sparse_scale_cols(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => scaled::<T>(call, Some(Format::Csc)))
}

/// All elements times one number, or those of each row (or column) times its own. Places are shared with the argument.
fn scaled<T: Element + Field>(call: &mut OpCall<'_>, along: Option<Format>) -> Done {
    let matrix = call.sparse(0);
    let (dims, format) = (matrix.dims(), matrix.format());
    let one;
    let factors: &[T] = if matches!(call.arg_types[1], Type::Tensor(_)) {
        let tensor = call.tensor(1);
        let want = along.map_or(1, |of| by_format(of, dims)[0]);
        if tensor.len() as u64 != want || (along.is_some() && tensor.rank() != 1) {
            let how = if along.is_some() { " in a tensor of rank 1" } else { "" };
            let text = format!(
                "{want} factors{how} are wanted for a matrix of dims {dims:?}, found dims {}",
                tensor.dims()
            );
            return Err(TrapError::new(TrapCode::ShapeMismatch, text));
        }
        call.input(1)
    } else {
        one = [T::from_slot_if_scalar(call.args[1]).unwrap_or(<T as Field>::ZERO)];
        &one
    };
    charge(call, matrix.stored() as u64, 1, 2 * matrix.held() as u64)?;
    let a = of_matrix::<T>(matrix);
    let out: Output<'_, T> = call.output_charged(&[a.stored() as u64])?;
    let each = |start: usize, piece: &mut [MaybeUninit<T>], factor: &dyn Fn(usize) -> T| {
        for (at, out) in (start..).zip(piece) {
            out.write(a.values[at] * factor(at));
        }
    };
    match along {
        None => {
            fill_pieces(call.host, &mut *out.elements, 1, |start, piece| each(start, piece, &|_| factors[0]))?
        }
        Some(of) if of != format => fill_pieces(call.host, &mut *out.elements, 2, |start, piece| {
            each(start, piece, &|at| factors[a.indices[at] as usize]);
        })?,
        Some(_) => fill_pieces(call.host, &mut *out.elements, 2, |start, piece| {
            // The part that the element `start` is in, and those behind it.
            let mut part = a.pointers.partition_point(|end| *end as usize <= start) - 1;
            for (at, out) in (start..).zip(piece) {
                while a.pointers[part + 1] as usize <= at {
                    part += 1;
                }
                out.write(a.values[at] * factors[part]);
            }
        })?,
    }
    let [pointers, indices, _] = matrix.parts();
    // SAFETY: the values have all been written, are new, and as many as there were; the others are those of a
    // matrix already, which live as long.
    let made = unsafe { call.host.heap().sparse(format, dims, [pointers, indices, out.tensor])? };
    call.set(made.slot());
    Ok(())
}

pub(in crate::op) fn sparse_sum_axis(call: &mut OpCall<'_>) -> Done {
    let matrix = call.sparse(0);
    let dims = matrix.dims();
    let axis = call.axis(1, 2)?;
    charge(call, matrix.stored() as u64 + dims[1 - axis], 1, matrix.held() as u64 + 8 * dims[1 - axis])?;
    with_elem!(sparse call.elem(0), T => {
        let a = call.compressed::<T>(0);
        let (tensor, sums) = zeros::<T>(call, dims[1 - axis] as usize)?;
        // Parts are rows of CSR; a sum along axis 1 is that of a row.
        let of_parts = (axis == 1) == (matrix.format() == Format::Csr);
        let mut ask = asking(call.host);
        let pace = &mut Pace::new(&mut ask);
        if of_parts { sum_parts(a, sums, pace)? } else { sum_across(a, sums, pace)? }
        drop(ask);
        call.set(tensor.slot());
        Ok(())
    })
}

pub(in crate::op) fn sparse_diagonal(call: &mut OpCall<'_>) -> Done {
    let matrix = call.sparse(0);
    let [rows, cols] = matrix.dims();
    charge(call, rows.min(cols), 16, 16 * rows.min(cols))?;
    with_elem!(sparse call.elem(0), T => {
        let a = call.compressed::<T>(0);
        let (tensor, out) = zeros::<T>(call, rows.min(cols) as usize)?;
        diagonal(a, out, &mut Pace::new(&mut asking(call.host)))?;
        call.set(tensor.slot());
        Ok(())
    })
}

pub(in crate::op) fn sparse_kron(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => kron::<T>(call))
}

fn kron<T: Element + Field>(call: &mut OpCall<'_>) -> Done {
    let (a, b) = (call.sparse(0), call.sparse(1));
    let format = a.format();
    let [rows, cols] = [0, 1].map(|side| a.dims()[side] * b.dims()[side]);
    if rows >= MOST || cols >= MOST {
        let text = format!(
            "sparse.kron of dims {:?} and {:?} is {rows} by {cols}; a sparse matrix has fewer than 2^31 rows and columns",
            a.dims(),
            b.dims()
        );
        return Err(TrapError::new(TrapCode::InvalidArgument, text));
    }
    if b.format() != format {
        charge_flip(call, 1)?;
    }
    let stored = (a.stored() as u64).saturating_mul(b.stored() as u64);
    let major = by_format(format, [rows, cols])[0];
    let bytes = stored.saturating_mul(4 + T::ELEM.size() as u64).saturating_add(8 * major);
    // Each row of the first is gone to, also where the second has none.
    let steps = stored.saturating_add(major).saturating_add(by_format(format, a.dims())[0]);
    charge(call, steps, 3, bytes)?;
    let stored = usize::try_from(stored).map_err(|_| TrapCode::OutOfMemory)?;
    result(call, |call| {
        let (a, b) = (call.compressed::<T>(0), in_format::<T>(call, 1, format)?);
        let mut made = parts::<T>(call, major as usize, stored)?;
        kronecker(a, b, made.slices(), &mut Pace::new(&mut asking(call.host)))?;
        Ok((format, [rows, cols], made.tensors))
    })
}
