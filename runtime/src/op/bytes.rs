//! Tensors as bytes, and bytes as tensors.
//!
//! Invariant: what is seen of a NaN is the canonical one, so bytes are the same in every tier.

use super::work::{copy, fill_groups};
use super::{OpCall, Output, shape_mismatch};
use crate::object::{TensorRef, nan};
use crate::trap::TrapError;
use nbc_ir::Elem;
use std::mem::MaybeUninit;
use std::ops::Range;

type Done = Result<(), TrapError>;

/// Bytes between two places at which pieces may begin: whole elements of every type, and whole blocks of ciphers.
pub(super) const GRAIN: usize = 4096;

/// The bytes of a tensor's elements in row-major order, with the canonical NaN for every NaN.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    elem: Elem,
    all: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// Those of argument `at`.
    pub(super) fn of(call: &OpCall<'a>, at: usize) -> Bytes<'a> {
        let tensor: TensorRef = call.tensor(at);
        // SAFETY: arguments are live, their elements initialised, and nothing writes them while an operation runs that
        // only reads them.
        let all = unsafe { std::slice::from_raw_parts(tensor.data(), tensor.bytes()) };
        Bytes { elem: tensor.elem(), all }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Shows those of the range piece by piece, in order, each of a multiple of [`GRAIN`] but the last. The range begins where
    /// an element does.
    pub(super) fn see(&self, range: Range<usize>, see: impl FnMut(&[u8])) {
        let mut see = see;
        let part = &self.all[range];
        match self.elem {
            Elem::U8 | Elem::I32 | Elem::I64 | Elem::Bool => {
                if !part.is_empty() {
                    see(part);
                }
            }
            Elem::F32 | Elem::F64 | Elem::C64 | Elem::C128 => nan::seen(self.elem, part, see),
        }
    }
}

pub(super) fn tensor_to_bytes(call: &mut OpCall<'_>) -> Done {
    let bytes = Bytes::of(call, 0);
    let out: Output<'_, u8> = call.output(&[bytes.len() as u64])?;
    fill_groups(call.host, &mut *out.elements, 1, GRAIN, |start, mut piece| {
        bytes.see(start..start + piece.len(), |part| {
            let (to, rest) = std::mem::take(&mut piece).split_at_mut(part.len());
            to.write_copy_of_slice(part);
            piece = rest;
        });
    })?;
    // SAFETY: every piece has been written whole.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn tensor_of_bytes(call: &mut OpCall<'_>) -> Done {
    let (elem, dims) = (call.elem(0), call.dims(1)?);
    let bytes = call.input::<u8>(0);
    let wanted = dims.count().and_then(|n| n.checked_mul(elem.size() as u64));
    if wanted != Some(bytes.len() as u64) {
        let what = format!("elements of {} bytes as many as dims say, and bytes of them", elem.size());
        return Err(shape_mismatch(&what, &dims, &call.tensor(0).dims()));
    }
    call.charge(nbc_ir::catalogue::Extent::new(&dims, elem.size()))?;
    let tensor = call.made(elem, &dims)?;
    // SAFETY: the result has so many bytes, which nobody else has.
    let to =
        unsafe { std::slice::from_raw_parts_mut(tensor.data().cast::<MaybeUninit<u8>>(), tensor.bytes()) };
    if elem == Elem::Bool {
        fill_groups(call.host, to, 1, GRAIN, |start, piece| {
            for (to, byte) in piece.iter_mut().zip(&bytes[start..]) {
                to.write((*byte != 0) as u8);
            }
        })?;
    } else {
        copy(call.host, to, bytes)?;
    }
    call.set(tensor.slot());
    Ok(())
}
