//! Elements by their places: taking, putting, adding, and those that a mask or a value chooses.
//!
//! Invariant: indices are looked at before anything is written, and a trap names the first that
//! is out of range and its place. Elements are written one after the other in order of the indices.
//! An argument that lies in the tensor that is written is read from a copy.

use super::number::Number;
use super::reduce::{Sum, fold_all_of};
use super::work::{fill, position};
use super::{OpCall, Output, shape_mismatch};
use crate::object::element::with_elem;
use crate::object::{Element, TensorRef};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_ir::catalogue::Extent;
use nbc_ir::dims::Dims;
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

/// Elements between two questions to the host.
const STRETCH: usize = 1 << 16;

/// Place number `flat` in a tensor of `dims`, along each axis.
fn place_in(dims: &[u64], mut flat: u64) -> Vec<u64> {
    let mut place = vec![0; dims.len()];
    for (at, dim) in place.iter_mut().zip(dims).rev() {
        *at = flat % dim;
        flat /= dim;
    }
    place
}

/// Traps where an index of argument `at` is not below `n`; `of` says of what.
pub(super) fn check_indices(call: &mut OpCall<'_>, at: usize, n: usize, of: &str) -> Done {
    let indices = call.input::<i64>(at);
    let Some(wrong) = position(call.host, indices, |i| *i as u64 >= n as u64)? else { return Ok(()) };
    let place = place_in(&call.tensor(at).dims(), wrong as u64);
    let text = format!("index {} at place {place:?} of the indices: there are {n} {of}", indices[wrong]);
    Err(TrapError::new(TrapCode::IndexOutOfRange, text))
}

