//! The binary format's numbers: magic, version, sections, type codes, limits.
//!
//! A file is [`MAGIC`], [`VERSION`] as two little-endian bytes, sections,
//! [`END`], and a CRC-32 of all bytes before it. A section is its id (one
//! byte), the length of its payload (varint) and the payload. Sections stand
//! in the order of [`Section::ALL`], each at most once; an empty one may be
//! left out. Integers are LEB128 varints, signed ones zigzag-coded; opcodes
//! and floats are fixed little-endian bits; strings and lists are a count and
//! their bytes or items. A name that may be missing is a count plus one, or 0.
//!
//! A constant tensor is its type, its dims, and [`ELEMENTS`] with the bytes of
//! its elements, or [`ZEROS`] and nothing more.
//!
//! A value read is a varint: a register times two, or an odd one whose half is
//! the type code of the literal that follows.

use crate::types::{Signature, Type};

/// First bytes of every binary file.
pub const MAGIC: [u8; 4] = *b"\0nbc";

/// Version of the format that this crate writes, and the only one it reads.
pub const VERSION: u16 = 2;

/// Function types nest at most that deep.
pub const MAX_SIG_DEPTH: usize = 16;

/// A signature written out names at most that many types, so that a small
/// file cannot hold a signature that takes gigabytes to print.
pub const MAX_SIG_WEIGHT: usize = 8192;

/// Byte that stands where the next section would: there is none.
pub const END: u8 = 0;

/// After the dims of a constant tensor: the length of its elements and they follow.
pub const ELEMENTS: u8 = 0;
/// After the dims of a constant tensor: all its elements are zero.
pub const ZEROS: u8 = 1;

/// Sections of a binary file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Section {
    /// Signatures.
    Types = 1,
    /// Host functions.
    Imports = 2,
    /// Catalogue operations.
    Ops = 3,
    /// Constants.
    Constants = 4,
    /// Globals.
    Globals = 5,
    /// Functions.
    Functions = 6,
    /// Names and source lines.
    Debug = 7,
}

impl Section {
    /// Every section, in the order they stand in a file.
    pub const ALL: [Section; 7] = [
        Section::Types,
        Section::Imports,
        Section::Ops,
        Section::Constants,
        Section::Globals,
        Section::Functions,
        Section::Debug,
    ];

    /// Name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Section::Types => "types",
            Section::Imports => "imports",
            Section::Ops => "operations",
            Section::Constants => "constants",
            Section::Globals => "globals",
            Section::Functions => "functions",
            Section::Debug => "debug",
        }
    }

    /// The section with that id.
    pub fn from_id(id: u8) -> Option<Section> {
        Section::ALL.into_iter().find(|s| *s as u8 == id)
    }
}

/// Codes of types that carry something ([`Type::code`]). Those of objects still to
/// come are reserved.
#[allow(missing_docs)]
pub mod code {
    use crate::entity::SigId;
    use crate::types::{Elem, Item, Type};

    pub const STR: u8 = Type::Str.code();
    pub const LIST: u8 = Type::List(Item::I32).code();
    pub const FUNC: u8 = Type::Func(SigId(0)).code();
    pub const BIGINT: u8 = Type::BigInt.code();
    /// Reserved.
    pub const EXPR: u8 = 0x14;
    /// A tensor is this plus the code of its element type.
    pub const TENSOR: u8 = Type::Tensor(Elem::U8).code();
    /// A sparse matrix is this plus the code of its element type.
    pub const SPARSE: u8 = Type::Sparse(Elem::U8).code();
}

/// How many types `sig` names when written out, and how deep function types
/// nest in it; `known` has the same of the signatures before it.
pub(crate) fn sig_weight(sig: &Signature, known: &[(usize, usize)]) -> (usize, usize) {
    let (mut weight, mut depth) = (1usize, 0);
    for ty in sig.params.iter().chain(&sig.results) {
        weight = weight.saturating_add(1);
        let ty = match ty {
            Type::List(item) => item.ty(),
            ty => *ty,
        };
        if let Type::Func(id) = ty
            && let Some((w, d)) = known.get(id.index())
        {
            weight = weight.saturating_add(*w);
            depth = depth.max(d + 1);
        }
    }
    (weight, depth)
}
