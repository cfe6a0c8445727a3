//! Products of matrices of `f32` in a lower precision, which the program names: factors are rounded, then multiplied by the
//! same kernel as any others. So a product has the bits of `linalg.matmul` of rounded factors, wherever it runs.
//!
//! Invariant: nothing is rounded that the program has not asked for by name.

use super::product::{Call, NAME, write_of};
use crate::op::OpCall;
use crate::op::work::fill;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::{Extent, Precision};
use nbc_ir::dims::Dims;
use std::mem::MaybeUninit;

/// The dims of the product, and bytes of the rounded factors.
pub(in crate::op) fn ahead(call: &mut OpCall<'_>) -> Result<(Dims, [usize; 2]), TrapError> {
    precision(call)?;
    let product = Call::new(call, NAME, 0, Default::default())?;
    Ok((*product.dims(), [0, 1].map(|at| call.tensor(at).bytes())))
}

/// The precision in argument 2, which the verifier has read.
fn precision(call: &OpCall<'_>) -> Result<Precision, TrapError> {
    Precision::parse(call.str(2)).map_err(|wrong| {
        TrapError::new(TrapCode::InvalidArgument, format!("the precision of linalg.matmul_as {wrong}"))
    })
}

pub(in crate::op) fn linalg_matmul_as(call: &mut OpCall<'_>) -> Result<(), TrapError> {
    let precision = precision(call)?;
    let product = Call::new(call, NAME, 0, Default::default())?;
    call.charge(Extent::new(product.dims(), size_of::<f32>()))?;
    // SAFETY: rounded factors are as many as those of the arguments, and read in there alone.
    unsafe {
        write_of::<f32>(call, &product, |call, run| {
            call.with_working_space(|call| {
                let factors = [rounded(call, 0, precision)?, rounded(call, 1, precision)?];
                run(call, factors)
            })
        })
    }
}

/// Where the elements of argument `at` are, rounded.
fn rounded(call: &mut OpCall<'_>, at: usize, precision: Precision) -> Result<*const f32, TrapError> {
    let x = call.input::<f32>(at);
    let start = call.host.heap().scratch(size_of_val(x))?.cast::<MaybeUninit<f32>>();
    // SAFETY: the memory has room for as many elements, is aligned, and is nobody else's.
    let to = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), x.len()) };
    fill(call.host, to, 4, |start, piece: &mut [MaybeUninit<f32>]| {
        for (to, x) in piece.iter_mut().zip(&x[start..]) {
            to.write(precision.rounded(*x));
        }
    })?;
    Ok(start.as_ptr().cast::<f32>().cast_const())
}
