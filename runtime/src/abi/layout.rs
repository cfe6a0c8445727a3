//! The layout of fields that compiled code reads and writes by itself.

/// Fields of a [`Context`](crate::machine::context::Context).
pub mod context {
    use crate::machine::context::Context;
    use std::mem::offset_of;

    /// Table of [`super::entry`]s by function, which may change at any time.
    pub const FUNCS: i32 = offset_of!(Context, funcs) as i32;
    /// Slots of the globals.
    pub const GLOBALS: i32 = offset_of!(Context, globals) as i32;
    /// Slots of the constant objects.
    pub const CONSTANTS: i32 = offset_of!(Context, constants) as i32;
    /// The budget: i64.
    pub const BUDGET: i32 = offset_of!(Context, budget) as i32;
    /// Status of the last call that changed no register and so returned none: u64.
    pub const STATUS: i32 = offset_of!(Context, status) as i32;
    /// Lowest address of the native stack that compiled code may use: where
    /// it would go below, it calls `interpret` instead.
    pub const NATIVE_LIMIT: i32 = offset_of!(Context, native_limit) as i32;
}

/// Entries of the table of functions.
pub mod entry {
    use crate::machine::loaded::FuncEntry;
    use std::mem::offset_of;

    /// Bytes of an entry.
    pub const SIZE: i32 = size_of::<FuncEntry>() as i32;
    /// Address of compiled code to call directly, or 0: call `call`.
    pub const NATIVE: i32 = offset_of!(FuncEntry, native) as i32;
}

/// Fields of a tensor's header.
pub mod tensor {
    use crate::object::Tensor;
    use std::mem::offset_of;

    /// First element: address.
    pub const DATA: i32 = offset_of!(Tensor, data) as i32;
    /// Number of elements: u64.
    pub const LEN: i32 = offset_of!(Tensor, len) as i32;
    /// Number of elements that may be written: u64.
    pub const WLEN: i32 = offset_of!(Tensor, wlen) as i32;
    /// First dim if elements may be written, else 0: u64.
    pub const WD0: i32 = offset_of!(Tensor, wd0) as i32;
    /// Number of dims: u8.
    pub const RANK: i32 = offset_of!(Tensor, rank) as i32;
    /// First of the dims, each u64; the first three are always there.
    pub const DIMS: i32 = offset_of!(Tensor, dims) as i32;
}

/// Fields of a list's header.
pub mod list {
    use crate::object::List;
    use std::mem::offset_of;

    /// First slot: address.
    pub const DATA: i32 = offset_of!(List, data) as i32;
    /// Number of slots: u64.
    pub const LEN: i32 = offset_of!(List, len) as i32;
}
