//! Values that registers hold.
//!
//! A scalar is the slot that the interpreter would hold: 32-bit values zero-extended, truth
//! values 0 or 1. An object is its number, and an address a tensor with an offset, so that it
//! is known at each access where it may lead.

use crate::{Stop, wrong};
use nbc_ir::Type;
use nbc_jit::mir::{Lanes, Ty};
use nbc_runtime::arith::{canonical_f32, canonical_f64};

/// Number of an object, which it keeps for good.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ObjectId(pub u32);

/// An address: so many bytes behind the first element of a tensor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pointer {
    /// The tensor.
    pub tensor: ObjectId,
    /// Bytes; may lead anywhere until something is accessed there.
    pub offset: i64,
}

/// What a register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Slot {
    /// Nothing yet.
    #[default]
    Unset,
    /// A scalar, or the number of a function.
    Bits(u64),
    /// An object.
    Object(ObjectId),
    /// An address.
    Pointer(Pointer),
    /// A vector, its first lane first, each little-endian.
    Vector([u8; 16]),
}

impl Slot {
    /// The bits of a scalar.
    ///
    /// # Errors
    /// When it is none.
    pub fn bits(self) -> Result<u64, Stop> {
        match self {
            Slot::Bits(bits) => Ok(bits),
            other => Err(wrong(format!("a scalar was wanted, found {other:?}"))),
        }
    }

    /// The object.
    ///
    /// # Errors
    /// When it is none.
    pub fn object(self) -> Result<ObjectId, Stop> {
        match self {
            Slot::Object(id) => Ok(id),
            other => Err(wrong(format!("an object was wanted, found {other:?}"))),
        }
    }

    /// The address.
    ///
    /// # Errors
    /// When it is none.
    pub fn pointer(self) -> Result<Pointer, Stop> {
        match self {
            Slot::Pointer(at) => Ok(at),
            other => Err(wrong(format!("an address was wanted, found {other:?}"))),
        }
    }

    /// The lanes of a vector.
    ///
    /// # Errors
    /// When it is none.
    pub fn vector(self) -> Result<[u8; 16], Stop> {
        match self {
            Slot::Vector(bytes) => Ok(bytes),
            other => Err(wrong(format!("a vector was wanted, found {other:?}"))),
        }
    }

    /// Whether a register of type `ty` can hold this.
    pub fn fits(self, ty: Ty) -> bool {
        match (self, ty) {
            (Slot::Bits(bits), Ty::Value(Type::I32 | Type::F32)) => bits >> 32 == 0,
            (Slot::Bits(bits), Ty::Value(Type::Bool)) => bits <= 1,
            (Slot::Bits(_), Ty::Value(ty)) => !ty.is_object(),
            (Slot::Object(_), Ty::Value(ty)) => ty.is_object(),
            (Slot::Pointer(_), Ty::Ptr) | (Slot::Vector(_), Ty::Vector(_)) => true,
            _ => false,
        }
    }
}

/// The bits of a scalar with one NaN for all: which of them arithmetic leaves is not said.
pub fn canonical(bits: u64, ty: Type) -> u64 {
    match ty {
        Type::F32 => canonical_f32(f32::from_bits(bits as u32)).to_bits().into(),
        Type::F64 => canonical_f64(f64::from_bits(bits)).to_bits(),
        _ => bits,
    }
}

/// Bytes of a lane.
const fn lane_size(lanes: Lanes) -> usize {
    16 / lanes.count() as usize
}

/// Lane `n`, as a register holds a scalar.
pub fn lane(vector: &[u8; 16], lanes: Lanes, n: usize) -> u64 {
    let size = lane_size(lanes);
    let mut bytes = [0; 8];
    bytes[..size].copy_from_slice(&vector[n * size..][..size]);
    u64::from_le_bytes(bytes)
}

/// Sets lane `n` to the low bytes of a scalar.
pub fn set_lane(vector: &mut [u8; 16], lanes: Lanes, n: usize, bits: u64) {
    let size = lane_size(lanes);
    vector[n * size..][..size].copy_from_slice(&bits.to_le_bytes()[..size]);
}
