//! Sparse matrices on a device, and systems of equations that it solves by iteration.
//!
//! A device has a copy of a matrix's three arrays for as long as the matrix lives. The host never loses them: nothing writes a
//! matrix. In an iteration the vectors stay on the device, and of each inner product one number comes home.
//!
//! Invariant: an iteration is that of [`nbc_numerics::sparse::iterate`], step by step and with the processor's bits. So fuel
//! that was charged for its steps has been charged once, also where the device fails and the processor begins anew.

use super::{DeviceArg, DeviceTensor};
use nbc_ir::Elem;
use nbc_ir::catalogue::Operation;
pub use nbc_numerics::sparse::iterate::{Ended, How, Step};

/// A sparse matrix by rows, as `nbc_runtime::object::Sparse` has it.
#[derive(Clone, Copy, Debug)]
pub struct DeviceSparse<'a> {
    /// Where each row begins, and where the last ends: on the host, for whoever cuts the work.
    pub starts: &'a [i64],
    /// The same as an argument: `i64`.
    pub pointers: DeviceArg<'a>,
    /// The column of each element: `i32`, rising within each row.
    pub indices: DeviceArg<'a>,
    /// The elements.
    pub values: DeviceArg<'a>,
    /// Rows and columns.
    pub dims: &'a [u64],
    /// Element type: `f32`, `f64` or `c128`.
    pub elem: Elem,
}

/// A system of equations that is to be solved by iteration, from zero.
#[derive(Clone, Copy)]
pub struct DeviceSystem<'a> {
    /// The row of the catalogue, which says the method.
    pub operation: &'static Operation,
    /// The matrix, which is square.
    pub matrix: DeviceSparse<'a>,
    /// The right-hand side, a vector.
    pub right: DeviceArg<'a>,
    /// What residuals are multiplied by, element by element, as a preconditioner; nothing where there is none.
    pub inverse: Option<DeviceArg<'a>>,
    /// How small the residual is to be, relative to the right-hand side.
    pub tolerance: f64,
    /// How many iterations are allowed.
    pub most: usize,
    /// The solution: its elements are still to be written.
    pub result: DeviceTensor<'a>,
    /// Whether the program has to stop. What takes long asks each millisecond or so, and fails then.
    pub must_stop: &'a dyn Fn() -> bool,
}

/// Is told before each step of an iteration, and says whether to go on; where not, the device fails.
pub type Begin<'a> = &'a mut dyn FnMut(Step) -> bool;
