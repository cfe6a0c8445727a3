//! What makes sparse matrices of other things.

use super::{Done, asking, charge, parts, rank_mismatch, result, sides};
use crate::object::element::with_elem;
use crate::object::{Element, Format};
use crate::op::sort::space;
use crate::op::{OpCall, shape_mismatch};
use crate::trap::{TrapCode, TrapError};
use nbc_numerics::sparse::build::{count_dense, fill, fill_dense, order, out_of_range};
use nbc_numerics::sparse::{Field, Pace};

pub(in crate::op) fn sparse_of_triples(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => of_triples::<T>(call))
}

fn of_triples<T: Element + Field>(call: &mut OpCall<'_>) -> Done {
    let [height, width] = sides(call, 2)?;
    let (rows, cols, values) = (call.tensor(0), call.tensor(1), call.tensor(2 + call.list_len));
    for other in [cols, values] {
        if other.len() != rows.len() {
            return Err(shape_mismatch(
                "triples have as many rows, columns and values",
                &rows.dims(),
                &other.dims(),
            ));
        }
    }
    let n = rows.len();
    if u32::try_from(n).is_err() {
        let text = format!("{n} triples; at most 4294967295 are taken");
        return Err(TrapError::new(TrapCode::InvalidArgument, text));
    }
    let bytes = (n as u64).saturating_mul(2 * (16 + 8 + T::ELEM.size() as u64)) + 8 * height as u64;
    charge(call, n as u64, 60, bytes)?;
    let (rows, cols): (&[i64], &[i64]) = (call.input(0), call.input(1));
    let values: &[T] = call.input(2 + call.list_len);
    for (indices, limit, what) in [(rows, height, "row"), (cols, width, "column")] {
        let found = out_of_range(indices, limit, &mut Pace::new(&mut asking(call.host)))?;
        if let Some(at) = found {
            let text =
                format!("{what} {} of triple {at}; the matrix has dims [{height}, {width}]", indices[at]);
            return Err(TrapError::new(TrapCode::IndexOutOfRange, text));
        }
    }
    result(call, |call| {
        let (places, spare) = (space::<u32>(call, n)?, space::<u32>(call, n)?);
        let both = (&mut *places, &mut *spare);
        let stored = order([height, width], rows, cols, both, &mut Pace::new(&mut asking(call.host)))?;
        let mut made = parts::<T>(call, height, stored)?;
        fill((rows, cols, values), places, made.slices(), &mut Pace::new(&mut asking(call.host)))?;
        Ok((Format::Csr, [height as u64, width as u64], made.tensors))
    })
}

pub(in crate::op) fn sparse_of_dense(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => of_dense::<T>(call))
}

fn of_dense<T: Element + Field>(call: &mut OpCall<'_>) -> Done {
    let dims = call.tensor(0).dims();
    let [height, width] = *dims else {
        return Err(rank_mismatch("sparse.of_dense wants a matrix", &dims));
    };
    if let Some(side) = [height, width].iter().find(|side| **side >= crate::object::sparse::MOST) {
        let text = format!("a side of {side}; a sparse matrix has from 0 to 2^31 - 1 rows and columns");
        return Err(TrapError::new(TrapCode::InvalidArgument, text));
    }
    let dense: &[T] = call.input(0);
    let bytes = (dense.len() as u64).saturating_mul(3 * T::ELEM.size() as u64) + 8 * height;
    charge(call, dense.len() as u64 + height, 2, bytes)?;
    let (height, width) = (height as usize, width as usize);
    result(call, |call| {
        let (starts, pointers) = super::zeros::<i64>(call, height + 1)?;
        let stored = count_dense(width, dense, pointers, &mut Pace::new(&mut asking(call.host)))?;
        let (places, indices) = super::zeros::<i32>(call, stored)?;
        let (elements, values) = super::zeros::<T>(call, stored)?;
        fill_dense(width, dense, (indices, values), &mut Pace::new(&mut asking(call.host)))?;
        Ok((Format::Csr, [height as u64, width as u64], [starts, places, elements]))
    })
}

pub(in crate::op) fn sparse_identity(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => identity::<T>(call))
}

fn identity<T: Element + Field>(call: &mut OpCall<'_>) -> Done {
    let [height, width] = sides(call, 0)?;
    let ones = height.min(width);
    charge(call, height as u64, 2, 8 * height as u64 + ones as u64 * (4 + T::ELEM.size() as u64))?;
    result(call, |call| {
        let mut made = parts::<T>(call, height, ones)?;
        let (pointers, indices, values) = made.slices();
        let mut ask = asking(call.host);
        let pace = &mut Pace::new(&mut ask);
        for (row, pointer) in pointers.iter_mut().enumerate() {
            pace.step(1)?;
            *pointer = row.min(ones) as i64;
        }
        for (at, (index, value)) in indices.iter_mut().zip(values).enumerate() {
            pace.step(1)?;
            (*index, *value) = (at as i32, <T as Field>::ONE);
        }
        Ok((Format::Csr, [height as u64, width as u64], made.tensors))
    })
}

pub(in crate::op) fn sparse_of_diagonals(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => of_diagonals::<T>(call))
}

fn of_diagonals<T: Element + Field>(call: &mut OpCall<'_>) -> Done {
    let [height, width] = sides(call, 2)?;
    let (dims, offsets) = (call.tensor(0).dims(), call.tensor(1).dims());
    let [count, long] = *dims else {
        return Err(rank_mismatch("sparse.of_diagonals wants a matrix, a row for each diagonal", &dims));
    };
    if *offsets != [count] {
        return Err(shape_mismatch("sparse.of_diagonals wants an offset for each row", &dims, &offsets));
    }
    // An element is in the column that it has in its row, if that is one of the matrix.
    let reach = width.min(long as usize) as u64;
    let most = count.saturating_mul(reach.min(height as u64));
    charge(call, most.saturating_add(count), 80, most.saturating_mul(64) + 8 * height as u64)?;
    if u32::try_from(most).is_err() {
        let text = format!("{most} elements on diagonals; at most 4294967295 are taken");
        return Err(TrapError::new(TrapCode::InvalidArgument, text));
    }
    let (data, offsets): (&[T], &[i64]) = (call.input(0), call.input(1));
    result(call, |call| {
        let most = most as usize;
        let (rows, cols) = (space::<i64>(call, most)?, space::<i64>(call, most)?);
        let values = space::<T>(call, most)?;
        let mut n = 0;
        let mut ask = asking(call.host);
        let pace = &mut Pace::new(&mut ask);
        for (line, offset) in offsets.iter().enumerate() {
            pace.step(1)?;
            // Columns from the offset on, where that is to the right; rows from it on, where it is below.
            let start = (*offset).clamp(0, reach as i64);
            let end = offset.saturating_add(height as i64).clamp(start, reach as i64);
            for col in start..end {
                pace.step(1)?;
                (rows[n], cols[n]) = (col - offset, col);
                values[n] = data[line * long as usize + col as usize];
                n += 1;
            }
        }
        drop(ask);
        let (rows, cols, values) = (&rows[..n], &cols[..n], &values[..n]);
        let (places, spare) = (space::<u32>(call, n)?, space::<u32>(call, n)?);
        let both = (&mut *places, &mut *spare);
        let stored = order([height, width], rows, cols, both, &mut Pace::new(&mut asking(call.host)))?;
        let mut made = parts::<T>(call, height, stored)?;
        fill((rows, cols, values), places, made.slices(), &mut Pace::new(&mut asking(call.host)))?;
        Ok((Format::Csr, [height as u64, width as u64], made.tensors))
    })
}