pub(super) fn tensor_take(call: &mut OpCall<'_>) -> Done {
    check_indices(call, 1, call.tensor(0).len(), "elements")?;
    with_elem!(any call.elem(0), T => {
        let (x, indices) = (call.input::<T>(0), call.input::<i64>(1));
        let out: Output<'_, T> = call.output(&call.tensor(1).dims())?;
        fill(call.host, &mut *out.elements, 4, |start, piece| {
            for (to, i) in piece.iter_mut().zip(&indices[start..]) {
                to.write(x[*i as usize]);
            }
        })?;
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// `dims` with those of the indices for axis `axis`.
fn with_indices(dims: &Dims, axis: usize, indices: &Dims) -> Result<Dims, TrapError> {
    let all: Vec<u64> = [&dims[..axis], indices, &dims[axis + 1..]].concat();
    Dims::new(&all).ok_or_else(|| {
        let text = format!("{} dims, of {dims} by indices of {indices}; a tensor has at most 8", all.len());
        TrapError::new(TrapCode::InvalidArgument, text)
    })
}

/// Elements of the axes inside of `axis`; where another dim is 0 it may be more than there is.
fn inside(dims: &Dims, axis: usize) -> usize {
    dims[axis + 1..].iter().fold(1usize, |n, d| n.saturating_mul(*d as usize))
}

/// The dims of what is taken along an axis, and the axis.
pub(super) fn taken_axis(call: &OpCall<'_>) -> Result<(Dims, usize), TrapError> {
    let dims = call.tensor(0).dims();
    let axis = call.axis(2, dims.len())?;
    Ok((with_indices(&dims, axis, &call.tensor(1).dims())?, axis))
}

pub(super) fn tensor_take_axis(call: &mut OpCall<'_>) -> Done {
    let (result, axis) = taken_axis(call)?;
    let dims = call.tensor(0).dims();
    check_indices(call, 1, dims[axis] as usize, &format!("along axis {axis}"))?;
    let (n, inner) = (dims[axis] as usize, inside(&dims, axis));
    with_elem!(any call.elem(0), T => {
        let (x, indices) = (call.input::<T>(0), call.input::<i64>(1));
        let out: Output<'_, T> = call.output(&result)?;
        let m = indices.len();
        fill(call.host, &mut *out.elements, 4, |start, piece: &mut [MaybeUninit<T>]| {
            let mut done = 0;
            while done < piece.len() {
                let (row, column) = ((start + done) / inner, (start + done) % inner);
                let (outer, k) = (row / m, row % m);
                if inner == 1 {
                    let count = (m - k).min(piece.len() - done);
                    let x = &x[outer * n..(outer + 1) * n];
                    for (to, i) in piece[done..done + count].iter_mut().zip(&indices[k..]) {
                        to.write(x[*i as usize]);
                    }
                    done += count;
                    continue;
                }
                let count = (inner - column).min(piece.len() - done);
                let from = (outer * n + indices[k] as usize) * inner + column;
                piece[done..done + count].write_copy_of_slice(&x[from..from + count]);
                done += count;
            }
        })?;
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// The dims of elements taken each by an index of its own, and the axis.
pub(super) fn taken_along(call: &OpCall<'_>) -> Result<(Dims, usize), TrapError> {
    let (dims, of) = (call.tensor(0).dims(), call.tensor(1).dims());
    let axis = call.axis(2, dims.len())?;
    if of.len() != dims.len() || *of.without(axis) != *dims.without(axis) {
        let text = format!("the indices' dims have to be the tensor's but along axis {axis}");
        return Err(shape_mismatch(&text, &dims, &of));
    }
    Ok((of, axis))
}

pub(super) fn tensor_take_along(call: &mut OpCall<'_>) -> Done {
    let (of, axis) = taken_along(call)?;
    let dims = call.tensor(0).dims();
    check_indices(call, 1, dims[axis] as usize, &format!("along axis {axis}"))?;
    let (n, m, inner) = (dims[axis] as usize, of[axis] as usize, inside(&dims, axis));
    with_elem!(any call.elem(0), T => {
        let (x, indices) = (call.input::<T>(0), call.input::<i64>(1));
        let out: Output<'_, T> = call.output(&of)?;
        fill(call.host, &mut *out.elements, 4, |start, piece: &mut [MaybeUninit<T>]| {
            let mut done = 0;
            while done < piece.len() {
                // As far as one slab of lanes goes, all of whose elements begin at one place.
                let slab = (start + done) / (m * inner);
                let count = ((slab + 1) * m * inner - start - done).min(piece.len() - done);
                let x = &x[slab * n * inner..(slab + 1) * n * inner];
                let indices = &indices[start + done..start + done + count];
                let mut column = (start + done) % inner;
                for (to, i) in piece[done..done + count].iter_mut().zip(indices) {
                    to.write(x[*i as usize * inner + column]);
                    column = if column + 1 == inner { 0 } else { column + 1 };
                }
                done += count;
            }
        })?;
        // SAFETY: `fill` has had every piece written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Whether two tensors have bytes in common.
pub(super) fn overlap(a: TensorRef, b: TensorRef) -> bool {
    let (x, y) = (a.data() as usize, b.data() as usize);
    x < y + b.bytes() && y < x + a.bytes()
}

/// The elements of argument `at`, which is not the tensor that is written, or a copy of them where they lie in it.
fn apart<'s, T: Element>(call: &mut OpCall<'_>, at: usize) -> Result<&'s [T], TrapError> {
    let (target, source) = (call.tensor(0), call.tensor(at));
    assert_eq!(source.elem(), T::ELEM, "the tensor has elements of another type");
    // SAFETY: an argument is live as long as the call runs.
    let from = unsafe { std::slice::from_raw_parts(source.data().cast::<T>().cast_const(), source.len()) };
    if !overlap(target, source) {
        return Ok(from);
    }
    let start = call.host.heap().scratch(source.bytes())?.cast::<MaybeUninit<T>>();
    // SAFETY: the memory has room for the elements, is aligned to 16, and is nobody else's; all of it
    // is written here.
    unsafe {
        let copy = std::slice::from_raw_parts_mut(start.as_ptr(), source.len());
        super::work::copy(call.host, copy, from)?;
        Ok(std::slice::from_raw_parts(start.as_ptr().cast::<T>(), source.len()))
    }
}

/// The values of argument `at`: as many as elements, or one for all.
enum Values<'s, T> {
    Each(&'s [T]),
    One(T),
}

impl<T: Copy> Values<'_, T> {
    #[inline(always)]
    fn get(&self, at: usize) -> T {
        match self {
            Values::Each(all) => all[at],
            Values::One(value) => *value,
        }
    }
}

fn values<'s, T: Element>(call: &mut OpCall<'_>, at: usize) -> Result<Values<'s, T>, TrapError> {
    if let Type::Tensor(_) = call.arg_types[at] {
        return Ok(Values::Each(apart::<T>(call, at)?));
    }
    Ok(Values::One(T::from_slot_if_scalar(call.args[at]).unwrap_or(T::ZERO)))
}

/// The elements of argument 0, which is to be written.
fn target<'s, T: Element>(call: &OpCall<'_>) -> Result<&'s mut [T], TrapError> {
    let target = call.tensor(0);
    assert_eq!(target.elem(), T::ELEM, "the tensor has elements of another type");
    if !target.is_writable() {
        return Err(TrapCode::ReadOnly.into());
    }
    // SAFETY: an argument is live as long as the call runs, and what else is read has been found or put apart.
    Ok(unsafe { std::slice::from_raw_parts_mut(target.data().cast::<T>(), target.len()) })
}

/// Traps where there are neither as many values as indices, of the same dims, nor one.
pub(super) fn check_values(call: &OpCall<'_>) -> Done {
    if let Type::Tensor(_) = call.arg_types[2] {
        let (indices, values) = (call.tensor(1).dims(), call.tensor(2).dims());
        if *indices != *values {
            return Err(shape_mismatch("indices and values want equal dims", &indices, &values));
        }
    }
    Ok(())
}

/// Does `f` to the element at each index, with its value.
fn scatter<T: Element>(call: &mut OpCall<'_>, f: impl Fn(&mut T, T)) -> Done {
    check_values(call)?;
    target::<T>(call)?;
    check_indices(call, 1, call.tensor(0).len(), "elements")?;
    let work = |call: &mut OpCall<'_>| {
        let (indices, values) = (apart::<i64>(call, 1)?, values::<T>(call, 2)?);
        let target = target::<T>(call)?;
        for (n, indices) in indices.chunks(STRETCH).enumerate() {
            if n > 0 {
                call.host.poll()?;
            }
            for (i, index) in indices.iter().enumerate() {
                f(&mut target[*index as usize], values.get(n * STRETCH + i));
            }
        }
        Ok(())
    };
    // SAFETY: nothing that is made in there is used behind it.
    unsafe { call.with_working_space(work) }
}

pub(super) fn tensor_put(call: &mut OpCall<'_>) -> Done {
    with_elem!(any call.elem(0), T => scatter::<T>(call, |to, v| *to = v))
}

pub(super) fn tensor_scatter_add(call: &mut OpCall<'_>) -> Done {
    with_elem!(number call.elem(0), T => scatter::<T>(call, |to, v| *to = to.add(v)))
}

/// The axis along which values are added, which have the dims of what is there.
pub(super) fn added_axis(call: &OpCall<'_>) -> Result<usize, TrapError> {
    let (dims, given) = (call.tensor(0).dims(), call.tensor(2).dims());
    let axis = call.axis(3, dims.len())?;
    let wanted = with_indices(&dims, axis, &call.tensor(1).dims())?;
    if *wanted != *given {
        let text = format!("values have to have the target's dims, with the indices' for axis {axis}");
        return Err(shape_mismatch(&text, &wanted, &given));
    }
    Ok(axis)
}

pub(super) fn tensor_scatter_add_axis(call: &mut OpCall<'_>) -> Done {
    let (dims, axis) = (call.tensor(0).dims(), added_axis(call)?);
    let (n, inner) = (dims[axis] as usize, inside(&dims, axis));
    with_elem!(number call.elem(0), T => {
        target::<T>(call)?;
        check_indices(call, 1, n, &format!("along axis {axis}"))?;
        let work = |call: &mut OpCall<'_>| {
            let (indices, values) = (apart::<i64>(call, 1)?, apart::<T>(call, 2)?);
            let target = target::<T>(call)?;
            if values.is_empty() {
                return Ok(());
            }
            let mut since_poll = 0;
            for (row, values) in values.chunks(inner).enumerate() {
                let (outer, k) = (row / indices.len(), row % indices.len());
                let at = (outer * n + indices[k] as usize) * inner;
                for (to, v) in target[at..at + inner].chunks_mut(STRETCH).zip(values.chunks(STRETCH)) {
                    since_poll += to.len() + 8;
                    if since_poll > STRETCH {
                        call.host.poll()?;
                        since_poll = 0;
                    }
                    for (to, v) in to.iter_mut().zip(v) {
                        *to = Number::add(*to, *v);
                    }
                }
            }
            Ok(())
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work) }
    })
}

