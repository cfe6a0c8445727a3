//! Access to one tensor element: the bounds checks and the conversion between
//! memory and slots, the same in both dispatchers.
//!
//! # Safety
//! All functions want a pointer to a live tensor whose elements have the type
//! asked for. Verified code guarantees both.

use crate::object::{Tensor, TensorRef};
use crate::trap::{TrapCode, TrapError};

/// An element type, at compile time.
pub trait Element {
    /// The scalar an element is read into.
    type Reg: crate::arith::Scalar;
    /// Reads the element at `at` from `data`.
    ///
    /// # Safety
    /// `at` is in range.
    unsafe fn read(data: *const u8, at: usize) -> Self::Reg;
    /// Writes the element at `at` of `data`.
    ///
    /// # Safety
    /// `at` is in range and the tensor may be written.
    unsafe fn write(data: *mut u8, at: usize, value: Self::Reg);
}

macro_rules! elements {
    ($($(#[$doc:meta])* $name:ident $mem:ty => $reg:ty: |$m:ident| $read:expr, |$r:ident| $write:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;
        impl Element for $name {
            type Reg = $reg;
            #[inline(always)]
            unsafe fn read(data: *const u8, at: usize) -> $reg {
                // SAFETY: `at` is in range and tensor data is aligned for its elements.
                let $m = unsafe { *data.cast::<$mem>().add(at) };
                $read
            }
            #[inline(always)]
            unsafe fn write(data: *mut u8, at: usize, $r: $reg) {
                // SAFETY: as above, and the tensor may be written.
                unsafe { *data.cast::<$mem>().add(at) = $write }
            }
        }
    )*};
}

elements! {
    /// `u8`
    U8 u8 => i32: |m| m as i32, |r| r as u8;
    /// `u8` read straight into 64 bits
    U8Wide u8 => i64: |m| m as i64, |r| r as u8;
    /// `i32`
    I32 i32 => i32: |m| m, |r| r;
    /// `i64`
    I64 i64 => i64: |m| m, |r| r;
    /// `f32`
    F32 f32 => f32: |m| m, |r| r;
    /// `f64`
    F64 f64 => f64: |m| m, |r| r;
    /// `bool`
    Bool u8 => bool: |m| m != 0, |r| r as u8;
}

/// Position of flat index `i`, if there is such an element.
///
/// # Safety
/// See the module.
#[inline(always)]
pub unsafe fn at1(t: *const Tensor, i: i64) -> Option<usize> {
    // SAFETY: `t` is live.
    ((i as u64) < unsafe { (*t).len }).then_some(i as usize)
}

/// As [`at1`], for writing: a read-only tensor has no writable element.
///
/// # Safety
/// See the module.
#[inline(always)]
pub unsafe fn at1_mut(t: *const Tensor, i: i64) -> Option<usize> {
    // SAFETY: `t` is live.
    ((i as u64) < unsafe { (*t).wlen }).then_some(i as usize)
}

/// Position of (`i`, `j`) in a tensor of rank 2.
///
/// # Safety
/// See the module.
#[inline(always)]
pub unsafe fn at2(t: *const Tensor, i: i64, j: i64) -> Option<usize> {
    // SAFETY: `t` is live.
    unsafe {
        let (i, j) = (i as u64, j as u64);
        (i < (*t).dims[0] && j < (*t).dims[1] && (*t).rank == 2)
            .then(|| i.wrapping_mul((*t).dims[1]).wrapping_add(j) as usize)
    }
}

/// As [`at2`], for writing.
///
/// # Safety
/// See the module.
#[inline(always)]
pub unsafe fn at2_mut(t: *const Tensor, i: i64, j: i64) -> Option<usize> {
    // SAFETY: `t` is live.
    unsafe {
        let (i, j) = (i as u64, j as u64);
        (i < (*t).wd0 && j < (*t).dims[1] && (*t).rank == 2)
            .then(|| i.wrapping_mul((*t).dims[1]).wrapping_add(j) as usize)
    }
}

/// Position of (`i`, `j`, `k`) in a tensor of rank 3.
///
/// # Safety
/// See the module.
#[inline(always)]
pub unsafe fn at3(t: *const Tensor, i: i64, j: i64, k: i64) -> Option<usize> {
    // SAFETY: `t` is live.
    unsafe {
        let (i, j, k) = (i as u64, j as u64, k as u64);
        let [d0, d1, d2] = [(*t).dims[0], (*t).dims[1], (*t).dims[2]];
        (i < d0 && j < d1 && k < d2 && (*t).rank == 3)
            .then(|| i.wrapping_mul(d1).wrapping_add(j).wrapping_mul(d2).wrapping_add(k) as usize)
    }
}

/// As [`at3`], for writing.
///
/// # Safety
/// See the module.
#[inline(always)]
pub unsafe fn at3_mut(t: *const Tensor, i: i64, j: i64, k: i64) -> Option<usize> {
    // SAFETY: `t` is live.
    unsafe { if (*t).wd0 == 0 { None } else { at3(t, i, j, k) } }
}

/// Why an access at `index` failed: rank, bounds, or a read-only tensor.
///
/// # Safety
/// See the module.
#[cold]
#[inline(never)]
pub unsafe fn why_not(t: *const Tensor, index: &[i64], write: bool) -> TrapError {
    // SAFETY: `t` is live.
    let t = unsafe { TensorRef::from_slot(t.expose_provenance() as u64) };
    let dims = t.dims();
    if index.len() > 1 && index.len() != dims.len() {
        let text = format!("{} indices into a tensor of rank {}", index.len(), dims.len());
        return TrapError::new(TrapCode::RankMismatch, text);
    }
    let inside = match index {
        [i] => (*i as u64) < t.len() as u64,
        many => many.iter().zip(dims.iter()).all(|(i, d)| (*i as u64) < *d),
    };
    if write && inside {
        let text = "the tensor is a constant or lent by the host; tensor.copy makes one to write";
        return TrapError::new(TrapCode::ReadOnly, text);
    }
    let text = match index {
        [i] => format!("index {i} of {} elements", t.len()),
        many => format!("index {many:?} of dims {:?}", &dims[..]),
    };
    TrapError::new(TrapCode::IndexOutOfRange, text)
}
