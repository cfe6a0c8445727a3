//! Operations that call functions of the program.
//!
//! Programs are expanded before they are loaded ([`nbc_ir::expand`]), so nearly all of
//! these are loops of instructions. The kernels are for functions that would get too large, and for
//! those that a device translates.
//!
//! Invariant: what a kernel reads of a tensor it reads afresh for each call, as
//! the function may write it. Nothing is read through a slice.

use super::call::shape_mismatch;
use super::{OpCall, Output, on_device};
use crate::object::element::with_elem;
use crate::object::{Scalar, TensorRef};
use crate::trap::{TrapCode, TrapError};

type Done = Result<(), TrapError>;

/// How often the host is asked for leave; calls of the function ask too.
const CALLS_BETWEEN_POLLS: usize = 1 << 12;

/// The element with number `at`, as a slot.
fn element(tensor: TensorRef, at: usize) -> Result<u64, TrapError> {
    assert!(at < tensor.len(), "an element that is there");
    with_elem!(scalar tensor.elem(), T => {
        // SAFETY: the index is in range of a live tensor of elements `T`.
        Ok(unsafe { tensor.data().cast::<T>().add(at).read() }.to_slot())
    })
}

impl OpCall<'_> {
    /// Asks for leave now and then.
    fn before_call(&mut self, number: usize) -> Done {
        match number % CALLS_BETWEEN_POLLS == CALLS_BETWEEN_POLLS - 1 {
            true => self.host.poll(),
            false => Ok(()),
        }
    }
}

/// Makes the result of `value` for every place of it.
fn each(
    call: &mut OpCall<'_>,
    to: nbc_ir::Elem,
    dims: &[u64],
    value: &mut dyn FnMut(&mut OpCall<'_>, usize) -> Result<u64, TrapError>,
) -> Done {
    with_elem!(scalar to, U => {
        let out: Output<'_, U> = call.output(dims)?;
        for i in 0..out.elements.len() {
            call.before_call(i)?;
            let value = value(call, i)?;
            out.elements[i].write(<U as Scalar>::from_slot(value));
        }
        // SAFETY: the loop has written every element.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// The function of the elements of the first `N` arguments.
fn map<const N: usize>(call: &mut OpCall<'_>) -> Done {
    let (function, to) = (call.args[N], call.elem(N));
    let tensors: [TensorRef; N] = std::array::from_fn(|at| call.tensor(at));
    let dims = tensors[0].dims();
    if let Some(other) = tensors.iter().find(|t| t.dims() != dims) {
        return Err(shape_mismatch("tensors have different dims", &dims, &other.dims()));
    }
    if on_device::map(call, &tensors, function, to, &dims)? {
        return Ok(());
    }
    each(call, to, &dims, &mut |call, i| {
        let mut args = [0; N];
        for (arg, tensor) in args.iter_mut().zip(tensors) {
            *arg = element(tensor, i)?;
        }
        call.host.call(function, &args)
    })
}

pub(super) fn tensor_map(call: &mut OpCall<'_>) -> Done {
    map::<1>(call)
}

pub(super) fn tensor_map2(call: &mut OpCall<'_>) -> Done {
    map::<2>(call)
}

pub(super) fn tensor_map3(call: &mut OpCall<'_>) -> Done {
    map::<3>(call)
}

pub(super) fn tensor_fold(call: &mut OpCall<'_>) -> Done {
    on_device::come_home(call)?;
    let (from, function) = (call.tensor(0), call.args[2]);
    let mut sum = call.args[1];
    for i in 0..from.len() {
        call.before_call(i)?;
        sum = call.host.call(function, &[sum, element(from, i)?])?;
    }
    call.set(sum);
    Ok(())
}

pub(super) fn tensor_scan(call: &mut OpCall<'_>) -> Done {
    on_device::come_home(call)?;
    let (from, function, to) = (call.tensor(0), call.args[2], call.elem(1));
    let mut sum = call.args[1];
    each(call, to, &from.dims(), &mut |call, i| {
        sum = call.host.call(function, &[sum, element(from, i)?])?;
        Ok(sum)
    })
}

pub(super) fn tensor_generate(call: &mut OpCall<'_>) -> Done {
    let (dims, to, function) = (call.dims(0)?, call.elem(0), call.args[call.list_len]);
    if on_device::map(call, &[], function, to, &dims)? {
        return Ok(());
    }
    each(call, to, &dims, &mut |call, i| call.host.call(function, &[i as u64]))
}

pub(super) fn tensor_map_rows(call: &mut OpCall<'_>) -> Done {
    on_device::come_home(call)?;
    let (from, function, to) = (call.tensor(0), call.args[1], call.elem(1));
    let dims = from.dims();
    let Some((&rows, of_row)) = dims.split_first() else {
        return Err(TrapError::new(TrapCode::IndexOutOfRange, "rows of a tensor without dims".to_owned()));
    };
    let len = of_row.iter().fold(1u64, |len, dim| len.saturating_mul(*dim));
    each(call, to, &[rows], &mut |call, i| {
        let mut value = 0;
        // SAFETY: what is made there is a row, and what the function makes; only a scalar is kept.
        unsafe {
            call.with_working_space(|call| {
                let row = call.host.heap().view(from, i as u64 * len, of_row)?;
                value = call.host.call(function, &[row.slot()])?;
                Ok(())
            })?;
        }
        Ok(value)
    })
}

/// Traps unless both arguments have the same dims.
pub(super) fn tensor_same_dims(call: &mut OpCall<'_>) -> Done {
    let (a, b) = (call.tensor(0).dims(), call.tensor(1).dims());
    if a != b {
        return Err(shape_mismatch("tensors have different dims", &a, &b));
    }
    Ok(())
}