/// How many elements of argument `at` are not zero.
fn count<T: Element>(call: &mut OpCall<'_>, at: usize) -> Result<usize, TrapError> {
    let count = fold_all_of(call, at, Sum, |v: T| (v != T::ZERO) as i64)?;
    Ok(count as usize)
}

/// Calls `found(number, place)` for each of `count` elements that are not zero.
fn each_chosen<T: Element>(
    call: &mut OpCall<'_>,
    x: &[T],
    count: usize,
    mut found: impl FnMut(usize, usize),
) -> Done {
    let mut number = 0;
    for (n, part) in x.chunks(STRETCH).enumerate() {
        if n > 0 {
            call.host.poll()?;
        }
        for (i, v) in part.iter().enumerate() {
            // Written whether or not it is one: the next is written over it.
            if number < count {
                found(number, n * STRETCH + i);
            }
            number += (*v != T::ZERO) as usize;
        }
    }
    Ok(())
}

pub(super) fn tensor_nonzero_flat(call: &mut OpCall<'_>) -> Done {
    with_elem!(any call.elem(0), T => {
        // As much as there may be, as nothing but the dims is known yet.
        call.charge(Extent::new(&[call.tensor(0).len() as u64], size_of::<i64>()))?;
        let count = count::<T>(call, 0)?;
        let out = call.output_charged::<i64>(&[count as u64])?;
        let x = call.input::<T>(0);
        each_chosen(call, x, count, |number, at| _ = out.elements[number].write(at as i64))?;
        // SAFETY: as many have been written as there are.
        unsafe { call.finish(out) };
        Ok(())
    })
}

pub(super) fn tensor_nonzero(call: &mut OpCall<'_>) -> Done {
    let dims = call.tensor(0).dims();
    let rank = dims.len();
    with_elem!(any call.elem(0), T => {
        call.charge(Extent::new(&[call.tensor(0).len() as u64, rank as u64], size_of::<i64>()))?;
        let count = count::<T>(call, 0)?;
        let out = call.output_charged::<i64>(&[count as u64, rank as u64])?;
        let x = call.input::<T>(0);
        if rank > 0 {
            let mut number = 0;
            for (flat, v) in x.iter().enumerate() {
                if flat % STRETCH == STRETCH - 1 {
                    call.host.poll()?;
                }
                if *v != T::ZERO {
                    let mut rest = flat as u64;
                    let row = &mut out.elements[number * rank..(number + 1) * rank];
                    for (to, dim) in row.iter_mut().zip(dims.iter()).rev() {
                        to.write((rest % dim) as i64);
                        rest /= dim;
                    }
                    number += 1;
                }
            }
        }
        // SAFETY: each row of as many as there are has been written whole.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Traps unless the mask's dims, argument 1, are the first of the tensor's; else how many elements each truth value is of.
fn mask(call: &OpCall<'_>) -> Result<(Dims, usize), TrapError> {
    let (dims, mask) = (call.tensor(0).dims(), call.tensor(1).dims());
    if !dims.starts_with(&mask) {
        return Err(shape_mismatch("a mask has to have the first dims of the tensor", &dims, &mask));
    }
    let row = dims[mask.len()..].iter().fold(1usize, |n, d| n.saturating_mul(*d as usize));
    Ok((Dims::new(&dims[mask.len()..]).expect("no more dims than before"), row))
}

pub(super) fn tensor_compress(call: &mut OpCall<'_>) -> Done {
    let (rest, row) = mask(call)?;
    let first = call.tensor(1).len() as u64;
    let with_count = |count: u64| {
        Dims::new(&[&[count], &rest[..]].concat()).ok_or_else(|| {
            let text = "a mask without dims of a tensor with 8 dims: the result would have 9";
            TrapError::new(TrapCode::InvalidArgument, text)
        })
    };
    with_elem!(any call.elem(0), T => {
        call.charge(Extent::new(&with_count(first)?, size_of::<T>()))?;
        let count = count::<bool>(call, 1)?;
        let out = call.output_charged::<T>(&with_count(count as u64)?)?;
        let (x, mask) = (call.input::<T>(0), call.input::<bool>(1));
        if row == 1 {
            each_chosen(call, mask, count, |number, at| _ = out.elements[number].write(x[at]))?;
        } else if !out.elements.is_empty() {
            let mut to = out.elements.chunks_mut(row);
            let mut since_poll = 0;
            for (at, _) in mask.iter().enumerate() {
                since_poll += if mask[at] { row } else { 1 };
                if since_poll > STRETCH {
                    call.host.poll()?;
                    since_poll = 0;
                }
                if mask[at]
                    && let Some(to) = to.next()
                {
                    super::work::copy(call.host, to, &x[at * row..(at + 1) * row])?;
                }
            }
        }
        // SAFETY: as many rows have been written as there are.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Traps unless the mask has the dims of the tensor.
pub(super) fn check_mask(call: &OpCall<'_>) -> Done {
    let (dims, mask) = (call.tensor(0).dims(), call.tensor(1).dims());
    if *dims != *mask {
        return Err(shape_mismatch("a mask to write by has to have the dims of the tensor", &dims, &mask));
    }
    Ok(())
}

/// How many elements the mask chooses.
pub(super) fn chosen(call: &mut OpCall<'_>) -> Result<usize, TrapError> {
    count::<bool>(call, 1)
}

pub(super) fn tensor_put_mask(call: &mut OpCall<'_>) -> Done {
    check_mask(call)?;
    let count = chosen(call)?;
    if let Type::Tensor(_) = call.arg_types[2]
        && call.tensor(2).len() != count
    {
        let given = call.tensor(2).dims();
        let text = format!("{count} elements are chosen, and so many values are wanted");
        return Err(shape_mismatch(&text, &[count as u64], &given));
    }
    with_elem!(any call.elem(0), T => {
        target::<T>(call)?;
        let work = |call: &mut OpCall<'_>| {
            let (mask, values) = (apart::<bool>(call, 1)?, values::<T>(call, 2)?);
            let target = target::<T>(call)?;
            let mut number = 0;
            for (n, (target, mask)) in target.chunks_mut(STRETCH).zip(mask.chunks(STRETCH)).enumerate() {
                if n > 0 {
                    call.host.poll()?;
                }
                if let Values::One(value) = values {
                    for (to, is) in target.iter_mut().zip(mask) {
                        *to = if *is { value } else { *to };
                    }
                    continue;
                }
                for (to, _) in target.iter_mut().zip(mask).filter(|(_, is)| **is) {
                    *to = values.get(number);
                    number += 1;
                }
            }
            Ok(())
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work) }
    })
}
